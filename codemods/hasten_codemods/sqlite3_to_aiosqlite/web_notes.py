"""What is noted of a web while it is followed, whatever is done with its connections and cursors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from hasten.api import Call, Hazard, Module, Program, Span, Use, meaning
from hasten_codemods.sqlite3_to_aiosqlite import blocks, statements, table
from hasten_codemods.sqlite3_to_aiosqlite.calls import unsettable
from hasten_codemods.sqlite3_to_aiosqlite.lives import Data, Mark, Statement, Step, Unfit
from hasten_codemods.sqlite3_to_aiosqlite.openings import gives_isolation
from hasten_codemods.sqlite3_to_aiosqlite.places import Place, Value
from hasten_codemods.sqlite3_to_aiosqlite.webs import CURSOR, Web


class Notes(ABC):
    """Fills in one `Web`; who follows it derives from this."""

    def __init__(self, program: Program, web: Web) -> None:
        """Begin with a web of which nothing is known."""
        self.program = program
        self.web = web
        # By file and number, calls that give connections or cursors, and which of both.
        self.calls: dict[tuple[str, int], str] = {}
        # What is looked at, for messages.
        self.here: tuple[Module, int] | None = None

    @abstractmethod
    def take(self, value: Value, kind: str) -> None:
        """Follow a value to what happens to it."""

    @abstractmethod
    def placed(self, why: Unfit, use: Use) -> Unfit:
        """Return what is wrong with its place, which may lie in another file than the opening."""

    @abstractmethod
    def add(self, place: Place | None, kind: str, value: Value) -> None:
        """Note that a place holds a connection or a cursor."""

    def step(self, call: Call, action: str, data: Data = ()) -> None:
        """Note a call that is awaited, and the statement that it runs."""
        if call.tail in table.EXECUTING and call.function[0] == "a":
            self.web.statements.append(Statement(call, statements.reads_only(call)))
            if call.tail == "executemany":
                data = (*data, *self.many(call))
        self.web.awaited[call.module.path, call.index] = Step(call, action, data)

    def many(self, call: Call) -> Data:
        """Return how the rows of an `executemany` are made: not in another thread."""
        made = statements.rows_of_many(call, lambda index: self.calls.get((call.module.path, index)) == CURSOR)
        if made:
            place = f"{call.module.path}:{call.module.position(call.span.start).line}"
            self.hazard("SQL005", f"the rows of `executemany` are made before the first is written ({place})")
        return made

    def set_attribute(self, value: Value, known: frozenset[str]) -> None:
        """`connection.row_factory = sqlite3.Row`."""
        module = value.module
        found = [
            (name, entry[1])
            for name, entries in module.facts["attribute_stores"].items()
            for entry in entries
            if entry[0] == value.shape and entry[2] == value.scope and entry[3] <= value.span.start < entry[3] + 1
        ]
        if len(found) != 1:
            raise Unfit("SQL112", "it is changed in a way that cannot be followed", value.span.start)
        name, shape = found[0]
        if name == "isolation_level":
            self.isolate(value, shape)
            return
        if name not in known:
            raise Unfit("SQL121", unsettable(name), value.span.start)
        dotted = meaning(self.program, module.dotted(value.scope, shape)) if shape is not None else None
        if name != "arraysize" and not (dotted in table.PURE or (shape is not None and shape[:2] == ["k", "NoneType"])):
            self.callback(module, value.span, f"what `{name}` is set to")

    def isolate(self, value: Value, shape: list[Any] | None) -> None:
        """`self.db.isolation_level = None`, which raises in aiosqlite, becomes an argument of `connect`."""
        if shape is not None and shape[:2] == ["k", "str"]:
            return
        none = shape is not None and shape[:2] == ["k", "NoneType"]
        opening = self.opened_before(value) if none else None
        if opening is None:
            raise Unfit("SQL121", "`isolation_level` cannot be set here; give it to `connect`", value.span.start)
        step = self.web.awaited[opening]
        self.web.awaited[opening] = Step(step.call, step.action, (*step.data, ("isolation", "None")))
        self.mark(value.module, value.span, "drop", ("variable", str(value.shape[-1])))

    def opened_before(self, value: Value) -> tuple[str, int] | None:
        """Return the opening in the same block after which nothing was done yet but to set factories."""
        module = value.module
        block = blocks.around(module, value.span.start)
        found = [
            (key, use.call)
            for key, use in self.web.openings.items()
            if use.call is not None
            and use.module is module
            and use.call.scope == value.scope
            and use.call.span.start < value.span.start
            and blocks.around(module, use.call.span.start) == block
        ]
        if len(found) != 1 or found[0][1] is None:
            return None
        key, call = found[0]
        between = any(call.span.end < each.span.start < value.span.start for each in module.calls())
        # What is only lent was followed in its own function.
        return None if between or gives_isolation(call) or key not in self.web.awaited else key

    def callback(self, module: Module, span: Span, what: str) -> None:
        """Note that something is called in another thread."""
        place = f"{module.path}:{module.position(span.start).line}"
        self.hazard("SQL004", f"{what} is called in the thread of the connection ({place})")

    def hazard(self, code: str, message: str) -> None:
        """Note a hazard."""
        found = Hazard(code, message)
        if found not in self.web.hazards:
            self.web.hazards.append(found)

    def mark(
        self, module: Module, span: Span, action: str, *data: tuple[str, str], end: int = -1, scope: int = -1
    ) -> None:
        """Note a place that changes, and is no call."""
        if module.path not in self.program.targets:
            raise Unfit("SQL119", f"{module.path} uses it, and is not among the files to be rewritten", span.start)
        mark = module, Mark(span, action, data, end=end, scope=scope)
        if mark not in self.web.marks:
            self.web.marks.append(mark)

    def check_exact(self, value: Value, call: Call) -> None:
        """Refuse what is one of several values: `(self.db if self.db else other).execute(sql)`."""
        if call.function[0] != "a" or call.function[1] != value.shape:
            raise Unfit("SQL114", "it is one of several values here; write them apart", value.span.start)
