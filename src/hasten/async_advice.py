"""Note on the findings of `convert` where another strategy would do better, as far as it has been tried out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from hasten.async_offload import Offload
from hasten.async_receivers import Resolve
from hasten.async_twins import Twins
from hasten.awaited import Awaited
from hasten.index.module import Scope
from hasten.index.program import Program
from hasten.model import Change, Finding, Position, Refusal
from hasten.strategies import OFFLOAD, TWIN

#: From so many calls on, each of which goes to a thread and back, one thread for all of them is faster by far.
MANY = 5
#: Nobody waits for these: no other strategy would do more.
_UNREACHED = "ASY150"


def noted(
    program: Program,
    codemod: str,
    several: Callable[[Scope], str],
    resolve: Resolve,
    findings: Sequence[Finding],
    wanted: Sequence[Awaited],
) -> Iterator[Finding]:
    """Yield `findings`, with what other strategies would make of the blocking calls that they are about."""
    by_place = {_place(each): each for each in wanted}
    refused: dict[int, Awaited] = {}
    many: dict[int, Awaited] = {}
    for number, finding in enumerate(findings):
        if isinstance(finding, Refusal):
            group = by_place.get((finding.path, finding.start))
            if group is not None and finding.code != _UNREACHED:
                refused[number] = group
        elif not finding.support and finding.awaits >= MANY and not finding.unwaited:
            edit = finding.edits[0]
            group = by_place.get((edit.path, edit.start))
            if group is not None:
                many[number] = group
    if not (refused or many) or not _has_coroutines(program):
        yield from findings
        return
    offloaded = Offload(program, codemod, several, resolve).served([*refused.values(), *many.values()])
    twinned = Twins(program, codemod, resolve).served(refused.values())
    for number, finding in enumerate(findings):
        if number in refused and isinstance(finding, Refusal):
            place = _place(refused[number])
            served = [name for name, places in ((TWIN, twinned), (OFFLOAD, offloaded)) if place in places]
            yield replace(finding, served=tuple(served))
        elif number in many and isinstance(finding, Change) and _place(many[number]) in offloaded:
            yield replace(finding, hops=finding.awaits)
        else:
            yield finding


def _place(group: Awaited) -> tuple[str, Position]:
    return group.call.module.path, group.call.module.position(group.call.span.start)


def _has_coroutines(program: Program) -> bool:
    return any(each.is_async for module in program.modules for each in module.scopes())
