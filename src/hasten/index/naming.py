"""The names under which files are imported."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from hasten.index.module import Module

FileT = TypeVar("FileT")


class NameIndex:
    """Which modules of a program have something under a name, by the section of the facts; see `Module.names`.

    Attributes:
        sections: what was asked for so far.
    """

    def __init__(self, modules: Sequence[Module], before: NameIndex | None = None) -> None:
        """Take the modules in path order, and an index of some of them and no others, if there is one."""
        self.sections: dict[str, dict[str, list[Module]]] = {}
        self._modules = modules
        self._known = frozenset(map(id, before._modules)) if before is not None else frozenset()  # noqa: SLF001 - its own
        self._earlier = before.sections if before is not None else {}

    def modules_with(self, section: str, name: str) -> list[Module]:
        """Return the modules, in path order, that have something under `name`."""
        if section not in self.sections:
            self.sections[section] = self._section(section)
        return self.sections[section].get(name, [])

    def _section(self, section: str) -> dict[str, list[Module]]:
        before = self._earlier.get(section, {})
        found: dict[str, list[Module]] = {}
        for module in self._modules:
            if before and id(module) in self._known:
                continue
            for name in module.names(section):
                found.setdefault(name, []).append(module)
        for name in found if before else ():
            found[name] = sorted([*before.get(name, ()), *found[name]], key=lambda module: module.path)
        return {**before, **found}


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


def by_name(files: Iterable[tuple[str, str, FileT]]) -> dict[str, FileT]:
    """Return files by every dotted name that they may be imported under.

    First the name that the packages around a file give it; then, for files that a script directory or an import root
    without `__init__.py` makes importable, each tail of the path that no other file shares.

    Args:
        files: path, dotted name, and what stands for the file in the result, in path order.
    """
    names: dict[str, FileT] = {}
    tails: dict[str, list[FileT]] = {}
    for path, name, file in files:
        names.setdefault(name, file)
        parts = path.removesuffix(".py").removesuffix("/__init__").split("/")
        for cut in range(len(parts)):
            tails.setdefault(".".join(parts[cut:]), []).append(file)
    for tail, owners in tails.items():
        # `import json` in a package that has a module `json` of its own still means the standard library's.
        if len(owners) == 1 and tail.partition(".")[0] not in sys.stdlib_module_names:
            names.setdefault(tail, owners[0])
    return names
