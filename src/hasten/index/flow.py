"""Follow a value through the program: into variables, parameters, attributes, and out of functions to their callers.

Flow is insensitive to order: what is assigned to a name anywhere in a scope may be read wherever the name is read
there.
That can only find too many places where a value goes, never too few; what it cannot follow it reports as such a place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hasten.index import elsewhere, shown
from hasten.index.module import Call, Module, Scope, Use
from hasten.index.program import Program
from hasten.model import Position, Span

#: A value is followed through so many assignments, calls and returns, one after the other.
_FARTHEST = 12
#: And to so many places.
_MOST = 400


@dataclass(frozen=True, slots=True)
class Sink:
    """A place where a value is used, or where it is lost from sight.

    Attributes:
        kind: the use's first element (see `hasten.index.build`), or, where the trail ends: `unseen` (returned, and no
            caller in sight), `escapes` (the function that returns it is passed on), `outside` (the function overrides
            one from outside the program, or is decorated), `guess` (one of several receivers), `far` (too many steps).
        use: the whole use.
        call: the call it is an argument or a receiver of.
        certain: whether every step on the way was certain.
    """

    kind: str
    module: Module
    scope: int
    span: Span
    use: Use
    call: Call | None = None
    certain: bool = True

    @property
    def position(self) -> Position:
        """Return the place for people."""
        return self.module.position(self.span.start)

    @property
    def place(self) -> str:
        """Return `path:line`."""
        return f"{self.module.path}:{self.position.line}"


@dataclass(frozen=True, slots=True)
class _Step:
    module: Module
    scope: int
    span: Span
    use: Use
    depth: int
    certain: bool


def follow(
    program: Program, module: Module, scope: int, span: Span, use: Use, through: Callable[[Sink], bool] | None = None
) -> list[Sink]:
    """Return every place that a value reaches.

    Args:
        program: where to look.
        module, scope, span, use: where the value arises, and the use made of it there.
        through: called with each sink whose use is a method call or an argument; True lets the trail go on with the
            result of that call, as `text.strip()` does for text.
    """
    return _Trail(program, through).run(_Step(module, scope, span, use, depth=0, certain=True))


class _Trail:
    def __init__(self, program: Program, through: Callable[[Sink], bool] | None) -> None:
        self.program = program
        self.through = through
        self.sinks: list[Sink] = []
        self.pending: list[_Step] = []
        self.seen: set[tuple[object, ...]] = set()

    def run(self, first: _Step) -> list[Sink]:
        self.pending.append(first)
        while self.pending:
            step = self.pending.pop()
            if step.depth > _FARTHEST or len(self.sinks) > _MOST:
                self.sink("far", step)
                if len(self.sinks) > _MOST:
                    break
                continue
            self.step(step)
        return self.sinks

    def sink(self, kind: str, step: _Step, call: Call | None = None, *, certain: bool = True) -> None:
        found = Sink(kind, step.module, step.scope, step.span, step.use, call, certain and step.certain)
        if call is not None and self.through is not None and self.through(found):
            self.pending.append(_Step(call.module, call.scope, call.span, call.use, step.depth + 1, step.certain))
            return
        self.sinks.append(found)

    def once(self, *key: object) -> bool:
        if key in self.seen:
            return False
        self.seen.add(key)
        return True

    def step(self, step: _Step) -> None:
        use = step.use
        match use[0]:
            case "multi":
                for each in use[1]:
                    self.pending.append(_Step(step.module, step.scope, step.span, each, step.depth, step.certain))
            case "await":
                self.pending.append(_Step(step.module, step.scope, step.span, use[1], step.depth, step.certain))
            case "asg":
                self.variable(step, use[1], use[2])
            case "asgattr":
                self.attribute(step, use[1], use[2])
            case "ret":
                self.returned(step, step.module.scope(use[1]))
            case "arg":
                self.argument(step, step.module.call(use[1]), use[2])
            case "meth":
                self.sink("meth", step, step.module.call(use[2]))
            case kind:
                self.sink(kind, step)

    def variable(self, step: _Step, scope: int, name: str) -> None:
        module = step.module
        found = module.lookup(scope, name)
        owner = found[0] if found else scope
        if not self.once("variable", module.path, owner, name):
            return
        kind = module.scope(owner).kind
        if kind == "class":
            self.held_by(step, module.scope(owner))
            self.by_attribute_name(step, name)
        elif kind == "function":
            whole = shown.locals_read(module, owner, name)
            if whole is not None:
                self.sink("outside", _Step(module, whole.scope, whole.span, whole.use, step.depth, step.certain))
        waiting = len(self.pending)
        for read in module.reads(owner, name):
            self.pending.append(_Step(module, read.scope, read.span, read.use, step.depth + 1, step.certain))
        if kind == "module":
            self.imported_variable(step, name)
            if len(self.pending) == waiting:
                self.sink("unseen", step)

    def imported_variable(self, step: _Step, name: str) -> None:
        """Follow a module-level name into the modules that import it, and on to those that import it from them."""
        self.program.want(name)
        for module in self.program.modules:
            for number, record in enumerate(module.facts["imports"]):
                if not record[7] or record[5] not in {name, "*"}:
                    continue
                imported = module.imports()[number]
                target = module.import_target(imported).removesuffix("*")
                if record[5] == "*":
                    continue  # see below
                if self.program.owner_of(target) != (step.module, name):
                    continue
                bound = imported.asname or name
                for read in module.reads(imported.scope, bound):
                    self.pending.append(_Step(module, read.scope, read.span, read.use, step.depth + 1, step.certain))
                if imported.scope == 0 and self.once("imported", module.path, bound):
                    onward = _Step(module, 0, step.span, step.use, step.depth + 1, step.certain)
                    self.imported_variable(onward, bound)
        for module in elsewhere.star_importers(self.program, step.module):
            if self.once("imported", module.path, name) and not module.is_bound(0, name):
                for read in module.reads_of(name):
                    if module.lookup(read.scope, name) is None:
                        self.pending.append(
                            _Step(module, read.scope, read.span, read.use, step.depth + 1, step.certain)
                        )
                self.imported_variable(_Step(module, 0, step.span, step.use, step.depth + 1, step.certain), name)
        for read in self.program.held(step.module).reads.get(name, ()):
            self.pending.append(_Step(read.module, read.scope, read.span, read.use, step.depth + 1, certain=False))
        for read in self.program.attribute_reads(name):
            base = next(
                (each[0] for each in read.module.facts["attribute_reads"][name] if each[3] == read.span.start), None
            )
            dotted = read.module.dotted(read.scope, base) if base is not None else None
            # `import_module("constants").TEXT` may be this one, too.
            dynamic = dotted is None and bool(self.program.calls_named("import_module", want=False))
            # So may anything unknown, where the module is an object that was lost from sight.
            lost = dotted is None and self.program.held(step.module).lost is not None and base not in _SELVES
            made = base is not None and (base[0] == "c" or dynamic or lost)
            if made or (dotted is not None and self.program.named(dotted) is step.module):
                self.pending.append(_Step(read.module, read.scope, read.span, read.use, step.depth + 1, step.certain))
        self.asked_by_name(step, name)
        whole = shown.namespace_read(self.program, step.module, name)
        if whole is not None:
            self.sink("outside", _Step(whole.module, whole.scope, whole.span, whole.use, step.depth, step.certain))

    def asked_by_name(self, step: _Step, name: str) -> None:
        """Follow `getattr(anything, "name")`."""
        for call in self.program.calls_named("getattr", want=False):
            asked = call.argument(1)
            if asked is not None and asked.shape[:3] == ["k", "str", name]:
                self.pending.append(
                    _Step(call.module, call.scope, call.span, call.use, step.depth + 1, certain=step.certain)
                )

    def attribute(self, step: _Step, base: Use, name: str) -> None:
        if base[0] == "n" and base[1] == "self":
            owner = self.program.method_owner(step.module, step.scope)
            if owner is not None:
                self.held_by(step, owner)
            self.by_attribute_name(step, name)
        else:
            self.sink("asgattr", step, certain=False)

    def held_by(self, step: _Step, owner: Scope) -> None:
        if owner.decorators or shown.shows(self.program, owner):
            self.sink("outside", step)  # a dataclass shows and compares what it holds

    def by_attribute_name(self, step: _Step, name: str) -> None:
        if not self.once("attribute", name):
            return
        reads = self.program.attribute_reads(name)
        for read in reads:
            self.pending.append(_Step(read.module, read.scope, read.span, read.use, step.depth + 1, step.certain))
        for module in self.program.modules_with("reads", name):
            for scope, table in enumerate(module.facts["reads"]):
                for start, end, use in table.get(name, ()):
                    if module.facts["scopes"][scope][0] == "class":
                        self.pending.append(_Step(module, scope, Span(start, end), use, step.depth + 1, step.certain))
        for call in self.program.calls_named(name):
            if call.function[0] == "a":
                self.sink("attrcall", _Step(call.module, call.scope, call.span, call.use, step.depth, step.certain))
        self.asked_by_name(step, name)
        for asked_whole in ("vars", "asdict", "astuple", "attrgetter"):
            if self.program.calls_named(asked_whole, want=False):
                self.sink("outside", step)
        if self.program.attribute_reads("__dict__", want=False):
            self.sink("outside", step)
        for taken in (shown.formats(self.program, name), shown.takes_whole(self.program)):
            if taken is not None:
                self.sink("outside", _Step(taken.module, taken.scope, taken.span, taken.use, step.depth, step.certain))
        if not reads:
            self.sink("unseen", step)

    def returned(self, step: _Step, function: Scope) -> None:
        if function.kind == "lambda":
            self.lambda_result(step, function)
            return
        if not self.once("returned", function.module.path, function.number):
            return
        if function.is_generator:
            self.sink("yield", step)
            return
        for decorator in function.decorators:
            if not self.transparent(function, decorator):
                self.sink("outside", step)
                return
        names = [each[-1] for each in function.decorators if each[0] in {"n", "a"}]
        if "property" in names or "cached_property" in names:
            self.by_attribute_name(step, function.name)
            return
        if function.name.startswith("__") and function.name.endswith("__"):
            self.sink("outside", step)
            return
        owner = function.module.scope(function.parent)
        if owner.kind == "class" and self.overrides_foreign(owner, function.name):
            self.sink("outside", step)
        callers = self.program.callers(function)
        for call, certain in callers:
            use = call.use
            if function.is_async:
                if use[0] != "await":
                    self.sink("outside", _Step(call.module, call.scope, call.span, use, step.depth, step.certain))
                    continue
                use = use[1]
            self.pending.append(
                _Step(call.module, call.scope, call.span, use, step.depth + 1, step.certain and certain)
            )
        if not any(certain for _, certain in callers):
            self.sink("unseen", step)
        if self.program.references(function):
            self.sink("escapes", step)
        self.called_by_name(step, function)

    def called_by_name(self, step: _Step, function: Scope) -> None:
        """Follow the result out of `getattr(anything, "name")()` and `methodcaller("name")`."""
        for call in self.program.places.getters.get(function.name, ()):
            if call.use[0] == "callee":
                outer = call.module.call(call.use[1])
                self.pending.append(
                    _Step(outer.module, outer.scope, outer.span, outer.use, step.depth + 1, certain=False)
                )
            elif call.use[0] not in {"cond", "expr"}:
                self.sink("escapes", _Step(call.module, call.scope, call.span, call.use, step.depth, step.certain))
        for call in self.program.calls_named("methodcaller", want=False):
            asked = call.argument(0)
            if asked is not None and asked.shape[:3] == ["k", "str", function.name]:
                self.sink("escapes", _Step(call.module, call.scope, call.span, call.use, step.depth, step.certain))

    def lambda_result(self, step: _Step, function: Scope) -> None:
        use = function.bases[0] if function.bases else ["lambda"]
        self.sink("lambda", _Step(step.module, step.scope, step.span, use, step.depth, step.certain))

    def transparent(self, function: Scope, decorator: Use) -> bool:
        """Tell whether the decorator hands the function's result through unchanged."""
        shape = decorator
        if shape[0] == "c":
            shape = function.module.call(shape[1]).function
        dotted = function.module.dotted(function.parent, shape) or ""
        return dotted in _TRANSPARENT

    def overrides_foreign(self, owner: Scope, name: str, depth: int = 0) -> bool:
        """Tell whether a base class from outside the program may call the method `name`."""
        if depth > _FARTHEST:
            return True
        for base in owner.bases:
            dotted = owner.module.dotted(owner.parent, base)
            if dotted in _EMPTY_BASES:
                continue
            found = self.program.resolve(dotted) if dotted else None
            if found is None or found.kind != "class" or self.overrides_foreign(found, name, depth + 1):
                return True
        return False

    def argument(self, step: _Step, call: Call, where: int | str) -> None:
        target, _known = self.program.target_of(call)
        if target is None:
            self.sink("arg", step, call)
            return
        bound = target.kind == "class" or (
            call.function[0] == "a"
            and self.program.method_owner(target.module, target.number) is not None
            and not self.program.is_static(target)
        )
        if target.kind == "class":
            found = [self.program.find_method(target, each) for each in ("__init__", "__new__")]
            constructors = [each for each in found if each is not None]
            if not constructors:
                self.field(step, call, where)
                return
            for each in constructors[1:]:
                self.parameter(step, call, each, where, bound=True)
            target = constructors[0]
        self.parameter(step, call, target, where, bound=bound)

    def parameter(self, step: _Step, call: Call, target: Scope, where: int | str, *, bound: bool) -> None:
        """Follow an argument into the parameter of a function that it fills."""
        # A test may put something else in the function's place, and look at what it is given.
        self.program.want(target.name)
        instead = shown.replaced(self.program, target)
        if instead is not None:
            self.replaced(step, *instead)
        if not all(self.transparent(target, each) for each in target.decorators):
            self.sink("arg", step, call)  # what the decorator does with it cannot be told
        name = _parameter(target, where, bound=bound)
        if name is None:
            self.sink("arg", step, call)
            return
        assigned = shown.assigned_instead(self.program, target)
        if assigned is not None:
            self.replaced(step, *assigned)
        for each, parameter in [(target, name), *self.overrides(target, where, bound=bound)]:
            if self.once("parameter", each.module.path, each.number, parameter):
                for read in each.module.reads(each.number, parameter):
                    self.pending.append(
                        _Step(each.module, read.scope, read.span, read.use, step.depth + 1, step.certain)
                    )

    def replaced(self, step: _Step, module: Module, scope: int, start: int) -> None:
        """Note that a place puts something else where the function was that a value is given to."""
        # The use that the value had is one in its own module, and would be another call in this one.
        self.sink("outside", _Step(module, scope, Span(start, start), ["outside"], step.depth, step.certain))

    def overrides(self, target: Scope, where: int | str, *, bound: bool) -> list[tuple[Scope, str]]:
        """Return the methods of subclasses that a call of the method `target` may reach, with the parameter filled."""
        owner = target.module.scope(target.parent)
        if owner.kind != "class" or target.name in {"__init__", "__new__"}:
            return []
        found: list[tuple[Scope, str]] = []
        for each in self.program.definitions(target.name):
            parent = each.module.scope(each.parent) if each.parent >= 0 else owner
            if each != target and parent.kind == "class" and self.program.derives(parent, owner):
                name = _parameter(each, where, bound=bound)
                if name is not None:
                    found.append((each, name))
        return found

    def field(self, step: _Step, call: Call, where: int | str) -> None:
        """Follow an argument of a dataclass-like constructor into the field it fills."""
        if isinstance(where, str) and where not in {"*", "**"}:
            self.by_attribute_name(step, where)
        self.sink("arg", step, call)


#: What is no module, whatever else it may be.
_SELVES = (["n", "self"], ["n", "cls"])
_TRANSPARENT = frozenset(
    {
        "builtins.staticmethod",
        "builtins.classmethod",
        "builtins.property",
        "functools.cached_property",
        "abc.abstractmethod",
        "typing.override",
        "typing_extensions.override",
        "typing.overload",
        "typing.final",
    }
)
_EMPTY_BASES = frozenset(
    {"builtins.object", "abc.ABC", "typing.Protocol", "typing_extensions.Protocol", "builtins.Exception"}
)


def _parameter(function: Scope, where: int | str, *, bound: bool) -> str | None:
    """Return the name of the parameter that an argument fills, None where that cannot be told."""
    if isinstance(where, str):
        return where if any(each[0] == where for each in function.parameters) else None
    position = where + 1 if bound else where
    plain = [each[0] for each in function.parameters if each[1] in {"plain", "posonly"}]
    return plain[position] if position < len(plain) else None
