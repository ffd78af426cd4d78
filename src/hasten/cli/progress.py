"""A progress bar on stderr, for a person, once something takes longer than a second."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from hasten.cli import streams

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_PATIENCE = 1.0
_REDRAW = 0.1


class Bar:
    """Implements `hasten.request.Progress`; shows nothing where stderr is no terminal.

    It is redrawn when work is reported and not by a thread, since worker processes are forked while it is on screen.
    """

    def __init__(self) -> None:
        """Show nothing yet."""
        self._watched = streams.is_terminal(sys.stderr)
        # When the first step since it was on screen last began: patience counts from there.
        self._begun: float | None = None
        self._drawn = self._step = time.monotonic()
        self._name = ""
        self._total = 0
        self._done = 0
        self._expected = 0.0
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        """Return the bar, which is not on screen yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar off the screen."""
        self.close()

    def close(self) -> None:
        """Take the bar off the screen, before anything else is to be seen there; it comes back with the next step."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
        self._begun = None

    def step(self, name: str, total: int) -> None:
        """Begin a step of `total` files; 0 where nobody can tell how far it will have come."""
        self._begin(name, total, 0.0)

    def wait(self, name: str, seconds: float = 0.0) -> None:
        """Begin a step that takes about so many seconds; 0 where nobody knows. `advance(0)` shows that they pass."""
        self._begin(name, 0, seconds)

    def advance(self, n: int = 1) -> None:
        """Finish `n` more files of the step."""
        self._done += n
        self._draw()

    def _begin(self, name: str, total: int, expected: float) -> None:
        self._name, self._total, self._done, self._expected = name, total, 0, expected
        self._step = time.monotonic()
        self._begun = self._step if self._begun is None else self._begun
        self._draw()

    def _draw(self) -> None:
        now = time.monotonic()
        if not self._watched or self._begun is None or now - self._begun < _PATIENCE or now - self._drawn < _REDRAW:
            return
        self._drawn = now
        seconds = now - self._step
        whole, done = (self._total, self._done) if self._total else (self._expected, min(seconds, self._expected))
        told = _counted(self._done, self._total, seconds) if self._total else _timed(seconds, self._expected)
        if self._progress is None:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn

            columns = TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.fields[told]}")
            self._progress = Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False)
            self._task = self._progress.add_task(self._name, total=None, told=told)
        assert self._task is not None  # noqa: S101 - for the type checker
        self._progress.update(self._task, description=self._name, total=whole or None, completed=done, told=told)
        # Starting it draws it.
        self._progress.start()
        self._progress.refresh()


def _counted(done: int, total: int, seconds: float) -> str:
    """Return how far a step has come, and how long the rest takes if it goes on like that."""
    left = f", {_clock(seconds * (total - done) / done)} left" if 0 < done < total else ""
    return f"{done}/{total}{left}"


def _timed(seconds: float, expected: float) -> str:
    return f"{_clock(seconds)} of about {_clock(expected)}" if expected else _clock(seconds)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
