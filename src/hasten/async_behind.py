"""What nobody mends above blocking calls that are refused, for a reason that may well be mended.

A refusal names what is nearest. Whoever mends that meets what is above it. A special method or a property there, or
what others call, is no matter of advice, and is named first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hasten.async_codes import FIRM
from hasten.callgraph import CallGraph
from hasten.propagate import Call, Constraint, Seed

#: A lock of threads is held around the call.
_LOCK = "ASY107"
#: Beside those, what others call: whoever has mended all else still could not wait there.
_OF_OTHERS = frozenset({"ASY127", "ASY130", "ASY133"})
DEEP = FIRM | _OF_OTHERS | {_LOCK}


def deepest(graph: CallGraph) -> dict[str, Constraint]:
    """Return, by the site of a blocking call, what nobody mends there or above it; nothing for calls without.

    What tests do is left out.

    Args:
        graph: a thorough one, see `hasten.callgraph.build`.
    """
    up = _Up(graph)
    found = {each.site: up.deepest(each) for each in graph.seeds}
    return {site: each for site, each in found.items() if each is not None}


class _Up:
    """The ways up in one graph."""

    def __init__(self, graph: CallGraph) -> None:
        self._functions = {each.id: each for each in graph.functions}
        self._family: Mapping[str, str] = {each.id: each.family or each.id for each in graph.functions}
        self._members: dict[str, list[str]] = {}
        for each in graph.functions:
            self._members.setdefault(self._family[each.id], []).append(each.id)
        self._calls: dict[str, list[Call]] = {}
        for call in graph.calls:
            self._calls.setdefault(self._family[call.callee], []).append(call)

    def deepest(self, seed: Seed) -> Constraint | None:
        """Return the nearest of what is firmest."""
        found = [each for each in self._above(seed) if each.code in DEEP and not is_of_tests(each.path)]
        for codes in (FIRM, _OF_OTHERS, {_LOCK}):
            for each in found:
                if each.code in codes:
                    return each
        return None

    def _above(self, seed: Seed) -> Iterator[Constraint]:
        """Yield all constraints above a seed, nearest first."""
        yield from seed.constraints
        ways = [self._family[seed.function]]
        seen = set(ways)
        for family in ways:
            constraints = sorted(one for each in self._members[family] for one in self._functions[each].constraints)
            yield from constraints
            if any(each.code in FIRM for each in constraints):
                continue
            for call in self._calls.get(family, ()):
                if call.remedy:
                    continue  # it is wrapped, and nothing above it waits
                yield from call.constraints
                onward = self._family[call.caller]
                if onward not in seen:
                    seen.add(onward)
                    ways.append(onward)


def is_of_tests(path: str) -> bool:
    """Tell whether a file is one of tests, by its name."""
    name = path.rpartition("/")[2]
    return name == "conftest.py" or name.startswith("test_") or name.endswith("_test.py")
