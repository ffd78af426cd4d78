"""Hand the functions that block to threads: `await asyncio.to_thread(f, x)` in coroutines, and `f` as it was.

The call that is rewritten is the one that a coroutine function makes: what it calls, and all below, stays as it is.
Everything that blocks below the call has to live and die there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from hasten.async_below import Entry, below_of, is_put_off
from hasten.async_forms import kind_of
from hasten.async_kinds import key_of
from hasten.async_places import Places, because, function_around
from hasten.async_receivers import Resolve
from hasten.async_threads import Threads
from hasten.awaited import Awaited
from hasten.index.module import Call, Scope
from hasten.index.program import Program
from hasten.later import raced
from hasten.model import Applicability, Change, Finding, Hazard, ImportRequest, NodeEdit, Position, Refusal
from hasten.propagate import Certainty, Constraint
from hasten.straddling import Straddling, merged
from hasten.uses import trouble_with

_OTHER_LOOPS = ("curio", "trio")


class Offload:
    """The blocking calls of one program, handed to threads."""

    def __init__(
        self, program: Program, codemod: str, several: Callable[[Scope], str], resolve: Resolve | None
    ) -> None:
        """Take the program, and the answers that `hasten.asynchrony.Conversion` takes."""
        self.program = program
        self.codemod = codemod
        self.several = several
        self.below = below_of(program, resolve)
        self.threads = Threads(self.below)
        self.places = Places(program, self.below.receivers)
        self.straddling = Straddling(program, several)
        self._groups: list[Awaited] = []
        self._refusals: list[Refusal] = []

    def direct(self, blocking: Iterable[Awaited]) -> Iterator[Awaited]:
        """Take the blocking calls, and yield those that are awaited where they stand in a coroutine function."""
        for each in blocking:
            around = [function_around(step.call.module, step.call.scope) for step in each.steps]
            if all(scope.is_async for scope in around) and each.direct:
                yield each
            elif each.kept and any(scope.is_async for scope in around):
                self._refusals.append(self._refusal(each.call, "ASY172", _across(each), len(each.steps)))
            elif any(scope.is_async for scope in around):
                message = "it stands in a coroutine function itself; move the work into a function, which a thread runs"
                self._refusals.append(self._refusal(each.call, "ASY170", message, len(each.steps)))
            elif any(scope.kind == "module" for scope in around):
                message = "what a module does when it is imported is no coroutine's; move it into a function"
                self._refusals.append(self._refusal(each.call, "ASY103", message, len(each.steps)))
            else:
                self._groups.append(each)

    def served(self, blocking: Iterable[Awaited]) -> set[tuple[str, Position]]:
        """Return the places of those of `blocking` that a thread could run for a coroutine."""
        list(self.direct(blocking))
        found: set[tuple[str, Position]] = set()
        for entry, inside in self._entries().values():
            if not any(self._constraints(entry, inside)):
                for group in self._groups_in(inside):
                    module = group.call.module
                    found.add((module.path, module.position(group.call.span.start)))
        return found

    def _entries(self) -> dict[tuple[str, int], tuple[Entry, list[Scope]]]:
        """Return the calls in coroutine functions that lead to what blocks, each with what runs below it."""
        entries: dict[tuple[str, int], Entry] = {}
        for group in self._groups:
            found = [entry for step in group.steps for entry in self.below.entries(_around(step.call))]
            entries.update({(each.call.module.path, each.call.index): each for each in found})
        return {key: (entry, self.below.of(entry.functions)) for key, entry in sorted(entries.items())}

    def findings(self) -> Iterator[Finding]:
        """Yield a change or a refusal for each call in a coroutine function that leads to one of the others."""
        yield from self._refusals
        entries = self._entries()
        constraints = {key: list(self._constraints(*each)) for key, each in entries.items()}
        counted: set[int] = set()
        for key in sorted(entries, key=lambda each: (bool(constraints[each]), each)):
            entry, inside = entries[key]
            groups = self._groups_in(inside)
            fresh = sum(len(each.steps) for each in groups if id(each) not in counted)
            counted |= set(map(id, groups))
            if constraints[key]:
                yield self._stopped(entry.call, constraints[key], fresh)
            else:
                yield self._change(entry, inside, groups, fresh)
        for group in self._groups:
            if id(group) not in counted:
                name = _around(group.call).name
                message = f"no coroutine calls `{name}`, as far as can be seen: there is no event loop to be blocked"
                yield self._refusal(group.call, "ASY150", message, len(group.steps))

    def _groups_in(self, inside: Sequence[Scope]) -> list[Awaited]:
        """Return what blocks in functions, in part or as a whole."""
        keys = set(map(key_of, inside))
        return [each for each in self._groups if any(key_of(_around(step.call)) in keys for step in each.steps)]

    # --- what stands in the way -------------------------------------------------------------------------------------

    def _constraints(self, entry: Entry, inside: Sequence[Scope]) -> Iterator[Constraint]:
        call = entry.call
        module = call.module
        groups = self._groups_in(inside)
        kept = next((each for each in groups if each.kept), None)
        if kept is not None:
            yield because("ASY172", _across(kept), kept.call.module, kept.call.span.start)
            return
        yield from self.places.around(call, seed=False).constraints
        taken = trouble_with(self.program, module, call.scope, "asyncio", call.span.start)
        if taken:
            yield because("ASY151", f"{taken}, and `asyncio.to_thread` is needed here", module, call.span.start)
        called = self.below.run_by(entry.functions)
        for each in called:
            if each.is_async:
                message = f"the call may reach the coroutine function `{each.name}`, which no thread runs"
                yield because("ASY140", message, module, call.span.start)
        if self._hands_in_a_generator(call):
            message = "a generator is handed in, which would run in the thread; make a list of it"
            yield because("ASY175", message, module, call.span.start)
        known = frozenset(
            (step.call.module.path, step.call.index) for each in groups if each.handed for step in each.steps
        )
        yield from self.threads.constraints(called, inside, known)
        keys = set(map(key_of, inside))
        for group in groups:
            got = next((each for each in called if any(key_of(each) == key_of(one) for _, one in group.handed)), None)
            if got is not None:
                message = f"`{got.name}` is handed a connection, which was opened in another thread than this one"
                yield because("ASY172", message, got.module, got.span.start)
            outside = next((step.call for step in group.steps if key_of(_around(step.call)) not in keys), None)
            late = next((step.call for step in group.steps if is_put_off(step.call)), None)
            # Several connections may be lent to one function; each ends in the function that opens it.
            if outside is not None and not group.handed:
                message = "what blocks here lives on outside of the function, in another thread than its own"
                yield because("ASY172", message, outside.module, outside.span.start)
            if late is not None:
                message = "it stands in a lambda or generator, which may run when its function is over"
                yield because("ASY175", message, late.module, late.span.start)

    def _hands_in_a_generator(self, call: Call) -> bool:
        module = call.module
        given = (module.call(each.shape[1]) for each in call.arguments if each.shape[0] == "c")
        if any(kind_of(one) for each in given for one in self.below.receivers.reached(each).functions):
            return True
        return any(
            each.name == "<GeneratorExp>"
            and each.parent == call.scope
            and call.span.start < each.span.start < call.span.end
            for each in module.scopes()
        )

    def _stopped(self, call: Call, constraints: Sequence[Constraint], count: int) -> Refusal:
        first = min(constraints)
        here = call.module.path, call.module.position(call.span.start).line
        place = f"{first.path}:{first.line}: " if (first.path, first.line) != here else ""
        return self._refusal(call, first.code, f"{place}{first.message}", count)

    def _refusal(self, call: Call, code: str, message: str, count: int) -> Refusal:
        module = call.module
        start = module.position(call.span.start)
        return Refusal(self.codemod, code, message, module.path, start, module.symbol(call.scope), count)

    # --- changes ----------------------------------------------------------------------------------------------------

    def _change(self, entry: Entry, inside: Sequence[Scope], groups: Sequence[Awaited], count: int) -> Change:
        call = entry.call
        module, span = call.module, call.span
        hazards = merged(self._hazards(entry, inside, groups))
        start, end = module.position(span.start), module.position(span.end)
        return Change(
            id=f"thread:{module.path}:{span.start}:{span.end}",
            codemod=self.codemod,
            title=f"run `{call.tail}` in a thread",
            symbol=module.symbol(call.scope),
            applicability=Applicability.UNSAFE if hazards else Applicability.SAFE,
            edits=(NodeEdit(module.path, span, start, end, self.codemod, "await-in-thread"),),
            hazards=hazards,
            imports=(ImportRequest(module.path, "asyncio"),),
            awaits=count,
        )

    def _hazards(self, entry: Entry, inside: Sequence[Scope], groups: Sequence[Awaited]) -> Iterator[Hazard]:
        call = entry.call
        yield from (hazard for each in groups for hazard in each.threaded)
        found = [*self.threads.identity(inside), *self.threads.callbacks(inside)]
        if entry.certainty is Certainty.GUESSED:
            found.append(because("ASY001", f"the call of `{call.tail}` is a guess", call.module, call.span.start))
        reason = self.several(_around(call))
        if reason:
            found += [*self.threads.shared(inside), *self.threads.strangers(inside)]
        found += [each for each in self.places.around(call, seed=False).hazards if each.code != "ASY003" or reason]
        yield from (Hazard(each.code, f"{each.message} ({each.path}:{each.line})") for each in found)
        yield from self.straddling.at(call)
        other = self._other_loop()
        if other:
            yield Hazard("ASY033", f"another event loop is imported at {other}; this code must not run on it")
        if reason:
            yield from (hazard for each in groups for hazard in each.parallel)
            early = raced(self.program, call)
            if early:
                place = f"{call.module.path}:{call.module.position(call.span.start).line}"
                yield Hazard("ASY014", f"{early}: there is a new wait before ({place})")

    def _other_loop(self) -> str:
        for name in _OTHER_LOOPS:
            self.program.want(name)
        for module in self.program.modules:
            for each in module.imports():
                if each.level <= 0 and (each.module or each.name).partition(".")[0] in _OTHER_LOOPS:
                    return f"{module.path}:{module.position(each.start).line}"
        return ""


def _across(group: Awaited) -> str:
    """Return why what is kept cannot be used in threads, though `sqlite3` may have been told to let it be."""
    return f"{group.kept}, and each function might use it in a thread of its own, while others do"


def _around(call: Call) -> Scope:
    return function_around(call.module, call.scope)
