"""Which functions a call reaches, and how sure that is: the program's own names, then the oracle, then what flows."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from hasten.async_fixtures import given
from hasten.async_kinds import NOTHING, owner_of
from hasten.async_served import STATES
from hasten.async_supers import above, below
from hasten.async_values import Values
from hasten.index.module import Call, Read, Scope, Shape
from hasten.index.program import Program
from hasten.propagate import Certainty

#: Answers which functions of the program a call reaches: `()` is none of them, None is "nobody can tell".
Resolve: TypeAlias = Callable[[Call], "tuple[Scope, ...] | None"]


@dataclass(frozen=True, slots=True)
class Reached:
    """What a call reaches.

    Attributes:
        functions: functions and classes of the program.
        certainty: how sure that is.
        known: False where nobody can tell; `functions` is empty then.
    """

    functions: tuple[Scope, ...] = ()
    certainty: Certainty = Certainty.PROVEN
    known: bool = True


UNKNOWN = Reached(known=False)
#: Calls that make classes of fields that they are told in their second argument.
_MAKERS = ("namedtuple", "NamedTuple", "make_dataclass", "TypedDict", "Enum")

#: Method names that built-in types share: a call of one on an unknown object says nothing.
COMMON_METHODS = frozenset(
    name
    for kind in (dict, list, set, str, bytes, tuple, io.StringIO, io.BytesIO, io.TextIOWrapper, io.BufferedReader)
    for name in dir(kind)
    if not name.startswith("_")
)
_PROPERTIES = frozenset({"property", "cached_property", "setter", "getter", "deleter"})
#: Attributes in which Python itself, and the standard library, keep what the program gave them.
_PYTHONS = frozenset({"args", "func", "keywords", "obj", "queue", "value", "values"})
#: Methods of others that give what they, or somebody else, were given before.
_HANDING_OUT = frozenset(
    {"get", "get_nowait", "pop", "popitem", "popleft", "setdefault", "result", "find_object", "ensure_object", "recv"}
    | {"getfixturevalue", "enter_context", "lookup", "load", "loads", "create", "make", "build", "resolve", "acquire"}
)


class Receivers(Values):
    """Answers for the calls of one program."""

    def __init__(self, program: Program, resolve: Resolve | None = None) -> None:
        """Take the program, and the oracle's answers where there is one."""
        super().__init__(program, lambda call: self.reached(call).functions, partial(given, program))
        self._resolve = resolve
        self._reached: dict[tuple[str, int], Reached] = {}
        self._remembered: dict[str, dict[Any, Any]] = {}

    def remembered(self, name: str) -> dict[Any, Any]:
        """Return what others have found out from these answers alone, to be looked up and added to."""
        return self._remembered.setdefault(name, {})

    def reached(self, call: Call) -> Reached:
        """Return what `call` reaches."""
        key = (call.module.path, call.index)
        known = self._reached.get(key)
        if known is not None:
            return known
        found, leans_on = self.alone(lambda: self._find_reached(call))
        if leans_on == NOTHING:
            self._reached[key] = found
        self.leans_on = min(self.leans_on, leans_on)
        return found

    def _find_reached(self, call: Call) -> Reached:
        target, known = self.program.target_of(call)
        if target is not None:
            return Reached((target,))
        if known and not self.is_misnamed(self.program.dotted(call.module, call.scope, call.function)):
            return Reached()
        held = self._held_at(call)
        if held:
            return Reached(held, Certainty.INFERRED)
        through = self._through_super(call)
        if through is not None:
            return through
        if self._resolve is not None:
            answer = self._resolve(call)
            if answer is not None:
                return Reached(answer)
        function = call.function
        if function[0] != "a":
            return UNKNOWN
        named = self.class_named(call.module, call.scope, function[1])
        if named is not None:  # Sub.save(store), where a base of Sub defines it
            method = self.program.find_method(named, function[2])
            return Reached((method,)) if method is not None else UNKNOWN
        kind = self.kind(call.module, call.scope, function[1])
        if kind is None:
            return UNKNOWN
        if isinstance(kind, str):
            # A state is empty but for what the program puts there, which may be functions.
            return UNKNOWN if kind in STATES else Reached(certainty=Certainty.INFERRED)
        method = self.program.find_method(kind, function[2])
        if method is None and self.class_around(call.module, call.scope, function[1]) is not None:
            # A mixin calls what the classes below it have.
            found = below(self.program, kind, call.tail)
            return Reached(found, Certainty.INFERRED) if found else UNKNOWN
        return Reached((method,), Certainty.INFERRED) if method is not None else UNKNOWN

    def _held_at(self, call: Call) -> tuple[Scope, ...] | None:
        """Return the functions that a call of a variable, an attribute of an object or an item may reach."""
        function = call.function
        if function[0] == "a":
            if not self.stores_or_traits(call):
                return None  # methods are found below
            kind = self.kind(call.module, call.scope, function[1])
            if not isinstance(kind, Scope) or self.program.find_method(kind, function[2]) is not None:
                return None
        return self.functions_at(call.module, call.scope, function)

    def guessed(self, call: Call) -> tuple[Scope, ...]:
        """Return the methods of the program that a call on something unknown may reach, by its name alone.

        There are none for a name that built-in types know, too. Coroutine functions are none of them: nobody awaits.
        """
        if call.function[0] != "a" or call.tail in COMMON_METHODS:
            return ()
        found = [each for each in self.program.definitions(call.tail) if each.kind == "function" and not each.is_async]
        # What is called is what a property gives, and not the property.
        methods = (each for each in found if owner_of(each) is not None and not _PROPERTIES & decorated_by(each))
        return tuple(each for each in methods if takes(each, call))

    def may_return_awaitable(self, function: Scope) -> bool:
        """Tell whether a plain function may return something that can be awaited."""
        for shape in function.returned:
            if shape[0] == "c":
                reached = self.reached(function.module.call(shape[1]))
                own = all(each.kind == "class" or not each.is_async for each in reached.functions)
                if not (reached.known and reached.functions and own):
                    dotted = function.module.dotted(function.number, function.module.call(shape[1]).function) or ""
                    if not dotted.startswith("builtins."):
                        return True
            elif shape[0] in {"n", "i", "b", "?", "m"}:
                kind = self.kind(function.module, function.number, shape)
                if not (isinstance(kind, str) and kind.startswith("builtins.")):
                    return True
        return False

    def _through_super(self, call: Call) -> Reached | None:
        """Return what `super().name(...)` reaches, None where it is nothing of the program, and for any other call."""
        if call.function[0] != "a" or call.function[1][0] != "c":
            return None
        base = call.function[1]
        inner = call.module.call(base[1])
        if inner.function != ["n", "super"]:
            return None
        owner = self.program.method_owner(call.module, call.scope)
        first = inner.argument(0)
        if first is not None:
            owner = self.class_named(call.module, inner.scope, first.shape)
        found, is_all = above(self.program, owner, call.tail) if owner is not None else ((), False)
        return Reached(found, Certainty.PROVEN if is_all else Certainty.GUESSED) if found else None

    def is_of_others(self, call: Call) -> bool:
        """Tell whether the receiver of a call is taken for something that others made: see `is_foreign`.

        It is, too, where a method gives it that no class of the program has, and that was given nothing but constants:
        `path.open("w").close()`. What hands out things that it was given before, such as `get`, is no such method.
        """
        base: Shape = call.function[1] if call.function[0] == "a" else ["x", ""]
        if base[0] != "c":
            return self.is_foreign(base)
        inner = call.module.call(base[1])
        return (
            inner.function[0] == "a"
            and inner.tail not in _HANDING_OUT
            and call.module.dotted(inner.scope, inner.function[1]) is None
            and bool(inner.arguments)
            and all(each.shape[0] == "k" for each in inner.arguments)
            and not self.program.definitions(inner.tail)
            and not self.program.definitions("__getattr__")
        )

    def _is_anything(self, place: Call | Read, shape: Shape) -> bool:
        """Tell whether nobody can say what a value is, as it is given at a place."""
        return self.kind(place.module, place.scope, shape) is None

    def is_foreign(self, shape: Shape) -> bool:
        """Tell whether a value is an attribute that the program gives to nothing: `request.query_params`.

        No class or module of the program's has such a name, nobody assigns to it or passes it by that name, and nothing
        answers for, or sets, attributes whose names cannot be seen. Then others made what it holds, most likely: a
        library can still have put an object of the program there, under a name that it was told in a string.
        """
        if shape[0] != "a":
            return False
        name = str(shape[2])
        self.program.want(name)
        if name.startswith("_") or name in _PYTHONS or self.program.definitions("__getattr__"):
            return False
        if any(self.program.modules_with(each, name) for each in ("attribute_stores", "classes", "keywords", "binds")):
            return False
        setters = self.program.places.setters
        # setattr(item, key, value) says nothing of others than of items.
        blind = (each for each in setters.get("", ()) if self._is_anything(each.call, each.target))
        if setters.get(name) or next(blind, None) is not None or self.program.attribute_reads("__dict__", want=False):
            return False
        return not any(
            each.shape[0] != "k" or name in str(each.shape[2])
            for maker in _MAKERS
            for call in self.program.calls_named(maker, want=False)
            for each in call.arguments[1:2]
        )


