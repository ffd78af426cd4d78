"""What is found about one connection while its uses are followed, and what follows from all of it together."""

from __future__ import annotations

from hasten.api import Call, Hazard, Module, Read, Span
from hasten_codemods.sqlite3_to_aiosqlite import blocks, catching, leftover, statements, table
from hasten_codemods.sqlite3_to_aiosqlite.aftermath import Aftermath
from hasten_codemods.sqlite3_to_aiosqlite.leftover import Left
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
        self.aftermath = Aftermath(life)
        # Loops over rows that are not read at once: the body of each, and the variable of the cursor.
        self.loops: list[tuple[Span, str]] = []
        # Rows that are read at once where they were not before: their place, and the text that runs meanwhile.
        self.hasty: list[tuple[Span, Span]] = []
        self.closes: list[Call] = []
        # Reads of a cursor in a variable that may leave rows behind: place and variable.
        self.partial: list[tuple[int, str]] = []
        # Cursors without a name that may leave rows behind.
        self.left: list[Left] = []
        # What loops go through: row by row, and all at once where it was row by row before.
        self.stepped: list[Span] = []
        self.lazy: list[Span] = []

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
        made = statements.rows_of_many(call, lambda index: index in self.cursors)
        if made:
            place = f"{self.module.path}:{self.module.position(call.arguments[1].span.start).line}"
            self.hazard("SQL005", f"the rows of `executemany` are made before the first is written ({place})")
        return made

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
        for body, name in self.loops:
            again = [each.call for each in self.life.statements if name and each.call.function[1] == ["n", name]]
            small = small or any(blocks.contains(body, call.span.start) for call in [*changing, *again])
            # What the loop leaves may be read later on; and whoever takes what a generator gives may write.
            small = small or (bool(name) and self.reads_of(name) > 1) or self.module.scope(self.function).is_generator
        for rows, meanwhile in self.hasty:
            places = [each.span.start for each in changing]
            late = [each for each in places if blocks.contains(meanwhile, each) and not blocks.contains(rows, each)]
            if late:
                lines = self.module.position(rows.start).line, self.module.position(min(late)).line
                message = f"the rows of line {lines[0]} are all read before line {lines[1]} writes"
                self.hazard("SQL003", f"{message} ({self.module.path}:{lines[0]})")
        small = self.settle_failing() or small
        if small:
            # aiosqlite reads 64 rows at a time; the loop is to see what it writes, and the rows before one that fails.
            opening = self.life.steps[0]
            self.life.steps[0] = Step(opening.call, opening.action, (*opening.data, ("chunk", "1")))
        # A cursor cannot be closed after its connection.
        for index, each in enumerate(self.life.steps):
            if each.action == "iterate":
                looped = blocks.loop_over(self.module, each.call.scope, ["c", each.call.index], each.call.span)
                early = looped is not None and any(blocks.contains(looped, close.span.start) for close in self.closes)
                action = "async-for-awaited" if early else "iterate"
                # Only what the connection itself returns can be entered as it is.
                direct = each.call.function[1] == ["n", self.life.name]
                data = (("name", blocks.fresh_name(self.module, self.function)), ("await", "no" if direct else "yes"))
                self.life.steps[index] = Step(each.call, action, data)

    def reads_of(self, name: str) -> int:
        """Return how often a cursor in a variable may give rows."""
        uses = [each.use for each in self.module.reads(self.function, name)]
        return sum(use[0] not in {"attr", "dest", "cond", "expr"} and use[1:2] != ["close"] for use in uses)

    def settle_failing(self) -> bool:
        """Tell whether a loop is to see the rows before one that fails: the program goes on after the error.

        Where nobody catches it the program ends with the error, and nobody asks any more how far the loop had come.
        """
        opening = self.life.steps[0].call
        # A converter may raise anything.
        anything = opening.argument(2, "detect_types") is not None
        for span in self.lazy:
            place = catching.place(self.openings.program, self.module, self.function, span.start, anything=anything)
            if place:
                line = self.module.position(span.start).line
                message = f"the rows of line {line} are all read at first, also before one that fails, which {place}"
                self.hazard("SQL003", f"{message} catches ({self.module.path}:{line})")
        return any(
            catching.place(self.openings.program, self.module, self.function, span.start, anything=anything)
            for span in self.stepped
        )

    def leave(self, call: Call) -> None:
        """Note a statement whose cursor has no name, where not all of its rows are taken."""
        match call.use:
            case ["meth", "fetchone" | "fetchmany", int() as index]:
                self.left.append(Left(self.module.call(index), call))
            case ["expr"] | ["cond"] | ["attr", *_]:
                self.left.append(Left(call, call))
            case ["arg", int() as index, 0] if self.module.call(index).function == ["n", "next"]:
                self.left.append(Left(self.module.call(index), call))
            case _:
                pass

    def settle_left(self) -> None:
        """Note what runs while a cursor without a name still holds rows back, which keeps the database locked."""
        for each in self.left:
            found = leftover.meanwhile(self.openings.program, self.life, each) if each.may_leave() else None
            if found is not None:
                lines = [self.module.position(one.span.start).line for one in (each.call, found[0])]
                message = f"the rows that line {lines[0]} leaves are still held when line {lines[1]} runs {found[1]}"
                self.hazard("SQL006", f"{message} ({self.module.path}:{lines[0]})")

    def check_closes(self) -> None:
        """Refuse a use of what was surely closed before: the exception is another one in aiosqlite."""
        for close in self.closes:
            block = self.around_close(close.span.start)
            for each in self.life.steps:
                if each.call.tail != "close" and close.span.end < each.call.span.start < block.end:
                    lines = (
                        self.module.position(each.call.span.start).line,
                        self.module.position(close.span.start).line,
                    )
                    message = f"`{self.life.name}` is used in line {lines[0]}, after it was closed in line {lines[1]}"
                    raise Unfit("SQL115", message, close.span.start)

    def around_close(self, offset: int) -> Span:
        """Return the block in which what follows runs with a connection that is closed at `offset`."""
        reads = self.module.reads(self.function, self.life.name)
        # if connection: connection.close()
        asked = [blocks.guarded(self.module, each) for each in reads]
        for each in self.module.blocks(offset):
            if each.kind not in {"finally", "with", "async with"} and Span(each.start, each.end) not in asked:
                return Span(each.start, each.end)
        return self.life.region

    def settle_partial(self) -> None:
        """Note where a statement may fail while a cursor holds rows back, which keeps the database locked."""
        for offset, name in sorted(self.partial):
            for each in self.life.statements:
                if each.call.span.start > offset and each.call.function[1] != ["n", name]:
                    lines = self.module.position(offset).line, self.module.position(each.call.span.start).line
                    message = f"`{name}` may hold rows back since line {lines[0]}, if line {lines[1]} fails"
                    self.hazard("SQL006", f"{message} ({self.module.path}:{lines[0]})")
                    return
