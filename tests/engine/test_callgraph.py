"""The graph above blocking calls: what is found in real files, and what stands in the way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

import hasten_codemods
from hasten import callgraph, workers
from hasten.async_codes import ASYNC_CODES
from hasten.async_places import function_around
from hasten.async_receivers import Resolve
from hasten.async_rules import DOTTED_LITERAL
from hasten.cache import Cache
from hasten.codes import ENGINE_CODES
from hasten.index.module import Call, Scope
from hasten.index.program import Program
from hasten.propagate import Certainty, Constraint, propagate
from hasten.reading import Reader

SLEEP = "import time\n\n\ndef f():\n    time.sleep(1)\n"


@dataclass(frozen=True, slots=True)
class Built:
    """A graph, and what the propagation makes of it."""

    graph: callgraph.CallGraph
    program: Program
    read: tuple[str, ...]

    def name(self, key: str) -> str:
        """Return the qualified name of a function, or that of the module."""
        scope = self.graph.scopes[key]
        return scope.module.symbol(scope.number)

    def constraints(self) -> dict[str, set[str]]:
        """Return codes by function, by `caller>callee`, and by `function>` for blocking calls."""
        found: dict[str, set[str]] = {}
        for function in self.graph.functions:
            if not self.name(function.id).endswith(self.graph.scopes[function.id].module.name):
                found.setdefault(self.name(function.id), set()).update(each.code for each in function.constraints)
        for call in self.graph.calls:
            found.setdefault(f"{self.name(call.caller)}>{self.name(call.callee)}", set()).update(
                each.code for each in call.constraints
            )
        for seed in self.graph.seeds:
            found.setdefault(f"{self.name(seed.function)}>", set()).update(each.code for each in seed.constraints)
        return {key: codes for key, codes in found.items() if codes}

    def reasons(self) -> list[Constraint]:
        """Return the constraints of all functions."""
        return [reason for each in self.graph.functions for reason in each.constraints]

    def edges(self) -> dict[str, tuple[Certainty, str]]:
        """Return certainty and remedy by `caller>callee`."""
        return {
            f"{self.name(each.caller)}>{self.name(each.callee)}": (each.certainty, each.remedy)
            for each in self.graph.calls
        }

    def hazards(self) -> set[str]:
        """Return the codes of all hazards."""
        return {reason.code for found in self.graph.hazards.values() for reason in found}

    def converted(self) -> list[str]:
        """Return what becomes a coroutine function."""
        result = propagate(self.graph.functions, self.graph.calls, self.graph.seeds)
        return sorted(self.name(each) for each in result.converted)

    def refused(self) -> list[str]:
        """Return the code for each blocking call that stays."""
        result = propagate(self.graph.functions, self.graph.calls, self.graph.seeds)
        return [each.constraint.code for each in result.refused]


def build(
    root: Path,
    files: dict[str, str],
    *,
    resolve: dict[str, str] | None = None,
    entry_points: frozenset[str] = frozenset(),
    context: tuple[str, ...] = (),
) -> Built:
    """Write the files and build the graph as a run does: read those that sleep, then what is wanted, until it is whole.

    Args:
        resolve: what the oracle knows, by `path:line` of a call: dotted names, or nothing at all.
    """
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    reader = Reader(root, {}, (b"sleep",), (DOTTED_LITERAL,), 1, Cache(None))
    reader.look(sorted(files), lambda _n: None)
    pending = [path for path in sorted(files) if reader.seen[path].candidate]
    modules, tried = [], set(pending)
    with workers.Workers(1) as pool:
        while True:
            found, failed = reader.index(pending, pool, lambda _n: None)
            assert not failed
            modules += found
            targets = frozenset(files) - frozenset(context)
            program = Program(modules, targets, frozenset(files))
            sleeps = [
                each
                for each in program.calls_named("sleep", want=False)
                if program.dotted(each.module, each.scope, each.function) == "time.sleep"
            ]
            seeds = [(each, _function(each)) for each in sleeps]
            graph = callgraph.build(program, seeds, _oracle(program, resolve), entry_points=entry_points)
            pending = reader.holding(sorted(set(files) - tried), sorted(program.wanted, key=repr))
            if not pending:
                return Built(graph, program, tuple(sorted(tried)))
            tried.update(pending)


def _function(call: Call) -> Scope | None:
    scope = function_around(call.module, call.scope)
    return scope if scope.kind == "function" else None


def _oracle(program: Program, known: dict[str, str] | None) -> Resolve | None:
    """Answer as an oracle does: exactly what `known` says of a place, and None of every other."""
    if known is None:
        return None

    def resolve(call: Call) -> tuple[Scope, ...] | None:
        answer = known.get(f"{call.module.path}:{call.module.position(call.span.start).line}")
        if answer is None:
            return None
        found = [program.resolve(each) for each in answer.split()]
        return tuple(each for each in found if each is not None)

    return resolve


def test_the_codes_are_unique_and_every_code_that_is_given_has_a_page() -> None:
    """Every `ASYnnn` in the modules that give reasons is the code of exactly one page, and each page is given."""
    import re

    codes = [each.code for each in ASYNC_CODES]
    assert len(set(codes)) == len(codes)
    engine = Path(callgraph.__file__).parent
    files = [file for file in engine.rglob("*.py") if not file.name.endswith("codes.py")]
    files += Path(hasten_codemods.__file__).parent.rglob("*.py")
    given: set[str] = set()
    for file in files:
        given |= set(re.findall(r'"(ASY\d{3})"', file.read_text(encoding="utf-8")))
    assert set(codes) <= given | {"ASY001"}  # guesses are a certainty of the edge, told by the codemod
    assert given <= {each.code for each in ENGINE_CODES}


# --- one call: what stands around it --------------------------------------------------------------------------------

AROUND = {
    "lambda": ("def g():\n    return lambda: f()\n", {"g>f": {"ASY101"}}),
    "class body": ("def g():\n    class A:\n        x = f()\n", {"g>f": {"ASY102"}}),
    "generator expression": ("def g(xs):\n    return any(f() for x in xs)\n", {"g>f": {"ASY104"}}),
    "condition of one": ("def g(xs):\n    return list(x for x in xs if f())\n", {"g>f": {"ASY104"}}),
    "first iterable of one": ("def g():\n    return list(x for x in f())\n", {}),
    "list comprehension": ("def g(xs):\n    return [f() for x in xs]\n", {}),
    "set comprehension": ("def g(xs):\n    return {f() for x in xs if f()}\n", {}),
    "dictionary comprehension": ("def g(xs):\n    return {x: f() for x in xs}\n", {}),
    "default of a nested function": ("def g():\n    def h(x=f()):\n        return x\n    return h\n", {}),
    "annotation of a nested function": (
        "def g():\n    def h(x: f()):\n        return x\n    return h\n",
        {"g>f": {"ASY106"}},
    ),
    "part of an annotation": (
        "def g():\n    def h(x: list[f()]):\n        return x\n    return h\n",
        {"g>f": {"ASY106"}},
    ),
    "awaited": ("async def g():\n    await f()\n", {"g>f": {"ASY109"}}),
    "scheduled": ("import asyncio\n\n\ndef g():\n    asyncio.run(f())\n", {"g>f": {"ASY109"}}),
    "lock made at once": (
        "import threading\n\n\ndef g():\n    with threading.Lock():\n        f()\n",
        {"g>f": {"ASY107"}},
    ),
    "lock of the module": (
        "import threading\n\nguard = threading.RLock()\n\n\ndef g():\n    with guard:\n        f()\n",
        {"g>f": {"ASY107"}},
    ),
    "lock of the object": (
        "class A:\n    def g(self):\n        with self._lock:\n            f()\n",
        {"A.g>f": {"ASY107"}},
    ),
    "lock that is acquired": ("def g(lock):\n    lock.acquire()\n    f()\n    lock.release()\n", {"g>f": {"ASY107"}}),
    "asynchronous lock": (
        (
            "import asyncio\n\n\nclass A:\n    def __init__(self):\n        self._lock = asyncio.Lock()\n\n"
            "    async def g(self):\n        async with self._lock:\n            f()\n"
        ),
        {},
    ),
    "lock that was held before": (
        "import threading\n\nguard = threading.Lock()\n\n\ndef g():\n    with guard:\n        pass\n    f()\n",
        {},
    ),
    "lock that was released": ("def g(lock):\n    lock.acquire()\n    lock.release()\n    f()\n", {}),
    "lock that was released in any case": (
        "def g(lock):\n    lock.acquire()\n    try:\n        print()\n    finally:\n        lock.release()\n    f()\n",
        {},
    ),
    "lock that is released in any case": (
        "def g(lock):\n    lock.acquire()\n    try:\n        f()\n    finally:\n        lock.release()\n",
        {"g>f": {"ASY107"}},
    ),
    "lock that was released, perhaps": (
        "def g(lock, x):\n    lock.acquire()\n    if x:\n        lock.release()\n    f()\n",
        {"g>f": {"ASY107"}},
    ),
    "lock that is released later": (
        "def g(a, b):\n    a.acquire()\n    b.release()\n    f()\n",
        {"g>f": {"ASY107"}},
    ),
    "lock in a stack": (
        (
            "import contextlib\n\n\ndef g(lock):\n    with contextlib.ExitStack() as stack:\n"
            "        stack.enter_context(lock)\n        f()\n"
        ),
        {"g>f": {"ASY107"}},
    ),
    "one of several contexts": ("def g(lock):\n    with open('x') as x, lock:\n        f()\n", {"g>f": {"ASY107"}}),
    "lock, or nothing": (
        "import contextlib\n\n\ndef g(lock=None):\n    with lock or contextlib.nullcontext():\n        f()\n",
        {"g>f": {"ASY107"}},
    ),
    "lock of many": (
        "class A:\n    def g(self, x):\n        with self.locks[x]:\n            f()\n",
        {"A.g>f": {"ASY107"}},
    ),
    "lock inside a context manager": (
        (
            "import contextlib\n\n\nclass A:\n    @contextlib.contextmanager\n    def alone(self):\n"
            "        with self._lock:\n            yield\n\n"
            "    def g(self):\n        with self.alone():\n            f()\n"
        ),
        {"A.g>f": {"ASY107"}},
    ),
    "lock inside a class": (
        (
            "class Alone:\n    def __enter__(self):\n        self._lock.acquire()\n\n    def __exit__(self, *a):\n"
            "        self._lock.release()\n\n\ndef g():\n    with Alone():\n        f()\n"
        ),
        {"g>f": {"ASY107"}},
    ),
    "lock that is asynchronous by its keyword": ("async def g(lock):\n    async with lock:\n        f()\n", {}),
    "lock of an inner function": (
        "def g(lock):\n    def h():\n        with lock:\n            pass\n    h()\n    f()\n",
        {},
    ),
    "lock around an inner function": (
        "def g(lock):\n    with lock:\n        def h():\n            f()\n    h()\n",
        {},
    ),
    "file": ("def g():\n    with open('x') as file:\n        f()\n", {}),
    "standard output": (
        "import contextlib\n\n\ndef g(x):\n    with contextlib.redirect_stdout(x):\n        f()\n",
        {"g>f": {"ASY107"}},
    ),
    "StopIteration": (
        "def g():\n    try:\n        f()\n    except (KeyError, StopIteration):\n        pass\n",
        {"g>f": {"ASY108"}},
    ),
    "module level": ("x = f()\n", {"app>f": {"ASY103"}}),
    "default of a function": ("def g(x=f()):\n    return x\n", {"app>f": {"ASY103"}}),
    "decorator": ("@f()\ndef g():\n    pass\n", {"app>f": {"ASY103"}}),
}


@pytest.mark.parametrize("case", AROUND)
def test_where_nothing_can_be_awaited_the_call_says_so(tmp_path: Path, case: str) -> None:
    """Each surrounding that takes no `await` is a constraint of the call, and those that take it are none."""
    text, expected = AROUND[case]
    found = build(tmp_path, {"app.py": f"{SLEEP}\n\n{text}"}).constraints()

    assert {key: codes for key, codes in found.items() if ">f" in key} == expected


def test_a_call_in_an_f_string_is_taken_only_where_its_place_is_known(tmp_path: Path) -> None:
    """Some versions of Python get places in f-strings wrong; such a call is refused, and any other is where it is."""
    text = f'{SLEEP}\n\nasync def g():\n    return f"""\n é {{ f() }}"""\n'
    built = build(tmp_path, {"app.py": text})
    (edge,) = built.graph.calls
    call = built.graph.sites[edge.site]

    assert [each.code for each in edge.constraints] == (["ASY105"] if call.misplaced else [])
    assert call.misplaced or text[call.span.start : call.span.end] == "f()"


def test_a_blocking_call_is_looked_at_in_the_same_way(tmp_path: Path) -> None:
    """The constraints of a seed are those of its place; a module cannot wait at all."""
    text = (
        "import time\nimport threading\n\ntime.sleep(1)\nlock = threading.Lock()\n\n\n"
        "async def f():\n    with lock:\n        time.sleep(2)\n\n\n"
        "async def g():\n    return lambda: time.sleep(3)\n"
    )
    assert build(tmp_path, {"app.py": text}).constraints() == {
        "app>": {"ASY103"},
        "f>": {"ASY107"},
        "g>": {"ASY101"},
    }


HAZARDS = {
    "bare except": ("def g():\n    try:\n        f()\n    except:\n        pass\n", {"ASY002"}),
    "BaseException": ("def g():\n    try:\n        f()\n    except BaseException:\n        pass\n", {"ASY002"}),
    "raised again": ("def g():\n    try:\n        f()\n    except BaseException:\n        raise\n", set()),
    "Exception": ("def g():\n    try:\n        f()\n    except Exception:\n        pass\n", set()),
    "attribute": ("class A:\n    def g(self):\n        self.n += f()\n", {"ASY003"}),
    "item": ("def g(d):\n    d['n'] += f()\n", {"ASY003"}),
    "global name": ("n = 0\n\n\ndef g():\n    global n\n    n += f()\n", {"ASY003"}),
    "local name": ("def g():\n    n = 0\n    n += f()\n    return n\n", set()),
    "nested comprehension": ("def g(xs):\n    return [[f() for x in y] for y in xs]\n", {"ASY008"}),
}


@pytest.mark.parametrize("case", HAZARDS)
def test_what_may_differ_at_a_call_is_a_hazard(tmp_path: Path, case: str) -> None:
    """Swallowed cancellation, targets read too early and new syntax are told, and nothing else is."""
    text, expected = HAZARDS[case]
    assert build(tmp_path, {"app.py": f"{SLEEP}\n\n{text}"}).hazards() == expected


# --- the program's entry --------------------------------------------------------------------------------------------

ENTRIES = {
    'if __name__ == "__main__":\n    f()\n': True,
    'if __name__ == "__main__": f()\n': True,
    'import sys\n\nif __name__ == "__main__":\n    sys.exit(f())\n': True,
    'if __name__ == "__main__":\n    raise SystemExit(f())\n': True,
    'if __name__ == "__main__":\n    code = f()\n    print(code)\n': True,
    'import logging\n\nif __name__ == "__main__":\n    logging.basicConfig(\n        level=1\n    )\n\n    f()\n': True,
    'if __name__ == "__main__":\n    for x in [1]:\n        if x:\n            print(f())\n': True,
    'if __name__ == "__main__":\n    try:\n        f()\n    finally:\n        print()\n': True,
    'if __name__ == "__main__":\n    print([f() for x in [1]], sum(f() or 0 for x in [1]))\n': True,
    'if __name__ == "__main__":\n    print(1)\nelif f():\n    pass\n': False,
    'if __name__ == "__main__":\n    pass\nf()\n': False,
    'if __name__ == "__main__":\n    pass\nelse:\n    f()\n': False,
    'DEBUG = 1\nif __name__ == "__main__":\n    print(1)\nif DEBUG:\n    f()\n': False,
    'DEBUG = 1\nif __name__ == "__main__" or DEBUG:\n    f()\n': False,
    'if __name__ != "__main__":\n    f()\n': False,
    "for x in []:\n    f()\n": False,
}


@pytest.mark.parametrize("text", ENTRIES)
def test_only_below_the_main_guard_a_module_may_run_a_loop(tmp_path: Path, text: str) -> None:
    """A call that runs only when the file is the program gets `asyncio.run`; all others at module level are refused."""
    built = build(tmp_path, {"app.py": f"{SLEEP}\n\n{text}"})

    assert built.edges()["app>f"] == (Certainty.PROVEN, callgraph.RUN if ENTRIES[text] else "")
    assert built.converted() == (["f"] if ENTRIES[text] else [])
    assert built.refused() == ([] if ENTRIES[text] else ["ASY103"])


def test_the_reason_at_module_level_is_the_call(tmp_path: Path) -> None:
    """Of a module and the call in it, the call is named as the reason, with its place."""
    built = build(tmp_path, {"app.py": SLEEP, "use.py": "from app import f\n\nf()\n"})
    result = propagate(built.graph.functions, built.graph.calls, built.graph.seeds)

    assert [(each.constraint.path, each.constraint.line) for each in result.refused] == [("use.py", 3)]


def test_dunder_main_is_an_entry(tmp_path: Path) -> None:
    """What `__main__.py` calls runs only when the package is run."""
    built = build(tmp_path, {"p/__init__.py": "", "p/core.py": SLEEP, "p/__main__.py": "from p.core import f\n\nf()\n"})

    assert built.edges() == {"p.__main__>f": (Certainty.PROVEN, callgraph.RUN)}


def test_entry_points_commands_and_tests_stay_and_run_a_loop(tmp_path: Path) -> None:
    """What is called from outside the program stays a plain function, and wraps its calls in `asyncio.run`."""
    files = {
        "app.py": SLEEP,
        "cli.py": "import click\nfrom app import f\n\n\n@click.group()\ndef cli():\n    pass\n\n\n"
        "@cli.command()\n@click.option('--n')\ndef go(n):\n    f()\n\n\ndef main():\n    f()\n",
        "test_app.py": "from app import f\n\n\ndef test_f():\n    assert f() is None\n    assert f() is None\n",
    }
    built = build(tmp_path, files, entry_points=frozenset({"cli:main"}))

    assert built.edges() == dict.fromkeys(["go>f", "main>f", "test_f>f"], (Certainty.PROVEN, callgraph.RUN))
    assert built.converted() == ["f"]
    assert built.hazards() == set()

    kept = {**files, "kept.py": "import asyncio\nfrom app import f\n\nlock = asyncio.Lock()\n"}
    assert build(tmp_path / "kept", kept).hazards() == {"ASY007"}
    local = {**files, "kept.py": "import asyncio\nfrom app import f\n\n\ndef g():\n    lock = asyncio.Lock()\n"}
    assert build(tmp_path / "local", local).hazards() == set()
    other = {**files, "kept.py": "import threading\nfrom app import f\n\nlock = threading.Lock()\n"}
    assert build(tmp_path / "other", other).hazards() == set()


def test_an_entry_that_a_coroutine_calls_runs_no_loop(tmp_path: Path) -> None:
    """`asyncio.run` fails inside a running loop, so an entry that is called from a coroutine has no remedy."""
    text = f"{SLEEP}\n\ndef main():\n    f()\n\n\nasync def server():\n    main()\n"
    built = build(tmp_path, {"app.py": text}, entry_points=frozenset({"app.main"}))

    assert built.edges()["main>f"] == (Certainty.PROVEN, "")
    assert built.refused() == ["ASY128"]


def test_blocking_calls_in_an_entry_itself_are_refused(tmp_path: Path) -> None:
    """A test, a fixture, a command and a task stay as they are, and so do their own blocking calls."""
    text = (
        "import time\nimport click\nimport pytest\nfrom celery import shared_task\n\n\n"
        "@click.command()\ndef go():\n    time.sleep(1)\n\n\n@pytest.fixture\ndef db():\n    time.sleep(1)\n\n\n"
        "@shared_task\ndef job():\n    time.sleep(1)\n\n\ndef test_x():\n    time.sleep(1)\n"
    )
    assert build(tmp_path, {"test_app.py": text}).constraints() == {
        "go": {"ASY128"},
        "db": {"ASY129"},
        "job": {"ASY127"},
        "test_x": {"ASY129"},
    }


# --- one function: how it is defined --------------------------------------------------------------------------------

DEFINED = {
    "constructor": ("class A:\n    def __init__(self):\n        time.sleep(1)\n", {"ASY120"}),
    "special method": ("class A:\n    def __exit__(self, *a):\n        time.sleep(1)\n", {"ASY121"}),
    "property": ("class A:\n    @property\n    def x(self):\n        time.sleep(1)\n", {"ASY122"}),
    "cached property": (
        (
            "from functools import cached_property\n\n\nclass A:\n    @cached_property\n    def x(self):\n"
            "        time.sleep(1)\n"
        ),
        {"ASY122"},
    ),
    "cache": ("import functools\n\n\n@functools.lru_cache(maxsize=1)\ndef x():\n    time.sleep(1)\n", {"ASY123"}),
    "context manager": (
        "from contextlib import contextmanager\n\n\n@contextmanager\ndef x():\n    time.sleep(1)\n    yield\n",
        {"ASY124"},
    ),
    "generator": ("def x():\n    time.sleep(1)\n    yield\n", {"ASY125"}),
    "unknown decorator": ("import other\n\n\n@other.thing\ndef x():\n    time.sleep(1)\n", {"ASY126"}),
    "generic function": ("import functools\n\n\n@functools.singledispatch\ndef x(a):\n    time.sleep(1)\n", {"ASY126"}),
    "decorated class": (
        "import other\n\n\n@other.thing\nclass A:\n    def x(self):\n        time.sleep(1)\n",
        {"ASY126"},
    ),
    "dataclass": (
        "import dataclasses\n\n\n@dataclasses.dataclass\nclass A:\n    def x(self):\n        time.sleep(1)\n",
        set(),
    ),
    "static method": ("class A:\n    @staticmethod\n    def x():\n        time.sleep(1)\n", set()),
    "forwarding decorator": (
        (
            "import functools\n\n\ndef same(fn):\n    @functools.wraps(fn)\n    def inner(*a, **k):\n"
            "        return fn(*a, **k)\n    return inner\n\n\n@same\ndef x():\n    time.sleep(1)\n"
        ),
        set(),
    ),
    "decorator that keeps": (
        "KEPT = []\n\n\ndef keep(fn):\n    KEPT.append(fn)\n    return fn\n\n\n@keep\ndef x():\n    time.sleep(1)\n",
        {"ASY126"},
    ),
    "marking decorator": ("def mark(fn):\n    return fn\n\n\n@mark\ndef x():\n    time.sleep(1)\n", set()),
    "retry": ("import tenacity\n\n\n@tenacity.retry\ndef x():\n    time.sleep(1)\n", set()),
    "retry above something": (
        "import tenacity\n\n\ndef mark(fn):\n    return fn\n\n\n@tenacity.retry\n@mark\ndef x():\n    time.sleep(1)\n",
        {"ASY126"},
    ),
    "flask view": (
        "from flask import Flask\n\napp = Flask(__name__)\n\n\n@app.route('/')\ndef x():\n    time.sleep(1)\n",
        set(),
    ),
    "flask filter": (
        "from flask import Flask\n\napp = Flask(__name__)\n\n\n@app.template_filter()\ndef x():\n    time.sleep(1)\n",
        {"ASY126"},
    ),
    "defined twice": (
        "try:\n    from fast import x\nexcept ImportError:\n    def x():\n        time.sleep(1)\n",
        {"ASY131"},
    ),
    "foreign base": ("import other\n\n\nclass A(other.B):\n    def x(self):\n        time.sleep(1)\n", {"ASY130"}),
    "foreign base further up": (
        "import other\n\n\nclass B(other.C):\n    pass\n\n\nclass A(B):\n    def x(self):\n        time.sleep(1)\n",
        {"ASY130"},
    ),
    "harmless bases": (
        (
            "import abc\nfrom typing import Generic, NamedTuple, Protocol, TypeVar\n\nT = TypeVar('T')\n\n\n"
            "class A(abc.ABC, Generic[T], ValueError):\n    def x(self):\n        time.sleep(1)\n"
        ),
        set(),
    ),
    "thread": (
        "import threading\n\n\nclass A(threading.Thread):\n    def run(self):\n        time.sleep(1)\n",
        {"ASY130"},
    ),
    "beside a thread": (
        "import threading\n\n\nclass A(threading.Thread):\n    def x(self):\n        time.sleep(1)\n",
        set(),
    ),
    "test case": (
        "import unittest\n\n\nclass A(unittest.TestCase):\n    def setUp(self):\n        time.sleep(1)\n",
        {"ASY129"},
    ),
    "helper of a test case": (
        "import unittest\n\n\nclass A(unittest.TestCase):\n    def x(self):\n        time.sleep(1)\n",
        set(),
    ),
    "next, which somebody catches": (
        (
            "def x(it):\n    time.sleep(1)\n    return next(it)\n\n\n"
            "def y(it):\n    try:\n        x(it)\n    except StopIteration:\n        pass\n"
        ),
        {"ASY139"},
    ),
    "next, which nobody catches": ("def x(it):\n    time.sleep(1)\n    return next(it)\n", set()),
    "next with a default": ("def x(it):\n    time.sleep(1)\n    return next(it, None)\n", set()),
    "next, caught": (
        "def x(it):\n    time.sleep(1)\n    try:\n        return next(it)\n    except StopIteration:\n        pass\n",
        set(),
    ),
    "StopIteration": ("def x():\n    time.sleep(1)\n    raise StopIteration\n", {"ASY139"}),
    "starts a loop": (
        (
            "import asyncio\n\n\nasync def y():\n    pass\n\n\ndef z():\n    asyncio.run(y())\n\n\n"
            "def x():\n    time.sleep(1)\n    z()\n"
        ),
        {"ASY138"},
    ),
}


@pytest.mark.parametrize("case", DEFINED)
def test_how_a_function_is_defined_decides_whether_it_may_wait(tmp_path: Path, case: str) -> None:
    """Special names, decorators, bases and the body itself are constraints of the function, each with its code."""
    text, expected = DEFINED[case]
    found = build(tmp_path, {"app.py": f"import time\n{text}"}).constraints()

    assert next(iter(found.values()), set()) == expected


def test_handlers_of_web_frameworks_are_hazards(tmp_path: Path) -> None:
    """A Flask view gets a loop of its own, and a FastAPI handler moves onto the loop; an aiohttp handler is there."""
    text = "import time\nfrom {0} import {1}\n\napp = {2}\n\n\n@app.get('/')\ndef x():\n    time.sleep(1)\n"
    cases = [
        ("flask", "Flask", "Flask('a')", {"ASY004"}),
        ("flask", "Blueprint", "Blueprint('a', 'b')", {"ASY004"}),
        ("fastapi", "FastAPI", "FastAPI()", {"ASY005"}),
        ("fastapi", "APIRouter", "APIRouter()", {"ASY005"}),
        ("fastapi.routing", "APIRouter", "APIRouter()", {"ASY005"}),
        ("starlette.applications", "Starlette", "Starlette()", {"ASY005"}),
        ("aiohttp", "web", "web.RouteTableDef()", set()),
    ]
    for number, (module, name, made, expected) in enumerate(cases):
        built = build(tmp_path / str(number), {"app.py": text.format(module, name, made)})
        assert built.hazards() == expected
        assert built.converted() == ["x"]


def test_handlers_may_be_handed_over_as_well(tmp_path: Path) -> None:
    """`Depends(f)` and `Route(path, f)` take a coroutine function, with the hazard that the decorators have."""
    text = "from {0} import {1}\nfrom app import f\n\nkept = [{2}]\n"
    cases = [
        ("fastapi", "Depends", "Depends(f)", {"ASY005"}),
        ("fastapi", "Security", "Security(f)", {"ASY005"}),
        ("starlette.routing", "Route", "Route('/', f)", {"ASY005"}),
        ("aiohttp", "web", "web.get('/', f)", set()),
    ]
    for number, (module, name, made, expected) in enumerate(cases):
        built = build(tmp_path / str(number), {"app.py": SLEEP, "use.py": text.format(module, name, made)})
        assert built.hazards() == expected
        assert built.constraints() == {}


def test_methods_that_files_have_are_hazards(tmp_path: Path) -> None:
    """`print(file=x)` calls `x.write`, wherever `x` was made."""
    text = "import time\n\n\nclass A:\n    def write(self, text):\n        time.sleep(1)\n"

    assert build(tmp_path, {"app.py": text}).hazards() == {"ASY009"}


def test_the_application_may_be_imported(tmp_path: Path) -> None:
    """`@app.get` is known where `app` is made in another module."""
    files = {
        "main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n",
        "views.py": "import time\nfrom main import app\n\n\n@app.get('/')\ndef x():\n    time.sleep(1)\n",
    }
    built = build(tmp_path, files)

    assert built.constraints() == {}
    assert built.hazards() == {"ASY005"}


# --- one function: who else gets at it ------------------------------------------------------------------------------

MENTIONED = {
    "sort key": ("def g(xs):\n    return sorted(xs, key=f)\n", "ASY132"),
    "map": ("def g(xs):\n    return list(map(f, xs))\n", "ASY132"),
    "filter": ("def g(xs):\n    return list(filter(f, xs))\n", "ASY132"),
    "partial": ("import functools\n\n\ndef g():\n    return functools.partial(f)\n", "ASY132"),
    "alias": ("g = f\n", "ASY132"),
    "table": ("TABLE = {'f': f}\n", "ASY132"),
    "returned": ("def g():\n    return f\n", "ASY132"),
    "decorator": ("@f\ndef g():\n    pass\n", "ASY132"),
    "method of the function": ("def g():\n    f.delay()\n", "ASY132"),
    "thread": ("import threading\n\n\ndef g():\n    threading.Thread(target=f).start()\n", "ASY133"),
    "executor": ("def g(pool):\n    return pool.submit(f).result()\n", "ASY133"),
    "worker thread": ("import asyncio\n\n\nasync def g():\n    await asyncio.to_thread(f)\n", "ASY133"),
    "getattr": ("import app\n\n\ndef g():\n    return getattr(app, 'f')()\n", "ASY134"),
    "pattern": ("import app\n\n\ndef g(x):\n    return getattr(app, f'f{x}')()\n", "ASY134"),
    "dotted string": ("TASKS = ['app.f']\n", "ASY134"),
    "entry string": ("def g(run):\n    run('app:f')\n", "ASY134"),
    "name compared": ("def g(x):\n    return x is f\n", None),
    "name shown": ("def g():\n    return f.__name__\n", None),
    "another string": ("NAMES = ['f', 'other.f']\n", None),
    "exported": ("__all__ = ['f']\n", None),
    "getattr of another": ("import os\n\n\ndef g():\n    return getattr(os, 'f')\n", None),
    "depends": ("from fastapi import Depends\n\n\ndef g(x=Depends(f)):\n    pass\n", None),
}


@pytest.mark.parametrize("case", MENTIONED)
def test_a_function_that_is_more_than_called_is_refused(tmp_path: Path, case: str) -> None:
    """A function that is handed on, kept or looked up by name stays, with the place where that is; others may turn."""
    text, expected = MENTIONED[case]
    built = build(
        tmp_path, {"app.py": SLEEP, "use.py": f"from app import f\n{text}" if "import app" not in text else text}
    )

    assert built.constraints() == ({"f": {expected}} if expected else {})
    if expected:
        assert {each.path for each in built.reasons()} == {"use.py"}
        assert built.refused() == [expected]


def test_what_is_put_in_its_place_is_a_hazard_or_a_constraint(tmp_path: Path) -> None:
    """`patch` alone makes what can be awaited; anything else put there is told; an attribute of its class refuses."""
    test = "from unittest.mock import patch\n\n\ndef test_f({0}):\n    {1}\n"
    cases = [
        ("", "patch('app.f')", set()),
        ("", "patch('app.f', new=print)", {"ASY006"}),
        ("monkeypatch", "monkeypatch.setattr('app.f', print)", {"ASY006"}),
    ]
    for number, (argument, line, expected) in enumerate(cases):
        built = build(tmp_path / str(number), {"app.py": SLEEP, "test_f.py": test.format(argument, line)})
        assert built.hazards() == expected
        assert built.constraints() == {}
    text = (
        "import time\n\n\nclass A:\n    def __init__(self, save):\n        if save:\n            self.save = save\n\n"
        "    def save(self):\n        time.sleep(1)\n"
    )
    assert build(tmp_path / "own", {"app.py": text}).constraints() == {"A.save": {"ASY137"}}


LOOKED_UP = {
    "globals": ("app.py", f"{SLEEP}\n\ndef g(name):\n    return globals()[name]()\n", True),
    "sys.modules": (
        "app.py",
        f"import sys\n{SLEEP}\n\ndef g(name):\n    h = getattr(sys.modules[__name__], name)\n    h()\n",
        True,
    ),
    "import_module": ("use.py", "import importlib\n\nm = importlib.import_module('app')\nm.f()\n", True),
    "import_module at once": ("use.py", "import importlib\n\nimportlib.import_module('app').f()\n", True),
    "another object": ("use.py", "import logging\n\n\ndef g(name):\n    getattr(logging, name)()\n", False),
}


@pytest.mark.parametrize("case", LOOKED_UP)
def test_functions_that_are_looked_up_in_their_module_are_refused(tmp_path: Path, case: str) -> None:
    """The module as a table of names, or imported by name, may call the function where nobody sees it."""
    path, text, refused = LOOKED_UP[case]
    found = build(tmp_path, {"app.py": SLEEP, path: text}).constraints()

    assert found.get("f", set()) == ({"ASY134"} if refused else set())


COMMANDS = {
    "text": ("getattr(self, 'cmd_' + name)()", True),
    "formatted": ("getattr(self, f'cmd_{name}')()", True),
    "variable": ("key = 'cmd_' + name\n        return getattr(self.__class__, key)(self)", True),
    "type": ("run = getattr(type(self), name)\n        return run(self)", True),
    "another pattern": ("getattr(self, 'do_' + name)()", False),
    "a value": ("print(getattr(self, name))", False),
}


@pytest.mark.parametrize("case", COMMANDS)
def test_methods_that_are_called_by_a_computed_name_are_refused(tmp_path: Path, case: str) -> None:
    """A lookup in the object that fits the name of the method is a constraint; one that does not fit is none."""
    line, refused = COMMANDS[case]
    text = (
        f"import time\n\n\nclass A:\n    def run(self, name):\n        {line}\n\n"
        "    def cmd_wait(self):\n        time.sleep(1)\n"
    )
    assert build(tmp_path, {"app.py": text}).constraints() == ({"A.cmd_wait": {"ASY134"}} if refused else {})


def test_star_imports_and_modules_as_values_are_refused(tmp_path: Path) -> None:
    """Where the name may come by `*`, or the module is handed on, calls cannot all be seen."""
    star = build(tmp_path / "a", {"app.py": SLEEP, "use.py": "from app import *\n\n\ndef g():\n    f()\n"})
    value = build(
        tmp_path / "b", {"app.py": SLEEP, "use.py": "import app\n\n\ndef g(run):\n    run(app)\n    app.f()\n"}
    )

    assert star.constraints() == {"f": {"ASY136"}}
    assert value.constraints() == {"f": {"ASY132"}}


FOLLOWED = {
    "variable": ("def g():\n    h = f\n    h()\n", None),
    "one of two": ("def g(x):\n    h = f if x else other\n    h()\n", None),
    "one of others": ("def g(x):\n    h = f if x else print\n    h()\n", "ASY132"),
    "table": ("TABLE = {'f': f}\n\n\ndef g(x):\n    TABLE[x]()\n", None),
    "table that grows": ("TABLE = {}\n\n\ndef g(x):\n    TABLE['f'] = f\n    TABLE[x]()\n", "ASY132"),
    "table that is handed on": (
        "import json\nTABLE = {'f': f}\n\n\ndef g(x):\n    TABLE[x](json.dumps(TABLE))\n",
        "ASY132",
    ),
    "table that is gone through": ("TABLE = [f]\n\n\ndef g():\n    for each in TABLE:\n        each()\n", "ASY132"),
    "table of tables": ("TABLE = {'a': {'f': f}}\n\n\ndef g():\n    TABLE['a']['f']()\n", "ASY132"),
    "part of a table": ("TABLE = [f, f]\n\n\ndef g():\n    TABLE[1:][0]()\n", "ASY132"),
    "parameter": ("def call(h):\n    h()\n\n\ndef g():\n    call(f)\n    call(h=f)\n", None),
    "default": ("def call(h=f):\n    h()\n\n\ndef g():\n    call()\n", None),
    "parameter of something unknown": ("def call(h):\n    h()\n\n\ndef g(x):\n    call(x)\n    call(f)\n", "ASY132"),
    "others of a call": ("def call(*h):\n    h[0]()\n\n\ndef g():\n    call(f)\n", "ASY132"),
    "returned": ("def make():\n    return f\n\n\ndef g():\n    make()()\n", None),
    "returned by what is handed on": (
        "def make():\n    return f\n\n\ndef g(x):\n    make()()\n    x(make)\n",
        "ASY132",
    ),
    "partial": ("import functools\n\n\ndef g():\n    functools.partial(f)()\n", None),
    "partial of what takes it": (
        "import functools\n\n\ndef call(x, h):\n    h()\n\n\ndef g():\n    functools.partial(call, 1)(f)\n",
        "ASY132",
    ),
    "attribute": (
        "class A:\n    def __init__(self):\n        self.h = f\n\n\ndef g():\n    a = A()\n    a.h()\n",
        None,
    ),
    "attribute of something unknown": (
        "class A:\n    def __init__(self):\n        self.h = f\n\n\ndef g(x):\n    x(A())\n    A().h()\n    x.h()\n",
        "ASY132",
    ),
    "attribute that another object hands out": (
        (
            "class A:\n    def __init__(self):\n        self.h = f\n\n\nclass B:\n    def __init__(self):\n"
            "        self.a = A()\n\n    def __getattr__(self, name):\n        return getattr(self.a, name)\n\n\n"
            "def g():\n    B().h()\n    A().h()\n"
        ),
        "ASY132",
    ),
    "attribute that is set by its name": (
        (
            "class A:\n    def __init__(self):\n        self.h = f\n\n\ndef g(x):\n    a = A()\n"
            "    setattr(a, 'h', x)\n    a.h()\n"
        ),
        "ASY132",
    ),
    "attribute that a namespace is given": (
        (
            "class A:\n    def __init__(self, x):\n        self.h = f\n        self.__dict__.update(x)\n\n\n"
            "def g(x):\n    a = A(x)\n    a.h()\n"
        ),
        "ASY132",
    ),
    "attribute of what a protocol names": (
        (
            "from typing import Protocol\n\n\nclass P(Protocol):\n    h: object\n\n\nclass A:\n"
            "    def __init__(self):\n        self.h = f\n\n\ndef g(p: P, x):\n    p.h()\n    x(A())\n    A().h()\n"
        ),
        "ASY132",
    ),
    "attribute that is a method below": (
        (
            "class A:\n    def __init__(self):\n        self.h = f\n\n\nclass B(A):\n    @property\n    def h(self):\n"
            "        return len\n\n\ndef g(a: A):\n    a.h()\n"
        ),
        "ASY132",
    ),
    "class attribute": ("class A:\n    h = staticmethod(f)\n\n\ndef g():\n    A.h()\n", "ASY132"),
}


@pytest.mark.parametrize("case", FOLLOWED)
def test_a_function_is_followed_to_where_it_is_called(tmp_path: Path, case: str) -> None:
    """What is kept and called where all of it can be seen converts with all that can be called there."""
    text, expected = FOLLOWED[case]
    use = f"from app import f\n\n\ndef other():\n    pass\n\n\n{text}"
    built = build(tmp_path, {"app.py": SLEEP, "use.py": use})

    assert built.constraints() == ({"f": {expected}} if expected else {})
    assert ("f" in built.converted(), "g" in built.converted()) == (expected is None, expected is None)
    assert ("other" in built.converted()) == (case == "one of two")


def test_objects_with_an_attribute_are_followed(tmp_path: Path) -> None:
    """What has the name of an attribute, and is called on something unknown, is another one where all can be seen."""
    text = (
        "import json\nimport time\n\n\nclass Store:\n    def one(self, key):\n        time.sleep(1)\n\n\n"
        "class Side:\n    def __init__(self, store: Store):\n        self.get = store.one\n\n\n"
        "def g(text):\n    side = Side(Store())\n    side.get(1)\n    json.loads(text).get(1){}\n"
    )
    seen = build(tmp_path / "seen", {"app.py": text.format("")})
    away = build(tmp_path / "away", {"app.py": text.format("\n    json.dumps(side)")})

    assert (seen.constraints(), seen.hazards()) == ({}, set())
    assert seen.converted() == ["Store.one", "g"]
    assert away.constraints() == {"Store.one": {"ASY132"}}


def test_what_hypothesis_gives_is_known(tmp_path: Path) -> None:
    """What a strategy makes is no object of the program."""
    store = "import time\n\n\nclass Store:\n    def get(self, key):\n        time.sleep(1)\n"
    text = (
        "import hypothesis.strategies as st\nfrom hypothesis import example, given\n\nfrom store import Store\n\n"
        "made = st.dictionaries(st.text(), st.text()).filter(len)\n\n\n"
        "@given(status={})\n@example(status={{}})\ndef test_status(status):\n    status.get(1)\n"
    )
    known = build(tmp_path / "known", {"store.py": store, "test_app.py": text.format("made | st.just(1).map(dict)")})
    whole = build(tmp_path / "whole", {"store.py": store, "test_app.py": text.format("made")})

    assert known.constraints() == {"Store.get": {"ASY135"}}
    assert whole.constraints() == {}


def test_closing_calls_close(tmp_path: Path) -> None:
    """`contextlib.closing` awaits nothing, so the `close` that it calls stays."""
    text = (
        "import contextlib\nimport time\n\n\nclass A:\n    def close(self):\n        time.sleep(1)\n\n\n"
        "def g():\n    with contextlib.closing(A()):\n        pass\n"
    )
    assert build(tmp_path, {"app.py": text}).constraints() == {"A.close": {"ASY132"}}


def test_files_that_are_not_rewritten_are_in_the_way(tmp_path: Path) -> None:
    """A caller, or the function itself, in a file that was only read for evidence cannot change."""
    files = {"app.py": SLEEP, "use.py": "from app import f\n\n\ndef g():\n    f()\n"}

    assert build(tmp_path / "a", files, context=("use.py",)).refused() == ["ASY110"]
    assert build(tmp_path / "b", files, context=("app.py",)).refused() == ["ASY110"]
    base = "class Base:\n    def save(self):\n        pass\n"
    sub = "import time\nfrom base import Base\n\n\nclass Sub(Base):\n    def save(self):\n        time.sleep(1)\n"
    built = build(tmp_path / "c", {"base.py": base, "sub.py": sub}, context=("base.py",))
    assert built.constraints() == {"Base.save": {"ASY110"}}


# --- who calls it ---------------------------------------------------------------------------------------------------

STORE = "import time\n\n\nclass Store:\n    def save(self):\n        time.sleep(1)\n"
OTHER = "class Other:\n    def save(self):\n        pass\n"


def test_callers_are_found_through_modules_that_do_not_block(tmp_path: Path) -> None:
    """Files without a blocking call are read when they call what is to be awaited, and only those."""
    files = {
        "p/__init__.py": "from p.low import f\n",
        "p/low.py": SLEEP,
        "p/middle.py": "from . import f as sleepy\n\n\ndef middle():\n    sleepy()\n",
        "p/top.py": "import p.middle as m\n\n\nasync def top():\n    m.middle()\n",
        "p/unrelated.py": "def unrelated():\n    return 1\n",
    }
    built = build(tmp_path, files)

    assert built.edges() == {"middle>f": (Certainty.PROVEN, ""), "top>middle": (Certainty.PROVEN, "")}
    assert built.converted() == ["f", "middle"]
    assert "p/unrelated.py" not in built.read


RECEIVERS = {
    "self": ("class B(Store):\n    def g(self):\n        self.save()\n", Certainty.PROVEN),
    "class": ("def g(s):\n    Store.save(s)\n", Certainty.PROVEN),
    "inherited through the class": ("class B(Store):\n    pass\n\n\ndef g(s):\n    B.save(s)\n", Certainty.PROVEN),
    "super": ("class B(Store):\n    def h(self):\n        super().save()\n", Certainty.PROVEN),
    "local": ("def g():\n    s = Store()\n    s.save()\n", Certainty.INFERRED),
    "at once": ("def g():\n    Store().save()\n", Certainty.INFERRED),
    "annotated": ("def g(s: Store):\n    s.save()\n", Certainty.INFERRED),
    "annotated in quotes": ("def g(s: 'Store | None'):\n    s.save()\n", Certainty.INFERRED),
    "module level": ("store = Store()\n\n\ndef g():\n    store.save()\n", Certainty.INFERRED),
    "attribute": (
        "class B:\n    def __init__(self):\n        self.s = Store()\n\n    def g(self):\n        self.s.save()\n",
        Certainty.INFERRED,
    ),
    "attribute of an attribute": (
        (
            "class B:\n    def __init__(self):\n        self.s = Store()\n\n\nclass C:\n    def __init__(self, b: B):\n"
            "        self.b = b\n\n    def g(self):\n        self.b.s.save()\n"
        ),
        Certainty.INFERRED,
    ),
    "factory": ("def make():\n    return Store()\n\n\ndef g():\n    make().save()\n", Certainty.INFERRED),
    "dictionary of the object": (
        (
            "class B:\n    def __init__(self):\n        self.stores = {}\n\n    def put(self, name):\n"
            "        self.stores[name] = Store()\n\n    def g(self):\n        s = self.stores['a']\n        s.save()\n"
        ),
        Certainty.INFERRED,
    ),
    "list": (
        "def g():\n    stores = [Store() for x in 'ab']\n    for s in stores:\n        s.save()\n",
        Certainty.INFERRED,
    ),
    "list that grows": (
        "def g():\n    stores = []\n    stores.append(Store())\n    stores[0].save()\n",
        Certainty.INFERRED,
    ),
    "guessed": ("def g(s):\n    s.save()\n", Certainty.GUESSED),
}


@pytest.mark.parametrize("case", RECEIVERS)
def test_receivers_are_found_out(tmp_path: Path, case: str) -> None:
    """Each way to a receiver gives an edge with its certainty."""
    text, expected = RECEIVERS[case]
    other = "" if expected is Certainty.GUESSED else f"\n\n{OTHER}"
    built = build(tmp_path, {"app.py": STORE + other, "use.py": f"from app import Store\n\n\n{text}"})

    assert [each for each, _remedy in built.edges().values()] == [expected]
    assert built.constraints() == {}


def test_a_receiver_that_nobody_knows_stops_the_conversion(tmp_path: Path) -> None:
    """Where dictionaries have the method, too, a call of it on anything is in the way, and the place is told."""
    store = STORE.replace("save", "pop")
    built = build(tmp_path, {"app.py": store, "use.py": "def g(s):\n    s.pop()\n"})

    assert built.constraints() == {"Store.pop": {"ASY135"}}
    assert [(each.path, each.line) for each in built.reasons()] == [("use.py", 2)]


def test_all_methods_of_a_name_convert_with_a_guess(tmp_path: Path) -> None:
    """With two classes that have the method, a call of it on anything is a guess that holds for both."""
    built = build(tmp_path, {"app.py": f"{STORE}\n\n{OTHER}", "use.py": "def g(s):\n    s.save()\n"})

    assert built.constraints() == {}
    assert {certainty for certainty, _remedy in built.edges().values()} == {Certainty.GUESSED}
    assert built.converted() == ["Other.save", "Store.save", "g"]


def test_methods_that_dictionaries_have_are_never_guessed(tmp_path: Path) -> None:
    """`x.get()` may be a dictionary's, though one class alone defines `get`; a display is known to be one."""
    store = STORE.replace("save", "get")
    unknown = build(tmp_path / "a", {"app.py": store, "use.py": "def g(s):\n    s.get()\n"})
    known = build(tmp_path / "b", {"app.py": store, "use.py": "def g():\n    s = {}\n    s.get(1)\n"})

    assert unknown.constraints() == {"Store.get": {"ASY135"}}
    assert known.constraints() == {} and known.edges() == {}


