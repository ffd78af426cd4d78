"""What is given to `connect` as the database: whether the program shows that it may be no text, bytes or `Path`.

`sqlite3` takes what `os.fspath` takes, and raises TypeError for the rest; aiosqlite makes text of whatever it gets, so
that `None` is the name of a file, and an object that knows its path (`os.DirEntry`) is opened by its `repr`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hasten.api import Call, Module, Program, Scope
from hasten_codemods.sqlite3_to_aiosqlite import blocks

#: A value is followed through so many variables, calls and attributes, one after the other.
_FARTHEST = 8
_NONE = frozenset({"None"})
_OTHER = frozenset({"other"})
_NOTHING = frozenset[str]()
_ENVIRONMENT = frozenset({"os.environ.get", "os.getenv"})
_NO_PATHS = frozenset(f"builtins.{each}" for each in ("int", "float", "list", "tuple", "dict", "set", "object"))
#: What goes through what it is given, as it is.
_THROUGH = frozenset(f"builtins.{each}" for each in ("sorted", "list", "tuple", "set", "iter", "reversed", "next"))
_PATHS = ("builtins.str", "builtins.bytes", "pathlib.")
_OTHER_TYPES = frozenset({"os.PathLike", "os.DirEntry", "_typeshed.StrPath", "_typeshed.StrOrBytesPath"})
_ALTERNATIVES = frozenset({"typing.Optional", "typing.Union", "typing.Annotated"})
#: What the result of `parse_args` is called where it is handed on.
_OPTIONS = frozenset({"args", "arguments", "namespace", "ns", "options", "opts"})


class Paths:
    """Answers for one program."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self.program = program

    def may_be_no_path(self, call: Call) -> bool:
        """Tell whether the program shows that `call` may open what is neither text, nor bytes, nor of `pathlib`."""
        given = call.argument(0, "database")
        return given is not None and bool(
            _Trail(self.program).value(call.module, call.scope, given.shape, call.span.start)
        )


