"""Where single imports go and how they leave: a table per function, layouts that break naive tools first."""

from __future__ import annotations

import ast
import tomllib
from typing import Literal

import pytest

from hasten.import_style import FIRST_PARTY, STDLIB, THIRD_PARTY
from hasten.imports import ImportedName, ImportStyle, Replacement, insert_in_scope, place, remove, style_from, update

OWN = frozenset({"app"})


def _apply(text: str, replacements: tuple[Replacement, ...]) -> str:
    for replacement in reversed(replacements):
        text = text[: replacement.span.start] + replacement.text + text[replacement.span.end :]
    ast.parse(text)
    return text


def _placed(text: str, module: str, name: str = "", style: ImportStyle | None = None) -> str:
    found = place(text, ast.parse(text), module, name, first_party=OWN, style=style or ImportStyle())
    return _apply(text, (found,))


def _names(tree: ast.AST, wanted: str) -> list[ImportedName]:
    """Return the imported names that a word in `wanted` stands for, under the name that they have in the module."""
    return [
        (statement, alias)
        for statement in ast.walk(tree)
        if isinstance(statement, (ast.Import, ast.ImportFrom))
        for alias in statement.names
        if (alias.asname or alias.name) in wanted.split()
    ]


# What is there, `import orjson` placed into it.
PLACED = {
    "empty": ("", "import orjson\n"),
    "blank": ("\n", "\nimport orjson\n"),
    "docstring only": ('"""Doc."""\n', '"""Doc."""\n\nimport orjson\n'),
    "docstring, no final newline": ('"""Doc."""', '"""Doc."""\n\nimport orjson'),
    "docstring with a hash": ('"""Doc\n# here"""\nX = 1\n', '"""Doc\n# here"""\n\nimport orjson\n\nX = 1\n'),
    "docstring, then a semicolon": ('"""Doc."""; X = 1\n', '"""Doc."""; import orjson; X = 1\n'),
    "no import": ("X = 1\n", "import orjson\n\nX = 1\n"),
    "no import, def": ("def f(): pass\n", "import orjson\n\n\ndef f(): pass\n"),
    "no import, decorated": ("@g\ndef f(): pass\n", "import orjson\n\n\n@g\ndef f(): pass\n"),
    "gap of two kept": ('"""D."""\n\n\nclass A: pass\n', '"""D."""\n\nimport orjson\n\n\nclass A: pass\n'),
    "gap of two before a constant": ('"""D."""\n\n\nX = 1\n', '"""D."""\n\nimport orjson\n\nX = 1\n'),
    "shebang": ("#!/bin/python\nX = 1\n", "#!/bin/python\n\nimport orjson\n\nX = 1\n"),
    "cookie and licence": (
        "# coding: utf-8\n\n# (c) We\n\n# about X\nX = 1\n",
        "# coding: utf-8\n\n# (c) We\n\nimport orjson\n\n# about X\nX = 1\n",
    ),
    "comments only": ("# a\n", "# a\n\nimport orjson\n"),
    "future only": (
        "from __future__ import annotations\n\nX = 1\n",
        "from __future__ import annotations\n\nimport orjson\n\nX = 1\n",
    ),
    "future on a shared line": (
        "from __future__ import annotations; X = 1\n",
        "from __future__ import annotations; import orjson; X = 1\n",
    ),
    "only in try": (
        "try:\n    import json\nexcept ImportError:\n    json = None\n",
        "import orjson\n\ntry:\n    import json\nexcept ImportError:\n    json = None\n",
    ),
    "try, then a block": (
        "try:\n    import ujson\nexcept ImportError:\n    ujson = None\nimport os\n",
        "try:\n    import ujson\nexcept ImportError:\n    ujson = None\nimport os\n\nimport orjson\n",
    ),
    "code before the block": ("f = g()\nimport os\n", "import orjson\n\nf = g()\nimport os\n"),
    "dunder before the block": ('__all__ = ["a"]\nimport os\n', '__all__ = ["a"]\nimport os\n\nimport orjson\n'),
    "between sections": (
        "import os\n\nfrom app import x\n",
        "import os\n\nimport orjson\n\nfrom app import x\n",
    ),
    "sections that are not parted": ("import os\nfrom app import x\n", "import os\nimport orjson\nfrom app import x\n"),
    "sorted, plain before from": (
        "import os\n\nimport attr\nimport pydantic\nfrom aiohttp import web\n",
        "import os\n\nimport attr\nimport orjson\nimport pydantic\nfrom aiohttp import web\n",
    ),
    "no order": ("import zope\nimport attr\n", "import zope\nimport attr\nimport orjson\n"),
    "comment belongs below": (
        "import os\n\n# web things\nimport requests\n",
        "import os\n\nimport orjson\n\n# web things\nimport requests\n",
    ),
    "comment that opens the file": ("# licence\nimport requests\n", "# licence\nimport orjson\nimport requests\n"),
    "already there": ("import os, orjson\n", "import os, orjson\n"),
    "under another name": ("import orjson as o\n", "import orjson as o\nimport orjson\n"),
    "shared line": ("import os; import sys\n", "import os; import sys\n\nimport orjson\n"),
    "shared with code": ("import os; os.x()\n", "import orjson\n\nimport os; os.x()\n"),
    "multi-line from": (
        "from attr import (\n    a,\n    b,\n)\nfrom zope import c\n",
        "import orjson\nfrom attr import (\n    a,\n    b,\n)\nfrom zope import c\n",
    ),
    "backslash": ("from attr import a, \\\n    b\n", "import orjson\nfrom attr import a, \\\n    b\n"),
    "after a backslash": ("\\\nimport requests\n", "\\\nimport orjson; import requests\n"),
    "form feed": ("\fimport os\n\f\nX = 1\n", "\fimport os\n\nimport orjson\n\f\nX = 1\n"),
    "no final newline": ("import os", "import os\n\nimport orjson"),
    "cr": ("import os\r\rX = 1\r", "import os\r\rimport orjson\r\rX = 1\r"),
    "mixed newlines": ("import os\r\n\nX = 1\n", "import os\r\n\r\nimport orjson\r\n\nX = 1\n"),
    "wide characters": ("import os; café = 'ü' # é\n", "import orjson\n\nimport os; café = 'ü' # é\n"),
    "split": (
        "import os\n# isort: split\nimport requests\n",
        "import os\n\nimport orjson\n# isort: split\nimport requests\n",
    ),
    "relative below": ("from . import a\n", "import orjson\n\nfrom . import a\n"),
}


