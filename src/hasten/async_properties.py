"""Properties whose getter has to wait: `async def` below `@property`, and `await obj.x` wherever it is read.

A read is an edge of the call graph from the function that it stands in to the getter, as a call is. A property that
keeps its value (`functools.cached_property`) would keep the coroutine, which can be awaited once only; it becomes a
plain one that keeps the value in `vars(self)` under its own name, where it was before. What gets at a property in any
other way than by reading it of an object is a constraint.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hasten.async_families import Families
from hasten.async_forms import Form, Shown, head_begins, renamed_root
from hasten.async_kinds import Kind, key_of, owner_of
from hasten.async_lookups import loaded_by
from hasten.async_mentions import Mentions
from hasten.async_places import because
from hasten.async_readings import Reading, callee, readings
from hasten.async_receivers import COMMON_METHODS, Reached, Receivers
from hasten.async_results import property_of
from hasten.async_rules import Definitions, Verdict
from hasten.index import shown
from hasten.index.module import Call, Module, Scope, Shape
from hasten.index.program import Program
from hasten.model import Span
from hasten.propagate import Certainty, Constraint

#: What reads or sets an attribute by its name, and which argument that is.
_BY_NAME = {"getattr": 1, "hasattr": 1, "setattr": 1, "delattr": 1, "attrgetter": 0}
#: What makes mocks after a class, or after one of its objects.
_MOCKS = ("AsyncMock", "MagicMock", "Mock", "NonCallableMagicMock", "NonCallableMock", "create_autospec")
_MOST_UNKNOWN = 3


class Properties:
    """Answers for the properties of one program."""

    def __init__(
        self, program: Program, receivers: Receivers, families: Families, definitions: Definitions, mentions: Mentions
    ) -> None:
        """Take the program, and what is known of it."""
        self.program = program
        self._receivers = receivers
        self._families = families
        self._definitions = definitions
        self._mentions = mentions

    # --- the definition -------------------------------------------------------------------------------------------

    def judge(self, function: Scope, family: Sequence[Scope], verdict: Verdict) -> Form | None:
        """Return how a getter is written, None for `async def` alone; add to `verdict` what stands in the way."""
        owner, name = owner_of(function), function.name
        kind = property_of(function)

        def no(code: str, message: str, module: Module = function.module, offset: int = function.span.start) -> None:
            verdict.constraints.append(because(code, message, module, offset))

        if owner is None or not kind:
            no("ASY122", f"`{name}` is a property in one class, and none in another")
            return None
        replaced = Verdict()
        self._mentions.judge_property(function, verdict, replaced)
        for found in (*replaced.constraints, *replaced.hazards):
            message = f"something else is put in the place of the property `{name}` here, and cannot be awaited"
            verdict.constraints.append(Constraint("ASY122", message, found.path, found.line, found.column))
        if function.is_generator:
            no("ASY122", f"`{name}` is a property that is a generator; make a method of it")
        for each in family:
            if not property_of(each):
                no("ASY122", f"`{name}` is a property in one class, and none in another", each.module, each.span.start)
        for each in self._relatives(owner):
            if self.program.find_method(each, "__getattr__") or self.program.find_method(each, "__getattribute__"):
                # What the getter raises is seen by neither: it is raised where the coroutine is awaited.
                no("ASY122", f"`{each.name}` answers for attributes itself, and `{name}` is a property")
            for binding in each.module.bindings(each.number, name):
                if binding.kind != "def":
                    message = f"`{name}` is a property, and something else in a class that is related to its own"
                    no("ASY122", message, each.module, binding.start)
        for start, _end, use in function.module.facts["reads"][owner.number].get(name, ()):
            if use[0] != "deco":
                no("ASY122", f"the property `{name}` is used in the body of its class", function.module, start)
        verdict.constraints += self._set(name, owner)
        verdict.constraints += self._imitated(name, owner)
        self._by_name(name, owner, verdict)
        if kind == "cached":
            return self._keeping(function, owner, verdict)
        return None

    def _keeping(self, function: Scope, owner: Scope, verdict: Verdict) -> Form | None:
        """Return how a property is written that keeps its value."""
        module, name = function.module, function.name
        first = function.parameters[0][0] if function.parameters else ""
        for needed in ("vars", "property"):
            if module.lookup(function.number if needed == "vars" else function.parent, needed) is not None:
                message = f"`{needed}` is needed here, and the name is taken; give it another name"
                verdict.constraints.append(because("ASY122", message, module, function.span.start))
        slotted = any(each.module.bindings(each.number, "__slots__") for each in self._relatives(owner))
        if slotted or owner.decorators or not first or module.bindings(function.number, first)[1:]:
            message = f"`{name}` keeps its value where another place for it cannot be found; make a method of it"
            verdict.constraints.append(because("ASY122", message, module, function.span.start))
        message = f"two tasks may both find that `{name}` has no value yet, and both make one"
        verdict.hazards.append(because("ASY003", message, module, function.span.start))
        written = next(each for each in function.decorators if module.dotted(function.parent, each) == _CACHED)
        old, releases = renamed_root(function, written)
        data = (("decorated", old), ("decorator", "property"), ("kept", f"{first} {name}"))
        return Form("async-def", data, releases=releases, extent=Span(head_begins(function), function.span.end))

    def _relatives(self, owner: Scope) -> list[Scope]:
        """Return the classes of the program that share instances with a class, itself among them."""
        found = [each for each in self._families.classes() if self._families.share_class(each, owner)]
        return found or [owner]

    def _set(self, name: str, owner: Scope) -> Iterator[Constraint]:
        """Yield a constraint for each place that may set or delete the attribute, or ask for it by a pattern."""
        places = [(module, scope, base, start) for module, base, _value, scope, start in self._receivers.stores(name)]
        for module in self.program.modules:
            for base, scope, start in module.facts["attribute_touches"].get(name, ()):
                places.append((module, scope, base, start))
        for module, scope, base, start in places:
            if self._may_be(module, scope, base, owner):
                message = f"`{name}` is a property, and may be set, deleted or matched here; make methods of it"
                yield because("ASY122", message, module, start)

    def _imitated(self, name: str, owner: Scope) -> Iterator[Constraint]:
        """Yield a constraint for each mock that is made after a class: what it has for a property is no coroutine."""
        for tail in _MOCKS:
            for call in self.program.calls_named(tail, want=False):
                for position, each in enumerate(call.arguments):
                    if each.keyword not in {"spec", "spec_set"} and (each.keyword is not None or position):
                        continue
                    kind = self._kind(call.module, call.scope, each.shape)
                    if isinstance(kind, Scope) and self._families.share_class(kind, owner):
                        message = f"a mock that is made after `{kind.name}` has no coroutine for the property `{name}`"
                        yield because("ASY122", message, call.module, call.span.start)

    def _by_name(self, name: str, owner: Scope, verdict: Verdict) -> None:
        """Note where the attribute may be asked for by its name, which gives the coroutine."""
        for tail, position in _BY_NAME.items():
            for call in self.program.calls_named(tail, want=False):
                asked, on = call.argument(position), call.argument(0) if position else None
                said = asked is not None and asked.shape[:2] == ["k", "str"]
                if said and asked is not None and name not in str(asked.shape[2]).split("."):
                    continue
                if on is not None and loaded_by(call.module, call.scope, on.shape) is not None:
                    continue  # a module, by whatever name
                if on is not None and not self._may_be(call.module, call.scope, on.shape, owner):
                    continue
                if said or (on is not None and self._kind(call.module, call.scope, on.shape) is not None):
                    message = f"`{tail}` may ask for the property `{name}` here, and awaits nothing"
                    verdict.constraints.append(because("ASY122", message, call.module, call.span.start))
                else:
                    message = f"`{tail}` asks something unknown for a name that may be `{name}`"
                    verdict.hazards.append(because("ASY016", message, call.module, call.span.start))
        taker = shown.formats(self.program, name)
        if taker is not None:
            message = f"a text with fields, or a template, may ask for the property `{name}`, and awaits nothing"
            verdict.constraints.append(because("ASY122", message, taker.module, taker.span.start))

    def _kind(self, module: Module, scope: int, base: Shape) -> Kind | None:
        """Return of which class a value is an object, or which it is itself; None where there is any doubt."""
        around = self._receivers.class_around(module, scope, base)
        return around or self._receivers.class_named(module, scope, base) or self._receivers.kind(module, scope, base)

    def _may_be(self, module: Module, scope: int, base: Shape, owner: Scope) -> bool:
        """Tell whether a value may be an object of a class, or of one that is related to it."""
        kind = self._kind(module, scope, base)
        if isinstance(kind, Scope):
            return self._definitions.is_protocol(kind) or self._families.share_class(kind, owner)
        dotted = module.dotted(scope, base)
        return kind is None and dotted is None

    # --- where it is read -----------------------------------------------------------------------------------------

    def callers(self, function: Scope, family: Sequence[Scope]) -> tuple[list[tuple[Call, Reached]], list[Constraint]]:
        """Return the reads that run a getter, and what may do so in a way that cannot be told or cannot wait."""
        owner = owner_of(function)
        if owner is None:
            return [], []
        keys = {key_of(each) for each in family}
        found: list[tuple[Call, Reached]] = []
        unknown: list[Call] = []
        troubles: list[Constraint] = []
        called = (callee(each) for each in self.program.calls_named(function.name) if each.function[0] == "a")
        for each in (*readings(self.program, function.name), *called):
            reached = self._reached(each, function, owner, keys)
            if reached is None:
                continue
            if not reached.known:
                unknown.append(each)
            elif self._of_class(each):
                message = f"the property `{function.name}` is read of the class here, which gives the property itself"
                troubles.append(because("ASY122", message, each.module, each.span.start))
            elif isinstance(each, Reading):
                found.append((each, reached))
            else:
                message = f"what the property `{function.name}` gives is called here; assign it to a variable first"
                troubles.append(because("ASY122", message, each.module, each.span.start))
        for each in sorted(unknown, key=lambda one: (one.module.path, one.span))[:_MOST_UNKNOWN]:
            message = f"`{function.name}` of something unknown may be the property of `{owner.name}`; annotate it"
            troubles.append(because("ASY135", message, each.module, each.span.start))
        return found, troubles

    @staticmethod
    def use() -> Shown:
        """Return how a read is written whose getter is a coroutine function."""
        return Shown(Form("await-read"))

    def _reached(self, each: Call, function: Scope, owner: Scope, keys: set[tuple[str, int]]) -> Reached | None:
        """Return what a read or call of that name reaches, None where that is nothing of the family's.

        What is not `known` may be the property.
        """
        base = each.function[1]
        reached = self._receivers.reached(each)
        if reached.functions:
            mine = any(key_of(one) == key_of(function) for one in reached.functions)
            return reached if mine else None
        if reached.known:
            return None
        kind = self._kind(each.module, each.scope, base)
        if isinstance(kind, Scope) and not self._definitions.is_protocol(kind):
            if not self._families.share_class(kind, owner):
                return None
            # `self.x` in a base or mixin that does not define `x` itself
            related = [one for one in self._families.methods(function.name) if self._families.share(one, kind)]
            mine = bool(related) and {key_of(one) for one in related} <= keys and not self._is_kept(function.name, kind)
            return Reached((function,), Certainty.INFERRED) if mine else Reached(known=False)
        if (kind is not None and not isinstance(kind, Scope)) or each.module.dotted(each.scope, base) is not None:
            return None
        if isinstance(each, Reading) and self._is_only(function, keys):
            return Reached((function,), Certainty.GUESSED)
        return Reached(known=False)

    def _is_kept(self, name: str, kind: Scope) -> bool:
        """Tell whether a class, or one below it, has a plain attribute of that name: `size = 0`, `self.size = 0`."""
        heirs = {key_of(each): each for each in self.program.heirs(kind)}
        if any(
            each.kind not in {"def", "declared"}
            for heir in heirs.values()
            for each in heir.module.bindings(heir.number, name)
        ):
            return True
        given = (self._kind(module, scope, base) for module, base, _, scope, _ in self._receivers.stores(name))
        return any(isinstance(each, Scope) and key_of(each) in heirs for each in given)

    def _of_class(self, each: Call) -> bool:
        base = each.function[1]
        is_self = base == ["n", "self"]
        return self._receivers.class_named(each.module, each.scope, base) is not None or (
            not is_self and self._receivers.class_around(each.module, each.scope, base) is not None
        )

    def _is_only(self, function: Scope, keys: set[tuple[str, int]]) -> bool:
        """Tell whether nothing else in the program, and nothing built in, has an attribute of that name."""
        name = function.name
        if name in COMMON_METHODS or any(key_of(each) not in keys for each in self._families.methods(name)):
            return False
        if self._receivers.stores(name):
            return False
        return not any(
            each.kind != "def"
            for owner in self._families.classes()
            for each in owner.module.bindings(owner.number, name)
        )


_CACHED = "functools.cached_property"
