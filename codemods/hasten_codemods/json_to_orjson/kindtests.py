"""Code that asks an exception what it is: `isinstance(error, TypeError)`, `kind is TypeError`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from hasten.api import Module, Program, Scope
from hasten_codemods.json_to_orjson.handlers import KNOWN, Shape, caught, is_telling

_ASKING = ("isinstance", "issubclass")
_PASSING = frozenset({"__exit__", "__aexit__"})


class Test(NamedTuple):
    """One question: in which scope, where, and for which exceptions."""

    types: Shape
    scope: int
    start: int
    subject: Shape


def tests_in(program: Program, function: Scope) -> Iterator[Test]:
    """Yield the tests of the kind of an exception in a function."""
    module = function.module
    for name in _ASKING:
        for call in module.calls_named(name):
            subject, types = call.argument(0), call.argument(1)
            inside = function.span.start <= call.span.start < function.span.end
            if (
                inside
                and subject is not None
                and types is not None
                and _means_errors(program, module, call.scope, types.shape)
            ):
                yield Test(types.shape, call.scope, call.span.start, subject.shape)
    lines: dict[int, tuple[list[Shape], int, int]] = {}
    for scope, start, shape in _compared(module, function):
        if _means_errors(program, module, scope, shape):
            # `kind in (TypeError, ValueError)` treats both alike: what one line compares is one test.
            lines.setdefault(module.position(start).line, ([], scope, start))[0].append(shape)
    for shapes, scope, start in lines.values():
        yield Test(shapes[0] if len(shapes) == 1 else ["t", shapes], scope, start, ["x", "Compare"])


def _compared(module: Module, function: Scope) -> Iterator[tuple[int, int, Shape]]:
    """Yield what is compared in a function, by itself or in a tuple."""
    scope = function.number
    for name, reads in module.facts["reads"][scope].items():
        for start, _end, use in reads:
            if _is_compared(use):
                yield scope, start, ["n", name]
    for name, records in module.facts["attribute_reads"].items():
        for base, use, inner, start, _end in records:
            if inner == scope and _is_compared(use):
                yield scope, start, ["a", base, name]


def _is_compared(use: list[Any]) -> bool:
    while use[0] == "elem":
        use = use[2]
    return bool(use[0] == "cmp") and use[2] != ["k", "NoneType", None]


def _means_errors(program: Program, module: Module, scope: int, types: Shape) -> bool:
    """Tell whether a type, or one of a tuple of types, is an exception, or is kept in an attribute and may be."""
    match types:
        case ["t", list(parts)]:
            return any(_means_errors(program, module, scope, each) for each in parts)
        case ["a", ["n", "self" | "cls"], _]:
            return True
        case ["n" | "a", *_]:
            dotted = module.dotted(scope, types)
            if dotted is None and types[0] == "a":
                return False
            found = caught(program, module, scope, types)
            if dotted is None:
                # A variable: only where it is seen to hold exceptions.
                bound = module.lookup(scope, types[1])
                assigned = bound is not None and any(each.kind == "assign" for each in bound[1])
                return assigned and found is not None and not found.isdisjoint(KNOWN)
            return found is not None and not found.isdisjoint(KNOWN)
        case _:
            return False


def reads_error(method: Scope) -> bool:
    """Tell whether an `__exit__`, or a function that is pushed as one, looks at the words of the error it is given."""
    module = method.module
    names = [each[0] for each in method.parameters if each[1] != "**"]
    place = 2 if module.scope(method.parent).kind == "class" else 1  # self, kind, error
    packed = len(names) <= place  # `def __exit__(self, *exc)`
    starred = bool(method.parameters) and method.parameters[-1][1] == "*"
    error = names[place] if not packed else names[-1] if starred else ""
    for _start, _end, use in module.facts["reads"][method.number].get(error, ()):
        seen = use[1] if packed and use[0] == "sub" else use
        if packed and seen[0] in {"cmp", "unpack", "asg"}:
            continue
        if seen[0] == "cmp" or not is_telling(seen):
            continue
        if seen[0] == "arg":
            call = module.call(seen[1])
            if call.tail in {*_ASKING, *_PASSING, "type", "bool", "len"}:
                continue
        return True
    return False
