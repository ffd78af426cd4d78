"""The answers of a person who goes through the changes of one file, and what follows from them.

Everything is worked out anew from the list of answers, so that taking one back is to shorten the list, and going on
with a review of yesterday is to read it. Whatever is answered, what is accepted is closed under what its changes
require: a part of a group cannot be accepted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from hasten.model import Change, Plan


@dataclass(frozen=True, slots=True)
class Amendment:
    """What a person made of the new text of the file, in an editor.

    Attributes:
        before: the text that hasten had made.
        after: what the person made of it.
    """

    before: str = field(repr=False)
    after: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: a yes or a no to one change, or to several at once.

    Attributes:
        accepted: whether it was a yes.
        changes: the ids of the changes that it was given to.
        amendment: what was written in an editor, where the change was accepted with that.
    """

    accepted: bool
    changes: tuple[str, ...]
    amendment: Amendment | None = None


@dataclass(frozen=True)
class Subject:
    """One file of a program, and what may be done to it.

    Attributes:
        plan: all changes that were found in the program.
        takeable: ids of those that may be made.
        path: the file that is gone through.
    """

    plan: Plan
    takeable: frozenset[str]
    path: str

    @cached_property
    def questions(self) -> tuple[Change, ...]:
        """The changes that can be asked about: they, or what they require, edit the file; in its order."""
        places = {
            each.id: place
            for each in self.plan.changes
            if each.id in self.takeable and not each.support and (place := self._place(each)) is not None
        }
        found = [each for each in self.plan.changes if each.id in places]
        return tuple(sorted(found, key=lambda each: (places[each.id], each.codemod)))

    def closed(self, names: Iterable[str]) -> frozenset[str]:
        """Return some changes with all that they require, whatever that is."""
        return frozenset().union(*(self._closures[name] for name in names))

    def edits(self, names: Iterable[str]) -> bool:
        """Tell whether any of some changes edits the file."""
        return not self._editing.isdisjoint(names)

    @cached_property
    def _editing(self) -> frozenset[str]:
        return frozenset(each.id for each in self.plan.changes if any(edit.path == self.path for edit in each.edits))

    @cached_property
    def _closures(self) -> dict[str, frozenset[str]]:
        requires = {each.id: each.requires for each in self.plan.changes}
        closures: dict[str, frozenset[str]] = {}
        for name in requires:
            found: set[str] = set()
            pending = [name]
            while pending:
                here = pending.pop()
                if here in closures:
                    found |= closures[here]
                elif here not in found:
                    found.add(here)
                    pending.extend(requires[here])
            closures[name] = frozenset(found)
        return closures

    def _place(self, change: Change) -> tuple[int, int] | None:
        """Return where in the file a change begins; what it only requires there counts where it edits nothing there."""
        own = [edit.span for edit in change.edits if edit.path == self.path]
        if not own:
            own = [
                edit.span
                for each in self.plan.changes
                if each.id in self._closures[change.id] & self._editing
                for edit in each.edits
                if edit.path == self.path
            ]
        return min((each.start, -each.end) for each in own) if own else None


@dataclass(frozen=True)
class Review:
    """Where a review stands; a value, of which every answer makes a new one.

    Attributes:
        subject: what is gone through.
        answers: what was answered so far.
    """

    subject: Subject
    answers: tuple[Answer, ...] = ()

    @cached_property
    def accepted(self) -> frozenset[str]:
        """Ids of the changes that are made: those that were accepted, and all that these require."""
        return self.subject.closed(name for each in self.answers if each.accepted for name in each.changes)

    @cached_property
    def rejected(self) -> frozenset[str]:
        """Ids of the questions that are answered with no: by themselves, or since they require one that is."""
        no = {name for each in self.answers if not each.accepted for name in each.changes}
        return frozenset(each.id for each in self.subject.questions if no & self.subject.closed([each.id]))

    @cached_property
    def open(self) -> tuple[Change, ...]:
        """The questions that are left: nothing is decided about them, and they would still edit the file."""
        return tuple(
            each
            for each in self.subject.questions
            if each.id not in self.accepted | self.rejected
            and self.subject.edits(self.subject.closed([each.id]) - self.accepted)
        )

    def with_(self, changes: Iterable[Change]) -> frozenset[str]:
        """Return what is accepted with a yes to some changes."""
        return self.accepted | self.subject.closed(each.id for each in changes)

    def taken_with(self, change: Change) -> tuple[Change, ...]:
        """Return the other changes that a yes to `change` accepts: it requires them."""
        more = self.with_([change]) - self.accepted - {change.id}
        return tuple(each for each in self.subject.plan.changes if each.id in more)

    def dropped_with(self, change: Change) -> tuple[Change, ...]:
        """Return the other questions that a no to `change` answers: they require it."""
        return tuple(each for each in self.open if each.id != change.id and change.id in self.subject.closed([each.id]))

    def rest_of(self, codemod: str) -> tuple[Change, ...]:
        """Return the questions of one codemod that are left."""
        return tuple(each for each in self.open if each.codemod == codemod)

    def answered(self, changes: Iterable[Change], *, accepted: bool, amendment: Amendment | None = None) -> Review:
        """Return the review with one more answer."""
        answer = Answer(accepted, tuple(each.id for each in changes), amendment)
        return replace(self, answers=(*self.answers, answer))

    def back(self) -> Review:
        """Return the review without its last answer."""
        return replace(self, answers=self.answers[:-1])

    def resumed(self, answers: Sequence[Answer]) -> Review:
        """Return the review with answers from before, up to the first about changes that there are no more."""
        known = {each.id for each in self.subject.questions}
        kept: list[Answer] = []
        for each in answers:
            if not known.issuperset(each.changes):
                break
            kept.append(each)
        return replace(self, answers=tuple(kept))

    @property
    def amendments(self) -> tuple[Amendment, ...]:
        """What was written in an editor, the first first."""
        return tuple(each.amendment for each in self.answers if each.amendment is not None)
