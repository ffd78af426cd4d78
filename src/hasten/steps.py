"""The steps of a run in which something is found and made: index, analyse, plan, rewrite and check.

Imported when the files are read and the type checker, if it will be asked, is on its way: it is much to import.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress as suppressed
from functools import partial

from hasten import formatting, ignores, produce, settle, suppress, workers
from hasten import plan as planning
from hasten.api import Codemod, Settings
from hasten.errors import SourceError
from hasten.index.module import Module
from hasten.index.naming import NameIndex
from hasten.index.program import Program
from hasten.index.program import Resolver as Resolves
from hasten.index.wants import Want
from hasten.inputs import Inputs
from hasten.model import Finding, Plan, Problem, Source
from hasten.reading import Reader
from hasten.request import Explanation, Progress, Report, Request, Workbench
from hasten.unread import Unread, doubted

#: So many bytes are few, for each byte that was read: to read them costs less than to find out which are wanted.
_FEW = 0.5
#: What is used after the index, and takes long to import.
_LATER = ("aiosqlite", "hasten.dependency_text", "hasten.dependency_toml")


def make(request: Request, codemods: Sequence[Codemod], inputs: Inputs, progress: Progress) -> Report:
    """Return what is found, and what is made of the files; nothing is written."""
    with workers.Workers(inputs.reader.jobs, yielding=_ask_the_checker(codemods)) as pool:
        maker = _maker(request, codemods, inputs, pool, progress)
        found = _find(request, codemods, inputs, pool, progress, maker)
        selected, outcomes = maker.outcomes(found)
    return Report(found.plan, selected, outcomes, len(inputs.reader.seen))


def workbench(request: Request, codemods: Sequence[Codemod], inputs: Inputs, progress: Progress) -> Workbench:
    """Return what is found, and what can make any part of it."""
    with workers.Workers(inputs.reader.jobs, yielding=_ask_the_checker(codemods)) as pool:
        # Afterwards everything is made in this process: nobody wants processes that wait while a person thinks.
        maker = _maker(request, codemods, inputs, pool, progress)
        found = _find(request, codemods, inputs, pool, progress)
    sources = len(inputs.reader.seen)

    def finish(selected: frozenset[str]) -> Report:
        made, outcomes = maker.outcomes(found, selected)
        return Report(found.plan, made, outcomes, sources)

    apart = partial(maker.apart, found, lambda: workers.Workers(inputs.reader.jobs))
    return Workbench(found.plan, maker.take(found.plan), partial(maker.draft, found), apart, finish)


def explain(request: Request, codemods: Sequence[Codemod], inputs: Inputs, progress: Progress) -> Explanation:
    """Return what is found, and what becomes of the function that is watched."""
    with workers.Workers(inputs.reader.jobs, yielding=_ask_the_checker(codemods)) as pool:
        found = _find(request, codemods, inputs, pool, progress)
    return Explanation(found.plan, tuple(found.program.notes))


def _find(
    request: Request,
    codemods: Sequence[Codemod],
    inputs: Inputs,
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


def _analyse(
    request: Request,
    codemods: Sequence[Codemod],
    inputs: Inputs,
    problems: list[Problem],
    pool: workers.Workers,
    progress: Progress,
    guess: Callable[[Program, list[Finding]], None],
) -> tuple[tuple[produce.Party, ...], list[Finding]]:
    """Index the candidates and ask the codemods; while they want to know more, index more files and ask again.

    Those that need the type checker are asked when the others want to know nothing more: it works meanwhile, and what
    the others find does not depend on the files that were read for them. They begin with a rehearsal, in which nobody
    answers what a call reaches: what they want to know hardly depends on it, and is read before they have to wait.
    Where few files are left, these are read without asking.

    Returns who was asked about which program, the largest last, and what was found. `problems` grows by the files that
    give no facts; `guess` is told of answers that may not be the last, while there is time to work ahead.
    """
    reader = inputs.reader
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
        if not rehearsed and program is not None:
            rest = _unread_paths(reader, tried)
            if _size(reader, rest) <= _FEW * _size(reader, tried):
                pending, rehearsed = rest, True
                for path in (*tried, *rest):
                    inputs.resolver.expect_file(path)
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
            asked_about = (
                program if rehearsed else _program(request, inputs, modules, inputs.resolver.expect, program.names)
            )
            findings = _ask(request, party, asked_about)
            wanted = asked_about.wanted - known
            known |= wanted
            pending = reader.holding(_unread_paths(reader, tried), sorted(wanted, key=repr)) if wanted else []
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


def _unread_paths(reader: Reader, tried: Collection[str]) -> list[str]:
    """Return the files that give facts, as far as is known, and were not asked for them."""
    return [path for path in sorted(reader.seen) if path not in tried and reader.seen[path].problem is None]


def _size(reader: Reader, paths: Iterable[str]) -> int:
    return sum(reader.seen[path].size for path in paths)


def _ask_the_checker(codemods: Sequence[Codemod]) -> bool:
    return any(each.asks for each in codemods)


def _parties(codemods: Sequence[Codemod]) -> list[list[Codemod]]:
    """Return those that do without the type checker, and then those that need it; at least one list."""
    both = [[each for each in codemods if not each.asks], [each for each in codemods if each.asks]]
    return [each for each in both if each] or [[]]


def _get_ahead(inputs: Inputs, codemods: Sequence[Codemod]) -> None:
    """Have ready what the later steps most likely need: words of files, and imports that take long."""
    inputs.reader.take_apart()
    for each in codemods:
        each.prepare()
    for name in _LATER:
        importlib.import_module(name)


def _program(
    request: Request,
    inputs: Inputs,
    modules: Mapping[str, Module],
    resolver: Resolves,
    names: NameIndex | None = None,
    *,
    rewritten: frozenset[str] = frozenset(),
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
        inputs.suites,
        request.config.by_path(),
        inputs.distribution,
        rewritten=rewritten,
    )


def _ask(request: Request, codemods: Iterable[Codemod], program: Program) -> list[Finding]:
    found: list[Finding] = []
    for each in codemods:
        try:
            found += each.analyse(program, Settings(request.config.options_for(each)))
        except Exception as error:
            error.add_note(f"`--ignore {each.name}` leaves out the codemod that failed")
            raise
    return found


def _unread(inputs: Inputs, problems: Sequence[Problem]) -> list[Unread]:
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
    request: Request, codemods: Sequence[Codemod], inputs: Inputs, pool: workers.Workers, progress: Progress
) -> produce.Maker:
    def second_look(found: produce.Found, replaced: dict[str, Module], sources: dict[str, Source]) -> Plan:
        now = {**found.said, **{path: ignores.parse(each) for path, each in sources.items() if path in found.said}}
        everything = {each.path for each in found.program.modules}
        findings: list[Finding] = []
        for party in found.asked:
            again = {each.path: each for each in party.program.modules}
            again |= {path: each for path, each in replaced.items() if path in again or path not in everything}
            # What a call reaches does not change with a rewrite, so the type checker need not run again.
            program = _program(request, inputs, again, inputs.resolver.again, rewritten=frozenset(replaced))
            findings += _ask(request, party.codemods, program)
        findings = doubted(findings, _unread(inputs, found.problems))
        return planning.build(suppress.suppressed(findings, now)[0], lambda _path, _span: "")

    style = settle.style_of(inputs.metadata.at_root())
    black = formatting.styles(inputs.metadata.texts)
    take = partial(planning.select, unsafe=request.unsafe, accept=request.accept, named=request.named)
    return produce.Maker(inputs.reader, codemods, style, black, second_look, take, progress, pool)
