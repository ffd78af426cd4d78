"""The section of the corpus's page about packages that block on sqlite3."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.corpus import page

from hasten import registry
from hasten.codes import ENGINE_CODES

HEADER = (
    "| package | version | calls | candidates | converted | by name | refused, by reason | sleeps | new problems "
    "| passed before | after | regressions | hangs | whole |"
)

ON_THE_WAY = {
    "dunder": ("ASY120", "ASY121"),
    "property": ("ASY122",),
    "thread": ("ASY133",),
    "override of foreign code": ("ASY130",),
}
"""What has no counterpart among coroutine functions, or is not the program's own to change, with the reasons for it."""

_TEXT = """\
## SQLite

Each package is converted by `sqlite3-to-aiosqlite` and `sleep-to-asyncio` as it was published, its tests among its
files, with `--unsafe`, and with `tests = "all"`: tests that use sqlite3 by themselves, which stay by default, are
converted, too, since that proves the conversion on more code. *Calls* are blocking calls of sqlite3, where a connection
that cannot be followed counts as one; *candidates* could be awaited as far as they themselves and their function go;
*converted* are. *Refused* counts the calls that stay by the reason that was given. *Sleeps* are the calls of
`time.sleep` that are awaited, of how many: most are in tests and scripts without an event loop, where nothing is gained
by it (ASY150). *New problems* are those that the type checker finds in the result and did not find before: coroutines
that nobody awaits, and everything else that has to do with the conversion. A suite *hangs* where it was ended because
it took six times as long as before, and two minutes at least. A package is converted *whole* when all of its calls are.

*By name* is a count that does not depend on what hasten can follow, for comparing one version of it with another: of
all calls of `sqlite3.connect` and of methods called `execute`, `commit`, `fetchone` and their like, in files that
import `sqlite3`, those that are awaited afterwards."""


def render(facts: list[dict[str, Any]], *, command: str, isolated: bool) -> list[str]:
    """Return the section.

    Args:
        facts: one dictionary for each package: the fields of `run.Result`.
        command: the command line to show.
        isolated: whether the tests ran without a network.
    """
    done = [fact for fact in facts if fact["look"]]
    lines = [
        *_TEXT.splitlines(),
        "",
        f"    {command}",
        "",
        page.circumstances(facts, isolated=isolated, extra="aiosqlite"),
        "",
        HEADER,
        "|---|---|--:|--:|--:|--:|---|--:|--:|--:|--:|--:|--:|---|",
        *(_row(fact) for fact in facts),
        _total(done),
        "",
        "`=`: nothing was changed, so the suite was not run again.",
        "",
        *_shares(done),
        *_hazards(done),
        *page.notes(facts),
        *_problems(done),
        "### Regressions",
        "",
    ]
    lines += [line for fact in facts for line in page.regressions(fact, "unsafe")] or ["None.", ""]
    return [*lines, *_reasons(done)]


def _row(fact: dict[str, Any]) -> str:
    """Return the row of one package."""
    package, look = fact["package"], fact["look"]
    head = f"| {package['name']} | {package['version']} "
    if not look or not fact["levels"]:
        return head + f"| {page.in_cell(page.plain(fact, fact['problem']))} | | | | | | | | | | | |"
    level = fact["levels"]["unsafe"]
    cells = [
        look["calls"],
        look["candidates"],
        look["converted"],
        "{1} of {0}".format(*look["named"]),
        " ".join(f"{code}×{calls}" for code, calls in sorted(_by_code(look).items())),
        "{1} of {0}".format(*look["sleeps"]),
        len(look["new"]),
        page.passed(fact["baseline"]),
        f"{'' if level['rerun'] else '= '}{page.passed(level['tests'])}",
        len(level["regressions"]),
        int(level["tests"]["hung"]),
        "yes" if _whole(look) else "no",
    ]
    return head + "".join(f"| {each} " for each in cells) + "|"


def _total(done: list[dict[str, Any]]) -> str:
    """Return the last row, which adds up the others."""
    looks = [fact["look"] for fact in done]
    levels = [fact["levels"]["unsafe"] for fact in done]
    cells = [
        "",
        *(sum(look[name] for look in looks) for name in ("calls", "candidates", "converted")),
        "{1} of {0}".format(*_added(looks, "named")),
        "",
        "{1} of {0}".format(*_added(looks, "sleeps")),
        sum(len(look["new"]) for look in looks),
        sum(page.passed(fact["baseline"]) for fact in done),
        sum(page.passed(level["tests"]) for level in levels),
        sum(len(level["regressions"]) for level in levels),
        sum(level["tests"]["hung"] for level in levels),
        sum(map(_whole, looks)),
    ]
    return f"| **{len(done)} packages** " + "".join(f"| {each and f'**{each}**'} " for each in map(str, cells)) + "|"


