"""The propagation engine on random graphs, against a search that tries every set of functions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from hasten.propagate import Call, Certainty, Constraint, Function, Refused, Result, Seed, propagate

DUNDER = Constraint("ASY101", "it is a special method")
LAMBDA = Constraint("ASY102", "it is called in a lambda")


@dataclass(frozen=True)
class Graph:
    """A random input."""

    functions: list[Function]
    calls: list[Call]
    seeds: list[Seed]

    def run(self) -> Result:
        """Return the result."""
        return propagate(self.functions, self.calls, self.seeds)


NODES = (
    *[Function("")] * 24,
    *[Function("", family="m")] * 4,
    *[Function("", family="n")] * 3,
    *[Function("", is_async=True)] * 4,
    Function("", is_async=True, family="m", constraints=(DUNDER,)),
    Function("", constraints=(DUNDER,)),
    *[Function("", constraints=(LAMBDA,))] * 2,
    Function("", constraints=(LAMBDA, DUNDER)),
    Function("", family="n", constraints=(LAMBDA,)),
)
EDGES = (
    *[Call("", "", "")] * 24,
    *[Call("", "", "", Certainty.GUESSED)] * 4,
    *[Call("", "", "", Certainty.INFERRED, "asyncio.run")] * 6,
    Call("", "", "", remedy="twin"),
    Call("", "", "", remedy="asyncio.run", constraints=(LAMBDA,)),
    Call("", "", "", constraints=(DUNDER,)),
    Call("", "", "", constraints=(LAMBDA, DUNDER)),
)
PLACES = (*[()] * 9, (LAMBDA, DUNDER))


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Draw a graph of up to 12 functions, with as many calls as give it long paths and cycles."""
    ids = [f"f{number:02}" for number in range(draw(st.integers(1, 12)))]
    name = st.sampled_from(ids)
    functions = [replace(draw(st.sampled_from(NODES)), id=each) for each in ids]
    # A site now and then is that of another call, too: a place that reaches several functions.
    site = st.integers(0, 70).map(lambda number: f"s{number:02}")
    edges = st.lists(st.tuples(st.sampled_from(EDGES), name, name, site), min_size=len(ids), max_size=2 * len(ids))
    seeds = st.lists(st.tuples(name, st.sampled_from(PLACES)), min_size=1, max_size=4)
    calls = [replace(each, caller=caller, callee=callee, site=at) for each, caller, callee, at in draw(edges)]
    # One call is told twice, in two ways.
    first = calls[0]
    # Two seeds with one site are more than the engine is promised, and still in one order.
    return Graph(
        functions,
        [*calls, replace(draw(st.sampled_from(EDGES)), caller=first.caller, callee=first.callee, site=first.site)],
        [Seed(f"b{number // 2}", function, place) for number, (function, place) in enumerate(draw(seeds), 1)],
    )


