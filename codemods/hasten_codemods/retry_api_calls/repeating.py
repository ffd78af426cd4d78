"""What a function does beside its call, and would do again: each attempt runs it from its first line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

from hasten.api import Call, Module, Program, Receivers, Scope, Span, Touch, receivers_of, touches_of
from hasten_codemods.retry_api_calls import harmless
from hasten_codemods.retry_api_calls.clients import CLIENTS
from hasten_codemods.retry_api_calls.places import place_of
from hasten_codemods.retry_api_calls.sites import Outbound

Shape: TypeAlias = list[Any]
#: What is called is looked into, so deep.
_DEEPEST = 3
#: Annotations of what can be gone through once.
_ONCE = frozenset(
    {"Iterator", "Generator", "AsyncIterator", "AsyncGenerator", "IO", "TextIO", "BinaryIO", "TextIOWrapper"}
    | {"BufferedReader", "BytesIO", "StringIO", "RawIOBase", "BufferedIOBase", "IOBase", "FileIO"}
)
#: Annotations of what can be gone through again and again.
_OFTEN = frozenset(
    {"list", "List", "tuple", "Tuple", "dict", "Dict", "set", "Set", "frozenset", "FrozenSet", "str", "bytes"}
    | {"Sequence", "Mapping", "MutableMapping", "Collection", "int", "float", "bool", "Path", "AbstractSet"}
)
_READING = frozenset({"read", "readline", "readlines", "__next__", "send", "iter_content", "iter_lines"})
#: Methods of answers that only read them.
_OF_ANSWERS = frozenset({"read", "readline", "readlines", "getcode", "geturl", "info", "getheader", "close"})


class Again(NamedTuple):
    """Something that would be done again.

    Attributes:
        what: for people.
        place: where.
    """

    what: str
    place: str


class Repeating:
    """Answers for one program."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self.program = program
        self.receivers: Receivers = receivers_of(program)
        self._known: dict[tuple[str, int], Again | None] = {}

    def before(self, function: Scope, sent: Sequence[Outbound], until: int) -> Iterator[Again]:
        """Yield what `function` does, before it knows that its calls went well, that somebody could see done twice.

        Args:
            function: it.
            sent: its calls that leave the program.
            until: where the last of them is over, with what tells whether it went well.
        """
        own = {each.call.index for each in sent}
        yield from self._in_body(function, own, until, 0, _handlers(function, sent))

    def _in_body(
        self, function: Scope, own: set[int], until: int, depth: int, handlers: Sequence[Span] = ()
    ) -> Iterator[Again]:
        module = function.module

        def counts(offset: int) -> bool:
            return offset < until or any(each.start <= offset < each.end for each in handlers)

        for touch in touches_of(module, function.number, self.program):
            if touch.writes and counts(touch.start) and self._is_felt(function, touch):
                yield Again(f"`{touch.place}` is changed", place_of(module, touch.start))
        for call in module.calls_in(function.number):
            if counts(call.span.start) and call.index not in own and not _is_argument_of_error(call):
                again = None if _reads_answer(call, own) else self._called(call, depth)
                if again is not None:
                    yield again

    def _is_felt(self, function: Scope, touch: Touch) -> bool:
        """Tell whether a change is another one the second time."""
        module, root = function.module, touch.place.partition(".")[0]
        kinds = {each[1] for each in function.parameters if each[0] == root}
        if kinds & {"*", "**"}:
            return False  # made anew for each attempt
        if touch.start in module.facts["augmented"] or (touch.writes and touch.reads and not touch.use):
            return True  # self.count += 1; nonlocal count; count += 1
        if touch.use[:1] == ["meth"]:
            method, call = touch.use[1], module.call(touch.use[2])
            if method == "add":  # to a set, and not to what is written in the end: db.add(order)
                return self.receivers.kind(module, call.scope, call.function[1]) != "builtins.set"
            return method not in harmless.SETTING
        # self.count = self.count + 1; self.left = max(0, self.left - 1)
        return touch.value is not None and _mentions(module, touch.value, touch.place)

    def _called(self, call: Call, depth: int) -> Again | None:
        """Return what a call does that could be seen done twice, None for nothing."""
        module = call.module
        place = place_of(module, call.span.start)
        dotted = self.program.dotted(module, call.scope, call.function)
        if dotted is not None and dotted.startswith("builtins."):
            name = dotted.removeprefix("builtins.")
            if name == "open":
                return None if _only_reads(call) else Again("a file is opened", place)
            return Again(f"`{name}` is called", place) if name in harmless.BUSY_BUILTINS else None
        if dotted is not None and dotted.startswith(harmless.MODULES) and call.tail not in harmless.ACTING:
            return None
        target, known = self.program.target_of(call)
        reached = (target,) if target is not None else self.receivers.reached(call).functions if not known else ()
        if reached:
            found = (self._inside(each, depth + 1) for each in reached)
            return next((Again(f"`{call.tail}` is called: {each.what}", place) for each in found if each), None)
        if call.function[0] == "a" and self._is_plain_method(call):
            return None
        name = call.tail or "something"
        return Again(f"`{name}` is called, of which nothing is known", place)

    def _is_plain_method(self, call: Call) -> bool:
        base = call.function[1]
        if call.tail in harmless.ACTING:
            return False
        if call.tail in harmless.LOG_METHODS and str(base[-1]) in harmless.LOGGERS:
            return True
        if call.tail in harmless.METHODS:
            return True
        kind = self.receivers.kind(call.module, call.scope, base)
        if isinstance(kind, str) and any(kind in each.classes and call.tail in each.methods for each in CLIENTS):
            return False
        if isinstance(kind, str) and kind.startswith(("builtins.", *harmless.MODULES)):
            return True  # what changes it is looked at with what else changes
        if call.tail in {"get", "pop"} and call.arguments:
            # headers.get("ETag"), and not client.get("/items")
            first = call.arguments[0].shape
            return first[0] in {"n", "a"} or (first[:2] == ["k", "str"] and "/" not in str(first[2]))
        # What changes something is looked at with what else does.
        return call.tail in harmless.SETTING | {"append", "extend", "insert", "remove"} and base[0] in {"n", "a"}

    def _inside(self, function: Scope, depth: int) -> Again | None:
        """Return what a function of the program does that could be seen done twice."""
        if function.kind == "class":
            made = self.program.find_method(function, "__init__")
            return self._inside(made, depth) if made is not None else None
        key = function.module.path, function.number
        if key not in self._known:
            if depth > _DEEPEST:
                return Again("it calls too many others to tell", place_of(function.module, function.span.start))
            self._known[key] = None  # a function that calls itself adds nothing by that
            making = function.name == "__init__"
            found = self._in_body(function, set(), function.span.end, depth)
            # What fills a new object is seen by nobody yet.
            own = (each for each in found if not (making and each.what.startswith("`self.")))
            self._known[key] = next(own, None)
        return self._known[key]

    # --- what can be used once --------------------------------------------------------------------------------------

    def consumed(self, function: Scope, sent: Sequence[Outbound], until: int) -> tuple[str, str, bool] | None:
        """Return a parameter that the first attempt may use up: its name, the place, and whether that is sure."""
        module, own = function.module, {each.call.index for each in sent}
        doubtful: tuple[str, str, bool] | None = None
        for name, kind, annotation, _default in function.parameters:
            if kind in {"*", "**"} or name in {"self", "cls"}:
                continue
            words = words_of(annotation)
            once = bool(words & _ONCE)
            if words & _OFTEN and not once:
                continue
            for read in module.reads(function.number, name):
                if read.span.start >= until:
                    continue
                place = place_of(module, read.span.start)
                if read.use[0] == "meth" and read.use[1] in _READING and read.use[2] not in own:
                    return name, place, True
                called = module.call(read.use[1]) if read.use[0] == "arg" else None
                if called is not None and called.function in (["n", "next"], ["n", "anext"]):
                    return name, place, True
                sends = any(each.call == called for each in sent) and read.use[-1] in {"data", "content", "files"}
                if read.use[0] == "iter" or sends or (called is not None and called.tail in {"list", "tuple", "set"}):
                    if once:
                        return name, place, True
                    doubtful = doubtful or (name, place, False)
        return doubtful


