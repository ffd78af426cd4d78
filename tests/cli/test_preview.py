"""`hasten preview`: what goes to which stream, and that every diff can be applied."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

import hasten

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Tree

ONLY = ("--select", "slow-to-fast")
MIXED = {
    "app/a.py": "def f(x):\n    return slow(x)\n",
    "app/b.py": "y = slow(1, risky=True)\nz = slow()\nw = slow(2, risky=1, odd=1)\n",
    "app/c.py": "nothing = 1\n",
}
A_DIFF = """\
diff --git a/app/a.py b/app/a.py
--- a/app/a.py
+++ b/app/a.py
@@ -1,2 +1,2 @@
 def f(x):
-    return slow(x)
+    return fast(x)
"""
TABLE = """\
codemod       sites  would rewrite  with --unsafe  refused
slow-to-fast      4              1              2        1

refused, by reason:
  ACM101  1  nothing to work on

hazards that --unsafe would take:
  ACM001  2  a risky call
  ACM002  1  an odd call

"""


def test_transcript(hasten_command: Command, tree: Tree) -> None:
    """By default the safe changes are on stdout as a diff, and the table with what is left on stderr."""
    done = hasten_command("preview", *ONLY, cwd=tree(MIXED))
    assert done.stdout.decode() == A_DIFF
    assert done.stderr.decode() == (
        TABLE + "would rewrite 1 file\n`--unsafe` would take 2 more; `-v` lists their hazards\n"
    )
    assert done.returncode == 0


def test_hazards_of_what_is_taken_are_shown(hasten_command: Command, tree: Tree) -> None:
    """With `--accept`, changes with no other hazard are taken, and each hazard is shown with its place."""
    done = hasten_command("preview", *ONLY, "--accept", "ACM001", "app/b.py", cwd=tree(MIXED))
    assert b"+y = fast(1, risky=True)\n z = slow()\n w = slow(2" in done.stdout
    assert done.stderr.decode().startswith("app/b.py:1: ACM001 it is risky\ncodemod ")
    assert "hazards taken:\n  ACM001  1  a risky call\n" in done.stderr.decode()


def test_everything_is_shown_with_verbose(hasten_command: Command, tree: Tree) -> None:
    """With `-v`, every site is listed with what became of it, and why."""
    done = hasten_command("preview", *ONLY, "-v", cwd=tree(MIXED))
    assert done.stderr.decode().splitlines()[:7] == [
        "app/a.py:2: call fast (slow-to-fast, safe, taken)",
        "app/b.py:1: call fast (slow-to-fast, unsafe, not taken)",
        "app/b.py:1: ACM001 it is risky",
        "app/b.py:3: call fast (slow-to-fast, unsafe, not taken)",
        "app/b.py:3: ACM001 it is risky",
        "app/b.py:3: ACM002 it is odd",
        "app/b.py:2: ACM101 give it an argument (slow-to-fast, refused)",
    ]


def test_quiet_is_quiet(hasten_command: Command, tree: Tree) -> None:
    """With `-q`, stderr has nothing but errors; stdout is the same."""
    root = tree(MIXED | {"app/broken.py": "slow(\n"})
    done = hasten_command("preview", *ONLY, "-q", cwd=root)
    assert done.stdout.decode() == A_DIFF
    assert [line.split(":")[:2] for line in done.stderr.decode().splitlines()] == [["hasten", " app/broken.py"]]
    assert done.returncode == 2


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param([], 0, "", id="changes"),
        pytest.param(["app/c.py"], 0, "nothing to rewrite", id="nothing"),
        pytest.param(["--check"], 1, "would rewrite 1 file", id="check with changes"),
        pytest.param(["--check", "app/b.py"], 0, "nothing to rewrite", id="check with refusals only"),
        pytest.param(["--check", "--unsafe", "app/b.py"], 1, "would rewrite 1 file", id="check with unsafe changes"),
        pytest.param(
            ["--check", "app/broken.py", "app/a.py"], 2, "app/broken.py: ", id="a broken file outweighs check"
        ),
        pytest.param(["app/broken.py"], 2, "app/broken.py: ", id="a broken file"),
        pytest.param(["nowhere.py"], 2, "hasten: nowhere.py: No such file or directory\n", id="a missing path"),
        pytest.param(["--bogus"], 2, "hasten: no such option", id="an unknown option"),
        pytest.param(["-U", "-1"], 2, "hasten: invalid value for '-U' / '--unified'", id="a wrong number"),
        pytest.param(["--format", "xml"], 2, "hasten: invalid value for '--format'", id="an unknown format"),
        pytest.param(
            ["--select", "slow-to-fats"],
            2,
            "there is no codemod 'slow-to-fats'; did you mean slow-to-fast?\n",
            id="an unknown codemod",
        ),
        pytest.param(
            ["--select", "slow-to-fast", "--ignore", "slow-to-fast"],
            2,
            "hasten: no codemod is left to run: all that are selected are ignored (slow-to-fast)\n",
            id="no codemod is left",
        ),
        pytest.param(
            ["--accept", "ACM01"],
            2,
            "hasten: --accept: there is no hazard 'ACM01'; did you mean ACM001?\n",
            id="an unknown hazard",
        ),
        pytest.param(
            ["--accept", "ACM101"], 2, "ACM101 is a refusal, and only hazards can be accepted\n", id="no hazard"
        ),
        pytest.param(["--config", "no.toml"], 2, "hasten: no.toml: there is no such file\n", id="no configuration"),
        pytest.param(
            ["--config", "bad.toml"],
            2,
            "tool.hasten.selct: is not a known key; did you mean select?\n",
            id="a wrong configuration",
        ),
        pytest.param(
            ["-o", "no/where", "app/a.py"],
            2,
            "hasten: no/where: cannot be written: No such file",
            id="no place for the output",
        ),
        pytest.param(
            ["-", "app/a.py"], 2, "standard input cannot be read together with other paths\n", id="stdin and paths"
        ),
        pytest.param(["--exclude", "!"], 2, "the pattern '!' cannot be understood\n", id="a wrong pattern"),
    ],
)
def test_exit_codes(hasten_command: Command, tree: Tree, arguments: list[str], code: int, said: str) -> None:
    """0 is done, 1 is what `--check` found, 2 is an error; each error is told on one line, without a traceback."""
    root = tree(MIXED | {"app/broken.py": "slow(\n", "bad.toml": "[tool.hasten]\nselct = []\n"})
    named = [] if any(argument.endswith(".py") or argument == "-" for argument in arguments) else ["app/a.py"]
    select = [] if "--select" in arguments else ONLY
    done = hasten_command("preview", *select, *arguments, *named, cwd=root)
    assert done.returncode == code
    assert said in done.stderr.decode()
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["prevew"], [], ["undo", "x"], ["explain"], ["explain", "ACM01"], ["list", "x"]])
def test_usage_errors_of_other_commands(hasten_command: Command, tmp_path: Path, arguments: list[str]) -> None:
    """Whatever the command, a usage error is exit code 2."""
    assert hasten_command(*arguments, cwd=tmp_path).returncode == 2


@pytest.mark.parametrize("repository", [True, False])
@pytest.mark.parametrize(
    ("cwd", "named", "apply_in"),
    [
        pytest.param("project", "app", None, id="at the root"),
        pytest.param("project/app", ".", None, id="inside, files below"),
        pytest.param("project/app/deep", "../a.py", "project", id="inside, files elsewhere"),
        pytest.param(".", "project/app", None, id="above the root"),
        pytest.param("elsewhere", "../project/app", "project", id="beside the root"),
    ],
)
def test_git_applies_the_diff(
    hasten_command: Command, tree: Tree, cwd: str, named: str, apply_in: str | None, repository: bool
) -> None:
    """`hasten preview > x.diff && git apply x.diff` does what `hasten apply` does, or the right directory is told."""
    files = {f"project/{name}": content for name, content in MIXED.items()}
    top = tree(files | {"project/pyproject.toml": "[tool.hasten]\n", "project/app/deep/d.py": "", "elsewhere/e.py": ""})
    if repository:
        subprocess.run(["git", "init", "-q", top / "project"], check=True)
    done = hasten_command("preview", *ONLY, named, cwd=top / cwd)
    told = [line for line in done.stderr.decode().splitlines() if line.startswith("apply the diff in ")]
    assert told == ([f"apply the diff in {top / apply_in}"] if apply_in else [])
    subprocess.run(["git", "apply", "-"], cwd=top / (apply_in or cwd), input=done.stdout, check=True)
    assert (top / "project/app/a.py").read_text(encoding="utf-8") == "def f(x):\n    return fast(x)\n"


def test_git_applies_a_diff_without_context(hasten_command: Command, tree: Tree) -> None:
    """`-U0` gives no context at all, and is still a diff."""
    root = tree(MIXED)
    done = hasten_command("preview", *ONLY, "-U0", cwd=root)
    assert done.stdout.endswith(
        b"@@ -2 +2 @@ def f(x):\n-    return slow(x)\n+    return fast(x)\n"
    ) or done.stdout.endswith(b"@@ -2 +2 @@\n-    return slow(x)\n+    return fast(x)\n")
    subprocess.run(["git", "apply", "--unidiff-zero", "-"], cwd=root, input=done.stdout, check=True)
    assert b"fast" in (root / "app/a.py").read_bytes()


@pytest.mark.parametrize("newline", [b"\r\n", b"\r", b"\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-8-sig"])
def test_diffs_are_exact_to_the_byte(hasten_command: Command, tree: Tree, newline: bytes, encoding: str) -> None:
    """A diff of any newline style and encoding goes through a pipe unharmed, escape sequences included."""
    declared = "utf-8" if encoding == "utf-8-sig" else encoding
    text = f"# coding: {declared}\ns = 'caf\u00e9 \x1b[31m'\nx = slow(s)\n"
    before = text.encode(encoding).replace(b"\n", newline)
    root = tree({"a.py": before})
    done = hasten_command("preview", *ONLY, cwd=root)
    subprocess.run(["git", "apply", "-"], cwd=root, input=done.stdout, check=True)
    assert (root / "a.py").read_bytes() == before.replace(b"slow", b"fast")


def test_output_goes_to_a_file(hasten_command: Command, tree: Tree) -> None:
    """With `-o`, stdout is empty and the file has what it would have had."""
    root = tree(MIXED)
    done = hasten_command("preview", *ONLY, "-o", "x.diff", cwd=root)
    assert (done.stdout, (root / "x.diff").read_text(encoding="utf-8")) == (b"", A_DIFF)


def test_json_follows_its_schema(hasten_command: Command, tree: Tree) -> None:
    """The document is valid, complete, and the same from run to run."""
    files: dict[str, str | bytes] = {**MIXED, "app/broken.py": "slow(\n", "caf\udce9.py": "slow(1)\n"}
    root = tree(files)
    schema = json.loads((Path(hasten.__file__).parents[2] / "docs/schema/report-v1.json").read_bytes())
    done = hasten_command("preview", *ONLY, "--format", "json", cwd=root)
    found: dict[str, Any] = json.loads(done.stdout)
    jsonschema.validate(found, schema, cls=jsonschema.Draft202012Validator)
    assert list(found) == ["schema", "tool", "root", "changes", "refusals", "files", "errors", "summary"]
    assert found["tool"] == {"name": "hasten", "version": hasten.__version__}
    assert found["root"] == str(root)
    assert found["summary"] == {"slow-to-fast": {"sites": 5, "safe": 2, "unsafe": 2, "manual": 1}}
    assert [file["path"] for file in found["files"]] == ["app/a.py", "caf\ufffd.py"]
    assert found["files"][0]["sha256"] == hashlib.sha256(MIXED["app/a.py"].encode()).hexdigest()
    assert found["files"][0]["diff"] == A_DIFF
    assert [(error["path"], error["kind"]) for error in found["errors"]] == [("app/broken.py", "syntax")]
    assert found["changes"][1]["hazards"] == [{"code": "ACM001", "message": "it is risky"}]
    assert found["changes"][1]["edits"] == [
        {"path": "app/b.py", "start": {"line": 1, "column": 5}, "end": {"line": 1, "column": 9}}
    ]
    place = {"path": "app/b.py", "line": 2, "column": 5, "symbol": "b"}
    assert found["refusals"] == [
        {"codemod": "slow-to-fast", "code": "ACM101", "message": "give it an argument", **place}
    ]
    assert (
        hasten_command("preview", *ONLY, "--format", "json", "--jobs", "2", "--no-cache", cwd=root).stdout
        == done.stdout
    )


def test_configuration_and_command_line_agree(hasten_command: Command, tree: Tree) -> None:
    """Keys of `[tool.hasten]` do what the options do, and `--config` reads them from elsewhere."""
    root = tree(
        MIXED
        | {
            "pyproject.toml": "[tool.hasten]\nselect = ['slow-to-fast']\nexclude = ['b.py']\n",
            "x.toml": "[tool.hasten]\nunsafe = true\n",
        }
    )
    assert hasten_command("preview", cwd=root).stdout.decode() == A_DIFF
    assert b"fast(2, risky=1, odd=1)" in hasten_command("preview", *ONLY, "--config", "x.toml", cwd=root).stdout
    assert hasten_command("preview", "--ignore", "slow-to-fast", cwd=root).stdout == b""


def test_ignore_comments_that_ignore_nothing_are_told(hasten_command: Command, tree: Tree) -> None:
    """A comment keeps its line from being rewritten, and one that keeps nothing is a notice, no error."""
    root = tree({"a.py": "slow(1)  # hasten: ignore\nx = 1  # hasten: ignore\n"})
    done = hasten_command("preview", cwd=root)
    assert (done.returncode, done.stdout) == (0, b"")
    assert "hasten: a.py:2: this `hasten:` comment ignores nothing\n" in done.stderr.decode()


def test_a_closed_pipe_is_no_error(hasten_command: Command, tree: Tree) -> None:
    """`hasten preview | head -1` ends quietly, though there is far more to print than a pipe holds."""
    root = tree({f"m{number:03}.py": "x = slow(1)\n" + "#" * 3000 + "\n" for number in range(100)})
    for arguments in (["preview"], ["preview", "--format", "json"], ["list"]):
        command = subprocess.Popen(
            hasten_command.line(*arguments),
            cwd=root,
            env=hasten_command.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert command.stdout is not None
        assert command.stderr is not None
        command.stdout.read(1)
        command.stdout.close()
        said = command.stderr.read().decode()
        command.stderr.close()
        assert (command.wait(), "Traceback" in said, "BrokenPipe" in said) == (0, False, False)


def test_a_closed_stderr_is_no_error(hasten_command: Command, tree: Tree) -> None:
    """With both streams in a pipe that is closed at once, the exit code is still 0."""
    root = tree(MIXED)
    line = " ".join(f"'{word}'" for word in hasten_command.line("preview", "-v"))
    shell = ["bash", "-c", f"{line} 2>&1 | true; exit ${{PIPESTATUS[0]}}"]
    assert subprocess.run(shell, cwd=root, env=hasten_command.environment, check=False).returncode == 0


def _on_a_terminal(command: Command, root: Path, *arguments: str, **extra: str) -> str:
    """Return what the command prints on a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command.line(*arguments),
        cwd=root,
        env={**command.environment, "TERM": "xterm", **extra},
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            data = os.read(ours, 65536)
        except OSError:  # how a terminal says that nobody is left to write to it
            break
        if not data:
            break
        shown += data
    os.close(ours)
    assert process.wait() == 0
    return shown.decode().replace("\r\n", "\n")


