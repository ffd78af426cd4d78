"""Find every place that uses the standard library's `json`, whatever it is called there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hasten.api import Call, Module, Position, Program, Span
from hasten_codemods.json_to_orjson.shim import is_shim

#: So many modules may hand a name on to each other.
_LONGEST_CHAIN = 6
FUNCTIONS = frozenset({"loads", "load", "dumps", "dump"})
#: Names of `json` that stay as they are wherever they stand: orjson's errors are subclasses of it.
_KEPT = frozenset({"JSONDecodeError", "decoder.JSONDecodeError", "__name__", "__version__"})
_OBJECTS = frozenset({"JSONEncoder", "JSONDecoder", "encoder", "decoder", "scanner", "tool", "detect_encoding"})


@dataclass(frozen=True, slots=True)
class Site:
    """One use of `json`.

    Attributes:
        name: what is used of it: `loads`, `decoder.scanstring`, or empty for the module itself.
        span: the whole expression (`json.loads`, or the call).
        root: the name at its start, whose import may become unneeded.
        binding: the number of the import that binds `root`, or -1 for a star import.
        call: the call, when the function is called.
        use: what happens to the function when it is not.
        trouble: why the name may not be the standard library's, else empty.
        via: the dotted name of another module of the program through which `json` is reached, else empty.
    """

    module: Module
    scope: int
    name: str
    span: Span
    root: Span
    binding: int
    call: Call | None
    use: list[Any]
    trouble: str = ""
    via: str = ""

    @property
    def position(self) -> Position:
        """Return the place for people."""
        return self.module.position(self.span.start)

    @property
    def place(self) -> str:
        """Return `path:line`."""
        return f"{self.module.path}:{self.position.line}"


def find(program: Program) -> list[Site]:
    """Return every site of the program, targets or not, in path and source order."""
    sites = [site for module in program.modules if not is_shim(module) for site in _in_module(program, module)]
    sites.sort(key=lambda each: (each.module.path, each.span.start, -each.span.end))
    return sites


def _in_module(program: Program, module: Module) -> Iterator[Site]:
    seen: set[tuple[int, str]] = set()
    for number, imported in enumerate(module.imports()):
        if imported.level == 0 and imported.name.partition(".")[0] == "json":
            # `import json.decoder` binds `json`, `import json.decoder as d` binds the submodule.
            bound = imported.asname or "json"
            prefix = imported.name.partition(".")[2] if imported.asname else ""
            if (imported.scope, bound) not in seen:
                seen.add((imported.scope, bound))
                yield from _uses(program, module, imported.scope, bound, prefix, number)
        elif imported.level == -1 and imported.module.partition(".")[0] == "json":
            if imported.name == "*":
                yield from _star_uses(program, module, imported.scope)
                continue
            prefix = ".".join([*imported.module.split(".")[1:], imported.name])
            bound = imported.asname or imported.name
            if (imported.scope, bound) not in seen:
                seen.add((imported.scope, bound))
                yield from _uses(program, module, imported.scope, bound, prefix, number)
        elif imported.level != 0 and imported.name != "*":
            # `from app import json`, `from compat import loads`: the standard library's, if it is imported so there.
            dotted = module.import_target(imported)
            via = program.owner_of(dotted)
            target = ultimate(program, dotted) if via is not None else dotted
            if via is not None and target.partition(".")[0] == "json":
                bound, prefix = imported.asname or imported.name, target.partition(".")[2]
                yield from _uses(program, module, imported.scope, bound, prefix, number, via=via[0].name)
    yield from _reached(program, module)


def ultimate(program: Program, dotted: str) -> str:
    """Return what a dotted name of one of the program's modules stands for, through all re-exports."""
    for _ in range(_LONGEST_CHAIN):
        target = _handed_on(program, dotted)
        if target is None or target == dotted:
            break
        dotted = target
    return dotted


def _handed_on(program: Program, dotted: str) -> str | None:
    """Return what the longest front of a dotted name that a module imports stands for, the rest added to it."""
    front, rest = dotted, ""
    while front:
        owner = program.owner_of(front)
        if owner is not None:
            target = _import_of(*owner)
            return f"{target}{rest}" if target is not None else None
        front, _, last = front.rpartition(".")
        rest = f".{last}{rest}"
    return None


def _import_of(module: Module, name: str) -> str | None:
    """Return what `module` imports as `name` at its top, its star imports of `json` included."""
    for binding in module.bindings(0, name):
        if binding.kind == "import":
            return module.import_target(module.imports()[binding.payload])
    if not module.bindings(0, name) and name in FUNCTIONS:
        for imported in module.imports():
            if imported.name == "*" and imported.module == "json" and imported.level == -1:
                return f"json.{name}"
    return None


