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

A look that leaves (`if self._db is not None: return self._db`) has what follows it below the lock, after a
second look. Where a look is no such `if` (`else`, `try: return local.db` and `except AttributeError:`), the whole
statement stands below the lock, and is the only look.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hasten.api import Block, Call, Hazard, Module, Program, Scope, Span, receivers_of
from hasten_codemods.sqlite3_to_aiosqlite import blocks
from hasten_codemods.sqlite3_to_aiosqlite.places import Place, Places, Variable
from hasten_codemods.sqlite3_to_aiosqlite.webs import CONNECTION, Web

#: Functions that a test may call: they look, and do nothing.
_ASKING = frozenset({"builtins.hasattr", "builtins.getattr"})
#: So many functions are looked into below what is called while the lock is held.
_MOST_CALLED = 200
_LOOPS = frozenset({"for", "async for", "while"})


#: How a look is written: an `if` above the opening, one that leaves, or a statement that stays whole.
_BELOW, _REST, _WHOLE = "once", "once-rest", "once-whole"


@dataclass(frozen=True, slots=True)
class _Look:
    """A statement that asks whether the connection is there.

    Attributes:
        action: which of the kinds above it is.
        span: the statement.
        heads: the text that asks.
        body: the statements that open the connection, and what follows them there.
        locked: what stands below the lock in the end.
    """

    action: str
    span: Span
    heads: tuple[Span, ...]
    body: Span
    locked: Span


