"""How imported names leave a module: whole statements with their lines, or single names out of a list.

Comments are never deleted and blocks never emptied; a name that could only go that way is kept, and said to be.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from hasten.import_layout import ImportStatement, Page, Replacement, Row
from hasten.import_style import ImportStyle, write_from
from hasten.model import Span

ImportedName: TypeAlias = tuple[ImportStatement, ast.alias]
_COMMENT = "it carries a comment, which would be lost"
_BLOCK = "it is all that its block holds"
_LINE = "its line starts with something else"


@dataclass(frozen=True, slots=True)
class Kept:
    """An imported name that was to go and stays, and why."""

    statement: ImportStatement
    alias: ast.alias
    reason: str


@dataclass(frozen=True, slots=True)
class Removal:
    """Replacements in the order of the text, without overlap, and the names that stay."""

    replacements: tuple[Replacement, ...]
    kept: tuple[Kept, ...]


def remove(text: str, tree: ast.Module, removals: Sequence[ImportedName], style: ImportStyle | None = None) -> Removal:
    """Return how the imported names in `removals`, which are nodes of `tree`, leave the text.

    A statement that loses all of its names goes with its line, and with the blank line that its section leaves
    behind. Kept, and reported so, are names whose removal would empty a block or take a comment away. `tree` is
    `ast.parse(text)`; `style` says how a `from` list is broken into lines that has to be written anew.
    """
    return _Remover(Page(text, tree), removals, style or ImportStyle()).run(tree)


class _Remover:
    def __init__(self, page: Page, removals: Sequence[ImportedName], style: ImportStyle) -> None:
        self._page = page
        self._style = style
        self._aliases: dict[ast.stmt, list[ast.alias]] = {}
        for statement, alias in removals:
            if alias not in self._aliases.setdefault(statement, []):
                self._aliases[statement].append(alias)
        self._whole: set[ast.stmt] = set()
        self._found: list[Replacement] = []
        self._kept: list[Kept] = []

    def run(self, tree: ast.Module) -> Removal:
        for body in _bodies(tree):
            if any(statement in self._aliases for statement in body):
                self._body(tree, body)
        found = sorted(self._found, key=lambda replacement: replacement.span)
        kept = sorted(self._kept, key=lambda kept: (kept.alias.lineno, kept.alias.col_offset))
        return Removal(tuple(found), tuple(kept))

    def _body(self, tree: ast.Module, body: Sequence[ast.stmt]) -> None:
        rows = self._page.rows(body)
        for row in rows:
            self._choose(row)
        if body is not tree.body and all(statement in self._whole for statement in body):
            # try:
            #     import simplejson
            # except ImportError: ...
            for statement in body:
                self._keep(statement, _BLOCK)
            self._whole.difference_update(body)
        for index, row in enumerate(rows):
            if not row.own and all(statement in self._whole for statement in row.statements):
                for statement in row.statements:
                    self._keep(statement, _LINE)
                self._whole.difference_update(row.statements)
            self._shared(row)
            before = rows[index - 1] if index else None
            if self._goes(row) and not (before and self._goes(before) and self._touch(before, row)):
                self._lines(tree, body, rows, index)

    def _choose(self, row: Row) -> None:
        """Decide which statements of `row` go as a whole, and take single names out of the others."""
        for statement in row.statements:
            if statement not in self._aliases or not isinstance(statement, ImportStatement):
                continue
            if len(self._aliases[statement]) < len(statement.names):
                self._names(statement)
            elif "#" in self._text_of(row, statement):
                self._keep(statement, _COMMENT)
            else:
                self._whole.add(statement)

    def _text_of(self, row: Row, statement: ast.stmt) -> str:
        """Return the source of `statement` with the comment that ends its lines."""
        start, last = self._page.start(statement), row.statements[-1]
        # Comments can only be inside the statement's brackets and at the end of the row: no strings to confuse.
        return self._page.text[start : self._page.end(statement)] + self._page.text[self._page.end(last) : row.end]

    def _keep(self, statement: ast.stmt, reason: str) -> None:
        if isinstance(statement, ImportStatement):
            self._kept += [Kept(statement, alias, reason) for alias in self._aliases[statement]]

    def _goes(self, row: Row) -> bool:
        return row.own and all(statement in self._whole for statement in row.statements)

    def _touch(self, above: Row, below: Row) -> bool:
        """Tell whether nothing but blank lines stands between two rows."""
        return not any(self._page.line(number) for number in range(above.last + 1, below.first))

    def _shared(self, row: Row) -> None:
        """Take statements out of a line that others stay on: `a; import json; b`."""
        staying = [index for index, statement in enumerate(row.statements) if statement not in self._whole]
        if not staying:
            return
        end = self._page.end(row.statements[-1])
        for index, statement in enumerate(row.statements):
            if statement in self._whole and index < staying[-1]:
                self._cut(self._page.start(statement), self._page.start(row.statements[index + 1]))
        if staying[-1] < len(row.statements) - 1:
            self._cut(self._page.end(row.statements[staying[-1]]), end)

    def _cut(self, start: int, end: int, text: str = "") -> None:
        self._found.append(Replacement(Span(start, end), text))

    def _lines(self, tree: ast.Module, body: Sequence[ast.stmt], rows: Sequence[Row], index: int) -> None:
        """Delete a run of rows that starts at `index`, and the blank lines that are one too many without it."""
        page, stop = self._page, index
        while stop + 1 < len(rows) and self._goes(rows[stop + 1]) and self._touch(rows[stop], rows[stop + 1]):
            stop += 1
        first, last = rows[index].first, rows[stop].last
        below = page.blanks(last + 1)
        inside = any(page.blank(number) for number in range(first, last))
        emptied = below or inside or last == page.count
        if emptied and page.line(first - 1) in dict(self._style.headings).values():
            first -= 1  # isort wrote the comment above the section, and takes it away with it.
        above = page.blanks(first - 1, -1)
        previous = next((row for row in reversed(rows[:index]) if not self._goes(row)), None)
        following = next((row for row in rows[stop + 1 :] if not self._goes(row)), None)
        commented = page.comment(first - 1)
        imported = (bool(previous and previous.imports), bool(following and following.imports))
        if first - above == 1 and body is tree.body:
            last += below  # The first thing in the file: nothing to keep a distance from.
        elif commented:
            # The comment stays. Above imports it now belongs to the one below, which it must touch, and has the blank
            # line above it that the import had below.
            last += below if imported[1] else 0
            top = above_top = page.top(first)
            for row in reversed(rows[:index]):
                above_top = row.first if self._goes(row) and row.last == above_top - 1 else above_top
            if (below or inside) and previous and previous.imports and previous.last == above_top - 1:
                self._cut(page.offset(top), page.offset(top), page.newline(top))
        elif last + below == page.count and body is tree.body:
            first -= above
        elif previous is None and body is not tree.body:
            last += below  # No blank line at the top of a block.
        elif imported == (True, False) or (not any(imported) and above <= below):
            first -= above if below else 0
        else:
            last += below if above else 0
        start, end = page.offset(first), page.offset(last + 1)
        if end == len(page.text) and not page.text.endswith(("\r", "\n")) and start:
            start -= len(page.newline(first - 1))  # The line above becomes the last, and has no line end either.
        # `a1`, gone `a2`, blank, gone `b1`, `b2`: the blank line between the two sections is inside what goes.
        parted = all(imported) and inside and not (above or below or commented)
        self._cut(start, end, page.newline(last) if parted else "")

    def _names(self, statement: ImportStatement) -> None:
        """Take some of the names of `statement` away."""
        page = self._page
        gone = self._aliases[statement]
        start, end = page.start(statement), page.end(statement)
        source = page.text[start:end]
        exploded = all(self._own_line(alias, source) for alias in statement.names)
        if "#" not in source and "(" in source and isinstance(statement, ast.ImportFrom):
            magic = source.rstrip(") \t\r\n\f\\").endswith(",")
            if not exploded or not (magic and self._style.split_on_trailing_comma):
                before = page.text[page.offset(statement.lineno) : start]
                indent = before[: len(before) - len(before.lstrip(" \t\f"))]
                left = [alias for alias in statement.names if alias not in gone]
                names = [page.text[page.start(alias) : page.end(alias)] for alias in left]
                module = "." * statement.level + (statement.module or "")
                text = write_from(module, names, self._style, page.newline(statement.lineno), indent)
                self._cut(start, end, text)
                return
        for run, after in _runs(statement.names, gone):
            self._run(statement, run, after)

    def _own_line(self, alias: ast.alias, bracketed: str) -> bool:
        """Tell whether `alias` has a line to itself, but for a comma and a comment, in a list in brackets."""
        page = self._page
        line = page.table.line_span(alias.lineno)
        if "(" not in bracketed:
            return False  # Continued by backslashes.
        head, tail = page.text[line.start : page.start(alias)], page.text[page.end(alias) : line.end]
        rest = tail.strip(" \t\f\r\n").removeprefix(",").lstrip(" \t\f")
        return not head.strip(" \t\f") and (not rest or rest.startswith("#"))

    def _run(self, statement: ImportStatement, run: Sequence[ast.alias], after: ast.alias | None) -> None:
        """Take neighbouring names away, `after` being the next that stays."""
        page = self._page
        source = page.text[page.start(statement) : page.end(statement)]
        if all(self._own_line(alias, source) and alias.lineno == alias.end_lineno for alias in run):
            for alias in run:
                line = page.table.line_span(alias.lineno)
                if "#" in page.text[line.start : line.end]:
                    self._kept.append(Kept(statement, alias, _COMMENT))
                else:
                    self._cut(line.start, line.end)
            return
        if after is not None:
            start, end = page.start(run[0]), page.start(after)
        else:
            before = statement.names[statement.names.index(run[0]) - 1]
            start, end = page.end(before), page.end(run[-1])
        if "#" in page.text[start:end]:
            self._kept += [Kept(statement, alias, _COMMENT) for alias in run]
        else:
            self._cut(start, end)


def _runs(names: Sequence[ast.alias], gone: Sequence[ast.alias]) -> Iterator[tuple[list[ast.alias], ast.alias | None]]:
    """Yield each stretch of names that go, with the name that follows it."""
    run: list[ast.alias] = []
    for alias in names:
        if alias in gone:
            run.append(alias)
        elif run:
            yield run, alias
            run = []
    if run:
        yield run, None


def _bodies(tree: ast.Module) -> Iterator[list[ast.stmt]]:
    """Yield every block of statements of a module, from the outside in."""
    waiting: list[ast.AST] = [tree]
    for node in waiting:
        for _, value in ast.iter_fields(node):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                yield value
                waiting += value
            elif isinstance(value, list):
                waiting += [item for item in value if isinstance(item, (ast.ExceptHandler, ast.match_case))]
