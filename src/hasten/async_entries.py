"""Commands and entry points whose body runs in a coroutine of its own: one event loop for all that it calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from hasten.async_forms import Form
from hasten.async_kinds import key_of
from hasten.async_places import Surroundings, function_around
from hasten.async_rules import Definitions
from hasten.index.module import Call, Scope
from hasten.index.program import Program
from hasten.model import ImportRequest
from hasten.propagate import Constraint
from hasten.uses import trouble_with


@dataclass(frozen=True, slots=True)
class Plain:
    """What there is to say about a call if the function around it were a coroutine function.

    Attributes:
        constraints, hazards: those of the place.
        wrapped: the call could also run in a loop of its own.
    """

    constraints: tuple[Constraint, ...]
    hazards: tuple[Constraint, ...]
    wrapped: bool


class Entries:
    """The calls in the entries of one program, and how an entry is written that runs its own body."""

    def __init__(self, program: Program, definitions: Definitions) -> None:
        """Take the program, and what is known of its definitions."""
        self.program = program
        self.definitions = definitions
        #: Returns the calls that run a function, a command also by others than itself.
        self.starts_of: Callable[[Scope], list[Call]] = lambda function: [call for call, _ in program.callers(function)]
        self._calls: dict[tuple[str, int], dict[str, Plain]] = {}
        self._keys: dict[str, tuple[str, int]] = {}

    def add(self, around: Surroundings, site: str, constraints: tuple[Constraint, ...], *, wrapped: bool) -> None:
        """Note a call in an entry."""
        key = key_of(around.function)
        self._calls.setdefault(key, {})[site] = Plain(constraints, around.hazards, wrapped)
        self._keys[_id(around.function)] = key

    def at(self, function: str, site: str) -> Plain | None:
        """Return what was noted of a call in a function, by their ids."""
        return self._calls.get(self._keys.get(function, ("", -1)), {}).get(site)

    def needs_more(self, function: str) -> bool:
        """Tell whether a function needs more than one `asyncio.run` around one call."""
        calls = self._calls.get(self._keys.get(function, ("", -1)), {})
        return len(calls) > 1 or any(not each.wrapped for each in calls.values())

    def form(self, function: Scope, running: Iterable[Scope]) -> Form | None:
        """Return how an entry is written that runs its body, None where it cannot be.

        Args:
            function: the entry.
            running: functions that start loops once all is done; it must not reach one.
        """
        module = function.module
        if function.parent != 0 or function.is_generator or function.is_async:
            return None
        if trouble_with(self.program, module, 0, "asyncio", function.span.start):
            return None
        if self._reaches(function, (function, *running)):
            return None
        used = {name for table in (*module.facts["binds"], *module.facts["reads"]) for name in table}
        names = (f"_{function.name}", f"_{function.name}_async", f"_run_{function.name}")
        name = next((each for each in names if each not in used), None)
        if name is None:
            return None
        imports = (ImportRequest(module.path, "asyncio"),)
        return Form("run-inside", (("name", name),), imports, extent=function.span)

    def _reaches(self, function: Scope, targets: Iterable[Scope]) -> bool:
        """Tell whether `function` calls one of `targets`, itself or through others."""
        pending = list(targets)
        seen: set[tuple[str, int]] = set()
        while pending:
            current = pending.pop()
            if current.kind != "function":
                continue
            for call in self.starts_of(current):
                caller = function_around(call.module, call.scope)
                known = self.program.target_of(call)[0] is not None
                if not known and current.parent == 0 and self.definitions.is_method(call):
                    continue
                if key_of(caller) == key_of(function):
                    return True
                if key_of(caller) not in seen:
                    seen.add(key_of(caller))
                    pending.append(caller)
        return False


def _id(function: Scope) -> str:
    return f"{function.module.path}:{function.span.start}"
