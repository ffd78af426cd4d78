"""Files of the program that cannot be read may use what is changed elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hasten import pipeline, registry
from hasten.config import Config
from hasten.model import Change

if TYPE_CHECKING:
    from pathlib import Path

CORE = "import json\n\n\ndef copy(x):\n    return json.loads(json.dumps(x))\n"


def changes(root: Path, other: bytes, *, accept: frozenset[str] = frozenset()) -> tuple[dict[str, list[str]], int]:
    """Return the hazards of each change of `core.py`, beside a file that nobody asked to rewrite; and what is made."""
    (root / "core.py").write_text(CORE, encoding="utf-8")
    (root / "show.py").write_bytes(other)
    request = pipeline.Request(root, Config(), ("core.py",), ("show.py",), jobs=1, accept=accept)
    report = pipeline.run(request, list(registry.load()))
    found = {each.title: [hazard.code for hazard in each.hazards] for each in report.plan.changes}
    assert all(isinstance(each, Change) for each in report.plan.changes)
    return found, len(report.outcomes)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(b'import core\nprint(f"{core.copy({"a" 1})}" 2)\n', id="no Python"),
        pytest.param(b"import core\nx = " + b"+".join([b"core.copy(1)"] * 20_000) + b"\n", id="nested too deep"),
        pytest.param(
            b"import core\nx = " + b" + ".join([b"core.copy(1)"] * 254) + b"\n", id="deeper than facts are kept"
        ),
        pytest.param(b"# coding: nowhere\nimport core\ncore.copy(1)\n", id="no such encoding"),
    ],
)
def test_a_file_that_names_the_module_casts_doubt(tmp_path: Path, other: bytes) -> None:
    """What it does with the text is not known, so nothing is made without leave."""
    found, made = changes(tmp_path, other)
    assert found
    assert all(hazards == ["HST002"] for hazards in found.values())
    assert made == 0
    _, made = changes(tmp_path, other, accept=frozenset({"HST002"}))
    assert made == 1


def test_a_file_that_names_nothing_of_it_casts_none(tmp_path: Path) -> None:
    """A broken file about other things is no reason to stop."""
    found, made = changes(tmp_path, b"import json\nthis is json(\n")
    assert found
    assert not any(found.values())
    assert made == 1
