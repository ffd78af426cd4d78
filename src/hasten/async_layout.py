"""How statements are written that enter and iterate asynchronously, and functions that run their own body.

Pure functions from nodes to nodes. Whether they are called for is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

import libcst as cst

from hasten.errors import SourceError

_ASYNC = cst.Asynchronous()


def collected(iterator: cst.BaseExpression) -> cst.ListComp:
    """`rows()` -> `[item async for item in rows()]`."""
    target = cst.Name("item")
    return cst.ListComp(target, cst.CompFor(target, iterator, asynchronous=_ASYNC))


def kept(iterator: cst.BaseExpression) -> cst.Call:
    """`rows()` -> `iter([item async for item in rows()])`."""
    return cst.Call(cst.Name("iter"), [cst.Arg(collected(iterator))])


def advanced(call: cst.Call) -> cst.Call:
    """`next(rows())` and `next(iter(rows()))` -> `anext(rows())`."""
    first, *others = call.args
    match first.value:
        case cst.Call(func=cst.Name("iter"), args=[inner]):
            first = first.with_changes(value=inner.value)
        case _:
            pass
    return call.with_changes(func=cst.Name("anext"), args=[first, *others])


def in_thread(call: cst.Call) -> cst.Call:
    """`store.save(item)` -> `asyncio.to_thread(store.save, item)`."""
    before = call.whitespace_before_args
    broken = isinstance(before, cst.ParenthesizedWhitespace)
    space = before if broken and call.args else cst.SimpleWhitespace(" ")
    comma = cst.Comma(whitespace_after=space) if call.args else cst.MaybeSentinel.DEFAULT
    function = cst.Attribute(cst.Name("asyncio"), cst.Name("to_thread"))
    return call.with_changes(func=function, args=[cst.Arg(call.func, comma=comma), *call.args])


def ensured(call: cst.Call) -> cst.Call:
    """`view(**kwargs)` -> `current_app.ensure_sync(view)(**kwargs)`."""
    function = cst.Attribute(cst.Name("current_app"), cst.Name("ensure_sync"))
    return call.with_changes(func=cst.Call(function, [cst.Arg(call.func)]))


def unlisted(call: cst.Call) -> cst.BaseExpression:
    """`list([...])` -> `[...]`, and any other call as it is."""
    plain = isinstance(call.func, cst.Name) and call.func.value == "list" and len(call.args) == 1
    value = call.args[0].value if plain else None
    if not isinstance(value, cst.ListComp):
        return call
    return value.with_changes(lpar=[*call.lpar, *value.lpar], rpar=[*value.rpar, *call.rpar])


def closing(loop: cst.For, name: str) -> cst.With:
    """`for x in rows(): ...` -> `async with contextlib.aclosing(rows()) as name:` around `async for x in name: ...`."""
    closed = cst.Call(cst.Attribute(cst.Name("contextlib"), cst.Name("aclosing")), [cst.Arg(loop.iter)])
    inner = loop.with_changes(iter=cst.Name(name), asynchronous=_ASYNC, leading_lines=[])
    item = cst.WithItem(closed, cst.AsName(cst.Name(name)))
    return cst.With([item], cst.IndentedBlock([inner]), _ASYNC, leading_lines=loop.leading_lines)


def delegated(line: cst.SimpleStatementLine, name: str) -> cst.For:
    """`yield from rows` -> `for name in rows: yield name`."""
    yielded = cst.ensure_type(cst.ensure_type(line.body[0], cst.Expr).value, cst.Yield)
    given = cst.ensure_type(yielded.value, cst.From).item
    again = cst.SimpleStatementLine([cst.Expr(cst.Yield(cst.Name(name)))], trailing_whitespace=line.trailing_whitespace)
    return cst.For(cst.Name(name), given, cst.IndentedBlock([again]), leading_lines=line.leading_lines)


def entered(block: cst.With, asynchronous: Sequence[bool]) -> cst.With:
    """`with a(), b():` -> `async with`, or, where only some of them are asynchronous, a block for each kind in a row.

    Raises:
        SourceError: a comment stands between contexts that have to be torn apart.
    """
    if all(asynchronous):
        return block.with_changes(asynchronous=_ASYNC)
    if isinstance(block.lpar, cst.LeftParen) and _has_comment(block):
        raise SourceError("internal", "a comment stands between the contexts of a `with`; give each a block of its own")
    pairs = zip(block.items, asynchronous, strict=True)
    groups = [(kind, [item for item, _ in group]) for kind, group in groupby(pairs, key=lambda each: each[1])]
    body: cst.BaseSuite = block.body
    for number, (kind, items) in reversed(list(enumerate(groups))):
        comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
        plain = [each.with_changes(comma=comma) for each in items[:-1]]
        last = items[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
        made = cst.With([*plain, last], body, _ASYNC if kind else None)
        if number == 0:
            return made.with_changes(leading_lines=block.leading_lines)
        body = cst.IndentedBlock([made])
    return block


def closed_finally(block: cst.With, closes: Mapping[int, tuple[str, str]]) -> cst.FlattenSentinel[cst.BaseStatement]:
    """`with closing(Store()) as store:` -> `store = Store()`, and the body in a `try` that ends by `store.close()`.

    Args:
        block: of its contexts those that are closed are calls with one argument.
        closes: by the number of a context the variable that is closed, and where its value comes from: `as` is the
            target, which it is itself, `kept` gives it none, and `new` gives it the value above the `try`.
    """
    comments = [each for item in block.items for each in _comments_around(item)]
    comments += [*_comments(block.lpar), *_comments(block.rpar)]
    body = _lines(block.body)
    header = body.header
    for number, item in reversed(list(enumerate(block.items))):
        if number not in closes:
            plain = item.with_changes(comma=cst.MaybeSentinel.DEFAULT)
            body = _block_of([cst.With([plain], body.with_changes(header=cst.TrailingWhitespace()))], body)
            continue
        name, how = closes[number]
        value = _one_line(cst.ensure_type(item.item, cst.Call).args[0].value)
        target = item.asname.name if item.asname is not None and how != "as" else None
        if target is not None:
            first = cst.SimpleStatementLine([cst.Assign([cst.AssignTarget(target)], cst.Name(name))])
            body = body.with_changes(body=[first, *body.body])
        close = cst.Await(cst.Call(cst.Attribute(cst.Name(name), cst.Name("close"))))
        ending = cst.IndentedBlock([cst.SimpleStatementLine([cst.Expr(close)])], indent=body.indent)
        guarded = cst.Try(body.with_changes(header=cst.TrailingWhitespace()), finalbody=cst.Finally(ending))
        given = cst.SimpleStatementLine([cst.Assign([cst.AssignTarget(cst.Name(name))], value)])
        body = _block_of([guarded] if how == "kept" else [given, guarded], body)
    result: list[cst.BaseStatement] = list(body.body)
    above = [*block.leading_lines, *(cst.EmptyLine(comment=each) for each in comments)]
    first_line = result[0]
    if isinstance(first_line, cst.SimpleStatementLine):
        result[0] = first_line.with_changes(leading_lines=above, trailing_whitespace=header)
    else:
        guarded = cst.ensure_type(first_line, cst.Try)
        inside = cst.ensure_type(guarded.body, cst.IndentedBlock).with_changes(header=header)
        result[0] = guarded.with_changes(leading_lines=above, body=inside)
    return cst.FlattenSentinel(result)


def _lines(body: cst.BaseSuite) -> cst.IndentedBlock:
    """Return a body with its statements on lines of their own."""
    if isinstance(body, cst.IndentedBlock):
        return body
    suite = cst.ensure_type(body, cst.SimpleStatementSuite)
    return cst.IndentedBlock([cst.SimpleStatementLine(suite.body, trailing_whitespace=suite.trailing_whitespace)])


def _block_of(statements: list[cst.BaseStatement], like: cst.IndentedBlock) -> cst.IndentedBlock:
    return cst.IndentedBlock(statements, indent=like.indent)


def _one_line(value: cst.BaseExpression) -> cst.BaseExpression:
    """Return a value that may stand without the brackets around it: in its own where it needs some."""
    if value.lpar or ("\n" not in _code(value) and not isinstance(value, cst.NamedExpr)):
        return value
    return value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def _comments_around(item: cst.WithItem) -> list[cst.Comment]:
    """Return the comments in a context, those in the value that is closed left out."""
    value = item.item.args[0].value if isinstance(item.item, cst.Call) and item.item.args else None
    inside = set(map(id, _comments(value)))
    return [each for each in _comments(item) if id(each) not in inside]


def _comments(node: object) -> list[cst.Comment]:
    if isinstance(node, cst.Comment):
        return [node]
    return [each for child in node.children for each in _comments(child)] if isinstance(node, cst.CSTNode) else []


def _has_comment(block: cst.With) -> bool:
    head = block.with_changes(body=cst.SimpleStatementSuite([cst.Pass()]), leading_lines=[])
    return "#" in cst.Module([head]).code


def decorated(function: cst.FunctionDef, old: str, new: str) -> cst.FunctionDef:
    """Put one decorator in the place of another.

    Raises:
        SourceError: the function has no such decorator.
    """
    found = [_code(_callee(each)) for each in function.decorators]
    if old not in found:
        raise SourceError("internal", f"the function has no decorator `{old}`; please report this")
    name = cst.parse_expression(new)
    decorators = [
        each.with_changes(
            decorator=each.decorator.with_changes(func=name) if isinstance(each.decorator, cst.Call) else name
        )
        if text == old
        else each
        for each, text in zip(function.decorators, found, strict=True)
    ]
    return function.with_changes(decorators=decorators)


def _callee(decorator: cst.Decorator) -> cst.BaseExpression:
    return decorator.decorator.func if isinstance(decorator.decorator, cst.Call) else decorator.decorator


def marked(function: cst.FunctionDef, mark: str) -> cst.FunctionDef:
    """Put one more decorator above the others."""
    return function.with_changes(decorators=[cst.Decorator(cst.parse_expression(mark)), *function.decorators])


def scoped(function: cst.FunctionDef, name: str) -> cst.FunctionDef:
    """`@name(scope="module")` -> `@name(scope="module", loop_scope="module")`."""
    decorators = list(function.decorators)
    for number, each in enumerate(decorators):
        call = each.decorator
        if isinstance(call, cst.Call) and _code(call.func) == name:
            like = next(arg.value for arg in call.args if arg.keyword is not None and arg.keyword.value == "scope")
            comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
            last = call.args[-1]
            trailing = last.comma if isinstance(last.comma, cst.Comma) else cst.MaybeSentinel.DEFAULT
            args = [*call.args[:-1], last.with_changes(comma=comma)]
            equal = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
            args.append(cst.Arg(like, cst.Name("loop_scope"), equal, comma=trailing))
            decorators[number] = each.with_changes(decorator=call.with_changes(args=args))
    return function.with_changes(decorators=decorators)


def expecting(statement: cst.SimpleStatementLine, leading: int) -> cst.With:
    """`raises(E, f, x)` -> `with raises(E): await f(x)`, and with `as` where its result is assigned.

    Args:
        statement: a line that holds nothing else.
        leading: how many arguments stand before the function.

    Raises:
        SourceError: the line holds something else, too.
    """
    small = statement.body[0]
    value = small.value if isinstance(small, (cst.Expr, cst.Assign)) else None
    if len(statement.body) != 1 or not isinstance(value, cst.Call):
        raise SourceError("internal", "another statement stands on the line; give each a line of its own")
    function, passed = value.args[leading].value, value.args[leading + 1 :]
    if isinstance(function, cst.Lambda):
        body: cst.BaseExpression = function.body
    else:
        rest = [each.with_changes(whitespace_after_arg=cst.SimpleWhitespace("")) for each in passed]
        body = cst.Await(cst.Call(function, _without_last_comma(rest)))
    target = None
    if isinstance(small, cst.Assign):
        if len(small.targets) != 1:
            raise SourceError("internal", "the result is assigned to several names; assign it to one")
        bound = small.targets[0].target
        if not isinstance(bound, cst.Name):
            raise SourceError("internal", "the result is no variable; assign it to one")
        target = cst.AsName(bound)
    head = value.with_changes(args=_without_last_comma(value.args[:leading]))
    line = cst.SimpleStatementLine([cst.Expr(body)], trailing_whitespace=statement.trailing_whitespace)
    return cst.With([cst.WithItem(head, target)], cst.IndentedBlock([line]), leading_lines=statement.leading_lines)


def doubled(function: object, name: str) -> cst.BaseExpression:
    """`lambda: 1` -> `AsyncMock(side_effect=lambda: 1)`."""
    inner = cst.ensure_type(function, cst.Lambda)
    equal = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    return cst.Call(cst.Name(name), [cst.Arg(inner, cst.Name("side_effect"), equal)])


def later(function: cst.BaseExpression, name: str) -> cst.Lambda:
    """`store.close` -> `lambda close=store.close: asyncio.run(close())`, and `end` -> `lambda: asyncio.run(end())`.

    Args:
        function: what is handed on.
        name: that of a method, which is bound where it is handed on; `""` for a function.
    """
    bare = function.with_changes(lpar=[], rpar=[])
    called = cst.Name(name) if name else bare
    equal = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    parameters = cst.Parameters(
        [cst.Param(called, default=bare, equal=equal)] if isinstance(called, cst.Name) and name else []
    )
    run = cst.Call(cst.Attribute(cst.Name("asyncio"), cst.Name("run")), [cst.Arg(cst.Call(called))])
    return cst.Lambda(parameters, run)


def _without_last_comma(arguments: Sequence[cst.Arg]) -> list[cst.Arg]:
    if not arguments:
        return []
    return [*arguments[:-1], arguments[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)]


class _Keeper(cst.CSTTransformer):
    """`return value` -> `vars(self)["name"] = value`, and a `return` of that; functions inside keep theirs."""

    def __init__(self, kept: str) -> None:
        super().__init__()
        self._kept = kept

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:  # noqa: ARG002, N802 - LibCST's name
        return False

    def visit_ClassDef(self, node: cst.ClassDef) -> bool:  # noqa: ARG002, N802
        return False

    def leave_Return(  # noqa: N802
        self,
        original_node: cst.Return,  # noqa: ARG002
        updated_node: cst.Return,
    ) -> cst.FlattenSentinel[cst.BaseSmallStatement]:
        value = updated_node.value or cst.Name("None")
        if isinstance(value, cst.Tuple) and not value.lpar:
            value = value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
        target = cst.ensure_type(cst.parse_expression(self._kept), cst.Subscript)
        given = cst.Assign([cst.AssignTarget(target)], value)
        again = cst.Return(cst.parse_expression(self._kept), semicolon=updated_node.semicolon)
        return cst.FlattenSentinel([given, again])


class _Lines(cst.CSTTransformer):
    """Give the statements that `_Keeper` made of one a line each."""

    def leave_SimpleStatementLine(  # noqa: N802
        self,
        original_node: cst.SimpleStatementLine,  # noqa: ARG002
        updated_node: cst.SimpleStatementLine,
    ) -> cst.SimpleStatementLine | cst.FlattenSentinel[cst.SimpleStatementLine]:
        *before, last = updated_node.body
        if not (before and isinstance(last, cst.Return)):
            return updated_node
        return cst.FlattenSentinel([updated_node.with_changes(body=before), cst.SimpleStatementLine([last])])


def keeping(function: cst.FunctionDef, owner: str, name: str) -> cst.FunctionDef:
    """Let a getter keep in the namespace of its object what it returns, and return that from then on.

    Args:
        function: a function with one parameter.
        owner: the name of the parameter.
        name: that under which the value is kept.
    """
    kept = f'vars({owner})["{name}"]'
    docstring, body = without_docstring(_lines(function.body))
    asked = cst.ensure_type(cst.parse_statement(f'if "{name}" in vars({owner}):\n    return {kept}\n'), cst.If)
    returning = cst.ensure_type(body.visit(_Keeper(kept)), cst.IndentedBlock)
    made = cst.ensure_type(returning.visit(_Lines()), cst.IndentedBlock)
    # Where the end may be reached, None is what the getter gives.
    end = [] if _ends(made) else [cst.parse_statement(f"{kept} = None\n"), cst.parse_statement(f"return {kept}\n")]
    header = function.body.header if isinstance(function.body, cst.IndentedBlock) else made.header
    statements = [*docstring, asked, *made.body, *end]
    return function.with_changes(body=made.with_changes(body=statements, header=header))


def _ends(body: cst.BaseSuite) -> bool:
    """Tell whether the end of a body is surely not reached, by what its last statement is."""
    match body.body[-1]:
        case cst.If(body=inner, orelse=cst.Else(body=other)):
            return _ends(inner) and _ends(other)
        case cst.SimpleStatementLine(body=[*_, small]):
            return isinstance(small, cst.Return | cst.Raise)
        case small:
            return isinstance(small, cst.Return | cst.Raise)


def returning(function: cst.FunctionDef, new: str) -> cst.FunctionDef:
    """`-> Iterator[int]` becomes `-> AsyncIterator[int]`; an asynchronous generator takes two parameters, not three.

    Raises:
        SourceError: the return type is something else than a name, with or without parameters.
    """
    annotation = function.returns.annotation if function.returns is not None else None
    name = cst.parse_expression(new)
    made: cst.BaseExpression
    match annotation:
        case cst.Name() | cst.Attribute():
            made = name
        case cst.Subscript(slice=elements):
            kept = list(elements[:2]) if new.endswith("AsyncGenerator") else list(elements)
            kept[-1] = kept[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
            made = annotation.with_changes(value=name, slice=kept if len(kept) < len(elements) else elements)
        case _:
            raise SourceError("internal", "the return type is no name; please report this")
    return function.with_deep_changes(function.returns, annotation=made) if function.returns else function


def run_inside(function: cst.FunctionDef, name: str, itself: str = "") -> cst.FlattenSentinel[cst.FunctionDef]:
    """Move the body of a coroutine function into one called `name`, and let a plain one run it in its place.

    The decorators, the defaults of the parameters and the docstring stay where they were. `itself` is the first
    parameter of a method: the other one is a method, too.
    """
    docstring, body = without_docstring(function.body)
    given = passed(function.params)
    inner_name = cst.Attribute(cst.Name(itself), cst.Name(name)) if itself else cst.Name(name)
    call = cst.Call(inner_name, given[1:] if itself else given)
    run = cst.Call(cst.Attribute(cst.Name("asyncio"), cst.Name("run")), [cst.Arg(call)])
    line = cst.SimpleStatementLine([cst.Return(run)])
    header = function.body.header if isinstance(function.body, cst.IndentedBlock) else cst.TrailingWhitespace()
    outer = function.with_changes(asynchronous=None, body=cst.IndentedBlock([*docstring, line], header=header))
    inner = function.with_changes(
        name=cst.Name(name),
        params=without_defaults(function.params),
        decorators=[],
        lines_after_decorators=[],
        leading_lines=[cst.EmptyLine(indent=False)] * (1 if itself else 2),
        body=body,
    )
    return cst.FlattenSentinel([outer, inner])


def twins(
    plain: cst.FunctionDef, asynchronous: cst.FunctionDef, name: str, blank: int
) -> cst.FlattenSentinel[cst.FunctionDef]:
    """Return a function as it was, and a coroutine function called `name` below it."""
    lines = [cst.EmptyLine(indent=False) for _ in range(blank)]
    second = asynchronous.with_changes(name=asynchronous.name.with_changes(value=name), leading_lines=lines)
    return cst.FlattenSentinel([plain, second])


def without_docstring(body: cst.BaseSuite) -> tuple[list[cst.BaseStatement], cst.BaseSuite]:
    """Return the docstring of a body, where it is not all of it, and the rest."""
    if not isinstance(body, cst.IndentedBlock):
        return [], body
    plain = body.with_changes(header=cst.TrailingWhitespace())
    first = body.body[0]
    if len(body.body) > 1 and isinstance(first, cst.SimpleStatementLine) and len(first.body) == 1:
        value = first.body[0].value if isinstance(first.body[0], cst.Expr) else None
        if isinstance(value, cst.SimpleString | cst.ConcatenatedString):
            following = body.body[1]
            # The blank line below a docstring is none at the top of a function.
            lines = getattr(following, "leading_lines", ())
            kept = [each for each in lines if each.comment is not None]
            rest = [following.with_changes(leading_lines=kept), *body.body[2:]]
            return [first], plain.with_changes(body=rest)
    return [], plain


def without_defaults(parameters: cst.Parameters) -> cst.Parameters:
    """Return parameters that all have to be given."""

    def bare(each: cst.Param) -> cst.Param:
        return each.with_changes(default=None, equal=cst.MaybeSentinel.DEFAULT)

    return parameters.with_changes(
        params=[bare(each) for each in parameters.params],
        kwonly_params=[bare(each) for each in parameters.kwonly_params],
        posonly_params=[bare(each) for each in parameters.posonly_params],
    )


def passed(parameters: cst.Parameters) -> list[cst.Arg]:
    """Return the arguments that hand on parameters as they are."""
    passed = [cst.Arg(each.name) for each in (*parameters.posonly_params, *parameters.params)]
    if isinstance(parameters.star_arg, cst.Param):
        passed.append(cst.Arg(parameters.star_arg.name, star="*"))
    equal = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    passed += [cst.Arg(each.name, keyword=each.name, equal=equal) for each in parameters.kwonly_params]
    if parameters.star_kwarg is not None:
        passed.append(cst.Arg(parameters.star_kwarg.name, star="**"))
    return passed


def _code(node: cst.BaseExpression) -> str:
    return cst.Module([]).code_for_node(node)
