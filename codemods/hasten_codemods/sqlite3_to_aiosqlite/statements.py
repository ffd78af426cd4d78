"""What an SQL statement does, as far as its text can be seen."""

from __future__ import annotations

import re
from typing import Any

from hasten.api import Call, Module

#: So many names and operators are looked through.
_DEEPEST = 6
#: A statement that begins with one of these changes no row and begins no transaction.
_READING = re.compile(r"(?is)\s*(?:--[^\n]*\n\s*)*(?:select|values|explain)\b")
#: `pragma table_info(t)` reads; `pragma user_version = 3` does not.
_PRAGMA = re.compile(r"(?is)\s*pragma\s+[\w.]+\s*(?:\(\s*['\"\w.]+\s*\))?\s*;?\s*$")
_READ_PRAGMAS = re.compile(r"(?is)\s*pragma\s+(?:\w+\.)?(?:table_x?info|index_list|index_info|foreign_key_list)\b")


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
