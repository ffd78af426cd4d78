"""What holds for every program that hasten rewrites: the checks that all generated tests share."""

from __future__ import annotations

import ast
import itertools
import os
import tempfile
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, settings

from hasten import pipeline, registry
from hasten.config import Config
from hasten.discover import discover
from hasten.model import Changed, Failed, Plan
from hasten.text import LineTable

EXAMPLES = int(os.environ.get("HASTEN_FUZZ_EXAMPLES", "0"))
"""How many examples a generated test tries; 0 is the quick suite, where each test has a small number of its own."""

CODEMODS = registry.load().codemods


def generated(quick: int) -> settings:
    """Return the settings of a generated test that tries `quick` examples, or what HASTEN_FUZZ_EXAMPLES asks for.

    The quick suite tries the same examples every time, so that it is red or green for a reason; the long one looks
    for new ones.
    """
    return settings(
        max_examples=EXAMPLES or quick,
        derandomize=not EXAMPLES,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )


@dataclass(frozen=True, slots=True)
class Run:
    """One run on one tree.

    Attributes:
        report: what the pipeline gave back.
        after: the bytes of each file that changes.
    """

    report: pipeline.Report
    after: dict[str, bytes]

    @property
    def plan(self) -> Plan:
        """Return the plan."""
        return self.report.plan


def run(root: Path, *, unsafe: bool = True, targets: tuple[str, ...] = ()) -> Run:
    """Preview the tree in `root`, in this process and without a cache.

    Args:
        root: the tree.
        unsafe: whether changes with hazards are taken.
        targets: the files to rewrite; all where it is empty.
    """
    found = discover([root], root=root)
    chosen = targets or found.targets
    context = tuple(sorted({*found.targets, *found.context} - set(chosen)))
    request = pipeline.Request(root=root, config=Config(), targets=chosen, context=context, unsafe=unsafe, jobs=1)
    report = pipeline.run(request, CODEMODS)
    return Run(report, {each.path: each.after for each in report.outcomes if isinstance(each, Changed)})


def run_text(text: str, *, unsafe: bool = True) -> tuple[Run, str]:
    """Preview a program of one file; return the run and the new text."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "module.py").write_bytes(text.encode())
        done = run(Path(folder), unsafe=unsafe)
    return done, done.after.get("module.py", text.encode()).decode()


def check_program(sources: Mapping[str, bytes]) -> Run:
    """Run hasten with `--unsafe` on a program and check every law; return the run.

    The laws: no crash; a file is left out only where Python itself cannot read it; the output compiles; nothing moves
    but statements that the plan names and imports; a second run finds nothing; and where no line ends in another way,
    the same program with CRLF line ends gives the same, with CRLF line ends in the files that were there.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _write(root, sources)
        first = run(root)
        check_outcomes(first, sources)
        _write(root, first.after)
        second = run(root)
        assert second.after == {}, f"a second run changes {sorted(second.after)}"
        assert second.report.selected == frozenset()
    if not any(b"\r" in data for data in sources.values()):
        with tempfile.TemporaryDirectory() as folder:
            _write(Path(folder), {path: _crlf(data) for path, data in sources.items()})
            twin = run(Path(folder))
        # What a run creates is written as it stands in hasten.
        assert twin.after == {path: _crlf(data) if path in sources else data for path, data in first.after.items()}
    return first


def check_outcomes(done: Run, sources: Mapping[str, bytes]) -> None:
    """Check what one run says and makes: no crash, compiling output, nothing moved that the plan does not name."""
    for problem in done.plan.problems:
        assert problem.kind in {"syntax", "decode"}, problem
        assert not compiles(sources[problem.path]), f"Python reads {problem.path}, hasten says: {problem.message}"
    for outcome in done.report.outcomes:
        assert not isinstance(outcome, Failed), outcome
    created = {each.path for each in done.report.outcomes if isinstance(each, Changed) and each.created}
    assert not created & sources.keys()
    for path, after in sorted(done.after.items()):
        assert after != sources.get(path, b"")
        assert compiles(after), f"{path}: the output does not compile"
        if path not in created:
            _check_lines(path, sources[path], after, done)


