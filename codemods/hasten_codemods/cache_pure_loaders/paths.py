"""Which files a path may name, as far as the program writes it out.

A path is a text. One that begins with `TREE` begins at the root of the tree, by way of `__file__`; one that begins with
`PACKAGE` in a package that is installed, by way of `importlib.resources`; any other one begins wherever the process is.
`*` stands for what nobody can tell. Parameters have the values that the calls give them, variables and attributes those
that are assigned to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any

from hasten.api import Call, Module, Program, Scope
from hasten_codemods.cache_pure_loaders.annotations import class_of, is_enumeration

Shape = list[Any]

#: A value as it is written somewhere: module, scope, shape, and the calls that lead there.
Given = tuple[Module, int, Shape, tuple[Call, ...]]

TREE, PACKAGE, ANY = "\0", "\1", "*"
_NOTHING_KNOWN = frozenset({ANY})
_DEEPEST = 14
#: So many expressions are looked at for one question.
_MOST_LOOKS = 300
#: More names than these are not told apart.
_MOST = 64
#: They give the same path in another form.
_KEEPING = frozenset(
    {"os.path.abspath", "os.path.realpath", "os.path.normpath", "os.fspath", "builtins.str", "typing.cast"}
)
_JOINING = frozenset({"os.path.join", "pathlib.Path", "pathlib.PurePath", "posixpath.join"})
_FILES = frozenset({"importlib.resources.files", "importlib_resources.files"})
_LISTED = frozenset({"glob", "rglob", "iterdir"})
_SAME = frozenset({"resolve", "absolute", "as_posix", "open", "expanduser", "strip", "__str__", "__fspath__"})


class Paths:
    """Answers for one program."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self.program = program
        self._attributes: dict[str, frozenset[str]] = {}
        self._known: dict[tuple[str, int, str], frozenset[str]] = {}
        #: How many more expressions are looked at for the question that is asked.
        self._left = 0

    def of(
        self, module: Module, scope: int, shape: Shape, chain: tuple[Call, ...] = (), depth: int = 0
    ) -> frozenset[str]:
        """Return the texts that an expression may be.

        Args:
            module, scope, shape: the expression, and where it stands.
            chain: the calls that lead there, the outermost first; without them, all callers count.
            depth: how far away the question was asked.
        """
        if not depth:
            key = module.path, scope, f"{shape} {[(each.module.path, each.span.start) for each in chain]}"
            if key not in self._known:
                left, self._left = self._left, _MOST_LOOKS
                self._known[key] = self._look(module, scope, shape, chain, 1)
                self._left = left
            return self._known[key]
        return self._look(module, scope, shape, chain, depth)

    def _look(self, module: Module, scope: int, shape: Shape, chain: tuple[Call, ...], depth: int) -> frozenset[str]:
        self._left -= 1
        if depth > _DEEPEST or self._left < 0:
            return _NOTHING_KNOWN
        go = depth + 1
        match shape:
            case ["k", "str", str() as text]:
                return frozenset({text})
            case ["n", "__file__"] if module.lookup(scope, "__file__") is None:
                return frozenset({f"{TREE}/{module.path}"})
            case ["n", str(name)]:
                return self._any_of(self._values(module, scope, name, chain), go)
            case ["f", list(parts)]:
                return _joined((self.of(module, scope, each, chain, go) for each in parts), "")
            case ["o", "Div", left, right]:
                return _joined((self.of(module, scope, each, chain, go) for each in (left, right)), "/")
            case ["o", "Add", left, right]:
                return _joined((self.of(module, scope, each, chain, go) for each in (left, right)), "")
            case ["o", "Mod", left, _]:
                return frozenset(_filled(each) for each in self.of(module, scope, left, chain, go))
            case ["b" | "?", list(parts)]:
                return self._any_of([(module, scope, each, chain) for each in parts], go)
            case ["i", ["a", base, "parents"], ["k", "int", number]]:
                return frozenset(_above(each, int(number) + 1) for each in self.of(module, scope, base, chain, go))
            case ["a", base, "parent"]:
                return frozenset(_above(each, 1) for each in self.of(module, scope, base, chain, go))
            case ["a", base, str(name)]:
                return self._attribute(module, scope, base, name, go)
            case ["c", int() as index]:
                return self._call(module.call(index), chain, go)
            case _:
                return _NOTHING_KNOWN

    def _any_of(self, given: Iterable[Given], depth: int) -> frozenset[str]:
        found: set[str] = set()
        for module, scope, shape, chain in given:
            found |= self.of(module, scope, shape, chain, depth)
            if len(found) > _MOST:
                return _NOTHING_KNOWN
        return frozenset(found) or _NOTHING_KNOWN

    def _call(self, call: Call, chain: tuple[Call, ...], depth: int) -> frozenset[str]:
        module, scope = call.module, call.scope
        dotted = self.program.dotted(module, scope, call.function) or ""
        shapes = [each.shape for each in call.arguments if each.keyword is None]
        given = (self.of(module, scope, each, chain, depth) for each in shapes)
        if dotted in _FILES:
            return frozenset({PACKAGE})
        if dotted in _KEEPING and shapes:
            return self.of(module, scope, shapes[-1], chain, depth)
        if dotted in _JOINING and shapes:
            return _joined(given, "/")
        if dotted == "os.path.dirname" and shapes:
            return frozenset(_above(each, 1) for each in next(given))
        if dotted in {"os.listdir", "glob.glob"}:
            return _NOTHING_KNOWN
        if dotted and self.program.is_own(dotted):
            target = self.program.target_of(call)[0]
            if target is None or target.kind != "function":
                return _NOTHING_KNOWN
            inner = (*chain, call)
            return self._any_of([(target.module, target.number, each, inner) for each in target.returned], depth)
        if call.function[0] != "a":
            return _NOTHING_KNOWN
        receiver = self.of(module, scope, call.function[1], chain, depth)
        return self._method(call.tail, receiver, list(given))

    def _method(self, name: str, receiver: frozenset[str], given: list[frozenset[str]]) -> frozenset[str]:
        if name in _SAME:
            return receiver
        if name == "joinpath":
            return _joined([receiver, *given], "/")
        if name == "with_name" and given:
            return _joined([frozenset(_above(each, 1) for each in receiver), given[0]], "/")
        if name == "with_suffix" and given:
            return _joined([frozenset(_stem(each) for each in receiver), given[0]], "")
        if name in _LISTED:
            return _joined([receiver, _NOTHING_KNOWN], "/")
        if name == "format":
            return frozenset(_filled(each) for each in receiver)
        return _NOTHING_KNOWN

    def _attribute(self, module: Module, scope: int, base: Shape, name: str, depth: int) -> frozenset[str]:
        if name in {"value", "name"} and base[0] == "n":
            members = self._members(module, scope, base[1], name)
            if members:
                return frozenset(members)
        dotted = self.program.dotted(module, scope, ["a", base, name])
        owner = self.program.owner_of(dotted) if dotted is not None else None
        if owner is not None:
            return self._any_of(self._values(owner[0], 0, owner[1], ()), depth)
        if dotted is not None and not self.program.is_own(dotted):
            return _NOTHING_KNOWN
        if name not in self._attributes:
            self._attributes[name] = _NOTHING_KNOWN  # while it is looked at
            self._attributes[name] = self._any_of(self._assigned(name), 1)
        return self._attributes[name]

    def _members(self, module: Module, scope: int, variable: str, wanted: str) -> list[str]:
        """Return the values, or names, of an enumeration that a parameter is annotated with; empty for all else."""
        found = module.lookup(scope, variable)
        if found is None or [each.kind for each in found[1]] != ["param"]:
            return []
        function = module.scope(found[0])
        annotation = next((each[2] for each in function.parameters if each[0] == variable), None)
        owner = class_of(self.program, module, function.parent, annotation) if annotation is not None else None
        if owner is None or not is_enumeration(self.program, owner):
            return []
        binds = owner.module.facts["binds"][owner.number]
        members = {name: each[0][1] for name, each in binds.items() if name[:1] != "_" and each[0][0] == "assign"}
        if not all(shape is not None and shape[:2] == ["k", "str"] for shape in members.values()):
            return []
        return sorted(members) if wanted == "name" else sorted(str(shape[2]) for shape in members.values())

    def _assigned(self, name: str) -> Iterator[Given]:
        """Yield what any class, and any assignment, gives an attribute of that name, of whatever object."""
        for module in self.program.modules_with("attribute_stores", name):
            for _base, value, at, _start in module.facts["attribute_stores"][name]:
                if value is not None:
                    yield module, at, value, ()
        for owner in self.program.classes():
            for each in owner.module.bindings(owner.number, name):
                if each.kind == "assign" and each.payload is not None:
                    yield owner.module, owner.number, each.payload, ()

    def _values(self, module: Module, scope: int, name: str, chain: tuple[Call, ...]) -> list[Given]:
        """Return what a variable may be; empty where nobody can tell."""
        found = module.lookup(scope, name)
        if found is None:
            return []
        owner, bindings = found
        if any(each.kind == "param" for each in bindings):
            return self._given(module.scope(owner), name, chain) if len(bindings) == 1 else []
        if owner == 0:
            return self._constant(module, name)
        values: list[Given] = []
        for each in bindings:
            if each.payload is None or each.kind not in {"assign", "with", "for"}:
                return []
            values += [(module, each.scope, shape, chain) for shape in _elements(each.kind, each.payload)]
        return values

    def _constant(self, module: Module, name: str) -> list[Given]:
        bindings = module.bindings(0, name)
        if len(bindings) == 1 and bindings[0].kind == "import":
            dotted = module.dotted(0, ["n", name])
            owner = self.program.owner_of(dotted) if dotted is not None else None
            if owner is None and dotted is not None:
                self.program.want_home(dotted)
            return self._constant(*owner) if owner is not None and owner[0] is not module else []
        if len(bindings) == 1 and bindings[0].kind == "for" and bindings[0].payload is not None:
            return [(module, 0, shape, ()) for shape in _elements("for", bindings[0].payload)]
        binding = self.program.only_binding(module, 0, name, patches=False)
        if binding is None or binding.kind != "assign" or binding.payload is None:
            return []
        return [(module, 0, binding.payload, ())]

    def _given(self, function: Scope, name: str, chain: tuple[Call, ...]) -> list[Given]:
        """Return what a parameter is given, by the call that leads here, or else by all callers."""
        if chain:
            call = chain[-1]
            shape = next((each for other, each in self.program.arguments_for(function, name) if other == call), None)
            if shape is not None:
                return [(call.module, call.scope, shape, chain[:-1])]
        default = next((each[3] for each in function.parameters if each[0] == name and each[3] is not None), None)
        fallback: list[Given] = [(function.module, function.parent, default, ())] if default is not None else []
        if chain:
            return fallback
        callers = self.program.callers(function)
        given: list[Given] = [
            (call.module, call.scope, shape, ()) for call, shape in self.program.arguments_for(function, name)
        ]
        unseen = not callers or not all(certain for _, certain in callers) or self.program.references(function)
        if unseen or (len(given) < len(callers) and not fallback):
            return [*given, *fallback, (function.module, function.number, ["x"], ())] if given else []
        return [*given, *fallback] if len(given) < len(callers) else given