def _handlers(function: Scope, sent: Sequence[Outbound]) -> list[Span]:
    """Return the blocks that run when one of the calls fails: those of `except` and `finally`."""
    module = function.module
    tries = {block.header for each in sent for block in module.blocks(each.call.span.start) if block.kind == "try"}
    return [
        Span(start, end)
        for _parent, kind, header, start, end in module.facts["blocks"]
        if header in tries and kind in {"except", "finally"}
    ]


def _mentions(module: Module, shape: Shape, place: str) -> bool:
    """Tell whether a value is made of what stands at a place: `self.left`."""
    if shape[:1] in (["n"], ["a"]) and _spelled(shape) == place:
        return True
    if shape[:1] == ["c"]:
        call = module.call(shape[1])
        return any(_mentions(module, each, place) for each in [call.function, *(one.shape for one in call.arguments)])
    return any(isinstance(each, list) and bool(each) and _mentions(module, each, place) for each in shape)


def _spelled(shape: Shape) -> str:
    """Return `self.left` for its shape, an empty string for what is no chain of names."""
    if shape[0] == "n":
        return str(shape[1])
    base = _spelled(shape[1]) if shape[0] == "a" else ""
    return f"{base}.{shape[2]}" if base else ""


def words_of(shape: Shape | None) -> frozenset[str]:
    """Return the names in an annotation."""
    if not isinstance(shape, list):
        return frozenset()
    if shape[:2] == ["k", "str"]:
        text = "".join(each if each.isalnum() or each == "_" else " " for each in str(shape[2]))
        return frozenset(text.split())
    found = frozenset({str(shape[-1])}) if shape[:1] in (["n"], ["a"]) else frozenset[str]()
    for each in shape:
        found |= words_of(each) if isinstance(each, list) else frozenset()
    return found


def _only_reads(call: Call) -> bool:
    mode = call.argument(1, "mode")
    return mode is None or (mode.shape[:2] == ["k", "str"] and not set(str(mode.shape[2])) & set("wax+"))


def _reads_answer(call: Call, own: set[int]) -> bool:
    """`urlopen(url).read()`: what is read of an answer is gone with the answer, and each attempt gets another."""
    if call.tail not in _OF_ANSWERS or call.function[0] != "a":
        return False
    base = call.function[1]
    if base[0] == "n":
        found = call.module.lookup(call.scope, base[1])
        return found is not None and all(
            each.kind in {"assign", "with"} and each.payload and each.payload[0] == "c" and each.payload[1] in own
            for each in found[1]
        )
    return bool(base[0] == "c" and base[1] in own)


def _is_argument_of_error(call: Call) -> bool:
    """`raise ApiError(...)`: what ends an attempt is not done twice, unless it is one that passes."""
    return call.use == ["raise"]


def loop_around(function: Scope, call: Call) -> str:
    """Return the place of the loop, in a function, that a call stands in; an empty string where it is in none."""
    module, offset = function.module, call.span.start
    inner = module.scope(call.scope)
    if inner.number != function.number:
        # [fetch(each) for each in urls]
        return place_of(module, inner.span.start)
    for block in module.blocks(offset):
        if block.kind in {"for", "async for", "while"} and block.header >= function.span.start:
            return place_of(module, block.header)
    return ""
