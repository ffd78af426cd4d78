"""Find state that a function reads before it waits and writes after it waited.

While a coroutine function waits other tasks run. What it read before may be out of date by then, and what it writes
then may undo what they wrote: the cache is filled ten times, and of ten additions one is left.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from hasten.index.module import Module, Shape, Use
from hasten.model import Span

#: Methods that change what they are called on, as far as their names tell.
_CHANGING = frozenset(
    {"add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem", "popleft", "put_nowait"}
    | {"remove", "reverse", "set", "setdefault", "sort", "update", "write"}
)
#: Shapes of values that a function makes for itself, and functions that make such values.
_FRESH = frozenset({"k", "d", "l", "t", "s", "f", "g"})
_MAKERS = frozenset({"list", "dict", "set", "tuple", "bytearray", "deque", "defaultdict"})
_CONTAINERS = frozenset(
    {"Counter", "OrderedDict", "ChainMap", "UserDict", "UserList", "WeakSet", "WeakValueDictionary"}
)
_REBINDING = frozenset({"assign", "aug", "for", "with", "unpack", "del"})


class _Touch(NamedTuple):
    start: int
    place: str
    writes: bool
    reads: bool


def straddled(module: Module, scope: int, waits: Span) -> tuple[str, int, int] | None:
    """Return state that is read before `waits` and written after it: its name, and the offsets of both.

    Args:
        module: where the function is.
        scope: the number of the function.
        waits: the expression that is to be awaited.

    Only what other tasks can get at counts: attributes, global names, what a parameter or an unknown value holds. The
    order is that of the text; the way that a loop takes back to its start is not followed.
    """
    touches = sorted(_touches(module, scope))
    read = {each.place: each.start for each in reversed(touches) if each.reads and each.start < waits.start}
    for each in touches:
        if each.writes and each.start >= waits.end and each.place in read:
            return each.place, read[each.place], each.start
    return None


def _touches(module: Module, function: int) -> Iterator[_Touch]:
    inside = [each for each in range(len(module.facts["scopes"])) if _function_of(module, each) == function]
    stores = {start for records in module.facts["attribute_stores"].values() for *_, start in records}
    for scope in inside:
        for name, reads in module.facts["reads"][scope].items():
            if not _is_made_here(module, scope, name):
                for start, _end, use in reads:
                    # In `self.x = 1` it is `x` that is written, and not `self`.
                    if not (use[0] == "dest" and start in stores):
                        yield _touch(start, name, use)
        for name in module.facts["binds"][scope]:
            for binding in module.bindings(scope, name):
                if binding.kind in _REBINDING and not _is_own(module, scope, name):
                    yield _Touch(binding.start, name, writes=True, reads=binding.kind == "aug")
    numbers = frozenset(inside)
    for attribute, records in module.facts["attribute_reads"].items():
        for base, use, scope, start, _end in records:
            place = _place(module, scope, base, attribute) if scope in numbers else ""
            if place and not (use[0] == "dest" and start in stores):
                yield _touch(start, place, use, method=base == ["n", "self"] and _is_object(module, scope, attribute))
    for attribute, records in module.facts["attribute_stores"].items():
        for base, _value, scope, start in records:
            place = _place(module, scope, base, attribute) if scope in numbers else ""
            if place:
                yield _Touch(start, place, writes=True, reads=False)


def _touch(start: int, place: str, use: Use, *, method: bool = False) -> _Touch:
    """Return what one use does; where it is known to be a `method` of some class, its name says nothing."""
    changes = use[0] == "dest" or (use[0] == "meth" and use[1] in _CHANGING and not method)
    return _Touch(start, place, writes=changes, reads=use[0] != "dest")


def _function_of(module: Module, scope: int) -> int:
    found = module.enclosing(scope, "function", "lambda", "class", "module")
    return found.number if found is not None else -1


def _place(module: Module, scope: int, base: Shape, attribute: str) -> str:
    """Return `self.x` for an attribute of something that others may hold, else an empty string."""
    names = [attribute]
    while base[0] == "a":
        names.append(base[2])
        base = base[1]
    if base[0] != "n" or _is_made_here(module, scope, base[1]):
        return ""
    return ".".join([base[1], *reversed(names)])


def _is_own(module: Module, scope: int, name: str) -> bool:
    """Tell whether a variable belongs to the function itself, so that nobody else sees it bound anew."""
    found = module.lookup(scope, name)
    return found is None or (found[0] != 0 and _function_of(module, found[0]) == _function_of(module, scope))


def _is_made_here(module: Module, scope: int, name: str) -> bool:
    """Tell whether others cannot get at what a variable holds: its function has just made it, or it is no data."""
    found = module.lookup(scope, name)
    if found is None:
        return True  # a builtin
    owner, bindings = found
    if owner == 0:
        return all(each.kind in {"import", "def", "class"} for each in bindings)
    # `rows += [...]` leaves a list what it was: its own.
    made = [each for each in bindings if each.kind != "aug"]
    return bool(made) and all(
        each.kind == "assign" and each.payload is not None and _is_fresh(module, each.payload) for each in made
    )


def _is_object(module: Module, scope: int, attribute: str) -> bool:
    """Tell whether an attribute of `self` only ever takes instances of classes that are no containers."""
    owner = module.enclosing(scope, "class")
    values = [
        value
        for base, value, where, _start in module.facts["attribute_stores"].get(attribute, ())
        if base == ["n", "self"] and module.enclosing(where, "class") == owner
    ]
    names = [module.call(each[1]).tail if each is not None and each[0] == "c" else "" for each in values]
    return bool(names) and all(each[:1].isupper() and each not in _CONTAINERS for each in names)


def _is_fresh(module: Module, shape: Shape) -> bool:
    if shape[0] != "c":
        return shape[0] in _FRESH
    # Constructors, as far as names tell: `Session()`, `dict()`.
    name = module.call(shape[1]).tail
    return name[:1].isupper() or name in _MAKERS