@pytest.mark.parametrize(("text", "expected"), PLACED.values(), ids=PLACED.keys())
def test_place_finds_the_right_line(text: str, expected: str) -> None:
    """`import orjson` lands where isort would put it, whatever the layout, and a second time nothing changes."""
    assert _placed(text, "orjson") == expected
    assert _placed(expected, "orjson") == expected


@pytest.mark.parametrize(("text", "expected"), PLACED.values(), ids=PLACED.keys())
def test_place_keeps_crlf(text: str, expected: str) -> None:
    """The CRLF twin of a module becomes the CRLF twin of the outcome."""
    if "\r" not in text and "\n" in text:
        assert _placed(text.replace("\n", "\r\n"), "orjson") == expected.replace("\n", "\r\n")


LONG = "from asyncio import ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION, gather, get_running_loop\n"
# What is there, `from asyncio import run` placed into it.
JOINED = {
    "one name": ("from asyncio import sleep\n", "from asyncio import run, sleep\n"),
    "at the end": ("from asyncio import gather\n", "from asyncio import gather, run\n"),
    "after a constant": ("from asyncio import Z, ALL\n", "from asyncio import Z, ALL, run\n"),
    "with a comment": ("from asyncio import sleep  # c\n", "from asyncio import run, sleep  # c\n"),
    "brackets": ("from asyncio import (gather, sleep)\n", "from asyncio import (gather, run, sleep)\n"),
    "one per line": (
        "from asyncio import (\n    gather,\n    # nap\n    sleep,  # c\n)\n",
        "from asyncio import (\n    gather,\n    run,\n    # nap\n    sleep,  # c\n)\n",
    ),
    "one per line, at the end": (
        "from asyncio import (\n    Queue,  # q\n    gather  # c\n)\n",
        "from asyncio import (\n    Queue,  # q\n    gather,  # c\n    run\n)\n",
    ),
    "closing bracket on the last line": (
        "from asyncio import (\n    Queue,\n    gather)\n",
        "from asyncio import (\n    Queue,\n    gather,\n    run)\n",
    ),
    "too long": (
        LONG,
        (
            "from asyncio import (\n    ALL_COMPLETED,\n    FIRST_COMPLETED,\n    FIRST_EXCEPTION,\n    gather,\n"
            "    get_running_loop,\n    run,\n)\n"
        ),
    ),
    "alias has its own": (
        "from asyncio import sleep as s\n",
        "from asyncio import run\nfrom asyncio import sleep as s\n",
    ),
    "star": ("from asyncio import *\n", "from asyncio import *\nfrom asyncio import run\n"),
    "already there": ("from asyncio import run as run\n", "from asyncio import run as run\n"),
    "relative is another": ("from .asyncio import x\n", "from asyncio import run\n\nfrom .asyncio import x\n"),
}


