"""Decorators of the program between a route of Flask and its view.

@bp.route("/create")
@login_required
def create(): ...

Flask asks of what it is handed whether that is a coroutine function, and what a decorator gives is a plain function. So
it is the decorator that has to hand the view to Flask before it calls it, as Flask tells those who write decorators:
`return current_app.ensure_sync(view)(**kwargs)`. That leaves plain views as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hasten.async_forms import More
from hasten.index.elsewhere import overwritten
from hasten.index.module import Call, Module, Scope, Shape
from hasten.index.program import Program
from hasten.model import ImportRequest

#: The name that the new code reads, of Flask.
_APPLICATION = "current_app"
_LOOKING = frozenset({"functools.wraps", "functools.update_wrapper"})


@dataclass(frozen=True, slots=True)
class Ensured:
    """What a decorator needs so that it takes coroutine functions of Flask.

    Attributes:
        why: why it cannot take them, `""` where it can.
        more: the edits of its calls.
        imports: what these need.
    """

    why: str = ""
    more: tuple[More, ...] = ()
    imports: tuple[ImportRequest, ...] = ()


def ensured(program: Program, function: Scope, shape: Shape, is_view: Callable[[Scope, Shape], bool]) -> Ensured | None:
    """Return what a decorator below a route of Flask needs, None where it is no function of the program.

    Args:
        program: where it may be defined.
        function, shape: what it decorates, and how it is written there.
        is_view: tells whether a decorator of the program, as it is written at a function, stands below a route.
    """
    module = function.module
    written = module.call(shape[1]).function if shape[0] == "c" else shape
    dotted = module.dotted(function.parent, written) if written[0] in {"n", "a"} else None
    outer = program.definition(dotted) if dotted is not None else None
    if outer is None or outer.kind != "function" or outer.flags or outer.decorators:
        return None
    inner = outer if shape[0] != "c" else _made(outer)
    if inner is None or len(inner.parameters) != 1 or inner.parameters[0][1] not in {"plain", "posonly"}:
        return Ensured(f"`{outer.name}` is no function that takes the view alone")
    for user, used in _users(program, outer):
        if user is None or not is_view(user, used):
            return Ensured(f"`{outer.name}` is used for something else than views of Flask, too")
    if any(True for _ in program.callers(function)):
        return Ensured(f"`{function.name}` is called by the program, too, and would be below `{outer.name}` there")
    return _rewritten(program, inner)


def _made(outer: Scope) -> Scope | None:
    """Return the decorator that a function with arguments makes: `@roles("admin")`."""
    shape = outer.returned[0] if len(outer.returned) == 1 else None
    found = outer.module.bindings(outer.number, shape[1]) if shape is not None and shape[0] == "n" else ()
    if len(found) != 1 or found[0].kind != "def":
        return None
    inner = outer.module.scope(found[0].payload)
    return None if inner.flags or inner.decorators else inner


def _users(program: Program, outer: Scope) -> Iterator[tuple[Scope | None, Shape]]:
    """Yield what a decorator decorates, with how it is written there; None for any other use of it."""
    for read in program.references(outer):
        if read.use[0] == "deco":
            user = read.module.scope(read.use[1])
            yield user, next((each for each in user.decorators if _is_at(read.module, each, outer.name)), ["x", ""])
        else:
            yield None, ["x", ""]
    for call, _certain in program.callers(outer):
        deco = call.use[0] == "deco"
        yield (call.module.scope(call.use[1]) if deco else None), ["c", call.index]


def _is_at(module: Module, shape: Shape, name: str) -> bool:
    written = module.call(shape[1]).function if shape[0] == "c" else shape
    return bool(written[-1] == name)


def _rewritten(program: Program, decorator: Scope) -> Ensured:
    """Return the edits of the calls of what a decorator is given."""
    module, name = decorator.module, decorator.parameters[0][0]
    if len(module.bindings(decorator.number, name)) != 1:
        return Ensured(f"`{name}` of `{decorator.name}` is bound twice")
    calls: list[Call] = []
    for read in module.reads(decorator.number, name):
        use = read.use
        if use[0] == "call":
            calls.append(module.call(use[1]))
        elif not (
            use == ["ret", decorator.number]
            or (use[0] == "attr" and use[1].startswith("__") and use[1] != "__call__")
            or (use[0] == "arg" and module.dotted(read.scope, module.call(use[1]).function) in _LOOKING)
        ):
            return Ensured(f"`{decorator.name}` hands the view on, or keeps it")
    for each in calls:
        around = module.scope(each.scope)
        if around.kind != "function" or around.flags or around.number == decorator.number:
            return Ensured(f"`{decorator.name}` calls the view in another way than in a plain function of its own")
        found = module.lookup(each.scope, _APPLICATION)
        if found is not None and module.dotted(each.scope, ["n", _APPLICATION]) != f"flask.{_APPLICATION}":
            return Ensured(f"`{_APPLICATION}` is bound to something of its own where `{decorator.name}` is defined")
    if calls and (place := overwritten(program, module, _APPLICATION)) is not None:
        return Ensured(f"a star import would take `{_APPLICATION}` where `{decorator.name}` is defined ({place})")
    more = tuple(More(module, each.span, "ensure-sync") for each in calls)
    return Ensured("", more, (ImportRequest(module.path, "flask", _APPLICATION),) if calls else ())


__all__ = ["Ensured", "ensured"]
