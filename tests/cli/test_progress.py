"""The progress bar: for people who wait, and for nobody else."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Tree

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


def _all_of(descriptor: int) -> bytes:
    """Return all that is written to a pipe or a terminal until nobody is left to write."""
    said = b""
    while True:
        try:
            data = os.read(descriptor, 65536)
        except OSError:  # how a terminal says so
            break
        if not data:
            break
        said += data
    os.close(descriptor)
    return said


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
    said = _all_of(ours)
    assert process.wait() == 0
    assert (b"reading" in said) == shown
    assert (re.search(rb" [1-9]\d*/40, 0:0\d left", said) is not None) == shown
    assert shown or said == b""


def test_every_wait_of_a_verification_is_shown(hasten_command: Command, tree: Tree) -> None:
    """How long a run has taken, and, once one is known, how long one takes; what is said stands by itself."""
    root = tree({"a.py": "x = slow(1)\n"})
    line = hasten_command.line("apply", "--select", "slow-to-fast", "--verify", "sleep 1.6")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(line, cwd=root, stderr=theirs, env=hasten_command.environment | {"TERM": "xterm"})
    os.close(theirs)
    said = _all_of(ours)
    assert process.wait() == 0
    assert re.search(rb"verify: before [^\n]* 0:0\d", said)
    assert re.search(rb"verify: run 1 [^\n]* 0:0\d of about 0:0\d", said)
    assert re.search(rb"(^|\x1b\[2K)verify: `sleep 1.6` passes before", said, re.MULTILINE)
