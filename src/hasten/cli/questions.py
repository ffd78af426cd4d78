"""What a question of a review shows: the change, what stands against it, and what else an answer decides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hasten.cli import streams
from hasten.cli.places import Shown
from hasten.cli.terminal import Terminal
from hasten.diff import count, unified
from hasten.model import Change as Found
from hasten.model import Changed, Code
from hasten.reviewing import Review

#: So many changes are named; `s` names all.
_NAMED = 6
HELP = (
    ("y", "take this change, and what it requires"),
    ("n", "leave it, and what requires it"),
    ("a", "take the rest of this codemod"),
    ("d", "leave the rest of this codemod"),
    ("q", "end: keep what is accepted, and leave the rest"),
    ("u", "take the last answer back"),
    ("e", "write the new text yourself, in $EDITOR"),
    ("s", "show why: the evidence, all that goes with it, and the hazards at length"),
    ("?", "show this help"),
)


@dataclass(frozen=True, slots=True)
class Made:
    """What a selection makes of the files.

    Attributes:
        files: those that it changes, by path.
        problem: why it cannot be made, "" if it can.
        yours: it would rewrite lines that were written in an editor.
    """

    files: Mapping[str, Changed]
    problem: str = ""
    yours: bool = False

    def text(self, path: str, before: bytes) -> bytes:
        """Return the content of a file, which is `before` where nothing changes it."""
        return self.files[path].after if path in self.files else before


@dataclass(frozen=True, slots=True)
class Page:
    """How questions are shown.

    Attributes:
        terminal: where.
        shown: turns paths into what a person can click on.
        path: the file that is gone through, and what it holds.
        codes: all codes that there are.
        context: lines around each difference.
    """

    terminal: Terminal
    shown: Shown
    path: str
    before: bytes
    codes: Mapping[str, Code]
    context: int

    def question(self, review: Review, change: Found, now: Made, then: Made) -> None:
        """Show a change: what it does to the file, how far it can be trusted, and what an answer decides."""
        terminal = self.terminal
        asked = len(review.subject.questions)
        terminal.show()
        terminal.show(f"{self.place(change)}: {change.title} ({asked - len(review.open) + 1} of {asked})", style="bold")
        where = f", in `{change.symbol}`" if change.symbol else ""
        terminal.show(f"{change.codemod}, {change.applicability}{where}", style="dim")
        for hazard in change.hazards:
            terminal.show(f"{hazard.code}  {hazard.message}", hanging=len(hazard.code) + 2, style="warning")
        terminal.show_diff(self.hunks(now, then))
        if then.problem:
            terminal.show(f"it cannot be made: {then.problem}", style="error")
        if then.yours:
            terminal.show("it rewrites lines that you wrote yourself; `u` takes that back", style="error")
        for line in self._decided(review, change, now, then):
            terminal.show(line, hanging=2)

    def hunks(self, now: Made, then: Made) -> bytes:
        """Return the difference in the file that is gone through, without the head of a diff."""
        before, after = now.text(self.path, self.before), then.text(self.path, self.before)
        diff = unified(self.path, before, after, context=self.context)
        return diff[diff.find(b"@@") :] if diff else b""

    def reasons(self, review: Review, change: Found, now: Made, then: Made) -> None:
        """Show the evidence for a change, its hazards at length, and all that goes with it."""
        terminal = self.terminal
        told = [(each.code, each.message) for each in change.proofs]
        told += [(each.code, each.message) for each in change.hazards]
        for name, message in told:
            terminal.show(f"{name}  {message}", hanging=len(name) + 2, style="bold")
            code = self.codes.get(name)
            for text in (code.text, code.remedy) if code is not None else ():
                terminal.show(text, indent=len(name) + 2)
        if not told:
            terminal.show("nothing stands against it, as far as the whole program shows")
        taken = review.taken_with(change)
        if taken:
            terminal.show("it requires:", style="bold")
        for each in taken:
            terminal.show(f"{self.place(each)}: {each.title}", indent=2, hanging=4)
        for path, file in self._others(now, then):
            before, created = now.text(path, file.before), file.created and path not in now.files
            terminal.show_diff(unified(path, before, file.after, context=self.context, created=created))
        first = min((edit for edit in change.edits), key=lambda edit: (edit.path != self.path, edit.start))
        terminal.show(f"`hasten explain {self.shown(first.path)}:{first.start.line}` tells about the function there")

    def summary(self, review: Review, selected: Sequence[Found], files: Sequence[Changed]) -> None:
        """Show all that is about to be written."""
        terminal = self.terminal
        terminal.show()
        for file in files:
            terminal.show_diff(unified(file.path, file.before, file.after, context=self.context, created=file.created))
        hazards = sorted({(each.code, self.title(each.code)) for change in selected for each in change.hazards})
        for code, title in hazards:
            terminal.show(f"{code}  {title}", hanging=len(code) + 2, style="warning")
        edited = len(review.amendments)
        also = f", {edited} of them as you wrote {'it' if edited == 1 else 'them'}" if edited else ""
        left = sum(each.id not in review.accepted for each in review.subject.questions)
        terminal.show(f"{streams.counted(len(selected), 'change')} accepted{also}, {left} of this file left")

    def help(self) -> None:
        """Show what the keys mean."""
        for key, meaning in HELP:
            self.terminal.show(f"{key}  {meaning}", hanging=3)

    def title(self, code: str) -> str:
        """Return the title of a code."""
        return self.codes[code].title if code in self.codes else ""

    def place(self, change: Found) -> str:
        """Return where a change is: in the file that is gone through, if it edits that."""
        first = min(change.edits, key=lambda edit: (edit.path != self.path, edit.path, edit.start))
        return f"{self.shown(first.path)}:{first.start.line}"

    def _decided(self, review: Review, change: Found, now: Made, then: Made) -> Iterator[str]:
        """Yield what each answer decides besides."""
        taken = review.taken_with(change)
        if taken:
            yield f"y also takes {self._named(taken)}"
        files = [
            f"{self.shown(path)} (+{more} -{less})"
            for path, file in self._others(now, then)
            for more, less in (count(now.text(path, file.before), file.after),)
        ]
        if files:
            yield f"y also rewrites {', '.join(files)}"
        dropped = review.dropped_with(change)
        if dropped:
            yield f"n also leaves {self._named(dropped)}"
        rest = [each for each in review.rest_of(change.codemod) if each.id != change.id]
        if rest:
            codes = sorted({hazard.code for each in rest for hazard in each.hazards})
            unsafe = sum(bool(each.hazards) for each in rest)
            risk = f", {unsafe} of them unsafe ({', '.join(codes)})" if unsafe else ""
            yield f"a and d decide {streams.counted(len(rest), 'more change')} of {change.codemod}{risk}"

    def _others(self, now: Made, then: Made) -> Iterator[tuple[str, Changed]]:
        """Yield the other files that a yes changes."""
        for path, file in sorted(then.files.items()):
            if path != self.path and now.text(path, file.before) != file.after:
                yield path, file

    def _named(self, changes: Sequence[Found]) -> str:
        names = [f"{each.title} ({self.place(each)})" for each in changes[:_NAMED]]
        more = [f"and {len(changes) - _NAMED} more"] if len(changes) > _NAMED else []
        return "; ".join([*names, *more])
