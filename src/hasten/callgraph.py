"""Make the graph that `hasten.propagate` works on from facts: who calls whom, and what stands in the way.

The graph grows from the blocking calls upwards, and no further than it has to: callers of a function that cannot
become a coroutine function are not looked for. Each look at the callers notes what the engine is to read next, so that
the graph is whole once nothing more is wanted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from hasten import async_forms, propagate
from hasten.async_answers import Answers, answers_of
from hasten.async_blocks import Entering, is_entering
from hasten.async_callers import Callers
from hasten.async_closing import Closing
from hasten.async_codes import FIRM
from hasten.async_constructors import is_constructor
from hasten.async_entries import Entries
from hasten.async_first_use import FirstUse, FirstUses
from hasten.async_forms import Form, More, Shown
from hasten.async_kinds import key_of, owner_of
from hasten.async_places import because, function_around, is_entry
from hasten.async_readings import Handed, Reading
from hasten.async_receivers import Reached, Resolve, receivers_of, takes
from hasten.async_registered import LATER
from hasten.async_results import property_of
from hasten.async_rules import Verdict
from hasten.async_settling import Settling
from hasten.awaited import Waiting
from hasten.index.module import Call, Scope
from hasten.index.program import Program
from hasten.propagate import Constraint
from hasten.uses import trouble_with

#: A call that blocks, and the innermost function around it, None at module level.
BlockingCall = tuple[Call, Scope | None]

#: The remedy of a call: it is wrapped, `asyncio.run(f())`, and its caller stays as it is.
RUN = "asyncio.run"
#: So many functions are looked at for what stands behind what stands in the way.
_MOST_ABOVE = 100


@dataclass(frozen=True, slots=True)
class CallGraph:
    """What to ask `hasten.propagate.propagate`, and where in the program its answers are.

    Attributes:
        functions, calls, seeds: the arguments of `propagate`, each sorted.
        scopes: by id the function, or the module's own scope for calls at module level.
        sites: by site the call, blocking calls among them.
        hazards: by id of a function, what there is to say where it converts; by site, where the call is awaited.
        forms: by id of a function, how it converts, and by site, how the call is awaited, where that is more than
            `async def` and `await`; empty unless they were asked for.
        handed: the ids of functions that are handed to what takes coroutine functions, and calls them.
        tests: the ids of plain functions that a test runner calls, and that may become coroutine functions.
    """

    functions: tuple[propagate.Function, ...]
    calls: tuple[propagate.Call, ...]
    seeds: tuple[propagate.Seed, ...]
    scopes: Mapping[str, Scope]
    sites: Mapping[str, Call]
    hazards: Mapping[str, tuple[Constraint, ...]]
    forms: Mapping[str, Form] = field(default_factory=dict)
    handed: frozenset[str] = frozenset()
    tests: frozenset[str] = frozenset()


def function_id(scope: Scope) -> str:
    """Return the id of a function: where its definition begins; a module's own scope has a word in its place."""
    return f"{scope.module.path}:{'module' if scope.kind == 'module' else scope.span.start}"


def site_id(call: Call) -> str:
    """Return the site of a call: its span, since `f()` and `f()()` begin at one place.

    A place that waits and is no call may be that of one: of what gives the rows of a loop, or the block to be entered.
    """
    what = " waits" if isinstance(call, Waiting) else ""
    return f"{call.module.path}:{call.span.start}-{call.span.end}{what}"


