"""Measure hasten beside LibCST's codemod runner, ast-grep and `ast.parse`, and a service that it converts.

Everything is measured in every round, one after the other, in an order that turns from round to round; what is reported
is the median of the rounds, with the least beside it. Ratios are taken within a round first.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if not __package__:
    # Started as a script: the modules beside this one are found from the checkout's top level, as type checkers do.
    sys.path[0] = str(ROOT)

from tests import sections  # noqa: E402
from tests.bench import service  # noqa: E402
from tests.bench import tree as trees  # noqa: E402
from tests.bench.measure import CommandError, Cost, Series, cost, machine  # noqa: E402

import hasten  # noqa: E402

PYTHON = sys.executable
PREVIEW_ALL = ("-m", "hasten", "preview", "--unsafe", "--format", "summary")
#: What there was before decorators were added: all that they take goes beyond this.
PREVIEW_SOME = (*PREVIEW_ALL, "--ignore", "retry-api-calls,cache-pure-loaders")
PREVIEW = (*PREVIEW_ALL, "--select", "json-to-orjson")
PYREFLY = (
    "check",
    "--untyped-def-behavior",
    "check-and-infer-return-type",
    "--summary=none",
    "--output-format",
    "min-text",
)
LIBCST = (
    "-m",
    "libcst.tool",
    "codemod",
    "rename.RenameCommand",
    "--old_name",
    "json.dumps",
    "--new_name",
    "orjson.dumps",
)
LIBCST_FLAGS = ("--no-format", "--hide-progress", "--hide-generated-warnings", "--hide-blacklisted-warnings")
AST_GREP = ("run", "--pattern", "json.dumps($$$A)", "--rewrite", "orjson.dumps($$$A)", "--lang", "python")
PARSE = """
import ast, json, sys, time, warnings
warnings.simplefilter("ignore")
texts = [open(path, "rb").read() for path in json.load(sys.stdin)]
start = time.perf_counter()
for text in texts:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        pass
print(time.perf_counter() - start)
"""


#: So often in a round what takes short is measured: the noise of a single time is as large as what it is to show.
TURNS = 3


class Bench:
    """The tree, and each thing that is measured on it.

    Attributes:
        values: what was measured so far: seconds by name, a value for each round.
    """

    def __init__(self, work: Path, options: argparse.Namespace) -> None:
        """Put the tree together."""
        self.work = work
        self.base = trees.build(work / "tree", options.sdists, options.lines)
        # Where calls that are awaited, and the type checker with them, come into play.
        self.blocking = trees.build(work / "blocking", options.sdists, options.lines, "sqlite")
        for name in ("src", "codemods"):
            # A run is of one version, whatever is edited in the checkout meanwhile.
            shutil.copytree(ROOT / name, work / "hasten" / name, ignore=shutil.ignore_patterns("__pycache__"))
        # As an installer does with what it installs; all others that are measured are installed.
        compileall.compile_dir(work / "hasten", quiet=1)
        self.empty = work / "empty"
        self.empty.mkdir()
        (self.empty / "nothing.py").write_text("x = 1\n", encoding="utf-8")
        self.small = work / "small"
        self.small.mkdir()
        (self.small / "one.py").write_text("import json\nx = json.loads('1')\n", encoding="utf-8")
        places = os.pathsep.join([str(Path(PYTHON).parent), *os.get_exec_path()])
        self.ast_grep: str = options.ast_grep or shutil.which("ast-grep", path=places) or ""
        self.values: dict[str, list[float]] = {}

    def hasten(self, tree: Path, cache: Path, *flags: str) -> Cost:
        """Preview a tree with this cache."""
        return self._python(tree, *PREVIEW, *flags, ".", cache=cache)

    def round(self, number: int) -> None:
        """Measure everything, beginning with another thing than the round before; what takes short, several times."""
        jobs: list[Callable[[], None]] = [self._short, self._libcst, self._everything]
        if self.ast_grep:
            jobs.append(self._ast_grep)
        turn = number % len(jobs)
        for job in jobs[turn:] + jobs[:turn]:
            job()

    def _short(self) -> None:
        jobs = [self._cold_and_warm, self._parse, self._start]
        for turn in range(TURNS):
            for job in jobs[turn:] + jobs[:turn]:
                job()

    def memory(self) -> list[tuple[str, trees.Tree, Cost]]:
        """Return the cost of a cold preview, in one process, of the tree and of larger ones."""
        rows = []
        for times, candidates in ((1, False), (2, False), (4, False), (2, True), (4, True)):
            name = f"x{times}{'-candidates' if candidates else ''}"
            larger = self.base if times == 1 else trees.grown(self.base, self.work / name, times, candidates=candidates)
            done = self.hasten(larger.root, self._fresh("memory"), "--jobs", "1")
            what = (
                "the tree" if times == 1 else f"{times}x, added files {'all kinds' if candidates else 'no candidates'}"
            )
            rows.append((what, larger, done))
        return rows

    def versions(self, rounds: int) -> None:
        """Measure `hasten --version` beside `import click`: short, so many times."""
        for _ in range(rounds):
            for name, words in (("version", ("-m", "hasten", "--version")), ("click", ("-c", "import click"))):
                self._note(name, self._python(self.empty, *words).seconds)

    def series(self, name: str) -> Series:
        """Return what was measured under a name."""
        return Series(tuple(self.values[name]))

    def rounds(self, name: str) -> Series:
        """Return what was measured under the name of something short, one value for each round."""
        values = self.values[name]
        return Series(tuple(Series(tuple(values[at : at + TURNS])).median for at in range(0, len(values), TURNS)))

    def _cold_and_warm(self) -> None:
        cache = self._fresh("cache")
        self._note("cold", self.hasten(self.base.root, cache).seconds)
        self._note("warm", self.hasten(self.base.root, cache).seconds)

    def _libcst(self) -> None:
        # It has no dry run that does the same work, so it writes into a copy.
        copy = self.work / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.base.root, copy)
        self._note("libcst", self._python(copy, *LIBCST, *LIBCST_FLAGS, ".").seconds)

    def _ast_grep(self) -> None:
        done = cost([self.ast_grep, *AST_GREP, "--json=compact", "."], cwd=self.base.root, env=self.environment())
        self._note("ast-grep", done.seconds)

    def _everything(self) -> None:
        root = self.blocking.root
        done = self._python(root, *PREVIEW_ALL, ".", cache=self._fresh("everything-cache"))
        self._note("everything", done.seconds)
        done = self._python(root, *PREVIEW_SOME, ".", cache=self._fresh("some-cache"))
        self._note("some", done.seconds)
        checker = str(Path(PYTHON).with_name("pyrefly"))
        # It ends with 1 where it finds something.
        checked = cost([checker, *PYREFLY, "."], cwd=root, env=self.environment(), codes=(0, 1))
        self._note("pyrefly", checked.seconds)

    def _parse(self) -> None:
        groups = (
            ("all", self.base.files),
            ("candidates", self.base.candidates),
            ("blocking", self.blocking.files),
        )
        for name, files in groups:
            done = self._python(self.base.root, "-c", PARSE, stdin=json.dumps([str(path) for path in files]))
            self._note(f"parse {name}", float(done.output))
            self._note(f"parse {name}, process", done.seconds)

    def _start(self) -> None:
        self._note("start", self.hasten(self.small, self._fresh("small-cache")).seconds)
        self._note("empty", self.hasten(self.empty, self._fresh("empty-cache")).seconds)

    def _python(self, cwd: Path, *words: str, cache: Path | None = None, stdin: str = "") -> Cost:
        return cost([PYTHON, *words], cwd=cwd, env=self.environment(cache), stdin=stdin)

    def environment(self, cache: Path | None = None) -> dict[str, str]:
        """Return what the measured commands run in: this hasten, and no cache but the one that is named."""
        copy = self.work / "hasten"
        paths = [str(copy / "src"), str(copy / "codemods"), os.environ.get("PYTHONPATH", "")]
        places = dict.fromkeys(("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"), str(cache or self.work / "none"))
        # What is installed is compiled; a shell that forbids that would have every run compile all of hasten again.
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return {**inherited, **places, "PYTHONPATH": os.pathsep.join(filter(None, paths))}

    def _fresh(self, name: str) -> Path:
        shutil.rmtree(self.work / name, ignore_errors=True)
        return self.work / name

    def _note(self, name: str, value: float) -> None:
        self.values.setdefault(name, []).append(value)


def main() -> int:
    """Measure, and write the page; return 1 where something that was wanted does not hold, 2 where a command failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--lines", type=int, default=30_000, metavar="N", help="the least size of the tree")
    parser.add_argument("--sdists", type=Path, default=Path.home() / ".cache" / "hasten-corpus", metavar="DIR")
    parser.add_argument("--service-rounds", type=int, default=5, metavar="N", help="of the service (default: 5)")
    service.add_options(parser)
    parser.add_argument("--ast-grep", metavar="FILE", help="its program (default: the one on PATH)")
    parser.add_argument("--out", type=Path, default=service.PAGE, metavar="FILE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hasten-bench-") as folder:
        bench = Bench(Path(folder), options)
        try:
            for number in range(options.rounds):
                bench.round(number)
                sys.stderr.write(f"round {number + 1} of {options.rounds}\n")
            bench.versions(options.rounds * 4)
            memory = bench.memory()
            served = service.section(options, bench.environment())
        except CommandError as error:
            sys.stderr.write(f"{error}\n")
            return 2
    bounds = _bounds(bench, memory)
    for name, lines in (("hasten", _lines(bench, memory, bounds, options)), ("service", served)):
        sections.put(options.out, service.INTRODUCTION, name, lines, order=service.SECTIONS)
    for name, wanted, found, good in bounds:
        sys.stderr.write(f"{'ok ' if good else 'NOT'} {name}: {found} (wanted {wanted})\n")
    return 0 if all(good for *_, good in bounds) else 1


