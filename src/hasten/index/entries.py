"""Which functions of a program its metadata means by `app.cli:main`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hasten.index.program import Program


def resolved(program: Program, entry_points: Iterable[str]) -> frozenset[str]:
    """Return the dotted names of the functions that are called from outside: as written, and as defined.

    The two differ where a package hands the function on, and where the project calls its directory something else.

    Args:
        program: where to look; what should be read next is noted in `program.wanted`.
        entry_points: as they stand in the metadata, `app.cli:main`.
    """
    found: set[str] = set()
    unread = [f"/{path}" for path in sorted(program.paths) if program.find(path) is None]
    for entry in sorted(entry_points):
        module, _, name = entry.partition(":")
        parts = entry.replace(":", ".").split(".")
        file = "/" + module.replace(".", "/")
        if any(each.endswith((f"{file}.py", f"{file}/__init__.py")) for each in unread):
            # from app.commands import start as main
            program.want(name.rpartition(".")[2], beside=frozenset({"import"}))
        found.add(".".join(parts))
        for cut in range(len(parts) - 1):
            scope = program.resolve(".".join(parts[cut:]))
            if scope is not None:
                found.add(f"{scope.module.name}.{scope.module.symbol(scope.number)}")
                break
    return frozenset(found)
