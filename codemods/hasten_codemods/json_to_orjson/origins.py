"""Where a value comes from, followed backwards, to see whether anything in it lies outside of I-JSON."""

from __future__ import annotations

from typing import Any

from hasten.api import Argument, Call, Module, Program, Scope
from hasten_codemods.json_to_orjson import floatkeys, kinds, tables, tuples

Shape = list[Any]

#: Comprehensions of one kind in one scope that are looked at for one of them.
_NEAREST = 2
#: A value is followed back through so many assignments, calls and attributes, and to so many places.
_FARTHEST = 12
_MOST = 2000

_NATIVE = ("datetime.", "uuid.", "pendulum.", "arrow.")
#: Methods of such values that give text or a number.
_PLAIN_METHODS = frozenset({"isoformat", "strftime", "timestamp", "total_seconds", "hex"})
#: Functions that make integers of any size; `int(digest, 16)` is another.
_GROWING = frozenset({"factorial", "from_bytes", "getrandbits", "randbits"})
#: Calls that hand on the parts of their arguments in a collection of their own.
_WRAPPERS = frozenset(
    {
        "builtins.list",
        "builtins.dict",
        "builtins.tuple",
        "builtins.sorted",
        "builtins.reversed",
        "builtins.set",
        "builtins.iter",
        "builtins.zip",
        "builtins.enumerate",
        "builtins.filter",
        "itertools.chain",
        "itertools.islice",
        "collections.OrderedDict",
        "collections.defaultdict",
    }
)
_COPIES = frozenset({"copy.copy", "copy.deepcopy", "builtins.next", "builtins.max", "builtins.min"})
#: Calls of a function for each of many values.
_MAPS = frozenset({"builtins.map", "itertools.starmap"})
_BIG_ATTRIBUTES = {"int": "an integer of 128 bits, as of a UUID,", "num_addresses": "the size of a network"}
#: Methods of one name that are looked at where it is not known which of them is called.
_FEW = 3
#: Methods of built-in types, which say nothing about the class.
_COMMON = frozenset(name for kind in (dict, list, set, str, bytes, tuple, int, float) for name in dir(kind))
_FILLERS = frozenset({"append", "add", "insert", "extend", "update", "setdefault"})


class Origins:
    """Look back from values of one program; each value is looked at once."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self._program = program
        self._known: dict[tuple[str, int, int], dict[str, str]] = {}

    def of(self, module: Module, scope: int, argument: Argument) -> dict[str, str]:
        """Return, by hazard code, a sentence about what was found on the way to an argument's value."""
        key = (module.path, argument.span.start, argument.span.end)
        if key not in self._known:
            walk = _Walk(self._program)
            walk.step(module, scope, argument.shape, 0, argument.span.start)
            self._known[key] = walk.found
        return self._known[key]


