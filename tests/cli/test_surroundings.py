"""The command where things are not as they should be: pipes for files, closed streams, no home, an interrupt."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Tree

ONLY = ("--select", "slow-to-fast")
SLOW = "x = slow(1)\n"
FAST = "x = fast(1)\n"


def _shell(command: Command, script: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a shell script in which `$HASTEN` stands for the command with `arguments`."""
    line = shlex.join(command.line(*arguments))
    return subprocess.run(
        ["/bin/sh", "-c", script.replace("$HASTEN", line)],
        cwd=cwd,
        env=command.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("name", [".gitignore", "pyproject.toml", "app/.gitignore", "app/pyproject.toml", ".git"])
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(hasten_command: Command, tree: Tree, name: str) -> None:
    """A named pipe that nobody writes to does not hold a run up, whatever file it has the name of."""
    root = tree({"app/a.py": SLOW})
    os.mkfifo(root / name)
    done = _shell(hasten_command, "$HASTEN", "preview", *ONLY, "app/a.py", cwd=root)
    assert "Traceback" not in done.stderr
    assert done.returncode == (2 if name == "app/pyproject.toml" else 0)


def test_what_is_excluded_is_left_alone_though_it_is_named(hasten_command: Command, tree: Tree) -> None:
    """pre-commit names files; those that the configuration excludes are said and not rewritten."""
    root = tree({"pyproject.toml": '[tool.hasten]\nexclude = ["gen/"]\n', "src/gen/g.py": SLOW, "src/a.py": SLOW})
    done = hasten_command("apply", *ONLY, "src/gen/g.py", "src/a.py", cwd=root)
    assert done.returncode == 0
    assert "hasten: src/gen/g.py: is excluded, and not rewritten\n" in done.stderr.decode()
    assert ((root / "src/gen/g.py").read_text(), (root / "src/a.py").read_text()) == (SLOW, FAST)


@pytest.mark.parametrize(
    ("pattern", "where"),
    [
        ("gen", "."),
        ("./src/gen", "."),
        ("{root}/src/gen", "."),
        ("{root}/src/gen/", "src"),
        ("gen/g.py", "src"),
        ("./gen/*.py", "src"),
        ("../src/gen", "src"),
        ("src/gen", "src"),
        ("/src/gen", "src"),
    ],
)
def test_exclude_is_relative_to_the_root_and_to_where_one_stands(
    hasten_command: Command, tree: Tree, pattern: str, where: str
) -> None:
    """What a shell completes is understood: `./`, full paths, and names from a directory below."""
    root = tree({"pyproject.toml": "[tool.hasten]\n", "src/gen/g.py": SLOW, "src/a.py": SLOW})
    done = hasten_command("apply", *ONLY, root, "--exclude", pattern.format(root=root), cwd=root / where)
    assert done.returncode == 0
    assert ((root / "src/gen/g.py").read_text(), (root / "src/a.py").read_text()) == (SLOW, FAST)


def test_standard_input_under_an_excluded_name_comes_back_as_it_is(hasten_command: Command, tree: Tree) -> None:
    """An editor that formats on save leaves excluded files alone."""
    root = tree({"pyproject.toml": '[tool.hasten]\nexclude = ["gen/"]\n', "gen/g.py": ""})
    done = hasten_command("apply", *ONLY, "--stdin-filename", "gen/g.py", cwd=root, text=SLOW.encode())
    assert (done.returncode, done.stdout) == (0, SLOW.encode())
    assert b"gen/g.py: is excluded" in done.stderr


@pytest.mark.parametrize("arguments", [["--format", "json", "-o", "none/x.json"], ["-o", "out.py"], ["-o", "."]])
def test_nothing_is_rewritten_where_the_output_cannot_be(
    hasten_command: Command, tree: Tree, arguments: list[str]
) -> None:
    """`apply` knows before it writes that the file of `--output` cannot be written, or would hold nothing."""
    root = tree({"a.py": SLOW})
    done = hasten_command("apply", *ONLY, "a.py", *arguments, cwd=root)
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)
    assert sorted(path.name for path in root.iterdir()) == ["a.py"]
    assert (root / "a.py").read_text() == SLOW


