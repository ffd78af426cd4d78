"""Find the calls that leave the program, under whatever name: of functions, and of the objects of clients."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

from hasten.api import Call, Module, Program, Read, Receivers, Scope, Use, find_uses, receivers_of
from hasten_codemods.retry_api_calls.clients import CLIENTS, OPTIONS, PERSISTENT, Client, Persistent, persistent
from hasten_codemods.retry_api_calls.places import base_of, is_in_tests, is_super, place_of
from hasten_codemods.retry_api_calls.requests import Request, request_of

Shape: TypeAlias = list[Any]
#: A client as an object, and whether nothing else can be in its place.
#: What gives its last argument where there is nothing else.
_DEFAULTING = frozenset({"get", "pop", "getattr", "setdefault"})
#: What is done with a function that nobody calls then.
_IDLE = frozenset({"call", "callee", "meth", "attr", "expr", "cmp", "dest", "ann", "del", "fmt", "sub", "deco"})
Found: TypeAlias = "tuple[Client | Persistent, bool]"
#: Names of addresses, and of what makes them.
_ADDRESS = re.compile(r"ur[li]|endpoint|href|link|address|path|route|host|api", re.IGNORECASE)
#: Values are followed through so many names.
_DEEPEST = 4
#: Words that files with calls of clients may hold.
_METHODS = frozenset(name for each in CLIENTS for name in each.methods)
_FUNCTIONS = {dotted: each for each in CLIENTS for dotted in each.functions}
_OBJECTS = {dotted: each for each in CLIENTS for dotted in each.classes | each.makers}


_ROOTS = frozenset({each.module.partition(".")[0] for each in CLIENTS} | {"redis", "urllib3"})
_PERSISTENT = frozenset(root.partition(".")[0] for each in PERSISTENT for root in each.roots)
_OWN = (["n", "self"], ["n", "cls"])


class Outbound(NamedTuple):
    """One call that leaves the program.

    Attributes:
        call: it.
        client: whose.
        request: what is sent.
        object: the shape of the object whose method is called, None for a function of the library's.
        certain: whether nothing else than the client can be there.
        guessed: whether a name is all that tells it.
        awaited: whether it gives a coroutine.
        via: why the function may be another one, or an empty string.
    """

    call: Call
    client: Client
    request: Request
    object: Shape | None = None
    certain: bool = True
    guessed: bool = False
    awaited: bool = False
    via: str = ""

    @property
    def place(self) -> str:
        """Return `path:line`."""
        return place_of(self.call.module, self.call.span.start)


class Insistent(NamedTuple):
    """A call of a client that tries again by itself."""

    call: Call
    library: Persistent


class Passed(NamedTuple):
    """A function or method of a client that is no call: it is handed to something that calls it."""

    call: Read
    client: Client


class Sites:
    """The calls of one program that leave it."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self.program = program
        self.receivers: Receivers = receivers_of(program)
        self._known: dict[tuple[str, int, str], Found | None] = {}

    def find(self) -> Iterator[Outbound | Insistent | Passed]:
        """Yield the calls, of the modules read so far, by path and in source order, and what is handed on."""
        found: dict[tuple[str, int], Outbound | Insistent] = {}
        passed: dict[tuple[str, int], Passed] = {}
        for use in find_uses(self.program, list(_FUNCTIONS)):
            sent = self._function(use)
            if sent is not None:
                found[use.module.path, sent.call.index] = sent
            elif use.call is None and use.name in _FUNCTIONS and use.fate[0] not in _IDLE:
                read = Read(use.module, use.scope, use.span, use.fate)
                passed[use.module.path, use.span.start] = Passed(read, _FUNCTIONS[use.name])
        for name in sorted(_METHODS) if self.carriers else ():
            self.program.want(name, "called", beside=self.carriers)
        for call in self._likely():
            key = call.module.path, call.index
            if key not in found and (each := self._method(call)) is not None:
                found[key] = each
        for one in self._handed_on():
            passed[one.call.module.path, one.call.span.start] = one
        yield from sorted(
            (*found.values(), *passed.values()), key=lambda each: (each.call.module.path, each.call.span.start)
        )

    @cached_property
    def carriers(self) -> frozenset[str]:
        """Return the names of variables, attributes, parameters and functions that hold or give a client somewhere."""
        names: set[str] = set()
        makers = {dotted.rpartition(".")[2] for dotted in _OBJECTS}
        makers |= {each.name for each in self.program.classes() if each.bases and self._derived(each, 0) is not None}
        for _ in range(_DEEPEST):
            more = {name for maker in sorted(makers) for name in self._given(maker)} - names
            names |= more
            makers = more  # a function that returns one gives it to whoever calls it
            if not more:
                break
        return frozenset(names - {""})

    def _given(self, maker: str) -> Iterator[str]:
        """Yield the names that get what a call of a function or class of that name gives."""
        for call in self.program.calls_named(maker, want=False):
            if call.tail != maker or not self._gives_client(call):
                continue
            match call.use:
                case ["asg", _, name] | ["asgattr", _, name] | ["with", name]:
                    yield str(name)
                case ["ret", scope]:
                    yield call.module.scope(scope).name
                case _:
                    pass

    def _gives_client(self, call: Call) -> bool:
        found = self.object_of(call.module, call.scope, call.shape)
        return found is not None and isinstance(found[0], Client)

    def _handed_on(self) -> Iterator[Passed]:
        """Yield `send(session.get, url)`: whoever calls it, it is not here."""
        for name in sorted(_METHODS):
            for read in self.program.attribute_reads(name, want=False):
                if read.use[0] in _IDLE or not self._is_likely(read.module, base_of(read, name)):
                    continue
                base = base_of(read, name)
                found = self.object_of(read.module, read.scope, base) if base is not None else None
                if found is not None and isinstance(found[0], Client) and name in found[0].methods:
                    yield Passed(read, found[0])
                elif found is None and base is not None and read.use[0] == "arg" and str(base[-1]) in self.carriers:
                    clients = [each for each in self._clients if name in each.methods]
                    unknown = self.receivers.kind(read.module, read.scope, base) is None
                    if unknown and len(clients) == 1 and read.module.dotted(read.scope, base) is None:
                        yield Passed(read, clients[0])

    def _is_likely(self, module: Module, base: Shape | None) -> bool:
        """Tell whether something may be a client, before anybody is asked."""
        if base is None or base[0] not in {"n", "a", "c"}:
            return False
        return _imports(module, _ROOTS) or str(base[-1]) in self.carriers or base in _OWN or base[0] == "c"

    def _likely(self) -> Iterator[Call]:
        """Yield the calls of methods that may be a client's, without asking what they are called on."""
        for name in sorted(_METHODS):
            for call in self.program.calls_named(name, want=False):
                if call.function[0] == "a" and self._is_likely(call.module, call.function[1]):
                    yield call
        for module in self.program.modules:
            if _imports(module, _PERSISTENT):
                yield from (each for each in module.calls() if each.function[0] == "a" and each.tail not in _METHODS)

    def _function(self, use: Use) -> Outbound | None:
        if use.call is None or use.name not in _FUNCTIONS:
            return None
        client = _FUNCTIONS[use.name]
        request = request_of(use.call, client, client.functions[use.name])
        awaited = client.name == "aiohttp"
        return Outbound(use.call, client, request, awaited=awaited, via=use.trouble or use.instead)

    def _method(self, call: Call) -> Outbound | Insistent | None:
        function = call.function
        if function[0] != "a":
            return None
        method = str(function[2])
        if method in _METHODS:
            found = self.object_of(call.module, call.scope, function[1])
            if found is not None and isinstance(found[0], Client):
                client, certain = found[0], found[1]
                if method not in client.methods or not self._is_its_own(call):
                    return None
                request = request_of(call, client, client.methods[method])
                awaited = self._is_awaited(call, client)
                return Outbound(call, client, request, function[1], certain, awaited=awaited)
            if found is None and (guess := self._guessed(call)) is not None:
                request = request_of(call, guess, guess.methods[method])
                return Outbound(call, guess, request, function[1], certain=False, guessed=True)
        base = function[1]
        while base[0] == "a":
            base = base[1]
        named = call.module.dotted(call.scope, base) if base[0] == "n" else None
        if named is not None and persistent(named) is None:
            return None  # a module or class of others
        for shape in _chain(function[1]):
            found = self.object_of(call.module, call.scope, shape)
            if found is not None and isinstance(found[0], Persistent):
                return Insistent(call, found[0]) if method not in found[0].lasting else None
        return None

    def _guessed(self, call: Call) -> Client | None:
        """Return the client that something is by its name alone: what is called so elsewhere is one.

        `session.get("user")` is how one asks a dictionary, and no address; neither `session.delete(user)` nor
        `client.delete(name="user")` is a call of one of these clients.
        """
        base = call.function[1]
        if base[0] not in {"n", "a"} or str(base[-1]) not in self.carriers:
            return None
        if self.receivers.kind(call.module, call.scope, base) is not None or not _is_with_address(call):
            return None
        if call.module.dotted(call.scope, base) is not None:
            return None
        clients = {each.name: each for each in self._clients if call.tail in each.methods}
        return next(iter(clients.values())) if len(clients) == 1 else None

    @cached_property
    def _clients(self) -> list[Client]:
        """Return the clients that the program imports, other than in tests."""
        return [
            each
            for each in CLIENTS
            if any(
                _imports(module, frozenset({each.name})) and not is_in_tests(module.path)
                for module in self.program.modules
            )
        ]

    def _is_its_own(self, call: Call) -> bool:
        """Tell whether a method is the client's, and not one of a class of the program that derives from it."""
        base = call.function[1]
        if is_super(call.module, base):
            return True
        kind = self.receivers.kind(call.module, call.scope, base)
        return not isinstance(kind, Scope) or self.program.find_method(kind, call.tail) is None

    def _is_awaited(self, call: Call, client: Client) -> bool:
        if not client.awaited:
            return False
        kind = self.receivers.kind(call.module, call.scope, call.function[1])
        if isinstance(kind, str):
            return kind in client.awaited
        return client.classes <= client.awaited or call.use[0] == "await"

    # --- what is a client -------------------------------------------------------------------------------------------

    def object_of(self, module: Module, scope: int, shape: Shape) -> Found | None:
        """Return the client that a value is, None where it is none, or nobody can tell."""
        key = module.path, scope, repr(shape)
        if key not in self._known:
            self._known[key] = None  # a question that is part of itself
            self._known[key] = self._object_of(module, scope, shape, 0)
        return self._known[key]

    def _object_of(self, module: Module, scope: int, shape: Shape, depth: int) -> Found | None:
        if shape[0] not in {"n", "a", "c", "w", "b", "?", "@"} or depth > _DEEPEST:
            return None
        told = shape[0] != "@" and not is_super(module, shape)
        kind = self.receivers.kind(module, scope, shape) if told else None
        if isinstance(kind, str):
            return self._named(kind)
        if isinstance(kind, Scope):
            return self._derived(kind, 0)
        match shape:
            case ["@", dotted]:
                return self._named(dotted) if dotted is not None else None
            case ["c", number]:
                call = module.call(number)
                if call.function == ["n", "super"]:
                    owner = self.program.method_owner(module, call.scope)
                    return self._derived(owner, 0) if owner is not None else None
                dotted = self.program.dotted(module, call.scope, call.function)
                made = self._named(dotted) if dotted is not None else None
                default = call.arguments[-1].shape if call.tail in _DEFAULTING and len(call.arguments) > 1 else None
                if made is None and default is not None:
                    # kwargs.get("session", requests.Session())
                    given = self._object_of(module, call.scope, default, depth + 1)
                    return (given[0], False) if given is not None else None
                if made is None and call.function[0] == "a" and call.function[2] in {"from_url", "client", "resource"}:
                    # redis.Redis.from_url(...), boto3.Session().client("s3")
                    return self._object_of(module, call.scope, call.function[1], depth + 1)
                return made
            case ["w", inner]:
                return self._object_of(module, scope, inner, depth)
            case ["b" | "?", sides]:
                return self._one_of([(module, scope, each) for each in sides], depth)
            case _:
                return self._one_of(list(self._values(module, scope, shape)), depth)

    def _one_of(self, values: list[tuple[Module, int, Shape | None]], depth: int) -> Found | None:
        """Return the one client that is among some values; it is certain where all of them are."""
        found: list[Found | None] = [
            self._object_of(module, scope, shape, depth + 1) if shape is not None else None
            for module, scope, shape in values
            if shape is None or shape[:2] != ["k", "NoneType"]
        ]
        clients = {each[0].name: each[0] for each in found if each is not None}
        if len(clients) != 1:
            return None
        return next(iter(clients.values())), all(each is not None and each[1] for each in found)

    def _values(self, module: Module, scope: int, shape: Shape) -> Iterator[tuple[Module, int, Shape | None]]:
        """Yield what a variable, or an attribute of `self`, is given."""
        if shape[0] == "n":
            found = module.lookup(scope, shape[1])
            for each in found[1] if found is not None else ():
                yield module, each.scope, each.payload if each.kind in {"assign", "with"} else None
            return
        owner = self.receivers.class_around(module, scope, shape[1])
        if owner is None:
            kind = self.receivers.kind(module, scope, shape[1])
            owner = kind if isinstance(kind, Scope) else None
        if owner is None:
            return
        getter = self._getter(owner, str(shape[2]), 0)
        if getter is not None:
            yield from ((getter.module, getter.number, each) for each in getter.returned)
            return
        for each in owner.module.bindings(owner.number, str(shape[2])):
            payload = each.payload if each.kind == "assign" else None
            made = owner.module.call(payload[1]) if payload is not None and payload[0] == "c" else None
            factory = made.argument(len(made.arguments), "default_factory") if made is not None else None
            if made is not None and factory is not None:
                # session: requests.Session = field(default_factory=requests.Session); others may pass another one
                dotted = self.program.dotted(owner.module, owner.number, factory.shape)
                yield owner.module, owner.number, ["@", dotted]
                yield owner.module, owner.number, None
        for home, base, value, where, _start in self.receivers.stores(shape[2]):
            around = self.receivers.class_around(home, where, base)
            if around is not None and self.program.are_related(around, owner):
                yield home, where, value

    def _getter(self, owner: Scope, name: str, depth: int) -> Scope | None:
        """Return the function of a property, that of its setter being another one."""
        for each in owner.module.bindings(owner.number, name):
            if each.kind == "def" and _is_property(owner.module.scope(each.payload)):
                return owner.module.scope(each.payload)
        for base in owner.bases if depth < _DEEPEST else ():
            dotted = owner.module.dotted(owner.parent, base)
            above = self.program.resolve(dotted) if dotted is not None else None
            found = self._getter(above, name, depth + 1) if above is not None and above.kind == "class" else None
            if found is not None:
                return found
        return None

    def _named(self, dotted: str) -> Found | None:
        client = _OBJECTS.get(dotted)
        if client is not None:
            return client, True
        library = persistent(dotted)
        return (library, True) if library is not None else None

    def _derived(self, owner: Scope, depth: int) -> Found | None:
        """Return the client that a class of the program derives from."""
        for base in owner.bases if depth < _DEEPEST else ():
            dotted = owner.module.dotted(owner.parent, base)
            if dotted is None:
                continue
            named = self._named(dotted)
            if named is not None:
                return named
            above = self.program.definition(dotted)
            found = self._derived(above, depth + 1) if above is not None and above.kind == "class" else None
            if found is not None:
                return found
        return None


