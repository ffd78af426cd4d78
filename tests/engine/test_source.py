"""Bytes to text and back, judged by the compiler that runs the same bytes."""

from __future__ import annotations

import ast
import os
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hasten.errors import SourceError
from hasten.source import decode, decode_plain, encode, read, read_bytes, read_plain

BOM = b"\xef\xbb\xbf"

REFUSED = {
    "NUL": (b"x = 1\n\0", "NUL bytes"),
    "UTF-16": ("x = 1\n".encode("utf-16"), "NUL bytes"),
    "NUL beside a declaration": (b"# coding: latin-1\n\0", "NUL bytes"),
    "NUL by way of the codec": (b"# coding: utf-7\n# +AAA-\n", "NUL bytes"),
    "latin-1 without a declaration": (b"a = 1\r\nb = '\xe9'\n", "byte 0xe9 in line 2 is not UTF-8"),
    "lone CR counts as a line end": (b"a\rb\r\xe9", "in line 3"),
    "truncated UTF-8": (b"x = '\xe2\x82'", "is not UTF-8"),
    "UTF-8 surrogate": (b"x = '\xed\xa0\x80'", "is not UTF-8"),
    "unknown codec": (b"# coding: klingon\n", "'klingon', which is not a text encoding"),
    "codec from bytes to bytes": (b"# coding: hex\n", "'hex', which is not a text encoding"),
    "codec from text to text": (b"# coding: rot13\n", "'rot13', which is not a text encoding"),
    "codec that decodes nothing": (b"# coding: undefined\n", "cannot be decoded as the 'undefined'"),
    "wrong codec": (b"# coding: ascii\nx = '\xe9'\n", "cannot be decoded as the 'ascii'"),
    "byte order mark and latin-1": (BOM + b"# coding: latin-1\n", "byte order mark but declares 'iso-8859-1'"),
    "byte order mark and utf8": (BOM + b"# coding: utf8\n", "byte order mark but declares 'utf8'"),
    "byte order mark, line 2": (BOM + b"\n# coding: cp1252\n", "byte order mark but declares 'cp1252'"),
    "declaration in line 3": (b"#\n#\n# coding: latin-1\n\xe9", "is not UTF-8"),
    "declaration after code": (b"x = 1\n# coding: latin-1\n\xe9", "is not UTF-8"),
    "one of two ways to write it": (b"# coding: utf-7\nx = '+AEE-'\n", "would not be written back"),
    "escape codec": (b"# coding: unicode_escape\nx = '\\x41'\n", "would not be written back"),
    "surrogate by way of the codec": (b"# coding: utf-7\n# +2AA-a\n", "would not be written back"),
    "utf-16 under an ASCII declaration": (b"# coding: utf-16\nx = 12\n", "would not be written back"),
}

