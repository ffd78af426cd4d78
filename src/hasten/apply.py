"""The files of a plan onto the disk, and off it again.

Before a file is touched, its old content is in the journal. Each file is then written under a hidden name beside its
target, flushed to disk, and renamed over it, so that at any moment every file is whole: old or new. Files that are
only right together are all flushed before the first of them is renamed.
"""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hasten.errors import JournalError, SourceError, UsageError
from hasten.journal import Entry, RunInfo, digest, exists, journal_path, opened
from hasten.model import Problem
from hasten.replace import demand_writable, put_in_place, resolved, stage, sync
from hasten.source import read_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hasten.model import Changed


@dataclass(frozen=True, slots=True)
class Applied:
    """What `apply_changes` did.

    Attributes:
        run: the number to undo it by; None when nothing was written.
        written: paths of the files that were written, sorted.
        problems: one for each file that was not, sorted by path.
    """

    run: int | None
    written: tuple[str, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Undone:
    """What `undo` did.

    Attributes:
        run: the run that was taken back; None when there was none.
        restored: paths of the files that have their old content again, sorted.
        removed: paths of the files that the run had created, sorted.
        problems: one for each file that was left as it is, sorted by path.
    """

    run: int | None
    restored: tuple[str, ...]
    removed: tuple[str, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Target:
    """A file that passed its check: the change, the real file behind any links, and the name to write it under."""

    item: Changed
    real: Path
    temporary: Path


def apply_changes(
    root: Path,
    changed: Sequence[Changed],
    plan: bytes,
    *,
    groups: Sequence[frozenset[str]] = (),
    journal: Path | None = None,
) -> Applied:
    """Write `changed` below `root`, so that `undo` can take it back.

    A file that is no longer what it was when it was read, or that cannot be written, is left as it is and reported;
    the others are written. An interrupt (Ctrl-C) takes effect between two files.

    Args:
        root: the directory that all paths are relative to; nothing outside it is written.
        changed: the files, each path once.
        plan: the plan as JSON, kept in the journal.
        groups: sets of paths that are only right together: if one cannot be written, none of them is, nor any file
            that shares a group with one of them.
        journal: the journal's file, where it is not the usual one.

    Raises:
        JournalError: the journal cannot be used; no file was touched.
        ValueError: a path is given twice.
    """
    items = {item.path: item for item in sorted(changed, key=lambda item: item.path)}
    if len(items) != len(changed):
        message = "a path is given twice"
        raise ValueError(message)
    wanted = [item for item in items.values() if item.created or item.before != item.after]
    units, problems = _checked_units(root, wanted, groups)
    if not units:
        return Applied(None, (), _by_path(problems))
    return asyncio.run(_apply(root, plan, units, problems, journal or journal_path(root)))


def blocked(root: Path, changed: Iterable[Changed]) -> frozenset[str]:
    """Return the paths that `apply_changes` would not write as things are; what others need of them is then missing."""
    return frozenset(_checked_units(root, sorted(changed, key=lambda item: item.path), ())[1])


def undo(root: Path, run: int | None = None, *, journal: Path | None = None, forget: bool = False) -> Undone:
    """Give every file of a run its old content again, and remove those that the run created.

    A file that was changed after the run is left as it is and reported; naming the run again retries it. A run that
    was killed half-way is undone as far as it went. The run counts as undone unless a file could not be written, or
    none of its files was given back because all that is left of it was changed.

    Args:
        root: the directory that the run was applied in.
        run: its number; the last one that is not undone where it is not given.
        journal: the journal's file, where it is not the usual one.
        forget: nobody needs to know of the run once it is undone.

    Raises:
        JournalError: the journal cannot be used.
        UsageError: there is no run of that number, or nothing of it is left to undo.
    """
    path = journal or journal_path(root)
    if exists(path):
        return asyncio.run(_undo(root, run, path, forget=forget))
    if run is None:
        return Undone(None, (), (), ())
    raise UsageError(_no_such_run(run))


async def _apply(
    root: Path, plan: bytes, units: Sequence[Sequence[_Target]], problems: dict[str, Problem], path: Path
) -> Applied:
    states: dict[str, str] = {}
    directories: set[Path] = set()
    async with opened(path) as journal:
        run = await journal.begin(root, plan, [_entry(target) for unit in units for target in _distinct(unit)])
        for unit in units:
            done, failed = _write(root, unit)
            problems |= failed
            states |= {target.item.path: "left" for target in unit} | dict.fromkeys(done, "written")
            directories |= {target.real.parent for target in unit}
            # The only place where an interrupt is let in.
            await asyncio.sleep(0)
        sync(directories)
        written = tuple(sorted(name for name, state in states.items() if state == "written"))
        try:
            if not written:
                await journal.forget(run)
                return Applied(None, (), _by_path(problems))
            await journal.settle(run, "done", states)
        except JournalError as error:
            # The files are written, and the run can be undone all the same; only its end is not on record.
            problems[str(path)] = Problem(str(path), "write", str(error))
    return Applied(run, written, _by_path(problems))


async def _undo(root: Path, number: int | None, path: Path, *, forget: bool) -> Undone:
    restored: list[str] = []
    removed: list[str] = []
    states: dict[str, str] = {}
    problems: dict[str, Problem] = {}
    directories: set[Path] = set()
    begun = False
    async with opened(path) as journal:
        run = _chosen(await journal.runs(), number)
        if run is None:
            return Undone(None, (), (), ())
        async for entry in journal.entries(run.id):
            if entry.state not in {"pending", "written"}:
                begun |= entry.state == "restored"
                continue
            try:
                done = _restore(root, entry, run.id)
            except (OSError, SourceError) as error:
                problems[entry.path] = _problem(entry.path, error)
            else:
                states[entry.path] = "restored"
                directories.add(resolved(root, entry.path).parent)
                if done:
                    begun = True
                    (removed if entry.before is None else restored).append(entry.path)
            await asyncio.sleep(0)
        if run.state == "undone" and not states and not problems:
            message = f"run {run.id} is undone already"
            raise UsageError(message)
        sync(directories)
        # A run that nothing was given back of stays the next one to undo, or a second `undo` would take an older one.
        finished = not problems or (begun and all(problem.kind == "changed" for problem in problems.values()))
        if forget and not problems:
            await journal.forget(run.id)
        else:
            await journal.settle(run.id, "undone" if finished else run.state, states if begun or finished else {})
    return Undone(run.id, tuple(sorted(restored)), tuple(sorted(removed)), _by_path(problems))


def _chosen(known: Sequence[RunInfo], number: int | None) -> RunInfo | None:
    if number is None:
        return next((run for run in known if run.state != "undone"), None)
    for run in known:
        if run.id == number:
            return run
    raise UsageError(_no_such_run(number))


def _no_such_run(number: int) -> str:
    return f"there is no run {number} here; `hasten undo --list` shows those that there are"


def _entry(target: _Target) -> Entry:
    item = target.item
    after = digest(item.after)
    if item.created:
        return Entry(item.path, None, None, after, None, target.temporary.name)
    mode = target.real.stat().st_mode & 0o7777
    return Entry(item.path, item.before, digest(item.before), after, mode, target.temporary.name)


def _checked_units(
    root: Path, items: Sequence[Changed], groups: Sequence[frozenset[str]]
) -> tuple[list[list[_Target]], dict[str, Problem]]:
    """Return the files that can be written, as lists of those that go together, and a problem for every other."""
    targets: dict[str, _Target] = {}
    problems: dict[str, Problem] = {}
    for item in items:
        try:
            targets[item.path] = _checked(root, item)
        except (OSError, SourceError) as error:
            problems[item.path] = _problem(item.path, error)
    links = _same_files(targets.values())
    for paths in links:
        if len({targets[path].item.after for path in paths}) > 1:
            message = f"{' and '.join(paths)} are one file, and its changes contradict each other; name only one"
            problems |= {path: Problem(path, "write", message) for path in paths}
    units: list[list[_Target]] = []
    for unit in _components([item.path for item in items], [*map(sorted, groups), *links]):
        failed = next((path for path in unit if path in problems), None)
        if failed is None:
            units.append([targets[path] for path in unit])
        else:
            problems |= _dragged(problems[failed], unit, problems)
    return units, problems


def _checked(root: Path, item: Changed) -> _Target:
    """Return where to write `item`; raise `SourceError` if that is known to be wrong or to fail."""
    real = resolved(root, item.path)
    _compare(root, item)
    if not real.parent.is_dir():
        raise SourceError("write", "its directory does not exist; make it, and run hasten again")
    demand_writable(real)
    return _Target(item, real, real.with_name(f".hasten-{secrets.token_hex(8)}"))


def _compare(root: Path, item: Changed) -> None:
    """Raise `SourceError` unless the file is what it was when it was read."""
    if item.created:
        if os.path.lexists(root / item.path):
            raise SourceError("changed", "it was to be created, but exists by now; move it away, or run hasten again")
    elif not os.path.lexists(root / item.path):
        raise SourceError("changed", "it was removed since it was read; run hasten again")
    elif read_bytes(root, item.path) != item.before:
        raise SourceError("changed", "it was changed since it was read; run hasten again")


def _same_files(targets: Iterable[_Target]) -> list[list[str]]:
    """Return the paths that lead to one file, through links, where there are several."""
    by_file: dict[Path, list[str]] = {}
    for target in targets:
        by_file.setdefault(target.real, []).append(target.item.path)
    return [paths for paths in by_file.values() if len(paths) > 1]


def _distinct(unit: Sequence[_Target]) -> list[_Target]:
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


def _dragged(cause: Problem, paths: Iterable[str], known: Mapping[str, Problem]) -> dict[str, Problem]:
    """Return the problems of the files that stay as they are because of another one."""
    message = f"it is only right together with {cause.path}, which could not be written; see there"
    return {path: Problem(path, cause.kind, message) for path in paths if path not in known}


def _write(root: Path, unit: Sequence[_Target]) -> tuple[list[str], dict[str, Problem]]:
    """Write the files of `unit`, all or none; return the paths that were written, and the problems of the others."""
    targets = _distinct(unit)
    replaced: list[_Target] = []
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
        problem = _problem(path, error)
        stuck = {target.real for target in reversed(replaced) if not _taken_back(target)}
        written = [target.item.path for target in unit if target.real in stuck]
        problems = {path: problem} | _stuck(problem, written)
        return written, problems | _dragged(problem, [target.item.path for target in unit], problems)
    finally:
        for target in targets:
            with suppress(OSError):
                target.temporary.unlink(missing_ok=True)
    return [target.item.path for target in unit], {}


def _stuck(cause: Problem, paths: Iterable[str]) -> dict[str, Problem]:
    """Return the problems of files that were written, and could not be taken back, before another one failed."""
    message = f"it was written, but is only right together with {cause.path}, which was not; run `hasten undo`"
    return {path: Problem(path, cause.kind, message) for path in paths}


def _taken_back(target: _Target) -> bool:
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


def _restore(root: Path, entry: Entry, run: int) -> bool:
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


def _problem(path: str, error: OSError | SourceError) -> Problem:
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


def _by_path(problems: Mapping[str, Problem]) -> tuple[Problem, ...]:
    return tuple(problems[path] for path in sorted(problems))
