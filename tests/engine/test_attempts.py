"""Functions that only try something again: how often, after which waits, and which are none of these."""

from __future__ import annotations

import ast
import textwrap

import pytest

from hasten.index.attempt_runs import KeptError
from hasten.index.attempts import Attempts, constants_of, read


def _read(text: str) -> Attempts | None:
    tree = ast.parse(textwrap.dedent(text))
    function = tree.body[-1]
    assert isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
    try:
        return read(function, constants_of(tree))
    except KeptError:
        return None


def _kept(text: str) -> str:
    function = ast.parse(textwrap.dedent(text)).body[-1]
    assert isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
    with pytest.raises(KeptError) as caught:
        read(function, {})
    return caught.value.reason


def _loop(head: str, *handler: str, before: str = "") -> str:
    lines = "\n".join(f"                {each}" for each in handler)
    first = f"    {before}\n" if before else ""
    return f"def f():\n{first}    {head}\n        try:\n            return ask()\n        except E:\n{lines}\n"


@pytest.mark.parametrize(
    ("text", "waits"),
    [
        (_loop("for n in range(3):", "if n == 2: raise", "sleep(2**n)"), (1, 2)),
        (_loop("for n in range(3):", "if n < 2:", "    sleep(1)", "    continue", "raise"), (1, 1)),
        (_loop("for n in range(1, 5):", "if n >= 4: raise", "time.sleep(n * 0.5)"), (0.5, 1, 1.5)),
        (_loop("for n in range(9, 6, -1):", "if n == 7: raise", "time.sleep(n)"), (9, 8)),
        (_loop("while True:", "n += 1", "if n > 2: raise", "time.sleep(min(n * 3, 4))", before="n = 0"), (3, 4)),
        (_loop("while True:", "n -= 1", "if not_n == n: raise", "time.sleep(1)", before="n = 0"), None),
        (_loop("while n < 5:", "n += 1", "if n == 3: raise", "time.sleep(1)", before="n = 0"), (1, 1)),
    ],
)
def test_waits(text: str, waits: tuple[float, ...] | None) -> None:
    """The handler is run with each number in it, however it is written."""
    found = _read(text)

    assert (None if found is None else found.waits) == waits


def test_what_is_found() -> None:
    """The constant, the counters and the log lines are told with the waits."""
    text = """
    TRIES = 3

    def f():
        x = LOOK
        delay = 1
        for n in range(TRIES):
            try:
                return ask(x)
            except (A, b.C) as error:
                if n == TRIES - 1:
                    raise
                log.warning("again: %s", error)
                time.sleep(delay)
                delay *= 3
    """
    found = _read(text)

    assert found is not None
    assert (found.waits, found.limit, ast.unparse(found.errors)) == ((1, 3), "TRIES", "(A, b.C)")
    assert [ast.unparse(each) for each in found.counters] == ["delay = 1"]
    assert [ast.unparse(each.func) for each in found.logs] == ["log.warning"]


