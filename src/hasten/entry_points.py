"""What a project's metadata calls from outside: its commands, and what plugins are found by."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_NAME = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
#: `app.cli:main`, with or without extras.
_REFERENCE = re.compile(rf"\s*({_NAME})\s*:\s*({_NAME})\s*(?:\[[^\]]*\])?\s*")
#: `serve = app.cli:main`, which is how setup.cfg and the strings of setup.py say it; what else looks like that is
#: taken for an entry point as well: it names nothing of the program, as a rule.
_ASSIGNED = re.compile(rf"=[\s\"']*({_NAME})[ \t]*:[ \t]*({_NAME})")
#: The tables of pyproject.toml that hold entry points.
_TABLES = (
    ("project", "scripts"),
    ("project", "gui-scripts"),
    ("project", "entry-points"),
    ("tool", "poetry", "scripts"),
    ("tool", "poetry", "plugins"),
    ("tool", "flit", "scripts"),
    ("tool", "flit", "entrypoints"),
)


def entry_points(texts: Mapping[str, str]) -> frozenset[str]:
    """Return every entry point as `module:name`, names within classes with dots.

    Args:
        texts: metadata files by path; those that are no pyproject.toml, setup.cfg or setup.py hold none, and neither
            does what cannot be parsed.
    """
    found: set[str] = set()
    for path, text in texts.items():
        match path.rpartition("/")[2]:
            case "pyproject.toml":
                found.update(_in_pyproject(text))
            case "setup.cfg" | "setup.py":
                found.update(f"{each[1]}:{each[2]}" for each in _ASSIGNED.finditer(text))
            case _:
                continue
    return frozenset(found)


def _in_pyproject(text: str) -> Iterator[str]:
    import tomllib

    try:
        data: Any = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    for keys in _TABLES:
        table = data
        for key in keys:
            table = table.get(key) if isinstance(table, dict) else None
        for each in _strings(table):
            reference = _REFERENCE.fullmatch(each)
            if reference is not None:
                yield f"{reference[1]}:{reference[2]}"


def _strings(value: object) -> Iterator[str]:
    """Yield all strings in a value: Poetry and plugins have tables within tables."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _strings(each)
