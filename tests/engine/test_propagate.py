"""The propagation engine, by example."""

from __future__ import annotations

import pickle
from dataclasses import replace
from itertools import pairwise

import pytest

from hasten.propagate import Call, Certainty, Constraint, Function, Result, Seed, propagate

DUNDER = Constraint("ASY101", "it is a special method")
LAMBDA = Constraint("ASY102", "it is called in a lambda")


def _functions(text: str, **known: Function) -> list[Function]:
    """Return a function for each word; `*` marks coroutine functions."""
    return [known.get(word, Function(word.strip("*"), is_async="*" in word)) for word in text.split()]


def _call(
    text: str,
    site: str = "",
    certainty: Certainty = Certainty.PROVEN,
    remedy: str = "",
    constraints: tuple[Constraint, ...] = (),
) -> Call:
    """Return the call that `caller>callee` stands for."""
    caller, callee = text.split(">")
    return Call(caller, callee, site or text, certainty, remedy, constraints)


def _calls(text: str) -> list[Call]:
    return [_call(word) for word in text.split()]


def _seeds(text: str) -> list[Seed]:
    return [Seed(f"{word}:sleep", word) for word in text.split()]


def _refusals(result: Result) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(each.seed.function, each.constraint.code, each.path) for each in result.refused]


def test_every_caller_converts_up_to_coroutine_functions() -> None:
    """Conversion climbs from the seed to callers that are coroutine functions, and no further or sideways."""
    result = propagate(
        _functions("handler* helper load other parse top"),
        _calls("handler>helper helper>load load>parse other>parse top>handler"),
        _seeds("load"),
    )

    assert result.converted == ("helper", "load")
    assert result.seeds == (Seed("load:sleep", "load"),)
    assert result.refused == ()
    assert [each.site for each in result.awaited] == ["handler>helper", "helper>load"]
    assert result.remedied == ()
    assert result.requires == {"helper": (), "load": ("helper",)}


def test_a_seed_in_a_coroutine_function_needs_nothing() -> None:
    """A coroutine function awaits a seed whatever its own constraints, its callers and its family."""
    result = propagate(
        [Function("a", is_async=True, constraints=(DUNDER,), family="f"), Function("b", family="f"), Function("c")],
        [_call("c>a", constraints=(LAMBDA,))],
        _seeds("a"),
    )

    assert (result.converted, result.seeds, result.refused) == ((), (Seed("a:sleep", "a"),), ())


def test_a_constraint_above_refuses_the_seeds_below() -> None:
    """A constrained caller blocks all that it calls, however deep; the path leads to it, and others are untouched."""
    result = propagate(
        _functions("a b c d", a=Function("a", constraints=(LAMBDA, DUNDER))),
        _calls("a>b b>c d>c"),
        _seeds("b c d"),
    )

    assert result.converted == ("d",)
    assert _refusals(result) == [("b", "ASY101", ("b", "a")), ("c", "ASY101", ("c", "b", "a"))]
    assert [each.site for each in result.refused[1].calls] == ["b>c", "a>b"]


def test_the_nearest_constraint_is_named() -> None:
    """The nearest reason is named; of several the least, then that over the least ids, then over the first call."""
    functions = _functions(
        "a b c d e f", a=Function("a", constraints=(LAMBDA,)), f=Function("f", constraints=(DUNDER,))
    )
    near = propagate(functions, _calls("f>b b>c a>c"), _seeds("c"))
    least = propagate(functions, _calls("a>c f>c"), _seeds("c"))
    ids = propagate(functions, _calls("a>e a>d e>c d>c"), _seeds("c"))
    sites = propagate(functions, [_call("a>c", "2"), _call("a>c", "1")], _seeds("c"))

    assert _refusals(near) == [("c", "ASY102", ("c", "a"))]
    assert _refusals(least) == [("c", "ASY101", ("c", "f"))]
    assert _refusals(ids) == [("c", "ASY102", ("c", "d", "a"))]
    assert [each.site for each in sites.refused[0].calls] == ["1"]


