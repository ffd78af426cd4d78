"""What functions keep for a request in `g` of Flask: `g.db = sqlite3.connect(...)`, `g.get("db")`, `g.pop("db", None)`.

`g` is one object for all functions of a request, a command, or a block below `app.app_context()`, and another one for
each of these. Its attributes are what the program puts there, and its methods do nothing but hand them out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hasten.api import Call, Module, Program, Read, Span
from hasten_codemods.sqlite3_to_aiosqlite.lives import Unfit

#: What it is called.
G = "flask.g"
#: Its methods that give the attribute which their first argument names.
_GIVING = frozenset({"get", "pop"})
#: Functions that are asked for one attribute by its name.
_BY_NAME = frozenset(f"builtins.{each}" for each in ("getattr", "hasattr", "delattr"))
#: Uses of `g` that do nothing with what it keeps, or ask for one attribute of it, which is found by its name.
_HARMLESS = frozenset({"ann", "cmp", "cond", "del", "dest", "expr", "iter"})


def is_g(program: Program, module: Module, scope: int, base: list[Any]) -> bool:
    """Tell whether an expression is Flask's `g`, under whatever name it was imported, by other modules as well."""
    dotted = program.dotted(module, scope, base) if base[0] in {"n", "a"} else None
    for _ in range(5):  # deeper re-exports are cyclic
        if dotted is None or dotted == G:
            break
        home = program.owner_of(dotted)
        dotted = home[0].dotted(0, ["n", home[1]]) if home is not None else None
    return dotted == G


def asked(program: Program, call: Call) -> str | None:
    """Return the attribute that a call takes from `g`, None for any other call.

    `g.get("db")`, `g.pop("db", None)`, `getattr(g, "db", None)`
    """
    if call.function[0] == "a" and call.function[2] in _GIVING:
        holder, given = call.function[1], call.arguments[:1]
    elif call.function == ["n", "getattr"]:
        holder, given = call.arguments[0].shape if call.arguments else ["x", ""], call.arguments[1:2]
    else:
        return None
    name = _text(given[0].shape) if given else None
    return name if name is not None and is_g(program, call.module, call.scope, holder) else None


def reads(program: Program, name: str) -> Iterator[tuple[Module, int, Span, list[Any], list[Any]]]:
    """Yield each expression that reads an attribute of `g`: file, scope, place, shape and use.

    Raises:
        Unfit: something may read it that cannot be told.
    """
    program.want(name, "read")
    program.want(name)
    for module in program.modules_with("attribute_reads", name):
        for base, use, scope, start, end in module.facts["attribute_reads"][name]:
            if is_g(program, module, scope, base):
                yield module, scope, Span(start, end), ["a", base, name], use
            elif base[0] == "a" and base[2] == "g":
                # with app.app_context() as context: context.g.db
                raise Unfit("SQL119", f"`g` of something unknown has a `{name}` at {_place(module, start)}", -1)
    for read in _of_g(program):
        yield from _by_its_name(program, read, name)


def stores(program: Program, name: str) -> Iterator[tuple[Module, int, list[Any] | None, int]]:
    """Yield what is put into an attribute of `g`: file, scope, shape and place."""
    for module in program.modules_with("attribute_stores", name):
        for base, value, scope, start in module.facts["attribute_stores"][name]:
            if is_g(program, module, scope, base) or (base[0] == "a" and base[2] == "g"):
                yield module, scope, value, start


