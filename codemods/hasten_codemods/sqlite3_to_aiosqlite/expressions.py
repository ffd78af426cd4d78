"""Calls that are put together anew."""

from __future__ import annotations

import libcst as cst

from hasten.api import NodeEdit
from hasten_codemods.sqlite3_to_aiosqlite import table
from hasten_codemods.sqlite3_to_aiosqlite.helper import TRANSACTION


def transaction(connection: cst.BaseExpression) -> cst.Call:
    """Return the call that begins a transaction of a connection."""
    return cst.Call(cst.Name(TRANSACTION), [cst.Arg(connection)])


def method(value: cst.BaseExpression, name: str) -> cst.Call:
    """Return the call of a method, with parentheses around an `await`."""
    if isinstance(value, cst.Await) and not value.lpar:
        value = value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    return cst.Call(cst.Attribute(value, cst.Name(name)))


def taken(call: cst.Call, name: str) -> cst.Call:
    """`list(cursor)` -> `cursor.fetchall()`, parentheses around the whole kept."""
    return method(call.args[0].value, name).with_changes(lpar=call.lpar, rpar=call.rpar)


def lines(call: cst.Call) -> cst.ListComp:
    """`c.iterdump()` -> `[line async for line in c.iterdump()]`."""
    loop = cst.CompFor(cst.Name("line"), call, asynchronous=cst.Asynchronous())
    return cst.ListComp(cst.Name("line"), loop)


def rows_made(call: cst.Call, how: str) -> cst.Call:
    """Make a list of the rows that an `executemany` takes from a generator."""
    given = call.args[1]
    value = given.value
    if how == "brackets" and isinstance(value, cst.GeneratorExp):
        made: cst.BaseExpression = cst.ListComp(value.elt, value.for_in)
    else:
        made = cst.Call(cst.Name("list"), [cst.Arg(value)])
    return call.with_changes(args=[call.args[0], given.with_changes(value=made), *call.args[2:]])


def connect(call: cst.Call, edit: NodeEdit, callee: str = "aiosqlite.connect") -> cst.Call:
    """`sqlite3.connect(path, 5)` -> `aiosqlite.connect(path, timeout=5)`."""
    names = [*table.CONNECT, *table.CONNECT_REST]
    arguments = [
        each if position == 0 or each.star or each.keyword is not None else keyword(each, names[position])
        for position, each in enumerate(call.args)
    ]
    if edit.get("path"):
        arguments = [checked(each) if _is_database(each, at) else each for at, each in enumerate(arguments)]
    more = [("isolation_level", "None")] if edit.get("isolation") else []
    more += [("iter_chunk_size", edit.get("chunk"))] if edit.get("chunk") else []
    for name, value in more:
        last = arguments[-1]
        new = keyword(cst.Arg(cst.parse_expression(value)), name)
        # A comma behind the last argument stays there.
        between = last.comma
        if isinstance(between, cst.Comma):
            between = cst.Comma(whitespace_after=between_arguments(call))
        arguments[-1] = last.with_changes(comma=between)
        arguments.append(new.with_changes(comma=last.comma, whitespace_after_arg=last.whitespace_after_arg))
        arguments[-2] = arguments[-2].with_changes(whitespace_after_arg=cst.SimpleWhitespace(""))
    return call.with_changes(func=cst.parse_expression(callee), args=arguments)


def checked(argument: cst.Arg) -> cst.Arg:
    """`path` -> `os.fspath(path)`."""
    return argument.with_changes(value=cst.Call(cst.parse_expression("os.fspath"), [cst.Arg(argument.value)]))


def _is_database(argument: cst.Arg, position: int) -> bool:
    return position == 0 if argument.keyword is None else argument.keyword.value == table.CONNECT[0]


def between_arguments(call: cst.Call) -> cst.BaseParenthesizableWhitespace:
    """Return what stands between two arguments: a new line where they have one each."""
    if isinstance(call.whitespace_before_args, cst.ParenthesizedWhitespace):
        return call.whitespace_before_args
    return cst.SimpleWhitespace(" ")


def keyword(argument: cst.Arg, name: str) -> cst.Arg:
    """Return an argument that is passed by name."""
    tight = cst.AssignEqual(whitespace_before=cst.SimpleWhitespace(""), whitespace_after=cst.SimpleWhitespace(""))
    return argument.with_changes(keyword=cst.Name(name), equal=tight)
