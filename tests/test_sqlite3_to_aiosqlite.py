"""What the cases of `sqlite3-to-aiosqlite` do when they run: nothing is forgotten, and every process ends."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hasten.testing import Case, load_cases

FIXTURES = Path(__file__).parent.parent / "fixtures" / "sqlite3_to_aiosqlite"
CASES = [each for each in load_cases(FIXTURES) if each.changes]
#: Methods of aiosqlite's connections and cursors that are coroutine functions.
AWAITED = {"execute", "executemany", "executescript", "commit", "rollback", "close", "create_function"} | {
    *("fetchone", "fetchmany", "fetchall", "cursor")
}
# Whatever the interpreter says on its way out is an error: a coroutine that was never awaited, a connection left open.
DRIVER = """
import sys
said = []
sys.unraisablehook = lambda unraisable: said.append(repr(unraisable.exc_value))
import case
case.check()
del case
import gc
gc.collect()
assert not said, said
"""

SMALL = [each for each in CASES if not each.path.is_dir()]
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
every_small_case = pytest.mark.parametrize("case", SMALL, ids=lambda case: case.name)


def _texts(case: Case) -> list[str]:
    return [data.decode() for path, data in sorted(case.after.items()) if path.endswith(".py")]


@every_small_case
def test_every_call_of_a_coroutine_method_is_awaited_or_entered(case: Case) -> None:
    """A method that gives a coroutine is awaited, or entered by `async with`, wherever what comes out calls it.

    Of programs of many files, which have methods of these names of their own, the type checker says it.
    """
    for text in _texts(case):
        tree = ast.parse(text)
        fine = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Await)}
        fine |= {
            id(item.context_expr) for node in ast.walk(tree) if isinstance(node, ast.AsyncWith) for item in node.items
        }
        # Where another connection stays synchronous, so do its methods: those of functions that open no other.
        stays = "sqlite3.connect" in text.replace("aiosqlite.connect", "")
        assert not stays or case.expected.refusals or case.expected.hazards or case.strategy != "convert"
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        looked_at = [each for each in functions if "aiosqlite.connect" in ast.unparse(each)] if stays else [tree]
        loose = [
            ast.unparse(node)
            for each in looked_at
            for node in ast.walk(each)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in AWAITED
            and id(node) not in fine
        ]
        assert loose == []


@every_case
def test_connections_are_only_opened_by_async_with(case: Case) -> None:
    """What has to be closed by something else is opened by the helper, which ends it with the program at the latest.

    Under another strategy than `convert` a program may be spared aiosqlite.
    """
    opened = int(case.strategy == "offload")
    for text in _texts(case):
        tree = ast.parse(text)
        entered = [
            item.context_expr for node in ast.walk(tree) if isinstance(node, ast.AsyncWith) for item in node.items
        ]
        calls = [each for each in ast.walk(tree) if isinstance(each, ast.Call)]
        connects = [each for each in calls if ast.unparse(each.func) == "aiosqlite.connect"]
        assert all(any(each is other for other in entered) for each in connects)
        opened += len(connects) + sum(ast.unparse(each.func) == "_connections.connect" for each in calls)
    assert opened


@pytest.mark.parametrize(
    "case",
    [each for each in SMALL if any("def check" in text for text in _texts(each)) and not each.differs],
    ids=lambda case: case.name,
)
def test_nothing_is_said_at_exit(case: Case, tmp_path: Path) -> None:
    """Run in development mode, with every warning an error, a case ends by itself and leaves nothing behind."""
    from hasten_codemods.sqlite3_to_aiosqlite.helper import CONNECTIONS_TEXT, OPENINGS_TEXT, TRANSACTIONS_TEXT

    (tmp_path / "case.py").write_bytes(case.after["case.py"])
    (tmp_path / "_transactions.py").write_text(TRANSACTIONS_TEXT, encoding="utf-8")
    (tmp_path / "_connections.py").write_text(CONNECTIONS_TEXT, encoding="utf-8")
    (tmp_path / "_openings.py").write_text(OPENINGS_TEXT, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", DRIVER],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": ""},
        capture_output=True,
        check=False,
        text=True,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (0, "")
