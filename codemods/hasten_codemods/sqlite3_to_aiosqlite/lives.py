"""The values that the analysis passes on: a connection with all that happens to it."""

from __future__ import annotations

from dataclasses import dataclass, field

from hasten.api import Call, Hazard, Module, Span, Use

Data = tuple[tuple[str, str], ...]


class Unfit(Exception):  # noqa: N818 - it is no error, but the answer of whoever follows a connection
    """A connection cannot be converted: why, and where."""

    def __init__(self, code: str, message: str, offset: int) -> None:
        """Take the code, a sentence with the way out, and the place."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.offset = offset
        # What is done with the connection, as far as it was followed.
        self.calls: tuple[Call, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """A call that is awaited, and what the transformer does with it."""

    call: Call
    action: str
    data: Data = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """A place where nothing is awaited, and what the transformer does there.

    Attributes:
        start, end: where what changes with it begins and ends, for people; -1 is the place itself.
        scope: the scope that waits there, where the place makes a function wait; -1 where it does not.
    """

    span: Span
    action: str
    data: Data = ()
    start: int = -1
    end: int = -1
    scope: int = -1


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that is run."""

    call: Call
    reads: bool


@dataclass(slots=True)
class Life:
    """A connection from its opening to its end.

    Attributes:
        use: where it is opened.
        name: the variable that holds it.
        region: the text in which the variable holds it.
        assigned: it is opened by an assignment; else by a `with`.
        steps: what is awaited, in the order in which it was found; the opening is the first.
        marks: what changes beside.
        statements: what is run.
        hazards: what was found on the way.
        releases: uses of imported names that are gone, beside `sqlite3` itself.
        transactions: blocks at whose end something is committed.
        targets: calls of `backup` on other connections that this one is handed to.
        shared: the `with` that opens it enters other things, too.
        variables: the names that hold the connection and its cursors.
    """

    use: Use
    name: str
    region: Span
    assigned: bool
    steps: list[Step] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    hazards: list[Hazard] = field(default_factory=list)
    releases: list[tuple[str, Span]] = field(default_factory=list)
    transactions: int = 0
    targets: list[Call] = field(default_factory=list)
    shared: bool = False
    variables: list[str] = field(default_factory=list)

    @property
    def module(self) -> Module:
        """Return where it is."""
        return self.use.module

    @property
    def moves(self) -> bool:
        """Tell whether statements that follow the opening may stand at another depth afterwards."""
        reshaped = self.assigned or self.shared or bool(self.transactions)
        return reshaped or any(each.action == "iterate" for each in self.steps)

    @property
    def writes(self) -> bool:
        """Tell whether a statement may change something."""
        return not all(each.reads for each in self.statements)
