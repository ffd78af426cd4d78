"""Whether a function is called again and again with the same arguments, so that keeping what it gives saves anything.

Four things show it: a call in a loop that does not change the arguments; a function that serves requests; calls in
several functions of the program that may run in one process; and one way through the program that leads to several
calls. Where the arguments change each time a cache is filled, and nothing is taken out of it. A method that keeps its
result in its object is worth it where the object is the same one each time: that is followed as an argument is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from hasten.api import Call, Module, Program, Scope
from hasten_codemods.cache_pure_loaders.computing import is_small
from hasten_codemods.cache_pure_loaders.instances import itself
from hasten_codemods.cache_pure_loaders.sighting import is_of_tests

Shape = list[Any]

#: Callers of callers are looked at so far.
_FARTHEST = 5
_MOST = 60
_LOOPS = frozenset({"for", "async for", "while"})
#: Last names of decorators that make a function serve requests.
_SERVING = frozenset(
    {"route", "get", "post", "put", "delete", "patch", "head", "options", "websocket", "view", "api_route"}
    | {"before_request", "after_request", "context_processor", "template_filter", "app_template_filter"}
    | {"errorhandler", "view_config", "exception_handler"}
)
#: Functions of web frameworks that are given what serves requests, and methods of their applications.
_FRAMEWORKS = frozenset({"django", "starlette", "fastapi", "aiohttp", "falcon", "bottle", "sanic", "litestar"})
_ROUTES = frozenset(
    {"path", "re_path", "url", "Route", "WebSocketRoute", "Depends", "Security", "APIRoute"}
    | {"get", "post", "put", "delete", "patch", "head", "view"}
)
_REGISTERING = frozenset(
    {"add_url_rule", "add_api_route", "add_websocket_route", "add_get", "add_post", "add_put", "add_delete"}
    | {"add_patch", "add_head", "add_route", "add_view"}
)
_HANDLERS = frozenset({"get", "post", "put", "delete", "patch", "head", "dispatch", "do_GET", "do_POST"})
_VIEWS = frozenset({"View", "MethodView", "APIView", "RequestHandler", "HTTPEndpoint", "BaseHTTPRequestHandler"})
#: Last names of decorators that make a command of a function: a process runs one of them.
_COMMANDS = frozenset({"command", "group", "callback", "result_callback"})
#: They are given functions of which a process runs one.
_TAKERS_OF_COMMANDS = frozenset({"set_defaults", "add_command", "add_typer", "command"})


#: Stands for an object that nobody can tell.
_ANOTHER: Shape = ["another"]


class Worth(NamedTuple):
    """Why a cache is worth it.

    Attributes:
        reason: in words, with the place; empty where nothing shows it.
        calls: how many calls there are outside of tests.
        waits: the place of a loop that calls the function until something changes, or empty.
        served: a function that serves requests leads to it: the program is one that is run, and not imported.
    """

    reason: str
    calls: int
    waits: str = ""
    served: bool = False


class _Frame(NamedTuple):
    """A call on the way to the function, and what of its arguments decides about the function's own.

    Attributes:
        call: the call.
        needed: the arguments that are not constant.
        holder: the object that keeps the result, None where no object does.
    """

    call: Call
    needed: tuple[Shape, ...]
    holder: Shape | None = None


def worth_of(program: Program, function: Scope, *, held: bool = False, fixed: bool = False) -> Worth:
    """Return whether a function is seen to be called again with the same arguments.

    With `held` it is a method, and has to be called on the same object. With `fixed` it only computes: requests that
    bring arguments of their own do not count then, since there are few files to load, and no end of things to compute;
    nor do a few calls outside of loops.
    """
    calls = [
        call
        for call, certain in program.callers(function)
        if (certain or (held and _is_on(program, call, function))) and not is_of_tests(call.module.path)
    ]
    waits = next((_place(call) for call in calls if _is_waiting(call)), "")
    ways = _Ways(program, fixed=fixed)
    calls = [call for call in calls if not held or call.function[0] == "a"]
    if fixed:
        # What nobody looks at is done for its own sake: to measure it, or to pass the time.
        calls = [call for call in calls if call.use != ["expr"] and not _is_given_little(call)]
    found = [ways.often(_Frame(call, _changing(call), _holder(call) if held else None), 0) for call in calls]
    reason = next((each for each in found if each), "")
    if reason:
        return Worth(reason, len(calls), waits, served=ways.served)
    several = "" if fixed else _from_several(program, calls, held=held) or _from_one(program, calls, held=held)
    return Worth(several, len(calls), waits)


def _is_given_little(call: Call) -> bool:
    """Tell whether a call is given nothing but small numbers, which are soon gone through."""
    return bool(call.arguments) and all(is_small(each.shape) for each in call.arguments)


def _is_on(program: Program, call: Call, method: Scope) -> bool:
    """Tell whether a method is called on what is made, or annotated, as an object of its class."""
    if call.function[0] != "a":
        return False  # it is called by a name that was given to it
    module, base = call.module, call.function[1]
    named = program.constructed(module, call.scope, base)
    if named is None and base[0] == "n":
        found = module.lookup(call.scope, base[1])
        function = module.scope(found[0]) if found is not None else None
        annotation = next((each[2] for each in function.parameters if each[0] == base[1]), None) if function else None
        named = program.dotted(module, call.scope, annotation) if annotation is not None else None
    target = program.resolve(named) if named is not None else None
    return target is not None and target.kind == "class" and program.find_method(target, method.name) == method


def _holder(call: Call) -> Shape | None:
    """Return what a method is called on, None where it is the same object in the whole program."""
    base: Shape = call.function[1]
    return None if _is_constant(call.module, call.scope, base) else base


class _Ways:
    """The ways from a function up to what calls it often."""

    def __init__(self, program: Program, *, fixed: bool = False) -> None:
        self.program = program
        self.fixed = fixed
        self.seen: set[tuple[str, int, str]] = set()
        self.served = False

    def often(self, frame: _Frame, depth: int) -> str:
        """Return why a call is made often with the same arguments, empty where nothing shows it."""
        call = frame.call
        loop = _loop_around(frame)
        if loop:
            whom = "it" if not depth else "what leads to it"
            return f"a loop calls {whom} with the same arguments each time ({_place(call)})"
        around = call.module.enclosing(call.scope, "function")
        if around is None:
            return ""
        if frame.holder is None and not (self.fixed and frame.needed) and _serves(self.program, around):
            self.served = True
            return f"`{around.name}`, which serves requests, leads to it ({_place(call)})"
        key = (around.module.path, around.number, f"{frame.needed} {frame.holder}")
        if depth > _FARTHEST or key in self.seen or len(self.seen) > _MOST:
            return ""
        self.seen.add(key)
        given = [self._given(around, shape) for shape in frame.needed]
        if any(each is None for each in given):
            return ""
        for outer, certain in self.program.callers(around):
            if certain and not is_of_tests(outer.module.path):
                needed = [shape for each in given if each is not None for call, shape in each if call == outer]
                changing = tuple(each for each in needed if not _is_constant(outer.module, outer.scope, each))
                holder = self._holder(around, outer, frame.holder)
                if holder == _ANOTHER:
                    continue
                found = self.often(_Frame(outer, changing, holder), depth + 1)
                if found:
                    return found
        return ""

    def _holder(self, around: Scope, outer: Call, shape: Shape | None) -> Shape | None:
        """Return what the object that a function around calls a method of is in a call of that function."""
        if shape is None:
            return None
        if shape == ["n", itself(self.program, around)]:
            return _holder(outer) if outer.function[0] == "a" else _ANOTHER
        given = self._given(around, shape) or []
        found = next((each for call, each in given if call == outer), _ANOTHER)
        return None if found != _ANOTHER and _is_constant(outer.module, outer.scope, found) else found

    def _given(self, around: Scope, shape: Shape) -> list[tuple[Call, Shape]] | None:
        """Return what callers give the parameter that a value is; None where it is something else."""
        if shape[0] != "n":
            return None
        found = around.module.lookup(around.number, shape[1])
        if found is None or found[0] != around.number or [each.kind for each in found[1]] != ["param"]:
            return None
        return list(self.program.arguments_for(around, shape[1]))


def _changing(call: Call) -> tuple[Shape, ...]:
    """Return the arguments that may be others each time."""
    return tuple(each.shape for each in call.arguments if not _is_constant(call.module, call.scope, each.shape))


def _is_constant(module: Module, scope: int, shape: Shape) -> bool:
    match shape:
        case ["k", *_]:
            return True
        case ["f" | "t", list(parts)]:
            return all(_is_constant(module, scope, each) for each in parts)
        case ["n", str(name)]:
            found = module.lookup(scope, name)
            return found is None or found[0] == 0
        case ["a", base, _]:
            return base not in (["n", "self"], ["n", "cls"]) and _is_constant(module, scope, base)
        case ["o", _, left, right]:
            return _is_constant(module, scope, left) and _is_constant(module, scope, right)
        case _:
            return False


def _loop_around(frame: _Frame) -> bool:
    """Tell whether a loop around a call leaves what it is given as it is."""
    call = frame.call
    holders = () if frame.holder is None else (frame.holder,)
    names = sorted({name for each in (*frame.needed, *holders) for name in _names(each)})
    if "" in names:
        return False
    return any(
        not any(start <= at < end for name in names for at in _bound_at(call.module, call.scope, name))
        for start, end in _loops(call)
    )


def _loops(call: Call) -> Iterator[tuple[int, int]]:
    """Yield where the loops around a call begin and end, the inner ones first."""
    module = call.module
    scope = call.scope
    while module.facts["scopes"][scope][0] == "comp":
        # What the first loop of a comprehension runs over is looked at once, and belongs to the scope around.
        span = module.scope(scope).span
        yield span.start, span.end
        scope = module.facts["scopes"][scope][2]
    for block in module.blocks(call.span.start):
        if block.kind in _LOOPS:
            yield block.header, block.end
    yield from _tested(call)


def _tested(call: Call) -> Iterator[tuple[int, int]]:
    """Yield where a `while` begins and ends that has the call in its test."""
    at = call.span.start
    for _parent, kind, header, start, end in call.module.facts["blocks"]:
        if kind == "while" and header <= at < start:
            yield header, end


def _bound_at(module: Module, scope: int, name: str) -> list[int]:
    found = module.lookup(scope, name)
    return [each.start for each in found[1]] if found is not None else []


def _names(shape: Shape) -> Iterator[str]:
    """Yield the names that an argument is made of, `""` where it is made of something else."""
    match shape:
        case ["k", *_]:
            return
        case ["n", str(name)]:
            yield name
        case ["a", base, _]:
            yield from _names(base)
        case ["f" | "t", list(parts)]:
            for each in parts:
                yield from _names(each)
        case ["o", _, left, right]:
            yield from _names(left)
            yield from _names(right)
        case _:
            yield ""


def _is_waiting(call: Call) -> bool:
    """Tell whether a loop around a call may wait for something to change: it has no end of its own, or sleeps."""
    if any(True for _ in _tested(call)):
        return True
    for block in call.module.blocks(call.span.start):
        if block.kind == "while":
            return True
        if block.kind in _LOOPS:
            for each in call.module.calls_named("sleep"):
                if block.header <= each.span.start < block.end:
                    return True
    return False


def _serves(program: Program, function: Scope) -> bool:
    """Tell whether a function is called for each request: a route, a method of a view, or what is given to routes."""
    if any(shape[0] == "a" and shape[2] in _SERVING for shape in _decorators(function)):
        return True
    owner = function.module.scope(function.parent) if function.parent >= 0 else None
    if owner is not None and owner.kind == "class":
        related = [owner, *program.ancestors(owner)] if function.name in _HANDLERS else []
        return any(base[-1] in _VIEWS for each in related for base in each.bases if base[0] in {"n", "a"})
    # path("prices/", views.prices), router.add_get("/", handle), Depends(catalogue)
    return any(
        _is_routing(program, read.module.call(read.use[1]))
        for read in program.references(function)
        if read.use[0] == "arg"
    )


def _is_routing(program: Program, call: Call) -> bool:
    """Tell whether a call hands a function to what calls it for each request."""
    dotted = program.dotted(call.module, call.scope, call.function) or ""
    if dotted:
        return call.tail in _ROUTES and dotted.partition(".")[0] in _FRAMEWORKS
    return call.tail in _REGISTERING


def _decorators(function: Scope) -> list[Shape]:
    module = function.module
    return [module.call(each[1]).function if each[0] == "c" else each for each in function.decorators]


# --- several calls -------------------------------------------------------------------------------------------------


def _alike(program: Program, calls: list[Call], *, held: bool) -> Iterator[list[Call]]:
    """Yield calls with the same constant arguments, in groups; where objects keep the results, of the same object."""
    groups: dict[str, list[Call]] = {}
    for call in calls:
        if not _changing(call):
            on = _on_whom(program, call) if held else ""
            groups.setdefault(f"{on} {[each.shape for each in call.arguments]}", []).append(call)
    yield from groups.values()


def _on_whom(program: Program, call: Call) -> str:
    """Return which object a method is called on: equal texts mean the same one."""
    holder = _holder(call)
    if holder is None:
        return str(call.function[1])
    around = call.module.enclosing(call.scope, "function", "module")
    number = around.number if around is not None else 0
    if around is not None and holder == ["n", itself(program, around)]:
        return f"{call.module.path} self {around.parent}"
    once = all(name and len(_bound_at(call.module, call.scope, name)) == 1 for name in _names(holder))
    return f"{call.module.path} {number} {holder}" if once else f"{call.module.path} {call.span.start}"


def _from_several(program: Program, calls: list[Call], *, held: bool = False) -> str:
    """Return why several functions that nobody in the program calls make the same call: others will call them."""
    for group in _alike(program, calls, held=held):
        around: dict[tuple[str, int], Call] = {}
        for call in group:
            function = call.module.enclosing(call.scope, "function")
            if function is not None and not _runs_once(program, function) and not program.callers(function):
                around.setdefault((function.module.path, function.number), call)
        if len(around) > 1:
            first, second, *_ = around.values()
            return f"several functions call it with the same arguments ({_place(first)}, {_place(second)})"
    return ""


def _runs_once(program: Program, function: Scope) -> bool:
    """Tell whether a process runs a function at most once: a command, or the main function."""
    if function.name in {"main", "cli", "run"} or any(each[-1] in _COMMANDS for each in _decorators(function)):
        return True
    if f"{function.module.name}.{function.module.symbol(function.number)}" in program.entry_points:
        return True
    # parser.set_defaults(func=show)
    taken = [read.module.call(read.use[1]).tail for read in program.references(function) if read.use[0] == "arg"]
    return bool(_TAKERS_OF_COMMANDS & set(taken))


def _from_one(program: Program, calls: list[Call], *, held: bool = False) -> str:
    """Return why two calls with the same arguments are made in one run: one function leads to both of them."""
    for group in _alike(program, calls, held=held):
        seen: dict[tuple[str, int, str], tuple[Call, Call]] = {}
        for call in group:
            for above, way in _above(program, call, held=held).items():
                first, other = seen.setdefault(above, (call, way))
                if first != call and other != way and not _either_or(other, way):
                    return f"one way leads to several calls of it ({_place(first)}, {_place(call)})"
    return ""


def _either_or(one: Call, other: Call) -> bool:
    """Tell whether two calls stand in different branches of one condition."""
    if one.module is not other.module:
        return False
    kinds = {"if", "else", "case", "except"}
    headers = {each.header: each.start for each in one.module.blocks(one.span.start) if each.kind in kinds}
    return any(
        each.header in headers and headers[each.header] != each.start for each in one.module.blocks(other.span.start)
    )


def _above(program: Program, call: Call, *, held: bool = False) -> dict[tuple[str, int, str], Call]:
    """Return the functions, and modules, that lead to a call, each with the call in it that does.

    With `held` the last part of the key says what the method is called on there, and the ways end where that is not
    the object of the method around.
    """
    found: dict[tuple[str, int, str], Call] = {}
    pending = [(call, 0)]
    while pending and len(found) < _MOST:
        current, depth = pending.pop(0)
        around = current.module.enclosing(current.scope, "function", "module")
        on = _on_whom(program, current) if held else ""
        key = (current.module.path, around.number if around is not None else 0, on)
        if key in found:
            continue
        found[key] = current
        hidden = held and around is not None and current.function[1] != ["n", itself(program, around)]
        if around is not None and around.kind == "function" and depth < _FARTHEST and not hidden:
            pending += [
                (outer, depth + 1)
                for outer, certain in program.callers(around)
                if certain and not is_of_tests(outer.module.path) and (not held or outer.function[0] == "a")
            ]
    return found


def _place(call: Call) -> str:
    return f"{call.module.path}:{call.module.position(call.span.start).line}"
