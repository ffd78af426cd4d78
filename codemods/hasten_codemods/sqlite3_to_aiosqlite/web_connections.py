"""What is done with the connections of a web."""

from __future__ import annotations

from typing import Any

from hasten.api import Call, ImportRequest, Module, Span
from hasten_codemods.sqlite3_to_aiosqlite import blocks, doubles, table
from hasten_codemods.sqlite3_to_aiosqlite.calls import check_arguments, dumped, exception
from hasten_codemods.sqlite3_to_aiosqlite.lives import Statement, Unfit
from hasten_codemods.sqlite3_to_aiosqlite.openings import escaped, passed_on
from hasten_codemods.sqlite3_to_aiosqlite.places import Place, Places, Value
from hasten_codemods.sqlite3_to_aiosqlite.web_cursors import Cursors
from hasten_codemods.sqlite3_to_aiosqlite.webs import CONNECTION, WHAT


class Connections(Cursors):
    """Follows the uses of connections, and of what is a connection at one time and a cursor at another."""

    where: Places

    def either(self, value: Value) -> None:
        """Follow one use of what is a connection at one time and a cursor at another, where both can do it."""
        match value.use:
            case ["meth", str() as method, int() as index] if method in table.EXECUTING | table.CURSOR_METHODS:
                call = value.module.call(index)
                self.check_exact(value, call)
                check_arguments(method, call)
                if method in table.EXECUTING:
                    self.cursor_call(call, fresh=False)
                else:
                    self.step(call, "await-call")
            case ["attr", str() as attribute, _] if attribute in table.CONNECTION_READ | table.CURSOR_READ:
                pass
            case ["dest"]:
                self.set_attribute(value, frozenset({"row_factory"}))
            case _:
                message = "it is a connection at one time, and a cursor at another; give each a name of its own"
                raise Unfit("SQL114", message, value.span.start)

    # --- connections ----------------------------------------------------------------------------------------------

    def connection(self, value: Value) -> None:
        """Follow one use of a connection."""
        module = value.module
        match value.use:
            case ["meth", str() as method, int() as index]:
                call = value.module.call(index)
                self.check_exact(value, call)
                self.connection_method(method, call)
            case ["attr", str() as attribute, _] if attribute in table.CONNECTION_READ:
                pass
            case ["attr", attribute, over] if attribute in table.CONNECTION_METHODS and doubles.is_of_a_mock(over):
                pass
            case ["attr", attribute, over] if attribute in table.CURSORS and doubles.is_of_a_mock(over):
                pass
            case ["attr", str() as attribute, over] if attribute in table.CURSORS | table.CONNECTION_METHODS:
                raise passed_on(value.module, attribute, over, value.span.start)
            case ["attr", str() as attribute, _] if attribute in table.ERRORS:
                found = exception(self.program, module, value.scope, value.shape, attribute, value.span.start)
                self.mark(module, found.span, found.action, *found.data)
                self.web.imports.append(ImportRequest(module.path, "sqlite3"))
            case ["attr", str() as attribute, _]:
                raise Unfit("SQL120", f"aiosqlite's connections have no usable `{attribute}`", value.span.start)
            case ["dest"]:
                self.set_attribute(value, table.CONNECTION_WRITTEN)
            case ["with", str() as name]:
                self.enter(value, name)
            case ["call", _] | ["callee", _]:
                message = "calling the connection prepares a statement, which aiosqlite cannot; use `execute`"
                raise Unfit("SQL120", message, value.span.start)
            case _:
                raise escaped(value.use, WHAT[CONNECTION], value.span.start)

    def enter(self, value: Value, name: str) -> None:
        """`with connection:` commits at the end of its block."""
        module = value.module
        guards = [module.guard(number) for number in range(len(module.facts["guards"]))]
        found = [
            each
            for each in guards
            if each.kind == "with" and each.payload == value.shape and each.start < value.span.start < each.inner
        ]
        guard = max(found, key=lambda each: each.start, default=None)
        if guard is None or blocks.names_with(module, guard):
            raise Unfit("SQL114", "it is one of several values here; write them apart", value.span.start)
        if blocks.is_spread(module, guard):
            raise Unfit("SQL118", "the header of the `with` has several lines; write one for each", guard.start)
        self.web.transactions[module.path] = module
        if not value.is_named:
            number = next(at for at, each in enumerate(blocks.beside(module, guard)) if each.payload == value.shape)
            self.mark(
                module, Span(guard.start, guard.end), "enter-transaction", ("item", str(number)), scope=value.scope
            )
        else:
            # What is entered beside it may get a block of its own; where nothing is written the block goes away.
            variable = ("variable", str(value.shape[-1]))
            self.mark(module, value.span, "transaction", variable, end=guard.end, scope=value.scope)
        if name:
            self.add(self.where.variable(module, value.scope, name), CONNECTION, value)

    def connection_method(self, method: str, call: Call) -> None:
        """Note a call of a connection's method."""
        if method in table.CURSORS:
            check_arguments(method, call)
            self.cursor_call(call, fresh=True)
        elif method in table.CONNECTION_METHODS:
            check_arguments(method, call)
            if method in table.CALLBACKS:
                self.callback(call.module, call.span, f"`{method}`")
            self.step(call, "await-call")
        elif method == "iterdump":
            self.step(call, dumped(call))
        elif method == "backup":
            check_arguments("backup", call)
            target = call.argument(0, "target")
            known = target is not None and self.kind_of(call.module, call.scope, target.shape) == CONNECTION
            if not known or any(each.keyword is None for each in call.arguments[1:]):
                raise Unfit("SQL112", "`backup` copies to a connection that is not converted with it", call.span.start)
            self.step(call, "await-call")
            self.web.statements.append(Statement(call, reads=False))
        else:
            raise Unfit("SQL120", f"aiosqlite's connections have no usable `{method}`", call.span.start)

    def kind_of(self, module: Module, scope: int, shape: list[Any]) -> str | None:
        """Return whether a value is known to be a connection or a cursor."""
        match shape:
            case ["c", int() as index] | ["w", ["c", int() as index]]:
                return self.calls.get((module.path, index))
            case ["n", str() as name]:
                place: Place | None = self.where.variable(module, scope, name)
            case ["a", base, str() as name]:
                place = self.where.attribute(module, scope, base, name)
            case _:
                place = None
        return self.web.places.get(place) if place is not None else None
