"""Kill `hasten apply` at every system call that writes, and let each of them fail; see that all ends clean.

It takes strace. For each call that writes (to a file of the tree, a temporary file, a directory, or the journal), a
process is killed before the call has an effect; then the files are looked at, and the run is undone, or finished.

    python tests/faults/run.py
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

CALLS = (
    "write,pwrite64,writev,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat,ftruncate,"
    "utimensat,fchmod,chmod,fchown,chown,mkdir,fallocate"
)
FILES = ("a.py", "b.py", "deep/c.py")
OLD, NEW = "import time\n\n\nasync def f():\n    time.sleep(1)\n", "await asyncio.sleep(1)"
SOURCES = Path(__file__).resolve().parents[2]


#: What a call fails with instead: a full disk, a broken one, no permission, and one that may only be read.
ERRORS = ("ENOSPC", "EIO", "EACCES", "EROFS")


def main() -> int:
    """Kill at every call, and let every call fail; the exit code is 0 if all ended clean."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--every", type=int, default=1, metavar="N", help="kill at every Nth call only")
    arguments = parser.parse_args()
    if shutil.which("strace") is None:
        print("strace is needed, and not there", file=sys.stderr)
        return 2
    counts: Counter[str] = Counter()
    failures: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        trial = _Trial(Path(name), counts, failures)
        number = 1
        while True:
            killed = [trial.kill(number, ending) for ending in ("undo", "resume")]
            if not any(killed):
                break
            number += arguments.every
        for error in ERRORS:
            for each in range(1, number, arguments.every):
                trial.fail(each, error)
    print(f"{counts['killed']} kills at {number - 1} calls: {counts['unfinished']} left a run to end,", end=" ")
    print(f"{counts['killed'] - counts['unfinished']} none")
    print(
        f"{counts['failed']} calls that failed ({', '.join(ERRORS)}): {counts['told']} were told, the rest met nothing"
    )
    print(f"{len(failures)} did not end clean")
    for failure in failures:
        print(f"  {failure}")
    return 1 if failures else 0


class _Trial:
    """A small tree that is made anew for each fault."""

    def __init__(self, folder: Path, counts: Counter[str], failures: list[str]) -> None:
        self._folder, self._root, self._state = folder, folder / "root", folder / "state"
        self._counts, self._failures = counts, failures
        self._environment = os.environ | {
            "HASTEN_STATE_DIR": str(self._state),
            "HASTEN_CACHE_DIR": str(folder / "cache"),
            "PYTHONPATH": os.pathsep.join([str(SOURCES / "src"), str(SOURCES / "codemods")]),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def kill(self, number: int, ending: str) -> bool:
        """Kill one run at one call, and end it one way; return whether there was such a call."""
        if self._apply(f"signal=KILL:when={number}").returncode == 0:
            return False
        what = f"killed at call {number}"
        self._counts["killed"] += 1
        self._look(what)
        said = self._hasten(what, *(["undo"] if ending == "undo" else ["apply", "--resume"]))
        self._counts["unfinished"] += "restored" in said or "finished run" in said
        texts = self._texts()
        if ending == "undo" and texts != {OLD}:
            self._failures.append(f"{what}: undo did not give all files back")
        if ending == "resume" and len(texts) > 1:
            self._failures.append(f"{what}: --resume left some files old and some new")
        self._look_for_rest(f"{what}, {ending}")
        return True

    def fail(self, number: int, error: str) -> None:
        """Let one call of a run fail, and take back what was done."""
        done = self._apply(f"error={error}:when={number}")
        what = f"{error} at call {number}"
        self._counts["failed"] += 1
        self._counts["told"] += done.returncode != 0
        if "Traceback" in done.stderr or done.returncode not in {0, 1, 2}:
            self._failures.append(f"{what}: {done.stderr.strip() or done.returncode}")
        if done.returncode == 0 and OLD in self._texts():
            self._failures.append(f"{what}: a file was left, and nothing said of it")
        self._look(what)
        if self._texts() != {OLD}:
            self._hasten(what, "undo")
        if self._texts() != {OLD}:
            self._failures.append(f"{what}: undo did not give all files back")
        self._look_for_rest(what)

    def _apply(self, fault: str) -> subprocess.CompletedProcess[str]:
        """Rewrite a fresh tree, with a fault."""
        for each in (self._root, self._state):
            shutil.rmtree(each, ignore_errors=True)
        for path in FILES:
            (self._root / path).parent.mkdir(parents=True, exist_ok=True)
            (self._root / path).write_text(OLD)
        (self._root / "pyproject.toml").write_text("[project]\nname = 'a'\nversion = '1'\n")
        apply = [
            sys.executable,
            "-m",
            "hasten",
            "apply",
            "--select",
            "sleep-to-asyncio",
            "--no-cache",
            "--jobs",
            "1",
            ".",
        ]
        return subprocess.run(
            ["strace", "-f", "-qq", "-o", os.devnull, f"--inject={CALLS}:{fault}", f"--trace={CALLS}", *apply],
            cwd=self._root, env=self._environment, capture_output=True, text=True, errors="replace", check=False,
        )  # fmt: skip

    def _hasten(self, what: str, *words: str) -> str:
        ended = subprocess.run(
            [sys.executable, "-m", "hasten", *words],
            cwd=self._root, env=self._environment, capture_output=True, text=True, errors="replace", check=False,
        )  # fmt: skip
        if ended.returncode:
            self._failures.append(f"{what}: {' '.join(words)} failed: {ended.stderr.strip()}")
        return ended.stderr

    def _texts(self) -> set[str]:
        return {(self._root / path).read_text() for path in FILES}

    def _look(self, what: str) -> None:
        for path in FILES:
            text = (self._root / path).read_text()
            if text != OLD and NEW not in text:
                self._failures.append(f"{what}: {path} is not whole")

    def _look_for_rest(self, what: str) -> None:
        left = [each.name for each in self._root.rglob(".hasten-*")]
        if left:
            self._failures.append(f"{what} left {', '.join(left)}")


if __name__ == "__main__":
    sys.exit(main())
