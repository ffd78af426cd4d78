"""Several values that a function gives together, to be taken apart by whoever calls it.

def open_store():
    ...
    return connection, cursor

connection, cursor = open_store()
"""

from __future__ import annotations

from typing import Any

from hasten.api import Module, Scope

#: What a shape says that stands for one of several values that a call gives, beside the call and the value's number.
ITEM = "item"


def numbers(function: Scope, shape: list[Any]) -> list[int]:
    """Return at which places a value stands among those that a function gives together; none where it cannot be told.

    return first, connection        return first, connection if first else None
    """
    parts = [(at, one) for each in function.returned if _is_plain(each) for at, one in enumerate(each[1])]
    if any(one != shape and _may_be(one, shape) for _at, one in parts):
        return []
    return sorted({at for at, one in parts if one == shape})


def part(shape: list[Any], number: int) -> list[Any] | None:
    """Return one of several values that are given together, None where it cannot be told which that is."""
    return shape[1][number] if _is_plain(shape) and number < len(shape[1]) else None


def given(module: Module, whole: list[Any] | None, start: int) -> list[Any] | None:
    """Return what the variable at `start` is given that takes one value of a `whole`; None where that is unknown.

    That is `[ITEM, call, number]`.
    """
    if whole is None or whole[0] != "c":
        return None
    found = [number for number, (_name, place) in enumerate(module.unpacked(whole[1])) if place == start]
    return [ITEM, whole[1], found[0]] if found else None


def _may_be(shape: list[Any], value: list[Any]) -> bool:
    """Tell whether one of several values may be a certain one."""
    return shape == value or (shape[0] in {"?", "b"} and any(_may_be(each, value) for each in shape[1]))


def _is_plain(shape: list[Any]) -> bool:
    """Tell whether a shape is a tuple of which each value has its place: not `*values, connection`."""
    return shape[0] == "t" and all(each[:2] != ["x", "Starred"] for each in shape[1])
