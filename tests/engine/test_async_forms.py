"""Generators, context managers made of them, and commands: how they convert, and what they are refused for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hasten import callgraph
from hasten.index.program import Program
from hasten.propagate import propagate


def build(program: Program, *, forms: bool = True) -> callgraph.CallGraph:
    """Return the graph above the calls of `time.sleep` in a program."""
    sleeps = [
        (each, each.module.enclosing(each.scope, "function"))
        for each in program.calls_named("sleep")
        if program.dotted(each.module, each.scope, each.function) == "time.sleep"
    ]
    return callgraph.build(program, sleeps, entry_points=frozenset({"app:start"}), forms=forms)


def converted(graph: callgraph.CallGraph) -> list[str]:
    """Return the names of what converts."""
    result = propagate(graph.functions, graph.calls, graph.seeds)
    return sorted(graph.scopes[each].name for each in result.converted)


def refused(graph: callgraph.CallGraph) -> set[str]:
    """Return the codes for which calls stay as they are."""
    result = propagate(graph.functions, graph.calls, graph.seeds)
    return {each.constraint.code for each in result.refused}


def actions(graph: callgraph.CallGraph) -> set[str]:
    """Return what is done at the calls."""
    return {graph.forms[each].action for each in graph.sites if each in graph.forms}


_GENERATOR = "import contextlib\nimport time\n\n\ndef rows():\n    time.sleep(1)\n    yield 1\n\n\n"
_CLEANING = (
    "import time\n\n\ndef rows():\n    try:\n        time.sleep(1)\n        yield 1\n"
    "    finally:\n        print()\n\n\n"
)
_MANAGER = (
    "import contextlib\nimport time\n\n\n@contextlib.contextmanager\ndef opened():\n"
    "    time.sleep(1)\n    yield 1\n\n\n"
)

TAKEN = {
    "loop": (f"{_GENERATOR}def use():\n    for x in rows():\n        print(x)\n", "iterate-asynchronously"),
    "comprehension": (f"{_GENERATOR}def use():\n    return [x for x in rows()]\n", "iterate-asynchronously"),
    "second clause": (
        f"{_GENERATOR}def use(a):\n    return [x for b in a for x in rows()]\n",
        "iterate-asynchronously",
    ),
    "list": (f"{_GENERATOR}def use():\n    return list(rows())\n", "collect"),
    "kept": (f"{_GENERATOR}def use():\n    found = rows()\n    return found\n", "collect-iterator"),
    "any": (f"{_GENERATOR}def use():\n    return any(rows())\n", "collect-iterator"),
    "zip": (f"{_GENERATOR}def use():\n    for x, y in zip(rows(), rows()):\n        print(x)\n", "collect-iterator"),
    "generator expression": (f"{_GENERATOR}def use():\n    return sum(x for x in rows())\n", "collect-iterator"),
    "generator of a generator": (
        f"{_GENERATOR}def use():\n    for x in rows():\n        yield x\n",
        "iterate-asynchronously",
    ),
    "delegated to": (f"{_GENERATOR}def use():\n    yield from rows()\n", "iterate-asynchronously"),
    "delegated to what cleans up": (f"{_CLEANING}def use():\n    yield from rows()\n", "iterate-closing"),
    "loop over what cleans up": (f"{_CLEANING}def use():\n    for x in rows():\n        return x\n", "iterate-closing"),
    "with": (f"{_MANAGER}def use():\n    with opened():\n        print()\n", "enter-asynchronously"),
    "one of several": (
        f"{_MANAGER}def use(a):\n    with a, opened() as b:\n        print(b)\n",
        "enter-asynchronously",
    ),
}


@pytest.mark.parametrize("case", TAKEN)
def test_what_uses_a_generator_follows_it(program_of: Callable[[str], Program], case: str) -> None:
    """The call has a form of its own, and the function around it converts; unless forms are asked for, both stay."""
    text, action = TAKEN[case]
    graph = build(program_of(text))

    assert actions(graph) == {action}
    assert converted(graph) == ["opened" if text.startswith(_MANAGER) else "rows", "use"]
    plain = build(program_of(text), forms=False)
    assert converted(plain) == []
    assert plain.forms == {}


REFUSED = {
    "next": (f"{_GENERATOR}def use(anext):\n    return next(rows(), None)\n", "ASY125"),
    "delegated to, and waited for": (
        f"{_GENERATOR}def use():\n    found = yield from rows()\n    f(found)\n",
        "ASY125",
    ),
    "delegated to beside others": (f"{_GENERATOR}def use():\n    yield from rows(); print()\n", "ASY125"),
    "at module level": (f"{_GENERATOR}for x in rows():\n    print(x)\n", "ASY103"),
    "below the main guard": (
        f'{_GENERATOR}if __name__ == "__main__":\n    for x in rows():\n        print(x)\n',
        "ASY103",
    ),
    "handed on": (f"{_GENERATOR}TABLE = [rows]\n", "ASY132"),
    "returns a value": (_GENERATOR.replace("yield 1", "yield 1\n    return 2"), "ASY125"),
    "delegates": (_GENERATOR.replace("yield 1", "x = yield from [1].copy()"), "ASY125"),
    "manager that delegates": (_MANAGER.replace("yield 1", "yield from [1].copy()"), "ASY124"),
    "unknown return type": (_GENERATOR.replace("def rows():", "def rows() -> contextlib.suppress:"), "ASY125"),
    "entered by hand": (f"{_MANAGER}def use(stack):\n    return stack.enter_context(opened())\n", "ASY124"),
    "as a decorator": (f"{_MANAGER}@opened()\ndef use():\n    pass\n", "ASY103"),
    "decorated further": (_MANAGER.replace("@contextlib", "@other\n@contextlib"), "ASY126"),
    "one of a family": (
        (
            "import time\n\n\nclass A:\n    def rows(self):\n        return [0]\n\n\n"
            "class B(A):\n    def rows(self):\n        time.sleep(1)\n        yield 1\n"
        ),
        "ASY125",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_asynchronous_generator_bears_is_refused(program_of: Callable[[str], Program], case: str) -> None:
    """Any other use, and any other body, is a constraint with a code."""
    text, code = REFUSED[case]
    graph = build(program_of(text))

    assert converted(graph) == []
    assert refused(graph) == {code}


def test_names_of_types_and_decorators_change_with_their_imports(program_of: Callable[[str], Program]) -> None:
    """The new names are imported from where the old ones came from, and the old ones are released."""
    text = (
        "import time\nfrom collections.abc import Iterator\nfrom contextlib import contextmanager\n\n\n"
        "@contextmanager\ndef opened() -> Iterator[int]:\n    time.sleep(1)\n    yield 1\n"
    )
    (form,) = build(program_of(text)).forms.values()

    assert dict(form.data) == {
        "decorator": "asynccontextmanager",
        "decorated": "contextmanager",
        "returns": "AsyncIterator",
    }
    assert [(each.module, each.name) for each in form.imports] == [
        ("contextlib", "asynccontextmanager"),
        ("collections.abc", "AsyncIterator"),
    ]
    assert [text[span.start : span.end] for _path, span in form.releases] == ["contextmanager", "Iterator"]


_SLEEPING = "import asyncio\nimport time\n\n\ndef work():\n    time.sleep(1)\n\n\n"


def test_an_entry_with_more_than_one_call_runs_its_body(program_of: Callable[[str], Program]) -> None:
    """One call is wrapped in `asyncio.run`; for several, or a blocking call of its own, the body is one."""
    one = build(program_of(f"{_SLEEPING}def start():\n    work()\n"))
    assert (converted(one), one.forms) == (["work"], {})
    for body in ("work()\n    work()", "time.sleep(1)"):
        several = build(program_of(f"{_SLEEPING}def start():\n    {body}\n"))
        assert "start" in converted(several)
        assert {each.action for each in several.forms.values()} == {"run-inside"}
        assert {each.remedy for each in several.calls} <= {""}
        assert dict(next(iter(several.forms.values())).data) == {"name": "_start"}


@pytest.mark.parametrize(
    "rest",
    [
        "async def other():\n    start()\n",
        "def start_again():\n    asyncio.run(asyncio.sleep(0))\n",
        "asyncio = None\n",
    ],
)
def test_an_entry_that_cannot_run_its_body_stays(program_of: Callable[[str], Program], rest: str) -> None:
    """Called from a coroutine, reaching another loop, or without the name `asyncio`, it stays as it is."""
    graph = build(
        program_of(
            f"{_SLEEPING}{rest}\n\ndef start():\n    time.sleep(1)\n    {'start_again()' if 'again' in rest else ''}\n"
        )
    )
    assert graph.forms == {}
    assert "start" not in converted(graph)
