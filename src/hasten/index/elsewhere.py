"""What other places do to the names of a module: star imports, stores through the module, modules that are objects.

A module that is passed on, put into a variable, or fetched by its name at run time is called and read there under any
name; `held` follows it. Each answer rests on places in the program, and is worked out once.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from hasten.index import rebinding
from hasten.index.module import Call, Import, Module, Read, Shape, Use
from hasten.model import Span

if TYPE_CHECKING:
    from hasten.index.flow import Sink
    from hasten.index.program import Program

#: Star imports of star imports, and names of names, are followed so far.
_FARTHEST = 8
_LOADERS = frozenset({"importlib.import_module", "builtins.__import__"})
#: Uses of a module that neither read its names nor hand it on.
_HARMLESS = frozenset({"cmp", "cond", "expr", "fmt", "ann", "base", "except", "raise", "unseen", "aug", "match"})
#: Functions that are given a module and leave its functions alone, or name the one that they put something else for.
_KNOWN = frozenset(
    {
        "print",
        "repr",
        "str",
        "id",
        "type",
        "isinstance",
        "hasattr",
        "reload",
        "setattr",
        "delattr",
        "object",
        "spy",
        "getsource",
        "getfile",
        "files",
    }
)


@dataclass(slots=True)
class Held:
    """What is done with a module that is an object.

    Attributes:
        calls: calls of its functions, by their names.
        reads: reads of its names that are no calls.
        stores: where attributes of it are assigned to, as path and offset of the target.
        lost: where it is lost from sight, so that anything unknown may be it; None if it is not.
    """

    calls: dict[str, list[Call]] = field(default_factory=dict)
    reads: dict[str, list[Read]] = field(default_factory=dict)
    stores: set[tuple[str, int]] = field(default_factory=set)
    lost: str | None = None

    def add(self, other: Held) -> None:
        """Add what is done with it elsewhere."""
        for name, calls in other.calls.items():
            self.calls.setdefault(name, []).extend(calls)
        for name, reads in other.reads.items():
            self.reads.setdefault(name, []).extend(reads)
        self.stores |= other.stores
        self.lost = self.lost or other.lost


class Places:
    """Where the modules of one program do what bears on the names of others.

    Attributes:
        starring: the modules with star imports.
        module_trails: what was found out about modules that are objects, by the place where they become one.
        meant: the paths of the modules that setters mean, by the path, the offset and the target.
    """

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self._program = program
        self.starring = [each for each in program.modules if each.star_imports()]
        self.module_trails: dict[tuple[str, int, int], Held] = {}
        self.meant: dict[tuple[str, int, str], frozenset[str]] = {}

    @cached_property
    def setters(self) -> dict[str, list[rebinding.Setter]]:
        """Return the places that set an attribute by its name; under `""` those whose name cannot be seen."""
        return rebinding.setters(self._program)

    @cached_property
    def blind(self) -> dict[str, list[rebinding.Setter]]:
        """Return the setters whose names cannot be seen, by the paths of the modules that they mean."""
        return rebinding.blind(self._program)

    @cached_property
    def getters(self) -> dict[str, list[Call]]:
        """Return the calls `getattr(anything, "name")`, by the name."""
        found: dict[str, list[Call]] = {}
        for call in self._program.calls_named("getattr", want=False):
            asked = call.argument(1)
            if asked is not None and asked.shape[:2] == ["k", "str"]:
                found.setdefault(str(asked.shape[2]), []).append(call)
        return found

    @cached_property
    def module_importers(self) -> dict[str, list[tuple[Module, Import]]]:
        """Return the imports that bind a module of the program, or a package around it, by the module's path."""
        found: dict[str, list[tuple[Module, Import]]] = {}
        for module in self._program.modules:
            for imported in module.imports():
                dotted = imported.name if imported.level == 0 else module.import_target(imported)
                target = self._program.named(dotted)
                if target is not None:
                    found.setdefault(target.path, []).append((module, imported))
        return found

    @cached_property
    def fetched_modules(self) -> list[tuple[Read, Shape]]:
        """Return where a module is taken from `sys.modules`, with the shape of its name."""
        return [
            (Read(module, scope, Span(start, end), use), key)
            for module in self._program.modules
            for base, key, use, scope, start, end in module.facts["modules_read"]
            if module.dotted(scope, base) == "sys.modules"
        ]


