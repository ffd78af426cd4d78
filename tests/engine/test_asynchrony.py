"""Conversions as a whole: what is found, what requires what, and what a program does once they are made."""

from __future__ import annotations

import asyncio
import gc
import sys
import types
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hasten import pipeline, plan, registry
from hasten.config import Config
from hasten.model import Change, Changed, NodeEdit

CODEMOD = next(each for each in registry.load() if each.name == "sleep-to-asyncio")


def _run(root: Path, files: dict[str, str], *, unsafe: bool = False, targets: tuple[str, ...] = ()) -> pipeline.Report:
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text), encoding="utf-8")
    paths = tuple(sorted(files))
    request = pipeline.Request(root, Config(), targets or paths, paths, unsafe=unsafe, jobs=1)
    return pipeline.run(request, [CODEMOD])


def _after(report: pipeline.Report) -> dict[str, str]:
    assert all(isinstance(each, Changed) for each in report.outcomes)
    return {each.path: each.after.decode() for each in report.outcomes if isinstance(each, Changed)}


def _by_symbol(report: pipeline.Report, *, support: bool) -> dict[str, Change]:
    return {each.symbol: each for each in report.plan.changes if each.support is support}


CHAIN = {
    "low.py": """
        import time

        def rest():
            time.sleep(0)

        def other():
            time.sleep(0)
        """,
    "middle.py": """
        from low import rest as pause

        def step():
            pause()
            return 1
        """,
    "high.py": """
        import low
        import middle

        async def main():
            low.other()
            return middle.step() + middle.step()
        """,
}


def test_files_without_a_trigger_are_rewritten_too(tmp_path: Path) -> None:
    """A file that only calls what becomes a coroutine function is found, and its calls are awaited."""
    after = _after(_run(tmp_path, CHAIN, unsafe=True))
    assert all(b"sleep" not in (tmp_path / each).read_bytes() for each in ("middle.py", "high.py"))
    assert after["middle.py"] == dedent(CHAIN["middle.py"]).replace("def step", "async def step").replace(
        "    pause()", "    await pause()"
    )
    assert "await low.other()\n    return await middle.step() + await middle.step()\n" in after["high.py"]


def test_each_function_is_a_change_that_its_callers_are_required_by(tmp_path: Path) -> None:
    """A seed requires its function, a function the functions that call it, and nothing else."""
    report = _run(tmp_path, CHAIN)
    seeds, support = _by_symbol(report, support=False), _by_symbol(report, support=True)

    assert seeds["rest"].requires == (support["rest"].id,)
    assert support["rest"].requires == (support["step"].id,)
    assert support["step"].requires == ()
    assert {each.path for each in support["step"].edits} == {"middle.py", "high.py"}
    assert report.selected == frozenset()

    chosen = plan.close(report.plan, {seeds["other"].id})
    assert chosen == {seeds["other"].id, support["other"].id}


def test_edits_name_their_nodes_and_short_places(tmp_path: Path) -> None:
    """The edit of a definition covers the function, and is shown where `def` stands."""
    report = _run(tmp_path, CHAIN)
    edit = _by_symbol(report, support=True)["step"].edits[0]
    assert isinstance(edit, NodeEdit)
    assert (edit.action, edit.start.line, edit.end.line) == ("async-def", 4, 4)
    text = (tmp_path / "middle.py").read_text(encoding="utf-8")
    assert text[edit.span.start : edit.span.end] == "def step():\n    pause()\n    return 1"


def test_hazards_of_what_is_required_are_inherited(tmp_path: Path) -> None:
    """What makes a caller's conversion doubtful is listed with the seed, however far away the caller is."""
    files = {**CHAIN, "use.py": "from middle import step\n\ndef unused():\n    return step()\n"}
    report = _run(tmp_path, files)
    seed = _by_symbol(report, support=False)["rest"]
    messages = {each.code: each.message for each in seed.hazards}
    assert set(messages) == {"ASY020", "ASY021"}
    assert messages["ASY020"].endswith("(low.py:4), and 1 more")
    assert "`unused`" in messages["ASY021"]
    assert {each.code for each in _by_symbol(report, support=True)["rest"].hazards} == {"ASY020"}


def test_a_refusal_shows_the_way_to_its_reason(tmp_path: Path) -> None:
    """What is in the way is named with its place, and with every function and call between it and the sleep."""
    files = {
        **CHAIN,
        "client.py": "import middle\n\n\nclass Client:\n    def __len__(self):\n        return middle.step()\n",
    }
    refusal = next(each for each in _run(tmp_path, files).plan.refusals if each.path == "low.py")
    assert refusal.code == "ASY121"
    assert refusal.message.startswith("client.py:5: `__len__` of `Client` is called by Python itself for")
    assert refusal.message.endswith("the way there: `rest` <- `step` (middle.py:5) <- `Client.__len__` (client.py:6)")


