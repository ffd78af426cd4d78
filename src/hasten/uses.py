"""Find every use of functions of other people's modules, whatever they are called where they are used.

`time.sleep` is found as `time.sleep(1)`, as `sleep(1)` after `from time import sleep`, under every alias, through
modules of the program that hand it on, and where it is no call at all.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from hasten.index.elsewhere import overwritten
from hasten.index.module import Binding, Call, Guard, Import, Module, Read
from hasten.index.module import Use as Fate
from hasten.index.program import Program
from hasten.model import Position, Span

#: So many modules may hand a name on to each other.
_LONGEST_CHAIN = 6


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a function, or of a module that holds one.

    Attributes:
        name: the absolute dotted name of what is used: a function, or a module as a value.
        span: the whole expression: the call, or the dotted name.
        root: the name at its start, whose import may become unneeded.
        binding: the number of the import that binds `root`, or -1 where none does by name.
        call: the call, where the function is called.
        fate: what happens to the value otherwise; see `hasten.index.build` for its words.
        trouble: why the name may stand for something else, else empty.
        via: the dotted name of a module of the program that hands it on, else empty.
        instead: why that module, or this one, may have another one under that name, else empty.
        other: the name of the module, from elsewhere, that may be imported in its place, else empty.
        either: there is nothing else to say against it: it is `other`, or else what it is called.
    """

    module: Module
    scope: int
    name: str
    span: Span
    root: Span
    binding: int
    call: Call | None
    fate: Fate
    trouble: str = ""
    via: str = ""
    instead: str = ""
    other: str = ""
    either: bool = False

    @property
    def position(self) -> Position:
        """Return the place for people."""
        return self.module.position(self.span.start)

    @property
    def place(self) -> str:
        """Return `path:line`."""
        return f"{self.module.path}:{self.position.line}"

    @property
    def releases(self) -> tuple[tuple[str, Span], ...]:
        """Return what `Change.releases` is to hold where the use goes away.

        A module of the program stays imported: what it does beside handing a name on is its own affair. So does what
        is one of several imports.
        """
        return ((self.module.path, self.root),) if self.binding >= 0 and not (self.via or self.either) else ()


def find(program: Program, names: Collection[str]) -> list[Use]:
    """Return every use of the functions called `names` in the modules read so far, in path and source order.

    Args:
        program: where to look.
        names: absolute dotted names, such as `time.sleep`.

    A module that holds one of them is also returned where it is used as a value: `f(time)`. What is reached by
    computing its name, such as `getattr(time, name)`, is seen as such a value.
    """
    finder = _Finder(program, frozenset(names))
    found = [each for module in program.modules for each in finder.in_module(module)]
    unique: dict[tuple[str, Span, str], Use] = {}
    for each in found:
        # What an import binds is found by that import first.
        unique.setdefault((each.module.path, each.span, each.name), each)
    return sorted(unique.values(), key=lambda each: (each.module.path, each.span.start, -each.span.end))


def meaning(program: Program, dotted: str | None) -> str:
    """Return what a dotted name stands for, through the modules of the program that hand it on; empty for None."""
    return _Finder(program, frozenset({dotted})).ultimate(dotted) if dotted else ""


class Instead(NamedTuple):
    """What a name that is handed on may be: see `Use`."""

    why: str = ""
    other: str = ""
    either: bool = False


#: What asks whether a module is there, `if sqlite3 is None`, and goes on without it.
_ASKED = frozenset({"cmp", "cond", "expr"})


