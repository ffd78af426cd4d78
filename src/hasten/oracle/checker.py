"""Run pyrefly over a copy of a program: find it, configure it, wait for it, and never leave it behind."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import orjson

from hasten.oracle.failure import OracleError
from hasten.oracle.roots import Group

#: The file in the report that holds what is wrong with the program.
ERRORS = "problems.json"

#: Seconds between looks at whether a run is over.
_TICK = 0.005
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


class Checks:
    """The runs that a program needs, one for each way in which its imports are read; several at a time."""

    def __init__(
        self,
        executable: Path,
        base: Path,
        groups: Mapping[Group, Sequence[str]],
        *,
        libraries: Sequence[Path],
        python: tuple[int, int],
        deadline: float,
        at_once: int,
        calls: bool = True,
    ) -> None:
        """Write the configurations; nothing is started yet.

        Args:
            executable: the checker.
            base: a directory of our own: the copy of the program is below `base`/tree; it gets the configurations and
                the reports.
            groups: the files to check, by how their imports are read; empty for all files. The others are only
                imported.
            libraries: installed packages and modules that the program may import.
            python: the version of Python to check for.
            deadline: seconds after which a run counts as hung.
            at_once: how many runs may be under way at a time.
            calls: whether what calls reach is reported as well, which takes twice as long as finding what is wrong.
        """
        self._deadline = deadline
        self._at_once = max(at_once, 1)
        self._waiting = deque(
            (group, _Run(executable, base, _settings(base, group, members, libraries, python), calls=calls))
            for group, members in groups.items()
        )
        self._running: list[tuple[Group, _Run]] = []
        self._reports: dict[Group, Path] = {}

    def begin(self) -> None:
        """Start as many runs as may be under way; raises OracleError where that is not possible."""
        while self._waiting and len(self._running) < self._at_once:
            group, each = self._waiting.popleft()
            each.start()
            self._running.append((group, each))

    def finish(self, waiting: Callable[[], None]) -> dict[Group, Path]:
        """Wait for all runs, and return the directory of the report of each; `waiting` is called meanwhile.

        Raises:
            OracleError: one cannot be started, fails, or takes too long.
        """
        while True:
            self.begin()
            for group, each in list(self._running):
                if each.seconds() > self._deadline:
                    raise OracleError(
                        f"the type checker did not finish within {self._deadline:g} seconds; exclude generated or very "
                        "large files"
                    )
                if not each.is_over():
                    continue
                self._running.remove((group, each))
                if each.report is not None:
                    self._reports[group] = each.report
                else:
                    self._waiting.appendleft((group, each.again()))
            if not self._running and not self._waiting:
                return self._reports
            if len(self._running) == self._at_once or not self._waiting:
                waiting()
                time.sleep(_TICK)

    def close(self) -> None:
        """End what is still under way."""
        self._waiting.clear()
        for _, each in self._running:
            each.kill()
        self._running.clear()


class _Run:
    """One run.

    Attributes:
        report: the directory of its report, once it is over, if that is what it should be.
    """

    def __init__(
        self, executable: Path, base: Path, settings: dict[str, object], *, calls: bool, hurried: bool = True
    ) -> None:
        # When all else is written, the checker unpacks its 7,000 stubs beside the report: 41 MB that nobody reads, and
        # most of the time of a small run. A file where it wants a directory ends it at that point. Should another
        # version of the checker go about it in another order, it is run once more and let have its way.
        self.report: Path | None = None
        self._arguments = executable, base, settings
        self._hurried = hurried and calls
        name = hashlib.sha256(orjson.dumps(settings, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
        config = base / f"{name}.toml"
        config.write_text(_toml(settings), encoding="utf-8")
        self._directory = base / f"{name}.report{'' if hurried else '.whole'}"
        self._directory.mkdir()
        if self._hurried:
            (self._directory / "typeshed").touch()
        self._output = base / f"{name}.output{'' if hurried else '.whole'}"
        self._base = base
        self._command = [str(executable), "check", "--config", str(config)]
        self._command += ["--output", f"json:{self._directory / ERRORS}", "--summary=none"]
        if calls:
            self._command += ["--report-pysa", str(self._directory), "--report-pysa-format", "json"]
        # One thread: which of two mutually dependent files is inferred first must not depend on the machine.
        self._command += ["--threads", "1"]
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0

    def start(self) -> None:
        # Settings in the environment would win over those in the configuration file.
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYREFLY_")}
        self._started = time.monotonic()
        with self._output.open("wb") as file:
            try:
                self._process = subprocess.Popen(  # noqa: S603 - the executable was found above, or given by the person
                    self._command,
                    cwd=self._base,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                )
            except OSError as error:
                raise OracleError(f"the type checker cannot be started ({error.strerror}); {_REMEDY}") from None

    def seconds(self) -> float:
        return time.monotonic() - self._started

    def is_over(self) -> bool:
        status = self._process.poll() if self._process is not None else None
        if status is None:
            return False
        said = self._output.read_text(encoding="utf-8", errors="replace")
        # 0: nothing found; 1: something found, or a failure.
        expected = status == 1 and f"{self._directory / 'typeshed'}" in said if self._hurried else status in {0, 1}
        if expected and (self._directory / ERRORS).is_file():
            self.report = self._directory
        elif not self._hurried:
            reason = (said.strip().splitlines() or [f"exit status {status}"])[-1].strip()
            raise OracleError(f"the type checker failed ({reason}); try another version of the package 'pyrefly'")
        return True

    def again(self) -> _Run:
        """Return a run that may unpack what it likes."""
        return _Run(*self._arguments, calls=True, hurried=False)

    def kill(self) -> None:
        if self._process is not None:
            if self._process.poll() is None:
                self._process.kill()
            self._process.wait()


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
