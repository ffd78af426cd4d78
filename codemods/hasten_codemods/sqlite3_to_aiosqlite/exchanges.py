"""What puts something else in the place of `sqlite3.connect`: tests, for the most part."""

from __future__ import annotations

from collections.abc import Iterator

from hasten.api import Hazard, Program, Use, meaning
from hasten_codemods.sqlite3_to_aiosqlite.lives import Unfit

_MODULE, _FUNCTION = "sqlite3", "connect"


class Exchanges:
    """The places of one program that exchange the function that opens, for a while or for good."""

    def __init__(self, program: Program) -> None:
        """Take the program; it is looked through when somebody asks."""
        self.program = program

    def check(self, use: Use) -> None:
        """Refuse an opening that would not be exchanged any more, or that another thread would make.

        Raises:
            Unfit: it is exchanged here.
        """
        name = self._bound(use)
        # mock.patch("app.store.sqlite3"): the new code asks for another name
        place = self.program.rebound(use.module, name) if name else None
        if place is not None:
            message = f"`{name}` of this file is exchanged at {place}, and aiosqlite would not ask for it"
            raise Unfit("SQL124", message, use.span.start)
        for path, line in self._places():
            # What stands in its place is not made for another thread; it opens what this file asks for.
            if path == use.module.path:
                message = f"`sqlite3.connect` is exchanged in line {line}, and aiosqlite calls it in another thread"
                raise Unfit("SQL124", message, use.span.start)

    def hazards(self) -> tuple[Hazard, ...]:
        """Return what there is to say of every opening of the program, as nobody sees which of them are meant."""
        for path, line in self._places():
            message = (
                f"`sqlite3.connect` is exchanged at {path}:{line}; aiosqlite calls what is there in another thread"
            )
            return (Hazard("SQL016", message),)
        return ()

    def is_one(self, use: Use) -> bool:
        """Tell whether a use of the module as a value only says what is exchanged: `setattr(sqlite3, "connect", f)`."""
        fate = use.fate
        if use.call is not None or fate[0] != "arg" or fate[2] != 0:
            return False
        place = use.module.path, use.module.position(use.module.call(fate[1]).span.start).line
        return use.name == _MODULE and place in self._places()

    def _bound(self, use: Use) -> str:
        """Return the name of the file that is read, where an import binds it."""
        if use.binding < 0 or use.via:
            return ""
        imported = use.module.imports()[use.binding]
        return (imported.asname or imported.name.partition(".")[0]) if imported.scope == 0 else ""

    def _places(self) -> list[tuple[str, int]]:
        return self.program.remember("where sqlite3.connect is exchanged", lambda: sorted({*self._found()}))

    def _found(self) -> Iterator[tuple[str, int]]:
        """Yield path and line of each place that exchanges the function for everybody who asks `sqlite3` for it."""
        for each in self.program.places.setters.get(_FUNCTION, ()):
            module, target = each.call.module, each.target
            if target[:2] == ["k", "str"]:
                # monkeypatch.setattr("sqlite3.connect", f), mock.patch("app.store.sqlite3.connect")
                named = str(target[2]).removesuffix(f".{_FUNCTION}")
            else:
                # mock.patch.object(sqlite3, "connect"), monkeypatch.setattr(store.sqlite3, "connect", f)
                named = module.dotted(each.call.scope, target) or ""
            if self._is_sqlite3(named):
                yield module.path, module.position(each.call.span.start).line
        for module in self.program.modules_with("attribute_stores", _FUNCTION):
            for base, _value, scope, start in module.facts["attribute_stores"][_FUNCTION]:
                if self._is_sqlite3(module.dotted(scope, base) or ""):
                    yield module.path, module.position(start).line

    def _is_sqlite3(self, dotted: str) -> bool:
        return bool(dotted) and meaning(self.program, dotted) == _MODULE
