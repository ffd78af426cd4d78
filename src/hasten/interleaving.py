"""Find state that a function reads before it waits and writes after it waited.

While a coroutine function waits other tasks run. What it read before may be out of date by then, and what it writes
then may undo what they wrote: the cache is filled ten times, and of ten additions one is left. And what it put into a
variable of the whole program before may be something else when it reads it again.
"""

from __future__ import annotations

from collections.abc import Iterator

from hasten.index.module import Module, Shape, Use
from hasten.index.program import Program
from hasten.model import Span
from hasten.touches import CHANGING, Touch, is_everyones, process_wide, touches_of

_LOOPS = frozenset({"for", "async for", "while"})
#: How much of a value that is read lives on after its expression: nothing, the way that is taken, the value itself.
SHOWN, CHECKED, CARRIED = range(3)
_USED_AT_ONCE = {"expr": SHOWN, "fmt": SHOWN, "ret": SHOWN, "raise": SHOWN, "cond": CHECKED, "cmp": CHECKED}


def straddled(
    module: Module, scope: int, waits: Span, program: Program | None = None, safe: frozenset[str] = frozenset()
) -> tuple[str, int, int] | None:
    """Return state that is read on one side of `waits` and written on the other: its name, and the offsets of both.

    Args:
        module: where the function is.
        scope: the number of the function.
        waits: the expression that is to be awaited.
        program: tells what imported names stand for; without it they stand for nothing that is made once only.
        safe: state that nobody else changes meanwhile.

    Only what other tasks can get at counts: attributes, global names, variables of outer functions, what a parameter or
    an unknown value holds. What is read comes first. Where the wait stands in a loop the way back to its start leads
    past it, too. What is assigned to variables of the whole program or to attributes of the object, and read after the
    wait, is the third case.
    """
    touches = [each for each in touches_of(module, scope, program) if each.place not in safe]
    touches.sort(key=lambda each: each[:4])
    if _makes_instances(module, scope):
        # Nobody else has the instance yet; where somebody gets it early, that is another hazard.
        touches = [each for each in touches if each.place.partition(".")[0] != "self"]
    read = {each.place: each for each in reversed(touches) if each.reads and each.start < waits.start}
    for each in touches:
        # self.cache = load(): what is waited for is written when it is there
        after = each.start >= waits.end or _contains_call(module, each.value, waits)
        if each.writes and after and each.place in read and read[each.place].start != each.start:
            return each.place, read[each.place].start, each.start
    for each in touches:
        # `os.environ["MODE"] = mode`, and the mode of another task is read; `self.last += 1`, and its number
        given = each.writes and each.use[:1] != ["meth"] and each.start < waits.start
        shared = is_everyones(module, scope, each.place) or each.place.partition(".")[0] in {"self", "cls"}
        if given and shared and not _contains_call(module, each.value, waits):
            for later in touches:
                if later.place == each.place and later.reads and not later.writes and later.start >= waits.end:
                    return each.place, later.start, each.start
    for place, set_at, read_at in process_wide(module, scope):
        if set_at < waits.start and read_at >= waits.end:
            return place, read_at, set_at
    return _carried_round(module, waits, touches)


def _makes_instances(module: Module, scope: int) -> bool:
    """Tell whether a function is the constructor of a class."""
    function = module.scope(scope)
    return function.name == "__init__" and function.parent >= 0 and module.scope(function.parent).kind == "class"


def _contains_call(module: Module, shape: object, waits: Span) -> bool:
    """Tell whether a value is made of what is waited for, so that it is written afterwards: `self.last = f()`."""
    if not isinstance(shape, list) or not shape:
        return False
    if shape[0] == "c" and isinstance(shape[1], int):
        return module.call(shape[1]).span == waits
    return any(_contains_call(module, each, waits) for each in shape)


def _carried_round(module: Module, waits: Span, touches: list[Touch]) -> tuple[str, int, int] | None:
    """Return what is read, and written after the wait by way of a loop around it."""
    loops = list(loops_around(module, waits))
    if not loops:
        return None
    own = _own_reads(touches)
    for write in touches:
        if not write.writes or (write.use[:1] == ["meth"] and write.place in {"self", "cls"}):
            continue  # `self.update()` is a method of the program's, most likely
        for read in touches:
            if not read.reads or read.place != write.place or read.start == write.start:
                continue  # what one operation reads and writes it does before anybody else can
            before = read.start < waits.start or any(is_in(each, read.start) for each in loops)
            after = write.start >= waits.end or any(is_in(each, write.start) for each in loops)
            if not (before and after) or own.get(read.start) == write.start:
                continue
            living = SHOWN if read.start in own else lives_on(module, read.use)
            if living == CARRIED or (living == CHECKED and not _is_new(module, waits, loops, read, write)):
                return read.place, read.start, write.start
    return None


def loops_around(module: Module, waits: Span) -> Iterator[Span]:
    """Yield what runs again after the wait: the bodies of the loops around it, and the conditions of `while`."""
    for each in module.blocks(waits.start):
        if each.kind in _LOOPS:
            # The head of `for` is evaluated once.
            yield Span(each.header if each.kind == "while" else each.start, each.end)
    for record in module.facts["blocks"]:
        if record[1] == "while" and record[2] <= waits.start < record[3]:
            yield Span(record[2], record[4])
    for scope in module.scopes():
        if scope.kind == "comp" and scope.span.start <= waits.start < scope.span.end:
            yield scope.span


def is_in(span: Span, start: int) -> bool:
    """Tell whether an offset lies in a span."""
    return span.start <= start < span.end


def _is_new(module: Module, waits: Span, loops: list[Span], read: Touch, write: Touch) -> bool:
    """Tell whether a condition is looked at anew before each write, with no wait between."""
    if read.start > write.start or (read.start < waits.start) != (write.start < waits.start):
        return False
    if not all(is_in(each, read.start) for each in loops if is_in(each, write.start)):
        return False
    innermost = next(iter(module.blocks(read.start)), None)
    return innermost is None or innermost.start <= write.start < innermost.end


def lives_on(module: Module, use: Use) -> int:
    """Return how much of a value lives on that is used like this."""
    for _ in range(20):
        match use:
            case ["attr", _, inner] | ["sub", inner]:
                use = inner
            case ["arg", number, _]:
                taker = module.call(number)
                if taker.tail in CHANGING:
                    return CARRIED  # it is put into something
                use = taker.use
            case ["meth", _, number] | ["call" | "callee", number]:
                use = module.call(number).use
            case [kind, *_]:
                return _USED_AT_ONCE.get(kind, CARRIED)
            case _:
                return SHOWN
    return CARRIED


def _own_reads(touches: list[Touch]) -> dict[int, int]:
    """Return the reads that make the value of a write, `self.n = self.n + 1`, with the offset of that write."""
    found: dict[int, int] = {}
    for index, write in enumerate(touches):
        wanted = _mentions(write.value, write.place) if write.value is not None else 0
        for each in touches[index + 1 :]:
            if wanted and each.reads and each.place == write.place:
                found[each.start] = write.start
                wanted -= 1
    return found


def _mentions(shape: object, place: str) -> int:
    """Return how often a place is part of a shape, as far as it is made of operators, items and displays."""
    if not isinstance(shape, list) or not shape:
        return 0
    if shape[0] == "n" or shape[0] == "a":
        return int(_dotted(shape) == place)
    return sum(_mentions(each, place) for each in shape)


def _dotted(shape: Shape) -> str:
    names: list[str] = []
    while shape[0] == "a":
        names.append(shape[2])
        shape = shape[1]
    return ".".join([shape[1], *reversed(names)]) if shape[0] == "n" else ""
