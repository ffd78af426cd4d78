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
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

from hasten.oracle.report import Problem, Target
from hasten.oracle.walking import walk

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


_LOOKED_AT = (
    *(ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.Global, ast.ClassDef, ast.FunctionDef),
    *(ast.AsyncFunctionDef, ast.Assign, ast.AnnAssign, ast.NamedExpr, ast.For, ast.comprehension, ast.withitem),
)
#: A path, or an empty string for all files, and a name.
_Key: TypeAlias = tuple[str, str]


class Spine(NamedTuple):
    """The names along which what is called is reached, the last one first: `c`, `b` and `a` of `a.b(x)[y].c`."""

    names: tuple[str, ...]
    is_attribute: bool


def spine(callee: ast.Name | ast.Attribute) -> Spine:
    """Return the names along which what a name stands for is reached."""
    return Spine(tuple(_spine(callee)), isinstance(callee, ast.Attribute))


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

    def look(self, path: str, text: str, tree: ast.Module) -> list[ast.Call]:
        """Read a file of the program, and return its calls."""
        self._classes.update(_CLASS.findall(text))
        lines = self._lines.setdefault(path, [])
        calls: list[ast.Call] = []
        for node in walk(tree, _LOOKED_AT):
            if type(node) is ast.Call:
                calls.append(node)
            match node:
                case ast.Name(ctx=ast.Store()):
                    self._stores[path, node.id] += 1
                    # Whoever imports it, or reads it from the class whose body this is, is misled as well.
                    lines.append((node.lineno, ("", node.id)))
                case ast.Attribute(ctx=ast.Store()):
                    self._stores["", node.attr] += 1
                    lines.append((node.lineno, ("", node.attr)))
                    if not (isinstance(node.value, ast.Name) and node.value.id == "self"):
                        self._patched.add(node.attr)
                case ast.Call(func=ast.Attribute(value=holder)):
                    # l = [Store()]; l.append(Fake())
                    lines.extend((node.lineno, key) for key in _keys(path, holder))
                case ast.Subscript(ctx=ast.Store(), value=holder):
                    # d["x"] = Fake()
                    lines.extend((node.lineno, key) for key in _keys(path, holder))
                case ast.Call(func=ast.Name(id="setattr"), args=[_, ast.Constant(value=str(name)), *_]):
                    # setattr(store, "save", fake)
                    self._patched.add(name)
                    self._names.add(("", name))
                case ast.Global(names=names):
                    # store = Store(); def swap(): global store; store = Fake()
                    self._names.update(("", name) for name in names)
                case ast.ClassDef(body=body):
                    self._class_body(body)
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    taken = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
                    self._taken.extend((path, node.name, each.arg) for each in taken)
                    sources = {key for value in _returned(node) for key in _sources(path, value)}
                    self._flows.append((("", node.name), frozenset(sources)))
                case ast.Assign(targets=targets, value=value):
                    self._flow(path, targets, value)
                case ast.AnnAssign(target=target, value=ast.expr() as value):
                    self._flow(path, [target], value)
                case ast.NamedExpr(target=target, value=value):
                    self._flow(path, [target], value)
                case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
                    self._flow(path, [target], value)
                case ast.withitem(context_expr=value, optional_vars=ast.expr() as target):
                    self._flow(path, [target], value)
                case _:
                    pass
        return calls

    def _class_body(self, body: list[ast.stmt]) -> None:
        """Note what a class and its instances both set: `call = first`, or a method `save` and `self.save = ...`."""
        for statement in body:
            if isinstance(statement, ast.Assign | ast.AnnAssign):
                targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                self._stores.update(("", each.id) for each in targets if isinstance(each, ast.Name))
        methods = {each.name: each for each in body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}
        for method in methods.values():
            for node in walk(method, (ast.Attribute,)):
                if isinstance(node.ctx, ast.Store) and node.attr in methods:
                    self._patched.add(node.attr)

    def _flow(self, path: str, targets: list[ast.expr], value: ast.expr) -> None:
        sources = frozenset(_sources(path, value))
        for target in targets:
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


def _returned(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.expr]:
    for node in walk(function, (ast.Return, ast.Yield)):
        if node.value is not None:
            yield node.value
