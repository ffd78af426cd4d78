"""What keeps a function from becoming a coroutine function, from how it is defined: tables, and how they are read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from hasten import async_foreign, async_forms
from hasten.async_bases import known_names, names_of
from hasten.async_decorators import forwards
from hasten.async_ensured import Ensured, ensured
from hasten.async_fixtures import FIXTURES
from hasten.async_forms import Form
from hasten.async_kinds import key_of, method_of, owner_of
from hasten.async_places import because
from hasten.async_receivers import Receivers
from hasten.async_tests import Role, Tests
from hasten.index.module import Binding, Call, Read, Scope, Shape
from hasten.index.program import Program
from hasten.propagate import Constraint

#: String constants that a codemod has to keep (`Codemod.literals`) for functions that are named in strings to be found.
DOTTED_LITERAL = r"^[A-Za-z_]\w*(?:[.:][A-Za-z_]\w*)+$"

_TYPING = ("overload", "override", "final", "no_type_check", "type_check_only", "deprecated")
#: Decorators that leave the function as it is, or take a coroutine function as they take any other.
_TRANSPARENT = frozenset(
    {"builtins.staticmethod", "builtins.classmethod", "abc.abstractmethod", "functools.wraps", "warnings.deprecated"}
    | {f"{module}.{name}" for module in ("typing", "typing_extensions") for name in _TYPING}
    | {f"unittest.{each}" for each in ("skip", "skipIf", "skipUnless", "expectedFailure")}
    | {"unittest.mock.patch", "unittest.mock.patch.object", "unittest.mock.patch.dict"}
)
_CACHES = frozenset({"functools.lru_cache", "functools.cache"})
#: `hasten.async_properties` knows what else is in their way.
_PROPERTIES = frozenset({"builtins.property", "functools.cached_property"})
_CONTEXT_MANAGERS = frozenset({"contextlib.contextmanager"})
_HTTP = frozenset({"route", "get", "post", "put", "delete", "patch", "head", "options"})
#: What Flask hands to `ensure_sync` before it calls it. It calls context processors in this way, too, but in the loop
#: of the view that renders a template, where asgiref refuses to start another.
_FLASK = _HTTP | {"endpoint", "before_request", "after_request", "teardown_request", "errorhandler"}
_FLASK_APPLICATION = _FLASK | {"teardown_appcontext"}
_BLUEPRINT = _FLASK | {"before_app_request", "after_app_request", "teardown_app_request", "app_errorhandler"}
_FASTAPI = _HTTP | {"api_route", "websocket", "websocket_route", "on_event", "exception_handler"}
#: Decorators of web frameworks that take coroutine functions: by the class of the object, their names and the hazard.
_HANDLERS: dict[str, tuple[frozenset[str], str]] = {
    "flask.Flask": (_FLASK_APPLICATION, "ASY004"),
    "flask.Blueprint": (_BLUEPRINT, "ASY004"),
    "fastapi.FastAPI": (_FASTAPI, "ASY005"),
    "fastapi.APIRouter": (_FASTAPI, "ASY005"),
    "fastapi.routing.APIRouter": (_FASTAPI, "ASY005"),
    "starlette.applications.Starlette": (_FASTAPI, "ASY005"),
    "aiohttp.web.RouteTableDef": (_HTTP | {"view"}, ""),
}
#: How contexts of Flask are made.
CONTEXTS = frozenset({"app_context", "test_request_context", "request_context"})
#: How the dotted names of decorators begin that make commands of functions.
COMMANDS = ("click.", "typer.", "rich_click.", "asyncclick.", "cloup.")
#: Decorators that hand examples to a test.
_HYPOTHESIS = frozenset({"hypothesis", "hypothesis.core"})
_GENERATING = frozenset({"example", "given", "reproduce_failure", "seed", "settings"})
_PROTOCOLS = frozenset({"typing.Protocol", "typing_extensions.Protocol"})
_TASKS = ("celery.", "dramatiq.", "huey.", "rq.", "luigi.", "prefect.", "airflow.")
_CLASS_DECORATORS = ("dataclasses.", "attr.", "attrs.", "typing.", "typing_extensions.", "enum.", "pytest.mark.")
#: Special methods that may be written in another way.
_FORMED = frozenset({"__init__", "__enter__", "__exit__"})
#: When these run, and why they cannot wait.
_BIRTHS = {
    "__new__": "gives the object itself, and not a coroutine",
    "__post_init__": "is called by an `__init__` that others call, who would have a half-made object",
}
_CONSTRUCTORS = frozenset({"__init__", "__new__", "__post_init__", "__init_subclass__", "__set_name__"})

_FILE_METHODS = frozenset(
    {"read", "readline", "readlines", "readinto", "write", "writelines", "flush", "seek", "tell", "fileno"}
)

#: For what Python calls special methods that often wait.
_CALLED_FOR = {
    "__bool__": " where the object is a condition",
    "__call__": " where the object is called",
    "__contains__": " for `in`",
    "__delitem__": " for `del x[...]`",
    "__getitem__": " for `x[...]`",
    "__iter__": " for each loop over the object",
    "__len__": " for `len(...)`",
    "__setitem__": " for `x[...] = ...`",
}


@dataclass(slots=True)
class Verdict:
    """What was found about one function.

    Attributes:
        constraints: why it cannot become a coroutine function.
        hazards: what happens if it does.
        stays: it stays as it is, but may call `asyncio.run`: an entry of the program, a command, a test.
        test: a test, or a fixture or method that sets one up, becomes a coroutine function where it has to.
        command: it stays because it is an entry of the program or a command.
        handed: it is handed to what takes coroutine functions, and calls them.
        called: how a library calls it, where it stays because of that.
    """

    constraints: list[Constraint] = field(default_factory=list)
    hazards: list[Constraint] = field(default_factory=list)
    stays: bool = False
    test: bool = False
    command: bool = False
    handed: bool = False
    called: async_foreign.Calling | None = None


class Definitions:
    """Answers for the functions of one program, from their definitions alone."""

    def __init__(
        self, program: Program, receivers: Receivers, entry_points: frozenset[str], *, forms: bool = False
    ) -> None:
        """Take the program and its receivers.

        Args:
            program, receivers: where to look.
            entry_points: the dotted names that the project's metadata calls from outside.
            forms: whether generators may become asynchronous ones, see `hasten.async_forms`.
        """
        self.program = program
        self._forms = forms
        self._receivers = receivers
        self._entries = frozenset(each.replace(":", ".") for each in entry_points)
        self.tests = Tests(program)
        self._verdicts: dict[tuple[str, int], Verdict] = {}
        self._protocols: dict[tuple[str, int], bool] = {}

    def is_method(self, call: Call) -> bool:
        """Tell whether a call is known to reach methods, and no functions of modules."""
        reached = self._receivers.reached(call)
        return bool(reached.functions) and all(each.parent != 0 and owner_of(each) for each in reached.functions)

    def verdict(self, function: Scope) -> Verdict:
        """Return what is known about `function`, which is no coroutine function yet."""
        key = (function.module.path, function.number)
        if key not in self._verdicts:
            self._verdicts[key] = verdict = Verdict()
            self._judge(function, verdict)
        return self._verdicts[key]

    def _judge(self, function: Scope, verdict: Verdict) -> None:
        def no(code: str, message: str, offset: int = function.span.start) -> None:
            verdict.constraints.append(because(code, message, function.module, offset))

        name, owner = function.name, owner_of(function)
        if function.module.path not in self.program.targets:
            no("ASY110", f"`{name}` is defined in a file that is not among those to be rewritten; name it, too")
        if self._forms:
            verdict.constraints += async_forms.definition(function).constraints
        elif async_forms.kind_of(function) == "generator":
            no("ASY125", f"`{name}` is a generator; make the value outside of it")
        if owner is not None and name in _FORMED and self._forms:
            pass  # `hasten.async_constructors` and `hasten.async_blocks` know
        elif owner is not None and name in _CONSTRUCTORS:
            no(
                "ASY120",
                f"`{name}` {_BIRTHS.get(name, 'runs while a class is made')}; write an `async def create(cls)`",
            )
        elif owner is not None and name == "__del__":
            no(
                "ASY121",
                f"`__del__` of `{owner.name}` runs when the last reference goes, where nothing can wait; "
                "close the object where it is opened, and leave `__del__` out",
            )
        elif owner is not None and name.startswith("__") and name.endswith("__"):
            how = _CALLED_FOR.get(name, "")
            no("ASY121", f"`{name}` of `{owner.name}` is called by Python itself{how}, which awaits nothing")
        if self.is_entry_point(function):
            verdict.stays = verdict.command = True
            no("ASY128", f"`{name}` is an entry point of the project; let it call `asyncio.run` on an `async def`")
        elif is_callback(self.program, function):
            verdict.stays = verdict.command = True
            no("ASY128", f"`{name}` is called by a command that reads its arguments; let it call `asyncio.run`")
        context = self.context_of(function)
        if context is not None:
            verdict.stays = True
            message = (
                f"`{name}` enters a context of Flask, at whose end Flask runs coroutine functions, "
                "which it cannot where an event loop runs"
            )
            no("ASY144", message, context.span.start)
        role = self.tests.role(function)
        if role is not None:
            why = role.why if self._forms else "make it asynchronous in the style of the project"
            verdict.stays, verdict.test = bool(why) and role.alone, not why
            if why:
                no("ASY129", stays_plain(function, role, why))
        self._judge_bindings(function, verdict)
        for index, decorator in enumerate(function.decorators):
            self._judge_decorator(function, decorator, verdict, innermost=index == len(function.decorators) - 1)
        if owner is not None:
            self._judge_class(function, owner, verdict)
        if owner is not None and name in _FILE_METHODS:
            message = f"`{name}` is called by the standard library on objects that are handed to it"
            verdict.hazards.append(because("ASY009", message, function.module, function.span.start))
        if verdict.test and verdict.constraints:
            verdict.stays, verdict.test = True, False

    def called(self, function: Scope) -> async_foreign.Calling | None:
        """Return how a library calls a function, None for any other: what `verdict` says, at less cost for most."""
        if owner_of(function) is None or not async_foreign.is_name_of_called(function.name):
            return None
        return self.verdict(function).called

    def enters_context(self, function: Scope) -> bool:
        """Tell whether a context of Flask begins and ends while a function runs: `with app.app_context():`."""
        return self.context_of(function) is not None

    @staticmethod
    def context_of(function: Scope) -> Call | None:
        """Return the call that makes a context of Flask in a function, None where there is none."""
        found = function.module.calls_in(function.number)
        return next((each for each in found if each.tail in CONTEXTS and each.function[0] == "a"), None)

    def form(self, function: Scope) -> Form | None:
        """Return how a function is written as a coroutine function, None where `async def` is all."""
        form = self.tests.form(function, async_forms.definition(function).form)
        below = [each for shape in function.decorators if (each := self.ensured(function, shape)) is not None]
        if not any(each.more for each in below):
            return form
        form = form or Form("async-def")
        return replace(
            form,
            more=(*form.more, *(one for each in below for one in each.more)),
            imports=(*form.imports, *(one for each in below for one in each.imports)),
        )

    def is_entry_point(self, scope: Scope) -> bool:
        """Tell whether the project's metadata calls a function, or makes an instance of a class, by its name."""
        return f"{scope.module.name}.{scope.module.symbol(scope.number)}" in self._entries

    def _judge_bindings(self, function: Scope, verdict: Verdict) -> None:
        """Refuse a name that is bound in several ways, overloads excepted."""
        for binding in function.module.bindings(function.parent, function.name):
            if binding.kind == "def" and (binding.payload == function.number or self.is_overload(function, binding)):
                continue
            #     try: def f(): ...        if sys.platform == "win32": def f(): ...        f = timed(f)
            message = f"`{function.name}` is bound here, too; define it once"
            verdict.constraints.append(because("ASY131", message, function.module, binding.start))
            return

    def is_overload(self, function: Scope, binding: Binding) -> bool:
        """Tell whether `function`, or the other definition of its name, is only a stub for type checkers."""
        other = function.module.scope(binding.payload)
        overload = frozenset({"typing.overload", "typing_extensions.overload"})
        return self._names_decorator(other, overload) or self._names_decorator(function, overload)

    # --- decorators -----------------------------------------------------------------------------------------------

    def _names_decorator(self, function: Scope, names: frozenset[str]) -> bool:
        return any(self.decorator(function, each) in names for each in function.decorators)

    def decorator(self, function: Scope, shape: Shape) -> str:
        """Return the dotted name of a decorator, `flask.Flask.route` for `@app.route(...)`; `""` where unknown."""
        module = function.module
        if shape[0] == "c":
            shape = module.call(shape[1]).function
        dotted = module.dotted(function.parent, shape)
        if dotted is not None and not self.program.is_own(dotted):
            return dotted
        if shape[0] == "a":
            group = module.dotted(function.parent, shape[1])
            base = self.program.resolve(group) if group is not None else None
            # @size.setter def size(self, value): ... is below nothing but itself
            if base is not None and base.kind == "function" and key_of(base) != key_of(function):
                over = [self.decorator(base, each) for each in base.decorators]
                if any(each.startswith(COMMANDS) for each in over):  # @cli.command() below @click.group()
                    return f"click.Group.{shape[2]}"
            if shape[1][0] == "a" and shape[1][2] == "cli":
                holder = self._receivers.kind(module, function.parent, shape[1][1])
                if holder in {"flask.Flask", "flask.Blueprint"}:  # @app.cli.command("init-db")
                    return f"click.Group.{shape[2]}"
            kind = self._receivers.kind(module, function.parent, shape[1])
            if isinstance(kind, str):
                return f"{kind}.{shape[2]}"
        return dotted or ""

    def _judge_decorator(self, function: Scope, shape: Shape, verdict: Verdict, *, innermost: bool) -> None:
        name, module = function.name, function.module
        dotted = self.decorator(function, shape)
        head, _, tail = dotted.rpartition(".")
        shown = tail or str(shape[-1])
        below = self.ensured(function, shape)

        def no(code: str, message: str) -> None:
            verdict.constraints.append(because(code, message, module, function.span.start))

        if below is not None:
            if below.why:
                no(
                    "ASY126",
                    f"`@{shown}` stands below a route of Flask, and is not seen to take coroutines: {below.why}",
                )
            return
        if (
            dotted in _TRANSPARENT
            or dotted.startswith("pytest.mark.")
            or forwards(self.program, module, function.parent, shape)
        ):
            return
        plain = not async_forms.kind_of(function)
        if head in _HYPOTHESIS and tail in _GENERATING and plain and self._is_test_of_pytest(function):
            return  # the plugins of pytest await what it hands its examples to
        if head in _HANDLERS and tail in _HANDLERS[head][0] and plain:
            code = _HANDLERS[head][1]
            if code:
                message = f"`{name}` is a handler of {head.partition('.')[0]}, which runs it in another way then"
                verdict.hazards.append(because(code, message, module, function.span.start))
        elif dotted == "tenacity.retry" and innermost and plain:
            return
        elif dotted in _CACHES:
            no("ASY123", f"`{shown}` would keep the coroutine of `{name}`; use a cache for coroutine functions")
        elif dotted in _PROPERTIES:
            definitions = [each for each in module.bindings(function.parent, name) if each.kind == "def"]
            if len(definitions) > 1:
                no("ASY122", f"`{name}` is a property that can be set or deleted, too; make methods of it")
            elif not self._forms:
                no("ASY122", f"`{name}` is a property; make a method of it")
        elif shown in {"setter", "deleter", "getter"}:
            no("ASY122", f"`{name}` is a property that is set or deleted by what waits; make a method of it")
        elif dotted in _CONTEXT_MANAGERS:
            if not (self._forms and innermost and function.is_generator):
                no("ASY124", f"`{name}` is a context manager; use `asynccontextmanager` and `async with` by hand")
        elif dotted.startswith(COMMANDS):
            verdict.stays = verdict.command = True
            no("ASY128", f"`{name}` is a command; let it call `asyncio.run` on an `async def`")
        elif dotted in FIXTURES:
            return
        elif dotted.startswith(_TASKS):
            no("ASY127", f"`{name}` is a task of a queue; keep it, and call `asyncio.run` in it")
        else:
            written = module.call(shape[1]).function if shape[0] == "c" else shape
            root = written[1] if written[0] == "a" else written
            if isinstance(root[-1], str):
                self.program.want(root[-1])  # the file that makes `app`, or defines the decorator
            no("ASY126", f"`@{shown}` is not known to take coroutine functions; give it an asynchronous form")

    def ensured(self, function: Scope, shape: Shape) -> Ensured | None:
        """Return what a decorator of the program needs that stands below a route of Flask, None for all others."""
        if not self._forms or not self.is_below_a_route(function, shape):
            return None
        return ensured(self.program, function, shape, self.is_below_a_route)

    def is_below_a_route(self, function: Scope, shape: Shape) -> bool:
        """Tell whether a decorator of a function stands below one by which Flask is handed the function."""
        above = function.decorators[: function.decorators.index(shape)] if shape in function.decorators else []
        found = (self.decorator(function, each).rpartition(".") for each in above)
        return any(head.startswith("flask.") and tail in _HANDLERS.get(head, ((),))[0] for head, _, tail in found)

    def _is_test_of_pytest(self, function: Scope) -> bool:
        role = self.tests.role(function)
        return role is not None and role.kind == "test" and not role.why

    # --- classes --------------------------------------------------------------------------------------------------

    def _judge_class(self, function: Scope, owner: Scope, verdict: Verdict) -> None:
        module = owner.module
        for decorator in owner.decorators:
            dotted = self.decorator(owner, decorator)
            if not dotted.startswith(_CLASS_DECORATORS) and dotted != "functools.total_ordering":
                message = f"the decorator of class `{owner.name}` may wrap or call its methods"
                verdict.constraints.append(because("ASY126", message, module, owner.span.start))
        base = self.foreign_base(owner, function.name)
        if base is not None and not (function.name.startswith("__") or verdict.stays or verdict.test):
            message = f"`{function.name}` may override a method of `{base}`, which is not part of the program"
            called = async_foreign.calling(set(self._foreign_bases(owner, function.name)), function.name)
            if called is not None and self._forms and not function.decorators:
                verdict.stays = verdict.command = True
                verdict.called = called
                message = f"`{base}` calls `{function.name}`, and awaits nothing; let it call `asyncio.run`"
                verdict.constraints.append(because("ASY128", message, function.module, function.span.start))
            elif function.name.startswith("_"):
                verdict.hazards.append(because("ASY023", message, function.module, function.span.start))
            else:
                verdict.constraints.append(because("ASY130", message, function.module, function.span.start))

    def foreign_base(self, owner: Scope, name: str) -> str | None:
        """Return the name of a base from outside the program that may know a method `name`, None if there is none."""
        return next(self._foreign_bases(owner, name), None)

    def _foreign_bases(self, owner: Scope, name: str, depth: int = 0) -> Iterator[str]:
        if depth > 10:  # noqa: PLR2004 - deeper hierarchies are cyclic
            yield owner.name
            return
        for base in owner.bases:
            # class Point(namedtuple("Point", "x y"))
            shape = owner.module.call(base[1]).function if base[0] == "c" else base
            dotted = owner.module.dotted(owner.parent, shape) or ""
            found = self.program.resolve(dotted) if dotted else None
            if found is not None and found.kind == "class":
                yield from self._foreign_bases(found, name, depth + 1)
                continue
            for each in names_of(owner.module, owner.parent, shape):
                if name in known_names(each):
                    if isinstance(shape[-1], str):
                        self.program.want(shape[-1])  # the file that defines the base, if the program has it
                    yield each or str(shape[-1])

    def is_protocol(self, owner: Scope) -> bool:
        """Tell whether a class is a Protocol itself, so that others stand for it without deriving from it."""
        known = self._protocols.get(key_of(owner))
        if known is None:
            names = {owner.module.dotted(owner.parent, each) for each in owner.bases}
            known = self._protocols[key_of(owner)] = not _PROTOCOLS.isdisjoint(names)
        return known


