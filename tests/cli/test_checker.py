"""The type checker that some codemods need: missing, broken, or not needed at all."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Tree

ASKS = """\
import time


class Store:
    def save(self):
        time.sleep(0)


async def main(thing):
    thing.get().save()
"""
KNOWN = "import time\n\n\nasync def main():\n    time.sleep(1)\n"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an interpreter that has no `pyrefly` beside it."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=False, symlinks=True)
    return folder / "bin" / "python"


def run(command: Command, python: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command with that interpreter, which finds all packages and nothing on PATH."""
    path = [command.environment["PYTHONPATH"], *{sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}]
    environment = {**command.environment, "PYTHONPATH": os.pathsep.join(path), "PATH": "", "HOME": str(cwd)}
    line = [str(python), "-m", "hasten", *arguments]
    return subprocess.run(line, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_a_missing_checker_is_one_line_where_it_is_needed(hasten_command: Command, tree: Tree, python: Path) -> None:
    """Exit code 2 and one line that says what to install; nothing is printed or written."""
    root = tree({"app.py": ASKS, "pyproject.toml": ""})
    for arguments in (("preview",), ("preview", "--no-cache"), ("apply",)):
        done = run(hasten_command, python, root, *arguments, "--select", "sleep-to-asyncio")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == (
            "hasten: the type checker was not found; install the package 'pyrefly' beside hasten (pip install "
            "pyrefly), or put its executable on PATH\n"
        )
    assert (root / "app.py").read_text(encoding="utf-8") == ASKS


def test_a_missing_checker_is_nothing_where_it_is_not_needed(hasten_command: Command, tree: Tree, python: Path) -> None:
    """Codemods that do not ask, and programs that leave nothing to ask, are served without it."""
    root = tree({"app.py": KNOWN, "pyproject.toml": ""})
    done = run(hasten_command, python, root, "preview")
    assert (done.returncode, "await asyncio.sleep(1)" in done.stdout) == (0, True)
    (root / "app.py").write_text(ASKS, encoding="utf-8")
    assert run(hasten_command, python, root, "preview", "--select", "json-to-orjson").returncode == 0


def test_a_kept_result_does_not_hide_that_the_checker_is_gone(
    hasten_command: Command, tree: Tree, python: Path
) -> None:
    """What a cache holds makes no difference: the second run says what it would say without one."""
    root = tree({"app.py": ASKS, "pyproject.toml": ""})
    arguments = ("preview", "--select", "sleep-to-asyncio")
    checker = Path(sys.executable).parent / "pyrefly"
    assert checker.is_file()
    (python.parent / "pyrefly").symlink_to(checker)
    try:
        assert run(hasten_command, python, root, *arguments).returncode == 0
    finally:
        (python.parent / "pyrefly").unlink()
    assert run(hasten_command, python, root, *arguments).returncode == 2


def test_a_broken_checker_is_one_line(hasten_command: Command, tree: Tree, python: Path) -> None:
    """What the checker said last is told, with exit code 2."""
    root = tree({"app.py": ASKS, "pyproject.toml": ""})
    broken = python.parent / "pyrefly"
    broken.write_text("#!/bin/sh\necho 'no more memory'\nexit 7\n", encoding="utf-8")
    broken.chmod(0o755)
    try:
        done = run(hasten_command, python, root, "preview", "--select", "sleep-to-asyncio")
    finally:
        broken.unlink()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "the type checker failed (no more memory)" in done.stderr
