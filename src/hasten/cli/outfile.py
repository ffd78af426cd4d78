"""The file of `--output`: known to be writable before the work begins, and never half written."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from pathlib import Path

from hasten.errors import UsageError

_NEW = 0o666
#: What hasten reads and rewrites, and no report is called.
_INPUTS = ("*.py", "*.pyi", "pyproject.toml", "setup.cfg", "*requirements*.txt", "*requirements*.in")


def demand(path: Path | None) -> None:
    """Raise unless `write` could write to `path`; what is there stays as it is.

    Raises:
        UsageError: its directory does not exist or takes no files, it is a directory itself or not for writing, or it
            is what hasten reads.
    """
    if path is None or str(path) == "-":
        return
    if path.exists() and any(fnmatch(path.name, pattern) for pattern in _INPUTS):
        message = f"{path}: the report would take the place of a file of the project; give it another name"
        raise UsageError(message)
    with _reported(path):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if _mode(path) is None:
            # Opening a pipe to see would be an end of file for its reader.
            if not os.access(path, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        else:
            descriptor, name = _beside(path)
            os.close(descriptor)
            Path(name).unlink()


def write(path: Path, data: bytes) -> None:
    """Put `data` in place of the file: the whole of it, or the old content stays.

    Raises:
        UsageError: it cannot be written.
    """
    with _reported(path):
        mode = _mode(path)
        if mode is None:
            path.write_bytes(data)
            return
        descriptor, name = _beside(path)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            Path(name).chmod(mode)
            Path(name).replace(os.path.realpath(path))
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise


def _mode(path: Path) -> int | None:
    """Return the permissions for a regular file at `path`, None where something else, such as a device, is there."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return _NEW & ~mask
    return stat.S_IMODE(mode) if stat.S_ISREG(mode) else None


def _beside(path: Path) -> tuple[int, str]:
    return tempfile.mkstemp(prefix=".hasten-", dir=Path(os.path.realpath(path)).parent)


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"{path}: cannot be written: {error.strerror}"
        raise UsageError(message) from None
