"""What a variable surely does not hold at a place, by the conditions on the way there.

    if isinstance(source, str):
        source = connect(source)    # no connection is read here,
    source.commit()                 # and no text here

It is asked of one thing that the variable may hold, by where the variable is given it, which is what the order of the
statements is asked for: a stretch of text that can only be entered through a condition is closed to what the condition
turns away, unless the variable is given it in there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from hasten.index.conditions import Test
from hasten.index.module import Module, Shape
from hasten.model import Span

#: Tells whether something fails an atomic test (or passes it, where the test did not hold), so that it is turned away.
Denies = Callable[[Test, bool], bool]
_LOOPS = frozenset({"for", "async for", "while"})


class Condition(NamedTuple):
    """One record of the facts; see `hasten.index.conditions`."""

    scope: int
    kind: str
    start: int
    end: int
    test: Test
    yes: list[int] | None
    no: list[int] | None
    leaves: str
    inner: bool
    given: list[list[str]]


def excluded(
    module: Module, scope: int, shape: Shape, offset: int, denies: Denies, entries: Iterable[int] = ()
) -> bool:
    """Tell whether what is read at a place is surely not a certain thing.

    Args:
        module, scope, offset: the place.
        shape: what is read there: a variable, or an attribute of one.
        denies: tells what turns the thing away.
        entries: where the variable is given that thing in the same function, its head left out.
    """
    home = _home(module, scope)
    later = list(entries)
    for each in _conditions(module):
        if each.start > offset or not _speaks_of(each.test, shape) or _home(module, each.scope) != home:
            continue
        if any(
            region.start <= offset < region.end
            and not any(_comes_in(module, each.start, region, one, offset) for one in later)
            for region in _closed(module, each, shape, denies)
        ):
            return True
    return False


def instance_of(module: Module, scope: int, shape: Shape, offset: int, entries: Iterable[int] = ()) -> Shape | None:
    """Return the class that `isinstance` said a variable holds an object of, None where it was not asked on the way.

    Args:
        module, scope, offset: the place.
        shape: the variable.
        entries: where it is given a value in the same function, beside its head.
    """
    given = list(entries)
    for asked in [one for each in _conditions(module) for one in _classes(each.test, shape)]:

        def denies(test: Test, holds: bool, asked: Shape = asked) -> bool:  # noqa: FBT001 - as it is called
            return holds and test[0] == "isinstance" and test[2] == [asked]

        if excluded(module, scope, shape, offset, denies, given):
            return asked
    return None


def _classes(test: Test, shape: Shape) -> Iterator[Shape]:
    """Yield the classes that a test asks for alone."""
    match test:
        case ["not", inner]:
            yield from _classes(inner, shape)
        case ["and" | "or", tests]:
            for each in tests:
                yield from _classes(each, shape)
        case ["isinstance", asked, [alone]] if asked == shape:
            yield alone
        case _:
            pass


def _conditions(module: Module) -> Iterator[Condition]:
    return (Condition(*each) for each in module.facts["conditions"])


def _closed(module: Module, condition: Condition, shape: Shape, denies: Denies) -> Iterator[Span]:
    """Yield the stretches of text that the thing does not get into past a condition."""
    if condition.yes is not None and _denied(condition.test, shape, denies, holds=True):
        yield Span(*condition.yes)
    if condition.no is not None and _denied(condition.test, shape, denies, holds=False):
        yield Span(*condition.no)
    if condition.kind == "assert" and _denied(condition.test, shape, denies, holds=True):
        yield Span(condition.end, _end_of_block(module, condition.start))
    if condition.kind == "if" and not _passes(module, condition, shape, denies):
        yield Span(condition.end, _end_of_block(module, condition.start))


def _passes(module: Module, condition: Condition, shape: Shape, denies: Denies) -> bool:
    """Tell whether the thing may still be in the variable when an `if` is over."""
    through = (
        "y" not in condition.leaves
        and not _denied(condition.test, shape, denies, holds=True)
        and _name(shape) not in condition.given[0]
    )
    if through:
        return True
    if "n" in condition.leaves or _denied(condition.test, shape, denies, holds=False):
        return False
    if condition.no is None:
        return True
    if _name(shape) in condition.given[1]:
        return False
    if condition.inner:
        begin = condition.no[0]
        inner = next((each for each in _conditions(module) if each.start == begin and each.kind == "if"), None)
        return inner is None or _passes(module, inner, shape, denies)
    return True


def _name(shape: Shape) -> str:
    """Return how `hasten.index.conditions.given` names a variable, or an attribute of one."""
    return str(shape[1]) if shape[0] == "n" else f"{shape[1][1]}.{shape[2]}"


def _end_of_block(module: Module, offset: int) -> int:
    """Return where the statements end that the one at a place is one of."""
    found = next(iter(module.blocks(offset)), None)
    if found is not None:
        return found.end
    bodies = [each.span for each in module.scopes() if each.kind in {"function", "class", "module"}]
    return max((each for each in bodies if each.start <= offset < each.end), key=lambda each: each.start).end


def _comes_in(module: Module, start: int, region: Span, entry: int, offset: int) -> bool:
    """Tell whether what the variable is given at `entry` may be read at `offset`, past the condition at `start`."""
    if not start <= entry < region.end:
        return False
    if entry < offset and not _is_part_of(module, entry, offset):
        return True
    return any(
        each.kind in _LOOPS and start <= each.header and each.start <= offset < each.end
        for each in module.blocks(entry)
    )


def _is_part_of(module: Module, entry: int, offset: int) -> bool:
    """Tell whether a place lies in the call that makes what is assigned at `entry`: `x = f(x)` reads the old `x`."""
    return any(
        record[2] == entry
        and record[0] == "assign"
        and record[1] is not None
        and record[1][0] == "c"
        and module.call(record[1][1]).span.start <= offset < module.call(record[1][1]).span.end
        for table in module.facts["binds"]
        for records in table.values()
        for record in records
    )


def _speaks_of(test: Test, shape: Shape) -> bool:
    match test:
        case ["not", inner]:
            return _speaks_of(inner, shape)
        case ["and" | "or", tests]:
            return any(_speaks_of(each, shape) for each in tests)
        case [_, asked, *_]:
            return bool(asked == shape)
        case _:
            return False


def _denied(test: Test, shape: Shape, denies: Denies, *, holds: bool) -> bool:
    """Tell whether a thing cannot be in the variable where a test holds, or where it does not."""
    match test:
        case ["not", inner]:
            return _denied(inner, shape, denies, holds=not holds)
        case ["and", tests] if holds:
            return any(_denied(each, shape, denies, holds=True) for each in tests)
        case ["or", tests] if not holds:
            return any(_denied(each, shape, denies, holds=False) for each in tests)
        case ["and" | "or", tests]:
            # One of them made it so, nobody knows which.
            return all(_denied(each, shape, denies, holds=holds) for each in tests)
        case [_, asked, *_] if asked == shape:
            return denies(test, holds)
        case _:
            return False


def _home(module: Module, scope: int) -> int:
    """Return the scope whose statements a place belongs to: a generator expression runs at a time of its own."""
    while module.scope(scope).kind == "comp" and module.scope(scope).name != "<GeneratorExp>":
        scope = module.scope(scope).parent
    return scope
