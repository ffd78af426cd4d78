"""Count database calls by their names alone, as a check on what hasten itself counts.

What hasten calls a blocking call depends on what it can follow: a connection that it cannot follow is one, however much
is done with it. This count knows nothing of connections, so it does not change when hasten learns to follow more.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

MODULES = {"sqlite3", "aiosqlite"}
METHODS = {"execute", "executemany", "executescript", "commit", "rollback", "fetchone", "fetchmany", "fetchall"}


def count(texts: Mapping[str, str], paths: Iterable[str]) -> tuple[int, int]:
    """Return how many such calls there are in some files, and how many of them are awaited.

    Args:
        texts: the text of each file by its path.
        paths: the files to look at.
    """
    found = awaited = 0
    for path in paths:
        tree = _parsed(texts[path])
        waited = set(_waited(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _is_meant(node.func):
                found += 1
                awaited += node in waited
    return found, awaited


def importing(texts: Mapping[str, str]) -> list[str]:
    """Return the files that import one of the modules."""
    return sorted(path for path, text in texts.items() if path.endswith(".py") and _imports(_parsed(text)))


def _parsed(text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def _imports(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names) if MODULES & {each.name for each in names}:
                return True
            case ast.ImportFrom(module=str(module)) if module in MODULES:
                return True
            case _:
                pass
    return False


def _is_meant(function: ast.expr) -> bool:
    match function:
        case ast.Attribute(value=ast.Name(id=module), attr="connect"):
            return module in MODULES
        case ast.Attribute(attr=name):
            return name in METHODS
        case _:
            return False


def _waited(tree: ast.Module) -> Iterator[ast.expr]:
    """Yield what is awaited, entered by `async with`, or gone through by `async for`."""
    for node in ast.walk(tree):
        match node:
            case ast.Await(value=value):
                yield value
            case ast.AsyncWith(items=items):
                yield from (each.context_expr for each in items)
            case ast.AsyncFor(iter=value) | ast.comprehension(iter=value, is_async=1):
                yield value
            case _:
                pass
