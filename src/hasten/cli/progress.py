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
        """Start the clock."""
        self._watched = streams.is_terminal(sys.stderr)
        self._begun = self._drawn = time.monotonic()
        self._name = ""
        self._total = 0
        self._done = 0
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
        """Take the bar off the screen, before anything else is to be seen there."""
        if self._progress is not None:
            self._progress.stop()

    def step(self, name: str, total: int) -> None:
        """Begin a step of `total` files."""
        self._name, self._total, self._done = name, total, 0
        self._draw()

    def advance(self, n: int = 1) -> None:
        """Finish `n` more files of the step."""
        self._done += n
        self._draw()

    def _draw(self) -> None:
        now = time.monotonic()
        if not self._watched or now - self._begun < _PATIENCE or now - self._drawn < _REDRAW:
            return
        self._drawn = now
        if self._progress is None:
            from rich.console import Console
            from rich.progress import Progress

            self._progress = Progress(console=Console(stderr=True), transient=True, auto_refresh=False)
            self._task = self._progress.add_task(self._name, total=self._total)
            self._progress.start()
        if self._task is not None:
            self._progress.update(self._task, description=self._name, total=self._total, completed=self._done)
        self._progress.refresh()
