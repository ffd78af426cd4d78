"""What a new wait does to the state of the function that it stands in, told as a hazard."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from hasten import stale
from hasten.async_places import function_around
from hasten.awaited import Locked
from hasten.changes import Changes
from hasten.concurrency import tasks_of
from hasten.index.module import Call, Scope
from hasten.index.program import Program
from hasten.interleaving import is_in, straddled
from hasten.model import Hazard


class Straddling:
    """Answers for one program."""

    def __init__(self, program: Program, several: Callable[[Scope], str], locked: Sequence[Locked] = ()) -> None:
        """Take the program, what tells by what several tasks can run a function at once, and what is under a lock."""
        self.program = program
        self.locked = locked
        self.several = several
        self.tasks = tasks_of(program)
        self.changes = Changes(program, self.tasks)

    def at(self, call: Call) -> Iterator[Hazard]:
        """Yield a hazard where state is read before the wait and written after it."""
        scope = function_around(call.module, call.scope)
        safe = frozenset(
            each.place for each in self.locked if each.module is call.module and is_in(each.span, call.span.start)
        )
        found = straddled(call.module, scope.number, call.span, self.program, safe)
        if found is not None and self.several(scope):
            name, read, written = found
            lines = call.module.position(read).line, call.module.position(written).line
            message = f"`{name}` is read at line {lines[0]} and written at line {lines[1]}, with a new wait between"
            place = f"{call.module.path}:{call.module.position(call.span.start).line}"
            yield Hazard("ASY003", f"{message} ({place})")
            return
        # What others change in the middle takes longer to find out.
        kept = stale.trusted(call.module, scope.number, call.span, self.program)
        kept = [each for each in kept if each.touch.place not in safe]
        if kept and self.several(scope) and self.tasks.beside(scope, call.span.start):
            messages = (stale.message(call.module, scope, each, self.changes) for each in kept)
            message = next(filter(None, messages), "")
            if message:
                yield Hazard("ASY003", message)


def merged(*groups: Iterable[Hazard]) -> tuple[Hazard, ...]:
    """Return one hazard for each code: the first, and how many more there are."""
    found: dict[str, list[str]] = {}
    for each in (hazard for group in groups for hazard in group):
        messages = found.setdefault(each.code, [])
        if each.message not in messages:
            messages.append(each.message)
    return tuple(
        Hazard(code, messages[0] + (f", and {len(messages) - 1} more" if len(messages) > 1 else ""))
        for code, messages in sorted(found.items())
    )
