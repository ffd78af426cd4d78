"""Which connections stay with sqlite3, and may stop the event loop while another one, now of aiosqlite's, waits.

One that is opened and closed in its function counts where tasks can run beside that function. One that leaves it
counts where tasks can run beside a function that has it in hand: it is followed through returns, attributes,
arguments and variables, as far as the program shows them.
"""

from __future__ import annotations

from typing import Any

from hasten.api import Call, Module, Program, Scope, Tasks, Use, value_calls
from hasten_codemods.sqlite3_to_aiosqlite import table
from hasten_codemods.sqlite3_to_aiosqlite.openings import Openings

#: Methods of containers that keep what they are given.
_KEEPING = frozenset({"append", "appendleft", "add", "insert", "put", "put_nowait", "setdefault"})
_PROPERTIES = frozenset({"property", "cached_property"})


class Staying:
    """Answers for the connections of one program that stay as they are."""

    def __init__(self, program: Program, tasks: Tasks, openings: Openings) -> None:
        """Take the program, who runs beside whom, and how connections are opened."""
        self.program = program
        self.tasks = tasks
        self.openings = openings
        self._seen: set[tuple[str, str, int, str]] = set()

    def meets_others(self, use: Use) -> bool:
        """Tell whether other tasks may wait while a connection that is opened like this is used."""
        function = use.module.enclosing(use.scope, "function")
        if function is None or self._beside(function):
            return True
        return use.call is not None and self._used(use.module, use.scope, use.call.use)

    def _beside(self, function: Scope) -> bool:
        return function.is_async or bool(self.tasks.several(function))

    def _is_new(self, what: str, module: Module, number: int, name: str = "") -> bool:
        """Tell whether something is met for the first time, so that nothing is followed in circles."""
        key = what, module.path, number, name
        if key in self._seen:
            return False
        self._seen.add(key)
        return True

    def _used(self, module: Module, scope: int, use: list[Any]) -> bool:
        """Tell whether a use of a connection hands it to something that tasks can run beside."""
        match use:
            case ["multi", uses]:
                return any(self._used(module, scope, each) for each in uses)
            case ["elem" | "attr", _, inner]:
                return self._used(module, scope, inner)
            case ["asg", int() as owner, str() as name]:
                return self._named(module, owner, name)
            case ["with", str() as name] if name:
                return self._named(module, scope, name)
            case ["ret" | "yield" | "yieldfrom", int() as number]:
                return self._returned(module.scope(number))
            case ["asgattr", _, str() as name]:
                return self._stored(module, scope, name)
            case ["asgsub"]:
                return True
            case ["arg", int() as index, position]:
                return self._passed(module.call(index), position)
            case ["meth", str() as method, int() as index] if method in table.CURSORS | {"__enter__"}:
                return self._used(module, scope, module.call(index).use)
            case _:
                return False

    def _named(self, module: Module, scope: int, name: str) -> bool:
        """Follow a variable; one of the whole module is there for everybody."""
        found = module.lookup(scope, name)
        owner = found[0] if found is not None else scope
        if module.scope(owner).kind != "function":
            return True
        if not self._is_new("name", module, owner, name):
            return False
        for read in module.reads(owner, name):
            around = module.enclosing(read.scope, "function")
            if around is not None and around.number != owner and self._beside(around):
                return True
            if self._used(module, read.scope, read.use):
                return True
        return False

    def _returned(self, function: Scope) -> bool:
        """Follow what a function, a context manager or a property hands out."""
        if function.kind != "function" or not self._is_new("returned", function.module, function.number):
            return False
        if any(each[-1] in _PROPERTIES for each in function.decorators if each[0] in {"n", "a"}):
            return self._stored(function.module, function.number, function.name)
        calls = [call for call, _certain in self.program.callers(function)]
        for call in [*calls, *value_calls(self.program, function)]:
            around = call.module.enclosing(call.scope, "function")
            if around is None or self._beside(around) or self._used(call.module, call.scope, call.use):
                return True
        return False

    def _stored(self, module: Module, scope: int, name: str) -> bool:
        """Follow an attribute of that name to those who read it."""
        owner = self.program.method_owner(module, scope)
        if not self._is_new("attribute", module, owner.number if owner is not None else -1, name):
            return False
        beside = frozenset({owner.name}) if owner is not None and name.startswith("_") else frozenset[str]()
        self.program.want(name, "read", beside=beside)
        for other in self.program.modules_with("attribute_reads", name):
            for base, use, number, *_ in other.facts["attribute_reads"].get(name, ()):
                around = other.enclosing(number, "function")
                if around is None or self._is_anothers(other, number, base, owner):
                    continue
                if self._beside(around) or self._used(other, number, use):
                    return True
        return False

    def _is_anothers(self, module: Module, scope: int, base: list[Any], owner: Scope | None) -> bool:
        """Tell whether `self` is surely no object of the class that stores a connection."""
        own = self.program.method_owner(module, scope) if base == ["n", "self"] else None
        if own is None or owner is None:
            return False
        return not (self.program.derives(own, owner) or self.program.derives(owner, own))

    def _passed(self, taker: Call, position: object) -> bool:
        """Follow an argument into what is called, where that is the program's own."""
        if self.openings.closing(taker.module, taker.index) is not None:
            return self._used(taker.module, taker.scope, taker.use)
        target, _known = self.program.target_of(taker)
        if target is None:
            return taker.tail in _KEEPING
        if target.kind == "class":
            made = self.program.find_method(target, "__init__")
            if made is None:
                return True  # a data class, which keeps it
            target = made
        if self._beside(target):
            return True
        plain = [each[0] for each in target.parameters if each[1] in {"plain", "posonly"}]
        if isinstance(position, int):
            bound = self.program.method_owner(target.module, target.number) is not None
            number = position + (1 if bound and not self.program.is_static(target) else 0)
            name = plain[number] if number < len(plain) else ""
        else:
            name = str(position)
        return bool(name) and self._named(target.module, target.number, name)
