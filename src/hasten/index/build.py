"""Read one module's syntax tree into facts: scopes, bindings, reads, calls, and where each value goes.

The result is made of lists, strings and numbers only, so that it crosses process borders and fits the cache as JSON;
`hasten.index.program` gives it names and types. One walk does it all: every expression is visited once, with the *use*
that its surroundings make of its value, and returns its *shape* for those who want to know what flows into them.

Shapes (what a value is made of), by first element:
    n NAME · k TYPE REPR (constant) · c CALL · a SHAPE ATTRIBUTE · d [[key|null, value], ...] · l/t/s [elements] · f
    [parts]
    o OPERATOR LEFT RIGHT · u OPERATOR SHAPE · b [operands] · ? [if, else] · i SHAPE INDEX (subscript) · w SHAPE (await)
    m SCOPE (lambda) · g KIND ELEMENT (comprehension) · x NODE (anything else)

Uses (what happens to a value), by first element:
    arg CALL POSITION|KEYWORD|*|** · call CALL (it is called by its bare name) · meth NAME CALL · attr NAME USE ·
    callee CALL
    asg SCOPE NAME · asgattr SHAPE NAME · asgsub · unpack · aug · ret SCOPE · yield SCOPE · await USE · elem KIND USE
    cmp OPERATOR OTHER · fmt · bin OPERATOR · sub · subdel · idx · key · cond · iter · expr · with NAME? · star ·
    deco SCOPE · default
    base · ann · raise · del · dest (its attribute or item is assigned to) · match · lambda
"""

from __future__ import annotations

import ast
import math
import re
from typing import TYPE_CHECKING, Any, TypeAlias

from hasten.text import LineTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

#: Bump when the form of the facts changes, so that cached ones are made anew.
FACTS_VERSION = 5

#: Constants longer than this keep only their type.
_LONGEST_CONSTANT = 400
#: Displays longer than this are not kept element by element.
_LONGEST_DISPLAY = 200
_BITS = 63
_BIG = 1 << _BITS

Shape: TypeAlias = list[Any]
Use: TypeAlias = list[Any]

_SCOPE_NODES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def build(text: str, literals: Sequence[str] = ()) -> dict[str, Any]:
    """Return the facts of one module.

    Args:
        text: the module's source.
        literals: regular expressions; string constants in which one is found are kept.

    Raises:
        SyntaxError: the text is not Python for the running interpreter.
        RecursionError: the text nests too deep for the parser or the walk.
        ValueError: the text holds a NUL.
    """
    return _Builder(text, literals).facts(ast.parse(text))


