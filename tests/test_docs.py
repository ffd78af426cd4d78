"""The documentation: generated pages are current, and what people are told to type exists."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from hasten import docsgen, registry
from hasten.api import Code, Codemod
from hasten.cli.main import commands

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
CODES = [(codemod, code) for codemod in registry.load() for code in codemod.codes]

_FENCE = re.compile(r"^(`{3,})(\w*)\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_INLINE = re.compile(r"`([^`\n]+)`")


def read(page: Path) -> str:
    """Return a page's text."""
    return page.read_text(encoding="utf-8")


def prose(page: Path) -> str:
    """Return a page's text without its code blocks."""
    return _FENCE.sub("", read(page))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and MkDocs both make them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def typed_commands(page: Path) -> Iterator[list[str]]:
    """Yield the words of each `hasten` command line that a page shows, in a console block or in the text."""
    blocks = (block for _, language, block in _FENCE.findall(read(page)) if language == "console")
    lines = [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    lines += _INLINE.findall(prose(page))
    for line in lines:
        words = line.partition("#")[0].split()
        if words[:1] == ["hasten"]:
            # Words in capitals or brackets stand for something else.
            yield [word for word in words[1:] if word.startswith("-") or not (word.isupper() or word.startswith("["))]


def docsgen_process(*arguments: str, path: str = "") -> subprocess.CompletedProcess[str]:
    """Run `python -m hasten.docsgen`, with `path` in front of what Python imports from."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [path, os.environ.get("PYTHONPATH")]))}
    command = [sys.executable, "-m", "hasten.docsgen", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


_THIRD_PARTY = '''"""Say it in fewer words.

Because words cost time.
"""

from hasten.api import Code, Codemod, Option


class FewerWords(Codemod):
    contract = "The meaning stays."
    codes = (
        Code("WORD002", "refusal", "no | words", "There is nothing to say.", "Say nothing."),
        Code("WORD001", "hazard", "two files", "Two files say it.", ""),
    )
    options = (Option("limit", int, 3, "words in a sentence"),)

    def analyse(self, program, settings):
        return iter(())

    def transformer(self):
        raise NotImplementedError
'''
_THIRD_PARTY_PAGE = """
# fewer-words

Say it in fewer words.

Because words cost time.

## Contract

The meaning stays.

## Example

```diff
-say("a word too many")
+say("less")
 done()
```

## Options

They are set in `[tool.hasten.fewer-words]`, or with `--set fewer-words.OPTION=VALUE`.

| option | type | default | what it does |
| --- | --- | --- | --- |
| `limit` | `int` | `3` | words in a sentence |

## Codes

| code | kind | what |
| --- | --- | --- |
| [WORD001](../codes/WORD001.md) | hazard | two files |
| [WORD002](../codes/WORD002.md) | refusal | no \\| words |
"""
_HAZARD_PAGE = '''
# WORD001: two files

A hazard: the change is made only with `--unsafe` or `--accept WORD001`.

Given by [fewer-words](../codemods/fewer_words.md).

Two files say it.

## Example

`a.py`:

```diff
-a
+b
```

`b.py`:

Left as it is:

````python
"""```"""
````
'''
_REFUSAL_PAGE = """
# WORD002: no | words

A refusal: the place is left as it is, and reported.

Given by [fewer-words](../codemods/fewer_words.md).

There is nothing to say.

## What to do

Say nothing.

## Example

Left as it is:

```python
pass
```
"""


def test_generated_pages_are_current() -> None:
    """The committed pages about codemods and codes are what docsgen writes."""
    assert docsgen.differences(DOCS, docsgen.checkout_pages(ROOT)) == ()


def test_the_command_line_page_is_current() -> None:
    """The committed page about the command line is what the commands say."""
    script = ROOT / "tests" / "cli_reference.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("codemod", "code"), CODES, ids=[code.code for _, code in CODES])
def test_every_code_has_a_page_with_an_example(codemod: Codemod, code: Code) -> None:
    """A code's page starts with the code and its title, and shows a fixture where it is given."""
    page = read(DOCS / "codes" / f"{code.code}.md")
    assert f"\n# {code.code}: {code.title}\n" in page
    assert "\n## Example\n" in page
    assert f"[{codemod.name}](../codemods/{docsgen.snake(codemod)}.md)" in page


def test_every_codemod_has_a_page() -> None:
    """Every codemod of this repository has a page, and the index names it."""
    names = [codemod.name for codemod in registry.load()]
    assert names
    index = read(DOCS / "codemods" / "index.md")
    assert [name for name in names if f"[{name}]({name.replace('-', '_')}.md)" not in index] == []
    assert [name for name in names if not (DOCS / "codemods" / f"{name.replace('-', '_')}.md").is_file()] == []


def test_docsgen_check_names_what_differs(tmp_path: Path) -> None:
    """`--check` fails for a page that was edited, is missing or is left over; writing mends all three."""
    shutil.copytree(ROOT / "fixtures", tmp_path / "fixtures")
    root = ("--root", str(tmp_path))
    assert docsgen_process(*root).returncode == 0
    written = {path: path.read_bytes() for path in sorted((tmp_path / "docs").rglob("*.md"))}
    assert docsgen_process("--check", *root).returncode == 0

    edited, missing, *_ = sorted((tmp_path / "docs" / "codes").glob("*.md"))
    left_over = edited.with_name("ZZZ999.md")
    by_hand = edited.with_name("notes.md")
    edited.write_text(docsgen.MARK + "\nedited\n", encoding="utf-8")
    missing.unlink()
    left_over.write_text(docsgen.MARK, encoding="utf-8")
    by_hand.write_text("# Written by a person\n", encoding="utf-8")
    checked = docsgen_process("--check", *root)
    assert checked.returncode == 1
    named = [line.partition(" ")[0] for line in checked.stderr.splitlines()]
    assert named == [f"docs/codes/{page.name}" for page in (edited, missing, left_over)]

    assert docsgen_process(*root).returncode == 0
    by_hand.unlink()
    assert {path: path.read_bytes() for path in sorted((tmp_path / "docs").rglob("*.md"))} == written


def test_docsgen_documents_a_third_party(tmp_path: Path) -> None:
    """A package that declares the entry point gets pages from its own fixtures, and none about our codemods."""
    files = {
        "acme-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: acme\nVersion: 1\n",
        "acme-1.dist-info/entry_points.txt": "[hasten.codemods]\nacme = acme_codemods\n",
        "acme_codemods/__init__.py": "",
        "acme_codemods/fewer_words.py": _THIRD_PARTY,
        "fixtures/fewer_words/example.py": 'say("a word too many")\ndone()\n# --- after ---\nsay("less")\ndone()\n',
        "fixtures/fewer_words/word001_twice/before/a.py": "a\n",
        "fixtures/fewer_words/word001_twice/before/b.py": '"""```"""\n',
        "fixtures/fewer_words/word001_twice/after/a.py": "b\n",
        "fixtures/fewer_words/word002_none.py": "# case: refusals WORD002\r\npass\r\n",
        "fixtures/fewer_words/word002_other.py": "# case: refusals WORD002\n...\n",
    }
    for name, text in files.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
    done = docsgen_process("--root", str(tmp_path), path=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    pages = {page.relative_to(tmp_path).as_posix(): read(page) for page in (tmp_path / "docs").rglob("*.md")}
    assert sorted(pages) == [
        "docs/codemods/fewer_words.md",
        "docs/codemods/index.md",
        "docs/codes/WORD001.md",
        "docs/codes/WORD002.md",
        "docs/codes/index.md",
    ]
    assert pages["docs/codemods/fewer_words.md"] == docsgen.MARK + _THIRD_PARTY_PAGE
    assert pages["docs/codes/WORD001.md"] == docsgen.MARK + _HAZARD_PAGE
    assert pages["docs/codes/WORD002.md"] == docsgen.MARK + _REFUSAL_PAGE
    assert "| [fewer-words](fewer_words.md) | Say it in fewer words. |" in pages["docs/codemods/index.md"]
    assert "| [WORD001](WORD001.md) | hazard | two files |" in pages["docs/codes/index.md"]


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        ("import json\n", "import json\n", None),
        ("# case: refusals JSON101\nimport json\n", "import json\n", None),
        ("# case: unsafe\na\n# --- after ---\nb\n", "a\n", "b\n"),
        ("a\n# --- after ---\n", "a\n", ""),
        ('"""\n    # --- after ---\n"""\n', '"""\n    # --- after ---\n"""\n', None),
    ],
)
def test_parts_of_a_case(text: str, before: str, after: str | None) -> None:
    """A fixture's header is left out, and only a marker in the first column parts it."""
    assert docsgen.parse_case("x.py", text) == docsgen.Case("x.py", before, after)


