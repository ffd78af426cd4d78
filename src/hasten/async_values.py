"""Which functions of the program a value may be: found from where it is bound, through what it is handed on by.

self.save = store.save if kind == "a" else store.save_all     # an attribute, and a conditional expression
handlers = {"add": add, "drop": drop}                         # a display, of which one item is taken
def run(action): action()                                     # a parameter, by all calls of its function
later = functools.partial(add, 1)                             # what `partial` makes, and a lambda that only calls
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from hasten.async_kinds import Kind, Kinds, key_of, method_of
from hasten.index.module import Binding, Call, Module, Scope, Shape

#: A value, and where the names in it belong to; None for one that nobody can see.
Value: TypeAlias = "tuple[Module, int, Shape | None]"

#: So many values are looked at for one question.
_MOST = 200
PARTIAL = "functools.partial"


class Values(Kinds):
    """Answers for the values of one program that are functions or classes."""

    _asked: list[tuple[str, int, str]] | None = None

    def _made_by(self, call: Call) -> Kind | None:
        """Return what a call gives; where a value is called, what all that it may be give."""
        known = super()._made_by(call)
        if known is not None or not self._is_value(call):
            return known
        held = self.functions_at(call.module, call.scope, call.function, lambdas=True)
        return self._agreed(self._results(held)) if held is not None else None

    def _results(self, functions: tuple[Scope, ...]) -> Iterator[Value]:
        """Yield what calls of functions, classes and lambdas give; None for what nobody can tell."""
        for each in functions:
            if each.kind == "class":
                # `__new__` may give anything.
                plain = self.program.find_method(each, "__new__") is None
                yield each.module, each.parent, ["@", ["n", each.name]] if plain else None
            elif each.is_async or each.is_generator or each.decorators or not each.returned:
                yield each.module, each.number, None
            elif each.returns is not None:
                yield each.module, each.parent, ["@", each.returns]
            else:
                yield from ((each.module, each.number, shape) for shape in each.returned)

    def _is_value(self, call: Call) -> bool:
        """Tell whether what is called is a variable, or an attribute that objects are given."""
        if call.function[0] == "a":
            return self.stores_or_traits(call)
        found = call.module.lookup(call.scope, call.function[1]) if call.function[0] == "n" else None
        return found is not None and any(each.kind in {"assign", "param"} for each in found[1])

    def stores_or_traits(self, call: Call) -> bool:
        """Tell whether what a call names is an attribute that objects are given, and no method."""
        name = call.function[2]
        return bool(self.stores(name)) or any(
            each.kind == "assign"
            for module in self.program.modules_with("classes", name)
            for owner in module.classes()
            for each in module.bindings(owner.number, name)
        )

    def functions_at(
        self, module: Module, scope: int, shape: Shape, *, lambdas: bool = False
    ) -> tuple[Scope, ...] | None:
        """Return the functions and classes of the program that a value may be; None where it may be anything else.

        A lambda that only calls counts as what it calls, unless `lambdas` are asked for themselves. None among the
        values is left out: calling it is an error.
        """
        asked = self._asked = self._asked if self._asked is not None else []
        key = module.path, scope, f"{shape!r}{lambdas}"
        if key in asked:
            self.leans_on = 0  # asked by itself the question has another answer
            return None
        asked.append(key)
        try:
            return self._functions(module, scope, shape, lambdas=lambdas)
        finally:
            asked.pop()

    def _functions(self, module: Module, scope: int, shape: Shape, *, lambdas: bool) -> tuple[Scope, ...] | None:
        found: dict[tuple[str, int], Scope] = {}
        pending: list[Value] = [(module, scope, shape)]
        seen: set[tuple[str, int, str]] = set()
        while pending:
            home, place, value = pending.pop()
            if value is None or len(seen) > _MOST:
                return None
            key = home.path, place, repr(value)
            if key in seen or value[:2] == ["k", "NoneType"]:
                continue
            seen.add(key)
            if lambdas and value[0] == "m":
                found[home.path, value[1]] = home.scope(value[1])
                continue
            step = self._step(home, place, value)
            if step is None:
                return None
            for each in step:
                if isinstance(each, Scope):
                    found[key_of(each)] = each
                else:
                    pending.append(each)
        return tuple(found[each] for each in sorted(found)) or None

    def _step(self, module: Module, scope: int, shape: Shape) -> list[Scope | Value] | None:
        """Return the functions that a value is, and the values that it may be; None for something else."""
        match shape:
            case ["?" | "b", sides]:
                return [(module, scope, each) for each in sides]
            case ["i", base, _]:
                return [*self._items_of(module, scope, base)] or None
            case ["m", int() as number]:
                inner = module.scope(number)
                calls = [module.call(each[1]) for each in inner.returned if each[0] == "c"]
                reached = self.functions(calls[0]) if len(calls) == len(inner.returned) == 1 else ()
                return [*reached] or None
            case ["c", int() as number]:
                return self._called(module.call(number))
            case ["n", str() as name]:
                return self._named(module, scope, name)
            case ["a", base, str() as name]:
                return self._of_object(module, scope, base, name)
            case _:
                return None

    def _called(self, call: Call) -> list[Scope | Value] | None:
        """Return what a call gives: `partial` its function, a function of the program what it returns."""
        if self.program.dotted(call.module, call.scope, call.function) == PARTIAL:
            first = call.argument(0)
            return [(call.module, call.scope, first.shape)] if first is not None else None
        if call.function[0] == "a" and call.tail == "get" and self.is_display(call):
            default = call.argument(1)
            given: list[Value] = [(call.module, call.scope, default.shape)] if default is not None else []
            return [*self._items_of(call.module, call.scope, call.function[1]), *given] or None
        result: list[Scope | Value] = []
        for each in self.functions(call):
            if each.kind != "function" or each.is_async or each.is_generator or each.decorators or not each.returned:
                return None
            result += [(each.module, each.number, shape) for shape in each.returned]
        return result or None

    def is_display(self, call: Call) -> bool:
        """Tell whether `something.get(...)` is that of a dictionary."""
        module, scope, function = call.module, call.scope, call.function
        home = self._table(module, scope, function[1])
        if home is not None:
            bindings = home[0].bindings(0, home[1])
            return all(each.kind == "assign" and each.payload and each.payload[0] == "d" for each in bindings)
        return self.kind(module, scope, function[1]) == "builtins.dict"

    def _items_of(self, module: Module, scope: int, base: Shape) -> Iterator[Value]:
        """Yield what a display holds, and what is put into it anywhere; None for what cannot be seen."""
        home = self._table(module, scope, base)
        if home is None:
            yield from self._elements(module, scope, base)
            return
        owner, name = home
        self.program.want(name)
        if not self._is_own_variable(owner, name) or not owner.bindings(0, name):
            yield owner, 0, None
            return
        for each in owner.bindings(0, name):
            yield from self._items(owner, each.scope, each.payload if each.kind == "assign" else None)
        for read in owner.reads(0, name):
            yield from self._done_to(owner, read.scope, read.use, ["n", name])
        for other in self.program.modules:
            for imported in other.imports() if other is not owner else ():
                if imported.level and imported.name == name and other.import_target(imported) == f"{owner.name}.{name}":
                    bound = imported.asname or name
                    for read in other.reads(imported.scope, bound):
                        yield from self._done_to(other, read.scope, read.use, ["n", bound])
            for inner, use, place, _start, _end in other.facts["attribute_reads"].get(name, ()):
                if other.dotted(place, inner) == owner.name:
                    yield from self._done_to(other, place, use, ["a", inner, name])

    def _table(self, module: Module, scope: int, base: Shape) -> tuple[Module, str] | None:
        """Return the module and the name of a variable of a module, None for anything else."""
        if base[0] == "n":
            found = module.lookup(scope, base[1])
            if found is None or found[0] != 0:
                return None
            if all(each.kind == "assign" for each in found[1]):
                return module, str(base[1])
        dotted = module.dotted(scope, base) if base[0] in {"n", "a"} else None
        return self.program.owner_of(dotted) if dotted is not None else None

    def _named(self, module: Module, scope: int, name: str) -> list[Scope | Value] | None:
        found = module.lookup(scope, name)
        if found is None:
            return None
        owner, bindings = found
        if owner == 0 and not self._is_own_variable(module, name):
            return None
        result: list[Scope | Value] = []
        for each in bindings:
            if each.kind in {"def", "class"}:
                result.append(module.scope(each.payload))
            elif each.kind == "assign":
                result.append((module, each.scope, each.payload))
            elif each.kind == "param":
                result += self._given(module.scope(owner), name)
            elif each.kind == "import":
                imported = self._imported(module, each)
                if imported is None:
                    return None
                result.append(imported)
            elif each.kind not in {"del", "global", "nonlocal", "declared"}:
                return None
        return result

    def _is_own_variable(self, module: Module, name: str) -> bool:
        """Tell whether no other module gives a variable of this one another value."""
        return self.program.rebound(module, name, patches=False) is None

    def _imported(self, module: Module, binding: Binding) -> Scope | Value | None:
        target = module.import_target(module.imports()[binding.payload])
        found = self.program.resolve(target)
        if found is not None:
            return found
        home = self.program.owner_of(target)
        return (home[0], 0, ["n", home[1]]) if home is not None and home[0] is not module else None

    def _given(self, function: Scope, name: str) -> Iterator[Value]:
        """Yield what a parameter is given, whatever its annotation says."""
        parameter = next((each for each in function.parameters if each[0] == name), None)
        if parameter is None or parameter[1] in {"*", "**"}:
            yield function.module, function.number, None
            return
        for module, scope, shape in self._passed(function, name, parameter[3]):
            # A default value belongs to where the function is defined.
            default = shape is not None and shape is parameter[3]
            yield (function.module, function.parent, shape) if default else (module, scope, shape)

    def _of_object(self, module: Module, scope: int, base: Shape, name: str) -> list[Scope | Value] | None:
        """Return what an attribute is: a method, or what instances are given."""
        dotted = self.program.dotted(module, scope, ["a", base, name])
        target = self.program.resolve(dotted) if dotted is not None else None
        if target is not None:
            return [target]
        home = self.program.owner_of(dotted) if dotted is not None else None
        if home is not None:
            return [(home[0], 0, ["n", home[1]])]
        named = self.class_named(module, scope, base)
        owner = named or self.class_around(module, scope, base) or self.kind(module, scope, base)
        if not isinstance(owner, Scope):
            return None
        given = list(self.given_to(owner, name))
        method = self.program.find_method(owner, name)
        methods = [method] if method is not None else []
        if given:
            # An object of a class below may have a method of that name, or what it was given in its place.
            methods += [found for each in self.program.heirs(owner) if (found := method_of(each, name)) is not None]
        plain = all({each[-1] for each in one.decorators} <= {"staticmethod", "classmethod"} for one in methods)
        return [*methods, *given] or None if plain else None

    def given_to(self, owner: Scope, name: str) -> Iterator[Value]:
        """Yield what an attribute of instances of a class is given; None for what is no plain value."""
        for each in (*self.program.ancestors(owner), *self.program.heirs(owner)):
            for binding in each.module.bindings(each.number, name):
                if binding.kind == "declared" or method_of(each, name) is not None:
                    continue
                shape = binding.payload if binding.kind == "assign" else None
                held = self._held_by_trait(each, name, shape)
                yield from held if held is not None else [(each.module, each.number, shape)]
        for module, base, value, scope, _start in self.stores(name):
            if self._may_be_of(module, scope, base, owner):
                yield module, scope, value
