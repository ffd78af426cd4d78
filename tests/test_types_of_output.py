"""What the type checker says of what the codemods make: no coroutine is left un-awaited, and nothing new is wrong."""

from __future__ import annotations

import importlib.util
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hasten import registry
from hasten.api import AsyncTransformer
from hasten.oracle import Problem, new_problems, problems
from hasten.testing import Case, load_cases, rewritten

if TYPE_CHECKING:
    from collections.abc import Mapping

FIXTURES = Path(__file__).parent.parent / "fixtures"

#: What a project installs is not there to be looked at; its own modules are.
_INSTALLED = re.compile(
    r"Cannot find module `(?:aiosqlite|pytest|pytest_asyncio|(?:\w+\.)?_(?:transactions|connections))`"
)
#: A constructor may take other arguments than that of a base, and a factory in its place does, too; an asynchronous
#: generator has `aclose`, whatever its annotation says.
_KNOWN = re.compile(r"Class member `\w+\.\w+` overrides parent class|`_SupportsAclose`")
#: What awaits nothing, and is used as if it had been awaited; `Result` is aiosqlite's.
_UNAWAITED = re.compile(r"\bCoroutine\b|\bResult\[")
CODEMODS = {codemod.name: codemod for codemod in registry.load()}
CASES = {
    codemod.name: [each for each in load_cases(FIXTURES / codemod.name.replace("-", "_")) if each.changes]
    for codemod in CODEMODS.values()
    if issubclass(codemod.transformer(), AsyncTransformer)
}
FOLDERS = [
    pytest.param(name, case, id=f"{name}-{case.name}")
    for name, cases in CASES.items()
    for case in cases
    if case.path.is_dir()
]


def _new(root: Path, before: Mapping[str, str], after: Mapping[str, str]) -> list[Problem]:
    """Return what is wrong with `after` and was not wrong before.

    With aiosqlite installed only coroutines count: its annotations are narrower than what typeshed says of sqlite3
    (`fetchone` gives `Row | None`, which was `Any`), so that a program which is right may get errors of that kind.
    """
    found = importlib.util.find_spec("aiosqlite")
    assert found is not None
    assert found.submodule_search_locations
    libraries = [Path(each) for each in found.submodule_search_locations]
    whole = {**before, **after}
    old = problems(root, (), before)
    known = Counter((each.path, each.code) for each in old)
    now = problems(root, (), whole)
    more = Counter((each.path, each.code) for each in now) - known
    # The types that a message names may be others, where what was wrong before is wrong now.
    plain = [each for each in new_problems(old, now) if (each.path, each.code) in more]
    # `os.fspath` takes over the argument of `connect`, and what was wrong with it: as many of them as are gone.
    gone = Counter(each.path for each in new_problems(now, old) if "`_sqlite3.connect`" in each.message)
    taken_over = [each for each in plain if "`os.fspath`" in each.message]
    if not Counter(each.path for each in taken_over) - gone:
        plain = [each for each in plain if each not in taken_over]
    dropped = [each for each in problems(root, (), whole, libraries=libraries) if _is_unawaited(each)]
    return [
        *(each for each in plain if not (_INSTALLED.search(each.message) or _KNOWN.search(each.message))),
        # Most have none, and nobody need know which they had before.
        *(new_problems(problems(root, (), before, libraries=libraries), dropped) if dropped else ()),
    ]


def _is_unawaited(problem: Problem) -> bool:
    return problem.code == "unused-coroutine" or _UNAWAITED.search(problem.message) is not None


def _texts(files: Mapping[str, bytes], folder: str = "") -> dict[str, str]:
    return {folder + path: data.decode("utf-8-sig") for path, data in files.items() if path.endswith(".py")}


def _made(codemod: str, case: Case) -> Mapping[str, bytes]:
    """Return the files that change: what is created and stands in no fixture is known to the codemod alone."""
    return rewritten(case, CODEMODS[codemod]) if case.creates else case.after


@pytest.mark.parametrize("codemod", CASES)
def test_cases_in_one_file_have_no_new_problems(codemod: str, tmp_path: Path) -> None:
    """All of them together are one tree: a file in a folder of its own imports nothing of the others."""
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    for case in CASES[codemod]:
        if not case.path.is_dir():
            before |= _texts(case.before, f"{case.name}/")
            after |= _texts(_made(codemod, case), f"{case.name}/")
    assert after
    found = _new(tmp_path, before, after)
    assert not found, "\n".join(map(str, found))


@pytest.mark.parametrize(("codemod", "case"), FOLDERS)
def test_programs_have_no_new_problems(codemod: str, case: Case, tmp_path: Path) -> None:
    """A program of several files is checked by itself, as its imports are."""
    found = _new(tmp_path, _texts(case.before), _texts(_made(codemod, case)))
    assert not found, "\n".join(map(str, found))
