"""`apply --commit` and `--commit-each`: what is written becomes commits, each of which is right by itself."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson

from hasten import __version__, report
from hasten.apply import Applied, apply_changes, undo
from hasten.cli import git, streams
from hasten.cli.dirty import demand_clean
from hasten.cli.places import Shown, shown_from
from hasten.errors import UsageError
from hasten.model import Change, Changed, Failed, Outcome, Plan
from hasten.plan import close
from hasten.request import Report

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from hasten.cli.session import Prepared
    from hasten.request import Workbench

#: So many changes are named in the message of a commit.
_NAMED = 20


@dataclass(frozen=True, slots=True)
class Step:
    """What one commit holds.

    Attributes:
        title: the first line of its message.
        changes: those that are new with it; support changes come with them.
    """

    title: str
    changes: tuple[Change, ...]


def demand_one_work_tree(root: Path, files: Sequence[Changed]) -> Path:
    """Return the top of the work tree that all files are in.

    Raises:
        UsageError: there is none, or there are several.
        DirtyTreeError: a file has uncommitted changes, which a commit would take in.
    """
    tops = {git.work_tree(Path(os.path.realpath(root / file.path)).parent) for file in files}
    top = next(iter(tops)) if len(tops) == 1 else None
    if top is None:
        found = ", ".join(sorted(str(each) for each in tops if each is not None))
        where = f"they are in {found}{' and outside of any' if None in tops else ''}" if found else "there is none"
        message = (
            f"--commit needs one git work tree that holds all files that are rewritten, and {where}; "
            "name the paths of one, or leave --commit out"
        )
        raise UsageError(message)
    demand_clean(root, [file.path for file in files if not file.created], remedy="commit or stash them")
    return top


def steps(plan: Plan, selected: Collection[str], *, each: bool) -> list[Step]:
    """Return what the commits hold: one for each codemod, or for each set of changes that require each other."""
    wanted = [change for change in plan.changes if change.id in selected and not change.support]
    groups: dict[str, list[Change]] = {}
    for change in wanted:
        groups.setdefault(_group(change, wanted) if each else change.codemod, []).append(change)
    return [Step(_title(changes, each=each), tuple(changes)) for changes in groups.values()]


def write(asked: Prepared, bench: Workbench, made: Report, *, each: bool) -> Applied:
    """Write the changes of a report step by step, and commit each step.

    Args:
        asked: the run.
        bench: what makes any part of the changes.
        made: what is to be written at last.
        each: a commit for each change, and not for each codemod.

    Raises:
        UsageError: a step cannot be written or committed; those before it are, and it is taken back.
        DirtyTreeError: a file has uncommitted changes.
    """
    root = asked.root
    final = report.changed(made)
    top = demand_one_work_tree(root, final)
    before = {file.path: (file.before, file.created) for file in final}
    written: set[str] = set()
    shown = shown_from(root)
    count = 0
    # All of them are made before the first is written, while the files are what was looked at.
    for step, selected, outcomes in list(_drafted(bench, made, each=each)):
        files = [
            Changed(file.path, before[file.path][0], file.after, created=before[file.path][1])
            for file in outcomes
            if isinstance(file, Changed) and file.after != before[file.path][0]
        ]
        if not files:
            continue
        document = report.document(Report(made.plan, selected, outcomes), root, [each.name for each in asked.codemods])
        applied = apply_changes(root, files, orjson.dumps(document), groups=[frozenset(file.path for file in files)])
        if applied.problems:
            for problem in applied.problems:
                streams.fail(f"{shown(problem.path)}: {problem.message}")
            message = f"`{step.title}` cannot be written, and {_made(count)}"
            raise UsageError(message)
        names = [Path(os.path.realpath(root / file.path)).relative_to(top).as_posix() for file in files]
        head = git.head(top)
        try:
            name = git.commit(top, names, _message(step))
        except git.GitError as error:
            left = _take_back(root, applied, shown)
            then = f"{', '.join(left)} could not be taken back" if left else "it is taken back"
            message = f"git does not commit `{step.title}`: {error}; {then}, and {_made(count)}"
            raise UsageError(message) from None
        except KeyboardInterrupt:
            if git.head(top) == head:
                _take_back(root, applied, shown)
            else:
                count += 1
            raise click.Abort(_made(count)) from None
        count += 1
        streams.say(f"{name} {step.title}")
        written |= {file.path for file in files}
        before |= {file.path: (file.after, False) for file in files}
    return Applied(None, tuple(sorted(written)), ())


def _take_back(root: Path, applied: Applied, shown: Shown) -> list[str]:
    """Undo a step that is not committed; return the files that are left, and say why."""
    problems = undo(root, applied.run, forget=True).problems
    for problem in problems:
        streams.fail(f"{shown(problem.path)}: {problem.message}")
    return [shown(problem.path) for problem in problems]


def _drafted(
    bench: Workbench, made: Report, *, each: bool
) -> Iterator[tuple[Step, frozenset[str], tuple[Outcome, ...]]]:
    """Yield the steps, with all that is selected by then, and what that makes of the files."""
    reached: set[str] = set()
    for step in steps(made.plan, made.selected, each=each):
        reached |= {change.id for change in step.changes}
        selected = close(made.plan, reached)
        outcomes = bench.draft(selected)
        for failed in outcomes:
            if isinstance(failed, Failed):
                message = f"{failed.path}: {failed.problem.message}; nothing is written"
                raise UsageError(message)
        yield step, selected, outcomes


def _made(count: int) -> str:
    return f"{streams.counted(count, 'commit')} {'is' if count == 1 else 'are'} made"


def _group(change: Change, among: Sequence[Change]) -> str:
    """Return the first of the changes that are only right with a change, in either direction."""
    by_id = {each.id: each for each in among}
    linked = {each.id: {name for name in each.requires if name in by_id} for each in among}
    for name, others in list(linked.items()):
        for other in others:
            linked[other] = linked[other] | {name}
    found: set[str] = set()
    pending = [change.id]
    while pending:
        here = pending.pop()
        if here not in found:
            found.add(here)
            pending.extend(linked[here])
    return next(each.id for each in among if each.id in found)


def _title(changes: Sequence[Change], *, each: bool) -> str:
    first = changes[0]
    if not each:
        return f"{first.codemod}: {streams.counted(len(changes), 'change')}"
    where = f" in {first.symbol}" if first.symbol else ""
    more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
    return f"{first.codemod}: {first.title}{where}{more}"


def _message(step: Step) -> str:
    """Return the message of a commit: what changes where, and the hazards that were taken."""
    lines = [step.title, ""]
    for change in step.changes[:_NAMED]:
        first = min(change.edits, key=lambda edit: (edit.path, edit.start))
        lines.append(f"- {first.path}:{first.start.line}: {change.title}")
        lines += [f"  {hazard.code}: {hazard.message}" for hazard in change.hazards]
    if len(step.changes) > _NAMED:
        lines.append(f"- and {len(step.changes) - _NAMED} more")
    return "\n".join([*lines, "", f"Made by hasten {__version__}."])
