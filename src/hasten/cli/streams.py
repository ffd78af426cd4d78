"""Standard output and error: bytes out, lines to the side, a closed pipe is no error.

Whatever comes from source files is shown on a terminal with its control characters made visible, since an escape
sequence in a string or a name could otherwise say anything. Into a pipe or a file a diff goes as it is, byte for byte.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from typing import TextIO

from hasten.errors import UsageError

# Beside the control characters: those that make text run from right to left, or hide in it.
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_BOLD, _RED, _GREEN, _CYAN, _RESET = "\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[36m", "\x1b[0m"


def open_missing() -> None:
    """Stand something in for each standard stream that was closed by the caller (`>&-`).

    What is written to stdout then fails, as it should; stderr leads nowhere, since there is nobody to tell. Without
    this, the next file that is opened, say the journal, would get the number of the stream.
    """
    modes = (("stdin", os.O_WRONLY, "r"), ("stdout", os.O_RDONLY, "w"), ("stderr", os.O_WRONLY, "w"))
    for name, access, mode in modes:
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, access)
            setattr(sys, name, os.fdopen(descriptor, mode, encoding="utf-8", errors="backslashreplace", closefd=False))


def visible(text: str) -> str:
    r"""Return `text` with every character that a terminal would obey, or not show, spelled out: `\x1b`, `\u202e`."""
    return _INVISIBLE.sub(_spelled, text)


def json_of(document: object) -> bytes:
    """Return a document as JSON, in which no character does anything to a terminal that it is shown on."""
    import orjson

    text = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()
    # Such characters only stand in strings, where JSON has another way to write them.
    return _INVISIBLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text).encode()


def fail(message: str) -> None:
    """Say on stderr, in one line, what went wrong."""
    say(f"hasten: {message}")


def say(line: str = "") -> None:
    """Print one line on stderr, whatever it holds, after all that went to stdout so far."""
    with suppress(OSError):  # whoever writes to stdout is told
        sys.stdout.flush()
    try:
        sys.stderr.write(visible(line).replace("\n", "\\n") + "\n")
        sys.stderr.flush()
    except OSError:
        _lead_nowhere(sys.stderr)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number} {noun}{'s' * (number != 1)}"


def say_table(rows: list[list[str]]) -> None:
    """Print rows on stderr with their columns aligned."""
    for line in aligned(rows):
        say(line)


def aligned(rows: list[list[str]]) -> list[str]:
    """Return rows as lines: the cells of a column as wide as the widest, numbers to the right."""
    widths = [
        max(len(row[index]) for row in rows if index < len(row)) for index in range(max(map(len, rows), default=0))
    ]
    numeric = [
        all(row[index].isdigit() for row in rows[1:] if index < len(row)) and len(rows) > 1
        for index in range(len(widths))
    ]
    return [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=False)
        ).rstrip()
        for row in rows
    ]


def write(data: bytes) -> None:
    """Write bytes to stdout as they are.

    Raises:
        UsageError: stdout is closed, or what it leads to is full; a pipe that nobody reads any more is no error.
    """
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        _lead_nowhere(sys.stdout)
    except OSError as error:
        raise lost(error) from None


def write_text(text: str) -> None:
    """Write text to stdout, in the encoding of the terminal; what it cannot show is spelled out."""
    write(text.encode(sys.stdout.encoding or "utf-8", "backslashreplace"))


def write_diff(diff: bytes, *, color: str) -> None:
    """Write a diff to stdout: to the byte into a pipe, made visible on a terminal, coloured where `color` says so."""
    terminal = is_terminal(sys.stdout)
    coloured = wants_color(color, sys.stdout)
    if not terminal and not coloured:
        write(diff)
        return
    lines = []
    header = True
    for raw in diff.split(b"\n"):
        if raw.startswith(b"diff --git "):
            header = True
        elif raw.startswith(b"@@"):
            header = False
        if terminal:
            # A CR before the line's end belongs to the end of the line; it would only be noise on every line.
            line = visible(raw.removesuffix(b"\r").decode("utf-8", "backslashreplace"))
            encoded = line.encode(sys.stdout.encoding or "utf-8", "backslashreplace")
        else:
            encoded = raw
        style = _style(raw, header=header) if coloured else ""
        lines.append(style.encode() + encoded + _RESET.encode() if style and encoded else encoded)
    write(b"\n".join(lines))


def wants_color(choice: str, stream: TextIO) -> bool:
    """Tell whether to colour what goes to `stream`: the option decides, then NO_COLOR, FORCE_COLOR, the terminal."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    forced = os.environ.get("FORCE_COLOR")
    if forced:
        return forced != "0"
    return is_terminal(stream) and os.environ.get("TERM") != "dumb"


def is_terminal(stream: TextIO) -> bool:
    """Tell whether a person looks at `stream`."""
    try:
        return stream.isatty()
    except ValueError:
        return False


def flush() -> UsageError | None:
    """Hand on what is left in the buffers, and return what to say if stdout does not take it."""
    found = None
    for stream in (sys.stdout, sys.stderr):
        if stream.closed:
            continue
        try:
            stream.flush()
        except BrokenPipeError:
            _lead_nowhere(stream)
        except OSError as error:
            found = lost(error) if stream is sys.stdout else found
            _lead_nowhere(stream)
    return found


def lost(error: OSError) -> UsageError:
    """Give stdout up, and return what to say about it."""
    _lead_nowhere(sys.stdout)
    return UsageError(f"standard output cannot be written: {error.strerror}")


def _lead_nowhere(stream: TextIO) -> None:
    """Send the rest of a stream that takes no more nowhere, so that nobody stumbles over it again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _style(line: bytes, *, header: bool) -> str:
    if header:
        return _BOLD
    return {b"@": _CYAN, b"+": _GREEN, b"-": _RED}.get(line[:1], "")


def _spelled(match: re.Match[str]) -> str:
    character = match[0]
    if "\udc80" <= character <= "\udcff":
        # A byte of a file name that is no text stands for itself.
        return character.encode("utf-8", "surrogateescape").decode("ascii", "backslashreplace")
    return character.encode("unicode_escape").decode("ascii")
