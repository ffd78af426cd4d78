"""`hasten apply --verify`: what does not pass is taken back, and named."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from hasten.apply import apply_changes, undo
from hasten.cli.options import Options
from hasten.cli.progress import Bar
from hasten.cli.verifying import _Trials
from hasten.errors import UsageError
from hasten.model import Changed

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Tree

ONLY = ("--select", "slow-to-fast")
MANY = "".join(f"x{number} = slow({number})\n" for number in range(12))
ENDS = {
    signal.SIGINT: "interrupted",
    signal.SIGTERM: "told to end",
    signal.SIGHUP: "without its terminal",
    signal.SIGKILL: "killed",
}
CHECK = """\
import pathlib, sys
text = "".join(path.read_text() for path in sorted(pathlib.Path().glob("*.py")) if path.name != "check.py")
print("looking")
with open("runs.txt", "a") as runs:
    print(text.count("fast("), file=runs)
sys.exit({condition})
"""


def _check(*words: str, together: bool = False) -> str:
    """Return a program that fails where any, or all, of some words are in the files."""
    return CHECK.format(condition=f"{'all' if together else 'any'}(word in text for word in {words!r})")


def _command(tree: Path) -> str:
    return f"{sys.executable} {tree / 'check.py'}"


def test_what_passes_is_written(hasten_command: Command, tree: Tree) -> None:
    """One run before, one after."""
    root = tree({"a.py": MANY, "check.py": _check("never")})
    done = hasten_command("apply", *ONLY, "--verify", _command(root), cwd=root)
    assert done.returncode == 0
    assert (root / "a.py").read_text() == MANY.replace("slow", "fast")
    assert (root / "runs.txt").read_text().split() == ["0", "12"]
    assert b"run 1: 12 changes:" in done.stderr
    assert hasten_command("undo", cwd=root).returncode == 0
    assert (root / "a.py").read_text() == MANY


def test_the_culprit_is_found_and_the_rest_is_written(hasten_command: Command, tree: Tree) -> None:
    """With one culprit among twelve, halving takes few runs; all of it is one run to undo."""
    root = tree({"a.py": MANY, "check.py": _check("fast(7)")})
    done = hasten_command("apply", *ONLY, "--verify", _command(root), cwd=root)
    assert done.returncode == 1
    assert (root / "a.py").read_text() == MANY.replace("slow", "fast").replace("fast(7)", "slow(7)")
    assert b"which of 12 changes fail takes 4 more runs to find, or more; one took " in done.stderr
    assert b"11 of 12 changes pass together" in done.stderr
    assert b"a.py:8: call fast (slow-to-fast, safe)" in done.stderr
    assert len((root / "runs.txt").read_text().split()) <= 8
    listed = hasten_command("undo", "--list", cwd=root).stdout.decode().splitlines()
    assert len(listed) == 2
    assert hasten_command("undo", cwd=root).returncode == 0
    assert (root / "a.py").read_text() == MANY


def test_culprits_in_several_files_are_named_with_their_hazards(hasten_command: Command, tree: Tree) -> None:
    """Each is left out by itself."""
    other = "y = slow(20, risky=True)\nz = slow(21)\n"
    root = tree({"a.py": MANY, "b.py": other, "check.py": _check("fast(3)", "fast(20,")})
    done = hasten_command("apply", *ONLY, "--unsafe", "--verify", _command(root), cwd=root)
    assert done.returncode == 1
    assert (root / "b.py").read_text() == other.replace("slow(21)", "fast(21)")
    assert b"b.py:1: ACM001 it is risky" in done.stderr
    assert b"12 of 14 changes pass together" in done.stderr


def test_two_that_only_fail_together(hasten_command: Command, tree: Tree) -> None:
    """One of them is kept."""
    root = tree({"a.py": MANY, "check.py": _check("fast(2)", "fast(9)", together=True)})
    done = hasten_command("apply", *ONLY, "--verify", _command(root), cwd=root)
    assert done.returncode == 1
    assert (root / "a.py").read_text() == MANY.replace("slow", "fast").replace("fast(9)", "slow(9)")


def test_nothing_is_done_where_it_fails_before(hasten_command: Command, tree: Tree) -> None:
    """The last lines that the command printed say why."""
    root = tree({"a.py": MANY, "check.py": _check("slow")})
    done = hasten_command("apply", *ONLY, "--verify", _command(root), cwd=root)
    assert done.returncode == 1
    assert b"before anything is rewritten; nothing is done" in done.stderr
    assert b"  looking" in done.stderr
    assert (root / "a.py").read_text() == MANY


def test_where_nothing_passes_nothing_is_written(hasten_command: Command, tree: Tree) -> None:
    """All files are as they were."""
    root = tree({"a.py": "x = slow(1)\ny = slow(2)\n", "check.py": _check("fast")})
    done = hasten_command("apply", *ONLY, "--verify", _command(root), cwd=root)
    assert done.returncode == 1
    assert b"0 of 2 changes pass together" in done.stderr
    assert (root / "a.py").read_text() == "x = slow(1)\ny = slow(2)\n"


def test_a_command_that_hangs_has_failed(hasten_command: Command, tree: Tree) -> None:
    """It is ended with all that it started."""
    check = """\
