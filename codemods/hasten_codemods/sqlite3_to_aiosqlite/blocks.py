"""Where statements stand, as far as the facts tell: they know columns and lines, and no blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hasten.api import Call, Guard, Module, Span

_FOR = len("for ")


def entered(module: Module, call: Call) -> Guard | None:
    """Return the `with` statement that enters what `call` returns."""
    return next((each for each in _guards(module) if each.kind == "with" and each.payload == ["c", call.index]), None)


def beside(module: Module, guard: Guard) -> list[Call]:
    """Return the calls whose results the same `with` statement enters, that of `guard` among them."""
    same = [each for each in _guards(module) if (each.kind, each.start, each.end) == ("with", guard.start, guard.end)]
    return [module.call(each.payload[1]) for each in same if each.payload[0] == "c"]


def _guards(module: Module) -> Iterator[Guard]:
    return (module.guard(number) for number in range(len(module.facts["guards"])))


def target_column(module: Module, scope: int, iterated: list[Any], before: int) -> int | None:
    """Return the column of the variable of the `for` statement that goes through `iterated`, None for a comprehension.

    Args:
        module: where the loop is.
        scope: the scope that evaluates what is gone through.
        iterated: its shape.
        before: its offset.
    """
    starts = [
        start
        for bindings in module.facts["binds"][scope].values()
        for kind, payload, start, _nest in bindings
        if kind in {"for", "unpack"} and payload == iterated and start < before
    ]
    if not starts:
        return None
    # for key, value in rows: the first of them on the line that is nearest
    line = module.position(max(starts)).line
    return min(place.column for place in map(module.position, starts) if place.line == line)


def is_comprehended(module: Module, scope: int, span: Span) -> bool:
    """Tell whether an expression that is iterated is what a comprehension goes through."""
    if module.scope(scope).kind == "comp":
        return True
    # The first iterable of a comprehension belongs to the scope around it.
    return any(
        each.kind == "comp" and each.parent == scope and each.span.start <= span.start and span.end <= each.span.end
        for each in module.scopes()
    )


def may_be_in_loop(module: Module, column: int | None, call: Call) -> bool:
    """Tell whether a call below a loop's header may stand in its body; `column` is that of the loop's variable."""
    if column is None:
        return True
    start = statement_start(call)
    return start is None or module.position(start).column > column - _FOR


def statement_start(call: Call) -> int | None:
    """Return where the statement begins that is nothing but the call, or assigns it to a variable."""
    match call.use:
        case ["expr"]:
            return call.span.start
        case ["asg", int() as scope, str() as name]:
            for each in call.module.bindings(scope, name):
                if each.kind == "assign" and each.payload == ["c", call.index]:
                    return each.start
        case ["meth", _, int() as outer]:
            return statement_start(call.module.call(outer))
        case _:
            pass
    return None


def follows(module: Module, first: Span, column: int, start: int) -> bool:
    """Tell whether a statement that begins at `start` is the next one after that which ends with `first`.

    It begins in the line below, and in `column`: so nothing comes between, not even the head of a block.
    """
    place = module.position(start)
    return place.line == module.position(first.end).line + 1 and place.column == column
