"""Imports placed and removed in many generated modules, judged by real ruff and real isort."""

from __future__ import annotations

import ast
import json
import random
import shutil
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import isort
import pytest

from hasten.imports import ImportStyle, Removal, style_from, update

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FIRST_PARTY = frozenset({"app", "zapp"})
PLAIN = [
    "os",
    "json",
    "sqlite3",
    "xml.etree.ElementTree as ET",
    "requests",
    "numpy as np",
    "attr",
    "PIL",
    "app",
    "app.db",
]
FROM = [
    ("collections.abc", ["Callable", "Iterable", "Mapping"]),
    ("asyncio", ["sleep", "gather", "run"]),
    ("typing", ["TYPE_CHECKING", "Any", "cast", "TypeVar", "overload", "Protocol", "Literal", "NamedTuple", "Final"]),
    ("tenacity", ["retry", "stop_after_attempt", "wait_exponential", "Retrying", "RetryError", "before_log"]),
    ("django.db", ["models", "connection"]),
    ("app.models", ["User", "user_of", "MAX"]),
    (".", ["sibling"]),
    ("..parent", ["thing", "Other"]),
]
NEW = [("orjson", ""), ("aiosqlite", ""), ("asyncio", ""), ("functools", "lru_cache"), ("tenacity", "stop_after_delay")]
NEW += [("typing", "IO"), ("zapp", ""), ("app.models", "load"), ("x10", ""), ("asyncio", "to_thread"), ("Zlib", "")]
HEADS = ["", '"""Doc."""\n', "#!/usr/bin/env python\n", "# License\n\n", '"""Doc."""\n\n__version__ = "1"\n\n', "\n"]
TAILS = ["", "\n\ndef f():\n    pass\n", "\nX = 1\n", "\n# about X\nX = 1\n", "\n\n# about f\n@g\ndef f():\n    pass\n"]
TAILS += [
    "\ntry:\n    import simplejson\nexcept ImportError:\n    simplejson = None\n",
    "\n# ---\n\nclass A:\n    pass\n",
]

RUFF = {
    "default": "",
    "force-sort": "force-sort-within-sections = true",
    "single": "force-single-line = true",
    "from-first": "from-first = true\nlines-between-types = 1",
    "no-sections": "no-sections = true",
    "case": "case-sensitive = true\norder-by-type = false",
    "order": 'section-order = ["future", "first-party", "standard-library", "third-party", "local-folder"]',
    "length": "length-sort = true\nknown-local-folder = ['requests']",
    "custom": "no-lines-before = ['first-party']\nforce-to-top = ['tenacity']\n"
    "relative-imports-order = 'closest-to-furthest'",
}
ISORT = {
    "default": "",
    "black": 'profile = "black"',
    "force-sort": 'profile = "black"\nforce_sort_within_sections = true',
    "django": 'profile = "django"',
    "google": 'profile = "google"',
    "heading": 'profile = "black"\nimport_heading_thirdparty = "Not ours"\nimport_heading_stdlib = "Batteries"',
    "attrs": 'profile = "attrs"\nlines_after_imports = -1',
    "hanging": "multi_line_output = 3\nfrom_first = true",
}


def _module(rng: random.Random, comments: float = 0.08) -> str:
    """Return a module with imports in no order at all."""
    lines = [f"import {name}" for name in rng.sample(PLAIN, rng.randint(0, 4))]
    for module, names in rng.sample(FROM, rng.randint(0, 4)):
        lines.append(f"from {module} import {', '.join(rng.sample(names, rng.randint(1, len(names))))}")
    rng.shuffle(lines)
    lines = [f"# about the next\n{line}" if rng.random() < comments else line for line in lines]
    # Not on lists, which the tools break and join with their comments, and hasten only without.
    lines = [f"{line}  # keep" if "," not in line and rng.random() < 0.05 else line for line in lines]
    head = rng.choice(HEADS)
    if lines and "__version__" not in head and rng.random() < 0.3:
        lines.insert(0, "from __future__ import annotations\n")
    gap = "\n" if lines else ""
    return head + gap + "\n".join(lines) + gap + rng.choice(TAILS)


def _comments(settings: str) -> float:
    """Return how often a comment stands above an import.

    Never where the blank line above it depends on what else its section holds: a comment outlives its import, and
    then stands where neither tool would have put it.
    """
    return 0 if any(key in settings for key in ("no-lines-before", "between-types", "attrs", "heading")) else 0.08


