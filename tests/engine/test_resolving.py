"""What the type checker says about calls, as codemods are told; the checker is the real one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

import pytest

from hasten import pipeline, registry
from hasten.cache import Cache
from hasten.config import Config
from hasten.index.module import Call
from hasten.index.program import Program
from hasten.model import Changed
from hasten.oracle import OracleError
from hasten.reading import Reader
from hasten.resolving import Resolver
from hasten.workers import Workers

CODEMODS = {each.name: each for each in registry.load()}


class Steps:
    """A progress that keeps the names of the steps."""

    def __init__(self) -> None:
        """Begin with none."""
        self.names: list[str] = []

    def step(self, name: str, total: int) -> None:
        """Note a step."""
        self.names.append(name)

    def advance(self, n: int = 1) -> None:
        """Say nothing."""


def write(root: Path, files: dict[str, str]) -> None:
    """Write the files."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(dedent(text), encoding="utf-8")


@contextmanager
def program(
    root: Path, read: tuple[str, ...], *, cache: Cache | None = None, steps: Steps | None = None
) -> Iterator[Program]:
    """Give the program below `root`, of which only the files `read` are read."""
    with resolved(root, read, cache=cache, steps=steps) as (found, _):
        yield found


@contextmanager
def resolved(
    root: Path, read: tuple[str, ...], *, cache: Cache | None = None, steps: Steps | None = None
) -> Iterator[tuple[Program, Resolver]]:
    """Give that program with its resolver."""
    paths = sorted(each.relative_to(root).as_posix() for each in root.rglob("*.py"))
    reader = Reader(root, {}, (), (), 1, cache or Cache(None))
    reader.look(paths, lambda _n: None)
    with Workers(1) as pool:
        modules, problems = reader.index(read or paths, pool, lambda _n: None)
    assert not problems
    with Resolver(reader, steps or Steps()) as resolver:
        yield Program(modules, frozenset(paths), frozenset(paths), resolver=resolver), resolver


def answers(program: Program, path: str = "app.py") -> dict[str, list[str] | None]:
    """Return what the calls of a file reach, by the last name of each."""

    def names(call: Call) -> list[str] | None:
        found = program.resolve_call(call)
        return None if found is None else [f"{each.kind} {each.module.symbol(each.number)}" for each in found]

    return {call.tail: names(call) for call in program.module(path).calls()}


FILES = {
    "shop/__init__.py": "",
    "shop/store.py": """
        class Base:
            def close(self): pass

        class Store(Base):
            @staticmethod
            def named(name): return Store()

            async def save(self): pass

            def exists(self): pass

        def opened():
            def inner(): return Store()
            return inner()
        """,
    "app.py": """
        import pathlib
        from shop import store

        def both(flag): return store.opened() if flag else pathlib.Path()

        def run(unknown, flag, é="ü"):
            s = [store.opened()]
            s[0].save()
            s[0].close()
            pathlib.Path().touch()
            unknown.write()
            both(flag).mystery()
            (pathlib.Path() if flag else store.Store()).exists()
            store.Store.named("é"); make = store.Store; make()
        """,
}
FOUND = {
    "opened": ["function opened"],
    "both": ["function both"],
    "save": ["function Store.save"],
    "close": ["function Base.close"],
    # From 3.12 on it has an `__init__`, which the checker can name.
    "Path": None if sys.version_info < (3, 12) else [],
    "touch": [],
    "write": None,
    "mystery": None,
    "exists": None,
    "Store": ["class Store"],
    "named": ["function Store.named"],
    "make": ["class Store"],
}


def test_calls_reach_definitions_of_the_program_nothing_or_nobody_knows(tmp_path: Path) -> None:
    """Definitions come as scopes, what is outside as `()`, and what is unknown or only partly known as None."""
    write(tmp_path, FILES)
    with program(tmp_path, ()) as read:
        assert answers(read) == FOUND


def test_answers_do_not_depend_on_what_was_read_first(tmp_path: Path) -> None:
    """A definition in a file that is not read is asked for by its words, and found once the file is there."""
    write(tmp_path, FILES)
    with program(tmp_path, ("app.py",)) as first:
        found = answers(first)
    assert found == {**FOUND, **{each: None for each, known in FOUND.items() if known and each != "both"}}
    assert {(each.text, tuple(each.beside)) for each in first.wanted} == {
        ("opened", ()),
        ("Store", ()),
        ("save", ("Store",)),
        ("close", ("Base",)),
        ("named", ("Store",)),
    }
    with program(tmp_path, ("app.py", "shop/store.py")) as read:
        assert answers(read) == FOUND


def test_answers_are_kept_for_the_same_texts_alone(tmp_path: Path) -> None:
    """With a cache the checker runs once for one state of all files, and again when any file has changed."""
    root, file = tmp_path / "tree", tmp_path / "cache.sqlite3"
    write(root, FILES)

    def asked() -> bool:
        steps, cache = Steps(), Cache(file)
        with program(root, (), cache=cache, steps=steps) as read:
            assert answers(read) == FOUND
        cache.close()
        return steps.names == ["asking the type checker"]

    assert asked()
    assert not asked()
    (root / "other.py").write_text("x = 1\n", encoding="utf-8")
    assert asked()
    file.write_bytes(b"no database")
    assert asked()


