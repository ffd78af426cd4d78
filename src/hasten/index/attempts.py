"""Functions that do nothing but try something again and again, and how often and after which waits they do.

    for attempt in range(3):            delay = 1
        try:                            while True:
            return ask()                    try:
        except Failed:                          return ask()
            if attempt == 2:                except Failed:
                raise                           time.sleep(delay)
            time.sleep(2**attempt)              delay *= 2

The handler is run here with every number in it, so that no way to write the arithmetic has to be known. Where it cannot
be run, because a number is not there to be seen, or where the function does more than that, the reason is kept. So it
is where a second run of what stands before the loop would not be the same: a decorator runs it for each attempt.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hasten.index.attempt_runs import KeptError, Run
from hasten.index.steadiness import unsteady


class Attempts(NamedTuple):
    """A function that tries again.

    Attributes:
        loop: its loop.
        errors: what the handler catches.
        waits: in seconds, between the attempts: there is one more of these.
        limit: the name of the constant that says how many attempts there are, `""` where a number does.
        named: the other constants that it mentions, which say how long it waits.
        counters: statements before the loop that only set what it counts with, and those behind it that are never
            reached.
        sleep: the call that waits.
        logs: the calls that write a line.
        lost: the one of these that is reached before it gives up, where there is no wait to write a line before.
    """

    loop: ast.For | ast.While
    errors: ast.expr
    waits: tuple[float, ...]
    limit: str
    named: Mapping[str, float]
    counters: tuple[ast.stmt, ...]
    sleep: ast.Call
    logs: tuple[ast.Call, ...]
    lost: ast.Call | None


def read(function: ast.FunctionDef | ast.AsyncFunctionDef, constants: Mapping[str, float]) -> Attempts | None:
    """Return how a function tries again, None where no loop of its own tries anything.

    Args:
        function: what to look at.
        constants: the numbers that names of the module stand for.

    Raises:
        KeptError: it does more than that, or a number is not there to be seen.
    """
    place = next((each for each, one in enumerate(function.body) if _is_trying(one)), None)
    if place is None:
        return None
    before, loop, after = function.body[:place], function.body[place], function.body[place + 1 :]
    assert isinstance(loop, (ast.For, ast.While))  # noqa: S101 - see _is_trying
    attempt, handler, errors = _parts(loop)
    run = Run(dict(constants))
    counters = [each for each in before if _is_counter(each, loop)]
    for each in counters:
        run.execute(each)
    rest = [each for each in before if each not in counters]
    # What it counts with is gone without the loop.
    counted = _targets(counters) | _bound([loop.target] if isinstance(loop, ast.For) else []) | _bound(handler.body)
    for name in (inner for one in [*rest, *attempt.body] for inner in ast.walk(one)):
        if isinstance(name, ast.Name) and name.id in counted:
            raise KeptError(f"`{name.id}` is more than what it counts with", name)
    run.loop(loop, handler)
    if after and not all(_is_plain_end(each) for each in after):
        raise KeptError("its function goes on after it", after[0])
    if run.sleep is None or not run.waits:
        raise KeptError("it makes one attempt only", loop)
    changing = unsteady(function, rest, attempt)
    if changing is not None:
        raise changing
    tries = len(run.waits) + 1
    limit = next((each for each in sorted(_mentioned(loop)) if constants.get(each) == tries), "")
    named = {each: constants[each] for each in sorted(_mentioned(loop)) if each in constants and each != limit}
    return Attempts(
        loop,
        errors,
        tuple(run.waits),
        limit,
        named,
        (*counters, *after),
        run.sleep,
        tuple(run.logs.values()),
        run.lost,
    )


def _is_trying(statement: ast.stmt) -> bool:
    """Tell whether a statement is a loop that tries something in each round."""
    return isinstance(statement, (ast.For, ast.While)) and any(isinstance(each, ast.Try) for each in statement.body)


def _is_plain_end(statement: ast.stmt) -> bool:
    """Tell whether a statement, which is never reached, says just that: `return None`, `raise RuntimeError("...")`."""
    return isinstance(statement, (ast.Return, ast.Raise, ast.Pass))


def _parts(loop: ast.For | ast.While) -> tuple[ast.Try, ast.ExceptHandler, ast.expr]:
    """Return what a loop tries, its one handler, and what that catches.

    Raises:
        KeptError: it does more than that.
    """
    if loop.orelse:
        raise KeptError("it has an `else`", loop.orelse[0])
    attempt = loop.body[0]
    if len(loop.body) != 1 or not isinstance(attempt, ast.Try):
        # Two of them are as much: the second is what is done beside the first.
        other = next((each for each in loop.body if not isinstance(each, ast.Try)), loop.body[-1])
        raise KeptError("each round does something beside what it tries", other)
    if attempt.finalbody:
        raise KeptError("its `try` has a `finally`", attempt.finalbody[0])
    if attempt.orelse:
        raise KeptError("its `try` has an `else`, whose errors it does not try again", attempt.orelse[0])
    if len(attempt.handlers) != 1:
        raise KeptError("it has several handlers", attempt.handlers[1])
    handler = attempt.handlers[0]
    if handler.type is None:
        raise KeptError("its handler catches whatever is raised", handler)
    leaving = next((each for each in attempt.body if _leaves_early([each])), None)
    if leaving is not None or not isinstance(attempt.body[-1], ast.Return):
        raise KeptError("what it tries does not end in `return`", leaving or attempt.body[-1])
    return attempt, handler, handler.type


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
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        pairs = [*zip(target.elts, value.elts, strict=True)]
    else:
        pairs = [(target, value)]
    return all(
        isinstance(name, ast.Name)
        and isinstance(number, ast.Constant)
        and type(number.value) in {int, float}
        and name.id in _mentioned(loop)
        for name, number in pairs
    )


def _targets(statements: list[ast.stmt]) -> set[str]:
    return {each.id for one in statements for each in ast.walk(one) if isinstance(each, ast.Name)}


def _bound(nodes: Sequence[ast.AST]) -> set[str]:
    """Return the names that are given a value somewhere in some nodes."""
    every = (each for node in nodes for each in ast.walk(node))
    return {each.id for each in every if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
