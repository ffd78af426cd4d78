"""Who calls a function, up to the coroutine functions, and what a function does, with all that it calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hasten import async_forms
from hasten.async_families import Families
from hasten.async_kinds import key_of
from hasten.async_places import function_around
from hasten.async_receivers import Receivers, Resolve, receivers_of
from hasten.async_rules import Definitions
from hasten.index.module import Call, Guard, Scope, Use
from hasten.index.program import Program
from hasten.propagate import Certainty

#: Methods that run where an instance is made, and where a block is entered and left.
_MAKING = ("__new__", "__init__", "__post_init__", "__attrs_post_init__")
_BLOCK = ("__enter__", "__exit__")
#: Takers of a generator that go through all of it, or as far as they need, before they return.
_CONSUMERS = frozenset(
    f"builtins.{each}"
    for each in ("all", "any", "dict", "frozenset", "list", "max", "min", "set", "sorted", "sum", "tuple")
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A call in a coroutine function of a plain function, from which what blocks is reached.

    Attributes:
        call: where.
        functions: what it reaches.
        certainty: how sure that is.
    """

    call: Call
    functions: tuple[Scope, ...]
    certainty: Certainty


class Below:
    """Answers for one program."""

    def __init__(self, program: Program, receivers: Receivers) -> None:
        """Take the program, and what says what its calls reach."""
        self.program = program
        self.receivers = receivers
        self.definitions = Definitions(program, self.receivers, program.entry_points)
        self.families = Families(program, self.definitions)
        self._bodies: dict[tuple[str, int], list[Scope]] = {}
        self._callers: dict[tuple[str, int], list[Entry]] = {}

    # --- upwards ----------------------------------------------------------------------------------------------------

    def entries(self, function: Scope) -> list[Entry]:
        """Return the calls in coroutine functions that lead to a plain function, in the order of places.

        A call in a lambda, or in a generator that may be used up later, leads nowhere: who runs it is not known. Nor is
        it of a generator that is handed on.
        """
        found: dict[tuple[str, int], Entry] = {}
        seen: set[tuple[str, int]] = set()
        pending = [function]
        while pending:
            current = pending.pop()
            if key_of(current) in seen:
                continue
            seen.add(key_of(current))
            for entry in self.callers(current):
                around = function_around(entry.call.module, entry.call.scope)
                if around.kind != "function":
                    continue
                if around.is_async:
                    found[entry.call.module.path, entry.call.index] = entry
                elif not (is_put_off(entry.call) or async_forms.is_handed_on(self.program, entry.call, current)):
                    pending.append(around)
        return [found[each] for each in sorted(found)]

    def is_reached(self, functions: Iterable[Scope]) -> bool:
        """Tell whether one of some functions is a coroutine function, or called by one, directly or not."""
        pending = list(functions)
        seen: set[tuple[str, int]] = set()
        while pending:
            current = pending.pop()
            if current.is_async:
                return True
            if current.kind == "function" and key_of(current) not in seen:
                seen.add(key_of(current))
                pending += (function_around(each.call.module, each.call.scope) for each in self.callers(current))
        return False

    def callers(self, function: Scope) -> list[Entry]:
        """Return the calls that reach a function, or one that overrides it or is overridden."""
        key = key_of(function)
        if key not in self._callers:
            self._callers[key] = list(self._find_callers(function))
        return self._callers[key]

    def _find_callers(self, function: Scope) -> Iterator[Entry]:
        family = {key_of(each) for each in self.families.of(function)}
        seen: set[tuple[str, int]] = set()
        for member in self.families.of(function):
            for call, certain in self.program.callers(member):
                if (call.module.path, call.index) in seen:
                    continue
                seen.add((call.module.path, call.index))
                reached = self.receivers.reached(call)
                if certain and not reached.functions:
                    yield Entry(call, (member,), Certainty.PROVEN)
                elif certain or family & set(map(key_of, self.run_by(reached.functions))):
                    yield Entry(call, reached.functions, reached.certainty)

    def run_by(self, reached: tuple[Scope, ...]) -> list[Scope]:
        """Return the functions that run where a call reaches `reached`: of a class those that make an instance."""
        found: list[Scope] = []
        for each in reached:
            if each.kind == "class":
                made = (self.program.find_method(each, name) for name in _MAKING)
                found += [method for method in made if method is not None]
            else:
                found += self.families.of(each)
        return found

    # --- downwards --------------------------------------------------------------------------------------------------

    def of(self, functions: tuple[Scope, ...]) -> list[Scope]:
        """Return what runs where `functions` are called: themselves, and the plain functions that they lead to."""
        found: dict[tuple[str, int], Scope] = {}
        pending = self.run_by(functions)
        while pending:
            current = pending.pop()
            if current.kind == "function" and key_of(current) not in found and not current.is_async:
                found[key_of(current)] = current
                pending += self._called(current)
        return [found[each] for each in sorted(found)]

    def _called(self, function: Scope) -> list[Scope]:
        if key_of(function) not in self._bodies:
            found: list[Scope] = []
            for call in function.module.calls_in(function.number):
                reached = self.receivers.reached(call)
                found += self.run_by(reached.functions)
                if not reached.functions:
                    dotted = self.program.dotted(call.module, call.scope, call.function)
                    if dotted is not None and self.program.is_own(dotted):
                        self.program.want_home(dotted)
            found += self._entered(function)
            self._bodies[key_of(function)] = found
        return self._bodies[key_of(function)]

    def _entered(self, function: Scope) -> Iterator[Scope]:
        """Yield the methods of the program by which a function enters and leaves its blocks."""
        module = function.module
        for record in module.facts["guards"]:
            guard = Guard(*record)
            inside = function.span.start <= guard.start < function.span.end
            if guard.kind != "with" or not inside or not guard.payload:
                continue
            kind = self.receivers.kind(module, function.number, guard.payload)
            if isinstance(kind, Scope):
                methods = (self.program.find_method(kind, name) for name in _BLOCK)
                yield from (each for each in methods if each is not None)


def below_of(program: Program, resolve: Resolve | None) -> Below:
    """Return the answers for a program, the same to all who ask with the same answers about its calls."""
    receivers = receivers_of(program, resolve)
    known: dict[str, Below] = receivers.remembered("below")
    if "" not in known:
        known[""] = Below(program, receivers)
    return known[""]


def is_put_off(call: Call) -> bool:
    """Tell whether a call stands in a lambda, or in a generator that may run when its function is over."""
    module, number = call.module, call.scope
    while number > 0:
        scope = module.scope(number)
        if scope.kind == "function":
            return False
        if scope.kind == "lambda":
            return True
        if scope.name == "<GeneratorExp>":
            use: Use = call.use[2] if call.use[:2] == ["elem", "GeneratorExp"] else ["comp"]
            taker = module.call(use[1]) if use[0] == "arg" else None
            if taker is None or module.dotted(taker.scope, taker.function) not in _CONSUMERS:
                return True
        number = scope.parent
    return False
