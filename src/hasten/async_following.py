"""What tests do beside calling a function: hand it to `raises` or `addCleanup`, run commands that start a loop.

It decides which tests become coroutine functions, once the rest of the graph is there, and which stay as they are and
call `asyncio.run`: no loop runs around a plain test, so that is as good where there is something in its way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Protocol

from hasten import async_forms, propagate
from hasten.async_doubles import Doubles
from hasten.async_fixtures import scope_of
from hasten.async_forms import Form, More, Shown
from hasten.async_kinds import key_of, owner_of
from hasten.async_mentions import Mentions
from hasten.async_places import Places, Surroundings, because, function_around
from hasten.async_receivers import Reached, Receivers
from hasten.async_returned import Returned
from hasten.async_rules import Definitions, stays_plain
from hasten.async_starting import Starting
from hasten.async_tests import RENAMED
from hasten.index.module import Call, Read, Scope
from hasten.index.program import Program
from hasten.model import ImportRequest
from hasten.propagate import Constraint

#: Takers of a function that call it at once and expect an exception, and how many arguments stand before it.
_EXPECTING = {
    "raises": 1,
    "warns": 1,
    "assertRaises": 1,
    "assertWarns": 1,
    "assertRaisesRegex": 2,
    "assertWarnsRegex": 2,
}
_OF_PYTEST = frozenset({"raises", "warns"})
#: What cannot hurt in a test: no task runs beside it.
_ALONE = frozenset({"ASY002", "ASY003", "ASY107"})


class Node(Protocol):
    """What is asked of a node of the graph."""

    scope: Scope
    family: str
    constraints: list[Constraint]


class Following:
    """Answers for the tests of one program."""

    def __init__(
        self,
        program: Program,
        receivers: Receivers,
        definitions: Definitions,
        mentions: Mentions,
        doubles: Doubles,
        places: Places,
    ) -> None:
        """Take the program, and what is known of it."""
        self.program = program
        self._receivers = receivers
        self._definitions = definitions
        self._mentions = mentions
        #: By site, for calls in tests, what is in the way of `asyncio.run` there; None where it cannot stand there.
        self._wrapped: dict[str, tuple[Constraint, ...] | None] = {}
        self._returned = returned = Returned(program)
        self.starting = Starting(
            program,
            receivers,
            definitions,
            mentions,
            returned,
            lambda call: ((found := places.around(call, seed=False)), self.around(call, found)),
        )
        mentions.handled = lambda function, read: (
            self._taker(function, read) is not None
            or doubles.is_double(function, read)
            or returned.is_returned(function, read)
        )

    def follows(self, scope: Scope) -> bool:
        """Tell whether a function is a test, or belongs to one, and may become a coroutine function."""
        return scope.kind == "function" and not scope.is_async and self._definitions.verdict(scope).test

    # --- one call -------------------------------------------------------------------------------------------------

    def around(self, call: Call, found: Surroundings) -> Surroundings:
        """Return what stands around a call, less what does not matter in a test."""
        if not self.follows(found.function):
            return found
        expected = self._expecting_lambda(call) is not None
        constraints = (
            each for each in found.constraints if each.code not in _ALONE and not (expected and each.code == "ASY101")
        )
        hazards = (each for each in found.hazards if each.code not in _ALONE)
        return Surroundings(found.function, tuple(constraints), tuple(hazards))

    def note(self, site: str, wrapped: tuple[Constraint, ...] | None) -> None:
        """Note what is in the way of `asyncio.run` at a call in a test."""
        self._wrapped[site] = wrapped

    def use(self, call: Call, function: Scope, otherwise: Callable[[], Shown]) -> Shown:
        """Return how a call of a function is written, or one that it is handed to; `otherwise` says how elsewhere."""
        if call.tail in _EXPECTING and self._taken_at(call) is not None and function.name != call.tail:
            return Shown(Form("expect", (("leading", str(_EXPECTING[call.tail])),)))
        if call.tail == "addCleanup" and function.name != call.tail:
            return Shown(Form("call-method", (("name", "addAsyncCleanup"),)))
        if function.name in RENAMED and call.tail == function.name and self.follows(function):
            return Shown(Form("await-method", (("name", RENAMED[function.name]),)))
        taker = self._expecting_lambda(call)
        if taker is not None and self.follows(function_around(call.module, call.scope)):
            kind = async_forms.kind_of(function)
            if not kind:
                leading = (("leading", str(_EXPECTING[taker.tail])),)
                return Shown(Form("await-call", more=(More(taker.module, taker.span, "expect", leading),)))
        return otherwise()

    def handed(self, function: Scope) -> Iterator[tuple[Call, Reached]]:
        """Yield the calls in tests that a function is handed to, and those of what a fixture returns."""
        for call in self._returned.calls(function) or ():
            yield call, Reached((function,))
        for read in self._mentions.references(function):
            taker = self._taker(function, read)
            if taker is not None:
                yield taker, Reached((function,))

    def _taker(self, function: Scope, read: Read) -> Call | None:
        """Return the call that a function is handed to, and that can be written in another way."""
        if read.use[0] != "arg" or async_forms.kind_of(function):
            return None
        taker = read.module.call(read.use[1])
        if not self.follows(function_around(taker.module, taker.scope)) or not self._is_it(function, read):
            return None
        if taker.tail == "addCleanup":
            return taker if read.use[2] == 0 and taker.function[:2] == ["a", ["n", "self"]] else None
        return taker if read.use[2] == self._taken_at(taker) else None

    def _is_it(self, function: Scope, read: Read) -> bool:
        """Tell whether what is read is surely the function, or one that overrides it or that it overrides."""
        if owner_of(function) is None:
            return True
        for base, _use, scope, start, _end in read.module.facts["attribute_reads"].get(function.name, ()):
            if start == read.span.start:
                owner = self._receivers.class_around(read.module, scope, base)
                kind = owner if owner is not None else self._receivers.kind(read.module, scope, base)
                method = self.program.find_method(kind, function.name) if isinstance(kind, Scope) else None
                return method is not None and self._is_of_one_family(method, function)
        return False

    def _is_of_one_family(self, one: Scope, other: Scope) -> bool:
        first, second = owner_of(one), owner_of(other)
        if first is None or second is None:
            return key_of(one) == key_of(other)
        return self.program.derives(first, second) or self.program.derives(second, first)

    def _taken_at(self, taker: Call) -> int | None:
        """Return which argument of `raises(E, f)` is the function; None where it is something else, or no statement."""
        position = _EXPECTING.get(taker.tail)
        plain = all(each.keyword not in {"*", "**"} for each in taker.arguments)
        if position is None or len(taker.arguments) <= position or not plain:
            return None
        if taker.tail in _OF_PYTEST:
            named = taker.module.dotted(taker.scope, taker.function) == f"pytest.{taker.tail}"
            return position if named and taker.use[0] in {"expr", "asg"} else None
        own = taker.function[0] == "a" and taker.function[1] == ["n", "self"]
        return position if own and taker.use[0] == "expr" else None

    def _expecting_lambda(self, call: Call) -> Call | None:
        """Return the call of `raises` that the lambda around a call is handed to, None where there is none."""
        module, scope = call.module, call.module.scope(call.scope)
        use = scope.bases[0] if scope.kind == "lambda" and scope.bases and not scope.parameters else ["lambda"]
        if use[0] != "arg":
            return None
        taker = module.call(int(use[1]))
        return taker if use[2] == self._taken_at(taker) and len(taker.arguments) == use[2] + 1 else None

    # --- in the end -----------------------------------------------------------------------------------------------

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
        tests = {key: node for key, node in sorted(nodes.items()) if self.follows(node.scope)}
        # What a fixture registers runs when it is over.
        running = [
            nodes[each.caller].scope
            for each in edges.values()
            if each.remedy == run or (each.remedy and not self.follows(nodes[each.caller].scope))
        ]
        running += [nodes[key].scope for key, form in forms.items() if form.action == "run-inside" and key in nodes]
        by_caller: dict[str, list[tuple[str, str, str]]] = {}
        for place, edge in edges.items():
            by_caller.setdefault(edge.caller, []).append(place)
        requesting = list(self.starting.requesting()) if tests and flask else []
        self._hand_to_threads(
            tests,
            {key: [edges[each] for each in places] for key, places in by_caller.items()},
            forms,
            running,
            requesting,
        )
        reasons = self.starting.starters(running, requesting).why if tests else {}
        pending = [
            (key, why)
            for key, node in tests.items()
            # What a test does by itself may block, and needs no reason.
            if (key in by_caller or node.family)
            and (why := self._in_the_way(node, [edges[each] for each in by_caller.get(key, ())], reasons))
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
            role = self._definitions.tests.role(node.scope) if self.follows(node.scope) else None
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