class _Walk:
    """The way back from one value.

    Attributes:
        found: a sentence about what was found, by hazard code.
        _inside: the functions whose results are looked at, outermost first.
        _displays: how many collections stand around what is looked at.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.found: dict[str, str] = {}
        self._seen: set[tuple[object, ...]] = set()
        self._inside: list[Scope] = []
        self._displays = 0

    def _note(self, code: str, what: str, module: Module, start: int) -> None:
        self.found.setdefault(code, f"{what} can arrive here, from {module.path}:{module.position(start).line}")

    def step(self, module: Module, scope: int, shape: Shape, depth: int, at: int) -> None:
        """Look at one value: what it is made of at offset `at`, and where that comes from."""
        if depth > _FARTHEST or len(self._seen) > _MOST:
            self.found.setdefault(
                "JSON020",
                f"what arrives here was followed back as far as {module.path}:{module.position(at).line}, "
                "and no farther",
            )
            return
        match shape:
            case ["k", "float", "inf" | "nan"]:
                self._note("JSON005", "NaN or infinity", module, at)
            case ["k", "int", None]:
                self._note("JSON006", "an integer beyond 64 bits", module, at)
            case ["o", _, left, right]:
                self.step(module, scope, left, depth, at)
                self.step(module, scope, right, depth, at)
            case ["d", pairs]:
                for key, value in pairs:
                    if key is not None:
                        self._key(module, scope, key, at)
                        self.step(module, scope, key, depth, at)
                    self._part(module, scope, value, depth, at)
            case ["l" | "t", parts]:
                for each in parts:
                    self._part(module, scope, each, depth, at)
            case ["?" | "b", parts]:
                for each in parts:
                    self.step(module, scope, each, depth, at)
            case ["g", kind, inner]:
                for number in floatkeys.comprehensions(module, scope, shape, at)[:_NEAREST]:
                    if kind == "DictComp":
                        self._key(module, number, inner[1][0], at)
                    self._part(module, number, inner, depth, at)
            case ["i", inner, _] if self._named_tuple(module, scope, inner):
                return
            case ["w", inner] | ["u", _, inner] | ["i", inner, _]:
                self.step(module, scope, inner, depth, at)
            case ["n", name]:
                self._name(module, scope, name, depth)
            case ["a", base, name]:
                self._attribute(module, scope, base, name, depth, at)
            case ["c", int() as index]:
                self._call(module, index, depth)
            case _:
                return

    def _part(self, module: Module, scope: int, shape: Shape, depth: int, at: int) -> None:
        """Look at what a collection holds."""
        self._displays += 1
        self.step(module, scope, shape, depth, at)
        self._displays -= 1

    def _key(self, module: Module, scope: int, key: Shape, at: int) -> None:
        if kinds.is_float_key(self.program, module, scope, key):
            self._note("JSON021", "a key that is a float", module, at)
        if key[0] == "k" and key[1] in {"int", "float", "bool", "NoneType"}:
            self._note("JSON009", "a key that is not text", module, at)

    def _named_tuple(self, module: Module, scope: int, shape: Shape) -> str:
        """Return the name of what gives a named tuple, where the shape itself is one; its parts are plain values."""
        if shape[0] == "a":
            dotted = module.dotted(scope, shape) or ""
            return dotted if dotted in tuples.CONSTANTS else ""
        if shape[0] != "c":
            return ""
        call = module.call(shape[1])
        dotted = kinds.callee(self.program, module, call.scope, call.function)
        own = self.program.target_of(call)[0] is not None
        if dotted in tuples.ONE or (call.tail in tuples.METHODS and call.function[0] == "a" and not own):
            return call.tail
        return call.tail if kinds.is_tuple_class(self.program, module, call.scope, call.function) else ""

    def _once(self, *key: object) -> bool:
        if key in self._seen:
            return False
        self._seen.add(key)
        return True

    def _name(self, module: Module, scope: int, name: str, depth: int) -> None:
        found = module.lookup(scope, name)
        if found is None or not self._once("name", module.path, found[0], name):
            return
        owner, bindings = found
        for binding in bindings:
            if binding.payload is not None and "L" in binding.nest and binding.kind in {"assign", "unpack"}:
                self._grown(module, binding.scope, name, binding.kind, binding.payload, binding.start)
            if binding.kind in {"assign", "for", "with", "aug", "unpack"} and binding.payload is not None:
                self.step(module, binding.scope, binding.payload, depth + 1, binding.start)
            elif binding.kind == "import":
                self._imported(module, binding.payload, depth)
            elif binding.kind == "param":
                self._parameter(module, module.scope(owner), name, binding.payload, depth)
        for base, key, value, where in module.facts["item_stores"]:
            if base == ["n", name] and module.lookup(where, name) == found:
                self._item(module, where, key, value, depth)
        for read in module.reads(owner, name):
            if read.use[0] == "meth" and read.use[1] in _FILLERS:
                for argument in module.call(read.use[2]).arguments:
                    self._part(module, read.scope, argument.shape, depth + 1, argument.span.start)
            elif read.use[:2] == ["meth", "move_to_end"]:
                self._note("JSON007", "an OrderedDict in another order than its `dict` holds", module, read.span.start)

    def _item(self, module: Module, scope: int, key: Shape, value: Shape | None, depth: int) -> None:
        start = module.scope(scope).span.start
        self._key(module, scope, key, start)
        self.step(module, scope, key, depth + 1, start)
        if value is not None:
            self._part(module, scope, value, depth + 1, start)

    def _grown(self, module: Module, scope: int, name: str, kind: str, value: Shape, start: int) -> None:
        """Look at what a loop makes of a variable: a value that holds its last one, or a sum of it and another."""
        match value:
            case ["d" | "l" | "t", _] if kind == "assign" and _holds(value, name):
                self._note("JSON017", "a value that a loop nests into itself", module, start)
            case ["c", int() as index]:
                call = module.call(index)
                target, _ = self.program.target_of(call)
                given = any(_holds(each.shape, name) for each in call.arguments)
                if given and target is not None and any(_nests(target, each) for each in target.returned):
                    self._note("JSON017", "a value that a loop nests into itself", module, start)
            case ["t", parts] if kind == "unpack" and any(
                each[:2] == ["o", "Add"] and {each[2][0], each[3][0]} == {"n"} and ["n", name] in each[2:]
                for each in parts
            ):
                self._note("JSON006", "an integer that a loop lets grow", module, start)
            case ["o", "Mult" | "LShift" | "Pow", left, right] if ["n", name] in (left, right) and not any(
                kinds.is_float(self.program, module, scope, each) for each in (left, right)
            ):
                self._note("JSON006", "an integer that a loop lets grow", module, start)
            case _:
                return

    def _imported(self, module: Module, number: int, depth: int) -> None:
        """Look at a constant of another module."""
        dotted = module.import_target(module.imports()[number])
        owner = self.program.owner_of(dotted)
        if dotted in kinds.NON_FINITE:
            self._note("JSON005", "NaN or infinity", module, module.imports()[number].start)
        elif owner is not None:
            self.step(owner[0], 0, ["n", owner[1]], depth + 1, 0)

    def _parameter(self, module: Module, function: Scope, name: str, number: int, depth: int) -> None:
        default = function.parameters[number][3]
        if default is not None:
            self.step(module, function.parent, default, depth + 1, function.span.start)
        if function.kind == "function":
            for call, shape in self.program.arguments_for(function, name):
                self.step(call.module, call.scope, shape, depth + 1, call.span.start)

    def _attribute(self, module: Module, scope: int, base: Shape, name: str, depth: int, at: int) -> None:
        dotted = module.dotted(scope, ["a", base, name]) or ""
        owner = self.program.resolve(dotted.rpartition(".")[0]) if "." in dotted else None
        if owner is not None and owner.kind == "class":
            if kinds.is_enum(self.program, owner):
                self._note("JSON008", f"a member of the Enum `{owner.name}`", owner.module, owner.span.start)
            return
        if dotted in kinds.NON_FINITE:
            self._note("JSON005", "NaN or infinity", module, at)
            return
        if dotted in tuples.CONSTANTS:
            self._note("JSON007", f"the named tuple `{dotted}`", module, at)
            return
        if dotted in tuples.FOREIGN_MAPPINGS:
            self._note("JSON007", f"`{dotted}`, which shows other things than its `dict` holds,", module, at)
            return
        constant = self.program.owner_of(dotted)
        if constant is not None:
            self.step(constant[0], 0, ["n", constant[1]], depth + 1, 0)
        if name in _BIG_ATTRIBUTES:
            self._note("JSON006", _BIG_ATTRIBUTES[name], module, at)
        if not self._once("attribute", name):
            return
        for other in self.program.modules_with("attribute_stores", name):
            for _base, value, where, start in other.facts["attribute_stores"][name]:
                if value is not None:
                    self.step(other, where, value, depth + 1, start)
        for other in self.program.modules_with("item_stores", name):
            for stored, key, value, where in other.facts["item_stores"]:
                if stored[0] == "a" and stored[2] == name:
                    self._item(other, where, key, value, depth)
        for read in self.program.attribute_reads(name, want=False):
            if read.use[:2] == ["meth", "move_to_end"]:
                what = "an OrderedDict in another order than its `dict` holds"
                self._note("JSON007", what, read.module, read.span.start)

    def _call(self, module: Module, index: int, depth: int) -> None:
        call = module.call(index)
        dotted = kinds.callee(self.program, module, call.scope, call.function)
        start = call.span.start
        named = self._named_tuple(module, call.scope, ["c", index])
        if dotted == "builtins.float":
            if kinds.makes_non_finite(call):
                self._note("JSON005", "NaN or infinity", module, start)
        elif dotted.startswith(_NATIVE) and call.tail not in _PLAIN_METHODS:
            self._native(dotted, module, start)
        elif call.tail in _GROWING or (dotted == "builtins.int" and len(call.arguments) > 1):
            self._note("JSON006", f"an integer of any size, from `{call.tail}`,", module, start)
        elif named or dotted in tuples.MANY or call.tail in tuples.METHODS_OF_MANY:
            self._note("JSON007", f"the named tuple that `{named or call.tail}` gives", module, start)
        elif dotted in tuples.FOREIGN_MAPPINGS:
            self._note("JSON007", f"a `{call.tail}`, which shows other things than its `dict` holds,", module, start)
        elif dotted in _MAPS and call.arguments:
            self._mapped(module, call, depth)
        elif dotted in _WRAPPERS or dotted in _COPIES or dotted.startswith("copy."):
            for argument in call.arguments:
                # `list(p)` of a named tuple is a list of its parts.
                if dotted in _COPIES or not self._named_tuple(module, call.scope, argument.shape):
                    self.step(module, call.scope, argument.shape, depth + 1, argument.span.start)
        else:
            self._own(module, index, depth)

    def _mapped(self, module: Module, call: Call, depth: int) -> None:
        """Look at what `map(function, ...)` gives: the results of a function that is only named."""
        self._given(module, call.scope, call.arguments[0].shape, depth, call)
        for argument in call.arguments[1:]:
            self.step(module, call.scope, argument.shape, depth + 1, argument.span.start)

    def _given(self, module: Module, scope: int, function: Shape, depth: int, call: Call) -> None:
        """Look at what a function gives that `call` only names: in the arguments of `map`, or in a table."""
        dotted = kinds.callee(self.program, module, scope, function)
        target = self.program.definition(dotted) if dotted else None
        start = call.span.start
        if dotted in tuples.ONE or kinds.is_tuple_class(self.program, module, scope, function):
            self._note("JSON007", f"the named tuple that `{function[-1]}` gives", call.module, start)
        elif dotted.startswith(_NATIVE):
            self._native(dotted, call.module, start)
        elif target is not None:
            self._result(target, depth)
        elif function[0] == "m":
            for shape in module.scope(function[1]).returned:
                self.step(module, function[1], shape, depth + 1, module.scope(function[1]).span.start)

    def _native(self, dotted: str, module: Module, at: int) -> None:
        if dotted.rpartition(".")[2] not in _PLAIN_METHODS:
            self._note("JSON008", f"a value made by `{dotted}`", module, at)

    def _own(self, module: Module, index: int, depth: int) -> None:
        """Look at a call of one of the program's own classes or functions."""
        call = module.call(index)
        target, known = self.program.target_of(call)
        if target is None:
            dotted = module.dotted(call.scope, call.function)
            if dotted is not None:
                self.program.want_home(dotted)
            if call.function[0] in {"i", "c", "n"} and not known:
                for owner, scope, function in tables.functions(self.program, module, call.scope, call.function):
                    self._given(owner, scope, function, depth, call)
            # `self.next.to_dict()` inside `to_dict`: which class it is of cannot be told, but its name says enough.
            if call.function[0] == "a" and any(each.name == call.tail for each in self._inside):
                self._recursion(call)
            elif call.function[0] == "a" and not known and call.tail not in _COMMON:
                self._guessed(call, depth)
            return
        if target in self._inside:
            self._recursion(call)
        self._result(target, depth)

    def _guessed(self, call: Call, depth: int) -> None:
        """Look at the methods that a call on an unknown object may reach, where there are few of the name."""
        methods = [
            each
            for each in self.program.definitions(call.tail, want=False)
            if each.kind == "function" and each.parent >= 0 and each.module.scope(each.parent).kind == "class"
        ]
        if len(methods) <= _FEW:
            for each in methods:
                self._result(each, depth)

    def _recursion(self, call: Call) -> None:
        """Note a function whose result holds another result of its own, unless it only walks what it is given."""
        if self._displays and not _walks_its_argument(call):
            self._note("JSON017", f"what `{call.tail}` nests into its own result", call.module, call.span.start)

    def _result(self, target: Scope, depth: int) -> None:
        if target.kind == "class":
            self._instance(target)
        elif self._once("function", target.module.path, target.number):
            outer, self._displays = self._displays, 0
            self._inside.append(target)
            for shape in target.returned:
                self.step(target.module, target.number, shape, depth + 1, target.span.start)
            self._inside.pop()
            self._displays = outer

    def _instance(self, target: Scope) -> None:
        module, start = target.module, target.span.start
        decorators = [
            module.dotted(target.parent, module.call(each[1]).function if each[0] == "c" else each)
            for each in target.decorators
        ]
        if "dataclasses.dataclass" in decorators:
            self._note("JSON008", f"the dataclass `{target.name}`", module, start)
        if kinds.is_enum(self.program, target):
            self._note("JSON008", f"a member of the Enum `{target.name}`", module, start)
        if kinds.is_tuple(self.program, target):
            self._note("JSON007", f"the tuple or number class `{target.name}`", module, start)
        if kinds.is_other_collection(self.program, target):
            self._note("JSON007", f"the collection `{target.name}`, which overrides how it is read,", module, start)


