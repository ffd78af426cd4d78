"""Which of the blocking calls of a graph are awaited, and which functions become coroutine functions for that."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from hasten import propagate
from hasten.async_places import because
from hasten.callgraph import CallGraph
from hasten.index.program import Program
from hasten.propagate import Constraint
from hasten.uses import trouble_with


class Choice:
    """What is awaited.

    Attributes:
        refused: by site, the calls that something stands in the way of.
        waited: the sites that a coroutine reaches, of the others.
        result: what is awaited, and what follows.
    """

    def __init__(
        self,
        program: Program,
        graph: CallGraph,
        family: Mapping[str, str],
        sites_of: Collection[Sequence[str]],
        *,
        unasked: bool,
        idle_tests: Callable[[str], bool],
    ) -> None:
        """Choose.

        Args:
            program, graph: what is known.
            family: by function, with which ones it converts.
            sites_of: the sites of calls that are awaited together.
            unasked: whether calls are awaited that no coroutine reaches.
            idle_tests: tells of the file at a path whether that goes for what its tests do by themselves, too.
        """
        self._program = program
        self._graph = graph
        self._family = family
        self._sites_of = sites_of
        self._idle_tests = idle_tests
        functions = self._functions()
        self._possible = propagate.propagate(functions, graph.calls, graph.seeds)
        self.refused = {each.seed.site: each for each in self._possible.refused}
        whole = self._whole()
        waited = self._reached(whole)
        self.waited = {each.site for each in waited}
        wanting = self._without_idle_tests(functions, whole if unasked else waited)
        self.result = propagate.propagate(functions, graph.calls, wanting)

    def _functions(self) -> list[propagate.Function]:
        """Return the functions of the graph, those constrained whose callers could not call `asyncio.run`."""
        taken: dict[str, list[Constraint]] = {}
        for call in self._graph.calls:
            if call.remedy:
                site = self._graph.sites[call.site]
                trouble = trouble_with(self._program, site.module, site.scope, "asyncio", site.span.start)
                if trouble:
                    message = f"{trouble}, and `asyncio.run` is needed here"
                    taken.setdefault(call.callee, []).append(because("ASY151", message, site.module, site.span.start))
        return [
            replace(each, constraints=(*each.constraints, *taken[each.id])) if each.id in taken else each
            for each in self._graph.functions
        ]

    def _whole(self) -> list[propagate.Seed]:
        """Return the seeds that nothing stands in the way of, nor of those that go with them."""
        kept = {site for sites in self._sites_of for site in sites if not self.refused.keys() & set(sites)}
        return [each for each in self._possible.seeds if each.site in kept]

    def _reached(self, whole: Sequence[propagate.Seed]) -> list[propagate.Seed]:
        """Return those of `whole` that a coroutine reaches: where nobody waits for a loop, nothing is gained by one.

        A function that becomes a coroutine function for the sake of one seed makes a coroutine reach others.
        """
        below: dict[str, list[str]] = {}
        for call in self._graph.calls:
            below.setdefault(call.caller, []).append(self._family[call.callee])
        for each, family in self._family.items():
            # A call of one of a family may reach any of them.
            below.setdefault(each, []).append(family)
            below.setdefault(family, []).append(each)
        awake: set[str] = set()
        fresh = [each.id for each in self._graph.functions if each.is_async]
        seeds: list[propagate.Seed] = []
        while fresh:
            while fresh:
                function = fresh.pop()
                if function not in awake:
                    awake.add(function)
                    fresh += below.get(function, ())
            seeds = [each for each in whole if each.function in awake]
            converted = propagate.propagate(self._graph.functions, self._graph.calls, seeds).converted
            fresh = [each for each in converted if each not in awake]
        return seeds

    def _without_idle_tests(
        self, functions: list[propagate.Function], seeds: list[propagate.Seed]
    ) -> list[propagate.Seed]:
        """Return `seeds` less those of tests that await nothing else: what a test does by itself may block.

        What is asked for in each of the files that a connection is used in stays among them.
        """
        function = {each.site: each.function for each in seeds}
        mine = {
            site
            for sites in self._sites_of
            if all(function.get(site, "") in self._graph.tests for site in sites)
            and not all(self._idle_tests(self._graph.sites[site].module.path) for site in sites)
            for site in sites
        }
        if not mine:
            return seeds
        others = [each for each in seeds if each.site not in mine]
        converted = set(propagate.propagate(functions, self._graph.calls, others).converted)
        return [each for each in seeds if each.site not in mine or each.function in converted]
