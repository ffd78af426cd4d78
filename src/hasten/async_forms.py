"""What converts to more than `async def` and `await`: generators, context managers made of them, and their uses.

A generator becomes an asynchronous one, and every `for` over it an `async for`; `@contextmanager` becomes
`@asynccontextmanager`, and every `with` that enters it an `async with`. Any other use of them is a constraint.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from hasten.async_places import because, function_around
from hasten.index.module import Call, Guard, Module, Scope, Shape, Use
from hasten.index.program import Program
from hasten.model import ImportRequest, Span
from hasten.propagate import Constraint

#: What the annotation of a generator becomes, by its dotted name.
_ANNOTATIONS = {
    f"{module}.{name}": f"Async{name}"
    for module in ("typing", "collections.abc")
    for name in ("Iterator", "Iterable", "Generator")
}
_ANYTHING = frozenset({"typing.Any", "builtins.object"})
#: Functions that go through all of what they are given, at once, so that a list may stand in its place.
_COLLECTORS = frozenset(
    f"builtins.{each}" for each in ("dict", "frozenset", "list", "max", "min", "set", "sorted", "sum", "tuple")
)
#: Blocks of a generator whose end is seen from outside when it is given up early.
_CLEANING = frozenset({"with", "async with", "finally", "except"})
#: What may happen to a generator that is kept: nothing that asks for more than an iterator.
_KEEPING = frozenset({"arg", "asg", "asgattr", "elem", "iter", "ret", "star", "unpack"})
#: Takers of a generator that look at what it is, or do more with it than to iterate.
_LOOKING = ("inspect.", "types.", "contextlib.", "builtins.isinstance", "builtins.type", "builtins.hasattr")
_ENDLESS = ("itertools.count", "itertools.cycle", "itertools.repeat")
_ITEMS = ("item", "value", "each")
_NAMES = ("items", "values", "found", "each_of")


@dataclass(frozen=True, slots=True)
class More:
    """One more edit of a form, at a node of its own.

    Attributes:
        module, span: where it is.
        action, data: as of `NodeEdit`.
    """

    module: Module
    span: Span
    action: str
    data: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """What a transformer does at one node in the place of `async-def` or `await-call`.

    Attributes:
        action, data: as of `NodeEdit`.
        imports, releases: as of `Change`.
        extent: the text that moves or changes with it, None where it is the head of the function, or the call.
        more: further edits that go with it.
        test_dependencies: as of `Change`.
        together: the ids of functions that must convert with it.
        requires: further changes that must be made with it, by their ids.
    """

    action: str
    data: tuple[tuple[str, str], ...] = ()
    imports: tuple[ImportRequest, ...] = ()
    releases: tuple[tuple[str, Span], ...] = ()
    extent: Span | None = None
    more: tuple[More, ...] = ()
    test_dependencies: tuple[str, ...] = ()
    together: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """A form, and what is wrong with it.

    Attributes:
        form: None where the plain one is right.
        constraints: why there is none.
        hazards: what differs.
    """

    form: Form | None = None
    constraints: tuple[Constraint, ...] = ()
    hazards: tuple[Constraint, ...] = ()


def kind_of(function: Scope) -> str:
    """Return `generator`, `manager` for one below `@contextmanager`, or `""` for a plain function."""
    if not function.is_generator:
        return ""
    return "manager" if _manager(function) is not None else "generator"


def stubs(family: Sequence[Scope]) -> list[Scope]:
    """Return the plain functions among generators that say no more than that others are to define them.

    They stay as they are: `raise NotImplementedError` is the same for whoever iterates or enters.
    """
    if all(each.is_generator == family[0].is_generator for each in family):
        return []
    return [each for each in family if not each.is_generator and _is_stub(each)]


def _is_stub(function: Scope) -> bool:
    module = function.module
    names = {name for name, reads in module.facts["reads"][function.number].items() if reads}
    return not function.returned and names <= {"NotImplementedError"} and not function.is_async


def _manager(function: Scope) -> Shape | None:
    dotted = (function.module.dotted(function.parent, each) for each in function.decorators)
    found = [shape for shape, name in zip(function.decorators, dotted, strict=True) if name == _MANAGER]
    return found[0] if found else None


_MANAGER = "contextlib.contextmanager"
_CODES = {"generator": "ASY125", "manager": "ASY124"}


# --- definitions ----------------------------------------------------------------------------------------------------


def definition(function: Scope) -> Shown:
    """Return how a function is written as an asynchronous one; nothing for one that is no generator."""
    kind = kind_of(function)
    if not kind:
        return Shown()
    module = function.module
    what = "context manager" if kind == "manager" else "generator"

    def no(message: str, offset: int = function.span.start) -> Shown:
        return Shown(constraints=(because(_CODES[kind], f"`{function.name}` {message}", module, offset),))

    if function.returned:
        return no(f"is a {what} that returns a value, which an asynchronous one cannot")
    delegated = module.delegations(function.number)
    for place, alone in delegated:
        if kind == "manager":
            return no("uses `yield from`, which an asynchronous one cannot", place.start)
        if not alone:
            return no("uses the value of `yield from`, or has it in a line with more", place.start)
    data: list[tuple[str, str]] = []
    imports: list[ImportRequest] = []
    releases: list[tuple[str, Span]] = []
    if kind == "manager":
        written = _manager(function)
        renamed = _renamed(function, written or [], "asynccontextmanager", "contextlib")
        if renamed is None:
            return no("is decorated with a name that stands for something else, too")
        data += [("decorator", renamed[0]), ("decorated", _text(written or []))]
        imports += renamed[1]
        releases += renamed[2]
    if function.returns is not None:
        root = function.returns[1] if function.returns[0] == "i" else function.returns
        dotted = module.dotted(function.parent, root) if root[0] in {"n", "a"} else None
        if dotted in _ANNOTATIONS:
            home = dotted.rpartition(".")[0]
            renamed = _renamed(function, root, _ANNOTATIONS[dotted], home)
            if renamed is None:
                return no("has a return type whose name stands for something else, too")
            data.append(("returns", renamed[0]))
            imports += renamed[1]
            releases += renamed[2]
        elif dotted not in _ANYTHING:
            return no("has a return type that no asynchronous one has; write it as `Iterator[...]`")
    extent = Span(head_begins(function), function.span.start + len("def"))
    taken = _fresh(module, _ITEMS)
    more = tuple(More(module, place, "delegate", (("name", taken),)) for place, _alone in delegated)
    return Shown(Form("async-def", tuple(data), tuple(imports), tuple(releases), extent, more))


_Renamed = tuple[str, list[ImportRequest], list[tuple[str, Span]]]


def _renamed(function: Scope, written: Shape, name: str, home: str) -> _Renamed | None:
    """Return what stands in the place of a dotted name, what it imports and what it releases; None where taken.

    `contextlib.contextmanager` keeps its module; a bare name needs an import of its own.
    """
    module = function.module
    if written[0] == "a":
        return f"{_text(written[1])}.{name}", [], []
    found = module.lookup(function.parent, name)
    if found is not None and module.dotted(function.parent, ["n", name]) != f"{home}.{name}":
        return None
    inside = [
        Span(start, end)
        for start, end, _use in module.facts["reads"][function.parent].get(written[1], ())
        if head_begins(function) <= start < function.span.end
    ]
    binding = next((each for each in module.bindings(0, written[1]) if each.kind == "import"), None)
    scope = module.imports()[binding.payload].scope if binding is not None else 0
    return name, [ImportRequest(module.path, home, name, scope)], [(module.path, each) for each in inside[-1:]]


def renamed_root(function: Scope, written: Shape) -> tuple[str, tuple[tuple[str, Span], ...]]:
    """Return the text of a decorator's name, and the use of an import that is gone once it has another one."""
    module, root = function.module, written
    while root[0] == "a":
        root = root[1]
    places = [
        (module.path, Span(start, end))
        for start, end, use in module.facts["reads"][function.parent].get(root[1], ())
        if head_begins(function) <= start < function.span.start
        and decorates(module, use, function.number)
        and _named_in(use, written)
    ]
    return _text(written), tuple(places[-1:])


