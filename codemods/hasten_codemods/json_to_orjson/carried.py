"""Follow a value through variables, containers, loops and functions to where something is done with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from hasten.api import Call, Module, Program
from hasten_codemods.json_to_orjson.handlers import Shape, calls_between
from hasten_codemods.json_to_orjson.paths import Path, fetched, passed, put, taken, targets_of, viewed, within

#: They put what they are given, as it is, into what they are called on.
_KEEPING = frozenset({"append", "add", "appendleft", "put_nowait", "put", "insert"})
#: All methods that do so.
KEEPING = _KEEPING | {"extend", "update", "setdefault"}
_VIEWS = frozenset({"values", "items", "keys"})
#: They take an item out of what they are called on.
_FETCHING = frozenset({"get", "pop", "popleft", "popitem", "get_nowait", "setdefault"})
#: Functions whose result holds what they are given, or gives it.
PASSING = frozenset(
    {"list", "tuple", "set", "frozenset", "dict", "OrderedDict", "sorted", "reversed", "enumerate", "zip", "iter"}
    | {"next", "filter", "deque"}
)
_FARTHEST = 12


class Here(NamedTuple):
    """Where a value is.

    Attributes:
        module, scope, at: the place.
        shape: what is there, the value itself or something that holds it.
        path: where in that the value is; see `hasten_codemods.json_to_orjson.paths`.
    """

    module: Module
    scope: int
    at: int
    shape: Shape
    path: Path


class Carried:
    """One walk; those who look for something derive from it and say what it is in `ends` and `given`."""

    def __init__(self, program: Program, *, want: bool) -> None:
        """Take the program, and whether files are to be read that may hold the value in an attribute."""
        self.program = program
        self._want = want
        self._seen: set[tuple[str, int, int, Path]] = set()

    def ends(self, here: Here, use: list[Any], depth: int) -> bool:
        """Look at a use of the value, and tell whether that was all there is to it."""
        raise NotImplementedError

    def given(self, call: Call, where: int | str, here: Here, depth: int) -> bool:
        """Look at a call that is given the value, and tell whether that was all there is to it."""
        raise NotImplementedError

    # --- uses -----------------------------------------------------------------------------------------------------

    def begin(self, call: Call, path: Path = ()) -> None:
        """Start from what a call gives."""
        self.step(Here(call.module, call.scope, call.span.start, ["c", call.index], path), call.use, 0)

    def step(self, here: Here, use: list[Any], depth: int) -> None:
        """Go on from a place, and from there wherever the value is put."""
        if depth > _FARTHEST or self.ends(here, use, depth):
            return
        module, scope, _, shape, path = here
        match use:
            case ["multi", list(uses)]:
                for each in uses:
                    self.step(here, each, depth + 1)
            case ["await", inner]:
                self.step(here._replace(shape=["w", shape]), inner, depth + 1)
            case ["elem", _, _]:
                self._put_in(here, use, depth)
            case ["key"]:
                for holder, inside in _keyed(here):
                    self.step(here._replace(shape=["in", shape], path=inside), holder, depth + 1)
            case ["sub", inner]:
                left = fetched(path)
                if left is not None:
                    self.step(here._replace(shape=["i", shape], path=left), inner, depth + 1)
            case ["asg", int() as owner, str(name)]:
                self.name(module, owner, name, path, depth)
            case ["asgattr", _, str(name)]:
                self._attribute(name, path, depth)
            case ["asgsub"] | ["idx"]:
                for base, inner, step in _stored(here, use[0]):
                    self.held(module, inner, base, put(step, path), depth)
            case ["iter"] | ["unpack"]:
                for inner, name, left in targets_of(module, scope, shape, path, loop=use[0] == "iter"):
                    self.name(module, inner, name, left, depth)
            case ["meth", str(method), int() as index]:
                self._method(module.call(index), method, path, depth)
            case ["arg", int() as index, where] if not self.given(module.call(index), where, here, depth):
                self._argument(module.call(index), where, path, depth)
            case ["ret" | "yield", int() as inner]:
                held = path if use[0] == "ret" else put("e", path)
                for call, _ in self.program.callers(module.scope(inner)):
                    self.result(call, held, depth)
            case _:
                return

    def _put_in(self, here: Here, use: list[Any], depth: int) -> None:
        """Go on from the outermost display or comprehension around a value."""
        steps: list[str] = []
        while use[0] == "elem":
            steps.append("v" if use[1] in {"dict", "DictComp"} else "e")
            use = use[2]
        shape = here.shape[1] if here.shape[0] == "in" else here.shape
        path = next((each for root in _roots(here, use) for each in within(root, shape)), tuple(reversed(steps)))
        for each in reversed(path):
            here = here._replace(path=put(each, here.path))
        self.step(here._replace(shape=["in", shape]), use, depth + 1)

    # --- places ---------------------------------------------------------------------------------------------------

    def once(self, here: Here, use: list[Any], depth: int) -> None:
        """Go on from a place that was not seen with this path."""
        key = (here.module.path, here.scope, here.at, here.path)
        if key not in self._seen:
            self._seen.add(key)
            self.step(here, use, depth + 1)

    def name(self, module: Module, scope: int, name: str, path: Path, depth: int) -> None:
        """Go on wherever a variable is read."""
        found = module.lookup(scope, name)
        for read in module.reads(found[0] if found is not None else scope, name):
            self.once(Here(module, read.scope, read.span.start, ["n", name], path), read.use, depth)

    def result(self, call: Call, path: Path, depth: int) -> None:
        """Go on with what a call gives."""
        self.once(Here(call.module, call.scope, call.span.start, ["c", call.index], path), call.use, depth)

    def held(self, module: Module, scope: int, base: Shape, path: Path, depth: int) -> None:
        """Go on wherever something is read that the value was put into: a variable, an attribute, or an item of one."""
        match base:
            case ["n", str(name)]:
                self.name(module, scope, name, path, depth)
            case ["a", _, str(name)]:
                self._attribute(name, path, depth)
            case ["i", inner, _]:
                self.held(module, scope, inner, put("v", path), depth)
            case ["c", int() as index] if (
                module.call(index).tail in _FETCHING
            ):  # `found.setdefault(key, []).append(...)`
                function = module.call(index).function
                self.held(module, scope, function[1] if function[0] == "a" else ["x", ""], put("v", path), depth)
            case _:
                return

    def _attribute(self, name: str, path: Path, depth: int) -> None:
        if self._want:
            self.program.want(name)
        for read in self.program.attribute_reads(name, want=False):
            self.once(Here(read.module, read.scope, read.span.start, ["a", ["x", ""], name], path), read.use, depth)

    def _method(self, call: Call, method: str, path: Path, depth: int) -> None:
        left = viewed(method, path) if method in _VIEWS else fetched(path) if method in _FETCHING else None
        if method == "popitem" and path[:1] == ("v",):
            left = put((1, 2), path[1:])
        if method == "copy":
            left = path
        if left is not None:
            self.result(call, left, depth)

    # --- calls ----------------------------------------------------------------------------------------------------

    def _argument(self, call: Call, where: int | str, path: Path, depth: int) -> None:
        receiver = call.function[1] if call.function[0] == "a" else None
        if receiver is not None and call.tail in _KEEPING:
            self.held(call.module, call.scope, receiver, put("e", path), depth)
        elif receiver is not None and call.tail == "extend" and (inner := taken(path)) is not None:
            self.held(call.module, call.scope, receiver, put("e", inner), depth)
        elif receiver is not None and call.tail == "update":
            self.held(call.module, call.scope, receiver, path, depth)
        elif receiver is not None and call.tail == "setdefault" and where == 1:
            self.held(call.module, call.scope, receiver, put("v", path), depth)
        elif call.tail in PASSING:
            self.hand_on(call, where, path, depth)

    def hand_on(self, call: Call, where: int | str, path: Path, depth: int) -> None:
        """Go on with what a call gives that holds what it is given."""
        left = passed(call.tail, where, sum(each.keyword is None for each in call.arguments), path)
        if left is not None:
            self.result(call, left, depth)

    def parameter(self, call: Call, where: int | str, path: Path, depth: int) -> bool:
        """Go on in a function of the program that is given the value; tell whether it is one."""
        target, _ = self.program.target_of(call)
        if target is None or target.kind != "function":
            return False
        plain = [each[0] for each in target.parameters if each[1] in {"plain", "posonly"}]
        bound = call.function[0] == "a" and self.program.method_owner(target.module, target.number) is not None
        position = where + bound if isinstance(where, int) else -1
        name = plain[position] if 0 <= position < len(plain) else where
        if isinstance(name, str):
            self.name(target.module, target.number, name, path, depth)
        return True


# --- what holds a value -------------------------------------------------------------------------------------------


def _roots(here: Here, use: list[Any]) -> Iterator[Shape]:
    """Yield the shapes of what is put to a use; the value is in one of them."""
    facts = here.module.facts
    match use:
        case ["arg", int() as index, where]:
            yield from (
                each.shape
                for place, each in enumerate(here.module.call(index).arguments)
                if where in {place, each.keyword}
            )
        case ["asg", int() as owner, str(name)]:
            yield from (each[1] for each in facts["binds"][owner].get(name, ()) if each[0] == "assign" and each[1])
        case ["asgattr", _, str(name)]:
            yield from (each[1] for each in facts["attribute_stores"].get(name, ()) if each[1] is not None)
        case ["asgsub"]:
            yield from (each[2] for each in facts["item_stores"] if each[2] is not None)
        case ["ret", int() as inner]:
            yield from here.module.scope(inner).returned
        case ["meth", _, int() as index]:
            yield here.module.call(index).function[1]
        case ["iter"] | ["unpack"]:
            for _, table in _tables(here):
                yield from (
                    each[1]
                    for bindings in table.values()
                    for each in bindings
                    if each[0] in {"for", "unpack"} and each[1] is not None
                )
        case _:
            return


def _tables(here: Here) -> Iterator[tuple[int, dict[str, list[Any]]]]:
    """Yield what the scopes bind that are in the function of a place, comprehensions and all."""
    body = here.module.enclosing(here.scope, "function", "module")
    for number, table in enumerate(here.module.facts["binds"]):
        if here.module.enclosing(number, "function", "module") == body:
            yield number, table


def _keyed(here: Here) -> Iterator[tuple[list[Any], Path]]:
    """Yield the uses of what has the value as a key, each with the path in it: `done = {submit(work): name}`."""
    for use, root in _displays(here):
        for path in within(root, here.shape):
            if "k" in path:
                inside = here.path
                for each in reversed(path):
                    inside = put(each, inside)
                yield use, inside


def _displays(here: Here) -> Iterator[tuple[list[Any], Shape]]:
    module = here.module
    scopes: set[int] = set()
    for number, table in _tables(here):
        scopes.add(number)
        for name, bindings in table.items():
            yield from ((["asg", number, name], each[1]) for each in bindings if each[0] == "assign" and each[1])
        yield from ((["ret", number], each) for each in module.scope(number).returned)
    for name, stores in module.facts["attribute_stores"].items():
        yield from ((["asgattr", each[0], name], each[1]) for each in stores if each[2] in scopes and each[1])
    body = module.enclosing(here.scope, "function", "module")
    for call in calls_between(module, body.span.start, body.span.end) if body is not None else ():
        if call.scope in scopes:
            for place, each in enumerate(call.arguments):
                yield ["arg", call.index, each.keyword or place], each.shape
            if call.function[0] == "a":
                yield ["meth", call.tail, call.index], call.function[1]


def _stored(here: Here, use: str) -> Iterator[tuple[Shape, int, str]]:
    """Yield what has the value put into an item, as `tasks[name] = value` or `names[value] = name`."""
    shape = here.shape[1] if here.shape[0] == "in" else here.shape
    for base, key, value, scope in here.module.facts["item_stores"]:
        if scope != here.scope and here.module.enclosing(scope, "function") != here.module.enclosing(
            here.scope, "function"
        ):
            continue
        if use == "idx" and key == shape:
            yield base, scope, "k"
        elif use == "asgsub" and value is not None and (value == shape or any(within(value, shape))):
            yield base, scope, "v"
