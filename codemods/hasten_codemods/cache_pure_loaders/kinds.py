"""What kind of value an expression gives, as far as the program shows.

Kinds are words, see `hasten_codemods.cache_pure_loaders.words`. What is bound to a name anywhere in its scope may
be read wherever it is read; a function gives what it returns anywhere.
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

from hasten.api import Call, Module, Program, Read, Scope
from hasten_codemods.cache_pure_loaders import tables
from hasten_codemods.cache_pure_loaders.annotations import Annotations, class_of, is_enumeration
from hasten_codemods.cache_pure_loaders.instances import Instances, owner_of
from hasten_codemods.cache_pure_loaders.words import CONSTANTS, UNKNOWN, is_immutable, parts_of, together

Shape = list[Any]

_DEEPEST = 24
#: So many variables are looked at for one answer: those of functions that all call each other lead to each other again
#: and again.
_MOST = 500
_CONTAINERS = frozenset({"list", "dict", "set"})
#: They put parts of several things together.
_MIXING = frozenset({"zip", "zip_longest", "chain", "product", "map", "starmap", "groupby"})
#: Uses of a container that put nothing into it.
_LOOKING = frozenset({"ret", "cmp", "cond", "iter", "unpack", "sub", "fmt", "expr", "elem"})
#: Uses of a class that make nothing of it.
_NAMING = frozenset({"ann", "base", "attr", "meth", "except", "cmp", "expr"})
_ASKING = frozenset({"builtins.isinstance", "builtins.issubclass"})
#: Kinds of containers that nothing is in yet.
_EMPTY = frozenset({"list of none", "dict of none", "set of none"})


class Kinds(Annotations):
    """Answers for one program."""

    def __init__(self, program: Program, instances: Instances | None = None) -> None:
        """Take the program, and what is known of objects: by default nothing is taken for known of any."""
        super().__init__(program)
        self.instances = instances
        self._functions: dict[tuple[str, int], str] = {}
        self._names: dict[tuple[str, int, str], str] = {}
        self._looked_at: set[tuple[str, int, str]] = set()
        self._called: list[tuple[str, int]] = []
        self._steps = 0
        #: How often a name was left out that is looked at already, or that is too far away.
        self._left_out = 0

    def of(self, module: Module, scope: int, shape: Shape, depth: int = 0) -> str:
        """Return the kind of an expression."""
        if depth > _DEEPEST:
            self._left_out += 1
            return UNKNOWN
        match shape:
            case ["k", str(name), *_]:
                return CONSTANTS.get(name, "ellipsis")
            case ["f", *_]:
                return "str"
            case ["l" | "s" | "t" as word, list(parts)]:
                held = together([self.of(module, scope, each, depth + 1) for each in parts])
                name = {"l": "list", "s": "set", "t": "parts"}[word]
                return (f"{name} of {held}" if held != UNKNOWN else name) if parts else f"{name} of none"
            case ["d", list(pairs)]:
                held = together([self.of(module, scope, value, depth + 1) for key, value in pairs if key is not None])
                spread = any(key is None for key, _ in pairs)
                if not pairs:
                    return "dict of none"
                return f"dict of {held}" if held != UNKNOWN and not spread else "dict"
            case ["g", str(word), element]:
                name = {"ListComp": "list", "SetComp": "set", "DictComp": "dict"}.get(word, "iterator")
                value = element[1][1] if word == "DictComp" and element[0] == "t" else element
                # Only a call says in which scope it stands.
                held = self.of(module, scope, value, depth + 1) if value[0] in {"k", "f", "c"} else UNKNOWN
                return name if held == UNKNOWN else f"{name} of {held}"
            case ["x", "Compare", *_] | ["u", "Not", _]:
                return "bool"
            case ["u", _, inner]:
                return self.of(module, scope, inner, depth + 1)
            case ["b" | "?", list(parts)]:
                return together([self.of(module, scope, each, depth + 1) for each in parts])
            case ["o", str(operator), left, right]:
                return self._operator(operator, *(self.of(module, scope, each, depth + 1) for each in (left, right)))
            case ["m", _]:
                return _made_in(module, scope, "function")
            case ["n", str(name)]:
                return self._name(module, scope, name, depth)
            case ["a", base, str(name)]:
                return self._attribute(module, scope, shape, base, name, depth)
            case ["i", base, index]:
                kind = self.of(module, scope, base, depth + 1)
                sliced = index[:2] == ["x", "Slice"]
                return kind if sliced else parts_of(kind)
            case ["c", int() as number]:
                return self.given_by(module.call(number), depth)
            case _:
                return UNKNOWN

    def _operator(self, operator: str, left: str, right: str) -> str:
        if operator == "Div" and "path" in {left, right}:
            return "path"
        if operator == "Mod" and left in {"str", "bytes", "text"}:
            return left
        if "none" in {left, right}:
            left = right = right if left == "none" else left  # `n - 1`, of an `n` that is looked at
        if left == right:
            return "float" if operator == "Div" and left == "int" else left
        if operator == "Add" and {left, right} & {"str", "text"}:
            return "str"  # else it raises
        numbers = {"int", "float", "bool", "number"}
        return "number" if {left, right} <= numbers else UNKNOWN

    def _name(self, module: Module, scope: int, name: str, depth: int) -> str:
        found = module.lookup(scope, name)
        if found is None:
            if name in {"__file__", "__name__", "__package__"}:
                return "str"
            return "immutable" if hasattr(builtins, name) else UNKNOWN  # of a star import
        key = module.path, found[0], name
        if key in self._names:
            return self._names[key]
        if key in self._looked_at:
            self._left_out += 1
            return "none"  # `x = x or 1`: of itself it is nothing else
        if not (self._looked_at or self._called):
            self._steps = 0
        self._steps += 1
        if self._steps > _MOST:
            self._left_out += 1
            return UNKNOWN
        before = self._left_out
        self._looked_at.add(key)
        kind = self._bound(module, scope, name, found, depth)
        self._looked_at.remove(key)
        if self._left_out == before or not (self._looked_at or self._called):
            self._names[key] = kind
        return kind

    def _bound(self, module: Module, scope: int, name: str, found: tuple[int, Sequence[Any]], depth: int) -> str:
        """Return the kind of what the bindings of a variable give it."""
        owner, bindings = found
        kinds: list[str] = []
        for each in bindings:
            match each.kind:
                case "assign" if each.payload is not None:
                    kinds.append(self.of(module, each.scope, each.payload, depth + 1))
                case "for" if each.payload is not None:
                    kinds.append(parts_of(self.of(module, each.scope, each.payload, depth + 1)))
                case "with" if each.payload is not None:
                    kinds.append(self.of(module, each.scope, each.payload, depth + 1))
                case "unpack" if each.payload is not None:
                    kinds.append(parts_of(self.of(module, each.scope, each.payload, depth + 1)))
                case "aug" if each.payload is not None:
                    kinds.append(self.of(module, each.scope, each.payload, depth + 1))
                case "param":
                    kinds.append(self.parameter(module.scope(owner), name, depth + 1))
                case "def":
                    kinds.append(_made_in(module, each.scope, "function"))
                case "class":
                    kinds.append(_made_in(module, each.scope, "class"))
                case "import":
                    kinds.append(self._imported(module, scope, name, depth))
                case "declared" | "del" | "global" | "nonlocal":
                    pass
                case "except":
                    kinds.append("object")
                case _:
                    kinds.append(UNKNOWN)
        kind = together(kinds)
        head, _, held = kind.partition(" of ")
        if head in _CONTAINERS and held and owner and self._is_filled(module, owner, name):
            filled = self._filled(module, owner, name, head, depth)
            kind = filled if kind in _EMPTY else together([kind, filled]) if filled != head else head
        elif kind in _EMPTY:
            kind = head
        if UNKNOWN in kind.split():
            for each in bindings:
                if each.kind == "declared":
                    return self.annotated(module, each.scope, each.payload)
        return kind

    def _is_filled(self, module: Module, owner: int, name: str) -> bool:
        """Tell whether something is put into a container after it was made, or may be."""
        if any(base == ["n", name] for base, *_ in module.facts["item_stores"]):
            return True
        return any(not self._only_looks(each) for each in module.reads(owner, name))

    def _only_looks(self, read: Read) -> bool:
        """Tell whether a use of a container puts nothing into it."""
        match read.use:
            case ["meth", str(name), _]:
                return name in {*tables.LOOKERS, *tables.COPIERS, "get", "items", "values", "keys", "sort"}
            case ["arg", int() as index, *_]:
                call = read.module.call(index)
                taker = self.program.dotted(call.module, call.scope, call.function) or ""
                return taker in {*tables.TAKERS_THAT_LOOK, *tables.TAKERS_THAT_HOLD, *tables.TAKERS_THAT_GIVE}
            case _:
                return read.use[0] in _LOOKING

    def _filled(self, module: Module, owner: int, name: str, head: str, depth: int) -> str:
        """Return the kind of a variable that begins as an empty container, by what is put into it."""
        kinds = [
            self.of(module, scope, value, depth + 1) if value is not None else UNKNOWN
            for base, _key, value, scope in module.facts["item_stores"]
            if base == ["n", name] and self._is_of(module, scope, name, owner)
        ]
        for read in module.reads(owner, name):
            if self._only_looks(read):
                continue
            match read.use:
                case ["meth", "append" | "add", int() as index]:
                    given = module.call(index).argument(0)
                    kinds.append(self.of(module, read.scope, given.shape, depth + 1) if given is not None else UNKNOWN)
                case ["meth", "get" | "items" | "keys" | "values" | "pop" | "sort" | "index" | "count" | "copy", _]:
                    pass
                case ["meth" | "arg" | "asg" | "elem" | "asgattr" | "aug" | "multi" | "asgsub", *_]:
                    return head
                case _:
                    pass
        held = together(kinds)
        return head if held == UNKNOWN else f"{head} of {held}"

    def _is_of(self, module: Module, scope: int, name: str, owner: int) -> bool:
        found = module.lookup(scope, name)
        return found is not None and found[0] == owner

    def _imported(self, module: Module, scope: int, name: str, depth: int) -> str:
        dotted = module.dotted(scope, ["n", name])
        owner = self.program.owner_of(dotted) if dotted else None
        if owner is not None and owner[0].is_bound(0, owner[1]):
            return self._name(owner[0], 0, owner[1], depth + 1)
        return "module" if dotted is not None and not self.program.is_own(dotted) else UNKNOWN

    def parameter(self, function: Scope, name: str, depth: int = 0) -> str:
        """Return the kind of what a parameter is given: as annotated, else as all callers give it."""
        record = next((each for each in function.parameters if each[0] == name), None)
        if record is None or record[1] in {"*", "**"}:
            return "parts" if record is not None and record[1] == "*" else UNKNOWN
        if record[2] is not None:
            return self.annotated(function.module, function.parent, record[2])
        if depth > _DEEPEST or function.kind != "function":
            return UNKNOWN
        calls = self.program.callers(function)
        if not calls or not all(certain for _, certain in calls) or self._is_passed_on(function):
            return UNKNOWN
        kinds = [self.of(function.module, function.parent, record[3], depth + 1)] if record[3] is not None else []
        given = list(self.program.arguments_for(function, name))
        if len(given) < len(calls) and record[3] is None:
            return UNKNOWN
        if any(word in {"*", "**"} for call, _ in calls for word, *_ in call.record[4]):
            return UNKNOWN
        return together([*kinds, *(self.of(call.module, call.scope, shape, depth + 1) for call, shape in given)])

    def _is_passed_on(self, function: Scope) -> bool:
        """Tell whether something that cannot be followed may call a function, or the class that a constructor is of."""
        if self.program.references(function):
            return True
        if function.name != "__init__":
            return False
        for read in self.program.references(function.module.scope(function.parent)):
            call = read.module.call(read.use[1]) if read.use[0] == "arg" else None
            asked = self.program.dotted(call.module, call.scope, call.function) if call is not None else None
            if read.use[0] not in _NAMING and asked not in _ASKING:
                return True
        return False

    def _attribute(self, module: Module, scope: int, shape: Shape, base: Shape, name: str, depth: int) -> str:
        holder = owner_of(self.program, module, scope, base) if self.instances is not None else None
        if holder is not None:
            return self.of_object(holder, name, depth)
        dotted = module.dotted(scope, shape)
        if dotted is not None:
            if dotted in tables.CONSTANTS:
                return "immutable" if dotted.startswith(("sys.", "math.")) else "str"
            owner = self.program.owner_of(dotted)
            if owner is not None:
                return self._name(owner[0], 0, owner[1], depth + 1) if owner[0].is_bound(0, owner[1]) else UNKNOWN
            around = class_of(self.program, module, scope, base)
            if around is not None and is_enumeration(self.program, around):
                return self.annotated(module, scope, base, depth + 1)
            # sys.argv is a list; of what is written in capitals, or has a capital, nobody changes anything.
            constant = not self.program.is_own(dotted) and name[:1].isupper()
            return "immutable" if constant else UNKNOWN
        kind = self.of(module, scope, base, depth + 1)
        if kind == "object":
            return kind
        return tables.METHODS.get(kind, {}).get(name, UNKNOWN) if kind == "path" else UNKNOWN

    def of_object(self, owner: Scope, name: str, depth: int = 0) -> str:
        """Return the kind of an attribute that the objects of a class are given when they are made."""
        sources = self.instances.sources(owner, name) if self.instances is not None else ""
        if isinstance(sources, str):
            return UNKNOWN
        kinds = [
            (self.annotated if each.annotated else self.of)(each.module, each.scope, each.shape, depth + 1)
            for each in sources
        ]
        return together(kinds)

    def given_by(self, call: Call, depth: int = 0) -> str:
        """Return the kind of what a call gives."""
        module, scope = call.module, call.scope
        dotted = tables.meant(call, self.program.dotted(module, scope, call.function))
        kind = tables.PURE.get(dotted) or tables.READING.get(dotted) or tables.PACKAGED.get(dotted)
        if dotted in tables.RESOLVING:
            kind = "str"
        if kind is not None:
            return self._of_call(call, kind, depth)
        if dotted and self.program.is_own(dotted):
            target = self.program.target_of(call)[0]
            if target is not None and target.kind == "class":
                return "record" if self.is_record(target) else UNKNOWN
            return self.given_by_function(target, depth) if target is not None else UNKNOWN
        if self.makes_tuples(call):
            held = together([self.of(module, scope, each.shape, depth + 1) for each in call.arguments])
            # Zone(*row) holds what is in the row.
            starred = any(word in {"*", "**"} for word, *_ in call.record[4])
            return "parts" if starred or held == UNKNOWN else f"parts of {held}"
        if call.function[0] != "a":
            return UNKNOWN
        receiver = self.of(module, scope, call.function[1], depth + 1)
        head = receiver.partition(" of ")[0]
        name = call.function[2]
        if head == "path" and name in tables.RESOLVING_METHODS:
            return "path"
        given = tables.METHODS.get("str" if head == "text" else head, {}).get(name)
        if head == "none" and tables.METHODS["str"].get(name) == "str":
            return "none"  # `text = text.strip()`: of itself it is nothing else
        if given is None and head == "path":
            given = tables.LOOKING.get(name)
        if given == "part":
            # names.get(key, [])
            instead = [self.of(module, scope, each.shape, depth + 1) for each in call.arguments[1:]]
            return together([parts_of(receiver), *instead])
        if given == "iterator":
            return f"iterator of {parts_of(receiver)}"
        return receiver if given in {"list", "dict", "set"} and given == head else given or UNKNOWN

    def makes_tuples(self, call: Call) -> bool:
        """Tell whether a call makes a tuple with names: `Zone = namedtuple("Zone", "name offset")`, `Zone(*row)`."""
        if call.function[0] != "n":
            return False
        found = call.module.lookup(call.scope, call.function[1])
        if found is None or found[0] != 0:
            return False
        bound = self.program.only_binding(call.module, 0, call.function[1], patches=False)
        if bound is None or bound.kind != "assign" or bound.payload is None or bound.payload[0] != "c":
            return False
        maker = call.module.call(bound.payload[1])
        return self.program.dotted(call.module, 0, maker.function) == "collections.namedtuple"

    def _of_call(self, call: Call, kind: str, depth: int) -> str:
        if kind == "cast":
            given = call.argument(1, "val")
            return self.of(call.module, call.scope, given.shape, depth + 1) if given is not None else UNKNOWN
        if kind == "class" and len(call.arguments) > 1:
            return UNKNOWN  # type("Row", (), {"t": 1})
        if call.tail == "range":
            return "iterator of int"
        if kind == "total":
            return "number" if len(call.arguments) == 1 else UNKNOWN  # sum(lists, [])
        if kind not in {"copied", "part", "list", "set", "iterator"} or not call.arguments:
            return "parts of none" if kind == "copied" else kind
        kinds = [self.of(call.module, call.scope, each.shape, depth + 1) for each in call.arguments]
        several = [each for each, given in zip(kinds, call.arguments, strict=True) if given.keyword is None]
        if kind == "part" and len(several) > 1:
            if call.tail == "next":
                return together([parts_of(several[0]), *several[1:]])
            return together(several)  # max(one, other)
        if call.tail in _MIXING and len(several) > 1:
            return kind
        first = parts_of(kinds[0])
        if kind == "part":
            return first
        name = "parts" if kind == "copied" else kind
        return name if first == UNKNOWN else f"{name} of {first}"

    def given_by_function(self, function: Scope, depth: int = 0) -> str:
        """Return the kind of what a function of the program gives."""
        key = function.module.path, function.number
        if key in self._functions:
            return self._functions[key]
        if key in self._called:
            self._left_out += 1
            # What calls itself gives what it gives otherwise; what it gives by another function is not gone through.
            return "none" if key == self._called[-1] else UNKNOWN
        if not (self._looked_at or self._called):
            self._steps = 0
        self._called.append(key)
        # Kept whatever was left out: functions that call each other lead to each other by too many ways.
        self._functions[key] = self._function(function, depth)
        self._called.pop()
        return self._functions[key]

    def _function(self, function: Scope, depth: int) -> str:
        if function.kind != "function" or function.is_async or function.is_generator:
            return UNKNOWN
        seen = together([self.of(function.module, function.number, each, depth + 1) for each in function.returned])
        if not is_immutable(seen) and function.returns is not None:
            said = self.annotated(function.module, function.parent, function.returns)
            vague = seen.partition(" of ")[0] in {UNKNOWN, "json", "object", "iterator"}
            return said if said != UNKNOWN and (vague or said.startswith(seen)) else seen
        return seen if function.returned else "none"


def _made_in(module: Module, scope: int, kind: str) -> str:
    """Return the kind of a function or class that is written in a scope: of a function, it keeps its variables."""
    return kind if module.enclosing(scope, "function") is None else "closure"
