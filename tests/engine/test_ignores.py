"""Ignore comments: which lines they cover, and what is said about the ones that are wrong."""

from __future__ import annotations

import pytest

from hasten.ignores import parse
from hasten.model import Source
from hasten.text import LineTable

KNOWN = ("json-to-orjson", "sqlite3-to-aiosqlite")


def _source(text: str) -> Source:
    return Source("a.py", text.encode(), text)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        pytest.param("x = 1\n", [], id="no comment"),
        pytest.param("x = 1  # hasten: ignor\n", [], id="misspelt"),
        pytest.param("x = '# hasten: ignore'\n", [], id="in a string"),
        pytest.param('"""\n# hasten: ignore\n"""\nx = 1\n', [], id="in a docstring"),
        pytest.param("x = 1  # hasten: ignore[sqlite3-to-aiosqlite]\n", [], id="another codemod"),
        pytest.param("x = 1  # hasten: ignore[]\n", [], id="empty brackets"),
        pytest.param("x = 1  # hasten: ignore[json-to-orjson\n", [], id="open bracket"),
        pytest.param("x = 1  # HASTEN: IGNORE\n", [], id="upper case"),
        pytest.param("a\nx = 1  # hasten: ignore\nb\n", [2], id="one line"),
        pytest.param("a\nx = 1  #hasten:ignore\nb\n", [2], id="without spaces"),
        pytest.param("x = 1  # noqa: F401  # hasten: ignore\n", [1], id="behind another comment"),
        pytest.param("x = 1  # hasten: ignore because it is hashed\n", [1], id="with a reason"),
        pytest.param("x = 1  # hasten: ignore[json-to-orjson, b] why\n", [1], id="named with a reason"),
        pytest.param("f(\n    1,  # hasten: ignore\n    2,\n)\nb\n", [1, 2, 3, 4], id="inside a call"),
        pytest.param("f(\n    1,\n)  # hasten: ignore\nb\n", [1, 2, 3], id="behind a call"),
        pytest.param("x = a + \\\n    b  # hasten: ignore\n", [1, 2], id="continued line"),
        pytest.param('x = """\n\n"""  # hasten: ignore\nb\n', [1, 2, 3], id="behind a long string"),
        pytest.param("if a:  # hasten: ignore\n    b\n    c\n", [1], id="header only"),
        pytest.param("if a:\n    b  # hasten: ignore\n    c\n", [2], id="in a block"),
        pytest.param("a\n# hasten: ignore\nf(\n    1,\n)\nb\n", [2, 3, 4, 5], id="alone above a statement"),
        pytest.param("if a:\n    # hasten: ignore\n    b\n    c\n", [2, 3], id="alone in a block"),
        pytest.param("a\r\nb  # hasten: ignore\r\nc\r\n", [2], id="CRLF"),
        pytest.param("a\rb  # hasten: ignore\rc\r", [2], id="CR"),
        pytest.param("a\nb  # hasten: ignore", [2], id="no final newline"),
        pytest.param("a\n# hasten: ignore-file\nb\n", [1, 2, 3, 4], id="whole file"),
        pytest.param("a\nb  # hasten: ignore\nc = (\n", [2], id="broken below"),
    ],
)
def test_lines_that_a_comment_covers(text: str, lines: list[int]) -> None:
    """A comment covers the statement or header that it stands on, or the one below it, and nothing more."""
    ignores = parse(_source(text))
    assert [line for line in range(1, len(LineTable(text)) + 1) if ignores.covers("json-to-orjson", line)] == lines


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x  # hasten: ignor\n", "`hasten: ignor` is not understood; did you mean `ignore`?"),
        ("x  # hasten: ignore-fil\n", "`hasten: ignore-fil` is not understood; did you mean `ignore-file`?"),
        ("x  # hasten: zzz\n", "`hasten: zzz` is not understood"),
        ("x  # hasten:\n", "`hasten: ` is not understood"),
        (
            "x  # hasten: ignore[json-to-orjson\n",
            "`hasten: ignore[...]` needs names of codemods, separated by commas, and a closing bracket",
        ),
        (
            "x  # hasten: ignore[]\n",
            "`hasten: ignore[...]` needs names of codemods, separated by commas, and a closing bracket",
        ),
        ("x  # hasten: ignore-file[json-to-orjson]\n", "`hasten: ignore-file` takes no names of codemods"),
        (
            "x  # hasten: ignore[json-to-orjsn]\n",
            "`hasten: ignore[json-to-orjsn]` names no codemod; did you mean `json-to-orjson`?",
        ),
        ("x  # hasten: ignore\n", "this `hasten:` comment ignores nothing"),
        ("x  # hasten: ignore-file\n", "this `hasten:` comment ignores nothing"),
    ],
)
def test_notice_about_a_comment(text: str, message: str) -> None:
    """Each way to get a comment wrong is told in one sentence that says how it is written."""
    assert [notice.message for notice in parse(_source(text)).unused((), known=KNOWN)] == [message]


def test_used_comments_are_not_reported() -> None:
    """A comment that kept a site from being rewritten is silent, and the one beside it is not."""
    ignores = parse(_source("a  # hasten: ignore\nb  # hasten: ignore[json-to-orjson]\nc  # hasten: ignore\n"))
    unused = ignores.unused({("json-to-orjson", 1), ("json-to-orjson", 2)}, known=KNOWN)
    assert [notice.line for notice in unused] == [3]


def test_comments_for_codemods_that_did_not_run_are_not_reported() -> None:
    """A run of some codemods says nothing about the comments that the others may need."""
    ignores = parse(
        _source("a  # hasten: ignore\nb  # hasten: ignore[json-to-orjson]\nc  # hasten: ignore[sqlite3-to-aiosqlite]\n")
    )
    unused = ignores.unused((), known=KNOWN, ran=("sqlite3-to-aiosqlite",))
    assert [notice.line for notice in unused] == [3]
