"""Test a codemod with files: each case is Python before and after, and proves more than its diff.

`load_cases` reads a folder of fixtures, `check_case` runs the codemod on one and says what is wrong with the result.
A test needs nothing else:

    @pytest.mark.parametrize("case", load_cases(Path("fixtures/my_codemod")), ids=lambda case: case.name)
    def test_fixture(case):
        assert check_case(case, MyCodemod()) == []

A case in one file, `<case>.py`, is the input, a line `# --- after ---`, and the output; without that line the file must
not change. Its first line may say what else is expected:

    # case: unsafe; hazards ABC001 ABC002; refusals ABC101; proofs ABC201; options fast=true

Further parts are `accept CODES`, `creates PATHS`, `python >=3.12`, `strategy offload` and `differs WHY`. Hazards and
refusals are all that must be found, proofs are some. A function `check()` in the case is run before and after, and must
return the same, or, under `differs`, must not; what a case only offers is run as if it were taken.

A case in a folder has `before/`, `after/` (only files that change or are created), and, where there is something to
say, `case.toml` with the same words as keys, `behaviour_differs` for `differs`, and also `targets`, the files that may
be rewritten, `beside`, files that several cases share in a folder of that name, and `unimportable`, modules without
which all must be as before. `behaviour.py` beside them, with a function `behave()`, is run in both trees.
"""

from __future__ import annotations

import ast
import difflib
import re
import tempfile
import warnings
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from hasten import pipeline
from hasten import source as sources
from hasten.api import Codemod
from hasten.codes import ENGINE_CODES
from hasten.config import Config
from hasten.model import Change, Changed, Edit, Failed, Plan, Unchanged
from hasten.testing.behaviour import observe
from hasten.testing.cases import SINGLE, Case, Codes, load_cases, read_tree

__all__ = ["Case", "Codes", "check_case", "load_cases", "rewritten"]


@dataclass(frozen=True, slots=True)
class _Run:
    """What one run made of a tree: its report, and the tree as it would be."""

    report: pipeline.Report
    tree: Mapping[str, bytes]

    @property
    def codes(self) -> Codes:
        plan = self.report.plan
        return Codes(
            tuple(sorted({each.code for change in plan.changes for each in change.hazards})),
            tuple(sorted({each.code for each in plan.refusals})),
            tuple(sorted({each.code for change in plan.changes for each in change.proofs})),
        )

    @property
    def taken(self) -> list[Change]:
        return [each for each in self.report.plan.changes if each.id in self.report.selected]


def check_case(case: Case, codemod: Codemod) -> list[str]:
    """Run `codemod` on a case and return what is wrong, one complaint each; empty is right.

    The result must be what the case says, byte for byte, with the codes that it names. Beyond that: it compiles;
    a second run finds nothing more; other line ends make no other difference; lines away from the edits stay; nothing
    is written; a result that is kept in a cache is what it was; and what the case says about behaviour is true.
    """
    with tempfile.TemporaryDirectory() as folder:
        return _complaints(case, codemod, Path(folder) / "cache.sqlite")


def _complaints(case: Case, codemod: Codemod, cache: Path) -> list[str]:
    run = _run(case, codemod, case.before, cache=cache)
    if broken := list(_broken(run)):
        return broken
    complaints = [
        *_texts(case, run),
        *_codes(case, codemod, run),
        *_compiles(run),
        *_stray_lines(case, run),
        *_second_run(case, codemod, run, cache),
        *_other_newlines(case, codemod, run),
    ]
    if _run(case, codemod, case.before, cache=cache).report != run.report:
        complaints.append("what is kept in a cache is another report than what was made")
    if case.expected.hazards and not case.unsafe:
        # The same files: what is known of them, and what the type checker said, is in the cache.
        run = _run(replace(case, unsafe=True), codemod, case.before, cache=cache)
        complaints += [f"with unsafe changes: {each}" for each in (*_broken(run), *_compiles(run))]
    return complaints or list(_behaviour(case, run))


def rewritten(case: Case, codemod: Codemod) -> dict[str, bytes]:
    """Return the contents of every file of a case, by path, as `codemod` leaves them."""
    return dict(_run(case, codemod, case.before).tree)


