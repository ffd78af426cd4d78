"""Rows that a cursor without a name leaves behind.

    row = connection.execute("select n from t order by n").fetchone()
    record(row)

`sqlite3` lets go of the cursor with the end of the line, and of the lock of its rows. The thread of aiosqlite keeps
what it did last until it is given something else to do: the next statement on that connection, or its end. What runs
before that, and uses the same database otherwise, finds it locked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hasten.api import Call, Module, Program, Scope, Span
from hasten_codemods.sqlite3_to_aiosqlite import blocks, statements, table
from hasten_codemods.sqlite3_to_aiosqlite.lives import Life

#: Calls that use a database, or may, by the last name: where a function has one, it is not only about its arguments.
_TOUCHING = frozenset(
    {*table.EXECUTING, "commit", "connect", "backup", "Popen", "check_call", "check_output", "create_subprocess_exec"}
    | {"create_subprocess_shell", "to_thread", "run_in_executor"}
)
_TOUCHING_WHOLE = frozenset({"subprocess.run", "subprocess.call", "os.system", "os.popen", "asyncio.run"})
_COMMON = frozenset(name for each in (str, bytes, list, dict, set, tuple) for name in dir(each))
#: So many functions are looked through from one call.
_MOST = 200
#: Branches of one statement, of which only one runs.
_BRANCHES = frozenset({"if", "main", "else", "case"})


@dataclass(frozen=True, slots=True)
class Left:
    """A call after which a cursor without a name may have rows left."""

    call: Call
    statement: Call

    @property
    def is_unread(self) -> bool:
        """Tell whether no row is taken: the thread then keeps the cursor until the next statement has been run."""
        return self.call.index == self.statement.index

    def may_leave(self) -> bool:
        """Tell whether there may be rows left, as far as the text of the statement shows."""
        if self.is_unread:
            return statements.gives_rows(self.statement)
        taken = 1
        size = self.call.argument(0, "size") if self.call.tail == "fetchmany" else None
        if size is not None:
            shape: Any = size.shape
            taken = int(shape[2]) if shape[:2] == ["k", "int"] and str(shape[2]).isdecimal() else 1
        most = statements.most_rows(self.statement)
        return most is None or most > taken


def meanwhile(program: Program, life: Life, left: Left) -> tuple[Call, str] | None:
    """Return what runs after `left` and before the connection does anything else, and what it does; None is nothing."""
    module = life.module
    own = {each.call.index for each in life.steps if each.call.index != left.call.index}
    until = min(_leaving(module, left.call), _closing(life, left.call))
    for walk in _walks(program, life, left.call, until):
        done: list[Span] = []
        for call in walk:
            if call.index in own and left.is_unread and statements.is_exclusive(call):
                return call, f"`{call.tail}`, which needs the database for itself"
            if call.index in own:
                done.append(_reach(life, call))
                if blocks.contains(done[-1], left.call.span.start):
                    break  # every way from there leads through it
            elif _excludes(module, left.call.span.start, call.span.start):
                continue
            elif not any(blocks.contains(each, call.span.start) for each in done):
                why = _touches(program, call)
                if why:
                    return call, why
    return None


def _walks(program: Program, life: Life, left: Call, until: int) -> Iterator[list[Call]]:
    """Yield the calls that may follow, in the order of their evaluation: straight on, and once around each loop."""
    module, region = life.module, life.region
    inside = [
        each
        for each in module.calls()
        if blocks.contains(region, each.span.start) and _runs_in(module, each.scope, left.scope)
    ]
    # A call is done when its arguments are, and what it is called on.
    inside.sort(key=lambda each: each.span.end)
    after = [each for each in inside if each.span.end > left.span.end and each.span.start < until]
    yield after
    for loop in module.blocks(left.span.start):
        if loop.kind in {"for", "async for", "while"} and region.start < loop.start and loop.end < until:
            body, whole = Span(loop.start, loop.end), Span(loop.header, loop.end)
            again = [
                each
                for each in inside
                if blocks.contains(body, each.span.start)
                # What a `for` goes through is called once, but a generator goes on with each turn.
                or (blocks.contains(whole, each.span.start) and (loop.kind == "while" or _is_generator(program, each)))
            ]
            yield [each for each in [*after, *again] if each in again and each.index != left.index]


def _reach(life: Life, call: Call) -> Span:
    """Return the text of which all ways lead through a call, or by it."""
    module = life.module
    # if connection: connection.close()
    asked = [blocks.guarded(module, each) for each in module.reads(call.scope, life.name)]
    for each in module.blocks(call.span.start):
        here = Span(each.start, each.end)
        if each.kind not in {"try", "finally", "with", "async with"} and here not in asked:
            return here
    return module.scope(call.scope).span


def _closing(life: Life, call: Call) -> int:
    """Return the end of `with closing(connection):` around a call, or that of everything."""
    headers = [each.span.start for each in life.marks if each.action == "unclose"]
    return min(
        (
            each.end
            for each in life.module.blocks(call.span.start)
            if each.kind == "with" and any(each.header <= start < each.start for start in headers)
        ),
        default=life.region.end,
    )


def _leaving(module: Module, call: Call) -> int:
    """Return the end of the first `return` or `raise` that is surely met after a call."""
    places = [each.span for each in module.calls() if each.use[0] in {"ret", "raise"}]
    for reads in module.facts["reads"][call.scope].values():
        places += [Span(start, end) for start, end, use in reads if use[0] in {"ret", "raise"}]
    offset = call.span.start
    bare = [call.span.end] if _is_returned(module, call) else []
    return min(
        [
            *bare,
            *(each.end for each in places if each.end > offset and _is_sure(module, each.start, offset)),
            module.scope(call.scope).span.end,
        ]
    )


def _is_sure(module: Module, place: int, offset: int) -> bool:
    """Tell whether a statement is met whenever what stands at `offset` before it, or in it, is."""
    return blocks.contains(blocks.around(module, place), offset)


def _is_generator(program: Program, call: Call) -> bool:
    target, _known = program.target_of(call)
    return target is not None and target.is_generator


def _runs_in(module: Module, scope: int, function: int) -> bool:
    """Tell whether a scope is a function's own, or that of a comprehension in it."""
    while scope != function:
        if scope < 0 or module.scope(scope).kind != "comp":
            return False
        scope = module.scope(scope).parent
    return True


