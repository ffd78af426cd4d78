"""Where the exception of a coroutine comes up: where it is awaited, not where it is called."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hasten.api import Call, Module, Program, Scope
from hasten_codemods.json_to_orjson.errorvalues import KEEPING, may_be_error, targets_of, uses_of
from hasten_codemods.json_to_orjson.handlers import Handler, Shape, Spot, caught, is_false, place_of
from hasten_codemods.json_to_orjson.kindtests import tests_in

#: Functions whose result is awaited, or holds what is awaited, in place of the coroutine they are given.
_PASSING = frozenset(
    {"create_task", "ensure_future", "gather", "wait_for", "shield", "as_completed", "wait", "Task", "list", "tuple"}
    | {"run_coroutine_threadsafe", "wrap_future", "set", "sorted", "reversed", "enumerate", "zip", "values", "items"}
)
_GROUPED = frozenset({"create_task", "start_soon"})
_ASKING = frozenset({"result", "send", "throw"})
#: Calls that run a function elsewhere, with the position of that function among their arguments; they give a future.
_HANDING = (("submit", 0), ("to_thread", 0), ("run_in_executor", 1))
_FARTHEST = 12


@dataclass(slots=True)
class Outcome:
    """Where the exceptions of a coroutine come up.

    Attributes:
        spots: places that raise them.
        watchers: what asks what they are, or shows their words, where they come as values (`return_exceptions=True`).
    """

    spots: list[Spot] = field(default_factory=list)
    watchers: list[Handler] = field(default_factory=list)


class Tasks:
    """Follow coroutines and tasks of one program to where they are awaited."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self._program = program

    def of(self, call: Call) -> Outcome:
        """Return where the exceptions of a coroutine function come up that `call` calls."""
        outcome = Outcome()
        if call.use[0] == "await":
            outcome.spots.append(Spot.of(call))
            return outcome
        _Walk(self._program, outcome).step(call.module, call.scope, call.span.start, call.use, ["c", call.index], 0)
        if not outcome.spots and not outcome.watchers:
            outcome.spots.append(Spot.of(call))
        return outcome

    def handed(self, function: Scope) -> Outcome:
        """Return where the exceptions of a plain function come up that is run by an executor, or in a thread."""
        outcome = Outcome()
        self._program.want(function.name, beside=frozenset(name for name, _ in _HANDING))
        for name, position in _HANDING:
            for call in self._program.calls_named(name, want=False):
                given = call.argument(position)
                if given is not None and given.keyword is None and _meant(self._program, call, given.shape) == function:
                    walk = _Walk(self._program, outcome)
                    walk.step(call.module, call.scope, call.span.start, call.use, ["c", call.index], 0)
        return outcome


