"""A whole run, on real trees with a real cache."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from hasten import pipeline, plan, reading, registry
from hasten.api import Codemod, Program, Settings, Transformer
from hasten.cli import main
from hasten.config import Config
from hasten.index import build as index
from hasten.model import Changed, Finding

CODEMODS = list(registry.load())
SAFE = "import json\n\n\ndef f(text):\n    return json.loads(text)\n"
SHOWN = "import json\n\n\ndef f(value):\n    text = json.dumps(value)\n    print({0})\n    return json.loads(text)\n"


def _run(
    root: Path, *, cache: Path | None = None, jobs: int = 1, context: tuple[str, ...] = (), unsafe: bool = False
) -> pipeline.Report:
    names = tuple(sorted(path.relative_to(root).as_posix() for path in root.rglob("*.py")))
    targets = tuple(name for name in names if name not in context)
    return pipeline.run(
        pipeline.Request(root, Config(), targets, context, jobs=jobs, cache=cache, unsafe=unsafe), CODEMODS
    )


def test_jobs_and_cache_make_no_difference(tmp_path: Path) -> None:
    """One process, two, a cold cache and a warm one give the same report."""
    root, cache = tmp_path / "tree", tmp_path / "cache.sqlite3"
    root.mkdir()
    for number in range(40):
        (root / f"m{number}.py").write_text(SAFE + f"# {'x' * 12_000}\n", encoding="utf-8")

    plain = _run(root)

    assert len(plain.outcomes) == 40
    assert _run(root, jobs=2) == plain
    assert _run(root, cache=cache, jobs=2) == plain
    warm = _run(root, cache=cache)
    assert warm == plain
    assert warm.cached


def test_a_changed_file_gets_no_result_of_another_text(tmp_path: Path) -> None:
    """The cache answers for contents, not for names: going back and forth between two texts is always right."""
    root, cache = tmp_path / "tree", tmp_path / "cache.sqlite3"
    root.mkdir()
    for text, taken in ((SHOWN.format("text"), 1), (SHOWN.format("'ok'"), 2), (SHOWN.format("text"), 1)):
        (root / "a.py").write_text(text, encoding="utf-8")

        assert len(_run(root, cache=cache).selected) == taken


def test_a_vanished_file_is_not_remembered(tmp_path: Path) -> None:
    """A problem that may pass is not kept: the next run finds the file again."""
    root, cache = tmp_path / "tree", tmp_path / "cache.sqlite3"
    root.mkdir()
    request = pipeline.Request(root, Config(), ("a.py",), jobs=1, cache=cache)

    gone = pipeline.run(request, CODEMODS)
    (root / "a.py").write_text(SAFE, encoding="utf-8")
    there = pipeline.run(request, CODEMODS)

    assert [each.kind for each in gone.plan.problems] == ["read"]
    assert not there.plan.problems
    assert len(there.selected) == 1


@pytest.mark.parametrize("content", [b"", b"not a database", b"SQLite format 3\x00" + b"\xff" * 200])
def test_a_broken_cache_is_no_error(tmp_path: Path, content: bytes) -> None:
    """Whatever stands where the cache should be, the work is done."""
    root, cache = tmp_path / "tree", tmp_path / "cache.sqlite3"
    root.mkdir()
    (root / "a.py").write_text(SAFE, encoding="utf-8")
    cache.write_bytes(content)

    assert _run(root, cache=cache) == _run(root)


def test_evidence_comes_from_files_that_are_not_rewritten(tmp_path: Path) -> None:
    """A test outside of the targets, without a trigger word, makes a change unsafe."""
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "app.py").write_text(SAFE, encoding="utf-8")
    (tmp_path / "check.py").write_text(
        "import pytest\nfrom app import f\n\n\ndef test_f():\n    with pytest.raises(TypeError):\n        f(None)\n",
        encoding="utf-8",
    )

    report = _run(tmp_path, context=("check.py",))

    (change,) = (each for each in report.plan.changes if not each.support)
    assert [each.code for each in change.hazards] == ["JSON012"]
    assert "check.py:6" in change.hazards[0].message


def test_a_bad_file_does_not_stop_the_others(tmp_path: Path) -> None:
    """Syntax errors and undecodable bytes are problems of their own files."""
    (tmp_path / "good.py").write_text(SAFE, encoding="utf-8")
    (tmp_path / "syntax.py").write_text("import json\ndef f(:\n", encoding="utf-8")
    (tmp_path / "bytes.py").write_bytes(b"import json\nx = '\xff'\n")

    report = _run(tmp_path)

    assert {(each.path, each.kind) for each in report.plan.problems} == {
        ("syntax.py", "syntax"),
        ("bytes.py", "decode"),
    }
    assert [each.path for each in report.outcomes if isinstance(each, Changed)] == ["good.py"]


def test_a_conflict_is_left_to_the_next_run(tmp_path: Path) -> None:
    """Two codemods make a coroutine function of one function: one in this run, the other in the next, and no error."""
    (tmp_path / "a.py").write_text(
        "import sqlite3\nimport time\nfrom contextlib import closing\n\n\n"
        "def names(path):\n    time.sleep(0.1)\n    with closing(sqlite3.connect(path)) as db:\n"
        '        return db.execute("select 1").fetchall()\n\n\n'
        "async def main(path):\n    print(names(path))\n",
        encoding="utf-8",
    )

    first = _run(tmp_path, unsafe=True)
    (outcome,) = first.outcomes
    assert isinstance(outcome, Changed)
    (tmp_path / "a.py").write_bytes(outcome.after)
    second = _run(tmp_path, unsafe=True)

    assert {each.code for each in first.plan.refusals} == {plan.CONFLICT}
    assert b"asyncio.sleep" in outcome.after
    assert b"sqlite3.connect" in outcome.after
    (outcome,) = second.outcomes
    assert isinstance(outcome, Changed)
    assert b"aiosqlite.connect" in outcome.after


def test_what_is_read_for_those_who_need_the_checker_is_not_shown_to_the_others(tmp_path: Path) -> None:
    """So a codemod finds the same, whether those run with it or not; nor does it wait for them."""
    asked: list[tuple[str, list[str]]] = []

    class Wants(Codemod):
        triggers = (b"def",)
        word = ""

        def analyse(self, program: Program, settings: Settings) -> Iterator[Finding]:
            asked.append((self.name, sorted(each.path for each in program.modules)))
            program.want(self.word)
            return iter(())

        def transformer(self) -> type[Transformer]:
            raise NotImplementedError

    class Able(Wants):
        name = "able"
        word = "second"
        asks = (b"def",)

    class Zealous(Wants):
        name = "zealous"
        word = "first"

    for name, text in {"a.py": "def f(): pass\n", "b.py": "first = 1\n", "c.py": "second = 1\n", "d.py": "x\n"}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    pipeline.run(pipeline.Request(tmp_path, Config(), ("a.py", "b.py", "c.py", "d.py"), jobs=1), [Able(), Zealous()])

    assert asked == [
        ("zealous", ["a.py"]),
        ("zealous", ["a.py", "b.py"]),
        ("able", ["a.py", "b.py"]),  # the rehearsal
        ("able", ["a.py", "b.py", "c.py"]),
    ]


def test_a_mistake_of_ours_about_one_file_is_told_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong with the facts of a file is said of that file."""

    def build(text: str, literals: Sequence[str]) -> dict[str, object]:
        if "odd" in text:
            raise StopIteration
        return index.build(text, literals)

    monkeypatch.setattr(reading, "build", build)
    (tmp_path / "odd.py").write_text(f"{SAFE}odd = 1\n", encoding="utf-8")
    (tmp_path / "plain.py").write_text(SAFE, encoding="utf-8")
    report = _run(tmp_path)
    assert [(each.path, each.kind) for each in report.plan.problems] == [("odd.py", "internal")]
    assert "a mistake in hasten (StopIteration); please report it with this file" in report.plan.problems[0].message
    assert [each.path for each in report.outcomes if isinstance(each, Changed)] == ["plain.py"]


