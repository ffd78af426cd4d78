"""Keep the whole result of a run, so that a run on an unchanged tree has nothing to do but to read it."""

from __future__ import annotations

import base64
import hashlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from hasten import __version__
from hasten.errors import HastenError
from hasten.model import (
    Applicability,
    Change,
    Changed,
    Edit,
    Failed,
    Hazard,
    ImportRequest,
    NodeEdit,
    Notice,
    Outcome,
    Plan,
    Position,
    Problem,
    Proof,
    Refusal,
    RequirementEdit,
    Skipped,
    Span,
    TextEdit,
    Unchanged,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hasten.api import Codemod
    from hasten.cache import Cache
    from hasten.reading import Seen
    from hasten.request import Report, Request

#: Larger results are made anew rather than kept.
_LARGEST = 64 * 1024 * 1024

_KINDS: dict[type[Edit], str] = {NodeEdit: "node", TextEdit: "text", RequirementEdit: "requirement"}


class Store:
    """The result of one request, under a key made of everything that it depends on."""

    def __init__(
        self,
        cache: Cache,
        request: Request,
        codemods: Sequence[Codemod],
        seen: Mapping[str, Seen],
        others: Mapping[str, str],
    ) -> None:
        """Take what the result depends on; `others` holds digests of files that are not Python, by path."""
        self._cache = cache
        self._key = _key(request, codemods, seen, others) if cache.enabled else ""

    def load(self, checker: Callable[[], str]) -> Report | None:
        """Return the kept report, or None; `checker` is asked where the report depends on a type checker."""
        blob = self._cache.get([self._key]).get(self._key) if self._cache.enabled else None
        try:
            data = orjson.loads(blob) if blob is not None else None
            if data is None or (data["checker"] and data["checker"] != checker()):
                return None
            return _report(data)
        except (ValueError, TypeError, KeyError, HastenError):
            return None  # not what was kept: the work is done anew

    def save(self, report: Report, checker: str) -> None:
        """Keep the report, unless a file name in it is not text or it is very large.

        Args:
            report: what to keep.
            checker: what stands for the type checker that was asked, `""` where none was.
        """
        if self._cache.enabled and not _may_pass(report):
            try:
                blob = orjson.dumps(
                    _document(report) | {"checker": checker}, option=orjson.OPT_PASSTHROUGH_SUBCLASS, default=_plain
                )
            except orjson.JSONEncodeError:
                return
            if len(blob) < _LARGEST:
                self._cache.put({self._key: blob})


def _may_pass(report: Report) -> bool:
    """Tell whether a report holds a problem that another try may not meet: a vanished, changed or unreadable file."""
    failed = [each.problem for each in report.outcomes if isinstance(each, Failed)]
    return any(each.kind not in {"decode", "syntax"} for each in (*report.plan.problems, *failed))


def _key(request: Request, codemods: Sequence[Codemod], seen: Mapping[str, Seen], others: Mapping[str, str]) -> str:
    parts: list[Any] = [
        __version__,
        list(sys.version_info[:2]),
        _fingerprint(codemods),
        [
            [each.name, sorted((key, repr(value)) for key, value in request.config.options_for(each).items())]
            for each in codemods
        ],
        sorted(request.targets),
        request.config.by_path(),
        request.unsafe,
        sorted(request.accept),
        request.dependencies,
        sorted(request.known),
        [[path, each.digest, repr(each.problem)] for path, each in sorted(seen.items())],
        sorted(others.items()),
    ]
    # `repr`, since file names need not be text: they may hold bytes that no encoding explains.
    return "run-" + hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _fingerprint(codemods: Sequence[Codemod]) -> str:
    """Return a digest of hasten's own files and the codemods' as they are installed: size and time of each."""
    folders = {Path(__file__).parent}
    for each in codemods:
        file = sys.modules[type(each).__module__].__file__
        if file is not None:
            folders.add(Path(file).parent)
    marks = [
        (entry.name, status.st_size, status.st_mtime_ns)
        for folder in sorted(folders)
        for current, _, names in sorted(os.walk(folder))
        for entry in (Path(current, name) for name in sorted(names) if name.endswith(".py"))
        for status in (entry.stat(),)
    ]
    return hashlib.sha256(repr(marks).encode()).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, Applicability):
        return value.value
    raise TypeError(type(value).__name__)


def _document(report: Report) -> dict[str, Any]:
    return {
        "changes": [_tagged(each) for each in report.plan.changes],
        "refusals": report.plan.refusals,
        "problems": report.plan.problems,
        "notices": report.plan.notices,
        "selected": sorted(report.selected),
        "outcomes": [_outcome_document(each) for each in report.outcomes],
        "sources": report.sources,
    }


def _tagged(change: Change) -> dict[str, Any]:
    names = [name for name in Change.__slots__ if name not in {"edits", "applicability"}]
    return {name: getattr(change, name) for name in names} | {
        "applicability": change.applicability.value,
        "edits": [[_KINDS[type(each)], each] for each in change.edits],
    }


def _outcome_document(outcome: Outcome) -> list[Any]:
    match outcome:
        case Changed(path, before, after, created):
            return ["changed", path, base64.b64encode(before).decode(), base64.b64encode(after).decode(), created]
        case Failed(path, problem):
            return ["failed", path, problem]
        case Unchanged(path):
            return ["unchanged", path]
        case Skipped(path, reason):
            return ["skipped", path, reason]


def _report(data: dict[str, Any]) -> Report:
    from hasten.request import Report

    plan = Plan(
        tuple(_change(each) for each in data["changes"]),
        tuple(
            Refusal(
                **each
                | {
                    "start": Position(**each["start"]),
                    "served": tuple(each["served"]),
                    "behind": tuple(each["behind"]),
                }
            )
            for each in data["refusals"]
        ),
        tuple(Problem(**each) for each in data["problems"]),
        tuple(Notice(**each) for each in data["notices"]),
    )
    return Report(
        plan,
        frozenset(data["selected"]),
        tuple(_outcome(each) for each in data["outcomes"]),
        data["sources"],
        cached=True,
    )


def _change(data: dict[str, Any]) -> Change:
    return Change(
        **data
        | {
            "applicability": Applicability(data["applicability"]),
            "edits": tuple(_edit(kind, each) for kind, each in data["edits"]),
            "hazards": tuple(Hazard(**each) for each in data["hazards"]),
            "proofs": tuple(Proof(**each) for each in data["proofs"]),
            "requires": tuple(data["requires"]),
            "imports": tuple(ImportRequest(**each) for each in data["imports"]),
            "releases": tuple((path, Span(**span)) for path, span in data["releases"]),
            "dependencies": tuple(data["dependencies"]),
            "test_dependencies": tuple(data["test_dependencies"]),
        }
    )


def _edit(kind: str, data: dict[str, Any]) -> Edit:
    places = {"span": Span(**data["span"]), "start": Position(**data["start"]), "end": Position(**data["end"])}
    if kind == "requirement":
        return RequirementEdit(**data | places)
    if kind == "node":
        return NodeEdit(**data | places | {"data": tuple((key, value) for key, value in data["data"])})
    return TextEdit(**data | places)


def _outcome(data: list[Any]) -> Outcome:
    match data:
        case ["changed", path, before, after, created]:
            return Changed(path, base64.b64decode(before), base64.b64decode(after), created)
        case ["failed", path, problem]:
            return Failed(path, Problem(**problem))
        case ["unchanged", path]:
            return Unchanged(path)
        case [_, path, reason]:
            return Skipped(path, reason)
        case _:
            raise ValueError(data)