@dataclass(frozen=True, slots=True)
class Once:
    """An opening that one task at a time may come to.

    Attributes:
        module: where it is.
        function: the function around it.
        start: where the connection is opened.
        action: what the transformer does.
        span: the statement that asks for the connection.
        body: the statements that stand below the lock.
        text: how the place is written there in which the connection is kept: `self._db`, or the variable of a module.
        late: the variable that holds the connection until it is set up, `""` where it is put into its place last.
        again: the statement above, which is repeated below the lock: `db = getattr(local, "db", None)`.
    """

    module: Module
    function: Scope
    start: int
    action: str
    span: Span
    body: Span
    text: str
    late: str
    again: str

    @property
    def data(self) -> tuple[tuple[str, str], ...]:
        """Return what the transformer has to know."""
        owner, _, name = self.text.rpartition(".")
        told = ("owner", owner or "__name__"), ("name", name), ("place", self.text), ("late", self.late)
        return (*told, ("again", self.again)) if self.again else told

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
        if function is None or call.scope != function.number:
            return None
        if function.is_generator:
            return None  # a `yield` below the `if` would keep the lock for as long as whoever iterates likes
        for look in _looks(module, function, call):
            # A function or a loop of its own below the `if` may run at another time, or with another variable.
            if any(look.locked.start <= each.span.start < look.locked.end for each in _inner(module)):
                continue
            for place, base, name, again in self._asked(module, function, look):
                if web.places.get(place) != CONNECTION or (again and look.action == _WHOLE):
                    continue
                text = name if base is None else f"{base}.{name}"
                late = self._late(web, call, function, look, base, name)
                if late is None or any(self._reaches(each, place) for each in self._called(web, module, look.locked)):
                    continue
                start = call.span.start
                once = Once(module, function, start, look.action, look.span, look.locked, text, late, again)
                return place, once
        return None

    # --- the test -------------------------------------------------------------------------------------------------

    def _asked(self, module: Module, function: Scope, look: _Look) -> Iterator[tuple[Place, str | None, str, str]]:
        """Yield the places that are asked for.

        Each comes with the variable before the dot, the name behind it, and the statement above that asks, if one does.
        """
        calls = [each for each in module.calls() if any(blocks.contains(one, each.span.start) for one in look.heads)]
        if look.action != _WHOLE and any(module.dotted(each.scope, each.function) not in _ASKING for each in calls):
            return  # it would be called twice
        found = [(*one, "") for one in map(_named, calls) if one is not None]
        for name, records in module.facts["attribute_reads"].items():
            found += [
                (base, name, "")
                for base, _, _, start, _ in records
                if any(blocks.contains(one, start) for one in look.heads)
            ]
        found += self._above(module, function, look)
        for base, name, again in found:
            place = self.places.attribute(module, function.number, base, name) if base[0] == "n" else None
            if place is not None:
                yield place, base[1], name, again
        for name in _variables(module, function, look):
            variable = self.places.variable(module, function.number, name)
            if variable is not None and variable.scope == 0 and variable.path == module.path:
                yield variable, None, name, ""

    def _above(self, module: Module, function: Scope, look: _Look) -> Iterator[tuple[Any, str, str]]:
        """Yield what a variable of the test was given by the statement above: `db = getattr(local, "db", None)`."""
        for name in _variables(module, function, look):
            for each in module.bindings(function.number, name):
                value = each.payload if each.kind == "assign" and each.start < look.span.start else None
                if value is None or _between(module, function, each.start, look.span.start) != [name]:
                    continue
                if blocks.around(module, each.start) != blocks.around(module, look.span.start):
                    continue
                if value[0] == "a" and value[1][0] == "n":
                    yield value[1], value[2], f"{name} = {value[1][1]}.{value[2]}"
                call = module.call(value[1]) if value[0] == "c" else None
                asked = _named(call) if call is not None else None
                if call is None or asked is None or asked[0][0] != "n" or len(call.arguments) != 3:  # noqa: PLR2004 - with None
                    continue
                if call.function == ["n", "getattr"] and call.arguments[2].shape[:2] == ["k", "NoneType"]:
                    yield *asked, f'{name} = getattr({asked[0][1]}, "{asked[1]}", None)'

    # --- what stands below it ---------------------------------------------------------------------------------------

    def _late(self, web: Web, call: Call, function: Scope, look: _Look, base: str | None, name: str) -> str | None:
        """Return the variable that is to hold the connection meanwhile; None where it is not put into its place once.

        An empty string where nothing waits after it was.
        """
        module, body = call.module, look.body
        stores = [each for each in _stores(module, function, base, name) if blocks.contains(look.locked, each[0])]
        if len(stores) != 1:
            return None
        start, value = stores[0]
        inside = list(_within(module, start, look.body))
        if not blocks.contains(body, start) or any(each.kind in _LOOPS for each in inside):
            return None
        steps = [each.call for each in web.awaited.values() if each.call.module is module]
        later = [each for each in (*steps, *self._called(web, module, body)) if start < each.span.start < body.end]
        if value != ["c", call.index]:
            # conn = sqlite3.connect(path); ...; self._db = conn
            return None if later or start < call.span.start else ""
        # What handles the failure of the opening is not behind it.
        tried = [each.header for each in inside if each.kind == "try"]
        later = [
            each
            for each in later
            if each.span.end > call.span.end
            and not any(one.kind == "except" and one.header in tried for one in module.blocks(each.span.start))
        ]
        if not later:
            return ""
        around = inside[0] if inside else None
        until = around.end if around is not None else body.end
        if call.use[0] not in {"asg", "asgattr"} or any(each.span.start >= until for each in later):
            return None
        if any(each.kind not in {"with", "if", "else"} for each in inside):
            return None  # what handles the failure may ask for it
        below = module.position(start).line > module.position(look.span.start).line
        return _fresh(module, function, name) if below else None

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


