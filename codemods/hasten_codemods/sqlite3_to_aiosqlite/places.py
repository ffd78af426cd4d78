"""Where a connection or a cursor can be found once it has left the expression that made it.

A *place* is a variable, an attribute, or what a function gives: whoever reads it has the connection in hand. For each
place this module tells what is read from it and what is put into it, anywhere in the program, or that nobody can tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from hasten.api import (
    KEPT,
    Call,
    Module,
    Program,
    Receivers,
    Scope,
    Span,
    givers,
    instance_of,
    is_fixture,
    is_followed,
    is_partly,
    is_requested,
    requesters,
    value_calls,
)
from hasten_codemods.sqlite3_to_aiosqlite import blocks, dataclass_fields, items, kept_by_g
from hasten_codemods.sqlite3_to_aiosqlite.lives import Unfit

_MANAGERS = frozenset({"contextlib.contextmanager", "contextlib.asynccontextmanager"})
_PROPERTIES = frozenset({"builtins.property", "functools.cached_property"})
#: Objects of these have no methods of their own that could do something with what they are given.
_NAMESPACES = frozenset({"threading.local", "types.SimpleNamespace", "argparse.Namespace"})

#: Functions that get at one attribute by its name.
_BY_NAME = frozenset(f"builtins.{each}" for each in ("getattr", "hasattr", "delattr"))


@dataclass(frozen=True, slots=True, order=True)
class Variable:
    """A variable: of a function (a parameter among them), or of a module."""

    path: str
    scope: int
    name: str


@dataclass(frozen=True, slots=True, order=True)
class Attribute:
    """An attribute of the instances of a class, and of those that derive from it; or of the class itself."""

    path: str
    owner: int
    name: str


@dataclass(frozen=True, slots=True, order=True)
class Field:
    """An attribute of the one object that a variable of a module holds, such as a `threading.local()`."""

    path: str
    variable: str
    name: str


@dataclass(frozen=True, slots=True, order=True)
class State:
    """An attribute of what the applications of a program keep: `app.state.db`, `request.app.state.db`."""

    name: str


@dataclass(frozen=True, slots=True, order=True)
class OfRequest:
    """An attribute of Flask's `g`: every request has its own."""

    name: str


@dataclass(frozen=True, slots=True, order=True)
class Returned:
    """What calls of a function give; of a property, what reading it gives."""

    path: str
    function: int


@dataclass(frozen=True, slots=True, order=True)
class Yielded:
    """What `with` binds that enters a context manager made of a generator."""

    path: str
    function: int


@dataclass(frozen=True, slots=True, order=True)
class Requested:
    """What tests and fixtures get that request a fixture, or what FastAPI gives for a dependency.

    Attributes:
        shared: several tests may get the same; each request gets its own.
    """

    path: str
    function: int
    shared: bool


@dataclass(frozen=True, slots=True, order=True)
class Item:
    """One of several values that calls of a function give together: `return connection, cursor`."""

    path: str
    function: int
    number: int


Place: TypeAlias = Variable | Attribute | Field | State | OfRequest | Returned | Yielded | Requested | Item


@dataclass(frozen=True, slots=True)
class Value:
    """One expression that has a connection or a cursor as its value, and what happens to it there.

    Attributes:
        shape: what a call whose receiver it is says of its receiver.
        use: see `hasten.index.build`.
        computed: it is read by its name, and a property works it out each time.
    """

    module: Module
    scope: int
    span: Span
    shape: list[Any]
    use: list[Any]
    computed: bool = False

    @property
    def is_named(self) -> bool:
        """Tell whether it is a place that holds it, rather than what makes it."""
        return self.shape[0] in {"n", "a"} and not self.computed

    @property
    def line(self) -> int:
        """Return where it is, for people."""
        return self.module.position(self.span.start).line


@dataclass(frozen=True, slots=True)
class Source:
    """Something that is put into a place.

    Attributes:
        shape: of the value, None where nobody can tell what it is.
        offset: where it is put there.
        entered: a `with` enters the value, and puts there what that gives.
    """

    module: Module
    scope: int
    shape: list[Any] | None
    offset: int
    entered: bool = False


