"""Methods that a library calls where no event loop runs around them: they are entries, as commands are.

`class Trim(Application): def start(self): ...` overrides what traitlets calls when it launches the program. The method
stays as it is, and runs its body in a loop of its own. Each line of the table was read in the library's source: the
method is called as it is, what it gives is handed on or dropped, and nothing of the library awaits or looks at it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from hasten.async_kinds import key_of, owner_of
from hasten.async_places import function_around, run_by_a_coroutine
from hasten.async_receivers import Receivers
from hasten.index.module import Call, Scope
from hasten.index.program import Program


@dataclass(frozen=True, slots=True)
class Calling:
    """How a library calls a method.

    Attributes:
        drivers: the methods and functions whose caller waits until it is done: around them no loop may run.
        functions: those of them that are functions, by their dotted names.
        served: the drivers are methods of other classes of the library.
        alone: the library calls it in a thread that runs nothing else.
        again: it may be called many times in one process, also at once.
    """

    drivers: frozenset[str] = frozenset()
    functions: frozenset[str] = frozenset()
    served: bool = False
    alone: bool = False
    again: bool = False


_APPLICATION = re.compile("start"), Calling(frozenset({"launch_instance"}))
_COMMAND = re.compile("run"), Calling(frozenset({"run_command", "setup"}), frozenset({"setuptools.setup"}))
_PROMPT = re.compile("do_.+"), Calling(frozenset({"cmdloop", "onecmd"}), again=True)
#: Threads are another matter: what mixes them in is not seen from the handler.
_SERVING = frozenset({"handle_request", "serve_forever"})
_HANDLER = re.compile("handle"), Calling(_SERVING, served=True, again=True)
_PAGES = re.compile("do_[A-Z]+"), Calling(_SERVING, served=True, again=True)
_THREAD = re.compile("run"), Calling(alone=True, again=True)
#: By the dotted name of a class, which of its methods are called so. Not here: `BaseCommand.handle` of Django, whose
#: models refuse to work where a loop runs; `multiprocessing.Process.run`, whose process may be a copy of one that has a
#: connection.
_CALLED = {
    "traitlets.config.Application": _APPLICATION,
    "traitlets.config.application.Application": _APPLICATION,
    "jupyter_core.application.JupyterApp": _APPLICATION,
    "setuptools.Command": _COMMAND,
    "cmd.Cmd": _PROMPT,
    "socketserver.BaseRequestHandler": _HANDLER,
    "socketserver.StreamRequestHandler": _HANDLER,
    "socketserver.DatagramRequestHandler": _HANDLER,
    "http.server.BaseHTTPRequestHandler": _PAGES,
    "http.server.SimpleHTTPRequestHandler": _PAGES,
    "threading.Thread": _THREAD,
}

_PATTERNS = frozenset(pattern for pattern, _how in _CALLED.values())


def calling(bases: Iterable[str], name: str) -> Calling | None:
    """Return how a method is called by the one class from outside that knows it; None where that is not known.

    Args:
        bases: the dotted names of all bases from outside the program that may know the method.
        name: the method.
    """
    found = [_CALLED.get(each) for each in bases]
    if len(found) != 1 or found[0] is None:
        return None
    pattern, how = found[0]
    return how if pattern.fullmatch(name) else None


def is_name_of_called(name: str) -> bool:
    """Tell whether a library calls some methods of a name."""
    return any(pattern.fullmatch(name) for pattern in _PATTERNS)


class Foreign:
    """Answers for the methods of one program that libraries call."""

    def __init__(self, program: Program, receivers: Receivers, starts_of: Callable[[Scope], list[Call]]) -> None:
        """Take the program, and what is known of it; `starts_of` returns the calls that may run a function."""
        self.program = program
        self._receivers = receivers
        self._starts_of = starts_of
        self._calls: dict[tuple[str, int], Call | None] = {}

    def starts_of(self, function: Scope, how: Calling) -> list[Call]:
        """Return the calls that are seen to run a method, or to let the library run it."""
        calls = [call for call, sure in self.program.callers(function) if sure or self._reaches(call, function)]
        return [*calls, *self._driven(function, how)]

    def _reaches(self, call: Call, function: Scope) -> bool:
        """Tell whether a call reaches a method for sure; others have methods of such names, too (`start`, `run`)."""
        return any(key_of(each) == key_of(function) for each in self._receivers.reached(call).functions)

    def _above(self, function: Scope) -> list[Call]:
        """Return the calls that run a function that the library does not call itself."""
        calls = self._starts_of(function)
        if owner_of(function) is None:
            return calls
        certain = {(call.module.path, call.index) for call, sure in self.program.callers(function) if sure}
        return [each for each in calls if (each.module.path, each.index) in certain or self._reaches(each, function)]

    def called_in_a_loop(self, function: Scope, how: Calling) -> Call | None:
        """Return where a coroutine function calls a method, or lets the library call it, itself or through others."""
        key = key_of(function)
        if key not in self._calls:
            self._calls[key] = run_by_a_coroutine(self.starts_of(function, how), self._above)
        return self._calls[key]

    def is_called_unseen(self, function: Scope) -> bool:
        """Tell whether a coroutine function calls a method of that name on something unknown."""
        calls = (call for call, _sure in self.program.callers(function) if not self._receivers.reached(call).known)
        return any(function_around(each.module, each.scope).is_async for each in calls)

    def _driven(self, function: Scope, how: Calling) -> Iterator[Call]:
        """Yield the calls at whose end the library has called the method, as far as nobody knows better."""
        owner = owner_of(function)
        for name in sorted(how.drivers):
            for call in self.program.calls_named(name):
                if call.function[0] == "a":
                    kind = self._receivers.kind(call.module, call.scope, call.function[1])
                    around = self._receivers.class_around(call.module, call.scope, call.function[1])
                    mine = [each for each in (kind, around) if isinstance(each, Scope)]
                    others = isinstance(kind, str) and not how.served
                    if owner is not None and not others and (not mine or self._shares(mine, owner)):
                        yield call
                elif self.program.dotted(call.module, call.scope, call.function) in how.functions:
                    yield call

    def _shares(self, classes: Iterable[Scope], owner: Scope) -> bool:
        return any(self.program.derives(each, owner) or self.program.derives(owner, each) for each in classes)
