"""Decide which functions become coroutine functions: a pure function from a graph to conversions and refusals.

It knows of no blocking call, no file and no syntax: only functions, calls between them, and reasons why something must
stay as it is. A function that becomes a coroutine function makes every call of it an `await`, so every caller becomes
one too, unless it is one already or a remedy stands between the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import groupby
from operator import attrgetter
from typing import TypeAlias, TypeVar

_T = TypeVar("_T")


class Certainty(IntEnum):
    """How sure it is that a call reaches a function, surest first."""

    PROVEN = 0
    INFERRED = 1
    GUESSED = 2


@dataclass(frozen=True, slots=True, order=True)
class Constraint:
    """Why something must stay synchronous.

    Attributes:
        code: the reason's code, such as `ASY101`.
        message: one sentence for people, without the path that leads here.
        path, line, column: where it is.
    """

    code: str
    message: str
    path: str = ""
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Function:
    """A node.

    Attributes:
        id: unique, and the order of results; by convention `path:offset of the definition`.
        is_async: it is a coroutine function already.
        constraints: why it cannot become one; empty where it can.
        family: functions with the same family become coroutine functions together (overrides); empty is alone.
    """

    id: str
    is_async: bool = False
    constraints: tuple[Constraint, ...] = ()
    family: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """An edge: `caller` calls `callee` at `site`.

    Attributes:
        site: unique for the place of the call. Calls with the same site are one place that can reach several functions:
            these become coroutine functions together, since a place either awaits or does not.
        certainty: how sure it is that the call reaches `callee`.
        remedy: what keeps `caller` as it is though `callee` becomes a coroutine function, such as `asyncio.run` at a
            program's entry; empty where there is nothing and `caller` has to follow. It counts only where every call
            with the same site has one.
        constraints: why nothing can be awaited at this place (a lambda, a sort key, an unknown receiver). They do not
            matter where a remedy counts; there the remedy is applied even if `caller` becomes a coroutine function for
            another reason.
    """

    caller: str
    callee: str
    site: str
    certainty: Certainty = Certainty.PROVEN
    remedy: str = ""
    constraints: tuple[Constraint, ...] = ()


@dataclass(frozen=True, slots=True)
class Seed:
    """A blocking call inside `function` that is to become an awaited one.

    Attributes:
        site: unique for the place.
        constraints: why nothing can be awaited at this place.
        remedy: what runs it where it stands, such as `asyncio.run` in a test, so that `function` stays as it is.
    """

    site: str
    function: str
    constraints: tuple[Constraint, ...] = ()
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class _Hop:
    """The next step of a shortest path.

    Attributes:
        goal: the number of what the path leads to.
        towards: the next function; None at the end.
        call: the call between the two; None where they become coroutine functions together.
        last: the path ends at `towards`, because it is `call` that it leads to.
    """

    goal: int
    towards: str | None = None
    call: Call | None = None
    last: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """A seed that stays as it is.

    Attributes:
        seed: which.
        constraint: the reason that is fewest steps away; of several such, the least as constraints are ordered.
        codes: the codes of this reason and of all that are behind it: whoever mends the first meets these next.
    """

    seed: Seed
    constraint: Constraint
    codes: tuple[str, ...]
    # Shared by all refusals of a run, and walked when asked: written out, the paths of a long chain of functions with
    # a seed in each would be quadratic.
    _hops: Mapping[str, _Hop] = field(repr=False, compare=False)

    @property
    def path(self) -> tuple[str, ...]:
        """Return the functions from the seed's own to the one that has the constraint, or in which the call has it.

        Each is called by the next, or becomes a coroutine function together with it (a family, or one call that can
        reach both). It is one function where the constraint is the seed's own.
        """
        return _walk({} if self.seed.constraints else self._hops, self.seed.function)[0]

    @property
    def calls(self) -> tuple[Call, ...]:
        """Return the calls on the path, in its order: `callee` stands before `caller` in `path`."""
        return _walk({} if self.seed.constraints else self._hops, self.seed.function)[1]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a function becomes a coroutine function.

    Attributes:
        path: functions from it down to the one that holds `seed`; each calls the next, or becomes a coroutine function
            together with it.
        calls: the calls on the path, in its order.
        seed: a blocking call that is rewritten.
    """

    path: tuple[str, ...]
    calls: tuple[Call, ...]
    seed: Seed


