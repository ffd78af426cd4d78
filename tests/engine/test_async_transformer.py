"""The edits that conversions to coroutines are made of, carried out on text."""

from __future__ import annotations

import ast

import pytest

from hasten.async_transformer import AsyncTransformer
from hasten.errors import SourceError
from hasten.model import NodeEdit, Position, Span
from hasten.rewrite import rewrite

_HERE = Position(1, 1)


def _edit(text: str, node: ast.AST, action: str, **data: str) -> NodeEdit:
    assert isinstance(node, (ast.expr, ast.stmt))
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    span = Span(starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset)
    return NodeEdit("a.py", span, _HERE, _HERE, "one", action, tuple(sorted(data.items())))


def _calls(text: str, *names: str) -> list[ast.Call]:
    """Return the calls whose last name is one of `names`."""
    found = [each for each in ast.walk(ast.parse(text)) if isinstance(each, ast.Call)]
    return [
        each
        for each in found
        if (isinstance(each.func, ast.Name) and each.func.id in names)
        or (isinstance(each.func, ast.Attribute) and each.func.attr in names)
    ]


def _awaited(text: str, *names: str) -> str:
    """Return `text` with the calls of `names` awaited, and check that nothing but these awaits is new."""
    calls = _calls(text, *names)
    assert calls
    result = rewrite(text, [_edit(text, each, "await-call") for each in calls], {"one": AsyncTransformer}).text
    wanted = ast.dump(_Awaiting(names).visit(ast.parse(text)))
    assert ast.dump(ast.parse(result)) == wanted
    return result


