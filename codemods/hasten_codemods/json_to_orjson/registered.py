"""Handlers that a program registers for the exceptions that leave its functions: those of frameworks, and hooks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple

from hasten.api import Call, Module, Program, Scope
from hasten_codemods.json_to_orjson.handlers import (
    KNOWN,
    PARENTS,
    Handler,
    Shape,
    caught,
    is_false,
    is_telling,
    place_of,
    shows_error,
)
from hasten_codemods.json_to_orjson.kindtests import tests_in

#: Decorators, and calls, that register a handler for a kind of exception, with its parameter that is the exception.
_DECORATORS = {"exception_handler": 1, "errorhandler": 0, "app_errorhandler": 0}
_CALLS = {"add_exception_handler": 1, "register_error_handler": 0, "add_error_handler": 2}
#: An argument, or an attribute, that holds handlers by the kind of exception.
_TABLE = "exception_handlers"
#: What is called with an exception that nobody caught.
_HOOK, _SETTING = "excepthook", "set_exception_handler"
#: What a handler may give the exception to and not show it.
_SILENT = frozenset({"isinstance", "issubclass", "type", "__excepthook__", "excepthook", "default_exception_handler"})
_DEEPEST = 4


class Entry(NamedTuple):
    """One registration.

    Attributes:
        kinds: the exceptions it is for; None for all.
        types: the shape that names them, for those that the standard library does not know.
        handler: what becomes of them.
        function: the handler's function, where it can be seen.
        module: where it is registered.
    """

    kinds: frozenset[str] | None
    types: Shape
    handler: Handler
    function: Scope | None
    module: Module


class Registered:
    """The handlers that one program registers."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self._program = program

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        return bool(self.of_frameworks or self.of_hooks)

    @cached_property
    def of_frameworks(self) -> list[list[Handler]]:
        """Return what sees an exception that leaves a function which a framework calls, the nearest kind first."""
        known = [each for each in self.entries if each.kinds is not None and not each.kinds.isdisjoint(KNOWN)]
        groups: dict[str, list[Entry]] = {}
        for each in known:
            groups.setdefault(each.module.path, []).append(each)
        found = [_ordered(each) for each in groups.values()]
        found += [_ordered(known)] if len(groups) > 1 else []
        return found + [tests for each in known for tests in self._asked(each.function)]

    @cached_property
    def of_hooks(self) -> list[list[Handler]]:
        """Return what sees an exception that nobody catches."""
        found: list[list[Handler]] = []
        for module, scope, start, shape, position in self._hooks():
            function = self._function(module, scope, shape)
            found.append([self._handler(None, module, start, function, position)])
            found += self._asked(function)
        return found

    @cached_property
    def entries(self) -> list[Entry]:
        """Return all that is registered for a kind of exception."""
        found = [*self._decorated(), *self._called(), *self._tabled()]
        return [each for each in found if each is not None]

    # --- registrations --------------------------------------------------------------------------------------------

    def _decorated(self) -> Iterator[Entry | None]:
        for name, position in _DECORATORS.items():
            for call in self._program.calls_named(name):
                kind = call.argument(0)
                if kind is None:
                    continue
                match call.use:
                    case ["deco", int() as number]:
                        function = call.module.scope(number)
                        yield self._entry(call.module, call.scope, kind.shape, call.span.start, function, position)
                    case ["callee", int() as index] if (given := call.module.call(index).argument(0)) is not None:
                        yield self._shaped(call.module, call.scope, kind.shape, call.span.start, given.shape, position)
                    case _:
                        continue

    def _called(self) -> Iterator[Entry | None]:
        for name, position in _CALLS.items():
            for call in self._program.calls_named(name):
                kind, given = call.argument(0), call.argument(1)
                if kind is not None and given is not None:
                    yield self._shaped(call.module, call.scope, kind.shape, call.span.start, given.shape, position)

    def _tabled(self) -> Iterator[Entry | None]:
        """Yield those of `Starlette(exception_handlers={ValueError: bad})` and `app.exception_handlers[...] = bad`."""
        self._program.want(_TABLE)
        for module in self._program.modules_with("keywords", _TABLE):
            for call in module.calls():
                for each in call.arguments:
                    if each.keyword == _TABLE:
                        yield from self._table(module, call.scope, each.shape, each.span.start)
        for module in self._program.modules_with("item_stores", _TABLE):
            for base, key, value, scope in module.facts["item_stores"]:
                if base[0] == "a" and base[2] == _TABLE and value is not None:
                    start = module.scope(scope).span.start
                    yield self._shaped(module, scope, key, start, value, 1)

    def _table(self, module: Module, scope: int, shape: Shape, start: int, depth: int = 0) -> Iterator[Entry | None]:
        match shape:
            case ["d", list(pairs)]:
                for key, value in pairs:
                    if key is not None:
                        yield self._shaped(module, scope, key, start, value, 1)
                    else:
                        yield from self._table(module, scope, value, start, depth + 1)
            case ["n" | "a", *_] if depth < _DEEPEST:
                for inner, where, value in self._values(module, scope, shape):
                    yield from self._table(inner, where, value, start if inner is module else 0, depth + 1)
            case _:
                return

    def _values(self, module: Module, scope: int, shape: Shape) -> Iterator[tuple[Module, int, Shape]]:
        """Yield what a variable is assigned, here or in the module that it comes from."""
        found = module.lookup(scope, shape[1]) if shape[0] == "n" else None
        own = [each for each in found[1] if each.kind == "assign" and each.payload] if found is not None else []
        yield from ((module, each.scope, each.payload) for each in own)
        dotted = module.dotted(scope, shape) if not own else None
        owner = self._program.owner_of(dotted) if dotted is not None else None
        if dotted is not None and owner is None:
            self._program.want_home(dotted)
        for each in owner[0].bindings(0, owner[1]) if owner is not None else ():
            if each.kind == "assign" and each.payload and owner is not None:
                yield owner[0], each.scope, each.payload

    def _hooks(self) -> Iterator[tuple[Module, int, int, Shape, int]]:
        self._program.want(_HOOK, "stored")
        for module in self._program.modules_with("attribute_stores", _HOOK):
            for base, value, scope, start in module.facts["attribute_stores"][_HOOK]:
                dotted = module.dotted(scope, base)
                if value is not None and dotted in {"sys", "threading"}:
                    yield module, scope, start, value, 1 if dotted == "sys" else 0
        for call in self._program.calls_named(_SETTING):
            given = call.argument(0, "handler")
            if given is not None and not is_false(given.shape):
                yield call.module, call.scope, call.span.start, given.shape, 1

    # --- handlers -------------------------------------------------------------------------------------------------

    def _shaped(
        self, module: Module, scope: int, types: Shape, start: int, shape: Shape, position: int
    ) -> Entry | None:
        return self._entry(module, scope, types, start, self._function(module, scope, shape), position)

    def _entry(
        self, module: Module, scope: int, types: Shape, start: int, function: Scope | None, position: int
    ) -> Entry | None:
        seen = self._seen_through(module, scope, types)
        if seen is None:
            return None
        kinds = caught(self._program, *seen)
        return Entry(kinds, seen[2], self._handler(kinds, module, start, function, position), function, module)

    def _seen_through(self, module: Module, scope: int, types: Shape) -> tuple[Module, int, Shape] | None:
        """Return what a kind is written as: a parameter may be any, and a loop may give each of a row."""
        found = module.lookup(scope, types[1]) if types[0] == "n" else None
        kinds = {each.kind for each in found[1]} if found is not None else set()
        if found is not None and kinds == {"for"}:
            rows = [each.payload for each in found[1] if each.payload and each.payload[0] in {"t", "l", "s"}]
            return (module, found[0], ["t", rows]) if rows else None
        return (
            None
            if kinds - {"import", "assign", "def", "class"} or types[0] in {"c", "k", "x"}
            else (
                module,
                scope,
                types,
            )
        )

    def _function(self, module: Module, scope: int, shape: Shape) -> Scope | None:
        if shape[0] == "m":
            return module.scope(shape[1])
        if shape[0] == "n" and (found := module.lookup(scope, shape[1])) is not None and found[0] > 0:
            own = [each.payload for each in found[1] if each.kind == "def"]
            return module.scope(own[-1]) if own else None
        dotted = self._program.dotted(module, scope, shape)
        target = self._program.definition(dotted) if dotted else None
        return target if target is not None and target.kind == "function" else None

    def _handler(
        self, kinds: frozenset[str] | None, module: Module, start: int, function: Scope | None, position: int
    ) -> Handler:
        place = place_of(module, start)
        if function is None:
            return Handler(kinds, place, reads_error=False, reraises=True, watches=True)
        inner = function.module
        method = function.kind == "function" and inner.scope(function.parent).kind == "class"
        names = [each[0] for each in function.parameters]
        position = min(position + method, len(names) - 1)
        uses = [use for _, _, use in inner.facts["reads"][function.number].get(names[position], ())] if names else []
        reads = any(_is_telling(inner, each) for each in uses)
        if function.kind == "function":
            reads = reads or shows_error(self._program, inner, function.span.start, function.span.end)
            place = place_of(inner, function.span.start)
        return Handler(kinds, place, reads, reraises=True, watches=True)

    def _asked(self, function: Scope | None) -> list[list[Handler]]:
        """Return the questions of which kind an exception is that a handler asks."""
        tests = tests_in(self._program, function) if function is not None else ()
        return [
            [
                Handler(
                    caught(self._program, function.module, test.scope, test.types),
                    place_of(function.module, test.start),
                    reads_error=False,
                    reraises=True,
                    watches=True,
                )
            ]
            for test in tests
            if function is not None
        ]


