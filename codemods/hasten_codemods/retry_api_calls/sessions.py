"""Sessions and transports that try again by themselves, as the program sets them up."""

from __future__ import annotations

from functools import cached_property
from typing import Any, TypeAlias

from hasten.api import Call, Program
from hasten_codemods.retry_api_calls.places import is_in_tests, place_of
from hasten_codemods.retry_api_calls.sites import Outbound

Shape: TypeAlias = list[Any]
_NOTHING = (["k", "int", "0"], ["k", "bool", "False"], ["k", "NoneType", "None"])
_ADAPTERS = {"requests": ("HTTPAdapter",), "httpx": ("HTTPTransport", "AsyncHTTPTransport")}
_RETRIES = {"HTTPAdapter": "max_retries", "HTTPTransport": "retries", "AsyncHTTPTransport": "retries"}


class Sessions:
    """Answers for one program."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self.program = program

    def insists(self, sent: Outbound) -> str:
        """Return why what a call is made on may try again by itself already, an empty string for nothing known."""
        if sent.object is None:
            return ""
        for name in _ADAPTERS.get(sent.client.name, ()):
            for call in self.program.calls_named(name):
                if is_in_tests(call.module.path) and not is_in_tests(sent.call.module.path):
                    continue
                given = call.argument(2 if name == "HTTPAdapter" else len(call.arguments), _RETRIES[name])
                unseen = any(each.keyword == "**" for each in call.arguments) and self._makes_retries
                if unseen or (given is not None and given.shape not in _NOTHING):
                    place = place_of(call.module, call.span.start)
                    return (
                        f"a session of the program tries again by itself (`{name}` at {place}), and it may be this "
                        "one; set its retries there"
                    )
        return ""

    @cached_property
    def _makes_retries(self) -> bool:
        """Tell whether the program says how often urllib3 is to try, wherever that is put then."""
        return any(not is_in_tests(each.module.path) for each in self.program.calls_named("Retry"))

    def doubts(self, sent: Outbound) -> str:
        """Return what a session is sent through of which nothing is known."""
        if sent.object is None:
            return ""
        for call in self.program.calls_named("mount", want=False):
            if is_in_tests(call.module.path) or call.function[0] != "a":
                continue
            adapter = call.argument(1, "adapter")
            if adapter is not None and not _is_plain(call, adapter.shape) and _last(call) == str(sent.object[-1]):
                return f"a session is sent through an adapter of its own ({place_of(call.module, call.span.start)})"
        return ""


def _last(call: Call) -> str:
    """Return the last name of what a method is called on."""
    return str(call.function[1][-1])


def _is_plain(call: Call, shape: Shape) -> bool:
    return shape[0] == "c" and call.module.call(shape[1]).tail == "HTTPAdapter"