@pytest.mark.parametrize(
    "text",
    [
        # It ends with None, or never.
        _loop("for n in range(3):", "time.sleep(1)"),
        _loop("while True:", "time.sleep(1)"),
        # It waits before it gives up, or does not wait at all.
        _loop("for n in range(3):", "time.sleep(1)", "if n == 2: raise"),
        _loop("for n in range(3):", "if n == 2: raise"),
        # Something cannot be seen, or is done beside.
        _loop("for n in range(tries):", "if n == tries - 1: raise", "time.sleep(1)"),
        _loop("for n in range(3):", "if n == 2: raise", "time.sleep(random())"),
        _loop("for n in range(3):", "if n == 2: raise", "reconnect()", "time.sleep(1)"),
        _loop("for n in range(3):", "if n == 2: raise Other", "time.sleep(1)"),
        _loop("for n in items:", "if n == 2: raise", "time.sleep(1)"),
        _loop("for n in range(3):", "if n == 2: return None", "time.sleep(1)"),
        # What it counts with is used elsewhere.
        _loop("for n in range(3):", "if n == 2: raise", "time.sleep(1)").replace("ask()", "ask(n)"),
        # It may go on without a result.
        _loop("for n in range(3):", "if n == 2: raise", "time.sleep(1)").replace("return ask()", "ask()"),
        _loop("for n in range(3):", "if n == 2: raise", "time.sleep(1)") + "    look()\n",
        _loop("for n in range(3):", "if n == 2: raise", "time.sleep(1)") + "    else:\n        return None\n",
        _loop("for n in range(3):", "if n == 2: raise", "time.sleep(1)").replace("except E", "except"),
        # What stands before it would be another thing for each attempt, and so would what an attempt leaves behind.
        _loop("for n in range(3):", "if n == 2: raise", "time.sleep(1)", before="key = uuid4().hex"),
        _loop("for n in range(3):", "if n == 2: raise", "time.sleep(1)", before="began = time.monotonic()"),
        _loop("for n in range(3):", "if n == 2: raise", "time.sleep(1)", before="rest = iter(x)"),
        _loop("for n in range(3):", "if n == 2: raise", "time.sleep(1)", before="look()"),
        _loop("for n in range(3):", "if n == 2: raise", "time.sleep(1)", before="seen = []").replace(
            "ask()", "ask(seen)"
        ),
        _loop("for n in range(3):", "if n == 2: raise", "time.sleep(1)", before="x = 1").replace(
            "ask()", "(x := x + 1)"
        ),
        _loop("for n in range(3):", "if n == 2: raise", "time.sleep(1)", before="if x: raise E"),
        _loop("for n in range(3):", "if n == 2: raise", "time.sleep(1)", before="x = self.x").replace(
            "return ask()", "self.x += 1; return ask()"
        ),
        _loop("for n in range(3):", "if n == 2: raise", "time.sleep(1)", before="x = rows[0]").replace(
            "ask()", "ask(rows.pop())"
        ),
        _loop("for n in range(3):", "if n == 2: raise", "time.sleep(1)", before="x = self.x").replace(
            "ask()", "self.ask()"
        ),
        # Something that is no log, whatever its method is called.
        _loop("for n in range(3):", "if n == 2: raise", "parser.error('no')", "time.sleep(1)"),
    ],
)
def test_none(text: str) -> None:
    """What does more, or less, or what nobody can tell, is no such function."""
    assert _read(text) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (_loop("for n in range(tries):", "raise"), "what `tries` is cannot be seen here"),
        (_loop("for n in range(3):", "time.sleep(1)"), "it ends without the error of the last attempt"),
        (_loop("while True:", "time.sleep(1)"), "it never gives up"),
        (_loop("for n in (1, 2):", "raise"), "it goes through `(1, 2)`, and does not only count"),
        (
            _loop("for n in range(3):", "raise Other from error"),
            "it ends with another error (`raise Other from error`)",
        ),
        (_loop("for n in range(3):", "pass", before="key = new()"), "it goes on without a wait"),
        (_loop("for n in range(1, 9, 0):", "raise"), "it counts by `range(1, 9, 0)`"),
        (
            _loop("while True:", "n *= n", "time.sleep(1)", before="n = 9"),
            "its arithmetic is not understood (`n *= n`)",
        ),
        (
            _loop("for n in range(3):", "time.sleep((n - 1) ** 0.5)"),
            "its arithmetic is not understood (`(n - 1) ** 0.5`)",
        ),
        (
            _loop("for n in range(3):", "time.sleep(0 ** (n - 1))"),
            "its arithmetic is not understood (`0 ** (n - 1)`)",
        ),
        (_loop("for n in range(3):", "time.sleep(1 / n)"), "its arithmetic is not understood (`1 / n`)"),
        (_loop("for n in range(3):", "time.sleep(n - 1)"), "nobody can wait for `n - 1`"),
        (_loop("for n in range(3):", "time.sleep(1" + "0" * 400 + ")"), "nobody can wait for `1" + "0" * 36 + "...`"),
    ],
)
def test_why_it_is_kept(text: str, reason: str) -> None:
    """What stands in the way is said in words."""
    assert _kept(text) == reason


@pytest.mark.parametrize(
    "text",
    [
        _loop("for n in range(3):", "if n == 2: raise", "time.sleep(1)") + "    return None\n",
        _loop("for n in range(3):", "if n == 2: raise", "time.sleep(1)") + "    raise RuntimeError('never')\n",
        _loop("for n in range(3):", "if n == 2: raise", "time.sleep(1)", before="url = f'{base}/x'"),
        _loop("for n in range(3):", "if n == 2: raise", "time.sleep(1)", before="if not url: return None"),
        _loop("while True:", "n -= 1", "if not n: raise", "time.sleep(d)", before="n, d = 3, 1"),
        _loop("for n in range(3):", "if n == 2: raise error", "time.sleep(1)").replace("except E", "except E as error"),
        "PAUSE = 1\n" + _loop("for n in range(3):", "if n == 2: raise", "time.sleep(PAUSE)"),
    ],
)
def test_what_makes_no_difference(text: str) -> None:
    """Steady values before the loop, and statements that are never reached after it, are in nobody's way."""
    found = _read(text)

    assert found is not None
    assert found.waits == (1, 1)


def test_the_line_of_the_last_attempt() -> None:
    """A line that is written before it gives up has no wait to stand before, and is told apart."""
    text = _loop("for n in range(3):", "log.info('failed')", "if n == 2: raise", "time.sleep(1)")
    found, other = _read(text), _read(_loop("for n in range(3):", "if n == 2: raise", "log.info(n)", "time.sleep(1)"))

    assert found is not None
    assert other is not None
    assert (found.lost is not None, other.lost) == (True, None)


def test_two_things_are_tried_in_each_round() -> None:
    """The second is what is done beside the first, and no attempt."""
    text = """
    def f():
        while True:
            try:
                return ask()
            except A:
                time.sleep(1)
            try:
                return ask_another()
            except A:
                time.sleep(1)
    """
    assert _read(text) is None
