"""Runs the suite on every supported Python that this machine has, or with the oldest dependencies allowed.

Each run has a virtual environment of its own under `.venvs/`, which is kept, so that a second run is quick.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
SUPPORTED = ("3.11", "3.12", "3.13", "3.14")


def main() -> int:
    """Run what the command line asks for; the exit code is 0 when every run passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lowest", action="store_true", help="this Python, with the oldest dependencies allowed")
    # What is not known here is for pytest.
    arguments, for_pytest = parser.parse_known_args()

    results: dict[str, str] = {}
    if arguments.lowest:
        results["lowest"] = suite("lowest", sys.executable, for_pytest, lowest=True)
    else:
        for version in SUPPORTED:
            python = interpreter(version)
            results[version] = suite(version, python, for_pytest) if python else "not on this machine"

    for name, result in results.items():
        print(f"{name:8} {result}")
    # A machine without any supported Python has proved nothing.
    return int("failed" in results.values() or "passed" not in results.values())


def interpreter(version: str) -> str | None:
    """Return a Python of `version` that runs: from PATH, else from the usual version managers."""
    on_path = shutil.which(f"python{version}")
    managed = [
        *Path.home().glob(f".pyenv/versions/{version}.*/bin/python"),
        *Path.home().glob(f".local/share/uv/python/cpython-{version}.*/bin/python{version}"),
    ]
    # A shim on PATH may exist and fail, so each one is asked.
    probe = f"import ensurepip, sys, venv; sys.exit('%d.%d' % sys.version_info[:2] != '{version}')"
    for python in [*([on_path] if on_path else []), *map(str, sorted(managed))]:
        if subprocess.run([python, "-c", probe], capture_output=True, check=False).returncode == 0:
            return python
    return None


def suite(name: str, python: str, pytest_arguments: list[str], *, lowest: bool = False) -> str:
    """Install hasten for `python` into `.venvs/<name>` and return `passed` or `failed`."""
    venv = ROOT / ".venvs" / name
    bin_python = venv / "bin" / "python"
    print(f"== {name}: {python}", flush=True)
    if not bin_python.exists():
        subprocess.run([python, "-m", "venv", venv], check=True)
    constraints = venv / "constraints.txt"
    constraints.write_text(oldest() if lowest else "", encoding="utf-8")
    install: list[str | Path] = [bin_python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "--constraint", constraints, "--editable", ".[test]"], cwd=ROOT, check=True)
    # The tests start `hasten` as the user would, so the environment's commands come first.
    environment = os.environ | {"PATH": f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    command: list[str | Path] = [bin_python, "-m", "pytest", "-n", "2", "--dist", "worksteal", "-p", "no:cacheprovider"]
    done = subprocess.run([*command, *pytest_arguments], cwd=ROOT, env=environment, check=False)
    return "failed" if done.returncode else "passed"


def oldest() -> str:
    """Return pip constraints that pin every dependency of hasten to its lower bound."""
    metadata = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    requirements = (Requirement(line) for line in metadata["project"]["dependencies"])
    pins = (
        f"{requirement.name}=={bound.version}\n"
        for requirement in requirements
        for bound in requirement.specifier
        if bound.operator == ">="
    )
    return "".join(sorted(pins))


if __name__ == "__main__":
    sys.exit(main())