def test_the_output_takes_the_place_of_an_older_one(hasten_command: Command, tree: Tree) -> None:
    """The report is put in place whole, through a link, with the mode of what was there; nothing else is left."""
    root = tree({"a.py": SLOW, "real.diff": "old"})
    (root / "real.diff").chmod(0o640)
    (root / "link.diff").symlink_to("real.diff")
    assert hasten_command("preview", *ONLY, "a.py", "-o", "link.diff", cwd=root).returncode == 0
    assert (root / "link.diff").is_symlink()
    assert (root / "real.diff").read_text().startswith("diff --git")
    assert (root / "real.diff").stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in root.iterdir()) == ["a.py", "link.diff", "real.diff"]
    assert hasten_command("preview", *ONLY, "a.py", "-o", "/dev/full", cwd=root).stderr.endswith(
        b"hasten: /dev/full: cannot be written: No space left on device\n"
    )


_FULL = "hasten: standard output cannot be written: No space left on device\n"
_CLOSED = "hasten: standard output cannot be written: Bad file descriptor\n"


@pytest.mark.parametrize(
    ("script", "arguments", "code", "said"),
    [
        ("$HASTEN >&-", ["preview", *ONLY, "a.py"], 2, _CLOSED),
        ("$HASTEN >&-", ["list"], 2, _CLOSED),
        ("$HASTEN >/dev/full", ["preview", *ONLY, "a.py"], 2, _FULL),
        ("$HASTEN >/dev/full", ["--help"], 2, _FULL),
        ("$HASTEN >/dev/full", ["list"], 2, _FULL),
        ("$HASTEN 2>&-", ["preview", *ONLY, "a.py"], 0, ""),
        ("$HASTEN 2>/dev/full", ["preview", *ONLY, "a.py"], 0, ""),
        ("$HASTEN <&-", ["preview", *ONLY, "-"], 2, "hasten: standard input cannot be read: Bad file descriptor\n"),
        (
            "ln -s loop.py loop.py && $HASTEN",
            ["preview", *ONLY, "-q", "loop.py"],
            2,
            "hasten: loop.py: Too many levels of symbolic links\n",
        ),
    ],
)
def test_a_broken_surrounding_is_one_line(
    hasten_command: Command, tree: Tree, script: str, arguments: list[str], code: int, said: str
) -> None:
    """Closed and full streams, a lost directory and a link to itself are no mistake in hasten."""
    done = _shell(hasten_command, script, *arguments, cwd=tree({"a.py": SLOW}))
    assert (done.returncode, done.stderr) == (code, said)


