"""What the conditions of a file say of variables and attributes, and where: the part of the facts on narrowing.

A record is `[scope, kind, start, end, test, yes, no, leaves, inner, given]`: what stands at `start` asks
`test`, and runs the text of the span `yes` only where it holds, that of `no` only where it does not (None: none).
`leaves` holds `y` and `n` for those of both blocks that never reach their end, and `inner` tells that all of `no` is
another `if`. `given` names what each of both blocks gives a new value in any case.

Tests, by first element: isinstance SHAPE CLASSES · none SHAPE · truth SHAPE · equal SHAPE TYPE · has SHAPE NAME · not
TEST · and [tests] · or [tests] · ? (anything else)
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from hasten.index.module import Shape

Test = list[Any]
_ANYTHING: Test = ["?"]


def test_of(node: ast.expr, shape_of: Callable[[ast.expr], Shape]) -> Test:
    """Return what a condition says of variables and attributes.

    Args:
        node: the condition.
        shape_of: returns the shape of a plain dotted expression.
    """
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = test_of(operand, shape_of)
            return _ANYTHING if inner == _ANYTHING else ["not", inner]
        case ast.BoolOp(op=operator, values=values):
            tests = [test_of(each, shape_of) for each in values]
            if all(each == _ANYTHING for each in tests):
                return _ANYTHING
            return ["and" if isinstance(operator, ast.And) else "or", tests]
        case ast.Name() | ast.Attribute():
            return ["truth", shape_of(node)] if _is_place(node) else _ANYTHING
        case ast.Call(func=ast.Name(id=name), args=[first, second], keywords=[]) if _is_place(first):
            return _asked(name, shape_of(first), second, shape_of)
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            return _compared(left, operator, right, shape_of)
        case _:
            return _ANYTHING


def leaves(statements: list[ast.stmt]) -> bool:
    """Tell whether the statements below these are surely not reached from them."""
    match statements[-1] if statements else None:
        case ast.Return() | ast.Raise() | ast.Continue() | ast.Break():
            return True
        case ast.If(body=body, orelse=orelse):
            return leaves(body) and leaves(orelse)
        case _:
            return False


def given(statements: list[ast.stmt]) -> list[str]:
    """Return the variables, and attributes of variables, that these statements surely give new values."""
    found: list[str] = []
    for each in statements:
        targets = each.targets if isinstance(each, ast.Assign) else []
        if isinstance(each, ast.AnnAssign) and each.value is not None:
            targets = [each.target]
        for target in targets:
            match target:
                case ast.Name(id=name):
                    found.append(name)
                case ast.Attribute(value=ast.Name(id=base), attr=name):
                    found.append(f"{base}.{name}")
                case _:
                    pass
    return found


def _asked(name: str, asked: Shape, second: ast.expr, shape_of: Callable[[ast.expr], Shape]) -> Test:
    if name == "isinstance":
        classes = second.elts if isinstance(second, ast.Tuple) else [second]
        return ["isinstance", asked, [shape_of(each) for each in classes]]
    if name == "hasattr" and isinstance(second, ast.Constant) and isinstance(second.value, str):
        return ["has", asked, shape_of(second)[2]]
    return _ANYTHING


def _compared(left: ast.expr, operator: ast.cmpop, right: ast.expr, shape_of: Callable[[ast.expr], Shape]) -> Test:
    """Return what `x is None` or `x == "text"` says."""
    if not _is_place(left) or not isinstance(right, ast.Constant):
        return _ANYTHING
    if isinstance(operator, (ast.Is, ast.IsNot)) and right.value is None:
        found: Test = ["none", shape_of(left)]
    elif isinstance(operator, (ast.Eq, ast.NotEq)):
        found = ["equal", shape_of(left), type(right.value).__name__]
    else:
        return _ANYTHING
    return found if isinstance(operator, (ast.Is, ast.Eq)) else ["not", found]


def _is_place(node: ast.expr) -> bool:
    """Tell whether an expression is a variable, or an attribute of one."""
    return isinstance(node, ast.Name) or (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name))
