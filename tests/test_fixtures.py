"""Every fixture of every codemod that is installed from here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hasten import registry
from hasten.testing import Case, check_case, load_cases

if TYPE_CHECKING:
    from hasten.api import Codemod

FIXTURES = Path(__file__).parent.parent / "fixtures"

CASES = [
    pytest.param(codemod, case, id=f"{codemod.name}-{case.name}")
    for codemod in registry.load()
    if (folder := FIXTURES / codemod.name.replace("-", "_")).is_dir()
    for case in load_cases(folder)
]


@pytest.mark.parametrize(("codemod", "case"), CASES)
def test_case(codemod: Codemod, case: Case) -> None:
    """The codemod makes of each case what the case says, and everything else that a case proves is true."""
    complaints = check_case(case, codemod)
    assert not complaints, "\n".join(complaints)
