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
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hasten import oracle
from hasten.apply import Applied, apply_changes, undo, unfinished
from hasten.cli import streams, telling
from hasten.cli.places import shown_from
from hasten.errors import UsageError, VerifyError
from hasten.index.naming import own_names
from hasten.model import Changed, Failed, Problem
from hasten.source import decode
from hasten.verifying import Verdict, search

if TYPE_CHECKING:
    from hasten.cli import session
    from hasten.cli.options import Options
    from hasten.cli.progress import Bar
    from hasten.request import Report, Workbench

#: So many of the last lines that a failing command printed are shown.
_LAST = 15
#: It may have printed for hours.
_MOST_READ = 100_000
#: Seconds between looks at whether it is over.
_TICK = 0.1


def passing(options: Options, asked: session.Prepared, bench: Workbench, whole: Report, bar: Bar) -> Report:
    """Return what passes of a report, and say on stderr what passed and what did not; nothing is left written.

    Raises:
        VerifyError: the tests do not pass before anything is rewritten.
    """
    trials = _Trials(options, asked, bench, bar)
    trials.demand_passing()
    if trials.passes(whole.selected):
        return whole
    trials.announce(whole.selected)
    verdict = search(bench.plan, whole.selected, trials.passes)
    trials.tell(verdict)
    return bench.finish(verdict.kept)


class _Trials:
    """The tests of one run, and how often they ran."""

    def __init__(self, options: Options, asked: session.Prepared, bench: Workbench, bar: Bar) -> None:
        self._options = options
        self._bar = bar
        self._root = asked.root
        self._bench = bench
        self._shown = shown_from(asked.root)
        self._paths = sorted({*asked.request.targets, *asked.request.context})
        self._before: list[oracle.Problem] = []
        self._runs = 0
        # How long the checker and the command took the last time.
        self._types = 0.0
        self._command = 0.0

    def demand_passing(self) -> None:
        """Raise VerifyError unless the command passes as things are; find out what is wrong with the types by now."""
        if self._options.verify_types:
            self._before = self._problems(self._paths)
        if self._options.verify is not None:
            ran = self._run(self._options.verify)
            if not ran.passed:
                self._show(ran.last)
                message = f"`{self._options.verify}` {ran.what} before anything is rewritten; nothing is done"
                raise VerifyError(message)
            self._say(f"`{self._options.verify}` passes before ({ran.seconds:.1f} s)")

    def passes(self, selected: frozenset[str]) -> bool:
        """Write a part of the changes, test it, and take it back; say what came of it.

        Raises:
            UsageError: a file is not what was looked at any more, which is no fault of the changes.
        """
        self._runs += 1
        count = self._count(selected)
        outcomes = self._bench.draft(selected)
        files = [each for each in outcomes if isinstance(each, Changed)]
        for each in outcomes:
            if isinstance(each, Failed):
                if not each.problem.is_of_the_rewrite:
                    message = f"{self._shown(each.path)}: {each.problem.message}"
                    raise UsageError(f"{message}; nothing more is tested, and nothing is written")
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

    def announce(self, selected: frozenset[str]) -> None:
        """Say that what fails is looked for, and how long that takes at least."""
        number = self._number(selected)
        if number > 1:
            # Whoever halves what is left until one is left has asked so often.
            least = streams.counted((number - 1).bit_length(), "more run")
            took = self._types + self._command
            self._say(f"which of {number} changes fail takes {least} to find, or more; one took {took:.1f} s")

    def tell(self, verdict: Verdict) -> None:
        """Say what is left out, and why."""
        kept = self._number(verdict.kept)
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
                message = f"{self._shown(problem.path)}: {problem.message}"
                raise UsageError(f"{message}; nothing more is tested, and nothing is written")
            ran = self._run(command)
        finally:
            # Where it was not even written, what is unfinished is a trial of another hasten's; only an interrupt while
            # it is written leaves its number unknown.
            begun = unfinished(self._root) if applied is None else None
            number = applied.run if applied is not None else begun.id if begun is not None else None
            for problem in self._taken_back(number) if number is not None else ():
                streams.fail(f"{self._shown(problem.path)}: {problem.message}")
                left.append(self._shown(problem.path))
        if left:
            message = (
                f"{', '.join(left)} cannot be given back after a trial, and nothing more is done; "
                f"where `{command}` changes what it tests, give one that does not"
            )
            raise UsageError(message)
        return ran

    def _taken_back(self, number: int) -> Sequence[Problem]:
        """Undo a trial, and return a problem for each file that is left."""
        try:
            return undo(self._root, number, forget=True).problems
        except UsageError:
            # Whatever was tested, it was not all of the trial.
            message = "a `hasten undo` took the trial back while it was tested; nothing more is tested or written"
            raise UsageError(message) from None

    def _wrong_types(self, files: Sequence[Changed]) -> list[oracle.Problem]:
        overlay = {each.path: decode(each.path, each.after).text for each in files if each.path.endswith(".py")}
        after = self._problems(sorted({*self._paths, *overlay}), overlay)
        own = own_names({*self._paths, *overlay})
        # What the new code needs is not installed where the checker looks, as all that is not the program's own.
        return [
            each
            for each in oracle.new_problems(self._before, after)
            if not each.missing or each.missing.partition(".")[0] in own
        ]

    def _problems(self, paths: Sequence[str], overlay: Mapping[str, str] | None = None) -> list[oracle.Problem]:
        self._bar.wait(f"verify: {self._what}, types", self._types)
        begun = time.monotonic()
        try:
            return oracle.problems(self._root, paths, overlay, waiting=partial(self._bar.advance, 0))
        finally:
            self._types = time.monotonic() - begun
            self._bar.close()

    def _run(self, command: str) -> Ran:
        self._bar.wait(f"verify: {self._what}", self._command)
        try:
            ran = run(command, self._root, self._options.verify_timeout, partial(self._bar.advance, 0))
        finally:
            self._bar.close()
        self._command = ran.seconds
        return ran

    @property
    def _what(self) -> str:
        return f"run {self._runs}" if self._runs else "before"

    def _count(self, selected: frozenset[str]) -> str:
        return streams.counted(self._number(selected), "change")

    def _number(self, selected: frozenset[str]) -> int:
        return sum(each.id in selected and not each.support for each in self._bench.plan.changes)

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


def run(command: str, root: Path, timeout: float, waiting: Callable[[], None] = lambda: None) -> Ran:
    """Run a command of the shell in the root, until it ends, or for `timeout` seconds; `waiting` is called meanwhile.

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
            code = _ended(process, begun + timeout, waiting)
            what = "passes" if code == 0 else f"fails (exit code {code})"
        except TimeoutError:
            code, what = 1, f"does not end within {timeout:g} s"
        finally:
            # With all that it has started, whether it ended or not.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        said.seek(max(0, said.seek(0, os.SEEK_END) - _MOST_READ))
        last = said.read().decode("utf-8", "replace").splitlines()[-_LAST:]
    return Ran(code == 0, what, time.monotonic() - begun, tuple(last))


def _ended(process: subprocess.Popen[bytes], deadline: float, waiting: Callable[[], None]) -> int:
    """Return the exit code of a process; raises TimeoutError where it does not end before the deadline."""
    while True:
        waiting()
        left = deadline - time.monotonic()
        try:
            return process.wait(max(0.0, min(_TICK, left)))
        except subprocess.TimeoutExpired:
            if left <= 0:
                raise TimeoutError from None
