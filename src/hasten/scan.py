"""Decide from a file's bytes whether it is worth parsing."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from hasten.index.wants import Kind, Want


#: Tells whether an occurrence of a word, between two offsets, is one that a want is about.
Fits: TypeAlias = "Callable[[bytes, int, int], bool]"
#: The bytes that identifiers are made of, as far as they are ASCII.
_PARTS = frozenset(bytes([each]) for each in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")
_IDENTIFIER = re.compile(rb"[A-Za-z0-9_]+")
#: Puts a space in the place of every other byte.
_APART = bytes(each if bytes([each]) in _PARTS else 32 for each in range(256))
_QUOTES = frozenset({b'"', b"'"})
_BEFORE_STORED = frozenset({b".", *_QUOTES})
#: So much space may stand between an object and the dot before its attribute, where they stand on two lines.
_MARGIN = 200
_SPACES = b" \t\f\r\n\\"
#: What follows the name in `a.NAME = 1`, `(a.NAME, b) = 1, 2`, `a.NAME |= 1`.
_STORED = re.compile(rb"(?![A-Za-z0-9_])[^\n(]*(?:<<|>>|(?<![=!<>]))=(?!=)")
#: What follows it in `"a.NAME"`, and what takes such names: setattr(app, "NAME", x), patch("app.NAME").
_QUOTED = re.compile(rb"\s*[\"']")
_SETTERS = (b"setattr", b"patch")
#: What comes before it in `for a.NAME in b:` and `with c as a.NAME:`, and not in `for b in a.NAME:`.
_LOOPED = re.compile(rb"\bfor\b(?!.*\bin\b)|\bas\b(?!.*:\s)")
_IMPORT = re.compile(rb"\bimport\b")
#: What is around a name on a line with nothing but names, in targets or imports that go over several lines.
_NAMED = rb"[A-Za-z0-9_.]+(?:[ \t]+as[ \t]+\w+)?[ \t]*"
_LISTED = re.compile(rb"[ \t]*(?:" + _NAMED + rb",[ \t]*)*[A-Za-z0-9_.]*\Z")
_LISTING = re.compile(
    rb"(?:[ \t]+as[ \t]+\w+)?[ \t]*(?:,[ \t]*" + _NAMED + rb")*,?[ \t]*[)\]]?[ \t]*(?:\#[^\n]*)?(?:\r|\n|\Z)"
)
_CALLED = re.compile(rb"\s*\(")


@lru_cache(maxsize=64)
def pattern(words: tuple[bytes, ...]) -> re.Pattern[bytes]:
    """Return an expression that finds any of `words`, each as a whole identifier."""
    return re.compile(
        rb"(?<![A-Za-z0-9_])(?:" + b"|".join(re.escape(each) for each in sorted(words)) + rb")(?![A-Za-z0-9_])"
    )


def triggers(data: bytes, words: Sequence[bytes]) -> bool:
    """Tell whether `data` holds any of `words` as a whole identifier."""
    # The plain searches run at memory speed and settle most files.
    return any(word in data for word in words) and pattern(tuple(words)).search(data) is not None


class Words(NamedTuple):
    """The identifiers in a file, as far as they are ASCII.

    Attributes:
        whole: all of them.
        imported: those on lines that import something, or seem to.
    """

    whole: frozenset[bytes]
    imported: frozenset[bytes]


def words_of(data: bytes) -> Words:
    """Return the identifiers in a file."""
    importing = b" ".join(line for line in data.splitlines() if b"import" in line)
    return Words(frozenset(data.translate(_APART).split()), frozenset(importing.translate(_APART).split()))


def encoded(words: Iterable[str]) -> frozenset[bytes]:
    """Return words as they stand in a file."""
    return frozenset(map(_encoded, words))


def bearing_on(wants: Iterable[Want]) -> Callable[[Words, Callable[[], bytes]], bool]:
    """Return a function that tells, by its words and by what gives its bytes, whether a file holds what is asked for.

    Right for UTF-8, and for identifiers in ASCII in any encoding that holds ASCII.
    """
    questions: dict[bytes, list[tuple[Fits, frozenset[str]]]] = {}
    patterns: list[re.Pattern[bytes]] = []
    for each in wants:
        if each.kind == "pattern":
            patterns.append(re.compile(_encoded(each.text)))
        else:
            questions.setdefault(_encoded(each.text), []).append((_FITS[each.kind], each.beside))
    words = {word for word in questions if _IDENTIFIER.fullmatch(word)}
    others = [word for word in questions if word not in words]

    def bears(words_there: Words, read: Callable[[], bytes]) -> bool:
        # Most files hold few of many words, so most bytes need not be looked at again.
        held = words & words_there.whole
        if not (held or others or patterns):
            return False
        data = read()
        if any(each.search(data) for each in patterns):
            return True
        held.update(word for word in others if word in data)
        return any(
            _holds(data, word, fits) and _names_any(data, beside) for word in held for fits, beside in questions[word]
        )

    return bears


def _encoded(word: str) -> bytes:
    return word.encode("utf-8", "surrogatepass")


def _holds(data: bytes, word: bytes, fits: Fits) -> bool:
    """Tell whether a word occurs at a place that fits; a pattern for each word would take longer to compile."""
    if not word.isascii():
        return word in data
    at = data.find(word)
    while at >= 0:
        if (not at or data[at - 1 : at] not in _PARTS) and fits(data, at, at + len(word)):
            return True
        at = data.find(word, at + 1)
    return False


def _is_whole(data: bytes, _at: int, end: int) -> bool:
    return end == len(data) or data[end : end + 1] not in _PARTS


def _is_called(data: bytes, at: int, end: int) -> bool:
    # `def word(` defines another function of that name, and calls none.
    return _CALLED.match(data, end) is not None and data[at - 4 : at] != b"def "


def _is_stored(data: bytes, at: int, end: int) -> bool:
    before = data[at - 1 : at]
    if before in _BEFORE_STORED and _QUOTED.match(data, end) is not None:
        return any(each in data for each in _SETTERS)
    return before == b"." and (
        _STORED.match(data, end) is not None or _LOOPED.search(_line(data, at)) is not None or _is_listed(data, at, end)
    )


def _is_read(data: bytes, at: int, end: int) -> bool:
    lead = data[max(0, at - _MARGIN) : at]
    before = lead.rstrip(_SPACES)[-1:]
    if before in _QUOTES:
        return _QUOTED.match(data, end) is not None
    # A comment may stand between the dot and a name on a line of its own.
    after_dot = before == b"." or (b"#" in lead and not _line(data, at).strip())
    return after_dot and _is_whole(data, at, end) and _CALLED.match(data, end) is None


def _is_imported(data: bytes, at: int, end: int) -> bool:
    return _is_whole(data, at, end) and (_IMPORT.search(_line(data, at)) is not None or _is_listed(data, at, end))


def _is_listed(data: bytes, at: int, end: int) -> bool:
    """Tell whether a name stands among names only, as in targets or imports that go over several lines."""
    return _LISTED.match(_line(data, at)) is not None and _LISTING.match(data, end) is not None


def _line(data: bytes, at: int) -> bytes:
    """Return what stands before a place on its line."""
    return data[max(data.rfind(b"\n", 0, at), data.rfind(b"\r", 0, at)) + 1 : at]


#: What tells, by the kind of a want, whether a place is one that it is about.
_FITS: dict[Kind, Fits] = {
    "word": _is_whole,
    "called": _is_called,
    "stored": _is_stored,
    "imported": _is_imported,
    "read": _is_read,
}


def _names_any(data: bytes, words: frozenset[str]) -> bool:
    return not words or any(_holds(data, _encoded(word), _is_whole) for word in words)
