"""What `preview` and `apply` do with a finished run: print, write, tell, and the exit code."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click
import orjson

from hasten import report
from hasten.cli import formats, outfile, session, streams, telling
from hasten.cli.dirty import demand_clean
from hasten.cli.options import Options
from hasten.cli.places import diff_paths, here, shown_from, shown_to_github
from hasten.cli.session import Session
from hasten.cli.unfinished import demand_finished
from hasten.diff import unified
from hasten.discover import find_root
from hasten.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from hasten.apply import Applied
    from hasten.model import Changed

_DONE, _WOULD_CHANGE, _FAILED = 0, 1, 2


def preview(options: Options) -> int:
    """Print what would be rewritten; return the exit code."""
    outfile.demand(options.output)
    if options.format == "sarif":
        from hasten.cli import parts  # it brings what `preview` has no use for

        return parts.preview(options)
    done = session.run(options)
    print_report(options, done, options.format or "diff")
    telling.tell(options, done)
    return exit_code(options, done)


def apply(options: Options) -> int:
    """Rewrite the files, or standard input; return the exit code."""
    if options.resume:
        return _resume(options)
    if options.from_stdin and options.format == "diff":
        message = "`apply` prints the rewritten text of standard input; `preview` prints its diff"
        raise UsageError(message)
    if options.output is not None and options.format is None and (options.check or not options.from_stdin):
        message = "`apply` rewrites the files where they are; give --format for what to write to the file of --output"
        raise UsageError(message)
    outfile.demand(options.output)
    if options.format == "sarif" and (options.check or options.from_stdin):
        from hasten.cli import parts  # it brings what `apply` by itself has no use for

        return parts.preview(options)
    if options.in_parts:
        from hasten.cli import parts  # it brings what `apply` by itself has no use for

        return parts.apply(options)
    done = session.run(options)
    if options.check or options.from_stdin:
        if options.format:
            print_report(options, done, options.format)
        elif options.from_stdin and not options.check:
            _print_text(options, done)
        telling.tell(options, done)
        return exit_code(options, done)
    applied = write_files(options, done)
    try:
        if options.format:
            print_report(options, done, options.format, applied)
    finally:
        # Whatever became of the output, the files are rewritten, and somebody wants to know.
        telling.tell(options, done, applied)
    return exit_code(options, done, applied)


def _resume(options: Options) -> int:
    """Finish a run that was killed; return the exit code."""
    from hasten.apply import resume

    told = Options(options.paths, resume=True, quiet=options.quiet, verbose=options.verbose, color=options.color)
    if options.paths or options != told:
        message = "--resume finishes the last run as it was asked for; give nothing else with it"
        raise UsageError(message)
    root = find_root([], here())
    applied = resume(root)
    shown = shown_from(root)
    for problem in applied.problems:
        streams.fail(f"{shown(problem.path)}: {problem.message}")
    if not options.quiet:
        if applied.run is None:
            streams.say(f"there is nothing to resume in {root}")
        else:
            streams.say(f"finished run {applied.run}: {streams.counted(len(applied.written), 'file')} rewritten")
            if applied.written:
                streams.say("`hasten undo` takes this back")
    return _FAILED if applied.problems else _DONE


def write_files(options: Options, done: Session) -> Applied:
    """Write the changed files, through the journal."""
    from hasten.apply import Applied, apply_changes, unwritable  # it brings asyncio, which `preview` has no use for

    changed = report.changed(done.report)
    # Where a run was killed, it may also be what leaves nothing to rewrite.
    demand_finished(done.root)
    if not changed:
        return Applied(None, (), ())
    if not options.allow_dirty:
        demand_clean(done.root, [file.path for file in changed if not file.created])
    plan = orjson.dumps(report.document(done.report, done.root, done.names))
    stuck = frozenset(each.path for each in unwritable(done.root, changed))
    groups = report.groups(done.report, stuck)
    try:
        return apply_changes(done.root, changed, plan, groups=groups)
    except KeyboardInterrupt:
        raise click.Abort(_how_far(done.root, changed)) from None


def _how_far(root: Path, changed: Sequence[Changed]) -> str:
    """Say how many of the files an interrupted run has rewritten: those that are what it would have made of them."""
    count = 0
    for file in changed:
        try:
            count += (root / file.path).read_bytes() == file.after
        except OSError:
            continue
    if not count:
        return "nothing was rewritten"
    return f"{count} of {len(changed)} files are rewritten; `hasten undo` takes them back"


def print_report(options: Options, done: Session, kind: str, applied: Applied | None = None) -> None:
    """Print the report on stdout, or into the file of `--output`."""
    match kind:
        case "json":
            also = (*done.problems, *(applied.problems if applied else ()))
            found = report.document(done.report, done.root, done.names, also=also, context=options.unified)
            _send(options, streams.json_of(found))
        case "github":
            also = (*done.problems, *(applied.problems if applied else ()))
            _send_lines(options, formats.github(done, shown_to_github(done.root), also))
        case "summary":
            _send_lines(options, formats.markdown(done, shown_from(done.root), applied, verbose=options.verbose))
        case _:
            _print_diffs(options, done)


def print_sarif(
    options: Options, done: Session, fixes: Mapping[str, Sequence[dict[str, Any]]], applied: Applied | None = None
) -> None:
    """Print the report as SARIF; see `hasten.sarif.document`."""
    from hasten import sarif

    rules = {each.name: each.title for each in done.codemods}
    codes = session.codes_of(done.codemods)
    also = (*done.problems, *(applied.problems if applied else ()))
    quiet = session.quiet_codes(done.codemods, verbose=options.verbose)
    loud = tuple(each for each in done.report.plan.refusals if each.code not in quiet)
    told = replace(done.report, plan=replace(done.report.plan, refusals=loud))
    found = sarif.document(told, done.root, rules, codes, fixes, also)
    _send(options, streams.json_of(found))


def _send_lines(options: Options, lines: Iterable[str]) -> None:
    _send(options, "".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))


def _print_diffs(options: Options, done: Session) -> None:
    changed = report.changed(done.report)
    name = diff_paths(done.root, [file.path for file in changed])
    parts = (
        unified(name(file.path), file.before, file.after, context=options.unified, created=file.created)
        for file in changed
    )
    if options.output is None or str(options.output) == "-":
        for part in parts:
            streams.write_diff(part, color=options.color)
    else:
        _send(options, b"".join(parts))


def _print_text(options: Options, done: Session) -> None:
    """Print standard input, rewritten; nothing if it could not be processed, so that no editor takes half a file."""
    if done.stdin is not None and not exit_code(options, done):
        changed = report.changed(done.report)
        _send(options, changed[0].after if changed else done.stdin.data)


def _send(options: Options, data: bytes) -> None:
    """Write to stdout, or into the file of `--output`."""
    if options.output is None or str(options.output) == "-":
        streams.write(data)
    else:
        outfile.write(options.output, data)


def exit_code(options: Options, done: Session, applied: Applied | None = None) -> int:
    """Return the exit code of a run."""
    if done.problems or report.problems(done.report) or (applied and applied.problems):
        return _FAILED
    return _WOULD_CHANGE if options.check and report.changed(done.report) else _DONE
