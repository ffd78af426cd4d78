"""Two versions of a file to a unified diff that `git apply` takes, byte for byte.

Everything is done on bytes, and a line ends at LF alone, as it does for git: CR, form feeds, byte order marks and
any encoding go through untouched.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Between lines that occur once in both versions, two stretches are compared with each other in quadratic time. Above
# this many pairs of lines they are shown as replaced, in one piece: still right, only longer to read.
_MAX_PAIRS = 4_000_000

_ESCAPES = {7: b"\\a", 8: b"\\b", 9: b"\\t", 10: b"\\n", 11: b"\\v", 12: b"\\f", 13: b"\\r", 34: b'\\"', 92: b"\\\\"}
_PRINTABLE = range(0x20, 0x7F)


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines `old_start:old_end` of the old version, which became `new_start:new_end` of the new one."""

    old_start: int
    old_end: int
    new_start: int
    new_end: int


def unified(path: str, before: bytes, after: bytes, *, context: int = 3, created: bool = False) -> bytes:
    """Return the diff from `before` to `after` in git's format, or nothing when they are equal.

    Args:
        path: POSIX path relative to the directory that the diff is applied in.
        before: the old content; of a created file, empty.
        after: the new content.
        context: unchanged lines around each difference, from 0; `git apply` takes 0 with `--unidiff-zero`.
        created: the file does not exist yet. An empty one then has a diff of its own, with no lines.
    """
    if before == after and not created:
        return b""
    parts = [b"diff --git %s %s\n" % (_quoted(b"a/", path), _quoted(b"b/", path))]
    if created:
        parts.append(b"new file mode 100644\n")
    if before != after:
        # A name with a space is followed by a tab, as git does it: other tools stop at the space without one.
        tab = b"\t" if " " in path else b""
        parts.append(b"--- /dev/null\n" if created else b"--- %s%s\n" % (_quoted(b"a/", path), tab))
        parts.append(b"+++ %s%s\n" % (_quoted(b"b/", path), tab))
        parts.extend(_hunks(lines(before), lines(after), context))
    return b"".join(parts)


def stretches(before: bytes, after: bytes, *, context: int = 3) -> list[tuple[range, range]]:
    """Return the lines of each hunk of `unified`, as they were and as they are: numbers of lines from 0."""
    old, new = lines(before), lines(after)
    return [
        (
            range(found[0].old_start - lead, found[-1].old_end + trail),
            range(found[0].new_start - lead, found[-1].new_end + trail),
        )
        for found in _grouped(_blocks(old, new), context)
        for lead, trail in (_around(old, found, context),)
    ]


def count(before: bytes, after: bytes) -> tuple[int, int]:
    """Return how many lines of `unified` begin with `+`, and how many with `-`."""
    blocks = _blocks(lines(before), lines(after))
    return sum(each.new_end - each.new_start for each in blocks), sum(each.old_end - each.old_start for each in blocks)


def lines(data: bytes) -> list[bytes]:
    """Return the lines of `data`, each with its LF, which the last one may lack."""
    found = [line + b"\n" for line in data.split(b"\n")]
    last = found.pop()[:-1]
    return [*found, last] if last else found


def _quoted(prefix: bytes, path: str) -> bytes:
    """Return a path as git writes it: quoted like a C string if it holds more than printable ASCII."""
    raw = prefix + os.fsencode(path)
    if all(byte in _PRINTABLE and byte not in _ESCAPES for byte in raw):
        return raw
    quoted = (
        _ESCAPES.get(byte) or (bytes([byte]) if byte in _PRINTABLE else f"\\{byte:03o}".encode("ascii")) for byte in raw
    )
    return b'"%s"' % b"".join(quoted)


def _hunks(old: Sequence[bytes], new: Sequence[bytes], context: int) -> Iterator[bytes]:
    for blocks in _grouped(_blocks(old, new), context):
        yield from _hunk(old, new, blocks, context)


def _grouped(blocks: Sequence[_Block], context: int) -> Iterator[list[_Block]]:
    """Yield the differences that one hunk shows together."""
    hunk: list[_Block] = []
    for block in blocks:
        if hunk and block.old_start - hunk[-1].old_end > 2 * context:
            yield hunk
            hunk = []
        hunk.append(block)
    if hunk:
        yield hunk


def _around(old: Sequence[bytes], blocks: Sequence[_Block], context: int) -> tuple[int, int]:
    """Return how many lines of context a hunk has before and after its differences."""
    return min(context, blocks[0].old_start), min(context, len(old) - blocks[-1].old_end)


