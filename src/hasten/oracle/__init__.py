"""The type checker's answer to "which functions can this call reach?", and to "what is wrong with these texts?".

This package alone knows which checker that is: pyrefly, run once over a copy of the program in a temporary directory.
The copy is made of decoded texts, so that the checker sees what hasten sees (overlays, Latin-1, files that an ignore
rule or the project's own configuration would hide from it), and nothing is ever written beside the user's files.

An answer is only given where it is whole. Where a receiver may be something that the checker does not know, or where
the program itself contradicts what the checker believes (`hasten.oracle.doubts`), the answer is None.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING

from hasten.errors import SourceError
from hasten.oracle.checker import find_executable, run
from hasten.oracle.doubts import Doubts
from hasten.oracle.failure import OracleError
from hasten.oracle.report import Problem, Report, Target
from hasten.oracle.roots import Group, groups
from hasten.oracle.walking import walk
from hasten.source import read
from hasten.text import LineTable

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Oracle", "OracleError", "Problem", "Question", "Target", "new_problems", "problems"]

#: A place that is asked about: a path relative to the root, and the character offset at which the last name of an
#: expression begins, such as that of `save` in `m.save()`.
Question = tuple[str, int]

#: Seconds that one run of the checker may take before it counts as hung: many times what a large program needs.
DEADLINE = 300.0


class Oracle:
    """Answers questions about one state of one program; a context manager.

    The checker runs when the first question is asked, over all files, and is gone when the answer is there. What it
    found is kept in a temporary directory until `close`.
    """

    def __init__(
        self,
        root: Path,
        files: Sequence[str],
        overlay: Mapping[str, str] | None = None,
        executable: Path | None = None,
        *,
        libraries: Sequence[Path] = (),
        python: tuple[int, int] = sys.version_info[:2],
        deadline: float = DEADLINE,
    ) -> None:
        """Take the program; nothing is read or started yet.

        Args:
            root: the directory that paths are relative to.
            files: POSIX paths of the program's Python files, in any order. Stubs (`.pyi`) among them are left out:
                what is asked for are the functions that run.
            overlay: decoded texts that stand for a file's own, or for a file that does not exist yet.
            executable: the checker; by default it is looked for beside the interpreter and on PATH.
            libraries: directories of installed packages (`.../site-packages/aiosqlite`) or files of modules that the
                program may import. All others that are not in the program are unknown to the checker, installed or
                not, so that answers do not depend on the environment.
            python: the version of Python that the program is checked for.
            deadline: seconds that one run of the checker may take.
        """
        self._root = root
        self._overlay = dict(overlay or {})
        self._files = sorted(each for each in {*files, *self._overlay} if each.endswith(".py"))
        self._executable = executable
        self._libraries = tuple(libraries)
        self._python = python
        self._deadline = deadline
        self._directory: TemporaryDirectory[str] | None = None
        self._texts: dict[str, str] = {}
        self._reports: dict[Group, Report] = {}
        self._groups: dict[str, Group] = {}
        self._named: dict[str, dict[int, _Place]] = {}
        self._doubts = Doubts({})
        self._judged = False

    def __enter__(self) -> Self:
        """Return the oracle itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Remove what the checker left in the temporary directory; a question asked later starts anew."""
        self._reports.clear()
        self._texts.clear()
        self._groups.clear()
        self._named.clear()
        self._doubts = Doubts({})
        self._judged = False
        if self._directory is not None:
            self._directory.cleanup()
            self._directory = None

    def targets(self, questions: Iterable[Question]) -> dict[Question, tuple[Target, ...] | None]:
        """Return the definitions that each call can reach, in order of path and line.

        A class stands for its constructor. Overrides of a method in subclasses are not included. A decorated function
        stands for what its decorator makes of it. A name that is not called is answered as if it were, and a property
        that is read with its getter. None is given where the checker does not know, or does not know all of it:
        unknown receivers, unions with an unknown member, code that cannot run on this version of Python, files that
        do not parse or cannot be decoded, and offsets at which no name is.

        Raises:
            OracleError: the checker is missing, fails, or takes longer than the deadline.
        """
        self._start()
        return {question: self._answer(*question) for question in questions}

    def problems(self) -> list[Problem]:
        """Return everything that the checker finds wrong with the program, in order of place.

        Comments that silence type checkers do not count. Raises what `targets` raises.
        """
        self._start()
        return sorted(
            each
            for group, report in self._reports.items()
            for each in report.problems
            if self._groups.get(each.path) == group
        )

    def _answer(self, path: str, offset: int) -> tuple[Target, ...] | None:
        place = self._places(path).get(offset)
        if place is None:
            return None
        report = self._reports[self._groups[path]]
        found = report.targets(path, place.key, place.receiver, called=place.called)
        if not found:
            return None
        if not self._judged:
            self._judged = True
            self._doubts.judge(self.problems())
        return None if self._doubts.bears_on(path, place.node, found) else found

    def _places(self, path: str) -> dict[int, _Place]:
        """Return the names of a file that questions can be about, by their offset."""
        if path not in self._named:
            self._named[path] = _places(self._texts[path]) if path in self._texts else {}
        return self._named[path]

    def _start(self) -> None:
        """Copy the program and run the checker, once for each way in which its imports have to be read."""
        if self._directory is not None:
            return
        executable = find_executable(self._executable)
        self._directory = TemporaryDirectory(prefix="hasten-oracle-")
        try:
            base = Path(self._directory.name).resolve()
            self._texts = {path: text for path, text in self._read() if _copy(base, path, text)}
            copied = list(self._texts)
            self._groups = groups(self._texts)

            def read() -> None:
                self._doubts = Doubts(self._texts)

            for number, group in enumerate(dict.fromkeys(self._groups.values())):
                members = [path for path in copied if self._groups[path] == group]
                report = run(
                    executable,
                    base,
                    group,
                    [] if len(members) == len(copied) else members,
                    libraries=self._libraries,
                    python=self._python,
                    deadline=self._deadline,
                    meanwhile=None if number else read,
                )
                self._reports[group] = Report(report, base, self._libraries)
        except BaseException:
            self.close()
            raise

    def _read(self) -> Iterator[tuple[str, str]]:
        for path in self._files:
            try:
                yield path, self._overlay[path] if path in self._overlay else read(self._root, path).text
            except SourceError:
                continue  # it is reported where it is to be rewritten; here it is simply not known


def problems(
    root: Path,
    files: Sequence[str],
    overlay: Mapping[str, str] | None = None,
    executable: Path | None = None,
    *,
    libraries: Sequence[Path] = (),
) -> list[Problem]:
    """Return what the checker finds wrong with a program; see `Oracle` for arguments and errors."""
    with Oracle(root, files, overlay, executable, libraries=libraries) as oracle:
        return oracle.problems()


def new_problems(before: Iterable[Problem], after: Iterable[Problem]) -> list[Problem]:
    """Return the problems of `after` that `before` does not have; lines may have moved, so they are not compared."""
    left: dict[tuple[str, str, str], int] = {}
    for each in before:
        kind = (each.path, each.code, each.message)
        left[kind] = left.get(kind, 0) + 1
    new = []
    for each in sorted(after):
        kind = (each.path, each.code, each.message)
        left[kind] = left.get(kind, 0) - 1
        if left[kind] < 0:
            new.append(each)
    return new


@dataclass(frozen=True, slots=True)
class _Place:
    """A name in a file.

    Attributes:
        node: the expression that ends with it.
        key: the place under which the checker reports what is reached from it.
        receiver: the place of the expression before the last dot, if there is one.
        called: it is called there.
    """

    node: ast.Name | ast.Attribute
    key: str
    receiver: str
    called: bool


def _copy(base: Path, path: str, text: str) -> bool:
    """Write the checker's copy of a file; False where the system cannot hold it."""
    target = base / "tree" / path
    try:
        # The bytes are written, since the text layer would alter newlines, by which lines are counted.
        data = text.encode("utf-8")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    except (OSError, ValueError):
        return False
    return True