@pytest.mark.parametrize(
    ("answer", "edges"),
    [("app.Store.save", {"g>Store.save": (Certainty.PROVEN, "")}), ("app.Other.save", {}), ("", {})],
)
def test_the_oracle_decides_where_the_program_cannot(tmp_path: Path, answer: str, edges: object) -> None:
    """An answer makes an edge or shows that there is none, also where it lies outside the program."""
    files = {"app.py": f"{STORE}\n\n{OTHER}", "use.py": "def g(s):\n    s.save()\n"}
    built = build(tmp_path, files, resolve={"use.py:2": answer})

    assert built.edges() == edges
    assert built.constraints() == {}


def test_a_call_that_reaches_two_functions_converts_both(tmp_path: Path) -> None:
    """One `await` serves all that a call may reach, unless one of them is a coroutine function already."""
    files = {"app.py": f"{STORE}\n\n{OTHER}", "use.py": "async def g(s):\n    s.save()\n"}
    both = build(tmp_path / "a", files, resolve={"use.py:2": "app.Store.save app.Other.save"})
    mixed = {
        **files,
        "app.py": files["app.py"].replace("def save(self):\n        pass", "async def save(self):\n        pass"),
    }

    assert both.converted() == ["Other.save", "Store.save"]
    assert build(tmp_path / "b", mixed, resolve={"use.py:2": "app.Store.save app.Other.save"}).refused() == ["ASY140"]


