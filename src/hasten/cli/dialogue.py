"""Lead a person through the changes of one file.

Everything that belongs to the conversation goes to stdout, which is a terminal; what came of it, to stderr, as after
`apply`. What an answer means is worked out in `hasten.reviewing`; here a key becomes an answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click
import orjson

from hasten import __version__, amending, journal, pipeline, report
from hasten import plan as planning
from hasten.cli import session, streams, telling, work
from hasten.cli.dirty import demand_clean
from hasten.cli.ending import ended_in_order
from hasten.cli.places import here, shown_from
from hasten.cli.progress import Bar
from hasten.cli.questions import HELP, Made, Page
from hasten.cli.terminal import Terminal, demand
from hasten.cli.unfinished import demand_finished
from hasten.diff import stretches
from hasten.errors import SourceError, UsageError
from hasten.model import Change, Changed, Failed, Source
from hasten.reviewing import Amendment, Answer, Review, Subject
from hasten.source import decode, encode, read

if TYPE_CHECKING:
    from pathlib import Path

    from hasten.cli.options import Options
    from hasten.request import Report, Workbench

_DONE, _FAILED = 0, 2
_KEYS = tuple(key for key, _ in HELP)


def review(options: Options) -> int:
    """Ask about every change of a file, and write what was accepted; return the exit code."""
    demand()
    if options.from_stdin:
        message = "`review` rewrites a file; name one"
        raise UsageError(message)
    asked = session.prepared(options, whole=True)
    source = _source(asked, options)
    demand_finished(asked.root)
    if not options.allow_dirty:
        demand_clean(asked.root, [source.path])
    request = replace(asked.request, unsafe=True)
    with ended_in_order(), Bar() as progress, pipeline.opened(request, asked.codemods, progress) as bench:
        progress.close()
        return _Dialogue(options, asked, bench, source, progress).lead()


def _source(asked: session.Prepared, options: Options) -> Source:
    """Return the file to go through.

    Raises:
        UsageError: there is none, or it cannot be read, or is not to be rewritten.
    """
    given = options.paths[0]
    for problem in asked.problems:
        raise UsageError(f"{given}: {problem.message}")
    real = (here() / given).resolve()
    if real.is_dir():
        message = f"{given} is a directory, and `review` takes one file; `hasten preview {given}` shows what it holds"
        raise UsageError(message)
    path = next((each for each in asked.request.targets if (asked.root / each).resolve() == real), None)
    if path is None:
        message = f"{given} is none of the files that may be rewritten in {asked.root}; it is excluded"
        raise UsageError(message)
    try:
        return read(asked.root, path)
    except SourceError as error:
        raise UsageError(f"{given}: {error}") from None


class _Dialogue:
    """One review, from its first question to the last."""

    def __init__(self, options: Options, asked: session.Prepared, bench: Workbench, source: Source, bar: Bar) -> None:
        self._options = options
        self._bar = bar
        self._asked = asked
        self._root: Path = asked.root
        self._bench = bench
        self._source = source
        self._path = source.path
        config = asked.config
        self._likely = planning.select(
            bench.plan, unsafe=config.unsafe, accept=config.accept, named=bool(config.select)
        )
        self._review = Review(Subject(bench.plan, bench.takeable, source.path))
        self._terminal = Terminal(options.color)
        codes = session.codes_of(asked.codemods)
        shown = shown_from(asked.root)
        self._page = Page(self._terminal, shown, source.path, source.data, codes, options.unified)
        self._drafts: dict[str, str] = {}
        self._ended = False
        names = [each.name for each in asked.codemods]
        self._about = hashlib.sha256(repr([__version__, names, source.data]).encode()).hexdigest()

    def lead(self) -> int:
        """Ask until all is answered, and then once more; return the exit code."""
        self._tell_what_failed()
        if not self._review.subject.questions:
            self._say_nothing()
            return self._code(_DONE)
        self._go_on()
        try:
            while True:
                if self._review.open and not self._ended:
                    self._ask(self._review.open[0])
                    continue
                code = self._finish()
                if code is not None:
                    return self._code(code)
        except KeyboardInterrupt:
            raise click.Abort(self._kept()) from None

    def _tell_what_failed(self) -> None:
        for problem in self._bench.plan.problems:
            streams.fail(f"{self._page.shown(problem.path)}: {problem.message}")

    def _code(self, code: int) -> int:
        return _FAILED if any(each.path == self._path for each in self._bench.plan.problems) else code

    def _say_nothing(self) -> None:
        refused = [each for each in self._bench.plan.refusals if each.path == self._path]
        shown = self._page.shown(self._path)
        also = (
            f"; {streams.counted(len(refused), 'place')} refused, `hasten preview -v {shown}` says why"
            if refused
            else ""
        )
        streams.say(f"there is nothing to ask about in {shown}{also}")

    def _go_on(self) -> None:
        """Take up a review of the same text that was interrupted."""
        kept = journal.kept_review(self._root, self._path, self._about)
        if kept is None:
            return
        self._review = self._review.resumed(_answers(kept))
        if self._review.answers:
            count = streams.counted(len(self._review.answers), "answer")
            self._terminal.show(f"going on after {count} from before; `u` takes them back, the last one first")

    def _kept(self) -> str:
        if not self._review.answers:
            return "nothing is written"
        return f"nothing is written; `hasten review {self._page.shown(self._path)}` goes on after the last answer"

    def _ask(self, change: Change) -> None:
        """Ask about one change, until there is an answer."""
        now, then = self._made(self._review.accepted), self._made(self._review.with_([change]))
        self._page.question(self._review, change, now, then)
        possible = not then.problem and not then.yours
        default = "y" if possible and change.id in self._likely else "n"
        while True:
            match self._terminal.ask("take this change?", _KEYS, default):
                case "y" if possible:
                    return self._answer([change], accepted=True)
                case "n":
                    return self._answer([change], accepted=False)
                case "a" if possible:
                    if self._takes_rest(change):
                        return None
                case "d":
                    return self._answer(self._review.rest_of(change.codemod), accepted=False)
                case "q":
                    self._ended = True
                    return None
                case "u":
                    if self._review.answers:
                        return self._back()
                    self._terminal.show("there is no answer to take back")
                case "e" if possible:
                    if self._edit(change, now, then):
                        return None
                case "s":
                    self._page.reasons(self._review, change, now, then)
                case "y" | "a" | "e":
                    self._terminal.show("it cannot be taken, as it says above; `n` leaves it", style="error")
                case _:
                    self._page.help()

    def _answer(self, changes: Sequence[Change], *, accepted: bool, amendment: Amendment | None = None) -> None:
        self._review = self._review.answered(changes, accepted=accepted, amendment=amendment)
        self._keep()

    def _takes_rest(self, change: Change) -> bool:
        """Accept what is left of a codemod; return False, and say why, where it cannot all be made."""
        rest = self._review.rest_of(change.codemod)
        made = self._made(self._review.with_(rest))
        if made.problem or made.yours:
            why = made.problem or "it would rewrite lines that you wrote yourself"
            self._terminal.show(f"not all of it can be taken at once: {why}; answer one by one", style="error")
            return False
        self._answer(rest, accepted=True)
        return True

    def _back(self) -> None:
        self._ended = False
        self._review = self._review.back()
        self._keep()

    def _keep(self) -> None:
        journal.keep_review(self._root, self._path, self._about, orjson.dumps(self._review.answers))

    def _edit(self, change: Change, now: Made, then: Made) -> bool:
        """Let the new text be written in an editor; return whether the change is taken with it."""
        before, after = now.text(self._path, self._source.data), then.text(self._path, self._source.data)
        places = [new for _, new in stretches(before, after, context=self._options.unified)]
        text = decode(self._path, after).text
        asked = amending.to_edit(self._path, text, places)
        # What was written of another text, before other answers, would not fit here.
        edited = self._edited(self._drafts.get(asked, asked))
        if edited is None:
            return False
        self._drafts[asked] = edited
        new = amending.from_edited(self._path, text, places, edited)
        wrong = "a line that begins with `# hasten: the new text` is not there as it was" if new is None else None
        if new is not None:
            wrong = amending.wrong_with(self._path, text, new) or self._not_encoded(new)
        if new is None or wrong:
            self._terminal.show(f"this cannot be taken: {wrong}; `e` goes on with what you wrote", style="error")
            return False
        del self._drafts[asked]
        self._answer([change], accepted=True, amendment=Amendment(text, new) if new != text else None)
        return True

    def _edited(self, given: str) -> str | None:
        """Return what a person makes of a text in an editor; None, and say why, where that is nothing."""
        try:
            # As bytes: the editor may write in another encoding.
            saved = click.edit(given.encode(), extension=".py")
            edited = saved.decode("utf-8-sig").replace("\r\n", "\n") if saved is not None else ""
        except click.ClickException as error:
            self._terminal.show(f"{error.format_message()}; set EDITOR to one that works", style="error")
        except UnicodeDecodeError:
            self._terminal.show("the editor did not save this as UTF-8; set it to do so", style="error")
        except (OSError, ValueError) as error:
            # A quote that is not closed in EDITOR, or an editor that takes the file away.
            self._terminal.show(f"the editor cannot be used: {error}; set EDITOR to one that works", style="error")
        else:
            if edited.strip():
                return edited
            self._terminal.show("nothing was written there")
        return None

    def _not_encoded(self, text: str) -> str | None:
        try:
            encode(self._source, text)
        except SourceError as error:
            return str(error)
        return None

    def _made(self, names: frozenset[str]) -> Made:
        """Return what a selection makes, with what was written in an editor; raises what `_amended` does."""
        return self._amended(self._bench.draft(names))

    def _amended(self, outcomes: Sequence[object]) -> Made:
        """Return what was made with what was written in an editor.

        Raises:
            UsageError: a file is not what the review began with.
        """
        failed = [each for each in outcomes if isinstance(each, Failed)]
        for each in failed:
            if not each.problem.is_of_the_rewrite:
                # Nothing that requires it can be answered with yes any more.
                again = f"`hasten review {self._page.shown(self._path)}` looks at it anew"
                message = f"{self._page.shown(each.path)}: {each.problem.message}; nothing is written, and {again}"
                raise UsageError(message)
        if failed:
            return Made({}, f"{self._page.shown(failed[0].path)}: {failed[0].problem.message}")
        files = {each.path: each for each in outcomes if isinstance(each, Changed)}
        if self._review.amendments and self._path in files:
            mine = files[self._path]
            text = amending.merged(decode(self._path, mine.after).text, self._review.amendments)
            if text is None:
                return Made(files, yours=True)
            wrong = amending.broken(self._path, text)
            if wrong:
                return Made(files, f"together with what you wrote yourself, {wrong}")
            files[self._path] = replace(mine, after=encode(self._source, text))
        return Made(files)

    def _finish(self) -> int | None:
        """Show all that was accepted, and write it if that is wanted; return the exit code, None to go on asking."""
        if not self._review.accepted:
            streams.say("nothing was accepted, and nothing is written")
            if not self._ended:
                journal.forget_review(self._root, self._path)
            return _DONE
        made = self._bench.finish(self._review.accepted)
        self._bar.close()
        for problem in report.problems(made):
            streams.fail(f"{self._page.shown(problem.path)}: {problem.message}")
        whole = self._amended([each for each in made.outcomes if isinstance(each, Changed)])
        if (whole.problem or whole.yours) and self._review.answers:
            why = whole.problem or "what you wrote yourself and the rest cannot both be"
            self._terminal.show(f"this cannot be written: {why}; the last answer is taken back", style="error")
            self._back()
            return None
        files = tuple(whole.files.values())
        selected = [each for each in self._bench.plan.changes if each.id in made.selected and not each.support]
        self._page.summary(self._review, selected, files)
        self._terminal.forget_typed()
        while True:
            match self._terminal.ask(f"write this to {streams.counted(len(files), 'file')}?", ("y", "n", "u"), "n"):
                case "y":
                    return self._write(made, files)
                case "n":
                    streams.say(self._kept())
                    return _DONE
                case "u":
                    if self._review.answers:
                        self._back()
                        return None
                case _:
                    self._terminal.show("y  write it")
                    self._terminal.show("n  write nothing, and keep the answers for the next time")
                    self._terminal.show("u  take the last answer back")

    def _write(self, made: Report, files: Sequence[Changed]) -> int:
        done = session.finished(self._asked, replace(made, outcomes=tuple(files)))
        applied = work.write_files(self._options, done)
        for problem in applied.problems:
            streams.fail(f"{self._page.shown(problem.path)}: {problem.message}")
        if not applied.problems:
            # Else the answers, and what was written in an editor, serve when the file can be written.
            journal.forget_review(self._root, self._path)
        streams.say(f"rewrote {streams.counted(len(applied.written), 'file')}")
        if applied.written:
            streams.say(telling.way_back(self._root, applied))
        return _FAILED if applied.problems or report.problems(made) else _DONE


def _answers(data: bytes) -> list[Answer]:
    """Return answers as they were kept; none where that is not what is there."""
    try:
        return [
            Answer(
                bool(each["accepted"]),
                tuple(map(str, each["changes"])),
                Amendment(**each["amendment"]) if each["amendment"] else None,
            )
            for each in orjson.loads(data)
        ]
    except (ValueError, TypeError, KeyError):
        return []