# --- star imports -----------------------------------------------------------------------------------------------


def starred(program: Program, module: Module, name: str, depth: int = 0) -> str | None:
    """Return the dotted name that a star import of the program's own binds `name` to in `module`."""
    for imported in reversed(module.star_imports()):
        base = _starred_module(module, imported)
        own = program.named(base)
        if own is None and not hasattr(builtins, name) and _is_file(program.paths, base):
            program.want(name)  # a module that is not read yet
        if own is None or own is module or not _hands_out(own, name):
            continue
        if own.is_bound(0, name):
            return f"{base}.{name}"
        found = starred(program, own, name, depth + 1) if depth < _FARTHEST else None
        if found is not None:
            return found
    return None


@lru_cache(maxsize=256)
def _is_file(paths: frozenset[str], dotted: str) -> bool:
    """Tell whether the program may have a module of that name, read or not."""
    stem = dotted.replace(".", "/")
    files = (f"{stem}.py", f"{stem}/__init__.py")
    return any(path.endswith(files) and path.removesuffix(file)[-1:] in {"", "/"} for path in paths for file in files)


def _starred_module(module: Module, imported: Import) -> str:
    return module.import_target(imported).removesuffix("*").removesuffix(".")


def _hands_out(module: Module, name: str) -> bool:
    """Tell whether `from module import *` binds `name`, if the module has it."""
    stated = module.bindings(0, "__all__")
    if not stated:
        return not name.startswith("_")
    only = stated[0]
    if len(stated) > 1 or only.kind != "assign" or not only.payload or only.payload[0] not in {"l", "t"}:
        return True  # put together at run time, or another module's
    names = only.payload[1]
    return ["k", "str", name] in names or any(each[:2] != ["k", "str"] for each in names)


def star_importers(program: Program, module: Module) -> list[Module]:
    """Return the modules that have all names of `module` by star imports, through others too."""
    found: list[Module] = []
    pending = [module]
    while pending:
        current = pending.pop()
        program.want("import *", beside=frozenset({current.name.rpartition(".")[2]} - {""}))
        for other in program.places.starring:
            if other in found or other is module:
                continue
            if any(program.named(_starred_module(other, each)) is current for each in other.star_imports()):
                found.append(other)
                pending.append(other)
    return found


def overwritten(program: Program, module: Module, name: str) -> str | None:
    """Return where a star import of `module` would take `name`, once `module` binds it, in the place of another one."""
    if name.startswith("_") or module.bindings(0, "__all__"):
        return None
    for other in star_importers(program, module):
        own = _other_meaning(other, name)
        if own is not None:
            return own
        for each in other.star_imports():
            source = program.named(_starred_module(other, each))
            if source is None or source is module or not _hands_out(source, name):
                continue
            if _other_meaning(source, name) is not None:
                return f"{other.path}:{other.position(each.start).line}"
    return None


def _other_meaning(module: Module, name: str) -> str | None:
    """Return where a module binds `name` to something else than the top-level module of that name."""
    for binding in module.bindings(0, name):
        imported = module.imports()[binding.payload] if binding.kind == "import" else None
        if imported is None or module.import_target(imported) != name:
            return f"{module.path}:{module.position(binding.start).line}"
    return None


# --- modules that are objects -----------------------------------------------------------------------------------


