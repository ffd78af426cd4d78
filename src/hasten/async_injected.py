"""Dependencies of FastAPI: what a function gives, or yields, the framework hands to parameters of others.

def get_db():
    db = sqlite3.connect(PATH)
    try:
        yield db
    finally:
        db.close()

@app.get("/items")
def read_items(db: Annotated[sqlite3.Connection, Depends(get_db)]): ...

FastAPI takes coroutine functions and asynchronous generators for them as well. A plain one runs in a thread of a pool.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hasten.async_fixtures import Requesters, fixtures_called, is_fixture, is_parametrized
from hasten.async_fixtures import given as fixture_given
from hasten.async_fixtures import requesters as requesters_of_fixture
from hasten.async_kinds import key_of
from hasten.async_served import DEPENDENCIES
from hasten.index.module import Call, Module, Read, Scope, Shape, Use
from hasten.index.program import Program
from hasten.uses import meaning

_TAILS = ("Depends", "Security")
_LIBRARY = frozenset({"fastapi"})
#: Where an application keeps what stands in for a dependency: `app.dependency_overrides[get_db] = other`.
OVERRIDES = "dependency_overrides"
_WORDS = re.compile(r"\w+")


def is_requested(program: Program, function: Scope) -> bool:
    """Tell whether what a function gives is handed to parameters: by pytest, or by FastAPI, in its own place or not."""
    return is_fixture(function) or bool(_asked(program, function)) or bool(replaced_by(program, function))


def requesters(program: Program, function: Scope) -> Requesters:
    """Return the parameters that are given what a fixture or dependency gives, and whether that is all of them."""
    if is_fixture(function):
        return requesters_of_fixture(program, function)
    found: dict[tuple[str, int, str], tuple[Scope, str]] = {}
    complete = True
    for dependency in (function, *replaced_by(program, function)):
        calls = _asked(program, dependency)
        for call in calls:
            given = _parameters(program, call)
            complete = complete and given is not None
            found |= {(*key_of(scope), name): (scope, name) for scope, name in given or ()}
        complete = complete and all(
            _is_dependency(read, calls) or is_override(program, dependency, read)
            for read in program.references(dependency)
        )
    return Requesters(tuple(found[each] for each in sorted(found)), complete)


def replaced_by(program: Program, function: Scope) -> list[Scope]:
    """Return the dependencies that a function stands in for."""
    pairs = ((key, _named(program, module, scope, value)) for module, scope, key, value in _overrides(program))
    return [key for key, other in pairs if other is not None and key_of(other) == key_of(function)]


def givers(program: Program, function: Scope, name: str) -> list[Scope | None] | None:
    """Return the functions whose value a framework may give a parameter; None where no framework gives it any.

    They are the fixture that a test, or another fixture, requests; or the dependency, and what stands in for it. None
    among them is what is no function that can be seen.
    """
    if is_fixture(function) or function.name.startswith("test"):
        fixture = fixture_given(program, function, name)
        if fixture is not None:
            return [fixture]
        return [None] if is_parametrized(program, name) or fixtures_called(program, name) else None
    dependencies = [
        target
        for call, target in _dependencies(program)
        if (*key_of(function), name) in {(*key_of(each), given) for each, given in _parameters(program, call) or ()}
    ]
    keys = {key_of(each) for each in dependencies}
    others = (
        _named(program, module, scope, value)
        for module, scope, key, value in _overrides(program)
        if key_of(key) in keys
    )
    return [*dependencies, *others] if keys else None


def is_override(program: Program, function: Scope, read: Read) -> bool:
    """Tell whether a function is read as a key of `dependency_overrides`, or to be put there."""
    if read.use[0] not in {"idx", "asgsub"}:
        return False
    here = [
        (key, _named(program, module, scope, value))
        for module, scope, key, value in _overrides(program)
        if module is read.module and scope == read.scope
    ]
    if read.use[0] == "idx":
        return any(key_of(key) == key_of(function) for key, _value in here)
    put = sum(value is not None and key_of(value) == key_of(function) for _key, value in here)
    stored = sum(
        each.use[0] == "asgsub" and each.module is read.module and each.scope == read.scope
        for each in program.references(function)
    )
    return bool(put == stored)


def _asked(program: Program, function: Scope) -> list[Call]:
    """Return the calls of `Depends` that name a function."""
    return [call for call, target in _dependencies(program) if key_of(target) == key_of(function)]


def _dependencies(program: Program) -> Iterator[tuple[Call, Scope]]:
    """Yield every call of `Depends` or its like that names a function, with that function."""
    for tail in _TAILS:
        for call in program.calls_named(tail, beside=_LIBRARY):
            target = _target(program, call)
            if target is not None:
                yield call, target


def _target(program: Program, call: Call) -> Scope | None:
    if program.dotted(call.module, call.scope, call.function) not in DEPENDENCIES:
        return None
    given = call.argument(0, "dependency")
    return _named(program, call.module, call.scope, given.shape) if given is not None else None


def _named(program: Program, module: Module, scope: int, shape: Shape | None) -> Scope | None:
    """Return the function that a shape names."""
    if shape is None or shape[0] not in {"n", "a"}:
        return None
    dotted = module.dotted(scope, shape)
    found = program.resolve(dotted) if dotted is not None else None
    if found is None and shape[0] == "n":
        # A function inside a test.
        bound = module.lookup(scope, shape[1])
        inner = [each for each in bound[1] if each.kind == "def"] if bound is not None else []
        found = module.scope(inner[0].payload) if len(inner) == 1 and bound and len(bound[1]) == 1 else None
    return found if found is not None and found.kind == "function" else None


def _parameters(program: Program, call: Call) -> list[tuple[Scope, str]] | None:
    """Return the parameters that a call of `Depends` stands for; None where nobody can tell."""
    return program.remember(f"given by Depends {call.module.path} {call.index}", lambda: _find(program, call))


def _find(program: Program, call: Call) -> list[tuple[Scope, str]] | None:
    module, shape = call.module, ["c", call.index]
    found: list[tuple[Scope, str]] = []
    for scope in module.scopes():
        for name, _kind, annotation, default in scope.parameters:
            if default == shape or (annotation is not None and _holds(annotation, shape)):
                found.append((scope, name))
    if found:
        return found
    names = [(module, each) for each in _aliases(module, shape)]
    if not names:
        # Somebody runs it for its effect: `dependencies=[Depends(check)]`.
        unused = call.use[0] == "elem" and call.use[2][0] == "arg" and call.use[2][2] == "dependencies"
        return [] if unused else None
    for home, alias in names:  # which other names of the same annotation are added to
        for place, reads in _reads(program, home, alias).items():
            reader, number = place
            taken = [*_annotated(reader, number, {name for name, _ in reads})]
            others = [use for _, use in reads if use[:2] != ["asg", 0] or number]
            if len(taken) != len(others):
                # A field of a dataclass, part of another type, a value: it may become a parameter somewhere.
                return None
            found += taken
            names += ((reader, str(use[2])) for _, use in reads if use[:2] == ["asg", 0] and not number)
    return found


def _aliases(module: Module, shape: Shape) -> list[str]:
    """Return the names of a module that stand for an annotation which holds `shape`."""
    return [
        name
        for name, entries in module.facts["binds"][0].items()
        if len(entries) == 1
        and entries[0][0] == "assign"
        and entries[0][1] is not None
        and _holds(entries[0][1], shape)
    ]


def _reads(program: Program, home: Module, alias: str) -> dict[tuple[Module, int], list[tuple[str, Use]]]:
    """Return where a name of module `home` is read, by module and scope: under which name, and what is done with it.

    A string that holds the name counts where it is the annotation of a parameter.
    """
    found: dict[tuple[Module, int], list[tuple[str, Use]]] = {}
    target = f"{home.name}.{alias}"
    program.want(alias)
    for module in program.modules:
        names = {alias, *(each.asname for each in module.imports() if each.asname and each.name == alias)}
        # Handed on under another name: from settings import Db as Database
        names |= {
            each.asname or each.name
            for each in module.imports()
            if each.level and meaning(program, module.import_target(each)) == target
        }
        for name in sorted(names):
            program.want(name)
            for read in module.reads_of(name):
                dotted = module.dotted(read.scope, ["n", name])
                if (module is home and dotted is None) or meaning(program, dotted) == target:
                    found.setdefault((module, read.scope), []).append((name, read.use))
        for name in sorted(names):
            for base, use, scope, _start, _end in module.facts["attribute_reads"].get(name, ()):
                if meaning(program, module.dotted(scope, ["a", base, name])) == target:
                    found.setdefault((module, scope), []).append((name, use))
        for scope in module.scopes():
            for _name, _kind, annotation, _default in scope.parameters:
                for name in sorted(names) if annotation is not None and annotation[:2] == ["k", "str"] else ():
                    if name in _WORDS.findall(annotation[2]):
                        found.setdefault((module, scope.parent), []).append((name, ["ann"]))
    return found


def _annotated(module: Module, scope: int, names: set[str]) -> Iterator[tuple[Scope, str]]:
    """Yield the parameters of the functions of a scope that are annotated with one of these names, and nothing else."""
    for function in module.scopes():
        for name, _kind, annotation, _default in function.parameters if function.parent == scope else ():
            named = annotation[-1] if annotation is not None and annotation[0] in {"n", "a"} else None
            if annotation is not None and annotation[:2] == ["k", "str"]:
                named = annotation[2].strip().rpartition(".")[2]
            if named in names:
                yield function, name


def _holds(shape: Shape, part: Shape) -> bool:
    return shape == part or any(isinstance(each, list) and _holds(each, part) for each in shape)


def _overrides(program: Program) -> list[tuple[Module, int, Scope, Shape | None]]:
    """Return where a dependency is replaced: module, scope, the dependency, and what takes its place."""
    program.want(OVERRIDES)
    return program.remember(OVERRIDES, lambda: list(_find_overrides(program)))


def _find_overrides(program: Program) -> Iterator[tuple[Module, int, Scope, Shape | None]]:
    for module in program.modules:
        for base, key, value, scope in module.facts["item_stores"]:
            if base[0] == "a" and base[2] == OVERRIDES:
                function = _named(program, module, scope, key)
                if function is not None:
                    yield module, scope, function, value


def _is_dependency(read: Read, calls: list[Call]) -> bool:
    places = {(each.module.path, each.index) for each in calls}
    return read.use[0] == "arg" and (read.module.path, read.use[1]) in places
