"""Values that have more than a name where they arise: `(d := {})[1] = 2`, `d = e = {}`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hasten.api import Module

Shape = list[Any]

#: Shapes nest no deeper than this.
_DEEPEST = 12


def flat(use: list[Any]) -> Iterator[list[Any]]:
    """Yield the uses that one use is made of: `(d := f())` is bound, and is put to the use around it."""
    if use[0] == "multi":
        for each in use[1]:
            yield from flat(each)
    else:
        yield use


def holds(shape: Shape | None, value: Shape, depth: int = 0) -> bool:
    """Tell whether a shape is a value, or is made of it."""
    if shape is None or depth > _DEEPEST:
        return False
    if shape == value:
        return True
    match shape:
        case ["l" | "t" | "s" | "?" | "b", list(parts)]:
            return any(holds(each, value, depth + 1) for each in parts)
        case ["d", list(pairs)]:
            return any(holds(each, value, depth + 1) for _, each in pairs)
        case ["i", inner, _] | ["x", "Starred", inner]:
            return holds(inner, value, depth + 1)
        case _:
            return False


def given_in_passing(module: Module, at: int, value: Shape) -> Iterator[tuple[int, list[Any]]]:
    """Yield the uses that calls make of a value around the place of its name: `f(d := {})`, `(d := {}).update(e)`."""
    for index, record in enumerate(module.facts["calls"]):
        if not record[0] <= at < record[1]:
            continue
        for position, (word, shape, start, end) in enumerate(record[4]):
            if start <= at < end and holds(shape, value):
                yield record[2], ["arg", index, position if word is None else word]
        if record[3][0] == "a" and holds(record[3][1], value):
            yield record[2], ["meth", record[3][2], index]
