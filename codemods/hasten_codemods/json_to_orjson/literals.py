"""The string constants that the index keeps for this codemod: what shows which documents a program handles."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: Words of the errors of `json.loads`.
READING_WORDS = (
    r"Expecting (?:value|property name|',' delimiter|':' delimiter)|Extra data|Unterminated string|"
    r"Invalid (?:control character|\\\\?escape)"
)
#: Words of the errors of `json.dumps`.
WRITING_WORDS = r"is not JSON serializable|Circular reference detected|Out of range float"

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

# What a file that does not mention JSON may hold of all this: expressions on its bytes, for `Program.want_like`.
NON_FINITE_TEXT = r"\bNaN\b|\bInfinity\b|\d[eE]\+?[34]\d\d\b"
BIG_INTEGERS = (
    r"\d[\d_]{18}|0[xX][\da-fA-F_]{16}|0[bB][01_]{63}|\d\d\s*\*\*\s*\d|\*\*\s*(?:1[6-9]|[2-9]\d|\d{3})|"
    r"<<\s*(?:[3-9]\d|\d{3})"
)
SURROGATES = r"\\u[dD][89a-fA-F]|surrogate(?:escape|pass)"
OTHER_ENCODINGS = (
    r"[uU][tT][fF][-_ ]?(?:8[-_][sS][iI][gG]|16|32)|\\xff\\xfe|\\xfe\\xff|\\xef\\xbb\\xbf|\\u[fF][eE][fF][fF]"
)
NESTED_TEXT = r"[\"'][\[{][^\n]{0,40}[\"']\s*\*|\*\s*[bBrRuU]?[\"'][\[{]"


def subclass_of(names: Iterable[str]) -> str:
    """Return an expression for a class that derives from one of these, as far as one statement shows it."""
    last = "|".join(sorted({re.escape(name.rpartition(".")[2]) for name in names}))
    return rf"\bclass\s+[^\s(\[:]+\s*(?:\[[^\n]*\]\s*)?\([^:]*\b(?:{last})\b"
