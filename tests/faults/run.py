"""Kill `hasten apply` at every system call that writes, and see that `undo` and `--resume` both end clean.

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


def main() -> int:
    """Kill at every call; the exit code is 0 if all ended clean."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--every", type=int, default=1, metavar="N", help="kill at every Nth call only")
    arguments = parser.parse_args()
    if shutil.which("strace") is None:
        print("strace is needed, and not there", file=sys.stderr)
        return 2
    counts: Counter[str] = Counter()
    failures: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        number = 1
        while True:
            killed = [_survived(Path(name), number, ending, counts, failures) for ending in ("undo", "resume")]
            if not any(killed):
                break
            number += arguments.every
    print(f"{counts['killed']} kills at {number - 1} calls: {counts['unfinished']} left a run to end,", end=" ")
    print(f"{counts['killed'] - counts['unfinished']} none; {len(failures)} did not end clean")
    for each in failures:
        print(f"  {each}")
    return 1 if failures else 0


def _survived(folder: Path, number: int, ending: str, counts: Counter[str], failures: list[str]) -> bool:
    """Kill one run at one call, and end it one way; return whether there was such a call."""
    root, state = folder / "root", folder / "state"
    for each in (root, state):
        shutil.rmtree(each, ignore_errors=True)
    for path in FILES:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(OLD)
    (root / "pyproject.toml").write_text("[project]\nname = 'a'\nversion = '1'\n")
    environment = os.environ | {
        "HASTEN_STATE_DIR": str(state),
        "HASTEN_CACHE_DIR": str(folder / "cache"),
        "PYTHONPATH": os.pathsep.join([str(SOURCES / "src"), str(SOURCES / "codemods")]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    hasten = [sys.executable, "-m", "hasten"]
    apply = [*hasten, "apply", "--select", "sleep-to-asyncio", "--no-cache", "--jobs", "1", "."]
    inject = [f"--inject={CALLS}:signal=KILL:when={number}", f"--trace={CALLS}"]
    done = subprocess.run(
        ["strace", "-f", "-qq", "-o", os.devnull, *inject, *apply],
        cwd=root, env=environment, capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode == 0:
        return False
    counts["killed"] += 1
    for path in FILES:
        text = (root / path).read_text()
        if text != OLD and NEW not in text:
            failures.append(f"call {number}: {path} is not whole")
    command = ["undo"] if ending == "undo" else ["apply", "--resume"]
    ended = subprocess.run([*hasten, *command], cwd=root, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode:
        failures.append(f"call {number}: {' '.join(command)} failed: {ended.stderr.strip()}")
    counts["unfinished"] += "restored" in ended.stderr or "finished run" in ended.stderr
    texts = {(root / path).read_text() for path in FILES}
    left = [each.name for each in root.rglob(".hasten-*")]
    if ending == "undo" and texts != {OLD}:
        failures.append(f"call {number}: undo did not give all files back")
    if ending == "resume" and len(texts) > 1:
        failures.append(f"call {number}: --resume left some files old and some new")
    if left:
        failures.append(f"call {number}: {ending} left {', '.join(left)}")
    return True


if __name__ == "__main__":
    sys.exit(main())