def _is_with_address(call: Call) -> bool:
    """Tell whether a call of a method is given what looks like an address, or settings that only a client takes."""
    names = {each.keyword for each in call.arguments if each.keyword is not None}
    if call.tail == "send" or names - OPTIONS - {"*", "**"}:
        return False  # many things have a `send`
    if names & OPTIONS:
        return True
    return any(_is_address(call.module, each.shape) for each in call.arguments if each.keyword is None)


def _is_address(module: Module, shape: Any) -> bool:  # noqa: ANN401 - shapes are JSON
    """Tell whether something in an expression says that it is an address: `f"{base}/items"`, `self.url`."""
    match shape:
        case ["k", "str", str() as text]:
            return "/" in text
        case ["n", str() as name]:
            return _ADDRESS.search(name) is not None
        case ["a", base, str() as name]:
            return _ADDRESS.search(name) is not None or _is_address(module, base)
        case ["c", int() as index]:
            call = module.call(index)
            return _is_address(module, call.function) or any(_is_address(module, one.shape) for one in call.arguments)
        case list():
            return any(_is_address(module, each) for each in shape)
        case _:
            return False


def _is_property(function: Scope) -> bool:
    return any(each[0] in {"n", "a"} and each[-1] in {"property", "cached_property"} for each in function.decorators)


def _imports(module: Module, roots: frozenset[str]) -> bool:
    return any((each.module if each.level else each.name).partition(".")[0] in roots for each in module.imports())


def _chain(shape: Shape) -> Iterator[Shape]:
    """Yield `a.b.c`, `a.b` and `a`, what is called on the way left out."""
    while shape[0] in {"a", "n", "c"}:
        yield shape
        if shape[0] != "a":
            return
        shape = shape[1]
