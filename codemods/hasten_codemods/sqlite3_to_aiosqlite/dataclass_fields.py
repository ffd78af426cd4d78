"""The constructors that `dataclasses.dataclass` writes: which argument fills which attribute.

@dataclass
class Repository:
connection: sqlite3.Connection

Repository(sqlite3.connect(path))
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hasten.api import Argument, Call, Module, Program, Read, Scope

_DATACLASS = "dataclasses.dataclass"
_FIELD = "dataclasses.field"
#: Bases that add no field, and no constructor.
_BARE = frozenset({"builtins.object", "abc.ABC", "typing.Generic", "typing.Protocol"})
_TRUE, _FALSE = ["k", "bool", "True"], ["k", "bool", "False"]
#: What is done with a class that makes no object of it, and hands it to nobody.
_IDLE = frozenset({"ann", "base", "deco", "expr", "except", "cmp", "sub", "bin", "idx"})
_LOOKING = frozenset({"builtins.isinstance", "builtins.issubclass", "typing.cast"})


@dataclass(frozen=True, slots=True)
class Field:
    """What an argument of a constructor fills: by its name, and by its position too, if that is not negative."""

    name: str
    position: int = -1


def fields_of(program: Program, owner: Scope) -> list[Field] | None:
    """Return what the generated constructor of a class takes, in order; None where it has another one."""
    found: dict[str, bool | None] = {}
    if not _collect(program, owner, found):
        return None
    positional = [name for name, by_keyword in found.items() if by_keyword is False]
    return [
        Field(name, positional.index(name) if by_keyword is False else -1)
        for name, by_keyword in found.items()
        if by_keyword is not None
    ]


def may_be_filled(program: Program, owner: Scope, name: str) -> bool:
    """Tell whether a generated constructor may fill an attribute of a class, though `fields_of` cannot read it.

    Such are the one above a constructor that is written by hand, and calls it, and one with an `InitVar`.
    """
    family = [owner, *program.ancestors(owner)]
    return (
        any(_dataclass(each) is not None and not _defines_constructor(each) for each in family)
        and any(name == each for one in family for each, _ in one.module.fields(one.number))
        and fields_of(program, owner) is None
    )


def _collect(program: Program, owner: Scope, found: dict[str, bool | None], depth: int = 0) -> bool:
    """Add the fields of a class in the order of its constructor; tell whether all are known.

    Each stands with whether it is given by its name only, or None: it is not given at all.
    """
    module = owner.module
    if depth > 10 or program.find_method(owner, "__init__") or program.find_method(owner, "__new__"):  # noqa: PLR2004 - cyclic
        return False
    above = 0
    # As `dataclasses` does: those of the last base come first, and the earlier bases have the last word.
    for base in reversed(owner.bases):
        dotted = module.dotted(owner.parent, base)
        target = program.resolve(dotted) if dotted else None
        if target is not None and target.kind == "class":
            above += 1
            if not _collect(program, target, found, depth + 1):
                return False
        elif dotted not in _BARE:
            return False
    if not owner.decorators:
        return above <= 1  # it has the constructor of its base, and one of several would be the first's
    by_keyword = _options(owner)
    if by_keyword is None:
        return False
    for name, annotation in module.fields(owner.number):
        kind = _kind(module, owner, annotation)
        if kind in {"InitVar", "KW_ONLY", ""}:
            return False
        given = field_call(module, _value(owner, name))
        if given is not None and any(each.keyword in {None, "**"} for each in given.arguments):
            return False
        if kind == "ClassVar" or (given is not None and _says(given, "init", _FALSE)):
            found[name] = None
        else:
            found[name] = by_keyword or (given is not None and _says(given, "kw_only", _TRUE))
    return True


def _defines_constructor(owner: Scope) -> bool:
    return any(each.kind == "def" for each in owner.module.bindings(owner.number, "__init__"))


def _options(owner: Scope) -> bool | None:
    """Tell whether all fields of a dataclass are given by their names; None where nobody can tell, or it is none."""
    decorator = _dataclass(owner)
    call = owner.module.call(decorator[1]) if decorator is not None and decorator[0] == "c" else None
    if decorator is None or call is None:
        return None if decorator is None else False
    known = all(each.shape in (_TRUE, _FALSE) for each in call.arguments)
    return None if not known or _says(call, "init", _FALSE) else _says(call, "kw_only", _TRUE)


def _dataclass(owner: Scope) -> list[Any] | None:
    """Return the decorator that makes a class a dataclass."""
    for shape in owner.decorators:
        call = owner.module.call(shape[1]) if shape[0] == "c" else None
        if owner.module.dotted(owner.parent, shape if call is None else call.function) == _DATACLASS:
            return shape
    return None


def _kind(module: Module, owner: Scope, annotation: list[Any]) -> str:
    """Return the last name of an annotation, without what stands in its brackets; `""` where it is in quotes."""
    if annotation[:2] == ["k", "str"]:
        text = str(annotation[2] or "")
        return next((each for each in ("InitVar", "KW_ONLY", "ClassVar") if each in text), "other" if text else "")
    root = annotation[1] if annotation[0] == "i" else annotation
    return str(root[-1]) if root[0] in {"n", "a"} and module.dotted(owner.number, root) else "other"


def _value(owner: Scope, name: str) -> list[Any] | None:
    found = [each for each in owner.module.bindings(owner.number, name) if each.kind == "assign"]
    return found[-1].payload if found else None


def field_call(module: Module, shape: list[Any] | None) -> Call | None:
    """Return the call of `dataclasses.field` that a shape stands for."""
    call = module.call(shape[1]) if shape is not None and shape[0] == "c" else None
    return call if call is not None and module.dotted(call.scope, call.function) == _FIELD else None


def _says(call: Call, keyword: str, value: list[Any]) -> bool:
    given = call.argument(len(call.arguments), keyword)
    return given is not None and given.shape == value


def filled(program: Program, owner: Scope, position: object) -> str | None:
    """Return the attribute that an argument of a constructor fills; None where nobody can tell."""
    fields = fields_of(program, owner) or []
    return next((each.name for each in fields if position in (each.name, each.position)), None)


def given(program: Program, owner: Scope, name: str, call: Call) -> Argument | None:
    """Return the argument that fills an attribute; None where the default does."""
    field = next(each for each in fields_of(program, owner) or () if each.name == name)
    return call.argument(field.position if field.position >= 0 else len(call.arguments), name)


def handed_on(program: Program, owner: Scope) -> Iterator[Read]:
    """Yield where a class gets to somebody who may make objects of it."""
    for read in program.references(owner):
        call = read.module.call(read.use[1]) if read.use[0] == "arg" else None
        looks = call is not None and program.dotted(read.module, call.scope, call.function) in _LOOKING
        if read.use[0] not in _IDLE and not looks:
            yield read
