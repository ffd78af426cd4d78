"""Carry out the edits of `cache-pure-loaders`: decorators, which the engine adds, and methods in two other forms."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from hasten.api import DecoratorTransformer
from hasten_codemods.cache_pure_loaders.methods import ACTION


class CachePureLoadersTransformer(DecoratorTransformer):
    """Add the decorators that it was told to; take `self` away, or let a property keep what a method gives."""

    def leave_FunctionDef(  # noqa: N802 - LibCST's name
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef | cst.FlattenSentinel[cst.BaseStatement]:
        """`def load(self, name):` -> `def load(name):`, or -> `def load(self): return self._cached_load`."""
        edit = self.order(original_node)
        if edit is not None and edit.action == ACTION:
            return _split(updated_node, str(edit.get("property")))
        decorated = super().leave_FunctionDef(original_node, updated_node)
        if edit is None or edit.get("static") != "yes" or not isinstance(decorated, cst.FunctionDef):
            return decorated
        parameters = decorated.params
        return decorated.with_changes(params=parameters.with_changes(params=parameters.params[1:]))


def _split(method: cst.FunctionDef, name: str) -> cst.FlattenSentinel[cst.BaseStatement]:
    """Return the method, which only reads a property, and the property, which has the method's body."""
    itself = [*method.params.posonly_params, *method.params.params][0].name
    value = cst.Attribute(value=itself, attr=cst.Name(name))
    answer = cst.SimpleStatementLine([cst.Return(value)])
    body = method.body
    if isinstance(body, cst.IndentedBlock):
        told, rest = body.body[:1], body.body[1:]
        if not (method.get_docstring() is not None and rest):
            told, rest = (), body.body
        asked: cst.BaseSuite = body.with_changes(body=[*told, answer], footer=())
        kept: cst.BaseSuite = body.with_changes(header=cst.TrailingWhitespace(), body=_without_blank_lines(rest))
    else:
        asked, kept = cst.SimpleStatementSuite([cst.Return(value)]), body
    decorator = cst.Decorator(cst.parse_expression("functools.cached_property"))
    keeping = method.with_changes(
        name=cst.Name(name), decorators=[decorator], body=kept, leading_lines=[cst.EmptyLine(indent=False)]
    )
    return cst.FlattenSentinel([method.with_changes(body=asked), keeping])


def _without_blank_lines(statements: Sequence[cst.BaseStatement]) -> list[cst.BaseStatement]:
    """Return statements of which the first has no blank lines above it."""
    first, others = statements[0], statements[1:]
    lines = list(getattr(first, "leading_lines", ()))
    while lines and lines[0].comment is None:
        lines.pop(0)
    return [first.with_changes(leading_lines=lines), *others]
