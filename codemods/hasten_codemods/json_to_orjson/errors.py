"""Who catches the exceptions of a call, here and in the callers, and whether they would still be caught."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from hasten.api import Call, Guard, Module, Program, Scope

Shape = list[Any]

_PARENTS: dict[str, tuple[str, ...]] = {
    "TypeError": ("TypeError", "Exception", "BaseException"),
    "JSONDecodeError": ("JSONDecodeError", "ValueError", "Exception", "BaseException"),
    "UnicodeDecodeError": ("UnicodeDecodeError", "UnicodeError", "ValueError", "Exception", "BaseException"),
    "ValueError": ("ValueError", "Exception", "BaseException"),
    "RecursionError": ("RecursionError", "RuntimeError", "Exception", "BaseException"),
}
_BROAD = frozenset({"Exception", "BaseException"})
#: So many calls upwards a handler is taken to be meant for this call.
_FARTHEST = 3
_RAISES = frozenset(
    {"raises", "assertRaises", "assertRaisesRegex", "suppress", "RaisesGroup", "raises_regex", "assert_raises"}
)
_CALLING = ("assertRaises", "raises", "assertRaisesRegex", "assert_raises")
_TELLING = frozenset({"msg", "pos", "lineno", "colno", "doc", "args", "message", "start", "reason"})


@dataclass(frozen=True, slots=True)
class Handler:
    """One handler, or one `with` that catches, around a call.

    Attributes:
        catches: the short names of the exceptions it catches; None catches all.
        place: `path:line`.
        reads_error: whether it looks at the words of the error it catches.
        asserts: whether it is a test's way of demanding the exception.
        reraises: whether it lets the exception go on.
    """

    catches: frozenset[str] | None
    place: str
    reads_error: bool
    asserts: bool = False
    reraises: bool = False

    def names(self, error: str) -> bool:
        """Tell whether the handler means this exception, and does not just catch everything; tests always mean it."""
        return self.asserts or (self.catches is not None and not self.catches.isdisjoint(set(_PARENTS[error]) - _BROAD))

    def catches_one(self, error: str) -> bool:
        """Tell whether an exception of that name is caught."""
        return self.catches is None or not self.catches.isdisjoint(_PARENTS[error])


@dataclass(slots=True)
class Verdict:
    """What the handlers around a call, and around the calls of its function, make of its exceptions.

    Attributes:
        changed: `(error raised by json, error raised by orjson, place of the handler)` where only one of them is
        caught.
        read: places of handlers that look at the words of the error.
        caught: places of handlers that catch both alike.
        kept: those among them that catch an exception which is the same one in both.
        merged: the others: two exceptions, and one handler for both.
    """

    changed: list[tuple[str, str, str]] = field(default_factory=list)
    read: list[str] = field(default_factory=list)
    caught: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    merged: list[str] = field(default_factory=list)


class Errors:
    """Follow the exceptions of calls upwards in one program."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self._program = program

    def examine(self, call: Call, pairs: Sequence[tuple[str, str]]) -> Verdict:
        """Return what becomes of each `(error raised by json, error raised by orjson)` on its way up from `call`."""
        verdict = Verdict()
        self._rise(call, tuple(_Flight(old, new) for old, new in pairs), verdict, set(), 0)
        return verdict

    def _rise(
        self, call: Call, flights: tuple[_Flight, ...], verdict: Verdict, seen: set[tuple[str, int]], depth: int
    ) -> None:
        for handlers in _around(self._program, call):
            flights = _past(handlers, flights, verdict)
            if not flights:
                return
        function = call.module.enclosing(call.scope, "function")
        for handlers in _of_decorators(self._program, function) if function is not None else ():
            flights = _past(handlers, flights, verdict)
        if depth >= _FARTHEST or function is None or (function.module.path, function.number) in seen:
            return
        seen.add((function.module.path, function.number))
        if function.name.startswith("test"):
            return  # a test is called by its runner
        for caller, certain in self._program.callers(function):
            # The nearest callers may be guessed by name; a guess about a guess about a guess is no evidence.
            if certain or depth <= 1:
                self._rise(caller, flights, verdict, seen, depth + 1)
        for handler in self._assertions.get(function.name, ()):
            _past([handler], flights, verdict)

    @cached_property
    def _assertions(self) -> dict[str, list[Handler]]:
        """Return what `assertRaises(TypeError, function, ...)` and its like demand, by the function's last name."""
        found: dict[str, list[Handler]] = {}
        for name in _CALLING:
            for call in self._program.calls_named(name, want=False):
                first, second = call.argument(0), call.argument(1)
                if first is None or second is None or second.shape[0] not in {"n", "a"}:
                    continue
                module = call.module
                place = f"{module.path}:{module.position(call.span.start).line}"
                handler = Handler(
                    _names(self._program, module, call.scope, first.shape), place, name.endswith("Regex"), asserts=True
                )
                found.setdefault(second.shape[-1], []).append(handler)
        return found


