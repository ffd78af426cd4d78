"""What the files that could not be read cast doubt on: they may use what a change is about, in a way nobody saw."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hasten import scan
from hasten.model import Applicability, Change, Code, Finding, Hazard

UNREAD = "HST002"
CODES = (
    Code(
        UNREAD,
        "hazard",
        "a file that may use this could not be read",
        "A file of the project could not be parsed by the Python that runs hasten, and it names the module or method "
        "in which the change is made. What it does with the result was not seen.",
        "Run hasten with the Python that the project is for, or mend the file; `exclude` it if it is not part of the "
        "program. Where it does no harm, take the change with `--accept HST002`.",
    ),
)


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that belongs to the program and gave no facts.

    Attributes:
        reason: what is wrong with it.
        data: its bytes.
    """

    path: str
    reason: str
    data: bytes


def doubted(findings: Sequence[Finding], files: Sequence[Unread]) -> list[Finding]:
    """Return the findings, each change with a hazard that one of `files` names the place of."""
    if not files:
        return list(findings)
    return [_doubted(each, files) if isinstance(each, Change) else each for each in findings]


def _doubted(change: Change, files: Sequence[Unread]) -> Change:
    own = {edit.path for edit in change.edits}
    found = next((file for file in files if file.path not in own and _names(file, change)), None)
    if found is None or change.support:
        return change
    reason = found.reason.partition(" (")[0]
    hazard = Hazard(UNREAD, f"{found.path} may use what is changed here, and could not be read: {reason}")
    return replace(change, applicability=Applicability.UNSAFE, hazards=(*change.hazards, hazard))


def _names(file: Unread, change: Change) -> bool:
    """Tell whether a file names the module or the method of a change."""
    # A function is called by those who import its module; a method, by whoever is given the object.
    owner, _, method = change.symbol.rpartition(".")
    words = {_module_word(edit.path) for edit in change.edits} | ({method} if owner else set())
    named = tuple(sorted(each.encode() for each in words if each.isidentifier() and not each.startswith("__")))
    return bool(named) and scan.triggers(file.data, named)


def _module_word(path: str) -> str:
    """Return the name by which a module is mostly imported: its own, or that of its package."""
    stem = posixpath.basename(path).removesuffix(".py")
    return posixpath.basename(posixpath.dirname(path)) if stem == "__init__" else stem
