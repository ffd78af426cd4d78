"""Carry out the edits of `cache-pure-loaders`: decorators, which the engine adds, and methods without an object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hasten.api import DecoratorTransformer

if TYPE_CHECKING:
    import libcst as cst


class CachePureLoadersTransformer(DecoratorTransformer):
    """Add the decorators that it was told to."""

    def leave_FunctionDef(  # noqa: N802 - LibCST's name
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        """`def load(self, name):` -> `def load(name):`, where it was told so."""
        edit = self.order(original_node)
        updated_node = super().leave_FunctionDef(original_node, updated_node)
        if edit is None or edit.get("static") != "yes":
            return updated_node
        parameters = updated_node.params
        return updated_node.with_changes(params=parameters.with_changes(params=parameters.params[1:]))
