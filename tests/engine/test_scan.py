"""Which files bear on a question, as far as their bytes tell."""

from __future__ import annotations

import pytest

from hasten.index.wants import Kind, Want
from hasten.scan import bearing_on, words_of

STORES = (
    "a.NAME = 1",
    "a.NAME: int = 1",
    "a.NAME, b = 1, 2",
    "(a.NAME, b) = 1, 2",
    "(\n    a.NAME,\n    b,\n) = 1, 2",
    "[b, a.NAME] = x",
    "a.NAME |= 1",
    "a.NAME = b = 1",
    "a.NAME <<= 1",
    "a.NAME[x == 1] = 1",
    "for a.NAME in x: pass",
    "x = [1 for b in c for a.NAME in b]",
    "with f() as a.NAME: pass",
    'setattr(a, "NAME", 1)',
    "patch('x.NAME')",
)
NO_STORES = (
    "f(a.NAME)",
    "x = a.NAME + 1",
    "if a.NAME: pass",
    "a.NAMES = 1",
    "a.THE_NAME = 1",
    "print(NAME)",
    "a.NAME == 1",
    "x(a.NAME != 1, a.NAME >= 2)",
    "x = [1 for b in a.NAME]",
    "try: pass\nexcept E as e: a.NAME",
    'project = "NAME"',
    'scripts = ["NAME=a.b:main"]; x = 1',
)
IMPORTS = (
    "import NAME",
    "import x, NAME as y",
    "from x import NAME",
    "from x import a, NAME",
    "from x import (\n    a,\n    NAME,\n)",
    "from x import (a,\r\n    NAME as n)",
    "from x import (\n    a, NAME)",
    "from x import (\n    NAME, a as b,\n    c)",
    "from x import (\n    a as b, NAME as n, c)",
)
NO_IMPORTS = ("x = NAME", "NAME.f()", "f(x.NAME)", "return NAME", "import NAMES")
CALLS = ("NAME(1)", "x.NAME (1)", "@NAME()", "NAME\n(1)")
NO_CALLS = ("def NAME(x): pass", "NAMES(1)", "f(NAME)", "x = NAME")
READS = (
    "x = a.NAME",
    "f(a.NAME, b)",
    "a.\\\n    NAME.b",
    "(a.  # here\n NAME)",
    "@a.NAME\ndef f(): pass",
    'getattr(a, "NAME")',
    '"{0.NAME}"',
)
NO_READS = ("a.NAME(1)", "def NAME(): pass", "NAME = 1", "a.NAMES", "f(NAME)", '"""NAME it is"""')
WHOLE = ("NAME", "x.NAME", "f(NAME)", "é = NAME")
NOT_WHOLE = ("NAMES", "THE_NAME", "NAME2")


def _bears(want: Want, data: bytes) -> bool:
    return bearing_on([want])(words_of(data), lambda: data)


def _holds(text: str, kind: Kind) -> bool:
    return _bears(Want("NAME", kind), text.encode())


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *(("stored", each) for each in STORES),
        *(("imported", each) for each in IMPORTS),
        *(("called", each) for each in CALLS),
        *(("read", each) for each in READS),
        *(("word", each) for each in WHOLE),
    ],
)
def test_what_bears_on_a_question_is_found(kind: Kind, text: str) -> None:
    """A file that is passed over gives no evidence, so every way of writing it down counts."""
    assert _holds(text, kind)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *(("stored", each) for each in NO_STORES),
        *(("imported", each) for each in NO_IMPORTS),
        *(("called", each) for each in NO_CALLS),
        *(("read", each) for each in NO_READS),
        *(("word", each) for each in NOT_WHOLE),
    ],
)
def test_other_mentions_are_passed_over(kind: Kind, text: str) -> None:
    """Each file that is read for nothing costs time."""
    assert not _holds(text, kind)


def test_a_word_counts_only_beside_one_of_others() -> None:
    """The name of the module to import from must be there, too."""
    want = Want("NAME", "called", frozenset({"pkg", "from ."}))
    assert _bears(want, b"from pkg import NAME\nNAME()")
    assert _bears(want, b"from . import x\nx.NAME()")
    assert not _bears(want, b"from package import NAME\nNAME()")


def test_words_that_are_no_identifiers_are_looked_for_as_they_are() -> None:
    """Names in other scripts, and such things as star imports."""
    for word, data in (("naïve", "x = naïve()"), ("import *", "from a import *\n")):
        want = Want(word)
        assert _bears(want, data.encode())
        assert not _bears(want, b"x = 1\n")
