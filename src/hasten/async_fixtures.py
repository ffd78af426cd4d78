"""Fixtures of pytest: how they are scoped, and who requests them."""

from __future__ import annotations

from dataclasses import dataclass
from posixpath import dirname

from hasten.async_kinds import key_of, owner_of
from hasten.async_parametrized import VALUES, is_indirect, names_of
from hasten.index.module import Call, Module, Scope, Shape
from hasten.index.program import Program

#: The decorators of plain fixtures, by their dotted names.
FIXTURES = frozenset({"pytest.fixture", "pytest.yield_fixture"})
#: The decorator of those that are coroutine functions, where pytest-asyncio does not take all of them.
ASYNCIO_FIXTURE = "pytest_asyncio.fixture"
_EVERY = FIXTURES | {ASYNCIO_FIXTURE}
_SCOPES = frozenset({"function", "class", "module", "package", "session"})


@dataclass(frozen=True, slots=True)
class Requesters:
    """Who requests a fixture.

    Attributes:
        found: functions, each with the parameter that the fixture's value is given as.
        complete: nobody else gets the value: by the name in a string, by another name, or from a file elsewhere.
    """

    found: tuple[tuple[Scope, str], ...]
    complete: bool


def scope_of(fixture: Scope) -> str | None:
    """Return the scope of a fixture, None where it is decided at run time."""
    for shape in fixture.decorators:
        if shape[0] != "c" or decorator_of(fixture, shape) not in _EVERY:
            continue
        call = fixture.module.call(shape[1])
        if any(each.keyword == "**" for each in call.arguments):
            return None
        given = call.argument(len(call.arguments), "scope")
        if given is None and any(each.keyword is None for each in call.arguments):
            return None
        if given is None:
            return "function"
        return given.shape[2] if given.shape[:2] == ["k", "str"] and given.shape[2] in _SCOPES else None
    return "function"


def requesters(program: Program, fixture: Scope) -> Requesters:
    """Return who requests a fixture, by its name among their parameters, and whether all of them can be told.

    A fixture of the same name that is nearer to who requests it (its class, its module, a `conftest.py` further down)
    is the one that it gets. Names that are given with `@pytest.fixture(name=...)` are not followed.
    """
    name = fixture.name
    homes = fixtures_called(program, name)
    found: list[tuple[Scope, str]] = []
    for module in program.modules:
        for each in module.scopes() if _takes(module, name) else ():
            if not _may_request(each) or all(parameter[0] != name for parameter in each.parameters):
                continue
            nearest = _nearest(each, homes)
            if nearest is not None and key_of(nearest) == key_of(fixture):
                found.append((each, name))
    complete = not (_renamed(fixture) or is_asked_by_name(program, name) or _imported(program, fixture))
    return Requesters(tuple(found), complete)


def given(program: Program, requester: Scope, name: str) -> Scope | None:
    """Return the fixture whose value a test, or another fixture, gets as its parameter `name`.

    None where it is no such parameter, or where something else may be given: `parametrize` and `patch` do that, and so
    does a fixture that is imported, since it is nearer then than it seems.
    """
    if not _may_request(requester):
        return None
    homes = fixtures_called(program, name)
    nearest = _nearest(requester, homes)
    if nearest is None or _renamed(nearest) or is_parametrized(program, name):
        return None
    patched = any("patch" in decorator_of(requester, each) for each in requester.decorators)
    return None if patched or any(_imported(program, each) for each in homes) else nearest


def fixtures_called(program: Program, name: str) -> list[Scope]:
    """Return all fixtures of a name, wherever they can be seen from."""
    program.want(name)
    return [each for each in program.definitions(name) if each.kind == "function" and is_fixture(each)]


def is_parametrized(program: Program, name: str) -> bool:
    """Tell whether a test may be given something else for a fixture: `@pytest.mark.parametrize("name", ...)`."""
    program.want("parametrize", "called")
    names = program.remember("names that tests are parametrized by", lambda: _parametrized(program))
    return names is None or name in names


def parametrized_by(program: Program, call: Call, position: int | str) -> tuple[Scope, list[str]] | None:
    """Return the test that `parametrize` gives what stands at a place of its call, and as which parameters.

    None where nobody can tell: a fixture that has such a parameter gets it as well, or somebody asks by its name.
    """
    names = names_of(program, call) if position in VALUES else None
    use = call.use
    if not names or use[0] != "deco" or is_indirect(call):
        return None
    function = call.module.scope(use[1])
    program.want("callspec", "read")
    if function.kind != "function" or program.modules_with("attribute_reads", "callspec"):
        return None
    for name in names:
        if all(each[0] != name for each in function.parameters) or is_asked_by_name(program, name):
            return None
        if any(
            is_fixture(each) and any(one[0] == name for one in each.parameters)
            for module in program.modules
            for each in (module.scopes() if _takes(module, name) else ())
        ):
            return None
    return function, names