def _changed(text: str, rng: random.Random, style: ImportStyle) -> str:
    """Return `text` with some imports gone and others new."""
    tree = ast.parse(text)
    names = [
        (statement, alias)
        for statement in tree.body
        if isinstance(statement, (ast.Import, ast.ImportFrom)) and getattr(statement, "module", "") != "__future__"
        for alias in statement.names
    ]
    removals = rng.sample(names, min(len(names), rng.choice([0, 0, 1, 1, 2, 5])))
    additions = rng.sample(NEW, rng.choice([0, 1, 1, 2, 3]) if removals else rng.choice([1, 2]))
    done = update(text, tree, additions=additions, removals=removals, first_party=FIRST_PARTY, style=style)
    after = text
    for replacement in reversed(done.replacements):
        after = after[: replacement.span.start] + replacement.text + after[replacement.span.end :]
    bound = _bound(text) - {_key(*name) for name in removals} | {_key(*name) for name in _kept(done)}
    bound |= {(module, name, None) for module, name in additions}
    assert _bound(after) == bound, (text, removals, additions, after)
    return after


def _kept(done: Removal) -> Iterable[tuple[ast.Import | ast.ImportFrom, ast.alias]]:
    return [(kept.statement, kept.alias) for kept in done.kept]


def _key(statement: ast.Import | ast.ImportFrom, alias: ast.alias) -> tuple[str, str, str | None]:
    if isinstance(statement, ast.Import):
        return alias.name, "", alias.asname
    return "." * statement.level + (statement.module or ""), alias.name, alias.asname


def _bound(text: str) -> set[tuple[str, str, str | None]]:
    return {
        _key(statement, alias)
        for statement in ast.parse(text).body
        if isinstance(statement, (ast.Import, ast.ImportFrom))
        for alias in statement.names
    }


def _ruff(folder: Path, *arguments: str) -> list[dict[str, object]]:
    ruff = shutil.which("ruff", path=str(sys.prefix) + "/bin") or "ruff"
    command = [ruff, "check", "--no-cache", "--select", "I", "--output-format", "json", *arguments, "."]
    answer = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    assert answer.returncode in (0, 1), answer.stderr.decode()
    found: list[dict[str, object]] = json.loads(answer.stdout)
    return found


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("settings", RUFF.values(), ids=RUFF.keys())
def test_ruff_is_as_content_as_before(tmp_path: Path, settings: str, newline: str) -> None:
    """Whatever is placed and removed in modules that ruff sorted, ruff finds nothing to sort afterwards."""
    project = f"[tool.ruff.lint.isort]\nknown-first-party = ['app', 'zapp']\n{settings}\n"
    style = style_from(tomllib.loads(project.replace("'app', 'zapp'", "")))
    (tmp_path / "pyproject.toml").write_text(project)
    comments = _comments(settings)
    rng = random.Random(7)
    for number in range(80):
        (tmp_path / f"m{number:03}.py").write_bytes(_module(rng, comments).replace("\n", newline).encode())
    dirty = {str(finding["filename"]) for finding in _ruff(tmp_path, "--fix")}
    before: dict[str, str] = {}
    for path in sorted(tmp_path.glob("m*.py")):
        if str(path) not in dirty:
            text = path.read_bytes().decode()
            after = _changed(text, rng, style)
            before[str(path)] = text
            path.write_bytes(after.encode())
    assert len(before) > 60
    worse = [name for name in sorted({str(finding["filename"]) for finding in _ruff(tmp_path)}) if name in before]
    shown = "\n=====\n".join(
        before[name] + "\n--- became ---\n" + (tmp_path / name).read_bytes().decode() for name in worse[:4]
    )
    assert not worse, f"{len(worse)}\n{shown}"


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("settings", ISORT.values(), ids=ISORT.keys())
def test_isort_is_as_content_as_before(settings: str, newline: str) -> None:
    """Whatever is placed and removed in modules that isort sorted, isort finds nothing to sort afterwards."""
    table = tomllib.loads(settings)
    style = style_from({"tool": {"isort": table}})
    config = isort.Config(known_first_party=frozenset({"app", "zapp"}), quiet=True, **table)
    rng = random.Random(7)
    worse = []
    count = 0
    for _ in range(80):
        text = isort.code(_module(rng, _comments(settings)).replace("\n", newline), config=config)
        if not isort.check_code(text, config=config):
            continue
        count += 1
        after = _changed(text, rng, style)
        again = isort.code(after, config=config)
        if again != after:
            worse.append(text + "\n--- became ---\n" + after + "\n--- wanted ---\n" + again)
    assert count > 60
    assert not worse, f"{len(worse)}\n" + "\n=====\n".join(worse[:4])
