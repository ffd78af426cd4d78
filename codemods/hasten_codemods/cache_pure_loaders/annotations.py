"""What annotations say of values, and what the classes of the program are: enumerations, and records of constants."""

from __future__ import annotations

from typing import Any

from hasten.api import Module, Program, Scope
from hasten_codemods.cache_pure_loaders.words import CONSTANTS, UNKNOWN, is_immutable, together

Shape = list[Any]

_DEEPEST = 10
_NAMED = {
    **{each: each for each in ("str", "bytes", "int", "float", "bool", "list", "dict", "set")},
    "None": "none",
    "complex": "number",
    "object": UNKNOWN,
    "List": "list",
    "Dict": "dict",
    "Set": "set",
    "Mapping": "dict",
    "MutableMapping": "dict",
    "OrderedDict": "dict",
    "defaultdict": "dict",
    "Sequence": "list",
    "Collection": "list",
    "MutableSequence": "list",
    "Pattern": "pattern",
    "Match": "match",
    "Path": "path",
    "PurePath": "path",
    "PathLike": "path",
    "Traversable": "path",
    "Decimal": "number",
    "Fraction": "number",
    "date": "moment",
    "datetime": "moment",
    "timedelta": "moment",
    "Version": "version",
    "Text": "str",
    "LiteralString": "str",
    "CodeType": "code",
    "StrPath": "path",
}
#: Where the types come from that are meant by these names.
_WELL_KNOWN = frozenset(
    {"builtins", "typing", "typing_extensions", "collections", "datetime", "pathlib", "re", "decimal", "fractions"}
    | {"packaging", "types", "os", "importlib", "importlib_resources", "_typeshed"}
)
_ENUMS = frozenset({"enum.Enum", "enum.StrEnum", "enum.IntEnum", "enum.Flag", "enum.IntFlag"})


def member_count(program: Program, module: Module, scope: int, shape: Shape) -> int | None:
    """Return how many values there are of a type that an annotation names: of an enumeration, of literals, of bool."""
    match shape:
        case ["n", "bool"]:
            return 2
        case ["i", ["n", "Literal"] | ["a", _, "Literal"], ["t", list(parts)]]:
            return len(parts)
        case ["i", ["n", "Literal"] | ["a", _, "Literal"], ["k", *_]]:
            return 1
        case ["n" | "a", *_]:
            owner = class_of(program, module, scope, shape)
            if owner is not None and is_enumeration(program, owner):
                binds = owner.module.facts["binds"][owner.number]
                return len([name for name, each in binds.items() if name[:1] != "_" and each[0][0] == "assign"])
        case _:
            pass
    return None


def class_of(program: Program, module: Module, scope: int, shape: Shape) -> Scope | None:
    """Return the class of the program that an annotation or expression names, None for all else."""
    dotted = module.dotted(scope, shape)
    found = program.definition(dotted) if dotted and program.is_own(dotted) else None
    return found if found is not None and found.kind == "class" else None


def is_enumeration(program: Program, owner: Scope) -> bool:
    """Tell whether a class of the program is an enumeration."""
    for base in owner.bases:
        dotted = owner.module.dotted(owner.parent, base)
        found = program.resolve(dotted) if dotted else None
        if dotted in _ENUMS or (found is not None and found.kind == "class" and is_enumeration(program, found)):
            return True
    return False