class _Finder:
    def __init__(self, program: Program, names: frozenset[str]) -> None:
        self.program = program
        self.names = names
        self.modules = frozenset(name.rpartition(".")[0] for name in names)
        self.prefixes = self.modules | {each[:cut] for each in self.modules for cut in _dots(each)}
        self.tails = sorted({name.rpartition(".")[2] for name in names})

    def in_module(self, module: Module) -> Iterator[Use]:
        seen: set[tuple[int, str]] = set()
        for number, imported in enumerate(module.imports()):
            target = module.import_target(imported)
            if imported.name == "*":
                yield from self.starred(module, target.removesuffix("*").removesuffix("."))
                continue
            via = handed = ""
            if target not in self.names and target not in self.prefixes:
                owner = self.program.owner_of(target) if imported.level else None
                handed = target if owner is not None else ""
                via, target = (owner[0].name, self.ultimate(target)) if owner is not None else ("", target)
            bound = imported.asname or (imported.name.partition(".")[0] if imported.level == 0 else imported.name)
            if (target in self.names or target in self.prefixes) and (imported.scope, bound) not in seen:
                seen.add((imported.scope, bound))
                trouble = self.trouble(module, imported, bound, via)
                for read in _reads(module, imported.scope, bound):
                    yield from self.use(module, read, target, number, trouble, via, handed)
        yield from self.through_modules(module)

    def use(
        self, module: Module, read: Read, name: str, number: int, trouble: str, via: str, handed: str
    ) -> Iterator[Use]:
        fate, call, end = read.use, None, read.span.end
        while fate[0] == "attr" and name not in self.names:
            end = _attribute_end(module, fate[1], read.span.start, end)
            name, fate = f"{name}.{fate[1]}", fate[2]
        if fate[0] == "meth" and name not in self.names:
            name, call = f"{name}.{fate[1]}", module.call(fate[2])
        elif fate[0] == "call":
            call = module.call(fate[1])
        elif name not in self.names and (looked_up := _looked_up(module, read.scope, fate)) is not None:
            # getattr(sqlite3, "Error", None)
            name = f"{name}.{looked_up}"
        whole = name in self.modules and call is None and fate[0] not in _ASKED
        if name in self.names or whole:
            span = call.span if call is not None else Span(read.span.start, end)
            own = f"{module.name}.{module.imports()[number].asname or module.imports()[number].name}" if trouble else ""
            instead = self.instead(handed or own) if via or (own and number >= 0) else Instead()
            if trouble and instead.either and not self.is_choice(module, number):
                instead = instead._replace(either=False)
            yield Use(module, read.scope, name, span, read.span, number, call, fate, trouble, via, *instead)

    def starred(self, module: Module, source: str) -> Iterator[Use]:
        """Yield the reads of names that nothing but `from time import *` can bind."""
        for name in self.tails:
            target = self.ultimate(f"{source}.{name}")
            if target in self.names:
                via = "" if source in self.modules else source
                for read in module.reads_of(name):
                    if module.lookup(read.scope, name) is None:
                        yield from self.use(module, read, target, -1, "", via, f"{source}.{name}" if via else "")

    def through_modules(self, module: Module) -> Iterator[Use]:
        """Yield the calls that reach a function through a module of the program: `app.time.sleep(1)`."""
        for call in (each for name in self.tails for each in module.calls_named(name)):
            dotted = module.dotted(call.scope, call.function) or ""
            if call.function[0] == "a" and dotted not in self.names and self.program.is_own(dotted):
                target = self.ultimate(dotted)
                if target in self.names:
                    via = dotted.rpartition(".")[0]
                    instead, (root, number) = self.instead(dotted), self.root(call)
                    yield Use(module, call.scope, target, call.span, root, number, call, call.use, "", via, *instead)

    def root(self, call: Call) -> tuple[Span, int]:
        """Return the name at the start of a dotted call, and the one import that binds it, or -1 where others do."""
        shape = call.function
        while shape[0] == "a":
            shape = shape[1]
        found = call.module.lookup(call.scope, shape[1])
        start = call.span.start
        if found is None or [each.kind for each in found[1]] != ["import"]:
            return call.span, -1
        return Span(start, start + len(shape[1])), int(found[1][0].payload)

    def is_choice(self, module: Module, number: int) -> bool:
        """Tell whether nothing is wrong with an import but that there is another one beside it."""
        imported = module.imports()[number]
        root = (imported.module or imported.name).partition(".")[0]
        return imported.scope == 0 and imported.level == 0 and _own_module(self.program, module, root) is None

    def instead(self, dotted: str) -> Instead:
        """Return why a name that modules of the program hand on may be another one, and which."""
        for _ in range(_LONGEST_CHAIN):
            head = dotted
            while head and self.program.owner_of(head) is None:
                head = head.rpartition(".")[0]
            owner = self.program.owner_of(head) if head else None
            if owner is None:
                known = dotted in self.names or dotted in self.prefixes
                return Instead() if known else Instead(f"`{dotted}` is unknown")
            module, name = owner
            if (place := self.program.rebound(module, name)) is not None:
                return Instead(f"`{head}` is exchanged at {place}")
            targets: set[str] = set()
            another: list[tuple[str, str]] = []
            bindings = [each for each in module.bindings(0, name) if "T" not in each.nest]
            for each in bindings:
                others = [one for one in bindings if one is not each and one.kind == "import"]
                if any(_is_fallback(module, module.imports()[one.payload], each) for one in others):
                    continue
                found = self.bound_to(module, each)
                if found is None:
                    return Instead(f"`{name}` is bound to something of its own ({self.place(module, each.start)})")
                if not self.program.is_own(found) and found not in self.names | self.prefixes:
                    another.append((f"`{name}` may be `{found}` ({self.place(module, each.start)})", found))
                else:
                    targets.add(found)
            if another:
                chosen = all(each.scope == 0 for each in bindings)
                return Instead(*another[0], bool(targets) and chosen and targets <= self.names | self.prefixes)
            if len(targets) != 1:
                return Instead(f"`{head}` is imported in several ways, or by a star")
            dotted = targets.pop() + dotted.removeprefix(head)
        return Instead(f"`{dotted}` is handed on too often")

    def bound_to(self, module: Module, binding: Binding) -> str | None:
        """Return what a binding gives a name: what it imports, or what `import_module("name")` does."""
        if binding.kind == "import":
            return module.import_target(module.imports()[binding.payload])
        if binding.kind == "assign" and binding.payload is not None and binding.payload[0] == "c":
            call = module.call(binding.payload[1])
            named = call.argument(0, "name")
            if call.tail == "import_module" and named is not None and named.shape[:2] == ["k", "str"]:
                return str(named.shape[2])
        return None

    def place(self, module: Module, offset: int) -> str:
        """Return `path:line`."""
        return f"{module.path}:{module.position(offset).line}"

    def ultimate(self, dotted: str) -> str:
        """Return what a dotted name of one of the program's modules stands for, through all imports."""
        for _ in range(_LONGEST_CHAIN):
            head, rest = dotted, ""
            while head and self.program.owner_of(head) is None:
                head, _, tail = head.rpartition(".")
                rest = f".{tail}{rest}"
            owner = self.program.owner_of(head) if head else None
            target = self.imported(*owner) if owner is not None else None
            if target is None or target + rest == dotted:
                return dotted
            dotted = target + rest
        return dotted

    def imported(self, module: Module, name: str) -> str | None:
        """Return what `module` imports as `name` at its top."""
        for binding in module.bindings(0, name):
            if binding.kind == "import":
                return module.import_target(module.imports()[binding.payload])
        for each in module.star_imports():
            target = module.import_target(each).removesuffix("*") + name
            if target in self.names:
                return target
        return None

    def trouble(self, module: Module, imported: Import, bound: str, via: str) -> str:
        """Return why `bound` may not be what was imported, or an empty string."""
        bindings = module.bindings(imported.scope, bound)
        if any(each.kind == "global" for each in bindings):
            return f"`{bound}` is imported in a function that declares it `global`"
        root = (imported.module or imported.name).partition(".")[0]
        if not via and imported.level <= 0 and (own := _own_module(self.program, module, root)) is not None:
            return f"the program has a module called `{root}` ({own})"
        targets: set[str] = set()
        for binding in bindings:
            if binding.start != imported.start and _is_fallback(module, imported, binding):
                continue
            if binding.kind != "import":
                return f"`{bound}` is also bound at line {module.position(binding.start).line}"
            if "T" in binding.nest:
                return f"`{bound}` is imported for type checkers only"
            targets.add(module.import_target(module.imports()[binding.payload]))
        return f"`{bound}` is imported in several ways ({', '.join(sorted(targets))})" if len(targets) > 1 else ""


