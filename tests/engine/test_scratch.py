"""Where the checker's report is kept, and that nothing is left of it in memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hasten.oracle.scratch import Scratch


@pytest.fixture(autouse=True)
def _chosen_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.delenv(name, raising=False)


@contextmanager
def _another_process(memory: Path) -> Iterator[Path]:
    """Give the directory of another process, which is killed at the end."""
    script = (
        "import sys; from pathlib import Path; from hasten.oracle.scratch import Scratch\n"
        f"mine = Scratch(0, Path({str(memory)!r})); print(mine.path, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield Path(process.stdout.readline().decode().strip())
        finally:
            process.kill()


def test_it_is_where_it_is_told_to_be_and_removed(tmp_path: Path) -> None:
    """Memory is used where there is room, and nothing stays."""
    with Scratch(0, tmp_path) as one, Scratch(0, tmp_path) as two:
        assert one.path.parent == two.path.parent == tmp_path.resolve()
        (one.path / "report.json").touch()
        assert two.path.is_dir()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("reason", ["no room", "missing", "chosen"])
def test_it_is_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str) -> None:
    """Where memory has no room, or is missing, or somebody named a directory, it is an ordinary one."""
    memory = tmp_path / "memory"
    if reason != "missing":
        memory.mkdir()
    if reason == "chosen":
        monkeypatch.setenv("TMPDIR", str(tmp_path))
    with Scratch(2**60 if reason == "no room" else 0, memory) as scratch:
        assert memory.resolve() not in scratch.path.parents
        assert scratch.path.is_dir()
    assert not scratch.path.exists()


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    """What is in memory would take it until the machine is started again."""
    with _another_process(tmp_path) as alive:
        with _another_process(tmp_path) as killed:
            (killed / "tree").mkdir()
            (killed / "tree" / "app.py").touch()
            (killed / "settings.toml").touch()
        assert killed.is_dir()
        (tmp_path / "hasten-oracle-file").touch()
        (tmp_path / "another").mkdir()
        with Scratch(0, tmp_path) as mine:
            assert sorted(tmp_path.iterdir()) == sorted(
                [alive, mine.path, tmp_path / "another", tmp_path / "hasten-oracle-file"]
            )
