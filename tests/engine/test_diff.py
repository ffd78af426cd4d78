"""Diffs, judged by `git apply`: what it makes of them must be the new file, byte for byte."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hasten.diff import unified

if TYPE_CHECKING:
    from pathlib import Path


class Case(NamedTuple):
    """One file before and after; `before` is None where it is created."""

    path: str
    before: bytes | None
    after: bytes


def git(repository: Path, *arguments: str, data: bytes = b"") -> bytes:
    """Run git apart from the configuration of the machine, and return what it prints."""
    clean = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    ran = subprocess.run(["git", *arguments], cwd=repository, input=data, env=clean, capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr.decode(errors="replace")
    return ran.stdout


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty git repository."""
    path = tmp_path_factory.mktemp("repository")
    git(path, "init", "--quiet")
    return path


def check(repository: Path, cases: list[Case], context: int) -> None:
    """Let git apply one patch with the diffs of all cases, and compare the files."""
    patch = b""
    for path, before, after in cases:
        target = repository / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        if before is not None:
            target.write_bytes(before)
        patch += unified(path, before or b"", after, context=context, created=before is None)
    if patch:
        options = [] if context else ["--unidiff-zero"]
        git(repository, "apply", *options, "--check", data=patch)
        git(repository, "apply", *options, data=patch)
    for path, _, after in cases:
        target = repository / path
        assert target.read_bytes() == after
        target.unlink()


LINES = st.sampled_from(
    [
        *(b"\n", b"a\n", b"b\n", b"c\n", b"    return x\n", b"\r\n", b"a\r\n", b"\r", b"a\rb\n", b"\x0c\n", b"\t\n"),
        *(b"\xe9\n", b"\xef\xbb\xbf", b"\x85\n", b"\xe2\x80\xa8\n", b" \n", b"x", b"-- a\n", b"++ b\n"),
        *(b"@@ -1 +1 @@\n", b"\\ No newline at end of file\n", b"diff --git a/x b/x\n"),
    ],
)
CONTENT = st.lists(LINES, max_size=14).map(b"".join)


@st.composite
def edited(draw: st.DrawFn) -> tuple[bytes | None, bytes]:
    """Draw a file and a version of it with a few lines replaced, as a codemod would, or with nothing in common."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.none() | CONTENT), draw(CONTENT)
    lines = draw(st.lists(LINES | st.binary(max_size=3), max_size=40))
    after = list(lines)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(after)))
        end = min(len(after), start + draw(st.integers(0, 3)))
        after[start:end] = draw(st.lists(LINES, max_size=3))
    return b"".join(lines), b"".join(after)


@settings(max_examples=150, deadline=None)
@given(pairs=st.lists(edited(), min_size=1, max_size=8), context=st.integers(0, 4))
def test_git_applies_it(repository: Path, pairs: list[tuple[bytes | None, bytes]], context: int) -> None:
    """For any two versions and any context, git turns the old bytes into the new ones."""
    check(repository, [Case(f"f{number}.py", *pair) for number, pair in enumerate(pairs)], context)


@settings(max_examples=40, deadline=None)
@given(name=st.text(st.sampled_from(" \"\\\t\n\r\x01\x7fa'é€𝄞{$`*#-"), min_size=1, max_size=8), created=st.booleans())
def test_git_reads_any_path(repository: Path, name: str, created: bool) -> None:
    """Paths with spaces, quotes, backslashes, control characters and letters of any script are written git's way."""
    check(repository, [Case(f"d {name}/{name}", None if created else b"a\n", b"b\n")], 3)


def test_git_reads_a_path_that_is_no_text(repository: Path) -> None:
    """A file name that is not UTF-8 is written as the bytes that it is."""
    path = os.fsdecode(b"caf\xe9.py")
    assert b'--- "a/caf\\351.py"\n' in unified(path, b"a\n", b"b\n")
    check(repository, [Case(path, b"a\n", b"b\n")], 3)


@pytest.mark.parametrize("context", [0, 1, 3])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b"a\n"),
        (b"", b"a"),
        (b"a\n", b""),
        (b"a", b""),
        (b"a", b"a\n"),
        (b"a\n", b"a"),
        (b"a\nb", b"x\nb"),
        (b"a\nb", b"a\nc"),
        (b"a\nb\n", b"a\nc"),
        (b"a\r\nb\r\n", b"a\nb\r\n"),
        (b"a\rb\rc", b"a\rX\rc"),
        (b"\n" * 20, b"\n" * 21),
        (b"a\n", b"x\na\n"),
        (b"a\n", b"a\nx\n"),
        (None, b""),
        (None, b"a\nb"),
        (None, b"\n"),
    ],
)
def test_edges(repository: Path, before: bytes | None, after: bytes, context: int) -> None:
    """Empty files, missing final newlines, foreign line ends and new files are applied with every context."""
    check(repository, [Case("pkg/a.py", before, after)], context)


