"""Codemods that meet in one plan: one pass, one diff, and what each leaves to the others."""

from __future__ import annotations

from pathlib import Path

from hasten import pipeline, registry
from hasten.config import Config
from hasten.model import Changed

LOADERS = """\
import asyncio
import json
import time
from pathlib import Path

FILE = Path(__file__).parent / "limits.json"


def _limits():
    return json.loads(FILE.read_text(encoding="utf-8"))


def _slow_limits():
    time.sleep(0.1)
    return json.loads(FILE.read_text(encoding="utf-8"))


class Rules:
    def __init__(self, text: str) -> None:
        self.text = text

    def all(self):
        return json.loads(self.text)

    def known(self, names):
        return [name for name in names if name in self.all()]


async def allowed(rows):
    found = []
    for row in rows:
        if row["size"] < _limits()["size"] and row["size"] < _slow_limits()["size"]:
            found.append(row["name"])
    return found
"""


def _run(root: Path, *names: str, unsafe: bool = False) -> tuple[str, pipeline.Report]:
    (root / "app.py").write_text(LOADERS, encoding="utf-8")
    codemods = [each for each in registry.load() if each.name in names]
    assert len(codemods) == len(names)
    request = pipeline.Request(root, Config(), targets=("app.py",), context=("app.py",), unsafe=unsafe)
    report = pipeline.run(request, codemods)
    made = [each.after.decode() for each in report.outcomes if isinstance(each, Changed)]
    return (made[0] if made else LOADERS), report


def test_one_pass_over_one_function(tmp_path: Path) -> None:
    """The body is rewritten by one codemod, and the function decorated by another."""
    text, _ = _run(tmp_path, "cache-pure-loaders", "json-to-orjson", unsafe=True)

    assert "@functools.cache\ndef _limits():\n    return orjson.loads(FILE.read_text(encoding=" in text
    compile(text, "app.py", "exec")


def test_one_pass_over_one_method(tmp_path: Path) -> None:
    """The body is rewritten by one codemod, and moved by another."""
    text, _ = _run(tmp_path, "cache-pure-loaders", "json-to-orjson", unsafe=True)

    kept = "    @functools.cached_property\n    def _cached_all(self):\n        return orjson.loads(self.text)\n"
    assert f"    def all(self):\n        return self._cached_all\n\n{kept}" in text
    compile(text, "app.py", "exec")


def test_what_becomes_a_coroutine_function_is_not_cached(tmp_path: Path) -> None:
    """What waits becomes a coroutine function; it is no pure function to begin with, and gets no cache."""
    text, report = _run(tmp_path, "cache-pure-loaders", "json-to-orjson", "sleep-to-asyncio", unsafe=True)

    assert "@functools.cache\ndef _limits():" in text
    assert "\nasync def _slow_limits():\n    await asyncio.sleep(0.1)" in text
    assert text.count("@functools.cache\n") == 1
    refused = [each for each in report.plan.refusals if each.codemod == "cache-pure-loaders"]
    assert [(each.code, each.symbol) for each in refused] == [("CCH103", "_slow_limits")]


def test_alone_and_together(tmp_path: Path) -> None:
    """What one codemod decides does not depend on the others."""
    names = ("cache-pure-loaders", "json-to-orjson", "sleep-to-asyncio")
    alone = [_run(tmp_path, name)[1].plan for name in names]
    together = _run(tmp_path, *names)[1].plan

    assert {each.id for plan in alone for each in plan.changes} == {each.id for each in together.changes}
    assert sorted(map(repr, together.refusals)) == sorted(repr(each) for plan in alone for each in plan.refusals)
