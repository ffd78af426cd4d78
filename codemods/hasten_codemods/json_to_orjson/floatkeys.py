"""Floats as keys of dictionaries: `json` writes them by `repr`, orjson in another way (`1e-05` and `0.00001`)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from hasten.api import Module, Program
from hasten_codemods.json_to_orjson import kinds

Shape = list[Any]

_MAPPINGS = frozenset({"dict", "Dict", "Mapping", "MutableMapping", "defaultdict", "DefaultDict", "Counter"})
#: Calls whose first argument holds keys, or is one.
_KEYED = ("Counter", "fromkeys", "setdefault")


def find(program: Program) -> str | None:
    """Return a place of the program that uses a float as a key of a dictionary."""
    for module in program.modules:
        for _base, key, _value, scope in module.facts["item_stores"]:
            if kinds.is_float_key(program, module, scope, key):
                start = module.call(key[1]).span.start if key[0] == "c" else module.scope(scope).span.start
                return _place(module, start)
        for scope, start, shape in module.remember("json-to-orjson: keys", partial(_keyed, module)):
            if has_float_key(program, module, scope, shape):
                return _place(module, start)
        for start in module.remember("json-to-orjson: annotated keys", partial(_annotated, module)):
            return _place(module, start)
    for name in _KEYED:
        for call in program.calls_named(name, want=False):
            first = call.argument(0)
            if first is not None and _is_float_or_holds_one(program, call.module, call.scope, first.shape):
                return _place(call.module, call.span.start)
    return None


def has_float_key(program: Program, module: Module, scope: int, shape: Shape) -> bool:
    """Tell whether a dictionary display or comprehension has a key that is a float."""
    match shape:
        case ["d", pairs]:
            return any(key is not None and kinds.is_float_key(program, module, scope, key) for key, _ in pairs)
        case ["g", "DictComp", ["t", [key, _]]]:
            return any(
                kinds.is_float_key(program, module, each, key) for each in comprehensions(module, scope, shape, 0)
            )
        case _:
            return False


def comprehensions(module: Module, scope: int, shape: Shape, at: int) -> list[int]:
    """Return the scopes that a comprehension in `scope`, at or after offset `at`, may be; the nearest comes first."""
    kind, scopes = f"<{shape[1]}>", module.facts["scopes"]
    end, found = scopes[scope][4], []
    for number in range(scope + 1, len(scopes)):
        record = scopes[number]
        if record[3] >= end:
            break  # scopes are numbered in the order in which they open
        if record[2] == scope and record[0] == "comp" and record[1] == kind and record[3] >= at:
            found.append(number)
    return found or [scope]


def is_annotated(shape: Shape | None) -> bool:
    """Tell whether an annotation is that of a dictionary with float keys."""
    match shape:
        case ["i", ["n", name] | ["a", _, name], ["t", [key, *_]]] if name in _MAPPINGS:
            return key == ["n", "float"] or (key[0] == "o" and ["n", "float"] in key)
        case _:
            return False


def _is_float_or_holds_one(program: Program, module: Module, scope: int, shape: Shape) -> bool:
    match shape:
        case ["l" | "t" | "s", elements]:
            return any(kinds.is_float_key(program, module, scope, each) for each in elements)
        case ["g", _, element]:
            return any(
                kinds.is_float_key(program, module, each, element) for each in comprehensions(module, scope, shape, 0)
            )
        case _:
            return kinds.is_float_key(program, module, scope, shape)


def _keyed(module: Module) -> list[tuple[int, int, Shape]]:
    """Return the displays and comprehensions that have other keys than text."""
    if not module.facts["keyed"]:
        return []
    return [
        (scope, start, shape)
        for scope, start, shape in _values(module)
        if (shape[0] == "d" and any(key is not None and key[:2] != ["k", "str"] for key, _ in shape[1]))
        or shape[:2] == ["g", "DictComp"]
    ]


def _annotated(module: Module) -> list[int]:
    """Return the offsets of annotations that promise float keys."""
    if not module.facts["floats"]:
        return []
    return [start for start, annotation in _annotations(module) if is_annotated(annotation)]


def _values(module: Module) -> Iterator[tuple[int, int, Shape]]:
    """Yield the displays that are bound, returned or passed on, with their scopes and offsets."""
    for scope, table in enumerate(module.facts["binds"]):
        for records in table.values():
            for kind, payload, start, _nest in records:
                if kind == "assign" and payload is not None:
                    yield scope, start, payload
    for number, record in enumerate(module.facts["scopes"]):
        for shape in record[11]:
            yield number, record[3], shape
    for record in module.facts["calls"]:
        for _word, shape, start, _end in record[4]:
            yield record[2], start, shape
    for records in module.facts["attribute_stores"].values():
        for _base, value, scope, start in records:
            if value is not None:
                yield scope, start, value


def _annotations(module: Module) -> Iterator[tuple[int, Shape | None]]:
    for record in module.facts["scopes"]:
        yield record[3], record[7]
        for parameter in record[5]:
            yield record[3], parameter[2]
    for table in module.facts["binds"]:
        for records in table.values():
            for kind, payload, start, _nest in records:
                if kind == "declared":
                    yield start, payload


def _place(module: Module, start: int) -> str:
    return f"{module.path}:{module.position(start).line}"