def _named_in(use: Use, written: Shape) -> bool:
    """Tell whether a read is that of a dotted name: by its last part but one, if it has one."""
    return written[0] != "a" or (
        use[0] in {"attr", "meth"} and use[1] == (written[2] if written[1][0] == "n" else written[1][2])
    )


def head_begins(function: Scope) -> int:
    """Return where the decorators of a function begin, as far as names in them tell."""
    module = function.module
    starts = [
        start
        for reads in module.facts["reads"][function.parent].values()
        for start, _end, use in reads
        if decorates(module, use, function.number)
    ]
    return min([function.span.start, *map(int, starts)])


def decorates(module: Module, use: Use, function: int) -> bool:
    """Tell whether a name is a decorator of a function, or what one begins with: `@a.b(c)`."""
    while use[0] in {"attr", "meth", "call"}:
        use = use[2] if use[0] == "attr" else module.call(use[-1]).use
    return use == ["deco", function]


def _text(shape: Shape) -> str:
    return f"{_text(shape[1])}.{shape[2]}" if shape[0] == "a" else str(shape[1])


# --- uses -----------------------------------------------------------------------------------------------------------


def use(
    program: Program, call: Call, function: Scope, consumes: Callable[[Call], bool] = lambda _taker: False
) -> Shown:
    """Return how a call of a generator or context manager is written once it is asynchronous.

    Args:
        program: where the call is.
        call: one of `function`.
        function: what is called.
        consumes: tells of a call of a method that it puts all items of its first argument into a container.
    """
    kind = kind_of(function)
    if kind == "manager":
        return _entered(call, function)
    if kind == "generator":
        return _iterated(program, call, function, consumes)
    return Shown()


