"""The facts of a module as they are kept: packed, and unpacked piece by piece when a piece is first asked for.

Unpacked facts take ten to twenty times the room of packed ones, and most questions touch few records of few modules.
So a module holds what every question looks at (`_EVERYONES`) and one string of bytes; the rest comes and goes.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Mapping
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Sections that are looked at in every module, whatever is asked: small, and always unpacked.
_EVERYONES = ("imports", "strings", "big", "infinite", "keyed", "floats", "rebound", "modules_read")
#: Sections of which most questions look at few records: each record is unpacked by itself.
_BY_RECORD = frozenset({"calls", "reads", "binds", "scopes"})
#: Sections by name of which most questions look at few names, or only at what names there are.
_BY_NAME = frozenset({"attribute_reads", "attribute_stores"})
#: So many packed bytes may be unpacked at a time, in all modules together: about 250 MiB of lists. Questions that go
#: through all modules, one after the other, unpack everything again and again where it does not fit.
_MOST = 16 * 1024 * 1024


#: So many times all records of a section are unpacked and not kept.
_PASSES = 3


class Memory:
    """Keeps what is unpacked in one run within bounds: the oldest goes first, and comes back when it is needed."""

    def __init__(self, most: int = _MOST) -> None:
        """Take the number of packed bytes that may be unpacked at a time."""
        self._most = most
        self._size = 0
        self._unpacked: deque[tuple[Facts | Records, str]] = deque()
        self._sizes: dict[tuple[int, str], int] = {}

    def note(self, owner: Facts | Records, piece: str, size: int) -> None:
        """Count a piece that was just unpacked, or that grew, and drop others where there is too much.

        Args:
            owner: what holds it, which is told to drop it.
            piece: its name there.
            size: how many packed bytes were unpacked.
        """
        key = id(owner), piece
        if key not in self._sizes:
            self._unpacked.append((owner, piece))
        self._sizes[key] = self._sizes.get(key, 0) + size
        self._size += size
        while self._size > self._most and len(self._unpacked) > 1:
            oldest, name = self._unpacked.popleft()
            self._size -= self._sizes.pop((id(oldest), name))
            oldest.drop(name)


class Records(dict[int, Any]):
    """The records of a section, by their numbers, each unpacked when it is asked for; iterating yields all of them.

    It is a dictionary so that what is unpacked is found as fast as in a list.
    """

    __slots__ = ("_ends", "_memory", "_packed", "_passes", "derived")

    def __init__(self, packed: bytes, memory: Memory, derived: dict[Any, Any]) -> None:
        """Take what `_pack_records` returned; `derived` is what was made of the records, and goes with them."""
        super().__init__()
        sizes, _, self._packed = packed.partition(b"\n")
        # A record stands behind a bracket or a comma.
        self._ends = array("L", accumulate((size + 1 for size in orjson.loads(sizes)), initial=0))
        self._memory = memory
        self._passes = 0
        self.derived = derived

    def __missing__(self, number: int) -> Any:  # noqa: ANN401 - as of any JSON
        """Unpack a record."""
        if not 0 <= number < len(self):
            raise IndexError(number)
        start, end = self._ends[number] + 1, self._ends[number + 1]
        self[number] = value = orjson.loads(self._packed[start:end])
        self._memory.note(self, "", end - start)
        return value

    def __len__(self) -> int:
        """Return the number of all records."""
        return len(self._ends) - 1

    def __iter__(self) -> Iterator[Any]:
        """Yield all records. They are kept when it is not the first few times, as many questions are asked once."""
        if super().__len__() == len(self):
            return iter([self[number] for number in range(len(self))])
        records = orjson.loads(self._packed)
        self._passes += 1
        if self._passes > _PASSES:
            self.update(enumerate(records))
            self._memory.note(self, "", len(self._packed))
        return iter(records)

    def drop(self, _name: str) -> None:
        """Forget what was unpacked."""
        self.clear()
        self.derived.clear()


class Table(Mapping[str, Any]):
    """The records of a section by their names, each unpacked when it is asked for; see `Records`."""

    __slots__ = ("_numbers", "_records")

    def __init__(self, packed: bytes, memory: Memory, derived: dict[Any, Any]) -> None:
        """Take what `_pack_section` returned; `derived` is what was made of the records, and goes with them."""
        names, _, records = packed.partition(b"\n")
        self._numbers = {name: number for number, name in enumerate(orjson.loads(names))}
        self._records = Records(records, memory, derived)

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - as of any JSON
        """Return the records of a name."""
        return self._records[self._numbers[name]]

    def __contains__(self, name: object) -> bool:
        """Tell whether there are records of a name."""
        return name in self._numbers

    def __len__(self) -> int:
        """Return the number of names."""
        return len(self._numbers)

    def __iter__(self) -> Iterator[str]:
        """Yield all names."""
        return iter(self._numbers)

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - as above
        """Return the records of a name, `default` where there are none."""
        number = self._numbers.get(name)
        return default if number is None else self._records[number]

    def values(self) -> Any:  # noqa: ANN401 - no view: they are not kept
        """Return the records of all names."""
        return iter(self._records)

    def items(self) -> Any:  # noqa: ANN401 - as above
        """Return all names with their records."""
        return zip(self._numbers, self._records, strict=True)


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
        # Records forget by themselves what was unpacked, and so keep what was packed.
        if section in _BY_RECORD:
            self[section] = records = Records(self._packed.pop(section), self._memory, self.derived)
            return records
        if section in _BY_NAME:
            self[section] = table = Table(self._packed.pop(section), self._memory, self.derived)
            return table
        packed = self._packed[section]
        self[section] = value = orjson.loads(packed)
        self._memory.note(self, section, len(packed))
        return value

    def drop(self, section: str) -> None:
        """Forget an unpacked section."""
        self.pop(section, None)
        self.derived.clear()  # it may hold parts of the section


def pack(facts: Mapping[str, Any]) -> bytes:
    """Return the facts of a module as bytes, each section by itself.

    Raises:
        RecursionError: a shape nests deeper than orjson writes, such as that of a sum of 254 terms.
    """
    try:
        parts = [
            (section, _pack_section(section, value)) for section, value in facts.items() if section not in _EVERYONES
        ]
        sizes = [(section, len(part)) for section, part in parts]
        head = orjson.dumps({"whole": {section: facts[section] for section in _EVERYONES}, "sizes": sizes})
    except orjson.JSONEncodeError as error:
        # Facts are lists, text and numbers of 64 bits at most: nothing else in them can be refused.
        raise RecursionError(str(error)) from error
    return b"%d\n%b" % (len(head), b"".join([head, *(part for _, part in parts)]))


def _pack_section(section: str, value: Any) -> bytes:  # noqa: ANN401 - as of any JSON
    if section in _BY_RECORD:
        return _pack_records(value)
    if section in _BY_NAME:
        return b"%b\n%b" % (orjson.dumps([*value]), _pack_records([*value.values()]))
    return orjson.dumps(value)


def _pack_records(records: list[Any]) -> bytes:
    """Return the lengths of the packed records, and a line on all of them, as one array that holds just them."""
    parts = [orjson.dumps(each) for each in records]
    return b"%b\n[%b]" % (orjson.dumps([len(each) for each in parts]), b",".join(parts))
