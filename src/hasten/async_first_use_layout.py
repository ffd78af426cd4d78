"""How a constructor is written that leaves what waits for the first use, and the methods that wait for it.

Pure functions from nodes to nodes. Whether they are called for is decided elsewhere.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias

import libcst as cst

from hasten import async_layout
from hasten.errors import SourceError

if TYPE_CHECKING:
    from hasten.model import NodeEdit

_BLANK = cst.EmptyLine(indent=False)
_Statement: TypeAlias = cst.SimpleStatementLine | cst.BaseCompoundStatement


def opening(original: cst.FunctionDef, init: cst.FunctionDef, edit: NodeEdit) -> cst.FunctionDef:
    """Move the later part of a constructor into a coroutine function that the first use of the object runs.

    Args:
        original: the constructor as it was.
        init: the constructor, with what waits in it rewritten.
        edit: `opening` is the attribute that keeps what runs the function, an object of the class `callee`; `inner` is
            the name of the function; `line` tells where the later part begins, counted from the `def`; each `nonlocal`
            is a variable of the constructor that it gives another value; `typed` says that types are written.

    Raises:
        SourceError: the later part cannot be found.
    """
    if not isinstance(init.body, cst.IndentedBlock) or not isinstance(original.body, cst.IndentedBlock):
        raise SourceError("internal", "a constructor on one line cannot wait for the first use; please report this")
    number = _at_line(original, original.body, int(edit.get("line")))
    statements: list[Any] = list(init.body.body)
    first, later = statements[:number], statements[number:]
    if number < 0 or not all(one.deep_equals(other) for one, other in zip(first, original.body.body, strict=False)):
        raise SourceError("internal", "what a constructor does first was rewritten, too; please report this")
    itself = (init.params.posonly_params or init.params.params)[0].name.value
    place, callee = f"{itself}.{edit.get('opening')}", edit.get("callee")
    names = [value for name, value in edit.data if name == "nonlocal"]
    if names:
        later.insert(0, _line(f"nonlocal {', '.join(names)}"))
    comments = [each for each in later[0].leading_lines if each.comment is not None]
    later[0] = later[0].with_changes(leading_lines=comments)
    inner = cst.FunctionDef(
        cst.Name(edit.get("inner")),
        cst.Parameters(),
        cst.IndentedBlock(later, indent=init.body.indent, footer=init.body.footer),
        asynchronous=cst.Asynchronous(),
        returns=cst.Annotation(cst.Name("None")) if edit.get("typed") else None,
        leading_lines=[_BLANK] if first else [],
    )
    keeping = _line(f"{place} = {callee}({edit.get('inner')})").with_changes(leading_lines=[_BLANK])
    if any(_returns(each) for each in first):
        # Whoever left here left an object that opens nothing.
        at = len(async_layout.without_docstring(init.body)[0])
        first.insert(at, _line(f"{place} = {callee}()"))
    body = init.body.with_changes(body=[*first, inner, keeping], footer=[])
    return init.with_changes(asynchronous=None, body=body)


def opened(read: cst.Attribute, name: str) -> cst.Attribute:
    """Let a function of others wait for what the attribute `name` runs: `(await s._opening.wait() or s).db`."""
    waits = cst.Call(cst.Attribute(cst.Attribute(read.value, cst.Name(name)), cst.Name("wait")))
    first = cst.BooleanOperation(
        cst.Await(waits), cst.Or(), read.value.deep_clone(), lpar=[cst.LeftParen()], rpar=[cst.RightParen()]
    )
    return read.with_changes(value=first)


def waiting(method: cst.FunctionDef, name: str) -> cst.FunctionDef:
    """Let a method wait for what the attribute `name` runs, before all else."""
    return _with_body(method, [_line(f"await {_itself(method)}.{name}.wait()"), *_statements(method)])


def ending(method: cst.FunctionDef, name: str, made: frozenset[str]) -> cst.FunctionDef:
    """Let a method end what was `made` only where the attribute `name` has run."""
    itself = _itself(method)
    result: list[_Statement] = []
    run: list[_Statement] = []
    statements = _statements(method)
    if any(_speaks_of(each, itself, made) and _returns(each) for each in statements):
        return waiting(method, name)  # what is behind it is skipped by the one and not by the other
    for each in [*statements, None]:
        if each is not None and _speaks_of(each, itself, made):
            run.append(each)
            continue
        if run:
            head = cst.parse_expression(f"await {itself}.{name}.ends()")
            inside = [run[0].with_changes(leading_lines=[]), *run[1:]]
            result.append(cst.If(head, cst.IndentedBlock(inside), leading_lines=run[0].leading_lines))
            run = []
        if each is not None:
            result.append(each)
    return _with_body(method, result)


def _statements(method: cst.FunctionDef) -> list[_Statement]:
    """Return the statements of a method without its docstring."""
    if not isinstance(method.body, cst.IndentedBlock):
        small = cst.ensure_type(method.body, cst.SimpleStatementSuite)
        return [cst.SimpleStatementLine(small.body, trailing_whitespace=small.trailing_whitespace)]
    docstring, body = async_layout.without_docstring(method.body)
    return _listed(cst.ensure_type(body, cst.IndentedBlock) if docstring else method.body)


def _with_body(method: cst.FunctionDef, statements: list[_Statement]) -> cst.FunctionDef:
    if not isinstance(method.body, cst.IndentedBlock):
        return method.with_changes(body=cst.IndentedBlock(statements))
    docstring, _body = async_layout.without_docstring(method.body)
    return method.with_changes(body=method.body.with_changes(body=[*docstring, *statements]))


def _itself(method: cst.FunctionDef) -> str:
    return (method.params.posonly_params or method.params.params)[0].name.value


def _line(text: str) -> cst.SimpleStatementLine:
    return cst.ensure_type(cst.parse_statement(text), cst.SimpleStatementLine)


def _at_line(function: cst.FunctionDef, body: cst.IndentedBlock, line: int) -> int:
    """Return the number of the statement that begins so many lines below the `def`, -1 where none does."""
    bare = function.with_changes(leading_lines=[], decorators=[], lines_after_decorators=[])
    for number, each in enumerate(_listed(body)):
        # A block without statements is written with a line of its own.
        before = body.with_changes(body=body.body[: max(number, 1)], footer=[])
        lines = _lines(bare.with_changes(body=before)) - (_lines(body.body[0]) if number == 0 else 0)
        if lines + len(each.leading_lines) == line:
            return number
    return -1


def _listed(body: cst.IndentedBlock) -> list[_Statement]:
    return list(body.body)  # type: ignore[arg-type]


def _lines(node: cst.CSTNode) -> int:
    return len(re.findall("\r\n|\r|\n", cst.Module([]).code_for_node(node)))


def _returns(node: cst.CSTNode) -> bool:
    """Tell whether a statement may leave its function by `return`."""
    if isinstance(node, (cst.FunctionDef, cst.ClassDef, cst.Lambda)):
        return False
    return isinstance(node, cst.Return) or any(map(_returns, node.children))


def _speaks_of(node: cst.CSTNode, itself: str, names: frozenset[str]) -> bool:
    match node:
        case cst.Attribute(value=cst.Name(value=value), attr=cst.Name(value=name)) if value == itself and name in names:
            return True
        case _:
            return any(_speaks_of(each, itself, names) for each in node.children)