COLOURED = "\x1b[31m-    return slow(x)\x1b[0m\n\x1b[32m+    return fast(x)\x1b[0m\n"


@pytest.mark.parametrize(
    ("arguments", "extra", "coloured"),
    [
        ([], {}, True),
        ([], {"NO_COLOR": "1"}, False),
        ([], {"TERM": "dumb"}, False),
        (["--color", "never"], {}, False),
        (["--color", "never"], {"FORCE_COLOR": "1"}, False),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
    ],
)
def test_colour_on_a_terminal(
    hasten_command: Command, tree: Tree, arguments: list[str], extra: dict[str, str], coloured: bool
) -> None:
    """On a terminal a diff is coloured unless the person says otherwise."""
    shown = _on_a_terminal(hasten_command, tree(MIXED), "preview", *ONLY, *arguments, **extra)
    assert (COLOURED in shown) == coloured
    assert coloured or shown == A_DIFF


@pytest.mark.parametrize(
    ("arguments", "extra", "coloured"),
    [([], {}, False), ([], {"FORCE_COLOR": "1"}, True), (["--color", "always"], {}, True)],
)
def test_colour_in_a_pipe(
    hasten_command: Command, tree: Tree, arguments: list[str], extra: dict[str, str], coloured: bool
) -> None:
    """Into a pipe a diff is plain unless the person says otherwise."""
    done = hasten_command("preview", *ONLY, *arguments, cwd=tree(MIXED), variables=extra)
    assert (COLOURED in done.stdout.decode()) == coloured


