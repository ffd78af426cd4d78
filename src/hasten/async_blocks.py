"""Objects that have to wait where a `with` enters or leaves them: `__enter__` and `__exit__` become asynchronous.

Both do, together, in all classes of a hierarchy, and each `with` that enters such an object becomes an `async with`.
What may enter one in another way, or may be one, is a constraint.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hasten.async_families import ENTERING, Families
from hasten.async_forms import Form, Shown
from hasten.async_held import Held, is_async
from hasten.async_kinds import key_of, owner_of
from hasten.async_places import because
from hasten.async_receivers import Reached, Receivers
from hasten.async_rules import Definitions, Verdict
from hasten.index.module import Call, Guard, Module, Scope, Shape
from hasten.index.program import Program
from hasten.model import Span
from hasten.propagate import Constraint

_ASYNCHRONOUS = {"__enter__": "__aenter__", "__exit__": "__aexit__"}
#: What enters, or leaves, what it is given.
_TAKERS = ("enter_context", "enterContext", "enterClassContext", "enterModuleContext", "push")
#: How types begin that any object with `__enter__` and `__exit__` may have.
_ANY_CONTEXT = ("typing.", "typing_extensions.", "collections.abc.", "contextlib.AbstractContextManager")
_COPIES = frozenset({"copy.copy", "copy.deepcopy", "typing.cast"})
#: Files with a `with` that may enter an object of the program.
_WITH = r"\bwith\s+(?!open\b|pytest\.|self\.assert|self\.subTest)[\w(]"
_DEEPEST = 8
_MOST_UNKNOWN = 3


@dataclass(frozen=True, slots=True)
class Entering(Call):
    """A `with` that enters an object, or leaves it, in the place of a call.

    Attributes:
        guard_number: that of the guard.
        around: the scope of the statement.
        leaving: whether it is the end of the block that is meant.
    """

    guard_number: int = -1
    around: int = 0
    leaving: bool = False

    @property
    def entered(self) -> Guard:
        """Return what is entered."""
        return self.module.guard(self.guard_number)

    @property
    def item(self) -> int:
        """Return which of the items of its statement it is."""
        guards = self.module.facts["guards"]
        start = self.entered.start
        return sum(each[1] == "with" and each[3] == start for each in guards[: self.guard_number])

    @property
    def statement(self) -> Span:
        """Return the statement from its beginning to what is entered: such spans of one statement hold each other."""
        return Span(self.entered.start, self.entered.inner)

    @property
    def record(self) -> list[Any]:
        """Return what the raw fact of a call would be."""
        guard = self.entered
        # Blocks that end together are left one after the other.
        end = guard.end - sum(each.end == guard.end for each in self.module.guards(guard.parent))
        span = [end - 1, end] if self.leaving else [guard.start, guard.inner]
        return [*span, self.around, guard.payload, [], ["with", ""], guard.parent, False, False]


class Blocks:
    """Answers for the `with` statements of one program."""

    def __init__(self, program: Program, receivers: Receivers, families: Families, definitions: Definitions) -> None:
        """Take the program, and what is known of it."""
        self.program = program
        self._receivers = receivers
        self._families = families
        self._definitions = definitions
        self._held = Held(program, receivers)

    def judge(self, function: Scope, verdict: Verdict) -> Form | None:
        """Return how `__enter__` or `__exit__` is written; add to `verdict` what stands in the way of it."""
        owner = owner_of(function)
        if owner is None:
            return None
        for each in self.below(owner):
            self.program.want(each.name)
            verdict.constraints += self._unfit(each)
        return Form("async-def", (("renamed", _ASYNCHRONOUS[function.name]),)) if not verdict.constraints else None

    def below(self, owner: Scope) -> list[Scope]:
        """Return a class and all that derive from it."""
        keys = self._families.below(owner) or {key_of(owner)}
        return [self.program.module(path).scope(number) for path, number in sorted(keys)]

    def _unfit(self, owner: Scope) -> Iterator[Constraint]:
        module, name = owner.module, owner.name

        def no(code: str, message: str) -> Constraint:
            return because(code, message, module, owner.span.start)

        base = self._definitions.foreign_base(owner, "__enter__")
        if base is not None:
            yield no("ASY121", f"`{name}` derives from `{base}`, which may enter it, or be entered, in its own way")
        if self._held.is_held(owner):
            yield no(
                "ASY107", f"while a `{name}` is entered it holds a lock, or changes the process; use `asyncio.Lock`"
            )
        for plain, asynchronous in _ASYNCHRONOUS.items():
            if self.program.find_method(owner, plain) is None:
                yield no("ASY121", f"`{name}` has no `{plain}` that can be seen, which `async with` needs, too")
            if self.program.find_method(owner, asynchronous) is not None:
                yield no("ASY121", f"`{name}` has an `{asynchronous}` of its own already")
            if any(each.kind != "def" for each in module.bindings(owner.number, plain)):
                yield no("ASY131", f"`{plain}` of `{name}` is bound to something else; define it once")

    # --- where they are entered -----------------------------------------------------------------------------------

    def callers(self, function: Scope, family: Sequence[Scope]) -> tuple[list[tuple[Call, Reached]], list[Constraint]]:
        """Return what enters or leaves by `function`: calls, and `with` statements as if they were; and what may."""
        owner = owner_of(function)
        if owner is None:
            return [], []
        keys = {key_of(each) for each in family}
        found: list[tuple[Call, Reached]] = []
        unknown: list[tuple[Module, int]] = []
        for call in self.program.calls_named(function.name):
            reached = self._receivers.reached(call)
            if any(key_of(each) == key_of(function) for each in reached.functions):
                found.append((call, reached))
            elif not reached.known and self._may_be(call.module, call.scope, _receiver(call), owner):
                unknown.append((call.module, call.span.start))
        self.program.want_like(_WITH)
        for module, number, guard, scope in self._guards:
            kind = self.kind(module, scope, guard.payload)
            if isinstance(kind, Scope) and self._families.share_class(kind, owner):
                methods = [self.program.find_method(each, function.name) for each in (kind, *self.below(kind))]
                method = methods[0] or function
                if any(each is not None and key_of(each) not in keys for each in methods):
                    unknown.append((module, guard.start))
                elif key_of(method) == key_of(function):
                    leaving = function.name == "__exit__"
                    entering = Entering(module, -2 * number - 1 - leaving, number, scope, leaving)
                    found.append((entering, Reached((function,))))
            elif self._is_open(kind, owner) and self._may_be(module, scope, guard.payload, owner):
                unknown.append((module, guard.start))
        troubles = [
            because("ASY135", f"something unknown is entered here, which may be a `{owner.name}`; annotate it", *each)
            for each in sorted(unknown, key=lambda each: (each[0].path, each[1]))[:_MOST_UNKNOWN]
        ]
        return found, [*troubles, *self._taken(owner)]

    def use(self, call: Call, function: Scope) -> Shown:
        """Return how a call or `with` that enters or leaves by `function` is written."""
        if not isinstance(call, Entering):
            return Shown(Form("await-renamed", (("name", _ASYNCHRONOUS[function.name]),)))
        guard = call.entered
        mixed = sum(each[1] == "with" and each[3] == guard.start for each in call.module.facts["guards"]) > 1
        # A block that is torn apart moves to the right.
        extent = Span(guard.start, guard.end if mixed else guard.inner)
        return Shown(Form("enter-items", (("item", str(call.item)),), extent=extent))

    def kind(self, module: Module, scope: int, shape: Shape) -> Scope | str | None:
        """Return what is entered; where a call gives it, what all the functions give that it reaches."""
        kind = self._receivers.kind(module, scope, shape)
        if kind is not None or shape[0] != "c":
            return kind
        reached = self._receivers.reached(module.call(shape[1]))
        given: dict[tuple[str, int] | str, Scope | str] = {}
        for each in reached.functions:
            if each.kind == "class":
                found: list[Scope | str | None] = [each]
            elif each.is_async or each.is_generator:
                found = [None]
            elif each.returns is not None:
                found = [self._receivers.annotated(each.module, each.parent, each.returns)]
            else:
                found = [self._receivers.kind(each.module, each.number, one) for one in each.returned]
            for one in found:
                if one is None:
                    return None
                given[one if isinstance(one, str) else key_of(one)] = one
        return next(iter(given.values())) if len(given) == 1 else None

    @cached_property
    def _guards(self) -> list[tuple[Module, int, Guard, int]]:
        """Every `with` of the program that is not asynchronous, with its number and scope."""
        return [
            (module, number, guard, _scope_at(module, guard.start))
            for module in self.program.modules
            for number, guard in enumerate(Guard(*each) for each in module.facts["guards"])
            if guard.kind == "with" and not is_async(module, guard)
        ]

    def _taken(self, owner: Scope) -> Iterator[Constraint]:
        """Yield a constraint where an object is handed to what enters it."""
        for name in _TAKERS:
            for call in self.program.calls_named(name):
                first = call.argument(0)
                if first is None or call.function[0] != "a":
                    continue
                kind = self._receivers.kind(call.module, call.scope, first.shape)
                related = isinstance(kind, Scope) and self._families.share_class(kind, owner)
                may = name != "push" and self._is_open(kind, owner)
                if related or (may and self._may_be(call.module, call.scope, first.shape, owner)):
                    message = f"`{name}` enters or leaves a `{owner.name}`, and awaits nothing; use `AsyncExitStack`"
                    yield because("ASY121", message, call.module, call.span.start)

    def _is_open(self, kind: Scope | str | None, owner: Scope) -> bool:
        """Tell whether what is known of an object leaves it open whether it is one of class `owner`."""
        if isinstance(kind, Scope):
            return self._definitions.is_protocol(kind) and self.program.find_method(kind, "__enter__") is not None
        return kind is None or kind.startswith(_ANY_CONTEXT) or owner.name == kind.rpartition(".")[2]

    # --- what may be one ------------------------------------------------------------------------------------------

    def _may_be(self, module: Module, scope: int, shape: Shape, owner: Scope, seen: tuple[object, ...] = ()) -> bool:
        """Tell whether a value may be an object of the hierarchy: not where all that it is given is something else."""
        key = (module.path, scope, repr(shape))
        if key in seen:
            return False
        if len(seen) > _DEEPEST:
            return True
        seen = (*seen, key)
        kind = self._receivers.kind(module, scope, shape)
        if isinstance(kind, Scope) and not self._is_open(kind, owner):
            return self._families.share_class(kind, owner)
        if not self._is_open(kind, owner):
            return False
        match shape:
            case ["c", int() as number]:
                return self._may_return(module.call(number), owner, seen)
            case ["w", inner]:
                return self._may_be(module, scope, inner, owner, seen)
            case ["b", parts] | ["?", parts]:
                return any(self._may_be(module, scope, each, owner, seen) for each in parts)
            case ["n", str() as name]:
                return self._variable_may_be(module, scope, name, owner, seen)
            case ["a", base, str() as name]:
                dotted = module.dotted(scope, shape)
                if dotted is not None and not self.program.is_own(dotted):
                    return False
                del base
                return self._attribute_may_be(name, owner, seen)
            case [first, *_]:
                return first in {"i", "x"}
            case _:
                return True

    def _may_return(self, call: Call, owner: Scope, seen: tuple[object, ...]) -> bool:
        dotted = self.program.dotted(call.module, call.scope, call.function)
        if dotted in _COPIES:
            return any(self._may_be(call.module, call.scope, each.shape, owner, seen) for each in call.arguments)
        if dotted is not None and not self.program.is_own(dotted):
            return False
        reached = self._receivers.reached(call)
        made: Sequence[Scope] = reached.functions
        if not reached.known:
            if call.function[0] != "a":
                return True
            made = self.program.definitions(call.tail, want=False)
        return any(self._may_give(each, owner, seen) for each in made)

    def _may_give(self, made: Scope, owner: Scope, seen: tuple[object, ...]) -> bool:
        """Tell whether a call of a function or class may give an object of the hierarchy."""
        if made.kind == "class":
            return self._families.share_class(made, owner)
        if made.is_generator:
            return False
        if made.returns is not None:
            kind = self._receivers.annotated(made.module, made.parent, made.returns)
            if not self._is_open(kind, owner):
                return isinstance(kind, Scope) and self._families.share_class(kind, owner)
        return any(self._may_be(made.module, made.number, each, owner, seen) for each in made.returned)

    def _variable_may_be(self, module: Module, scope: int, name: str, owner: Scope, seen: tuple[object, ...]) -> bool:
        found = module.lookup(scope, name)
        if found is None:
            return False
        for each in found[1]:
            match each.kind:
                case "assign" | "with" if each.payload is not None:
                    may = self._may_be(module, each.scope, each.payload, owner, seen)
                case "import":
                    home = self.program.owner_of(module.dotted(scope, ["n", name]) or "")
                    may = home is not None and self._may_be(home[0], 0, ["n", home[1]], owner, seen)
                case "param":
                    may = self._parameter_may_be(module.scope(found[0]), name, owner, seen)
                case "declared" | "def" | "class" | "except" | "global" | "nonlocal" | "del":
                    may = each.kind == "declared" and len(found[1]) == 1
                case _:
                    may = True
            if may:
                return True
        return False

    def _parameter_may_be(self, function: Scope, name: str, owner: Scope, seen: tuple[object, ...]) -> bool:
        calls = self.program.callers(function, near=False) if function.kind == "function" else []
        special = function.name.startswith("__") and function.name != "__init__"
        if not calls or special or not all(certain for _call, certain in calls) or self.program.references(function):
            return True
        default = next((each[3] for each in function.parameters if each[0] == name), None)
        given = [(each.module, each.scope, shape) for each, shape in self.program.arguments_for(function, name)]
        if default is not None:
            given.append((function.module, function.parent, default))
        starred = any(each.keyword in {"*", "**"} for call, _certain in calls for each in call.arguments)
        return starred or any(self._may_be(*each, owner, seen) for each in given)

    def _attribute_may_be(self, name: str, owner: Scope, seen: tuple[object, ...]) -> bool:
        """Tell whether an attribute of that name, of whatever object, may be given one."""
        for module, _base, value, scope, _start in self._receivers.stores(name):
            if value is None or self._may_be(module, scope, value, owner, seen):
                return True
        for module in self.program.modules_with("classes", name):
            for each in module.classes():
                for binding in module.bindings(each.number, name):
                    if binding.kind == "def":
                        if self._may_give(module.scope(binding.payload), owner, seen):
                            return True
                    elif binding.kind == "declared":
                        kind = self._receivers.annotated(module, each.number, binding.payload)
                        if kind is None or (isinstance(kind, Scope) and self._families.share_class(kind, owner)):
                            return True
                    elif binding.payload is None or self._may_be(module, each.number, binding.payload, owner, seen):
                        return True
        return False


def is_entering(function: Scope) -> bool:
    """Tell whether a function is the `__enter__` or `__exit__` of a class."""
    return function.name in ENTERING and owner_of(function) is not None


def _receiver(call: Call) -> Shape:
    receiver: Shape = call.function[1] if call.function[0] == "a" else ["x", 0]
    return receiver


def _scope_at(module: Module, offset: int) -> int:
    """Return the innermost function, class or module around a statement."""
    around = [
        each
        for each in module.scopes()
        if each.kind in {"module", "class", "function"} and each.span.start <= offset < each.span.end
    ]
    return max(around, key=lambda each: (each.span.start, each.number)).number
