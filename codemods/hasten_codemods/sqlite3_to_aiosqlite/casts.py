"""`typing.cast(sqlite3.Connection, source)`: what type checkers are told, and gives back what it is given."""

from __future__ import annotations

from hasten.api import Argument, Call

_CASTS = frozenset({"typing.cast", "typing_extensions.cast"})


def is_cast(call: Call) -> bool:
    """Tell whether a call is one of `typing.cast`."""
    return call.module.dotted(call.scope, call.function) in _CASTS


def cast_value(call: Call) -> Argument | None:
    """Return what such a call gives back; None for any other call."""
    return call.argument(1, "val") if is_cast(call) else None