def test_control_characters_are_visible_on_a_terminal(hasten_command: Command, tree: Tree) -> None:
    """No escape sequence and no mark of direction from a source file reaches the terminal; tabs and text do."""
    line = "x = slow('\x1b[2J\u202e\x07')\t# caf\u00e9\n"
    root = tree({"a.py": line, "crlf.py": "x = slow(1)\r\ny = '\x0b'\r\n"})
    shown = _on_a_terminal(hasten_command, root, "preview", *ONLY, "--color", "never")
    assert "+x = fast('\\x1b[2J\\u202e\\x07')\t# caf\u00e9\n" in shown
    assert "+x = fast(1)\n y = '\\x0b'\n" in shown
    assert "\x1b" not in shown


def test_refusals_of_quiet_kinds(hasten_command: Command, tree: Tree) -> None:
    """What is not worth it counts, and is told, with `-v` only; machines are told in any case."""
    root = tree({"a.py": "def words():\n    return open(__file__).read().split()\n\n\nprint(words())\n"})
    only = ("--select", "cache-pure-loaders")

    assert hasten_command("preview", *only, cwd=root).stderr == b"nothing to rewrite in 1 file\n"
    told = hasten_command("preview", *only, "-v", cwd=root).stderr.decode()
    assert "a.py:1: CCH190 nothing calls it again" in told
    assert "refused, by reason:\n  CCH190  1  not worth it" in told
    found = json.loads(hasten_command("preview", *only, "--format", "json", cwd=root).stdout)
    assert [each["code"] for each in found["refusals"]] == ["CCH190"]


