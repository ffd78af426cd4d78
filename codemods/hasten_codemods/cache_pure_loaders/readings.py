"""What a function reads and assigns to, and whose that is: its own, its arguments', or what others have, too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from sys import stdlib_module_names
from typing import TYPE_CHECKING, Any

from hasten.api import Call, Module, Scope
from hasten_codemods.cache_pure_loaders import instances, tables
from hasten_codemods.cache_pure_loaders.words import is_immutable
from hasten_codemods.cache_pure_loaders.world import CHANGING, WORLD, known_by

if TYPE_CHECKING:
    from hasten_codemods.cache_pure_loaders.purity import Purity

Shape = list[Any]

_DEEPEST = 10
#: What a module is called on the inside.
_OWN = frozenset({"__file__", "__name__", "__package__", "__doc__", "__spec__"})
#: Third parties whose names in capitals are classes and constants.
_KNOWN = frozenset({"yaml", "tomli", "orjson", "packaging", "simplejson", "ujson", "toml", "typing_extensions"})
_SUBMODULES = frozenset({"os.path", "urllib.parse", "xml.etree", "importlib.resources", "importlib.metadata"})
#: They give what they are given.
_HANDING_ON = frozenset({"typing.cast", "typing_extensions.cast", "functools.reduce"})
_CHANGING_NOTHING = frozenset({"staticmethod", "override", "final"})
#: Kinds of values whose attributes are as constant as they are.
_PLAIN = frozenset(
    {"str", "path", "match", "version", "moment", "element", "object", "member", "number", "parts", "file", "pattern"}
    | {"record", "code", "json", "dict", "list"}
)


#: Kinds of values that classes of the program make.
_OWN_KINDS = frozenset({"record", "member"})


@dataclass(frozen=True, slots=True)
class Stain:
    """The first thing about a function that is not pure.

    Attributes:
        code: of the refusal.
        message: what it is, with its place.
    """

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class FileRead:
    """A place that reads a file, or asks whether there is one.

    Attributes:
        call: what reads.
        path: the path, as it is written there; None where it belongs to an installed package.
        chain: the calls that lead there, the outermost first.
    """

    call: Call
    path: Shape | None
    chain: tuple[Call, ...] = ()

    @property
    def place(self) -> str:
        """Return `path:line`."""
        return place_of(self.call.module, self.call.span.start)


@dataclass(frozen=True, slots=True)
class Effects:
    """What a function does, with all that it calls.

    Attributes:
        stain: why it is not pure, None if it is.
        reads: the files that it reads.
        names: the names of modules that it uses, as path of the module and name.
        foreign: the dotted names of functions from elsewhere that it calls, and of methods, `.read_text`.
        costly: a place that takes long, None where all of it is done in no time.
        attributes: those of its object that it reads, for a method.
    """

    stain: Stain | None
    reads: tuple[FileRead, ...] = ()
    names: frozenset[tuple[str, str]] = frozenset()
    foreign: frozenset[str] = frozenset()
    costly: Call | None = None
    attributes: frozenset[str] = frozenset()


def place_of(module: Module, offset: int) -> str:
    """Return `path:line`."""
    return f"{module.path}:{module.position(offset).line}"


class Readings:
    """The look at what one function reads and assigns to."""

    def __init__(self, purity: Purity, function: Scope) -> None:
        """Take what answers for other functions, and the function."""
        self.purity = purity
        self.program = purity.program
        self.kinds = purity.kinds
        self.function = function
        self.module = function.module
        self.inside = function.module.inside(function.number)
        self.reads: list[FileRead] = []
        self.names: set[tuple[str, str]] = set()
        self.foreign: set[str] = set()
        self.costly: Call | None = None
        self.attributes: set[str] = set()

    def at(self, code: str, message: str, offset: int) -> tuple[int, Stain]:
        """Return a stain at a place of this module."""
        return offset, Stain(code, f"{message} ({place_of(self.module, offset)})")

    def stain(self, code: str, message: str, call: Call) -> Stain:
        """Return a stain at a call."""
        return Stain(code, f"{message} ({place_of(call.module, call.span.start)})")

    # --- what is assigned to ----------------------------------------------------------------------------------------

    def stored(self) -> Iterator[tuple[int, Stain]]:
        """Yield what is assigned to that is not the function's own, with the offset."""
        module = self.module
        for scope in sorted(self.inside):
            for name, records in module.facts["binds"][scope].items():
                for kind, _payload, start, _nest in records:
                    if kind == "global" or (kind == "nonlocal" and self.owner(scope, name) not in self.inside):
                        yield self.at("CCH101", f"it assigns to the {kind} name `{name}`", start)
        for attribute, records in module.facts["attribute_stores"].items():
            for base, _value, scope, start in records:
                if scope in self.inside and not self.is_fresh(scope, base):
                    yield self.at("CCH101", f"it assigns to the attribute `{attribute}` of something", start)
        for attribute, records in module.facts["attribute_touches"].items():
            for base, scope, start in records:
                if scope in self.inside and base[0] != "x" and not self.is_fresh(scope, base):
                    yield self.at("CCH101", f"it deletes the attribute `{attribute}` of something", start)

    def read(self) -> Iterator[tuple[int, Stain]]:
        """Yield the names and attributes that are read and may change, and the items that are assigned to."""
        module = self.module
        for scope in sorted(self.inside):
            for name, records in module.facts["reads"][scope].items():
                for start, _end, use in records:
                    found = self.one_read(scope, name, start, use)
                    if found is not None:
                        yield found
        for name, records in module.facts["attribute_reads"].items():
            for base, _use, scope, start, _end in records:
                if scope in self.inside:
                    found = self.one_attribute(scope, base, name, start)
                    if found is not None:
                        yield found

    def one_read(self, scope: int, name: str, start: int, use: list[Any]) -> tuple[int, Stain] | None:
        """Judge one read of a variable."""
        if changes_items(use) and not self.is_fresh(scope, ["n", name]):
            code = "CCH105" if self.is_parameter(scope, name) else "CCH101"
            return self.at(code, f"it changes `{name}`, which is not its own", start)
        found = self.module.lookup(scope, name)
        if found is None:
            starred = self.module.dotted(scope, ["n", name]) != f"builtins.{name}"
            if starred and name not in _OWN:
                return self.at("CCH104", f"`{name}` comes from a star import", start)
            if use[0] != "call" and f"builtins.{name}" in {*CHANGING, *WORLD, "builtins.open"}:
                return self.at("CCH104", f"`{name}` is passed on as a value", start)
            return None
        if self.holder(scope, ["n", name]) is not None:
            if use[0] in {"attr", "meth"}:
                return None
            return self.at("CCH104", f"it hands on `{name}`, its object", start)
        owner, bindings = found
        imported = any(each.kind == "import" for each in bindings)
        if owner in self.inside and not imported:
            return None
        if owner != 0 and not imported:
            return self.at("CCH102", f"`{name}` belongs to the function around it", start)
        if use[0] in {"call", "ann"} or imported:
            if use[0] not in {"call", "attr", "meth", "ann"}:
                return self.passed(scope, name, start)
            self.names.add((self.module.path, name))
            return None
        return self.global_name(self.module, name, start)

    def global_name(self, module: Module, name: str, start: int) -> tuple[int, Stain] | None:
        """Judge a name of a module that is read as a value."""
        self.names.add((module.path, name))
        target = self.program.resolve(f"{module.name}.{name}")
        if target is not None:
            return self.value(target, start)
        why = self.purity.values.changes(module, name)
        return self.at("CCH102", f"`{name}` may change: {why}", start) if why else None

    def value(self, target: Scope, start: int) -> tuple[int, Stain] | None:
        """Judge a function or class of the program that is used as a value: it may be called."""
        if target.kind == "class":
            return (
                None if self.is_plain_class(target) else self.at("CCH104", f"it uses the class `{target.name}`", start)
            )
        found = self.purity.of(target).stain
        return (start, found) if found is not None else None

    def passed(self, scope: int, name: str, start: int) -> tuple[int, Stain] | None:
        """Judge something imported that is used as a value."""
        dotted = self.module.dotted(scope, ["n", name]) or ""
        self.names.add((self.module.path, name))
        if self.program.is_own(dotted):
            owner = self.program.owner_of(dotted)
            target = self.program.resolve(dotted)
            if target is not None:
                return self.value(target, start)
            if owner is not None and owner[0].is_bound(0, owner[1]):
                return self.global_name(owner[0], owner[1], start)
            self.program.want_home(dotted)
        return None if is_constant(dotted) else self.at("CCH104", f"nobody can tell what `{name}` is", start)

    def one_attribute(self, scope: int, base: Shape, name: str, start: int) -> tuple[int, Stain] | None:
        """Judge one read of an attribute."""
        dotted = self.program.dotted(self.module, scope, ["a", base, name])
        if dotted is None:
            return self.attribute_of_value(scope, base, name, start)
        if not self.program.is_own(dotted):
            world = known_by(WORLD, dotted)
            if world:
                return self.at("CCH103", f"it depends on {world}, `{dotted}`", start)
            return None if is_constant(dotted) else self.at("CCH104", f"`{dotted}` is not known to be constant", start)
        owner = self.program.owner_of(dotted)
        if owner is not None and owner[0].is_bound(0, owner[1]):
            if self.program.named(dotted) is not None:
                return None
            return self.global_name(owner[0], owner[1], start)
        holder = self.program.definition(dotted.rpartition(".")[0])
        if holder is not None and holder.kind == "class":
            return self.of_class(holder, name, start)
        if self.program.named(dotted) is not None:
            return None
        self.program.want_home(dotted)
        return self.at("CCH104", f"nobody can tell what `{dotted}` is", start)

    def of_class(self, holder: Scope, name: str, start: int) -> tuple[int, Stain] | None:
        """Judge an attribute of a class: one constant in its body, and nothing assigned from outside."""
        bindings = holder.module.bindings(holder.number, name)
        self.program.want(name, "stored")
        stored = self.program.modules_with("attribute_stores", name)
        plain = len(bindings) == 1 and bindings[0].kind == "assign" and bindings[0].payload is not None
        if plain and not stored and is_immutable(self.kinds.of(holder.module, holder.number, bindings[0].payload)):
            return None
        return self.at("CCH102", f"`{holder.name}.{name}` may change", start)

    def attribute_of_value(self, scope: int, base: Shape, name: str, start: int) -> tuple[int, Stain] | None:
        """Judge an attribute of something that has no dotted name."""
        if self.holder(scope, base) is not None:
            self.attributes.add(name)
            return None
        kind = self.kinds.of(self.module, scope, base).partition(" of ")[0]
        if kind in _OWN_KINDS and self.program.definitions(name):
            return self.at("CCH104", f"`{name}` may be a property of the program's own", start)
        if kind in _PLAIN:
            return None
        return self.at("CCH104", f"nobody can tell what the attribute `{name}` is of", start)

    def is_plain_class(self, owner: Scope) -> bool:
        """Tell whether making an instance does nothing but keep what it is given: enumerations, named tuples, data."""
        names = [base[-1] for base in owner.bases if base[0] in {"n", "a"}]
        if any(each.endswith(("Enum", "Error", "Exception", "Warning")) for each in names):
            return True
        binds = owner.module.facts["binds"][owner.number]
        special = [name for name in binds if name in {"__init__", "__new__", "__post_init__", "__setattr__"}]
        kept = names == ["NamedTuple"] or any(tail_of(owner.module, each) == "dataclass" for each in owner.decorators)
        if not kept or special or (names != ["NamedTuple"] and owner.bases):
            return False
        # stamp: float = field(default_factory=time.time)
        factories = [
            call.argument(len(call.arguments), "default_factory")
            for call in owner.module.calls_named("field")
            if call.scope == owner.number
        ]
        made = [owner.module.dotted(owner.number, each.shape) for each in factories if each is not None]
        return all(each in {"builtins.list", "builtins.dict", "builtins.set", "builtins.tuple"} for each in made)

    # --- whose a value is -------------------------------------------------------------------------------------------

    def owner(self, scope: int, name: str) -> int:
        """Return the scope that a name belongs to, -1 for a builtin."""
        found = self.module.lookup(scope, name)
        return found[0] if found is not None else -1

    def is_inside(self, scope: int, name: str) -> bool:
        """Tell whether a name is a function that is defined inside this one."""
        found = self.module.lookup(scope, name)
        return found is not None and found[0] in self.inside and all(each.kind == "def" for each in found[1])

    def holder(self, scope: int, shape: Shape) -> Scope | None:
        """Return the class whose object an expression stands for in a method, where objects may keep results."""
        known = self.kinds.instances is not None
        return instances.owner_of(self.program, self.module, scope, shape) if known else None

    def is_parameter(self, scope: int, name: str) -> bool:
        """Tell whether a name is a parameter of this function."""
        found = self.module.lookup(scope, name)
        return found is not None and found[0] == self.function.number and any(each.kind == "param" for each in found[1])

    def is_fresh(self, scope: int, shape: Shape, depth: int = 0, *, deep: bool = False) -> bool:
        """Tell whether a value was made by this call of the function, so that nobody else has it.

        With `deep` that is asked of what it holds, too: `list(rows)` is new, and the rows in it are not.
        """
        if depth > _DEEPEST:
            return False
        go = depth + 1
        match shape:
            case ["l" | "s" | "t", list(parts)]:
                return not deep or all(self.is_own(scope, each, go) for each in parts)
            case ["d", list(pairs)]:
                return not deep or all(self.is_own(scope, each, go) for _, each in pairs)
            case ["o", _, left, right]:
                return not deep or (self.is_own(scope, left, go) and self.is_own(scope, right, go))
            case ["g" | "f" | "k" | "x" | "u", *_]:
                return True
            case ["b" | "?", list(parts)]:
                return all(self.is_fresh(scope, each, go, deep=deep) for each in parts)
            case ["c", int() as index]:
                return self.is_made(self.module.call(index), go, deep=deep)
            case ["i", base, _] | ["a", base, _]:
                return self.module.dotted(scope, shape) is None and self.is_fresh(scope, base, go, deep=True)
            case ["n", str(name)]:
                found = self.module.lookup(scope, name)
                if found is None or found[0] not in self.inside:
                    return False
                return all(
                    each.kind in {"assign", "with", "for", "unpack", "aug", "declared"}
                    and (
                        each.kind == "declared"
                        or each.payload == shape
                        or (
                            each.payload is not None
                            and self.is_fresh(each.scope, each.payload, go, deep=deep or each.kind in {"for", "unpack"})
                        )
                    )
                    for each in found[1]
                )
            case _:
                return False

    def is_own(self, scope: int, shape: Shape, depth: int) -> bool:
        """Tell whether a value is new with all that it holds, or cannot be changed."""
        return self.is_fresh(scope, shape, depth, deep=True) or is_immutable(self.kinds.of(self.module, scope, shape))

    def is_made(self, call: Call, depth: int, *, deep: bool) -> bool:
        """Tell whether a call gives a new value each time."""
        dotted = self.program.dotted(self.module, call.scope, call.function)
        if dotted is None:
            return call.function[0] == "a" and self.is_fresh(call.scope, call.function[1], depth, deep=deep)
        if self.program.is_own(dotted):
            target = self.program.target_of(call)[0]
            if target is None or target.kind != "function":
                return target is not None and not deep
            if any(tail_of(target.module, each) not in _CHANGING_NOTHING for each in target.decorators):
                return False  # @functools.cache
            inner = Readings(self.purity, target)
            return all(inner.is_fresh(target.number, each, depth, deep=deep) for each in target.returned)
        parts = dotted in tables.TAKERS_THAT_GIVE or dotted in _HANDING_ON
        if parts or (deep and dotted in tables.TAKERS_THAT_HOLD):
            return all(self.is_own(call.scope, each.shape, depth) for each in call.arguments)
        return True


def root_of(shape: Shape) -> Shape:
    """Return what stands before the dots and brackets."""
    while shape[0] in {"a", "i"}:
        shape = shape[1]
    return shape


def changes_items(use: list[Any]) -> bool:
    """Tell whether a use assigns to an item or attribute of a value, or of a part of it."""
    while use[0] in {"sub", "attr"}:
        use = use[-1]
    return bool(use[0] == "dest")


def is_constant(dotted: str) -> bool:
    """Tell whether a name from elsewhere stands for a constant, a class or an exception."""
    if dotted in tables.CONSTANTS or dotted in tables.PURE or dotted.startswith("builtins."):
        return True
    top, _, rest = dotted.partition(".")
    if top not in stdlib_module_names and top not in _KNOWN:
        return False
    return not rest or dotted in _SUBMODULES or bool(rest.rpartition(".")[2][:1].isupper())


def tail_of(module: Module, shape: Shape) -> str:
    """Return the last name of a decorator, empty where it has none."""
    while shape[0] == "c":
        shape = module.call(shape[1]).function
    return str(shape[-1]) if shape[0] in {"n", "a"} else ""
