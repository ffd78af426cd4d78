"""The oracle, asked about programs on disk; the type checker is the real one."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Mapping
from pathlib import Path

import aiosqlite
import pytest

from hasten.oracle import Oracle, OracleError, Problem, Target, new_problems, problems
from hasten.oracle.checker import find_executable

STORE = """\
class Base:
    def close(self):
        pass


class Store(Base):
    def __init__(self, path="x"):
        self.path = path

    def save(self, item=None):
        return item


class Other:
    def save(self, item=None):
        return None


def make():
    return Store()


def either(flag):
    if flag:
        return Store()
    return Other()
"""


def write(root: Path, program: Mapping[str, str | bytes]) -> None:
    """Write files with exactly these contents."""
    for path, text in program.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text if isinstance(text, bytes) else text.encode())


def offset(text: str, place: str) -> int:
    """Return the offset of the `^` in a place that occurs once: `receiver.^name`."""
    before, _, after = place.partition("^")
    assert text.count(before + after) == 1, place
    return text.index(before + after) + len(before)


def names(targets: tuple[Target, ...] | None) -> list[str] | None:
    """Return the names of what is reached."""
    return None if targets is None else [each.name for each in targets]


def ask(
    root: Path,
    program: Mapping[str, str | bytes],
    path: str,
    *places: str,
    overlay: Mapping[str, str] | None = None,
) -> list[list[str] | None]:
    """Write a program and return, for each place in one file of it, the names of what is reached from there."""
    write(root, program)
    data = (root / path).read_bytes()
    text = (overlay or {}).get(path) or data.decode("latin-1" if b"latin-1" in data else "utf-8")
    questions = [(path, offset(text, place)) for place in places]
    with Oracle(root, sorted(program), overlay) as oracle:
        answers = oracle.targets(questions)
    return [names(answers[each]) for each in questions]


def one(root: Path, body: str, *places: str) -> list[list[str] | None]:
    """Ask about a module beside `store.py`."""
    return ask(root, {"store.py": STORE, "main.py": textwrap.dedent(body)}, "main.py", *places)


CASES: list[tuple[str, str, list[str] | None]] = [
    # Refusals first: what is not wholly known is not known.
    ("def go(m):\n    m.save()\n", "m.^save()", None),
    ("import gone\ngone.Store().save()\n", "Store().^save()", None),
    ("import gone\ngone.run()\n", "gone.^run()", None),
    ("def go(m=None):\n    m.save()\n", "m.^save()", None),
    ("from store import Store\ndef go(m=Store()):\n    m.save()\n", "m.^save()", None),
    ("from store import Store\ndef go(m):\n    m = m or Store()\n    m.save()\n", "m.^save()", None),
    ("def top(): pass\ndef go(f):\n    g = f or top\n    g()\n", "^g()\n", None),
    ("from store import Store\nxs = []\nxs.append(Store())\nxs[0].save()\n", "xs[0].^save()", None),
    ("from store import Store\nStore().nothing()\n", "Store().^nothing()", None),
    ("from store import Store\nif False:\n    Store().save()\n", "Store().^save()", None),
    ("from store import Store\ngetattr(Store(), 'save')()\n", "^getattr", ["builtins.getattr"]),
    ("try:\n    from fast import run\nexcept ImportError:\n    def run(): pass\nrun()\n", "\n^run()", None),
    # Known.
    ("from store import make\nm = make()\nm.save()\n", "m.^save()", ["store.Store.save"]),
    ("from store import make\nm = make()\nm.close()\n", "m.^close()", ["store.Base.close"]),
    ("from store import either\ne = either(1)\ne.save()\n", "e.^save()", ["store.Store.save", "store.Other.save"]),
    ("from store import Store\nprint(Store('y'))\n", "^Store('y')", ["store.Store"]),
    ("from store import Store as S\nprint(S('y'))\n", "^S('y')", ["store.Store"]),
    (
        "from store import Store, Other\nc = Store if input() else Other\nc(1)\n",
        "^c(1)",
        ["store.Store", "store.Other"],
    ),
    ("import store as st\nst.Store('y').save()\n", "Store('y').^save()", ["store.Store.save"]),
    ("from store import Store\nclass Sub(Store): pass\nSub('y')\n", "^Sub('y')", ["main.Sub"]),
    ("from store import Store\ndef go(m: 'Store'):\n    m.save()\n", "m.^save()", ["store.Store.save"]),
    ("from store import Store\nm = Store() if input() else None\nm.save()\n", "m.^save()", ["store.Store.save"]),
    ("from store import Store\nm = Store()\nf = m.save\nf(2)\n", "^f(2)", ["store.Store.save"]),
    ("from store import Store\nm = Store()\nf = m.save\n", "m.^save", ["store.Store.save"]),
    ("from store import make\nmap(make, [])\n", "map(^make", ["store.make"]),
    ("class C:\n    def __call__(self): pass\nc = C()\nc( )\n", "^c( )", ["main.C.__call__"]),
    ("class C:\n    @property\n    def p(self): return 1\nC().p\n", "C().^p", ["main.C.p"]),
    ("def outer():\n    def inner(): pass\n    inner( )\n", "^inner( )", ["main.outer.<locals>.inner"]),
    ("from store import Store\n(Store()\n    .save\n    ())\n", ".^save", ["store.Store.save"]),
    ("import sqlite3\nsqlite3.connect('x').close()\n", ".^close()", ["sqlite3.Connection.close"]),
]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[list[str] | None]:
    """Ask about all cases in one program: a module for each, beside `store.py`."""
    root = tmp_path_factory.mktemp("cases")
    program = {"store.py": STORE} | {f"case_{number}.py": case[0] for number, case in enumerate(CASES)}
    write(root, program)
    questions = [(f"case_{number}.py", offset(*case[:2])) for number, case in enumerate(CASES)]
    with Oracle(root, list(program)) as oracle:
        return [names(found) for found in oracle.targets(questions).values()]


@pytest.mark.parametrize("number", range(len(CASES)))
def test_one_call(answers: list[list[str] | None], number: int) -> None:
    """What a call reaches, in a program without annotations."""
    expected = CASES[number][2]
    assert answers[number] == (expected and [each.replace("main.", f"case_{number}.") for each in expected])


def test_attribute_from_init(tmp_path: Path) -> None:
    """A method on an attribute that an unannotated `__init__` sets is found, and so is what the class inherits."""
    body = """
    from store import Store

    class Service:
        def __init__(self):
            self.store = Store()
            self.late = None

        def run(self):
            self.store.save()
            self.store.close()
            self.late.save()
            self.other()

    class Special(Service):
        def other(self):
            super().run()
    """
    found = one(tmp_path, body, "store.^save()", "store.^close()", "late.^save()", "self.^other()", "super().^run()")
    assert found == [["store.Store.save"], ["store.Base.close"], None, None, ["main.Service.run"]]


def test_decorated(tmp_path: Path) -> None:
    """A call of a decorated function reaches the function, whatever is known of the decorator."""
    body = """
    import functools
    import gone

    def plain(function):
        def wrapper(*args):
            return function(*args)
        return wrapper

    @plain
    def one(): pass

    @gone.task
    def two(): pass

    @functools.lru_cache
    def three(): pass

    class C:
        @plain
        def four(self): pass
        @classmethod
        def five(cls): return cls()
        @staticmethod
        def six(): pass

    one(1), two(2), three(3), C().four(4), C.five(5), C.six(6)
    """
    places = ("^one(1)", "^two(2)", "^three(3)", "C().^four(4)", "C.^five(5)", "C.^six(6)")
    names = ["one", "two", "three", "C.four", "C.five", "C.six"]
    assert one(tmp_path, body, *places) == [[f"main.{name}"] for name in names]


@pytest.mark.parametrize(
    ("contradiction", "place"),
    [
        ("def swap(s):\n    Service().store = Other()\n", "self.store.^save()"),
        ("class Sub(Service):\n    shared = Other()\n", "self.shared.^save()"),
        ("def swap():\n    global current\n    current = Other()\n", "current.^save()"),
        ("def swap(s):\n    s.save = print\n", "self.store.^save()"),
        ("def swap(s):\n    setattr(s, 'store', Other())\n", "self.store.^save()"),
        ("def swap(s):\n    s.call = third\n", "self.^call()"),
        ("def swap():\n    many.append(Other())\n", "many[0].^save()"),
        ("def swap():\n    Service().store = Other()\n", "alias.^save()"),
        ("def swap():\n    Service().store = Other()\n", "got.^save()"),
        ("take(Other())\n", "taken.^save()"),
    ],
)
def test_contradicted(tmp_path: Path, contradiction: str, place: str) -> None:
    """Nothing is proven through a name to which another file, or another line, gives something else."""
    service = """\