@dataclass(frozen=True, slots=True)
class Result:
    """What becomes a coroutine function, and what that entails.

    Attributes:
        converted: the functions that become one, in the order of ids.
        seeds: the seeds that are rewritten, in the order of sites.
        refused: the seeds that are not, in the order of sites.
        requires: for each converted function the converted functions that must follow directly: callers that await it,
            and those that it becomes a coroutine function together with. Of the latter each names the first and
            the first names all, so that a large family does not cost the square of its size.
        awaited: the calls of converted functions that become awaits, in the order of sites. Each caller is a coroutine
            function already, or among what the callee requires; that holds for a caller that converts for another
            reason and has a remedy, too: a coroutine function awaits where it can.
        remedied: the calls of converted functions where the remedy is applied, in the order of sites.
        certainty: for each converted function the worst of all its calls that are awaited or remedied.
    """

    converted: tuple[str, ...]
    seeds: tuple[Seed, ...]
    refused: tuple[Refused, ...]
    requires: Mapping[str, tuple[str, ...]]
    awaited: tuple[Call, ...]
    remedied: tuple[Call, ...]
    certainty: Mapping[str, Certainty]
    _hops: Mapping[str, _Hop] = field(repr=False, compare=False)

    def why(self, function: str) -> Reason:
        """Return the shortest way from a converted function to a seed; of several, to the seed whose site comes first.

        Raises:
            ValueError: `function` is not converted.
        """
        hop = self._hops.get(function)
        if hop is None:
            raise ValueError(f"{function!r} does not become a coroutine function")
        return Reason(*_walk(self._hops, function), self.seeds[hop.goal])


def propagate(functions: Iterable[Function], calls: Iterable[Call], seeds: Iterable[Seed]) -> Result:
    """Return the conversions that the seeds need, and a refusal for each seed whose needs cannot be met.

    As many seeds as possible are rewritten, and no function converts that none of them needs. The order of the
    arguments does not matter, nor does what is given twice. The cost is linear but for sorting.

    Raises:
        ValueError: two functions share an id, or a call or a seed names a function that is not there.
    """
    graph = _Graph(functions, calls)
    blocked, reasons = graph.blocked()
    accepted: list[Seed] = []
    refusals: list[tuple[Seed, Constraint]] = []
    codes = graph.codes_met()
    met: list[tuple[str, ...]] = []
    for seed in _unique(sorted(seeds, key=attrgetter("site", "function", "constraints"))):
        number = graph.number(seed.function, seed.site)
        if not seed.constraints and (seed.remedy or number not in blocked):
            accepted.append(seed)
            continue
        refusals.append((seed, min(seed.constraints) if seed.constraints else reasons[blocked[number][0]]))
        met.append(tuple(sorted(codes.get(number, frozenset()) | {each.code for each in seed.constraints})))
    converted = graph.converted(accepted)
    hops = graph.hops(blocked, (seed.function for seed, _ in refusals))
    awaited, remedied = graph.rewritten(converted)
    return Result(
        converted=tuple(graph.ids[each] for each in sorted(converted)),
        seeds=tuple(accepted),
        refused=tuple(
            Refused(seed, constraint, codes, hops) for (seed, constraint), codes in zip(refusals, met, strict=True)
        ),
        requires=graph.requires(converted, awaited),
        awaited=tuple(graph.calls[each] for each in awaited),
        remedied=tuple(graph.calls[each] for each in remedied),
        certainty=graph.certainty(converted, [*awaited, *remedied]),
        _hops=graph.hops(converted, (graph.ids[each] for each in converted)),
    )


_Label: TypeAlias = tuple[int, int, int, bool]
"""A hop in numbers, so that of two with the same length the less is the better: goal, towards, call, last."""