def test_an_attribute_that_another_class_may_have_filled_is_not_inferred(tmp_path: Path) -> None:
    """A subclass that stores something else in `self.s` takes the certainty away."""
    use = (
        "from app import Other, Store\n\n\nclass B:\n    def __init__(self):\n        self.s = Store()\n\n"
        "    def g(self):\n        self.s.save()\n\n\nclass C(B):\n    def __init__(self):\n        self.s = Other()\n"
    )
    built = build(tmp_path, {"app.py": f"{STORE}\n\n{OTHER}", "use.py": use})

    assert {certainty for certainty, _remedy in built.edges().values()} == {Certainty.GUESSED}


def test_one_of_several_imports_is_not_certain(tmp_path: Path) -> None:
    """`try: from fast import f / except ImportError: from app import f` may call either."""
    use = "try:\n    from fast import f\nexcept ImportError:\n    from app import f\n\n\ndef g():\n    f()\n"

    assert build(tmp_path, {"app.py": SLEEP, "use.py": use}).constraints() == {"f": {"ASY135"}}


def test_a_root_inside_the_package_hides_no_caller(tmp_path: Path) -> None:
    """`from pkg.app import f` may be the `f` of `app.py` where the run begins inside `pkg`, so nothing converts."""
    files = {"app.py": f"{SLEEP}\n\nclass A:\n    def save(self):\n        time.sleep(1)\n"}
    function = build(tmp_path / "a", {**files, "use.py": "from pkg.app import f\n\n\ndef g():\n    f()\n"})
    method = build(tmp_path / "b", {**files, "use.py": "from pkg.app import A\n\n\ndef g():\n    A().save()\n"})

    assert function.constraints() == {"f": {"ASY135"}}
    assert method.edges() == {"g>A.save": (Certainty.GUESSED, "")}