@pytest.mark.parametrize(("text", "expected"), JOINED.values(), ids=JOINED.keys())
def test_place_joins_a_from_import(text: str, expected: str) -> None:
    """A name from a module that is imported from already joins that list."""
    assert _placed(text, "asyncio", "run") == expected


@pytest.mark.parametrize("tool", ["isort", "ruff"])
def test_numbers_in_names_sort_by_value(tool: Literal["isort", "ruff"]) -> None:
    """A name with 10 in it comes after the one with 9."""
    text = "import x9\nimport x11\n"
    assert _placed(text, "x10", style=ImportStyle(tool=tool)) == "import x9\nimport x10\nimport x11\n"


def test_style_is_read_from_where_projects_keep_it() -> None:
    """Settings of isort count in TOML and INI, ruff's too, and ruff's win where ruff sorts the imports."""
    ini = "[isort]\nprofile = black\nforce_single_line = true\nknown_first_party = lib,\n    tools\nline_length = 100\n"
    style = style_from({}, ini)
    assert (style.tool, style.force_single_line, style.line_length, style.wrap) == ("isort", True, 100, "vertical")
    assert [style.section_of(name, 0, OWN) for name in ("tools.x", "json", "app", "numpy")] == [
        FIRST_PARTY, STDLIB, FIRST_PARTY, THIRD_PARTY,
    ]  # fmt: skip
    toml = '[tool.isort]\nprofile = "google"\n[tool.ruff]\nline-length = 99\n'
    assert style_from(tomllib.loads(toml)).lexicographical
    ruff = style_from(tomllib.loads(toml + '[tool.ruff.lint]\nextend-select = ["I"]\nisort.from-first = true\n'))
    assert (ruff.tool, ruff.from_first, ruff.line_length) == ("ruff", True, 99)
    assert style_from({}, "[broken") == style_from({}) == ImportStyle()


def test_single_line_style_does_not_join() -> None:
    """With `force_single_line`, every name has its own line, in order."""
    style = ImportStyle(force_single_line=True)
    text = "from asyncio import gather\nfrom asyncio import sleep\n"
    assert _placed(text, "asyncio", "run", style) == (
        "from asyncio import gather\nfrom asyncio import run\nfrom asyncio import sleep\n"
    )


