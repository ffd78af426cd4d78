"""Facts in memory: unpacked when they are asked for, and gone again when there are too many."""

from __future__ import annotations

from hasten.index.build import build
from hasten.index.facts import Facts, Memory, pack
from hasten.index.module import Module

SOURCE = "import json\n\n\ndef read(text):\n    value = json.loads(text)\n    return value\n"


def _module(memory: Memory) -> Module:
    return Module("app.py", "app", Facts(pack(build(SOURCE, ())), memory))


def test_what_was_made_of_a_section_goes_with_it() -> None:
    """Otherwise the bound on what is unpacked would bound nothing; the answers stay the same."""
    memory = Memory(most=1)
    module = _module(memory)
    first = module.lookup(1, "value")
    assert first is not None
    assert module.facts.derived
    list(_module(memory).calls())  # takes the place of the first module's
    assert not module.facts.derived
    assert module.lookup(1, "value") == first


def test_everything_fits_where_there_is_room() -> None:
    """What was asked once is not made again."""
    module = _module(Memory())
    assert module.bindings(1, "value") is module.bindings(1, "value")
    assert module.scope(1) is module.scope(1)