def test_names_are_told_on_one_line(hasten_command: Command, tree: Tree) -> None:
    """A file whose name has a newline or an escape in it cannot forge lines of output."""
    done = hasten_command("preview", *ONLY, cwd=tree({"a\nhasten: all is well\x1b[0m.py": "slow(\n"}))
    assert b"hasten: a\\nhasten: all is well\\x1b[0m.py: " in done.stderr


@pytest.mark.parametrize("arguments", [["-"], ["--stdin-filename", "a.py"], ["--stdin-filename", "new.py", "-"]])
def test_stdin_is_previewed_as_a_diff(hasten_command: Command, tree: Tree, arguments: list[str]) -> None:
    """Standard input stands in for a file, whether or not there is one, and nothing else is shown."""
    root = tree({"a.py": "other = slow(0)\n", "b.py": "slow(0)\n"})
    done = hasten_command("preview", *ONLY, *arguments, cwd=root, text=b"x = slow(1)\n")
    name = next((argument for argument in arguments if argument.endswith(".py")), "stdin.py")
    assert done.stdout.decode() == (
        f"diff --git a/{name} b/{name}\n--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@\n-x = slow(1)\n+x = fast(1)\n"
    )
    assert done.returncode == 0


def test_an_interrupt_is_one_line(hasten_command: Command, tree: Tree) -> None:
    """Ctrl-C ends the run with exit code 130 and one line."""
    root = tree({})
    code = (
        "import os, signal, sys, threading; from hasten.cli.main import main; sys.argv = ['hasten', 'preview', '-'];"
        "threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start(); sys.exit(main())"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=root, env=hasten_command.environment, stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    ) as command:  # fmt: skip
        assert command.stderr is not None
        said = command.stderr.read().decode()
    assert (command.returncode, said.strip().splitlines()) == (130, ["hasten: interrupted; nothing more is done"])
