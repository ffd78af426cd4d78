"""How a constructor is written that has to wait, and how the calls of it are.

Pure functions from nodes to nodes. Whether they are called for is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping

import libcst as cst

from hasten import async_layout

_BLANK = cst.EmptyLine(indent=False)


def constructed(call: cst.Call, factory: str) -> cst.Call:
    """`Store(path)` -> `Store.create(path)`."""
    return call.with_changes(func=cst.Attribute(call.func, cst.Name(factory)))


def renamed(call: cst.Call, name: str) -> cst.Call:
    """`super().__init__(path)` -> `super()._init(path)`."""
    return call.with_changes(func=call.func.with_changes(attr=cst.Name(name)))


def factory(init: cst.FunctionDef, data: Mapping[str, str]) -> cst.FlattenSentinel[cst.FunctionDef]:
    """Make three functions of a coroutine function `__init__`: one that refuses, the factory, and what was its body.

    Args:
        init: the function, `async` already.
        data: `factory` and `body` are the names of the two, `cls` that of the class in the factory, `owner` its name
            outside. `type` is the type of the object where types are written, `guard` that something has to refuse
            `Store()`, and `bare` that the body needs no default values.
    """
    docstring, body = async_layout.without_docstring(init.body)
    made = [_maker(init, docstring, data), _body(init, body, data)]
    if data.get("guard"):
        made.insert(0, _refusing(init, data))
    first = made[0].with_changes(leading_lines=init.leading_lines)
    return cst.FlattenSentinel([first, *made[1:]])


def _maker(init: cst.FunctionDef, docstring: list[cst.BaseStatement], data: Mapping[str, str]) -> cst.FunctionDef:
    """`async def create(cls, path): ...`, which makes the object and awaits the body."""
    passed = async_layout.passed(init.params)
    itself = _first(init.params)
    lines = [
        f"{itself} = {data['cls']}.__new__({data['cls']})",
        f"await {itself}.{data['body']}()",
        f"return {itself}",
    ]
    make, wait, give = (cst.ensure_type(cst.parse_statement(each), cst.SimpleStatementLine) for each in lines)
    call = cst.Call(cst.Attribute(cst.Name(itself), cst.Name(data["body"])), passed[1:])
    wait = wait.with_changes(body=[cst.Expr(cst.Await(call))])
    returns = cst.Annotation(cst.parse_expression(data["type"])) if "type" in data else None
    decorator = cst.Decorator(cst.Name("classmethod"))
    return init.with_changes(
        name=cst.Name(data["factory"]),
        params=_with_first(init.params, data["cls"]),
        decorators=[decorator],
        body=cst.IndentedBlock([*docstring, make, wait, give]),
        returns=returns,
        leading_lines=[_BLANK],
        lines_after_decorators=[],
    )


def _body(init: cst.FunctionDef, body: cst.BaseSuite, data: Mapping[str, str]) -> cst.FunctionDef:
    """`async def _init(self, path): ...`, which does what the constructor did."""
    header = init.body.header if isinstance(init.body, cst.IndentedBlock) else cst.TrailingWhitespace()
    returns = init.returns
    if returns is None and "type" in data:
        returns = cst.Annotation(cst.Name("None"))
    return init.with_changes(
        name=cst.Name(data["body"]),
        params=async_layout.without_defaults(init.params) if data.get("bare") else init.params,
        body=body.with_changes(header=header) if isinstance(body, cst.IndentedBlock) else body,
        returns=returns,
        leading_lines=[_BLANK],
    )


def _refusing(init: cst.FunctionDef, data: Mapping[str, str]) -> cst.FunctionDef:
    """`def __init__(...)`, which tells how an object is made: nothing else would refuse to make an empty one."""
    typed = "type" in data
    head = "self, *_args: object, **_kwargs: object) -> None" if typed else "self, *_args, **_kwargs)"
    text = f'raise TypeError("use `await {data["owner"]}.{data["factory"]}(...)`")'
    made = cst.ensure_type(cst.parse_statement(f"def __init__({head}:\n    {text}\n"), cst.FunctionDef)
    return made.with_changes(leading_lines=init.leading_lines)


def _first(parameters: cst.Parameters) -> str:
    return (parameters.posonly_params or parameters.params)[0].name.value


def _with_first(parameters: cst.Parameters, name: str) -> cst.Parameters:
    """Return parameters with another name, and no type, for the first of them."""
    kind = "posonly_params" if parameters.posonly_params else "params"
    first, *others = getattr(parameters, kind)
    renamed = first.with_changes(name=cst.Name(name), annotation=None)
    return parameters.with_changes(**{kind: [renamed, *others]})
