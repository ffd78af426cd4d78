"""`apply` where only a part may be written at last, or one part after the other: `--verify`, and `--commit`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hasten import pipeline, report
from hasten.apply import Applied, unwritable
from hasten.cli import committing, session, telling, verifying, work
from hasten.cli.dirty import demand_clean
from hasten.cli.ending import ended_in_order
from hasten.cli.progress import Bar
from hasten.cli.unfinished import demand_finished
from hasten.errors import UsageError
from hasten.model import Changed
from hasten.plan import needed, without

if TYPE_CHECKING:
    from hasten.cli.options import Options
    from hasten.request import Workbench

_DONE, _NOT_ALL = 0, 1


def apply(options: Options) -> int:
    """Rewrite the files as far as that passes what was asked for, in commits if they are; return the exit code."""
    if options.check or options.from_stdin:
        message = "--verify and --commit are about files that are rewritten; --check and standard input leave none"
        raise UsageError(message)
    if options.verify is not None and not options.verify.strip():
        message = "--verify names no command; give one, such as `--verify pytest`"
        raise UsageError(message)
    commits = options.commit or options.commit_each
    if commits and options.allow_dirty:
        message = "a commit would hold what was changed before, too; commit or stash that, and leave --allow-dirty out"
        raise UsageError(message)
    asked = session.prepared(options)
    with (
        ended_in_order(),
        Bar() as progress,
        pipeline.opened(asked.request, asked.codemods, progress) as bench,
    ):
        whole = bench.finish(bench.takeable)
        # What cannot be written cannot be tried, and keeps nothing else from it.
        stuck = unwritable(asked.root, report.changed(whole))
        if stuck:
            whole = bench.finish(without(bench.plan, whole.selected, {each.path for each in stuck}))
        progress.close()
        made = whole
        files = report.changed(whole)
        applied = Applied(None, (), ())
        # Where a run was killed, it may also be what leaves nothing to rewrite.
        demand_finished(asked.root)
        if files:
            if commits:
                committing.demand_one_work_tree(asked.root, files)
            elif not options.allow_dirty:
                demand_clean(asked.root, [file.path for file in files if not file.created])
        if files and (options.verify is not None or options.verify_types):
            made = verifying.passing(options, asked, bench, whole, progress)
        done = session.finished(asked, made)
        # While the files are what was looked at.
        fixes = _fixes(options, done, bench)
        progress.close()
        if report.changed(made):
            if commits:
                applied = committing.write(asked, bench, made, each=options.commit_each)
            else:
                applied = work.write_files(options, done)
    applied = replace(applied, problems=(*stuck, *applied.problems))
    try:
        if options.format == "sarif":
            work.print_sarif(options, done, fixes, applied)
        elif options.format:
            work.print_report(options, done, options.format, applied)
    finally:
        telling.tell(options, done, applied)
    return work.exit_code(options, done, applied) or (_DONE if made is whole else _NOT_ALL)


def preview(options: Options) -> int:
    """Print what would be rewritten, with the fix of each change by itself; return the exit code."""
    asked = session.prepared(options)
    with Bar() as progress, pipeline.opened(asked.request, asked.codemods, progress) as bench:
        done = session.finished(asked, bench.finish(bench.takeable))
        fixes = _fixes(options, done, bench)
    work.print_sarif(options, done, fixes)
    telling.tell(options, done)
    return work.exit_code(options, done)


def _fixes(options: Options, done: session.Session, bench: Workbench) -> dict[str, list[dict[str, Any]]]:
    """Return what each change replaces by itself, with what it requires, as SARIF; nothing where nobody asks."""
    if options.format != "sarif":
        return {}
    from hasten import sarif

    plan = done.report.plan
    names = [each.id for each in report.sites(plan)]
    made = bench.apart([needed(plan, [name]) for name in names])
    return {
        name: sarif.replaced([each for each in outcomes if isinstance(each, Changed)])
        for name, outcomes in zip(names, made, strict=True)
    }
