"""Questions about a whole program, answered from the facts of its modules.

A `Program` holds the facts of the files that were worth reading so far. A question that another file could bear on
(who calls `to_text`? who reads `.payload`?) is answered from what is there, and its word is noted in `wanted`: the
engine then reads the files that hold the word and asks again, until nothing more is wanted. So a run reads the files
that matter, and the answers do not depend on which were read first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias, TypeVar

from hasten.distribution import Distribution
from hasten.index import callers, elsewhere, entries, naming, rebinding
from hasten.index.module import Binding, Call, Import, Module, Read, Scope, Shape
from hasten.index.wants import Kind, Want
from hasten.strategies import CONVERT, ByPath
from hasten.suites import Suite

ValueT = TypeVar("ValueT")


class Note(NamedTuple):
    """What a codemod says about a function that somebody wants to know about.

    Attributes:
        codemod: its name.
        text: one sentence.
        converts: the codemod would make a coroutine function of it.
    """

    codemod: str
    text: str
    converts: bool = False


@dataclass(frozen=True, slots=True)
class DataWitness:
    """Something in a data file of the tree that bears on how documents are read or written."""

    path: str
    line: int
    kind: str
    text: str


#: Answers which functions and classes of the program a call reaches: `()` is none of them, None is "nobody can tell".
Resolver: TypeAlias = "Callable[[Program, Call], tuple[Scope, ...] | None]"


class Program:
    """All modules read so far, in path order, and the questions that span them.

    Attributes:
        watched: the id of a function (see `hasten.callgraph.function_id`) that somebody wants to know about, or `""`.
        notes: what was found out about it.
        names: which of the modules have something under a name.
        rewritten: where this is the program as a run would leave it, the files that it rewrites: nobody asks for more
            than which changes would be found in these, and nothing has to be found out for anything else. Else empty.
    """

    def __init__(
        self,
        modules: list[Module],
        targets: frozenset[str],
        paths: frozenset[str] = frozenset(),
        data: tuple[DataWitness, ...] = (),
        entry_points: frozenset[str] = frozenset(),
        resolver: Resolver | None = None,
        watched: str = "",
        lone: frozenset[str] = frozenset(),
        names: naming.NameIndex | None = None,
        suites: tuple[Suite, ...] = (),
        strategies: ByPath | None = None,
        distribution: Distribution | None = None,
        *,
        rewritten: frozenset[str] = frozenset(),
    ) -> None:
        """Take what was read.

        Args:
            modules: the facts, in any order.
            targets: the paths that may be rewritten.
            paths: every Python file of the program, read or not.
            data: what was found in data files.
            entry_points: what the project's metadata calls from outside, as written there: `app.cli:main`.
            resolver: who is asked what a call reaches where the facts do not say.
            watched: the attribute.
            lone: the names of modules that are installed one by one, with nothing that lies beside them.
            names: the index of a program of some of these modules and no others, which this one goes on with.
            suites: how the project runs its tests.
            strategies: how coroutines are spared what blocks; it is the file that counts in which the call stands.
            distribution: what the project is to others.
            rewritten: the attribute.
        """
        self.modules = sorted(modules, key=lambda each: each.path)
        self.targets = targets
        self.paths = paths
        self.data = data
        self.watched = watched
        self.lone = lone
        self.suites = suites
        self.strategies = strategies or ByPath(CONVERT)
        self.distribution = distribution or Distribution()
        self.rewritten = rewritten
        self.notes: list[Note] = []
        self.wanted: set[Want] = set()
        self._entries = entry_points
        self._resolver = resolver
        self._by_path = {each.path: each for each in self.modules}
        self._by_name = naming.by_name((each.path, each.name, each) for each in self.modules)
        self._roots = {name.partition(".")[0] for name in self._by_name}
        self._resolved: dict[str, Scope | None] = {}
        self._unread: dict[str, str] = {}
        self._calls: dict[str, list[Call]] = {}
        self._targets: dict[tuple[int, int], tuple[Scope | None, bool]] = {}
        self._replaceable: dict[tuple[int, int], bool] = {}
        self.names = naming.NameIndex(self.modules, names)
        self._callers = callers.Callers(self)
        self._held: dict[str, elsewhere.Held] = {}
        self._holding = False
        self._remembered: dict[str, Any] = {}
        self._rebound: dict[tuple[str, str, bool], str | None] = {}
        self._lineages: dict[tuple[str, int], frozenset[tuple[str, int]]] = {}
        self._heirs: dict[tuple[str, int], frozenset[tuple[str, int]]] | None = None
        self.places = elsewhere.Places(self)
        for each in self.places.starring:
            each.resolve_stars(lambda module, name: elsewhere.starred(self, module, name))

    def module(self, path: str) -> Module:
        """Return the module at `path`."""
        return self._by_path[path]

    def find(self, path: str) -> Module | None:
        """Return the module at `path`, None where it is not read, or not yet."""
        return self._by_path.get(path)

    def named(self, name: str) -> Module | None:
        """Return the module that the program imports as `name`, if it is one of its own."""
        return self._by_name.get(name)

    def want(self, word: str, kind: Kind = "word", *, beside: frozenset[str] = frozenset()) -> None:
        """Note that a file bears on the answer if it holds an identifier; see `Want`."""
        self.wanted.add(Want(word, kind, beside))

    def want_like(self, *patterns: str) -> None:
        """Note that a file bears on the answer if one of these regular expressions matches in its bytes."""
        self.wanted.update(Want(each, "pattern") for each in patterns)

    def definition(self, dotted: str) -> Scope | None:
        """Return `resolve`; where a module that is not read, or not yet, may hold the definition, want that one."""
        found = self.resolve(dotted)
        if found is None:
            self.want_home(dotted)
        return found

    def want_home(self, dotted: str) -> None:
        """Want the module of the program, if there is one, that is to hold what an absolute dotted name stands for."""
        unread = self._unread.get(dotted, dotted)
        if self.owner_of(unread) is None:
            self.wanted.add(Want(unread, "module"))

    def want_bases(self, owner: Scope, depth: int = 0) -> None:
        """Want the modules of the program that hold the classes that a class derives from."""
        for base in owner.bases if depth < 5 else ():  # noqa: PLR2004 - few hierarchies are deeper
            dotted = owner.module.dotted(owner.parent, base)
            found = self.definition(dotted) if dotted else None
            if found is not None and found.kind == "class":
                self.want_bases(found, depth + 1)

    def modules_with(self, section: str, name: str) -> list[Module]:
        """Return the modules, of those read so far, that have something under `name`; see `Module.names`.

        Whoever asks all modules for a name asks these: what the others know need not be unpacked for that.
        """
        return self.names.modules_with(section, name)

    def remember(self, key: str, make: Callable[[], ValueT]) -> ValueT:
        """Return what `make` finds out from this program alone, asking it once; `key` names the question."""
        if key not in self._remembered:
            self._remembered[key] = make()
        answer: ValueT = self._remembered[key]
        return answer

    def calls_named(self, name: str, *, want: bool = True, beside: frozenset[str] = frozenset()) -> list[Call]:
        """Return every call whose last name is `name`; without `want`, only those in files read for other reasons."""
        if want:
            self.want(name, "called", beside=beside)
        if name not in self._calls:
            self._calls[name] = [
                Call(module, index)
                for module in self.modules_with("tails", name)
                for index in module.facts["tails"].get(name, ())
            ]
        return self._calls[name]

    def definitions(self, name: str, *, want: bool = True) -> list[Scope]:
        """Return every function and class that is called `name`; without `want`, of files read for other reasons."""
        if want:
            self.want(name)
        return [scope for module in self.modules_with("definitions", name) for scope in module.definitions(name)]

    def classes(self) -> Iterator[Scope]:
        """Yield every class of the modules read so far."""
        return (scope for module in self.modules for scope in module.classes())

    def attribute_reads(self, name: str, *, want: bool = True) -> list[Read]:
        """Return every read of an attribute called `name` (not its calls); without `want`, in files read already."""
        if want:
            self.want(name)
        return [read for module in self.modules_with("attribute_reads", name) for read in module.attribute_reads(name)]

    def resolve(self, dotted: str) -> Scope | None:
        """Return the definition of an absolute dotted name, through re-exports; None when it is not the program's."""
        if dotted not in self._resolved:
            self._resolved[dotted] = self._resolve(dotted)
        return self._resolved[dotted]

    def _resolve(self, dotted: str) -> Scope | None:
        asked = dotted
        for _ in range(8):
            parts = dotted.split(".")
            for cut in range(len(parts) - 1, 0, -1):
                module = self._by_name.get(".".join(parts[:cut]))
                if module is None:
                    continue
                scope = self._member(module, 0, parts[cut:])
                if isinstance(scope, str):
                    dotted = scope
                    break
                if scope is None and cut < len(parts) - 1:
                    self._unread[asked] = dotted  # a package that is read may hold a module that is not
                return scope
            else:
                self._unread[asked] = dotted
                return None
        return None

    def _member(self, module: Module, scope: int, names: list[str]) -> Scope | str | None:
        """Walk `names` down from `scope`: a definition, another dotted name to go on with, or None."""
        for index, name in enumerate(names):
            bindings = module.bindings(scope, name)
            if not bindings:
                starred = elsewhere.starred(self, module, name) if scope == 0 else None
                return ".".join([starred, *names[index + 1 :]]) if starred is not None else None
            if len(bindings) > 1 and any(set(each.nest) & set("Ite") or each.scope != scope for each in bindings):
                return None  # one of several, depending on what is there, or was called before, at run time
            last = bindings[-1]
            if last.kind == "import":
                rest = names[index + 1 :]
                target = module.import_target(Import(*module.facts["imports"][last.payload]))
                full = ".".join([target, *rest])
                return full if full != ".".join([module.name, *names]) else None
            if last.kind not in {"def", "class"}:
                return None
            scope = last.payload
        return module.scope(scope)

    def owner_of(self, dotted: str) -> tuple[Module, str] | None:
        """Return the module and the name in it that an absolute dotted name stands for, re-exports not followed."""
        module, _, name = dotted.rpartition(".")
        found = self._by_name.get(module)
        return (found, name) if found is not None else None

    def only_binding(self, module: Module, owner: int, name: str, *, patches: bool = True) -> Binding | None:
        """Return the one binding that a name of scope `owner` has in the whole program; None if it has more, or none.

        Args:
            module, owner, name: whose name it is.
            patches: whether what tests put in its place for a while counts as well.
        """
        bindings = module.bindings(owner, name)
        if len(bindings) != 1 or (owner == 0 and self.rebound(module, name, patches=patches) is not None):
            return None
        return bindings[0]

    def rebound(self, module: Module, name: str, *, patches: bool = True) -> str | None:
        """Return a place outside of `module` that gives its `name` another value; see `rebinding.rebound`."""
        key = (module.path, name, patches)
        if key not in self._rebound:
            place = rebinding.rebound(self, module, name, patches=patches)
            if self._holding:
                return place  # what other modules are as objects was not looked at
            self._rebound[key] = place
        return self._rebound[key]

    def held(self, module: Module) -> elsewhere.Held:
        """Return what is done with `module` where it is an object, passed on or fetched by its name."""
        if module.path not in self._held:
            if self._holding:
                return elsewhere.Held()  # a module inside a module that is an object is not looked for
            self._holding = True
            self._held[module.path] = elsewhere.held(self, module)
            self._holding = False
        return self._held[module.path]

    @cached_property
    def own_names(self) -> frozenset[str]:
        """Return the top-level names under which the program's own files are imported, read or not."""
        return naming.own_names(self.paths)

    def is_own(self, dotted: str) -> bool:
        """Tell whether the absolute dotted name starts with a module or package of the program."""
        return dotted.partition(".")[0] in self._roots

    def dotted(self, module: Module, scope: int, shape: Shape) -> str | None:
        """Return `Module.dotted`, with `self.method` and `cls.method` resolved to the class around them."""
        if shape[0] == "a" and shape[1][0] == "n" and shape[1][1] in {"self", "cls"}:
            owner = self.method_owner(module, scope)
            if owner is not None:
                method = self.find_method(owner, shape[2])
                return method and f"{method.module.name}.{method.module.symbol(method.number)}"
            return None
        return module.dotted(scope, shape)

    def method_owner(self, module: Module, scope: int) -> Scope | None:
        """Return the class whose method's body holds `scope`."""
        while scope > 0:
            kind, _, parent = module.facts["scopes"][scope][:3]
            if kind == "function" and module.facts["scopes"][parent][0] == "class":
                return module.scope(parent)
            scope = parent
        return None

    def find_method(self, owner: Scope, name: str, depth: int = 0) -> Scope | None:
        """Return the method that `owner` or its nearest base of the program defines as `name`."""
        for binding in reversed(owner.module.bindings(owner.number, name)):
            if binding.kind == "def":
                return owner.module.scope(binding.payload)
        if depth > 10:  # noqa: PLR2004 - deeper hierarchies are cyclic
            return None
        for base in owner.bases:
            dotted = owner.module.dotted(owner.parent, base)
            found = self.resolve(dotted) if dotted else None
            if found is not None and found.kind == "class":
                method = self.find_method(found, name, depth + 1)
                if method is not None:
                    return method
        return None

    def target_of(self, call: Call) -> tuple[Scope | None, bool]:
        """Return the function or class of the program that a call surely reaches, and whether the callee is known.

        `(None, True)` is a call that surely leaves the program; `(None, False)` one whose receiver is unknown, or that
        another place may have put something else for: not those that tests put in its place for a while.
        """
        key = id(call.module), call.index
        if key not in self._targets:
            self._targets[key] = self._target_of(call)
        target, known = self._targets[key]
        # While a module is followed as an object, the answer would rest on what is found out about it just now.
        if target is None or target.parent != 0 or self._holding:
            return target, known
        if key not in self._replaceable:
            self._replaceable[key] = self._may_be_another(call, target)
        return (None, False) if self._replaceable[key] else (target, known)

    def _may_be_another(self, call: Call, target: Scope) -> bool:
        """Tell whether a place outside gives the name of a module-level function, where it is or is called, another."""
        names = {(target.module.path, target.name)}
        function = call.function
        if function[0] == "n":
            found = call.module.lookup(call.scope, function[1])
            if found is not None and found[0] == 0:
                names.add((call.module.path, function[1]))
        elif function[0] == "a":
            owner = self.owner_of(self.dotted(call.module, call.scope, function) or "")
            if owner is not None:
                names.add((owner[0].path, owner[1]))
        return any(self.rebound(self._by_path[path], name, patches=False) is not None for path, name in names)

    def _target_of(self, call: Call) -> tuple[Scope | None, bool]:
        record = call.record
        dotted = self.dotted(call.module, record[2], record[3])
        if dotted is None:
            return None, False
        scope = self.resolve(dotted)
        if scope is not None:
            return scope, True
        if dotted.startswith("builtins."):
            return None, True
        return None, not self.is_own(dotted)

    def resolve_call(self, call: Call) -> tuple[Scope, ...] | None:
        """Return the functions and classes of the program that a call reaches, as a type checker sees it.

        A class stands for its constructor; overrides of a method in subclasses are not among what is reached. `()` is
        a call that leaves the program, None one that nobody can tell about, or not for sure.

        The checker runs, over the whole program, when this is first asked; ask where `target_of` cannot tell.

        Raises:
            HastenError: the checker is missing, or fails.
        """
        return self._resolver(self, call) if self._resolver is not None else None

    @cached_property
    def entry_points(self) -> frozenset[str]:
        """Return the dotted names that the project's metadata calls from outside: as written there, and as defined."""
        return entries.resolved(self, self._entries)

    def constructed(self, module: Module, scope: int, shape: Shape) -> str | None:
        """Return the dotted name of the call that made a value: `app.Store` for `s` after `s = app.Store()`.

        Looks at local and module-level names with one binding, and at attributes of `self` with one assignment in the
        program. None where there is any doubt.
        """
        if shape[0] == "c":
            call = module.call(shape[1])
            return self.dotted(module, call.scope, call.function)
        if shape[0] == "w":
            return self.constructed(module, scope, shape[1])
        if shape[0] == "n":
            found = module.lookup(scope, shape[1])
            binding = self.only_binding(module, found[0], shape[1]) if found is not None else None
            if binding is None or binding.kind not in {"assign", "with"} or binding.payload is None:
                return None
            value = binding.payload
            return self.constructed(module, binding.scope, value) if value[0] in {"c", "w"} else None
        if shape[0] == "a" and shape[1] == ["n", "self"]:
            stores = [each for each in module.facts["attribute_stores"].get(shape[2], ()) if each[0] == ["n", "self"]]
            if len(stores) == 1 and stores[0][1] is not None and stores[0][1][0] in {"c", "w"}:
                return self.constructed(module, stores[0][2], stores[0][1])
        return None

    def is_static(self, function: Scope) -> bool:
        """Tell whether a method is a `staticmethod`, and so takes no instance."""
        return any(each[-1] == "staticmethod" for each in function.decorators if each[0] in {"n", "a"})

    def derives(self, child: Scope, parent: Scope) -> bool:
        """Tell whether class `child` is, or derives from, class `parent`."""
        return (parent.module.path, parent.number) in self._lineage(child)

    def are_related(self, one: Scope, other: Scope) -> bool:
        """Tell whether an object may be an instance of both classes: some class is, or derives from, both."""
        if self.derives(one, other) or self.derives(other, one):
            return True
        return not self._below(one).isdisjoint(self._below(other))

    def heirs(self, owner: Scope) -> list[Scope]:
        """Return a class and all classes that derive from it, in the order of their places."""
        return [self._by_path[path].scope(number) for path, number in sorted(self._below(owner))]

    def ancestors(self, owner: Scope) -> list[Scope]:
        """Return the classes of the program that a class derives from, in the order of their places."""
        own = owner.module.path, owner.number
        return [self._by_path[path].scope(number) for path, number in sorted(self._lineage(owner) - {own})]

    def _below(self, owner: Scope) -> frozenset[tuple[str, int]]:
        if self._heirs is None:
            found: dict[tuple[str, int], set[tuple[str, int]]] = {}
            for each in self.classes():
                for ancestor in self._lineage(each):
                    found.setdefault(ancestor, set()).add((each.module.path, each.number))
            self._heirs = {each: frozenset(heirs) for each, heirs in found.items()}
        return self._heirs.get((owner.module.path, owner.number), frozenset())

    def _lineage(self, child: Scope) -> frozenset[tuple[str, int]]:
        """Return a class and all classes of the program that it derives from."""
        key = child.module.path, child.number
        known = self._lineages.get(key)
        if known is None:
            # What derives from itself, as two modules that are never imported together may say, ends here.
            self._lineages[key] = frozenset({key})
            found = {key}
            for base in child.bases:
                dotted = child.module.dotted(child.parent, base)
                parent = self.resolve(dotted) if dotted else None
                if parent is not None and parent.kind == "class":
                    found |= self._lineage(parent)
            known = self._lineages[key] = frozenset(found)
        return known

    def arguments_for(self, function: Scope, name: str) -> Iterator[tuple[Call, Shape]]:
        """Yield the calls that surely reach `function`, each with the shape of what it passes as parameter `name`."""
        return self._callers.arguments_for(function, name)

    def callers(self, function: Scope, *, near: bool = True) -> list[tuple[Call, bool]]:
        """Return the calls that reach `function`, or could, each with whether that is certain.

        Where the function makes instances, and `near` is not given, no more files are read for the classes below its
        own: there may be many, and each is made in many places.
        """
        return self._callers.callers(function, near=near)

    def constructions(self, method: Scope, *, near: bool = True) -> list[tuple[Call, bool]]:
        """Return the calls that make an instance with `method`, or could: of its class, and of those that inherit it.

        For `__init__`, those of `super().__init__` count as well. Certain are those whose arguments fill its parameters
        for sure.
        """
        return self._callers.constructions(method, near=near)

    def references(self, function: Scope) -> list[Read]:
        """Return the reads of `function` that are no calls: it is passed on, stored, or compared."""
        return self._callers.references(function)
