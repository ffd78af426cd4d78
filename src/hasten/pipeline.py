"""The steps of a run, in order: discover has named the files; scan, index, analyse, plan, rewrite and check follow.

This is the file to read first, and `hasten.steps` the second. Nothing here prints, writes into the user's tree, or
knows a codemod by name.
"""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hasten import inputs, results
from hasten.request import SILENT, Explanation, Progress, Report, Request, Workbench
from hasten.resolving import identity

if TYPE_CHECKING:
    from hasten.api import Codemod

__all__ = ["SILENT", "Explanation", "Progress", "Report", "Request", "Workbench", "explain", "opened", "run"]


def run(request: Request, codemods: Sequence[Codemod], progress: Progress = SILENT) -> Report:
    """Return the report of a run; the same tree gives the same report, whatever the jobs, order, or cache."""
    with _quietly():
        return _run(request, sorted(codemods, key=lambda each: each.name), progress)


def explain(request: Request, codemods: Sequence[Codemod], progress: Progress = SILENT) -> Explanation:
    """Return what is found, and what becomes of the function `request.watched`; nothing is rewritten."""
    with _quietly():
        given = inputs.read(request, codemods, progress)
        with given.resolver:
            _begin_to_check(given, codemods)
            from hasten import steps

            explanation = steps.explain(request, sorted(codemods, key=lambda each: each.name), given, progress)
        given.reader.cache.close()
        return explanation


@contextmanager
def opened(request: Request, codemods: Sequence[Codemod], progress: Progress = SILENT) -> Iterator[Workbench]:
    """Find what `run` finds, and lend what makes any part of it until the `with` ends."""
    with _quietly():
        given = inputs.read(request, codemods, progress)
        with given.resolver:
            _begin_to_check(given, codemods)
            from hasten import steps

            yield steps.workbench(request, sorted(codemods, key=lambda each: each.name), given, progress)
        given.reader.cache.close()


@contextmanager
def _quietly() -> Iterator[None]:
    collecting = gc.isenabled()
    gc.disable()  # facts and trees live to the end of the run: looking for garbage among them only costs
    try:
        with warnings.catch_warnings():
            # What the parser thinks of the user's own `"\\d"` and `x is 1` is none of our business.
            warnings.simplefilter("ignore")
            yield
    finally:
        if collecting:
            gc.enable()


def _run(request: Request, codemods: list[Codemod], progress: Progress) -> Report:
    given = inputs.read(request, codemods, progress)
    reader = given.reader
    store = results.Store(
        reader.cache, request, codemods, reader.seen, given.metadata.digests | {"": given.data.digest}
    )
    stored = store.load(identity)
    if stored is not None:
        return stored
    with given.resolver:
        _begin_to_check(given, codemods)
        # Much is imported for them, and the checker is at work by then.
        from hasten import steps

        report = steps.make(request, codemods, given, progress)
    store.save(report, given.resolver.asked)
    reader.cache.close()
    return report


def _begin_to_check(given: inputs.Inputs, codemods: Sequence[Codemod]) -> None:
    """Let the type checker begin, where it will most likely be asked: nothing takes longer."""
    if given.reader.has_any(tuple(word for each in codemods for word in each.asks)):
        given.resolver.ahead()
