"""Who catches an exception of `sqlite3` that leaves a place, in the function itself or above it."""

from __future__ import annotations

from typing import Any

from hasten.api import Module, Program, value_calls

#: `with` statements that catch the classes they are given, by the last name.
_CATCHERS = frozenset({"suppress", "raises", "assertRaises", "assertRaisesRegex"})
#: Exceptions of `sqlite3` that no row raises when it is read.
_OTHERS = frozenset(
    f"sqlite3.{each}" for each in ("IntegrityError", "NotSupportedError", "ProgrammingError", "Warning")
)
_BROAD = frozenset({"builtins.Exception", "builtins.BaseException"})
#: So many functions are looked through upwards.
_MOST = 200


def place(program: Program, module: Module, function: int, offset: int, *, anything: bool) -> str:
    """Return where an exception from a place is caught and not raised again; empty where nobody does, as far as seen.

    Args:
        program: where callers are looked for.
        module: where the place is.
        function: the scope of the function around it.
        offset: the place.
        anything: other exceptions than those of `sqlite3` may come from there.
    """
    seen = {(module.path, function)}
    pending = [(module, function, offset)]
    while pending:
        here, scope, start = pending.pop(0)
        line = _line(program, here, scope, start, anything=anything)
        if line:
            return f"{here.path}:{line}"
        around = here.enclosing(scope, "function")
        if around is None:
            continue
        calls = [call for call, _certain in program.callers(around)]
        for call in [*calls, *value_calls(program, around)]:
            above = call.module.enclosing(call.scope, "function", "module")
            number = above.number if above is not None else 0
            # Each call counts: another one in the same function may stand in a `try`.
            key = call.module.path, -call.index - 1
            if key not in seen and len(seen) < _MOST:
                seen.add(key)
                pending.append((call.module, number, call.span.start))
    return ""


def _line(program: Program, module: Module, scope: int, offset: int, *, anything: bool) -> int:
    """Return the line of the statement in the same function that catches; 0 is none."""
    for block in module.blocks(offset):
        for record in module.facts["guards"] if block.kind in {"try", "with"} else ():
            _, kind, payload, start, *_ = record
            if kind != block.kind or start != block.header:
                continue
            if kind == "try":
                for types, _name, first, _end, statements in payload:
                    # What is raised again goes on to those above.
                    again = bool(statements) and statements[-1] == "Reraise"
                    if not again and _matches(program, module, scope, types, anything=anything):
                        return module.position(first).line
            elif payload is not None and payload[0] == "c":
                call = module.call(payload[1])
                if call.tail in _CATCHERS and any(
                    _matches(program, module, scope, each.shape, anything=anything) for each in call.arguments
                ):
                    return module.position(start).line
    return 0


def _matches(program: Program, module: Module, scope: int, types: Any, *, anything: bool) -> bool:  # noqa: ANN401 - a shape
    """Tell whether a handler may be for an exception of `sqlite3`."""
    if types is None or anything:
        return True
    if types[0] == "t":
        return any(_matches(program, module, scope, each, anything=anything) for each in types[1])
    if types[0] == "k":
        return False
    dotted = program.dotted(module, scope, types)
    if dotted is None or dotted in _BROAD:
        return True
    if dotted.startswith("builtins.") or dotted.partition(".")[0] == "sqlite3":
        return dotted.startswith("sqlite3.") and dotted not in _OTHERS
    target = program.resolve(dotted)
    # A name of the program that is no class holds classes: `ERRORS = (OSError, sqlite3.Error)`.
    return target is None and program.is_own(dotted)
