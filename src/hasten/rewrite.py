"""Carry out edits: text edits first, then each codemod's LibCST transformer on the islands around node edits.

An island is the smallest whole statement around an edit. LibCST parses islands and nothing else, because it is lossless
but slow; everything outside them is copied, character by character.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeVar

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from hasten.errors import SourceError
from hasten.model import Edit, NodeEdit, Span, TextEdit
from hasten.text import LineTable, newline_of

NodeT = TypeVar("NodeT", bound=cst.CSTNode)

#: An indented compound statement is parsed as the body of this; its own indentation stays as it is.
_SHELL = "if 1:"


class Transformer(cst.CSTTransformer):
    """Base of the codemods' transformers: an ordinary LibCST transformer that asks for its orders.

    A subclass overrides `leave_<Node>`, calls `order(original_node)`, and returns `updated_node` untouched where the
    answer is None. It must not look for places to change by itself.
    """

    def __init__(self, orders: Mapping[cst.CSTNode, NodeEdit]) -> None:
        """Take the edits of one island, by the node each is meant for."""
        super().__init__()
        self._orders = orders
        self.done: set[NodeEdit] = set()

    def order(self, original_node: cst.CSTNode) -> NodeEdit | None:
        """Return what to do at `original_node`, and note that it is being done."""
        edit = self._orders.get(original_node)
        if edit is not None:
            self.done.add(edit)
        return edit


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the old text and what stands in its place."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A rewritten text with the stretches that changed, for the checks.

    Attributes:
        text: the new text.
        middle: the text after the text edits, before the node edits.
        replaced: the stretches of the old text that text edits replaced.
        islands: the stretches of `middle` that the transformers replaced.
    """

    text: str
    middle: str
    replaced: tuple[Piece, ...]
    islands: tuple[Piece, ...]


def rewrite(text: str, edits: Sequence[Edit], transformers: Mapping[str, type[Transformer]]) -> Rewritten:
    """Return the text with all `edits` made.

    Raises:
        SourceError: an edit could not be made; nothing of the result may be used.
    """
    text_edits = sorted((each for each in edits if isinstance(each, TextEdit)), key=lambda each: each.span)
    node_edits = [each for each in edits if isinstance(each, NodeEdit)]
    first = tuple(Piece(each.span, each.text) for each in text_edits)
    middle = _splice(text, first)
    if not node_edits:
        return Rewritten(middle, middle, first, ())
    placed = [(each, _shift(each.span, first)) for each in node_edits]
    second = tuple(
        Piece(span, _transform(middle, span, inside, transformers, wrapped=wrapped))
        for span, wrapped, inside in _islands(middle, placed)
    )
    return Rewritten(_splice(middle, second), middle, first, second)


def _splice(text: str, pieces: Iterable[Piece]) -> str:
    parts: list[str] = []
    at = 0
    for piece in sorted(pieces, key=lambda each: each.span):
        if piece.span.start < at:
            raise SourceError("internal", f"two edits overlap at offset {piece.span.start}; please report this")
        parts += [text[at : piece.span.start], piece.text]
        at = piece.span.end
    parts.append(text[at:])
    return "".join(parts)


def _shift(span: Span, pieces: Sequence[Piece]) -> Span:
    """Return where `span` is once `pieces` are in place."""
    start, end = span.start, span.end
    for piece in pieces:
        growth = len(piece.text) - (piece.span.end - piece.span.start)
        if piece.span.end <= span.start:
            start += growth
        if piece.span.start < span.end:
            end += growth
    return Span(start, end)


def _islands(text: str, placed: list[tuple[NodeEdit, Span]]) -> list[tuple[Span, bool, list[tuple[NodeEdit, Span]]]]:
    """Return the smallest statements around the edits, each with whether it is an indented compound one."""
    tree, lines = _read(text)
    found: dict[Span, tuple[bool, list[tuple[NodeEdit, Span]]]] = {}
    for edit, span in placed:
        island, compound = _statement_around(tree, text, lines, span)
        found.setdefault(island, (compound, []))[1].append((edit, span))
    merged: list[tuple[Span, bool, list[tuple[NodeEdit, Span]]]] = []
    for island in sorted(found, key=lambda each: (each.start, -each.end)):
        compound, inside = found[island]
        if merged and island.end <= merged[-1][0].end:
            merged[-1][2].extend(inside)
        else:
            merged.append((island, compound, list(inside)))
    return merged


@lru_cache(maxsize=1)
def _read(text: str) -> tuple[ast.Module, LineTable]:
    """Return what the parser makes of a text; where each change of a file is made by itself, it is the same again."""
    return ast.parse(text), LineTable(text)


def _statement_around(tree: ast.Module, text: str, lines: LineTable, span: Span) -> tuple[Span, bool]:
    best: tuple[Span, bool] | None = None
    block: list[ast.AST] = list(tree.body)
    while block:
        inner: list[ast.AST] = []
        for node in block:
            start, end = _extent(node, text, lines)
            if not (start <= span.start and span.end <= end):
                continue
            # An `elif` is an `if` statement to the parser, but cannot stand alone.
            if isinstance(node, ast.stmt) and not text.startswith("elif", start):
                best = Span(start, end), hasattr(node, "body") and lines.position(start).column > 1
            for name in ("body", "orelse", "finalbody", "handlers", "cases"):
                inner += [
                    each
                    for each in getattr(node, name, ())
                    if isinstance(each, (ast.stmt, ast.ExceptHandler, ast.match_case))
                ]
            break
        block = inner
    if best is None:
        raise SourceError("internal", f"no statement around offset {span.start}; please report this")
    return best


