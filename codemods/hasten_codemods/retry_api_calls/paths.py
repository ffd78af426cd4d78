"""What stands on the ways to a function: retries, locks, coroutines; and on the ways on from it: other retries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from hasten.api import Block, Call, Guard, Module, Program, Receivers, Scope, receivers_of
from hasten_codemods.retry_api_calls.places import place_of

#: Decorators and functions that try again, by their last names.
_RETRYING = re.compile(
    r"retr(y|ies|ying|ier)|backoff|on_exception|on_predicate|try_again|tenacious|stamina", re.IGNORECASE
)
#: Decorators of tasks, with the arguments by which they try again.
_TASKS = frozenset({"task", "shared_task", "job", "actor", "flow"})
_TASK_RETRIES = frozenset({"autoretry_for", "max_retries", "retries", "retry", "retry_backoff", "retry_policy"})
#: Contexts that others wait for, by words of their names.
_HELD = re.compile(
    r"(?:^|_)(?:r?lock|locked|mutex|semaphore|sem|condition|cond)(?:$|_)|lock$|semaphore$", re.IGNORECASE
)
_OPEN = re.compile(
    r"transaction|atomic|savepoint|unit_of_work|(?:^|_)begin(?:$|_)|session_scope|^cursor$", re.IGNORECASE
)
#: Contexts of which it is known that it does not matter how often they are entered.
_PLAIN = frozenset(
    {"Session", "session", "Client", "AsyncClient", "ClientSession", "closing", "aclosing", "open", "timeout", "span"}
    | {
        "urlopen",
        "get",
        "request",
        "stream",
        "post",
        "put",
        "patch",
        "delete",
        "head",
        "options",
        "suppress",
        "catch_warnings",
    }
    | {"start_as_current_span", "start_span", "nullcontext", "timer", "time", "ExitStack", "AsyncExitStack"}
)
#: Names of methods that are called on anything.
_COMMON = frozenset(
    {"get", "post", "put", "delete", "patch", "head", "request", "send", "read", "run", "call", "close", "update"}
    | {name for kind in (dict, list, set, str) for name in dir(kind) if not name.startswith("_")}
)
#: Callers are followed so far.
_FARTHEST = 8
_MOST = 300
_SLEEPS = frozenset({"sleep", "wait", "delay"})
_COUNTERS = re.compile(r"attempt|retr(y|ies)|tries|backoff", re.IGNORECASE)
#: Statements at the end of a handler after which the loop does not go on, and such inside of which it may.
_LEAVES = frozenset({"Raise", "Return", "Break", "Reraise"})
_BRANCHES = frozenset({"If", "Try", "With", "Match"})
_PAUSES = re.compile(r"delay|wait|sleep|pause", re.IGNORECASE)
_LOOPS = frozenset({"for", "async for", "while"})


class Way(NamedTuple):
    """What was found on the ways to a function.

    Attributes:
        retried: where something tries again already, for people; an empty string for nowhere.
        held: where a lock is held, or a transaction open.
        waited: where a coroutine calls it.
        doubt: where something that may call it, by its name, is a coroutine or tries again.
        modules: the paths of the modules from which it is called, over however many others.
        seen: whether every caller could be looked at.
    """

    retried: str
    held: str
    waited: str
    doubt: str
    modules: frozenset[str]
    seen: bool


class Paths:
    """Answers for one program."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self.program = program
        self.receivers: Receivers = receivers_of(program)
        self._reaches: dict[tuple[str, int], tuple[Scope, ...]] = {}

    # --- up ---------------------------------------------------------------------------------------------------------

    def to(self, function: Scope) -> Way:
        """Return what stands on the ways to `function`."""
        retried = held = waited = doubt = ""
        paths: set[str] = set()
        seen = {(function.module.path, function.number)}
        level = [function]
        for _ in range(_FARTHEST):
            above: list[Scope] = []
            for each in level:
                retried = retried or self.handed(each)
                doubt = doubt or self._doubt(each, function)
                for call in self._calls(each):
                    module = call.module
                    paths.add(module.path)
                    around = module.enclosing(call.scope, "function")
                    held = held or holding(call)
                    retried = retried or self._tries(call)
                    if around is None:
                        continue
                    if around.is_async and not function.is_async and not _is_in_thread(call):
                        waited = waited or f"`{around.name}` ({place_of(module, call.span.start)})"
                    retried = retried or decorated(self.program, around)
                    key = module.path, around.number
                    if key not in seen and len(seen) < _MOST:
                        seen.add(key)
                        above.append(around)
            level = above
            if not level:
                break
        return Way(retried, held, waited, doubt, frozenset(paths), not level and len(seen) < _MOST)

    def _calls(self, function: Scope) -> Iterator[Call]:
        """Yield the calls that reach a function, those left out of which another name is the only sign."""
        for call, certain in self.program.callers(function, near=False):
            if certain or function in self.receivers.reached(call).functions:
                yield call

    def _doubt(self, function: Scope, first: Scope) -> str:
        """Return a call that may be one of a function, by its name alone, and would matter if it were."""
        if function.name in _COMMON:
            return ""
        for call, certain in self.program.callers(function, near=False):
            around = call.module.enclosing(call.scope, "function")
            if certain or around is None or self.receivers.reached(call).known:
                continue
            waits = around.is_async and not first.is_async and not _is_in_thread(call) and call.use[0] != "await"
            if waits or trying(call) or decorated(self.program, around):
                return f"`{call.tail}` in `{around.name}` ({place_of(call.module, call.span.start)})"
        return ""

    def handed(self, function: Scope) -> str:
        """Return where a function is handed to something that tries again: `retry_call(fetch)`."""
        for read in self.program.references(function):
            if read.use[0] != "arg":
                continue
            taker = read.module.call(read.use[1])
            names = [taker.tail, *([str(taker.function[1][-1])] if taker.function[0] == "a" else [])]
            made = taker.function[0] == "c" and read.module.call(taker.function[1]).tail
            if any(_RETRYING.search(each) for each in [*names, made or ""]) and self._is_it(
                function, read.use, read.module
            ):
                return f"`{taker.tail or made}` ({place_of(read.module, read.span.start)})"
        return ""

    def _is_it(self, function: Scope, use: list[object], module: Module) -> bool:  # noqa: ARG002 - one shape of a use
        """Tell whether a mention may be one of this function: a common name is no sign."""
        return len(self.program.definitions(function.name, want=False)) == 1

    def _tries(self, call: Call) -> str:
        """Return the loop that tries a call again."""
        loop = trying(call)
        return f"a loop ({loop})" if loop else ""

    # --- down -------------------------------------------------------------------------------------------------------

    def beyond(self, function: Scope) -> Iterator[Scope]:
        """Yield the functions of the program that `function` reaches, over however many others."""
        seen = {(function.module.path, function.number)}
        pending = [function]
        while pending and len(seen) < _MOST:
            for each in self._reached(pending.pop()):
                yield each
                key = each.module.path, each.number
                if key not in seen:
                    seen.add(key)
                    pending.append(each)

    def _reached(self, function: Scope) -> tuple[Scope, ...]:
        key = function.module.path, function.number
        if key not in self._reaches:
            found: dict[tuple[str, int], Scope] = {}
            for call in function.module.calls_in(function.number):
                target, _known = self.program.target_of(call)
                for each in (target,) if target is not None else self.receivers.reached(call).functions:
                    made = self.program.find_method(each, "__init__") if each.kind == "class" else each
                    if made is not None and made.kind == "function":
                        found[made.module.path, made.number] = made
            self._reaches[key] = tuple(found.values())
        return self._reaches[key]


