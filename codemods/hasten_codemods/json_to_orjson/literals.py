"""The string constants that the index keeps for this codemod: what shows which documents a program handles."""

from __future__ import annotations

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
