"""Adds a requirement to a project's metadata, wherever that is kept, without touching another byte.

Pure: texts in, texts out. `add` edits one file; `add_to_project` finds, among all metadata files of a tree, those
that declare what a Python file needs at run time, and edits each of them.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache

from packaging.requirements import Requirement

from hasten.dependency_beside import add_next_to
from hasten.dependency_extras import with_extras
from hasten.dependency_text import (
    LINE,
    Added,
    AlreadyThere,
    CannotAdd,
    Outcome,
    add_to_requirements,
    add_to_setup_cfg,
    add_to_setup_py,
    included,
)
from hasten.dependency_toml import add_to_pyproject
from hasten.model import Span, TextEdit
from hasten.text import LineTable

__all__ = [
    "Added",
    "AlreadyThere",
    "CannotAdd",
    "Outcome",
    "add",
    "add_beside",
    "add_to_project",
    "metadata_files",
    "to_edit",
]

# In the order in which they are reported. What is for development, tests or documentation alone is not among them.
_GOVERNING = re.compile(
    r"pyproject\.toml|setup\.cfg|setup\.py|requirements\.(?:in|txt)|requirements/(?:base|main|prod)\.(?:in|txt)"
)


#: Those that may list what tests need.
_LISTING = re.compile(
    r"pyproject\.toml|setup\.cfg|setup\.py|[^/]*requirements[^/]*\.(?:in|txt)|requirements/[^/]*\.(?:in|txt)"
)


def metadata_files(paths: Collection[str], for_file: str) -> tuple[str, ...]:
    """Return which of `paths` govern the Python file `for_file`: those of the nearest directory above that has any.

    All paths are POSIX and relative to one root. `requirements/base.txt` counts for the directory that holds
    `requirements/`. Files for development, tests or documentation are never among them.
    """
    return next(_levels(paths, for_file), ())


def _levels(paths: Collection[str], for_file: str) -> Iterator[tuple[str, ...]]:
    """Yield the governing files of each directory above `for_file` that has any, from the nearest up."""
    directory = for_file
    while directory:
        directory = posixpath.dirname(directory)
        prefix = f"{directory}/" if directory else ""
        found = sorted(
            path for path in set(paths) if path.startswith(prefix) and _GOVERNING.fullmatch(path[len(prefix) :])
        )
        if found:
            yield tuple(found)


@lru_cache(maxsize=64)  # every changed file of a project asks for the same
def add(path: str, text: str, requirement: str, *, optional: str | None = None, beside: str = "") -> Outcome:
    """Return what `text`, the metadata file at `path`, becomes with one more requirement.

    `requirement` is a PEP 508 string; `optional` names the extra that it belongs to instead of the dependencies that
    every installation has, and `beside` a distribution, next to which it is listed wherever that is. Comments,
    order, indentation, quotes and line ends stay as they are.

    Raises:
        packaging.requirements.InvalidRequirement: `requirement` is not one.
    """
    wanted = Requirement(requirement)
    if beside:
        return add_next_to(path, text, requirement, beside)
    if wanted.extras:
        plain = add(path, text, f"{wanted.name}{wanted.specifier}", optional=optional)
        if isinstance(plain, AlreadyThere):
            return with_extras(path, text, requirement)
    match posixpath.basename(path):
        case "pyproject.toml":
            return add_to_pyproject(text, requirement, optional=optional)
        case "setup.cfg":
            return add_to_setup_cfg(text, requirement, optional=optional)
        case "setup.py":
            return add_to_setup_py(text, requirement, optional=optional)
        case _:
            return add_to_requirements(text, requirement, optional=optional)


def add_to_project(
    texts: Mapping[str, str], for_file: str, requirement: str, *, optional: str | None = None
) -> tuple[tuple[str, Outcome], ...]:
    """Return what becomes of each file that declares run-time dependencies of `for_file`, sorted by path.

    `texts` holds all metadata files of the tree by path. The nearest directory above `for_file` counts in which a
    file declares dependencies at all, or reads them from another file, which is then edited in its place. A
    `CannotAdd` among the outcomes is for the person to read; if nothing in the tree declares dependencies, there is
    nothing else.

    Raises:
        packaging.requirements.InvalidRequirement: `requirement` is not one.
    """
    nearest: dict[str, Outcome] = {}
    for level in _levels(texts, for_file):
        outcomes = {path: add(path, texts[path], requirement, optional=optional) for path in level}
        for path, outcome in list(outcomes.items()):
            if isinstance(outcome, CannotAdd):
                outcomes.update(_followed(texts, path, outcome, requirement))
        _drop_includers(texts, outcomes)
        declaring = {
            path: outcome
            for path, outcome in outcomes.items()
            if not (isinstance(outcome, CannotAdd) and outcome.elsewhere)
        }
        if declaring:
            return tuple(sorted(declaring.items(), key=lambda item: item[0]))
        nearest = nearest or outcomes
    return tuple(sorted(nearest.items(), key=lambda item: item[0]))


def add_beside(
    texts: Mapping[str, str], for_file: str, requirement: str, beside: str
) -> tuple[tuple[str, Outcome], ...]:
    """Return what becomes of each file that lists `beside`, in the nearest directory above `for_file` that has one.

    Nothing where no file of the tree does, or where all that do are written in a way that cannot be edited.

    Raises:
        packaging.requirements.InvalidRequirement: `requirement` is not one.
    """
    directory = for_file
    while directory:
        directory = posixpath.dirname(directory)
        prefix = f"{directory}/" if directory else ""
        here = [path for path in sorted(texts) if path.startswith(prefix) and _LISTING.fullmatch(path[len(prefix) :])]
        outcomes = [(path, add(path, texts[path], requirement, beside=beside)) for path in here]
        listing = [each for each in outcomes if not (isinstance(each[1], CannotAdd) and each[1].elsewhere)]
        if listing:
            return tuple(listing)
    return ()


def _followed(
    texts: Mapping[str, str], path: str, outcome: CannotAdd, requirement: str
) -> Iterator[tuple[str, Outcome]]:
    """Yield the outcomes for the files that `path` reads its dependencies from."""
    for file in outcome.files:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), file))
        if target in texts:
            yield target, add_to_requirements(texts[target], requirement)
        else:
            reason = f"The dependencies are read from {file}, which was not found: add {requirement} there."
            yield path, CannotAdd(reason)


def _drop_includers(texts: Mapping[str, str], outcomes: dict[str, Outcome]) -> None:
    """Leave out requirements files that include another one which lists the requirement now."""
    for path in sorted(outcomes):
        if isinstance(outcomes[path], Added) and path.endswith((".txt", ".in")):
            targets = {
                posixpath.normpath(posixpath.join(posixpath.dirname(path), file)) for file in included(texts[path])
            }
            if any(_lists_it(outcomes.get(target)) for target in sorted(targets - {path})):
                del outcomes[path]


def _lists_it(outcome: Outcome | None) -> bool:
    return isinstance(outcome, (Added, AlreadyThere)) or (isinstance(outcome, CannotAdd) and outcome.listed)


def to_edit(path: str, old: str, new: str) -> TextEdit:
    """Return the replacement of the fewest whole lines of `old` that makes it `new`."""
    before, after = LINE.findall(old), LINE.findall(new)
    head = 0
    while head < min(len(before), len(after)) and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < min(len(before), len(after)) - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    start = sum(map(len, before[:head]))
    end = len(old) - sum(map(len, before[len(before) - tail :]))
    text = "".join(after[head : len(after) - tail])
    table = LineTable(old)
    return TextEdit(path, Span(start, end), table.position(start), table.position(end), text)
