"""Facts in memory: unpacked when they are asked for, and gone again when there are too many."""

from __future__ import annotations

import pytest

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
    assert [each.tail for each in _module(memory).calls()] == ["loads"]  # takes the place of the first module's
    assert not module.facts.derived
    assert module.lookup(1, "value") == first


def test_everything_fits_where_there_is_room() -> None:
    """What was asked once is not made again."""
    module = _module(Memory())
    assert module.bindings(1, "value") is module.bindings(1, "value")
    assert module.scope(1) is module.scope(1)


def test_records_are_those_of_the_facts() -> None:
    """One by one, all at once, before and after they were kept, and after they were dropped."""
    facts = build(SOURCE, ())
    for most in (1, 10_000):
        unpacked = Facts(pack(facts), Memory(most))
        for section in ("scopes", "binds", "reads", "calls"):
            records = unpacked[section]
            assert len(records) == len(facts[section])
            assert records[0] == facts[section][0]
            for _ in range(5):
                assert list(records) == facts[section]
            assert [records[number] for number in range(len(records))] == facts[section]
            for number in (-1, len(records)):
                with pytest.raises(IndexError):
                    records[number]


def test_tables_are_those_of_the_facts() -> None:
    """By name, all at once, and names that are not there."""
    facts = build("def f(a, b):\n    a.x = b.y\n    a.z = b.y.x\n", ())
    for most in (1, 10_000):
        unpacked = Facts(pack(facts), Memory(most))
        for section in ("attribute_reads", "attribute_stores"):
            table, plain = unpacked[section], facts[section]
            assert list(table) == list(plain)
            for _ in range(5):
                assert dict(table.items()) == plain
                assert list(table.values()) == list(plain.values())
            assert {name: table[name] for name in table} == plain
            assert {name: table.get(name) for name in plain} == plain
            assert "none" not in table
            assert table.get("none", ()) == ()
            with pytest.raises(KeyError):
                table["none"]


def test_only_what_is_asked_for_is_unpacked() -> None:
    """A question about one function leaves the others packed; what is often asked for as a whole is kept."""
    facts = Facts(pack(build(SOURCE * 10, ())), Memory())
    reads = facts["reads"]
    assert reads[1]
    assert dict.__len__(reads) == 1
    for _ in range(3):
        assert len(list(reads)) == len(reads) == 11
        assert dict.__len__(reads) == 1
    assert len(list(reads)) == dict.__len__(reads) == 11


def test_a_module_without_records() -> None:
    """An empty section has none."""
    calls = Facts(pack(build("", ())), Memory())["calls"]
    assert len(calls) == 0
    assert not list(calls)


def test_what_becomes_of_what_is_put_together() -> None:
    """Operands of `+` and `|` know what becomes of the whole, once for a chain of them; those of others do not."""
    facts = build("def f(a, b, c):\n    x = a + b + c\n    x += c | {}\n    return b * 2\n", ())
    reads = facts["reads"][1]
    whole = ["bin", "Add", ["asg", 1, "x"]]

    assert [use for *_, use in reads["a"]] == [whole]
    assert [use for *_, use in reads["b"]] == [whole, ["bin", "Mult"]]
    assert [use for *_, use in reads["c"]] == [whole, ["bin", "BitOr", whole]]


def test_what_is_deleted_or_matched_is_noted() -> None:
    """`del x.a` and `case P(a=0)` get at an attribute without reading it as an expression."""
    facts = build("def f(x):\n    del x.a, x[0]\n    match x:\n        case P(a=0):\n            return f'{x.a}'\n", ())
    assert {name: [each[2] for each in found] for name, found in facts["attribute_touches"].items()} == {"a": [18, 54]}
    assert [each[:1] for each in facts["attribute_reads"]["a"]] == [[["n", "x"]]]
    assert facts["misread"] == []


def test_what_a_decorator_does_is_said_of_what_it_decorates() -> None:
    """A lambda among decorators and defaults is a scope, too, and comes before the function."""
    facts = build("@mark(ids=lambda each: each)\n@other\ndef f(key=lambda: 1): ...\n", ())
    number = next(at for at, each in enumerate(facts["scopes"]) if each[1] == "f")
    assert facts["calls"][0][5] == ["deco", number]
    assert facts["reads"][0]["other"][0][2] == ["deco", number]


def test_what_is_taken_apart_into_variables() -> None:
    """Only where each value gets a variable of its own is it told which."""
    text = (
        "a, b = f()\nc, *d = f()\n(e, g), h = f()\ni = j, k = f()\n[m, n] = f()\nfor o, p in f(): ...\nq.x, r = f()\n"
    )
    assert build(text, ())["unpacked"] == [[0, [["a", 0], ["b", 3]]], [4, [["m", 55], ["n", 58]]]]