def _looked_up(module: Module, scope: int, fate: Fate) -> str | None:
    """Return the attribute that is read where a module is handed to `getattr` or `hasattr`, None where it is not."""
    if fate[0] != "arg" or fate[2] != 0:
        return None
    call = module.call(fate[1])
    name = call.argument(1)
    known = module.dotted(scope, call.function) in {"builtins.getattr", "builtins.hasattr"}
    return str(name.shape[2]) if known and name is not None and name.shape[:2] == ["k", "str"] else None


def _is_fallback(module: Module, imported: Import, binding: Binding) -> bool:
    """Tell whether a name is bound where a module of the standard library cannot be imported, which never is.

    try:
        import sqlite3
    except ImportError:
        sqlite3 = None
    """
    standard = sys.stdlib_module_names
    if imported.level > 0 or (imported.module or imported.name).partition(".")[0] not in standard:
        return False
    for record in module.facts["guards"]:
        guard = Guard(*record)
        if guard.kind != "try" or not guard.start <= imported.start < guard.end:
            continue
        body = min((each[2] for each in guard.payload), default=guard.end)
        if imported.start >= body:
            continue
        roots = {
            (each.module or each.name).partition(".")[0]
            for each in module.imports()
            if guard.start <= each.start < body and each.level <= 0
        }
        for types, _name, start, end, _statements in guard.payload:
            names = [] if types is None else [str(each[-1]) for each in (types[1] if types[0] == "t" else [types])]
            missing = bool(names) and {*names} <= {"ImportError", "ModuleNotFoundError"}
            if missing and start <= binding.start < end and roots <= standard:
                return True
    return False


