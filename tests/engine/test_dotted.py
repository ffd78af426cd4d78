"""What a name stands for that is bound twice."""

from __future__ import annotations

import pytest

from hasten.index.build import build
from hasten.index.facts import Facts, Memory, pack
from hasten.index.module import Module

TOLD = "if TYPE_CHECKING:\n    from app.store import Store as Base\nelse:\n    Base = object\n\n\n"
MIXIN = f"{TOLD}class Mixin(Base):\n    pass\n"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (f"{MIXIN}\n\ndef is_one(x):\n    return isinstance(x, Base)\n", None),
        (f"{MIXIN}\n\nBase = Mixin\n", None),
        (MIXIN.replace("= object", "= dict"), None),
        (f"object = dict\n{MIXIN}", None),
        ("Base = app\nBase = Base.store\n", None),
        (MIXIN, "app.store.Store"),
        (f"{MIXIN}\n\ndef make(base: Base) -> None: ...\n", "app.store.Store"),
    ],
)
def test_mixins_that_type_checkers_are_told_about(source: str, expected: str | None) -> None:
    """A name that means one class to type checkers, and `object` otherwise, is that class where it is a base."""
    module = Module("app/mixins.py", "app.mixins", Facts(pack(build(source, ())), Memory()))
    assert module.dotted(0, ["n", "Base"]) == expected
