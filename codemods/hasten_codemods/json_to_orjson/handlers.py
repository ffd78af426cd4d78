"""What catches exceptions, which ones it means, and whether it looks at their words."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple

from hasten.api import Call, Module, Program, Scope

Shape = list[Any]

PARENTS: dict[str, tuple[str, ...]] = {
    "TypeError": ("TypeError", "Exception", "BaseException"),
    "JSONDecodeError": ("JSONDecodeError", "ValueError", "Exception", "BaseException"),
    "UnicodeDecodeError": ("UnicodeDecodeError", "UnicodeError", "ValueError", "Exception", "BaseException"),
    "ValueError": ("ValueError", "Exception", "BaseException"),
    "RecursionError": ("RecursionError", "RuntimeError", "Exception", "BaseException"),
}
BROAD = frozenset({"Exception", "BaseException"})
#: Every name by which one of these exceptions can be caught.
KNOWN = frozenset(name for names in PARENTS.values() for name in names)
_DOUBTFUL = frozenset({"TypeError"})
_TELLING = frozenset({"exceptions", "msg", "pos", "lineno", "colno", "doc", "args", "message", "start", "reason"})
#: What holds the errors of tasks, and its methods that give those of some kinds.
_GROUPS = frozenset({"ExceptionGroup", "BaseExceptionGroup"})
_PARTED = ("split", "subgroup")
#: Calls that show the error being handled, and those that it was raised from, without being given it.
_SHOWING = ("format_exc", "print_exc", "exc_info", "exception")
#: The parts of a `try` statement after which its `finally` runs.
_TRIED = frozenset({"try", "except", "else"})
#: A handler may show the error through so many functions.
_THROUGH = 2
#: Shapes nest, and names stand for names, no deeper than this.
_DEEPEST = 8


class Spot(NamedTuple):
    """A place where an exception is raised: in a scope, with the number of the innermost guard around it."""

    module: Module
    scope: int
    guard: int
    at: int

    @classmethod
    def of(cls, call: Call) -> Spot:
        """Return the place of a call."""
        record = call.record
        return cls(call.module, record[2], record[6], record[0])

    @classmethod
    def within(cls, module: Module, scope: int, at: int) -> Spot:
        """Return a place where there is no call, such as `await task`."""
        body = module.enclosing(scope, "function", "lambda", "module")
        best, start = -1, body.span.start if body is not None else 0
        for number in range(len(module.facts["guards"])):
            guard = module.guard(number)
            # What a handler raises is not its own.
            end = guard.payload[0][2] if guard.kind == "try" else guard.end
            if start <= guard.inner <= at < end:
                best, start = number, guard.inner
        return cls(module, body.number if body is not None else 0, best, at)


@dataclass(frozen=True, slots=True)
class Handler:
    """One handler, or one `with` that catches, around a call.

    Attributes:
        catches: the short names of the exceptions it catches; None catches all.
        place: `path:line`.
        reads_error: whether it looks at the words of the error it catches.
        asserts: whether it is a test's way of demanding the exception.
        reraises: whether it lets the exception go on, or may.
        watches: whether it only looks what exception it is.
        chains: whether it raises another exception from the one it catches.
        shows_chain: whether it shows the error with all those that it was raised from.
    """

    catches: frozenset[str] | None
    place: str
    reads_error: bool
    asserts: bool = False
    reraises: bool = False
    watches: bool = False
    chains: bool = False
    shows_chain: bool = False

    def names(self, error: str) -> bool:
        """Tell whether the handler means this exception, and does not just catch everything; tests always mean it."""
        return self.asserts or (self.catches is not None and not self.catches.isdisjoint(set(PARENTS[error]) - BROAD))

    def catches_one(self, error: str, *, by_orjson: bool = False) -> bool:
        """Tell whether an exception of that name is caught, one that orjson raises or one of the standard library."""
        own = {f"orjson.{error}"} if by_orjson else set()
        return self.catches is None or not self.catches.isdisjoint({*PARENTS[error], *own})

    @property
    def may_catch_others(self) -> bool:
        """Tell whether it may catch an exception of the program's own."""
        return self.catches is None or not self.catches or not self.catches.isdisjoint(BROAD)


def place_of(module: Module, offset: int) -> str:
    """Return `path:line`."""
    return f"{module.path}:{module.position(offset).line}"


def of_try(program: Program, module: Module, scope: int, records: list[Any]) -> list[Handler]:
    """Return the handlers of one `try`; those of groups come last, for an error is in one or is not."""
    handlers: list[Handler] = []
    groups: list[Handler] = []
    for types, name, start, end, body in records:
        uses = _uses(module, name, start, end) if name else []
        shows = shows_error(program, module, start, end) or any(_is_shown_whole(module, use) for use in uses)
        handlers.append(
            Handler(
                caught(program, module, scope, types),
                place_of(module, start),
                shows or _reads_words(program, uses),
                reraises="Reraise" in body,
                chains=["raise"] in uses,
                shows_chain=shows,
            )
        )
        if types is not None and _means_group(module, types):
            whole = (
                handlers[-1] if handlers[-1].catches and not handlers[-1].catches.isdisjoint(KNOWN) else handlers.pop()
            )
            groups += _of_group(program, module, scope, whole, name or "", (start, end))
    return [*handlers, *groups]


