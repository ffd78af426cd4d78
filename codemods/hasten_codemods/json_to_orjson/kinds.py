"""Kinds of values that orjson treats differently, told by their classes and by the calls that make them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from hasten.api import Call, Module, Program, Scope
from hasten_codemods.json_to_orjson import tuples

Shape = list[Any]

_FARTHEST = 10
_ENUMS = frozenset({"enum.Enum", "enum.Flag"})
_TEXT_ENUMS = _ENUMS | {"enum.StrEnum", "enum.ReprEnum"}
_TUPLES = tuples.CLASS_MAKERS | tuples.ONE | {"builtins.tuple", "builtins.float"}
_ORDERED = frozenset({"collections.OrderedDict", "typing.OrderedDict"})
_COLLECTIONS = _ORDERED | {
    "builtins.dict",
    "builtins.list",
    "collections.Counter",
    "collections.defaultdict",
    "typing.Dict",
    "typing.List",
    "typing.Counter",
    "typing.DefaultDict",
}
_TEXTS = frozenset(
    {
        "builtins.str",
        "builtins.bytes",
        "builtins.bytearray",
        "collections.UserString",
        "markupsafe.Markup",
        "enum.StrEnum",
    }
)
#: Whoever derives from one of these may be written, or read, in another way.
SPECIAL_BASES = _TUPLES | _COLLECTIONS | tuples.FOREIGN_MAPPINGS
TEXT_BASES = _TEXTS
_OVERRIDING = ("items", "__iter__", "keys", "__getitem__", "__len__", "__bool__")
_SPELLINGS = re.compile(r"^\s*[+-]?(?:nan|inf(?:inity)?)\s*$", re.IGNORECASE)

#: Constants that are NaN or infinity.
NON_FINITE = frozenset({"math.nan", "math.inf", "numpy.nan", "numpy.inf"})


def is_enum(program: Program, target: Scope) -> bool:
    """Tell whether a class is an Enum, as far as the program shows."""
    return _derives_from(program, target, _ENUMS)


def is_tuple(program: Program, target: Scope) -> bool:
    """Tell whether a class is a tuple or a float, which `json` writes as such and orjson does not."""
    return _derives_from(program, target, _TUPLES)


def is_text(program: Program, target: Scope) -> bool:
    """Tell whether a class is a subclass of `str` or `bytes` whose instances `json.loads` may read.

    An Enum of words has no member that either library reads; one whose members are JSON text has.
    """
    if not _derives_from(program, target, _TEXTS):
        return False
    return not _derives_from(program, target, _TEXT_ENUMS) or _reads_as_json(target)


def is_other_collection(program: Program, target: Scope) -> bool:
    """Tell whether a class is a dictionary or list that overrides how it is read, which orjson does not notice.

    The override may stand in any class that it derives from, a mixin for example; a mapping of a library that shows
    other things than it holds hands that down.
    """
    if _derives_from(program, target, tuples.FOREIGN_MAPPINGS):
        return True
    if not _derives_from(program, target, _COLLECTIONS):
        return False
    family = [target, *(found for _, found in _ancestors(program, target) if found is not None)]
    return any(name in each.module.facts["binds"][each.number] for each in family for name in _OVERRIDING)


def _reads_as_json(target: Scope) -> bool:
    """Tell whether a member of an Enum class is a JSON document (or may be, too long to be kept)."""
    module = target.module
    for name in module.facts["binds"][target.number]:
        for binding in module.bindings(target.number, name):
            if binding.kind != "assign" or binding.payload is None:
                continue
            match binding.payload:
                case ["k", ("str" | "bytes"), None]:
                    return True
                case ["k", "str", str() as text] if _parses(text):
                    return True
                case ["c", int() as index] if module.call(index).tail in {"dumps", "read_text", "read_bytes"}:
                    return True
                case _:
                    continue
    return False


def makes_non_finite(call: Call) -> bool:
    """Tell whether a call of `float` is given the name of NaN or infinity."""
    first = call.argument(0)
    return first is not None and first.shape[:2] == ["k", "str"] and bool(_SPELLINGS.match(first.shape[2] or ""))


def callee(program: Program, module: Module, scope: int, shape: Shape) -> str:
    """Return the dotted name of what is called, through variables of one value (`split = urlsplit`), or nothing."""
    for _ in range(_FARTHEST):
        dotted = program.dotted(module, scope, shape)
        owner = program.owner_of(dotted) if dotted is not None else None
        if owner is not None:
            module, name = owner
            binding = program.only_binding(module, 0, name)
        elif dotted is not None:
            return dotted
        elif shape[0] == "n" and (found := module.lookup(scope, shape[1])) is not None:
            binding = program.only_binding(module, found[0], shape[1])
        else:
            return ""
        if binding is None or binding.kind != "assign":
            return dotted or ""
        value = binding.payload
        if value is None or value[0] not in {"n", "a"}:
            return dotted or ""
        scope, shape = binding.scope, value
    return ""


def is_tuple_class(program: Program, module: Module, scope: int, shape: Shape) -> bool:
    """Tell whether what is called was made by `namedtuple`, under whatever name, here or in another module."""
    dotted = module.dotted(scope, shape)
    owner = program.owner_of(dotted) if dotted is not None else None
    if owner is not None:
        module, name = owner
        found: Any = (0, module.bindings(0, name))
    else:
        found = module.lookup(scope, shape[1]) if shape[0] == "n" else None
    for binding in found[1] if found is not None else ():
        if binding.kind == "assign" and binding.payload is not None and binding.payload[0] == "c":
            maker = module.call(binding.payload[1])
            if callee(program, module, maker.scope, maker.function) in tuples.CLASS_MAKERS:
                return True
    return False


def is_float_key(program: Program, module: Module, scope: int, shape: Shape | None) -> bool:
    """Tell whether the program shows that a key is a float that the libraries may write in two ways."""
    if shape is not None and shape[:2] == ["k", "float"]:
        return shape[2] is None or not _is_written_alike(float(shape[2]))
    return is_float(program, module, scope, shape)


def is_float(program: Program, module: Module, scope: int, shape: Shape | None, depth: int = 0) -> bool:
    """Tell whether the program shows that a value is a float."""
    if shape is None or depth > _FARTHEST:
        return False
    match shape:
        case ["k", "float", *_] | ["o", "Div", *_]:
            return True
        case ["o", _, left, right]:
            return is_float(program, module, scope, left, depth + 1) or is_float(
                program, module, scope, right, depth + 1
            )
        case ["u", _, inner] if shape[1] != "Not":
            return is_float(program, module, scope, inner, depth + 1)
        case ["?" | "b", options]:
            return any(is_float(program, module, scope, each, depth + 1) for each in options)
        case ["c", int() as index]:
            call = module.call(index)
            dotted = callee(program, module, call.scope, call.function)
            # `round` with digits gives what it is given: who asks for digits has a float.
            return bool(tuples.FLOAT_FUNCTIONS.fullmatch(dotted)) or (
                dotted == "builtins.round" and call.argument(1, "ndigits") is not None
            )
        case ["n", name]:
            found = module.lookup(scope, name)
            if found is None or len(found[1]) != 1:
                return False
            (binding,) = found[1]
            if binding.kind == "param":
                return bool(module.scope(found[0]).parameters[binding.payload][2] == ["n", "float"])
            if binding.kind == "for" and binding.payload is not None and binding.payload[0] in {"l", "t", "s"}:
                return any(is_float_key(program, module, binding.scope, each) for each in binding.payload[1])
            return binding.kind == "assign" and is_float(program, module, binding.scope, binding.payload, depth + 1)
        case _:
            return False


def _is_written_alike(key: float) -> bool:
    import orjson

    return json.dumps({key: 0}, separators=(",", ":")).encode() == orjson.dumps(
        {key: 0}, option=orjson.OPT_NON_STR_KEYS
    )


def _parses(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _ancestors(program: Program, target: Scope, depth: int = 0) -> Iterator[tuple[str, Scope | None]]:
    """Yield the dotted names of all bases, those of bases included, each with its class where it is the program's."""
    for base in target.bases:
        shape = target.module.call(base[1]).function if base[0] == "c" else base
        dotted = callee(program, target.module, target.parent, shape)
        found = program.resolve(dotted) if dotted and depth < _FARTHEST else None
        own = found if found is not None and found.kind == "class" else None
        if own is None and base[0] == "n" and is_tuple_class(program, target.module, target.parent, base):
            dotted = "collections.namedtuple"
        yield dotted, own
        if own is not None:
            yield from _ancestors(program, own, depth + 1)


def _derives_from(program: Program, target: Scope, names: frozenset[str]) -> bool:
    return any(dotted in names for dotted, _ in _ancestors(program, target))
