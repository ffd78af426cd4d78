"""How tests become coroutine functions: in the style of the project, or not at all, with the reason.

pytest awaits a test with the plugin that its mark names, and a fixture that pytest-asyncio made; unittest awaits the
tests of an `IsolatedAsyncioTestCase`, and its `asyncSetUp` and `asyncTearDown`. Whatever else a test runner calls, it
does not await: such functions stay as they are, and may run a coroutine with `asyncio.run`, since no loop runs around
them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hasten.async_fixtures import ASYNCIO_FIXTURE, FIXTURES, decorator_of, is_fixture, scope_of
from hasten.async_forms import Form, More, head_begins, renamed_root
from hasten.async_kinds import key_of, owner_of
from hasten.async_places import function_around
from hasten.index.module import Module, Scope, Shape
from hasten.index.program import Program
from hasten.model import ImportRequest, Span
from hasten.suites import suite_for
from hasten.uses import trouble_with

#: What the new marks and fixtures need where pytest is declared. Before 1.2 a test fails that comes after a set-up with
#: `asyncio.run`: "There is no current event loop".
PLUGIN = "pytest-asyncio>=1.2"

_CASES = frozenset({"unittest.TestCase", "unittest.case.TestCase"})
_ASYNC_CASES = frozenset({"unittest.IsolatedAsyncioTestCase", "unittest.async_case.IsolatedAsyncioTestCase"})
_OTHER_CASES = frozenset(f"django.test.{each}" for each in ("TestCase", "SimpleTestCase", "TransactionTestCase"))
TEST_CASES = _CASES | _ASYNC_CASES | _OTHER_CASES
#: What unittest awaits in the place of these.
RENAMED = {"setUp": "asyncSetUp", "tearDown": "asyncTearDown"}
_CLASS_SET_UP = frozenset({"setUpClass", "tearDownClass"})
_MODULE_SET_UP = frozenset({"setUpModule", "tearDownModule", "load_tests", "setup", "teardown"})
#: Methods of a TestCase that run its tests: whoever overrides them may count on how that is done.
_RUNNING = ("run", "__call__", "debug", "__init__", "_callTestMethod", "_callSetUp")
#: Fixtures of plugins that run a loop, or call what they are given, in the middle of a test.
_PLUGINS_FIXTURES = frozenset({"event_loop", "page", "browser", "playwright", "context", "qtbot", "benchmark"})
_LOOP_FIXTURES = frozenset({"event_loop", "event_loop_policy", "anyio_backend"})
_MARKS = ("asyncio", "anyio")
_DEEPEST = 10


@dataclass(frozen=True, slots=True)
class Role:
    """What a function is to a test runner.

    Attributes:
        kind: `test` and `fixture` of pytest, `case` and `set up` of unittest, `hook` for what else they call.
        why: why it stays a plain function, `""` where it may become a coroutine function.
        alone: no loop runs around it, so that it may call `asyncio.run`.
    """

    kind: str
    why: str = ""
    alone: bool = True

    @property
    def called(self) -> str:
        """Return the kind for people."""
        return {"case": "test", "set up": "set-up method of a test", "hook": "function of a test runner"}.get(
            self.kind, self.kind
        )


class Tests:
    """Answers for the functions of one program."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self.program = program

    def role(self, function: Scope) -> Role | None:
        """Return what a plain function is to a test runner, None where it is nothing to it."""
        owner = owner_of(function)
        name = function.name
        if any(decorator_of(function, each) in FIXTURES for each in function.decorators):
            asked = self._asked_for(function)
            return Role("fixture", asked or self._no_fixture(function, owner), alone=not asked)
        if owner is not None and self.is_case(owner):
            if name.startswith("test"):
                return Role("case", self._no_case(function, owner))
            if name in RENAMED:
                return Role("set up", self._no_case(function, owner))
            return Role("hook", f"unittest awaits no `{name}`") if name in _CLASS_SET_UP else None
        heirs = self._heirs(owner) if owner is not None and (name.startswith("test") or name in RENAMED) else []
        if any(self.is_case(each) for each in heirs):
            return Role("case", "its class is one of those that a TestCase derives from, and no TestCase itself")
        collected = function.parent == 0 and _in_test_file(function.module)
        if not (
            collected or any(_is_collected(each) for each in heirs) or (owner is not None and _is_collected(owner))
        ):
            return None
        if name.startswith("test"):
            return Role("test", self._no_test(function, owner))
        known = name.startswith(("setup_", "teardown_", "pytest_")) or name in _MODULE_SET_UP
        return Role("hook", f"no test runner awaits `{name}`") if known else None

    def form(self, function: Scope, plain: Form | None) -> Form | None:
        """Return how a test or fixture is written as a coroutine function.

        Args:
            function: one whose role lets it become one.
            plain: how it would be written if it were no test; what a test needs is added.
        """
        role = self.role(function)
        if role is None or role.why:
            return plain
        match role.kind:
            case "test":
                more = self._marked(function)
            case "fixture":
                more = self._fixture(function)
            case _:
                more = self._case(function)
        if more is None or plain is None:
            return plain if more is None else more
        return Form(
            plain.action,
            (*plain.data, *more.data),
            (*plain.imports, *more.imports),
            (*plain.releases, *more.releases),
            plain.extent,
            (*plain.more, *more.more),
            more.test_dependencies,
        )

    # --- pytest ---------------------------------------------------------------------------------------------------

    def _no_test(self, function: Scope, owner: Scope | None) -> str:
        if function.is_generator:
            return "it yields"
        foreign = self._foreign(owner) if owner is not None else ""
        if foreign:
            return f"its class derives from `{foreign}`, which is not part of the program"
        driven = next((each[0] for each in function.parameters if each[0] in _PLUGINS_FIXTURES), "")
        if driven:
            return f"the fixture `{driven}` is at work while it runs"
        mark = self._mark(function)
        why = self._no_pytest(function, "pytest" if mark else "")
        return why or (self._no_backend() if "anyio" in {mark, *self._marks(function)} else "")

    def _no_pytest(self, function: Scope, needed: str) -> str:
        """Return why pytest cannot await a function, for whose decorator the module `needed` is imported."""
        suite = suite_for(function.module.path, self.program.suites)
        if suite.off:
            return suite.off
        if any(
            function_around(each.module, each.scope).number == function.number
            for each in function.module.calls_named("getfixturevalue")
        ):
            return "it requests a fixture while it runs, which no coroutine can where the fixture is one"
        trouble = trouble_with(self.program, function.module, 0, needed, function.span.start) if needed else ""
        return f"{trouble}, and `{needed}` is needed" if trouble else ""

    def _marked(self, function: Scope) -> Form | None:
        mark = self._mark(function)
        if not mark:
            return Form("async-def", test_dependencies=(PLUGIN,)) if self._style() == "asyncio" else None
        imports = (ImportRequest(function.module.path, "pytest"),)
        needs = (PLUGIN,) if mark == "asyncio" else ()
        extent = Span(head_begins(function), function.span.start + len("def"))
        return Form("async-def", (("mark", f"pytest.mark.{mark}"),), imports, (), extent, test_dependencies=needs)

    def _mark(self, function: Scope) -> str:
        """Return the mark that a test needs, `""` where it needs none."""
        auto = suite_for(function.module.path, self.program.suites).auto and self._style() == "asyncio"
        return "" if auto or self._marks(function) else self._style()

    def _marks(self, function: Scope) -> list[str]:
        """Return the plugins whose marks a test has already: of its own, its classes and its module."""
        module = function.module
        scopes = [function]
        while scopes[-1].parent > 0:
            scopes.append(module.scope(scopes[-1].parent))
        decorators = [
            module.dotted(each.parent, shape[1] if shape[0] == "i" else _callee(module, shape)) or ""
            for each in scopes
            for shape in each.decorators
        ]
        lists = [each.number for each in scopes if each.kind == "class"] + [0]
        marks = [*decorators, *(name for number in lists for name in _pytestmarks(module, number))]
        return [each for each in _MARKS if f"pytest.mark.{each}" in marks]

    def _style(self) -> str:
        return self.program.remember("hasten.async_tests: style", self._find_style)

    def _find_style(self) -> str:
        """Return the plugin that the project's tests are run by: pytest-asyncio unless all of them are anyio's."""
        self.program.want("pytest_asyncio")
        self.program.want("anyio_backend")
        asyncio = any(each.plugin or each.auto for each in self.program.suites)
        anyio = bool(self._backends())
        for module in self.program.modules:
            asyncio = asyncio or any(
                "pytest_asyncio" in {each.module, each.name.partition(".")[0]} for each in module.imports()
            )
            for mark in _MARKS:
                for base, *_ in module.facts["attribute_reads"].get(mark, ()):
                    marked = module.dotted(0, base) == "pytest.mark"
                    asyncio, anyio = asyncio or (marked and mark == "asyncio"), anyio or (marked and mark == "anyio")
        return "anyio" if anyio and not asyncio else "asyncio"

    def _backends(self) -> list[Scope]:
        return [each for each in self.program.definitions("anyio_backend") if each.kind == "function"]

    def _no_backend(self) -> str:
        """Return why anyio may run a test on something else than asyncio."""
        for each in self._backends():
            values = [shape[1][0] if shape[0] == "t" and shape[1] else shape for shape in each.returned]
            if values == [["k", "str", "asyncio"]]:
                return ""
        return "anyio may run it on trio, too; let a fixture `anyio_backend` return 'asyncio'"

    def _no_fixture(self, function: Scope, owner: Scope | None) -> str:
        if self._style() == "anyio":
            return "anyio has asynchronous fixtures for asynchronous tests only"
        if owner is not None and self.is_case(owner):
            return "it belongs to a TestCase of unittest"
        if function.name in _LOOP_FIXTURES:
            return "it says how loops are made"
        scope = scope_of(function)
        if scope is None:
            return "its scope is not written out"
        strict = scope != "function" or not suite_for(function.module.path, self.program.suites).auto
        return self._no_pytest(function, "pytest_asyncio" if strict else "")

    def _asked_for(self, fixture: Scope) -> str:
        """Return who asks for a fixture by its name, while a loop runs."""
        for call in self.program.calls_named("getfixturevalue"):
            asked = call.argument(0, "argname")
            shape = asked.shape if asked is not None else None
            named = shape is None or shape[:2] != ["k", "str"] or shape[2] == fixture.name
            around = function_around(call.module, call.scope)
            # A plain test or fixture that requests one by its name stays plain.
            own = around.name.startswith("test") or is_fixture(around)
            if named and (around.is_async or not own):
                place = f"{call.module.path}:{call.module.position(call.span.start).line}"
                return f"a coroutine may request it while it runs ({place})"
        return ""

    def _fixture(self, function: Scope) -> Form | None:
        module = function.module
        scope = scope_of(function)
        if scope == "function" and suite_for(module.path, self.program.suites).auto:
            return Form("async-def", test_dependencies=(PLUGIN,))
        shape = next(each for each in function.decorators if decorator_of(function, each) in FIXTURES)
        written = _callee(module, shape)
        text, releases = renamed_root(function, written)
        data = [("decorated", text), ("decorator", ASYNCIO_FIXTURE)]
        if scope != "function" and not _has(module, shape, "loop_scope"):
            # The loop scope of fixtures may be set to another one for the whole project, which does not fit then.
            data.append(("loop_scope", str(scope)))
        imports = (ImportRequest(module.path, "pytest_asyncio"),)
        extent = Span(head_begins(function), function.span.start + len("def"))
        return Form("async-def", tuple(data), imports, releases, extent, test_dependencies=(PLUGIN,))

    def _heirs(self, owner: Scope) -> list[Scope]:
        """Return the classes that derive from one, at whatever distance."""
        self.program.want(owner.name)
        return [each for each in self.program.heirs(owner) if key_of(each) != key_of(owner)]

    # --- unittest -------------------------------------------------------------------------------------------------

    def is_case(self, owner: Scope) -> bool:
        """Tell whether a class derives from a TestCase."""
        return any(name in TEST_CASES for _each, _base, name in self._bases(owner))

    def _bases(self, owner: Scope, depth: int = 0) -> Iterator[tuple[Scope, Shape, str]]:
        """Yield every base of a class that is not the program's: whose base it is, and its shape and dotted name."""
        for base in owner.bases if depth < _DEEPEST else ():
            shape = owner.module.call(base[1]).function if base[0] == "c" else base
            dotted = owner.module.dotted(owner.parent, shape) or ""
            found = self.program.resolve(dotted) if dotted else None
            if found is not None and found.kind == "class":
                yield from self._bases(found, depth + 1)
            else:
                yield owner, base, dotted or str(shape[-1])

    def _foreign(self, owner: Scope) -> str:
        known = {"abc.ABC", "builtins.object", "typing.Generic", "typing.Protocol", *TEST_CASES}
        return next((name for _each, _base, name in self._bases(owner) if name not in known), "")

    def _no_case(self, function: Scope, owner: Scope) -> str:
        if function.is_generator:
            return "it yields"
        bases = list(self._bases(owner))
        foreign = next((name for *_, name in bases if name in _OTHER_CASES), "") or self._foreign(owner)
        if foreign:
            return f"its class derives from `{foreign}`, whose tests are run in another way"
        for each, base, name in bases:
            if name in _CASES and (each.module.path not in self.program.targets or _base_span(each, base) is None):
                return f"`{each.name}` would have to derive from IsolatedAsyncioTestCase ({each.module.path})"
            if name in _CASES and base[0] == "n":
                found = each.module.lookup(0, _ISOLATED)
                if found is not None and each.module.dotted(0, ["n", _ISOLATED]) != f"unittest.{_ISOLATED}":
                    return f"`{_ISOLATED}` is something else in {each.module.path}"
        for name in _RUNNING:
            method = self.program.find_method(owner, name)
            if method is not None:
                return f"its class has a `{name}` of its own, which may count on how tests are run"
        if function.name in RENAMED and self.program.find_method(owner, RENAMED[function.name]) is not None:
            return f"there is a `{RENAMED[function.name]}` already"
        return ""

    def _case(self, function: Scope) -> Form:
        name = function.name
        owner = owner_of(function)
        data = (("name", RENAMED[name]),) if name in RENAMED else ()
        more = list(_onward(function)) if data else []
        imports: list[ImportRequest] = []
        releases: list[tuple[str, Span]] = []
        for each, base, dotted in self._bases(owner) if owner is not None else ():
            span = _base_span(each, base)
            if dotted in _CASES and span is not None:
                new = _ISOLATED if base[0] == "n" else f"{_dotted_text(base[1])}.{_ISOLATED}"
                more.append(More(each.module, span, "name", (("name", new),)))
                if base[0] == "n":
                    imports.append(ImportRequest(each.module.path, "unittest", _ISOLATED))
                    releases.append((each.module.path, span))
        return Form("async-def", data, tuple(imports), tuple(releases), None, tuple(more))


