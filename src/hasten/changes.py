"""Who else changes some state of a function: other functions, found by the name of the attribute or variable.

A change counts where the program shows one: in what is read so far, and in the files that the question makes the
engine read. What is only given a value while an object is made, or when a module is imported, does not change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from hasten.async_kinds import key_of
from hasten.concurrency import Tasks
from hasten.index.module import Module, Read, Scope, Shape, Use
from hasten.index.program import Program
from hasten.model import Span
from hasten.touches import CHANGING, function_of

#: Functions that run before anybody else knows the object.
_MAKING = frozenset({"__init__", "__new__", "__post_init__", "__init_subclass__", "__set_name__"})
#: Functions of the standard library that change their first argument.
_CHANGERS = ("heapq.", "bisect.insort", "random.shuffle")
_REBINDING = frozenset({"assign", "aug", "for", "with", "unpack", "del"})
#: Arguments are followed through so many calls.
_DEEPEST = 3


class Place(NamedTuple):
    """State as one function names it."""

    module: Module
    scope: int
    shape: Shape


class Change(NamedTuple):
    """A place in the program that changes some state, or one of its items."""

    module: Module
    scope: int
    offset: int
    item: bool = False


class Changes:
    """Answers for one program."""

    def __init__(self, program: Program, tasks: Tasks) -> None:
        """Take the program, and what is known of its tasks."""
        self.program = program
        self.tasks = tasks

    def beside(self, place: Place, function: Scope, *, inside: bool, own: bool, items: bool) -> str:
        """Return what changes the state while other tasks wait, by name and place, an empty string for nothing.

        Args:
            place: the state.
            function: the one that holds on to it.
            inside: only what changes the object itself counts, and not another one in its place.
            own: what the function does itself counts, too, where it may run in several tasks.
            items: what changes in one of its items counts, too.
        """
        found = sorted(self._changes(place, 0, inside=inside), key=lambda each: (each.module.path, each.offset))
        for each in dict.fromkeys(found):
            changer = each.module.enclosing(each.scope, "function", "module")
            if changer is None or changer.kind == "module" or changer.name in _MAKING:
                continue
            if each.item and not items:
                continue
            if self.tasks.beside(changer, each.offset, function) or (own and self.tasks.repeated(changer)):
                return f"`{changer.name}` changes it ({each.module.path}:{each.module.position(each.offset).line})"
        return ""

    # --- where it is changed --------------------------------------------------------------------------------------

    def _changes(self, place: Place, depth: int, *, inside: bool) -> Iterator[Change]:
        module, scope, shape = place
        if shape[0] == "a":
            yield from self._of_attribute(place, inside=inside)
        if shape[0] != "n" or depth > _DEEPEST:
            return
        found = module.lookup(scope, shape[1])
        if found is None:
            return
        owner, bindings = found
        imported = bindings[0].kind == "import" if bindings else False
        if owner == 0 or imported:
            yield from self._of_global(place, inside=inside)
            return
        yield from self._of_variable(module, owner, shape[1], inside=inside)
        for each in bindings:
            if each.kind == "assign" and each.payload is not None and each.payload[0] in {"n", "a"}:
                # another name of the same object
                yield from self._changes(Place(module, each.scope, each.payload), depth + 1, inside=True)
            if each.kind == "param":
                function = module.scope(owner)
                for call, given in self.program.arguments_for(function, shape[1]):
                    yield from self._changes(Place(call.module, call.scope, given), depth + 1, inside=True)
        if not any(each.kind == "param" for each in bindings):
            yield from self._of_takers(module, owner, shape[1], depth)

    def _of_variable(self, module: Module, owner: int, name: str, *, inside: bool) -> Iterator[Change]:
        """Yield the changes of a variable in its own module."""
        for read in module.reads(owner, name):
            if self._is_change(read):
                yield Change(module, read.scope, read.span.start, read.use[0] == "sub")
        for each in () if inside else module.bindings(owner, name):
            if each.kind in _REBINDING and function_of(module, each.scope) != function_of(module, owner):
                yield Change(module, each.scope, each.start)

    def _of_takers(self, module: Module, owner: int, name: str, depth: int) -> Iterator[Change]:
        """Yield the changes by functions that are given what a variable holds."""
        for read in module.reads(owner, name):
            if read.use[0] != "arg" or depth > _DEEPEST:
                continue
            call = module.call(read.use[1])
            target, _known = self.program.target_of(call)
            if target is None or target.kind != "function":
                continue
            for parameter in target.parameters:
                for given, shape in self.program.arguments_for(target, parameter[0]):
                    if given.module is module and given.index == call.index and shape == ["n", name]:
                        yield from self._of_variable(target.module, target.number, parameter[0], inside=True)

    def _of_global(self, place: Place, *, inside: bool) -> Iterator[Change]:
        """Yield the changes of a global name, in its own module and by those that import it."""
        home = self._home(place)
        if home is None:
            return
        module, name = home
        yield from self._of_variable(module, 0, name, inside=inside)
        self.program.want(name, beside=frozenset({module.name.rpartition(".")[2]}))
        dotted = f"{module.name}.{name}"
        for other in self.program.modules_with("reads", name):
            if other is not module and other.dotted(0, ["n", name]) == dotted:
                yield from self._of_variable(other, 0, name, inside=True)
        for other in self.program.modules_with("attribute_reads", name):
            for base, use, scope, start, end in other.facts["attribute_reads"][name]:
                if other.dotted(scope, base) == module.name and self._is_change(_read(other, scope, start, end, use)):
                    yield Change(other, scope, start, use[0] == "sub")
        for other in () if inside else self.program.modules_with("attribute_stores", name):
            for base, _value, scope, start in other.facts["attribute_stores"][name]:
                if other.dotted(scope, base) == module.name:
                    yield Change(other, scope, start)

    def _home(self, place: Place) -> tuple[Module, str] | None:
        """Return the module that a global name belongs to, and its name there."""
        name = place.shape[1]
        found = place.module.lookup(place.scope, name)
        if found is not None and found[0] == 0 and not any(each.kind == "import" for each in found[1]):
            return place.module, name
        dotted = place.module.dotted(place.scope, place.shape)
        return self.program.owner_of(dotted) if dotted is not None else None

    def _of_attribute(self, place: Place, *, inside: bool) -> Iterator[Change]:
        """Yield the changes of an attribute, on what may be the same object."""
        name = place.shape[2]
        if not name.isidentifier():
            return
        methods = "|".join(sorted(CHANGING))
        self.program.want_like(rf"\.{re.escape(name)}\s*(?:\[|\.\s*(?:{methods})\b)")
        for module in self.program.modules_with("attribute_reads", name):
            for base, use, scope, start, end in module.facts["attribute_reads"][name]:
                read = _read(module, scope, start, end, use)
                if self._is_change(read) and self._may_be_same(place, Place(module, scope, base)):
                    yield Change(module, scope, start, use[0] == "sub")
        if inside:
            return
        self.program.want(name, "stored")
        for module in self.program.modules_with("attribute_stores", name):
            for base, _value, scope, start in module.facts["attribute_stores"][name]:
                if self._may_be_same(place, Place(module, scope, base)):
                    yield Change(module, scope, start)

    def _is_change(self, read: Read) -> bool:
        """Tell whether what is read is changed there: by an item, by a method, or by a function that does that."""
        match read.use:
            case ["dest"]:
                # In `self.x.y = 1` it is not `self.x` that changes.
                return not any(
                    start == read.span.start
                    for records in read.module.facts["attribute_stores"].values()
                    for *_, start in records
                )
            case ["sub", ["dest"]]:
                return True
            case ["meth", name, *_] | ["sub", ["meth", name, *_]]:
                return name in CHANGING
            case ["arg", number, 0]:
                call = read.module.call(number)
                dotted = read.module.dotted(call.scope, call.function) or ""
                return dotted.startswith(_CHANGERS)
            case _:
                return False

    # --- whether it is the same -------------------------------------------------------------------------------------

    def _may_be_same(self, place: Place, other: Place) -> bool:
        """Tell whether the attribute of `place`, and one of that name on the object `other`, may be one."""
        name = place.shape[2]
        mine = self._class_of(Place(place.module, place.scope, place.shape[1]))
        theirs = self._class_of(other)
        if mine is not None and theirs is not None:
            if isinstance(mine, str) or isinstance(theirs, str):
                return mine == theirs
            return self.program.derives(mine, theirs) or self.program.derives(theirs, mine)
        known = mine or theirs
        # Nobody can say what one of them is: it is taken for one where no other class has an attribute of that name.
        homes = self._homes(name)
        if isinstance(known, Scope):
            return homes <= {key_of(known)}
        return known is None and len(homes) <= 1

    def _class_of(self, place: Place) -> Scope | str | None:
        """Return the class of the object that a shape stands for, by name if others made it; None for no idea."""
        module, scope, shape = place
        if shape[0] == "n":
            owner = self.program.method_owner(module, scope)
            method = module.enclosing(scope, "function")
            while method is not None and owner is not None and method.parent != owner.number:
                method = module.enclosing(method.parent, "function")
            first = method.parameters[0][0] if method is not None and method.parameters else ""
            if method is not None and shape[1] == first and not self.program.is_static(method):
                return owner
            named = module.dotted(scope, shape)
            if named is not None:  # a class, or a module
                found = self.program.resolve(named)
                return found if found is not None and found.kind == "class" else named
        return self.tasks.receivers.kind(module, scope, shape)

    def _homes(self, name: str) -> frozenset[tuple[str, int]]:
        """Return the classes that give their instances an attribute of that name, of the modules read so far."""
        return self.program.remember(f"hasten.changes: {name}", lambda: frozenset(self._find_homes(name)))

    def _find_homes(self, name: str) -> Iterator[tuple[str, int]]:
        for module in self.program.modules_with("classes", name):
            yield from (
                (module.path, each.number) for each in module.classes() if name in module.facts["binds"][each.number]
            )
        for module in self.program.modules_with("attribute_stores", name):
            for base, _value, scope, _start in module.facts["attribute_stores"][name]:
                owner = self.program.method_owner(module, scope)
                if owner is not None and base == ["n", "self"]:
                    yield module.path, owner.number


def _read(module: Module, scope: int, start: int, end: int, use: Use) -> Read:
    return Read(module, scope, Span(start, end), use)
