"""Run a package's own tests, and compare two runs test by test."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import signal
import subprocess
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.corpus.prepare import Package


LIMIT = 600
"""Seconds after which a run of a suite is ended."""

PASSED, SKIPPED, FAILED, ERROR = "passed", "skipped", "failed", "error"
_WORST_FIRST = (ERROR, FAILED, SKIPPED, PASSED)

# `path/to/file.py:12: Error` of pytest, and `File "/path/to/file.py", line 12` of Python itself.
_FRAME = re.compile(
    r'^(?:E\s+)?(?:File "(?P<python>[^"\n]+\.py)", line \d+|(?P<pytest>[^\s:"]+\.py):\d+:)', re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class TestResult:
    """What became of one test.

    Attributes:
        error: the first line of the error, empty for a test that passed.
        text: all that the runner wrote of it.
    """

    __test__ = False  # not a test class, whatever pytest makes of its name

    outcome: str
    error: str = ""
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Suite:
    """One run of a suite.

    Attributes:
        tests: what became of each test by name, in the order of the run. Several results have one name where a suite
            collects a test twice, and where a test passed and then failed to clean up.
        parts: how many parts of tests (`subTest`) the runner counted besides the tests.
        ended: why the run did not end by itself, or left no results; empty for a proper end.
        hung: it was ended because it took too long.
    """

    tests: dict[str, tuple[TestResult, ...]]
    seconds: float = 0.0
    parts: int = 0
    ended: str = ""
    hung: bool = False

    def count(self, *outcomes: str) -> int:
        """Return how many tests have one of `outcomes`."""
        return sum(count(results, *outcomes) for results in self.tests.values())


@dataclass(frozen=True, slots=True)
class Regression:
    """A test that passed before and does not any more.

    Attributes:
        outcome: `failed`, `error`, `skipped` or `missing`.
        files: the Python files on the traceback, as the runner wrote them.
    """

    test: str
    outcome: str
    error: str
    files: tuple[str, ...]


def count(results: Iterable[TestResult], *outcomes: str) -> int:
    """Return how many of the results are one of `outcomes`."""
    return sum(result.outcome in outcomes for result in results)


def compare(before: Suite, after: Suite) -> tuple[Regression, ...]:
    """Return each test that passed in `before` and did not in `after`, in the order of `before`."""
    found: list[Regression] = []
    # Where a test is missing, an error that belongs to no test of old (a module that cannot be imported) is the cause.
    causes = [
        (name, result)
        for name, results in after.tests.items()
        for result in results
        if result.outcome == ERROR and name not in before.tests
    ]
    for name, old in before.tests.items():
        new = after.tests.get(name, ())
        # A result more of a worse kind counts as well: passed, and then failed to clean up.
        worse = [result for result in new if result.outcome != PASSED]
        lost = max(count(old, PASSED) - count(new, PASSED), len(worse) - len(old) + count(old, PASSED))
        for result in sorted(worse, key=lambda each: _WORST_FIRST.index(each.outcome))[: max(lost, 0)]:
            found.append(Regression(name, result.outcome, result.error, files_of(result.text)))
            lost -= 1
        if lost > 0:
            near = [result for cause, result in causes if _names_module_of(cause, name)]
            cause = next(iter([*near, *(result for _, result in causes)]), None)
            error = cause.error if cause else after.ended or "the test is not there any more"
            found += [Regression(name, "missing", error, files_of(cause.text) if cause else ())] * lost
    return tuple(found)


def files_of(text: str) -> tuple[str, ...]:
    """Return the Python files that a traceback names, each once, in its order."""
    return tuple(dict.fromkeys(match["python"] or match["pytest"] for match in _FRAME.finditer(_dedent(text))))


def read_junit(path: Path) -> dict[str, tuple[TestResult, ...]]:
    """Return the results in a JUnit XML file by `class::name`."""
    tests: dict[str, tuple[TestResult, ...]] = {}
    # The file was written a moment ago, by the runner that this module started.
    for case in ET.parse(path).getroot().iter("testcase"):  # noqa: S314
        name = "::".join(filter(None, (case.get("classname"), case.get("name"))))
        tests[name] = (*tests.get(name, ()), _result(case))
    return tests


def run(package: Package, target: Path, junit: Path, limit: float = LIMIT) -> Suite:
    """Run the tests of TARGET/tree without a network but the loopback, and leave their results in `junit`.

    A run that takes longer than `limit` seconds is ended, with all processes that it started.
    """
    tree, home = target / "tree", target / "home"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    junit.unlink(missing_ok=True)
    command = package.test_cmd
    if re.match(r"python -m unittest\b", command):
        helper = Path(__file__).with_name("unittest_junit.py")
        command = command.replace("python -m unittest", f"python '{helper}' '{junit}'", 1)
    log = junit.with_suffix(".log")
    start = time.monotonic()
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*no_network(), "bash", "-c", command],
            cwd=tree / package.cwd,
            env=_environment(package, target, junit),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        ended = ""
        try:
            process.wait(min(limit, LIMIT))
        except subprocess.TimeoutExpired:
            ended = f"ended after {min(limit, LIMIT):.0f} seconds"
            _end(process)
        except BaseException:
            _end(process)
            raise
    seconds = time.monotonic() - start
    if not junit.exists():
        lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        last = lines[-1] if lines else "no output"
        return Suite({}, seconds, ended=f"{ended}: {last}" if ended else f"no results: {last}", hung=bool(ended))
    tests = read_junit(junit)
    counted = sum(int(each.get("tests", "0")) for each in ET.parse(junit).getroot().iter("testsuite"))  # noqa: S314
    return Suite(tests, seconds, max(0, counted - sum(map(len, tests.values()))), ended, bool(ended))


@functools.cache
def no_network() -> tuple[str, ...]:
    """Return the words before a command that take its network away, none where the system does not allow it."""
    words = ("unshare", "--map-root-user", "--net", "bash", "-c", 'ip link set lo up && exec "$@"', "bash")
    if not shutil.which("unshare"):
        return ()
    return words if subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0 else ()


def from_tree(package: Package, target: Path) -> bool:
    """Tell whether the tests import the package from TARGET/tree, which is what makes their result mean anything."""
    code = f"import {package.import_name} as m; print(m.__file__ or list(m.__path__)[0])"
    done = subprocess.run(
        [str(target / "venv" / "bin" / "python"), "-c", code],
        cwd=target / "tree" / package.cwd,
        env=_environment(package, target, target / "unused.xml"),
        capture_output=True,
        text=True,
        check=False,
    )
    place = Path(done.stdout.strip() or "/").resolve()
    return place.is_relative_to((target / "tree").resolve())


def _environment(package: Package, target: Path, junit: Path) -> dict[str, str]:
    """Return the whole environment of a test run: nothing of the person's own gets in."""
    venv = target / "venv"
    options = ["-p", "no:cacheprovider", f"--junitxml={junit}"]
    own_asyncio = any(pin.startswith("pytest-asyncio==") for pin in package.pins)
    if list(venv.glob("lib/python*/site-packages/pytest_asyncio")) and not own_asyncio:
        # Its absence is a warning, which some suites turn into an error.
        options += ["-o", "asyncio_default_fixture_loop_scope=function"]
    return {
        "PATH": f"{venv}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "VIRTUAL_ENV": str(venv),
        "HOME": str(target / "home"),
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_ADDOPTS": " ".join(options),
        **{name: value.replace("{tree}", str(target / "tree")) for name, value in package.env.items()},
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process that was started in a session of its own, and all that it started there."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _result(case: ET.Element) -> TestResult:
    """Return what one `testcase` element says."""
    for tag, outcome in (("error", ERROR), ("failure", FAILED), ("skipped", SKIPPED)):
        node = case.find(tag)
        if node is not None:
            text = node.text or ""
            error = (node.get("message") or text).strip()
            # pytest says only `collection failure` where a module cannot be imported; its text ends in the error.
            errors = [line[1:].strip() for line in text.splitlines() if line.startswith("E ")]
            if error == "collection failure" and errors:
                error = errors[-1]
            return TestResult(outcome, error.splitlines()[0] if error else "", text)
    return TestResult(PASSED)


def _names_module_of(cause: str, test: str) -> bool:
    """Tell whether `cause`, the name of an import that failed, is the module that `test` is in."""
    return f".{cause.rpartition('::')[2]}." in f".{test.replace('::', '.')}"


def _dedent(text: str) -> str:
    """Return `text` without the white space that its lines begin with."""
    return "\n".join(line.strip() for line in text.splitlines())
