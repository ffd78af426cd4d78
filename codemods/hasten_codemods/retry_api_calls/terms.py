"""How often and how long to try again: the settings, as the expressions that say so to tenacity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: A call and one more.
_FEWEST = 2
#: The levels of log lines, as the settings and as Python write them.
_WORDS = {"none": "", "debug": "DEBUG", "info": "INFO", "warning": "WARNING", "error": "ERROR"}


@dataclass(frozen=True, slots=True)
class Terms:
    """What goes for the calls of one client.

    Attributes:
        attempts: the first one included.
        multiplier, least, most: of the waits between them, in seconds, which double.
        jitter: the waits are random, up to these.
        level: of the log line before each wait, `""` for none.
    """

    attempts: int
    multiplier: float
    least: float
    most: float
    jitter: bool
    level: str

    @classmethod
    def read(cls, settings: Mapping[str, Any], client: str) -> Terms:
        """Return the terms for the calls of a client, by the name of each setting."""

        def of(name: str) -> Any:  # noqa: ANN401 - the declared type of the option
            value = settings[name]
            return value.get(client, value[""]) if isinstance(value, Mapping) else value

        return cls(
            of("attempts"),
            of("multiplier"),
            of("min"),
            of("max"),
            of("jitter"),
            _WORDS[of("log")],
        )

    @property
    def trouble(self) -> str:
        """Return why these terms make no sense, an empty string where they do."""
        if self.attempts < _FEWEST:
            return f"`attempts = {self.attempts}` tries nothing again"
        if self.multiplier < 0 or self.least < 0 or self.most < self.least:
            return f"no wait is as long as `min = {number(self.least)}` and `max = {number(self.most)}` say"
        return ""

    @property
    def stop(self) -> str:
        """Return when to give up."""
        return f"tenacity.stop_after_attempt({self.attempts})"

    @property
    def wait(self) -> str:
        """Return how long to wait where the server does not say."""
        name = "wait_random_exponential" if self.jitter else "wait_exponential"
        words = {"multiplier": self.multiplier, "min": self.least, "max": self.most}
        return f"tenacity.{name}({', '.join(f'{word}={number(value)}' for word, value in words.items())})"

    def log(self, logger: str, logging: str = "logging") -> str:
        """Return what is done before each wait, with an expression for the logger and the name of its module."""
        return f"tenacity.before_sleep_log({logger}, {logging}.{self.level})"

    @property
    def longest(self) -> float:
        """Return by how many seconds a call that fails each time takes longer, at most."""
        waits = (min(self.most, max(self.least, self.multiplier * 2**each)) for each in range(self.attempts - 1))
        return float(sum(waits))


def number(value: float) -> str:
    """Return a number as people write it: 4 for 4.0."""
    return repr(int(value)) if value == int(value) else repr(value)
