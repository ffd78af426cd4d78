"""Answers that lean on themselves: each is the same, whatever was asked for before."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

from hasten.async_cycles import Cycles

#: Who hands on to whom.
WAYS = {"a": ["b", "d"], "b": ["c"], "c": ["a", "e"], "d": [], "e": ["e", "f"], "f": []}


class Reaching:
    """All that can be reached from a node, found by asking what its neighbours reach."""

    def __init__(self) -> None:
        """Know nothing."""
        self.cycles = Cycles()
        self.asked: Counter[str] = Counter()

    def of(self, node: str) -> frozenset[str]:
        """Return what is reached, found once."""
        return self.cycles.once(node, lambda: self.find(node), frozenset)

    def find(self, node: str) -> frozenset[str]:
        """Return what is reached, and count that somebody asked."""
        self.asked[node] += 1
        return frozenset({node}).union(*map(self.of, WAYS[node]))


def test_order_does_not_matter() -> None:
    """Whatever is asked first, every answer is whole: none is kept that was cut short on the way of another."""
    whole = {"a": "abcdef", "b": "abcdef", "c": "abcdef", "d": "d", "e": "ef", "f": "f"}
    for order in permutations(WAYS):
        reaching = Reaching()
        assert {each: "".join(sorted(reaching.of(each))) for each in order} == whole


def test_what_does_not_lean_on_others_is_asked_once() -> None:
    """An answer is kept where it is the same for whoever asks, and no answer is asked for twice on one way."""
    reaching = Reaching()
    reaching.of("a")
    assert set(reaching.asked.values()) == {1}
    for each in WAYS:
        reaching.of(each)
    assert [reaching.asked[each] for each in "adef"] == [1, 1, 1, 1]


def test_an_error_leaves_nothing_behind() -> None:
    """A question that failed is asked anew."""
    cycles = Cycles()
    answers = iter([None, "known"])

    def find() -> str:
        answer = next(answers)
        if answer is None:
            raise LookupError
        return answer

    try:
        cycles.once("key", find, str)
    except LookupError:
        assert cycles.once("key", find, str) == "known"
