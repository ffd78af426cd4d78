"""Git's word on whether files have changes that are in no commit."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from hasten.errors import DirtyTreeError

# An argument list may be some megabytes long, and on some systems much less.
_BATCH = 400
_NAMED = 5


def demand_clean(root: Path, paths: Sequence[str]) -> None:
    """Raise unless git has all of `paths` as they are; files outside of any work tree are not asked about.

    A file that git does not track counts as uncommitted; one that it ignores does not.

    Args:
        root: the directory that the paths are relative to.
        paths: the files that would be rewritten.

    Raises:
        DirtyTreeError: a file has uncommitted changes, or git cannot tell.
    """
    tops: dict[Path, Path | None] = {}
    inside: dict[Path, list[str]] = {}
    for path in paths:
        # git speaks of the file itself where a link leads to it.
        real = Path(os.path.realpath(root / path))
        top = _work_tree(real.parent, tops)
        if top is not None:
            inside.setdefault(top, []).append(real.relative_to(top).as_posix())
    dirty = [
        os.path.relpath(top / path, root)
        for top, files in sorted(inside.items())
        for start in range(0, len(files), _BATCH)
        for path in _uncommitted(top, files[start : start + _BATCH])
    ]
    if dirty:
        # A file that is removed from the index and still there has two lines, deleted and untracked.
        dirty = sorted(set(dirty))
        more = f" and {len(dirty) - _NAMED} more" if len(dirty) > _NAMED else ""
        message = (
            f"uncommitted changes in {', '.join(dirty[:_NAMED])}{more}; commit or stash them, or give --allow-dirty"
        )
        raise DirtyTreeError(message)


def _work_tree(directory: Path, known: dict[Path, Path | None]) -> Path | None:
    """Return the nearest directory above that holds `.git`."""
    if directory not in known:
        if (directory / ".git").exists():
            known[directory] = directory
        else:
            known[directory] = None if directory == directory.parent else _work_tree(directory.parent, known)
    return known[directory]


def _uncommitted(top: Path, files: Iterable[str]) -> list[str]:
    command = [
        "git",
        "-C",
        str(top),
        "--literal-pathspecs",
        "status",
        "--porcelain",
        "-z",
        "--no-renames",
        "--untracked-files=all",
        "--",
        *files,
    ]
    # A status is no reason to write to the index, which another git may be using.
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"):
        environment.pop(name, None)
    try:
        done = subprocess.run(command, capture_output=True, check=False, env=environment)  # noqa: S603 - names only
    except OSError as error:
        message = (
            f"git cannot be asked about uncommitted changes ({error.strerror}); give --allow-dirty to go on without"
        )
        raise DirtyTreeError(message) from None
    if done.returncode:
        said = " ".join(os.fsdecode(done.stderr).split())
        message = f"git cannot tell about uncommitted changes ({said}); give --allow-dirty to go on without"
        raise DirtyTreeError(message)
    # Two letters and a space stand before each name.
    return [os.fsdecode(entry[3:]) for entry in done.stdout.split(b"\0") if entry]