def _is_telling(module: Module, use: list[Any], depth: int = 0) -> bool:
    """Tell whether a use of an exception, or of what holds it for a hook, may depend on the words."""
    match use:
        case ["asg", int() as scope, str(name)] if depth < _DEEPEST:
            return any(_is_telling(module, each.use, depth + 1) for each in module.reads(scope, name))
        case ["cmp", _, ["k", "NoneType", None], _]:
            return False
        case ["ret", _]:
            return False  # only answers are returned: an error that is one
        case ["attr", "exc_type" | "thread" | "exc_traceback", _] | ["attr", "__class__", _]:
            return False
        case ["attr", "exc_value", inner]:
            return _is_telling(module, inner, depth)
        case ["meth", "get", int() as index]:
            call = module.call(index)
            return _is_error_key(call) and _is_telling(module, call.use, depth)
        case ["arg", int() as index, _]:
            return module.call(index).tail not in _SILENT
        case ["sub", inner]:
            return _is_telling(module, inner, depth)
        case _:
            return is_telling(use)


def _is_error_key(call: Call) -> bool:
    """Tell whether `context.get(...)` asks for the exception."""
    given = call.argument(0)
    return given is not None and (given.shape[:2] != ["k", "str"] or given.shape[2] == "exception")


def _ordered(entries: list[Entry]) -> list[Handler]:
    """Return handlers as a framework looks for one, by the nearest kind; one function is one handler."""
    merged: dict[tuple[str, int, str], Entry] = {}
    for each in entries:
        function = each.function
        key = (function.module.path, function.number, "") if function is not None else ("", 0, each.handler.place)
        before = merged.get(key)
        kinds = (each.kinds or frozenset()) | ((before.kinds if before is not None else None) or frozenset())
        merged[key] = each._replace(kinds=kinds, handler=replace(each.handler, catches=kinds))
    nearest = sorted(merged.values(), key=lambda each: -_nearness(each.kinds or frozenset()))
    return [each.handler for each in nearest]


def _nearness(kinds: frozenset[str]) -> int:
    """Return how near the nearest of some kinds is to the exceptions that JSON raises."""
    return max(len(names) - names.index(kind) for names in PARENTS.values() for kind in kinds if kind in names)