@dataclass(frozen=True, slots=True)
class _Flight:
    """An exception on its way up.

    Attributes:
        old, new: what `json` raises, and what orjson raises in its place.
        stopped: the handler that catches the new one but not the old one, which flies on.
    """

    old: str
    new: str
    stopped: str = ""


def _past(handlers: list[Handler], flights: tuple[_Flight, ...], verdict: Verdict) -> tuple[_Flight, ...]:
    """Return the exceptions that no handler of one `try` catches, and note what happens to the others."""
    left: list[_Flight] = []
    for flight in flights:
        first = next((each for each in handlers if each.catches_one(flight.old)), None)
        if flight.stopped:
            # An exception that used to pass is swallowed further in: that matters to whoever waits for it by name.
            if first is None:
                left.append(flight)
            elif first.names(flight.old):
                verdict.changed.append((flight.old, flight.new, flight.stopped))
            continue
        second = next((each for each in handlers if each.catches_one(flight.new)), None)
        if first is None:
            left.append(_Flight(flight.old, flight.new, second.place) if second is not None else flight)
        elif first is not second:
            verdict.changed.append((flight.old, flight.new, first.place))
        else:
            verdict.caught.append(first.place)
            (verdict.kept if flight.old == flight.new else verdict.merged).append(first.place)
            if first.reads_error:
                verdict.read.append(first.place)
            if first.reraises:
                left.append(flight)
    return tuple(left)


def _around(program: Program, call: Call) -> Iterator[list[Handler]]:
    module = call.module
    scope, guard = call.scope, call.guard
    while True:
        for each in module.guards(guard):
            yield from _of_guard(program, module, scope, each)
        # A comprehension or lambda runs where it stands; a function runs where it is called.
        inner = module.scope(scope)
        if inner.kind not in {"comp", "lambda"}:
            return
        scope, guard = inner.parent, inner.guard


def _of_guard(program: Program, module: Module, scope: int, guard: Guard) -> Iterator[list[Handler]]:
    if guard.kind == "try":
        yield _of_try(program, module, scope, guard.payload)
        return
    handlers = _of_with(program, module, guard)
    if handlers:
        yield handlers
    # `with guarded():` where `guarded` is a context manager of the program's own, which may catch around its `yield`.
    own, _ = program.target_of(module.call(guard.payload))
    if own is not None and own.kind == "function":
        yield from _inside(program, own)


def _of_decorators(program: Program, function: Scope) -> Iterator[list[Handler]]:
    """Yield the handlers in the program's own decorators of a function: they may stand around its call."""
    for shape in function.decorators:
        callee = function.module.call(shape[1]).function if shape[0] == "c" else shape
        dotted = function.module.dotted(function.parent, callee)
        own = program.resolve(dotted) if dotted else None
        if own is not None and own.kind == "function":
            yield from _inside(program, own)


def _inside(program: Program, function: Scope) -> Iterator[list[Handler]]:
    """Yield the handlers of every `try` in a function."""
    module = function.module
    for number in range(len(module.facts["guards"])):
        guard = module.guard(number)
        if guard.kind == "try" and function.span.start <= guard.start < function.span.end:
            yield _of_try(program, module, function.number, guard.payload)


