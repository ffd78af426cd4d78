"""What the whole program shows about the documents it handles: evidence that no single call holds.

A witness is a place. A hazard that rests on one names it, so that a person can judge in a second whether it matters.
"""

from __future__ import annotations

import json
import re
from functools import cached_property, partial

from hasten.api import Call, Module, Program
from hasten_codemods.json_to_orjson import floatkeys, kinds, literals, tuples

_PATCHED = re.compile(r"(?:^|\.)json(?:\.(loads|dumps|load|dump))?$")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]|\\ud[89a-f]")
_PAIR = re.compile(r"(?:\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})")
_NAN = re.compile(r"(?<![A-Za-z])-?(?:NaN|Infinity)(?![A-Za-z])|\d[eE]\+?[34]\d\d\b")
_BIG = re.compile(r"(?<![\d.])(\d{19,})(?![\d.eE])")
_CODEC = re.compile(r"^[uU][tT][fF][-_ ]?(?:8[-_][sS][iI][gG]|16|32)")
_MARK = re.compile(r"^(?:\xff\xfe|\xfe\xff|\xef\xbb\xbf|\ufeff)")
_READING_MESSAGE = re.compile(literals.READING_WORDS)
_WRITING_MESSAGE = re.compile(literals.WRITING_WORDS)
_FRAGMENT = re.compile(r"\"\s*: |\", \"")
_READERS = frozenset({"loads", "load", "StringIO", "BytesIO", "write", "write_text", "write_bytes", "fromstring"})
_NON_FINITE = kinds.NON_FINITE | {"builtins.float"}


