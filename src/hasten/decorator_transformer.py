"""Put decorators on functions, as `hasten.decorating` orders it; codemods derive their transformers from this."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from hasten.decorating import ACTION
from hasten.errors import SourceError
from hasten.rewrite import Transformer

if TYPE_CHECKING:
    from hasten.model import NodeEdit

#: By how much the lines of a decorator are indented in an order.
_UNIT = "    "


@dataclass(frozen=True)
class Added(cst.Decorator):
    """A decorator that was not there before.

    It tells others that add one to the same function where it belongs: they are other transformers, of the same walk.

    Attributes:
        above: how many of the old decorators stay above it.
        rank: of those at one place, the lower ones stand above.
    """

    above: int = 0
    rank: int = 0


class DecoratorTransformer(Transformer):
    """Puts decorators on functions. A subclass that overrides `leave_FunctionDef` calls this one's."""

    def __init__(self, orders: Mapping[cst.CSTNode, NodeEdit]) -> None:
        """Take the edits of one island, by the node each is meant for."""
        super().__init__(orders)
        self._unit = _UNIT

    def visit_Module(self, node: cst.Module) -> None:  # noqa: N802 - LibCST's name
        """Note how the statement is indented."""
        self._unit = node.default_indent

    def leave_FunctionDef(  # noqa: N802
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef | cst.FlattenSentinel[cst.BaseStatement]:
        """`def f():` -> `@decorator` above `def f():`."""
        edit = self.order(original_node)
        if edit is None or edit.action != ACTION:
            return updated_node
        # In a class of a class the statement begins deep, which says nothing of one step; the function's body does.
        body = original_node.body
        own = body.indent if isinstance(body, cst.IndentedBlock) else None
        for added in _read(edit, own or self._unit):
            updated_node = updated_node.with_changes(decorators=_with(updated_node.decorators, added))
        return updated_node


def _read(edit: NodeEdit, unit: str) -> list[Added]:
    """Return the decorators of an order: two of one codemod for the same function are one order with all their data."""
    values: dict[str, list[str]] = {}
    for name, value in edit.data:
        values.setdefault(name, []).append(value)
    return [
        Added(_expression(text, unit), above=int(above), rank=int(rank))
        for text, above, rank in zip(values["decorator"], values["above"], values["rank"], strict=True)
    ]


def _expression(text: str, unit: str) -> cst.BaseExpression:
    """Return a decorator's expression, indented by `unit` in place of four spaces.

    Raises:
        SourceError: it is no expression.
    """
    lines = [_indented(each, unit) for each in text.split("\n")]
    try:
        return cst.parse_expression("\n".join(lines))
    except cst.ParserSyntaxError as error:
        raise SourceError("internal", f"`{text}` cannot be a decorator; please report this") from error


def _indented(line: str, unit: str) -> str:
    bare = line.lstrip(" ")
    depth, rest = divmod(len(line) - len(bare), len(_UNIT))
    return unit * depth + " " * rest + bare


def _with(decorators: Sequence[cst.Decorator], added: Added) -> list[cst.Decorator]:
    """Return the decorators of a function, some of which may have been added before, with one more at its place."""
    seen = 0
    for place, each in enumerate(decorators):
        if isinstance(each, Added):
            behind = (each.above, each.rank) > (added.above, added.rank)
        else:
            behind = seen >= added.above
            seen += 1
        if behind:
            return [*decorators[:place], added, *decorators[place:]]
    return [*decorators, added]
