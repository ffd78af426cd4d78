"""Decide, function by function, from evidence of the whole program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property

from hasten.api import (
    RANK_OF_RETRIES,
    Applicability,
    Change,
    Finding,
    Hazard,
    Module,
    Position,
    Program,
    Proof,
    Refusal,
    Scope,
    Settings,
    decorate,
)
from hasten_codemods.retry_api_calls import answers, decorators, failures, fallback, functions, held, loops, retrying
from hasten_codemods.retry_api_calls.clients import CLIENTS, STATUS
from hasten_codemods.retry_api_calls.decorators import Unnamed, Wanted
from hasten_codemods.retry_api_calls.evidence import Evidence
from hasten_codemods.retry_api_calls.failures import LINE, Leaving
from hasten_codemods.retry_api_calls.paths import Paths, Way
from hasten_codemods.retry_api_calls.places import is_in_tests, is_super
from hasten_codemods.retry_api_calls.plain import Plain
from hasten_codemods.retry_api_calls.policy import Policy
from hasten_codemods.retry_api_calls.policy import text as policy_text
from hasten_codemods.retry_api_calls.sites import Insistent, Outbound, Passed, Sites
from hasten_codemods.retry_api_calls.terms import Terms, number

REQUIREMENT = "tenacity>=9.0"
_Key = tuple[str, int]
#: Said of a change where nothing else is to be said.
_ALL_SEEN = "RTY016"


class Analysis:
    """One look at one program."""

    def __init__(self, program: Program, settings: Settings, codemod: str) -> None:
        """Take the program and the settings."""
        self.program = program
        self.settings = settings
        self.codemod = codemod
        self.paths = Paths(program)
        self.plain = Plain(program)
        self.evidence = Evidence(program, settings, self.paths)
        self.repeating, self.sessions = self.evidence.repeating, self.evidence.sessions
        self.terms = {each.name: Terms.read(settings.options, each.name) for each in CLIENTS}
        shared = Terms.read(settings.options, "")
        self.policies = {
            word: Policy(program, codemod, policy_text(shared, shared=word == "shared"))
            for word in ("inline", "shared")
        }

    def findings(self) -> Iterator[Finding]:
        """Yield a change or a refusal for every function of the target files that calls out."""
        decided: dict[_Key, list[Finding]] = {}
        for key in self._inside_out:
            decided[key] = list(self._function(key))
            if any(isinstance(each, Change) for each in decided[key]):
                self._changed.add(key)
        for key in sorted(decided):
            if key[0] in self.program.targets:
                yield from decided[key]
        yield from self._elsewhere
        for policy in self.policies.values():
            yield from policy.changes()

    # --- the functions that call out --------------------------------------------------------------------------------

    @cached_property
    def _sites(self) -> dict[_Key, list[Outbound | Insistent]]:
        """Return the calls that leave the program by the innermost function around them."""
        found: dict[_Key, list[Outbound | Insistent]] = {}
        self._elsewhere: list[Finding] = []
        self._changed: set[_Key] = set()
        for each in Sites(self.program).find():
            module = each.call.module
            if isinstance(each, Passed):
                if module.path in self.program.targets and not is_in_tests(module.path):
                    message = "it is handed on, and called elsewhere; call it here, or try again where it is called"
                    symbol = module.symbol(each.call.scope)
                    self._elsewhere.append(self._refuse(module, each.call.span.start, symbol, "RTY125", message))
                continue
            around = module.enclosing(each.call.scope, "function", "lambda")
            if around is not None and around.kind == "function" and _is_in_body(around, each.call.span.start):
                found.setdefault((module.path, around.number), []).append(each)
            elif module.path in self.program.targets:
                message = "the call stands in no function that could be tried again; put it into one"
                self._elsewhere.append(self._refuse(module, each.call.span.start, module.symbol(0), "RTY110", message))
        return found

    @cached_property
    def _inside_out(self) -> list[_Key]:
        """Return the functions that call out, those that are reached by others first."""
        order: list[_Key] = []
        seen: set[_Key] = set()

        def visit(key: _Key) -> None:
            if key in seen:
                return
            seen.add(key)
            for each in self.paths.beyond(self._scope(key)):
                if (each.module.path, each.number) in self._sites:
                    visit((each.module.path, each.number))
            order.append(key)

        for key in sorted(self._sites):
            visit(key)
        return order

    def _scope(self, key: _Key) -> Scope:
        return self.program.module(key[0]).scope(key[1])

    # --- one function -----------------------------------------------------------------------------------------------

    def _function(self, key: _Key) -> Iterator[Finding]:
        function, sites = self._scope(key), self._sites[key]
        sent = [each for each in sites if isinstance(each, Outbound)]
        for insistent in {each.library.name: each for each in reversed(sites) if isinstance(each, Insistent)}.values():
            library = insistent.library
            message = f"`{library.name}` tries again by itself, and both would multiply: {library.instead}"
            if not functions.is_of_tests(function):
                yield self._refuse(
                    function.module, insistent.call.span.start, self._symbol(function), "RTY101", message
                )
            if not sent:
                return
        if not sent:
            return
        first = sent[0]
        refused = self._refusal(function, sites, sent)
        if refused is not None:
            yield self._refuse(function.module, first.call.span.start, self._symbol(function), *refused)
            return
        found = self._without_loop(function, sent)
        if found is not None:
            yield found
            return
        found = self._proposal(function, sent)
        yield found
        if isinstance(found, Change):
            yield from self._own_judgement(function, sent)

    def _own_judgement(self, function: Scope, sent: Sequence[Outbound]) -> Iterator[Refusal]:
        """Yield that what a function makes of a busy answer is its own affair, and not tried again."""
        leaving = self._leaving(function, sent)
        place = answers.judged(function, sent)
        if STATUS in leaving.families | leaving.causes or place is None:
            return
        message = answers.PARTLY if answers.handed_on(function, sent) else answers.UNSEEN
        yield self._refuse(function.module, place, self._symbol(function), "RTY128", message)

    def _refusal(
        self, function: Scope, sites: Sequence[Outbound | Insistent], sent: Sequence[Outbound]
    ) -> tuple[str, str] | None:
        """Return why a function is left alone, as far as that needs no look at what the decorator would be."""
        own = functions.refusal(function)
        if own is not None:
            return own
        if "tenacity" in self.program.own_names:
            return "RTY124", "`tenacity` is a module of the program's own; give that one another name"
        late = next((each for each in sent if functions.is_late(function, each.call)), None)
        if late is not None:
            return (
                "RTY124",
                (
                    f"`{late.client.name}` is only imported when it is needed, and tenacity would be imported always; "
                    "import it at the top of the module"
                ),
            )
        already = retrying.decorated(self.program, function)
        if already:
            return "RTY115", f"it is tried again already, by {already}"
        for each in sent:
            if function.name in each.client.methods and is_super(each.call.module, each.object):
                # class Session(requests.Session): def request(self, ...): return super().request(...)
                return (
                    "RTY129",
                    (
                        f"`{function.name}` stands in the place of a method of `{each.client.name}`, whose other "
                        "methods call it: attempts would multiply; try again where the session is used"
                    ),
                )
            if each.via:
                return "RTY118", f"{each.via}; import `{each.client.name}` in one way"
            insists = self.sessions.insists(each)
            if insists:
                return "RTY102", insists
            loop = retrying.trying(each.call)
            if loop and (kept := self._kept(function, each)):
                return (
                    "RTY103",
                    (
                        f"a loop tries the call again by hand ({loop}), and {kept}; a decorator on top would multiply "
                        "its attempts: leave it, or write `for attempt in tenacity.Retrying(...)` in its place"
                    ),
                )
            again = retrying.called_again(each.call)
            if again:
                # except requests.Timeout: return fetch(url)
                return "RTY103", f"where it fails, the call is made again ({again}); attempts would multiply: leave it"
            if each.request.streams:
                return (
                    "RTY116",
                    (
                        "the answer is read as a stream, and may fail while it is read, outside of it or with "
                        "half of it used; read it whole, or try again around the reading"
                    ),
                )
            if each.awaited and each.call.use[0] not in {"await", "with"}:
                return (
                    "RTY117",
                    (
                        "the coroutine is handed on and not awaited here, so that a retry would try only its making; "
                        "await it in a coroutine function, and return what it gives"
                    ),
                )
            holds = held.holding(each.call, self.repeating.receivers)
            if holds:
                return "RTY104", f"{holds} would be held, or taken again, while it waits; call outside of it"
        if any(isinstance(each, Insistent) for each in sites):
            return "RTY101", "another call in it tries again by itself, and would be tried again as a whole"
        if len({each.client.name for each in sent}) > 1:
            return "RTY119", "it calls through several clients, whose failures are not told apart; split it"
        used = self.repeating.consumed(function, sent, failures.until(self.program, function, sent))
        if used is not None and used[2]:
            return (
                "RTY120",
                (
                    f"`{used[0]}` can be read once ({used[1]}), and a second attempt would find it empty; "
                    "read it before, and pass what was read"
                ),
            )
        return self._nested(function)

    def _kept(self, function: Scope, sent: Outbound) -> str:
        """Return why the loop around a call cannot be replaced, an empty string where it can."""
        loop = loops.loop_of(function)
        if loop is None:
            return loops.kept(function) or "it is part of something else, or asks the answer and not for an error"
        if not loop.span.start <= sent.call.span.start < loop.span.end:
            return "a call before it would be tried again with it"
        again = next(self.repeating.before(function, (), loop.span.start), None)
        if again is not None:
            return f"its function does something before it: {again.what} ({again.place})"
        found = loops.replaced(self.program, function, loop, self.codemod, "")
        return found if isinstance(found, str) else ""

    def _without_loop(self, function: Scope, sent: Sequence[Outbound]) -> Finding | None:
        """Return the change that puts a decorator in the place of a loop; None where there is no loop."""
        loop = loops.loop_of(function)
        if loop is None or not retrying.trying(sent[0].call):
            return None
        module, symbol = function.module, self._symbol(function)
        way = self.paths.to(function)
        if way.retried:
            message = f"what calls it tries again already: {way.retried}; attempts multiply"
            return self._refuse(module, loop.span.start, symbol, "RTY106", message)
        level = self.terms[sent[0].client.name].level
        found = loops.replaced(self.program, function, loop, self.codemod, level)
        if isinstance(found, str):
            return self._refuse(module, loop.span.start, symbol, "RTY103", f"{found}; leave the loop")
        return Change(
            f"{module.path}:{function.number}",
            self.codemod,
            f"try `{function.name}` {found.attempts} times by a decorator, as its loop did",
            symbol,
            Applicability.UNSAFE,
            found.edits,
            found.hazards or (Hazard(_ALL_SEEN, "nothing is seen to speak against it; not all can be seen"),),
            (),
            found.imports,
            found.releases,
            (REQUIREMENT,),
            (Proof("RTY205", "attempts, waits and the last exception are those of the loop"),),
        )

    def _nested(self, function: Scope) -> tuple[str, str] | None:
        """Return that something that `function` calls is tried again."""
        for each in self.paths.beyond(function):
            if each.module is function.module and each.number == function.number:
                return (
                    "RTY121",
                    f"`{function.name}` calls itself, so that attempts would multiply; take the call out of it",
                )
            retried = retrying.decorated(self.program, each)
            if (each.module.path, each.number) in self._changed:
                retried = f"what is proposed here for `{each.name}`"
            if retried:
                return (
                    "RTY122",
                    (
                        f"it calls what is tried again by {retried}, so that attempts would multiply; "
                        "take its own call out into a function of its own"
                    ),
                )
        return None

    # --- what is proposed -------------------------------------------------------------------------------------------

    def _proposal(self, function: Scope, sent: Sequence[Outbound]) -> Finding:
        module, first = function.module, sent[0]
        leaving = self._leaving(function, sent)
        if not (leaving.families | leaving.causes) & LINE:
            stop = leaving.stopped[0]
            kept = f"are turned into `{stop.into}`" if stop.into else "are handled"
            message = (
                f"failures {kept} inside ({stop.place}), so that the decorator would never see them; take the call "
                "out into a function of its own, or raise the other error `from` the first"
            )
            return self._refuse(module, first.call.span.start, self._symbol(function), "RTY105", message)
        way = self.paths.to(function)
        refused = self._refused_by(way)
        if refused is not None:
            refusal = self._refuse(module, first.call.span.start, self._symbol(function), *refused)
            # Another codemod may make a coroutine function of it in this very run.
            return replace(refusal, lifts=refused[0] == "RTY107")
        asked = all(each.request.asks or (not each.request.verb and each.client.knows_request) for each in sent)
        told = asked and any(not each.request.verb for each in sent)
        busy = STATUS in leaving.families | leaving.causes
        whole = not busy and not self.settings["fallback"] and answers.handed_on(function, sent)
        wanted = Wanted(first.client, leaving, told, whole)
        terms = self.terms[first.client.name]
        unusable = terms.trouble or fallback.trouble(self.settings["fallback"], function)
        if unusable:
            message = f"{unusable}: mend `[tool.hasten.{self.codemod}]`"
            return self._refuse(module, first.call.span.start, self._symbol(function), "RTY127", message)
        word = self.settings["policy"].of(module.path)
        shared = word == "shared" and terms == Terms.read(self.settings.options, "")
        policy = self.policies["shared" if word == "shared" else "inline"]
        needs = shared or wanted.needs_policy
        trouble = policy.trouble(module) if needs else ""
        if trouble:
            message = f"what is worth another attempt cannot be said in a module beside: {trouble}"
            return self._refuse(module, first.call.span.start, self._symbol(function), "RTY123", message)
        made = decorators.compose(
            function,
            wanted,
            terms,
            policy=policy.request(module),
            shared=shared,
            fallback=self.settings["fallback"],
            reachable=self._is_imported_beside,
        )
        if isinstance(made, Unnamed):
            message = f"{made.reason}, and the decorator needs it when the module is imported"
            return self._refuse(module, first.call.span.start, self._symbol(function), "RTY124", message)
        hazards = (*self.evidence.hazards(function, sent, wanted, way), *self._of_others(function))
        if not hazards:
            doubt = self.plain.doubt(function, sent) or "it only asks, and not all around it can be seen"
            hazards = (Hazard(_ALL_SEEN, f"nothing is seen to speak against it; {doubt}"),)
        requires = (policy.key(module),) if needs else ()
        return Change(
            f"{module.path}:{function.number}",
            self.codemod,
            self._title(function, wanted, terms),
            self._symbol(function),
            Applicability.UNSAFE,
            (decorate(function, self.codemod, made.text, rank=RANK_OF_RETRIES),),
            hazards,
            requires,
            made.imports,
            dependencies=(REQUIREMENT,),
            proofs=tuple(self.evidence.proofs(sent, wanted, way)),
        )

    def _of_others(self, function: Scope) -> Iterator[Hazard]:
        """Yield that `function` also calls one that calls out and stays as it is, whose failures look the same."""
        for each in self.paths.beyond(function):
            if (each.module.path, each.number) in self._sites:
                yield Hazard(
                    "RTY003", f"it also calls `{each.name}`, which calls out, and would do so for each attempt"
                )
                return

    def _title(self, function: Scope, wanted: Wanted, terms: Terms) -> str:
        busy = wanted.answers or STATUS in wanted.leaving.families | wanted.leaving.causes
        what = "no answer, or a busy server" if busy else "no answer"
        waits = "waiting at random" if terms.jitter else f"waiting {number(terms.longest)} s"
        told = ", or as long as the server says" if busy else ""
        return f"try `{function.name}` {terms.attempts} times on {what}, {waits}{told}"

    def _leaving(self, function: Scope, sent: Sequence[Outbound]) -> Leaving:
        found = [failures.leaving(self.program, each, function) for each in sent]
        families = frozenset[str]().union(*(each.families for each in found))
        causes = frozenset[str]().union(*(each.causes for each in found))
        stopped = tuple(stop for each in found for stop in each.stopped)
        return Leaving(families, causes, stopped)

    def _refused_by(self, way: Way) -> tuple[str, str] | None:
        if way.retried:
            return "RTY106", f"what calls it tries again already: {way.retried}; attempts would multiply"
        if way.held:
            return "RTY104", f"it is called where {way.held} is held, and others would wait for it as well"
        if way.waited:
            return (
                "RTY107",
                (
                    f"{way.waited} is a coroutine that calls it, and the waits would stop the event loop for all else; "
                    "make it a coroutine function first, of an asynchronous client"
                ),
            )
        return None

    # --- details ----------------------------------------------------------------------------------------------------

    def _is_imported_beside(self, module: Module, name: str) -> bool:
        """Tell whether a module of the same package imports a library without asking whether it is there."""
        package = module.name.partition(".")[0]
        return any(
            each.scope == 0 and not each.nest and (each.module or each.name).partition(".")[0] == name
            for other in self.program.modules
            if other.name.partition(".")[0] == package
            for each in other.imports()
        )

    def _symbol(self, function: Scope) -> str:
        return function.module.symbol(function.number)

    def _refuse(self, module: Module, offset: int, symbol: str, code: str, message: str) -> Refusal:
        position: Position = module.position(offset)
        return Refusal(self.codemod, code, message, module.path, position, symbol)


def _is_in_body(function: Scope, offset: int) -> bool:
    return function.span.start <= offset < function.span.end
