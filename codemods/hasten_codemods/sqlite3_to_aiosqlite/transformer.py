"""Carry out the edits of `sqlite3-to-aiosqlite`; every decision was taken before.

What is left to this module is layout: which of several forms that all mean the same reads best where the code stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import libcst as cst

from hasten.api import AsyncTransformer, NodeEdit
from hasten_codemods.sqlite3_to_aiosqlite import table
from hasten_codemods.sqlite3_to_aiosqlite.helper import FUNCTION

Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement
_BLOCKS = (cst.If, cst.Else, cst.For, cst.While, cst.IndentedBlock, cst.FunctionDef, cst.Module, cst.ClassDef)

#: What stands around the places of actions that are carried out there.
_AROUND: dict[str, tuple[type[cst.CSTNode], ...]] = {
    "open": (cst.WithItem, cst.Arg, cst.Assign, cst.AnnAssign),
    "enter": (cst.Arg,),
    "iterate": (cst.For,),
    "async-for": (cst.For,),
    "async-for-awaited": (cst.For,),
    "transaction": (cst.WithItem,),
    "unwrap": (cst.WithItem,),
    "unclose": (cst.Arg,),
    "drop": (cst.Attribute,),
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
        # By identity of the rewritten node, which is kept with it: lines that open and close a connection, or go.
        self._opened: dict[int, _Opened] = {}
        self._closes: dict[int, tuple[cst.CSTNode, str]] = {}
        self._gone: dict[int, cst.CSTNode] = {}
        # The same of blocks that close a connection at their end.
        self._ended: dict[int, tuple[cst.CSTNode, str]] = {}
        # What is in the block of each connection that was opened by an assignment, and how often it needs that.
        self._inside: list[tuple[_Opened, int]] = []

    def _action(self, node: cst.CSTNode) -> str:
        edit = self._orders.get(node)
        return edit.action if edit is not None else ""

    # --- expressions ----------------------------------------------------------------------------------------------

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:  # noqa: N802 - LibCST's name
        """Rewrite one call."""
        edit = self._orders.get(original_node)
        if edit is not None and edit.get("rows"):
            updated_node = _rows_made(updated_node, edit.get("rows"))
        return super().leave_Call(original_node, updated_node)

    def rewrite_call(self, edit: NodeEdit, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        """Carry out the actions that only this codemod has."""
        around = _AROUND.get(edit.action)
        if around and not isinstance(self._around[-1], around):
            raise RuntimeError(f"a call does not stand where {edit.action!r} is to be carried out")
        match edit.action:
            case "open":
                return _connect(updated_node, edit)
            case "close" | "async-for-awaited":
                return self.awaited(original_node, updated_node)
            case "iterate":
                return self.awaited(original_node, updated_node) if edit.get("await") == "yes" else updated_node
            case "enter" | "async-for":
                return updated_node
            case "fetchall":
                return self.awaited(original_node, _method(cst.Await(updated_node), "fetchall"))
            case "rows-of":
                return self.awaited(original_node, _taken(updated_node, "fetchall"))
            case "first-of":
                return self.awaited(original_node, _taken(updated_node, "fetchone"))
            case "dump":
                return _lines(updated_node)
            case _:
                return super().rewrite_call(edit, original_node, updated_node)

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:  # noqa: N802
        """`cursor` -> `await cursor.fetchall()`; the other actions are carried out at what stands around the name."""
        edit = self.order(original_node)
        if edit is None:
            return updated_node
        around = _AROUND.get(edit.action)
        if original_node.value != edit.get("variable") or (around and not isinstance(self._around[-1], around)):
            raise RuntimeError(f"`{original_node.value}` does not stand where {edit.action!r} is to be carried out")
        if edit.action != "fetchall":
            return updated_node
        return cst.Await(
            _method(updated_node.with_changes(lpar=[], rpar=[]), "fetchall"), updated_node.lpar, updated_node.rpar
        )

    # --- statements -----------------------------------------------------------------------------------------------

    def leave_FunctionDef(self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef) -> cst.FunctionDef:  # noqa: N802
        """`def f():` -> `async def f():`; one that is asynchronous already is only looked into."""
        for opened, inside in self._inside:
            # The analysis says that nothing below the block needs the connection; a mistake there must not go unseen.
            if _needs(updated_node.body, opened.names, opened.name) != inside:
                raise RuntimeError(f"`{opened.name}` is used outside of the block in which it is opened")
        self._inside = []
        if self._action(original_node) == "function":
            self.order(original_node)
            return updated_node
        return super().leave_FunctionDef(original_node, updated_node)

    def leave_For(self, original_node: cst.For, updated_node: cst.For) -> cst.BaseStatement:  # noqa: N802
        """`for row in c.execute(...):` -> `async with c.execute(...) as cursor:` and `async for row in cursor:`."""
        edit = self._orders.get(original_node.iter)
        if edit is None or edit.action not in {"iterate", "async-for", "async-for-awaited"}:
            return updated_node
        loop = updated_node.with_changes(asynchronous=cst.Asynchronous())
        if edit.action != "iterate":
            return loop
        item = cst.WithItem(loop.iter, cst.AsName(cst.Name(edit.get("name"))))
        inner = loop.with_changes(iter=cst.Name(edit.get("name")), leading_lines=[])
        return cst.With(
            [item],
            cst.IndentedBlock([inner], indent=_indent(loop.body)),
            asynchronous=cst.Asynchronous(),
            leading_lines=updated_node.leading_lines,
        )

    def leave_With(  # noqa: N802
        self, original_node: cst.With, updated_node: cst.With
    ) -> cst.BaseStatement | cst.FlattenSentinel[cst.BaseStatement]:
        """`with closing(sqlite3.connect(p)) as c:` -> `async with aiosqlite.connect(p) as c:`, and its like."""
        groups: list[tuple[bool, list[cst.WithItem]]] = []
        touched = False
        for before, item in zip(original_node.items, updated_node.items, strict=True):
            new = self._entered(before, item)
            touched = touched or new is not None
            if new == []:
                continue
            asynchronous = new is not None or updated_node.asynchronous is not None
            if not groups or groups[-1][0] != asynchronous:
                groups.append((asynchronous, []))
            groups[-1][1].extend(new if new is not None else [item])
        if not touched:
            return updated_node
        if not groups:
            return cst.FlattenSentinel(_unwrapped(updated_node))
        result = _nested(updated_node, groups)
        for each in original_node.items:
            for node in [each.item, *(arg.value for arg in getattr(each.item, "args", ()))]:
                if self._action(node) == "open":
                    self._ended[id(result)] = result, self._orders[node].get("name")
        return result

    def _entered(self, original: cst.WithItem, item: cst.WithItem) -> list[cst.WithItem] | None:
        """Return the asynchronous items in the place of one, None where it stays as it is."""
        match self._action(original.item):
            case "open":
                edit = self._orders[original.item]
                if edit.get("transaction") != "yes":
                    return [item]
                opened = item.with_changes(comma=cst.MaybeSentinel.DEFAULT)
                return [opened, cst.WithItem(_transaction(edit.get("name")), comma=item.comma)]
            case "transaction":
                name = cst.ensure_type(original.item, cst.Name).value
                return [item.with_changes(item=_transaction(name))]
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

    def leave_SimpleStatementLine(  # noqa: N802
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine:
        """Note lines that the block around them deals with."""
        for number, small in enumerate(original_node.body):
            value = small.value if isinstance(small, (cst.Assign, cst.AnnAssign)) else None
            edit = self._orders.get(value) if value is not None else None
            if edit is not None and edit.action == "open":
                new = cst.ensure_type(updated_node.body[number], type(small))
                self._opened[id(updated_node)] = _Opened(updated_node, number, new.value, edit)  # type: ignore[attr-defined]
        if len(original_node.body) == 1:
            small = original_node.body[0]
            if isinstance(small, cst.Expr) and self._action(small.value) == "close":
                self._closes[id(updated_node)] = updated_node, self._orders[small.value].get("of")
            if self._is_dropped(small):
                self._gone[id(updated_node)] = updated_node
        elif any(self._is_dropped(small) for small in original_node.body):
            pairs = zip(original_node.body, updated_node.body, strict=True)
            kept = [new for old, new in pairs if not self._is_dropped(old)]
            kept[-1] = kept[-1].with_changes(semicolon=cst.MaybeSentinel.DEFAULT)
            return updated_node.with_changes(body=kept)
        return updated_node

    def _is_dropped(self, small: cst.BaseSmallStatement) -> bool:
        """Tell whether a statement sets what `connect` is given now."""
        if not isinstance(small, cst.Assign):
            return False
        target = small.targets[0].target
        return isinstance(target, cst.Attribute) and self._action(target.value) == "drop"

    def leave_SimpleStatementSuite(  # noqa: N802
        self, original_node: cst.SimpleStatementSuite, updated_node: cst.SimpleStatementSuite
    ) -> cst.SimpleStatementSuite:
        """Note `finally: connection.close()` on one line."""
        small = original_node.body[0]
        if len(original_node.body) == 1 and isinstance(small, cst.Expr) and self._action(small.value) == "close":
            self._closes[id(updated_node)] = updated_node, self._orders[small.value].get("of")
        return updated_node

    def leave_IndentedBlock(  # noqa: N802
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.IndentedBlock:
        """Put what follows the opening of a connection into an `async with`."""
        del original_node
        body: list[Statement] = list(updated_node.body)  # type: ignore[arg-type]
        footer = list(updated_node.footer)
        body, footer = _removed(body, footer, {id(each) for each in body if id(each) in self._gone})
        if all(isinstance(each, _BLOCKS) for each in self._around):
            ends = {id(one) for one, other in pairwise(body) if id(one) in self._closes and _leaves(other)}
            body, footer = _removed(body, footer, ends)
        after = {
            id(other)
            for one, other in pairwise(body)
            if (name := self._ended.get(id(one), (None, ""))[1]) and self._closed_by(other) == name
        }
        body, footer = _removed(body, footer, after)
        for index in range(len(body) - 1, -1, -1):
            opened = self._opened.get(id(body[index]))
            if opened is not None:
                body = [*body[:index], *self._wrapped(opened, body[index + 1 :], updated_node.indent)]
        if len(body) == len(updated_node.body) and all(map(_is, body, updated_node.body)):
            return updated_node
        return updated_node.with_changes(body=body, footer=footer)

    def _wrapped(self, opened: _Opened, rest: list[Statement], indent: str | None) -> list[Statement]:
        """Return a line that opens a connection and what follows it, as far as it needs it, in an `async with`."""
        line = opened.line
        before, after = line.body[: opened.number], line.body[opened.number + 1 :]
        if after:
            rest = [cst.SimpleStatementLine(list(after), trailing_whitespace=line.trailing_whitespace), *rest]
        last = max((number for number, each in enumerate(rest) if _needs(each, opened.names, opened.name)), default=-1)
        inside, footer = self._without_close(rest[: last + 1], opened.name)
        if inside:
            inside[0] = inside[0].with_changes(leading_lines=_without_blanks(inside[0].leading_lines))
        else:
            inside = [cst.SimpleStatementLine([cst.Pass()])]
        header = cst.TrailingWhitespace() if after else line.trailing_whitespace
        block = cst.With(
            [cst.WithItem(opened.call, cst.AsName(cst.Name(opened.name)))],
            cst.IndentedBlock(inside, header=header, indent=indent, footer=footer),
            asynchronous=cst.Asynchronous(),
            leading_lines=[] if before else line.leading_lines,
        )
        self._inside.append((opened, _needs(block, opened.names, opened.name)))
        result: list[Statement] = [block, *rest[last + 1 :]]
        if before:
            kept = [*before[:-1], before[-1].with_changes(semicolon=cst.MaybeSentinel.DEFAULT)]
            first = cst.SimpleStatementLine(kept, leading_lines=line.leading_lines)
            result.insert(0, first)
        return result

    def _without_close(self, body: list[Statement], name: str) -> tuple[list[Statement], list[cst.EmptyLine]]:
        """Return statements without the `close` that is the last thing they do, and comments that stand below them.

        Leaving the block closes.
        """
        if not body:
            return body, []
        last = body[-1]
        if self._closed_by(last) == name and not _comments(last):
            return body[:-1], []
        if isinstance(last, cst.If) and last.orelse is None and _asks_for(last.test, name) and not _comments(last):
            inner = [last.body] if isinstance(last.body, cst.SimpleStatementSuite) else list(last.body.body)
            if len(inner) == 1 and self._closed_by(inner[0]) == name:
                return body[:-1], []
        if not isinstance(last, cst.Try) or last.finalbody is None:
            return body, []
        final = last.finalbody
        if isinstance(final.body, cst.SimpleStatementSuite):
            if self._closed_by(final.body) != name:
                return body, []
            rest: list[Statement] = []
        else:
            inside: list[Statement] = list(final.body.body)  # type: ignore[arg-type]
            rest, below = self._without_close(inside, name)
            if len(rest) == len(inside) or below:
                return body, []
        if rest:
            shorter = final.with_changes(body=final.body.with_changes(body=rest))
            return [*body[:-1], last.with_changes(finalbody=shorter)], []
        if _comments(final):
            return body, []
        if last.handlers:
            return [*body[:-1], last.with_changes(finalbody=None)], []
        flat, below = _flat(last)
        return [*body[:-1], *flat], below

    def _closed_by(self, node: cst.CSTNode) -> str:
        return self._closes.get(id(node), (node, ""))[1]


def _is(one: object, other: object) -> bool:
    return one is other


def _removed(
    body: list[Statement], footer: list[cst.EmptyLine], gone: set[int]
) -> tuple[list[Statement], list[cst.EmptyLine]]:
    """Return statements without those that go, whose comments pass to what follows."""
    kept: list[Statement] = []
    waiting: list[cst.EmptyLine] = []
    for each in body:
        if id(each) in gone:
            waiting += [line for line in each.leading_lines if line.comment is not None]
            comment = each.trailing_whitespace.comment if isinstance(each, cst.SimpleStatementLine) else None
            waiting += [cst.EmptyLine(comment=comment)] if comment is not None else []
        elif waiting:
            kept.append(each.with_changes(leading_lines=[*waiting, *each.leading_lines]))
            waiting = []
        else:
            kept.append(each)
    if not kept:
        kept = [cst.SimpleStatementLine([cst.Pass()])]
    return kept, [*waiting, *footer]


def _comments(node: cst.CSTNode) -> bool:
    """Tell whether a comment stands in or right above a node."""
    return isinstance(node, cst.Comment) or any(_comments(each) for each in node.children)


def _needs(node: cst.CSTNode, names: frozenset[str], connection: str) -> int:
    """Return how many places in a node need the connection open, which or whose cursors are called `names`."""
    match node:
        case cst.Name(value=value):
            return int(value in names)
        case cst.Attribute(value=cst.Name(value=value), attr=cst.Name(value=attribute)):
            # `cursor.lastrowid` can be asked for at any time.
            return int(value in names and (value == connection or attribute not in table.CURSOR_READ))
        case cst.FunctionDef() | cst.ClassDef() | cst.Lambda():
            return 0  # what they call so is something of their own
        case cst.Attribute(value=value):
            return _needs(value, names, connection)
        case cst.Arg(value=value):
            return _needs(value, names, connection)
        case _:
            return sum(_needs(each, names, connection) for each in node.children)


def _without_blanks(lines: Sequence[cst.EmptyLine]) -> list[cst.EmptyLine]:
    """Return the lines above a statement without the empty ones that come first."""
    first = next((index for index, each in enumerate(lines) if each.comment is not None), len(lines))
    return list(lines[first:])


def _flat(statement: cst.Try | cst.With) -> tuple[list[Statement], list[cst.EmptyLine]]:
    """Return the statements of a block whose head goes away, with its comments, and the comments below them."""
    block, above = statement.body, list(statement.leading_lines)
    if isinstance(block, cst.SimpleStatementSuite):
        line = cst.SimpleStatementLine(block.body, leading_lines=above)
        return [line.with_changes(trailing_whitespace=block.trailing_whitespace)], []
    header = cst.ensure_type(block, cst.IndentedBlock)
    body: list[Statement] = list(header.body)  # type: ignore[arg-type]
    if header.header.comment is not None:
        above.append(cst.EmptyLine(comment=header.header.comment))
    body[0] = body[0].with_changes(leading_lines=[*above, *_without_blanks(body[0].leading_lines)])
    return body, [each for each in header.footer if each.comment is not None]


def _unwrapped(statement: cst.With) -> list[Statement]:
    """Return the statements of a `with` that enters nothing any more, with its comments."""
    body, below = _flat(statement)
    # A comment below the last statement has to stand above one.
    return [*body, cst.SimpleStatementLine([cst.Pass()], leading_lines=below)] if below else body


def _leaves(statement: Statement) -> bool:
    """Tell whether a statement only leaves the function: `return rows`."""
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return False
    match statement.body[0]:
        case cst.Return(value=value):
            return value is None or _is_plain(value)
        case cst.Raise(exc=cst.Call(func=cst.Name(), args=arguments), cause=None):
            return all(_is_plain(each.value) for each in arguments)
        case cst.Raise(exc=cst.Name(), cause=None):
            return True
        case _:
            return False


def _is_plain(node: cst.BaseExpression) -> bool:
    """Tell whether a value is at hand: nothing is called to make it."""
    if isinstance(node, (cst.Tuple, cst.List)):
        return all(isinstance(each, cst.Element) and _is_plain(each.value) for each in node.elements)
    return isinstance(node, (cst.Name, cst.SimpleString, cst.Integer, cst.Float))


def _asks_for(test: cst.BaseExpression, name: str) -> bool:
    """`if connection:`, `if connection is not None:`."""
    if isinstance(test, cst.Comparison) and len(test.comparisons) == 1:
        only = test.comparisons[0]
        if not (isinstance(only.operator, cst.IsNot) and isinstance(only.comparator, cst.Name)):
            return False
        test = test.left if only.comparator.value == "None" else test
    return isinstance(test, cst.Name) and test.value == name


def _indent(body: cst.BaseSuite) -> str | None:
    return body.indent if isinstance(body, cst.IndentedBlock) else None


def _nested(statement: cst.With, groups: list[tuple[bool, list[cst.WithItem]]]) -> cst.With:
    """Return one `with` for each group, the first outermost."""
    if len(groups) == 1:
        asynchronous, items = groups[0]
        if not isinstance(statement.rpar, cst.RightParen):
            items = [*items[:-1], items[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)]
        marker = statement.asynchronous or (cst.Asynchronous() if asynchronous else None)
        return statement.with_changes(items=items, asynchronous=marker)
    body: cst.BaseSuite = statement.body
    result = statement
    for number, (asynchronous, items) in enumerate(reversed(groups)):
        plain = [each.with_changes(comma=cst.MaybeSentinel.DEFAULT) for each in items]
        result = cst.With(plain, body, asynchronous=cst.Asynchronous() if asynchronous else None)
        if number < len(groups) - 1:
            body = cst.IndentedBlock([result], indent=_indent(statement.body))
    return result.with_changes(leading_lines=statement.leading_lines)


def _transaction(name: str) -> cst.Call:
    return cst.Call(cst.Name(FUNCTION), [cst.Arg(cst.Name(name))])


def _method(value: cst.BaseExpression, name: str) -> cst.Call:
    """Return the call of a method, with parentheses around an `await`."""
    if isinstance(value, cst.Await) and not value.lpar:
        value = value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    return cst.Call(cst.Attribute(value, cst.Name(name)))


def _taken(call: cst.Call, method: str) -> cst.Call:
    """`list(cursor)` -> `cursor.fetchall()`, parentheses around the whole kept."""
    return _method(call.args[0].value, method).with_changes(lpar=call.lpar, rpar=call.rpar)


def _lines(call: cst.Call) -> cst.ListComp:
    """`c.iterdump()` -> `[line async for line in c.iterdump()]`."""
    loop = cst.CompFor(cst.Name("line"), call, asynchronous=cst.Asynchronous())
    return cst.ListComp(cst.Name("line"), loop)


def _rows_made(call: cst.Call, how: str) -> cst.Call:
    """Make a list of the rows that an `executemany` takes from a generator."""
    given = call.args[1]
    value = given.value
    if how == "brackets" and isinstance(value, cst.GeneratorExp):
        made: cst.BaseExpression = cst.ListComp(value.elt, value.for_in)
    else:
        made = cst.Call(cst.Name("list"), [cst.Arg(value)])
    return call.with_changes(args=[call.args[0], given.with_changes(value=made), *call.args[2:]])


def _connect(call: cst.Call, edit: NodeEdit) -> cst.Call:
    """`sqlite3.connect(path, 5)` -> `aiosqlite.connect(path, timeout=5)`."""
    names = [*table.CONNECT, *table.CONNECT_REST]
    arguments = [
        each if position == 0 or each.keyword is not None else _keyword(each, names[position])
        for position, each in enumerate(call.args)
    ]
    more = [("isolation_level", "None")] if edit.get("isolation") else []
    more += [("iter_chunk_size", edit.get("chunk"))] if edit.get("chunk") else []
    for name, value in more:
        last = arguments[-1]
        new = _keyword(cst.Arg(cst.parse_expression(value)), name)
        # A comma behind the last argument stays there.
        between = last.comma
        if isinstance(between, cst.Comma):
            between = cst.Comma(whitespace_after=_between(call))
        arguments[-1] = last.with_changes(comma=between)
        arguments.append(new.with_changes(comma=last.comma, whitespace_after_arg=last.whitespace_after_arg))
        arguments[-2] = arguments[-2].with_changes(whitespace_after_arg=cst.SimpleWhitespace(""))
    return call.with_changes(func=cst.parse_expression("aiosqlite.connect"), args=arguments)


def _between(call: cst.Call) -> cst.BaseParenthesizableWhitespace:
    """Return what stands between two arguments: a new line where they have one each."""
    if isinstance(call.whitespace_before_args, cst.ParenthesizedWhitespace):
        return call.whitespace_before_args
    return cst.SimpleWhitespace(" ")


def _keyword(argument: cst.Arg, name: str) -> cst.Arg:
    tight = cst.AssignEqual(whitespace_before=cst.SimpleWhitespace(""), whitespace_after=cst.SimpleWhitespace(""))
    return argument.with_changes(keyword=cst.Name(name), equal=tight)