def _excludes(module: Module, one: int, other: int) -> bool:
    """Tell whether two places stand in different branches of one statement."""
    mine = {each.header: each for each in module.blocks(one) if each.kind in _BRANCHES}
    for each in module.blocks(other):
        same = mine.get(each.header)
        if each.kind in _BRANCHES and same is not None and same.start != each.start:
            # The `else` of a loop follows its body, which is no branch.
            return True
    return False


def _is_returned(module: Module, call: Call) -> bool:
    """`return connection.execute(...).fetchone()[0]`: the end of the connection is what comes next."""
    for shape in module.scope(call.scope).returned:
        value: Any = shape
        while value[0] == "i" and value[2][0] == "k":
            value = value[1]
        if value == ["c", call.index]:
            return True
    return False


# --- what others do ---------------------------------------------------------------------------------------------------


def _touches(program: Program, call: Call) -> str:
    """Return where a call uses a database, or hands over to what may; empty where it does nothing of the kind."""
    seen: set[tuple[str, int]] = set()
    pending = [call]
    while pending:
        each = pending.pop()
        if _touches_itself(program, each):
            return f"`{each.tail}` in {each.module.path}:{each.module.position(each.span.start).line}"
        for target in _targets(program, each):
            key = target.module.path, target.number
            if key in seen or len(seen) > _MOST:
                continue
            seen.add(key)
            pending += [one for one in target.module.calls() if _belongs(target, one.scope)]
    return ""


def _touches_itself(program: Program, call: Call) -> bool:
    if call.use[0] == "await":
        return True
    target, known = program.target_of(call)
    if target is not None:
        return False
    dotted = program.dotted(call.module, call.scope, call.function)
    if dotted in _TOUCHING_WHOLE:
        return True
    if call.function[0] == "n":
        found = call.module.lookup(call.scope, call.tail)
        # Whoever calls the function decides what that is.
        return bool(not known and found is not None and any(each.kind == "param" for each in found[1]))
    return call.tail in _TOUCHING


def _targets(program: Program, call: Call) -> list[Scope]:
    """Return the functions that a call may reach: the one it does, or all of the name where the object is unknown."""
    target, known = program.target_of(call)
    if target is None:
        # Lists and dictionaries have methods of these names everywhere: not worth reading every file for.
        want = call.tail not in _COMMON
        return [] if known or call.function[0] != "a" else program.definitions(call.tail, want=want)
    if target.kind != "class":
        return [target]
    made = [program.find_method(target, name) for name in ("__init__", "__new__", "__post_init__", "__enter__")]
    return [each for each in made if each is not None]


def _belongs(function: Scope, scope: int) -> bool:
    """Tell whether a scope is a function's own, or one inside of it."""
    while scope >= 0:
        if scope == function.number:
            return True
        scope = function.module.scope(scope).parent
    return False
