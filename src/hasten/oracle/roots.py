"""Where a program's imports lead: its import roots, and what to do when one name leads to two of them."""

from __future__ import annotations

import re
import sys
from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

_IMPORT = re.compile(r"(?:^|[;:])[ \t\f]*(from|import)[ \t]+([^\W\d]\w*)([^#\r\n;]*)", re.MULTILINE)
_CONTINUED = re.compile(r"\\\r?\n")
_WORD = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True, slots=True)
class Group:
    """Files whose imports are read in the same way.

    Attributes:
        search: the import roots, POSIX paths, in the order in which they are searched.
        unknown: top-level names that could mean several modules, and are taken for none.
    """

    search: tuple[str, ...]
    unknown: tuple[str, ...]


def groups(texts: Mapping[str, str]) -> dict[str, Group]:
    """Return for each file how its imports are read.

    An import root is a directory that holds a top-level package or module. A name that several roots hold means, in a
    file, the one in the file's own root, else the one in the root that shares most directories with it; where two
    are as near, it means nothing. So services that each have a package `app` do not see each other's. A script called
    `queue.py` is what it is called for files beside it, and the standard library's for others: taken for neither.
    """
    homes = {path: _home(path, texts) for path in sorted(texts)}
    roots = _with_parents(homes, texts)
    holders: dict[str, list[str]] = {}
    paths = sorted(texts)
    for root in roots:
        for name in sorted(_names(root, paths)):
            holders.setdefault(name, []).append(root)
    doubtful = {name for name, held in holders.items() if len(held) > 1 or name in sys.stdlib_module_names}
    wanted: dict[str, set[str]] = {}
    for path, home in homes.items():
        wanted.setdefault(home, set())
        if any(name in texts[path] for name in doubtful):
            wanted[home].update(_imported(texts[path]) & doubtful)
    shadows = {name for name in set().union(*wanted.values()) if name in sys.stdlib_module_names}
    groups: list[_Choice] = []
    made: dict[str, _Choice] = {}
    for home in sorted(wanted):
        names = sorted(each for each in wanted[home] - shadows if len(holders[each]) > 1)
        needs = {name: _nearest(home, holders[name]) for name in names}
        # The checker runs once for each group, so homes that do not contradict each other go together.
        group = next((each for each in groups if each.takes(needs, holders)), None)
        if group is None:
            group = _Choice({})
            groups.append(group)
        group.needs.update(needs)
        made[home] = group
    return {path: made[home].group(roots, shadows) for path, home in homes.items()}


@dataclass(slots=True)
class _Choice:
    """Which root each ambiguous name is taken from, None for none, by the files of some homes."""

    needs: dict[str, str | None]

    def takes(self, needs: Mapping[str, str | None], holders: Mapping[str, Sequence[str]]) -> bool:
        """Tell whether one order of the roots serves these needs, too."""
        if any(self.needs.get(name, root) != root for name, root in needs.items()):
            return False
        together = self.needs | dict(needs)
        order = self._order(together)
        return all(
            root is None or root == min(holders[name], key=lambda each: order.get(each, len(order)))
            for name, root in together.items()
        )

    def group(self, roots: Sequence[str], shadows: Collection[str]) -> Group:
        """Return how the imports are read."""
        order = self._order(self.needs)
        unknown = {name for name, root in self.needs.items() if root is None}
        return Group((*order, *(each for each in roots if each not in order)), tuple(sorted({*shadows, *unknown})))

    @staticmethod
    def _order(needs: Mapping[str, str | None]) -> dict[str, int]:
        chosen = sorted({root for root in needs.values() if root is not None}, key=lambda each: (-_depth(each), each))
        return {root: number for number, root in enumerate(chosen)}


def _home(path: str, texts: Mapping[str, str]) -> str:
    """Return the first directory above a file that is no package."""
    directory = PurePosixPath(path).parent
    while str(directory) != "." and str(directory / "__init__.py") in texts:
        directory = directory.parent
    return str(directory)


def _with_parents(homes: Mapping[str, str], texts: Mapping[str, str]) -> list[str]:
    """Return the roots, those that hold regular packages and modules first, then directories above them.

    A package without `__init__.py` is imported from the directory above it, and which one that is cannot be seen; so
    all of them may be searched, after those that are certain.
    """
    certain = sorted(set(homes.values()), key=lambda each: (_depth(each), each))
    above = {str(parent) for each in certain for parent in PurePosixPath(each).parents}
    above.add(".")
    packages = {path.removesuffix("/__init__.py") for path in texts if path.endswith("/__init__.py")}
    rest = sorted(above - set(certain) - packages, key=lambda each: (-_depth(each), each))
    return [*certain, *rest]


def _names(root: str, paths: list[str]) -> set[str]:
    """Return the top-level names that can be imported from a root."""
    prefix = "" if root == "." else f"{root}/"
    start = bisect_left(paths, prefix)
    names = set()
    for path in paths[start:]:
        if not path.startswith(prefix):
            break
        first, _, rest = path[len(prefix) :].partition("/")
        names.add(first if rest else first.removesuffix(".py"))
    return names


def _imported(text: str) -> set[str]:
    """Return the top-level names that are imported, and in `import a.b as c` the others as well."""
    found: set[str] = set()
    for kind, name, rest in _IMPORT.findall(_CONTINUED.sub(" ", text)):
        found.add(name)
        if kind == "import":
            found.update(_WORD.findall(rest))
    return found


def _nearest(home: str, roots: list[str]) -> str | None:
    if home in roots:
        return home
    ranked = sorted(roots, key=lambda each: -_shared(home, each))
    if len(ranked) > 1 and _shared(home, ranked[0]) == _shared(home, ranked[1]):
        return None
    return ranked[0]


def _shared(one: str, other: str) -> int:
    """Return how many directories two roots have in common."""
    count = 0
    for left, right in zip(PurePosixPath(one).parts, PurePosixPath(other).parts, strict=False):
        if left != right:
            break
        count += 1
    return count


def _depth(root: str) -> int:
    return len(PurePosixPath(root).parts)
