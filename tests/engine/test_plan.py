"""Plans: ids, conflicts, and what is made together."""

from __future__ import annotations

from dataclasses import replace

from hasten import plan
from hasten.model import Applicability, Change, Hazard, NodeEdit, Plan, Position, Span


def _edit(start: int, end: int, path: str = "a.py", codemod: str = "one") -> NodeEdit:
    return NodeEdit(path, Span(start, end), Position(1, start + 1), Position(1, end + 1), codemod, "do")


def _change(
    key: str,
    *edits: NodeEdit,
    requires: tuple[str, ...] = (),
    hazards: tuple[str, ...] = (),
    support: bool = False,
) -> Change:
    level = Applicability.UNSAFE if hazards else Applicability.SAFE
    codes = tuple(Hazard(each, "") for each in hazards)
    codemod = edits[0].codemod
    return Change(key, codemod, key, "f", level, edits, codes, requires, support=support)


def _plan(*changes: Change, text: str = "abcdefghijklmnop") -> Plan:
    return plan.build(changes, lambda _path, span: text[span.start : span.end])


def _titles(of: Plan, selected: frozenset[str]) -> set[str]:
    return {each.title for each in of.changes if each.id in selected}


def test_an_id_depends_on_the_code_and_not_on_its_place() -> None:
    """A change keeps its id when lines are added above it, and equal changes are numbered."""
    before = _plan(_change("x", _edit(2, 4)), text="..ab....")
    after = _plan(_change("x", _edit(5, 7)), text=".....ab....")
    twice = _plan(_change("x", _edit(0, 2)), _change("y", _edit(4, 6)), text="ab..ab")

    assert before.changes[0].id == after.changes[0].id
    assert [each.id for each in twice.changes] == [before.changes[0].id, f"{before.changes[0].id}-2"]


def test_only_safe_changes_are_made_unless_more_is_asked_for() -> None:
    """`unsafe` takes all; `accept` takes what has no other hazard than those accepted."""
    found = _plan(
        _change("safe", _edit(0, 1)),
        _change("one", _edit(2, 3), hazards=("A001",)),
        _change("two", _edit(4, 5), hazards=("A001", "A002")),
    )

    assert _titles(found, plan.select(found, unsafe=False, accept=())) == {"safe"}
    assert _titles(found, plan.select(found, unsafe=False, accept={"A001"})) == {"safe", "one"}
    assert _titles(found, plan.select(found, unsafe=True, accept=())) == {"safe", "one", "two"}


def test_a_change_is_made_only_with_what_it_requires() -> None:
    """What requires a change that is not made is not made either, however long the chain."""
    found = _plan(
        _change("top", _edit(0, 1), requires=("middle",)),
        _change("middle", _edit(2, 3), requires=("bottom",)),
        _change("bottom", _edit(4, 5), hazards=("A001",)),
    )

    assert _titles(found, plan.select(found, unsafe=False, accept=())) == set()
    assert _titles(found, plan.select(found, unsafe=True, accept=())) == {"top", "middle", "bottom"}


def test_support_changes_are_made_exactly_when_they_are_required() -> None:
    """A support change comes with the change that requires it, and goes with it."""
    found = _plan(
        _change("site", _edit(0, 1), requires=("support",), hazards=("A001",)),
        _change("support", _edit(0, 1, "b.py"), support=True),
    )

    assert plan.select(found, unsafe=False, accept=()) == frozenset()
    selected = plan.select(found, unsafe=True, accept=())
    assert _titles(found, selected) == {"site", "support"}
    assert plan.without(found, selected, {"a.py"}) == frozenset()


def test_crossing_edits_of_two_codemods_are_a_conflict() -> None:
    """The change that comes first stays; the other, and what requires it, is refused with a reason."""
    found = _plan(
        _change("first", _edit(0, 5)),
        _change("second", _edit(3, 8, codemod="two")),
        _change("third", _edit(10, 12, codemod="two"), requires=("second",)),
    )

    assert [each.title for each in found.changes] == ["first"]
    assert [each.code for each in found.refusals] == [plan.CONFLICT, plan.CONFLICT]


def test_an_edit_of_another_codemod_inside_a_function_that_gets_a_twin_is_a_conflict() -> None:
    """It would be made in one of the two only; those of the codemod itself are meant for the twin."""
    twin = replace(_edit(0, 9), data=(("twin", "f_async"),))
    result = _plan(_change("x", twin), _change("y", _edit(2, 4, codemod="two")), _change("z", _edit(5, 6)))

    assert [each.title for each in result.changes] == ["x", "z"]
    assert [each.code for each in result.refusals] == [plan.CONFLICT]


def test_an_edit_inside_another_is_no_conflict() -> None:
    """Transformers work from the inside out, so a call may stand in the argument of another."""
    found = _plan(_change("outer", _edit(0, 9)), _change("inner", _edit(3, 5)))

    assert {each.title for each in found.changes} == {"outer", "inner"}


def test_the_order_of_the_findings_does_not_matter() -> None:
    """The same findings give the same plan, whatever order they come in."""
    changes = [_change("a", _edit(0, 2)), _change("b", _edit(4, 6)), _change("c", _edit(5, 8, codemod="two"))]

    assert _plan(*changes) == _plan(*reversed(changes))


def test_what_requires_a_change_that_is_not_there_is_not_planned() -> None:
    """A comment that forbids one change forbids what is only correct together with it, and says so."""
    found = _plan(
        _change("seed", _edit(0, 1), requires=("one",)),
        _change("one", _edit(2, 3), requires=("other",), support=True),
        _change("alone", _edit(4, 5)),
    )

    assert [each.title for each in found.changes] == ["alone"]
    assert [(each.code, each.start.column) for each in found.refusals] == [("HST003", 1)]
