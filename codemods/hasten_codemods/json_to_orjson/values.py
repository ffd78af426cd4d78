"""What can be told about the value that a call writes, or about the document that it reads."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from hasten.api import Module, Program, Read, Sink, Span, follow
from hasten_codemods.json_to_orjson.sharing import flat, given_in_passing, holds

Shape = list[Any]

#: What may be in doubt about a value: its keys may not be text, or be floats, it may hold NaN, integers beyond 64 bits,
#: instances of subclasses, types that JSON lacks, or lone surrogates.
EVERYTHING = frozenset({"keys", "float keys", "nan", "big", "subclass", "native", "surrogate"})
#: What an annotation says and nobody checks: a text, or a key, that may be of a subclass of `str`; a collection or
#: number that may be of a subclass, or hold itself.
CLAIMS = frozenset({"claimed text", "claimed keys", "claimed"})
NOTHING: frozenset[str] = frozenset()
#: In no doubt, but no text either: numbers, booleans, None. As a key, such a value needs an option.
NO_TEXT = frozenset({"no text"})

_TEXT_METHODS = frozenset(
    {"format", "join", "strip", "lstrip", "rstrip", "lower", "upper", "title", "replace", "decode", "isoformat"}
    | {"strftime", "hexdigest", "hex", "as_posix", "capitalize"}
)
_TEXT_CALLS = frozenset(
    {f"builtins.{name}" for name in ("str", "repr", "ascii", "hex", "chr", "bin", "oct")}
    | {"os.getcwd", "platform.system", "json.dumps"}
)
_SMALL_CALLS = frozenset(
    {f"builtins.{name}" for name in ("len", "bool", "isinstance", "ord", "callable", "hasattr")} | {"os.getpid"}
)
#: Uses of a part of a value that cannot change the part.
_LOOKS = frozenset({"cmp", "cond", "fmt", "idx", "bin", "expr"})
_LOOKING_METHODS = frozenset({"get", "keys", "items", "values", "count", "index"})
_LOOKING_CALLS = frozenset({"len", "print", "str", "repr", "bool", "isinstance", "type", "id", "sum", "any", "all"})
_ANNOTATIONS: dict[str, frozenset[str]] = {
    "str": frozenset({"surrogate", "claimed text"}),
    "bool": NO_TEXT,
    "None": NO_TEXT,
    "int": NO_TEXT | {"big"},
    "float": NO_TEXT | {"nan", "claimed"},
}
#: What is in doubt about a value that is no collection, and so cannot be changed.
_SCALARS = ({"surrogate"}, *_ANNOTATIONS.values(), NO_TEXT | {"nan"})
_CONTAINERS = frozenset(
    {"list", "List", "Sequence", "tuple", "Tuple", "Iterable", "dict", "Dict", "Mapping", "MutableMapping"}
)
_MAPPINGS = frozenset({"dict", "Dict", "Mapping", "MutableMapping"})
_DEEPEST = 12


class NotLiteral(Exception):  # noqa: N818 - a question answered with no, not an error
    """The shape is no constant."""


def literal(shape: Shape) -> object:
    """Return the constant that a shape stands for; raises NotLiteral."""
    match shape:
        case ["k", "str", str() as text]:
            return text
        case ["k", ("int" | "float" | "bool" | "NoneType"), str() as text]:
            return ast.literal_eval(text) if text not in {"inf", "nan"} else float(text)
        case ["u", "USub", inner] if isinstance(number := literal(inner), (int, float)):
            return -number
        case ["l", elements]:
            return [literal(each) for each in elements]
        case ["t", elements]:
            return tuple(literal(each) for each in elements)
        case ["d", pairs] if all(key is not None for key, _ in pairs):
            return {literal(key): literal(value) for key, value in pairs}
        case _:
            raise NotLiteral


def same_text(shape: Shape, keywords: dict[str, object], options: Iterable[str]) -> bool:
    """Tell whether both libraries write a constant in the same way, by running them."""
    import orjson

    option = 0
    for each in options:
        option |= getattr(orjson, each)
    try:
        value = literal(shape)
        return json.dumps(value, **keywords) == orjson.dumps(value, option=option).decode()  # type: ignore[arg-type]
    except (NotLiteral, TypeError, ValueError, RecursionError):
        return False


@dataclass(slots=True)
class Values:
    """Answers about shapes in one program."""

    program: Program
    _known: dict[tuple[int, str, int], tuple[Shape, frozenset[str]]] = field(default_factory=dict)
    _changed: dict[tuple[str, int, str], bool] = field(default_factory=dict)
    _attributes: dict[str, bool] = field(default_factory=dict)

    def doubts(self, module: Module, scope: int, shape: Shape, depth: int = 0) -> frozenset[str]:
        """Return what is in doubt about the value; `EVERYTHING` where it cannot be seen."""
        key = (id(shape), module.path, scope)
        if key not in self._known:
            if depth > _DEEPEST:
                return EVERYTHING
            # The shape is kept with the answer, so that no other one can come to have its identity.
            self._known[key] = shape, EVERYTHING  # what depends on itself cannot be told
            self._known[key] = shape, self._doubts(module, scope, shape, depth)
        return self._known[key][1]

    def _doubts(self, module: Module, scope: int, shape: Shape, depth: int) -> frozenset[str]:
        match shape:
            case ["k", "str", text]:
                return frozenset({"surrogate"}) if text is None else NOTHING
            case ["k", "int", text]:
                return NO_TEXT | {"big"} if text is None else NO_TEXT
            case ["k", "float", text]:
                return NO_TEXT | {"nan"} if text in {"inf", "nan"} else NO_TEXT
            case ["k", ("bool" | "NoneType"), _]:
                return NO_TEXT
            case ["k", *_]:
                return frozenset({"native"})
            case ["f", _]:
                return frozenset({"surrogate"})
            case ["u", "Not", _] | ["x", "Compare", *_]:
                return NO_TEXT
            case ["u", _, inner]:
                return self.doubts(module, scope, inner, depth + 1)
            case ["l" | "t", elements]:
                return self.union(module, scope, elements, depth)
            case ["d", pairs]:
                return self.of_dict(module, scope, pairs, depth)
            case ["g", "ListComp", _]:
                return EVERYTHING
            case ["?" | "b", options]:
                return self.union(module, scope, options, depth)
            case ["o", operator, left, right]:
                return self.of_operation(module, scope, operator, left, right, depth)
            case ["c", index]:
                return self.of_call(module, index)
            case ["n", name]:
                return self.of_name(module, scope, name, depth)
            case ["a", ["n", "self"], name]:
                return self.of_attribute(module, scope, name, depth)
            case _:
                return EVERYTHING

    def union(self, module: Module, scope: int, shapes: list[Shape], depth: int) -> frozenset[str]:
        """Return what is in doubt about any of several values."""
        result = NOTHING
        for each in shapes:
            result |= self.doubts(module, scope, each, depth + 1)
        return result

    def of_dict(self, module: Module, scope: int, pairs: list[list[Shape | None]], depth: int) -> frozenset[str]:
        """Return what is in doubt about a dictionary display."""
        result = NOTHING
        for key, value in pairs:
            if value is not None:
                result |= self.doubts(module, scope, value, depth + 1)
            if key is not None and not self.is_text(module, scope, key):
                result |= self._of_key(module, scope, key, depth)
        return result

    def _of_key(self, module: Module, scope: int, key: Shape, depth: int) -> frozenset[str]:
        doubts = self.doubts(module, scope, key, depth + 1)
        if doubts == _ANNOTATIONS["str"]:
            return frozenset({"claimed keys"})
        may_be_float = "nan" in doubts or key[:2] == ["k", "float"]
        return frozenset({"keys", "float keys"}) if may_be_float else frozenset({"keys"})

    def of_operation(
        self, module: Module, scope: int, operator: str, left: Shape, right: Shape, depth: int
    ) -> frozenset[str]:
        """Return what is in doubt about a binary operation: text stays text, numbers may grow."""
        if self.is_claimed_text(module, scope, left) and operator in {"Add", "Mod", "Mult"}:
            # What a subclass makes of it is not known.
            return frozenset({"surrogate"}) | (self.doubts(module, scope, left, depth + 1) & CLAIMS)
        sides = self.doubts(module, scope, left, depth + 1) | self.doubts(module, scope, right, depth + 1)
        return EVERYTHING if "subclass" in sides else sides | {"nan", "big"}

    def is_text(self, module: Module, scope: int, shape: Shape) -> bool:
        """Tell whether the value is a `str` for sure."""
        if shape[0] == "f" or shape[:2] == ["k", "str"]:
            return True
        return shape[0] in {"c", "n", "o", "?", "b", "a"} and self.doubts(module, scope, shape) == {"surrogate"}

    def is_claimed_text(self, module: Module, scope: int, shape: Shape) -> bool:
        """Tell whether the value is a `str`, or an annotation says so."""
        return self.is_text(module, scope, shape) or (
            shape[0] in {"c", "n", "o", "?", "b", "a"} and self.doubts(module, scope, shape) == _ANNOTATIONS["str"]
        )

    def of_call(self, module: Module, index: int) -> frozenset[str]:
        """Return what is in doubt about the result of a call."""
        call = module.call(index)
        dotted = self.program.dotted(module, call.scope, call.function) or ""
        if dotted in _TEXT_CALLS:
            return frozenset({"surrogate"})
        if dotted in _SMALL_CALLS:
            return NO_TEXT
        if dotted in {"builtins.int", "builtins.round", "builtins.abs"}:
            return NO_TEXT | {"big"}
        if dotted == "builtins.float":
            return NO_TEXT | {"nan"}
        if dotted in {"time.time", "time.monotonic", "time.perf_counter", "random.random"}:
            return NO_TEXT
        if dotted in {"json.loads", "json.load", "orjson.loads"} and len(call.arguments) == 1:
            return frozenset({"big", "nan", "surrogate"})
        if call.function[0] == "a" and call.tail in _TEXT_METHODS:
            if self.is_text_source(module, call.scope, call.function[1], call.tail):
                return frozenset({"surrogate"})
            # `name.strip()` is what the class of `name` makes it.
            claimed = self.is_claimed_text(module, call.scope, call.function[1])
            return _ANNOTATIONS["str"] if claimed else EVERYTHING
        target, _ = self.program.target_of(call)
        if target is not None and target.kind == "function" and target.returns is not None and not target.is_generator:
            return annotation_doubts(target.returns)
        return EVERYTHING

    def is_text_source(self, module: Module, scope: int, base: Shape, method: str) -> bool:
        """Tell whether a method of that name on `base` surely gives text."""
        return method in {"isoformat", "strftime", "hexdigest", "as_posix"} or self.is_text(module, scope, base)

    def of_name(self, module: Module, scope: int, name: str, depth: int) -> frozenset[str]:
        """Return what is in doubt about a variable: its one value, or its annotation."""
        found = module.lookup(scope, name)
        binding = self.program.only_binding(module, found[0], name) if found is not None else None
        if found is None or binding is None:
            return EVERYTHING
        owner = found[0]
        if binding.kind == "param":
            return self.of_parameter(module, owner, name, binding.payload, depth)
        if binding.kind != "assign" or binding.payload is None or "L" in binding.nest:
            return EVERYTHING
        doubts = self.doubts(module, binding.scope, binding.payload, depth + 1)
        if binding.payload[0] in {"d", "l", "c", "n", "?", "b"} and self.is_changed(module, owner, name):
            return EVERYTHING
        return doubts

    def of_attribute(self, module: Module, scope: int, name: str, depth: int) -> frozenset[str]:
        """Return what is in doubt about `self.name`: what its class puts there.

        A collection may be filled from anywhere, so nothing is known about one unless all who read it only look.
        """
        owner = self.program.method_owner(module, scope)
        result = NOTHING
        stores = [
            (each, *record)
            for each in self.program.modules_with("attribute_stores", name)
            for record in each.facts["attribute_stores"][name]
        ]
        collection = False
        for other, base, value, where, _start in stores:
            if base != ["n", "self"] or value is None or self.program.method_owner(other, where) != owner:
                return EVERYTHING
            doubts = self.doubts(other, where, value, depth + 1)
            if value[0] == "c" and not self._others_look(other, where, other.call(value[1]).use):
                return EVERYTHING
            result |= doubts
            if value[0] not in {"n", "k", "f", "c"} or "keys" in result:
                return EVERYTHING
            # What `json.loads` gives, or a parameter, is text or a number only where that can be seen.
            collection = collection or (value[0] in {"n", "c"} and doubts not in _SCALARS)
        self.program.want(name)
        if collection and self._attribute_is_changed(name):
            return EVERYTHING
        return result if stores and owner is not None else EVERYTHING

    def _attribute_is_changed(self, name: str) -> bool:
        """Tell whether anything but looking may happen to what instances hold as `name`, whatever holds it."""
        if name not in self._attributes:
            self._attributes[name] = True  # while it is looked for
            asked = [call.argument(1) for call in self.program.calls_named("getattr", want=False)]
            self._attributes[name] = any(each is not None and each.shape == ["k", "str", name] for each in asked) or (
                not all(self._looks(read) for read in self.program.attribute_reads(name))
            )
        return self._attributes[name]

    def of_parameter(self, module: Module, owner: int, name: str, number: int, depth: int) -> frozenset[str]:
        """Return what a parameter's annotation leaves in doubt, and what defaults and calls in plain sight add."""
        function = module.scope(owner)
        _, kind, annotation, default = function.parameters[number]
        if annotation is None or kind not in {"plain", "posonly", "kw"}:
            return EVERYTHING
        result = annotation_doubts(annotation)
        if default is not None:
            result |= self.doubts(module, function.parent, default, depth + 1)
        if function.kind == "function":
            for call, shape in self.program.arguments_for(function, name):
                seen = self.doubts(call.module, call.scope, shape, depth + 1)
                # What cannot be seen adds nothing to what the annotation says; what can be seen may refute it.
                if shape[0] in {"d", "l", "t", "k"} or not seen >= EVERYTHING:
                    result |= seen
        return result

    def is_changed(self, module: Module, owner: int, name: str) -> bool:
        """Tell whether anything but looking may happen to a variable's value, or to a part of it.

        A variable of a function has a new value in each call, and what the caller does with that comes later. That of a
        module, or of the function around, is there for all who import it, or are given it.
        """
        key = (module.path, owner, name)
        if key not in self._changed:
            self._changed[key] = True  # while it is looked for
            if owner == 0:
                sinks = follow(self.program, module, 0, Span(0, 0), ["asg", 0, name])
                changed = not all(self._sink_looks(each) for each in sinks)
            else:
                changed = self._reads_change(module, owner, name)
            self._changed[key] = changed or self._is_shared(module, owner, name)
        return self._changed[key]

    def _reads_change(self, module: Module, owner: int, name: str) -> bool:
        return not all(self._looks(read, new=read.scope == owner) for read in module.reads(owner, name))

    def _is_shared(self, module: Module, owner: int, name: str) -> bool:
        """Tell whether a value may be changed by another way than its name: `(d := {})[1] = 2`, `d = e = {}`."""
        binding = self.program.only_binding(module, owner, name)
        value = binding.payload if binding is not None and binding.kind == "assign" else None
        if binding is None or value is None:
            return False
        if value[0] == "c":
            return not self._others_look(module, binding.scope, module.call(value[1]).use)
        # Facts tell the uses of names and calls, not those of a display: the display is looked for where it may be.
        line = module.position(binding.start).line
        beside = range(line - 1, line + 2)
        return (
            any(
                where == binding.scope and (holds(base, value) or holds(kept, value))
                for base, _key, kept, where in module.facts["item_stores"]
            )
            or any(
                holds(kept, value) and module.position(start).line in beside and self._attribute_is_changed(attribute)
                for attribute, stores in module.facts["attribute_stores"].items()
                for _base, kept, _scope, start in stores
            )
            or any(
                other != name
                and each[0] == "assign"
                and holds(each[1], value)
                and module.position(each[2]).line in beside
                and (each[1] != value or self._reads_change(module, scope, other))
                for scope in {binding.scope, owner}
                for other, bindings in module.facts["binds"][scope].items()
                for each in bindings
            )
            or not all(
                self._only_looks(module, scope, use) for scope, use in given_in_passing(module, binding.start, value)
            )
        )

    def _others_look(self, module: Module, scope: int, use: list[Any]) -> bool:
        """Tell whether what a call gives is only looked at by those of its uses that are none but names."""
        if use[0] != "multi":
            return True
        return all(
            not self._reads_change(module, found[0] if (found := module.lookup(scope, each[2])) else each[1], each[2])
            if each[0] == "asg"
            else not self._attribute_is_changed(each[2])
            if each[0] == "asgattr"
            else each[0] == "ret" or self._only_looks(module, scope, each)
            for each in flat(use)
        )

    def _looks(self, read: Read, *, new: bool = False) -> bool:
        """Tell whether a read only looks at a value; one that is returned is looked at by the callers, or is `new`."""
        if read.use[0] != "ret" or new:
            return self._only_looks(read.module, read.scope, read.use) or read.use[0] == "ret"
        sinks = follow(self.program, read.module, read.scope, read.span, read.use)
        return all(self._sink_looks(each) for each in sinks)

    def _sink_looks(self, sink: Sink) -> bool:
        # What nobody in sight uses is changed by nobody in sight.
        return sink.kind == "unseen" or (
            sink.kind == sink.use[0] and self._only_looks(sink.module, sink.scope, sink.use)
        )

    def _only_looks(self, module: Module, scope: int, use: list[Any]) -> bool:
        match use:
            case ["sub", inner]:
                return inner[0] in _LOOKS or (inner[0] in {"sub", "arg"} and self._only_looks(module, scope, inner))
            case ["meth", method, index] if method in _LOOKING_METHODS:
                return module.call(index).use[0] in _LOOKS
            case ["arg", index, _]:
                root, _, last = (module.dotted(scope, module.call(index).function) or "").rpartition(".")
                return (root in {"json", "orjson"} and last in {"dumps", "dump"}) or (
                    root == "builtins" and last in _LOOKING_CALLS
                )
            case [kind, *_]:
                return kind in _LOOKS
            case _:
                return False


