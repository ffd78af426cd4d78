"""What an SQL statement does, as far as its text can be seen."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from hasten.api import Call, Module
from hasten_codemods.sqlite3_to_aiosqlite import table

#: So many names and operators are looked through.
_DEEPEST = 6
#: A statement that begins with one of these changes no row and begins no transaction.
_READING = re.compile(r"(?is)\s*(?:--[^\n]*\n\s*)*(?:select|values|explain)\b")
#: `pragma table_info(t)` reads; `pragma user_version = 3` does not.
_PRAGMA = re.compile(r"(?is)\s*pragma\s+[\w.]+\s*(?:\(\s*['\"\w.]+\s*\))?\s*;?\s*$")
_READ_PRAGMAS = re.compile(r"(?is)\s*pragma\s+(?:\w+\.)?(?:table_x?info|index_list|index_info|foreign_key_list)\b")

#: A statement that may leave rows when it is not read to its end.
_GIVING = re.compile(r"(?is)\s*(?:--[^\n]*\n\s*)*(?:select|values|with)\b|.*\breturning\b")
_SELECT = re.compile(r"(?is)\s*(?:--[^\n]*\n\s*)*select\b")
#: What makes a query give several rows, or one for each group.
_SEVERAL = re.compile(r"(?is)\b(?:group\s+by|union|except|intersect|over)\b")
#: `max(a, b)` of two values is none of these, `max(a)` is.
_AGGREGATE = re.compile(r"(?is)\b(?:(?:count|sum|avg|total|group_concat)\s*\(|(?:min|max)\s*\([^(),]*\))")
_LIMIT = re.compile(r"(?is)\blimit\s+(\d+)(?:\s+offset\s+[\w:?@$]+)?\s*;?\s*$")
_QUOTED = re.compile(r"(?s)'(?:[^']|'')*'|\"[^\"]*\"|\[[^\]]*\]|`[^`]*`|--[^\n]*|/\*.*?\*/")
_SUBQUERY = re.compile(r"(?is)\(\s*(?:select|values|with)\b")

#: `pragma user_version` gives a row, `pragma user_version = 3` none; these give one in any case, and keep a lock.
_GIVING_PRAGMA = re.compile(r"(?is)\s*pragma\s+(?:\w+\.)?(?:(?:journal_mode|wal_checkpoint)\b|[^=]*$)")
#: What cannot be done while another statement of the connection has rows left.
_EXCLUSIVE = re.compile(r"(?is)(?:^|;)\s*(?:drop|alter|vacuum|detach|reindex)\b")


def gives_rows(call: Call) -> bool:
    """Tell whether the text of an `execute` shows that it gives rows."""
    given = call.argument(0) if call.tail == "execute" else None
    text, _whole = text_of(call.module, call.scope, given.shape) if given is not None else ("", False)
    return bool(_GIVING.match(text) or _GIVING_PRAGMA.match(text))


def is_exclusive(call: Call) -> bool:
    """Tell whether a statement fails while another one of the connection has rows left, as far as its text shows."""
    given = call.argument(0) if call.tail in {"execute", "executescript"} else None
    return given is not None and bool(_EXCLUSIVE.search(text_of(call.module, call.scope, given.shape)[0]))


def most_rows(call: Call) -> int | None:
    """Return how many rows an `execute` gives at most, as far as its text shows; None where it may be any number."""
    if call.tail != "execute":
        return 0
    given = call.argument(0)
    text, whole = text_of(call.module, call.scope, given.shape) if given is not None else ("", False)
    if not text:
        return None
    if not _GIVING.match(text):
        return 0
    if not whole:
        return None
    plain = _without_subqueries(_QUOTED.sub("''", text))
    limit = _LIMIT.search(plain)
    if limit is not None:
        return int(limit[1])
    if not _SELECT.match(plain) or _SEVERAL.search(plain):
        return None
    chosen, source, _ = (
        re.split(r"(?is)(\bfrom\b)", plain, maxsplit=1) if re.search(r"(?i)\bfrom\b", plain) else (plain, "", "")
    )
    return 1 if not source or _AGGREGATE.search(chosen) else None


def _without_subqueries(text: str) -> str:
    """Return a statement without the queries inside of it."""
    while (found := _SUBQUERY.search(text)) is not None:
        depth, end = 1, found.start() + 1
        while end < len(text) and depth:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        text = f"{text[: found.start()]}0{text[end:]}"
    return text


def reads_only(call: Call) -> bool:
    """Tell whether an `execute` surely changes nothing: its statement is written out, and begins as a query does."""
    if call.tail != "execute" or not call.arguments or call.arguments[0].keyword is not None:
        return False
    text, whole = text_of(call.module, call.scope, call.arguments[0].shape)
    if _READING.match(text):
        return True
    # A pragma with an argument may set something, but for those that describe tables.
    return bool(_READ_PRAGMAS.match(text)) or (whole and "(" not in text and bool(_PRAGMA.match(text)))


def text_of(module: Module, scope: int, shape: list[Any], depth: int = 0) -> tuple[str, bool]:
    """Return the beginning of a text as far as it is written out, and whether that is all of it."""
    if depth > _DEEPEST:
        return "", False
    match shape:
        case ["k", "str", str() as text]:
            return text, True
        case ["f", [first, *rest]]:
            text, whole = text_of(module, scope, first, depth + 1)
            return text, whole and not rest
        case ["o", "Add" | "Mod" as operator, left, right]:
            text, whole = text_of(module, scope, left, depth + 1)
            if operator == "Add" and whole:
                more, whole = text_of(module, scope, right, depth + 1)
                return text + more, whole
            return text, False
        case ["c", int() as index] if (call := module.call(index)).tail == "format" and call.function[0] == "a":
            return text_of(module, scope, call.function[1], depth + 1)[0], False
        case ["n", str() as name]:
            found = module.lookup(scope, name)
            # A constant of the module, or a variable that the function gives one value only.
            if found is not None and len(found[1]) == 1 and found[1][0].kind == "assign" and found[1][0].payload:
                return text_of(module, found[0], found[1][0].payload, depth + 1)
            return "", False
        case _:
            return "", False


def rows_of_many(call: Call, is_cursor: Callable[[int], bool]) -> tuple[tuple[str, str], ...]:
    """Return how the rows of an `executemany` are made before it: `rows` is `list` or `brackets`; empty as they are.

    Args:
        call: the `executemany`.
        is_cursor: tells whether the call of a number in this file gives a cursor, which becomes a list anyway.
    """
    module, given = call.module, call.argument(1)
    if given is None:
        return ()
    shape: Any = given.shape
    name = ""
    if shape[0] == "n":
        name = shape[1]
        found = module.lookup(call.scope, name)
        if found is not None and len(found[1]) == 1 and found[1][0].kind == "assign":
            shape = found[1][0].payload
    if shape is None or shape[0] not in {"g", "c"} or (shape[0] == "g" and shape[1] != "GeneratorExp"):
        return ()
    if shape[0] == "c":
        made = module.call(shape[1])
        dotted = module.dotted(made.scope, made.function)
        if dotted in table.MADE_AT_ONCE or made.tail in {*table.FETCHES, "items", "values", "keys", "splitlines"}:
            return ()
        if is_cursor(shape[1]) or made.tail in table.CURSORS:
            return ()
    return (("rows", "list" if name or shape[0] == "c" else "brackets"),)
