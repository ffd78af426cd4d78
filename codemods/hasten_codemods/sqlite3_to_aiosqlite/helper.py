"""The modules that are written into a package once: what `with` does, connections kept, and locks."""

from __future__ import annotations

from hasten.api import Companion, ImportRequest, Module, Program, overwritten

TRANSACTIONS = "_transactions"
TRANSACTION = "transaction"
CONNECTIONS = "_connections"
OPENINGS = "_openings"

TRANSACTIONS_TEXT = '''\
"""Transactions of aiosqlite connections."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiosqlite

__all__ = ["transaction"]


@asynccontextmanager
async def transaction(connection: aiosqlite.Connection) -> AsyncIterator[aiosqlite.Connection]:
    """Commit at the end of the block, or roll back if an exception leaves it; the connection stays open.

    It does what `with` does with a connection of `sqlite3`, also where `commit` fails.
    """
    try:
        yield connection
    except BaseException:
        await connection.rollback()
        raise
    try:
        await connection.commit()
    except BaseException:
        await connection.rollback()
        raise
'''


CONNECTIONS_TEXT = '''\
"""Connections of aiosqlite that outlive the function that opens them."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from queue import SimpleQueue
from typing import Any

import aiosqlite

__all__ = ["closing", "connect"]

_open: weakref.WeakKeyDictionary[aiosqlite.Connection, threading.Thread] = weakref.WeakKeyDictionary()
_lock = threading.Lock()
_watching: list[threading.Thread] = []
_dropped: SimpleQueue[aiosqlite.Connection] = SimpleQueue()


class _Connection(aiosqlite.Connection):
    """A connection that is closed without a word when nothing refers to it any more, as those of `sqlite3` are."""

    def __del__(self) -> None:
        # Where an event loop runs, it would be told of the end, and may be over by then.
        _dropped.put(self)

    @property
    def _conn(self) -> sqlite3.Connection:
        # What is used after its end raises what `sqlite3` raises then, and no ValueError.
        if self._connection is None:
            raise sqlite3.ProgrammingError("Cannot operate on a closed database.")
        return self._connection

    async def _execute(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        if getattr(self, "_connection", self) is None:
            raise sqlite3.ProgrammingError("Cannot operate on a closed database.")
        statement = asyncio.ensure_future(super()._execute(fn, *args, **kwargs))
        try:
            return await asyncio.shield(statement)
        except asyncio.CancelledError:
            # The loop may end now, as it does after Ctrl-C. The thread hands what comes of the statement to the loop,
            # and would end with an error if that was closed: then the next statement would wait for ever.
            await asyncio.wait([statement])
            if not statement.cancelled():
                statement.exception()
            raise


async def connect(database: Any, *, iter_chunk_size: int = 64, **options: Any) -> aiosqlite.Connection:
    """Open a connection; if nobody closes it, it is closed when the program ends.

    A connection of `sqlite3` that is still open goes away with the process. One of aiosqlite has a thread, for which
    the process would wait for ever.
    """
    connection = await _Connection(lambda: sqlite3.connect(database, **options), iter_chunk_size)
    with _lock:
        _open[connection] = threading.current_thread()
        if not _watching:
            _watching.extend(threading.Thread(target=each, daemon=True) for each in (_close_dropped, _close_left))
            for each in _watching:
                each.start()
    return connection


@asynccontextmanager
async def closing(connection: aiosqlite.Connection) -> AsyncIterator[aiosqlite.Connection]:
    """Close a connection at the end of the block, without committing."""
    try:
        yield connection
    finally:
        await connection.close()


def _close_dropped() -> None:
    while True:
        _dropped.get().stop()


def _close_left() -> None:
    """Close what is open once the main thread is over, and the one that opened it."""
    threading.main_thread().join()
    never = threading.Event()
    while True:
        with _lock:
            left = [connection for connection, thread in _open.items() if not thread.is_alive()]
            for connection in left:
                del _open[connection]
        while left:
            left.pop().stop()
        never.wait(0.01)
'''


