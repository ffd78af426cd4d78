"""Follow a connection and its cursors through the one function in which they live.

Every use of them is one of a table, or the connection stays as it is: what is not known to be right is not done.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from hasten.api import Call, Module, Read, Span, meaning
from hasten_codemods.sqlite3_to_aiosqlite import blocks, table
from hasten_codemods.sqlite3_to_aiosqlite.calls import check_arguments, dumped, exception, unsettable
from hasten_codemods.sqlite3_to_aiosqlite.lives import Life, Statement, Step, Unfit
from hasten_codemods.sqlite3_to_aiosqlite.openings import (
    Openings,
    escaped,
    gives_isolation,
    hidden,
    left_over,
    passed_on,
)
from hasten_codemods.sqlite3_to_aiosqlite.record import Record

_CURSOR = "a cursor of it"


#: Takes note of a `connection` or `cursor` that is handed to a call: where it stands, and its shape.
Lend: TypeAlias = Callable[[Module, int, Span, list[Any], list[Any], str], None]


def follow(openings: Openings, life: Life, lend: Lend | None = None) -> Life:
    """Return a connection that was just opened with all that happens to it.

    Args:
        openings: how connections are opened.
        life: what is known of it.
        lend: takes note of where it is handed over, as an argument, and returns if it can be followed there.

    Raises:
        Unfit: something happens to it that cannot be converted.
    """
    return _Tracker(openings, life, lend).follow()


class _Tracker(Record):
    def __init__(self, openings: Openings, life: Life, lend: Lend | None) -> None:
        super().__init__(openings, life)
        self.lend = lend

    def follow(self) -> Life:
        if where := hidden(self.life.steps[0].call):
            self.hazard("SQL010", f"the arguments of `connect` may hold a `factory` ({where})")
        for read in self.reads(self.life.name):
            self.connection(read)
        done: set[str] = set()
        while pending := [each for each in self.variables if each not in done]:
            for name in pending:
                done.add(name)
                for read in self.reads(name):
                    self.cursor(name, read)
        for name in self.variables:
            self.check_bindings(name)
        self.check_closes()
        self.settle_loops()
        self.settle_partial()
        self.settle_left()
        self.aftermath.settle(sorted({self.life.name, *self.variables}))
        self.life.variables += sorted({self.life.name, *self.variables})
        return self.life

    # --- reads ----------------------------------------------------------------------------------------------------

    def reads(self, name: str) -> list[Read]:
        """Return the reads of a variable that belong to this connection."""
        found: list[Read] = []
        for read in self.module.reads(self.function, name):
            start = read.span.start
            if blocks.contains(self.life.region, start):
                self.check_scope(name, read)
                found.append(read)
            elif not (self.is_earlier(read) or self.is_anothers(name, start)):
                self.aftermath.add(name, read)
        return sorted(found, key=lambda each: each.span)

    def is_anothers(self, name: str, offset: int) -> bool:
        """Tell whether a variable surely holds something of another connection."""
        return self.openings.of_another(self.module, self.function, name, offset, self.life.region)

    def is_earlier(self, read: Read) -> bool:
        """Tell whether a variable is read before this connection is opened, and never afterwards."""
        first = self.life.region.start
        loops = [each for each in self.module.blocks(first) if each.kind in {"for", "async for", "while"}]
        again = any(each.header <= read.span.start for each in loops)
        return read.scope == self.function and read.span.start < first and not again

    def check_exact(self, shape: list[Any], found: Any, span: Span) -> None:  # noqa: ANN401 - a shape
        """Refuse what is one of several values: `(db.execute(a) if a else empty).fetchall()`."""
        if found != shape:
            raise Unfit("SQL114", "it is one of several values here; write them apart", span.start)

    def check_scope(self, name: str, read: Read) -> None:
        scope = read.scope
        while scope != self.function:
            around = self.module.scope(scope)
            if around.kind != "comp":
                what = f"`{around.name}`" if around.kind in {"function", "class"} else "a lambda"
                raise Unfit(
                    "SQL113", f"`{name}` is used in {what}; do the work in the function itself", read.span.start
                )
            scope = around.parent

    def check_bindings(self, name: str) -> None:
        found = self.module.lookup(self.function, name)
        if found is None or found[0] != self.function:
            start = self.life.steps[0].call.span.start
            raise Unfit("SQL111", f"`{name}`, which holds a cursor, is a variable of others, too", start)
        for each in found[1]:
            if each.kind == "declared":
                continue
            ours = each.kind in {"assign", "with"} and each.payload is not None and each.payload[0] == "c"
            # cursor = None
            empty = each.kind == "assign" and each.payload is not None and each.payload[:2] == ["k", "NoneType"]
            if blocks.contains(self.life.region, each.start):
                if not (empty or (ours and each.payload[1] in self.cursors)):
                    message = f"`{name}` holds a cursor, and is bound to something else here; use another name"
                    raise Unfit("SQL114", message, each.start)
                continue
            if not (empty or self.is_anothers(name, each.start)):
                raise Unfit("SQL114", f"`{name}` holds a cursor, and is bound here, too; use another name", each.start)

    # --- the connection -------------------------------------------------------------------------------------------

    def connection(self, read: Read) -> None:
        name, use = self.life.name, read.use
        match use:
            case ["meth", str() as method, int() as index]:
                self.check_exact(["n", name], self.module.call(index).function[1], read.span)
                self.connection_method(method, self.module.call(index))
            case ["attr", str() as attribute, _] if attribute in table.CONNECTION_READ:
                pass
            case ["attr", str() as attribute, over] if attribute in table.CURSORS | table.CONNECTION_METHODS:
                raise passed_on(self.module, attribute, over, read.span.start)
            case ["attr", str() as attribute, _] if attribute in table.ERRORS:
                start = read.span.start
                found = exception(self.openings.program, self.module, read.scope, ["n", name], attribute, start)
                self.life.marks.append(found)
            case ["attr", str() as attribute, _]:
                raise Unfit("SQL120", f"aiosqlite's connections have no usable `{attribute}`", read.span.start)
            case ["dest"]:
                self.connection_attribute(read)
            case ["with", ""]:
                self.mark(name, read, "transaction")
                self.life.transactions += 1
            case ["cond"] | ["expr"]:
                pass  # a connection is true, before and after
            case ["cmp", "Is" | "IsNot", ["k", "NoneType", _], *_]:
                pass
            case ["arg", int() as index, 0 | "target"] if self.module.call(index).tail == "backup":
                self.life.targets.append(self.module.call(index))
                self.life.statements.append(Statement(self.module.call(index), reads=False))
            case ["arg", int() as index, 0] if self.is_closed_at_end(index):
                closing = self.openings.closing(self.module, index)
                self.life.releases += closing.releases if closing is not None else ()
                self.mark(name, read, "unclose")
                self.life.transactions += 1
            case ["arg", *_] if self.lend is not None:
                self.hand_over(read.scope, read.span, ["n", name], use, "connection")
            case ["call", _]:
                message = f"`{name}(...)` prepares a statement, which aiosqlite cannot; use `execute`"
                raise Unfit("SQL120", message, read.span.start)
            case _:
                raise escaped(use, f"`{name}`", read.span.start)

    def is_closed_at_end(self, index: int) -> bool:
        """`with closing(connection):`, which is no more than what the block of the connection does."""
        taker = self.module.call(index)
        exact = taker.arguments[0].shape == ["n", self.life.name]
        known = self.openings.closing(self.module, index) is not None and exact
        return known and self.life.assigned and taker.use == ["with", ""] and not taker.commented

    def connection_method(self, method: str, call: Call) -> None:
        if method == "iterdump":
            self.dump(call)
        elif method == "backup":
            self.backup(call)
        elif method in table.CURSORS:
            check_arguments(method, call)
            self.cursor_value(call, fresh=True)
        elif method in table.CONNECTION_METHODS:
            check_arguments(method, call)
            if method in table.CALLBACKS:
                self.callback(call.span, f"`{method}`")
            if method == "close":
                self.check_close(call)
                self.closes.append(call)
            self.step(call, "close" if method == "close" and call.use[0] == "expr" else "await-call")
        else:
            raise Unfit("SQL120", f"aiosqlite's connections have no usable `{method}`", call.span.start)

    def check_close(self, call: Call) -> None:
        inside = call.span.start < self.life.region.end
        if inside and ("form", "with") in self.life.steps[0].data:
            # with sqlite3.connect(path) as connection: ... connection.close()
            message = "it is closed inside the block that commits at its end, which raises ProgrammingError"
            raise Unfit("SQL115", message, call.span.start)

    def connection_attribute(self, read: Read) -> None:
        """`connection.row_factory = sqlite3.Row`."""
        name, value = self.stored(read)
        if name == "isolation_level" and value is not None and value[0] == "k":
            if value[1] == "str":
                return
            if value[1] == "NoneType" and self.is_next(read.span.start):
                # It raises ProgrammingError when it is set, and is an argument of `connect`.
                opening = self.life.steps[0]
                self.life.steps[0] = Step(opening.call, opening.action, (*opening.data, ("isolation", "None")))
                self.mark(self.life.name, read, "drop")
                return
        elif name in table.CONNECTION_WRITTEN - {"isolation_level"}:
            self.factory(name, value, read)
            return
        raise Unfit("SQL121", unsettable(name), read.span.start)

    def stored(self, read: Read) -> tuple[str, Any]:
        """Return the attribute that is set, and the shape of its new value."""
        for name, entries in self.module.facts["attribute_stores"].items():
            for base, value, _scope, start in entries:
                if start == read.span.start and base[0] == "n":
                    return name, value
        raise Unfit("SQL112", "it is changed in a way that cannot be followed", read.span.start)

    def factory(self, name: str, value: Any, read: Read) -> None:  # noqa: ANN401 - a shape
        named = self.module.dotted(read.scope, value) if value is not None else None
        dotted = meaning(self.openings.program, named)
        if not (dotted in table.PURE or (value is not None and value[:2] == ["k", "NoneType"])):
            self.callback(read.span, f"what `{name}` is set to")

    def is_next(self, start: int) -> bool:
        """Tell whether a statement that sets something runs in any case, and before the connection is used at all."""
        if gives_isolation(self.life.steps[0].call):
            return False
        first = min(
            each.span.start
            for each in self.module.reads(self.function, self.life.name)
            if blocks.contains(self.life.region, each.span.start) and not self.is_factory(each)
        )
        inside = blocks.around(self.module, start)
        if self.life.assigned:
            return first == start and inside == blocks.around(self.module, self.life.region.start)
        return first == start and inside.end == self.life.region.end and inside.start > self.life.region.start

    def is_factory(self, read: Read) -> bool:
        """`connection.row_factory = sqlite3.Row`."""
        return read.use == ["dest"] and self.stored(read)[0] in {"row_factory", "text_factory"}

    def backup(self, call: Call) -> None:
        """`connection.backup(other)`: the other one may be of either library."""
        for position, each in enumerate(call.arguments):
            if each.keyword is None and position:
                message = "`backup` takes all but the target by name in aiosqlite"
                raise Unfit("SQL123", message, each.span.start)
            if each.keyword == "progress" and each.shape[:2] != ["k", "NoneType"]:
                self.callback(each.span, "`progress`")
        check_arguments("backup", call)
        self.step(call, "await-call")
        self.life.statements.append(Statement(call, reads=True))

    def dump(self, call: Call) -> None:
        """`connection.iterdump()` becomes an asynchronous generator."""
        self.step(call, dumped(call))

    # --- cursors --------------------------------------------------------------------------------------------------

    def cursor_value(self, call: Call, *, fresh: bool) -> None:
        """Follow the cursor that `call` returns; a `fresh` one belongs to nobody else."""
        self.cursors.add(call.index)
        if fresh:
            self.leave(call)
        match call.use:
            case ["expr"] | ["cond"]:
                self.step(call, "await-call")
            case ["asg", int() as scope, str() as name] if scope == self.function:
                self.step(call, "await-call")
                self.variables[name] = None
            case ["meth", str() as method, int() as index]:
                self.check_exact(["c", call.index], self.module.call(index).function[1], call.span)
                self.step(call, "await-call")
                self.cursor_method(method, self.module.call(index), fresh=fresh)
            case ["attr", str() as attribute, _] if attribute in table.CURSOR_READ:
                self.step(call, "await-call")
            case ["attr", str() as attribute, _]:
                raise _unknown(attribute, call.span.start)
            case ["iter"] if not blocks.is_comprehended(self.module, call.scope, call.span):
                self.loop(call, fresh=fresh)
            case ["arg", int() as index, 0] if self.openings.closing(self.module, index) is not None:
                self.closed_at_end(call, self.module.call(index), fresh=fresh)
            case ["arg", int() as index, *_] if self.lend is not None and not self.takes_rows(index):
                self.step(call, "await-call")
                self.hand_over(call.scope, call.span, ["c", call.index], call.use, "cursor")
            case _ as use:
                self.step(call, self.rows(use, call.scope, ["c", call.index], call.span, named=not fresh))

    def cursor(self, name: str, read: Read) -> None:
        """Follow one read of a variable that holds a cursor."""
        match read.use:
            case ["meth", str() as method, int() as index]:
                self.check_exact(["n", name], self.module.call(index).function[1], read.span)
                if method in {"fetchone", "fetchmany"}:
                    self.partial.append((read.span.start, name))
                self.cursor_method(method, self.module.call(index), fresh=False)
            case ["attr", str() as attribute, _] if attribute in table.CURSOR_READ:
                pass
            case ["attr", str() as attribute, _]:
                raise _unknown(attribute, read.span.start)
            case ["dest"]:
                attribute, value = self.stored(read)
                if attribute not in table.CURSOR_WRITTEN:
                    raise Unfit("SQL121", f"`{attribute}` of a cursor cannot be set", read.span.start)
                if attribute == "row_factory":
                    self.factory(attribute, value, read)
            case ["cond"] | ["expr"] | ["cmp", "Is" | "IsNot", ["k", "NoneType", _], *_]:
                pass
            case ["arg", int() as index, *_] if self.lend is not None and not self.takes_rows(index):
                self.hand_over(read.scope, read.span, ["n", name], read.use, "cursor")
            case ["iter"] if not blocks.is_comprehended(self.module, read.scope, read.span):
                self.check_held(read)
                self.loops.append((self.body(read.scope, ["n", name], read.span), name))
                self.stepped.append(read.span)
                self.partial.append((read.span.start, name))
                self.mark(name, read, "async-for")
            case _ as use:
                action = self.rows(use, read.scope, ["n", name], read.span, named=True)
                self.check_held(read)
                if action != "await-call":
                    self.mark(name, read, "fetchall")

    def hand_over(self, scope: int, span: Span, shape: list[Any], use: list[Any], kind: str) -> None:
        """Note a connection or cursor that is handed to a call, in which anything may be done with it."""
        if self.lend is not None:
            self.lend(self.module, scope, span, shape, use, kind)
            self.life.statements.append(Statement(self.module.call(use[1]), reads=False))

    def takes_rows(self, index: int) -> bool:
        """Tell whether a call that takes a cursor is one of those that go through its rows."""
        taker = self.module.call(index)
        dotted = self.module.dotted(taker.scope, taker.function)
        known = table.EAGER | table.LAZY | {"builtins.next", "contextlib.closing"}
        return dotted in known

    def cursor_method(self, method: str, call: Call, *, fresh: bool) -> None:
        if method in table.EXECUTING:
            check_arguments(method, call)
            self.cursor_value(call, fresh=fresh)
        elif method in table.CURSOR_METHODS:
            check_arguments(method, call)
            self.step(call, "await-call")
        else:
            raise Unfit("SQL120", f"aiosqlite's cursors have no usable `{method}`", call.span.start)

    def loop(self, call: Call, *, fresh: bool) -> None:
        """`for row in connection.execute(...):`."""
        receiver: Any = call.function[1]
        # What `cur.execute(...)` leaves is in `cur`; a cursor without a name has no later reader.
        name = receiver[1] if not fresh and receiver[0] == "n" else ""
        self.loops.append((self.body(call.scope, ["c", call.index], call.span), name))
        self.stepped.append(call.span)
        self.step(call, "iterate" if fresh else "async-for-awaited")

    def body(self, scope: int, iterated: list[Any], span: Span) -> Span:
        """Return the body of the loop that goes through what stands at `span`."""
        found = blocks.loop_over(self.module, scope, iterated, span)
        if found is None:
            raise Unfit("SQL114", "it is one of several values here; write them apart", span.start)
        return found

    def closed_at_end(self, call: Call, taker: Call, *, fresh: bool) -> None:
        """`with closing(connection.cursor()) as cursor:`."""
        guard = blocks.entered(self.module, taker)
        exact = taker.arguments[0].shape == ["c", call.index] and not taker.commented
        if guard is None or not guard.name or not fresh or not exact:
            raise escaped(call.use, _CURSOR, call.span.start)
        # `connection.cursor().execute(...)` is no context manager of aiosqlite's.
        receiver = call.function[1]
        if receiver != ["n", self.life.name]:
            raise escaped(call.use, _CURSOR, call.span.start)
        if blocks.is_spread(self.module, guard):
            raise Unfit("SQL118", "the header of the `with` has several lines; write one for each", guard.start)
        closing = self.openings.closing(self.module, taker.index)
        self.life.releases += closing.releases if closing is not None else ()
        self.cursors.add(taker.index)
        self.variables[guard.name] = None
        self.step(call, "enter")

    def rows(self, use: list[Any], scope: int, shape: list[Any], span: Span, *, named: bool) -> str:
        """Return the action on a cursor of which all rows are taken; note what else changes with it.

        Where it has a name (`cur`, and so `cur.execute(...)`) what takes some of them leaves the others for later.
        """
        match use:
            case ["iter"]:
                inner = self.comprehension(scope, span)
                if named and blocks.is_generator(self.module, inner):
                    raise left_over("a generator expression", span.start)
                self.hasty.append((span, inner))
                self.check_generator(scope, span)
                return "fetchall"
            case ["cmp", "In" | "NotIn", _, "r"] if named:
                raise left_over("`in`", span.start)
            case ["star"] | ["unpack"] | ["arg", _, "*"] | ["cmp", "In" | "NotIn", _, "r"]:
                self.check_generator(scope, span)
                return "fetchall"
            case ["arg", int() as index, position]:
                taker = self.module.call(index)
                dotted = self.module.dotted(taker.scope, taker.function)
                single = len(taker.arguments) == 1
                self.check_generator(scope, span)
                exact = bool(taker.arguments) and taker.arguments[0].shape == shape
                if named and dotted in (table.EAGER | table.LAZY) - table.WHOLE:
                    raise left_over(f"`{taker.tail}`", span.start)
                if dotted == "builtins.list" and single and position == 0 and exact:
                    self.step(taker, "rows-of", (("await", "yes" if shape[0] == "c" else "no"),))
                    return "await-call"
                if dotted == "builtins.next" and position == 0:
                    default = taker.arguments[1].shape if len(taker.arguments) > 1 else None
                    if default is None or default[:2] != ["k", "NoneType"] or not exact:
                        message = "`next` raises StopIteration after the last row; use `fetchone`"
                        raise Unfit("SQL122", message, taker.span.start)
                    self.step(taker, "first-of", (("await", "yes" if shape[0] == "c" else "no"),))
                    return "await-call"
                if dotted in table.EAGER:
                    return "fetchall"
                if dotted in table.LAZY:
                    meanwhile = Span(span.start, self.life.region.end)
                    if taker.use == ["iter"] and not blocks.is_comprehended(self.module, taker.scope, taker.span):
                        body = blocks.loop_over(self.module, taker.scope, ["c", index], taker.span)
                        meanwhile = body or meanwhile
                    self.hasty.append((span, meanwhile))
                    self.lazy.append(span)
                    return "fetchall"
                raise escaped(use, _CURSOR, span.start)
            case _:
                raise escaped(use, _CURSOR, span.start)

    def comprehension(self, scope: int, span: Span) -> Span:
        """Return the extent of the comprehension that goes through what stands at `span`."""
        around = [
            each.span
            for each in self.module.scopes()
            if each.kind == "comp" and each.span.start <= span.start and span.end <= each.span.end
        ]
        return min(around, key=lambda each: each.end - each.start, default=self.module.scope(scope).span)

    def check_generator(self, scope: int, span: Span) -> None:
        while scope != self.function:
            around = self.module.scope(scope)
            if around.name == "<GeneratorExp>":
                raise Unfit("SQL122", "a generator expression cannot await here; write a loop", span.start)
            scope = around.parent

    def check_held(self, read: Read) -> None:
        """Refuse a wait at a place that the engine does not look at, where something may be held that it would see."""
        earlier = [each.call for each in self.life.steps if each.call.span.start < read.span.start]
        around = {
            (each.start, each.end)
            for number in range(len(self.module.facts["guards"]))
            if (each := self.module.guard(number)).kind == "with" and each.inner <= read.span.start < each.end
        }
        # A call in each of these blocks is looked at by the engine, which knows locks.
        seen = {(each.start, each.end) for call in earlier for each in self.module.guards(call.guard)}
        seen |= {(each.start, each.end) for call in earlier if (each := self._own(call)) is not None}
        if around - seen:
            message = "rows are taken inside a `with` that may hold a lock; call `fetchall` there"
            raise Unfit("SQL122", message, read.span.start)

    def _own(self, call: Call) -> Any:  # noqa: ANN401 - a guard or None
        return blocks.entered(self.module, self.openings.holder(call))


def _unknown(attribute: str, offset: int) -> Unfit:
    """Return what is wrong with an attribute of a cursor that is no value."""
    if attribute in table.EXECUTING | table.CURSOR_METHODS:
        return Unfit("SQL122", f"the method `{attribute}` is passed on here; call it here", offset)
    return Unfit("SQL120", f"aiosqlite's cursors have no usable `{attribute}`", offset)