from store import Store, Other
current = Store()
many = [Store()]
def second(): pass
def third(): pass
def take(taken: Store): taken.save()
class Service:
    shared = Store()
    def __init__(self):
        self.store = Store()
        self.call = second
    def get(self):
        return self.store
    def run(self):
        self.store.save()
        self.shared.save()
        self.call()
        current.save()
        many[0].save()
        alias = self.store
        alias.save()
        got = self.get()
        got.save()
"""
    program = {"store.py": STORE, "service.py": service}
    assert ask(tmp_path / "before", program, "service.py", place) != [None]
    swap = f"from service import *\nfrom store import Other\n{contradiction}"
    if "global" in contradiction or "append" in contradiction:
        program["service.py"] += contradiction
    else:
        program["swap.py"] = swap
    assert ask(tmp_path / "after", program, "service.py", place) == [None]


def test_reexport(tmp_path: Path) -> None:
    """A function that a package re-exports is found where it is defined, with the line of its name."""
    program = {
        "app/__init__.py": "from .inner import *\nfrom .store import make as create\n",
        "app/inner.py": "import functools\n\n@functools.cache\ndef work():\n    pass\n",
        "app/store.py": STORE,
        "main.py": "from app import work, create\nwork()\ncreate().save()\n",
    }
    write(tmp_path, program)
    text = program["main.py"]
    with Oracle(tmp_path, list(program)) as oracle:
        questions = [("main.py", text.index("work()")), ("main.py", text.index("save"))]
        answers = oracle.targets(questions)
    assert answers[questions[0]] == (Target("app/inner.py", 4, "app.inner.work"),)
    assert answers[questions[1]] == (Target("app/store.py", 10, "app.store.Store.save"),)


def test_offsets(tmp_path: Path) -> None:
    """Offsets count characters of the decoded text, whatever stands before them, and whatever ends lines."""
    heads = ["", "# ü\n", "x = 'é𝄞'; ", "\f\n", "'''\u2028\x0b'''; ", "été = '𝄞'; "]
    bodies = [f"{head}from store import make\nm = make(); 'ß𝄞'; m.save()\n" for head in heads]
    texts = [body.replace("\n", newline) for body in bodies for newline in ("\n", "\r\n", "\r")]
    texts += [f"\ufeff{text}" for text in texts]
    program = {"store.py": STORE.replace("\n", "\r\n")} | {f"m{at}.py": text for at, text in enumerate(texts)}
    write(tmp_path, program)
    # A byte order mark is no part of the decoded text.
    questions = [(f"m{at}.py", offset(text.removeprefix("\ufeff"), "m.^save")) for at, text in enumerate(texts)]
    with Oracle(tmp_path, list(program)) as oracle:
        answers = oracle.targets(questions)
    assert [names(answers[each]) for each in questions] == [["store.Store.save"]] * len(questions)


def test_latin_1(tmp_path: Path) -> None:
    """A file in Latin-1 is understood, both as the one asked about and as the one that holds the answer."""
    head = "# coding: latin-1\nx = 'ÄÖÜ'; "
    program = {
        "store.py": (head + "pass\n" + STORE).encode("latin-1"),
        "main.py": (head + "from store import make; make().save()\n").encode("latin-1"),
    }
    assert ask(tmp_path, program, "main.py", "make().^save()") == [["store.Store.save"]]


def test_src_layout_and_scripts(tmp_path: Path) -> None:
    """A package below `src`, a package without `__init__.py`, tests and scripts beside them see each other."""
    program = {
        "src/app/__init__.py": "",
        "src/app/store.py": STORE,
        "lib/space/thing.py": "def thing(): pass\n",
        "scripts/helper.py": "from app.store import make\n",
        "scripts/tool.py": "from helper import make\nfrom space.thing import thing\nmake().save()\nthing()\n",
    }
    found = ask(tmp_path, program, "scripts/tool.py", "make().^save()", "^thing()")
    assert found == [["app.store.Store.save"], ["space.thing.thing"]]


def test_equal_names_in_two_roots(tmp_path: Path) -> None:
    """Of two packages with one name, a file means the nearer one; where both are as near, neither."""
    program = {
        "one/app/__init__.py": "def run(): pass\n",
        "one/main.py": "from app import run\nrun()\n",
        "two/app/__init__.py": "def run(): pass\n",
        "two/main.py": "from app import run\nrun()\n",
        "tools/both.py": "from app import run\nrun()\n",
        "tools/queue.py": "def Queue(): pass\n",
        "one/q.py": "from queue import Queue\nQueue()\n",
    }
    write(tmp_path, program)
    questions = [(path, program[path].rindex("run()")) for path in ("one/main.py", "two/main.py", "tools/both.py")]
    questions.append(("one/q.py", program["one/q.py"].rindex("Queue()")))
    with Oracle(tmp_path, list(program)) as oracle:
        answers = oracle.targets(questions)
        assert not [each for each in oracle.problems() if each.code == "missing-import"]
    paths = [None if (found := answers[each]) is None else [target.path for target in found] for each in questions]
    assert paths == [["one/app/__init__.py"], ["two/app/__init__.py"], None, None]


def test_broken_file(tmp_path: Path) -> None:
    """A file that does not parse, one that cannot be decoded and one that is gone leave the others as they are."""
    program: dict[str, str | bytes] = {
        "broken.py": "def f(:\n    pass\nm.save()\n",
        "binary.py": b"\xff\xfe\x00",
        "store.py": STORE,
        "main.py": "import broken, binary, missing\nfrom store import make\nmake().save()\nbroken.f()\n",
    }
    write(tmp_path, program)
    with Oracle(tmp_path, [*program, "missing.py"]) as oracle:
        text = str(program["main.py"])
        save = ("main.py", text.index("save"))
        nothing = [("broken.py", 22), ("binary.py", 0), ("missing.py", 0), ("main.py", 3), ("unheard.py", 1)]
        answers = oracle.targets([save, *nothing])
        assert [target.name for target in answers[save] or ()] == ["store.Store.save"]
        assert [answers[each] for each in nothing] == [None] * 5
        assert any(each.path == "broken.py" for each in oracle.problems())


def test_overlay(tmp_path: Path) -> None:
    """An overlay's text is what counts, for a file with another text and for one that is not there."""
    program = {"store.py": STORE, "main.py": "import nothing\n"}
    overlay = {"main.py": "import extra\nextra.make().save()\n", "extra.py": "from store import make\n"}
    assert ask(tmp_path, program, "main.py", "make().^save()", overlay=overlay) == [["store.Store.save"]]
    assert not (tmp_path / "extra.py").exists()


