"""Make new file contents from a plan: rewrite and check each file, and drop what cannot be wholly made."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from hasten import plan as planning
from hasten import settle, source
from hasten.errors import SourceError
from hasten.formatting import BlackStyle, style_for, tidy
from hasten.index.module import Module
from hasten.index.program import Program
from hasten.model import (
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
    from hasten.api import Codemod
    from hasten.imports import ImportStyle
    from hasten.pipeline import Progress
    from hasten.rewrite import Transformer

SecondLook: TypeAlias = Callable[[dict[str, Module], dict[str, Source]], Plan]
#: Fewer files than this are rewritten faster in this process than in workers.
_WORTH_A_POOL = 12


@dataclass(frozen=True, slots=True)
class Maker:
    """What is needed to make outcomes of a plan."""

    reader: Reader
    program: Program
    codemods: Sequence[Codemod]
    style: ImportStyle
    black: Mapping[str, BlackStyle]
    second_look: SecondLook
    unsafe: bool
    accept: frozenset[str]
    progress: Progress
    indexers: Workers

    def outcomes(self, plan: Plan, selected: frozenset[str]) -> tuple[frozenset[str], tuple[Outcome, ...]]:
        """Return the changes that could be made, and one outcome per file.

        A file that fails takes its changes, and those that require them, out of the plan; the rest is made anew.
        """
        made: dict[_Key, Outcome] = {}
        again: dict[_Key, Callable[[], bytes | None]] = {}
        failed: dict[str, Outcome] = {}
        while True:
            tasks = self._tasks(plan, selected)
            # The longest first: it is indexed again while others are made, and nobody waits for it at the end.
            fresh = sorted((each for each in tasks if each.key not in made), key=lambda each: -each.size)
            self.progress.step("rewriting", len(fresh))
            many = len(fresh) >= _WORTH_A_POOL
            if many:
                self.indexers.close()  # before others are forked
            with Workers(self.reader.jobs) as pool:
                # What was made is indexed again, for the second look, while other files are still being made.
                spare = pool if many else self.indexers
                for task, outcome in zip(fresh, pool.ordered(_make, fresh, many=many), strict=True):
                    made[task.key] = outcome
                    if isinstance(outcome, Changed) and outcome.path.endswith(".py"):
                        again[task.key] = spare.start(_facts_again, (outcome, self.reader.literals))
                    self.progress.advance()
            current = [made[each.key] for each in tasks]
            broken: dict[str, Outcome] = {each.path: each for each in current if isinstance(each, Failed)}
            if not broken:
                packed = {each.path: again[each.key]() for each in tasks if each.key in again}
                broken = self._unstable(current, packed)
            if not broken:
                return selected, tuple(sorted([*current, *failed.values()], key=lambda each: each.path))
            failed |= broken
            selected = planning.without(plan, selected, frozenset(broken))

    def _tasks(self, plan: Plan, selected: Collection[str]) -> list[_Task]:
        """Return one task per file that a selected change edits."""
        changes = [each for each in plan.changes if each.id in selected]
        by_name = {each.name: each for each in self.codemods}
        tasks: list[_Task] = []
        for path, edits in planning.edits_by_path(plan, selected).items():
            names = sorted({each.codemod for each in edits if isinstance(each, NodeEdit)})
            transformers = tuple((name, by_name[name].transformer()) for name in names)
            here = [each for each in changes if any(edit.path == path for edit in each.edits)]
            wanted = settle.ImportOrders()
            if names:
                wanted = settle.orders(self.program.module(path), here, self.program, self.style)
            black = style_for(path, self.black) if names else None
            tasks.append(_Task(path, self._source(path, edits), tuple(edits), wanted, transformers, black))
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

    def _unstable(self, outcomes: Sequence[Outcome], packed: Mapping[str, bytes | None]) -> dict[str, Outcome]:
        """Return the files in which a second run would find more to do: something went wrong there."""
        replaced: dict[str, Module] = {}
        sources: dict[str, Source] = {}
        for outcome in outcomes:
            facts = packed.get(outcome.path)
            if isinstance(outcome, Changed) and facts is not None:
                sources[outcome.path] = source.decode(outcome.path, outcome.after)
                replaced[outcome.path] = self.reader.module(outcome.path, facts)
        if not replaced:
            return {}
        again = self.second_look(replaced, sources)
        more = planning.select(again, unsafe=self.unsafe, accept=self.accept)
        paths = sorted(
            {edit.path for each in again.changes if each.id in more and not each.support for edit in each.edits}
            & set(replaced)
        )
        message = "a second run would find more to rewrite in it; the file is left as it is, please report this"
        return {path: Failed(path, Problem(path, "internal", message)) for path in paths}


_Key: TypeAlias = tuple[str, tuple[Edit, ...], settle.ImportOrders]


@dataclass(frozen=True, slots=True)
class _Task:
    path: str
    source: Source | Problem
    edits: tuple[Edit, ...]
    imports: settle.ImportOrders
    transformers: tuple[tuple[str, type[Transformer]], ...]
    black: BlackStyle | None

    @property
    def size(self) -> int:
        return len(self.source.data) if isinstance(self.source, Source) else 0

    @property
    def key(self) -> _Key:
        return self.path, self.edits, self.imports


def _make(task: _Task) -> Outcome:
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
        result = rewrite(before.text, [*edits, *imported, *declared], dict(task.transformers))
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


def _facts_again(work: tuple[Changed, tuple[str, ...]]) -> bytes | None:
    """Return the packed facts of a file as it was made, None where there are none."""
    outcome, literals = work
    packed, _ = packed_facts_of(outcome.path, source.decode(outcome.path, outcome.after).text, literals)
    return packed or None


def _declared(path: str, text: str, edits: Sequence[Edit]) -> list[TextEdit]:
    """Return one edit that declares all requirements of the selected changes."""
    if not any(isinstance(each, RequirementEdit) for each in edits):
        return []
    from hasten import dependencies

    new = text
    for edit in edits:
        if isinstance(edit, RequirementEdit):
            outcome = dependencies.add(path, new, edit.requirement)
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
