"""Find changes of shared state that come later with a new wait, where somebody may look before, or never wait for them.

A function that nothing could interrupt had done all of its work when its task first gave way. With a wait in it, the
task that started it goes on first: `main` ends, or reads what is not there yet; of two tasks the shorter one comes
first; and a timeout ends it in the middle.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from hasten.async_kinds import key_of
from hasten.async_places import function_around
from hasten.concurrency import STARTERS, Tasks, tasks_of
from hasten.index.module import Call, Module, Scope, Shape
from hasten.index.program import Program
from hasten.interleaving import is_in, loops_around
from hasten.model import Span
from hasten.stale import are_apart
from hasten.touches import Touch, touches_of

_TIMEOUTS = frozenset({"timeout", "timeout_at", "move_on_after", "move_on_at", "fail_after", "fail_at"})
_TASKS = frozenset({"create_task", "ensure_future"})
#: Calls that change files, by the last name, and by the whole name.
_FILE_METHODS = frozenset({"write_text", "write_bytes"})
_FILE_FUNCTIONS = frozenset(
    {"os.remove", "os.unlink", "os.rename", "os.replace", "os.mkdir", "os.makedirs", "os.rmdir", "shutil.copy"}
    | {"shutil.copyfile", "shutil.copytree", "shutil.move", "shutil.rmtree"}
)
#: Changes are looked for in what is called, so deep.
_DEEPEST = 2


class Effect(NamedTuple):
    """A change of something that others can get at.

    Attributes:
        module, offset: where.
        what: what changes, for people.
        parameter: the parameter of the function that holds it, `""` where everybody can get at it.
    """

    module: Module
    offset: int
    what: str
    parameter: str = ""

    @property
    def place(self) -> str:
        """Return the place for people."""
        return f"{self.module.path}:{self.module.position(self.offset).line}"


class Later:
    """Answers for one program."""

    def __init__(self, program: Program, tasks: Tasks) -> None:
        """Take the program, and what is known of its tasks."""
        self.program = program
        self.tasks = tasks
        self._bodies: dict[tuple[str, int], list[Effect]] = {}
        self._firsts: dict[tuple[str, int, int], Effect | None] = {}

    def raced(self, call: Call) -> str:
        """Return what runs before the changes that come after `call`, in words; an empty string for nothing.

        Args:
            call: the first that waits in its function, and did not before.
        """
        seen: set[tuple[str, int]] = set()
        pending: list[tuple[Scope, Call, list[Effect]]] = [(function_around(call.module, call.scope), call, [])]
        while pending:
            function, at, below = pending.pop(0)
            if key_of(function) in seen or function.kind != "function":
                continue
            seen.add(key_of(function))
            effects = list(self._effects(function, at))
            limited = self._limited(at, below, effects)
            if limited:
                return limited
            effects += self._passed_on(at, below) if below else []
            for each in self.tasks.callers(function):
                start = self._start(each, function)
                if start is None:
                    pending.append((function_around(each.module, each.scope), each, effects))
                elif effects and not self.tasks.runs(each):
                    return f"{_named(start)} starts `{function.name}`, and {_later(effects[0])}"
        return ""

    def _limited(self, at: Call, below: list[Effect], effects: list[Effect]) -> str:
        """Return that a timeout around a call ends the changes after it."""
        module = at.module
        for guard in module.guards(at.guard):
            limit = module.call(guard.payload[1]) if guard.kind == "with" and guard.payload[:1] == ["c"] else None
            if limit is None or limit.tail not in _TIMEOUTS:
                continue
            ended = below + [each for each in effects if each.module is module and each.offset < guard.end]
            if ended:
                return f"{_named(limit)} may end it before it changes {ended[0].what} ({ended[0].place})"
        return ""

    def _start(self, call: Call, function: Scope) -> Call | None:
        """Return what starts the coroutine that a call makes, None where its caller waits for it at once."""
        if not function.is_async:
            return None
        match call.use:
            case ["arg", number, _]:
                taker = call.module.call(number)
                if taker.tail == "gather" and taker.use[0] == "await" and len(taker.arguments) == 1:
                    return None
                return None if taker.tail in _TASKS and _is_awaited_next(taker) else taker
            case ["asg", scope, name]:
                reads = list(call.module.reads(scope, name))
                return None if any(each.use[0] == "await" for each in reads) else call
            case ["elem", *_]:
                around = (
                    each for each in call.module.calls() if each.tail in STARTERS and is_in(each.span, call.span.start)
                )
                return next(around, call)
            case _:
                return None

    # --- changes ----------------------------------------------------------------------------------------------------

    def _effects(self, function: Scope, at: Call) -> Iterator[Effect]:
        """Yield what a function changes after a call in it."""
        loops = loops_around(function.module, at.span)
        after = [Span(at.span.end, function.span.end), *loops]
        if key_of(function) not in self._bodies:
            self._bodies[key_of(function)] = list(self._in_body(function, 0))
        for each in self._bodies[key_of(function)]:
            offset = each.offset
            if any(is_in(span, offset) for span in after) and not are_apart(function.module, at.span, offset):
                yield each
        for touch in touches_of(function.module, function.number, self.program):
            if touch.writes and touch.start < at.span.start and _takes(function.module, touch, at):
                yield from self._shared(function, touch)

    def _in_body(self, function: Scope, depth: int) -> Iterator[Effect]:
        """Yield what a function changes, itself or by what it surely calls, at the places in its own body."""
        module = function.module
        for touch in touches_of(module, function.number, self.program):
            if touch.writes and not (touch.use[:1] == ["meth"] and touch.place in {"self", "cls"}):
                yield from self._shared(function, touch)
        for call in module.calls_in(function.number):
            if self._changes_file(call):
                yield Effect(module, call.span.start, "a file")
                continue
            target, _known = self.program.target_of(call) if depth < _DEEPEST else (None, True)
            if target is not None and target.kind == "function" and key_of(target) != key_of(function):
                inner = self._first(target, depth + 1)
                if inner is not None:
                    yield Effect(module, call.span.start, f"{inner.what} at {inner.place}")

    def _first(self, function: Scope, depth: int) -> Effect | None:
        """Return a change by a function that everybody can see, if there is one."""
        key = (*key_of(function), depth)
        if key not in self._firsts:
            self._firsts[key] = next((each for each in self._in_body(function, depth) if not each.parameter), None)
        return self._firsts[key]

    def _shared(self, function: Scope, touch: Touch) -> Iterator[Effect]:
        """Yield the change of a touch, where it is one of something that others can get at."""
        module, root = function.module, touch.place.partition(".")[0]
        effect = Effect(module, touch.start, f"`{touch.place}`")
        found = module.lookup(function.number, root)
        if found is None or found[0] != function.number:
            yield effect
            return
        kinds = {each.kind for each in found[1]}
        if kinds == {"param"}:
            yield effect if root in {"self", "cls"} else effect._replace(parameter=root)
        elif any(each.kind == "assign" and each.payload and each.payload[0] in {"n", "a"} for each in found[1]):
            yield effect  # another name of something that was there before

    def _changes_file(self, call: Call) -> bool:
        if call.tail in _FILE_METHODS:
            return True
        if call.tail == "open":
            modes = [each.shape for each in call.arguments if each.shape[:2] == ["k", "str"]]
            return any(set(str(each[2]).strip("'\"")) & set("wax+") and len(str(each[2])) <= 6 for each in modes)  # noqa: PLR2004
        return (call.module.dotted(call.scope, call.function) or "") in _FILE_FUNCTIONS

    def _passed_on(self, call: Call, effects: list[Effect]) -> Iterator[Effect]:
        """Yield the changes by what is called that those can see who call the caller."""
        target, _known = self.program.target_of(call)
        for each in effects:
            if not each.parameter:
                yield each
                continue
            given = [shape for at, shape in self._arguments(target, each.parameter) if at == call]
            if not given or given[0][0] == "a":
                yield each._replace(parameter="")
            elif given[0][0] == "n":
                around = function_around(call.module, call.scope)
                yield from self._shared(around, Touch(call.span.start, given[0][1], writes=True, reads=False))

    def _arguments(self, target: Scope | None, name: str) -> Iterator[tuple[Call, Shape]]:
        return self.program.arguments_for(target, name) if target is not None else iter(())


def raced(program: Program, call: Call) -> str:
    """Return what a new wait at `call` lets run before the changes after it; see `Later.raced`."""
    return program.remember("hasten.later", lambda: Later(program, tasks_of(program))).raced(call)


def _named(call: Call) -> str:
    return f"`{call.tail}` at {call.module.path}:{call.module.position(call.span.start).line}"


def _later(effect: Effect) -> str:
    return f"it now changes {effect.what} later ({effect.place})"


def _is_awaited_next(start: Call) -> bool:
    """Tell whether a task is awaited where it is made, or by what comes next."""
    module = start.module
    if start.use[0] == "await":
        return True
    if start.use[0] != "asg":
        return False
    reads = sorted(each for each in module.reads(start.use[1], start.use[2]) if each.span.start > start.span.end)
    if not reads or reads[0].use[0] != "await":
        return False
    return not any(start.span.end <= each.span.start < reads[0].span.start for each in module.calls())


def _takes(module: Module, touch: Touch, call: Call) -> bool:
    """Tell whether what stands before a call changes only when the call is over: it is given its result."""
    if touch.use[:1] == ["meth"]:
        return module.call(touch.use[2]).span.end > call.span.start
    use = call.use
    for _ in range(20):
        match use:
            case ["await" | "attr" | "sub", *rest]:
                use = rest[-1]
            case ["meth", _, number] | ["arg", number, _]:
                use = module.call(number).use
            case [kind, *_]:
                return (
                    kind in {"asgsub", "asgattr"}
                    and module.position(touch.start).line == call.module.position(call.span.start).line
                )
            case _:
                return False
    return False
