"""The corpus runner can tell a broken package from a whole one."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.corpus import suite
from tests.corpus.prepare import Package

MODULE = "def double(number):\n    return number * 2\n"

PYTEST_SUITE = """
import pytest
from shapes import double

def test_passes():
    assert double(2) == 4

def test_also_passes():
    assert double("a") == "aa"

@pytest.mark.skipif(double(3) != 6, reason="odd")
def test_may_be_skipped():
    assert True

def test_fails_always():
    assert double(2) == 5
"""

UNITTEST_SUITE = """
import unittest
from shapes import double

class Doubling(unittest.TestCase):
    def test_passes(self):
        self.assertEqual(double(2), 4)

    def test_also_passes(self):
        self.assertEqual(double("a"), "aa")

    def test_may_be_skipped(self):
        if double(3) != 6:
            self.skipTest("odd")

    def test_fails_always(self):
        self.assertEqual(double(2), 5)
"""

# Names are `class::name`; the runners differ in what they call the class.
SUITES = {
    "pytest": (PYTEST_SUITE, "python -m pytest -q test_shapes.py", "test_shapes::"),
    "unittest": (UNITTEST_SUITE, "python -m unittest discover -p test_shapes.py", "test_shapes.Doubling::"),
}


@dataclass(frozen=True, slots=True)
class Project:
    """A package of one module, the run of its tests as it is, and what the names of its tests begin with."""

    package: Package
    target: Path
    prefix: str

    def run(self, name: str, module: str = MODULE, limit: float = suite.LIMIT) -> suite.Suite:
        """Run the suite with this text of the module."""
        (self.target / "tree" / "shapes.py").write_text(module)
        return suite.run(self.package, self.target, self.target / f"{name}.xml", limit)


@pytest.fixture(scope="module", params=sorted(SUITES))
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A package of one module with its tests, and an environment whose `python` is the one that runs this test."""
    tests, command, prefix = SUITES[request.param]
    target = tmp_path_factory.mktemp("project")
    (target / "tree").mkdir()
    (target / "tree" / "test_shapes.py").write_text(tests)
    (target / "venv" / "bin").mkdir(parents=True)
    # By its own name, not through a link: a linked interpreter looks for its packages beside the link.
    (target / "venv" / "bin" / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (target / "venv" / "bin" / "python").chmod(0o755)
    package = Package(
        name="shapes", pypi_name="shapes", version="1", sdist="", category="json", src_dirs=(".",),
        import_name="shapes", install="none", test_cmd=command, env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )  # fmt: skip
    return Project(package, target, prefix)


@pytest.fixture(scope="module")
def before(project: Project) -> suite.Suite:
    """The run of the suite before anything is changed."""
    return project.run("before")


def test_an_unchanged_tree_has_no_regression(project: Project, before: suite.Suite) -> None:
    """Two runs of one tree agree, and a test that failed before is no regression."""
    after = project.run("after")
    assert before.count(suite.PASSED) == 3
    assert [each.outcome for each in before.tests[f"{project.prefix}test_fails_always"]] == [suite.FAILED]
    assert suite.compare(before, after) == ()


def test_a_failure_is_found_with_its_error_and_its_files(project: Project, before: suite.Suite) -> None:
    """A module that raises makes each passing test that calls it a regression, with the module on the traceback."""
    broken = "def double(number):\n    if number == 3:\n        return 6\n    raise KeyError('gone')\n"
    found = suite.compare(before, project.run("after", broken))
    assert [each.test for each in found] == [
        name for name in before.tests if name in {f"{project.prefix}test_passes", f"{project.prefix}test_also_passes"}
    ]
    assert {each.outcome for each in found} <= {suite.FAILED, suite.ERROR}
    for each in found:
        assert each.error == "KeyError: 'gone'"
        assert "shapes.py" in {Path(file).name for file in each.files}


def test_a_skip_counts(project: Project, before: suite.Suite) -> None:
    """A test that passed before and is skipped after is a regression."""
    odd = "def double(number):\n    return 7 if number == 3 else number * 2\n"
    found = suite.compare(before, project.run("after", odd))
    assert [(each.test, each.outcome) for each in found] == [(f"{project.prefix}test_may_be_skipped", suite.SKIPPED)]


def test_a_module_that_cannot_be_imported_is_the_cause_of_all_missing_tests(
    project: Project, before: suite.Suite
) -> None:
    """Tests that are gone are regressions, each with the error that kept their module from being imported."""
    found = suite.compare(before, project.run("after", "raise RuntimeError('no import')\n"))
    assert len(found) == before.count(suite.PASSED)
    assert {each.outcome for each in found} == {"missing"}
    assert {each.error for each in found} == {"RuntimeError: no import"}


def test_a_run_without_results_makes_every_test_missing(project: Project, before: suite.Suite) -> None:
    """An interpreter that dies leaves no results, which is every test's regression and not an empty success."""
    after = project.run("after", "import os\nos._exit(0)\n")
    assert after.ended.startswith("no results")
    assert len(suite.compare(before, after)) == before.count(suite.PASSED)


def test_a_run_that_hangs_is_ended_with_all_that_it_started(project: Project, before: suite.Suite) -> None:
    """A suite that waits for ever is told from one that ends early, and leaves no process behind."""
    waits = "import pathlib, subprocess\nchild = subprocess.Popen(['sleep', '300'])\n"
    waits += f"pathlib.Path({str(project.target / 'child')!r}).write_text(str(child.pid))\nchild.wait()\n"
    after = project.run("after", waits, limit=8)
    assert after.hung
    assert after.ended.startswith("ended after 8 seconds")
    assert len(suite.compare(before, after)) == before.count(suite.PASSED)
    assert _ends(int((project.target / "child").read_text()))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        # A name may stand for several tests, and each of them counts.
        (["passed", "passed"], ["passed", "passed"], []),
        (["passed", "passed"], ["passed", "failed"], ["failed"]),
        (["passed", "passed"], ["failed", "error"], ["error", "failed"]),
        (["passed", "passed"], ["passed"], ["missing"]),
        (["passed", "passed"], [], ["missing", "missing"]),
        # pytest gives a test that passed and could not clean up two results.
        (["passed"], ["passed", "error"], ["error"]),
        (["passed", "error"], ["passed", "error"], []),
        # What did not pass before cannot regress.
        (["failed"], ["error"], []),
        (["skipped", "passed"], ["skipped", "passed"], []),
        (["skipped"], [], []),
        (["failed", "passed"], ["failed", "skipped"], ["failed"]),
    ],
)
def test_tests_of_one_name_are_counted_one_by_one(old: list[str], new: list[str], expected: list[str]) -> None:
    """Each result that is worse than before is one regression, also where tests share a name."""

    def run_of(outcomes: list[str]) -> suite.Suite:
        return suite.Suite({"a::test": tuple(suite.TestResult(outcome) for outcome in outcomes)})

    assert [each.outcome for each in suite.compare(run_of(old), run_of(new))] == expected


def _ends(pid: int) -> bool:
    """Return whether a process that was killed ends; it may not have come to it yet, on a machine that is busy."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            # One that has ended stays in the table until whoever adopted it looks.
            if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False