def _reached(program: Program, module: Module) -> Iterator[Site]:
    """Yield the calls that reach `json` through another module, a class, or a star import of one's own."""
    starred = [each for each in module.imports() if each.name == "*"]
    for call in (each for name in sorted(FUNCTIONS) for each in module.calls_named(name)):
        shape = call.function
        root = shape
        while root[0] == "a":
            root = root[1]
        found = module.lookup(call.scope, root[1]) if root[0] == "n" else None
        dotted = module.dotted(call.scope, shape) or ""
        if dotted.startswith("json."):
            continue  # found by its import
        via = ""
        if found is not None and program.is_own(dotted):
            via = dotted.rpartition(".")[0] if ultimate(program, dotted).partition(".")[0] == "json" else ""
            if shape[0] == "n":
                via = ""  # found by its import
        elif found is None and root[0] == "n":
            names = _spelled(shape)
            for each in starred:
                target = module.import_target(each).removesuffix("*") + names
                if ultimate(program, target).startswith("json.") and not target.startswith("json."):
                    via = target.rpartition(".")[0]
        elif shape[0] == "a" and shape[1][0] == "a" and shape[1][2] == "json" and not dotted:
            via = "an attribute" if _in_a_class(program) else ""
        if via:
            yield Site(module, call.scope, call.tail, call.span, call.span, -1, call, call.use, via=via)


def _spelled(shape: list[Any]) -> str:
    """Return a dotted expression as it is written."""
    return f"{_spelled(shape[1])}.{shape[2]}" if shape[0] == "a" else str(shape[1])


def _in_a_class(program: Program) -> bool:
    """Tell whether some class imports `json` in its body, and so has it as an attribute."""
    return any(
        each.kind == "import" for scope in program.classes() for each in scope.module.bindings(scope.number, "json")
    )


def own_module(program: Program, module: Module, name: str) -> str | None:
    """Return the path of a top-level module of the program that `import name` in `module` would find, if there is one.

    It need not be among the indexed ones: a file called `json.py` may well not mention json.
    """
    depth = module.name.count(".") + module.is_package
    folders = module.path.split("/")[:-1]
    # Where the module's own top-level package lies, and where programs are mostly started.
    for folder in sorted({"/".join(folders[: len(folders) - depth]), ""}):
        for file in (f"{name}.py", f"{name}/__init__.py"):
            path = f"{folder}/{file}" if folder else file
            if path in program.paths and path != module.path:
                return path
    return None


def _star_uses(program: Program, module: Module, scope: int) -> Iterator[Site]:
    for name in sorted(FUNCTIONS):
        if not module.bindings(scope, name):
            yield from _uses(program, module, scope, name, name, -1)


def _uses(
    program: Program, module: Module, scope: int, bound: str, prefix: str, number: int, via: str = ""
) -> Iterator[Site]:
    trouble = _trouble(program, module, scope, bound, number)
    # A name that a function declares global, or that a star import brings, is bound by nothing in the module itself.
    declared = any(each.kind == "global" for each in module.bindings(scope, bound))
    reads = _star_reads(module, bound) if number < 0 or declared else module.reads(scope, bound)
    for read in reads:
        name, use, call, end = prefix, read.use, None, read.span.end
        start = read.span.start
        while use[0] == "attr":
            start, end = _attribute_span(module, use[1], start, end)
            name, use = _join(name, use[1]), use[2]
        if use[0] == "meth":
            name, call = _join(name, use[1]), module.call(use[2])
        elif use[0] == "call":
            call = module.call(use[1])
        if name in _KEPT or (
            call is None and name in {"JSONEncoder", "JSONDecoder"} and use[0] in {"base", "ann", "except", "default"}
        ):
            continue
        if call is not None and not name:
            call = None
        span = call.span if call is not None else Span(start, end)
        yield Site(module, read.scope, name, span, read.span, number, call, use, trouble, via)


def _star_reads(module: Module, name: str) -> Iterator[Any]:
    """Yield the reads of a name that nothing but a star import can bind."""
    from hasten.api import Read

    for scope, table in enumerate(module.facts["reads"]):
        for start, end, use in table.get(name, ()):
            found = module.lookup(scope, name)
            if found is None or all(each.kind in {"global", "import"} for each in found[1]):
                yield Read(module, scope, Span(start, end), use)


def _attribute_span(module: Module, name: str, start: int, end: int) -> tuple[int, int]:
    """Return where the attribute `name` of the expression at `start` to `end` is, spaces and parentheses included."""
    spans = [(each[3], each[4]) for each in module.facts["attribute_reads"].get(name, ())]
    around = [(first, last) for first, last in spans if first <= start and end < last]
    return min(around, key=lambda each: each[1] - each[0]) if around else (start, end + 1 + len(name))


def _join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _trouble(program: Program, module: Module, scope: int, bound: str, number: int) -> str:
    """Return why `bound` may not be the standard library's `json`, or an empty string."""
    if number < 0:
        return ""
    if any(each.kind == "global" for each in module.bindings(scope, bound)):
        return f"`{bound}` is imported in a function that declares it `global`"
    own = own_module(program, module, "json")
    if own is not None:
        return f"the program has a module called `json` ({own})"
    targets: set[str] = set()
    for binding in module.bindings(scope, bound):
        if binding.kind != "import":
            return f"`{bound}` is also bound at line {module.position(binding.start).line}"
        imported = module.imports()[binding.payload]
        # `import json.decoder` beside `import json` binds the same module.
        targets.add(
            module.import_target(imported) if imported.asname or imported.level else imported.name.partition(".")[0]
        )
        if "T" in binding.nest:
            return f"`{bound}` is imported for type checkers only"
    if len(targets) > 1:
        return f"`{bound}` is imported in several ways ({', '.join(sorted(targets))})"
    return ""
