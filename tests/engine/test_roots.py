"""Which files need a run of the checker to themselves: those whose imports contradict each other."""

from __future__ import annotations

import pytest

from hasten.oracle.roots import groups


def _runs(statement: str) -> int:
    """Return how many runs two services need that each have a module `app`, and hold a statement each."""
    texts = {f"{service}/{name}": text for service in "ab" for name, text in (("app.py", ""), ("main.py", statement))}
    return len(set(groups(texts).values()))


@pytest.mark.parametrize(
    "statement",
    [
        "import app\n",
        "import app.inner as inner\n",
        "import os, app\n",
        "import os, \\\n    app\n",
        "import os, \\\r\n    app\r\n",
        "from app import run\n",
        "from app.inner import run\n",
        "if True:\n    from app import run\n",
        "try: import app\nexcept ImportError: pass\n",
        "import os; from app import run\n",
    ],
)
def test_one_name_for_two_modules_takes_two_runs(statement: str) -> None:
    """In each service the name means its own."""
    assert _runs(statement) == 2


@pytest.mark.parametrize(
    "statement", ["from tools import app\n", "from .app import run\n", "# import app\n", "app = 1\n"]
)
def test_what_imports_no_ambiguous_name_takes_one_run(statement: str) -> None:
    """A run takes as long as everything else, so only what has to be is read twice."""
    assert _runs(statement) == 1
