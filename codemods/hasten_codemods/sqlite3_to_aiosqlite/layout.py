"""Statements that are put together anew, with their comments and empty lines."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from hasten_codemods.sqlite3_to_aiosqlite import table

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
