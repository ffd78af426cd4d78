"""Kinds of values that orjson treats differently, told by their classes and by the calls that make them."""

from __future__ import annotations

import re

from hasten.api import Call, Program, Scope

_FARTHEST = 10
_ENUMS = frozenset({"enum.Enum", "enum.Flag"})
_TUPLES = frozenset(
    {"typing.NamedTuple", "collections.namedtuple", "builtins.tuple", "builtins.float", "typing_extensions.NamedTuple"}
)
_COLLECTIONS = frozenset({"builtins.dict", "builtins.list", "collections.OrderedDict"})
_OVERRIDING = ("items", "__iter__", "keys", "__getitem__")
_SPELLINGS = re.compile(r"^\s*[+-]?(?:nan|inf(?:inity)?)\s*$", re.IGNORECASE)

#: Constants that are NaN or infinity.
NON_FINITE = frozenset({"math.nan", "math.inf", "numpy.nan", "numpy.inf"})


def is_enum(program: Program, target: Scope) -> bool:
    """Tell whether a class is an Enum, as far as the program shows."""
    return _derives_from(program, target, _ENUMS)


def is_tuple(program: Program, target: Scope) -> bool:
    """Tell whether a class is a tuple or a float, which `json` writes as such and orjson does not."""
    return _derives_from(program, target, _TUPLES)


def is_other_collection(program: Program, target: Scope) -> bool:
    """Tell whether a class is a dictionary or list that overrides how it is read, which orjson does not notice."""
    return any(target.module.bindings(target.number, each) for each in _OVERRIDING) and _derives_from(
        program, target, _COLLECTIONS
    )


def makes_non_finite(call: Call) -> bool:
    """Tell whether a call of `float` is given the name of NaN or infinity."""
    first = call.argument(0)
    return first is not None and first.shape[:2] == ["k", "str"] and bool(_SPELLINGS.match(first.shape[2] or ""))


def _derives_from(program: Program, target: Scope, names: frozenset[str], depth: int = 0) -> bool:
    for base in target.bases:
        shape = target.module.call(base[1]).function if base[0] == "c" else base
        dotted = target.module.dotted(target.parent, shape) or ""
        if dotted in names:
            return True
        found = program.resolve(dotted) if dotted and depth < _FARTHEST else None
        if found is not None and found.kind == "class" and _derives_from(program, found, names, depth + 1):
            return True
    return False
