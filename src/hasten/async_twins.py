"""Write coroutine functions beside the plain ones that coroutines call: the graph of what gets such a twin.

A plain function stays as it is, for all who call it from plain code. Only what leads from a coroutine function to what
blocks matters: nothing has to be known of other callers, nor can they stand in the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hasten import async_forms, propagate
from hasten.async_below import Entry, below_of
from hasten.async_forms import Form
from hasten.async_kinds import key_of
from hasten.async_places import Places, because, function_around
from hasten.async_receivers import Resolve
from hasten.awaited import Awaited
from hasten.callgraph import CallGraph, function_id, site_id
from hasten.index.module import Call, Scope
from hasten.index.program import Program
from hasten.model import Position, Refusal, Span
from hasten.propagate import Constraint
from hasten.twin_rules import Twin, TwinRules

_Key = tuple[str, int]


@dataclass(slots=True)
class _Edge:
    """A call, and why nothing can be awaited there."""

    entry: Entry
    caller: Scope
    functions: list[Scope]
    constraints: list[Constraint] = field(default_factory=list)
    hazards: list[Constraint] = field(default_factory=list)
    form: Form = field(default_factory=lambda: Form("await-call"))


class Twins:
    """What gets a twin in one program."""

    def __init__(self, program: Program, codemod: str, resolve: Resolve | None) -> None:
        """Take the program, and who says what a call reaches where the facts do not."""
        self.program = program
        self.codemod = codemod
        self.below = below_of(program, resolve)
        self.places = Places(program, self.below.receivers)
        self.rules = TwinRules(self.below)
        self.edges: dict[_Key, _Edge] = {}
        self.nodes: dict[_Key, Scope] = {}
        self.above: dict[_Key, list[_Edge]] = {}
        self.led: frozenset[_Key] = frozenset()

    def graph(self, blocking: Iterable[Awaited]) -> tuple[CallGraph, list[Awaited], list[Refusal]]:
        """Return the graph of the twins, which of the blocking calls are awaited, and why the others are not."""
        groups = list(blocking)
        for each in groups:
            for step in each.steps:
                self._look_up(function_around(step.call.module, step.call.scope))
        self.led = self._find_led()
        twins = self._twins()
        taken: list[Awaited] = []
        refusals: list[Refusal] = []
        for each in groups:
            why = self._stopped(each, twins)
            if why is None:
                taken.append(each)
            else:
                refusals.append(self._refusal(each.call, why, len(each.steps)))
        refusals += self._left(taken, twins)
        kept = [self._kept(each) for each in taken]
        return self._graph(kept, twins), kept, refusals

    def served(self, blocking: Iterable[Awaited]) -> set[tuple[str, Position]]:
        """Return the places of those of `blocking` that a coroutine would await by a twin."""
        groups = list(blocking)
        # What no coroutine comes to gets no twin, and most of what is refused is of that kind.
        blocking_in = [function_around(one.call.module, one.call.scope) for each in groups for one in each.steps]
        if not self.below.is_reached(blocking_in):
            return set()
        taken = self.graph(groups)[1]
        return {(each.call.module.path, each.call.module.position(each.call.span.start)) for each in taken}

    # --- who calls whom ---------------------------------------------------------------------------------------------

    def _look_up(self, function: Scope) -> None:
        """Find the calls that lead to a function, up to the coroutine functions."""
        pending = [function]
        while pending:
            current = pending.pop()
            if current.kind != "function" or current.is_async or key_of(current) in self.above:
                continue
            family = self.below.families.of(current)
            found = list(self.below.callers(current))
            for each in family:
                self.nodes[key_of(each)] = each
                self.above[key_of(each)] = []
            for entry in found:
                caller = function_around(entry.call.module, entry.call.scope)
                key = entry.call.module.path, entry.call.index
                if caller.kind != "function":
                    continue
                if key not in self.edges:
                    self.edges[key] = self._edge(entry, caller)
                self.above[key_of(current)].append(self.edges[key])
                pending.append(caller)
            for each in family:
                self.above[key_of(each)] = self.above[key_of(current)]

    def _edge(self, entry: Entry, caller: Scope) -> _Edge:
        call = entry.call
        functions = self.below.run_by(entry.functions)
        edge = _Edge(entry, caller, functions)
        around = self.places.around(call, seed=False)
        edge.constraints += around.constraints
        edge.hazards += around.hazards
        names = {each.name for each in functions}
        kinds = {(each.is_async, async_forms.kind_of(each)) for each in functions}
        if len(names) > 1 or len(kinds) > 1 or not functions:
            message = f"the call of `{call.tail}` may reach several functions, which cannot be awaited alike"
            edge.constraints.append(because("ASY140", message, call.module, call.span.start))
            return edge
        function = functions[0]
        shown = async_forms.use(self.program, call, function)
        edge.constraints += shown.constraints
        edge.hazards += shown.hazards
        twin = self.rules.name(function)
        imported = self.rules.imported(call, function)
        if isinstance(imported, Constraint):
            edge.constraints.append(imported)
            return edge
        form = shown.form or edge.form
        edge.form = replace(
            form,
            data=(*form.data, ("renamed", twin)),
            imports=(*form.imports, *imported),
            releases=tuple(self._released(call, caller)),
        )
        return edge

    @staticmethod
    def _released(call: Call, caller: Scope) -> Iterator[tuple[str, Span]]:
        """Yield the name that is called, where the call is not made twice."""
        module = call.module
        if call.function[0] == "n" and caller.is_async:
            for read in module.reads_of(call.function[1]):
                if read.span.start == call.span.start:
                    yield module.path, read.span

    # --- who gets one -----------------------------------------------------------------------------------------------

    def _twins(self) -> dict[_Key, Twin]:
        """Return the twins of what coroutine functions lead to."""
        made: dict[_Key, Twin] = {}
        for key, function in self.nodes.items():
            made[key] = self.rules.twin(function)
        good: set[_Key] = {
            key
            for key, function in self.nodes.items()
            if not any(made[key_of(each)].constraints for each in self.below.families.of(function))
        }
        called: dict[_Key, list[_Key]] = {}
        pending: list[_Key] = []
        for each in self.edges.values():
            if self._is_good(each, good):
                keys = list(map(key_of, each.functions))
                called.setdefault(key_of(each.caller), []).extend(keys)
                pending += keys if each.caller.is_async else ()
        reached: set[_Key] = set()
        while pending:
            key = pending.pop()
            if key not in reached:
                reached.add(key)
                pending += called.get(key, ())
        self.good = good
        return {key: made[key] for key in sorted(reached)}

    @staticmethod
    def _is_good(edge: _Edge, good: set[_Key]) -> bool:
        called = all(key_of(each) in good for each in edge.functions)
        return not edge.constraints and called and (edge.caller.is_async or key_of(edge.caller) in good)

    # --- who does not -----------------------------------------------------------------------------------------------

    def _stopped(self, group: Awaited, twins: Mapping[_Key, Twin]) -> Constraint | None:
        """Return why a blocking call is not awaited, the nearest reason of several."""
        if group.kept and any(
            self._leads_up(function_around(each.call.module, each.call.scope)) for each in group.steps
        ):
            return self._is_shared(group)
        for step in group.steps:
            call = step.call
            around = self.places.around(call, seed=True)
            if around.constraints:
                return around.constraints[0]
            function = around.function
            if not (function.is_async or key_of(function) in twins):
                message = f"no coroutine calls `{function.name}`, as far as can be seen"
                return self._reason(function) or because(
                    "ASY150",
                    f"{message}: there is no event loop to be blocked",
                    group.call.module,
                    group.call.span.start,
                )
        return self._mixed(group, twins)

    def _is_shared(self, group: Awaited) -> Constraint:
        """Return why there can be no twin of what uses something that is kept."""
        functions = [function_around(each.call.module, each.call.scope) for each in group.steps]
        message = f"{group.kept}, and a twin would share it with the plain function, or take its place"
        if all(self._only_awaited(each) for each in functions):
            message += "; only coroutines use it, and nothing needs the plain functions: use `--strategy convert`"
        return because("ASY179", message, group.call.module, group.call.span.start)

    def _only_awaited(self, function: Scope) -> bool:
        """Tell whether all that can be seen to call a function are coroutine functions, directly or not."""
        seen: set[_Key] = set()
        pending = [function]
        while pending:
            current = pending.pop()
            if current.is_async or key_of(current) in seen:
                continue
            seen.add(key_of(current))
            callers = [function_around(each.call.module, each.call.scope) for each in self.below.callers(current)]
            if not callers or any(each.kind != "function" for each in callers):
                return False
            pending += callers
        return True

    def _mixed(self, group: Awaited, twins: Mapping[_Key, Twin]) -> Constraint | None:
        """Return where something could be handed from a plain function to a coroutine function, or back."""
        takers = {key_of(taker) for _, taker in group.handed}
        for edge in self.edges.values():
            inside = edge.caller.is_async or key_of(edge.caller) in twins
            if inside and edge.constraints and takers & set(map(key_of, edge.functions)):
                return min(edge.constraints)
        for giver, taker in group.handed:
            if taker.is_async and not giver.is_async:
                message = (
                    f"the plain function `{giver.name}` hands a connection to the coroutine function `{taker.name}`"
                )
                return because("ASY179", message, giver.module, giver.span.start)
        return None

    def _reason(self, function: Scope) -> Constraint | None:
        """Return what stands nearest on a way from a function up to a coroutine function; None if there is no way."""
        if not self._leads_up(function):
            return None
        seen: set[_Key] = set()
        pending = [function]
        while pending:
            current = pending.pop(0)
            if key_of(current) in seen or current.is_async:
                continue
            seen.add(key_of(current))
            for each in self.below.families.of(current):
                constraints = self.rules.twin(each).constraints
                if constraints:
                    return min(constraints)
            for edge in self.above.get(key_of(current), ()):
                if edge.constraints and (edge.caller.is_async or self._leads_up(edge.caller)):
                    return min(edge.constraints)
                if self._leads_up(edge.caller):
                    pending.append(edge.caller)
        return None

    def _leads_up(self, function: Scope) -> bool:
        """Tell whether a coroutine function leads to this one in any way."""
        return function.is_async or key_of(function) in self.led

    def _find_led(self) -> frozenset[_Key]:
        """Return the functions that coroutine functions lead to."""
        called: dict[_Key, list[_Key]] = {}
        pending: list[_Key] = []
        for key, edges in self.above.items():
            for each in edges:
                called.setdefault(key_of(each.caller), []).append(key)
                if each.caller.is_async:
                    pending.append(key)
        led: set[_Key] = set()
        while pending:
            key = pending.pop()
            if key not in led:
                led.add(key)
                pending += called.get(key, ())
        return frozenset(led)

    def _left(self, taken: Sequence[Awaited], twins: Mapping[_Key, Twin]) -> Iterator[Refusal]:
        """Yield the calls in coroutine functions that go on blocking, though what they call has a twin."""
        if not taken:
            return
        for _, edge in sorted(self.edges.items()):
            stays = edge.constraints and any(key_of(each) in twins for each in edge.functions)
            if stays and (edge.caller.is_async or key_of(edge.caller) in twins):
                yield self._refusal(edge.entry.call, min(edge.constraints), 0)

    def _refusal(self, call: Call, why: Constraint, count: int) -> Refusal:
        module = call.module
        start = module.position(call.span.start)
        place = f"{why.path}:{why.line}: " if (why.path, why.line) != (module.path, start.line) else ""
        message = place + why.message
        return Refusal(self.codemod, why.code, message, module.path, start, module.symbol(call.scope), count)

    # --- the graph --------------------------------------------------------------------------------------------------

    @staticmethod
    def _kept(group: Awaited) -> Awaited:
        """Return blocking calls without what goes away with them: the plain function goes on using it."""
        around = [function_around(step.call.module, step.call.scope) for step in group.steps]
        return group if all(each.is_async for each in around) else replace(group, releases=())

    def _graph(self, taken: Sequence[Awaited], twins: Mapping[_Key, Twin]) -> CallGraph:
        scopes: dict[str, Scope] = {function_id(self.nodes[key]): self.nodes[key] for key in twins}
        forms = {function_id(self.nodes[key]): twin.form for key, twin in twins.items()}
        hazards = {function_id(self.nodes[key]): twin.hazards for key, twin in twins.items()}
        sites: dict[str, Call] = {}
        calls: list[propagate.Call] = []
        for edge in self.edges.values():
            inside = edge.caller.is_async or key_of(edge.caller) in twins
            if not (inside and self._is_good(edge, self.good)):
                continue
            call = edge.entry.call
            site, caller = site_id(call), function_id(edge.caller)
            sites[site], scopes[caller], forms[site] = call, edge.caller, edge.form
            hazards[site] = tuple(edge.hazards)
            calls += (propagate.Call(caller, function_id(each), site, edge.entry.certainty) for each in edge.functions)
        seeds: list[propagate.Seed] = []
        for group in taken:
            for step in group.steps:
                around = self.places.around(step.call, seed=True)
                site = site_id(step.call)
                sites[site] = step.call
                hazards[site] = around.hazards
                scopes[function_id(around.function)] = around.function
                seeds.append(propagate.Seed(site, function_id(around.function)))
        nodes = sorted(scopes.items(), key=lambda each: (each[1].module.path, each[1].number))
        return CallGraph(
            tuple(propagate.Function(key, each.is_async, (), self._family(each)) for key, each in nodes),
            tuple(sorted(calls, key=lambda each: (each.site, each.caller, each.callee))),
            tuple(sorted(seeds, key=lambda each: each.site)),
            dict(nodes),
            dict(sorted(sites.items())),
            {key: tuple(sorted(each)) for key, each in sorted(hazards.items()) if each},
            dict(sorted(forms.items())),
        )

    def _family(self, function: Scope) -> str:
        if function.is_async:
            return ""
        members = [function_id(each) for each in self.below.families.of(function)]
        return min(members) if len(members) > 1 else ""
