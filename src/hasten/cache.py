"""A cache of facts and results, keyed by content: SQLite through aiosqlite, outside the user's tree.

A cache that cannot be read or written is no error: the work is done anew.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_SCHEMA = "CREATE TABLE IF NOT EXISTS blobs (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"
#: SQLite takes at most 32,766 variables in a statement; older builds 999.
_BATCH = 500
#: So many bytes wait for a write at most.
_BUFFER = 16 * 1024 * 1024
#: Beyond this size the cache starts over: rebuilding is cheaper than keeping count.
_LARGEST = 512 * 1024 * 1024


class Cache:
    """Blobs by key; every method is a no-op when there is no file to keep them in."""

    def __init__(self, path: Path | None) -> None:
        """Take the database file, or None for no cache."""
        self._path = path
        self._pending: dict[str, bytes] = {}
        self._size = 0

    @property
    def enabled(self) -> bool:
        """Tell whether anything is kept."""
        return self._path is not None

    def get(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Return the blobs that are there."""
        if self._path is None or not keys:
            return {}
        # A connection that cannot be opened would leave its thread's traceback on the terminal, so ask first.
        if not self._path.is_file() or not os.access(self._path, os.R_OK | os.W_OK):
            return {}
        import asyncio
        import sqlite3

        try:
            return asyncio.run(self._get(self._path, keys))
        except (OSError, sqlite3.Error):
            return {}

    def put(self, blobs: Mapping[str, bytes]) -> None:
        """Keep the blobs; they are written together, some megabytes at a time or when the cache is closed."""
        if self._path is None:
            return
        self._pending |= blobs
        self._size += sum(map(len, blobs.values()))
        if self._size > _BUFFER:
            self.close()

    def close(self) -> None:
        """Write what is not written yet."""
        blobs, self._pending, self._size = self._pending, {}, 0
        if self._path is None or not blobs:
            return
        import asyncio
        import sqlite3

        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if self._path.exists() and self._path.stat().st_size > _LARGEST:
                self._path.unlink()
            here = self._path if self._path.exists() else self._path.parent
            if here.is_dir() == self._path.exists() or not os.access(here, os.R_OK | os.W_OK):
                return
            asyncio.run(self._put(self._path, blobs))
        except (OSError, sqlite3.Error):
            return

    async def _get(self, path: Path, keys: Sequence[str]) -> dict[str, bytes]:
        import aiosqlite

        found: dict[str, bytes] = {}
        async with aiosqlite.connect(path) as database:
            for start in range(0, len(keys), _BATCH):
                batch = keys[start : start + _BATCH]
                marks = ",".join("?" * len(batch))
                query = f"SELECT key, value FROM blobs WHERE key IN ({marks})"  # noqa: S608 - question marks only
                async with database.execute(query, batch) as cursor:
                    found.update({key: value async for key, value in cursor})
        return found

    async def _put(self, path: Path, blobs: Mapping[str, bytes]) -> None:
        import aiosqlite

        async with aiosqlite.connect(path) as database:
            await database.execute("PRAGMA journal_mode=WAL")
            await database.execute("PRAGMA synchronous=OFF")
            await database.execute(_SCHEMA)
            await database.executemany("INSERT OR REPLACE INTO blobs (key, value) VALUES (?, ?)", sorted(blobs.items()))
            await database.commit()