import pathlib, subprocess, sys, time
if "fast(2)" in pathlib.Path("a.py").read_text():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    pathlib.Path("child.txt").write_text(str(child.pid))
    time.sleep(600)
"""
    root = tree({"a.py": "x = slow(1)\ny = slow(2)\n", "check.py": check})
    done = hasten_command("apply", *ONLY, "--verify", _command(root), "--verify-timeout", "5", cwd=root)
    assert done.returncode == 1
    assert b"does not end within 5 s" in done.stderr
    assert (root / "a.py").read_text() == "x = fast(1)\ny = slow(2)\n"
    assert not _runs(int((root / "child.txt").read_text()))


def _runs(process: int) -> bool:
    """Tell whether a process is there, and not only its exit code."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("how", list(ENDS), ids=ENDS.values())
def test_all_files_can_be_given_back_whenever_it_ends(hasten_command: Command, tree: Tree, how: signal.Signals) -> None:
    """An interrupt takes the trial back; after a kill, `undo` does."""
    check = """\
import os, pathlib, time
if "fast" in pathlib.Path("a.py").read_text():
    pathlib.Path("begun.txt").write_text(str(os.getpid()))
    os.rename("begun.txt", "child.txt")
    time.sleep(600)
"""
    root = tree({"a.py": MANY, "check.py": check})
    process = subprocess.Popen(
        hasten_command.line("apply", *ONLY, "--verify", _command(root)),
        cwd=root,
        env=hasten_command.environment,
        stderr=subprocess.DEVNULL,
    )
    while not (root / "child.txt").exists():
        assert process.poll() is None
        time.sleep(0.05)
    os.kill(process.pid, how)
    process.wait()
    child = int((root / "child.txt").read_text())
    if how is signal.SIGKILL:
        os.kill(child, signal.SIGKILL)
        for again in (("apply", *ONLY), ("apply", *ONLY, "--verify", "true"), ("apply", "--resume")):
            done = hasten_command(*again, cwd=root)
            assert done.returncode == 2
            assert b"`hasten undo` takes" in done.stderr
        assert (root / "a.py").read_text() == MANY.replace("slow", "fast")
        assert hasten_command("undo", cwd=root).returncode == 0
    else:
        assert process.returncode == 130
        assert not _runs(child)
    assert (root / "a.py").read_text() == MANY


def test_it_ends_when_told_to_where_interrupts_are_ignored(hasten_command: Command, tree: Tree) -> None:
    """As in what a script starts in the background."""
    root = tree({"a.py": MANY})
    command = "if grep -q fast a.py; then touch begun.txt; sleep 600; fi"
    process = subprocess.Popen(
        ["/bin/sh", "-c", 'trap "" INT; exec "$@"', "sh", *hasten_command.line("apply", *ONLY, "--verify", command)],
        cwd=root,
        env=hasten_command.environment,
        stderr=subprocess.DEVNULL,
    )
    while not (root / "begun.txt").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.terminate()
    assert process.wait(60) == 130
    assert (root / "a.py").read_text() == MANY


@pytest.mark.parametrize("code", [0, 1])
def test_a_command_that_edits_what_it_tests_ends_the_search(hasten_command: Command, tree: Tree, code: int) -> None:
    """What it wrote is not thrown away, nothing is tried on top of it, and the way on is free."""
    root = tree({"a.py": "x = slow(1)\ny = slow(2)\n"})
    command = f"if grep -q fast a.py; then echo '# tidied' >> a.py; exit {code}; fi"
    done = hasten_command("apply", *ONLY, "--verify", command, cwd=root)
    assert done.returncode == 2
    assert b"a.py cannot be given back after a trial" in done.stderr
    assert b"run 2" not in done.stderr
    assert (root / "a.py").read_text() == "x = fast(1)\ny = fast(2)\n# tidied\n"
    (root / "a.py").write_text("x = fast(1)\ny = fast(2)\n")
    assert hasten_command("undo", cwd=root).returncode == 0
    assert (root / "a.py").read_text() == "x = slow(1)\ny = slow(2)\n"
    assert hasten_command("apply", *ONLY, "--verify", "true", cwd=root).returncode == 0


def test_only_the_last_of_much_output_is_shown(hasten_command: Command, tree: Tree) -> None:
    """Whatever bytes it holds."""
    root = tree({"a.py": "x = slow(1)\n"})
    command = "head -c 3000000 /dev/zero; printf '\\033[31mred\\377\\n'; grep -q slow a.py"
    done = hasten_command("apply", *ONLY, "--verify", command, cwd=root)
    assert done.returncode == 1
    assert b"\\x1b[31mred" in done.stderr
    assert b"\x1b" not in done.stderr
    assert len(done.stderr) < 1_000_000


