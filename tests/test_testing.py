"""What `hasten.testing` says about cases that are wrong: a check that cannot fail proves nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hasten import registry
from hasten.errors import UsageError
from hasten.testing import check_case, load_cases

if TYPE_CHECKING:
    from hasten.api import Codemod

AFTER = "# --- after ---\n"
BEFORE = "import json\n\n\ndef check():\n    return json.loads('[1]')\n"
RIGHT = BEFORE.replace("json", "orjson")


@pytest.fixture
def codemod() -> Codemod:
    """The codemod that the cases here are for."""
    return next(each for each in registry.load() if each.name == "json-to-orjson")


def complaints(folder: Path, codemod: Codemod, text: str) -> str:
    """Return what is said about a case in one file."""
    (folder / "case.py").write_bytes(text.encode())
    (case,) = load_cases(folder)
    return "\n".join(check_case(case, codemod))


def test_right_case(tmp_path: Path, codemod: Codemod) -> None:
    """Nothing is said about a case that is right."""
    assert complaints(tmp_path, codemod, f"# case: proofs JSON207\n{BEFORE}{AFTER}{RIGHT}") == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BEFORE, "+import orjson"),
        (BEFORE + AFTER + RIGHT.replace("[1]", "[2]"), "-    return orjson.loads('[2]')"),
        (BEFORE + AFTER + RIGHT.rstrip("\n"), "case.py is not what was expected"),
        (f"# case: hazards JSON001\n{BEFORE}{AFTER}{RIGHT}", "hazards: expected JSON001, found none"),
        (f"# case: refusals JSON101\n{BEFORE}{AFTER}{RIGHT}", "refusals: expected JSON101, found none"),
        (f"# case: proofs JSON201\n{BEFORE}{AFTER}{RIGHT}", "proofs: JSON201 expected, found JSON207"),
        (f"# case: differs it does not\n{BEFORE}{AFTER}{RIGHT}", "it behaves the same"),
        (f"# case: creates other.py\n{BEFORE}{AFTER}{RIGHT}", "other.py was not created"),
        (f"# case: options fallback=true\n{BEFORE}{AFTER}{RIGHT}", "_fastjson.py was created"),
        (BEFORE.replace("[1]", "[1") + AFTER + RIGHT.replace("[1]", "[1"), "fails before it is rewritten"),
        ("import json\n(\n", "was never closed"),
    ],
)
def test_wrong_case(tmp_path: Path, codemod: Codemod, text: str, said: str) -> None:
    """Each way in which a case can be wrong is complained about, in words that lead to it."""
    assert said in complaints(tmp_path, codemod, text)


def test_unsafe_change_without_a_word(tmp_path: Path, codemod: Codemod) -> None:
    """A hazard that a case does not name is complained about, and so is a difference in behaviour."""
    before = "import json\n\n\ndef check():\n    return json.dumps([1, 2]) + '!'\n"
    after = "import orjson\n\n\ndef check():\n    return orjson.dumps([1, 2]).decode() + '!'\n"
    assert "found JSON001" in complaints(tmp_path, codemod, f"# case: unsafe\n{before}{AFTER}{after}")
    said = complaints(tmp_path, codemod, f"# case: unsafe; hazards JSON001\n{before}{AFTER}{after}")
    assert "it behaves differently" in said
    assert "[1,2]!" in said


def test_module_that_is_needed_after_all(tmp_path: Path, codemod: Codemod) -> None:
    """A program that cannot do without a module that it says it can do without is complained about."""
    folder = tmp_path / "case"
    for side, text in (
        ("before", "import json\n\nX = json.loads('[1]')\n"),
        ("after", "import orjson\n\nX = orjson.loads('[1]')\n"),
    ):
        (folder / side).mkdir(parents=True)
        (folder / side / "app.py").write_bytes(text.encode())
    (folder / "behaviour.py").write_bytes(b"def behave():\n    import app\n\n    return app.X\n")
    assert check_case(load_cases(tmp_path)[0], codemod) == []
    (folder / "case.toml").write_bytes(b'unimportable = ["orjson"]\n')
    (said,) = check_case(load_cases(tmp_path)[0], codemod)
    assert said.startswith("without orjson it behaves differently")


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("unsure", "'unsure'"),
        ("hazards", "'hazards'"),
        ("unsafe yes", "'unsafe yes'"),
        ("options fallback", "Expected '='"),
        ("python new", "new"),
    ],
)
def test_header_that_says_nothing(tmp_path: Path, header: str, said: str) -> None:
    """A header that cannot be understood is an error that names the file, not a case that expects less."""
    (tmp_path / "case.py").write_bytes(f"# case: {header}\n{BEFORE}".encode())
    with pytest.raises(UsageError, match=r"case\.py") as raised:
        load_cases(tmp_path)
    assert said in str(raised.value)


def test_unknown_key(tmp_path: Path) -> None:
    """A key of `case.toml` that is not known is an error, and so is a file in after/ that is as it was."""
    folder = tmp_path / "case"
    (folder / "before").mkdir(parents=True)
    (folder / "before" / "app.py").write_bytes(b"x = 1\n")
    (folder / "case.toml").write_bytes(b"unsave = true\n")
    with pytest.raises(UsageError, match="unsave"):
        load_cases(tmp_path)
    (folder / "case.toml").unlink()
    (folder / "after").mkdir()
    (folder / "after" / "app.py").write_bytes(b"x = 1\n")
    with pytest.raises(UsageError, match=r"as they were: app\.py"):
        load_cases(tmp_path)


def test_cases_of_other_versions_are_left_out(tmp_path: Path) -> None:
    """A case for a Python that does not run is none."""
    (tmp_path / "old.py").write_bytes(f"# case: python <3\n{BEFORE}".encode())
    (tmp_path / "new.py").write_bytes(f"# case: python >=3.11\n{BEFORE}".encode())
    assert [each.name for each in load_cases(tmp_path)] == ["new"]
