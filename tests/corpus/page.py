"""The page about the corpus, `docs/corpus.md`, and its sections about changes at two levels."""

from __future__ import annotations

import datetime as dt
import platform
import re
import tempfile
from collections import Counter, defaultdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tests.corpus import judged
from tests.corpus.prepare import PYTHON

import hasten

SHOWN = 12
"""Tests or places that are listed in one line; the JSON has all of them."""

HEADER = (
    "| package | version | sites | safe | `--unsafe` adds | refused | passed before "
    "| after default | after `--unsafe` | regressions: default | `--unsafe` |"
)


INTRODUCTION = """\
# The corpus

Real packages, rewritten by hasten, tested by their own suites. Every row is one source distribution, all its
dependencies pinned (`tests/corpus/packages.json`). The suite ran on the sources as they are, and again on fresh copies
that hasten had rewritten, and the runs were compared test by test: a test that passed before and is failed, skipped, in
error or gone is a regression.

`make corpus` writes this page, one section for each kind of package; nobody edits it."""


def render(
    facts: list[dict[str, Any]],
    *,
    command: str,
    isolated: bool,
    title: str = "JSON",
    extra: str = "orjson",
    read: str = "",
) -> list[str]:
    """Return the section about packages that are rewritten at two levels.

    Args:
        facts: one dictionary for each package: the fields of `run.Result`.
        title: the heading of the section.
        extra: what the new code needs.
        command: the command line to show.
        isolated: whether the tests ran without a network.
        read: the codemod whose proposals were read by hand, if they were.
    """
    lines = [
        f"## {title}",
        "",
        "*After default* is after `hasten apply`, *after `--unsafe`* after `hasten apply --unsafe`, each on a fresh",
        "copy.",
        "",
        f"    {command}",
        "",
        circumstances(facts, isolated=isolated, extra=extra),
        "",
        HEADER,
        "|---|---|--:|--:|--:|---|--:|--:|--:|--:|--:|",
        *(_row(fact) for fact in facts),
        *_total(facts),
        "",
        "`=`: the tree was byte for byte one that had been tested already, so the suite was not run again.",
        "",
        *_refusals(facts),
        *notes(facts),
        *(judged.section(facts, read) if read else ()),
    ]
    for name, level in (("default", "at the default level"), ("unsafe", "with `--unsafe`")):
        lines += [f"### Regressions {level}", ""]
        if name == "unsafe":
            lines += [_WHY, ""]
        sections = [line for fact in facts for line in regressions(fact, name)]
        lines += sections or ["None.", ""]
    return lines


def circumstances(facts: list[dict[str, Any]], *, isolated: bool, extra: str) -> str:
    """Return when and with what the run was made."""
    found = sorted({fact["versions"][extra] for fact in facts if extra in fact["versions"]})
    needs = f" with {extra} {', '.join(found) or 'none'}" if extra else ""
    return (
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, hasten {hasten.__version__} on Python {platform.python_version()} with "
        f"libcst {installed('libcst')}; the packages on Python {PYTHON}{needs}, "
        f"{'without a network' if isolated else 'with the network, which some suites notice'}."
    )


#: Stands above the regressions of the level that takes every change.
_WHY = (
    "Every change that `--unsafe` adds carries at least one hazard. Where a package has no regression at the default "
    "level, each of those below is the work of one of these changes, and the hazards that were printed for them are "
    "listed: first those in files on the way of a failure, then the rest, since a difference may show elsewhere."
)


def in_tree(path: str, root: str, tree: Path) -> str:
    """Return `path`, which is relative to the root of a hasten run, relative to the package's tree."""
    place = (tree / root / path).resolve()
    return place.relative_to(tree.resolve()).as_posix() if place.is_relative_to(tree.resolve()) else place.as_posix()


def _row(fact: dict[str, Any]) -> str:
    """Return the row of one package."""
    package = fact["package"]
    head = f"| {package['name']} | {package['version']} "
    if not fact["levels"]:
        return head + f"| {in_cell(plain(fact, fact['problem']))} | | | | | | | | |"
    numbers = _numbers(fact)
    refused = " ".join(f"{code}×{count}" for code, count in sorted(_refused(fact).items()))
    default, unsafe = fact["levels"]["default"], fact["levels"]["unsafe"]
    cells = [
        numbers["sites"],
        numbers["safe"],
        numbers["unsafe"],
        refused,
        passed(fact["baseline"]),
        f"{'' if default['rerun'] else '= '}{passed(default['tests'])}",
        f"{'' if unsafe['rerun'] else '= '}{passed(unsafe['tests'])}",
        len(default["regressions"]),
        len(unsafe["regressions"]),
    ]
    return head + "".join(f"| {each} " for each in cells) + "|"


