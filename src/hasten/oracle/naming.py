"""The names in a file that questions can be about, and how the type checker writes their places."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from hasten.oracle.doubts import Spine, spine
from hasten.oracle.walking import walk
from hasten.text import LineTable


@dataclass(frozen=True, slots=True)
class Name:
    """A name in a file.

    Attributes:
        start: the character offset of the name.
        spine: the names along which what it stands for is reached, itself first; see `Spine`.
        key: the place under which the checker reports what is reached from it.
        receiver: the place of the expression before the last dot, if there is one.
        called: it is called there.
    """

    start: int
    spine: Spine
    key: str
    receiver: str
    called: bool


def parsed(text: str) -> ast.Module | None:
    """Return the tree of a file, None where it does not parse."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


class Names:
    """The names of one file.

    Most files are never asked about, and of the others only some names are: what stands for a name is made when it is
    asked for.
    """

    def __init__(self, text: str, tree: ast.Module | None) -> None:
        """Take a file, and its tree; one that does not parse has none, and no names."""
        self._text = text
        self._lines = LineTable(text)
        self._calls: dict[tuple[int, int], ast.Call] = {}
        self._called: dict[int, ast.Call] = {}
        self._read: dict[int, ast.Name | ast.Attribute] = {}
        lines, offset, begins = len(self._lines), self._lines.offset, text.startswith
        for node in walk(tree, (ast.Call, ast.Name, ast.Attribute)) if tree is not None else ():
            kind = type(node)
            if kind is ast.Call:
                self._note_call(node)
            elif type(node.ctx) is ast.Load and node.end_lineno <= lines:
                # As `_start` has it, for the many.
                name = node.id if kind is ast.Name else node.attr
                start = offset(node.end_lineno, node.end_col_offset) - len(name)
                if begins(name, start):
                    self._read[start] = node

    def called(self, start: int, end: int) -> Name | None:
        """Return the name of what the call between two character offsets calls; None where it has none."""
        call = self._calls.get((start, end))
        return None if call is None else self._name(call.func, _key(call), called=True)

    def at(self, offset: int) -> Name | None:
        """Return the name that begins at a character offset and is read there, None where there is none."""
        call = self._called.get(offset)
        if call is not None:
            return self._name(call.func, _key(call), called=True)
        node = self._read.get(offset)
        if node is None:
            return None
        key = _key(node) if isinstance(node, ast.Attribute) else f"{_key(node)}|identifier|{node.id}"
        return self._name(node, key, called=False)

    def _note_call(self, call: ast.Call) -> None:
        if not self._is_inside(call):
            return
        start = self._start(call.func)
        if start is not None:
            self._calls[self._lines.offset(call.lineno, call.col_offset), self._end(call)] = call
            self._called[start] = call

    def _name(self, node: ast.expr, key: str, *, called: bool) -> Name | None:
        start = self._start(node)
        if start is None or not isinstance(node, ast.Name | ast.Attribute):
            return None
        receiver = _key(node.value) if isinstance(node, ast.Attribute) else ""
        return Name(start, spine(node), key, receiver, called)

    def _start(self, node: ast.expr) -> int | None:
        """Return where the name of an expression begins, None where it has none that stands there."""
        if not isinstance(node, ast.Name | ast.Attribute) or not self._is_inside(node):
            return None
        name = node.id if isinstance(node, ast.Name) else node.attr
        start = self._end(node) - len(name)
        # Before 3.12 the parser misplaces what stands in f-strings; and identifiers are normalised by it.
        return start if self._text.startswith(name, start) else None

    def _is_inside(self, node: ast.expr) -> bool:
        """Tell whether a node ends in the text, by what the parser says of those in f-strings."""
        return node.end_lineno is not None and node.end_lineno <= len(self._lines)

    def _end(self, node: ast.expr) -> int:
        return self._lines.offset(node.end_lineno or 0, node.end_col_offset or 0)


def _key(node: ast.expr) -> str:
    """Return the place of an expression as the checker writes it: columns count UTF-8 bytes, as those of `ast`."""
    end = (node.end_col_offset or 0) + 1
    return f"{node.lineno}:{node.col_offset + 1}-{node.end_lineno}:{end}"
