"""Find what puts something else in the place of `time.sleep`: tests, for the most part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hasten.api import Call, Module, Program, Use

#: Kept among the facts by the index (`Codemod.literals`): dotted names that end in the function or its module.
LITERALS = (r"\w\.(?:time|sleep)$",)
_REPLACERS = ("setattr", "object", "patch")


@dataclass(frozen=True, slots=True)
class Patch:
    """A place that replaces `time.sleep`.

    Attributes:
        module: the module of the program that it names, if it names one.
        everywhere: it replaces the attribute of `time` itself, and not a name of `module`.
        place: `path:line`.
    """

    module: Module | None
    everywhere: bool
    place: str


def find(program: Program, uses: Sequence[Use]) -> list[Patch]:
    """Return every patch in the modules read so far, in path and source order of each kind.

    Args:
        program: where to look.
        uses: of `time.sleep` and `time`.
    """
    return [
        *_in_strings(program),
        *(each for use in uses if (each := _given(use)) is not None),
        *_by_attribute(program),
        *_assigned(program),
    ]


def is_patch(use: Use) -> bool:
    """Tell whether a use of the module `time` as a value does nothing but replace or read one of its attributes."""
    call = _replacing(use)
    return call is not None and _attribute_named(call) is not None


def _in_strings(program: Program) -> Iterator[Patch]:
    """`mock.patch("app.worker.time.sleep")`, `mock.patch("app.worker.sleep")`, `mock.patch("app.worker.time")`."""
    for module in program.modules:
        for start, text, use, _scope in module.facts["strings"]:
            if use == ["expr"] or not all(each.isidentifier() for each in text.split(".")):
                continue
            place = f"{module.path}:{module.position(start).line}"
            owner, _, last = text.rpartition(".")
            if text == "time.sleep":
                yield Patch(None, everywhere=True, place=place)
            elif owner.endswith(".time") and last == "sleep":
                yield Patch(program.named(owner.removesuffix(".time")), everywhere=True, place=place)
            elif (named := program.named(owner)) is not None:
                yield Patch(named, everywhere=False, place=place)


def _given(use: Use) -> Patch | None:
    """`monkeypatch.setattr(time, "sleep", ...)`, `mock.patch.object(time, "sleep")`."""
    call = _replacing(use)
    if call is None or call.tail == "getattr" or _attribute_named(call) != "sleep":
        return None
    return Patch(use.module, everywhere=True, place=use.place)


def _replacing(use: Use) -> Call | None:
    match use.fate:
        case ["arg", int() as index, 0] if use.name == "time" and use.call is None:
            call = use.module.call(index)
            return call if call.tail in {*_REPLACERS, "getattr", "delattr", "hasattr"} else None
        case _:
            return None


def _attribute_named(call: Call) -> str | None:
    attribute = call.argument(1)
    known = attribute is not None and attribute.shape[:2] == ["k", "str"] and attribute.shape[2] is not None
    return str(attribute.shape[2]) if attribute is not None and known else None


def _by_attribute(program: Program) -> Iterator[Patch]:
    """`monkeypatch.setattr(worker, "sleep", ...)`, `mock.patch.object(worker.time, "sleep")`."""
    for call in (each for name in _REPLACERS for each in program.calls_named(name, want=False)):
        target = call.argument(0)
        dotted = call.module.dotted(call.scope, target.shape) if target is not None else None
        place = f"{call.module.path}:{call.module.position(call.span.start).line}"
        if dotted and _attribute_named(call) in {"sleep", "time"}:
            yield from _named(program, dotted, place, everywhere=_attribute_named(call) == "sleep")


def _assigned(program: Program) -> Iterator[Patch]:
    """`time.sleep = quick`, `worker.sleep = quick`, `worker.time.sleep = quick`."""
    for module in program.modules:
        for base, _value, scope, start in module.facts["attribute_stores"].get("sleep", ()):
            dotted = module.dotted(scope, base)
            place = f"{module.path}:{module.position(start).line}"
            if dotted == "time":
                yield Patch(module, everywhere=True, place=place)
            elif dotted:
                yield from _named(program, dotted, place, everywhere=True)


def _named(program: Program, dotted: str, place: str, *, everywhere: bool) -> Iterator[Patch]:
    """Yield the patch of an attribute of `dotted`: a module of the program, or its `time`."""
    if (named := program.named(dotted)) is not None:
        yield Patch(named, everywhere=False, place=place)
    elif dotted.endswith(".time") and (named := program.named(dotted.removesuffix(".time"))) is not None:
        yield Patch(named, everywhere=everywhere, place=place)