def stays_plain(function: Scope, role: Role, why: str) -> str:
    """Return the message of a test, or what belongs to one, that stays a plain function."""
    return f"`{function.name}` is a {role.called} that stays a plain function: {why}"


def has_methods_of(program: Program, owner: Scope, protocol: Scope) -> bool:
    """Tell whether class `owner` has every method that the body of `protocol` names."""
    names = sorted(protocol.module.facts["binds"][protocol.number])
    wanted = [each for each in names if method_of(protocol, each) is not None]
    return bool(wanted) and all(program.find_method(owner, each) is not None for each in wanted)


def is_callback(program: Program, function: Scope) -> bool:
    """Tell whether all that a function is handed to is a command line that calls it when it reads its arguments.

    `@click.option("--list", callback=check_list)`
    """
    reads = [each for each in function.module.reads(function.parent, function.name) if each.use[0] != "call"]
    return bool(reads) and function.parent == 0 and all(_is_checked_by(program, each) for each in reads)


def _is_checked_by(program: Program, read: Read) -> bool:
    if read.use[0] != "arg" or read.use[2] != "callback":
        return False
    taker = read.module.call(read.use[1])
    dotted = program.dotted(read.module, taker.scope, taker.function) or ""
    return dotted.startswith(COMMANDS) and not dotted.startswith("asyncclick.")
