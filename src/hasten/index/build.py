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
    cmp OPERATOR OTHER · fmt · bin OPERATOR · bin Add|BitOr USE (of what they put together)
    sub · subdel · idx · key · cond · iter · expr · with NAME? · star ·
    deco SCOPE · default
    base · ann · raise · del · dest (its attribute or item is assigned to) · match · lambda
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from hasten.index import attempts, retry_loops
from hasten.index.attempt_runs import KeptError
from hasten.index.conditions import given, leaves
from hasten.index.expressions import JOINING, Expressions, Shape, Use, base_shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

#: Bump when the form of the facts changes, so that cached ones are made anew.
FACTS_VERSION = 25


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
    return _Walk(text, literals).facts(ast.parse(text))


class _Walk(Expressions):
    """The visit of every statement; one instance per module."""

    def facts(self, tree: ast.Module) -> dict[str, Any]:
        self.open_scope("module", "", 0, len(self.text))
        self.constants = attempts.constants_of(tree)
        self.about_answers = retry_loops.names_status(self.text)
        self.body(tree.body)
        return {
            "starts": self.starts,
            "scopes": self.scopes,
            "binds": self.binds,
            "rebound": _rebound(self.scopes, self.binds),
            "reads": self.reads,
            "calls": self.calls,
            "imports": self.imports,
            "guards": self.guards,
            "blocks": self.blocks,
            "attribute_reads": self.attribute_reads,
            "attribute_stores": self.attribute_stores,
            "attribute_touches": self.attribute_touches,
            "misread": self.misread,
            "item_stores": self.item_stores,
            "fields": self.fields,
            "unpacked": self.unpacked,
            "augmented": self.augmented,
            "attempts": self.attempts,
            "kept_loops": self.kept_loops,
            "trying_loops": self.trying_loops,
            "busy_branches": self.busy_branches,
            "yielded": self.yielded,
            "delegated": self.delegated,
            "modules_read": self.modules_read,
            "strings": self.strings,
            "big": self.big,
            "infinite": self.infinite,
            "conditions": self.conditions,
            "keyed": self.keyed,
            "floats": "float" in self.text,
            "tails": _numbers(_tail(record[3]) for record in self.calls),
            "definitions": _numbers(each[1] if each[0] in {"function", "class"} else "" for each in self.scopes),
            "keywords": sorted({word for record in self.calls for word, *_ in record[4] if word}),
            "classes": [number for number, each in enumerate(self.scopes) if each[0] == "class"],
        }

    def body(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            visit = _VISITS.get(type(statement))
            if visit is not None:
                visit(self, statement)
            elif not isinstance(statement, (ast.Pass, ast.Break, ast.Continue)):
                self.other_statement(statement)

    def nested(self, statements: list[ast.stmt], mark: str, kind: str, header: int) -> None:
        """Visit the statements of a block.

        Args:
            statements: those of the block; with none there is no block.
            mark: the condition that they run under, `""` where they run in any case.
            kind: see `hasten.index.module.Block`.
            header: where the statement begins that the block belongs to.
        """
        if not statements:
            return
        outer, nest = self.block, self.nest
        self.block = len(self.blocks)
        self.blocks.append([outer, kind, header, *self.extent(statements)])
        self.nest = nest + mark
        self.body(statements)
        self.block, self.nest = outer, nest

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
        if value[0] == "c" and len(uses) == 1 and uses[0] == ["unpack"]:
            parts = node.targets[0].elts  # type: ignore[attr-defined]
            if all(isinstance(each, ast.Name) for each in parts):
                self.unpacked.append([value[1], [[each.id, self.start(each)] for each in parts]])

    def target_uses(self, target: ast.expr, uses: list[Use]) -> None:
        kind = type(target)
        if kind is ast.Name:
            uses.append(["asg", self.scope, target.id])  # type: ignore[attr-defined]
        elif kind is ast.Attribute:
            uses.append(["asgattr", base_shape(target.value), target.attr])  # type: ignore[attr-defined]
        elif kind is ast.Subscript:
            uses.append(["asgsub"])
        else:
            uses.append(["unpack"])

    def ann_assign(self, node: ast.AnnAssign) -> None:
        annotation = self.annotation(node.annotation)
        if isinstance(node.target, ast.Name) and self.scopes[self.scope][0] == "class":
            self.fields.append([self.scope, node.target.id, annotation])
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
        target = node.target
        value = self.visit(
            node.value,
            ["bin", operator, ["asg", self.scope, target.id]]
            if operator in JOINING and isinstance(target, ast.Name)
            else ["bin", operator],
        )
        if isinstance(node.target, ast.Name):
            start, end = self.at(node.target)
            self.reads[self.scope].setdefault(node.target.id, []).append([start, end, ["aug"]])
        else:
            self.augmented.append(self.start(node.target))
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
        start = self.start(node)
        if self.about_answers and retry_loops.asks_again(node):
            self.busy_branches.append(start)
        self.nested(node.body, "T" if name == "TYPE_CHECKING" else "I", "main" if _is_main(test) else "if", start)
        self.nested(node.orelse, "I", "else", start)
        ends = "y" * leaves(node.body) + "n" * leaves(node.orelse)
        news = given(node.body), given(node.orelse)
        inner = len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If)
        otherwise = self.extent(node.orelse) if node.orelse else None
        self.condition("if", node, test, self.extent(node.body), otherwise, ends, inner=inner, given=news)

    def extent(self, statements: list[ast.stmt]) -> tuple[int, int]:
        """Return where the statements of a block begin and end."""
        decorators = getattr(statements[0], "decorator_list", None)
        return self.start(decorators[0] if decorators else statements[0]), self.at(statements[-1])[1]

    def for_(self, node: ast.For | ast.AsyncFor) -> None:
        value = self.visit(node.iter, ["iter"])
        self.store(node.target, "for", value)
        start = self.start(node)
        self.note_loop(node, start)
        self.nested(node.body, "L", "async for" if isinstance(node, ast.AsyncFor) else "for", start)
        self.nested(node.orelse, "L", "else", start)

    def while_(self, node: ast.While) -> None:
        self.visit(node.test, ["cond"])
        self.condition("while", node, node.test, self.extent(node.body), None)
        start = self.start(node)
        self.note_loop(node, start)
        self.nested(node.body, "L", "while", start)
        self.nested(node.orelse, "L", "else", start)

    def note_loop(self, node: ast.For | ast.AsyncFor | ast.While, start: int) -> None:
        if retry_loops.is_trying(node):
            self.trying_loops.append(start)

    def with_(self, node: ast.With | ast.AsyncWith) -> None:
        outer = self.guard
        for item in node.items:
            bound = item.optional_vars
            name = bound.id if isinstance(bound, ast.Name) else ""
            value = self.visit(item.context_expr, ["with", name])
            if bound is not None:
                self.store(bound, "with", value)
            self.guards.append([self.guard, "with", value, *self.at(node), name, self.at(item.context_expr)[1]])
            self.guard = len(self.guards) - 1
        self.nested(node.body, "", "async with" if isinstance(node, ast.AsyncWith) else "with", self.start(node))
        self.guard = outer

    def try_(self, node: Any) -> None:  # noqa: ANN401 - several node types with nothing in common but these fields
        outer = self.guard
        handlers: list[Any] = []
        start, end = self.at(node)
        if node.handlers:
            self.guards.append([outer, "try", handlers, start, end, "", start])
            self.guard = len(self.guards) - 1
        self.nested(node.body, "t", "try", start)
        self.guard = outer
        for handler in node.handlers:
            types = self.visit(handler.type, ["except"]) if handler.type is not None else None
            span = self.at(handler)
            handlers.append([types, handler.name, *span, [_kind_of(each) for each in handler.body]])
            if handler.name:
                self.bind(handler.name, "except", types, span[0])
            self.nested(handler.body, "e", "except", start)
        self.nested(node.orelse, "t", "else", start)
        self.nested(node.finalbody, "f", "finally", start)

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        start, end = self.at(node)
        decorating: Use = ["deco"]
        decorators = [self.visit(each, decorating) for each in node.decorator_list]
        parameters = self.parameters(node.args)
        returns = self.annotation(node.returns) if node.returns is not None else None
        # Lambdas and comprehensions among all these are scopes, too, and have their numbers by now.
        scope = self.open_scope("function", node.name, start, end)
        decorating.append(scope)
        record = self.scopes[scope]
        record[5], record[6], record[7] = parameters, decorators, returns
        record[8] = "a" if isinstance(node, ast.AsyncFunctionDef) else ""
        self.bind(node.name, "def", scope, start)
        self.inside(scope, lambda: self.function_body(node.args, node.body))
        if any(isinstance(each, (ast.For, ast.While)) for each in node.body):
            self.note_attempts(scope, node)

    def note_attempts(self, scope: int, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Note that a function only tries something again, or why it is more: see `hasten.index.attempts`."""
        try:
            found = attempts.read(node, self.constants)
        except KeptError as error:
            self.kept_loops.append([scope, error.reason, self.start(error.node)])
            return
        if found is not None:
            counters = [list(self.at(each)) for each in found.counters]
            logs = [self.start(each) for each in found.logs]
            errors = ast.unparse(found.errors)
            loop, sleep = self.at(found.loop), self.start(found.sleep)
            named = dict(found.named)
            lost = self.start(found.lost) if found.lost is not None else -1
            numbers = [list(found.waits), found.limit, named]
            self.attempts.append([scope, *loop, errors, *numbers, counters, sleep, logs, lost])

    def function_body(self, arguments: ast.arguments, statements: list[ast.stmt]) -> None:
        self.bind_parameters(arguments)
        self.body(statements)

    def class_(self, node: ast.ClassDef) -> None:
        start, end = self.at(node)
        decorating: Use = ["deco"]
        decorators = [self.visit(each, decorating) for each in node.decorator_list]
        bases = [self.visit(each, ["base"]) for each in node.bases]
        for keyword in node.keywords:
            self.visit(keyword.value, ["base"])
        scope = self.open_scope("class", node.name, start, end)
        decorating.append(scope)
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
        self.condition("assert", node, node.test, None, None)
        if node.msg is not None:
            self.visit(node.msg, ["fmt"])

    def delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.bind(target.id, "del", None, self.start(target))
            elif isinstance(target, (ast.Attribute, ast.Subscript)):
                base = self.visit(target.value, ["dest"])
                self.augmented.append(self.start(target))  # what is gone cannot be deleted again
                if isinstance(target, ast.Subscript):
                    self.visit(target.slice, ["idx"])
                else:
                    self.attribute_touches.setdefault(target.attr, []).append([base, self.scope, self.start(target)])

    def global_(self, node: ast.Global | ast.Nonlocal) -> None:
        kind = "global" if isinstance(node, ast.Global) else "nonlocal"
        for name in node.names:
            self.bind(name, kind, None, self.start(node))

    def match(self, node: ast.Match) -> None:
        self.visit(node.subject, ["match"])
        start = self.start(node)
        for case in node.cases:
            for each in ast.walk(case.pattern):
                name = getattr(each, "name", None) or getattr(each, "rest", None)
                if isinstance(name, str):
                    self.bind(name, "match", None, self.start(each))
                elif isinstance(each, (ast.MatchValue, ast.MatchClass)):
                    self.visit(each.value if isinstance(each, ast.MatchValue) else each.cls, ["match"])
                for word in getattr(each, "kwd_attrs", ()):  # case Point(x=0)
                    touched = [["x", "MatchClass"], self.scope, self.start(each)]
                    self.attribute_touches.setdefault(word, []).append(touched)
            if case.guard is not None:
                self.visit(case.guard, ["cond"])
            self.nested(case.body, "I", "case", start)


#: By node type, as `hasten.index.expressions._VISITS` is.
_VISITS: dict[type[ast.AST], Callable[[Any, Any], None]] = {
    ast.Expr: _Walk.expr_statement,
    ast.Assign: _Walk.assign,
    ast.AnnAssign: _Walk.ann_assign,
    ast.AugAssign: _Walk.aug_assign,
    ast.Return: _Walk.return_,
    ast.If: _Walk.if_,
    ast.For: _Walk.for_,
    ast.AsyncFor: _Walk.for_,
    ast.While: _Walk.while_,
    ast.With: _Walk.with_,
    ast.AsyncWith: _Walk.with_,
    ast.Try: _Walk.try_,
    ast.FunctionDef: _Walk.function,
    ast.AsyncFunctionDef: _Walk.function,
    ast.ClassDef: _Walk.class_,
    ast.Import: _Walk.import_,
    ast.ImportFrom: _Walk.import_from,
    ast.Raise: _Walk.raise_,
    ast.Assert: _Walk.assert_,
    ast.Delete: _Walk.delete,
    ast.Global: _Walk.global_,
    ast.Nonlocal: _Walk.global_,
    ast.Match: _Walk.match,
    ast.TryStar: _Walk.try_,
}


def _rebound(scopes: list[Any], binds: list[dict[str, list[Any]]]) -> dict[str, list[list[int]]]:
    """Return, by name, `[owner, scope]` for each scope that binds a name of another one: `global` and `nonlocal`."""
    found: dict[str, list[list[int]]] = {}
    for number, table in enumerate(binds):
        for name, records in table.items():
            kinds = {each[0] for each in records}
            if len(kinds) < 2 or kinds.isdisjoint({"global", "nonlocal"}):  # noqa: PLR2004 - declared, and bound
                continue
            owner = 0 if "global" in kinds else scopes[number][2]
            while owner > 0 and (
                scopes[owner][0] == "class"
                or not any(each[0] != "nonlocal" for each in binds[owner].get(name, ()))
                or any(each[0] == "nonlocal" for each in binds[owner][name])
            ):
                owner = scopes[owner][2]
            if owner != number:
                found.setdefault(name, []).append([owner, number])
    return found


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


def _is_main(test: ast.expr) -> bool:
    """Tell whether a test is `__name__ == "__main__"`, either way round."""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], ast.Eq):
        return False
    sides = [test.left, test.comparators[0]]
    names = [each.id for each in sides if isinstance(each, ast.Name)]
    return names == ["__name__"] and any(isinstance(each, ast.Constant) and each.value == "__main__" for each in sides)


def _kind_of(statement: ast.stmt) -> str:
    """Return the kind of a statement of a handler; a bare `raise` is told from one that raises something else."""
    if isinstance(statement, ast.Raise) and statement.exc is None:
        return "Reraise"
    return type(statement).__name__
