"""Turn findings into a plan, and a plan into what is done: stable ids, conflicts, closure under `requires`.

Everything here is a pure function of values, so the interactive mode can filter a plan as freely as the batch modes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from hasten import decorating
from hasten.model import (
    Applicability,
    Change,
    Code,
    Edit,
    Finding,
    NodeEdit,
    Notice,
    Plan,
    Problem,
    Refusal,
    RequirementEdit,
    Span,
    TextEdit,
)

#: The action that makes a coroutine function of a function.
_CONVERTING = "async-def"
CONFLICT = "HST001"
NEEDED = "HST003"
COROUTINE = "HST004"
#: The engine's own refusals, beside those of the codemods.
CODES = (
    Code(
        CONFLICT,
        "refusal",
        "two changes want the same code",
        "Two codemods would edit the same expression, or one of them an expression that the other replaces. The one "
        "that comes first in the file is planned, and the other, with what requires it, is not.",
        "Apply the first, then run hasten again.",
    ),
    Code(
        NEEDED,
        "refusal",
        "it requires a change that is not to be made",
        "The change is only correct together with another one, in this file or elsewhere, and a `# hasten: ignore` "
        "comment forbids that one.",
        "Take the comment away, or leave both as they are.",
    ),
    Code(
        COROUTINE,
        "refusal",
        "another change makes a coroutine function of it",
        "The decorator is right on a plain function only: a cache of coroutines gives the second caller one that was "
        "awaited already. Another codemod makes a coroutine function of the function in the same plan, and goes first.",
        "Apply the other change, or leave it out with `--ignore`, and run hasten again.",
    ),
)


def build(
    findings: Iterable[Finding],
    snippet: Callable[[str, Span], str],
    problems: Iterable[Problem] = (),
    notices: Iterable[Notice] = (),
) -> Plan:
    """Return the plan of all findings, with ids that survive edits elsewhere in the tree.

    Args:
        findings: changes, whose `id` and `requires` hold keys unique within their codemod, and refusals.
        snippet: returns the source text of a span, so that an id depends on the code itself and not on its line.
        problems: files that could not be read.
        notices: what else there is to tell.
    """
    changes = [each for each in findings if isinstance(each, Change)]
    refusals = [each for each in findings if isinstance(each, Refusal)]
    changes, alone = _without_the_needy(sorted(changes, key=_place))
    changes, plain = _without_coroutines(changes)
    changes, dropped = _without_conflicts(changes)
    named = _named(changes, snippet)
    return Plan(
        tuple(named),
        tuple(
            sorted(
                [*refusals, *alone, *plain, *dropped], key=lambda each: (each.path, each.start, each.codemod, each.code)
            )
        ),
        tuple(sorted(problems, key=lambda each: (each.path, each.kind))),
        tuple(sorted(notices, key=lambda each: (each.path, each.line, each.message))),
    )


def select(plan: Plan, *, unsafe: bool, accept: Collection[str], named: bool = True) -> frozenset[str]:
    """Return the ids of the changes that are made without asking.

    A change is wanted when it is safe, when `unsafe` is given, or when every one of its hazards is in `accept`. It is
    made only if all that it requires is made too; support changes are made exactly when they are required. What makes
    nothing faster (`Change.unwaited`) is wanted only where the codemods were `named`, rather than all of them run.
    """
    wanted = {
        each.id
        for each in plan.changes
        if not each.support
        and (named or not each.unwaited)
        and (
            each.applicability is Applicability.SAFE
            or (
                each.applicability is Applicability.UNSAFE
                and (unsafe or {hazard.code for hazard in each.hazards} <= set(accept))
            )
        )
    }
    return close(plan, wanted)


def close(plan: Plan, wanted: Collection[str]) -> frozenset[str]:
    """Return the largest part of `wanted` whose requirements can be met, with the support changes that it needs."""
    by_id = {each.id: each for each in plan.changes}
    support = {each.id for each in plan.changes if each.support}
    kept = {each for each in wanted if each in by_id}
    while True:
        broken = {each for each in kept if not set(by_id[each].requires) <= kept | support}
        if not broken:
            break
        kept -= broken
    pending = list(kept)
    while pending:
        for needed in by_id[pending.pop()].requires:
            if needed not in kept:
                kept.add(needed)
                pending.append(needed)
    return frozenset(kept)


def needed(plan: Plan, names: Iterable[str]) -> frozenset[str]:
    """Return some changes with all that they require, whatever that is."""
    requires = {each.id: each.requires for each in plan.changes}
    found: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending.extend(requires[name])
    return frozenset(found)


def without(plan: Plan, selected: Collection[str], paths: Collection[str]) -> frozenset[str]:
    """Return `selected` less every change that edits one of `paths`, and less those that require it."""
    by_id = {each.id: each for each in plan.changes}
    gone = {each for each in selected if any(edit.path in paths for edit in by_id[each].edits)}
    while True:
        more = {each for each in selected if each not in gone and gone & set(by_id[each].requires)}
        if not more:
            break
        gone |= more
    remaining = {each for each in selected if each not in gone and not by_id[each].support}
    return close(plan, remaining)


def edits_by_path(plan: Plan, selected: Collection[str]) -> dict[str, list[Edit]]:
    """Return the edits of the selected changes, per file, each edit once, in order."""
    result: dict[str, dict[Edit, None]] = {}
    for change in plan.changes:
        if change.id in selected:
            for edit in change.edits:
                result.setdefault(edit.path, {})[edit] = None
    return {path: sorted(edits, key=lambda each: each.span) for path, edits in sorted(result.items())}


def _place(change: Change) -> tuple[str, int, int, str]:
    first = min(change.edits, key=lambda each: (each.path, each.span))
    return first.path, first.span.start, -first.span.end, change.codemod


def _named(changes: list[Change], snippet: Callable[[str, Span], str]) -> list[Change]:
    """Replace keys by ids: a digest of what is changed where, and a number among equals."""
    seen: dict[str, int] = {}
    names: dict[tuple[str, str], str] = {}
    for change in changes:
        digest = hashlib.sha256()
        for edit in change.edits:
            order = _order(edit)
            digest.update(
                "\0".join([change.codemod, edit.path, change.symbol, order, snippet(edit.path, edit.span), ""]).encode(
                    "utf-8", "surrogatepass"
                )
            )
        base = digest.hexdigest()[:12]
        number = seen.get(base, 0)
        seen[base] = number + 1
        names[change.codemod, change.id] = base if not number else f"{base}-{number + 1}"
    return [
        replace(
            each,
            id=names[each.codemod, each.id],
            requires=tuple(sorted({names[each.codemod, key] for key in each.requires if (each.codemod, key) in names})),
        )
        for each in changes
    ]


def _order(edit: Edit) -> str:
    match edit:
        case NodeEdit(action=action, data=data):
            return f"{action}\0{data}"
        case TextEdit(text=text):
            return text
        case RequirementEdit(requirement=requirement):
            return requirement


def _without_the_needy(changes: list[Change]) -> tuple[list[Change], list[Refusal]]:
    """Drop each change that requires one that is not there, because a comment forbids it, and what requires those."""
    kept = changes
    dropped: list[Refusal] = []
    while True:
        there = {(each.codemod, each.id) for each in kept}
        lost = [each for each in kept if any((each.codemod, key) not in there for key in each.requires)]
        if not lost:
            return kept, dropped
        message = "it is only correct together with a change that a comment forbids, here or in another file"
        dropped += [
            Refusal(each.codemod, NEEDED, message, each.edits[0].path, each.edits[0].start, each.symbol)
            for each in lost
            if not each.support
        ]
        gone = {(each.codemod, each.id) for each in lost}
        kept = [each for each in kept if (each.codemod, each.id) not in gone]


def _without_coroutines(changes: list[Change]) -> tuple[list[Change], list[Refusal]]:
    """Drop each change that decorates a plain function where another one makes a coroutine function of it."""
    converted = {
        (edit.path, edit.span): change.codemod
        for change in changes
        for edit in change.edits
        if isinstance(edit, NodeEdit) and edit.action == _CONVERTING and not edit.get("twin")
    }
    kept: list[Change] = []
    dropped: list[Refusal] = []
    for change in changes:
        found = (
            (edit, converted[edit.path, edit.span])
            for edit in change.edits
            if decorating.PLAIN in getattr(edit, "data", ())
            and isinstance(edit, NodeEdit)
            and (edit.path, edit.span) in converted
        )
        first = next(found, None)
        if first is None:
            kept.append(change)
            continue
        edit, other = first
        message = f"`{other}` makes a coroutine function of it in the same plan"
        dropped.append(Refusal(change.codemod, COROUTINE, message, edit.path, edit.start, change.symbol))
    return kept, dropped


def _without_conflicts(changes: list[Change]) -> tuple[list[Change], list[Refusal]]:
    """Drop each change whose edits cross those of an earlier one, and what requires it.

    Edits of which one holds the other are no conflict: transformers work from the inside out.
    """
    taken: dict[str, list[tuple[Span, Change, Edit]]] = {}
    kept: list[Change] = []
    dropped: list[Refusal] = []
    lost: set[tuple[str, str]] = set()
    for change in changes:
        clash = next(
            (
                other
                for edit in change.edits
                for span, other, old in taken.get(edit.path, ())
                if _cross(edit, span, old)
            ),
            None,
        )
        if clash is None:
            kept.append(change)
            for edit in change.edits:
                taken.setdefault(edit.path, []).append((edit.span, change, edit))
            continue
        lost.add((change.codemod, change.id))
        if clash.codemod == change.codemod:
            reason = "another change of its own, under another strategy, edits the same code"
        else:
            reason = f"it would edit the same code as `{clash.codemod}`"
        dropped.append(_conflict(change, reason))
    while True:
        more = [each for each in kept if any((each.codemod, key) in lost for key in each.requires)]
        if not more:
            return kept, dropped
        for change in more:
            kept.remove(change)
            lost.add((change.codemod, change.id))
            dropped.append(_conflict(change, "it requires a change that conflicts with another"))


def _cross(edit: Edit, span: Span, old: Edit) -> bool:
    if edit == old or isinstance(edit, RequirementEdit) or isinstance(old, RequirementEdit):
        return False
    if edit.span == span and not _go_together(edit, old):
        return isinstance(edit, TextEdit) == isinstance(old, TextEdit)
    if edit.span.end <= span.start or span.end <= edit.span.start:
        return False
    if isinstance(edit, TextEdit) and isinstance(old, TextEdit):
        return True
    inside = (span.start <= edit.span.start and edit.span.end <= span.end) or (
        edit.span.start <= span.start and span.end <= edit.span.end
    )
    return not inside or _is_copied(edit, span, old) or _is_copied(old, edit.span, edit)


def _go_together(edit: Edit, old: Edit) -> bool:
    """Tell whether of two edits of one function one adds a decorator, and the other does not mind that."""
    both = [each for each in (edit, old) if isinstance(each, NodeEdit)]
    if any(decorating.ALONE in each.data for each in both):
        return False
    return any(each.action == decorating.ACTION for each in both)


def _is_copied(edit: Edit, span: Span, other: Edit) -> bool:
    """Tell whether `edit` would be made in one of two copies of a function only: another codemod makes the second."""
    if not isinstance(edit, NodeEdit) or not edit.get("twin"):
        return False
    inside = edit.span.start <= span.start and span.end <= edit.span.end
    return inside and isinstance(other, NodeEdit) and other.codemod != edit.codemod


def _conflict(change: Change, reason: str) -> Refusal:
    first = change.edits[0]
    message = f"not rewritten by `{change.codemod}`: {reason}; run again once the other change is in place"
    return Refusal(change.codemod, CONFLICT, message, first.path, first.start, change.symbol)
