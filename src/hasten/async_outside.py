"""Reads, from outside of a class, of what its constructor makes at the first use: they open the object first.

async def count(store):
    return store.db.execute("...")        # (await store._opening.wait() or store).db.execute("...")
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hasten.async_forms import More
from hasten.async_kinds import key_of
from hasten.async_places import function_around
from hasten.async_receivers import Receivers
from hasten.index.module import Module, Scope, Shape
from hasten.index.program import Program
from hasten.model import Span

#: Methods that Python calls for attributes that are not there, or for all of them.
_COMPUTING = ("__getattr__", "__getattribute__")


@dataclass(frozen=True, slots=True)
class Outside:
    """Where others read, or set, an attribute that a constructor makes.

    Attributes:
        module, scope: where it is.
        base: what stands before the dot.
        span: the read; its end is -1 where it is set.
        name: the attribute.
    """

    module: Module
    base: Shape
    scope: int
    span: Span
    name: str


class Outsides:
    """Answers for the reads of one program."""

    def __init__(self, program: Program, receivers: Receivers) -> None:
        """Take the program and its receivers."""
        self.program = program
        self._receivers = receivers

    def form(
        self, read: Outside, owner: Scope, opening: str, waiting: Callable[[Scope], bool]
    ) -> tuple[Scope, More] | None:
        """Return how what was made is read from outside: `(await s._opening.wait() or s).db`; None where it cannot be.

        What stands before the dot is evaluated twice: it has to be a variable, or attributes of one.
        """
        module, base = read.module, read.base
        kind = self._receivers.kind(module, read.scope, base)
        function = function_around(module, read.scope)
        plain = True
        while base[0] == "a":
            plain = plain and not self._is_computed(module, read.scope, base[1], str(base[2]))
            base = base[1]
        plain = plain and base[0] == "n"
        if read.span.end < 0 or not plain or not isinstance(kind, Scope) or read.scope != function.number:
            return None
        if self._have_others(kind, owner, read.name):
            return None
        if function.kind != "function" or not waiting(function) or module.path not in self.program.targets:
            return None
        return function, More(module, read.span, "open-first", (("opening", opening),))

    def _have_others(self, kind: Scope, owner: Scope, name: str) -> bool:
        """Tell whether an object of a class may have an attribute without being one of `owner`, which opens first."""
        mine = set(map(key_of, self.program.heirs(owner)))
        other = [
            each for each in (*self.program.heirs(kind), *self.program.ancestors(kind)) if key_of(each) not in mine
        ]
        if any(each.module.is_bound(each.number, name) for each in other):
            return True
        keys = set(map(key_of, other))
        around = (self._receivers.class_around(each[0], each[3], each[1]) for each in self._receivers.stores(name))
        return any(each is not None and key_of(each) in keys for each in around)

    def _is_computed(self, module: Module, scope: int, base: Shape, name: str) -> bool:
        """Tell whether an attribute may be a property, or be made up when it is asked for."""
        kind = self._receivers.kind(module, scope, base)
        classes = self.program.heirs(kind) if isinstance(kind, Scope) else []
        asked = (name, *_COMPUTING)
        return not classes or any(self.program.find_method(each, one) is not None for each in classes for one in asked)
