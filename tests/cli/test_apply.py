"""`hasten apply` and `hasten undo`: what is written, what is refused, and the way back."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Tree

ONLY = ("--select", "slow-to-fast")
FILES = {
    "app/a.py": "x = slow(1)\n",
    "app/b.py": "y = slow(1, risky=True)\nz = slow()\n",
    "app/c.py": "nothing = 1\n",
}
APPLIED = "x = fast(1)\n"
PROJECT = '[project]\nname = "x"\nversion = "1"\ndependencies = []\n'


def _contents(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".git" not in path.parts
    }


def _git(root: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], cwd=root, check=True, capture_output=True
    )


def _committed(root: Path) -> Path:
    _git(root, "init", "-q")
    _git(root, "add", ".")
    _git(root, "commit", "-qm", "first")
    return root


def test_transcript_of_apply_and_undo(hasten_command: Command, tree: Tree) -> None:
    """`apply` writes and says how to go back; `undo` goes back, byte for byte, and nothing else is in the tree."""
    root = tree(FILES)
    done = hasten_command("apply", *ONLY, cwd=root)
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr.decode() == (
        "codemod       sites  rewritten  with --unsafe  refused\n"
        "slow-to-fast      3          1              1        1\n"
        "\n"
        "refused, by reason:\n"
        "  ACM101  1  nothing to work on\n"
        "\n"
        "hazards that --unsafe would take:\n"
        "  ACM001  1  a risky call\n"
        "\n"
        "rewrote 1 file\n"
        "`--unsafe` would take 1 more; `-v` lists their hazards\n"
        "`hasten undo` takes this back, and nothing else: no git work tree holds what is rewritten\n"
    )
    assert _contents(root) == {**FILES, "app/a.py": APPLIED}
    undone = hasten_command("undo", cwd=root)
    assert (undone.returncode, undone.stdout, undone.stderr) == (0, b"", b"restored 1 file (run 1)\n")
    assert _contents(root) == FILES
    again = hasten_command("undo", cwd=root)
    assert (again.returncode, again.stderr.decode()) == (0, f"there is nothing to undo in {root}\n")


def test_applying_twice_changes_nothing_more(hasten_command: Command, tree: Tree) -> None:
    """The second run finds nothing, writes nothing, and leaves no run to undo behind."""
    root = tree(FILES)
    hasten_command("apply", *ONLY, "--unsafe", cwd=root)
    first = _contents(root)
    done = hasten_command("apply", *ONLY, "--unsafe", cwd=root)
    assert (done.returncode, _contents(root)) == (0, first)
    assert "rewrote nothing in 3 files\n" in done.stderr.decode()
    listed = hasten_command("undo", "--list", cwd=root).stdout.decode().splitlines()
    assert [line.split()[0] for line in listed] == ["run", "1"]


def test_runs_are_listed_and_undone_by_number(hasten_command: Command, tree: Tree) -> None:
    """`undo --list` shows the runs, and `undo RUN` takes one of them."""
    root = tree(FILES | {"setup.py": ""})
    assert hasten_command("undo", "--list", cwd=root).stderr.decode() == f"there are no runs in {root}\n"
    hasten_command("apply", *ONLY, "app/a.py", cwd=root)
    hasten_command("apply", *ONLY, "--unsafe", "app/b.py", cwd=root)
    listed = [line.split() for line in hasten_command("undo", "--list", cwd=root).stdout.decode().splitlines()]
    assert [(line[0], line[-2], line[-1]) for line in listed] == [
        ("run", "state", "files"),
        ("2", "done", "1"),
        ("1", "done", "1"),
    ]
    assert hasten_command("undo", "1", cwd=root).returncode == 0
    assert (root / "app/a.py").read_text(encoding="utf-8") == FILES["app/a.py"]
    assert (root / "app/b.py").read_text(encoding="utf-8") != FILES["app/b.py"]
    assert hasten_command("undo", "7", cwd=root).returncode == 2


def test_a_file_that_was_edited_after_apply_is_left_alone(hasten_command: Command, tree: Tree) -> None:
    """`undo` does not throw work away: it reports the file and exits with 2."""
    root = tree(FILES)
    hasten_command("apply", *ONLY, cwd=root)
    (root / "app/a.py").write_text("mine = 1\n", encoding="utf-8")
    done = hasten_command("undo", cwd=root)
    assert done.returncode == 2
    assert done.stderr.decode().startswith("hasten: app/a.py: it was changed after run 1")
    assert (root / "app/a.py").read_text(encoding="utf-8") == "mine = 1\n"


def test_undo_is_named_with_its_directory_when_called_from_elsewhere(
    hasten_command: Command, tree: Tree, tmp_path: Path
) -> None:
    """The way back that `apply` prints works as it is printed, also where the program is somewhere else."""
    root = tree({f"one/{name}": content for name, content in FILES.items()} | {"one/.git/x": "", "two/.git/x": ""})
    done = hasten_command("apply", *ONLY, "--allow-dirty", root / "one", cwd=root / "two")
    said = done.stderr.decode().splitlines()[-1]
    assert said == f"`cd {root}/one && hasten undo` takes this back"
    assert hasten_command("undo", cwd=root / "one").stderr == b"restored 1 file (run 1)\n"


@pytest.mark.parametrize(
    ("files", "change", "refused"),
    [
        pytest.param(["app/a.py"], None, False, id="clean"),
        pytest.param(["app/a.py"], "app/c.py", False, id="another file is modified"),
        pytest.param(["app/a.py"], "app/new.py", False, id="another file is new"),
        pytest.param(["app/a.py"], "app/a.py", True, id="the file is modified"),
        pytest.param(["app/new.py"], "app/new.py", True, id="the file is new"),
    ],
)
def test_uncommitted_changes_are_not_overwritten(
    hasten_command: Command, tree: Tree, files: list[str], change: str | None, refused: bool
) -> None:
    """In a git work tree, files with uncommitted changes are rewritten only with `--allow-dirty`."""
    root = _committed(tree(FILES))
    if change is not None:
        (root / change).write_text("x = slow(2)\n", encoding="utf-8")
    before = _contents(root)
    done = hasten_command("apply", *ONLY, *files, cwd=root)
    assert done.returncode == (2 if refused else 0)
    if refused:
        assert done.stderr.decode() == (
            f"hasten: uncommitted changes in {change}; commit or stash them, or give --allow-dirty\n"
        )
        assert _contents(root) == before
        assert hasten_command("apply", *ONLY, "--allow-dirty", *files, cwd=root).returncode == 0
    assert b"fast" in (root / files[0]).read_bytes()
    hasten_command("undo", cwd=root)
    assert _contents(root) == before


def test_staged_and_nested_changes_are_seen(hasten_command: Command, tree: Tree) -> None:
    """What is staged is not committed, and a repository inside another is asked about its own files."""
    root = _committed(tree({"a.py": "x = 1\n"}))
    inner = root / "inner"
    inner.mkdir()
    (inner / "b.py").write_text("x = 1\n", encoding="utf-8")
    _committed(inner)
    (root / "a.py").write_text("x = slow(1)\n", encoding="utf-8")
    _git(root, "add", "a.py")
    (inner / "b.py").write_text("x = slow(1)\n", encoding="utf-8")
    done = hasten_command("apply", *ONLY, "a.py", "inner", cwd=root)
    assert done.stderr.decode().startswith("hasten: uncommitted changes in a.py, inner/b.py; ")


def test_names_that_look_like_patterns_are_names(hasten_command: Command, tree: Tree) -> None:
    """A clean file is clean though its name, read as a pattern, would match one that is not."""
    root = _committed(tree({"[ab].py": "x = slow(1)\n", "a.py": "x = 1\n"}))
    (root / "a.py").write_text("x = 2\n", encoding="utf-8")
    assert hasten_command("apply", *ONLY, "[ab].py", cwd=root).returncode == 0


def test_git_that_cannot_tell_is_an_error(hasten_command: Command, tree: Tree) -> None:
    """Where there is a repository that git cannot read, or no git, nothing is written without `--allow-dirty`."""
    root = tree(FILES | {".git/HEAD": "broken\n"})
    done = hasten_command("apply", *ONLY, cwd=root)
    assert (done.returncode, _contents(root)) == (2, FILES)
    assert done.stderr.decode().startswith("hasten: git cannot tell about uncommitted changes (")
    without = hasten_command("apply", *ONLY, cwd=root, variables={"PATH": "/nowhere"})
    assert without.stderr.decode() == (
        "hasten: git cannot tell about uncommitted changes (No such file or directory); "
        "give --allow-dirty to go on without\n"
    )
    assert hasten_command("apply", *ONLY, "--allow-dirty", cwd=root, variables={"PATH": "/nowhere"}).returncode == 0


def test_check_writes_nothing(hasten_command: Command, tree: Tree) -> None:
    """`apply --check` only says what it would do."""
    root = tree(FILES)
    done = hasten_command("apply", *ONLY, "--check", cwd=root)
    assert (done.returncode, _contents(root)) == (1, FILES)
    assert "would rewrite 1 file\n" in done.stderr.decode()


def test_format_prints_what_was_written(hasten_command: Command, tree: Tree) -> None:
    """With `--format diff` or json, `apply` writes and prints the same as `preview` would have."""
    root = tree(FILES)
    expected = {kind: hasten_command("preview", *ONLY, "--format", kind, cwd=root).stdout for kind in ("diff", "json")}
    for kind, output in expected.items():
        assert hasten_command("apply", *ONLY, "--format", kind, cwd=root).stdout == output
        assert (root / "app/a.py").read_text(encoding="utf-8") == APPLIED
        hasten_command("undo", cwd=root)
    assert json.loads(expected["json"])["files"][0]["path"] == "app/a.py"


def test_a_closed_pipe_does_not_stop_the_writing(hasten_command: Command, tree: Tree) -> None:
    """`hasten apply --format diff | head -1` writes every file, and can be undone."""
    files: dict[str, str | bytes] = {f"m{number:02}.py": "x = slow(1)\n" + "#" * 3000 + "\n" for number in range(60)}
    root = tree(files)
    command = subprocess.Popen(
        hasten_command.line("apply", *ONLY, "--format", "diff"), cwd=root, env=hasten_command.environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert command.stdout is not None
    command.stdout.read(1)
    command.stdout.close()
    _, said = command.communicate()
    assert (command.returncode, b"Traceback" in said) == (0, False)
    assert all("fast" in content for content in _contents(root).values())
    assert hasten_command("undo", cwd=root).stderr == b"restored 60 files (run 1)\n"


def test_one_file_that_cannot_be_written_does_not_stop_the_others(hasten_command: Command, tree: Tree) -> None:
    """A read-only file is reported and counted as failed, the other is written, and the exit code is 2."""
    root = tree({"a.py": "x = slow(1)\n", "b.py": "x = slow(1)\n"})
    (root / "a.py").chmod(0o444)
    done = hasten_command.bound("apply", *ONLY, cwd=root)
    assert done.stderr.startswith(b"hasten: a.py: it is read-only; make it writable, and try again\n")
    assert b"slow-to-fast      2          1              0        0       1\n" in done.stderr
    assert (done.returncode, _contents(root)) == (2, {"a.py": "x = slow(1)\n", "b.py": "x = fast(1)\n"})


def test_code_is_not_written_where_what_it_needs_cannot_be(hasten_command: Command, tree: Tree) -> None:
    """If the project's metadata is read-only, only the code that needs no new dependency is written."""
    files = {"a.py": "x = slow(1, needs=1)\n", "b.py": "x = slow(1)\n", "pyproject.toml": PROJECT}
    root = tree(files)
    (root / "pyproject.toml").chmod(0o444)
    done = hasten_command.bound("apply", *ONLY, cwd=root)
    assert (done.returncode, _contents(root)) == (2, {**files, "b.py": "x = fast(1)\n"})


