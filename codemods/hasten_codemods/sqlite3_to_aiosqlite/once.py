"""Connections that are opened when they are first needed: `if self._db is None: self._db = sqlite3.connect(...)`.

The `if` is true for every task that comes before the connection is there. Where the opening waits, two tasks may come
so far, and both would open one. A lock around what stands below the `if`, with a second look inside, lets one of them.

    if self._db is None:
        async with _openings.alone(self, "_db"):
            if self._db is None:
                db = await _connections.connect(self.path)
                await db.execute("create table ...")
                self._db = db

Before, nobody saw a connection that was not set up to its end. So it is put into its place last.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hasten.api import Call, Hazard, Module, Program, Scope, Span, receivers_of
from hasten_codemods.sqlite3_to_aiosqlite import blocks
from hasten_codemods.sqlite3_to_aiosqlite.places import Place, Places, Variable
from hasten_codemods.sqlite3_to_aiosqlite.webs import CONNECTION, Web

#: Functions that a test may call: they look, and do nothing.
_ASKING = frozenset({"builtins.hasattr", "builtins.getattr"})
#: So many functions are looked into below what is called while the lock is held.
_MOST_CALLED = 200


@dataclass(frozen=True, slots=True)
class Once:
    """An opening that one task at a time may come to.

    Attributes:
        module: where it is.
        function: the function around it.
        start: where the connection is opened.
        span: the whole `if` statement.
        body: the statements below it.
        text: how the place is written there in which the connection is kept: `self._db`, or the variable of a module.
        late: the variable that holds the connection until it is set up, `""` where it is put into its place last.
    """

    module: Module
    function: Scope
    start: int
    span: Span
    body: Span
    text: str
    late: str

    @property
    def data(self) -> tuple[tuple[str, str], ...]:
        """Return what the transformer has to know."""
        owner, _, name = self.text.rpartition(".")
        return ("owner", owner or "__name__"), ("name", name), ("place", self.text), ("late", self.late)

    @property
    def hazard(self) -> Hazard | None:
        """Return what is different where the set-up fails."""
        if not self.late:
            return None
        line = self.module.position(self.start).line
        return Hazard("SQL014", f"`{self.text}` stays empty where its set-up fails ({self.module.path}:{line})")


class OpeningsOnce:
    """Answers for one program."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self.program = program
        self.receivers = receivers_of(program)
        self.places = Places(program, self.receivers)

    def of(self, web: Web) -> list[Once]:
        """Return the openings of a web that a lock can make one of, in the order of their places."""
        found: dict[Place, list[Once]] = {}
        for key, use in sorted(web.openings.items(), key=lambda each: each[0]):
            if key in web.awaited and use.call is not None:
                known = self._once(web, use.call)
                if known is not None:
                    found.setdefault(known[0], []).append(known[1])
        return [each for place, several in found.items() if self._only_there(place, several) for each in several]

    def _once(self, web: Web, call: Call) -> tuple[Place, Once] | None:
        module = call.module
        function = module.enclosing(call.scope, "function")
        around = list(module.blocks(call.span.start))
        if function is None or call.scope != function.number or not around or around[0].kind != "if":
            return None
        if function.is_generator:
            return None  # a `yield` below the `if` would keep the lock for as long as whoever iterates likes
        block = around[0]
        body, head = Span(block.start, block.end), Span(block.header, block.start)
        # elif self._db is None: it is no statement of its own
        if blocks.has_else(module, body) or any(each.kind == "else" and each.start == block.header for each in around):
            return None
        # A function or a loop of its own below the `if` may run at another time, or with another variable.
        if any(body.start <= each.span.start < body.end for each in module.scopes() if each.kind != "comp"):
            return None
        for place, base, name in self._asked(module, function, head):
            if web.places.get(place) != CONNECTION:
                continue
            text = name if base is None else f"{base}.{name}"
            late = self._late(web, call, function, body, base, name)
            if late is not None and not any(self._reaches(each, place) for each in self._called(web, module, body)):
                return place, Once(module, function, call.span.start, Span(block.header, block.end), body, text, late)
        return None

    # --- the test -------------------------------------------------------------------------------------------------

    def _asked(self, module: Module, function: Scope, head: Span) -> Iterator[tuple[Place, str | None, str]]:
        """Yield the places that a test asks for, each with the variable before the dot, and the name behind it."""
        calls = [each for each in module.calls() if blocks.contains(head, each.span.start)]
        if any(module.dotted(each.scope, each.function) not in _ASKING for each in calls):
            return  # it would be called twice
        found: list[tuple[Any, str]] = []
        for call in calls:
            given = [each.shape for each in call.arguments]
            if len(given) > 1 and given[1][:2] == ["k", "str"] and len(given[1]) > 2:  # noqa: PLR2004 - it has a value
                found.append((given[0], given[1][2]))
        for name, records in module.facts["attribute_reads"].items():
            found += [(base, name) for base, _, _, start, _ in records if blocks.contains(head, start)]
        for base, name in found:
            place = self.places.attribute(module, function.number, base, name) if base[0] == "n" else None
            if place is not None:
                yield place, base[1], name
        for name, records in module.facts["reads"][function.number].items():
            if any(blocks.contains(head, start) for start, _, _ in records):
                variable = self.places.variable(module, function.number, name)
                if variable is not None and variable.scope == 0 and variable.path == module.path:
                    yield variable, None, name

    # --- what stands below it ---------------------------------------------------------------------------------------

    def _late(self, web: Web, call: Call, function: Scope, body: Span, base: str | None, name: str) -> str | None:
        """Return the variable that is to hold the connection meanwhile; None where it is not put into its place once.

        An empty string where nothing waits after it was.
        """
        module = call.module
        stores = [each for each in _stores(module, function, base, name) if blocks.contains(body, each[0])]
        if len(stores) != 1:
            return None
        start, value = stores[0]
        if blocks.around(module, start) != body:
            return None
        if value == ["c", call.index]:
            if call.span.end == body.end:
                return ""
            below = module.position(blocks.header(module, body)).line < module.position(body.start).line
            return _fresh(module, function, name) if below and call.use[0] in {"asg", "asgattr"} else None
        # conn = sqlite3.connect(path); ...; self._db = conn
        waits = any(
            step.call.module is module and start < step.call.span.start < body.end for step in web.awaited.values()
        )
        others = any(start < each.span.start < body.end for each in self._called(web, module, body))
        return None if waits or others or start < call.span.start else ""

    def _called(self, web: Web, module: Module, body: Span) -> list[Call]:
        """Return the calls below the `if` that are no statements of the connection."""
        return [
            each
            for each in module.calls()
            if blocks.contains(body, each.span.start) and (module.path, each.index) not in web.awaited
        ]

    def _reaches(self, call: Call, place: Place) -> bool:
        """Tell whether a call may come to where somebody asks for the connection, and would wait for the lock."""
        pending, seen = [call], set[tuple[str, int]]()
        for each in pending:
            dotted = self.program.dotted(each.module, each.scope, each.function)
            if dotted is not None and self.program.resolve(dotted) is None:
                continue
            reached = self.receivers.reached(each)
            if not reached.known and not reached.functions and any(True for _ in self.program.definitions(each.tail)):
                return True
            for function in reached.functions:
                key = function.module.path, function.number
                if key in seen:
                    continue
                seen.add(key)
                if len(seen) > _MOST_CALLED or function.kind != "function" or self._speaks_of(function, place):
                    return True
                pending += [one for one in function.module.calls() if _is_in(one.module, one.scope, function)]
        return False

    def _speaks_of(self, function: Scope, place: Place) -> bool:
        module = function.module
        if isinstance(place, Variable) and module.path == place.path:
            inside = [each.number for each in module.scopes() if _is_in(module, each.number, function)]
            return any(place.name in module.facts[part][each] for each in inside for part in ("reads", "binds"))
        name = place.name if hasattr(place, "name") else ""
        records = [each[2] for each in module.facts["attribute_reads"].get(name, ())]
        records += [each[2] for each in module.facts["attribute_stores"].get(name, ())]
        named = (one.shape for each in module.calls() for one in each.arguments if _is_in(module, each.scope, function))
        return any(_is_in(module, each, function) for each in records) or ["k", "str", name] in [*named]

    def _only_there(self, place: Place, several: list[Once]) -> bool:
        """Tell whether nobody else puts anything but None into a place."""
        for source in self.places.sources(place):
            inside = any(each.module is source.module and blocks.contains(each.body, source.offset) for each in several)
            empty = source.shape is not None and source.shape[:2] == ["k", "NoneType"]
            if not (inside or empty):
                return False
        return True


def _stores(module: Module, function: Scope, base: str | None, name: str) -> list[tuple[int, Any]]:
    """Return where a function puts something into a place, and what."""
    if base is not None:
        records = module.facts["attribute_stores"].get(name, ())
        return [(start, value) for holder, value, _, start in records if holder == ["n", base]]
    bindings = module.bindings(0, name)
    return [(each.start, each.payload) for each in bindings if each.kind == "assign" and each.scope == function.number]


def _is_in(module: Module, scope: int, function: Scope) -> bool:
    """Tell whether a scope is a function or lies in it."""
    while scope >= 0:
        if scope == function.number:
            return True
        scope = module.scope(scope).parent
    return False


def _fresh(module: Module, function: Scope, name: str) -> str:
    """Return a name for the connection that nothing in a function uses."""
    inside = [each.number for each in module.scopes() if _is_in(module, each.number, function)]
    taken = {each for one in (0, *inside) for part in ("binds", "reads") for each in module.facts[part][one]}
    plain = name.strip("_") or "connection"
    found, number = plain, 1
    while found in taken:
        number += 1
        found = f"{plain}_{number}"
    return found