def _run(case: Case, codemod: Codemod, tree: Mapping[str, bytes], *, cache: Path | None = None) -> _Run:
    paths = tuple(path for path in sorted(tree) if path.endswith(".py"))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        _lay_out(root, tree)
        request = pipeline.Request(
            root,
            Config(strategy=case.strategy, options={codemod.name: case.options}),
            targets=case.targets or paths,
            context=paths,
            unsafe=case.unsafe,
            accept=case.accept,
            jobs=1,
            cache=cache,
        )
        report = pipeline.run(request, [codemod])
        if read_tree(root) != dict(tree):
            raise AssertionError(f"{case.name}: a run wrote into the tree that it was to look at")
    made = {each.path: each.after for each in report.outcomes if isinstance(each, Changed)}
    return _Run(report, {**tree, **made})


def _lay_out(root: Path, tree: Mapping[str, bytes]) -> None:
    for path, data in tree.items():
        file = root / PurePosixPath(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


def _broken(run: _Run) -> Iterator[str]:
    for problem in run.report.plan.problems:
        yield f"{problem.path}: {problem.message}"
    for outcome in run.report.outcomes:
        match outcome:
            case Failed(path, problem):
                yield f"{path}: {problem.message}"
            case Unchanged(path):
                yield f"{path}: its edits change nothing"
            case _:
                continue


def _texts(case: Case, run: _Run) -> Iterator[str]:
    expected = {**case.before, **case.after}
    for path in sorted({*expected, *run.tree, *case.creates}):
        if path in case.creates:
            if path not in run.tree:
                yield f"{path} was not created"
        elif path not in run.tree:
            yield f"{path} is expected and is not there"
        elif path not in expected:
            yield f"{path} was created; the case does not say so"
        elif expected[path] != run.tree[path]:
            yield f"{path} is not what was expected:\n{_difference(expected[path], run.tree[path])}"


def _difference(expected: bytes, found: bytes) -> str:
    old, new = (each.decode("utf-8", "backslashreplace").splitlines(keepends=True) for each in (expected, found))
    lines = difflib.unified_diff(old, new, "expected", "found")
    # Line ends are shown where they are what differs.
    shown = (repr(each) if "\r" in each else each.rstrip("\n") for each in lines)
    return "\n".join(shown)


def _codes(case: Case, codemod: Codemod, run: _Run) -> Iterator[str]:
    found, expected = run.codes, case.expected
    for word in ("hazards", "refusals"):
        have, want = getattr(found, word), getattr(expected, word)
        if have != want:
            yield f"{word}: expected {_listed(want)}, found {_listed(have)}\n{_explained(run.report.plan)}"
    missing = sorted(set(expected.proofs) - set(found.proofs))
    if missing:
        yield f"proofs: {_listed(missing)} expected, found {_listed(found.proofs)}\n{_explained(run.report.plan)}"
    kinds = {each.code: f"{each.kind}s" for each in (*codemod.codes, *ENGINE_CODES)}
    for word in ("hazards", "refusals", "proofs"):
        for code in getattr(found, word):
            if kinds.get(code) != word:
                yield f"{code} is given among the {word}; the codemod's codes do not say so"


def _listed(codes: Collection[str]) -> str:
    return ", ".join(codes) or "none"


def _explained(plan: Plan) -> str:
    lines: list[str] = []
    for change in plan.changes:
        place = change.edits[0]
        lines.append(f"  {place.path}:{place.start.line}: {change.applicability}: {change.title}")
        lines += [f"    {each.code}: {each.message}" for each in change.hazards]
        lines += [f"    {each.code}: {each.message}" for each in change.proofs]
    lines += [f"  {each.path}:{each.start.line}: refused\n    {each.code}: {each.message}" for each in plan.refusals]
    return "\n".join(lines) or "  nothing was found"


def _compiles(run: _Run) -> Iterator[str]:
    for path, data in sorted(run.tree.items()):
        if path.endswith(".py"):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    compile(data, path, "exec", dont_inherit=True)
            except (SyntaxError, ValueError) as error:
                yield f"{path} does not compile: {error}"


def _stray_lines(case: Case, run: _Run) -> Iterator[str]:
    """Compare line by line, without asking hasten: what changes is at an edit, an import, or a blank line."""
    edits = [edit for change in run.taken for edit in change.edits]
    for path in case.python_files:
        if run.tree[path] == case.before[path]:
            continue
        old, new = (_lines(path, tree[path]) for tree in (case.before, run.tree))
        free = _free_lines(path, case.before[path], [each for each in edits if each.path == path])
        for tag, low, high, start, end in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            if tag == "equal":
                continue
            stray = [line + 1 for line in range(low, high) if line + 1 not in free and old[line].strip()]
            if stray:
                yield f"{path}:{stray[0]} is no edit's line, and changed: {old[stray[0] - 1]!r}"
            if tag == "insert" and low not in free and low + 1 not in free:
                added = [each for each in new[start:end] if each.strip()]
                if any(not each.lstrip().startswith(("import ", "from ")) for each in added):
                    yield f"{path}:{start + 1} is new, and no edit is there: {added[0]!r}"


def _lines(path: str, data: bytes) -> list[str]:
    return re.split(r"(?<=\n)|(?<=\r)(?!\n)", sources.decode(path, data).text)


def _free_lines(path: str, data: bytes, edits: list[Edit]) -> set[int]:
    free = {line for each in edits for line in range(each.start.line, each.end.line + 1)}
    text = sources.decode(path, data).text
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            free.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    # What is written below an edit is told from what stood there before only by the blank lines between.
    for number, line in enumerate(_lines(path, data), start=1):
        if number - 1 in free and not line.strip():
            free.add(number)
    return free


def _second_run(case: Case, codemod: Codemod, run: _Run, cache: Path) -> Iterator[str]:
    again = _run(case, codemod, run.tree, cache=cache)
    yield from (f"in a second run: {each}" for each in _broken(again))
    for change in again.taken:
        place = change.edits[0]
        yield f"a second run finds more to do at {place.path}:{place.start.line}: {change.title}"


def _other_newlines(case: Case, codemod: Codemod, run: _Run) -> Iterator[str]:
    twin = {path: _swapped(data) if path.endswith(".py") else data for path, data in case.before.items()}
    again = _run(case, codemod, twin)
    yield from (f"with other line ends: {each}" for each in _broken(again))
    if again.codes != run.codes:
        yield f"with other line ends, other codes: {again.codes}, not {run.codes}"
    for path, data in sorted(again.tree.items()):
        if _plain(data) != _plain(run.tree[path]):
            yield f"{path} with other line ends:\n{_difference(_plain(run.tree[path]), _plain(data))}"
        if path in twin and path.endswith(".py") and data != _same_ends(data, twin[path]):
            yield f"{path} has mixed line ends now, where it had one kind: {_difference(twin[path], data)}"


def _plain(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _swapped(data: bytes) -> bytes:
    return _plain(data) if b"\r" in data else data.replace(b"\n", b"\r\n")


def _same_ends(data: bytes, model: bytes) -> bytes:
    return _plain(data).replace(b"\n", b"\r\n") if b"\r" in model else _plain(data)


def _behaviour(case: Case, run: _Run) -> Iterator[str]:
    """Run the program before and after; a change that is only offered is looked at as if it were taken."""
    script = case.behaviour
    if script is None and not _has_check(case):
        return
    with tempfile.TemporaryDirectory() as folder:
        trees = {name: Path(folder).resolve() / name for name in ("before", "after")}
        _lay_out(trees["before"], case.before)
        _lay_out(trees["after"], run.tree)
        before = observe(trees["before"], script)
        after = observe(trees["after"], script)
        if before.failed:
            yield f"the program fails before it is rewritten:\n{before.text}"
        elif case.differs and before == after:
            yield f"it behaves the same, though the case says it differs ({case.differs}): {before.text}"
        elif after.failed and "AssertionError" in after.text:
            yield f"it behaves in another way than its script expects:\n{after.text}"
        elif not case.differs and before != after:
            yield f"it behaves differently:\nbefore: {before.text}\nafter:  {after.text}"
        for name in case.unimportable:
            without = observe(trees["after"], script, name)
            if without != before:
                yield f"without {name} it behaves differently:\nbefore: {before.text}\nafter:  {without.text}"


def _has_check(case: Case) -> bool:
    text = case.before.get(SINGLE)
    if text is None:
        return False
    return any(isinstance(node, ast.FunctionDef) and node.name == "check" for node in ast.parse(text).body)
