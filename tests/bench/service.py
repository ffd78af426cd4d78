"""Measure what a conversion does to an asyncio service: the demo, before and after `hasten apply --unsafe`.

Run alone, this writes its own section of the page. In every round each form of the service is put under each load, one
after the other, in an order that turns from round to round; what is reported is the median of the rounds.
"""

from __future__ import annotations

import argparse
import filecmp
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
if not __package__:
    # Started as a script: the modules beside this one are found from the checkout's top level, as type checkers do.
    sys.path[0] = str(ROOT)

from tests import sections  # noqa: E402
from tests.bench.measure import CommandError, cost, machine  # noqa: E402

HASTEN = (ROOT / "src", ROOT / "codemods")
PAGE = ROOT / "docs" / "performance.md"
INTRODUCTION = """\
# Performance

`make bench` writes this page, one section by each command that is named below; nobody edits it."""
SECTIONS = ["hasten", "service"]

BEFORE, CONVERT = "before", "convert"
STRATEGIES = (CONVERT, "offload", "twin")
LOADS = {
    "search": "Few heavy queries: each request scans 40,000 notes",
    "recall": "Many tiny queries: each request does 20 look-ups by an index, one after the other",
    "remember": "Writes: each request is one small transaction",
}
FIGURES = ("median", "p99", "most")
SLOWER = 0.95
"""Less than this share of the requests answered before is called slower; the rest is within the noise."""


@dataclass(frozen=True, slots=True)
class Form:
    """One form of the service.

    Attributes:
        folder: its copy; nothing where there is none.
        why_not: why there is none.
    """

    name: str
    folder: Path | None
    why_not: str = ""


Values = dict[tuple[str, str], list[dict[str, float]]]


def forms(work: Path, env: Mapping[str, str]) -> list[Form]:
    """Return the service as it is, and as each strategy makes it.

    Raises:
        CommandError: hasten failed, and not because it does not know the strategy.
    """
    return [Form(BEFORE, _copy(work, BEFORE)), *(_rewritten(work, name, env) for name in STRATEGIES)]


def measure(made: list[Form], work: Path, rounds: int, agents: int, seconds: float) -> Values:
    """Return what was measured, by load and form, a value for each round.

    Raises:
        CommandError: a form of the service did not answer.
    """
    there = [(each.name, each.folder) for each in made if each.folder is not None]
    jobs = [(load, *each) for load in LOADS for each in there]
    values: Values = {(load, name): [] for load, name, _ in jobs}
    for number in range(rounds):
        turn = number % len(jobs)
        for load, name, folder in jobs[turn:] + jobs[:turn]:
            with tempfile.TemporaryDirectory(dir=work) as data:
                words = [str(Path(__file__).with_name("load.py")), load, str(agents), str(seconds)]
                done = cost([sys.executable, *words, f"{data}/notes.db"], cwd=folder, env=os.environ)
            values[load, name].append(json.loads(done.output))
        sys.stderr.write(f"service: round {number + 1} of {rounds}\n")
    return values


def section(options: argparse.Namespace, env: Mapping[str, str]) -> list[str]:
    """Measure, and return the section of the page.

    Args:
        options: how long: `rounds`, `agents`, `seconds`.
        env: the environment in which `python -m hasten` is the one to measure.
    """
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="hasten-service-") as folder:
        work = Path(folder)
        made = forms(work, env)
        values = measure(made, work, options.service_rounds, options.agents, options.seconds)
    rounds, agents, seconds = options.service_rounds, options.agents, f"{options.seconds:g}"
    command = f"    python tests/bench/service.py --rounds {rounds} --agents {agents} --seconds {seconds}"
    lines = [
        "## An asyncio service, before and after",
        "",
        "The demo (`docs/demo`) keeps the notes of several agents in SQLite and answers them from one event loop. It",
        "is measured as it is (*before*) and as `hasten apply --unsafe --select sqlite3-to-aiosqlite` leaves it, with",
        f"each strategy. {agents} agents, tasks of the same loop, ask without a pause for {seconds} seconds; medians",
        f"of {rounds} rounds. *Lag* is how much later than it wanted, in milliseconds, a task runs that sleeps for",
        "one: what a health check, a timeout or another request feels. Every request opens the database for itself, so",
        "that each connection's thread is part of what is measured. *Against before* are the requests for each one of",
        "the service as it is in the same round.",
        "",
        command,
        "",
        f"{machine()}, with a load average of {load:.1f} from other work when this began.",
        "",
    ]
    for name, title in LOADS.items():
        lines += [f"### {title.partition(':')[0]}", "", f"{title.partition(': ')[2]}.".capitalize(), ""]
        lines += ["| service | lag, median | lag, p99 | lag, most | requests per second | against before |"]
        lines += ["|---|--:|--:|--:|--:|--:|", *(_row(each, name, values) for each in made), ""]
    return [*lines, "### Where async is slower", "", *_slower(made, values), ""]


