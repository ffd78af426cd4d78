"""A report as values for output: the JSON document, and the numbers of the table that every run ends with.

Pure functions: what they return is printed by the command line, or kept in the journal.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hasten import __version__
from hasten.diff import unified
from hasten.model import Applicability, Change, Changed, Edit, Failed, Plan, Problem, Refusal
from hasten.plan import select

if TYPE_CHECKING:
    from pathlib import Path

    from hasten.config import Config
    from hasten.request import Report

SCHEMA = 1
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Row:
    """What a run found and did for one codemod; support changes are no sites.

    Attributes:
        sites: all places looked at; the sum of the others.
        rewritten: changes that are taken.
        offered: changes that `--unsafe` would take besides.
        failed: changes that could not be made, because a file could not be rewritten or written.
        refused: sites that are left alone with a reason.
    """

    codemod: str
    sites: int
    rewritten: int
    offered: int
    failed: int
    refused: int
    unnamed: int


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of the blocking calls that one codemod found.

    Attributes:
        found: all of them; a site whose calls cannot be followed counts as one.
        candidates: those that can be awaited, as far as they themselves and their function go.
        converted: those that are.
        unwaited: an event loop runs none of those that are converted, as far as can be seen.
        left: how many are not converted because no event loop runs them, and nobody named the codemod.
    """

    codemod: str
    found: int
    candidates: int
    converted: int
    unwaited: bool
    left: int


