"""Exceptions that a signal raises in the middle of a function, and that come out elsewhere when a loop runs it.

While `asyncio.run` is at work, Ctrl-C cancels the main task: `KeyboardInterrupt` is raised by `asyncio.run` itself,
when the task has ended (Python's documentation of asyncio runners, "Handling Keyboard Interruption"). What a handler
given to `signal.signal` raises comes up in the loop between two callbacks, not where a coroutine waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from hasten.async_places import because, function_around
from hasten.index.module import Call, Scope, Use
from hasten.index.program import Program
from hasten.propagate import Constraint

_CODE = "ASY013"
#: They end the program in either case.
_ENDING = frozenset({"SystemExit", "KeyboardInterrupt"})


class Interrupts:
    """Answers for the functions of one program."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self.program = program

    def of(self, function: Scope) -> Iterator[Constraint]:
        """Yield a hazard for each exception of a signal that would pass a handler in the body of `function`."""
        module = function.module
        for read in module.reads_of("KeyboardInterrupt"):
            if _is_caught(read.use) and function_around(module, read.scope).number == function.number:
                message = f"`{function.name}` catches KeyboardInterrupt, and Ctrl-C cancels it then"
                yield because(_CODE, message, module, read.span.start)
        for call, handler in self._raising:
            message = f"what `{handler.name}` raises at a signal would come up in the event loop, not in it"
            yield because(_CODE, message, call.module, call.span.start)

    @cached_property
    def _raising(self) -> list[tuple[Call, Scope]]:
        """The calls that set a function of the program as a handler of signals, where it raises something."""
        found: list[tuple[Call, Scope]] = []
        for call in self.program.calls_named("signal", beside=frozenset({"signal"})):
            taken = call.argument(1, "handler")
            if call.module.dotted(call.scope, call.function) != "signal.signal" or taken is None:
                continue
            dotted = self.program.dotted(call.module, call.scope, taken.shape)
            handler = self.program.resolve(dotted) if dotted is not None else None
            if handler is not None and handler.kind == "function" and _raises(handler):
                found.append((call, handler))
        return found


def _is_caught(use: Use) -> bool:
    """Tell whether what is read stands in `except`, by itself or in a tuple."""
    return use[0] == "except" or (use[0] == "elem" and _is_caught(use[2]))


def _raises(function: Scope) -> bool:
    """Tell whether the body of a function raises something that does not end the program."""
    module, scope = function.module, function.number
    for name, records in module.facts["reads"][scope].items():
        if name not in _ENDING and any(use[0] == "raise" for _start, _end, use in records):
            return True
    return any(call.scope == scope and call.use[0] == "raise" and call.tail not in _ENDING for call in module.calls())