def test_what_it_looks_like() -> None:
    """The text is what `git diff` prints, apart from its index line and function names."""
    before = b"".join(b"%d\n" % number for number in range(1, 21)) + b"end"
    after = before.replace(b"\n2\n", b"\ntwo\n").replace(b"\n19\n", b"\n") + b"\n"
    assert unified("a b.py", before, after, context=1) == (
        b"diff --git a/a b.py b/a b.py\n--- a/a b.py\t\n+++ b/a b.py\t\n"
        b"@@ -1,3 +1,3 @@\n 1\n-2\n+two\n 3\n"
        b"@@ -18,4 +18,3 @@\n 18\n-19\n 20\n-end\n\\ No newline at end of file\n+end\n"
    )
    assert unified("a.py", b"", b"a\n", created=True) == (
        b"diff --git a/a.py b/a.py\nnew file mode 100644\n--- /dev/null\n+++ b/a.py\n@@ -0,0 +1 @@\n+a\n"
    )
    assert unified("a.py", b"a\nb\nc\n", b"a\nc\n", context=0).endswith(b"@@ -2 +1,0 @@\n-b\n")


def test_where_hunks_meet() -> None:
    """Two differences share a hunk exactly when their context would touch or overlap, as in git."""
    before = b"1\n2\n3\n4\n5\n6\n7\n8\n"
    assert unified("a.py", before, b"1\nX\n3\n4\n5\nX\n7\n8\n", context=1).count(b"\n@@ ") == 2
    assert unified("a.py", before, b"1\nX\n3\n4\nX\n6\n7\n8\n", context=1).count(b"\n@@ ") == 1


def test_frequent_lines_are_no_noise() -> None:
    """Where every line occurs often, a changed line is still shown as one line."""
    lines = [b"%d\n" % (number * number % 7919 % 11) for number in range(300)]
    before = b"".join(lines)
    after = b"".join([b"new\n", *lines[1:150], b"new\n", *lines[151:-1], b"new\n"])
    assert unified("a.py", before, after, context=0).count(b"\n") == 3 + 3 * 3


def test_nothing_to_show() -> None:
    """Equal versions have no diff, unless the file is new."""
    assert unified("a.py", b"a\n", b"a\n") == b""
    assert unified("a.py", b"", b"", created=True) == b"diff --git a/a.py b/a.py\nnew file mode 100644\n"


@settings(max_examples=60, deadline=None)
@given(pair=edited())
def test_no_larger_than_needed(repository: Path, pair: tuple[bytes | None, bytes]) -> None:
    """With few edits, hardly more lines are shown than in git's own smallest diff."""
    before, after = pair[0] or b"", pair[1]
    (repository / "old").write_bytes(before)
    (repository / "new").write_bytes(after)
    command = ["git", "diff", "--no-index", "--minimal", "--text", "-U0", "old", "new"]
    smallest = subprocess.run(command, cwd=repository, capture_output=True, check=False).stdout.count(b"\n")
    # Repeated lines can be paired up in several ways, and ours is not always the shortest.
    assert unified("old", before, after, context=0).count(b"\n") <= smallest + 14


def test_a_large_file_with_few_edits(repository: Path) -> None:
    """In a long file of mostly repeated lines, edits at both ends make two small hunks."""
    body = b"".join(b"def f%d(x):\n    return x\n\n\n" % number for number in range(9_000))
    before = b"import json\n" + body + b"json.dumps(1)\n"
    after = b"import orjson\n" + body + b"orjson.dumps(1)\n"
    assert unified("a.py", before, after, context=0).count(b"\n") == 3 + 2 * 3
    check(repository, [Case("a.py", before, after)], 3)


def test_a_large_file_without_a_unique_line(repository: Path) -> None:
    """Versions for which a comparison line by line would take minutes still have a diff that git applies."""
    before = b"x\ny\ny\n" * 20_000
    check(repository, [Case("a.py", before, b"y\n" + before.replace(b"x\ny", b"y\nx") + b"z")], 3)
