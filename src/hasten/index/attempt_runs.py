"""One run of a loop that tries something again, in which every attempt fails: see `hasten.index.attempts`."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

#: More attempts than this are taken for no end at all.
_MOST = 40
_OPERATORS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_LOGGERS = frozenset({"log", "logger", "logging"})
_LOGS = frozenset({"debug", "info", "warning", "warn", "error", "exception", "log"})
#: The largest exponent: `2**attempt`, and no more than that.
_LARGEST = 64
#: The largest number that is counted with, in seconds: thirty years.
_LONGEST_WAIT = 1e9
#: Source in messages is cut off here.
_LONGEST = 40


class KeptError(Exception):
    """A loop does more than to try again, or says how often, or how long, where it cannot be seen.

    Attributes:
        reason: what it does, for people.
        node: where.
    """

    def __init__(self, reason: str, node: ast.AST) -> None:
        """Take the reason, to follow on "and", and what it is about."""
        super().__init__(reason)
        self.reason = reason
        self.node = node


class _Raised(Exception):  # noqa: N818 - it is what the handler does, and no error of ours
    """The handler gives up."""


class _Next(Exception):  # noqa: N818 - as above
    """The handler goes on with the next attempt."""


@dataclass
class Run:
    """One run of the loop, in which every attempt fails."""

    values: dict[str, Any]
    caught: str = ""
    waits: list[float] = field(default_factory=list)
    sleep: ast.Call | None = None
    logs: dict[int, ast.Call] = field(default_factory=dict)
    waited: bool = False
    lost: ast.Call | None = None

    def loop(self, loop: ast.For | ast.While, handler: ast.ExceptHandler) -> None:
        """Run the handler until it gives up.

        Raises:
            KeptError: it cannot be run, or never gives up.
        """
        self.caught = handler.name or ""
        rounds = self._rounds(loop)
        for number, value in enumerate(rounds if rounds is not None else range(_MOST)):
            if number >= _MOST:
                break
            if rounds is not None:
                assert isinstance(loop, ast.For) and isinstance(loop.target, ast.Name)  # noqa: S101, PT018 - see _rounds
                self.values[loop.target.id] = value
            elif not self.value(loop.test):  # type: ignore[union-attr]
                break
            self.waited, self.lost = False, None
            try:
                for each in handler.body:
                    self.execute(each)
            except _Raised:
                if self.waited:
                    raise KeptError("it waits once more before it gives up", handler) from None
                return
            except _Next:
                pass
            if not self.waited:
                raise KeptError("it goes on without a wait", handler)
        reason = "it never gives up" if len(self.waits) >= _MOST else "it ends without the error of the last attempt"
        raise KeptError(reason, loop)

    def _rounds(self, loop: ast.For | ast.While) -> range | None:
        """Return what a `for` goes through; None for a `while`."""
        if isinstance(loop, ast.While):
            return None
        made = loop.iter
        plain = isinstance(made, ast.Call) and isinstance(made.func, ast.Name) and made.func.id == "range"
        if not plain or not isinstance(made, ast.Call) or made.keywords or not isinstance(loop.target, ast.Name):
            raise KeptError(f"it goes through `{ast.unparse(made)}`, and does not only count", made)
        bounds = [self.value(each) for each in made.args]
        if not all(isinstance(each, int) for each in bounds) or not 1 <= len(bounds) <= 3 or bounds[2:] == [0]:  # noqa: PLR2004 - of range
            raise KeptError(f"it counts by `{ast.unparse(made)}`", made)
        return range(*bounds)

    def execute(self, statement: ast.stmt) -> None:
        """Carry out one statement.

        Raises:
            KeptError: it does something else than to count, to wait, or to write a line.
        """
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self.values[name] = self.value(value)
            case ast.AugAssign(target=ast.Name(id=name), op=op, value=value):
                self.values[name] = self._operate(
                    statement, op, self.value(ast.copy_location(ast.Name(name), statement)), self.value(value)
                )
            case ast.If(test=test, body=body, orelse=rest):
                for each in body if self.value(test) else rest:
                    self.execute(each)
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)) if len(names) == len(values):
                for target, each in zip(names, [self.value(one) for one in values], strict=True):
                    if not isinstance(target, ast.Name):
                        raise KeptError(f"it does more than to wait (`{_shown(statement)}`)", statement)
                    self.values[target.id] = each
            case ast.Raise(exc=None):
                raise _Raised
            case ast.Raise(exc=ast.Name(id=name), cause=None) if name == self.caught:
                raise _Raised
            case ast.Raise():
                raise KeptError(f"it ends with another error (`{_shown(statement)}`)", statement)
            case ast.Return():
                raise KeptError("it ends with a value in the place of the error", statement)
            case ast.Continue():
                raise _Next
            case ast.Pass():
                pass
            case ast.Expr(value=ast.Call() as call) | ast.Expr(value=ast.Await(value=ast.Call() as call)):
                self._call(call)
            case _:
                raise KeptError(f"it does more than to wait (`{_shown(statement)}`)", statement)

    def _call(self, call: ast.Call) -> None:
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name == "sleep" and len(call.args) == 1 and not call.keywords:
            if self.waited or (self.sleep is not None and self.sleep is not call):
                raise KeptError("it waits in several places", call)
            self.sleep, self.waited = call, True
            wait = self.value(call.args[0])
            if not 0 <= wait <= _LONGEST_WAIT:
                raise KeptError(f"nobody can wait for `{_shown(call.args[0])}`", call)
            self.waits.append(float(wait))
        elif name in _LOGS and isinstance(call.func, ast.Attribute) and _is_log(call.func.value):
            self.logs[id(call)] = self.lost = call
        else:
            raise KeptError(f"it does more than to wait (`{_shown(call)}`)", call)

    def _operate(self, node: ast.AST, op: ast.AST, left: Any, right: Any) -> Any:  # noqa: ANN401 - as below
        unknown = KeptError(f"its arithmetic is not understood (`{_shown(node)}`)", node)
        function = _OPERATORS.get(type(op))
        if function is None or (isinstance(op, ast.Pow) and abs(right) > _LARGEST):
            raise unknown
        try:
            result = function(left, right)
        except ArithmeticError:
            raise unknown from None
        # A root of a negative number is complex, and whole numbers grow without an end.
        if isinstance(result, complex) or abs(result) > _LONGEST_WAIT:
            raise unknown
        return result

    def value(self, node: ast.expr) -> Any:  # noqa: ANN401 - a number, or the answer of a comparison
        """Return a number, or the answer of a comparison.

        Raises:
            KeptError: it is not there to be seen.
        """
        match node:
            case ast.Constant(value=bool() | int() | float() as value):
                return value
            case ast.Name(id=name) if name in self.values:
                return self.values[name]
            case ast.BinOp(left=left, op=op, right=right):
                return self._operate(node, op, self.value(left), self.value(right))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self.value(operand)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not self.value(operand)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self._operate(node, op, self.value(left), self.value(right))
            case ast.Call(func=ast.Name(id="min" | "max" as name), args=arguments, keywords=[]) if arguments:
                return (min if name == "min" else max)(self.value(each) for each in arguments)
            case _:
                raise KeptError(f"what `{_shown(node)}` is cannot be seen here", node)


def _is_log(node: ast.expr) -> bool:
    """Tell whether something writes log lines, by its name."""
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return name.lower().strip("_") in _LOGGERS


def _shown(node: ast.AST) -> str:
    """Return the beginning of the source of a node."""
    text = ast.unparse(node).partition("\n")[0]
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
