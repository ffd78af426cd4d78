"""The terminal of a conversation: keys one by one, lines as wide as it is, colour where it is wanted."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field

import click

from hasten.cli import streams
from hasten.errors import UsageError

_BOLD, _DIM, _YELLOW, _RED, _RESET = "\x1b[1m", "\x1b[2m", "\x1b[33m", "\x1b[31m", "\x1b[0m"
#: Narrower than this, lines are broken all the same.
_NARROWEST = 20
_WIDEST = 120
_ENTER = frozenset("\r\n")


def demand() -> None:
    """Refuse to lead a conversation with a pipe.

    Raises:
        UsageError: nobody can be asked, or nobody would see the question.
    """
    if not (streams.is_terminal(sys.stdin) and streams.is_terminal(sys.stdout)):
        message = "`review` asks questions, and this is no terminal; `hasten preview FILE` shows the same changes"
        raise UsageError(message)


@dataclass(slots=True)
class Terminal:
    """Where questions are shown, and answers come from.

    Attributes:
        color: what `--color` says.
    """

    color: str
    _typed: list[str] = field(default_factory=list)

    @property
    def width(self) -> int:
        """The columns to fill; it may change while a person thinks."""
        return min(max(shutil.get_terminal_size().columns, _NARROWEST), _WIDEST)

    def show(self, text: str = "", *, indent: int = 0, hanging: int | None = None, style: str = "") -> None:
        """Print a paragraph, broken where the terminal ends.

        Args:
            text: what to say; it may hold anything.
            indent: columns before the first line.
            hanging: columns before the others, as many as before the first by default.
            style: `bold`, `dim`, `warning` or `error`.
        """
        after = indent if hanging is None else hanging
        lines = textwrap.wrap(
            streams.visible(text).replace("\n", " "),
            width=self.width,
            initial_indent=" " * indent,
            subsequent_indent=" " * after,
            break_on_hyphens=False,
        )
        for line in lines or [""]:
            streams.write_text(f"{self._styled(line, style)}\n")

    def show_diff(self, diff: bytes) -> None:
        """Print a diff, coloured and made visible."""
        streams.write_diff(diff, color=self.color)

    def ask(self, question: str, keys: Iterable[str], default: str) -> str:
        """Return the key that answers a question: one of `keys`, `default` for Enter, or what else was pressed.

        Raises:
            KeyboardInterrupt: Ctrl-C, or the terminal is gone.
        """
        shown = "/".join(key.upper() if key == default else key for key in keys)
        streams.write_text(self._styled(f"{question} [{shown}] ", "bold"))
        try:
            key = self._key()
        except KeyboardInterrupt:
            streams.write_text("\n")
            raise
        answer = default if key in _ENTER else key
        streams.write_text(f"{streams.visible(answer)}\n")
        return answer.lower() if len(answer) == 1 else answer

    def forget_typed(self) -> None:
        """Drop what was typed ahead: what comes next is not to be answered by a key held too long."""
        self._typed.clear()
        try:
            import termios

            termios.tcflush(sys.stdin, termios.TCIFLUSH)
        except (ImportError, OSError, ValueError):
            return

    def _key(self) -> str:
        while not self._typed:
            try:
                typed = click.getchar()
            except (EOFError, OSError):
                raise KeyboardInterrupt from None
            # A key such as an arrow comes as one sequence; anything else may be several keys, pressed fast or pasted.
            self._typed = [typed] if typed.startswith(("\x1b", "\x00", "\xe0")) else list(typed)
        return self._typed.pop(0)

    def _styled(self, line: str, style: str) -> str:
        code = {"bold": _BOLD, "dim": _DIM, "warning": _YELLOW, "error": _RED}.get(style, "")
        if not code or not streams.wants_color(self.color, sys.stdout):
            return line
        return f"{code}{line}{_RESET}"
