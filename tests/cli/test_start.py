"""What the command costs before it does anything, and what it says about itself."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import hasten

if TYPE_CHECKING:
    from tests.cli.conftest import Command

_HEAVY = ("asyncio", "importlib.metadata", "libcst", "orjson", "rich", "hasten.api", "hasten_codemods")


def test_version_imports_nothing_but_click(hasten_command: Command, tmp_path: Path) -> None:
    """`--version` loads no codemod, no engine and no library that only the engine needs."""
    code = (
        "import sys; from hasten.cli.main import main; sys.argv = ['hasten', '--version']; main();"
        f"print([name for name in {_HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=hasten_command.environment,
    )
    assert done.stdout == f"hasten {hasten.__version__}\n[]\n"


def test_version_is_as_quick_as_importing_click(hasten_command: Command, tmp_path: Path) -> None:
    """`--version` takes at most 1.5 times as long as `python -c "import click"`, in the median of runs side by side."""

    def seconds(*arguments: str) -> float:
        begun = time.perf_counter()
        subprocess.run(
            [sys.executable, *arguments], check=True, capture_output=True, cwd=tmp_path, env=hasten_command.environment
        )
        return time.perf_counter() - begun

    ratios = [seconds("-m", "hasten", "--version") / seconds("-c", "import click") for _ in range(9)]
    assert statistics.median(ratios) < 1.5


COMMANDS = ("preview", "apply", "review", "undo", "list", "explain", "lsp")


@pytest.mark.parametrize(
    "arguments", [["--help"], ["-h"], *([name, "--help"] for name in COMMANDS)], ids=["all", "short", *COMMANDS]
)
def test_help_is_on_stdout(hasten_command: Command, tmp_path: Path, arguments: list[str]) -> None:
    """Asking for help is no error, and prints nothing on stderr."""
    done = hasten_command(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"Usage: hasten")
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert len(arguments) == 1 or f"Examples:\n    hasten {arguments[0]}".encode() in done.stdout


def test_list_names_every_codemod_with_its_origin(hasten_command: Command, tmp_path: Path) -> None:
    """`list` shows name and title; a plugin's codemod also shows where it is from."""
    lines = hasten_command("list", cwd=tmp_path).stdout.decode().splitlines()
    assert [line.split() for line in lines if line.startswith("slow")] == [
        ["slow-to-fast", "Call", "`fast`", "in", "place", "of", "`slow`.", "(acme-codemods)"]
    ]
    assert lines == sorted(lines)


EXPLAINED = """\
slow-to-fast
============

Call `fast` in place of `slow`.

For tests: what is found depends on the arguments of the call alone.

Contract
  `fast` does what `slow` does.

Hazards
  ACM001  a risky call
  ACM002  an odd call

Refusals
  ACM101  nothing to work on
"""


@pytest.mark.parametrize(
    ("word", "page"),
    [
        ("slow-to-fast", EXPLAINED),
        ("slow_to_fast", EXPLAINED),
        (
            "ACM001",
            (
                "ACM001: a risky call\na hazard of slow-to-fast\n\nThe call says that it is risky.\n\n"
                "What you can do\n  Take the argument out.\n"
            ),
        ),
    ],
)
def test_explain_shows_the_page(hasten_command: Command, tmp_path: Path, word: str, page: str) -> None:
    """A codemod's and a code's page are plain text on stdout."""
    done = hasten_command("explain", word, cwd=tmp_path)
    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, page, b"")
