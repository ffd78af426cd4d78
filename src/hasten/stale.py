"""Find state that a function goes on trusting across a wait, and that something else changes meanwhile.

A list is iterated, with the wait in the loop, and another task removes from it. Or a name is looked for before the
wait and used after it, and another task has removed it. Nothing of that is written by the function itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from hasten.changes import Changes, Place
from hasten.index.module import Module, Scope, Shape, Use
from hasten.index.program import Program
from hasten.interleaving import CHECKED, is_in, lives_on, loops_around
from hasten.model import Span
from hasten.touches import Touch, touches_of

#: Methods that hand out views, which are as fresh as what they look at.
_VIEWS = frozenset({"items", "keys", "values", "__iter__"})
#: Functions that take one element after the other, as they are asked for it.
_LAZY = frozenset({"enumerate", "zip", "reversed", "iter", "map", "filter", "islice", "chain", "cycle", "pairwise"})
#: Methods that return something of what a container holds.
_READING = _VIEWS | {"get", "copy", "index", "count", "__getitem__", "__contains__", "isdisjoint", "issubset"}
_BARE = (["cond"], ["cmp"])


class Trusted(NamedTuple):
    """State that is read before a wait and trusted after it.

    Attributes:
        touch: where it is read first.
        again: the offset where it is used after the wait; that of the loop's iterable where it is iterated.
        iterated: it is what a loop around the wait goes through.
    """

    touch: Touch
    again: int
    iterated: bool


def trusted(module: Module, scope: int, waits: Span, program: Program) -> list[Trusted]:
    """Return the state that the function trusts across `waits`, whoever may change it."""
    touches = sorted(touches_of(module, scope, program), key=lambda each: each[:4])
    found = [Trusted(each, each.start, iterated=True) for each in touches if _is_iterated(module, scope, waits, each)]
    found += _used_again(module, scope, waits, touches, program)
    return found


def message(module: Module, scope: Scope, found: Trusted, changes: Changes) -> str:
    """Return what somebody else does to what is trusted, in words; an empty string where nobody does."""
    touch = found.touch
    shape = _shape(touch.place)
    # What the function itself does to a variable of its own, or to an argument, no other task of it does to the same.
    own = found.iterated and (shape[0] == "a" or module.is_bound(0, shape[1]))
    around = _innermost(module, scope.number, touch.start)
    reason = changes.beside(
        Place(module, around, shape),
        scope,
        inside=found.iterated,
        own=own,
        items=not found.iterated or touch.use[0] == "sub",
    )
    if not reason:
        return ""
    place = f"{module.path}:{module.position(touch.start).line}"
    if found.iterated:
        return f"`{touch.place}` is iterated at {place}, with a new wait in the loop, and {reason}"
    again = module.position(found.again).line
    return f"`{touch.place}` is read at {place} and again at line {again}, with a new wait between, and {reason}"


def _shape(place: str) -> Shape:
    root, *names = place.split(".")
    shape: Shape = ["n", root]
    for each in names:
        shape = ["a", shape, each]
    return shape


def _innermost(module: Module, function: int, offset: int) -> int:
    """Return the innermost scope at a place in a function."""
    inside = [each for each in module.scopes() if each.span.start <= offset < each.span.end]
    return max((each.number for each in inside), default=function)


# --- iterated ---------------------------------------------------------------------------------------------------------


def _is_iterated(module: Module, scope: int, waits: Span, touch: Touch) -> bool:
    if touch.writes or is_in(waits, touch.start) or not _is_iterable_of(module, touch.use):
        return False
    if touch.use[0] == "sub" and _is_sliced(module, scope, _shape(touch.place)):
        return False
    for block in module.blocks(waits.start):
        if block.kind == "for" and block.header <= touch.start < block.start:
            return True
    return any(
        each.kind == "comp" and is_in(each.span, waits.start) and is_in(each.span, touch.start)
        for each in module.scopes()
    )


def _is_iterable_of(module: Module, use: Use) -> bool:
    """Tell whether a value that is used like this is gone through, one element at a time."""
    match use:
        case ["iter", *_]:
            return True
        case ["sub", inner]:
            return _is_iterable_of(module, inner)
        case ["meth", name, number]:
            return name in _VIEWS and _is_iterable_of(module, module.call(number).use)
        case ["arg", number, _]:
            call = module.call(number)
            return call.tail in _LAZY and _is_iterable_of(module, call.use)
        case _:
            return False


def _is_sliced(module: Module, scope: int, shape: Shape) -> bool:
    """Tell whether a slice of `shape` is what is iterated: a copy."""
    copy = ["i", shape, ["x", "Slice"]]
    inside = [each for each in module.scopes() if each.number == scope or (each.kind == "comp")]
    bound = (each for one in inside for kept in module.facts["binds"][one.number].values() for each in kept)
    return any(payload == copy for _kind, payload, *_ in bound) or any(
        argument.shape == copy for call in module.calls() if call.tail in _LAZY for argument in call.arguments
    )


# --- used again -------------------------------------------------------------------------------------------------------


def _used_again(module: Module, scope: int, waits: Span, touches: list[Touch], program: Program) -> Iterator[Trusted]:
    """Yield what is looked at before the wait, and used after it without another look."""
    loops = list(loops_around(module, waits))
    places = {each.place for each in touches}
    later = [*touches, *_in_called(module, scope, waits, places, program)]
    for first in touches:
        if first.start >= waits.start or not _is_look(module, first):
            continue
        for use in later:
            if use.place != first.place or use.writes or not use.reads or use.start == first.start:
                continue
            if use.start >= waits.end:
                begin = waits.end
            else:
                # by way of a loop, in which it is not looked at first
                begin = min((each.start for each in loops if is_in(each, use.start)), default=-1)
                if begin < 0 or begin <= first.start:
                    continue
            anew = any(
                each.place == first.place and begin <= each.start <= use.start and _is_bare(each) for each in touches
            )
            if not anew and not are_apart(module, waits, use.start):
                yield Trusted(first, use.start, iterated=False)
                break


def _is_look(module: Module, touch: Touch) -> bool:
    """Tell whether something is found out here about state that may be another later."""
    if touch.writes or not touch.reads or touch.place in {"self", "cls"} or touch.use[:1] == ["attr"]:
        return False
    if touch.use[:1] == ["meth"] and touch.use[1] not in _READING:
        return False
    return lives_on(module, touch.use) >= CHECKED


def _is_bare(touch: Touch) -> bool:
    """Tell whether a condition asks for just this: whoever asks twice counts on another answer."""
    return touch.reads and not touch.writes and any(touch.use[:1] == each for each in _BARE)


def are_apart(module: Module, waits: Span, start: int) -> bool:
    """Tell whether two places are in two branches, only one of which is taken."""
    return any(
        one.header == other.header and one.start != other.start and "if" in {one.kind, other.kind}
        for one in module.blocks(waits.start)
        for other in module.blocks(start)
    )


def _in_called(module: Module, scope: int, waits: Span, places: set[str], program: Program) -> Iterator[Touch]:
    """Yield what the methods of the same object read that are called after the wait, each where it is called."""
    for call in module.calls():
        if call.span.start < waits.end or module.enclosing(call.scope, "function") != module.scope(scope):
            continue
        if call.function[0] != "a" or call.function[1] != ["n", "self"]:
            continue
        target, _known = program.target_of(call)
        if target is None or target.kind != "function" or target.number == scope:
            continue
        for each in touches_of(target.module, target.number, program):
            if each.place in places and each.place.startswith("self.") and each.reads and not each.writes:
                # Whoever looks there does not look here: the check is as much a use as any other.
                yield each._replace(start=call.span.start, use=["expr"])
