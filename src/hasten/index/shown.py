"""Ways in which a value is seen that do not name it as code does: by templates, by bases, by whoever takes the whole.

Each needs something in the program that shows it; what is found is a place.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hasten.index.module import Call, Module, Read, Scope, Shape
    from hasten.index.program import Program

_DEEPEST = 10
#: Bases of the standard library that show, compare or keep whatever attributes an instance has.
_SHOWING = frozenset({"types.SimpleNamespace", "argparse.Namespace", "typing.NamedTuple", "ctypes.Structure"})
#: Bases from elsewhere that do no such thing.
_INERT = frozenset({"typing_extensions.Protocol", "typing_extensions.Generic"})
_FORMATS = (
    "format",
    "format_map",
    "vformat",
    "Template",
    "from_string",
    "render_template_string",
    "substitute",
    "render",
)
#: They hand objects to templates that lie in files of their own.
_RENDERS = ("render_template", "render_to_string", "TemplateResponse")
_PICKLERS = frozenset({"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "jsonpickle", "shelve"})
_PLAIN = frozenset("kdltsfog")


def shows(program: Program, owner: Scope) -> bool:
    """Tell whether the instances of a class, or of one that derives from it, may be shown or kept by a base."""
    if _has_showing_base(program, owner, 0):
        return True
    for each in program.classes():
        named = any(base[-1] == owner.name for base in each.bases if base[0] in {"n", "a"})
        if named and program.derives(each, owner) and (each.decorators or _has_showing_base(program, each, 0)):
            return True
    return False


def _has_showing_base(program: Program, owner: Scope, depth: int) -> bool:
    if depth > _DEEPEST:
        return True
    for base in owner.bases:
        shape = base[1] if base[0] == "i" else base  # Generic[T]
        dotted = owner.module.dotted(owner.parent, shape)
        found = program.resolve(dotted) if dotted else None
        if found is not None and found.kind == "class":
            if found.decorators or _has_showing_base(program, found, depth + 1):
                return True
        elif dotted is None or dotted in _SHOWING or not _is_inert(dotted):
            return True
    return False


def _is_inert(dotted: str) -> bool:
    return dotted.partition(".")[0] in {"builtins", *sys.stdlib_module_names} or dotted in _INERT


def formats(program: Program, name: str) -> Call | None:
    """Return a call that puts the attribute `name` into text by a field such as `{page.name}` or `{{ page.name }}`."""
    field = re.compile(rf"\{{[^{{}}]*\.{re.escape(name)}\b[^{{}}]*\}}|\{{%[^%]*\.{re.escape(name)}\b")
    for tail in _FORMATS:
        for call in program.calls_named(tail, want=False):
            shapes = [each.shape for each in call.arguments]
            if call.function[0] == "a":
                shapes.append(call.function[1])
            if any(field.search(text) for each in shapes for text in _texts(call.module, call.scope, each)):
                return call
    for tail in _RENDERS:
        for call in program.calls_named(tail, want=False):
            # What the template asks for stands in another file.
            if len(call.arguments) > 1:
                return call
    return None


def _texts(module: Module, scope: int, shape: Shape) -> list[str]:
    """Return the texts that a shape is seen to be, through a variable."""
    if shape[0] == "n":
        found = module.lookup(scope, shape[1])
        shapes = [each.payload for each in found[1] if each.kind == "assign" and each.payload] if found else []
    elif shape[0] == "c":
        shapes = [each.shape for each in module.call(shape[1]).arguments]
    else:
        shapes = [shape]
    return [str(each[2]) for each in shapes if each[:2] == ["k", "str"] and each[2] is not None]


def takes_whole(program: Program) -> Call | None:
    """Return a call that pickles an object, with all that it holds."""
    for tail in ("dumps", "dump", "encode", "open"):
        for call in program.calls_named(tail, want=False):
            dotted = call.module.dotted(call.scope, call.function) or ""
            if dotted.partition(".")[0] not in _PICKLERS:
                continue
            if not call.arguments or call.arguments[0].shape[0] not in _PLAIN or tail == "open":
                return call
    return None


def namespace_read(program: Program, module: Module) -> Call | Read | None:
    """Return a place that takes all names of `module` together: `vars(module)`, `module.__dict__`."""
    for call in program.calls_named("vars", want=False):
        if call.arguments and _is_module(program, call.module, call.scope, call.arguments[0].shape, module):
            return call
    for other in program.modules:
        for base, use, scope, start, _end in other.facts["attribute_reads"].get("__dict__", ()):
            if use != ["dest"] and _is_module(program, other, scope, base, module):
                return next(each for each in other.attribute_reads("__dict__") if each.span.start == start)
    return None


def _is_module(program: Program, other: Module, scope: int, shape: Shape, module: Module) -> bool:
    dotted = other.dotted(scope, shape)
    return dotted is not None and program.named(dotted) is module


def replaced(program: Program, target: Scope) -> tuple[Module, int, int] | None:
    """Return where something else is put in the place of a function or method: `out.emit = print`, `setattr(...)`."""
    name = target.name
    is_method = target.module.scope(target.parent).kind == "class" if target.parent >= 0 else False
    for module in program.modules:
        for base, _value, scope, start in module.facts["attribute_stores"].get(name, ()):
            if _may_hold(program, module, scope, base, target, is_method=is_method):
                return module, scope, start
    for tail in ("setattr", "object"):
        for call in program.calls_named(tail, want=False):
            base, member = call.argument(0), call.argument(1)
            named = member is not None and member.shape == ["k", "str", name]
            if not named or base is None or base.shape[0] == "k":
                continue
            if _may_hold(program, call.module, call.scope, base.shape, target, is_method=is_method):
                return call.module, call.scope, call.span.start
    for tail in ("setattr", "patch"):
        for call in program.calls_named(tail, want=False):
            first = call.argument(0)
            if first is None or first.shape[:2] != ["k", "str"] or not str(first.shape[2]).endswith(f".{name}"):
                continue
            found = program.resolve(str(first.shape[2]))
            if found is not None and (found.module, found.number) == (target.module, target.number):
                return call.module, call.scope, call.span.start
    return None


def _may_hold(program: Program, module: Module, scope: int, base: Shape, target: Scope, *, is_method: bool) -> bool:
    """Tell whether `base` may be the module, the class or an instance of the class that holds `target`."""
    dotted = program.dotted(module, scope, base)
    if not is_method:
        return dotted is not None and program.named(dotted) is target.module
    owner = target.module.scope(target.parent)
    if base == ["n", "self"]:
        around = program.method_owner(module, scope)
        return around is not None and (program.derives(around, owner) or program.derives(owner, around))
    if dotted is not None:
        found = program.resolve(dotted)
        return found is not None and found.kind == "class" and program.derives(found, owner)
    made = program.constructed(module, scope, base)
    if made is None:
        return True
    found = program.resolve(made)
    return found is None or found.kind != "class" or program.derives(found, owner)
