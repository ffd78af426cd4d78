"""`hasten undo` where it cannot do what was asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Tree

ONLY = ("--select", "slow-to-fast")

# Root sees into every directory as long as it has these two capabilities.
_BOUND_BY_MODES = """
import ctypes, os, sys
for capability in (1, 2):
    assert ctypes.CDLL(None).prctl(24, capability, 0, 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_undo_again_comes_back_to_the_run_that_was_not_undone(hasten_command: Command, tree: Tree) -> None:
    """A second `undo` says what the first one said, and does not touch what an older run wrote."""
    root = tree({"a.py": "x = slow(1)\n", "b.py": "x = slow(1)\n"})
    for path in ("a.py", "b.py"):
        assert hasten_command("apply", *ONLY, path, cwd=root).returncode == 0
    (root / "b.py").write_text("mine\n", encoding="utf-8")
    for _ in range(2):
        done = hasten_command("undo", cwd=root)
        assert done.returncode == 2
        assert done.stderr.startswith(b"hasten: b.py: it was changed after run 2")
        assert done.stderr.endswith(b"restored 0 files (run 2)\n")
        assert (root / "a.py").read_text(encoding="utf-8") == "x = fast(1)\n"


def test_the_journal_is_in_the_project_and_in_nobodys_way(hasten_command: Command, tree: Tree) -> None:
    """git, wheels and backups pass over it; only its owner reads it; `preview` does not make it."""
    root = tree({"a.py": "x = slow(1)\n"})
    variables = {"HASTEN_STATE_DIR": ""}
    subprocess.run(["git", "init", "-q"], cwd=root, env=hasten_command.environment, check=True)
    assert hasten_command("preview", *ONLY, "a.py", cwd=root, variables=variables).returncode == 0
    assert not (root / ".hasten_cache").exists()
    assert hasten_command("apply", *ONLY, "--allow-dirty", "a.py", cwd=root, variables=variables).returncode == 0
    folder = root / ".hasten_cache"
    assert sorted(each.name for each in folder.iterdir()) == [".gitignore", "CACHEDIR.TAG", "journal.sqlite3"]
    assert (folder / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55")
    assert folder.stat().st_mode & 0o077 == 0
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=root, env=hasten_command.environment, capture_output=True, check=True
    )
    assert b"hasten" not in status.stdout
    moved = root.rename(root.with_name("moved"))
    assert hasten_command("undo", cwd=moved, variables=variables).returncode == 0
    assert (moved / "a.py").read_text() == "x = slow(1)\n"


@pytest.mark.parametrize("arguments", [[], ["--list"], ["1"]], ids=["last", "list", "number"])
def test_a_journal_that_may_not_be_seen(hasten_command: Command, tree: Tree, arguments: list[str]) -> None:
    """Where the state directory cannot be entered, one line says so and how to go on."""
    root = tree({"root/a.py": "x = slow(1)\n", "state/x": ""}) / "root"
    (root.parent / "state").chmod(0)
    line = [
        *([sys.executable, "-c", _BOUND_BY_MODES] if os.getuid() == 0 else []),
        *hasten_command.line("undo", *arguments),
    ]
    environment = {**hasten_command.environment, "HASTEN_STATE_DIR": str(root.parent / "state")}
    done = subprocess.run(line, cwd=root, capture_output=True, text=True, check=False, env=environment)
    (root.parent / "state").chmod(0o700)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.endswith("cannot be used (Permission denied); set HASTEN_STATE_DIR\n")
