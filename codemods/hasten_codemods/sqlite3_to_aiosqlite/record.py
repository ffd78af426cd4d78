"""What is found about one connection while its uses are followed, and what follows from all of it together."""

from __future__ import annotations

from typing import Any

from hasten.api import Call, Hazard, Module, Read, Span
from hasten_codemods.sqlite3_to_aiosqlite import blocks, statements, table
from hasten_codemods.sqlite3_to_aiosqlite.lives import Life, Mark, Statement, Step, Unfit
from hasten_codemods.sqlite3_to_aiosqlite.openings import Openings


class Record:
    """Fills in one `Life`."""

    def __init__(self, openings: Openings, life: Life) -> None:
        """Take a connection that was just opened."""
        self.openings = openings
        self.life = life
        self.module: Module = life.module
        self.function = life.steps[0].call.scope
        self.cursors: set[int] = set()
        self.variables: dict[str, None] = {}
        # Loops over rows that are not read at once: the offset of each, and the column of its variable.
        self.loops: list[tuple[int, int | None, str]] = []
        # The same, of rows that are read at once where they were not before.
        self.hasty: list[tuple[int, int | None]] = []
        self.closes: list[Call] = []
        # Reads of a cursor in a variable that may leave rows behind: place and variable.
        self.partial: list[tuple[int, str]] = []

    def mark(self, name: str, read: Read, action: str) -> None:
        """Note what changes at a variable."""
        self.life.marks.append(Mark(read.span, action, (("variable", name),)))

    def step(self, call: Call, action: str, data: tuple[tuple[str, str], ...] = ()) -> None:
        """Note a call that is awaited, and the statement that it runs."""
        if call.tail in table.EXECUTING and call.function[0] == "a":
            reads = statements.reads_only(call)
            self.life.statements.append(Statement(call, reads))
            if call.tail == "executemany":
                data = (*data, *self.many(call))
        self.life.steps.append(Step(call, action, data))

    def many(self, call: Call) -> tuple[tuple[str, str], ...]:
        """Return how the rows of an `executemany` are made: not in another thread."""
        given = call.argument(1)
        if given is None:
            return ()
        shape: Any = given.shape
        name = ""
        if shape[0] == "n":
            name = shape[1]
            found = self.module.lookup(call.scope, name)
            if found is not None and len(found[1]) == 1 and found[1][0].kind == "assign":
                shape = found[1][0].payload
        if shape is None or shape[0] not in {"g", "c"} or (shape[0] == "g" and shape[1] != "GeneratorExp"):
            return ()
        if shape[0] == "c":
            made = self.module.call(shape[1])
            dotted = self.module.dotted(made.scope, made.function)
            if dotted in table.MADE_AT_ONCE or made.tail in {*table.FETCHES, "items", "values", "keys", "splitlines"}:
                return ()
            if shape[1] in self.cursors or made.tail in table.CURSORS:
                return ()
        place = f"{self.module.path}:{self.module.position(given.span.start).line}"
        self.hazard("SQL005", f"the rows of `executemany` are made before the first is written ({place})")
        return (("rows", "list" if name or shape[0] == "c" else "brackets"),)

    def check_arguments(self, method: str, call: Call) -> None:
        """Refuse arguments that aiosqlite's method does not take."""
        for each in call.arguments:
            if each.keyword not in {None, "*"} and each.keyword not in table.KEYWORDS.get(method, ()):
                message = f"`{method}` does not take `{each.keyword}=` in aiosqlite; pass it by position"
                raise Unfit("SQL123", message, each.span.start)
        if method == "cursor" and call.arguments:
            raise Unfit("SQL123", "`cursor` takes no class in aiosqlite", call.span.start)

    def callback(self, span: Span, what: str) -> None:
        """Note that something is called in another thread."""
        place = f"{self.module.path}:{self.module.position(span.start).line}"
        self.hazard("SQL004", f"{what} is called in the thread of the connection ({place})")

    def hazard(self, code: str, message: str) -> None:
        """Note a hazard."""
        self.life.hazards.append(Hazard(code, message))

    def settle_loops(self) -> None:
        """Decide how rows are read that a loop goes through, once it is known what else happens."""
        changing = [each.call for each in self.life.statements if not each.reads]
        changing += [each.call for each in self.life.steps if each.call.tail in {"commit", "rollback"}]
        small = False
        for offset, column, name in self.loops:
            again = [each.call for each in self.life.statements if name and each.call.function[1] == ["n", name]]
            for call in [*changing, *again]:
                if call.span.start > offset and blocks.may_be_in_loop(self.module, column, call):
                    small = True
        for offset, column in self.hasty:
            for call in changing:
                if call.span.start > offset and blocks.may_be_in_loop(self.module, column, call):
                    lines = self.module.position(offset).line, self.module.position(call.span.start).line
                    message = f"the rows of line {lines[0]} are all read before line {lines[1]} writes"
                    self.hazard("SQL003", f"{message} ({self.module.path}:{lines[0]})")
                    break
        if small:
            # aiosqlite reads 64 rows at a time; the loop is to see what it writes.
            opening = self.life.steps[0]
            self.life.steps[0] = Step(opening.call, opening.action, (*opening.data, ("chunk", "1")))
        # A cursor cannot be closed after its connection.
        for index, each in enumerate(self.life.steps):
            if each.action == "iterate":
                column = int(dict(each.data)["column"]) or None
                early = any(
                    close.span.start > each.call.span.end and blocks.may_be_in_loop(self.module, column, close)
                    for close in self.closes
                )
                action = "async-for-awaited" if early else "iterate"
                # Only what the connection itself returns can be entered as it is.
                direct = each.call.function[1] == ["n", self.life.name]
                data = (("name", self.fresh_name()), ("await", "no" if direct else "yes"))
                self.life.steps[index] = Step(each.call, action, data)

    def fresh_name(self) -> str:
        """Return a name for a cursor that nothing in the function uses."""
        scopes = [self.function]
        for each in self.module.scopes():
            if each.parent in scopes:
                scopes.append(each.number)
        taken = {name for each in scopes for part in ("binds", "reads") for name in self.module.facts[part][each]}
        name, number = "cursor", 1
        while name in taken:
            number += 1
            name = f"cursor_{number}"
        return name

    def settle_partial(self) -> None:
        """Note where a statement may fail while a cursor holds rows back, which keeps the database locked."""
        for offset, name in sorted(self.partial):
            for each in self.life.statements:
                if each.call.span.start > offset and each.call.function[1] != ["n", name]:
                    lines = self.module.position(offset).line, self.module.position(each.call.span.start).line
                    message = f"`{name}` may hold rows back since line {lines[0]}, if line {lines[1]} fails"
                    self.hazard("SQL006", f"{message} ({self.module.path}:{lines[0]})")
                    return
