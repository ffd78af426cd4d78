"""What keeps a function from becoming a coroutine function, from how the rest of the program gets at it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cached_property

from hasten.async_injected import is_override
from hasten.async_interrupts import Interrupts
from hasten.async_kinds import key_of, owner_of
from hasten.async_lookups import IMPORTING, Lookups, loaded_by
from hasten.async_places import because, function_around
from hasten.async_readings import handed
from hasten.async_receivers import Receivers
from hasten.async_rules import Verdict
from hasten.index.module import Call, Import, Module, Read, Scope, Shape, Use
from hasten.index.program import Program
from hasten.model import Span
from hasten.propagate import Constraint

#: Uses of a function as a value that neither call it nor hand it on.
_HARMLESS = frozenset({"cmp", "cond", "expr", "del", "dest", "ann", "fmt", "match"})
#: Uses that a function does not bear: what is used so is something else.
_NO_FUNCTION = frozenset({"bin", "aug", "iter", "star", "with", "sub", "await", "raise", "except"})
_HARMLESS_ATTRIBUTES = frozenset({"__name__", "__doc__", "__module__", "__qualname__", "__annotations__"})
#: Takers of handlers that take a coroutine function as well, and the hazard of handing them one.
_TAKERS = {
    "fastapi.Depends": "ASY005",
    "fastapi.Security": "ASY005",
    "starlette.routing.Route": "ASY005",
    "starlette.routing.WebSocketRoute": "",
    **dict.fromkeys(("starlette.background.BackgroundTask", "starlette.background.BackgroundTasks.add_task"), "ASY005"),
    **dict.fromkeys(("fastapi.BackgroundTasks.add_task", "fastapi.background.BackgroundTasks.add_task"), "ASY005"),
    **{
        f"{application}.{method}": "ASY005"
        for application in ("fastapi.FastAPI", "fastapi.APIRouter", "starlette.applications.Starlette")
        for method in ("add_api_route", "add_route", "add_event_handler", "add_exception_handler")
    },
    **{
        f"flask.{owner}.{method}": "ASY004"
        for owner in ("Flask", "Blueprint")
        for method in ("add_url_rule", "register_error_handler", "before_request", "after_request", "teardown_request")
    },
    "flask.Flask.teardown_appcontext": "ASY004",
    **{f"flask.Blueprint.{each}_app_request": "ASY004" for each in ("before", "after", "teardown")},
    **{f"aiohttp.web.{each}": "" for each in ("get", "post", "put", "delete", "patch", "head", "view", "route")},
    **{f"aiohttp.web.UrlDispatcher.add_{each}": "" for each in ("get", "post", "put", "delete", "patch", "route")},
}
#: Methods that nothing but applications of Flask and what is made like them have.
_OF_FLASK = frozenset({"teardown_appcontext", "before_app_request", "after_app_request", "teardown_app_request"})
#: Those of them that take an asynchronous generator, too.
_GENERATOR_TAKERS = frozenset({"Depends", "Security"})
#: What runs a function in a thread or process, by the last name.
THREADS = frozenset({"Thread", "Timer", "Process", "submit", "run_in_executor", "to_thread", "run_sync", "apply_async"})
#: Takers of functions, and the words for functions among arguments.
_CALLING = THREADS | {"map", "filter", "partial", "reduce", "starmap", "add_done_callback", "register", "connect"}
_CALLED_WORDS = frozenset(
    {"key", "target", "callback", "func", "function", "fn", "handler", "default", "default_factory"}
)
_LOOP_RUNNERS = frozenset(
    {"asyncio.run", "asyncio.runners.run", "anyio.run", "trio.run", "uvicorn.run", "aiohttp.web.run_app"}
    | {"curio.run", "nest_asyncio.apply", "asgiref.sync.async_to_sync"}
)
_LOOP_METHODS = ("run_until_complete", "run_forever", "async_to_sync")
_LOOP_MODULES = frozenset({"asyncio", "anyio", "trio", "uvicorn", "aiohttp", "curio"})
#: Libraries whose plain functions and methods run an event loop of their own, by the names of these.
_LOOP_LIBRARIES = {
    "prompt_toolkit": ("prompt", "run", "confirm", "yes_no_dialog", "input_dialog", "radiolist_dialog"),
    "questionary": ("ask", "unsafe_ask", "prompt", "unsafe_prompt"),
    "playwright": ("sync_playwright",),
    "IPython": ("embed", "start_ipython", "launch_new_instance"),
    "nbclient": ("execute",),
    "pyppeteer": ("run",),
}
#: What makes objects whose attributes are told in keywords: they may stand for others.
_MADE_OF_WORDS = frozenset(
    {"AsyncMock", "MagicMock", "Mock", "Namespace", "NonCallableMock", "SimpleNamespace", "configure_mock"}
)
#: Takers of dotted names: of what is replaced, and of routes (`url_for("blog.index")`).
_NAMING = frozenset({"patch", "setattr", "dict", "multiple", "url_for"})
_LOOKING_INSIDE = frozenset({"setattr", "object", "reload", "delattr", "getattr", "hasattr", "spy"})
_ENDLESS_NEXT = frozenset({"StopIteration", "Exception", "BaseException"})


class Mentions:
    """Answers for the functions of one program; each asks the engine for the files that name the function."""

    def __init__(self, program: Program, receivers: Receivers) -> None:
        """Take the program and its receivers."""
        self.program = program
        self._receivers = receivers
        self._lookups = Lookups(program, receivers)
        self._interrupts = Interrupts(program)
        self._starters: dict[tuple[str, int], str] | None = None
        # The same for all who ask about a program with the same answers about its calls.
        self._references: dict[tuple[str, int], list[Read]] = receivers.remembered("references")
        self._read_of: dict[tuple[str, str], dict[Span, Shape]] = {}
        #: Tells whether a use of a function as a value is written in another way once it is a coroutine function.
        self.handled: Callable[[Scope, Read], bool] = lambda _function, _read: False
        #: Returns the calls of a function as a value, see `hasten.async_trails`.
        self.valued: Callable[[Scope], list[Call]] = lambda _function: []
        #: Says, for people, where a function gets that is handed on, empty where that is no other place.
        self.ending: Callable[[Scope, Read], str] = lambda _function, _read: ""
        #: Tells whether what a call puts in the place of a function can be awaited then.
        self.awaitable: Callable[[Call, Scope], bool] = lambda _call, _function: False

    @cached_property
    def _strings(self) -> dict[str, list[tuple[Module, int, str]]]:
        """By its last name, every string that holds a dotted name, those left out that name what is not looked up."""
        found: dict[str, list[tuple[Module, int, str]]] = {}
        for module in self.program.modules:
            for start, text, use, _scope in module.facts["strings"]:
                if not (use[0] == "arg" and module.call(use[1]).tail in _NAMING) and ("." in text or ":" in text):
                    dotted = text.replace(":", ".")
                    found.setdefault(dotted.rpartition(".")[2], []).append((module, start, dotted))
        return found

    @cached_property
    def _replacements(self) -> list[tuple[Call, str, bool]]:
        """Every call that puts something in the place of something else, its name, and whether it says by what."""
        found: list[tuple[Call, str, bool]] = []
        for tail in ("patch", "object", "setattr"):
            for call in self.program.calls_named(tail, want=False):
                first, second = call.argument(0), call.argument(1)
                dotted = first is not None and first.shape[:2] == ["k", "str"] and tail != "object"
                named = first if dotted else second
                new = call.argument(1 if dotted else 2, "new") or call.argument(len(call.arguments), "new_callable")
                # patch("app.f") alone makes an AsyncMock by itself
                if named is not None and named.shape[:2] == ["k", "str"]:
                    said = new is not None or tail == "setattr"
                    found.append((call, str(named.shape[2]).rpartition(".")[2], said))
        return found

    @cached_property
    def _stars(self) -> list[Module]:
        """The modules that import everything from another."""
        return [each for each in self.program.modules if any(one.name == "*" for one in each.imports())]

    @cached_property
    def _importers(self) -> dict[str, list[tuple[Module, Import]]]:
        """By the path of a module, the imports that bind the module itself."""
        found: dict[str, list[tuple[Module, Import]]] = {}
        for module in self.program.modules:
            for imported in module.imports():
                home = self.program.named(module.import_target(imported))
                if home is not None:
                    found.setdefault(home.path, []).append((module, imported))
        return found

    def judge(self, function: Scope, verdict: Verdict) -> None:
        """Add to `verdict` what stands in the way of `function`."""
        self.program.want(function.name)
        self.judge_body(function, verdict)
        for read in self.references(function):
            if not self.handled(function, read):
                self._judge_reference(function, read, verdict)
        self._judge_by_name(function, verdict)
        self._judge_doctests(function, verdict)
        self._judge_replaced(function, verdict)
        if owner_of(function) is None:
            self._judge_module(function, verdict)

    def judge_property(self, function: Scope, verdict: Verdict, replaced: Verdict) -> None:
        """Add to `verdict` what stands in the way of a getter, but for where it is read.

        What puts something in its place goes to `replaced`.
        """
        self.program.want(function.name)
        self.judge_body(function, verdict)
        self._judge_by_name(function, verdict)
        self._judge_doctests(function, verdict, ending=r"\b")
        self._judge_replaced(function, replaced)
        for setter in self.program.places.setters.get(function.name, ()):
            # Whatever it is, a mock stands for the value, and no longer for a function that gives it.
            self._replaced(function, setter.call.module, setter.call.span.start, replaced)
        for module in self.program.modules_with("keywords", function.name):
            for call in module.calls():
                if call.tail in _MADE_OF_WORDS and any(each.keyword == function.name for each in call.arguments):
                    self._replaced(function, module, call.span.start, replaced)

    def judge_class(self, owner: Scope, init: Scope, verdict: Verdict) -> None:
        """Add to `verdict` what gets at a class, made by `init`, in a way that does not name it as code does."""
        self.program.want(owner.name)
        self._judge_by_name(owner, verdict)
        self._judge_replaced(owner, verdict)
        self._judge_replaced(init, verdict)
        self._judge_module(owner, verdict)

    # --- its own body ---------------------------------------------------------------------------------------------

    def judge_body(self, function: Scope, verdict: Verdict) -> None:
        """Add what the body of `function` does that the body of a coroutine function cannot."""
        module = function.module
        verdict.hazards += self._interrupts.of(function)
        place = self.loop_starters().get(key_of(function))
        if place is not None:
            message = f"`{function.name}` starts an event loop ({place}), which fails inside a running one"
            verdict.constraints.append(because("ASY138", message, module, function.span.start))
        message = "StopIteration would leave the coroutine function as RuntimeError; give `next` a default"
        for call in module.calls_named("next"):
            if (
                call.function == ["n", "next"]
                and len(call.arguments) == 1
                and function_around(module, call.scope).number == function.number
                and not _catches_stop_iteration(call)
                and not self._is_endless(call)
            ):
                if self._caught_somewhere:
                    verdict.constraints.append(because("ASY139", message, module, call.span.start))
                else:
                    verdict.hazards.append(because("ASY024", message, module, call.span.start))
        for read in module.reads_of("StopIteration"):
            use = read.use
            called = use[0] == "call" and module.call(use[1]).use[0] == "raise"
            if (use[0] == "raise" or called) and function_around(module, read.scope).number == function.number:
                verdict.constraints.append(because("ASY139", message, module, read.span.start))

    @cached_property
    def _caught_somewhere(self) -> bool:
        """Whether the program catches StopIteration anywhere, and so may tell it from another exception."""
        return any(
            read.use[0] == "except" or read.use[:1] == ["elem"]
            for module in self.program.modules_with("reads", "StopIteration")
            for read in module.reads_of("StopIteration")
        )

    def _is_endless(self, call: Call) -> bool:
        """Tell whether `next` is asked of a counter, which never ends."""
        kind = self._receivers.kind(call.module, call.scope, call.arguments[0].shape)
        return kind == "itertools.count"

    def loop_starters(self) -> dict[tuple[str, int], str]:
        """Return the plain functions that start an event loop, themselves or through others, each with a place."""
        if self._starters is None:
            self._starters = {}
            pending = [(each, self._place(each)) for each in self._loop_starts()]
            while pending:
                call, place = pending.pop()
                function = function_around(call.module, call.scope)
                key = key_of(function)
                if function.kind != "function" or function.is_async or key in self._starters:
                    continue
                self._starters[key] = place
                for each, certain in self.program.callers(function):
                    if certain or key in map(key_of, self._receivers.reached(each).functions):
                        pending.append((each, place))
                pending += ((each, place) for each in self.valued(function))
        return self._starters

    @cached_property
    def loop_starts(self) -> frozenset[tuple[str, int]]:
        """The functions that start an event loop in their own bodies."""
        return frozenset(key_of(function_around(each.module, each.scope)) for each in self._loop_starts())

    def _loop_starts(self) -> Iterator[Call]:
        for name in ("run", "run_app"):
            for call in self.program.calls_named(name, beside=_LOOP_MODULES):
                named = self.program.dotted(call.module, call.scope, call.function) in _LOOP_RUNNERS
                base = call.function[1] if call.function[0] == "a" else None
                if named or (base and self._receivers.kind(call.module, call.scope, base) == "asyncio.Runner"):
                    yield call
        for name in _LOOP_METHODS:
            yield from self.program.calls_named(name)
        for library, names in _LOOP_LIBRARIES.items():
            for name in names:
                for call in self.program.calls_named(name, beside=frozenset({library})):
                    if any((each.module or each.name).partition(".")[0] == library for each in call.module.imports()):
                        yield call

    # --- used as a value ------------------------------------------------------------------------------------------

    def references(self, function: Scope) -> list[Read]:
        """Return the reads of `function` that are no calls; of attributes, those that may be it."""
        known = self._references.get(key_of(function))
        if known is None:
            known = self._references[key_of(function)] = self._find_references(function)
        return known

    def _find_references(self, function: Scope) -> list[Read]:
        name = function.name
        self.program.want(name)
        found = [
            read
            for module in self._reading.get(name, ())
            for read in module.attribute_reads(name)
            if self._may_be(read, function)
        ]
        places = {(function.module.path, name)}
        for module, imported in self._named_imports.get(name, ()):
            target = self.program.resolve(module.import_target(imported))
            if target is not None and key_of(target) == key_of(function):
                places.add((module.path, imported.asname or name))
        for path, bound in sorted(places):
            module = self.program.module(path)
            for read in module.reads_of(bound):
                dotted = module.dotted(read.scope, ["n", bound]) if read.use[0] != "call" else None
                target = self.program.resolve(dotted) if dotted is not None else None
                if target is not None and key_of(target) == key_of(function):
                    found.append(read)
        return found

    @cached_property
    def _reading(self) -> dict[str, list[Module]]:
        """By name, the modules that read an attribute: looking through all of them again for each name is slow."""
        found: dict[str, list[Module]] = {}
        for module in self.program.modules:
            for name in module.facts["attribute_reads"]:
                found.setdefault(name, []).append(module)
        return found

    @cached_property
    def _named_imports(self) -> dict[str, list[tuple[Module, Import]]]:
        """By name, the imports of one name from a module."""
        found: dict[str, list[tuple[Module, Import]]] = {}
        for module in self.program.modules:
            for imported in module.imports():
                if imported.level:
                    found.setdefault(imported.name, []).append((module, imported))
        return found

    def _bases(self, module: Module, name: str) -> dict[Span, Shape]:
        """Return what attributes called `name` are read of, by the place of the read."""
        known = self._read_of.get((module.path, name))
        if known is None:
            records = module.facts["attribute_reads"].get(name, ())
            known = {Span(start, end): base for base, _use, _scope, start, end in records}
            self._read_of[module.path, name] = known
        return known

    def _may_be(self, read: Read, function: Scope) -> bool:
        """Tell whether a read, found by its name, may be one of `function`."""
        module = read.module
        base = self._bases(module, function.name).get(read.span)
        if base is None:
            return True
        dotted = self.program.dotted(module, read.scope, ["a", base, function.name])
        found = self.program.resolve(dotted) if dotted is not None else None
        if found is not None:
            return key_of(found) == key_of(function) or self._related(found, function)
        if dotted is not None and not self.program.is_own(dotted):
            return False
        owner = owner_of(function)
        if owner is None:
            # `other.f` for a module-level `f`: only where the base may be the module.
            tail = function.module.name.rpartition(".")[2]
            return base[0] in {"n", "a"} and base[-1] == tail and module.dotted(read.scope, base) is None
        asked = handed(read, function.name)
        reached = self._receivers.reached(asked).functions if asked is not None else ()
        if reached:
            return any(key_of(each) == key_of(function) or self._related(each, function) for each in reached)
        kind = self._receivers.kind(module, read.scope, base)
        if isinstance(kind, str):
            return False
        if kind is not None:
            method = self.program.find_method(kind, function.name)
            if method is None:
                return self.program.are_related(kind, owner)
            return key_of(method) == key_of(function) or self._related(method, function)
        return True

    def _related(self, one: Scope, other: Scope) -> bool:
        first, second = owner_of(one), owner_of(other)
        return first is not None and second is not None and self._shares(first, second)

    def _judge_reference(self, function: Scope, read: Read, verdict: Verdict) -> None:
        uses: list[Use] = read.use[1] if read.use[0] == "multi" else [read.use]
        if self._is_data(function, read):
            message = f"`{function.name}` of something unknown is taken for the attribute that other classes have"
            verdict.hazards.append(because("ASY010", message, read.module, read.span.start))
            return
        for use in uses:
            if use[0] in _HARMLESS | _NO_FUNCTION or (use[0] == "attr" and use[1] in _HARMLESS_ATTRIBUTES):
                continue
            code, message = "ASY132", f"`{function.name}` is handed on as a value; who calls it then awaits nothing"
            if is_override(self.program, function, read):
                verdict.handed = True
                continue
            if use[0] == "arg":
                taker = read.module.call(use[1])
                hazard = self.taken(taker)
                if hazard is not None and (not function.is_generator or taker.tail in _GENERATOR_TAKERS):
                    verdict.handed = True
                    if hazard:
                        message = f"`{function.name}` is handed to `{taker.tail}`, which runs it in another way then"
                        verdict.hazards.append(because(hazard, message, read.module, read.span.start))
                    continue
                shown = taker.tail or "a call"
                if shown in THREADS:
                    code, message = "ASY133", f"`{function.name}` runs in a thread or process (`{shown}`)"
                elif use[2] == "key":
                    message = f"`{function.name}` is the key of `{shown}`, which awaits nothing"
                else:
                    message = f"`{function.name}` is handed to `{shown}`, which may call it and awaits nothing"
            message += self.ending(function, read)
            verdict.constraints.append(because(code, message, read.module, read.span.start))

    def _is_data(self, function: Scope, read: Read) -> bool:
        """Tell whether a read of a method's name is of something unknown, and other classes have data of that name."""
        owner = owner_of(function)
        name = function.name
        bases = [each for each in read.module.facts["attribute_reads"].get(name, ()) if each[3] == read.span.start]
        if owner is None or not bases or read.use[0] == "deco":
            return False
        if read.use[0] == "arg" and (read.module.call(read.use[1]).tail in _CALLING or read.use[2] in _CALLED_WORDS):
            return False
        if self.program.dotted(read.module, read.scope, ["a", bases[0][0], name]) is not None:
            return False
        if self._receivers.kind(read.module, read.scope, bases[0][0]) is not None:
            return False
        holders = [each for each in self.program.classes() if _holds_data(each, name)]
        for module, base, _value, scope, _start in self._receivers.stores(name):
            around = self._receivers.class_around(module, scope, base)
            holders += [around] if around is not None else []
        return any(not self._shares(each, owner) for each in holders)

    def replacing(self, name: str) -> list[Call]:
        """Return the calls that put something in the place of what has that name."""
        return [call for call, named, _said in self._replacements if named == name]

    def taken(self, taker: Call) -> str | None:
        """Return the hazard of handing a coroutine function to a call, `""` for none; None where it takes none."""
        dotted = self.program.dotted(taker.module, taker.scope, taker.function)
        if dotted not in _TAKERS and taker.function[0] == "a":
            kind = self._receivers.kind(taker.module, taker.scope, taker.function[1])
            dotted = f"{kind}.{taker.tail}" if isinstance(kind, str) else None
            if kind is None and taker.tail in _OF_FLASK and not self.program.definitions(taker.tail):
                return "ASY004"  # def init_app(app): app.teardown_appcontext(close_db), which others call
        return _TAKERS.get(dotted) if dotted is not None else None

    # --- found by name --------------------------------------------------------------------------------------------

    def _judge_by_name(self, function: Scope, verdict: Verdict) -> None:
        """Refuse what is looked up by name: getattr(x, "f"), getattr(x, "do_" + verb), "app.module.f"."""
        name = function.name
        for call in self._lookups.of(function):
            message = f"`{name}` may be looked up by its name here; call it where it is named"
            verdict.constraints.append(because("ASY134", message, call.module, call.span.start))
        for module, start, dotted in self._strings.get(name, ()):
            if self._is_named(dotted, function):
                message = f"`{name}` is named in a string; who looks it up by it awaits nothing"
                verdict.constraints.append(because("ASY134", message, module, start))

    def _judge_doctests(self, function: Scope, verdict: Verdict, *, ending: str = r"\(") -> None:
        """Refuse what a doctest calls: its lines are run as they are, and cannot wait."""
        home = re.escape(function.module.name.rpartition(".")[2])
        before = r"\." if owner_of(function) is not None else rf"(?:(?<![\w.])|\b{home}\.)"
        called = re.compile(rf"^[ \t]*(?:>>>|\.\.\.) .*?{before}{re.escape(function.name)}{ending}", re.MULTILINE)
        for module, start, text in self._doctests:
            found = called.search(text)
            if found is not None and self._reads_in_doctest(module, function, text):
                line = module.position(start).line + text[: found.end()].count("\n")
                message = f"`{function.name}` is used in a doctest, which cannot await"
                verdict.constraints.append(Constraint("ASY134", message, module.path, line, 1))

    @cached_property
    def _doctests(self) -> list[tuple[Module, int, str]]:
        """Every string with a doctest in it."""
        return [
            (module, start, text)
            for module in self.program.modules
            for start, text, use, _scope in module.facts["strings"]
            if use[0] == "expr" and ">>> " in text
        ]

    def _reads_in_doctest(self, module: Module, function: Scope, text: str) -> bool:
        """Tell whether a name in a doctest may be a function: of the same module, or one that it gets at."""
        owner = owner_of(function)
        if module is function.module:
            return True
        if owner is not None:
            return re.search(rf"\b{re.escape(owner.name)}\b", text) is not None
        dotted = f"{function.module.name}.{function.name}"
        return module.dotted(0, ["n", function.name]) == dotted or any(
            self.program.named(module.import_target(each)) is function.module for each in module.imports()
        )

    def _is_named(self, dotted: str, function: Scope) -> bool:
        found = self.program.resolve(dotted)
        if found is not None:
            return key_of(found) == key_of(function)
        symbol = function.module.symbol(function.number)
        return dotted in {f"{function.module.name}.{symbol}", symbol}

    # --- replaced ---------------------------------------------------------------------------------------------------

    def _judge_replaced(self, function: Scope, verdict: Verdict) -> None:
        """Note where something else is put in the place of the function."""
        name, owner = function.name, owner_of(function)
        for module, base, _value, scope, start in self._receivers.stores(name):
            inside = self.program.method_owner(module, scope) if base == ["n", "self"] else None
            if inside is not None:
                if owner is not None and self._shares(inside, owner):
                    message = f"`self.{name}` is assigned here, so a call may reach something else"
                    verdict.constraints.append(because("ASY137", message, module, start))
            elif owner is not None or self.program.named(module.dotted(scope, base) or "") is function.module:
                self._replaced(function, module, start, verdict)
        for call, named, said in self._replacements:
            # In the place of a class a plain mock is put.
            if named == name and (said or function.kind == "class") and not self.awaitable(call, function):
                self._replaced(function, call.module, call.span.start, verdict)

    def _replaced(self, function: Scope, module: Module, offset: int, verdict: Verdict) -> None:
        message = f"something else is put in the place of `{function.name}`, which may not be awaitable"
        verdict.hazards.append(because("ASY006", message, module, offset))

    def _shares(self, one: Scope, other: Scope) -> bool:
        return self.program.derives(one, other) or self.program.derives(other, one)

    # --- modules ----------------------------------------------------------------------------------------------------

    def _judge_module(self, function: Scope, verdict: Verdict) -> None:
        """Refuse a function whose module is imported by `*`, or handed on as a value."""
        if function.parent != 0:
            return
        home, name = function.module, function.name
        for module in self._stars:
            unbound = (each for each in module.reads_of(name) if module.lookup(each.scope, name) is None)
            read = next(unbound, None) if module is not home else None
            if read is not None:
                message = f"everything is imported here, and `{name}` may come with it; import the name"
                verdict.constraints.append(because("ASY136", message, module, read.span.start))
        for read in self.handed_on(home):
            message = f"the module of `{name}` is handed on as a value, and its functions with it"
            verdict.constraints.append(because("ASY132", message, read.module, read.span.start))
        for call in home.calls_named("globals"):
            if call.use[0] in {"sub", "meth", "asg", "arg"}:  # globals()[name]()
                message = f"`{name}` may be looked up by its name here; call it where it is named"
                verdict.constraints.append(because("ASY134", message, home, call.span.start))
        for call in self.program.calls_named(name, beside=IMPORTING):
            if call.function[0] == "a" and loaded_by(call.module, call.scope, call.function[1]) is not None:
                message = f"the module of `{name}` may be imported by its name here, and the call reach it"
                verdict.constraints.append(because("ASY134", message, call.module, call.span.start))

    def handed_on(self, home: Module) -> Iterator[Read]:
        """Yield the reads of `home`, as a module, that do not reach into it."""
        for module, imported in self._importers.get(home.path, ()):
            bound = imported.asname or (imported.name.partition(".")[0] if imported.level == 0 else imported.name)
            for read in module.reads(imported.scope, bound):
                use = read.use
                if use[0] in {"meth", "attr", "del", "expr", "cmp", "dest"}:
                    continue
                if use[0] == "arg" and module.call(use[1]).tail in _LOOKING_INSIDE:
                    continue
                yield read

    def _place(self, call: Call) -> str:
        return f"{call.module.path}:{call.module.position(call.span.start).line}"


def _holds_data(owner: Scope, name: str) -> bool:
    """Tell whether the body of a class gives a name a value, or a type, that is no method's."""
    bindings = owner.module.bindings(owner.number, name)
    return bool(bindings) and all(each.kind in {"assign", "declared"} for each in bindings)


def _catches_stop_iteration(call: Call) -> bool:
    for guard in call.module.guards(call.guard):
        if guard.kind == "try":
            for types, *_ in guard.payload:
                names = [] if types is None else types[1] if types[0] == "t" else [types]
                if types is None or any(str(each[-1]) in _ENDLESS_NEXT for each in names):
                    return True
    return False
