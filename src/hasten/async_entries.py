"""Commands and entry points whose body runs in a coroutine of its own: one event loop for all that it calls."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from hasten.async_forms import Form
from hasten.async_kinds import key_of, owner_of
from hasten.async_places import Surroundings
from hasten.async_starts import Starts
from hasten.index.module import Scope
from hasten.index.program import Program
from hasten.model import ImportRequest
from hasten.propagate import Constraint
from hasten.uses import trouble_with

#: Where a name in capitals and small letters is parted into words.
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


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

    def __init__(self, program: Program, starts: Starts) -> None:
        """Take the program, and which calls run its functions."""
        self.program = program
        self.starts = starts
        #: Returns the classes that share heirs or ancestors with a class, itself among them.
        self.related: Callable[[Scope], list[Scope]] = lambda owner: [owner]
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
        owner = owner_of(function)
        if (function.parent != 0 and owner is None) or function.is_generator or function.is_async:
            return None
        if trouble_with(self.program, module, 0, "asyncio", function.span.start):
            return None
        if self.reaches(function, (function, *running)):
            return None
        name = self._free_method(function, owner) if owner is not None else self._free(function)
        if name is None:
            return None
        data = [("name", name)]
        if owner is not None:
            if not function.parameters or function.parameters[0][1] not in {"plain", "posonly"}:
                return None
            data.append(("method", function.parameters[0][0]))
        imports = (ImportRequest(module.path, "asyncio"),)
        return Form("run-inside", tuple(data), imports, extent=function.span)

    def _free(self, function: Scope) -> str | None:
        module = function.module
        used = {name for table in (*module.facts["binds"], *module.facts["reads"]) for name in table}
        names = (f"_{function.name}", f"_{function.name}_async", f"_run_{function.name}")
        return next((each for each in names if each not in used), None)

    def _free_method(self, function: Scope, owner: Scope) -> str | None:
        """Return a name that no class has that shares heirs or ancestors: each of them runs its own body."""
        related = self.related(owner)
        used = {name for each in related for name in each.module.facts["binds"][each.number]}
        # Another entry of that name, above or below, may get such a method in a later run.
        own = "_".join(_WORDS.split(owner.name.strip("_"))).lower()
        several = any(
            function.name in each.module.facts["binds"][each.number]
            for each in related
            if key_of(each) != key_of(owner)
        )
        short = (f"_{function.name}_async", f"_run_{function.name}")
        names = (*(() if several else short), f"_{function.name}_of_{own}")
        return next((each for each in names if each not in used and not self._is_set(each)), None)

    def _is_set(self, name: str) -> bool:
        """Tell whether any object has an attribute of that name."""
        return next(iter(self.program.modules_with("attribute_stores", name)), None) is not None

    def reaches(self, function: Scope, targets: Iterable[Scope]) -> bool:
        """Tell whether `function` calls one of `targets`, itself or through others."""
        pending = list(targets)
        seen: set[tuple[str, int]] = set()
        while pending:
            current = pending.pop()
            if current.kind != "function":
                continue
            for key, caller in self.starts.above(current).items():
                if key == key_of(function):
                    return True
                if key not in seen:
                    seen.add(key)
                    pending.append(caller)
        return False


def _id(function: Scope) -> str:
    return f"{function.module.path}:{function.span.start}"