def _parametrized(program: Program) -> frozenset[str] | None:
    """Return the names for which tests are given something by `parametrize`, None where they cannot all be seen."""
    names: set[str] = set()
    for call in program.calls_named("parametrize"):
        argument = call.argument(0, "argnames")
        shape = argument.shape if argument is not None else None
        for each in shape[1] if shape is not None and shape[0] in {"l", "t"} else [shape]:
            if not each or each[:2] != ["k", "str"]:
                return None
            names.update(each[2].replace(",", " ").split())
    return frozenset(names)


def _may_request(function: Scope) -> bool:
    return function.kind == "function" and (is_fixture(function) or function.name.startswith("test"))


def _nearest(requester: Scope, homes: list[Scope]) -> Scope | None:
    """Return which of several fixtures a test or fixture gets by their name; None where it sees none of them."""
    seen = (each for each in homes if _sees(requester, each))
    return max(seen, key=lambda each: _near(requester, each), default=None)


def is_fixture(function: Scope) -> bool:
    """Tell whether a function is a fixture of pytest or pytest-asyncio."""
    return any(decorator_of(function, each) in _EVERY for each in function.decorators)


def decorator_of(function: Scope, shape: Shape) -> str:
    """Return the dotted name of a decorator, called or not, `""` where it has none."""
    module = function.module
    return module.dotted(function.parent, module.call(shape[1]).function if shape[0] == "c" else shape) or ""


def _takes(module: Module, name: str) -> bool:
    return any(parameter[0] == name for record in module.facts["scopes"] for parameter in record[5])


def _sees(requester: Scope, fixture: Scope) -> bool:
    """Tell whether a fixture is in the scope of who requests it; a fixture of the same name requests one above it."""
    if key_of(requester) == key_of(fixture):
        return False
    here, there = requester.module, fixture.module
    owner = owner_of(fixture)
    if here is there:
        return owner is None or _inside(requester, owner)
    if owner is not None or not there.path.endswith("conftest.py"):
        return False
    folder = dirname(there.path)
    return not folder or here.path.startswith(f"{folder}/")


def _near(requester: Scope, fixture: Scope) -> tuple[int, int, int]:
    same = requester.module is fixture.module
    return int(same and owner_of(fixture) is not None), int(same), len(dirname(fixture.module.path))


def _inside(function: Scope, owner: Scope) -> bool:
    number = function.parent
    while number > 0:
        if number == owner.number:
            return True
        number = function.module.scope(number).parent
    return False


def _renamed(fixture: Scope) -> bool:
    return any(
        shape[0] == "c" and any(each.keyword == "name" for each in fixture.module.call(shape[1]).arguments)
        for shape in fixture.decorators
    )


def is_asked_by_name(program: Program, name: str) -> bool:
    """Tell whether a fixture's value may be requested by its name while a test runs."""
    for call in program.calls_named("getfixturevalue"):
        asked = call.argument(0, "argname")
        shape = asked.shape if asked is not None else None
        if shape is None or shape[:2] != ["k", "str"] or shape[2] == name:
            return True
    return False


def _imported(program: Program, fixture: Scope) -> bool:
    """Tell whether another module imports a fixture, by its name or by a star, so that it is one there, too."""
    # A star names the module and nothing in it.
    program.want(fixture.module.name.rpartition(".")[2])
    key = f"imported fixture {fixture.module.path}:{fixture.number}"
    return program.remember(key, lambda: _is_imported(program, fixture) or _of_a_base(program, fixture))


def _is_imported(program: Program, fixture: Scope) -> bool:
    for module in program.modules:
        for imported in module.imports() if module is not fixture.module else ():
            target = module.import_target(imported)
            if imported.name == "*":
                if program.named(target.removesuffix("*").removesuffix(".")) is fixture.module:
                    return True
            elif imported.name == fixture.name and program.resolve(target) is not None:
                return True
    return False


def _of_a_base(program: Program, fixture: Scope) -> bool:
    """Tell whether classes of tests inherit a fixture."""
    owner = owner_of(fixture)
    if owner is None:
        return False
    return len(program.heirs(owner)) > 1