def _total(facts: list[dict[str, Any]]) -> list[str]:
    """Return the last row, which adds up the others."""
    done = [fact for fact in facts if fact["levels"]]
    sums: Counter[str] = Counter()
    for fact in done:
        sums.update(_numbers(fact))
    tests = [sum(passed(fact["baseline"]) for fact in done)]
    tests += [sum(passed(fact["levels"][name]["tests"]) for fact in done) for name in ("default", "unsafe")]
    tests += [sum(len(fact["levels"][name]["regressions"]) for fact in done) for name in ("default", "unsafe")]
    refused = sum(sum(_refused(fact).values()) for fact in done)
    cells = [sums["sites"], sums["safe"], sums["unsafe"], refused, *tests]
    return [f"| **{len(done)} packages** | " + "".join(f"| **{each}** " for each in cells) + "|"]


def _refusals(facts: list[dict[str, Any]]) -> list[str]:
    """Return what stands behind the numbers: each reason and each hazard with its count over all packages."""
    refusals: Counter[str] = Counter()
    hazards: Counter[str] = Counter()
    for fact in facts:
        if fact["levels"]:
            document = fact["levels"]["unsafe"]["document"]
            refusals.update(_refused(fact))
            hazards.update(
                code for change in document["changes"] for code in {item["code"] for item in change["hazards"]}
            )
    lines = []
    for title, counts in (("Refused, by reason", refusals), ("Offered with `--unsafe` only, by hazard", hazards)):
        most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        lines += [f"{title}: " + (", ".join(f"{code}×{count}" for code, count in most) or "none") + ".", ""]
    return lines


def notes(facts: list[dict[str, Any]]) -> list[str]:
    """Return what could not be run, and files that hasten could not process."""
    lines = []
    for fact in facts:
        name = fact["package"]["name"]
        if fact["problem"]:
            lines.append(f"- {name}: {plain(fact, fact['problem'])}")
        recorded = fact["package"]["baseline_extra"]
        if fact["baseline"] and recorded:
            # pytest's own sums count each part of a test (`subTest`); the parts of a failed test fail that test.
            here = passed(fact["baseline"]) + fact["baseline"]["parts"]
            if recorded["passed"] != here:
                lines.append(f"- {name}: {here} tests and parts of tests pass here, {recorded['passed']} when recorded")
        for level, done in fact["levels"].items():
            lines += [f"- {name}, {level}: {plain(fact, problem)}" for problem in done["problems"]]
            if done["tests"]["ended"]:
                lines.append(f"- {name}, {level}: its tests {plain(fact, done['tests']['ended'])}")
        if fact["levels"]:
            errors = fact["levels"]["unsafe"]["document"]["errors"]
            lines += [
                f"- {name}: {error['path']}: {error['kind']}: {plain(fact, error['message'])}" for error in errors
            ]
    return ["### Notes", "", *lines, ""] if lines else []


def regressions(fact: dict[str, Any], name: str) -> list[str]:
    """Return the section of one package at one level: each cause with its tests, and what hasten had said before."""
    level = fact["levels"].get(name)
    if level is None or not level["regressions"]:
        return []
    taken = _taken(level["document"], unsafe=name == "unsafe")
    rewritten = {path for change in taken for path, _ in _places(fact, level, change)}
    groups: dict[tuple[str, str, tuple[str, ...]], list[str]] = defaultdict(list)
    for regression in level["regressions"]:
        near = tuple(sorted(_files(fact, regression["files"]) & rewritten))
        groups[plain(fact, regression["error"]), regression["outcome"], near].append(regression["test"])
    lines = [f"#### {fact['package']['name']} {fact['package']['version']}", ""]
    for (error, outcome, near), tests in groups.items():
        names = _listed([f"`{plain(fact, test)}`" for test in tests])
        where = ", ".join(f"`{path}`" for path in near) or "none"
        lines += [f"- {outcome}: {names}; rewritten files on the traceback: {where}", ""]
        lines += [f"        {error or 'no message'}", ""]
    # The cause of a failed comparison is often in a file that is not on the traceback, so the rest is told too.
    near_files = {path for _, _, near in groups for path in near}
    for files, title in (
        (near_files, "What hasten had said of the changes in files on a traceback:"),
        (rewritten - near_files, "What hasten had said of the other changes of the package:"),
    ):
        said = _said(fact, level, taken, files)
        lines += [title, "", *said, ""] if said else []
    return lines


