"""What an object keeps in its attributes from when it is made until it goes away, and which classes show all of that.

class Schema:
    def __init__(self, text: str) -> None:
        self.text = text

    def parsed(self):
        return json.loads(self.text)

`parsed` gives the same each time, for nothing in the program gives `text` of a `Schema` another value, and nobody can
change the value itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from hasten.api import Call, Module, Program, Read, Scope

Shape = list[Any]

_BASES = frozenset({"builtins.object", "abc.ABC", "typing.Generic", "typing.Protocol"})
_DATACLASS = "dataclasses.dataclass"
#: What answers for the attributes of an object in the place of its dictionary, or hands the dictionary on.
_GOING_AROUND = (
    "__slots__",
    "__getattribute__",
    "__getattr__",
    "__setattr__",
    "__getstate__",
    "__setstate__",
    "__new__",
)
_LOOPS = frozenset({"for", "async for", "while"})


@dataclass(frozen=True, slots=True)
class Source:
    """What an attribute is given, once for each object.

    Attributes:
        module, scope: where it is written.
        shape: the value, or the annotation of a dataclass's field.
        annotated: it is an annotation.
    """

    module: Module
    scope: int
    shape: Shape
    annotated: bool = False


def itself(program: Program, function: Scope) -> str | None:
    """Return what a method calls its object; None for all that is no method of objects."""
    owner = function.module.scope(function.parent) if function.parent >= 0 else None
    if owner is None or owner.kind != "class" or function.kind != "function" or function.decorators:
        return None
    if program.is_static(function) or not function.parameters or function.parameters[0][1] not in {"plain", "posonly"}:
        return None
    name = str(function.parameters[0][0])
    return name if [each.kind for each in function.module.bindings(function.number, name)] == ["param"] else None


def owner_of(program: Program, module: Module, scope: int, shape: Shape) -> Scope | None:
    """Return the class of the method in which an expression stands for the method's object; None for all else."""
    if shape[0] != "n":
        return None
    found = module.lookup(scope, str(shape[1]))
    if found is None or module.scope(found[0]).kind != "function":
        return None
    function = module.scope(found[0])
    return module.scope(function.parent) if itself(program, function) == shape[1] else None