ACCEPTED = {
    "empty": (b"", "", "utf-8"),
    "ASCII": (b"x = 1", "x = 1", "utf-8"),
    "UTF-8": ("é = '€'\n".encode(), "é = '€'\n", "utf-8"),
    "byte order mark": (BOM + b"x\n", "x\n", "utf-8"),
    "byte order mark alone": (BOM, "", "utf-8"),
    "two byte order marks": (BOM + BOM + b"x\n", "\ufeffx\n", "utf-8"),
    "byte order mark and utf-8": (BOM + b"# coding: UTF_8-unix\n", "# coding: UTF_8-unix\n", "utf-8"),
    "all line ends": (b"a\rb\r\nc\n\x0cd\x0b\x1c\xc2\x85", "a\rb\r\nc\n\x0cd\x0b\x1c\x85", "utf-8"),
    "line 1": (b"# -*- coding: latin-1 -*-\n'\xe9'", "# -*- coding: latin-1 -*-\n'é'", "iso-8859-1"),
    "line 2": (b"#!/bin/python\n# vim: fileencoding=cp1252\n'\x80'", None, "cp1252"),
    "line 2 after a lone CR": (b"\r# coding: latin-1\r'\xe9'", None, "iso-8859-1"),
    "line 2 after a form feed": (b"\x0c \t\n\x0c# coding: latin-1\n'\xe9'", None, "iso-8859-1"),
    "other bytes in the declaring line": (b"# coding: latin-1 \xe9\n", "# coding: latin-1 é\n", "iso-8859-1"),
    "other bytes in the line before": (b"# \xe9\n# coding: latin-1\n", "# é\n# coding: latin-1\n", "iso-8859-1"),
    "editor suffix": (b"# coding: iso-latin-1-unix\n# \xe9", "# coding: iso-latin-1-unix\n# é", "iso-8859-1"),
    "a coding that declares nothing": ("# coding:\n'é'".encode(), "# coding:\n'é'", "utf-8"),
    "declaration in code": (b"x = '# coding: latin-1'\n", "x = '# coding: latin-1'\n", "utf-8"),
    "Japanese": ("# coding: shift_jis\n'日本'\n".encode("shift_jis"), None, "shift_jis"),
    "stateful": ("# coding: iso-2022-jp\n'日本'\n".encode("iso-2022-jp"), None, "iso-2022-jp"),
}


def meaning(code: bytes | str) -> str | None:
    """Return what the compiler makes of `code`, None when it refuses it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd escapes and numbers are no matter here
        try:
            return ast.dump(ast.parse(code))
        except (SyntaxError, ValueError):
            return None


@pytest.mark.parametrize(("data", "said"), REFUSED.values(), ids=REFUSED)
def test_refused(data: bytes, said: str) -> None:
    """Bytes that have no certain text are refused with the reason and a remedy."""
    with pytest.raises(SourceError) as caught:
        decode("a.py", data)
    assert caught.value.kind == "decode"
    assert said in str(caught.value)
    assert ";" in str(caught.value)


@pytest.mark.parametrize(("data", "text", "encoding"), ACCEPTED.values(), ids=ACCEPTED)
def test_accepted(data: bytes, text: str | None, encoding: str) -> None:
    """Accepted bytes give the text that Python sees, with every line end kept, and are written back as they were."""
    source = decode("a.py", data)
    assert (source.path, source.data, source.encoding, source.bom) == ("a.py", data, encoding, data.startswith(BOM))
    assert source.text == (text if text is not None else data.decode(encoding))
    assert encode(source, source.text) == data


FRAGMENTS = [
    *(b"\n", b"\r", b"\r\n", b"\x0c", b" ", b"#", b"# ", b"# coding: ", b"coding=", b"latin-1", b"utf-8", b"utf8"),
    *(b"utf-7", b"shift_jis", b"ascii", b"iso-2022-jp", b"-", b"+AOk-", b"\x1b$B", b"\x1b(B", b"'", b"x = '", b"\\"),
    *(b"\xe9", b"\xc3\xa9", b"\x82\xa0", b"\x80", BOM, b"klingon", b";", b"\x85", b"\xc2\x85", b"pass\n"),
]


@settings(max_examples=600, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=10).map(b"".join) | st.binary(max_size=40))
def test_reads_as_the_compiler_does(data: bytes) -> None:
    """Whatever is accepted means to the compiler, as text, what it means as bytes, and comes back unchanged."""
    try:
        source = decode("a.py", data)
    except SourceError:
        return
    assert encode(source, source.text) == data
    # The compiler takes a second byte order mark in bytes, and the first in a text, for a stray character.
    assert meaning(source.text) == meaning(data)


@given(st.text(max_size=40), st.booleans())
def test_any_text_survives(text: str, bom: bool) -> None:
    """UTF-8 text is decoded to itself, with and without a byte order mark, unless it holds NUL or a declaration."""
    data = (BOM if bom else b"") + ("#\n#\n" + text.replace("\0", "")).encode()
    source = decode("a.py", data)
    assert source.text == "#\n#\n" + text.replace("\0", "")
    assert encode(source, source.text) == data


def test_a_character_that_the_codec_lacks() -> None:
    """New text that the file's encoding cannot hold is refused, and the character is named."""
    source = decode("a.py", b"# coding: latin-1\n")
    with pytest.raises(SourceError, match=r"'€' \(U\+20AC\), which iso-8859-1 cannot hold") as caught:
        encode(source, source.text + "# €\n")
    assert caught.value.kind == "write"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        pytest.param(b"#!/bin/sh\n# coding: latin-1\n", "#!/bin/sh\nimport x\n# coding: latin-1\n", id="pushed down"),
        pytest.param(b"# coding: latin-1\n", "pass\n", id="removed"),
        pytest.param(b"# coding: latin-1\n", "# coding: cp1252\n", id="altered"),
        pytest.param(b"pass\n", "# coding: latin-1\n", id="added"),
    ],
)
def test_a_declaration_that_would_lie(data: bytes, text: str) -> None:
    """New text that Python would read in another encoding than it is written in is refused."""
    with pytest.raises(SourceError, match="the line that declares") as caught:
        encode(decode("a.py", data), text)
    assert caught.value.kind == "write"


