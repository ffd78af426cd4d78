"""Run commands and note what they cost."""

from __future__ import annotations

import datetime as dt
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter


@dataclass(frozen=True, slots=True)
class Cost:
    """One run of a command.

    Attributes:
        seconds: wall time.
        peak: the most memory that any one of its processes held, in MiB.
        output: what it wrote to stdout.
    """

    seconds: float
    peak: float
    output: str


class CommandError(Exception):
    """A measured command failed, so its time means nothing."""


def cost(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str], stdin: str = "", codes: Sequence[int] = (0,)
) -> Cost:
    """Run `command` to its end.

    Raises:
        CommandError: it ended with none of `codes`.
    """
    files = {name: cwd.parent / f"measured.{name}" for name in ("in", "out", "err")}
    files["in"].write_text(stdin, encoding="utf-8")
    with files["in"].open("rb") as source, files["out"].open("wb") as out, files["err"].open("wb") as err:
        start = perf_counter()
        process = subprocess.Popen(command, cwd=cwd, env=dict(env), stdin=source, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = perf_counter() - start
        # Popen does not know that it was waited for.
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in codes:
        last = (files["err"].read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["no message"])[-1]
        message = f"{' '.join(command)[:200]} ended with code {process.returncode}: {last}"
        raise CommandError(message)
    return Cost(seconds, usage.ru_maxrss / 1024, files["out"].read_text(encoding="utf-8", errors="replace"))


def machine() -> str:
    """Return when this is, and what it is measured on."""
    cpus = len(os.sched_getaffinity(0))
    return f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {cpus} CPUs, Python {platform.python_version()}"


@dataclass(frozen=True, slots=True)
class Series:
    """What one thing took, round by round."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """Return the middle value."""
        return median(self.values)

    @property
    def least(self) -> float:
        """Return the smallest value: the one with the least noise in it."""
        return min(self.values)

    def over(self, other: Series) -> Series:
        """Return the ratio to `other`, round by round: a slow moment of the machine hits both and cancels."""
        return Series(tuple(mine / yours for mine, yours in zip(self.values, other.values, strict=True)))
