"""Rewrite real packages with hasten and run their own tests before and after.

There are four kinds. Packages that read and write JSON, those that call out over the network, and all of them for what
they load again and again, are rewritten twice from the same sources: as `hasten apply` does by default, and with
`--unsafe`. Packages that block on sqlite3 are rewritten with `--unsafe`, and the type checker
looks at the result, too. A test that passed before and is failed, skipped, in error or gone afterwards is a regression.
Nothing is special about any package. Exit code: 1 where a package is not sound, or something could not be run, else 0.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
if not __package__:
    # Started as a script: the modules beside this one are found from the checkout's top level, as type checkers do.
    sys.path[0] = str(ROOT)

from tests import sections  # noqa: E402
from tests.corpus import awaited, awaited_page, page, suite, trees  # noqa: E402
from tests.corpus.prepare import CorpusError, Package, installed, interpreter, load, prepare  # noqa: E402

CACHE = Path.home() / ".cache" / "hasten-corpus"


@dataclass(frozen=True, slots=True)
class Kind:
    """What is done to the packages of one category.

    Attributes:
        select: the codemods that are run.
        levels: the flags of hasten at each level, by the level's name.
        strict: the level at which there must be no regression.
        render: makes the kind's section of the page.
        everywhere: packages of all categories are taken, since any may hold something.
    """

    select: tuple[str, ...]
    levels: dict[str, tuple[str, ...]]
    strict: str
    render: Callable[..., list[str]]
    everywhere: bool = False


KINDS = {
    # The other codemods' changes are another kind's.
    "json": Kind(("json-to-orjson",), {"default": (), "unsafe": ("--unsafe",)}, "default", page.render),
    "retry": Kind(
        ("retry-api-calls",),
        {"default": (), "unsafe": ("--unsafe",)},
        "default",
        partial(page.render, title="Retries", extra="tenacity", read="retry-api-calls"),
    ),
    "cache": Kind(
        ("cache-pure-loaders",),
        {"default": (), "unsafe": ("--unsafe",)},
        "default",
        partial(page.render, title="Caches", extra="", read="cache-pure-loaders"),
        everywhere=True,
    ),
    "sqlite": Kind(
        awaited.CODEMODS,
        {"unsafe": ("--unsafe", "--set", f"{awaited.CODEMOD}.tests={awaited.TESTS}")},
        "unsafe",
        awaited_page.render,
    ),
}


@dataclass(frozen=True, slots=True)
class Level:
    """What hasten did to a package at one level, and what its tests said.

    Attributes:
        document: the JSON report of `hasten preview` at this level.
        files: the files that `hasten apply` changed, relative to the tree.
        problems: what went wrong with hasten itself, one sentence each.
        rerun: whether the tests were run; they are not where the tree is byte for byte one that was tested already.
    """

    document: dict[str, Any] = field(repr=False)
    files: tuple[str, ...]
    problems: tuple[str, ...]
    tests: suite.Suite = field(repr=False)
    regressions: tuple[suite.Regression, ...]
    rerun: bool


@dataclass(frozen=True, slots=True)
class Result:
    """All that is known of one package after the run.

    Attributes:
        strict: the level at which there must be no regression.
        problem: why there are no levels.
        look: what became of the blocking calls, where the kind has to do with them.
        versions: what is installed of the extras in the package's environment.
    """

    package: Package
    strict: str
    problem: str = ""
    baseline: suite.Suite | None = field(default=None, repr=False)
    levels: dict[str, Level] = field(default_factory=dict)
    look: awaited.Look | None = None
    versions: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def sound(self) -> bool:
        """Whether the strict level kept its promise."""
        level = self.levels.get(self.strict)
        wrong = self.look is not None and (self.look.failed or self.look.new)
        return level is not None and not self.problem and not wrong and not level.regressions and not level.problems


def main() -> int:
    """Run what the command line asks for; return the exit code."""
    options = _options()
    packages = load(options.packages)
    unknown = sorted(set(options.only) - {package.name for package in packages})
    if unknown:
        _say(f"not in {options.packages.name}: {', '.join(unknown)}")
        return 2
    # A background job starts with SIGINT ignored and would hand that on to tests that send it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        interpreter()
    except CorpusError as error:
        _say(str(error))
        return 2
    if not suite.no_network():
        _say("note: the tests run with the network, since this system gives no network namespace")
    trees.copy_hasten(options.work / ".hasten")
    codes = []
    for kind in options.kind:
        chosen = [
            package for package in packages if (package.name in options.only if options.only else _is_of(package, kind))
        ]
        codes.append(_kind(kind, chosen, options))
    return max(codes)


def _is_of(package: Package, kind: str) -> bool:
    return KINDS[kind].everywhere or kind in package.category.split("+")


def _kind(kind: str, packages: list[Package], options: argparse.Namespace) -> int:
    """Do one kind, and write its section of the page; return the exit code."""
    with ThreadPoolExecutor(options.jobs) as pool:
        results = list(pool.map(lambda package: _package(package, KINDS[kind], options), packages))
    facts = [
        asdict(result) | {"sound": result.sound, "tree": str(options.work / result.package.name / "tree")}
        for result in results
    ]
    beside = options.work.with_name(f"{options.work.name}-{kind}.json")
    beside.write_text(json.dumps(facts, indent=1, default=str), encoding="utf-8")
    lines = KINDS[kind].render(facts, command=_command(kind, options), isolated=bool(suite.no_network()))
    if options.out:
        sections.put(options.out, page.INTRODUCTION, kind, lines, order=list(KINDS))
        _say(f"wrote {options.out.name} and {beside.name}")
    bad = [result.package.name for result in results if not result.sound]
    _say(f"{kind}: {len(results) - len(bad)} of {len(results)} packages are sound" + ("; not" if bad else ""), *bad)
    return 1 if bad else 0


def _options() -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=Path, default=Path(__file__).with_name("packages.json"), metavar="FILE")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these packages, whatever their kind")
    parser.add_argument("--kind", action="append", choices=list(KINDS), help="what is done (default: every kind)")
    parser.add_argument(
        "--work", type=Path, default=CACHE / "work", metavar="DIR", help="prepared trees are taken again"
    )
    parser.add_argument("--sdists", type=Path, default=CACHE, metavar="DIR", help="where source distributions are kept")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the page (default: docs/corpus.md, none with --only)")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="packages at a time (default: 2)")
    parser.add_argument("--keep", action="store_true", help="leave the trees as `hasten apply --unsafe` left them")
    options = parser.parse_args()
    options.work = options.work.resolve()
    options.kind = options.kind or list(KINDS)
    if options.out is None and not options.only:
        options.out = ROOT / "docs" / "corpus.md"
    return options


def _package(package: Package, kind: Kind, options: argparse.Namespace) -> Result:
    """Prepare one package, run its tests, and do all levels; every failure is part of the result."""
    start = time.monotonic()
    target = options.work / package.name
    try:
        prepare(package, target, options.sdists)
        shutil.rmtree(target / "hasten", ignore_errors=True)  # no cached fact of an older hasten
        trees.restore(target)
        if not suite.from_tree(package, target):
            return Result(package, kind.strict, problem="its tests import it from somewhere else than the tree")
        baseline = suite.run(package, target, target / "base.junit.xml")
        if baseline.ended or not baseline.count(suite.PASSED):
            return Result(package, kind.strict, f"baseline: {baseline.ended or 'no test passed'}", baseline)
        look = _look(package, target) if kind.select == awaited.CODEMODS else None
        levels: dict[str, Level] = {}
        for name, flags in kind.levels.items():
            levels[name] = _level(package, target, name, (*flags, *_selection(kind)), baseline, levels)
    except CorpusError as error:
        return Result(package, kind.strict, problem=str(error))
    finally:
        if not options.keep and (target / "orig").is_dir():
            trees.restore(target)
    seconds = time.monotonic() - start
    result = Result(package, kind.strict, "", baseline, levels, look, installed(target), seconds)
    _say(
        f"{package.name}: {baseline.count(suite.PASSED)} passed before,",
        *(f"{level.tests.count(suite.PASSED)} {name}," for name, level in levels.items()),
        f"{sum(len(level.regressions) for level in levels.values())} regressions, {result.seconds:.0f} s",
    )
    return result


def _level(
    package: Package,
    target: Path,
    name: str,
    flags: tuple[str, ...],
    baseline: suite.Suite,
    done: dict[str, Level],
) -> Level:
    """Rewrite a fresh tree at one level and run its tests."""
    tree, orig = target / "tree", target / "orig"
    trees.restore(target)
    report = target / f"{name}.json"
    report.unlink(missing_ok=True)
    home = package.project_dir
    problems = [
        *trees.hasten(target, home, "preview", "--format", "json", "--output", str(report), *flags, *package.targets),
        *trees.hasten(target, home, "apply", "--allow-dirty", *flags, *package.targets),
    ]
    document: dict[str, Any] = {
        "root": str(tree),
        "changes": [],
        "refusals": [],
        "files": [],
        "errors": [],
        "summary": {},
    }
    if report.exists():
        document = json.loads(report.read_bytes())
    elif not problems:
        last = (target / "hasten-preview.log").read_text(encoding="utf-8").strip().splitlines()
        problems.append(f"hasten preview left no report: {last[-1] if last else 'no message'}")
    files = tuple(sorted(trees.changed(orig, tree)))
    shown = sorted(page.in_tree(file["path"], document["root"], tree) for file in document["files"])
    if list(files) != shown:
        problems.append(f"hasten apply changed {list(files)}, preview showed {shown}")
    if not files:
        tests, rerun = baseline, False
    else:
        # Where --unsafe offers nothing more, the tree is the one that was tested a moment ago.
        same = [old for old in done.values() if old.files == files and old.document["files"] == document["files"]]
        rerun = not same
        tests = same[0].tests if same else _rerun(package, target, name, baseline)
    return Level(document, files, tuple(problems), tests, suite.compare(baseline, tests), rerun)


def _look(package: Package, target: Path) -> awaited.Look:
    """Convert a package in memory.

    Raises:
        CorpusError: hasten fell over, which is a failure of this package and no reason to leave the others.
    """
    try:
        return awaited.look(package, (target / "tree").resolve())
    except Exception as error:
        message = f"hasten raised {type(error).__name__}: {error}"
        raise CorpusError(message) from error


def _rerun(package: Package, target: Path, name: str, baseline: suite.Suite) -> suite.Suite:
    """Run the tests of the rewritten tree; what waits for ever is found out sooner than in any suite's first run."""
    return suite.run(package, target, target / f"{name}.junit.xml", max(120, 6 * baseline.seconds))


def _selection(kind: Kind) -> tuple[str, ...]:
    """Return the `--select` options as hasten takes them."""
    return tuple(word for codemod in kind.select for word in ("--select", codemod))


def _command(kind: str, options: argparse.Namespace) -> str:
    """Return the command line without the options that only say where things are kept."""
    words = ["python tests/corpus/run.py"]
    if options.packages != Path(__file__).with_name("packages.json"):
        words.append(f"--packages {options.packages.name}")
    return " ".join([*words, f"--kind {kind}", *(["--only", *options.only] if options.only else [])])


def _say(*words: str) -> None:
    """Write one line for the person at the terminal."""
    sys.stderr.write(" ".join(words) + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
