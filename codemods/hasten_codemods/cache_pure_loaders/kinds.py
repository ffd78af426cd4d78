"""What kind of value an expression gives, as far as the program shows.

A kind is a word, and what it holds behind ` of `: `list of str`. `unknown` is said where nothing is known. Kinds of
values that nobody can change are in `IMMUTABLE`; `parts` is a tuple, and as immutable as what is in it.
"""

from __future__ import annotations

from typing import Any

from hasten.api import Call, Module, Program, Scope
from hasten_codemods.cache_pure_loaders import tables

Shape = list[Any]

UNKNOWN = "unknown"
#: Nobody can change these.
IMMUTABLE = frozenset(
    {"str", "bytes", "int", "float", "bool", "none", "number", "path", "pattern", "match", "moment", "version", "text"}
    | {"function", "class", "code", "member", "ellipsis", "immutable", "module"}
)
#: These have no hash.
UNHASHABLE = frozenset({"list", "dict", "set", "json"})
#: Kinds of values that looking at does not change, so that following them tells whether they change.
FOLLOWED = frozenset({"list", "dict", "set", "json", "parts", "element", "object"})
_CONSTANTS = {"str": "str", "bytes": "bytes", "int": "int", "float": "float", "bool": "bool", "NoneType": "none"}
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
#: Kinds of containers that nothing is in yet.
_EMPTY = frozenset({"list of none", "dict of none", "set of none"})
_ENUMS = frozenset({"enum.Enum", "enum.StrEnum", "enum.IntEnum", "enum.Flag", "enum.IntFlag"})


def is_immutable(kind: str) -> bool:
    """Tell whether nobody can change a value of that kind, nor what it holds."""
    head, _, held = kind.partition(" of ")
    return kind in IMMUTABLE or (head == "parts" and is_immutable(held))


def parts_of(kind: str) -> str:
    """Return the kind of what a value of that kind holds."""
    head, _, held = kind.partition(" of ")
    if head in {"str", "text", "file"}:
        return "str" if head == "str" else "text"
    return head if head in {"json", "object"} else held or ("bytes" if head == "bytes" else UNKNOWN)


def together(kinds: list[str]) -> str:
    """Return the kind of a value that is of one of these."""
    left = [each for each in dict.fromkeys(kinds) if each != "none"]
    if not left:
        return "none" if kinds else UNKNOWN
    if len(left) == 1:
        return left[0]
    if {*left} <= {"str", "bytes", "text"}:
        return "text"
    return "immutable" if all(is_immutable(each) for each in left) else UNKNOWN


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
            owner = _class_of(program, module, scope, shape)
            if owner is not None and is_enumeration(program, owner):
                binds = owner.module.facts["binds"][owner.number]
                return len([name for name, each in binds.items() if name[:1] != "_" and each[0][0] == "assign"])
        case _:
            pass
    return None


def _class_of(program: Program, module: Module, scope: int, shape: Shape) -> Scope | None:
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


def is_exception(dotted: str) -> bool:
    """Tell whether a name is one of an exception."""
    return dotted.rpartition(".")[2].endswith(("Error", "Exception", "Warning"))


