"""The expression that functions return in the end, where the settings give one."""

from __future__ import annotations

import ast
import builtins

from hasten.api import Scope


def trouble(text: str, function: Scope) -> str:
    """Return why an expression cannot be returned in the place of a function's error, `""` where it can, or is none."""
    try:
        tree = ast.parse(text or "None", mode="eval")
    except SyntaxError:
        return f"`fallback = {text!r}` is no expression"
    named = sorted({each.id for each in ast.walk(tree) if isinstance(each, ast.Name)})
    module = function.module
    unknown = next((each for each in named if not hasattr(builtins, each) and not module.bindings(0, each)), "")
    return f"`fallback = {text!r}` names `{unknown}`, which `{module.path}` does not have" if unknown else ""