def test_the_name_asyncio_has_to_be_free_where_a_loop_is_started(tmp_path: Path) -> None:
    """Where `asyncio.run` would be something else, nothing is converted."""
    files = {
        "low.py": "import time\n\n\ndef rest():\n    time.sleep(0)\n\n\nasync def main():\n    rest()\n",
        "run.py": "import low\nimport mine as asyncio\n\nif __name__ == '__main__':\n    low.rest()\n",
    }
    report = _run(tmp_path, files, unsafe=True)
    assert [each.code for each in report.plan.refusals] == ["ASY151"]
    assert not report.outcomes


def test_the_order_of_files_and_jobs_make_no_difference(tmp_path: Path) -> None:
    """The same tree gives the same plan, whichever files come first."""
    first = _run(tmp_path, CHAIN, unsafe=True)
    second = _run(tmp_path, dict(reversed(CHAIN.items())), unsafe=True)
    assert first == second


# --- programs made at random -----------------------------------------------------------------------------------------

#: Ways to call a function and make a list of the result; `{0}` is the call, `{1}` a number that is free.
_WAYS = (
    "out += {0}",
    "out.append({0}[0])",
    "out += [each for each in {0} if {0}]",
    "out += [{0}[0] for _ in range(2)]",
    "out.append(f'{{{0}[0]!r:>3}}')",
    "out.append((lambda value: value[0])({0}))",
    "out += {0} if {0} else []",
    "with contextlib.nullcontext({0}) as value: out += value",
    "for value in {0}: out.append(value)",
    "out += ({0} or [0])[:1] + {0} * 2",
    "out.extend(dict(one={0}, **{{'two': {0}}}).values())",
    "if (value := {0}): out.append(len({0}) - -len({0}) ** 2)",
    "try: out += {0}\nfinally: out += {0}",
    "def inner{1}(): return {0}\nout += inner{1}()",
    "out += sorted({0}, key=str)",
    "assert {0} == {0} is not None, {0}",
)
#: Ways that cannot be awaited.
_STUCK = (
    "out.append((lambda: {0}[0])())",
    "out.append(sum(len({0}) for _ in range(2)))",
    "def give{1}(): yield from {0}\nout += list(give{1}())",
    "with threading.Lock(): out += {0}",
)


@st.composite
def _programs(draw: st.DrawFn) -> str:
    """Draw a program: functions and methods that sleep and call those below them, some of them coroutine functions."""
    count = draw(st.integers(2, 7))
    names: list[tuple[str, bool]] = []
    parts = ["import asyncio, contextlib, threading, time\nfrom time import sleep as nap\n"]
    for number in range(count):
        is_async = draw(st.booleans()) if number else False
        method = draw(st.booleans())
        body = [f"out = [{number}]"]
        body += draw(st.lists(st.sampled_from(["time.sleep(0)", "nap(0)", "time.sleep(0.0) or nap(0)"]), max_size=3))
        for _ in range(draw(st.integers(0, 2)) if number else 0):
            callee, awaited = draw(st.sampled_from(names))
            call = f"(await {callee}())" if awaited else f"{callee}()"
            if awaited and not is_async:
                continue
            stuck = not awaited and draw(st.integers(0, 5)) == 0
            way = draw(st.sampled_from(_STUCK if stuck else _WAYS))
            if awaited and ("def inner" in way or "lambda:" in way):
                continue
            body.append(way.format(call, len(body)))
        body.append("return out")
        word = "async def" if is_async else "def"
        if method:
            parts.append(f"class C{number}:\n    {word} m{number}(self):\n{indent(chr(10).join(body), ' ' * 8)}\n")
            names.append((f"C{number}().m{number}", is_async))
        else:
            parts.append(f"{word} f{number}():\n{indent(chr(10).join(body), ' ' * 4)}\n")
            names.append((f"f{number}", is_async))
    calls = [f"await {name}()" if awaited else f"{name}()" for name, awaited in names]
    shown = draw(st.lists(st.sampled_from(calls), min_size=1, max_size=4))
    parts.append("async def main():\n    return [" + ", ".join(shown) + "]\n")
    return "\n".join(parts)


def _behaviour(text: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, list[str]]:
    """Return what `main` of a program returns, and what went wrong where nobody looks."""
    unraisable: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda error: unraisable.append(repr(error.exc_value)))
    module = types.ModuleType("program")
    exec(compile(text, "program.py", "exec"), module.__dict__)  # noqa: S102 - a program that was made here
    result = asyncio.run(module.main())
    gc.collect()
    return result, unraisable


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(text=_programs())
@pytest.mark.filterwarnings("error")
def test_programs_do_what_they_did(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rewritten program returns what it returned, leaves no coroutine behind, and has no sleep that it could lose."""
    report = _run(tmp_path, {"program.py": text}, unsafe=True)
    after = _after(report).get("program.py", text)
    before = _behaviour(text, monkeypatch)
    assert before[1] == []
    assert _behaviour(after, monkeypatch) == before, after

    again = _run(tmp_path, {"program.py": after}, unsafe=True)
    assert not again.selected
    refused = {each.code for each in report.plan.refusals}
    assert refused <= {"ASY101", "ASY104", "ASY107", "ASY125", "ASY150"}
