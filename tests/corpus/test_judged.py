"""What was said of proposals is counted with those that nobody read yet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.corpus import judged


def _change(title: str, symbol: str, applicability: str) -> dict[str, Any]:
    return {
        "codemod": "retry-api-calls",
        "title": title,
        "symbol": symbol,
        "applicability": applicability,
        "edits": [{"path": "app.py"}],
    }


def test_verdicts_are_counted_and_what_has_none_is_not_read(tmp_path: Path) -> None:
    """Files that are created are no proposals."""
    changes = [
        _change("create `_retries.py`", "app", "safe"),
        _change("try `fetch` again", "fetch", "safe"),
        _change("try `send` again", "send", "unsafe"),
    ]
    fact = {"package": {"name": "shop"}, "levels": {"unsafe": {"document": {"changes": changes}}}}
    file = tmp_path / "judged.json"
    file.write_text(json.dumps({"retry-api-calls": {"shop": {"app.py: fetch": ["merge", "it only reads"]}}}))
    lines = judged.section([fact], "retry-api-calls", file)
    assert "- By default: 1 merge." in lines
    assert "- With `--unsafe` only: 1 not read." in lines
    assert "| shop | `app.py: fetch` | safe | merge | it only reads |" in lines
    assert judged.section([], "retry-api-calls", file) == ["### Read by hand", "", "Nothing is proposed.", ""]


def test_what_was_said_is_one_of_the_verdicts() -> None:
    """The committed file holds nothing else."""
    said = json.loads(judged.JUDGED.read_text(encoding="utf-8"))
    pairs = [pair for packages in said.values() for places in packages.values() for pair in places.values()]
    assert all(verdict in judged.VERDICTS and why for verdict, why in pairs)
