"""Run a small program and look at what it does: `check()` of a case, or `behave()` of a script beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

#: No program of a case runs longer than this, in seconds.
_PATIENCE = 60

# The result is written in ASCII, since a case may be about a terminal that speaks nothing else. It is put into a file
# of its own, so that what the program prints is no part of it.
_DRIVER = """
import importlib, os, runpy, sys
script, blocked, result = sys.argv[1:]
if blocked:
    sys.modules[blocked] = None
sys.path.insert(0, os.getcwd())
function = runpy.run_path(script)["behave"] if script else importlib.import_module("case").check
with open(result, "w", encoding="ascii") as file:
    file.write(ascii(function()))
"""


@dataclass(frozen=True, slots=True)
class Observed:
    """What a program did.

    Attributes:
        text: `ascii()` of what its function returned, and what it printed; or how it failed.
        failed: whether it raised.
    """

    text: str
    failed: bool = False


def observe(tree: Path, script: Path | None, blocked: str = "") -> Observed:
    """Run a program in a process of its own, in the C locale, every warning an error.

    Args:
        tree: its files; they are imported from here, and it may write here.
        script: defines `behave`; None runs `check` of the module `case`.
        blocked: a module that cannot be imported.
    """
    result = tree.with_name(f"{tree.name}.result")
    result.unlink(missing_ok=True)
    arguments = [str(script.resolve()) if script is not None else "", blocked, str(result)]
    done = subprocess.run(  # noqa: S603 - our own interpreter, on files of the test suite
        [sys.executable, "-B", "-W", "error", "-c", _DRIVER, *arguments],
        cwd=tree,
        env=_environment(),
        capture_output=True,
        timeout=_PATIENCE,
        check=False,
    )
    printed = done.stdout.decode("utf-8", "backslashreplace")
    if done.returncode != 0:
        return Observed(f"{printed}{done.stderr.decode('utf-8', 'backslashreplace')}", failed=True)
    return Observed(result.read_text(encoding="ascii") + (f", and printed {printed!r}" if printed else ""))


def _environment() -> dict[str, str]:
    """Return an environment in which text means ASCII unless the program says otherwise, and hashes do not vary."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LC_", "LANG"))}
    return kept | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONHASHSEED": "0"}
