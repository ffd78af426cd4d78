"""What every codemod owes to people and to the house, checked over all that are installed from here."""

from __future__ import annotations

import ast
import doctest
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hasten import registry
from hasten.api import AsyncTransformer
from hasten.plan import CODES as ENGINE_CODES
from hasten.testing import Case, load_cases

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from hasten.api import Codemod

ROOT = Path(__file__).parent.parent
FIXTURES = ROOT / "fixtures"
SOURCES = ROOT / "codemods" / "hasten_codemods"

# Other people's codemods may be installed beside ours; theirs are not ours to judge.
CODEMODS = [each for each in registry.load() if type(each).__module__.partition(".")[0] == SOURCES.name]
_CODE = re.compile(r"\b[A-Z]{3,}\d{3}\b")
_FENCE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)

every_codemod = pytest.mark.parametrize("codemod", CODEMODS, ids=lambda each: each.name)


def snake(codemod: Codemod) -> str:
    """Return the name that module, folder and page share."""
    return codemod.name.replace("-", "_")


def module_of(codemod: Codemod) -> ModuleType:
    """Return the module, or the package, that is the codemod."""
    return sys.modules[f"{SOURCES.name}.{snake(codemod)}"]


def sources_of(codemod: Codemod) -> list[Path]:
    """Return the files that the codemod is made of."""
    module = SOURCES / f"{snake(codemod)}.py"
    return [module] if module.is_file() else sorted((SOURCES / snake(codemod)).rglob("*.py"))


def cases_of(codemod: Codemod) -> list[Case]:
    """Return the codemod's cases."""
    return load_cases(FIXTURES / snake(codemod))


def test_the_top_level() -> None:
    """Nothing lies at the top but what belongs there, and what tools put there and git ignores."""
    made = {"build", "dist", "site", "__pycache__"}
    found = {each.name for each in ROOT.iterdir() if not each.name.startswith(".")} - made

    assert found == {
        *("pyproject.toml", "Makefile", "README.md", "CHANGELOG.md", "LICENSE"),
        *("codemods", "src", "tests", "fixtures", "docs"),
    }


def test_there_are_codemods() -> None:
    """The tests below look at something."""
    assert CODEMODS


def test_modules_folders_and_pages_share_their_names() -> None:
    """There is one module, one folder of fixtures and one page for each codemod, and no other."""
    names = {snake(each) for each in CODEMODS}
    modules = {path.stem for path in SOURCES.iterdir() if not path.name.startswith(("_", "py.typed"))}
    assert modules == names
    assert {path.name for path in FIXTURES.iterdir() if path.is_dir()} == names
    assert {path.stem for path in (ROOT / "docs" / "codemods").glob("*.md")} - {"index"} == names


@every_codemod
def test_the_command_line_knows_the_name(codemod: Codemod) -> None:
    """`hasten explain` takes the codemod's name, dashes and all, and shows its title."""
    done = subprocess.run(
        [sys.executable, "-m", "hasten", "explain", codemod.name],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        check=True,
        text=True,
    )
    assert codemod.title.rstrip(".") in done.stdout


@every_codemod
def test_it_says_what_it_promises(codemod: Codemod) -> None:
    """A codemod has a title of one sentence, a contract, and triggers."""
    assert codemod.title.endswith(".")
    assert codemod.contract.endswith(".")
    assert codemod.triggers


@every_codemod
def test_it_is_shown_to_change_and_to_leave_alone(codemod: Codemod) -> None:
    """There is a case for the page, and there are cases that change and cases that do not."""
    cases = cases_of(codemod)
    assert "example" in {each.name for each in cases if each.changes}
    assert any(not each.changes and not each.unsafe for each in cases)


@every_codemod
def test_triggers_occur_in_what_changes(codemod: Codemod) -> None:
    """Each case that changes has a trigger in each Python file that changes: no site is out of the scan's sight.

    A codemod may see sites by itself, where no trigger stands.
    Where callers follow, they are found by what they call; one file of each case has a trigger.
    """
    follows = issubclass(codemod.transformer(), AsyncTransformer)
    missing: list[str] = []
    for case in cases_of(codemod):
        changed = [path for path in sorted(case.after) if path in case.python_files]
        without = [
            path
            for path in changed
            if not any(word in case.before[path] for word in codemod.triggers)
            and not codemod.may_have_site(path, case.before[path])
        ]
        if not follows or without == changed:
            missing += [f"{case.name}/{path}" for path in without]
    assert missing == []


def test_codes_are_unique() -> None:
    """No two codes of all codemods and of the engine are the same."""
    codes = [each.code for each in ENGINE_CODES] + [each.code for codemod in CODEMODS for each in codemod.codes]
    assert sorted(codes) == sorted(set(codes))


@every_codemod
def test_codes_are_sorted_and_complete(codemod: Codemod) -> None:
    """Codes are sorted, well formed, have titles without a full stop, texts, and remedies where they are no proofs."""
    codes = codemod.codes
    assert [each.code for each in codes] == sorted(each.code for each in codes)
    for each in codes:
        assert _CODE.fullmatch(each.code), each.code
        assert each.title, each.code
        assert not each.title.endswith("."), each.code
        assert each.text.endswith("."), each.code
        assert bool(each.remedy) == (each.kind != "proof"), each.code


@every_codemod
def test_each_code_has_its_case(codemod: Codemod) -> None:
    """For each code there is a case whose name starts with it, in which it is found."""
    cases = cases_of(codemod)
    expected = {case.name: {*case.expected.hazards, *case.expected.refusals, *case.expected.proofs} for case in cases}
    missing = [
        each.code
        for each in codemod.codes
        if not any(name.startswith(each.code.lower()) and each.code in found for name, found in expected.items())
    ]
    assert missing == []


@every_codemod
def test_a_case_named_after_a_code_is_about_it(codemod: Codemod) -> None:
    """In every case whose name starts with a code, that code is found; its page may show any of them."""
    codes = {each.code.lower(): each.code for each in codemod.codes}
    wrong = [
        case.name
        for case in cases_of(codemod)
        if (code := codes.get(case.name.partition("_")[0])) is not None
        and code not in {*case.expected.hazards, *case.expected.refusals, *case.expected.proofs}
    ]
    assert wrong == []


@every_codemod
def test_no_code_is_given_that_is_not_declared(codemod: Codemod) -> None:
    """Every code that occurs in the codemod's sources is one of its codes."""
    codes = {each.code for each in codemod.codes}
    prefixes = {re.sub(r"\d", "", each) for each in codes}
    used = {
        word
        for path in sources_of(codemod)
        for text in _strings(path)
        for word in _CODE.findall(text)
        if re.sub(r"\d", "", word) in prefixes
    }
    # A number that ends in two zeros is the border of a kind, which no code has.
    assert {each for each in used if not each.endswith("00")} - codes == set()
    assert used


def _strings(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@every_codemod
def test_examples_in_docstrings_parse(codemod: Codemod) -> None:
    """Code in the docstrings of a codemod's modules is Python: what stands after `>>>`, and what is fenced as such."""
    for path in sources_of(codemod):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                documentation = ast.get_docstring(node) or ""
                found = [each.source for each in doctest.DocTestParser().get_examples(documentation)]
                for code in [*found, *_FENCE.findall(documentation)]:
                    compile(code, str(path), "exec")


@every_codemod
def test_the_page_starts_with_an_imperative_line(codemod: Codemod) -> None:
    """The module's docstring is a title, a blank line, and why."""
    title, blank, why, *_ = inspect.cleandoc(module_of(codemod).__doc__ or "").splitlines()
    assert title == codemod.title
    assert not blank
    assert why