# --- families ---------------------------------------------------------------------------------------------------------


def test_overrides_convert_together_across_files(tmp_path: Path) -> None:
    """A base method, its overrides and the callers through the base are one group, wherever they are."""
    files = {
        "base.py": "import abc\n\n\nclass Base(abc.ABC):\n    @abc.abstractmethod\n    def save(self): ...\n\n"
        "    def twice(self):\n        self.save()\n        self.save()\n",
        "slow.py": "import time\nfrom base import Base\n\n\nclass S(Base):\n    def save(self):\n        time.sleep(1)",
        "fast.py": "from base import Base\n\n\nclass Fast(Base):\n    def save(self):\n        super().save()\n",
    }
    built = build(tmp_path, files)

    assert built.converted() == ["Base.save", "Base.twice", "Fast.save", "S.save"]
    assert len({each.family for each in built.graph.functions if each.family}) == 1


def test_a_constraint_on_one_of_a_family_stops_all(tmp_path: Path) -> None:
    """An override that cannot wait keeps the whole family, and callers are not even looked for."""
    files = {
        "base.py": f"{STORE}\n\ndef g(s: Store):\n    s.save()\n",
        "sub.py": "from base import Store\n\n\nclass S(Store):\n    @property\n    def save(self):\n        return 1\n",
    }
    built = build(tmp_path, files)

    assert built.converted() == []
    assert built.refused() == ["ASY122"]
    assert built.edges() == {}


