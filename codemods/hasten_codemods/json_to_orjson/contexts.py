"""Context managers and decorators that catch: `suppress`, `pytest.raises`, `ExitStack`, and the program's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from hasten.api import Call, Guard, Module, Program, Scope
from hasten_codemods.json_to_orjson.decorators import Decorators
from hasten_codemods.json_to_orjson.handlers import Handler, Shape, caught, inside, is_false, place_of
from hasten_codemods.json_to_orjson.instances import Instances
from hasten_codemods.json_to_orjson.kindtests import reads_error, tests_in

_RAISES = frozenset(
    {"raises", "assertRaises", "assertRaisesRegex", "suppress", "RaisesGroup", "raises_regex", "assert_raises"}
)
_STACKS = frozenset({"contextlib.ExitStack", "contextlib.AsyncExitStack"})
_PUSHES = ("enter_context", "enter_async_context", "push", "push_async_exit")
_MAKERS = frozenset({"contextmanager", "asynccontextmanager"})
_EXITS = ("__exit__", "__aexit__")
#: Words of which a file that defines a context manager holds one.
_MARKS = frozenset({*_MAKERS, *_EXITS})
#: A context manager is looked for behind so many names and functions.
_DEEPEST = 5


class Contexts:
    """Tell what the context managers of one program catch."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self._program = program
        self._instances = Instances(program)
        self._decorators = Decorators(program, self._instances, self._of_class)

    def of_guard(self, module: Module, scope: int, guard: Guard) -> Iterator[list[Handler]]:
        """Yield what a `with` around code of `scope` catches."""
        shape = guard.payload
        if shape[0] == "c":
            yield from self._of_call(module.call(shape[1]), guard.start, guard.name)
        else:
            yield from self._of_shape(module, scope, shape, guard.start)

    def of_decorators(self, function: Scope) -> Iterator[list[Handler]]:
        """Yield the handlers in the program's own decorators of a function: they may stand around its call."""
        return self._decorators.of(function)

    # --- contexts -----------------------------------------------------------------------------------------------

    def _of_shape(
        self, module: Module, scope: int, shape: Shape, start: int, depth: int = 0
    ) -> Iterator[list[Handler]]:
        """Yield what the context manager that a shape stands for catches."""
        if depth > _DEEPEST:
            return
        match shape:
            case ["c", int() as index]:
                yield from self._of_call(module.call(index), start, "", depth)
            case ["w", inner]:
                yield from self._of_shape(module, scope, inner, start, depth)
            case ["?" | "b", list(parts)]:
                for each in parts:
                    yield from self._of_shape(module, scope, each, start, depth + 1)
            case ["n", str(name)]:
                yield from self._of_name(module, scope, name, start, depth)
            case ["a", ["n", "self" | "cls"], str(name)]:
                for base, value, inner, _at in module.facts["attribute_stores"].get(name, ()):
                    if base in (["n", "self"], ["n", "cls"]) and value is not None:
                        yield from self._of_shape(module, inner, value, start, depth + 1)
                owner = self._program.method_owner(module, scope)
                for each in module.bindings(owner.number, name) if owner is not None and owner.module is module else ():
                    if each.kind == "assign" and each.payload:
                        yield from self._of_shape(module, scope, each.payload, start, depth + 1)
            case ["a", *_]:
                yield from self._of_global(module.dotted(scope, shape), start, depth)
            case _:
                return

    def _of_name(self, module: Module, scope: int, name: str, start: int, depth: int) -> Iterator[list[Handler]]:
        found = module.lookup(scope, name)
        if found is None:
            return
        for each in found[1]:
            if each.kind in {"assign", "with"} and each.payload:
                yield from self._of_shape(module, found[0], each.payload, start, depth + 1)
                if module.dotted(found[0], _callee(module, each.payload)) in _STACKS:
                    yield from self._of_stack(module, found[0], name, depth)
            elif each.kind == "param":
                function = module.scope(found[0])
                owner = self._program.method_owner(module, found[0]) if name == "self" else None
                if owner is not None:
                    yield from self._of_class(owner, None, place_of(module, start))
                for call, shape in self._program.arguments_for(function, name):
                    yield from self._of_shape(call.module, call.scope, shape, start, depth + 1)
            elif each.kind == "import":
                yield from self._of_global(module.dotted(scope, ["n", name]), start, depth)

    def _of_global(self, dotted: str | None, start: int, depth: int) -> Iterator[list[Handler]]:
        owner = self._program.owner_of(dotted) if dotted is not None else None
        if owner is None:
            if dotted is not None:
                self._program.want_home(dotted)
            return
        if owner[0].bindings(0, owner[1]):
            yield from self._of_name(owner[0], 0, owner[1], start, depth + 1)

    def _of_call(self, call: Call, start: int, name: str, depth: int = 0) -> Iterator[list[Handler]]:
        """Yield what the context manager that a call makes, or gives, catches; `name` is what `as` binds it to."""
        program, module = self._program, call.module
        if call.tail in _RAISES:
            yield [_demand(program, call, start, name)]
        own, known = program.target_of(call)
        if own is None:
            dotted = module.dotted(call.scope, call.function)
            if dotted is not None:
                program.want_home(dotted)
            if name and dotted in _STACKS:
                yield from self._of_stack(module, call.scope, name, depth)
            if call.function[0] == "a" and not known:
                yield from self._of_methods(call, depth)
        elif own.kind == "class":
            yield from self._of_class(own, call, place_of(module, start))
        elif own.kind == "function":
            yield from self._of_function(own, depth)

    def _of_function(self, own: Scope, depth: int) -> Iterator[list[Handler]]:
        # A generator may catch around its `yield`; another function may return what catches.
        yield from inside(self._program, own)
        for shape in own.returned if depth <= _DEEPEST and not own.is_generator else ():
            yield from self._of_shape(own.module, own.number, shape, own.span.start, depth + 1)

    def _of_methods(self, call: Call, depth: int) -> Iterator[list[Handler]]:
        """Yield what `with value.name():` catches, whichever methods of the program that may be."""
        methods, known = self._instances.methods(call.module, call.scope, call.function)
        if not known and not methods:
            methods = self._guessed(call.tail)
        certain = known and len(methods) == 1
        for method in methods if depth <= _DEEPEST else ():
            for handlers in self._of_function(method, depth + 1):
                yield handlers if certain else [replace(each, reraises=True) for each in handlers]

    def _guessed(self, name: str) -> list[Scope]:
        """Return the methods of that name, of whatever class, that are context managers or give one."""
        self._program.want(name, beside=_MARKS)
        return [
            each
            for each in self._program.definitions(name, want=False)
            if each.kind == "function" and each.module.scope(each.parent).kind == "class" and self._gives_context(each)
        ]

    def _gives_context(self, method: Scope) -> bool:
        if any(shape[-1] in _MAKERS for shape in method.decorators if shape[0] in {"n", "a"}):
            return True
        made = (self._instances.of(method.module, method.number, shape) for shape in method.returned)
        owners = [owner for each in made for owner in each.classes]
        return any(self._program.find_method(owner, name) is not None for owner in owners for name in _EXITS)

    def _of_stack(self, module: Module, scope: int, name: str, depth: int) -> Iterator[list[Handler]]:
        """Yield what the contexts catch that are put on an `ExitStack` called `name`."""
        body = module.enclosing(scope, "function", "module")
        for method in _PUSHES:
            for call in module.calls_named(method):
                pushed = call.argument(0)
                inside_body = body is not None and body.span.start <= call.span.start < body.span.end
                if pushed is None or call.function[:2] != ["a", ["n", name]] or not inside_body:
                    continue
                # It is put there at some time, or never: what is raised before goes past it.
                for handlers in self._of_shape(module, call.scope, pushed.shape, call.span.start, depth + 1):
                    yield [replace(each, reraises=True) for each in handlers]
                dotted = self._program.dotted(module, call.scope, pushed.shape) if method.startswith("push") else None
                own = self._program.definition(dotted) if dotted else None
                if own is not None and own.kind == "function":
                    yield from self._of_exit(own, None, None, place_of(module, call.span.start))

    # --- classes ------------------------------------------------------------------------------------------------

    def _of_class(self, owner: Scope, made: Call | None, place: str) -> Iterator[list[Handler]]:
        """Yield what the `__exit__` of a class catches, or looks at."""
        program = self._program
        program.want_bases(owner)
        for name in _EXITS:
            method = program.find_method(owner, name)
            if method is not None:
                yield from self._of_exit(method, owner, made, place)
        for base in owner.bases:
            if made is not None and owner.module.dotted(owner.parent, base) == "contextlib.suppress":
                yield [replace(_demand(program, made, made.span.start, ""), reraises=True)]

    def _of_exit(self, method: Scope, owner: Scope | None, made: Call | None, place: str) -> Iterator[list[Handler]]:
        """Yield a handler for each test of the kind of the exception; all may let it go on.

        An `__exit__` that returns nothing true and raises nothing only watches.
        """
        swallows = any(not is_false(each) for each in method.returned) or _raises(method)
        reads = reads_error(method)
        tests = list(tests_in(self._program, method))
        for test in tests:
            kinds = self._kinds(test.types, test.scope, owner or method, made, method.module)
            where = place_of(method.module, test.start)
            yield [Handler(kinds, where, reads, reraises=True, watches=not swallows)]
        if not tests and ["k", "bool", "True"] in method.returned:
            yield [Handler(None, place, reads, reraises=True)]
        elif not tests and reads:
            yield [Handler(None, place_of(method.module, method.span.start), reads, reraises=True, watches=True)]

    def _kinds(
        self, types: Shape, scope: int, owner: Scope, made: Call | None, module: Module
    ) -> frozenset[str] | None:
        """Return the exceptions that a test means; `self.kinds` is what the context manager was made with."""
        if types[0] != "a" or types[1] != ["n", "self"]:
            return caught(self._program, module, scope, types)
        name = types[2]
        found: set[str] = set()
        stores = module.facts["attribute_stores"].get(name, ())
        for base, value, inner, _start in stores:
            if base != ["n", "self"] or value is None:
                continue
            function = module.enclosing(inner, "function")
            given = _given(function, value, made) if function is not None else None
            if given is not None and made is not None:
                for each in given:
                    found |= caught(self._program, made.module, made.scope, each) or frozenset()
            else:
                found |= caught(self._program, module, inner, value) or frozenset()
        if not stores and made is not None:
            # A field of a dataclass is filled by the argument in its place.
            fields = [
                key
                for key, bound in module.facts["binds"][owner.number].items()
                if any(each[0] == "declared" or (each[0] == "assign") for each in bound)
            ]
            argument = made.argument(fields.index(name), name) if name in fields else None
            if argument is not None:
                return caught(self._program, made.module, made.scope, argument.shape)
        return frozenset(found) if found else caught(self._program, module, scope, types)


