"""Questions that may be asked again on their own way, such as where a function gets that is handed to itself."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

AnswerT = TypeVar("AnswerT")

#: More than the number of any question on its way.
_NOTHING = 1_000_000


class Cycles:
    """Answers that are kept, each as it is when it is asked for by itself, whatever was asked for before.

    An answer that was cut short, since a question on whose way it was asked is part of it, is kept only until that one
    is answered.
    """

    def __init__(self) -> None:
        """Know nothing yet."""
        self._known: dict[Hashable, Any] = {}
        self._busy: dict[Hashable, int] = {}
        self._cut: dict[Hashable, tuple[Any, int]] = {}
        self._leans_on = _NOTHING

    def once(self, key: Hashable, find: Callable[[], AnswerT], meanwhile: Callable[[], AnswerT]) -> AnswerT:
        """Return what `find` does, asked once; where `key` is asked for on the way of that, what `meanwhile` does."""
        if key in self._known:
            known: AnswerT = self._known[key]
            return known
        if key in self._cut:
            cut: AnswerT
            cut, leans_on = self._cut[key]
            self._leans_on = min(self._leans_on, leans_on)
            return cut
        if key in self._busy:
            self._leans_on = min(self._leans_on, self._busy[key])
            return meanwhile()
        depth = self._busy[key] = len(self._busy)
        before, self._leans_on = self._leans_on, _NOTHING
        try:
            found = find()
        finally:
            del self._busy[key]
            leans_on, self._leans_on = self._leans_on, before
            if self._cut:
                self._cut = {one: each for one, each in self._cut.items() if each[1] < depth}
        if leans_on >= depth:
            self._known[key] = found
        else:
            self._cut[key] = found, leans_on
            self._leans_on = min(before, leans_on)
        return found
