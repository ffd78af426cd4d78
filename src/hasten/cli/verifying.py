"""`apply --verify` and `--verify-types`: write, test, and take back what does not pass.

Every trial is an ordinary run, which is undone before the next one begins: whenever this process ends, be it killed,
`hasten undo` gives all files back.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hasten import oracle
from hasten.apply import Applied, apply_changes, undo, unfinished
from hasten.cli import streams, telling
from hasten.cli.places import shown_from
from hasten.errors import UsageError, VerifyError
from hasten.model import Changed, Failed
from hasten.source import decode
from hasten.verifying import Verdict, search

if TYPE_CHECKING:
    from hasten.cli import session
    from hasten.cli.options import Options
    from hasten.request import Report, Workbench

#: So many of the last lines that a failing command printed are shown.
_LAST = 15
#: It may have printed for hours.
_MOST_READ = 100_000


def passing(options: Options, asked: session.Prepared, bench: Workbench, whole: Report) -> Report:
    """Return what passes of a report, and say on stderr what passed and what did not; nothing is left written.

    Raises:
        VerifyError: the tests do not pass before anything is rewritten.
    """
    trials = _Trials(options, asked, bench)
    with _ended_in_order():
        trials.demand_passing()
        if trials.passes(whole.selected):
            return whole
        verdict = search(bench.plan, whole.selected, trials.passes)
    trials.tell(verdict)
    return bench.finish(verdict.kept)


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Let this process be ended as by Ctrl-C where a terminal is closed, or a job cancelled: a trial is taken back."""
    former: dict[int, Any] = {}
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # What is ignored, as under nohup, stays so.
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            former[number] = signal.signal(number, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


class _Trials:
    """The tests of one run, and how often they ran."""

    def __init__(self, options: Options, asked: session.Prepared, bench: Workbench) -> None:
        self._options = options
        self._root = asked.root
        self._bench = bench
        self._shown = shown_from(asked.root)
        self._paths = sorted({*asked.request.targets, *asked.request.context})
        self._before: list[oracle.Problem] = []
        self._runs = 0

    def demand_passing(self) -> None:
        """Raise VerifyError unless the command passes as things are; find out what is wrong with the types by now."""
        if self._options.verify_types:
            self._before = oracle.problems(self._root, self._paths)
        if self._options.verify is not None:
            ran = run(self._options.verify, self._root, self._options.verify_timeout)
            if not ran.passed:
                self._show(ran.last)
                message = f"`{self._options.verify}` {ran.what} before anything is rewritten; nothing is done"
                raise VerifyError(message)
            self._say(f"`{self._options.verify}` passes before ({ran.seconds:.1f} s)")

    def passes(self, selected: frozenset[str]) -> bool:
        """Write a part of the changes, test it, and take it back; say what came of it."""
        self._runs += 1
        count = streams.counted(
            sum(each.id in selected and not each.support for each in self._bench.plan.changes), "change"
        )
        outcomes = self._bench.draft(selected)
        files = [each for each in outcomes if isinstance(each, Changed)]
        for each in outcomes:
            if isinstance(each, Failed):
                self._say(f"run {self._runs}: {count} cannot be made: {each.path}: {each.problem.message}")
                return False
        wrong = self._wrong_types(files) if self._options.verify_types else []
        if wrong:
            self._say(f"run {self._runs}: {count}: the type checker finds {streams.counted(len(wrong), 'new problem')}")
            self._show([f"{self._shown(each.path)}:{each.line}: {each.message}" for each in wrong[:_LAST]])
            return False
        if self._options.verify is not None:
            ran = self._try(self._options.verify, files)
            self._say(f"run {self._runs}: {count}: `{self._options.verify}` {ran.what} ({ran.seconds:.1f} s)")
            if not ran.passed:
                self._show(ran.last)
            return ran.passed
        self._say(f"run {self._runs}: {count}: the type checker finds nothing new")
        return True

    def tell(self, verdict: Verdict) -> None:
        """Say what is left out, and why."""
        kept = sum(each.id in verdict.kept and not each.support for each in self._bench.plan.changes)
        left = len(verdict.culprits) + len(verdict.dropped) + len(verdict.untried)
        whole, runs = streams.counted(kept + left, "change"), streams.counted(self._runs, "run")
        self._say(f"{kept} of {whole} pass together, after {runs}")
        for changes, why in (
            (verdict.culprits, "left out: with this it fails"),
            (verdict.dropped, "left out: it requires one of these"),
            (verdict.untried, "left out: not tried any more"),
        ):
            if changes:
                self._say(why)
            for change in changes:
                self._show(telling.change_lines(change, self._shown))

    def _try(self, command: str, files: Sequence[Changed]) -> Ran:
        """Run a command on the rewritten files, and give them their old content back, whatever happens."""
        left: list[str] = []
        applied: Applied | None = None
        try:
            applied = apply_changes(self._root, files, b"{}", trial=True)
            for problem in applied.problems:
                raise UsageError(f"{self._shown(problem.path)}: {problem.message}")
            ran = run(command, self._root, self._options.verify_timeout)
        finally:
            # Where it was not even written, what is unfinished is a trial of another hasten's; only an interrupt while
            # it is written leaves its number unknown.
            begun = unfinished(self._root) if applied is None else None
            number = applied.run if applied is not None else begun.id if begun is not None else None
            for problem in undo(self._root, number, forget=True).problems if number is not None else ():
                streams.fail(f"{self._shown(problem.path)}: {problem.message}")
                left.append(self._shown(problem.path))
        if left:
            message = (
                f"{', '.join(left)} cannot be given back after a trial, and nothing more is done; "
                f"where `{command}` changes what it tests, give one that does not"
            )
            raise UsageError(message)
        return ran

    def _wrong_types(self, files: Sequence[Changed]) -> list[oracle.Problem]:
        overlay = {each.path: decode(each.path, each.after).text for each in files if each.path.endswith(".py")}
        after = oracle.problems(self._root, sorted({*self._paths, *overlay}), overlay)
        # What the new code needs is not installed where the checker looks, as all that is not the program's own.
        return [
            each
            for each in oracle.new_problems(self._before, after)
            if not each.message.startswith("Cannot find module")
        ]

    def _say(self, message: str) -> None:
        if not self._options.quiet:
            streams.say(f"verify: {message}")

    def _show(self, lines: Iterable[str]) -> None:
        if not self._options.quiet:
            for line in lines:
                streams.say(f"  {line}")


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that ran.

    Attributes:
        passed: it ended with 0.
        what: what it did, as the rest of a sentence.
        seconds: how long it took.
        last: the last lines that it printed.
    """

    passed: bool
    what: str
    seconds: float
    last: tuple[str, ...]


def run(command: str, root: Path, timeout: float) -> Ran:
    """Run a command of the shell in the root, until it ends, or for `timeout` seconds.

    No bytecode is written meanwhile: two versions of a file, rewritten within a second, would share it.
    """
    begun = time.monotonic()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(  # noqa: S602 - it is the person's own command line
            command,
            shell=True,
            cwd=root,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(timeout)
            what = "passes" if code == 0 else f"fails (exit code {code})"
        except subprocess.TimeoutExpired:
            code, what = 1, f"does not end within {timeout:g} s"
        finally:
            # With all that it has started, whether it ended or not.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        said.seek(max(0, said.seek(0, os.SEEK_END) - _MOST_READ))
        last = said.read().decode("utf-8", "replace").splitlines()[-_LAST:]
    return Ran(code == 0, what, time.monotonic() - begun, tuple(last))
