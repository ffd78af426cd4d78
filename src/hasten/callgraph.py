"""Make the graph that `hasten.propagate` works on from facts: who calls whom, and what stands in the way.

The graph grows from the blocking calls upwards, and no further than it has to: callers of a function that cannot
become a coroutine function are not looked for. Each look at the callers notes what the engine is to read next, so that
the graph is whole once nothing more is wanted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hasten import propagate
from hasten.async_kinds import key_of, owner_of
from hasten.async_mentions import Mentions
from hasten.async_places import Places, because, function_around, is_entry
from hasten.async_receivers import Reached, Receivers, Resolve
from hasten.async_rules import COMMON_METHODS, Definitions, Verdict, has_methods_of
from hasten.index.module import Call, Scope
from hasten.index.program import Program
from hasten.propagate import Certainty, Constraint

#: A call that blocks, and the innermost function around it, None at module level.
BlockingCall = tuple[Call, Scope | None]

#: The remedy of a call: it is wrapped, `asyncio.run(f())`, and its caller stays as it is.
RUN = "asyncio.run"
#: So many calls of unknown receivers are named; there may be hundreds.
_MOST_UNKNOWN = 3


@dataclass(frozen=True, slots=True)
class CallGraph:
    """What to ask `hasten.propagate.propagate`, and where in the program its answers are.

    Attributes:
        functions, calls, seeds: the arguments of `propagate`, each sorted.
        scopes: by id the function, or the module's own scope for calls at module level.
        sites: by site the call, blocking calls among them.
        hazards: by id of a function, what there is to say where it converts; by site, where the call is awaited.
    """

    functions: tuple[propagate.Function, ...]
    calls: tuple[propagate.Call, ...]
    seeds: tuple[propagate.Seed, ...]
    scopes: Mapping[str, Scope]
    sites: Mapping[str, Call]
    hazards: Mapping[str, tuple[Constraint, ...]]


def function_id(scope: Scope) -> str:
    """Return the id of a function: where its definition begins; a module's own scope has a word in its place."""
    return f"{scope.module.path}:{'module' if scope.kind == 'module' else scope.span.start}"


def site_id(call: Call) -> str:
    """Return the site of a call: its span, since `f()` and `f()()` begin at one place."""
    return f"{call.module.path}:{call.span.start}-{call.span.end}"


def build(
    program: Program,
    seeds: Sequence[BlockingCall],
    resolve: Resolve | None = None,
    *,
    entry_points: frozenset[str] = frozenset(),
) -> CallGraph:
    """Return the graph above `seeds`.

    Args:
        program: where to look; what should be read next is noted in `program.wanted`.
        seeds: the blocking calls.
        resolve: which functions of the program a call reaches, where the program alone cannot tell: `()` is none of
            them, None is unknown.
        entry_points: dotted names of the functions that the project's metadata names as commands.
    """
    builder = _Builder(program, Receivers(program, resolve), entry_points)
    for call, _function in sorted(seeds, key=lambda each: (each[0].module.path, each[0].span)):
        builder.seed(call)
    return builder.result()


@dataclass(slots=True)
class _Node:
    scope: Scope
    family: str = ""
    constraints: list[Constraint] = field(default_factory=list)