def _said(fact: dict[str, Any], level: dict[str, Any], taken: list[dict[str, Any]], files: set[str]) -> list[str]:
    """Return what hasten printed of the changes in some files: each hazard with its places, and the safe changes."""
    hazards: dict[tuple[str, str], list[str]] = defaultdict(list)
    safe: dict[str, list[int]] = defaultdict(list)
    for change in taken:
        for path, line in [(path, line) for path, line in _places(fact, level, change) if path in files][:1]:
            for item in change["hazards"]:
                # One line for all places of a kind: where the evidence is would make each its own.
                kind = re.sub(r" at \S+:\d+", "", plain(fact, item["message"]))
                hazards[item["code"], kind].append(f"`{path}:{line}`")
            if not change["hazards"]:
                safe[path].append(line)
    lines = [
        f"- {code} {text}: {_listed(list(dict.fromkeys(places)))}" for (code, text), places in sorted(hazards.items())
    ]
    lines += [f"- no hazard: `{path}`, lines {', '.join(map(str, rows))}" for path, rows in sorted(safe.items())]
    return lines


def _listed(words: list[str]) -> str:
    """Return some words as a list for people, the first `SHOWN` of them."""
    more = f" and {len(words) - SHOWN} more" if len(words) > SHOWN else ""
    return ", ".join(words[:SHOWN]) + more


def _taken(document: dict[str, Any], *, unsafe: bool) -> list[dict[str, Any]]:
    """Return the changes that a level takes."""
    wanted = {"safe", "unsafe"} if unsafe else {"safe"}
    return [change for change in document["changes"] if change["applicability"] in wanted]


def _places(fact: dict[str, Any], level: dict[str, Any], change: dict[str, Any]) -> list[tuple[str, int]]:
    """Return where the edits of a change are: paths relative to the tree, and lines."""
    tree = Path(fact["tree"])
    root = level["document"]["root"]
    return [(in_tree(edit["path"], root, tree), edit["start"]["line"]) for edit in change["edits"]]


def _files(fact: dict[str, Any], named: tuple[str, ...]) -> set[str]:
    """Return the files on a traceback that are the package's own, relative to its tree."""
    tree = Path(fact["tree"]).resolve()
    found = set()
    for name in named:
        # Relative to where the tests ran, or (pytest's root) to the top of the tree.
        for base in (tree / fact["package"]["cwd"], tree):
            place = (base / name).resolve()
            if place.is_relative_to(tree):
                found.add(place.relative_to(tree).as_posix())
    return found


def _numbers(fact: dict[str, Any]) -> dict[str, int]:
    """Return the sums of hasten's own summary over the codemods."""
    rows = fact["levels"]["unsafe"]["document"]["summary"].values()
    return {name: sum(row[name] for row in rows) for name in ("sites", "safe", "unsafe", "manual")}


def _refused(fact: dict[str, Any]) -> Counter[str]:
    """Return how often each reason was given."""
    return Counter(refusal["code"] for refusal in fact["levels"]["unsafe"]["document"]["refusals"])


def passed(tests: dict[str, Any]) -> int:
    """Return how many tests passed."""
    return sum(result["outcome"] == "passed" for results in tests["tests"].values() for result in results)


def plain(fact: dict[str, Any], text: str) -> str:
    """Return the first line of `text` without paths of the machine that ran it."""
    target = Path(fact["tree"]).parent
    line = (text.strip().splitlines() or [""])[0]
    for place, name in (
        (target / "tree", "TREE"),
        (target, "TARGET"),
        (Path(tempfile.gettempdir()), "TMP"),
        (Path.home(), "~"),
    ):
        line = line.replace(f"{place}", name)
    line = re.sub(r" at 0x[0-9a-f]+", "", line)
    return line if len(line) <= 300 else line[:300] + " ..."


def in_cell(text: str) -> str:
    """Return `text` for a cell of a table."""
    return text.replace("|", "\\|")


def installed(name: str) -> str:
    """Return the version of an installed distribution."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
