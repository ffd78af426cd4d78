"""Functions that are called out of tables: `MAKERS[kind]()`, `MAKERS.get(kind, str)()`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hasten.api import Module, Program

Shape = list[Any]

#: Tables in tables, and names of names, are looked through so far.
_FARTHEST = 8
_TAKING = frozenset({"get", "pop", "setdefault"})


def functions(
    program: Program, module: Module, scope: int, shape: Shape, depth: int = 0
) -> Iterator[tuple[Module, int, Shape]]:
    """Yield what a call of `shape` may call, as far as the tables and variables can be seen that it is taken from.

    Each is a dotted name or a lambda, with the module and the scope that it stands in.
    """
    if depth > _FARTHEST:
        return
    match shape:
        case ["i", inner, _]:
            yield from functions(program, module, scope, inner, depth + 1)
        case ["c", int() as index] if module.call(index).tail in _TAKING and module.call(index).function[0] == "a":
            call = module.call(index)
            for each in [call.function[1], *(argument.shape for argument in call.arguments[1:])]:
                yield from functions(program, module, scope, each, depth + 1)
        case ["d", pairs]:
            for _key, value in pairs:
                yield from functions(program, module, scope, value, depth + 1)
        case ["l" | "t" | "?" | "b", list(parts)]:
            for each in parts:
                yield from functions(program, module, scope, each, depth + 1)
        case ["n" | "a", *_]:
            yield from _named(program, module, scope, shape, depth)
        case ["m", _]:
            yield module, scope, shape
        case _:
            return


def _named(
    program: Program, module: Module, scope: int, shape: Shape, depth: int
) -> Iterator[tuple[Module, int, Shape]]:
    dotted = module.dotted(scope, shape)
    owner = program.owner_of(dotted) if dotted is not None else None
    found = module.lookup(scope, shape[1]) if shape[0] == "n" and dotted is None else None
    bound = [(module, each) for each in found[1]] if found is not None else []
    if owner is not None:
        bound = [(owner[0], each) for each in owner[0].bindings(0, owner[1])]
    values = [(where, each) for where, each in bound if each.kind == "assign" and each.payload]
    for where, each in values:
        yield from functions(program, where, each.scope, each.payload, depth + 1)
    if not values:
        yield module, scope, shape
