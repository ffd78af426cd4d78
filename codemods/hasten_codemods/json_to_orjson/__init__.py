"""Replace the standard library's `json` with orjson.

orjson reads and writes JSON several times faster than the standard library. It is no drop-in replacement: it gives
bytes instead of text, writes no spaces, refuses some values and writes others by itself, and knows few of the options.

This codemod rewrites `loads`, `load`, `dumps` and `dump`, under every name they are imported by, and follows the text
that `dumps` makes through variables, parameters, attributes and return values, to see whether anything but a parser
reads it. Classes that the standard library's errors are caught by still catch: `orjson.JSONDecodeError` derives from
`json.JSONDecodeError`, and `orjson.JSONEncodeError` is `TypeError`.

Keys that are not text (integers, for one) are written as before: unless every key can be seen to be text, the new call
carries `OPT_NON_STR_KEYS`. Promise it with `str_keys = true`, and the option is left out.

What it does not see: a handler more than three calls above the call, or around a property, an operator method or a
callback; documents that a library hands over as a subclass of `str`; text that is read through class patterns or
computed attribute names; bodies that a middleware of plain ASGI looks at on their way.

See <https://github.com/ijl/orjson> for orjson itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from hasten.api import Codemod, Finding, Option, Program, Settings
from hasten_codemods.json_to_orjson import codes
from hasten_codemods.json_to_orjson.literals import LITERALS

if TYPE_CHECKING:
    from hasten.api import Transformer


class JsonToOrjson(Codemod):
    """`json.dumps(x)` becomes `orjson.dumps(x).decode()`, where that makes no difference that anyone can see."""

    contract: ClassVar[str] = (
        "For JSON as RFC 7493 (I-JSON) defines it, the same values are read, and the same document is written, "
        "though not the same text: "
        "spaces, escapes, the spelling of floats and the order of the writes to a file may differ. Every "
        "expression keeps its type. "
        "Exceptions that the program catches are still caught. What the program shows to lie outside of this "
        "makes a change `unsafe`, with "
        "the hazard, or leaves the call alone, with the reason. A change is `safe` when the document is read by "
        "a parser, or written where only a parser reads it."
    )
    triggers: ClassVar[tuple[bytes, ...]] = (b"json",)
    literals: ClassVar[tuple[str, ...]] = LITERALS
    codes = codes.CODES
    options: ClassVar[tuple[Option, ...]] = (
        Option(
            "fallback",
            bool,
            default=False,
            help="Write one module per package that uses orjson where it is installed and the standard library "
            "elsewhere, with the same text from both, and call that.",
        ),
        Option(
            "str_keys",
            bool,
            default=False,
            help="Promise that every dictionary key is text, which saves `OPT_NON_STR_KEYS`.",
        ),
    )

    def analyse(self, program: Program, settings: Settings) -> Iterator[Finding]:
        """Yield a change or a refusal for every use of `json` in the target files."""
        from hasten_codemods.json_to_orjson.analysis import Analysis

        return Analysis(
            program, fallback=bool(settings["fallback"]), str_keys=bool(settings["str_keys"]), codemod=self.name
        ).findings()

    def transformer(self) -> type[Transformer]:
        """Return the transformer."""
        from hasten_codemods.json_to_orjson.transformer import JsonToOrjsonTransformer

        return JsonToOrjsonTransformer

    def prepare(self) -> None:
        """Import the analysis."""
        import hasten_codemods.json_to_orjson.analysis  # noqa: F401
