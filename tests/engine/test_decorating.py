"""Decorators that are put on functions: at their place, in the order that was said, whatever else is done to them."""

from __future__ import annotations

import pytest

from hasten import plan
from hasten.async_transformer import AsyncTransformer
from hasten.decorating import ALONE, PLAIN, RANK_OF_CACHES, RANK_OF_RETRIES, decorate
from hasten.decorator_transformer import DecoratorTransformer
from hasten.index.build import build
from hasten.index.facts import Facts, Memory, pack
from hasten.index.module import Module, Scope
from hasten.model import Applicability, Change, Edit, NodeEdit, Position
from hasten.rewrite import Transformer, rewrite

_TRANSFORMERS: dict[str, type[Transformer]] = {
    "async": AsyncTransformer,
    "cache": DecoratorTransformer,
    "retry": DecoratorTransformer,
}


def _function(text: str, name: str = "f") -> Scope:
    module = Module("a.py", "a", Facts(pack(build(text)), Memory()))
    return next(module.definitions(name))


def _retried(text: str, *, above: int | None = None, decorator: str = "new") -> str:
    edit = decorate(_function(text), "retry", decorator, above=above)
    return rewrite(text, [edit], _TRANSFORMERS).text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("def f():\n    pass\n", "@new\ndef f():\n    pass\n"),
        ("x = 1\n\n\n# Why.\ndef f():\n    pass\n", "x = 1\n\n\n# Why.\n@new\ndef f():\n    pass\n"),
        ("async def f():\n    pass\n", "@new\nasync def f():\n    pass\n"),
        ("def f(): return 1\n", "@new\ndef f(): return 1\n"),
        ("def f(): return 1", "@new\ndef f(): return 1"),
        ("class A:\n    def f(self): return 1\n", "class A:\n    @new\n    def f(self): return 1\n"),
        ("class A:\n\tdef f(self):\n\t\treturn 1\n", "class A:\n\t@new\n\tdef f(self):\n\t\treturn 1\n"),
        (
            "def g():\n    if g:\n\n        # Why.\n        async def f():\n            pass\n",
            "def g():\n    if g:\n\n        # Why.\n        @new\n        async def f():\n            pass\n",
        ),
        ("@one\n@two(1)\ndef f(): pass\n", "@one\n@two(1)\n@new\ndef f(): pass\n"),
        ("@one\n# Of the function.\ndef f(): pass\n", "@one\n@new\n# Of the function.\ndef f(): pass\n"),
        ("@one  # first\n\n@two  # second\ndef f(): pass\n", "@one  # first\n\n@two  # second\n@new\ndef f(): pass\n"),
        ("def f(): pass\r\nx = 1\r\n", "@new\r\ndef f(): pass\r\nx = 1\r\n"),
        ("class A:\r\n  def f(self): pass\r\n", "class A:\r\n  @new\r\n  def f(self): pass\r\n"),
        ("@one\r\ndef f():\r\n  pass\r\n", "@one\r\n@new\r\ndef f():\r\n  pass\r\n"),
    ],
)
def test_innermost(before: str, after: str) -> None:
    """By default the new one stands right above the `def`; comments stay with what they are about."""
    assert _retried(before) == after


@pytest.mark.parametrize(
    ("above", "after"),
    [
        (0, "# Of all.\n@new\n@one\n# Of two.\n@two\ndef f():\n    pass\n"),
        (1, "# Of all.\n@one\n@new\n# Of two.\n@two\ndef f():\n    pass\n"),
        (2, "# Of all.\n@one\n# Of two.\n@two\n@new\ndef f():\n    pass\n"),
    ],
)
def test_at_a_place(above: int, after: str) -> None:
    """So many of the old decorators stay above it."""
    assert _retried("# Of all.\n@one\n# Of two.\n@two\ndef f():\n    pass\n", above=above) == after


def test_no_such_place() -> None:
    """A place that is none is an error at once, and not in the rewrite."""
    with pytest.raises(ValueError, match="has 1 decorators"):
        decorate(_function("@one\ndef f(): pass\n"), "retry", "new", above=2)


def test_several_lines() -> None:
    """A decorator of several lines is indented as the file is, with its line ends."""
    text = "class A:\r\n\tdef f(self):\r\n\t\tpass\r\n"

    assert _retried(text, decorator="new(\n    one=1,\n    two=g(\n        2\n    ),\n)") == (
        "class A:\r\n\t@new(\r\n\t\tone=1,\r\n\t\ttwo=g(\r\n\t\t\t2\r\n\t\t),\r\n\t)\r\n\tdef f(self):\r\n\t\tpass\r\n"
    )


