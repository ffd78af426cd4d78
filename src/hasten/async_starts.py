"""Which calls run a function: those that name it, those of it as a value, and those that tests run commands with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TypeAlias

from hasten.async_kinds import key_of
from hasten.async_mentions import Mentions
from hasten.async_places import function_around, run_by_a_coroutine
from hasten.async_receivers import Receivers
from hasten.async_returned import Returned
from hasten.async_rules import CONTEXTS, Definitions
from hasten.index.module import Call, Scope
from hasten.index.program import Program

#: What runs commands, by the last name of its class: in a test, and from within another command.
_RUNNERS = frozenset({"CliRunner", "Context"})
#: How, and the words of the files that do so.
_INVOKING = {"invoke": frozenset({"CliRunner", "click", "typer"}), "forward": frozenset({"click", "typer"})}
#: How a test requests a page, and what its client is called.
_VERBS = frozenset({"get", "post", "put", "delete", "patch", "head", "options", "open"})
_CLIENTS = frozenset({"client", "test_client", "flask"})
#: What a file that makes a context of Flask speaks of: the application, or Flask.
_FLASK = frozenset({"flask", "app", "current_app", "application"})

_Key: TypeAlias = tuple[str, int]
#: A call in a plain function, that function, and its key.
Caller: TypeAlias = tuple[Call, Scope, _Key]


class Starts:
    """Answers for the functions of one program."""

    def __init__(
        self,
        program: Program,
        receivers: Receivers,
        definitions: Definitions,
        mentions: Mentions,
        returned: Returned,
        seen: Callable[[Scope], list[Call] | None],
    ) -> None:
        """Take the program, and what is known of it.

        `seen` returns the calls that run what a library calls, None for any other function.
        """
        self.program = program
        self._receivers = receivers
        self._definitions = definitions
        self._mentions = mentions
        self._returned = returned
        self._seen = seen
        self._plain: dict[_Key, list[Call]] = {}
        self._callers: dict[_Key, list[Caller]] = {}
        self._above: dict[_Key, dict[_Key, Scope]] = {}

    def of(self, function: Scope) -> list[Call]:
        """Return the calls that run a function, those that tests run commands with among them."""
        calls = self.plain(function)
        return [*calls, *self.invocations] if self.is_command(function) else calls

    def plain(self, function: Scope) -> list[Call]:
        """Return the calls that run a function, but for those that run some command."""
        known = self._plain.get(key_of(function))
        if known is None:
            known = self._seen(function)
            if known is None:
                known = [call for call, _certain in self.program.callers(function)]
                known += self._mentions.valued(function)
                known += self._returned.calls(function) or []
            self._plain[key_of(function)] = known
        return known

    def callers(self, function: Scope) -> list[Caller]:
        """Return those of `plain` that stand in plain functions."""
        key = key_of(function)
        if key not in self._callers:
            self._callers[key] = _in_functions(self.plain(function))
        return self._callers[key]

    def above(self, function: Scope) -> dict[_Key, Scope]:
        """Return the functions, or modules, that run a function, by their keys.

        A call that is known to reach methods runs no function of a module, whatever it is called.
        """
        key = key_of(function)
        if key not in self._above:
            found = (each for each in self.of(function) if not (function.parent == 0 and self._is_of_methods(each)))
            around = (function_around(each.module, each.scope) for each in found)
            self._above[key] = {key_of(each): each for each in around}
        return self._above[key]

    def _is_of_methods(self, call: Call) -> bool:
        return self.program.target_of(call)[0] is None and self._definitions.is_method(call)

    @cached_property
    def invoking(self) -> list[Caller]:
        """Those of `invocations` that stand in plain functions."""
        return _in_functions(self.invocations)

    def is_command(self, function: Scope) -> bool:
        """Tell whether what runs commands may run a function."""
        verdict = self._definitions.verdict(function)
        return verdict.command and verdict.called is None

    @cached_property
    def invocations(self) -> list[Call]:
        """Return the calls that run some command: `CliRunner().invoke(cli, ["add"])`, `context.invoke(add)`."""
        found: list[Call] = []
        for call in (
            each for name, words in _INVOKING.items() for each in self.program.calls_named(name, beside=words)
        ):
            base = call.function[1] if call.function[0] == "a" else None
            kind = self._receivers.kind(call.module, call.scope, base) if base is not None else None
            known = isinstance(kind, Scope) or (isinstance(kind, str) and kind.rpartition(".")[2] not in _RUNNERS)
            if base is not None and not known:
                found.append(call)
        return found

    def invoked_in_a_loop(self) -> bool:
        """Tell whether a coroutine function runs a command, itself or through plain functions."""
        return run_by_a_coroutine(self.invocations, self.of) is not None

    @cached_property
    def contexts(self) -> list[Call]:
        """The calls that make a context of Flask, at whose end its teardown functions run."""
        found = (each for name in sorted(CONTEXTS) for each in self.program.calls_named(name, beside=_FLASK))
        return [each for each in found if each.function[0] == "a" and not _is_quart(each)]

    def in_a_coroutine(self) -> Call | None:
        """Return where a coroutine function runs functions of Flask: below a context, or by a client of a test."""
        requests = [
            call
            for verb in sorted(_VERBS)
            for call in self.program.calls_named(verb, beside=_CLIENTS)
            if call.use[0] != "await" and self._is_request_of_a_test(call)
        ]
        return run_by_a_coroutine([*self.contexts, *requests], self.plain)

    def _is_request_of_a_test(self, call: Call) -> bool:
        base = call.function[1] if call.function[0] == "a" else None
        function = function_around(call.module, call.scope)
        if base is None or function.kind != "function" or not str(base[-1]).endswith("client"):
            return False
        return self._definitions.tests.role(function) is not None

    def requesting(self) -> Iterator[Scope]:
        """Yield the plain functions that request a page, as a test does with its client, or enter a context."""
        for call in self.contexts:
            function = function_around(call.module, call.scope)
            if function.kind == "function" and not function.is_async:
                yield function
        for verb in sorted(_VERBS):
            for call in self.program.calls_named(verb, beside=_CLIENTS):
                function = function_around(call.module, call.scope)
                if call.function[0] == "a" and function.kind == "function" and not function.is_async:
                    yield function


def _is_quart(call: Call) -> bool:
    """Tell whether a context is entered by `async with`, as those of Quart are."""
    return any((each.module or each.name).partition(".")[0] == "quart" for each in call.module.imports())


def _in_functions(calls: list[Call]) -> list[Caller]:
    around = ((each, function_around(each.module, each.scope)) for each in calls)
    return [
        (each, caller, key_of(caller)) for each, caller in around if caller.kind == "function" and not caller.is_async
    ]
