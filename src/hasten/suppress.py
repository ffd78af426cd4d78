"""Leave out what `# hasten: ignore` comments say to leave out, and report the comments that leave out nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hasten import ignores
from hasten.errors import SourceError
from hasten.model import Change, Finding, Notice

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from hasten.reading import Reader


def comments(reader: Reader, targets: Sequence[str]) -> dict[str, ignores.Ignores]:
    """Return what the comments of each target that mentions hasten say."""
    found: dict[str, ignores.Ignores] = {}
    for path in targets:
        if reader.seen[path].mentions_hasten:
            try:
                found[path] = ignores.parse(reader.source(path))
            except SourceError:
                continue
    return found


def suppressed(
    findings: Iterable[Finding], said: Mapping[str, ignores.Ignores]
) -> tuple[list[Finding], dict[str, set[tuple[str, int]]]]:
    """Return the findings that no comment suppresses, and where comments did, as `(codemod, line)` per file."""
    hits: dict[str, set[tuple[str, int]]] = {path: set() for path in said}
    kept: list[Finding] = []
    for finding in findings:
        covered = [
            (path, line)
            for path, line in sorted(_lines(finding))
            if path in said and said[path].covers(finding.codemod, line)
        ]
        for path, line in covered:
            hits[path].add((finding.codemod, line))
        if not covered:
            kept.append(finding)
    return kept, hits


def unused(
    said: Mapping[str, ignores.Ignores],
    hits: Mapping[str, Collection[tuple[str, int]]],
    *,
    ran: Collection[str],
    known: Collection[str],
) -> list[Notice]:
    """Return a notice for each comment that suppressed nothing; `ran` and `known` are names of codemods."""
    return [notice for path in sorted(said) for notice in said[path].unused(hits[path], known=known, ran=ran)]


def _lines(finding: Finding) -> set[tuple[str, int]]:
    if isinstance(finding, Change):
        return {(edit.path, line) for edit in finding.edits for line in (edit.start.line, edit.end.line)}
    return {(finding.path, finding.start.line)}
