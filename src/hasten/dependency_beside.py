"""Adds a requirement next to another one that a metadata file lists, in whatever group that is: text in, text out."""

from __future__ import annotations

import posixpath
import tomllib
from collections.abc import Iterator, Mapping, Sequence

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from hasten.dependency_text import (
    Added,
    AlreadyThere,
    CannotAdd,
    Outcome,
    add_to_requirements,
    add_to_setup_cfg,
    extras_of_setup_cfg,
    lines_of_requirements,
    name_of,
    standing,
)
from hasten.dependency_toml import line_into_table, string_into_array


def add_next_to(path: str, text: str, requirement: str, beside: str) -> Outcome:
    """Return what a metadata file becomes with a requirement in the group that lists the distribution `beside`.

    The first such group takes it; a file that has none is left as it is (`CannotAdd.elsewhere`).

    Raises:
        packaging.requirements.InvalidRequirement: `requirement` is not one.
    """
    match posixpath.basename(path):
        case "pyproject.toml":
            return _in_pyproject(text, requirement, beside)
        case "setup.cfg":
            return _in_setup_cfg(text, requirement, beside)
        case "setup.py":
            if beside in text:
                return CannotAdd(f"Where setup.py lists {beside} is not told: add {requirement} there.", elsewhere=True)
            return _none(beside)
        case _:
            listed = any(name_of(each) == beside for each in lines_of_requirements(text))
            return add_to_requirements(text, requirement) if listed else _none(beside)


def _none(beside: str) -> CannotAdd:
    return CannotAdd(f"The file does not list {beside}.", elsewhere=True)


def _in_pyproject(text: str, requirement: str, beside: str) -> Outcome:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return CannotAdd(f"The file is not valid TOML: {error}.")
    arrays = list(_arrays(data))
    everything = [item for _, items in arrays for item in items]
    there = standing(everything, requirement)
    name = canonicalize_name(Requirement(requirement).name)
    tables = list(_poetry_tables(data))
    if there is not None:
        return there
    if any(canonicalize_name(key) == name for _, table in tables for key in table):
        return AlreadyThere()
    advice = CannotAdd(f"The file is laid out in a way that cannot be edited safely: add {requirement} by hand.")
    for path, items in arrays:
        if any(name_of(item) == beside for item in items):
            new = string_into_array(text, path, requirement)
            return Added(new) if new is not None and _adds(new, path, requirement) else advice
    for path, table in tables:
        if any(canonicalize_name(key) == beside for key in table):
            new = line_into_table(text, path, f'{name} = "{Requirement(requirement).specifier}"')
            return Added(new) if new is not None and name in _at(tomllib.loads(new), path) else advice
    return _none(beside)


def _adds(text: str, path: Sequence[str], requirement: str) -> bool:
    """Tell whether a list of the file holds the requirement now."""
    try:
        return requirement in _at(tomllib.loads(text), path)
    except tomllib.TOMLDecodeError:
        return False


def _at(data: object, path: Sequence[str]) -> Sequence[object] | Mapping[str, object]:
    for key in path:
        data = data[key] if isinstance(data, Mapping) and key in data else ()
    return data if isinstance(data, (list, Mapping)) else ()


def _arrays(data: Mapping[str, object]) -> Iterator[tuple[list[str], list[str]]]:
    """Yield the lists of requirements in a pyproject.toml, those for tests first, by their paths."""
    ways = [["dependency-groups"], ["project", "optional-dependencies"], ["tool", "pdm", "dev-dependencies"]]
    ways.append(["tool", "hatch", "envs"])
    for way in ways:
        groups = _at(data, way)
        for key in groups if isinstance(groups, Mapping) else ():
            inner = ["dependencies"] if way[-1] == "envs" else []
            items = _at(data, [*way, key, *inner])
            if isinstance(items, list):
                yield [*way, key, *inner], [each for each in items if isinstance(each, str)]
    for way in (["tool", "uv", "dev-dependencies"], ["project", "dependencies"]):
        items = _at(data, way)
        if isinstance(items, list):
            yield way, [each for each in items if isinstance(each, str)]


def _poetry_tables(data: Mapping[str, object]) -> Iterator[tuple[list[str], Mapping[str, object]]]:
    poetry = ["tool", "poetry"]
    groups = _at(data, [*poetry, "group"])
    names = list(groups) if isinstance(groups, Mapping) else []
    ways = [[*poetry, "group", str(name), "dependencies"] for name in names]
    for way in (*ways, [*poetry, "dev-dependencies"], [*poetry, "dependencies"]):
        table = _at(data, way)
        if isinstance(table, Mapping):
            yield way, table


def _in_setup_cfg(text: str, requirement: str, beside: str) -> Outcome:
    extras = extras_of_setup_cfg(text)
    there = standing([item for items in extras.values() for item in items], requirement)
    if there is not None:
        return there
    for extra, items in extras.items():
        if any(name_of(item) == beside for item in items):
            return add_to_setup_cfg(text, requirement, optional=extra)
    return _none(beside)
