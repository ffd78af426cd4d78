"""Code that does not run where it stands: lambdas, what is made one by one when it is asked for, and whole modules."""

from __future__ import annotations

from functools import cached_property

from hasten.api import Call, Module, Program, Scope, Sink, follow
from hasten_codemods.json_to_orjson.handlers import Shape, Spot, calls_between

#: They hand the values of an iterator on, and take none before they are asked for one.
_LAZY = frozenset({"map", "filter", "zip", "enumerate", "iter", "reversed"})
#: They give what calls the function that they are given.
_SAME = frozenset({"staticmethod", "classmethod", "partial", "wraps", "lru_cache", "cache"})
#: Shapes and uses nest no deeper than this.
_DEEPEST = 8
_CONSUMED = frozenset({"iter", "unpack", "star", "yieldfrom", "cmp"})
#: Calls that run a module whose name, or file, they are given.
_IMPORTING = ("import_module", "__import__", "run_module", "reload")
#: A file that imports a module bears on its errors only where it catches something.
_CATCHING = frozenset({"except", "suppress", "raises", "assertRaises"})


class Elsewhere:
    """Tell where such code of one program runs."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self._program = program

    def of_iterator(self, module: Module, scope: int, start: Sink | Call | Scope, use: Shape) -> list[Spot]:
        """Return where values are taken from an iterator that arises at `start` and is put to `use`; maybe nowhere."""
        sinks = follow(self._program, module, scope, start.span, use, _hands_on)
        spots = [_spot(each) for each in sinks if each.kind in _CONSUMED]
        return spots + [Spot.of(each.call) for each in sinks if each.kind in {"arg", "meth"} and each.call is not None]

    def of_generator(self, scope: Scope) -> list[Spot]:
        """Return where values are taken from what a generator expression makes."""
        use = _use_of_generator(scope)
        return self.of_iterator(scope.module, scope.parent, scope, use) if use is not None else []

    def of_lambda(self, scope: Scope) -> list[Spot]:
        """Return where a lambda is called."""
        use = scope.bases[0] if scope.bases else ["lambda"]
        spots: list[Spot] = []
        for sink in follow(self._program, scope.module, scope.parent, scope.span, use, _is_same):
            match sink.use:
                case ["call" | "callee", int() as index]:
                    spots.append(Spot.of(sink.module.call(index)))
                case _ if sink.kind == "attrcall":
                    spots.append(_spot(sink))
                case _ if sink.kind == "arg" and sink.call is not None:
                    spots += self._called_by(sink.call)
                case _:
                    continue
        return spots + self._through_module(scope, use)

    def _called_by(self, call: Call) -> list[Spot]:
        """Return where a function runs that is handed to a call from elsewhere: there, or where its results are."""
        if is_lazy(call):
            return self.of_iterator(call.module, call.scope, call, call.use)
        return [Spot.of(call)]

    def _through_module(self, scope: Scope, use: Shape) -> list[Spot]:
        """Return the calls of a lambda that a module holds, as `module.parse(text)`."""
        if use[0] != "asg" or use[1] != 0:
            return []
        dotted = f"{scope.module.name}.{use[2]}"
        found = self._program.calls_named(use[2], beside=frozenset({scope.module.name.rpartition(".")[2]}))
        return [
            Spot.of(each)
            for each in found
            if each.function[0] == "a" and each.module.dotted(each.scope, each.function) == dotted
        ]

    # --- modules ------------------------------------------------------------------------------------------------

    def of_module(self, module: Module) -> tuple[list[Spot], list[Spot]]:
        """Return where a module is imported, and so runs; and where a module is whose name cannot be seen."""
        home = module.name.rpartition(".")[2]
        if home:
            self._program.want(home, beside=_CATCHING)
        spots = [Spot.within(other, scope, start) for other, scope, start in self._imports.get(module.path, ())]
        doubtful: list[Spot] = []
        for call in self._dynamic:
            given = call.arguments[0].shape
            name = given[2] if given[:2] == ["k", "str"] else None
            if name is not None and self._program.named(str(name)) is module:
                spots.append(Spot.of(call))
            elif name is None and module.name.startswith(_front(given)) and call.module is not module:
                doubtful.append(Spot.of(call))
        return spots, doubtful

    @cached_property
    def _imports(self) -> dict[str, list[tuple[Module, int, int]]]:
        """Return the imports that run each module, by its path; that of `a.b` runs `a` as well."""
        found: dict[str, list[tuple[Module, int, int]]] = {}
        for module in self._program.modules:
            for imported in module.imports():
                if "T" in imported.nest:
                    continue
                target = imported.name if imported.level == 0 else module.import_target(imported).removesuffix(".*")
                while target:
                    ran = self._program.named(target)
                    if ran is not None and ran is not module:
                        found.setdefault(ran.path, []).append((module, imported.scope, imported.start))
                    target = target.rpartition(".")[0]
        return found

    @cached_property
    def _dynamic(self) -> list[Call]:
        calls = [each for name in _IMPORTING for each in self._program.calls_named(name, beside=_CATCHING)]
        return [each for each in calls if each.arguments and each.arguments[0].keyword in {None, "name", "mod_name"}]


def is_lazy(call: Call) -> bool:
    """Tell whether a call gives an iterator that makes its values when they are asked for."""
    dotted = call.module.dotted(call.scope, call.function) or ""
    return dotted.startswith("itertools.") or (dotted.startswith("builtins.") and call.tail in _LAZY)


def lazy_around(module: Module, scope: int) -> Scope | None:
    """Return the outermost generator expression around `scope` in its function; lists and sets are made at once."""
    found = None
    inner = module.scope(scope)
    while inner.kind == "comp":
        found = inner if inner.name == "<GeneratorExp>" else found
        inner = module.scope(inner.parent)
    return found


def _hands_on(sink: Sink) -> bool:
    return sink.call is not None and sink.kind == "arg" and is_lazy(sink.call)


def _is_same(sink: Sink) -> bool:
    return sink.call is not None and sink.kind == "arg" and sink.call.tail in _SAME


def _spot(sink: Sink) -> Spot:
    return Spot.within(sink.module, sink.scope, sink.span.start)


def _use_of_generator(scope: Scope) -> Shape | None:
    """Return the use that is made of a generator expression: what it is made of says so."""
    module = scope.module
    uses = [use for reads in module.facts["reads"][scope.number].values() for _start, _end, use in reads]
    uses += [call.use for call in calls_between(module, scope.span.start, scope.span.end) if call.scope == scope.number]
    for use in uses:
        inner = use
        for _ in range(_DEEPEST):
            if inner[0] == "elem" and inner[1] == "GeneratorExp":
                found: Shape = inner[2]
                return found
            if inner[0] in {"elem", "attr"}:
                inner = inner[2]
            elif inner[0] in {"sub", "await"}:
                inner = inner[1]
            else:
                break
    return None


def _front(shape: Shape) -> str:
    """Return how a text begins that is put together, as far as that can be seen."""
    if shape[0] == "f" and shape[1] and shape[1][0][:2] == ["k", "str"]:
        return str(shape[1][0][2] or "")
    if shape[0] == "o" and shape[1] == "Add":
        return _front(shape[2]) if shape[2][:2] != ["k", "str"] else str(shape[2][2] or "")
    return ""
