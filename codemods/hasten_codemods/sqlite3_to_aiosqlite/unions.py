"""What holds a connection at one time and something else at another, and where the program tells the two apart.

    def __init__(self, source):
        if isinstance(source, sqlite3.Connection):
            self.db = source                        # a connection for sure
        else:
            self.db = sqlite3.connect(source)       # none for sure

What else a place may hold is known by its *kinds*: classes of the program, and names of others. Each read of the place
has to be closed to each of them by the conditions on the way there (`hasten.index.narrowing`), or hand it on to a place
of which the same is asked.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from typing import Any, TypeAlias

from hasten.api import Module, Program, Receivers, Scope, Span, excluded, meaning
from hasten_codemods.sqlite3_to_aiosqlite import table
from hasten_codemods.sqlite3_to_aiosqlite.lives import Unfit
from hasten_codemods.sqlite3_to_aiosqlite.places import Attribute, Place, Places, Returned, Source, Value, Variable
from hasten_codemods.sqlite3_to_aiosqlite.webs import CONNECTION, CURSOR, EITHER

#: The name of a class; one of the program is told by its file and number.
Kind: TypeAlias = str

#: What tests hand over in the place of a connection or a cursor.
MOCKS = frozenset({"unittest.mock.Mock", "unittest.mock.MagicMock"})
#: The classes of `sqlite3` that a place holds objects of.
CLASSES = {
    CONNECTION: ("sqlite3.Connection",),
    CURSOR: ("sqlite3.Cursor",),
    EITHER: ("sqlite3.Connection", "sqlite3.Cursor"),
}
#: What is followed itself, and so is no other thing: mocks become such of coroutines.
_OURS = frozenset({"sqlite3.Connection", "sqlite3.Cursor", "sqlite3.connect"}) | MOCKS
#: Of what nobody knows what it is: only a test for a connection turns it away.
UNKNOWN = "?"
#: Builtin types none of whose objects is one of another of them, `bool` excepted.
_BUILTINS = frozenset(
    f"builtins.{each}"
    for each in ("str", "bytes", "bytearray", "int", "float", "complex", "list", "tuple", "dict", "set", "frozenset")
)
_PATHS = frozenset({"pathlib.Path", "pathlib.PurePath", "os.PathLike"})
_TEXTS = frozenset(
    {f"os.path.{each}" for each in ("join", "abspath", "expanduser", "realpath", "dirname", "basename", "normpath")}
    | {"os.getcwd", "tempfile.mkdtemp", "tempfile.mktemp"}
)
_ALTERNATIVES = frozenset({"typing.Optional", "typing.Union"})
_FARTHEST = 6
#: Uses that do nothing with a value but look at it.
_LOOKS = frozenset({"cond", "expr", "fmt", "cmp"})
_LOOKING = frozenset(f"builtins.{each}" for each in ("isinstance", "hasattr", "bool", "id", "print", "repr", "str"))


class Unions:
    """Answers for one program."""

    def __init__(
        self, program: Program, receivers: Receivers, where: Places, openings: Collection[tuple[str, int]]
    ) -> None:
        """Take the program, what objects are, where connections may be kept, and the calls that open them."""
        self.openings = openings
        self.program = program
        self.receivers = receivers
        self.where = where
        self._own: dict[Kind, Scope] = {}

    # --- reads ----------------------------------------------------------------------------------------------------

    def is_none_of(self, place: Place, value: Value, kind: str) -> bool:
        """Tell whether a place surely holds no connection (or cursor) where it is read."""
        if not self._is_settled(place, value):
            return False
        entries = [each.offset for each in self._given_here(place, value) if not self._is_something_else(each)]
        return all(self._is_closed_to(each, value, entries) for each in CLASSES[kind])

    def mixed(self, place: Place, source: Source, kind: str) -> tuple[str, bool]:
        """Return what `source` puts into a place beside connections, where nobody tells the two apart.

        Returns:
            What and where, for people, empty where there is none; and whether all that `source` may be is known.
        """
        others, complete = self.others(place, source)
        for each in sorted(others):
            left = self._left(place, each, kind, set(), source.offset)
            if left:
                name = self._own[each].name if each in self._own else each.rpartition(".")[2]
                return f"`{name}` at {left}", complete
        return "", complete

    def is_guarded(self, place: Place, source: Source, kind: str) -> bool:
        """Tell whether what nobody knows is used as a connection only where it was asked whether it is one."""
        if self._kinds(source, place, 0)[0] & _OURS:
            return False  # it is followed
        return not self._left(place, UNKNOWN, kind, set(), source.offset)

    def others(self, place: Place, source: Source) -> tuple[frozenset[Kind], bool]:
        """Return what a source may put into a place that is no connection or cursor, and whether that is all of it."""
        found, complete = self._kinds(source, place, 0)
        return frozenset(each for each in found if each not in _OURS), complete

    def is_nothing_else(self, place: Place, source: Source) -> bool:
        """Tell whether a source surely puts no connection or cursor into a place."""
        found, complete = self._kinds(source, place, 0)
        return complete and not found & _OURS

    def _is_something_else(self, source: Source) -> bool:
        found, complete = self._kinds(source, None, 0)
        return complete and bool(found) and not found & _OURS

    def _left(self, place: Place, other: Kind, kind: str, seen: set[Place], given: int = -1) -> str:
        """Return where something else than a connection may be used as one, an empty string where it never is.

        Args:
            place: what holds either.
            other: the other thing.
            kind: what the place is to hold.
            seen: the places that were asked for.
            given: where the other thing is put there, if that is known.
        """
        if place in seen:
            return ""
        seen.add(place)
        for value in list(self.where.values(place)):
            if _looks(value, value.use) or self.is_none_of(place, value, kind):
                continue
            entries = [each.offset for each in self._given_here(place, value)]
            if given >= 0:
                entries = [each for each in entries if each == given]
            if self._is_settled(place, value) and self._is_closed_to(other, value, entries):
                continue
            try:
                onward = list(self._onward(value, value.use))
                found = next(filter(None, (self._left(each, other, kind, seen) for each in onward)), "")
            except Unfit:
                onward, found = [], ""
            if found or not onward:
                return found or f"{value.module.path}:{value.line}"
        return ""

    def _onward(self, value: Value, use: list[Any]) -> Iterator[Place]:
        """Yield the places that a use hands a value to.

        Raises:
            Unfit: something else happens to it.
        """
        match use:
            case ["multi", uses]:
                for each in uses:
                    if not _looks(value, each):
                        yield from self._onward(value, each)
                return
            case ["asg", int() as scope, str() as name]:
                found: Place | None = self.where.variable(value.module, scope, name)
            case ["asgattr", base, str() as name]:
                kept = self.where.attribute(value.module, value.scope, base, name, value.span.start)
                found = None if isinstance(kept, Returned) else kept
            case ["arg", int() as index, position]:
                yield from self.where.parameters(value.module.call(index), position)
                return
            case ["ret", int() as number] if value.module.scope(number).kind == "function":
                yield from self.where.all_handed_out(value.module.scope(number))
                return
            case _:
                found = None
        if found is None:
            raise Unfit("SQL119", "it is used", value.span.start)
        yield found

    def _is_closed_to(self, kind: Kind, value: Value, entries: Iterable[int]) -> bool:
        def denies(test: list[Any], holds: bool) -> bool:  # noqa: FBT001 - as it is called
            return self._denies(kind, value, test, holds=holds)

        return excluded(value.module, value.scope, value.shape, value.span.start, denies, entries)

    def _is_settled(self, place: Place, value: Value) -> bool:
        """Tell whether nothing that runs between a condition and a read gives a place another value unseen."""
        match place:
            case Variable(path, scope, name):
                module = self.program.module(path)
                return module.scope(scope).kind == "function" and all(
                    each.scope == scope for each in module.bindings(scope, name)
                )
            case Attribute(_, _, name):
                here = value.module.enclosing(value.scope, "function")
                homes = [
                    module.enclosing(scope, "function")
                    for module in self.program.modules_with("attribute_stores", name)
                    for _base, _value, scope, _start in module.facts["attribute_stores"][name]
                ]
                made = all(each is not None and each.name == "__init__" for each in homes)
                first = here is not None and here.name == "__init__"
                return made and value.shape[1] == ["n", "self"] and (not first or all(each == here for each in homes))
            case _:
                return False

    def _given_here(self, place: Place, value: Value) -> list[Source]:
        """Return what a place is given in the function that reads it."""
        if not isinstance(place, (Variable, Attribute)):
            return []
        here = value.module.enclosing(value.scope, "function")
        if isinstance(place, Variable):
            return [
                Source(value.module, each.scope, each.payload if each.kind in {"assign", "with"} else None, each.start)
                for each in value.module.bindings(place.scope, place.name)
                if each.kind not in {"param", "declared", "del"}
            ]
        return [
            Source(value.module, scope, stored, start)
            for _base, stored, scope, start in value.module.facts["attribute_stores"].get(place.name, ())
            if value.module.enclosing(scope, "function") == here
        ]

    # --- conditions -----------------------------------------------------------------------------------------------

    def _denies(self, kind: Kind, value: Value, test: list[Any], *, holds: bool) -> bool:
        """Tell whether something of a kind fails a test, or passes it where it does not hold."""
        ours = kind in _OURS
        match test:
            case ["isinstance", _, classes]:
                answers = [self.is_instance(kind, value.module, value.scope, each) for each in classes]
                if True in answers:
                    return not holds
                return holds and all(each is False for each in answers)
            case ["none", _]:
                return holds and kind != UNKNOWN
            case ["truth", _]:
                return ours and not holds
            case ["equal", _, _]:
                return ours and holds
            case ["has", _, str() as name]:
                return ours and not holds and name in KNOWN
            case _:
                return False

    def is_instance(self, kind: Kind, module: Module, scope: int, asked: list[Any]) -> bool | None:
        """Tell what `isinstance` says of something of a kind; None where nobody can tell."""
        owner = self.receivers.class_named(module, scope, asked) if asked[0] in {"n", "a"} else None
        dotted = meaning(self.program, self.program.dotted(module, scope, asked)) if asked[0] in {"n", "a"} else ""
        if owner is None and dotted not in _BUILTINS | _PATHS | {"sqlite3.Connection", "sqlite3.Cursor"}:
            return True if dotted == "builtins.object" else None
        if kind == UNKNOWN:
            # It may be a connection, too: then it has to be one of those that are converted.
            return False if dotted in _OURS else None
        own = self._own.get(kind)
        if own is not None:
            if owner is None:
                return None if own.bases or dotted in _PATHS else False
            if self.program.derives(own, owner):
                return True
            return None if self.program.are_related(own, owner) or not self._is_plain(owner) else False
        if owner is not None:
            return False if self._is_plain(owner) and kind in _BUILTINS | _PATHS | _OURS else None
        if kind == dotted or (kind == "pathlib.Path" and dotted in _PATHS):
            return True
        known = kind in _BUILTINS | _OURS and dotted != kind
        return False if known or (kind in _PATHS and dotted not in _PATHS) else None

    def _is_plain(self, owner: Scope, depth: int = 0) -> bool:
        """Tell whether only what derives from a class is an instance of it, and all of its bases are the program's."""
        if not self.where.is_real(owner):
            return False
        bases = [self.receivers.class_named(owner.module, owner.parent, each) for each in owner.bases]
        return depth < _FARTHEST and all(each is not None and self._is_plain(each, depth + 1) for each in bases)

    # --- kinds ----------------------------------------------------------------------------------------------------

    def _kinds(self, source: Source, place: Place | None, depth: int) -> tuple[frozenset[Kind], bool]:
        """Return what a source may be, None left out, and whether that is all."""
        module, scope, shape = source.module, source.scope, source.shape
        nothing: frozenset[Kind] = frozenset()
        if shape is None or depth > _FARTHEST:
            return nothing, False
        match shape:
            case ["k", "NoneType", *_]:
                return nothing, True
            case [("?" | "b") as what, alternatives]:
                offsets = self._offsets(source, alternatives) if what == "?" else [source.offset] * len(alternatives)
                return _all(
                    self._kinds(Source(module, scope, each, at), place, depth + 1)
                    for each, at in zip(alternatives, offsets, strict=True)
                )
            case ["n", str() as name] if name not in {"self", "cls"}:
                return self._of_variable(source, name, place, depth)
            case ["o", "Div" | "Add" | "Mod", left, _]:
                found, complete = self._kinds(Source(module, scope, left, source.offset), place, depth + 1)
                simple = complete and all(each in {"builtins.str", "pathlib.Path"} for each in found)
                return (found, True) if simple else (nothing, False)
            case ["c", int() as index] if (module.path, index) in self.openings:
                return frozenset({"sqlite3.connect"}), True
            case ["c", int() as index] if module.dotted(scope, module.call(index).function) in _TEXTS:
                return frozenset({"builtins.str"}), True
            case _:
                kind = self._named(self.receivers.kind(module, scope, shape))
                return (frozenset({kind}), True) if kind is not None else (nothing, False)

    def _of_variable(self, source: Source, name: str, place: Place | None, depth: int) -> tuple[frozenset[Kind], bool]:
        module, scope = source.module, source.scope
        variable = self.where.variable(module, scope, name)
        if variable is None:
            return frozenset(), False
        home = self.program.module(variable.path)
        declared = self._declared(variable)
        kinds, complete = _all(self._kinds(each, None, depth + 1) for each in list(self.where.sources(variable)))
        if not complete and declared:
            kinds, complete = kinds | declared, True
        elif not kinds and self._has_no_callers(variable):
            kinds, complete = declared, bool(declared)
        if home is not module:
            return kinds, complete
        # What is returned stands at several places; of all else the source tells the place.
        offsets = [source.offset]
        if isinstance(place, Returned):
            function = module.scope(place.function)
            reads = module.reads(function.number, name)
            offsets = [each.span.start for each in reads if each.use == ["ret", function.number]] or offsets
        left = [
            each
            for each in kinds
            if not all(
                self._is_settled(variable, value)
                and self._is_closed_to(
                    each,
                    value,
                    [one.offset for one in self._given_here(variable, value) if self._may_be(one, each, depth)],
                )
                for at in offsets
                for value in [Value(module, scope, Span(at, at), ["n", name], ["expr"])]
            )
        ]
        return frozenset(left), complete

    def _named(self, kind: Scope | str | None) -> Kind | None:
        if not isinstance(kind, Scope):
            return kind
        name = f"{kind.module.path}#{kind.number}"
        self._own[name] = kind
        return name

    def _may_be(self, source: Source, kind: Kind, depth: int) -> bool:
        found, complete = self._kinds(source, None, depth + 1)
        return not complete or kind in found

    def _has_no_callers(self, variable: Variable) -> bool:
        return not list(self.where.sources(variable))

    def _declared(self, variable: Variable) -> frozenset[Kind]:
        """Return what the annotation of a parameter allows, nothing where there is none or not all of it is known."""
        function = self.program.module(variable.path).scope(variable.scope)
        for name, _kind, annotation, _default in function.parameters if function.kind == "function" else ():
            if name == variable.name and annotation is not None:
                found: set[Kind] = set()
                for each in _alternatives(function.module, function.parent, annotation):
                    kind = self._named(self.receivers.annotated(function.module, function.parent, each))
                    if kind is None:
                        return frozenset()
                    found.add(kind)
                return frozenset(found)
        return frozenset()

    def _offsets(self, source: Source, alternatives: list[Any]) -> list[int]:
        """Return where the alternatives of `a if test else b` stand, as far as they are variables, and surely these."""
        module = source.module
        function = module.scope(source.scope)
        returned = source.offset == function.span.start
        line = module.position(source.offset).line
        found = [
            each
            for each in module.facts["conditions"]
            if each[0] == source.scope
            and each[1] == "ifexp"
            and (returned or (each[2] >= source.offset and module.position(each[2]).line == line))
            and len(alternatives) == 2  # noqa: PLR2004 - one if it holds, one if not
            and all(
                shape[0] != "n" or self._stands(module, shape[1], span[0], function.number if returned else -1)
                for shape, span in zip(alternatives, each[5:7], strict=True)
            )
        ]
        if len(found) != 1:
            return [source.offset] * len(alternatives)
        pairs = zip(alternatives, found[0][5:7], strict=True)
        return [int(span[0]) if shape[0] == "n" else source.offset for shape, span in pairs]

    def _stands(self, module: Module, name: str, offset: int, returned: int) -> bool:
        """Tell whether a variable is read at a place, and returned by a function if one is given."""
        return any(
            each.span.start == offset and (returned < 0 or each.use == ["ret", returned])
            for each in module.reads_of(name)
        )