def _extent(node: ast.AST, text: str, lines: LineTable) -> tuple[int, int]:
    if isinstance(node, ast.match_case):
        start = _extent(node.pattern, text, lines)[0]
        return start, _extent(node.body[-1], text, lines)[1]
    place: Any = node  # a statement or a handler: both have a place
    decorators = getattr(node, "decorator_list", None)
    first = decorators[0] if decorators else place
    start = lines.offset(first.lineno, first.col_offset)
    if decorators:
        start = text.rindex("@", 0, start)
    return start, lines.offset(place.end_lineno, place.end_col_offset)


def _transform(
    text: str,
    span: Span,
    inside: list[tuple[NodeEdit, Span]],
    transformers: Mapping[str, type[Transformer]],
    *,
    wrapped: bool,
) -> str:
    before = text[span.start : span.end]
    start = span.start
    shell = ""
    if wrapped:
        start = max(text.rfind("\n", 0, span.start), text.rfind("\r", 0, span.start)) + 1
        shell = _SHELL + (_newline_in(before) or newline_of(text))
        before = text[start : span.end]
    island = shell + before
    try:
        module = cst.parse_module(island)
    except (cst.ParserSyntaxError, RecursionError) as error:
        raise SourceError(
            "syntax", f"LibCST cannot parse the statement at offset {span.start}: {_first_line(error)}"
        ) from error
    if not _newline_in(island):
        # What is put in gets the line ends of the file, of which a statement of one line shows none.
        module = module.with_changes(default_newline=newline_of(text))
    if module.code != island:
        raise SourceError("internal", f"LibCST does not give back the statement at offset {span.start} as it was")
    wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
    positions = wrapper.resolve(PositionProvider)
    lines = LineTable(island)
    wanted: dict[tuple[int, ...], list[NodeEdit]] = {}
    for edit, place in inside:
        head = lines.position(place.start - start + len(shell))
        tail = lines.position(place.end - start + len(shell))
        begin = head.line, head.column - 1
        for key in (begin, (*begin, tail.line, tail.column - 1)):
            wanted.setdefault(key, []).append(edit)
    by_codemod: dict[str, dict[cst.CSTNode, NodeEdit]] = {}
    parts: dict[NodeEdit, set[Span]] = {}
    for node, where in positions.items():
        if not isinstance(node, (cst.BaseExpression, cst.BaseStatement, cst.BaseSmallStatement)):
            continue
        key = where.start.line, where.start.column
        # Where the last line of a block ends in `;`, that is part of it to Python's parser and not to LibCST. The
        # beginning is enough: nothing else begins with the same keyword.
        if not isinstance(node, cst.BaseCompoundStatement):
            key = (*key, where.end.line, where.end.column)
        for edit in wanted.get(key, ()):
            orders = by_codemod.setdefault(edit.codemod, {})
            known = orders.get(node)
            orders[node] = joined = _joined(known, edit)
            parts[joined] = parts.get(joined, set()) | {edit.span} | (parts[known] if known is not None else set())
    workers = [transformers[name](orders) for name, orders in sorted(by_codemod.items())]
    result = module.visit(_Chorus(workers))
    done = {span for worker in workers for edit in worker.done for span in parts[edit]}
    missing = sorted({edit.span for edit, _ in inside} - done)
    if missing:
        raise SourceError("internal", f"an edit at offset {missing[0].start} was not carried out; please report this")
    code = result.code
    if not code.startswith(shell):
        raise SourceError("internal", f"the statement at offset {span.start} lost its indentation; please report this")
    return code[len(shell) + span.start - start :] if wrapped else code


def _newline_in(text: str) -> str:
    """Return the line end of some lines, an empty string where there is but one."""
    return next((each for each in ("\r\n", "\n", "\r") if each in text), "")


def _joined(known: NodeEdit | None, edit: NodeEdit) -> NodeEdit:
    """Return one edit for two that do the same at one node, each to a part of it; else the second."""
    if known is None or known.action != edit.action or known.data == edit.data:
        return edit
    return replace(edit, data=(*known.data, *edit.data))


class _Chorus(cst.CSTTransformer):
    """Let several transformers work in one walk: each sees the original node and what the ones before made of it."""

    def __init__(self, members: Sequence[Transformer]) -> None:
        super().__init__()
        self._members = members

    def on_visit(self, node: cst.CSTNode) -> bool:
        for member in self._members:
            member.on_visit(node)
        return True

    def on_leave(
        self, original_node: NodeT, updated_node: NodeT
    ) -> NodeT | cst.RemovalSentinel | cst.FlattenSentinel[NodeT]:
        result: NodeT | cst.RemovalSentinel | cst.FlattenSentinel[NodeT] = updated_node
        for member in self._members:
            if isinstance(result, cst.CSTNode):
                result = member.on_leave(original_node, result)
        return result


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