def test_own_configuration(tmp_path: Path) -> None:
    """The project's own configuration, ignore rules, ignore comments and stubs do not reach the checker."""
    program = {
        "pyrefly.toml": "project-includes = ['nothing']\nthis is no toml",
        "pyproject.toml": "[tool.pyrefly]\nuntyped-def-behavior = 'skip-and-infer-return-any'\n",
        ".gitignore": "*.py\n",
        "store.py": STORE,
        "store.pyi": "def make() -> int: ...\n",
        ".hidden/venv/[x]*/main.py": "# pyrefly: ignore-errors\nfrom store import make\nmake().save()\n",
    }
    files = [path for path in program if path.endswith((".py", ".pyi"))]
    write(tmp_path, program)
    text = program[".hidden/venv/[x]*/main.py"]
    with Oracle(tmp_path, files) as oracle:
        question = (".hidden/venv/[x]*/main.py", text.index("save"))
        assert oracle.targets([question])[question] == (Target("store.py", 10, "store.Store.save"),)


def test_libraries(tmp_path: Path) -> None:
    """An installed package is known when it is named, and not otherwise; its files are reported where they are."""
    home = Path(aiosqlite.__file__).parent
    text = "import aiosqlite\naiosqlite.connect('x')\n"
    assert ask(tmp_path, {"main.py": text}, "main.py", "aiosqlite.^connect") == [None]
    with Oracle(tmp_path, ["main.py"], libraries=[home]) as oracle:
        question = ("main.py", text.index("connect"))
        (target,) = oracle.targets([question])[question] or ()
    assert (Path(target.path), target.name) == (home / "core.py", "aiosqlite.core.connect")