def _holds(shape: Any, name: str) -> bool:  # noqa: ANN401 - a shape, or none for the key of `**`
    """Tell whether a display holds a variable, itself or in displays of its own."""
    match shape:
        case ["n", each]:
            return bool(each == name)
        case ["d", pairs]:
            return any(_holds(value, name) for _, value in pairs)
        case ["l" | "t" | "?", parts]:
            return any(_holds(each, name) for each in parts)
        case _:
            return False


def _nests(function: Scope, shape: Shape) -> bool:
    """Tell whether what a function returns is a display that holds one of its parameters."""
    return shape[0] in {"d", "l", "t"} and any(_holds(shape, each[0]) for each in function.parameters)


def _walks_its_argument(call: Call) -> bool:
    """Tell whether a function calls itself with the parts of its own parameter: its result is as deep as that is.

    `{k: plain(v) for k, v in value.items()}` inside `plain(value)` is such a walk. The parts of an object, such as
    `[tree(child) for child in node.children]`, are not: what links objects is no document.
    """
    module = call.module
    function = module.enclosing(call.scope, "function")
    if function is None or not call.arguments or call.function[0] == "a":
        return False
    parameters = {each[0] for each in function.parameters}
    for argument in call.arguments:
        if argument.shape[0] == "n" and argument.shape[1] in parameters:
            continue
        if argument.shape[0] == "i" and argument.shape[1][0] == "n" and argument.shape[1][1] in parameters:
            continue
        found = module.lookup(call.scope, argument.shape[1]) if argument.shape[0] == "n" else None
        walked = [_iterated(module, each.payload) for each in found[1] if each.payload] if found else []
        if not walked or not all(each in parameters for each in walked):
            return False
    return True


def _iterated(module: Module, shape: Shape) -> str:
    """Return the name of the variable that a loop walks, by itself or through `.items()`, `enumerate` and the like."""
    match shape:
        case ["n", str() as name]:
            return name
        case ["c", int() as index]:
            call = module.call(index)
            if call.function[0] == "a" and call.tail in {"items", "values"}:
                return _iterated(module, call.function[1])
            if call.tail in {"enumerate", "sorted", "list"} and call.arguments:
                return _iterated(module, call.arguments[0].shape)
            return ""
        case _:
            return ""
