"""Carry out the edits that every conversion to coroutines is made of; codemods derive their transformers from this."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import libcst as cst

from hasten import async_factories, async_first_use_layout, async_layout
from hasten.errors import SourceError
from hasten.rewrite import NodeT, Transformer

if TYPE_CHECKING:
    from hasten.model import NodeEdit


class AsyncTransformer(Transformer):
    """Makes coroutine functions of functions and awaits of calls, where it was told to.

    The actions are `async-def` (a function), `await-call`, `await-in-thread`, `ensure-sync`, `asyncio-run` and
    `replace-call` (calls).
    The last takes `callee`, the dotted name that is called instead, and `await`, which is `no` where the result is not
    awaited. A subclass carries out further actions on calls in `rewrite_call`, and on other nodes in `leave_` methods
    of its own.

    Those of generators and context managers (see `hasten.async_forms`) are meant for the call, and change what stands
    around it: `enter-asynchronously`, `iterate-asynchronously`, `iterate-closing` (with `name`, a new variable) and
    `collect`; `collect-iterator` puts an iterator over all values in its place; `keep-call` leaves it to another edit,
    `advance` awaits `anext` for `next`. `await-read` is meant for the read of an attribute, and `run-later` for a
    function that is handed on, with its `name` where it is a method.
    `async-def` takes `decorated` and `decorator`, the old and the new name of a decorator, and `returns`,
    the new name in the return type; with `twin`, a name, all that happens to the function happens to a copy beside it,
    below `blank` lines; with `kept`, the names of an object and its attribute, it keeps there what it returns.
    A call that is awaited, entered or iterated may be `renamed`. `run-inside` moves the body of a function into a
    coroutine function called `name`, which the function runs.

    Those of constructors (see `hasten.async_factories`) are `make-factory` for an `__init__`, `construct` for a call of
    the class, with the `name` of the factory, and `await-renamed` for a call of a method that has another `name` then.
    `asyncio-run` takes the name of a factory as `factory`. `enter-items` is meant for a `with`, with the number of each
    `item` that is entered asynchronously, and so is `close-finally`: what it `closes`, an item of `closing`, by which
    variable, and how that gets its value. And `async-def` takes `renamed`, the new name of the function.
    A constructor that stays (see `hasten.async_first_use`) is `open-at-first-use`; `async-def` takes `waits`, the
    attribute of what runs its later part, or `ends`, the same where the method only ends what was `made`. `open-first`
    is meant for the read of what was made by a function of others, with that attribute as `opening`.
    Those of tests (see `hasten.async_tests`): `async-def` takes `mark`, a decorator to add, `loop_scope` for that of a
    fixture, and `name`, that of the method from then on; `await-method` calls a method by another `name` and awaits it,
    `call-method` does not await it; `name` puts another dotted name in the place of one, `double` lets a mock call a
    lambda, `expect` makes a `with` of a line that hands a function to `raises`, and `delegate` a loop of `yield from`,
    whose variable is `name`.
    """

    def __init__(self, orders: Mapping[cst.CSTNode, NodeEdit]) -> None:
        """Take the edits of one island, by the node each is meant for."""
        super().__init__(orders)
        self._around: list[cst.CSTNode] = []
        self._torn: set[cst.CSTNode] = set()

    def on_visit(self, node: cst.CSTNode) -> bool:
        """Remember what is around the nodes inside `node`."""
        self._around.append(node)
        return super().on_visit(node)

    def on_leave(
        self, original_node: NodeT, updated_node: NodeT
    ) -> NodeT | cst.RemovalSentinel | cst.FlattenSentinel[NodeT]:
        """Leave `original_node`."""
        # Another transformer of the same walk may have taken a node away, whose end this one is then not told of.
        while self._around.pop() is not original_node:
            pass
        result = super().on_leave(original_node, updated_node)
        if _action(self._orders, original_node) in {"enter-items", "close-finally", "delegate"}:
            self.order(original_node)
        if isinstance(original_node, (cst.Name, cst.Attribute)) and _action(self._orders, original_node) == "name":
            edit = self.order(original_node)
            result = _dotted(edit.get("name") if edit is not None else "")  # type: ignore[assignment]
        if _action(self._orders, original_node) == "run-later":
            edit = self.order(original_node)
            result = async_layout.later(result, edit.get("name") if edit is not None else "")  # type: ignore[assignment,arg-type]
        if isinstance(original_node, cst.Attribute) and _action(self._orders, original_node) in _READS:
            result = self._read(original_node, result)  # type: ignore[assignment,arg-type]
        if isinstance(original_node, cst.Lambda) and _action(self._orders, original_node) == "double":
            edit = self.order(original_node)
            result = async_layout.doubled(result, edit.get("name") if edit is not None else "")  # type: ignore[assignment]
        change = _CHANGES.get(type(original_node)) if original_node not in self._torn else None
        return result if change is None else change(self._orders, original_node, result)

    def _read(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.BaseExpression:
        """`store.rows` -> `await store.rows`, of a property whose getter is a coroutine function, and its like."""
        edit = self.order(original_node)
        self._check_shown()
        if edit is not None and edit.action == "open-first":
            return async_first_use_layout.opened(updated_node, edit.get("opening"))
        run = edit is not None and edit.action == "asyncio-run"
        return _run(updated_node) if run else self.awaited(original_node, updated_node)

    def _check_shown(self) -> None:
        """Raise SourceError where the text of an expression is shown by `{...=}`."""
        if any(isinstance(each, cst.FormattedStringExpression) and each.equal is not None for each in self._around):
            raise SourceError(
                "internal", "a call stands in `{...=}`, which shows its text; assign it to a variable first"
            )

    def tear(self, original_node: cst.With) -> list[bool]:
        """Tell which items of a `with` are entered asynchronously; whoever asks tears the statement apart by itself."""
        self._torn.add(original_node)
        return _entered(self._orders, original_node)

    def leave_FunctionDef(self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef) -> cst.FunctionDef:  # noqa: N802 - LibCST's name
        """`def f():` -> `async def f():`."""
        edit = self.order(original_node)
        return updated_node if edit is None else updated_node.with_changes(asynchronous=cst.Asynchronous())

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:  # noqa: N802
        """Rewrite one call."""
        edit = self.order(original_node)
        if edit is None:
            return updated_node
        self._check_shown()
        match edit.action:
            case "await-call":
                return self.awaited(original_node, _with_name(updated_node, edit))
            case "await-in-thread":
                return self.awaited(original_node, async_layout.in_thread(updated_node))
            case "ensure-sync":
                return async_layout.ensured(updated_node)
            case "construct":
                return self.awaited(original_node, async_factories.constructed(updated_node, edit.get("name")))
            case "await-renamed":
                return self.awaited(original_node, async_factories.renamed(updated_node, edit.get("name")))
            case "asyncio-run":
                factory = edit.get("factory")
                return _run(async_factories.constructed(updated_node, factory) if factory else updated_node)
            case "await-method":
                return self.awaited(original_node, _method(updated_node, edit.get("name")))
            case "call-method":
                return _method(updated_node, edit.get("name"))
            case "expect":
                return updated_node
            case "keep-call":
                return _with_name(updated_node, edit)
            case "collect-iterator":
                return async_layout.kept(_with_name(updated_node, edit))
            case "advance":
                return self.awaited(original_node, async_layout.advanced(updated_node))
            case "replace-call":
                replaced = updated_node.with_changes(func=_renamed(updated_node.func, edit.get("callee")))
                return replaced if edit.get("await") == "no" else self.awaited(original_node, replaced)
            case "enter-asynchronously" | "iterate-asynchronously" | "iterate-closing" | "collect":
                if not isinstance(self._around[-1], _PLACES[edit.action]):
                    raise SourceError("internal", f"a call does not stand where {edit.action!r} can be carried out")
                renamed = _with_name(updated_node, edit)
                return async_layout.collected(renamed) if edit.action == "collect" else renamed
            case _:
                return self.rewrite_call(edit, original_node, updated_node)

    def rewrite_call(self, edit: NodeEdit, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:  # noqa: ARG002 - for those who override it
        """Carry out an action of the codemod's own on a call.

        Raises:
            SourceError: the action is not known.
        """
        raise SourceError("internal", f"no transformer knows the action {edit.action!r}; please report this")

    def awaited(self, original_node: cst.BaseExpression, updated_node: cst.BaseExpression) -> cst.Await | cst.Call:
        """Return `await` with `updated_node`, in parentheses where the old expression had some or new ones are needed.

        It is `asyncio.run` with it where the edit says `run`: the function around it stays plain.

        Args:
            original_node: the expression in whose place it will stand; it is the one that is being left.
            updated_node: what is awaited: a call, or something else that binds as tightly.
        """
        edit = self._orders.get(original_node)
        if edit is not None and edit.get("run") and isinstance(updated_node, cst.Call):
            return _run(updated_node)
        lpar, rpar = updated_node.lpar, updated_node.rpar
        if not lpar and _binds_tighter(self._around[-1], original_node):
            lpar, rpar = [cst.LeftParen()], [cst.RightParen()]
        return cst.Await(updated_node.with_changes(lpar=[], rpar=[]), lpar=lpar, rpar=rpar)


def _binds_tighter(parent: cst.CSTNode, node: cst.BaseExpression) -> bool:
    """Tell whether what stands behind `node` would be awaited with it: `f().x`, `f()[0]`, `f()()`."""
    match parent:
        case cst.Attribute(value=inner) | cst.Subscript(value=inner) | cst.Call(func=inner):
            return inner is node
        case cst.Await():
            return True  # `await await f()` is no Python
        case _:
            return False


def _with_name(call: cst.Call, edit: NodeEdit) -> cst.Call:
    """`store.save()` -> `store.save_async()`, where the edit says so."""
    name = edit.get("renamed")
    match call.func if name else None:
        case cst.Attribute() as function:
            return call.with_changes(func=function.with_changes(attr=function.attr.with_changes(value=name)))
        case cst.Name() as function:
            return call.with_changes(func=function.with_changes(value=name))
        case _:
            return call


def _run(call: cst.Call | cst.Attribute) -> cst.Call:
    """`main()` -> `asyncio.run(main())`."""
    inner = call.with_changes(lpar=[], rpar=[])
    return cst.Call(_dotted("asyncio.run"), [cst.Arg(inner)], lpar=call.lpar, rpar=call.rpar)


def _method(call: cst.Call, name: str) -> cst.Call:
    """Return a call of another method of the same object."""
    return call.with_changes(func=call.func.with_changes(attr=cst.Name(name)))


def _renamed(function: cst.BaseExpression, callee: str) -> cst.BaseExpression:
    """Return `callee` in the place of what was called, spaces and comments around its dot kept."""
    base, _, name = callee.rpartition(".")
    if isinstance(function, cst.Attribute) and isinstance(function.value, cst.Name) and base.isidentifier():
        return function.with_changes(
            value=function.value.with_changes(value=base), attr=function.attr.with_changes(value=name)
        )
    return _dotted(callee).with_changes(lpar=function.lpar, rpar=function.rpar)


def _dotted(name: str) -> cst.BaseExpression:
    return cst.parse_expression(name)


# --- what stands around a call, or is a function --------------------------------------------------------------------

#: What stands around the calls that these actions are meant for.
_PLACES: dict[str, tuple[type[cst.CSTNode], ...]] = {
    "enter-asynchronously": (cst.WithItem,),
    "iterate-asynchronously": (cst.For, cst.CompFor, cst.From),
    "iterate-closing": (cst.For, cst.From),
    "collect": (cst.Arg,),
}
#: What is done to a read of an attribute.
_READS = frozenset({"await-read", "asyncio-run", "open-first"})
_Orders: TypeAlias = Mapping[cst.CSTNode, "NodeEdit"]


def _action(orders: _Orders, node: cst.CSTNode) -> str:
    edit = orders.get(node)
    return edit.action if edit is not None else ""


def _function(orders: _Orders, original: cst.FunctionDef, result: Any) -> Any:  # noqa: ANN401 - as LibCST's on_leave
    edit = orders.get(original)
    if edit is None or not isinstance(result, cst.FunctionDef):
        return result
    if edit.get("renamed"):
        result = result.with_changes(name=cst.Name(edit.get("renamed")))
    if edit.get("decorator"):
        result = async_layout.decorated(result, edit.get("decorated"), edit.get("decorator"))
    if edit.get("kept"):
        result = async_layout.keeping(result, *edit.get("kept").split(" "))
    if edit.get("returns"):
        result = async_layout.returning(result, edit.get("returns"))
    if edit.action == "make-factory":
        return async_factories.factory(result, dict(edit.data))
    if edit.get("loop_scope"):
        result = async_layout.scoped(result, edit.get("decorator"))
    if edit.get("mark"):
        result = async_layout.marked(result, edit.get("mark"))
    if edit.action == "open-at-first-use":
        return async_first_use_layout.opening(original, result, edit)
    if edit.get("waits"):
        result = async_first_use_layout.waiting(result, edit.get("waits"))
    if edit.get("ends"):
        made = frozenset(value for name, value in edit.data if name == "made")
        result = async_first_use_layout.ending(result, edit.get("ends"), made)
    if edit.get("twin"):
        return async_layout.twins(original, result, edit.get("twin"), int(edit.get("blank")))
    if edit.action == "run-inside":
        return async_layout.run_inside(result, edit.get("name"), edit.get("method"))
    return result.with_changes(name=cst.Name(edit.get("name"))) if edit.get("name") else result


def _loop(orders: _Orders, original: cst.For | cst.From, result: Any) -> Any:  # noqa: ANN401
    iterated = original.iter if isinstance(original, cst.For) else original.item
    match _action(orders, iterated):
        case "iterate-asynchronously":
            return result.with_changes(asynchronous=cst.Asynchronous())
        case "iterate-closing":
            return async_layout.closing(result, orders[iterated].get("name"))
        case _:
            return result


def _clause(orders: _Orders, original: cst.CompFor, result: Any) -> Any:  # noqa: ANN401
    asynchronous = _action(orders, original.iter) == "iterate-asynchronously"
    return result.with_changes(asynchronous=cst.Asynchronous()) if asynchronous else result


def _entered(orders: _Orders, block: cst.With) -> list[bool]:
    """Tell which of the items of a `with` are to be entered asynchronously."""
    edit = orders.get(block)
    items = {value for name, value in edit.data if name == "item"} if edit is not None else set()
    return [
        str(number) in items or _action(orders, each.item) == "enter-asynchronously"
        for number, each in enumerate(block.items)
    ]


def _block(orders: _Orders, original: cst.With, result: Any) -> Any:  # noqa: ANN401
    if _action(orders, original) == "close-finally":
        closes = (value.split(" ") for name, value in orders[original].data if name == "closes")
        return async_layout.closed_finally(result, {int(item): (name, how) for item, name, how in closes})
    entered = _entered(orders, original)
    return async_layout.entered(result, entered) if any(entered) else result


def _call(orders: _Orders, original: cst.Call, result: Any) -> Any:  # noqa: ANN401
    collected = any(_action(orders, each.value) == "collect" for each in original.args)
    return async_layout.unlisted(result) if collected and isinstance(result, cst.Call) else result


def _line(orders: _Orders, original: cst.SimpleStatementLine, result: Any) -> Any:  # noqa: ANN401
    for small in original.body:
        value = small.value if isinstance(small, (cst.Expr, cst.Assign)) else None
        edit = orders.get(value) if value is not None else None
        if edit is not None and edit.action == "expect":
            return async_layout.expecting(result, int(edit.get("leading")))
        source = value.value if isinstance(value, cst.Yield) else None
        if edit is not None and edit.action == "delegate" and isinstance(source, cst.From):
            return _loop(orders, source, async_layout.delegated(result, edit.get("name")))
    return result


_CHANGES: dict[type[cst.CSTNode], Callable[[_Orders, Any, Any], Any]] = {
    cst.FunctionDef: _function,
    cst.For: _loop,
    cst.CompFor: _clause,
    cst.With: _block,
    cst.Call: _call,
    cst.SimpleStatementLine: _line,
}
