"""Bytes on disk and the text that hasten works on: read, decoded as Python would, and encoded back.

Nothing is lost on the way: newlines, form feeds, a byte order mark and a missing final newline stay as they are, and
`encode(source, source.text) == source.data` holds for every `Source` that this module returns. The messages of the
errors do not repeat the file's name, since a `Problem` carries it.
"""

from __future__ import annotations

import codecs
import errno
import os
import re
import stat
from typing import TYPE_CHECKING

from hasten.errors import SourceError
from hasten.model import Source

if TYPE_CHECKING:
    from pathlib import Path

# The compiler reads the encoding declaration from the bytes of the first two lines, which may end in a lone CR, and
# looks at the second only when the first holds nothing but a comment. `tokenize.detect_encoding` is no substitute:
# it wants both lines in UTF-8 and ended by "\n", and so refuses files that Python runs.
_HEAD = re.compile(rb"([^\r\n]*)(?:\r\n|\r|\n)?([^\r\n]*)")
_DECLARATION = re.compile(rb"[ \t\f]*#.*?coding[:=][ \t]*([-.\w]+)")
_NO_CODE = re.compile(rb"[ \t\f]*(?:#|\Z)")

# Why a file could not be opened, and what to do about it, for the causes that people meet.
_READ_FAILURES = {
    errno.ENOENT: "there is no such file; it may have been removed since the run began",
    errno.ENOTDIR: "a part of its path is not a directory; check the path",
    errno.EACCES: "it cannot be read for lack of permission; make it readable, or exclude it",
    errno.EPERM: "it cannot be read for lack of permission; make it readable, or exclude it",
    errno.ELOOP: "it is a symbolic link that leads back to itself; mend the link, or exclude it",
    errno.ENAMETOOLONG: "its path is longer than the system allows; move it, or exclude it",
}


def read(root: Path, path: str) -> Source:
    """Read and decode one Python file.

    Args:
        root: the directory that `path` is relative to.
        path: POSIX path of the file.

    Raises:
        SourceError: of kind `read` or `decode`.
    """
    return decode(path, read_bytes(root, path))


def read_plain(root: Path, path: str) -> Source:
    """Read and decode one file that is not Python, as `decode_plain` does; raises what `read` raises."""
    return decode_plain(path, read_bytes(root, path))


