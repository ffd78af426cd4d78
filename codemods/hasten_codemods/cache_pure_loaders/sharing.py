"""What the program does with a value that is shared: whether anybody changes it, or loses it from sight.

The value is followed through assignments, arguments, attributes and returns (`follow`), and so are its parts: what is
taken out of it by a subscript, a loop or a method. A container that it is put into may change; the value in it may not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from hasten.api import Call, Module, Program, Read, Scope, Sink, Span, follow, is_common, namespace_read
from hasten_codemods.cache_pure_loaders import tables
from hasten_codemods.cache_pure_loaders.computing import holds
from hasten_codemods.cache_pure_loaders.kinds import Kinds
from hasten_codemods.cache_pure_loaders.words import UNKNOWN, is_exception, is_immutable, parts_of

Use = list[Any]

#: Uses that look at a value and keep nothing of it.
_LOOKING = frozenset({"cmp", "cond", "expr", "fmt", "idx", "key", "sub", "iter", "unpack", "ann", "subdel", "except"})
#: Methods that give their second argument where they find nothing.
_WITH_DEFAULTS = frozenset({"get", "pop", "setdefault"})
#: So many places are looked at, one after the other.
_MOST = 300
_DEEPEST = 8


@dataclass(slots=True)
class Fate:
    """What becomes of a value.

    Attributes:
        changed: where somebody changes it, in words, or empty.
        lost: where nobody can see what becomes of it, in words, or empty.
    """

    changed: str = ""
    lost: str = ""


@dataclass(frozen=True, slots=True)
class _Start:
    """Where a value, or a part of it, is used: at `inside` containers around it."""

    module: Module
    scope: int
    span: Span
    use: Use
    inside: int
    kind: str
    depth: int


class Sharing:
    """Answers for one program."""

    def __init__(self, program: Program, kinds: Kinds) -> None:
        """Take the program, and what is known of its values."""
        self.program = program
        self.kinds = kinds

    def of_variable(self, module: Module, name: str, span: Span) -> Fate:
        """Return what becomes of the value of a module's variable."""
        found = module.bindings(0, name)
        kind = self.kinds.of(module, 0, found[0].payload) if found and found[0].payload else UNKNOWN
        return self._run(_Start(module, 0, span, ["asg", 0, name], 0, kind, 0), unseen=True)

    def of_result(self, function: Scope, kind: str) -> Fate:
        """Return what becomes of what a function gives, wherever it is called."""
        fate = Fate()
        calls = self.program.callers(function)
        for call, _ in calls:
            self._follow(_Start(call.module, call.scope, call.span, call.use, 0, kind, 0), fate, set(), unseen=False)
            if fate.changed:
                return fate
        if function.parent > 0 and is_common(function.name):
            fate.lost = f"other things have a `{function.name}`, too, and not all calls of that name are looked at"
        if function.parent > 0:
            fate.lost = fate.lost or self._fetched(function.name)
        lost = self.program.held(function.module).lost if function.parent == 0 else None
        if lost is not None:
            # getattr(module, name)()
            fate.lost = fate.lost or f"its module is lost from sight at {lost}, and the function with it"
        whole = namespace_read(self.program, function.module, function.name)
        if whole is not None and function.parent == 0:
            # globals()[name]()
            fate.lost = fate.lost or f"all names of its module are taken together at {_place_of(whole)}"
        for read in self.program.references(function):
            place = f"{read.module.path}:{read.module.position(read.span.start).line}"
            if read.use[0] not in {"cmp", "expr", "ann", "cond"}:
                fate.lost = fate.lost or f"`{function.name}` itself is passed on at {place}"
        return fate

    def _fetched(self, name: str) -> str:
        """Return where a method is fetched by its name in text, in words: `getattr(schema, "load")()`."""
        for tail in ("getattr", "methodcaller", "attrgetter"):
            for call in self.program.calls_named(tail):
                if any(each.shape == ["k", "str", name] for each in call.arguments):
                    return f"`{name}` is fetched by its name at {_place_of(call)}"
        return ""

    def _run(self, start: _Start, *, unseen: bool) -> Fate:
        fate = Fate()
        self._follow(start, fate, set(), unseen=unseen)
        return fate

    def _follow(self, first: _Start, fate: Fate, seen: set[tuple[object, ...]], *, unseen: bool) -> None:
        pending = [first]
        while pending and not fate.changed:
            start = pending.pop()
            key = (start.module.path, start.span, str(start.use), start.inside)
            if key in seen:
                continue
            seen.add(key)
            if len(seen) > _MOST or start.depth > _DEEPEST:
                fate.lost = fate.lost or f"it goes too many ways ({_place(start)})"
                return
            for sink in follow(self.program, start.module, start.scope, start.span, start.use):
                pending += self._sink(sink, start, fate, unseen=unseen)

    def _sink(self, sink: Sink, start: _Start, fate: Fate, *, unseen: bool) -> list[_Start]:
        """Note what a use does, and return where to go on."""
        module, scope, span, use, inside = sink.module, sink.scope, sink.span, sink.use, start.inside
        depth = start.depth + 1

        def on(use: Use, inside: int, kind: str = UNKNOWN, span: Span = span, scope: int = scope) -> list[_Start]:
            return [] if is_immutable(kind) and not inside else [_Start(module, scope, span, use, inside, kind, depth)]

        part = parts_of(start.kind) if not inside else start.kind
        fewer = max(0, inside - 1)
        match sink.kind, use:
            case "unseen", _:
                if not unseen:
                    fate.lost = fate.lost or f"nobody is surely seen to call what returns it ({sink.place})"
                return []
            case (("escapes" | "outside" | "guess" | "far" | "attrcall"), _):
                fate.lost = fate.lost or f"it is lost from sight at {sink.place}"
                return []
            case _, ["dest"]:
                if not inside:
                    fate.changed = f"an item or attribute of it is assigned to at {sink.place}"
                return []
            case _, ["aug"]:
                if not inside:
                    fate.changed = f"it is changed in place at {sink.place}"
                return []
            case _, ["cmp", "Is" | "IsNot", [word, *_], *_] if word != "k":
                fate.lost = fate.lost or f"it is asked which object it is at {sink.place}"
                return []
            case _, ["sub", inner]:
                # A slice has the same parts.
                sliced = on(inner, max(1, inside), part) if _is_sliced(module, scope, span) else []
                return [*sliced, *on(inner, fewer, part)]
            case _, ["attr", str(), inner]:
                return on(inner, fewer)
            case _, ["elem", "dict", inner]:
                # `{"key": value}`, and `{**value}`, which holds the parts of it.
                return on(inner, max(1, inside), start.kind)
            case _, ["elem", str(), inner]:
                return on(inner, inside + 1, start.kind)
            case _, ["iter" | "unpack"]:
                targets = _targets(module, scope, span)
                if targets is None:
                    fate.lost = fate.lost or f"nobody can tell where its parts are put at {sink.place}"
                    return []
                # What is unpacked may come out of several containers at once: `(first, second), third = ...`
                return [
                    each
                    for owner, name, apart in targets
                    for level in (range(fewer + 1) if apart else (fewer,))
                    for each in on(["asg", owner, name], level, part, scope=owner)
                ]
            case _, ["bin", str(), inner]:
                return on(inner, max(1, inside), part)  # another object, but its parts are those of the value
            case _, ["bin", str(operator)]:
                # value + other, [value] * 2: a number that is read of a file is no list
                several = operator == "Mult" and (inside or start.kind.startswith(("list", "parts")))
                if (several or operator in {"Add", "BitOr"}) and not is_immutable(part):
                    fate.lost = fate.lost or f"its parts are put into something else at {sink.place}"
                return []
            case _, ["meth", str(name), int() as index]:
                return self._method(sink, name, index, start, fate, on)
            case _, ["arg", int() as index, where]:
                return self._argument(sink, index, where, start, fate, on)
            case _, [word, *_] if word in _LOOKING:
                return []
            case _:
                fate.lost = fate.lost or f"it is lost from sight at {sink.place}"
                return []

    def _method(self, sink: Sink, name: str, index: int, start: _Start, fate: Fate, on: Any) -> list[_Start]:  # noqa: ANN401 - a function
        call = sink.module.call(index)
        inside = start.inside
        fewer = max(0, inside - 1)
        part = parts_of(start.kind) if not inside else start.kind
        found: list[_Start]
        calling = self._calls_with_parts(call, "") if name == "sort" else ""
        if calling and not is_immutable(part):
            fate.lost = fate.lost or f"`{calling}` is called with its parts at {sink.place}"
        if not _is_plain_kind(start.kind, inside) and self._is_own_method(name):
            fate.lost = fate.lost or f"`.{name}()` of it may be a method of the program's own ({sink.place})"
            found = []
        elif name in tables.MUTATORS:
            if not inside:
                fate.changed = f"`.{name}()` changes it at {sink.place}"
                return []
            found = on(call.use, fewer, part, span=call.span)
        elif name in tables.LOOKERS:
            found = []
        elif name in {"get", "__getitem__"}:
            found = on(call.use, fewer, part, span=call.span)
        elif name in {"items", "values"}:
            held = start.kind if start.kind.startswith("json") else f"iterator of {part}"
            found = on(call.use, inside, held, span=call.span)
        elif name in tables.COPIERS:
            found = on(call.use, inside + 1, part, span=call.span)
        elif name in tables.READERS and not self._is_own_method(name):
            found = on(call.use, inside, part, span=call.span)  # whatever it gives may be a part
        else:
            fate.lost = fate.lost or f"`.{name}()` of it is not known to leave it as it is ({sink.place})"
            found = []
        return found

    def _argument(self, sink: Sink, index: int, where: int | str, start: _Start, fate: Fate, on: Any) -> list[_Start]:  # noqa: ANN401 - a function
        call = sink.module.call(index)
        dotted = self.program.dotted(call.module, call.scope, call.function) or ""
        held = {"span": call.span, "scope": call.scope}
        part = parts_of(start.kind) if not start.inside else start.kind
        calling = self._calls_with_parts(call, dotted)
        if calling and not is_immutable(part):
            fate.lost = fate.lost or f"`{calling}` is called with its parts at {sink.place}"
        if dotted == "builtins.sum":
            return list(on(call.use, max(1, start.inside), part, **held))  # of lists: one with all their parts
        if dotted in tables.TAKERS_THAT_LOOK or is_exception(dotted):
            return []
        if dotted == "builtins.dict":
            # dict([("key", value)])
            return list(on(call.use, max(1, start.inside - 1), part, **held))
        if dotted in tables.TAKERS_THAT_HOLD:
            return list(on(call.use, max(1, start.inside), part, **held))
        if dotted in tables.TAKERS_THAT_GIVE:
            # max(one, other), next(values, default)
            whole = where != 0 or sum(each.keyword is None for each in call.arguments) > 1
            wholly = list(on(call.use, start.inside, start.kind, **held)) if whole else []
            return [*wholly, *on(call.use, max(0, start.inside - 1), part, **held)]
        keywords = self._among_keywords(call, where)
        if keywords is not None:
            target, name = keywords
            start = replace(start, module=target.module, scope=target.number, span=target.span)
            return [replace(start, use=["asg", target.number, name], inside=start.inside + 1, depth=start.depth + 1)]
        if call.function[0] == "a" and call.tail in {"append", "add", "appendleft"} and where == 0:
            base = call.function[1]
            if base[0] == "n" and self._is_local(call.module, call.scope, base[1]):
                owner = call.module.lookup(call.scope, base[1])
                held_in = owner[0] if owner else call.scope
                return list(on(["asg", held_in, base[1]], start.inside + 1, start.kind))
        if call.function[0] == "a" and call.tail in _WITH_DEFAULTS and where not in {0, "key"}:
            if call.tail != "get":
                fate.lost = fate.lost or f"`.{call.tail}()` may keep it at {sink.place}"
            return list(on(call.use, start.inside, start.kind, **held))
        if call.function[0] == "a" and call.tail in {*tables.LOOKERS, "get"} and self._is_plain(call):
            return []  # "{}".format(value), seen.count(value)
        if call.function[0] == "a" and call.tail in {"extend", "update"} and where == 0 and is_immutable(part):
            return []
        fate.lost = fate.lost or f"it is given to `{call.tail or 'something'}` at {sink.place}"
        return []

    def _calls_with_parts(self, call: Call, dotted: str) -> str:
        """Return the function that is called with each part of what a call is given, empty where there is none.

        sorted(rows, key=fill_in)
        """
        given = (
            call.argument(0, "function") if dotted == "builtins.filter" else call.argument(len(call.arguments), "key")
        )
        if given is None or given.shape[:2] == ["k", "NoneType"]:
            return ""
        shape, scope = given.shape, call.scope
        if shape[0] == "m":
            # What a lambda does with its parameter is seen in its body: calls of functions from elsewhere aside.
            return "" if self._is_plain_lambda(call, shape) else "lambda"
        while shape[0] == "c":
            shape = call.module.call(shape[1]).function
        name = self.program.dotted(call.module, scope, shape) or ""
        looks = name in tables.TAKERS_THAT_LOOK or name in tables.PURE or name.startswith(("str.", "builtins.str."))
        return "" if looks else str(shape[-1]) if shape[0] in {"n", "a"} else "something"

    def _is_plain_lambda(self, call: Call, shape: Use) -> bool:
        """Tell whether a lambda calls nothing but what looks at its arguments."""
        module = call.module
        inside = [
            each for each in module.calls() if module.scope(each.scope).kind == "lambda" and _is_within(each, call)
        ]
        return bool(shape) and all(
            self.program.dotted(module, each.scope, each.function) in tables.PURE
            or (
                each.function[0] == "a" and each.tail in {*tables.LOOKERS, "get"} and not self._is_own_method(each.tail)
            )
            for each in inside
        )

    def _is_own_method(self, name: str) -> bool:
        """Tell whether a class of the program has a method of that name."""
        return any(
            each.parent >= 0 and each.module.scope(each.parent).kind == "class"
            for each in self.program.definitions(name)
        )

    def _among_keywords(self, call: Call, where: int | str) -> tuple[Scope, str] | None:
        """Return the function of the program that an argument is given to, and its parameter `**name` that takes it."""
        target = self.program.target_of(call)[0]
        if (
            not isinstance(where, str)
            or where in {"*", "**"}
            or target is None
            or target.kind != "function"
            or target.parent != 0
        ):
            return None
        name = next((each[0] for each in target.parameters if each[1] == "**"), None)
        return (target, name) if name is not None and not target.decorators else None

    def _is_plain(self, call: Call) -> bool:
        """Tell whether a method is one of text or of a built-in container."""
        return self.kinds.of(call.module, call.scope, call.function[1]) != UNKNOWN

    def _is_local(self, module: Module, scope: int, name: str) -> bool:
        found = module.lookup(scope, name)
        return found is not None and all(each.kind == "assign" for each in found[1])


