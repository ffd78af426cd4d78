"""What all tests share."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Take Ctrl-C as a program in the foreground does: a job in the background ignores it, as would its children."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
