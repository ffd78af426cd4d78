"""What a run reads before anything is found [IO]."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hasten.cache import Cache
from hasten.distribution import Distribution
from hasten.evidence import DataFiles
from hasten.metadata import Metadata
from hasten.reading import Reader
from hasten.resolving import Resolver
from hasten.suites import Suite

if TYPE_CHECKING:
    from hasten.api import Codemod
    from hasten.request import Progress, Request


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a run reads beside Python files."""

    reader: Reader
    data: DataFiles
    metadata: Metadata
    entry_points: frozenset[str]
    lone: frozenset[str]
    resolver: Resolver
    suites: tuple[Suite, ...]
    distribution: Distribution


def read(request: Request, codemods: Sequence[Codemod], progress: Progress) -> Inputs:
    """Look at every file of the program, and at what stands beside them."""
    everything = sorted({*request.targets, *request.context})
    reader = _reader(request, codemods)
    metadata = Metadata.read(request.root, sorted(set(request.targets)))
    progress.step("reading", len(everything))
    reader.look(everything, progress.advance)
    data = DataFiles(request.root, everything)
    entry_points, lone = metadata.entry_points(), metadata.lone_modules()
    resolver, shared = Resolver(reader, progress), metadata.distribution(everything)
    return Inputs(reader, data, metadata, entry_points, lone, resolver, metadata.suites(), shared)


def _reader(request: Request, codemods: Sequence[Codemod]) -> Reader:
    triggers = tuple(sorted({word for each in codemods for word in each.triggers}))
    literals = tuple(sorted({text for each in codemods for text in each.literals}))
    overlay = {each.path: each for each in request.overlay}
    looks = tuple(each.may_have_site for each in codemods)
    return Reader(
        request.root, overlay, triggers, literals, request.jobs or default_jobs(), Cache(request.cache), looks
    )


def default_jobs() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
