"""Places in a text as editors count them: lines and columns from 0, columns in units of an encoding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import TYPE_CHECKING, TypeAlias

from lsprotocol import types

from hasten import diff
from hasten.text import LineTable

if TYPE_CHECKING:
    from hasten.model import Position

Units: TypeAlias = Callable[[str], int]
"""Tells how long a text is in the units that an editor has agreed to count in: of UTF-8, UTF-16 or UTF-32."""


class Places:
    r"""The places of one text.

    Its lines end at `\n`, `\r\n` and `\r`, as the protocol has it and Python's parser, and not at form feeds and the
    like, at which `str.splitlines` breaks.
    """

    def __init__(self, text: str, units: Units) -> None:
        """Find the lines of `text`."""
        self._text = text
        self._lines = LineTable(text)
        self._units = units

    def at(self, offset: int) -> types.Position:
        """Return the place of a character offset."""
        found = self._lines.position(offset)
        start = offset - (found.column - 1)
        return types.Position(found.line - 1, self._units(self._text[start:offset]))

    def of(self, position: Position) -> types.Position:
        """Return the place of a position of hasten's; in a text that is shorter by now, where it would begin."""
        if position.line > len(self._lines):
            return types.Position(position.line - 1, 0)
        line = self._lines.line_span(position.line)
        before = self._text[line.start : min(line.start + position.column - 1, line.end)]
        return types.Position(position.line - 1, self._units(before))

    def range(self, start: Position, end: Position) -> types.Range:
        """Return the range between two positions of hasten's."""
        return types.Range(self.of(start), self.of(end))


def edits(before: str, after: str, units: Units) -> Iterator[types.TextEdit]:
    """Yield what turns one text into another, by whole lines."""
    old, new = before.encode(), after.encode()
    places = Places(before, units)
    starts = list(accumulate((len(line.decode()) for line in diff.lines(old)), initial=0))
    lines = diff.lines(new)
    for gone, come in diff.stretches(old, new, context=0):
        text = b"".join(lines[come.start : come.stop]).decode()
        yield types.TextEdit(types.Range(places.at(starts[gone.start]), places.at(starts[gone.stop])), text)
