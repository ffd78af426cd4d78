"""What a project's metadata say of it as a distribution: whether others may install it, and on which Pythons."""

from __future__ import annotations

import configparser
import posixpath
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

#: `>=3.9`, `~=3.9`, `^3.9` and `>3.8` say which Python is the oldest.
_OLDEST = re.compile(r"(?:>=|~=|\^|==)\s*3\.(\d+)|>\s*3\.(\d+)")
_PRIVATE = "private ::"


@dataclass(frozen=True, slots=True)
class Distribution:
    """A project as others see it.

    Attributes:
        shared: others may install it, and import what it holds.
        python: the oldest version of Python that it is said to run on, None where nothing says so.
    """

    shared: bool = False
    python: tuple[int, int] | None = None


def distribution(texts: Mapping[str, str], paths: Iterable[str]) -> Distribution:
    """Return what is known of a project.

    Args:
        texts: metadata files by path; what cannot be parsed says nothing.
        paths: all Python files of the project.
    """
    shared = any(posixpath.basename(each) == "setup.py" for each in paths)
    pythons: list[tuple[int, int]] = []
    for path, text in sorted(texts.items()):
        name = posixpath.basename(path)
        if name == "pyproject.toml":
            project = _project(text)
            said = project.get("requires-python") or project.get("dependencies", {}) if project else ""
            said = said.get("python", "") if isinstance(said, dict) else said
            classifiers = project.get("classifiers", ())
            private = any(str(each).lower().startswith(_PRIVATE) for each in classifiers)
            shared = shared or (bool(project.get("name")) and not private)
        elif name == "setup.cfg":
            found = _section(text, "metadata")
            shared = shared or "name" in found
            said = _section(text, "options").get("python_requires", "")
        else:
            continue
        oldest = _OLDEST.search(str(said)) if said else None
        if oldest is not None:
            pythons.append((3, int(oldest[1])) if oldest[1] else (3, int(oldest[2]) + 1))
    return Distribution(shared, min(pythons, default=None))


def _project(text: str) -> dict[str, Any]:
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}
    tool = found.get("tool", {})
    project = found.get("project") or (tool.get("poetry") if isinstance(tool, dict) else None) or {}
    return project if isinstance(project, dict) else {}


def _section(text: str, section: str) -> Mapping[str, str]:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    return dict(parser.items(section)) if parser.has_section(section) else {}
