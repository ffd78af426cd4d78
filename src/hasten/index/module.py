"""The facts of one module, and the questions that one file answers alone."""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, TypeVar

from hasten.index.facts import Facts
from hasten.index.records import Argument, Binding, Block, Call, Guard, Import, Read, Scope, Shape, Use, is_same
from hasten.model import Position, Span

__all__ = [
    "Argument",
    "Binding",
    "Block",
    "Call",
    "Guard",
    "Import",
    "Module",
    "Read",
    "Scope",
    "Shape",
    "Use",
    "is_same",
]

ValueT = TypeVar("ValueT")


@dataclass(slots=True, eq=False)
class Module:
    """The facts of one file.

    Attributes:
        path: POSIX path relative to the root.
        name: the dotted name under which the program would import it.
        facts: see `hasten.index.build`.
    """

    path: str
    name: str
    facts: Facts = field(repr=False)
    _order: tuple[list[int], list[int]] | None = field(default=None, repr=False)
    _reading: dict[str, list[int]] | None = field(default=None, repr=False)
    _remembered: dict[str, Any] = field(default_factory=dict, repr=False)
    _dotted: dict[tuple[int, str], str | None] = field(default_factory=dict, repr=False)
    _imports: list[Import] | None = field(default=None, repr=False)
    _starred: Callable[[Module, str], str | None] | None = field(default=None, repr=False)

    @property
    def is_package(self) -> bool:
        """Tell whether it is an `__init__.py`."""
        return self.path.rpartition("/")[2] == "__init__.py"

    def remember(self, key: str, make: Callable[[], ValueT]) -> ValueT:
        """Return what `make` finds out from the facts of this module alone, asking it once in a run.

        Args:
            key: names the question; a codemod's own questions begin with its name.
            make: answers it; the answer is kept, so it should be small.
        """
        if key not in self._remembered:
            self._remembered[key] = make()
        answer: ValueT = self._remembered[key]
        return answer

    def names(self, section: str) -> frozenset[str]:
        """Return the names under which a section of the facts has something.

        Args:
            section: one that is kept by name (`tails`, `definitions`, `attribute_reads`, `attribute_stores`), `reads`
                for the variables that are read, `item_stores` for the attributes whose items are assigned to, `classes`
                for what the bodies of classes bind, `binds` for what modules bind, or `keywords` for those of calls.
        """
        return self.remember(f"names: {section}", lambda: frozenset(map(sys.intern, self._names(section))))

    def _names(self, section: str) -> Iterable[str]:
        records = self.facts[section]
        match section:
            case "reads":
                return self._scopes_reading()
            case "binds":
                return records[0]  # type: ignore[no-any-return]
            case "classes":
                return (name for number in records for name in self.facts["binds"][number])
            case "item_stores":
                return (base[2] for base, *_ in records if base[0] == "a")
            case _:
                return records  # type: ignore[no-any-return]

    def position(self, offset: int) -> Position:
        """Return line and column of a character offset."""
        starts: list[int] = self.facts["starts"]
        line = bisect_right(starts, offset)
        return Position(line, offset - starts[line - 1] + 1)

    def call(self, index: int) -> Call:
        """Return call number `index`."""
        return Call(self, index)

    def calls(self) -> Iterator[Call]:
        """Yield every call in source order of its evaluation."""
        return (Call(self, index) for index in range(len(self.facts["calls"])))

    def inside(self, scope: int) -> frozenset[int]:
        """Return the number of a scope, with those of all scopes in it."""
        found = {scope}
        for number, record in enumerate(self.facts["scopes"]):  # outer ones come first
            if record[2] in found:
                found.add(number)
        return frozenset(found)

    def calls_in(self, function: int) -> list[Call]:
        """Return the calls of which that scope is the innermost function around them, in source order."""
        numbers: dict[int, list[int]] | None = self.facts.derived.get("calls by function")
        if numbers is None:
            numbers = self.facts.derived["calls by function"] = {}
            around: dict[int, int] = {}
            for index, record in enumerate(self.facts["calls"]):
                scope = record[2]
                if scope not in around:
                    found = self.enclosing(scope, "function")
                    around[scope] = found.number if found is not None else -1
                numbers.setdefault(around[scope], []).append(index)
        return [Call(self, index) for index in numbers.get(function, ())]

    def calls_named(self, name: str) -> Iterator[Call]:
        """Yield the calls whose last name is `name`, in source order of their evaluation."""
        return (Call(self, index) for index in self.facts["tails"].get(name, ()))

    def scope(self, index: int) -> Scope:
        """Return scope number `index`."""
        known = self.facts.derived.get(index)
        if known is None:
            known = self.facts.derived[index] = self._scope(index)
        scope: Scope = known
        return scope

    def _scope(self, index: int) -> Scope:
        kind, name, parent, start, end, parameters, decorators, returns, flags, bases, guard, returned = self.facts[
            "scopes"
        ][index]
        if kind == "class":
            bases = [each[1] if each[0] == "i" else each for each in bases]
        return Scope(
            self,
            index,
            kind,
            name,
            parent,
            Span(start, end),
            parameters,
            decorators,
            returns,
            flags,
            bases,
            guard,
            returned,
        )

    def fields(self, scope: int) -> list[tuple[str, Shape]]:
        """Return the names that the body of a class annotates, in order, each with its annotation."""
        return [(name, annotation) for where, name, annotation in self.facts["fields"] if where == scope]

    def unpacked(self, call: int) -> list[tuple[str, int]]:
        """Return the variables that `a, b = call()` gives values, each with its place, in their order.

        There are none where the call stands anywhere else, or where a target is no variable: `a, *b = call()`.
        """
        found = self.remember("unpacked", lambda: dict(self.facts["unpacked"]))
        return [(name, start) for name, start in found.get(call, ())]

    def yielded(self, scope: int) -> list[Shape | None]:
        """Return what a generator yields, None for what it takes from another one."""
        return [shape for where, shape, _start in self.facts["yielded"] if where == scope]

    def delegations(self, scope: int) -> list[tuple[Span, bool]]:
        """Return where a generator has `yield from`, and whether each is a line of its own, whose value is not used."""
        return [(Span(start, end), alone) for where, start, end, alone in self.facts["delegated"] if where == scope]

    def yields(self, scope: int) -> list[int]:
        """Return where a generator yields."""
        return [start for where, _shape, start in self.facts["yielded"] if where == scope]

    def scopes(self) -> Iterator[Scope]:
        """Yield every scope, outer ones first."""
        return (self.scope(index) for index in range(len(self.facts["scopes"])))

    def definitions(self, name: str) -> Iterator[Scope]:
        """Yield the functions and classes called `name`, at whatever depth."""
        return (self.scope(index) for index in self.facts["definitions"].get(name, ()))

    def classes(self) -> Iterator[Scope]:
        """Yield every class, outer ones first."""
        return (self.scope(index) for index in self.facts["classes"])

    def attribute_reads(self, name: str) -> Iterator[Read]:
        """Yield every read of an attribute called `name` that is no call of it."""
        for _base, use, scope, start, end in self.facts["attribute_reads"].get(name, ()):
            yield Read(self, scope, Span(start, end), use)

    def reads_of(self, name: str) -> Iterator[Read]:
        """Yield every read of a variable called `name`, whatever it is bound to."""
        for scope in self._scopes_reading().get(name, ()):
            for start, end, use in self.facts["reads"][scope][name]:
                yield Read(self, scope, Span(start, end), use)

    def imports(self) -> list[Import]:
        """Return every imported name."""
        if self._imports is None:
            self._imports = [Import(*each) for each in self.facts["imports"]]
        return self._imports

    def bindings(self, scope: int, name: str) -> Sequence[Binding]:
        """Return how `scope` binds `name`: itself first, then where others declare it `global` or `nonlocal`."""
        key = scope, name
        known: list[Binding] | None = self.facts.derived.get(key)
        if known is None:
            known = self.facts.derived[key] = self._bindings(scope, name)
        return known

    def _bindings(self, scope: int, name: str) -> list[Binding]:
        binds = self.facts["binds"]
        found = [Binding._make((*each, scope)) for each in binds[scope].get(name, ())]
        for owner, inner in self.facts["rebound"].get(name, ()):
            if owner == scope:
                found += [
                    Binding._make((*each, inner))
                    for each in binds[inner][name]
                    if each[0] not in {"global", "nonlocal"}
                ]
        return found

    def is_bound(self, scope: int, name: str) -> bool:
        """Tell whether `scope`, or another one in its stead, binds or declares `name`."""
        return name in self.facts["binds"][scope] or any(
            owner == scope for owner, _ in self.facts["rebound"].get(name, ())
        )

    def star_imports(self) -> list[Import]:
        """Return the `from x import *` of the module."""
        return self.remember("star imports", lambda: [each for each in self.imports() if each.name == "*"])

    def resolve_stars(self, meaning: Callable[[Module, str], str | None]) -> None:
        """Let `meaning` tell what a name stands for that only a star import can bind; None is no such name."""
        self._starred = meaning
        self._dotted.clear()

    def guard(self, index: int) -> Guard:
        """Return guard number `index`."""
        return Guard(*self.facts["guards"][index])

    def guards(self, index: int) -> Iterator[Guard]:
        """Yield the guards from number `index` outwards."""
        while index >= 0:
            guard = self.guard(index)
            yield guard
            index = guard.parent

    def blocks(self, offset: int) -> Iterator[Block]:
        """Yield the blocks around a place, from the innermost outwards, those of its function (or its module) only.

        The place is one in the body of a function, not in the default value of a parameter of an inner one.
        """
        records = self.facts["blocks"]
        around = [
            record[3]
            for record in self.facts["scopes"]
            if record[0] in {"function", "class"} and record[3] <= offset < record[4]
        ]
        begin = max(around, default=-1)
        number = bisect_right(records, offset, key=itemgetter(3)) - 1
        while number >= 0:
            block = Block(*records[number])
            if block.start <= begin:
                return
            if offset < block.end:
                yield block
            number = block.parent

    def enclosing(self, scope: int, *kinds: str) -> Scope | None:
        """Return the innermost scope of one of `kinds` at or around `scope`."""
        while scope >= 0:
            kind, _, parent = self.facts["scopes"][scope][:3]
            if kind in kinds:
                return self.scope(scope)
            scope = parent
        return None

    def symbol(self, scope: int) -> str:
        """Return the qualified name of the function or class around `scope`, or the module's name."""
        names: list[str] = []
        while scope > 0:
            kind, name, parent = self.facts["scopes"][scope][:3]
            if kind in {"function", "class"}:
                names.append(name)
            scope = parent
        return ".".join(reversed(names)) or self.name or self.path

    def lookup(self, scope: int, name: str) -> tuple[int, Sequence[Binding]] | None:
        """Return the scope that `name` belongs to when read in `scope`, with its bindings there; None for a builtin."""
        key = "lookup", scope, name
        if key not in self.facts.derived:
            self.facts.derived[key] = self._lookup(scope, name)
        known: tuple[int, Sequence[Binding]] | None = self.facts.derived[key]
        return known

    def _lookup(self, scope: int, name: str) -> tuple[int, Sequence[Binding]] | None:
        first = True
        scopes, binds = self.facts["scopes"], self.facts["binds"]
        rebound = name in self.facts["rebound"]
        while scope >= 0:
            record = scopes[scope]
            bound = name in binds[scope] or (rebound and self.is_bound(scope, name))
            if bound and (first or record[0] != "class"):
                found = self.bindings(scope, name)
                if any(each.kind == "global" for each in found):
                    found = self.bindings(0, name)
                    return (0, found) if found else (0, [Binding("global", None, 0, "", 0)])
                if not any(each.kind == "nonlocal" for each in found):
                    return scope, found
            scope, first = record[2], False
        return None

    def reads(self, scope: int, name: str) -> Iterator[Read]:
        """Yield the reads of `name` that belong to `scope`, those in inner functions included."""
        reading = self._scopes_reading().get(name)
        if reading is None:
            return
        places, ends = self._walk()
        first, last = places[scope], ends[scope]
        records = self.facts["reads"]
        for current in sorted((each for each in reading if first <= places[each] <= last), key=places.__getitem__):
            if current != scope:
                found = self.lookup(current, name)
                if found is None or found[0] != scope:
                    continue
            for start, end, use in records[current][name]:
                yield Read(self, current, Span(start, end), use)

    def _scopes_reading(self) -> dict[str, list[int]]:
        """Return the scopes that read a variable, by its name."""
        if self._reading is None:
            self._reading = {}
            for scope, table in enumerate(self.facts["reads"]):
                for name in table:
                    self._reading.setdefault(sys.intern(name), []).append(scope)
        return self._reading

    def _walk(self) -> tuple[list[int], list[int]]:
        """Return which place each scope has in a walk from outer scopes to inner ones, and the last one inside it."""
        if self._order is None:
            inner: dict[int, list[int]] = {}
            for index, record in enumerate(self.facts["scopes"]):
                inner.setdefault(record[2], []).append(index)
            pending, walk = inner.get(-1, [])[::-1], list[int]()
            while pending:
                walk.append(pending.pop())
                pending.extend(reversed(inner.get(walk[-1], ())))
            places, ends = [0] * len(walk), [0] * len(walk)
            for place, scope in enumerate(walk):
                places[scope] = place
            for scope in reversed(walk):
                ends[scope] = ends[inner[scope][-1]] if scope in inner else places[scope]
            self._order = places, ends
        return self._order

    def dotted(self, scope: int, shape: Shape) -> str | None:
        """Return the absolute dotted name of a shape such as `np.linalg.norm`, through imports and definitions.

        None where the root is a variable, where imports disagree, or where the shape is no dotted name.
        """
        if shape[0] == "a":
            base = self.dotted(scope, shape[1])
            return None if base is None else f"{base}.{shape[2]}"
        if shape[0] != "n":
            return None
        key = scope, shape[1]
        if key not in self._dotted:
            self._dotted[key] = self._meaning(scope, shape[1])
        return self._dotted[key]

    def _meaning(self, scope: int, name: str) -> str | None:
        found = self.lookup(scope, name)
        if found is None:
            starred = self._starred(self, name) if self._starred is not None else None
            return starred or f"builtins.{name}"
        _, bindings = found
        names = {self._bound_name(each) for each in bindings if each.kind != "del"}
        single = names.pop() if len(names) == 1 else None
        return single or self._mixed_in(found[0], name, bindings)

    def _mixed_in(self, scope: int, name: str, bindings: Sequence[Binding]) -> str | None:
        """Return the class that a mixin tells type checkers to be its base, and is `object` when the program runs.

        if TYPE_CHECKING:
            from app.store import Store as Base
        else:
            Base = object

        What derives from it is mixed into heirs of that class, and overrides what it has, just as if it derived from
        it. Where the name is used for anything else it stands for `object`.
        """
        if len(bindings) != 2:  # noqa: PLR2004 - one for each of both
            return None
        told = [each for each in bindings if "T" in each.nest]
        runs = [each for each in bindings if "T" not in each.nest]
        plain = all(each.kind == "assign" and each.payload == ["n", "object"] for each in runs)
        if len(told) != 1 or not plain or self.lookup(scope, "object") is not None:
            return None
        used = all(each.use[0] in {"base", "ann"} for each in self.reads(scope, name))
        return self._bound_name(told[0]) if used else None

    def _bound_name(self, binding: Binding) -> str | None:
        if binding.kind == "import":
            return self.import_target(self.imports()[binding.payload])
        if binding.kind in {"def", "class"}:
            return f"{self.name}.{self.symbol(binding.payload)}"
        return None

    def import_target(self, imported: Import) -> str:
        """Return the absolute dotted name that an import binds."""
        if imported.level == 0:
            return imported.name if imported.asname else imported.name.partition(".")[0]
        base = imported.module
        if imported.level > 0:
            parts = self.name.split(".") if self.name else []
            drop = imported.level - (1 if self.is_package else 0)
            parts = parts[: len(parts) - drop] if drop else parts
            base = ".".join([*parts, imported.module] if imported.module else parts)
        return f"{base}.{imported.name}" if base else imported.name
