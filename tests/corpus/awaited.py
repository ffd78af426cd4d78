"""Convert packages that block on sqlite3, and ask the type checker what is wrong with the result.

The sources alone are looked at: what their tests say of the result is another script's business. Each package is taken
as it was published, its tests among its files; all that `preview --unsafe` would change is made in memory.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.util
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.corpus.prepare import CorpusError, Package, load, sdist, unpack  # noqa: E402

from hasten import __version__, discover, pipeline, registry, report  # noqa: E402
from hasten.config import Config  # noqa: E402
from hasten.model import Changed, Failed  # noqa: E402
from hasten.oracle import Problem, new_problems, problems  # noqa: E402
from hasten.source import decode  # noqa: E402

CODEMODS = ("sleep-to-asyncio", "sqlite3-to-aiosqlite")


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one package.

    Attributes:
        sites: what each codemod looked at: taken and refused, by codemod.
        tallies: the blocking calls that each codemod found.
        refused: how often each reason was given.
        hazards: how often each hazard stands on a change that is taken.
        files: how many files change.
        new: what the type checker finds wrong that was not so before; never awaited, or used as if it had been.
        seconds: what the preview took.
    """

    package: Package
    sites: dict[str, tuple[int, int]]
    tallies: tuple[report.Tally, ...]
    refused: tuple[tuple[str, int], ...]
    hazards: tuple[tuple[str, int], ...]
    files: int
    failed: tuple[str, ...]
    new: tuple[Problem, ...]
    seconds: float


def look(package: Package, tree: Path) -> Row:
    """Convert a package and check what comes of it."""
    folders = [tree / each for each in package.src_dirs]
    found = discover.discover(folders, root=tree, exclude=())
    request = pipeline.Request(tree, Config(unsafe=True), found.targets, found.context, unsafe=True)
    start = time.monotonic()
    done = pipeline.run(request, [each for each in registry.load() if each.name in CODEMODS])
    seconds = time.monotonic() - start
    table = report.table(done, request.config)
    before = {path: _text(tree, path) for path in (*found.targets, *found.context)}
    made = {each.path: each for each in done.outcomes if isinstance(each, Changed) and each.path.endswith(".py")}
    after = before | {path: decode(path, each.after).text for path, each in made.items()}
    return Row(
        package,
        {each.codemod: (each.rewritten, each.refused) for each in table.rows},
        table.tallies,
        table.refusals,
        table.taken,
        len(made),
        tuple(f"{each.path}: {each.problem.message}" for each in done.outcomes if isinstance(each, Failed)),
        tuple(_new(tree, before, after)) if made else (),
        seconds,
    )


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
        *(each for each in plain if "aiosqlite" not in each.message),
        *(each for each in installed if each.code == "unused-coroutine" or "Coroutine" in each.message),
    ]


def page(rows: list[Row], command: str) -> str:
    """Return the table."""
    calls = Counter[str]()
    versions = ", ".join(f"{name} {version(name)}" for name in ("pyrefly", "aiosqlite"))
    lines = [
        "# Packages that block on sqlite3",
        "",
        "Written by the command below; nobody edits this page. Each package is converted as it was published, tests",
        "included, with `--unsafe`. *Calls* are blocking calls of sqlite3 and `time.sleep`, where a connection that",
        "cannot be followed counts as one; *candidates* could be awaited as far as they and their function go;",
        "*converted* are. *New problems* are those that the type checker finds in the result and did not find before:",
        "coroutines that nobody awaits, and everything else that has to do with the conversion.",
        "",
        f"    {command}",
        "",
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, hasten {__version__}, {versions}.",
        "",
        "| package | version | calls | candidates | converted | files | refused, by reason | new problems |",
        "|---|---|--:|--:|--:|--:|---|--:|",
    ]
    for row in rows:
        found, candidates, converted = (
            sum(getattr(each, name) for each in row.tallies) for name in ("found", "candidates", "converted")
        )
        refusals_only = sum(refused for name, (_, refused) in row.sites.items() if not _tallied(row, name))
        found += refusals_only
        calls.update(found=found, candidates=candidates, converted=converted, files=row.files, new=len(row.new))
        reasons = " ".join(f"{code}×{count}" for code, count in row.refused)
        counts = f"{found} | {candidates} | {converted} | {row.files}"
        lines.append(f"| {row.package.name} | {row.package.version} | {counts} | {reasons} | {len(row.new)} |")
    total = " | ".join(f"**{calls[each]}**" for each in ("found", "candidates", "converted", "files"))
    lines.append(f"| **{len(rows)} packages** | | {total} | | **{calls['new']}** |")
    return "\n".join([*lines, ""])


def _tallied(row: Row, codemod: str) -> bool:
    return any(each.codemod == codemod for each in row.tallies)


def main() -> int:
    """Convert the packages, and write the page; return 1 where the checker finds something new."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("only", nargs="*", help="names of packages (default: all that use sqlite3)")
    parser.add_argument("--sdists", type=Path, default=Path.home() / ".cache" / "hasten-corpus", metavar="DIR")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "corpus-sqlite.md", metavar="FILE")
    options = parser.parse_args()
    rows: list[Row] = []
    for package in load(Path(__file__).with_name("packages.json")):
        if package.name in options.only or (not options.only and "sqlite" in package.category.split("+")):
            try:
                with tempfile.TemporaryDirectory(prefix="hasten-corpus-") as folder:
                    unpack(sdist(package, options.sdists), Path(folder) / "tree")
                    row = look(package, (Path(folder) / "tree").resolve())
            except CorpusError as error:
                sys.stderr.write(f"{error}\n")
                return 2
            rows.append(row)
            sys.stderr.write(f"{package.name}: {row.sites}, {row.seconds:.1f} s\n")
            sys.stderr.writelines(f"    {each}\n" for each in (*row.failed, *row.new))
    if not options.only:
        options.out.write_text(page(rows, "python tests/corpus/awaited.py"), encoding="utf-8")
    return int(any(row.new or row.failed for row in rows))


if __name__ == "__main__":
    sys.exit(main())
