"""Whether an `await` can stand at a call, from what stands around it in its own function."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from hasten.async_held import Held
from hasten.async_kinds import key_of
from hasten.async_receivers import Receivers
from hasten.index.module import Call, Guard, Module, Scope, Shape, Use
from hasten.index.program import Program
from hasten.propagate import Constraint

#: What is handed to these is awaited by them.
SCHEDULERS = frozenset(
    {f"asyncio.{each}" for each in ("run", "gather", "create_task", "ensure_future", "wait_for", "shield", "wait")}
    | {"asyncio.run_coroutine_threadsafe", "asyncio.as_completed", "asyncio.timeout"}
)
#: Takers of a lambda that call it before they return.
_CALLING_AT_ONCE = frozenset({"assertRaises", "assertRaisesRegex", "assertWarns", "raises"})
#: Takers of a generator that go through all of it, or as far as they need, before they return.
_CONSUMERS = frozenset(
    f"builtins.{each}"
    for each in ("all", "any", "dict", "frozenset", "list", "max", "min", "set", "sorted", "sum", "tuple")
)
_SCHEDULER_METHODS = frozenset({"create_task", "run_until_complete", "ensure_future"})


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a call stands.

    Attributes:
        function: the innermost function around it, or the module's scope.
        constraints: what stands between the call and that function, so that nothing can be awaited there.
        hazards: the same, of what can be taken.
    """

    function: Scope
    constraints: tuple[Constraint, ...] = ()
    hazards: tuple[Constraint, ...] = ()


def because(code: str, message: str, module: Module, offset: int) -> Constraint:
    """Return a constraint or hazard with its place."""
    position = module.position(offset)
    return Constraint(code, message, module.path, position.line, position.column)


def function_around(module: Module, scope: int) -> Scope:
    """Return the innermost function around `scope`, lambdas not counted, or the module's scope."""
    return module.enclosing(scope, "function") or module.scope(0)


def run_by_a_coroutine(calls: Iterable[Call], above: Callable[[Scope], list[Call]]) -> Call | None:
    """Return where a coroutine function comes to one of some calls, itself or through plain functions; None if nowhere.

    Args:
        calls: the calls.
        above: returns the calls that run a function.
    """
    pending = list(calls)
    seen: set[tuple[str, int]] = set()
    while pending:
        call = pending.pop()
        caller = function_around(call.module, call.scope)
        if caller.is_async:
            return call
        if caller.kind == "function" and key_of(caller) not in seen:
            seen.add(key_of(caller))
            pending += above(caller)
    return None