class Witnesses:
    """The witnesses of one program, each looked for once, on demand."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self.program = program

    @cached_property
    def _strings(self) -> list[tuple[Module, int, str, list[object], int]]:
        return [
            (module, start, text, use, scope)
            for module in self.program.modules
            for start, text, use, scope in module.facts["strings"]
        ]

    def _documents(self) -> list[tuple[Module, int, str, list[object]]]:
        """Return the string literals that are JSON text, or are given to a JSON parser."""
        return [
            (module, *each)
            for module in self.program.modules
            for each in module.remember("json-to-orjson: documents", partial(_documents, module))
        ]

    def _first_document(self, pattern: re.Pattern[str]) -> str | None:
        for module, start, text, _use in self._documents():
            if pattern.search(text):
                return _place(module, start)
        return None

    def _from_data(self, kind: str) -> str | None:
        return next((f"{each.path}:{each.line}" for each in self.program.data if each.kind == kind), None)

    @cached_property
    def patches(self) -> dict[str, list[tuple[str, str]]]:
        """Return, per function of `json` ("" for the module), the strings that name it, with their places."""
        found: dict[str, list[tuple[str, str]]] = {}
        for module in self.program.modules:
            for function, start, text in module.remember("json-to-orjson: patches", partial(_patches, module)):
                found.setdefault(function, []).append((text, _place(module, start)))
        return found

    def patch_of(self, function: str, module: Module) -> str | None:
        """Return where `json.<function>`, as `module` sees it, is patched by name.

        `json.loads` by itself patches it for all; `app.store.json` and `app.store.json.loads` for that module, if the
        program has it. Any other name, such as that of a file called `db.json`, patches nothing of ours.
        """
        for kind in (function, ""):
            found = self._patched.get((kind, "")) or self._patched.get((kind, module.path))
            if found is not None:
                return found
        return None

    @cached_property
    def _patched(self) -> dict[tuple[str, str], str]:
        """Return the places by function and path of the module that is meant, `""` for all."""
        found: dict[tuple[str, str], str] = {}
        for kind, named in self.patches.items():
            for target, place in named:
                prefix = target.removesuffix(f".{kind}" if kind else "").removesuffix("json").rstrip(".")
                meant = self.program.named(prefix) if prefix else None
                if meant is not None or (not prefix and kind):
                    found.setdefault((kind, meant.path if meant is not None else ""), f"{place} (`{target}`)")
        return found

    @cached_property
    def non_finite(self) -> str | None:
        """Return a place that makes NaN or infinity in Python, or imports a library whose numbers often are."""
        return self.made_non_finite or self._first_import("numpy", "pandas")

    @cached_property
    def made_non_finite(self) -> str | None:
        """Return a place that makes NaN or infinity in Python."""
        self._want_non_finite()
        for module in self.program.modules:
            for start in module.facts["infinite"]:
                return _place(module, start)
        for word in ("nan", "inf", "infinity"):
            self.program.want(word)
        for call in self.program.calls_named("float", want=False):
            if kinds.makes_non_finite(call):
                return _place(call.module, call.span.start)
        for module in self.program.modules:
            for imported in module.imports():
                if module.import_target(imported) in _NON_FINITE:
                    return _place(module, imported.start)
        for name in ("nan", "inf"):
            for read in self.program.attribute_reads(name):
                return _place(read.module, read.span.start)
        return None

    def _want_non_finite(self) -> None:
        for word in ("NaN", "Infinity"):
            self.program.want(word)
        self.program.want_like(*literals.NON_FINITE_NUMBERS)

    def _first_import(self, *names: str) -> str | None:
        for name in names:
            self.program.want(name)
        for module in self.program.modules:
            for imported in module.imports():
                root = (imported.module or imported.name).partition(".")[0]
                if imported.level <= 0 and root in names:
                    return _place(module, imported.start)
        return None

    @cached_property
    def replaced_client(self) -> str | None:
        """Return a place that names a function of `requests`, as tests do that put another in its place."""
        for module, start, text, use, _scope in self._strings:
            if use != ["expr"] and re.search(r"(?:^|\.)requests\.\w+", text) and not set(text) & set(" /"):
                return _place(module, start)
        self.program.want("requests")
        for module in self.program.modules:
            for records in module.facts["attribute_stores"].values():
                for base, _value, scope, start in records:
                    if module.dotted(scope, base) == "requests":
                        return _place(module, start)
        for call in self.program.calls_named("setattr", want=False):
            first = call.argument(0)
            if first is not None and call.module.dotted(call.scope, first.shape) == "requests":
                return _place(call.module, call.span.start)
        return None

    @cached_property
    def non_finite_text(self) -> str | None:
        """Return a place that holds NaN or infinity in JSON text."""
        self._want_non_finite()
        return self._from_data("nan") or self._first_document(_NAN)

    @cached_property
    def big(self) -> str | None:
        """Return a place that holds an integer beyond 64 bits."""
        self.program.want_like(*literals.BIG_INTEGERS)
        for module in self.program.modules:
            for start in module.facts["big"]:
                return _place(module, start)
        for name in ("int", "from_bytes"):
            for call in self.program.calls_named(name, want=False):
                if _is_digest(call):
                    return _place(call.module, call.span.start)
        return self._big_text

    @cached_property
    def _big_text(self) -> str | None:
        for module, start, text, _use in self._documents():
            for match in _BIG.finditer(text):
                if int(match[1][:25]) >= 1 << 63:
                    return _place(module, start)
        return self._from_data("big")

    @cached_property
    def subclass(self) -> str | None:
        """Return a place that defines a named tuple or another class that orjson treats differently."""
        self.program.want_like(literals.subclass_of(kinds.SPECIAL_BASES))
        for word in ("namedtuple", "NamedTuple"):
            names = {word}
            for module in self.program.modules:
                names |= {each.asname for each in module.imports() if each.name == word and each.asname}
            for name in sorted(names):
                for call in self.program.calls_named(name):
                    return _place(call.module, call.span.start)
            self.program.want(word)
        for scope in self.program.classes():
            if kinds.is_tuple(self.program, scope) or kinds.is_other_collection(self.program, scope):
                return _place(scope.module, scope.span.start)
        return self._reordered or self._first_import(*tuples.FOREIGN_NUMBERS)

    @cached_property
    def _reordered(self) -> str | None:
        """Return a place that makes a mapping that shows other things, or in another order, than its `dict` holds."""
        for call in self.program.calls_named("move_to_end"):
            return _place(call.module, call.span.start)
        for name in sorted(tuples.FOREIGN_CLASSES):
            self.program.want(name)
        for module in self.program.modules:
            for imported in module.imports():
                if imported.name in tuples.FOREIGN_CLASSES:
                    return _place(module, imported.start)
        return None

    @cached_property
    def float_key(self) -> str | None:
        """Return a place that uses a float as a key of a dictionary."""
        return floatkeys.find(self.program)

    @cached_property
    def text_subclass(self) -> str | None:
        """Return a place that defines or imports a subclass of `str` or `bytes`."""
        self.program.want_like(literals.subclass_of(kinds.TEXT_BASES))
        for scope in self.program.classes():
            if kinds.is_text(self.program, scope):
                return _place(scope.module, scope.span.start)
        return self._first_import("markupsafe")

    @cached_property
    def surrogate(self) -> str | None:
        """Return a place that holds a lone surrogate."""
        self.program.want_like(*literals.SURROGATES)
        for module, start, text, use, _scope in self._strings:
            if use != ["expr"] and (_SURROGATE.search(_PAIR.sub("", text)) or text.startswith("surrogate")):
                return _place(module, start)
        for call in self.program.calls_named("fsdecode"):
            return _place(call.module, call.span.start)
        return self._from_data("surrogate")

    @cached_property
    def other_encoding(self) -> str | None:
        """Return a place that makes or holds bytes with a byte order mark, or in UTF-16 or UTF-32."""
        self.program.want_like(*literals.OTHER_ENCODINGS)
        for module, start, text, use, _scope in self._strings:
            # An `encoding=` of a text file is none: the file takes the mark away before anyone sees it.
            if _MARK.search(text) or (_CODEC.search(text) and _encodes(module, use)):
                return _place(module, start)
        for name in ("BOM_UTF8", "BOM_UTF16", "BOM_UTF16_LE", "BOM_UTF16_BE", "BOM"):
            for read in self.program.attribute_reads(name):
                return _place(read.module, read.span.start)
        return self._from_data("bom")

    @cached_property
    def depth(self) -> str | None:
        """Return a place that makes deeply nested text, such as `"[" * 100_000`, or changes the recursion limit."""
        self.program.want_like(*literals.NESTED_TEXT)
        for module, start, text, use, _scope in self._strings:
            if use == ["bin", "Mult"] and text.lstrip()[:1] in {"[", "{"}:
                return _place(module, start)
        for call in self.program.calls_named("setrecursionlimit"):
            return _place(call.module, call.span.start)
        return None

    @cached_property
    def reading_message(self) -> str | None:
        """Return a place that knows the words of an error of `loads`."""
        self.program.want_like(*literals.READING_MESSAGES)
        return self._message(_READING_MESSAGE)

    @cached_property
    def writing_message(self) -> str | None:
        """Return a place that knows the words of an error of `dumps`."""
        self.program.want_like(*literals.WRITING_MESSAGES)
        return self._message(_WRITING_MESSAGE)

    def _message(self, words: re.Pattern[str]) -> str | None:
        for module, start, text, use, _scope in self._strings:
            # A docstring that talks about errors expects none, unless it is run as a test.
            if words.search(text) and (use != ["expr"] or ">>>" in text):
                return _place(module, start)
        return None

    @cached_property
    def known_text(self) -> str | None:
        """Return a place that holds JSON text in the standard library's format and is not there to be parsed."""
        for module, start, text, use, _scope in self._strings:
            fragment = bool(_FRAGMENT.search(text))
            if not fragment and (text.lstrip()[:1] not in {"[", "{"} or not _is_standard(text)):
                continue
            match use:
                case ["arg", int() as index, _] if module.call(index).tail in _READERS:
                    continue
                case ["expr"]:
                    continue
                case _:
                    return _place(module, start)
        return None