class Annotations:
    """Answers for one program."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self.program = program
        self._records: dict[tuple[str, int], bool] = {}

    def annotated(self, module: Module, scope: int, shape: Shape | None, depth: int = 0) -> str:
        """Return the kind that an annotation names."""
        if shape is None or depth > _DEEPEST:
            return UNKNOWN
        match shape:
            case ["k", "NoneType", _]:
                return "none"
            case ["o", "BitOr", left, right]:
                return together([self.annotated(module, scope, each, depth + 1) for each in (left, right)])
            case ["i", ["n", "Optional"] | ["a", _, "Optional"], inner]:
                return self.annotated(module, scope, inner, depth + 1)
            case ["i", ["n", "Union"] | ["a", _, "Union"], ["t", list(parts)]]:
                return together([self.annotated(module, scope, each, depth + 1) for each in parts])
            case ["i", ["n", "Literal"] | ["a", _, "Literal"], inner]:
                parts = inner[1] if inner[0] == "t" else [inner]
                return together([CONSTANTS.get(each[1], UNKNOWN) if each[0] == "k" else "member" for each in parts])
            case ["i", ["n", "Final" | "Annotated"] | ["a", _, "Final" | "Annotated"], inner]:
                first = inner[1][0] if inner[0] == "t" and inner[1] else inner
                return self.annotated(module, scope, first, depth + 1)
            case ["i", ["n", "tuple" | "Tuple" | "frozenset" | "FrozenSet"] | ["a", _, "Tuple"], inner]:
                parts = [each for each in (inner[1] if inner[0] == "t" else [inner]) if each[1:2] != ["ellipsis"]]
                held = together([self.annotated(module, scope, each, depth + 1) for each in parts])
                return f"parts of {held}"
            case ["i", ["n" | "a", *_] as base, inner]:
                kind = self.annotated(module, scope, base, depth + 1)
                if kind not in {"list", "dict", "set"}:
                    return kind
                last = inner[1][-1] if inner[0] == "t" and inner[1] else inner
                held = self.annotated(module, scope, last, depth + 1)
                return kind if held == UNKNOWN else f"{kind} of {held}"
            case ["k", "str", str() as text]:
                first, *others = text.split(".")
                named: Shape = ["n", first]
                for each in others:
                    named = ["a", named, each]
                return self._named(module, scope, named)
            case ["n" | "a", *_]:
                return self._named(module, scope, shape)
            case _:
                return UNKNOWN

    def _named(self, module: Module, scope: int, shape: Shape) -> str:
        dotted = module.dotted(scope, shape)
        if dotted is None:
            return UNKNOWN
        if self.program.is_own(dotted):
            owner = class_of(self.program, module, scope, shape)
            if owner is None:
                return UNKNOWN
            if is_enumeration(self.program, owner):
                return "member" if _compares_by_itself(owner) else UNKNOWN
            return "record" if self.is_record(owner) else UNKNOWN
        top, _, rest = dotted.partition(".")
        return _NAMED.get(rest.rpartition(".")[2], UNKNOWN) if top in _WELL_KNOWN else UNKNOWN

    def is_record(self, owner: Scope) -> bool:
        """Tell whether the instances of a class are named tuples, or frozen, of values that nobody can change."""
        key = owner.module.path, owner.number
        if key not in self._records:
            self._records[key] = True  # of one that holds others of its class, it is for the rest to say
            self._records[key] = self._is_record(owner)
        return self._records[key]

    def _is_record(self, owner: Scope) -> bool:
        module = owner.module
        tuples = any(module.dotted(owner.parent, base) == "typing.NamedTuple" for base in owner.bases)
        if not tuples and (owner.bases or not any(_is_frozen(module, each) for each in owner.decorators)):
            return False
        binds = module.facts["binds"][owner.number]
        fields = [
            (name, each[1])
            for name, records in binds.items()
            for each in records[:1]
            if each[0] in {"declared", "assign"}
        ]
        if _goes_around(owner):
            return False
        declared = all(each[0][0] in {"declared", "def"} for each in binds.values())
        return declared and all(is_immutable(self.annotated(module, owner.number, shape)) for _, shape in fields)


def _is_frozen(module: Module, decorator: Shape) -> bool:
    """Tell whether a decorator is `@dataclass(frozen=True)`."""
    if decorator[0] != "c":
        return False
    call = module.call(decorator[1])
    frozen = next((each.shape for each in call.arguments if each.keyword == "frozen"), None)
    return module.dotted(call.scope, call.function) == "dataclasses.dataclass" and frozen == ["k", "bool", "True"]


def is_frozen(owner: Scope) -> bool:
    """Tell whether the fields of a class cannot be assigned to: it is a frozen dataclass."""
    return any(_is_frozen(owner.module, each) for each in owner.decorators)


def _compares_by_itself(owner: Scope) -> bool:
    """Tell whether the members of an enumeration are told apart as Python does."""
    return {"__eq__", "__hash__"}.isdisjoint(owner.module.facts["binds"][owner.number])


def _goes_around(owner: Scope) -> bool:
    """Tell whether a class changes its frozen instances all the same: `object.__setattr__(self, "name", value)`."""
    inside = owner.module.inside(owner.number)
    reads = owner.module.facts["attribute_reads"].get("__dict__", ())
    return any(record[2] in inside for record in reads) or any(
        call.scope in inside for call in owner.module.calls_named("__setattr__")
    )
