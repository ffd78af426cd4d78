"""The progress bar: for people who wait, and for nobody else."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Command

_WORK = """
import sys, threading, time
from hasten.cli.progress import Bar
with Bar() as bar:
    bar.step("reading", 40)
    for _ in range(40):
        time.sleep(float(sys.argv[1]))
        bar.advance()
    assert threading.active_count() == 1
"""


@pytest.mark.parametrize(
    ("pause", "terminal", "shown"),
    [
        pytest.param("0.04", True, True, id="slow, on a terminal"),
        pytest.param("0.04", False, False, id="slow, in a pipe"),
        pytest.param("0", True, False, id="quick, on a terminal"),
    ],
)
def test_bar_is_shown_to_a_person_who_waits(hasten_command: Command, pause: str, terminal: bool, shown: bool) -> None:
    """A bar appears on a terminal after a second, without a thread, and never in a pipe."""
    ours, theirs = pty.openpty() if terminal else os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", _WORK, pause], stderr=theirs, env=hasten_command.environment | {"TERM": "xterm"}
    )
    os.close(theirs)
    said = b""
    while True:
        try:
            data = os.read(ours, 65536)
        except OSError:  # how a terminal says that nobody is left to write to it
            break
        if not data:
            break
        said += data
    os.close(ours)
    assert process.wait() == 0
    assert (b"reading" in said) == shown
    assert shown or said == b""
