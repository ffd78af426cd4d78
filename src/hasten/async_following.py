"""What tests do beside calling a function: hand it to `raises` or `addCleanup`, and what does not matter in a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hasten import async_forms
from hasten.async_forms import Form, More, Shown
from hasten.async_kinds import key_of, owner_of
from hasten.async_mentions import Mentions
from hasten.async_places import Surroundings, function_around
from hasten.async_receivers import Reached, Receivers
from hasten.async_returned import Returned
from hasten.async_rules import Definitions
from hasten.async_tests import RENAMED
from hasten.index.module import Call, Read, Scope
from hasten.index.program import Program

#: Takers of a function that call it at once and expect an exception, and how many arguments stand before it.
_EXPECTING = {
    "raises": 1,
    "warns": 1,
    "assertRaises": 1,
    "assertWarns": 1,
    "assertRaisesRegex": 2,
    "assertWarnsRegex": 2,
}
_OF_PYTEST = frozenset({"raises", "warns"})
#: What cannot hurt in a test: no task runs beside it.
_ALONE = frozenset({"ASY002", "ASY003", "ASY107"})


class Following:
    """Answers for the tests of one program."""

    def __init__(
        self,
        program: Program,
        receivers: Receivers,
        definitions: Definitions,
        mentions: Mentions,
        returned: Returned,
    ) -> None:
        """Take the program, and what is known of it."""
        self.program = program
        self._receivers = receivers
        self._definitions = definitions
        self._mentions = mentions
        self._returned = returned

    def follows(self, scope: Scope) -> bool:
        """Tell whether a function is a test, or belongs to one, and may become a coroutine function."""
        return scope.kind == "function" and not scope.is_async and self._definitions.verdict(scope).test

    # --- one call -------------------------------------------------------------------------------------------------

    def around(self, call: Call, found: Surroundings) -> Surroundings:
        """Return what stands around a call, less what does not matter in a test."""
        if not self.follows(found.function):
            return found
        expected = self._expecting_lambda(call) is not None
        constraints = (
            each for each in found.constraints if each.code not in _ALONE and not (expected and each.code == "ASY101")
        )
        hazards = (each for each in found.hazards if each.code not in _ALONE)
        return Surroundings(found.function, tuple(constraints), tuple(hazards))

    def use(self, call: Call, function: Scope, otherwise: Callable[[], Shown]) -> Shown:
        """Return how a call of a function is written, or one that it is handed to; `otherwise` says how elsewhere."""
        if call.tail in _EXPECTING and self._taken_at(call) is not None and function.name != call.tail:
            return Shown(Form("expect", (("leading", str(_EXPECTING[call.tail])),)))
        if call.tail == "addCleanup" and function.name != call.tail:
            return Shown(Form("call-method", (("name", "addAsyncCleanup"),)))
        if function.name in RENAMED and call.tail == function.name and self.follows(function):
            return Shown(Form("await-method", (("name", RENAMED[function.name]),)))
        taker = self._expecting_lambda(call)
        if taker is not None and self.follows(function_around(call.module, call.scope)):
            kind = async_forms.kind_of(function)
            if not kind:
                leading = (("leading", str(_EXPECTING[taker.tail])),)
                return Shown(Form("await-call", more=(More(taker.module, taker.span, "expect", leading),)))
        return otherwise()

    def handed(self, function: Scope) -> Iterator[tuple[Call, Reached]]:
        """Yield the calls in tests that a function is handed to, and those of what a fixture returns."""
        for call in self._returned.calls(function) or ():
            yield call, Reached((function,))
        for read in self._mentions.references(function):
            taker = self.taker(function, read)
            if taker is not None:
                yield taker, Reached((function,))

    def taker(self, function: Scope, read: Read) -> Call | None:
        """Return the call that a function is handed to, and that can be written in another way."""
        if read.use[0] != "arg" or async_forms.kind_of(function):
            return None
        taker = read.module.call(read.use[1])
        if not self.follows(function_around(taker.module, taker.scope)) or not self._is_it(function, read):
            return None
        if taker.tail == "addCleanup":
            return taker if read.use[2] == 0 and taker.function[:2] == ["a", ["n", "self"]] else None
        return taker if read.use[2] == self._taken_at(taker) else None

    def _is_it(self, function: Scope, read: Read) -> bool:
        """Tell whether what is read is surely the function, or one that overrides it or that it overrides."""
        if owner_of(function) is None:
            return True
        for base, _use, scope, start, _end in read.module.facts["attribute_reads"].get(function.name, ()):
            if start == read.span.start:
                owner = self._receivers.class_around(read.module, scope, base)
                kind = owner if owner is not None else self._receivers.kind(read.module, scope, base)
                method = self.program.find_method(kind, function.name) if isinstance(kind, Scope) else None
                return method is not None and self._is_of_one_family(method, function)
        return False

    def _is_of_one_family(self, one: Scope, other: Scope) -> bool:
        first, second = owner_of(one), owner_of(other)
        if first is None or second is None:
            return key_of(one) == key_of(other)
        return self.program.derives(first, second) or self.program.derives(second, first)

    def _taken_at(self, taker: Call) -> int | None:
        """Return which argument of `raises(E, f)` is the function; None where it is something else, or no statement."""
        position = _EXPECTING.get(taker.tail)
        plain = all(each.keyword not in {"*", "**"} for each in taker.arguments)
        if position is None or len(taker.arguments) <= position or not plain:
            return None
        if taker.tail in _OF_PYTEST:
            named = taker.module.dotted(taker.scope, taker.function) == f"pytest.{taker.tail}"
            return position if named and taker.use[0] in {"expr", "asg"} else None
        own = taker.function[0] == "a" and taker.function[1] == ["n", "self"]
        return position if own and taker.use[0] == "expr" else None

    def _expecting_lambda(self, call: Call) -> Call | None:
        """Return the call of `raises` that the lambda around a call is handed to, None where there is none."""
        module, scope = call.module, call.module.scope(call.scope)
        use = scope.bases[0] if scope.kind == "lambda" and scope.bases and not scope.parameters else ["lambda"]
        if use[0] != "arg":
            return None
        taker = module.call(int(use[1]))
        return taker if use[2] == self._taken_at(taker) and len(taker.arguments) == use[2] + 1 else None