def test_a_mistake_in_one_codemod_says_how_to_run_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its changes may belong to others' changes, so the run ends; the last line names it."""

    class Failing(Codemod):
        name = "failing"
        triggers = (b"json",)

        def analyse(self, program: Program, settings: Settings) -> Iterator[Finding]:
            raise LookupError("nothing there")

        def transformer(self) -> type[Transformer]:
            raise NotImplementedError

    (tmp_path / "app.py").write_text(SAFE, encoding="utf-8")
    with pytest.raises(LookupError) as raised:
        pipeline.run(pipeline.Request(tmp_path, Config(), ("app.py",), jobs=1), [Failing()])
    assert main._failed(raised.value) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.endswith("LookupError: nothing there; `--ignore failing` leaves out the codemod that failed")


def test_many_ways_through_a_program_are_each_gone_once(tmp_path: Path) -> None:
    """Forty layers of functions, each of which calls both of the layer below, have a million million ways."""
    layers = ["def wait0():\n    time.sleep(1)\n", "def look0():\n    wait0()\n"]
    for each in range(1, 40):
        layers += [f"def {name}{each}():\n    wait{each - 1}()\n    look{each - 1}()\n" for name in ("wait", "look")]
    text = (
        "import asyncio\nimport time\n\n\n{}\n\nasync def main():\n    pause()\n\n\ndef pause():\n    time.sleep(1)\n"
    )
    (tmp_path / "app.py").write_text(text.format("\n\n".join(layers)), encoding="utf-8")
    for strategy in ("convert", "twin", "offload"):
        request = pipeline.Request(tmp_path, Config(strategy=strategy), ("app.py",), jobs=1, unsafe=True)
        report = pipeline.run(request, CODEMODS)
        assert [each.code for each in report.plan.refusals] == ["ASY150"]
        assert report.plan.changes