class Instances:
    """Answers for one program."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self.program = program
        self._sources: dict[tuple[str, int, str], Source | str] = {}
        self._troubles: dict[tuple[str, int], str] = {}

    def settled(self, owner: Scope, names: Iterable[str]) -> str:
        """Return why one of the attributes may change, or the objects keep nothing more, empty if neither is so."""
        return next((each for name in names if isinstance(each := self.source(owner, name), str)), self.trouble(owner))

    def source(self, owner: Scope, name: str) -> Source | str:
        """Return what gives an attribute of the objects of a class its one value; why there is no such, in words."""
        key = owner.module.path, owner.number, name
        if key not in self._sources:
            self._sources[key] = f"`{name}` of it is asked about itself"
            self._sources[key] = self._source(owner, name)
        return self._sources[key]

    def is_filled(self, owner: Scope, name: str) -> bool:
        """Tell whether an object may have another method of that name than its class: `self.load = load`."""
        family = self.family(owner)
        self.program.want(name, "stored")
        stores = (
            self._is_about(family, module, scope, base)
            for module in self.program.modules_with("attribute_stores", name)
            for base, _value, scope, _start in module.facts["attribute_stores"][name]
        )
        return any(stores) or next(self._changes(family, name), "") != ""

    def trouble(self, owner: Scope) -> str:
        """Return why the objects of a class cannot keep one more thing beside their attributes, empty if they can."""
        key = owner.module.path, owner.number
        if key not in self._troubles:
            self._troubles[key] = next(self._troubles_of(owner), "")
        return self._troubles[key]

    def family(self, owner: Scope) -> list[Scope]:
        """Return the classes of which an object of a class may be one, and those above them."""
        found = {(each.module.path, each.number): each for each in (owner, *self.program.heirs(owner))}
        for each in list(found.values()):
            for above in self.program.ancestors(each):
                found.setdefault((above.module.path, above.number), above)
        return [found[key] for key in sorted(found)]

    # --- one attribute ----------------------------------------------------------------------------------------------

    def _source(self, owner: Scope, name: str) -> Source | str:
        if name.startswith("__"):
            return f"`{name}` is not looked at"
        family = self.family(owner)
        self.program.want(name, "stored")
        sources: list[Source] = []
        for each in family:
            found = self._in_body(each, name)
            if isinstance(found, str):
                return found
            sources += found
        for module in self.program.modules_with("attribute_stores", name):
            for base, value, scope, start in module.facts["attribute_stores"][name]:
                if not self._is_about(family, module, scope, base):
                    continue
                place = f"{module.path}:{module.position(start).line}"
                if value is None or not self._is_at_birth(family, module, scope, base, start):
                    return f"`{name}` of it is assigned to at {place}"
                sources.append(Source(module, scope, value))
        changed = next(self._changes(family, name), "")
        if changed:
            return changed
        if len(sources) != 1:
            return (
                f"`{name}` of it is given a value in {len(sources)} places" if sources else f"nothing gives it `{name}`"
            )
        return sources[0]

    def _in_body(self, owner: Scope, name: str) -> list[Source] | str:
        """Return what the body of a class gives an attribute."""
        module = owner.module
        kinds = {each.kind: each for each in module.bindings(owner.number, name)}
        annotation = next((shape for field, shape in module.fields(owner.number) if field == name), None)
        if annotation is not None and owner.decorators and set(kinds) <= {"declared", "assign"}:
            return [Source(module, owner.number, annotation, annotated=True)]
        kinds.pop("declared", None)
        if not kinds:
            return []
        binding = kinds.get("assign")
        if len(kinds) > 1 or binding is None or binding.payload is None:
            return f"`{owner.name}.{name}` is no attribute that stays as it is"
        return [Source(module, owner.number, binding.payload)]

    def _is_at_birth(self, family: list[Scope], module: Module, scope: int, base: Shape, start: int) -> bool:
        """Tell whether an assignment is made once, in the constructor."""
        function = module.scope(scope)
        owner = module.scope(function.parent) if function.parent >= 0 else None
        inside = owner is not None and any(each == owner for each in family)
        if not inside or function.name != "__init__" or itself(self.program, function) != base[1]:
            return False
        return not any(each.kind in _LOOPS for each in module.blocks(start))

    def _changes(self, family: list[Scope], name: str) -> Iterator[str]:
        """Yield where an attribute may be given another value, or taken away, in words."""
        for module in self.program.modules_with("attribute_touches", name):
            for base, scope, start in module.facts["attribute_touches"][name]:
                if base[0] == "x" or self._is_about(family, module, scope, base):
                    yield f"`{name}` of it is taken away at {module.path}:{module.position(start).line}"
        for setter in (*self.program.places.setters.get(name, ()), *self.program.places.setters.get("", ())):
            if self._is_meant(family, setter.call, setter.target):
                yield f"`{name}` of it may be set at {setter.place}"
        for call in self.program.calls_named("__init__", want=False):
            base = call.function[1] if call.function[0] == "a" else ["x"]
            of_super = base[0] == "c" and call.module.call(base[1]).function == ["n", "super"]
            named = self.program.dotted(call.module, call.scope, base)
            target = self.program.resolve(named) if named is not None else None
            of_class = named == "builtins.object" or (target is not None and target.kind == "class")
            if not of_super and not of_class and self._is_about(family, call.module, call.scope, base):
                yield f"it may be made once more at {_place(call)}"

    def _is_meant(self, family: list[Scope], place: Call | Read, target: Shape) -> bool:
        """Tell whether what an attribute is set of may be an object, or a class, of a family."""
        if target[:2] == ["k", "str"]:
            return any(each.name in str(target[2]).split(".") for each in family)
        return self._is_about(family, place.module, place.scope, target)

    def _is_about(self, family: list[Scope], module: Module, scope: int, base: Shape) -> bool:
        """Tell whether an expression may stand for an object, or a class, of a family."""
        around = owner_of(self.program, module, scope, base)
        if around is not None:
            return any(each == around for each in family)
        made = self.program.constructed(module, scope, base) or self.program.dotted(module, scope, base)
        if made is None:
            return True
        target = self.program.resolve(made)
        if target is not None:
            return target.kind != "class" or any(each == target for each in family)
        return self.program.is_own(made) and self.program.named(made) is None

    # --- the class --------------------------------------------------------------------------------------------------

    def _troubles_of(self, owner: Scope) -> Iterator[str]:
        family = self.family(owner)
        for each in family:
            module = each.module
            for base in each.bases:
                dotted = module.dotted(each.parent, base[1] if base[0] == "i" else base)
                target = self.program.resolve(dotted) if dotted is not None else None
                if dotted not in _BASES and (target is None or target.kind != "class"):
                    yield f"what is above `{each.name}` cannot be seen whole"
            if any(not _is_plain_dataclass(module, each, shape) for shape in each.decorators):
                yield f"`{each.name}` has decorators, which may do anything"
            if _has_keywords(each):
                yield f"`{each.name}` may have a metaclass"
            for name in _GOING_AROUND:
                if module.bindings(each.number, name):
                    yield f"`{each.name}` has `{name}`"
        for module in self.program.modules_with("attribute_reads", "__dict__"):
            for base, _use, scope, start, _end in module.facts["attribute_reads"]["__dict__"]:
                if self._is_about(family, module, scope, base):
                    yield f"all attributes may be read together at {module.path}:{module.position(start).line}"
        for call in self.program.calls_named("vars", want=False):
            given = call.argument(0)
            if given is not None and self._is_about(family, call.module, call.scope, given.shape):
                yield f"all attributes may be read together at {_place(call)}"


def _is_plain_dataclass(module: Module, owner: Scope, decorator: Shape) -> bool:
    """Tell whether a decorator is `dataclass`, and its objects have a dictionary."""
    call = module.call(decorator[1]) if decorator[0] == "c" else None
    if module.dotted(owner.parent, decorator if call is None else call.function) != _DATACLASS:
        return False
    return call is None or all(each.keyword not in {None, "slots", "**"} for each in call.arguments)


def _has_keywords(owner: Scope) -> bool:
    """Tell whether the head of a class names more than its bases: `class Registry(Base, metaclass=Meta)`."""
    module = owner.module
    bases = [each[1] if each[0] == "i" else each for each in owner.bases]
    roots = {str(_root(each)) for each in bases}
    return any(
        owner.span.start <= start < owner.span.end and _innermost(use) == ["base"] and name not in roots
        for name, reads in module.facts["reads"][owner.parent].items()
        for start, _end, use in reads
    )


def _root(shape: Shape) -> str:
    while shape[0] in {"a", "i"}:
        shape = shape[1]
    return str(shape[1])


def _innermost(use: Shape) -> Shape:
    while use[0] == "attr":
        use = use[2]
    return use


def _place(call: Call) -> str:
    return f"{call.module.path}:{call.module.position(call.span.start).line}"