def _of_try(program: Program, module: Module, scope: int, records: list[Any]) -> list[Handler]:
    handlers: list[Handler] = []
    for types, name, start, end, body in records:
        reads = (bool(name) and _reads_words(program, module, name, start, end)) or _reads_traceback(module, start, end)
        place = f"{module.path}:{module.position(start).line}"
        caught = _names(program, module, scope, types)
        handlers.append(Handler(caught, place, reads, reraises="Reraise" in body))
    return handlers


def _reads_traceback(module: Module, start: int, end: int) -> bool:
    """Tell whether a handler formats the exception without naming it: `traceback.format_exc()`, `sys.exc_info()`."""
    return any(
        start <= call.span.start < end
        for name in ("format_exc", "print_exc", "exc_info", "exception")
        for call in module.calls_named(name)
    )


def _of_with(program: Program, module: Module, guard: Guard) -> list[Handler]:
    call = module.call(guard.payload)
    if call.tail not in _RAISES:
        return []
    caught = frozenset().union(
        *(
            _names(program, module, call.scope, each.shape) or frozenset()
            for each in call.arguments
            if each.keyword in {None, "expected_exception"}
        )
    )
    reads = any(each.keyword in {"match", "check"} for each in call.arguments) or call.tail.endswith("Regex")
    if guard.name:
        reads = reads or any(True for _ in _reads_after(module, guard.name, guard.start))
    return [Handler(caught, f"{module.path}:{module.position(guard.start).line}", reads, asserts=True)]


def _names(program: Program, module: Module, scope: int, types: Shape | None) -> frozenset[str] | None:
    """Return the short names of the known exceptions among `types`; None for a bare `except:`.

    A variable that cannot be seen through may hold anything; it is taken to mean TypeError, the doubtful one.
    """
    if types is None:
        return None
    if types[0] == "t":
        return frozenset().union(*(_names(program, module, scope, each) or frozenset() for each in types[1]))
    dotted = module.dotted(scope, types)
    if dotted is None:
        found = module.lookup(scope, types[1]) if types[0] == "n" else None
        if found is not None and len(found[1]) == 1 and found[1][0].payload and found[1][0].kind == "assign":
            return _names(program, module, found[0], found[1][0].payload)
        return frozenset() if types[0] == "k" else frozenset({"TypeError"})
    root, _, name = dotted.rpartition(".")
    if root in {"builtins", "json", "json.decoder"}:
        return frozenset({name})
    owner = program.owner_of(dotted)
    if owner is None and name.isupper():
        program.want(name)  # a constant of a module that is not read yet
    if owner is not None and program.resolve(dotted) is None:
        bindings = owner[0].bindings(0, owner[1])
        if len(bindings) == 1 and bindings[0].kind == "assign" and bindings[0].payload:
            return _names(program, owner[0], 0, bindings[0].payload)
        return frozenset({"TypeError"})
    return frozenset()


def _reads_words(program: Program, module: Module, name: str, start: int, end: int) -> bool:
    """Tell whether a handler does more with its error than to raise another one from it that nobody asks for it."""
    uses = [use for table in module.facts["reads"] for at, _end, use in table.get(name, ()) if start <= at < end]
    if any(_is_telling(use) for use in uses):
        return True
    return ["raise"] in uses and any(program.attribute_reads(each) for each in ("__cause__", "__context__"))


def _reads_after(module: Module, name: str, start: int) -> Iterator[int]:
    for table in module.facts["reads"]:
        for at, _end, use in table.get(name, ()):
            if at >= start and use[0] != "expr":
                yield at


def _is_telling(use: list[Any]) -> bool:
    match use:
        case ["raise"] | ["expr"] | ["cond"]:
            return False
        case ["attr" | "meth", name, *_]:
            return name in _TELLING or name.startswith("__") or use[0] == "meth"
        case _:
            return True