def test_classes_that_stand_for_a_protocol_convert_with_it(tmp_path: Path) -> None:
    """A Protocol, and every class that has its methods without deriving from it, are one family."""
    text = (
        "from typing import Protocol\nimport time\n\n\nclass Saves(Protocol):\n    def save(self): ...\n\n\n"
        "class A:\n    def save(self):\n        time.sleep(1)\n\n\nclass B:\n    def save(self):\n        pass\n\n\n"
        "async def g(s: Saves):\n    s.save()\n"
    )
    assert build(tmp_path, {"app.py": text}).converted() == ["A.save", "B.save", "Saves.save"]


def test_two_bases_of_one_class_are_one_family(tmp_path: Path) -> None:
    """Through a class that derives from both, a call of one method may reach the other."""
    text = f"{STORE}\n\n{OTHER}\n\nclass Both(Store, Other):\n    pass\n\n\nasync def g(s: Store):\n    s.save()\n"
    assert build(tmp_path, {"app.py": text}).converted() == ["Other.save", "Store.save"]


def test_overload_stubs_convert_with_the_function(tmp_path: Path) -> None:
    """The stubs for type checkers are part of the function."""
    text = (
        "import time\nfrom typing import overload\n\n\n@overload\ndef f(x: int) -> int: ...\n@overload\n"
        "def f(x: str) -> str: ...\ndef f(x):\n    time.sleep(1)\n    return x\n\n\nasync def g():\n    f(1)\n"
    )
    assert build(tmp_path, {"app.py": text}).converted() == ["f", "f", "f"]