def annotation_doubts(shape: Shape) -> frozenset[str]:
    """Return what an annotation leaves in doubt about a value."""
    match shape:
        case ["n", name] if name in _ANNOTATIONS:
            return _ANNOTATIONS[name]
        case ["k", "NoneType", _]:
            return NO_TEXT
        case ["k", "str", str() as text] if text in _ANNOTATIONS:
            return _ANNOTATIONS[text]
        case ["o", "BitOr", left, right]:
            return annotation_doubts(left) | annotation_doubts(right)
        case ["i", ["n", name] | ["a", _, name], inner] if name in _CONTAINERS:
            parts = inner[1] if inner[0] == "t" else [inner]
            if name in _MAPPINGS:
                keys = _annotated_keys(parts[:1]) | {"claimed"}
                parts = parts[1:]
            else:
                keys = frozenset({"claimed"})
            for each in parts:
                if each != ["k", "ellipsis", None]:
                    keys |= annotation_doubts(each)
            return keys
        case ["i", ["n", "Optional"] | ["a", _, "Optional"], inner]:
            return annotation_doubts(inner)
        case _:
            return EVERYTHING


def _annotated_keys(parts: list[Shape]) -> frozenset[str]:
    match parts:
        case [["n", "str"]]:
            return frozenset({"claimed keys"})
        case [["n", "int" | "bool"]]:
            return frozenset({"keys"})
        case _:
            return frozenset({"keys", "float keys"})