class _Awaiting(ast.NodeTransformer):
    """What the rewrite must mean, made without it: each call of the names stands below an `Await`."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names

    def visit_Call(self, node: ast.Call) -> ast.expr:
        called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        self.generic_visit(node)
        return ast.Await(node) if called in self.names else node


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("f()", "await f()"),
        ("x = f()", "x = await f()"),
        ("x += f()", "x += await f()"),
        ("return f()", "return await f()"),
        ("return(f())", "return(await f())"),
        ("f().x", "(await f()).x"),
        ("(f()).x", "(await f()).x"),
        ("f()[0]", "(await f())[0]"),
        ("g[f()]", "g[await f()]"),
        ("g[f():]", "g[await f():]"),
        ("f()()", "(await f())()"),
        ("f().x = 1", "(await f()).x = 1"),
        ("del f()[0]", "del (await f())[0]"),
        ("await f()", "await (await f())"),
        ("f() ** 2", "await f() ** 2"),
        ("2 ** f()", "2 ** await f()"),
        ("-f()", "-await f()"),
        ("not f()", "not await f()"),
        ("not(f())", "not(await f())"),
        ("f() or g", "await f() or g"),
        ("(f() or g).x", "(await f() or g).x"),
        ("a if f() else b", "a if await f() else b"),
        ("a if(f())else b", "a if(await f())else b"),
        ("f() < f() < 3", "await f() < await f() < 3"),
        ("x in f()", "x in await f()"),
        ("g(f(), *f(), k=f(), **f())", "g(await f(), *await f(), k=await f(), **await f())"),
        ("[*f(), {**f()}]", "[*await f(), {**await f()}]"),
        ("[f() for _ in f() if f()]", "[await f() for _ in await f() if await f()]"),
        ("{f(): f() for x in y}", "{await f(): await f() for x in y}"),
        ("(x := f())", "(x := await f())"),
        ("yield f()", "yield await f()"),
        ("raise f() from f()", "raise await f() from await f()"),
        ("assert f(), f()", "assert await f(), await f()"),
        ('x = f"{f()!r:>{f()}} {f().x}"', 'x = f"{await f()!r:>{await f()}} {(await f()).x}"'),
        ("a, b = f(), 2", "a, b = await f(), 2"),
        ("a.b().f(1).c()", "(await a.b().f(1)).c()"),
        ("super().f()", "await super().f()"),
        ("f();  f()  # both", "await f();  await f()  # both"),
    ],
)
def test_await_takes_the_call_and_nothing_else(before: str, after: str) -> None:
    """In each position the call alone is awaited, in parentheses only where Python needs them."""
    text = f"async def run(a, b, g, y):\n    {before}\n"
    assert _awaited(text, "f") == f"async def run(a, b, g, y):\n    {after}\n"


def test_awaits_inside_awaits_compose() -> None:
    """Calls that are awaited in the arguments, the callee and the chain of one that is awaited are all rewritten."""
    text = "async def run():\n    return f(f(1), k=h(f)(f(2)).f(f(f(3)))[f(4)]).f()\n"
    assert _awaited(text, "f") == (
        "async def run():\n"
        "    return await (await f(await f(1), k=(await h(f)(await f(2)).f(await f(await f(3))))[await f(4)])).f()\n"
    )


def test_comments_and_layout_stay() -> None:
    """Comments, line breaks and odd spaces in and around an awaited call are where they were."""
    text = (
        "async def run():\n"
        "    x = (  # why\n"
        "        a\n"
        "        # then\n"
        "        .f( 1,2 , # one\n"
        "            3,\n"
        "        )\n"
        "        .f ()\n"
        "    )  # end\n"
        "    y = a \\\n"
        "        .f()\n"
    )
    assert _awaited(text, "f") == (
        "async def run():\n"
        "    x = (  # why\n"
        "        await (await a\n"
        "        # then\n"
        "        .f( 1,2 , # one\n"
        "            3,\n"
        "        ))\n"
        "        .f ()\n"
        "    )  # end\n"
        "    y = await a \\\n"
        "        .f()\n"
    )


def test_with_for_match_and_decorators() -> None:
    """Heads of compound statements are awaited without parsing anything but the statement."""
    text = (
        "async def run():\n"
        "\t@f()\n"
        "\tdef g(x=f()): ...\n"
        "\twith f() as a, f().b: pass\n"
        "\tfor x in f(): pass\n"
        "\twhile f(): break\n"
        "\tif 0: pass\n"
        "\telif f(): pass\n"
        "\tmatch f():\n"
        "\t\tcase 1 if f(): pass\n"
    )
    assert _awaited(text, "f") == (
        "async def run():\n"
        "\t@await f()\n"
        "\tdef g(x=await f()): ...\n"
        "\twith await f() as a, (await f()).b: pass\n"
        "\tfor x in await f(): pass\n"
        "\twhile await f(): break\n"
        "\tif 0: pass\n"
        "\telif await f(): pass\n"
        "\tmatch await f():\n"
        "\t\tcase 1 if await f(): pass\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "def f(): pass\n",
        "def f(): x = 1; y = 2\n",
        "def  f (\n    a,  # one\n):  # two\n    pass\n    # three\n# four\n",
        "@g\n# between\n@h(1)\ndef f():\n    '''Say.'''\n\n    return 1  # end\n\n\nx = 1\n",
        "class C:\n    x = 1\n\n    @g\n    def f(self):\n        if x:\n            pass\n        # end\n\n    y = 2",
        "if a:\n\tclass C:\n\t\tdef f(self):\n\t\t\treturn (\n1)\n",
        "def f() -> 'a':\n    def g():\n        pass\n    return g\n",
        "x = 1; \ndef f():\n    pass",
        "class C:\n    def f(self):\n        x();\n\n    def g(self): x(); y();\n",
        "class C:\n    @g\n    def f(self): x(); y() ;  # end\n    z = 1\n",
        "if a:\n    def f():\n        if b:\n            x();\n    f()\n",
        "class C: \n  def f(self): return 1\n  def g(self): return 2\n",
        "def f():\r\n    pass\r\n",
    ],
)
def test_a_function_becomes_a_coroutine_function(text: str) -> None:
    """`async ` stands before `def`, and nothing else has changed."""
    functions = (each for each in ast.walk(ast.parse(text)) if isinstance(each, ast.FunctionDef))
    edit = _edit(text, next(each for each in functions if each.name == "f"), "async-def")
    start = edit.span.start
    assert rewrite(text, [edit], {"one": AsyncTransformer}).text == text[:start] + "async " + text[start:]


def test_a_function_and_what_is_inside_it_are_rewritten_together() -> None:
    """A function becomes a coroutine function while calls and functions inside it are rewritten."""
    text = (
        "class C:\n    def f(self):\n        def g():\n            sleep(1)\n        g()\n        return self.f().x\n"
    )
    tree = ast.parse(text)
    functions = [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)]
    edits = [
        *(_edit(text, each, "async-def") for each in functions),
        *(_edit(text, each, "await-call") for each in _calls(text, "g", "f")),
        *(_edit(text, each, "replace-call", callee="asyncio.sleep") for each in _calls(text, "sleep")),
    ]
    assert rewrite(text, edits, {"one": AsyncTransformer}).text == (
        "class C:\n    async def f(self):\n        async def g():\n            await asyncio.sleep(1)\n"
        "        await g()\n        return (await self.f()).x\n"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("sleep(1)", "await aio.sleep(1)"),
        ("time.sleep( 1 , )", "await aio.sleep( 1 , )"),
        ("(time . sleep(1)).x", "(await aio . sleep(1)).x"),
        ("(time\n # why\n .sleep(g(f'{1}')))", "(await aio\n # why\n .sleep(g(f'{1}')))"),
        ("(sleep)(1)", "await (aio.sleep)(1)"),
        ("app.time.sleep(1)", "await aio.sleep(1)"),
    ],
)
def test_another_function_is_called_and_awaited(before: str, after: str) -> None:
    """The callee is replaced; arguments, parentheses, spaces and comments stay."""
    text = f"async def run(time, sleep):\n    {before}\n"
    edit = _edit(text, _calls(text, "sleep")[0], "replace-call", callee="aio.sleep")
    assert rewrite(text, [edit], {"one": AsyncTransformer}).text == f"async def run(time, sleep):\n    {after}\n"


def test_a_callee_may_be_replaced_without_an_await() -> None:
    """`await=no` replaces what is called and leaves it at that."""
    text = "x = make(1)\n"
    edit = _edit(text, _calls(text, "make")[0], "replace-call", callee="a.b.make", **{"await": "no"})
    assert rewrite(text, [edit], {"one": AsyncTransformer}).text == "x = a.b.make(1)\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("main()", "asyncio.run(main())"),
        ("sys.exit(main(1))", "sys.exit(asyncio.run(main(1)))"),
        ("(main()).x", "(asyncio.run(main())).x"),
        ("main(  # why\n    1,\n)", "asyncio.run(main(  # why\n    1,\n))"),
    ],
)
def test_a_coroutine_is_run_at_the_border(before: str, after: str) -> None:
    """The call stands as it was, inside `asyncio.run`."""
    text = f"{before}\n"
    edit = _edit(text, _calls(text, "main")[0], "asyncio-run")
    assert rewrite(text, [edit], {"one": AsyncTransformer}).text == f"{after}\n"


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("async def run():\n    return f'{f()=}'\n", "await-call"),
        ("async def run():\n    return f'{f().x + 1 = }'\n", "await-call"),
        ("async def run():\n    return f()\n", "unheard-of"),
    ],
)
def test_what_cannot_be_done_is_an_error(text: str, action: str) -> None:
    """Text that would show the await, and an order that nobody knows, leave the file as it is."""
    with pytest.raises(SourceError):
        rewrite(text, [_edit(text, _calls(text, "f")[0], action)], {"one": AsyncTransformer})


# --- generators, context managers, commands ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "before", "after"),
    [
        ("iterate-asynchronously", "for x in f():  # why\n    g(x)", "async for x in f():  # why\n    g(x)"),
        ("iterate-asynchronously", "y = {x for x in f(1) if x}", "y = {x async for x in f(1) if x}"),
        ("iterate-asynchronously", "y = [x for z in a for x in f(z)]", "y = [x for z in a async for x in f(z)]"),
        ("collect", "y = list(f())", "y = [item async for item in f()]"),
        ("collect", "y = (list(f()))[0]", "y = ([item async for item in f()])[0]"),
        ("collect", "y = sorted(f(), key=g)", "y = sorted([item async for item in f()], key=g)"),
        ("enter-asynchronously", "with f() as x:\n    g(x)", "async with f() as x:\n    g(x)"),
        (
            "enter-asynchronously",
            "# first\nwith a as b, f() as x, c: g(x)  # second",
            "# first\nwith a as b:\n    async with f() as x:\n        with c: g(x)  # second",
        ),
        (
            "enter-asynchronously",
            "with (\n    a,\n    f() as x,\n):\n    g(x)\n    # end",
            "with a:\n    async with f() as x:\n        g(x)\n    # end",
        ),
    ],
)
def test_what_stands_around_a_call_is_asynchronous(action: str, before: str, after: str) -> None:
    """`for`, `with` and comprehensions change around a call that itself stays; order and comments are kept."""
    text = "async def run(a, c):\n" + "".join(f"    {line}\n" for line in before.split("\n"))
    wanted = "async def run(a, c):\n" + "".join(f"    {line}\n" for line in after.split("\n"))
    edit = _edit(text, _calls(text, "f")[0], action)
    assert rewrite(text, [edit], {"one": AsyncTransformer}).text == wanted


def test_a_loop_may_close_what_it_iterates_over() -> None:
    """The generator is closed as soon as the loop is left; what stood at the loop stays there."""
    text = "async def run():\n    # why\n    for x in f():\n        break\n    else:\n        g()\n"
    edit = _edit(text, _calls(text, "f")[0], "iterate-closing", name="items")
    assert rewrite(text, [edit], {"one": AsyncTransformer}).text == (
        "async def run():\n    # why\n    async with contextlib.aclosing(f()) as items:\n"
        "        async for x in items:\n            break\n        else:\n            g()\n"
    )


def test_decorators_and_return_types_follow() -> None:
    """The one decorator and the name in the return type are replaced; an asynchronous generator sends two types."""
    text = "@a.b\n@c\ndef f() -> Generator[int, str, None]:\n    yield 1\n"
    function = ast.parse(text).body[0]
    data = {"decorated": "c", "decorator": "d.e", "returns": "t.AsyncGenerator"}
    edit = _edit(text, function, "async-def", **data)
    assert rewrite(text, [edit], {"one": AsyncTransformer}).text == (
        "@a.b\n@d.e\nasync def f() -> t.AsyncGenerator[int, str]:\n    yield 1\n"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            '@a\ndef f(b, /, c=1, *d, e, g=2, **h) -> int:  # x\n    """Doc."""\n\n    # y\n    return b\n',
            (
                '@a\ndef f(b, /, c=1, *d, e, g=2, **h) -> int:  # x\n    """Doc."""\n'
                "    return asyncio.run(_f(b, c, *d, e=e, g=g, **h))\n\n\n"
                "async def _f(b, /, c, *d, e, g, **h) -> int:\n    # y\n    return b\n"
            ),
        ),
        ("def f(): g()\n", "def f():\n    return asyncio.run(_f())\n\n\nasync def _f(): g()\n"),
        (
            "def f(a, *, b: int = 1):\n    pass\n\n\nx = 1\n",
            (
                "def f(a, *, b: int = 1):\n    return asyncio.run(_f(a, b=b))\n\n\n"
                "async def _f(a, *, b: int):\n    pass\n\n\nx = 1\n"
            ),
        ),
    ],
)
def test_a_function_runs_its_own_body(before: str, after: str) -> None:
    """Decorators, defaults and docstring stay; the body moves into a coroutine function that is given everything."""
    function = ast.parse(before).body[0]
    edit = _edit(before, function, "run-inside", name="_f")
    assert rewrite(before, [edit], {"one": AsyncTransformer}).text == after


@pytest.mark.parametrize("action", ["collect", "iterate-asynchronously", "iterate-closing", "enter-asynchronously"])
def test_an_order_for_another_place_is_an_error(action: str) -> None:
    """A call that does not stand where the order needs it is not rewritten."""
    text = "async def run():\n    return f()\n"
    with pytest.raises(SourceError):
        rewrite(text, [_edit(text, _calls(text, "f")[0], action)], {"one": AsyncTransformer})


def test_contexts_with_a_comment_between_them_are_not_torn_apart() -> None:
    """The comment would have no place."""
    text = "async def run(a):\n    with (\n        a,  # why\n        f(),\n    ):\n        pass\n"
    with pytest.raises(SourceError):
        rewrite(text, [_edit(text, _calls(text, "f")[0], "enter-asynchronously")], {"one": AsyncTransformer})
