"""`hasten apply --resume`, after a run that was killed."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from hasten.journal import Entry, digest, opened

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


IN_THE_PROJECT = {"HASTEN_STATE_DIR": ""}


@pytest.mark.parametrize("name", [".hasten_cache", ".hasten_cache/journal.sqlite3", ".hasten_cache/CACHEDIR.TAG"])
def test_a_journal_that_leads_out_of_the_project_is_not_written(
    hasten_command: Command, tree: Tree, tmp_path: Path, name: str
) -> None:
    """A repository can bring such a link along."""
    root = tree({"project/a.py": "x = slow(1)\n", "project/pyproject.toml": "", "other/x": ""}) / "project"
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).symlink_to(tmp_path / "other" if name == ".hasten_cache" else tmp_path / "other/made")
    for command in (("apply", "--select", "slow-to-fast"), ("undo",), ("apply", "--resume")):
        done = hasten_command(*command, cwd=root, variables=IN_THE_PROJECT)
        if done.returncode == 0:  # where there is no journal, nothing is asked of it
            assert b"there is nothing to" in done.stderr
            continue
        assert done.returncode == 2
        assert b"is a symbolic link, through which no journal is kept; remove it" in done.stderr
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["x"]
    assert (root / "a.py").read_text() == "x = slow(1)\n"


def test_a_journal_that_somebody_else_wrote_plants_no_hook(hasten_command: Command, tree: Tree) -> None:
    """A tree that was sent may hold one; what git runs is not written from it."""
    root = tree({"pyproject.toml": "", ".git/hooks/old": "old"})
    hooks = ((".git/hooks/new", None, None), (".git/hooks/old", b"old", 0o755))
    entries = [
        Entry(name, before, digest(before) if before else None, digest(b"run"), mode, ".hasten-x", after=b"run")
        for name, before, mode in hooks
    ]

    async def plant() -> None:
        async with opened(root / ".hasten_cache" / "journal.sqlite3") as journal:
            await journal.begin(root, b"{}", entries)

    asyncio.run(plant())
    done = hasten_command("apply", "--resume", cwd=root, variables=IN_THE_PROJECT)
    assert done.returncode == 2
    assert b".git/hooks/new: it belongs to a version control system, and is never rewritten" in done.stderr
    assert sorted(path.name for path in (root / ".git/hooks").iterdir()) == ["old"]
    assert (root / ".git/hooks/old").read_text() == "old"