def _is_digest(call: Call) -> bool:
    """Tell whether a whole digest becomes an integer: `int(sha256(data).hexdigest(), 16)`.

    Arithmetic with it, such as `% 100`, is there to make it small.
    """
    first = call.argument(0)
    if first is None or call.use[0] == "bin" or (call.tail == "int" and call.argument(1, "base") is None):
        return False
    made = call.module.call(first.shape[1]).tail if first.shape[0] == "c" else ""
    return made in ({"hexdigest"} if call.tail == "int" else {"digest"})


def _is_standard(text: str) -> bool:
    """Tell whether `text` is a JSON document that orjson would format otherwise."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        # A part of a document, or one with placeholders: the spacing decides.
        return bool(re.search(r"\"\s*: |\", \"|\\u[0-9a-f]{4}", text))
    return (
        isinstance(value, (dict, list))
        and len(value) > 0
        and json.dumps(value, separators=(",", ":"), ensure_ascii=False) != text.strip()
    )


def _encodes(module: Module, use: list[object]) -> bool:
    """Tell whether a codec is the argument of something that makes bytes: `encode`, `bytes`, a file to write to."""
    if use[0] != "arg" or not isinstance(use[1], int):
        return False
    call = module.call(use[1])
    mode = call.argument(1, "mode")
    writes = mode is not None and mode.shape[:2] == ["k", "str"] and bool(set(str(mode.shape[2])) & set("wax+"))
    return call.tail in {"encode", "bytes", "write_text"} or (call.tail == "open" and writes)


def _documents(module: Module) -> list[tuple[int, str, list[object]]]:
    return [
        (start, text, use)
        for start, text, use, _scope in module.facts["strings"]
        if text.lstrip()[:1] in {"[", "{"} or _tail(module, use) in {"loads", "load"}
    ]


def _patches(module: Module) -> list[tuple[str, int, str]]:
    """Return the strings that name a function of `json`, or the module (`""`), with the function and the offset."""
    return [
        (match[1] or "", start, text)
        for start, text, _use, _scope in module.facts["strings"]
        if (match := _PATCHED.search(text)) and "." in text and not set(text) & set(" /")
    ]


def _tail(module: Module, use: list[object]) -> str:
    """Return the name of the function that a literal is an argument of, or nothing."""
    return module.call(use[1]).tail if use[0] == "arg" and isinstance(use[1], int) else ""


def _place(module: Module, start: int) -> str:
    return f"{module.path}:{module.position(start).line}"
