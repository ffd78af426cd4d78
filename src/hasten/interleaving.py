"""Find state that a function reads before it waits and writes after it waited.

While a coroutine function waits other tasks run. What it read before may be out of date by then, and what it writes
then may undo what they wrote: the cache is filled ten times, and of ten additions one is left. And what it put into a
variable of the whole program before may be something else when it reads it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from hasten.index.module import Module, Scope, Shape, Use
from hasten.index.program import Program
from hasten.model import Span

#: Methods that change what they are called on, as far as their names tell.
_CHANGING = frozenset(
    {"add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem", "popleft", "put_nowait"}
    | {"remove", "reverse", "set", "setdefault", "sort", "update", "write"}
)
#: Shapes of values that a function makes for itself, and functions that make such values.
_FRESH = frozenset({"k", "d", "l", "t", "s", "f", "g"})
_MAKERS = frozenset({"list", "dict", "set", "tuple", "bytearray", "deque", "defaultdict"})
_CONTAINERS = frozenset(
    {"Counter", "OrderedDict", "ChainMap", "UserDict", "UserList", "WeakSet", "WeakValueDictionary"}
)
_REBINDING = frozenset({"assign", "aug", "for", "with", "unpack", "del"})


_LOOPS = frozenset({"for", "async for", "while"})
#: How much of a value that is read lives on after its expression: nothing, the way that is taken, the value itself.
_SHOWN, _CHECKED, _CARRIED = range(3)
_USED_AT_ONCE = {"expr": _SHOWN, "fmt": _SHOWN, "ret": _SHOWN, "raise": _SHOWN, "cond": _CHECKED, "cmp": _CHECKED}
#: Decorators that keep the instances of a class, or the values of a function, by the last name.
_KEEPING = frozenset({"cache", "lru_cache", "singleton", "Singleton", "scoped_session", "cached"})

#: So many base classes are looked at, one above the other.
_DEEPEST = 10


class _Touch(NamedTuple):
    start: int
    place: str
    writes: bool
    reads: bool
    use: Use = []  # noqa: RUF012 - nobody changes it
    value: Shape | None = None
    assigned: bool = False


def straddled(module: Module, scope: int, waits: Span, program: Program | None = None) -> tuple[str, int, int] | None:
    """Return state that is read on one side of `waits` and written on the other: its name, and the offsets of both.

    Args:
        module: where the function is.
        scope: the number of the function.
        waits: the expression that is to be awaited.
        program: tells what imported names stand for; without it they stand for nothing that is made once only.

    Only what other tasks can get at counts: attributes, global names, variables of outer functions, what a parameter or
    an unknown value holds. What is read comes first. Where the wait stands in a loop the way back to its start leads
    past it, too. What is assigned to variables of the whole program, and read after the wait, is the third case.
    """
    touches = sorted(_touches(module, scope, program), key=lambda each: each[:4])
    read = {each.place: each for each in reversed(touches) if each.reads and each.start < waits.start}
    for each in touches:
        if each.writes and each.start >= waits.end and each.place in read:
            return each.place, read[each.place].start, each.start
    for each in touches:
        # `os.environ["MODE"] = mode`, and the mode of another task is read
        if each.assigned and each.start < waits.start and _is_everyones(module, scope, each.place):
            for later in touches:
                if later.place == each.place and later.reads and later.start >= waits.end:
                    return each.place, later.start, each.start
    return _carried_round(module, waits, touches)


def _carried_round(module: Module, waits: Span, touches: list[_Touch]) -> tuple[str, int, int] | None:
    """Return what is read, and written after the wait by way of a loop around it."""
    loops = list(_loops(module, waits))
    if not loops:
        return None
    own = _own_reads(touches)
    for write in touches:
        if not write.writes or (write.use[:1] == ["meth"] and write.place in {"self", "cls"}):
            continue  # `self.update()` is a method of the program's, most likely
        for read in touches:
            if not read.reads or read.place != write.place or read.start == write.start:
                continue  # what one operation reads and writes it does before anybody else can
            before = read.start < waits.start or any(_is_in(each, read.start) for each in loops)
            after = write.start >= waits.end or any(_is_in(each, write.start) for each in loops)
            if not (before and after) or own.get(read.start) == write.start:
                continue
            living = _SHOWN if read.start in own else _living(module, read.use)
            if living == _CARRIED or (living == _CHECKED and not _is_new(module, waits, loops, read, write)):
                return read.place, read.start, write.start
    return None


def _loops(module: Module, waits: Span) -> Iterator[Span]:
    """Yield what runs again after the wait: the bodies of the loops around it, and the conditions of `while`."""
    for each in module.blocks(waits.start):
        if each.kind in _LOOPS:
            # The head of `for` is evaluated once.
            yield Span(each.header if each.kind == "while" else each.start, each.end)
    for record in module.facts["blocks"]:
        if record[1] == "while" and record[2] <= waits.start < record[3]:
            yield Span(record[2], record[4])
    for scope in module.scopes():
        if scope.kind == "comp" and scope.span.start <= waits.start < scope.span.end:
            yield scope.span


def _is_in(span: Span, start: int) -> bool:
    return span.start <= start < span.end


def _is_new(module: Module, waits: Span, loops: list[Span], read: _Touch, write: _Touch) -> bool:
    """Tell whether a condition is looked at anew before each write, with no wait between."""
    if read.start > write.start or (read.start < waits.start) != (write.start < waits.start):
        return False
    if not all(_is_in(each, read.start) for each in loops if _is_in(each, write.start)):
        return False
    innermost = next(iter(module.blocks(read.start)), None)
    return innermost is None or innermost.start <= write.start < innermost.end


def _living(module: Module, use: Use) -> int:
    """Return how much of a value lives on that is used like this."""
    for _ in range(20):
        match use:
            case ["attr", _, inner] | ["sub", inner]:
                use = inner
            case ["arg", number, _]:
                taker = module.call(number)
                if taker.tail in _CHANGING:
                    return _CARRIED  # it is put into something
                use = taker.use
            case ["meth", _, number] | ["call" | "callee", number]:
                use = module.call(number).use
            case [kind, *_]:
                return _USED_AT_ONCE.get(kind, _CARRIED)
            case _:
                return _SHOWN
    return _CARRIED


def _own_reads(touches: list[_Touch]) -> dict[int, int]:
    """Return the reads that make the value of a write, `self.n = self.n + 1`, with the offset of that write."""
    found: dict[int, int] = {}
    for index, write in enumerate(touches):
        wanted = _mentions(write.value, write.place) if write.value is not None else 0
        for each in touches[index + 1 :]:
            if wanted and each.reads and each.place == write.place:
                found[each.start] = write.start
                wanted -= 1
    return found


def _mentions(shape: object, place: str) -> int:
    """Return how often a place is part of a shape, as far as it is made of operators, items and displays."""
    if not isinstance(shape, list) or not shape:
        return 0
    if shape[0] in {"n", "a"}:
        return int(_dotted(shape) == place)
    return sum(_mentions(each, place) for each in shape)


def _dotted(shape: Shape) -> str:
    names: list[str] = []
    while shape[0] == "a":
        names.append(shape[2])
        shape = shape[1]
    return ".".join([shape[1], *reversed(names)]) if shape[0] == "n" else ""


def _touches(module: Module, function: int, program: Program | None) -> Iterator[_Touch]:
    inside = [each for each in range(len(module.facts["scopes"])) if _function_of(module, each) == function]
    stores = {start for records in module.facts["attribute_stores"].values() for *_, start in records}
    for scope in inside:
        for name, reads in module.facts["reads"][scope].items():
            named = _is_named(module, scope, name)
            if _is_module(module, scope, name) if named else _is_made_here(module, scope, name, program):
                continue
            variable = not named or _is_variable(module, scope, name, program)
            for start, _end, use in reads:
                # In `self.x = 1` it is `x` that is written, and not `self`.
                if not (use[0] == "dest" and start in stores):
                    yield _touch(start, name, use, method=not variable, value=_item_value(module, ["n", name], use))
        for name in module.facts["binds"][scope]:
            for binding in module.bindings(scope, name):
                if binding.kind in _REBINDING and binding.scope == scope and not _is_own(module, scope, name):
                    value = binding.payload if binding.kind == "assign" else None
                    plus = binding.kind == "aug"
                    yield _Touch(binding.start, name, writes=True, reads=plus, value=value, assigned=not plus)
    numbers = frozenset(inside)
    for attribute, records in module.facts["attribute_reads"].items():
        for base, use, scope, start, _end in records:
            place = _place(module, scope, base, attribute, program) if scope in numbers else ""
            if place and not (use[0] == "dest" and start in stores):
                method = (base == ["n", "self"] and _is_object(module, scope, attribute)) or (
                    use[0] == "meth" and _is_no_container(module, scope, base, attribute, use[1], program)
                )
                yield _touch(start, place, use, method=method, value=_item_value(module, ["a", base, attribute], use))
    for attribute, records in module.facts["attribute_stores"].items():
        for base, value, scope, start in records:
            place = _place(module, scope, base, attribute, program) if scope in numbers else ""
            if place:
                yield _Touch(start, place, writes=True, reads=False, value=value, assigned=True)


def _touch(start: int, place: str, use: Use, *, method: bool = False, value: Shape | None = None) -> _Touch:
    """Return what one use does; where it is known to be a `method` of some class, its name says nothing."""
    assigned = use[0] == "dest"
    changes = assigned or (use[0] == "meth" and use[1] in _CHANGING and not method)
    return _Touch(start, place, writes=changes, reads=not assigned, use=use, value=value, assigned=assigned)


def _item_value(module: Module, base: Shape, use: Use) -> Shape | None:
    """Return the value that an item of `base` is given in the one place where it is given any."""
    values = [each[2] for each in module.facts["item_stores"] if each[0] == base] if use[0] == "dest" else []
    return values[0] if len(values) == 1 else None


def _function_of(module: Module, scope: int) -> int:
    found = module.enclosing(scope, "function", "lambda", "class", "module")
    return found.number if found is not None else -1


def _place(module: Module, scope: int, base: Shape, attribute: str, program: Program | None) -> str:
    """Return `self.x` for an attribute of something that others may hold, else an empty string."""
    names = [attribute]
    while base[0] == "a":
        names.append(base[2])
        base = base[1]
    if base[0] == "c":  # type(self).count
        call = module.call(base[1])
        inner = call.arguments[0].shape if call.function == ["n", "type"] and len(call.arguments) == 1 else None
        return ".".join([f"type({inner[1]})", *reversed(names)]) if inner is not None and inner[0] == "n" else ""
    if base[0] != "n" or module.lookup(scope, base[1]) is None:
        return ""
    if not _is_named(module, scope, base[1]) and _is_made_here(module, scope, base[1], program):
        return ""
    return ".".join([base[1], *reversed(names)])


# --- names ------------------------------------------------------------------------------------------------------------


def _is_own(module: Module, scope: int, name: str) -> bool:
    """Tell whether a variable belongs to the function itself, so that nobody else sees it bound anew."""
    found = module.lookup(scope, name)
    if found is None:
        return True
    if found[0] == 0 or _function_of(module, found[0]) != _function_of(module, scope):
        return False
    return not any(_function_of(module, each.scope) != _function_of(module, scope) for each in found[1])


def _is_everyones(module: Module, scope: int, place: str) -> bool:
    """Tell whether a place is there once in the whole program: a global name, or part of a module or a class."""
    root = place.partition(".")[0]
    found = module.lookup(scope, root)
    return root.startswith("type(") or (found is not None and (found[0] == 0 or _is_named(module, scope, root)))


def _is_named(module: Module, scope: int, name: str) -> bool:
    """Tell whether a name stands for a module, a function or a class, or for what another module calls so."""
    found = module.lookup(scope, name)
    return found is not None and all(each.kind in {"import", "def", "class"} for each in found[1])


def _is_module(module: Module, scope: int, name: str) -> bool:
    """Tell whether a name surely stands for no data itself: only the attributes of a module or class are such."""
    found = module.lookup(scope, name)
    return found is None or not any(
        each.kind == "import" and module.imports()[each.payload].level != 0 for each in found[1]
    )


def _is_variable(module: Module, scope: int, name: str, program: Program | None) -> bool:
    """Tell whether an imported name is a variable of another module of the program."""
    dotted = module.dotted(scope, ["n", name])
    home = program.owner_of(dotted) if program is not None and dotted is not None else None
    return home is not None and any(each.kind == "assign" for each in home[0].bindings(0, home[1]))


def _is_no_container(
    module: Module, scope: int, base: Shape, attribute: str, method: str, program: Program | None
) -> bool:
    """Tell whether the method of an attribute of a module changes nothing there: `os.path`, `sys.stdout.write()`."""
    root = base
    while root[0] == "a":
        root = root[1]
    if root[0] != "n" or not _is_named(module, scope, root[1]):
        return False
    if method == "write":
        return True  # a stream: its lines come in another order at most, as those of `print`
    dotted = module.dotted(scope, ["a", base, attribute]) or ""
    known = program.named(dotted) if program is not None else None
    return known is not None or any(
        f"{each.name}.".startswith(f"{dotted}.") for each in module.imports() if each.level == 0
    )


def _is_made_here(module: Module, scope: int, name: str, program: Program | None) -> bool:
    """Tell whether others cannot get at what a variable holds: its function has just made it, or it is no data."""
    found = module.lookup(scope, name)
    if found is None:
        return True  # a builtin
    owner, bindings = found
    if owner == 0 or _function_of(module, owner) != _function_of(module, scope):
        return False
    if not _is_own(module, scope, name) or _is_changed_inside(module, owner, name):
        return False
    # `rows += [...]` leaves a list what it was: its own.
    made = [each for each in bindings if each.kind != "aug"]
    return bool(made) and all(
        each.kind == "assign" and each.payload is not None and _is_fresh(module, owner, each.payload, program)
        for each in made
    )


def _is_changed_inside(module: Module, owner: int, name: str) -> bool:
    """Tell whether an inner function changes what a variable of its outer function holds."""
    return any(
        (each.use[0] == "dest" or (each.use[0] == "meth" and each.use[1] in _CHANGING))
        and _function_of(module, each.scope) != _function_of(module, owner)
        for each in module.reads(owner, name)
    )


def _is_object(module: Module, scope: int, attribute: str) -> bool:
    """Tell whether an attribute of `self` only ever takes instances of classes that are no containers."""
    owner = module.enclosing(scope, "class")
    values = [
        value
        for base, value, where, _start in module.facts["attribute_stores"].get(attribute, ())
        if base == ["n", "self"] and module.enclosing(where, "class") == owner
    ]
    names = [module.call(each[1]).tail if each is not None and each[0] == "c" else "" for each in values]
    return bool(names) and all(each[:1].isupper() and each not in _CONTAINERS for each in names)


# --- objects ----------------------------------------------------------------------------------------------------------


def _is_fresh(module: Module, scope: int, shape: Shape, program: Program | None) -> bool:
    if shape[0] != "c":
        return shape[0] in _FRESH
    # Constructors, as far as names tell: `Session()`, `dict()`.
    call = module.call(shape[1])
    name = call.tail
    return name in _MAKERS or (name[:1].isupper() and not _is_kept(module, scope, call.function, program))


def _is_kept(module: Module, scope: int, maker: Shape, program: Program | None) -> bool:
    """Tell whether the program shows that a call of `maker` may return what an earlier call returned."""
    made = _definition(module, scope, maker, program)
    if made is not None:
        return made.kind != "class" or _keeps_instances(made, program, 0)
    if maker[0] != "n":
        return False
    # Session = scoped_session(...)
    found = module.lookup(scope, maker[1])
    return found is not None and any(
        each.kind == "assign"
        and each.payload is not None
        and each.payload[0] == "c"
        and _keeps(module, each.scope, ["c", each.payload[1]], program)
        for each in found[1]
    )


def _keeps_instances(made: Scope, program: Program | None, depth: int) -> bool:
    """Tell whether a class, or one that it derives from, may hand out an object twice."""
    module = made.module
    if depth > _DEEPEST:
        return False
    if module.is_bound(made.number, "__new__"):
        return True
    if any(_keeps(module, made.parent, each, program) for each in made.decorators):
        return True
    # self.__dict__ = cls._shared
    if any(
        module.enclosing(where, "class") == made
        for *_, where, _start in module.facts["attribute_stores"].get("__dict__", ())
    ):
        return True
    for base in made.bases:
        inherited = _definition(module, made.parent, base, program)
        if inherited is not None and inherited.kind == "class" and _keeps_instances(inherited, program, depth + 1):
            return True
    # class Config(metaclass=Singleton)
    first = min((each.span.start for each in module.scopes() if each.parent == made.number), default=made.span.end)
    for name, reads in module.facts["reads"][made.parent].items():
        if ["n", name] not in made.bases and any(
            use[0] == "base" and made.span.start <= start < first for start, _end, use in reads
        ):
            meta = _definition(module, made.parent, ["n", name], program)
            if meta is not None and meta.kind == "class" and meta.module.is_bound(meta.number, "__call__"):
                return True
    return False


def _keeps(module: Module, scope: int, decorator: Shape, program: Program | None) -> bool:
    """Tell whether a decorator keeps what it made: `functools.cache`, or a function of the program's own."""
    while decorator[0] == "c":
        decorator = module.call(decorator[1]).function
    if decorator[0] in {"n", "a"} and decorator[-1] in _KEEPING:
        return True
    found = _definition(module, scope, decorator, program)
    # One that returns the class itself keeps nothing: `def register(cls): ...; return cls`.
    return found is not None and found.kind == "function" and not _returns_argument(found)


def _returns_argument(function: Scope) -> bool:
    return bool(function.returned) and all(
        each[0] == "n" and any(each[1] == parameter[0] for parameter in function.parameters)
        for each in function.returned
    )


def _definition(module: Module, scope: int, shape: Shape, program: Program | None) -> Scope | None:
    """Return the function or class that a name stands for, as far as this module or the program tells."""
    if shape[0] == "n":
        found = module.lookup(scope, shape[1])
        bindings = found[1] if found is not None else ()
        if len(bindings) == 1 and bindings[0].kind in {"def", "class"}:
            return module.scope(bindings[0].payload)
    dotted = module.dotted(scope, shape) if program is not None and shape[0] in {"n", "a"} else None
    return program.resolve(dotted) if program is not None and dotted is not None else None
