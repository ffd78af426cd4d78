"""Constructors that have to wait: an `__init__` becomes an asynchronous factory, and each construction awaits it.

What was `__init__` is a coroutine method then, and a class method `create` makes the object and awaits that method, so
that all happens in the order, and at the time, that it did. Whatever makes an instance in a way that cannot be awaited,
or cannot be seen, is a constraint.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hasten.async_bases import names_of
from hasten.async_families import Families
from hasten.async_forms import Form, Shown
from hasten.async_kinds import key_of, method_of, owner_of
from hasten.async_mentions import Mentions
from hasten.async_places import because
from hasten.async_receivers import Reached, Receivers
from hasten.async_rules import Verdict
from hasten.async_trails import Trails
from hasten.index.module import Call, Module, Read, Scope, Shape, Use
from hasten.index.program import Program
from hasten.model import Span
from hasten.propagate import Constraint

_INIT = "__init__"
_FACTORIES = ("create", "create_async", "open_async", "make_async")
_BODIES = ("_init", "_init_async", "_initialize", "_initialize_async")
#: Bases from outside the program that make instances as `object` does.
_PLAIN_BASES = frozenset(
    {"builtins.object", "abc.ABC", "contextlib.AbstractContextManager"}
    | {f"{module}.{name}" for module in ("typing", "typing_extensions") for name in ("Generic", "Protocol")}
    # Not those of sets, which make others of their own kind, and no `UserDict` either: `fromkeys`, `|`.
    | {
        f"{module}.{name}"
        for module in ("collections.abc", "typing")
        for name in (
            *("Callable", "Collection", "Container", "Hashable", "Iterable", "Iterator", "Mapping"),
            *("MutableMapping", "MutableSequence", "Reversible", "Sequence", "Sized"),
        )
    }
)
_PLAIN_DECORATORS = frozenset({f"{module}.final" for module in ("typing", "typing_extensions")})
#: Uses of a class that make no instance.
_HARMLESS = frozenset({"ann", "base", "cmp", "cond", "del", "dest", "except", "expr", "fmt", "idx", "match", "bin"})
#: Takers of classes that make no instance.
_LOOKING = frozenset(
    {"isinstance", "issubclass", "super", "cast", "hasattr", "getattr", "setattr", "delattr", "object", "spy", "id"}
    | {"TypeVar", "AsyncMock", "Mock", "MagicMock", "NonCallableMock", "get_type_hints", "assertIsInstance"}
    | {"assertNotIsInstance", "assert_type", "print", "__new__", "repr", "str", "fields", "multiple", "dict"}
)
#: Methods that are given the class without being decorated.
_OF_CLASSES = frozenset({"__new__", "__init_subclass__", "__class_getitem__"})
#: Default values that may stand in two definitions: evaluated twice, they are the same.
_SAME_TWICE = frozenset({"k", "n", "a"})
#: So many places are named where nobody can say what is made.
_MOST_UNKNOWN = 3


class Constructors:
    """Answers for the constructors of one program."""

    def __init__(
        self, program: Program, receivers: Receivers, families: Families, mentions: Mentions, trails: Trails
    ) -> None:
        """Take the program, and what is known of it."""
        self.program = program
        self._receivers = receivers
        self._families = families
        self._mentions = mentions
        self._trails = trails
        self._names: dict[tuple[str, int], tuple[str, str]] = {}

    # --- the definition -------------------------------------------------------------------------------------------

    def judge(self, init: Scope, verdict: Verdict) -> Form | None:
        """Return how a constructor is written as a factory; add to `verdict` what stands in the way of it."""
        owner = owner_of(init)
        if owner is None:
            return None
        for each in self._below(owner):
            self.program.want(each.name)
        verdict.constraints += self._unfit(init, owner)
        heirs = [each for each in self._below(owner) if self._is_made_by(each, init)]
        for each in heirs:
            verdict.constraints += self._unlike(each)
            verdict.constraints += self._handed_on(each)
            self._mentions.judge_class(each, init, verdict)
        verdict.constraints += self._several_bases(owner)
        for each in self.hierarchy(owner):
            verdict.constraints += self._hands_itself_on(each)
        return self._form(init, owner) if not verdict.constraints else None

    def names(self, owner: Scope) -> tuple[str, str]:
        """Return the names of the factory and of the body of a constructor, free in all classes of a hierarchy."""
        related = self.hierarchy(owner)
        key = min(map(key_of, related))
        if key not in self._names:
            self._names[key] = self._free(_FACTORIES, related), self._free(_BODIES, related)
        return self._names[key]

    def _free(self, names: tuple[str, ...], related: list[Scope]) -> str:
        bound = {name for each in related for name in each.module.facts["binds"][each.number]}
        more = (f"{names[-1]}_{number}" for number in range(2, len(bound) + 10))
        return next(each for each in (*names, *more) if each not in bound and not self._is_kept(each, related))

    def _is_kept(self, name: str, related: list[Scope]) -> bool:
        """Tell whether an object of one of these classes, or of nobody knows which, has something by that name."""
        around = [
            self._receivers.class_around(module, scope, base)
            for module, base, _value, scope, _start in self._receivers.stores(name)
        ]
        return any(each is None or any(key_of(each) == key_of(one) for one in related) for each in around)

    def _below(self, owner: Scope) -> list[Scope]:
        """Return a class and all that derive from it, in the order of places."""
        keys = self._families.below(owner) or {key_of(owner)}
        return [self.program.module(path).scope(number) for path, number in sorted(keys)]

    def hierarchy(self, owner: Scope) -> list[Scope]:
        """Return every class that shares an heir or an ancestor with another one of them, from `owner` on."""
        found = {key_of(owner): owner}
        pending = [owner]
        for each in pending:
            for other in (*self._below(each), *self._families.ancestors(each).values()):
                if key_of(other) not in found:
                    found[key_of(other)] = other
                    pending.append(other)
        return pending

    def _is_made_by(self, owner: Scope, init: Scope) -> bool:
        found = self.program.find_method(owner, _INIT)
        return found is not None and key_of(found) == key_of(init)

    def _form(self, init: Scope, owner: Scope) -> Form:
        factory, body = self.names(owner)
        module = init.module
        taken = {each[0] for each in init.parameters}
        data = [("factory", factory), ("body", body), ("owner", owner.name)]
        data.append(("cls", next(each for each in ("cls", "klass", "owner", "cls_") if each not in taken)))
        if init.returns is not None or any(each[2] is not None for each in init.parameters):
            own = any(module.dotted(owner.number, ["n", "Self"]) == f"{home}.Self" for home in _TYPING)
            # The name of the class would be wrong for those that derive from it, of which `cls` tells the checker.
            if own or len(self._below(owner)) == 1:
                data.append(("type", "Self" if own else f'"{owner.name}"'))
        above = [each for each in self._families.ancestors(owner).values() if key_of(each) != key_of(owner)]
        inherited = any(method_of(each, _INIT) is not None for each in above)
        required = any(each[3] is None and each[1] not in {"*", "**"} for each in init.parameters[1:])
        # With no `__init__` at all, Python refuses arguments; here none are needed, or another `__init__` takes them.
        if inherited or not required:
            data.append(("guard", "yes"))
        if not self._is_extended(owner):
            data.append(("bare", "yes"))
        return Form("make-factory", tuple(data), extent=init.span)

    def _is_extended(self, owner: Scope) -> bool:
        """Tell whether a class below has a constructor of its own, which may call this one."""
        return any(method_of(each, _INIT) is not None for each in self._below(owner) if key_of(each) != key_of(owner))

    def _unfit(self, init: Scope, owner: Scope) -> Iterator[Constraint]:
        """Yield what is wrong with the constructor itself."""
        module = init.module

        def no(message: str) -> Constraint:
            return because("ASY120", message, module, init.span.start)

        if init.decorators:
            yield no(f"the constructor of `{owner.name}` is decorated; move what it does to an `async def create(cls)`")
        first = init.parameters[0][1] if init.parameters else "*"
        if first not in {"plain", "posonly"}:
            yield no(f"the constructor of `{owner.name}` has no parameter of its own for the object; give it one")
        kept = all(each[3] is None or each[3][0] in _SAME_TWICE for each in init.parameters)
        if not kept and self._is_extended(owner):
            yield no(
                f"the constructor of `{owner.name}` has a default value that is made once, and is extended by other "
                "constructors; use None as default"
            )

    def _unlike(self, owner: Scope) -> Iterator[Constraint]:
        """Yield what makes the instances of a class in another way than `object` does."""
        module = owner.module

        def no(message: str) -> Constraint:
            return because("ASY120", message, module, owner.span.start)

        if self._families.definitions.is_entry_point(owner):
            message = f"class `{owner.name}` is an entry point of the project; who makes instances awaits nothing"
            yield because("ASY128", message, module, owner.span.start)
        if module.scope(owner.parent).kind != "module":
            yield no(f"class `{owner.name}` is defined inside of something, so who makes instances cannot be followed")
        if len(module.bindings(owner.parent, owner.name)) > 1:
            yield because("ASY131", f"`{owner.name}` is bound more than once; define it once", module, owner.span.start)
        for decorator in owner.decorators:
            shape = module.call(decorator[1]).function if decorator[0] == "c" else decorator
            if module.dotted(owner.parent, shape) not in _PLAIN_DECORATORS:
                yield no(f"a decorator of class `{owner.name}` may make its constructor, or its instances")
        for each in self._families.ancestors(owner).values():
            if method_of(each, "__new__") is not None:
                yield no(f"instances of `{owner.name}` are made by a `__new__` of `{each.name}`")
            for base in each.bases:
                dotted = each.module.dotted(each.parent, base) or ""
                found = self.program.definition(dotted) if dotted else None
                if found is not None and found.kind == "class":
                    continue
                for name in names_of(each.module, each.parent, base):
                    if name not in _PLAIN_BASES:
                        yield no(
                            f"`{each.name}` derives from `{name or base[-1]}`, which may make instances in its way"
                        )
            if not each.is_made_by_type:
                yield no(f"the metaclass of `{each.name}` may make instances in its way")

    def _several_bases(self, owner: Scope) -> Iterator[Constraint]:
        """Yield a constraint for each class below whose bases have constructors of their own: which is next?"""
        for each in self._below(owner):
            found = [self._receivers.class_named(each.module, each.parent, base) for base in each.bases]
            made = [self.program.find_method(base, _INIT) for base in found if base is not None]
            # Bases that have it from one class above them all have one constructor.
            if len({key_of(init) for init in made if init is not None}) > 1:
                message = f"`{each.name}` has several bases with constructors, so which one runs next cannot be seen"
                yield because("ASY120", message, each.module, each.span.start)

    # --- the class as a value -------------------------------------------------------------------------------------

    def _handed_on(self, owner: Scope) -> Iterator[Constraint]:
        for read in self._mentions.references(owner):
            uses = read.use[1] if read.use[0] == "multi" else [read.use]
            for use in uses:
                message = _makes(owner, read, use)
                if message and _is_filled_in(read, use):
                    yield because("ASY132", message, read.module, read.span.start)
                elif message and not self._trails.is_followed(owner, read):
                    message += self._trails.ending(owner, read)
                    yield because("ASY132", message, read.module, read.span.start)

    def _hands_itself_on(self, owner: Scope) -> Iterator[Constraint]:
        """Yield a constraint where a method of a class hands on whatever class it is: `registry[name] = cls`."""
        module = owner.module
        for read in self._reads_of_itself(owner):
            for use in read.use[1] if read.use[0] == "multi" else [read.use]:
                message = _makes(owner, read, use)
                if message:
                    yield because("ASY132", message, module, read.span.start)

    def _reads_of_itself(self, owner: Scope) -> Iterator[Read]:
        module = owner.module
        for method in module.scopes():
            if method.parent != owner.number or method.kind != "function" or not method.parameters:
                continue
            first = method.parameters[0][0]
            if method.name in _OF_CLASSES or ["n", "classmethod"] in method.decorators:
                for read in module.reads(method.number, first):
                    called = read.use[0] == "call" and first != "cls"  # only calls of `cls` are followed
                    yield read._replace(use=["elem", "call", ["asgsub"]]) if called else read
        for call in module.calls_named("type"):
            taken = len(call.arguments) == 1 and call.use[0] != "callee"
            if taken and self._is_of(call.module, call.scope, ["c", call.index], owner):
                yield Read(module, call.scope, call.span, call.use)
        for base, use, scope, start, end in module.facts["attribute_reads"].get("__class__", ()):
            if self._is_of(module, scope, ["a", base, "__class__"], owner):
                yield Read(module, scope, Span(start, end), use)

    def _is_of(self, module: Module, scope: int, shape: Shape, owner: Scope) -> bool:
        around = self._receivers.class_around(module, scope, shape)
        return around is not None and key_of(around) == key_of(owner)

    # --- constructions --------------------------------------------------------------------------------------------

    def callers(self, init: Scope) -> tuple[list[tuple[Call, Reached]], list[Constraint]]:
        """Return the calls that make an instance with a constructor, or go on to it, and those that may."""
        owner = owner_of(init)
        found: list[tuple[Call, Reached]] = []
        unknown: list[Call] = []
        if owner is None:
            return [], []
        dynamic = {(each.module.path, each.index): each for each in self._dynamic(owner)}
        kept: dict[tuple[str, int], Call] = {}
        for heir in self._below(owner):
            if self._is_made_by(heir, init):
                kept |= {(each.module.path, each.index): each for each in self._trails.calls(heir)}
        troubles: list[Constraint] = []
        for place, call in sorted(kept.items()):
            dynamic.pop(place, None)
            reached = self._receivers.reached(call)
            classes = [each for each in reached.functions if each.kind == "class"]
            others = [each for each in reached.functions if each.kind != "class"]
            own = [self.program.find_method(each, _INIT) for each in classes]
            unlike = next((each for each in classes if not self._is_made_alike(each, owner)), None)
            if unlike is not None:
                message = f"the call may make a `{owner.name}` or a `{unlike.name}`, which cannot be awaited alike"
                troubles.append(because("ASY140", message, call.module, call.span.start))
            found.append((call, Reached((*(each for each in own if each is not None), *others), reached.certainty)))
        for call, certain in self.program.callers(init):
            if (call.module.path, call.index) in kept:
                continue
            if (call.module.path, call.index) in dynamic:
                continue
            if certain or call.tail == _INIT:
                found.append((call, Reached((init,))))
                continue
            reached = self._receivers.reached(call)
            inits = [self.program.find_method(each, _INIT) for each in reached.functions if each.kind == "class"]
            if any(each is not None and key_of(each) == key_of(init) for each in inits):
                others = [each for each in reached.functions if each.kind != "class"]
                found.append((call, Reached((*(each for each in inits if each is not None), *others))))
            elif not reached.known:
                unknown.append(call)
        for call in dynamic.values():
            around = self._receivers.class_around(call.module, call.scope, call.function)
            made = [self.program.find_method(each, _INIT) for each in self._below(around)] if around is not None else []
            unique = {key_of(each): each for each in made if each is not None}
            if around is None or None in made:
                unknown.append(call)
            elif key_of(init) in unique:
                found.append((call, Reached(tuple(unique.values()))))
        for call in sorted(unknown, key=lambda each: (each.module.path, each.span))[:_MOST_UNKNOWN]:
            message = f"the call of something unknown may make a `{owner.name}`; name the class"
            troubles.append(because("ASY135", message, call.module, call.span.start))
        return found, troubles

    def _is_made_alike(self, other: Scope, owner: Scope) -> bool:
        """Tell whether a factory of one class is called as that of another one, where any of the two may be made."""
        has = self.program.find_method(other, _INIT) is not None
        return has and self.names(other)[0] == self.names(owner)[0]

    def _dynamic(self, owner: Scope) -> Iterator[Call]:
        """Yield the calls of a class that is not named, which may be `owner` or derive from it: `type(self)(...)`."""
        self.program.want_like(r"\btype\([^()]*\)\s*\(", r"\.__class__\s*\(")
        calls = [*self.program.calls_named("cls", want=False), *self.program.calls_named("__class__", want=False)]
        types = self.program.calls_named("type", want=False)
        inner = (each for each in types if each.use[0] == "callee" and len(each.arguments) == 1)
        calls += (each.module.call(each.use[1]) for each in inner)
        for call in calls:
            if call.tail == "cls" and call.function[0] != "n":
                continue
            around = self._receivers.class_around(call.module, call.scope, call.function)
            if around is not None:
                if self._families.share_class(around, owner):
                    yield call
                continue
            value = self._value(call)
            kind = self._receivers.kind(call.module, call.scope, value) if value is not None else None
            related = isinstance(kind, Scope) and self._families.share_class(kind, owner)
            if related or (kind is None and value is not None):
                yield call

    def _value(self, call: Call) -> Shape | None:
        """Return the object whose class is called, None where a variable is: `cls` outside of any class."""
        match call.function:
            case ["c", int() as number]:
                return call.module.call(number).arguments[0].shape
            case ["a", base, "__class__"]:
                value: Shape = base
                return value
            case _:
                return None

    def use(self, call: Call, init: Scope) -> Shown:
        """Return how a call that makes an instance, or goes on to a constructor, is awaited."""
        owner = owner_of(init)
        if owner is None:
            return Shown()
        factory, body = self.names(owner)
        if call.tail != _INIT:
            return Shown(Form("construct", (("name", factory),)))
        around = self.program.method_owner(call.module, call.scope)
        if around is None or not self._families.share_class(owner, around):
            message = f"the constructor of `{owner.name}` is called on an object of another class"
            return Shown(constraints=(because("ASY120", message, call.module, call.span.start),))
        return Shown(Form("await-renamed", (("name", body),)))

    # --- what others see ------------------------------------------------------------------------------------------

    def seen_early(self, init: Scope, waits: Iterable[Call]) -> Iterator[Constraint]:
        """Yield a hazard where a constructor shows the object to others, and waits after that."""
        last = max((each.span.start for each in waits), default=-1)
        module = init.module
        first = init.parameters[0][0] if init.parameters else ""
        for base, _key, value, scope, *_ in module.facts["item_stores"]:
            if value == ["n", first] and scope == init.number and not _is_local(module, init, base):
                offset = next((e.span.start for e in module.reads(init.number, first) if e.use == ["asgsub"]), -1)
                if 0 <= offset < last:
                    yield self._early(init, module, offset)
        for read in module.reads(init.number, first):
            if read.use[0] == "arg" and read.span.start < last:
                taker = module.call(read.use[1])
                if taker.function[0] == "a" and taker.tail != _INIT and not _is_local(module, init, taker.function[1]):
                    yield self._early(init, module, read.span.start)

    def _early(self, init: Scope, module: Module, offset: int) -> Constraint:
        name = module.scope(init.parent).name
        message = f"a `{name}` is handed on here and waits after that, so others may see it half made"
        return because("ASY015", message, module, offset)


_TYPING = ("typing", "typing_extensions")


def _root(shape: Shape) -> str:
    while shape[0] in {"a", "i"}:
        shape = shape[1]
    return str(shape[1])


def _makes(owner: Scope, read: Read, use: Use) -> str:
    """Return why a use of a class may make instances of it where nobody awaits, an empty string where it does not."""
    while use[0] in {"elem", "sub"}:
        use = use[-1]
    message = f"class `{owner.name}` is handed on as a value; who makes instances of it then awaits nothing"
    match use:
        case ["call", _]:
            return ""  # `callers` looks at these
        case ["meth", name, _] if name not in {"__call__", "__subclasses__", "mro"}:
            return ""
        case ["attr", name, _] if name != _INIT:
            return ""
        case ["arg", int() as number, _] if read.module.call(number).tail in _LOOKING:
            return ""
        case ["arg", int() as number, _]:
            shown = read.module.call(number).tail or "a call"
            return f"class `{owner.name}` is handed to `{shown}`, which may make instances of it and awaits nothing"
        case _ if _is_filled_in(read, use):
            return f"`Depends()` may make a `{owner.name}` from the annotation, and awaits nothing"
        case [kind, *_] if kind in _HARMLESS:
            return ""
        case _:
            return message


def _is_filled_in(read: Read, use: Use) -> bool:
    """Tell whether a framework may make what an annotation names: `store: Store = Depends()`."""
    #     Stores = Annotated[Store, Depends(use_cache=False)]
    while use[0] in {"elem", "sub"}:
        use = use[-1]
    return use[0] in {"ann", "idx", "bin"} and any(
        each.argument(0, "dependency") is None for each in read.module.calls_named("Depends")
    )


def _is_local(module: Module, function: Scope, shape: Shape) -> bool:
    """Tell whether something is a variable of a function, or is kept in one: others do not see it by itself."""
    found = module.lookup(function.number, _root(shape)) if shape[0] in {"n", "a", "i"} else None
    return found is None or found[0] == function.number


def is_constructor(function: Scope) -> bool:
    """Tell whether a function is the `__init__` of a class."""
    return function.name == "__init__" and owner_of(function) is not None
