"""The journal: a real SQLite file, shared with real other processes."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hasten import __version__
from hasten.errors import JournalError
from hasten.journal import SCHEMA_VERSION, Entry, digest, journal_path, opened, runs

ENTRIES = [
    Entry("a.py", b"old\r\n\xff", digest(b"old\r\n\xff"), digest(b"new"), 0o755, ".hasten-1"),
    Entry("created.py", None, None, digest(b"x"), None, ".hasten-2"),
    Entry(os.fsdecode(b"no\xfftext.py"), b"", digest(b""), digest(b"y"), 0o600, ".hasten-3"),
]

# Opens the journal, says so, and holds it until it is killed.
HOLD = """
import asyncio, sys
from pathlib import Path
from hasten.journal import Entry, opened

async def main():
    async with opened(Path(sys.argv[1])) as journal:
        await journal.begin(Path("/killed"), b"{}", [])
        print("held", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def record(path: Path, plan: bytes = b"{}", patience: float = 10.0) -> int:
    """Record a run with all three kinds of files."""
    async with opened(path, patience=patience) as journal:
        return await journal.begin(Path("/root"), plan, ENTRIES)


async def entries(path: Path, run: int) -> list[Entry]:
    """Read the files of a run back."""
    async with opened(path) as journal:
        return [entry async for entry in journal.entries(run)]


def test_what_is_recorded_comes_back(tmp_path: Path) -> None:
    """Files come back sorted and as they were recorded, names that are no text included."""
    path = tmp_path / "state/journal.sqlite3"
    run = asyncio.run(record(path))
    assert asyncio.run(entries(path, run)) == ENTRIES
    assert asyncio.run(entries(path, run + 1)) == []


def test_runs(tmp_path: Path) -> None:
    """Runs are listed the newest first, with time, version, state and files, and numbers are never used again."""
    path = tmp_path / "journal.sqlite3"
    assert runs(tmp_path, journal=path) == ()
    assert not path.exists()

    async def fill() -> None:
        async with opened(path) as journal:
            for _ in range(3):
                await journal.begin(tmp_path, b"{}", ENTRIES)
            await journal.settle(2, "done", {"a.py": "written", "created.py": "left"})
            await journal.forget(3)
            await journal.begin(tmp_path, b"{}", ENTRIES[:1])

    asyncio.run(fill())
    newest, second, first = runs(tmp_path, journal=path)
    assert [run.id for run in (newest, second, first)] == [4, 2, 1]
    assert [run.state for run in (newest, second, first)] == ["started", "done", "started"]
    assert newest.files == ("a.py",)
    assert second.files == tuple(entry.path for entry in ENTRIES)
    assert second.tool == __version__
    assert abs(datetime.now(UTC) - datetime.fromisoformat(second.started)) < timedelta(minutes=5)
    states = [entry.state for entry in asyncio.run(entries(path, 2))]
    assert states == ["written", "left", "pending"]
    assert asyncio.run(entries(path, 3)) == []


def test_the_file_is_plain_sqlite(tmp_path: Path) -> None:
    """The plan and the schema's version can be read by any SQLite, and only by the owner."""
    path = tmp_path / "state/journal.sqlite3"
    asyncio.run(record(path, b'{"changes": []}'))
    connection = sqlite3.connect(path)
    try:
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
        assert connection.execute("SELECT root, plan FROM runs").fetchall() == [(b"/root", b'{"changes": []}')]
    finally:
        connection.close()
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o777 == 0o600


def test_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each root has a journal of its own, in a folder there or in HASTEN_STATE_DIR."""
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to("a")
    monkeypatch.setenv("HASTEN_STATE_DIR", str(tmp_path / "state"))
    path = journal_path(tmp_path / "a")
    assert path.parent.parent == tmp_path / "state"
    assert path.parent.name == digest(os.fsencode((tmp_path / "a").resolve()))[:16]
    assert journal_path(tmp_path / "link") == path
    assert journal_path(tmp_path) != path
    monkeypatch.delenv("HASTEN_STATE_DIR")
    assert journal_path(tmp_path / "link") == (tmp_path / "a").resolve() / ".hasten_cache/journal.sqlite3"


def hold(path: Path) -> subprocess.Popen[bytes]:
    """Start a process that holds the journal, and wait until it does."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], env=environment, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"held\n"
    return child


def test_one_run_at_a_time(tmp_path: Path) -> None:
    """A journal held by another process is refused, and free again, with what was committed, once that is killed."""
    path = tmp_path / "journal.sqlite3"
    with hold(path) as child:
        try:
            with pytest.raises(JournalError, match="another run of hasten is at work"):
                asyncio.run(record(path, patience=0.2))
        finally:
            child.kill()
    (run,) = runs(tmp_path, journal=path)
    assert (run.id, run.state) == (1, "started")
    assert asyncio.run(record(path)) == 2


def test_a_new_journal_that_all_want_at_once(tmp_path: Path) -> None:
    """Runs that start together on a tree without a journal wait for each other, and all are recorded."""

    async def start(path: Path) -> list[int]:
        return await asyncio.gather(*(record(path) for _ in range(6)))

    for number in range(5):
        assert sorted(asyncio.run(start(tmp_path / f"{number}/journal.sqlite3"))) == [1, 2, 3, 4, 5, 6]


def test_a_newer_journal_is_left_alone(tmp_path: Path) -> None:
    """A journal of a later schema is refused, and not touched."""
    path = tmp_path / "journal.sqlite3"
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(JournalError, match="newer hasten"):
        asyncio.run(record(path))
    connection = sqlite3.connect(path)
    try:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []
    finally:
        connection.close()


def test_a_damaged_journal(tmp_path: Path) -> None:
    """A file that is no journal is refused with the way out, and kept."""
    path = tmp_path / "journal.sqlite3"
    path.write_bytes(b"no database " * 1000)
    with pytest.raises(JournalError, match="is damaged; move it away"):
        runs(tmp_path, journal=path)
    assert path.read_bytes() == b"no database " * 1000


def test_no_place_for_a_journal(tmp_path: Path) -> None:
    """Where no directory can be made, or the journal is none, the error names the setting that helps."""
    (tmp_path / "file").touch()
    (tmp_path / "directory").mkdir()
    for path in (tmp_path / "file/state/journal.sqlite3", tmp_path / "directory"):
        with pytest.raises(JournalError, match="set HASTEN_STATE_DIR"):
            asyncio.run(record(path))