def test_same_answers_again(tmp_path: Path) -> None:
    """Neither the order of files nor that of questions, nor a second run, changes an answer."""
    program = {
        "a.py": "from b import B\nclass A:\n def make(self): return B()\n def run(self): return self.make().run()\n",
        "b.py": "from a import A\nclass B:\n def make(self): return A()\n def run(self): return self.make().run()\n",
    }
    write(tmp_path, program)
    questions = [(path, text.index(name)) for path, text in program.items() for name in ("make()", "run()\n")]
    seen = []
    for _ in range(3):
        with Oracle(tmp_path, list(program)) as oracle:
            seen.append(oracle.targets(questions))
        program = dict(reversed(program.items()))
        questions.reverse()
    assert seen[0] == seen[1] == seen[2]
    assert seen[0]["a.py", program["a.py"].index("make()")] is not None


def test_coroutines(tmp_path: Path) -> None:
    """Coroutines that are dropped, tested for truth or used as results are found, comments or not."""
    write(tmp_path, {"store.py": STORE.replace("    def save", "    async def save")})
    text = """\
from store import make
async def good():
    x = await make().save()
    return x if x else None
async def bad():
    make().save()  # type: ignore
    if make().save():
        pass
    return make().save().thing
"""
    found = problems(tmp_path, ["store.py"], {"main.py": text})
    assert [(each.path, each.line, each.code) for each in found if each.is_coroutine] == [
        ("main.py", 6, "unused-coroutine"),
        ("main.py", 7, "implicit-bool"),
        ("main.py", 9, "missing-attribute"),
    ]
    assert [each.line for each in found] == [6, 7, 9]


