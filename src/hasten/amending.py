"""What a person writes in place of new text: kept when more is rewritten around it, and checked before it is taken."""

from __future__ import annotations

import ast
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

from hasten.reviewing import Amendment

_HEAD = "# hasten: the new text of {path}, lines {first} to {last}; leave this line as it is"


def merged(text: str, amendments: Iterable[Amendment]) -> str | None:
    """Return new text as amended, or None where it rewrites lines that a person wrote otherwise.

    Args:
        text: what hasten makes of the file now, which may be more than it made when a person amended it.
        amendments: the first first; each is of what the ones before it made.
    """
    for each in amendments:
        before, after, now = _lines(each.before), _lines(each.after), _lines(text)
        kept = _compared(before, now).get_matching_blocks()
        for tag, start, end, new_start, new_end in reversed(_compared(before, after).get_opcodes()):
            if tag == "equal":
                continue
            shift = next((new - old for old, new, size in kept if old <= start and end <= old + size), None)
            if shift is None:
                return None
            now[start + shift : end + shift] = after[new_start:new_end]
        text = "".join(now)
    return text


def to_edit(path: str, text: str, stretches: Sequence[range]) -> str:
    """Return what a person gets to edit: some stretches of lines of new text, each below a line that names it."""
    lines = _lines(text)
    parts: list[str] = []
    for each in stretches:
        body = "".join(lines[each.start : each.stop])
        # A line end of old Macs would be taken for the half of another one.
        parts += [_head(path, each), "\n", body, "" if body.endswith(("\n", "\r")) or not body else "\n"]
    return "".join(parts).replace("\r\n", "\n")


def from_edited(path: str, text: str, stretches: Sequence[range], edited: str) -> str | None:
    """Return `text` with its stretches as edited, or None where a line that names one is not there as it was."""
    bodies: list[str] = []
    rest = edited
    for index, each in enumerate(stretches):
        before, found, rest = rest.partition(_head(path, each) + "\n")
        if not found or (index == 0 and before.strip()):
            return None
        bodies.append(before)
    bodies = [*bodies[1:], rest]
    lines = _lines(text)
    end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    for each, body in reversed(list(zip(stretches, bodies, strict=True))):
        new = _lines(body.replace("\r\n", "\n").replace("\n", end))
        if new and each.stop == len(lines) and not text.endswith("\n"):
            new[-1] = new[-1].removesuffix(end)
        lines[each.start : each.stop] = new
    return "".join(lines)


def wrong_with(path: str, made: str, amended: str) -> str | None:
    """Return why an amended text cannot be taken, None if it can.

    It has to compile, and what hasten awaits, enters with `async with` or goes through with `async for` must not be
    called without.
    """
    wrong = broken(path, amended)
    if wrong is not None:
        return wrong
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before, after = _Awaited(made), _Awaited(amended)
    for name, count in sorted(after.bare.items()):
        if name in before.awaited and count > before.bare[name]:
            return f"`{name}(...)` was awaited, and is not any more"
    return None


def broken(path: str, text: str) -> str | None:
    """Return why a text does not compile, None if it does."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, path, "exec", dont_inherit=True)
            _Awaited(text)
    except SyntaxError as error:
        return f"line {error.lineno}: {error.msg}" if error.lineno else error.msg
    except (ValueError, RecursionError, MemoryError) as error:
        return str(error) or type(error).__name__
    return None


class _Awaited(ast.NodeVisitor):
    """Which functions a text awaits, and how often it calls which of them without."""

    def __init__(self, text: str) -> None:
        self.awaited: set[str] = set()
        self.bare: Counter[str] = Counter()
        self._waited_for: set[int] = set()
        self.visit(ast.parse(text))

    def visit_Await(self, node: ast.Await) -> None:
        self._waits(node.value)

    def visit_AsyncWith(self, node: ast.AsyncWith) -> None:
        for item in node.items:
            self._waits(item.context_expr, visit=False)
        self.generic_visit(node)

    def visit_AsyncFor(self, node: ast.AsyncFor) -> None:
        self._waits(node.iter, visit=False)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        if node.is_async:
            self._waits(node.iter, visit=False)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = ast.unparse(node.func)
        if id(node) in self._waited_for:
            self.awaited.add(name)
        else:
            self.bare[name] += 1
        self.generic_visit(node)

    def _waits(self, node: ast.expr, *, visit: bool = True) -> None:
        if isinstance(node, ast.Call):
            self._waited_for.add(id(node))
        if visit:
            self.visit(node)


def _compared(before: Sequence[str], after: Sequence[str]) -> SequenceMatcher[str]:
    # Without autojunk, which would take frequent lines for noise.
    return SequenceMatcher(None, before, after, autojunk=False)


def _head(path: str, lines: range) -> str:
    return _HEAD.format(path=path, first=lines.start + 1, last=lines.stop)


def _lines(text: str) -> list[str]:
    """Return the lines of a text, as `hasten.diff` counts them: only LF ends one."""
    found = [f"{line}\n" for line in text.split("\n")]
    last = found.pop()[:-1]
    return [*found, last] if last else found
