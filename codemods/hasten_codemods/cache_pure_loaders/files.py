"""Which files a function reads: those of its own package, which are part of the program, or others, which may change.

A path is one of the package where it begins with `__file__`, or with what `importlib.resources` gives, and goes on with
names that are written out, or that all callers write out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hasten.api import Call, Module, Program, Scope
from hasten_codemods.cache_pure_loaders.readings import FileRead

Shape = list[Any]

#: A value as it is written somewhere: module, scope, shape, and the calls that lead there.
_Given = tuple[Module, int, Shape, tuple[Call, ...]]

_DEEPEST = 12
#: They give the path of a directory above, or the same path in another form.
_KEEPING = frozenset(
    {"os.path.dirname", "os.path.abspath", "os.path.realpath", "os.path.normpath", "os.fspath", "builtins.str"}
    | {"pathlib.Path", "pathlib.PurePath"}
)
_FILES = frozenset({"importlib.resources.files", "importlib_resources.files"})
_METHODS = frozenset({"resolve", "absolute", "with_suffix", "with_name", "with_stem", "as_posix", "open"})
_ATTRIBUTES = frozenset({"parent", "parents"})
#: Errors of the system that may be gone the next time; `""` stands for all errors.
_OF_SYSTEM = frozenset({"", "OSError", "IOError", "EnvironmentError", "PermissionError", "Exception", "BaseException"})
_WRITERS = ("write_text", "write_bytes", "open", "unlink", "touch", "rename", "remove", "copy", "copyfile", "move")


class Files:
    """Answers for one program."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self.program = program

    def trouble(self, read: FileRead) -> str:
        """Return why what a function reads may change while the program runs, empty if it is its package's."""
        if read.path is None:
            return ""
        names: list[str] = []
        if not self._is_own(read.call.module, read.call.scope, read.path, read.chain, names, 0):
            return f"the file may change while the program runs ({read.place})"
        written = self._written(names[-1] if names else "")
        return f"it is written at {written}" if written else ""

    def _is_own(
        self, module: Module, scope: int, shape: Shape, chain: tuple[Call, ...], names: list[str], depth: int
    ) -> bool:
        """Tell whether a path begins in the package; the names that follow are added to `names`."""
        if depth > _DEEPEST:
            return False
        go = depth + 1
        match shape:
            case ["n", "__file__"]:
                return module.lookup(scope, "__file__") is None
            case ["n", str(name)]:
                return self._variable(module, scope, name, chain, names, go)
            case ["o", "Div", left, right]:
                return self._is_own(module, scope, left, chain, names, go) and self._is_name(
                    module, scope, right, chain, names, go
                )
            case ["o", "Add", left, right]:
                return self._is_own(module, scope, left, chain, names, go) and self._is_name(
                    module, scope, right, chain, names, go
                )
            case ["i", ["a", base, "parents"], _]:
                return self._is_own(module, scope, base, chain, names, go)
            case ["a", base, str(name)]:
                dotted = self.program.dotted(module, scope, shape)
                owner = self.program.owner_of(dotted) if dotted is not None else None
                if owner is not None:
                    return self._constant(owner[0], owner[1], names, go)
                return name in _ATTRIBUTES and self._is_own(module, scope, base, chain, names, go)
            case ["c", int() as index]:
                return self._call(module.call(index), chain, names, go)
            case _:
                return False

    def _call(self, call: Call, chain: tuple[Call, ...], names: list[str], depth: int) -> bool:
        module, scope = call.module, call.scope
        dotted = self.program.dotted(module, scope, call.function) or ""
        shapes = [each.shape for each in call.arguments if each.keyword is None]
        if dotted in _FILES:
            return True  # of a package, whichever: what is installed stays as it is
        if (dotted in _KEEPING or dotted == "os.path.join") and shapes:
            first, *rest = shapes
            return self._is_own(module, scope, first, chain, names, depth) and all(
                self._is_name(module, scope, each, chain, names, depth) for each in rest
            )
        if dotted and self.program.is_own(dotted):
            target = self.program.target_of(call)[0]
            if target is None or target.kind != "function" or not target.returned:
                return False
            inner = (*chain, call)
            return all(
                self._is_own(target.module, target.number, each, inner, names, depth) for each in target.returned
            )
        if call.function[0] == "a" and (call.tail in _METHODS or call.tail == "joinpath"):
            return self._is_own(module, scope, call.function[1], chain, names, depth) and all(
                self._is_name(module, scope, each, chain, names, depth) for each in shapes
            )
        return False

    def _variable(
        self, module: Module, scope: int, name: str, chain: tuple[Call, ...], names: list[str], depth: int
    ) -> bool:
        found = module.lookup(scope, name)
        if found is None:
            return False
        owner, bindings = found
        if owner == 0:
            return self._constant(module, name, names, depth)
        if any(each.kind == "param" for each in bindings):
            given = self._given(module.scope(owner), name, chain)
            return (
                len(bindings) == 1
                and bool(given)
                and all(self._is_own(other, at, shape, rest, names, depth) for other, at, shape, rest in given)
            )
        return bool(bindings) and all(
            each.kind in {"assign", "with"}
            and each.payload is not None
            and self._is_own(module, each.scope, each.payload, chain, names, depth)
            for each in bindings
        )

    def _constant(self, module: Module, name: str, names: list[str], depth: int) -> bool:
        bindings = module.bindings(0, name)
        if len(bindings) == 1 and bindings[0].kind == "import":
            dotted = module.dotted(0, ["n", name])
            owner = self.program.owner_of(dotted) if dotted is not None else None
            if owner is None and dotted is not None:
                self.program.want_home(dotted)
            return owner is not None and owner[0] is not module and self._constant(owner[0], owner[1], names, depth + 1)
        binding = self.program.only_binding(module, 0, name, patches=False)
        if binding is None or binding.kind != "assign" or binding.payload is None:
            return False
        return self._is_own(module, 0, binding.payload, (), names, depth)

    def _given(self, function: Scope, name: str, chain: tuple[Call, ...]) -> list[_Given]:
        """Return what a parameter is given, by the call that leads here, or else by all callers."""
        if chain:
            call = chain[-1]
            shape = next((each for other, each in self.program.arguments_for(function, name) if other == call), None)
            if shape is not None:
                return [(call.module, call.scope, shape, chain[:-1])]
        default = next((each[3] for each in function.parameters if each[0] == name and each[3] is not None), None)
        fallback: list[_Given] = [(function.module, function.parent, default, ())] if default is not None else []
        if chain:
            return fallback
        callers = self.program.callers(function)
        given: list[_Given] = [
            (call.module, call.scope, shape, ()) for call, shape in self.program.arguments_for(function, name)
        ]
        if not callers or not all(certain for _, certain in callers) or self.program.references(function):
            return []
        if len(given) < len(callers):
            return [*given, *fallback] if fallback else []
        return given

    def _is_name(
        self, module: Module, scope: int, shape: Shape, chain: tuple[Call, ...], names: list[str], depth: int
    ) -> bool:
        """Tell whether a part of a path is written out and stays below what is before it."""
        if depth > _DEEPEST:
            return False
        match shape:
            case ["k", "str", str() as text]:
                names.append(text.rpartition("/")[2])
                return not text.startswith(("/", "~"))
            case ["f", list(parts)]:
                return bool(parts) and all(
                    self._is_name(module, scope, each, chain, names, depth + 1) for each in parts
                )
            case ["o", "Add" | "Mod", left, right]:
                return all(self._is_name(module, scope, each, chain, names, depth + 1) for each in (left, right))
            case ["n", str(name)]:
                return all(
                    self._is_name(*each, names, depth + 1) for each in self._values(module, scope, name, chain)
                ) and bool(self._values(module, scope, name, chain))
            case ["a", ["n" | "a", *_], _]:
                # A member of an enumeration, or a constant of another module.
                dotted = self.program.dotted(module, scope, shape)
                owner = self.program.owner_of(dotted) if dotted is not None else None
                return owner is not None and self._is_name(owner[0], 0, ["n", owner[1]], (), names, depth + 1)
            case _:
                return False

    def _values(self, module: Module, scope: int, name: str, chain: tuple[Call, ...]) -> list[_Given]:
        found = module.lookup(scope, name)
        if found is None:
            return []
        owner, bindings = found
        if len(bindings) == 1 and bindings[0].kind == "param":
            return self._given(module.scope(owner), name, chain)
        if owner == 0 and self.program.only_binding(module, 0, name, patches=False) is None:
            return []
        if all(each.kind == "for" and each.payload and each.payload[0] in {"l", "t"} for each in bindings):
            return [(module, each.scope, part, chain) for each in bindings for part in each.payload[1]]
        if not all(each.kind == "assign" and each.payload is not None for each in bindings):
            return []
        return [(module, each.scope, each.payload, chain) for each in bindings]

    # --- what becomes of errors -------------------------------------------------------------------------------------

    def swallowed(self, read: FileRead) -> str:
        """Return where an error of the system that a read raises is taken for a result, empty if it is nowhere.

        try:
            text = FILE.read_text()
        except OSError:
            text = ""
        """
        for call in (read.call, *read.chain):
            for guard in call.module.guards(call.guard):
                for types, _name, start, _end, kinds in guard.payload if guard.kind == "try" else ():
                    if {"Raise", "Reraise"}.isdisjoint(kinds[-1:]) and self._is_of_system(call, types):
                        return f"{call.module.path}:{call.module.position(start).line}"
        return ""

    def _is_of_system(self, call: Call, types: Shape | None) -> bool:
        """Tell whether a handler catches errors that need not come again."""
        shapes = types[1] if types is not None and types[0] == "t" else [types]
        names = [call.module.dotted(call.scope, each) if each is not None else "" for each in shapes]
        return any(each is None or each.removeprefix("builtins.") in _OF_SYSTEM for each in names)

    # --- who writes it ----------------------------------------------------------------------------------------------

    def _written(self, name: str) -> str:
        """Return a place that writes a file of that name, empty if there is none in sight."""
        if not name:
            return ""
        key = f"cache-pure-loaders writers of {name}"
        self.program.want_like(_escaped(name))
        return self.program.remember(key, lambda: next(self._writers(name), ""))

    def _writers(self, name: str) -> Iterator[str]:
        for tail in _WRITERS:
            for call in self.program.calls_named(tail, want=False):
                if tail == "open" and not _is_writing(call):
                    continue
                shapes = [each.shape for each in call.arguments]
                if call.function[0] == "a":
                    shapes.append(call.function[1])
                if any(self._mentions(call.module, call.scope, each, name, 0) for each in shapes):
                    yield f"{call.module.path}:{call.module.position(call.span.start).line}"

    def _mentions(self, module: Module, scope: int, shape: Shape, name: str, depth: int) -> bool:
        match shape:
            case ["k", "str", str() as text]:
                return text.endswith(name)
            case ["n" | "a", *_] if depth < 6:  # noqa: PLR2004 - far enough for constants of constants
                dotted = self.program.dotted(module, scope, shape)
                owner = self.program.owner_of(dotted) if dotted is not None else None
                if owner is None and shape[0] == "n":
                    found = module.lookup(scope, shape[1])
                    bound = found[1] if found is not None else ()
                    return any(
                        self._mentions(module, each.scope, each.payload, name, depth + 1)
                        for each in bound
                        if each.kind == "assign" and each.payload
                    )
                if owner is None:
                    return False
                return any(
                    self._mentions(owner[0], 0, each.payload, name, depth + 1)
                    for each in owner[0].bindings(0, owner[1])
                    if each.kind == "assign" and each.payload
                )
            case ["o", _, left, right]:
                return any(self._mentions(module, scope, each, name, depth) for each in (left, right))
            case ["c", int() as index] if depth < _DEEPEST:
                call = module.call(index)
                shapes = [each.shape for each in call.arguments]
                shapes += [call.function[1]] if call.function[0] == "a" else []
                return any(self._mentions(module, call.scope, each, name, depth + 1) for each in shapes)
            case _:
                return False


def _is_writing(call: Call) -> bool:
    mode = call.argument(1 if call.function[0] == "n" else 0, "mode")
    return mode is not None and (mode.shape[:2] != ["k", "str"] or not set("wax+").isdisjoint(mode.shape[2] or "w"))


def _escaped(name: str) -> str:
    """Return a regular expression for a name, as it stands in a file."""
    return "".join(
        each if each.isalnum() or each == "_" else f"[{each}]" if each not in "^]\\[" else "." for each in name
    )
