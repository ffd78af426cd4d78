"""The steps of a run, in order: discover has named the files; scan, index, analyse, plan, rewrite and check follow.

This is the file to read first. Nothing here prints, writes into the user's tree, or knows a codemod by name.
"""

from __future__ import annotations

import gc
import importlib
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextlib import suppress as suppressed
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

from hasten import formatting, ignores, produce, results, settle, suppress, workers
from hasten import plan as planning
from hasten.api import Codemod, Settings
from hasten.cache import Cache
from hasten.config import Config
from hasten.errors import SourceError
from hasten.evidence import DataFiles
from hasten.index.module import Call, Module
from hasten.index.naming import NameIndex
from hasten.index.program import Note, Program
from hasten.index.program import Resolver as Resolves
from hasten.index.wants import Want
from hasten.metadata import Metadata
from hasten.model import Finding, Outcome, Plan, Problem, Source
from hasten.reading import Reader
from hasten.resolving import Resolver, identity
from hasten.unread import Unread, doubted


class Progress(Protocol):
    """Told how far the work has come."""

    def step(self, name: str, total: int) -> None:
        """Begin a step of `total` files."""

    def advance(self, n: int = 1) -> None:
        """Finish `n` more files of the step."""


class _Silent:
    def step(self, name: str, total: int) -> None:
        """Say nothing."""

    def advance(self, n: int = 1) -> None:
        """Say nothing."""


SILENT: Progress = _Silent()

#: What is used after the index, and takes long to import.
_LATER = ("aiosqlite", "hasten.dependency_text", "hasten.dependency_toml")


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


def run(request: Request, codemods: Sequence[Codemod], progress: Progress = SILENT) -> Report:
    """Return the report of a run; the same tree gives the same report, whatever the jobs, order, or cache."""
    with _quietly():
        return _run(request, sorted(codemods, key=lambda each: each.name), progress)


def explain(request: Request, codemods: Sequence[Codemod], progress: Progress = SILENT) -> Explanation:
    """Return what is found, and what becomes of the function `request.watched`; nothing is rewritten."""
    with _quietly():
        inputs = _read(request, codemods, progress)
        with workers.Workers(inputs.reader.jobs, yielding=_ask_the_checker(codemods)) as pool, inputs.resolver:
            found = _find(request, sorted(codemods, key=lambda each: each.name), inputs, pool, progress)
        inputs.reader.cache.close()
        return Explanation(found.plan, tuple(found.program.notes))


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


@dataclass(frozen=True, slots=True)
class _Inputs:
    """What a run reads beside Python files."""

    reader: Reader
    data: DataFiles
    metadata: Metadata
    entry_points: frozenset[str]
    lone: frozenset[str]
    resolver: Resolver


def _run(request: Request, codemods: list[Codemod], progress: Progress) -> Report:
    inputs = _read(request, codemods, progress)
    reader = inputs.reader
    store = results.Store(
        reader.cache, request, codemods, reader.seen, inputs.metadata.digests | {"": inputs.data.digest}
    )
    stored = store.load(identity)
    if stored is not None:
        return stored
    with workers.Workers(reader.jobs, yielding=_ask_the_checker(codemods)) as pool, inputs.resolver:
        maker = _maker(request, codemods, inputs, pool, progress)
        found = _find(request, codemods, inputs, pool, progress, maker)
        selected, outcomes = maker.outcomes(found)
    report = Report(found.plan, selected, outcomes, len(reader.seen))
    store.save(report, inputs.resolver.asked)
    reader.cache.close()
    return report


