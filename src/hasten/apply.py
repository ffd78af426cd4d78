"""The files of a plan onto the disk, and off it again.

Before a file is touched, its old content is in the journal. Each file is then written under a hidden name beside its
target, flushed to disk, and renamed over it, so that at any moment every file is whole: old or new. Files that are
only right together are all flushed before the first of them is renamed.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hasten.errors import JournalError, SourceError, UsageError
from hasten.journal import Entry, RunInfo, digest, exists, journal_path, opened, runs
from hasten.model import Changed, Problem
from hasten.replace import resolved, sync
from hasten.source import read_bytes
from hasten.units import Target, checked, checked_units, distinct, dragged, problem_of, restore, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


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


def apply_changes(
    root: Path,
    changed: Sequence[Changed],
    plan: bytes,
    *,
    groups: Sequence[frozenset[str]] = (),
    journal: Path | None = None,
    trial: bool = False,
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
        trial: the run is about to be undone. Until then it counts as not ended, and `resume` does not finish it.

    Raises:
        JournalError: the journal cannot be used; no file was touched.
        ValueError: a path is given twice.
    """
    items = {item.path: item for item in sorted(changed, key=lambda item: item.path)}
    if len(items) != len(changed):
        message = "a path is given twice"
        raise ValueError(message)
    wanted = [item for item in items.values() if item.created or item.before != item.after]
    units, problems = checked_units(root, wanted, groups)
    if not units:
        return Applied(None, (), _by_path(problems))
    return asyncio.run(_apply(root, plan, units, problems, journal or journal_path(root), trial=trial))


def unfinished(root: Path, *, journal: Path | None = None) -> RunInfo | None:
    """Return the last run if it was killed before it came to its end, or is a trial, else None.

    Raises:
        JournalError: the journal cannot be used.
    """
    known = runs(root, journal=journal)
    return known[0] if known and known[0].state == "started" else None


def resume(root: Path, *, journal: Path | None = None) -> Applied:
    """Finish the last run, if it was killed before it came to its end; else do nothing.

    Files that are only right together, of which one was changed since, get their old content back.

    Raises:
        JournalError: the journal cannot be used.
        UsageError: it cannot be finished, since it was a trial.
    """
    path = journal or journal_path(root)
    return asyncio.run(_resume(root, path)) if exists(path) else Applied(None, (), ())


def unwritable(root: Path, changed: Iterable[Changed]) -> tuple[Problem, ...]:
    """Return why files could not be written as things are, by path; what others need of them is then missing."""
    return _by_path(checked_units(root, sorted(changed, key=lambda item: item.path), ())[1])


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
    root: Path,
    plan: bytes,
    units: Sequence[Sequence[Target]],
    problems: dict[str, Problem],
    path: Path,
    *,
    trial: bool,
) -> Applied:
    states: dict[str, str] = {}
    directories: set[Path] = set()
    async with opened(path) as journal:
        entries = [_entry(target, number) for number, unit in enumerate(units) for target in distinct(unit)]
        run = await journal.begin(root, plan, [replace(each, after=None) for each in entries] if trial else entries)
        for unit in units:
            done, failed = write(root, unit)
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
            await journal.settle(run, "started" if trial else "done", states)
        except JournalError as error:
            # The files are written, and the run can be undone all the same; only its end is not on record.
            problems[str(path)] = Problem(str(path), "write", str(error))
    return Applied(run, written, _by_path(problems))


async def _resume(root: Path, path: Path) -> Applied:
    states: dict[str, str] = {}
    problems: dict[str, Problem] = {}
    directories: set[Path] = set()
    async with opened(path) as journal:
        known = await journal.runs()
        if not known or known[0].state != "started":
            return Applied(None, (), ())
        run = known[0].id
        if not known[0].resumable:
            message = f"what run {run} was to write is not in the journal; `hasten undo` takes back what it wrote"
            raise UsageError(message)
        units: dict[int, list[Entry]] = {}
        async for entry in journal.entries(run):
            units.setdefault(entry.unit, []).append(entry)
        for _, entries in sorted(units.items()):
            written, failed = _finish(root, entries, run)
            problems |= failed
            states |= {entry.path: "left" for entry in entries} | dict.fromkeys(written, "written")
            directories |= {(root / entry.path).parent for entry in entries if entry.path in written}
            await asyncio.sleep(0)
        sync(directories)
        await journal.settle(run, "done", states)
    written = sorted(name for name, state in states.items() if state == "written")
    return Applied(run, tuple(written), _by_path(problems))


def _finish(root: Path, entries: Sequence[Entry], run: int) -> tuple[list[str], dict[str, Problem]]:
    """Write what is left of one unit, or take it back; return the paths that have their new content, and problems."""
    missing: list[Target] = []
    there: list[Entry] = []
    problems: dict[str, Problem] = {}
    for entry in entries:
        try:
            # It may be there beside what it was linked or renamed to.
            resolved(root, entry.path).with_name(entry.temporary).unlink(missing_ok=True)
            if _is_written(root, entry):
                there.append(entry)
                continue
            missing.append(checked(root, _intended(entry, run)))
        except (OSError, SourceError) as error:
            problems[entry.path] = problem_of(entry.path, error)
    if not problems:
        written, problems = write(root, missing)
        if not problems:
            return [*written, *(entry.path for entry in there)], {}
    cause = next(iter(problems.values()))
    stuck: list[str] = []
    for entry in there:
        try:
            restore(root, entry, run)
        except (OSError, SourceError) as error:
            problems[entry.path] = problem_of(entry.path, error)
            stuck.append(entry.path)
    return stuck, problems | dragged(cause, [entry.path for entry in entries], problems)


def _intended(entry: Entry, run: int) -> Changed:
    """Return what a run was to make of a file; raise `SourceError` where the journal does not hold it."""
    if entry.after is None:
        raise SourceError(
            "write", f"what run {run} was to write is not in the journal; `hasten undo`, and run it again"
        )
    return Changed(entry.path, entry.before or b"", entry.after, entry.before is None)


def _is_written(root: Path, entry: Entry) -> bool:
    return os.path.lexists(root / entry.path) and digest(read_bytes(root, entry.path)) == entry.after_sha


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
                done = restore(root, entry, run.id)
            except (OSError, SourceError) as error:
                problems[entry.path] = problem_of(entry.path, error)
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
            # What was changed since cannot be finished any more, either, and keeps nobody from going on.
            over = all(problem.kind == "changed" for problem in problems.values())
            state = "undone" if finished else "done" if over else run.state
            await journal.settle(run.id, state, states if begun or finished else {})
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


def _entry(target: Target, unit: int) -> Entry:
    item = target.item
    after = digest(item.after)
    if item.created:
        return Entry(item.path, None, None, after, None, target.temporary.name, after=item.after, unit=unit)
    mode = target.real.stat().st_mode & 0o7777
    before = digest(item.before)
    return Entry(item.path, item.before, before, after, mode, target.temporary.name, after=item.after, unit=unit)


def _by_path(problems: Mapping[str, Problem]) -> tuple[Problem, ...]:
    return tuple(problems[path] for path in sorted(problems))
