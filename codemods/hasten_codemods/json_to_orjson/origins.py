"""Where a value comes from, followed backwards, to see whether anything in it lies outside of I-JSON."""

from __future__ import annotations

from typing import Any

from hasten.api import Argument, Module, Program, Scope
from hasten_codemods.json_to_orjson import kinds

Shape = list[Any]

#: A value is followed back through so many assignments, calls and attributes, and to so many places.
_FARTHEST = 12
_MOST = 2000

_NATIVE = ("datetime.", "uuid.", "pendulum.", "arrow.")
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
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.found: dict[str, str] = {}
        self._seen: set[tuple[object, ...]] = set()

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
                        self.step(module, scope, key, depth, at)
                    self.step(module, scope, value, depth, at)
            case ["l" | "t" | "?" | "b", parts]:
                for each in parts:
                    self.step(module, scope, each, depth, at)
            case ["g", _, inner] | ["w", inner] | ["u", _, inner] | ["i", inner, _]:
                self.step(module, scope, inner, depth, at)
            case ["n", name]:
                self._name(module, scope, name, depth)
            case ["a", base, name]:
                self._attribute(module, scope, base, name, depth, at)
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
                self.step(module, owner, binding.payload, depth + 1, binding.start)
            elif binding.kind == "import":
                self._imported(module, binding.payload, depth)
            elif binding.kind == "param":
                self._parameter(module, module.scope(owner), name, binding.payload, depth)
        for base, key, value, where in module.facts["item_stores"]:
            if base == ["n", name] and module.lookup(where, name) == found:
                start = module.scope(where).span.start
                self.step(module, where, key, depth + 1, start)
                if value is not None:
                    self.step(module, where, value, depth + 1, start)
        for read in module.reads(owner, name):
            if read.use[0] == "meth" and read.use[1] in _FILLERS:
                for argument in module.call(read.use[2]).arguments:
                    self.step(module, read.scope, argument.shape, depth + 1, argument.span.start)

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
        constant = self.program.owner_of(dotted)
        if constant is not None:
            self.step(constant[0], 0, ["n", constant[1]], depth + 1, 0)
        if name == "int":
            self._note("JSON006", "an integer of 128 bits, as of a UUID,", module, at)
        if not self._once("attribute", name):
            return
        for other in self.program.modules:
            for _base, value, where, start in other.facts["attribute_stores"].get(name, ()):
                if value is not None:
                    self.step(other, where, value, depth + 1, start)

    def _call(self, module: Module, index: int, depth: int) -> None:
        call = module.call(index)
        dotted = self.program.dotted(module, call.scope, call.function) or ""
        start = call.span.start
        if dotted == "builtins.float":
            if kinds.makes_non_finite(call):
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
                self.step(module, call.scope, argument.shape, depth + 1, argument.span.start)
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
                self.step(target.module, target.number, shape, depth + 1, target.span.start)

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