def _place_of(read: Call | Read) -> str:
    return f"{read.module.path}:{read.module.position(read.span.start).line}"


def _is_plain_kind(kind: str, inside: int) -> bool:
    """Tell whether a value, or one with so many containers around it, has the methods of Python's own classes."""
    return bool(inside) or kind.partition(" of ")[0] in {*tables.METHODS, "parts", "iterator"}


def _is_within(inner: Call, outer: Call) -> bool:
    return outer.span.start <= inner.span.start and inner.span.end <= outer.span.end


def _place(start: _Start) -> str:
    return f"{start.module.path}:{start.module.position(start.span.start).line}"


def _targets(module: Module, scope: int, span: Span) -> list[tuple[int, str, bool]] | None:
    """Return the variables, each with its scope, that a loop or an assignment puts the parts of a value into.

    Each has with it whether it is one of several that are unpacked. The targets stand before the value, and the nearest
    ones before it are those that are given what it is part of. None is returned where the parts are put into something
    else, such as an attribute.
    """
    owner = _around(module, scope)
    body = [each.number for each in module.scopes() if _around(module, each.number) == owner]
    shape = _shape_at(module, scope, span)
    bound: list[tuple[int, int, str, Any, bool]] = []
    for inner in body:
        for name, records in module.facts["binds"][inner].items():
            for kind, payload, start, _nest in records:
                if kind in {"for", "unpack"} and start < span.start and (shape is None or holds(payload, shape)):
                    bound.append((start, inner, name, payload, kind == "unpack"))
    for records in module.facts["attribute_stores"].values():
        for _base, value, inner, start in records:
            if inner in body and start < span.start and (shape is None or holds(value, shape)):
                bound.append((start, inner, "", value, False))
    nearest = max(bound, default=None, key=lambda each: each[0])
    if nearest is None:
        return None
    given = [each for each in bound if each[3] == nearest[3]]
    stored = any(value == nearest[3] and inner in body for _base, _key, value, inner in module.facts["item_stores"])
    if stored or any(not name for _, _, name, *_ in given):
        return None
    return [(inner, name, apart) for _, inner, name, _, apart in given]


