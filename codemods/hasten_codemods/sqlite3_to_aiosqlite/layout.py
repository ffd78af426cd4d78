"""Statements that are put together anew, with their comments and empty lines."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from hasten.api import NodeEdit
from hasten_codemods.sqlite3_to_aiosqlite import table

#: After these, a function or a loop goes on elsewhere.
_ELSEWHERE = (cst.Return, cst.Break, cst.Continue)

Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement


def is_same(one: object, other: object) -> bool:
    """Tell whether two nodes are one."""
    return one is other


def without(
    body: list[Statement], footer: list[cst.EmptyLine], gone: set[int]
) -> tuple[list[Statement], list[cst.EmptyLine]]:
    """Return statements without those that go, whose comments pass to what follows."""
    kept: list[Statement] = []
    waiting: list[cst.EmptyLine] = []
    for each in body:
        if id(each) in gone:
            waiting += [cst.EmptyLine(comment=comment) for comment in _comments(each)]
        elif waiting:
            kept.append(each.with_changes(leading_lines=[*waiting, *each.leading_lines]))
            waiting = []
        else:
            kept.append(each)
    if not kept:
        return [cst.SimpleStatementLine([cst.Pass()], leading_lines=waiting)], footer
    return kept, [*waiting, *footer]


def _comments(node: cst.CSTNode) -> list[cst.Comment]:
    """Return the comments in or right above a node."""
    return [node] if isinstance(node, cst.Comment) else [each for child in node.children for each in _comments(child)]


def has_comments(node: cst.CSTNode) -> bool:
    """Tell whether a comment stands in or right above a node."""
    return bool(_comments(node))


def needs(node: cst.CSTNode, names: frozenset[str], connection: str) -> int:
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
            return needs(value, names, connection)
        case cst.Arg(value=value):
            return needs(value, names, connection)
        case _:
            return sum(needs(each, names, connection) for each in node.children)


def without_blanks(lines: Sequence[cst.EmptyLine]) -> list[cst.EmptyLine]:
    """Return the lines above a statement without the empty ones that come first."""
    first = next((index for index, each in enumerate(lines) if each.comment is not None), len(lines))
    return list(lines[first:])


def flat(statement: cst.Try | cst.With) -> tuple[list[Statement], list[cst.EmptyLine]]:
    """Return the statements of a block whose head goes away, with its comments, and the comments below them."""
    block, above = statement.body, list(statement.leading_lines)
    if isinstance(block, cst.SimpleStatementSuite):
        line = cst.SimpleStatementLine(block.body, leading_lines=above)
        return [line.with_changes(trailing_whitespace=block.trailing_whitespace)], []
    header = cst.ensure_type(block, cst.IndentedBlock)
    body: list[Statement] = list(header.body)  # type: ignore[arg-type]
    if header.header.comment is not None:
        above.append(cst.EmptyLine(comment=header.header.comment))
    body[0] = body[0].with_changes(leading_lines=[*above, *without_blanks(body[0].leading_lines)])
    return body, [each for each in header.footer if each.comment is not None]


def unwrapped(statement: cst.Try | cst.With) -> list[Statement]:
    """Return the statements of a block whose head goes away, with its comments."""
    body, below = flat(statement)
    # A comment below the last statement has to stand above one.
    return [*body, cst.SimpleStatementLine([cst.Pass()], leading_lines=below)] if below else body


def leaves(statement: Statement) -> bool:
    """Tell whether a statement only leaves a function or a loop: `return rows`, `continue`."""
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return False
    match statement.body[0]:
        case cst.Break() | cst.Continue():
            return True
        case cst.Return(value=value):
            return value is None or is_plain(value)
        case cst.Raise(exc=cst.Call(func=cst.Name(), args=arguments), cause=None):
            return all(is_plain(each.value) for each in arguments)
        case cst.Raise(exc=cst.Name(), cause=None):
            return True
        case _:
            return False


def is_plain(node: cst.BaseExpression) -> bool:
    """Tell whether a value is at hand: nothing is called to make it."""
    if isinstance(node, (cst.Tuple, cst.List)):
        return all(isinstance(each, cst.Element) and is_plain(each.value) for each in node.elements)
    return isinstance(node, (cst.Name, cst.SimpleString, cst.Integer, cst.Float))


def asks_for(test: cst.BaseExpression, name: str) -> bool:
    """`if connection:`, `if connection is not None:`."""
    if isinstance(test, cst.Comparison) and len(test.comparisons) == 1:
        only = test.comparisons[0]
        if not (isinstance(only.operator, cst.IsNot) and isinstance(only.comparator, cst.Name)):
            return False
        test = test.left if only.comparator.value == "None" else test
    return isinstance(test, cst.Name) and test.value == name


def indentation(body: cst.BaseSuite) -> str | None:
    """Return how far the statements of a body are indented, None where it is as elsewhere in the file."""
    return body.indent if isinstance(body, cst.IndentedBlock) else None


def nested(statement: cst.With, groups: list[tuple[bool, list[cst.WithItem]]]) -> cst.With:
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
            body = cst.IndentedBlock([result], indent=indentation(statement.body))
    return result.with_changes(leading_lines=statement.leading_lines)


def once(block: cst.If, edit: NodeEdit) -> cst.If:
    """Put what stands below an `if` under a lock, with the same test inside.

    Args:
        block: the statement; it has no `else`.
        edit: tells what the lock is for (`owner`, `name`), how the place is written that gets a connection there
            (`place`), the variable that holds the connection until the statements are over (`late`, empty where none is
            needed), and what is done again before the second test (`again`).
    """
    inner = cst.If(block.test.deep_clone(), block.body, whitespace_before_test=block.whitespace_before_test)
    alone = _alone([*_again(edit), inner], edit, indentation(block.body))
    return block.with_changes(body=cst.IndentedBlock([alone], indent=indentation(block.body)))


def once_behind(block: cst.If, rest: Sequence[Statement], edit: NodeEdit, indent: str | None) -> cst.With:
    """Return what follows an `if` that leaves, under a lock and after the same `if`; see `once`."""
    first = rest[0]
    body = [first.with_changes(leading_lines=without_blanks(first.leading_lines)), *rest[1:]]
    again = block.deep_clone().with_changes(leading_lines=[])
    blank = [each for each in first.leading_lines[:1] if each.comment is None]
    return _alone([*_again(edit), again, *body], edit, indent).with_changes(leading_lines=blank)


def once_whole(statement: cst.If | cst.Try, edit: NodeEdit, indent: str | None = None) -> cst.With:
    """Return a statement that asks for a connection and opens it, under a lock; see `once`."""
    alone = _alone([statement.with_changes(leading_lines=[])], edit, indent)
    return alone.with_changes(leading_lines=statement.leading_lines)


def _again(edit: NodeEdit) -> list[Statement]:
    data = dict(edit.data)
    return [cst.ensure_type(cst.parse_statement(data["again"]), cst.SimpleStatementLine)] if "again" in data else []


def _alone(statements: Sequence[Statement], edit: NodeEdit, indent: str | None) -> cst.With:
    guard = cst.parse_expression(f'_openings.alone({edit.get("owner")}, "{edit.get("name")}")')
    body: cst.BaseSuite = cst.IndentedBlock(list(statements), indent=indent)
    if edit.get("late"):
        body = cst.ensure_type(body.visit(_Last(edit.get("place"), edit.get("late"))), cst.IndentedBlock)
    return cst.With([cst.WithItem(guard)], body, cst.Asynchronous())


class _Last(cst.CSTTransformer):
    """Lets a variable hold a connection in the block that opens it."""

    def __init__(self, place: str, late: str) -> None:
        super().__init__()
        self.place = place
        self.late = late

    def leave_IndentedBlock(  # noqa: N802 - LibCST's
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.BaseSuite:
        """Put it into its place at the end of that block."""
        opens = any(_puts_into(each, self.place) for each in original_node.body)
        return _kept_last(updated_node, self.place, self.late) if opens else updated_node


def _kept_last(body: cst.BaseSuite, place: str, late: str) -> cst.BaseSuite:
    """Let a variable hold what a place got, up to where the statements end, or are left."""
    if not isinstance(body, cst.IndentedBlock):
        raise TypeError("what opens a connection stands on the line of its `if`")
    first = next(number for number, each in enumerate(body.body) if _puts_into(each, place))
    opening = cst.IndentedBlock(body.body[first:]).visit(_Late(place, late))
    statements = [*body.body[:first], *cst.ensure_type(opening, cst.IndentedBlock).body]
    last = statements[-1]
    if not (isinstance(last, cst.SimpleStatementLine) and isinstance(last.body[-1], (*_ELSEWHERE, cst.Raise))):
        statements.append(_kept(place, late))
    return body.with_changes(body=statements)


def _kept(place: str, late: str) -> cst.SimpleStatementLine:
    return cst.ensure_type(cst.parse_statement(f"{place} = {late}"), cst.SimpleStatementLine)


def _puts_into(statement: cst.CSTNode, place: str) -> bool:
    targets: list[cst.BaseExpression] = []
    for each in statement.body if isinstance(statement, cst.SimpleStatementLine) else ():
        targets += [one.target for one in each.targets] if isinstance(each, cst.Assign) else []
        targets += [each.target] if isinstance(each, cst.AnnAssign) else []
    return any(_dotted(each) == place for each in targets)


def _dotted(node: cst.CSTNode) -> str:
    match node:
        case cst.Name(value=value):
            return value
        case cst.Attribute(value=cst.Name(value=value), attr=cst.Name(value=name)):
            return f"{value}.{name}"
        case _:
            return ""


class _Late(cst.CSTTransformer):
    """Writes a variable for a place, and puts it there before each statement that leaves."""

    def __init__(self, place: str, late: str) -> None:
        super().__init__()
        self.place = place
        self.late = late

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:  # noqa: N802 - LibCST's
        """`_db` -> `db`."""
        return updated_node.with_changes(value=self.late) if original_node.value == self.place else updated_node

    def leave_Attribute(  # noqa: N802
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        """`self._db` -> `db`; what is behind the dot is no variable."""
        if _dotted(original_node) == self.place:
            return cst.Name(self.late, updated_node.lpar, updated_node.rpar)
        return updated_node.with_changes(attr=original_node.attr)

    def leave_Arg(self, original_node: cst.Arg, updated_node: cst.Arg) -> cst.Arg:  # noqa: N802
        """Leave keywords alone."""
        return updated_node.with_changes(keyword=original_node.keyword)

    def leave_SimpleStatementLine(  # noqa: N802
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine | cst.FlattenSentinel[cst.SimpleStatementLine]:
        """Put the connection into its place before the function, or the loop, goes on elsewhere."""
        if not isinstance(original_node.body[-1], _ELSEWHERE):
            return updated_node
        kept = _kept(self.place, self.late)
        if len(updated_node.body) > 1:
            return updated_node.with_changes(body=[*updated_node.body[:-1], *kept.body, updated_node.body[-1]])
        first = kept.with_changes(leading_lines=updated_node.leading_lines)
        return cst.FlattenSentinel([first, updated_node.with_changes(leading_lines=[])])
