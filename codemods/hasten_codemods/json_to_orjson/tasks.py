"""Where the exception of a coroutine comes up: where it is awaited, not where it is called."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from hasten.api import Call, Module, Program, Scope
from hasten_codemods.json_to_orjson.carried import KEEPING, PASSING, Carried, Here
from hasten_codemods.json_to_orjson.elsewhere import Elsewhere, is_lazy
from hasten_codemods.json_to_orjson.errorvalues import may_be_error, uses_of
from hasten_codemods.json_to_orjson.handlers import Handler, Shape, Spot, caught, is_false, place_of
from hasten_codemods.json_to_orjson.kindtests import tests_in
from hasten_codemods.json_to_orjson.paths import Path

#: Functions whose result is awaited, or asked, in place of what they are given.
_SAME = frozenset({"create_task", "ensure_future", "wait_for", "shield", "Task", "run_coroutine_threadsafe"})
_SAME |= {"wrap_future"}
#: Functions whose result holds what they are given.
_HOLDING = PASSING | {"as_completed", "tqdm"}
_GROUPED = frozenset({"create_task", "start_soon"})
_ASKING = frozenset({"result", "send", "throw"})
#: They look at what they are given, and run nothing.
_IDLE = frozenset({"len", "print", "isinstance", "id", "type", "repr", "str", "bool", "hash", "any", "all", "cancel"})
#: Calls that run a function elsewhere, with the position of that function among their arguments, and the methods that
#: raise what it raised: they give a future, or the result of a pool.
_FUTURES = {
    "submit": (0, _ASKING),
    "to_thread": (0, _ASKING),
    "run_in_executor": (1, _ASKING),
    "run_in_threadpool": (0, _ASKING),
    "run_sync": (0, _ASKING),
    "apply_async": (0, frozenset({"get"})),
    "map_async": (0, frozenset({"get"})),
    "starmap_async": (0, frozenset({"get"})),
}
#: Calls that run it at once, or whenever a value is taken from what they give; those of a pool do either.
_MAPPED = ("map", "imap", "imap_unordered", "starmap", "apply", "filter")
#: A file that hands a function on to one of these holds such a word.
_HANDING = frozenset(
    {*_FUTURES, "imap", "imap_unordered", "starmap", "Executor", "ThreadPoolExecutor", "ProcessPoolExecutor", "Pool"}
)
_HANDING |= {"ThreadPool"}
_LAZY = frozenset({"map", "filter"})


@dataclass(slots=True)
class Outcome:
    """Where the exceptions of a coroutine come up.

    Attributes:
        spots: places that raise them.
        watchers: what asks what they are, or shows their words, where they come as values (`return_exceptions=True`).
    """

    spots: list[Spot] = field(default_factory=list)
    watchers: list[Handler] = field(default_factory=list)


class Tasks:
    """Follow coroutines and tasks of one program to where they are awaited."""

    def __init__(self, program: Program, elsewhere: Elsewhere) -> None:
        """Take the program, and who tells where values are taken from an iterator."""
        self._program = program
        self._elsewhere = elsewhere
        self._outcomes: dict[tuple[str, int], Outcome] = {}

    def of(self, call: Call) -> Outcome:
        """Return where the exceptions of a coroutine function come up that `call` calls."""
        key = call.module.path, call.index
        if key not in self._outcomes:
            # One call may be one of many functions, by its name.
            self._outcomes[key] = self._of(call)
        return self._outcomes[key]

    def _of(self, call: Call) -> Outcome:
        outcome = Outcome()
        if call.use[0] == "await":
            outcome.spots.append(Spot.of(call))
            return outcome
        _Walk(self._program, outcome).begin(call)
        if not outcome.spots and not outcome.watchers:
            outcome.spots.append(Spot.of(call))
        return outcome

    def handed(self, function: Scope) -> Outcome:
        """Return where the exceptions of a plain function, or a lambda, come up that others run.

        They run it in an executor or a thread, or for each of some values.
        """
        outcome = Outcome()
        if function.kind == "function":
            self._program.want(function.name, beside=_HANDING)
            if any(each.is_package for each in self._program.modules_with("binds", function.name)):
                # A package hands it on: who imports it from there names no module that is read for its sake.
                self._program.want(function.name, beside=_LAZY)
        for call in self._handing.get((function.module.path, function.number), ()):
            if call.tail in _FUTURES:
                _Walk(self._program, outcome, _FUTURES[call.tail][1]).begin(call)
                continue
            outcome.spots += self._elsewhere.of_iterator(call.module, call.scope, call, call.use)
            if not is_lazy(call):
                outcome.spots.append(Spot.of(call))
        return outcome

    @cached_property
    def _handing(self) -> dict[tuple[str, int], list[Call]]:
        """Return the calls that are handed a function of the program to run, by that function."""
        found: dict[tuple[str, int], list[Call]] = {}
        for name in (*_FUTURES, *_MAPPED):
            for call in self._program.calls_named(name, want=False):
                given = call.argument(_FUTURES[name][0] if name in _FUTURES else 0)
                if given is None or given.keyword is not None:
                    continue
                meant = _meant(self._program, call, given.shape)
                if meant is not None:
                    found.setdefault((meant.module.path, meant.number), []).append(call)
        return found


class _Walk(Carried):
    def __init__(self, program: Program, outcome: Outcome, asking: frozenset[str] = _ASKING) -> None:
        super().__init__(program, want=True)
        self.outcome = outcome
        self.asking = asking

    def ends(self, here: Here, use: list[Any], depth: int) -> bool:
        match use:
            case ["await", inner]:
                self.outcome.spots.append(Spot.within(here.module, here.scope, here.at))
                if here.shape[0] == "c" and here.module.call(here.shape[1]).tail == "wait":
                    # `done, pending = await asyncio.wait(tasks)` raises nothing: the tasks are asked later.
                    self.step(here._replace(shape=["w", here.shape], path=()), inner, depth + 1)
            case ["meth", method, int() as index] if method in self.asking and (method != "get" or not here.path):
                self.outcome.spots.append(Spot.of(here.module.call(index)))
            case ["meth", "exception", int() as index]:
                self.watch(here.module.call(index), ())
            case ["meth", "add_done_callback", int() as index]:
                self.callback(here.module.call(index), depth)
            case _:
                return False
        return True

    def given(self, call: Call, where: int | str, here: Here, depth: int) -> bool:
        receiver = call.function[1] if call.function[0] == "a" else ["x", ""]
        if call.tail in _GROUPED and receiver[0] == "n" and self.is_group(call.module, call.scope, receiver[1]):
            self.outcome.spots.append(Spot.of(call))  # it comes up at the end of the `with` around
        if call.tail == "gather" and any(
            each.keyword == "return_exceptions" and not is_false(each.shape) for each in call.arguments
        ):
            count = sum(each.keyword is None for each in call.arguments)
            self.watch(call, ((where, count),) if isinstance(where, int) and not _spreads(call) else ("e",))
        elif call.tail in _SAME:
            self.result(call, here.path, depth)
        elif call.tail in {"gather", "wait"}:
            self.result(call, (), depth)
        elif call.tail in _HOLDING:
            self.hand_on(call, where, here.path, depth)
        elif receiver != ["x", ""] and call.tail in KEEPING:
            return self.parameter(call, where, here.path, depth)
        elif call.tail not in _IDLE and not self.parameter(call, where, here.path, depth):
            # What is not of the program is taken to run the coroutine, as `asyncio.run` does.
            self.outcome.spots.append(Spot.of(call))
        return True

    def callback(self, call: Call, depth: int) -> None:
        """Go on in what is called with the task when it is done."""
        given = call.argument(0)
        if given is None:
            return
        target = _meant(self.program, call, given.shape)
        if target is None or target.kind not in {"function", "lambda"}:
            return
        plain = [each[0] for each in target.parameters if each[1] in {"plain", "posonly"}]
        bound = 1 if target.kind == "function" and self.program.method_owner(target.module, target.number) else 0
        if bound < len(plain):
            self.name(target.module, target.number, plain[bound], (), depth)

    def is_group(self, module: Module, scope: int, name: str) -> bool:
        """Tell whether a name is bound by `async with TaskGroup() as name`."""
        found = module.lookup(scope, name)
        return found is not None and any(each.kind == "with" for each in found[1])

    def watch(self, call: Call, path: Path) -> None:
        """Note where errors are shown or raised that are at `path` in what `call` gives.

        What tests the kind of an error counts in the function that gathers, and in its callers, to which it may return
        what it gathered.
        """
        module = call.module
        for use in uses_of(self.program, call, path):
            if use.raised:
                self.outcome.spots.append(Spot.within(use.module, use.scope, use.at))
            else:
                where = place_of(use.module, use.at)
                self.outcome.watchers.append(Handler(None, where, reads_error=True, reraises=True, watches=True))
        body = module.enclosing(call.scope, "function", "module")
        bodies: list[Scope] = [body] if body is not None else []
        if body is not None and body.kind == "function" and body.returned:
            around = [each.module.enclosing(each.scope, "function", "module") for each, _ in self.program.callers(body)]
            bodies += [each for each in around if each is not None]
        for each in bodies:
            for test in tests_in(self.program, each):
                kinds = caught(self.program, each.module, test.scope, test.types)
                reads = test.subject[0] == "n" and _is_shown(self.program, each, test.subject[1])
                self.outcome.watchers.append(
                    Handler(kinds, place_of(each.module, test.start), reads, reraises=True, watches=True)
                )


def _meant(program: Program, call: Call, shape: Shape) -> Scope | None:
    """Return the function that is handed to a call under a name, as a method of `self`, or as a lambda."""
    module = call.module
    if shape[0] == "m":
        return module.scope(shape[1])
    if shape[0] == "a" and shape[1] in (["n", "self"], ["n", "cls"]):
        owner = program.method_owner(module, call.scope)
        return program.find_method(owner, shape[2]) if owner is not None else None
    if shape[0] == "c" and module.call(shape[1]).tail == "partial" and (inner := module.call(shape[1]).argument(0)):
        return _meant(program, call, inner.shape)
    dotted = module.dotted(call.scope, shape)
    return program.resolve(dotted) if dotted is not None else None


def _spreads(call: Call) -> bool:
    """Tell whether it takes `*tasks`, so that nobody can tell which result is whose."""
    return any(each.keyword == "*" for each in call.arguments)


def _is_shown(program: Program, body: Scope, name: str) -> bool:
    """Tell whether a value that may be an error is shown: in text, by `str` or `repr`, or to a log."""
    module = body.module
    for start, _end, use in (each for table in module.facts["reads"] for each in table.get(name, ())):
        if not body.span.start <= start < body.span.end or not may_be_error(program, module, name, start):
            continue
        if use == ["fmt"] or use[:2] == ["attr", "args"]:
            return True
        if use[0] == "arg" and (use[2] == "exc_info" or module.call(use[1]).tail in {"str", "repr"}):
            return True
    return False
