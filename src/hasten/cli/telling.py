"""What is said on stderr about a run: what went wrong, the hazards that were taken, and the honest table."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from hasten import report
from hasten.cli import streams
from hasten.cli.git import work_tree
from hasten.cli.options import Options
from hasten.cli.places import Shown, diff_paths, here, shown_from
from hasten.cli.session import Session, codes_of, quiet_codes
from hasten.discover import find_root
from hasten.model import Change, Refusal

if TYPE_CHECKING:
    from hasten.apply import Applied


def tell(options: Options, done: Session, applied: Applied | None = None) -> None:
    """Say everything about a run that is not on stdout; with `--quiet`, only what went wrong.

    Args:
        options: what was asked for.
        done: the run.
        applied: what was written; None where nothing was to be written.
    """
    shown = shown_from(done.root)
    problems = [*done.problems, *report.problems(done.report), *(applied.problems if applied else ())]
    for problem in dict.fromkeys(problems):
        streams.fail(f"{shown(problem.path)}: {problem.message}")
    if options.quiet:
        return
    for notice in done.report.plan.notices:
        streams.fail(f"{shown(notice.path)}:{notice.line}: {notice.message}")
    for line in _details(done, shown, verbose=options.verbose):
        streams.say(line)
    if options.format != "summary" or options.output is not None:
        for line in table_lines(done, applied, verbose=options.verbose):
            streams.say(line)
    for line in _closing(options, done, applied):
        streams.say(line)


def table_lines(done: Session, applied: Applied | None = None, *, verbose: bool = False) -> list[str]:
    """Return the table of a run: per codemod, then refusals and hazards by code.

    Refusals of quiet kinds count only with `verbose`.
    """
    left = [problem.path for problem in applied.problems] if applied else []
    found = report.table(done.report, done.config, left, quiet_codes(done.codemods, verbose=verbose))
    if not found.rows:
        return []
    unnamed = any(row.unnamed for row in found.rows)
    failed = any(row.failed for row in found.rows)
    rows = [
        [
            "codemod",
            "sites",
            "rewritten" if applied else "would rewrite",
            "with --unsafe",
            "refused",
            *(["if named"] if unnamed else []),
            *(["failed"] if failed else []),
        ]
    ]
    for row in found.rows:
        counts = [row.sites, row.rewritten, row.offered, row.refused]
        counts += [row.unnamed] * unnamed + [row.failed] * failed
        rows.append([row.codemod, *map(str, counts)])
    lines = streams.aligned(rows)
    titles = {name: code.title for name, code in codes_of(done.codemods).items()}
    for heading, counted in (
        ("refused, by reason:", found.refusals),
        ("hazards taken:", found.taken),
        ("hazards that --unsafe would take:", found.offered),
    ):
        if counted:
            lines += ["", heading]
            lines += (f"  {line}" for line in _counts(counted, titles))
    if found.tallies:
        lines.append("")
    for each in found.tallies:
        lines.append(
            f"{each.codemod}: {each.found} blocking call{'s' * (each.found != 1)} found, {each.candidates} could be "
            f"awaited, {each.converted} {'are' if applied else 'would be'}"
        )
        if each.unwaited:
            lines.append(
                f"{each.codemod}: no event loop runs these calls, as far as can be seen: they are converted because "
                "it was asked for, and the program will not be faster for it"
            )
        if each.left:
            lines.append(
                f"{each.codemod}: no event loop runs {each.left} of these calls, as far as can be seen: awaiting them "
                f"makes nothing faster, so they are left unless the codemod is named, as in `--select {each.codemod}`"
            )
    lines += _advised(found.advice)
    return [*lines, ""]


def _advised(advice: Iterable[report.Advice]) -> Iterable[str]:
    """Yield where another strategy would serve better."""
    for each in advice:
        if each.served:
            ways = ", ".join(f"`--strategy {name}` {count}" for name, count in each.served)
            calls = f"{each.refused} blocking call{'s' * (each.refused != 1)}"
            yield f"{each.codemod}: coroutines wait for {calls} that are refused; they would not for: {ways}"
        if each.hops:
            name, count = each.hops[0]
            more = f" (and {len(each.hops) - 1} more like it)" if len(each.hops) > 1 else ""
            yield (
                f"{each.codemod}: `{name}` awaits {count} calls, each a way to another thread and back{more}; "
                "`--strategy offload` goes there once"
            )


def _counts(counted: Iterable[tuple[str, int]], titles: dict[str, str]) -> list[str]:
    rows = [[code, str(count), titles.get(code, "")] for code, count in counted]
    width = max(len(row[1]) for row in rows)
    return streams.aligned([[code, count.rjust(width), title] for code, count, title in rows])


def _details(done: Session, shown: Shown, *, verbose: bool) -> Iterable[str]:
    """Yield the hazards of what is taken, and with `verbose` all that is not, each with its place."""
    plan = done.report.plan
    for change in report.sites(plan):
        taken = change.id in done.report.selected
        place = _place(change, shown)
        if verbose:
            state = "taken" if taken else "not taken"
            yield f"{place}: {change.title} ({change.codemod}, {change.applicability}, {state})"
        if taken or verbose:
            for hazard in change.hazards:
                yield f"{place}: {hazard.code} {hazard.message}"
        if verbose:
            for proof in change.proofs:
                yield f"{place}: {proof.code} {proof.message}"
    if verbose:
        yield from (refusal_line(refusal, shown) for refusal in plan.refusals)


def change_lines(change: Change, shown: Shown) -> Iterable[str]:
    """Yield what there is to say about a change, whether it is taken or not."""
    place = _place(change, shown)
    yield f"{place}: {change.title} ({change.codemod}, {change.applicability})"
    yield from (f"{place}: {each.code} {each.message}" for each in change.hazards)
    yield from (f"{place}: {each.code} {each.message}" for each in change.proofs)


def refusal_line(refusal: Refusal, shown: Shown) -> str:
    """Return what there is to say about a refusal."""
    place = f"{shown(refusal.path)}:{refusal.start.line}"
    return f"{place}: {refusal.code} {refusal.message} ({refusal.codemod}, refused)"


def _place(change: Change, shown: Shown) -> str:
    first = min(change.edits, key=lambda edit: (edit.path, edit.start))
    return f"{shown(first.path)}:{first.start.line}"


def _closing(options: Options, done: Session, applied: Applied | None) -> Iterable[str]:
    """Yield the last lines: how many files, what else there is, and the way back."""
    if applied is None:
        changed = [file.path for file in report.changed(done.report)]
        named = diff_paths(done.root, changed)
        if options.format in {None, "diff"} and not options.from_stdin and changed and not named.here:
            yield f"apply the diff in {named.base}"
        nothing = f"nothing to rewrite in {_files(done.targets)}"
        yield f"would rewrite {_files(len(changed))}" if changed else nothing
    elif applied.written:
        yield f"rewrote {_files(len(applied.written))}"
    else:
        yield f"rewrote nothing in {_files(done.targets)}"
    offered = sum(row.offered for row in report.table(done.report, done.config).rows)
    if offered and not done.config.unsafe:
        where = "their hazards are above" if options.verbose else "`-v` lists their hazards"
        yield f"`--unsafe` would take {offered} more; {where}"
    needed = sorted(
        {
            requirement
            for change in done.report.plan.changes
            if change.id in done.report.selected
            for requirement in (*change.dependencies, *change.test_dependencies)
        }
    )
    if needed and (options.no_dependencies or options.from_stdin):
        yield f"the new code needs {', '.join(needed)}: add it to the dependencies of the project"
    if applied is not None and applied.run is not None:
        yield way_back(done.root, applied)


def way_back(root: Path, applied: Applied) -> str:
    """Say how a run is taken back; and where git knows nothing of the files, once for each project, that too."""
    # The journal belongs to the root, and `undo` finds that from where it is called.
    elsewhere = f"cd {shlex.quote(str(root))} && " if find_root([], here()) != root else ""
    back = f"`{elsewhere}hasten undo` takes this back"
    tops: dict[Path, Path | None] = {}
    if any(work_tree(Path(os.path.realpath(root / path)).parent, tops) for path in applied.written):
        return back
    from hasten.journal import runs  # it brings asyncio, which `preview` has no use for

    # Whoever has rewritten the project before has read it.
    return back if len(runs(root)) > 1 else f"{back}, and nothing else: no git work tree holds what is rewritten"


def _files(count: int) -> str:
    return f"{count} file" if count == 1 else f"{count} files"
