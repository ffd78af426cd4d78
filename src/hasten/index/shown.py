"""Ways in which a value is seen that do not name it as code does: by templates, by bases, by whoever takes the whole.

Each needs something in the program that shows it; what is found is a place.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hasten.index.module import Call, Module, Read, Scope, Shape
    from hasten.index.program import Program

_DEEPEST = 10
#: A text is looked for behind so many names, attributes and arguments.
_MOST = 50
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
        dotted = owner.module.dotted(owner.parent, base)
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
    for call, texts in program.remember("formatted texts", lambda: _formatted(program)):
        if any(field.search(text) for text in texts):
            return call
    for tail in _RENDERS:
        for call in program.calls_named(tail, want=False):
            # What the template asks for stands in another file.
            if len(call.arguments) > 1:
                return call
    return None


def _formatted(program: Program) -> list[tuple[Call, list[str]]]:
    """Return the calls that fill in fields of texts, with the texts that they are seen to have."""
    found: list[tuple[Call, list[str]]] = []
    for tail in _FORMATS:
        for call in program.calls_named(tail, want=False):
            shapes = [each.shape for each in call.arguments]
            if call.function[0] == "a":
                shapes.append(call.function[1])
            texts = [text for each in shapes for text in _texts(program, call.module, call.scope, each)]
            fields = [text for text in texts if "{" in text]
            if fields:
                found.append((call, fields))
    return found


def _texts(program: Program, module: Module, scope: int, shape: Shape, seen: set[str] | None = None) -> list[str]:
    """Return the texts that a shape is seen to be, through variables, constants of modules, and attributes."""
    seen = set() if seen is None else seen
    key = f"{module.path}:{scope}:{shape}"
    if key in seen or len(seen) > _MOST:
        return []
    seen.add(key)
    inner: list[tuple[Module, int, Shape]] = []
    match shape:
        case ["k", "str", str() as text]:
            return [text]
        case ["c", int() as index]:
            inner = [(module, scope, each.shape) for each in module.call(index).arguments]
        case ["n" | "a", *_] if (owner := _constant(program, module, scope, shape)) is not None:
            found = owner[0].bindings(0, owner[1])
            inner = [(owner[0], each.scope, each.payload) for each in found if each.kind == "assign" and each.payload]
        case ["n", str(name)]:
            bound = module.lookup(scope, name)
            kept = bound[1] if bound is not None else []
            inner = [(module, each.scope, each.payload) for each in kept if each.kind == "assign" and each.payload]
        case ["a", _, str(name)]:
            for other in program.modules_with("classes", name):
                inner += [(other, at, each) for each, at in _held(other).get(name, ())]
            for other in program.modules_with("attribute_stores", name):
                stores = other.facts["attribute_stores"][name]
                inner += [(other, at, value) for _base, value, at, _start in stores if value]
        case _:
            pass
    return [text for where, at, each in inner for text in _texts(program, where, at, each, seen)]


def _constant(program: Program, module: Module, scope: int, shape: Shape) -> tuple[Module, str] | None:
    """Return the module, another one than this, and the name in it that a shape stands for."""
    dotted = module.dotted(scope, shape)
    owner = program.owner_of(dotted) if dotted is not None else None
    return owner if owner is not None and owner[0] is not module else None


def _held(module: Module) -> dict[str, list[tuple[Shape, int]]]:
    """Return what is assigned in the bodies of classes: values, and the numbers of the classes, by name."""

    def look() -> dict[str, list[tuple[Shape, int]]]:
        found: dict[str, list[tuple[Shape, int]]] = {}
        for number in module.facts["classes"]:
            for name, records in module.facts["binds"][number].items():
                values = [(each[1], number) for each in records if each[0] == "assign" and each[1]]
                if values:
                    found.setdefault(name, []).extend(values)
        return found

    return module.remember("what classes hold", look)


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


def namespace_read(program: Program, module: Module, name: str) -> Call | Read | None:
    """Return a place that takes all names of `module` together, or runs text that holds `name`.

    So do `vars(module)`, `module.__dict__`, `globals()`, and `exec(text)` in the module itself.
    """
    for call in program.calls_named("vars", want=False):
        if call.arguments and _is_module(program, call.module, call.scope, call.arguments[0].shape, module):
            return call
    for other in program.modules_with("attribute_reads", "__dict__"):
        for base, use, scope, start, _end in other.facts["attribute_reads"]["__dict__"]:
            if use != ["dest"] and _is_module(program, other, scope, base, module):
                return next(each for each in other.attribute_reads("__dict__") if each.span.start == start)
    for call in module.calls_named("globals"):
        if _is_builtin(call) and _takes_values(call, name):
            return call
    for call in _run_texts(module, name):
        # A function that has a name of its own so reads that one.
        found = module.lookup(call.scope, name)
        if found is not None and found[0] == 0:
            return call
    return locals_read(module, 0, name)


def locals_read(module: Module, scope: int, name: str) -> Call | None:
    """Return a place that takes all variables of `scope` together, or runs text that holds `name` there."""
    for tail in ("locals", "vars"):
        for call in module.calls_named(tail):
            if call.scope == scope and not call.arguments and _is_builtin(call) and _takes_values(call, name):
                return call
    return next((call for call in _run_texts(module, name) if call.scope == scope), None)


def _run_texts(module: Module, name: str) -> Iterator[Call]:
    """Yield the calls that run text as code where `name` may be read; text with a namespace of its own has none."""
    for tail in ("exec", "eval"):
        for call in module.calls_named(tail):
            text = call.argument(0)
            if text is None or not _is_builtin(call) or len(call.arguments) > 1:
                continue
            known = text.shape[:2] == ["k", "str"] and text.shape[2] is not None
            if not known or re.search(rf"\b{re.escape(name)}\b", text.shape[2]):
                yield call


def _is_builtin(call: Call) -> bool:
    return call.module.dotted(call.scope, call.function) == f"builtins.{call.tail}"


def _takes_values(call: Call, name: str) -> bool:
    """Tell whether what is done with a namespace may read `name`: it is not only filled, or asked for another one."""
    if call.use[0] in {"dest", "cmp", "cond", "expr", "iter", "subdel"}:
        return False
    if call.use[0] != "meth":
        return True
    outer = call.module.call(call.use[2])
    if outer.tail not in {"get", "setdefault", "pop", "__getitem__"}:
        return outer.tail not in {"update", "keys", "__setitem__", "__contains__", "clear"}
    asked = outer.argument(0)
    return asked is None or asked.shape[:2] != ["k", "str"] or asked.shape[2] == name


def _is_module(program: Program, other: Module, scope: int, shape: Shape, module: Module) -> bool:
    dotted = other.dotted(scope, shape)
    return dotted is not None and program.named(dotted) is module


def replaced(program: Program, target: Scope) -> tuple[Module, int, int] | None:
    """Return where something else is put in the place of a function or method: `out.emit = print`, `setattr(...)`."""
    name = target.name
    is_method = target.module.scope(target.parent).kind == "class" if target.parent >= 0 else False
    for module in program.modules_with("attribute_stores", name):
        for base, _value, scope, start in module.facts["attribute_stores"][name]:
            if _may_hold(program, module, scope, base, target, is_method=is_method):
                return module, scope, start
    for each in program.places.setters.get(name, ()):
        call = each.call
        if each.named and each.target[0] != "k":
            if _may_hold(program, call.module, call.scope, each.target, target, is_method=is_method):
                return call.module, call.scope, call.span.start
        elif each.target[:2] == ["k", "str"] and str(each.target[2]).endswith(f".{name}"):
            found = program.resolve(str(each.target[2]))
            if found is not None and (found.module, found.number) == (target.module, target.number):
                return call.module, call.scope, call.span.start
    return None


def assigned_instead(program: Program, target: Scope) -> tuple[Module, int, int] | None:
    """Return where a class below that of the method `target` is given something else of that name in its body."""
    owner = target.module.scope(target.parent) if target.parent >= 0 else None
    if owner is None or owner.kind != "class":
        return None
    for module in program.modules_with("classes", target.name):
        for _value, number in _held(module).get(target.name, ()):
            if program.derives(module.scope(number), owner):
                start = module.bindings(number, target.name)[-1].start
                return module, number, start
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