class _Trail:
    """One value, followed to where it comes from; what it may be is `None`, `other`, both, or nothing of note."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.depth = 0
        self.seen: set[tuple[str, int, str, int]] = set()

    def value(self, module: Module, scope: int, shape: list[Any] | None, offset: int) -> frozenset[str]:
        """Return what a value may be that is read at `offset`; -1 is some time or other."""
        if shape is None or self.depth >= _FARTHEST:
            return _NOTHING
        self.depth += 1
        try:
            return self._value(module, scope, shape, offset)
        finally:
            self.depth -= 1

    def _value(self, module: Module, scope: int, shape: list[Any], offset: int) -> frozenset[str]:
        match shape:
            case ["k", "str" | "bytes", *_]:
                return _NOTHING
            case ["k", "NoneType", *_]:
                return _NONE
            case ["k" | "d" | "l" | "t" | "s" | "g" | "m", *_]:
                return _OTHER
            case ["w", inner]:
                return self.value(module, scope, inner, offset)
            case ["b", [*first, last]]:
                # `path or DEFAULT` is the last where the first is None
                found = [self.value(module, scope, each, offset) - _NONE for each in first]
                return self.value(module, scope, last, offset).union(*found)
            case ["?", alternatives]:
                return _NOTHING.union(*(self.value(module, scope, each, offset) for each in alternatives))
            case ["n", str() as name]:
                return self._name(module, scope, name, offset)
            case ["a", base, str() as name]:
                return self._attribute(module, scope, base, name)
            case ["c", int() as index]:
                return self._call(module.call(index))
            case _:
                return _NOTHING

    # --- names ----------------------------------------------------------------------------------------------------

    def _name(self, module: Module, scope: int, name: str, offset: int) -> frozenset[str]:
        found = module.lookup(scope, name)
        if found is None or (key := (module.path, found[0], name, offset)) in self.seen:
            return _NOTHING
        self.seen.add(key)
        owner, bindings = found
        here = module.enclosing(scope, "function")
        if here is None or here.number != owner:
            offset = -1
        if offset >= 0:
            bindings = _in_force(module, bindings, offset)
        result = _NOTHING
        for each in bindings:
            match each.kind:
                case "assign":
                    result |= self.value(module, each.scope, each.payload, each.start if offset >= 0 else -1)
                case "for":
                    result |= self._element(module, each.scope, each.payload)
                case "param":
                    result |= self._parameter(module.scope(owner), each.payload)
                case "import":
                    result |= self._imported(module, scope, name)
                case _:
                    pass
        return result - _NONE if offset >= 0 and _is_replaced(module, owner, name, bindings) else result

    def _imported(self, module: Module, scope: int, name: str) -> frozenset[str]:
        return self._elsewhere(module.dotted(scope, ["n", name]))

    def _elsewhere(self, dotted: str | None) -> frozenset[str]:
        """Return what a name of a module of the program may be, which is read for that."""
        if dotted is None:
            return _NOTHING
        self._read_home(dotted)
        owner = self.program.owner_of(dotted)
        return self.value(owner[0], 0, ["n", owner[1]], -1) if owner is not None else _NOTHING

    def _read_home(self, dotted: str) -> None:
        if dotted.partition(".")[0] in self.program.own_names:
            self.program.want_home(dotted)

    def _parameter(self, function: Scope, number: int) -> frozenset[str]:
        ordered = [each for each in function.parameters if each[1] not in {"*", "**", "kw"}]
        ordered += [each for each in function.parameters if each[1] == "*"]
        ordered += [each for each in function.parameters if each[1] == "kw"]
        if function.kind != "function" or number >= len(ordered) or ordered[number][1] == "*":
            return _NOTHING
        name, _, annotation, default = ordered[number]
        result = self.value(function.module, function.parent, default, -1)
        declared = self._annotation(function.module, function.parent, annotation)
        if declared is not None:
            return result | declared
        for call, shape in self.program.arguments_for(function, name):
            result |= self.value(call.module, call.scope, shape, call.span.start)
        return result

    def _annotation(self, module: Module, scope: int, shape: list[Any] | None) -> frozenset[str] | None:
        """Return what a declared type allows, None where it says nothing that can be told."""
        match shape:
            case ["k", "NoneType", *_]:
                return _NONE
            case ["o", "BitOr", left, right]:
                return _joined([self._annotation(module, scope, each) for each in (left, right)])
            case ["i", base, inner]:
                dotted = module.dotted(scope, base)
                if dotted not in _ALTERNATIVES:
                    return self._annotation(module, scope, base)
                options = inner[1] if inner[0] == "t" else [inner]
                if dotted == "typing.Annotated":
                    options = options[:1]
                found = _joined([self._annotation(module, scope, each) for each in options])
                return found | _NONE if found is not None and dotted == "typing.Optional" else found
            case ["n" | "a", *_]:
                dotted = module.dotted(scope, shape) or ""
                if dotted.startswith(_PATHS):
                    return _NOTHING
                return _OTHER if dotted in _OTHER_TYPES else None
            case _:
                return None

    # --- loops ----------------------------------------------------------------------------------------------------

    def _element(self, module: Module, scope: int, shape: list[Any] | None) -> frozenset[str]:
        """Return what a loop over a value, or `next`, may give."""
        match shape if self.depth < _FARTHEST else None:
            case ["l" | "t" | "s", elements]:
                return _NOTHING.union(*(self.value(module, scope, each, -1) for each in elements))
            case ["g", _, ["n", str() as name]]:
                inner = [each for each in module.scopes() if each.kind == "comp" and each.parent == scope]
                found = [each for comp in inner for each in module.bindings(comp.number, name) if each.kind == "for"]
                return _NOTHING.union(*(self._element(module, each.scope, each.payload) for each in found))
            case ["n", str() as name]:
                found_name = module.lookup(scope, name)
                result = _NOTHING
                if found_name is not None and (key := (module.path, found_name[0], name, -2)) not in self.seen:
                    self.seen.add(key)
                    for each in found_name[1]:
                        if each.kind in {"assign", "with"}:
                            result |= self._element(module, each.scope, each.payload)
                return result
            case ["c", int() as index]:
                call = module.call(index)
                dotted = module.dotted(call.scope, call.function)
                if dotted == "os.scandir":
                    return _OTHER
                if dotted in _THROUGH and (given := call.argument(0)) is not None:
                    return self._element(module, call.scope, given.shape)
                return _NOTHING
            case _:
                return _NOTHING

    # --- calls ----------------------------------------------------------------------------------------------------

    def _call(self, call: Call) -> frozenset[str]:
        module, scope = call.module, call.scope
        dotted = module.dotted(scope, call.function)
        if dotted == "builtins.next" and (given := call.argument(0)) is not None:
            return self._element(module, scope, given.shape)
        if dotted in _NO_PATHS:
            return _OTHER
        self._read_home(dotted or "")
        target, _known = self.program.target_of(call)
        if target is not None:
            return self._made(target) if target.kind == "class" else self._returned(target)
        if dotted in _ENVIRONMENT or call.tail == "get":
            return self._looked_up(call, named=dotted in _ENVIRONMENT)
        return _NOTHING

    def _looked_up(self, call: Call, *, named: bool) -> frozenset[str]:
        """Return what `mapping.get(key, default)` may be where there is no such key."""
        default = call.argument(1, "default")
        if default is not None:
            return self.value(call.module, call.scope, default.shape, call.span.start)
        # `queue.get()` and `config.get(section=..., option=...)` are something else
        return _NONE if (call.function[0] == "a" and len(call.arguments) == 1) or named else _NOTHING

    def _made(self, made: Scope) -> frozenset[str]:
        """Return what an object of the program's own class is: text where it derives from something that may be."""
        return _OTHER if not made.bases or self.program.find_method(made, "__fspath__") is not None else _NOTHING

    def _returned(self, function: Scope) -> frozenset[str]:
        key = function.module.path, function.number, "", -3
        if function.is_generator or key in self.seen:
            return _NOTHING
        self.seen.add(key)
        declared = self._annotation(function.module, function.parent, function.returns)
        if declared is not None:
            return declared
        return _NOTHING.union(*(self.value(function.module, function.number, each, -1) for each in function.returned))

    # --- attributes -----------------------------------------------------------------------------------------------

    def _attribute(self, module: Module, scope: int, base: list[Any], name: str) -> frozenset[str]:
        key = module.path, scope, f".{name}", -4
        if key in self.seen:
            return _NOTHING
        self.seen.add(key)
        if base == ["n", "self"]:
            result = _NOTHING
            for other, value, inside, start in module.facts["attribute_stores"].get(name, ()):
                if other == base and self.program.method_owner(module, inside) == self.program.method_owner(
                    module, scope
                ):
                    result |= self.value(module, inside, value, start)
            return result
        dotted = self.program.dotted(module, scope, ["a", base, name])
        if dotted is not None:
            return self._elsewhere(dotted)
        made = self.program.constructed(module, scope, base) or ""
        if made.endswith(".parse_args") or (base[0] == "n" and base[1] in _OPTIONS):
            return _NOTHING.union(*self._options(name))
        return _NOTHING

    def _options(self, name: str) -> Iterator[frozenset[str]]:
        """Yield what an option of the command line may be, from where it is added."""
        for call in self.program.calls_named("add_argument", want=False):
            words = [
                each.shape[2] for each in call.arguments if each.keyword is None and each.shape[:2] == ["k", "str"]
            ]
            dest = call.argument(-1, "dest")
            called = [dest.shape[-1]] if dest is not None else [_name_of(words)] if words else []
            if called != [name] or any(call.argument(-1, each) is not None for each in ("required", "action")):
                continue
            default, count = call.argument(-1, "default"), call.argument(-1, "nargs")
            if default is not None:
                yield self.value(call.module, call.scope, default.shape, call.span.start)
            elif (words and words[0].startswith("-")) or (count is not None and count.shape[-1] == repr("?")):
                yield _NONE


