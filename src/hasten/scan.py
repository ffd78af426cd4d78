"""Decide from a file's bytes whether it is worth parsing."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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


def bears_on(data: bytes, wants: Iterable[Want]) -> bool:
    """Tell whether a file holds what one of `wants` asks for.

    Right for UTF-8, and for identifiers in ASCII in any encoding that holds ASCII.
    """
    return any(_holds(data, each.word, called=each.called) and _names_any(data, each.beside) for each in wants)


def _holds(data: bytes, word: str, *, called: bool) -> bool:
    encoded = word.encode("utf-8", "surrogatepass")
    return encoded in data and (not word.isascii() or _occurrence(encoded, called).search(data) is not None)


def _names_any(data: bytes, words: frozenset[str]) -> bool:
    return not words or any(_holds(data, word, called=False) for word in words)


@lru_cache(maxsize=4096)
def _occurrence(word: bytes, called: bool) -> re.Pattern[bytes]:  # noqa: FBT001 - a key of the cache
    if called:
        # `def word(` defines another function of that name, and calls none.
        return re.compile(rb"(?<![A-Za-z0-9_])(?<!def )" + re.escape(word) + rb"\s*\(")
    return re.compile(rb"(?<![A-Za-z0-9_])" + re.escape(word) + rb"(?![A-Za-z0-9_])")
