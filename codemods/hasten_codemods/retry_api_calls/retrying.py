"""What tries again already: loops, handlers, decorators, tasks, and functions that call what they are given."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from hasten.api import Block, Call, Guard, Module, Program, Scope
from hasten_codemods.retry_api_calls.held import context_of
from hasten_codemods.retry_api_calls.places import place_of

Shape: TypeAlias = list[Any]
#: Decorators and functions that try again, by their last names.
RETRYING = re.compile(
    r"retr(y|ies|ying|ier)|backoff|on_exception|on_predicate|try_again|tenacious|stamina", re.IGNORECASE
)
#: Decorators of tasks, with the arguments by which they try again.
_TASKS = frozenset({"task", "shared_task", "job", "actor", "flow"})
_TASK_RETRIES = frozenset({"autoretry_for", "max_retries", "retries", "retry", "retry_backoff", "retry_policy"})
#: Libraries whose decorators try again.
_LIBRARIES = ("tenacity.", "backoff.", "stamina.", "retrying.")
_SLEEPS = frozenset({"sleep", "wait", "delay"})
_COUNTERS = re.compile(r"attempt|retr(y|ies)|tries|backoff", re.IGNORECASE)
#: Statements at the end of a handler after which the loop does not go on, and such inside of which it may.
_LEAVES = frozenset({"Raise", "Return", "Break", "Reraise"})
_BRANCHES = frozenset({"If", "Try", "With", "Match"})
_PAUSES = re.compile(r"delay|wait|sleep|pause", re.IGNORECASE)
_LOOPS = frozenset({"for", "async for", "while"})
#: So many variables are gone through from what is called to what made it.
_DEEPEST = 5


def decorated(program: Program, function: Scope) -> str:
    """Return the decorator that tries a function again, for people; an empty string where it has none."""
    module = function.module
    place = place_of(module, function.span.start)
    for each in function.decorators:
        call = module.call(each[1]) if each[0] == "c" else None
        shape = call.function if call is not None else each
        name = str(shape[-1]) if shape[0] in {"n", "a"} else ""
        keywords = {one.keyword for one in call.arguments} if call is not None else set()
        if _is_retry(program, module, function.parent, shape) or tries_its_argument(
            _defined(program, module, function.parent, shape)
        ):
            return f"`@{name}` of `{function.name}` ({place})"
        if name in _TASKS and (keywords & _TASK_RETRIES or _asks_for_retry(function)):
            return f"the task `{function.name}` ({place})"
    return ""


def is_retried_by(program: Program, taker: Call) -> bool:
    """Tell whether a call calls what it is given again when that fails: `Retrying(...)(fetch)`."""
    shape = taker.function
    shapes = [shape, shape[1]] if shape[0] == "a" else [shape]
    return any(_is_retry(program, taker.module, taker.scope, each) for each in shapes)


def _is_retry(program: Program, module: Module, scope: int, shape: Shape, depth: int = 0) -> bool:
    """Tell whether a decorator is one of those that try again, or a variable or attribute that holds one."""
    if shape[0] == "c":
        shape = module.call(shape[1]).function
    if shape[0] not in {"n", "a"} or depth > _DEEPEST:
        return False
    dotted = program.dotted(module, scope, shape) or ""
    if RETRYING.search(str(shape[-1])) or dotted.startswith(_LIBRARIES):
        return True
    held: list[tuple[int, Shape]] = []
    found = module.lookup(scope, shape[1]) if shape[0] == "n" else None
    if found is not None:
        # resilient = tenacity.retry(...)
        held = [(found[0], each.payload) for each in found[1] if each.kind == "assign"]
    elif shape[0] == "a":
        # self._policy = tenacity.Retrying(...)
        held = [(place, value) for _, value, place, _ in module.facts["attribute_stores"].get(shape[2], ())]
    return any(each and each[0] == "c" and _is_retry(program, module, place, each, depth + 1) for place, each in held)


def _defined(program: Program, module: Module, scope: int, shape: Shape) -> Scope | None:
    """Return the function of the program that a name stands for."""
    found = module.lookup(scope, shape[1]) if shape[0] == "n" else None
    if found is not None and len(found[1]) == 1 and found[1][0].kind == "def":
        return module.scope(found[1][0].payload)
    dotted = program.dotted(module, scope, shape) if shape[0] in {"n", "a"} else None
    return program.resolve(dotted) if dotted is not None else None


def _asks_for_retry(function: Scope) -> bool:
    """`raise self.retry(exc=error)`, in a task."""
    return any(each.tail == "retry" and each.function[0] == "a" for each in function.module.calls_in(function.number))


def tries_its_argument(function: Scope | None) -> bool:
    """Tell whether a function of the program calls what it is given in a loop that tries again, at whatever depth."""
    if function is None or function.kind != "function":
        return False
    module = function.module
    return any(
        each.function[0] == "n"
        and bool(trying(each) or called_again(each))
        and _is_parameter(module, each.scope, str(each.function[1]))
        for each in module.calls()
        if function.span.start <= each.span.start < function.span.end
    )


def _is_parameter(module: Module, scope: int, name: str) -> bool:
    found = module.lookup(scope, name)
    return found is not None and all(each.kind == "param" for each in found[1])


def trying(call: Call) -> str:
    """Return the place of the loop that tries a call again when it fails; an empty string where there is none.

    A loop tries again where a handler inside it goes on with the loop, and it sleeps, or counts attempts. One that goes
    on with the next item does not.
    """
    module = call.module
    trying_loops = {*module.facts["trying_loops"]}
    around = [each for each in module.blocks(call.span.start) if each.kind in _LOOPS]
    noted = next((each for each in around if each.header in trying_loops), None)
    if noted is not None:
        return place_of(module, noted.header)
    for loop in around:
        inside = [each for each in module.guards(call.guard) if loop.start <= each.start < loop.end]
        if any(each.kind == "with" and _is_attempt(module, loop, each) for each in inside):
            return place_of(module, loop.header)
        if not _repeats(module, loop):
            continue
        for guard in inside:
            if guard.kind == "with":
                continue
            goes_on = any(_BRANCHES & set(kinds) or not _LEAVES & set(kinds[-1:]) for *_, kinds in guard.payload)
            if goes_on and (_sleeps(module, loop.start, loop.end) or _counts(module, loop.header, loop.end)):
                return place_of(module, loop.header)
    return ""


def _is_attempt(module: Module, loop: Block, guard: Guard) -> bool:
    """`for attempt in Retrying(...): with attempt:`."""
    name = context_of(module, guard)
    return name == "attempt" or any(
        binding[0] == "for" and loop.header <= binding[2] < loop.start
        for table in module.facts["binds"]
        for binding in table.get(name, ())
    )


def called_again(call: Call) -> str:
    """Return where a call that failed is made again: by a handler, or in a branch for answers that are none.

    A handler that calls the function around the call again does so, too.
    """
    module = call.module
    around = module.enclosing(call.scope, "function")
    if around is None:
        return ""
    branches = {*module.facts["busy_branches"]}
    spans = [
        (start, end)
        for guard in module.guards(call.guard)
        for *_, start, end, _kinds in (guard.payload if guard.kind == "try" else ())
    ]
    for each in module.calls_in(around.number):
        place = each.span.start
        handled = any(start <= place < end for start, end in spans)
        if each.index != call.index and _is_same(each, call):
            # if answer.status_code == 503: answer = ask(url)
            inside = {block.header for block in module.blocks(place) if block.kind == "if"} & branches
            other = {block.header for block in module.blocks(call.span.start) if block.kind == "if"} & branches
            if handled or inside != other:
                return place_of(module, max(place, call.span.start))
        if handled and each.tail == around.name and each.function[1:2] in ([around.name], [["n", "self"]]):
            return place_of(module, place)
    return ""


def _is_same(one: Call, other: Call) -> bool:
    """Tell whether two calls are written alike."""
    return one.function == other.function and [(each.keyword, each.shape) for each in one.arguments] == [
        (each.keyword, each.shape) for each in other.arguments
    ]


def _repeats(module: Module, loop: Block) -> bool:
    """Tell whether each round of a loop may do the same: it does not go through items."""
    if loop.kind == "while":
        return True
    for table in module.facts["binds"]:
        for name, bindings in table.items():
            for kind, payload, start, *_ in bindings:
                if kind in {"for", "unpack"} and loop.header <= start < loop.start:
                    called = module.call(payload[1]).tail if payload is not None and payload[0] == "c" else ""
                    counted = called in {"range", "count", "repeat"} or bool(RETRYING.search(called))
                    return counted or bool(_COUNTERS.search(name) or _PAUSES.search(name))
    return False


def _sleeps(module: Module, start: int, end: int) -> bool:
    return any(start <= each.span.start < end for name in _SLEEPS for each in module.calls_named(name))


def _counts(module: Module, start: int, end: int) -> bool:
    """Tell whether a variable of a loop is called as what counts attempts."""
    return any(
        _COUNTERS.search(name) and any(start <= each[2] < end for each in bindings)
        for table in module.facts["binds"]
        for name, bindings in table.items()
    )
