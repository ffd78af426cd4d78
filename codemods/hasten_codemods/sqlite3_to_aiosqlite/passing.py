"""`sqlite3.connect`, or `sqlite3` itself, as a value: who gets it opens connections that are not followed.

def library():
    import sqlite3
    return sqlite3

db = library().connect(path)
"""

from __future__ import annotations

from collections.abc import Iterator

from hasten.api import Call, Program, Use
from hasten_codemods.sqlite3_to_aiosqlite.lives import Unfit

_CONNECT = "sqlite3.connect"


def passed_on(program: Program, use: Use) -> Unfit:
    """Return why nothing is done about the function, or the module, as a value; with the calls that open, if seen."""
    what = "`sqlite3.connect`" if use.name == _CONNECT else "`sqlite3` itself"
    if use.fate[0] == "ret":
        message = f"{what} is handed to whoever calls the function, so that what they open cannot be followed"
    else:
        message = f"{what} is passed on as a value, and whoever calls it awaits nothing"
    why = Unfit("SQL102", message, use.span.start)
    if use.fate[0] == "ret" and use.name != _CONNECT:
        why.calls = tuple(_opening(program, use))
    return why


def _opening(program: Program, use: Use) -> Iterator[Call]:
    """Yield the calls of `connect` on the module that a function returns, at once or through a variable."""
    function = use.module.scope(use.fate[1])
    for call, certain in program.callers(function) if function.kind == "function" else ():
        if not certain:
            continue
        uses = [call.use]
        if call.use[0] == "asg":
            uses = [each.use for each in call.module.reads(call.use[1], call.use[2])]
        for each in uses:
            if each[:2] == ["meth", "connect"]:
                yield call.module.call(each[2])