def _shares(done: list[dict[str, Any]]) -> list[str]:
    """Return what share of the calls is converted, of all and of those that nothing hopeless is in the way of."""
    looks = [fact["look"] for fact in done]
    calls, converted = (sum(look[name] for look in looks) for name in ("calls", "converted"))
    refused = [each for look in looks for each in look["refused"]]
    met = [(each["calls"], {each["code"], *each["behind"]}) for each in refused]
    hopeless = {
        name: sum(calls for calls, reasons in met if reasons & set(codes)) for name, codes in ON_THE_WAY.items()
    }
    every = {code for codes in ON_THE_WAY.values() for code in codes}
    free = calls - sum(calls for calls, reasons in met if reasons & every)
    sets = "; ".join(f"{name}: {', '.join(codes)} ({hopeless[name]} calls)" for name, codes in ON_THE_WAY.items())
    named, awaited = _added(looks, "named")
    *names, last = ON_THE_WAY
    without = f"those with no {', '.join(names)} or {last} on their way"
    whole = sum(map(_whole, looks))
    return [
        "### How much is converted",
        "",
        "| | calls | converted | share |",
        "|---|--:|--:|--:|",
        f"| all calls | {calls} | {converted} | {_percent(converted, calls)} |",
        f"| {without} | {free} | {converted} | {_percent(converted, free)} |",
        f"| database calls, by name | {named} | {awaited} | {_percent(awaited, named)} |",
        f"| packages (*converted*: whole) | {len(done)} | {whole} | {_percent(whole, len(done))} |",
        "",
        "A call counts as having such a thing on its way if one of these reasons is among all that stand in its way: a",
        "refusal names the first that was found, and whoever mends that meets the next. A call may have several.",
        f"{sets[0].upper()}{sets[1:]}.",
        "",
    ]


def _hazards(done: list[dict[str, Any]]) -> list[str]:
    """Return how often each hazard stands on a change that was taken."""
    hazards: Counter[str] = Counter()
    for fact in done:
        hazards.update(dict(fact["look"]["hazards"]))
    most = sorted(hazards.items(), key=lambda item: (-item[1], item[0]))
    return ["Hazards of what is converted: " + (", ".join(f"{code}×{n}" for code, n in most) or "none") + ".", ""]


def _problems(done: list[dict[str, Any]]) -> list[str]:
    """Return what the type checker found in the results."""
    lines = [
        f"- {fact['package']['name']}: {page.plain(fact, problem)}"
        for fact in done
        for problem in (*fact["look"]["failed"], *fact["look"]["new"])
    ]
    return ["### New problems", "", *lines, ""] if lines else []


def _reasons(done: list[dict[str, Any]]) -> list[str]:
    """Return the appendix: each reason in each package, with how many calls stay for it and one of the places."""
    codes = [*ENGINE_CODES, *(code for codemod in registry.load() for code in codemod.codes)]
    titles = {code.code: code.title for code in codes}
    lines = ["### Every reason, package by package", "", "With the number of calls, and one of the places.", ""]
    for fact in done:
        calls = _by_code(fact["look"])
        lines += [f"#### {fact['package']['name']} {fact['package']['version']}: what stays", ""]
        for code, count in sorted(calls.items()):
            example = next(each for each in fact["look"]["refused"] if each["code"] == code)
            place = f"`{example['path']}:{example['line']}`"
            lines.append(f"- {code}×{count}, {titles[code]}: {place}: {_said(fact, example['message'])}")
        lines += [] if calls else ["Nothing."]
        lines.append("")
    return lines


def _said(fact: dict[str, Any], message: str) -> str:
    """Return a message as text of the page: what looks like a tag or a link is none."""
    return page.plain(fact, message).replace("<", "&lt;").replace("[", "\\[")


def _by_code(look: dict[str, Any]) -> Counter[str]:
    """Return how many calls stay for each reason."""
    calls: Counter[str] = Counter()
    for each in look["refused"]:
        calls[each["code"]] += each["calls"]
    return calls


def _added(looks: list[dict[str, Any]], name: str) -> tuple[int, int]:
    """Return the sums of what each look says under `name`: how many calls there are, and how many are awaited."""
    return sum(look[name][0] for look in looks), sum(look[name][1] for look in looks)


def _whole(look: dict[str, Any]) -> bool:
    return bool(look["converted"] == look["calls"] > 0)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}%" if whole else "-"
