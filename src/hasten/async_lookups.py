"""Where functions are looked up by name while the program runs: `getattr` and its like."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from hasten.async_kinds import owner_of
from hasten.async_receivers import Receivers
from hasten.index.module import Call, Module, Scope, Shape
from hasten.index.program import Program

_BY_NAME = frozenset({"getattr", "methodcaller", "attrgetter", "getattr_static"})
_ON_ANYTHING = frozenset({"methodcaller", "attrgetter"})
_WHOLE = "\0"


@dataclass(frozen=True, slots=True)
class _Lookup:
    """A `getattr` or its like: by which name, on what, and whether what it finds may be called."""

    call: Call
    pattern: tuple[str, str] | None
    around: Scope | None = None
    home: Module | None = None
    foreign: bool = False
    called: bool = False


class Lookups:
    """Answers for the functions of one program."""

    def __init__(self, program: Program, receivers: Receivers) -> None:
        """Take the program and its receivers."""
        self.program = program
        self._receivers = receivers

    def of(self, function: Scope) -> list[Call]:
        """Return the lookups that may find `function`."""
        return [each.call for each in self._all if self._may_find(each, function)]

    def _may_find(self, lookup: _Lookup, function: Scope) -> bool:
        owner, known = owner_of(function), lookup.pattern is not None
        if lookup.foreign or not (known or lookup.called) or not _fits(lookup.pattern, function.name):
            return False
        if lookup.around is not None:
            return owner is not None and (
                self.program.derives(owner, lookup.around) or self.program.derives(lookup.around, owner)
            )
        if lookup.home is not None:
            return lookup.home is function.module
        # Of something unknown, by a name that nobody knows, it is a value that is asked for, as a rule.
        return known

    @cached_property
    def _all(self) -> list[_Lookup]:
        """Every `getattr` and its like."""
        found: list[_Lookup] = []
        for tail in sorted(_BY_NAME):
            for call in self.program.calls_named(tail, want=False):
                asked = call.argument(0 if tail in _ON_ANYTHING else 1)
                if asked is not None:
                    found.append(self._lookup(call, asked.shape))
        return found

    def _lookup(self, call: Call, asked: Shape) -> _Lookup:
        module, scope = call.module, call.scope
        called = call.use[0] in {"callee", "asg"}
        pattern = _pattern(module, scope, asked)
        if call.tail in _ON_ANYTHING:
            return _Lookup(call, pattern, called=called)
        on = call.arguments[0].shape
        around = self._receivers.class_around(module, scope, on)
        if around is not None:
            return _Lookup(call, pattern, around, called=called)
        dotted = module.dotted(scope, on) if on[0] in {"n", "a"} else None
        home = self.program.named(dotted) if dotted is not None else None
        if on[0] == "i" and on[1][-1] == "modules":  # sys.modules[__name__]
            home = module
        kind = self._receivers.kind(module, scope, on) if dotted is None and home is None else None
        foreign = isinstance(kind, str) or (dotted is not None and home is None and not self.program.is_own(dotted))
        return _Lookup(call, pattern, home=home, foreign=foreign, called=called)


def _pattern(module: Module, scope: int, shape: Shape) -> tuple[str, str] | None:
    """Return how a text begins and ends, `("save", _WHOLE)` for one that is wholly known; None where nobody knows.

    It may be put together (`f"do_{verb}"`, `"do_" + verb`), and stand in a variable first.
    """
    if shape[0] == "n":
        found = module.lookup(scope, shape[1])
        if found is None or len(found[1]) != 1 or found[1][0].kind != "assign" or found[1][0].payload is None:
            return None
        shape = found[1][0].payload
    if shape[:2] == ["k", "str"]:
        return (str(shape[2]), _WHOLE)
    if shape[0] == "f" and shape[1]:
        first, last = shape[1][0], shape[1][-1]
    elif shape[0] == "o" and shape[1] == "Add":
        first, last = shape[2], shape[3]
    else:
        return None
    head = str(first[2]) if first[:2] == ["k", "str"] else ""
    tail = str(last[2]) if last[:2] == ["k", "str"] else ""
    return (head, tail) if head or tail else None


def _fits(pattern: tuple[str, str] | None, name: str) -> bool:
    if pattern is None:
        return True
    head, tail = pattern
    return name in head.split(".") if tail == _WHOLE else name.startswith(head) and name.endswith(tail)