def test_a_mixin_reaches_what_another_base_defines(tmp_path: Path) -> None:
    """`self.save()` in a mixin is the method of the class that it is mixed with."""
    text = f"{STORE}\n\n{OTHER}\n\nclass M:\n    def g(self):\n        self.save()\n\n\nclass B(M, Store):\n    x = 1\n"
    built = build(tmp_path, {"app.py": text})

    assert built.edges() == {"M.g>Store.save": (Certainty.INFERRED, "")}


# --- the whole way ----------------------------------------------------------------------------------------------------


def test_a_service_converts_from_its_handler_to_its_store(tmp_path: Path) -> None:
    """From the blocking call through two classes and three files, everything between it and the entry converts."""
    files = {
        "svc/__init__.py": "",
        "svc/store.py": "import time\n\n\nclass Store:\n    def __init__(self, path):\n        self.path = path\n\n"
        "    def load(self, key):\n        time.sleep(0.1)\n        return key\n",
        "svc/service.py": "from svc.store import Store\n\n\nclass Service:\n    def __init__(self):\n"
        "        self.stores = {}\n\n    def open(self, name):\n        self.stores[name] = Store(name)\n\n"
        "    def read(self, name):\n        return [self.stores[name].load(key) for key in 'ab']\n",
        "svc/__main__.py": "from svc.service import Service\n\n\ndef main():\n    service = Service()\n"
        "    service.open('a')\n    print(service.read('a'))\n\n\nif __name__ == '__main__':\n    main()\n",
        "svc/other.py": "def load(path):\n    return open(path).read()\n",
    }
    built = build(tmp_path, files)

    assert built.converted() == ["Service.read", "Store.load", "main"]
    assert built.edges() == {
        "Service.read>Store.load": (Certainty.INFERRED, ""),
        "main>Service.read": (Certainty.INFERRED, ""),
        "svc.__main__>main": (Certainty.PROVEN, callgraph.RUN),
    }


