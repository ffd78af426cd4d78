"""The type checker's answer to "which functions can this call reach?", and to "what is wrong with these texts?".

This package alone knows which checker that is: pyrefly, run once over a copy of the program in a temporary directory.
The copy is made of decoded texts, so that the checker sees what hasten sees (overlays, Latin-1, files that an ignore
rule or the project's own configuration would hide from it), and nothing is ever written beside the user's files.

An answer is only given where it is whole. Where a receiver may be something that the checker does not know, or where
the program itself contradicts what the checker believes (`hasten.oracle.doubts`), the answer is None.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from hasten.errors import SourceError
from hasten.oracle.checker import Checks, find_executable
from hasten.oracle.doubts import Doubts
from hasten.oracle.failure import OracleError
from hasten.oracle.naming import Name, Names, parsed
from hasten.oracle.report import Problem, Report, Target
from hasten.oracle.roots import Group, groups
from hasten.oracle.scratch import Scratch
from hasten.source import read

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

    The checker runs when the first question is asked, if not before, and is gone when the answer is there. What it
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
        jobs: int = 1,
        calls: bool = True,
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
            jobs: how many runs may be under way at a time; the answers do not depend on it.
            calls: whether there will be questions about calls; without them only `problems` is known, in half the time.
        """
        self._jobs = jobs
        self._asks = calls
        self._root = root
        self._overlay = dict(overlay or {})
        self._files = sorted(each for each in {*files, *self._overlay} if each.endswith(".py"))
        self._executable = executable
        self._libraries = tuple(libraries)
        self._python = python
        self._deadline = deadline
        self._scratch: Scratch | None = None
        self._texts: dict[str, str] = {}
        self._reports: dict[Group, Report] = {}
        self._groups: dict[str, Group] = {}
        self._names: dict[str, Names] = {}
        self._expected: dict[str, None] = {}
        self._doubts = Doubts()
        self._judged = False
        self._checks: Checks | None = None
        self._started = False

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
        if self._checks is not None:
            self._checks.close()
            self._checks = None
        self._reports.clear()
        self._texts.clear()
        self._groups.clear()
        self._names.clear()
        self._expected.clear()
        self._doubts = Doubts()
        self._judged = False
        self._started = False
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None

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
        self.run()
        return {(path, at): self._answer(path, self._names_of(path).at(at)) for path, at in questions}

    def problems(self) -> list[Problem]:
        """Return everything that the checker finds wrong with the program, in order of place.

        Comments that silence type checkers do not count. Raises what `targets` raises.
        """
        self.run()
        return sorted(
            each
            for group, report in self._reports.items()
            for each in report.problems
            if self._groups.get(each.path) == group
        )

    def reached(self, path: str, start: int, end: int) -> tuple[Target, ...] | None:
        """Return the definitions that the call between two character offsets can reach; see `targets`."""
        self.run()
        return self._answer(path, self._names_of(path).called(start, end))

    def expect(self, path: str) -> None:
        """Note that there will be questions about a file: it is read while the checker is waited for."""
        self._expected[path] = None

    def _answer(self, path: str, place: Name | None) -> tuple[Target, ...] | None:
        if place is None:
            return None
        report = self._reports[self._groups[path]]
        found = report.targets(path, place.key, place.receiver, called=place.called)
        if not found:
            return None
        if not self._judged:
            self._judged = True
            self._doubts.judge(self.problems())
        return None if self._doubts.bears_on(path, place.spine, found) else found

    def _names_of(self, path: str) -> Names:
        """Return the names of a file that questions can be about."""
        if path not in self._names:
            text = self._texts.get(path, "")
            self._names[path] = Names(text, parsed(text))
        return self._names[path]

    def begin(self) -> None:
        """Copy the program and let the checker run in the background: once for each way to read its imports.

        Raises:
            OracleError: the checker is missing or cannot be started, or its copies cannot be written.
        """
        if self._scratch is not None:
            return
        executable = find_executable(self._executable)
        texts = dict(self._read())
        try:
            self._scratch = Scratch(sum(len(each) for each in texts.values()))
            base = self._scratch.path
            self._texts = _copied(base, texts)
            self._groups = groups(self._texts)
            members: dict[Group, list[str]] = {}
            for path, group in self._groups.items():
                members.setdefault(group, []).append(path)
            # The longest first: the others are done when it is.
            by_size = sorted(members.items(), key=lambda each: -sum(len(self._texts[path]) for path in each[1]))
            self._checks = Checks(
                executable,
                base,
                {group: paths if len(paths) < len(self._texts) else [] for group, paths in by_size},
                libraries=self._libraries,
                python=self._python,
                deadline=self._deadline,
                at_once=self._jobs,
                calls=self._asks,
            )
            self._checks.begin()
        except OSError as error:
            self.close()
            remedy = "make room there, or set TMPDIR to a directory that can be written"
            raise OracleError(f"a copy for the type checker cannot be written ({error.strerror}); {remedy}") from None
        except BaseException:
            self.close()
            raise

    def run(self, waiting: Callable[[], None] = lambda: None) -> None:
        """Wait for the checker, so that questions are answered at once; raises what `targets` raises.

        Args:
            waiting: called again and again meanwhile.
        """
        if self._started:
            return
        self.begin()
        try:
            assert self._scratch is not None  # noqa: S101 - for the type checker
            assert self._checks is not None  # noqa: S101
            for path, text in sorted(self._texts.items()) if self._asks else ():  # while the checker is at it
                self._look(path, text)
            reports = self._checks.finish(waiting)
            # In an order that does not depend on which was done first.
            found = dict.fromkeys(self._groups.values())
            self._reports = {group: Report(reports[group], self._scratch.path, self._libraries) for group in found}
            self._started = True
        except BaseException:
            self.close()
            raise

    def _look(self, path: str, text: str) -> None:
        """Find what bears on the doubts in a file, and the names in it, if they will be asked about."""
        tree = parsed(text)
        if tree is not None:
            self._doubts.look(path, text, tree)
        if path in self._expected:
            self._names[path] = Names(text, tree)

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
    waiting: Callable[[], None] = lambda: None,
) -> list[Problem]:
    """Return what the checker finds wrong with a program; see `Oracle` and its `run` for arguments and errors."""
    with Oracle(root, files, overlay, executable, libraries=libraries, calls=False) as oracle:
        oracle.run(waiting)
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


def _copied(base: Path, texts: Mapping[str, str]) -> dict[str, str]:
    """Write the checker's copies of files; return those that the system can hold."""
    copied: dict[str, str] = {}
    made: set[str] = set()
    for path, text in texts.items():
        target = f"{base}/tree/{path}"
        folder = os.path.dirname(target)  # noqa: PTH120 - of thousands of files, which pathlib takes three times as long for
        try:
            if folder not in made:
                os.makedirs(folder, exist_ok=True)  # noqa: PTH103
                made.add(folder)
            # The bytes are written, since the text layer would alter newlines, by which lines are counted.
            data = text.encode("utf-8")
            with open(target, "wb", buffering=0) as file:  # noqa: PTH123
                file.write(data)
        except (OSError, ValueError):
            continue
        copied[path] = text
    return copied
