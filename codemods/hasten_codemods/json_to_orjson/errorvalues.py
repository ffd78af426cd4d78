"""Errors that come as values, as `task.exception()` gives them, and whether the program shows their words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from hasten.api import Call, Module, Program
from hasten_codemods.json_to_orjson.handlers import PARENTS, Shape, caught

_SHOWING = frozenset(
    {"print", "pprint", "str", "repr", "ascii", "format", "print_exception", "format_exception"}
    | {"format_exception_only", "debug", "info", "warning", "warn", "error", "exception", "critical", "fatal", "log"}
)
_WORDS = frozenset({"args", "msg", "pos", "lineno", "colno", "doc", "__str__", "__repr__"})
#: They give what holds the values that they are given.
_PASSING = frozenset({"list", "tuple", "set", "sorted", "reversed", "enumerate", "zip", "iter", "next", "filter"})
#: They put what they are given into what they are called on.
KEEPING = frozenset({"append", "add", "appendleft", "put_nowait", "put", "insert", "extend"})
_FARTHEST = 12
#: `if isinstance(...)` and `elif isinstance(...)`, and the same with `not`: so far is the call from the header.
_WHERE_IT_IS = frozenset({len("if "), len("elif ")})
_WHERE_IT_IS_NOT = frozenset({len("if not "), len("elif not ")})


class Place(NamedTuple):
    """Where an error is shown, or raised again."""

    module: Module
    scope: int
    at: int
    raised: bool


def uses_of(program: Program, call: Call, slot: int | None = None) -> list[Place]:
    """Return where the errors are shown or raised that `call` gives, by themselves or among others.

    Args:
        program: where to look.
        call: what gives them.
        slot: which one it is of those that `call` gives, None where it may be any.
    """
    walk = _Walk(program)
    walk.step(call.module, call.scope, call.span.start, call.use, ["c", call.index], slot, 0)
    return walk.found


class _Walk:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.found: list[Place] = []
        self.seen: set[tuple[str, int, int]] = set()

    def step(
        self, module: Module, scope: int, at: int, use: list[Any], shape: Shape, slot: int | None, depth: int
    ) -> None:
        if depth > _FARTHEST:
            return
        match use:
            case ["await", inner]:
                self.step(module, scope, at, inner, ["w", shape], slot, depth + 1)
            case ["multi", list(uses)]:
                for each in uses:
                    self.step(module, scope, at, each, shape, slot, depth + 1)
            case ["elem", _, inner]:
                if not is_sifted_out(self.program, module, scope, shape):
                    self.step(module, scope, at, inner, ["x", ""], None, depth + 1)
            case ["sub", inner]:
                self.step(module, scope, at, inner, ["x", ""], None, depth + 1)
            case ["fmt"] | ["bin", "Mod"]:
                self.show(module, scope, at, shape)
            case ["attr" | "meth", name, *_] if name in _WORDS:
                self.show(module, scope, at, shape)
            case ["raise"]:
                self.found.append(Place(module, scope, at, raised=True))
            case ["asg", _, str(name)]:
                self.name(module, scope, name, depth, slot)
            case ["asgattr", _, str(name)]:
                for read in self.program.attribute_reads(name, want=False):
                    self.once(read.module, read.scope, read.span.start, read.use, ["a", ["x", ""], name], depth)
            case ["iter"] | ["unpack"]:
                for inner, name in targets_of(module, scope, shape, slot):
                    self.name(module, inner, name, depth)
            case ["arg", int() as index, where]:
                self.argument(module.call(index), where, shape, (module, scope, at), depth)
            case ["ret", int() as inner]:
                for call, _ in self.program.callers(module.scope(inner)):
                    self.once(call.module, call.scope, call.span.start, call.use, ["c", call.index], depth, slot)
            case _:
                return

    def once(
        self, module: Module, scope: int, at: int, use: list[Any], shape: Shape, depth: int, slot: int | None = None
    ) -> None:
        key = (module.path, scope, at)
        if key not in self.seen:
            self.seen.add(key)
            self.step(module, scope, at, use, shape, slot, depth + 1)

    def name(self, module: Module, scope: int, name: str, depth: int, slot: int | None = None) -> None:
        found = module.lookup(scope, name)
        for read in module.reads(found[0] if found is not None else scope, name):
            self.once(module, read.scope, read.span.start, read.use, ["n", name], depth, slot)

    def show(self, module: Module, scope: int, at: int, shape: Shape) -> None:
        if shape[0] != "n" or may_be_error(self.program, module, shape[1], at):
            self.found.append(Place(module, scope, at, raised=False))

    def argument(self, call: Call, where: int | str, shape: Shape, place: tuple[Module, int, int], depth: int) -> None:
        target, _ = self.program.target_of(call)
        if target is not None and target.kind == "function":
            plain = [each[0] for each in target.parameters if each[1] in {"plain", "posonly"}]
            method = call.function[0] == "a" and self.program.method_owner(target.module, target.number) is not None
            position = -1 if isinstance(where, str) else where + method
            name = plain[position] if 0 <= position < len(plain) else where
            if isinstance(name, str):
                self.name(target.module, target.number, name, depth)
            return
        receiver = call.function[1] if call.function[0] == "a" else None
        mapped = call.arguments[0].shape if call.tail == "map" and where == 1 else None
        if call.tail in _SHOWING or where == "exc_info" or mapped in (["n", "str"], ["n", "repr"]):
            self.show(*place, shape)
        elif call.tail in _PASSING and receiver is None:
            slot = 1 if call.tail == "enumerate" else where if call.tail == "zip" and isinstance(where, int) else None
            self.once(call.module, call.scope, call.span.start, call.use, ["c", call.index], depth, slot)
        elif call.tail in KEEPING and receiver is not None and receiver[0] == "n":
            self.name(call.module, call.scope, receiver[1], depth)


def targets_of(module: Module, scope: int, shape: Shape, slot: int | None) -> Iterator[tuple[int, str]]:
    """Yield the names, each with its scope, that a loop or an assignment puts the parts of a value into.

    Args:
        module, scope: where the value is.
        shape: what it is called there.
        slot: which of several names in a row is meant, None for all.
    """
    body = module.enclosing(scope, "function", "module")
    for inner, table in enumerate(module.facts["binds"]):
        if module.enclosing(inner, "function", "module") != body:
            continue
        row = sorted(
            (start, name, kind)
            for name, bindings in table.items()
            for kind, payload, start, _nest in bindings
            if kind in {"for", "unpack"} and payload == shape
        )
        single = [name for _, name, kind in row if kind == "for"]
        several = [name for _, name, kind in row if kind == "unpack"]
        for name in [*single, *(several if slot is None or slot >= len(several) else several[slot : slot + 1])]:
            yield inner, name


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