@pytest.mark.parametrize("first", ["cache", "retry"])
@pytest.mark.parametrize("decorated", ["", "@one\n", "@one\n@two\n"])
def test_two_codemods_and_a_coroutine(first: str, decorated: str) -> None:
    """Whoever is asked first, the one with the lower rank is outermost, and the function converts all the same."""
    text = f"{decorated}def f(x):\n    return x\n"
    function = _function(text)
    edits: list[Edit] = [
        decorate(function, "cache", "lru_cache", rank=RANK_OF_CACHES),
        decorate(function, "retry", "retry(3)", rank=RANK_OF_RETRIES),
        NodeEdit("a.py", function.span, Position(1, 1), Position(2, 1), "async", "async-def"),
    ]
    if first == "retry":
        # The other way round by name: transformers work in the order of names.
        edits[0] = decorate(function, "retry", "lru_cache", rank=RANK_OF_CACHES)
        edits[1] = decorate(function, "cache", "retry(3)", rank=RANK_OF_RETRIES)

    result = rewrite(text, edits, _TRANSFORMERS).text

    assert result == f"{decorated}@lru_cache\n@retry(3)\nasync def f(x):\n    return x\n"


def test_places_before_ranks() -> None:
    """A rank counts among those at one place alone."""
    text = "@one\n@two\ndef f(): pass\n"
    function = _function(text)
    edits = [
        decorate(function, "cache", "inner", above=2, rank=RANK_OF_CACHES),
        decorate(function, "retry", "outer", above=1, rank=RANK_OF_RETRIES),
    ]

    assert rewrite(text, edits, _TRANSFORMERS).text == "@one\n@outer\n@two\n@inner\ndef f(): pass\n"


def test_two_of_one_codemod() -> None:
    """Two orders of one codemod for one function are both carried out."""
    text = "def f(): pass\n"
    function = _function(text)
    edits = [decorate(function, "retry", "second", rank=2), decorate(function, "retry", "first", rank=1)]

    assert rewrite(text, edits, _TRANSFORMERS).text == "@first\n@second\ndef f(): pass\n"


def test_no_conflict() -> None:
    """A function is decorated by two codemods and made a coroutine function by a third, all in one plan."""
    function = _function("def f(): pass\n")
    edits = [
        decorate(function, "cache", "lru_cache"),
        decorate(function, "retry", "retry"),
        NodeEdit("a.py", function.span, Position(1, 1), Position(1, 1), "async", "async-def"),
    ]
    changes = [Change(each.codemod, each.codemod, each.codemod, "f", Applicability.SAFE, (each,)) for each in edits]

    assert len(plan.build(changes, lambda _path, _span: "").changes) == len(changes)


def test_copies_conflict() -> None:
    """Of a function that gets a twin, nobody could tell which of the two is to be decorated."""
    function = _function("def f(): pass\n")
    twin = NodeEdit("a.py", function.span, Position(1, 1), Position(1, 1), "async", "async-def", (("twin", "f_async"),))
    edits = [twin, decorate(function, "retry", "retry")]
    changes = [Change(each.codemod, each.codemod, each.codemod, "f", Applicability.SAFE, (each,)) for each in edits]

    found = plan.build(changes, lambda _path, _span: "")

    assert [each.codemod for each in found.changes] == ["async"]
    assert [each.code for each in found.refusals] == [plan.CONFLICT]


def test_only_on_a_plain_function() -> None:
    """What is right on a plain function only is left out where another change makes a coroutine function of it."""
    function = _function("def f(): pass\n")
    converting = NodeEdit("a.py", function.span, Position(1, 1), Position(1, 1), "async", "async-def")
    edits = [decorate(function, "cache", "lru_cache", plain=True), decorate(function, "retry", "retry"), converting]
    changes = [Change(each.codemod, each.codemod, each.codemod, "f", Applicability.SAFE, (each,)) for each in edits]

    found = plan.build(changes, lambda _path, _span: "")

    assert sorted(each.codemod for each in found.changes) == ["async", "retry"]
    assert [(each.codemod, each.code) for each in found.refusals] == [("cache", plan.COROUTINE)]
    assert "`async`" in found.refusals[0].message


def test_a_plain_function_stays() -> None:
    """Where nothing makes a coroutine function of it, or of another one only, the decorator is added."""
    function = _function("def f(): pass\n")
    elsewhere = NodeEdit("b.py", function.span, Position(1, 1), Position(1, 1), "async", "async-def")
    edits = [decorate(function, "cache", "lru_cache", plain=True), elsewhere]
    changes = [Change(each.codemod, each.codemod, each.codemod, "f", Applicability.SAFE, (each,)) for each in edits]

    assert len(plan.build(changes, lambda _path, _span: "").changes) == len(changes)


@pytest.mark.parametrize(("other", "code"), [("retry", plan.CONFLICT), ("async", plan.COROUTINE)])
def test_what_stands_alone(other: str, code: str) -> None:
    """What makes two functions of one goes together with nothing else that is done to the function itself."""
    function = _function("def f(): pass\n")
    places = Position(1, 1), Position(1, 1)
    splitting = NodeEdit("a.py", function.span, *places, "split", "split", (PLAIN, ALONE))
    others = {
        "retry": decorate(function, "retry", "retry"),
        "async": NodeEdit("a.py", function.span, *places, "async", "async-def"),
    }
    changes = [
        Change(each.codemod, each.codemod, each.codemod, "f", Applicability.SAFE, (each,))
        for each in (others[other], splitting)
    ]

    found = plan.build(changes, lambda _path, _span: "")

    assert [each.codemod for each in found.changes] == [other]
    assert [(each.codemod, each.code) for each in found.refusals] == [("split", code)]