def _means_group(module: Module, types: Shape) -> bool:
    parts = _parts(module, types)
    if parts is not None:
        return any(_means_group(module, each) for each in parts)
    return types[0] in {"n", "a"} and types[-1] in _GROUPS


def _of_group(
    program: Program, module: Module, scope: int, whole: Handler, name: str, span: tuple[int, int]
) -> Iterator[Handler]:
    """Yield what a handler of a group makes of an error in it: in the parts that it asks for, and in all."""
    for method in _PARTED:
        for call in module.calls_named(method):
            kinds = call.argument(0)
            if kinds is not None and span[0] <= call.span.start < span[1] and call.function[1:2] == [["n", name]]:
                reads = whole.shows_chain or _reads_words(program, [*_uses_of_part(module, call, span)])
                kind = caught(program, module, scope, kinds.shape)
                yield replace(whole, catches=kind, reads_error=reads, reraises=True, watches=True)
    uses = [each for each in _uses(module, name, *span) if each[0] != "meth" or each[1] not in _PARTED] if name else []
    if whole.shows_chain or _reads_words(program, uses):
        yield replace(whole, catches=None, reads_error=True, reraises=True, watches=True)


def _uses_of_part(module: Module, call: Call, span: tuple[int, int]) -> Iterator[list[Any]]:
    """Yield what a handler does with a part of a group, but for asking whether there is one."""
    if call.use[0] not in {"asg", "unpack"}:
        yield call.use
        return
    for table in module.facts["binds"]:
        for name, bindings in table.items():
            if any(kind in {"assign", "unpack"} and payload == ["c", call.index] for kind, payload, *_ in bindings):
                uses = _uses(module, name, *span)
                yield from (each for each in uses if each[0] != "cmp" or each[2] != ["k", "NoneType", None])


def looking_on(spot: Spot) -> Iterator[list[Handler]]:
    """Yield what looks at an exception that passes a place, and lets it pass: a `finally` that asks which it is."""
    module = spot.module
    calls = module.remember("json-to-orjson: asks for errors", partial(_asking, module))
    tried = {each.header for each in module.blocks(spot.at) if each.kind in _TRIED} if calls else set()
    for call in calls:
        blocks = module.blocks(call.span.start)
        if any(each.kind == "finally" and each.header in tried for each in blocks):
            yield [Handler(None, place_of(module, call.span.start), reads_error=True, reraises=True, watches=True)]


def _asking(module: Module) -> list[Call]:
    return [call for name in _SHOWING for call in module.calls_named(name)]


def inside(program: Program, function: Scope) -> Iterator[list[Handler]]:
    """Yield the handlers of every `try` in a function."""
    module = function.module
    for number in range(len(module.facts["guards"])):
        guard = module.guard(number)
        if guard.kind == "try" and function.span.start <= guard.start < function.span.end:
            yield of_try(program, module, function.number, guard.payload)


def caught(program: Program, module: Module, scope: int, types: Shape | None, depth: int = 0) -> frozenset[str] | None:
    """Return the short names of the known exceptions among `types`; None for a bare `except:`.

    A variable that cannot be seen through may hold anything; it is taken to mean TypeError, the doubtful one.
    """
    if types is None:
        return None
    if depth > _DEEPEST:
        return _DOUBTFUL
    parts = _parts(module, types)
    if parts is not None:
        return frozenset().union(*(caught(program, module, scope, each, depth + 1) or () for each in parts))
    if types[0] == "a" and types[1] in (["n", "self"], ["n", "cls"]):
        owner = program.method_owner(module, scope)
        found = member(program, owner, types[2], depth + 1) if owner is not None else None
        return _DOUBTFUL if found is None else found
    dotted = module.dotted(scope, types)
    if dotted is None:
        bound = module.lookup(scope, types[1]) if types[0] == "n" else None
        binding = program.only_binding(module, bound[0], types[1]) if bound is not None else None
        if binding is not None and binding.payload and binding.kind == "assign":
            return caught(program, module, binding.scope, binding.payload, depth + 1)
        return frozenset() if types[0] == "k" else _DOUBTFUL
    return _of_dotted(program, dotted, depth)


def _of_dotted(program: Program, dotted: str, depth: int) -> frozenset[str]:
    root, _, name = dotted.rpartition(".")
    if root in {"builtins", "json", "json.decoder"}:
        return frozenset({name})
    if root == "orjson":
        # A program that uses both: orjson's own class is one below that of the standard library, or `TypeError` itself.
        return frozenset({f"orjson.{name}"} if name == "JSONDecodeError" else {"TypeError"})
    if program.definition(dotted) is not None:
        return frozenset()
    around = program.resolve(root) if root else None
    if around is not None and around.kind == "class":
        found = member(program, around, name, depth + 1)
        return _DOUBTFUL if found is None else found
    owner = program.owner_of(dotted)
    if owner is None:
        return frozenset()  # nothing of the program, or in a module that is not read yet
    binding = program.only_binding(owner[0], 0, owner[1])
    if binding is not None and binding.kind == "assign" and binding.payload:
        return caught(program, owner[0], binding.scope, binding.payload, depth + 1) or frozenset()
    return _DOUBTFUL


