"""Carry out the edits of `sqlite3-to-aiosqlite`; every decision was taken before.

What is left to this module is layout: which of several forms that all mean the same reads best where the code stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import libcst as cst

from hasten.api import AsyncTransformer, NodeEdit
from hasten_codemods.sqlite3_to_aiosqlite import expressions, layout
from hasten_codemods.sqlite3_to_aiosqlite.ends import Ends
from hasten_codemods.sqlite3_to_aiosqlite.layout import Statement

#: What a `return` on its way out of the block of a connection passes without anything being done there.
_BLOCKS = (cst.If, cst.Else, cst.For, cst.While, cst.IndentedBlock)

#: What stands around the places of actions that are carried out there.
_AROUND: dict[str, tuple[type[cst.CSTNode], ...]] = {
    "open": (cst.WithItem, cst.Arg, cst.Assign, cst.AnnAssign),
    "enter": (cst.Arg,),
    "iterate": (cst.For,),
    "async-for": (cst.For,),
    "async-for-awaited": (cst.For,),
    "transaction": (cst.WithItem,),
    "close-at-end": (cst.WithItem,),
    "unwrap": (cst.WithItem,),
    "unclose": (cst.Arg,),
    "drop": (cst.Attribute,),
    "closed": (cst.Expr,),
    "unset": (cst.AssignTarget, cst.AnnAssign),
    "unannotated": (cst.AnnAssign,),
    "typed": (cst.Attribute,),
    "unasked": (cst.If, cst.Comparison),
}


@dataclass(frozen=True, slots=True)
class _Opened:
    """A line that opens a connection by an assignment."""

    line: cst.SimpleStatementLine
    number: int
    call: cst.BaseExpression
    edit: NodeEdit

    @property
    def name(self) -> str:
        return self.edit.get("name")

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self.edit.get("variables").split(","))


class Sqlite3ToAiosqliteTransformer(AsyncTransformer):
    """Await, enter and iterate what it was told to."""

    def __init__(self, orders: Mapping[cst.CSTNode, NodeEdit]) -> None:
        """Take the edits of one island, by the node each is meant for."""
        super().__init__(orders)
        # By identity of the rewritten node, which is kept with it: lines that open a connection, or go.
        self._opened: dict[int, _Opened] = {}
        self.ends = Ends()
        self._gone: dict[int, cst.CSTNode] = {}
        # Each `if` that leaves where a connection is there, so that what follows it opens one.
        self._looks: dict[int, tuple[cst.If, NodeEdit]] = {}
        # The same of `with` statements that open a connection, and of blocks of which nothing is left.
        self._entering: dict[int, tuple[cst.CSTNode, str]] = {}
        self._hollow: dict[int, cst.CSTNode] = {}
        # Connections that are opened by assignments, and have no block yet.
        self._bare: set[NodeEdit] = set()

    def _action(self, node: cst.CSTNode) -> str:
        edit = self._orders.get(node)
        return edit.action if edit is not None else ""

    # --- expressions ----------------------------------------------------------------------------------------------

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:  # noqa: N802 - LibCST's name
        """Rewrite one call."""
        edit = self._orders.get(original_node)
        if edit is not None and edit.get("rows"):
            updated_node = expressions.rows_made(updated_node, edit.get("rows"))
        return super().leave_Call(original_node, updated_node)

    def rewrite_call(self, edit: NodeEdit, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        """Carry out the actions that only this codemod has."""
        around = _AROUND.get(edit.action)
        if around and not isinstance(self._around[-1], around):
            raise RuntimeError(f"a call does not stand where {edit.action!r} is to be carried out")
        match edit.action:
            case "open":
                if not isinstance(self._around[-1], (cst.WithItem, cst.Arg)):
                    self._bare.add(edit)
                return expressions.connect(updated_node, edit)
            case "open-kept":
                return self.awaited(original_node, expressions.connect(updated_node, edit, "_connections.connect"))
            case "close-at-end":
                return updated_node.with_changes(func=cst.parse_expression("_connections.closing"))
            case "close" | "async-for-awaited":
                return self.awaited(original_node, updated_node)
            case "iterate":
                return self.awaited(original_node, updated_node) if edit.get("await") == "yes" else updated_node
            case "enter" | "async-for" | "closed":
                return updated_node
            case "fetchall":
                return self.awaited(original_node, expressions.method(cst.Await(updated_node), "fetchall"))
            case "rows-of":
                return self.awaited(original_node, expressions.taken(updated_node, "fetchall"))
            case "first-of":
                return self.awaited(original_node, expressions.taken(updated_node, "fetchone"))
            case "dump":
                return expressions.lines(updated_node)
            case _:
                return super().rewrite_call(edit, original_node, updated_node)

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:  # noqa: N802
        """`cursor` -> `await cursor.fetchall()`; the other actions are carried out at what stands around the name."""
        return self._named(original_node, updated_node, original_node.value)

    def leave_Attribute(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.BaseExpression:  # noqa: N802
        """`self.cursor` -> `await self.cursor.fetchall()`; `sqlite3.Cursor` -> `aiosqlite.Cursor` in an annotation."""
        return self._named(original_node, updated_node, original_node.attr.value)

    def _named(
        self, original: cst.Name | cst.Attribute, updated: cst.Name | cst.Attribute, name: str
    ) -> cst.BaseExpression:
        edit = self._orders.get(original)
        if edit is None or not edit.get("variable"):
            return updated  # it is none of this codemod's
        self.order(original)
        around = _AROUND.get(edit.action)
        if name != edit.get("variable") or (around and not isinstance(self._around[-1], around)):
            raise RuntimeError(f"`{name}` does not stand where {edit.action!r} is to be carried out")
        if edit.action == "annotation":
            return _class(edit)
        if edit.action != "fetchall":
            return updated
        return cst.Await(
            expressions.method(updated.with_changes(lpar=[], rpar=[]), "fetchall"), updated.lpar, updated.rpar
        )

    # --- statements -----------------------------------------------------------------------------------------------

    def leave_FunctionDef(self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef) -> cst.FunctionDef:  # noqa: N802
        """`def f():` -> `async def f():`; one that is asynchronous already is only looked into."""
        if self._bare and not any(isinstance(each, cst.FunctionDef) for each in self._around):
            raise RuntimeError(f"`{min(self._bare, key=str).get('name')}` got no block of its own")
        if self._action(original_node) == "function":
            self.order(original_node)
            return updated_node
        return super().leave_FunctionDef(original_node, updated_node)

    def leave_For(self, original_node: cst.For, updated_node: cst.For) -> cst.BaseStatement:  # noqa: N802
        """`for row in c.execute(...):` -> `async with c.execute(...) as cursor:` and `async for row in cursor:`."""
        edit = self.order(original_node) or self._orders.get(original_node.iter)
        if edit is None or edit.action not in {"iterate", "async-for", "async-for-awaited"}:
            return updated_node
        loop = updated_node.with_changes(asynchronous=cst.Asynchronous())
        if edit.action != "iterate":
            return loop
        item = cst.WithItem(loop.iter, cst.AsName(cst.Name(edit.get("name"))))
        inner = loop.with_changes(iter=cst.Name(edit.get("name")), leading_lines=[])
        return cst.With(
            [item],
            cst.IndentedBlock([inner], indent=layout.indentation(loop.body)),
            asynchronous=cst.Asynchronous(),
            leading_lines=updated_node.leading_lines,
        )

    def leave_With(  # noqa: N802
        self, original_node: cst.With, updated_node: cst.With
    ) -> cst.BaseStatement | cst.FlattenSentinel[cst.BaseStatement]:
        """`with closing(sqlite3.connect(p)) as c:` -> `async with aiosqlite.connect(p) as c:`, and its like."""
        groups: list[tuple[bool, list[cst.WithItem]]] = []
        entered = [self._entered(*each) for each in zip(original_node.items, updated_node.items, strict=True)]
        if self._action(original_node) == "enter-transaction":
            number = int(self._orders[original_node].get("item"))
            item = updated_node.items[number]
            entered[number] = [item.with_changes(item=expressions.transaction(item.item))]
            self.order(original_node)
        if all(new is None for new in entered):
            return updated_node
        others = self.tear(original_node)
        for new, item, other in zip(entered, updated_node.items, others, strict=True):
            if new == []:
                continue
            asynchronous = new is not None or updated_node.asynchronous is not None or other
            if not groups or groups[-1][0] != asynchronous:
                groups.append((asynchronous, []))
            groups[-1][1].extend(new if new is not None else [item])
        if not groups:
            flat = layout.unwrapped(updated_node)
            self._note_end(original_node, flat[-1])
            return cst.FlattenSentinel(flat)
        result = layout.nested(updated_node, groups)
        self._note_end(original_node, result)
        for each in original_node.items:
            for node in [each.item, *(arg.value for arg in getattr(each.item, "args", ()))]:
                if self._action(node) == "open":
                    self._entering[id(result)] = result, self._orders[node].get("name")
        return result

    def _note_end(self, original: cst.With, last: cst.CSTNode) -> None:
        """Note the connection that is closed at the end of `with closing(connection):`, which goes away."""
        for each in original.items:
            for argument in each.item.args if isinstance(each.item, cst.Call) else ():
                if self._action(argument.value) == "unclose":
                    self.ends.blocks[id(last)] = last, cst.ensure_type(argument.value, cst.Name).value

    def _entered(self, original: cst.WithItem, item: cst.WithItem) -> list[cst.WithItem] | None:
        """Return the asynchronous items in the place of one, None where it stays as it is."""
        match self._action(original.item):
            case "open":
                edit = self._orders[original.item]
                if edit.get("transaction") != "yes":
                    return [item]
                opened = item.with_changes(comma=cst.MaybeSentinel.DEFAULT)
                begun = expressions.transaction(cst.Name(edit.get("name")))
                return [opened, cst.WithItem(begun, comma=item.comma)]
            case "transaction":
                return [item.with_changes(item=expressions.transaction(item.item))]
            case "close-at-end":
                return [item]
            case "unwrap":
                return []
            case _:
                pass
        # closing(sqlite3.connect(p)), closing(c.cursor())
        if isinstance(original.item, cst.Call) and original.item.args:
            inner = original.item.args[0].value
            action = self._action(inner)
            if action == "unclose":
                return []
            if action == "enter" or (action == "open" and self._orders[inner].get("form") == "closing"):
                return [item.with_changes(item=cst.ensure_type(item.item, cst.Call).args[0].value)]
        return None

    # --- blocks ---------------------------------------------------------------------------------------------------

    def leave_AnnAssign(  # noqa: N802
        self, original_node: cst.AnnAssign, updated_node: cst.AnnAssign
    ) -> cst.AnnAssign | cst.Assign:
        """`db: sqlite3.Connection | None = None` -> `db = None`."""
        if self._action(original_node.target) != "unannotated" or updated_node.value is None:
            return updated_node
        return cst.Assign([cst.AssignTarget(updated_node.target)], updated_node.value, updated_node.semicolon)

    def leave_Assign(  # noqa: N802
        self, original_node: cst.Assign, updated_node: cst.Assign
    ) -> cst.Assign | cst.AnnAssign:
        """`self.db = ...` -> `self.db: aiosqlite.Connection = ...`."""
        match original_node.targets:
            case [cst.AssignTarget(target=cst.Attribute(value=itself))] if self._action(itself) == "typed":
                annotation = cst.Annotation(_class(self._orders[itself]))
                target = updated_node.targets[0].target
                return cst.AnnAssign(target, annotation, updated_node.value, semicolon=updated_node.semicolon)
            case _:
                return updated_node

    def leave_SimpleStatementLine(  # noqa: N802
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine:
        """Note lines that the block around them deals with."""
        opened = self._opening(original_node, updated_node)
        if opened is not None:
            self._opened[id(updated_node)] = opened
        gone = [self._is_dropped(small) for small in original_node.body]
        if len(original_node.body) == 1:
            small = original_node.body[0]
            if isinstance(small, cst.Expr) and self._action(small.value) == "close":
                self.ends.closes[id(updated_node)] = updated_node, self._orders[small.value].get("of")
        if all(gone):
            self._gone[id(updated_node)] = updated_node
        elif any(gone):
            kept = [new for new, dropped in zip(updated_node.body, gone, strict=True) if not dropped]
            kept[-1] = kept[-1].with_changes(semicolon=cst.MaybeSentinel.DEFAULT)
            return updated_node.with_changes(body=kept)
        return updated_node

    def _opening(
        self, original: cst.SimpleStatementLine | cst.SimpleStatementSuite, line: cst.SimpleStatementLine
    ) -> _Opened | None:
        """Return the last assignment in a line that opens a connection; the others are found when that is done."""
        for number in range(len(original.body) - 1, -1, -1):
            small = original.body[number]
            value = small.value if isinstance(small, (cst.Assign, cst.AnnAssign)) else None
            edit = self._orders.get(value) if value is not None else None
            if edit is not None and edit.action == "open":
                new = cst.ensure_type(line.body[number], type(small))
                return _Opened(line, number, new.value, edit)  # type: ignore[attr-defined]
        return None

    def _is_dropped(self, small: cst.BaseSmallStatement) -> bool:
        """Tell whether a statement sets what `connect` is given now, or ends what has ended."""
        match small:
            case cst.Expr(value=value):
                return self._action(value) == "closed"
            case cst.Assign(targets=[cst.AssignTarget(target=target)]) | cst.AnnAssign(target=target):
                dropped = isinstance(target, cst.Attribute) and self._action(target.value) == "drop"
                return dropped or self._action(target) == "unset"
            case _:
                return False

    def leave_SimpleStatementSuite(  # noqa: N802
        self, original_node: cst.SimpleStatementSuite, updated_node: cst.SimpleStatementSuite
    ) -> cst.BaseSuite:
        """Note `finally: connection.close()` on one line; what opens a connection gets lines of its own."""
        line = cst.SimpleStatementLine(updated_node.body, trailing_whitespace=updated_node.trailing_whitespace)
        opened = self._opening(original_node, line)
        if opened is not None:
            return cst.IndentedBlock(self._wrapped(opened, [], None))
        small = original_node.body[0]
        if len(original_node.body) == 1 and isinstance(small, cst.Expr) and self._action(small.value) == "close":
            self.ends.closes[id(updated_node)] = updated_node, self._orders[small.value].get("of")
        gone = [self._is_dropped(each) for each in original_node.body]
        if not any(gone):
            return updated_node
        kept = [new for new, dropped in zip(updated_node.body, gone, strict=True) if not dropped]
        result = updated_node.with_changes(body=kept or [cst.Pass()])
        if not kept:
            self._hollow[id(result)] = result
        return result

    def leave_If(self, original_node: cst.If, updated_node: cst.If) -> cst.If | cst.With:  # noqa: N802
        """Note `if connection:` above a `close` that is gone, and put an opening under a lock."""
        action = self._action(original_node)
        if action.startswith("once"):
            edit = self._orders[original_node]
            self.order(original_node)
            if action == "once-rest":
                self._looks[id(updated_node)] = updated_node, edit
                return updated_node
            return layout.once(updated_node, edit) if action == "once" else layout.once_whole(updated_node, edit)
        test = original_node.test.left if isinstance(original_node.test, cst.Comparison) else original_node.test
        if self._action(test) == "unasked":
            self._gone[id(updated_node)] = updated_node
        return updated_node

    def leave_Try(  # noqa: N802
        self, original_node: cst.Try, updated_node: cst.Try
    ) -> cst.BaseStatement | cst.FlattenSentinel[cst.BaseStatement]:
        """Take away a `finally` of which nothing is left, and the `try` with it where it has no other use."""
        if self._action(original_node) == "once-whole":
            edit = self._orders[original_node]
            self.order(original_node)
            return layout.once_whole(updated_node, edit)
        final = updated_node.finalbody
        if final is None or id(final.body) not in self._hollow or layout.has_comments(final):
            return updated_node
        if updated_node.handlers:
            return updated_node.with_changes(finalbody=None)
        return cst.FlattenSentinel(layout.unwrapped(updated_node))

    def leave_IndentedBlock(  # noqa: N802
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.IndentedBlock:
        """Put what follows the opening of a connection into an `async with`."""
        body: list[Statement] = list(updated_node.body)  # type: ignore[arg-type]
        footer = list(updated_node.footer)
        look = next((index for index, each in enumerate(body) if id(each) in self._looks), None)
        if look is not None:
            statement, edit = self._looks[id(body[look])]
            body[look + 1 :] = [layout.once_behind(statement, body[look + 1 :], edit, updated_node.indent)]
        gone = {id(each) for each in body if id(each) in self._gone}
        hollow = len(gone) == len(body)
        body, footer = layout.without(body, footer, gone)
        ends = {
            id(one)
            for one, other in pairwise(body)
            if (name := self.ends.closed_by(one))
            and layout.leaves(other)
            and self._ends_block(original_node, name, other)
        }
        body, footer = layout.without(body, footer, ends)
        for index in range(len(body) - 1, -1, -1):
            opened = self._opened.get(id(body[index]))
            if opened is not None:
                body = [*body[:index], *self._wrapped(opened, body[index + 1 :], updated_node.indent)]
        if len(body) == len(updated_node.body) and all(map(layout.is_same, body, updated_node.body)):
            return updated_node
        result = updated_node.with_changes(body=body, footer=footer)
        if hollow:
            self._hollow[id(result)] = result
        return result

    def _ends_block(self, block: cst.IndentedBlock, name: str, leaving: Statement) -> bool:
        """Tell whether a statement that leaves goes straight to the end of the block that opens the connection."""
        line = leaving.body[0] if isinstance(leaving, cst.SimpleStatementLine) else None
        jumps = isinstance(line, (cst.Break, cst.Continue))
        for each in [block, *reversed(self._around)]:
            if isinstance(each, (cst.IndentedBlock, cst.With)) and self._opens(each, name):
                return True
            if not isinstance(each, _BLOCKS) or (jumps and isinstance(each, (cst.For, cst.While))):
                return False
        return False

    def _opens(self, block: cst.IndentedBlock | cst.With, name: str) -> bool:
        """Tell whether a block opens a connection under a name, by a statement of its own or by its head."""
        values: list[cst.BaseExpression] = []
        if isinstance(block, cst.With):
            for item in block.items:
                arguments = item.item.args if isinstance(item.item, cst.Call) else ()
                values += [item.item, *(each.value for each in arguments)]
        else:
            lines = [each.body for each in block.body if isinstance(each, cst.SimpleStatementLine)]
            smalls = [each for line in lines for each in line if isinstance(each, (cst.Assign, cst.AnnAssign))]
            values += [each.value for each in smalls if each.value is not None]
        return any(self._action(each) == "open" and self._orders[each].get("name") == name for each in values)

    def _wrapped(self, opened: _Opened, rest: list[Statement], indent: str | None) -> list[Statement]:
        """Return a line that opens a connection and what follows it, as far as it needs it, in an `async with`."""
        line = opened.line
        before, after = line.body[: opened.number], line.body[opened.number + 1 :]
        if after:
            rest = [cst.SimpleStatementLine(list(after), trailing_whitespace=line.trailing_whitespace), *rest]
        # The next connection of that name has a block of its own.
        until = next((number for number, each in enumerate(rest) if self._entered_by(each) == opened.name), len(rest))
        needed = [number for number, each in enumerate(rest[:until]) if layout.needs(each, opened.names, opened.name)]
        last = max(needed, default=-1)
        ended = [number for number, each in enumerate(rest[:until]) if self.ends.ended_by(each) == opened.name]
        if ended or (needed and self.ends.closes_in(rest[last], opened.name)):
            last = max(last, *ended) if ended else last
        else:
            # Nobody closes it: it is open to the end of the function, with its locks, and what is in memory.
            stays = [number for number, each in enumerate(rest[:until]) if not layout.leaves(each)]
            last = max(last, *stays) if stays else last
        inside, footer = self.ends.without_close(rest[: last + 1], opened.name)
        if inside:
            inside[0] = inside[0].with_changes(leading_lines=layout.without_blanks(inside[0].leading_lines))
        else:
            inside = [cst.SimpleStatementLine([cst.Pass()])]
        header = cst.TrailingWhitespace() if after else line.trailing_whitespace
        block = cst.With(
            [cst.WithItem(opened.call, cst.AsName(cst.Name(opened.name)))],
            cst.IndentedBlock(inside, header=header, indent=indent, footer=footer),
            asynchronous=cst.Asynchronous(),
            leading_lines=[] if before else line.leading_lines,
        )
        self._entering[id(block)] = block, opened.name
        self._bare.discard(opened.edit)
        result: list[Statement] = [block, *rest[last + 1 :]]
        if before:
            kept = [*before[:-1], before[-1].with_changes(semicolon=cst.MaybeSentinel.DEFAULT)]
            first = cst.SimpleStatementLine(kept, leading_lines=line.leading_lines)
            result.insert(0, first)
        return result

    def _entered_by(self, node: cst.CSTNode) -> str:
        return self._entering.get(id(node), (node, ""))[1]


def _class(edit: NodeEdit) -> cst.BaseExpression:
    """Return a class of aiosqlite's."""
    return cst.parse_expression(f"aiosqlite.{edit.get('class')}")
