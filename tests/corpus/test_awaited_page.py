"""The section about packages that block on sqlite3 adds up what was found, and leaves the other section alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests import sections
from tests.corpus import awaited_page, statements


def _fact(
    name: str, converted: int, refused: dict[str, int], *, behind: str = "", hung: bool = False
) -> dict[str, Any]:
    """Return the facts of one package with a single test."""
    tests = {"tests": {"test": [{"outcome": "passed"}]}, "parts": 0, "ended": "", "hung": hung}
    places = [
        {
            "code": code,
            "calls": calls,
            "path": "a.py",
            "line": 3,
            "message": f"because of {code}",
            "behind": behind.split(),
        }
        for code, calls in refused.items()
    ]
    document: dict[str, Any] = {"root": "/work/tree", "changes": [], "refusals": [], "errors": []}
    level = {"document": document, "problems": [], "tests": tests, "regressions": [], "rerun": True}
    calls = converted + sum(refused.values())
    look = {"calls": calls, "candidates": calls, "converted": converted, "refused": places, "hazards": [("SQL001", 1)]}
    return {
        "package": {"name": name, "version": "1", "baseline_extra": {}},
        "problem": "",
        "baseline": tests,
        "levels": {"unsafe": level},
        "look": look | {"new": [], "failed": [], "named": [9, converted], "sleeps": [3, 1]},
        "versions": {"aiosqlite": "1.0"},
        "tree": "/work/tree",
    }


def test_shares_leave_out_what_has_no_counterpart() -> None:
    """Calls behind a property or a thread count for the share of all calls, and not for the other one."""
    facts = [_fact("half", 4, {"ASY122": 3, "ASY133": 1, "SQL111": 2}), _fact("whole", 2, {}, hung=True)]
    text = "\n".join(awaited_page.render(facts, command="run", isolated=True))
    assert "| half | 1 | 10 | 10 | 4 | 4 of 9 | ASY122×3 ASY133×1 SQL111×2 | 1 of 3 | 0 | 1 | 1 | 0 | 0 | no |" in text
    assert "| whole | 1 | 2 | 2 | 2 | 2 of 9 |  | 1 of 3 | 0 | 1 | 1 | 0 | 1 | yes |" in text
    assert "| all calls | 12 | 6 | 50.0% |" in text
    assert "override of foreign code on their way | 8 | 6 | 75.0% |" in text
    assert "| database calls, by name | 18 | 6 | 33.3% |" in text
    assert "| packages (*converted*: whole) | 2 | 1 | 50.0% |" in text
    assert "Hazards of what is converted: SQL001×2." in text
    assert "- ASY122×3, a property: `a.py:3`: because of ASY122" in text


def test_what_stands_behind_the_first_reason_counts() -> None:
    """What would be stopped by a dunder next is not free of one, and counts once."""
    facts = [_fact("one", 4, {"SQL111": 2, "ASY121": 1}, behind="ASY121 ASY133")]
    text = "\n".join(awaited_page.render(facts, command="run", isolated=True))
    assert "override of foreign code on their way | 4 | 4 | 100.0% |" in text
    assert "Dunder: ASY120, ASY121 (3 calls)" in text
    assert "thread: ASY133 (3 calls)" in text


def test_calls_are_counted_by_name() -> None:
    """What is awaited in any way counts, and what only has the name of a database call is no reason to look."""
    before = """
import sqlite3
def names(path):
    with sqlite3.connect(path) as db:
        db.execute("insert into t values (1)")
        for row in db.execute("select 1"):
            pass
        return db.execute("select 2").fetchone(), db.cursor()
"""
    after = """
import aiosqlite
async def names(path):
    async with aiosqlite.connect(path) as db:
        await db.execute("insert into t values (1)")
        async for row in db.execute("select 1"):
            pass
        return await (await db.execute("select 2")).fetchone(), db.cursor()
"""
    other = "def run(job):\n    job.execute()\n"
    assert statements.importing({"a.py": before, "b.py": other, "c.py": "import sqlite3.no", "d.py": "def"}) == ["a.py"]
    assert statements.count({"a.py": before}, ["a.py"]) == (5, 0)
    assert statements.count({"a.py": after}, ["a.py"]) == (5, 5)


def test_a_section_is_exchanged_and_the_others_stay(tmp_path: Path) -> None:
    """Each kind can be run alone; the order of the sections is that of the page."""
    page = tmp_path / "page.md"
    for name, lines in (("two", ["## Two"]), ("one", ["## One"]), ("two", ["## Two, again", "", "text"])):
        sections.put(page, "# Title", name, lines, order=["one", "two"])
    assert page.read_text(encoding="utf-8") == (
        "# Title\n\n<!-- section: one -->\n\n## One\n\n<!-- section: two -->\n\n## Two, again\n\ntext\n"
    )