# What is there, the names to go, what is left, the names kept.
REMOVED = {
    "alone": ("import json\n", "json", "", ""),
    "top of the file": ("import json\n\n\ndef f(): pass\n", "json", "def f(): pass\n", ""),
    "under a docstring": ('"""D."""\n\nimport json\n\n\nX = 1\n', "json", '"""D."""\n\n\nX = 1\n', ""),
    "section emptied": (
        "import os\n\nimport ujson\n\nimport app\n",
        "ujson",
        "import os\n\nimport app\n",
        "",
    ),
    "section not emptied": ("import json\nimport os\n\nX = 1\n", "json", "import os\n\nX = 1\n", ""),
    "last section": ("import os\n\nimport ujson\n\n\nX = 1\n", "ujson", "import os\n\n\nX = 1\n", ""),
    "last line, no final newline": ("import os\nimport json", "json", "import os", ""),
    "comment above stays": ("import os\n\n# c\nimport ujson\n\nX = 1\n", "ujson", "import os\n\n# c\n\nX = 1\n", ""),
    "comment beside": ("import json  # noqa\n", "json", "import json  # noqa\n", "json"),
    "comment in the brackets": (
        "from a import (  # c\n    b,\n)\n",
        "b",
        "from a import (  # c\n    b,\n)\n",
        "b",
    ),
    "first of several": ("import json, os\n", "json", "import os\n", ""),
    "last of several": ("import os, json as j  # c\n", "j", "import os  # c\n", ""),
    "middle of several": ("from a import b, c, d\n", "c", "from a import b, d\n", ""),
    "all of several": ("import os, json\nX = 1\n", "os json", "X = 1\n", ""),
    "one per line": (
        "from a import (\n    b,\n    # about c\n    c,\n    d,  # d\n)\n",
        "c d",
        "from a import (\n    b,\n    # about c\n    d,  # d\n)\n",
        "d",
    ),
    "one per line, last": ("from a import (\n    b,  # b\n    c\n)\n", "c", "from a import (\n    b,  # b\n)\n", ""),
    "brackets": ("from a import (b,\n               c)\n", "b", "from a import c\n", ""),
    "backslash": ("from a import b, \\\n    c\n", "c", "from a import b\n", ""),
    "backslash, first": ("from a import b, \\\n    c\n", "b", "from a import c\n", ""),
    "shared line": ("a = 1; import json; b = 2\n", "json", "a = 1; b = 2\n", ""),
    "end of a shared line": ("a = 1; import json; import os\n", "json os", "a = 1\n", ""),
    "start of a shared line": ("import json; import os; b = 2\n", "json os", "b = 2\n", ""),
    "all of a shared line": ("import json; import os;\nb = 2\n", "json os", "b = 2\n", ""),
    "hash in a string": ("import json; b = '#'\n", "json", "b = '#'\n", ""),
    "all of a try": (
        "try:\n    import json\nexcept ImportError:\n    pass\n",
        "json",
        "try:\n    import json\nexcept ImportError:\n    pass\n",
        "json",
    ),
    "all of a suite": ("if X: import json; import os\n", "json os", "if X: import json; import os\n", "json os"),
    "part of a suite": ("if X: import json; import os\n", "json", "if X: import os\n", ""),
    "all of a handler": (
        "try:\n    pass\nexcept E:\n    import json\n",
        "json",
        "try:\n    pass\nexcept E:\n    import json\n",
        "json",
    ),
    "in a function": (
        "def f():\n\timport json\n\n\treturn 1\n",
        "json",
        "def f():\n\treturn 1\n",
        "",
    ),
    "in a match": (
        "match x:\n    case 1:\n        import json\n        pass\n",
        "json",
        "match x:\n    case 1:\n        pass\n",
        "",
    ),
    "after a backslash": ("\\\nimport json\n", "json", "\\\nimport json\n", "json"),
    "cr": ("import os\rimport json\rX = 1\r", "json", "import os\rX = 1\r", ""),
}


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize(("text", "gone", "expected", "kept"), REMOVED.values(), ids=REMOVED.keys())
def test_remove_takes_no_more_than_the_import(text: str, gone: str, expected: str, kept: str, newline: str) -> None:
    """Imports leave without a blank line too many, and stay where a comment or a block would go with them."""
    text, expected = text.replace("\n", newline), expected.replace("\n", newline)
    tree = ast.parse(text)
    removal = remove(text, tree, _names(tree, gone))
    assert _apply(text, removal.replacements) == expected
    assert [kept.alias.asname or kept.alias.name for kept in removal.kept] == kept.split()


# What is there, the names to go, the imports to come, the outcome.
UPDATED = {
    "exact place": ("import json\n\n\ndef f(): pass\n", "json", [("orjson", "")], "import orjson\n\n\ndef f(): pass\n"),
    "place and section": (
        "import sqlite3\n\nfrom app import x\n",
        "sqlite3",
        [("aiosqlite", "")],
        "import aiosqlite\n\nfrom app import x\n",
    ),
    "with a comment below": (
        "import json\n\n# about X\nX = 1\n",
        "json",
        [("orjson", "")],
        "import orjson\n\n# about X\nX = 1\n",
    ),
    "several": (
        '"""D."""\n\nimport json\nimport sqlite3\n\nimport requests\n',
        "json sqlite3",
        [("orjson", ""), ("asyncio", ""), ("aiosqlite", "")],
        '"""D."""\n\nimport asyncio\n\nimport aiosqlite\nimport orjson\nimport requests\n',
    ),
    "in one list": (
        "from functools import partial, wraps\n",
        "wraps",
        [("functools", "lru_cache")],
        "from functools import lru_cache, partial\n",
    ),
    "a whole list changes hands": (
        "from functools import wraps\n\nX = 1\n",
        "wraps",
        [("functools", "lru_cache"), ("functools", "cache")],
        "from functools import cache, lru_cache\n\nX = 1\n",
    ),
    "wanted after all": ("import json\n", "json", [("json", "")], "import json\n"),
    "far apart": (
        "import os\n\n\ndef f():\n    import json\n    return json\n",
        "json",
        [("orjson", "")],
        "import os\n\nimport orjson\n\n\ndef f():\n    return json\n",
    ),
}