def trouble_with(program: Program, module: Module, scope: int, name: str, offset: int) -> str:
    """Return why `name` would not be the library of that name, once it is imported at the top, or an empty string.

    Args:
        program, module: where the name is wanted.
        scope: the scope that is to read it.
        offset: where it is to be read.
    """
    own = _own_module(program, module, name)
    if own is not None:
        return f"the program has a module called `{name}` ({own})"
    found = module.lookup(scope, name)
    for binding in found[1] if found is not None else ():
        imported = module.imports()[binding.payload] if binding.kind == "import" else None
        plain = imported is not None and imported.level == 0 and imported.asname in {None, name}
        # In a function that imports it further down, or perhaps, the name is not bound yet.
        late = found is not None and found[0] != 0 and binding.start > offset
        if imported is None or not plain or imported.name.partition(".")[0] != name or binding.nest or late:
            return f"`{name}` is bound to something of its own at line {module.position(binding.start).line}"
    place = overwritten(program, module, name)
    return f"a star import of this module would take `{name}` in the place of another one ({place})" if place else ""


def _own_module(program: Program, module: Module, name: str) -> str | None:
    """Return the path of a module of the program that `import name` in `module` would find, if there is one.

    It need not be among the modules read so far.
    """
    folders = module.path.split("/")[:-1]
    depth = module.name.count(".") + module.is_package
    # Where the module's own top-level package lies, and where programs are mostly started.
    for folder in sorted({"/".join(folders[: len(folders) - depth]), ""}):
        for file in (f"{name}.py", f"{name}/__init__.py"):
            path = f"{folder}/{file}" if folder else file
            if path in program.paths and path != module.path:
                return path
    return None


def _reads(module: Module, scope: int, name: str) -> Iterator[Read]:
    if any(each.kind == "global" for each in module.bindings(scope, name)):
        # The function binds the name for the whole module.
        yield from (read for read in module.reads_of(name) if (module.lookup(read.scope, name) or (0,))[0] == 0)
        return
    yield from module.reads(scope, name)


def _attribute_end(module: Module, name: str, start: int, end: int) -> int:
    """Return where the attribute `name` of the expression from `start` to `end` ends."""
    ends = [each[4] for each in module.facts["attribute_reads"].get(name, ()) if each[3] <= start and end < each[4]]
    return min(ends, default=end + 1 + len(name))


def _dots(name: str) -> Iterator[int]:
    return (index for index, letter in enumerate(name) if letter == ".")