@pytest.mark.parametrize("page", PAGES, ids=[page.relative_to(ROOT).as_posix() for page in PAGES])
def test_links_resolve(page: Path) -> None:
    """Every relative link leads to a file of the repository, and to a heading where it names one."""
    broken = []
    for link in _LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=[page.relative_to(ROOT).as_posix() for page in PAGES])
def test_commands_exist(page: Path) -> None:
    """Every `hasten` command that a page shows exists, with the options that it is shown with."""
    context = click.Context(commands, info_name="hasten", **commands.context_settings)
    known = {name: commands.get_command(context, name) for name in commands.list_commands(context)}
    for words in typed_commands(page):
        options = {spelling for parameter in commands.get_params(context) for spelling in parameter.opts}
        name = next((word for word in words if not word.startswith("-")), None)
        if name is not None:
            found = known.get(name)
            assert found is not None, words
            options |= {spelling for parameter in found.get_params(context) for spelling in parameter.opts}
        assert [word for word in words if word.startswith("-") and word != "-" and word not in options] == [], words


def test_make_targets_exist() -> None:
    """Every `make` target that a page names is in the Makefile, and has a line of help."""
    targets = set(re.findall(r"^([a-z-]+):.*## ", read(ROOT / "Makefile"), re.MULTILINE))
    named = {
        word
        for page in PAGES
        for line in re.findall(r"(?:^\$ |`)make ([^`#\n]+)", read(page), re.MULTILINE)
        for word in line.split()
        if "=" not in word
    }
    assert named - targets == set()
    assert {"demo", "test", "docs"} <= named


def test_the_demo_runs(tmp_path: Path) -> None:
    """`make demo` changes the service, its tests pass on what comes out, and undo leaves nothing behind."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    # It runs elsewhere, so a relative PYTHONPATH would not lead to the sources.
    sources = os.pathsep.join(str(ROOT / root) for root in ("src", "codemods"))
    environment = os.environ | {"PATH": path, "TMPDIR": str(tmp_path), "PYTHONPATH": sources}
    done = subprocess.run(
        [DOCS / "demo" / "run.sh"], capture_output=True, text=True, check=False, cwd=tmp_path, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^\+.*orjson\.dumps\(", done.stdout, re.MULTILINE)
    assert re.search(r"^\d+ passed", done.stdout, re.MULTILINE)
    assert done.stdout.endswith("Nothing differs.\n")
    assert list(tmp_path.iterdir()) == []
