"""Turn blocking calls into awaited ones: from a codemod's table of such calls to changes and refusals.

A codemod says which calls block and what is awaited in their place. Everything else is the same for all of them and is
done here: which functions have to become coroutine functions, where each call of them is awaited, what stands in the
way, and what else changes with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from hasten import propagate
from hasten.async_advice import noted
from hasten.async_behind import DEEP, deepest
from hasten.async_blocks import Entering
from hasten.async_choice import Choice
from hasten.async_codes import FIRM
from hasten.async_first_use import FirstUse
from hasten.async_forms import Form, More
from hasten.async_offload import Offload
from hasten.async_places import function_around
from hasten.async_receivers import Resolve
from hasten.async_results import property_of
from hasten.async_twins import Twins
from hasten.awaited import Awaited, IdleTests
from hasten.callgraph import CallGraph, build, site_id
from hasten.concurrency import tasks_of
from hasten.index.module import Call, Module, Scope
from hasten.index.program import Note, Program
from hasten.model import (
    Applicability,
    Change,
    Edit,
    Finding,
    Hazard,
    ImportRequest,
    NodeEdit,
    Refusal,
)
from hasten.propagate import Certainty, Constraint, Refused
from hasten.straddling import Straddling, merged
from hasten.strategies import OFFLOAD, TWIN

#: By the hazard of being called by it, what a library needs for calling coroutine functions: asgiref, for Flask.
_NEEDED = {"ASY004": "flask[async]"}
#: Hazards that say no more than that other tasks may come in between.
_INTERLEAVING = frozenset({"ASY003"})
#: So many functions of a path are named in a message.
_LONGEST_PATH = 6


class Conversion:
    """What the blocking calls of one program turn into."""

    def __init__(
        self,
        program: Program,
        codemod: str,
        *,
        unasked: bool = False,
        idle_tests: IdleTests = IdleTests(),  # noqa: B008 - a frozen value
        several: Callable[[Scope], str] | None = None,
        resolve: Resolve | None = None,
        entry_points: frozenset[str] | None = None,
        first_use: FirstUse | None = None,
    ) -> None:
        """Take the program.

        Args:
            program: where the calls are.
            codemod: whose transformer, derived from `AsyncTransformer`, carries the edits out.
            unasked: whether calls are rewritten that no coroutine reaches, so that nobody waits for them.
            idle_tests: whether `unasked` goes for what tests do by themselves, too; by default it does not, and nobody
                is told that it could.
            several: tells by what several tasks can run a function at once, `""` where they cannot; by default what
                `hasten.concurrency` finds out.
            resolve: what a call reaches, where the facts do not say, see `hasten.callgraph.build`; by default the
                program is asked.
            entry_points: dotted names that the project's metadata calls from outside; by default those of the program.
            first_use: which constructors stay, and do what has to wait when the object is first used; by default none.
        """
        self.program = program
        self.codemod = codemod
        self._unasked = unasked
        self._idle_tests = idle_tests
        self._several = several or tasks_of(program).several
        self._resolve = resolve or program.resolve_call
        self._entry_points = entry_points
        self._first_use = first_use

    def findings(self, blocking: Iterable[Awaited]) -> Iterator[Finding]:
        """Yield a change or a refusal for each of `blocking`, and the changes that these require.

        They are rewritten where a function around them is a coroutine function, or is called by one, directly or not.
        Each function that has to become one is a change of its own, with every `await` of it, in all files.
        """
        by_strategy: dict[str, dict[tuple[str, int], Awaited]] = {}
        for each in blocking:
            strategy = self.program.strategies.of(each.call.module.path)
            by_strategy.setdefault(strategy, {})[_id(each.call)] = each
        offloaded = by_strategy.pop(OFFLOAD, {})
        if offloaded:
            offload = Offload(self.program, self.codemod, self._several, self._resolve)
            kept = list(offload.direct(offloaded[each] for each in sorted(offloaded)))
            by_strategy.setdefault("convert", {}).update({_id(each.call): each for each in kept})
            yield from offload.findings()
        twins = by_strategy.pop(TWIN, {})
        if twins:
            graph, taken, refusals = Twins(self.program, self.codemod, self._resolve).graph(
                twins[each] for each in sorted(twins)
            )
            yield from refusals
            wanted = {_id(each.call): each for each in taken}
            yield from _Findings(
                self.program, self.codemod, graph, wanted, self._several, unasked=False, named=False
            ).all()
        for wanted in by_strategy.values():
            if any(map(self._matters, wanted.values())):
                yield from self._converted(wanted)

    def _matters(self, awaited: Awaited) -> bool:
        """Tell whether somebody asks what becomes of blocking calls: not where only others were rewritten."""
        paths = {*(each.call.module.path for each in awaited.steps), *(each.path for each in awaited.edits)}
        return not self.program.rewritten or not paths.isdisjoint(self.program.rewritten)

    def stopping(self, refused: Iterable[Sequence[Call]]) -> Iterator[Constraint | None]:
        """Yield, for blocking calls that are refused for another reason, what would stop them even without that.

        It is a special method, a property, an override of something of others, a thread, or a lock of threads on the
        way to them, but for what tests do: what nobody mends by following the advice of the other reason. None where
        nothing of the kind is found, and where nobody reads them (`Program.rewritten`).
        """
        groups = [list(each) for each in refused]
        if self.program.rewritten:
            yield from (None for _ in groups)
            return
        found = self._behind([each for group in groups for each in group])
        for group in groups:
            own = [found[site] for each in group if (site := site_id(each)) in found]
            yield min(own, key=lambda each: (each.code not in FIRM, each), default=None)

    def _behind(self, calls: Sequence[Call]) -> dict[str, Constraint]:
        """Return, by site, what nobody mends on the way to blocking calls."""
        if not calls:
            return {}
        seeds = [(each, each.module.enclosing(each.scope, "function")) for each in calls]
        entry_points = self.program.entry_points if self._entry_points is None else self._entry_points
        graph = build(
            self.program,
            seeds,
            self._resolve,
            entry_points=entry_points,
            forms=True,
            first_use=self._first_use,
            thorough=True,
        )
        return deepest(graph)

    def _converted(self, wanted: Mapping[tuple[str, int], Awaited]) -> Iterator[Finding]:
        steps = [step for _, each in sorted(wanted.items()) for step in each.steps]
        calls = [each.call for each in steps]
        entry_points = self.program.entry_points if self._entry_points is None else self._entry_points
        graph = build(
            self.program,
            [(each, each.module.enclosing(each.scope, "function")) for each in calls],
            self._resolve,
            entry_points=entry_points,
            forms=True,
            first_use=self._first_use,
            alone=frozenset(_id(each.call) for each in steps if each.alone),
        )
        found = _Findings(
            self.program,
            self.codemod,
            graph,
            wanted,
            self._several,
            unasked=self._unasked,
            idle_tests=self._idle_tests,
            named=bool(entry_points),
        )
        if self.program.rewritten:
            yield from found.all()
            return
        groups = [each for _, each in sorted(wanted.items())]
        shallow = [graph.sites[site] for site, each in found.refused_seeds.items() if DEEP.isdisjoint(each.codes)]
        found.behind = self._behind(shallow)
        yield from noted(self.program, self.codemod, self._several, self._resolve, list(found.all()), groups)


class _Findings:
    def __init__(
        self,
        program: Program,
        codemod: str,
        graph: CallGraph,
        wanted: Mapping[tuple[str, int], Awaited],
        several: Callable[[Scope], str],
        *,
        unasked: bool,
        idle_tests: IdleTests = IdleTests(),  # noqa: B008 - a frozen value
        named: bool,
    ) -> None:
        self.program = program
        self.codemod = codemod
        self.named = named
        self.graph = graph
        self.wanted = [wanted[each] for each in sorted(wanted)]
        self.several = several
        self.straddling = Straddling(program, several, [one for each in self.wanted for one in each.locked])
        by_call = {_id(call): site for site, call in graph.sites.items()}
        self.sites_of = {_id(each.call): [by_call[_id(step.call)] for step in each.steps] for each in self.wanted}
        self.family = {each.id: each.family or each.id for each in graph.functions}
        self.idle_tests = idle_tests
        sites_of = self.sites_of.values()
        choice = Choice(program, graph, self.family, sites_of, unasked=unasked, idle_tests=idle_tests.convert)
        self.refused_seeds = choice.refused
        self.waited = choice.waited
        self.result = choice.result
        #: By site, what nobody mends above a call that is refused for something else; whoever asks for it fills it in.
        self.behind: Mapping[str, Constraint] = {}
        self.converted = frozenset(self.result.converted)
        self.sites: dict[str, list[propagate.Call]] = {}
        for each in self.result.awaited:
            self.sites.setdefault(each.callee, []).append(each)
        self.remedies: dict[str, list[propagate.Call]] = {}
        for each in self.result.remedied:
            self.remedies.setdefault(each.callee, []).append(each)
        self.called = {self.family[each.callee] for each in graph.calls}
        self.own_hazards = {each: self.hazards_of(each) for each in self.result.converted}
        if program.watched in graph.scopes:
            converts = program.watched in self.converted
            program.notes += [Note(codemod, each, converts) for each in self.told(program.watched)]

    def all(self) -> Iterator[Finding]:
        """Yield everything that was found."""
        made = {each.site: each for each in self.result.seeds}
        for each in self.wanted:
            sites = self.sites_of[_id(each.call)]
            refused = [self.refused_seeds[site] for site in sites if site in self.refused_seeds]
            # What nothing around it can mend is named first: whoever mends the rest would only come to it then. That a
            # constructor cannot leave something to the first use follows from the rest, more often than not.
            stopped = min(
                refused,
                key=lambda each: (each.constraint.code not in FIRM, each.constraint.code == "ASY141"),
                default=None,
            )
            if stopped is not None:
                behind = {code for each in refused for code in each.codes} - {stopped.constraint.code}
                refusal = replace(self.refused(stopped, each.call), awaitable=len(sites), behind=tuple(sorted(behind)))
                yield self.deepened(refusal, sites)
            elif sites[0] not in made:
                yield replace(self.unreached(each.call), awaitable=len(sites))
            else:
                yield self.change(each, [made[site] for site in sites])
        for function in self.result.converted:
            yield self.support(function)

    def deepened(self, refusal: Refusal, sites: Sequence[str]) -> Refusal:
        """Return a refusal that names first what is behind its reason, if that is nothing to be mended."""
        found = [self.behind[site] for site in sites if site in self.behind]
        deep = min(found, key=lambda each: (each.code not in FIRM, each), default=None)
        if deep is None or refusal.code in DEEP or deep.code == refusal.code:
            return refusal
        message = f"{deep.path}:{deep.line}: {deep.message}; and besides, {refusal.message}"
        codes = {refusal.code, *refusal.behind} - {deep.code}
        return replace(refusal, code=deep.code, message=message, behind=tuple(sorted(codes)))

    # --- why not ------------------------------------------------------------------------------------------------

    def unreached(self, call: Call) -> Refusal:
        """Refuse a call that no coroutine reaches."""
        name = function_around(call.module, call.scope).name
        message = f"no coroutine calls `{name}`, as far as can be seen: there is no event loop to be blocked"
        if self.idle_tests.remedy:
            # Whatever else no coroutine reaches is converted all the same.
            message = f"`{name}` belongs to tests, and nothing else in it waits: {self.idle_tests.remedy}"
        return self.refusal(call, "ASY150", message)

    def refused(self, refused: Refused, shown: Call | None = None) -> Refusal:
        """Refuse a seed that a constraint stops, at `shown`, by default its own call."""
        constraint, call = refused.constraint, self.graph.sites[refused.seed.site]
        message = constraint.message
        here = call.module.path, call.module.position(call.span.start).line
        # A module as a whole is no place to look at; the call in it is named below.
        whole = self.graph.scopes[refused.path[-1]].kind == "module"
        if constraint.path and not whole and (constraint.path, constraint.line) != here:
            message = f"{constraint.path}:{constraint.line}: {message}"
        if len(refused.path) > 1:
            message += f"; the way there: {self.way(refused)}"
        return self.refusal(shown or call, constraint.code, message)

    def way(self, refused: Refused) -> str:
        """Return the functions between a seed and what stops it, each with where it calls the one before."""
        steps = self.steps(refused.path, {(each.callee, each.caller): each for each in refused.calls})
        if len(steps) > _LONGEST_PATH:
            steps = [*steps[: _LONGEST_PATH - 1], "...", steps[-1]]
        return " <- ".join(steps)

    def steps(self, path: Sequence[str], calls: Mapping[tuple[str, str], propagate.Call]) -> list[str]:
        """Return the functions of a path by name, each with the place of the call between it and the one before."""
        steps = [f"`{self.name_of(path[0])}`"]
        for pair in pairwise(path):
            call = self.graph.sites[calls[pair].site] if pair in calls else None
            at = f" ({_place(call.module, call.span.start)})" if call is not None else ""
            steps.append(f"`{self.name_of(pair[1])}`{at}")
        return steps

    def refusal(self, call: Call, code: str, message: str) -> Refusal:
        """Return a refusal at a call."""
        module = call.module
        return Refusal(
            self.codemod, code, message, module.path, module.position(call.span.start), module.symbol(call.scope)
        )

    def name_of(self, function: str) -> str:
        """Return the qualified name of a function, for people."""
        scope = self.graph.scopes[function]
        return scope.module.symbol(scope.number)

    # --- one function, for whoever wants to know about it ---------------------------------------------------------

    def told(self, function: str) -> Iterator[str]:
        """Yield what becomes of a function, and why."""
        name = f"`{self.name_of(function)}`"
        if function in self.converted:
            reason = self.result.why(function)
            twin = self.twin_of(function)
            what = f"stays, and gets `{twin}` beside it" if twin else "becomes a coroutine function"
            what = "stays, and does at the first use what has to wait" if self.stays_plain(function) else what
            yield f"{name} {what}; the way to what blocks: {self.down(reason.path, reason.seed)}"
            return
        awaits = [(each, "awaits", "") for each in self.result.awaited if each.caller == function]
        run = [(each, "stays as it is, and runs", " with `asyncio.run`") for each in self.result.remedied]
        run = [each for each in run if each[0].caller == function]
        for each, verb, how in (*awaits, *run):
            call = self.graph.sites[each.site]
            yield f"{name} {verb} `{self.name_of(each.callee)}`{how} ({_place(call.module, call.span.start)})"
        refused = {site: self.refused(each) for site, each in self.refused_seeds.items()}
        taken = {each.site for each in self.result.seeds}
        found = [(seed, path) for seed, path in self.below(function) if seed.site not in taken]
        # The nearest of those that something stands in the way of, else the nearest that nobody waits for.
        for seed, path in sorted(found, key=lambda each: each[0].site not in refused)[:1]:
            why = refused.get(seed.site) or self.unreached(self.graph.sites[seed.site])
            stays = "calls what stays" if self.graph.scopes[function].is_async or run else "stays"
            yield f"{name} {stays} as it is; the way to what blocks: {self.down(path, seed)}"
            yield f"that call is not rewritten: {why.code} {why.message}"

    def below(self, function: str) -> Iterator[tuple[propagate.Seed, Sequence[str]]]:
        """Yield the blocking calls that a function reaches, nearest first, each with the functions on the way."""
        onward: dict[str, list[str]] = {}
        for call in self.graph.calls:
            onward.setdefault(call.caller, []).append(call.callee)
        families: dict[str, list[str]] = {}
        for each, family in self.family.items():
            families.setdefault(family, []).append(each)
        seen = {function}
        ways: list[tuple[str, ...]] = [(function,)]
        for way in ways:
            last = way[-1]
            yield from ((seed, way) for seed in self.graph.seeds if seed.function == last)
            # A call of one of a family may reach any of them.
            for each in (*onward.get(last, ()), *families[self.family[last]]):
                if each not in seen:
                    seen.add(each)
                    ways.append((*way, each))

    def down(self, path: Sequence[str], seed: propagate.Seed) -> str:
        """Return the functions from one to the blocking call that it reaches, each with where it is called."""
        steps = self.steps(path, {(each.caller, each.callee): each for each in reversed(self.graph.calls)})
        blocking = self.graph.sites[seed.site]
        place = _place(blocking.module, blocking.span.start)
        return " -> ".join([*steps, f"`{blocking.tail}()` ({place})"])

    # --- changes ------------------------------------------------------------------------------------------------

    def change(self, awaited: Awaited, seeds: Sequence[propagate.Seed]) -> Change:
        """Return the change of blocking calls that are awaited together."""
        call = awaited.call
        functions = list(dict.fromkeys(each.function for each in seeds))
        needed = list(dict.fromkeys(each for function in functions for each in self.closure(function)))
        hazards = merged(
            awaited.hazards,
            *([*self.at(each.site), *self.straddling.at(self.graph.sites[each.site])] for each in seeds),
            *(self.own_hazards[each] for each in needed),
        )
        edits: list[Edit] = []
        run = {each.site for each in seeds if each.remedy}
        sites = self.sites_of[_id(call)]
        running = sorted({self.graph.sites[each].module.path for each in run})
        for each, site in zip(awaited.steps, sites, strict=True):
            edit = self.edit(each.call, each.action, (*each.data, ("run", "yes")) if site in run else each.data)
            edits.append(edit if each.reach is None else replace(edit, end=each.reach))
        return Change(
            id=f"{call.module.path}:{call.span.start}:{call.span.end}",
            codemod=self.codemod,
            title=awaited.title,
            symbol=call.module.symbol(call.scope),
            applicability=Applicability.UNSAFE if hazards else Applicability.SAFE,
            edits=(*edits, *awaited.edits),
            hazards=hazards,
            requires=(*(self.key(each) for each in functions if each in self.converted), *awaited.requires),
            imports=(
                *awaited.imports,
                *(ImportRequest(each, "asyncio") for each in running),
            ),
            releases=awaited.releases,
            dependencies=awaited.dependencies,
            proofs=awaited.proofs,
            awaits=len(seeds),
            unwaited=not any(each.site in self.waited for each in seeds),
        )

    def support(self, function: str) -> Change:
        """Return the change that makes a function a coroutine function, and awaits it wherever it is called."""
        scope = self.graph.scopes[function]
        run = [self.graph.sites[each.site] for each in self.remedies.get(function, ())]
        forms = [
            form
            for each in (function, *(call.site for call in self.sites.get(function, ())))
            if (form := self.graph.forms.get(each))
        ]
        edits: list[Edit] = [self.definition(scope, self.graph.forms.get(function))]
        edits += (self.await_at(each) for each in self.sites.get(function, ()))
        edits += (self.run_at(each) for each in run)
        edits += (self.further(each) for form in forms for each in form.more)
        hazards = merged(self.own_hazards[function])
        return Change(
            id=self.key(function),
            codemod=self.codemod,
            title=self.title(function),
            symbol=scope.module.symbol(scope.number),
            applicability=Applicability.UNSAFE if hazards else Applicability.SAFE,
            edits=tuple(dict.fromkeys(edits)),
            hazards=hazards,
            requires=(
                *(self.key(each) for each in self.result.requires[function]),
                *(self.key(each) for form in forms for each in form.together),
                *(each for form in forms for each in form.requires),
            ),
            imports=(
                *(ImportRequest(each.module.path, "asyncio") for each in run),
                *(each for form in forms for each in form.imports),
            ),
            releases=tuple(each for form in forms for each in form.releases),
            support=True,
            dependencies=tuple(sorted({_NEEDED[each.code] for each in hazards if each.code in _NEEDED})),
            test_dependencies=tuple(dict.fromkeys(each for form in forms for each in form.test_dependencies)),
        )

    def further(self, more: More) -> NodeEdit:
        """Return one more edit of a form."""
        start, end = more.module.position(more.span.start), more.module.position(more.span.end)
        return NodeEdit(more.module.path, more.span, start, end, self.codemod, more.action, more.data)

    def title(self, function: str) -> str:
        """Return one line about the conversion of a function, for people."""
        form, name = self.graph.forms.get(function), self.graph.scopes[function].name
        if form is not None and form.action == "make-factory":
            return f"make an asynchronous factory of the constructor of `{dict(form.data)['owner']}`"
        if self.stays_plain(function):
            return f"let `{name}` of `{self.name_of(function)}` do what waits at the first use"
        inside = form is not None and form.action == "run-inside"
        twin = self.twin_of(function)
        if twin:
            return f"write the coroutine function `{twin}` beside `{name}`"
        return f"run the body of `{name}` in a coroutine" if inside else f"make a coroutine function of `{name}`"

    def stays_plain(self, function: str) -> bool:
        """Tell whether a function is a constructor that stays, and does at the first use what has to wait."""
        form = self.graph.forms.get(function)
        return form is not None and form.action == "open-at-first-use"

    def twin_of(self, function: str) -> str:
        """Return the name of the coroutine function that is written beside a function, `""` where it is converted."""
        form = self.graph.forms.get(function)
        return dict(form.data).get("twin", "") if form is not None else ""

    def key(self, function: str) -> str:
        """Return the key of the change of a function: another where a twin is written than where it is converted."""
        return f"{'twin' if self.twin_of(function) else 'async'}:{function}"

    def definition(self, scope: Scope, form: Form | None) -> NodeEdit:
        """Return the edit of a function's definition; for people it is where `def` stands."""
        module, span = scope.module, scope.span
        start, end = module.position(span.start), module.position(span.start + len("def"))
        plain = NodeEdit(module.path, span, start, end, self.codemod, "async-def")
        return plain if form is None else _formed(plain, form, module)

    def await_at(self, call: propagate.Call) -> NodeEdit:
        """Return the edit of a call that is awaited, entered or iterated."""
        form, site = self.graph.forms.get(call.site), self.graph.sites[call.site]
        plain = self.edit(site, "await-call")
        if isinstance(site, Entering):
            plain = replace(plain, span=site.statement)
        return plain if form is None else _formed(plain, form, site.module)

    def run_at(self, call: Call) -> NodeEdit:
        """Return the edit of a call that is run in an event loop of its own."""
        form = self.graph.forms.get(site_id(call))
        if form is not None and form.action == "run-later":
            return self.edit(call, form.action, form.data)
        factory = dict(form.data).get("name") if form is not None else None
        return self.edit(call, "asyncio-run", (("factory", factory),) if factory else ())

    def edit(self, call: Call, action: str, data: tuple[tuple[str, str], ...] = ()) -> NodeEdit:
        """Return the edit of a call."""
        module, span = call.module, call.span
        start, end = module.position(span.start), module.position(span.end)
        return NodeEdit(module.path, span, start, end, self.codemod, action, data)

    def closure(self, function: str) -> Sequence[str]:
        """Return what converts for a seed in `function`, nearest first."""
        if function not in self.converted:
            return ()
        found = {function: None}
        pending = [function]
        for each in pending:
            for needed in self.result.requires[each]:
                if needed not in found:
                    found[needed] = None
                    pending.append(needed)
        return list(found)

    # --- hazards ------------------------------------------------------------------------------------------------

    def hazards_of(self, function: str) -> list[Hazard]:
        """Return what happens if a function converts, apart from the functions that must follow."""
        scope = self.graph.scopes[function]
        place = _place(scope.module, scope.span.start)
        name = self.name_of(function) if scope.name.startswith("__") else scope.name
        calls = [*self.sites.get(function, ()), *self.remedies.get(function, ())]
        found = self.at(function)
        if self.several(scope) and not self.stays_plain(function):
            twin = self.twin_of(function)
            what = f"coroutines call `{twin}` for `{name}`" if twin else f"`{name}` becomes a coroutine function"
            found.insert(0, Hazard("ASY020", f"{what} ({place})"))
        for each in calls:
            call = self.graph.sites[each.site]
            found += self.at(each.site)
            if each.certainty is Certainty.GUESSED:
                message = f"the call of `{name}` at {_place(call.module, call.span.start)} is a guess"
                found.append(Hazard("ASY001", message))
        for each in self.sites.get(function, ()):
            found += self.straddling.at(self.graph.sites[each.site])
        started = [each for each in self.remedies.get(function, ()) if self.graph.scopes[each.caller].kind == "module"]
        # A project that names its commands may name this one in a way that nobody can read.
        for each in started[:1] if self.named else ():
            call = self.graph.sites[each.site]
            where = _place(call.module, call.span.start)
            found.append(Hazard("ASY022", f"`{name}` is where the program starts ({where})"))
        runs_itself = function in self.graph.forms and self.graph.forms[function].action == "run-inside"
        seen = self.family[function] in self.called or runs_itself or function in self.graph.handed
        seen = seen or self.stays_plain(function)
        if not seen and (property_of(scope) or not scope.decorators):
            found.append(Hazard("ASY021", f"nobody in the program calls `{name}`, so others may ({place})"))
        return found

    def at(self, where: str) -> list[Hazard]:
        """Return the hazards that the graph knows of a function or a site."""
        call = self.graph.sites.get(where)
        scope = function_around(call.module, call.scope) if call is not None else self.graph.scopes[where]
        found = [_hazard(each) for each in self.graph.hazards.get(where, ())]
        return [each for each in found if each.code not in _INTERLEAVING or self.several(scope)]


def _hazard(constraint: Constraint) -> Hazard:
    return Hazard(constraint.code, f"{constraint.message} ({constraint.path}:{constraint.line})")


def _formed(edit: NodeEdit, form: Form, module: Module) -> NodeEdit:
    """Return an edit of another form, with the place that it shows."""
    if form.extent is not None:
        edit = replace(edit, start=module.position(form.extent.start), end=module.position(form.extent.end))
    return replace(edit, action=form.action, data=form.data)


def _id(call: Call) -> tuple[str, int]:
    return call.module.path, call.index


def _place(module: Module, offset: int) -> str:
    return f"{module.path}:{module.position(offset).line}"
