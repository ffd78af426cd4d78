"""Connections that could be converted, and stay for what is the matter with others, or with what opens them.

This is asked last, once it is known what stops the others: a reason that nobody mends is worth more than one of these.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from hasten.api import Change, Finding, Position, Refusal, Use
from hasten_codemods.sqlite3_to_aiosqlite.exchanges import Exchanges
from hasten_codemods.sqlite3_to_aiosqlite.lives import Unfit
from hasten_codemods.sqlite3_to_aiosqlite.others import Others

#: Where something is opened, for people.
Place = tuple[str, Position]


def held(uses: Iterable[Use], found: Sequence[Finding], exchanges: Exchanges, others: Others) -> dict[Place, Unfit]:
    """Return which connections have to stay as well, and why; nothing where all that converts may do so."""
    converted = {(edit.path, edit.start) for each in found if isinstance(each, Change) for edit in each.edits}
    opening = [each for each in uses if each.call is not None]
    exchanged = {place_of(each): why for each in opening if (why := exchanges.trouble(each)) is not None}
    stays = [each for each in others.uses if place_of(each) not in converted or place_of(each) in exchanged]
    result = {place_of(each): others.apart(each, stays[0].place) for each in others.uses if stays} | exchanged
    return result if converted & result.keys() else {}


def merged(first: Sequence[Finding], second: Sequence[Finding], held: Mapping[Place, Unfit]) -> list[Finding]:
    """Return the second findings, with the first ones' reasons for what stayed already then.

    Each of the two stands behind the other: whoever mends the one meets the other.
    """
    told = {(each.path, each.start): each for each in first if isinstance(each, Refusal)}
    behind = {code for place in held if place in told for code in (told[place].code, *told[place].behind)}
    return [_merged(each, told, held, behind) if isinstance(each, Refusal) else each for each in second]


def _merged(refusal: Refusal, told: Mapping[Place, Refusal], held: Mapping[Place, Unfit], behind: set[str]) -> Refusal:
    place = refusal.path, refusal.start
    if place in told:
        return _over(told[place], {held[place].code}) if place in held else told[place]
    return _over(refusal, behind) if place in held and refusal.code == "SQL107" else refusal


def _over(refusal: Refusal, codes: set[str]) -> Refusal:
    """Return a refusal with more reasons behind it."""
    return replace(refusal, behind=tuple(sorted({*refusal.behind, *codes} - {refusal.code})))


def place_of(use: Use) -> Place:
    """Return where something is opened."""
    return use.module.path, use.position