class Kinds:
    """Answers for one program."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self.program = program
        self._functions: dict[tuple[str, int], str] = {}

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
                return together([self.of(module, scope, each) for each in (inner[1] if inner[0] == "t" else [inner])])
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
                return _NAMED.get(text.rpartition(".")[2], UNKNOWN)
            case ["n" | "a", *_]:
                return self._named(module, scope, shape)
            case _:
                return UNKNOWN

    def _named(self, module: Module, scope: int, shape: Shape) -> str:
        dotted = module.dotted(scope, shape)
        if dotted is None:
            return UNKNOWN
        if self.program.is_own(dotted):
            owner = _class_of(self.program, module, scope, shape)
            if owner is None:
                return UNKNOWN
            if is_enumeration(self.program, owner):
                return "member"
            return "immutable" if self._is_record(owner) else UNKNOWN
        return _NAMED.get(dotted.rpartition(".")[2], UNKNOWN)

    def _is_record(self, owner: Scope) -> bool:
        """Tell whether the instances of a class are named tuples, or frozen, of values that nobody can change."""
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
        declared = all(each[0][0] in {"declared", "def"} for each in binds.values())
        return declared and all(is_immutable(self.annotated(module, owner.number, shape)) for _, shape in fields)

    def of(self, module: Module, scope: int, shape: Shape, depth: int = 0) -> str:
        """Return the kind of an expression."""
        if depth > _DEEPEST:
            return UNKNOWN
        match shape:
            case ["k", str(name), *_]:
                return _CONSTANTS.get(name, "ellipsis")
            case ["f", *_]:
                return "str"
            case ["l" | "s" | "t" as word, list(parts)]:
                held = together([self.of(module, scope, each, depth + 1) for each in parts])
                name = {"l": "list", "s": "set", "t": "parts"}[word]
                return (f"{name} of {held}" if held != UNKNOWN else name) if parts else f"{name} of none"
            case ["d", list(pairs)]:
                held = together([self.of(module, scope, value, depth + 1) for key, value in pairs if key is not None])
                spread = any(key is None for key, _ in pairs)
                if not pairs:
                    return "dict of none"
                return f"dict of {held}" if held != UNKNOWN and not spread else "dict"
            case ["g", str(word), element]:
                name = {"ListComp": "list", "SetComp": "set", "DictComp": "dict"}.get(word, "iterator")
                value = element[1][1] if word == "DictComp" and element[0] == "t" else element
                # Only a call says in which scope it stands.
                held = self.of(module, scope, value, depth + 1) if value[0] in {"k", "f", "c"} else UNKNOWN
                return name if held == UNKNOWN else f"{name} of {held}"
            case ["x", "Compare", *_] | ["u", "Not", _]:
                return "bool"
            case ["u", _, inner]:
                return self.of(module, scope, inner, depth + 1)
            case ["b" | "?", list(parts)]:
                return together([self.of(module, scope, each, depth + 1) for each in parts])
            case ["o", str(operator), left, right]:
                return self._operator(operator, *(self.of(module, scope, each, depth + 1) for each in (left, right)))
            case ["m", _]:
                return "function"
            case ["n", str(name)]:
                return self._name(module, scope, name, depth)
            case ["a", base, str(name)]:
                return self._attribute(module, scope, shape, base, name, depth)
            case ["i", base, index]:
                kind = self.of(module, scope, base, depth + 1)
                sliced = index[:2] == ["x", "Slice"]
                return kind if sliced else parts_of(kind)
            case ["c", int() as number]:
                return self.given_by(module.call(number), depth)
            case _:
                return UNKNOWN

    def _operator(self, operator: str, left: str, right: str) -> str:
        if operator == "Div" and "path" in {left, right}:
            return "path"
        if operator == "Mod" and left in {"str", "bytes", "text"}:
            return left
        if left == right:
            return "float" if operator == "Div" and left == "int" else left
        if operator == "Add" and {left, right} & {"str", "text"}:
            return "str"  # else it raises
        numbers = {"int", "float", "bool", "number"}
        return "number" if {left, right} <= numbers else UNKNOWN

    def _name(self, module: Module, scope: int, name: str, depth: int) -> str:
        found = module.lookup(scope, name)
        if found is None:
            return "str" if name in {"__file__", "__name__", "__package__"} else "immutable"
        owner, bindings = found
        kinds: list[str] = []
        for each in bindings:
            match each.kind:
                case "assign" if each.payload is not None:
                    kinds.append(self.of(module, each.scope, each.payload, depth + 1))
                case "for" if each.payload is not None:
                    kinds.append(parts_of(self.of(module, each.scope, each.payload, depth + 1)))
                case "with" if each.payload is not None:
                    kinds.append(self.of(module, each.scope, each.payload, depth + 1))
                case "unpack" if each.payload is not None:
                    kinds.append(parts_of(self.of(module, each.scope, each.payload, depth + 1)))
                case "aug" if each.payload is not None:
                    kinds.append(self.of(module, each.scope, each.payload, depth + 1))
                case "param":
                    kinds.append(self.parameter(module.scope(owner), name, depth + 1))
                case "def":
                    kinds.append("function")
                case "class":
                    kinds.append("class")
                case "import":
                    kinds.append(self._imported(module, scope, name, depth))
                case "declared" | "del" | "global" | "nonlocal":
                    pass
                case "except":
                    kinds.append("object")
                case _:
                    kinds.append(UNKNOWN)
        kind = together(kinds)
        if kind in _EMPTY:
            kind = self._filled(module, owner, name, kind.partition(" ")[0], depth)
        if UNKNOWN in kind.split():
            for each in bindings:
                if each.kind == "declared":
                    return self.annotated(module, each.scope, each.payload)
        return kind

    def _filled(self, module: Module, owner: int, name: str, head: str, depth: int) -> str:
        """Return the kind of a variable that begins as an empty container, by what is put into it."""
        kinds = [
            self.of(module, scope, value, depth + 1) if value is not None else UNKNOWN
            for base, _key, value, scope in module.facts["item_stores"]
            if base == ["n", name] and self._is_of(module, scope, name, owner)
        ]
        for read in module.reads(owner, name):
            match read.use:
                case ["meth", "append" | "add", int() as index]:
                    given = module.call(index).argument(0)
                    kinds.append(self.of(module, read.scope, given.shape, depth + 1) if given is not None else UNKNOWN)
                case ["meth", "get" | "items" | "keys" | "values" | "pop" | "sort" | "index" | "count" | "copy", _]:
                    pass
                case ["meth" | "arg" | "asg" | "elem" | "asgattr" | "aug" | "multi" | "asgsub", *_]:
                    return head
                case _:
                    pass
        held = together(kinds)
        return head if held == UNKNOWN else f"{head} of {held}"

    def _is_of(self, module: Module, scope: int, name: str, owner: int) -> bool:
        found = module.lookup(scope, name)
        return found is not None and found[0] == owner

    def _imported(self, module: Module, scope: int, name: str, depth: int) -> str:
        dotted = module.dotted(scope, ["n", name])
        owner = self.program.owner_of(dotted) if dotted else None
        if owner is not None and owner[0].is_bound(0, owner[1]):
            return self._name(owner[0], 0, owner[1], depth + 1)
        return "module" if dotted is not None and not self.program.is_own(dotted) else UNKNOWN

    def parameter(self, function: Scope, name: str, depth: int = 0) -> str:
        """Return the kind of what a parameter is given: as annotated, else as all callers give it."""
        record = next((each for each in function.parameters if each[0] == name), None)
        if record is None or record[1] in {"*", "**"}:
            return "parts" if record is not None and record[1] == "*" else UNKNOWN
        if record[2] is not None:
            return self.annotated(function.module, function.parent, record[2])
        if depth > _DEEPEST or function.kind != "function":
            return UNKNOWN
        calls = self.program.callers(function)
        if not calls or not all(certain for _, certain in calls) or self.program.references(function):
            return UNKNOWN
        kinds = [self.of(function.module, function.parent, record[3], depth + 1)] if record[3] is not None else []
        given = list(self.program.arguments_for(function, name))
        if len(given) < len(calls) and record[3] is None:
            return UNKNOWN
        if any(word in {"*", "**"} for call, _ in calls for word, *_ in call.record[4]):
            return UNKNOWN
        return together([*kinds, *(self.of(call.module, call.scope, shape, depth + 1) for call, shape in given)])

    def _attribute(self, module: Module, scope: int, shape: Shape, base: Shape, name: str, depth: int) -> str:
        dotted = module.dotted(scope, shape)
        if dotted is not None:
            if dotted in tables.CONSTANTS:
                return "immutable" if dotted.startswith(("sys.", "math.")) else "str"
            owner = self.program.owner_of(dotted)
            if owner is not None:
                return self._name(owner[0], 0, owner[1], depth + 1) if owner[0].is_bound(0, owner[1]) else UNKNOWN
            around = _class_of(self.program, module, scope, base)
            if around is not None and is_enumeration(self.program, around):
                return "member"
            return UNKNOWN if self.program.is_own(dotted) else "immutable"
        kind = self.of(module, scope, base, depth + 1)
        if kind == "object":
            return kind
        return tables.METHODS.get(kind, {}).get(name, UNKNOWN) if kind == "path" else UNKNOWN

    def given_by(self, call: Call, depth: int = 0) -> str:
        """Return the kind of what a call gives."""
        module, scope = call.module, call.scope
        dotted = self.program.dotted(module, scope, call.function) or ""
        kind = tables.PURE.get(dotted) or tables.READING.get(dotted) or tables.PACKAGED.get(dotted)
        if dotted in tables.RESOLVING:
            kind = "str"
        if kind is not None:
            return self._of_call(call, kind, depth)
        if dotted and self.program.is_own(dotted):
            target = self.program.target_of(call)[0]
            if target is not None and target.kind == "class":
                return "immutable" if self._is_record(target) else UNKNOWN
            return self.given_by_function(target, depth) if target is not None else UNKNOWN
        if call.function[0] != "a":
            return UNKNOWN
        receiver = self.of(module, scope, call.function[1], depth + 1)
        head = receiver.partition(" of ")[0]
        name = call.function[2]
        if head == "path" and name in tables.RESOLVING_METHODS:
            return "path"
        given = tables.METHODS.get("str" if head == "text" else head, {}).get(name)
        if given is None and head == "path":
            given = tables.LOOKING.get(name)
        if given in {"part", "iterator"}:
            return parts_of(receiver) if given == "part" else f"iterator of {parts_of(receiver)}"
        return receiver if given in {"list", "dict", "set"} and given == head else given or UNKNOWN

    def _of_call(self, call: Call, kind: str, depth: int) -> str:
        if kind not in {"copied", "part", "list", "set", "iterator"} or not call.arguments:
            return "parts of none" if kind == "copied" else kind
        first = parts_of(self.of(call.module, call.scope, call.arguments[0].shape, depth + 1))
        if kind == "part":
            return first
        name = "parts" if kind == "copied" else kind
        return name if first == UNKNOWN else f"{name} of {first}"

    def given_by_function(self, function: Scope, depth: int = 0) -> str:
        """Return the kind of what a function of the program gives."""
        key = function.module.path, function.number
        if key not in self._functions:
            self._functions[key] = UNKNOWN  # for itself, while it is looked at
            self._functions[key] = self._function(function, depth)
        return self._functions[key]

    def _function(self, function: Scope, depth: int) -> str:
        if function.kind != "function" or function.is_async or function.is_generator:
            return UNKNOWN
        seen = together([self.of(function.module, function.number, each, depth + 1) for each in function.returned])
        if not is_immutable(seen) and function.returns is not None:
            said = self.annotated(function.module, function.parent, function.returns)
            return said if seen == UNKNOWN or said.startswith(seen) or is_immutable(said) else seen
        return seen if function.returned else "none"


def _is_frozen(module: Module, decorator: Shape) -> bool:
    """Tell whether a decorator is `@dataclass(frozen=True)`."""
    if decorator[0] != "c":
        return False
    call = module.call(decorator[1])
    frozen = next((each.shape for each in call.arguments if each.keyword == "frozen"), None)
    return module.dotted(call.scope, call.function) == "dataclasses.dataclass" and frozen == ["k", "bool", "True"]
