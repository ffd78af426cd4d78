"""Where connections are kept when the functions that open them are over, and who hands them to whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from hasten.api import Call, Program, Scope
from hasten_codemods.sqlite3_to_aiosqlite import table
from hasten_codemods.sqlite3_to_aiosqlite.places import Attribute, Field, OfRequest, Place, State, Variable

if TYPE_CHECKING:
    from hasten_codemods.sqlite3_to_aiosqlite.webs import Web


def kept(program: Program, web: Web) -> str:
    """Return where a connection is kept that does not end in its function, an empty string where all of them do."""
    if not any(key in web.awaited for key in web.openings):
        return ""
    for place in sorted(web.put, key=lambda each: (web.put[each], str(each))):
        if web.places[place] != "connection":
            continue
        if isinstance(place, Attribute):
            owner = program.module(place.path).scope(place.owner).name
            return f"`{place.name}` of `{owner}` keeps a connection ({web.put[place]})"
        if isinstance(place, (Field, OfRequest, State)) or (isinstance(place, Variable) and place.scope == 0):
            return f"`{place.name}` keeps a connection ({web.put[place]})"
    return f"a connection outlives the function that opens it ({web.use.place})"


def handed(
    program: Program, web: Web, onward: Mapping[Place | tuple[str, int], set[Place]]
) -> list[tuple[Scope, Scope]]:
    """Return the functions that hand connections or cursors to others, each with the one that gets them.

    Args:
        program: the program.
        web: the connections.
        onward: what each place, or opening, hands on to other places.
    """
    found: dict[tuple[str, int, str, int], tuple[Scope, Scope]] = {}
    for holder, places in onward.items():
        if isinstance(holder, tuple):
            opening = web.openings[holder]
            giver = opening.module.enclosing(opening.scope, "function")
        else:
            giver = _around(program, holder)
        for place in places:
            taker = _around(program, place)
            if giver is not None and taker is not None:
                found[giver.module.path, giver.number, taker.module.path, taker.number] = giver, taker
    return [found[each] for each in sorted(found) if each[:2] != each[2:]]


def runs_on(program: Program, call: Call, parameter: Variable) -> bool:
    """Tell whether what a call is given may be used when the statement is over: by a task, or by a generator."""
    module = call.module
    function = program.module(parameter.path).scope(parameter.scope)
    if not (function.is_async or function.is_generator) or call.use[0] in {"await", "iter", "star", "unpack", "with"}:
        return False
    if call.use[0] != "arg":
        return True
    taker = module.call(call.use[1])
    dotted = module.dotted(taker.scope, taker.function)
    if dotted == "asyncio.wait_for":
        return bool(taker.use[0] != "await")
    return dotted not in table.EAGER | {"asyncio.run"}


def _around(program: Program, place: Place) -> Scope | None:
    """Return the function that has a variable, None where it is no function's."""
    if not isinstance(place, Variable) or place.scope == 0:
        return None
    return program.module(place.path).enclosing(place.scope, "function")
