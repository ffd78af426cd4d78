"""What a run wrote and what was there before, the memory behind `hasten undo`.

One SQLite file per root. A connection holds it exclusively, so two runs on one tree take turns, and a process that
is killed lets go of it at once. Paths are stored as the bytes that the system knows them by, since a file's name
need not be text.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hasten import __version__
from hasten.errors import JournalError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    import aiosqlite

SCHEMA_VERSION = 2

#: The folder in the root, which git and backups pass over.
FOLDER = ".hasten_cache"
_MARKS = {
    ".gitignore": "*\n",
    # <https://bford.info/cachedir/>
    "CACHEDIR.TAG": "Signature: 8a477f597d28d172789f06886806bc55\n# What `hasten undo` reads is kept here.\n",
}

# Between two attempts to get hold of a journal, in seconds.
_PAUSE = 0.05

_SCHEMA = """
BEGIN;
CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    started TEXT NOT NULL,
    root BLOB NOT NULL,
    tool TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('started', 'done', 'undone')),
    plan BLOB NOT NULL
);
CREATE TABLE files (
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    path BLOB NOT NULL,
    before BLOB,
    before_sha TEXT,
    after_sha TEXT NOT NULL,
    mode INTEGER,
    temporary BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'written', 'left', 'restored')),
    PRIMARY KEY (run, path)
);
PRAGMA user_version = 1;
COMMIT;
"""

#: Since version 2.
_MORE = f"""
BEGIN;
ALTER TABLE files ADD COLUMN after BLOB;
ALTER TABLE files ADD COLUMN unit INTEGER NOT NULL DEFAULT 0;
CREATE TABLE reviews (
    path BLOB PRIMARY KEY,
    about TEXT NOT NULL,
    answers BLOB NOT NULL
);
PRAGMA user_version = {SCHEMA_VERSION};
COMMIT;
"""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One run of `hasten apply`, for people.

    Attributes:
        id: what `hasten undo` takes.
        started: date and time in UTC, ISO 8601.
        tool: the version of hasten.
        state: `started` (and never finished), `done` or `undone`.
        files: the paths that it meant to write, sorted.
        resumable: all that it meant to write is in the journal still.
    """

    id: int
    started: str
    tool: str
    state: str
    files: tuple[str, ...]
    resumable: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a run.

    Attributes:
        path: POSIX path relative to the root.
        before: the content to go back to, None where the run creates the file.
        before_sha, after_sha: SHA-256 of the content before and after, in hex.
        mode: permission bits before, None where the run creates the file.
        temporary: name, beside the target, under which the new content is written first.
        after: the content to come; None once the run is over.
        unit: the files of one unit are only right together.
        state: `pending`; then `written` or `left` (not written); after undo, `restored` or `left` (not restored).
    """

    path: str
    before: bytes | None = field(repr=False)
    before_sha: str | None
    after_sha: str
    mode: int | None
    temporary: str
    state: str = "pending"
    after: bytes | None = field(default=None, repr=False)
    unit: int = 0


def journal_path(root: Path) -> Path:
    """Return where the journal of `root` is: in a folder of its own there, or below `HASTEN_STATE_DIR`."""
    given = os.environ.get("HASTEN_STATE_DIR")
    if not given:
        return root.resolve() / FOLDER / "journal.sqlite3"
    key = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:16]
    return Path(given).absolute() / key / "journal.sqlite3"


def digest(data: bytes) -> str:
    """Return the SHA-256 of `data` in hex, as the journal stores it."""
    return hashlib.sha256(data).hexdigest()


def runs(root: Path, *, journal: Path | None = None) -> tuple[RunInfo, ...]:
    """Return the runs that were applied in `root`, the newest first; raises `JournalError`.

    Args:
        root: the directory that they were applied in.
        journal: the journal's file, where it is not the usual one.
    """
    path = journal or journal_path(root)
    return asyncio.run(_runs(path)) if exists(path) else ()


def exists(path: Path) -> bool:
    """Return whether there is a journal at `path`; raise `JournalError` where that may not be seen."""
    with _told(path):
        _demand_own(path)
        try:
            path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
    return True


def _demand_own(path: Path) -> None:
    """Raise `JournalError` where the journal of a project would lead out of it: a repository may bring links along."""
    if path.parent.name != FOLDER:
        return
    parts = (path.parent, *(path.parent / name for name in _MARKS))
    for each in (*parts, *(path.with_name(f"{path.name}{end}") for end in ("", "-wal", "-shm", "-journal"))):
        if each.is_symlink():
            message = f"{each} is a symbolic link, through which no journal is kept; remove it, or set HASTEN_STATE_DIR"
            raise JournalError(message)


def keep_review(root: Path, path: str, about: str, answers: bytes) -> None:
    """Keep the answers of a review of the file at `path` below `root`; raise `JournalError`.

    Args:
        root: the directory of the journal.
        path: the file.
        about: what the answers are about, such as the digest of its content: they are kept for nothing else.
        answers: anything.
    """

    async def keep() -> None:
        async with opened(journal_path(root)) as journal:
            await journal.keep_review(path, about, answers)

    asyncio.run(keep())


def kept_review(root: Path, path: str, about: str) -> bytes | None:
    """Return what `keep_review` kept of just that, None where there is nothing; raise `JournalError`."""

    async def find() -> bytes | None:
        async with opened(journal_path(root)) as journal:
            return await journal.kept_review(path, about)

    return asyncio.run(find()) if exists(journal_path(root)) else None


def forget_review(root: Path, path: str) -> None:
    """Forget what `keep_review` kept of a file; raise `JournalError`."""

    async def forget() -> None:
        async with opened(journal_path(root)) as journal:
            await journal.forget_review(path)

    if exists(journal_path(root)):
        asyncio.run(forget())


async def _runs(path: Path) -> tuple[RunInfo, ...]:
    async with opened(path) as journal:
        return await journal.runs()


class Journal:
    """An open journal; made by `opened`. Every method commits before it returns, and raises `JournalError`."""

    __slots__ = ("_connection", "_path")

    def __init__(self, connection: aiosqlite.Connection, path: Path) -> None:
        """Wrap an open connection to the file at `path`."""
        self._connection = connection
        self._path = path

    async def begin(self, root: Path, plan: bytes, entries: Sequence[Entry]) -> int:
        """Record a new run, with every before-image, in state `started`, and return its id."""
        started = datetime.now(UTC).isoformat(timespec="seconds")
        with _told(self._path):
            run = await self._connection.execute_insert(
                "INSERT INTO runs (started, root, tool, state, plan) VALUES (?, ?, ?, 'started', ?)",
                (started, os.fsencode(root), __version__, plan),
            )
            number = 0 if run is None else int(run[0])  # never None after an INSERT
            await self._connection.executemany(
                "INSERT INTO files (run, path, before, before_sha, after_sha, mode, temporary, state, after, unit)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        number,
                        os.fsencode(entry.path),
                        entry.before,
                        entry.before_sha,
                        entry.after_sha,
                        entry.mode,
                        os.fsencode(entry.temporary),
                        entry.state,
                        entry.after,
                        entry.unit,
                    )
                    for entry in entries
                ],
            )
            await self._connection.commit()
        return number

    async def settle(self, run: int, state: str, files: Mapping[str, str]) -> None:
        """Set the state of `run`, and of those of its files that `files` maps to a new one."""
        with _told(self._path):
            await self._connection.executemany(
                "UPDATE files SET state = ? WHERE run = ? AND path = ?",
                [(new, run, os.fsencode(path)) for path, new in sorted(files.items())],
            )
            await self._connection.execute("UPDATE runs SET state = ? WHERE id = ?", (state, run))
            if state != "started":
                await self._connection.execute("UPDATE files SET after = NULL WHERE run = ?", (run,))
            await self._connection.commit()

    async def forget(self, run: int) -> None:
        """Delete a run that wrote nothing."""
        with _told(self._path):
            await self._connection.execute("DELETE FROM runs WHERE id = ?", (run,))
            await self._connection.commit()

    async def keep_review(self, path: str, about: str, answers: bytes) -> None:
        """Keep the answers of a review of one file, in the place of those from before."""
        with _told(self._path):
            await self._connection.execute(
                "INSERT OR REPLACE INTO reviews VALUES (?, ?, ?)", (os.fsencode(path), about, answers)
            )
            await self._connection.commit()

    async def kept_review(self, path: str, about: str) -> bytes | None:
        """Return the answers that were kept of a review of one file, None where it was about something else."""
        with _told(self._path):
            rows = list(
                await self._connection.execute_fetchall(
                    "SELECT answers FROM reviews WHERE path = ? AND about = ?", (os.fsencode(path), about)
                )
            )
        return bytes(rows[0][0]) if rows else None

    async def forget_review(self, path: str) -> None:
        """Delete the answers of a review that is over."""
        with _told(self._path):
            await self._connection.execute("DELETE FROM reviews WHERE path = ?", (os.fsencode(path),))
            await self._connection.commit()

    async def runs(self) -> tuple[RunInfo, ...]:
        """Return all runs, the newest first."""
        with _told(self._path):
            rows = await self._connection.execute_fetchall("SELECT id, started, tool, state FROM runs ORDER BY id DESC")
            paths = await self._connection.execute_fetchall("SELECT run, path, after IS NOT NULL FROM files")
        files: dict[int, list[str]] = {}
        lacking: set[int] = set()
        for run, path, held in paths:
            files.setdefault(run, []).append(os.fsdecode(path))
            if not held:
                lacking.add(run)
        return tuple(
            RunInfo(run, started, tool, state, tuple(sorted(files.get(run, ()))), run not in lacking)
            for run, started, tool, state in rows
        )

    async def entries(self, run: int) -> AsyncIterator[Entry]:
        """Yield the files of `run` in the order of their paths, one at a time: before-images can be large."""
        with _told(self._path):
            query = (
                "SELECT path, before, before_sha, after_sha, mode, temporary, state, after, unit"
                " FROM files WHERE run = ? ORDER BY path"
            )
            async with self._connection.execute(query, (run,)) as rows:
                async for path, before, before_sha, after_sha, mode, temporary, *rest in rows:
                    name = os.fsdecode(path)
                    yield Entry(name, before, before_sha, after_sha, mode, os.fsdecode(temporary), *rest)


@asynccontextmanager
async def opened(path: Path, *, patience: float = 10.0) -> AsyncIterator[Journal]:
    """Open the journal at `path`, which is made if it does not exist, and hold it alone until the end.

    Args:
        path: the journal's file.
        patience: seconds to wait for another run that holds it.

    Raises:
        JournalError: another run holds it, it was written by a newer hasten, or it cannot be opened.
    """
    with _told(path):
        _demand_own(path)
        # Only for the owner's eyes: it holds source code.
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, text in _MARKS.items() if path.parent.name == FOLDER else ():
            if not (path.parent / name).exists():
                (path.parent / name).write_text(text, encoding="utf-8")
        # aiosqlite's thread ends with a traceback on stderr if SQLite cannot open the file, so try first.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = await _held(path, patience)
    try:
        yield Journal(connection, path)
    finally:
        with _told(path):
            await connection.close()


async def _held(path: Path, patience: float) -> aiosqlite.Connection:
    import sqlite3

    import aiosqlite

    deadline = time.monotonic() + patience
    while True:
        connection = await aiosqlite.connect(path, timeout=0)
        try:
            await _prepare(connection, path)
        except sqlite3.OperationalError as error:
            await connection.close()
            # SQLite's own waiting does not cover the switch to WAL, for which two processes can meet.
            if not _code(error).startswith("SQLITE_BUSY") or time.monotonic() > deadline:
                raise
            await asyncio.sleep(_PAUSE)
        except BaseException:
            await connection.close()
            raise
        else:
            return connection


async def _prepare(connection: aiosqlite.Connection, path: Path) -> None:
    # Exclusive from the first access on; SQLite then needs no shared memory either, which network disks lack.
    await connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    await connection.execute("PRAGMA journal_mode = WAL")
    await connection.execute("PRAGMA synchronous = FULL")
    await connection.execute("PRAGMA foreign_keys = ON")
    await connection.execute("BEGIN EXCLUSIVE")
    await connection.commit()
    rows = list(await connection.execute_fetchall("PRAGMA user_version"))
    version = int(rows[0][0])
    if version > SCHEMA_VERSION:
        raise JournalError(f"the journal {path} was written by a newer hasten; use that version")
    if version == 0:
        await connection.executescript(_SCHEMA)
    if version < SCHEMA_VERSION:
        await connection.executescript(_MORE)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what SQLite and the system raise into one sentence."""
    import sqlite3

    try:
        yield
    except sqlite3.Error as error:
        raise JournalError(_sentence(path, error)) from error
    except OSError as error:
        raise JournalError(f"the journal {path} cannot be used ({error.strerror}); set HASTEN_STATE_DIR") from error


def _code(error: sqlite3.Error) -> str:
    """Return SQLite's own name for an error, "" for one that the Python module raises by itself."""
    return str(getattr(error, "sqlite_errorname", ""))


def _sentence(path: Path, error: sqlite3.Error) -> str:
    code = _code(error)
    if code.startswith("SQLITE_BUSY"):
        return "another run of hasten is at work on this tree; wait for it to end"
    if code in {"SQLITE_NOTADB", "SQLITE_CORRUPT"}:
        return f"the journal {path} is damaged; move it away, which gives up the undo of earlier runs"
    if code in {"SQLITE_FULL", "SQLITE_IOERR_WRITE"}:
        return f"the disk that holds the journal {path} is full; free some space, or set HASTEN_STATE_DIR"
    return f"the journal {path} cannot be used ({error}); mend that, or set HASTEN_STATE_DIR"
