"""Which failures of a call leave the function around it, as what: handlers on the way may keep them, or change them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from hasten.api import Call, Module, Program, Scope
from hasten_codemods.retry_api_calls.clients import CONNECTION, EVERY, STATUS, TIMEOUT, Client
from hasten_codemods.retry_api_calls.places import place_of
from hasten_codemods.retry_api_calls.sites import Outbound

Shape: TypeAlias = list[Any]
LINE = frozenset({CONNECTION, TIMEOUT})
#: Statements of a handler that do not keep what comes last from being reached.
_STRAIGHT = frozenset({"Expr", "Assign", "AnnAssign", "AugAssign", "Pass", "Assert", "Delete", "Import", "ImportFrom"})
#: Names of what tells an answer that is none to be an error, among the program's own functions.
_DEEPEST = 2
#: What keeps errors in the place of a handler.
_SUPPRESSES = frozenset({"suppress", "raises", "assertRaises", "ignored"})


class Stopped(NamedTuple):
    """Failures that do not leave as they are.

    Attributes:
        place: of the handler.
        into: what they are turned into, `""` where they are kept.
        chained: what they are turned into knows them as its cause.
    """

    place: str
    into: str = ""
    chained: bool = False


class Leaving(NamedTuple):
    """What leaves a function when one of its calls fails.

    Attributes:
        families: the failures that leave as they are.
        causes: those that leave as the cause of another one.
        stopped: where the others end.
    """

    families: frozenset[str]
    causes: frozenset[str]
    stopped: tuple[Stopped, ...]


def leaving(program: Program, outbound: Outbound, function: Scope) -> Leaving:
    """Return what leaves `function` when a call in it fails for a while."""
    client, call = outbound.client, outbound.call
    found = _past(program, call, client, LINE)
    statuses = [found] if client.answers or _raises_by_itself(call) or _is_told_to_raise(program, outbound) else []
    if statuses:
        statuses = [_past(program, call, client, frozenset({STATUS}))]
    statuses += [_past(program, each, client, frozenset({STATUS})) for each in raising(program, function)]
    families, causes, stopped = found
    for each in statuses:
        families |= each.families
        causes |= each.causes
        stopped += each.stopped
    return Leaving(families & EVERY, causes & EVERY, tuple(dict.fromkeys(stopped)))


def until(program: Program, function: Scope, sent: Sequence[Outbound]) -> int:
    """Return where the last call in `function` that may fail for a while is over."""
    ends = [each.call.span.end for each in sent]
    return max(ends + [each.span.end for each in raising(program, function)])


def raising(program: Program, function: Scope, depth: int = 0) -> list[Call]:
    """Return the calls in `function` that make an error of an answer that says that there is none."""
    found: list[Call] = []
    for call in function.module.calls_in(function.number):
        if call.tail == "raise_for_status":
            found.append(call)
        elif depth < _DEEPEST and call.arguments:
            target, _known = program.target_of(call)
            if target is not None and target.kind == "function" and not target.is_generator:
                inner = raising(program, target, depth + 1)
                if _plainly(target, inner):
                    found.append(call)
    return found


def _plainly(function: Scope, calls: list[Call]) -> bool:
    """Tell whether one of the calls stands in no `try` at all: what it raises leaves its function as it is."""
    return any(all(each.kind != "try" for each in function.module.guards(call.guard)) for call in calls)


def _raises_by_itself(call: Call) -> bool:
    """`session.get(url, raise_for_status=True)`, of aiohttp."""
    return any(each.keyword == "raise_for_status" and each.shape == ["k", "bool", "True"] for each in call.arguments)


def _is_told_to_raise(program: Program, outbound: Outbound) -> bool:
    """`async with ClientSession(raise_for_status=True) as session: session.get(url)`."""
    module, shape = outbound.call.module, outbound.object
    made: list[tuple[Module, Any]] = []
    if shape is not None and shape[0] == "n":
        found = module.lookup(outbound.call.scope, shape[1])
        bindings = found[1] if found is not None else ()
        made = [(module, each.payload) for each in bindings if each.kind in {"assign", "with"}]
    elif shape is not None and shape[0] == "a":
        stores = ((each, each.facts["attribute_stores"].get(shape[2], ())) for each in program.modules)
        made = [(home, value) for home, records in stores for _base, value, *_ in records]
    return any(value and value[0] == "c" and _raises_by_itself(home.call(value[1])) for home, value in made)


def _past(program: Program, call: Call, client: Client, families: frozenset[str]) -> Leaving:
    """Return what becomes of failures at a call on their way through the handlers around it."""
    module = call.module
    left, causes = families, frozenset[str]()
    stopped: list[Stopped] = []
    for guard in module.guards(call.guard):
        if guard.kind == "with":
            if _suppresses(module, guard.payload):
                stopped.append(Stopped(place_of(module, guard.start)))
                left = causes = frozenset()
            continue
        rest = left | causes
        for types, name, start, end, kinds in guard.payload:
            caught = _caught(program, module, call.scope, types, client) & rest
            if not caught:
                continue
            rest -= caught
            # if error.response.status_code == 404: return None; raise: what leaves is tried again, the rest is not seen
            only_some = kinds[-1:] == ["Reraise"] and set(kinds[:-1]) <= _STRAIGHT | {"If"}
            end_kind = kinds[-1] if only_some or set(kinds[:-1]) <= _STRAIGHT else ""
            if end_kind == "Reraise" or (end_kind == "Raise" and _raises_itself(module, name, start, end)):
                continue
            into = _made(module, start, end) if end_kind == "Raise" else ""
            chained = bool(into) and _is_cause(module, name, start, end) and not caught & causes
            stopped.append(Stopped(place_of(module, start), into, chained))
            causes = (causes | (caught & left)) if chained else causes - caught
            left -= caught
    return Leaving(left, causes, tuple(stopped))


def _suppresses(module: Module, shape: Shape | None) -> bool:
    if shape is None or shape[0] != "c":
        return False
    return module.call(shape[1]).tail in _SUPPRESSES


def _caught(program: Program, module: Module, scope: int, types: Shape | None, client: Client) -> frozenset[str]:
    """Return which families a handler catches; everything, where nobody can say what it catches."""
    if types is None:
        return EVERY
    if types[0] == "t":
        found: frozenset[str] = frozenset()
        for each in types[1]:
            found |= _caught(program, module, scope, each, client)
        return found
    dotted = program.dotted(module, scope, types)
    if dotted is None:
        bound = module.lookup(scope, types[1]) if types[0] == "n" else None
        if bound is not None and len(bound[1]) == 1 and bound[1][0].kind == "assign" and bound[1][0].payload:
            # ERRORS = (requests.ConnectionError, requests.Timeout)
            payload: Shape = bound[1][0].payload
            return _caught(program, module, bound[1][0].scope, payload, client) if payload != types else EVERY
        return EVERY
    own = program.definition(dotted)
    if own is not None:
        # An error of the program's own catches what derives from it, of which the client's are none.
        return frozenset()
    home = program.owner_of(dotted)
    if home is not None:
        return _caught_elsewhere(program, home, client)
    return client.caught(dotted)


def _caught_elsewhere(program: Program, home: tuple[Module, str], client: Client) -> frozenset[str]:
    """Return what a variable of another module catches."""
    binding = program.only_binding(home[0], 0, home[1])
    if binding is None or binding.kind != "assign" or binding.payload is None:
        return EVERY
    return _caught(program, home[0], 0, binding.payload, client)


def _raises_itself(module: Module, name: str | None, start: int, end: int) -> bool:
    """`except E as error: ...; raise error`."""
    return bool(name) and not _made(module, start, end) and _is_raised(module, name or "", start, end)


def _is_cause(module: Module, name: str | None, start: int, end: int) -> bool:
    """`except E as error: raise Other() from error`."""
    return bool(name) and _is_raised(module, name or "", start, end)


def _is_raised(module: Module, name: str, start: int, end: int) -> bool:
    return any(start <= each.span.start < end and each.use == ["raise"] for each in module.reads_of(name))


def _made(module: Module, start: int, end: int) -> str:
    """Return the name of the error that a handler makes and raises, an empty string where it makes none."""
    return next(
        (
            each.tail or "another error"
            for each in module.calls()
            if each.use == ["raise"] and start <= each.span.start < end
        ),
        "",
    )
