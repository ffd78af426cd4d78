"""A run that is killed before any of its steps ends clean, by `undo` as well as by `--resume`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hasten.apply import apply_changes, resume, undo, unfinished
from hasten.journal import runs
from hasten.model import Changed

#: Rewrites the files, creates one, and dies before the step with the number that it is given.
KILLED = """
import os, shutil, signal, sys
from pathlib import Path

steps, last = 0, int(sys.argv[2])

def counted(function):
    def call(*arguments, **named):
        global steps
        steps += 1
        if steps == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **named)
    return call

import aiosqlite, asyncio, hasten.apply, hasten.journal, hasten.replace, hasten.units
from hasten.model import Changed

for name in ("open", "write", "fsync", "link", "replace", "rename", "unlink", "utime", "fchown"):
    setattr(os, name, counted(getattr(os, name)))
shutil.copystat = counted(shutil.copystat)
for name in ("execute", "executemany", "execute_insert", "commit", "close"):
    setattr(aiosqlite.Connection, name, counted(getattr(aiosqlite.Connection, name)))

root = Path(sys.argv[1])
names = ("a.py", "b.py", "deep/c.py", "deep/d.py")
changed = [Changed(name, (root / name).read_bytes(), b"new " + name.encode()) for name in names]
changed.append(Changed("made.py", b"", b"new made.py", created=True))
hasten.apply.apply_changes(root, changed, b"{}", groups=[frozenset({"b.py", "deep/c.py", "made.py"})])
"""
FILES = ("a.py", "b.py", "deep/c.py", "deep/d.py")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Some files, and a place for the journal."""
    monkeypatch.setenv("HASTEN_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    path = tmp_path / "root"
    (path / "deep").mkdir(parents=True)
    return path


def _fill(root: Path) -> None:
    (root / "made.py").unlink(missing_ok=True)
    for name in FILES:
        (root / name).write_bytes(b"old " + name.encode())


def _kill(root: Path, step: int) -> int:
    """Rewrite everything in a process that dies before a step; return its exit code."""
    return subprocess.run([sys.executable, "-c", KILLED, str(root), str(step)], check=False).returncode


def _there(root: Path) -> dict[str, bytes]:
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in root.rglob("*") if file.is_file()}


def _old() -> dict[str, bytes]:
    return {name: b"old " + name.encode() for name in FILES}


def _new() -> dict[str, bytes]:
    return {name: b"new " + name.encode() for name in (*FILES, "made.py")}


def test_killed_before_every_step(root: Path) -> None:
    """Each file is whole; `undo` gives back all, `resume` writes all, and neither leaves anything behind."""
    step = finished = unfinished_runs = 0
    while not finished:
        step += 1
        for ending in ((undo,), (resume,), (undo, resume))[step % 3]:
            _fill(root)
            code = _kill(root, step)
            assert code in {0, -signal.SIGKILL}
            finished = finished or code == 0
            for name, data in _there(root).items():
                if not name.rpartition("/")[2].startswith(".hasten-"):
                    assert data in {_new()[name], _old().get(name)}
            number = unfinished(root)
            unfinished_runs += number is not None
            if ending is undo and runs(root):
                assert undo(root).problems == ()
                assert _there(root) == _old()
            elif ending is resume:
                applied = resume(root)
                assert applied.problems == ()
                assert (applied.run is not None) == (number is not None)
                # A run without an end on record is finished; else it had not begun, or was over.
                assert _there(root) in ([_new()] if number is not None or code == 0 else [_old(), _new()])
                if _there(root) == _new():
                    assert undo(root).problems == ()
                    assert _there(root) == _old()
            assert unfinished(root) is None
    assert step > 40
    assert unfinished_runs > 30


def _stop_half_way(root: Path) -> None:
    """Leave a run whose first file is written, and not the others."""
    step = 0
    while True:
        step += 1
        _fill(root)
        assert _kill(root, step) == -signal.SIGKILL
        there = _there(root)
        if there["a.py"] == _new()["a.py"] and there["deep/d.py"] == _old()["deep/d.py"]:
            return
        if unfinished(root) is not None:
            undo(root)


def test_what_was_changed_since_is_left_with_what_goes_with_it(root: Path) -> None:
    """The others are written."""
    _stop_half_way(root)
    (root / "b.py").write_bytes(b"mine")
    applied = resume(root)
    assert {problem.path for problem in applied.problems} == {"b.py", "deep/c.py", "made.py"}
    assert _there(root) == {**_old(), "b.py": b"mine", "a.py": _new()["a.py"], "deep/d.py": _new()["deep/d.py"]}
    assert undo(root).problems == ()
    assert _there(root) == {**_old(), "b.py": b"mine"}


def test_there_is_nothing_to_resume_after_an_ordinary_run(root: Path) -> None:
    """And nothing where there was none."""
    assert resume(root).run is None
    _fill(root)
    apply_changes(root, [Changed("a.py", b"old a.py", b"new a.py")], b"{}")
    assert resume(root).run is None
    assert unfinished(root) is None