def test_dependencies_are_added_with_the_code_that_needs_them(hasten_command: Command, tree: Tree) -> None:
    """Project metadata is part of the change and of its undoing, and of `preview`'s diff."""
    files = {"a.py": "x = slow(1, needs=1)\n", "pyproject.toml": PROJECT}
    root = tree(files)
    assert b"+++ b/pyproject.toml\n" in hasten_command("preview", *ONLY, cwd=root).stdout
    hasten_command("apply", *ONLY, cwd=root)
    assert "acme-fast>=1.0" in (root / "pyproject.toml").read_text(encoding="utf-8")
    assert (root / "a.py").read_text(encoding="utf-8") == "x = fast(1, needs=1)\n"
    hasten_command("undo", cwd=root)
    assert _contents(root) == files


def test_dependencies_can_be_left_to_the_person(hasten_command: Command, tree: Tree) -> None:
    """With `--no-dependencies`, metadata stays as it is, and what is needed is told."""
    root = tree({"a.py": "x = slow(1, needs=1)\n", "pyproject.toml": PROJECT})
    done = hasten_command("apply", *ONLY, "--no-dependencies", cwd=root)
    assert _contents(root) == {"a.py": "x = fast(1, needs=1)\n", "pyproject.toml": PROJECT}
    assert "the new code needs acme-fast>=1.0: add it to the dependencies of the project\n" in done.stderr.decode()


