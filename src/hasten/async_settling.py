"""Which tests become coroutine functions, once the rest of the graph is there, and which stay as they are.

These call `asyncio.run`: no loop runs around a plain test, so that is as good where there is something in its way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Protocol

from hasten import propagate
from hasten.async_answers import Answers
from hasten.async_fixtures import scope_of
from hasten.async_forms import Form
from hasten.async_kinds import key_of
from hasten.async_places import because
from hasten.async_rules import stays_plain
from hasten.async_starting import Starting
from hasten.index.module import Call, Scope
from hasten.model import ImportRequest
from hasten.propagate import Constraint


class Node(Protocol):
    """What is asked of a node of the graph."""

    scope: Scope
    family: str
    constraints: list[Constraint]


class Settling:
    """The tests of one graph.

    Attributes:
        starting: which functions start a loop once all is converted.
    """

    def __init__(self, answers: Answers) -> None:
        """Take what is known of the program."""
        self._following = answers.following
        self._definitions = answers.definitions
        self._starts = answers.starts
        #: By site, for calls in tests, what is in the way of `asyncio.run` there; None where it cannot stand there.
        self._wrapped: dict[str, tuple[Constraint, ...] | None] = {}
        self.starting = Starting(
            answers.program,
            answers.receivers,
            answers.mentions,
            answers.starts,
            lambda call: (
                (found := answers.places.around(call, seed=False)),
                answers.following.around(call, found),
            ),
        )

    def note(self, site: str, wrapped: tuple[Constraint, ...] | None) -> None:
        """Note what is in the way of `asyncio.run` at a call in a test."""
        self._wrapped[site] = wrapped

    def settle(
        self,
        nodes: Mapping[str, Node],
        edges: dict[tuple[str, str, str], propagate.Call],
        forms: dict[str, Form],
        run: str,
        *,
        flask: bool,
    ) -> None:
        """Let the tests stay as they are that cannot become coroutine functions.

        Args:
            nodes, edges, forms: those of the graph, by id.
            run: the remedy of calls that stand in `asyncio.run`.
            flask: a view of Flask becomes a coroutine function, which Flask runs in a loop of its own.
        """
        tests = {key: node for key, node in sorted(nodes.items()) if self._following.follows(node.scope)}
        # What a fixture registers runs when it is over.
        running = [
            nodes[each.caller].scope
            for each in edges.values()
            if each.remedy == run or (each.remedy and not self._following.follows(nodes[each.caller].scope))
        ]
        running += [nodes[key].scope for key, form in forms.items() if form.action == "run-inside" and key in nodes]
        by_caller: dict[str, list[tuple[str, str, str]]] = {}
        for place, edge in edges.items():
            by_caller.setdefault(edge.caller, []).append(place)
        requesting = list(self._starts.requesting()) if tests and flask else []
        self._hand_to_threads(
            tests,
            {key: [edges[each] for each in places] for key, places in by_caller.items()},
            forms,
            running,
            requesting,
        )
        # What a test does by itself may block, and needs no reason.
        asked = {key: node for key, node in tests.items() if key in by_caller or node.family}
        mine = [key_of(each.scope) for each in asked.values()]
        reasons = self.starting.starters(running, requesting, mine).why if asked else {}
        pending = [
            (key, why)
            for key, node in asked.items()
            if (why := self._in_the_way(node, [edges[each] for each in by_caller.get(key, ())], reasons))
        ]
        families: dict[str, list[str]] = {}
        for key, node in nodes.items():
            families.setdefault(node.family or key, []).append(key)
        stopped = {node.family or key: node.constraints[0] for key, node in nodes.items() if node.constraints}
        pending += [
            (key, f"it is converted with others, and {stopped[family].message}")
            for key, node in tests.items()
            if (family := node.family or key) in stopped
        ]
        done: set[str] = set()
        while pending:
            key, why = pending.pop(0)
            if key in done or key not in tests:
                continue
            done.add(key)
            node = tests[key]
            pending += [(each, why) for each in families[node.family or key]]
            role = self._definitions.tests.role(node.scope)
            message = stays_plain(node.scope, role, why) if role is not None else why
            node.constraints.append(because("ASY129", message, node.scope.module, node.scope.span.start))
            forms.pop(key, None)
            for place in by_caller.get(key, ()):
                self._run_at(place, edges, forms, run)

    def _hand_to_threads(
        self,
        tests: Mapping[str, Node],
        edges: Mapping[str, list[propagate.Call]],
        forms: dict[str, Form],
        running: list[Scope],
        requesting: list[Scope],
    ) -> None:
        """Let tests become coroutine functions that start a loop, and await what `asyncio.run` could not."""
        wanting = {
            key: node
            for key, node in tests.items()
            if not (node.constraints or node.family)
            and any(self._wrapped.get(each.site) != () for each in edges.get(key, ()))
        }
        if not wanting:
            return
        found = self.starting.starters(running, ())
        # A client of Flask keeps what it did in variables of its context, which are not seen outside of a thread.
        pages = self.starting.starters((), requesting).calls if requesting else {}
        own = {key_of(each) for each in (*running, *requesting)}
        for key, node in wanting.items():
            function = key_of(node.scope)
            if function not in found.why or function in pages or function in own:
                continue
            more = self.starting.in_threads(node.scope, found)
            if more:
                form = forms.get(key, Form("async-def"))
                imports = (*form.imports, ImportRequest(node.scope.module.path, "asyncio"))
                forms[key] = replace(form, imports=imports, more=(*form.more, *more))
                self.starting.threaded.add(function)

    def _run_at(
        self,
        place: tuple[str, str, str],
        edges: dict[tuple[str, str, str], propagate.Call],
        forms: dict[str, Form],
        run: str,
    ) -> None:
        edge = edges[place]
        wrapped = self._wrapped.get(edge.site)
        if wrapped is not None:
            edges[place] = replace(edge, remedy="" if wrapped else run, constraints=wrapped)
            forms.pop(edge.site, None)

    def _in_the_way(self, node: Node, edges: list[propagate.Call], reasons: Mapping[tuple[str, int], str]) -> str:
        """Return why a test stays as it is, `""` where nothing stands in its way."""
        if node.constraints:
            return min(node.constraints).message
        if key_of(node.scope) in reasons:
            return reasons[key_of(node.scope)]
        helped = (each for each in edges if each.constraints and self._wrapped.get(each.site) == ())
        return next((f"{each.constraints[0].message} (line {each.constraints[0].line})" for each in helped), "")

    def hazards(
        self, nodes: Mapping[str, Node], forms: Mapping[str, Form], bound: Callable[[], Call | None]
    ) -> Iterator[tuple[str, Constraint]]:
        """Yield a hazard for what differs in a thread, and one for each fixture that lives longer than a test.

        The latter is one where something is bound to a loop.
        """
        tests = {key_of(node.scope): (key, node.scope) for key, node in sorted(nodes.items()) if key in forms}
        for test, hazard in self.starting.hazards([each for _key, each in tests.values()]):
            yield tests[key_of(test)][0], hazard
        for key, node in sorted(nodes.items()):
            role = self._definitions.tests.role(node.scope) if self._following.follows(node.scope) else None
            if role is None or role.kind != "fixture" or key not in forms or node.constraints:
                continue
            scope = scope_of(node.scope)
            kept = bound() if scope != "function" else None
            if kept is not None:
                what = f"`{kept.tail}()` of {kept.module.path}:{kept.module.position(kept.span.start).line}"
                message = (
                    f"`{node.scope.name}` is set up in a loop that is not the one of the tests; {what} is bound to one"
                )
                yield key, because("ASY007", message, node.scope.module, node.scope.span.start)