def receivers_of(program: Program, resolve: Resolve | None = None) -> Receivers:
    """Return the answers for a program, the same to all who ask the program itself what a call reaches."""
    if resolve is None or resolve == program.resolve_call:
        return program.remember("hasten.async_receivers", lambda: Receivers(program, program.resolve_call))
    return Receivers(program, resolve)


def decorated_by(function: Scope) -> set[str]:
    """Return the last names of a function's decorators."""
    shapes = (function.module.call(each[1]).function if each[0] == "c" else each for each in function.decorators)
    return {str(each[-1]) for each in shapes if each[0] in {"n", "a"}}


def takes(function: Scope, call: Call) -> bool:
    """Tell whether the arguments of a call fit the parameters of a function, as far as they can be counted."""
    if function.decorators or any(each.keyword in {"*", "**"} for each in call.arguments):
        return True
    kinds = [each[1] for each in function.parameters]
    plain = [each for each in function.parameters if each[1] in {"plain", "posonly"}]
    bound = int(owner_of(function) is not None)
    given = sum(each.keyword is None for each in call.arguments)
    words = {each.keyword for each in call.arguments if each.keyword is not None}
    if "*" not in kinds and given + bound > len(plain):
        return False
    named = {each[0] for each in function.parameters if each[1] in {"plain", "kw"}}
    if "**" not in kinds and not words <= named:
        return False
    return all(each[3] is not None or each[0] in words for each in plain[given + bound :])
