"""Functions that are registered to be called at an end where no event loop runs, `context.call_on_close(store.close)`.

What has to wait there is run in a loop of its own: `call_on_close(lambda close=store.close: asyncio.run(close()))`. The
method is bound where it is registered, as it was before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

from hasten import async_forms
from hasten.async_fixtures import is_fixture
from hasten.async_forms import Form
from hasten.async_kinds import key_of, owner_of
from hasten.async_mentions import Mentions
from hasten.async_places import function_around
from hasten.async_readings import Handed, handed
from hasten.async_receivers import Reached, Receivers, takes
from hasten.index.module import Call, Read, Scope
from hasten.index.program import Program

#: The remedy of a call that comes of a registration: it is run where no loop is, whatever becomes of who registers it.
LATER = "later"
_CONTEXTS = frozenset({"click.Context", "click.core.Context", "typer.Context"})
_LIBRARIES = frozenset({"click", "typer"})
_PASSING_CONTEXT = frozenset({"click.pass_context", "click.decorators.pass_context"})


class Registered:
    """Answers for the functions of one program."""

    def __init__(
        self, program: Program, receivers: Receivers, mentions: Mentions, in_a_loop: Callable[[], bool]
    ) -> None:
        """Take the program and what is known of it; `in_a_loop` tells whether commands are invoked in a loop."""
        self.program = program
        self._receivers = receivers
        self._mentions = mentions
        self._in_a_loop = in_a_loop

    def calls(self, function: Scope) -> Iterator[tuple[Handed, Reached]]:
        """Yield the registrations of a function, in the place of the calls that come of them."""
        for read in self._mentions.references(function):
            found = self._registration(function, read)
            if found is not None:
                yield found

    @cached_property
    def _makes_contexts(self) -> bool:
        """Whether the program makes contexts itself, which may then end where a loop runs."""
        #     with click.Context(command) as context: ...        with context.scope(): ...
        for tail in ("Context", "make_context", "scope"):
            for call in self.program.calls_named(tail, beside=_LIBRARIES):
                dotted = self.program.dotted(call.module, call.scope, call.function)
                if dotted in _CONTEXTS or (call.function[0] == "a" and (dotted is None or tail == "make_context")):
                    return True
        return False

    def is_registered(self, function: Scope, read: Read) -> bool:
        """Tell whether a use of a function as a value surely registers it, and nothing else."""
        return self._registration(function, read) is not None

    @staticmethod
    def form(call: Handed) -> Form:
        """Return how a registration is written."""
        return Form("run-later", (("name", call.name if call.function[0] == "a" else ""),))

    def _registration(self, function: Scope, read: Read) -> tuple[Handed, Reached] | None:
        if read.use[0] != "arg" or async_forms.kind_of(function):
            return None
        taker = read.module.call(read.use[1])
        if read.use[2] != 0 or len(taker.arguments) != 1 or not self._is_registrar(taker):
            return None
        call = handed(read, function.name)
        # What is handed on is given no arguments.
        if call is None or taker.misplaced or not takes(function, call):
            return None
        reached = self._receivers.reached(call)
        mine = any(key_of(each) == key_of(function) for each in reached.functions)
        if not mine and owner_of(function) is None and call.function[0] == "n":
            mine, reached = True, Reached((function,))  # the reads of a function by its name are its own
        return (call, reached) if mine else None

    def _is_registrar(self, taker: Call) -> bool:
        """Tell whether what is handed to a call is called once, with no arguments, where no event loop runs."""
        if taker.function[0] != "a":
            return False
        module, base = taker.module, taker.function[1]
        around = function_around(module, taker.scope)
        if taker.tail == "call_on_close":
            kind = self._receivers.kind(module, taker.scope, base)
            passed = any(module.dotted(around.parent, each) in _PASSING_CONTEXT for each in around.decorators)
            first = around.parameters[0][0] if around.parameters else None
            known = kind in _CONTEXTS if isinstance(kind, str) else passed and base == ["n", first]
            return known and not self._in_a_loop() and not self._makes_contexts
        if taker.tail == "addfinalizer":
            asked = any(each[0] == "request" for each in around.parameters)
            return base == ["n", "request"] and asked and around.kind == "function" and is_fixture(around)
        return False
