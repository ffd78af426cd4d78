"""Who calls a function: by its name, as a value, by entering a block, and whoever may do so as far as one can tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from hasten import async_forms
from hasten.async_answers import Answers
from hasten.async_blocks import is_entering
from hasten.async_constructors import is_constructor
from hasten.async_kinds import key_of, owner_of
from hasten.async_places import because
from hasten.async_receivers import Reached, takes
from hasten.async_results import property_of
from hasten.index.module import Call, Scope
from hasten.propagate import Certainty, Constraint

#: So many calls of unknown receivers are named; there may be hundreds.
_MOST_UNKNOWN = 3


@dataclass(slots=True)
class Called:
    """What is known of the calls of a function.

    Attributes:
        calls: each with what it reaches.
        constraints: calls that may be some, of which nobody can tell.
        hazards: what is taken for granted.
    """

    calls: list[tuple[Call, Reached]]
    constraints: list[Constraint] = field(default_factory=list)
    hazards: list[Constraint] = field(default_factory=list)


class Callers:
    """Answers for the functions of one graph."""

    def __init__(self, answers: Answers, blocking: set[tuple[str, int]], *, forms: bool) -> None:
        """Take what is known of the program, the keys of the calls that block, and whether forms are carried out."""
        self._answers = answers
        self._program = answers.program
        self._blocking = blocking
        self._forms = forms

    def of(self, function: Scope, family: list[Scope]) -> Called:
        """Return the calls of `function`, which converts together with a family."""
        otherwise = self._otherwise(function, family)
        if otherwise is not None:
            return Called(*otherwise)
        answers = self._answers
        if owner_of(function) is not None:
            # The engine reads no file for `x.get()` by itself, since dictionaries have it too; here each must be seen.
            self._program.want(function.name, "called")
        found = Called(list(answers.following.handed(function)))
        found.calls += answers.registered.calls(function) if self._forms else ()
        kept = answers.trails.calls(function)
        for call in kept:
            reached = answers.receivers.reached(call)
            if any(key_of(each) == key_of(function) for each in reached.functions):
                found.calls.append((call, reached))
        found.hazards += answers.trails.hazards(function)
        unknown: list[Call] = []
        keys = {key_of(each) for each in family}
        misnamed = [
            (each, False)
            for each in self._program.calls_named(function.name, want=False)
            if self._looks_like(each, function)
        ]
        for call, certain in [*self._program.callers(function), *misnamed]:
            if call in kept:
                continue
            if not certain and (call.module.path, call.index) in self._blocking:
                continue  # who found that it blocks knows what its receiver is
            reached = Reached((function,)) if certain else answers.receivers.reached(call)
            if any(key_of(each) == key_of(function) for each in reached.functions):
                found.calls.append((call, reached))
            elif not reached.known and self._is_unknown(call, function, keys, found):
                unknown.append(call)
        for call in sorted(unknown, key=lambda each: (each.module.path, each.span))[:_MOST_UNKNOWN]:
            message = f"a call of `{call.tail}` on something unknown may reach `{function.name}`; annotate the receiver"
            found.constraints.append(because("ASY135", message, call.module, call.span.start))
        closed, troubles = answers.closings.callers(function, family, forms=self._forms)
        found.constraints += troubles
        found.calls = [*self._through_lambdas(function, found.calls), *closed]
        return found

    def _is_unknown(self, call: Call, function: Scope, family: set[tuple[str, int]], found: Called) -> bool:
        """Tell whether nobody knows what a call reaches that may be one of a function; note a guess."""
        answers = self._answers
        if not answers.trails.fits_await(call, function):
            return False  # a plain function's result could not have been awaited
        if not takes(function, call):
            return False  # TypeError, were it this one
        guess = self._certainty(call, function, family)
        if guess is not None:
            # Whatever else has a method of that name converts with it, so that the one `await` is right.
            others = answers.receivers.guessed(call) if guess is Certainty.GUESSED else ()
            rest = tuple(each for each in others if key_of(each) not in family)
            found.calls.append((call, Reached((function, *rest), guess)))
            return False
        if not self._may_reach(call, function):
            return False
        if not answers.receivers.is_of_others(call):
            return True
        base = call.function[1]
        shown = base[2] if base[0] == "a" else f"{call.module.call(base[1]).tail}()"
        message = f"`{shown}.{call.tail}` is taken for a call of something of others"
        found.hazards.append(because("ASY012", message, call.module, call.span.start))
        return False

    def _otherwise(
        self, function: Scope, family: list[Scope]
    ) -> tuple[list[tuple[Call, Reached]], list[Constraint]] | None:
        """Return what runs a function that is not called by its name, and what stands in its way; None for others."""
        if is_constructor(function):
            return self._answers.constructors.callers(function)
        if property_of(function):
            return self._answers.properties.callers(function, family)
        return self._answers.blocks.callers(function, family) if is_entering(function) else None

    def _through_lambdas(self, function: Scope, found: list[tuple[Call, Reached]]) -> Iterator[tuple[Call, Reached]]:
        """Yield calls of a function, for one that is all that a lambda does those of the lambda."""
        for call, reached in found:
            calls = None if async_forms.kind_of(function) else self._answers.trails.lambda_calls(call)
            if calls is None:
                yield call, reached
            else:
                yield from ((each, self._answers.receivers.reached(each)) for each in calls)

    def _looks_like(self, call: Call, function: Scope) -> bool:
        """Tell whether a call that seems to leave the program may be one of `function`."""
        dotted = self._program.dotted(call.module, call.scope, call.function) or ""
        own = f"{function.module.name}.{function.module.symbol(function.number)}"
        return dotted.endswith(f".{own}") and self._program.resolve(dotted) is None

    def _certainty(self, call: Call, function: Scope, family: set[tuple[str, int]]) -> Certainty | None:
        """Return how sure it is that a call of an unknown receiver reaches `function`, None where it is not at all."""
        owner = owner_of(function)
        if owner is None or call.function[0] != "a":
            return None
        around = self._answers.receivers.class_around(call.module, call.scope, call.function[1])
        if around is not None:
            # `self.f()` in a base or mixin that does not define `f` itself
            related = [
                each
                for each in self._answers.families.methods(function.name)
                if self._answers.families.share(each, around)
            ]
            mine = bool(related) and {key_of(each) for each in related} <= family
            return Certainty.INFERRED if mine and not self._is_kept(call.tail, around) else None
        return Certainty.GUESSED if function in self._answers.receivers.guessed(call) else None

    def _is_kept(self, name: str, owner: Scope) -> bool:
        """Tell whether a class, or one below it, is given something else by that name: `self.load = load`."""
        receivers = self._answers.receivers
        heirs = {key_of(each): each for each in receivers.program.heirs(owner)}
        bound = (each for heir in heirs.values() for each in heir.module.bindings(heir.number, name))
        given = (receivers.class_around(module, scope, base) for module, base, _, scope, _ in receivers.stores(name))
        return any(each.kind not in {"def", "declared"} for each in bound) or any(
            each is not None and key_of(each) in heirs for each in given
        )

    def _may_reach(self, call: Call, function: Scope) -> bool:
        """Tell whether a call that nobody can resolve could be one of `function`."""
        owner = owner_of(function)
        if self._looks_like(call, function):
            return True
        if owner is not None:
            if call.function[0] != "a":
                return False  # a plain name can only be the method where the method is handed on, which is refused
            around = self._answers.receivers.class_around(call.module, call.scope, call.function[1])
            return around is None or self._answers.families.share_class(owner, around)
        shape = call.function
        if shape[0] == "a":
            shape = shape[1]
        while shape[0] == "a":
            shape = shape[1]
        found = call.module.lookup(call.scope, shape[1]) if shape[0] == "n" else None
        if found is None:
            return False
        # A variable holds the function only where it was handed on. An import, one of several, may be it:
        #     try: from fast import f
        #     except ImportError: from slow import f
        return any(each.kind in {"import", "def"} for each in found[1]) or (
            call.function[0] == "a" and any(each.kind in {"assign", "global"} for each in found[1])
        )
