"""Gives a requirement that a project declares already the extras that new code needs: `flask` -> `flask[async]`."""

from __future__ import annotations

import posixpath
import re
import tomllib
from collections.abc import Iterator

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from hasten.dependency_text import Added, AlreadyThere, CannotAdd, Outcome

#: What may stand behind the name of a distribution.
_BEHIND = r"""(?P<extras>[ \t]*\[[^\]\n"']*\])?(?=[ \t<>=!~;@#"']|$)"""


def with_extras(path: str, text: str, requirement: str) -> Outcome:
    """Return what a file becomes that lists a distribution, once it lists it with the extras of `requirement`."""
    wanted = Requirement(requirement)
    for found, new in _candidates(path, text, wanted):
        if found >= wanted.extras:
            return AlreadyThere()
        if posixpath.basename(path) != "pyproject.toml" or _dependencies(new) != _dependencies(text):
            return Added(new)
    message = f"The file lists `{wanted.name}` without what is needed of it: make it {requirement} by hand."
    return CannotAdd(message, listed=True)


def _candidates(path: str, text: str, wanted: Requirement) -> Iterator[tuple[set[str], str]]:
    """Yield the extras at each place where the distribution may be listed, and the text with those that are wanted."""
    name = re.sub(r"[-_.]+", "[-_.]+", re.escape(canonicalize_name(wanted.name)).replace(r"\-", "-"))
    base = posixpath.basename(path)
    if base == "pyproject.toml":
        before = r"(?<=[\"'])"
    elif path.endswith((".txt", ".in")):
        before = r"^"
    else:
        return
    for match in re.finditer(f"{before}(?P<name>{name}){_BEHIND}", text, re.IGNORECASE | re.MULTILINE):
        extras: set[str] = {canonicalize_name(each) for each in re.findall(r"[\w.-]+", match["extras"] or "")}
        if extras >= wanted.extras and base == "pyproject.toml":
            without = text[: match.end("name")] + text[match.end() :]
            if _dependencies(without) == _dependencies(text):
                continue  # it is listed in another group
        listed = ",".join(sorted(extras | wanted.extras))
        yield extras, f"{text[: match.end('name')]}[{listed}]{text[match.end() :]}"


def _dependencies(text: str) -> object:
    """Return the dependencies that every installation of a project has, as `[project]` lists them."""
    project = tomllib.loads(text).get("project", {})
    return project.get("dependencies") if isinstance(project, dict) else None
