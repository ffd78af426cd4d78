"""The search for what passes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hasten.model import Applicability, Change, Plan, Position, Span, TextEdit
from hasten.plan import close
from hasten.verifying import MOST_RUNS, search


def _plan(requires: list[set[int]]) -> Plan:
    """Return a plan of numbered changes; the last of each five is only support."""
    changes = []
    for number, needed in enumerate(requires):
        edit = TextEdit(f"{number % 3}.py", Span(number, number + 1), Position(1, 1), Position(1, 2), "")
        names = tuple(str(each) for each in needed)
        support = number % 5 == 4
        changes.append(
            Change(str(number), "acme", "", "", Applicability.SAFE, (edit,), requires=names, support=support)
        )
    return Plan(tuple(changes))


@st.composite
def _cases(draw: st.DrawFn) -> tuple[Plan, set[str], set[str]]:
    count = draw(st.integers(1, 14))
    numbers = st.integers(0, count - 1)
    plan = _plan([draw(st.sets(numbers, max_size=2)) for _ in range(count)])
    bad = draw(st.sets(numbers.filter(lambda each: each % 5 != 4), min_size=0, max_size=3))
    pair = draw(st.sets(numbers, min_size=2, max_size=2)) if count > 1 and draw(st.booleans()) else set()
    return plan, {str(each) for each in bad}, {str(each) for each in pair}


@given(_cases())
def test_what_is_kept_passed_and_nothing_more_could_be_added(case: tuple[Plan, set[str], set[str]]) -> None:
    """With changes that fail by themselves, and two that fail together."""
    plan, bad, pair = case
    selected = close(plan, [each.id for each in plan.changes if not each.support])
    tried: list[frozenset[str]] = []

    def passes(names: frozenset[str]) -> bool:
        tried.append(names)
        assert close(plan, [each.id for each in plan.changes if each.id in names and not each.support]) == names
        return not bad & names and not (pair and pair <= names)

    if passes(selected):
        return
    found = search(plan, selected, passes)
    assert not found.kept or found.kept in tried
    assert not found.kept or (not bad & found.kept and not (pair and pair <= found.kept))
    units = {each.id for each in plan.changes if each.id in selected and not each.support}
    assert units == (found.kept & units) | {each.id for each in (*found.culprits, *found.dropped, *found.untried)}
    for each in found.culprits:
        assert not passes(close(plan, {*(found.kept & units), each.id} | _needed(plan, each.id)))


def _needed(plan: Plan, name: str) -> set[str]:
    requires = {each.id: each.requires for each in plan.changes}
    found: set[str] = set()
    pending = [name]
    while pending:
        here = pending.pop()
        if here not in found:
            found.add(here)
            pending += requires[here]
    return found


def test_the_runs_are_counted() -> None:
    """Where everything fails, most of it is not tried."""
    plan = _plan([set() for _ in range(400)])
    runs = []

    def passes(names: frozenset[str]) -> bool:
        runs.append(names)
        return False

    found = search(plan, frozenset(each.id for each in plan.changes), passes)
    assert len(runs) == MOST_RUNS
    assert not found.kept
    assert found.untried
