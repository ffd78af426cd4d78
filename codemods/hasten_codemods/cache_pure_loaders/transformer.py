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
    asked: cst.BaseSuite
    kept: cst.BaseSuite
    if isinstance(body, cst.IndentedBlock):
        told, rest = _docstring_apart(method, list(body.body))
        asked = body.with_changes(body=[*told, answer], footer=())
        kept = body.with_changes(header=cst.TrailingWhitespace(), body=_without_blank_lines(rest))
    else:
        suite = cst.ensure_type(body, cst.SimpleStatementSuite)
        first, others = _small_apart(method, suite.body)
        asked, kept = suite.with_changes(body=[*first, cst.Return(value)]), suite.with_changes(body=others)
    decorator = cst.Decorator(cst.parse_expression("functools.cached_property"))
    keeping = method.with_changes(
        name=cst.Name(name), decorators=[decorator], body=kept, leading_lines=[cst.EmptyLine(indent=False)]
    )
    return cst.FlattenSentinel([method.with_changes(body=asked), keeping])


def _docstring_apart(
    method: cst.FunctionDef, statements: list[cst.BaseStatement]
) -> tuple[list[cst.BaseStatement], list[cst.BaseStatement]]:
    """Return the line with the docstring, if there is one, and all other statements."""
    first = statements[0]
    if not isinstance(first, cst.SimpleStatementLine):
        return [], statements
    told, rest = _small_apart(method, first.body)
    if not told:
        return [], statements
    if not rest:
        return ([first], statements[1:]) if len(statements) > 1 else ([], statements)
    behind = cst.SimpleStatementLine(rest, trailing_whitespace=first.trailing_whitespace)
    return [first.with_changes(body=told, trailing_whitespace=cst.TrailingWhitespace())], [behind, *statements[1:]]


def _small_apart(
    method: cst.FunctionDef, statements: Sequence[cst.BaseSmallStatement]
) -> tuple[list[cst.BaseSmallStatement], list[cst.BaseSmallStatement]]:
    """Return the docstring, if there is one, and the statements behind it on its line."""
    first, *others = statements
    if method.get_docstring() is None:
        return [], [first, *others]
    return [first.with_changes(semicolon=cst.MaybeSentinel.DEFAULT)], others


def _without_blank_lines(statements: Sequence[cst.BaseStatement]) -> list[cst.BaseStatement]:
    """Return statements of which the first has no blank lines above it."""
    first, others = statements[0], statements[1:]
    lines = list(getattr(first, "leading_lines", ()))
    while lines and lines[0].comment is None:
        lines.pop(0)
    return [first.with_changes(leading_lines=lines), *others]
