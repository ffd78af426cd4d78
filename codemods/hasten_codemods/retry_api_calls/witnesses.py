"""Tests that let calls fail: they would wait, count more attempts, and may expect what is no longer so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from hasten.api import Module, Program
from hasten_codemods.retry_api_calls.clients import Client
from hasten_codemods.retry_api_calls.places import is_in_tests, place_of

_BUSY = frozenset({"429", "502", "503", "504"})
#: How an argument is called that is the status of an answer, among others.
_WORDS = frozenset({"status", "status_code", "code", "side_effect", "body", "exc", "body_exception"})


class Failure(NamedTuple):
    """A place in a test that lets a call fail in a way that passes."""

    path: str
    place: str


class Witnesses:
    """The tests of one program."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self.program = program
        self._found: dict[str, list[Failure]] = {}

    def failing(self, client: Client) -> list[Failure]:
        """Return where tests let calls of a client fail for a while."""
        if client.name not in self._found:
            names = sorted({each.rpartition(".")[2] for each in client.errors} | {"URLError", "HTTPError"})
            self.program.want_like(rf"\b(?:429|502|503|504|{'|'.join(names)})\b.*$")
            self._found[client.name] = [
                each
                for module in self.program.modules
                if is_in_tests(module.path)
                for each in self._in_module(module, client)
            ]
        return self._found[client.name]

    def _in_module(self, module: Module, client: Client) -> Iterator[Failure]:
        for call in module.calls():
            for each in call.arguments:
                if (each.shape[:2] == ["k", "int"] and str(each.shape[2]) in _BUSY) or (
                    each.keyword in _WORDS and self._is_error(module, call.scope, each.shape, client)
                ):
                    yield Failure(module.path, place_of(module, call.span.start))
        for records in module.facts["attribute_stores"].values():
            for _base, value, scope, start in records:
                busy = value is not None and value[:2] == ["k", "int"] and str(value[2]) in _BUSY
                if busy or (value is not None and self._is_error(module, scope, value, client)):
                    yield Failure(module.path, place_of(module, start))

    def _is_error(self, module: Module, scope: int, shape: list[Any], client: Client) -> bool:
        """Tell whether a value is an error of the client that passes, or a list with one."""
        if shape[0] in {"l", "t"}:
            return any(self._is_error(module, scope, each, client) for each in shape[1])
        if shape[0] == "c":
            shape = module.call(shape[1]).function
        dotted = module.dotted(scope, shape) if shape[0] in {"n", "a"} else None
        return dotted is not None and (dotted in client.families or dotted in client.errors or _is_timeout(dotted))


def _is_timeout(dotted: str) -> bool:
    tail = dotted.rpartition(".")[2]
    return tail.endswith(("Timeout", "ConnectionError", "ConnectError", "TimeoutException", "TimeoutError"))
