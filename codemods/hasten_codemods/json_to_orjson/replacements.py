"""Who replaces functions of `json`, or the parts inside that they work with: a rewritten call would not notice."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from hasten.api import Call, Module, Program
from hasten_codemods.json_to_orjson import sites
from hasten_codemods.json_to_orjson.sites import FUNCTIONS, Site

Shape = list[Any]

_READING = frozenset({"loads", "load"})
_WRITING = frozenset({"dumps", "dump"})
#: What the functions look up in their modules each time that they are called.
_PARTS = {
    **dict.fromkeys(("JSONEncoder", "_default_encoder", "encoder"), _WRITING),
    **dict.fromkeys(("JSONDecoder", "_default_decoder", "decoder", "scanner", "detect_encoding"), _READING),
    "JSONDecodeError": _READING,
}
#: `setattr(json, "loads", f)`, `patch.object(json, "loads")`; the first argument of some may be a dotted name in text.
_BY_NAME = ("setattr", "delattr", "object", "patch_object")
_IN_TEXT = ("patch", "setattr", "delattr")


class Replacements:
    """The replacements in one program, each looked for once."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self.program = program

    def of(self, site: Site) -> str | None:
        """Return where what `site` uses is replaced, if it is."""
        functions, names = self._found
        if site.name in functions:
            return functions[site.name]
        if site.binding >= 0:
            imported = site.module.imports()[site.binding]
            bound = imported.asname or imported.name.partition(".")[0]
            return names.get((site.module.path, bound)) if imported.scope == 0 else None
        return names.get((site.module.path, site.name))

    @cached_property
    def _found(self) -> tuple[dict[str, str], dict[tuple[str, str], str]]:
        """Return the places by function of `json`, and by the name under which a module has one or `json` itself."""
        functions: dict[str, str] = {}
        names: dict[tuple[str, str], str] = {}
        for owner, member, place in self._all():
            for function in sorted(_affected(owner, member)):
                functions.setdefault(function, place)
            module = self.program.named(owner)
            if module is not None and member is not None:
                names.setdefault((module.path, member), place)
        return functions, names

    def _all(self) -> Iterator[tuple[str, str | None, str]]:
        """Yield the dotted owner, the member (None: it cannot be seen) and the place of each replacement."""
        yield from self._stores()
        yield from self._items()
        yield from self._calls_by_name()
        yield from self._calls_with_mappings()

    def _stores(self) -> Iterator[tuple[str, str | None, str]]:
        for module in self.program.modules:
            if not self._has_json(module):
                continue
            inside = self._has_part(module)
            stores = module.facts["attribute_stores"]
            for name in sorted(stores if inside else self._names & module.names("attribute_stores")):
                for base, _value, scope, start in stores[name]:
                    owner = self._owner(module, scope, base)
                    if owner is not None:
                        yield owner, name, _place(module, start)

    @cached_property
    def _names(self) -> frozenset[str]:
        """Return the names that count whatever module they are in: those that stand for `json` or its parts."""
        return self._aliases({"json", *FUNCTIONS, *_PARTS})

    @cached_property
    def _parts(self) -> frozenset[str]:
        """Return the names of what counts whatever in it is replaced, as `FLOAT_REPR` in `json.encoder`."""
        return self._aliases(set(_PARTS))

    def _aliases(self, names: set[str]) -> frozenset[str]:
        """Return `names`, and those under which modules of the program import them."""
        renamed = [each for module in self.program.modules for each in module.imports() if each.asname]
        while True:
            more = {each.asname for each in renamed if each.name.rpartition(".")[2] in names} - names
            if not more:
                return frozenset(names)
            names |= {each for each in more if each}

    def _has_part(self, module: Module) -> bool:
        """Tell whether a module may get at a part inside of `json`: it names one, or imports what it does not name."""
        return (
            not self._parts.isdisjoint(module.names("attribute_reads"))
            or any(each.name == "*" or each.name.rpartition(".")[2] in self._parts for each in module.imports())
            or any("json." in text for _start, text, _use, _scope in module.facts["strings"])
        )

    def _has_json(self, module: Module) -> bool:
        """Tell whether a module may get at `json`: by an import of its own, or through another module."""
        roots = {"json", "sys", "importlib"}
        return any(
            (each.module or each.name).partition(".")[0] in roots
            or each.level > 0
            or self.program.is_own(module.import_target(each))
            for each in module.imports()
        )

    def _items(self) -> Iterator[tuple[str, str | None, str]]:
        """Yield `json.__dict__["loads"] = f`, `vars(json)["loads"] = f` and `sys.modules["json"] = fake`."""
        where = {
            read.module.path: read.module
            for name in ("__dict__", "modules")
            for read in self.program.attribute_reads(name, want=False)
            if read.use == ["dest"]
        }
        for name in ("vars", "globals"):
            where |= {
                each.module.path: each.module
                for each in self.program.calls_named(name, want=False)
                if each.use == ["dest"]
            }
        for module in self.program.modules:
            if any(text == "json" and use == ["idx"] for _start, text, use, _scope in module.facts["strings"]):
                where[module.path] = module
        for _path, module in sorted(where.items()):
            for base, key, _value, scope in module.facts["item_stores"]:
                owner = self._namespace(module, scope, base)
                if owner is not None:
                    yield from self._member_of(owner, _text(key), self._place_of_item(module, scope, base))

    def _calls_by_name(self) -> Iterator[tuple[str, str | None, str]]:
        for name in _BY_NAME:
            for call in self.program.calls_named(name, want=False):
                target, attribute = call.argument(0), call.argument(1)
                if target is None or attribute is None or target.shape[0] == "k":
                    continue
                member = _text(attribute.shape)
                owner = self._owner(call.module, call.scope, target.shape)
                if owner is None and target.shape[0] == "a" and target.shape[2] == "json" and member in FUNCTIONS:
                    owner = "json"
                if owner is not None:
                    yield owner, member, _place(call.module, call.span.start)
        for name in _IN_TEXT:
            for call in self.program.calls_named(name, want=False):
                target = call.argument(0)
                text = _text(target.shape) if target is not None else None
                if text is not None and "." in text:
                    front, _, member = text.rpartition(".")
                    owner = self._ultimate(front)
                    # The four functions, named in text, are `Witnesses.patch_of`'s, which tells module from module.
                    if owner is not None and not (owner == "json" and member in FUNCTIONS):
                        yield owner, member, _place(call.module, call.span.start)

    def _calls_with_mappings(self) -> Iterator[tuple[str, str | None, str]]:
        """Yield `patch.multiple(json, loads=f)`, `patch.dict(json.__dict__, loads=f)`, `json.__dict__.update(...)`."""
        for name in ("multiple", "dict"):
            for call in self.program.calls_named(name, want=False):
                target = call.argument(0, "target" if name == "multiple" else "in_dict")
                if target is None or call.function[0] != "a":
                    continue
                text = _text(target.shape)
                if name == "multiple":
                    owner = self._ultimate(text) if text else self._owner(call.module, call.scope, target.shape)
                elif text:
                    owner = "sys" if text == "sys.modules" else self._ultimate(text.removesuffix(".__dict__"))
                else:
                    owner = self._namespace(call.module, call.scope, target.shape)
                    owner = owner or self._owner(call.module, call.scope, target.shape)
                yield from self._members_of(owner, call, 1)
        for call in self.program.calls_named("update", want=False):
            if call.function[0] == "a" and call.function[1][0] in {"a", "c"}:
                yield from self._members_of(self._namespace(call.module, call.scope, call.function[1]), call, 0)
        for call in self.program.calls_named("setitem", want=False):
            target, key = call.argument(0), call.argument(1)
            if target is not None and key is not None:
                owner = self._namespace(call.module, call.scope, target.shape)
                if owner is not None:
                    yield from self._member_of(owner, _text(key.shape), _place(call.module, call.span.start))

    def _members_of(self, owner: str | None, call: Call, position: int) -> Iterator[tuple[str, str | None, str]]:
        """Yield each name that a call with a mapping, or with keywords, replaces in `owner`."""
        if owner is None:
            return
        place = _place(call.module, call.span.start)
        for each in call.arguments:
            if each.keyword in {"target", "in_dict", "values", "clear", "spec", "new_callable"}:
                continue
            if each.keyword is not None:
                yield from self._member_of(owner, None if each.keyword in {"*", "**"} else each.keyword, place)
        mapping = call.argument(position, "values")
        if mapping is not None and mapping.shape[0] == "d":
            for key, _value in mapping.shape[1]:
                yield from self._member_of(owner, _text(key) if key is not None else None, place)
        elif mapping is not None and mapping.keyword in {None, "values"}:
            yield from self._member_of(owner, None, place)

    def _member_of(self, owner: str, member: str | None, place: str) -> Iterator[tuple[str, str | None, str]]:
        if owner != "sys":
            yield owner, member, place
        elif member is not None and (member == "json" or member.startswith("json.")):
            # Another module in the place of `json`: the whole of it is replaced.
            yield member, None, place

    # --- what is replaced ---------------------------------------------------------------------------------------

    def _owner(self, module: Module, scope: int, shape: Shape, depth: int = 0) -> str | None:
        """Return the dotted name of the module or class that a shape stands for: of `json`, or of the program."""
        dotted = module.dotted(scope, shape)
        if dotted is not None:
            return self._ultimate(dotted)
        match shape:
            case ["a", inner, str() as name]:
                owner = self._owner(module, scope, inner, depth)
                return self._ultimate(f"{owner}.{name}") if owner is not None else None
            case ["n", name] if depth < 4:  # noqa: PLR2004 - names of names of names are not written
                found = module.lookup(scope, name)
                if found is not None and len(found[1]) == 1 and found[1][0].kind == "assign" and found[1][0].payload:
                    return self._owner(module, found[0], found[1][0].payload, depth + 1)
            case ["c", index]:
                call = module.call(index)
                named = call.argument(0, "name")
                if call.tail in {"import_module", "__import__"} and named is not None:
                    text = _text(named.shape)
                    return self._ultimate(text) if text else None
            case ["i", inner, key] if module.dotted(scope, inner) == "sys.modules":
                text = _text(key)
                return self._ultimate(text) if text else None
            case _:
                pass
        return None

    def _ultimate(self, dotted: str) -> str | None:
        """Return a dotted name that starts with `json`, or that of a module of the program; None for all others."""
        found = sites.ultimate(self.program, dotted)
        return found if found.partition(".")[0] == "json" or self.program.named(found) is not None else None

    def _namespace(self, module: Module, scope: int, shape: Shape) -> str | None:
        """Return the dotted name of what `x.__dict__`, `vars(x)` and `globals()` hold; `sys` for `sys.modules`."""
        if module.dotted(scope, shape) == "sys.modules":
            return "sys"
        match shape:
            case ["a", inner, "__dict__"]:
                return self._owner(module, scope, inner)
            case ["c", index]:
                call = module.call(index)
                dotted = module.dotted(call.scope, call.function)
                if dotted == "builtins.globals":
                    return module.name
                if dotted == "builtins.vars" and call.arguments:
                    return self._owner(module, scope, call.arguments[0].shape)
            case _:
                pass
        return None

    def _place_of_item(self, module: Module, scope: int, base: Shape) -> str:
        """Return the place of a store to an item of `base`, which the facts do not hold themselves."""
        if base[0] == "c":
            return _place(module, module.call(base[1]).span.start)
        if base[0] == "a":
            for inner, use, where, start, _end in module.facts["attribute_reads"].get(base[2], ()):
                if (inner, use, where) == (base[1], ["dest"], scope):
                    return _place(module, start)
        for start, text, use, where in module.facts["strings"]:
            if text == "json" and use == ["idx"] and where == scope:
                return _place(module, start)
        return module.path


def _affected(owner: str, member: str | None) -> frozenset[str]:
    """Return the functions of `json` that work otherwise once `member` of `owner` is replaced."""
    root, _, rest = owner.partition(".")
    if root != "json":
        return frozenset()
    if rest:
        return _PARTS.get(rest.partition(".")[0], frozenset())
    if member is None:
        return FUNCTIONS
    return frozenset({member}) if member in FUNCTIONS else _PARTS.get(member, frozenset())


def _text(shape: Shape) -> str | None:
    return str(shape[2]) if shape[:2] == ["k", "str"] and shape[2] is not None else None


def _place(module: Module, start: int) -> str:
    return f"{module.path}:{module.position(start).line}"
