"""Tell whether a time to sleep is known not to be negative."""

from __future__ import annotations

import math
from typing import Any

from hasten.api import Module

#: So many names and operators are looked through.
_DEEPEST = 8
#: Functions that return no negative number, given none.
_KEEPING = frozenset({"builtins.max", "builtins.min", "builtins.float", "builtins.int", "builtins.round"})
_KEEPING_TOO = frozenset({"random.uniform", "random.randint", "math.sqrt", "math.ceil", "math.floor"})
_NEVER = frozenset({"random.random", "builtins.len"})
_OPERATORS = frozenset({"Add", "Mult", "Div", "FloorDiv", "Mod", "Pow"})


def is_known(module: Module, scope: int, shape: list[Any], depth: int = 0) -> bool:
    """Tell whether an expression is made of numbers that are written out, and is finite and not negative.

    `0.1`, `2 * 30`, `DELAY` after `DELAY = 0.5`, `random.uniform(0.1, 0.5)`, `max(0, anything)`.
    """
    if depth > _DEEPEST:
        return False
    match shape:
        case ["k", "int" | "float", str() as text]:
            return math.isfinite(float(text)) and float(text) >= 0
        case ["o", operator, left, right] if operator in _OPERATORS:
            return is_known(module, scope, left, depth + 1) and is_known(module, scope, right, depth + 1)
        case ["?", [one, other]]:
            return is_known(module, scope, one, depth + 1) and is_known(module, scope, other, depth + 1)
        case ["n", str() as name]:
            found = module.lookup(scope, name)
            return (
                found is not None
                and bool(found[1])
                and all(
                    each.kind == "assign"
                    and each.payload is not None
                    # A module's constant: others may assign to it, and then mean a number like it.
                    and is_known(module, found[0], each.payload, depth + 1)
                    for each in found[1]
                )
            )
        case ["c", int() as index]:
            return _is_known_call(module, index, depth)
        case _:
            return False


def _is_known_call(module: Module, index: int, depth: int) -> bool:
    call = module.call(index)
    dotted = module.dotted(call.scope, call.function)
    plain = [each for each in call.arguments if each.keyword is None]
    known = [is_known(module, call.scope, each.shape, depth + 1) for each in plain]
    if dotted in _NEVER:
        return True
    if len(plain) != len(call.arguments) or not plain:
        return False
    if dotted == "builtins.max" and len(plain) > 1:
        # NaN comes through where it stands first: `max(nan, 0)` is NaN, `max(0, nan)` is 0.
        return known[0]
    return dotted in _KEEPING | _KEEPING_TOO and all(known)