class Places:
    """Answers for one program."""

    def __init__(self, program: Program, receivers: Receivers) -> None:
        """Take the program, and what calls reach."""
        self.program = program
        self.receivers = receivers
        # Attributes of something unknown that are taken for those of a class: file, line and name.
        self.guessed: set[tuple[str, int, str]] = set()

    # --- which place ----------------------------------------------------------------------------------------------

    def variable(self, module: Module, scope: int, name: str) -> Variable | None:
        """Return the variable that a name stands for, None for a builtin or an imported name."""
        found = module.lookup(scope, name)
        if found is None:
            return None
        if all(each.kind == "import" for each in found[1]):
            dotted = module.dotted(scope, ["n", name])
            home = self.program.owner_of(dotted) if dotted is not None else None
            return Variable(home[0].path, 0, home[1]) if home is not None else None
        return Variable(module.path, found[0], name)

    def attribute(
        self, module: Module, scope: int, base: list[Any], name: str, offset: int = -1
    ) -> Attribute | Field | State | OfRequest | Variable | Returned | None:
        """Return the place that `base.name` stands for, at `offset` if it is told; None where nobody can tell.

        What a property works out is what its getter returns. One that can be set as well is taken for an attribute.
        """
        owner = self.class_of(module, scope, base, offset)
        if owner is not None:
            getter = self.program.find_method(owner, name)
            if getter is not None and _is_getter(getter):
                return Returned(getter.module.path, getter.number)
            top = self._top(owner, name)
            return Attribute(top.module.path, top.number, name)
        dotted = self.program.dotted(module, scope, ["a", base, name])
        home = self.program.owner_of(dotted) if dotted is not None else None
        if home is not None:
            return Variable(home[0].path, 0, home[1])
        return self._in_namespace(module, scope, base, name)

    def _in_namespace(self, module: Module, scope: int, base: list[Any], name: str) -> Field | State | OfRequest | None:
        """Return the place that an attribute of an object is that has nothing but what the program puts there."""
        held = self._held(module, scope, base)
        if held is not None:
            return Field(held[0], held[1], name)
        if kept_by_g.is_g(self.program, module, scope, base):
            return OfRequest(name)
        return State(name) if self.receivers.kind(module, scope, base) == KEPT else None

    def class_of(self, module: Module, scope: int, base: list[Any], offset: int = -1) -> Scope | None:
        """Return the class of an object, or the class that `base` names; None where it is unknown or of others."""
        asked = self._asked(module, scope, base, offset) if offset >= 0 else None
        if asked is not None:
            return asked
        around = self.receivers.class_around(module, scope, base)
        if around is not None:
            return around
        named = self.receivers.class_named(module, scope, base) if base[0] in {"n", "a"} else None
        if named is not None:
            return named
        kind = self.receivers.kind(module, scope, base)
        return kind if isinstance(kind, Scope) else None

    def _asked(self, module: Module, scope: int, base: list[Any], offset: int) -> Scope | None:
        """Return the class of the program that a variable was asked for on the way to a place."""
        found = module.lookup(scope, base[1]) if base[0] == "n" else None
        if found is None or any(each.scope != found[0] for each in found[1]) or found[0] == 0:
            return None
        entries = [each.start for each in found[1] if each.kind != "param"]
        asked = instance_of(module, scope, base, offset, entries)
        owner = self.receivers.class_named(module, scope, asked) if asked is not None else None
        return owner if owner is not None and self.is_real(owner) else None

    def is_real(self, owner: Scope, depth: int = 0) -> bool:
        """Tell whether what passes `isinstance` derives from a class: not so with protocols and virtual subclasses."""
        hooks = ("__instancecheck__", "__subclasshook__")
        if depth > 10 or any(self.program.definitions(each) for each in hooks):  # noqa: PLR2004 - cyclic
            return False
        if self._is_protocol(owner):
            return False
        if any(
            call.function[0] == "a"
            and call.arguments
            and self.receivers.class_named(call.module, call.scope, call.function[1]) == owner
            for call in self.program.calls_named("register", want=False)
        ):
            return False
        bases = (self.receivers.class_named(owner.module, owner.parent, each) for each in owner.bases)
        return all(each is None or self.is_real(each, depth + 1) for each in bases)

    def _may_be_of(self, owner: Scope, top: Scope) -> bool:
        """Tell whether what is taken for an object of a class may be one of another."""
        return self.program.are_related(owner, top) or self._is_protocol(owner)

    @staticmethod
    def _is_protocol(owner: Scope) -> bool:
        """Tell whether others stand for a class without deriving from it."""
        return any(str(each[-1]) == "Protocol" for each in owner.bases)

    def _top(self, owner: Scope, name: str, depth: int = 0) -> Scope:
        """Return the farthest base of a class whose methods speak of an attribute."""
        if depth < 10:  # noqa: PLR2004 - deeper hierarchies are cyclic
            for base in owner.bases:
                found = self.receivers.class_named(owner.module, owner.parent, base)
                if found is not None and self._mentions(found, name):
                    return self._top(found, name, depth + 1)
        return owner

    def _mentions(self, owner: Scope, name: str, depth: int = 0) -> bool:
        module = owner.module
        entries = [(each[0], each[2]) for each in module.facts["attribute_stores"].get(name, ())] + [
            (each[0], each[2]) for each in module.facts["attribute_reads"].get(name, ())
        ]
        for base, scope in entries:
            around = self.receivers.class_around(module, scope, base)
            if around is not None and around.number == owner.number:
                return True
        if module.bindings(owner.number, name):
            return True
        bases = (self.receivers.class_named(module, owner.parent, each) for each in owner.bases)
        return depth < 10 and any(each is not None and self._mentions(each, name, depth + 1) for each in bases)  # noqa: PLR2004

    def _held(self, module: Module, scope: int, base: list[Any]) -> tuple[str, str] | None:
        """Return the variable of a module that holds a plain namespace of its own."""
        if base[0] != "n":
            return None
        found = module.lookup(scope, base[1])
        if found is None or found[0] != 0 or len(found[1]) != 1 or found[1][0].kind != "assign":
            return None
        made = found[1][0].payload
        if made is None or made[0] != "c":
            return None
        dotted = module.dotted(0, module.call(made[1]).function)
        return (module.path, base[1]) if dotted in _NAMESPACES else None

    def parameters(self, call: Call, position: object) -> list[Variable | Attribute]:
        """Return the parameters that an argument becomes.

        Raises:
            Unfit: nobody can tell, or what is called is not the program's own.
        """
        reached = self.receivers.reached(call)
        functions = reached.functions or (() if reached.known else self.receivers.guessed(call))
        if not functions:
            why = "which is not part of the program" if reached.known else "and nobody can tell what that is"
            raise Unfit("SQL112", f"it is passed to `{call.tail}`, {why}", call.span.start)
        found: list[Variable | Attribute] = []
        for each in functions:
            filled = self._filled(call, each, position)
            found += [filled] if filled is not None else self._in_overrides(self._parameter(call, each, position))
        return found

    def _filled(self, call: Call, target: Scope, position: object) -> Attribute | None:
        """Return the attribute that an argument of a generated constructor fills."""
        if target.kind != "class" or any(each.keyword in {"*", "**"} for each in call.arguments):
            return None
        name = dataclass_fields.filled(self.program, target, position)
        top = self._top(target, name) if name is not None else None
        return Attribute(top.module.path, top.number, name) if top is not None and name is not None else None

    def _in_overrides(self, place: Variable) -> list[Variable]:
        """Return a parameter, and those at its place in methods that may run instead of its own."""
        function = self.program.module(place.path).scope(place.scope)
        number = [each[0] for each in function.parameters].index(place.name)
        found = [place]
        for each in self.relatives(function):
            if number >= len(each.parameters) or each.parameters[number][1] in {"*", "**"}:
                raise Unfit("SQL112", f"`{each.name}` takes it in another way in another class", each.span.start)
            found.append(Variable(each.module.path, each.number, each.parameters[number][0]))
        return found

    def relatives(self, function: Scope) -> list[Scope]:
        """Return the methods that a call of a method may reach instead of it: those of bases, and of what derives."""
        owner = function.module.scope(function.parent) if function.parent >= 0 else None
        if owner is None or owner.kind != "class" or function.name == "__init__":
            return []
        found: list[Scope] = []
        for each in self.program.definitions(function.name):
            other = each.module.scope(each.parent) if each.kind == "function" and each.parent >= 0 else None
            if (
                other is None
                or other.kind != "class"
                or (other.module is owner.module and other.number == owner.number)
            ):
                continue
            if self.program.are_related(owner, other):
                found.append(each)
        return found

    def _parameter(self, call: Call, target: Scope, position: object) -> Variable:
        function = target
        if target.kind == "class":
            made = self.program.find_method(target, "__init__")
            if made is None:
                message = f"it is passed to `{target.name}`, whose constructor cannot be seen"
                raise Unfit("SQL112", message, call.span.start)
            function = made
        starred = any(each.keyword in {"*", "**"} for each in call.arguments)
        name = ""
        if isinstance(position, int) and not starred:
            plain = [each[0] for each in function.parameters if each[1] in {"plain", "posonly"}]
            number = position + self._bound(call, target, function)
            name = plain[number] if number < len(plain) else ""
        elif isinstance(position, str) and position not in {"*", "**"}:
            named = [each[0] for each in function.parameters if each[1] in {"plain", "kw"}]
            name = position if position in named else ""
        if not name:
            message = f"it is passed to `{call.tail}` in a way that cannot be followed"
            raise Unfit("SQL112", message, call.span.start)
        return Variable(function.module.path, function.number, name)

    def _bound(self, call: Call, target: Scope, function: Scope) -> int:
        """Return how many parameters stand before the first argument."""
        if target.kind == "class":
            return 1
        owner = self.program.method_owner(function.module, function.number)
        if owner is None or owner.number != function.parent or self.program.is_static(function):
            return 0
        if call.function[0] == "a" and not _is_classmethod(function):
            named = call.function[1][0] in {"n", "a"}
            # Store.save(store, connection)
            if named and self.receivers.class_named(call.module, call.scope, call.function[1]) is not None:
                return 0
        return 1

    def all_handed_out(self, function: Scope) -> list[Place]:
        """Return the places of what a function gives, and methods that may run instead of it.

        Raises:
            Unfit: it cannot be followed.
        """
        return [self.handed_out(each) for each in (function, *self.relatives(function))]

    def handed_out(self, function: Scope) -> Place:
        """Return the place of what a function gives.

        Raises:
            Unfit: it is a generator.
        """
        if is_requested(self.program, function):
            return Requested(function.module.path, function.number, shared=is_fixture(function))
        manager = any(function.module.dotted(function.parent, each) in _MANAGERS for each in function.decorators)
        if function.is_generator and not manager:
            start = function.span.start
            raise Unfit("SQL110", f"`{function.name}` is a generator that yields it; open it where it is used", start)
        kind = Yielded if manager else Returned
        return kind(function.module.path, function.number)

    def all_parts(self, function: Scope, numbers: Iterable[int]) -> list[Item]:
        """Return the places of some of what a function gives together, and methods that may run instead of it.

        Raises:
            Unfit: it cannot be followed.
        """
        found: list[Item] = []
        for each in (function, *self.relatives(function)):
            if not isinstance(self.handed_out(each), Returned) or _is_property(each):
                message = f"what `{each.name}` gives together is not what a call of it gives; hand it on by itself"
                raise Unfit("SQL111", message, each.span.start)
            found += (Item(each.module.path, each.number, number) for number in numbers)
        return found

    # --- what is read from a place ----------------------------------------------------------------------------------

    def values(self, place: Place) -> Iterator[Value]:
        """Yield every expression that reads a place.

        Raises:
            Unfit: something may read it that cannot be told.
        """
        match place:
            case Variable():
                yield from self._of_variable(place)
            case Attribute():
                yield from self._of_attribute(place)
            case Field():
                yield from self._of_field(place)
            case State():
                yield from self._of_state(place)
            case OfRequest():
                kept_by_g.check_class(self.program, place.name)
                for found in kept_by_g.reads(self.program, place.name):
                    yield Value(*found)
            case Returned():
                yield from self._of_calls(place)
            case Yielded():
                yield from self._of_managers(place)
            case Requested():
                yield from self._of_fixture(place)
            case Item():
                yield from self._of_parts(place)

    def _of_variable(self, place: Variable) -> Iterator[Value]:
        module = self.program.module(place.path)
        for read in module.reads(place.scope, place.name):
            yield Value(module, read.scope, read.span, ["n", place.name], read.use)
        if place.scope != 0:
            return
        self.program.want(place.name)
        for other in self.program.modules:
            if other is module:
                continue
            if self._imports(other, module, place.name):
                # Whoever imports it gets what it holds at that time.
                message = f"`{place.name}` is imported by {other.path}; import the module, and read it there"
                raise Unfit("SQL111", message, -1)
            for base, use, scope, start, end in other.facts["attribute_reads"].get(place.name, ()):
                if self.program.owner_of(other.dotted(scope, ["a", base, place.name]) or "") == (module, place.name):
                    yield Value(other, scope, Span(start, end), ["a", base, place.name], use)

    def _imports(self, other: Module, module: Module, name: str) -> bool:
        """Tell whether a module imports a name of another one, by itself or with all others: `from store import *`."""
        return any(
            self.program.owner_of(target) == (module, name)
            or (each.name == "*" and name[0] != "_" and target.removesuffix("*").removesuffix(".") == module.name)
            for each in other.imports()
            if (target := other.import_target(each))
        )

    def _check_shared(self, module: Module, name: str) -> None:
        """Refuse a variable of a module that other modules get at.

        Raises:
            Unfit: one does.
        """
        self.program.want(name)
        for other in self.program.modules:
            if other is module:
                continue
            imported = self._imports(other, module, name)
            read = any(
                self.program.owner_of(other.dotted(each[2], ["a", each[0], name]) or "") == (module, name)
                for each in other.facts["attribute_reads"].get(name, ())
            )
            if imported or read:
                raise Unfit("SQL111", f"`{name}`, in which it is kept, is used by {other.path}, too", -1)

    def _of_attribute(self, place: Attribute) -> Iterator[Value]:
        top = self.program.module(place.path).scope(place.owner)
        self._check_computed(top, place.name)
        self._check_views(top, place.name)
        self.program.want(place.name, "read", beside=self._beside(top, place.name))
        for module in self.program.modules_with("attribute_reads", place.name):
            for base, use, scope, start, end in module.facts["attribute_reads"][place.name]:
                if self._is_of(module, scope, base, top, place.name, start):
                    yield Value(module, scope, Span(start, end), ["a", base, place.name], use)

    def _check_computed(self, top: Scope, name: str) -> None:
        """Refuse an attribute whose name is computed, or written as text: `getattr(store, "_db")`."""
        for tail in ("getattr", "setattr", "__setattr__", "attrgetter", "delattr"):
            for call in self.program.calls_named(tail, want=False):
                if any(each.shape[:3] == ["k", "str", name] for each in call.arguments):
                    kind = self.receivers.kind(call.module, call.scope, call.arguments[0].shape)
                    related = isinstance(kind, Scope) and (
                        self.program.are_related(kind, top) or self._is_protocol(kind)
                    )
                    apart = kind is not None and not related
                    if apart and tail != "attrgetter":
                        continue  # it is asked of something else
                    where = f"{call.module.path}:{call.module.position(call.span.start).line}"
                    raise Unfit("SQL119", f"`{tail}` names the attribute `{name}` at {where}; write it out", -1)

    def _check_views(self, top: Scope, name: str) -> None:
        """Refuse an attribute of objects that are looked at as a whole: `vars(self)["_db"]`."""
        for tail in ("vars", "asdict", "astuple"):
            for call in self.program.calls_named(tail, want=False):
                shown = call.arguments[0].shape if call.arguments else None
                self._check_view(call.module, call.scope, shown, top, call)
        for module in self.program.modules_with("attribute_reads", "__dict__"):
            for base, _use, scope, start, _end in module.facts["attribute_reads"]["__dict__"]:
                owner = self.class_of(module, scope, base)
                if owner is not None and self.program.are_related(owner, top):
                    where = f"{module.path}:{module.position(start).line}"
                    raise Unfit("SQL119", f"`__dict__`, which holds `{name}`, is read at {where}", -1)

        for each in self._classes():
            if not self.program.are_related(each, top):
                continue
            for module in self.program.modules_with("reads", each.name):
                for read in module.reads_of(each.name):
                    if read.use[0] == "match" and module.dotted(read.scope, ["n", each.name]) is not None:
                        where = f"{module.path}:{module.position(read.span.start).line}"
                        raise Unfit("SQL119", f"a pattern takes the object that keeps `{name}` apart at {where}", -1)

    def _check_view(self, module: Module, scope: int, shape: list[Any] | None, top: Scope, call: Call) -> None:
        owner = self.class_of(module, scope, shape) if shape is not None else None
        if owner is not None and self.program.are_related(owner, top):
            where = f"{module.path}:{module.position(call.span.start).line}"
            raise Unfit("SQL119", f"`{call.tail}` looks at the object that keeps it at {where}", -1)

    def _beside(self, top: Scope, name: str) -> frozenset[str]:
        return frozenset({top.name}) if name.startswith("_") else frozenset()

    def _is_of(self, module: Module, scope: int, base: list[Any], top: Scope, name: str, offset: int) -> bool:
        """Tell whether an attribute is one of an instance of a class, or of one that derives from it.

        Raises:
            Unfit: nobody can tell.
        """
        owner = self.class_of(module, scope, base, offset)
        if owner is not None:
            if self.program.derives(owner, top):
                return True
            if self.program.derives(top, owner):
                sibling = self._sibling(owner, top, name)
                if sibling is None:
                    return True
                where = f"{module.path}:{module.position(offset).line}"
                message = f"`{name}`, read at {where}, may be that of a `{sibling.name}`, which is another one"
                raise Unfit("SQL119", message, -1)
            if self.program.are_related(owner, top):
                return not self._mentions_store(owner, name)
            if not self._is_protocol(owner):
                return False
            if self._mentions_store(owner, name):
                where = f"{module.path}:{module.position(offset).line}"
                message = f"`{name}`, read of the Protocol `{owner.name}` at {where}, may be that of a `{top.name}`"
                raise Unfit("SQL119", f"{message}; annotate a class there", -1)
            # if hasattr(backend, "db"): backend.db.close()        what a Protocol lacks, that which stands for it has
            return self._may_be_unseen(module, top, name, offset)
        kind = self.receivers.kind(module, scope, base)
        if isinstance(kind, str) or self.program.dotted(module, scope, ["a", base, name]) is not None:
            return False
        return self._may_be_unseen(module, top, name, offset)

    def _may_be_unseen(self, module: Module, top: Scope, name: str, offset: int) -> bool:
        """Return True for an attribute of something unknown whose name only one class has, which is a guess.

        Raises:
            Unfit: other classes have such an attribute, too.
        """
        if self._is_only(top, name):
            self.guessed.add((module.path, module.position(offset).line, name))
            return True
        where = f"{module.path}:{module.position(offset).line}"
        raise Unfit("SQL119", f"`{name}` of something unknown is read at {where}; annotate what it is read of", -1)

    def _sibling(self, owner: Scope, top: Scope, name: str) -> Scope | None:
        """Return a class below `owner` that gives an attribute another value than `top` does, None where none does."""
        line = {(each.module.path, each.number) for each in (*self.program.heirs(top), *self.program.ancestors(top))}
        others = (each for each in self.program.heirs(owner) if (each.module.path, each.number) not in line)
        return next((each for each in others if self._mentions_store(each, name)), None)

    def _classes(self) -> list[Scope]:
        return list(self.program.classes())

    def _mentions_store(self, owner: Scope, name: str) -> bool:
        """Tell whether a class, or one of its bases or heirs, gives the attribute a value of its own."""
        return any(
            (around := self.receivers.class_around(module, scope, base)) is not None
            and (self.program.derives(around, owner) or self.program.derives(owner, around))
            for module in self.program.modules_with("attribute_stores", name)
            for base, _value, scope, _start in module.facts["attribute_stores"][name]
        ) or bool(owner.module.bindings(owner.number, name))

    def _is_only(self, top: Scope, name: str) -> bool:
        """Tell whether no other class of the program has an attribute of that name."""
        for module in self.program.modules_with("attribute_stores", name):
            for base, _value, scope, _start in module.facts["attribute_stores"][name]:
                around = self.receivers.class_around(module, scope, base)
                if around is None or not (self.program.derives(around, top) or self.program.derives(top, around)):
                    return False
        return not any(
            each.module.bindings(each.number, name) and not self.program.derives(each, top) for each in self._classes()
        )

    def _of_field(self, place: Field) -> Iterator[Value]:
        self._check_shared(self.program.module(place.path), place.variable)
        self.program.want(place.name, "read")
        for module in self.program.modules_with("attribute_reads", place.name):
            for base, use, scope, start, end in module.facts["attribute_reads"][place.name]:
                found = self.attribute(module, scope, base, place.name)
                if found == place:
                    yield Value(module, scope, Span(start, end), ["a", base, place.name], use)
                elif found is None and module.path == place.path:
                    raise Unfit("SQL119", f"`{place.name}` of something unknown is read; give it another name", start)
        yield from self._by_name(place)

    def _by_name(self, place: Field) -> Iterator[Value]:
        """Yield where a namespace is asked for an attribute by its name: `getattr(local, "db", None)`.

        Raises:
            Unfit: the namespace is handed on, or looked at as a whole.
        """
        module = self.program.module(place.path)
        for read in module.reads(0, place.variable):
            match read.use:
                case ["attr", "__dict__", *_]:
                    pass
                case ["attr" | "meth" | "dest" | "del" | "ann" | "expr", *_]:
                    continue
                case ["arg", int() as index, 0]:
                    call = module.call(index)
                    if self.named(call) == place:
                        default = call.argument(2)
                        if default is not None and default.shape[:2] != ["k", "NoneType"]:
                            message = f"`getattr` gives something else where there is no `{place.name}`"
                            raise Unfit("SQL119", message, call.span.start)
                        yield Value(module, call.scope, call.span, ["c", index], call.use)
                        continue
                    if _attribute_named(call) is not None:
                        continue
                case _:
                    pass
            message = f"`{place.variable}`, which keeps it, is handed on, or looked at as a whole"
            raise Unfit("SQL119", message, read.span.start)

    def _of_state(self, place: State) -> Iterator[Value]:
        self.program.want(place.name, "read")
        for module in self.program.modules_with("attribute_reads", place.name):
            for base, use, scope, start, end in module.facts["attribute_reads"][place.name]:
                if self._is_kept(module, scope, base, place.name, start):
                    yield Value(module, scope, Span(start, end), ["a", base, place.name], use)
        for tail in ("getattr", "hasattr", "delattr", "setattr", "attrgetter"):
            for call in self.program.calls_named(tail, want=False):
                if any(each.shape[:3] == ["k", "str", place.name] for each in call.arguments):
                    yield from self._by_its_name(place, call)
        for module in self.program.modules_with("attribute_reads", "state"):
            items = [(each[0], each[3]) for each in module.facts["item_stores"]]
            for base, use, scope, start, _end in module.facts["attribute_reads"]["state"]:
                whole = ["a", base, "state"]
                looked = (use == ["dest"] and (whole, scope) in items) or _is_looked_into(module, use)
                if looked and self.receivers.kind(module, scope, whole) == KEPT:
                    where = f"{module.path}:{module.position(start).line}"
                    raise Unfit("SQL119", f"`state`, which keeps it, is looked at as a whole at {where}", -1)

    def _by_its_name(self, place: State, call: Call) -> Iterator[Value]:
        """Yield a call that asks what applications keep for an attribute by its name.

        Raises:
            Unfit: nobody can tell whether it does, or it does something else.
        """
        where = f"{call.module.path}:{call.module.position(call.span.start).line}"
        kind = self.receivers.kind(call.module, call.scope, call.arguments[0].shape)
        if self.named(call) == place:
            default = call.argument(2)
            if default is not None and default.shape[:2] != ["k", "NoneType"]:
                message = f"`getattr` gives something else where there is no `{place.name}` ({where})"
                raise Unfit("SQL119", message, -1)
            yield Value(call.module, call.scope, call.span, ["c", call.index], call.use)
        elif kind is None or (kind == KEPT and call.tail not in {"hasattr", "delattr"}):
            raise Unfit("SQL119", f"`{call.tail}` names the attribute `{place.name}` at {where}; write it out", -1)

    def _is_kept(self, module: Module, scope: int, base: list[Any], name: str, offset: int) -> bool:
        """Tell whether an attribute is one of what applications keep.

        Raises:
            Unfit: nobody can tell.
        """
        kind = self.receivers.kind(module, scope, base)
        if kind == KEPT:
            return True
        if kind is not None or self.class_of(module, scope, base, offset) is not None:
            return False
        if self.program.dotted(module, scope, ["a", base, name]) is not None:
            return False
        if base[0] == "a" and base[2] == "state":
            self.guessed.add((module.path, module.position(offset).line, name))
            return True
        where = f"{module.path}:{module.position(offset).line}"
        raise Unfit("SQL119", f"`{name}` of something unknown is read at {where}; annotate what it is read of", -1)

    def named(self, call: Call) -> Place | None:
        """Return the attribute of a namespace that a call asks for by its name, None for any other call."""
        kept = kept_by_g.asked(self.program, call)
        if kept is not None:
            return OfRequest(kept)
        name = _attribute_named(call) if call.function == ["n", "getattr"] else None
        return self._in_namespace(call.module, call.scope, call.arguments[0].shape, name) if name is not None else None

    def _of_calls(self, place: Returned) -> Iterator[Value]:
        function = self.program.module(place.path).scope(place.function)
        if _is_property(function):
            owner = self.program.method_owner(function.module, function.number)
            if owner is not None:
                read = self._of_attribute(Attribute(owner.module.path, owner.number, function.name))
                yield from (replace(each, computed=True) for each in read)
            return
        for call in self._called(function):
            made = ["c", call.index]
            if not function.is_async:
                yield Value(call.module, call.scope, call.span, made, call.use)
            elif call.use[0] == "await":
                yield Value(call.module, call.scope, call.span, ["w", made], call.use[1])
            else:
                where = f"{call.module.path}:{call.module.position(call.span.start).line}"
                message = f"the coroutine of `{function.name}`, which hands it out, is handed on at {where}"
                raise Unfit("SQL110", f"{message}; await it there", -1)

    def calls(self, function: Scope) -> Iterator[Call]:
        """Yield the calls of a function, those among them that only may be.

        Raises:
            Unfit: the function is handed on, so that not all calls of it can be seen.
        """
        references = [
            each
            for each in self.program.references(function)
            if each.use[0] not in {"ann", "deco", "expr"} and not is_followed(self.program, function, each)
        ]
        if references:
            where = f"{references[0].module.path}:{references[0].module.position(references[0].span.start).line}"
            message = f"`{function.name}`, which hands it out, is passed on at {where}"
            raise Unfit("SQL110", message, -1)
        valued = value_calls(self.program, function)
        yield from valued
        seen = {(each.module.path, each.index) for each in valued}
        for call, certain in self.program.callers(function):
            if (call.module.path, call.index) in seen:
                continue
            if certain:
                yield call
                continue
            reached = self.receivers.reached(call)
            if function in (reached.functions if reached.known else self.receivers.guessed(call)):
                yield call
            elif not reached.known and not self.receivers.guessed(call):
                where = f"{call.module.path}:{call.module.position(call.span.start).line}"
                message = f"a call of `{call.tail}` on something unknown may hand it out ({where})"
                raise Unfit("SQL119", f"{message}; annotate the receiver", -1)

    def beside(self, place: Place) -> Iterator[Returned | Yielded]:
        """Yield what is given in the same place as what a function gives, where calls of values run either.

        Raises:
            Unfit: that is given in another way.
        """
        if not isinstance(place, (Returned, Yielded)):
            return
        function = self.program.module(place.path).scope(place.function)
        for call in value_calls(self.program, function):
            for other in self.receivers.reached(call).functions:
                places = self.all_handed_out(other) if other.kind == "function" else []
                found = [each for each in places if isinstance(each, type(place))]
                if not found or len(found) != len(places):
                    where = f"{call.module.path}:{call.module.position(call.span.start).line}"
                    message = f"`{function.name}`, which hands it out, or `{other.name}` is called at {where}"
                    raise Unfit("SQL110", f"{message}, and they give it in different ways", -1)
                yield from found

    def _called(self, function: Scope) -> list[Call]:
        """Return the calls of a function; where there are none, they are those of methods in its place.

        Raises:
            Unfit: nobody in the program calls it.
        """
        calls = list(self.calls(function))
        if not calls and not any(True for each in self.relatives(function) for _ in self.calls(each)):
            message = f"nobody in the program calls `{function.name}`, which hands it out: others do, and await nothing"
            raise Unfit("SQL110", message, function.span.start)
        return calls

    def _of_parts(self, place: Item) -> Iterator[Value]:
        function = self.program.module(place.path).scope(place.function)
        for call in self._called(function):
            if call.use == ["expr"]:
                continue
            parts = call.module.unpacked(call.index)
            if place.number >= len(parts):
                where = f"{call.module.path}:{call.module.position(call.span.start).line}"
                message = f"what `{function.name}` gives together is not taken apart right there at {where}"
                if call.use[0] == "await":
                    message = f"what the coroutine function `{function.name}` gives together is not followed ({where})"
                    raise Unfit("SQL111", f"{message}; open it where it is used", -1)
                raise Unfit("SQL111", f"{message}; write `first, second = {function.name}(...)`, variables alone", -1)
            name, start = parts[place.number]
            bound = ["asg", call.scope, name]
            yield Value(call.module, call.scope, Span(start, start + len(name)), ["n", name], bound)

    def _of_fixture(self, place: Requested) -> Iterator[Value]:
        fixture = self.program.module(place.path).scope(place.function)
        who = requesters(self.program, fixture)
        if not who.complete:
            message = f"what `{fixture.name}` gives may be requested in a way that cannot be followed"
            raise Unfit("SQL119", message, fixture.span.start)
        for call in self.program.callers(fixture):
            if fixture.is_generator:
                where = f"{call[0].module.path}:{call[0].module.position(call[0].span.start).line}"
                message = f"`{fixture.name}` yields it to whoever requests it, and is called at {where} as well"
                raise Unfit("SQL119", message, fixture.span.start)
            yield Value(call[0].module, call[0].scope, call[0].span, ["c", call[0].index], call[0].use)
        for function, name in who.found:
            bound = ["asg", function.number, name]
            yield Value(function.module, function.number, function.span, ["n", name], bound)

    def _of_managers(self, place: Yielded) -> Iterator[Value]:
        function = self.program.module(place.path).scope(place.function)
        for call in self._called(function):
            if call.use[0] != "with":
                raise Unfit(
                    "SQL110", f"the context manager `{function.name}` is used in another way than by `with`", -1
                )
            guard = blocks.entered(call.module, call)
            if guard is None or blocks.names_with(call.module, guard):
                raise Unfit("SQL111", f"what `{function.name}` yields is stored, and lives on", -1)
            if guard.name:
                # What is entered is not what is bound.
                bound = ["asg", call.scope, guard.name]
                yield Value(call.module, call.scope, call.span, ["n", guard.name], bound)

    # --- what is put into a place -----------------------------------------------------------------------------------

    def sources(self, place: Place) -> Iterator[Source]:
        """Yield everything that is put into a place."""
        match place:
            case Variable():
                yield from self._into_variable(place)
            case Attribute():
                yield from self._into_attribute(place)
            case Field():
                yield from self._into_field(place)
            case State():
                yield from self._into_state(place)
            case OfRequest():
                for found in kept_by_g.stores(self.program, place.name):
                    yield Source(*found)
            case Returned():
                function = self.program.module(place.path).scope(place.function)
                for shape in function.returned:
                    yield Source(function.module, function.number, shape, function.span.start)
            case Item():
                function = self.program.module(place.path).scope(place.function)
                for shape in function.returned:
                    yield Source(function.module, function.number, items.part(shape, place.number), function.span.start)
            case Yielded() | Requested():
                pass  # whatever is yielded was followed to here, and a manager yields once

    def _into_variable(self, place: Variable) -> Iterator[Source]:
        module = self.program.module(place.path)
        for each in module.bindings(place.scope, place.name):
            match each.kind:
                case "assign" | "with":
                    yield Source(module, each.scope, each.payload, each.start, entered=each.kind == "with")
                case "param":
                    yield from self._into_parameter(place, each.start)
                case "unpack":
                    yield Source(module, each.scope, items.given(module, each.payload, each.start), each.start)
                case "declared" | "global" | "nonlocal" | "del":
                    pass
                case _:
                    yield Source(module, each.scope, None, each.start)
        if place.scope == 0:
            for other in self.program.modules_with("attribute_stores", place.name):
                for base, value, scope, start in other.facts["attribute_stores"][place.name]:
                    dotted = other.dotted(scope, base)
                    if dotted is not None and self.program.owner_of(f"{dotted}.{place.name}") == (module, place.name):
                        yield Source(other, scope, value, start)

    def _into_parameter(self, place: Variable, offset: int) -> Iterator[Source]:
        function = self.program.module(place.path).scope(place.scope)
        parameter = next(each for each in function.parameters if each[0] == place.name)
        if parameter[1] in {"*", "**"}:
            yield Source(function.module, function.number, None, offset)
            return
        who = givers(self.program, function, place.name)
        for each in who or ():
            given = (each.module.yielded(each.number) if each.is_generator else each.returned) if each else [None]
            for shape in given or [None]:
                yield Source(each.module if each else function.module, each.number if each else 0, shape, offset)
        if parameter[3] is not None and who is None:
            yield Source(function.module, function.parent, parameter[3], offset)
        for call, certain in self.program.callers(function):
            if not certain:
                reached = self.receivers.reached(call)
                if function not in (reached.functions if reached.known else self.receivers.guessed(call)):
                    continue
            yield from self._argument(call, function, place.name)
        if is_partly(self.program, function):
            yield Source(function.module, function.number, None, offset)
        for call in value_calls(self.program, function):
            yield from self._argument(call, function, place.name)

    def _argument(self, call: Call, function: Scope, name: str) -> Iterator[Source]:
        plain = [each[0] for each in function.parameters if each[1] in {"plain", "posonly"}]
        target, _known = self.program.target_of(call)
        made = function.name == "__init__" and call.tail != "__init__"
        bound = 1 if made else self._bound(call, target or function, function)
        position = plain.index(name) - bound if name in plain else -1
        if any(each.keyword in {"*", "**"} for each in call.arguments):
            yield Source(call.module, call.scope, None, call.span.start)
            return
        given = call.argument(position if position >= 0 else len(call.arguments), name)
        if given is not None:
            yield Source(call.module, call.scope, given.shape, given.span.start)

    def _into_attribute(self, place: Attribute) -> Iterator[Source]:
        top = self.program.module(place.path).scope(place.owner)
        for owner in self._classes():
            if self.program.derives(owner, top) or self.program.derives(top, owner):
                for each in owner.module.bindings(owner.number, place.name):
                    if each.kind == "assign":
                        yield Source(owner.module, owner.number, each.payload, each.start)
                    elif each.kind == "def":
                        property_of = owner.module.scope(each.payload)
                        yield Source(owner.module, owner.number, None, property_of.span.start)
                yield from self._into_instances(owner, place.name)
        self.program.want(place.name, "read", beside=self._beside(top, place.name))
        for module in self.program.modules_with("attribute_stores", place.name):
            for base, value, scope, start in module.facts["attribute_stores"][place.name]:
                if self._is_of(module, scope, base, top, place.name, start):
                    yield Source(module, scope, value, start)

    def _into_instances(self, owner: Scope, name: str) -> Iterator[Source]:
        """Yield what fills an attribute where objects of a dataclass are made."""
        if dataclass_fields.may_be_filled(self.program, owner, name):
            yield Source(owner.module, owner.number, None, owner.span.start)
        fields = dataclass_fields.fields_of(self.program, owner) or ()
        if name not in {each.name for each in fields}:
            return
        for read in dataclass_fields.handed_on(self.program, owner):
            yield Source(read.module, read.scope, None, read.span.start)
        for call in self.program.calls_named("replace", beside=frozenset({"dataclasses", "copy"})):
            if call.argument(len(call.arguments), name) or call.argument(len(call.arguments), "**"):
                yield Source(call.module, call.scope, None, call.span.start)
        for call, certain in self.program.callers(owner):
            reached = self.receivers.reached(call) if not certain else None
            if reached is not None and owner not in (
                reached.functions if reached.known else self.receivers.guessed(call)
            ):
                continue
            if any(each.keyword in {"*", "**"} for each in call.arguments):
                yield Source(call.module, call.scope, None, call.span.start)
            elif (given := dataclass_fields.given(self.program, owner, name, call)) is not None:
                yield Source(call.module, call.scope, given.shape, given.span.start)

    def _into_field(self, place: Field) -> Iterator[Source]:
        for module in self.program.modules_with("attribute_stores", place.name):
            for base, value, scope, start in module.facts["attribute_stores"][place.name]:
                if self.attribute(module, scope, base, place.name) == place:
                    yield Source(module, scope, value, start)

    def _into_state(self, place: State) -> Iterator[Source]:
        for module in self.program.modules_with("attribute_stores", place.name):
            for base, value, scope, start in module.facts["attribute_stores"][place.name]:
                if self._is_kept(module, scope, base, place.name, start):
                    yield Source(module, scope, value, start)


