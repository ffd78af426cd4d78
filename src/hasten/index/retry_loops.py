"""Loops that try something again by hand, whatever else they do: one that goes well leaves the loop, others go on.

    for _ in range(3):                  for _ in range(3):
        try:                                answer = ask()
            return ask()                    if answer.status_code == 200:
        except Failed:                          return answer
            pass                            time.sleep(1)

One that goes through items, or through pages, is none: each of its rounds does something else.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

#: Functions that count rounds, and name nothing that a round is about.
_COUNTING = frozenset({"range", "count", "repeat"})
#: Attributes of answers that say whether there is one.
_STATUS = frozenset({"status_code", "status", "ok", "is_success", "is_error", "is_server_error"})
_STATUS_NAMED = re.compile(rf"\b(?:{'|'.join(sorted(_STATUS))})\b")
#: What a second request of the same kind does not change.
_FINAL = frozenset({400, 401, 403, 404, 407, 409, 410, 422})
_SLEEPS = frozenset({"sleep", "wait"})
_LEAVING = (ast.Return, ast.Break)


def is_trying(loop: ast.For | ast.AsyncFor | ast.While) -> bool:
    """Tell whether each round of a loop tries the same again, and the first that goes well is the last."""
    if not isinstance(loop, ast.While) and not _only_counts(loop):
        return False
    if isinstance(loop, ast.While) and _is_status(loop.test):
        return True  # while answer.status_code == 503: answer = ask()
    inside = [*_statements(loop.body)]
    if any(isinstance(each, ast.Try) and _is_attempt(each) for each in inside):
        return True
    waits = any(_is_sleep(each) for one in loop.body for each in ast.walk(one))
    counts = not isinstance(loop, ast.While)
    return (waits or counts) and any(isinstance(each, ast.If) and _asks_status(each) for each in inside)


def names_status(text: str) -> bool:
    """Tell whether a module has the name of an attribute of answers anywhere: most have none."""
    return _STATUS_NAMED.search(text) is not None


def asks_again(branch: ast.If) -> bool:
    """Tell whether a branch is for answers that may be better the next time: `if answer.status_code == 503:`."""
    return _is_status(branch.test) and not any(
        isinstance(each, ast.Constant) and each.value in _FINAL for each in ast.walk(branch.test)
    )


def _only_counts(loop: ast.For | ast.AsyncFor) -> bool:
    """Tell whether a `for` goes through numbers that are no part of what it tries."""
    made = loop.iter
    name = made.func if isinstance(made, ast.Call) else None
    tail = name.attr if isinstance(name, ast.Attribute) else getattr(name, "id", "")
    if tail not in _COUNTING or not isinstance(loop.target, ast.Name):
        return False
    tried = [one for each in _statements(loop.body) if isinstance(each, ast.Try) for one in each.body]
    read = (each for one in tried for each in ast.walk(one) if isinstance(each, ast.Name))
    return all(each.id != loop.target.id for each in read)


def _is_attempt(attempt: ast.Try) -> bool:
    """Tell whether a `try` leaves the loop where it goes well, and goes on where it does not."""
    goes_on = any(not isinstance(each.body[-1], (*_LEAVING, ast.Raise)) for each in attempt.handlers)
    goes_well = any(isinstance(each, _LEAVING) for each in _statements([*attempt.body, *attempt.orelse]))
    return goes_on and goes_well


def _asks_status(branch: ast.If) -> bool:
    """`if answer.status_code == 200: return answer`."""
    return _is_status(branch.test) and any(
        isinstance(each, (*_LEAVING, ast.Continue)) for each in [*branch.body, *branch.orelse]
    )


def _is_status(test: ast.expr) -> bool:
    return any(isinstance(each, ast.Attribute) and each.attr in _STATUS for each in ast.walk(test))


def _is_sleep(node: ast.AST) -> bool:
    name = node.func if isinstance(node, ast.Call) else None
    return (name.attr if isinstance(name, ast.Attribute) else getattr(name, "id", "")) in _SLEEPS


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a loop at any depth, those of loops and functions inside left out."""
    for each in body:
        yield each
        if isinstance(each, (ast.For, ast.AsyncFor, ast.While, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        for name in ("body", "orelse", "finalbody"):
            yield from _statements(getattr(each, name, []))
        for handler in getattr(each, "handlers", []):
            yield from _statements(handler.body)
