"""What is done with a connection and its cursors where it is closed already: in `finally`, in handlers, below.

    db = None
    try:
        db = sqlite3.connect(path)
        ...
    except sqlite3.Error:
        if db:
            db.rollback()
    finally:
        if db:
            db.close()

`async with` closes the connection at the end of the block that opens it, and what is not committed is rolled back. So
nothing is left to be done there, but for what asks whether the variable holds something at all.
"""

from __future__ import annotations

from dataclasses import dataclass

from hasten.api import Call, Hazard, Module, Read, Span
from hasten_codemods.sqlite3_to_aiosqlite import blocks, table
from hasten_codemods.sqlite3_to_aiosqlite.lives import Life, Mark, Unfit

_ANNOTATIONS = ("Connection", "Cursor")


@dataclass(frozen=True, slots=True)
class _Ended:
    """A `close` or `rollback` of what is closed already."""

    name: str
    read: Read
    call: Call


class Aftermath:
    """Fills in what one `Life` has to say about places outside of its region."""

    def __init__(self, life: Life) -> None:
        """Take a connection that was just opened."""
        self.life = life
        self.module: Module = life.module
        self.function = life.steps[0].call.scope
        self._ended: list[_Ended] = []
        self._asked: list[tuple[str, Read]] = []

    def add(self, name: str, read: Read) -> None:
        """Take a read of a variable outside of the region.

        Raises:
            Unfit: the connection has to be open there.
        """
        later = read.span.start >= self.life.region.end and read.scope == self.function
        use = read.use
        if read.scope == self.function and (use in (["cond"], ["expr"]) or _compares(read)):
            self._asked.append((name, read))
            return
        if later and use[0] == "meth" and use[1] in {"close", "rollback"}:
            call = self.module.call(use[2])
            if call.use == ["expr"] and call.function[1] == ["n", name] and not call.arguments:
                self._ended.append(_Ended(name, read, call))
                return
        if later and name != self.life.name and use[0] == "attr" and use[1] in table.CURSOR_READ:
            return
        line = self.module.position(read.span.start).line
        if self.life.assigned:
            message = f"`{name}` is used in line {line}, outside of the block that opens the connection; move it inside"
            raise Unfit("SQL115", message, self.life.region.start)
        raise Unfit(
            "SQL115", f"`{name}` is used outside of the block of the connection; move it inside", read.span.start
        )

    def settle(self, names: list[str]) -> None:
        """Decide what becomes of the places outside, and of `name = None`; `names` are the variables."""
        spans = [each.call.span for each in self._ended]
        left: set[str] = set()
        for name, read in self._asked:
            block = blocks.guarded(self.module, read)
            vain = block is not None and blocks.holds_only(self.module, block, spans)
            if block is not None and vain and not blocks.has_else(self.module, block):
                self.life.marks.append(Mark(read.span, "unasked", (("variable", name),)))
                spans.append(Span(blocks.header(self.module, block), block.end))
            else:
                left.add(name)
        for each in self._ended:
            start = self._emptied(each.call.span.start, spans)
            self.life.marks.append(Mark(each.call.span, "closed", (("variable", each.name),), start))
            if not self._is_there(each):
                place = f"{self.module.path}:{self.module.position(each.call.span.start).line}"
                message = f"`{each.name}.{each.call.tail}()` raised where nothing was opened before, and is gone"
                self.life.hazards.append(Hazard("SQL007", f"{message} ({place})"))
        for name in names:
            self._settle_bindings(name, asked=name in left)

    def _emptied(self, start: int, gone: list[Span]) -> int:
        """Return where the statement begins that goes away with the one at `start`, once `gone` is gone."""
        for block in self.module.blocks(start):
            if not blocks.holds_only(self.module, Span(block.start, block.end), gone):
                break
            start = block.header
        return start

    def _is_there(self, ended: _Ended) -> bool:
        """Tell whether a call that goes away could not have failed: the variable surely held an open connection."""
        module, region = self.module, self.life.region
        if ended.call.tail == "rollback" and self._may_be_closed():
            return False
        if not self.life.assigned and blocks.contains(blocks.around(module, region.start), ended.read.span.start):
            return ended.name == self.life.name  # with sqlite3.connect(path) as db: ... db.close() below it
        empty = any(
            each.kind == "assign"
            and each.start < region.start
            and blocks.contains(blocks.around(module, each.start), region.start)
            for each in module.bindings(self.function, ended.name)
        )
        guards = [blocks.guarded(module, read) for name, read in self._asked if name == ended.name]
        return empty and any(each is not None and blocks.contains(each, ended.read.span.start) for each in guards)

    def _may_be_closed(self) -> bool:
        """Tell whether something in the region runs after a `close` there."""
        closes = [each.call.span.end for each in self.life.steps if each.action == "close"]
        region = self.life.region
        return any(close < each.span.start < region.end for close in closes for each in self.module.calls())

    def _settle_bindings(self, name: str, *, asked: bool) -> None:
        """Drop `name = None` where nobody asks for it any more, and let annotations name aiosqlite's classes."""
        module, region = self.module, self.life.region
        for each in module.bindings(self.function, name):
            if each.kind == "declared":
                self._rename(name, each.start, 0)
            if each.kind != "assign" or each.payload is None:
                continue
            inside = blocks.contains(region, each.start)
            empty = each.payload[:2] == ["k", "NoneType"]
            if inside and each.start != region.start:
                self._rename(
                    name, each.start, (each.payload[0] == "c" and module.call(each.payload[1]).span.start) or 0
                )
            elif empty and not inside and self.life.assigned:
                before = each.start < region.start and blocks.contains(blocks.around(module, each.start), region.start)
                if before and not asked and self._is_alone(name, each.start):
                    self._drop(name, each.start)
                elif before and name == self.life.name and self._annotations(each.start + len(name), 0):
                    # A checker would take the annotation's None for what `async with` binds.
                    self._drop(name, each.start, "unannotated")
                elif before:
                    self._rename(name, each.start, 0)
        if name == self.life.name and self.life.assigned:
            call = self.life.steps[0].call
            self.life.releases += [(module.path, span) for span in self._roots(region.start, call.span.start)]

    def _drop(self, name: str, start: int, action: str = "unset") -> None:
        self.life.marks.append(Mark(Span(start, start + len(name)), action, (("variable", name),)))
        self.life.releases += [(self.module.path, span) for span in self._roots(start, 0)]

    def _is_alone(self, name: str, start: int) -> bool:
        """Tell whether nothing else is bound on the line: `db = cursor = None`; and only this connection needs it."""
        module = self.module
        line = module.position(start).line
        others = [
            entry[2]
            for called, entries in module.facts["binds"][self.function].items()
            for entry in entries
            if entry[2] != start and (module.position(entry[2]).line == line or (called == name and entry[0] == "with"))
        ]
        values = [each for each in module.bindings(self.function, name) if each.kind == "assign"]
        filled = [each for each in values if each.payload is not None and each.payload[0] == "c"]
        return not others and (len(filled) == 1 or name != self.life.name) and len(values) == len(filled) + 1

    # --- annotations ----------------------------------------------------------------------------------------------

    def _rename(self, name: str, start: int, end: int) -> None:
        """`cursor: sqlite3.Cursor = ...` -> `cursor: aiosqlite.Cursor = ...`."""
        for attribute, span, root in self._annotations(start + len(name), end):
            self.life.marks.append(Mark(span, "annotation", (("class", attribute), ("variable", attribute))))
            self.life.releases.append((self.module.path, root))

    def _roots(self, start: int, end: int) -> list[Span]:
        """Return the names that are read between two places, or up to the line's end: those of an annotation."""
        line = self.module.position(start).line
        return [
            each.span
            for each in self._names()
            if each.span.start > start
            and (each.span.start < end if end else self.module.position(each.span.start).line == line)
        ]

    def _annotations(self, start: int, end: int) -> list[tuple[str, Span, Span]]:
        """Return the classes of `sqlite3` named between two places, or up to the line's end: name, place and root."""
        module = self.module
        line = module.position(start).line
        found: list[tuple[str, Span, Span]] = []
        for name in _ANNOTATIONS:
            for read in module.attribute_reads(name):
                place = read.span.start
                here = place > start and (place < end if end else module.position(place).line == line)
                if here and read.scope == self.function:
                    root = next((each for each in self._names() if each.span.start == place), None)
                    if root is not None and module.dotted(read.scope, ["n", root.name]) == "sqlite3":
                        found.append((name, read.span, root.span))
            for read in module.reads_of(name):
                place = read.span.start
                here = place > start and (place < end if end else module.position(place).line == line)
                if here and module.dotted(read.scope, ["n", name]) == f"sqlite3.{name}":
                    found.append((name, read.span, read.span))
        return found

    def _names(self) -> list[_Named]:
        return [
            _Named(name, Span(start, end))
            for name, reads in self.module.facts["reads"][self.function].items()
            for start, end, _use in reads
        ]


@dataclass(frozen=True, slots=True)
class _Named:
    name: str
    span: Span


def _compares(read: Read) -> bool:
    """`db is None`, `db is not None`."""
    return bool(read.use[0] == "cmp" and read.use[1] in {"Is", "IsNot"} and read.use[2][:2] == ["k", "NoneType"])
