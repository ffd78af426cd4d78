"""What an object keeps in its attributes from when it is made until it goes away, and which classes show all of that.

class Schema:
    def __init__(self, text: str) -> None:
        self.text = text

    def parsed(self):
        return json.loads(self.text)

`parsed` gives the same each time if nothing gives `text` of a `Schema` another value, and nobody can change the value
itself. The second can be seen. The first cannot: all that can be said is which places do so, and which ones may.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from hasten.api import Call, Module, Program, Read, Scope

Shape = list[Any]

#: Bases from elsewhere that add nothing to objects.
BASES = frozenset({"builtins.object", "abc.ABC", "typing.Generic", "typing.Protocol"})
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
#: What runs when an object is made.
_AT_BIRTH = frozenset({"__init__", "__post_init__"})


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
    """Answers for one program.

    Whether objects stay as they are cannot be proven: whoever is handed one may assign to it, in ways that no text
    shows. What is seen to change them is told from what may.
    """

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self.program = program
        self._sources: dict[tuple[str, int, str], list[Source] | str] = {}
        self._doubts: dict[tuple[str, int, str], str] = {}
        self._troubles: dict[tuple[str, int], str] = {}

    def settled(self, owner: Scope, names: Iterable[str]) -> str:
        """Return why one of the attributes changes, or the objects keep nothing more, empty if neither is so."""
        return next((each for name in names if isinstance(each := self.sources(owner, name), str)), self.trouble(owner))

    def doubt(self, owner: Scope, names: Iterable[str]) -> str:
        """Return where one of the attributes may be changed, in words, empty where no place looks like that."""
        for name in names:
            key = owner.module.path, owner.number, name
            if key not in self._doubts:
                self._doubts[key] = next(self._doubts_of(owner, name), "")
            if self._doubts[key]:
                return self._doubts[key]
        return ""

    def sources(self, owner: Scope, name: str) -> list[Source] | str:
        """Return what gives an attribute of the objects of a class its value; why that is not all, in words."""
        key = owner.module.path, owner.number, name
        if key not in self._sources:
            self._sources[key] = f"`{name}` of it is made of itself"
            self._sources[key] = self._find_sources(owner, name)
        return self._sources[key]

    def is_only(self, owner: Scope, method: Scope) -> bool:
        """Tell whether all objects of a class have the same method of that name: no class, and no object, another."""
        family, name = family_of(self.program, owner), method.name
        self.program.want(name, "stored")
        if any(each is not method for each in self._methods(family, name)):
            return False
        stores = (
            self._is_about(family, module, scope, base)
            for module in self.program.modules_with("attribute_stores", name)
            for base, _value, scope, _start in module.facts["attribute_stores"][name]
        )
        return not any(stores) and not self._setters(family, name)

    def trouble(self, owner: Scope) -> str:
        """Return why the objects of a class cannot keep one more thing beside their attributes, empty if they can."""
        key = owner.module.path, owner.number
        if key not in self._troubles:
            self._troubles[key] = next(self._troubles_of(owner), "")
        return self._troubles[key]

    def _methods(self, family: list[Scope], name: str) -> Iterator[Scope | None]:
        for each in family:
            for binding in each.module.bindings(each.number, name):
                yield each.module.scope(binding.payload) if binding.kind == "def" else None

    # --- one attribute ----------------------------------------------------------------------------------------------

    def _find_sources(self, owner: Scope, name: str) -> list[Source] | str:
        if name.startswith("__") and name.endswith("__"):
            return f"`{name}` is not looked at"
        family = family_of(self.program, owner)
        self.program.want(name, "stored")
        found: list[Source] = []
        for each in family:
            inside = self._in_body(each, name)
            if isinstance(inside, str):
                return inside
            found += inside
        for module, base, value, scope, start in self._stores(name):
            if self._is_about(family, module, scope, base) is not True:
                continue
            if value is None or not self._is_at_birth(module, scope, base, start):
                return f"`{name}` of it is assigned to at {module.path}:{module.position(start).line}"
            found.append(Source(module, scope, value))
        for module in self.program.modules_with("attribute_touches", name):
            for base, scope, start in module.facts["attribute_touches"][name]:
                if base[0] != "x" and self._is_about(family, module, scope, base) is True:
                    return f"`{name}` of it is taken away at {module.path}:{module.position(start).line}"
        return self._changed(family, name) or found or f"nothing is seen to give it `{name}`"

    def _stores(self, name: str) -> Iterator[tuple[Module, Shape, Shape | None, int, int]]:
        for module in self.program.modules_with("attribute_stores", name):
            for base, value, scope, start in module.facts["attribute_stores"][name]:
                yield module, base, value, scope, start

    def _changed(self, family: list[Scope], name: str) -> str:
        """Return where something sets an attribute by its name, or makes objects anew, in words."""
        for setter in self._setters(family, name):
            return f"`{name}` of it is set at {setter}"
        for tail in ("__setattr__", "__delattr__", "delattr"):
            for call in self.program.calls_named(tail):
                if any(each.shape == ["k", "str", name] for each in call.arguments):
                    return f"`{name}` of it is set at {_place(call)}"
        for call in self.program.calls_named("__init__", want=False):
            around = call.module.enclosing(call.scope, "function")
            owner = call.module.scope(around.parent) if around is not None else None
            if owner in family and around is not None and around.name != "__init__":
                return f"its constructor runs again at {_place(call)}"
        return ""

    def _setters(self, family: list[Scope], name: str) -> list[str]:
        """Return the places that set an attribute of a family by its name, written out."""
        return [
            each.place
            for each in self.program.places.setters.get(name, ())
            if self._is_meant(family, each.call, each.target) is not False
        ]

    def _in_body(self, owner: Scope, name: str) -> list[Source] | str:
        """Return what the body of a class gives an attribute."""
        module = owner.module
        kinds = {each.kind: each for each in module.bindings(owner.number, name)}
        annotation = next((shape for field, shape in module.fields(owner.number) if field == name), None)
        binding = kinds.get("assign")
        if annotation is not None and owner.decorators and set(kinds) <= {"declared", "assign"}:
            given = [Source(module, owner.number, annotation, annotated=True)]
            made = binding is not None and binding.payload is not None and binding.payload[0] == "c"
            # text: str = Current() has another say in what is read; field(default="") has not.
            if binding is not None and made and module.call(binding.payload[1]).tail != "field":
                return f"`{owner.name}.{name}` may be a descriptor"
            return given
        kinds.pop("declared", None)
        if not kinds:
            return []
        if set(kinds) == {"def"}:
            return f"`{name}` is a method or a property of `{owner.name}`"
        if len(kinds) > 1 or binding is None or binding.payload is None:
            return f"`{owner.name}.{name}` is given several values"
        return [Source(module, owner.number, binding.payload)]

    def _is_at_birth(self, module: Module, scope: int, base: Shape, start: int) -> bool:
        """Tell whether an assignment is made once, when the object is made."""
        function = module.scope(scope)
        if function.name not in _AT_BIRTH or itself(self.program, function) != base[1]:
            return False
        return not any(each.kind in _LOOPS for each in module.blocks(start))

    def _doubts_of(self, owner: Scope, name: str) -> Iterator[str]:
        """Yield where an attribute may be given another value, or taken away, if it is one of such an object."""
        family = family_of(self.program, owner)
        for module, base, _value, scope, start in self._stores(name):
            if self._is_about(family, module, scope, base) is None:
                yield f"`{name}` of something is assigned to at {module.path}:{module.position(start).line}"
        for module in self.program.modules_with("attribute_touches", name):
            for base, scope, start in module.facts["attribute_touches"][name]:
                if base[0] == "x" or self._is_about(family, module, scope, base) is None:
                    yield f"`{name}` of something is taken away at {module.path}:{module.position(start).line}"
        for setter in self.program.places.setters.get("", ()):
            if self._is_meant(family, setter.call, setter.target) is not False:
                yield f"attributes of something are set at {setter.place}"
        for about, place in self._taken_together(family):
            if about is None:
                yield f"all attributes of something are taken together at {place}"

    def _is_meant(self, family: list[Scope], place: Call | Read, target: Shape) -> bool | None:
        """Tell whether what an attribute is set of is an object, or a class, of a family; None: nobody can tell."""
        if target[:2] == ["k", "str"]:
            return any(each.name in str(target[2]).split(".") for each in family)
        return self._is_about(family, place.module, place.scope, target)

    def _is_about(self, family: list[Scope], module: Module, scope: int, base: Shape) -> bool | None:
        """Tell whether an expression stands for an object, or a class, of a family; None: nobody can tell."""
        around = owner_of(self.program, module, scope, base)
        if around is not None:
            return any(each == around for each in family)
        dotted = self.program.dotted(module, scope, base)
        if dotted is not None and self.program.named(dotted) is not None:
            return False
        for name in (self.program.constructed(module, scope, base), dotted):
            target = self.program.resolve(name) if name is not None else None
            if target is not None and target.kind == "class":
                inside = any(each == target for each in family)
                # What `__new__` gives may be of any class.
                return True if inside else None if self.program.find_method(target, "__new__") else False
        return None

    # --- the class --------------------------------------------------------------------------------------------------

    def _troubles_of(self, owner: Scope) -> Iterator[str]:
        family = family_of(self.program, owner)
        if self.program.modules_with("attribute_stores", "__class__"):
            yield "objects of the program change their class"
        for each in family:
            module = each.module
            for base in each.bases:
                dotted = module.dotted(each.parent, base)
                target = self.program.resolve(dotted) if dotted is not None else None
                if dotted not in BASES and (target is None or target.kind != "class"):
                    yield f"what is above `{each.name}` cannot be seen whole"
            if any(not _is_plain_dataclass(module, each, shape) for shape in each.decorators):
                yield f"`{each.name}` has decorators, which may do anything"
            if not each.is_made_by_type:
                yield f"`{each.name}` has a metaclass, or tells its base something"
            for name in _GOING_AROUND:
                if module.bindings(each.number, name):
                    yield f"`{each.name}` has `{name}`"
        for about, place in self._taken_together(family):
            if about:
                yield f"all attributes are taken together at {place}"

    def _taken_together(self, family: list[Scope]) -> Iterator[tuple[bool | None, str]]:
        """Yield the places that take all attributes of an object, each with whether it is one of a family."""
        for section in ("attribute_reads", "attribute_stores"):
            for module in self.program.modules_with(section, "__dict__"):
                for base, _other, scope, start, *_ in module.facts[section]["__dict__"]:
                    place = f"{module.path}:{module.position(start).line}"
                    yield self._is_about(family, module, scope, base), place
        for call in self.program.calls_named("vars", want=False):
            given = call.argument(0)
            if given is not None:
                yield self._is_about(family, call.module, call.scope, given.shape), _place(call)


def family_of(program: Program, owner: Scope) -> list[Scope]:
    """Return the classes of which an object of a class may be one, and those above them."""
    found = {(each.module.path, each.number): each for each in (owner, *program.heirs(owner))}
    for each in list(found.values()):
        for above in program.ancestors(each):
            found.setdefault((above.module.path, above.number), above)
    return [found[key] for key in sorted(found)]


def _is_plain_dataclass(module: Module, owner: Scope, decorator: Shape) -> bool:
    """Tell whether a decorator is `dataclass`, and its objects have a dictionary."""
    call = module.call(decorator[1]) if decorator[0] == "c" else None
    if module.dotted(owner.parent, decorator if call is None else call.function) != _DATACLASS:
        return False
    return call is None or all(each.keyword not in {None, "slots", "**"} for each in call.arguments)


def _place(call: Call) -> str:
    return f"{call.module.path}:{call.module.position(call.span.start).line}"
