"""Constructors that have to wait, and stay constructors: what has to wait is done when the object is first used.

`Store(path)` makes an object as before. The part of `__init__` from the first statement that waits becomes a coroutine
function in it, which keeps the parameters. Every method that needs what that part makes waits for it first; it is run
once, under a lock. A method that only ends what was made does nothing to an object that was never used.

That is right as long as everybody who reads what is made there can wait. See `hasten.async_constructors` for others.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from hasten.async_families import Families
from hasten.async_forms import Form, More
from hasten.async_kinds import key_of, owner_of
from hasten.async_outside import Outside, Outsides
from hasten.async_places import because, function_around
from hasten.async_receivers import Receivers
from hasten.index.module import Call, Module, Scope, Shape
from hasten.index.program import Program
from hasten.model import ImportRequest, Span
from hasten.propagate import Constraint
from hasten.touches import touches_of

_INIT = "__init__"
_NAMES = ("_opening", "_first_use", "_opening_once")
_INNER = ("opened", "open_it", "opened_once")
#: Methods that end something, and give nothing.
_ENDING = frozenset({"close", "commit", "rollback", "interrupt"})
#: Functions that get at attributes by their names, or at all of them.
_BY_NAME = ("getattr", "hasattr", "setattr", "delattr", "attrgetter")
#: Methods that Python calls for attributes of other names, or instead of those that are there.
_COMPUTING = ("__getattr__", "__getattribute__", "__setattr__", "__delattr__")


@dataclass(frozen=True, slots=True)
class FirstUse:
    """Which constructors wait at the first use, and what the new code calls for that.

    Attributes:
        goes_for: tells whether a constructor is one of them.
        callee: the class of what runs the coroutine function once; it has the methods `wait` and `ends`.
        request: returns the import of it that a file needs.
        requires: returns the ids of the changes that make it importable there.
        trouble: returns why it cannot be imported there, or an empty string.
    """

    goes_for: Callable[[Scope], bool]
    callee: str
    request: Callable[[Module], ImportRequest]
    requires: Callable[[Module], tuple[str, ...]]
    trouble: Callable[[Module], str]


@dataclass(frozen=True, slots=True)
class Opener:
    """How one constructor is written.

    Attributes:
        form: of the constructor itself.
        methods: by method that needs what it makes, what is told to the transformer there.
        outside: the functions of others that read what it makes, each with where, and what is told there.
    """

    form: Form
    methods: Mapping[tuple[str, int], tuple[tuple[str, str], ...]]
    outside: tuple[tuple[Scope, More], ...] = ()


class FirstUses:
    """Answers for the constructors of one program."""

    def __init__(self, program: Program, receivers: Receivers, families: Families, first: FirstUse) -> None:
        """Take the program, what is known of it, and which constructors are asked about."""
        self.program = program
        self._receivers = receivers
        self._families = families
        self._first = first
        self._outsides = Outsides(program, receivers)
        # The constructors that wait, by key; whoever builds the graph tells.
        self.waiting: frozenset[tuple[str, int]] = frozenset()

    def goes_for(self, init: Scope) -> bool:
        """Tell whether a constructor is to stay."""
        return self._first.goes_for(init)

    def judge(
        self, init: Scope, waits: Iterable[Call], waiting: Callable[[Scope], bool]
    ) -> tuple[Opener | None, list[Constraint]]:
        """Return how a constructor is written that waits at the first use, or what stands in the way.

        Args:
            init: the constructor.
            waits: the calls in it that have to wait.
            waiting: tells whether a method is a coroutine function, or becomes one.
        """
        owner = owner_of(init)
        calls = sorted(waits, key=lambda each: each.span)
        if owner is None or not calls:
            return None, []
        begin = _statement(init, calls[0])
        troubles = [*self._unfit(init, owner, begin)]
        if troubles:
            return None, troubles
        made = self._made(init, owner, begin)
        related = self._related(owner)
        methods: dict[tuple[str, int], tuple[tuple[str, str], ...]] = {}
        opening = self._free(_NAMES, related)
        for name in sorted(made):
            troubles += self._by_name(name, owner, init)
        users, outside = self._users(made, owner, init, begin, troubles)
        others: list[tuple[Scope, More]] = []
        for read in outside:
            opened = self._outsides.form(read, owner, opening, waiting)
            if opened is None:
                message = f"`{read.name}` of a `{owner.name}` is used from outside, where nobody waits for it"
                troubles.append(because("ASY141", message, read.module, read.span.start))
            else:
                others.append(opened)
        for method in users:
            data = self._told(method, made, opening, waiting)
            if data is None:
                message = (
                    f"`{method.name}` needs what the constructor of `{owner.name}` makes, and does not wait for it"
                )
                troubles.append(because("ASY141", message, method.module, method.span.start))
            elif data:
                methods[key_of(method)] = data
        if troubles:
            return None, troubles
        form = Form(
            "open-at-first-use",
            (
                ("opening", opening),
                ("inner", self._inner(init)),
                ("callee", self._first.callee),
                ("line", str(init.module.position(begin).line - init.module.position(init.span.start).line)),
                *(("nonlocal", each) for each in _rebound(init, begin)),
                *((("typed", "yes"),) if init.returns is not None else ()),
            ),
            imports=(self._first.request(init.module),),
            requires=self._first.requires(init.module),
            extent=init.span,
        )
        return Opener(form, methods, tuple(others)), []

    # --- the constructor ------------------------------------------------------------------------------------------

    def _unfit(self, init: Scope, owner: Scope, begin: int) -> Iterator[Constraint]:
        """Yield what keeps the statements of a constructor from running later than the rest."""
        module = init.module

        def no(message: str, offset: int) -> Constraint:
            return because("ASY141", message, module, offset)

        taken = self._first.trouble(module)
        if taken:
            yield no(taken, init.span.start)
        if not init.parameters or init.parameters[0][1] not in {"plain", "posonly"}:
            yield no(f"the constructor of `{owner.name}` has no parameter of its own for the object", init.span.start)
        if module.position(begin).line == module.position(init.span.start).line:
            yield no(f"the constructor of `{owner.name}` stands on one line", init.span.start)
        for each in module.calls():
            if each.span.start >= begin and _is_in(module, each.scope, init) and each.function == ["n", "super"]:
                yield no("the constructor of a base would run at the first use only", each.span.start)
        for table in module.facts["binds"][init.number].values():
            for kind, _payload, start, *_ in table:
                if kind in {"global", "nonlocal", "del"}:
                    yield no("a variable from outside of the constructor is given another value in it", start)
        for relative in self._related(owner):
            if relative.module.is_bound(relative.number, "__slots__"):
                yield because("ASY141", f"`{relative.name}` has `__slots__`", relative.module, relative.span.start)
            for name in _COMPUTING:
                if relative.module.is_bound(relative.number, name):
                    message = f"`{relative.name}` has a `{name}`, which may ask for what is not there yet"
                    yield because("ASY141", message, relative.module, relative.span.start)
        others = [
            found
            for each in self._related(owner)
            if key_of(each) != key_of(owner) and (found := _own(each, _INIT)) is not None
        ]
        for other in others:
            if key_of(other) in self.waiting:
                message = (
                    f"the constructors of `{owner.name}` and of `{other.module.scope(other.parent).name}` both wait"
                )
                yield because("ASY141", message, other.module, other.span.start)

    def _related(self, owner: Scope) -> list[Scope]:
        """Return a class, its bases and what derives from them, in the order of places."""
        found = {key_of(owner): owner}
        pending = [owner]
        for each in pending:
            below = [self.program.module(path).scope(number) for path, number in self._families.below(each)]
            for other in (*below, *self._families.ancestors(each).values()):
                if key_of(other) not in found:
                    found[key_of(other)] = other
                    pending.append(other)
        return [found[key] for key in sorted(found)]

    def _free(self, names: tuple[str, ...], related: list[Scope]) -> str:
        taken = {name for each in related for name in each.module.facts["binds"][each.number]}
        more = (f"{names[0]}_{number}" for number in range(2, 100))
        return next(each for each in (*names, *more) if each not in taken and not self._receivers.stores(each))

    def _inner(self, init: Scope) -> str:
        module = init.module
        inside = [each.number for each in module.scopes() if _is_in(module, each.number, init)]
        taken = {name for each in (0, *inside) for part in ("binds", "reads") for name in module.facts[part][each]}
        more = (f"{_INNER[0]}_{number}" for number in range(2, 100))
        return next(each for each in (*_INNER, *more) if each not in taken)

    def _made(self, init: Scope, owner: Scope, begin: int) -> set[str]:
        """Return the attributes that the later part sets, or changes, by itself and by the methods that it calls."""
        found: set[str] = set()
        pending: list[tuple[Scope, int]] = [(init, begin)]
        seen = {key_of(init)}
        for function, start in pending:
            module = function.module
            itself = ["n", function.parameters[0][0]] if function.parameters else ["n", ""]
            for name, records in module.facts["attribute_stores"].items():
                for base, _value, scope, offset in records:
                    if offset >= start and base == itself and _is_in(module, scope, function):
                        found.add(name)
            # self.known[name] = row; self.known.append(row)
            for touch in touches_of(module, function.number, self.program):
                root, _, name = touch.place.partition(".")
                if touch.writes and touch.start >= start and name and ["n", root] == itself:
                    found.add(name.partition(".")[0])
            for call in module.calls():
                if call.span.start >= start and _is_in(module, call.scope, function) and call.function[:1] == ["a"]:
                    target = self.program.find_method(owner, call.tail) if call.function[1] == itself else None
                    if target is not None and key_of(target) not in seen:
                        seen.add(key_of(target))
                        pending.append((target, target.span.start))
        return found

    # --- who needs it ---------------------------------------------------------------------------------------------

    def _by_name(self, name: str, owner: Scope, init: Scope) -> Iterator[Constraint]:
        """Yield where an attribute is named by a string: whether it is there would be asked before it can be."""
        for tail in _BY_NAME:
            for call in self.program.calls_named(tail, want=False):
                if ["k", "str", name] in [each.shape for each in call.arguments]:
                    message = f"`{tail}` asks for `{name}` of `{owner.name}` by name"
                    yield because("ASY141", message, call.module, call.span.start)
        for relative in self._related(owner):
            if any(one.kind == "def" for one in relative.module.bindings(relative.number, name)):
                yield because("ASY141", f"`{name}` is a property, or a method", init.module, init.span.start)

    def _users(
        self, made: set[str], owner: Scope, init: Scope, begin: int, troubles: list[Constraint]
    ) -> tuple[list[Scope], list[Outside]]:
        """Return the methods that read or set what is made, and who else does; note what cannot be."""
        found: dict[tuple[str, int], Scope] = {}
        outside: list[Outside] = []
        related = set(map(key_of, self._related(owner)))
        for name in sorted(made):
            self.program.want(name, "read")
            for module, base, scope, start, end in self._mentions(name):
                function = _outermost(module, scope)
                around = owner_of(function) if function is not None else None
                own = function is not None and bool(function.parameters) and base == ["n", function.parameters[0][0]]
                if function is not None and around is not None and own:
                    if key_of(around) not in related:
                        continue
                    other = self._other_heir(around, owner)
                    if other is around:
                        continue  # a sibling has an attribute of that name, too
                    if other is not None:
                        message = f"`{function.name}` asks for `{name}`, also of a `{other.name}`, which opens nothing"
                        troubles.append(because("ASY141", message, module, start))
                        continue
                    if any(each[-1] in {"classmethod", "staticmethod"} for each in function.decorators):
                        message = f"`{function.name}` asks for `{name}`, and has no object"
                        troubles.append(because("ASY141", message, module, start))
                        continue
                    if key_of(function) == key_of(init):
                        # What the first part does itself was always done before; what it defines runs later.
                        if start < begin and not _is_at_once(module, scope, init):
                            message = f"`{name}` is asked for, or set, by what is defined before what waits"
                            troubles.append(because("ASY141", message, module, start))
                    else:
                        found[key_of(function)] = function
                elif self._may_be(module, scope, base, name, related):
                    outside.append(Outside(module, base, scope, Span(start, end), name))
        return [found[key] for key in sorted(found)], outside

    def _other_heir(self, around: Scope, owner: Scope) -> Scope | None:
        """Return a class whose objects have the methods of a class, and not the constructor of `owner`; None for none.

        It is `around` itself where no object of `owner` has these methods.
        """
        mine = {key_of(each): each for each in self.program.heirs(owner)}
        above = {key_of(one) for each in mine.values() for one in self.program.ancestors(each)}
        if key_of(around) in mine:
            return None
        if key_of(around) not in above:
            return around
        heirs = self.program.heirs(around)
        return next((each for each in heirs if key_of(each) not in mine and key_of(each) not in above), None)

    def _mentions(self, name: str) -> Iterator[tuple[Module, Shape, int, int, int]]:
        """Yield where an attribute is read, or set: there it has no end."""
        for module in self.program.modules:
            for base, _use, scope, start, end in module.facts["attribute_reads"].get(name, ()):
                yield module, base, scope, start, end
            for base, _value, scope, start in module.facts["attribute_stores"].get(name, ()):
                yield module, base, scope, start, -1

    def _may_be(self, module: Module, scope: int, base: Shape, name: str, related: set[tuple[str, int]]) -> bool:
        """Tell whether something may be an object of one of these classes."""
        named = self._receivers.class_named(module, scope, base) if base[0] in {"n", "a"} else None
        if named is not None:
            return key_of(named) in related
        around = self._receivers.class_around(module, scope, base)
        kind = around if around is not None else self._receivers.kind(module, scope, base)
        if isinstance(kind, Scope):
            return key_of(kind) in related
        return kind is None and self.program.dotted(module, scope, ["a", base, name]) is None

    def _told(
        self, method: Scope, made: set[str], opening: str, waiting: Callable[[Scope], bool]
    ) -> tuple[tuple[str, str], ...] | None:
        """Return what the transformer is told at a method, None where it cannot wait."""
        position = method.module.position
        if not waiting(method) or position(method.span.start).line == position(method.span.end).line:
            return None
        if method.module.path not in self.program.targets:
            return None
        if self._only_ends(method, made):
            return (("ends", opening), *(("made", each) for each in sorted(made)))
        return (("waits", opening),)

    def _only_ends(self, method: Scope, made: set[str]) -> bool:
        """Tell whether a method does nothing with what was made but end it: `self._db.close(); self._db = None`."""
        module, itself = method.module, ["n", method.parameters[0][0]]
        ended: list[Call] = []
        places: list[int] = []
        for name in made:
            for base, use, scope, start, _end in module.facts["attribute_reads"].get(name, ()):
                if base != itself or not _is_in(module, scope, method):
                    continue
                places.append(start)
                match use:
                    case ["meth", str() as tail, int() as index] if tail in _ENDING:
                        call = module.call(index)
                        if call.use[0] not in {"expr", "await"} or call.arguments or scope != method.number:
                            return False
                        ended.append(call)
                    case ["cond"] | ["cmp", "Is" | "IsNot", *_] if _outer(module, start) >= 0:
                        pass
                    case _:
                        return False
            for base, value, scope, start in module.facts["attribute_stores"].get(name, ()):
                if base == itself and _is_in(module, scope, method):
                    if value is None or value[:2] != ["k", "NoneType"]:
                        return False
                    places.append(start)
        # What only commits leaves the object as it is: it is opened for that, and can be used after it.
        closes = any(each.tail == "close" for each in ended)
        return closes and not any(self._does_more(method, each, made, ended) for each in places)

    def _does_more(self, method: Scope, place: int, made: set[str], ended: list[Call]) -> bool:
        """Tell whether the statement at a place does something else as well, which has to be done in any case."""
        module, outer = method.module, _outer(method.module, place)
        if outer >= 0:
            end = max(int(record[4]) for record in module.facts["blocks"] if record[2] == outer)
            inside = range(outer, end)
        else:
            # What stands on the line is one statement, or several that are kept together.
            line = module.position(place).line
            inside = _on_line(module, method, line)
        calls = [each for each in module.calls() if each.span.start in inside and each not in ended]
        stores = [
            record[3]
            for name, records in module.facts["attribute_stores"].items()
            for record in records
            if name not in made
        ]
        binds = [each[2] for table in module.facts["binds"][method.number].values() for each in table]
        return bool(calls) or any(each in inside for each in (*stores, *binds))


def _statement(init: Scope, call: Call) -> int:
    """Return where the statement of a constructor's body begins that a call stands in; the line is what counts."""
    module = init.module
    outer = _outer(module, call.span.start)
    if outer >= 0:
        return outer
    # self._db = sqlite3.connect(path)
    start = call.span.start
    use = call.use
    for _ in range(20):
        if use[0] == "arg":
            taker = module.call(use[1])
            start, use = min(start, taker.span.start), taker.use
        elif use[0] in {"meth", "call", "callee"}:
            taker = module.call(use[-1])
            start, use = min(start, taker.span.start), taker.use
        else:
            break
    line = module.position(start).line
    stores = [
        record[3]
        for records in module.facts["attribute_stores"].values()
        for record in records
        if record[2] == init.number and record[3] <= start and module.position(record[3]).line == line
    ]
    binds = [
        each[2]
        for table in module.facts["binds"][init.number].values()
        for each in table
        if init.span.start < each[2] <= start and module.position(each[2]).line == line and each[0] != "param"
    ]
    return int(min((start, *stores, *binds)))