Bound = tuple[str, str, str, bool]
Memory = list[tuple[str, trees.Tree, Cost]]


def _bounds(bench: Bench, memory: Memory) -> list[Bound]:
    """Return each wanted bound with what was found."""
    cold, warm, parse, start = (bench.series(name) for name in ("cold", "warm", "parse candidates", "start"))
    allowed = Series(tuple(4 * mine + yours for mine, yours in zip(parse.values, start.values, strict=True)))
    rows: list[Bound] = []

    def most(name: str, found: float, limit: float, unit: str = "") -> None:
        rows.append((name, f"at most {limit:g}{unit}", f"{found:.2f}{unit}", found <= limit))

    faster = bench.series("libcst").over(bench.rounds("cold")).median
    rows.append(("LibCST's codemod runner / hasten, cold", "at least 20", f"{faster:.1f}", faster >= 20))
    most("hasten, cold / (4 x `ast.parse` of the candidates + start-up)", cold.over(allowed).median, 1)
    most("hasten, warm / cold", warm.over(cold).median, 0.5)
    floors = zip(bench.rounds("parse blocking").values, bench.values["pyrefly"], strict=True)
    floor = Series(tuple(map(sum, floors)))
    all_codemods = bench.series("everything").over(floor).median
    most("hasten, cold, all codemods / (`ast.parse` of all files + a pyrefly check), second tree", all_codemods, 2.5)
    both = bench.series("everything").over(bench.series("some")).median
    most("hasten, cold, all codemods / all but `retry-api-calls` and `cache-pure-loaders`, second tree", both, 1.1)
    most("`hasten --version` / `import click`", bench.series("version").over(bench.series("click")).median, 1.5)
    base = memory[0][2].peak
    for what, tree, done in memory[1:]:
        if "no candidates" in what:
            # The tree is not held; what grows is the facts of those that turn out to be evidence: a file that holds
            # what is asked for. Of the standard library's files that are added, that is two of five.
            most(f"memory, {what} / the tree", done.peak / base, 1.5)
        else:
            # The facts grow with the candidates, but the interpreter and the libraries do not.
            most(f"memory, {what} / the tree", done.peak / base, len(tree.candidates) / len(memory[0][1].candidates))
    return rows