def test_text_that_the_codec_would_change() -> None:
    """New text that would be read back as another text is refused: Shift JIS writes a yen sign as a backslash."""
    source = decode("a.py", b"# coding: shift_jis\n")
    with pytest.raises(SourceError, match="would not be read back") as caught:
        encode(source, "# coding: shift_jis\n# ¥\n")
    assert caught.value.kind == "write"


def test_plain_files_are_utf8() -> None:
    """A file that is not Python is UTF-8 whatever its first lines say, and keeps its byte order mark."""
    source = decode_plain("requirements.txt", BOM + "# coding: latin-1\r\nname  # é\r\n".encode())
    assert (source.text, source.encoding, source.bom) == ("# coding: latin-1\r\nname  # é\r\n", "utf-8", True)
    assert encode(source, source.text) == source.data
    with pytest.raises(SourceError, match=r"byte 0xe9 in line 2 is not UTF-8; convert it to UTF-8$"):
        decode_plain("setup.cfg", b"\n\xe9")
    with pytest.raises(SourceError, match="NUL"):
        decode_plain("setup.cfg", b"\0")


def test_read(tmp_path: Path) -> None:
    """Files are read below the root, through links, as bytes, as Python and as plain text."""
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg/a.py").write_bytes(b"# coding: latin-1\r\n'\xe9'")
    (tmp_path / "link.py").symlink_to("pkg/a.py")
    assert read(tmp_path, "pkg/a.py").text == "# coding: latin-1\r\n'é'"
    assert read(tmp_path, "link.py").path == "link.py"
    assert read_bytes(tmp_path, "link.py") == b"# coding: latin-1\r\n'\xe9'"
    with pytest.raises(SourceError, match="is not UTF-8"):
        read_plain(tmp_path, "link.py")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("gone.py", "there is no such file"),
        ("dangling.py", "there is no such file"),
        ("directory.py", "it is a directory"),
        ("loop.py", "leads back to itself"),
        ("pipe.py", "not a regular file"),
        ("file.py/a.py", "not a directory"),
        (f"{'a' * 300}.py", "longer than the system allows"),
        ("nul\0.py", "NUL character"),
    ],
)
def test_unreadable(tmp_path: Path, path: str, said: str) -> None:
    """What cannot be read is refused at once with the reason, a pipe that nobody writes to included."""
    (tmp_path / "file.py").touch()
    (tmp_path / "directory.py").mkdir()
    (tmp_path / "dangling.py").symlink_to("nowhere")
    (tmp_path / "loop.py").symlink_to("loop.py")
    os.mkfifo(tmp_path / "pipe.py")
    with pytest.raises(SourceError, match=said) as caught:
        read(tmp_path, path)
    assert caught.value.kind == "read"
