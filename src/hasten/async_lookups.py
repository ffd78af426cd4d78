"""Where functions are looked up by name while the program runs: `getattr` and its like."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from hasten.async_kinds import owner_of
from hasten.async_receivers import Receivers
from hasten.index.module import Call, Module, Scope, Shape
from hasten.index.program import Program

_BY_NAME = frozenset({"getattr", "methodcaller", "attrgetter", "getattr_static"})
_ON_ANYTHING = frozenset({"methodcaller", "attrgetter"})
_NAMESPACES = frozenset({"vars", "__dict__"})
#: What gives a module by its name.
IMPORTING = frozenset({"import_module", "__import__", "module_from_spec", "load_module"})
_WHOLE = "\0"
#: Where a name that is put together is likely to be cut: do_|save, visit|Name.
_CUT = re.compile(r"(?<=_)(?=[^_])|(?<=[^_])(?=_)|(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class _Lookup:
    """A `getattr` or its like: by which name, on what, and whether what it finds may be called.

    Attributes:
        pattern: how the name begins and ends, None where nobody knows.
        on: what it is looked up on, None for anything.
    """

    call: Call
    pattern: tuple[str, str] | None
    on: Shape | None = None
    called: bool = False


class Lookups:
    """Answers for the functions of one program."""

    def __init__(self, program: Program, receivers: Receivers) -> None:
        """Take the program and its receivers."""
        self.program = program
        self._receivers = receivers

    def of(self, function: Scope) -> list[Call]:
        """Return the lookups that may find `function`."""
        self._want(function)
        return [each.call for each in self._all if self._may_find(each, function)]

    def _want(self, function: Scope) -> None:
        """Want the files that may look `function` up: by its name, or a part of it, or on what it belongs to."""
        name, owner = function.name, owner_of(function)
        for part in (name, *_parts(name)):
            self.program.want(part, beside=_BY_NAME)
        self.program.want("methodcaller", "called")
        first, _, last = function.module.name.rpartition(".")
        self.program.want(owner.name if owner is not None else last, beside=_BY_NAME | _NAMESPACES)
        if owner is None and first:
            self.program.want(first.partition(".")[0], beside=IMPORTING)

    def _may_find(self, lookup: _Lookup, function: Scope) -> bool:
        known = lookup.pattern is not None
        called = lookup.called or lookup.call.tail == "methodcaller"
        if not (known or called) or not _fits(lookup.pattern, function.name):
            return False
        owner = owner_of(function)
        if lookup.on is None:
            # By a name that nobody knows a value is asked for, as a rule; but `methodcaller` calls what it finds.
            return known or (lookup.call.tail == "methodcaller" and owner is not None)
        return self._may_be_found_on(lookup.call.module, lookup.call.scope, lookup.on, function, known=known)

    def _may_be_found_on(self, module: Module, scope: int, on: Shape, function: Scope, *, known: bool) -> bool:
        """Tell whether `on` may have `function`; of something unknown, only by a name that is `known` in part."""
        owner = owner_of(function)
        around = self._receivers.class_around(module, scope, on) or self._receivers.class_named(module, scope, on)
        if around is not None:
            return owner is not None and (self.program.derives(owner, around) or self.program.derives(around, owner))
        dotted = module.dotted(scope, on) if on[0] in {"n", "a"} else None
        home = self.program.named(dotted) if dotted is not None else None
        if on[0] == "i" and on[1][-1] == "modules":  # sys.modules[__name__]
            home = module
        if home is not None:
            return home is function.module
        loaded = loaded_by(module, scope, on)
        if loaded is not None:
            given = loaded.argument(0, "name")
            name = _pattern(module, loaded.scope, given.shape) if given is not None else None
            if name is not None and name[0].startswith("."):
                name = ("", name[1])
            # By a name that nobody knows, on a module that nobody knows: plugins, which the program does not name.
            return (
                owner is None
                and function.parent == 0
                and (known or name is not None)
                and _fits(name, function.module.name)
            )
        if not known:
            return False
        kind = self._receivers.kind(module, scope, on) if dotted is None else None
        return not isinstance(kind, str) and (dotted is None or self.program.is_own(dotted))

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
                        yield _Lookup(call, _pattern(module, call.scope, key), on, called=True)
                    case ["i", ["c", int() as index], key] if module.call(index).function == ["n", "vars"]:
                        whose = module.call(index).argument(0)
                        if whose is not None:
                            yield _Lookup(call, _pattern(module, call.scope, key), whose.shape, called=True)
                    case _:
                        continue

    def _lookup(self, call: Call, asked: Shape) -> _Lookup:
        called = call.use[0] in {"callee", "asg"}
        on = call.arguments[0].shape if call.tail not in _ON_ANYTHING else None
        return _Lookup(call, _pattern(call.module, call.scope, asked), on, called=called)


def loaded_by(module: Module, scope: int, shape: Shape) -> Call | None:
    """Return the call that imports the module that a value is, if it is one that is imported by its name."""
    if shape[0] == "c":
        call = module.call(shape[1])
        return call if call.tail in IMPORTING else None
    found = module.lookup(scope, shape[1]) if shape[0] == "n" else None
    given = [each for each in found[1] if each.kind == "assign"] if found is not None else []
    calls = (loaded_by(module, each.scope, each.payload) for each in given if each.payload and each.payload[0] == "c")
    return next((each for each in calls if each is not None), None)


def _parts(name: str) -> list[str]:
    """Return the beginnings and the ends of a name of which it may be put together."""
    cuts = sorted({each.start() for each in _CUT.finditer(name)} - {0, len(name)})
    return [part for cut in cuts for part in (name[:cut], name[cut:]) if part.strip("_")]


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