def _entered(call: Call, function: Scope) -> Shown:
    module = call.module
    for record in module.facts["guards"] if call.use[0] == "with" else ():
        guard = Guard(*record)
        if guard.kind == "with" and guard.payload == ["c", call.index]:
            mixed = sum(each[1] == "with" and each[3] == guard.start for each in module.facts["guards"]) > 1
            # A block that is torn apart moves to the right.
            return Shown(Form("enter-asynchronously", extent=Span(guard.start, guard.end) if mixed else None))
    message = f"the context manager `{function.name}` is used in another way than by `with`"
    return Shown(constraints=(because("ASY124", message, module, call.span.start),))


def _iterated(program: Program, call: Call, function: Scope, consumes: Callable[[Call], bool]) -> Shown:
    module, use = call.module, call.use
    if use[0] == "yieldfrom":
        # for item in rows(): yield item
        return _looped(program, call, function)
    if use[0] == "iter":
        around = _comprehension(call)
        if around is None:
            return _looped(program, call, function)
        if around.name != "<GeneratorExp>":
            return Shown(Form("iterate-asynchronously"), hazards=tuple(_cut_short(program, call, function, around)))
    if use[0] == "arg" and use[2] == 0:
        taker = module.call(use[1])
        if module.dotted(taker.scope, taker.function) in _COLLECTORS and not taker.misplaced:
            return Shown(Form("collect"))
        if len(taker.arguments) == 1 and not taker.misplaced and consumes(taker):
            message = f"`{taker.tail}` takes what `{function.name}` gives when all of it is there, and not one by one"
            return Shown(Form("collect"), hazards=(because("ASY027", message, module, call.span.start),))
        step = _stepped(call, taker)
        if step is not None:
            return _advanced(program, call, function, step)
    return _kept(program, call, function)


