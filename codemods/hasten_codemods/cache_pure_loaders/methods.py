"""Which methods use nothing of their object, and so can be cached for all objects together.

A cache on a method keeps its objects alive, and tells them apart. One that never looks at `self` is a function that
stands in a class: it becomes a static method, and calls of it stay as they are.
"""

from __future__ import annotations

from hasten.api import Program, Scope
from hasten_codemods.cache_pure_loaders.readings import inner_scopes

#: What looks at the object, or at its class, without its name.
_IMPLICIT = frozenset({"super", "__class__"})
_BASES = frozenset({"builtins.object", "abc.ABC", "typing.Generic", "typing.Protocol"})


def trouble(program: Program, owner: Scope, function: Scope) -> str:
    """Return why a method cannot become a static one, in words; empty if it can."""
    name = function.name
    if name.startswith("__") and name.endswith("__"):
        return f"`{name}` is called by Python itself"
    if not function.parameters or function.parameters[0][1] != "plain":
        return f"`{name}` does not name its object"
    read = _read(function, function.parameters[0][0])
    if read:
        return f"`{name}` is a method that uses `{read}`, and a cache would keep its objects alive"
    related = [*program.heirs(owner), *program.ancestors(owner)]
    if any(each != owner and each.module.bindings(each.number, name) for each in related):
        return f"`{name}` is overridden, or overrides another"
    for base in owner.bases:
        dotted = owner.module.dotted(owner.parent, base)
        if dotted not in _BASES and (dotted is None or program.definition(dotted) is None):
            return f"`{name}` may override a method of `{base[-1]}`, which is not to be seen"
    for call, _ in program.callers(function):
        dotted = program.dotted(call.module, call.scope, call.function[1]) if call.function[0] == "a" else None
        found = program.resolve(dotted) if dotted is not None else None
        if found is not None and found.kind == "class":
            return f"`{found.name}.{name}` is called with the object as an argument"
    if program.references(function):
        return f"`{name}` is used as a value"
    return ""


def _read(function: Scope, itself: str) -> str:
    """Return the name by which a method uses its object, empty if it does not."""
    reads = function.module.facts["reads"]
    for scope in sorted(inner_scopes(function)):
        for each in (itself, *sorted(_IMPLICIT)):
            if each in reads[scope]:
                return each
    return ""
