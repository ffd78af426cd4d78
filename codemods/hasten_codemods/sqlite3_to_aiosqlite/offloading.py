"""Connections that cannot be converted, but live in one function, which a thread can run as it is."""

from __future__ import annotations

from typing import Any

from hasten.api import Call, Hazard, Module, Span, Use, meaning
from hasten_codemods.sqlite3_to_aiosqlite import statements, table
from hasten_codemods.sqlite3_to_aiosqlite.lives import Life, Statement, Step
from hasten_codemods.sqlite3_to_aiosqlite.openings import Openings

#: Methods that give a plain value, or none.
_PLAIN = (
    table.CONNECTION_METHODS
    | table.CURSOR_METHODS
    | {"create_aggregate", "create_collation", "create_window_function", "set_authorizer", "serialize", "deserialize"}
    | {"interrupt", "setlimit", "getlimit", "setconfig", "getconfig", "setinputsizes", "setoutputsize"}
)
#: Methods that hand SQLite something to call.
_CALLBACKS = table.CALLBACKS | {
    "create_aggregate",
    "create_collation",
    "create_window_function",
    "set_authorizer",
}
_READ = table.CONNECTION_READ | table.CURSOR_READ | {"autocommit"}
_WRITTEN = table.CONNECTION_WRITTEN | table.CURSOR_WRITTEN | {"autocommit"}


def whole(openings: Openings, use: Use) -> Life | None:
    """Return a connection that ends in the function that opens it, with its cursors; None where it may not."""
    call = use.call
    function = use.module.enclosing(use.scope, "function", "lambda", "class", "module")
    if call is None or use.trouble or use.instead or function is None:
        return None
    if function.kind != "function" or function.is_async or function.is_generator:
        return None
    life = Life(use, "the connection", use.span, assigned=True, steps=[Step(call, "stays")])
    return life if _Stay(openings, life, function.number).value(call.use, use.scope, use.span) else None


class _Stay:
    """Follows a connection and its cursors through the variables of one function."""

    def __init__(self, openings: Openings, life: Life, function: int) -> None:
        self.openings = openings
        self.life = life
        self.module: Module = life.module
        self.function = function
        self.known: set[str] = set()

    def value(self, use: list[Any], scope: int, span: Span) -> bool:
        """Tell whether nothing of a connection or cursor is left when the function is over."""
        match use:
            case ["multi", uses]:
                return all(self.value(each, scope, span) for each in uses)
            case ["expr"] | ["cond"] | ["cmp", "Is" | "IsNot", *_] | ["with", ""]:
                return True
            case ["iter"] | ["star"] | ["unpack"]:
                return not self.is_put_off(scope)
            case ["asg", int(), str() as name] | ["with", str() as name]:
                return self.variable(scope, name)
            case ["meth", str() as method, int() as index]:
                return self.method(method, self.module.call(index))
            case ["attr", str() as attribute, _]:
                return attribute in _READ
            case ["dest"]:
                return self.attribute(span)
            case ["arg", int() as index, 0]:
                taker = self.module.call(index)
                if self.openings.closing(self.module, index) is not None:
                    return taker.use[0] == "with" and self.value(taker.use, taker.scope, taker.span)
                eager = self.module.dotted(taker.scope, taker.function) in table.EAGER
                return eager and not self.is_put_off(scope)
            case _:
                return False

    def variable(self, scope: int, name: str) -> bool:
        found = self.module.lookup(scope, name)
        if found is None or found[0] != self.function:
            return False
        if name in self.known:
            return True
        self.known.add(name)
        return all(
            not self.is_put_off(each.scope) and self.value(each.use, each.scope, each.span)
            for each in self.module.reads(self.function, name)
        )

    def method(self, method: str, call: Call) -> bool:
        if method in _CALLBACKS:
            place = f"{self.module.path}:{self.module.position(call.span.start).line}"
            self.life.hazards.append(Hazard("SQL004", f"what `{method}` is given is called in a thread ({place})"))
        if method in table.EXECUTING:
            self.life.statements.append(Statement(call, statements.reads_only(call)))
        if method in table.CURSORS:
            return self.value(call.use, call.scope, call.span)
        return method in _PLAIN

    def attribute(self, span: Span) -> bool:
        """Look at an attribute that is set: SQLite calls what becomes a factory."""
        for name, entries in self.module.facts["attribute_stores"].items():
            for _base, value, scope, start in entries:
                if start != span.start:
                    continue
                named = self.module.dotted(scope, value) if value is not None else None
                dotted = meaning(self.openings.program, named)
                none = value is not None and value[:2] == ["k", "NoneType"]
                if name in {"row_factory", "text_factory"} and not none and dotted not in table.PURE:
                    place = f"{self.module.path}:{self.module.position(start).line}"
                    self.life.hazards.append(
                        Hazard("SQL004", f"what `{name}` is set to is called in a thread ({place})")
                    )
                return name in _WRITTEN
        return False

    def is_put_off(self, scope: int) -> bool:
        """Tell whether a place stands in a function of its own, which may run later, or in a generator."""
        while scope != self.function:
            around = self.module.scope(scope)
            if around.kind != "comp" or around.name == "<GeneratorExp>":
                return True
            scope = around.parent
        return False
