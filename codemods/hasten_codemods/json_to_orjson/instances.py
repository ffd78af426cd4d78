"""What class of the program a value is an instance of, and which methods of it a name stands for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from hasten.api import Call, Module, Program, Scope
from hasten_codemods.json_to_orjson.handlers import Shape

#: Values are looked for behind so many names and functions.
_DEEPEST = 6


class Made(NamedTuple):
    """What a value may be.

    Attributes:
        classes: the classes of the program.
        known: whether it is, apart from these, surely nothing of the program.
    """

    classes: tuple[Scope, ...] = ()
    known: bool = False


_FOREIGN = Made((), known=True)
_UNKNOWN = Made()


def united(parts: Iterator[Made]) -> Made:
    """Return what a value may be that is one of several; nothing at all is unknown."""
    each = list(parts)
    return Made(tuple(owner for one in each for owner in one.classes), bool(each) and all(one.known for one in each))


class Instances:
    """Tell what the values of one program are made from, as far as names, attributes and results show it."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self._program = program

    def methods(self, module: Module, scope: int, shape: Shape, depth: int = 0) -> tuple[list[Scope], bool]:
        """Return the methods that `value.name` may stand for, and whether it can be no others of the program."""
        if shape[0] != "a":
            return [], True
        made = self.of(module, scope, shape[1], depth)
        found: list[Scope] = []
        for owner in made.classes:
            self._program.want_bases(owner)
            method = self._program.find_method(owner, shape[2])
            if method is not None and method not in found:
                found.append(method)
        return found, made.known and (bool(found) or not made.classes)

    def of(self, module: Module, scope: int, shape: Shape, depth: int = 0) -> Made:
        """Return what a value may be."""
        if depth > _DEEPEST:
            return _UNKNOWN
        match shape:
            case ["k", *_] | ["d" | "l" | "t" | "s", *_]:
                return _FOREIGN
            case ["w", inner]:
                return self.of(module, scope, inner, depth)
            case ["?" | "b", list(parts)]:
                return united(self.of(module, scope, each, depth + 1) for each in parts)
            case ["c", int() as index]:
                return self._of_call(module.call(index), depth)
            case ["n", str(name)]:
                return self._of_name(module, scope, name, depth)
            case ["a", ["n", "self" | "cls"], str(name)]:
                return self._of_attribute(module, scope, name, depth)
            case ["a", *_]:
                dotted = module.dotted(scope, shape)
                return self.of_global(dotted, depth) if dotted is not None else _UNKNOWN
            case _:
                return _UNKNOWN

    def of_global(self, dotted: str, depth: int = 0) -> Made:
        """Return what a variable of some module may be, re-exports followed."""
        owner = self._program.owner_of(dotted)
        if owner is None:
            self._program.want_home(dotted)
            return Made((), known=not self._program.is_own(dotted))
        return self._of_name(owner[0], 0, owner[1], depth + 1) if owner[0].bindings(0, owner[1]) else _UNKNOWN

    def _of_call(self, call: Call, depth: int) -> Made:
        program, module = self._program, call.module
        if call.function == ["n", "super"]:
            around = program.method_owner(module, call.scope)
            bases = around.bases if around is not None else []
            return united(self._of_annotation(module, around.parent, each) for each in bases) if around else _UNKNOWN
        own, known = program.target_of(call)
        if own is not None:
            return self._of_result(own, depth)
        dotted = module.dotted(call.scope, call.function)
        if dotted is not None and known:
            program.want_home(dotted)
            return _FOREIGN
        if dotted is not None and program.definition(dotted) is not None:
            return _UNKNOWN  # something else may have been put in its place
        found, sure = self.methods(module, call.scope, call.function, depth + 1)
        results = united(self._of_result(each, depth + 1) for each in found)
        return Made(results.classes, sure and (results.known or not found))

    def _of_result(self, own: Scope, depth: int) -> Made:
        if own.kind == "class":
            return Made((own,), known=True)
        made = united(self.of(own.module, own.number, each, depth + 1) for each in own.returned)
        if made.known or own.returns is None:
            return made
        stated = self._of_annotation(own.module, own.parent, own.returns)
        return Made((*made.classes, *stated.classes), stated.known)

    def _of_annotation(self, module: Module, scope: int, annotation: Shape) -> Made:
        dotted = module.dotted(scope, annotation)
        if dotted is None:
            return _UNKNOWN
        own = self._program.definition(dotted)
        if own is not None and own.kind == "class":
            return Made((own,), known=True)
        # `Any` and `object` say nothing, nor does what is the program's own and no class.
        plain = dotted in {"typing.Any", "builtins.object"} or self._program.is_own(dotted)
        return _UNKNOWN if plain else _FOREIGN

    def _of_name(self, module: Module, scope: int, name: str, depth: int) -> Made:
        if depth > _DEEPEST:
            return _UNKNOWN
        found = module.lookup(scope, name)
        if found is None:
            return _FOREIGN
        parts: list[Made] = []
        for each in found[1]:
            if each.kind in {"assign", "with"} and each.payload:
                parts.append(self.of(module, each.scope, each.payload, depth + 1))
            elif each.kind == "import":
                dotted = module.import_target(module.imports()[each.payload])
                parts.append(self.of_global(dotted, depth))
            elif each.kind == "param":
                parts.append(self._of_parameter(module.scope(found[0]), name, depth))
            elif each.kind == "class":
                parts.append(Made((module.scope(each.payload),), known=True))
            else:
                # What else a function is depends on its decorators, which are of another library as a rule.
                parts.append(_FOREIGN if each.kind == "def" else _UNKNOWN)
        return united(iter(parts))

    def _of_parameter(self, function: Scope, name: str, depth: int) -> Made:
        owner = function.module.scope(function.parent) if function.parent >= 0 else None
        if name in {"self", "cls"} and owner is not None and owner.kind == "class":
            return Made((owner,), known=True)
        annotation = next((each[2] for each in function.parameters if each[0] == name), None)
        stated = self._of_annotation(function.module, function.number, annotation) if annotation else _UNKNOWN
        if stated.known:
            return stated
        given = self._program.arguments_for(function, name)
        return united(self.of(call.module, call.scope, shape, depth + 1) for call, shape in given)

    def _of_attribute(self, module: Module, scope: int, name: str, depth: int) -> Made:
        """Return what `self.name` may be: what the class and its bases put there, in methods or in their bodies."""
        owner = self._program.method_owner(module, scope)
        return united(self._stored(owner, name, depth)) if owner is not None else _UNKNOWN

    def _stored(self, owner: Scope, name: str, depth: int, above: int = 0) -> Iterator[Made]:
        module = owner.module
        for base, value, inner, _at in module.facts["attribute_stores"].get(name, ()):
            around = self._program.method_owner(module, inner)
            if base in (["n", "self"], ["n", "cls"]) and around is not None and around.number == owner.number:
                yield self.of(module, inner, value, depth + 1) if value is not None else _UNKNOWN
        for each in module.bindings(owner.number, name):
            if each.kind == "assign" and each.payload:
                yield self.of(module, owner.number, each.payload, depth + 1)
        for base in owner.bases if above < _DEEPEST else ():
            dotted = module.dotted(owner.parent, base)
            found = self._program.definition(dotted) if dotted else None
            if found is not None and found.kind == "class":
                yield from self._stored(found, name, depth, above + 1)
