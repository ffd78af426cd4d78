"""Follow connections that are kept or handed over: through attributes, arguments and returns, to every use of them.

All openings whose connections meet at some place convert together, with all that is done with them, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hasten.api import Call, Hazard, ImportRequest, Module, Program, Read, Receivers, Scope, Span, Use
from hasten_codemods.sqlite3_to_aiosqlite import annotated, blocks, doubles, keeping, statements, table
from hasten_codemods.sqlite3_to_aiosqlite.leftover import Left
from hasten_codemods.sqlite3_to_aiosqlite.lifetimes import follow
from hasten_codemods.sqlite3_to_aiosqlite.lives import Data, Life, Mark, Statement, Step, Unfit
from hasten_codemods.sqlite3_to_aiosqlite.openings import Openings, arguments_of, escaped, hidden
from hasten_codemods.sqlite3_to_aiosqlite.places import (
    Attribute,
    Field,
    Place,
    Places,
    Requested,
    Source,
    Value,
    Variable,
    Yielded,
)

#: What a place holds; some hold the one at one time, and the other at another, and are asked for what both can do.
_CONNECTION, _CURSOR, _EITHER = "connection", "cursor", "either"
_WHAT = {_CONNECTION: "the connection", _CURSOR: "a cursor of it", _EITHER: "the connection, or a cursor of it,"}
#: What tests hand over in the place of a connection or a cursor.
_MOCKS = frozenset({"unittest.mock.Mock", "unittest.mock.MagicMock"})
#: Functions that look at an object, and do nothing with it.
_LOOKING = frozenset(f"builtins.{each}" for each in ("bool", "id", "print", "repr", "str"))


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
            isinstance(each, (Attribute, Field, Requested)) or (isinstance(each, Variable) and each.scope == 0)
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


class Weaver:
    """Finds the webs of one program."""

    def __init__(self, program: Program, openings: Openings, uses: list[Use]) -> None:
        """Take the program, and the uses of `sqlite3.connect`."""
        self.program = program
        self.openings = openings
        self.receivers = Receivers(program, program.resolve_call)
        self.places = Places(program, self.receivers)
        self.uses = {(each.module.path, each.call.index): each for each in uses if each.call is not None}

    def web(self, use: Use) -> Web:
        """Return the connections that meet the one that is opened by `use`.

        Raises:
            Unfit: something happens to them that cannot be converted.
        """
        kept: frozenset[tuple[str, int]] = frozenset()
        mixed: frozenset[Place] = frozenset()
        while True:
            self.places.guessed.clear()
            weaving = _Weaving(self, Web(), kept, mixed)
            try:
                web = weaving.all(use)
            except _MixedError as found:
                mixed |= {found.place}
                continue
            more = weaving.escaping()
            if not more:
                return web
            # They are not closed at the end of the function that opens them.
            kept |= more


class _MixedError(Exception):
    """A place holds a connection at one time, and a cursor at another."""

    def __init__(self, place: Place) -> None:
        super().__init__(str(place))
        self.place = place


class _Weaving:
    def __init__(self, weaver: Weaver, web: Web, kept: frozenset[tuple[str, int]], mixed: frozenset[Place]) -> None:
        self.weaver = weaver
        self.mixed = mixed
        # Openings whose connections leave their function for good.
        self.kept = kept
        self.claimed: set[Place] = set()
        # Where a place hands on what it holds, and so do connections that are only lent.
        self.onward: dict[Place | tuple[str, int], set[Place]] = {}
        self.holder: Place | tuple[str, int] | None = None
        # What hands them to something that may go on when the statement is over.
        self.running: set[Place | tuple[str, int]] = set()
        self.program = weaver.program
        self.where = weaver.places
        self.web = web
        self.calls: dict[tuple[str, int], str] = {}
        self.pending: list[Place] = []
        self.here: tuple[Module, int] | None = None

    def all(self, use: Use) -> Web:
        # What cannot be is kept for the end: it may turn out that a place holds either, which is looked at anew.
        wrong: list[Unfit] = []
        try:
            self.open(use)
            while self.pending:
                self.holder = None
                place = self.pending.pop()
                for source in list(self.where.sources(place)):
                    self.check(source, self.web.places[place])
                self.holder = place
                for value in list(self.where.values(place)):
                    try:
                        self.take(value, self.web.places[place])
                    except Unfit as why:
                        wrong.append(self.placed(why, use))
        except Unfit as why:
            wrong.append(self.placed(why, use))
        if wrong:
            raise wrong[0]
        self.check_closes()
        for path, line, name in sorted(self.where.guessed):
            self.hazard("ASY001", f"`{name}` of something unknown is taken for the one that is kept ({path}:{line})")
        self.web.running = bool(self.running)
        self.web.kept = keeping.kept(self.program, self.web)
        if self.web.kept and not self.web.is_closed:
            self.hazard("SQL012", f"nothing closes `{self.web.name}` ({use.place})")
        self.settle_loops()
        self.web.marks += annotated.of(self.program, self.web.places)
        self.web.handed = keeping.handed(self.program, self.web, self.onward)
        return self.web

    def placed(self, why: Unfit, use: Use) -> Unfit:
        """Return what is wrong with its place, which may lie in another file than the opening."""
        if self.here is None or self.here[0] is use.module:
            return Unfit(why.code, why.message, why.offset if why.offset >= 0 else use.span.start)
        module, offset = self.here[0], why.offset if why.offset >= 0 else self.here[1]
        where = f"{module.path}:{module.position(offset).line}"
        message = why.message if where in why.message else f"{where}: {why.message}"
        return Unfit(why.code, message, use.span.start)

    # --- growing --------------------------------------------------------------------------------------------------

    def open(self, use: Use) -> None:
        call = use.call
        key = (use.module.path, call.index) if call is not None else ("", 0)
        if call is None or key in self.web.openings:
            return
        self.here = use.module, use.span.start
        if use.trouble or use.via:
            raise Unfit(
                "SQL105" if use.via else "SQL101", "`sqlite3.connect` may be something else here", use.span.start
            )
        function = use.module.enclosing(call.scope, "function", "class", "module")
        if function is None or function.kind != "function":
            message = "the connection is opened when the module is imported; open it in a function"
            raise Unfit("SQL111", message, use.span.start)
        self.web.openings[key] = use
        self.calls[key] = _CONNECTION
        if key not in self.kept and self._lives_here(use, call, key):
            return
        self.web.awaited[key] = Step(call, "open-kept", tuple(arguments_of(call)))
        self.web.releases += use.releases
        if where := hidden(call):
            self.hazard("SQL010", f"the arguments of `connect` may hold a `factory` ({where})")
        self.take(Value(call.module, call.scope, call.span, ["c", call.index], call.use), _CONNECTION)

    def _lives_here(self, use: Use, call: Call, key: tuple[str, int]) -> bool:
        """Tell whether a connection may be closed where its function is done with it, and follow it there."""
        lent: list[tuple[Value, str]] = []

        def lend(module: Module, scope: int, span: Span, shape: list[Any], use: list[Any], kind: str) -> None:
            lent.append((Value(module, scope, span, shape, use), kind))

        try:
            life = follow(self.weaver.openings, self.weaver.openings.life(use, call), lend)
        except Unfit:
            return False
        if life.targets:
            return False
        self.claimed |= {Variable(use.module.path, call.scope, each) for each in life.variables}
        self.web.lives.append(life)
        holder, self.holder = self.holder, key
        for value, kind in lent:
            self.take(value, kind)
        self.holder = holder
        return True

    def escaping(self) -> frozenset[tuple[str, int]]:
        """Return the openings whose connections are only lent, but to something that keeps them, or runs on."""
        found: set[tuple[str, int]] = set()
        for life in self.web.lives:
            key = life.module.path, life.steps[0].call.index
            reached = set(self.onward.get(key, ()))
            pending = list(reached)
            while pending:
                for each in self.onward.get(pending.pop(), set()) - reached:
                    reached.add(each)
                    pending.append(each)
            lasting = any(not isinstance(each, Variable) or each.scope == 0 for each in reached)
            if lasting or self.running & {key, *reached}:
                found.add(key)
        return frozenset(found)

    def add(self, place: Place | None, kind: str, value: Value) -> None:
        """Note that a place holds a connection or a cursor."""
        if place is None:
            raise Unfit("SQL111", f"{_WHAT[kind]} is stored where it cannot be followed", value.span.start)
        if self.holder is not None:
            self.onward.setdefault(self.holder, set()).add(place)
        self.web.put.setdefault(place, f"{value.module.path}:{value.line}")
        known = self.web.places.get(place)
        if known is None:
            self.web.places[place] = _EITHER if place in self.mixed else kind
            self.pending.append(place)
        elif known not in {kind, _EITHER}:
            # What was found of it so far holds for one of them.
            raise _MixedError(place)

    def check(self, source: Source, kind: str) -> None:
        """Look at what else is put into a place.

        Raises:
            Unfit: it may be something else.
        """
        self.here = source.module, source.offset
        shape = source.shape
        value = Value(source.module, source.scope, Span(source.offset, source.offset), shape or ["x", ""], ["expr"])
        match shape:
            case ["k", "NoneType", *_]:
                return
            case ["?", alternatives] | ["b", alternatives]:
                for each in alternatives:
                    self.check(Source(source.module, source.scope, each, source.offset), kind)
                return
            case ["c", int() as index]:
                self._check_call(source, source.module.call(index), kind)
                return
            case ["n", str() as name] if name != "self":
                place = self.where.variable(source.module, source.scope, name)
                self.claim(place)
                if place in self.claimed:
                    return
                if place is not None:
                    self.add(place, kind, value)
                    return
            case ["a", base, str() as name]:
                found = self.where.attribute(source.module, source.scope, base, name)
                if found is not None:
                    self.add(found, kind, value)
                    return
            case _:
                pass
        raise Unfit("SQL119", f"{_WHAT[kind]} may be something else here; give that a name of its own", source.offset)

    def claim(self, place: Variable | None) -> None:
        """Follow the connections that are opened into a variable of another function, where they are only lent."""
        if place is None or place in self.claimed:
            return
        module = self.program.module(place.path)
        for each in module.bindings(place.scope, place.name):
            shape = each.payload if each.kind in {"assign", "with"} else None
            if shape is not None and shape[0] == "c":
                call = module.call(shape[1])
                closing = self.weaver.openings.closing(module, call.index)
                if closing is not None and call.arguments and call.arguments[0].shape[0] == "c":
                    call = module.call(call.arguments[0].shape[1])
                use = self.weaver.uses.get((module.path, call.index))
                if use is not None:
                    self.open(use)

    def _check_call(self, source: Source, call: Call, kind: str) -> None:
        key = call.module.path, call.index
        if self.calls.get(key) in ({_CONNECTION, _CURSOR, _EITHER} if kind == _EITHER else {kind}):
            return
        if key in self.weaver.uses and kind != _CURSOR:
            self.open(self.weaver.uses[key])
            return
        if self.weaver.openings.closing(call.module, call.index) is not None and source.entered:
            inner = call.arguments[0].shape if len(call.arguments) == 1 else None
            self.check(Source(source.module, call.scope, inner, source.offset), kind)
            return
        if call.module.dotted(call.scope, call.function) in _MOCKS and not call.arguments:
            self.mocked(call)
            return
        receiver: Any = call.function[1] if call.function[0] == "a" else None
        if kind != _CONNECTION and receiver is not None and call.tail in table.CURSORS:
            # A cursor is made by a connection, or returned by the cursor itself.
            if self._kind_of(call.module, call.scope, receiver) is None:
                self.check(Source(call.module, call.scope, receiver, source.offset), _CONNECTION)
            return
        reached = self.weaver.receivers.reached(call)
        functions = [each for each in reached.functions if each.kind == "function"]
        if not functions or len(functions) != len(reached.functions):
            message = f"{_WHAT[kind]} may be what `{call.tail}` gives here; give that a name of its own"
            raise Unfit("SQL119", message, call.span.start)
        value = Value(call.module, call.scope, call.span, ["c", call.index], ["expr"])
        for each in functions:
            for place in self.where.all_handed_out(each):
                if isinstance(place, Yielded) != source.entered:
                    raise Unfit("SQL119", f"{_WHAT[kind]} may be something else here", call.span.start)
                self.add(place, kind, value)

    def mocked(self, call: Call) -> None:
        """Let a test hand over a mock whose methods can be awaited."""
        module, bare = call.module, call.function[0] == "n"
        callee = "AsyncMock" if bare else f"{_dotted_text(call.function[1])}.AsyncMock"
        if bare:
            taken = trouble_with_name(module, call.scope)
            if taken:
                raise Unfit("SQL106", taken, call.span.start)
            self.web.imports.append(ImportRequest(module.path, "unittest.mock", "AsyncMock"))
            root = Span(call.span.start, call.span.start + len(call.tail))
            self.web.releases.append((module.path, root))
        self._mark(module, call.span, "replace-call", ("callee", callee), ("await", "no"))

    def _kind_of(self, module: Module, scope: int, shape: list[Any]) -> str | None:
        """Return whether a value is known to be a connection or a cursor."""
        match shape:
            case ["c", int() as index]:
                return self.calls.get((module.path, index))
            case ["n", str() as name]:
                place: Place | None = self.where.variable(module, scope, name)
            case ["a", base, str() as name]:
                place = self.where.attribute(module, scope, base, name)
            case _:
                place = None
        return self.web.places.get(place) if place is not None else None

    # --- uses -----------------------------------------------------------------------------------------------------

    def take(self, value: Value, kind: str) -> None:
        """Follow a value to what happens to it.

        Raises:
            Unfit: something that has no counterpart.
        """
        self.here = value.module, value.span.start
        if value.shape[0] == "c":
            self.calls.setdefault((value.module.path, value.shape[1]), kind)
        match value.use:
            case ["multi", uses]:
                for each in uses:
                    self.take(Value(value.module, value.scope, value.span, value.shape, each), kind)
            case ["cond"] | ["expr"] | ["fmt"] | ["cmp", "Is" | "IsNot", *_]:
                pass  # nothing is done with it
            case ["asg", int() as scope, str() as name]:
                self.add(self.where.variable(value.module, scope, name), kind, value)
            case ["asgattr", base, str() as name]:
                self.add(self.where.attribute(value.module, value.scope, base, name), kind, value)
            case ["ret" | "yield", int() as number]:
                self.handed(value, value.module.scope(number), kind)
            case ["arg", int() as index, position] if not self._is_known_taker(value, index, position, kind):
                call = value.module.call(index)
                for each in self.where.parameters(call, position):
                    self.add(each, kind, value)
                    if self.holder is not None and keeping.runs_on(self.program, call, each):
                        self.running.add(self.holder)
            case ["arg", *_]:
                pass
            case _ if kind == _CONNECTION:
                self.connection(value)
            case _ if kind == _CURSOR:
                self.cursor(value)
            case _:
                self.either(value)

    def handed(self, value: Value, function: Scope, kind: str) -> None:
        if function.kind != "function":
            raise Unfit("SQL113", f"{_WHAT[kind]} is what a lambda gives; write a function", value.span.start)
        for place in self.where.all_handed_out(function):
            self.add(place, kind, value)

    def _is_known_taker(self, value: Value, index: int, position: object, kind: str) -> bool:
        """Tell whether a call that takes a value is one that is known, and note what becomes of it."""
        call = value.module.call(index)
        dotted = call.module.dotted(call.scope, call.function)
        if dotted in _LOOKING:
            return True
        exact = bool(call.arguments) and call.arguments[0].shape == value.shape
        if self.weaver.openings.closing(call.module, index) is not None and position == 0:
            if not (exact and call.use[0] == "with" and len(call.arguments) == 1) or call.commented:
                raise escaped(value.use, _WHAT[kind], value.span.start)
            self.closing(value, call, kind)
            return True
        if kind == _CONNECTION and call.tail == "backup" and position in {0, "target"}:
            receiver: Any = call.function[1] if call.function[0] == "a" else None
            if receiver is None or self._kind_of(call.module, call.scope, receiver) != _CONNECTION:
                raise Unfit("SQL112", "it is handed to `backup` of another connection", value.span.start)
            return True
        return kind == _CURSOR and self.is_row_taker(value, call, position, exact=exact)

    def closing(self, value: Value, call: Call, kind: str) -> None:
        """Note a `with` that closes what it enters."""
        self._check_header(call)
        guard = blocks.entered(call.module, call)
        if guard is None or blocks.names_with(call.module, guard):
            raise escaped(value.use, _WHAT[kind], value.span.start)
        closing = self.weaver.openings.closing(call.module, call.index)
        if closing is not None:
            self.web.releases += closing.releases
        self.web.closings[call.module.path] = call.module
        several = len(blocks.beside(call.module, guard)) > 1
        callee = ("callee", "_connections.closing")
        self._mark(call.module, call.span, "close-at-end", callee, end=guard.end if several else -1, scope=call.scope)
        if call.use[1]:
            self.add(self.where.variable(call.module, call.scope, call.use[1]), kind, value)

    def _check_header(self, call: Call) -> None:
        guard = blocks.entered(call.module, call)
        others = blocks.beside(call.module, guard) if guard is not None else []
        first = call.module.position(others[0].start).line if others else 0
        if len(others) > 1 and any(call.module.position(each.inner).line != first for each in others):
            raise Unfit("SQL118", "the header of the `with` has several lines; write one for each", call.span.start)

    # --- either of them ---------------------------------------------------------------------------------------------

    def either(self, value: Value) -> None:
        """Follow one use of what is a connection at one time and a cursor at another, where both can do it."""
        match value.use:
            case ["meth", str() as method, int() as index] if method in table.EXECUTING | table.CURSOR_METHODS:
                call = value.module.call(index)
                self.check_exact(value, call)
                self.check_arguments(method, call)
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
            case ["attr", str() as attribute, _] if attribute in table.CURSORS | table.CONNECTION_METHODS:
                raise Unfit("SQL112", f"the method `{attribute}` is passed on here; call it here", value.span.start)
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
                raise escaped(value.use, _WHAT[_CONNECTION], value.span.start)

    def check_exact(self, value: Value, call: Call) -> None:
        """Refuse what is one of several values: `(self.db if self.db else other).execute(sql)`."""
        if call.function[0] != "a" or call.function[1] != value.shape:
            raise Unfit("SQL114", "it is one of several values here; write them apart", value.span.start)

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
        others = blocks.beside(module, guard)
        first = module.position(guard.start).line
        if len(others) > 1 and any(module.position(each.inner).line != first for each in others):
            raise Unfit("SQL118", "the header of the `with` has several lines; write one for each", guard.start)
        self.web.transactions[module.path] = module
        if value.shape[0] == "c":
            number = next(at for at, each in enumerate(others) if each.payload == value.shape)
            self._mark(
                module, Span(guard.start, guard.end), "enter-transaction", ("item", str(number)), scope=value.scope
            )
        else:
            # What is entered beside it may get a block of its own; where nothing is written the block goes away.
            variable = ("variable", str(value.shape[-1]))
            self._mark(module, value.span, "transaction", variable, end=guard.end, scope=value.scope)
        if name:
            self.add(self.where.variable(module, value.scope, name), _CONNECTION, value)

    def connection_method(self, method: str, call: Call) -> None:
        if method in table.CURSORS:
            self.check_arguments(method, call)
            self.cursor_call(call, fresh=True)
        elif method in table.CONNECTION_METHODS:
            self.check_arguments(method, call)
            if method in table.CALLBACKS:
                self.callback(call.module, call.span, f"`{method}`")
            self.step(call, "await-call")
        elif method == "iterdump":
            self.dump(call)
        elif method == "backup":
            self.check_arguments("backup", call)
            target = call.argument(0, "target")
            known = target is not None and self._kind_of(call.module, call.scope, target.shape) == _CONNECTION
            if not known or any(each.keyword is None for each in call.arguments[1:]):
                raise Unfit("SQL112", "`backup` copies to a connection that is not converted with it", call.span.start)
            self.step(call, "await-call")
            self.web.statements.append(Statement(call, reads=False))
        else:
            raise Unfit("SQL120", f"aiosqlite's connections have no usable `{method}`", call.span.start)

    def check_arguments(self, method: str, call: Call) -> None:
        """Refuse arguments that aiosqlite's method does not take."""
        for each in call.arguments:
            if each.keyword not in {None, "*"} and each.keyword not in table.KEYWORDS.get(method, ()):
                message = f"`{method}` does not take `{each.keyword}=` in aiosqlite; pass it by position"
                raise Unfit("SQL123", message, each.span.start)
        if method == "cursor" and call.arguments:
            raise Unfit("SQL123", "`cursor` takes no class in aiosqlite", call.span.start)

    def dump(self, call: Call) -> None:
        if call.arguments:
            raise Unfit("SQL123", "`iterdump` takes no arguments in aiosqlite", call.span.start)
        match call.use:
            case ["iter"] if not blocks.is_comprehended(call.module, call.scope, call.span):
                self.step(call, "async-for")
            case ["arg", int() as index, 0]:
                taker = call.module.call(index)
                joins = taker.function[0] == "a" and taker.function[2] == "join" and taker.function[1][0] == "k"
                if not joins and taker.module.dotted(taker.scope, taker.function) not in table.EAGER:
                    raise escaped(call.use, "the dump", call.span.start)
                self.step(call, "dump")
            case _:
                raise Unfit("SQL122", "the lines of the dump are taken in another way than by a loop", call.span.start)

    # --- cursors --------------------------------------------------------------------------------------------------

    def cursor_call(self, call: Call, *, fresh: bool) -> None:
        """Follow the cursor that `call` returns; a `fresh` one belongs to nobody else."""
        self.calls[call.module.path, call.index] = _CURSOR
        if fresh:
            self.leave(call)
        value = Value(call.module, call.scope, call.span, ["c", call.index], call.use)
        comprehended = blocks.is_comprehended(call.module, call.scope, call.span)
        match call.use:
            case ["iter"] if not comprehended:
                body = self.body(value)
                self.web.loops.append((call.module, body))
                if fresh:
                    name = blocks.fresh_name(call.module, call.scope)
                    self.step(call, "iterate", (("name", name), ("await", "no")))
                else:
                    self.step(call, "async-for-awaited")
            case ["iter"] | ["star"] | ["unpack"] | ["cmp", "In" | "NotIn", *_]:
                self.check_generator(value)
                self.hasty(value)
                self.step(call, "fetchall")
            case ["arg", int() as index, position] if action := self.rows_action(value, index, position):
                self.step(call, action)
            case _:
                self.step(call, "await-call")
                self.take(value, _CURSOR)

    def rows_action(self, value: Value, index: int, position: object) -> str:
        """Return what is done at a call of `execute` whose rows are taken at once; empty where they are not."""
        taker = value.module.call(index)
        dotted = taker.module.dotted(taker.scope, taker.function)
        if self.weaver.openings.closing(taker.module, index) is not None:
            return ""
        exact = bool(taker.arguments) and taker.arguments[0].shape == value.shape
        if dotted in {"builtins.list", "builtins.next"}:
            return "await-call" if self.is_row_taker(value, taker, position, exact=exact) else ""
        if dotted in table.EAGER | table.LAZY:
            self.check_generator(value)
            if dotted in table.LAZY:
                self.hasty(value)
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
        if dotted in table.EAGER | table.LAZY and value.shape[0] in {"n", "a"}:
            self.check_generator(value)
            if dotted not in table.WHOLE:
                message = f"`{taker.tail}` may leave rows in the cursor for later; use `fetchall` before it"
                raise Unfit("SQL122", message, value.span.start)
            self._mark(value.module, value.span, "fetchall", ("variable", str(value.shape[-1])), scope=value.scope)
            return True
        return False

    def cursor(self, value: Value) -> None:
        """Follow one use of a cursor."""
        module = value.module
        named = value.shape[0] in {"n", "a"}
        match value.use:
            case ["meth", str() as method, int() as index]:
                call = module.call(index)
                self.check_exact(value, call)
                self.check_arguments(method, call)
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
                    self._mark(module, value.span, "async-for", ("variable", str(value.shape[-1])), scope=value.scope)
                else:
                    self._mark(module, self.loop(value), "async-for", scope=value.scope)
            case ["iter"] | ["star"] | ["unpack"] if named:
                self.check_generator(value)
                self.hasty(value)
                self._mark(module, value.span, "fetchall", ("variable", str(value.shape[-1])), scope=value.scope)
            case _:
                raise escaped(value.use, _WHAT[_CURSOR], value.span.start)

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
        scope = value.module.scope(value.scope)
        while scope.kind == "comp":
            if scope.name == "<GeneratorExp>":
                raise Unfit("SQL122", "a generator expression cannot await here; write a loop", value.span.start)
            scope = value.module.scope(scope.parent)

    def hasty(self, value: Value) -> None:
        """Note rows that are all read at first: a generator expression over them reads one by one."""
        around = [
            each
            for each in value.module.scopes()
            if each.kind == "comp" and each.span.start <= value.span.start and value.span.end <= each.span.end
        ]
        inner = min(around, key=lambda each: each.span.end - each.span.start, default=None)
        if inner is not None and inner.name == "<GeneratorExp>":
            if value.shape[0] != "c":
                message = "a generator expression may leave rows in the cursor for later; use `fetchall`"
                raise Unfit("SQL122", message, value.span.start)
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

    # --- what is common -------------------------------------------------------------------------------------------

    def step(self, call: Call, action: str, data: Data = ()) -> None:
        """Note a call that is awaited, and the statement that it runs."""
        if call.tail in table.EXECUTING and call.function[0] == "a":
            self.web.statements.append(Statement(call, statements.reads_only(call)))
            if call.tail == "executemany":
                data = (*data, *self.many(call))
        self.web.awaited[call.module.path, call.index] = Step(call, action, data)

    def many(self, call: Call) -> Data:
        """Return how the rows of an `executemany` are made: not in another thread."""
        made = statements.rows_of_many(call, lambda index: self.calls.get((call.module.path, index)) == _CURSOR)
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
            raise Unfit("SQL121", f"`{name}` cannot be set here; give it to `connect`", value.span.start)
        dotted = module.dotted(value.scope, shape) if shape is not None else None
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
        self._mark(value.module, value.span, "drop", ("variable", str(value.shape[-1])))

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
        given = any(each.keyword == "isolation_level" for each in call.arguments) or len(call.arguments) > 3  # noqa: PLR2004 - it may be given by position
        between = any(call.span.end < each.span.start < value.span.start for each in module.calls())
        return None if given or between else key

    def callback(self, module: Module, span: Span, what: str) -> None:
        """Note that something is called in another thread."""
        place = f"{module.path}:{module.position(span.start).line}"
        self.hazard("SQL004", f"{what} is called in the thread of the connection ({place})")

    def hazard(self, code: str, message: str) -> None:
        """Note a hazard."""
        found = Hazard(code, message)
        if found not in self.web.hazards:
            self.web.hazards.append(found)

    def _mark(
        self, module: Module, span: Span, action: str, *data: tuple[str, str], end: int = -1, scope: int = -1
    ) -> None:
        if module.path not in self.program.targets:
            raise Unfit("SQL119", f"{module.path} uses it, and is not among the files to be rewritten", span.start)
        mark = module, Mark(span, action, data, end=end, scope=scope)
        if mark not in self.web.marks:
            self.web.marks.append(mark)

    def check_closes(self) -> None:
        """Refuse a use of what was surely closed before, and note where the exception of such a use is caught."""
        closes = [each.call for each in self.web.awaited.values() if each.call.tail == "close"]
        for close in closes:
            module, shape = close.module, close.function[1]
            block = blocks.around_close(module, close.span.start)
            for each in self.web.awaited.values():
                call = each.call
                same = call.module is module and call.scope == close.scope and call.function[0] == "a"
                later = same and call.function[1] == shape and close.span.end < call.span.start < block.end
                if later and call.tail != "close" and not self._bound_between(module, close, call):
                    lines = module.position(call.span.start).line, module.position(close.span.start).line
                    message = f"it is used in line {lines[0]}, after it was closed in line {lines[1]}"
                    self.here = module, close.span.start
                    raise self.placed(Unfit("SQL115", message, close.span.start), self.web.use)
        caught = next(self._caught(), None) if closes else None
        if caught is not None:
            where = f"{caught.module.path}:{caught.module.position(caught.span.start).line}"
            message = (
                f"what is used after it was closed raises ValueError, and an error of sqlite3 is caught at {where}"
            )
            self.hazard("SQL011", message)

    def _caught(self) -> Iterator[Read]:
        """Yield where the program names the exceptions that a closed connection of sqlite3 raises."""
        for name in ("ProgrammingError", "DatabaseError", "Error"):
            for module in self.program.modules_with("attribute_reads", name):
                for base, use, scope, start, end in module.facts["attribute_reads"][name]:
                    if module.dotted(scope, base) == "sqlite3":
                        yield Read(module, scope, Span(start, end), use)
            for module in self.program.modules_with("reads", name):
                for read in module.reads_of(name):
                    if module.dotted(read.scope, ["n", name]) == f"sqlite3.{name}":
                        yield read

    def _bound_between(self, module: Module, close: Call, call: Call) -> bool:
        """Tell whether the variable or attribute gets something new between two calls."""
        shape = close.function[1]
        if shape[0] == "n":
            starts = [each.start for each in module.bindings(close.scope, shape[1])]
        else:
            entries = module.facts["attribute_stores"].get(shape[2], ()) if shape[0] == "a" else ()
            starts = [each[3] for each in entries if each[0] == shape[1]]
        # A method in between may open it again.
        between = any(close.span.end < each.span.start < call.span.start for each in module.calls())
        return between or any(close.span.end < each < call.span.start for each in starts)

    def settle_loops(self) -> None:
        """Let rows be read one by one where a loop may write what it has still to read."""
        if self.web.stepwise or any(self._may_write(module, body) for module, body in self.web.loops):
            for key in self.web.openings:
                if key in self.web.awaited:
                    step = self.web.awaited[key]
                    self.web.awaited[key] = Step(step.call, step.action, (*step.data, ("chunk", "1")))
            for life in self.web.lives:
                step = life.steps[0]
                if ("chunk", "1") not in step.data:
                    life.steps[0] = Step(step.call, step.action, (*step.data, ("chunk", "1")))

    def _may_write(self, module: Module, body: Span) -> bool:
        own = {key for key in self.web.awaited if key[0] == module.path}
        if any(scope.is_generator and blocks.contains(scope.span, body.start) for scope in module.scopes()):
            return True  # whoever takes the rows may write before the next one
        for call in module.calls():
            if not blocks.contains(body, call.span.start):
                continue
            if (module.path, call.index) in own:
                return True
            if self.program.definitions(call.tail, want=False):
                return True  # by its name alone: row by row is always right
        return False


def _dotted_text(shape: list[Any]) -> str:
    return f"{_dotted_text(shape[1])}.{shape[2]}" if shape[0] == "a" else str(shape[1])


def trouble_with_name(module: Module, scope: int) -> str:
    """Return why `AsyncMock` is not that of `unittest.mock`, an empty string where it is, or is not bound."""
    found = module.lookup(scope, "AsyncMock")
    if found is None or module.dotted(scope, ["n", "AsyncMock"]) == "unittest.mock.AsyncMock":
        return ""
    return "`AsyncMock` is bound to something of its own"
