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
    """Tell whether any of `words` occurs in `data`; right for identifiers in UTF-8 and ASCII-compatible encodings."""
    return not words.isdisjoint(_IDENTIFIER.findall(data.decode("utf-8", "replace")))


_IDENTIFIER = re.compile(r"\w+")
