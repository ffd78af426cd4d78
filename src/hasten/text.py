"""Offsets, lines and columns of a text, counted as Python's own parser counts them."""

from __future__ import annotations

import re
from bisect import bisect_right

from hasten.model import Position, Span

# The parser ends a line at these three and at nothing else: form feeds, NEL and the Unicode separators, at which
# `str.splitlines` breaks too, are ordinary characters to it.
_LINE_END = re.compile(r"\r\n|\r|\n")


class LineTable:
    """Converts between character offsets, the parser's `(line, UTF-8 column)` pairs, and what people count."""

    __slots__ = ("_ascii", "_starts", "_text")

    def __init__(self, text: str) -> None:
        """Find the line starts of `text`, in one pass of a compiled expression."""
        self._text = text
        self._ascii = text.isascii()
        self._starts = [0, *(match.end() for match in _LINE_END.finditer(text))]

    def offset(self, line: int, utf8_column: int) -> int:
        """Return the character offset of a `lineno`/`col_offset` pair of `ast`."""
        start = self._starts[line - 1]
        if self._ascii or not utf8_column:
            return start + utf8_column
        # A character takes at least one byte, so this slice holds at least the bytes asked for.
        head = self._text[start : start + utf8_column].encode("utf-8", "surrogatepass")[:utf8_column]
        return start + len(head.decode("utf-8", "surrogatepass"))

    def position(self, offset: int) -> Position:
        """Return line and column, from 1, of a character offset."""
        line = bisect_right(self._starts, offset)
        return Position(line, offset - self._starts[line - 1] + 1)

    def line_span(self, line: int) -> Span:
        """Return the span of line number `line` (from 1), its line end included."""
        end = self._starts[line] if line < len(self._starts) else len(self._text)
        return Span(self._starts[line - 1], end)

    def __len__(self) -> int:
        """Return the number of lines, an empty last one included."""
        return len(self._starts)


def newline_of(text: str) -> str:
    r"""Return the line end that `text` uses most, `\n` where it has none."""
    counts = {"\r\n": text.count("\r\n")}
    counts["\n"] = text.count("\n") - counts["\r\n"]
    counts["\r"] = text.count("\r") - counts["\r\n"]
    return max(("\n", "\r\n", "\r"), key=lambda end: counts[end])
