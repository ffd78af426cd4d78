"""What tests put in the place of something that a cached function depends on: its cache would outlive the test.

What a test puts in the place of the function itself does no harm: its cache goes away with it.
"""

from __future__ import annotations

from hasten.api import Program, Scope
from hasten_codemods.cache_pure_loaders.readings import Effects

#: What replaces files for a test; each is asked for as the parameter of a test, or imported.
_FILE_SYSTEMS = ("pyfakefs",)


def replaced(program: Program, function: Scope, effects: Effects) -> str:
    """Return where something that a function depends on is replaced, in words; empty if that is nowhere seen."""
    own = (function.module.path, function.name)
    for path, name in sorted(effects.names - {own}):
        module = program.find(path)
        place = program.rebound(module, name) if module is not None else None
        if place is not None:
            return f"`{name}`, which it uses, is replaced at {place}"
    for dotted in sorted(effects.foreign):
        found = _foreign(program, function, dotted)
        if found:
            return found
    if effects.reads:
        for name in _FILE_SYSTEMS:
            program.want(name)
            for module in program.modules:
                for imported in module.imports():
                    if (imported.module or imported.name).partition(".")[0] == name:
                        return f"`{name}` replaces the file system ({module.path})"
    return ""


def _foreign(program: Program, function: Scope, dotted: str) -> str:
    """Return where a function or method from elsewhere is replaced: `patch("builtins.open")`."""
    owner, _, name = dotted.rpartition(".")
    holder = owner.rpartition(".")[2]
    beside = frozenset({holder} - {"", "builtins"})
    program.want(name, "stored", beside=beside)
    for each in program.places.setters.get(name, ()):
        target = each.target
        if target[:2] == ["k", "str"] and str(target[2]).endswith(f".{name}"):
            whole = str(target[2])
            # patch("app.load.json.loads"): whoever it is called by, it is this function that is replaced.
            if not owner or whole == dotted or whole.endswith(f".{holder}.{name}"):
                return f"`{name}`, which it calls, is replaced at {each.place}"
        elif target[0] in {"n", "a"}:
            meant = each.call.module.dotted(each.call.scope, target)
            if meant is None or meant == owner or not owner:
                # monkeypatch.setattr(module, "open", ...): of a module that nobody names
                if meant is None and target[-1] not in {holder, "builtins"}:
                    continue
                return f"`{name}`, which it calls, is replaced at {each.place}"
            named = program.named(meant)
            if named is function.module:
                return f"`{name}`, which it calls, is replaced at {each.place}"
        elif target[:2] == ["k", "str"] and str(target[2]) in {owner, function.module.name}:
            return f"`{name}`, which it calls, is replaced at {each.place}"
    return ""
