"""Errors that come as values, as `task.exception()` gives them, and whether the program shows their words."""

from __future__ import annotations

from typing import Any, NamedTuple

from hasten.api import Call, Module, Program
from hasten_codemods.json_to_orjson.carried import Carried, Here
from hasten_codemods.json_to_orjson.handlers import PARENTS, Shape, caught
from hasten_codemods.json_to_orjson.paths import Path

_SHOWING = frozenset(
    {"print", "pprint", "str", "repr", "ascii", "format", "print_exception", "format_exception"}
    | {"format_exception_only", "debug", "info", "warning", "warn", "error", "exception", "critical", "fatal", "log"}
)
_WORDS = frozenset({"args", "msg", "pos", "lineno", "colno", "doc", "__str__", "__repr__"})
#: `if isinstance(...)` and `elif isinstance(...)`, and the same with `not`: so far is the call from the header.
_WHERE_IT_IS = frozenset({len("if "), len("elif ")})
_WHERE_IT_IS_NOT = frozenset({len("if not "), len("elif not ")})


class Place(NamedTuple):
    """Where an error is shown, or raised again."""

    module: Module
    scope: int
    at: int
    raised: bool


def uses_of(program: Program, call: Call, path: Path = ()) -> list[Place]:
    """Return where the errors are shown or raised that `call` gives, by themselves or among others.

    Args:
        program: where to look.
        call: what gives them.
        path: where they are in what it gives.
    """
    walk = _Walk(program)
    walk.begin(call, path)
    return walk.found


class _Walk(Carried):
    def __init__(self, program: Program) -> None:
        super().__init__(program, want=False)
        self.found: list[Place] = []

    def ends(self, here: Here, use: list[Any], depth: int) -> bool:  # noqa: ARG002 - others go on from here
        match use:
            case ["elem", *_]:
                return is_sifted_out(self.program, here.module, here.scope, here.shape)
            case ["fmt"] | ["bin", "Mod"]:
                self.show(here)
            case ["attr" | "meth", name, *_] if name in _WORDS:
                self.show(here)
            case ["raise"]:
                self.found.append(Place(here.module, here.scope, here.at, raised=True))
            case _:
                return False
        return True

    def given(self, call: Call, where: int | str, here: Here, depth: int) -> bool:
        if self.parameter(call, where, here.path, depth):
            return True
        mapped = call.arguments[0].shape if call.tail == "map" and where == 1 else None
        if call.tail in _SHOWING or where == "exc_info" or mapped in (["n", "str"], ["n", "repr"]):
            self.show(here)
            return True
        return False

    def show(self, here: Here) -> None:
        if here.shape[0] != "n" or may_be_error(self.program, here.module, here.shape[1], here.at):
            self.found.append(Place(here.module, here.scope, here.at, raised=False))


# --- tests of kind ------------------------------------------------------------------------------------------------


def may_be_error(program: Program, module: Module, name: str, at: int) -> bool:
    """Tell whether a variable may still be an error at a place: not where `isinstance(name, Exception)` failed."""
    tests = [each for each in module.calls_named("isinstance") if _asks(program, each, name)]
    for block in module.blocks(at) if tests else ():
        for test in tests:
            distance = test.span.start - block.header
            if distance in (_WHERE_IT_IS if block.kind == "else" else _WHERE_IT_IS_NOT if block.kind == "if" else ()):
                return False
    return True


def is_sifted_out(program: Program, module: Module, scope: int, shape: Shape) -> bool:
    """Tell whether a comprehension leaves errors out: `[each for each in results if not isinstance(each, Error)]`."""
    inner = module.scope(scope)
    if inner.kind != "comp" or shape[0] != "n":
        return False
    ends = {
        end
        for table in (module.facts["reads"][scope], module.facts["reads"][inner.parent])
        for reads in table.values()
        for _start, end, use in reads
        if use == ["iter"]
    }
    return any(
        test.scope == scope and test.span.start - len(" if not ") in ends and _asks(program, test, shape[1])
        for test in module.calls_named("isinstance")
    )


def _asks(program: Program, test: Call, name: str) -> bool:
    """Tell whether a call of `isinstance` asks a variable whether it is an error as the standard library raises."""
    subject, types = test.argument(0), test.argument(1)
    if subject is None or types is None or subject.shape != ["n", name] or test.use != ["cond"]:
        return False
    kinds = caught(program, test.module, test.scope, types.shape)
    return kinds is not None and not kinds.isdisjoint(PARENTS["JSONDecodeError"])
