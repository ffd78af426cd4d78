"""Output for code hosts: annotations of GitHub's, and a summary in Markdown for a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from hasten import report
from hasten.cli import streams
from hasten.cli.session import codes_of, quiet_codes
from hasten.diff import count
from hasten.model import Problem

if TYPE_CHECKING:
    from hasten.apply import Applied
    from hasten.cli.places import Shown
    from hasten.cli.session import Session
    from hasten.model import Edit

_MARKED = re.compile(r"([\\`*_\[\]<>#|~&@])")


def github(done: Session, shown: Shown, also: Sequence[Problem] = ()) -> Iterator[str]:
    """Yield what GitHub Actions shows beside the lines of a pull request: what is taken, and what went wrong.

    The form is described at <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>.
    """
    for change in report.sites(done.report.plan):
        if change.id in done.report.selected:
            first = min(change.edits, key=lambda each: (each.path, each.start))
            told = [f"{each.code} {each.message}" for each in change.hazards]
            text = "; ".join([f"{change.title} ({change.applicability})", *told])
            yield f"::notice {_place(first, shown)},title={_property(f'hasten: {change.codemod}')}::{_data(text)}"
    for problem in dict.fromkeys([*also, *report.problems(done.report)]):
        yield f"::error file={_property(shown(problem.path))},title=hasten::{_data(problem.message)}"


def markdown(done: Session, shown: Shown, applied: Applied | None = None, *, verbose: bool = False) -> Iterator[str]:
    """Yield the lines of a summary for a pull request; refusals of quiet kinds count only with `verbose`."""
    left = [problem.path for problem in applied.problems] if applied else []
    found = report.table(done.report, done.config, left, quiet_codes(done.codemods, verbose=verbose))
    yield "## hasten"
    yield ""
    if not found.rows:
        yield "Nothing to rewrite."
        return
    did = "rewritten" if applied else "would rewrite"
    rows = [[f"`{row.codemod}`", row.sites, row.rewritten, row.offered, row.refused] for row in found.rows]
    yield from _table(["codemod", "sites", did, "with `--unsafe`", "refused"], rows)
    files = report.changed(done.report)
    if files:
        yield ""
        yield from _table(
            ["file", "lines added", "removed"],
            [[_code(shown(file.path)), *count(file.before, file.after)] for file in files],
        )
    titles = {name: code.title for name, code in codes_of(done.codemods).items()}
    for heading, counted in (
        ("Hazards taken", found.taken),
        ("Hazards that `--unsafe` would take", found.offered),
        ("Refused, by reason", found.refusals),
    ):
        if counted:
            yield ""
            yield f"### {heading}"
            yield ""
            rows = [[code, number, _plain(titles.get(code, ""))] for code, number in counted]
            yield from _table(["code", "sites", "what it stands for"], rows)
    problems = [*done.problems, *report.problems(done.report), *(applied.problems if applied else ())]
    if problems:
        yield ""
        yield "### Problems"
        yield ""
        yield from (f"- {_code(shown(each.path))}: {_plain(each.message)}" for each in dict.fromkeys(problems))


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    lines = [list(map(str, row)) for row in rows]
    numeric = [all(row[index].isdigit() for row in lines) for index in range(len(heads))]
    yield f"| {' | '.join(heads)} |"
    yield f"| {' | '.join('---:' if each else '---' for each in numeric)} |"
    yield from (f"| {' | '.join(row)} |" for row in lines)


def _plain(text: str) -> str:
    """Return text as Markdown that shows just that."""
    return _MARKED.sub(r"\\\1", streams.visible(text).replace("\n", " "))


def _code(text: str) -> str:
    """Return text as code of Markdown, in the cell of a table."""
    shown = streams.visible(text).replace("\n", "\\n").replace("|", "\\|")
    fence = "`" * (max(map(len, re.findall("`+", shown)), default=0) + 1)
    space = " " if "`" in shown else ""
    return f"{fence}{space}{shown}{space}{fence}"


def _place(edit: Edit, shown: Shown) -> str:
    place = f"file={_property(shown(edit.path))},line={edit.start.line},endLine={edit.end.line}"
    same = edit.start.line == edit.end.line
    return f"{place},col={edit.start.column},endColumn={edit.end.column}" if same else place


def _data(text: str) -> str:
    return streams.visible(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