def compiles(data: bytes) -> bool:
    """Tell whether Python accepts a file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(data, "module.py", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True


def _check_lines(path: str, before: bytes, after: bytes, done: Run) -> None:
    """Check that every line that differs belongs to a statement with an edit in it, or to an import.

    The lines that nothing touches are all there, in their order. Between two of them are as many blocks of other lines
    as before at most, but for imports. Where lines repeat, every place at which one may be found is tried: a diff, or
    the first place, may take one line for another.
    """
    # Bytes as characters: only line numbers matter here, and Python's, which `LineTable` counts.
    old, new = _lines(before), _lines(after)
    edited = _lines_of_edits(path, before, done)
    free = _lines_of_imports(before) | edited
    others = set(range(1, len(new) + 1)) - _lines_of_imports(after)
    reached, last = {0}, 0
    for number, line in enumerate(old, 1):
        if number in free or not line.strip():
            continue
        known = _blocks(old, last, number - 1, edited)
        reached = {there + 1 for at in reached for there in _places(new, at, line, known, others)}
        assert reached, f"{path}: line {number} differs, or lines before it belong to nothing, and no edit is there"
        last = number
    known = _blocks(old, last, len(old), edited)
    ends = [_blocks(new, at, len(new), others) for at in reached]
    assert min(ends) <= known, f"{path}: some of the last lines belong to nothing"


def _places(lines: Sequence[str], start: int, line: str, most: int, among: Collection[int]) -> Iterator[int]:
    """Yield where a line is, from `start` on, with no more than so many blocks before it; see `_blocks`."""
    blocks, counted = 0, False
    for index in range(start, len(lines)):
        if lines[index] == line:
            yield index
        if not lines[index].strip():
            counted = False
        elif index + 1 in among and not counted:
            blocks, counted = blocks + 1, True
            if blocks > most:
                return


def _blocks(lines: Sequence[str], start: int, end: int, among: Collection[int]) -> int:
    """Count the runs of lines that are not empty and have one, by its number, `among` those."""
    runs = itertools.groupby(range(start, end), key=lambda index: bool(lines[index].strip()))
    return sum(filled and any(index + 1 in among for index in run) for filled, run in runs)


def _lines_of_imports(data: bytes) -> set[int]:
    """Return the lines that hold import statements, and `pass` and blocks that stand in for them."""
    return {
        line
        for node in ast.walk(_parse(data))
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Pass)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }


def _lines_of_edits(path: str, data: bytes, done: Run) -> set[int]:
    """Return the lines of the smallest statement around each edit that was taken."""
    taken = [edit for change in done.plan.changes if change.id in done.report.selected for edit in change.edits]
    lines = {line for edit in taken if edit.path == path for line in range(edit.start.line, edit.end.line + 1)}
    found = set(lines)
    for node in ast.walk(_parse(data)):
        if not isinstance(node, ast.stmt):
            continue
        span = range(
            min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))]),
            (node.end_lineno or 0) + 1,
        )
        inner = [
            each for field in ("body", "orelse", "finalbody", "handlers", "cases") for each in getattr(node, field, [])
        ]
        # Of a compound statement only its header: what is inside has statements of its own.
        first = min((_first_line(each) for each in inner), default=span.stop)
        header = range(span.start, max(min(first, span.stop), span.start + 1))
        if lines & set(header):
            found |= set(header)
    return found


def _first_line(node: ast.AST) -> int:
    """Return the first line of a node of a body; a `case` has none of its own."""
    if isinstance(node, ast.match_case):
        return node.pattern.lineno
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    lineno: int = getattr(node, "lineno", 0)
    return min([*(each.lineno for each in decorators), lineno])


def _parse(data: bytes) -> ast.Module:
    """Return the tree of a file that compiles."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(data)


def _lines(data: bytes) -> list[str]:
    """Return the lines of a file as Python's parser counts them."""
    text = data.decode("latin-1")
    table = LineTable(text)
    return [text[table.line_span(line).start : table.line_span(line).end] for line in range(1, len(table) + 1)]


def _crlf(data: bytes) -> bytes:
    """Return a file with CRLF line ends."""
    return data.replace(b"\n", b"\r\n")


def _write(root: Path, sources: Mapping[str, bytes]) -> None:
    """Put files below `root`."""
    for path, data in sources.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
