"""Look through data files for what a codemod must know about the documents that the program reads [IO].

Only four things are looked for, with one expression over the bytes: numbers that are no JSON, integers beyond 64
bits, lone
surrogates, and byte order marks. Tests often keep such documents as files, where no analysis of code can see them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hasten.discover import is_marked, is_skipped
from hasten.errors import SourceError
from hasten.index.program import DataWitness
from hasten.source import read_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SUFFIXES = (".json", ".jsonl", ".ndjson", ".geojson", ".ipynb", ".har", ".webmanifest")
#: Larger files are data of the user's, not examples; looking through them would cost more than the rest of a run.
_LARGEST = 4 * 1024 * 1024
_MOST_FILES = 5_000

_SPECIAL = re.compile(
    rb"(?P<bom>\A(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff))"
    rb"|(?P<nan>[\[:,\s]-?(?:NaN|Infinity)\s*[,\]}\n])"
    rb"|(?P<big>[\[:,\s]-?\d{19,}\s*[,\]}\n])"
    rb"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a pair, which is no surrogate to a reader
    rb"|(?P<surrogate>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)


class DataFiles:
    """The data files of a tree, read once."""

    def __init__(self, root: Path, paths: Iterable[str]) -> None:
        """Look through the tree; what cannot be read holds no evidence.

        Args:
            root: the directory of the run; searched whole where a project is marked in it.
            paths: the Python files of the run; elsewhere, only their directories are searched.
        """
        self.witnesses: tuple[DataWitness, ...] = ()
        digest = hashlib.sha256()
        found: list[DataWitness] = []
        for number, path in enumerate(_data_files(root, paths)):
            if number >= _MOST_FILES:
                break
            try:
                name = path.relative_to(root).as_posix()
                if path.stat().st_size > _LARGEST:
                    continue
                data = read_bytes(root, name)
            except (OSError, SourceError):
                continue
            here = list(_in_file(name, data))
            digest.update(repr(here).encode())
            found += here
        self.witnesses = tuple(found)
        self.digest = digest.hexdigest()


def _data_files(root: Path, paths: Iterable[str]) -> Iterator[Path]:
    if not is_marked(root) and _is_shared(root):
        for beside in sorted({path.rpartition("/")[0] for path in paths}):
            with contextlib.suppress(OSError):
                yield from sorted(each for each in (root / beside).iterdir() if each.name.endswith(_SUFFIXES))
        return
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(each for each in folders if not is_skipped(folder, each))
        for name in sorted(names):
            if name.endswith(_SUFFIXES):
                yield root / folder / name


def _is_shared(folder: Path) -> bool:
    """Tell whether a directory is a place for all sorts of things: the home directory, what is above it, or `/tmp`."""
    try:
        home = Path.home()
    except RuntimeError:
        return folder == Path(folder.anchor)
    return folder in {home, *home.parents, Path(tempfile.gettempdir())}


def _in_file(name: str, data: bytes) -> Iterator[DataWitness]:
    seen: set[str] = set()
    for match in _SPECIAL.finditer(data):
        kind = match.lastgroup
        if kind is None:
            continue
        text = match[kind].decode("utf-8", "replace").strip(" ,:[]{}\n\r\t")
        if kind in seen or (kind == "big" and -(1 << 63) <= int(text[:30]) < 1 << 64):
            continue
        seen.add(kind)
        yield DataWitness(name, data.count(b"\n", 0, match.start()) + 1, kind, text[:40])