class Places:
    """Answers for the calls of one program."""

    def __init__(self, program: Program, receivers: Receivers) -> None:
        """Take the program and its receivers."""
        self.program = program
        self._held = Held(program, receivers)
        #: Tells whether no other task runs while a function waits.
        self.alone: Callable[[Scope], bool] = lambda _function: False

    def around(self, call: Call, *, seed: bool) -> Surroundings:
        """Return what stands around `call`; `seed` tells a blocking call from one of a function of the program."""
        function = function_around(call.module, call.scope)
        constraints = [*self._unplaced(call), *self._scopes(call), *self._locks(call)]
        if function.kind == "module":
            message = "the call runs when the module is imported; move it into a function, or below a main guard"
            constraints.append(because("ASY103", message, call.module, call.span.start))
        if not seed:
            constraints += [*self._stop_iteration(call), *self._awaited(call)]
        hazards = [*self._swallowed(call), *self._written_after(call), *self._nested(call)]
        return Surroundings(function, tuple(sorted(constraints)), tuple(sorted(hazards)))

    def wrapped(self, call: Call) -> Surroundings:
        """Return what stands around `call` where it only becomes the argument of `asyncio.run`."""
        constraints = [*self._unplaced(call), *self._awaited(call), *self._scopes(call, run=True)]
        return Surroundings(function_around(call.module, call.scope), tuple(sorted(constraints)))

    def _unplaced(self, call: Call) -> Iterator[Constraint]:
        if call.misplaced:
            message = "it stands in an f-string, in `{...=}` or at a place that cannot be told; assign it to a variable"
            yield because("ASY105", message, call.module, call.span.start)
        if call.module.path not in self.program.targets:
            message = "this file calls it and is not among those to be rewritten; name it, too"
            yield because("ASY110", message, call.module, call.span.start)

    def _scopes(self, call: Call, *, run: bool = False) -> Iterator[Constraint]:
        """Yield what is wrong with the scopes between the call and its function.

        Where the call is to `run` in a loop of its own, a lambda or generator is fine that is used up on the spot, and
        so is a class; any other may be called when a loop is running.
        """
        module, number = call.module, call.scope
        while number > 0:
            scope = module.scope(number)
            if scope.kind == "function":
                break
            if run and (scope.kind == "class" or _used_up(call, scope)):
                number = scope.parent
                continue
            if scope.kind == "lambda":
                message = "a lambda cannot await; write a nested `async def` if whoever calls it can await"
                yield because("ASY101", message, module, scope.span.start)
            elif scope.kind == "class":
                message = "the body of a class cannot await; make the value in a function"
                yield because("ASY102", message, module, call.span.start)
            elif scope.name == "<GeneratorExp>":
                # sum(f(x) for x in xs), any(...), "".join(...): none of them takes an asynchronous generator
                message = "a generator expression cannot await here; write a loop or a list comprehension"
                yield because("ASY104", message, module, scope.span.start)
            number = scope.parent
        if self._is_annotation(call):
            message = "an annotation cannot await; make the value before the definition"
            yield because("ASY106", message, module, call.span.start)

    def _is_annotation(self, call: Call) -> bool:
        """Tell whether the call stands in the head of a function, but not surely in a default value."""
        #     def g(x: f()): ...        def g(x: Annotated[int, f()]): ...
        root = _root(call)
        if root.use[0] == "ann":
            return True
        if root.use[0] == "default":
            return False
        module = call.module
        return any(
            each.kind in {"function", "lambda"}
            and each.parent == call.scope
            and each.span.start <= call.span.start < each.span.end
            for each in module.scopes()
        )

    def _locks(self, call: Call) -> Iterator[Constraint]:
        for each in self._held.around(call):
            if not each.shared and self.alone(function_around(call.module, call.scope)):
                continue
            message = f"{each.text}; use `asyncio.Lock`, or call outside of it"
            yield because("ASY107", message, call.module, each.offset)

    # --- exceptions -----------------------------------------------------------------------------------------------

    def _stop_iteration(self, call: Call) -> Iterator[Constraint]:
        for guard, types in _handlers(call):
            if any(each == "StopIteration" for each in types):
                message = "StopIteration is caught around the call, and would arrive as RuntimeError"
                yield because("ASY108", message, call.module, guard.start)

    def _swallowed(self, call: Call) -> Iterator[Constraint]:
        for guard in call.module.guards(call.guard):
            if guard.kind != "try":
                continue
            for types, _name, start, _end, statements in guard.payload:
                everything = types is None or "BaseException" in _names(types)
                if everything and "Reraise" not in statements:
                    message = "a handler around the new `await` swallows cancellation"
                    yield because("ASY002", message, call.module, start)

    # --- what happens to the value ------------------------------------------------------------------------------

    def _awaited(self, call: Call) -> Iterator[Constraint]:
        """Yield a constraint where a plain function's result is awaited: it returns something awaitable."""
        use = call.use
        taken = use[0] == "await"
        if use[0] == "arg":
            taker = call.module.call(use[1])
            dotted = self.program.dotted(taker.module, taker.scope, taker.function)
            taken = dotted in SCHEDULERS or (taker.function[0] == "a" and taker.tail in _SCHEDULER_METHODS)
        if taken:
            message = "what the plain function returns is awaited here already; make it `async def` by hand"
            yield because("ASY109", message, call.module, call.span.start)

    def _written_after(self, call: Call) -> Iterator[Constraint]:
        """Yield a hazard for `self.total += f()`, whose target is read before the wait."""
        if call.use[0] != "bin":
            return
        module, value = call.module, call.shape
        stored = any(
            _holds(entry[1], value) for entries in module.facts["attribute_stores"].values() for entry in entries
        ) or any(_holds(entry[2], value) for entry in module.facts["item_stores"])
        if not stored:
            for scope, table in enumerate(module.facts["binds"]):
                for name, bindings in table.items():
                    if any(kind == "aug" and _holds(payload, value) for kind, payload, *_ in bindings):
                        found = module.lookup(scope, name)
                        stored = found is None or found[0] != function_around(module, call.scope).number
        if stored:
            message = "the old value is read before the `await` and written after it; another task may write between"
            yield because("ASY003", message, module, call.span.start)

    def _nested(self, call: Call) -> Iterator[Constraint]:
        module, number = call.module, call.scope
        depth = 0
        while number > 0 and module.scope(number).kind == "comp":
            depth += 1
            number = module.scope(number).parent
        if depth > 1:
            message = "`await` in a comprehension within a comprehension needs Python 3.11"
            yield because("ASY008", message, module, call.span.start)


def _used_up(call: Call, scope: Scope) -> bool:
    """Tell whether a lambda or a generator expression around `call` is used up by what it is handed to, at once."""
    use: Use = scope.bases[0] if scope.kind == "lambda" and scope.bases else ["lambda"]
    if scope.kind != "lambda":
        use = call.use[2] if call.use[:2] == ["elem", "GeneratorExp"] else ["comp"]
    if use[0] != "arg":
        return False
    taker = call.module.call(use[1])
    if scope.kind == "lambda":
        return taker.tail in _CALLING_AT_ONCE
    return call.module.dotted(taker.scope, taker.function) in _CONSUMERS


def _root(call: Call) -> Call:
    """Return the outermost call that this one is an argument, receiver or part of an argument of, as far as seen."""
    for _ in range(20):
        use = call.use
        if use[0] == "arg":
            call = call.module.call(use[1])
        elif use[0] == "meth":
            call = call.module.call(use[2])
        elif use[0] == "callee":
            call = call.module.call(use[1])
        else:
            break
    return call


def _holds(shape: Shape | None, value: Shape) -> bool:
    """Tell whether `value` is `shape` or an operand of it."""
    if shape is None:
        return False
    if shape == value:
        return True
    return shape[0] == "o" and (_holds(shape[2], value) or _holds(shape[3], value))


def _names(types: Shape) -> list[str]:
    """Return the last names of the exception classes that a handler names."""
    return [str(each[-1]) for each in (types[1] if types[0] == "t" else [types])]


def _handlers(call: Call) -> Iterator[tuple[Guard, list[str]]]:
    for guard in call.module.guards(call.guard):
        if guard.kind == "try":
            for types, *_ in guard.payload:
                yield guard, _names(types) if types is not None else []


# --- the program's entry --------------------------------------------------------------------------------------------


def is_entry(call: Call) -> bool:
    """Tell whether a call at module level runs only when the file is run as a program.

    It does in `__main__.py`, and in the block below `if __name__ == "__main__":`, at whatever depth.
    """
    module = call.module
    if function_around(module, call.scope).kind != "module":
        return False
    if module.path.rpartition("/")[2] == "__main__.py":
        return True
    return any(each.kind == "main" for each in module.blocks(call.span.start))
