"""The laws that generated programs are held to can be broken."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from tests.fuzz import laws

from hasten.model import Changed, Failed, Problem

BEFORE = b"import json\n\n\ndef read(text):\n    return json.loads(text)\n\n\ndef other():\n    return 1\n"


@pytest.fixture
def done(tmp_path: Path) -> laws.Run:
    """A true run on a program of one file."""
    (tmp_path / "module.py").write_bytes(BEFORE)
    return laws.run(tmp_path)


def test_a_true_run_keeps_the_laws(done: laws.Run) -> None:
    """What hasten makes of the program passes."""
    assert b"orjson.loads(text)" in done.after["module.py"]
    laws.check_outcomes(done, {"module.py": BEFORE})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"return 1", b"return 2"),
        (b"def other", b"x = 1\ndef other"),
        (b"    return 1\n", b""),
        (b"return 1\n", b"return 1"),
        (b"return 1\n", b"return 1\r\n"),
        (b"def read(text):", b"def read(text, more):"),
        (b"return 1", b"return ("),
    ],
)
def test_an_output_that_was_tampered_with_breaks_them(done: laws.Run, old: bytes, new: bytes) -> None:
    """A difference where no edit is, or one that does not compile, is noticed."""
    after = done.after["module.py"]
    assert old in after
    with pytest.raises(AssertionError):
        laws.check_outcomes(laws.Run(done.report, {"module.py": after.replace(old, new)}), {"module.py": BEFORE})


def test_a_failed_file_breaks_them(done: laws.Run) -> None:
    """A file that hasten gave up on is noticed."""
    problem = Problem("module.py", "internal", "could not")
    report = dataclasses.replace(done.report, outcomes=(Failed("module.py", problem),))
    with pytest.raises(AssertionError):
        laws.check_outcomes(laws.Run(report, {}), {"module.py": BEFORE})


def test_a_problem_with_a_good_file_breaks_them(done: laws.Run) -> None:
    """A file that Python reads and hasten does not is noticed."""
    plan = dataclasses.replace(done.plan, problems=(Problem("module.py", "syntax", "is not Python"),))
    report = dataclasses.replace(done.report, plan=plan, outcomes=(Changed("module.py", BEFORE, BEFORE),))
    with pytest.raises(AssertionError):
        laws.check_outcomes(laws.Run(report, {}), {"module.py": BEFORE})
