"""Which functions can be tried again as a whole, by what they are."""

from __future__ import annotations

from hasten.api import Call, Program, Scope, is_fixture
from hasten_codemods.retry_api_calls.places import is_in_tests, place_of

_PROPERTIES = frozenset({"property", "cached_property", "setter", "getter", "deleter", "hybrid_property"})
#: Decorators that take a function as it is, by their absolute names.
_KNOWN = frozenset(
    {"builtins.staticmethod", "builtins.classmethod", "abc.abstractmethod", "typing.override", "typing.final"}
    | {
        "typing_extensions.override",
        "functools.wraps",
        "functools.cache",
        "functools.lru_cache",
        "typing.no_type_check",
    }
    | {"warnings.deprecated", "typing_extensions.deprecated", "click.command", "click.option", "click.argument"}
    | {"click.group", "click.pass_context", "click.pass_obj", "functools.singledispatch"}
)
#: Of applications, routers and groups: they keep what they are given, and call it once for each request.
_REGISTERING = frozenset(
    {
        "get",
        "post",
        "put",
        "patch",
        "delete",
        "route",
        "command",
        "option",
        "argument",
        "callback",
        "task",
        "shared_task",
    }
    | {"websocket", "on_event", "tool", "resource", "register", "pass_context", "require_http_methods"}
)
#: Methods that Python calls by itself; of these it is known that a second run is one call more.
_CALLED_PLAINLY = frozenset({"__call__"})


def is_of_tests(function: Scope) -> bool:
    """Tell whether a function belongs to tests."""
    if is_in_tests(function.module.path) or function.name.startswith("test_"):
        return True
    return is_fixture(function)


def refusal(function: Scope) -> tuple[str, str] | None:
    """Return the code and the reason why a function cannot be tried again as a whole, None where nothing is known."""
    if is_of_tests(function):
        return "RTY114", f"`{function.name}` belongs to tests, which are to see what fails; call what is tested instead"
    if function.is_generator:
        # @contextmanager def opened(): r = get(); yield r
        return (
            "RTY111",
            (
                f"`{function.name}` is a generator, of which a retry would only try the making; "
                "take the call out into a function of its own"
            ),
        )
    condition = _condition(function)
    if condition:
        # if __name__ == "__main__": def fetch(): ...
        return (
            "RTY126",
            (
                f"`{function.name}` is only defined under a condition ({condition}), and tenacity would be imported "
                "always; define it at the top of the module, or import tenacity there and decorate it by hand"
            ),
        )
    for each in function.decorators:
        if each[0] in {"n", "a"} and each[-1] in _PROPERTIES:
            return (
                "RTY112",
                f"`{function.name}` is a property, of which nobody expects that it waits; call a method in it",
            )
    if function.name.startswith("__") and function.name.endswith("__") and function.name not in _CALLED_PLAINLY:
        return (
            "RTY113",
            (
                f"`{function.name}` is called by Python itself, at moments that are no place for waiting; "
                "take the call out into a method of its own"
            ),
        )
    return None


def _condition(function: Scope) -> str:
    """Return where the condition begins that a function, or what is around it, is defined under."""
    module = function.module
    inner = function
    while inner.parent >= 0:
        around = module.scope(inner.parent)
        for each in module.bindings(inner.parent, inner.name):
            if each.payload == inner.number and each.kind in {"def", "class"} and set(each.nest) & set("ITte"):
                return place_of(module, each.start)
        inner = around
    return ""


def unknown_decorator(program: Program, function: Scope) -> str:
    """Return a decorator of which it is not known what it does with the function, for people."""
    for each in function.decorators:
        shape = function.module.call(each[1]).function if each[0] == "c" else each
        dotted = program.dotted(function.module, function.parent, shape) or ""
        name = str(shape[-1]) if shape[0] in {"n", "a"} else "..."
        if dotted in _KNOWN or (shape[0] == "a" and name in _REGISTERING):
            continue
        return f"`@{name}` ({place_of(function.module, function.span.start)})"
    return ""


def is_late(function: Scope, call: Call) -> bool:
    """Tell whether a call is of something that the function, or one around it, imports for itself."""
    shape = call.function
    while shape[0] == "a":
        shape = shape[1]
    found = function.module.lookup(call.scope, shape[1]) if shape[0] == "n" else None
    return found is not None and found[0] != 0 and any(each.kind == "import" for each in found[1])
