"""Copies of a package's tree, and hasten at work in them."""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def hasten(target: Path, home: str, *arguments: str) -> list[str]:
    """Run hasten in `home`, below the tree; return what went wrong, nothing where it did its work.

    Files that it could not process (exit code 2 with errors in the report) are the package's own and no failure.
    """
    copy = target.parent / ".hasten"
    paths = [str(copy / "src"), str(copy / "codemods"), os.environ.get("PYTHONPATH", "")]
    own = target / "hasten"  # its cache and journal, apart from the person's own
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        **{name: str(own) for name in ("HASTEN_CACHE_DIR", "HASTEN_STATE_DIR")},
    }
    done = subprocess.run(
        [sys.executable, "-m", "hasten", *arguments],
        cwd=target / "tree" / home,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    (target / f"hasten-{arguments[0]}.log").write_text(done.stdout + done.stderr, encoding="utf-8")
    lines = done.stderr.strip().splitlines() or ["no message"]
    crashed = any(line.startswith("Traceback (most recent call last)") for line in lines)
    if done.returncode in {0, 2} and not crashed:
        return []
    return [f"hasten {arguments[0]} ended with code {done.returncode}: {lines[-1]}"]


def changed(old: Path, new: Path) -> list[str]:
    """Return the files that differ between two trees, or are in only one, relative to them."""
    # Byte by byte: an edit can keep size and time stamp.
    places = {path.relative_to(base).as_posix() for base in (old, new) for path in base.rglob("*") if not path.is_dir()}
    return [
        place
        for place in places
        if not (old / place).is_symlink()
        and not (
            (old / place).exists() and (new / place).exists() and filecmp.cmp(old / place, new / place, shallow=False)
        )
    ]


def restore(target: Path) -> None:
    """Put a fresh copy of TARGET/orig in the place of TARGET/tree, where the editable install looks."""
    shutil.rmtree(target / "tree", ignore_errors=True)
    shutil.copytree(target / "orig", target / "tree", symlinks=True)


def copy_hasten(copy: Path) -> None:
    """Copy hasten as it is now: a run is of one version, whatever is edited in the checkout meanwhile."""
    shutil.rmtree(copy, ignore_errors=True)
    for name in ("src", "codemods"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
