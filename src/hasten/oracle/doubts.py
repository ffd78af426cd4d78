"""Where a program contradicts what the checker believes about it.

In code without annotations the checker takes a name's first assignment for a declaration: after `self.store = Store()`
in `__init__`, `self.store` is a `Store` everywhere, and `self.store = Fake()` elsewhere is an error that it reports. In
a program that runs, the assignment is right and the belief wrong. And where types fit, it reports nothing:

    self.callback = first        # __init__
    self.callback = second       # elsewhere, the same parameters
    store.save = lambda: None    # a test

So names in contradicted places are doubtful, and so are those that get their values from them. What is called through
a doubtful name is not proven. All this goes by names, not by objects: it may doubt too much, which costs little.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TypeAlias

from hasten.oracle.report import Problem, Target
from hasten.oracle.walking import Around, walk, walk_within

# What the checker says when a value does not fit what it is put into; the last type is the one it believes in.
_ASSIGNED = re.compile(r"^`(?P<value>[^`]+)` is not assignable to (?:\w+ `[^`]*` with type )?`(?P<believed>[^`]+)`")
_PASSED = re.compile(
    r"^Argument `(?P<value>[^`]+)` is not assignable to parameter `(?P<parameter>\w+)` with type `(?P<believed>[^`]+)`"
    r" in function `(?P<function>[^`]+)`"
)
_ITEM = re.compile(r"^Cannot set item in `(?P<believed>[^`]+)`")
_WORD = re.compile(r"\w+")
_CLASS = re.compile(r"^[ \t\f]*class[ \t\f]+(\w+)", re.MULTILINE)
#: Parts of types that name no class that could be there instead.
_NO_OTHER = frozenset({"None", "Unknown", "Any", "Literal", "object", "list", "dict", "tuple", "set", "frozenset"})


#: The method of `Doubts` that looks at nodes of a kind.
_LOOKS: dict[type[ast.AST], str] = {
    ast.Name: "_name",
    ast.Attribute: "_attribute",
    ast.Call: "_call",
    ast.Subscript: "_subscript",
    ast.Global: "_global",
    ast.ClassDef: "_class",
    ast.FunctionDef: "_function",
    ast.AsyncFunctionDef: "_function",
    ast.Return: "_return",
    ast.Yield: "_return",
    ast.Assign: "_assign",
    ast.AnnAssign: "_set",
    ast.NamedExpr: "_set",
    ast.For: "_iterate",
    ast.comprehension: "_iterate",
    ast.withitem: "_enter",
}
#: A path, or an empty string for all files, and a name.
_Key: TypeAlias = tuple[str, str]


class Spine(NamedTuple):
    """The names along which what is called is reached, the last one first: `c`, `b` and `a` of `a.b(x)[y].c`."""

    names: tuple[str, ...]
    is_attribute: bool


def spine(callee: ast.Name | ast.Attribute) -> Spine:
    """Return the names along which what a name stands for is reached."""
    return Spine(tuple(_spine(callee)), isinstance(callee, ast.Attribute))


class _File(NamedTuple):
    """What is gathered while a file is looked at.

    Attributes:
        lines: what is doubtful if its line is.
        methods: the names of the methods of each class.
        returned: what each function returns may come from, that of functions in it as well.
    """

    path: str
    lines: list[tuple[int, _Key]]
    methods: dict[ast.AST | None, frozenset[str]]
    returned: dict[Any, set[_Key]]


_Look: TypeAlias = Callable[[_File, Any, Around], None]


class Doubts:
    """The doubtful names of a program. A plain name is doubtful in one file, an attribute or function in all."""

    def __init__(self) -> None:
        """Know nothing yet: `look` reads the program, and `judge` is told what the checker finds in it."""
        self._names: set[_Key] = set()
        self._stores: Counter[_Key] = Counter()
        self._patched: set[str] = set()
        self._flows: list[tuple[_Key, frozenset[_Key]]] = []
        # By file, what is doubtful if its line is; and who takes which parameters.
        self._lines: dict[str, list[tuple[int, _Key]]] = {}
        self._taken: list[tuple[str, str, str]] = []
        self._parameters: set[tuple[str, str]] = set()
        self._classes: set[str] = set()

    def judge(self, problems: Iterable[Problem]) -> None:
        """Find the doubtful names; `problems` are what the checker finds wrong with the program."""
        # What is believed to be a number or a string has no functions of the program: contradictions do not matter.
        lines: dict[str, set[int]] = {}
        for each in problems:
            if self._is_contradiction(each, self._classes):
                lines.setdefault(each.path, set()).add(each.line)
        for path, bad in lines.items():
            self._names.update(key for line, key in self._lines.get(path, ()) if line in bad)
        self._names.update((path, name) for path, function, name in self._taken if (function, name) in self._parameters)
        self._spread()

    def bears_on(self, path: str, callee: Spine, targets: Iterable[Target]) -> bool:
        """Tell whether a call in a file may reach something else than these targets, as far as names show."""
        if any(("", name) in self._names or (path, name) in self._names for name in callee.names):
            return True
        last = callee.names[0]
        # Another class's instance in its place would be a contradiction; another function need not be.
        if any(each.name.rpartition(".")[2] in {last, "__call__"} for each in targets):
            return callee.is_attribute and last in self._patched
        # A variable that holds a function; imports under another name are no assignments.
        own = 0 if callee.is_attribute else self._stores[path, last]
        return self._stores["", last] + own > 1

    def _is_contradiction(self, problem: Problem, classes: set[str]) -> bool:
        """Tell whether the names on a problem's line are doubtful; note a parameter that is."""
        if problem.code == "bad-override-mutable-attribute":
            return True
        said = _ASSIGNED.match(problem.message) or _PASSED.match(problem.message) or _ITEM.match(problem.message)
        if said is None:
            return False
        found = said.groupdict()
        believed = set(_WORD.findall(found["believed"]))
        others = set(_WORD.findall(found.get("value") or "something")) - believed - _NO_OTHER
        if not others or classes.isdisjoint(believed):
            return False
        if found.get("function") is None:
            return True
        *owner, function = found["function"].split(".")
        self._parameters.add((function, found["parameter"]))
        if function == "__init__":
            self._names.add(("", found["parameter"]))  # the field of a dataclass
        # `l.append(Fake())` puts it into `l`; a function of the program has it as its parameter.
        return bool(owner) and owner[-1] in {"list", "dict", "set", "deque"}

    def look(self, path: str, text: str, tree: ast.Module) -> None:
        """Read a file of the program."""
        self._classes.update(_CLASS.findall(text))
        file = _File(path, self._lines.setdefault(path, []), {}, {})
        looks: dict[type[ast.AST], _Look] = {kind: getattr(self, name) for kind, name in _LOOKS.items()}
        for node, around in walk_within(tree, tuple(looks)):
            looks[type(node)](file, node, around)
        self._flows.extend((("", name.name), frozenset(sources)) for name, sources in file.returned.items())

    # --- what is looked at: a method for each kind of node ----------------------------------------------------------

    def _name(self, file: _File, node: ast.Name, _around: Around) -> None:
        if type(node.ctx) is ast.Store:
            self._stores[file.path, node.id] += 1
            # Whoever imports it, or reads it from the class whose body this is, is misled as well.
            file.lines.append((node.lineno, ("", node.id)))

    def _attribute(self, file: _File, node: ast.Attribute, around: Around) -> None:
        if type(node.ctx) is not ast.Store:
            return
        self._stores["", node.attr] += 1
        file.lines.append((node.lineno, ("", node.attr)))
        if not (isinstance(node.value, ast.Name) and node.value.id == "self"):
            self._patched.add(node.attr)
        # A class and its instances both set it: a method `save`, and `self.save = ...` in another.
        while around is not None:
            inner, around = around
            outer = around[0] if around is not None else None
            if node.attr in file.methods.get(outer, ()) and not isinstance(inner, ast.ClassDef):
                self._patched.add(node.attr)

    def _call(self, file: _File, node: ast.Call, _around: Around) -> None:
        if isinstance(node.func, ast.Attribute):
            # l = [Store()]; l.append(Fake())
            file.lines.extend((node.lineno, key) for key in _keys(file.path, node.func.value))
            return
        match node:
            case ast.Call(func=ast.Name(id="setattr"), args=[_, ast.Constant(value=str(name)), *_]):
                # setattr(store, "save", fake)
                self._patched.add(name)
                self._names.add(("", name))
            case _:
                pass

    def _subscript(self, file: _File, node: ast.Subscript, _around: Around) -> None:
        if type(node.ctx) is ast.Store:
            # d["x"] = Fake()
            file.lines.extend((node.lineno, key) for key in _keys(file.path, node.value))

    def _global(self, _file: _File, node: ast.Global, _around: Around) -> None:
        # store = Store(); def swap(): global store; store = Fake()
        self._names.update(("", name) for name in node.names)

    def _class(self, file: _File, node: ast.ClassDef, _around: Around) -> None:
        """Note what a class sets, and its instances may set as well: `call = first`, and its methods."""
        for statement in node.body:
            if isinstance(statement, ast.Assign | ast.AnnAssign):
                targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                self._stores.update(("", each.id) for each in targets if isinstance(each, ast.Name))
        methods = (each for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))
        file.methods[node] = frozenset(each.name for each in methods)

    def _function(self, file: _File, node: ast.FunctionDef | ast.AsyncFunctionDef, _around: Around) -> None:
        taken = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
        self._taken.extend((file.path, node.name, each.arg) for each in taken)
        file.returned[node] = set()

    def _return(self, file: _File, node: ast.Return | ast.Yield, around: Around) -> None:
        sources = set(_sources(file.path, node.value)) if node.value is not None else ()
        while around is not None:
            function, around = around
            if function in file.returned:
                file.returned[function].update(sources)

    def _assign(self, file: _File, node: ast.Assign, _around: Around) -> None:
        self._flow(file.path, node.targets, node.value)

    def _set(self, file: _File, node: ast.AnnAssign | ast.NamedExpr, _around: Around) -> None:
        if node.value is not None:
            self._flow(file.path, [node.target], node.value)

    def _iterate(self, file: _File, node: ast.For | ast.comprehension, _around: Around) -> None:
        self._flow(file.path, [node.target], node.iter)

    def _enter(self, file: _File, node: ast.withitem, _around: Around) -> None:
        if node.optional_vars is not None:
            self._flow(file.path, [node.optional_vars], node.context_expr)

    def _flow(self, path: str, targets: list[ast.expr], value: ast.expr) -> None:
        sources = frozenset(_sources(path, value))
        for target in targets:
            if isinstance(target, ast.Name):
                self._flows.append(((path, target.id), sources))
                continue
            for node in walk(target, (ast.Name, ast.Attribute)):
                if isinstance(node.ctx, ast.Store):
                    self._flows.extend((key, sources) for key in _keys(path, node))

    def _spread(self) -> None:
        grows = bool(self._names)
        while grows:
            reached = {target for target, sources in self._flows if target not in self._names and sources & self._names}
            self._names |= reached
            grows = bool(reached)