class _Walk:
    def __init__(self, program: Program, outcome: Outcome) -> None:
        self.program = program
        self.outcome = outcome
        self.seen: set[tuple[str, int, int]] = set()

    def step(self, module: Module, scope: int, at: int, use: list[Any], shape: Shape, depth: int) -> None:
        """Go on from a place that holds the coroutine: `shape` is what it is called there."""
        if depth > _FARTHEST:
            return
        match use:
            case ["await", inner]:
                self.outcome.spots.append(Spot.within(module, scope, at))
                if shape[0] == "c" and module.call(shape[1]).tail == "wait":
                    # `done, pending = await asyncio.wait(tasks)` raises nothing: the tasks are asked later.
                    self.step(module, scope, at, inner, ["w", shape], depth + 1)
            case ["unpack"]:
                for inner_scope, name in targets_of(module, scope, shape, None):
                    self.name(module, inner_scope, name, depth)
            case ["multi", list(uses)]:
                for each in uses:
                    self.step(module, scope, at, each, shape, depth + 1)
            case ["elem", _, inner] | ["sub", inner]:
                self.step(module, scope, at, inner, ["x", ""], depth + 1)
            case ["asg", _, str(name)]:
                self.name(module, scope, name, depth)
            case ["asgattr", _, str(name)]:
                for module_, read in [(each.module, each) for each in self.program.attribute_reads(name)]:
                    self.once(module_, read.scope, read.span.start, read.use, ["a", ["x", ""], name], depth)
            case ["iter"]:
                self.loop(module, scope, shape, depth)
            case ["meth", method, int() as index] if method in _ASKING:
                self.outcome.spots.append(Spot.of(module.call(index)))
            case ["meth", "exception", int() as index]:
                self.watch(module.call(index), None)
            case ["meth", "add_done_callback", int() as index]:
                self.callback(module.call(index), depth)
            case ["meth", "values" | "items", int() as index]:
                self.result(module.call(index), depth)
            case ["arg", int() as index, where]:
                self.argument(module.call(index), where, depth)
            case ["ret", int() as inner]:
                for call, _ in self.program.callers(module.scope(inner)):
                    self.result(call, depth)
            case _:
                return

    def once(self, module: Module, scope: int, at: int, use: list[Any], shape: Shape, depth: int) -> None:
        key = (module.path, scope, at)
        if key not in self.seen:
            self.seen.add(key)
            self.step(module, scope, at, use, shape, depth + 1)

    def name(self, module: Module, scope: int, name: str, depth: int) -> None:
        found = module.lookup(scope, name)
        for read in module.reads(found[0] if found is not None else scope, name):
            self.once(module, read.scope, read.span.start, read.use, ["n", name], depth)

    def result(self, call: Call, depth: int) -> None:
        self.once(call.module, call.scope, call.span.start, call.use, ["c", call.index], depth)

    def loop(self, module: Module, scope: int, shape: Shape, depth: int) -> None:
        """Go on with `task` in `for task in tasks`."""
        body = module.enclosing(scope, "function", "module")
        for inner, table in enumerate(module.facts["binds"]):
            if body is None or module.enclosing(inner, "function", "module") != body:
                continue
            for name, bindings in table.items():
                if any(each[0] == "for" and _is_like(each[1], shape) for each in bindings):
                    self.name(module, inner, name, depth)

    def argument(self, call: Call, where: int | str, depth: int) -> None:
        module = call.module
        receiver = call.function[1] if call.function[0] == "a" else ["x", ""]
        if call.tail in _GROUPED and receiver[0] == "n" and self.is_group(module, call.scope, receiver[1]):
            self.outcome.spots.append(Spot.of(call))  # it comes up at the end of the `with` around
        if call.tail == "gather" and any(
            each.keyword == "return_exceptions" and not is_false(each.shape) for each in call.arguments
        ):
            self.watch(call, where if isinstance(where, int) and not _spreads(call) else None)
        elif call.tail in _PASSING:
            self.result(call, depth)
        elif call.tail in KEEPING and receiver[0] == "n":
            self.name(module, call.scope, receiver[1], depth)
        else:
            self.parameter(call, where, depth)

    def parameter(self, call: Call, where: int | str, depth: int) -> None:
        """Go on in a function of the program; any other is taken to run the coroutine, as `asyncio.run` does."""
        target, _ = self.program.target_of(call)
        if target is None or target.kind != "function":
            self.outcome.spots.append(Spot.of(call))
            return
        plain = [each[0] for each in target.parameters if each[1] in {"plain", "posonly"}]
        bound = 1 if self.program.method_owner(target.module, target.number) and call.function[0] == "a" else 0
        name = where if isinstance(where, str) else plain[where + bound] if where + bound < len(plain) else ""
        self.name(target.module, target.number, name, depth)

    def callback(self, call: Call, depth: int) -> None:
        """Go on in what is called with the task when it is done."""
        given = call.argument(0)
        if given is None:
            return
        target = _meant(self.program, call, given.shape)
        if target is None or target.kind not in {"function", "lambda"}:
            return
        plain = [each[0] for each in target.parameters if each[1] in {"plain", "posonly"}]
        bound = 1 if target.kind == "function" and self.program.method_owner(target.module, target.number) else 0
        if bound < len(plain):
            self.name(target.module, target.number, plain[bound], depth)

    def is_group(self, module: Module, scope: int, name: str) -> bool:
        """Tell whether a name is bound by `async with TaskGroup() as name`."""
        found = module.lookup(scope, name)
        return found is not None and any(each.kind == "with" for each in found[1])

    def watch(self, call: Call, slot: int | None) -> None:
        """Note what is done with errors that `call` gives as values: where they are shown, and where they are raised.

        What tests the kind of an error counts in the function that gathers, and in its callers, to which it may return
        what it gathered.
        """
        module = call.module
        for use in uses_of(self.program, call, slot):
            if use.raised:
                self.outcome.spots.append(Spot.within(use.module, use.scope, use.at))
            else:
                where = place_of(use.module, use.at)
                self.outcome.watchers.append(Handler(None, where, reads_error=True, reraises=True, watches=True))
        body = module.enclosing(call.scope, "function", "module")
        bodies: list[Scope] = [body] if body is not None else []
        if body is not None and body.kind == "function" and body.returned:
            around = [each.module.enclosing(each.scope, "function", "module") for each, _ in self.program.callers(body)]
            bodies += [each for each in around if each is not None]
        for each in bodies:
            for test in tests_in(self.program, each):
                kinds = caught(self.program, each.module, test.scope, test.types)
                reads = test.subject[0] == "n" and _is_shown(self.program, each, test.subject[1])
                self.outcome.watchers.append(
                    Handler(kinds, place_of(each.module, test.start), reads, reraises=True, watches=True)
                )


def _is_like(payload: Shape | None, shape: Shape) -> bool:
    """Tell whether a loop runs over a value, plain or through `as_completed` and its like, whose calls are `shape`."""
    if payload is None:
        return False
    return payload == shape or (payload[0] == "a" == shape[0] and payload[2] == shape[2])


def _meant(program: Program, call: Call, shape: Shape) -> Scope | None:
    """Return the function that is handed to a call under a name, as a method of `self`, or as a lambda."""
    module = call.module
    if shape[0] == "m":
        return module.scope(shape[1])
    if shape[0] == "a" and shape[1] in (["n", "self"], ["n", "cls"]):
        owner = program.method_owner(module, call.scope)
        return program.find_method(owner, shape[2]) if owner is not None else None
    dotted = module.dotted(call.scope, shape)
    return program.resolve(dotted) if dotted is not None else None


def _spreads(call: Call) -> bool:
    """Tell whether it takes `*tasks`, so that nobody can tell which result is whose."""
    return any(each.keyword == "*" for each in call.arguments)


def _is_shown(program: Program, body: Scope, name: str) -> bool:
    """Tell whether a value that may be an error is shown: in text, by `str` or `repr`, or to a log."""
    module = body.module
    for start, _end, use in (each for table in module.facts["reads"] for each in table.get(name, ())):
        if not body.span.start <= start < body.span.end or not may_be_error(program, module, name, start):
            continue
        if use == ["fmt"] or use[:2] == ["attr", "args"]:
            return True
        if use[0] == "arg" and (use[2] == "exc_info" or module.call(use[1]).tail in {"str", "repr"}):
            return True
    return False
