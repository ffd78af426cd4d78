"""Git's word on whether files have changes that are in no commit."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from hasten.cli import git
from hasten.cli.git import GitError
from hasten.errors import DirtyTreeError

# An argument list may be some megabytes long, and on some systems much less.
_BATCH = 400
_NAMED = 5


def demand_clean(
    root: Path, paths: Sequence[str], *, remedy: str = "commit or stash them, or give --allow-dirty"
) -> None:
    """Raise unless git has all of `paths` as they are; files outside of any work tree are not asked about.

    A file that git does not track counts as uncommitted; one that it ignores does not.

    Args:
        root: the directory that the paths are relative to.
        paths: the files that would be rewritten.
        remedy: what a person can do about uncommitted changes.

    Raises:
        DirtyTreeError: a file has uncommitted changes, or git cannot tell.
    """
    tops: dict[Path, Path | None] = {}
    inside: dict[Path, list[str]] = {}
    for path in paths:
        # git speaks of the file itself where a link leads to it.
        real = Path(os.path.realpath(root / path))
        top = git.work_tree(real.parent, tops)
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
        message = f"uncommitted changes in {', '.join(dirty[:_NAMED])}{more}; {remedy}"
        raise DirtyTreeError(message)


def _uncommitted(top: Path, files: Iterable[str]) -> list[str]:
    arguments = ["status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", *files]
    try:
        done = git.run(top, "--literal-pathspecs", *arguments)
    except GitError as error:
        message = f"git cannot tell about uncommitted changes ({error}); give --allow-dirty to go on without"
        raise DirtyTreeError(message) from None
    # Two letters and a space stand before each name.
    return [os.fsdecode(entry[3:]) for entry in done.split(b"\0") if entry]
