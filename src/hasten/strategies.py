"""How coroutines are spared what blocks: the names of the strategies, and which one goes for which file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

CONVERT, TWIN, OFFLOAD = "convert", "twin", "offload"
STRATEGIES = (CONVERT, TWIN, OFFLOAD)


@dataclass(frozen=True, slots=True)
class Strategies:
    """The strategy of each file; it is the file in which the blocking call stands that counts.

    Attributes:
        default: that of files for which nothing else is said.
        patterns: patterns as in `.gitignore`, each with a strategy; the last that matches a path wins.
    """

    default: str = CONVERT
    patterns: tuple[tuple[str, str], ...] = ()

    def of(self, path: str) -> str:
        """Return the strategy of the file at a path of the root."""
        found = self.default
        for pattern, strategy in self.patterns:
            if _matcher(pattern)(path):
                found = strategy
        return found


@cache
def _matcher(pattern: str) -> Callable[[str], bool]:
    import pathspec  # late: few programs have patterns, and every run of the command imports this module

    return pathspec.GitIgnoreSpec.from_lines([pattern]).match_file
