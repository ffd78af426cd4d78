"""Follow connections that are kept or handed over: through attributes, arguments and returns, to every use of them.

All openings whose connections meet at some place convert together, with all that is done with them, or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from hasten.api import Call, ImportRequest, Module, Program, Scope, Span, Use, receivers_of
from hasten_codemods.sqlite3_to_aiosqlite import annotated, blocks, dataclass_fields, items, keeping, table
from hasten_codemods.sqlite3_to_aiosqlite.casts import cast_value, is_cast
from hasten_codemods.sqlite3_to_aiosqlite.lifetimes import follow
from hasten_codemods.sqlite3_to_aiosqlite.lives import Step, Unfit
from hasten_codemods.sqlite3_to_aiosqlite.openings import Openings, arguments_of, escaped, hidden
from hasten_codemods.sqlite3_to_aiosqlite.others import another
from hasten_codemods.sqlite3_to_aiosqlite.places import (
    Place,
    Places,
    Returned,
    Source,
    Value,
    Variable,
    Yielded,
)
from hasten_codemods.sqlite3_to_aiosqlite.unions import CLASSES, KNOWN, MOCKS, Unions
from hasten_codemods.sqlite3_to_aiosqlite.web_ends import Ends
from hasten_codemods.sqlite3_to_aiosqlite.webs import CONNECTION, CURSOR, EITHER, WHAT, Web

#: Functions that look at an object, and do nothing with it.
_ASKING = frozenset({"builtins.isinstance", "builtins.hasattr"})
_LOOKING = frozenset(f"builtins.{each}" for each in ("bool", "id", "print", "repr", "str"))


class Weaver:
    """Finds the webs of one program."""

    def __init__(
        self, program: Program, openings: Openings, uses: list[Use], refused: Mapping[tuple[str, int], Unfit]
    ) -> None:
        """Take the program, the uses of `sqlite3.connect`, and which stay for what is wrong where they stand."""
        self.program = program
        self.refused = refused
        self.openings = openings
        self.receivers = receivers_of(program)
        self.places = Places(program, self.receivers)
        self.uses = {(each.module.path, each.call.index): each for each in uses if each.call is not None}
        self.unions = Unions(program, self.receivers, self.places, self.uses)

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


class _Weaving(Ends):
    def __init__(self, weaver: Weaver, web: Web, kept: frozenset[tuple[str, int]], mixed: frozenset[Place]) -> None:
        super().__init__(weaver.program, web)
        self.weaver = weaver
        self.openings = weaver.openings
        self.where = weaver.places
        self.mixed = mixed
        # Openings whose connections leave their function for good.
        self.kept = kept
        self.claimed: set[Place] = set()
        # Where a place hands on what it holds, and so do connections that are only lent.
        self.onward: dict[Place | tuple[str, int], set[Place]] = {}
        self.holder: Place | tuple[str, int] | None = None
        # What hands them to something that may go on when the statement is over.
        self.running: set[Place | tuple[str, int]] = set()
        self.pending: list[Place] = []
        # Something is put into a place that is not a connection or cursor, or may not be one.
        self.foreign = False

    def all(self, use: Use) -> Web:
        # What cannot be is kept for the end: it may turn out that a place holds either, which is looked at anew. And
        # all that is found tells what else would stop these connections.
        wrong: list[Unfit] = []
        try:
            self._grow(wrong, use)
        except _MixedError:
            if not self.foreign:
                raise
        if wrong:
            found = [*self.web.awaited.values(), *(step for life in self.web.lives for step in life.steps)]
            wrong[0].calls = tuple({(each.call.module.path, each.call.index): each.call for each in found}.values())
            raise wrong[0]
        self.check_closes()
        for path, line, name in sorted(self.where.guessed):
            self.hazard("ASY001", f"`{name}` of something unknown is taken for the one that is kept ({path}:{line})")
        self.web.running = bool(self.running)
        self.web.kept = keeping.kept(self.program, self.web)
        if self.web.kept and not self.web.is_closed:
            self.hazard("SQL012", f"nothing closes `{self.web.name}` ({use.place})")
        self.settle_loops()
        for module, mark, root in annotated.of(self.program, self.web.places):
            self.web.marks.append((module, mark))
            self.web.releases.append((module.path, root))
        self.web.marks += annotated.first_set(self.program, self.web, self.where.sources)
        self.web.handed = keeping.handed(self.program, self.web, self.onward)
        return self.web

    def _grow(self, wrong: list[Unfit], use: Use) -> None:
        """Follow an opening, and all that comes of it, to the end."""
        if self._note(wrong, use, lambda: self.open(use)):
            self.foreign = True
        while self.pending:
            place = self.pending.pop()
            if self._note(wrong, use, partial(self._fill, place, wrong, use)):
                self.foreign = True
            self._note(wrong, use, partial(self._meet, place))
            self.holder = place
            self._note(wrong, use, partial(self._follow, place, wrong, use))

    def _fill(self, place: Place, wrong: list[Unfit], use: Use) -> None:
        """Look at all that is put into a place."""
        for source in list(self.where.sources(place)):
            self.holder = None
            if self._note(wrong, use, partial(self.check, source, self.web.places[place], place)):
                self.foreign = True

    def _meet(self, place: Place) -> None:
        """Follow what calls of values give instead of what a place holds."""
        self.holder = None
        for other in self.where.beside(place):
            function = self.program.module(other.path).scope(other.function)
            at = Value(function.module, function.parent, function.span, ["x", ""], ["expr"])
            self.add(other, self.web.places[place], at)

    def _follow(self, place: Place, wrong: list[Unfit], use: Use) -> None:
        """Follow all that reads a place."""
        # Where it cannot be told what reads the place, what is known of that so far still tells something.
        for value in self.where.values(place):
            if not self.weaver.unions.is_none_of(place, value, self.web.places[place]):
                self._note(wrong, use, partial(self.take, value, self.web.places[place]))

    def _note(self, wrong: list[Unfit], use: Use, look: Callable[[], None]) -> bool:
        """Look at something, and go on where it cannot be; return whether it cannot."""
        try:
            look()
        except Unfit as why:
            wrong.append(self.placed(why, use))
            return True
        return False

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
        if key in self.weaver.refused:
            # What it shares a place with stays, too.
            raise self.weaver.refused[key]
        if use.other and not use.either:
            raise another(use)
        if (use.trouble or use.instead) and not use.either:
            why = f"`sqlite3.connect` may be something else here: {use.instead or use.trouble}"
            raise Unfit("SQL105" if use.via else "SQL101", why, use.span.start)
        function = use.module.enclosing(call.scope, "function", "class", "module")
        if function is None or function.kind != "function":
            if use.module.enclosing(call.scope, "lambda", "class", "module") != function:
                raise Unfit("SQL113", "the connection is opened in a lambda; write a function", use.span.start)
            message = "the connection is opened when the module is imported; open it in a function"
            raise Unfit("SQL111", message, use.span.start)
        self.web.openings[key] = use
        self.calls[key] = CONNECTION
        if key not in self.kept and self._lives_here(use, call, key):
            return
        self.web.awaited[key] = Step(call, "open-kept", tuple(arguments_of(call)))
        self.web.releases += use.releases
        if where := hidden(call):
            self.hazard("SQL010", f"the arguments of `connect` may hold a `factory` ({where})")
        self.take(Value(call.module, call.scope, call.span, ["c", call.index], call.use), CONNECTION)

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
            raise Unfit("SQL111", f"{WHAT[kind]} is stored where it cannot be followed", value.span.start)
        if self.holder is not None:
            self.onward.setdefault(self.holder, set()).add(place)
        self.web.put.setdefault(place, f"{value.module.path}:{value.line}")
        known = self.web.places.get(place)
        if known is None:
            self.web.places[place] = EITHER if place in self.mixed else kind
            self.pending.append(place)
        elif known not in {kind, EITHER}:
            # What was found of it so far holds for one of them.
            raise _MixedError(place)

    def check(self, source: Source, kind: str, place: Place | None = None) -> None:
        """Look at what else is put into a place.

        Raises:
            Unfit: it may be something else, and the program does not tell the two apart.
        """
        self.here = source.module, source.offset
        unions = self.weaver.unions
        if place is not None and source.shape is not None:
            mixed, whole = unions.mixed(place, source, kind)
            if mixed:
                message = (
                    f"{WHAT[kind]} may be {mixed}, where it is used; ask what it is before, or give that another name"
                )
                raise Unfit("SQL119", message, source.offset)
            if whole and unions.is_nothing_else(place, source):
                return
            if not whole and unions.is_guarded(place, source, kind):
                where = f"{source.module.path}:{source.module.position(source.offset).line}"
                self.hazard("SQL013", f"a connection of `sqlite3` that comes in at {where} is taken for none")
                return
        self._check(source, kind)

    def _check(self, source: Source, kind: str) -> None:
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
            case ["w", ["c", int() as index]] if self._is_of_coroutines(source.module.call(index)):
                self._check_call(source, source.module.call(index), kind)
                return
            case [items.ITEM, int() as index, int() as number]:
                for function in self._given_by(source.module.call(index), kind):
                    for part in self.where.all_parts(function, [number]):
                        self.add(part, kind, value)
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
                found = self.where.attribute(source.module, source.scope, base, name, source.offset)
                if isinstance(found, Returned):
                    getter = self.program.module(found.path).scope(found.function)
                    for each in self.where.all_handed_out(getter):
                        self.add(each, kind, value)
                    return
                if found is not None:
                    self.add(found, kind, value)
                    return
            case _:
                pass
        raise Unfit("SQL119", f"{WHAT[kind]} may be something else here; give that a name of its own", source.offset)

    def _is_of_coroutines(self, call: Call) -> bool:
        """Tell whether a call that is awaited runs coroutine functions of the program, and nothing else."""
        reached = self.weaver.receivers.reached(call)
        return bool(reached.functions) and all(each.kind == "function" and each.is_async for each in reached.functions)

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
        if self.calls.get(key) in ({CONNECTION, CURSOR, EITHER} if kind == EITHER else {kind}):
            return
        if key in self.weaver.uses and kind != CURSOR:
            self.open(self.weaver.uses[key])
            return
        if self.weaver.openings.closing(call.module, call.index) is not None and source.entered:
            inner = call.arguments[0].shape if len(call.arguments) == 1 else None
            self.check(Source(source.module, call.scope, inner, source.offset), kind)
            return
        field = dataclass_fields.field_call(call.module, ["c", call.index])
        if field is not None:
            # What is in the attribute where no argument fills it.
            default = field.argument(len(field.arguments), "default")
            if default is not None or field.argument(len(field.arguments), "default_factory") is None:
                shape = default.shape if default is not None else ["k", "NoneType", "None"]
                self.check(Source(call.module, call.scope, shape, source.offset), kind)
                return
        cast = cast_value(call)
        if cast is not None:
            self.check(Source(source.module, call.scope, cast.shape, source.offset), kind)
            return
        named = self.where.named(call)
        if named is not None:
            # getattr(local, "db", None)
            self.add(named, kind, Value(call.module, call.scope, call.span, ["c", call.index], ["expr"]))
            return
        if call.module.dotted(call.scope, call.function) in MOCKS and not call.arguments:
            self.mocked(call)
            return
        receiver: Any = call.function[1] if call.function[0] == "a" else None
        reached = self.weaver.receivers.reached(call)
        if kind != CONNECTION and receiver is not None and call.tail in table.CURSORS and not reached.functions:
            # A cursor is made by a connection, or returned by the cursor itself.
            if self.kind_of(call.module, call.scope, receiver) is None:
                self.check(Source(call.module, call.scope, receiver, source.offset), CONNECTION)
            return
        value = Value(call.module, call.scope, call.span, ["c", call.index], ["expr"])
        for each in self._given_by(call, kind):
            for place in self.where.all_handed_out(each):
                if isinstance(place, Yielded) != source.entered:
                    raise Unfit("SQL119", f"{WHAT[kind]} may be something else here", call.span.start)
                self.add(place, kind, value)

    def _given_by(self, call: Call, kind: str) -> list[Scope]:
        """Return the functions whose value a call gives.

        Raises:
            Unfit: nobody can tell, or it is something else.
        """
        reached = self.weaver.receivers.reached(call)
        functions = [each for each in reached.functions if each.kind == "function"]
        if not functions or len(functions) != len(reached.functions):
            message = f"{WHAT[kind]} may be what `{call.tail}` gives here; give that a name of its own"
            raise Unfit("SQL119", message, call.span.start)
        return functions

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
        self.mark(module, call.span, "replace-call", ("callee", callee), ("await", "no"))

    # --- uses -----------------------------------------------------------------------------------------------------

    def take(self, value: Value, kind: str) -> None:
        """Follow a value to what happens to it.

        Raises:
            Unfit: something that has no counterpart.
        """
        self.here = value.module, value.span.start
        made = value.shape[1] if value.shape[0] == "w" else value.shape
        if made[0] == "c":
            self.calls.setdefault((value.module.path, made[1]), kind)
        match value.use:
            case ["multi", uses]:
                for each in uses:
                    self.take(replace(value, use=each), kind)
            case ["cond"] | ["expr"] | ["fmt"] | ["cmp", "Is" | "IsNot", *_] | ["cmp", "Eq" | "NotEq", ["k", *_], *_]:
                pass  # nothing is done with it
            case ["asg", int() as scope, str() as name]:
                self.add(self.where.variable(value.module, scope, name), kind, value)
            case ["asgattr", base, str() as name]:
                kept = self.where.attribute(value.module, value.scope, base, name, value.span.start)
                if kept is None or isinstance(kept, Returned):
                    text = _dotted_text(base) if base[0] in {"n", "a"} else "this"
                    message = f"{WHAT[kind]} is kept in `{text}.{name}`, and nobody can tell what `{text}` is"
                    if kept is not None:
                        message = f"{WHAT[kind]} is kept in `{text}.{name}`, which is a property in a related class"
                    raise Unfit("SQL111", message, value.span.start)
                self.add(kept, kind, value)
            case ["ret" | "yield", int() as number]:
                self.handed(value, value.module.scope(number), kind)
            case ["elem", "tuple", ["ret", int() as number]] if value.module.scope(number).kind == "function":
                function = value.module.scope(number)
                places = items.numbers(function, value.shape)
                if not places:
                    raise escaped(value.use, WHAT[kind], value.span.start)
                for part in self.where.all_parts(function, places):
                    self.add(part, kind, value)
            case ["arg", int() as index, position] if not self._is_known_taker(value, index, position, kind):
                call = value.module.call(index)
                for each in self.where.parameters(call, position):
                    self.add(each, kind, value)
                    if self.holder is None or not isinstance(each, Variable):
                        continue
                    if keeping.runs_on(self.program, call, each):
                        self.running.add(self.holder)
            case ["arg", *_]:
                pass
            case _ if kind == CONNECTION:
                self.connection(value)
            case _ if kind == CURSOR:
                self.cursor(value)
            case _:
                self.either(value)

    def handed(self, value: Value, function: Scope, kind: str) -> None:
        if function.kind != "function":
            raise Unfit("SQL113", f"{WHAT[kind]} is what a lambda gives; write a function", value.span.start)
        for place in self.where.all_handed_out(function):
            self.add(place, kind, value)

    def _is_known_taker(self, value: Value, index: int, position: object, kind: str) -> bool:
        """Tell whether a call that takes a value is one that is known, and note what becomes of it."""
        call = value.module.call(index)
        dotted = call.module.dotted(call.scope, call.function)
        if dotted in _LOOKING:
            return True
        if dotted in _ASKING and position == 0:
            self.asked(value, call, kind)
            return True
        if is_cast(call) and position in {1, "val"}:
            for mark, root in annotated.classes(self.program, call.module, call.arguments[0].span):
                self.mark(call.module, mark.span, mark.action, *mark.data)
                self.web.releases.append((call.module.path, root))
            self.take(Value(call.module, call.scope, call.span, ["c", index], call.use), kind)
            return True
        exact = bool(call.arguments) and call.arguments[0].shape == value.shape
        if self.weaver.openings.closing(call.module, index) is not None and position == 0:
            if not (exact and call.use[0] == "with" and len(call.arguments) == 1) or call.commented:
                raise escaped(value.use, WHAT[kind], value.span.start)
            self.closing(value, call, kind)
            return True
        if kind == CONNECTION and call.tail == "backup" and position in {0, "target"}:
            receiver: Any = call.function[1] if call.function[0] == "a" else None
            if receiver is None or self.kind_of(call.module, call.scope, receiver) != CONNECTION:
                raise Unfit("SQL112", "it is handed to `backup` of another connection", value.span.start)
            return True
        return kind == CURSOR and self.is_row_taker(value, call, position, exact=exact)

    def asked(self, value: Value, call: Call, kind: str) -> None:
        """Note `isinstance(source, sqlite3.Connection)`, which is to ask for the other class, and its like.

        Raises:
            Unfit: nobody can tell that the answer is the same.
        """
        second = call.argument(1)
        if call.tail == "hasattr" and second is not None and second.shape[:2] == ["k", "str"]:
            if second.shape[2] in KNOWN:
                return
        elif call.tail == "isinstance" and second is not None:
            classes = second.shape[1] if second.shape[0] == "t" else [second.shape]
            if all(
                self.weaver.unions.is_instance(each, value.module, value.scope, asked) is not None
                for asked in classes
                for each in CLASSES[kind]
            ):
                for mark, root in annotated.classes(self.program, value.module, second.span):
                    self.mark(value.module, mark.span, mark.action, *mark.data)
                    self.web.releases.append((value.module.path, root))
                return
        raise Unfit("SQL119", f"`{call.tail}` may answer otherwise of {WHAT[kind]} then", value.span.start)

    def closing(self, value: Value, call: Call, kind: str) -> None:
        """Note a `with` that closes what it enters."""
        guard = blocks.entered(call.module, call)
        if guard is None or blocks.names_with(call.module, guard):
            raise escaped(value.use, WHAT[kind], value.span.start)
        if blocks.is_spread(call.module, guard):
            raise Unfit("SQL118", "the header of the `with` has several lines; write one for each", call.span.start)
        closing = self.weaver.openings.closing(call.module, call.index)
        if closing is not None:
            self.web.releases += closing.releases
        self.web.closings[call.module.path] = call.module
        several = len(blocks.beside(call.module, guard)) > 1
        callee = ("callee", "_connections.closing")
        self.mark(call.module, call.span, "close-at-end", callee, end=guard.end if several else -1, scope=call.scope)
        if call.use[1]:
            self.add(self.where.variable(call.module, call.scope, call.use[1]), kind, value)


def _dotted_text(shape: list[Any]) -> str:
    return f"{_dotted_text(shape[1])}.{shape[2]}" if shape[0] == "a" else str(shape[1])


def trouble_with_name(module: Module, scope: int) -> str:
    """Return why `AsyncMock` is not that of `unittest.mock`, an empty string where it is, or is not bound."""
    found = module.lookup(scope, "AsyncMock")
    if found is None or module.dotted(scope, ["n", "AsyncMock"]) == "unittest.mock.AsyncMock":
        return ""
    return "`AsyncMock` is bound to something of its own"
