"""Objects whose `close` has to wait, where `contextlib.closing` calls it: the block becomes a `try` with a `finally`.

    with closing(Store(path)) as store:        store = Store(path)
        BODY                                   try:
                                                   BODY
                                               finally:
                                                   await store.close()

What else is done with `closing`, and what may hand such an object to it, is a constraint.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hasten import async_forms
from hasten.async_blocks import Blocks, Entering
from hasten.async_families import Families
from hasten.async_forms import Form, Shown
from hasten.async_kinds import closed_by, key_of, owner_of
from hasten.async_places import because, function_around
from hasten.async_receivers import Reached, Receivers
from hasten.index.module import Call, Guard, Module, Scope
from hasten.index.program import Program
from hasten.model import Span
from hasten.propagate import Constraint

_CLOSING = "contextlib.closing"
_CONTEXTLIB = frozenset({"contextlib"})
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass(frozen=True, slots=True)
class Closing(Entering):
    """The end of a `with closing(...)`, in the place of a call of `close`."""


class Closings:
    """Answers for the `closing` of one program."""

    def __init__(self, program: Program, receivers: Receivers, families: Families, blocks: Blocks) -> None:
        """Take the program, and what is known of it."""
        self.program = program
        self._receivers = receivers
        self._families = families
        self._blocks = blocks

    def callers(
        self, function: Scope, family: Sequence[Scope], *, forms: bool
    ) -> tuple[list[tuple[Call, Reached]], list[Constraint]]:
        """Return the blocks that end by calling a method `close`, and what may call it in a way that cannot wait.

        Args:
            function: the method.
            family: what converts together with it.
            forms: whether whoever asks carries out forms; else each such block is a constraint.
        """
        owner = owner_of(function)
        if owner is None or function.name != "close":
            return [], []
        keys = {key_of(each) for each in family}
        found: list[tuple[Call, Reached]] = []
        troubles: list[Constraint] = []
        for call in self._calls():
            argument = call.argument(0, "thing")
            if argument is None:
                continue
            kind = self._blocks.kind(call.module, call.scope, argument.shape)
            if isinstance(kind, str):
                continue
            method = self.program.find_method(kind, "close") if kind is not None else None
            mine = method is not None and key_of(method) in keys
            if kind is not None and not mine and not self._families.share_class(kind, owner):
                continue
            trouble = self._trouble(call, function, kind, keys) if forms else f"calls this `close`{_AWAITS_NOTHING}"
            if trouble:
                troubles.append(because("ASY132", f"`closing` {trouble}", call.module, call.span.start))
            elif method is not None and key_of(method) == key_of(function):
                number, guard = self._guard(call) or (-1, None)
                found += [(_end(call, number), Reached((function,)))] if guard is not None else []
        return found, [*troubles, *self._as_values()]

    def use(self, closing: Closing) -> Shown:
        """Return how a `with closing(...)` is written whose `close` is awaited."""
        module, guard = closing.module, closing.entered
        call = module.call(guard.payload[1])
        name, how = self._naming(closing, call)
        root = call.function
        while root[0] == "a":
            root = root[1]
        uses = [
            Span(start, end)
            for start, end, _use in module.facts["reads"][call.scope].get(root[1], ())
            if start == call.span.start
        ]
        return Shown(
            Form(
                "close-finally",
                (("closes", f"{closing.item} {name} {how}"),),
                releases=tuple((module.path, each) for each in uses),
                extent=Span(guard.start, guard.end),
            )
        )

    # --- what calls `closing` -------------------------------------------------------------------------------------

    def _calls(self) -> Iterator[Call]:
        """Yield the calls of `contextlib.closing`, and of what is called so and nobody knows."""
        for call in self.program.calls_named("closing"):
            dotted = self.program.dotted(call.module, call.scope, call.function)
            known = dotted is not None or self._receivers.reached(call).known
            if dotted == _CLOSING or not known:
                yield call
        self.program.want("closing", beside=_CONTEXTLIB)
        for module, name in self._imported():
            if name != "closing":
                yield from (each for each in module.calls_named(name) if _is_closing(self.program, each))

    def _imported(self) -> Iterator[tuple[Module, str]]:
        """Yield the names under which modules import `closing`."""
        for module in self.program.modules:
            names = {each.asname or each.name for each in module.imports() if module.import_target(each) == _CLOSING}
            yield from ((module, each) for each in sorted(names))

    def _as_values(self) -> Iterator[Constraint]:
        """Yield a constraint where `closing` itself is handed on, so that what it is called with cannot be seen."""
        for module, name in self._imported():
            for read in module.reads_of(name):
                called = read.use[0] == "call" and module.call(read.use[1]).function == ["n", name]
                if not called and module.dotted(read.scope, ["n", name]) == _CLOSING:
                    message = "`closing` is handed on, and may be given an object whose `close` has to wait"
                    yield because("ASY132", message, module, read.span.start)

    def _trouble(self, call: Call, function: Scope, kind: Scope | None, keys: set[tuple[str, int]]) -> str:
        """Return why a block cannot be written as `try` and `finally`, `""` where it can."""
        if kind is None:
            return f"may call this `close`{_AWAITS_NOTHING}; annotate what it is given"
        if not _is_closing(self.program, call) or call.argument(0) is None or len(call.arguments) != 1:
            return f"may call this `close`{_AWAITS_NOTHING}"
        found = self._guard(call)
        if found is None:
            return f"calls this `close` outside of a `with`{_AWAITS_NOTHING}; close it by `try` and `finally`"
        if call.misplaced or async_forms.kind_of(function):
            return f"calls this `close`{_AWAITS_NOTHING}"
        methods = [self.program.find_method(each, "close") for each in (kind, *self._blocks.below(kind))]
        if any(each is None or key_of(each) not in keys for each in methods):
            return f"may call this `close` or another one{_AWAITS_NOTHING}; give each class a block of its own"
        guards = [Guard(*each) for each in call.module.facts["guards"]]
        row = [each for each in guards if each.kind == "with" and each.start == found[1].start]
        if any(not self._closes_own(call.module, each) for each in row):
            return "stands among other contexts of a `with`, and its `close` has to wait; give it a `with` of its own"
        return ""

    def _guard(self, call: Call) -> tuple[int, Guard] | None:
        """Return the `with` that a call is entered by, with its number, None where it is used otherwise."""
        for number, record in enumerate(call.module.facts["guards"]) if call.use[0] == "with" else ():
            guard = Guard(*record)
            if guard.kind == "with" and guard.payload == ["c", call.index]:
                return number, guard
        return None

    def _closes_own(self, module: Module, guard: Guard) -> bool:
        """Tell whether a context is `closing` over an object of the program's."""
        call = module.call(guard.payload[1]) if guard.payload[0] == "c" else None
        argument = closed_by(self.program, call) if call is not None else None
        return (
            call is not None
            and argument is not None
            and isinstance(self._blocks.kind(module, call.scope, argument), Scope)
        )

    # --- what it is called ------------------------------------------------------------------------------------------

    def _naming(self, closing: Closing, call: Call) -> tuple[str, str]:
        """Return the variable that is closed at the end, and how it and the target get their values.

        `as`: it is the target. `kept`: it is a variable already. `new`: it is a new one. With these two the target, if
        there is one, is assigned to below `try`: where that fails, the object is closed.
        """
        module, guard = closing.module, closing.entered
        if guard.name and self._is_steady(closing, guard.name, own=True):
            return guard.name, "as"
        shape = call.arguments[0].shape
        if shape[0] == "n" and self._is_steady(closing, shape[1], own=False):
            return str(shape[1]), "kept"
        kind = self._blocks.kind(module, call.scope, shape)
        taken: set[str] = set()
        number = guard.parent
        while number >= 0:  # blocks within blocks have names of their own
            outer = module.guard(number)
            if outer.kind == "with" and self._closes_own(module, outer):
                taken.add(self._naming(_end(module.call(outer.payload[1]), number), module.call(outer.payload[1]))[0])
            number = outer.parent
        return _fresh(
            function_around(module, closing.around), kind.name if isinstance(kind, Scope) else "", taken
        ), "new"

    def _is_steady(self, closing: Closing, name: str, *, own: bool) -> bool:
        """Tell whether a variable of the function is given nothing else as long as the block runs."""
        module, guard = closing.module, closing.entered
        function = function_around(module, closing.around)
        bindings = module.bindings(function.number, name)
        inside = [each for each in bindings if guard.start <= each.start < guard.end]
        return (
            bool(bindings)
            and all(each.scope == function.number for each in bindings)
            and not {"global", "nonlocal"} & {each.kind for each in bindings}
            and [each.kind for each in inside] == (["with"] if own else [])
        )


_AWAITS_NOTHING = ", and awaits nothing"


def _is_closing(program: Program, call: Call) -> bool:
    return program.dotted(call.module, call.scope, call.function) == _CLOSING


def _end(call: Call, number: int) -> Closing:
    """Return the end of the block that a call of `closing` stands at the head of, by the number of the guard."""
    return Closing(call.module, -2 * number - 2, number, call.scope, leaving=True)


def _fresh(function: Scope, owner: str, taken: set[str]) -> str:
    """Return a name that a function and those in it do not use, made of that of a class."""
    module, span = function.module, function.span
    inside = [each.number for each in module.scopes() if span.start <= each.span.start and each.span.end <= span.end]
    used = taken | {name for each in inside for section in ("binds", "reads") for name in module.facts[section][each]}
    base = "_".join(_WORDS.split(owner.strip("_"))).lower() or "opened"
    names = (base, *(f"{base}_{number}" for number in range(2, len(used) + 3)))
    return next(each for each in names if each not in used and not keyword.iskeyword(each))
