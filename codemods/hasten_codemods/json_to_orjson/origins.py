"""Where a value comes from, followed backwards, to see whether anything in it lies outside of I-JSON."""

from __future__ import annotations

from typing import Any

from hasten.api import Module, Program, Scope

Shape = list[Any]

#: A value is followed back through so many assignments, calls and attributes, and to so many places.
_FARTHEST = 8
_MOST = 400
_BITS = 63

_NATIVE = ("datetime.", "uuid.", "pendulum.", "arrow.")
_ENUMS = frozenset({"enum.Enum", "enum.Flag"})
_TUPLES = frozenset(
    {"typing.NamedTuple", "collections.namedtuple", "builtins.tuple", "builtins.float", "typing_extensions.NamedTuple"}
)
_NON_FINITE = frozenset({"math.nan", "math.inf", "numpy.nan", "numpy.inf"})
#: Functions that make integers of any size; `int(digest, 16)` is another.
_GROWING = frozenset({"factorial", "from_bytes", "getrandbits", "randbits"})
_TUPLE_MAKERS = frozenset(
    {
        "urllib.parse.urlsplit",
        "urllib.parse.urlparse",
        "shutil.disk_usage",
        "time.gmtime",
        "time.localtime",
        "time.strptime",
        "os.stat",
        "os.lstat",
        "os.uname",
        "os.times",
        "os.get_terminal_size",
        "shutil.get_terminal_size",
        "platform.uname",
    }
)
_WRAPPERS = frozenset(
    {
        "builtins.list",
        "builtins.dict",
        "builtins.tuple",
        "builtins.sorted",
        "builtins.reversed",
        "copy.copy",
        "copy.deepcopy",
    }
)
_FILLERS = frozenset({"append", "add", "insert", "extend", "update", "setdefault"})
_OVERRIDING = ("items", "__iter__", "keys", "__getitem__")