_ISOLATED = "IsolatedAsyncioTestCase"


def _onward(function: Scope) -> Iterator[More]:
    """Yield the edits of `super().setUp()` in a method that has another name from then on."""
    module = function.module
    for call in module.calls_in(function.number):
        base = call.function[1] if call.function[0] == "a" and call.tail == function.name else None
        if base is not None and base[0] == "c" and module.call(base[1]).function == ["n", "super"]:
            yield More(module, call.span, "await-method", (("name", RENAMED[function.name]),))


def _is_collected(owner: Scope) -> bool:
    """Tell whether pytest takes a class for one with tests."""
    return owner.name.startswith("Test") and _in_test_file(owner.module)


def _in_test_file(module: Module) -> bool:
    file = module.path.rpartition("/")[2]
    return file.startswith("test_") or file.endswith("_test.py") or file in {"conftest.py", "tests.py", "test.py"}


def _callee(module: Module, shape: Shape) -> Shape:
    return module.call(shape[1]).function if shape[0] == "c" else shape


def _has(module: Module, shape: Shape, keyword: str) -> bool:
    return shape[0] == "c" and any(each.keyword == keyword for each in module.call(shape[1]).arguments)


def _pytestmarks(module: Module, scope: int) -> Iterator[str]:
    """Yield the dotted names of the marks that `pytestmark` of a module or class has."""
    for binding in module.bindings(scope, "pytestmark"):
        shape = binding.payload if binding.kind == "assign" else None
        for each in shape[1] if shape is not None and shape[0] in {"l", "t"} else [shape]:
            if each is not None:
                yield module.dotted(scope, _callee(module, each)) or ""


def _dotted_text(shape: Shape) -> str:
    return f"{_dotted_text(shape[1])}.{shape[2]}" if shape[0] == "a" else str(shape[1])


def _base_span(owner: Scope, base: Shape) -> Span | None:
    """Return where a base of a class stands, None where it is no dotted name."""
    module = owner.module
    if base[0] == "n":
        reads = module.facts["reads"][owner.parent].get(base[1], ())
        places = [(start, end) for start, end, use in reads if use == ["base"]]
    elif base[0] == "a":
        records = module.facts["attribute_reads"].get(base[2], ())
        places = [(start, end) for one, use, scope, start, end in records if use == ["base"] and one == base[1]]
        places = [each for each in places if each[0] >= owner.span.start]
    else:
        return None
    inside = [each for each in places if owner.span.start < each[0] < owner.span.end]
    return Span(*min(inside)) if inside else None
