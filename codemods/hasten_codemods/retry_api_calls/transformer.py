"""Carry out the edits of `retry-api-calls`; every decision was taken before."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from hasten.api import DecoratorTransformer


class RetryApiCallsTransformer(DecoratorTransformer):
    """Put the decorators on the functions, and take away the loops that did the same."""

    def leave_For(  # noqa: N802 - LibCST's name
        self, original_node: cst.For, updated_node: cst.For
    ) -> cst.For | cst.FlattenSentinel[cst.BaseStatement]:
        """`for attempt in range(3): try: return ask() ...` -> `return ask()`."""
        return updated_node if self.order(original_node) is None else _attempt(updated_node)

    def leave_While(  # noqa: N802
        self, original_node: cst.While, updated_node: cst.While
    ) -> cst.While | cst.FlattenSentinel[cst.BaseStatement]:
        """`while True: try: return ask() ...` -> `return ask()`."""
        return updated_node if self.order(original_node) is None else _attempt(updated_node)

    def leave_SimpleStatementLine(  # noqa: N802
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine | cst.RemovalSentinel:
        """`delay = 1` -> nothing."""
        edit = self.order(original_node)
        return cst.RemoveFromParent() if edit is not None and edit.action == "remove" else updated_node


def _attempt(loop: cst.For | cst.While) -> cst.FlattenSentinel[cst.BaseStatement]:
    """Return what a loop tries, with the comments above it, and above those all that stood in what goes."""
    attempt = cst.ensure_type(cst.ensure_type(loop.body, cst.IndentedBlock).body[0], cst.Try)
    inside: Sequence[cst.BaseStatement] = (
        attempt.body.body
        if isinstance(attempt.body, cst.IndentedBlock)
        else [cst.SimpleStatementLine(cst.ensure_type(attempt.body, cst.SimpleStatementSuite).body)]
    )
    staying = {id(each) for one in inside for each in _comments(one)}
    above = [cst.EmptyLine(comment=each) for each in _comments(loop.body) if id(each) not in staying]
    first, *rest = inside
    own = [each for each in first.leading_lines if each.comment is not None]  # type: ignore[attr-defined]
    return cst.FlattenSentinel([first.with_changes(leading_lines=[*loop.leading_lines, *above, *own]), *rest])


def _comments(node: cst.CSTNode) -> list[cst.Comment]:
    """Return the comments in a node, in their order."""
    found = _Comments()
    node.visit(found)
    return found.nodes


class _Comments(cst.CSTVisitor):
    def __init__(self) -> None:
        super().__init__()
        self.nodes: list[cst.Comment] = []

    def visit_Comment(self, node: cst.Comment) -> None:  # noqa: N802 - LibCST's name
        self.nodes.append(node)