class Origins:
    """Look back from one value."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self.program = program
        self.found: dict[str, str] = {}
        self._seen: set[tuple[object, ...]] = set()

    def of(self, module: Module, scope: int, shape: Shape) -> dict[str, str]:
        """Return, by hazard code, a sentence about what was found on the way to the value."""
        self.found = {}
        self._seen = set()
        self._walk(module, scope, shape, 0)
        return self.found

    def _note(self, code: str, what: str, module: Module, start: int) -> None:
        self.found.setdefault(code, f"{what} can arrive here, from {module.path}:{module.position(start).line}")

    def _walk(self, module: Module, scope: int, shape: Shape, depth: int) -> None:
        if depth > _FARTHEST or len(self._seen) > _MOST:
            return
        match shape:
            case ["k", "float", "inf" | "nan"]:
                self._note("JSON005", "NaN or infinity", module, module.scope(scope).span.start)
            case ["k", "int", None]:
                self._note("JSON006", "an integer beyond 64 bits", module, module.scope(scope).span.start)
            case ["o", operator, left, right]:
                if _is_big(operator, left, right):
                    self._note("JSON006", "an integer beyond 64 bits", module, module.scope(scope).span.start)
                self._walk(module, scope, left, depth + 1)
                self._walk(module, scope, right, depth + 1)
            case ["d", pairs]:
                for key, value in pairs:
                    if key is not None:
                        self._walk(module, scope, key, depth + 1)
                    self._walk(module, scope, value, depth + 1)
            case ["l" | "t" | "?" | "b", parts]:
                for each in parts:
                    self._walk(module, scope, each, depth + 1)
            case ["g", _, inner] | ["w", inner] | ["u", _, inner] | ["i", inner, _]:
                self._walk(module, scope, inner, depth + 1)
            case ["n", name]:
                self._name(module, scope, name, depth)
            case ["a", base, name]:
                self._attribute(module, scope, base, name, depth)
            case ["c", int() as index]:
                self._call(module, index, depth)
            case _:
                return

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
            if binding.kind in {"assign", "for", "with", "aug", "unpack"} and binding.payload is not None:
                self._walk(module, owner, binding.payload, depth + 1)
            elif binding.kind == "import":
                self._imported(module, binding.payload, depth)
            elif binding.kind == "param":
                self._parameter(module, module.scope(owner), name, binding.payload, depth)
        for base, key, value, where in module.facts["item_stores"]:
            if base == ["n", name] and module.lookup(where, name) == found:
                self._walk(module, where, key, depth + 1)
                if value is not None:
                    self._walk(module, where, value, depth + 1)
        for read in module.reads(owner, name):
            if read.use[0] == "meth" and read.use[1] in _FILLERS:
                for argument in module.call(read.use[2]).arguments:
                    self._walk(module, read.scope, argument.shape, depth + 1)

    def _imported(self, module: Module, number: int, depth: int) -> None:
        """Look at a constant of another module."""
        dotted = module.import_target(module.imports()[number])
        owner = self.program.owner_of(dotted)
        if dotted in _NON_FINITE:
            self._note("JSON005", "NaN or infinity", module, module.imports()[number].start)
        elif owner is not None:
            self._walk(owner[0], 0, ["n", owner[1]], depth + 1)

    def _parameter(self, module: Module, function: Scope, name: str, number: int, depth: int) -> None:
        default = function.parameters[number][3]
        if default is not None:
            self._walk(module, function.parent, default, depth + 1)
        if function.kind == "function":
            for call, shape in self.program.arguments_for(function, name):
                self._walk(call.module, call.scope, shape, depth + 1)

    def _attribute(self, module: Module, scope: int, base: Shape, name: str, depth: int) -> None:
        dotted = module.dotted(scope, ["a", base, name]) or ""
        owner = self.program.resolve(dotted.rpartition(".")[0]) if "." in dotted else None
        if owner is not None and owner.kind == "class":
            if self._derives_from(owner, _ENUMS):
                self._note("JSON008", f"a member of the Enum `{owner.name}`", owner.module, owner.span.start)
            return
        if dotted in _NON_FINITE:
            self._note("JSON005", "NaN or infinity", module, module.scope(scope).span.start)
            return
        constant = self.program.owner_of(dotted)
        if constant is not None:
            self._walk(constant[0], 0, ["n", constant[1]], depth + 1)
        if name == "int":
            self._note("JSON006", "an integer of 128 bits, as of a UUID,", module, module.scope(scope).span.start)
        if not self._once("attribute", name):
            return
        for other in self.program.modules:
            for _base, value, where, _start in other.facts["attribute_stores"].get(name, ()):
                if value is not None:
                    self._walk(other, where, value, depth + 1)

    def _call(self, module: Module, index: int, depth: int) -> None:
        call = module.call(index)
        dotted = self.program.dotted(module, call.scope, call.function) or ""
        start = call.span.start
        if dotted == "builtins.float":
            first = call.argument(0)
            if (
                first is not None
                and first.shape[:2] == ["k", "str"]
                and str(first.shape[2]).strip().lower().lstrip("+-") in {"nan", "inf", "infinity"}
            ):
                self._note("JSON005", "NaN or infinity", module, start)
        elif dotted.startswith(_NATIVE) and call.tail not in {
            "isoformat",
            "strftime",
            "timestamp",
            "total_seconds",
            "hex",
        }:
            self._note("JSON008", f"a value made by `{dotted}`", module, start)
        elif call.tail in _GROWING or (dotted == "builtins.int" and len(call.arguments) > 1):
            self._note("JSON006", f"an integer of any size, from `{call.tail}`,", module, start)
        elif dotted in _TUPLE_MAKERS or call.tail in {"timetuple", "utctimetuple"}:
            self._note("JSON007", f"the named tuple that `{call.tail}` gives", module, start)
        elif dotted in _WRAPPERS:
            for argument in call.arguments:
                self._walk(module, call.scope, argument.shape, depth + 1)
        else:
            self._own(call.module, index, depth)

    def _own(self, module: Module, index: int, depth: int) -> None:
        """Look at a call of one of the program's own classes or functions."""
        call = module.call(index)
        target, _ = self.program.target_of(call)
        if target is None:
            found = module.lookup(call.scope, call.function[1]) if call.function[0] == "n" else None
            values = (
                [each.payload for each in found[1] if each.kind == "assign" and each.payload is not None]
                if found
                else []
            )
            if any(each[0] == "c" and module.call(each[1]).tail in {"namedtuple", "NamedTuple"} for each in values):
                self._note("JSON007", f"a named tuple, `{call.tail}`,", module, call.span.start)
            return
        if target.kind == "class":
            self._instance(target)
        elif self._once("function", target.module.path, target.number):
            for shape in target.returned:
                self._walk(target.module, target.number, shape, depth + 1)

    def _instance(self, target: Scope) -> None:
        module, start = target.module, target.span.start
        decorators = [
            module.dotted(target.parent, module.call(each[1]).function if each[0] == "c" else each)
            for each in target.decorators
        ]
        if "dataclasses.dataclass" in decorators:
            self._note("JSON008", f"the dataclass `{target.name}`", module, start)
        if self._derives_from(target, _ENUMS):
            self._note("JSON008", f"a member of the Enum `{target.name}`", module, start)
        if self._derives_from(target, _TUPLES):
            self._note("JSON007", f"the tuple or number class `{target.name}`", module, start)
        if self._derives_from(target, frozenset({"builtins.dict", "builtins.list", "collections.OrderedDict"})) and any(
            module.bindings(target.number, each) for each in _OVERRIDING
        ):
            self._note("JSON007", f"the collection `{target.name}`, which overrides how it is read,", module, start)

    def _derives_from(self, target: Scope, names: frozenset[str], depth: int = 0) -> bool:
        for base in target.bases:
            shape = target.module.call(base[1]).function if base[0] == "c" else base
            dotted = target.module.dotted(target.parent, shape) or ""
            if dotted in names:
                return True
            found = self.program.resolve(dotted) if dotted else None
            if (
                found is not None
                and found.kind == "class"
                and depth < _FARTHEST
                and self._derives_from(found, names, depth + 1)
            ):
                return True
        return False


def _is_big(operator: str, left: Shape, right: Shape) -> bool:
    if left[:2] != ["k", "int"] or right[:2] != ["k", "int"] or left[2] is None or right[2] is None:
        return False
    base, exponent = int(left[2]), int(right[2])
    if operator == "Pow":
        return base > 1 and exponent * (base.bit_length() - 1) >= _BITS
    return operator == "LShift" and base > 0 and exponent + base.bit_length() > _BITS
