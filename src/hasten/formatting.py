"""Break rewritten lines that became too long as black would, in projects that use black [pure].

Only lines that a rewrite made longer than the project's limit are touched: what the person formatted in another way
stays in that way, and a project without `[tool.black]` is left to its own formatter.
"""

from __future__ import annotations

import posixpath
import tomllib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hasten.text import LineTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hasten.rewrite import Piece, Rewritten


#: Black's own default.
_LENGTH = 88


@dataclass(frozen=True, slots=True)
class BlackStyle:
    """The settings of `[tool.black]` that change how code is formatted."""

    line_length: int = _LENGTH
    normalize_strings: bool = True
    magic_trailing_comma: bool = True
    preview: bool = False
    targets: tuple[str, ...] = ()


def styles(texts: Mapping[str, str]) -> dict[str, BlackStyle]:
    """Return the style of each directory that sets one for black, by path; `texts` are metadata files by path."""
    found: dict[str, BlackStyle] = {}
    for path, text in sorted(texts.items()):
        if posixpath.basename(path) == "pyproject.toml" and "black" in text:
            try:
                settings = tomllib.loads(text).get("tool", {}).get("black")
            except (tomllib.TOMLDecodeError, AttributeError):
                continue
            if isinstance(settings, dict):
                found[posixpath.dirname(path)] = _style(settings)
    return found


def style_for(path: str, known: Mapping[str, BlackStyle]) -> BlackStyle | None:
    """Return the style of the nearest directory above `path` that has one."""
    folder = path
    while folder and known:
        folder = posixpath.dirname(folder)
        if folder in known:
            return known[folder]
    return None


def _style(settings: dict[str, Any]) -> BlackStyle:
    length, targets = settings.get("line-length"), settings.get("target-version")
    return BlackStyle(
        length if isinstance(length, int) else _LENGTH,
        normalize_strings=not settings.get("skip-string-normalization", False),
        magic_trailing_comma=not settings.get("skip-magic-trailing-comma", False),
        preview=bool(settings.get("preview", False)),
        targets=tuple(str(each) for each in targets) if isinstance(targets, list) else (),
    )


def tidy(result: Rewritten, style: BlackStyle) -> Rewritten:
    """Return the result with lines that the islands made too long broken; what black cannot format is left."""
    if "\r" in result.text or not _too_long(result.text, style):
        return result
    placed = _placed(result.islands)
    long = [_made_too_long(result, piece, start, style) for piece, start in placed]
    if not any(long):
        return result
    # One call for all of them; where black wants to change more than that, each by itself.
    pieces = _together(result, placed, [number for each in long for number in each], style)
    if pieces is None:
        pieces = _one_by_one(result, placed, style)
    text = _joined(result.text, placed, pieces)
    if text == result.text or not _is_equivalent(result.text, text):
        return result
    return replace(result, text=text, islands=pieces)


def _made_too_long(result: Rewritten, piece: Piece, start: int, style: BlackStyle) -> list[int]:
    """Return the lines of a piece that are too long, if none was before."""
    if _too_long(result.middle[piece.span.start : piece.span.end], style):
        return []
    return _long_lines(result.text, start, start + len(piece.text), style)


def _together(
    result: Rewritten, placed: Sequence[tuple[Piece, int]], lines: Sequence[int], style: BlackStyle
) -> tuple[Piece, ...] | None:
    """Return the pieces with their lines formatted; None where anything else would change, too."""
    new = _formatted(result.text, lines, style)
    outside = _between(result.text, placed)
    if not new.startswith(outside[0]) or not new.endswith(outside[-1]):
        return None
    at, pieces = len(outside[0]), []
    for number, (piece, _) in enumerate(placed, start=1):
        last = number == len(placed)
        end = len(new) - len(outside[-1]) if last else new.find(outside[number], at)
        if end < at:
            return None
        pieces.append(replace(piece, text=new[at:end]))
        at = end + len(outside[number])
    return tuple(pieces)


def _one_by_one(result: Rewritten, placed: Sequence[tuple[Piece, int]], style: BlackStyle) -> tuple[Piece, ...]:
    """Return the pieces, each formatted where black changes nothing else for it."""
    pieces: list[Piece] = []
    for piece, start in placed:
        alone = result.text
        lines = _made_too_long(result, piece, start, style)
        new = _formatted(alone, lines, style) if lines else alone
        tail = len(alone) - start - len(piece.text)
        if new[:start] == alone[:start] and new[len(new) - tail :] == alone[len(alone) - tail :]:
            piece = replace(piece, text=new[start : len(new) - tail])  # noqa: PLW2901
        pieces.append(piece)
    return tuple(pieces)


def _between(text: str, placed: Sequence[tuple[Piece, int]]) -> list[str]:
    """Return the stretches of the text before, between and after the pieces."""
    found, at = [], 0
    for piece, start in placed:
        found.append(text[at:start])
        at = start + len(piece.text)
    return [*found, text[at:]]


def _joined(text: str, placed: Sequence[tuple[Piece, int]], pieces: Sequence[Piece]) -> str:
    """Return the text with `pieces` where those of `placed` stand."""
    first, *others = _between(text, placed)
    return first + "".join(piece.text + other for piece, other in zip(pieces, others, strict=True))


def _placed(pieces: Sequence[Piece]) -> list[tuple[Piece, int]]:
    """Return each piece with the offset at which it stands in the new text, in order."""
    placed: list[tuple[Piece, int]] = []
    grown = 0
    for piece in sorted(pieces, key=lambda each: each.span):
        placed.append((piece, piece.span.start + grown))
        grown += len(piece.text) - (piece.span.end - piece.span.start)
    return placed


def _too_long(text: str, style: BlackStyle) -> bool:
    return any(len(line) > style.line_length for line in text.split("\n"))


def _long_lines(text: str, start: int, end: int, style: BlackStyle) -> list[int]:
    """Return the numbers of the lines from offset `start` to `end` that are too long."""
    table = LineTable(text)
    first, last = table.position(start).line, table.position(end).line
    spans = ((number, table.line_span(number)) for number in range(first, last + 1))
    return [number for number, span in spans if len(text[span.start : span.end].rstrip("\n")) > style.line_length]


def _formatted(text: str, lines: Sequence[int], style: BlackStyle) -> str:
    """Return the text with some lines formatted, or as it is where black fails."""
    # Imported late: it takes a third of a second, and few runs make a line too long.
    import black
    from black.mode import TargetVersion

    mode = black.Mode(
        target_versions={each for each in TargetVersion if each.name.lower() in style.targets},
        line_length=style.line_length,
        string_normalization=style.normalize_strings,
        magic_trailing_comma=style.magic_trailing_comma,
        preview=style.preview,
    )
    try:
        return black.format_str(text, mode=mode, lines=[(number, number) for number in lines])
    except Exception:  # noqa: BLE001 - black's errors have no common class, and a long line is no reason to fail
        return text


def _is_equivalent(old: str, new: str) -> bool:
    """Tell whether two texts are the same program, as black itself checks it."""
    import black

    try:
        black.assert_equivalent(old, new)
    except Exception:  # noqa: BLE001 - as above
        return False
    return True