def _is_sliced(module: Module, scope: int, span: Span) -> bool:
    """Tell whether a value, or another one that is written in the same way, is sliced: `rows[:5]`."""
    shape = _shape_at(module, scope, span)
    sliced = module.remember("cache-pure-loaders sliced", lambda: frozenset(map(str, _sliced(module))))
    # What is taken of a value may be sliced, as well.
    return shape is None or any(str(shape) in each for each in sliced)


def _sliced(module: Module) -> Iterator[Any]:
    """Yield the shapes of what is sliced in a module."""
    facts = module.facts
    pending: list[Any] = [record[3:5] for record in facts["calls"]]
    pending += [bound for names in facts["binds"] for records in names.values() for _, bound, *_ in records]
    pending += [record[-1] for record in facts["scopes"]]
    pending += [record[:3] for record in facts["item_stores"]]
    pending += [record[:2] for records in facts["attribute_stores"].values() for record in records]
    while pending:
        shape = pending.pop()
        if isinstance(shape, list):
            if shape[:1] == ["i"] and shape[-1] == ["x", "Slice"]:
                yield shape[1]
            pending += shape


def _around(module: Module, scope: int) -> int:
    """Return the scope around the comprehensions that a place is in."""
    while module.facts["scopes"][scope][0] == "comp":
        scope = module.facts["scopes"][scope][2]
    return scope


def _shape_at(module: Module, scope: int, span: Span) -> list[Any] | None:
    """Return the shape of the call, or of the variable, at a place; None for anything else."""
    for call in module.calls():
        if call.span == span:
            return call.shape
    for name, reads in module.facts["reads"][scope].items():
        if any((start, end) == (span.start, span.end) for start, end, _use in reads):
            return ["n", name]
    return None
