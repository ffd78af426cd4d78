"""Real packages, led through everything that the command can do, with what it said written down.

    python tests/corpus/transcripts.py            # write tests/corpus/transcripts/*.txt
    python tests/corpus/transcripts.py --check    # fail where they differ from what is said now

Each package is unpacked, committed to a repository, and looked at, reviewed through a pseudo-terminal, rewritten with a
command that has to pass, by a process that is killed on the way and resumed, committed change by change, and taken
back. Reports for machines are checked against their schemas, and counted. Times and names of temporary places are left
out.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import jsonschema
import pexpect

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
if __name__ == "__main__":
    sys.path[0] = str(ROOT)

from tests import schemas  # noqa: E402
from tests.corpus.prepare import load, sdist, unpack  # noqa: E402 - found from the line above

#: What is reviewed in each package, and with which answers.
PACKAGES = {
    "cookiecutter": ("tests/test_prompt.py", ["s", "n", "u", "y", "y", "n"]),
    "genanki": ("genanki/deck.py", ["y", "?", "s", "a"]),
    "jsonpatch": ("jsonpatch.py", ["\r", "n", "u", "d"]),
}
#: hasten in a process that is killed (SIGKILL) when it is about to put the second file of the tree in its place.
_KILLED = """
import os, signal, sys
from pathlib import Path

put, left = Path.replace, 2

def replace(self, target):
    global left
    left -= Path(target).suffix in {".py", ".txt", ".toml", ".cfg"}
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    return put(self, target)

Path.replace = replace
from hasten.cli.main import run
run()
"""
_PROMPT = r"take this change\? \[[^]]*\] "
_CONFIRM = r"write this to \d+ files?\? \[y/N/u\] "
_BAR = re.compile(r"\x1b\[\?25l.*\x1b\[\?25h(?:\x1b\[1A|\x1b\[2K|\r)*", re.DOTALL)
_TIME = re.compile(r"\b\d+\.\d s\b")
_COMMIT = re.compile(r"^[0-9a-f]{7,} ", re.MULTILINE)
_TEMPORARY = re.compile(r"\.hasten-[0-9a-f]{16}")
_STARTED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")
#: What differs from time to time, and what is written in its place.
_INSTEAD = ((_TIME, "N s"), (_COMMIT, "COMMIT "), (_STARTED, "TIME"), (_TEMPORARY, ".hasten-NUMBER"))


def main() -> int:
    """Write or compare the transcripts; the exit code is 0 if all are as they were."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    parser.add_argument("--sdists", type=Path, default=Path.home() / ".cache" / "hasten-corpus")
    options = parser.parse_args()
    packages = {each.name: each for each in load(HERE / "packages.json")}
    wrong = 0
    for name, (path, keys) in PACKAGES.items():
        with tempfile.TemporaryDirectory() as folder:
            tree = Path(folder) / "tree"
            unpack(sdist(packages[name], options.sdists), tree)
            said = _Transcript(Path(folder), tree).lead(path, keys)
        kept = HERE / "transcripts" / f"{name}.txt"
        before = kept.read_text(encoding="utf-8") if kept.exists() else ""
        if options.check and said != before:
            wrong += 1
            sys.stdout.writelines(
                difflib.unified_diff(before.splitlines(keepends=True), said.splitlines(keepends=True), name, "now")
            )
        elif not options.check:
            kept.parent.mkdir(exist_ok=True)
            kept.write_text(said, encoding="utf-8")
        print(f"{name}: {'differs' if options.check and said != before else 'done'}")
    return 1 if wrong else 0


