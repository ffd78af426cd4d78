"""What an object is: which class of the program, or from elsewhere, as far as assignments and annotations tell."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from typing import TypeAlias, TypeVar

from hasten import async_traits as traits
from hasten.async_given import given
from hasten.async_parametrized import given as parametrized
from hasten.async_results import given_by, given_by_getter, property_of
from hasten.async_served import KEPT, attribute, injected, served
from hasten.index.module import Binding, Call, Module, Scope, Shape, Use
from hasten.index.program import Program

#: What an object is: a class of the program, or the dotted name of one from elsewhere.
Kind: TypeAlias = "Scope | str"
AnswerT = TypeVar("AnswerT")

_FARTHEST = 8
#: How the kind of a module from elsewhere begins; its name follows.
_MODULE = "module "
#: In the place of a kind: the question is being asked already.
_CYCLE = "\0"
#: More than the number of any question on its way.
NOTHING = 1_000_000
_CONTAINERS = frozenset(
    {"list", "dict", "set", "frozenset", "deque", "defaultdict", "OrderedDict"}
    | {"List", "Dict", "Set", "FrozenSet", "Deque", "DefaultDict", "Sequence", "Iterable", "Mapping", "MutableMapping"}
)
_READING = frozenset({"get", "pop", "popitem", "popleft", "values", "items", "keys", "clear", "remove", "copy", "sort"})
_LOOKING = frozenset(
    {"len", "list", "sorted", "iter", "bool", "any", "all", "reversed", "enumerate", "isinstance", "str"}
)
#: Uses of a class after which objects of it may be made where it is not named.
_KEEPING = frozenset({"asg", "asgattr", "asgsub", "default", "elem", "ret", "yield"})
_PASSING = frozenset({"sub", "subdel", "iter", "cond", "cmp", "fmt", "expr", "del", "star"})
_WRAPPERS = frozenset({"Optional", "Annotated", "Final", "ClassVar", "Required", "NotRequired"})
#: Functions of the standard library that make objects of its own classes; any other function may hand out anything.
_FOREIGN_MAKERS = frozenset(
    {"builtins.open", "sqlite3.connect", "re.compile", "logging.getLogger", "io.open", "socket.create_connection"}
    | {"urllib.request.urlopen", "gzip.open", "bz2.open", "lzma.open", "codecs.open", "os.fdopen"}
)
_DISPLAYS = {
    "d": "builtins.dict",
    "l": "builtins.list",
    "t": "builtins.tuple",
    "s": "builtins.set",
    "f": "builtins.str",
}
_COMPREHENSIONS = {
    "DictComp": "builtins.dict",
    "ListComp": "builtins.list",
    "SetComp": "builtins.set",
    "GeneratorExp": "types.GeneratorType",
}


def closed_by(program: Program, call: Call) -> Shape | None:
    """Return what `contextlib.closing` is called with, None for any other call."""
    if call.arguments and program.dotted(call.module, call.scope, call.function) == "contextlib.closing":
        return call.arguments[0].shape
    return None


def key_of(scope: Scope) -> tuple[str, int]:
    """Return what tells one scope of a program from another, and sorts them by place."""
    return scope.module.path, scope.number


def owner_of(function: Scope) -> Scope | None:
    """Return the class that defines a method, None for any other function."""
    if function.parent < 0:
        return None
    owner = function.module.scope(function.parent)
    return owner if owner.kind == "class" else None


def method_of(owner: Scope, name: str) -> Scope | None:
    """Return the function that the body of class `owner` itself binds as `name`."""
    for binding in reversed(owner.module.bindings(owner.number, name)):
        if binding.kind == "def":
            return owner.module.scope(binding.payload)
    return None


class Kinds:
    """Answers for the values of one program."""

    def __init__(
        self,
        program: Program,
        functions: Callable[[Call], tuple[Scope, ...]],
        fixture: Callable[[Scope, str], Scope | None],
    ) -> None:
        """Take the program, what says which functions a call of a method reaches, and which fixture a parameter is."""
        self.program = program
        self.functions = functions
        self.fixture = fixture
        self._busy: dict[tuple[object, ...], int] = {}
        self.leans_on = NOTHING
        self._known: dict[tuple[object, ...], Kind | None] = {}
        self._stores: dict[str, list[tuple[Module, Shape, Shape | None, int, int]]] = {}
        self._storing: dict[str, list[Module]] | None = None
        #: Traits that were asked for and that a configuration may set, by the class that declares them.
        self.configured: dict[tuple[str, int], set[str]] = {}

    def is_misnamed(self, dotted: str | None) -> bool:
        """Tell whether a name from elsewhere may be the program's own after all.

        `import pkg.core` is not recognised where the root of the run is `pkg` itself: `core` is what it is called then.
        """
        parts = dotted.split(".") if dotted is not None else []
        return any(self.program.resolve(".".join(parts[cut:])) is not None for cut in range(1, len(parts) - 1))

    def class_around(self, module: Module, scope: int, shape: Shape) -> Scope | None:
        """Return the class for `self`, `cls`, `self.__class__` and `type(self)`, None for any other shape."""
        if shape[0] == "c":
            call = module.call(shape[1])
            shape = call.arguments[0].shape if call.function == ["n", "type"] and call.arguments else shape
        elif shape == ["a", ["n", "self"], "__class__"]:
            shape = shape[1]
        return self.program.method_owner(module, scope) if shape in (["n", "self"], ["n", "cls"]) else None

    def kind(self, module: Module, scope: int, shape: Shape) -> Kind | None:
        """Return what the value of `shape` is, None where there is any doubt."""
        kind = self._kind_or_cycle(module, scope, shape)
        return None if kind == _CYCLE else kind

    def _kind_or_cycle(self, module: Module, scope: int, shape: Shape) -> Kind | None:
        return self._once(("kind", module.path, scope, repr(shape)), lambda: self._kind(module, scope, shape))

    def _once(self, key: tuple[object, ...], find: Callable[[], Kind | None]) -> Kind | None:
        """Return what `find` does; None where it is too far away, `_CYCLE` where the question is part of itself."""
        if key in self._known:
            return self._known[key]
        if key in self._busy:
            self.leans_on = min(self.leans_on, self._busy[key])
            return _CYCLE
        depth = len(self._busy)
        if depth > _FARTHEST:
            self.leans_on = 0  # nearer to the question that is asked first it would be found
            return None
        self._busy[key] = depth
        try:
            found, leans_on = self.alone(find)
        finally:
            del self._busy[key]
        if leans_on >= depth:
            self._known[key] = found
        else:
            self.leans_on = min(self.leans_on, leans_on)
        return found

    def alone(self, find: Callable[[], AnswerT]) -> tuple[AnswerT, int]:
        """Return what `find` does, and the outermost question on its way that the answer leans on, by its number.

        An answer that leans on one is part of that one's, and another when it is asked for by itself: it was cut short.
        """
        before, self.leans_on = self.leans_on, NOTHING
        try:
            return find(), self.leans_on
        finally:
            self.leans_on = before

    def _kind(self, module: Module, scope: int, shape: Shape) -> Kind | None:
        match shape[0]:
            case "w" | "i" | "?" | "b" | "k" | "d" | "l" | "t" | "s" | "f" | "g":
                return self._kind_of_value(module, scope, shape)
            case "c" | "n" | "a" if (around := self.class_around(module, scope, shape)) is not None:
                return around
            case "c":
                return self._made_by(module.call(shape[1]))
            case "n":
                return self._variable(module, scope, shape[1])
            case "made":
                return str(shape[1])
            case "a":
                owner = self.kind(module, scope, shape[1])
                if isinstance(owner, Scope):
                    return self._agreed(self._attribute(owner, shape[2]))
                if owner == KEPT:
                    return self._agreed(self._kept(shape[2]))
                known = attribute(self.program, owner, shape[2]) if owner is not None else None
                if known is not None:
                    return known
                dotted = module.dotted(scope, shape)
                home = self.program.owner_of(dotted) if dotted is not None else None
                return self._variable(home[0], 0, home[1]) if home is not None else None
            case _:
                return None

    def _kind_of_value(self, module: Module, scope: int, shape: Shape) -> Kind | None:
        match shape[0]:
            case "w":
                return self.kind(module, scope, shape[1])
            case "i":
                return self.element(module, scope, shape[1])
            case "?" | "b":
                return self._agreed((module, scope, each) for each in shape[1])
            case "k":
                return f"builtins.{shape[1]}"
            case "g":
                return _COMPREHENSIONS[shape[1]]
            case kind:
                return _DISPLAYS[kind]

    def _agreed(self, values: Iterator[tuple[Module, int, Shape | None]] | None) -> Kind | None:
        """Return what all `values` are, those that are None left out; None where they differ or one is unknown."""
        found: dict[object, Kind] = {}
        cyclic = False
        for module, scope, shape in values or ():
            if shape is not None and shape[:2] == ["k", "NoneType"]:
                continue
            if shape is not None and shape[0] == "@":
                kind = self.annotated(module, scope, shape[1])
            else:
                kind = self._kind_or_cycle(module, scope, shape) if shape is not None else None
            if kind == _CYCLE:
                cyclic = True
                continue  # `values = super().encode(values)`: it adds nothing to what the others say
            if kind is None:
                return None
            found[kind if isinstance(kind, str) else key_of(kind)] = kind
        if cyclic and not found:
            return _CYCLE  # nor does this add anything to the question of which it is part
        if len(found) > 1:
            return self._common(list(found.values()))
        return next(iter(found.values()), None)

    def _common(self, kinds: list[Kind]) -> Scope | None:
        """Return the nearest class of the program that all of several derive from, None where there is none."""
        classes = [each for each in kinds if isinstance(each, Scope)]
        if len(classes) < len(kinds):
            return None
        shared = [
            each
            for each in (classes[0], *self.program.ancestors(classes[0]))
            if all(self.program.derives(other, each) for other in classes)
        ]
        return next((each for each in shared if all(self.program.derives(each, other) for other in shared)), None)

    # --- where values come from -----------------------------------------------------------------------------------

    def _made_by(self, call: Call) -> Kind | None:
        """Return what a call returns."""
        dotted = self.program.dotted(call.module, call.scope, call.function)
        if dotted is None and call.function[0] == "a":
            if call.function[2] in {"get", "pop", "setdefault", "popleft"}:
                return self.element(call.module, call.scope, call.function[1])
            found = self.functions(call)
            target = found[0] if len(found) == 1 else None
            base = self.kind(call.module, call.scope, call.function[1]) if target is None else None
            known = given_by(base, call)
            if known is not None:
                return known
            if isinstance(base, str) and base.startswith(_MODULE):
                dotted = f"{base.removeprefix(_MODULE)}.{call.function[2]}"
        elif call.function == ["n", "cls"]:
            return self.program.method_owner(call.module, call.scope)
        else:
            target = self.program.resolve(dotted) if dotted is not None else None
        if target is None:
            return self._foreign(dotted)
        if target.kind == "class":
            # `__new__` may give anything.
            return target if self.program.find_method(target, "__new__") is None else None
        if target.is_generator:
            return None
        if target.returns is not None:
            return self.annotated(target.module, target.parent, target.returns)
        return self._agreed((target.module, target.number, each) for each in target.returned)

    def _foreign(self, dotted: str | None) -> str | None:
        """Return the name of a class from elsewhere, when a call of `dotted` makes an instance of it."""
        if dotted is None or self.program.is_own(dotted):
            return None
        tail = dotted.rpartition(".")[2]
        if dotted.startswith("builtins."):
            made = isinstance(getattr(builtins, tail, None), type)
            return dotted if made or dotted in _FOREIGN_MAKERS else None
        # A function from elsewhere may hand out an object of the program (`copy.copy(store)`), and so may a proxy.
        is_class = tail[:1].isupper() and "Proxy" not in tail and not self.is_misnamed(dotted)
        return dotted if is_class or dotted in _FOREIGN_MAKERS else None

    def _variable(self, module: Module, scope: int, name: str) -> Kind | None:
        found = module.lookup(scope, name)
        if found is None:
            return None
        owner, bindings = found
        kinds = {each.kind for each in bindings}
        if kinds == {"import"}:
            dotted = module.dotted(scope, ["n", name])
            home = self.program.owner_of(dotted) if dotted is not None else None
            if home is not None:
                return self._variable(home[0], 0, home[1]) if home != (module, name) else None
            whole = all(module.imports()[each.payload].level == 0 for each in bindings)
            foreign = whole and dotted is not None and not self.program.is_own(dotted) and not self.is_misnamed(dotted)
            return f"{_MODULE}{dotted}" if foreign else None
        if "param" in kinds and kinds <= {"param", "assign"}:
            function = module.scope(owner)
            assigned = [(module, owner, each.payload) for each in bindings if each.kind == "assign"]
            return self._agreed(iter([*self._parameter(function, name), *assigned]))
        if kinds == {"for"} and len(bindings) == 1:
            return self._iterated(module, owner, bindings[0].payload)
        declared = next((each.payload for each in bindings if each.kind == "declared"), None)
        if declared is not None:
            return self.annotated(module, owner, declared)
        if kinds <= {"assign", "with"}:
            entered = [each for each in bindings if each.kind == "with"]
            if not all(self._gives_itself(module, each) for each in entered):
                return None
            given = [(owner, self._entered(module, each)) for each in bindings]
            elsewhere = self._rebound(module, owner, name)
            if elsewhere is None:
                return None
            return self._agreed((module, scope, shape) for scope, shape in [*given, *elsewhere])
        return None

    def _gives_itself(self, module: Module, binding: Binding) -> bool:
        """Tell whether what a `with` binds is what it enters, as far as that is an object of the program's."""
        if binding.payload is None:
            return False
        kind = self.kind(module, binding.scope, binding.payload)
        if not isinstance(kind, Scope):
            return True  # `closing(store)` gives what it is given
        for name in ("__enter__", "__aenter__"):
            method = self.program.find_method(kind, name)
            if method is not None:
                return bool(method.returned) and all(each == ["n", "self"] for each in method.returned)
        return True

    def _entered(self, module: Module, binding: Binding) -> Shape | None:
        """Return what a binding gives a name: `with closing(store) as s:` gives it the store."""
        shape: Shape | None = binding.payload
        if binding.kind == "with" and shape is not None and shape[0] == "c":
            return closed_by(self.program, module.call(shape[1])) or shape
        return shape

    def _parameter(self, function: Scope, name: str) -> Iterator[tuple[Module, int, Shape | None]]:
        """Yield what a parameter is given by its annotation, or by the calls of its function; None for the unknown."""
        module = function.module
        parameter = next((each for each in function.parameters if each[0] == name), None)
        if parameter is None:
            yield module, function.number, None
        elif parameter[1] in {"*", "**"}:
            yield module, function.number, ["t", []] if parameter[1] == "*" else ["d", []]
        elif parameter[2] is not None:
            yield module, function.parent, ["@", parameter[2]]
        elif (examples := given(function, name)) is not None:
            yield from ((module, scope, shape) for scope, shape in examples)
        elif (named := injected(self.program, function, parameter[3])) is not None:
            yield module, function.parent, ["@", named]
        elif (kind := served(self.program, function, name)) is not None:
            yield module, function.number, ["made", kind]
            if self.program.callers(function, near=False):
                yield from self._passed(function, name, parameter[3], handed=True)
        else:
            yield from self._passed(function, name, parameter[3])

    def _passed(
        self, function: Scope, name: str, default: Shape | None, *, handed: bool = False
    ) -> Iterator[tuple[Module, int, Shape | None]]:
        """Yield what the calls of a function pass as a parameter; None where not every call can be seen.

        That the function is `handed` to somebody is none of it, where what that one passes is known.
        """
        owner = owner_of(function)
        plain = [each[0] for each in function.parameters if each[1] in {"plain", "posonly"}]
        bound = int(owner is not None and not self.program.is_static(function))
        special = function.name.startswith("__") and function.name != "__init__"
        fixture = self.fixture(function, name) if function.kind == "function" else None
        by_decorator = parametrized(self.program, function, name) if function.kind == "function" else None
        # Who calls it, or gets it as a value, may give it something else.
        alone = not (self.program.callers(function, near=False) or self.program.references(function))
        if by_decorator is not None and alone:
            yield from by_decorator
            return
        if fixture is not None and alone:
            values = fixture.module.yielded(fixture.number) if fixture.is_generator else fixture.returned
            for value in values or [None]:
                yield fixture.module, fixture.number, value
            return
        unseen = function.kind != "function" or function.decorators or special or (bound and plain[:1] == [name])
        calls = [] if unseen else self.program.callers(function, near=False)
        made = owner if function.name == "__init__" else None
        if not calls or (not handed and (self.program.references(function) if made is None else self._is_kept(made))):
            yield function.module, function.number, None
            return
        position = plain.index(name) - bound if name in plain else -1
        for call, certain in calls:
            if not certain and not self._may_reach(call, function):
                continue
            starred = any(each.keyword in {"*", "**"} for each in call.arguments)
            found = call.argument(position if position >= 0 else len(call.arguments), name)
            shape = found.shape if found is not None else default
            yield call.module, call.scope, None if starred else shape

    def _is_kept(self, owner: Scope) -> bool:
        """Tell whether a class gets to where objects of it may be made without naming it."""
        uses = [
            use
            for read in self.program.references(owner)
            for use in (read.use[1] if read.use[0] == "multi" else [read.use])
        ]
        return any(use[0] in _KEEPING for use in uses)

    def _may_reach(self, call: Call, function: Scope) -> bool:
        """Tell whether a call that seems to be one of `function` may be that, or reach it as an override."""
        reached, owner = self.functions(call), owner_of(function)
        owners = [each for each in map(owner_of, reached) if each is not None]
        return (
            not reached
            or key_of(function) in map(key_of, reached)
            or (owner is not None and any(self.program.derives(owner, each) for each in owners))
        )

    def _rebound(self, module: Module, owner: int, name: str) -> list[tuple[int, Shape | None]] | None:
        """Return what functions give a variable of an outer scope through `global`; None where that cannot be told."""
        found: list[tuple[int, Shape | None]] = []
        for scope, table in enumerate(module.facts["binds"]):
            kinds = {each[0] for each in table.get(name, ())} if scope != owner else set()
            if "nonlocal" in kinds:
                return None
            if owner == 0 and "global" in kinds:
                found += [(scope, each[1]) for each in table[name] if each[0] != "global"]
        if owner == 0:
            home = module.name.rpartition(".")[2]
            if any(base[0] in {"n", "a"} and base[-1] == home for _, base, *_ in self.stores(name)):
                return None  # app.store = Other()
        return found

    def _iterated(self, module: Module, scope: int, shape: Shape | None) -> Kind | None:
        if shape is None:
            return None
        if shape[0] == "c":
            call = module.call(shape[1])
            if call.function[0] == "a" and call.function[2] == "values":
                return self.element(module, scope, call.function[1])
            if call.function in (["n", "list"], ["n", "sorted"], ["n", "reversed"]) and call.arguments:
                return self._iterated(module, scope, call.arguments[0].shape)
            return None
        return self.element(module, scope, shape) if self.kind(module, scope, shape) != "builtins.dict" else None

    def _attribute(self, owner: Scope, name: str) -> Iterator[tuple[Module, int, Shape | None]]:
        """Yield what an attribute of the class is given, in the bodies of the class and its relatives and elsewhere."""
        own = list(self._with_bases(owner))
        known = set(map(key_of, own))
        # An object of a class below may have what its own class gives all its objects.
        below = (each for each in self.program.heirs(owner) if key_of(each) not in known)
        for each in (*own, *below):
            for binding in each.module.bindings(each.number, name):
                shape = binding.payload if binding.kind == "assign" else None
                held = self._held_by_trait(each, name, shape)
                if binding.kind == "def" and property_of(getter := each.module.scope(binding.payload)):
                    yield from given_by_getter(getter)
                elif held is not None:
                    yield from held
                else:
                    yield each.module, each.number, ["@", binding.payload] if binding.kind == "declared" else shape
        for module, base, value, scope, _start in self.stores(name):
            if self._may_be_of(module, scope, base, owner):
                yield module, scope, value

    def _held_by_trait(self, owner: Scope, name: str, shape: Shape | None) -> list[traits.Value] | None:
        """Return what a trait that a class body assigns to a name may hold; None where it is no trait."""
        held = traits.held(self.program, owner, name, shape) if shape is not None and shape[0] == "c" else None
        if held is not None and traits.is_configured(owner, shape):
            self.configured.setdefault(key_of(owner), set()).add(name)
        return held

    def _kept(self, name: str) -> Iterator[tuple[Module, int, Shape | None]]:
        """Yield what an attribute of what applications keep is given: `app.state.store = Store()`."""
        for module, base, value, scope, _start in self.stores(name):
            kind = self.kind(module, scope, base)
            if kind == KEPT or kind is None:
                yield module, scope, value

    def stores(self, name: str) -> list[tuple[Module, Shape, Shape | None, int, int]]:
        """Return every assignment to an attribute called `name`: module, base, value, scope and place."""
        if name not in self._stores:
            if self._storing is None:
                self._storing = {}
                for module in self.program.modules:
                    for each in module.facts["attribute_stores"]:
                        self._storing.setdefault(each, []).append(module)
            self._stores[name] = [
                (module, base, value, scope, start)
                for module in self._storing.get(name, ())
                for base, value, scope, start in module.facts["attribute_stores"].get(name, ())
            ]
        return self._stores[name]

    def _may_be_of(self, module: Module, scope: int, base: Shape, owner: Scope) -> bool:
        """Tell whether `base` may be an instance of class `owner`, or of one that is related to it."""
        around = self.class_around(module, scope, base)
        if around is None:
            kind = self.kind(module, scope, base)
            if not isinstance(kind, Scope):
                return kind is None
            around = kind
        return self.program.derives(around, owner) or self.program.derives(owner, around)

    def _with_bases(self, owner: Scope, depth: int = 0) -> Iterator[Scope]:
        yield owner
        for base in owner.bases if depth < _FARTHEST else ():
            found = self.class_named(owner.module, owner.parent, base)
            if found is not None:
                yield from self._with_bases(found, depth + 1)

    def element(self, module: Module, scope: int, shape: Shape) -> Kind | None:
        """Return what the values of a dictionary or the items of a list are, None where there is any doubt."""
        key = ("element", module.path, scope, repr(shape))
        kind = self._once(key, lambda: self._agreed(self._elements(module, scope, shape)))
        return None if kind == _CYCLE else kind

    def _elements(self, module: Module, scope: int, shape: Shape) -> Iterator[tuple[Module, int, Shape | None]]:
        """Yield what is put into a container, wherever it can be seen; None for what cannot."""
        if shape[0] == "a" and (owner := self.class_around(module, scope, shape[1])) is not None:
            for home, place, value in list(self._attribute(owner, shape[2])):
                yield from self._items(home, place, value)
            for other in self.program.modules:
                yield from self._put_into(other, shape[2], owner)
        elif shape[0] == "n" and (found := module.lookup(scope, shape[1])) is not None:
            for each in found[1]:
                known = each.kind in {"assign", "declared"}
                value = ["@", each.payload] if each.kind == "declared" else each.payload
                yield from self._items(module, found[0], value if known else None)
            if found[0] == 0 and self._is_shared(module, shape[1]):
                yield module, scope, None
            for read in module.reads(found[0], shape[1]):
                yield from self._done_to(module, read.scope, read.use, shape)
        else:
            yield from self._items(module, scope, shape)

    def _is_shared(self, module: Module, name: str) -> bool:
        """Tell whether other modules get at a variable of `module`."""
        self.program.want(name)
        return any(
            other is not module
            and (
                any(self.program.owner_of(other.import_target(each)) == (module, name) for each in other.imports())
                or name in other.facts["attribute_reads"]
            )
            for other in self.program.modules
        )

    def _items(self, module: Module, scope: int, value: Shape | None) -> Iterator[tuple[Module, int, Shape | None]]:
        match value:
            case ["d", pairs]:
                yield from ((module, scope, each[1] if each[0] is not None else None) for each in pairs)
            case ["l" | "t" | "s", items]:
                yield from ((module, scope, each) for each in items)
            case ["g", kind, element] if kind != "GeneratorExp":
                item = element[1][1] if kind == "DictComp" else element
                yield module, scope, item if item[0] == "c" else None  # anything else belongs to the inner scope
            case ["c", number] if not module.call(number).arguments and module.call(number).tail in _CONTAINERS:
                return
            case ["@", ["i", base, index]] if str(base[-1]) in _CONTAINERS:
                yield module, scope, ["@", index[1][-1] if index[0] == "t" else index]
            case _:
                yield module, scope, None

    def _put_into(self, module: Module, name: str, owner: Scope) -> Iterator[tuple[Module, int, Shape | None]]:
        """Yield what `module` puts into the attribute `name` of instances of `owner`."""
        for base, use, scope, _start, _end in module.facts["attribute_reads"].get(name, ()):
            if self._may_be_of(module, scope, base, owner):
                yield from self._done_to(module, scope, use, ["a", base, name])

    def _done_to(
        self, module: Module, scope: int, use: Use, container: Shape
    ) -> Iterator[tuple[Module, int, Shape | None]]:
        """Yield what one use of a container puts into it; None where the container is handed on."""
        match use:
            case ["dest"]:  # container[key] = value
                for base, _key, value, place in module.facts["item_stores"]:
                    if base == container and place == scope:
                        yield module, scope, value
            case ["meth", name, number]:
                if name in {"append", "add", "insert", "setdefault", "appendleft"}:
                    arguments = module.call(number).arguments
                    yield module, scope, arguments[-1].shape if arguments else None
                elif name not in _READING:
                    yield module, scope, None
            case ["arg", number, _]:
                taker = module.call(number)
                if taker.function[0] != "n" or taker.tail not in _LOOKING:
                    yield module, scope, None
            case [kind, *_] if kind not in _PASSING:
                yield module, scope, None

    # --- annotations ----------------------------------------------------------------------------------------------

    def annotated(self, module: Module, scope: int, shape: Shape) -> Kind | None:
        """Return the class that an annotation names, `None` beside it left out."""
        match shape:
            case ["k", "str", str() as text]:
                return self._written(module, scope, text)
            case ["o", "BitOr", left, right]:
                sides = [each for each in (left, right) if each[:2] != ["k", "NoneType"]]
                return self.annotated(module, scope, sides[0]) if len(sides) == 1 else None
            case ["i", base, index] if str(base[-1]) in _WRAPPERS:
                return self.annotated(module, scope, index[1][0] if index[0] == "t" else index)
            case ["i", base, index] if str(base[-1]) == "Union":
                sides = [each for each in (index[1] if index[0] == "t" else [index]) if each[:2] != ["k", "NoneType"]]
                return self.annotated(module, scope, sides[0]) if len(sides) == 1 else None
            case ["i", base, _]:
                return self.annotated(module, scope, base)
            case ["n" | "a", *_]:
                named = self.class_named(module, scope, shape)
                if named is not None:
                    return named
                dotted = module.dotted(scope, shape)
                return self._foreign(dotted) if dotted not in {"typing.Any", "builtins.object", "typing.Self"} else None
            case _:
                return None

    def _written(self, module: Module, scope: int, text: str) -> Kind | None:
        """Return the class that an annotation in quotes names, when it is a plain dotted name."""
        names = text.strip().removesuffix("| None").strip().split(".")
        if not all(each.isidentifier() for each in names):
            return None
        shape: Shape = ["n", names[0]]
        for each in names[1:]:
            shape = ["a", shape, each]
        return self.annotated(module, scope, shape)

    def class_named(self, module: Module, scope: int, shape: Shape) -> Scope | None:
        """Return the class of the program that a dotted name, subscripted or not, stands for."""
        if shape[0] == "i":
            shape = shape[1]
        dotted = module.dotted(scope, shape) if shape[0] in {"n", "a"} else None
        found = self.program.resolve(dotted) if dotted is not None else None
        return found if found is not None and found.kind == "class" else None