def is_plain_text(shape: Shape, module: Module) -> bool:
    """Tell whether a document comes out of a file, a socket or a decoder, which make `str` and `bytes` themselves."""
    match shape:
        case ["c", int() as index]:
            return module.call(index).tail in {
                "read",
                "decode",
                "read_text",
                "read_bytes",
                "readline",
                "getvalue",
                "recv",
                "dumps",
                "communicate",
            }
        case ["a", _, "text" | "content"]:
            return True
        case _:
            return False


def document_is_text(values: Values, module: Module, scope: int, shape: Shape, depth: int = 0) -> bool:
    """Tell whether what `loads` is given is `str`, `bytes` or `bytearray` for sure (and so never raises TypeError)."""
    if values.is_text(module, scope, shape) or shape[:2] == ["k", "bytes"]:
        return True
    if shape[0] == "c":
        call = module.call(shape[1])
        dotted = module.dotted(scope, call.function) or ""
        return dotted in {"json.dumps", "orjson.dumps", "builtins.bytes", "subprocess.check_output"}
    if shape[0] == "n" and depth < _DEEPEST:
        found = module.lookup(scope, shape[1])
        binding = values.program.only_binding(module, found[0], shape[1]) if found is not None else None
        if binding is None or binding.kind != "assign" or binding.payload is None:
            return False
        return document_is_text(values, module, binding.scope, binding.payload, depth + 1)
    return False