@dataclass(frozen=True, slots=True)
class Advice:
    """Where another strategy would serve coroutines better than the one that was taken.

    Attributes:
        refused: the blocking calls that are refused for what is around them, and reached by a coroutine.
        served: how many of these each strategy would spare coroutines, the best first.
        hops: functions that go to a thread and back many times, each with how often, the worst first.
    """

    codemod: str
    refused: int
    served: tuple[tuple[str, int], ...]
    hops: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The honest table.

    Attributes:
        rows: one per codemod that found a site, by name.
        tallies: one per codemod that found blocking calls, by name.
        refusals: how often each reason code was given, by code.
        taken: how often each hazard code stands on a change that is taken, by code.
        offered: the same on changes that `--unsafe` would take besides.
        advice: where another strategy would serve better, by codemod.
    """

    rows: tuple[Row, ...]
    tallies: tuple[Tally, ...]
    refusals: tuple[tuple[str, int], ...]
    taken: tuple[tuple[str, int], ...]
    offered: tuple[tuple[str, int], ...]
    advice: tuple[Advice, ...] = ()


def table(report: Report, config: Config, left: Collection[str] = (), quiet: Collection[str] = ()) -> Table:
    """Return the numbers of a report.

    Args:
        report: what a run gave.
        config: what the run was told to take.
        left: paths that were to be written and were not.
        quiet: the codes of refusals that are not counted.
    """
    plan = report.plan
    loud = [each for each in plan.refusals if each.code not in quiet]
    broken = {outcome.path for outcome in report.outcomes if isinstance(outcome, Failed)} | set(left)
    named = bool(config.select)
    wanted = select(plan, unsafe=config.unsafe, accept=config.accept, named=named)
    more = select(plan, unsafe=True, accept=(), named=named)
    kinds: dict[str, Counter[str]] = {}
    taken: Counter[str] = Counter()
    offered: Counter[str] = Counter()
    for change in sites(plan):
        codes = {hazard.code for hazard in change.hazards}
        if change.id in report.selected and not any(edit.path in broken for edit in change.edits):
            kind = "rewritten"
            taken.update(codes)
        elif change.id in more and change.id not in wanted:
            kind = "offered"
            offered.update(codes)
        elif change.unwaited and not named:
            kind = "unnamed"
        else:
            # Wanted, and dropped with a file that could not be rewritten; or it requires what there is not.
            kind = "failed"
        kinds.setdefault(change.codemod, Counter())[kind] += 1
    for refusal in loud:
        kinds.setdefault(refusal.codemod, Counter())["refused"] += 1
    rows = tuple(
        Row(name, counts.total(), *(counts[kind] for kind in ("rewritten", "offered", "failed", "refused", "unnamed")))
        for name, counts in sorted(kinds.items())
    )
    refusals = Counter(refusal.code for refusal in loud)
    tallies = tuple(_tallies(report, broken, named=named))
    by_code = [tuple(sorted(counter.items())) for counter in (refusals, taken, offered)]
    return Table(rows, tallies, by_code[0], by_code[1], by_code[2], tuple(_advice(plan)))


def _advice(plan: Plan) -> Iterable[Advice]:
    stopped = [each for each in plan.refusals if each.served]
    heavy = [each for each in sites(plan) if each.hops]
    for name in sorted({each.codemod for each in stopped} | {each.codemod for each in heavy}):
        refused: Counter[str] = Counter()
        calls = 0
        for refusal in stopped:
            if refusal.codemod == name:
                calls += refusal.awaitable
                refused.update(dict.fromkeys(refusal.served, refusal.awaitable))
        hops: dict[str, int] = {}
        for each in heavy:
            if each.codemod == name:
                hops[each.symbol] = max(each.hops, hops.get(each.symbol, 0))
        best = sorted(refused.items(), key=lambda each: (-each[1], each[0]))
        yield Advice(name, calls, tuple(best), tuple(sorted(hops.items(), key=lambda each: (-each[1], each[0]))))


def _tallies(report: Report, broken: Collection[str], *, named: bool) -> Iterable[Tally]:
    changes, refusals = list(sites(report.plan)), report.plan.refusals
    awaiting = {each.codemod for each in changes if each.awaits} | {each.codemod for each in refusals if each.awaitable}
    for name in sorted(awaiting):
        here = [each for each in changes if each.codemod == name]
        made = [each for each in here if each.id in report.selected]
        made = [each for each in made if not any(edit.path in broken for edit in each.edits)]
        stopped = [each for each in refusals if each.codemod == name]
        candidates = sum(each.awaits for each in here) + sum(each.awaitable for each in stopped)
        found = candidates + sum(not each.awaitable for each in stopped)
        converted = sum(each.awaits for each in made)
        left = 0 if named else sum(each.awaits for each in here if each.unwaited)
        yield Tally(name, found, candidates, converted, bool(made) and all(each.unwaited for each in made), left)


def sites(plan: Plan) -> Iterable[Change]:
    """Return the changes that have a worth of their own."""
    return (change for change in plan.changes if not change.support)


def problems(report: Report) -> tuple[Problem, ...]:
    """Return everything that went wrong with a file, each once, by path."""
    failed = [outcome.problem for outcome in report.outcomes if isinstance(outcome, Failed)]
    unique = dict.fromkeys([*report.plan.problems, *failed])
    return tuple(sorted(unique, key=lambda problem: (problem.path, problem.kind, problem.message)))


def changed(report: Report) -> tuple[Changed, ...]:
    """Return the files that get a new text, by path."""
    return tuple(outcome for outcome in report.outcomes if isinstance(outcome, Changed))


def groups(report: Report, stuck: Collection[str] = ()) -> tuple[frozenset[str], ...]:
    """Return sets of files that are only right together, as `hasten.apply.apply_changes` takes them.

    Changes that require each other go together. What a support change does (it adds a dependency, say) is needed by
    many changes and needs none of them: it stands by itself, so that one file that cannot be written does not hold up
    all others, unless its own file cannot be written.

    Args:
        report: what a run gave.
        stuck: files that are known to fail.
    """
    by_id = {change.id: change for change in report.plan.changes if change.id in report.selected}
    found: dict[frozenset[str], None] = {}
    for change in by_id.values():
        paths = {edit.path for edit in change.edits}
        for required in change.requires:
            if required in by_id:
                needed = {edit.path for edit in by_id[required].edits}
                paths |= needed & set(stuck) if by_id[required].support else needed
        if len(paths) > 1:
            found[frozenset(paths)] = None
    return tuple(found)


def document(
    report: Report, root: Path, codemods: Sequence[str], *, also: Sequence[Problem] = (), context: int = 3
) -> dict[str, Any]:
    """Return the JSON document of a report, as `docs/schema/report-v1.json` describes it.

    Paths are relative to the root. What is no Unicode text, in names of files or in diffs, is replaced by U+FFFD: only
    `--format diff` is exact to the byte.

    Args:
        report: what a run gave.
        root: the directory that the paths of the report are relative to.
        codemods: the names of those that ran; each has an entry in `summary`.
        also: problems from outside of the report, such as paths that are not there.
        context: unchanged lines around each difference of a diff.
    """
    plan = report.plan
    summary: dict[str, dict[str, int]] = {
        name: {"sites": 0, "safe": 0, "unsafe": 0, "manual": 0}
        for name in sorted(
            {*codemods, *(each.codemod for each in sites(plan)), *(each.codemod for each in plan.refusals)}
        )
    }
    for change in sites(plan):
        summary[change.codemod]["sites"] += 1
        summary[change.codemod][change.applicability.value] += 1
    for refusal in plan.refusals:
        summary[refusal.codemod]["sites"] += 1
        summary[refusal.codemod][Applicability.MANUAL.value] += 1
    found: dict[str, Any] = clean(
        {
            "schema": SCHEMA,
            "tool": {"name": "hasten", "version": __version__},
            "root": str(root),
            "changes": [_change(change) for change in plan.changes],
            "refusals": [_refusal(refusal) for refusal in plan.refusals],
            "files": [
                {
                    "path": file.path,
                    "sha256": None if file.created else hashlib.sha256(file.before).hexdigest(),
                    "diff": unified(file.path, file.before, file.after, context=context, created=file.created).decode(
                        "utf-8", "replace"
                    ),
                }
                for file in changed(report)
            ],
            "errors": [
                {"path": problem.path, "kind": problem.kind, "message": problem.message}
                for problem in dict.fromkeys([*also, *problems(report)])
            ],
            "summary": summary,
        }
    )
    return found


def _change(change: Change) -> dict[str, object]:
    return {
        "id": change.id,
        "codemod": change.codemod,
        "title": change.title,
        "symbol": change.symbol,
        "applicability": change.applicability.value,
        "hazards": [{"code": hazard.code, "message": hazard.message} for hazard in change.hazards],
        "requires": list(change.requires),
        "edits": [_edit(edit) for edit in change.edits],
    }


def _edit(edit: Edit) -> dict[str, object]:
    return {
        "path": edit.path,
        "start": {"line": edit.start.line, "column": edit.start.column},
        "end": {"line": edit.end.line, "column": edit.end.column},
    }


def _refusal(refusal: Refusal) -> dict[str, object]:
    return {
        "codemod": refusal.codemod,
        "code": refusal.code,
        "message": refusal.message,
        "path": refusal.path,
        "line": refusal.start.line,
        "column": refusal.start.column,
        "symbol": refusal.symbol,
    }


def clean(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a JSON value without the lone surrogates that stand for bytes of no encoding."""
    match value:
        case str():
            return value if value.isascii() else _SURROGATES.sub("\ufffd", value)
        case Mapping():
            return {clean(key): clean(item) for key, item in value.items()}
        case list():
            return [clean(item) for item in value]
        case _:
            return value
