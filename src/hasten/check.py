"""Prove what can be proved about a rewritten file before anyone sees it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from hasten.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hasten.rewrite import Piece, Rewritten


def check(path: str, before: str, result: Rewritten) -> None:
    """Raise unless the result parses, compiles, and kept every character outside the replaced stretches.

    Args:
        path: named in the message.
        before: the old text.
        result: what `hasten.rewrite.rewrite` made of it.

    Raises:
        SourceError: of kind `internal`; the file must stay as it is.
    """
    try:
        with warnings.catch_warnings():
            # The user's own `"\d"` and `x is 1` are none of our business.
            warnings.simplefilter("ignore")
            compile(result.text, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise SourceError(
            "internal", f"the rewritten text would not compile ({error}); the file is left as it is, please report this"
        ) from error
    if _outside(before, result.replaced) != _kept(result.middle, result.replaced):
        raise SourceError(
            "internal", "an import edit moved text outside its place; the file is left as it is, please report this"
        )
    if _outside(result.middle, result.islands) != _kept(result.text, result.islands):
        raise SourceError(
            "internal", "a rewrite moved text outside its island; the file is left as it is, please report this"
        )


def _outside(text: str, pieces: Sequence[Piece]) -> list[str]:
    """Return the stretches of the old text between the pieces."""
    kept: list[str] = []
    at = 0
    for piece in sorted(pieces, key=lambda each: each.span):
        kept.append(text[at : piece.span.start])
        at = piece.span.end
    return [*kept, text[at:]]


def _kept(text: str, pieces: Sequence[Piece]) -> list[str]:
    """Return the stretches of the new text between the pieces."""
    kept: list[str] = []
    at = 0
    grown = 0
    for piece in sorted(pieces, key=lambda each: each.span):
        start = piece.span.start + grown
        kept.append(text[at:start])
        at = start + len(piece.text)
        grown += len(piece.text) - (piece.span.end - piece.span.start)
    return [*kept, text[at:]]