class Law:
    """What the words of the specification say about a graph, function by function and without any cleverness."""

    def __init__(self, graph: Graph) -> None:
        """Look at `graph`."""
        self.graph = graph
        self.sync = {each.id: each for each in graph.functions if not each.is_async}
        self.bare = [each for each in graph.calls if not self.helped(each)]

    def place(self, call: Call) -> list[Call]:
        """Return all calls of the place of `call`."""
        return [each for each in self.graph.calls if each.site == call.site]

    def helped(self, call: Call) -> bool:
        """Tell whether a remedy stands at the place."""
        return all(each.remedy for each in self.place(call))

    def reasons(self, call: Call) -> list[Constraint]:
        """Return why nothing can be awaited at the place."""
        return [reason for each in self.place(call) for reason in each.constraints]

    def peers(self, function: str) -> set[str]:
        """Return what converts exactly when `function` does."""
        family = self.sync[function].family
        found = {each.id for each in self.sync.values() if family and each.family == family}
        for call in self.graph.calls:
            if call.callee == function:
                found |= {each.callee for each in self.place(call) if each.callee in self.sync}
        return found - {function}

    def groups(self) -> list[list[str]]:
        """Return what converts together: each family, and each place that reaches more than one family can say."""
        found = [sorted(each.id for each in self.sync.values() if each.family == family) for family in ("m", "n")]
        for call in self.graph.calls:
            callees = sorted({each.callee for each in self.place(call)} & self.sync.keys())
            families = {self.sync[each].family for each in callees}
            if len(families) > 1 or "" in families:
                found.append(callees)
        return [each for each in found if each]

    def followers(self, function: str) -> set[str]:
        """Return what has to convert directly where `function` does."""
        callers = {each.caller for each in self.bare if each.callee == function and each.caller in self.sync}
        return callers | self.peers(function)

    def stops(self, function: str) -> list[tuple[int, Constraint, tuple[str, ...]]]:
        """Return why `function` itself cannot convert, as the rest of a path: its length, the reason, the ids."""
        found: list[tuple[int, Constraint, tuple[str, ...]]] = [
            (1, each, (function,)) for each in self.sync[function].constraints
        ]
        for call in self.bare:
            if call.callee == function:
                found += [(2, each, (function, call.caller)) for each in self.reasons(call)]
        return found

    def possible(self) -> list[frozenset[str]]:
        """Return every set of functions that is closed and in which nothing is constrained, by trying all."""
        ids = sorted(self.sync)
        bits = {each: 1 << number for number, each in enumerate(ids)}
        followers = [sum(bits[other] for other in sorted(self.followers(each))) for each in ids]
        barred = sum(bits[each] for each in ids if self.stops(each))
        return [
            frozenset(each for each in ids if bits[each] & chosen)
            for chosen in range(1 << len(ids))
            if not chosen & barred
            and all(not chosen >> number & 1 or need & ~chosen == 0 for number, need in enumerate(followers))
        ]

    def shortest(self) -> dict[str, tuple[int, Constraint, tuple[str, ...]]]:
        """Return the best path to a constraint for each function that has one, improved until nothing is better."""
        best = {each: min(stops) for each in sorted(self.sync) if (stops := self.stops(each))}
        while True:
            better = dict(best)
            for each in sorted(self.sync):
                for other in sorted(self.followers(each) & best.keys()):
                    length, reason, path = best[other]
                    step = (length + 1, reason, (each, *path))
                    better[each] = min(better.get(each, step), step)
            if better == best:
                return best
            best = better


@settings(max_examples=200, deadline=None)
@given(graphs())
def test_conversions_are_closed_and_allowed(graph: Graph) -> None:
    """No sync caller is left behind, no family is torn, nothing constrained converts or is awaited."""
    result, law = graph.run(), Law(graph)
    converted = set(result.converted)

    assert list(result.converted) == sorted(converted)
    assert converted <= law.sync.keys()
    assert not any(law.sync[each].constraints for each in converted)
    for each in converted:
        assert law.followers(each) <= converted
    for call in result.awaited:
        assert call.callee in converted
        assert call.caller in converted or call.caller not in law.sync
        assert not law.reasons(call)
    for call in result.remedied:
        assert call.callee in converted
        assert law.helped(call)
        assert call.caller not in converted or law.reasons(call)
    assert sorted([*result.awaited, *result.remedied], key=repr) == sorted(
        {each for each in graph.calls if each.callee in converted}, key=repr
    )
    for calls in (result.awaited, result.remedied):
        assert [each.site for each in calls] == sorted(each.site for each in calls)


@settings(max_examples=200, deadline=None)
@given(graphs())
def test_as_much_as_possible_and_no_more_than_needed(graph: Graph) -> None:
    """Of all sets that could convert, none holds a refused seed, and the result is the least with the others."""
    result, law = graph.run(), Law(graph)
    possible = law.possible()
    free = {
        each
        for each in graph.seeds
        if not each.constraints
        and (each.function not in law.sync or any(each.function in chosen for chosen in possible))
    }
    needed = {each.function for each in free} & law.sync.keys()

    assert set(result.seeds) == free
    assert {each.seed for each in result.refused} == set(graph.seeds) - free
    assert len(result.seeds) + len(result.refused) == len(set(graph.seeds))
    assert frozenset(result.converted) == frozenset.intersection(*(each for each in possible if needed <= each))


@settings(max_examples=200, deadline=None)
@given(graphs())
def test_what_is_required_is_what_has_to_follow(graph: Graph) -> None:
    """Callers that await are required directly, peers over the first of them, and so at the latest in two steps."""
    result, law = graph.run(), Law(graph)
    assert tuple(result.requires) == result.converted
    for function in result.converted:
        callers = {each.caller for each in result.awaited if each.callee == function and each.caller in law.sync}
        stars = {
            other for group in law.groups() for other in group if function in group and group[0] in {function, other}
        }
        assert result.requires[function] == tuple(sorted((callers | stars) - {function}))
        assert law.followers(function) - {function} <= _reach(result, function)


