"""What a function does with the answers that it gets: hands them on whole, or looks at their status itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from hasten.api import Module, Scope
from hasten_codemods.retry_api_calls.sites import Outbound

Shape: TypeAlias = list[Any]
#: Clients whose answers are read whole when the call is over, and know their request.
_WHOLE = frozenset({"requests", "httpx"})
_STATUS = frozenset({"status_code", "status", "ok", "is_success", "is_error", "is_server_error"})
#: Said where a function looks at the status itself.
UNSEEN = (
    "a busy answer is looked at here, and is no error that could be tried again: only missing answers are; "
    "call `raise_for_status()`, or return the answer whole"
)
#: The same where it also returns the answer whole.
PARTLY = "answers are looked at here, and what does not leave the function as an answer is not tried again"


def handed_on(function: Scope, sent: Sequence[Outbound]) -> bool:
    """Tell whether a function returns the answers of its calls as they are, whatever they say: `return get(url)`."""
    module, returned = function.module, function.returned
    if not all(each.client.name in _WHOLE for each in sent):
        return False
    found = [[_is_answer(module, function.number, shape, each) for each in sent] for shape in returned]
    others = [shape for shape, answers in zip(returned, found, strict=True) if not any(answers)]
    each_is = all(any(answers[number] for answers in found) for number in range(len(sent)))
    return each_is and all(shape[0] == "k" for shape in others)


def judged(function: Scope, sent: Sequence[Outbound]) -> int | None:
    """Return where a function looks at the status of an answer itself; None where it does not."""
    module = function.module
    first = min(each.call.span.start for each in sent)
    found = [
        start
        for name in _STATUS
        for base, _use, scope, start, end in module.facts["attribute_reads"].get(name, ())
        if end > first
        and (around := module.enclosing(scope, "function")) is not None
        and around.number == function.number
        and any(_is_answer(module, scope, base, each) for each in sent)
    ]
    return min(found, default=None)


def _is_answer(module: Module, scope: int, shape: Shape, sent: Outbound) -> bool:
    """Tell whether a value is the answer to a call, and nothing else."""
    match shape:
        case ["c", number]:
            return bool(number == sent.call.index)
        case ["w", inner]:
            return _is_answer(module, scope, inner, sent)
        case ["n", name]:
            found = module.lookup(scope, name)
            bindings = found[1] if found is not None else ()
            return bool(bindings) and all(
                each.kind in {"assign", "with"}
                and each.payload
                and each.payload != shape
                and _is_answer(module, each.scope, each.payload, sent)
                for each in bindings
            )
        case _:
            return False