class _Builder:
    """The walk; one instance per module."""

    def __init__(self, text: str, literals: Sequence[str]) -> None:
        self.text = text
        self.lines = LineTable(text)
        self.starts = self.lines._starts  # noqa: SLF001 - the hottest loop of the engine reads it directly
        self.ascii = text.isascii()
        self.literals = re.compile("|".join(f"(?:{each})" for each in literals)) if literals else None
        self.scopes: list[Any] = []
        self.binds: list[dict[str, list[Any]]] = []
        self.reads: list[dict[str, list[Any]]] = []
        self.calls: list[Any] = []
        self.imports: list[Any] = []
        self.guards: list[Any] = []
        self.attribute_reads: dict[str, list[Any]] = {}
        self.attribute_stores: dict[str, list[Any]] = {}
        self.item_stores: list[Any] = []
        self.strings: list[Any] = []
        self.big: list[int] = []
        self.infinite: list[int] = []
        self.scope = 0
        self.guard = -1
        self.nest = ""
        self.fstring = False
        self.expressions: dict[type[ast.AST], Callable[[Any, Use], Shape]] = {
            ast.Name: self.name,
            ast.Constant: self.constant,
            ast.Call: self.call,
            ast.Attribute: self.attribute,
            ast.Dict: self.dict_,
            ast.List: self.display,
            ast.Tuple: self.display,
            ast.Set: self.display,
            ast.JoinedStr: self.joined,
            ast.FormattedValue: self.formatted,
            ast.BinOp: self.binop,
            ast.UnaryOp: self.unary,
            ast.BoolOp: self.boolop,
            ast.IfExp: self.ifexp,
            ast.Compare: self.compare,
            ast.Subscript: self.subscript,
            ast.Starred: self.starred,
            ast.Await: self.await_,
            ast.Yield: self.yield_,
            ast.YieldFrom: self.yield_,
            ast.Lambda: self.lambda_,
            ast.ListComp: self.comprehension,
            ast.SetComp: self.comprehension,
            ast.GeneratorExp: self.comprehension,
            ast.DictComp: self.comprehension,
            ast.NamedExpr: self.named,
            ast.Slice: self.slice_,
        }
        self.statements: dict[type[ast.AST], Callable[[Any], None]] = {
            ast.Expr: self.expr_statement,
            ast.Assign: self.assign,
            ast.AnnAssign: self.ann_assign,
            ast.AugAssign: self.aug_assign,
            ast.Return: self.return_,
            ast.If: self.if_,
            ast.For: self.for_,
            ast.AsyncFor: self.for_,
            ast.While: self.while_,
            ast.With: self.with_,
            ast.AsyncWith: self.with_,
            ast.Try: self.try_,
            ast.FunctionDef: self.function,
            ast.AsyncFunctionDef: self.function,
            ast.ClassDef: self.class_,
            ast.Import: self.import_,
            ast.ImportFrom: self.import_from,
            ast.Raise: self.raise_,
            ast.Assert: self.assert_,
            ast.Delete: self.delete,
            ast.Global: self.global_,
            ast.Nonlocal: self.global_,
            ast.Match: self.match,
            ast.TryStar: self.try_,
        }

    def facts(self, tree: ast.Module) -> dict[str, Any]:
        self.open_scope("module", "", 0, len(self.text))
        self.body(tree.body)
        return {
            "starts": self.starts,
            "scopes": self.scopes,
            "binds": self.binds,
            "reads": self.reads,
            "calls": self.calls,
            "imports": self.imports,
            "guards": self.guards,
            "attribute_reads": self.attribute_reads,
            "attribute_stores": self.attribute_stores,
            "item_stores": self.item_stores,
            "strings": self.strings,
            "big": self.big,
            "infinite": self.infinite,
            "tails": _numbers(_tail(record[3]) for record in self.calls),
            "definitions": _numbers(each[1] if each[0] in {"function", "class"} else "" for each in self.scopes),
            "classes": [number for number, each in enumerate(self.scopes) if each[0] == "class"],
        }

    # --- places -------------------------------------------------------------------------------------------------

    def at(self, node: Any) -> tuple[int, int]:  # noqa: ANN401 - several node types with nothing in common but these fields
        """Return the character offsets of `node`."""
        if self.ascii:
            return self.starts[node.lineno - 1] + node.col_offset, self.starts[
                node.end_lineno - 1
            ] + node.end_col_offset
        offset = self.lines.offset
        return offset(node.lineno, node.col_offset), offset(node.end_lineno, node.end_col_offset)

    def start(self, node: Any) -> int:  # noqa: ANN401 - several node types with nothing in common but these fields
        if self.ascii:
            return int(self.starts[node.lineno - 1] + node.col_offset)
        return self.lines.offset(node.lineno, node.col_offset)

    def open_scope(self, kind: str, name: str, start: int, end: int) -> int:
        parent = self.scope if self.scopes else -1
        self.scopes.append([kind, name, parent, start, end, [], [], None, "", [], self.guard, []])
        self.binds.append({})
        self.reads.append({})
        return len(self.scopes) - 1

    def bind(self, name: str, kind: str, payload: object, start: int, scope: int | None = None) -> None:
        table = self.binds[self.scope if scope is None else scope]
        table.setdefault(name, []).append([kind, payload, start, self.nest])

    # --- statements ---------------------------------------------------------------------------------------------

    def body(self, statements: list[ast.stmt]) -> None:
        table = self.statements
        for statement in statements:
            visit = table.get(type(statement))
            if visit is not None:
                visit(statement)
            elif not isinstance(statement, (ast.Pass, ast.Break, ast.Continue)):
                self.other_statement(statement)

    def nested(self, statements: list[ast.stmt], mark: str) -> None:
        """Visit statements that run under a condition; `mark` says which."""
        before = self.nest
        self.nest = before + mark
        self.body(statements)
        self.nest = before

    def other_statement(self, node: ast.stmt) -> None:
        """Visit a statement that this version does not know (`type X = ...`), reads and all."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
                    self.bind(child.id, "other", None, self.start(child))
                else:
                    self.visit(child, ["ann"])

    def expr_statement(self, node: ast.Expr) -> None:
        value = node.value
        if isinstance(value, ast.Constant) and isinstance(value.value, str) and ">>>" not in value.value:
            return  # a docstring is nobody's data, unless a doctest runs it
        self.visit(value, ["expr"])

    def assign(self, node: ast.Assign) -> None:
        uses: list[Use] = []
        for target in node.targets:
            self.target_uses(target, uses)
        value = self.visit(node.value, uses[0] if len(uses) == 1 else ["multi", uses])
        for target in node.targets:
            self.store(target, "assign", value)

    def target_uses(self, target: ast.expr, uses: list[Use]) -> None:
        kind = type(target)
        if kind is ast.Name:
            uses.append(["asg", self.scope, target.id])  # type: ignore[attr-defined]
        elif kind is ast.Attribute:
            uses.append(["asgattr", _base_shape(target.value), target.attr])  # type: ignore[attr-defined]
        elif kind is ast.Subscript:
            uses.append(["asgsub"])
        else:
            uses.append(["unpack"])

    def store(self, target: ast.expr, kind: str, value: Shape | None) -> None:
        """Record that `target` takes `value`."""
        if isinstance(target, ast.Name):
            self.bind(target.id, kind, value, self.start(target))
        elif isinstance(target, ast.Attribute):
            base = self.visit(target.value, ["dest"])
            self.attribute_stores.setdefault(target.attr, []).append([base, value, self.scope, self.start(target)])
        elif isinstance(target, ast.Subscript):
            base = self.visit(target.value, ["dest"])
            key = self.visit(target.slice, ["idx"])
            self.item_stores.append([base, key, value, self.scope])
        elif isinstance(target, (ast.Tuple, ast.List)):
            for element in target.elts:
                self.store(element, "unpack", value)
        elif isinstance(target, ast.Starred):
            self.store(target.value, "unpack", value)

    def ann_assign(self, node: ast.AnnAssign) -> None:
        annotation = self.visit(node.annotation, ["ann"])
        if node.value is None:
            if isinstance(node.target, ast.Name):
                self.bind(node.target.id, "declared", annotation, self.start(node.target))
            else:
                self.store(node.target, "declared", annotation)
            return
        uses: list[Use] = []
        self.target_uses(node.target, uses)
        value = self.visit(node.value, uses[0])
        self.store(node.target, "assign", value)

    def aug_assign(self, node: ast.AugAssign) -> None:
        operator = type(node.op).__name__
        value = self.visit(node.value, ["bin", operator])
        if isinstance(node.target, ast.Name):
            start, end = self.at(node.target)
            self.reads[self.scope].setdefault(node.target.id, []).append([start, end, ["aug"]])
        self.store(node.target, "aug", value)

    def return_(self, node: ast.Return) -> None:
        if node.value is not None:
            scope = self.scope
            shape = self.visit(node.value, ["ret", scope])
            self.scopes[scope][11].append(shape)

    def if_(self, node: ast.If) -> None:
        self.visit(node.test, ["cond"])
        test = node.test
        name = test.id if isinstance(test, ast.Name) else test.attr if isinstance(test, ast.Attribute) else ""
        self.nested(node.body, "T" if name == "TYPE_CHECKING" else "I")
        self.nested(node.orelse, "I")

    def for_(self, node: ast.For | ast.AsyncFor) -> None:
        value = self.visit(node.iter, ["iter"])
        self.store(node.target, "for", value)
        self.nested(node.body, "L")
        self.nested(node.orelse, "L")

    def while_(self, node: ast.While) -> None:
        self.visit(node.test, ["cond"])
        self.nested(node.body, "L")
        self.nested(node.orelse, "L")

    def with_(self, node: ast.With | ast.AsyncWith) -> None:
        outer = self.guard
        for item in node.items:
            bound = item.optional_vars
            name = bound.id if isinstance(bound, ast.Name) else ""
            value = self.visit(item.context_expr, ["with", name])
            if bound is not None:
                self.store(bound, "with", value)
            if value[0] == "c":
                start, end = self.at(node)
                self.guards.append([self.guard, "with", value[1], start, end, name])
                self.guard = len(self.guards) - 1
        self.body(node.body)
        self.guard = outer

    def try_(self, node: Any) -> None:  # noqa: ANN401 - several node types with nothing in common but these fields
        outer = self.guard
        handlers: list[Any] = []
        start, end = self.at(node)
        if node.handlers:
            self.guards.append([outer, "try", handlers, start, end, ""])
            self.guard = len(self.guards) - 1
        self.nested(node.body, "t")
        self.guard = outer
        for handler in node.handlers:
            types = self.visit(handler.type, ["except"]) if handler.type is not None else None
            span = self.at(handler)
            handlers.append([types, handler.name, *span, [_kind_of(each) for each in handler.body]])
            if handler.name:
                self.bind(handler.name, "except", types, span[0])
            self.nested(handler.body, "e")
        self.nested(node.orelse, "t")
        self.nested(node.finalbody, "f")

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        start, end = self.at(node)
        decorators = [self.visit(each, ["deco", len(self.scopes)]) for each in node.decorator_list]
        parameters = self.parameters(node.args)
        returns = self.visit(node.returns, ["ann"]) if node.returns is not None else None
        scope = self.open_scope("function", node.name, start, end)
        record = self.scopes[scope]
        record[5], record[6], record[7] = parameters, decorators, returns
        record[8] = "a" if isinstance(node, ast.AsyncFunctionDef) else ""
        self.bind(node.name, "def", scope, start)
        self.inside(scope, lambda: self.function_body(node.args, node.body))

    def function_body(self, arguments: ast.arguments, statements: list[ast.stmt]) -> None:
        self.bind_parameters(arguments)
        self.body(statements)

    def inside(self, scope: int, action: Callable[[], None]) -> None:
        """Run `action` with `scope` as the current one; guards do not reach into a body that runs later."""
        before = self.scope, self.guard, self.nest
        self.scope, self.guard, self.nest = scope, -1, ""
        action()
        self.scope, self.guard, self.nest = before

    def parameters(self, arguments: ast.arguments) -> list[Any]:
        """Return `[name, kind, annotation, default, is last positional default]` per parameter, in order."""
        result: list[Any] = []
        positional = arguments.posonlyargs + arguments.args
        defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults)) + list(
            arguments.defaults
        )
        groups: list[tuple[ast.arg, str, ast.expr | None]] = [
            (each, "posonly" if index < len(arguments.posonlyargs) else "plain", default)
            for index, (each, default) in enumerate(zip(positional, defaults, strict=True))
        ]
        if arguments.vararg:
            groups.append((arguments.vararg, "*", None))
        groups += [
            (each, "kw", default) for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        ]
        if arguments.kwarg:
            groups.append((arguments.kwarg, "**", None))
        for each, kind, default in groups:
            annotation = self.visit(each.annotation, ["ann"]) if each.annotation is not None else None
            value = self.visit(default, ["default"]) if default is not None else None
            result.append([each.arg, kind, annotation, value])
        return result

    def bind_parameters(self, arguments: ast.arguments) -> None:
        for index, each in enumerate(
            [
                *arguments.posonlyargs,
                *arguments.args,
                *([arguments.vararg] if arguments.vararg else []),
                *arguments.kwonlyargs,
                *([arguments.kwarg] if arguments.kwarg else []),
            ]
        ):
            self.bind(each.arg, "param", index, self.start(each))

    def class_(self, node: ast.ClassDef) -> None:
        start, end = self.at(node)
        decorators = [self.visit(each, ["deco", len(self.scopes)]) for each in node.decorator_list]
        bases = [self.visit(each, ["base"]) for each in node.bases]
        for keyword in node.keywords:
            self.visit(keyword.value, ["base"])
        scope = self.open_scope("class", node.name, start, end)
        record = self.scopes[scope]
        record[6], record[9] = decorators, bases
        self.bind(node.name, "class", scope, start)
        before = self.scope, self.nest
        self.scope, self.nest = scope, ""
        self.body(node.body)
        self.scope, self.nest = before

    def import_(self, node: ast.Import) -> None:
        span = self.at(node)
        for index, alias in enumerate(node.names):
            bound = alias.asname or alias.name.partition(".")[0]
            self.bind(bound, "import", len(self.imports), span[0])
            self.imports.append([self.scope, *span, index, "", alias.name, alias.asname, 0, self.nest, *self.at(alias)])

    def import_from(self, node: ast.ImportFrom) -> None:
        span = self.at(node)
        for index, alias in enumerate(node.names):
            if alias.name != "*":
                self.bind(alias.asname or alias.name, "import", len(self.imports), span[0])
            self.imports.append(
                [
                    self.scope,
                    *span,
                    index,
                    node.module or "",
                    alias.name,
                    alias.asname,
                    node.level or -1,
                    self.nest,
                    *self.at(alias),
                ]
            )

    def raise_(self, node: ast.Raise) -> None:
        for each in (node.exc, node.cause):
            if each is not None:
                self.visit(each, ["raise"])

    def assert_(self, node: ast.Assert) -> None:
        self.visit(node.test, ["cond"])
        if node.msg is not None:
            self.visit(node.msg, ["fmt"])

    def delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.bind(target.id, "del", None, self.start(target))
            elif isinstance(target, (ast.Attribute, ast.Subscript)):
                self.visit(target.value, ["dest"])
                if isinstance(target, ast.Subscript):
                    self.visit(target.slice, ["idx"])

    def global_(self, node: ast.Global | ast.Nonlocal) -> None:
        kind = "global" if isinstance(node, ast.Global) else "nonlocal"
        for name in node.names:
            self.bind(name, kind, None, self.start(node))

    def match(self, node: ast.Match) -> None:
        self.visit(node.subject, ["match"])
        for case in node.cases:
            for each in ast.walk(case.pattern):
                name = getattr(each, "name", None) or getattr(each, "rest", None)
                if isinstance(name, str):
                    self.bind(name, "match", None, self.start(each))
                elif isinstance(each, (ast.MatchValue, ast.MatchClass)):
                    self.visit(each.value if isinstance(each, ast.MatchValue) else each.cls, ["match"])
            if case.guard is not None:
                self.visit(case.guard, ["cond"])
            self.nested(case.body, "I")

    # --- expressions --------------------------------------------------------------------------------------------

    def visit(self, node: ast.expr, use: Use) -> Shape:
        return self.expressions.get(type(node), self.other_expression)(node, use)

    def other_expression(self, node: ast.expr, use: Use) -> Shape:
        """Visit an expression that this version does not know (t-strings), as text that is put together."""
        for child in ast.walk(node):
            if child is not node and isinstance(child, (ast.Name, ast.Call)):
                self.visit(child, ["fmt"])
        return ["x", type(node).__name__, use[0]]

    def name(self, node: ast.Name, use: Use) -> Shape:
        name = node.id
        start = self.starts[node.lineno - 1] + node.col_offset if self.ascii else self.start(node)
        self.reads[self.scope].setdefault(name, []).append([start, start + len(name), use])
        return ["n", name]

    def constant(self, node: ast.Constant, use: Use) -> Shape:
        value = node.value
        if isinstance(value, str):
            if self.literals is not None and self.literals.search(value):
                self.strings.append(
                    [self.start(node), value if value.isascii() or _encodable(value) else ascii(value), use, self.scope]
                )
            if len(value) > _LONGEST_CONSTANT or not _encodable(value):
                return ["k", "str", None]
            return ["k", "str", value]
        if isinstance(value, int) and not isinstance(value, bool) and not -_BIG <= value < 2 * _BIG:
            self.big.append(self.start(node))
            return ["k", "int", None]
        if value == math.inf:
            self.infinite.append(self.start(node))
        if isinstance(value, (bool, int, float, type(None))):
            return ["k", type(value).__name__, repr(value)]
        if (
            isinstance(value, bytes)
            and self.literals is not None
            and self.literals.search(text := value.decode("latin-1"))
        ):
            self.strings.append([self.start(node), text, use, self.scope])
        return ["k", type(value).__name__, None]

    def call(self, node: ast.Call, use: Use) -> Shape:
        index = len(self.calls)
        start, end = self.at(node)
        # A `#` inside a call of several lines may be a comment, which no rewrite may drop.
        commented = node.end_lineno != node.lineno and "#" in self.text[start:end]
        misplaced = self.fstring and not self.is_at(node, start, end)
        record: list[Any] = [start, end, self.scope, None, None, use, self.guard, misplaced, commented]
        self.calls.append(record)
        function = node.func
        kind = type(function)
        if kind is ast.Name:
            record[3] = self.name(function, ["call", index])  # type: ignore[arg-type]
        elif kind is ast.Attribute:
            attribute: Any = function
            record[3] = ["a", self.visit(attribute.value, ["meth", attribute.attr, index]), attribute.attr]
        else:
            record[3] = self.visit(function, ["callee", index])
        arguments: list[Any] = []
        for position, argument in enumerate(node.args):
            if isinstance(argument, ast.Starred):
                arguments.append(["*", self.visit(argument.value, ["arg", index, "*"]), *self.at(argument)])
            else:
                arguments.append([None, self.visit(argument, ["arg", index, position]), *self.at(argument)])
        for keyword in node.keywords:
            word = keyword.arg or "**"
            arguments.append([word, self.visit(keyword.value, ["arg", index, word]), *self.at(keyword.value)])
        record[4] = arguments
        return ["c", index]

    def is_at(self, node: ast.Call, start: int, end: int) -> bool:
        """Tell whether a call inside an f-string is where the parser says: before Python 3.12 it often is not."""
        try:
            found = ast.parse(self.text[start:end], mode="eval").body
        except SyntaxError:
            return False
        return ast.dump(found) == ast.dump(node)

    def attribute(self, node: ast.Attribute, use: Use) -> Shape:
        base = self.visit(node.value, ["attr", node.attr, use])
        self.attribute_reads.setdefault(node.attr, []).append([base, use, self.scope, *self.at(node)])
        return ["a", base, node.attr]

    def dict_(self, node: ast.Dict, use: Use) -> Shape:
        inner: Use = ["elem", "dict", use]
        pairs: list[Any] = []
        for key, value in zip(node.keys, node.values, strict=True):
            name = None if key is None else self.visit(key, ["key"])
            pairs.append([name, self.visit(value, inner)])
        return ["d", pairs] if len(pairs) <= _LONGEST_DISPLAY else ["x", "Dict"]

    def display(self, node: ast.List | ast.Tuple | ast.Set, use: Use) -> Shape:
        inner: Use = ["elem", type(node).__name__.lower(), use]
        elements = [self.visit(each, inner) for each in node.elts]
        if len(elements) > _LONGEST_DISPLAY:
            return ["x", type(node).__name__]
        return [{ast.List: "l", ast.Tuple: "t", ast.Set: "s"}[type(node)], elements]

    def joined(self, node: ast.JoinedStr, use: Use) -> Shape:  # noqa: ARG002
        outer, self.fstring = self.fstring, True
        parts = [self.visit(each, ["fmt"]) for each in node.values]
        self.fstring = outer
        return ["f", parts]

    def formatted(self, node: ast.FormattedValue, use: Use) -> Shape:  # noqa: ARG002
        shape = self.visit(node.value, ["fmt"])
        if node.format_spec is not None:
            self.visit(node.format_spec, ["fmt"])
        return shape

    def binop(self, node: ast.BinOp, use: Use) -> Shape:  # noqa: ARG002
        operator = type(node.op).__name__
        inner: Use = ["bin", operator]
        left, right = self.visit(node.left, inner), self.visit(node.right, inner)
        if operator in {"Pow", "LShift"} and _is_big(operator, left, right):
            self.big.append(self.start(node))
        return ["o", operator, left, right]

    def unary(self, node: ast.UnaryOp, use: Use) -> Shape:  # noqa: ARG002
        operator = type(node.op).__name__
        return ["u", operator, self.visit(node.operand, ["cond"] if operator == "Not" else ["bin", operator])]

    def boolop(self, node: ast.BoolOp, use: Use) -> Shape:
        return ["b", [self.visit(each, use) for each in node.values]]

    def ifexp(self, node: ast.IfExp, use: Use) -> Shape:
        self.visit(node.test, ["cond"])
        return ["?", [self.visit(node.body, use), self.visit(node.orelse, use)]]

    def compare(self, node: ast.Compare, use: Use) -> Shape:  # noqa: ARG002
        operands = [node.left, *node.comparators]
        others = [_base_shape(each) for each in operands]
        for index, each in enumerate(operands):
            operator = type(node.ops[min(index, len(node.ops) - 1)]).__name__
            neighbour = others[index + 1] if index + 1 < len(others) else others[index - 1]
            side = "r" if index and operator in {"In", "NotIn"} else "l"
            self.visit(each, ["cmp", operator, neighbour, side])
        return ["x", "Compare"]

    def subscript(self, node: ast.Subscript, use: Use) -> Shape:
        index = self.visit(node.slice, ["idx"])
        return ["i", self.visit(node.value, ["sub", use]), index]

    def slice_(self, node: ast.Slice, use: Use) -> Shape:  # noqa: ARG002
        for each in (node.lower, node.upper, node.step):
            if each is not None:
                self.visit(each, ["idx"])
        return ["x", "Slice"]

    def starred(self, node: ast.Starred, use: Use) -> Shape:  # noqa: ARG002
        return ["x", "Starred", self.visit(node.value, ["star"])]

    def await_(self, node: ast.Await, use: Use) -> Shape:
        return ["w", self.visit(node.value, ["await", use])]

    def yield_(self, node: ast.Yield | ast.YieldFrom, use: Use) -> Shape:  # noqa: ARG002
        scope = self.scope
        while self.scopes[scope][0] == "comp":
            scope = self.scopes[scope][2]
        self.scopes[scope][8] = self.scopes[scope][8].replace("g", "") + "g"
        if node.value is not None:
            kind = "yield" if isinstance(node, ast.Yield) else "yieldfrom"
            self.visit(node.value, [kind, scope])
        return ["x", "Yield"]

    def lambda_(self, node: ast.Lambda, use: Use) -> Shape:
        parameters = self.parameters(node.args)
        start, end = self.at(node)
        scope = self.open_scope("lambda", "<lambda>", start, end)
        self.scopes[scope][5] = parameters
        self.scopes[scope][9] = [use]

        def body() -> None:
            self.bind_parameters(node.args)
            self.scopes[scope][11].append(self.visit(node.body, ["ret", scope]))

        self.inside(scope, body)
        return ["m", scope]

    def comprehension(self, node: Any, use: Use) -> Shape:  # noqa: ANN401 - several node types with nothing in common but these fields
        outer, outer_nest = self.scope, self.nest
        first = node.generators[0]
        iterated = self.visit(first.iter, ["iter"])
        start, end = self.at(node)
        scope = self.open_scope("comp", f"<{type(node).__name__}>", start, end)
        self.scope = scope
        for index, generator in enumerate(node.generators):
            value = iterated if index == 0 else self.visit(generator.iter, ["iter"])
            self.store(generator.target, "for", value)
            for condition in generator.ifs:
                self.visit(condition, ["cond"])
        inner: Use = ["elem", type(node).__name__, use]
        if isinstance(node, ast.DictComp):
            element = ["t", [self.visit(node.key, ["key"]), self.visit(node.value, inner)]]
        else:
            element = self.visit(node.elt, inner)
        self.scope, self.nest = outer, outer_nest
        return ["g", type(node).__name__, element]

    def named(self, node: ast.NamedExpr, use: Use) -> Shape:
        scope = self.scope
        while self.scopes[scope][0] == "comp":
            scope = self.scopes[scope][2]
        value = self.visit(node.value, ["multi", [["asg", scope, node.target.id], use]])
        self.bind(node.target.id, "assign", value, self.start(node.target), scope)
        return value


def _numbers(names: Iterable[str]) -> dict[str, list[int]]:
    """Return the numbers of the items by name, those without a name left out."""
    found: dict[str, list[int]] = {}
    for number, name in enumerate(names):
        if name:
            found.setdefault(name, []).append(number)
    return found


def _tail(shape: Shape) -> str:
    """Return the last name of what is called, `""` where it has none."""
    return str(shape[2]) if shape[0] == "a" else str(shape[1]) if shape[0] == "n" else ""


def _base_shape(node: ast.expr) -> Shape:
    """Return the shape of a plain dotted expression or constant without visiting it (it is visited elsewhere)."""
    match node:
        case ast.Name(id=name):
            return ["n", name]
        case ast.Attribute(value=value, attr=attribute):
            return ["a", _base_shape(value), attribute]
        case ast.Constant(value=str() as value) if len(value) <= _LONGEST_CONSTANT and _encodable(value):
            return ["k", "str", value]
        case ast.Constant(value=value):
            return ["k", type(value).__name__, None]
        case _:
            return ["x", type(node).__name__]


def _kind_of(statement: ast.stmt) -> str:
    """Return the kind of a statement of a handler; a bare `raise` is told from one that raises something else."""
    if isinstance(statement, ast.Raise) and statement.exc is None:
        return "Reraise"
    return type(statement).__name__


def _is_big(operator: str, left: Shape, right: Shape) -> bool:
    """Tell whether `2 ** 64` or `1 << 64` and their like leave the 64-bit range, without computing huge powers."""
    if left[:2] != ["k", "int"] or right[:2] != ["k", "int"] or left[2] is None or right[2] is None:
        return False
    base, exponent = int(left[2]), int(right[2])
    if operator == "Pow":
        return base > 1 and exponent * (base.bit_length() - 1) >= _BITS
    return base > 0 and exponent + base.bit_length() > _BITS


def _encodable(value: str) -> bool:
    """Tell whether `value` holds no lone surrogate, which JSON (the form of cached facts) cannot carry."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
