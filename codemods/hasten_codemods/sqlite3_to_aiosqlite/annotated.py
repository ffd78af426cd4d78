"""Annotations of what holds connections and cursors that are kept or handed over: they name `sqlite3`'s classes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from hasten.api import Module, Program, Scope, Span, meaning
from hasten_codemods.sqlite3_to_aiosqlite.lives import Mark
from hasten_codemods.sqlite3_to_aiosqlite.places import (
    Attribute,
    Item,
    OfRequest,
    Place,
    Requested,
    Returned,
    Source,
    State,
    Variable,
    Yielded,
)
from hasten_codemods.sqlite3_to_aiosqlite.webs import CONNECTION, CURSOR, Web

_CLASSES = ("Connection", "Cursor")
#: How a class is used in an annotation: `X`, `X | None`, `Optional[X]`, `tuple[X, str]`.
_NAMED = frozenset({"ann", "bin", "idx", "elem"})


def of(program: Program, places: Iterable[Place]) -> list[tuple[Module, Mark, Span]]:
    """Return what changes in the annotations of places, each with its file, and where it uses an imported name."""
    heads: dict[str, list[Scope]] = {}
    lines: dict[str, set[int]] = {}
    for place in places:
        if isinstance(place, (OfRequest, State)):
            continue  # frameworks annotate it
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
            case Returned(_, number) | Yielded(_, number) | Requested(_, number, _) | Item(_, number, _):
                heads.setdefault(place.path, []).append(module.scope(number))
                starts = []
            case _:
                starts = []
        for other, start in starts:
            lines.setdefault(other.path, set()).add(other.position(start).line)
    found: list[tuple[Module, Mark, Span]] = []
    for path in sorted({*heads, *lines} & program.targets):
        module = program.module(path)
        for name, span, scope, root in _named(program, module):
            inside = any(each.parent == scope and _holds(each.span, span) for each in heads.get(path, ()))
            if inside or module.position(span.start).line in lines.get(path, ()):
                found.append((module, Mark(span, "annotation", (("class", name), ("variable", name))), root))
    return found


def first_set(
    program: Program, web: Web, sources: Callable[[Place], Iterable[Source]]
) -> Iterator[tuple[Module, Mark]]:
    """Yield the assignments of constructors that need an annotation, once another method does what `__init__` did.

    A type checker may take what `__init__` assigns to an attribute for its type, and None that a method assigns later
    for a mistake there. With no `__init__` it takes all that methods assign alike, and each use of the attribute may be
    one of None: `self.db: aiosqlite.Connection = await ...` leaves it at what it was.

    Args:
        program: where the places are.
        web: what is kept, followed to its ends.
        sources: returns what is put into a place.
    """
    for place, kind in web.places.items():
        if not isinstance(place, Attribute):
            continue
        found = list(sources(place))
        #     self.db = None  # above, which is what the checker goes by        db: sqlite3.Connection | None
        first = min((each for each in found if _is_constructed(each)), key=_position, default=None)
        if (
            first is None
            or _is_declared(program, place, found)
            or not any(map(_is_none, found))
            or first.module.path not in program.targets
        ):
            continue
        value = first.shape
        if value is None or value[0] != "c" or _is_annotated(first):
            continue
        opened = (first.module.path, value[1]) in web.openings
        name = _CLASSES[0] if opened or kind == CONNECTION else _CLASSES[1] if kind == CURSOR else ""
        itself = first.module.scope(first.scope).parameters[0][0]
        for read in first.module.reads(first.scope, itself) if name else ():
            if read.span.start == first.offset and read.use == ["dest"]:
                yield first.module, Mark(read.span, "typed", (("class", name), ("variable", itself)))


def _position(source: Source) -> tuple[str, int]:
    return source.module.path, source.offset


def _is_constructed(source: Source) -> bool:
    scope = source.module.scope(source.scope)
    owned = scope.kind == "function" and source.module.scope(scope.parent).kind == "class"
    return owned and scope.name == "__init__" and bool(scope.parameters)


def _is_declared(program: Program, place: Attribute, found: Iterable[Source]) -> bool:
    """Tell whether a class says what the attribute is: `db: sqlite3.Connection | None`, or gives it a first value."""
    classes = {(each.module.path, each.module.scope(each.scope).parent) for each in found} | {(place.path, place.owner)}
    classes |= {(each.module.path, each.scope) for each in found}
    scopes = (program.module(path).scope(number) for path, number in sorted(classes) if number >= 0)
    return any(each.kind == "class" and each.module.bindings(each.number, place.name) for each in scopes)


def _is_none(source: Source) -> bool:
    return source.shape is not None and source.shape[:2] == ["k", "NoneType"]


def _is_annotated(source: Source) -> bool:
    """Tell whether an annotation stands where something is put into a place: `self.db: Any = sqlite3.connect(path)`."""
    module, line = source.module, source.module.position(source.offset).line
    return any(
        use[0] in _NAMED and module.position(start).line == line
        for reads in module.facts["reads"][source.scope].values()
        for start, _end, use in reads
    )


def _aliases(program: Program, function: Scope, name: str) -> Iterator[tuple[Module, int]]:
    """Yield where the annotation of a parameter is bound that has a name: `Db = Annotated[Connection, ...]`."""
    module = function.module
    seen: set[tuple[Module, int]] = set()
    for parameter, _kind, annotation, _default in function.parameters:
        if parameter != name or annotation is None or annotation[0] not in {"n", "a"}:
            continue
        home, number, value = module, function.parent, annotation
        while value is not None and value[0] in {"n", "a"}:
            # Database = Db        from settings import Db
            dotted = meaning(program, home.dotted(number, value))
            home, alias = program.owner_of(dotted) or (home, value[-1])
            bound = home.bindings(0, alias)
            here = bound[0].start if len(bound) == 1 and bound[0].kind == "assign" else -1
            number, value = 0, bound[0].payload if here >= 0 and (home, here) not in seen else None
            seen.add((home, here))
            if value is not None and value[0] == "i":
                yield home, here


def classes(program: Program, module: Module, span: Span) -> Iterator[tuple[Mark, Span]]:
    """Yield what changes where a stretch of text names the classes: `isinstance(x, (str, sqlite3.Connection))`."""
    for name, place, _scope, root in _named(program, module, asked=True):
        if _holds(span, place):
            yield Mark(place, "annotation", (("class", name), ("variable", name))), root


def _holds(outer: Span, inner: Span) -> bool:
    return outer.start <= inner.start < outer.end


def _named(program: Program, module: Module, *, asked: bool = False) -> Iterator[tuple[str, Span, int, Span]]:
    """Yield where a file names a class of `sqlite3`, in annotations or anywhere: name, place, scope, imported name."""
    for name in _CLASSES:
        for base, use, scope, start, end in module.facts["attribute_reads"].get(name, ()):
            dotted = module.dotted(scope, base)
            if (asked or use[0] in _NAMED) and meaning(program, dotted) == "sqlite3":
                # What a module of the program hands on stays imported.
                root = len(base[1]) if dotted == "sqlite3" and base[0] == "n" else 0
                yield name, Span(start, end), scope, Span(start, start + root)
        for read in module.reads_of(name):
            dotted = module.dotted(read.scope, ["n", name])
            if (asked or read.use[0] in _NAMED) and meaning(program, dotted) == f"sqlite3.{name}":
                root = len(name) if dotted == f"sqlite3.{name}" else 0
                yield name, read.span, read.scope, Span(read.span.start, read.span.start + root)
