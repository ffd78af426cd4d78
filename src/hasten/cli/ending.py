"""What happens where this process is told to end while something has to be put in order first."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Let this process be ended as by Ctrl-C where a terminal is closed, or a job cancelled.

    A trial is taken back then, and so is a step that is not committed; and a terminal shows again what is typed.
    """
    former: dict[int, Any] = {}
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # What is ignored, as under nohup, stays so.
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            former[number] = signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _interrupt(*_: object) -> None:
    """Do what Ctrl-C does, also where that is ignored, as in what a script starts in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        raise KeyboardInterrupt
    # Whoever handles it may wait for a better moment.
    signal.raise_signal(signal.SIGINT)
