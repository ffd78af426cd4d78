"""Who calls a function, makes instances of a class, or mentions one: questions about a whole program."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from hasten.index import elsewhere
from hasten.index.module import Call, Import, Module, Read, Scope, Shape, is_same

if TYPE_CHECKING:
    from hasten.index.program import Program

#: Method names that built-in types share.
_COMMON = frozenset(
    name
    for kind in (dict, list, set, str, bytes, tuple, io.StringIO, io.BytesIO)
    for name in dir(kind)
    if not name.startswith("_")
)
#: Methods that run when an instance is made; dataclasses and attrs call the last two.
_AT_BIRTH = frozenset({"__init__", "__new__", "__post_init__", "__attrs_post_init__"})


def is_common(name: str) -> bool:
    """Tell whether a method is called everywhere on other things, or by operators that do not name it."""
    return name in _COMMON or (name.startswith("__") and name.endswith("__") and name != "__init__")


class Callers:
    """The calls and mentions of the functions of one program, each looked for once."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self._program = program
        self._importers: dict[str, list[tuple[Module, Import]]] | None = None
        self._callers: dict[tuple[str, int, bool], list[tuple[Call, bool]]] = {}
        self._references: dict[tuple[str, int], list[Read]] = {}

    def arguments_for(self, function: Scope, name: str) -> Iterator[tuple[Call, Shape]]:
        """Yield the calls that surely reach `function`, each with the shape of what it passes as parameter `name`."""
        plain = [each[0] for each in function.parameters if each[1] in {"plain", "posonly"}]
        owner = function.module.scope(function.parent) if function.parent >= 0 else None
        for call, certain in self.callers(function, near=False):
            if not certain:
                continue
            method = owner is not None and owner.kind == "class"
            bound = 1 if method and not self._program.is_static(function) else 0
            position = plain.index(name) - bound if name in plain else -1
            argument = call.argument(position, name) if position >= 0 else call.argument(len(call.arguments), name)
            if argument is not None:
                yield call, argument.shape

    def callers(self, function: Scope, *, near: bool = True) -> list[tuple[Call, bool]]:
        """Return the calls that reach `function`, or could, each with whether that is certain.

        Where the function makes instances, and `near` is not given, no more files are read for the classes below its
        own: there may be many, and each is made in many places.
        """
        key = (function.module.path, function.number, near)
        if key not in self._callers:
            self._callers[key] = self._find_callers(function, near=near)
        return self._callers[key]

    def _find_callers(self, function: Scope, *, near: bool) -> list[tuple[Call, bool]]:
        owner = function.module.scope(function.parent) if function.parent >= 0 else None
        if owner is not None and owner.kind == "class":
            if function.name in _AT_BIRTH:
                return self.constructions(function, near=near)
            return self._calls_of(function, is_method=True)
        return self._calls_of(function, is_method=False)

    def _calls_of(self, function: Scope, *, is_method: bool, want: bool = True) -> list[tuple[Call, bool]]:
        name = function.name
        result: list[tuple[Call, bool]] = []
        # `add`, `get` and their like are called on lists and dictionaries everywhere: not worth reading every file for.
        want = want and not (is_method and is_common(name))
        beside = self._homes(function) if want and not is_method else frozenset()
        for call in self._program.calls_named(name, want=want, beside=beside):
            target, known = self._program.target_of(call)
            if target is not None:
                if is_same(target, function):
                    result.append((call, True))
                elif is_method and call.function[0] == "a" and self._related(target, function):
                    result.append((call, False))
            elif not known and (is_method or call.function[0] == "n" or self._could_be(call, function)):
                result.append((call, False))
        if not is_method and function.parent == 0:
            result += [(call, False) for call in self._through_objects(function, {each for each, _ in result})]
        for alias in sorted(self._aliases(function)):
            calls = self._program.calls_named(alias)
            result += [(call, True) for call in calls if is_same(self._program.target_of(call)[0], function)]
        return result

    def _through_objects(self, function: Scope, known: set[Call]) -> list[Call]:
        """Return the calls, other than `known`, of a module-level function through its module as an object."""
        held = self._program.held(function.module)
        found = [each for each in held.calls.get(function.name, ()) if each not in known]
        if held.lost is not None and not is_common(function.name):
            found += [
                call
                for call in self._program.calls_named(function.name)
                if call not in known
                and call not in found
                and call.function[0] == "a"
                and call.function[1] not in (["n", "self"], ["n", "cls"])
                and self._program.target_of(call) == (None, False)
                and self._program.constructed(call.module, call.scope, call.function[1]) is None
            ]
        return found

    def constructions(self, method: Scope, *, near: bool = True) -> list[tuple[Call, bool]]:
        """Return the calls that make an instance with `method`, or could: of its class, and of those that inherit it.

        For `__init__`, those of `super().__init__` count as well. Certain are those whose arguments fill its parameters
        for sure.
        """
        name = method.name
        fills = name == "__init__"
        heirs = list(self._heirs(method, want=near))
        result: list[tuple[Call, bool]] = []
        for number, heir in enumerate(heirs):
            inner = heir.module.scope(heir.parent).kind != "module"
            found = self._calls_of(heir, is_method=inner, want=near or not number)
            result += [(call, certain and fills) for call, certain in found]
        for call in self._program.calls_named("cls", want=False):
            around = self._program.method_owner(call.module, call.scope) if call.function[0] == "n" else None
            if around is not None and any(is_same(around, heir) for heir in heirs):
                result.append((call, fills))
        for call in self._program.calls_named(name, want=False):
            around = self._program.method_owner(call.module, call.scope) if _of_super(call) else None
            if around is not None and is_same(self._above(around, name), method):
                result.append((call, True))
            elif around is None and is_same(self._program.target_of(call)[0], method):
                result.append((call, False))  # `Base.__init__(self, text)`: the instance comes first
        return result

    def _heirs(self, method: Scope, *, want: bool) -> Iterator[Scope]:
        """Yield the class of a method, and the classes below it that inherit the method as it is."""
        pending = [method.module.scope(method.parent)]
        seen: set[tuple[str, int]] = set()
        while pending:
            owner = pending.pop()
            key = (owner.module.path, owner.number)
            if key in seen:
                continue
            seen.add(key)
            if want:
                self._program.want(owner.name, beside=self._homes(owner))
            if is_same(self._program.find_method(owner, method.name), method):
                yield owner
                pending += self._children.get(key, ())

    @cached_property
    def _children(self) -> dict[tuple[str, int], list[Scope]]:
        """Return the classes that name a class among their bases, by that class."""
        found: dict[tuple[str, int], list[Scope]] = {}
        for child in self._program.classes():
            for base in child.bases:
                dotted = child.module.dotted(child.parent, base)
                parent = self._program.resolve(dotted) if dotted else None
                if parent is not None and parent.kind == "class":
                    found.setdefault((parent.module.path, parent.number), []).append(child)
        return found

    def _above(self, owner: Scope, name: str) -> Scope | None:
        """Return the method that `super().name` stands for in a method of `owner`."""
        for base in owner.bases:
            dotted = owner.module.dotted(owner.parent, base)
            found = self._program.resolve(dotted) if dotted else None
            method = self._program.find_method(found, name) if found is not None and found.kind == "class" else None
            if method is not None:
                return method
        return None

    def _homes(self, function: Scope) -> frozenset[str]:
        """Return the last names of the modules that a module-level function can be imported from.

        A file that calls it must name one of them: its own, or one that hands it on.
        """
        home = function.module.name.rpartition(".")[2]
        if not home:
            return frozenset()
        self._program.want(function.name, beside=frozenset({home}))
        homes = {home}
        for module, imported in self._imports_of(function):
            if imported.scope == 0 and imported.asname in {None, function.name}:
                homes.add(module.name.rpartition(".")[2])
        homes |= {each.name.rpartition(".")[2] for each in self._star_importers(function)}
        return frozenset(homes - {""})

    def _could_be(self, call: Call, function: Scope) -> bool:
        """Tell whether `something.f()` could be the module-level function `f`: when something could be its module."""
        base = call.function[1]
        return bool(base[0] in {"n", "a"}) and str(base[-1]) == function.module.name.rpartition(".")[2]

    def _related(self, one: Scope, other: Scope) -> bool:
        """Tell whether two methods of one name may stand for each other through inheritance.

        Where they seem not to, what `other` inherits from is wanted.
        """
        first, second = one.module.scope(one.parent), other.module.scope(other.parent)
        if first.kind != "class" or second.kind != "class":
            return False
        if self._program.derives(first, second) or self._program.derives(second, first):
            return True
        self._program.want_bases(second)  # what stands between them may not be read yet
        return False

    def _aliases(self, function: Scope) -> set[str]:
        """Return the other names under which modules of the program import `function`."""
        names = {imported.asname for _, imported in self._imports_of(function)}
        return {each for each in names if each is not None and each != function.name}

    def _imports_of(self, function: Scope) -> list[tuple[Module, Import]]:
        """Return the `from` imports, at whatever depth, that bind a module-level function or class."""
        if self._importers is None:
            self._importers = {}
            for module in self._program.modules:
                for imported in module.imports():
                    if imported.level:
                        self._importers.setdefault(imported.name, []).append((module, imported))
        return [
            (module, imported)
            for module, imported in self._importers.get(function.name, ())
            if is_same(self._program.resolve(module.import_target(imported)), function)
        ]

    def _star_importers(self, function: Scope) -> list[Module]:
        """Return the modules that have a module-level function by a star import."""
        holders = [function.module, *(module for module, imported in self._imports_of(function) if not imported.scope)]
        return [each for holder in holders for each in elsewhere.star_importers(self._program, holder)]

    def references(self, function: Scope) -> list[Read]:
        """Return the reads of `function` that are no calls: it is passed on, stored, or compared."""
        key = (function.module.path, function.number)
        if key not in self._references:
            self._references[key] = self._find_references(function)
        return self._references[key]

    def _find_references(self, function: Scope) -> list[Read]:
        name = function.name
        if not is_common(name):
            self._program.want(name, "read" if function.parent > 0 else "word")
        result = list(self._program.attribute_reads(name, want=False))
        names = {(function.module.path, name)}
        names |= {(module.path, imported.asname or name) for module, imported in self._imports_of(function)}
        names |= {(module.path, name) for module in self._star_importers(function)}
        for path, alias in sorted(names):
            module = self._program.module(path)
            for read in module.reads_of(alias):
                dotted = module.dotted(read.scope, ["n", alias]) if read.use[0] != "call" else None
                if dotted and is_same(self._program.resolve(dotted), function):
                    result.append(read)
        return result


def _of_super(call: Call) -> bool:
    """Tell whether a call is of a method of `super()`."""
    match call.function:
        case ["a", ["c", int() as index], _]:
            return call.module.call(index).function == ["n", "super"]
        case _:
            return False
