"""What one function does to state that others can get at: attributes, global names, what came in as an argument."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from hasten.index.module import Call, Module, Scope, Shape, Use
from hasten.index.program import Program

#: Methods that change what they are called on, as far as their names tell.
CHANGING = frozenset(
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

#: Decorators that keep the instances of a class, or the values of a function, by the last name.
_KEEPING = frozenset({"cache", "lru_cache", "singleton", "Singleton", "scoped_session", "cached"})

#: So many base classes are looked at, one above the other.
_DEEPEST = 10


#: What sets state that the whole process has once, and what reads it; the last part may be any function of a module.
_PROCESS_WIDE = {
    "random": (("seed", "setstate"), ("random.*",)),
    "numpy.random": (("seed", "set_state"), ("numpy.random.*",)),
    "locale": (("setlocale",), ("locale.*", "time.strftime", "builtins.format")),
    "os": (
        ("chdir", "fchdir"),
        ("os.getcwd", "os.listdir", "os.scandir", "os.walk", "os.path.abspath", "os.path.exists", "builtins.open"),
    ),
}


class Touch(NamedTuple):
    """One place in a function that reads or writes state.

    Attributes:
        start: the character offset.
        place: the state as it is written there, `self.rows`.
        writes, reads: what is done to it.
        use: what happens to what is read.
        value: what it is given, where that is known.
        assigned: it is given another value, and not changed by a method.
    """

    start: int
    place: str
    writes: bool
    reads: bool
    use: Use = []  # noqa: RUF012 - nobody changes it
    value: Shape | None = None
    assigned: bool = False


def touches_of(module: Module, function: int, program: Program | None) -> list[Touch]:
    """Return what the function of that number does to what others can get at."""
    if program is None:
        return list(_touches_of(module, function, None))
    return program.remember(
        f"touches of {module.path}:{function}", lambda: list(_touches_of(module, function, program))
    )


class _Attributes(NamedTuple):
    """The records of the facts about attributes, each with its name, by the function that they are in."""

    reads: dict[int, list[tuple[str, list[Any]]]]
    stores: dict[int, list[tuple[str, list[Any]]]]


def _attributes(module: Module) -> _Attributes:
    found: _Attributes | None = module.facts.derived.get("attributes by function")
    if found is None:
        found = module.facts.derived["attributes by function"] = _Attributes({}, {})
        for table, section in ((found.reads, "attribute_reads"), (found.stores, "attribute_stores")):
            for attribute, records in module.facts[section].items():
                for record in records:
                    table.setdefault(function_of(module, record[2]), []).append((attribute, record))
    return found


def _touches_of(module: Module, function: int, program: Program | None) -> Iterator[Touch]:
    inside = [number for number, each in enumerate(_functions(module)) if each == function]
    attributes = _attributes(module)
    stores = {record[3] for _, record in attributes.stores.get(function, ())}
    for scope in inside:
        for name, reads in module.facts["reads"][scope].items():
            named = _is_named(module, scope, name)
            if _is_module(module, scope, name) if named else is_made_here(module, scope, name, program):
                continue
            variable = not named or _is_variable(module, scope, name, program)
            for start, _end, use in reads:
                # In `self.x = 1` it is `x` that is written, and not `self`.
                if not (use[0] == "dest" and start in stores):
                    yield _touch(start, name, use, method=not variable, value=_item_value(module, ["n", name], use))
        for name in module.facts["binds"][scope]:
            for binding in module.bindings(scope, name):
                if binding.kind in _REBINDING and binding.scope == scope and not is_own(module, scope, name):
                    value = binding.payload if binding.kind == "assign" else None
                    plus = binding.kind == "aug"
                    yield Touch(binding.start, name, writes=True, reads=plus, value=value, assigned=not plus)
    numbers = frozenset(inside)
    for attribute, (base, use, scope, start, _end) in attributes.reads.get(function, ()):
        place = _place(module, scope, base, attribute, program)
        if place and not (use[0] == "dest" and start in stores):
            method = (base == ["n", "self"] and _is_object(module, scope, attribute)) or (
                use[0] == "meth" and _is_no_container(module, scope, base, attribute, use[1], program)
            )
            yield _touch(start, place, use, method=method, value=_item_value(module, ["a", base, attribute], use))
    for attribute, (base, value, scope, start) in attributes.stores.get(function, ()):
        place = _place(module, scope, base, attribute, program)
        if place:
            yield Touch(start, place, writes=True, reads=False, value=value, assigned=True)
    yield from _by_name(module, numbers, program)


def _by_name(module: Module, scopes: frozenset[int], program: Program | None) -> Iterator[Touch]:
    """Yield what is done to attributes that are named by a string: `getattr(self, "n")`, `vars(self)["n"]`."""
    for call, base, attribute in _named_attributes(module, scopes):
        place = _place(module, call.scope, base, attribute, program)
        if not place:
            continue
        if attribute == "__dict__":
            yield _touch(call.span.start, place, call.use)
        elif call.tail in {"getattr", "hasattr"}:
            yield _touch(call.span.start, place, call.use, method=True)
        else:
            given = call.argument(2)
            value = _spelled(module, given.shape) if given is not None else None
            yield Touch(call.span.start, place, writes=True, reads=False, value=value, assigned=True)


def _named_attributes(module: Module, scopes: frozenset[int]) -> Iterator[tuple[Call, Shape, str]]:
    """Yield the calls that get at an attribute by its name, each with the object and the attribute."""
    for name in ("getattr", "hasattr", "setattr", "delattr", "__setattr__", "__delattr__", "vars"):
        for call in module.calls_named(name):
            if call.scope not in scopes or call.function not in (["n", name], ["a", ["n", "object"], name]):
                continue
            spelled = attribute_named(call)
            if spelled is not None:
                yield call, *spelled


def attribute_named(call: Call) -> tuple[Shape, str] | None:
    """Return the object and the attribute that `getattr`, `setattr` or `vars` is called for."""
    whose, key = call.argument(0), call.argument(1)
    if whose is None:
        return None
    if call.tail == "vars":
        return whose.shape, "__dict__"
    if key is None:
        return None
    match key.shape:
        case ["k", "str", text]:
            return whose.shape, str(text).strip("'\"")
        case ["n", name]:
            return whose.shape, f"[{name}]"
        case _:
            pass
    return whose.shape, "[...]"


def _spelled(module: Module, shape: Any) -> Any:  # noqa: ANN401 - shapes are JSON
    """Return a shape with `self.n` in the place of `getattr(self, "n")`."""
    if not isinstance(shape, list) or not shape:
        return shape
    if shape[0] == "c":
        call = module.call(shape[1])
        named = attribute_named(call) if call.function == ["n", "getattr"] else None
        return ["a", *named] if named is not None else shape
    return [_spelled(module, each) for each in shape]


def process_wide(module: Module, function: int) -> Iterator[tuple[str, int, int]]:
    """Yield state of the whole process that a function sets, and reads: its module, and the offsets of both."""
    for home, (setters, readers) in _PROCESS_WIDE.items():
        sets = [
            call
            for name in setters
            for call in module.calls_named(name)
            if function_of(module, call.scope) == function
            and module.dotted(call.scope, call.function) == f"{home}.{name}"
        ]
        if not sets:
            continue
        for call in module.calls():
            if function_of(module, call.scope) != function:
                continue
            dotted = module.dotted(call.scope, call.function) or ""
            # A class of the module has a state of its own: `random.Random(1)`.
            anything = dotted.startswith(f"{home}.") and f"{home}.*" in readers and not call.tail[:1].isupper()
            if (anything and call.tail not in setters) or dotted in readers:
                yield from ((home, each.span.start, call.span.start) for each in sets)


def _touch(start: int, place: str, use: Use, *, method: bool = False, value: Shape | None = None) -> Touch:
    """Return what one use does; where it is known to be a `method` of some class, its name says nothing."""
    assigned = use[0] == "dest"
    changes = assigned or (use[0] == "meth" and use[1] in CHANGING and not method)
    return Touch(start, place, writes=changes, reads=not assigned, use=use, value=value, assigned=assigned)


def _item_value(module: Module, base: Shape, use: Use) -> Shape | None:
    """Return the value that an item of `base` is given in the one place where it is given any."""
    values = [each[2] for each in module.facts["item_stores"] if each[0] == base] if use[0] == "dest" else []
    return values[0] if len(values) == 1 else None


def function_of(module: Module, scope: int) -> int:
    """Return the number of the function, lambda, class or module that a scope is in."""
    return _functions(module)[scope] if scope >= 0 else -1


def _functions(module: Module) -> list[int]:
    """Return for each scope the number of the function, lambda, class or module that it is in."""

    def make() -> list[int]:
        found: list[int] = []
        for number, record in enumerate(module.facts["scopes"]):  # outer ones come first
            found.append(number if record[0] in {"function", "lambda", "class", "module"} else found[record[2]])
        return found

    return module.remember("hasten.touches: functions", make)


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
    if not _is_named(module, scope, base[1]) and is_made_here(module, scope, base[1], program):
        return ""
    return ".".join([base[1], *reversed(names)])


# --- names ------------------------------------------------------------------------------------------------------------


def is_own(module: Module, scope: int, name: str) -> bool:
    """Tell whether a variable belongs to the function itself, so that nobody else sees it bound anew."""
    found = module.lookup(scope, name)
    if found is None:
        return True
    if found[0] == 0 or function_of(module, found[0]) != function_of(module, scope):
        return False
    return not any(function_of(module, each.scope) != function_of(module, scope) for each in found[1])


def is_everyones(module: Module, scope: int, place: str) -> bool:
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


def is_made_here(module: Module, scope: int, name: str, program: Program | None) -> bool:
    """Tell whether others cannot get at what a variable holds: its function has just made it, or it is no data."""
    found = module.lookup(scope, name)
    if found is None:
        return True  # a builtin
    owner, bindings = found
    if owner == 0 or function_of(module, owner) != function_of(module, scope):
        return False
    if not is_own(module, scope, name) or _is_changed_inside(module, owner, name):
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
        (each.use[0] == "dest" or (each.use[0] == "meth" and each.use[1] in CHANGING))
        and function_of(module, each.scope) != function_of(module, owner)
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
