"""What a call stands in: locks that others wait for, transactions, and contexts that nobody knows."""

from __future__ import annotations

import re

from hasten.api import Call, Guard, Module, Receivers, Scope
from hasten_codemods.retry_api_calls.places import place_of

#: Contexts that others wait for, by words of their names.
_HELD = re.compile(
    r"(?:^|_)(?:r?lock|locked|mutex|semaphore|sem|condition|cond)(?:$|_)|lock$|semaphore$", re.IGNORECASE
)
_OPEN = re.compile(
    r"transaction|atomic|savepoint|unit_of_work|(?:^|_)begin(?:$|_)|session_scope|^cursor$", re.IGNORECASE
)
#: The same by what they are.
_HELD_KINDS = frozenset(
    f"{module}.{name}"
    for module in ("threading", "multiprocessing", "asyncio", "anyio", "trio", "_thread")
    for name in ("Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition", "LockType", "lock")
) | {"sqlite3.Connection", "aiosqlite.Connection", "aiosqlite.core.Connection", "psycopg.Connection"}
#: Contexts of which it is known that it does not matter how often they are entered.
_PLAIN = frozenset(
    {"Session", "session", "Client", "AsyncClient", "ClientSession", "closing", "aclosing", "open", "timeout", "span"}
    | {
        "urlopen",
        "get",
        "request",
        "stream",
        "post",
        "put",
        "patch",
        "delete",
        "head",
        "options",
        "suppress",
        "catch_warnings",
    }
    | {"start_as_current_span", "start_span", "nullcontext", "timer", "time", "ExitStack", "AsyncExitStack"}
)


def holding(call: Call, receivers: Receivers) -> str:
    """Return the lock or transaction around a call, for people."""
    module = call.module
    for guard in module.guards(call.guard):
        name = context_of(module, guard)
        kind = receivers.kind(module, call.scope, guard.payload) if guard.kind == "with" and guard.payload else None
        known = isinstance(kind, str) and kind in _HELD_KINDS
        if name and (_HELD.search(name) or _OPEN.search(name) or known):
            return f"`{name}` ({place_of(module, guard.start)})"
    around = module.enclosing(call.scope, "function")
    calls = module.calls_in(around.number) if around is not None else []
    before = [each for each in calls if each.function[0] == "a" and each.span.start < call.span.start]
    for each in before:
        # lock.acquire(); try: ...; finally: lock.release()
        released = any(one.tail == "release" and one.function[1] == each.function[1] for one in before)
        if each.tail == "acquire" and not released:
            return f"`{each.function[1][-1]}` ({place_of(module, each.span.start)})"
    return ""


def held_around(function: Scope) -> str:
    """Return the decorator of a function that holds a lock, or a transaction, while it runs: `@transaction.atomic`."""
    for each in function.decorators:
        shape = function.module.call(each[1]).function if each[0] == "c" else each
        name = str(shape[-1]) if shape[0] in {"n", "a"} else ""
        if _HELD.search(name) or _OPEN.search(name) or name == "synchronized":
            return f"`@{name}` ({place_of(function.module, function.span.start)})"
    return ""


def unknown_context(call: Call) -> str:
    """Return a context around a call of which nothing is known."""
    for guard in call.module.guards(call.guard):
        name = context_of(call.module, guard)
        if guard.kind == "with" and name not in _PLAIN:
            return f"`{name or 'with'}` ({place_of(call.module, guard.start)})"
    return ""


def context_of(module: Module, guard: Guard) -> str:
    """Return the last name of what a `with` enters."""
    shape = guard.payload if guard.kind == "with" else None
    if shape is None:
        return ""
    if shape[0] == "w":
        shape = shape[1]
    if shape[0] == "c":
        return module.call(shape[1]).tail
    return str(shape[-1]) if shape[0] in {"n", "a"} else ""
