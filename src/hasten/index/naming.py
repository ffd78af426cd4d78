"""The names under which files are imported."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hasten.index.module import Module


def module_name(path: str, paths: Collection[str]) -> str:
    """Return the dotted name under which a file is imported: from the outermost package around it downwards.

    Args:
        path: the file.
        paths: every Python file of the program; a directory is a package when its `__init__.py` is among them.
    """
    parts = path.rpartition(".")[0].split("/") if "." in path.rpartition("/")[2] else path.split("/")
    top = len(parts) - 1
    while top > 0 and "/".join([*parts[:top], "__init__.py"]) in paths:
        top -= 1
    if parts[-1] == "__init__":
        parts = parts[:-1]
    return ".".join(parts[top:])


def own_names(paths: Collection[str]) -> frozenset[str]:
    """Return the top-level names that files of the program are imported under, as isort and ruff would guess them.

    Packages wherever they are, and what lies in the root or in `src`: a script elsewhere may be named like a library.
    """
    found: set[str] = set()
    for path in paths:
        top, _, rest = path.partition("/")
        found |= {top, rest.partition("/")[0]} if top == "src" else {top}
        name = module_name(path, paths)
        if "." in name or path.endswith("/__init__.py"):
            found.add(name.partition(".")[0])
    return frozenset(each.removesuffix(".py") for each in found) - {"", "__init__"}


def by_name(modules: Sequence[Module]) -> dict[str, Module]:
    """Return the modules by every dotted name that they may be imported under.

    First the name that the packages around a file give it; then, for files that a script directory or an import root
    without `__init__.py` makes importable, each tail of the path that no other file shares.
    """
    names = {each.name: each for each in reversed(modules)}
    tails: dict[str, list[Module]] = {}
    for module in modules:
        parts = module.path.removesuffix(".py").removesuffix("/__init__").split("/")
        for cut in range(len(parts)):
            tails.setdefault(".".join(parts[cut:]), []).append(module)
    for tail, owners in tails.items():
        # `import json` in a package that has a module `json` of its own still means the standard library's.
        if len(owners) == 1 and tail.partition(".")[0] not in sys.stdlib_module_names:
            names.setdefault(tail, owners[0])
    return names
