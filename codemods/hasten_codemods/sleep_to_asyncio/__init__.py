"""Replace `time.sleep` in coroutines with `asyncio.sleep`.

`time.sleep` in a coroutine stops the whole event loop: while one request waits for a second, all others wait with it.
`asyncio.sleep` lets them run.

This codemod rewrites the calls that coroutines reach: those that stand in an `async def`, and those in functions that a
coroutine calls, at whatever distance. The functions on the way become coroutine functions, in all files, and every call
of them is awaited. Where one of them cannot, because Python, a library or a table of callbacks calls it, nothing is
changed, and the reason is given with its place. A program, or a part of one, that no coroutine reaches is left alone:
there is no loop to stop.

What it does not see: state that two functions share, one of which reads it before the sleep and the other of which
writes it afterwards; an iterator that two tasks take from; files that are read before it and written afterwards; a
`finally` around the sleep that has to run to its end while its task is cancelled; coroutines that the program drives by
hand (`send(None)`); functions that are found by names from outside of the program (`eval`, `pkgutil.resolve_name`); a
context manager of the program's own that counts, or sets, something of the program while its block runs. An `await`
that is there already counts as one that waits.

See <https://docs.python.org/3/library/asyncio-dev.html#running-blocking-code>.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from hasten.api import Codemod, Finding, Program, Settings
from hasten_codemods.sleep_to_asyncio import codes, patches

if TYPE_CHECKING:
    from hasten.api import Transformer


class SleepToAsyncio(Codemod):
    """`time.sleep(1)` becomes `await asyncio.sleep(1)`, where a coroutine is what sleeps."""

    contract: ClassVar[str] = (
        "The coroutine goes on after the same time, to about a millisecond, and with the same state of its own. While "
        "it sleeps other tasks run, which is what the rewrite is for, and the task can be cancelled there. A change is "
        "`safe` where the call stands in a coroutine function already, the time is a constant that is not negative, "
        "and the function does not write after the sleep what it read before it, nor use after it, or go through "
        "around it, what the program shows another task to change. Where functions have to become coroutine functions "
        "a change is `safe` if no other task can run while they wait."
    )
    triggers: ClassVar[tuple[bytes, ...]] = (b"sleep",)
    asks: ClassVar[tuple[bytes, ...]] = (b"time.sleep(",)
    literals: ClassVar[tuple[str, ...]] = (*patches.LITERALS, r">>> ")
    codes = codes.CODES

    def analyse(self, program: Program, settings: Settings) -> Iterator[Finding]:  # noqa: ARG002 - it has no options
        """Yield a change or a refusal for every use of `time.sleep` in the target files."""
        from hasten_codemods.sleep_to_asyncio.analysis import Analysis

        return Analysis(program, self.name).findings()

    def prepare(self) -> None:
        """Import the analysis."""
        import hasten_codemods.sleep_to_asyncio.analysis  # noqa: F401

    def transformer(self) -> type[Transformer]:
        """Return the transformer: it needs no actions of its own."""
        from hasten.api import AsyncTransformer

        return AsyncTransformer