class _Graph:
    """Functions and calls by number: functions in the order of ids, calls in the order of sites.

    Edges are kept between functions that are not coroutine functions yet; nothing spreads through the others.
    """

    def __init__(self, functions: Iterable[Function], calls: Iterable[Call]) -> None:
        self.functions = sorted(functions, key=attrgetter("id"))
        self.ids = [each.id for each in self.functions]
        self._numbers = {each: number for number, each in enumerate(self.ids)}
        if len(self._numbers) < len(self.ids):
            twice = next(one for one, other in zip(self.ids, self.ids[1:], strict=False) if one == other)
            raise ValueError(f"two functions have the id {twice!r}")
        self.calls: list[Call] = []
        self.callers: list[int] = []
        self.callees: list[int] = []
        # Per call: what its place says, which several calls may share.
        self.kept: list[bool] = []
        self.constraint: dict[int, Constraint] = {}
        # Per function: calls of it, and calls in it, over which a conversion spreads.
        self.up: list[list[int]] = [[] for _ in self.ids]
        self.down: list[list[int]] = [[] for _ in self.ids]
        # Functions that convert together, and for each function the groups that it is in.
        self.groups: list[list[int]] = []
        self.memberships: dict[int, list[int]] = {}
        families: dict[str, list[int]] = {}
        for number, function in enumerate(self.functions):
            if function.family and not function.is_async:
                families.setdefault(function.family, []).append(number)
        for _, members in sorted(families.items()):
            self._join(members)
        for _, place in groupby(sorted(calls, key=attrgetter("site")), key=attrgetter("site")):
            self._add_place(list(place))

    def number(self, function: str, site: str) -> int:
        """Return the number of a function that `site` names."""
        try:
            return self._numbers[function]
        except KeyError:
            raise ValueError(f"{site!r} names a function that is not there: {function!r}") from None

    def _add_place(self, place: list[Call]) -> None:
        """Add the calls of one site."""
        if len(place) > 1:
            place = _unique(sorted(place, key=attrgetter("caller", "callee", "remedy", "certainty", "constraints")))
        kept = all(each.remedy for each in place)
        constraint = min((reason for each in place for reason in each.constraints), default=None)
        callees: list[int] = []
        for call in place:
            number = len(self.calls)
            caller, callee = self.number(call.caller, call.site), self.number(call.callee, call.site)
            self.calls.append(call)
            self.callers.append(caller)
            self.callees.append(callee)
            self.kept.append(kept)
            if constraint is not None:
                self.constraint[number] = constraint
            if self.functions[callee].is_async:
                continue
            callees.append(callee)
            if not (kept or self.functions[caller].is_async):
                self.up[callee].append(number)
                self.down[caller].append(number)
        # A family is joined already.
        if len({self.functions[each].family or each for each in callees}) > 1:
            self._join(sorted(set(callees)))

    def _join(self, members: list[int]) -> None:
        if len(members) > 1:
            for each in members:
                self.memberships.setdefault(each, []).append(len(self.groups))
            self.groups.append(members)

    def blocked(self) -> tuple[dict[int, _Label], list[Constraint]]:
        """Return the functions that cannot convert, each with its way to the nearest reason, and the reasons."""
        own = {
            number: min(function.constraints)
            for number, function in enumerate(self.functions)
            if function.constraints and not function.is_async
        }
        reasons = sorted({*own.values(), *self.constraint.values()})
        ranks = {each: rank for rank, each in enumerate(reasons)}
        # A call that cannot be awaited blocks what it calls, even in a coroutine function, and lies one step away.
        called: dict[int, _Label] = {}
        for number, constraint in self.constraint.items():
            callee = self.callees[number]
            if not (self.kept[number] or self.functions[callee].is_async):
                _offer(called, callee, (ranks[constraint], self.callers[number], number, True))
        sources = {number: ranks[constraint] for number, constraint in own.items()}
        return self._nearest(sources, self.down, self.callees, called), reasons

    def codes_met(self) -> dict[int, frozenset[str]]:
        """Return for each function that cannot convert the codes of all reasons in it and in whatever has to follow.

        There are few codes, and what is known of a function only grows, so this is linear in the edges, too.
        """
        found: dict[int, frozenset[str]] = {}
        fresh: list[tuple[int, frozenset[str]]] = [
            (number, frozenset(each.code for each in function.constraints))
            for number, function in enumerate(self.functions)
            if function.constraints and not function.is_async
        ]
        for number, constraint in self.constraint.items():
            callee = self.callees[number]
            if not (self.kept[number] or self.functions[callee].is_async):
                fresh.append((callee, frozenset({constraint.code})))
        while fresh:
            number, codes = fresh.pop()
            known = found.get(number, frozenset())
            if codes <= known:
                continue
            found[number] = known | codes
            fresh += ((self.callees[call], codes) for call in self.down[number])
            fresh += ((each, codes) for group in self.memberships.get(number, ()) for each in self.groups[group])
        return found

    def converted(self, seeds: list[Seed]) -> dict[int, _Label]:
        """Return the functions that convert for the sake of `seeds`, each with its way to the nearest of them."""
        sources: dict[int, int] = {}
        for rank, seed in enumerate(seeds):
            number = self._numbers[seed.function]
            if not (self.functions[number].is_async or seed.remedy):
                sources.setdefault(number, rank)
        return self._nearest(sources, self.up, self.callers, {})

    def _nearest(
        self, sources: Mapping[int, int], edges: list[list[int]], ends: list[int], ahead: Mapping[int, _Label]
    ) -> dict[int, _Label]:
        """Spread from `sources` in layers; return what is reached with the first hop of its best way back.

        Args:
            sources: functions with the rank of the goal that they hold.
            edges: per function the calls to spread over.
            ends: per call the function to spread to.
            ahead: functions that are one step away from a goal that no function holds.
        """
        found: dict[int, _Label] = {number: (rank, -1, -1, True) for number, rank in sources.items()}
        layer = list(found)
        fresh = {number: label for number, label in ahead.items() if number not in found}
        joined = bytearray(len(self.groups))
        while True:
            # A group is entered once, by the best of its members that are reached first: then all are reached.
            entered: dict[int, _Label] = {}
            for number in layer:
                rank = found[number][0]
                for call in edges[number]:
                    if ends[call] not in found:
                        _offer(fresh, ends[call], (rank, number, call, False))
                for group in self.memberships.get(number, ()):
                    if not joined[group]:
                        # Of two ways to the same function the call is shown, so no call comes last.
                        _offer(entered, group, (rank, number, len(self.calls), False))
            for group, label in entered.items():
                joined[group] = True
                for member in self.groups[group]:
                    if member not in found:
                        _offer(fresh, member, label)
            if not fresh:
                return found
            found.update(fresh)
            layer = list(fresh)
            fresh = {}

    def hops(self, labels: Mapping[int, _Label], starts: Iterable[str]) -> dict[str, _Hop]:
        """Return the hops on the ways from `starts`, at least."""
        found: dict[str, _Hop] = {}
        for start in starts:
            number = self._numbers[start]
            while number in labels and self.ids[number] not in found:
                goal, towards, call, last = labels[number]
                if towards < 0:
                    found[self.ids[number]] = _Hop(goal)
                    break
                between = self.calls[call] if call < len(self.calls) else None
                found[self.ids[number]] = _Hop(goal, self.ids[towards], between, last)
                number = towards
        return found

    def rewritten(self, converted: Mapping[int, _Label]) -> tuple[list[int], list[int]]:
        """Return the calls that are awaited, and those where the remedy is applied."""
        awaited: list[int] = []
        remedied: list[int] = []
        for number, callee in enumerate(self.callees):
            if callee in converted:
                stays = number in self.constraint or self.callers[number] not in converted
                (remedied if self.kept[number] and stays else awaited).append(number)
        return awaited, remedied

    def requires(self, converted: Mapping[int, _Label], awaited: list[int]) -> dict[str, tuple[str, ...]]:
        """Return for each converted function what must convert with it."""
        needed: dict[int, set[int]] = {each: set() for each in sorted(converted)}
        for number in awaited:
            if self.callers[number] in converted:
                needed[self.callees[number]].add(self.callers[number])
        for first, *others in self.groups:
            if first in converted:
                needed[first].update(others)
                for each in others:
                    needed[each].add(first)
        return {
            self.ids[number]: tuple(self.ids[each] for each in sorted(others - {number}))
            for number, others in needed.items()
        }

    def certainty(self, converted: Mapping[int, _Label], rewritten: list[int]) -> dict[str, Certainty]:
        """Return for each converted function how sure the calls of it are that are rewritten."""
        worst = dict.fromkeys(sorted(converted), Certainty.PROVEN)
        for number in rewritten:
            callee = self.callees[number]
            worst[callee] = max(worst[callee], self.calls[number].certainty)
        return {self.ids[number]: certainty for number, certainty in worst.items()}


def _offer(labels: dict[int, _Label], number: int, label: _Label) -> None:
    """Keep the better of `label` and what is there."""
    if number not in labels or label < labels[number]:
        labels[number] = label


def _walk(hops: Mapping[str, _Hop], start: str) -> tuple[tuple[str, ...], tuple[Call, ...]]:
    """Return the functions and the calls on the way from `start`."""
    path: list[str] = [start]
    calls: list[Call] = []
    while (hop := hops.get(path[-1])) is not None and hop.towards is not None:
        path.append(hop.towards)
        if hop.call is not None:
            calls.append(hop.call)
        if hop.last:
            break
    return tuple(path), tuple(calls)


def _unique(ordered: list[_T]) -> list[_T]:
    """Return a sorted list without what stands in it twice."""
    return [each for index, each in enumerate(ordered) if not index or each != ordered[index - 1]]
