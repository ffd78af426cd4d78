"""What stands on the ways to a function: retries, locks, coroutines; and on the ways on from it: other retries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from hasten.api import Call, Program, Read, Receivers, Scope, Sink, follow, receivers_of
from hasten_codemods.retry_api_calls.held import held_around, holding
from hasten_codemods.retry_api_calls.places import base_of, place_of
from hasten_codemods.retry_api_calls.retrying import (
    RETRYING,
    called_again,
    decorated,
    is_retried_by,
    tries_its_argument,
    trying,
)

#: Names of methods that are called on anything.
_COMMON = frozenset(
    {"get", "post", "put", "delete", "patch", "head", "request", "send", "read", "run", "call", "close", "update"}
    | {name for kind in (dict, list, set, str) for name in dir(kind) if not name.startswith("_")}
)
#: Callers are followed so far.
_FARTHEST = 8
_MOST = 300


class Way(NamedTuple):
    """What was found on the ways to a function.

    Attributes:
        retried: where something tries again already, for people; an empty string for nowhere.
        held: where a lock is held, or a transaction open.
        waited: where a coroutine calls it.
        doubt: where something that may call it, by its name, is a coroutine or tries again.
        modules: the paths of the modules from which it is called, over however many others.
        seen: whether every caller could be looked at.
    """

    retried: str
    held: str
    waited: str
    doubt: str
    modules: frozenset[str]
    seen: bool


class Paths:
    """Answers for one program."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self.program = program
        self.receivers: Receivers = receivers_of(program)
        self._reaches: dict[tuple[str, int], tuple[Scope, ...]] = {}

    # --- up ---------------------------------------------------------------------------------------------------------

    def to(self, function: Scope) -> Way:
        """Return what stands on the ways to `function`."""
        retried = held = waited = doubt = ""
        paths: set[str] = set()
        seen = {(function.module.path, function.number)}
        level = [function]
        for _ in range(_FARTHEST):
            above: list[Scope] = []
            for each in level:
                handed, unsure = self.handed(each)
                retried = retried or handed
                held = held or held_around(each)
                doubt = doubt or self._doubt(each, function) or unsure
                for call in self._calls(each):
                    module = call.module
                    paths.add(module.path)
                    around = module.enclosing(call.scope, "function")
                    held = held or holding(call, self.receivers)
                    retried = retried or self._tries(call)
                    if around is None:
                        continue
                    if around.is_async and not function.is_async and not _is_in_thread(call):
                        waited = waited or f"`{around.name}` ({place_of(module, call.span.start)})"
                    retried = retried or decorated(self.program, around)
                    held = held or held_around(around)
                    key = module.path, around.number
                    if key not in seen and len(seen) < _MOST:
                        seen.add(key)
                        above.append(around)
            level = above
            if not level:
                break
        return Way(retried, held, waited, doubt, frozenset(paths), not level and len(seen) < _MOST)

    def _calls(self, function: Scope) -> Iterator[Call]:
        """Yield the calls that reach a function, those left out of which another name is the only sign."""
        for call, certain in self.program.callers(function, near=False):
            if certain or function in self.receivers.reached(call).functions:
                yield call

    def _doubt(self, function: Scope, first: Scope) -> str:
        """Return a call that may be one of a function, by its name alone, and would matter if it were."""
        if function.name in _COMMON:
            return ""
        for call, certain in self.program.callers(function, near=False):
            around = call.module.enclosing(call.scope, "function")
            if certain or around is None or self.receivers.reached(call).known:
                continue
            waits = around.is_async and not first.is_async and not _is_in_thread(call) and call.use[0] != "await"
            if waits or trying(call) or called_again(call) or decorated(self.program, around):
                return f"`{call.tail}` in `{around.name}` ({place_of(call.module, call.span.start)})"
        return ""

    def handed(self, function: Scope) -> tuple[str, str]:
        """Return where a function is handed to something that tries again: `retry_call(fetch)`.

        The second place is where one of its name is, of which nobody can tell whether it is this one.
        """
        doubt = ""
        for read in self.program.references(function):
            taker = self._retrier(read)
            if taker is None:
                continue
            place = f"`{_called(taker)}` ({place_of(taker.module, taker.span.start)})"
            meant = self._meant(read, function)
            if meant is None and len(self.program.definitions(function.name, want=False)) == 1:
                meant = (function,)
            if meant is None and function.name not in _COMMON:
                doubt = doubt or place
            if meant is not None and function in meant:
                return place, doubt
        return "", doubt

    def _retrier(self, read: Read) -> Call | None:
        """Return the call that is given what is read there, as it is or in a `partial`, and tries it again."""
        if read.use[0] not in {"arg", "asg", "elem", "ret"}:
            return None
        taker = read.module.call(read.use[1]) if read.use[0] == "arg" else None
        if taker is not None and (self._tries_what_it_is_given(taker) or is_retried_by(self.program, taker)):
            return taker
        for sink in follow(self.program, read.module, read.scope, read.span, read.use, _is_partial):
            if sink.kind == "arg" and sink.call is not None and is_retried_by(self.program, sink.call):
                return sink.call
        return None

    def _meant(self, read: Read, function: Scope) -> tuple[Scope, ...] | None:
        """Return the functions that a mention of a function, or of an attribute of its name, may be of."""
        module, name = read.module, function.name
        base = base_of(read, name)
        if base is None:
            return (function,)
        owner = self.receivers.class_around(module, read.scope, base)
        if owner is None:
            return self.receivers.functions_at(module, read.scope, ["a", base, name])
        found = [self.program.find_method(each, name) for each in self.program.heirs(owner)]
        return tuple(each for each in found if each is not None)

    def _tries_what_it_is_given(self, taker: Call) -> bool:
        """`robust(fetch, url)`, where `robust` is the program's own, and calls it in a loop."""
        target, _known = self.program.target_of(taker)
        return tries_its_argument(target)

    def _tries(self, call: Call) -> str:
        """Return the loop that tries a call again."""
        loop = trying(call)
        if loop:
            return f"a loop ({loop})"
        again = called_again(call)
        if again:
            return f"where it fails, it is called again ({again})"
        inner = call.module.scope(call.scope)
        if inner.kind != "lambda":
            return ""
        # robust(lambda: fetch(url))
        for taker in call.module.calls():
            for each in taker.arguments:
                given = each.span.start <= inner.span.start and inner.span.end <= each.span.end
                if given and (self._tries_what_it_is_given(taker) or RETRYING.search(taker.tail)):
                    return f"`{taker.tail}` ({place_of(taker.module, taker.span.start)})"
        return ""

    # --- down -------------------------------------------------------------------------------------------------------

    def beyond(self, function: Scope) -> Iterator[Scope]:
        """Yield the functions of the program that `function` reaches, over however many others."""
        seen = {(function.module.path, function.number)}
        pending = [function]
        while pending and len(seen) < _MOST:
            for each in self._reached(pending.pop()):
                yield each
                key = each.module.path, each.number
                if key not in seen:
                    seen.add(key)
                    pending.append(each)

    def _reached(self, function: Scope) -> tuple[Scope, ...]:
        key = function.module.path, function.number
        if key not in self._reaches:
            found: dict[tuple[str, int], Scope] = {}
            for call in function.module.calls_in(function.number):
                target, _known = self.program.target_of(call)
                for each in (target,) if target is not None else self.receivers.reached(call).functions:
                    made = self.program.find_method(each, "__init__") if each.kind == "class" else each
                    if made is not None and made.kind == "function":
                        found[made.module.path, made.number] = made
            self._reaches[key] = tuple(found.values())
        return self._reaches[key]


def _is_in_thread(call: Call) -> bool:
    """`asyncio.to_thread(fetch)` is no call of `fetch`; `lambda: fetch()` given to one is."""
    return call.module.scope(call.scope).kind == "lambda"


def _called(taker: Call) -> str:
    """Return by which name something is called; that of what makes it in `Retrying(...)(fetch)`."""
    return taker.tail or (taker.module.call(taker.function[1]).tail if taker.function[0] == "c" else "")


def _is_partial(sink: Sink) -> bool:
    return sink.call is not None and sink.call.tail == "partial"
