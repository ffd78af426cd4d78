"""The module that is written into a package once: a transaction that commits, or rolls back, on every way out."""

from __future__ import annotations

from hasten.api import Companion, ImportRequest, Module, Program, overwritten

MODULE = "_transactions"
FUNCTION = "transaction"

TEXT = '''\
"""Transactions of aiosqlite connections."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiosqlite

__all__ = ["transaction"]


@asynccontextmanager
async def transaction(connection: aiosqlite.Connection) -> AsyncIterator[aiosqlite.Connection]:
    """Commit at the end of the block, or roll back if an exception leaves it; the connection stays open.

    It does what `with` does with a connection of `sqlite3`, also where `commit` fails.
    """
    try:
        yield connection
    except BaseException:
        await connection.rollback()
        raise
    try:
        await connection.commit()
    except BaseException:
        await connection.rollback()
        raise
'''


class Helper(Companion):
    """Where the helper of each package goes, and how it is imported."""

    def __init__(self, program: Program, codemod: str) -> None:
        """Take the program."""
        super().__init__(program, codemod, MODULE, TEXT)

    def request(self, module: Module) -> ImportRequest:
        """Return the import that `module` needs."""
        package = self.package(module)
        if not package:
            return ImportRequest(module.path, MODULE, FUNCTION)
        own = [each for each in module.imports() if (each.module or each.name).partition(".")[0] == package]
        relative = any(each.level > 0 for each in module.imports())
        if relative and not any(each.level <= 0 for each in own):
            # from ..core import X: as the other imports of the file
            depth = module.name.count(".") + (1 if module.is_package else 0)
            return ImportRequest(module.path, "." * depth + MODULE, FUNCTION)
        return ImportRequest(module.path, f"{package}.{MODULE}", FUNCTION)

    def trouble(self, module: Module) -> str:
        """Return why the helper cannot be used in `module`, or an empty string."""
        for scope in module.facts["binds"]:
            for kind, payload, start, _nest in scope.get(FUNCTION, ()):
                imported = module.import_target(module.imports()[payload]) if kind == "import" else ""
                if not imported.endswith(f"{MODULE}.{FUNCTION}"):
                    line = module.position(start).line
                    return f"`{FUNCTION}` is bound to something of its own at line {line}"
        place = overwritten(self.program, module, FUNCTION)
        if place is not None:
            return f"a star import of this module would take `{FUNCTION}` in the place of another one ({place})"
        return super().trouble(module)
