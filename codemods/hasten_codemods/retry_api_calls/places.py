"""Places for people, and which of them belong to tests."""

from __future__ import annotations

import re

from hasten.api import Module

_TESTS = re.compile(r"(?:^|/)(?:tests?|testing)/|(?:^|/)(?:test_[^/]*|[^/]*_tests?|conftest|noxfile)\.py$")


def place_of(module: Module, offset: int) -> str:
    """Return `path:line` of a place."""
    return f"{module.path}:{module.position(offset).line}"


def is_in_tests(path: str) -> bool:
    """Tell whether a file belongs to tests."""
    return _TESTS.search(path) is not None