def main() -> int:
    """Measure, and write the section; return 2 where a form of the service did not answer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", dest="service_rounds", type=int, default=5, metavar="N")
    add_options(parser)
    parser.add_argument("--out", type=Path, default=PAGE, metavar="FILE")
    options = parser.parse_args()
    try:
        lines = section(options, os.environ | {"PYTHONPATH": os.pathsep.join(map(str, HASTEN))})
    except CommandError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sections.put(options.out, INTRODUCTION, "service", lines, order=SECTIONS)
    return 0


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what says how much load there is."""
    parser.add_argument("--agents", type=int, default=8, metavar="N", help="how many ask at once (default: 8)")
    parser.add_argument("--seconds", type=float, default=2.0, metavar="N", help="of each load (default: 2)")


def _copy(work: Path, name: str) -> Path:
    folder = work / name
    folder.mkdir()
    demo = ROOT / "docs" / "demo"
    shutil.copytree(demo / "agent_memory", folder / "agent_memory", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(demo / "pyproject.toml", folder)
    return folder


def _rewritten(work: Path, strategy: str, env: Mapping[str, str]) -> Form:
    """Return what hasten makes of the service with one strategy."""
    folder = _copy(work, strategy)
    words = ["apply", "--unsafe", "--select", "sqlite3-to-aiosqlite", "agent_memory"]
    done = _hasten(folder, [*words, "--strategy", strategy], env)
    if "--strategy" in done.stderr and done.returncode == 2:
        if strategy != CONVERT:
            return Form(strategy, None, "not available")
        # What is done by default, also where nobody can choose.
        done = _hasten(folder, words, env)
    if done.returncode:
        message = f"hasten apply, {strategy}: {(done.stderr.strip().splitlines() or ['no message'])[-1]}"
        raise CommandError(message)
    compared = filecmp.dircmp(ROOT / "docs" / "demo" / "agent_memory", folder / "agent_memory", ignore=["__pycache__"])
    return Form(strategy, folder) if compared.diff_files else Form(strategy, None, "changes nothing")


def _hasten(folder: Path, words: list[str], env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    places = {name: str(folder / ".hasten") for name in ("HASTEN_STATE_DIR", "HASTEN_CACHE_DIR")}
    command = [sys.executable, "-m", "hasten", *words]
    return subprocess.run(command, cwd=folder, env={**env, **places}, capture_output=True, text=True, check=False)


def _row(form: Form, load: str, values: Values) -> str:
    if form.folder is None:
        return f"| {form.name} | {form.why_not} | | | | |"
    lags = " | ".join(f"{_median(values[load, form.name], name):.2f}" for name in FIGURES)
    rate = _median(values[load, form.name], "rate")
    return f"| {form.name} | {lags} | {rate:.0f} | {_share(values, load, form.name):.2f} |"


def _median(rounds: list[dict[str, float]], name: str) -> float:
    return median(each[name] for each in rounds)


def _share(values: Values, load: str, name: str) -> float:
    """Return how many requests were answered for each one before, within a round: a slow moment hits both."""
    pairs = zip(values[load, name], values[load, BEFORE], strict=True)
    return median(mine["rate"] / yours["rate"] for mine, yours in pairs)


def _slower(made: list[Form], values: Values) -> list[str]:
    """Return in words where fewer requests are answered than before, and why."""
    found = []
    for load, title in LOADS.items():
        for form in made:
            if form.folder is not None and _share(values, load, form.name) < SLOWER:
                share, less = _share(values, load, form.name), title.partition(":")[0].lower()
                found.append(f"- {less}, {form.name}: {share:.2f} of the requests that were answered before")
    return [
        *(found or ["Nowhere, by what was measured."]),
        "",
        "An `await` of aiosqlite hands the statement to the connection's thread, and waits for the loop to hear of it:",
        "that takes longer than a look-up by an index does, and opening a connection starts a thread. So what consists",
        "of tiny statements answers fewer requests when converted. What is bought with that is the lag: the loop and",
        "everything else that runs on it, no longer stands still. A service that has nothing else to do on its loop",
        "gains nothing by it.",
    ]


if __name__ == "__main__":
    sys.exit(main())