def test_the_order_of_seeds_makes_no_difference(tmp_path: Path) -> None:
    """The same program gives the same graph, in whatever order its blocking calls are named."""
    text = f"{SLEEP}\n\ndef g():\n    time.sleep(2)\n    f()\n\n\ndef h():\n    g()\n    time.sleep(3)\n"
    built = build(tmp_path, {"app.py": text})
    seeds = [(each, _function(each)) for each in built.graph.sites.values() if each.tail == "sleep"]

    assert len(seeds) == 3
    assert callgraph.build(built.program, seeds[::-1]) == built.graph


# --- what applications do -------------------------------------------------------------------------------------------

_STORE = "import time\n\n\nclass Store:\n    def {0}(self, x=1):\n        time.sleep(x)\n"
_UNRELATED = {
    "attribute of another class": (
        _STORE.format("details") + "\n\nclass Wrong(Exception):\n    def __init__(self, **details):\n"
        "        self.details = details\n\n    def as_dict(self):\n        return {**self.details}\n"
    ),
    "sum": _STORE.format("page") + "\n\ndef total(settings, number):\n    return settings.page * number\n",
    "awaited queue": (
        "import asyncio\n" + _STORE.format("put") + "\n\nasync def feed(queue):\n    await queue.put(1)\n\n\n"
        "async def main():\n    queue = asyncio.Queue()\n    await feed(queue)\n"
    ),
    "awaited unknown": _STORE.format("put") + "\n\nasync def feed(queue):\n    await queue.put(1)\n",
    "parameter that takes one class": (
        "import asyncio\n" + _STORE.format("put") + "\n\ndef feed(queue):\n    queue.put(1)\n\n\n"
        "async def main():\n    feed(asyncio.Queue())\n    feed(asyncio.Queue())\n"
    ),
    "named arguments": _STORE.format("get") + "\n\ndef encode(**values):\n    return values.get('x')\n",
}