class _Transcript:
    """One package, and what was said so far."""

    def __init__(self, folder: Path, tree: Path) -> None:
        self._tree = tree
        self._said: list[str] = []
        who = {f"GIT_{role}_{what}": "a@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        self._environment = {
            **os.environ,
            **who,
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "codemods")]),
            "HASTEN_CACHE_DIR": str(folder / "cache"),
            "HASTEN_STATE_DIR": "",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "NO_COLOR": "1",
            "TERM": "xterm",
        }
        self._folder = folder

    def lead(self, path: str, keys: list[str]) -> str:
        """Do everything, and return what was said."""
        for command in (["init", "-q"], ["add", "-A", "-f"], ["commit", "-qm", "as published"]):
            self._git(*command)
        only = ["--select", "json-to-orjson"]
        self._run("preview", *only, "--format", "summary", ".")
        self._run("preview", *only, "--check", "-q", "--format", "github", ".")
        self._review(path, keys)
        self._run("undo", "--list")
        self._run("undo")
        self._clean()
        self._run("apply", *only, "--unsafe", "--verify", f"{sys.executable} -m tokenize {path}", ".")
        self._run("undo")
        self._clean()
        self._run("apply", *only, "--unsafe", ".", killed=True)
        self._say("$ git status --short", self._git("status", "--short"))
        self._run("apply", "--resume")
        self._run("undo")
        self._clean()
        self._reports(*only)
        self._run("apply", *only, "--commit-each", ".")
        self._say("$ git log --format=%s", self._git("log", "--format=%s"))
        self._clean()
        return "".join(self._said)

    def _reports(self, *only: str) -> None:
        """Say what is in the reports for machines, which follow their schemas."""
        report = self._report("json", *only)
        jsonschema.validate(report, json.loads((ROOT / "docs" / "schema" / "report-v1.json").read_bytes()))
        counted = {name: len(report[name]) for name in ("changes", "refusals", "files", "errors")}
        self._say("$ hasten preview --format json: it follows docs/schema/report-v1.json", f"{json.dumps(counted)}\n")
        sarif = self._report("sarif", *only)
        jsonschema.validate(sarif, schemas.published(schemas.SARIF))
        results = sarif["runs"][0]["results"]
        fixed = sum("fixes" in each for each in results)
        said = f"{len(results)} results, {fixed} with a fix\n"
        self._say("$ hasten preview --format sarif: it follows the schema of SARIF 2.1.0", said)

    def _report(self, form: str, *only: str) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "hasten", "preview", *only, "--format", form, "."],
            cwd=self._tree, env=self._environment, capture_output=True, check=True,
        )  # fmt: skip
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def _run(self, *arguments: str, killed: bool = False) -> None:
        done = subprocess.run(
            [sys.executable, *(["-c", _KILLED] if killed else ["-m", "hasten"]), *arguments],
            cwd=self._tree, env=self._environment, capture_output=True, text=True, errors="replace", check=False,
        )  # fmt: skip
        shown = " ".join("'CMD'" if "tokenize" in each else each for each in arguments)
        what = " (killed)" if killed else ""
        self._say(f"$ hasten {shown}{what}", f"{done.stdout}{done.stderr}[exit code {done.returncode}]\n")

    def _review(self, path: str, keys: list[str]) -> None:
        child = pexpect.spawn(
            sys.executable, ["-m", "hasten", "review", "--select", "json-to-orjson", path],
            cwd=str(self._tree), env=self._environment, dimensions=(50, 100), encoding="utf-8", timeout=300,
        )  # fmt: skip
        shown: list[str] = []
        answers = iter(keys)
        while (asked := child.expect([_PROMPT, _CONFIRM, pexpect.EOF])) < 2:
            shown.append(f"{child.before}{child.after}")
            child.send("y" if asked else next(answers, "q"))
        shown.append(str(child.before))
        child.close()
        # Without the progress bar, which comes and goes.
        text = _BAR.sub("", "".join(shown)).replace("\r\n", "\n")
        self._say(f"$ hasten review {path}", f"{text}[exit code {child.exitstatus}]\n")

    def _clean(self) -> None:
        """Say what git finds changed: nothing."""
        self._say("$ git status --short", self._git("status", "--short"))

    def _git(self, *arguments: str) -> str:
        command = ["git", *arguments] + (["."] if "add" in arguments else [])
        return subprocess.run(
            command, cwd=self._tree, env=self._environment, capture_output=True, text=True, check=True
        ).stdout

    def _say(self, command: str, said: str) -> None:
        said = (
            said.replace(str(self._tree), "TREE").replace(str(self._folder), "FOLDER").replace(sys.executable, "python")
        )
        for pattern, instead in (
            (_TIME, "N s"),
            (_COMMIT, "COMMIT "),
            (_STARTED, "TIME"),
            (_TEMPORARY, ".hasten-NUMBER"),
        ):
            said = pattern.sub(instead, said)
        self._said.append(f"{command}\n{said}\n")


if __name__ == "__main__":
    sys.exit(main())