def test_a_directory_that_is_gone_is_one_line(hasten_command: Command, tmp_path: Path) -> None:
    """Where the current directory was removed, every command that needs it says so."""
    code = (
        "import os, sys; from hasten.cli.main import main; os.mkdir('d'); os.chdir('d'); os.rmdir('../d');"
        "sys.argv = ['hasten', *sys.argv[1:]]; sys.exit(main())"
    )
    for arguments in (["preview"], ["apply", "x.py"], ["undo"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env=hasten_command.environment,
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert (done.returncode, done.stderr) == (
            2,
            "hasten: the current directory cannot be used: No such file or directory; change to another one\n",
        )


def test_a_run_without_a_home_has_no_cache(hasten_command: Command, tree: Tree) -> None:
    """A user who is in no list, as in some containers, can preview."""
    # Only root can become somebody else; for other users, the list is emptied instead.
    nobody = "os.setuid(54321)" if os.getuid() == 0 else "pwd.getpwuid = {}.__getitem__"
    code = (
        "import os, platformdirs.unix, pwd;"
        f"from hasten.cli.session import cache_path; {nobody}; del os.environ['HASTEN_CACHE_DIR'];"
        "os.environ.pop('HOME', None);"
        "os.environ.pop('XDG_CACHE_HOME', None);"
        "print(cache_path());"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=hasten_command.environment,
        capture_output=True,
        text=True,
        check=True,
        cwd=tree({}),
    )
    assert done.stdout.splitlines() == ["None"]


def test_an_interrupt_says_how_far_it_came(hasten_command: Command, tree: Tree) -> None:
    """After Ctrl-C the number of rewritten files is that on disk, and so is the way back."""
    root = tree({f"f{number:04}.py": SLOW for number in range(1500)})
    with subprocess.Popen(
        hasten_command.line("apply", *ONLY, "--jobs", "1", "."),
        cwd=root,
        env=hasten_command.environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    ) as process:
        while process.poll() is None and (root / "f0020.py").read_text() == SLOW:
            time.sleep(0.002)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    count = sum(path.read_text() == FAST for path in root.glob("*.py"))
    assert (process.returncode, 20 < count < 1500) == (130, True)
    assert f"interrupted; {count} of 1500 files are rewritten; `hasten undo` takes them back\n" in said.decode()
    assert hasten_command("undo", cwd=root).returncode == 0
    assert all(path.read_text() == SLOW for path in root.glob("*.py"))


def test_without_a_command_the_help_is_shown(hasten_command: Command, tmp_path: Path) -> None:
    """The help screen goes to stderr, line by line."""
    done = hasten_command(cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == hasten_command("--help", cwd=tmp_path).stdout


@pytest.mark.parametrize("arguments", [["--select", ","], ["--accept="], [""], ["--stdin-filename", ""]])
def test_what_names_nothing_is_an_error(hasten_command: Command, tree: Tree, arguments: list[str]) -> None:
    """An empty variable in a script does not turn into everything."""
    done = hasten_command("preview", *arguments, cwd=tree({"a.py": SLOW}))
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)


def test_only_files_to_rewrite_are_counted(hasten_command: Command, tree: Tree) -> None:
    """A path that is not there leaves no file, however large the project is."""
    root = tree({"pyproject.toml": "[tool.hasten]\n", "a.py": SLOW, "b.py": SLOW})
    assert b"nothing to rewrite in 0 files\n" in hasten_command("preview", *ONLY, "nothing.txt", cwd=root).stderr


def test_a_file_that_left_the_index_is_named_once(hasten_command: Command, tree: Tree) -> None:
    """After `git rm --cached` a file is deleted and untracked to git, and one file to a person."""
    root = tree({"a.py": SLOW})
    for line in ("init -q", "add .", "-c user.name=a -c user.email=a@b commit -qm x", "rm -q --cached a.py"):
        subprocess.run(["git", *line.split()], cwd=root, check=True)
    assert b"uncommitted changes in a.py; commit" in hasten_command("apply", *ONLY, cwd=root).stderr


def test_force_color_may_be_nought(hasten_command: Command, tree: Tree) -> None:
    """`FORCE_COLOR=0` asks for no colour."""
    root = tree({"a.py": SLOW})
    plain = hasten_command("preview", *ONLY, cwd=root, variables={"FORCE_COLOR": "0"}).stdout
    assert b"\x1b" not in plain
    assert b"\x1b" in hasten_command("preview", *ONLY, cwd=root, variables={"FORCE_COLOR": "1"}).stdout


def test_a_report_never_takes_the_place_of_a_source_file(hasten_command: Command, tree: Tree) -> None:
    """A mistyped `-o` is refused before anything is done."""
    root = tree({"a.py": "x = slow(1)\n", "pyproject.toml": ""})
    for name in ("a.py", "pyproject.toml"):
        done = hasten_command("apply", "--select", "slow-to-fast", "--format", "json", "-o", name, cwd=root)
        assert done.returncode == 2
        assert f"{name}: the report would take the place of a file of the project" in done.stderr.decode()
    assert (root / "a.py").read_text(encoding="utf-8") == "x = slow(1)\n"


def test_the_parsers_opinion_of_the_users_code_is_not_shown(hasten_command: Command, tree: Tree) -> None:
    """A warning that Python gives while parsing is about code that was there before."""
    root = tree({"a.py": 'x = slow(1)\ny = "\\d" if x is 1else 2\n'})
    done = hasten_command("preview", "--select", "slow-to-fast", "-q", cwd=root)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"+x = fast(1)" in done.stdout
