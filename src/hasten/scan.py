"""Decide from a file's bytes whether it is worth parsing."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


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


def identifiers(data: bytes, words: frozenset[str]) -> bool:
    """Tell whether any of `words` occurs in `data` as an identifier; `word(` where it is called.

    Right for UTF-8 and for identifiers in ASCII in any encoding that holds ASCII.
    """
    text = data.decode("utf-8", "replace")
    called = {word[:-1] for word in words if word.endswith("(")}
    return not words.isdisjoint(_IDENTIFIER.findall(text)) or not called.isdisjoint(_CALLED.findall(text))


_IDENTIFIER = re.compile(r"\w+")
_CALLED = re.compile(r"(\w+)\s*\(")