def test_coroutines_of_a_library(tmp_path: Path) -> None:
    """A coroutine of a library is found when the library is named, even in code without annotations."""
    text = """\
import aiosqlite
async def work():
    async with aiosqlite.connect("x") as connection:
        connection.execute("select 1")
        await connection.commit()
"""
    found = problems(tmp_path, [], {"main.py": text}, libraries=[Path(aiosqlite.__file__).parent])
    assert [(each.line, each.code) for each in found] == [(4, "unused-coroutine")]


def test_new_problems() -> None:
    """Problems are compared without their lines, and counted."""
    old = [Problem("a.py", 1, 1, "x", "m"), Problem("b.py", 1, 1, "x", "m")]
    new = [Problem("a.py", 5, 1, "x", "m"), Problem("a.py", 7, 1, "x", "m"), Problem("a.py", 8, 1, "y", "m")]
    assert new_problems(old, new) == new[1:]
    assert new_problems(new, old) == [Problem("b.py", 1, 1, "x", "m")]


def test_messages_name_no_temporary_directory(tmp_path: Path) -> None:
    """What is reported does not depend on where the checker's copy was."""
    write(tmp_path, {"main.py": "import gone\nimport a.b.c\n1 + ''\n"})
    first, second = (problems(tmp_path, ["main.py"]) for _ in range(2))
    assert first == second
    assert not [each for each in first if "hasten-oracle" in each.message]


