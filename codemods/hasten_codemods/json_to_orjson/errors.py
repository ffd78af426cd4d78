"""Who catches the exceptions of a call, here and in the callers, and whether they would still be caught."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, TypeAlias

from hasten.api import Call, Module, Program, Scope, follow
from hasten_codemods.json_to_orjson.contexts import Contexts
from hasten_codemods.json_to_orjson.elsewhere import Elsewhere, is_lazy, lazy_around
from hasten_codemods.json_to_orjson.handlers import Handler, Shape, Spot, caught, looking_on, of_try, place_of
from hasten_codemods.json_to_orjson.registered import Registered
from hasten_codemods.json_to_orjson.tasks import Tasks
from hasten_codemods.json_to_orjson.validators import Validators

#: So many calls upwards a handler is taken to be meant for this call.
_FARTHEST = 3
#: It is only guessed that the exception comes here.
_GUESSED = _FARTHEST + 1
_CALLING = ("assertRaises", "raises", "assertRaisesRegex", "assert_raises")
#: Methods that are called by what is done with an instance.
_ENTERED = frozenset({"__enter__", "__aenter__"})


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
        self._contexts = Contexts(program)
        self._elsewhere = Elsewhere(program)
        self._tasks = Tasks(program, self._elsewhere)
        self._registered = Registered(program)
        self._validators = Validators(program, self._registered)
        self._used: dict[tuple[str, int], list[Spot]] = {}
        self._around: dict[tuple[str, int, int], _Around] = {}
        self._ways: dict[tuple[str, int, bool, bool], _Ways] = {}

    def examine(self, call: Call, pairs: Sequence[tuple[str, str]]) -> Verdict:
        """Return what becomes of each `(error raised by json, error raised by orjson)` on its way up from `call`."""
        verdict = Verdict()
        flights = tuple(_Flight(old, new) for old, new in pairs)
        self._rise([_Rise(spot, flights, 0) for spot in self._taken(call)], verdict, set())
        return verdict

    def _taken(self, call: Call) -> list[Spot]:
        """Return where what a call gives is made: there, but for a generator or `map(json.loads, lines)`."""
        spots = self._elsewhere.of_iterator(call.module, call.scope, call, call.use) if is_lazy(call) else []
        return spots or [Spot.of(call)]

    def _rise(self, begin: Iterable[_Rise], verdict: Verdict, seen: set[_Seen]) -> None:
        """Let exceptions rise, those that have come through fewer calls first: so each is seen where it is nearest."""
        pending = deque(begin)
        while pending:
            rise = pending.popleft()
            spot, flights, depth = rise
            # Hundreds of ways may lead to one place; what is around it is looked at once.
            if not _is_new((spot.module.path, spot.scope, spot.guard, spot.at, flights), seen):
                continue
            onlookers = list(looking_on(spot))
            places = tuple(each.place for handlers in onlookers for each in handlers)
            if not _is_new((spot.module.path, spot.scope, spot.guard, places, flights), seen):
                continue
            key = (spot.module.path, spot.scope, spot.guard)
            around = self._around.get(key)
            if around is None:
                around = self._around[key] = self._find_around(spot)
            where, taken, nearest, decorators = around
            if taken:
                pending.extendleft(_Rise(each, flights, depth) for each in reversed(taken))
                continue
            for handlers in (*nearest, *onlookers, *decorators):
                flights = _past(handlers, flights, verdict)
            if not flights:
                continue
            if depth >= _FARTHEST:
                if depth == _FARTHEST:
                    self._leave(where, flights, verdict)
                continue
            if not _is_new((where.module.path, where.number, flights), seen):
                continue
            spots, watchers, doubtful = self._out_of(where, depth)
            if not spots or (self._registered and where.kind == "function" and self._is_called_by_others(where)):
                self._leave(where, flights, verdict)
            pending.extend(_Rise(each, flights, depth + 1) for each in spots)
            for handler in watchers:
                _past([handler], flights, verdict)
            if doubtful:
                # Which module it is cannot be told: what is said of errors in general says nothing about this one, nor
                # is a place seen for good where it was only guessed.
                guess = Verdict()
                self._rise([_Rise(each, flights, _GUESSED) for each in doubtful], guess, set(seen))
                verdict.changed += guess.changed

    def _leave(self, body: Scope, flights: tuple[_Flight, ...], verdict: Verdict) -> None:
        """Let exceptions pass what the program has registered for those that nobody catches."""
        frameworks = self._registered.of_frameworks if body.kind == "function" else []
        for handlers in (*frameworks, *self._registered.of_hooks):
            _past(handlers, flights, verdict)

    def _is_called_by_others(self, function: Scope) -> bool:
        """Tell whether others than those that can be seen call a function: it is decorated, or passed on."""
        module = function.module
        if any(not _is_plain(module, function.parent, each) for each in function.decorators):
            return True
        reads = [*module.reads(function.parent, function.name)]
        if module.scope(function.parent).kind == "class":
            reads += module.attribute_reads(function.name)
            if not any(sure for _, sure in self._program.callers(function, near=False)):
                return True
        return any(each.use[0] != "call" for each in reads)

    def _out_of(self, body: Scope, depth: int) -> _Ways:
        """Return where what leaves a function, lambda or module after `depth` calls comes up."""
        # The nearest callers may be guessed by name; a guess about a guess about a guess is no evidence.
        key = (body.module.path, body.number, depth == 0, depth > 1)
        if key not in self._ways:
            if body.kind == "function":
                ways = self._out_of_function(body, near=depth == 0, certain=depth > 1)
            elif body.kind == "lambda":
                handed = self._tasks.handed(body)
                called = [*self._elsewhere.of_lambda(body), *handed.spots]
                ways = _Ways(called or [Spot(body.module, body.parent, body.guard, body.span.start)], handed.watchers)
            else:
                spots, doubtful = self._elsewhere.of_module(body.module)
                ways = _Ways(spots, [], doubtful)
            self._ways[key] = ways._replace(spots=list(dict.fromkeys(ways.spots)))
        return self._ways[key]

    def _out_of_function(self, function: Scope, *, near: bool, certain: bool) -> _Ways:
        if _is_test(function) and not self._program.calls_named(function.name, want=False):
            return _Ways([])  # a test is called by its runner
        spots: list[Spot] = []
        watchers: list[Handler] = []
        for caller, sure in self._program.callers(function, near=near):
            if certain and not sure:
                continue
            if function.is_generator:
                taken = self._elsewhere.of_iterator(caller.module, caller.scope, caller, caller.use)
                spots += taken or [Spot.of(caller)]
            elif function.is_async:
                outcome = self._tasks.of(caller)
                spots += outcome.spots
                watchers += outcome.watchers
            else:
                spots.append(Spot.of(caller))
        if not (function.is_async or function.is_generator):
            handed = self._tasks.handed(function)
            spots += handed.spots
            watchers += handed.watchers
        validator = self._validators.of(function)
        if validator is not None:
            spots += validator[0]
            watchers += validator[1]
        return _Ways([*spots, *self._uses(function)], [*watchers, *self._assertions.get(function.name, ())])

    def _find_around(self, spot: Spot) -> _Around:
        module = spot.module
        lazy = lazy_around(module, spot.scope)
        taken = self._elsewhere.of_generator(lazy) if lazy is not None else []
        where = module.enclosing(spot.scope, "function", "lambda") or module.scope(0)
        if taken:
            return _Around(where, taken)
        decorated = self._contexts.of_decorators(where) if where.kind == "function" else ()
        return _Around(where, [], list(self._nearest(spot)), list(decorated))

    def _nearest(self, spot: Spot) -> Iterator[list[Handler]]:
        for each in spot.module.guards(spot.guard):
            if each.kind == "try":
                yield of_try(self._program, spot.module, spot.scope, each.payload)
            else:
                yield from self._contexts.of_guard(spot.module, spot.scope, each)

    def _uses(self, function: Scope) -> list[Spot]:
        """Return where a method runs that no call names: `with Config(text):` enters, `parser(text)` calls."""
        owner = function.module.scope(function.parent)
        if owner.kind != "class" or (function.name not in _ENTERED and function.name != "__call__"):
            return []
        key = (function.module.path, function.number)
        if key not in self._used:
            self._used[key] = list(self._find_uses(function))
        return self._used[key]

    def _find_uses(self, function: Scope) -> Iterator[Spot]:
        for made, _ in self._program.constructions(function):
            for sink in follow(self._program, made.module, made.scope, made.span, made.use):
                match sink.use:
                    case ["with", *_] if function.name in _ENTERED:
                        yield Spot.within(sink.module, sink.scope, sink.span.start)
                    case ["call" | "callee", int() as index] if function.name == "__call__":
                        yield Spot.of(sink.module.call(index))
                    case ["arg", int() as index, _] if function.name in _ENTERED:
                        if sink.module.call(index).tail in {"enter_context", "enter_async_context"}:
                            yield Spot.of(sink.module.call(index))
                    case _:
                        continue

    @cached_property
    def _assertions(self) -> dict[str, list[Handler]]:
        """Return what `assertRaises(TypeError, function, ...)` and its like demand, by the function's last name."""
        found: dict[str, list[Handler]] = {}
        for name in _CALLING:
            for call in self._program.calls_named(name, want=False):
                first, second = call.argument(0), call.argument(1)
                if first is None or second is None or second.shape[0] not in {"n", "a"}:
                    continue
                handler = Handler(
                    caught(self._program, call.module, call.scope, first.shape),
                    place_of(call.module, call.span.start),
                    name.endswith("Regex"),
                    asserts=True,
                )
                found.setdefault(second.shape[-1], []).append(handler)
        return found


