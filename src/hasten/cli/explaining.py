"""What `explain PATH:LINE` says: what becomes of the function at a line, and why."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hasten import config as configuration
from hasten import pipeline, registry, source
from hasten import plan as planning
from hasten.cli import streams
from hasten.cli.places import Shown, here, shown_from
from hasten.cli.progress import Bar
from hasten.cli.session import cache_path, chosen_from
from hasten.cli.telling import change_lines, refusal_line
from hasten.discover import Discovered, discover, find_root, is_marked
from hasten.errors import SourceError, UsageError
from hasten.text import LineTable

if TYPE_CHECKING:
    from hasten.api import Codemod
    from hasten.index.program import Note
    from hasten.model import Plan


@dataclass(frozen=True, slots=True)
class _Function:
    """A function in a file.

    Attributes:
        name: its qualified name.
        start: the offset of its definition, decorators not included.
        first, last: its lines, decorators included.
        is_async: it is a coroutine function.
    """

    name: str
    start: int
    first: int
    last: int
    is_async: bool


def lines(path: str, line: int) -> list[str]:
    """Run all codemods on the project of a file, and return what there is to say about the function at a line.

    Raises:
        HastenError: there is no such file or line, it cannot be parsed, or the configuration is wrong.
    """
    cwd = here()
    installed = registry.load()
    root = find_root([Path(path)], cwd)
    config = configuration.load(root, None, installed.codemods)
    real = Path(os.path.realpath(cwd / path))
    name = Path(os.path.relpath(real, root)).as_posix()
    text = _text(root, name, path, line)
    function = _function_at(text, path, line)
    found = discover([root if is_marked(root) else real], root=root, exclude=config.exclude)
    request = _request(root, config, found, installed.codemods, f"{name}:{function.start}" if function else "")
    if name not in {*found.targets, *found.context}:
        message = f"{path} is none of the files that are looked at in {root}; git ignores it, or it is excluded"
        raise UsageError(message)
    chosen = chosen_from(config, installed.codemods)
    with Bar() as progress:
        explanation = pipeline.explain(request, chosen, progress)
    shown = shown_from(root)
    made = function is not None and _is_made(explanation.plan, name, function.start)
    told = list(_about(function, f"{shown(name)}:{line}", explanation.notes, made=made))
    first, last = (function.first, function.last) if function is not None else (line, line)
    inside = list(_inside(explanation.plan, name, range(first, last + 1), shown))
    for problem in explanation.plan.problems:
        streams.fail(f"{shown(problem.path)}: {problem.message}")
    return [*told, *(["", *inside] if inside else [])]


def demand_line(word: str) -> None:
    """Refuse a word that names a file but no line of it; other words are none of ours.

    Raises:
        UsageError: it is `PATH` or `PATH:something`, with something that is no line number.
    """
    path, _, line = word.rpartition(":") if not _is_file(word) else (word, "", "")
    if not _is_file(path):
        return
    wrong = f"{line!r} is no number of a line; " if line else ""
    message = f"{path}: {wrong}name one of its lines, as in {path}:1"
    raise UsageError(message)


def _is_file(path: str) -> bool:
    """Tell whether a word is the path of a Python file, be it there or not, or of any file that is there."""
    return path.endswith((".py", ".pyi")) or (bool(path) and (here() / path).is_file())


def _request(
    root: Path,
    config: configuration.Config,
    found: Discovered,
    installed: Iterable[Codemod],
    watched: str,
) -> pipeline.Request:
    return pipeline.Request(
        root,
        config,
        found.targets,
        found.context,
        jobs=config.jobs,
        cache=cache_path(),
        dependencies=False,
        known=tuple(each.name for each in installed),
        watched=watched,
    )


def _text(root: Path, name: str, path: str, line: int) -> str:
    try:
        text = source.read(root, name).text
    except SourceError as error:
        message = f"{path}: {error}"
        raise UsageError(message) from None
    count = len(LineTable(text)) - text.endswith(("\n", "\r"))
    if not 1 <= line <= count:
        message = f"{path} has no line {line}; it has {count}"
        raise UsageError(message)
    return text


def _function_at(text: str, path: str, line: int) -> _Function | None:
    """Return the innermost function around a line, None where there is none."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        message = f"{path} cannot be parsed by this Python; mend it, or run hasten with the Python that it is for"
        raise UsageError(message) from None
    table = LineTable(text)
    best: _Function | None = None
    for node, names in _definitions(tree, ()):
        first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
        last = node.end_lineno or node.lineno
        if first <= line <= last and not isinstance(node, ast.ClassDef):
            start = table.offset(node.lineno, node.col_offset)
            best = _Function(".".join(names), start, first, last, isinstance(node, ast.AsyncFunctionDef))
    return best


def _definitions(
    node: ast.AST, around: tuple[str, ...]
) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, tuple[str, ...]]]:
    """Yield functions and classes with their names, outer ones first."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield child, (*around, child.name)
            yield from _definitions(child, (*around, child.name))
        else:
            yield from _definitions(child, around)


def _is_made(plan: Plan, path: str, start: int) -> bool:
    """Tell whether a change that could be taken makes, or needs, a coroutine function of the one at `start`."""
    possible = planning.close(plan, [each.id for each in plan.changes if not each.support])
    kept = [each for each in plan.changes if each.support and each.id in possible]
    return any(edit.path == path and edit.span.start == start for each in kept for edit in each.edits)


def _about(function: _Function | None, place: str, notes: Sequence[Note], *, made: bool) -> Iterator[str]:
    if function is None:
        yield f"{place}: in no function"
        return
    yield f"{place}: `{function.name}`{' is a coroutine function' if function.is_async else ''}"
    told = [f"  {each.codemod}: {each.text}" for each in notes]
    # The callers of what cannot become a coroutine function are not looked for.
    yield from told or ["  no codemod found a way from it to a call that it would await"]
    if any(each.converts for each in notes) and not made:
        yield "  but a comment forbids that change, or all that need it, or another change is in its way"


def _inside(plan: Plan, path: str, where: range, shown: Shown) -> Iterator[str]:
    """Yield what was found in some lines of a file."""
    for change in plan.changes:
        if any(edit.path == path and edit.start.line in where for edit in change.edits):
            yield from change_lines(change, shown)
    for refusal in plan.refusals:
        if refusal.path == path and refusal.start.line in where:
            yield refusal_line(refusal, shown)