def build(
    program: Program,
    seeds: Sequence[BlockingCall],
    resolve: Resolve | None = None,
    *,
    entry_points: frozenset[str] = frozenset(),
    forms: bool = False,
    first_use: FirstUse | None = None,
    thorough: bool = False,
    alone: frozenset[tuple[str, int]] = frozenset(),
) -> CallGraph:
    """Return the graph above `seeds`.

    Args:
        program: where to look; what should be read next is noted in `program.wanted`.
        seeds: the blocking calls.
        resolve: which functions of the program a call reaches, where the program alone cannot tell: `()` is none of
            them, None is unknown.
        entry_points: dotted names of the functions that the project's metadata names as commands.
        forms: whether whoever asks carries out `CallGraph.forms`; else generators and context managers made of them
            stay as they are, and so do blocking calls in commands.
        first_use: which constructors stay, and do what has to wait when the object is first used; by default none.
        thorough: go on above what stands in the way: for asking what else does, and not for converting.
        alone: the files and numbers of the seeds that `asyncio.run` may run where they stand.
    """
    builder = _Builder(answers_of(receivers_of(program, resolve), entry_points, forms=forms), forms=forms)
    builder.thorough = thorough
    builder.alone = alone
    if first_use is not None:
        builder.first_uses = FirstUses(program, builder.receivers, builder.families, first_use)
    for call, _function in sorted(seeds, key=lambda each: (each[0].module.path, each[0].span)):
        builder.seed(call)
    return builder.result()


@dataclass(slots=True)
class _Node:
    scope: Scope
    family: str = ""
    constraints: list[Constraint] = field(default_factory=list)


