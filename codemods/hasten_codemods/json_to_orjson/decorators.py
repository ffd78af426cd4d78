"""Decorators of the program's own that may stand around a call: functions, classes, and values that were made before.

A decorator of another library, or a method of an object of one, such as `app.route`, is taken to catch nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain

from hasten.api import Call, Module, Program, Scope
from hasten_codemods.json_to_orjson.handlers import Handler, Shape, calls_between, inside, place_of
from hasten_codemods.json_to_orjson.instances import Instances

#: Decorators are looked for behind so many names and functions.
_DEEPEST = 5
_PARTIAL = "functools.partial"
#: What catches as a context manager, where a class is one and a decorator too.
OfClass = Callable[[Scope, Call | None, str], Iterator[list[Handler]]]
#: What may stand around a function; None where nobody can tell.
_Found = list[list[Handler]] | None


class Decorators:
    """Tell what the decorators of one program catch."""

    def __init__(self, program: Program, instances: Instances, of_class: OfClass) -> None:
        """Take the program, who tells what values are, and who tells what the `__exit__` of a class catches."""
        self._program = program
        self._instances = instances
        self._of_class = of_class

    def of(self, function: Scope) -> Iterator[list[Handler]]:
        """Yield the handlers in the program's own decorators of a function, and of the class around it."""
        module = function.module
        for shape in function.decorators:
            yield from self._of_shape(module, function.parent, shape, place_of(module, function.span.start), 0) or ()
        around = module.scope(function.parent)
        if around.kind == "class":
            for shape in around.decorators:
                yield from self._of_class_decorator(around, shape, function.name)

    def _of_shape(self, module: Module, scope: int, shape: Shape, place: str, depth: int) -> _Found:
        """Return what stands around a function that a shape decorates."""
        if depth > _DEEPEST:
            return None
        match shape:
            case ["c", int() as index]:
                return self._of_made(module.call(index), place, depth)
            case ["n" | "a", *_]:
                return self._of_dotted(module, scope, shape, None, place, depth)
            case ["?" | "b", list(parts)]:
                found = [self._of_shape(module, scope, each, place, depth + 1) for each in parts]
                known = [each for each in found if each is not None]
                return _unsure(chain.from_iterable(known)) if len(known) == len(found) else None
            case ["m", int() as index]:
                results = module.scope(index).returned
                made = [self._of_made(module.call(each[1]), place, depth + 1) for each in results if each[0] == "c"]
                return [*chain.from_iterable(each for each in made if each is not None)]
            case ["k", *_]:
                return []
            case _:
                return None

    def _of_made(self, made: Call, place: str, depth: int) -> _Found:
        """Return what stands around a function where the result of a call decorates it."""
        module = made.module
        if module.dotted(made.scope, made.function) == _PARTIAL:
            first = made.argument(0)
            return self._of_shape(module, made.scope, first.shape, place, depth + 1) if first is not None else None
        if made.function[0] == "c":  # `guarded(kinds)(function)`
            return self._of_made(module.call(made.function[1]), place, depth + 1)
        if made.function[0] not in {"n", "a"}:
            return None
        return self._of_dotted(module, made.scope, made.function, made, place, depth)

    def _of_dotted(self, module: Module, scope: int, shape: Shape, made: Call | None, place: str, depth: int) -> _Found:
        """Return what stands around a function that a name decorates, or what `made` by calling it gives."""
        dotted = self._program.dotted(module, scope, shape)
        own = self._program.definition(dotted) if dotted else None
        if own is not None and own.kind == "function":
            return [*inside(self._program, own), *self._of_handed(own, place, depth)]
        if own is not None and own.kind == "class":
            return list(self._of_own_class(own, made, place))
        if dotted is not None:
            return self._of_global(dotted, place, depth)
        if shape[0] == "n":
            return self._of_name(module, scope, shape[1], place, depth)
        return self._of_method(module, scope, shape, place, depth)

    def _of_own_class(self, own: Scope, made: Call | None, place: str) -> Iterator[list[Handler]]:
        # Any of its methods may be the one that stands in for the function: `__call__`, `__get__`, ...
        yield from inside(self._program, own)
        self._program.want_bases(own)
        called = self._program.find_method(own, "__call__")
        if called is not None and called.module is not own.module:
            yield from inside(self._program, called)
        yield from self._of_class(own, made, place)

    def _of_handed(self, own: Scope, place: str, depth: int) -> Iterator[list[Handler]]:
        """Yield what stands around a function that a decorator hands on: `return guarded(function)`."""
        # What the innermost functions are given are the arguments of each call, not the function.
        taking = [each for each in _nested(own) if any(True for _ in _nested(each))]
        taken = {parameter[0] for each in (own, *taking) for parameter in each.parameters}
        for call in calls_between(own.module, own.span.start, own.span.end) if depth < _DEEPEST else ():
            handed = any(each.shape[0] == "n" and each.shape[1] in taken for each in call.arguments)
            if handed and call.use[0] == "ret":
                yield from self._of_made(call, place, depth + 1) or ()

    def _of_global(self, dotted: str, place: str, depth: int) -> _Found:
        """Return what stands around a function that a variable of some module decorates, or a method of its value."""
        owner = self._program.owner_of(dotted)
        if owner is not None and owner[0].bindings(0, owner[1]):
            return self._of_name(owner[0], 0, owner[1], place, depth + 1)
        base, _, name = dotted.rpartition(".")
        around = self._program.owner_of(base) if owner is None else None
        if around is None or not around[0].bindings(0, around[1]):
            return []  # of another library, or in a module that is not read yet
        return self._of_method(around[0], 0, ["a", ["n", around[1]], name], place, depth)

    def _of_name(self, module: Module, scope: int, name: str, place: str, depth: int) -> _Found:
        found = module.lookup(scope, name)
        if found is None or depth > _DEEPEST:
            return None
        result: list[list[Handler]] = []
        for each in found[1]:
            if each.kind == "import":
                target = module.import_target(module.imports()[each.payload])
                result += self._of_target(module, target, place, depth) or []
            elif each.kind in {"def", "class"}:
                result += self._of_target(module, f"{module.name}.{module.symbol(each.payload)}", place, depth) or []
            elif each.kind == "assign":
                at = place_of(module, each.start)
                known = self._of_shape(module, each.scope, each.payload, at, depth + 1) if each.payload else None
                # It is the program's own, and what it does to the function cannot be seen.
                result += known if known is not None else [[_unknown(at)]]
        return result if len(found[1]) == 1 else _unsure(result)

    def _of_target(self, module: Module, dotted: str, place: str, depth: int) -> _Found:
        own = self._program.definition(dotted)
        if own is None:
            return self._of_global(dotted, place, depth) if dotted.rpartition(".")[0] != module.name else None
        if own.kind == "class":
            return list(self._of_own_class(own, None, place))
        return [*inside(self._program, own), *self._of_handed(own, place, depth)]

    def _of_method(self, module: Module, scope: int, shape: Shape, place: str, depth: int) -> _Found:
        """Return what stands around a function that a method of a value decorates: `guard.wrap`."""
        methods, known = self._instances.methods(module, scope, shape)
        if methods:
            found = [*chain.from_iterable(map(self._within, methods))]
            found += chain.from_iterable(self._of_handed(each, place, depth) for each in methods)
            return found if known and len(methods) == 1 else _unsure(found)
        if known:
            return []
        guesses = [
            each
            for each in self._program.definitions(shape[2], want=False)
            if each.kind == "function" and each.module.scope(each.parent).kind == "class"
        ]
        return _unsure(chain.from_iterable(map(self._within, guesses)))

    def _within(self, function: Scope) -> Iterator[list[Handler]]:
        """Yield the handlers in the functions inside of one: what it does before it gives one of them is no matter."""
        for each in _nested(function):
            yield from inside(self._program, each)

    def _of_class_decorator(self, around: Scope, shape: Shape, name: str) -> Iterator[list[Handler]]:
        """Yield what a decorator of the class puts around its methods: `setattr(cls, name, guarded(method))`."""
        module = around.module
        callee = module.call(shape[1]).function if shape[0] == "c" else shape
        dotted = module.dotted(around.parent, callee)
        own = self._program.definition(dotted) if dotted else None
        if own is None or own.kind != "function":
            return
        for call in own.module.calls_named("setattr"):
            asked, value = call.argument(1), call.argument(2)
            if not own.span.start <= call.span.start < own.span.end or asked is None or value is None:
                continue
            if asked.shape[:2] == ["k", "str"] and asked.shape[2] != name:
                continue
            place = place_of(own.module, call.span.start)
            yield from _unsure(self._of_shape(own.module, call.scope, value.shape, place, 1) or ())
        for base, value, scope, start in own.module.facts["attribute_stores"].get(name, ()):
            if own.span.start <= start < own.span.end and base[0] == "n" and value is not None:
                yield from self._of_shape(own.module, scope, value, place_of(own.module, start), 1) or ()


def _nested(function: Scope) -> Iterator[Scope]:
    """Yield the functions that stand in another one, with nothing between."""
    return (each for each in function.module.scopes() if each.parent == function.number and each.kind == "function")


def _unsure(found: Iterator[list[Handler]] | list[list[Handler]] | tuple[()]) -> list[list[Handler]]:
    """Return handlers that may stand there, or not: what they catch may go on."""
    return [[replace(each, reraises=True) for each in handlers] for handlers in found]


def _unknown(place: str) -> Handler:
    """Return what a decorator may be that cannot be seen through: one that means the doubtful exception."""
    return Handler(frozenset({"TypeError"}), place, reads_error=False, reraises=True)
