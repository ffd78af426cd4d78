"""What puts something else in the place of `sqlite3.connect`: tests, for the most part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from hasten.api import Call, Hazard, Module, Program, Use, meaning
from hasten_codemods.sqlite3_to_aiosqlite.lives import Unfit

_MODULE, _FUNCTION = "sqlite3", "connect"


class _Exchange(NamedTuple):
    """A place that puts something else there; `hands_on` is whether that keeps nothing of what it opens."""

    path: str
    line: int
    hands_on: bool


class Exchanges:
    """The places of one program that exchange the function that opens, for a while or for good."""

    def __init__(self, program: Program) -> None:
        """Take the program; it is looked through when somebody asks."""
        self.program = program

    def trouble(self, use: Use) -> Unfit | None:
        """Return why an opening would not be exchanged any more, or by what in another thread; None where it is not."""
        name = self._bound(use)
        # mock.patch("app.store.sqlite3"): the new code asks for another name
        place = self.program.rebound(use.module, name) if name else None
        if place is not None:
            message = f"`{name}` of this file is exchanged at {place}, and aiosqlite would not ask for it"
            return Unfit("SQL124", message, use.span.start)
        for each in self._places():
            # What stands in its place is not made for another thread; it opens what this file asks for.
            if each.path == use.module.path and not each.hands_on:
                message = (
                    f"`sqlite3.connect` is exchanged in line {each.line}, and aiosqlite calls it in another thread"
                )
                return Unfit("SQL124", message, use.span.start)
        return None

    def kept(self, use: Use) -> Unfit | None:
        """Return why the function itself is kept where it is exchanged: what stands in its place calls it."""
        for each in self._places():
            if each.path == use.module.path and use.call is None and use.name != _MODULE:
                message = (
                    f"`sqlite3.connect` is kept for what stands in its place (line {each.line}), and awaits nothing"
                )
                return Unfit("SQL124", message, use.span.start)
        return None

    def hazards(self) -> tuple[Hazard, ...]:
        """Return what there is to say of every opening of the program, as nobody sees which of them are meant."""
        for each in self._places():
            where = f"{each.path}:{each.line}"
            message = f"`sqlite3.connect` is exchanged at {where}; aiosqlite calls what is there in another thread"
            return (Hazard("SQL016", message),)
        return ()

    def is_one(self, use: Use) -> bool:
        """Tell whether a use of the module as a value only says what is exchanged: `setattr(sqlite3, "connect", f)`."""
        fate, start = use.fate, use.span.start
        if use.call is not None or use.name != _MODULE:
            return False
        if fate[0] == "arg" and fate[2] == 0:
            start = use.module.call(fate[1]).span.start
        elif fate[0] != "dest":  # sqlite3.connect = f
            return False
        place = use.module.path, use.module.position(start).line
        return any(place == (each.path, each.line) for each in self._places())

    def _bound(self, use: Use) -> str:
        """Return the name of the file that is read, where an import binds it."""
        if use.binding < 0 or use.via:
            return ""
        imported = use.module.imports()[use.binding]
        return (imported.asname or imported.name.partition(".")[0]) if imported.scope == 0 else ""

    def _places(self) -> list[_Exchange]:
        return self.program.remember("where sqlite3.connect is exchanged", lambda: sorted(set(self._found())))

    def _found(self) -> Iterator[_Exchange]:
        """Yield the places that exchange the function for everybody who asks `sqlite3` for it."""
        for each in self.program.places.setters.get(_FUNCTION, ()):
            call, target = each.call, each.target
            position = 2
            if target[:2] == ["k", "str"]:
                # monkeypatch.setattr("sqlite3.connect", f), mock.patch("app.store.sqlite3.connect")
                named = str(target[2]).removesuffix(f".{_FUNCTION}")
                position = 1
            else:
                # mock.patch.object(sqlite3, "connect"), monkeypatch.setattr(store.sqlite3, "connect", f)
                named = call.module.dotted(call.scope, target) or ""
            if self._is_sqlite3(named):
                given = call.argument(position) if isinstance(call, Call) else None
                yield self._at(call.module, call.scope, call.span.start, given.shape if given is not None else None)
        for module in self.program.modules_with("attribute_stores", _FUNCTION):
            for base, value, scope, start in module.facts["attribute_stores"][_FUNCTION]:
                if self._is_sqlite3(module.dotted(scope, base) or ""):
                    yield self._at(module, scope, start, value)

    def _at(self, module: Module, scope: int, start: int, value: list[Any] | None) -> _Exchange:
        return _Exchange(module.path, module.position(start).line, _hands_on(module, scope, value))

    def _is_sqlite3(self, dotted: str) -> bool:
        return bool(dotted) and meaning(self.program, dotted) == _MODULE


def _hands_on(module: Module, scope: int, value: list[Any] | None) -> bool:
    """Tell whether what is put there only hands on what it opens, and keeps nothing of it.

    def connect(*args, **kwargs):
        kwargs.setdefault("timeout", 1)
        return original(*args, **kwargs)
    """
    found = module.lookup(scope, value[1]) if value is not None and value[0] == "n" else None
    if found is None or [each.kind for each in found[1]] != ["def"]:
        return False
    function = module.scope(found[1][0].payload)
    inside = [each for each in module.calls() if function.span.start <= each.span.start < function.span.end]
    return all(each.use[0] in {"ret", "expr"} for each in inside)
