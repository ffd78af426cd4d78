"""Decorators of the program: those that hand calls through take coroutine functions, all others may not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from hasten.async_decorators import forwards
from hasten.index.program import Program

_FORWARDING = {
    "wraps": """
def deco(fn):
    @functools.wraps(fn)
    def wrapper(*args, **kwargs):
        return fn(*args, **kwargs)
    return wrapper

@deco
""",
    "does something before": """
def deco(fn):
    def wrapper(*args, **kwargs):
        seen.append(fn.__qualname__)
        return fn(*args, **kwargs)
    return wrapper

@deco
""",
    "names some parameters": """
def deco(fn):
    def wrapper(first, *args, **kwargs):
        seen.append(type(first).__name__)
        return fn(first, *args, **kwargs)
    wrapper.marked = True
    return wrapper

@deco
""",
    "takes arguments": """
def deco(name, *, level=1):
    def outer(fn):
        @functools.wraps(fn)
        def wrapper(*args, **kwargs):
            seen.append(name)
            return fn(*args, **kwargs)
        return wrapper
    return outer

@deco("sql", level=2)
""",
    "hands back": """
def deco(fn):
    fn.marked = fn.__name__
    return fn

@deco
""",
    "branches": """
def deco(fn):
    if not seen:
        seen.append("first")
        return fn
    def wrapper(value):
        if value:
            return fn(value)
        seen.append("none")
        return fn(0)
    return functools.update_wrapper(wrapper, fn)

@deco
""",
}
_OTHERS = {
    "does something after": """
def deco(fn):
    def wrapper(*args):
        result = fn(*args)
        return result
    return wrapper

@deco
""",
    "catches": """
def deco(fn):
    def wrapper(*args):
        try:
            return fn(*args)
        except ValueError:
            return None
    return wrapper

@deco
""",
    "cleans up": """
def deco(fn):
    def wrapper(*args):
        try:
            return fn(*args)
        finally:
            seen.clear()
    return wrapper

@deco
""",
    "enters": """
def deco(fn):
    def wrapper(*args):
        with open(__file__):
            return fn(*args)
    return wrapper

@deco
""",
    "goes round": """
def deco(fn):
    def wrapper(*args):
        for _ in range(3):
            return fn(*args)
    return wrapper

@deco
""",
    "may fall off its end": """
def deco(fn):
    def wrapper(value):
        if value:
            return fn(value)
    return wrapper

@deco
""",
    "may return something else": """
def deco(fn):
    def wrapper(value):
        if not value:
            return 0
        return fn(value)
    return wrapper

@deco
""",
    "transforms": """
def deco(fn):
    def wrapper(*args):
        return str(fn(*args))
    return wrapper

@deco
""",
    "keeps": """
def deco(fn):
    seen.append(fn)
    return fn

@deco
""",
    "calls at once": """
def deco(fn):
    fn(1)
    return fn

@deco
""",
    "keeps its wrapper": """
def deco(fn):
    def wrapper(*args):
        return fn(*args)
    seen.append(wrapper)
    return wrapper

@deco
""",
    "wraps in something else": """
def deco(fn):
    @functools.lru_cache
    def wrapper(*args):
        return fn(*args)
    return wrapper

@deco
""",
    "calls through an attribute": """
def deco(fn):
    def wrapper(*args):
        fn.__wrapped__(*args)
        return fn(*args)
    return wrapper

@deco
""",
    "is a generator": """
def deco(fn):
    def wrapper(*args):
        yield 1
        return fn(*args)
    return wrapper

@deco
""",
    "is decorated itself": """
@functools.lru_cache
def deco(fn):
    return fn

@deco
""",
    "is one of two": """
def deco(fn):
    return fn

if seen:
    def deco(fn):
        return seen

@deco
""",
}
_HEAD = "import functools\n\nseen = []\n"


def _forwards(program: Program) -> bool:
    (module,) = program.modules
    (function,) = [each for each in module.scopes() if each.name == "decorated"]
    (decorator,) = function.decorators
    return forwards(program, module, function.parent, decorator)


@pytest.mark.parametrize("case", _FORWARDING)
def test_a_decorator_that_forwards_takes_a_coroutine_function(program_of: Callable[[str], Program], case: str) -> None:
    """It is recognised, and what is decorated returns the same, awaited, with the same done before."""
    plain = f"{_HEAD}{_FORWARDING[case]}def decorated(value):\n    seen.append(value)\n    return value + 1\n"
    assert _forwards(program_of(plain))

    results = []
    for text in (plain, plain.replace("def decorated", "async def decorated")):
        names: dict[str, object] = {}
        exec(compile(text, "app.py", "exec"), names)  # noqa: S102 - the program under test
        function = names["decorated"]
        assert callable(function)
        values = [function(each) for each in (1, 0)]
        if text is not plain:

            async def awaited(values: list[object] = values) -> list[object]:
                return [await each for each in values]  # type: ignore[misc]

            values = asyncio.run(awaited())
        results.append((values, sorted(map(str, names["seen"]))))  # type: ignore[call-overload]
    assert results[0] == results[1]


@pytest.mark.parametrize("case", _OTHERS)
def test_a_decorator_that_does_more_is_not_taken_for_one_that_forwards(
    program_of: Callable[[str], Program], case: str
) -> None:
    """Whatever comes after the call, keeps the function, or returns something else is told from forwarding."""
    text = f"{_HEAD}{_OTHERS[case]}def decorated(value):\n    return value + 1\n"
    assert not _forwards(program_of(text))
