"""What is held around a call: locks, and effects on the whole process that end with a block."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from operator import itemgetter
from typing import Literal, NamedTuple

from hasten.async_receivers import Receivers
from hasten.index.module import Call, Guard, Module, Scope, Shape
from hasten.index.program import Program
from hasten.touches import touches_of

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
#: Functions that lock files, and what their second argument names where they unlock, or only look.
_FILE_LOCKS = {
    "fcntl.flock": frozenset({"LOCK_UN"}),
    "fcntl.lockf": frozenset({"LOCK_UN"}),
    "os.lockf": frozenset({"F_ULOCK", "F_TEST"}),
    "msvcrt.locking": frozenset({"LK_UNLCK"}),
}
#: Functions that change something for the whole process until they are called again.
_PROCESS_WIDE = frozenset({"os.chdir", "os.fchdir", "os.umask", "locale.setlocale", "socket.setdefaulttimeout"})
_CONNECTIONS = frozenset({"sqlite3.connect", "sqlite3.Connection"})
_LOOPS = frozenset({"for", "async for", "while"})
#: Statements of SQL that open no transaction, and those that end one.
_OPENING_NONE = re.compile(
    r"(?i)\s*(?:select|pragma|explain|attach|detach|vacuum|analyze|create|drop|alter|with\b.*\bselect)\b"
)
_ENDING = re.compile(r"(?i)\s*(?:commit|end|rollback)\b")
_EXECUTING = ("execute", "executemany")
#: What is done with connections and cursors, by the last name of a call.
_OF_SQLITE = frozenset(
    {"execute", "executemany", "executescript", "fetchone", "fetchmany", "fetchall", "commit", "rollback", "close"}
    | {"connect", "cursor", "iterdump", "backup", "interrupt", "create_function", "set_trace_callback", "keys"}
)
#: So many functions are looked at for what a call reaches.
_MOST_REACHED = 50


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
        yield from self._file_locks(call, scope)
        yield from self._process(call, scope)
        yield from self._transactions(call, scope)

    # --- what is no lock by itself ------------------------------------------------------------------------------

    def _file_locks(self, call: Call, scope: Scope) -> Iterator[Holding]:
        """Yield the locks of files that are taken before the call and not given back by then."""
        for taken in self._file_calls(call.module, scope):
            if self._unlocks(taken) or not _is_before(taken, call):
                continue
            target = taken.arguments[0].shape if taken.arguments else None
            given = (
                each
                for each in self._file_calls(call.module, scope)
                if self._unlocks(each) and each.arguments and each.arguments[0].shape == target
            )
            closed = (
                each
                for each in call.module.calls_named("close")
                if [one.shape for one in each.arguments] == [target]  # os.close(descriptor)
                or (
                    each.function[0] == "a" and target is not None and _file_of(call.module, target) == each.function[1]
                )
            )
            over = any(_ends(each, taken, call) for each in (*given, *closed))
            if not over and not (target is not None and _is_closed_by_with(taken, _file_of(call.module, target), call)):
                yield Holding(f"`{taken.tail}` locks a file before the call, and holds it", taken.span.start)

    def _file_calls(self, module: Module, scope: Scope) -> list[Call]:
        return [
            each
            for name in ("flock", "lockf", "locking")
            for each in module.calls_named(name)
            if _body(module, each.scope) == scope
            and self.program.dotted(module, each.scope, each.function) in _FILE_LOCKS
        ]

    def _unlocks(self, call: Call) -> bool:
        names = _FILE_LOCKS[self.program.dotted(call.module, call.scope, call.function) or ""]
        flag = call.argument(1)
        return flag is not None and flag.shape[0] in {"n", "a"} and flag.shape[-1] in names

    def _process(self, call: Call, scope: Scope) -> Iterator[Holding]:
        """Yield what is set for the whole process before the call, and set again in the same function after it."""
        module = call.module
        set_by_calls: dict[str, list[Call]] = {}
        for called, each in self._process_calls(module, scope):
            set_by_calls.setdefault(called, []).append(each)
        for called, found in set_by_calls.items():
            before = [each for each in found if each.span.end <= call.span.start]
            if before and any(each.span.start >= call.span.end for each in found):
                yield Holding(f"`{called}` is called before the call, and again after it", before[0].span.start)
        for attribute, records in module.facts["attribute_stores"].items():
            places: dict[str, list[int]] = {}
            for base, _value, where, start in records:
                dotted = module.dotted(where, base) if _body(module, where) == scope else None
                if dotted is not None and self._is_foreign_module(module, where, base):
                    places.setdefault(f"{dotted}.{attribute}", []).append(start)
            for place, starts in places.items():
                before_it = [each for each in starts if each < call.span.start]
                if before_it and any(each >= call.span.end for each in starts):
                    yield Holding(f"`{place}` is set before the call, and again after it", before_it[0])

    def _process_calls(self, module: Module, scope: Scope) -> Iterator[tuple[str, Call]]:
        """Yield the calls in the body of a function that set something for the whole process, by what they call."""
        for each in module.calls():
            if each.tail in {name.rpartition(".")[2] for name in _PROCESS_WIDE} and _body(module, each.scope) == scope:
                dotted = self.program.dotted(module, each.scope, each.function)
                if dotted in _PROCESS_WIDE:
                    yield dotted, each

    def _is_foreign_module(self, module: Module, scope: int, base: Shape) -> bool:
        """Tell whether a name stands for a module that is no part of the program."""
        root = base
        while root[0] == "a":
            root = root[1]
        found = module.lookup(scope, root[1]) if root[0] == "n" else None
        imported = found is not None and all(
            each.kind == "import" and module.imports()[each.payload].level == 0 for each in found[1]
        )
        dotted = module.dotted(scope, base)
        return imported and dotted is not None and not self.program.is_own(dotted)

    def _transactions(self, call: Call, scope: Scope) -> Iterator[Holding]:
        """Yield the transactions of `sqlite3` that are open at the call, because something was written before."""
        module = call.module
        writing = [
            each
            for name in _EXECUTING
            for each in module.calls_named(name)
            if each.function[0] == "a" and _body(module, each.scope) == scope and each.span != call.span
        ]
        # Most calls around are statements themselves: what they reach need not be asked.
        if call.function[0] != "n" and call.tail in _OF_SQLITE:
            return
        for each in writing:
            receiver = each.function[1]
            if not _is_before(each, call) or not self._opens(module, each, receiver):
                continue
            guard = _transaction_of(module, each, receiver)
            if guard is not None and not guard.inner <= call.span.start < guard.end:
                continue  # committed at the end of its block
            if any(
                _ends(other, each, call)
                for other in (
                    *(one for name in ("commit", "rollback", "close") for one in module.calls_named(name)),
                    *(one for one in module.calls_named("execute") if _ENDING.match(_text(one))),
                )
                if other.function[0] == "a" and other.function[1] == receiver
            ) or _is_closed_by_with(each, receiver, call):
                continue
            if not self._is_of_sqlite(call):
                yield Holding(f"a transaction of `{receiver[-1]}` is open around the call", each.span.start)
            return

    def _opens(self, module: Module, executed: Call, receiver: Shape) -> bool:
        """Tell whether a statement opens a transaction, of what is known to be a connection."""
        text = _text(executed)
        opened = self._connection(module, executed.scope, receiver)
        if opened is None or (text and _OPENING_NONE.match(text)):
            return False
        if text and re.match(r"(?i)\s*begin\b", text):
            return True
        autocommit = (["isolation_level", ["k", "NoneType", "None"]], ["autocommit", ["k", "bool", "True"]])
        if isinstance(opened, Call) and any([each.keyword, each.shape] in autocommit for each in opened.arguments):
            return False
        if text:
            return not _ENDING.match(text)
        # One that cannot be seen counts where a `with` commits it.
        return _transaction_of(module, executed, receiver) is not None

    def _connection(self, module: Module, scope: int, shape: Shape) -> Call | Literal[True] | None:
        """Return the call that opens a connection, True where only its class is known, None for anything else."""
        found = module.lookup(scope, shape[1]) if shape[0] == "n" else None
        for each in found[1] if found is not None else ():
            payload = each.payload if each.kind in {"with", "assign"} else None
            for _ in range(2):
                if payload is None or payload[0] != "c":
                    break
                made = module.call(payload[1])
                dotted = self.program.dotted(module, made.scope, made.function)
                if dotted in _CONNECTIONS:
                    return made
                payload = made.arguments[0].shape if dotted == "contextlib.closing" and made.arguments else None
        kind = self._receivers.kind(module, scope, shape)
        return True if isinstance(kind, str) and kind in _CONNECTIONS else None

    def _is_of_sqlite(self, call: Call) -> bool:
        """Tell whether a call is one that another conversion awaits together with the connection around it."""
        dotted = self.program.dotted(call.module, call.scope, call.function) or ""
        reached = list(self._receivers.reached(call).functions)
        if not reached:
            return dotted.startswith(("sqlite3.", "builtins.", "contextlib."))
        connects = sleeps = False
        for each in reached:
            for inner in each.module.calls() if len(reached) < _MOST_REACHED else ():
                if _body(each.module, inner.scope) != each:
                    continue
                name = self.program.dotted(each.module, inner.scope, inner.function)
                connects, sleeps = connects or name in _CONNECTIONS, sleeps or name == "time.sleep"
                reached += [one for one in self._receivers.reached(inner).functions if one not in reached]
        return connects and not sleeps

    def _lock(self, module: Module, scope: int, shape: Shape) -> str:
        """Return the name of the lock that a context is, or takes; empty where it is none."""
        match shape:
            case ["c", int() as number]:
                return self._made(module.call(number))
            case ["?" | "b", [*values]]:
                return next((name for each in values if (name := self._lock(module, scope, each))), "")
            case ["i", base, _]:
                return self._named(self._receivers.element(module, scope, base), str(base[-1]))
            case ["n" | "a", *_]:
                return self._named(self._receivers.kind(module, scope, shape), str(shape[-1]))
            case _:
                return ""

    def _named(self, kind: Scope | str | None, name: str) -> str:
        """Return the name of what is a lock by its kind, or, where nobody knows the kind, by its name."""
        if isinstance(kind, Scope):
            return name if self.is_held(kind) else ""
        if isinstance(kind, str):
            return name if kind in _HELD else ""
        return name if _LOCK_NAME.search(name) else ""

    def is_held(self, owner: Scope) -> bool:
        """Tell whether an object of the program is a context manager that holds a lock, or changes the process."""
        methods = (self.program.find_method(owner, each) for each in ("__enter__", "__exit__"))
        return any(each is not None and self._holds(each) for each in methods)

    def _made(self, opened: Call) -> str:
        """Return the name of the lock that is made by a call, or held by what the call makes."""
        dotted = self.program.dotted(opened.module, opened.scope, opened.function) or ""
        if dotted in _HELD or (not dotted.startswith(_ASYNC_LOCKS) and _LOCK_NAME.search(opened.tail)):
            return opened.tail
        for each in self._receivers.reached(opened).functions:
            if self.is_held(each) if each.kind == "class" else self._holds(each):
                return opened.tail
        return ""

    def _holds(self, function: Scope) -> bool:
        """Tell whether a context manager, or an `__enter__` or `__exit__`, holds a lock or changes the process."""
        module = function.module
        if function.name not in {"__enter__", "__exit__"} and not any(
            module.dotted(function.parent, each) == _CONTEXT_MANAGER for each in function.decorators
        ):
            return False
        if any(_body(module, each.scope) == function for each in module.calls_named("acquire")):
            return True
        if self._file_calls(module, function) or self._changes_process(function):
            return True
        for record in module.facts["guards"]:
            guard = Guard(*record)
            inside = function.span.start <= guard.start < function.span.end and guard.kind == "with"
            # A call may lead back to this function; a lock that is named does not.
            named = inside and guard.payload[0] in {"n", "a"} and not is_async(module, guard)
            if named and self._lock(module, function.number, guard.payload):
                return True
        return False

    def _changes_process(self, function: Scope) -> bool:
        """Tell whether a function sets something of the whole process: `sys.stdout = ...`, `os.environ.update(...)`."""
        module = function.module
        for touch in touches_of(module, function.number, self.program):
            root, *names = touch.place.split(".")
            base: Shape = ["n", root]
            for each in names[:-1]:
                base = ["a", base, each]
            if touch.writes and names and self._is_foreign_module(module, function.number, base):
                return True
        return any(True for _ in self._process_calls(module, function))

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


def _is_before(first: Call, call: Call) -> bool:
    """Tell whether one call may have run before another, by the text or by a loop around both."""
    return first.span.end <= call.span.start or any(
        each.kind in _LOOPS and each.start <= first.span.start < each.end
        for each in call.module.blocks(call.span.start)
    )


def _ends(ending: Call, taken: Call, call: Call) -> bool:
    """Tell whether what began at `taken` is surely over before `call`, by a call between the two."""
    module = call.module
    if _body(module, ending.scope) != _body(module, taken.scope):
        return False
    begun, ended = (list(module.blocks(each.span.start)) for each in (taken, ending))
    while ended and ended[0].kind == "finally":
        ended = ended[1:]
    if begun[-len(ended) :] != ended and ended:
        return False  # in a branch that need not be taken
    if taken.span.end <= ending.span.start < ending.span.end <= call.span.start:
        return True
    # Taken below the call, in a loop around both: it has to end before the loop begins anew.
    return call.span.end <= taken.span.start < ending.span.start and all(
        each.end > ending.span.start for each in module.blocks(call.span.start) if each.kind in _LOOPS
    )


def _is_closed_by_with(begun: Call, resource: Shape, call: Call) -> bool:
    """Tell whether the `with` that opens a file or connection ends between two calls."""
    module = begun.module
    found = module.lookup(begun.scope, resource[1]) if resource[0] == "n" else None
    contexts = [each.payload for each in found[1] if each.kind == "with"] if found is not None else []
    for record in module.facts["guards"]:
        guard = Guard(*record)
        if guard.kind == "with" and guard.payload in contexts and guard.inner <= begun.span.start < guard.end:
            return not guard.inner <= call.span.start < guard.end
    return False


def _file_of(module: Module, shape: Shape) -> Shape:
    """Return the file of `file.fileno()`, else what is there."""
    if shape[0] == "c" and module.call(shape[1]).tail == "fileno" and module.call(shape[1]).function[0] == "a":
        inner: Shape = module.call(shape[1]).function[1]
        return inner
    return shape


def _transaction_of(module: Module, executed: Call, receiver: Shape) -> Guard | None:
    """Return the `with db:` around a statement, or the `with sqlite3.connect(...) as db:`, which commits likewise."""
    found = module.lookup(executed.scope, receiver[1]) if receiver[0] == "n" else None
    contexts = [receiver, *(each.payload for each in (found[1] if found is not None else ()) if each.kind == "with")]
    guards = (each for each in module.guards(executed.guard) if each.kind == "with" and each.payload in contexts)
    return next((each for each in guards if each.payload == receiver or not _is_closing(module, each.payload)), None)


def _is_closing(module: Module, shape: Shape) -> bool:
    return shape[0] == "c" and module.call(shape[1]).tail == "closing"


def _text(executed: Call) -> str:
    """Return the statement that is executed, as far as it is a constant: empty for any other."""
    argument = executed.argument(0, "sql")
    shape = argument.shape if argument is not None else []
    return shape[2].strip() if shape[:2] == ["k", "str"] and isinstance(shape[2], str) else ""


def _body(module: Module, scope: int) -> Scope:
    """Return the function, lambda, class or module in whose body a scope is."""
    return module.enclosing(scope, "function", "lambda", "class") or module.scope(0)