def _looks(module: Module, function: Scope, call: Call) -> Iterator[_Look]:
    """Yield the statements around an opening, or before it, that may ask for the connection; inner ones first."""
    offset = call.span.start
    for block in module.blocks(offset):
        yield from _leaving(module, function, Span(block.start, block.end), offset)
        if block.kind in _LOOPS:
            return
        body = Span(block.start, block.end)
        if block.kind == "if" and not (blocks.has_else(module, body) or _is_elif(module, block.header)):
            statement = Span(block.header, block.end)
            yield _Look(_BELOW, statement, (Span(block.header, block.start),), body, body)
        elif block.kind in {"if", "else", "except"}:
            statement = _statement(module, block.header)
            if block.kind != "except" and not any(
                each[1:3] == ["if", statement.start] for each in module.facts["blocks"]
            ):
                continue  # `else` of a loop, or of a `try`
            first = min(each[3] for each in module.facts["blocks"] if each[2] == statement.start)
            heads = [Span(statement.start, first), Span(block.header, block.start)] if block.kind != "except" else []
            heads += [Span(*each) for each in _tried(module, statement) if block.kind == "except"]
            yield _Look(_WHOLE, statement, tuple(heads), body, statement)
    yield from _leaving(module, function, function.span, offset)


def _leaving(module: Module, function: Scope, block: Span, offset: int) -> Iterator[_Look]:
    """Yield each `if` of a block that leaves it before it comes to a place, the last one first."""
    for scope, kind, start, end, _test, yes, no, leaves, _inner, _given in reversed(module.facts["conditions"]):
        if scope != function.number or kind != "if" or no is not None or "y" not in leaves or end > offset:
            continue
        if blocks.around(module, start) != block or _is_elif(module, start):
            continue
        # What is written twice is a line.
        if module.position(yes[0]).line == module.position(yes[1]).line:
            rest = Span(end, block.end)
            yield _Look(_REST, Span(start, end), (Span(start, yes[0]),), rest, rest)


def _is_elif(module: Module, header: int) -> bool:
    return any(each[1] == "else" and each[3] == header for each in module.facts["blocks"])


def _statement(module: Module, header: int) -> Span:
    """Return the whole of a compound statement by where it, or an `elif` of it, begins."""
    while _is_elif(module, header):
        header = next(each[2] for each in module.facts["blocks"] if each[1] == "else" and each[3] == header)
    return Span(header, max(each[4] for each in module.facts["blocks"] if each[2] == header))


def _tried(module: Module, statement: Span) -> Iterator[tuple[int, int]]:
    """Yield what a `try` tries that catches nothing but what is raised where an attribute is not there."""
    for each in module.facts["guards"]:
        if each[1] == "try" and each[3] == statement.start and len(each[2]) == 1:
            types = each[2][0][0]
            if types == ["n", "AttributeError"]:
                yield from ((one[3], one[4]) for one in module.facts["blocks"] if one[1:3] == ["try", statement.start])


def _within(module: Module, offset: int, body: Span) -> Iterator[Block]:
    """Yield the blocks around a place that lie in a block."""
    around = ((each, Span(each.start, each.end)) for each in module.blocks(offset))
    return (each for each, span in around if body.start <= span.start and span.end <= body.end and span != body)


def _inner(module: Module) -> list[Scope]:
    return [each for each in module.scopes() if each.kind != "comp"]


def _variables(module: Module, function: Scope, look: _Look) -> list[str]:
    """Return the variables that are read where a statement asks."""
    return [
        name
        for name, records in module.facts["reads"][function.number].items()
        if any(blocks.contains(one, start) for start, _, _ in records for one in look.heads)
    ]


def _named(call: Call) -> tuple[Any, str] | None:
    """Return what is asked for an attribute by its name, and the name."""
    given = [each.shape for each in call.arguments]
    if len(given) > 1 and given[1][:2] == ["k", "str"] and given[1][2:] not in ([], [None]):
        return given[0], str(given[1][2])
    return None


def _between(module: Module, function: Scope, start: int, end: int) -> list[str]:
    """Return the variables that are given something between two places."""
    binds = [
        name
        for name, records in module.facts["binds"][function.number].items()
        for each in records
        if start <= each[2] < end
    ]
    binds += [
        f".{name}" for name, each in module.facts["attribute_stores"].items() for one in each if start <= one[3] < end
    ]
    calls = [each.tail for each in module.calls() if start <= each.span.start < end]
    lines = module.position(start).line, module.position(end).line
    return binds if len(calls) <= 1 and lines[1] - lines[0] == 1 else []


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