def test_missing_executable(tmp_path: Path) -> None:
    """Where the checker is missing, the error names the package to install."""
    write(tmp_path, {"main.py": "print()\n"})
    with Oracle(tmp_path, ["main.py"], executable=tmp_path / "none") as oracle, pytest.raises(OracleError) as caught:
        oracle.targets([("main.py", 0)])
    assert "pip install pyrefly" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("script", "part"),
    [("exec sleep 60", "within 0.5 seconds"), ("echo wrong option >&2; exit 2", "wrong option"), ("exit 0", "failed")],
)
def test_other_program(tmp_path: Path, script: str, part: str) -> None:
    """A checker that hangs or fails is ended, and the error says what happened."""
    checker = tmp_path / "checker"
    checker.write_text(f"#!/bin/sh\n{script}\n")
    checker.chmod(0o755)
    write(tmp_path, {"main.py": "print()\n"})
    begun = time.monotonic()
    with (
        Oracle(tmp_path, ["main.py"], executable=checker, deadline=0.5) as oracle,
        pytest.raises(OracleError) as caught,
    ):
        oracle.targets([("main.py", 0)])
    assert part in str(caught.value)
    assert time.monotonic() - begun < 30


def test_other_order_of_reporting(tmp_path: Path) -> None:
    """A checker that is not stopped before it unpacks its stubs gives the same answers."""
    checker = tmp_path / "checker"
    # $7 is the directory of the report: this takes away the file that stands in the checker's way.
    checker.write_text(f'#!/bin/sh\nrm -f "$7/typeshed"; exec "{find_executable()}" "$@"\n')
    checker.chmod(0o755)
    program = {"store.py": STORE, "main.py": "from store import make\nmake().save()\n"}
    write(tmp_path, program)
    question = ("main.py", program["main.py"].index("save"))
    with Oracle(tmp_path, list(program)) as usual, Oracle(tmp_path, list(program), executable=checker) as other:
        assert other.targets([question]) == usual.targets([question])
        assert names(other.targets([question])[question]) == ["store.Store.save"]
        assert other.problems() == usual.problems()


def test_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written into the tree, and the temporary directory is empty again after `close`."""
    tree, temporary = tmp_path / "tree", tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", None)
    write(tree, {"main.py": "print()\n"})
    oracle = Oracle(tree, ["main.py"])
    assert oracle.targets([("main.py", 0)])["main.py", 0] is not None
    assert list(temporary.iterdir())
    oracle.close()
    assert not list(temporary.iterdir())
    assert [path.name for path in tree.rglob("*")] == ["main.py"]
    oracle.close()


def test_no_room_for_the_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the temporary directory takes no more, that is said, and what was written is gone."""
    tree, temporary = tmp_path / "tree", tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", None)
    write(tree, {"main.py": "print()\n"})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    oracle = Oracle(tree, ["main.py"])
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, hard))
    try:
        with pytest.raises(OracleError, match=r"cannot be written \(File too large\); make room there, or set TMPDIR"):
            oracle.begin()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(temporary.iterdir())


def test_interrupt(tmp_path: Path) -> None:
    """When hasten is interrupted while the checker runs, the checker is gone, and so is the copy."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    checker = tmp_path / "checker"
    checker.write_text(
        f"#!/bin/sh\necho $$ > {tmp_path}/pid.new; mv {tmp_path}/pid.new {tmp_path}/pid; exec sleep 60\n"
    )
    checker.chmod(0o755)
    write(tmp_path, {"main.py": "print()\n"})
    code = (
        "import pathlib, sys; from hasten.oracle import Oracle\n"
        "root = pathlib.Path(sys.argv[1])\n"
        "Oracle(root, ['main.py'], executable=root / 'checker').problems()"
    )
    environment = {**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": os.pathsep.join(sys.path)}
    # In a session of its own, as the signal is for hasten alone: the checker must not end because it gets one, too.
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], env=environment, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 30
        while not (tmp_path / "pid").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        parent.send_signal(signal.SIGINT)
        parent.communicate(timeout=30)
    finally:
        parent.kill()
        parent.wait()
    assert not Path("/proc", (tmp_path / "pid").read_text().strip()).exists()
    assert not list(temporary.iterdir())
