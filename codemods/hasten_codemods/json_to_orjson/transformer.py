"""Carry out the edits of `json-to-orjson`; every decision was taken before."""

from __future__ import annotations

import libcst as cst

from hasten.api import NodeEdit, Transformer


class JsonToOrjsonTransformer(Transformer):
    """Rewrite the calls and references that it was told to."""

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:  # noqa: N802 - LibCST's name
        """Rewrite one call."""
        edit = self.order(original_node)
        if edit is None:
            return updated_node
        match edit.action:
            case "loads":
                return _loads(updated_node, edit)
            case "load":
                return _load(updated_node, edit)
            case "dumps":
                return _decoded(_dumps(updated_node, edit), edit)
            case "encode":
                # `json.dumps(x).encode()`: the inner call becomes the whole.
                inner = cst.ensure_type(cst.ensure_type(updated_node.func, cst.Attribute).value, cst.Call)
                return _dumps(inner, edit).with_changes(lpar=updated_node.lpar, rpar=updated_node.rpar)
            case _:
                return _dump(updated_node, edit)

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:  # noqa: N802
        """Rewrite a function passed as a value: `loads`."""
        edit = self.order(original_node)
        return updated_node if edit is None else _reference(updated_node, edit)

    def leave_Attribute(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.BaseExpression:  # noqa: N802
        """Rewrite a function passed as a value: `json.loads`."""
        edit = self.order(original_node)
        return updated_node if edit is None else _reference(updated_node, edit)


def _reference(node: cst.Name | cst.Attribute, edit: NodeEdit) -> cst.BaseExpression:
    return _expression(edit.get("callee")).with_changes(lpar=node.lpar, rpar=node.rpar)


def _expression(text: str) -> cst.BaseExpression:
    return cst.parse_expression(text)


def _loads(call: cst.Call, edit: NodeEdit) -> cst.Call:
    """`json.loads(s=text)` -> `orjson.loads(text)`."""
    only = call.args[0].with_changes(keyword=None, equal=cst.MaybeSentinel.DEFAULT)
    return call.with_changes(func=_expression(edit.get("callee")), args=[only])


def _load(call: cst.Call, edit: NodeEdit) -> cst.Call:
    """`json.load(file)` -> `orjson.loads(file.read())`."""
    first = call.args[0]
    read = cst.Call(cst.Attribute(_atom(first.value), cst.Name("read")))
    only = first.with_changes(keyword=None, equal=cst.MaybeSentinel.DEFAULT, value=read)
    return call.with_changes(func=_expression(edit.get("callee")), args=[only])


def _dumps(call: cst.Call, edit: NodeEdit) -> cst.Call:
    """`json.dumps(x, indent=2, default=f)` -> `orjson.dumps(x, default=f, option=orjson.OPT_INDENT_2)`."""
    return call.with_changes(func=_expression(edit.get("callee")), args=_arguments(call, edit, 0, "obj"))


def _dump(call: cst.Call, edit: NodeEdit) -> cst.Call:
    """`json.dump(x, file)` -> `file.write(orjson.dumps(x).decode())`."""
    target = _find(call, 1, "fp")
    left = [each for each in call.args if each is not target]
    if target is call.args[-1]:
        # `json.dump(x, file)`: the comma between the two is not one after the last argument.
        left[-1] = left[-1].with_changes(comma=target.comma, whitespace_after_arg=target.whitespace_after_arg)
    without = call.with_changes(args=left, lpar=[], rpar=[])
    inner = _decoded(_dumps(without, edit), edit)
    write = cst.Attribute(_atom(target.value), cst.Name("write"))
    return call.with_changes(func=write, args=[cst.Arg(inner)], whitespace_before_args=cst.SimpleWhitespace(""))


def _find(call: cst.Call, position: int, keyword: str) -> cst.Arg:
    for each in call.args:
        if each.keyword is not None and each.keyword.value == keyword:
            return each
    return [each for each in call.args if each.keyword is None][position]


def _arguments(call: cst.Call, edit: NodeEdit, position: int, keyword: str) -> list[cst.Arg]:
    """Return the value, `default=` if it stays, and the options; in the layout of the old arguments."""
    value = _find(call, position, keyword)
    kept = [value.with_changes(keyword=None, equal=cst.MaybeSentinel.DEFAULT)]
    if edit.get("default") == "keep":
        kept += [each for each in call.args if each.keyword is not None and each.keyword.value == "default"]
    elif edit.get("default"):
        encoder = next(each for each in call.args if each.keyword is not None and each.keyword.value == "cls")
        method = cst.Attribute(cst.Call(_atom(encoder.value)), cst.Name("default"))
        kept.append(_keyword("default", method))
    kept += [
        _keyword(word, _expression(text))
        for word, _, text in (each.partition("=") for each in edit.get("extra").split(";") if each)
    ]
    last = call.args[-1]
    for index, each in enumerate(kept[:-1]):
        if not isinstance(each.comma, cst.Comma):
            kept[index] = each.with_changes(comma=cst.Comma(whitespace_after=cst.SimpleWhitespace(" ")))
        elif each in call.args[-1:] or index == 0:
            kept[index] = each.with_changes(comma=_between(call, each.comma))
    kept[-1] = kept[-1].with_changes(comma=last.comma, whitespace_after_arg=last.whitespace_after_arg)
    return kept


def _between(call: cst.Call, comma: cst.Comma) -> cst.Comma:
    """Return a comma for the middle of the arguments: as the first one of the call, unless that was a trailing one."""
    if len(call.args) > 1 and isinstance(call.args[0].comma, cst.Comma):
        return call.args[0].comma
    multi_line = (
        not isinstance(call.whitespace_before_args, cst.SimpleWhitespace) or "\n" in call.whitespace_before_args.value
    )
    if multi_line:
        return comma.with_changes(whitespace_after=call.whitespace_before_args)
    return comma.with_changes(whitespace_after=cst.SimpleWhitespace(" "))


def _keyword(word: str, value: cst.BaseExpression) -> cst.Arg:
    tight = cst.AssignEqual(whitespace_before=cst.SimpleWhitespace(""), whitespace_after=cst.SimpleWhitespace(""))
    return cst.Arg(value, keyword=cst.Name(word), equal=tight)


def _decoded(call: cst.Call, edit: NodeEdit) -> cst.Call:
    if edit.get("decode") != "yes":
        return call
    inner = call.with_changes(lpar=[], rpar=[])
    return cst.Call(cst.Attribute(inner, cst.Name("decode")), lpar=call.lpar, rpar=call.rpar)


def _atom(node: cst.BaseExpression) -> cst.BaseExpression:
    """Put parentheses around what an attribute cannot follow directly."""
    if node.lpar or isinstance(node, (cst.Name, cst.Attribute, cst.Call, cst.Subscript, cst.List, cst.Dict, cst.Set)):
        return node
    return node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