OPENINGS_TEXT = '''\
"""Connections that are opened when they are first needed."""

from __future__ import annotations

import asyncio
import sqlite3
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

__all__ = ["Opening", "alone"]

_Key = tuple[asyncio.AbstractEventLoop, int, str]
_locks: weakref.WeakValueDictionary[_Key, asyncio.Lock] = weakref.WeakValueDictionary()


def alone(owner: object, name: str) -> asyncio.Lock:
    """Return the lock of those that are about to give `owner` its `name`.

    A lock of asyncio serves one event loop. So each loop has its own, for as long as somebody holds it or waits for it.
    """
    key = asyncio.get_running_loop(), id(owner), name
    lock = _locks.get(key)
    if lock is None:
        lock = _locks[key] = asyncio.Lock()
    return lock


class Opening:
    """What a constructor leaves for the first use of its object."""

    def __init__(self, run: Callable[[], Awaitable[None]] | None = None) -> None:
        """Take what opens the object, None where nothing is left to be done."""
        self._run = run
        self._task: asyncio.Task[Any] | None = None

    async def wait(self) -> None:
        """Open the object, unless it is open, or this task is about to."""
        if self._run is None or self._task is asyncio.current_task():
            return
        async with alone(self, "opening"):
            if self._run is not None:
                self._task = asyncio.current_task()
                try:
                    await self._run()
                finally:
                    self._task = None
                self._run = None

    async def ends(self) -> bool:
        """Tell whether the object was opened, so that something is to be ended; if not, it never will be."""
        if self._run is None or self._task is asyncio.current_task():
            return True
        async with alone(self, "opening"):
            if self._run is not None:
                self._run = _refuse
                return False
        return True


async def _refuse() -> None:
    raise sqlite3.ProgrammingError("Cannot operate on a closed database.")
'''


class Helper(Companion):
    """Where the helper of each package goes, and how it is imported."""

    def __init__(self, program: Program, codemod: str, name: str, text: str, member: str = "") -> None:
        """Take the program, the module's name and text, and what is imported from it, if not the module itself."""
        super().__init__(program, codemod, name, text)
        self.name = name
        self.member = member

    def request(self, module: Module) -> ImportRequest:
        """Return the import that `module` needs."""
        package = self.package(module)
        if not package:
            return ImportRequest(module.path, self.name, self.member)
        own = [each for each in module.imports() if (each.module or each.name).partition(".")[0] == package]
        relative = any(each.level > 0 for each in module.imports())
        home = package
        if relative and module.name.partition(".")[0] == package and not any(each.level <= 0 for each in own):
            # from ..core import X: as the other imports of the file
            home = "." * (module.name.count(".") + (1 if module.is_package else 0))
        if not self.member:
            return ImportRequest(module.path, home, self.name)
        return ImportRequest(
            module.path, f"{home}{self.name}" if home.endswith(".") else f"{home}.{self.name}", self.member
        )

    def trouble(self, module: Module) -> str:
        """Return why the helper cannot be used in `module`, or an empty string."""
        used = self.member or self.name
        for scope in module.facts["binds"]:
            for kind, payload, start, _nest in scope.get(used, ()):
                imported = module.import_target(module.imports()[payload]) if kind == "import" else ""
                if not f".{imported}".endswith(f".{self.name}.{self.member}".removesuffix(".")):
                    line = module.position(start).line
                    return f"`{used}` is bound to something of its own at line {line}"
        place = overwritten(self.program, module, used)
        if place is not None:
            return f"a star import of this module would take `{used}` in the place of another one ({place})"
        return super().trouble(module)


def transactions(program: Program, codemod: str) -> Helper:
    """Return the helper that commits at the end of a block."""
    return Helper(program, codemod, TRANSACTIONS, TRANSACTIONS_TEXT, TRANSACTION)


def connections(program: Program, codemod: str) -> Helper:
    """Return the helper that opens connections which are kept."""
    return Helper(program, codemod, CONNECTIONS, CONNECTIONS_TEXT)


def openings(program: Program, codemod: str) -> Helper:
    """Return the helper for connections that are opened when they are first needed."""
    return Helper(program, codemod, OPENINGS, OPENINGS_TEXT)
