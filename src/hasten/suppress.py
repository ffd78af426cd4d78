"""Leave out what `# hasten: ignore` comments say to leave out, and report the comments that leave out nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hasten import ignores
from hasten.errors import SourceError
from hasten.model import Change, Finding, Notice

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from hasten.reading import Reader


def suppressed(
    findings: Iterable[Finding], reader: Reader, targets: Sequence[str], ran: Collection[str], known: Collection[str]
) -> tuple[list[Finding], list[Notice]]:
    """Return the findings that no comment suppresses, and notices about the comments.

    Args:
        findings: changes and refusals.
        reader: access to the files.
        targets: files whose unused comments are reported.
        ran: names of the codemods of this run.
        known: names of all installed codemods.
    """
    comments: dict[str, ignores.Ignores] = {}
    for path in targets:
        if reader.seen[path].mentions_hasten:
            try:
                comments[path] = ignores.parse(reader.source(path))
            except SourceError:
                continue
    if not comments:
        return list(findings), []
    hits: dict[str, set[tuple[str, int]]] = {path: set() for path in comments}
    kept: list[Finding] = []
    for finding in findings:
        covered = [
            (path, line)
            for path, line in _lines(finding)
            if path in comments and comments[path].covers(finding.codemod, line)
        ]
        for path, line in covered:
            hits[path].add((finding.codemod, line))
        if not covered:
            kept.append(finding)
    return kept, [
        notice for path in sorted(comments) for notice in comments[path].unused(hits[path], known=known, ran=ran)
    ]


def _lines(finding: Finding) -> set[tuple[str, int]]:
    if isinstance(finding, Change):
        return {(edit.path, line) for edit in finding.edits for line in (edit.start.line, edit.end.line)}
    return {(finding.path, finding.start.line)}
