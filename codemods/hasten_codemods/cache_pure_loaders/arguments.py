"""What a function is given: whether it has a hash, and how many different values there are."""

from __future__ import annotations

from typing import NamedTuple

from hasten.api import Program, Scope
from hasten_codemods.cache_pure_loaders.annotations import member_count
from hasten_codemods.cache_pure_loaders.kinds import Kinds
from hasten_codemods.cache_pure_loaders.words import UNHASHABLE, UNKNOWN, is_immutable

#: More different arguments than these are not counted.
_MANY = 64
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
    for name, sort, annotation, _default in function.parameters[bound:]:
        if sort in {"*", "**"}:
            unknown = unknown or f"`{'*' if sort == '*' else '**'}{name}` may be given anything"
            count = None
            continue
        kind = kinds.parameter(function, name)
        head = kind.partition(" of ")[0]
        if head in UNHASHABLE:
            unhashable = unhashable or f"`{name}` is given a {'dict' if head == 'json' else head}, which has no hash"
        elif kind == UNKNOWN or not is_immutable(kind):
            unknown = unknown or f"nobody can tell what `{name}` is given"
        elif kind in _NUMBERS and kind not in {"bool", "member"}:
            mixed = mixed or kind != "int"
        values = None
        if annotation is not None:
            values = member_count(program, function.module, function.parent, annotation)
        if values is None:
            values = _values(program, function, name)
        count = count * values if count is not None and values is not None else None
    return Arguments(unhashable, unknown, count if count is None or count <= _MANY else None, mixed)


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
