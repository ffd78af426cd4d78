"""The source trees that the benchmark runs on."""

from __future__ import annotations

import ast
import shutil
import site
import sysconfig
import tarfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.corpus.prepare import load

TRIGGER = b"json"
"""A file without these bytes cannot use the module: the candidates of every tool that looks before it parses."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A folder of Python files.

    Attributes:
        parts: what it was put together from, for the report.
    """

    root: Path
    parts: tuple[str, ...]
    files: tuple[Path, ...]
    candidates: tuple[Path, ...]
    lines: int

    @classmethod
    def of(cls, root: Path, parts: tuple[str, ...]) -> Tree:
        """Look at every Python file below `root`."""
        files = tuple(sorted(path for path in root.rglob("*.py") if path.is_file()))
        texts = {path: path.read_bytes() for path in files}
        candidates = tuple(path for path in files if TRIGGER in texts[path])
        return cls(root, parts, files, candidates, sum(text.count(b"\n") for text in texts.values()))


def build(root: Path, sdists: Path, wanted: int, category: str = "json") -> Tree:
    """Put a tree of at least `wanted` lines together.

    The source distributions of a category of the corpus that are in the cache are taken in its order; where they are
    not enough, the packages that are installed here and those of the standard library are added.
    """
    parts: list[str] = []
    lines = 0
    for name, files in _parts(root.with_name(f"unpacked-{category}"), sdists, category):
        if lines >= wanted:
            break
        found = 0
        for path, place in files:
            if not _is_python(path):
                continue
            target = root / name / place
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            found += path.read_bytes().count(b"\n")
        if found:
            parts.append(name)
            lines += found
    return Tree.of(root, tuple(parts))


def grown(tree: Tree, root: Path, times: int, *, candidates: bool) -> Tree:
    """Return a copy of `tree` with as many lines as `times` of it.

    Args:
        tree: what to copy.
        root: where the copy goes.
        times: how many times larger it becomes.
        candidates: whether what is added are copies of the whole tree, or other files, without a trigger: those of the
            standard library. Copies would call the functions of the candidates by their names, and so bear on them.
    """
    shutil.copytree(tree.root, root)
    library = Path(sysconfig.get_path("stdlib"))
    base = tree.root if candidates else library
    largest = max(path.stat().st_size for path in tree.files)
    added = tree.files if candidates else tuple(_without_trigger(library, largest))
    sizes = {path: path.read_bytes().count(b"\n") for path in added}
    missing, copy = tree.lines * (times - 1), 0
    while missing > 0:
        copy += 1
        for path in added:
            target = root / f"copy{copy}" / path.relative_to(base)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            missing -= sizes[path]
            if missing <= 0:
                break
    return Tree.of(root, tree.parts)


def _without_trigger(folder: Path, largest: int) -> Iterator[Path]:
    """Yield files without a trigger, none larger than the largest of the tree, which memory does grow with."""
    for path in sorted(folder.rglob("*.py")):
        if "site-packages" in path.parts or path.stat().st_size > largest:
            continue
        if TRIGGER not in path.read_bytes() and _is_python(path):
            yield path


def _is_python(path: Path) -> bool:
    """Tell whether a file is Python: templates and deliberate errors are not, and each tool ends differently there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):
            return False
    return True


def _parts(unpacked: Path, sdists: Path, category: str) -> Iterator[tuple[str, list[tuple[Path, Path]]]]:
    """Yield the name and the files of each part, the latter with their places."""
    packages = load(Path(__file__).resolve().parents[1] / "corpus" / "packages.json")
    for package in packages:
        archive = sdists / package.sdist
        if category in package.category.split("+") and archive.exists():
            with tarfile.open(archive) as tar:
                tar.extractall(unpacked, filter="data")
            top = unpacked / package.sdist.removesuffix(".tar.gz")
            yield top.name, [(path, path.relative_to(top)) for path in sorted(top.rglob("*.py")) if path.is_file()]
    for folder in sorted({*map(Path, site.getsitepackages()), Path(sysconfig.get_path("stdlib"))}):
        for top in sorted(path for path in folder.iterdir() if (path / "__init__.py").is_file()):
            yield top.name, [(path, path.relative_to(top)) for path in sorted(top.rglob("*.py")) if path.is_file()]
