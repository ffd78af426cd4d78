"""Where statements stand: the blocks and the `with` statements around them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hasten.api import Call, Guard, Module, Read, Span


def entered(module: Module, call: Call) -> Guard | None:
    """Return the `with` statement that enters what `call` returns."""
    return next((each for each in _guards(module) if each.kind == "with" and each.payload == ["c", call.index]), None)


def beside(module: Module, guard: Guard) -> list[Guard]:
    """Return what the same `with` statement enters, `guard` among it."""
    return [each for each in _guards(module) if (each.kind, each.start, each.end) == ("with", guard.start, guard.end)]


def is_spread(module: Module, guard: Guard) -> bool:
    """Tell whether a `with` enters several things, and its header has several lines."""
    others = beside(module, guard)
    first = module.position(guard.start).line
    return len(others) > 1 and any(module.position(each.inner).line != first for each in others)


def _guards(module: Module) -> Iterator[Guard]:
    return (module.guard(number) for number in range(len(module.facts["guards"])))


def around(module: Module, offset: int) -> Span:
    """Return the extent of the statements among which the one at `offset` stands: a block's, or a function's."""
    found = next(iter(module.blocks(offset)), None)
    if found is not None:
        return Span(found.start, found.end)
    bodies = [each.span for each in module.scopes() if each.kind in {"function", "class", "module"}]
    return max((each for each in bodies if each.start <= offset < each.end), key=lambda each: each.start)


def contains(span: Span, offset: int) -> bool:
    """Tell whether a place lies in a stretch of text."""
    return span.start <= offset < span.end


def loop_over(module: Module, scope: int, iterated: list[Any], span: Span) -> Span | None:
    """Return the body of the `for` statement that goes through an expression, None where it is one of several values.

    Args:
        module: where the loop is.
        scope: the scope that evaluates what is gone through.
        iterated: its shape.
        span: where it stands.
    """
    headers = [
        (header, Span(start, end))
        for _, kind, header, start, end in module.facts["blocks"]
        if kind in {"for", "async for"} and header < span.start and span.end <= start
    ]
    if not headers:
        return None
    header, body = max(headers)
    # for row in (rows if rows else others): another shape is bound
    exact = any(
        kind in {"for", "unpack"} and payload == iterated and header < start < span.start
        for bindings in module.facts["binds"][scope].values()
        for kind, payload, start, _nest in bindings
    )
    return body if exact else None


def is_comprehended(module: Module, scope: int, span: Span) -> bool:
    """Tell whether an expression that is iterated is what a comprehension goes through."""
    if module.scope(scope).kind == "comp":
        return True
    # The first iterable of a comprehension belongs to the scope around it.
    return any(
        each.kind == "comp" and each.parent == scope and each.span.start <= span.start and span.end <= each.span.end
        for each in module.scopes()
    )


def guarded(module: Module, read: Read) -> Span | None:
    """Return the statements that run only if the variable that is read holds something: those below `if variable:`.

    None where the read is no such test, or not all of it.
    """
    asks = read.use == ["cond"] or read.use[:2] == ["cmp", "IsNot"]
    for _, kind, head, start, end in module.facts["blocks"]:
        begin = read.span.start - head
        if kind == "if" and asks and begin in {len("if "), len("if (")} and read.span.end < start:
            alone = not any(
                read.span.end < other < start
                for reads in module.facts["reads"][read.scope].values()
                for other, _end, _use in reads
            )
            return Span(start, end) if alone else None
    return None


def header(module: Module, block: Span) -> int:
    """Return where the compound statement begins that the statements of a block belong to."""
    around = module.blocks(block.start)
    return next(each.header for each in around if (each.start, each.end) == (block.start, block.end))


def has_else(module: Module, block: Span) -> bool:
    """Tell whether something follows the block with the same header: `else`, `elif`."""
    first = header(module, block)
    return any(kind == "else" and start == first for _, kind, start, _, _ in module.facts["blocks"])


def holds_only(module: Module, block: Span, spans: list[Span]) -> bool:
    """Tell whether a block consists of the statements at `spans` and nothing else."""
    inside = sorted(each for each in spans if contains(block, each.start))
    if not inside or inside[0].start != block.start or inside[-1].end != block.end:
        return False
    places = [start for table in module.facts["reads"] for reads in table.values() for start, _end, _use in reads]
    places += [entry[2] for table in module.facts["binds"] for entries in table.values() for entry in entries]
    places += [each.span.start for each in module.calls()]
    return all(any(contains(each, place) for each in inside) for place in places if contains(block, place))


def fresh_name(module: Module, scope: int) -> str:
    """Return a name for a cursor that nothing in a function uses."""
    taken = {name for each in module.inside(scope) for part in ("binds", "reads") for name in module.facts[part][each]}
    name, number = "cursor", 1
    while name in taken:
        number += 1
        name = f"cursor_{number}"
    return name


def names_with(module: Module, guard: Guard) -> bool:
    """Tell whether a `with` binds what it enters to more than a plain name: `with f() as self.connection:`."""
    if guard.name:
        return False
    # What else gets the same value, `self.connection = connection`, stands elsewhere.
    stores = [(entry[1], entry[3]) for entries in module.facts["attribute_stores"].values() for entry in entries]
    stores += [
        (entry[1], entry[2]) for table in module.facts["binds"] for entries in table.values() for entry in entries
    ]
    if any(value == guard.payload and guard.start < start < guard.inner for value, start in stores):
        return True
    return guard.payload in [entry[2] for entry in module.facts["item_stores"]]


def around_close(module: Module, offset: int) -> Span:
    """Return the statements that surely run after the one at `offset`: those of its block, out of any `finally`."""
    for each in module.blocks(offset):
        if each.kind not in {"finally", "with", "async with"}:
            return Span(each.start, each.end)
    bodies = [each.span for each in module.scopes() if each.kind in {"function", "class", "module"}]
    return max((each for each in bodies if contains(each, offset)), key=lambda each: each.start)


def end_of_loop(module: Module, span: Span) -> int:
    """Return where the `for` statement ends that goes through what stands at `span`."""
    heads = [each[2] for each in module.facts["blocks"] if each[1] in {"for", "async for"} and each[2] < span.start]
    inside = [each for each in module.facts["blocks"] if each[2] in heads and span.end <= each[3]]
    header = max(each[2] for each in inside)
    return int(max(each[4] for each in module.facts["blocks"] if each[2] == header))


def is_generator(module: Module, span: Span) -> bool:
    """Tell whether what stands at a place is a generator expression."""
    return any(each.name == "<GeneratorExp>" and each.span == span for each in module.scopes())
