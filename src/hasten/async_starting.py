"""Which functions start an event loop once all is converted: by their own `asyncio.run`, or by a command that they run.

A plain test may do so. One that has to await, too, hands the call that starts a loop to a thread, where no loop runs:
`await asyncio.to_thread(runner.invoke, cli, ["add"])`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from hasten.async_forms import More, kind_of
from hasten.async_kinds import key_of
from hasten.async_mentions import Mentions
from hasten.async_places import Surroundings, because, function_around
from hasten.async_receivers import Receivers
from hasten.async_starts import Starts
from hasten.index.module import Call, Scope
from hasten.index.program import Program
from hasten.propagate import Constraint
from hasten.uses import trouble_with

Key = tuple[str, int]
#: Names of functions by their modules.
_Names: TypeAlias = dict[str, tuple[str, ...]]

#: What works in the main thread only, by its module.
_MAIN_ONLY: _Names = {"signal": ("signal", "set_wakeup_fd", "setitimer", "alarm")}
#: What differs from thread to thread, by its module.
_IDENTITY: _Names = {
    "threading": ("local", "get_ident", "get_native_id", "current_thread"),
    "contextvars": ("ContextVar",),
}
#: What may be held around a call that runs in a thread: it is there for all threads.
_FOR_ALL_THREADS = ("unittest.mock.", "contextlib.redirect_", "contextlib.chdir", "warnings.")


@dataclass(slots=True)
class Starters:
    """Functions that start a loop.

    Attributes:
        why: by their keys, for people.
        calls: by the key of a function, the calls in it that start one.
    """

    why: dict[Key, str] = field(default_factory=dict)
    calls: dict[Key, list[tuple[Call, Scope]]] = field(default_factory=dict)


class Starting:
    """Answers for the functions of one graph."""

    def __init__(
        self,
        program: Program,
        receivers: Receivers,
        mentions: Mentions,
        starts: Starts,
        around: Callable[[Call], tuple[Surroundings, Surroundings]],
    ) -> None:
        """Take the program, what is known of it, and what stands around a call: for any function, and for a test."""
        self.program = program
        self._receivers = receivers
        self._mentions = mentions
        self._starts = starts
        self._around = around
        #: The tests that hand what starts a loop to threads.
        self.threaded: set[Key] = set()

    def starters(
        self, running: Iterable[Scope], requesting: Iterable[Scope], asked: Iterable[Key] | None = None
    ) -> Starters:
        """Return the functions that start a loop, or run what does.

        Args:
            running: functions that will start one.
            requesting: functions that request a page whose view runs in a loop of its own.
            asked: which functions are of interest, and why they start one alone; by default all, with the calls.
        """
        pending = [each for each in running if each.kind == "function"]
        for path, number in sorted(self._mentions.loop_starters()):
            pending.append(self.program.module(path).scope(number))
        found = Starters({key_of(each): "it starts an event loop" for each in pending})
        for function in requesting:
            message = "it has Flask run a function, which runs in an event loop of its own"
            found.why.setdefault(key_of(function), message)
            pending.append(function)
        self._spread(pending, found, None if asked is None else {*asked} - found.why.keys() - self.threaded)
        return found

    def _spread(self, pending: list[Scope], found: Starters, asked: set[Key] | None = None) -> None:
        """Add to what is found whatever calls `pending`, but for what a thread runs in their place.

        That ends when it is known of all that are `asked` about.
        """
        done: set[Key] = set()
        # Each of them may run any command, and is what it is after the first.
        invocations = self._starts.invoking
        while pending and (asked is None or asked):
            starter = pending.pop()
            if key_of(starter) in done:
                continue
            done.add(key_of(starter))
            callers = self._starts.callers(starter)
            if invocations and self._starts.is_command(starter):
                callers, invocations = [*callers, *invocations], []
            for call, caller, key in callers:
                found.calls.setdefault(key, []).append((call, starter))
                if key not in found.why and key not in self.threaded:
                    line = call.module.position(call.span.start).line
                    found.why[key] = f"it runs `{starter.name}` (line {line}), which starts an event loop"
                    pending.append(caller)
                    if asked is not None:
                        asked.discard(key)

    # --- in a thread ----------------------------------------------------------------------------------------------

    def in_threads(self, test: Scope, found: Starters) -> list[More]:
        """Return the edits that let threads run what starts a loop in a test; none where that cannot be."""
        calls = list(
            {(each.module.path, each.index): (each, run) for each, run in found.calls.get(key_of(test), ())}.values()
        )
        if not all(self._may_leave(call, starter) for call, starter in calls):
            return []
        if self._catches(test):
            return []
        if key_of(test) in self._reaching(_MAIN_ONLY).why:
            return []
        return [More(call.module, call.span, "await-in-thread") for call, _starter in calls]

    def _may_leave(self, call: Call, starter: Scope) -> bool:
        """Tell whether a call can be handed to a thread, and be awaited where it stands."""
        around, relevant = self._around(call)
        held = {(each.line, each.column) for each in around.constraints if each.code == "ASY107"}
        if relevant.constraints or held - self._bearable(call):
            return False
        if trouble_with(self.program, call.module, call.scope, "asyncio", call.span.start):
            return False
        values = [each.shape for each in call.arguments]
        values += [call.function[1]] if call.function[0] == "a" else []
        kinds = (self._receivers.kind(call.module, call.scope, each) for each in values)
        # A connection that stays one of sqlite3 works in the thread that opened it.
        return not kind_of(starter) and not any(isinstance(each, str) and each.startswith("sqlite3.") for each in kinds)

    def _bearable(self, call: Call) -> set[tuple[int, int]]:
        """Return the places of what is held around a call, and is there for all threads: it locks nobody out."""
        module = call.module
        places: set[tuple[int, int]] = set()
        for guard in module.guards(call.guard):
            if guard.kind == "with" and guard.payload[0] == "c":
                made = module.call(guard.payload[1])
                if (self.program.dotted(module, made.scope, made.function) or "").startswith(_FOR_ALL_THREADS):
                    position = module.position(guard.start)
                    places.add((position.line, position.column))
        return places

    @staticmethod
    def _catches(test: Scope) -> bool:
        """Tell whether a test has to do with StopIteration, which no future can hold."""
        reads = test.module.reads_of("StopIteration")
        return any(function_around(test.module, each.scope) == test for each in reads)

    def _reaching(self, names: _Names) -> Starters:
        """Return the functions that call something of the standard library, themselves or through others."""
        found = Starters()
        for call in self._calls_of(names):
            function = function_around(call.module, call.scope)
            if function.kind == "function":
                found.why[key_of(function)] = f"{call.module.path}:{call.module.position(call.span.start).line}"
                self._spread([function], found)
        return found

    def _calls_of(self, names: _Names) -> Iterator[Call]:
        for module, functions in names.items():
            for name in functions:
                for call in self.program.calls_named(name, beside=frozenset({module})):
                    if self.program.dotted(call.module, call.scope, call.function) == f"{module}.{name}":
                        yield call

    def hazards(self, tests: Iterable[Scope]) -> Iterator[tuple[Scope, Constraint]]:
        """Yield what differs in a thread, for the tests that hand something to one."""
        handing = [each for each in tests if key_of(each) in self.threaded]
        for call in self._calls_of(_IDENTITY) if handing else ():
            function = function_around(call.module, call.scope)
            reached = Starters()
            if function.kind == "function":
                self._spread([function], reached)
            for test in handing:
                # What a module makes is there for all of its functions, and for whoever imports them.
                if function.kind == "module" or key_of(test) in reached.calls:
                    message = f"`{call.tail}` is another thing in the thread that `{test.name}` hands a command to"
                    yield test, because("ASY031", message, call.module, call.span.start)


__all__ = ["Starters", "Starting"]