def test_every_reason_on_the_way_is_known() -> None:
    """The reasons behind the nearest are those of all that would have to follow, families and their calls included."""
    thread = Constraint("ASY103", "it runs in a thread")
    result = propagate(
        _functions(
            "one two override outer handler* far",
            two=Function("two", family="f"),
            override=Function("override", family="f", constraints=(thread,)),
            one=Function("one", constraints=(LAMBDA,)),
            outer=Function("outer", constraints=(DUNDER,)),
            far=Function("far", constraints=(Constraint("ASY104", "above a coroutine function"),)),
        ),
        [*_calls("two>one handler>two far>handler"), _call("outer>override", remedy="")],
        [*_seeds("one two"), Seed("own", "outer", (Constraint("ASY105", "here"),))],
    )
    assert [(each.seed.function, each.constraint.code, each.codes) for each in result.refused] == [
        ("one", "ASY102", ("ASY101", "ASY102", "ASY103")),
        ("outer", "ASY105", ("ASY101", "ASY105")),
        ("two", "ASY103", ("ASY101", "ASY103")),
    ]


def test_a_call_that_cannot_be_awaited_blocks_what_it_calls() -> None:
    """It does so in a coroutine function, too; the path ends in the function that holds the call."""
    result = propagate(
        _functions("a* b c d"),
        [_call("a>b", constraints=(LAMBDA, DUNDER)), *_calls("b>c d>c")],
        _seeds("c d"),
    )

    assert result.converted == ("d",)
    assert _refusals(result) == [("c", "ASY101", ("c", "b", "a"))]
    assert [each.site for each in result.refused[0].calls] == ["b>c", "a>b"]


def test_a_functions_own_constraint_comes_before_that_of_a_call() -> None:
    """Where a function and a call of it are both constrained, the path stays in the function."""
    result = propagate(
        _functions("a b", b=Function("b", constraints=(LAMBDA,))), [_call("a>b", constraints=(DUNDER,))], _seeds("b")
    )

    assert _refusals(result) == [("b", "ASY102", ("b",))]
    assert result.refused[0].calls == ()


def test_a_constrained_call_of_a_coroutine_function_blocks_nothing() -> None:
    """What is a coroutine function already does not convert, so nobody has to await it anew."""
    result = propagate(_functions("a b*"), [_call("a>b", constraints=(LAMBDA,))], _seeds("a b"))

    assert result.converted == ("a",)
    assert result.refused == ()


def test_a_seeds_own_constraint_refuses_it_alone() -> None:
    """The function still converts for another seed in it; the refused one names its own place."""
    bad, good = Seed("1", "a", (LAMBDA, DUNDER)), Seed("2", "a")
    both = propagate(_functions("a"), [], [good, bad])
    alone = propagate(_functions("a"), [], [bad])
    blocked = propagate(
        _functions("a", a=Function("a", constraints=(DUNDER,))), [], [replace(bad, constraints=(LAMBDA,))]
    )

    assert (both.converted, both.seeds) == (("a",), (good,))
    assert (alone.converted, alone.seeds) == ((), ())
    assert _refusals(both) == _refusals(alone) == [("a", "ASY101", ("a",))]
    assert _refusals(blocked) == [("a", "ASY102", ("a",))]


def test_the_path_of_a_seeds_own_constraint_stays_with_it() -> None:
    """A seed with a constraint names no path, even where its function is blocked from above for another seed."""
    result = propagate(
        _functions("a b", a=Function("a", constraints=(DUNDER,))),
        _calls("a>b"),
        [Seed("1", "b", (LAMBDA,)), Seed("2", "b")],
    )

    assert _refusals(result) == [("b", "ASY102", ("b",)), ("b", "ASY101", ("b", "a"))]
    assert result.refused[0].calls == ()


def test_a_remedy_ends_the_climb() -> None:
    """The caller stays as it is, whatever constraints it and the call have."""
    entry = _call("main>run", remedy="asyncio.run", constraints=(LAMBDA,))
    result = propagate(
        _functions("main run start", main=Function("main", constraints=(DUNDER,))),
        [entry, *_calls("start>main")],
        _seeds("run"),
    )

    assert result.converted == ("run",)
    assert result.remedied == (entry,)
    assert result.awaited == ()
    assert result.requires == {"run": ()}


def test_a_remedy_in_a_coroutine_function_is_applied() -> None:
    """Whoever gives a remedy to a call in a coroutine function means it."""
    entry = _call("main>run", remedy="asyncio.run")
    result = propagate(_functions("main* run"), [entry], _seeds("run"))

    assert (result.awaited, result.remedied) == ((), (entry,))


