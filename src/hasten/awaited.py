"""What a codemod says of calls that block: values, which `hasten.asynchrony` and its like turn into findings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hasten.index.module import Call, Module, Scope
from hasten.model import Edit, Hazard, ImportRequest, Position, Proof, Span


@dataclass(frozen=True, slots=True)
class IdleTests:
    """What becomes of blocking calls of tests that await nothing else.

    Attributes:
        convert: tells of the file at a path whether they are awaited.
        remedy: what a person does to have them awaited, as the end of a sentence; empty where nothing does it.
    """

    convert: Callable[[str], bool] = lambda _path: False
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Waiting(Call):
    """A place that waits and is no call, in the place of one: rows that a loop takes, a block that is entered.

    Attributes:
        begin, end: where it is.
        around: the number of its scope.
        name: what it does, for people.
    """

    begin: int = 0
    end: int = 0
    around: int = 0
    name: str = ""

    @property
    def record(self) -> list[Any]:
        """Return what the raw fact of a call would be."""
        guards = self.module.facts["guards"]
        inside = [number for number, each in enumerate(guards) if each[6] <= self.begin < each[4]]
        guard = max(inside, key=lambda number: int(guards[number][6]), default=-1)
        return [self.begin, self.end, self.around, ["n", self.name], [], ["expr"], guard, False, False]


def waiting(module: Module, scope: int, span: Span, name: str) -> Waiting:
    """Return the stand-in of a place that waits; its number is that of no call."""
    return Waiting(module, -1 - span.start, span.start, span.end, scope, name)


@dataclass(frozen=True, slots=True)
class Step:
    """A blocking call, and what the codemod's transformer does at it.

    Attributes:
        call: the call that blocks.
        action: `replace-call` is known to every `AsyncTransformer`; others are the codemod's own.
        data: the arguments of the action, such as `callee`.
        reach: where the text ends that may move with it, None where none does.
        alone: the action only puts `await` before the call, so that `asyncio.run` may run it in a plain function.
    """

    call: Call
    action: str = "replace-call"
    data: tuple[tuple[str, str], ...] = ()
    reach: Position | None = None
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Locked:
    """Statements that one task at a time comes to, so that nobody else changes what they read.

    Attributes:
        module, span: where they are.
        place: what they read and change, as it is written there.
    """

    module: Module
    span: Span
    place: str


@dataclass(frozen=True, slots=True)
class Awaited:
    """Blocking calls that are awaited together or not at all: the whole life of a connection, or a call by itself.

    Attributes:
        steps: the calls; the first is the one that a person is shown.
        title: one line for people, for the change.
        edits: further edits that are only correct together with these.
        imports, releases, dependencies, hazards, proofs: as of `Change`.
        requires: further changes that must be made with this one, by their ids.
        parallel: what differs where the calls stay as they are, and run in a thread while other tasks run.
        threaded: what differs where the calls stay as they are, and run in another thread, whatever runs beside.
        direct: it is awaited where it stands in a coroutine function itself, even if all else is handed to threads.
        kept: where what the calls open is kept when its function is over, for people; `""` where it ends there.
        handed: the functions that hand what they open to others, each with the one that gets it.
        locked: statements that the edits put under a lock.
    """

    steps: tuple[Step, ...]
    title: str
    edits: tuple[Edit, ...] = ()
    imports: tuple[ImportRequest, ...] = ()
    releases: tuple[tuple[str, Span], ...] = ()
    dependencies: tuple[str, ...] = ()
    hazards: tuple[Hazard, ...] = ()
    proofs: tuple[Proof, ...] = ()
    requires: tuple[str, ...] = ()
    parallel: tuple[Hazard, ...] = ()
    threaded: tuple[Hazard, ...] = ()
    direct: bool = False
    kept: str = ""
    handed: tuple[tuple[Scope, Scope], ...] = ()
    locked: tuple[Locked, ...] = ()

    @property
    def call(self) -> Call:
        """Return the call that a person is shown."""
        return self.steps[0].call