def _places(text: str) -> dict[int, _Place]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    lines = LineTable(text)
    found: dict[int, _Place] = {}
    callees: set[int] = set()
    for call in walk(tree, (ast.Call,)):
        if isinstance(call.func, ast.Name | ast.Attribute):
            callees.add(id(call.func))
            _add(found, text, lines, call.func, _key(call), called=True)
    for node in walk(tree, (ast.Name, ast.Attribute)):
        if isinstance(node.ctx, ast.Load) and id(node) not in callees:
            key = _key(node) if isinstance(node, ast.Attribute) else f"{_key(node)}|identifier|{node.id}"
            _add(found, text, lines, node, key, called=False)
    return found


def _add(
    found: dict[int, _Place], text: str, lines: LineTable, node: ast.Name | ast.Attribute, key: str, *, called: bool
) -> None:
    name = node.id if isinstance(node, ast.Name) else node.attr
    if node.end_lineno is None or node.end_col_offset is None or node.end_lineno > len(lines):
        return
    start = lines.offset(node.end_lineno, node.end_col_offset) - len(name)
    # Before 3.12 the parser misplaces what stands in f-strings; and identifiers are normalised by it.
    if text[start : start + len(name)] != name:
        return
    receiver = _key(node.value) if isinstance(node, ast.Attribute) else ""
    found[start] = _Place(node, key, receiver, called)


def _key(node: ast.expr) -> str:
    """Return the place of an expression as the checker writes it: columns count UTF-8 bytes, as those of `ast`."""
    end = (node.end_col_offset or 0) + 1
    return f"{node.lineno}:{node.col_offset + 1}-{node.end_lineno}:{end}"