def test_one_call_without_remedy_binds_the_caller() -> None:
    """A caller that converts for one call awaits at the others too, and so must convert with the function."""
    helped = _call("a>b", "2", remedy="asyncio.run")
    result = propagate(_functions("a b"), [_call("a>b", "1"), helped], _seeds("b"))
    other = propagate(_functions("a b c"), [helped, _call("a>c")], _seeds("b c"))
    stuck = replace(helped, constraints=(LAMBDA,))
    cannot = propagate(_functions("a b c"), [stuck, _call("a>c")], _seeds("b c"))

    assert result.converted == ("a", "b")
    assert [each.site for each in result.awaited] == ["1", "2"]
    assert result.remedied == ()
    assert other.awaited == (helped, _call("a>c"))
    assert other.requires == {"a": (), "b": ("a",), "c": ("a",)}
    assert (cannot.awaited, cannot.remedied) == ((_call("a>c"),), (stuck,))
    assert cannot.requires == {"a": (), "b": (), "c": ("a",)}


def test_a_remedy_counts_only_if_all_calls_of_the_place_have_it() -> None:
    """One place with and without a remedy is a place without."""
    calls = [_call("a>b", "1", remedy="asyncio.run", constraints=(LAMBDA,)), _call("a>b", "1")]
    sync = propagate(_functions("a b"), [replace(each, constraints=()) for each in calls], _seeds("b"))
    constrained = propagate(_functions("a* b"), calls, _seeds("b"))

    assert sync.converted == ("a", "b")
    assert sync.remedied == ()
    assert _refusals(constrained) == [("b", "ASY102", ("b", "a"))]


def test_a_family_converts_as_one() -> None:
    """The sync members of a family convert together with all of their callers; a coroutine function in it stays."""
    functions = [Function(each, family="save", is_async=each == "c") for each in "abcd"]
    result = propagate([*functions, *_functions("x y z")], _calls("x>a y>b z>c"), _seeds("d"))

    assert result.converted == ("a", "b", "d", "x", "y")
    assert result.requires == {"a": ("b", "d", "x"), "b": ("a", "y"), "d": ("a",), "x": (), "y": ()}


def test_a_family_is_blocked_as_one() -> None:
    """A constraint on one member refuses the seeds in all, over a step without a call; on a coroutine function none."""
    member = Function("b", family="save", constraints=(DUNDER,))
    functions = [Function("a", family="save"), member, Function("c", family="save"), *_functions("d")]
    blocked = propagate(functions, _calls("c>d"), _seeds("a d"))
    free = propagate([replace(each, is_async=each == member) for each in functions], _calls("c>d"), _seeds("a d"))

    assert _refusals(blocked) == [("a", "ASY101", ("a", "b")), ("d", "ASY101", ("d", "c", "b"))]
    assert [each.site for each in blocked.refused[1].calls] == ["c>d"]
    assert free.converted == ("a", "c", "d")


def test_what_one_call_can_reach_converts_together() -> None:
    """A place that reaches two functions awaits both or neither, with a remedy as without."""
    calls = [_call("x>a", "1"), _call("x>b", "1")]
    functions = _functions("a b x*")
    both = propagate(functions, calls, _seeds("a"))
    helped = propagate(functions, [replace(each, remedy="asyncio.run") for each in calls], _seeds("a"))
    blocked = propagate([Function("b", constraints=(DUNDER,)), *_functions("a x*")], calls, _seeds("a"))
    half = propagate(functions, [replace(calls[0], constraints=(LAMBDA,)), calls[1]], _seeds("b"))

    assert both.converted == helped.converted == ("a", "b")
    assert both.requires == helped.requires == {"a": ("b",), "b": ("a",)}
    assert both.awaited == tuple(calls)
    assert _refusals(blocked) == [("a", "ASY101", ("a", "b"))]
    assert _refusals(half) == [("b", "ASY102", ("b", "x"))]


def test_a_call_that_reaches_a_family_adds_nothing() -> None:
    """Where all that a place can reach is of one family, no arrow is added to those of the family."""
    functions = [Function(each, family="save") for each in "abc"]
    result = propagate([*functions, *_functions("x*")], [_call("x>b", "1"), _call("x>c", "1")], _seeds("b"))

    assert result.requires == {"a": ("b", "c"), "b": ("a",), "c": ("a",)}


def test_recursion_is_awaited_like_any_call() -> None:
    """Self-calls and cycles convert whole, and do not require themselves."""
    result = propagate(_functions("a b c"), _calls("a>a a>b b>c c>a"), _seeds("b"))

    assert result.converted == ("a", "b", "c")
    assert result.requires == {"a": ("c",), "b": ("a",), "c": ("b",)}
    assert len(result.awaited) == 4
    stuck = propagate(_functions("a"), [_call("a>a", constraints=(LAMBDA,))], _seeds("a"))
    assert _refusals(stuck) == [("a", "ASY102", ("a", "a"))]


