"""How the paths of a report, which are relative to its root, are shown to a person, and named in a diff."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from hasten.cli.git import work_tree
from hasten.errors import UsageError

Shown: TypeAlias = Callable[[str], str]
"""Turns a path of a report into one that can be clicked or typed where the person stands."""


@dataclass(frozen=True, slots=True)
class DiffPaths:
    """How files are named in a diff.

    Attributes:
        base: the directory that the names are relative to.
        here: whether `git apply`, called from the current directory, finds all files.
    """

    base: Path
    here: bool
    _root: Path

    def __call__(self, path: str) -> str:
        """Return the name of the file at `path` of the report."""
        return Path(os.path.relpath(self._root / path, self.base)).as_posix()


def here() -> Path:
    """Return the current directory.

    Raises:
        UsageError: it was removed.
    """
    try:
        return Path.cwd()
    except OSError as error:
        message = f"the current directory cannot be used: {error.strerror}; change to another one"
        raise UsageError(message) from None


def shown_from(root: Path) -> Shown:
    """Return how paths are shown: relative to the current directory where that is near, else in full."""
    cwd = here()
    near = root.is_relative_to(cwd) or cwd.is_relative_to(root)
    # A missing path may be named from the root upwards.
    return lambda path: os.path.relpath(root / path, cwd) if near else str(root / path)


def shown_to_github(root: Path) -> Shown:
    """Return how paths are named in annotations: from the top of the repository, wherever the command is called.

    A runner takes a relative path as it is, and one that does not begin there is beside no line of a pull request.
    Outside of a work tree, as in an archive of one, the workspace of the runner stands for it.
    """
    given = os.environ.get("GITHUB_WORKSPACE")
    workspace = Path(os.path.realpath(given)) if given else None
    beside = shown_from(root)
    tops: dict[Path, Path | None] = {}

    def shown(path: str) -> str:
        full = root / path
        top = work_tree(full.parent, tops)
        if top is None and workspace is not None and full.is_relative_to(workspace):
            top = workspace
        return beside(path) if top is None else Path(os.path.relpath(full, top)).as_posix()

    return shown


def diff_paths(root: Path, files: Iterable[str]) -> DiffPaths:
    """Return how the files of a diff are named, so that `git apply` takes it where the person stands.

    In a work tree, git wants names relative to its top, also in a directory below, as `git diff` prints them;
    elsewhere, names relative to the current directory. Where files lie outside of that, names are relative to the root.
    """
    cwd = here()
    full = [root / path for path in files]
    top = next((directory for directory in (cwd, *cwd.parents) if (directory / ".git").exists()), cwd)
    if all(path.is_relative_to(top) for path in full):
        # From below the top, git passes over the files that are not below, too.
        return DiffPaths(top, all(path.is_relative_to(cwd) for path in full), root)
    return DiffPaths(root, False, root)  # noqa: FBT003 - a field, named above