def _given(function: Scope, value: Shape, made: Call | None) -> list[Shape] | None:
    """Return the arguments of a call that a constructor stores as they are; None where it stores something else."""
    if value[0] == "c":
        call = function.module.call(value[1])
        wraps = call.function in (["n", "tuple"], ["n", "frozenset"]) and len(call.arguments) == 1
        value = call.arguments[0].shape if wraps else value
    for position, (name, kind, _annotation, default) in enumerate(function.parameters):
        if value != ["n", name] or made is None:
            continue
        if kind == "*":
            plain = [each.shape for each in made.arguments if each.keyword in {None, "*"}]
            return plain[position - 1 :]
        argument = made.argument(position - 1 if kind in {"plain", "posonly"} else len(made.arguments), name)
        return [argument.shape] if argument is not None else [default] if default is not None else []
    return None


def _raises(function: Scope) -> bool:
    """Tell whether a function raises an exception itself."""
    table = function.module.facts["reads"][function.number]
    uses = [use for reads in table.values() for _start, _end, use in reads]
    return any(use == ["raise"] or (use[0] == "call" and function.module.call(use[1]).use == ["raise"]) for use in uses)


def _callee(module: Module, shape: Shape) -> Shape:
    return module.call(shape[1]).function if shape[0] == "c" else ["x", ""]


def _demand(program: Program, call: Call, start: int, name: str) -> Handler:
    """Return what `suppress(TypeError)` or `pytest.raises(TypeError) as info` catches."""
    module = call.module
    kinds = frozenset().union(
        *(
            caught(program, module, call.scope, each.shape) or frozenset()
            for each in call.arguments
            if each.keyword in {None, "*", "expected_exception"}
        )
    )
    reads = any(each.keyword in {"match", "check"} for each in call.arguments) or call.tail.endswith("Regex")
    if name:
        reads = reads or any(
            at >= start and use[0] != "expr" for table in module.facts["reads"] for at, _end, use in table.get(name, ())
        )
    return Handler(kinds, place_of(module, start), reads, asserts=True)
