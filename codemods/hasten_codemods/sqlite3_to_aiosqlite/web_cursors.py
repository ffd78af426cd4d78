"""What is done with the cursors of a web, and with their rows."""

from __future__ import annotations

from hasten.api import Call, Span
from hasten_codemods.sqlite3_to_aiosqlite import blocks, table
from hasten_codemods.sqlite3_to_aiosqlite.calls import check_arguments
from hasten_codemods.sqlite3_to_aiosqlite.leftover import Left
from hasten_codemods.sqlite3_to_aiosqlite.lives import Unfit
from hasten_codemods.sqlite3_to_aiosqlite.openings import Openings, escaped, left_over
from hasten_codemods.sqlite3_to_aiosqlite.places import Value
from hasten_codemods.sqlite3_to_aiosqlite.web_notes import Notes
from hasten_codemods.sqlite3_to_aiosqlite.webs import CURSOR, WHAT


class Cursors(Notes):
    """Follows the uses of cursors."""

    openings: Openings

    def cursor_call(self, call: Call, *, fresh: bool) -> None:
        """Follow the cursor that `call` returns; a `fresh` one belongs to nobody else."""
        self.calls[call.module.path, call.index] = CURSOR
        if fresh:
            self.leave(call)
        value = Value(call.module, call.scope, call.span, ["c", call.index], call.use)
        comprehended = blocks.is_comprehended(call.module, call.scope, call.span)
        match call.use:
            case ["iter"] if not comprehended:
                body = self.body(value)
                self.web.loops.append((call.module, body))
                self.web.stepwise |= not fresh  # the rest of its rows may be read elsewhere
                if fresh:
                    name = blocks.fresh_name(call.module, call.scope)
                    self.step(call, "iterate", (("name", name), ("await", "no")))
                else:
                    self.step(call, "async-for-awaited")
            case ["cmp", "In" | "NotIn", *_] if not fresh:
                raise left_over("`in`", call.span.start)
            case ["iter"] | ["star"] | ["unpack"] | ["cmp", "In" | "NotIn", *_]:
                self.check_generator(value)
                self.hasty(value, named=not fresh)
                self.step(call, "fetchall")
            case ["arg", int() as index, position] if action := self.rows_action(value, index, position, fresh=fresh):
                self.step(call, action)
            case _:
                self.step(call, "await-call")
                self.take(value, CURSOR)

    def rows_action(self, value: Value, index: int, position: object, *, fresh: bool) -> str:
        """Return what is done at a call of `execute` whose rows are taken at once; empty where they are not."""
        taker = value.module.call(index)
        dotted = taker.module.dotted(taker.scope, taker.function)
        if self.openings.closing(taker.module, index) is not None:
            return ""
        exact = bool(taker.arguments) and taker.arguments[0].shape == value.shape
        if dotted in {"builtins.list", "builtins.next"}:
            return "await-call" if self.is_row_taker(value, taker, position, exact=exact) else ""
        if dotted in table.EAGER | table.LAZY:
            self.check_generator(value)
            if not fresh and dotted not in table.WHOLE:
                raise left_over(f"`{taker.tail}`", value.span.start)
            if dotted in table.LAZY:
                self.hasty(value, named=False)
            return "fetchall"
        return ""

    def is_row_taker(self, value: Value, taker: Call, position: object, *, exact: bool) -> bool:
        """Tell whether a call takes all rows of a cursor, or the next one, and note how."""
        dotted = taker.module.dotted(taker.scope, taker.function)
        if dotted == "builtins.list" and len(taker.arguments) == 1 and position == 0 and exact:
            self.check_generator(value)
            self.step(taker, "rows-of")
            return True
        if dotted == "builtins.next" and position == 0:
            default = taker.arguments[1].shape if len(taker.arguments) > 1 else None
            if default is None or default[:2] != ["k", "NoneType"] or not exact:
                raise Unfit(
                    "SQL122", "`next` raises StopIteration after the last row; use `fetchone`", taker.span.start
                )
            self.step(taker, "first-of")
            return True
        if dotted in table.EAGER | table.LAZY and value.is_named:
            self.check_generator(value)
            if dotted not in table.WHOLE:
                raise left_over(f"`{taker.tail}`", value.span.start)
            self.mark(value.module, value.span, "fetchall", ("variable", str(value.shape[-1])), scope=value.scope)
            return True
        return False

    def cursor(self, value: Value) -> None:
        """Follow one use of a cursor."""
        module = value.module
        named = value.is_named
        match value.use:
            case ["meth", str() as method, int() as index]:
                call = module.call(index)
                self.check_exact(value, call)
                check_arguments(method, call)
                if method in table.EXECUTING:
                    self.cursor_call(call, fresh=False)
                elif method in table.CURSOR_METHODS:
                    self.step(call, "await-call")
                else:
                    raise Unfit("SQL120", f"aiosqlite's cursors have no usable `{method}`", call.span.start)
            case ["attr", str() as attribute, _] if attribute in table.CURSOR_READ:
                pass
            case ["attr", str() as attribute, _]:
                raise Unfit("SQL120", f"aiosqlite's cursors have no usable `{attribute}`", value.span.start)
            case ["dest"]:
                self.set_attribute(value, table.CURSOR_WRITTEN)
            case ["iter"] if not blocks.is_comprehended(module, value.scope, value.span):
                self.web.loops.append((module, self.body(value)))
                self.web.stepwise = True  # the rest of its rows may be read elsewhere
                if named:
                    self.mark(module, value.span, "async-for", ("variable", str(value.shape[-1])), scope=value.scope)
                else:
                    self.mark(module, self.loop(value), "async-for", scope=value.scope)
            case ["iter"] | ["star"] | ["unpack"] if named:
                self.check_generator(value)
                self.hasty(value, named=True)
                self.mark(module, value.span, "fetchall", ("variable", str(value.shape[-1])), scope=value.scope)
            case ["iter"] | ["star"] | ["unpack"] if value.shape[0] == "c":
                # [row for row in self.execute(sql)]
                message = f"the rows of what `{module.call(value.shape[1]).tail}` gives are taken here; write"
                raise Unfit("SQL122", f"{message} `.fetchall()` behind the call", value.span.start)
            case _:
                raise escaped(value.use, WHAT[CURSOR], value.span.start)

    def loop(self, value: Value) -> Span:
        """Return the extent of the `for` statement that goes through a value."""
        end = blocks.end_of_loop(value.module, value.span)
        return Span(max(each[2] for each in value.module.facts["blocks"] if each[4] == end and each[1] == "for"), end)

    def body(self, value: Value) -> Span:
        """Return the body of the loop that goes through a value."""
        found = blocks.loop_over(value.module, value.scope, value.shape, value.span)
        if found is None:
            raise Unfit("SQL114", "it is one of several values here; write them apart", value.span.start)
        return found

    def check_generator(self, value: Value) -> None:
        """Refuse a generator expression that would have to wait."""
        scope = value.module.scope(value.scope)
        while scope.kind == "comp":
            if scope.name == "<GeneratorExp>":
                raise Unfit("SQL122", "a generator expression cannot await here; write a loop", value.span.start)
            scope = value.module.scope(scope.parent)

    def hasty(self, value: Value, *, named: bool) -> None:
        """Note rows that are all read at first: a generator expression over them reads one by one.

        Raises:
            Unfit: their cursor has a name, and what the expression leaves may be read on later.
        """
        around = [
            each
            for each in value.module.scopes()
            if each.kind == "comp" and each.span.start <= value.span.start and value.span.end <= each.span.end
        ]
        inner = min(around, key=lambda each: each.span.end - each.span.start, default=None)
        if inner is not None and inner.name == "<GeneratorExp>":
            if named:
                raise left_over("a generator expression", value.span.start)
            message = "the rows are all read before the first is used"
            self.hazard("SQL003", f"{message} ({value.module.path}:{value.line})")

    def leave(self, call: Call) -> None:
        """Note a statement whose cursor has no name, where not all of its rows are taken."""
        taken = call
        match call.use:
            case ["meth", "fetchone" | "fetchmany", int() as index]:
                taken = call.module.call(index)
            case ["expr"] | ["cond"]:
                pass
            case _:
                return
        if Left(taken, call).may_leave():
            place = f"{call.module.path}:{call.module.position(call.span.start).line}"
            message = "rows may be left, and are held with their lock until the connection has something else to do"
            self.hazard("SQL006", f"{message} ({place})")
