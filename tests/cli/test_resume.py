"""`hasten apply --resume`, after a run that was killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Command, Tree

ONLY = ("--select", "slow-to-fast")
KILLED = """
import os, signal, sys
import hasten.units
from hasten.cli.main import main

put, count = hasten.units.put_in_place, 0

def put_in_place(*arguments, **named):
    global count
    count += 1
    if count == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    put(*arguments, **named)

hasten.units.put_in_place = put_in_place
sys.argv = ["hasten", *sys.argv[1:]]
main()
"""


@pytest.fixture
def killed(hasten_command: Command, tree: Tree) -> Path:
    """A tree in which a run has written the first of three files."""
    root = tree(dict.fromkeys(("a.py", "b.py", "c.py"), "x = slow(1)\n"))
    done = subprocess.run(
        [sys.executable, "-c", KILLED, "apply", *ONLY, "."], cwd=root, env=hasten_command.environment, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert "fast" in (root / "a.py").read_text()
    assert "slow" in (root / "b.py").read_text()
    return root


def test_the_rest_is_written(hasten_command: Command, killed: Path) -> None:
    """As the run had meant to, and `undo` takes all of it back."""
    done = hasten_command("apply", "--resume", cwd=killed)
    assert done.returncode == 0
    assert b"finished run 1: 3 files rewritten" in done.stderr
    assert {(killed / name).read_text() for name in ("a.py", "b.py", "c.py")} == {"x = fast(1)\n"}
    assert not list(killed.glob(".hasten-*"))
    assert hasten_command("apply", "--resume", cwd=killed).stderr.startswith(b"there is nothing to resume")
    assert hasten_command("undo", cwd=killed).returncode == 0
    assert {(killed / name).read_text() for name in ("a.py", "b.py", "c.py")} == {"x = slow(1)\n"}


def test_nothing_else_is_begun_before(hasten_command: Command, killed: Path) -> None:
    """What is there is neither old nor new; the message names both ways out."""
    done = hasten_command("apply", *ONLY, cwd=killed)
    assert done.returncode == 2
    assert b"run 1 was killed before its end; `hasten apply --resume` finishes it, `hasten undo`" in done.stderr
    assert "slow" in (killed / "b.py").read_text()
    assert hasten_command("undo", cwd=killed).returncode == 0
    assert hasten_command("apply", *ONLY, cwd=killed).returncode == 0


@pytest.mark.parametrize(
    "given",
    ["a.py", "--unsafe", "--commit", "--verify-types", "--verify=true", "--format=json", "--since=HEAD", "-oout"],
)
def test_it_takes_nothing_else(hasten_command: Command, killed: Path, given: str) -> None:
    """The run is finished as it was asked for, and an option that does nothing would be taken for one that does."""
    assert hasten_command("apply", "--resume", given, cwd=killed).returncode == 2
    assert "slow" in (killed / "b.py").read_text()


def test_the_way_out_is_named_from_elsewhere(hasten_command: Command, killed: Path, tmp_path: Path) -> None:
    """The journal is found from the root."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = hasten_command("apply", *ONLY, "../b.py", "../c.py", cwd=elsewhere)
    assert f"`cd {killed} && hasten undo` takes it back".encode() in done.stderr