def _parts(module: Module, types: Shape) -> list[Shape] | None:
    """Return what a tuple of exceptions is put together from: `(A, *OTHERS)`, `OTHERS + (A,)`, `tuple(OTHERS)`."""
    match types:
        case ["t" | "l" | "s" | "b" | "?", list(parts)]:
            return parts
        case ["x", "Starred", part]:
            return [part]
        case ["o", "Add" | "BitOr", left, right]:
            return [left, right]
        case ["c", int() as index] if module.call(index).function in (["n", "tuple"], ["n", "frozenset"]):
            return [each.shape for each in module.call(index).arguments]
        case _:
            return None


def member(program: Program, owner: Scope, name: str, depth: int = 0) -> frozenset[str] | None:
    """Return the exceptions that a class holds as `name`, in its body or that of a base; None if there is no such."""
    values = [each.payload for each in owner.module.bindings(owner.number, name) if each.kind == "assign"]
    if values:
        return frozenset().union(
            *(caught(program, owner.module, owner.number, each, depth + 1) or () for each in values if each)
        )
    for base in owner.bases if depth <= _DEEPEST else ():
        dotted = owner.module.dotted(owner.parent, base)
        found = program.definition(dotted) if dotted else None
        inherited = member(program, found, name, depth + 1) if found is not None and found.kind == "class" else None
        if inherited is not None:
            return inherited
    return None


# --- words ------------------------------------------------------------------------------------------------------


def _uses(module: Module, name: str, start: int, end: int) -> list[list[Any]]:
    return [use for table in module.facts["reads"] for at, _end, use in table.get(name, ()) if start <= at < end]


def _reads_words(program: Program, uses: list[list[Any]]) -> bool:
    """Tell whether a handler does more with its error than to raise another one from it that nobody asks for it."""
    if any(is_telling(use) for use in uses):
        return True
    return ["raise"] in uses and any(
        program.attribute_reads(each) or _asked_by_name(program, each) for each in ("__cause__", "__context__")
    )


def _asked_by_name(program: Program, name: str) -> bool:
    """Tell whether the program holds `getattr(error, name)`."""
    found = (call.argument(1) for call in program.calls_named("getattr", want=False))
    return any(each is not None and each.shape == ["k", "str", name] for each in found)


def _is_shown_whole(module: Module, use: list[Any]) -> bool:
    """Tell whether an error is shown with its causes: `traceback.print_exception(error)`, `exc_info=error`."""
    if use[0] != "arg":
        return False
    dotted = module.dotted(module.call(use[1]).scope, module.call(use[1]).function) or ""
    return use[2] == "exc_info" or dotted.startswith("traceback.")


def shows_error(program: Program, module: Module, start: int, end: int, depth: int = 0) -> bool:
    """Tell whether a handler formats the exception without naming it.

    So do `traceback.format_exc()`, `sys.exc_info()`, `log.error("...", exc_info=True)`, and a function of the program's
    own that does one of these.
    """
    if any(start <= call.span.start < end for name in _SHOWING for call in module.calls_named(name)):
        return True
    for call in calls_between(module, start, end):
        if any(each.keyword == "exc_info" and not is_false(each.shape) for each in call.arguments):
            return True
        if depth >= _THROUGH:
            continue
        target, _ = program.target_of(call)
        if target is None:
            dotted = module.dotted(call.scope, call.function)
            if dotted is not None and program.is_own(dotted):
                program.want(call.tail)  # a function of a module that is not read yet
        elif target.kind == "function" and shows_error(
            program, target.module, target.span.start, target.span.end, depth + 1
        ):
            return True
    return False


def calls_between(module: Module, start: int, end: int) -> Iterator[Call]:
    """Yield the calls in a statement: calls are kept in the order of statements, if not quite within each."""
    records = module.facts["calls"]
    for index in range(bisect_left(records, start, key=itemgetter(0)), len(records)):
        if records[index][0] >= end:
            return
        yield module.call(index)


def is_false(shape: Shape) -> bool:
    """Tell whether a shape is a constant that counts as false."""
    return bool(shape[0] == "k") and (shape[1] == "NoneType" or shape[2] in {"False", "0", ""})


def is_telling(use: list[Any]) -> bool:
    """Tell whether a use of an error may depend on its words."""
    match use:
        case ["raise"] | ["expr"] | ["cond"]:
            return False
        case ["attr" | "meth", name, *_]:
            return name in _TELLING or name.startswith("__") or use[0] == "meth"
        case _:
            return True
