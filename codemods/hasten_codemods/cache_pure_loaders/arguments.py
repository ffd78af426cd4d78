"""What a function is given: whether it has a hash, and how many different values there are."""

from __future__ import annotations

from typing import Any, NamedTuple

from hasten.api import Program, Scope
from hasten_codemods.cache_pure_loaders.annotations import member_count
from hasten_codemods.cache_pure_loaders.kinds import Kinds
from hasten_codemods.cache_pure_loaders.words import UNHASHABLE, UNKNOWN, is_immutable

Shape = list[Any]

#: More different arguments than these are not counted.
_MANY = 64
#: Kinds of values that may be equal, of one type, and different all the same.
_UNLIKE = {
    "float": "`0.0` and `-0.0`",
    "number": "`Decimal('1.0')` and `Decimal('1.00')`",
    "moment": "one time in two time zones",
    "version": "`1.0` and `1.0.0`",
    "record": "records of `1` and of `True`",
}
_NUMBERS = frozenset({"int", "float", "bool", "number", "immutable", "member"})


class Arguments(NamedTuple):
    """What is known of the arguments.

    Attributes:
        unhashable: a parameter that is given what has no hash, in words, or empty.
        unknown: a parameter of which nobody can tell what it is given, in words, or empty.
        choices: how many different calls there can be, None where that is unknown; 1 without parameters.
        mixed: whether arguments that are equal may be of different types.
    """

    unhashable: str
    unknown: str
    choices: int | None
    mixed: bool


def arguments_of(program: Program, kinds: Kinds, function: Scope, *, bound: bool = False) -> Arguments:
    """Return what is known of what a function is given; `bound` where its first parameter is the object."""
    unhashable = unknown = ""
    count: int | None = 1
    mixed = False
    for name, sort, annotation, default in function.parameters[bound:]:
        if sort in {"*", "**"}:
            unknown = unknown or f"`{'*' if sort == '*' else '**'}{name}` may be given anything"
            count = None
            continue
        seen = _Seen(program, kinds, function, name, default)
        kind = kinds.parameter(function, name)
        unhashable = unhashable or seen.unhashable
        if kind.partition(" of ")[0] in UNHASHABLE - {"json"}:
            unhashable = unhashable or f"`{name}` is given a {kind.partition(' of ')[0]}, which has no hash"
        elif kind == UNKNOWN or not is_immutable(kind):
            unknown = unknown or f"nobody can tell what `{name}` is given"
        else:
            unlike = next((words for each in (kind, *seen.kinds) if (words := _unlike(each))), "")
            if unlike:
                unknown = unknown or f"values of `{name}` that are equal may differ: {unlike}"
            mixed = mixed or seen.is_mixed(kind, alone=len(function.parameters[bound:]) == 1)
        values = None
        if annotation is not None:
            values = member_count(program, function.module, function.parent, annotation)
        if values is None:
            values = _values(program, function, name)
        count = count * values if count is not None and values is not None else None
    return Arguments(unhashable, unknown, count if count is None or count <= _MANY else None, mixed)


class _Seen:
    """What callers are seen to give a parameter, whatever its annotation says."""

    def __init__(self, program: Program, kinds: Kinds, function: Scope, name: str, default: Shape | None) -> None:
        given = [(call.module, call.scope, shape, call) for call, shape in program.arguments_for(function, name)]
        self.kinds = [kinds.of(module, scope, shape) for module, scope, shape, _ in given]
        self.unhashable = ""
        for kind, (_, _, shape, call) in zip(self.kinds, given, strict=True):
            head = kind.partition(" of ")[0]
            if head in UNHASHABLE - {"json"} and not self.unhashable:
                made = call.module.call(shape[1]).tail if shape[0] == "c" else head
                place = f"{call.module.path}:{call.module.position(call.span.start).line}"
                self.unhashable = (
                    f"`{name}` is given a {made if made == 'bytearray' else head} at {place}, which has no hash"
                )
        self.made = any(
            kind == UNKNOWN and program.is_own(program.constructed(module, scope, shape) or "")
            for kind, (module, scope, shape, _) in zip(self.kinds, given, strict=True)
        )
        inside = function.module.inside(function.number)
        others = [shape for module, scope, shape, _ in given if module is not function.module or scope not in inside]
        self.written_out = all(shape[0] in {"k", "f"} for shape in others)
        self.all = len(given) >= len(program.callers(function)) and all(sure for _, sure in program.callers(function))
        if default is not None:
            self.kinds.append(kinds.of(function.module, function.parent, default))

    def is_mixed(self, kind: str, *, alone: bool) -> bool:
        """Tell whether values that are equal may be of different types: `1` and `True`, a text and a subclass of it.

        An annotation says nothing about that. A cache of one argument tells an `int` and a `str` from all others by
        itself.
        """
        known = {each for each in (kind, *self.kinds) if each not in {"none", UNKNOWN}}
        if self.made or kind == "immutable" or not known.isdisjoint(_NUMBERS - {"int", "bool", "member"}):
            return True
        if len(known) > 1:
            return not known <= {"str", "path", "text", "bytes"}
        if not alone and kind in {"int", "str"} and not self.written_out:
            return True
        return kind == "int" and (UNKNOWN in self.kinds or not self.all)


def _unlike(kind: str) -> str:
    """Return two values of a kind that are equal, and not the same, in words; empty where there are none."""
    head, _, held = kind.partition(" of ")
    if head == "parts":
        return "" if held in {"str", "text", "bytes", "path", "none", "member"} else "`(1,)` and `(True,)`"
    return _UNLIKE.get(head, "")


def _values(program: Program, function: Scope, name: str) -> int | None:
    """Return how many constants a parameter is given, if all callers give it constants and all are seen."""
    calls = program.callers(function)
    if not calls or not all(certain for _, certain in calls) or program.references(function):
        return None
    if any(word in {"*", "**"} for call, _ in calls for word, *_ in call.record[4]):
        return None
    given = [shape for _, shape in program.arguments_for(function, name)]
    default = next((each[3] for each in function.parameters if each[0] == name), None)
    if len(given) < len(calls):
        given.append(default if default is not None else ["x"])
    return (
        len({str(each) for each in given}) if all(each[0] == "k" and each[-1] is not None for each in given) else None
    )
