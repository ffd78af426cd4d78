"""The facts of a module as they are kept: packed by section, and unpacked when a section is first asked for.

Unpacked facts take ten to twenty times the room of packed ones, and most questions touch few sections of few modules.
So a module holds what every question looks at (`_EVERYONES`) and one string of bytes; the rest comes and goes.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Sections that are looked at in every module, whatever is asked: small, and always unpacked.
_EVERYONES = ("imports", "strings", "big", "infinite", "keyed", "floats", "rebound", "modules_read")
#: So many packed bytes may be unpacked at a time, in all modules together: about 250 MiB of lists. Questions that go
#: through all modules, one after the other, unpack everything again and again where it does not fit.
_MOST = 16 * 1024 * 1024


class Memory:
    """Keeps the unpacked sections of one run within bounds: the oldest go first, and come back when they are needed."""

    def __init__(self, most: int = _MOST) -> None:
        """Take the number of packed bytes that may be unpacked at a time."""
        self._most = most
        self._size = 0
        self._unpacked: deque[tuple[Facts, str, int]] = deque()

    def note(self, facts: Facts, section: str, size: int) -> None:
        """Count a section that was just unpacked, and drop others in its place where there are too many."""
        self._unpacked.append((facts, section, size))
        self._size += size
        while self._size > self._most and len(self._unpacked) > 1:
            oldest, name, weight = self._unpacked.popleft()
            self._size -= weight
            oldest.pop(name, None)
            oldest.derived.clear()  # it may hold parts of the section


class Facts(dict[str, Any]):
    """The sections of one module's facts by name (see `hasten.index.build`), each unpacked when it is asked for.

    Attributes:
        derived: what was made of unpacked sections, and goes with them.
    """

    __slots__ = ("_memory", "_packed", "derived")

    def __init__(self, blob: bytes, memory: Memory) -> None:
        """Take what `pack` returned.

        Raises:
            ValueError: it is something else.
        """
        length, _, rest = blob.partition(b"\n")
        size = int(length)
        head = orjson.loads(rest[:size])
        super().__init__(head["whole"])
        self.derived: dict[Any, Any] = {}
        self._memory = memory
        self._packed: dict[str, bytes] = {}
        for section, length in head["sizes"]:
            self._packed[section] = rest[size : size + length]
            size += length

    def __missing__(self, section: str) -> Any:  # noqa: ANN401 - as of any JSON
        """Unpack a section."""
        packed = self._packed[section]
        self[section] = value = orjson.loads(packed)
        self._memory.note(self, section, len(packed))
        return value


def pack(facts: Mapping[str, Any]) -> bytes:
    """Return the facts of a module as bytes, each section by itself.

    Raises:
        RecursionError: a shape nests deeper than orjson writes, such as that of a sum of 254 terms.
    """
    try:
        parts = [(section, orjson.dumps(value)) for section, value in facts.items() if section not in _EVERYONES]
        sizes = [(section, len(part)) for section, part in parts]
        head = orjson.dumps({"whole": {section: facts[section] for section in _EVERYONES}, "sizes": sizes})
    except orjson.JSONEncodeError as error:
        # Facts are lists, text and numbers of 64 bits at most: nothing else in them can be refused.
        raise RecursionError(str(error)) from error
    return b"%d\n%b" % (len(head), b"".join([head, *(part for _, part in parts)]))
