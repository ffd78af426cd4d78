"""What tests do with a mock that stands for a connection, and nobody can do with a connection."""

from __future__ import annotations

from typing import Any

_ATTRIBUTES = frozenset(
    {"return_value", "side_effect", "call_args", "call_args_list", "call_count", "called", "mock_calls"}
)


def is_of_a_mock(use: list[Any]) -> bool:
    """Tell whether a method is told what to give, or asked how it was called.

    An AsyncMock takes `db.execute.return_value.fetchall.return_value = rows` like a MagicMock; rows that `__iter__`
    gives would be asked for in another way.
    """
    if use[0] == "dest":
        return True
    names: list[str] = []
    while use[0] == "attr":
        names.append(use[1])
        use = use[2]
    if use[0] == "meth":
        names.append(use[1])
    known = bool(names) and (names[0] in _ATTRIBUTES or names[0].startswith("assert_"))
    return known and not any(each.startswith("__") for each in names)