def _lines(bench: Bench, memory: Memory, bounds: list[Bound], options: argparse.Namespace) -> list[str]:
    """Return the section about hasten itself."""
    base = bench.base
    preview = " ".join(PREVIEW[1:])
    rows = [
        ("cold", f"`python -m {preview} .`, empty cache"),
        ("warm", "the same again, nothing changed"),
        ("empty", "the same for a tree without candidates"),
        ("start", "the same for a tree of one line to rewrite: start-up, LibCST's import with it"),
        ("libcst", f"`python {' '.join(LIBCST)} --no-format .`, LibCST's own runner"),
        ("ast-grep", f"`ast-grep {' '.join(AST_GREP)} .`, a dry run"),
        ("parse all", "`ast.parse` of all files, in one process, reading not counted"),
        ("parse all, process", "the process that did it"),
        ("parse candidates", "`ast.parse` of the candidates"),
        ("parse candidates, process", "the process that did it"),
        ("everything", f"`python -m {' '.join(PREVIEW_ALL[1:])} .`, all codemods, second tree, empty cache"),
        ("some", f"the same with `{' '.join(PREVIEW_SOME[-2:])}`"),
        ("parse blocking", "`ast.parse` of all files of the second tree"),
        ("pyrefly", f"`pyrefly {' '.join(PYREFLY)} .`, second tree"),
        ("version", "`python -m hasten --version`, many rounds"),
        ("click", '`python -c "import click"`, many rounds'),
    ]
    grep = " (ast-grep was not there)"
    if bench.ast_grep:
        said = subprocess.run([bench.ast_grep, "--version"], capture_output=True, text=True, check=True)
        grep = f", {said.stdout.strip()}"
    return [
        "## hasten itself",
        "",
        "Times are wall time in seconds: the median of",
        f"{options.rounds} rounds, and the least. What takes short is measured {TURNS} times in every round, the rest",
        "once, and ratios are taken within such a time, or within a round, before their median is.",
        "",
        f"    python tests/bench/run.py --rounds {options.rounds} --lines {options.lines}",
        "",
        f"{machine()},",
        f"hasten {hasten.__version__}, libcst {version('libcst')}, click {version('click')}{grep}.",
        "",
        f"The tree: {len(base.files)} files with {base.lines:,} lines, from {', '.join(base.parts)};",
        f"{len(base.candidates)} of the files are candidates: they hold the bytes `json`.",
        "",
        f"The second tree, for the codemods that await what used to block: {len(bench.blocking.files)} files with",
        f"{bench.blocking.lines:,} lines, from {', '.join(bench.blocking.parts)}.",
        "",
        "### What is wanted, and what was found",
        "",
        "| ratio | wanted | found | holds |",
        "|---|---|--:|---|",
        *(f"| {name} | {wanted} | {found} | {'yes' if good else '**no**'} |" for name, wanted, found, good in bounds),
        "",
        "### Times",
        "",
        "| what | median | least |",
        "|---|--:|--:|",
        *(
            f"| {text} | {bench.series(name).median:.3f} | {bench.series(name).least:.3f} |"
            for name, text in rows
            if name in bench.values
        ),
        "",
        "LibCST's runner and ast-grep rename every `json.dumps` and look at nothing else; hasten looks for what is",
        "done with each result in the whole program, for four functions, and checks its output.",
        "",
        "### Memory",
        "",
        "The most that a cold preview in one process (`--jobs 1`) held at a time. The larger trees are the same one",
        "with files added: those of the standard library without a trigger, and copies of all its own.",
        "",
        "| tree | files | candidates | lines | peak MiB | seconds |",
        "|---|--:|--:|--:|--:|--:|",
        *(
            f"| {what} | {len(tree.files)} | {len(tree.candidates)} | {tree.lines:,} |"
            f" {done.peak:.0f} | {done.seconds:.2f} |"
            for what, tree, done in memory
        ),
        "",
    ]


if __name__ == "__main__":
    sys.exit(main())
