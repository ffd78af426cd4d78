"""Whether a second run of what a function does before its loop, and of what its loop tries, would be the same.

A loop runs what stands before it once. A decorator in its place runs it for each attempt: a key that is made there is
another one then, a clock begins anew, and a list is empty again.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from hasten.index.attempt_runs import KeptError

#: Functions and methods that give the same for the same, by their last names.
_SAME = frozenset(
    {"str", "int", "float", "bool", "len", "tuple", "format", "join", "strip", "lstrip", "rstrip", "lower", "upper"}
    | {"title", "replace", "encode", "decode", "removeprefix", "removesuffix", "urljoin", "quote", "quote_plus"}
    | {"urlencode", "getLogger", "min", "max", "round", "abs"}
)
#: Arguments that clients only read.
_READ_ONLY = frozenset({"headers", "params", "json", "data", "cookies", "auth", "timeout", "content", "proxies"})


def unsteady(
    function: ast.FunctionDef | ast.AsyncFunctionDef, before: Sequence[ast.stmt], attempt: ast.Try
) -> KeptError | None:
    """Return what would be another thing for each attempt, None where all would be the same.

    Args:
        function: it.
        before: what it does before its loop, without what only counts.
        attempt: what the loop tries.
    """
    made: set[str] = set()
    looked_up: list[ast.expr] = []
    set_before: set[str] = set()
    for each in before:
        if isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant):
            continue  # the docstring
        if isinstance(each, ast.If) and _only_returns(each):
            continue  # if not url: return None
        target = each.targets[0] if isinstance(each, ast.Assign) and len(each.targets) == 1 else None
        target = each.target if isinstance(each, ast.AnnAssign) and each.value is not None else target
        value = each.value if isinstance(each, (ast.Assign, ast.AnnAssign)) else None
        if not isinstance(target, ast.Name) or value is None:
            return KeptError("what stands before it would be done again for each attempt", each)
        if not _is_steady(value):
            return KeptError(f"`{target.id}` is made before it, and would be made anew for each attempt", each)
        set_before.add(target.id)
        looked_up += [one for one in ast.walk(value) if isinstance(one, (ast.Attribute, ast.Subscript))]
        if isinstance(value, (ast.Dict, ast.List, ast.Set)):
            made.add(target.id)
    return _kept_over(function, attempt, set_before) or _changed(attempt, made) or _found_changed(attempt, looked_up)


def _only_returns(branch: ast.If) -> bool:
    returned = [each.value for each in branch.body if isinstance(each, ast.Return)]
    same = all(each is None or _is_steady(each) for each in returned)
    return _is_steady(branch.test) and not branch.orelse and len(returned) == len(branch.body) and same


def _is_steady(value: ast.expr) -> bool:
    """Tell whether an expression gives the same each time, as long as nothing else changes."""
    match value:
        case ast.Constant() | ast.Name():
            return True
        case ast.Attribute(value=inner):
            return _is_steady(inner)
        case ast.Call(func=ast.Name(id=name)) | ast.Call(func=ast.Attribute(attr=name)) if name not in _SAME:
            return False
        case ast.Lambda() | ast.Await() | ast.Yield() | ast.YieldFrom() | ast.NamedExpr() | ast.GeneratorExp():
            return False
        case _:
            pass
    return all(_is_steady(each) for each in _operands(value))


def _operands(value: ast.expr) -> list[ast.expr]:
    found: list[ast.expr] = []
    for each in ast.iter_child_nodes(value):
        if isinstance(each, ast.keyword):
            found.append(each.value)
        elif isinstance(each, ast.comprehension):
            found += [each.iter, *each.ifs]
        elif isinstance(each, ast.expr):
            found.append(each)
    return found


def _kept_over(
    function: ast.FunctionDef | ast.AsyncFunctionDef, attempt: ast.Try, before: set[str]
) -> KeptError | None:
    """Return that an attempt sets a variable that the next one finds so, and would find as it was at first."""
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    outer = before | {each.arg for each in every if each is not None}
    for each in (inner for one in attempt.body for inner in ast.walk(one)):
        if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load) and each.id in outer:
            return KeptError(f"an attempt sets `{each.id}`, which the next one finds so", each)
    return None


def _changed(attempt: ast.Try, made: set[str]) -> KeptError | None:
    """Return that something that was made before the loop may be changed by an attempt."""
    plain: set[ast.AST] = set()
    for each in (inner for one in attempt.body for inner in ast.walk(one)):
        if isinstance(each, ast.Call):
            plain |= {word.value for word in each.keywords if word.arg in _READ_ONLY}
        elif isinstance(each, (ast.Dict, ast.FormattedValue, ast.Compare)):
            plain |= {*ast.iter_child_nodes(each)}
        elif isinstance(each, ast.Subscript) and isinstance(each.ctx, ast.Load):
            plain.add(each.value)
        elif isinstance(each, ast.Name) and each.id in made and each not in plain:
            return KeptError(f"`{each.id}` is made before it, and an attempt may change it", each)
    return None


def _found_changed(attempt: ast.Try, looked_up: Sequence[ast.expr]) -> KeptError | None:
    """Return that an attempt may change what was looked up before its loop: `number = self.next`."""
    if not looked_up:
        return None
    attributes = {each.attr for each in looked_up if isinstance(each, ast.Attribute)}
    bases = {ast.unparse(each.value) for each in looked_up if isinstance(each, ast.Subscript)}
    roots = {each.id for one in looked_up for each in ast.walk(one) if isinstance(each, ast.Name)}
    for each in (inner for one in attempt.body for inner in ast.walk(one)):
        match each:
            case ast.Attribute(attr=name, ctx=ast.Store() | ast.Del()) if name in attributes:
                pass
            case ast.Subscript(ctx=ast.Store() | ast.Del()) if bases:
                pass
            # items.pop(); self.renew(); renew(self)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name))) if name in roots:
                pass
            case ast.Call(args=[*arguments]) if any(isinstance(one, ast.Name) and one.id in roots for one in arguments):
                pass
            case _:
                continue
        return KeptError("an attempt may change what is looked up before it", each)
    return None