def _keys(path: str, node: ast.expr) -> Iterator[tuple[str, str]]:
    """Yield the key of the last name of an expression."""
    match node:
        case ast.Name(id=name):
            yield path, name
        case ast.Attribute(attr=name):
            yield "", name
        case ast.Subscript(value=value) | ast.Starred(value=value):
            yield from _keys(path, value)
        case _:
            pass


def _sources(path: str, value: ast.expr) -> Iterator[tuple[str, str]]:
    """Yield what the value of an expression may come from: each name both as this file's own and as everybody's."""
    for part in _choices(value):
        for name in _spine(part):
            yield path, name
            yield "", name


def _choices(value: ast.expr) -> Iterator[ast.expr]:
    """Yield the expressions of which one gives the value."""
    match value:
        case ast.BoolOp(values=values) | ast.Tuple(elts=values) | ast.List(elts=values):
            for each in values:
                yield from _choices(each)
        case ast.IfExp(body=body, orelse=orelse):
            yield from _choices(body)
            yield from _choices(orelse)
        case _:
            yield value


def _spine(node: ast.expr) -> Iterator[str]:
    """Yield the names along which a value is reached: `a`, `b` and `c` of `a.b(x)[y].c`."""
    while True:
        match node:
            case ast.Name(id=name):
                yield name
                return
            case ast.Attribute(value=value, attr=name):
                yield name
                node = value
            case ast.Call(func=value) | ast.Subscript(value=value) | ast.Await(value=value):
                node = value
            case ast.Starred(value=value) | ast.NamedExpr(value=value):
                node = value
            case ast.BoolOp() | ast.IfExp() | ast.Tuple() | ast.List():
                for each in _choices(node):
                    yield from _spine(each)
                return
            case _:
                return