def _elements(kind: str, payload: Shape) -> Iterator[Shape]:
    """Yield what a variable is bound to: the value itself, or what a loop takes out of it."""
    if kind != "for":
        yield payload
    elif payload[0] in {"l", "t", "s"}:
        yield from payload[1]
    elif payload[0] == "c":
        yield payload  # of a call that lists files: each of its results
    else:
        yield ["x"]


def _joined(parts: Iterable[frozenset[str]], between: str) -> frozenset[str]:
    """Return all ways to put one of each part together."""
    listed = [sorted(each) for each in parts]
    count = 1
    for each in listed:
        count *= len(each)
    if count > _MOST:
        listed = [each if len(each) == 1 else [ANY] for each in listed]
    return frozenset(_put_together(each, between) for each in product(*listed))


def _put_together(parts: tuple[str, ...], between: str) -> str:
    text = parts[0] if parts else ""
    for each in parts[1:]:
        absolute = between and each.startswith(("/", "~", TREE, PACKAGE))
        text = each if absolute else f"{text.rstrip('/')}/{each}" if between else text + each
    return text


def _above(path: str, steps: int) -> str:
    """Return the directory that many steps above; `..` is left for `parts_of_path` to take away."""
    if path.startswith(PACKAGE):
        return PACKAGE
    if path == ANY:
        return path
    parts = parts_of_path(path)
    if parts[0] == TREE and len(parts) <= steps:
        return ANY
    return "/".join(parts[:-steps]) if len(parts) > steps else ANY


def _stem(path: str) -> str:
    head, dot, _ = path.rpartition(".")
    return head if dot else path


def _filled(text: str) -> str:
    """Return a text with `*` in the place of `%s` and `{}`."""
    for sign in ("%s", "%d", "{}"):
        text = text.replace(sign, ANY)
    while "{" in text and "}" in text.partition("{")[2]:
        head, _, rest = text.partition("{")
        text = head + ANY + rest.partition("}")[2]
    return text


def parts_of_path(path: str) -> list[str]:
    """Return the names in a path, its beginning as the first; `..` and what is before it taken away."""
    found: list[str] = []
    for each in path.split("/"):
        if each == ".." and found and found[-1] != "..":
            found.pop()
        elif each not in {"", "."}:
            found.append(each)
    return found or [""]
