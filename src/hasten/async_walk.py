"""One walk from where a value is bound, through all that it is handed on by, to where it is called.

What is followed is a function, a class, or an object: through variables, attributes of objects, parameters, what
functions return, displays of which items are taken, and `functools.partial`. It ends well in calls, and in uses that
only look at the value; anything else is an end where nobody can follow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from hasten.async_families import Families
from hasten.async_fixtures import parametrized_by
from hasten.async_kinds import Kind, key_of, owner_of
from hasten.async_lookups import Lookups
from hasten.async_parametrized import PARAM, may_give, names_of, row_of
from hasten.async_receivers import COMMON_METHODS, Reached, Receivers, takes
from hasten.async_values import PARTIAL
from hasten.index.module import Call, Module, Read, Scope, Shape, Use
from hasten.index.program import Program

#: Uses of a value that neither call it nor hand it on.
_HARMLESS = frozenset({"cmp", "cond", "expr", "del", "ann", "fmt", "match", "base"})
#: The same, of a container: assigning to its items is seen by whoever asks what it holds.
_OF_CONTAINERS = frozenset({"cmp", "cond", "expr", "del", "ann", "dest"})
#: Uses of a class that make no instance.
_OF_CLASSES = frozenset({"except", "idx", "bin"})
_ATTRIBUTES = frozenset({"__name__", "__doc__", "__module__", "__qualname__", "__annotations__"})
#: Functions that only look at what they are given.
_LOOKING = frozenset(
    f"builtins.{each}" for each in ("callable", "id", "isinstance", "issubclass", "print", "repr", "str")
)
_LOOKING_AT_CONTAINERS = frozenset({"builtins.len", "builtins.bool"})
#: Where `parametrize` takes the values.
_ARGUMENT_OF_VALUES = 1
_DISPLAYS = frozenset({"dict", "tuple", "list"})
#: So many steps are taken from one place.
_MOST = 400
#: What a message about a value that is handed on says anyway.
HANDED_ON = "it is handed on"


@dataclass(frozen=True, slots=True)
class Step:
    """One use of what is followed, or of something that holds it, `depth` displays around it."""

    module: Module
    scope: int
    offset: int
    use: Use
    depth: int = 0

    @property
    def place(self) -> str:
        """Return path and line, for people."""
        return f"{self.module.path}:{self.module.position(self.offset).line}"


@dataclass(slots=True)
class Trail:
    """Where a value gets.

    Attributes:
        calls: where it is called.
        ends: where it gets to something that nobody can follow, and why.
        uses: of an object, where its attributes are read and its methods called.
        guesses: calls of which is taken for granted that they reach methods of the program, or something of others.
        partly: `partial` fills some of its parameters, so that the arguments of a call need not stand for the first.
        kept: it gets to a variable of a module or an attribute of an object, where others find it, too.
    """

    calls: list[Call] = field(default_factory=list)
    ends: list[tuple[Step, str]] = field(default_factory=list)
    uses: list[Step] = field(default_factory=list)
    guesses: list[Call] = field(default_factory=list)
    partly: bool = False
    kept: bool = False


class Ask(Protocol):
    """What a walk asks about the rest of the program."""

    program: Program
    receivers: Receivers
    families: Families
    lookups: Lookups

    def references(self, scope: Scope) -> list[Read]:
        """Return the reads of a function or class that are no calls."""

    def module_handed_on(self, module: Module) -> bool:
        """Tell whether a module is used as a value."""

    def replacing(self, name: str) -> list[Call]:
        """Return the calls that put something in the place of what has that name."""

    def objects_of(self, owner: Scope) -> Trail | None:
        """Return where the objects of a class, and of those below it, get; None where one of them gets away."""

    def is_partly(self, function: Scope) -> bool:
        """Tell whether some parameters of a function are filled by `partial` somewhere."""

    def fits_await(self, call: Call, function: Scope) -> bool:
        """Tell whether a call may be one of a plain function, as far as it is awaited already."""


class Walk:
    """One walk; `trail` is what comes out."""

    def __init__(self, ask: Ask, first: list[Step], what: Scope | None, *, is_object: bool = False) -> None:
        """Walk from the uses `first` of a function, a class, an object of a class, or None for a lambda."""
        self.trail = Trail()
        self._ask = ask
        self._program = ask.program
        self._receivers = ask.receivers
        self._what = what
        self._is_object = is_object
        self._pending = [*first]
        self._go()

    def _go(self) -> None:
        seen: set[tuple[str, int, str, int]] = set()
        while self._pending:
            step = self._pending.pop()
            key = step.module.path, step.offset, repr(step.use), step.depth
            if key in seen:
                continue
            seen.add(key)
            why = self._take(step) if len(seen) <= _MOST else "it goes on for too long"
            if why:
                self.trail.ends.append((step, why))
            if len(seen) > _MOST:
                return

    def _take(self, step: Step) -> str:
        """Go on from one use; return why that cannot be done, an empty string where it can."""
        module, depth = step.module, step.depth
        if step.use[0] in (_OF_CONTAINERS if depth else _HARMLESS):
            return ""
        if not depth and self._stays(step):
            return ""
        match step.use:
            case ["multi", uses]:
                self._pending += (Step(module, step.scope, step.offset, each, depth) for each in uses)
                return ""
            case ["call" | "callee", int() as number] if not depth:
                self.trail.calls.append(module.call(number))
                return ""
            case ["elem", kind, use] if kind in _DISPLAYS:
                return self._on(step, use, depth + 1)
            case ["sub", use] if depth:
                return self._on(step, use, depth - 1)
            case ["meth", "get", int() as number] if depth:
                return self._on(step, module.call(number).use, depth - 1)
            case ["meth", "keys", _] if depth:
                return ""
            case ["meth", name, _] if depth:
                return f"`{name}` of what holds it is called, and nobody can see what it holds then"
            case ["asg", int() as scope, str() as name]:
                return self._variable(module, scope, name, depth)
            case ["asgattr", base, str() as name]:
                owner = self._kind(module, step.scope, base)
                if not isinstance(owner, Scope):
                    return f"it is kept as `{name}` of " + (f"a `{owner}`" if owner else "something unknown")
                return self._attribute(owner, name, depth)
            case ["default"]:
                return self._default(step)
            case ["ret", int() as number]:
                return self._returned(module.scope(number), depth)
            case ["arg", int() as number, position]:
                return self._passed(step, module.call(number), position)
            case _:
                return "what holds it is handed on" if depth else HANDED_ON

    def _on(self, step: Step, use: Use, depth: int) -> str:
        self._pending.append(Step(step.module, step.scope, step.offset, use, depth))
        return ""

    def _stays(self, step: Step) -> bool:
        """Tell whether a use of the value itself goes nowhere, by what it is."""
        use = step.use
        if self._is_object:
            if use[0] not in {"attr", "meth", "dest"} or use[1:2] in (["__dict__"], ["__class__"]):
                return False
            self.trail.uses.append(step)
            return True
        if self._what is not None and self._what.kind == "class":
            if use[0] == "meth":
                return use[1] not in {"__call__", "__subclasses__", "mro"}
            return use[0] in _OF_CLASSES or (use[0] == "attr" and use[1] != "__init__")
        return use[0] == "attr" and use[1] in _ATTRIBUTES

    # --- variables ----------------------------------------------------------------------------------------------------

    def _variable(self, module: Module, scope: int, name: str, depth: int) -> str:
        """Go on from all uses of a variable."""
        found = module.lookup(scope, name)
        owner = found[0] if found is not None else scope
        if module.scope(owner).kind == "class":
            return f"`{name}` is an attribute of a class"
        for each in module.reads(owner, name):
            self._pending.append(Step(module, each.scope, each.span.start, each.use, depth))
        if owner:
            return ""
        self.trail.kept = True
        return self._elsewhere(module, name, depth)

    def _elsewhere(self, module: Module, name: str, depth: int) -> str:
        """Go on from the uses of a variable of a module in other modules."""
        self._program.want(name)
        if self._ask.module_handed_on(module):
            return f"the module of `{name}` is handed on"
        if next(module.calls_named("globals"), None) is not None:
            return f"`{name}` may be looked up by its name"
        for other in self._program.modules:
            for imported in other.imports() if other is not module else ():
                if not imported.level or imported.name not in {name, "*"}:
                    continue
                target = other.import_target(imported)
                if imported.name == "*" and self._program.named(target.removesuffix(".*")) is module:
                    return f"{other.path} imports everything, and `{name}` may come with it"
                if target != f"{module.name}.{name}":
                    continue
                bound = imported.asname or name
                if not imported.scope and self._is_imported_from(other, bound):
                    return f"`{name}` is imported through {other.path}"
                for each in other.reads(imported.scope, bound):
                    self._pending.append(Step(other, each.scope, each.span.start, each.use, depth))
        self._pending += self._read_as_attribute(
            name, depth, lambda home, scope, base: home.dotted(scope, base) == module.name
        )
        return ""

    def _is_imported_from(self, home: Module, name: str) -> bool:
        return any(
            each.level and each.name in {name, "*"} and other.import_target(each).rpartition(".")[0] == home.name
            for other in self._program.modules
            for each in other.imports()
        )

    # --- attributes ---------------------------------------------------------------------------------------------------

    def _read_as_attribute(self, name: str, depth: int, is_it: Callable[[Module, int, Shape], bool]) -> Iterator[Step]:
        for module in self._program.modules_with("attribute_reads", name):
            for base, use, scope, start, _end in module.facts["attribute_reads"].get(name, ()):
                if is_it(module, scope, base):
                    yield Step(module, scope, start, use, depth)
        for call in self._program.calls_named(name):
            if call.function[0] == "a" and is_it(call.module, call.scope, call.function[1]):
                yield Step(call.module, call.scope, call.span.start, ["callee", call.index], depth)

    def _attribute(self, owner: Scope, name: str, depth: int) -> str:
        """Go on from all places where an attribute of the instances of a class is read."""
        self.trail.kept = True
        self._program.want(name)
        alike = owner._replace(kind="function", name=name, parent=owner.number)
        if self._ask.lookups.of(alike):
            return f"`{name}` may be looked up by its name"
        setting = (call for call in self._program.calls_named("setattr", want=False) if call.function[0] == "n")
        for call in (*self._ask.replacing(name), *setting):
            if self._may_set(call, owner, name):
                return f"something else may be put in the place of `{name}` at {_place(call)}"
        for module in self._program.modules_with("attribute_reads", "__dict__"):
            for base, use, scope, start, _end in module.facts["attribute_reads"]["__dict__"]:
                kind = self._kind(module, scope, base) if use[0] in {"meth", "dest", "asg"} else None
                if isinstance(kind, Scope) and self._ask.families.share_class(kind, owner):
                    return f"`{name}` may be set by its name at {Step(module, scope, start, use).place}"
        doubtful: list[Step] = []
        unknown: list[Shape] = []

        def is_it(module: Module, scope: int, base: Shape) -> bool:
            dotted = self._program.dotted(module, scope, base)
            if dotted is not None and (not self._program.is_own(dotted) or self._program.named(dotted) is not None):
                return False
            kind = self._kind(module, scope, base)
            if isinstance(kind, Scope) and self._may_hand_out(kind):
                kind = None
            unknown.extend([base] if kind is None else [])
            return kind is None or (isinstance(kind, Scope) and self._ask.families.share_class(kind, owner))

        for each in self._read_as_attribute(name, depth, is_it):
            (doubtful if unknown else self._pending).append(each)
            unknown.clear()
        # Of some the type checker knows more.
        self._pending += (each for each in doubtful if each.use[0] == "callee" and self._reached(each).functions)
        called = [each for each in doubtful if each.use[0] == "callee" and not self._reached(each).known]
        calls = [call for each in called if self._may_call(call := each.module.call(each.use[1]))]
        # What is only read is followed as if it were this one.
        others = [each for each in doubtful if each.use[0] != "callee"]
        objects = self._ask.objects_of(owner) if calls or others else None
        if objects is not None:
            self._pending += _of_attribute(objects.uses, name, depth)
            self.trail.guesses += [*objects.guesses, *(calls if objects.guesses else ())]
            return ""
        if calls:
            return f"`{name}` may be what is called on something unknown at {_place(calls[0])}; annotate that"
        self._pending += others
        return ""

    def _reached(self, step: Step) -> Reached:
        return self._receivers.reached(step.module.call(step.use[1]))

    def _may_hand_out(self, owner: Scope) -> bool:
        """Tell whether an object of a class may stand for one of another class: a proxy, or what a Protocol names."""
        is_proxy = self._program.find_method(owner, "__getattr__") is not None
        return is_proxy or self._ask.families.definitions.is_protocol(owner)

    def _may_call(self, call: Call) -> bool:
        """Tell whether a call may be one of what is followed, by its arguments and what is done with its value."""
        if self._what is None or self._what.kind != "function":
            return True
        return (self.trail.partly or takes(self._what, call)) and self._ask.fits_await(call, self._what)

    def _may_set(self, call: Call, owner: Scope, name: str) -> bool:
        """Tell whether a call may give objects of a class, or the class, another value for an attribute."""
        #     setattr(side, name, save)        monkeypatch.setattr(Side, "save", fake)        patch("app.Side.save")
        on, asked = call.argument(0), call.argument(1)
        if on is None:
            return True
        if on.shape[:2] == ["k", "str"] and call.tail != "object":
            found = self._program.resolve(str(on.shape[2]).rpartition(".")[0])
            return found is not None and found.kind == "class" and self._ask.families.share_class(found, owner)
        named = asked is not None and asked.shape[:2] == ["k", "str"]
        if named and asked is not None and asked.shape[2] != name:
            return False
        kind = self._kind(call.module, call.scope, on.shape)
        if kind is None:
            # By a name that nobody can see, something unknown is given what has nothing to do with this.
            dotted = self._program.dotted(call.module, call.scope, on.shape)
            return named and (dotted is None or self._program.is_own(dotted))
        return isinstance(kind, Scope) and self._ask.families.share_class(kind, owner)

    def _kind(self, module: Module, scope: int, shape: Shape) -> Kind | None:
        """Return what an object is, or of which class an attribute is read."""
        around = self._receivers.class_around(module, scope, shape)
        named = self._receivers.class_named(module, scope, shape)
        return around or named or self._receivers.kind(module, scope, shape)

    # --- parameters and returns ---------------------------------------------------------------------------------------

    def _default(self, step: Step) -> str:
        """Go on from the parameter of which it is the default value."""
        found = False
        for function in step.module.scopes():
            if function.parent != step.scope or not function.span.start <= step.offset < function.span.end:
                continue
            for name, _kind, _annotation, default in function.parameters:
                if default is not None and default[0] != "k":
                    found = True
                    why = self._parameter(function, name, step.depth)
                    if why:
                        return why
        return "" if found else HANDED_ON

    def _parameter(self, function: Scope, name: str, depth: int) -> str:
        for each in self._ask.families.of(function) if function.kind == "function" else [function]:
            parameter = next((one for one in each.parameters if one[0] == name), None)
            if parameter is None or parameter[1] in {"*", "**"}:
                return f"`{function.name}` takes it with others"
            why = self._variable(each.module, each.number, name, depth)
            if why:
                return why
        return ""

    def _passed(self, step: Step, call: Call, position: int | str) -> str:
        """Go on from the parameter that takes it in a call."""
        dotted = self._program.dotted(call.module, call.scope, call.function)
        if dotted == PARTIAL and position == 0 and not step.depth:
            self.trail.partly = True
            return self._on(step, call.use, 0)
        if position == 1 and call.function[0] == "a" and call.tail == "get" and self._receivers.is_display(call):
            return self._on(step, call.use, step.depth)  # what there is if the key is not
        if dotted in (_LOOKING_AT_CONTAINERS if step.depth else _LOOKING):
            return ""
        if dotted == PARAM or call.tail == "parametrize":
            return self._parametrized(step, call, position)
        shown = call.tail or "a call"
        reached = self._receivers.reached(call)
        functions = reached.functions if reached.known else self._guessed(call)
        if not functions:
            return f"what holds it is handed to `{shown}`" if step.depth else HANDED_ON
        if position in {"*", "**"} or any(each.keyword == "*" for each in call.arguments):
            return f"it is handed to `{shown}` with others"
        for each in functions:
            function = self._program.find_method(each, "__init__") if each.kind == "class" else each
            if function is None:
                return f"it is handed to `{each.name}`, which has no constructor of its own"
            if self._program.target_of(call)[0] is None and self._ask.is_partly(function):
                return f"it is handed to what `partial` made of `{function.name}`"
            bound = int(each.kind == "class" or self._is_bound(call, function))
            plain = [one[0] for one in function.parameters if one[1] in {"plain", "posonly"}]
            if not isinstance(position, str) and position + bound >= len(plain):
                return f"it is handed to `{shown}` with others"
            name = position if isinstance(position, str) else plain[position + bound]
            why = self._parameter(function, name, step.depth)
            if why:
                return why
        return ""

    def _parametrized(self, step: Step, call: Call, position: int | str) -> str:
        """Go on from the parameters of a test that pytest runs for several values."""
        row = row_of(self._program, call)
        several = row is not None and len(names_of(self._program, row) or ()) > 1
        if not several and position == 0 and call.tail != "parametrize":
            return self._on(step, call.use, step.depth)  # pytest.param(save)
        taken = parametrized_by(self._program, row or call, _ARGUMENT_OF_VALUES if row is not None else position)
        if taken is None:
            return HANDED_ON
        function, names = taken
        if row is not None:  # pytest.param("all", save)
            found, depth = names[position : position + 1] if isinstance(position, int) else [], step.depth
        elif len(names) == 1:
            found, depth = names, step.depth - 1
        else:
            found = [each for each in names if may_give(self._program, call, each, self._what)]
            depth = step.depth - 2
        if not found or depth < 0:
            return HANDED_ON
        return next((why for each in found if (why := self._parameter(function, each, depth))), "")

    def _guessed(self, call: Call) -> tuple[Scope, ...]:
        """Return the methods of the program to which a call on something unknown may hand an object, by its name."""
        if not self._is_object or call.function[0] != "a" or call.tail in COMMON_METHODS:
            return ()
        found = tuple(each for each in self._ask.families.methods(call.tail) if takes(each, call))
        self.trail.guesses += [call] if found else []
        return found

    def _is_bound(self, call: Call, function: Scope) -> bool:
        """Tell whether a call gives the first parameter of a method by itself."""
        if owner_of(function) is None or self._program.is_static(function):
            return False
        of_class = any(each[-1] == "classmethod" for each in function.decorators if each[0] in {"n", "a"})
        named = call.function[0] == "a" and self._receivers.class_named(call.module, call.scope, call.function[1])
        return of_class or not named

    def _returned(self, function: Scope, depth: int) -> str:
        """Go on from the calls of the function that returns it."""
        if function.kind != "function" or function.is_async or function.is_generator or function.decorators:
            return f"`{function.name}` returns it"
        if len(self._ask.families.of(function)) > 1 or self._ask.references(function):
            return f"`{function.name}` returns it, and may be called by others"
        calls = self._program.callers(function)
        if not calls:
            return f"`{function.name}` returns it, and nobody in the program calls that"
        for call, certain in calls:
            reached = None if certain else self._receivers.reached(call)
            if reached is not None and not reached.known:
                return f"`{function.name}` returns it, and may be called at {_place(call)}"
            if reached is None or key_of(function) in map(key_of, reached.functions):
                self._pending.append(Step(call.module, call.scope, call.span.start, call.use, depth))
        return ""


def _of_attribute(uses: list[Step], name: str, depth: int) -> Iterator[Step]:
    """Yield what is done with one attribute of objects, of all that is done with these."""
    for step in uses:
        match step.use:
            case ["attr", attribute, use] if attribute == name:
                yield Step(step.module, step.scope, step.offset, use, depth)
            case ["meth", method, int() as number] if method == name:
                yield Step(step.module, step.scope, step.offset, ["callee", number], depth)


def _place(call: Call) -> str:
    return f"{call.module.path}:{call.module.position(call.span.start).line}"
