"""Questions about a whole program, answered from the facts of its modules.

A `Program` holds the facts of the files that were worth reading so far. A question that another file could bear on
(who calls `to_text`? who reads `.payload`?) is answered from what is there, and its word is noted in `wanted`: the
engine then reads the files that hold the word and asks again, until nothing more is wanted. So a run reads the files
that matter, and the answers do not depend on which were read first.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias, TypeVar

from hasten.index import elsewhere, entries, naming, rebinding
from hasten.index.module import Binding, Call, Import, Module, Read, Scope, Shape

ValueT = TypeVar("ValueT")
#: Method names that built-in types share.
_COMMON = frozenset(
    name
    for kind in (dict, list, set, str, bytes, tuple, io.StringIO, io.BytesIO)
    for name in dir(kind)
    if not name.startswith("_")
)


#: Methods that run when an instance is made; dataclasses and attrs call the last two.
_AT_BIRTH = frozenset({"__init__", "__new__", "__post_init__", "__attrs_post_init__"})


def _is_common(name: str) -> bool:
    """Tell whether a method is called everywhere on other things, or by operators that do not name it."""
    return name in _COMMON or (name.startswith("__") and name.endswith("__") and name != "__init__")


class Want(NamedTuple):
    """A reason to read a file: see `Program.want`."""

    word: str
    called: bool
    beside: frozenset[str]
    stored: bool = False
    imported: bool = False
    read: bool = False
    pattern: bool = False
    module: bool = False


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
        """
        self.modules = sorted(modules, key=lambda each: each.path)
        self.targets = targets
        self.paths = paths
        self.data = data
        self.watched = watched
        self.lone = lone
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
        self._importers: dict[str, list[tuple[Module, Import]]] | None = None
        self._callers: dict[tuple[str, int, bool], list[tuple[Call, bool]]] = {}
        self._references: dict[tuple[str, int], list[Read]] = {}
        self._held: dict[str, elsewhere.Held] = {}
        self._holding = False
        self._remembered: dict[str, Any] = {}
        self._rebound: dict[tuple[str, str, bool], str | None] = {}
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

    def want(
        self,
        word: str,
        *,
        called: bool = False,
        stored: bool = False,
        imported: bool = False,
        read: bool = False,
        beside: frozenset[str] = frozenset(),
    ) -> None:
        """Note that a file bears on the answer if it holds an identifier.

        Args:
            word: the identifier.
            called: only where it is called.
            stored: only where an attribute of that name may be assigned to, or its name stands in a string.
            imported: only where it may be imported by a name of its own.
            read: only where an attribute of that name may be read and not called, or its name stands in a string.
            beside: only where the file holds one of these as well, such as the name of the module to import from.
        """
        self.wanted.add(Want(word, called, beside, stored, imported, read))

    def want_like(self, *patterns: str) -> None:
        """Note that a file bears on the answer if one of these regular expressions matches in its bytes."""
        self.wanted.update(Want(each, called=False, beside=frozenset(), pattern=True) for each in patterns)

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
            self.wanted.add(Want(unread, called=False, beside=frozenset(), module=True))

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
            self.want(name, called=True, beside=beside)
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

    def arguments_for(self, function: Scope, name: str) -> Iterator[tuple[Call, Shape]]:
        """Yield the calls that surely reach `function`, each with the shape of what it passes as parameter `name`."""
        plain = [each[0] for each in function.parameters if each[1] in {"plain", "posonly"}]
        owner = function.module.scope(function.parent) if function.parent >= 0 else None
        for call, certain in self.callers(function, near=False):
            if not certain:
                continue
            method = owner is not None and owner.kind == "class"
            bound = 1 if method and not self.is_static(function) else 0
            position = plain.index(name) - bound if name in plain else -1
            argument = call.argument(position, name) if position >= 0 else call.argument(len(call.arguments), name)
            if argument is not None:
                yield call, argument.shape

    def is_static(self, function: Scope) -> bool:
        """Tell whether a method is a `staticmethod`, and so takes no instance."""
        return any(each[-1] == "staticmethod" for each in function.decorators if each[0] in {"n", "a"})

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
        want = want and not (is_method and _is_common(name))
        beside = self._homes(function) if want and not is_method else frozenset()
        for call in self.calls_named(name, want=want, beside=beside):
            target, known = self.target_of(call)
            if target is not None:
                if _same(target, function):
                    result.append((call, True))
                elif is_method and call.function[0] == "a" and self._related(target, function):
                    result.append((call, False))
            elif not known and (is_method or call.function[0] == "n" or self._could_be(call, function)):
                result.append((call, False))
        if not is_method and function.parent == 0:
            result += [(call, False) for call in self._through_objects(function, {each for each, _ in result})]
        for alias in sorted(self.aliases(function)):
            result += [(call, True) for call in self.calls_named(alias) if _same(self.target_of(call)[0], function)]
        return result

    def _through_objects(self, function: Scope, known: set[Call]) -> list[Call]:
        """Return the calls, other than `known`, of a module-level function through its module as an object."""
        held = self.held(function.module)
        found = [each for each in held.calls.get(function.name, ()) if each not in known]
        if held.lost is not None and not _is_common(function.name):
            found += [
                call
                for call in self.calls_named(function.name)
                if call not in known
                and call not in found
                and call.function[0] == "a"
                and call.function[1] not in (["n", "self"], ["n", "cls"])
                and self.target_of(call) == (None, False)
                and self.constructed(call.module, call.scope, call.function[1]) is None
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
        for call in self.calls_named("cls", want=False):
            around = self.method_owner(call.module, call.scope) if call.function[0] == "n" else None
            if around is not None and any(_same(around, heir) for heir in heirs):
                result.append((call, fills))
        for call in self.calls_named(name, want=False):
            around = self.method_owner(call.module, call.scope) if _of_super(call) else None
            if around is not None and _same(self._above(around, name), method):
                result.append((call, True))
            elif around is None and _same(self.target_of(call)[0], method):
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
                self.want(owner.name, beside=self._homes(owner))
            if _same(self.find_method(owner, method.name), method):
                yield owner
                pending += self._children.get(key, ())

    @cached_property
    def _children(self) -> dict[tuple[str, int], list[Scope]]:
        """Return the classes that name a class among their bases, by that class."""
        found: dict[tuple[str, int], list[Scope]] = {}
        for child in self.classes():
            for base in child.bases:
                dotted = child.module.dotted(child.parent, base[1] if base[0] == "i" else base)
                parent = self.resolve(dotted) if dotted else None
                if parent is not None and parent.kind == "class":
                    found.setdefault((parent.module.path, parent.number), []).append(child)
        return found

    def _above(self, owner: Scope, name: str) -> Scope | None:
        """Return the method that `super().name` stands for in a method of `owner`."""
        for base in owner.bases:
            dotted = owner.module.dotted(owner.parent, base[1] if base[0] == "i" else base)
            found = self.resolve(dotted) if dotted else None
            method = self.find_method(found, name) if found is not None and found.kind == "class" else None
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
        self.want(function.name, beside=frozenset({home}))
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
        """Tell whether two methods of one name may stand for each other through inheritance."""
        first, second = one.module.scope(one.parent), other.module.scope(other.parent)
        return (
            first.kind == "class"
            and second.kind == "class"
            and (self.derives(first, second) or self.derives(second, first))
        )

    def derives(self, child: Scope, parent: Scope, depth: int = 0) -> bool:
        """Tell whether class `child` is, or derives from, class `parent`."""
        if _same(child, parent):
            return True
        if depth > 10:  # noqa: PLR2004 - deeper hierarchies are cyclic
            return False
        for base in child.bases:
            dotted = child.module.dotted(child.parent, base)
            found = self.resolve(dotted) if dotted else None
            if found is not None and found.kind == "class" and self.derives(found, parent, depth + 1):
                return True
        return False

    def aliases(self, function: Scope) -> set[str]:
        """Return the other names under which modules of the program import `function`."""
        names = {imported.asname for _, imported in self._imports_of(function)}
        return {each for each in names if each is not None and each != function.name}

    def _imports_of(self, function: Scope) -> list[tuple[Module, Import]]:
        """Return the `from` imports, at whatever depth, that bind a module-level function or class."""
        if self._importers is None:
            self._importers = {}
            for module in self.modules:
                for imported in module.imports():
                    if imported.level:
                        self._importers.setdefault(imported.name, []).append((module, imported))
        return [
            (module, imported)
            for module, imported in self._importers.get(function.name, ())
            if _same(self.resolve(module.import_target(imported)), function)
        ]

    def _star_importers(self, function: Scope) -> list[Module]:
        """Return the modules that have a module-level function by a star import."""
        holders = [function.module, *(module for module, imported in self._imports_of(function) if not imported.scope)]
        return [each for holder in holders for each in elsewhere.star_importers(self, holder)]

    def references(self, function: Scope) -> list[Read]:
        """Return the reads of `function` that are no calls: it is passed on, stored, or compared."""
        key = (function.module.path, function.number)
        if key not in self._references:
            self._references[key] = self._find_references(function)
        return self._references[key]

    def _find_references(self, function: Scope) -> list[Read]:
        name = function.name
        if not _is_common(name):
            self.want(name, read=function.parent > 0)
        result = list(self.attribute_reads(name, want=False))
        names = {(function.module.path, name)}
        names |= {(module.path, imported.asname or name) for module, imported in self._imports_of(function)}
        names |= {(module.path, name) for module in self._star_importers(function)}
        for path, alias in sorted(names):
            module = self.module(path)
            for read in module.reads_of(alias):
                dotted = module.dotted(read.scope, ["n", alias]) if read.use[0] != "call" else None
                if dotted and _same(self.resolve(dotted), function):
                    result.append(read)
        return result


def _of_super(call: Call) -> bool:
    """Tell whether a call is of a method of `super()`."""
    match call.function:
        case ["a", ["c", int() as index], _]:
            return call.module.call(index).function == ["n", "super"]
        case _:
            return False


def _same(one: Scope | None, other: Scope) -> bool:
    """Tell whether two scopes are one."""
    return one is not None and one.module is other.module and one.number == other.number
