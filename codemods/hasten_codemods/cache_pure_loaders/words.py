"""The words for kinds of values, and what each says.

A kind is a word, and what it holds behind ` of `: `list of str`. `unknown` is said where nothing is known. Kinds of
values that nobody can change are in `IMMUTABLE`; `parts` is a tuple, and as immutable as what is in it; a `closure` is
a function or class that keeps what was made together with it.
"""

from __future__ import annotations

UNKNOWN = "unknown"
#: Nobody can change these.
IMMUTABLE = frozenset(
    {"str", "bytes", "int", "float", "bool", "none", "number", "path", "pattern", "match", "moment", "version", "text"}
    | {"function", "class", "code", "member", "record", "ellipsis", "immutable", "module"}
)
#: These have no hash.
UNHASHABLE = frozenset({"list", "dict", "set", "json"})
#: Kinds of values that looking at does not change, so that following them tells whether they change.
FOLLOWED = frozenset({"list", "dict", "set", "json", "parts", "element", "object", "template"})
#: Kinds of values of which a second reader gets nothing, or the rest.
ONE_SHOT = frozenset({"iterator", "file", "hash"})
CONSTANTS = {"str": "str", "bytes": "bytes", "int": "int", "float": "float", "bool": "bool", "NoneType": "none"}
#: What JSON is made of.
_DATA = frozenset({"json", "str", "int", "float", "bool", "number", "list", "dict"})


def is_immutable(kind: str) -> bool:
    """Tell whether nobody can change a value of that kind, nor what it holds."""
    head, _, held = kind.partition(" of ")
    return kind in IMMUTABLE or (head == "parts" and is_immutable(held))


def parts_of(kind: str) -> str:
    """Return the kind of what a value of that kind holds."""
    head, _, held = kind.partition(" of ")
    if head in {"str", "text", "file"}:
        return "str" if head == "str" else "text"
    return head if head in {"json", "object"} else held or ("bytes" if head == "bytes" else UNKNOWN)


def together(kinds: list[str]) -> str:
    """Return the kind of a value that is of one of these."""
    left = [each for each in dict.fromkeys(kinds) if each != "none"]
    if not left:
        return "none" if kinds else UNKNOWN
    if len(left) == 1:
        return left[0]
    once = next((each for each in left if not ONE_SHOT.isdisjoint(each.split())), "")
    if once:
        return once  # whatever else it may be: it can be read once
    if {*left} <= {"str", "bytes", "text"}:
        return "text"
    if "json" in left and all(each.partition(" of ")[0] in _DATA for each in left):
        return "json"
    return "immutable" if all(is_immutable(each) for each in left) else UNKNOWN


def is_exception(dotted: str) -> bool:
    """Tell whether a name is one of an exception."""
    return dotted.rpartition(".")[2].endswith(("Error", "Exception", "Warning"))
