"""Where in a list, pair or dictionary a value is that is followed through one.

A path goes from the outermost container inwards. Its steps: `e` is an element of many, `k` a key and `v` a value of
a dictionary, a number with the size of a row a place in it. The empty path is the value itself, or in something
that cannot be seen through: it matches everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from hasten.api import Module
from hasten_codemods.json_to_orjson.handlers import Shape

Step: TypeAlias = "str | tuple[int, int]"
Path: TypeAlias = tuple[Step, ...]

#: What is put deeper than this is looked for everywhere in what it is put into.
_DEEPEST = 4
#: They hold the elements of what they are given, one by one.
_LISTS = frozenset(
    {"list", "tuple", "set", "frozenset", "sorted", "reversed", "iter", "filter", "deque", "as_completed", "tqdm"}
)
_DICTS = frozenset({"dict", "OrderedDict"})


def put(step: Step, path: Path) -> Path:
    """Return the path of a value that is put into something; what is too deep is cut off."""
    return (step, *path)[:_DEEPEST]


def taken(path: Path) -> Path | None:
    """Return the path in what a loop over a container takes from it; None if it does not take it."""
    if not path:
        return path
    return None if path[0] == "v" else path[1:]


def passed(name: str, where: int | str, count: int, path: Path) -> Path | None:
    """Return the path in what a call gives that hands on what it is given; None if it does not hand it on.

    Args:
        name: the last name of what is called.
        where: which argument the container is.
        count: how many arguments there are by place.
        path: where the value is in it.
    """
    inner = taken(path)
    if name in _LISTS:
        return put("e", inner) if inner is not None and path else inner
    if name == "enumerate":
        return put("e", put((1, 2), inner)) if inner is not None else None
    if name == "zip":
        return put("e", put((where, count), inner) if isinstance(where, int) else ()) if inner is not None else None
    if name == "next":
        return inner
    if name in _DICTS:
        return _of_pairs(path)
    return path


def _of_pairs(path: Path) -> Path | None:
    """Return the path in a dictionary that is made of pairs, or of another one."""
    if not path or path[0] in {"k", "v"}:
        return path
    match path[1:]:
        case ((place, 2), *rest):
            return ("v" if place else "k", *rest)
        case _:
            return ()


def viewed(method: str, path: Path) -> Path | None:
    """Return the path in what `values`, `keys` or `items` of a dictionary gives; None if the value is not there."""
    if not path:
        return path
    if path[0] not in {"k", "v"}:
        return ()
    if method == "items":
        return put("e", put((0 if path[0] == "k" else 1, 2), path[1:]))
    return put("e", path[1:]) if (method == "keys") == (path[0] == "k") else None


def fetched(path: Path) -> Path | None:
    """Return the path in an item that is taken out of a container; None if it is not in an item."""
    return None if path and path[0] == "k" else path[1:]


# --- names --------------------------------------------------------------------------------------------------------


def targets_of(module: Module, scope: int, shape: Shape, path: Path, *, loop: bool) -> Iterator[tuple[int, str, Path]]:
    """Yield the names, each with its scope and the path in it, that a loop or an assignment puts parts of a value into.

    Args:
        module, scope: where the value is.
        shape: what it is called there.
        path: where in it is what is followed.
        loop: whether a loop runs over it.
    """
    left = taken(path) if loop else path
    if left is None:
        return
    body = module.enclosing(scope, "function", "module")
    for inner, table in enumerate(module.facts["binds"]):
        if module.enclosing(inner, "function", "module") != body:
            continue
        row = sorted(
            (start, name, kind)
            for name, bindings in table.items()
            for kind, payload, start, _nest in bindings
            if kind in {"for", "unpack"} and _is_of(payload, shape)
        )
        for _, name, kind in row:
            if kind == "for":
                yield inner, name, left
        yield from ((inner, *each) for each in _unpacked([name for _, name, kind in row if kind == "unpack"], left))


def _unpacked(names: list[str], path: Path) -> Iterator[tuple[str, Path]]:
    """Yield the names of a row, or of several rows, that a value goes into: `n, task`, or `i, (n, task)`."""
    if path[:1] == ("v",):
        return  # a dictionary gives its keys
    places: list[tuple[int, int]] = []
    for each in path:
        if isinstance(each, str):
            break
        places.append(each)
    while places:
        position, size = 0, 1
        for place, width in places:
            position, size = position + place, size + width - 1
        if names and len(names) % size == 0:
            yield from ((each, path[len(places) :]) for each in names[position::size])
            return
        places.pop()
    yield from ((each, path[1:]) for each in names)


def _is_of(payload: Shape | None, shape: Shape) -> bool:
    """Tell whether what a name takes its value from is the value, or holds it: `for task in [first, create()]`."""
    if payload is None:
        return False
    match shape:
        case ["in", inner]:
            return payload == inner or next(within(payload, inner), None) is not None
        case ["i" | "w", inner]:
            return bool(payload[0] == shape[0]) and _is_of(payload[1], inner)
        case ["a", ["x", ""], name]:
            return bool(payload[0] == "a") and payload[2] == name
        case _:
            return payload == shape


# --- shapes -------------------------------------------------------------------------------------------------------


def within(holder: Shape, shape: Shape) -> Iterator[Path]:
    """Yield the paths at which a display or comprehension holds something."""
    for step, part in _parts(holder):
        if part == shape:
            yield (step,)
        elif part is not None:
            yield from (put(step, each) for each in within(part, shape))


def _parts(holder: Shape) -> Iterator[tuple[Step, Any]]:
    match holder:
        case ["t" | "l" | "s", list(parts)]:
            yield from (((place, len(parts)), each) for place, each in enumerate(parts))
        case ["d", list(pairs)]:
            for key, value in pairs:
                yield "k", key
                yield "v", value
        case ["g", "DictComp", ["t", [key, value]]]:
            yield "k", key
            yield "v", value
        case ["g", _, element]:
            yield "e", element
        case _:
            return
