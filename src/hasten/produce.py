"""Make new file contents from a plan: rewrite and check each file, and drop what cannot be wholly made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from hasten import plan as planning
from hasten import settle, source
from hasten.conversion_codes import UNREACHED
from hasten.errors import SourceError
from hasten.formatting import BlackStyle, style_for, tidy
from hasten.index.module import Module
from hasten.index.program import Program
from hasten.model import (
    Change,
    Changed,
    Edit,
    Failed,
    NodeEdit,
    Outcome,
    Plan,
    Problem,
    RequirementEdit,
    Source,
    Span,
    TextEdit,
    Unchanged,
)
from hasten.reading import CHANGED, Reader, digest_of, packed_facts_of
from hasten.workers import Workers

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from hasten.api import Codemod
    from hasten.ignores import Ignores
    from hasten.imports import ImportStyle
    from hasten.request import Progress
    from hasten.rewrite import Transformer

SecondLook: TypeAlias = Callable[["Found", dict[str, Module], dict[str, Source]], Plan]
#: Fewer files than this are rewritten faster in this process than in workers.
_WORTH_A_POOL = 12
#: So many selections are made apart at a time: the texts of all of them need not be in memory together.
_APART = 200


class Party(NamedTuple):
    """Codemods that were asked together, and the program that they were asked about at last."""

    codemods: tuple[Codemod, ...]
    program: Program


@dataclass(frozen=True, slots=True)
class Found:
    """What the analysis gave.

    Attributes:
        asked: who was asked about what; the last program holds all that was read.
        plan: what was found in it.
        problems: files that gave no facts.
        said: the comments that leave something out, by file.
    """

    asked: tuple[Party, ...]
    plan: Plan
    problems: Sequence[Problem]
    said: Mapping[str, Ignores]

    @property
    def program(self) -> Program:
        """All that was read."""
        return self.asked[-1].program


@dataclass(frozen=True, slots=True)
class Maker:
    """What is needed to make outcomes of plans.

    Attributes:
        take: returns the ids of the changes of a plan that are made.
        pool: the workers that have indexed the program.
        guesses: what workers may have begun to make ahead of time.
        drafted: what was made for somebody to look at.
    """

    reader: Reader
    codemods: Sequence[Codemod]
    style: ImportStyle
    black: Mapping[str, BlackStyle]
    second_look: SecondLook
    take: Callable[[Plan], frozenset[str]]
    progress: Progress
    pool: Workers
    guesses: dict[_Key, _Guess] = field(default_factory=dict)
    drafted: dict[_Key, Outcome] = field(default_factory=dict)

    def ahead(self, plan: Plan, program: Program) -> None:
        """Let workers that have nothing else to do make what `plan` selects, which need not be the last word."""
        selected = self.take(plan)
        tasks = [each for each in self._tasks(plan, selected, program) if each.transformers]
        for task, begun in zip(tasks, self.pool.ahead(_make, tasks), strict=True):
            self.guesses[task.key] = _Guess(task, begun)

    def draft(self, found: Found, selected: Collection[str]) -> tuple[Outcome, ...]:
        """Return one outcome per file of what a selection would make, for a person to look at: no second look.

        Args:
            found: what there is to select from.
            selected: ids of changes, closed under what they require.
        """
        tasks = self._tasks(found.plan, selected, found.program)
        for task in tasks:
            if task.key not in self.drafted:
                self.drafted[task.key] = _outcome(task)
        return tuple(self.drafted[each.key] for each in tasks)

    def apart(
        self,
        found: Found,
        processes: Callable[[], AbstractContextManager[Workers]],
        selections: Sequence[Collection[str]],
    ) -> Iterator[tuple[Outcome, ...]]:
        """Yield what `draft` gives for each selection, of which there may be hundreds; nothing of it is kept.

        Args:
            found: what there is to select from.
            processes: gives the workers that share the work.
            selections: each as for `draft`.
        """
        self.progress.step("rewriting, change by change", len(selections))
        with processes() as pool:
            for start in range(0, len(selections), _APART):
                wanted = [self._tasks(found.plan, each, found.program) for each in selections[start : start + _APART]]
                tasks = {task.key: task for each in wanted for task in each}
                many = len(tasks) >= _WORTH_A_POOL
                results = zip(tasks, pool.ordered(_outcome, list(tasks.values()), many=many), strict=True)
                made: dict[_Key, Outcome] = {}
                for each in wanted:
                    while any(task.key not in made for task in each):
                        key, outcome = next(results)
                        made[key] = outcome
                    yield tuple(made[task.key] for task in each)
                    self.progress.advance()

    def outcomes(
        self, found: Found, chosen: frozenset[str] | None = None
    ) -> tuple[frozenset[str], tuple[Outcome, ...]]:
        """Return the changes that could be made, and one outcome per file.

        A file that fails takes its changes, and those that require them, out of the plan; the rest is made anew.

        Args:
            found: what there is to make.
            chosen: the ids of what is made, closed under what they require; what `take` gives by default.
        """
        plan = found.plan
        selected = self.take(plan) if chosen is None else chosen
        made: dict[_Key, _Made] = {}
        failed: dict[str, Outcome] = {}
        while True:
            tasks = self._tasks(plan, selected, found.program)
            for task, result in self._make([each for each in tasks if each.key not in made]):
                made[task.key] = result
            current = [made[each.key] for each in tasks]
            broken: dict[str, Outcome] = {each.path: each for each, _ in current if isinstance(each, Failed)}
            if not broken:
                broken = self._unstable(found, selected, current)
            if not broken:
                outcomes = [*(outcome for outcome, _ in current), *failed.values()]
                return selected, tuple(sorted(outcomes, key=lambda each: each.path))
            failed |= broken
            selected = planning.without(plan, selected, frozenset(broken))

    def _make(self, tasks: Sequence[_Task]) -> Iterator[tuple[_Task, _Made]]:
        """Yield each task with what is made of it."""
        self.progress.step("rewriting", len(tasks))
        for task in tasks:
            if task.key in self.drafted:
                yield task, _indexed(task, self.drafted[task.key])
                self.progress.advance()
        tasks = [each for each in tasks if each.key not in self.drafted]
        guessed = {each.key: begun for each in tasks if (begun := self._guessed(each)) is not None}
        fresh = sorted((each for each in tasks if each.key not in guessed), key=lambda each: -each.size)
        many = len(fresh) >= _WORTH_A_POOL
        # To make few files takes less time than to import what makes them, which a worker has done.
        results = self.pool.ordered(_make, fresh, many=many, meanwhile=import_makers if many else None, here=many)
        for task, made in zip(fresh, results, strict=True):
            yield task, made
            self.progress.advance()
        for task in tasks:
            if task.key in guessed:
                yield task, guessed[task.key]()
                self.progress.advance()

    def _guessed(self, task: _Task) -> Callable[[], _Made] | None:
        """Return what waits for a task, exactly this one, that a worker has begun with ahead of time."""
        guess = self.guesses.get(task.key)
        return guess.begun() if guess is not None and guess.task == task else None

    def _tasks(self, plan: Plan, selected: Collection[str], program: Program) -> list[_Task]:
        """Return one task per file that a selected change edits."""
        changes = [each for each in plan.changes if each.id in selected]
        by_name = {each.name: each for each in self.codemods}
        literals = self.reader.literals
        tasks: list[_Task] = []
        for path, edits in planning.edits_by_path(plan, selected).items():
            names = sorted({each.codemod for each in edits if isinstance(each, NodeEdit)})
            transformers = tuple((name, by_name[name].transformer) for name in names)
            here = [each for each in changes if any(edit.path == path for edit in each.edits)]
            wanted = settle.ImportOrders()
            if names:
                wanted = settle.orders(program.module(path), here, program, self.style)
            black = style_for(path, self.black) if names else None
            tasks.append(_Task(path, self._source(path, edits), tuple(edits), wanted, transformers, black, literals))
        return tasks

    def _source(self, path: str, edits: Sequence[Edit]) -> Source | Problem:
        if any(isinstance(each, TextEdit) and each.create for each in edits):
            return Source(path, b"", "")
        try:
            read = self.reader.source(path) if path in self.reader.seen else source.read_plain(self.reader.root, path)
        except SourceError as error:
            return Problem(path, error.kind, str(error))
        seen = self.reader.seen.get(path)
        if seen is not None and seen.digest != digest_of(read.data):
            return Problem(path, "changed", CHANGED)
        return read

    def _unstable(self, found: Found, selected: Collection[str], made: Sequence[_Made]) -> dict[str, Outcome]:
        """Return the files in which a second run would find more to do: something went wrong there.

        What a conflict, or a reason that this run took away, kept it from doing is left to the next one; and what was
        found and not selected is found again. So is what no event loop ran, in a file in which another codemod has made
        coroutine functions since.
        """
        replaced: dict[str, Module] = {}
        sources: dict[str, Source] = {}
        for outcome, facts in made:
            if isinstance(outcome, Changed) and facts:
                sources[outcome.path] = source.decode(outcome.path, outcome.after)
                replaced[outcome.path] = self.reader.module(outcome.path, facts)
        if not replaced:
            return {}
        again = self.second_look(found, replaced, sources)
        more = self.take(again)
        left = {
            (each.codemod, each.path) for each in found.plan.refusals if each.code == planning.CONFLICT or each.lifts
        }
        idle = {(each.codemod, each.path) for each in found.plan.refusals if each.code == UNREACHED}
        edited = {(each.codemod, edit.path) for each in found.plan.changes for edit in each.edits}
        left |= {(name, path) for name, path in idle if any(path == where and name != by for by, where in edited)}
        fresh = [each for each in again.changes if each.id in more and not each.support]
        fresh = [each for each in fresh if not any((each.codemod, edit.path) in left for edit in each.edits)]
        known = Counter(place for each in self._left_out(found.plan, selected) for place in _places(each))
        counted = Counter(place for each in fresh for place in _places(each))
        paths = sorted({path for (name, path), count in counted.items() if count > known[name, path]} & set(replaced))
        message = "a second run would find more to rewrite in it; the file is left as it is, please report this"
        return {path: Failed(path, Problem(path, "internal", message)) for path in paths}

    def _left_out(self, plan: Plan, selected: Collection[str]) -> Iterator[Change]:
        """Yield the changes that could be taken, and are not."""
        takeable = self.take(plan)
        return (each for each in plan.changes if not each.support and each.id in takeable and each.id not in selected)


def _places(change: Change) -> set[tuple[str, str]]:
    return {(change.codemod, edit.path) for edit in change.edits}


_Key: TypeAlias = tuple[str, tuple[Edit, ...], settle.ImportOrders]
#: What was made of a file, and its packed facts, empty where there are none.
_Made: TypeAlias = tuple[Outcome, bytes]


class _Guess(NamedTuple):
    """A task that may be needed, and what gives the way to wait for it once a worker has begun with it."""

    task: _Task
    begun: Callable[[], Callable[[], _Made] | None]


@dataclass(frozen=True, slots=True)
class _Task:
    path: str
    source: Source | Problem
    edits: tuple[Edit, ...]
    imports: settle.ImportOrders
    transformers: tuple[tuple[str, Callable[[], type[Transformer]]], ...]
    black: BlackStyle | None
    literals: tuple[str, ...]

    @property
    def size(self) -> int:
        return len(self.source.data) if isinstance(self.source, Source) else 0

    @property
    def key(self) -> _Key:
        return self.path, self.edits, self.imports


def import_makers(_: None = None) -> None:
    """Import what takes long and is needed to rewrite files."""
    import hasten.check
    import hasten.rewrite  # noqa: F401


def _make(task: _Task) -> _Made:
    """Rewrite and check one file, and index it again, for the second look."""
    return _indexed(task, _outcome(task))


def _indexed(task: _Task, outcome: Outcome) -> _Made:
    """Return what was made of a file with its facts, for the second look."""
    if not isinstance(outcome, Changed) or not outcome.path.endswith(".py"):
        return outcome, b""
    packed, _ = packed_facts_of(outcome.path, source.decode(outcome.path, outcome.after).text, task.literals)
    return outcome, packed


def _outcome(task: _Task) -> Outcome:
    """Rewrite and check one file; every failure is an outcome."""
    from hasten.check import check
    from hasten.rewrite import rewrite

    if isinstance(task.source, Problem):
        return Failed(task.path, task.source)
    before = task.source
    created = any(isinstance(each, TextEdit) and each.create for each in task.edits)
    try:
        imported = settle.edits(task.path, before.text, task.imports)
        declared = _declared(task.path, before.text, task.edits)
        edits = [each for each in task.edits if not isinstance(each, RequirementEdit)]
        transformers = {name: make() for name, make in task.transformers}
        result = rewrite(before.text, [*edits, *imported, *declared], transformers)
        if task.black is not None:
            result = tidy(result, task.black)
        if task.path.endswith(".py") or task.transformers:
            check(task.path, before.text, result)
        after = source.encode(before, result.text)
    except SourceError as error:
        return Failed(task.path, Problem(task.path, error.kind, str(error)))
    except Exception as error:  # noqa: BLE001 - one broken rewrite must not stop the others
        return Failed(
            task.path,
            Problem(
                task.path, "internal", f"{type(error).__name__}: {error}; the file is left as it is, please report this"
            ),
        )
    if after == before.data and not created:
        return Unchanged(task.path)
    return Changed(task.path, before.data, after, created)


def _declared(path: str, text: str, edits: Sequence[Edit]) -> list[TextEdit]:
    """Return one edit that declares all requirements of the selected changes."""
    if not any(isinstance(each, RequirementEdit) for each in edits):
        return []
    from hasten import dependencies

    new = text
    for edit in edits:
        if isinstance(edit, RequirementEdit):
            outcome = dependencies.add(path, new, edit.requirement, beside=edit.beside)
            new = outcome.text if isinstance(outcome, dependencies.Added) else new
    return [dependencies.to_edit(path, text, new)] if new != text else []


def snippets(reader: Reader) -> Callable[[str, Span], str]:
    """Return a function that gives the text of a span, reading each file once."""
    texts: dict[str, str] = {}

    def snippet(path: str, span: Span) -> str:
        if path not in texts:
            try:
                texts[path] = reader.source(path).text if path in reader.seen else ""
            except SourceError:
                texts[path] = ""
        return texts[path][span.start : span.end]

    return snippet
