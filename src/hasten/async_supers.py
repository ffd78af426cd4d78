"""What `super().name` reaches: the next class that has it, in the order in which Python asks them."""

from __future__ import annotations

from hasten.async_kinds import key_of, method_of
from hasten.index.module import Scope
from hasten.index.program import Program


def above(program: Program, owner: Scope, name: str) -> tuple[tuple[Scope, ...], bool]:
    """Return the methods of the program that `super().name` may reach in a class, and whether these are all.

    That is what a base of `owner` has. Where none of them has it, `owner` is a mixin, and it is what stands next to it
    in the classes that derive from it: `class Logged(LogMixin, Store)`. They are not all where one of these classes
    would have to get it from a class that is not part of the program.
    """
    program.want(owner.name)  # what derives from it may lie in files that do not name the method
    own = _next(_line(program, owner), owner, name)
    if own is not None:
        return (own,), True
    last = [each for each in program.heirs(owner) if len(program.heirs(each)) == 1]
    found = [_next(_line(program, each), owner, name) for each in last]
    unique = {key_of(each): each for each in found if each is not None}
    return tuple(unique[key] for key in sorted(unique)), None not in found


def below(program: Program, owner: Scope, name: str) -> tuple[Scope, ...]:
    """Return the methods that `self.name` may be in a class without it; none where a class below lacks it, too."""
    program.want(owner.name)
    last = [each for each in program.heirs(owner) if len(program.heirs(each)) == 1]
    found = [program.find_method(each, name) for each in last]
    unique = {key_of(each): each for each in found if each is not None}
    return tuple(unique[key] for key in sorted(unique)) if None not in found else ()


def _next(line: list[Scope], owner: Scope, name: str) -> Scope | None:
    """Return the first method called `name` behind `owner` in a line of classes."""
    keys = [key_of(each) for each in line]
    behind = line[keys.index(key_of(owner)) + 1 :] if key_of(owner) in keys else []
    # The first class that has it ends the search, also where it is no method there.
    first = next((each for each in behind if _has(each, name)), None)
    return method_of(first, name) if first is not None else None


def _has(owner: Scope, name: str) -> bool:
    return any(each.kind != "declared" for each in owner.module.bindings(owner.number, name))


def _line(program: Program, owner: Scope, around: frozenset[tuple[str, int]] = frozenset()) -> list[Scope]:
    """Return a class and its bases of the program in the order in which they are asked (C3), without those of others.

    Where Python would raise TypeError for the bases, the rest stands in the order in which it is written.
    """
    if key_of(owner) in around:
        return []  # two modules that are never imported together may say that a class derives from itself
    bases = [found for each in owner.bases if (found := _class_named(program, owner, each)) is not None]
    lines = [_line(program, each, around | {key_of(owner)}) for each in bases]
    pending = [list(each) for each in (*lines, bases) if each]
    result = [owner]
    while pending:
        later = {key_of(each) for line in pending for each in line[1:]}
        first = next((line[0] for line in pending if key_of(line[0]) not in later), pending[0][0])
        result.append(first)
        pending = [rest for line in pending if (rest := [each for each in line if key_of(each) != key_of(first)])]
    return result


def _class_named(program: Program, owner: Scope, base: list[object]) -> Scope | None:
    dotted = owner.module.dotted(owner.parent, base)
    found = program.resolve(dotted) if dotted else None
    return found if found is not None and found.kind == "class" else None
