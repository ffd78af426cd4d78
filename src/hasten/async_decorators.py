"""Whether a decorator of the program hands calls through, so that it takes coroutine functions as it takes others."""

from __future__ import annotations

from hasten.index.module import Call, Module, Scope, Shape, Use
from hasten.index.program import Program

#: Takers of a function that look at it and never call it.
_LOOKING = frozenset(
    {"functools.wraps", "functools.update_wrapper", "inspect.signature", "inspect.getdoc", "inspect.unwrap"}
    | {f"builtins.{each}" for each in ("getattr", "hasattr", "setattr", "repr", "str", "id", "callable")}
)
#: Blocks that a `return` may stand in without anything coming after it.
_BRANCHES = frozenset({"if", "case"})
_HARMLESS = frozenset({"cmp", "cond", "fmt", "dest"})


def forwards(program: Program, module: Module, scope: int, shape: Shape) -> bool:
    """Tell whether a decorator does nothing after it has called the function, and returns what that returns.

    def logged(fn):
        @functools.wraps(fn)
        def wrapper(*args, **kwargs):
            log.debug("%s", fn.__name__)
            return fn(*args, **kwargs)
        return wrapper

    What it does before happens before the coroutine is awaited, which is just then. One that takes arguments
    (`@logged("sql")`) is followed to the decorator that it returns.

    Args:
        program: where the decorator may be defined.
        module, scope: where it is used.
        shape: the decorator, as it is written there.
    """
    made = shape[0] == "c"
    written = module.call(shape[1]).function if made else shape
    dotted = module.dotted(scope, written) if written[0] in {"n", "a"} else None
    found = program.resolve(dotted) if dotted is not None else None
    if found is None or found.kind != "function" or found.flags or found.decorators:
        return False
    if made:
        inner = _inner(found, found.returned[0]) if len(found.returned) == 1 else None
        if inner is None or not _only_returned(inner, found):
            return False
        found = inner
    return _hands_through(found)


def _inner(outer: Scope, shape: Shape) -> Scope | None:
    """Return the plain function that `outer` defines once, and means by `shape`."""
    if shape[0] != "n":
        return None
    bindings = outer.module.bindings(outer.number, shape[1])
    if len(bindings) != 1 or bindings[0].kind != "def":
        return None
    inner = outer.module.scope(bindings[0].payload)
    return None if inner.flags else inner


def _hands_through(decorator: Scope) -> bool:
    """Tell whether a function takes another and returns it, or a wrapper of it that only forwards."""
    if len(decorator.parameters) != 1 or decorator.parameters[0][1] not in {"plain", "posonly"}:
        return False
    wrapped, home = decorator.parameters[0][0], decorator.module
    if len(home.bindings(decorator.number, wrapped)) != 1 or not decorator.returned:
        return False
    calls: list[Call] = []
    for read in home.reads(decorator.number, wrapped):
        if read.use[0] == "call":
            calls.append(home.call(read.use[1]))
        elif not (read.use == ["ret", decorator.number] or _looks(home, read.use)):
            return False
    wrappers: dict[int, Scope] = {}
    for shape in decorator.returned:
        if shape[0] == "c":  # return functools.update_wrapper(wrapper, fn)
            updated = home.call(shape[1])
            known = home.dotted(updated.scope, updated.function) == "functools.update_wrapper"
            shape = updated.arguments[0].shape if known and updated.arguments else shape  # noqa: PLW2901
        if shape == ["n", wrapped]:
            continue
        wrapper = _inner(decorator, shape)
        if wrapper is None or not _only_returned(wrapper, decorator):
            return False
        wrappers[wrapper.number] = wrapper
    inside = {each.scope for each in calls}
    return inside <= wrappers.keys() and all(_forwards(each, calls) for each in wrappers.values())


def _forwards(wrapper: Scope, calls: list[Call]) -> bool:
    """Tell whether a wrapper always ends by returning what one of `calls`, those of the function, returns."""
    module = wrapper.module
    for decorator in wrapper.decorators:
        call = module.call(decorator[1]) if decorator[0] == "c" else None
        if call is None or module.dotted(call.scope, call.function) != "functools.wraps":
            return False
    own = [each for each in calls if each.scope == wrapper.number]
    if not own or [["c", each.index] for each in own] != wrapper.returned:
        return False
    blocks = [[block.kind for block in module.blocks(each.span.start)] for each in own]
    # One of them is not below a condition: nothing falls off the end, and returns None without a coroutine.
    return [] in blocks and all(set(each) <= _BRANCHES for each in blocks)


def _only_returned(inner: Scope, outer: Scope) -> bool:
    """Tell whether the function around does no more with `inner` than to return it and to set its attributes."""
    return all(
        read.use == ["ret", outer.number] or _looks(inner.module, read.use)
        for read in inner.module.reads(outer.number, inner.name)
    )


def _looks(module: Module, use: Use) -> bool:
    """Tell whether a use of a function neither calls it nor hands it to anybody who might."""
    if use[0] == "attr":
        return bool(use[1].startswith("__") and use[1] not in {"__call__", "__wrapped__", "__get__"})
    if use[0] == "arg":
        taker = module.call(use[1])
        return module.dotted(taker.scope, taker.function) in _LOOKING
    return use[0] in _HARMLESS