#: Methods that connections of both libraries have, closed or not; other attributes raise in aiosqlite after `close`.
KNOWN = frozenset(each for each in table.CURSORS | table.CONNECTION_METHODS if hasattr(sqlite3.Connection, each))


def _all(found: Iterable[tuple[frozenset[Kind], bool]]) -> tuple[frozenset[Kind], bool]:
    kinds: frozenset[Kind] = frozenset()
    whole = True
    for each, complete in found:
        kinds |= each
        whole = whole and complete
    return kinds, whole


def _looks(value: Value, use: list[Any]) -> bool:
    """Tell whether nothing is done with a value but to look at it."""
    match use:
        case ["multi", uses]:
            return all(_looks(value, each) for each in uses)
        case ["arg", int() as index, 0]:
            call = value.module.call(index)
            return call.module.dotted(call.scope, call.function) in _LOOKING
        case [str() as what, *_]:
            return what in _LOOKS
        case _:
            return False


def _alternatives(module: Module, scope: int, annotation: list[Any]) -> list[list[Any]]:
    """Return the classes of which an annotation allows one, None left out."""
    match annotation:
        case ["k", "NoneType", *_]:
            return []
        case ["o", "BitOr", left, right]:
            return [*_alternatives(module, scope, left), *_alternatives(module, scope, right)]
        case ["i", base, inner] if module.dotted(scope, base) in _ALTERNATIVES:
            options = inner[1] if inner[0] == "t" else [inner]
            return [one for each in options for one in _alternatives(module, scope, each)]
        case _:
            return [annotation]
