"""Functions that do nothing but try something again and again, and how often and after which waits they do.

    for attempt in range(3):            delay = 1
        try:                            while True:
            return ask()                    try:
        except Failed:                          return ask()
            if attempt == 2:                except Failed:
                raise                           time.sleep(delay)
            time.sleep(2**attempt)              delay *= 2

The handler is run here with every number in it, so that no way to write the arithmetic has to be known. What cannot be
run, because a number is not there to be seen, is no such function, and neither is one that goes on after its loop.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

#: More attempts than this are taken for no end at all.
_MOST = 40
_OPERATORS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_LOGS = frozenset({"debug", "info", "warning", "warn", "error", "exception", "log"})
#: `2**attempt`, and no more than that.
_LARGEST = 64


class Attempts(NamedTuple):
    """A function that tries again.

    Attributes:
        loop: its loop, the last statement of its body.
        errors: what the handler catches.
        waits: in seconds, between the attempts: there is one more of these.
        limit: the name of the constant that says how many attempts there are, `""` where a number does.
        counters: statements before the loop that only set what it counts with.
        sleep: the call that waits.
        logs: the calls that write a line before each wait.
    """

    loop: ast.For | ast.While
    errors: ast.expr
    waits: tuple[float, ...]
    limit: str
    counters: tuple[ast.stmt, ...]
    sleep: ast.Call
    logs: tuple[ast.Call, ...]


class _UnknownError(Exception):
    """A number, or what a statement does, is not there to be seen."""


class _Raised(Exception):  # noqa: N818 - it is what the handler does, and no error of ours
    """The handler gives up."""


class _Next(Exception):  # noqa: N818 - as above
    """The handler goes on with the next attempt."""


def read(function: ast.FunctionDef | ast.AsyncFunctionDef, constants: Mapping[str, float]) -> Attempts | None:
    """Return how a function tries again, None where it does not, or does more than that.

    Args:
        function: what to look at.
        constants: the numbers that names of the module stand for.
    """
    loop = function.body[-1]
    if not isinstance(loop, (ast.For, ast.While)) or loop.orelse or len(loop.body) != 1:
        return None
    attempt = loop.body[0]
    if not isinstance(attempt, ast.Try) or attempt.orelse or attempt.finalbody or len(attempt.handlers) != 1:
        return None
    handler = attempt.handlers[0]
    if handler.type is None or not isinstance(attempt.body[-1], ast.Return) or _leaves_early(attempt.body):
        return None
    run = _Run(dict(constants))
    counters: list[ast.stmt] = []
    for each in function.body[:-1]:
        if _is_counter(each, loop):
            counters.append(each)
            run.execute(each)
    # What it counts with is gone without the loop.
    counted = _targets(counters) | _bound([loop.target] if isinstance(loop, ast.For) else []) | _bound(handler.body)
    if any(isinstance(each, ast.Name) and each.id in counted for each in _others(function, attempt, counters)):
        return None
    try:
        run.loop(loop, handler)
    except _UnknownError:
        return None
    if run.sleep is None or not run.waits:
        return None
    tries = len(run.waits) + 1
    limit = next((each for each in sorted(_mentioned(loop)) if constants.get(each) == tries), "")
    if not limit and any(each in constants for each in _mentioned(loop)):
        return None  # a name says something about it, and would say nothing any more
    return Attempts(loop, handler.type, tuple(run.waits), limit, tuple(counters), run.sleep, tuple(run.logs.values()))


def constants_of(tree: ast.Module) -> dict[str, float]:
    """Return the numbers that a module gives a name at its top level, once and nowhere else."""
    found: dict[str, float] = {}
    seen: set[str] = set()
    for each in tree.body:
        if not isinstance(each, (ast.Assign, ast.AnnAssign)):
            continue
        for target in each.targets if isinstance(each, ast.Assign) else [each.target]:
            if not isinstance(target, ast.Name):
                continue
            number = each.value.value if isinstance(each.value, ast.Constant) else None
            if isinstance(number, (int, float)) and not isinstance(number, bool) and target.id not in seen:
                found[target.id] = number
            else:
                found.pop(target.id, None)
            seen.add(target.id)
    return found


def _mentioned(loop: ast.AST) -> set[str]:
    """Return the names that a loop reads in its own lines, those of what it tries left out."""
    names: set[str] = set()
    heads: list[ast.AST] = (
        [loop.iter] if isinstance(loop, ast.For) else [loop.test] if isinstance(loop, ast.While) else []
    )
    attempt = loop.body[0] if isinstance(loop, (ast.For, ast.While)) else None
    heads += attempt.handlers[0].body if isinstance(attempt, ast.Try) else []
    for head in heads:
        names |= {each.id for each in ast.walk(head) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)}
    return names


def _leaves_early(body: list[ast.stmt]) -> bool:
    return any(
        isinstance(each, (ast.Continue, ast.Break, ast.Yield, ast.YieldFrom)) for one in body for each in ast.walk(one)
    )


def _is_counter(statement: ast.stmt, loop: ast.AST) -> bool:
    """Tell whether a statement only sets a number that the loop counts with: `delay = 1`."""
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return False
    target, value = statement.targets[0], statement.value
    if not isinstance(target, ast.Name) or not isinstance(value, ast.Constant) or type(value.value) not in {int, float}:
        return False
    return target.id in _mentioned(loop)


def _targets(statements: list[ast.stmt]) -> set[str]:
    return {each.id for one in statements for each in ast.walk(one) if isinstance(each, ast.Name)}


def _bound(nodes: Sequence[ast.AST]) -> set[str]:
    """Return the names that are given a value somewhere in some nodes."""
    every = (each for node in nodes for each in ast.walk(node))
    return {each.id for each in every if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}


def _others(function: ast.AST, attempt: ast.Try, counters: list[ast.stmt]) -> list[ast.AST]:
    """Return what a function is made of beside its loop and its counters: its other statements, and what it tries."""
    body: list[ast.stmt] = getattr(function, "body", [])
    rest = [each for each in body[:-1] if each not in counters] + attempt.body
    return [inner for each in rest for inner in ast.walk(each)]


@dataclass
class _Run:
    """One run of the loop, in which every attempt fails."""

    values: dict[str, Any]
    waits: list[float] = field(default_factory=list)
    sleep: ast.Call | None = None
    logs: dict[int, ast.Call] = field(default_factory=dict)
    waited: bool = False

    def loop(self, loop: ast.For | ast.While, handler: ast.ExceptHandler) -> None:
        """Run the handler until it gives up.

        Raises:
            _UnknownError: it cannot be run, or never gives up.
        """
        rounds = self._rounds(loop)
        for number, value in enumerate(rounds if rounds is not None else range(_MOST)):
            if number >= _MOST:
                break
            if rounds is not None:
                assert isinstance(loop, ast.For) and isinstance(loop.target, ast.Name)  # noqa: S101, PT018 - see _rounds
                self.values[loop.target.id] = value
            elif not self.value(loop.test):  # type: ignore[union-attr]
                break
            self.waited = False
            try:
                for each in handler.body:
                    self.execute(each)
            except _Raised:
                if self.waited:
                    raise _UnknownError from None  # it waits before it gives up
                return
            except _Next:
                pass
            if not self.waited:
                raise _UnknownError  # it goes on at once
        raise _UnknownError

    def _rounds(self, loop: ast.For | ast.While) -> range | None:
        """Return what a `for` goes through; None for a `while`."""
        if isinstance(loop, ast.While):
            return None
        made = loop.iter
        plain = isinstance(made, ast.Call) and isinstance(made.func, ast.Name) and made.func.id == "range"
        if not plain or not isinstance(made, ast.Call) or made.keywords or not isinstance(loop.target, ast.Name):
            raise _UnknownError
        bounds = [self.value(each) for each in made.args]
        if not all(isinstance(each, int) for each in bounds) or not 1 <= len(bounds) <= 3:  # noqa: PLR2004 - of range
            raise _UnknownError
        return range(*bounds)

    def execute(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self.values[name] = self.value(value)
            case ast.AugAssign(target=ast.Name(id=name), op=op, value=value):
                self.values[name] = self._operate(op, self._name(name), self.value(value))
            case ast.If(test=test, body=body, orelse=rest):
                for each in body if self.value(test) else rest:
                    self.execute(each)
            case ast.Raise(exc=None):
                raise _Raised
            case ast.Continue():
                raise _Next
            case ast.Pass():
                pass
            case ast.Expr(value=ast.Call() as call) | ast.Expr(value=ast.Await(value=ast.Call() as call)):
                self._call(call)
            case _:
                raise _UnknownError

    def _call(self, call: ast.Call) -> None:
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name == "sleep" and len(call.args) == 1 and not call.keywords:
            if self.waited or (self.sleep is not None and self.sleep is not call):
                raise _UnknownError
            self.sleep, self.waited = call, True
            self.waits.append(float(self.value(call.args[0])))
        elif name in _LOGS and isinstance(call.func, ast.Attribute):
            self.logs[id(call)] = call
        else:
            raise _UnknownError

    def _name(self, name: str) -> Any:  # noqa: ANN401 - a number, or the answer of a comparison
        if name not in self.values:
            raise _UnknownError
        return self.values[name]

    def _operate(self, op: ast.AST, left: Any, right: Any) -> Any:  # noqa: ANN401 - as above
        if isinstance(op, ast.Pow):
            if abs(right) > _LARGEST or abs(left) > _LARGEST:
                raise _UnknownError
            return left**right
        function = _OPERATORS.get(type(op))
        if function is None or (isinstance(op, (ast.Div, ast.FloorDiv, ast.Mod)) and not right):
            raise _UnknownError
        return function(left, right)

    def value(self, node: ast.expr) -> Any:  # noqa: ANN401 - as above
        """Return a number, or the answer of a comparison.

        Raises:
            _UnknownError: it is not there to be seen.
        """
        match node:
            case ast.Constant(value=bool() | int() | float() as value):
                return value
            case ast.Name(id=name):
                return self._name(name)
            case ast.BinOp(left=left, op=op, right=right):
                return self._operate(op, self.value(left), self.value(right))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self.value(operand)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self._operate(op, self.value(left), self.value(right))
            case ast.Call(func=ast.Name(id="min" | "max" as name), args=arguments, keywords=[]) if arguments:
                return (min if name == "min" else max)(self.value(each) for each in arguments)
            case _:
                raise _UnknownError
