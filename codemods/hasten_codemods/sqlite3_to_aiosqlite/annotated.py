"""Annotations of what holds connections and cursors that are kept or handed over: they name `sqlite3`'s classes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hasten.api import Module, Program, Scope, Span
from hasten_codemods.sqlite3_to_aiosqlite.lives import Mark
from hasten_codemods.sqlite3_to_aiosqlite.places import Attribute, Place, Requested, Returned, Variable, Yielded

_CLASSES = ("Connection", "Cursor")
#: How a class is used in an annotation: `X`, `X | None`, `Optional[X]`, `tuple[X, str]`.
_NAMED = frozenset({"ann", "bin", "idx", "elem"})


def of(program: Program, places: Iterable[Place]) -> list[tuple[Module, Mark]]:
    """Return what changes in the annotations of places, each with its file."""
    heads: dict[str, list[Scope]] = {}
    lines: dict[str, set[int]] = {}
    for place in places:
        module = program.module(place.path)
        match place:
            case Variable(_, scope, name):
                if module.scope(scope).kind == "function":
                    heads.setdefault(place.path, []).append(module.scope(scope))
                starts = [(module, each.start) for each in module.bindings(scope, name) if each.kind != "param"]
                starts += _aliases(program, module.scope(scope), name)
            case Attribute(_, owner, name):
                starts = [(module, each.start) for each in module.bindings(owner, name)]
                starts += [
                    (other, entry[3])
                    for other in program.modules_with("attribute_stores", name)
                    for entry in other.facts["attribute_stores"][name]
                ]
            case Returned(_, number) | Yielded(_, number) | Requested(_, number, _):
                heads.setdefault(place.path, []).append(module.scope(number))
                starts = []
            case _:
                starts = []
        for other, start in starts:
            lines.setdefault(other.path, set()).add(other.position(start).line)
    found: list[tuple[Module, Mark]] = []
    for path in sorted({*heads, *lines} & program.targets):
        module = program.module(path)
        for name, span, scope in _named(module):
            inside = any(each.parent == scope and _holds(each.span, span) for each in heads.get(path, ()))
            if inside or module.position(span.start).line in lines.get(path, ()):
                found.append((module, Mark(span, "annotation", (("class", name), ("variable", name)))))
    return found


def _aliases(program: Program, function: Scope, name: str) -> Iterator[tuple[Module, int]]:
    """Yield where the annotation of a parameter is bound that has a name: `Db = Annotated[Connection, ...]`."""
    module = function.module
    for parameter, _kind, annotation, _default in function.parameters:
        if parameter != name or annotation is None or annotation[0] not in {"n", "a"}:
            continue
        dotted = module.dotted(function.parent, annotation)
        home, alias = (program.owner_of(dotted) if dotted is not None else None) or (module, annotation[-1])
        for binding in home.bindings(0, alias):
            if binding.kind == "assign" and binding.payload is not None and binding.payload[0] == "i":
                yield home, binding.start


def _holds(outer: Span, inner: Span) -> bool:
    return outer.start <= inner.start < outer.end


def _named(module: Module) -> Iterator[tuple[str, Span, int]]:
    """Yield where a file names a class of `sqlite3` in an annotation: name, place and scope."""
    for name in _CLASSES:
        for read in module.attribute_reads(name):
            dotted = {module.dotted(read.scope, each) for each in _bases(module, name, read.span)}
            if read.use[0] in _NAMED and "sqlite3" in dotted:
                yield name, read.span, read.scope
        for read in module.reads_of(name):
            if read.use[0] in _NAMED and module.dotted(read.scope, ["n", name]) == f"sqlite3.{name}":
                yield name, read.span, read.scope


def _bases(module: Module, name: str, span: Span) -> list[list[object]]:
    return [each[0] for each in module.facts["attribute_reads"][name] if (each[3], each[4]) == (span.start, span.end)]
