"""One file written so that at any moment it is whole: staged beside its target, flushed, renamed over it. [IO]."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from hasten.errors import SourceError

_NANOSECONDS = 1_000_000_000
_OFF_LIMITS = frozenset({".git", ".hg", ".svn", ".jj"})


def resolved(root: Path, path: str) -> Path:
    """Return the file that a path leads to: a link is kept, and what it points to is replaced."""
    real = Path(os.path.realpath(root / path))
    if not real.is_relative_to(os.path.realpath(root)):
        raise SourceError("write", f"it leads out of {root}; run hasten where the file really is")
    if any(part.casefold() in _OFF_LIMITS for part in real.relative_to(os.path.realpath(root)).parts):
        # Whoever sends somebody a tree may send a journal with it, and what is in there is run.
        raise SourceError("write", "it belongs to a version control system, and is never rewritten")
    return real


def demand_writable(real: Path) -> None:
    """Raise `SourceError` if `real` may not be replaced."""
    # A rename would get past a file that is read-only. That it is so is a wish, and is respected.
    if real.exists() and not os.access(real, os.W_OK):
        raise SourceError("write", "it is read-only; make it writable, and try again")
    if not os.access(real.parent, os.W_OK | os.X_OK):
        raise SourceError("write", "its directory is read-only; make it writable, and try again")


def stage(temporary: Path, data: bytes, like: Path | None) -> None:
    """Write `data` to a new file, down to the disk, with mode, owner and attributes of the file `like`."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    # Nobody else looks into it before it has the target's own permissions.
    descriptor = os.open(temporary, flags, 0o666 if like is None else 0o600)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        if like is not None:
            _copy_status(like, temporary, descriptor, len(data))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def put_in_place(temporary: Path, real: Path, *, created: bool) -> None:
    """Rename a staged file over `real`; raise `SourceError` if that was to be created, and exists by now."""
    if created:
        # Unlike a rename, a hard link fails if somebody else has made the file meanwhile.
        try:
            os.link(temporary, real)
        except FileExistsError:
            raise SourceError("changed", "it was to be created, but exists by now; run hasten again") from None
        except OSError:
            pass  # a file system without hard links
        else:
            return
    temporary.replace(real)


def sync(directories: Iterable[Path]) -> None:
    """Flush the new names in `directories` to disk, where the system can do that."""
    if os.name == "nt":
        return
    for directory in sorted(directories):
        # The files themselves are safe by now; a directory that cannot be opened for reading is no reason to fail.
        with suppress(OSError):
            descriptor = os.open(directory, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _copy_status(like: Path, temporary: Path, descriptor: int, size: int) -> None:
    status = like.stat()
    if hasattr(os, "fchown"):
        with suppress(PermissionError):
            os.fchown(descriptor, status.st_uid if os.geteuid() == 0 else -1, status.st_gid)
    # Mode bits, and access lists where the system keeps them in extended attributes.
    shutil.copystat(like, temporary)
    now = time.time_ns()
    # Python trusts a .pyc file if size and whole second of its source are the same, so the second has to move.
    if size == status.st_size and now // _NANOSECONDS <= status.st_mtime_ns // _NANOSECONDS:
        now = status.st_mtime_ns + _NANOSECONDS
    os.utime(temporary, ns=(now, now))