def test_types_that_get_wrong_are_taken_back(hasten_command: Command, tree: Tree) -> None:
    """What the checker finds wrong before does not count."""
    text = """\
def slow(number: int) -> int:
    return number


def fast(number: str) -> int:
    return len(number)


a: int = slow(1)
b: int = slow("1")
"""
    root = tree({"a.py": text})
    done = hasten_command("apply", *ONLY, "--verify-types", cwd=root)
    assert done.returncode == 1
    assert (root / "a.py").read_text() == text.replace('slow("1")', 'fast("1")')
    assert b"the type checker finds 1 new problem" in done.stderr


def test_a_module_of_the_program_that_is_not_there_is_found(hasten_command: Command, tree: Tree) -> None:
    """One that has to be installed is none of the program's; both are imported by the new code alone."""
    names = "from app.names import fast, slow\n"
    root = tree(
        {
            "app/__init__.py": "",
            "app/names.py": "def f(number, **words):\n    return number\n\n\nslow = fast = f\n",
            "app/a.py": f"{names}x = slow(1, lost=1)\n",
            "app/b.py": f"{names}y = slow(2, alien=1)\n",
        }
    )
    done = hasten_command("apply", *ONLY, "--verify-types", cwd=root)
    assert done.returncode == 1
    assert b"Cannot find module `app.lost`" in done.stderr
    assert (root / "app/a.py").read_text() == f"{names}x = slow(1, lost=1)\n"
    assert (root / "app/b.py").read_text() == f"import acme_fast\n{names}y = fast(2, alien=1)\n"


def test_a_file_that_changes_meanwhile_is_no_fault_of_the_changes(hasten_command: Command, tree: Tree) -> None:
    """No change is called the culprit; what was written into the file stays."""
    root = tree({"a.py": "x = slow(1)\n", "b.py": "y = slow(2)\n"})
    done = hasten_command("apply", *ONLY, "--verify", "echo '# mine' >> b.py", cwd=root)
    assert done.returncode == 2
    assert b"b.py: it was changed since hasten read it; run again; nothing more is tested" in done.stderr
    assert b"left out" not in done.stderr
    assert (root / "a.py").read_text() == "x = slow(1)\n"
    assert (root / "b.py").read_text() == "y = slow(2)\n# mine\n"


@pytest.mark.parametrize("option", ["--verify=true", "--verify-types"])
def test_what_cannot_be_written_is_not_tried(hasten_command: Command, tree: Tree, option: str) -> None:
    """The rest is; the file and the reason are named."""
    root = tree({"a.py": "x = 1\n\n\ndef slow(n):\n    return n\n\n\nfast = slow\nslow(1)\n"})
    text = (root / "a.py").read_text()
    tree({"in/b.py": text, "pyproject.toml": ""})
    (root / "in").chmod(0o555)
    done = hasten_command.bound("apply", *ONLY, option, cwd=root)
    (root / "in").chmod(0o755)
    assert done.returncode == 2
    assert b"in/b.py: its directory is read-only; make it writable, and try again" in done.stderr
    assert (root / "a.py").read_text() == text.replace("slow(1)", "fast(1)")
    assert (root / "in/b.py").read_text() == text


def test_a_trial_that_somebody_takes_back_proves_nothing(hasten_command: Command, tree: Tree) -> None:
    """What is tested after that are the old files."""
    root = tree({"a.py": "x = slow(1)\n"})
    back = " ".join(map(shlex.quote, hasten_command.line("undo")))
    done = hasten_command("apply", *ONLY, "--verify", f"! grep -q fast a.py || {back}", cwd=root)
    assert done.returncode == 2
    assert b"a `hasten undo` took the trial back while it was tested" in done.stderr
    assert (root / "a.py").read_text() == "x = slow(1)\n"


def test_it_needs_files(hasten_command: Command, tree: Tree) -> None:
    """There is nothing to test where nothing is rewritten."""
    root = tree({"a.py": MANY})
    done = hasten_command("apply", *ONLY, "--verify", " ", cwd=root)
    assert done.returncode == 2
    assert b"--verify names no command" in done.stderr
    done = hasten_command("apply", *ONLY, "--verify", "true", "--check", cwd=root)
    assert done.returncode == 2
    done = hasten_command("apply", *ONLY, "--verify", "true", "-", cwd=root, text=b"slow(1)\n")
    assert done.returncode == 2


def test_a_trial_of_another_hasten_is_left_to_it(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a file is found rewritten at the last moment, what rewrote it is not taken for a trial of this run's."""
    root = tree({"a.py": MANY})
    monkeypatch.setenv("HASTEN_STATE_DIR", str(root / "state"))
    other = Changed("a.py", MANY.encode(), b"other = 1\n")
    assert apply_changes(root, [other], b"{}", trial=True).written == ("a.py",)
    asked: Any = SimpleNamespace(root=root, request=SimpleNamespace(targets=("a.py",), context=()))
    bench: Any = None
    trials = _Trials(Options(paths=()), asked, bench, Bar())
    with pytest.raises(UsageError, match=r"a\.py: it was changed since it was read"):
        trials._try("true", [Changed("a.py", MANY.encode(), b"mine = 1\n")])
    assert (root / "a.py").read_text() == "other = 1\n"
    assert undo(root).restored == ("a.py",)