def _reach(result: Result, function: str) -> set[str]:
    found, pending = set[str](), [function]
    while pending:
        for each in result.requires[pending.pop()]:
            if each not in found:
                found.add(each)
                pending.append(each)
    return found


@settings(max_examples=200, deadline=None)
@given(graphs())
def test_certainty_is_that_of_the_rewritten_calls(graph: Graph) -> None:
    """Each converted function has the worst certainty of its awaited and remedied calls."""
    result = graph.run()
    for function in result.converted:
        found = [each.certainty for each in [*result.awaited, *result.remedied] if each.callee == function]
        assert result.certainty[function] == max(found, default=Certainty.PROVEN)
    assert tuple(result.certainty) == result.converted


@settings(max_examples=200, deadline=None)
@given(graphs())
def test_refusals_show_the_shortest_path(graph: Graph) -> None:
    """The path is the shortest, with the least constraint and the least ids, and its calls are real."""
    result, law = graph.run(), Law(graph)
    best = law.shortest()
    for refused in result.refused:
        seed = refused.seed
        if seed.constraints:
            assert (refused.constraint, refused.path) == (min(seed.constraints), (seed.function,))
            assert refused.calls == ()
            continue
        assert (len(refused.path), refused.constraint, refused.path) == best[seed.function]
        _check_path(refused, law)


def _check_path(refused: Refused, law: Law) -> None:
    """Check step by step that the calls are those of the path and that the constraint is at its end."""
    calls = list(refused.calls)
    assert set(calls) <= set(law.bare)
    last: Call | None = None
    for callee, caller in pairwise(refused.path):
        last = None
        if calls and (calls[0].callee, calls[0].caller) == (callee, caller):
            last = calls.pop(0)
            assert last.site == min(_sites(law, refused, callee, caller))
        else:
            assert caller in law.peers(callee)
    assert calls == []
    ends = law.sync[refused.path[-1]].constraints if refused.path[-1] in law.sync else ()
    assert refused.constraint in [*ends, *(law.reasons(last) if last else ())]


def _sites(law: Law, refused: Refused, callee: str, caller: str) -> Iterator[str]:
    """Yield the sites of the calls that make a step: at the end of a path, those with the constraint."""
    own = caller in law.sync and refused.constraint in law.sync[caller].constraints
    final = (callee, caller) == refused.path[-2:] and not own
    for each in law.bare:
        if (each.callee, each.caller) == (callee, caller) and (not final or refused.constraint in law.reasons(each)):
            yield each.site


@settings(max_examples=200, deadline=None)
@given(graphs())
def test_why_shows_a_shortest_way_to_a_seed(graph: Graph) -> None:
    """Each step of the way is a bare call or a peer, all convert, and no seed is nearer."""
    result, law = graph.run(), Law(graph)
    homes = {each.function for each in result.seeds}
    for function in result.converted:
        reason = result.why(function)
        calls = list(reason.calls)
        assert reason.path[0] == function
        assert set(reason.path) <= set(result.converted)
        assert reason.path[-1] == reason.seed.function
        assert reason.seed in result.seeds
        for caller, callee in pairwise(reason.path):
            if calls and (calls[0].caller, calls[0].callee) == (caller, callee):
                assert calls.pop(0) in law.bare
            else:
                assert callee in law.peers(caller)
        assert calls == []
        assert len(reason.path) == _distance(function, homes, law)


def _distance(function: str, homes: set[str], law: Law) -> int:
    """Return the number of functions on the shortest way down from `function` to one of `homes`."""
    layer, length = {function}, 1
    while not layer & homes:
        layer |= {each for each in law.sync if law.followers(each) & layer}
        length += 1
        assert length <= len(law.sync)
    return length


@settings(max_examples=200, deadline=None)
@given(graphs(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(graph: Graph, random: Random) -> None:
    """Shuffled, and with everything that may be given twice given twice, the result and its paths are the same."""
    shuffled = Graph([*graph.functions], graph.calls * 2, graph.seeds * 2)
    for values in (shuffled.functions, shuffled.calls, shuffled.seeds):
        random.shuffle(values)
    one, other = graph.run(), shuffled.run()

    assert one == other
    assert repr(one) == repr(other)
    assert [(each.path, each.calls) for each in one.refused] == [(each.path, each.calls) for each in other.refused]
    assert [one.why(each) for each in one.converted] == [other.why(each) for each in other.converted]
