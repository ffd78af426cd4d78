"""The answers of a review, and what follows from them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hasten.model import Applicability, Change, Plan, Position, Span, TextEdit
from hasten.reviewing import Review, Subject

FILES = ("asked.py", "other.py")


def change(name: str, path: str, start: int, *requires: str, support: bool = False) -> Change:
    """Return a change of one edit."""
    edit = TextEdit(path, Span(start, start + 1), Position(1, start + 1), Position(1, start + 2), "")
    return Change(name, "acme", name, "", Applicability.SAFE, (edit,), requires=requires, support=support)


def review(*changes: Change) -> Review:
    """Return a review of `asked.py`, nothing answered yet."""
    return Review(Subject(Plan(changes), frozenset(each.id for each in changes), "asked.py"))


def names(changes: tuple[Change, ...]) -> list[str]:
    """Return the ids of changes."""
    return [each.id for each in changes]


def test_questions_are_in_the_order_of_the_file() -> None:
    """A change of another file stands where what it requires edits this one."""
    here = review(
        change("last", "asked.py", 9), change("elsewhere", "other.py", 0, "needed"),
        change("needed", "asked.py", 5, support=True), change("first", "asked.py", 1), change("apart", "other.py", 3),
    )  # fmt: skip
    assert names(here.open) == ["first", "elsewhere", "last"]


def test_a_change_elsewhere_is_not_asked_about_when_its_part_here_is_taken() -> None:
    """Two changes of another file require the same edit of this one: the first question decides that."""
    here = review(
        change("one", "other.py", 0, "needed"), change("two", "other.py", 3, "needed"),
        change("needed", "asked.py", 5, support=True),
    )  # fmt: skip
    assert names(here.open) == ["one", "two"]
    assert names(here.answered(here.open[:1], accepted=True).open) == []
    assert names(here.answered(here.open[:1], accepted=False).open) == ["two"]


def test_an_answer_decides_what_requires_it() -> None:
    """A no to one is a no to what requires it; a yes to that is a yes to the one."""
    here = review(change("base", "asked.py", 0), change("top", "asked.py", 3, "base"))
    assert names(here.dropped_with(here.open[0])) == ["top"]
    assert names(here.taken_with(here.open[1])) == ["base"]
    assert here.answered(here.open[:1], accepted=False).open == ()
    assert here.answered(here.open[1:], accepted=True).accepted == {"base", "top"}


def test_answers_are_resumed_as_far_as_their_changes_are_there() -> None:
    """What the plan does not hold any more ends what is known."""
    before = review(change("one", "asked.py", 0), change("two", "asked.py", 1), change("three", "asked.py", 2))
    for each in before.open:
        before = before.answered([each], accepted=True)
    after = review(change("one", "asked.py", 0), change("three", "asked.py", 2)).resumed(before.answers)
    assert names(after.open) == ["three"]


@st.composite
def reviews(draw: st.DrawFn) -> Review:
    """Return a review of any changes, with some answers."""
    count = draw(st.integers(1, 8))
    changes = [
        change(
            str(number),
            draw(st.sampled_from(FILES)),
            number,
            *map(str, draw(st.sets(st.integers(0, count - 1), max_size=2))),
            support=draw(st.booleans()),
        )
        for number in range(count)
    ]
    here = review(*changes)
    for accepted in draw(st.lists(st.booleans())):
        if here.open:
            here = here.answered(here.open[:1], accepted=accepted)
    return here


@given(reviews())
def test_no_part_of_a_group_is_accepted(here: Review) -> None:
    """What is accepted holds all that it requires, and nothing that was answered with no."""
    for each in here.subject.plan.changes:
        if each.id in here.accepted:
            assert set(each.requires) <= here.accepted
    refused = {name for answer in here.answers if not answer.accepted for name in answer.changes}
    assert not refused & here.accepted
    assert not here.rejected & here.accepted


@given(reviews())
def test_taking_back_is_as_if_it_had_not_been_answered(here: Review) -> None:
    """One step back asks the same question again."""
    if here.open:
        for accepted in (True, False):
            again = here.answered(here.open[:1], accepted=accepted).back()
            assert (again.accepted, again.rejected, again.open) == (here.accepted, here.rejected, here.open)


@given(reviews())
def test_a_review_ends(here: Review) -> None:
    """Every answer leaves fewer questions."""
    while here.open:
        following = here.answered(here.open[:1], accepted=len(here.answers) % 2 == 0)
        assert len(following.open) < len(here.open)
        here = following