def _is_plain(module: Module, scope: int, decorator: Shape) -> bool:
    """Tell whether a decorator is one of the standard library, or of the language, that calls nothing by itself."""
    shape = module.call(decorator[1]).function if decorator[0] == "c" else decorator
    dotted = module.dotted(scope, shape) or ""
    return dotted.partition(".")[0] in {"builtins", "functools", "contextlib", "abc", "typing"}


def _is_test(function: Scope) -> bool:
    """Tell whether a function is called like a test and stands where a runner looks for them."""
    if not function.name.startswith("test"):
        return False
    *folders, file = function.module.path.removesuffix(".py").split("/")
    return file.startswith("test") or file.endswith(("_test", "_tests")) or not {"test", "tests"}.isdisjoint(folders)


class _Flight(NamedTuple):
    """An exception on its way up.

    Attributes:
        old, new: what `json` raises, and what orjson raises in its place.
        stopped: the handler that catches the new one but not the old one, which flies on.
        chained: it was caught, and what flies on is another one that was raised from it and knows it.
    """

    old: str
    new: str
    stopped: str = ""
    chained: bool = False


#: Exceptions that were seen at a place, or to leave a scope: the path of its module, its number, the guard around the
#: place and those that look on there, and what is left of the exceptions.
_Seen: TypeAlias = (
    tuple[str, int, int, int | tuple[str, ...], tuple[_Flight, ...]] | tuple[str, int, tuple[_Flight, ...]]
)