def read_bytes(root: Path, path: str) -> bytes:
    """Return the bytes of a regular file.

    Raises:
        SourceError: of kind `read`: the file is gone, may not be read, or is not a regular file.
    """
    try:
        # Opening a named pipe would wait for a writer for ever; with O_NONBLOCK it does not.
        descriptor = os.open(root / path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as file:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise SourceError("read", "it is not a regular file; name the files inside it, or exclude it")
            return file.read()
    except IsADirectoryError:
        raise SourceError("read", "it is a directory; name the files inside it, or exclude it") from None
    except OSError as error:
        known = _READ_FAILURES.get(error.errno or 0)
        raise SourceError("read", known or f"it cannot be read ({error.strerror}); mend that, or exclude it") from None
    except ValueError:
        raise SourceError("read", "its path holds a NUL character; check the path") from None


def decode(path: str, data: bytes) -> Source:
    """Decode Python source exactly as the compiler does: byte order mark, declaration (PEP 263), else UTF-8.

    Args:
        path: POSIX path, kept in the result.
        data: the whole file.

    Raises:
        SourceError: of kind `decode`: NUL bytes, an unknown codec, a declaration that contradicts the byte order
            mark, bytes that the codec cannot decode, or text that it would not encode to the same bytes again.
    """
    bom, body = _without_bom(data)
    declared = _declared(body)
    if declared in {"", "utf-8"}:
        return Source(path, data, _utf8(body, declare=True), "utf-8", bom)
    if b"\0" in body:
        raise SourceError("decode", _NUL)
    if bom:
        # The compiler compares names, not codecs, so that even "utf8" is a contradiction to it.
        message = f"it begins with a UTF-8 byte order mark but declares {declared!r}; remove one of the two"
        raise SourceError("decode", message)
    return Source(path, data, _declared_text(body, declared), declared)


def decode_plain(path: str, data: bytes) -> Source:
    """Decode a file that is not Python, such as `pyproject.toml`: UTF-8, with or without a byte order mark.

    Raises:
        SourceError: of kind `decode`: the bytes are not UTF-8, or hold NUL.
    """
    bom, body = _without_bom(data)
    return Source(path, data, _utf8(body, declare=False), "utf-8", bom)


def encode(source: Source, text: str) -> bytes:
    """Return the bytes of `text` in the encoding of `source`, with its byte order mark.

    Raises:
        SourceError: of kind `write`: the encoding lacks a character of `text`, or Python would read the bytes in
            another encoding than they are written in, because `text` has another declaration than `source`.
    """
    try:
        body = text.encode(source.encoding)
    except UnicodeEncodeError as error:
        character = error.object[error.start]
        message = (
            f"the new text holds {character!r} (U+{ord(character):04X}), which {source.encoding} cannot hold; "
            "convert the file to UTF-8 first"
        )
        raise SourceError("write", message) from None
    declared = _declared(body)
    if declared != _declared(_without_bom(source.data)[1]) and (declared or "utf-8") != source.encoding:
        message = f"the new text moves or alters the line that declares {source.encoding}; convert the file to UTF-8"
        raise SourceError("write", message)
    # UTF-8 holds every text that it can encode at all; a stateful codec may not.
    if source.encoding != "utf-8" and not _decodes_to(body, source.encoding, text):
        message = f"the new text would not be read back as it is from {source.encoding}; convert the file to UTF-8"
        raise SourceError("write", message)
    return codecs.BOM_UTF8 + body if source.bom else body


_NUL = "it holds NUL bytes, so it is binary or UTF-16; convert it to UTF-8, or exclude it"


def _without_bom(data: bytes) -> tuple[bool, bytes]:
    bom = data.startswith(codecs.BOM_UTF8)
    return bom, data[len(codecs.BOM_UTF8) :] if bom else data


def _declared(body: bytes) -> str:
    """Return the encoding that the first two lines declare, under the compiler's name for it, or ""."""
    head = _HEAD.match(body)
    if head is None or b"coding" not in head[0]:
        return ""
    first, second = head.groups()
    found = _DECLARATION.match(first)
    if found is None and _NO_CODE.match(first):
        found = _DECLARATION.match(second)
    return _normal(found[1].decode("ascii")) if found else ""


def _normal(name: str) -> str:
    """Return `name` with the compiler's two special cases, which allow editors' suffixes such as `utf-8-unix`."""
    start = name[:12].lower().replace("_", "-")
    if start == "utf-8" or start.startswith("utf-8-"):
        return "utf-8"
    latin = ("latin-1", "iso-8859-1", "iso-latin-1")
    if start in latin or start.startswith(tuple(f"{one}-" for one in latin)):
        return "iso-8859-1"
    return name


def _utf8(body: bytes, *, declare: bool) -> str:
    if b"\0" in body:
        raise SourceError("decode", _NUL)
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        line = len(re.findall(rb"\r\n|\r|\n", body[: error.start])) + 1
        remedy = "convert it to UTF-8" + (", or declare its encoding in line 1" if declare else "")
        message = f"byte 0x{body[error.start]:02x} in line {line} is not UTF-8; {remedy}"
        raise SourceError("decode", message) from None


def _declared_text(body: bytes, encoding: str) -> str:
    try:
        text = body.decode(encoding)
    except LookupError:
        message = f"it declares {encoding!r}, which is not a text encoding of this Python; correct the declaration"
        raise SourceError("decode", message) from None
    except ValueError as error:  # UnicodeError, and what codecs written in Python raise besides
        reason = error.reason if isinstance(error, UnicodeDecodeError) else str(error)
        message = f"it cannot be decoded as the {encoding!r} that it declares ({reason}); correct the declaration"
        raise SourceError("decode", message) from None
    if "\0" in text:
        raise SourceError("decode", _NUL)
    if not _encodes_to(text, encoding, body):
        message = f"its text would not be written back as it is in {encoding!r}; convert it to UTF-8, or exclude it"
        raise SourceError("decode", message)
    return text


def _encodes_to(text: str, encoding: str, body: bytes) -> bool:
    try:
        text.encode("utf-8")  # lone surrogates, which UTF-7 lets through, are no source text to the compiler
        return text.encode(encoding) == body
    except ValueError:
        return False


def _decodes_to(body: bytes, encoding: str, text: str) -> bool:
    try:
        return body.decode(encoding) == text
    except ValueError:
        return False
