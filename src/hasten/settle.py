"""Settle the imports of a file once it is known which changes are made: some come, some go.

The orders are pure data made from facts; a worker turns them into text edits beside the other edits of the file.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from hasten import imports
from hasten.index.module import Import, Module, Shape
from hasten.index.program import Program
from hasten.model import Change, Position, Span, TextEdit
from hasten.text import LineTable

#: In the place of a path: whichever module it is.
_ANY = ""
#: A module is looked for behind so many variables.
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class ImportOrders:
    """What is to happen to the imports of one file.

    Attributes:
        additions: `(module, name)` pairs at module level.
        local: `(start and end of the statement whose place it takes, module, name)` inside functions.
        removals: `(start of the statement, number of the name in it)`.
        first_party: top-level names of the program's own modules.
    """

    additions: tuple[tuple[str, str], ...] = ()
    local: tuple[tuple[int, int, str, str], ...] = ()
    removals: tuple[tuple[int, int], ...] = ()
    first_party: frozenset[str] = frozenset()
    style: imports.ImportStyle = field(default_factory=imports.ImportStyle)


def orders(module: Module, changes: Iterable[Change], program: Program, style: imports.ImportStyle) -> ImportOrders:
    """Return what the selected `changes` mean for the imports of `module`."""
    changes = list(changes)
    requests = {each for change in changes for each in change.imports if each.path == module.path}
    released = {span for change in changes for path, span in change.releases if path == module.path}
    removals = [each for each in module.imports() if _is_unused(module, each, released, program)]
    additions: set[tuple[str, str]] = set()
    local: set[tuple[int, int, str, str]] = set()
    taken: set[int] = set()
    first = min((edit.start for change in changes for edit in change.edits if edit.path == module.path), default=None)
    there = {
        (each.name, "") if each.level == 0 else (each.module, each.name)
        for each in module.imports()
        if _runs_before(module, each, first) and each not in removals
    }
    for request in sorted(requests, key=lambda each: (each.scope, each.module, each.name)):
        if (request.module, request.name) in there:
            continue
        if request.scope == 0 or module.bindings(0, request.name or request.module):
            additions.add((request.module, request.name))
            continue
        # A function that imports for itself keeps doing so where the new import can stand in the old one's place.
        anchor = _anchor(module, request.scope, released)
        alone = anchor is not None and sum(each.start == anchor.start for each in module.imports()) == 1
        if anchor is None or not alone or anchor not in removals:
            additions.add((request.module, request.name))
            continue
        taken.add(anchor.start)
        local.add((anchor.start, anchor.end, request.module, request.name))
    left = tuple(sorted((each.start, each.number) for each in removals if each.start not in taken))
    return ImportOrders(tuple(sorted(additions)), tuple(sorted(local)), left, program.own_names, style)


def _runs_before(module: Module, imported: Import, first: Position | None) -> bool:
    """Tell whether an import surely binds its name before any of the new code stands, wherever among the code it is."""
    if imported.scope != 0 or imported.nest or imported.asname not in {None, imported.name} or imported.level > 0:
        return False
    if any(each.kind != "import" for each in module.bindings(0, _bound(imported))):
        return False
    return first is not None and module.position(imported.end) <= first


def _anchor(module: Module, scope: int, released: Collection[Span]) -> Import | None:
    """Return the import in `scope` whose names are released: the new import stands in its place or below it."""
    for each in module.imports():
        if each.scope == scope and any(read.span in released for read in module.reads(scope, _bound(each))):
            return each
    return None


def _bound(imported: Import) -> str:
    return imported.asname or (imported.name.partition(".")[0] if imported.level == 0 else imported.name)


def _is_unused(module: Module, imported: Import, released: Collection[Span], program: Program) -> bool:
    """Tell whether every use of an imported name is released, and nobody else gets at it through this module."""
    name = _bound(imported)
    if imported.name == "*" or (imported.level == 0 and "." in imported.name):
        return False
    if module.scope(imported.scope).kind == "class":
        return False  # an attribute of the class, which anyone may ask for
    reads = [read.span for read in module.reads(imported.scope, name)]
    if not reads or not all(each in released for each in reads):
        return False
    if any(each.kind != "import" for each in module.bindings(imported.scope, name)):
        return False
    if sum(_bound(each) == name and each.scope == imported.scope for each in module.imports()) > 1:
        return False
    if _is_in_a_string(module, name) or _evaluates(module):
        return False
    return imported.scope != 0 or not _is_reexported(module, name, program)


def _is_in_a_string(module: Module, name: str) -> bool:
    """Tell whether a string of the module may be code that uses `name`: a doctest, an annotation, or for `eval`."""
    mention = re.compile(rf"\b{re.escape(name)}\b")
    code = re.compile(rf"\b{re.escape(name)}\s*[.(]|^{re.escape(name)}$|\bimport\b[^\n]*\b{re.escape(name)}\b")
    for _start, text, use, _scope in module.facts["strings"]:
        if use == ["expr"]:
            if ">>>" in text and mention.search(text):
                return True
        elif code.search(text):
            return True
    return False


def _evaluates(module: Module) -> bool:
    """Tell whether a module runs code that is not there to be seen, in its own names."""
    for function in ("eval", "exec", "timeit", "repeat", "Timer", "interact"):
        for call in module.calls_named(function):
            dotted = module.dotted(call.scope, call.function) or ""
            first = call.argument(0)
            seen = first is None or (first.shape[:2] == ["k", "str"] and first.shape[2] is not None)
            own = dotted.startswith("builtins.") and len(call.arguments) == 1
            names = any(
                each.shape[0] == "c" and module.call(each.shape[1]).tail in {"globals", "locals", "vars"}
                for each in call.arguments
            )
            if (own and not seen) or (names and not (dotted.startswith("builtins.") and seen)):
                return True
    return False


def _is_reexported(module: Module, name: str, program: Program) -> bool:
    """Tell whether `name` is in `__all__`, or another module or a name in a string reaches it through `module`."""
    for binding in module.bindings(0, "__all__"):
        shape = binding.payload
        if not isinstance(shape, list) or shape[0] not in {"l", "t"} or ["k", "str", name] in shape[1]:
            return True  # an import has the list of another module
    program.want(name)
    # Most files of a program let go of the same name, so that all are asked for at once.
    reached = program.remember(f"settle: reached {name}", lambda: _reached(program, name))
    return not reached.isdisjoint({module.path, _ANY})


def _reached(program: Program, name: str) -> frozenset[str]:
    """Return the paths of the modules through which a name is reached somewhere, with `_ANY` among them for all."""
    return frozenset(path for other in program.modules for path in _through(program, other, name))


def _through(program: Program, other: Module, name: str) -> Iterator[str]:
    """Yield the paths of the modules through which `other` reaches a name, or `_ANY`."""
    for each in other.imports():
        if each.level != 0 and each.name in {name, "*"}:
            yield from _imported(program, other, each, name)
    for read in other.names("attribute_reads") & {name, "__dict__"}:
        for base, use, scope, _start, _end in other.facts["attribute_reads"][read]:
            if read == name or use != ["dest"]:
                yield from _modules(program, other, scope, base)
    for call in other.calls_named(name):
        if call.function[0] == "a":
            yield from _modules(program, other, call.scope, call.function[1])
    yield from _asked(program, other, name)
    mention = re.compile(rf"\bimport\b[^\n]*\b{re.escape(name)}\b")
    for _start, text, use, _scope in other.facts["strings"]:
        if name not in text:
            continue
        head, dot, tail = text.partition(f".{name}")
        meant = program.named(head) if dot and head and tail[:1] in {"", "."} else None
        if meant is not None:
            yield meant.path
        if use not in (["idx"], ["key"]) and mention.search(text):
            yield _ANY  # code for someone to run, such as the `setup=` of timeit


def _asked(program: Program, other: Module, name: str) -> Iterator[str]:
    """Yield where `other` gets at the name by `getattr(module, "name")`, or at all names by `vars(module)`."""
    for call in other.calls_named("getattr"):
        first, asked = call.argument(0), call.argument(1)
        if first is None or asked is None or (asked.shape[:2] == ["k", "str"] and asked.shape[2] != name):
            continue
        yield from _modules(program, other, call.scope, first.shape)
    for call in other.calls_named("vars"):
        first = call.argument(0)
        if first is not None:
            yield from _modules(program, other, call.scope, first.shape)


def _modules(program: Program, other: Module, scope: int, shape: Shape, depth: int = 0) -> Iterator[str]:
    """Yield the module that a shape in `other` is; `_ANY` for one that is imported by a name that cannot be seen."""
    dotted = other.dotted(scope, shape)
    if dotted is not None:
        meant = program.named(dotted)
        if meant is not None:
            yield meant.path
        return
    match shape:
        case ["c", index]:
            call = other.call(index)
            named = call.argument(0, "name")
            if call.tail not in {"import_module", "__import__", "reload"} or named is None:
                return
            text = str(named.shape[2]) if named.shape[:2] == ["k", "str"] else "."
            meant = program.named(text)
            if text.startswith("."):
                yield _ANY
            elif meant is not None:
                yield meant.path
        case ["i", inner, _] if other.dotted(scope, inner) == "sys.modules":
            yield _ANY
        case ["n", variable] if depth < _DEEPEST and (found := other.lookup(scope, variable)) is not None:
            for each in found[1]:
                if each.kind == "assign" and each.payload:
                    yield from _modules(program, other, found[0], each.payload, depth + 1)
        case _:
            return


def _imported(program: Program, other: Module, imported: Import, name: str) -> Iterator[str]:
    dotted = other.import_target(imported)
    owner = program.owner_of(dotted.removesuffix("*") + name if imported.name == "*" else dotted)
    if owner is not None and owner[0] is not other:
        yield owner[0].path


#: A definition or decorator at the start of a line, outside every other statement if the text before it parses.
_DEFINITION = re.compile(r"^(?:@|def |class |async def )", re.MULTILINE)
_TRIES = 4


def edits(path: str, text: str, wanted: ImportOrders) -> list[TextEdit]:
    """Return the text edits that carry out the orders; the text is the one that was analysed."""
    replacements = [
        imports.Replacement(Span(start, end), f"from {module} import {name}" if name else f"import {module}")
        for start, end, module, name in wanted.local
    ]
    if wanted.additions or wanted.removals:
        replacements += _at_the_top(text, wanted)
    lines = LineTable(text)
    return [
        TextEdit(path, each.span, lines.position(each.span.start), lines.position(each.span.end), each.text)
        for each in replacements
        if each.text != text[each.span.start : each.span.end]
    ]


def _at_the_top(text: str, wanted: ImportOrders) -> Sequence[imports.Replacement]:
    """Return the replacements among the module's own imports, looking at no more of a long module than is needed."""
    head, tree = _head(text, max((start for start, _ in wanted.removals), default=0))
    lines = LineTable(head)
    starts: dict[int, ast.Import | ast.ImportFrom] = {
        lines.offset(node.lineno, node.col_offset): node
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
    }
    update = imports.update(
        head,
        tree,
        additions=wanted.additions,
        removals=[(starts[start], starts[start].names[index]) for start, index in wanted.removals],
        first_party=wanted.first_party,
        style=wanted.style,
    )
    return update.replacements


def _head(text: str, least: int) -> tuple[str, ast.Module]:
    """Return the text up to the first definition that stands below offset `least` and an import, and its tree.

    What follows the imports matters only for the number of blank lines, and to that all definitions are alike.
    """
    for match in islice(_DEFINITION.finditer(text, least), _TRIES):
        head = f"{text[: match.start()]}class _: ..."
        try:
            tree = ast.parse(head)
        except SyntaxError:
            continue  # it stands in a string, or below a decorator
        if any(isinstance(node, (ast.Import, ast.ImportFrom)) for node in tree.body):
            return head, tree
    return text, ast.parse(text)


def style_of(files: Mapping[str, str]) -> imports.ImportStyle:
    """Return how the project sorts its imports, from the texts of its configuration files by name."""
    import tomllib

    try:
        project = tomllib.loads(files.get("pyproject.toml", ""))
    except tomllib.TOMLDecodeError:
        project = {}
    return imports.style_from(project, files.get(".isort.cfg") or files.get("setup.cfg"))