def decorated(program: Program, function: Scope) -> str:
    """Return the decorator that tries a function again, for people; an empty string where it has none."""
    for each in function.decorators:
        call = function.module.call(each[1]) if each[0] == "c" else None
        shape = call.function if call is not None else each
        dotted = program.dotted(function.module, function.parent, shape) or ""
        name = str(shape[-1]) if shape[0] in {"n", "a"} else ""
        keywords = {one.keyword for one in call.arguments} if call is not None else set()
        if _RETRYING.search(name) or dotted.startswith(("tenacity.", "backoff.", "stamina.", "retrying.")):
            return f"`@{name}` of `{function.name}` ({place_of(function.module, function.span.start)})"
        if name in _TASKS and keywords & _TASK_RETRIES:
            return f"the task `{function.name}` ({place_of(function.module, function.span.start)})"
    return ""


def holding(call: Call) -> str:
    """Return the lock or transaction around a call, for people."""
    for guard in call.module.guards(call.guard):
        name = _context(call.module, guard)
        if name and (_HELD.search(name) or _OPEN.search(name)):
            return f"`{name}` ({place_of(call.module, guard.start)})"
    return ""


def unknown_context(call: Call) -> str:
    """Return a context around a call of which nothing is known."""
    for guard in call.module.guards(call.guard):
        name = _context(call.module, guard)
        if guard.kind == "with" and name not in _PLAIN:
            return f"`{name or 'with'}` ({place_of(call.module, guard.start)})"
    return ""


def _context(module: Module, guard: Guard) -> str:
    """Return the last name of what a `with` enters."""
    shape = guard.payload if guard.kind == "with" else None
    if shape is None:
        return ""
    if shape[0] == "w":
        shape = shape[1]
    if shape[0] == "c":
        return module.call(shape[1]).tail
    return str(shape[-1]) if shape[0] in {"n", "a"} else ""


def _is_in_thread(call: Call) -> bool:
    """`asyncio.to_thread(fetch)` is no call of `fetch`; `lambda: fetch()` given to one is."""
    return call.module.scope(call.scope).kind == "lambda"


def trying(call: Call) -> str:
    """Return the place of the loop that tries a call again when it fails; an empty string where there is none.

    A loop tries again where a handler inside it goes on with the loop, and it sleeps, or counts attempts. One that goes
    on with the next item does not.
    """
    module = call.module
    loops = [each for each in module.blocks(call.span.start) if each.kind in _LOOPS and _repeats(module, each)]
    for loop in loops:
        inside = (each for each in module.guards(call.guard) if loop.start <= each.start < loop.end)
        for guard in inside:
            if guard.kind == "with":
                name = _context(module, guard)
                if name == "attempt":  # for attempt in Retrying(...): with attempt:
                    return place_of(module, loop.header)
                continue
            goes_on = any(_BRANCHES & set(kinds) or not _LEAVES & set(kinds[-1:]) for *_, kinds in guard.payload)
            if goes_on and (_sleeps(module, loop.start, loop.end) or _counts(module, loop.header, loop.end)):
                return place_of(module, loop.header)
    return ""


def _repeats(module: Module, loop: Block) -> bool:
    """Tell whether each round of a loop may do the same: it does not go through items."""
    if loop.kind == "while":
        return True
    for table in module.facts["binds"]:
        for name, bindings in table.items():
            for kind, payload, start, *_ in bindings:
                if kind in {"for", "unpack"} and loop.header <= start < loop.start:
                    called = module.call(payload[1]).tail if payload is not None and payload[0] == "c" else ""
                    counted = called in {"range", "count", "repeat"} or bool(_RETRYING.search(called))
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
