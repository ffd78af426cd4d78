"""Where functions are looked up by name while the program runs: `getattr` and its like."""

from __future__ import annotations

from collections.abc import Iterator
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
        called = lookup.called or lookup.call.tail == "methodcaller"
        if lookup.foreign or not (known or called) or not _fits(lookup.pattern, function.name):
            return False
        if lookup.around is not None:
            return owner is not None and (
                self.program.derives(owner, lookup.around) or self.program.derives(lookup.around, owner)
            )
        if lookup.home is not None:
            return lookup.home is function.module
        # Of something unknown, by a name that nobody knows, it is a value that is asked for, as a rule; but what
        # `methodcaller` finds is called.
        return known or (lookup.call.tail == "methodcaller" and owner is not None)

    @cached_property
    def _all(self) -> list[_Lookup]:
        """Every `getattr` and its like."""
        found: list[_Lookup] = []
        for tail in sorted(_BY_NAME):
            for call in self.program.calls_named(tail, want=False):
                asked = call.argument(0 if tail in _ON_ANYTHING else 1)
                if asked is not None:
                    found.append(self._lookup(call, asked.shape))
        return found + list(self._in_namespaces())

    def _in_namespaces(self) -> Iterator[_Lookup]:
        """Yield the calls of what a namespace has under a name: `vars(Jobs)["run"]()`, `m.__dict__[name]()`."""
        holding = {
            each.path: each
            for section, name in (("attribute_reads", "__dict__"), ("tails", "vars"))
            for each in self.program.modules_with(section, name)
        }
        for _path, module in sorted(holding.items()):
            for call in module.calls():
                match call.function:
                    case ["i", ["a", on, "__dict__"], key]:
                        yield self._lookup_on(call, _pattern(module, call.scope, key), on, called=True)
                    case ["i", ["c", int() as index], key] if module.call(index).function == ["n", "vars"]:
                        whose = module.call(index).argument(0)
                        if whose is not None:
                            yield self._lookup_on(call, _pattern(module, call.scope, key), whose.shape, called=True)
                    case _:
                        continue

    def _lookup(self, call: Call, asked: Shape) -> _Lookup:
        called = call.use[0] in {"callee", "asg"}
        pattern = _pattern(call.module, call.scope, asked)
        if call.tail in _ON_ANYTHING:
            return _Lookup(call, pattern, called=called)
        return self._lookup_on(call, pattern, call.arguments[0].shape, called=called)

    def _lookup_on(self, call: Call, pattern: tuple[str, str] | None, on: Shape, *, called: bool) -> _Lookup:
        module, scope = call.module, call.scope
        around = self._receivers.class_around(module, scope, on) or self._receivers.class_named(module, scope, on)
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
