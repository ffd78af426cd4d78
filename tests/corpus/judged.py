"""What people who read the proposals of a codemod say of them, as the maintainer of the package would.

`judged.json` holds a verdict for each proposal, by codemod, package, and place: `merge`, `not worth it` (right, and
nobody would do it), or `wrong`, with a reason. A proposal that has none is counted as not read.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

JUDGED = Path(__file__).with_name("judged.json")
VERDICTS = ("merge", "not worth it", "wrong")
NOT_READ = "not read"


@dataclass(frozen=True, slots=True)
class Proposal:
    """One change that hasten would make, and what is said of it."""

    package: str
    place: str
    applicability: str
    verdict: str
    why: str


def proposals(facts: list[dict[str, Any]], codemod: str, judged: Path = JUDGED) -> list[Proposal]:
    """Return what a codemod proposes in each package, files that it creates beside them left out."""
    said: dict[str, dict[str, list[str]]] = json.loads(judged.read_text(encoding="utf-8")).get(codemod, {})
    found: dict[Proposal, None] = {}
    for fact in facts:
        package = fact["package"]["name"]
        for change in _changes(fact):
            if change["codemod"] == codemod and not change["title"].startswith(("create ", "add ")):
                place = f"{change['edits'][0]['path']}: {change['symbol']}"
                verdict, why = said.get(package, {}).get(place, [NOT_READ, ""])
                found[Proposal(package, place, change["applicability"], verdict, why)] = None
    return list(found)


def _changes(fact: dict[str, Any]) -> Iterator[dict[str, Any]]:
    level = fact["levels"].get("unsafe") or {}
    yield from (level.get("document") or {}).get("changes", ())


def section(facts: list[dict[str, Any]], codemod: str, judged: Path = JUDGED) -> list[str]:
    """Return the lines about what was read by hand."""
    found = proposals(facts, codemod, judged)
    lines = ["### Read by hand", ""]
    if not found:
        return [*lines, "Nothing is proposed.", ""]
    lines += [
        "Each proposal as the maintainer of the package would judge it: *merge*, *not worth it* (it is right, and",
        "nobody would do it), or *wrong*.",
        "",
    ]
    for level, name in (("safe", "By default"), ("unsafe", "With `--unsafe` only")):
        counts = Counter(each.verdict for each in found if each.applicability == level)
        if counts:
            told = ", ".join(f"{counts[each]} {each}" for each in (*VERDICTS, NOT_READ) if counts[each])
            lines.append(f"- {name}: {told}.")
        else:
            lines.append(f"- {name}: nothing.")
    lines += ["", "| package | place | applicability | verdict | why |", "|---|---|---|---|---|"]
    lines += [
        f"| {each.package} | `{each.place}` | {each.applicability} | {each.verdict} | {each.why} |" for each in found
    ]
    return [*lines, ""]