def _outer(module: Module, offset: int) -> int:
    """Return where the outermost compound statement of a function begins that a place stands in, -1 for none."""
    found = list(module.blocks(offset))
    # The head of a compound statement is no part of its blocks.
    heads = [each for each in module.facts["blocks"] if each[2] <= offset < each[3]]
    if found:
        return found[-1].header
    function = max(
        (
            each.span.start
            for each in module.scopes()
            if each.kind == "function" and each.span.start <= offset < each.span.end
        ),
        default=-1,
    )
    inside = [each[2] for each in heads if each[2] > function]
    return min(inside, default=-1)


def _on_line(module: Module, function: Scope, line: int) -> range:
    """Return the offsets of a line of a function."""
    start = bisect_left(range(function.span.end), line, key=lambda each: module.position(each).line)
    end = bisect_left(range(function.span.end), line + 1, key=lambda each: module.position(each).line)
    return range(start, end)


def _rebound(init: Scope, begin: int) -> list[str]:
    """Return the variables that the later part gives another value than they have before."""
    found = []
    for name, table in init.module.facts["binds"][init.number].items():
        starts = [each[2] for each in table if each[0] != "declared"]
        if any(each >= begin for each in starts) and any(each < begin for each in starts):
            found.append(name)
    return sorted(found)


def _outermost(module: Module, scope: int) -> Scope | None:
    """Return the function of a module, or the method of a class, that a scope lies in."""
    found = function_around(module, scope)
    while found.kind == "function":
        outer = module.enclosing(found.parent, "function") if found.parent >= 0 else None
        if outer is None:
            return found
        found = outer
    return None


def _own(owner: Scope, name: str) -> Scope | None:
    for each in reversed(owner.module.bindings(owner.number, name)):
        if each.kind == "def":
            return owner.module.scope(each.payload)
    return None


def _is_at_once(module: Module, scope: int, function: Scope) -> bool:
    """Tell whether a scope is a function, or a comprehension in it, which is over when its statement is."""
    while scope != function.number:
        each = module.scope(scope)
        if each.kind in {"function", "lambda", "class", "module"} or each.name == "<GeneratorExp>":
            return False
        scope = each.parent
    return True


def _is_in(module: Module, scope: int, function: Scope) -> bool:
    """Tell whether a scope is a function or lies in it."""
    while scope >= 0:
        if scope == function.number:
            return True
        scope = module.scope(scope).parent
    return False
