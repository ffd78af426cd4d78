"""Files that are only right together: checked, written all or none, and given back one by one.

Each file is written under a hidden name beside its target, flushed to disk, and renamed over it, so that at any moment
every file is whole: old or new.
"""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hasten.errors import SourceError
from hasten.journal import Entry, digest
from hasten.model import Changed, Problem
from hasten.replace import demand_writable, put_in_place, resolved, stage
from hasten.source import read_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Target:
    """A file that passed its check: the change, the real file behind any links, and the name to write it under."""

    item: Changed
    real: Path
    temporary: Path


def checked_units(
    root: Path, items: Sequence[Changed], groups: Sequence[frozenset[str]]
) -> tuple[list[list[Target]], dict[str, Problem]]:
    """Return the files that can be written, as lists of those that go together, and a problem for every other."""
    targets: dict[str, Target] = {}
    problems: dict[str, Problem] = {}
    for item in items:
        try:
            targets[item.path] = checked(root, item)
        except (OSError, SourceError) as error:
            problems[item.path] = problem_of(item.path, error)
    links = _same_files(targets.values())
    for paths in links:
        if len({targets[path].item.after for path in paths}) > 1:
            message = f"{' and '.join(paths)} are one file, and its changes contradict each other; name only one"
            problems |= {path: Problem(path, "write", message) for path in paths}
    units: list[list[Target]] = []
    for unit in _components([item.path for item in items], [*map(sorted, groups), *links]):
        failed = next((path for path in unit if path in problems), None)
        if failed is None:
            units.append([targets[path] for path in unit])
        else:
            problems |= dragged(problems[failed], unit, problems)
    return units, problems


def checked(root: Path, item: Changed) -> Target:
    """Return where to write `item`; raise `SourceError` if that is known to be wrong or to fail."""
    real = resolved(root, item.path)
    _compare(root, item)
    if not real.parent.is_dir():
        raise SourceError("write", "its directory does not exist; make it, and run hasten again")
    demand_writable(real)
    return Target(item, real, real.with_name(f".hasten-{secrets.token_hex(8)}"))


def _compare(root: Path, item: Changed) -> None:
    """Raise `SourceError` unless the file is what it was when it was read."""
    if item.created:
        if os.path.lexists(root / item.path):
            raise SourceError("changed", "it was to be created, but exists by now; move it away, or run hasten again")
    elif not os.path.lexists(root / item.path):
        raise SourceError("changed", "it was removed since it was read; run hasten again")
    elif read_bytes(root, item.path) != item.before:
        raise SourceError("changed", "it was changed since it was read; run hasten again")


def _same_files(targets: Iterable[Target]) -> list[list[str]]:
    """Return the paths that lead to one file, through links, where there are several."""
    by_file: dict[Path, list[str]] = {}
    for target in targets:
        by_file.setdefault(target.real, []).append(target.item.path)
    return [paths for paths in by_file.values() if len(paths) > 1]


def distinct(unit: Sequence[Target]) -> list[Target]:
    """Return `unit` with each real file once."""
    return list({target.real: target for target in reversed(unit)}.values())[::-1]


def _components(paths: Sequence[str], groups: Iterable[Sequence[str]]) -> list[list[str]]:
    """Split `paths` into the smallest lists that no group crosses, in the order of their first paths."""
    parent = {path: path for path in paths}

    def top(path: str) -> str:
        while (above := parent.setdefault(path, path)) != path:
            parent[path] = path = parent[above]
        return path

    for group in groups:
        for path in group[1:]:
            parent[top(path)] = top(group[0])
    components: dict[str, list[str]] = {}
    for path in paths:
        components.setdefault(top(path), []).append(path)
    return list(components.values())


def dragged(cause: Problem, paths: Iterable[str], known: Mapping[str, Problem]) -> dict[str, Problem]:
    """Return the problems of the files that stay as they are because of another one."""
    message = f"it is only right together with {cause.path}, which could not be written; see there"
    return {path: Problem(path, cause.kind, message) for path in paths if path not in known}


def write(root: Path, unit: Sequence[Target]) -> tuple[list[str], dict[str, Problem]]:
    """Write the files of `unit`, all or none; return the paths that were written, and the problems of the others."""
    targets = distinct(unit)
    replaced: list[Target] = []
    path = ""
    try:
        for target in targets:
            path = target.item.path
            stage(target.temporary, target.item.after, None if target.item.created else target.real)
        for target in targets:
            path = target.item.path
            _compare(root, target.item)
        for target in targets:
            path = target.item.path
            put_in_place(target.temporary, target.real, created=target.item.created)
            replaced.append(target)
    except (OSError, SourceError) as error:
        problem = problem_of(path, error)
        stuck = {target.real for target in reversed(replaced) if not _taken_back(target)}
        written = [target.item.path for target in unit if target.real in stuck]
        problems = {path: problem} | _stuck(problem, written)
        return written, problems | dragged(problem, [target.item.path for target in unit], problems)
    finally:
        for target in targets:
            with suppress(OSError):
                target.temporary.unlink(missing_ok=True)
    return [target.item.path for target in unit], {}


def _stuck(cause: Problem, paths: Iterable[str]) -> dict[str, Problem]:
    """Return the problems of files that were written, and could not be taken back, before another one failed."""
    message = f"it was written, but is only right together with {cause.path}, which was not; run `hasten undo`"
    return {path: Problem(path, cause.kind, message) for path in paths}


def _taken_back(target: Target) -> bool:
    """Give a file that was just written its old content again; return whether that worked."""
    try:
        if target.item.created:
            target.real.unlink()
        else:
            stage(target.temporary, target.item.before, target.real)
            target.temporary.replace(target.real)
    except OSError:
        return False
    return True


def restore(root: Path, entry: Entry, run: int) -> bool:
    """Take back one file of a run; return whether there was something to take back."""
    real = resolved(root, entry.path)
    temporary = real.with_name(entry.temporary)
    temporary.unlink(missing_ok=True)  # left behind by a run, or an undo, that was killed
    if not os.path.lexists(root / entry.path):
        if entry.before is None:
            return False
        raise SourceError("changed", f"it was removed after run {run}, and stays so")
    if real.exists() and not real.is_file():
        kind = "a directory" if real.is_dir() else "something else than a file"
        message = (
            f"{kind} has taken its place since run {run}; "
            f"move that away, or put back what the run wrote and repeat `hasten undo {run}`"
        )
        raise SourceError("changed", message)
    found = digest(read_bytes(root, entry.path))
    if found == entry.before_sha:
        return False
    if found != entry.after_sha:
        message = (
            f"it was changed after run {run}, and is left as it is; "
            f"edit it by hand, or put back what the run wrote and repeat `hasten undo {run}`"
        )
        raise SourceError("changed", message)
    demand_writable(real)
    if entry.before is None:
        real.unlink()
        return True
    try:
        stage(temporary, entry.before, real)
        temporary.replace(real)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    return True


def problem_of(path: str, error: OSError | SourceError) -> Problem:
    """Return what went wrong with a file, and what to do about it."""
    if isinstance(error, SourceError):
        return Problem(path, error.kind, str(error))
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            message = f"the disk has no space left for {path}; free some, and try again"
        case errno.EFBIG:
            message = f"{path} would be larger than the system allows; raise the limit, and try again"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            message = f"{path} may not be written; change its permissions, or those of its directory, and try again"
        case _:
            message = f"{path} cannot be written ({error.strerror}); mend that, and try again"
    return Problem(path, "write", message)