@pytest.mark.parametrize(
    ("arguments", "text", "printed", "code"),
    [
        pytest.param(["-"], b"x = slow(1)\r\n", b"x = fast(1)\r\n", 0, id="rewritten"),
        pytest.param(["-"], b"x = 1", b"x = 1", 0, id="nothing to do"),
        pytest.param(["-"], b"", b"", 0, id="empty"),
        pytest.param(["--stdin-filename", "app/a.py"], b"x = slow(5)\n", b"x = fast(5)\n", 0, id="named"),
        pytest.param(["--stdin-filename", "new.py", "-"], b"x = slow(5)\n", b"x = fast(5)\n", 0, id="named, not there"),
        pytest.param(["-", "--unsafe"], b"slow(1, risky=1)\n", b"fast(1, risky=1)\n", 0, id="unsafe"),
        pytest.param(["-", "--check"], b"slow(1)\n", b"", 1, id="check"),
        pytest.param(["-"], b"slow(\n", b"", 2, id="broken"),
        pytest.param(["-"], b"# coding: utf-8\n'\xff'\n", b"", 2, id="no text"),
        pytest.param(["-", "--format", "diff"], b"slow(1)\n", b"", 2, id="a diff is for preview"),
    ],
)
def test_stdin_is_rewritten_to_stdout(
    hasten_command: Command, tree: Tree, arguments: list[str], text: bytes, printed: bytes, code: int
) -> None:
    """As a filter, `apply` prints the new text and writes no file; on an error it prints nothing."""
    root = tree(FILES)
    done = hasten_command("apply", *ONLY, *arguments, cwd=root, text=text)
    assert (done.stdout, done.returncode) == (printed, code)
    assert _contents(root) == FILES
