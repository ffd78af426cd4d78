"""Whether several tasks can run a function at once, from who starts tasks in the program and what they reach."""

from __future__ import annotations

from hasten.api import Call, Program, Read, Scope

#: Calls that let coroutines run side by side, by the last name.
_STARTERS = (
    *("create_task", "ensure_future", "gather", "TaskGroup", "as_completed", "run_coroutine_threadsafe", "start_soon"),
    *("start_server", "start_unix_server", "create_server", "create_unix_server", "connect_read_pipe", "create_job"),
    *("create_task_group", "open_nursery", "wait", "staggered_race", "call_soon", "call_later", "run_app", "serve"),
)
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
_PLAIN = frozenset(
    {"builtins.staticmethod", "builtins.classmethod", "abc.abstractmethod", "typing.override", "typing.overload"}
    | {"contextlib.asynccontextmanager", "contextlib.contextmanager", "functools.wraps", "typing.final"}
)


class Tasks:
    """Answers for the functions of one program."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self.program = program
        self._starter: str | None = None
        self._looked = False
        self._reasons: dict[tuple[str, int], str] = {}

    @property
    def starter(self) -> str:
        """Return the first place where the program starts tasks, empty if it never does."""
        if not self._looked:
            self._looked = True
            self._starter = self._find_starter()
        return self._starter or ""

    def several(self, function: Scope) -> str:
        """Return why several tasks can run `function` at once, an empty string where they cannot."""
        starter = self.starter
        if not starter:
            return ""
        key = (function.module.path, function.number)
        if key not in self._reasons:
            self._reasons[key] = self._find_reason(function)
        return self._reasons[key]

    def _find_starter(self) -> str:
        found: list[tuple[str, int, str]] = []
        for name in _STARTERS:
            found += [
                (each.module.path, each.span.start, f"`{name}` at {_place(each)}")
                for each in self.program.calls_named(name)
                if _may_start(self.program, each)
            ]
        for module in self.program.modules:
            for each in module.imports():
                library = (each.module or each.name).partition(".")[0]
                if each.level <= 0 and library in _SERVERS:
                    place = f"{module.path}:{module.position(each.start).line}"
                    found.append((module.path, each.start, f"`{library}` at {place}"))
        for name in sorted(_SERVERS):
            self.program.want(name)
        return min(found)[2] if found else ""

    def _find_reason(self, function: Scope) -> str:
        """Walk from a function up to whoever starts it."""
        seen: set[tuple[str, int]] = set()
        pending = [function]
        while pending:
            current = pending.pop()
            key = (current.module.path, current.number)
            if key in seen:
                continue
            seen.add(key)
            if current.kind != "function":
                continue  # the module: it runs once
            reason = self._started(current)
            if reason:
                return reason
            for call, _certain in self.program.callers(current):
                around = call.module.enclosing(call.scope, "function", "lambda", "module")
                if around is None or around.kind == "lambda":
                    return f"a lambda at {_place(call)}"
                if around.number != current.number or around.module is not current.module:
                    pending.append(around)
        return ""

    def _started(self, function: Scope) -> str:
        """Return what may run `function` in several tasks, of what can be seen at its definition and its uses."""
        for decorator in function.decorators:
            shape = function.module.call(decorator[1]).function if decorator[0] == "c" else decorator
            if (function.module.dotted(function.parent, shape) or "") not in _PLAIN:
                return f"the decorator of `{function.name}` at {_head(function)}"
        if function.name.startswith("__") and function.name.endswith("__"):
            return f"`{function.name}` at {_head(function)}, which Python calls"
        references: list[Read] = self.program.references(function)
        if references:
            first = min(references, key=lambda each: (each.module.path, each.span))
            line = first.module.position(first.span.start).line
            return f"`{function.name}`, which is handed on at {first.module.path}:{line}"
        callers = self.program.callers(function)
        for call, _certain in callers:
            if function.is_async and call.use[0] != "await" and not self._runs(call):
                return f"`{function.name}`, which is no more than started at {_place(call)}"
        # Nobody calls it, in a program that starts tasks: whoever does may be one of them.
        return "" if callers else f"{self.starter}; nobody is seen to call `{function.name}`"

    def _runs(self, call: Call) -> bool:
        """Tell whether the coroutine that `call` makes is run to its end at once: `asyncio.run(f())`."""
        if call.use[0] != "arg":
            return False
        taker = call.module.call(call.use[1])
        dotted = call.module.dotted(taker.scope, taker.function)
        return dotted in _RUNNERS or (dotted is None and taker.tail in _RUNNER_METHODS)


def _may_start(program: Program, call: Call) -> bool:
    """Tell whether a call is of another thing than a function of the program that happens to have the name."""
    target, _known = program.target_of(call)
    return target is None


def _place(call: Call) -> str:
    return f"{call.module.path}:{call.module.position(call.span.start).line}"


def _head(function: Scope) -> str:
    return f"{function.module.path}:{function.module.position(function.span.start).line}"
