"""A report as SARIF 2.1.0, which code hosts and editors show: what could be rewritten, how, and what is refused.

The format is described at <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hasten import __version__, diff, report
from hasten.errors import SourceError
from hasten.model import Change, Changed, Code, Edit, Position, Problem, Refusal
from hasten.request import Report
from hasten.source import decode_plain

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_ROOT = "ROOT"


def document(
    found: Report,
    root: Path,
    rules: Mapping[str, str],
    codes: Mapping[str, Code],
    fixes: Mapping[str, Sequence[dict[str, Any]]],
    also: Sequence[Problem] = (),
) -> dict[str, Any]:
    """Return a report as SARIF.

    Every change is a result with the name of its codemod as its rule, every refusal one with its code, of a kind that
    nobody has to mend. Hazards are related to the result by their codes, in its properties.

    Args:
        found: the report.
        root: the directory that its paths are relative to.
        rules: the codemods that ran, each with what it does in one sentence.
        codes: all codes that there are.
        fixes: of each change, by its id, what `replaced` gives for it and all that it requires; empty where it gives
            nothing.
        also: problems from outside of the report.
    """
    refused = sorted({each.code for each in found.plan.refusals})
    names = [*sorted(rules), *refused]
    index = {name: number for number, name in enumerate(names)}
    problems = list(dict.fromkeys([*also, *report.problems(found)]))
    results = [
        *(_change(each, index[each.codemod], fixes.get(each.id, ()), codes) for each in report.sites(found.plan)),
        *(_refusal(each, index[each.code]) for each in found.plan.refusals),
    ]
    whole: dict[str, Any] = report.clean(
        {
            "$schema": SCHEMA,
            "version": "2.1.0",
            "runs": [
                {
                    "tool": {
                        "driver": {
                            "name": "hasten",
                            "version": __version__,
                            "rules": [
                                *(_rule(name, rules[name], "") for name in sorted(rules)),
                                *(_rule(name, *_texts(codes.get(name))) for name in refused),
                            ],
                        }
                    },
                    "columnKind": "unicodeCodePoints",
                    "originalUriBaseIds": {_ROOT: {"uri": f"{root.as_uri()}/"}},
                    "invocations": [
                        {
                            "executionSuccessful": not problems,
                            "toolExecutionNotifications": [
                                {
                                    "level": "error",
                                    "message": {"text": each.message},
                                    "locations": [{"physicalLocation": _file(each.path)}],
                                }
                                for each in problems
                            ],
                        }
                    ],
                    "results": results,
                }
            ],
        }
    )
    return whole


def _rule(name: str, title: str, text: str) -> dict[str, Any]:
    rule: dict[str, Any] = {"id": name, "shortDescription": {"text": title or name}}
    return rule | ({"fullDescription": {"text": text}} if text else {})


def _texts(code: Code | None) -> tuple[str, str]:
    return ("", "") if code is None else (code.title, f"{code.text} {code.remedy}".strip())


def replaced(files: Sequence[Changed]) -> list[dict[str, Any]]:
    """Return what is replaced in some files, line by line; nothing where the bytes of one are no text for JSON.

    It is small beside the files, of which a report of many changes would hold many versions.
    """
    changes = [each for each in map(_artifact_change, files) if each is not None]
    return changes if len(changes) == len(files) else []


def _change(
    change: Change, rule: int, replacements: Sequence[dict[str, Any]], codes: Mapping[str, Code]
) -> dict[str, Any]:
    first = min(change.edits, key=lambda each: (each.path, each.start))
    told = [f"{each.code} {each.message}" for each in change.hazards]
    result: dict[str, Any] = {
        "ruleId": change.codemod,
        "ruleIndex": rule,
        "level": "note",
        "message": {"text": "; ".join([f"{change.title} ({change.applicability})", *told])},
        "locations": [_location(first, change.symbol)],
        "relatedLocations": [
            {"id": number, **_location(each, "")}
            for number, each in enumerate(sorted({each for each in change.edits if each != first}, key=_place), 1)
        ],
        "partialFingerprints": {"hasten/v1": change.id},
        "properties": {
            "applicability": change.applicability.value,
            "hazards": [
                {
                    "code": each.code,
                    "title": codes[each.code].title if each.code in codes else "",
                    "message": each.message,
                }
                for each in change.hazards
            ],
            "requires": list(change.requires),
        },
    }
    if replacements:
        result["fixes"] = [{"description": {"text": change.title}, "artifactChanges": list(replacements)}]
    return result


def _place(edit: Edit) -> tuple[str, Position, Position]:
    return edit.path, edit.start, edit.end


def _refusal(refusal: Refusal, rule: int) -> dict[str, Any]:
    end = Position(refusal.start.line, refusal.start.column + 1)
    return {
        "ruleId": refusal.code,
        "ruleIndex": rule,
        "kind": "informational",
        "level": "none",
        "message": {"text": f"{refusal.message} ({refusal.codemod}, refused)"},
        "locations": [
            {
                "physicalLocation": {**_file(refusal.path), "region": _region(refusal.start, end)},
                **_symbols(refusal.symbol),
            }
        ],
    }


def _location(edit: Edit, symbol: str) -> dict[str, Any]:
    return {"physicalLocation": {**_file(edit.path), "region": _region(edit.start, edit.end)}, **_symbols(symbol)}


def _symbols(symbol: str) -> dict[str, Any]:
    return {"logicalLocations": [{"fullyQualifiedName": symbol}]} if symbol else {}


def _file(path: str) -> dict[str, Any]:
    # A name may hold bytes that are no text; they are spelled as they are.
    return {"artifactLocation": {"uri": quote(path, errors="surrogateescape"), "uriBaseId": _ROOT}}


def _region(start: Position, end: Position) -> dict[str, int]:
    return {
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column,
    }


def _artifact_change(file: Changed) -> dict[str, Any] | None:
    """Return what is replaced in one file, line by line; None where its bytes are no text that JSON can hold."""
    try:
        before, after = decode_plain(file.path, file.before).text, decode_plain(file.path, file.after).text
    except SourceError:
        return None
    old, new = diff.lines(before.encode()), diff.lines(after.encode())
    replacements = [
        {
            "deletedRegion": _lines(old, block_old),
            "insertedContent": {"text": b"".join(new[block_new.start : block_new.stop]).decode()},
        }
        for block_old, block_new in diff.stretches(before.encode(), after.encode(), context=0)
    ]
    return {**_file(file.path), "replacements": replacements}


def _lines(old: Sequence[bytes], stretch: range) -> dict[str, int]:
    """Return the region of some whole lines; an empty one stands before the line that it begins with."""
    if stretch.stop < len(old) or not old or old[-1].endswith(b"\n"):
        return _region(Position(stretch.start + 1, 1), Position(stretch.stop + 1, 1))
    # The last line has no end: the region ends behind its last character.
    last = len(old[-1].decode()) + 1
    start = Position(stretch.start + 1, 1) if stretch else Position(len(old), last)
    return _region(start, Position(len(old), last))
