"""Rewrite real packages with hasten and run their own tests before and after.

Each package is rewritten twice from the same sources: as `hasten apply` does by default, and with `--unsafe`. A test
that passed before and is failed, skipped, in error or gone afterwards is a regression. Nothing is special about any
package. Exit code: 1 where the default level has a regression or something could not be run, else 0.
"""

from __future__ import annotations

import argparse
import filecmp
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
if not __package__:
    # Started as a script: the modules beside this one are found from the checkout's top level, as type checkers do.
    sys.path[0] = str(ROOT)

from tests.corpus import page, suite  # noqa: E402
from tests.corpus.prepare import CorpusError, Package, interpreter, load, prepare  # noqa: E402

CACHE = Path.home() / ".cache" / "hasten-corpus"
LEVELS = {"default": (), "unsafe": ("--unsafe",)}


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
        problem: why there are no levels.
        orjson: the version in the package's environment.
    """

    package: Package
    problem: str = ""
    baseline: suite.Suite | None = field(default=None, repr=False)
    levels: dict[str, Level] = field(default_factory=dict)
    orjson: str = ""
    seconds: float = 0.0

    @property
    def sound(self) -> bool:
        """Whether the default level kept its promise."""
        level = self.levels.get("default")
        return level is not None and not self.problem and not level.regressions and not level.problems


def main() -> int:
    """Run what the command line asks for; return the exit code."""
    options = _options()
    packages = [
        package
        for package in load(options.packages)
        if (package.name in options.only if options.only else options.kind in package.category.split("+"))
    ]
    unknown = sorted(set(options.only) - {package.name for package in packages})
    if unknown or not packages:
        _say(f"not in {options.packages.name}: {', '.join(unknown) or options.kind}")
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
    _copy_hasten(options.work / ".hasten")
    with ThreadPoolExecutor(options.jobs) as pool:
        results = list(pool.map(lambda package: _package(package, options), packages))
    facts = [
        asdict(result) | {"sound": result.sound, "tree": str(options.work / result.package.name / "tree")}
        for result in results
    ]
    beside = options.work.with_name(f"{options.work.name}.json")
    beside.write_text(json.dumps(facts, indent=1, default=str), encoding="utf-8")
    text = page.render(facts, command=_command(options), isolated=bool(suite.no_network()))
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(text, encoding="utf-8")
        _say(f"wrote {options.out.name} and {beside.name}")
    bad = [result.package.name for result in results if not result.sound]
    _say(
        f"{len(results) - len(bad)} of {len(results)} packages sound at the default level" + ("; not" if bad else ""),
        *bad,
    )
    return 1 if bad else 0


def _options() -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=Path, default=Path(__file__).with_name("packages.json"), metavar="FILE")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these packages, whatever their kind")
    parser.add_argument("--kind", default="json", help="packages of this category (default: json)")
    parser.add_argument("--select", action="append", default=[], metavar="CODEMOD", help="handed on to hasten")
    parser.add_argument(
        "--work", type=Path, default=CACHE / "work", metavar="DIR", help="prepared trees are taken again"
    )
    parser.add_argument("--sdists", type=Path, default=CACHE, metavar="DIR", help="where source distributions are kept")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "corpus.md", metavar="FILE")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="packages at a time (default: 2)")
    parser.add_argument("--keep", action="store_true", help="leave the trees as `hasten apply --unsafe` left them")
    options = parser.parse_args()
    options.work = options.work.resolve()
    if options.kind == "json" and not options.select:
        options.select = ["json-to-orjson"]  # the other codemods' changes are another kind's
    return options


def _package(package: Package, options: argparse.Namespace) -> Result:
    """Prepare one package, run its tests, and do both levels; every failure is part of the result."""
    start = time.monotonic()
    target = options.work / package.name
    try:
        prepare(package, target, options.sdists)
        shutil.rmtree(target / "hasten", ignore_errors=True)  # no cached fact of an older hasten
        _restore(target)
        if not suite.from_tree(package, target):
            return Result(package, problem="its tests import it from somewhere else than the tree")
        baseline = suite.run(package, target, target / "base.junit.xml")
        if baseline.ended or not baseline.count(suite.PASSED):
            return Result(package, problem=f"baseline: {baseline.ended or 'no test passed'}", baseline=baseline)
        levels: dict[str, Level] = {}
        for name, flags in LEVELS.items():
            levels[name] = _level(package, target, name, (*flags, *_selection(options)), baseline, levels)
    except CorpusError as error:
        return Result(package, problem=str(error))
    finally:
        if not options.keep and (target / "orig").is_dir():
            _restore(target)
    result = Result(package, "", baseline, levels, _orjson(target), time.monotonic() - start)
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
    _restore(target)
    report = target / f"{name}.json"
    report.unlink(missing_ok=True)
    problems = [
        *_hasten(target, "preview", "--format", "json", "--output", str(report), *flags, *package.src_dirs),
        *_hasten(target, "apply", "--allow-dirty", *flags, *package.src_dirs),
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
    files = tuple(sorted(_changed(orig, tree)))
    shown = sorted(page.in_tree(file["path"], document["root"], tree) for file in document["files"])
    if list(files) != shown:
        problems.append(f"hasten apply changed {list(files)}, preview showed {shown}")
    if not files:
        tests, rerun = baseline, False
    else:
        # Where --unsafe offers nothing more, the tree is the one that was tested a moment ago.
        same = [old for old in done.values() if old.files == files and old.document["files"] == document["files"]]
        rerun = not same
        tests = same[0].tests if same else suite.run(package, target, target / f"{name}.junit.xml")
    return Level(document, files, tuple(problems), tests, suite.compare(baseline, tests), rerun)


def _hasten(target: Path, *arguments: str) -> list[str]:
    """Run hasten in the tree; return what went wrong, nothing where it did its work.

    Files that it could not process (exit code 2 with errors in the report) are the package's own and no failure.
    """
    copy = target.parent / ".hasten"
    paths = [str(copy / "src"), str(copy / "codemods"), os.environ.get("PYTHONPATH", "")]
    own = target / "hasten"  # its cache and journal, apart from the person's own
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        **{name: str(own) for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME")},
    }
    done = subprocess.run(
        [sys.executable, "-m", "hasten", *arguments],
        cwd=target / "tree",
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    (target / f"hasten-{arguments[0]}.log").write_text(done.stdout + done.stderr, encoding="utf-8")
    lines = done.stderr.strip().splitlines() or ["no message"]
    crashed = any(line.startswith("Traceback (most recent call last)") for line in lines)
    if done.returncode in {0, 2} and not crashed:
        return []
    return [f"hasten {arguments[0]} ended with code {done.returncode}: {lines[-1]}"]


def _changed(old: Path, new: Path) -> list[str]:
    """Return the files that differ between two trees, or are in only one, relative to them."""
    # Byte by byte: an edit can keep size and time stamp.
    places = {path.relative_to(base).as_posix() for base in (old, new) for path in base.rglob("*") if not path.is_dir()}
    return [
        place
        for place in places
        if not (old / place).is_symlink()
        and not (
            (old / place).exists() and (new / place).exists() and filecmp.cmp(old / place, new / place, shallow=False)
        )
    ]


def _restore(target: Path) -> None:
    """Put a fresh copy of TARGET/orig in the place of TARGET/tree, where the editable install looks."""
    shutil.rmtree(target / "tree", ignore_errors=True)
    shutil.copytree(target / "orig", target / "tree", symlinks=True)


def _copy_hasten(copy: Path) -> None:
    """Copy hasten as it is now: a run is of one version, whatever is edited in the checkout meanwhile."""
    shutil.rmtree(copy, ignore_errors=True)
    for name in ("src", "codemods"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))


def _selection(options: argparse.Namespace) -> tuple[str, ...]:
    """Return the `--select` options as hasten takes them."""
    return tuple(word for codemod in options.select for word in ("--select", codemod))


def _orjson(target: Path) -> str:
    """Return the version of orjson in a package's environment."""
    command = [str(target / "venv" / "bin" / "python"), "-c", "import orjson; print(orjson.__version__)"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "none"


def _command(options: argparse.Namespace) -> str:
    """Return the command line without the options that only say where things are kept."""
    words = ["python tests/corpus/run.py"]
    if options.packages != Path(__file__).with_name("packages.json"):
        words.append(f"--packages {options.packages.name}")
    words.append(f"--only {' '.join(options.only)}" if options.only else f"--kind {options.kind}")
    return " ".join([*words, *_selection(options)])


def _say(*words: str) -> None:
    """Write one line for the person at the terminal."""
    sys.stderr.write(" ".join(words) + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
