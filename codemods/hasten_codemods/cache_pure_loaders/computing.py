"""Which functions compute what may be worth keeping, though they load nothing.

To find a result that was kept takes a look at every argument, so a function that goes once through what it is given
takes hardly longer than that. What takes longer goes through numbers of a range, through a loop within a loop, or round
in a `while` where it is given nothing but numbers; or it calls itself twice, in steps that lead to the same arguments
again, as those of `fib(n - 1)` and `fib(n - 2)` do.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

from hasten.api import Call, Module, Program, Scope

Shape = list[Any]

#: Ranges of up to so many numbers, that are written out, are no work.
_FEW = 64
_LOOPS = frozenset({"for", "async for", "while"})
_STEPS = frozenset({"Add", "Sub", "FloorDiv"})


def computing(module: Module) -> frozenset[int]:
    """Return the numbers of the functions of a module in which there are loops that are work."""
    return module.remember("cache-pure-loaders computing", lambda: _functions(module, _working(module)))


def counting(module: Module) -> frozenset[int]:
    """Return the numbers of the functions of a module with a `while`: it may be work, or go once through a text."""
    return module.remember("cache-pure-loaders counting", lambda: _functions(module, _counting(module)))


def _functions(module: Module, scopes: Iterator[int]) -> frozenset[int]:
    around = (module.enclosing(each, "function") for each in scopes)
    return frozenset(each.number for each in around if each is not None)


def _working(module: Module) -> Iterator[int]:
    """Yield the scopes of loops that are work."""
    scopes = module.facts["scopes"]
    bodies: list[tuple[int, int]] = []
    for _parent, kind, header, start, end in module.facts["blocks"]:
        if kind in _LOOPS:
            if _is_within(header, bodies):
                yield _scope_at(module, header)
            bodies.append((start, end))
    for number, record in enumerate(scopes):
        if record[0] == "comp" and (scopes[record[2]][0] == "comp" or _is_within(record[3], bodies)):
            yield number
    for call in module.calls_named("range"):
        if call.use == ["iter"] and not _is_short(call):
            yield call.scope


def _counting(module: Module) -> Iterator[int]:
    for _parent, kind, header, _start, _end in module.facts["blocks"]:
        if kind == "while":
            yield _scope_at(module, header)


def _is_within(offset: int, bodies: list[tuple[int, int]]) -> bool:
    return any(start <= offset < end for start, end in bodies)


def _scope_at(module: Module, offset: int) -> int:
    """Return the innermost function or class around a statement."""
    around = (
        number
        for number, record in enumerate(module.facts["scopes"])
        if record[0] in {"function", "class"} and record[3] <= offset < record[4]
    )
    return max(around, default=0)


def _is_short(call: Call) -> bool:
    """Tell whether a range has few numbers, or those of the places of something that is gone through."""
    return all(is_small(each.shape) or _is_length(call.module, each.shape) for each in call.arguments)


def _is_length(module: Module, shape: Shape) -> bool:
    return shape[0] == "c" and module.call(shape[1]).function == ["n", "len"]


def is_small(shape: Shape) -> bool:
    """Tell whether a value is a small number that is written out."""
    return shape[:2] == ["k", "int"] and shape[2] is not None and int(shape[2], 0) <= _FEW


# --- what calls itself ---------------------------------------------------------------------------------------------


def calling_themselves(module: Module) -> frozenset[int]:
    """Return the numbers of the functions of a module that call something of their own name more than once."""
    return module.remember("cache-pure-loaders recursive", lambda: frozenset(_calling_themselves(module)))


def _calling_themselves(module: Module) -> Iterator[int]:
    once: set[int] = set()
    names = module.names("definitions")
    for call in module.calls():
        function = module.enclosing(call.scope, "function") if call.tail in names else None
        if function is not None and function.name == call.tail:
            if function.number in once:
                yield function.number
            once.add(function.number)


def comes_again(program: Program, function: Scope) -> str:
    """Return where a function calls itself in steps that lead to the same arguments again, empty where it does not."""
    module = function.module
    if function.number not in calling_themselves(module):
        return ""
    steps = _steps(program, function)
    for one, other in combinations(sorted(steps, key=lambda each: each.span.start), 2):
        if _are_both_made(one, other) and not any(_tells_apart(each, one, other) for each in function.returned):
            return f"{module.path}:{module.position(one.span.start).line}"
    return ""


def _steps(program: Program, function: Scope) -> list[Call]:
    """Return the calls by which a function calls itself with its own arguments, moved by a fixed step."""
    calls = [call for call, certain in program.callers(function) if certain and call.module is function.module]
    return [call for call in calls if _is_step(function, call)]


def _is_step(function: Scope, call: Call) -> bool:
    """Tell whether a function calls itself with its own arguments, moved by a fixed step.

    Steps of one kind can be taken in any order, so that there are many ways to the same arguments. To halves of a list,
    or to the children of a node, there is one way only.
    """
    if call.module.enclosing(call.scope, "function") != function:
        return False
    moved = False
    for name, shape in _given(function, call):
        match shape:
            case ["n", str(other)] if name and _is_parameter(function, other):
                pass
            case ["k", *_] if name:
                pass
            case ["o", str(step), ["n", str(other)], ["k" | "i" | "n", *_]] if step in _STEPS and name == other:
                moved = True
            case ["o", "Add", ["k" | "u", *_], ["n", str(other)]] if name == other:
                moved = True
            case ["i", ["n", str(other)], ["x", "Slice"]] if name == other and len(function.parameters) > 1:
                moved = True
            case _:
                return False
    return moved


def moved_by(program: Program, function: Scope) -> int:
    """Return how many of its parameters a function moves where it calls itself."""
    return len(
        {name for call in _steps(program, function) for name, shape in _given(function, call) if shape[0] in {"o", "i"}}
    )


def _given(function: Scope, call: Call) -> Iterator[tuple[str, Shape]]:
    """Yield what a call gives, with the name of the parameter, empty where that cannot be seen."""
    names = [each[0] for each in function.parameters]
    for place, argument in enumerate(call.arguments):
        if argument.keyword is None:
            yield (names[place] if place < len(names) else ""), argument.shape
        else:
            yield (argument.keyword if argument.keyword in names else ""), argument.shape


def _is_parameter(function: Scope, name: str) -> bool:
    return any(each[0] == name for each in function.parameters)


def _are_both_made(one: Call, other: Call) -> bool:
    """Tell whether one way through a function makes both calls, the first of which stands before the other."""
    first, second = ([each.start for each in call.module.blocks(call.span.start)] for call in (one, other))
    # What comes after a block may be what is done instead of it: `if low: return f(n - 1)`, `return f(n - 2)`.
    return one.scope == other.scope and second[len(second) - len(first) :] == first


def _tells_apart(shape: Any, one: Call, other: Call) -> bool:  # noqa: ANN401 - a shape, or a part of one
    """Tell whether a shape is made with one of two calls only: `f(n // 2) if even else f(n - 1)`."""
    if not isinstance(shape, list):
        return False
    if shape[:1] == ["?"]:
        held = [[holds(each, call.shape) for each in shape[1]] for call in (one, other)]
        if all(map(any, held)) and held[0] != held[1]:
            return True
    return any(_tells_apart(each, one, other) for each in shape)


def holds(whole: Any, shape: Shape) -> bool:  # noqa: ANN401 - a shape, or a part of one
    """Tell whether a shape is another one, or is made with it."""
    return whole == shape or (isinstance(whole, list) and any(holds(each, shape) for each in whole))