def _is_property(function: Scope) -> bool:
    return any(function.module.dotted(function.parent, each) in _PROPERTIES for each in function.decorators)


def _is_getter(method: Scope) -> bool:
    """Tell whether a method is all that there is of a property."""
    return _is_property(method) and len(method.module.bindings(method.parent, method.name)) == 1


def _is_looked_into(module: Module, use: list[Any]) -> bool:
    """Tell whether something else is done with a namespace than to ask for its attributes, or to hand it on."""
    match use:
        case ["multi", uses]:
            return any(_is_looked_into(module, each) for each in uses)
        case ["arg", int() as index, _]:
            call = module.call(index)
            return module.dotted(call.scope, call.function) in {"builtins.vars", "builtins.dict", "builtins.iter"}
        case ["attr" | "meth", "_state", *_] | ["sub" | "iter" | "subdel" | "star", *_]:
            return True
        case _:
            return False


def _is_classmethod(function: Scope) -> bool:
    return any(each[-1] == "classmethod" for each in function.decorators if each[0] in {"n", "a"})


def _attribute_named(call: Call) -> str | None:
    """Return the name of the attribute that `getattr` and its like are given as text."""
    if call.module.dotted(call.scope, call.function) not in _BY_NAME or len(call.arguments) < 2:  # noqa: PLR2004
        return None
    name = call.arguments[1].shape
    return str(name[2]) if name[:2] == ["k", "str"] and name[2] is not None else None
