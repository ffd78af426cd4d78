"""Decide about every function that loads or parses something."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from hasten.api import (
    ALONE,
    PLAIN,
    RANK_OF_CACHES,
    Applicability,
    Call,
    Change,
    Finding,
    Hazard,
    ImportRequest,
    Module,
    NodeEdit,
    Program,
    Proof,
    Read,
    Refusal,
    Scope,
    Settings,
    decorate,
    namespace_read,
    trouble_with,
)
from hasten_codemods.cache_pure_loaders import MAXSIZE, doubles, methods, tables
from hasten_codemods.cache_pure_loaders.annotations import is_frozen
from hasten_codemods.cache_pure_loaders.arguments import Arguments, arguments_of
from hasten_codemods.cache_pure_loaders.computing import (
    calling_themselves,
    comes_again,
    computing,
    counting,
    moved_by,
)
from hasten_codemods.cache_pure_loaders.files import Files
from hasten_codemods.cache_pure_loaders.globals import Globals
from hasten_codemods.cache_pure_loaders.instances import Instances
from hasten_codemods.cache_pure_loaders.keeping import NAME, Keeping, one_file
from hasten_codemods.cache_pure_loaders.kinds import Kinds
from hasten_codemods.cache_pure_loaders.purity import Purity
from hasten_codemods.cache_pure_loaders.readings import Effects, tail_of
from hasten_codemods.cache_pure_loaders.sighting import is_of_tests
from hasten_codemods.cache_pure_loaders.words import FOLLOWED, ONE_SHOT, UNKNOWN, is_immutable
from hasten_codemods.cache_pure_loaders.worth import Worth, worth_of

_NOT_WORTH = "CCH190"
_NOT_ONLY = "CCH191"
_NUMBERS = frozenset({"int", "float", "bool", "number"})
#: Said of a change where nothing else is to be said.
_ALL_SEEN = "CCH010"
#: Decorators that keep results already.
_CACHES = frozenset({"cache", "lru_cache", "cached", "memoize", "memoized", "cached_property", "cachedmethod"})
#: The version of Python that has `functools.cache`.
_CACHE_SINCE = (3, 9)
#: Kinds of values of which a copy is as good.
_COPIED = frozenset({"list", "dict", "set", "json"})
#: Attributes that a plain function has, and a cached one has not.
_OF_FUNCTIONS = ("__code__", "__globals__", "__defaults__", "__closure__")


#: What tells functions from other values, where all that something has is gone through.
_KINDS_OF_FUNCTIONS = frozenset({"inspect.isfunction", "inspect.isroutine"})
#: They say something else of a cached function than of a plain one.
_ASKING = frozenset({"inspect.isfunction", "builtins.isinstance", "builtins.type", "inspect.getmodule"})


@dataclass(slots=True)
class _Site:
    """A function, and what was found out about it.

    Attributes:
        fresh: how the file is named that is looked at before each use, empty where none is.
        copied: whether each caller gets a copy.
        viewed: whether callers get a view that they cannot change.
        held: whether each object keeps its own result.
    """

    function: Scope
    effects: Effects
    hazards: list[Hazard]
    proofs: list[Proof]
    fresh: str = ""
    copied: bool = False
    viewed: bool = False
    held: bool = False

    @property
    def key(self) -> tuple[str, int]:
        return self.function.module.path, self.function.number

    @property
    def is_helped(self) -> bool:
        """Tell whether the module beside is needed."""
        return bool(self.fresh) or self.copied or self.viewed


class Analysis:
    """The decisions for one program."""

    def __init__(self, program: Program, codemod: str, settings: Settings) -> None:
        """Take the program, the name of the codemod, and what was set for it."""
        self.program = program
        self.codemod = codemod
        self.settings = settings
        self.kinds = Kinds(program)
        self.globals = Globals(program, self.kinds)
        self.purity = Purity(program, self.kinds, self.globals)
        # Of methods that read their object, which is taken to stay as it is.
        self.instances = Instances(program)
        self.held_kinds = Kinds(program, self.instances)
        self.held_purity = Purity(program, self.held_kinds, Globals(program, self.held_kinds))
        self.files = Files(program)
        self.keeping = Keeping(program, codemod)

    def findings(self) -> Iterator[Finding]:
        """Yield a change or a refusal for every function that is looked at."""
        found: dict[tuple[str, int], tuple[_Site, Change]] = {}
        for module in self.program.modules:
            if module.path not in self.program.targets or is_of_tests(module.path):
                continue
            for function, loads in self._functions(module):
                result = self._judge(function, loads=loads)
                if isinstance(result, Refusal):
                    yield result
                elif result is not None:
                    site, change = result
                    found[site.key] = site, change
        cached = {key for key, (_, change) in found.items() if [each.code for each in change.hazards] == [_ALL_SEEN]}
        for site, change in found.values():
            around = self._kept_by_callers(site.function, cached - {site.key})
            if around:
                yield self._refuse(site.function, _NOT_WORTH, f"`{around}`, which calls it, is cached")
            else:
                self._note_companion(site)
                yield change
        yield from self.keeping.changes()

    def _functions(self, module: Module) -> Iterator[tuple[Scope, bool]]:
        """Yield the functions that do something themselves that takes long, and give something.

        Each is yielded with whether it loads something, or only computes.
        """
        loading = {
            function.number
            for call in module.calls()
            if self._is_costly(call) and (function := module.enclosing(call.scope, "function")) is not None
        }
        for number in sorted(loading | computing(module) | counting(module) | calling_themselves(module)):
            function = module.scope(number)
            if any(each != ["k", "NoneType", "None"] for each in function.returned) and not self._is_cached(function):
                loads = number in loading
                if loads or self._computes(function):
                    yield function, loads

    def _computes(self, function: Scope) -> bool:
        """Tell whether a function computes what may be worth keeping."""
        module, number = function.module, function.number
        if number in computing(module) or comes_again(self.program, function):
            return True
        given = function.parameters[self._is_bound(function) :]
        return number in counting(module) and all(self.kinds.parameter(function, each[0]) in _NUMBERS for each in given)

    def _is_costly(self, call: Call) -> bool:
        if call.function[0] == "a" and call.tail in tables.COSTLY_METHODS:
            return True
        if call.function[0] == "a" and call.tail == "open":
            return self.kinds.of(call.module, call.scope, call.function[1]) == "path"
        return tables.meant(call, call.module.dotted(call.scope, call.function)) in tables.COSTLY

    def _is_cached(self, function: Scope) -> bool:
        return any(tail_of(function.module, each) in _CACHES for each in function.decorators)

    # --- the decision -----------------------------------------------------------------------------------------------

    def _judge(self, function: Scope, *, loads: bool) -> Refusal | tuple[_Site, Change] | None:
        """Return what becomes of a function, None where it is one of the many with a loop that nobody would cache."""
        held = self._is_held(function)
        worth = self._worth(function, held=held, loads=loads)
        if not worth.reason and not loads:
            return None
        if not worth.reason:
            said = (
                "nobody in the program is surely seen to call it"
                if not worth.calls
                else "nothing calls it again with the same arguments"
            )
            return self._refuse(function, _NOT_WORTH, said)
        # Loops are in most functions that do something, and nobody would think of a cache there.
        quiet = not loads and not comes_again(self.program, function)
        barred = self._barred(function)
        if barred is not None:
            return self._refuse(function, _NOT_ONLY if quiet else barred[0], barred[1])
        kinds = self.held_kinds if held else self.kinds
        effects = (self.held_purity if held else self.purity).of(function)
        if effects.stain is not None:
            return self._refuse(function, _NOT_ONLY if quiet else effects.stain.code, effects.stain.message)
        context = self._decimal_context(function, effects)
        if context:
            return self._refuse(function, _NOT_ONLY if quiet else "CCH102", context)
        live = next((found for each in effects.reads if (found := self.files.live(each))), "")
        if live:
            return self._refuse(
                function, _NOT_ONLY if quiet else "CCH103", f"it may read what the system changes: {live}"
            )
        changing = self._changing(function, effects) if held else ""
        if changing:
            return self._refuse(function, "CCH109", changing)
        bound = self._is_bound(function)
        arguments = arguments_of(self.program, kinds, function, bound=bound)
        if arguments.unhashable:
            return self._refuse(function, "CCH107", arguments.unhashable)
        place = doubles.replaced(self.program, function, effects)
        if place:
            return self._refuse(function, "CCH110", place)
        site = _Site(function, effects, [], [Proof("CCH201", worth.reason)], held=held)
        if held:
            site.hazards.append(Hazard("CCH009", self._taken_for_granted(function, effects)))
        if arguments.unknown:
            site.hazards.append(Hazard("CCH003", arguments.unknown))
        self._judge_files(site)
        site.fresh = self._fresh(site)
        if worth.waits and _may_change(site):
            return self._refuse(function, "CCH113", f"a loop calls it until the file changes ({worth.waits})")
        kind = kinds.given_by_function(function)
        if not ONE_SHOT.isdisjoint(kind.split()):
            return self._refuse(function, "CCH108", f"`{function.name}` gives what can be read once: {kind}")
        changed = self._judge_result(site, kind, shared=self._is_public(function) and not worth.served)
        if changed:
            return self._refuse(function, "CCH106", changed)
        if site.is_helped:
            trouble = self.keeping.trouble(function.module)
            if trouble:
                return self._refuse(function, "CCH114", trouble)
        return site, self._change(site, arguments)

    def _worth(self, function: Scope, *, held: bool, loads: bool) -> Worth:
        worth = worth_of(self.program, function, held=held, fixed=not loads)
        again = comes_again(self.program, function)
        reason = f"it calls itself with the same arguments again and again ({again})" if again else worth.reason
        return worth._replace(reason=reason)

    def _decimal_context(self, function: Scope, effects: Effects) -> str:
        """Return where the program changes how decimal numbers are rounded, in words, if that bears on a function."""
        paths = {function.module.path, *(path for path, _ in effects.names)}
        modules = [module for path in sorted(paths) if (module := self.program.find(path)) is not None]
        if any((each.module or each.name) == "decimal" for module in modules for each in module.imports()):
            for name in ("getcontext", "localcontext", "setcontext"):
                for call in self.program.calls_named(name):
                    return f"how decimal numbers are rounded may change at {_place_of(call)}"
        return ""

    def _barred(self, function: Scope) -> tuple[str, str] | None:
        """Return why a function cannot be cached whatever it does."""
        module = function.module
        parent = module.scope(function.parent)
        if function.is_async or function.is_generator:
            return "CCH108", f"`{function.name}` is a {'coroutine function' if function.is_async else 'generator'}"
        static = self.program.is_static(function)
        if parent.kind == "class":
            trouble = self._trouble_with_method(parent, function, static=static)
            if trouble:
                return "CCH109", trouble
        if parent.kind not in {"class", "module"}:
            return "CCH108", f"`{function.name}` stands inside `{parent.name}`, and would get a new cache each time"
        others = [each for each in function.decorators if not (static and tail_of(module, each) == "staticmethod")]
        if others:
            return "CCH108", f"`{function.name}` has decorators already, which may do anything"
        if len(module.bindings(function.parent, function.name)) > 1:
            return "CCH108", f"`{function.name}` is defined more than once"
        taken = trouble_with(self.program, module, function.parent, "functools", function.span.start)
        if taken:
            return "CCH111", f"{taken}; give it another name"
        return self._trouble_with_uses(function)

    def _trouble_with_uses(self, function: Scope) -> tuple[str, str] | None:
        """Return why a function cannot be cached for what is done with it where it is not called."""
        references = self.program.references(function)
        for name in _OF_FUNCTIONS:
            for read in self.program.attribute_reads(name, want=False):
                if any(each.span.start == read.span.start for each in references):
                    return "CCH112", f"`{name}` of it is read at {_place_of(read)}"
        taken = namespace_read(self.program, function.module, function.name)
        lost = taken is not None or self.program.held(function.module).lost is not None
        asking = self._asking_for_functions() if lost and function.parent == 0 else None
        if asking is not None:
            return "CCH112", f"functions are looked for by what they are at {_place_of(asking)}"
        for call in self.program.calls_named("getmembers"):
            shown = call.argument(1, "predicate")
            asked = self.program.dotted(call.module, call.scope, shown.shape) if shown is not None else ""
            if asked in _KINDS_OF_FUNCTIONS and function.parent == 0 and self._may_be_shown(call, function.module):
                return "CCH112", f"functions are looked for by what they are at {_place_of(call)}"
        for read in references:
            if read.use[0] == "arg":
                call = read.module.call(read.use[1])
                asked = self.program.dotted(read.module, call.scope, call.function) or ""
                if asked in _ASKING:
                    return "CCH112", f"`{asked.removeprefix('builtins.')}` is asked about it at {_place_of(read)}"
        # class Loader:
        #     load = load
        for owner in self.program.classes():
            for each in owner.module.bindings(owner.number, function.name) if function.parent == 0 else ():
                if owner.module is function.module and each.payload == ["n", function.name]:
                    line = owner.module.position(each.start).line
                    return (
                        "CCH109",
                        f"`{function.name}` becomes a method of `{owner.name}` ({owner.module.path}:{line})",
                    )
        return None

    def _asking_for_functions(self) -> Read | Call | None:
        """Return a place that tells functions from other values."""
        for name in ("FunctionType", "LambdaType"):
            for read in self.program.attribute_reads(name):
                return read
        for name in ("isfunction", "isroutine"):
            for call in self.program.calls_named(name):
                return call
        return None

    def _may_be_shown(self, call: Call, module: Module) -> bool:
        """Tell whether a call that lists what something has may be given a module."""
        given = call.argument(0, "object")
        dotted = self.program.dotted(call.module, call.scope, given.shape) if given is not None else None
        return dotted is None or self.program.named(dotted) is module or dotted == "sys.modules"

    def _trouble_with_method(self, owner: Scope, function: Scope, *, static: bool) -> str:
        if self._is_held(function):
            return methods.trouble_with_property(self.program, owner, function)
        if not static and not function.decorators and not self._is_public(function):
            return methods.trouble(self.program, owner, function)
        if not static:
            shapes = {tail_of(function.module, each) for each in function.decorators}
            if "classmethod" in shapes:
                return f"`{function.name}` is a class method, and may give something else for each class"
            return f"`{function.name}` is a method, and a cache would keep its objects alive"
        return f"`{function.name}` is overridden, or overrides another" if self._is_overridden(owner, function) else ""

    def _is_overridden(self, owner: Scope, function: Scope) -> bool:
        related = [*self.program.heirs(owner), *self.program.ancestors(owner)]
        return any(each != owner and each.module.bindings(each.number, function.name) for each in related)

    def _judge_files(self, site: _Site) -> None:
        troubles = [trouble for each in site.effects.reads if (trouble := self.files.trouble(each))]
        if troubles:
            site.hazards.append(Hazard("CCH001", troubles[0]))
        swallowed = next((place for each in site.effects.reads if (place := self.files.swallowed(each))), "")
        if swallowed:
            site.hazards.append(Hazard("CCH007", f"an error of the system is taken for a result at {swallowed}"))
        if site.effects.reads and not troubles:
            site.proofs.append(Proof("CCH204", "it reads files of its own package only"))

    def _judge_result(self, site: _Site, kind: str, *, shared: bool) -> str:
        """Add what is known of the result; return where somebody changes it, in words, or an empty string."""
        function = site.function
        if is_immutable(kind):
            site.proofs.append(Proof("CCH202", f"what it gives cannot be changed: {kind}"))
            return ""
        fate = self.globals.sharing.of_result(function, kind)
        returns = self.settings["returns"].of(function.module.path)
        if site.held:
            returns = "same"  # the object itself hands out what it keeps
        copies = returns == "copy"
        if copies and kind.partition(" of ")[0] in _COPIED and (fate.changed or fate.lost or shared):
            site.copied = True
            site.proofs.append(Proof("CCH205", "each caller gets a copy of its own"))
            return ""
        if fate.changed:
            return fate.changed
        if returns == "view" and kind.partition(" of ")[0] in _COPIED and (fate.lost or shared):
            site.viewed = True
            site.hazards.append(Hazard("CCH008", f"callers of `{function.name}` get a tuple or a read-only mapping"))
            return ""
        if kind.partition(" of ")[0] not in FOLLOWED:
            site.hazards.append(Hazard("CCH002", f"nobody can tell what `{function.name}` gives"))
        elif fate.lost:
            site.hazards.append(Hazard("CCH002", fate.lost))
        elif shared:
            site.hazards.append(
                Hazard("CCH005", f"`{function.name}` is part of a library, and gives what can be changed")
            )
        else:
            site.proofs.append(Proof("CCH203", "what it gives is followed to all its uses, and changed by none"))
        return ""

    def _fresh(self, site: _Site) -> str:
        """Return how the file is named that is to be looked at before each use, if that was asked for and helps."""
        path = site.function.module.path
        if site.held or self.settings["freshness"].of(path) != "mtime" or not _may_change(site):
            return ""
        named = one_file(self.program, site.function, site.effects.reads)
        if named:
            site.hazards = [each for each in site.hazards if each.code != "CCH001"]
            site.hazards.append(Hazard("CCH006", "whether the file is the same is told by its time and size"))
        return named

    def _is_public(self, function: Scope) -> bool:
        """Tell whether others than the program may import a function: by a public name, from what they install."""
        name = f"{function.module.name}.{function.module.symbol(function.number)}"
        return self.program.distribution.shared and not any(part.startswith("_") for part in name.split("."))

    # --- what comes out ---------------------------------------------------------------------------------------------

    def _change(self, site: _Site, arguments: Arguments) -> Change:
        function = site.function
        module = function.module
        if _calls_itself(self.program, function) or (module.path, function.name) in site.effects.names:
            site.hazards.append(Hazard("CCH004", self._deep(function)))
        if not site.hazards:
            site.hazards.append(Hazard(_ALL_SEEN, "all that is seen speaks for it, and not all can be seen"))
        edits = [self._keep_in_object(function)] if site.held else self._decorate(site, arguments)
        imports = [] if site.fresh else [ImportRequest(module.path, "functools")]
        requires: tuple[str, ...] = ()
        if site.is_helped:
            imports.append(self.keeping.request(module))
            requires = () if self.keeping.is_there(module) else (f"{NAME}:{self.keeping.path(module)}",)
        return Change(
            f"{module.path}:{function.span.start}",
            self.codemod,
            f"keep the results of `{function.name}`{' in each object' if site.held else ''}",
            module.symbol(function.number),
            Applicability.UNSAFE,
            tuple(edits),
            hazards=tuple(site.hazards),
            requires=requires,
            imports=tuple(imports),
            proofs=tuple(site.proofs),
        )

    def _keep_in_object(self, function: Scope) -> NodeEdit:
        module, span = function.module, function.span
        data = (("property", methods.property_of(function)), PLAIN, ALONE)
        places = module.position(span.start), module.position(span.end)
        return NodeEdit(module.path, span, *places, self.codemod, methods.ACTION, data)

    def _decorate(self, site: _Site, arguments: Arguments) -> list[NodeEdit]:
        function = site.function
        decorators = [self._decorator(site, arguments)]
        if site.copied:
            decorators.insert(0, f"{NAME}.copied")
        if site.viewed:
            decorators.append(f"{NAME}.viewed")
        bound = self._is_bound(function)
        if bound:
            decorators.insert(0, "staticmethod")
        edits: list[NodeEdit] = []
        for place, decorator in enumerate(decorators):
            rank = RANK_OF_CACHES + place - len(decorators) + 1
            edit = decorate(function, self.codemod, decorator, rank=rank, plain=True)
            edits.append(replace(edit, data=(*edit.data, ("static", "yes"))) if bound else edit)
        return edits

    def _changing(self, function: Scope, effects: Effects) -> str:
        """Return which of what a method reads of its object may change, in words, empty if nothing does."""
        owner = function.module.scope(function.parent)
        names = sorted(effects.attributes)
        trouble = self.instances.settled(owner, names)
        if trouble:
            return trouble
        kinds = {name: self.held_kinds.of_object(owner, name) for name in names}
        for name, kind in kinds.items():
            if not is_immutable(kind):
                what = f"what `{name}` of it holds may be changed: {kind}"
                return f"nobody can tell what `{name}` of it holds" if kind == UNKNOWN else what
        return ""

    def _taken_for_granted(self, function: Scope, effects: Effects) -> str:
        """Return what has to be so, and cannot be proven, for the result to be kept in the object."""
        owner, names = function.module.scope(function.parent), sorted(effects.attributes)
        read = ", ".join(f"`{each}`" for each in names) or "all"
        doubt = self.instances.doubt(owner, names)
        open_ones = [each for each in names if not each.startswith("_")]
        if not doubt and open_ones and self._is_public(owner) and not is_frozen(owner):
            doubt = f"users of the library may assign to `{open_ones[0]}`"
        seen = doubt or "nothing is seen to change it"
        return f"{read} of `{owner.name}` is taken to stay as it is; {seen}"

    def _is_held(self, function: Scope) -> bool:
        """Tell whether a function is a method that uses its object, so that only this can keep what it gives."""
        return self._is_bound(function) and not function.decorators and bool(methods.uses(function))

    def _is_bound(self, function: Scope) -> bool:
        """Tell whether a function is a method that is called on an object."""
        return function.module.scope(function.parent).kind == "class" and not self.program.is_static(function)

    def _note_companion(self, site: _Site) -> None:
        """Note that the module beside is needed, now that the change is made."""
        if site.is_helped:
            self.keeping.key(site.function.module)

    def _decorator(self, site: _Site, arguments: Arguments) -> str:
        parameters = site.function.parameters[1:] if self._is_bound(site.function) else site.function.parameters
        size = arguments.choices or self.settings["maxsize"] if parameters else 1
        if self._keeps_all(site.function):
            size = None
        if site.fresh:
            return f"{NAME}.fresh({site.fresh}, maxsize={size})"
        old = self.program.distribution.python is not None and self.program.distribution.python < _CACHE_SINCE
        if not parameters:
            return "functools.lru_cache(maxsize=None)" if old else "functools.cache"
        typed = ", typed=True" if arguments.mixed else ""
        if size is None and not typed and not old:
            return "functools.cache"
        return f"functools.lru_cache(maxsize={size}{typed})"

    def _keeps_all(self, function: Scope) -> bool:
        """Tell whether a function needs all its results again: those of several parameters are many, and come late.

        With the last 128 results a knapsack takes longer than without any.
        """
        chosen = self.settings["maxsize"] != MAXSIZE
        return not chosen and bool(comes_again(self.program, function)) and moved_by(self.program, function) > 1

    def _deep(self, function: Scope) -> str:
        """Return, in words, how a function that calls itself goes deep."""
        said = f"`{function.name}` calls itself"
        limit = next(iter(self.program.calls_named("setrecursionlimit")), None)
        if limit is not None:
            said += f", and the limit is set at {_place_of(limit)}: a cache that goes deep may end the process"
        return f"{said}; all its results are kept" if self._keeps_all(function) else said

    def _kept_by_callers(self, function: Scope, cached: set[tuple[str, int]]) -> str:
        """Return the name of a cached function without parameters that makes the only calls of a function."""
        around: list[Scope] = []
        for call, _ in self.program.callers(function):
            if is_of_tests(call.module.path):
                continue
            caller = call.module.enclosing(call.scope, "function")
            if caller is None or caller.parameters:
                return ""
            if (caller.module.path, caller.number) not in cached and not self._is_cached(caller):
                return ""
            around.append(caller)
        return around[0].name if around and len({each.number for each in around}) == 1 else ""

    def _refuse(self, function: Scope, code: str, message: str) -> Refusal:
        module = function.module
        return Refusal(
            self.codemod,
            code,
            message,
            module.path,
            module.position(function.span.start),
            module.symbol(function.number),
        )


def _calls_itself(program: Program, function: Scope) -> bool:
    inside = function.module.inside(function.number)
    return any(call.module is function.module and call.scope in inside for call, _ in program.callers(function))


def _place_of(read: Read | Call) -> str:
    return f"{read.module.path}:{read.module.position(read.span.start).line}"


def _may_change(site: _Site) -> bool:
    """Tell whether the file that a function reads may change."""
    return any(each.code == "CCH001" for each in site.hazards)
