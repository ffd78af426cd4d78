"""What a variable surely does not hold at a place."""

from __future__ import annotations

import pytest

from hasten.index.build import build
from hasten.index.conditions import Test
from hasten.index.facts import Facts, Memory, pack
from hasten.index.module import Module
from hasten.index.narrowing import excluded, instance_of

# Each read of `x` whose line ends in `#` and a word is asked for: `closed` to text, or `open` to it.
CASES = {
    "below a test": """
        if isinstance(x, str):
            x.a  # open
        else:
            x.b  # closed
        x.c  # open
    """,
    "the other way round": """
        if not isinstance(x, (str, bytes)):
            x.a  # closed
    """,
    "left early": """
        if isinstance(x, str):
            return
        x.a  # closed
        for each in y:
            x.b  # closed
    """,
    "left early by one of several ways": """
        if y:
            y = 1
        elif isinstance(x, str):
            raise y
        x.a  # open
    """,
    "turned away by all of several ways": """
        if isinstance(x, C):
            x.a  # closed
        elif isinstance(x, str):
            raise y
        x.b  # closed
    """,
    "made into something else": """
        if isinstance(x, str):
            x = C(x)
        x.a  # closed
    """,
    "made into something else, perhaps": """
        if isinstance(x, str):
            if y:
                x = C(x)
        x.a  # open
    """,
    "made into something else in the test of another": """
        if isinstance(x, str):
            y or (x := C(x))
        x.a  # open
    """,
    "joined tests": """
        if isinstance(x, str) or y:
            return
        x.a  # closed
        if y and isinstance(x, C):
            x.b  # closed
        else:
            x.c  # closed
    """,
    "one of joined tests": """
        if isinstance(x, str) and y:
            return
        x.a  # open
    """,
    "expressions": """
        (isinstance(x, C) and
         x.a)  # closed
        (isinstance(x, str) or
         x.b)  # closed
        (x.c if isinstance(x, C) else  # closed
         x.d)  # open
    """,
    "given again": """
        if isinstance(x, C):
            x.a  # closed
            x = "text"
            x.b  # open
        x.c  # open
    """,
    "given again in a loop": """
        if isinstance(x, C):
            while y:
                x.a  # open
                x = "text"
    """,
    "asked in a loop": """
        while y:
            if isinstance(x, C):
                x.a  # closed
            x = "text"
    """,
    "asked by assert": """
        x.a  # open
        assert isinstance(x, C)
        x.b  # closed
    """,
    "at another time": """
        if isinstance(x, C):
            later = lambda: (
                x.a)  # open
            all(
                x.b  # open
                for each in y)
            [x.c  # closed
             for each in y]
    """,
    "a try that is left": """
        try:
            if isinstance(x, str):
                raise y
            x.a  # closed
        except E:
            x.b  # open
        x.c  # open
    """,
}


def denies(test: Test, holds: bool) -> bool:
    """Tell whether text is turned away."""
    return test[0] == "isinstance" and (["n", "str"] in test[2]) != holds


def function(body: str) -> Module:
    """Return a module with a function of `x` and `y`."""
    return Module("a.py", "a", Facts(pack(build(f"def f(x, y):{body}")), Memory()))


@pytest.mark.parametrize("name", CASES)
def test_excluded(name: str) -> None:
    """Reads are closed to what no way through the conditions lets get there."""
    text = f"def f(x, y):{CASES[name]}"
    module = function(CASES[name])
    given = [each.start for each in module.bindings(1, "x") if each.kind != "param" and '= "text"' in text]
    found = {}
    for read in module.reads(1, "x"):
        line = text[: read.span.start].count("\n")
        word = text.splitlines()[line].partition("#")[2].strip()
        if word and read.use[0] == "attr":
            closed = excluded(module, read.scope, ["n", "x"], read.span.start, denies, given)
            found[read.use[1]] = word, "closed" if closed else "open"
    assert found
    assert {each: one for each, (_, one) in found.items()} == {each: word for each, (word, _) in found.items()}


def test_instance_of() -> None:
    """The class that was asked for on the way is known, as long as the variable keeps its value."""
    module = function("\n    if isinstance(x, C):\n        x.a\n        x = y\n        x.b\n    x.c\n")
    given = [each.start for each in module.bindings(1, "x") if each.kind != "param"]
    reads = {each.use[1]: each for each in module.reads(1, "x") if each.use[0] == "attr"}
    found = {name: instance_of(module, 1, ["n", "x"], each.span.start, given) for name, each in reads.items()}
    assert found == {"a": ["n", "C"], "b": None, "c": None}
