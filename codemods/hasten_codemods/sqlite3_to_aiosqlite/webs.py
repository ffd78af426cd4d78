"""What is found about connections that are kept or handed over: those that meet somewhere, with all of their uses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hasten.api import Hazard, ImportRequest, Module, Scope, Span, Use
from hasten_codemods.sqlite3_to_aiosqlite import table
from hasten_codemods.sqlite3_to_aiosqlite.lives import Life, Mark, Statement, Step
from hasten_codemods.sqlite3_to_aiosqlite.places import Attribute, Field, Place, Requested, State, Variable

#: What a place holds; some hold the one at one time, and the other at another, and are asked for what both can do.
CONNECTION, CURSOR, EITHER = "connection", "cursor", "either"
#: The same for people.
WHAT = {CONNECTION: "the connection", CURSOR: "a cursor of it", EITHER: "the connection, or a cursor of it,"}


@dataclass(slots=True)
class Web:
    """Connections that meet, with all that happens to them.

    Attributes:
        openings: the uses of `sqlite3.connect` that open them, by file and number of the call.
        places: where they and their cursors are found, each with which of both.
        awaited: the calls that are awaited, and how, by file and number.
        marks: what changes beside, each with its file.
        statements: what is run.
        transactions: files with `with` blocks at whose end something is committed.
        closings: files with `with closing(...)` blocks, at whose end it is closed.
        loops: bodies of loops over rows.
        lives: connections of one function each that are only lent to others.
        imports: what is needed beside the modules that open them.
        stepwise: a loop over rows must not read ahead of what it is at.
        put: where each place gets what it holds, for people.
        running: they are lent to what may go on meanwhile.
        kept: where a connection is kept when its function is over, for people; empty where none is.
        handed: the functions that hand it to others, each with the one that gets it.
    """

    openings: dict[tuple[str, int], Use] = field(default_factory=dict)
    places: dict[Place, str] = field(default_factory=dict)
    awaited: dict[tuple[str, int], Step] = field(default_factory=dict)
    marks: list[tuple[Module, Mark]] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    hazards: list[Hazard] = field(default_factory=list)
    releases: list[tuple[str, Span]] = field(default_factory=list)
    transactions: dict[str, Module] = field(default_factory=dict)
    closings: dict[str, Module] = field(default_factory=dict)
    loops: list[tuple[Module, Span]] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)
    imports: list[ImportRequest] = field(default_factory=list)
    stepwise: bool = False
    put: dict[Place, str] = field(default_factory=dict)
    running: bool = False
    kept: str = ""
    handed: list[tuple[Scope, Scope]] = field(default_factory=list)

    @property
    def use(self) -> Use:
        """Return the opening that a person is shown."""
        return self.openings[min(self.openings)]

    @property
    def module(self) -> Module:
        """Return where that is."""
        return self.use.module

    @property
    def steps(self) -> list[Step]:
        """Return the calls that are awaited, the one that a person is shown at first."""
        found = dict(self.awaited)
        for life in self.lives:
            found |= {(each.call.module.path, each.call.index): each for each in life.steps}
        first = min(self.openings)
        rest = sorted(each for each in found if each != first)
        return [found[each] for each in (first, *rest)]

    @property
    def is_closed(self) -> bool:
        """Tell whether something closes a connection that is kept."""
        return bool(self.closings) or any(each.call.tail == "close" for each in self.awaited.values())

    @property
    def outlives(self) -> bool:
        """Tell whether connections may be used by several calls of one function: they are kept, or lent to tasks."""
        return self.running or any(
            isinstance(each, (Attribute, Field, State))
            or (isinstance(each, Requested) and each.shared)
            or (isinstance(each, Variable) and each.scope == 0)
            for each in self.places
        )

    @property
    def keys(self) -> set[str]:
        """Return the keys of the changes that would convert each opening by itself."""
        found = [(each.module, each.call.span) for each in self.openings.values() if each.call is not None]
        return {f"{module.path}:{span.start}:{span.end}" for module, span in found}

    @property
    def opened_in(self) -> list[Module]:
        """Return the files that open what is kept, or close it at the end of a block."""
        kept = [use for key, use in self.openings.items() if key in self.awaited]
        found = {each.module.path: each.module for each in kept} | self.closings
        return [found[path] for path in sorted(found)]

    @property
    def name(self) -> str:
        """Return what the connection is called where it is opened."""
        lent = next((each.name for each in self.lives if each.use is self.use), None)
        if lent:
            return lent
        fate: Any = self.use.call.use if self.use.call is not None else ["expr"]
        if fate[0] == "multi":
            fate = fate[1][0]
        return str(fate[2]) if fate[0] in {"asg", "asgattr"} else "the connection"

    @property
    def writes(self) -> bool:
        """Tell whether a statement may change something."""
        return not all(each.reads for each in self.everything_run)

    @property
    def everything_run(self) -> list[Statement]:
        """Return all statements, those of connections that are only lent among them."""
        lent = [each for life in self.lives for each in life.statements if each.call.tail in table.EXECUTING]
        return [*self.statements, *lent]

    @property
    def commits(self) -> bool:
        """Tell whether blocks are kept that end a transaction."""
        return self.writes or any(mark.action == "enter-transaction" for _, mark in self.marks)
