"""Reads of names and attributes in the place of calls, so that what is asked of a call can be asked of them.

A property is called where it is read, and a function that is handed on may be called by whoever it is handed to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hasten.index.module import Block, Call, Module, Read, Shape
from hasten.index.program import Program

#: Below all calls, and all else that stands in the place of one.
_FAR_BELOW = -1_000_000_000


@dataclass(frozen=True, slots=True)
class Reading(Call):
    """A read of an attribute, in the place of a call of the getter of a property.

    Attributes:
        name: that of the attribute.
        number: that of the read, among those of the module that have this name.
        within: the number of the innermost `try` or `with` around it, or -1.
    """

    name: str = ""
    number: int = 0
    within: int = -1

    @property
    def record(self) -> list[Any]:
        """Return what the raw fact of a call would be."""
        base, use, scope, start, end = self.module.facts["attribute_reads"][self.name][self.number]
        misplaced = [start, end] in self.module.facts["misread"]
        return [start, end, scope, ["a", base, self.name], [], use, self.within, misplaced, False]

    @property
    def shape(self) -> Shape:
        """Return the shape of what is read."""
        return self.function

    @property
    def read_at(self) -> int | None:
        """Return where the name stands."""
        return self.span.end - len(self.name)


@dataclass(frozen=True, slots=True)
class Handed(Reading):
    """A read of a function that is handed on, `register(store.close)`, in the place of the call that comes of it."""

    variable: int = -1

    @property
    def record(self) -> list[Any]:
        """Return what the raw fact of a call would be; `variable` is the scope of one that is no attribute."""
        if self.variable < 0:
            base, use, scope, start, end = self.module.facts["attribute_reads"][self.name][self.number]
            return [start, end, scope, ["a", base, self.name], [], use, -1, False, False]
        start, end, use = self.module.facts["reads"][self.variable][self.name][self.number]
        return [start, end, self.variable, ["n", self.name], [], use, -1, False, False]


@dataclass(frozen=True, slots=True)
class _Callee(Call):
    """A call of what a read gives, `obj.x()`, asked about as the read: of the call the checker says what it reaches."""

    number: int = 0

    @property
    def record(self) -> list[Any]:
        """Return the raw fact of the call."""
        record: list[Any] = self.module.facts["calls"][self.number]
        return record


def readings(program: Program, name: str) -> Iterator[Reading]:
    """Yield every read of an attribute called `name`, as a call of a getter."""
    program.want(name)
    for module in program.modules_with("attribute_reads", name):
        for number, record in enumerate(module.facts["attribute_reads"][name]):
            start, end = record[3], record[4]
            # No two attributes end at the same place.
            yield Reading(module, _FAR_BELOW - end, name, number, _guard_around(module, start, end))


def callee(call: Call) -> Call:
    """Return a call, `obj.x()`, as a question about `obj.x`."""
    return _Callee(call.module, 2 * _FAR_BELOW - call.index, call.index)


def handed(read: Read, name: str) -> Handed | None:
    """Return a read of a function called `name` as the call that comes of it, None where it has another name there."""
    module, span = read.module, read.span
    index = 3 * _FAR_BELOW - span.end
    for number, record in enumerate(module.facts["attribute_reads"].get(name, ())):
        if (record[3], record[4]) == (span.start, span.end):
            return Handed(module, index, name, number)
    for number, record in enumerate(module.facts["reads"][read.scope].get(name, ())):
        if (record[0], record[1]) == (span.start, span.end):
            return Handed(module, index, name, number, -1, read.scope)
    return None


def _guard_around(module: Module, start: int, end: int) -> int:
    """Return the number of the innermost guard of the same function around a place, -1 where there is none."""
    guards: list[list[Any]] = module.facts["guards"]
    blocks: list[Block] = list(module.blocks(start))
    headers = {each.header: each.kind.removeprefix("async ") for each in reversed(blocks)}
    inside = {each.header for each in blocks if each.kind == "try"}
    found = -1
    for number, (_parent, kind, _payload, begin, over, _name, inner) in enumerate(guards):
        if kind == "with":
            # with lock, store.x: ...      with lock: store.x
            holds = inner <= start and end <= over and (headers.get(begin) == "with" or _is_in_head(module, begin, end))
        else:
            holds = begin in inside
        if holds:
            found = number
    return found


def _is_in_head(module: Module, begin: int, end: int) -> bool:
    """Tell whether a place is in the head of a `with` that begins at `begin`."""
    first = [each[3] for each in module.facts["blocks"] if each[2] == begin]
    return bool(first) and end <= min(first)
