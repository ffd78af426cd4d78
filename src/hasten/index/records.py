"""The records of a module's facts with names and types: what is bound, read and called, and in which scope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from hasten.model import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hasten.index.module import Module

Shape = list[Any]
Use = list[Any]

#: These make classes as `type` does.
_PLAIN_METACLASSES = frozenset({"abc.ABCMeta", "builtins.type"})


class Binding(NamedTuple):
    """One place where a scope gives a name a value.

    Attributes:
        kind: import, assign, param, def, class, for, with, except, aug, unpack, declared, match, del, global,
        nonlocal, other.
        payload: an import's, scope's or parameter's number, or the shape of the value.
        start: the character offset.
        nest: the conditions around it, outermost first: I(f) T(YPE_CHECKING) L(oop) t(ry) e(xcept) f(inally).
        scope: where it stands, and where the names in its shape belong to: another one than the owner of the name
            where that declares it `global` or `nonlocal`.
    """

    kind: str
    payload: Any
    start: int
    nest: str
    scope: int


class Import(NamedTuple):
    """One imported name. `level` is 0 for `import x`, -1 for `from x import y`, else the number of dots."""

    scope: int
    start: int
    end: int
    number: int
    module: str
    name: str
    asname: str | None
    level: int
    nest: str
    alias_start: int
    alias_end: int


class Read(NamedTuple):
    """One place where a name is read, and what happens to the value there."""

    module: Module
    scope: int
    span: Span
    use: Use


class Argument(NamedTuple):
    """One argument of a call; `keyword` is None (positional), a name, `*` or `**`."""

    keyword: str | None
    shape: Shape
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """One call."""

    module: Module
    index: int

    @property
    def record(self) -> list[Any]:
        """Return the raw fact."""
        calls: list[Any] = self.module.facts["calls"]
        record: list[Any] = calls[self.index]
        return record

    @property
    def span(self) -> Span:
        """Return where the call expression is."""
        record = self.record
        return Span(record[0], record[1])

    @property
    def scope(self) -> int:
        """Return the number of the scope that holds the call."""
        return int(self.record[2])

    @property
    def function(self) -> Shape:
        """Return the shape of what is called."""
        shape: Shape = self.record[3]
        return shape

    @property
    def arguments(self) -> list[Argument]:
        """Return the arguments in source order."""
        return [Argument(word, shape, Span(start, end)) for word, shape, start, end in self.record[4]]

    @property
    def use(self) -> Use:
        """Return what happens to the result."""
        use: Use = self.record[5]
        return use

    @property
    def guard(self) -> int:
        """Return the number of the innermost `try` or `with` around the call, or -1."""
        return int(self.record[6])

    @property
    def misplaced(self) -> bool:
        """Tell whether the call stands inside an f-string at a place that the parser got wrong."""
        return bool(self.record[7])

    @property
    def commented(self) -> bool:
        """Tell whether a comment may stand between the call's parentheses."""
        return bool(self.record[8])

    @property
    def shape(self) -> Shape:
        """Return the shape of what the call gives."""
        return ["c", self.index]

    @property
    def read_at(self) -> int | None:
        """Return where the name stands of what is only read, None for a call."""
        return None

    @property
    def tail(self) -> str:
        """Return the last name of what is called, `""` where it has none."""
        shape = self.function
        return str(shape[2]) if shape[0] == "a" else str(shape[1]) if shape[0] == "n" else ""

    def argument(self, position: int, keyword: str = "") -> Argument | None:
        """Return the argument at `position`, or the one named `keyword`; None where it is not there to be seen."""
        records = self.record[4]
        if 0 <= position < len(records) and records[position][0] is None:
            word, shape, start, end = records[position]
            if all(each[0] != "*" for each in records[:position]):
                return Argument(word, shape, Span(start, end))
        for word, shape, start, end in records if keyword else ():
            if word == keyword:
                return Argument(word, shape, Span(start, end))
        return None


class Scope(NamedTuple):
    """A module, class, function, lambda or comprehension.

    The bases of a class are what stands before the brackets, where they have any: `Store` of `Store[int]`.
    """

    module: Module
    number: int
    kind: str
    name: str
    parent: int
    span: Span
    parameters: list[Any]
    decorators: list[Shape]
    returns: Shape | None
    flags: str
    bases: list[Shape]
    guard: int
    returned: list[Shape]

    @property
    def is_async(self) -> bool:
        """Tell whether it is a coroutine function."""
        return "a" in self.flags

    @property
    def is_generator(self) -> bool:
        """Tell whether it yields."""
        return "g" in self.flags

    @property
    def is_made_by_type(self) -> bool:
        """Tell whether the head of a class gives nothing by keyword but a metaclass that makes classes as `type`."""
        return all(each in _PLAIN_METACLASSES for each in self._given_by_keyword())

    def _given_by_keyword(self) -> Iterator[str]:
        """Yield the dotted names that the head of a class gives by keyword: `class Registry(Base, metaclass=Meta)`."""
        module = self.module
        roots = {_root(each) for each in self.bases}
        for name, reads in sorted(module.facts["reads"][self.parent].items()):
            for start, _end, what in reads:
                use, attributes = what, list[str]()
                while use[0] == "attr":
                    attributes.append(use[1])
                    use = use[2]
                if self.span.start <= start < self.span.end and use == ["base"] and name not in roots:
                    dotted = module.dotted(self.parent, ["n", name]) or name
                    yield ".".join([dotted, *attributes])


def _root(shape: Shape) -> str:
    while shape[0] in {"a", "i"}:
        shape = shape[1]
    return str(shape[1])


def is_same(one: Scope | None, other: Scope) -> bool:
    """Tell whether two scopes are one."""
    return one is not None and one.module is other.module and one.number == other.number


class Guard(NamedTuple):
    """A `try` with handlers (its payload), or a `with` (the shape of its context), around some code.

    What stands from `inner` on is guarded: the context of a `with` is not.
    """

    parent: int
    kind: str
    payload: Any
    start: int
    end: int
    name: str
    inner: int


class Block(NamedTuple):
    """The statements below the header of a compound statement, those of a function or class excepted.

    Attributes:
        parent: the number of the block around it, in whatever function, or -1.
        kind: `if`, `main` (the test is `__name__ == "__main__"`), `for`, `async for`, `while`, `with`, `async with`,
            `try`, `except`, `else` (of an `if`, a loop or a `try`), `finally` or `case`; an `elif` is an `if` in an
            `else`.
        header: where the compound statement begins.
        start: where the first of the statements begins.
        end: where the last of them ends.
    """

    parent: int
    kind: str
    header: int
    start: int
    end: int
