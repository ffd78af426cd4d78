"""The values that hasten passes from step to step: frozen, slotted, picklable, and without behaviour of their own.

The words are those of the design: a *site* is a place that a codemod looked at, an *edit* one rewrite of one
expression or statement, a *change* the smallest thing that a person accepts or rejects, a *refusal* a site that is
left alone with a reason, and a *plan* all of them with the arrows between them.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Literal, TypeAlias


class Applicability(enum.StrEnum):
    """How far a change can be trusted; set per change from evidence, never per codemod."""

    SAFE = "safe"
    UNSAFE = "unsafe"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open range of character offsets into `Source.text`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place as people and editors count it: line and column from 1, columns in characters."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Source:
    """One file as it was read.

    Attributes:
        path: POSIX path relative to the root of the run.
        data: the bytes on disk.
        text: `data` decoded, without the byte order mark, with the newlines as they are in the file.
        encoding: the codec that `text` is encoded with again (PEP 263).
        bom: whether `data` starts with a UTF-8 byte order mark.
    """

    path: str
    data: bytes = field(repr=False)
    text: str = field(repr=False)
    encoding: str = "utf-8"
    bom: bool = False


@dataclass(frozen=True, slots=True)
class NodeEdit:
    """An order to a codemod's LibCST transformer: do `action` at the node that covers `span`.

    Attributes:
        span: where the node is, in the text that was analysed.
        start, end: the same for people.
        codemod: whose transformer carries it out.
        action: what to do, in the codemod's own words.
        data: the arguments of the action, as pairs, so that an edit stays hashable and can be stored.
    """

    path: str
    span: Span
    start: Position
    end: Position
    codemod: str
    action: str
    data: tuple[tuple[str, str], ...] = ()

    def get(self, name: str, default: str = "") -> str:
        """Return the argument `name` of the action, or `default`."""
        return dict(self.data).get(name, default)


@dataclass(frozen=True, slots=True)
class TextEdit:
    """Replace `span` by `text`, character by character: import lines, project metadata, whole new files.

    Attributes:
        create: the file does not exist yet; `span` is then empty.
    """

    path: str
    span: Span
    start: Position
    end: Position
    text: str
    create: bool = False


@dataclass(frozen=True, slots=True)
class RequirementEdit:
    """Declare a dependency in a metadata file.

    Several of one file are carried out one after the other, each on what the one before made of it, so that any
    selection of them is right.

    Attributes:
        span: what the edit replaces when it is the only one.
        requirement: a PEP 508 requirement.
        beside: the distribution beside which it is declared, in whatever group; `""` for the run-time dependencies.
    """

    path: str
    span: Span
    start: Position
    end: Position
    requirement: str
    beside: str = ""


Edit: TypeAlias = NodeEdit | TextEdit | RequirementEdit


@dataclass(frozen=True, slots=True)
class Code:
    """A hazard, refusal or proof that can be given, as its page in the documentation shows it.

    Attributes:
        code: the stable code, such as `JSON003`.
        kind: what the code stands for.
        title: a few words.
        text: what differs, and how it was found out.
        remedy: what the person can do.
        quiet: a refusal that says little to most people: it is listed and counted where all is told (`-v`).
    """

    code: str
    kind: Literal["hazard", "refusal", "proof"]
    title: str
    text: str
    remedy: str = ""
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Hazard:
    """A coded reason why a change is not `safe`; the code has a page in the documentation."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Proof:
    """A coded reason why a difference that could be feared is none at this place."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """A name that the new code of a change needs.

    `import module` where `name` is empty, else `from module import name`.

    Attributes:
        scope: the id of the scope (see `hasten.index.facts`) whose imports the new one joins; 0 is the module.
    """

    path: str
    module: str
    name: str = ""
    scope: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """Edits, in one or more files, that are only correct together.

    Attributes:
        id: stable between runs as long as the code around the edits stays as it is.
        title: one line for people.
        symbol: the qualified name of the function or class around the first edit, or the module's name.
        requires: ids of changes that must be accepted together with this one.
        imports: names that the new code needs; the engine places them.
        releases: `(path, span)` of each use of an imported name that is gone once the change is made; an import
            whose uses are all gone is removed.
        dependencies: distributions that the new code needs, as PEP 508 requirements.
        test_dependencies: distributions that its tests need, declared where pytest is.
        proofs: what was found in favour, for `explain` and `-v`.
        support: the change has no worth of its own, and is made exactly when another one requires it.
        awaits: how many blocking calls are awaited with it; 0 for codemods that have to do with no such calls.
        unwaited: an event loop runs none of these calls, as far as can be seen, so that nothing gets faster.
        hops: how often its function goes to a thread and back where, handed to one as a whole, it would go once.
    """

    id: str
    codemod: str
    title: str
    symbol: str
    applicability: Applicability
    edits: tuple[Edit, ...]
    hazards: tuple[Hazard, ...] = ()
    requires: tuple[str, ...] = ()
    imports: tuple[ImportRequest, ...] = ()
    releases: tuple[tuple[str, Span], ...] = ()
    dependencies: tuple[str, ...] = ()
    proofs: tuple[Proof, ...] = ()
    support: bool = False
    awaits: int = 0
    unwaited: bool = False
    test_dependencies: tuple[str, ...] = ()
    hops: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """A site that is not rewritten: why, where, and (in `message`) what the person can do.

    Attributes:
        awaitable: how many blocking calls could be awaited here, if it were not for the functions around them.
        served: the strategies (see `hasten.strategies`) under which a coroutine would be spared these calls.
        behind: the codes of other reasons in the way, which whoever mends this one would meet next.
        lifts: changes of other codemods may take the reason away, so that the next run finds more.
    """

    codemod: str
    code: str
    message: str
    path: str
    start: Position
    symbol: str
    awaitable: int = 0
    served: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()
    lifts: bool = False


Finding: TypeAlias = Change | Refusal


@dataclass(frozen=True, slots=True)
class Problem:
    """A file that could not be processed.

    Attributes:
        kind: one word for machines: `read`, `decode`, `syntax`, `write`, `changed` or `internal`.
    """

    path: str
    kind: str
    message: str

    @property
    def is_of_the_rewrite(self) -> bool:
        """Whether it is the rewriting that failed, and nothing is wrong with the file."""
        return self.kind in {"syntax", "internal"}


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell the person that is no error, such as an ignore comment that ignores nothing."""

    path: str
    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a run found, in a fixed order: changes and refusals by path and position."""

    changes: tuple[Change, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    problems: tuple[Problem, ...] = ()
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class Changed:
    """A file whose new text passed every check."""

    path: str
    before: bytes = field(repr=False)
    after: bytes = field(repr=False)
    created: bool = False


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A file whose edits leave its text as it is."""

    path: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was left out on purpose."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A file that could not be rewritten; it stays as it is."""

    path: str
    problem: Problem


Outcome: TypeAlias = Changed | Unchanged | Skipped | Failed
