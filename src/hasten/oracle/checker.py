"""Run pyrefly once over a copy of a program: find it, configure it, wait for it, and never leave it behind."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Sequence
from pathlib import Path

import orjson

from hasten.oracle.failure import OracleError
from hasten.oracle.roots import Group

#: The file in the report that holds what is wrong with the program.
ERRORS = "problems.json"

_REMEDY = "install the package 'pyrefly' beside hasten (pip install pyrefly), or put its executable on PATH"


def find_executable(given: Path | None = None) -> Path:
    """Return the checker's executable: the one given, else the one beside the interpreter, else the one on PATH.

    Raises:
        OracleError: there is none.
    """
    name = "pyrefly" + (sysconfig.get_config_var("EXE") or "")
    if given is not None:
        candidates = [given]
    else:
        candidates = [Path(sys.executable).parent / name, Path(sysconfig.get_path("scripts")) / name]
        # Where `pip install --user` puts it.
        candidates.append(Path(sysconfig.get_path("scripts", sysconfig.get_preferred_scheme("user"))) / name)
        on_path = shutil.which("pyrefly")
        candidates += [Path(on_path)] if on_path else []
    for each in candidates:
        if each.is_file() and os.access(each, os.X_OK):
            return each
    where = f"{given} is no executable file" if given is not None else "the type checker was not found"
    raise OracleError(f"{where}; {_REMEDY}")


def run(
    executable: Path,
    base: Path,
    group: Group,
    members: Sequence[str],
    *,
    libraries: Sequence[Path],
    python: tuple[int, int],
    deadline: float,
    meanwhile: Callable[[], None] | None = None,
) -> Path:
    """Check the copy of a program below `base`/tree, and return the directory of the report.

    Args:
        executable: the checker.
        base: a directory of our own, which holds the copy and gets the configuration and the report.
        group: how imports are read.
        members: the files to check; empty for all. The others are only imported.
        libraries: installed packages and modules that the program may import.
        python: the version of Python to check for.
        deadline: seconds after which the checker counts as hung.
        meanwhile: called once while the checker is at work.

    Raises:
        OracleError: it cannot be started, fails, or takes too long.
    """
    settings = _settings(base, group, members, libraries, python)
    name = hashlib.sha256(orjson.dumps(settings, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
    config = base / f"{name}.toml"
    config.write_text(_toml(settings), encoding="utf-8")
    # When all else is written, the checker unpacks its 7,000 stubs beside the report: 41 MB that nobody reads, and most
    # of the time of a small run. A file where it wants a directory ends it at that point. Should another version of the
    # checker go about it in another order, it is run once more and let have its way.
    said, status = "", 0
    for hurried in (True, False):
        report = base / f"{name}.report{'' if hurried else '.whole'}"
        report.mkdir()
        if hurried:
            (report / "typeshed").touch()
        command = [str(executable), "check", "--config", str(config), "--output", f"json:{report / ERRORS}"]
        command += ["--report-pysa", str(report), "--report-pysa-format", "json", "--summary=none"]
        # One thread: which of two mutually dependent files is inferred first must not depend on the machine.
        command += ["--threads", "1"]
        output = base / f"{name}.output"
        status = _wait(command, base, output, deadline, meanwhile if hurried else None)
        said = output.read_text(encoding="utf-8", errors="replace")
        # 0: nothing found; 1: something found, or a failure.
        expected = status == 1 and f"{report / 'typeshed'}" in said if hurried else status in {0, 1}
        if expected and (report / ERRORS).is_file():
            return report
    reason = (said.strip().splitlines() or [f"exit status {status}"])[-1].strip()
    raise OracleError(f"the type checker failed ({reason}); try another version of the package 'pyrefly'")


def _wait(
    command: Sequence[str], base: Path, output: Path, deadline: float, meanwhile: Callable[[], None] | None
) -> int:
    # Settings in the environment would win over those in the configuration file.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYREFLY_")}
    with output.open("wb") as file:
        try:
            process = subprocess.Popen(  # noqa: S603 - the executable was found above, or given by the person
                command, cwd=base, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT
            )
        except OSError as error:
            raise OracleError(f"the type checker cannot be started ({error.strerror}); {_REMEDY}") from None
        try:
            if meanwhile is not None:
                meanwhile()
            return process.wait(timeout=deadline)
        except subprocess.TimeoutExpired:
            message = (
                f"the type checker did not finish within {deadline:g} seconds; exclude generated or very large files"
            )
            raise OracleError(message) from None
        finally:  # an interrupt ends up here, too
            if process.poll() is None:
                process.kill()
            process.wait()


def _settings(
    base: Path, group: Group, members: Sequence[str], libraries: Sequence[Path], python: tuple[int, int]
) -> dict[str, object]:
    tree = base / "tree"
    return {
        "project-includes": [_literal(str(tree / each)) for each in members] or [f"{_literal(str(tree))}/**/*.py"],
        "project-excludes": [],
        "disable-project-excludes-heuristics": True,
        "search-path": [str(tree / each) for each in group.search],
        "disable-search-path-heuristics": True,
        "site-package-path": [str(_library(base, libraries))] if libraries else [],
        "skip-interpreter-query": True,
        "use-ignore-files": False,
        "replace-imports-with-any": [pattern for name in group.unknown for pattern in (name, f"{name}.*")],
        "python-version": f"{python[0]}.{python[1]}",
        "python-platform": "linux",  # the same program gets the same answer everywhere
        "untyped-def-behavior": "check-and-infer-return-type",
        # A container that is empty at first may hold more than the first thing that is put into it.
        "infer-with-first-use": False,
        "enabled-ignores": [],
        "errors": {"implicit-bool": "error", "unused-coroutine": "error"},
    }


def _library(base: Path, libraries: Sequence[Path]) -> Path:
    """Copy what may be imported besides the program: only that, not all that is installed around it."""
    target = base / "lib"
    if not target.exists():
        target.mkdir()
        for each in libraries:
            if each.is_dir():
                shutil.copytree(each, target / each.name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(each, target / each.name)
    return target


def _literal(path: str) -> str:
    """Return a glob that matches one path only."""
    return "".join(f"[{each}]" if each in "*?[]" else each for each in path)


def _toml(settings: dict[str, object]) -> str:
    """Write flat settings and one table; every value is, in the form that JSON and TOML share, a value of TOML."""
    plain = {key: value for key, value in settings.items() if not isinstance(value, dict)}
    lines = [f"{key} = {orjson.dumps(value).decode()}\n" for key, value in plain.items()]
    for name, table in settings.items():
        if isinstance(table, dict):
            lines.append(f"[{name}]\n")
            lines += [f"{key} = {orjson.dumps(value).decode()}\n" for key, value in table.items()]
    return "".join(lines)
