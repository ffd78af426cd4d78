"""What the methods of connections and cursors take and give, whoever follows these."""

from __future__ import annotations

from typing import Any

from hasten.api import Call, Module, Program, Span, trouble_with
from hasten_codemods.sqlite3_to_aiosqlite import blocks, table
from hasten_codemods.sqlite3_to_aiosqlite.lives import Mark, Unfit
from hasten_codemods.sqlite3_to_aiosqlite.openings import escaped


def check_arguments(method: str, call: Call) -> None:
    """Refuse arguments that aiosqlite's method does not take.

    Raises:
        Unfit: it does not take one of them.
    """
    for each in call.arguments:
        if each.keyword not in {None, "*"} and each.keyword not in table.KEYWORDS.get(method, ()):
            message = f"`{method}` does not take `{each.keyword}=` in aiosqlite; pass it by position"
            raise Unfit("SQL123", message, each.span.start)
    if method == "cursor" and call.arguments:
        raise Unfit("SQL123", "`cursor` takes no class in aiosqlite", call.span.start)


def unsettable(name: str) -> str:
    """Return why an attribute of a connection cannot be set, for people."""
    if name in table.CONNECTION_READ | {"autocommit"}:
        return f"`{name}` cannot be set here; give it to `connect`"
    return (
        f"`{name}` is set, which no connection of `sqlite3` has: it is of another class, which aiosqlite does not open"
    )


def dumped(call: Call) -> str:
    """Return what is done at `connection.iterdump()`, which becomes an asynchronous generator.

    Raises:
        Unfit: its lines are taken in a way that has no counterpart.
    """
    module = call.module
    if call.arguments:
        raise Unfit("SQL123", "`iterdump` takes no arguments in aiosqlite", call.span.start)
    match call.use:
        case ["iter"] if blocks.is_comprehended(module, call.scope, call.span):
            return "dump"
        case ["iter"]:
            if blocks.loop_over(module, call.scope, ["c", call.index], call.span) is None:
                raise Unfit("SQL114", "it is one of several values here; write them apart", call.span.start)
            return "async-for"
        case ["arg", int() as index, 0]:
            taker = module.call(index)
            join = taker.function[0] == "a" and taker.function[2] == "join" and taker.function[1][0] == "k"
            if not join and module.dotted(taker.scope, taker.function) not in table.EAGER:
                raise escaped(call.use, "the dump", call.span.start)
            return "dump"
        case _:
            raise Unfit("SQL122", "the lines of the dump are taken in another way than by a loop", call.span.start)


def exception(program: Program, module: Module, scope: int, base: list[Any], name: str, offset: int) -> Mark:
    """Return how `connection.IntegrityError` is written then: `sqlite3.IntegrityError`.

    Args:
        program, module, scope: where it is.
        base: the connection.
        name: the exception.
        offset: where the connection stands.

    Raises:
        Unfit: the name `sqlite3` stands for something else there.
    """
    taken = trouble_with(program, module, scope, "sqlite3", offset)
    if taken:
        raise Unfit("SQL106", f"{taken}, and `sqlite3.{name}` is needed here", offset)
    entries = module.facts["attribute_reads"].get(name, ())
    end = next((each[4] for each in entries if each[0] == base and each[3] == offset), None)
    if end is None:
        raise Unfit("SQL120", f"aiosqlite's connections have no usable `{name}`", offset)
    return Mark(Span(offset, end), "name", (("name", f"sqlite3.{name}"),))
