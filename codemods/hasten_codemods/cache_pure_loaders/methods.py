"""Which methods can be cached: for all objects together, or in each object.

A cache on a method keeps its objects alive, and tells them apart. One that never looks at `self` is a function that
stands in a class: it becomes a static method, and calls of it stay as they are. One without further parameters that
reads only what its object keeps from when it was made hands its work on to a `functools.cached_property`, which keeps
the result in the object; it stays a method, so that calls of it stay as they are, too.
"""

from __future__ import annotations

from hasten.api import Program, Scope
from hasten_codemods.cache_pure_loaders.instances import itself
from hasten_codemods.cache_pure_loaders.readings import inner_scopes

#: The action of the order to hand the work of a method on to a property that keeps its result.
ACTION = "keep-in-object"
#: What looks at the object, or at its class, without its name.
_IMPLICIT = frozenset({"super", "__class__"})
_BASES = frozenset({"builtins.object", "abc.ABC", "typing.Generic", "typing.Protocol"})


def uses(function: Scope) -> str:
    """Return the name by which a method uses its object, empty if it does not."""
    return _read(function, function.parameters[0][0]) if function.parameters else ""


def property_of(function: Scope) -> str:
    """Return the name of the property that keeps what a method gives."""
    return f"_cached_{function.name.strip('_')}"


def trouble_with_property(program: Program, owner: Scope, function: Scope) -> str:
    """Return why a method cannot hand its work on to a cached property, in words; empty if it can."""
    name, read = function.name, uses(function)
    if name.startswith("__"):
        return f"`{name}` is called by Python itself" if name.endswith("__") else f"`{name}` is renamed by Python"
    if len(function.parameters) > 1 or read in _IMPLICIT:
        return f"`{name}` is a method that uses `{read}`, and a cache would keep its objects alive"
    if itself(program, function) is None:
        return f"`{name}` does not name its object"
    made = property_of(function)
    program.want(made)
    if made in owner.module.facts["attribute_reads"] or program.definitions(made):
        return f"`{made}` is something else already"
    return _overriding(program, owner, name)


def trouble(program: Program, owner: Scope, function: Scope) -> str:
    """Return why a method cannot become a static one, in words; empty if it can."""
    name = function.name
    if name.startswith("__") and name.endswith("__"):
        return f"`{name}` is called by Python itself"
    if not function.parameters or function.parameters[0][1] != "plain":
        return f"`{name}` does not name its object"
    overriding = _overriding(program, owner, name)
    if overriding:
        return overriding
    for call, _ in program.callers(function):
        dotted = program.dotted(call.module, call.scope, call.function[1]) if call.function[0] == "a" else None
        found = program.resolve(dotted) if dotted is not None else None
        if found is not None and found.kind == "class":
            return f"`{found.name}.{name}` is called with the object as an argument"
    if program.references(function):
        return f"`{name}` is used as a value"
    return ""


def _overriding(program: Program, owner: Scope, name: str) -> str:
    """Return why a method may be another one in some class, in words; empty if it is not."""
    related = [*program.heirs(owner), *program.ancestors(owner)]
    if any(each != owner and each.module.bindings(each.number, name) for each in related):
        return f"`{name}` is overridden, or overrides another"
    for base in owner.bases:
        dotted = owner.module.dotted(owner.parent, base)
        if dotted not in _BASES and (dotted is None or program.definition(dotted) is None):
            return f"`{name}` may override a method of `{base[-1]}`, which is not to be seen"
    return ""


def _read(function: Scope, itself: str) -> str:
    """Return the name by which a method uses its object, empty if it does not."""
    reads = function.module.facts["reads"]
    for scope in sorted(inner_scopes(function)):
        for each in (itself, *sorted(_IMPLICIT)):
            if each in reads[scope]:
                return each
    return ""
