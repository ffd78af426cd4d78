"""Convert packages that block on sqlite3 in memory, and ask the type checker what is wrong with the result.

The corpus's runner does this and runs the packages' tests as well; alone, it is the quick look of a minute. Each
package is taken as it was published, its tests among its files. Exit code: 1 where the checker finds something new.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if not __package__:
    # Started as a script: the modules beside this one are found from the checkout's top level, as type checkers do.
    sys.path[0] = str(ROOT)

from tests.corpus import statements  # noqa: E402
from tests.corpus.prepare import CorpusError, Package, load, sdist, unpack  # noqa: E402

from hasten import discover, pipeline, registry, report  # noqa: E402
from hasten.config import Config  # noqa: E402
from hasten.model import Changed, Failed, Refusal  # noqa: E402
from hasten.oracle import Problem, new_problems, problems  # noqa: E402
from hasten.source import decode  # noqa: E402

CODEMOD = "sqlite3-to-aiosqlite"
#: What else is run: a coroutine that is made must not sleep in its loop.
BESIDE = "sleep-to-asyncio"
CODEMODS = (CODEMOD, BESIDE)
#: Tests are converted that use sqlite3 by themselves, too: more real code that has to work afterwards.
TESTS = "all"


@dataclass(frozen=True, slots=True)
class Refused:
    """A place that is not converted.

    Attributes:
        calls: how many blocking calls stay because of it.
        behind: the codes of the reasons behind it.
    """

    code: str
    calls: int
    path: str
    line: int
    message: str
    behind: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """What became of the blocking calls of one package.

    Attributes:
        calls: all of them but sleeps; a connection that cannot be followed counts as one.
        candidates: those that could be awaited, as far as they themselves and their function go.
        converted: those that are awaited.
        refused: why the others are not.
        sleeps: how many calls of `time.sleep` there are, and how many of them are awaited afterwards.
        hazards: how often each hazard stands on a change that is taken.
        named: how many database calls there are by their names alone, and how many of them are awaited afterwards
            and were not before.
        files: the Python files that change.
        failed: the files that hasten could not process, and why.
        new: what the type checker finds wrong that was not so before: never awaited, or used as if it had been.
        seconds: what the preview took.
    """

    calls: int
    candidates: int
    converted: int
    refused: tuple[Refused, ...]
    sleeps: tuple[int, int]
    hazards: tuple[tuple[str, int], ...]
    named: tuple[int, int]
    files: tuple[str, ...]
    failed: tuple[str, ...]
    new: tuple[str, ...]
    seconds: float


def look(package: Package, tree: Path) -> Look:
    """Convert a package with all that `--unsafe` takes, and check what comes of it; nothing is written."""
    folders = [tree / each for each in package.src_dirs]
    tree /= package.project_dir
    found = discover.discover(folders, root=tree, exclude=())
    # Named, so that calls are converted whether an event loop runs them or not: a library's callers are not here.
    config = Config(unsafe=True, select=CODEMODS, options={CODEMOD: {"tests": TESTS}})
    request = pipeline.Request(tree, config, found.targets, found.context, unsafe=True)
    start = time.monotonic()
    done = pipeline.run(request, [each for each in registry.load() if each.name in CODEMODS])
    seconds = time.monotonic() - start
    before = {path: _text(tree, path) for path in (*found.targets, *found.context)}
    made = {each.path: each for each in done.outcomes if isinstance(each, Changed) and each.path.endswith(".py")}
    after = before | {path: decode(path, each.after).text for path, each in made.items()}
    places = statements.importing(before)
    named, awaited = statements.count(before, places)
    table = report.table(done, config)
    refusals = [each for each in done.plan.refusals if each.codemod == CODEMOD]
    refused = [_refused(each) for each in refusals]
    offered = sum(each.awaits for each in report.sites(done.plan) if each.codemod == CODEMOD)
    converted = {each.codemod: each.converted for each in table.tallies}
    sleeping = [each.awaits for each in report.sites(done.plan) if each.codemod == BESIDE]
    awake = [_refused(each).calls for each in done.plan.refusals if each.codemod == BESIDE]
    return Look(
        calls=offered + sum(each.calls for each in refused),
        candidates=offered + sum(each.awaitable for each in refusals),
        converted=converted.get(CODEMOD, 0),
        refused=tuple(refused),
        sleeps=(sum(sleeping) + sum(awake), converted.get(BESIDE, 0)),
        hazards=table.taken,
        named=(named, statements.count(after, places)[1] - awaited),
        files=tuple(sorted(made)),
        failed=tuple(f"{each.path}: {each.problem.message}" for each in done.outcomes if isinstance(each, Failed)),
        new=tuple(map(str, _new(tree, before, after))) if made else (),
        seconds=seconds,
    )


def by_code(refused: Iterable[Refused]) -> Counter[str]:
    """Return how many calls stay for each reason."""
    calls: Counter[str] = Counter()
    for each in refused:
        calls[each.code] += each.calls
    return calls


def _refused(refusal: Refusal) -> Refused:
    calls = max(1, refusal.awaitable)
    return Refused(refusal.code, calls, refusal.path, refusal.start.line, refusal.message, refusal.behind)


def _text(tree: Path, path: str) -> str:
    return decode(path, (tree / path).read_bytes()).text


def _new(tree: Path, before: dict[str, str], after: dict[str, str]) -> list[Problem]:
    """Return the new problems that have to do with coroutines; what annotations of aiosqlite say is none of ours."""
    spec = importlib.util.find_spec("aiosqlite")
    libraries = [Path(each) for each in (spec.submodule_search_locations or ())] if spec is not None else []
    plain = new_problems(problems(tree, (), before), problems(tree, (), after))
    installed = new_problems(
        problems(tree, (), before, libraries=libraries), problems(tree, (), after, libraries=libraries)
    )
    return [
        *(each for each in plain if "aiosqlite" not in each.message and each.code != "missing-import"),
        *(each for each in installed if each.code == "unused-coroutine" or "Coroutine" in each.message),
    ]


def main() -> int:
    """Convert the packages, and print what comes of it; return 1 where the checker finds something new."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("only", nargs="*", help="names of packages (default: all that use sqlite3)")
    parser.add_argument("--sdists", type=Path, default=Path.home() / ".cache" / "hasten-corpus", metavar="DIR")
    options = parser.parse_args()
    wrong = False
    for package in load(Path(__file__).with_name("packages.json")):
        if package.name in options.only or (not options.only and "sqlite" in package.category.split("+")):
            try:
                with tempfile.TemporaryDirectory(prefix="hasten-corpus-") as folder:
                    unpack(sdist(package, options.sdists), Path(folder) / "tree")
                    seen = look(package, (Path(folder) / "tree").resolve())
            except CorpusError as error:
                sys.stderr.write(f"{error}\n")
                return 2
            reasons = " ".join(f"{code}×{calls}" for code, calls in sorted(by_code(seen.refused).items()))
            print(f"{package.name}: {seen.converted} of {seen.calls} calls converted; {reasons}; {seen.seconds:.1f} s")
            print(f"    by name: {seen.named[1]} of {seen.named[0]} awaited")
            for problem in (*seen.failed, *seen.new):
                print(f"    {problem}")
            wrong |= bool(seen.failed or seen.new)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
