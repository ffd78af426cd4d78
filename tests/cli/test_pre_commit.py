"""The hooks of `.pre-commit-hooks.yaml`, run by pre-commit in a repository that uses them."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Command

ROOT = Path(__file__).resolve().parents[2]
SLOW = "import json\n\n\ndef read(text: str) -> dict:\n    return json.loads(text)['a']['b']\n"


@pytest.fixture
def run(hasten_command: Command, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return what runs a command in the repository.

    pre-commit makes an environment of its own from a repository with the hooks. What hasten needs is not fetched anew,
    it is found where this test finds it.
    """
    who = {f"GIT_{role}_{what}": "me@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {
        **hasten_command.environment,
        **who,
        "PYTHONPATH": sysconfig.get_path("purelib"),
        "PYTHONWARNINGS": "",
        "PRE_COMMIT_HOME": str(tmp_path / "pre-commit"),
        "PIP_NO_DEPS": "1",
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
        "VIRTUALENV_NO_DOWNLOAD": "1",
    }

    def call(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(arguments, cwd=cwd, env=environment, capture_output=True, text=True, check=False)

    return call


def _hooks(run: Callable[..., subprocess.CompletedProcess[str]], folder: Path) -> str:
    """Make a repository of this project as it is, and return its only commit."""
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).stdout
    for name in filter(None, listed.split("\0")):
        if name.startswith(("src/", "codemods/", "pyproject", "README", "LICENSE", ".pre-commit-hooks")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
        done = run("git", *arguments, cwd=folder)
        assert done.returncode == 0, done.stderr
    return run("git", "rev-parse", "HEAD", cwd=folder).stdout.strip()


def test_both_hooks(run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    """One shows the diff and fails, the other rewrites and fails once, as formatters do."""
    folder = tmp_path / "hooks"
    folder.mkdir()
    commit = _hooks(run, folder)
    root = tmp_path / "project"
    root.mkdir()
    (root / "a.py").write_text(SLOW)
    (root / "pyproject.toml").write_text("[project]\nname = 'a'\nversion = '1'\ndependencies = ['orjson>=3.11.7']\n")
    (root / ".pre-commit-config.yaml").write_text(
        f"repos:\n- repo: {folder}\n  rev: {commit}\n  hooks:\n  - id: hasten-preview\n  - id: hasten-apply\n"
    )
    for arguments in (["init", "-q"], ["add", "."]):
        assert run("git", *arguments, cwd=root).returncode == 0
    command = [sys.executable, "-m", "pre_commit", "run"]
    done = run(*command, "hasten-preview", cwd=root)
    assert "+    return orjson.loads(text)" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 1
    assert (root / "a.py").read_text() == SLOW
    done = run(*command, "hasten-apply", cwd=root)
    assert "files were modified by this hook" in done.stdout
    assert "orjson.loads(text)" in (root / "a.py").read_text()
    run("git", "add", ".", cwd=root)
    for hook in ("hasten-preview", "hasten-apply"):
        done = run(*command, hook, cwd=root)
        assert done.returncode == 0, done.stdout