def _find(
    request: Request,
    codemods: Sequence[Codemod],
    inputs: _Inputs,
    pool: workers.Workers,
    progress: Progress,
    maker: produce.Maker | None = None,
) -> produce.Found:
    """Return what is found; if it is to be made by `maker`, workers that wait begin with what is likely."""
    reader, targets = inputs.reader, sorted(set(request.targets))
    problems = [seen.problem for path in targets if (seen := reader.seen[path]).problem is not None]
    said = suppress.comments(reader, targets)
    text_of = produce.snippets(reader)

    def guess(program: Program, findings: list[Finding]) -> None:
        if maker is not None:
            maker.ahead(planning.build(suppress.suppressed(findings, said)[0], text_of), program)

    asked, findings = _analyse(request, codemods, inputs, problems, pool, progress, guess)
    kept, hits = suppress.suppressed(findings, said)
    names = [each.name for each in codemods]
    notices = suppress.unused(said, hits, ran=names, known=request.known or names)
    if request.dependencies:
        kept, more = inputs.metadata.with_dependencies(kept)
        notices += more
    plan = planning.build(kept, text_of, [each for each in problems if each.path in request.targets], notices)
    return produce.Found(asked, plan, problems, said)


def _read(request: Request, codemods: Sequence[Codemod], progress: Progress) -> _Inputs:
    everything = sorted({*request.targets, *request.context})
    reader = _reader(request, codemods)
    metadata = Metadata.read(request.root, sorted(set(request.targets)))
    progress.step("reading", len(everything))
    reader.look(everything, progress.advance)
    data = DataFiles(request.root, everything)
    return _Inputs(reader, data, metadata, metadata.entry_points(), metadata.lone_modules(), Resolver(reader, progress))


def _reader(request: Request, codemods: Sequence[Codemod]) -> Reader:
    triggers = tuple(sorted({word for each in codemods for word in each.triggers}))
    literals = tuple(sorted({text for each in codemods for text in each.literals}))
    overlay = {each.path: each for each in request.overlay}
    return Reader(
        request.root, overlay, triggers, literals, request.jobs or workers.default_jobs(), Cache(request.cache)
    )


def _analyse(
    request: Request,
    codemods: Sequence[Codemod],
    inputs: _Inputs,
    problems: list[Problem],
    pool: workers.Workers,
    progress: Progress,
    guess: Callable[[Program, list[Finding]], None],
) -> tuple[tuple[produce.Party, ...], list[Finding]]:
    """Index the candidates and ask the codemods; while they want to know more, index more files and ask again.

    Those that need the type checker are asked when the others want to know nothing more: it works meanwhile, and what
    the others find does not depend on the files that were read for them. They begin with a rehearsal, in which nobody
    answers what a call reaches: what they want to know hardly depends on it, and is read before they have to wait.

    Returns who was asked about which program, the largest last, and what was found. `problems` grows by the files that
    give no facts; `guess` is told of answers that may not be the last, while there is time to work ahead.
    """
    reader = inputs.reader
    if reader.has_any(tuple(word for each in codemods for word in each.asks)):
        inputs.resolver.ahead()
    modules: dict[str, Module] = {}
    pending = sorted(path for path, seen in reader.seen.items() if seen.candidate)
    known: set[Want] = set()
    tried: set[str] = set()
    program: Program | None = None
    begin: Callable[[], None] | None = partial(pool.first, produce.import_makers, None)
    meanwhile: Callable[[], None] | None = partial(_get_ahead, inputs, codemods)
    asked: list[produce.Party] = []
    settled: list[Finding] = []
    parties = _parties(codemods)
    for party in parties:
        told = False
        rehearsed = not _ask_the_checker(party)
        while True:
            if program is None or pending:
                progress.step("indexing", len(pending))
                found, failed = reader.index(pending, pool, progress.advance, begin, meanwhile)
                begin = meanwhile = None
                modules.update((each.path, each) for each in found)
                problems.extend(failed)
                tried.update(pending)
                reader.index_ahead(pool, pending, tried)
                names = program.names if program is not None else None
                program = _program(request, inputs, modules, inputs.resolver, names)
            asked_about = program if rehearsed else _program(request, inputs, modules, _unanswered, program.names)
            findings = _ask(request, party, asked_about)
            wanted = asked_about.wanted - known
            known |= wanted
            unread = [path for path in sorted(reader.seen) if path not in tried and reader.seen[path].problem is None]
            pending = reader.holding(unread, sorted(wanted, key=repr)) if wanted else []
            if not rehearsed:
                rehearsed = True
                continue
            # There is time while files are read for the next question, and while the checker is at work.
            if (pending and not told) or (not pending and party is not parties[-1]):
                guess(program, doubted([*settled, *findings], _unread(inputs, problems)))
                told = True
            if not pending:
                break
        asked.append(produce.Party(tuple(party), program))
        settled += findings
    pool.stop_ahead()
    settled.sort(key=lambda each: each.codemod)
    return tuple(asked), doubted(settled, _unread(inputs, problems))