def test_what_is_given_twice_counts_once() -> None:
    """Equal calls and equal seeds are one."""
    result = propagate(_functions("a b"), _calls("a>b a>b"), _seeds("b b"))

    assert result.awaited == (_call("a>b"),)
    assert result.seeds == (Seed("b:sleep", "b"),)


@pytest.mark.parametrize(
    ("functions", "calls", "seeds", "named"),
    [
        ("a", "a>gone", "", "gone"),
        ("a", "gone>a", "", "gone"),
        ("a", "", "gone", "gone"),
        ("a b b", "", "", "b"),
    ],
)
def test_a_broken_graph_is_an_error(functions: str, calls: str, seeds: str, named: str) -> None:
    """Unknown and ambiguous ids are named."""
    with pytest.raises(ValueError, match=f"'{named}'"):
        propagate(_functions(functions), _calls(calls), _seeds(seeds))


def test_certainty_is_the_worst_of_what_is_rewritten() -> None:
    """Only calls of the function itself count, and those with a remedy do."""
    result = propagate(
        _functions("a b c d x*"),
        [
            _call("x>a", "1", certainty=Certainty.INFERRED),
            _call("x>a", "2"),
            _call("a>b", "3", certainty=Certainty.GUESSED),
            _call("x>c", "4", certainty=Certainty.GUESSED, remedy="asyncio.run"),
        ],
        _seeds("b c d"),
    )

    assert result.certainty == {
        "a": Certainty.INFERRED,
        "b": Certainty.GUESSED,
        "c": Certainty.GUESSED,
        "d": Certainty.PROVEN,
    }


def test_why_leads_down_to_the_nearest_seed() -> None:
    """The shortest way counts, then the seed whose site comes first, then the least ids, then the first call."""
    seeds = [Seed("1", "d"), Seed("2", "e"), Seed("3", "b"), Seed("0", "b", (LAMBDA,)), Seed("4", "d")]
    result = propagate(
        _functions("a b c d e"), [*_calls("a>c a>e b>c c>d"), _call("a>d", "z"), _call("a>d", "y")], seeds
    )

    reason = result.why("a")
    assert (reason.path, reason.seed) == (("a", "d"), seeds[0])
    assert [each.site for each in reason.calls] == ["y"]
    assert (result.why("b").path, result.why("b").calls, result.why("b").seed) == (("b",), (), seeds[2])
    with pytest.raises(ValueError, match="'gone'"):
        result.why("gone")


def test_why_crosses_families() -> None:
    """An override converts for the sake of another: a step without a call."""
    functions = [Function("a", family="f"), Function("b", family="f"), *_functions("c d")]
    result = propagate(functions, _calls("c>a b>d"), _seeds("d"))

    reason = result.why("c")
    assert reason.path == ("c", "a", "b", "d")
    assert [each.site for each in reason.calls] == ["c>a", "b>d"]


def test_a_long_chain_is_no_recursion() -> None:
    """A hundred thousand functions deep, each with a seed: converted whole, or refused whole, with its path."""
    size = 100_000
    ids = [f"{number:06}" for number in range(size)]
    calls = [Call(caller, callee, callee) for caller, callee in pairwise(ids)]
    seeds = [Seed(each, each) for each in ids]
    top = Function(ids[0], constraints=(DUNDER,))

    free = propagate(map(Function, ids), calls, seeds[-1:])
    stuck = propagate([top, *map(Function, ids[1:])], calls, seeds)
    assert free.converted == tuple(ids)
    assert free.why(ids[0]).path == tuple(ids)
    assert len(stuck.refused) == size
    assert stuck.refused[-1].path == tuple(reversed(ids))


def test_a_large_family_is_named_in_linear_space() -> None:
    """The arrows within a family grow with its size, and still bind every member to every other."""
    size = 5_000
    functions = [Function(f"{number:05}", family="f") for number in range(size)]
    result = propagate(functions, [], [Seed("1", functions[-1].id)])

    assert len(result.converted) == size
    assert sum(map(len, result.requires.values())) == 2 * (size - 1)


def test_a_result_can_be_stored() -> None:
    """A result survives pickling with its paths."""
    result = propagate(_functions("a b c", a=Function("a", constraints=(DUNDER,))), _calls("a>b c>c"), _seeds("b c"))
    again = pickle.loads(pickle.dumps(result))  # noqa: S301 - written one line before

    assert again == result
    assert _refusals(again) == _refusals(result)
    assert again.why("c") == result.why("c")
