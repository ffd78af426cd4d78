"""Who gives a module-level name another value than its module does: stores, setters, and writes to namespaces.

A setter takes the name in text or by a keyword, or computes it; the module may be named, stand in a variable, be handed
in as an argument, or be fetched by its name. Where neither the name nor the module can be seen, nothing shows that this
name of this module is meant, and the place does not count.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from hasten.index.module import Argument, Binding, Call, Module, Read, Shape
    from hasten.index.program import Program

#: Modules are followed through so many variables and parameters.
_FARTHEST = 4
_LOADERS = frozenset({"import_module", "__import__"})
#: Stands for a module whose name cannot be seen.
ANY = ""
_SELVES = (["n", "self"], ["n", "cls"])
#: Keywords of `patch.multiple`, `patch.dict` and `dict.update` that are no names.
_NO_NAMES = frozenset(
    {"target", "spec", "create", "spec_set", "autospec", "new_callable", "in_dict", "values", "clear"}
)


class Setter(NamedTuple):
    """A place such as `setattr(target, "name", value)`, `patch.multiple(target, name=value)`, `vars(target)["name"]`.

    Attributes:
        call: the place.
        target: the object, or in text the whole name.
        named: the name stands elsewhere than in the target.
        patches: it puts something in the place of the old value for a while, as tests do.
    """

    call: Call | Read
    target: Shape
    named: bool
    patches: bool

    @property
    def place(self) -> str:
        """Return `path:line`."""
        return f"{self.call.module.path}:{self.call.module.position(self.call.span.start).line}"


def setters(program: Program) -> dict[str, list[Setter]]:
    """Return the places that set an attribute by its name; under `""` those whose name cannot be seen."""
    found: dict[str, list[Setter]] = {}
    for name, setter in (*_by_argument(program), *_by_keyword(program), *_in_namespaces(program)):
        found.setdefault(name, []).append(setter)
    return found


def _by_argument(program: Program) -> Iterator[tuple[str, Setter]]:
    for tail in ("setattr", "object", "patch"):
        for call in program.calls_named(tail, want=False):
            target, member = call.argument(0), call.argument(1)
            if target is None:
                continue
            patches = call.function != ["n", "setattr"]
            # patch("app.NAME", x) has the whole name in its first argument.
            text = _written(call.module, call.scope, target.shape) if tail != "object" and patches else None
            shape = ["k", "str", text] if text is not None else target.shape
            names = {str(shape[2]).rpartition(".")[2]} if shape[:2] == ["k", "str"] else set()
            if member is not None and member.shape[:2] == ["k", "str"]:
                names.add(str(member.shape[2]))
            elif member is not None and member.shape[0] != "k" and not names:
                names = {""}
            for name in sorted(names):
                yield name, Setter(call, shape, member is not None, patches)


def _written(module: Module, scope: int, shape: Shape, depth: int = 0) -> str | None:
    """Return the text that is put together of what is seen: `f"{app.__name__}.NAME"`, `HOME + ".NAME"`; else None."""
    match shape:
        case ["k", "str", str() as text]:
            return text
        case ["f", [*parts]] | ["o", "Add", *parts]:
            texts = [_written(module, scope, each, depth) for each in parts]
            return "".join(str(each) for each in texts) if None not in texts else None
        case ["a", base, "__name__"]:
            return module.dotted(scope, base)
        case ["n", "__name__"]:
            return module.name
        case ["n", str() as name] if depth < _FARTHEST:
            found = module.lookup(scope, name)
            bound = found[1] if found is not None else ()
            if len(bound) == 1 and bound[0].kind == "assign" and bound[0].payload:
                return _written(module, bound[0].scope, bound[0].payload, depth + 1)
    return None


def _by_keyword(program: Program) -> Iterator[tuple[str, Setter]]:
    """Yield each name in `patch.multiple(app, NAME=x)` and `patch.multiple("app", NAME=x)`."""
    for call in program.calls_named("multiple", want=False):
        target = call.argument(0, "target")
        if target is None or call.function[0] != "a":
            continue
        text = target.shape[2] if target.shape[:2] == ["k", "str"] else None
        for name in _keywords(call.arguments):
            if text is not None and name:
                yield name, Setter(call, ["k", "str", f"{text}.{name}"], named=False, patches=True)
            else:
                yield name, Setter(call, target.shape, named=True, patches=True)


def _in_namespaces(program: Program) -> Iterator[tuple[str, Setter]]:
    """Yield what is written to `app.__dict__` and `vars(app)`: items, and what `update` and its like are given."""
    for module in program.modules_with("item_stores", "__dict__"):
        reads = {
            (str(base), scope): (start, end) for base, use, scope, start, end in _dict_reads(module) if use[0] == "dest"
        }
        for base, key, _value, scope in module.facts["item_stores"]:
            owner = _owner_of(module, base) if base[0] == "a" else None
            at = reads.get((str(owner), scope))
            if owner is not None and at is not None:
                yield _text(key), Setter(_read(module, scope, at), owner, named=True, patches=False)
    for call in program.calls_named("vars", want=False):
        if call.use[0] == "dest" and len(call.arguments) == 1 and call.arguments[0].shape not in _SELVES:
            for base, key, _value, _scope in call.module.facts["item_stores"]:
                if base == ["c", call.index]:
                    yield _text(key), Setter(call, call.arguments[0].shape, named=True, patches=False)
    for tail in ("update", "setdefault", "__setitem__"):
        for call in program.calls_named(tail, want=False):
            owner = _owner_of(call.module, call.function[1]) if call.function[0] == "a" else None
            if owner is not None:
                for name in _given(call, 0, one=tail != "update"):
                    yield name, Setter(call, owner, named=True, patches=False)
    for tail in ("dict", "setitem"):  # patch.dict(app.__dict__, NAME=x), monkeypatch.setitem(app.__dict__, "NAME", x)
        for call in program.calls_named(tail, want=False):
            first = call.argument(0, "in_dict") if call.function[0] == "a" else None
            owner = _owner_of(call.module, first.shape) if first is not None else None
            if owner is not None:
                for name in _given(call, 1, one=tail != "dict"):
                    yield name, Setter(call, owner, named=True, patches=True)


def _dict_reads(module: Module) -> list[list[Any]]:
    found: list[list[Any]] = module.facts["attribute_reads"].get("__dict__", [])
    return found


def _read(module: Module, scope: int, at: tuple[int, int]) -> Read:
    from hasten.index.module import Read
    from hasten.model import Span

    return Read(module, scope, Span(*at), ["dest"])


def _owner_of(module: Module, shape: Shape) -> Shape | None:
    """Return the object whose attributes `x.__dict__` or `vars(x)` holds, unless it is an instance in its methods."""
    owner: Shape | None = None
    match shape:
        case ["a", inner, "__dict__"]:
            owner = inner
        case ["c", int() as index]:
            call = module.call(index)
            if call.function == ["n", "vars"] and len(call.arguments) == 1:
                owner = call.arguments[0].shape
        case _:
            pass
    return owner if owner not in _SELVES else None


def _given(call: Call, position: int, *, one: bool) -> Iterator[str]:
    """Yield the names that a call writes: one that stands in its arguments, or those of a mapping and of keywords."""
    first = call.argument(position, "values")
    if one:
        yield _text(first.shape) if first is not None else ""
        return
    yield from _keywords(call.arguments)
    if first is not None and first.shape[0] == "d":
        yield from (_text(key) if key is not None else "" for key, _value in first.shape[1])
    elif first is not None and first.shape[0] != "k":
        yield ""


def _keywords(arguments: list[Argument]) -> Iterator[str]:
    for each in arguments:
        if each.keyword == "**" and each.shape[0] == "d":
            yield from (_text(key) if key is not None else "" for key, _value in each.shape[1])
        elif each.keyword == "**":
            yield ""
        elif each.keyword not in {None, "*"} and each.keyword not in _NO_NAMES:
            yield str(each.keyword)


def _text(key: Shape) -> str:
    """Return the text that a shape is, `""` where it cannot be seen; other constants name nothing."""
    return str(key[2]) if key[0] == "k" else ""


# --- which module is meant --------------------------------------------------------------------------------------


def modules_meant(program: Program, setter: Setter) -> frozenset[str]:
    """Return the paths of the modules that a setter with a name of its own may mean, `ANY` for one that is not seen."""
    known = program.places.meant
    key = (setter.call.module.path, setter.call.span.start, str(setter.target))
    if key not in known:
        module, shape = setter.call.module, setter.target
        if shape[:2] == ["k", "str"]:
            found = program.named(str(shape[2]))
            known[key] = frozenset({found.path} if found is not None else ())
        else:
            known[key] = frozenset(_modules(program, module, setter.call.scope, shape, set()))
    return known[key]


def _modules(
    program: Program, other: Module, scope: int, shape: Shape, seen: set[tuple[str, int, str]]
) -> Iterator[str]:
    """Yield the paths of the modules that a value may be, as far as it is seen to be one."""
    dotted = other.dotted(scope, shape)
    if dotted is not None:
        found = program.named(dotted)
        if found is not None:
            yield found.path
        return
    match shape:
        case ["i", base, key] if other.dotted(scope, base) == "sys.modules":
            yield from fetched(program, other, scope, key)
        case ["c", int() as index]:
            call = other.call(index)
            asked = call.argument(0, "name")
            if call.tail in _LOADERS and asked is not None:
                yield from fetched(program, other, call.scope, asked.shape)
            elif call.tail == "get" and asked is not None and call.function[0] == "a":
                kept = other.dotted(call.scope, call.function[1]) == "sys.modules"
                yield from fetched(program, other, call.scope, asked.shape) if kept else ()
        case ["n", str(name)] if shape not in _SELVES:
            bound = other.lookup(scope, name)
            for each in bound[1] if bound is not None else ():
                key = (other.path, each.start, name)
                if key not in seen and len(seen) < _FARTHEST * _FARTHEST:
                    seen.add(key)
                    yield from _bound(program, other, bound[0] if bound is not None else 0, each, name, seen)
        case ["?" | "b" | "l" | "t", list(parts)]:
            for part in parts:
                yield from _modules(program, other, scope, part, seen)
        case _:
            return


def _bound(
    program: Program, other: Module, owner: int, binding: Binding, name: str, seen: set[tuple[str, int, str]]
) -> Iterator[str]:
    """Yield the modules that one binding of a variable may give it."""
    if binding.kind in {"assign", "with", "for"} and binding.payload:
        yield from _modules(program, other, binding.scope, binding.payload, seen)
    elif binding.kind == "import":
        found = program.named(other.import_target(other.imports()[binding.payload]))
        if found is not None:
            yield found.path
    elif binding.kind == "param":
        function = other.scope(owner)
        plain = [each[0] for each in function.parameters if each[1] in {"plain", "posonly"}]
        position = plain.index(name) if name in plain else -1
        if position > 0 and other.scope(function.parent).kind == "class" and not program.is_static(function):
            position -= 1
        for call in program.calls_named(function.name, want=False) if function.name else ():
            given = call.argument(position, name)
            # What is no name of a module, and no variable that may hold one, is most of what functions are given.
            if given is not None and given.shape[0] in {"n", "a", "c", "i"}:
                yield from _modules(program, call.module, call.scope, given.shape, seen)


def fetched(program: Program, other: Module, scope: int, shape: Shape, depth: int = 0) -> Iterator[str]:
    """Yield the modules that a text may name, `ANY` where it cannot be seen."""
    match shape:
        case ["k", "str", str() as text]:
            found = program.named(text)
            if found is not None:
                yield found.path
            elif text.startswith("."):
                yield from (each.path for each in program.modules if f".{each.name}".endswith(text))
        case ["k", *_]:
            return
        case ["f", [["k", "str", str() as text], *_]] | ["o", "Add" | "Mod", ["k", "str", str() as text], _] if (
            start := text.partition("%")[0].lstrip(".")
        ):
            yield from (each.path for each in program.modules if each.name.startswith(start))
        case ["n", "__name__"]:
            yield other.path
        case ["n", name] if depth < _FARTHEST:
            bound = other.lookup(scope, name)
            known = [each for each in bound[1] if each.kind == "assign" and each.payload] if bound is not None else []
            if bound is None or len(known) != len(bound[1]):
                yield ANY
            for each in known:
                yield from fetched(program, other, each.scope, each.payload, depth + 1)
        case _:
            yield ANY


# --- the question -----------------------------------------------------------------------------------------------


def rebound(program: Program, module: Module, name: str, *, patches: bool) -> str | None:
    """Return a place that gives a module-level name another value than the module itself does.

    Args:
        program: where to look.
        module, name: whose name it is.
        patches: whether those count as well that put something else in its place for a while, as tests do.
    """
    want(program, module, name, patches=patches)
    for other in program.modules_with("attribute_stores", name):
        for base, _value, scope, start in other.facts["attribute_stores"][name]:
            if _is_stored(program, other, scope, base, start, module):
                return f"{other.path}:{other.position(start).line}"
    for each in program.places.setters.get(name, ()):
        if each.patches and not patches:
            continue
        whole = each.target[:2] == ["k", "str"] and program.owner_of(str(each.target[2])) == (module, name)
        if whole or (each.named and not modules_meant(program, each).isdisjoint({module.path, ANY})):
            return each.place
    for each in program.places.blind.get(module.path, ()):
        if patches or not each.patches:
            return each.place
    for call in module.calls_named("globals"):
        if _changes_namespace(module, call, name):
            return f"{module.path}:{module.position(call.span.start).line}"
    return None


def want(program: Program, module: Module, name: str, *, patches: bool) -> None:
    """Note which files may give a name of `module` another value."""
    home = module.name.rpartition(".")[2]
    beside = frozenset({home} - {""})
    program.want(name, "stored", beside=beside)
    if not home:
        return  # any file could be meant
    program.want("setattr", "called", beside=beside)
    program.want("__dict__", "read", beside=beside)
    program.want("vars", "called", beside=beside)
    if patches:
        program.want("multiple", "called", beside=beside)


def blind(program: Program) -> dict[str, list[Setter]]:
    """Return the setters whose names cannot be seen, by the paths of the modules that they are seen to mean."""
    found: dict[str, list[Setter]] = {}
    for each in program.places.setters.get("", ()):
        if each.named and each.target not in _SELVES:
            for path in modules_meant(program, each) - {ANY}:
                found.setdefault(path, []).append(each)
    return found


def _is_stored(program: Program, other: Module, scope: int, base: Shape, start: int, module: Module) -> bool:
    """Tell whether an attribute that is assigned to may be one of `module`."""
    if base in _SELVES:
        return False
    dotted = other.dotted(scope, base)
    if dotted is not None and program.named(dotted) is module:
        return True
    if base[0] == "i" and other.dotted(scope, base[1]) == "sys.modules":
        return not {module.path, ANY}.isdisjoint(fetched(program, other, scope, base[2]))
    return (other.path, start) in program.held(module).stores


def _changes_namespace(module: Module, call: Call, name: str) -> bool:
    """Tell whether `globals()` is there to be changed: `globals()["NAME"] = x`, `globals().update(...)`."""
    if call.use[:1] == ["meth"]:
        return call.use[1] in {"update", "setdefault", "pop", "clear", "__setitem__"}
    if call.use != ["dest"]:
        return False
    keys = [key for base, key, _value, _scope in module.facts["item_stores"] if base == ["c", call.index]]
    return any(key == ["k", "str", name] or key[0] != "k" for key in keys)
