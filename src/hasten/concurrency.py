"""Whether other tasks can run while a function waits, from who starts tasks in the program, and when.

Where nothing in a program ever starts a task, nothing can come in between at an `await`. Where something does, a
function is alone as long as nothing can have started one by then: on each way up from it to where the program begins,
no call that starts a task, or reaches a function that does, stands before the call, or in a loop with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from hasten.async_decorators import forwards
from hasten.async_families import Families
from hasten.async_kinds import key_of
from hasten.async_mentions import Mentions
from hasten.async_places import function_around
from hasten.async_readings import readings
from hasten.async_receivers import receivers_of
from hasten.async_results import property_of
from hasten.async_rules import COMMANDS, Definitions
from hasten.async_trails import Trails
from hasten.index.module import Call, Guard, Scope
from hasten.index.program import Program

#: Calls that let coroutines run side by side, by the last name.
STARTERS = (
    *("create_task", "ensure_future", "gather", "TaskGroup", "as_completed", "run_coroutine_threadsafe", "start_soon"),
    *("start_server", "start_unix_server", "create_server", "create_unix_server", "connect_read_pipe", "create_job"),
    *("create_task_group", "open_nursery", "wait", "staggered_race", "call_soon", "call_later", "run_app", "serve"),
    *("call_soon_threadsafe", "call_at", "add_signal_handler", "add_reader", "add_writer"),
    # Protocols: their methods are called while others wait.
    *("create_datagram_endpoint", "create_connection", "create_unix_connection", "connect_accepted_socket"),
    *("connect_write_pipe", "subprocess_exec", "subprocess_shell"),
    # What is cancelled while it waits ends in the middle, as if another task had come in between.
    *("timeout", "timeout_at", "wait_for", "move_on_after", "move_on_at", "fail_after", "fail_at"),
)
#: Names that other things have as well (`process.wait()`): these count only where they come from these modules.
_COMMON_STARTERS = frozenset({"wait", "timeout", "timeout_at", "create_connection", "wait_for", "fail_at"})
_THEIR_MODULES = ("asyncio.", "async_timeout.", "anyio.", "trio.")
#: Libraries that call handlers, each call in a task of its own.
_SERVERS = frozenset(
    {"aiogram", "aiohttp", "aiokafka", "aio_pika", "anyio", "apscheduler", "arq", "asyncpraw", "blacksheep", "bottle"}
    | {"channels", "curio", "discord", "django", "dramatiq", "falcon", "fastapi", "fastmcp", "faust", "flask", "gradio"}
    | {"graphene", "grpc", "hypercorn", "litestar", "mcp", "nats", "nicegui", "pyrogram", "quart", "robyn", "sanic"}
    | {"socketio", "starlette", "strawberry", "telegram", "telethon", "textual", "tornado", "trio", "uvicorn"}
    | {"websockets", "celery", "slack_bolt", "streamlit", "chainlit", "nextcord", "ray", "prefect", "temporalio"}
)
#: Takers of a coroutine that run it to its end.
_RUNNERS = frozenset({"asyncio.run", "asyncio.Runner.run", "uvloop.run"})
_RUNNER_METHODS = frozenset({"run", "run_until_complete"})
#: Starters that, awaited, come back when all of what they started is over.
_ENDING = frozenset({"gather", "wait_for"})
_GROUPS = frozenset({"TaskGroup", "create_task_group", "open_nursery"})
_PLAIN = frozenset(
    {"builtins.staticmethod", "builtins.classmethod", "abc.abstractmethod", "typing.override", "typing.overload"}
    | {"contextlib.asynccontextmanager", "contextlib.contextmanager", "functools.wraps", "typing.final"}
    | {"tenacity.retry", "builtins.property", "functools.cached_property"}
)

_LOOPS = frozenset({"for", "async for", "while"})


class Tasks:
    """Answers for the functions of one program."""

    def __init__(self, program: Program) -> None:
        """Take the program; `receivers` says what its values are."""
        self.program = program
        self.receivers = receivers_of(program)
        self._definitions = Definitions(program, self.receivers, program.entry_points)
        self._mentions = Mentions(program, self.receivers)
        self._trails = Trails(program, self.receivers, Families(program, self._definitions), self._mentions)
        self._reasons: dict[tuple[tuple[str, int], bool], str] = {}
        self._by_function: dict[tuple[str, int], list[Call]] | None = None

    @cached_property
    def starter(self) -> str:
        """Return the first place where the program starts tasks, empty if it never does."""
        found = [(each.module.path, each.span.start, f"`{each.tail}` at {_place(each)}") for each in self._starters]
        found += self._servers
        return min(found)[2] if found else ""

    @property
    def starts_some(self) -> bool:
        """Tell whether the program starts tasks itself, and does not leave that to those who call its handlers."""
        return bool(self._starters)

    @cached_property
    def _starters(self) -> list[Call]:
        """The calls that start tasks."""
        return [each for name in STARTERS for each in self.program.calls_named(name) if self._may_start(each)]

    @cached_property
    def _servers(self) -> list[tuple[str, int, str]]:
        """The imports of what calls handlers: path, offset, and what to call them."""
        for name in sorted(_SERVERS):
            self.program.want(name)
        return [
            (module.path, each.start, f"`{library}` at {module.path}:{module.position(each.start).line}")
            for module in self.program.modules
            for each in module.imports()
            if each.level <= 0 and (library := (each.module or each.name).partition(".")[0]) in _SERVERS
        ]

    def several(self, function: Scope) -> str:
        """Return what other tasks may run while `function` waits, an empty string where there are none.

        In a program that never starts a task, others may, with the coroutine functions that nobody in it calls.
        """
        # What is started when takes long to find out, and is seldom needed.
        return self._reason(function, ordered=False) or self._reason(function, ordered=True)

    def ever(self, function: Scope) -> str:
        """Return what other tasks may run before, while or after `function` runs, an empty string for none at all."""
        return self._reason(function, ordered=False) or self.starter

    def repeated(self, function: Scope) -> str:
        """Return by what `function` may run in several tasks at once, an empty string where nothing shows that."""
        return self._find_reason(function, ordered=False, offset=0)

    def beside(self, function: Scope, offset: int, without: Scope | None = None) -> str:
        """Return by what `function` may be at `offset` while other tasks wait, an empty string where it cannot.

        Args:
            function: what is asked about.
            offset: a place in it; tasks that it starts only later are not there yet, and those that it has waited for
                are over.
            without: a function of which is known that it runs beside others: what it calls itself does not count.
        """
        for ordered in (False, True):
            found = self._find_reason(function, ordered=ordered, without=without, offset=offset)
            if found:
                return found
        return ""

    def _reason(self, function: Scope, *, ordered: bool) -> str:
        key = key_of(function), ordered
        if key not in self._reasons:
            self._reasons[key] = self._find_reason(function, ordered=ordered)
        return self._reasons[key]

    def _may_start(self, call: Call) -> bool:
        """Tell whether a call may be the one that starts a task, and not of something that has the same name."""
        target, _known = self.program.target_of(call)
        if target is not None:
            return False
        if call.tail not in _COMMON_STARTERS:
            return True
        dotted = self.program.dotted(call.module, call.scope, call.function)
        if dotted is None and call.tail == "create_connection":
            # `loop.create_connection`, and not that of `socket`, or of somebody's own
            return _is_awaited(call)
        return dotted is not None and dotted.startswith(_THEIR_MODULES)

    def _find_reason(
        self, function: Scope, *, ordered: bool, without: Scope | None = None, offset: int | None = None
    ) -> str:
        """Walk from a function up to whoever starts it; tell, if `ordered`, what may be started before."""
        seen: set[tuple[str, int]] = {key_of(without)} if without is not None else set()
        pending = [function]
        while pending:
            current = pending.pop(0)
            if key_of(current) in seen or current.kind != "function":
                continue  # the module runs once
            seen.add(key_of(current))
            if offset is not None and key_of(current) in self._mentions.loop_starters():
                continue  # it starts an event loop, so it runs in none
            callers = self.callers(current)
            reason = self._started(current, callers) if self.starter or current.is_async else ""
            if reason:
                return reason
            for call in callers:
                if self.runs(call):
                    continue  # a loop of its own, with nothing else in it
                around = call.module.enclosing(call.scope, "function", "lambda", "module")
                if around is None or around.kind == "lambda":
                    return f"a lambda at {_place(call)}"
                starting = self._starting(around) if ordered else []
                starting = [each for each in starting if _precedes(each, call)]
                if offset is not None:
                    starting = [each for each in starting if _may_run_at(each, call.span.start)]
                before = next(iter(starting), None)
                if before is not None:
                    return f"`{before.tail}` at {_place(before)}, which comes before the call at {_place(call)}"
                pending.append(around)
        # What the function starts itself may run while it waits.
        started = self._starting(function) if ordered else []
        if offset is not None:
            started = [each for each in started if _may_run_at(each, offset)]
        own = next(iter(started), None)
        return f"`{own.tail}` at {_place(own)}" if own is not None else ""

    def _starting(self, function: Scope) -> list[Call]:
        """Return the calls in the body of a function that start tasks, or reach a function that does."""
        if self._by_function is None:
            self._by_function = {}
            pending = [*self._starters, *self._foreign_waits()]
            done: set[tuple[str, int]] = set()
            while pending:
                call = pending.pop()
                around = function_around(call.module, call.scope)
                self._by_function.setdefault(key_of(around), []).append(call)
                if around.kind == "function" and key_of(around) not in done:
                    done.add(key_of(around))
                    pending += [each for each in self.callers(around) if not self.runs(each)]
        return sorted(self._by_function.get(key_of(function), ()), key=lambda each: each.span)

    def _foreign_waits(self) -> Iterator[Call]:
        """Yield the awaited calls that leave a program with a server: one of them may start it."""
        for module in self.program.modules if self._servers else ():
            for call in module.calls():
                if call.use[0] != "await":
                    continue
                dotted = self.program.dotted(module, call.scope, call.function) or ""
                if not (dotted.startswith("asyncio.") or self.receivers.reached(call).functions):
                    yield call

    def callers(self, function: Scope) -> list[Call]:
        """Return the calls that reach `function`, or may, as far as its receivers tell."""
        found: list[Call] = []
        called = self.program.callers(function)
        if property_of(function):
            called = [(each, False) for each in readings(self.program, function.name)]
        for call, certain in called:
            reached = None if certain else self.receivers.reached(call)
            if reached is None or not reached.known or key_of(function) in map(key_of, reached.functions):
                found.append(call)
        return [*found, *(each for each in self._trails.called(function) if each not in found)]

    def _started(self, function: Scope, callers: list[Call]) -> str:
        """Return what may run `function` in several tasks, of what can be seen at its definition and its uses."""
        command = self._definitions.verdict(function).stays
        for decorator in function.decorators:
            dotted = self._definitions.decorator(function, decorator)
            if dotted in _PLAIN or dotted.startswith((*COMMANDS, "pytest.")):
                continue
            if not forwards(self.program, function.module, function.parent, decorator):
                return f"the decorator of `{function.name}` at {_head(function)}"
        if function.name.startswith("__") and function.name.endswith("__") and function.name != "__init__":
            return f"`{function.name}` at {_head(function)}, which Python calls"
        references = self._mentions.references(function)
        if references and not property_of(function):
            first = min(references, key=lambda each: (each.module.path, each.span))
            line = first.module.position(first.span.start).line
            return f"`{function.name}`, which is handed on at {first.module.path}:{line}"
        for call in callers:
            if function.is_async and not (_is_awaited(call) or self.runs(call)):
                return f"`{function.name}`, which is no more than started at {_place(call)}"
        # Nobody calls it: whoever does may be one of several tasks.
        who = self.starter or f"others, for nobody in the program calls `{function.name}` ({_head(function)})"
        return "" if callers or command else who

    def runs(self, call: Call) -> bool:
        """Tell whether the coroutine that `call` makes is run to its end at once: `asyncio.run(f())`."""
        if call.use[0] != "arg":
            return False
        taker = call.module.call(call.use[1])
        dotted = call.module.dotted(taker.scope, taker.function)
        return dotted in _RUNNERS or (dotted is None and taker.tail in _RUNNER_METHODS)


def tasks_of(program: Program) -> Tasks:
    """Return the answers for a program, the same for all who ask."""
    return program.remember("hasten.concurrency", lambda: Tasks(program))


def _may_run_at(start: Call, offset: int) -> bool:
    """Tell whether what a call starts may run when its function is at `offset`."""
    module = start.module
    if start.span.start >= offset:
        return any(
            block.kind in _LOOPS and block.start <= start.span.start < block.end for block in module.blocks(offset)
        )
    if start.use[0] == "await" and start.tail in _ENDING:
        return False  # it comes back when all of it has ended
    for record in module.facts["guards"]:
        guard = Guard(*record)
        if guard.kind == "with" and guard.start <= start.span.start < guard.end <= offset:
            group = module.call(guard.payload[1]) if guard.payload and guard.payload[0] == "c" else None
            if group is not None and (
                group.index == start.index or (group.tail in _GROUPS and start.function[1:2] == [["n", guard.name]])
            ):
                return False  # the block has waited for it
    return True


def _precedes(start: Call, call: Call) -> bool:
    """Tell whether one call may have happened before another of the same function."""
    if (
        start.span.start < call.span.start
        or start.scope == call.scope != function_around(call.module, call.scope).number
    ):
        return True
    return any(
        block.kind in _LOOPS and block.start <= start.span.start < block.end
        for block in call.module.blocks(call.span.start)
    )


def _is_awaited(call: Call) -> bool:
    """Tell whether what a call of a coroutine function makes is used up where it stands."""
    return call.use[0] in {"await", "iter", "with"}


def _place(call: Call) -> str:
    return f"{call.module.path}:{call.module.position(call.span.start).line}"


def _head(function: Scope) -> str:
    return f"{function.module.path}:{function.module.position(function.span.start).line}"
