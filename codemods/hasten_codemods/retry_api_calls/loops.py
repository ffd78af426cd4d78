"""Loops that try again by hand: the decorator that does the same, and what to take away for it."""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from hasten.api import (
    RANK_OF_RETRIES,
    Call,
    Edit,
    Hazard,
    ImportRequest,
    Module,
    NodeEdit,
    Program,
    Scope,
    Span,
    decorate,
    find_uses,
)
from hasten_codemods.retry_api_calls.decorators import Names, laid_out
from hasten_codemods.retry_api_calls.places import place_of
from hasten_codemods.retry_api_calls.terms import number

_SLEEPS = ("time.sleep", "asyncio.sleep")
#: Seconds that differ by less than this are the same.
_SINGLE = 1e-9


class Loop(NamedTuple):
    """A loop that tries again, as the facts have it.

    Attributes:
        span: of the whole statement.
        errors: what its handler catches, as it is written.
        waits: in seconds.
        limit: the name of the constant that says how many attempts there are, `""` where a number does.
        named: the other constants that it mentions.
        counters: statements that only set what it counts with.
        sleep: the call that waits.
        logs: where it writes lines.
        lost: where it writes one before it gives up, -1 where it does not.
    """

    span: Span
    errors: str
    waits: tuple[float, ...]
    limit: str
    named: dict[str, float]
    counters: tuple[Span, ...]
    sleep: Call
    logs: tuple[int, ...]
    lost: int


class Replaced(NamedTuple):
    """What takes the place of a loop.

    Attributes:
        edits, imports, releases: see `Change`.
        attempts: how many there are.
        hazards: what differs.
    """

    edits: tuple[Edit, ...]
    imports: tuple[ImportRequest, ...]
    releases: tuple[tuple[str, Span], ...]
    attempts: int
    hazards: tuple[Hazard, ...]


def loop_of(function: Scope) -> Loop | None:
    """Return the loop that is all that a function does, None where it does something else."""
    module = function.module
    for scope, start, end, errors, waits, limit, named, counters, sleep, logs, lost in module.facts["attempts"]:
        if scope != function.number:
            continue
        call = next((each for each in module.calls_named("sleep") if each.span.start == sleep), None)
        if call is None or module.dotted(call.scope, call.function) not in _SLEEPS:
            return None
        spans = tuple(Span(*each) for each in counters)
        return Loop(Span(start, end), errors, tuple(waits), limit, named, spans, call, tuple(logs), lost)
    return None


def kept(function: Scope) -> str:
    """Return what the loop of a function does more than to try again, an empty string where nothing was noted."""
    module = function.module
    for scope, reason, offset in module.facts["kept_loops"]:
        if scope == function.number:
            return f"{reason} ({place_of(module, offset)})"
    return ""


def replaced(program: Program, function: Scope, loop: Loop, codemod: str, level: str) -> Replaced | str:
    """Return what takes the place of a loop, or why nothing can.

    Args:
        program: where to look.
        function: it.
        loop: all that it does.
        codemod: who does it.
        level: of log lines, where the loop writes any.
    """
    module = function.module
    names = Names(function, lambda *_: False)
    unnamed = _unnamed(function, loop.errors)
    if unnamed:
        return f"`{unnamed}` has no value yet where a decorator would stand"
    if "BaseException" in loop.errors:
        return "it catches `BaseException`, and would swallow that a task is cancelled"
    stop = loop.limit or str(len(loop.waits) + 1)
    if loop.limit and _unnamed(function, loop.limit):
        return f"`{loop.limit}` has no value yet where a decorator would stand"
    wait = wait_for(loop.waits)
    for name, value in sorted(loop.named.items()):
        # RETRY_DELAY = 2: a name that says something goes on saying it, if it is clear what that is.
        written = re.compile(rf"(?<=[=(]){re.escape(number(value))}(?=[,)])")
        if len(written.findall(wait)) != 1 or _unnamed(function, name):
            return f"what `{name}` says would not be said any more"
        wait = written.sub(name, wait)
    for name in sorted({loop.limit, *loop.named} - {""}):
        if any(each.facts["attribute_stores"].get(name) for each in program.modules):
            return f"`{name}` may be set to something else later than a decorator reads it"
    names.of("tenacity", needed=True)
    arguments = [
        f"retry=tenacity.retry_if_exception_type({loop.errors})",
        f"stop=tenacity.stop_after_attempt({stop})",
        f"wait=tenacity.{wait}",
    ]
    if loop.logs and level:
        logger, logging = names.logger()
        arguments.append(f"before_sleep=tenacity.before_sleep_log({logger}, {logging}.{level})")
    arguments.append("reraise=True")
    if names.trouble:
        return names.trouble
    edits = [
        decorate(function, codemod, laid_out("tenacity.retry", arguments), rank=RANK_OF_RETRIES),
        _order(module, loop.span, codemod, "keep-attempt"),
        *(_order(module, each, codemod, "remove") for each in loop.counters),
    ]
    releases = [
        release
        for use in find_uses(program, list(_SLEEPS))
        if use.module is module and use.call == loop.sleep
        for release in use.releases
    ]
    hazards = tuple(_hazards(program, function, loop))
    return Replaced(tuple(edits), tuple(names.requests), tuple(releases), len(loop.waits) + 1, hazards)