class _Rise(NamedTuple):
    """Exceptions that are raised at a place, after they have come through so many calls."""

    spot: Spot
    flights: tuple[_Flight, ...]
    depth: int


class _Ways(NamedTuple):
    """Where exceptions come up that leave a scope.

    Attributes:
        spots: places that raise them.
        watchers: handlers that see them and let them go on.
        doubtful: places that may raise them.
    """

    spots: Sequence[Spot]
    watchers: Sequence[Handler] = ()
    doubtful: Sequence[Spot] = ()


class _Around(NamedTuple):
    """What is around a spot, as far as the function or lambda around it reaches.

    Attributes:
        where: the function, lambda or module that exceptions leave in the end.
        taken: where they come up instead: where the generator is used that the spot is in.
        nearest: the handlers in the function.
        decorators: the handlers in its decorators.
    """

    where: Scope
    taken: Sequence[Spot]
    nearest: Sequence[list[Handler]] = ()
    decorators: Sequence[list[Handler]] = ()


def _is_new(key: _Seen, seen: set[_Seen]) -> bool:
    """Tell, and note, whether something was not seen before."""
    known = len(seen)
    seen.add(key)
    return len(seen) > known


def _past(handlers: list[Handler], flights: tuple[_Flight, ...], verdict: Verdict) -> tuple[_Flight, ...]:
    """Return the exceptions that no handler of one `try` catches, and note what happens to the others."""
    left: list[_Flight] = []
    for flight in flights:
        if flight.chained:
            left += _chain_past(handlers, flight, verdict)
            continue
        first = next((each for each in handlers if each.catches_one(flight.old)), None)
        if flight.stopped:
            # An exception that used to pass is swallowed further in: that matters to whoever waits for it by name.
            if first is None:
                left.append(flight)
            elif first.names(flight.old):
                verdict.changed.append((flight.old, flight.new, flight.stopped))
            continue
        second = next((each for each in handlers if each.catches_one(flight.new, by_orjson=True)), None)
        if first is None:
            left.append(_Flight(flight.old, flight.new, second.place) if second is not None else flight)
        elif first is not second:
            verdict.changed.append((flight.old, flight.new, first.place))
        else:
            if not first.watches:
                verdict.caught.append(first.place)
                (verdict.kept if flight.old == flight.new else verdict.merged).append(first.place)
            if first.reads_error:
                verdict.read.append(first.place)
            if first.reraises:
                left.append(flight)
            if first.chains:
                left.append(_Flight(flight.old, flight.new, chained=True))
    return tuple(left)


def _chain_past(handlers: list[Handler], flight: _Flight, verdict: Verdict) -> list[_Flight]:
    """Let another exception, that was raised from one of json, go past the handlers of one `try`."""
    first = next((each for each in handlers if each.may_catch_others), None)
    if first is None:
        return [flight]
    if first.shows_chain:
        verdict.read.append(first.place)
    # Whether it is this one that the handler means cannot be told for exceptions of the program's own.
    return [flight] if first.reraises or first.chains or not first.catches else []
