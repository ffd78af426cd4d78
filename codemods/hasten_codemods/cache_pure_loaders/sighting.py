"""What the bytes of a file say about functions that compute, which no word tells: a first look, that may see too many.

It is as wide as `hasten_codemods.cache_pure_loaders.computing`, which looks again at the facts, and narrow enough to
leave most files unread.
"""

from __future__ import annotations

import re

#: A function, and whether it is given its object with something else.
_FUNCTION = re.compile(
    rb"^([ \t]*)def[ \t]+(\w+)[ \t]*\([ \t\r\n]*(?:(self|cls)\b[ \t\r\n]*(,(?![ \t\r\n]*\)))?)?", re.MULTILINE
)
_RESULT = re.compile(rb"\breturn[ \t]*[^\s#]")
_WORK = re.compile(rb"^[ \t]+while\b|\bin[ \t]+range[ \t]*\(", re.MULTILINE)
_LOOP = re.compile(rb"\bfor\b[^\n]*\bin\b")
#: The function of Python, not the one of `re`.
_COMPILE = re.compile(rb"(?<![\w.])compile[ \t]*\(")


def is_of_tests(path: str) -> bool:
    """Tell whether a file belongs to the tests, or sets the project up, and is no part of the program that runs."""
    parts = path.split("/")
    name = parts[-1]
    return (
        any(each in {"tests", "test", "testing", "docs", "doc", "examples", "benchmarks"} for each in parts[:-1])
        or name.startswith("test_")
        or name.endswith("_test.py")
        or name in {"conftest.py", "setup.py", "noxfile.py", "fabfile.py", "tasks.py"}
    )


def may_compute(path: str, data: bytes) -> bool:
    """Tell whether a file, by its bytes, may have a function that computes what is worth keeping."""
    if is_of_tests(path):
        return False
    if _COMPILE.search(data) is not None:
        return True
    found = [(each.start(), len(each[1]), each[2], each[3], each[4], each.end()) for each in _FUNCTION.finditer(data)]
    for number, (_start, indent, name, itself, more, begin) in enumerate(found):
        end = next((start for start, deep, *_ in found[number + 1 :] if deep <= indent), len(data))
        body = data[begin:end]
        # A method that is given something, and uses its object, is never cached.
        held = itself and more and itself in body
        if not held and _RESULT.search(body) is not None and _computes(name, body):
            return True
    return False


def _computes(name: bytes, body: bytes) -> bool:
    if _WORK.search(body) is not None or body.count(name + b"(") > 1:
        return True
    return len(_LOOP.findall(body)) > 1
