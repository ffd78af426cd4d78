"""Which methods can be cached: for all objects together, or in each object.

A cache on a method keeps its objects alive, and tells them apart. One that never looks at `self` is a function that
stands in a class: it becomes a static method, and calls of it stay as they are. One without further parameters that
reads only what its object keeps from when it was made hands its work on to a `functools.cached_property`, which keeps
the result in the object; it stays a method, so that calls of it stay as they are, too.
"""

from __future__ import annotations

from hasten.api import Program, Scope
from hasten_codemods.cache_pure_loaders.instances import BASES, family_of, itself

#: The action of the order to hand the work of a method on to a property that keeps its result.
ACTION = "keep-in-object"
#: What looks at the object, or at its class, without its name.
_IMPLICIT = frozenset({"super", "__class__"})


def uses(function: Scope) -> str:
    """Return the name by which a method uses its object, empty if it does not."""
    if not function.parameters:
        return ""
    name = str(function.parameters[0][0])
    bound = [each.kind for each in function.module.bindings(function.number, name)]
    return name if bound != ["param"] else _read(function, name)  # del self


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
    return _taken(program, owner, name, property_of(function)) or _overriding(program, owner, name)


def _taken(program: Program, owner: Scope, name: str, made: str) -> str:
    """Return why a property cannot have its name, in words; empty if it can."""
    public = name.strip("_")
    family = family_of(program, owner)
    # load() and _load() would have the same one.
    names = {
        other
        for each in family
        for other in each.module.facts["binds"][each.number]
        if any(bound.kind == "def" for bound in each.module.bindings(each.number, other))
    }
    twin = next((each for each in sorted(names - {name}) if each.strip("_") == public), "")
    if twin:
        return f"`{name}` has the same name as `{twin}` but for underscores"
    used = program.attribute_reads(made) or program.definitions(made) or program.places.setters.get(made)
    bound = any(each.module.bindings(each.number, made) for each in family)
    return f"`{made}` is something else already" if used or bound or _stored(program, made) else ""


def _stored(program: Program, name: str) -> bool:
    return bool(program.modules_with("attribute_stores", name))


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
    if any(each != owner and each.module.bindings(each.number, name) for each in family_of(program, owner)):
        return f"`{name}` is overridden, or overrides another"
    for base in owner.bases:
        dotted = owner.module.dotted(owner.parent, base)
        if dotted not in BASES and (dotted is None or program.definition(dotted) is None):
            return f"`{name}` may override a method of `{base[-1]}`, which is not to be seen"
    return ""


def _read(function: Scope, itself: str) -> str:
    """Return the name by which a method uses its object, empty if it does not."""
    reads = function.module.facts["reads"]
    for scope in sorted(function.module.inside(function.number)):
        for each in (itself, *sorted(_IMPLICIT)):
            if each in reads[scope]:
                return each
    return ""
