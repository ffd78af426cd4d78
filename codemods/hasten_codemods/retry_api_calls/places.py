"""Places for people, which of them belong to tests, and what stands before a dot."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from hasten.api import Module, Read

Shape: TypeAlias = list[Any]

_TESTS = re.compile(r"(?:^|/)(?:tests?|testing)/|(?:^|/)(?:test_[^/]*|[^/]*_tests?|conftest|noxfile)\.py$")


def place_of(module: Module, offset: int) -> str:
    """Return `path:line` of a place."""
    return f"{module.path}:{module.position(offset).line}"


def is_in_tests(path: str) -> bool:
    """Tell whether a file belongs to tests."""
    return _TESTS.search(path) is not None


def base_of(read: Read, name: str) -> Shape | None:
    """Return what the attribute that is read belongs to, None where a variable is read."""
    stored = read.module.facts["attribute_reads"].get(name, ())
    return next((list(each[0]) for each in stored if each[3] == read.span.start), None)


def is_super(module: Module, shape: Shape | None) -> bool:
    """Tell whether an expression is a call of `super`."""
    return shape is not None and shape[0] == "c" and module.call(shape[1]).function == ["n", "super"]
