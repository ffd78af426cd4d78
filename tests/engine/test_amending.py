"""What a person writes in place of new text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hasten.amending import from_edited, merged, to_edit, wrong_with
from hasten.reviewing import Amendment

_TEXTS = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "\n", "d"]), max_size=8).map("".join)


def test_what_was_written_stays_when_more_is_made_around_it() -> None:
    """Lines above and below may change and move."""
    amendment = Amendment("one\ntwo\nthree\nfour\n", "one\nTWO\nthree\nfour\n")
    assert merged("zero\none\ntwo\nthree\nFOUR\n", [amendment]) == "zero\none\nTWO\nthree\nFOUR\n"


def test_what_was_written_is_not_written_over() -> None:
    """Where the same lines are made anew, nobody can say what they are to be."""
    amendment = Amendment("one\ntwo\n", "one\nTWO\n")
    assert merged("one\n2\n", [amendment]) is None


def test_several_are_put_on_top_of_each_other() -> None:
    """Each is of what the ones before it made."""
    first = Amendment("one\ntwo\n", "ONE\ntwo\n")
    second = Amendment("ONE\ntwo\n", "ONE\nTWO\n")
    assert merged("zero\none\ntwo\n", [first, second]) == "zero\nONE\nTWO\n"


@given(_TEXTS, _TEXTS)
def test_on_the_text_that_it_is_of_it_gives_what_was_written(before: str, after: str) -> None:
    """Nothing else was made since."""
    assert merged(before, [Amendment(before, after)]) == after


_SOME_LINES = st.lists(st.sampled_from(["a", "b", "# hasten: ignore", ""]), min_size=1, max_size=12)


@given(_SOME_LINES, st.data(), st.sampled_from(["\n", "\r\n", "\r"]))
def test_what_is_not_edited_comes_back_as_it_was(lines: list[str], data: st.DataObject, end: str) -> None:
    """Whatever the line ends, and with or without one at the end of the file."""
    text = end.join(lines)
    count = len(text.split("\n")) - (text.endswith("\n") or not text)
    first = data.draw(st.integers(0, max(count - 1, 0)))
    last = data.draw(st.integers(first, count))
    places = [range(first, last)]
    assert from_edited("a.py", text, places, to_edit("a.py", text, places)) == text


def test_a_line_that_names_a_stretch_has_to_stay() -> None:
    """Without it nobody knows where the lines belong."""
    given = to_edit("a.py", "one\ntwo\nthree\n", [range(1), range(2, 3)])
    assert (
        from_edited("a.py", "one\ntwo\nthree\n", [range(1), range(2, 3)], given.replace("three", "3"))
        == "one\ntwo\n3\n"
    )
    assert from_edited("a.py", "one\ntwo\nthree\n", [range(1), range(2, 3)], "one\nthree\n") is None


@pytest.mark.parametrize(
    ("made", "written", "wrong"),
    [
        ("async def f():\n    await g()\n", "async def f():\n    await g(1)\n", None),
        ("async def f():\n    await g()\n", "async def f():\n    pass\n", None),
        ("async def f():\n    await g()\n", "async def f():\n    g()\n", "`g(...)`"),
        (
            "async def f():\n    async with g():\n        pass\n",
            "async def f():\n    with g():\n        pass\n",
            "`g(...)`",
        ),
        ("async def f():\n    async for x in g():\n        pass\n", "async def f():\n    list(g())\n", "`g(...)`"),
        ("async def f():\n    return [x async for x in g()]\n", "async def f():\n    return [g()]\n", "`g(...)`"),
        ("async def f():\n    await g()\n    g()\n", "async def f():\n    g()\n    await g()\n", None),
        ("x = 1\n", "x = \n", "line 1"),
        ("x = 1\n", "x = '\0'\n", "null byte"),
    ],
)
def test_what_cannot_be_taken(made: str, written: str, wrong: str | None) -> None:
    """It has to compile, and to await what was awaited."""
    found = wrong_with("a.py", made, written)
    assert found is None if wrong is None else found is not None and wrong in found
