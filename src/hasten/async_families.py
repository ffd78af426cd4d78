"""Which functions convert together: a method with what it overrides and what overrides it, overload stubs."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hasten.async_kinds import key_of, owner_of
from hasten.async_rules import Definitions, has_methods_of
from hasten.index.module import Scope
from hasten.index.program import Program

#: What a `with` calls: asynchronous both, or none of them.
ENTERING = ("__enter__", "__exit__")


class Families:
    """Answers for the functions of one program."""

    def __init__(self, program: Program, definitions: Definitions) -> None:
        """Take the program, and what is known of its definitions."""
        self.program = program
        self.definitions = definitions
        #: Tells with which others a function converts, whatever their names.
        self.partners: Callable[[Scope], list[Scope]] = lambda _function: []
        self._methods: dict[str, list[Scope]] = {}
        self._ancestors: dict[tuple[str, int], dict[tuple[str, int], Scope]] = {}
        self._below: dict[tuple[str, int], set[tuple[str, int]]] = {}
        self._classes: list[Scope] | None = None
        self._families: dict[tuple[str, int], list[Scope]] = {}
        self._nearest: dict[tuple[str, int], list[Scope]] = {}
        self._owned: dict[str, list[tuple[Scope, Scope]]] = {}

    def of(self, function: Scope) -> list[Scope]:
        """Return the family of `function`, itself among it, in the order of places."""
        if key_of(function) not in self._families:
            self._find(function)
        return self._families[key_of(function)]

    def _find(self, function: Scope) -> None:
        members = {key_of(function): function}
        pending = [function]
        while pending:
            for each in self._near(pending.pop()):
                if key_of(each) not in members:
                    members[key_of(each)] = each
                    pending.append(each)
        family = [members[key] for key in sorted(members)]
        # Whoever leads back to one of them has the same family: hundreds of classes may override one method.
        same = {key_of(function)}
        found = True
        while found:
            more = {
                key for key in members.keys() - same if any(key_of(each) in same for each in self._near(members[key]))
            }
            same |= more
            found = bool(more)
        self._families |= dict.fromkeys(same, family)

    def _near(self, function: Scope) -> list[Scope]:
        """Return the members of a family that `function` itself is tied to."""
        key = key_of(function)
        if key not in self._nearest:
            found = [*self._overloads(function), *self._related(function), *self.partners(function)]
            self._nearest[key] = list({key_of(each): each for each in found}.values())
        return self._nearest[key]

    def methods(self, name: str) -> list[Scope]:
        """Return every method of the program that is called `name`."""
        if name not in self._methods:
            found = [each for each in self.program.definitions(name) if each.kind == "function"]
            self._methods[name] = [each for each in found if owner_of(each) is not None]
        return self._methods[name]

    def share(self, method: Scope, other: Scope) -> bool:
        """Tell whether some class has both `method` and what class `other` defines."""
        owner = owner_of(method)
        return owner is not None and self.share_class(owner, other)

    def share_class(self, one: Scope, other: Scope) -> bool:
        """Tell whether some class derives from both classes, or is one of them and derives from the other."""
        return not self.below(one).isdisjoint(self.below(other))

    def below(self, owner: Scope) -> set[tuple[str, int]]:
        """Return a class and all that derive from it, as keys."""
        if not self._below:
            for each in self.classes():
                for ancestor in self.ancestors(each):
                    self._below.setdefault(ancestor, set()).add(key_of(each))
        return self._below.get(key_of(owner), set())

    def classes(self) -> list[Scope]:
        """Return every class read so far."""
        if self._classes is None:
            self._classes = list(self.program.classes())
        return self._classes

    def ancestors(self, owner: Scope) -> dict[tuple[str, int], Scope]:
        """Return a class and its bases of the program, near and far."""
        key = key_of(owner)
        if key not in self._ancestors:
            self._ancestors[key] = found = {key: owner}  # entered first, so that a cycle ends
            for base in owner.bases:
                dotted = owner.module.dotted(owner.parent, base)
                parent = self.program.resolve(dotted) if dotted is not None else None
                if parent is not None and parent.kind == "class":
                    found.update(self.ancestors(parent))
        return self._ancestors[key]

    def _related(self, function: Scope) -> Iterable[Scope]:
        owner = owner_of(function)
        if owner is not None and function.name in ENTERING:
            for each in (*self.methods("__enter__"), *self.methods("__exit__")):
                if self.share(each, owner):
                    yield each
        if owner is None or function.name.startswith("__"):
            return
        self.program.want(owner.name)  # subclasses that tie it to others may lie in files that do not name the method
        own = key_of(function)
        for each, other in self._with_owners(function.name):
            if key_of(each) == own:
                continue
            if self.share_class(owner, other) or self._stands_for(owner, other) or self._stands_for(other, owner):
                yield each

    def _with_owners(self, name: str) -> list[tuple[Scope, Scope]]:
        """Return every method that is called `name` with its class; the files between the classes are asked for."""
        if name not in self._owned:
            found = [(each, owner) for each in self.methods(name) if (owner := owner_of(each)) is not None]
            self._owned[name] = found
            for base in {base[-1]: None for _, owner in found for base in owner.bases}:
                if isinstance(base, str):
                    self.program.want(base)
        return self._owned[name]

    def _stands_for(self, owner: Scope, protocol: Scope) -> bool:
        """Tell whether a class has all that a Protocol asks for, without deriving from it."""
        return self.definitions.is_protocol(protocol) and has_methods_of(self.program, owner, protocol)

    def _overloads(self, function: Scope) -> Iterable[Scope]:
        module = function.module
        for binding in module.bindings(function.parent, function.name):
            other = binding.kind == "def" and binding.payload != function.number
            if other and self.definitions.is_overload(function, binding):
                yield module.scope(binding.payload)