def wait_for(waits: Sequence[float]) -> str:
    """Return the wait of tenacity's that gives these seconds, one after the other."""
    first, *rest = waits
    if all(each == first for each in rest):
        return f"wait_fixed({number(first)})"
    base = rest[0] / first if first > 0 else 0.0
    most, step = max(waits), round(rest[0] - first, 9)
    grown = [first * base**each for each in range(len(waits))]
    if base > 1 and _are_same(waits, grown):
        return f"wait_exponential(multiplier={number(first)}{_base(base)})"
    if step > 0 and _are_same(waits, [first + step * each for each in range(len(waits))]):
        return f"wait_incrementing(start={number(first)}, increment={number(step)})"
    for each in (base, 2.0):  # the cap may be reached at once: 2, 3, 3
        if each > 1 and _are_same(waits, [min(first * each**turn, most) for turn in range(len(waits))]):
            return f"wait_exponential(multiplier={number(first)}, max={number(most)}{_base(each)})"
    return f"wait_chain({', '.join(f'tenacity.wait_fixed({number(each)})' for each in waits)})"


def _base(base: float) -> str:
    return "" if abs(base - 2) < _SINGLE else f", exp_base={number(base)}"


def _are_same(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(abs(left - right) < _SINGLE for left, right in zip(one, other, strict=True))


def _order(module: Module, span: Span, codemod: str, action: str) -> NodeEdit:
    return NodeEdit(module.path, span, module.position(span.start), module.position(span.end), codemod, action)


def _unnamed(function: Scope, text: str) -> str:
    """Return a name in an expression that a decorator of the function cannot read."""
    module = function.module
    for name in re.findall(r"(?<![\w.])[A-Za-z_]\w*", text):
        found = module.lookup(function.parent, name)
        if found is None and hasattr(builtins, name):
            continue
        if found is None:
            return str(name)
        if found[0] != 0 or not any(each.start < function.span.start and not each.nest for each in found[1]):
            return str(name)
    return ""


def _hazards(program: Program, function: Scope, loop: Loop) -> Iterator[Hazard]:
    module = function.module
    # monkeypatch.setattr(client, "sleep", ...)
    for name in sorted({"sleep", "time", loop.limit, *loop.named} - {""}):
        setters = program.places.setters.get(name)
        if setters:
            yield Hazard("RTY014", f"`{name}` is replaced at {setters[0].place}")
    if loop.lost >= 0:
        yield Hazard("RTY012", f"the line that it writes before it gives up ({place_of(module, loop.lost)}) is lost")
    elif loop.logs:
        yield Hazard(
            "RTY012", f"its own log line ({place_of(module, loop.logs[0])}) becomes tenacity's, which reads otherwise"
        )
    if function.is_async and module.dotted(loop.sleep.scope, loop.sleep.function) == "time.sleep":
        yield Hazard("RTY013", f"other tasks run while it waits ({place_of(module, loop.sleep.span.start)})")
    for other in program.modules:
        for start, text, use, _scope in other.facts["strings"]:
            if use != ["expr"] and text.startswith(f"{module.name}.") and text.endswith(("sleep", ".time")):
                yield Hazard("RTY014", f"`{text}` is replaced at {place_of(other, start)}")
                return
