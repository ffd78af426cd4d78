"""What reads of properties and calls of methods give, as far as their definitions, or the standard library, say it."""

from __future__ import annotations

from collections.abc import Iterator

from hasten.index.module import Call, Module, Scope, Shape

_PROPERTIES = {"builtins.property": "property", "functools.cached_property": "cached"}
_CURSOR = "sqlite3.Cursor"
#: Most methods from elsewhere may hand out what they were given; these do not.
_GIVING = {
    "sqlite3.connect": {"cursor": _CURSOR, "execute": _CURSOR, "executemany": _CURSOR, "executescript": _CURSOR},
    _CURSOR: {"execute": _CURSOR, "executemany": _CURSOR, "executescript": _CURSOR},
}
_GIVING["sqlite3.Connection"] = _GIVING["sqlite3.connect"]


def given_by(kind: object, call: Call) -> str | None:
    """Return the class of what a call of a method gives, by what its object is, or by what made that; None: unknown."""
    if not isinstance(kind, str) or (call.tail == "cursor" and call.arguments):
        return None  # connection.cursor(OwnCursor)
    return _GIVING.get(kind, {}).get(call.tail)


def given_by_getter(getter: Scope) -> Iterator[tuple[Module, int, Shape | None]]:
    """Yield what a property gives; None for what nobody can tell."""
    if getter.returns is not None:
        yield getter.module, getter.parent, ["@", getter.returns]
    elif getter.is_async or getter.is_generator or not getter.returned:
        yield getter.module, getter.number, None
    else:
        yield from ((getter.module, getter.number, each) for each in getter.returned)


def property_of(function: Scope) -> str:
    """Return `property` or `cached` for the getter of a property, `""` for any other function."""
    dotted = (function.module.dotted(function.parent, each) for each in function.decorators)
    return next((_PROPERTIES[each] for each in dotted if each in _PROPERTIES), "")
