"""Where statements close a connection, so that its block ends there."""

from __future__ import annotations

import libcst as cst

from hasten_codemods.sqlite3_to_aiosqlite import layout
from hasten_codemods.sqlite3_to_aiosqlite.layout import Statement


class Ends:
    """What was noted of rewritten nodes, by their identity; each is kept with the name of its connection.

    Attributes:
        closes: lines that close a connection.
        blocks: the last statements of `with closing(connection):` whose header goes away.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.closes: dict[int, tuple[cst.CSTNode, str]] = {}
        self.blocks: dict[int, tuple[cst.CSTNode, str]] = {}

    def without_close(self, body: list[Statement], name: str) -> tuple[list[Statement], list[cst.EmptyLine]]:
        """Return statements without the `close` that is the last thing they do, and comments that stand below them.

        Leaving the block closes.
        """
        if not body:
            return body, []
        last = body[-1]
        if self.closed_by(last) == name and not layout.has_comments(last):
            return body[:-1], []
        if (
            isinstance(last, cst.If)
            and last.orelse is None
            and layout.asks_for(last.test, name)
            and not layout.has_comments(last)
        ):
            inner = [last.body] if isinstance(last.body, cst.SimpleStatementSuite) else list(last.body.body)
            if len(inner) == 1 and self.closed_by(inner[0]) == name:
                return body[:-1], []
        if not isinstance(last, cst.Try) or last.finalbody is None:
            return body, []
        final = last.finalbody
        if isinstance(final.body, cst.SimpleStatementSuite):
            if self.closed_by(final.body) != name:
                return body, []
            rest: list[Statement] = []
        else:
            inside: list[Statement] = list(final.body.body)  # type: ignore[arg-type]
            rest, below = self.without_close(inside, name)
            if len(rest) == len(inside) or below:
                return body, []
        if rest:
            shorter = final.with_changes(body=final.body.with_changes(body=rest))
            return [*body[:-1], last.with_changes(finalbody=shorter)], []
        if layout.has_comments(final):
            return body, []
        if last.handlers:
            return [*body[:-1], last.with_changes(finalbody=None)], []
        flat, below = layout.flat(last)
        return [*body[:-1], *flat], below

    def closes_in(self, node: cst.CSTNode, name: str) -> bool:
        """Tell whether a statement closes a connection at its end, whatever happens in it."""
        match node:
            case cst.If(test=test, body=body, orelse=None):
                return layout.asks_for(test, name) and self.closes_in(body, name)
            case cst.Try(finalbody=cst.Finally(body=body)):
                return self.closes_in(body, name)
            case cst.With(body=body):
                return self.closes_in(body, name)
            case cst.IndentedBlock(body=body):
                return any(self.closes_in(each, name) for each in body)
            case _:
                return self.closed_by(node) == name

    def ended_by(self, node: cst.CSTNode) -> str:
        """Return the connection that was closed at the end of the block of which a statement was the last."""
        return self.blocks.get(id(node), (node, ""))[1]

    def closed_by(self, node: cst.CSTNode) -> str:
        """Return the connection that a statement closes, an empty string for none."""
        return self.closes.get(id(node), (node, ""))[1]