OUTSIDE = {
    "app.py": """
        import time
        from kinds import Marks

        class Store:
            def touch(self):
                time.sleep(0)

        async def main(marks: list[Marks]):
            time.sleep(0)
            for each in marks:
                each.there.touch()
        """,
    "kinds.py": """
        import pathlib

        class Marks:
            def __init__(self):
                self.there = {"x": pathlib.Path()}.get("x") or pathlib.Path()
        """,
}


def run(root: Path, names: tuple[str, ...], *, cache: Path | None = None, unsafe: bool = True) -> list[str]:
    """Run codemods on all files, demand that none fails, and return the steps with what was found at their end."""
    steps = Steps()
    paths = tuple(sorted(each.relative_to(root).as_posix() for each in root.rglob("*.py")))
    request = pipeline.Request(root, Config(), paths, jobs=1, cache=cache, unsafe=unsafe)
    report = pipeline.run(request, [CODEMODS[each] for each in names], steps)
    assert all(isinstance(each, Changed) for each in report.outcomes)
    codes = [each.code for each in report.plan.refusals]
    return [*steps.names, *codes, *(each.title for each in report.plan.changes)]


def test_a_second_look_knows_the_answers_of_the_first(tmp_path: Path) -> None:
    """Where the checker is what tells a call from one of the program, the rewritten program is known by it, too."""
    write(tmp_path, OUTSIDE)
    found = run(tmp_path, ("sleep-to-asyncio",))
    assert found.count("asking the type checker") == 1
    assert found[-2:] == ["ASY150", "sleep with `asyncio.sleep`"]


def test_an_answer_is_known_where_the_text_has_moved(tmp_path: Path) -> None:
    """Calls and definitions are found again by their functions, whatever was put before or into them."""
    write(tmp_path, FILES)
    with resolved(tmp_path, ()) as (read, resolver):
        assert answers(read) == FOUND
        moved = {
            path: "import asyncio\n\n\n" + dedent(text).replace("def run", "async def run")
            for path, text in FILES.items()
        }
        write(tmp_path / "moved", moved)
        reader = Reader(tmp_path / "moved", {}, (), (), 1, Cache(None))
        reader.look(sorted(FILES), lambda _n: None)
        with Workers(1) as pool:
            modules, _ = reader.index(sorted(FILES), pool, lambda _n: None)
        now = Program(modules, frozenset(FILES), frozenset(FILES), resolver=resolver.again)
        assert answers(now) == FOUND


def test_a_run_that_asks_nothing_starts_no_checker(tmp_path: Path) -> None:
    """A codemod whose calls the program's own names explain does without."""
    write(tmp_path, {"app.py": "import json, time\n\n\nasync def f(x):\n    time.sleep(1)\n    return json.loads(x)\n"})
    found = run(tmp_path, ("json-to-orjson", "sleep-to-asyncio"))
    assert "asking the type checker" not in found
    assert "sleep with `asyncio.sleep`" in found


def test_a_warm_run_asks_no_checker(tmp_path: Path) -> None:
    """Neither a run of the same kind nor one with other options starts the checker again on unchanged files."""
    root, cache = tmp_path / "tree", tmp_path / "cache.sqlite3"
    write(root, OUTSIDE)
    assert "asking the type checker" in run(root, ("sleep-to-asyncio",), cache=cache)
    assert run(root, ("sleep-to-asyncio",), cache=cache)[:1] == ["reading"]
    other = run(root, ("sleep-to-asyncio",), cache=cache, unsafe=False)
    assert "rewriting" in other
    assert "asking the type checker" not in other


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_call_that_flow_cannot_follow_is_proven(tmp_path: Path, jobs: int) -> None:
    """What would be a guess by name is none where the checker knows the receiver."""
    text = """
        import time

        class Store:
            def save(self):
                time.sleep(0)

        def stores():
            return {"x": [Store()]}

        async def main():
            for _, each in sorted(stores().items()):
                each[0].save()
        """
    write(tmp_path, {"app.py": text})
    request = pipeline.Request(tmp_path, Config(), ("app.py",), jobs=jobs)
    report = pipeline.run(request, [CODEMODS["sleep-to-asyncio"]])
    assert [[hazard.code for hazard in each.hazards] for each in report.plan.changes] == [["ASY020"], ["ASY020"]]


def test_a_checker_that_begins_early_gives_the_same_answers(tmp_path: Path) -> None:
    """Only the waiting is shorter."""
    write(tmp_path, FILES)
    with program(tmp_path, ()) as usual:
        expected = answers(usual)
    with resolved(tmp_path, ()) as (early, resolver):
        resolver.ahead()
        assert answers(early) == expected
        assert resolver.asked


def test_a_checker_that_nobody_asks_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the process nor its directory is left, and nothing counts as asked."""
    tree, temporary = tmp_path / "tree", tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", None)
    write(tree, FILES)
    with resolved(tree, ()) as (_, resolver):
        resolver.ahead()
        assert list(temporary.iterdir())
        assert not resolver.asked
    assert not list(temporary.iterdir())


def test_an_early_start_that_fails_is_told_when_somebody_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody does, a missing checker is no trouble."""
    write(tmp_path, FILES)
    monkeypatch.setattr("hasten.oracle.checker.find_executable", _missing)
    with resolved(tmp_path, ()) as (asking, resolver):
        resolver.ahead()
        with pytest.raises(OracleError, match="not found"):
            answers(asking)


def _missing(_given: Path | None = None) -> Path:
    raise OracleError("the type checker was not found")
