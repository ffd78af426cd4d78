"""The module that is written into a package once: a transaction that commits, or rolls back, on every way out."""

from __future__ import annotations

from collections.abc import Iterator

from hasten.api import Applicability, Change, ImportRequest, Module, Position, Program, Span, TextEdit

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


class Helper:
    """Where the helper of each package goes, and how it is imported."""

    def __init__(self, program: Program, codemod: str) -> None:
        """Take the program."""
        self.program = program
        self.codemod = codemod
        self._needed: dict[str, Module] = {}

    def path(self, module: Module) -> str:
        """Return the path of the helper that serves `module`: in its outermost package, or beside a lone script."""
        depth = module.name.count(".") + (1 if module.is_package else 0)
        folders = module.path.split("/")[:-1]
        top = folders[: len(folders) - depth + 1] if depth else folders
        return "/".join([*top, f"{MODULE}.py"])

    def key(self, module: Module) -> str:
        """Return the key of the change that creates the helper, and note that it is needed; empty if it is there."""
        path = self.path(module)
        if path in self.program.paths:
            return ""
        self._needed.setdefault(path, module)
        return f"helper:{path}"

    def request(self, module: Module) -> ImportRequest:
        """Return the import that `module` needs."""
        package = self._package(module)
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
        path = self.path(module)
        # What stands in a file that is there is not ours to judge, unless it is what we would write.
        there = next((each for each in self.program.modules if each.path == path), None)
        if path in self.program.paths:
            self.program.want(FUNCTION)
            if there is None or not there.bindings(0, FUNCTION) or not there.bindings(0, "aiosqlite"):
                return f"`{path}` is there already, and is not hasten's"
        if not self._package(module) and "/" in module.path:
            return f"it lies in a folder without `__init__.py`, from which `{MODULE}` may not be found"
        if self._package(module) and self._may_be_script(module):
            return f"it may be run as a script, from which the package that holds `{MODULE}` may not be found"
        for number, scope in enumerate(module.facts["binds"]):
            for kind, payload, start, _nest in scope.get(FUNCTION, ()):
                if kind == "import" and module.import_target(module.imports()[payload]).endswith(
                    f"{MODULE}.{FUNCTION}"
                ):
                    continue
                line = module.position(start).line
                return f"`{FUNCTION}` is bound to something of its own at line {line}" if number >= 0 else ""
        return ""

    def changes(self) -> Iterator[Change]:
        """Yield the creation of each helper that is needed."""
        for path, module in sorted(self._needed.items()):
            edit = TextEdit(path, Span(0, 0), Position(1, 1), Position(1, 1), TEXT, create=True)
            yield Change(
                f"helper:{path}",
                self.codemod,
                f"create `{path}`",
                self._package(module) or path,
                Applicability.SAFE,
                (edit,),
                support=True,
            )

    def _package(self, module: Module) -> str:
        return module.name.partition(".")[0] if "." in module.name or module.is_package else ""

    def _may_be_script(self, module: Module) -> bool:
        """Tell whether a module imports nothing of its own package and nobody imports it, as is the way of scripts."""
        package = module.name.partition(".")[0]
        if any(each.level > 0 or (each.module or each.name).partition(".")[0] == package for each in module.imports()):
            return False
        self.program.want(module.name.rpartition(".")[2])
        names = {module.name, *(f"{module.name}.{name}" for name in module.facts["binds"][0])}
        return not module.is_package and not any(
            other.import_target(each) in names or each.name == module.name
            for other in self.program.modules
            if other is not module
            for each in other.imports()
        )