def check_class(program: Program, kept: str) -> None:
    """Refuse a `g` of a class of the program's own that may do something with what it keeps, or has it already.

    Raises:
        Unfit: an application has one.
    """
    if program.is_own(G):
        message = "Flask itself is part of the program, and what it does with functions is not followed"
        raise Unfit("SQL119", f"{message}; run hasten where the application stands alone", -1)
    name = "app_ctx_globals_class"
    program.want(name)
    found = [
        (module, scope, value, start)
        for module in program.modules_with("attribute_stores", name)
        for _base, value, scope, start in module.facts["attribute_stores"][name]
    ]
    found += [
        (owner.module, owner.number, each.payload if each.kind == "assign" else None, each.start)
        for owner in program.classes()
        for each in owner.module.bindings(owner.number, name)
    ]
    for module, scope, value, start in found:
        if not _is_plain(module, scope, value, kept):
            raise Unfit("SQL119", f"`g`, which keeps it, is of another class ({_place(module, start)})", -1)


def _is_plain(module: Module, scope: int, value: list[Any] | None, kept: str) -> bool:
    """Tell whether a class has no methods but `__init__`, no bases, and no attribute of that name."""
    bound = module.lookup(scope, value[1]) if value is not None and value[0] == "n" else None
    if bound is None or len(bound[1]) != 1 or bound[1][0].kind not in {"class", "def"}:
        return False
    owner = module.scope(bound[1][0].payload)
    stores = module.facts["attribute_stores"].get(kept, ())
    inside = any(owner.span.start <= start < owner.span.end for _base, _value, _scope, start in stores)
    names = {each for each, found in module.facts["binds"][owner.number].items() if found}
    return owner.kind == "class" and not (owner.bases or owner.decorators or inside) and names <= {"__init__"}


def _of_g(program: Program) -> Iterator[Read]:
    """Yield every read of `g`."""
    for module in program.modules:
        names = {each.asname or each.name.partition(".")[0] for each in module.imports()}
        for name in sorted(names):
            for read in module.reads_of(name):
                if is_g(program, module, read.scope, ["n", name]):
                    yield read
    for module in program.modules_with("attribute_reads", "g"):
        for base, use, scope, start, end in module.facts["attribute_reads"]["g"]:
            if is_g(program, module, scope, ["a", base, "g"]):
                yield Read(module, scope, Span(start, end), use)


def _by_its_name(program: Program, read: Read, name: str) -> Iterator[tuple[Module, int, Span, list[Any], list[Any]]]:
    """Yield a call that asks `g` for an attribute by its name.

    Raises:
        Unfit: `g` is handed on, or looked at as a whole, or there is something else where the attribute is missing.
    """
    match read.use:
        case ["meth", "get" | "pop" | "setdefault", int() as index] | ["arg", int() as index, 0]:
            call = read.module.call(index)
            if asked(program, call) == name:
                _check_default(call, name)
                yield call.module, call.scope, call.span, ["c", index], call.use
                return
            named = call.argument(0 if read.use[0] == "meth" else 1)
            known = read.use[0] == "meth" or call.module.dotted(call.scope, call.function) in _BY_NAME
            text = _text(named.shape) if known and named is not None else None
            if text is not None and (text != name or call.tail in {"hasattr", "delattr"}):
                return
        case ["attr", "__dict__" | "_get_current_object", *_] | ["meth", "_get_current_object", *_]:
            pass
        case ["attr" | "meth", *_]:
            return
        case [kind, *_] if kind in _HARMLESS:
            return
        case _:
            pass
    place = _place(read.module, read.span.start)
    raise Unfit("SQL119", f"`g`, which keeps it, is handed on, or looked at as a whole at {place}", -1)


def _check_default(call: Call, name: str) -> None:
    """Refuse a call that gives something else than None where `g` has no such attribute."""
    default = call.argument(1 if call.function[0] == "a" else 2, "default")
    if default is not None and default.shape[:2] != ["k", "NoneType"]:
        place = _place(call.module, call.span.start)
        raise Unfit("SQL119", f"`{call.tail}` gives something else where there is no `{name}` ({place})", -1)


def _text(shape: list[Any]) -> str | None:
    return str(shape[2]) if shape[:2] == ["k", "str"] and shape[2] is not None else None


def _place(module: Module, offset: int) -> str:
    return f"{module.path}:{module.position(offset).line}"
