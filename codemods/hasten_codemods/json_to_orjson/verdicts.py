"""What a reader makes of a text, and which codecs are UTF-8."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hasten.api import Call

Shape = list[Any]

PARSERS = frozenset({"json.loads", "orjson.loads", "simplejson.loads", "ujson.loads", "msgspec.json.decode"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one reader makes of the text: a hazard's or a proof's code, and a sentence with the place."""

    code: str
    message: str
    compares: bool = False
    needs_no_known_text: bool = False


def is_utf8(call: Call) -> bool | None:
    """Tell whether `text.encode(...)` means UTF-8; None where the codec cannot be seen."""
    argument = call.argument(0, "encoding")
    if argument is None:
        return not call.arguments
    if argument.shape[:2] == ["k", "str"] and argument.shape[2] is not None:
        return str(argument.shape[2]).lower().replace("_", "-") in {"utf-8", "utf8", "u8"}
    return None


def says_utf8(encoding: Shape | None) -> bool:
    """Tell whether an argument `encoding` means UTF-8."""
    return (
        encoding is not None
        and encoding[:2] == ["k", "str"]
        and str(encoding[2]).lower().replace("_", "-") in {"utf-8", "utf8"}
    )
