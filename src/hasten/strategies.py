"""What goes for which file: a word for each pattern; and the strategies, by which coroutines are spared what blocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

CONVERT, TWIN, OFFLOAD = "convert", "twin", "offload"
STRATEGIES = (CONVERT, TWIN, OFFLOAD)


@dataclass(frozen=True, slots=True)
class ByPath:
    """A word for each file.

    Attributes:
        default: that of files for which nothing else is said.
        patterns: patterns as in `.gitignore`, each with a word; the last that matches a path wins.
    """

    default: str
    patterns: tuple[tuple[str, str], ...] = ()

    def of(self, path: str) -> str:
        """Return the word for the file at a path of the root."""
        found = self.default
        for pattern, strategy in self.patterns:
            if _matcher(pattern)(path):
                found = strategy
        return found


@cache
def _matcher(pattern: str) -> Callable[[str], bool]:
    import pathspec  # late: few programs have patterns, and every run of the command imports this module

    return pathspec.GitIgnoreSpec.from_lines([pattern]).match_file
