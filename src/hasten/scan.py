"""Decide from a file's bytes whether it is worth parsing."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from hasten.index.program import Want


#: The bytes that identifiers are made of, as far as they are ASCII.
_PARTS = frozenset(bytes([each]) for each in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")
_BEFORE_STORED = frozenset({b".", b'"', b"'"})
_STORED = re.compile(rb"\s*[\"']|(?![A-Za-z0-9_])[^\n()]*=(?!=)")
_CALLED = re.compile(rb"\s*\(")


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
    questions = [(_encoded(each.word), each) for each in wants]

    def bears(data: bytes) -> bool:
        # The plain search comes first and alone: it settles nearly every one of many wants.
        return any(
            word in data
            and _holds(data, word, called=want.called, stored=want.stored)
            and _names_any(data, want.beside)
            for word, want in questions
        )

    return bears


def _encoded(word: str) -> bytes:
    return word.encode("utf-8", "surrogatepass")


def _holds(data: bytes, word: bytes, *, called: bool = False, stored: bool = False) -> bool:
    """Tell whether a word occurs as an identifier; found by hand: compiling a pattern for each word takes longer."""
    if not word.isascii():
        return word in data
    size = len(word)
    at = data.find(word)
    while at >= 0:
        before = data[at - 1 : at]
        if before not in _PARTS or not at:
            end = at + size
            if stored:
                # app.NAME = x; app.NAME, y = 1, 2; app.NAME |= x; setattr(app, "NAME", x); patch("app.NAME")
                if before in _BEFORE_STORED and _STORED.match(data, end):
                    return True
            elif called:
                # `def word(` defines another function of that name, and calls none.
                if _CALLED.match(data, end) and data[at - 4 : at] != b"def ":
                    return True
            elif data[end : end + 1] not in _PARTS or end == len(data):
                return True
        at = data.find(word, at + 1)
    return False


def _names_any(data: bytes, words: frozenset[str]) -> bool:
    return not words or any(_holds(data, _encoded(word)) for word in words)
