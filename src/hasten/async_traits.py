"""What the traits of traitlets hold: attributes that a class declares in its body, and gives a value later.

class Notary(LoggingConfigurable):
    make_store = Callable().tag(config=True)        # what is called here is what `default` names, or others give
    paper = Instance(Paper)                         # traitlets sees to it that nothing else gets there

    @default("make_store")
    def _make_store_default(self):
        return MemoryStore
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from hasten.index.module import Call, Module, Scope, Shape
from hasten.index.program import Program

#: A value, and where the names in it belong to; `["@", annotation]` is any object of that type.
Value: TypeAlias = "tuple[Module, int, Shape | None]"

_HOMES = ("traitlets.", "traitlets.traitlets.")
#: Traits that may hold a function, a class or any object.
_ANYTHING = frozenset({"Any", "Callable", "Type"})
_OBJECTS = frozenset({"Instance"})


def held(program: Program, owner: Scope, name: str, shape: Shape | None) -> list[Value] | None:
    """Return what a trait may hold, as far as the program gives it something; None for what is no such trait.

    Args:
        program: where the class is.
        owner, name: the class whose body assigns to the name.
        shape: what it assigns.
    """
    call = _trait(owner.module, shape)
    if call is None:
        return None
    if _kind(call) in _OBJECTS:
        return [_instance(program, owner, call)]
    first = call.argument(0, "default_value")
    found: list[Value] = [(owner.module, owner.number, first.shape)] if first is not None else []
    for each in (*program.ancestors(owner), *program.heirs(owner)):
        for method in _defaults(each, name):
            given: list[Shape | None] = [*method.returned] or [None]
            found += [(method.module, method.number, value) for value in given]
    return [*found, *_given(program, owner, name)]


def _instance(program: Program, owner: Scope, call: Call) -> Value:
    """Return what a trait holds that is told a class, or the dotted name of one.

    paper = Instance(Paper, args=())
    shell = Instance("app.shell.Shell", allow_none=True)
    """
    given = call.argument(0, "klass")
    shape = given.shape if given is not None else ["x", ""]
    if shape[0] in {"n", "a"}:
        return owner.module, owner.number, ["@", shape]
    if shape[:2] != ["k", "str"]:
        return owner.module, owner.number, None
    found = program.definition(shape[2])
    if found is not None:
        return found.module, found.parent, ["@", ["n", found.name]]
    return owner.module, owner.number, None if program.is_own(shape[2]) else ["made", shape[2]]


def is_configured(owner: Scope, shape: Shape | None) -> bool:
    """Tell whether what a class body assigns is a trait that a configuration of the user's may set."""
    call = _tagged(owner.module, shape)
    found = call.argument(1, "config") if call is not None else None
    return found is not None and found.shape != ["k", "bool", False] and _trait(owner.module, shape) is not None


def _trait(module: Module, shape: Shape | None) -> Call | None:
    """Return the call that makes a trait: that of `Callable` in `Callable(help="...").tag(config=True)`."""
    tagged = _tagged(module, shape)
    if tagged is not None:
        shape = tagged.function[1]
    call = module.call(shape[1]) if shape is not None and shape[0] == "c" else None
    if call is None or _kind(call) not in _ANYTHING | _OBJECTS:
        return None
    return call


def _kind(call: Call) -> str:
    dotted = call.module.dotted(call.scope, call.function) or ""
    home = next((each for each in reversed(_HOMES) if dotted.startswith(each)), None)
    return dotted.removeprefix(home) if home is not None else ""


def _tagged(module: Module, shape: Shape | None) -> Call | None:
    call = module.call(shape[1]) if shape is not None and shape[0] == "c" else None
    return call if call is not None and call.tail == "tag" and call.function[0] == "a" else None


def _defaults(owner: Scope, name: str) -> Iterator[Scope]:
    """Yield the methods of a class that give a trait its value where nobody else does."""
    module = owner.module
    for each in module.scopes():
        if each.kind != "function" or each.parent != owner.number:
            continue
        calls = (module.call(one[1]) for one in each.decorators if one[0] == "c")
        named = (call.argument(0) for call in calls if _kind(call) == "default")
        if each.name == f"_{name}_default" or any(
            found is not None and found.shape == ["k", "str", name] for found in named
        ):
            yield each


def _given(program: Program, owner: Scope, name: str) -> Iterator[Value]:
    """Yield what a trait is given by those who make an object: `Notary(make_store=Store)`."""
    for each in program.heirs(owner):
        for call, _certain in program.callers(each):
            for argument in call.arguments:
                if argument.keyword == name:
                    yield call.module, call.scope, argument.shape