class _Builder:
    def __init__(self, answers: Answers, *, forms: bool) -> None:
        self.program = answers.program
        self.answers = answers
        self.receivers = answers.receivers
        self.places = answers.places
        self.definitions = answers.definitions
        self.mentions = answers.mentions
        self.families = answers.families
        self.trails = answers.trails
        self.constructors = answers.constructors
        self.blocks = answers.blocks
        self.closings = answers.closings
        self.properties = answers.properties
        self.doubles = answers.doubles
        self.following = answers.following
        self.registered = answers.registered
        self.foreign = answers.foreign
        self.settling = Settling(answers)
        self.with_forms = forms
        self.thorough = False
        self.alone: frozenset[tuple[str, int]] = frozenset()
        self.entries = Entries(self.program, answers.starts)
        self.entries.related = self.constructors.hierarchy
        self.forms: dict[str, Form] = {}
        self.handed: set[str] = set()
        self.first_uses: FirstUses | None = None
        self.opening: list[str] = []
        self.nodes: dict[str, _Node] = {}
        self.edges: dict[tuple[str, str, str], propagate.Call] = {}
        self.seeds: list[propagate.Seed] = []
        self.blocking: set[tuple[str, int]] = set()
        self.calling = Callers(answers, self.blocking, forms=forms)
        self.sites: dict[str, Call] = {}
        self.hazards: dict[str, set[Constraint]] = {}
        self.pending: list[Scope] = []
        self.done: set[str] = set()

    def seed(self, call: Call) -> None:
        self.blocking.add((call.module.path, call.index))
        around = self.following.around(call, self.places.around(call, seed=True))
        site = site_id(call)
        self.sites[site] = call
        self.hazards.setdefault(site, set()).update(around.hazards)
        self.seeds.append(propagate.Seed(site, function_id(around.function), around.constraints))
        self.node(around.function)
        if self.thorough or not around.constraints:
            self.pending.append(around.function)

    def result(self) -> CallGraph:
        while self.pending and not (self.thorough and len(self.done) > _MOST_ABOVE):
            # What is nearest first, where not all is looked at.
            self.expand(self.pending.pop(0 if self.thorough else -1))
        self.turn_entries()
        flask = any(each.code == "ASY004" for found in self.hazards.values() for each in found)
        if flask:
            self.keep_out_of_loops()
        if self.thorough:
            self.run_seeds()
        else:
            # Whoever asks what is in the way leaves tests out, and converts nothing.
            self.settle(flask=flask)
        self.open_at_first_use()
        nodes = sorted(self.nodes.items(), key=lambda each: (each[1].scope.module.path, each[1].scope.number))
        return CallGraph(
            self.functions(),
            tuple(self.edges[key] for key in sorted(self.edges)),
            tuple(sorted(self.seeds, key=lambda each: each.site)),
            {key: each.scope for key, each in nodes},
            dict(sorted(self.sites.items())),
            {key: tuple(sorted(each)) for key, each in sorted(self.hazards.items()) if each},
            dict(sorted(self.forms.items())),
            frozenset(self.handed),
            frozenset(key for key, each in nodes if self.following.follows(each.scope)),
        )

    def settle(self, *, flask: bool) -> None:
        """Let tests, and what calls something that runs an event loop, stay; note what there is to say of the rest."""
        self.settling.settle(self.nodes, self.edges, self.forms, RUN, flask=flask)
        self.run_seeds()
        for key, hazard in self.settling.hazards(self.nodes, self.forms, lambda: self.answers.bound_to_a_loop):
            self.hazards.setdefault(key, set()).add(hazard)
        self.keep_callers_plain(flask=flask)
        self.count_loops()
        self.enter_from_outside()
        self.show_early()
        self.ask_configurations()

    def functions(self) -> tuple[propagate.Function, ...]:
        nodes = sorted(self.nodes.items(), key=lambda each: (each[1].scope.module.path, each[1].scope.number))
        return tuple(
            propagate.Function(key, each.scope.is_async, tuple(sorted(set(each.constraints))), each.family)
            for key, each in nodes
        )

    def node(self, scope: Scope) -> str:
        """Note that `scope` is part of the graph, and return its id; its callers may never be looked for."""
        key = function_id(scope)
        if key not in self.nodes:
            self.nodes[key] = node = _Node(scope)
            if scope.kind == "module":
                node.constraints.append(
                    because("ASY103", "what a module does when it is imported cannot wait", scope.module, 0)
                )
            elif not scope.is_async:
                self.add(key, self.definitions.verdict(scope))
        return key

    def add(self, key: str, verdict: Verdict) -> None:
        self.nodes[key].constraints += verdict.constraints
        if verdict.hazards:
            self.hazards.setdefault(key, set()).update(verdict.hazards)

    # --- one function, with those that convert together with it -------------------------------------------------

    def expand(self, scope: Scope) -> None:
        if scope.kind == "module" or scope.is_async or function_id(scope) in self.done:
            return
        if self.first_uses is not None and is_constructor(scope) and self.first_uses.goes_for(scope):
            # Nobody else waits for it, and who makes an object need not be seen.
            self.done.add(function_id(scope))
            self.opening.append(function_id(scope))
            return
        family = self.families.of(scope)
        stubs = async_forms.stubs(family)
        members = [each for each in family if each not in stubs]
        keys = [self.node(each) for each in members]
        self.done |= set(map(function_id, stubs))
        for key in keys:
            self.done.add(key)
            self.nodes[key].family = min(keys) if len(keys) > 1 else ""
        plain = [each for each in members if not each.is_async]
        # What is cheap comes first: a function that cannot convert needs no look at the rest of the program.
        if self.is_blocked(plain):
            return
        for each in plain:
            if async_forms.kind_of(each) != async_forms.kind_of(plain[0]):
                message = f"`{each.name}` is a generator in one class, and none in another; write it alike"
                self.nodes[function_id(each)].constraints.append(
                    because("ASY125", message, each.module, each.span.start)
                )
            form = self.doubles.form(each, self.definitions.form(each)) if self.with_forms else None
            verdict = Verdict()
            if is_constructor(each):
                self.mentions.judge_body(each, verdict)
                form = self.constructors.judge(each, verdict)
            elif any(map(property_of, family)):
                form = self.properties.judge(each, family, verdict)
            else:
                self.mentions.judge(each, verdict)
                form = self.blocks.judge(each, verdict) if is_entering(each) else form
            if form is not None:
                self.forms[function_id(each)] = form
            test = self.definitions.verdict(each).test
            if test:
                # Whoever runs tests reports one exception as it does the other.
                verdict.constraints = [one for one in verdict.constraints if one.code != "ASY139"]
                verdict.hazards = [one for one in verdict.hazards if one.code != "ASY024"]
            self.add(function_id(each), verdict)
            if verdict.handed or test:
                self.handed.add(function_id(each))
        if self.is_blocked(plain):
            return
        found = [(each, self.callers(each, family)) for each in plain]
        # What calls a stub calls what takes its place.
        found += [(plain[0], self.callers(each, family, plain[0])) for each in stubs]
        blocked = self.is_blocked(plain)
        for each, calls in found:
            for call, reached in calls:
                real = tuple(one for one in reached.functions if one not in stubs)
                self.edge(call, each, replace(reached, functions=real), blocked=blocked)

    def is_blocked(self, functions: list[Scope]) -> bool:
        """Tell whether callers of functions need not be looked for."""
        found = [one for each in functions for one in self.nodes[function_id(each)].constraints]
        if not self.thorough:
            return bool(found)
        return any(each.code in FIRM for each in found)  # nobody goes on above these

    def callers(self, function: Scope, family: list[Scope], real: Scope | None = None) -> list[tuple[Call, Reached]]:
        """Return the calls of `function`; note a constraint for each that may be one, of `real` if it is a stub."""
        blamed = function_id(real or function)
        found = self.calling.of(function, family)
        self.nodes[blamed].constraints += found.constraints
        self.hazards.setdefault(blamed, set()).update(found.hazards)
        return found.calls

    # --- one call -------------------------------------------------------------------------------------------------

    def edge(self, call: Call, function: Scope, reached: Reached, *, blocked: bool) -> None:
        if isinstance(call, Handed):
            self.register(call, function, reached)
            return
        site = site_id(call)
        around = self.following.around(call, self.places.around(call, seed=False))
        shown = self.following.use(call, function, lambda: self.shown(call, function))
        constraints, remedy = [*around.constraints, *shown.constraints], ""
        kind = async_forms.kind_of(function)
        whole = not (kind or isinstance(call, Entering) or is_entering(function))  # the call is all that has to wait
        stays = self.answers.stays(around.function)
        if self.with_forms and stays:
            self.entries.add(around, site, tuple(sorted({*constraints, *shown.constraints})), wrapped=whole)
        if self.following.follows(around.function):
            plain = whole and (shown.form is None or shown.form.action in {"await-call", "await-read"})
            self.settling.note(site, self.places.wrapped(call).constraints if plain else None)
        if whole and (stays or is_entry(call)):
            wrapped = self.places.wrapped(call)
            if not wrapped.constraints:
                remedy = RUN
            constraints = list(wrapped.constraints)
        if shown.form is not None:
            self.forms[site] = shown.form
        others = [each for each in reached.functions if key_of(each) != key_of(function)]
        for each in others:
            if each.kind != "function" or each.is_async or async_forms.kind_of(each) != kind:
                message = f"the call may reach `{function.name}` or `{each.name}`, which cannot be awaited alike"
                constraints.append(because("ASY140", message, call.module, call.span.start))
        caller = self.node(around.function)
        self.sites[site] = call
        if not remedy:
            self.hazards.setdefault(site, set()).update((*around.hazards, *shown.hazards))
        # One call, one `await`: all that it reaches convert together, which `propagate` sees by the site.
        for each in [function, *(other for other in others if other.kind == "function")]:
            callee = self.node(each)
            self.edges[site, caller, callee] = propagate.Call(
                caller, callee, site, reached.certainty, remedy, tuple(sorted(set(constraints)))
            )
        if self.thorough or not (blocked or constraints):
            self.pending += others
            if not remedy:
                self.pending.append(around.function)

    def register(self, call: Handed, function: Scope, reached: Reached) -> None:
        """Add what comes of a registration: it runs in a loop of its own, and nothing else changes where it stands."""
        site, wrapped = site_id(call), self.places.wrapped(call)
        message = f"`{function.name}` is called where no event loop runs, and not by `{wrapped.function.name}` itself"
        stays = because("ASY132", message, call.module, call.span.start)
        caller, callee = self.node(wrapped.function), self.node(function)
        self.sites[site] = call
        self.forms[site] = self.registered.form(call)
        self.edges[site, caller, callee] = propagate.Call(
            caller,
            callee,
            site,
            reached.certainty,
            "" if wrapped.constraints else LATER,
            tuple(sorted({*wrapped.constraints, stays})),
        )

    def shown(self, call: Call, function: Scope) -> Shown:
        """Return how a call of `function` is awaited."""
        if isinstance(call, Closing):
            return self.closings.use(call)
        if isinstance(call, Reading):
            return self.properties.use()
        if is_constructor(function):
            return self.constructors.use(call, function)
        if is_entering(function):
            return self.blocks.use(call, function)
        return async_forms.use(self.program, call, function, self.consumes)

    def consumes(self, taker: Call) -> bool:
        """Tell whether a call of a method goes through all of the one thing that it is given."""
        # What takes a generator by such a name is some container, where no method of the program could take it: one
        # that is a coroutine function would be awaited here.
        if taker.function[0] != "a" or taker.tail not in {"extend", "update"}:
            return False
        kind = self.receivers.kind(taker.module, taker.scope, taker.function[1])
        methods = (each._replace(decorators=[]) for each in self.families.methods(taker.tail) if not each.is_async)
        own = (each for each in methods if takes(each, taker))
        return isinstance(kind, str) or (kind is None and next(own, None) is None)

    def turn_entries(self) -> None:
        """Let the body of a command or entry point run in one event loop, where there is more than one call for it."""
        seeded = {each.function for each in self.seeds}
        called = {each.callee for each in self.edges.values()}
        running, turned = self.running(), list[Scope]()
        for key, node in sorted(self.nodes.items()):
            verdict = self.definitions.verdict(node.scope) if node.scope.kind == "function" else Verdict()
            if not (self.with_forms and verdict.command) or key in called:
                continue
            call = self.foreign.called_in_a_loop(node.scope, verdict.called) if verdict.called is not None else None
            if call is not None:
                around, name = function_around(call.module, call.scope).name, node.scope.name
                message = f"coroutine `{around}` calls `{name}`, or lets a library call it"
                node.constraints = [because("ASY128", message, call.module, call.span.start)]
                continue
            codes = {each.code for each in node.constraints}
            # A decorator goes on decorating what it did: the function itself stays as it is.
            if not {"ASY128"} <= codes <= {"ASY126", "ASY128"} or not self.answers.stays(node.scope):
                continue
            body = Verdict()
            self.mentions.judge_body(node.scope, body)
            if body.constraints or not (key in seeded or self.entries.needs_more(key)):
                continue
            form = self.entries.form(node.scope, [self.nodes[each].scope for each in sorted(running - {key})])
            if form is None or any(self.entries.reaches(each, [node.scope]) for each in turned):
                continue
            running.add(key)
            turned.append(node.scope)
            node.constraints.clear()
            # The method itself stays: what overrides it, or is overridden, need not follow.
            node.family = f"{key}:inside" if node.family else ""
            self.forms[key] = form
            for place, edge in list(self.edges.items()):
                plain = self.entries.at(key, edge.site) if edge.caller == key else None
                if plain is not None:
                    self.edges[place] = replace(edge, remedy="", constraints=plain.constraints)
                    self.hazards.setdefault(edge.site, set()).update(plain.hazards)

    def run_seeds(self) -> None:
        """Let what blocks be run where it stands, in functions that stay plain and have no event loop around them."""
        for number, seed in enumerate(self.seeds):
            call, node = self.sites[seed.site], self.nodes[seed.function]
            if not node.constraints or (call.module.path, call.index) not in self.alone:
                continue
            # The body of a command runs in one loop as a whole, but where a context of Flask ends in it.
            if self.is_command(node.scope) and not self.definitions.enters_context(node.scope):
                continue
            if not (self.following.follows(node.scope) or self.answers.stays(node.scope)):
                continue
            taken = trouble_with(self.program, call.module, call.scope, "asyncio", call.span.start)
            if not (taken or self.places.wrapped(call).constraints):
                self.seeds[number] = replace(seed, constraints=(), remedy=RUN)

    def running(self) -> set[str]:
        """Return the functions that are to start a loop, and the commands at whose end one is started."""
        return {
            each.caller
            for each in self.edges.values()
            if each.remedy == RUN or (each.remedy and self.is_command(self.nodes[each.caller].scope))
        } | {each.function for each in self.seeds if each.remedy}

    def is_command(self, scope: Scope) -> bool:
        """Tell whether a function is a command or entry point."""
        return scope.kind == "function" and self.definitions.verdict(scope).command

    def keep_out_of_loops(self) -> None:
        """Refuse functions that Flask is to run in loops of their own, where a coroutine lets it run some."""
        call = self.answers.starts.in_a_coroutine()
        if call is None:
            return
        name = function_around(call.module, call.scope).name
        message = f"`{name}` is a coroutine function, and lets Flask run others, each in an event loop of its own"
        for key in sorted(key for key, found in self.hazards.items() if any(each.code == "ASY004" for each in found)):
            if key in self.nodes:
                self.nodes[key].constraints.append(because("ASY144", message, call.module, call.span.start))

    def keep_callers_plain(self, *, flask: bool) -> None:
        """Keep what calls a function that is to run an event loop from becoming a coroutine function itself.

        Where views of `flask` convert, those are among them that enter a context of it.
        """
        running = self.running()
        running |= {key for key, form in self.forms.items() if form.action == "run-inside"}
        pending = [self.nodes[each].scope for each in sorted(running) if self.nodes[each].scope.kind == "function"]
        if flask:
            around = (function_around(each.module, each.scope) for each in self.answers.starts.contexts)
            pending += [each for each in around if each.kind == "function" and not each.is_async]
        seen, threaded = set(map(key_of, pending)), self.settling.starting.threaded
        # A test that calls nothing of this awaits nothing: what it does by itself may block.
        idle = {key for key, each in self.nodes.items() if self.following.follows(each.scope)}
        idle -= {each.caller for each in self.edges.values()}
        while pending:
            starter = pending.pop()
            for call in self.answers.starts.of(starter):
                caller = function_around(call.module, call.scope)
                if caller.kind != "function" or caller.is_async or key_of(caller) in seen | threaded:
                    continue
                seen.add(key_of(caller))
                pending.append(caller)
                node = self.nodes.get(function_id(caller))
                if node is not None and function_id(caller) not in idle:
                    message = f"`{caller.name}` calls `{starter.name}`, which is to start an event loop"
                    node.constraints.append(because("ASY138", message, call.module, call.span.start))

    def count_loops(self) -> None:
        """Note a hazard where one function would start several event loops, and something may be bound to one."""
        by_caller: dict[str, set[str]] = {}
        for edge in self.edges.values():
            if edge.remedy and self.nodes[edge.caller].scope.kind == "function":
                by_caller.setdefault(edge.caller, set()).add(edge.site)
        several = [each for each in by_caller.values() if len(each) > 1]
        kept = self.answers.bound_to_a_loop if several else None
        if kept is None:
            return
        what = f"`{kept.tail}()` of {kept.module.path}:{kept.module.position(kept.span.start).line}"
        for site in (site for sites in several for site in sorted(sites)):
            call = self.sites[site]
            message = f"each `asyncio.run` is an event loop of its own; {what} is bound to the first that uses it"
            self.hazards.setdefault(site, set()).add(because("ASY007", message, call.module, call.span.start))

    def enter_from_outside(self) -> None:
        """Note what may go wrong where a method that a library calls starts a loop each time."""
        for key, node in sorted(self.nodes.items()):
            how = self.definitions.verdict(node.scope).called if node.scope.kind == "function" else None
            inside = key in self.forms and self.forms[key].action == "run-inside"
            sites = [each.site for each in self.edges.values() if each.caller == key and each.remedy]
            if how is None or not (inside or sites):
                continue
            found: list[Constraint] = []
            name, module, start = node.scope.name, node.scope.module, node.scope.span.start
            unseen = self.mentions.references(node.scope) or self.foreign.is_called_unseen(node.scope)
            if not how.alone or unseen:
                message = f"`{name}` starts an event loop, which fails where one runs already; a library calls it"
                found.append(because("ASY029", message, module, start))
            kept = self.answers.bound_to_a_loop if how.again else None
            if kept is not None:
                what = f"`{kept.tail}()` of {kept.module.path}:{kept.module.position(kept.span.start).line}"
                message = (
                    f"each call of `{name}` is an event loop of its own; {what} is bound to the first that uses it"
                )
                found.append(because("ASY007", message, module, start))
            for each in [key] if inside else sites:
                self.hazards.setdefault(each, set()).update(found)

    def show_early(self) -> None:
        """Note a hazard where a constructor hands the object on and waits after that."""
        for key, node in self.nodes.items():
            if is_constructor(node.scope) and key not in self.opening:
                waits = [self.sites[each.site] for each in self.seeds if each.function == key]
                waits += [self.sites[each.site] for each in self.edges.values() if each.caller == key]
                self.hazards.setdefault(key, set()).update(self.constructors.seen_early(node.scope, waits))

    def ask_configurations(self) -> None:
        """Note a hazard where a class has something from a trait that a configuration may set."""
        for key, node in self.nodes.items():
            owner = owner_of(node.scope)
            if owner is None:
                continue
            for name in sorted(self.receivers.configured.get(key_of(owner), ())):
                message = f"`{name}` of `{owner.name}` may be set by a configuration, to what cannot be awaited"
                constraint = because("ASY039", message, owner.module, owner.span.start)
                self.hazards.setdefault(key, set()).add(constraint)

    def open_at_first_use(self) -> None:
        """Write constructors that stay, and what waits for them; note what stands in the way of that."""
        if self.first_uses is None or not self.opening:
            return
        edges = tuple(self.edges.values())
        converted = set(propagate.propagate(self.functions(), edges, tuple(self.seeds)).converted)
        self.first_uses.waiting = frozenset(key_of(self.nodes[each].scope) for each in self.opening)
        for key in sorted(self.opening):
            init = self.nodes[key].scope
            waits = [self.sites[each.site] for each in self.seeds if each.function == key]
            waits += [self.sites[each.site] for each in edges if each.caller == key and each.callee in converted]
            opener, troubles = self.first_uses.judge(
                init, waits, lambda each: each.is_async or function_id(each) in converted
            )
            self.nodes[key].constraints += troubles
            if opener is None:
                continue
            message = f"`{init.module.scope(init.parent).name}(...)` opens nothing; its first use does"
            self.hazards.setdefault(key, set()).add(because("ASY028", message, init.module, init.span.start))
            more: list[More] = []
            together: list[str] = []
            for (path, number), data in sorted(opener.methods.items()):
                method = self.program.module(path).scope(number)
                if method.is_async:
                    more.append(More(method.module, method.span, "async-def", data))
                    continue
                form = self.forms.get(function_id(method), Form("async-def"))
                # What is ended only if it was opened stands deeper from then on.
                extent = method.span if data[0][0] == "ends" else form.extent
                self.forms[function_id(method)] = replace(
                    form, data=(*form.data, *data), extent=extent, together=(*form.together, key)
                )
                together.append(function_id(method))
            for function, read in opener.outside:
                more.append(read)
                together += [function_id(function)] if not function.is_async else []
            self.forms[key] = replace(opener.form, more=tuple(more), together=tuple(together))


__all__ = ["RUN", "BlockingCall", "CallGraph", "build", "function_id", "site_id"]