class _Builder:
    def __init__(self, program: Program, receivers: Receivers, entry_points: frozenset[str]) -> None:
        self.program = program
        self.receivers = receivers
        self.places = Places(program, receivers)
        self.definitions = Definitions(program, receivers, entry_points)
        self.mentions = Mentions(program, receivers)
        self.families = _Families(program, self.definitions)
        self.nodes: dict[str, _Node] = {}
        self.edges: dict[tuple[str, str, str], propagate.Call] = {}
        self.seeds: list[propagate.Seed] = []
        self.sites: dict[str, Call] = {}
        self.hazards: dict[str, set[Constraint]] = {}
        self.pending: list[Scope] = []
        self.done: set[str] = set()

    def seed(self, call: Call) -> None:
        around = self.places.around(call, seed=True)
        site = site_id(call)
        self.sites[site] = call
        self.hazards.setdefault(site, set()).update(around.hazards)
        self.seeds.append(propagate.Seed(site, function_id(around.function), around.constraints))
        self.node(around.function)
        if not around.constraints:
            self.pending.append(around.function)

    def result(self) -> CallGraph:
        while self.pending:
            self.expand(self.pending.pop())
        self.count_loops()
        nodes = sorted(self.nodes.items(), key=lambda each: (each[1].scope.module.path, each[1].scope.number))
        functions = tuple(
            propagate.Function(key, each.scope.is_async, tuple(sorted(set(each.constraints))), each.family)
            for key, each in nodes
        )
        return CallGraph(
            functions,
            tuple(self.edges[key] for key in sorted(self.edges)),
            tuple(sorted(self.seeds, key=lambda each: each.site)),
            {key: each.scope for key, each in nodes},
            dict(sorted(self.sites.items())),
            {key: tuple(sorted(each)) for key, each in sorted(self.hazards.items()) if each},
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
        members = self.families.of(scope)
        keys = [self.node(each) for each in members]
        for key in keys:
            self.done.add(key)
            self.nodes[key].family = min(keys) if len(keys) > 1 else ""
        plain = [each for each in members if not each.is_async]
        # What is cheap comes first: a function that cannot convert needs no look at the rest of the program.
        if any(self.nodes[function_id(each)].constraints for each in plain):
            return
        for each in plain:
            verdict = Verdict()
            self.mentions.judge(each, verdict)
            self.add(function_id(each), verdict)
        if any(self.nodes[function_id(each)].constraints for each in plain):
            return
        found = [(each, self.callers(each, members)) for each in plain]
        blocked = any(self.nodes[function_id(each)].constraints for each in plain)
        for each, calls in found:
            for call, reached in calls:
                self.edge(call, each, reached, blocked=blocked)

    def callers(self, function: Scope, family: list[Scope]) -> list[tuple[Call, Reached]]:
        """Return the calls of `function`; note a constraint for each that may be one."""
        if owner_of(function) is not None:
            # The engine reads no file for `x.get()` by itself, since dictionaries have it too; here each must be seen.
            self.program.want(function.name, called=True)
        result: list[tuple[Call, Reached]] = []
        unknown: list[Call] = []
        keys = {key_of(each) for each in family}
        misnamed = [
            (each, False)
            for each in self.program.calls_named(function.name, want=False)
            if self.looks_like(each, function)
        ]
        for call, certain in [*self.program.callers(function), *misnamed]:
            reached = Reached((function,)) if certain else self.receivers.reached(call)
            if any(key_of(each) == key_of(function) for each in reached.functions):
                result.append((call, reached))
            elif not reached.known:
                guess = self.unknown(call, function, keys)
                if guess is not None:
                    result.append((call, Reached((function,), guess)))
                elif self.may_reach(call, function):
                    unknown.append(call)
        for call in sorted(unknown, key=lambda each: (each.module.path, each.span))[:_MOST_UNKNOWN]:
            message = f"a call of `{call.tail}` on something unknown may reach `{function.name}`; annotate the receiver"
            constraint = because("ASY135", message, call.module, call.span.start)
            self.nodes[function_id(function)].constraints.append(constraint)
        return result

    def looks_like(self, call: Call, function: Scope) -> bool:
        """Tell whether a call that seems to leave the program may be one of `function`."""
        dotted = self.program.dotted(call.module, call.scope, call.function) or ""
        own = f"{function.module.name}.{function.module.symbol(function.number)}"
        return dotted.endswith(f".{own}") and self.program.resolve(dotted) is None

    def unknown(self, call: Call, function: Scope, family: set[tuple[str, int]]) -> Certainty | None:
        """Return how sure it is that a call of an unknown receiver reaches `function`, None where it is not at all."""
        owner = owner_of(function)
        if owner is None or call.function[0] != "a":
            return None
        around = self.receivers.class_around(call.module, call.scope, call.function[1])
        if around is not None:
            # `self.f()` in a base or mixin that does not define `f` itself
            related = [each for each in self.families.methods(function.name) if self.families.share(each, around)]
            return Certainty.INFERRED if related and {key_of(each) for each in related} <= family else None
        if function.name in COMMON_METHODS:
            return None
        defined = {key_of(each) for each in self.families.methods(function.name)}
        return Certainty.GUESSED if defined <= family else None

    def may_reach(self, call: Call, function: Scope) -> bool:
        """Tell whether a call that nobody can resolve could be one of `function`."""
        owner = owner_of(function)
        if self.looks_like(call, function):
            return True
        if owner is not None:
            if call.function[0] != "a":
                return False  # a plain name can only be the method where the method is handed on, which is refused
            around = self.receivers.class_around(call.module, call.scope, call.function[1])
            return around is None or self.families.share_class(owner, around)
        shape = call.function
        if shape[0] == "a":
            shape = shape[1]
        while shape[0] == "a":
            shape = shape[1]
        found = call.module.lookup(call.scope, shape[1]) if shape[0] == "n" else None
        if found is None:
            return False
        # A variable holds the function only where it was handed on. An import, one of several, may be it:
        #     try: from fast import f
        #     except ImportError: from slow import f
        return any(each.kind in {"import", "def"} for each in found[1]) or (
            call.function[0] == "a" and any(each.kind in {"assign", "global"} for each in found[1])
        )

    # --- one call -------------------------------------------------------------------------------------------------

    def edge(self, call: Call, function: Scope, reached: Reached, *, blocked: bool) -> None:
        site = site_id(call)
        around = self.places.around(call, seed=False)
        constraints, remedy = list(around.constraints), ""
        if self.stays(around.function) or is_entry(call):
            wrapped = self.places.wrapped(call)
            constraints = list(wrapped.constraints)
            remedy = "" if constraints else RUN
        others = [each for each in reached.functions if key_of(each) != key_of(function)]
        for each in others:
            if each.kind != "function" or each.is_async:
                message = f"the call may reach `{function.name}` or `{each.name}`, which cannot be awaited alike"
                constraints.append(because("ASY140", message, call.module, call.span.start))
        caller = self.node(around.function)
        self.sites[site] = call
        if not remedy:
            self.hazards.setdefault(site, set()).update(around.hazards)
        # One call, one `await`: all that it reaches convert together, which `propagate` sees by the site.
        for each in [function, *(other for other in others if other.kind == "function")]:
            callee = self.node(each)
            self.edges[site, caller, callee] = propagate.Call(
                caller, callee, site, reached.certainty, remedy, tuple(sorted(set(constraints)))
            )
        if not (blocked or constraints):
            self.pending += others
            if not remedy:
                self.pending.append(around.function)

    def stays(self, scope: Scope) -> bool:
        """Tell whether a function stays as it is and may call `asyncio.run`, since no event loop runs around it."""
        if scope.kind != "function" or scope.is_async or not self.definitions.verdict(scope).stays:
            return False
        for call, _certain in self.program.callers(scope):
            caller = function_around(call.module, call.scope)
            if caller.kind == "module":
                continue
            if caller.is_async or (key_of(caller) != key_of(scope) and not self.definitions.verdict(caller).stays):
                return False
        return True

    def count_loops(self) -> None:
        """Note a hazard where one function would start several event loops, one after the other."""
        by_caller: dict[str, set[str]] = {}
        for edge in self.edges.values():
            if edge.remedy and self.nodes[edge.caller].scope.kind == "function":
                by_caller.setdefault(edge.caller, set()).add(edge.site)
        for sites in by_caller.values():
            for site in sites if len(sites) > 1 else ():
                call = self.sites[site]
                message = "each `asyncio.run` is an event loop of its own; nothing bound to one can be used in another"
                self.hazards.setdefault(site, set()).add(because("ASY007", message, call.module, call.span.start))


class _Families:
    """Which functions convert together: a method with what it overrides and what overrides it, overload stubs."""

    def __init__(self, program: Program, definitions: Definitions) -> None:
        self.program = program
        self.definitions = definitions
        self._methods: dict[str, list[Scope]] = {}
        self._ancestors: dict[tuple[str, int], dict[tuple[str, int], Scope]] = {}
        self._below: dict[tuple[str, int], set[tuple[str, int]]] = {}
        self._classes: list[Scope] | None = None

    def of(self, function: Scope) -> list[Scope]:
        """Return the family of `function`, itself among it, in the order of places."""
        members = {key_of(function): function}
        pending = [function]
        while pending:
            current = pending.pop()
            for each in [*self._overloads(current), *self._related(current)]:
                if key_of(each) not in members:
                    members[key_of(each)] = each
                    pending.append(each)
        return [members[key] for key in sorted(members)]

    def methods(self, name: str) -> list[Scope]:
        """Return every method of the program that is called `name`."""
        if name not in self._methods:
            found = [each for each in self.program.definitions(name) if each.kind == "function"]
            self._methods[name] = [each for each in found if owner_of(each) is not None]
        return self._methods[name]

    def share(self, method: Scope, other: Scope) -> bool:
        """Tell whether some class has both `method` and what class `other` defines."""
        owner = owner_of(method)
        return owner is not None and self.share_class(owner, other)

    def share_class(self, one: Scope, other: Scope) -> bool:
        """Tell whether some class derives from both classes, or is one of them and derives from the other."""
        return not self.below(one).isdisjoint(self.below(other))

    def below(self, owner: Scope) -> set[tuple[str, int]]:
        """Return a class and all that derive from it, as keys."""
        if not self._below:
            for each in self.classes():
                for ancestor in self.ancestors(each):
                    self._below.setdefault(ancestor, set()).add(key_of(each))
        return self._below.get(key_of(owner), set())

    def classes(self) -> list[Scope]:
        """Return every class read so far."""
        if self._classes is None:
            self._classes = list(self.program.classes())
        return self._classes

    def ancestors(self, owner: Scope) -> dict[tuple[str, int], Scope]:
        """Return a class and its bases of the program, near and far."""
        key = key_of(owner)
        if key not in self._ancestors:
            self._ancestors[key] = found = {key: owner}  # entered first, so that a cycle ends
            for base in owner.bases:
                shape = base[1] if base[0] == "i" else base
                dotted = owner.module.dotted(owner.parent, shape)
                parent = self.program.resolve(dotted) if dotted is not None else None
                if parent is not None and parent.kind == "class":
                    found.update(self.ancestors(parent))
        return self._ancestors[key]

    def _related(self, function: Scope) -> Iterable[Scope]:
        owner = owner_of(function)
        if owner is None or function.name.startswith("__"):
            return
        self.program.want(owner.name)  # subclasses that tie it to others may lie in files that do not name the method
        for each in self.methods(function.name):
            other = owner_of(each)
            if other is None or key_of(each) == key_of(function):
                continue
            for base in other.bases:
                if isinstance(base[-1], str):
                    self.program.want(base[-1])  # a file between the two classes
            if self.share_class(owner, other) or self._stands_for(owner, other) or self._stands_for(other, owner):
                yield each

    def _stands_for(self, owner: Scope, protocol: Scope) -> bool:
        """Tell whether a class has all that a Protocol asks for, without deriving from it."""
        return self.definitions.is_protocol(protocol) and has_methods_of(self.program, owner, protocol)

    def _overloads(self, function: Scope) -> Iterable[Scope]:
        module = function.module
        for binding in module.bindings(function.parent, function.name):
            other = binding.kind == "def" and binding.payload != function.number
            if other and self.definitions.is_overload(function, binding):
                yield module.scope(binding.payload)


__all__ = ["RUN", "BlockingCall", "CallGraph", "build", "function_id", "site_id"]
