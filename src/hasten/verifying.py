"""Which changes pass a test: all of them, or the largest part that a search by halves finds.

The test is a command of the person's, or the type checker; here it is a function. What is told to pass has passed: the
last selection that was tried and passed is the one that is returned.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from hasten.model import Change, Plan
from hasten.plan import close

#: After so many runs of the test the rest is left out without a trial: where everything fails, one more says nothing.
MOST_RUNS = 100


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a search found.

    Attributes:
        kept: ids of the changes that passed together, closed under what they require; none if that is empty.
        culprits: changes with which the test fails, added to those that are kept.
        dropped: changes that are left out with them, because they require one.
        untried: changes that no run was left for.
    """

    kept: frozenset[str]
    culprits: tuple[Change, ...] = ()
    dropped: tuple[Change, ...] = ()
    untried: tuple[Change, ...] = ()


def search(plan: Plan, selected: Collection[str], passes: Callable[[frozenset[str]], bool]) -> Verdict:
    """Return the largest part of a selection that passes, as far as halving finds it.

    Args:
        plan: all changes.
        selected: ids of those that are to be made; that they fail all together is known.
        passes: tells whether a selection, closed under what its changes require, passes; none at all does.
    """
    found = _Search(plan, frozenset(selected), passes)
    found.solve(found.units)
    left = [each for each in found.units if each.id not in found.kept]
    culprits = [each for each in left if each.id in found.failed]
    untried = [each for each in left if each.id in found.untried]
    others = [each for each in left if each not in culprits and each not in untried]
    return Verdict(found.kept, tuple(culprits), tuple(others), tuple(untried))


class _Search:
    def __init__(self, plan: Plan, selected: frozenset[str], passes: Callable[[frozenset[str]], bool]) -> None:
        self.plan = plan
        self.units = _in_order([each for each in plan.changes if each.id in selected and not each.support])
        self.kept: frozenset[str] = frozenset()
        self.failed: set[str] = set()
        self.untried: set[str] = set()
        self._passes = passes
        self._runs = 0

    def solve(self, units: Sequence[Change], *, known_to_fail: bool = True) -> None:
        """Add to what is kept as many of some changes as pass."""
        possible = self._possible(units)
        if not possible:
            return
        if not (known_to_fail and len(possible) == len(units)):
            if self._runs == MOST_RUNS:
                self.untried |= {each.id for each in possible}
                return
            self._runs += 1
            together = self._with(possible)
            if self._passes(together):
                self.kept = together
                return
        if len(possible) == 1:
            self.failed.add(possible[0].id)
            return
        first, second = possible[: len(possible) // 2], possible[len(possible) // 2 :]
        hoped = self._with(first)
        self.solve(first, known_to_fail=False)
        # With all of the first half the second is what has failed already.
        self.solve(second, known_to_fail=self.kept == hoped)

    def _with(self, units: Iterable[Change]) -> frozenset[str]:
        return close(self.plan, {*(self.kept - self._support), *(each.id for each in units)})

    def _possible(self, units: Sequence[Change]) -> list[Change]:
        """Return those that can be made with what is kept."""
        together = self._with(units)
        return [each for each in units if each.id in together]

    @property
    def _support(self) -> frozenset[str]:
        return frozenset(each.id for each in self.plan.changes if each.support)


def _in_order(changes: Sequence[Change]) -> list[Change]:
    """Return changes by codemod and file, each after those that it requires."""
    by_id = {each.id: each for each in changes}
    done: dict[str, Change] = {}
    for change in sorted(changes, key=lambda each: (each.codemod, min(edit.path for edit in each.edits))):
        pending = [change.id]
        while pending:
            name = pending[-1]
            # What is pending already is required in a circle.
            missing = [
                each for each in by_id[name].requires if each in by_id and each not in done and each not in pending
            ]
            if missing:
                pending.append(missing[0])
            else:
                done[name] = by_id[pending.pop()]
    return list(done.values())
