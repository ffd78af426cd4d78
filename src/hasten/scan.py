"""Decide from a file's bytes whether it is worth parsing."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from hasten.index.program import Want


@lru_cache(maxsize=64)
def pattern(words: tuple[bytes, ...]) -> re.Pattern[bytes]:
    """Return an expression that finds any of `words`, each as a whole identifier."""
    return re.compile(
        rb"(?<![A-Za-z0-9_])(?:" + b"|".join(re.escape(each) for each in sorted(words)) + rb")(?![A-Za-z0-9_])"
    )


def triggers(data: bytes, words: Sequence[bytes]) -> bool:
    """Tell whether `data` holds any of `words` as a whole identifier."""
    # The plain searches run at memory speed and settle most files.
    return any(word in data for word in words) and pattern(tuple(words)).search(data) is not None


def bearing_on(wants: Iterable[Want]) -> Callable[[bytes], bool]:
    """Return a function that tells whether a file holds what one of `wants` asks for.

    Right for UTF-8, and for identifiers in ASCII in any encoding that holds ASCII.
    """
    questions = [(_encoded(each.word), each.called, each) for each in wants]

    def bears(data: bytes) -> bool:
        # The plain search comes first and alone: it settles nearly every one of many wants.
        return any(
            word in data and _holds(data, word, called=called) and _names_any(data, want.beside)
            for word, called, want in questions
        )

    return bears


def _encoded(word: str) -> bytes:
    return word.encode("utf-8", "surrogatepass")


def _holds(data: bytes, word: bytes, *, called: bool) -> bool:
    return word in data and (not word.isascii() or _occurrence(word, called).search(data) is not None)


def _names_any(data: bytes, words: frozenset[str]) -> bool:
    return not words or any(_holds(data, _encoded(word), called=False) for word in words)


@lru_cache(maxsize=4096)
def _occurrence(word: bytes, called: bool) -> re.Pattern[bytes]:  # noqa: FBT001 - a key of the cache
    # What stands before the word is looked at after it is found: `re` searches fast for a pattern that begins with
    # letters, and letter by letter for one that begins with a condition.
    name = re.escape(word)
    whole = name + rb"(?<![A-Za-z0-9_]" + name + rb")"
    if called:
        # `def word(` defines another function of that name, and calls none.
        return re.compile(whole + rb"(?<!def " + name + rb")\s*\(")
    return re.compile(whole + rb"(?![A-Za-z0-9_])")
