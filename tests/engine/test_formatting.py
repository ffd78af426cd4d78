"""Lines that a rewrite made too long, in projects that use black."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hasten import pipeline, registry
from hasten.config import Config
from hasten.formatting import style_for, styles
from hasten.model import Changed

if TYPE_CHECKING:
    from pathlib import Path

BLACK = '[project]\nname = "a"\nversion = "1"\ndependencies = ["orjson>=3.11"]\n[tool.black]\nline-length = 60\n'
LONG = "def f(value):\n    other = {'quotes':  1}\n    return other, json.loads(json.dumps(value, sort_keys=True))\n"


def rewritten(root: Path, text: str, pyproject: str) -> str:
    """Return what a run with `--unsafe` makes of one file."""
    (root / "a.py").write_bytes(text.encode())
    (root / "pyproject.toml").write_text(pyproject, encoding="utf-8")
    request = pipeline.Request(root, Config(), ("a.py",), jobs=1, unsafe=True)
    (outcome,) = pipeline.run(request, list(registry.load())).outcomes
    assert isinstance(outcome, Changed)
    return outcome.after.decode()


def test_all_lines_that_became_too_long_are_broken(tmp_path: Path) -> None:
    """Each by itself, with everything between them as it was."""
    found = rewritten(
        tmp_path, f"import json\n\n\n{LONG}\n\nx = {{'a':  2}}\n\n\n{LONG.replace('def f', 'def g')}", BLACK
    )
    once = rewritten(tmp_path, f"import json\n\n\n{LONG}", BLACK)
    body = once.removeprefix("import orjson\n\n\n")
    assert found == f"import orjson\n\n\n{body}\n\nx = {{'a':  2}}\n\n\n{body.replace('def f', 'def g')}"


def test_a_line_that_became_too_long_is_broken(tmp_path: Path) -> None:
    """As black would break it, and nothing else is formatted."""
    found = rewritten(tmp_path, f"import json\n\n\n{LONG}", BLACK)
    assert found == (
        "import orjson\n\n\ndef f(value):\n    other = {'quotes':  1}\n    return other, orjson.loads(\n"
        "        orjson.dumps(\n            value,\n            option=orjson.OPT_NON_STR_KEYS\n"
        "            | orjson.OPT_SORT_KEYS,\n        )\n    )\n"
    )


@pytest.mark.parametrize(
    ("text", "pyproject"),
    [
        pytest.param(f"import json\n\n\n{LONG}", BLACK.replace("black", "brown"), id="without black"),
        pytest.param(f"import json\n\n\n{LONG}", BLACK.replace("60", "160"), id="short enough"),
        pytest.param(
            "import json\n\n\n" + LONG.replace("return other", f"return {'other, ' * 8}other"), BLACK, id="long before"
        ),
        pytest.param(f"import json\n\n\n{LONG}".replace("\n", "\r\n"), BLACK, id="other line ends"),
    ],
)
def test_a_line_is_left_as_the_rewrite_makes_it(tmp_path: Path, text: str, pyproject: str) -> None:
    """Where the project does not ask for more, or the person wrote a long line."""
    found = rewritten(tmp_path, text, pyproject)
    assert "orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_SORT_KEYS))" in found


def test_the_nearest_settings_count() -> None:
    """A package in a monorepo has its own line length, and a broken file has none."""
    known = styles(
        {
            "pyproject.toml": "[tool.black]\nskip-string-normalization = true\n",
            "a/pyproject.toml": "[tool.black]\nline-length = 100\ntarget-version = ['py311']\n",
            "b/pyproject.toml": "[tool.black\n",
            "c/pyproject.toml": "[tool]\nblack = 3\n",
        }
    )
    lengths = {path: style.line_length for path in ("a/x/y.py", "b/y.py", "z.py") if (style := style_for(path, known))}
    assert lengths == {"a/x/y.py": 100, "b/y.py": 88, "z.py": 88}
    assert style_for("z.py", {}) is None