def is_handed_on(program: Program, call: Call, function: Scope) -> bool:
    """Tell whether a call of a generator or context manager leaves it to others, or to later, to use it."""
    found = use(program, call, function)
    return bool(found.constraints) or (found.form is not None and found.form.action == "collect-iterator")


def _kept(program: Program, call: Call, function: Scope) -> Shown:
    """Return the form of a call whose generator is handed on or kept: an iterator over all that it gives, made there.

    `todos = rows()` becomes `todos = iter([item async for item in rows()])`.
    """
    module = call.module
    taker = module.call(call.use[1]) if call.use[0] == "arg" else None
    looking = (module.dotted(taker.scope, taker.function) or "").startswith(_LOOKING) if taker is not None else False
    inner = module.scope(call.scope).name == "<GeneratorExp>"
    # found = rows(); found.send(1)
    variable = module.reads(*call.use[1:]) if call.use[0] == "asg" else ()
    looking = looking or any(each.use[0] in {"meth", "attr"} for each in variable)
    if call.use[0] not in _KEEPING or looking or inner or module.lookup(call.scope, "iter") is not None:
        message = f"the generator `{function.name}` is used in another way than by a `for` loop or `list`"
        return Shown(constraints=(because("ASY125", message, module, call.span.start),))
    if _may_be_endless(program, function):
        message = (
            f"the generator `{function.name}` is kept or handed on, and may have no end; use it up in a `for` loop"
        )
        return Shown(constraints=(because("ASY125", message, module, call.span.start),))
    message = f"`{function.name}` is gone through where it is called, and not bit by bit as it is used"
    return Shown(Form("collect-iterator"), hazards=(because("ASY017", message, module, call.span.start),))


def _may_be_endless(program: Program, function: Scope) -> bool:
    """Tell whether a generator, or one that it goes through, may give values without end."""
    for each in _gone_through(program, function):
        if _has_block(each, {"while"}):
            return True
        for call in _calls_of(each):
            dotted = call.module.dotted(call.scope, call.function) or ""
            if dotted.startswith(_ENDLESS) or call.function == ["n", "iter"] or each in _generators(program, call):
                return True
    return False


def _stepped(call: Call, taker: Call) -> Call | None:
    """Return the `next` that takes a call, through `iter` or not; None where it is none, or cannot be rewritten."""
    #     next(rows())        next(iter(rows()), None)
    module = call.module
    if module.dotted(taker.scope, taker.function) == "builtins.iter" and len(taker.arguments) == 1:
        taker = module.call(taker.use[1]) if taker.use[0] == "arg" and taker.use[2] == 0 else taker
    plain = all(each.keyword is None for each in taker.arguments) and not taker.misplaced
    return taker if plain and module.dotted(taker.scope, taker.function) == "builtins.next" else None


def _advanced(program: Program, call: Call, function: Scope, step: Call) -> Shown:
    """Return the form of `next`, which becomes `await anext`."""
    module = call.module
    around = function_around(module, call.scope)
    if any(function_around(module, each.scope) == around for each in module.reads_of("StopIteration")):
        message = "the asynchronous generator raises StopAsyncIteration where StopIteration is spoken of here"
        return Shown(constraints=(because("ASY125", message, module, step.span.start),))
    if program.named("anext") is not None or module.lookup(call.scope, "anext") is not None:
        message = "`anext` is needed here, and the name is taken; give it another name"
        return Shown(constraints=(because("ASY125", message, module, step.span.start),))
    hazards: tuple[Constraint, ...] = ()
    if cleans_up(program, function):
        message = f"`{function.name}` is given up after one value, and cleaned up later than before"
        hazards = (because("ASY011", message, module, call.span.start),)
    return Shown(Form("keep-call", more=(More(module, step.span, "advance"),)), hazards=hazards)