@pytest.mark.parametrize("case", _UNRELATED)
def test_what_has_nothing_to_do_with_a_method_does_not_stop_it(tmp_path: Path, case: str) -> None:
    """The name of the method elsewhere, on what is known to be something else, is neither a call nor a reference."""
    built = build(tmp_path, {"app.py": _UNRELATED[case]})

    assert built.constraints() == {}
    assert built.hazards() == set()
    assert built.edges() == {}


def test_an_attribute_that_other_classes_have_is_a_hazard(tmp_path: Path) -> None:
    """On an object that nobody knows, plain data of another class is likelier than the method; it is told."""
    text = _STORE.format("page") + (
        "\n\nclass Settings:\n    page: int = 20\n\n\n"
        "def size(settings):\n    found = settings.page\n    return found\n"
    )
    built = build(tmp_path, {"app.py": text})

    assert built.constraints() == {}
    assert built.hazards() == {"ASY010"}


def test_a_parameter_that_several_classes_fill_is_unknown(tmp_path: Path) -> None:
    """Of two classes that are passed, or of a call that nobody sees, nothing is inferred."""
    feed = "import asyncio\n" + _STORE.format("send") + "\n\ndef feed(to):\n    to.send(1)\n\n\n"
    two = "async def main(x):\n    feed(asyncio.Queue())\n    feed(Store())\n"
    handed = "async def main():\n    feed(asyncio.Queue())\n    return feed\n"
    starred = "async def main(a):\n    feed(*a)\n"
    for number, rest in enumerate((two, handed, starred)):
        built = build(tmp_path / str(number), {"app.py": feed + rest})
        assert built.edges()["feed>Store.send"] == (Certainty.GUESSED, "")


def test_background_tasks_take_coroutine_functions(tmp_path: Path) -> None:
    """Starlette awaits a coroutine function that is handed to it for later, and runs any other in a thread."""
    cases = [
        "from starlette.background import BackgroundTask\n\n\ndef g():\n    return BackgroundTask(f)\n",
        "from fastapi import BackgroundTasks\n\n\ndef g(tasks: BackgroundTasks):\n    tasks.add_task(f)\n",
        "from fastapi import FastAPI\n\napp = FastAPI()\napp.add_api_route('/', f)\n",
    ]
    for number, text in enumerate(cases):
        built = build(tmp_path / str(number), {"app.py": SLEEP, "use.py": f"from app import f\n{text}"})
        assert built.constraints() == {}
        assert built.hazards() == {"ASY005"}


_MAIN = (
    "import asyncio\nimport sys\nfrom app import f\n\n\nasync def serve():\n    f()\n\n\n"
    "def main(argv=None):\n    f()\n    if argv:\n        return asyncio.run(serve())\n    return f()\n\n\n"
)


def test_what_starts_a_loop_where_the_program_begins_may_start_others(tmp_path: Path) -> None:
    """`main()` that runs a loop in one branch runs one for each call in the others, and stays as it is."""
    begins = [
        'if __name__ == "__main__":\n    sys.exit(main())\n',
        'def run():\n    sys.exit(main())\n\n\nif __name__ == "__main__":\n    run()\n',
    ]
    for number, rest in enumerate(begins):
        built = build(tmp_path / str(number), {"app.py": SLEEP, "cli.py": f"{_MAIN}{rest}"})

        assert built.edges()["main>f"] == (Certainty.PROVEN, callgraph.RUN)
        assert built.converted() == ["f"]
        assert built.refused() == []


@pytest.mark.parametrize("rest", ["main()\n", "async def other():\n    main()\n", "\n", "def other():\n    main()\n"])
def test_what_starts_a_loop_elsewhere_is_in_the_way(tmp_path: Path, rest: str) -> None:
    """Where it cannot be seen that no loop runs around it, what starts a loop stops the conversion."""
    built = build(tmp_path, {"app.py": SLEEP, "cli.py": f"{_MAIN}{rest}"})

    assert built.edges()["main>f"] == (Certainty.PROVEN, "")
    assert built.refused() == ["ASY138"]


def test_a_dictionary_is_followed_through_overrides(tmp_path: Path) -> None:
    """What `**values` collects is a dictionary in every method that it is passed to, through `super()`, too."""
    text = (
        "import time\n\n\nclass Repository:\n    def encode(self, values):\n        return values\n\n"
        "    def insert(self, **values):\n        return self.encode(values)\n\n"
        "    def get(self, key):\n        time.sleep(key)\n\n\n"
        "class Audit(Repository):\n    def encode(self, values):\n        values = super().encode(values)\n"
        "        return {**values, 'details': values.get('details')}\n"
    )
    built = build(tmp_path, {"app.py": text})

    assert built.constraints() == {}
    assert built.edges() == {}


@pytest.mark.parametrize(
    ("call", "code"),
    [("get()", None), ("get(1, 2)", None), ("get(key=1)", "ASY135"), ("get(other=1)", None), ("get(*a)", "ASY135")],
)
def test_a_call_whose_arguments_do_not_fit_is_of_something_else(tmp_path: Path, call: str, code: str | None) -> None:
    """On an unknown receiver, a call that would be a TypeError is not taken for one of the method."""
    text = _STORE.format("get").replace("self, x=1", "self, key").replace("sleep(x)", "sleep(key)")
    built = build(tmp_path, {"app.py": f"{text}\n\ndef look(found, a):\n    return found.{call}\n"})

    assert built.constraints() == ({"Store.get": {code}} if code else {})


def test_an_argument_may_be_the_attribute_of_another_class(tmp_path: Path) -> None:
    """What is passed on is data where another class has it, unless it is passed to what calls it."""
    text = _STORE.format("page") + "\n\nclass Settings:\n    page: int = 20\n\n\ndef size(settings, search):\n    {0}\n"
    plain = build(tmp_path / "plain", {"app.py": text.format("return search('x', settings.page)")})
    called = build(tmp_path / "called", {"app.py": text.format("return search('x', key=settings.page)")})

    assert (plain.constraints(), plain.hazards()) == ({}, {"ASY010"})
    assert called.constraints() == {"Store.page": {"ASY132"}}
