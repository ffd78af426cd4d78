"""What is asked of a run, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from hasten.config import Config
from hasten.model import Outcome, Plan, Source

if TYPE_CHECKING:
    from hasten.index.program import Note


class Progress(Protocol):
    """Told how far the work has come."""

    def step(self, name: str, total: int) -> None:
        """Begin a step of `total` files; 0 where nobody can tell how far it will have come."""

    def advance(self, n: int = 1) -> None:
        """Finish `n` more files of the step; none to show that something is still at work."""


class _Silent:
    def step(self, name: str, total: int) -> None:
        """Say nothing."""

    def advance(self, n: int = 1) -> None:
        """Say nothing."""


SILENT: Progress = _Silent()


@dataclass(frozen=True, slots=True)
class Request:
    """What to do, where.

    Attributes:
        root: the directory that all paths are relative to.
        config: the settings of the run.
        targets: files that may be rewritten.
        context: the other files of the program, read for evidence only.
        unsafe: also take changes that are not safe.
        accept: hazard codes that are taken as accepted.
        named: somebody named the codemods of the run, so that they do what makes nothing faster as well.
        jobs: processes; the result does not depend on it.
        cache: the database of cached facts, or None.
        overlay: texts that stand in for files, such as standard input.
        dependencies: whether project metadata is edited too.
        known: names of all installed codemods, those of the run among them; empty is just those.
        watched: the id of a function that `explain` is to tell about.
    """

    root: Path
    config: Config
    targets: tuple[str, ...]
    context: tuple[str, ...] = ()
    unsafe: bool = False
    accept: frozenset[str] = frozenset()
    named: bool = True
    jobs: int = 0
    cache: Path | None = None
    overlay: tuple[Source, ...] = ()
    dependencies: bool = True
    known: tuple[str, ...] = ()
    watched: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a run found, took, and made of the files.

    Attributes:
        plan: everything found.
        selected: ids of the changes that are made.
        outcomes: one per file that a selected change edits, in path order.
        sources: number of files looked at.
    """

    plan: Plan
    selected: frozenset[str] = frozenset()
    outcomes: tuple[Outcome, ...] = ()
    sources: int = 0
    cached: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a run finds, and what it finds out about one function.

    Attributes:
        plan: everything found.
        notes: what becomes of the function, and why.
    """

    plan: Plan
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Workbench:
    """What a run finds, and the means to make any part of it.

    Attributes:
        plan: everything found.
        takeable: ids of the changes that the request allows to make.
        draft: returns one outcome per file of a selection, which is closed under what its changes require.
        apart: yields what `draft` gives for each of many selections, and keeps nothing of it.
        finish: the same as a report, after every check there is; what cannot be made is left out of it.
    """

    plan: Plan
    takeable: frozenset[str]
    draft: Callable[[Collection[str]], tuple[Outcome, ...]]
    apart: Callable[[Sequence[Collection[str]]], Iterator[tuple[Outcome, ...]]]
    finish: Callable[[frozenset[str]], Report]