def _comprehension(call: Call) -> Scope | None:
    """Return the comprehension that iterates over a call, None where it is a `for` statement."""
    found = [
        each
        for each in call.module.scopes()
        if each.kind == "comp"
        and call.scope in {each.parent, each.number}
        and each.span.start <= call.span.start < call.span.end <= each.span.end
    ]
    return min(found, key=lambda each: each.span.end - each.span.start, default=None)


def _looped(program: Program, call: Call, function: Scope) -> Shown:
    """Return the form of a `for` loop, in a block of its own where the generator has something to clean up."""
    if not cleans_up(program, function):
        return Shown(Form("iterate-asynchronously"))
    module = call.module
    if program.named("contextlib") is not None or module.dotted(call.scope, ["n", "contextlib"]) not in {
        "builtins.contextlib",
        "contextlib",
    }:
        message = "`contextlib` is needed here, and the name is taken; give it another name"
        return Shown(constraints=(because("ASY125", message, module, call.span.start),))
    data = (("name", _fresh(module)),)
    if call.use[0] == "yieldfrom":
        return Shown(Form("iterate-closing", data, (ImportRequest(module.path, "contextlib"),)))
    heads = [
        record
        for record in module.facts["blocks"]
        if record[1] == "for" and record[2] <= call.span.start and call.span.end <= record[3]
    ]
    begin = max(record[2] for record in heads)
    end = max(record[4] for record in module.facts["blocks"] if record[2] == begin)
    return Shown(Form("iterate-closing", data, (ImportRequest(module.path, "contextlib"),), (), Span(begin, end)))


def cleans_up(program: Program, function: Scope) -> bool:
    """Tell whether a generator has something to do at its end, so that each loop over it ends it when it is left.

    It has, too, where it goes through another one that has.
    """
    return any(_has_block(each, _CLEANING) for each in _gone_through(program, function))


def _has_block(function: Scope, kinds: Collection[str]) -> bool:
    """Tell whether a function has a block of one of some kinds."""
    blocks = function.module.facts["blocks"]
    return any(record[1] in kinds and function.span.start <= record[3] < function.span.end for record in blocks)


def _calls_of(function: Scope) -> Iterator[Call]:
    """Yield the calls that a function makes itself."""
    module = function.module
    for each in module.scopes():
        if function_around(module, each.number) == function:
            yield from module.calls_in(each.number)


def _gone_through(program: Program, function: Scope) -> Iterator[Scope]:
    """Yield a generator, and those that it goes through, as far as can be seen."""
    seen: set[tuple[str, int]] = set()
    pending = [function]
    while pending:
        current = pending.pop()
        key = current.module.path, current.number
        if key not in seen:
            seen.add(key)
            yield current
            pending += [each for call in _calls_of(current) for each in _generators(program, call)]


def _generators(program: Program, call: Call) -> list[Scope]:
    """Return the generators of the program that a call may make; by name, where nobody knows better."""
    target, known = program.target_of(call)
    found = [target] if target is not None else [] if known else program.definitions(call.tail)
    return [each for each in found if each.kind == "function" and each.is_generator]


def _cut_short(program: Program, call: Call, function: Scope, around: Scope) -> Iterator[Constraint]:
    module = call.module
    if cleans_up(program, function):
        message = f"where the comprehension fails, `{function.name}` is cleaned up later than before"
        yield because("ASY011", message, module, call.span.start)
    if module.scope(around.parent).kind == "comp":
        message = "`async for` in a comprehension within a comprehension needs Python 3.11"
        yield because("ASY008", message, module, call.span.start)


def _fresh(module: Module, names: tuple[str, ...] = _NAMES) -> str:
    """Return a name that a module does not use, one of `names` or with a number behind it."""
    used = {name for table in (*module.facts["binds"], *module.facts["reads"]) for name in table}
    more = (f"{name}_{number}" for number in range(2, len(used) + 3) for name in names)
    return next(each for each in (*names, *more) if each not in used)
