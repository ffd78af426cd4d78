"""Expressions: each is visited once, with the use that its surroundings make of its value, and returns its shape.

The codes for uses and shapes are in `hasten.index.build`.
"""

from __future__ import annotations

import ast
import math
import re
from typing import TYPE_CHECKING, Any, TypeAlias

from hasten.index.conditions import test_of
from hasten.text import LineTable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Constants longer than this keep only their type.
_LONGEST_CONSTANT = 400
#: Displays longer than this are not kept element by element.
_LONGEST_DISPLAY = 200
_BITS = 63
#: Operators whose result holds what their operands hold.
JOINING = frozenset({"Add", "BitOr"})
_BIG = 1 << _BITS

Shape: TypeAlias = list[Any]
Use: TypeAlias = list[Any]


class Expressions:
    """The state of a walk over one module, and the visit of every expression."""

    def __init__(self, text: str, literals: Sequence[str]) -> None:
        """Begin at the top of `text`; `literals` are regular expressions of the strings to keep."""
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
        self.blocks: list[Any] = []
        self.attribute_reads: dict[str, list[Any]] = {}
        self.attribute_stores: dict[str, list[Any]] = {}
        #: By name, what is deleted (`del x.name`) or asked for by a pattern (`case Point(name=0)`): base, scope, place.
        self.attribute_touches: dict[str, list[Any]] = {}
        #: Reads of attributes inside f-strings that are not where the parser says.
        self.misread: list[list[int]] = []
        self.item_stores: list[Any] = []
        #: The names that the body of a class annotates, in order: its scope, the name, the shape of the annotation.
        self.fields: list[Any] = []
        #: What calls give that is taken apart into variables alone: the call, and each variable with its place.
        self.unpacked: list[Any] = []
        #: Where attributes and items begin that an operator changes, or that are deleted: `self.count += 1`.
        self.augmented: list[int] = []
        #: Functions that only try something again: scope, loop, errors, waits, limit, other constants,
        #: counters, sleep, log lines, the last one of these.
        self.attempts: list[list[Any]] = []
        #: Functions with such a loop that do more, or say less: scope, what they do, and where.
        self.kept_loops: list[list[Any]] = []
        #: Where loops begin of which each round may try the same: see `hasten.index.retry_loops`.
        self.trying_loops: list[int] = []
        #: Where branches begin for answers that may be better the next time.
        self.busy_branches: list[int] = []
        self.constants: dict[str, float] = {}
        #: What functions yield: scope, shape, which is None for what another generator yields, and place.
        self.yielded: list[list[Any]] = []
        self.delegated: list[list[Any]] = []
        self.modules_read: list[Any] = []
        self.strings: list[Any] = []
        self.big: list[int] = []
        self.infinite: list[int] = []
        self.conditions: list[Any] = []
        self.scope = 0
        self.guard = -1
        self.block = -1
        self.nest = ""
        self.fstring = False
        #: Whether what is visited stands in `{...=}`, whose text is shown.
        self.shown = False
        self.annotating = False
        self.keyed = False

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
        """Return the character offset at which `node` begins."""
        if self.ascii:
            return int(self.starts[node.lineno - 1] + node.col_offset)
        return self.lines.offset(node.lineno, node.col_offset)

    def open_scope(self, kind: str, name: str, start: int, end: int) -> int:
        """Begin a scope inside the current one and return its number; it is not entered yet."""
        parent = self.scope if self.scopes else -1
        self.scopes.append([kind, name, parent, start, end, [], [], None, "", [], self.guard, []])
        self.binds.append({})
        self.reads.append({})
        return len(self.scopes) - 1

    def bind(self, name: str, kind: str, payload: object, start: int, scope: int | None = None) -> None:
        """Note that a scope, the current one if none is named, gives `name` a value."""
        table = self.binds[self.scope if scope is None else scope]
        table.setdefault(name, []).append([kind, payload, start, self.nest])

    # --- names and bodies ---------------------------------------------------------------------------------------

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
            annotation = self.annotation(each.annotation) if each.annotation is not None else None
            value = self.visit(default, ["default"]) if default is not None else None
            result.append([each.arg, kind, annotation, value])
        return result

    def bind_parameters(self, arguments: ast.arguments) -> None:
        """Bind the parameters in the current scope."""
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

    # --- expressions --------------------------------------------------------------------------------------------

    def visit(self, node: ast.expr, use: Use) -> Shape:
        """Visit any expression."""
        return _VISITS.get(type(node), Expressions.other_expression)(self, node, use)

    def annotation(self, node: ast.expr) -> Shape:
        """Visit an annotation."""
        self.annotating = True
        shape = self.visit(node, ["ann"])
        self.annotating = False
        return shape

    def quoted(self, node: ast.Constant, text: str) -> None:
        """Note what the calls of an annotation in quotes name: `"Annotated[Connection, Depends(connect)]"`.

        A framework evaluates them, and calls what they hand on. Where it is named in the file is where the string is.
        """
        try:
            tree = ast.parse(text.strip(), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return
        start, end = self.at(node)
        calls = (each for each in ast.walk(tree) if isinstance(each, ast.Call))
        for each in {id(part): part for call in calls for part in ast.walk(call)}.values():
            if isinstance(each, ast.Name):
                self.reads[self.scope].setdefault(each.id, []).append([start, end, ["quoted"]])
            elif isinstance(each, ast.Attribute):
                read = [base_shape(each.value), ["quoted"], self.scope, start, end]
                self.attribute_reads.setdefault(each.attr, []).append(read)

    def other_expression(self, node: ast.expr, use: Use) -> Shape:
        """Visit an expression that this version does not know (t-strings), as text that is put together."""
        for child in ast.walk(node):
            if child is not node and isinstance(child, (ast.Name, ast.Call)):
                self.visit(child, ["fmt"])
        return ["x", type(node).__name__, use[0]]

    def name(self, node: ast.Name, use: Use) -> Shape:
        """Visit the read of a variable."""
        name = node.id
        start = self.starts[node.lineno - 1] + node.col_offset if self.ascii else self.start(node)
        self.reads[self.scope].setdefault(name, []).append([start, start + len(name), use])
        return ["n", name]

    def constant(self, node: ast.Constant, use: Use) -> Shape:
        """Visit a constant; strings and numbers that matter are kept."""
        value = node.value
        if isinstance(value, str):
            if self.annotating and "(" in value:
                self.quoted(node, value)
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
        """Visit a call: what is called first, then the arguments in order."""
        index = len(self.calls)
        start, end = self.at(node)
        # A `#` inside a call of several lines may be a comment, which no rewrite may drop.
        commented = node.end_lineno != node.lineno and "#" in self.text[start:end]
        misplaced = self.fstring and (self.shown or not self.is_at(node, start, end))
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

    def is_at(self, node: ast.expr, start: int, end: int) -> bool:
        """Tell whether a part of an f-string is where the parser says: before Python 3.12 it often is not."""
        try:
            found = ast.parse(self.text[start:end], mode="eval").body
        except SyntaxError:
            return False
        return ast.dump(found) == ast.dump(node)

    def attribute(self, node: ast.Attribute, use: Use) -> Shape:
        """Visit the read of an attribute."""
        base = self.visit(node.value, ["attr", node.attr, use])
        span = self.at(node)
        if self.fstring and (self.shown or not self.is_at(node, *span)):
            self.misread.append([*span])
        self.attribute_reads.setdefault(node.attr, []).append([base, use, self.scope, *span])
        return ["a", base, node.attr]

    def dict_(self, node: ast.Dict, use: Use) -> Shape:
        """Visit a dictionary display."""
        inner: Use = ["elem", "dict", use]
        pairs: list[Any] = []
        for key, value in zip(node.keys, node.values, strict=True):
            name = None if key is None else self.visit(key, ["key"])
            if name is not None and name[:2] != ["k", "str"]:
                self.keyed = True
            pairs.append([name, self.visit(value, inner)])
        return ["d", pairs] if len(pairs) <= _LONGEST_DISPLAY else ["x", "Dict"]

    def display(self, node: ast.List | ast.Tuple | ast.Set, use: Use) -> Shape:
        """Visit a list, tuple or set display."""
        inner: Use = ["elem", type(node).__name__.lower(), use]
        elements = [self.visit(each, inner) for each in node.elts]
        if len(elements) > _LONGEST_DISPLAY:
            return ["x", type(node).__name__]
        return [{ast.List: "l", ast.Tuple: "t", ast.Set: "s"}[type(node)], elements]

    def joined(self, node: ast.JoinedStr, use: Use) -> Shape:  # noqa: ARG002
        """Visit an f-string."""
        outer, self.fstring = self.fstring, True
        parts: list[Shape] = []
        for before, each in zip((None, *node.values), node.values, strict=False):
            around, self.shown = self.shown, self.shown or _shows_itself(before, each)
            parts.append(self.visit(each, ["fmt"]))
            self.shown = around
        self.fstring = outer
        return ["f", parts]

    def formatted(self, node: ast.FormattedValue, use: Use) -> Shape:  # noqa: ARG002
        """Visit a field of an f-string."""
        shape = self.visit(node.value, ["fmt"])
        if node.format_spec is not None:
            self.visit(node.format_spec, ["fmt"])
        return shape

    def binop(self, node: ast.BinOp, use: Use) -> Shape:
        """Visit an operator with two operands."""
        operator = type(node.op).__name__
        inner: Use = ["bin", operator]
        if operator in JOINING:
            # `a + b + c` is one joining: what becomes of the whole is kept once.
            inner = use if use[:2] == inner else ["bin", operator, use]
        left, right = self.visit(node.left, inner), self.visit(node.right, inner)
        if _is_big(operator, left, right):
            self.big.append(self.start(node))
            return ["k", "int", None]
        return ["o", operator, left, right]

    def unary(self, node: ast.UnaryOp, use: Use) -> Shape:  # noqa: ARG002
        """Visit an operator with one operand."""
        operator = type(node.op).__name__
        return ["u", operator, self.visit(node.operand, ["cond"] if operator == "Not" else ["bin", operator])]

    def boolop(self, node: ast.BoolOp, use: Use) -> Shape:
        """Visit `and` or `or`, whose value is one of the operands."""
        for number, each in enumerate(node.values[1:], 1):
            before = ast.BoolOp(node.op, node.values[:number])
            if isinstance(node.op, ast.And):
                self.condition("and", node, before, self.at(each), None)
            else:
                self.condition("or", node, before, None, self.at(each))
        return ["b", [self.visit(each, use) for each in node.values]]

    def ifexp(self, node: ast.IfExp, use: Use) -> Shape:
        """Visit `a if b else c`."""
        self.visit(node.test, ["cond"])
        self.condition("ifexp", node, node.test, self.at(node.body), self.at(node.orelse))
        return ["?", [self.visit(node.body, use), self.visit(node.orelse, use)]]

    def condition(
        self,
        kind: str,
        node: Any,  # noqa: ANN401 - several node types with nothing in common but where they are
        test: ast.expr,
        yes: tuple[int, int] | None,
        no: tuple[int, int] | None,
        leaves: str = "",
        *,
        inner: bool = False,
        given: Sequence[Sequence[str]] = ((), ()),
    ) -> None:
        """Record what a condition says of variables, if anything; see `hasten.index.conditions`."""
        asked = test_of(test, base_shape)
        if asked != ["?"] or kind == "if":
            self.conditions.append([self.scope, kind, *self.at(node), asked, yes, no, leaves, inner, given])

    def compare(self, node: ast.Compare, use: Use) -> Shape:  # noqa: ARG002
        """Visit a comparison, chained or not."""
        operands = [node.left, *node.comparators]
        others = [base_shape(each) for each in operands]
        for index, each in enumerate(operands):
            operator = type(node.ops[min(index, len(node.ops) - 1)]).__name__
            neighbour = others[index + 1] if index + 1 < len(others) else others[index - 1]
            side = "r" if index and operator in {"In", "NotIn"} else "l"
            self.visit(each, ["cmp", operator, neighbour, side])
        return ["x", "Compare"]

    def subscript(self, node: ast.Subscript, use: Use) -> Shape:
        """Visit the read of an item."""
        index = self.visit(node.slice, ["idx"])
        value = node.value
        if isinstance(value, ast.Attribute) and value.attr == "modules":  # of `sys`, most likely
            self.modules_read.append([base_shape(value), index, use, self.scope, *self.at(node)])
        return ["i", self.visit(value, ["sub", use]), index]

    def slice_(self, node: ast.Slice, use: Use) -> Shape:  # noqa: ARG002
        """Visit a slice."""
        for each in (node.lower, node.upper, node.step):
            if each is not None:
                self.visit(each, ["idx"])
        return ["x", "Slice"]

    def starred(self, node: ast.Starred, use: Use) -> Shape:  # noqa: ARG002
        """Visit `*x` in a display or an assignment."""
        return ["x", "Starred", self.visit(node.value, ["star"])]

    def await_(self, node: ast.Await, use: Use) -> Shape:
        """Visit an `await`."""
        return ["w", self.visit(node.value, ["await", use])]

    def yield_(self, node: ast.Yield | ast.YieldFrom, use: Use) -> Shape:
        """Visit a `yield`, which makes a generator of the function around it."""
        scope = self.scope
        while self.scopes[scope][0] == "comp":
            scope = self.scopes[scope][2]
        self.scopes[scope][8] = self.scopes[scope][8].replace("g", "") + "g"
        if node.value is not None:
            kind = "yield" if isinstance(node, ast.Yield) else "yieldfrom"
            shape = self.visit(node.value, [kind, scope])
            self.yielded.append([scope, shape if kind == "yield" else None, self.start(node)])
            if kind == "yieldfrom":
                start, end = self.at(node)
                self.delegated.append([scope, start, end, use == ["expr"] and self.is_a_line(start, end)])
        else:
            self.yielded.append([scope, ["k", "NoneType", None], self.start(node)])
        return ["x", "Yield"]

    def is_a_line(self, start: int, end: int) -> bool:
        """Tell whether nothing but a comment stands beside an expression in its line."""
        before = self.text[:start].rpartition("\n")[2]
        after = self.text[end:].partition("\n")[0].strip()
        return not before.strip() and (not after or after.startswith("#"))

    def lambda_(self, node: ast.Lambda, use: Use) -> Shape:
        """Visit a lambda, whose body is a scope of its own."""
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
        """Visit a comprehension; its first iterable belongs to the scope around it."""
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
            self.keyed = True
            element = ["t", [self.visit(node.key, ["key"]), self.visit(node.value, inner)]]
        else:
            element = self.visit(node.elt, inner)
        self.scope, self.nest = outer, outer_nest
        return ["g", type(node).__name__, element]

    def named(self, node: ast.NamedExpr, use: Use) -> Shape:
        """Visit `name := value`, which binds outside comprehensions."""
        scope = self.scope
        while self.scopes[scope][0] == "comp":
            scope = self.scopes[scope][2]
        value = self.visit(node.value, ["multi", [["asg", scope, node.target.id], use]])
        self.bind(node.target.id, "assign", value, self.start(node.target), scope)
        return value


#: By node type. Not bound to an instance: a table of its own methods would keep each walk, and its module, alive.
_VISITS: dict[type[ast.AST], Callable[[Any, Any, Use], Shape]] = {
    ast.Name: Expressions.name,
    ast.Constant: Expressions.constant,
    ast.Call: Expressions.call,
    ast.Attribute: Expressions.attribute,
    ast.Dict: Expressions.dict_,
    ast.List: Expressions.display,
    ast.Tuple: Expressions.display,
    ast.Set: Expressions.display,
    ast.JoinedStr: Expressions.joined,
    ast.FormattedValue: Expressions.formatted,
    ast.BinOp: Expressions.binop,
    ast.UnaryOp: Expressions.unary,
    ast.BoolOp: Expressions.boolop,
    ast.IfExp: Expressions.ifexp,
    ast.Compare: Expressions.compare,
    ast.Subscript: Expressions.subscript,
    ast.Starred: Expressions.starred,
    ast.Await: Expressions.await_,
    ast.Yield: Expressions.yield_,
    ast.YieldFrom: Expressions.yield_,
    ast.Lambda: Expressions.lambda_,
    ast.ListComp: Expressions.comprehension,
    ast.SetComp: Expressions.comprehension,
    ast.GeneratorExp: Expressions.comprehension,
    ast.DictComp: Expressions.comprehension,
    ast.NamedExpr: Expressions.named,
    ast.Slice: Expressions.slice_,
}


def _shows_itself(before: ast.expr | None, field: ast.expr) -> bool:
    """Tell whether a field of an f-string is `{x=}`: the parser makes `x=` of it, and the field."""
    if not (isinstance(field, ast.FormattedValue) and isinstance(before, ast.Constant)):
        return False
    text, _, rest = str(before.value).rpartition("=")
    return not rest.strip() and _bare(text).endswith(_bare(ast.unparse(field.value)))


def _bare(text: str) -> str:
    """Return a text without what may be written in several ways."""
    return "".join(each for each in text if not (each.isspace() or each in "\"'()"))


def base_shape(node: ast.expr) -> Shape:
    """Return the shape of a plain dotted expression or constant without visiting it (it is visited elsewhere)."""
    match node:
        case ast.Name(id=name):
            return ["n", name]
        case ast.Attribute(value=value, attr=attribute):
            return ["a", base_shape(value), attribute]
        case ast.Constant(value=str() as value) if len(value) <= _LONGEST_CONSTANT and _encodable(value):
            return ["k", "str", value]
        case ast.Constant(value=value):
            return ["k", type(value).__name__, None]
        case _:
            return ["x", type(node).__name__]


def _is_big(operator: str, left: Shape, right: Shape) -> bool:
    """Tell whether `2 ** 64` or `1 << 64` and their like leave the 64-bit range, without computing huge powers."""
    if (
        operator not in {"Pow", "LShift"}
        or left[:2] != ["k", "int"]
        or right[:2] != ["k", "int"]
        or left[2] is None
        or right[2] is None
    ):
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
