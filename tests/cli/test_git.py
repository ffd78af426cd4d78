"""`--since`, `--commit` and `--commit-each` in real work trees."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Command, Tree

ONLY = ("--select", "slow-to-fast")
FILES = {"a.py": "x = slow(1)\ny = slow(2)\n", "deep/b.py": "z = slow(3)\n"}


@pytest.fixture
def git(hasten_command: Command, tmp_path: Path) -> Callable[..., str]:
    """Return what runs git, as somebody, in the test's directory."""
    hasten_command.environment.update(
        GIT_AUTHOR_NAME="Me", GIT_AUTHOR_EMAIL="me@example.org", GIT_COMMITTER_NAME="Me", GIT_COMMITTER_EMAIL="m@e.org"
    )

    def run(*arguments: str) -> str:
        command = ["git", *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=hasten_command.environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    return run


@pytest.fixture
def root(tree: Tree, git: Callable[..., str]) -> Path:
    """A work tree with one commit."""
    folder = tree(FILES)
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    return folder


def test_since_rewrites_what_differs(hasten_command: Command, root: Path, git: Callable[..., str]) -> None:
    """What is committed since, changed, or new; the rest is only read."""
    (root / "deep/b.py").write_text("z = slow(4)\n")
    git("commit", "-qam", "second")
    (root / "new.py").write_text("n = slow(5)\n")
    shown = hasten_command("preview", *ONLY, "--since", "HEAD~1", cwd=root).stdout
    assert b"deep/b.py" in shown
    assert b"new.py" in shown
    assert b"a.py b" not in shown
    assert b"deep/b.py" not in hasten_command("preview", *ONLY, "--since", "HEAD", cwd=root).stdout


def test_since_is_about_the_paths_that_are_named(hasten_command: Command, root: Path) -> None:
    """Both have to name a file; and from a directory below, too."""
    (root / "a.py").write_text("x = slow(9)\n")
    assert hasten_command("preview", *ONLY, "--since", "HEAD", "deep", cwd=root).stdout == b""
    assert b"fast(9)" in hasten_command("preview", *ONLY, "--since", "HEAD", "..", cwd=root / "deep").stdout


@pytest.mark.parametrize("revision", ["nothing", "--output=x", "", "HEAD:a.py"])
def test_since_what_is_not_there(hasten_command: Command, root: Path, revision: str) -> None:
    """One line says so, whatever it looks like."""
    done = hasten_command("preview", f"--since={revision}", cwd=root)
    assert done.returncode == 2
    assert b"git knows of no such revision here" in done.stderr
    assert not (root / "x").exists()


def test_since_outside_of_a_work_tree(hasten_command: Command, tree: Tree) -> None:
    """There are no revisions."""
    assert hasten_command("preview", "--since", "HEAD", cwd=tree(FILES)).returncode == 2


def test_one_commit_for_a_codemod(hasten_command: Command, root: Path, git: Callable[..., str]) -> None:
    """It holds the files that are rewritten, and nothing else that is staged."""
    (root / "other.txt").write_text("mine")
    git("add", "other.txt")
    done = hasten_command("apply", *ONLY, "--commit", cwd=root)
    assert done.returncode == 0
    assert git("log", "--format=%s").splitlines() == ["slow-to-fast: 3 changes", "first"]
    assert set(git("show", "--name-only", "--format=", "HEAD").split()) == {"a.py", "deep/b.py"}
    assert "- a.py:1: call fast" in git("log", "-1", "--format=%b")
    assert git("status", "--porcelain") == "A  other.txt\n"


def test_one_commit_for_each_change(hasten_command: Command, root: Path, git: Callable[..., str]) -> None:
    """Each is right by itself, so that a bisection ends at one change."""
    assert hasten_command("apply", *ONLY, "--commit-each", cwd=root).returncode == 0
    assert len(git("log", "--format=%s").splitlines()) == 4
    git("revert", "--no-edit", "HEAD~1")
    assert (root / "a.py").read_text() == "x = fast(1)\ny = slow(2)\n"
    assert (root / "deep/b.py").read_text() == "z = fast(3)\n"


def test_what_is_only_right_together_is_one_commit(
    hasten_command: Command, tree: Tree, git: Callable[..., str]
) -> None:
    """The requirement comes with the first change that needs it."""
    files = {"pyproject.toml": "[project]\nname = 'a'\nversion = '1'\ndependencies = []\n"}
    files["a.py"] = "x = slow(1, needs=2)\ny = slow(2, needs=2)\n"
    root = tree(files)
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    assert hasten_command("apply", *ONLY, "--commit-each", cwd=root).returncode == 0
    assert set(git("show", "--name-only", "--format=", "HEAD~1").split()) == {"a.py", "pyproject.toml"}
    assert set(git("show", "--name-only", "--format=", "HEAD").split()) == {"a.py"}


def test_a_hook_that_refuses_takes_the_step_back(hasten_command: Command, root: Path, git: Callable[..., str]) -> None:
    """What is committed before stays; the rest is as it was."""
    hook = root / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nif git diff --cached --name-only | grep -q deep; then echo no deep >&2; exit 1; fi\n")
    hook.chmod(0o755)
    done = hasten_command("apply", *ONLY, "--commit-each", cwd=root)
    assert done.returncode == 2
    assert b"no deep" in done.stderr
    assert b"2 commits are made" in done.stderr
    assert len(git("log", "--format=%s").splitlines()) == 3
    assert (root / "deep/b.py").read_text() == FILES["deep/b.py"]
    assert (root / "a.py").read_text() == FILES["a.py"].replace("slow", "fast")


@pytest.mark.parametrize("first", [True, False], ids=["after another", "the first commit of all"])
def test_what_is_not_committed_is_not_staged(
    hasten_command: Command, tree: Tree, git: Callable[..., str], first: bool
) -> None:
    """Or it would go into the next commit, which is the person's own."""
    root = tree({"a.py": "x = slow(1, needs=2)\n"})
    git("init", "-q")
    if first:
        git("add", "a.py")
        git("commit", "-qm", "first")
    else:
        (root / ".gitignore").write_text("a.py\n")
    hook = root / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    before = git("status", "--porcelain")
    assert hasten_command("apply", *ONLY, "--commit", "a.py", cwd=root).returncode == 2
    assert git("status", "--porcelain") == before
    assert git("diff", "--cached") == ""
    assert (root / "a.py").read_text() == "x = slow(1, needs=2)\n"


def test_a_hook_that_edits_and_refuses(hasten_command: Command, root: Path, git: Callable[..., str]) -> None:
    """What it wrote is not thrown away, and the message does not say otherwise."""
    hook = root / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho '# tidied' >> a.py\nexit 1\n")
    hook.chmod(0o755)
    done = hasten_command("apply", *ONLY, "--commit", cwd=root)
    assert done.returncode == 2
    assert b"a.py could not be taken back, and 0 commits are made" in done.stderr
    assert (root / "a.py").read_text().endswith("# tidied\n")
    assert (root / "deep/b.py").read_text() == FILES["deep/b.py"]
    assert git("diff", "--cached") == ""


def test_an_interrupt_during_a_commit_takes_the_step_back(
    hasten_command: Command, root: Path, git: Callable[..., str]
) -> None:
    """As a hook that refuses does; and nothing stays staged."""
    hook = root / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\ntouch begun.txt\nexec sleep 600\n")
    hook.chmod(0o755)
    process = subprocess.Popen(
        hasten_command.line("apply", *ONLY, "--commit"),
        cwd=root,
        env=hasten_command.environment,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    while not (root / "begun.txt").exists():
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130
    assert b"interrupted; 0 commits are made" in said
    assert (root / "a.py").read_text() == FILES["a.py"]
    assert git("status", "--porcelain") == "?? begun.txt\n"


def test_a_commit_with_what_passes(hasten_command: Command, root: Path, git: Callable[..., str]) -> None:
    """`--verify` comes first."""
    done = hasten_command("apply", *ONLY, "--commit", "--verify", "! grep -q 'fast(2)' a.py", cwd=root)
    assert done.returncode == 1
    assert git("log", "-1", "--format=%s") == "slow-to-fast: 2 changes\n"
    assert (root / "a.py").read_text() == "x = fast(1)\ny = slow(2)\n"
    assert git("status", "--porcelain") == ""


def test_where_no_commit_can_be_made(hasten_command: Command, root: Path, tree: Tree) -> None:
    """Nothing is written."""
    (root / "a.py").write_text("x = slow(1)  # mine\n")
    done = hasten_command("apply", *ONLY, "--commit", cwd=root)
    assert done.returncode == 2
    assert b"commit or stash them" in done.stderr
    assert b"--allow-dirty" not in done.stderr
    assert hasten_command("apply", *ONLY, "--commit", "--allow-dirty", cwd=root).returncode == 2
    assert (root / "a.py").read_text() == "x = slow(1)  # mine\n"
    assert (root / "deep/b.py").read_text() == FILES["deep/b.py"]


def test_several_work_trees_are_named(hasten_command: Command, root: Path, git: Callable[..., str]) -> None:
    """One commit cannot hold them, and naming the paths of one is the way on."""
    (root / "inner").mkdir()
    git("init", "-q", "inner")
    (root / "inner/c.py").write_text("w = slow(4)\n")
    git("-C", "inner", "add", ".")
    git("-C", "inner", "commit", "-qm", "first")
    done = hasten_command("apply", *ONLY, "--commit", ".", "inner", cwd=root)
    assert done.returncode == 2
    assert f"{root}, {root / 'inner'}; name the paths of one".encode() in done.stderr
    assert (root / "a.py").read_text() == FILES["a.py"]
    assert hasten_command("apply", *ONLY, "--commit", "a.py", "deep", cwd=root).returncode == 0


def test_no_work_tree_no_commit(hasten_command: Command, tree: Tree) -> None:
    """Nothing is written."""
    root = tree(FILES)
    done = hasten_command("apply", *ONLY, "--commit", cwd=root)
    assert done.returncode == 2
    assert b"needs one git work tree" in done.stderr
    assert (root / "a.py").read_text() == FILES["a.py"]


@pytest.mark.parametrize("option", ["--commit", "--commit-each"])
def test_what_cannot_be_written_keeps_nothing_else_from_a_commit(
    hasten_command: Command, root: Path, git: Callable[..., str], option: str
) -> None:
    """The file and the reason are named, and the work tree is clean."""
    (root / "deep").chmod(0o555)
    done = hasten_command.bound("apply", *ONLY, option, cwd=root)
    (root / "deep").chmod(0o755)
    assert done.returncode == 2
    assert b"deep/b.py: its directory is read-only" in done.stderr
    assert (root / "a.py").read_text() == FILES["a.py"].replace("slow", "fast")
    assert git("status", "--porcelain", "--untracked-files=no") == ""


def test_it_is_said_once_that_no_work_tree_holds_the_files(hasten_command: Command, tree: Tree) -> None:
    """Git has no part in it, which whoever rewrites the project again has read."""
    root = tree({**FILES, "pyproject.toml": ""})
    note = b"no git work tree holds what is rewritten"
    assert note in hasten_command("apply", *ONLY, "a.py", cwd=root).stderr
    assert note not in hasten_command("apply", *ONLY, "deep", cwd=root).stderr
    hasten_command("undo", cwd=root)
    assert note not in hasten_command("apply", *ONLY, "deep", cwd=root).stderr


def test_it_is_not_said_where_git_holds_them(hasten_command: Command, root: Path) -> None:
    """In a work tree there is another way back."""
    assert b"no git work tree" not in hasten_command("apply", *ONLY, cwd=root).stderr