def held(program: Program, module: Module) -> Held:
    """Return what is done with `module` where it is passed on, assigned, or fetched by its name."""
    result = Held()
    program.want("import_module", "called")
    home = module.name.rpartition(".")[2]
    if home:
        around = module.name.rpartition(".")[0].rpartition(".")[2]
        program.want(home, "imported", beside=frozenset({around, "from ."}) if around else frozenset())
    for read, use in _starts(program, module):
        match use:
            case ["meth", name, int() as index]:
                result.calls.setdefault(name, []).append(read.module.call(index))
            case ["attr", name, inner]:
                result.reads.setdefault(name, []).append(Read(read.module, read.scope, read.span, inner))
            case _:
                result.add(_trail(program, read, use))
    return result


def _starts(program: Program, module: Module) -> Iterator[tuple[Read, Use]]:
    """Yield the places where a module becomes an object, with the use that is made of it."""
    for other, imported in program.places.module_importers.get(module.path, ()):
        bound = imported.asname or (imported.name.partition(".")[0] if imported.level == 0 else imported.name)
        rest = imported.name.split(".")[1:] if imported.level == 0 and not imported.asname else []
        certain = other.dotted(imported.scope, ["n", bound]) is not None
        for read in other.reads(imported.scope, bound):
            use = read.use
            for part in rest:  # `import pkg.core` binds `pkg`
                if use[:2] != ["attr", part]:
                    break
                use = use[2]
            else:
                if not certain or use[0] not in {"attr", "meth"}:
                    yield read, use
    for name in ("import_module", "__import__"):
        for call in program.calls_named(name, want=False):
            asked = call.argument(0, "name")
            known = (call.module.dotted(call.scope, call.function) or name) in {*_LOADERS, name}
            if known and asked is not None and _names(program, call.module, call.scope, asked.shape, module):
                yield Read(call.module, call.scope, call.span, call.use), call.use
    for read, key in program.places.fetched_modules:
        if _names(program, read.module, read.scope, key, module):
            yield read, read.use


def _names(program: Program, other: Module, scope: int, shape: Shape, module: Module) -> bool:
    """Tell whether a text may be the name of `module`: it is seen to be, or cannot be seen."""
    return not {module.path, rebinding.ANY}.isdisjoint(rebinding.fetched(program, other, scope, shape))


def _trail(program: Program, read: Read, use: Use) -> Held:
    """Return what is done with a module from one place on, whichever module it is."""
    from hasten.index.flow import follow

    key = (read.module.path, read.span.start, read.span.end)
    known = program.places.module_trails
    if key not in known:
        known[key] = result = Held()
        for sink in follow(program, read.module, read.scope, read.span, use):
            _note(program, result, sink)
    return known[key]


def _note(program: Program, result: Held, sink: Sink) -> None:
    match sink.use:
        case ["meth", name, int() as index] if sink.kind == "meth":
            result.calls.setdefault(name, []).append(sink.module.call(index))
        case ["attr", name, inner] if sink.kind == "attr":
            result.reads.setdefault(name, []).append(Read(sink.module, sink.scope, sink.span, inner))
        case ["dest"]:
            result.stores.add((sink.module.path, sink.span.start))
        case ["arg", int() as index, 0] if sink.module.call(index).function == ["n", "getattr"]:
            call = sink.module.call(index)
            asked = call.argument(1)
            if asked is None or asked.shape[:2] != ["k", "str"]:
                result.lost = result.lost or sink.place
            else:
                _note_fetched(program, result, call, str(asked.shape[2]))
        case ["arg", int() as index, _] if sink.module.call(index).tail in _KNOWN:
            return
        case _:
            if sink.kind not in _HARMLESS:
                result.lost = result.lost or sink.place


def _note_fetched(program: Program, result: Held, call: Call, name: str) -> None:
    """Note what becomes of `getattr(module, "name")`: it is called, or read."""
    from hasten.index.flow import follow

    result.reads.setdefault(name, []).append(Read(call.module, call.scope, call.span, call.use))
    for sink in follow(program, call.module, call.scope, call.span, call.use):
        if sink.kind in {"call", "callee"}:
            result.calls.setdefault(name, []).append(sink.module.call(sink.use[1]))
