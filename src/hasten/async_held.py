"""What is held around a call: locks, and effects on the whole process that end with a block."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from operator import itemgetter
from typing import NamedTuple

from hasten.async_receivers import Receivers
from hasten.index.module import Call, Guard, Module, Scope, Shape
from hasten.index.program import Program

#: Context managers that hold a lock, or change something for the whole process, as long as their body runs.
_HELD = frozenset(
    {f"threading.{each}" for each in ("Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition")}
    | {f"multiprocessing.{each}" for each in ("Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition")}
    | {f"contextlib.{each}" for each in ("redirect_stdout", "redirect_stderr", "chdir")}
    | {f"unittest.mock.{each}" for each in ("patch", "patch.object", "patch.dict", "patch.multiple")}
    | {"warnings.catch_warnings", "filelock.FileLock", "fasteners.InterProcessLock", "portalocker.Lock"}
)
_ASYNC_LOCKS = ("asyncio.", "anyio.", "trio.", "aiorwlock.")
_LOCK_NAME = re.compile(r"(?i)(?:^|_)(?:r?lock|mutex|sem(?:aphore)?|condition)s?$|Locks?$")
_CONTEXT_MANAGER = "contextlib.contextmanager"


class Holding(NamedTuple):
    """What is held: what a message calls it, and where it is taken."""

    text: str
    offset: int


class Held:
    """Answers for the calls of one program."""

    def __init__(self, program: Program, receivers: Receivers) -> None:
        """Take the program and its receivers."""
        self.program = program
        self._receivers = receivers

    def around(self, call: Call) -> Iterator[Holding]:
        """Yield what is held where `call` runs, by its own function: `with`, `acquire()`, an `ExitStack`."""
        module = call.module
        scope = _body(module, call.scope)
        for guard in module.guards(call.guard):
            if guard.kind == "with" and not is_async(module, guard):
                name = self._lock(module, scope.number, guard.payload)
                if name:
                    yield Holding(f"`{name}` is held around the call", guard.start)
        for entered in module.calls_named("enter_context"):
            argument = entered.argument(0)
            if argument is not None and entered.span.end <= call.span.start and _body(module, entered.scope) == scope:
                name = self._lock(module, entered.scope, argument.shape)
                if name:
                    yield Holding(f"`{name}` is held from here on", entered.span.start)
        for acquired in module.calls_named("acquire"):
            before = acquired.span.end <= call.span.start and _body(module, acquired.scope) == scope
            if before and acquired.use[0] != "await" and self._is_lock_itself(acquired):
                released = (each for each in module.calls_named("release") if _releases(each, acquired, call))
                if next(released, None) is None:
                    yield Holding("a lock is acquired before the call and may be held", acquired.span.start)

    def _lock(self, module: Module, scope: int, shape: Shape) -> str:
        """Return the name of the lock that a context is, or takes; empty where it is none."""
        match shape:
            case ["c", int() as number]:
                return self._made(module.call(number))
            case ["?" | "b", [*values]]:
                return next((name for each in values if (name := self._lock(module, scope, each))), "")
            case ["i", base, _]:
                kind = self._receivers.element(module, scope, base)
                return _named_lock(kind, str(base[-1]))
            case ["n" | "a", *_]:
                return _named_lock(self._receivers.kind(module, scope, shape), str(shape[-1]))
            case _:
                return ""

    def _made(self, opened: Call) -> str:
        """Return the name of the lock that is made by a call, or held by what the call makes."""
        dotted = self.program.dotted(opened.module, opened.scope, opened.function) or ""
        if dotted in _HELD or (not dotted.startswith(_ASYNC_LOCKS) and _LOCK_NAME.search(opened.tail)):
            return opened.tail
        for each in self._receivers.reached(opened).functions:
            entered = self.program.find_method(each, "__enter__") if each.kind == "class" else each
            if entered is not None and self._takes_a_lock(entered):
                return opened.tail
        return ""

    def _takes_a_lock(self, function: Scope) -> bool:
        """Tell whether the body of a context manager, or of an `__enter__`, holds a lock."""
        module = function.module
        if function.name != "__enter__" and not any(
            module.dotted(function.parent, each) == _CONTEXT_MANAGER for each in function.decorators
        ):
            return False
        if any(_body(module, each.scope) == function for each in module.calls_named("acquire")):
            return True
        for record in module.facts["guards"]:
            guard = Guard(*record)
            inside = function.span.start <= guard.start < function.span.end and guard.kind == "with"
            # A call may lead back to this function; a lock that is named does not.
            named = inside and guard.payload[0] in {"n", "a"} and not is_async(module, guard)
            if named and self._lock(module, function.number, guard.payload):
                return True
        return False

    def _is_lock_itself(self, acquired: Call) -> bool:
        """Tell whether `x.acquire()` may be of a lock: not where `x` is known to be something else."""
        if acquired.function[0] != "a":
            return True
        kind = self._receivers.kind(acquired.module, acquired.scope, acquired.function[1])
        return not isinstance(kind, str) or kind in _HELD


def is_async(module: Module, guard: Guard) -> bool:
    """Tell whether a guard of kind `with` is one of an `async with`."""
    records = module.facts["blocks"]
    # The next block that begins is the body of the statement: nothing in its head has one.
    number = bisect_left(records, guard.inner, key=itemgetter(3))
    return number < len(records) and records[number][2] == guard.start and records[number][1] == "async with"


def _named_lock(kind: object, name: str) -> str:
    """Return the name of what is a lock by its kind, or, where nobody knows the kind, by its name."""
    if isinstance(kind, str):
        return name if kind in _HELD else ""
    return name if kind is None and _LOCK_NAME.search(name) else ""


def _releases(release: Call, acquired: Call, call: Call) -> bool:
    """Tell whether what was acquired is surely released again before `call`."""
    if release.function[0] != "a" or release.function[1] != acquired.function[1]:
        return False
    if not acquired.span.end <= release.span.start < release.span.end <= call.span.start:
        return False
    taken, given = (list(each.module.blocks(each.span.start)) for each in (acquired, release))
    while given and given[0].kind == "finally":
        given = given[1:]  # it runs whatever happens in the block before it
    return given == taken and _body(call.module, release.scope) == _body(call.module, acquired.scope)


def _body(module: Module, scope: int) -> Scope:
    """Return the function, lambda, class or module in whose body a scope is."""
    return module.enclosing(scope, "function", "lambda", "class") or module.scope(0)
