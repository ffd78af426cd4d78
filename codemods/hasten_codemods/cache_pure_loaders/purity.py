"""Whether a function does nothing but give a result that follows from its arguments, over the whole program.

What a function does is looked for in its facts: its calls, the names and attributes that it reads, and what it assigns
to. A call of a function of the program is as pure as that function; a call of anything else must be in the tables. The
first thing that is not known to be pure is the reason, with its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hasten.api import Call, Program, Scope
from hasten_codemods.cache_pure_loaders import tables
from hasten_codemods.cache_pure_loaders.globals import Globals
from hasten_codemods.cache_pure_loaders.kinds import Kinds
from hasten_codemods.cache_pure_loaders.readings import Effects, FileRead, Readings, Stain, root_of, tail_of
from hasten_codemods.cache_pure_loaders.words import UNKNOWN, is_exception, is_immutable
from hasten_codemods.cache_pure_loaders.world import CHANGING, WORLD, known_by

Shape = list[Any]

#: Functions that call functions are looked at so far.
_DEEPEST = 16
_READING_MODES = frozenset({"r", "rb", "rt", "br"})


class Purity:
    """Answers for one program."""

    def __init__(self, program: Program, kinds: Kinds, values: Globals) -> None:
        """Take the program, and what is known of its values."""
        self.program = program
        self.kinds = kinds
        self.values = values
        self._known: dict[tuple[str, int], Effects] = {}
        self._depth = 0

    def of(self, function: Scope) -> Effects:
        """Return what a function does."""
        key = function.module.path, function.number
        if key not in self._known:
            if self._depth > _DEEPEST:
                return Effects(Stain("CCH104", f"`{function.name}` is too far away to be looked at"))
            self._known[key] = Effects(None)  # of itself, while it is looked at
            self._depth += 1
            self._known[key] = _Look(self, function).effects()
            self._depth -= 1
        return self._known[key]

    def taught(self, dotted: str) -> str:
        """Return where the loader of a function of YAML is given functions of its own, empty if that is nowhere.

        yaml.add_constructor("!env", from_environment, Loader=yaml.SafeLoader)
        """
        full = dotted.startswith("yaml.full")
        return self.program.remember(f"cache-pure-loaders yaml {full}", lambda: self._taught(full=full))

    def _taught(self, *, full: bool) -> str:
        for name in ("add_constructor", "add_multi_constructor"):
            for call in self.program.calls_named(name):
                shapes = [each.shape for each in call.arguments]
                shapes += [call.function[1]] if call.function[0] == "a" else []
                named = [self.program.dotted(call.module, call.scope, each) or "" for each in shapes]
                loaders = [each for each in named if each.endswith(("Loader", "Constructor"))]
                # Those without a loader are for all but the safe one; classes of the program keep their own.
                safe = any(_is_safe_loader(each) and not self.program.is_own(each) for each in loaders)
                if safe or (full and not (loaders and all(map(self.program.is_own, loaders)))):
                    return f"{call.module.path}:{call.module.position(call.span.start).line}"
        return ""


class _Look(Readings):
    """The look at one function."""

    def effects(self) -> Effects:
        stains = sorted(self.stains(), key=lambda each: each[0])
        stain = stains[0][1] if stains else None
        return Effects(
            stain,
            tuple(self.reads),
            frozenset(self.names),
            frozenset(self.foreign),
            self.costly,
            frozenset(self.attributes),
        )

    def stains(self) -> Iterator[tuple[int, Stain]]:
        """Yield what is not pure, with the offset."""
        yield from self.kind_of_function()
        for index, record in enumerate(self.module.facts["calls"]):
            if record[2] in self.inside:
                call = self.module.call(index)
                found = self.call(call)
                if found is not None:
                    yield call.span.start, found
        yield from self.stored()
        yield from self.read()

    def kind_of_function(self) -> Iterator[tuple[int, Stain]]:
        function = self.function
        if function.is_async or function.is_generator:
            kind = "coroutine function" if function.is_async else "generator"
            yield self.at("CCH108", f"`{function.name}` is a {kind}", function.span.start)

    # --- what is called ---------------------------------------------------------------------------------------------

    def call(self, call: Call) -> Stain | None:
        owner = self.holder(call.scope, call.function[1]) if call.function[0] == "a" else None
        if owner is not None:
            return self.of_object(call, owner, call.function[2])
        dotted = self.program.dotted(call.module, call.scope, call.function)
        if dotted is None:
            return self.method(call)
        if self.program.is_own(dotted):
            return self.own(call, dotted)
        self.foreign.add(dotted)
        dotted = tables.meant(call, dotted)
        if call.use == ["raise"] or is_exception(dotted):
            return None
        if dotted in tables.COSTLY:
            self.costly = self.costly or call
        if dotted in tables.READING:
            return self.opened(call, dotted, call.argument(0, "file"), 1)
        if dotted in tables.PACKAGED:
            self.reads.append(FileRead(call, None))
            return None
        if dotted in tables.RESOLVING:
            self.reads.append(FileRead(call, call.arguments[0].shape if call.arguments else None))
            return None
        if dotted in tables.CONSUMING and call.arguments and self.is_given(call, call.arguments[0].shape):
            return self.stain("CCH105", f"`{call.tail}` takes from what it is given, and leaves nothing there", call)
        taught = self.purity.taught(dotted) if dotted.startswith(("yaml.safe_load", "yaml.full_load")) else ""
        if taught:
            return self.stain("CCH104", f"YAML is taught to call something at {taught}", call)
        if dotted in tables.PURE:
            return None
        world, changing = known_by(WORLD, dotted), known_by(CHANGING, dotted)
        if changing:
            return self.stain("CCH101", f"`{dotted}` {changing}", call)
        if world:
            return self.stain("CCH103", f"it depends on {world}, `{dotted}`", call)
        return self.stain("CCH104", f"`{dotted.removeprefix('builtins.')}` is not known to be pure", call)

    def is_given(self, call: Call, shape: Shape) -> bool:
        """Tell whether a value is what the function was given, or what nobody knows, and no text."""
        if is_immutable(self.kinds.of(call.module, call.scope, shape)):
            return False
        return not self.is_fresh(call.scope, shape)

    def own(self, call: Call, dotted: str) -> Stain | None:
        """Judge a call of something of the program."""
        target, _known = self.program.target_of(call)
        if target is None:
            if self.kinds.makes_tuples(call):
                return None
            self.program.want_home(dotted)
            if call.use == ["raise"]:
                return None
            return self.stain("CCH104", f"nobody can tell what `{dotted}` does", call)
        if target.module is self.module and target.number in self.inside:
            return None
        self.names.add((target.module.path, target.name))
        if target.kind == "class":
            if call.use == ["raise"] or self.is_plain_class(target):
                return None
            return self.stain("CCH104", f"making a `{target.name}` is not known to be pure", call)
        if any(not _is_transparent(target, each) for each in target.decorators):
            return self.stain("CCH104", f"`{target.name}` has decorators, which may do anything", call)
        found = self.purity.of(target)
        if found.attributes:
            return self.stain("CCH104", f"`{target.name}` reads attributes of an object", call)
        return self.as_pure_as(found, call)

    def as_pure_as(self, found: Effects, call: Call) -> Stain | None:
        """Take over what a function does that is called."""
        self.attributes |= found.attributes
        self.reads += [FileRead(each.call, each.path, (call, *each.chain)) for each in found.reads]
        self.names |= found.names
        self.foreign |= found.foreign
        self.costly = self.costly or (call if found.costly is not None else None)
        return found.stain

    def method(self, call: Call) -> Stain | None:
        """Judge a call of a method of a value, or of a value."""
        if call.function[0] != "a":
            local = call.function[0] == "n" and self.is_inside(call.scope, call.function[1])
            if local or self.kinds.makes_tuples(call):
                return None
            return self.stain("CCH104", "nobody can tell what is called", call)
        receiver, name = call.function[1], call.function[2]
        self.foreign.add(f".{name}")
        kind = self.kinds.of(call.module, call.scope, receiver).partition(" of ")[0]
        if kind == "path":
            return self.path_method(call, receiver, name)
        kind = "str" if kind == "text" else kind
        if kind == "element" and name in {"write", "append", "set", "remove"}:
            kind = UNKNOWN
        if kind == "object" and self.is_fresh(call.scope, receiver) and name not in {"write", "send"}:
            if name in {"read", "readfp", "read_file"}:
                return self.opened(call, name, call.argument(0), 1)
            return None
        known = tables.METHODS.get(kind, {})
        if name in tables.COSTLY_METHODS or (kind == "file" and name in {"read", "readlines"}):
            self.costly = self.costly or call
        if name in tables.MUTATORS and name != "replace" and not self.is_fresh(call.scope, receiver):
            root = root_of(receiver)
            given = root[0] == "n" and self.is_parameter(call.scope, root[1])
            return self.stain("CCH105" if given else "CCH101", f"`.{name}()` changes what is not its own", call)
        if name in known or (name == "sort" and kind == "list"):
            if kind == "file" and self.is_given(call, receiver):
                return self.stain("CCH105", "it reads from a file that it is given", call)
            return None
        made = self.program.constructed(call.module, call.scope, receiver) or ""
        changing, world = known_by(CHANGING, made), known_by(WORLD, made)
        if changing:
            return self.stain("CCH101", f"`.{name}()` {changing}", call)
        if world:
            return self.stain("CCH103", f"it depends on {world}, by `.{name}()`", call)
        return self.stain("CCH104", f"nobody can tell what `.{name}()` is called on", call)

    def of_object(self, call: Call, owner: Scope, name: str) -> Stain | None:
        """Judge a call of another method of the same object."""
        target = self.program.find_method(owner, name)
        plain = target is not None and all(_is_transparent(target, each) for each in target.decorators)
        known = self.kinds.instances
        if target is None or not plain or known is None or not known.is_only(owner, target):
            return self.stain("CCH104", f"nobody can tell what `.{name}()` is", call)
        if target.module is self.module and target.number in self.inside:
            return None
        return self.as_pure_as(self.purity.of(target), call)

    def path_method(self, call: Call, receiver: Shape, name: str) -> Stain | None:
        if name in tables.METHODS["path"]:
            return None
        if name in tables.WRITING_METHODS:
            return self.stain("CCH101", f"`.{name}()` writes where a path points to", call)
        if name == "open":
            return self.opened(call, name, None, 0, receiver)
        if name in tables.LOOKING or name in tables.RESOLVING_METHODS:
            if name in tables.COSTLY_METHODS:
                self.costly = self.costly or call
            self.reads.append(FileRead(call, receiver))
            return None
        return self.stain("CCH104", f"`.{name}()` of a path is not known to be pure", call)

    def opened(self, call: Call, name: str, path: Any, position: int, receiver: Shape | None = None) -> Stain | None:  # noqa: ANN401 - an argument
        mode = call.argument(position, "mode") if name.rpartition(".")[2] == "open" else None
        if mode is not None and (mode.shape[:2] != ["k", "str"] or mode.shape[2] not in _READING_MODES):
            return self.stain("CCH101", "it opens a file to write to it", call)
        if receiver is None and path is None:
            return self.stain("CCH104", "nobody can tell which file is read", call)
        self.reads.append(FileRead(call, receiver if receiver is not None else path.shape))
        return None


def _is_safe_loader(dotted: str) -> bool:
    return dotted.endswith(("SafeLoader", "SafeConstructor"))


def _is_transparent(target: Scope, decorator: Shape) -> bool:
    return tail_of(target.module, decorator) in {"staticmethod", "cache", "lru_cache", "override", "final"}