@pytest.mark.parametrize(("text", "gone", "new", "expected"), UPDATED.values(), ids=UPDATED.keys())
def test_update_gives_the_sections_of_the_outcome(
    text: str, gone: str, new: list[tuple[str, str]], expected: str
) -> None:
    """Removals and additions in one go leave the sections and blank lines that the outcome should have."""
    tree = ast.parse(text)
    done = update(text, tree, additions=new, removals=_names(tree, gone), first_party=OWN)
    assert _apply(text, done.replacements) == expected
    assert all(a.span.end <= b.span.start for a, b in zip(done.replacements, done.replacements[1:], strict=False))


def test_update_leaves_the_code_between_its_edits_alone() -> None:
    """Edits at both ends of a file are two replacements, so that other edits fit between them."""
    text = "import os\n\nX = 1\n\n\ndef f():\n    import json\n    return 2\n"
    tree = ast.parse(text)
    done = update(text, tree, additions=[("orjson", "")], removals=_names(tree, "json"))
    assert [(text[r.span.start : r.span.end], r.text) for r in done.replacements] == [
        ("", "\nimport orjson\n"), ("    import json\n", ""),
    ]  # fmt: skip


# A module whose statement `ANCHOR` is the anchor; the outcome of an insertion before it, and after it.
SCOPED = {
    "body": (
        "def f():\n    # about\n    ANCHOR\n    x\n",
        "def f():\n    import orjson\n    # about\n    ANCHOR\n    x\n",
        "def f():\n    # about\n    ANCHOR\n    import orjson\n    x\n",
    ),
    "tabs": ("def f():\n\tANCHOR\n", "def f():\n\timport orjson\n\tANCHOR\n", "def f():\n\tANCHOR\n\timport orjson\n"),
    "one-line suite": (
        "def f(): ANCHOR\n",
        "def f(): import orjson; ANCHOR\n",
        "def f(): ANCHOR; import orjson\n",
    ),
    "shared line": (
        "def f():\n  a; ANCHOR; b\n",
        "def f():\n  a; import orjson; ANCHOR; b\n",
        "def f():\n  a; ANCHOR; import orjson; b\n",
    ),
    "string above": (
        "def f():\n    '''D\n    # no'''\n    ANCHOR\n",
        "def f():\n    '''D\n    # no'''\n    import orjson\n    ANCHOR\n",
        "def f():\n    '''D\n    # no'''\n    ANCHOR\n    import orjson\n",
    ),
    "no final newline": (
        "if x:\n    ANCHOR",
        "if x:\n    import orjson\n    ANCHOR",
        "if x:\n    ANCHOR\n    import orjson",
    ),
}


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize(("text", "before", "after"), SCOPED.values(), ids=SCOPED.keys())
def test_insert_in_scope_stays_in_the_block(text: str, before: str, after: str, newline: str) -> None:
    """An import beside a statement belongs to the same block, on a line of its own where there can be one."""
    text, before, after = (part.replace("\n", newline) for part in (text, before, after))
    tree = ast.parse(text)
    anchor = next(node for node in ast.walk(tree) if isinstance(node, ast.Expr) and ast.unparse(node) == "ANCHOR")
    assert _apply(text, (insert_in_scope(text, tree, anchor, "orjson"),)) == before
    assert _apply(text, (insert_in_scope(text, tree, anchor, "orjson", after=True),)) == after


def test_insert_in_scope_goes_above_decorators() -> None:
    """Before a decorated function means before its first decorator."""
    text = "if x:\n    @a\n    @b\n    def f(): pass\n"
    tree = ast.parse(text)
    anchor = next(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    done = _apply(text, (insert_in_scope(text, tree, anchor, "functools", "wraps"),))
    assert done == "if x:\n    from functools import wraps\n    @a\n    @b\n    def f(): pass\n"


def test_one_import_a_line_stays_so() -> None:
    """A file that imports each name in a statement of its own goes on doing so."""
    text = "from flask import Blueprint\nfrom flask import g\n"
    tree = ast.parse(text)
    found = place(text, tree, "flask", "current_app", first_party=frozenset(), style=ImportStyle())
    new = text[: found.span.start] + found.text + text[found.span.end :]
    assert new == "from flask import Blueprint\nfrom flask import current_app\nfrom flask import g\n"
