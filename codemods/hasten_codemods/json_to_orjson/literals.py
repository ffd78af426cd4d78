"""The string constants that the index keeps for this codemod: what shows which documents a program handles."""

from __future__ import annotations

import re
from collections.abc import Iterable

_READING = (
    r"Expecting (?:value|property name|',' delimiter|':' delimiter)",
    r"Extra data",
    r"Unterminated string",
    r"Invalid (?:control character|\\\\?escape)",
)
_WRITING = (r"is not JSON serializable", r"Circular reference detected", r"Out of range float")
#: Words of the errors of `json.loads`.
READING_WORDS = "|".join(_READING)
#: Words of the errors of `json.dumps`.
WRITING_WORDS = "|".join(_WRITING)

#: Kept among the facts by the index (`Codemod.literals`).
LITERALS = (
    r"\bjson\b",  # names of things to patch
    r"^\s*[\[{]",  # JSON text
    r"\.jsonl?$",  # paths of files
    r">>>",  # doctests
    r"\"\s*: |\", \"",  # fragments of JSON text
    r"\brequests\.\w",  # what a test may replace
    r"^surrogate(?:escape|pass)$",
    r"\bNaN\b|\bInfinity\b|\d[eE]\+?[34]\d\d\b",
    r"(?<![\d.])\d{19}",
    r"\\u[dD][89a-fA-F]|[\ud800-\udfff]",
    r"^[uU][tT][fF][-_ ]?(?:8[-_][sS][iI][gG]|16|32)|^\xff\xfe|^\xfe\xff|^\xef\xbb\xbf|^\ufeff",
    READING_WORDS,
    WRITING_WORDS,
)

# What a file that does not mention JSON may hold of all this: expressions on its bytes, for `Program.want_like`. Those
# that begin with a literal are found at memory speed, so there are several rather than one with alternatives.
NON_FINITE_NUMBERS = (r"\d[eE]\+?[34]\d\d\b",)
BIG_INTEGERS = (
    *(r"\d[\d_]{18}", r"0x[\da-fA-F_]{16}", r"0X[\da-fA-F_]{16}", r"0b[01_]{63}", r"0o[0-7_]{21}"),
    # 2 ** 64, and powers of larger numbers: what comes before is looked at after the literal.
    *(r"\*\*\s*(?:1[6-9]|[2-9]\d|\d{3})", r"\*\*(?<=\d\d\*\*)\s*\d", r"\*\*(?<=\d\d \*\*)\s*\d"),
    r"<<\s*(?:[3-9]\d|\d{3})",
    # Digests that become integers.
    r"hexdigest\(\)\s*,\s*(?:base\s*=\s*)?16",
    r"from_bytes\([^\n]*digest\(\)",
)
SURROGATES = (r"\\u[dD][89a-fA-F]", r"surrogate(?:escape|pass)")
OTHER_ENCODINGS = (
    *(rf"{utf}[-_ ]?(?:8[-_][sS][iI][gG]|16|32)" for utf in ("utf", "UTF", "Utf")),
    *(r"\\xff\\xfe", r"\\xfe\\xff", r"\\xef\\xbb\\xbf", r"\\u[fF][eE][fF][fF]"),
)
NESTED_TEXT = (
    *(rf"{quote}{bracket}[^\n]{{0,40}}{quote}\s*\*" for quote in "'\"" for bracket in (r"\[", r"\{")),
    r"\*\s*[bBrRuU]?[\"'][\[{]",
)
READING_MESSAGES = _READING
WRITING_MESSAGES = _WRITING


def subclass_of(names: Iterable[str]) -> str:
    """Return an expression for a class that derives from one of these, as far as one statement shows it."""
    last = "|".join(sorted({re.escape(name.rpartition(".")[2]) for name in names}))
    return rf"class\s+[^\s(\[:]+\s*(?:\[[^\n]*\]\s*)?\([^:]*\b(?:{last})\b"
