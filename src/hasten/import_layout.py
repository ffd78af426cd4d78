"""The layout of a module around its imports: rows of statements, blank lines, comments and line ends.

Pure, and shared by `hasten.imports` (which places) and `hasten.import_removal` (which takes away).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from hasten.model import Span
from hasten.text import LineTable, newline_of

ImportStatement: TypeAlias = ast.Import | ast.ImportFrom

# A comment that ends a block of imports for isort and ruff, and one that takes its statement out of the block.
_SPLIT = re.compile(r"#\s*(?:ruff:\s*)?isort:\s*(?:split|off|on)\b")
_SKIP = re.compile(r"#\s*(?:ruff:\s*)?isort:\s*(?:skip|split)\b")


@dataclass(frozen=True, slots=True)
class Replacement:
    """Put `text` in the place of `span`; an empty span inserts, and an empty span with an empty text is no change."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """Statements of one block that share physical lines: most often one, more where there are semicolons.

    Attributes:
        first, last: line numbers.
        start, end: offsets of the whole lines, the line end included.
        own: nothing else stands before them on the line, such as the `if x:` of a one-line suite.
        imports: the row takes part in a block of imports.
    """

    statements: tuple[ast.stmt, ...]
    first: int
    last: int
    start: int
    end: int
    own: bool
    imports: bool


class Page:
    """A text and its tree, with the answers about layout that the tree alone cannot give."""

    def __init__(self, text: str, tree: ast.Module) -> None:
        """Find the lines of `text`; `tree` is `ast.parse(text)`."""
        self.text = text
        self.table = LineTable(text)
        self.count = len(self.table) - (self.table.line_span(len(self.table)).start == len(text))
        self.tree = tree
        self._inside: frozenset[int] | None = None

    def start(self, node: ast.stmt | ast.alias) -> int:
        """Return where `node` starts, decorators included."""
        decorators: Sequence[ast.expr] = getattr(node, "decorator_list", ())
        if decorators:
            # The `@` opens its line, or follows at most white space.
            return self.text.index("@", self.offset(decorators[0].lineno))
        return self.table.offset(node.lineno, node.col_offset)

    def end(self, node: ast.stmt | ast.alias) -> int:
        """Return where `node` ends."""
        return self.table.offset(node.end_lineno or node.lineno, node.end_col_offset or 0)

    def line(self, number: int) -> str:
        """Return a line without indentation and line end; an empty string past either end of the text."""
        if not 1 <= number <= self.count:
            return ""
        span = self.table.line_span(number)
        return self.text[span.start : span.end].strip(" \t\f\r\n")

    def blank(self, number: int) -> bool:
        """Tell whether there is a line `number` with nothing on it."""
        return 1 <= number <= self.count and not self.line(number)

    def comment(self, number: int) -> bool:
        """Tell whether line `number` holds a comment and nothing else."""
        return self.line(number).startswith("#") and number not in self._inside_strings()

    def _inside_strings(self) -> frozenset[int]:
        """Return the lines that start inside a string literal, where a `#` is no comment."""
        if self._inside is None:
            self._inside = frozenset(
                line
                for node in ast.walk(self.tree)
                if isinstance(node, ast.expr) and not isinstance(node, ast.Lambda) and _is_string(node)
                for line in range(node.lineno + 1, (node.end_lineno or node.lineno) + 1)
            )
        return self._inside

    def blanks(self, number: int, step: int = 1) -> int:
        """Return how many blank lines follow each other from line `number`, down or (`step` -1) up."""
        found = 0
        while self.blank(number + found * step):
            found += 1
        return found

    def top(self, number: int, indent: str = "") -> int:
        """Return the first line of the comments with `indent` directly above line `number`, or `number` itself."""
        while self.comment(number - 1) and self.text.startswith(indent + "#", self.offset(number - 1)):
            number -= 1
        return number

    def offset(self, number: int) -> int:
        """Return where line `number` starts; the end of the text for the one past the last."""
        return self.table.line_span(number).start if number <= self.count else len(self.text)

    def newline(self, number: int) -> str:
        """Return the line end of line `number`, or the one that the text uses most."""
        if 1 <= number <= self.count:
            span = self.table.line_span(number)
            line = self.text[span.start : span.end]
            end = line[len(line.rstrip("\r\n")) :]
            if end:
                return end
        return newline_of(self.text)

    def rows(self, body: Sequence[ast.stmt]) -> list[Row]:
        """Return the statements of one block, by the lines that they share."""
        groups: list[list[ast.stmt]] = []
        for statement in body:
            line = self.table.position(self.start(statement)).line
            if groups and groups[-1][-1].end_lineno == line:
                groups[-1].append(statement)
            else:
                groups.append([statement])
        return [self._row(tuple(group)) for group in groups]

    def _row(self, group: tuple[ast.stmt, ...]) -> Row:
        begin = self.start(group[0])
        first, last = self.table.position(begin).line, group[-1].end_lineno or group[-1].lineno
        start, end = self.offset(first), self.offset(last + 1)
        # A backslash on the line above makes this one its continuation, even where nothing precedes it there.
        own = not self.text[start:begin].strip(" \t\f") and not self.text[:start].rstrip("\r\n").endswith("\\")
        tail = self.text[self.end(group[-1]) : end]
        imports = own and all(isinstance(statement, ImportStatement) for statement in group) and not _SKIP.search(tail)
        return Row(group, first, last, start, end, own, imports)

    def split(self, above: Row, below: Row) -> bool:
        """Tell whether a comment between two rows keeps isort and ruff from sorting them together."""
        return any(_SPLIT.match(self.line(number)) for number in range(above.last + 1, below.first))

    def insertion(self, offset: int, text: str, newline: str) -> Replacement:
        """Insert whole lines at `offset`, also after a last line that has no line end and gets none."""
        if offset == len(self.text) and self.text and not self.text.endswith(("\r", "\n")):
            text = newline + text.removesuffix(newline)
        return Replacement(Span(offset, offset), text)


class Draft:
    """A text under change that knows which of its characters are those of the original."""

    def __init__(self, original: str) -> None:
        """Start with `original` as it is."""
        self._original = original
        # Ranges of the original that stay, and new text between them.
        self._pieces: list[Span | str] = [Span(0, len(original))]

    def text(self) -> str:
        """Return the text as it is now."""
        return "".join(
            piece if isinstance(piece, str) else self._original[piece.start : piece.end] for piece in self._pieces
        )

    def apply(self, replacement: Replacement) -> None:
        """Carry out a replacement that was made for `text()`."""
        before = list(self._cut(0, replacement.span.start))
        after = list(self._cut(replacement.span.end, len(self.text())))
        self._pieces = [*before, replacement.text, *after]

    def _cut(self, start: int, end: int) -> Iterator[Span | str]:
        at = 0
        for piece in self._pieces:
            length = len(piece) if isinstance(piece, str) else piece.end - piece.start
            low, high = max(start - at, 0), min(end - at, length)
            if low < high:
                yield piece[low:high] if isinstance(piece, str) else Span(piece.start + low, piece.start + high)
            at += length

    def origin(self, offset: int) -> int | None:
        """Return where the character at `offset` of `text()` was in the original; None if it is new."""
        piece = next(self._cut(offset, offset + 1), "")
        return piece.start if isinstance(piece, Span) else None

    def replacements(self) -> tuple[Replacement, ...]:
        """Return what was done, as replacements in the original text."""
        found: list[Replacement] = []
        at, new = 0, ""
        for piece in [*self._pieces, Span(len(self._original), len(self._original))]:
            if isinstance(piece, str):
                new += piece
                continue
            if new or at < piece.start:
                found.append(Replacement(Span(at, piece.start), new))
            at, new = piece.end, ""
        return tuple(found)


def _is_string(node: ast.expr) -> bool:
    # `TemplateStr` is what Python 3.14 calls a t-string.
    return type(node).__name__ in ("Constant", "JoinedStr", "TemplateStr")