def _ask_the_checker(codemods: Sequence[Codemod]) -> bool:
    return any(each.asks for each in codemods)


def _unanswered(_program: Program, _call: Call) -> None:
    """Return what a call reaches, as far as nobody was asked."""


def _parties(codemods: Sequence[Codemod]) -> list[list[Codemod]]:
    """Return those that do without the type checker, and then those that need it; at least one list."""
    both = [[each for each in codemods if not each.asks], [each for each in codemods if each.asks]]
    return [each for each in both if each] or [[]]


def _get_ahead(inputs: _Inputs, codemods: Sequence[Codemod]) -> None:
    """Have ready what the later steps most likely need: words of files, and imports that take long."""
    inputs.reader.take_apart()
    for each in codemods:
        each.prepare()
    for name in _LATER:
        importlib.import_module(name)


def _program(
    request: Request,
    inputs: _Inputs,
    modules: Mapping[str, Module],
    resolver: Resolves,
    names: NameIndex | None = None,
) -> Program:
    return Program(
        list(modules.values()),
        frozenset(request.targets),
        frozenset({*inputs.reader.seen, *modules}),
        inputs.data.witnesses,
        inputs.entry_points,
        resolver,
        request.watched,
        inputs.lone,
        names,
    )


def _ask(request: Request, codemods: Iterable[Codemod], program: Program) -> list[Finding]:
    return [
        finding for each in codemods for finding in each.analyse(program, Settings(request.config.options_for(each)))
    ]


def _unread(inputs: _Inputs, problems: Sequence[Problem]) -> list[Unread]:
    """Return the files that gave no facts, whether they may be rewritten or not."""
    reasons = {each.path: each.message for each in problems}
    reasons |= {path: each.problem.message for path, each in inputs.reader.seen.items() if each.problem is not None}
    found: list[Unread] = []
    for path, reason in sorted(reasons.items()):
        # What cannot be read at all is told, and shows nothing.
        with suppressed(SourceError):
            found.append(Unread(path, reason, inputs.reader.data(path)))
    return found


def _maker(
    request: Request, codemods: Sequence[Codemod], inputs: _Inputs, pool: workers.Workers, progress: Progress
) -> produce.Maker:
    def second_look(found: produce.Found, replaced: dict[str, Module], sources: dict[str, Source]) -> Plan:
        now = {**found.said, **{path: ignores.parse(each) for path, each in sources.items() if path in found.said}}
        everything = {each.path for each in found.program.modules}
        findings: list[Finding] = []
        for party in found.asked:
            again = {each.path: each for each in party.program.modules}
            again |= {path: each for path, each in replaced.items() if path in again or path not in everything}
            # What a call reaches does not change with a rewrite, so the type checker need not run again.
            findings += _ask(request, party.codemods, _program(request, inputs, again, inputs.resolver.again))
        findings = doubted(findings, _unread(inputs, found.problems))
        return planning.build(suppress.suppressed(findings, now)[0], lambda _path, _span: "")

    style = settle.style_of(inputs.metadata.at_root())
    black = formatting.styles(inputs.metadata.texts)
    take = partial(planning.select, unsafe=request.unsafe, accept=request.accept, named=request.named)
    return produce.Maker(inputs.reader, codemods, style, black, second_look, take, progress, pool)
