"""Other libraries that are taken for `sqlite3` where they are installed: pysqlite3, sqlean, those that encrypt.

    try:
        import pysqlite3 as sqlite3
    except ImportError:
        import sqlite3

Where the other one is not installed, this is `sqlite3` and nothing else. Who runs the program knows which it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from hasten.api import Change, Finding, Hazard, Program, Use, find_uses
from hasten_codemods.sqlite3_to_aiosqlite.lives import Unfit

#: What is not of the same kind in two libraries: exceptions, rows, classes that are asked for, what is registered.
_OWN = (
    *("Error", "DatabaseError", "OperationalError", "IntegrityError", "ProgrammingError", "InterfaceError"),
    *("DataError", "InternalError", "NotSupportedError", "Warning"),
    *("Row", "Connection", "Cursor", "register_adapter", "register_converter", "PrepareProtocol"),
)


class Others:
    """The connections of one program that may be those of another library."""

    def __init__(self, program: Program, uses: Iterable[Use]) -> None:
        """Take the program, and the uses of `sqlite3.connect`."""
        self.program = program
        self.uses = [each for each in uses if each.either]

    def hazards(self, uses: Iterable[Use]) -> tuple[Hazard, ...]:
        """Return what there is to say of connections that are opened by `uses`."""
        for each in uses:
            if each.either:
                named = self._named()
                message = f"{each.instead}: where that is installed, aiosqlite opens with the standard library's"
                return (Hazard("SQL021", f"{message}, and {named} is not of the same kind" if named else message),)
        return ()

    def apart(self, use: Use, place: str) -> Unfit:
        """Return why a connection stays that could be converted, for another one at `place` does."""
        message = (
            f"{use.instead}, and so may the connection of {place}, which stays: two SQLites in one process "
            "lose each other's locks on a file"
        )
        return Unfit("SQL107", message, use.span.start)

    def together(self, found: Iterable[Finding]) -> Iterator[Finding]:
        """Yield findings; connections that may be of another library are taken all together, or not at all."""
        places = {(each.module.path, each.position) for each in self.uses}
        every = list(found)
        changes = [
            each
            for each in every
            if isinstance(each, Change) and any((edit.path, edit.start) in places for edit in each.edits)
        ]
        keys = [each.id for each in changes]
        for each in every:
            if isinstance(each, Change) and each.id in keys:
                others = (key for key in keys if key != each.id)
                yield replace(each, requires=tuple(dict.fromkeys((*each.requires, *others))))
            else:
                yield each

    def _named(self) -> str:
        """Return a place that names what is of the other library then, as code with its place."""
        names = {f"sqlite3.{each}" for each in _OWN}
        for each in find_uses(self.program, names) if self.uses else ():
            if each.name in names and each.either:
                return f"`{each.name}` of {each.place}"
        return ""


def another(use: Use) -> Unfit:
    """Return why a connection cannot be converted that is one of another library."""
    message = f"{use.instead}, and aiosqlite always opens with the `sqlite3` of the standard library"
    return Unfit("SQL107", message, use.span.start)
