"""A directory for what the checker writes and this process reads once: in memory, where the system has room for it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType
from typing import IO, Self

if sys.platform != "win32":
    import fcntl

#: Files in memory, on Linux. Some systems have it too small to be of use, such as containers with 64 MiB.
MEMORY = Path("/dev/shm")  # noqa: S108 - what is made there is made by `mkdtemp`, readable by its owner alone
#: What the person chose wins.
_CHOSEN = ("TMPDIR", "TEMP", "TMP")
_PREFIX = "hasten-oracle-"
_LOCK = "lock"
#: Bytes that a report takes, and those for each character of the program: 80 MiB for Django 5.2 of 5.7, with its copy.
_LEAST = 24 * 2**20
_PER_CHARACTER = 12
#: No more than this part of the memory that is left there is taken.
_SHARE = 8


class Scratch:
    """A directory of its own, which is there until `cleanup`.

    One in memory whose process was killed is removed by the next process that makes one there: its lock is free.

    Attributes:
        path: the directory, without links on the way.
    """

    def __init__(self, size: int, memory: Path = MEMORY) -> None:
        """Make the directory.

        Args:
            size: characters of the program that is to be checked there.
            memory: where files are in memory, if that exists.
        """
        self._lock: IO[bytes] | None = None
        place = memory if _has_room(memory, size) else None
        if place is not None:
            _sweep(place)
        # Outside memory the system clears what killed processes left.
        self.path = Path(mkdtemp(prefix=_PREFIX, dir=place)).resolve()
        if place is not None:
            # Nobody finds the lock before it is held.
            new = self.path / f"{_LOCK}.new"
            self._lock = new.open("wb")
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            new.rename(self.path / _LOCK)

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Remove it."""
        self.cleanup()

    def cleanup(self) -> None:
        """Remove the directory; not a second time."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _has_room(place: Path, size: int) -> bool:
    if sys.platform == "win32" or any(os.environ.get(each) for each in _CHOSEN):
        return False
    if not os.access(place, os.W_OK | os.X_OK):
        return False
    try:
        status = os.statvfs(place)
    except OSError:
        return False
    return status.f_bavail * status.f_frsize >= _SHARE * (_LEAST + _PER_CHARACTER * size)


def _sweep(place: Path) -> None:
    """Remove the directories of processes that were killed."""
    for each in _left(place):
        with suppress(OSError), (each / _LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The checker of that process may still be writing. Then the lock stays, by which the next run tries again.
            for entry in each.iterdir():
                if entry.is_dir():
                    shutil.rmtree(entry, ignore_errors=True)
                elif entry.name != _LOCK:
                    entry.unlink(missing_ok=True)
            if [entry.name for entry in each.iterdir()] == [_LOCK]:
                shutil.rmtree(each, ignore_errors=True)


def _left(place: Path) -> Iterator[Path]:
    """Yield directories of this user that may have been left."""
    with suppress(OSError):
        for each in place.glob(f"{_PREFIX}*"):
            with suppress(OSError):
                if not each.is_symlink() and each.stat().st_uid == os.getuid():
                    yield each