def _hunk(old: Sequence[bytes], new: Sequence[bytes], blocks: Sequence[_Block], context: int) -> Iterator[bytes]:
    first, last = blocks[0], blocks[-1]
    lead, trail = _around(old, blocks, context)
    before = _range(first.old_start - lead, last.old_end + trail)
    after = _range(first.new_start - lead, last.new_end + trail)
    yield b"@@ -%s +%s @@\n" % (before, after)
    position = first.old_start - lead
    for block in blocks:
        yield from _marked(b" ", old[position : block.old_start])
        yield from _marked(b"-", old[block.old_start : block.old_end])
        yield from _marked(b"+", new[block.new_start : block.new_end])
        position = block.old_end
    yield from _marked(b" ", old[position : position + trail])


def _range(start: int, end: int) -> bytes:
    """Return a hunk's line range; one without lines names the line before it, 0 at the top of the file."""
    length = end - start
    if length == 1:
        return b"%d" % end
    return b"%d,%d" % (start + 1 if length else start, length)


def _marked(mark: bytes, lines: Sequence[bytes]) -> Iterator[bytes]:
    for line in lines:
        yield mark + line if line.endswith(b"\n") else mark + line + b"\n\\ No newline at end of file\n"


def _blocks(old: Sequence[bytes], new: Sequence[bytes]) -> list[_Block]:
    """Return the differences in order, with at least one equal line between any two of them."""
    merged: list[_Block] = []
    for found in _differences(old, new):
        last = merged[-1] if merged else None
        if last and last.old_end == found.old_start and last.new_end == found.new_start:
            merged[-1] = _Block(last.old_start, found.old_end, last.new_start, found.new_end)
        else:
            merged.append(found)
    return merged


def _differences(old: Sequence[bytes], new: Sequence[bytes]) -> Iterator[_Block]:
    """Yield what differs between the lines that both versions hold exactly once (as `git diff --patience` does)."""
    head, tail = _common(old, new)
    old_end, new_end = len(old) - tail, len(new) - tail
    anchors = _anchors(old[head:old_end], new[head:new_end])
    fixed = [(head - 1, head - 1), *((head + here, head + there) for here, there in anchors), (old_end, new_end)]
    for (old_last, new_last), (old_next, new_next) in pairwise(fixed):
        block = _Block(old_last + 1, old_next, new_last + 1, new_next)
        if block.old_start != block.old_end or block.new_start != block.new_end:
            yield from _compared(old, new, block)


def _compared(old: Sequence[bytes], new: Sequence[bytes], block: _Block) -> Iterator[_Block]:
    """Yield the differences inside two stretches without an anchor."""
    here = old[block.old_start : block.old_end]
    there = new[block.new_start : block.new_end]
    if here == there:
        return
    # What is common at both ends is cut off first, so that inserted lines and their blank lines stay in one piece.
    head, tail = _common(here, there)
    here, there = here[head : len(here) - tail], there[head : len(there) - tail]
    block = _Block(block.old_start + head, block.old_end - tail, block.new_start + head, block.new_end - tail)
    if not here or not there or len(here) * len(there) > _MAX_PAIRS:
        yield block
        return
    # autojunk would treat frequent lines as noise, and with them the blank lines that keep hunks small.
    for tag, old_start, old_end, new_start, new_end in SequenceMatcher(None, here, there, autojunk=False).get_opcodes():
        if tag != "equal":
            yield _Block(
                block.old_start + old_start,
                block.old_start + old_end,
                block.new_start + new_start,
                block.new_start + new_end,
            )


def _common(old: Sequence[bytes], new: Sequence[bytes]) -> tuple[int, int]:
    """Return how many lines two versions share at the top, and how many more at the bottom."""
    shorter = min(len(old), len(new))
    head = next((index for index in range(shorter) if old[index] != new[index]), shorter)
    tail = next((index for index in range(shorter - head) if old[-1 - index] != new[-1 - index]), shorter - head)
    return head, tail


def _anchors(old: Sequence[bytes], new: Sequence[bytes]) -> list[tuple[int, int]]:
    """Return the longest rising sequence of index pairs of lines that occur once in each version."""
    old_counts, new_counts = Counter(old), Counter(new)
    places = {line: index for index, line in enumerate(new) if new_counts[line] == 1}
    pairs = [(index, places[line]) for index, line in enumerate(old) if old_counts[line] == 1 and line in places]
    # Patience sorting: `tops` holds the smallest end of a rising sequence of each length, `links` the way back.
    tops: list[int] = []
    ends: list[int] = []
    links: list[int] = []
    for number, (_, place) in enumerate(pairs):
        length = bisect_left(tops, place)
        links.append(ends[length - 1] if length else -1)
        tops[length : length + 1] = [place]
        ends[length : length + 1] = [number]
    sequence: list[tuple[int, int]] = []
    number = ends[-1] if ends else -1
    while number >= 0:
        sequence.append(pairs[number])
        number = links[number]
    return sequence[::-1]