def _name_of(words: list[str]) -> str:
    """Return the attribute that options are kept in: the first long one."""
    long = [each for each in words if each.startswith("--")] or words
    return long[0].lstrip("-").replace("-", "_")


def _joined(found: list[frozenset[str] | None]) -> frozenset[str] | None:
    known = [each for each in found if each is not None]
    return _NOTHING.union(*known) if known and (len(known) == len(found) or any(known)) else None


def _in_force(module: Module, bindings: Any, offset: int) -> list[Any]:  # noqa: ANN401 - bindings of a name
    """Return the bindings that a read may see: without those before one that always comes in between."""
    last = -1
    for each in bindings:
        if each.kind == "assign" and each.start < offset and blocks.contains(blocks.around(module, each.start), offset):
            last = max(last, each.start)
    return [each for each in bindings if each.start >= last and (each.start != offset or each.kind == "param")]


def _is_replaced(module: Module, owner: int, name: str, bindings: Any) -> bool:  # noqa: ANN401 - bindings of a name
    """Tell whether a name is given another value where it is None: `if path is None: path = ...`."""
    blocks_of = [next(iter(module.blocks(each.start)), None) for each in bindings if each.kind == "assign"]
    asked = [each.span for each in module.reads(owner, name) if each.use[:2] == ["cmp", "Is"]]
    # The test is that, and no more: nothing else fits between the `if` and the line below it, whose end may be `\r\n`.
    return any(
        block is not None
        and block.kind == "if"
        and span.start == block.header + len("if ")
        and block.start - span.end - module.position(block.start).column - len(" is None:") in {0, 1}
        for block in blocks_of
        for span in asked
    )
