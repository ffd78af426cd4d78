"""Files that JSON is written to: who else opens them, and what becomes of what is read."""

from __future__ import annotations

import posixpath
from functools import cached_property
from typing import Any

from hasten.api import Call, Module, Program, Sink, Span, follow
from hasten_codemods.json_to_orjson.handlers import place_of
from hasten_codemods.json_to_orjson.takers import Takers, takes
from hasten_codemods.json_to_orjson.verdicts import Verdict, says_utf8

Shape = list[Any]

#: A path is looked for behind so many names.
_DEEPEST = 8
_ABOUT_PATHS = frozenset(
    [
        "exists",
        "is_file",
        "isfile",
        "is_dir",
        "unlink",
        "remove",
        "touch",
        "access",
        "open",
        "read_text",
        "read_bytes",
        "write_text",
        "write_bytes",
        "dirname",
        "basename",
        "chmod",
    ]
)
#: Arguments of a parser that show the spelling of a document, or may.
_TELLING = frozenset({"parse_float", "parse_constant", "cls", "*", "**"})


class Files:
    """The files of one program, as far as their paths can be seen."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self.program = program
        self._takers = Takers(program)

    def of_write(self, call: Call, place: str) -> Verdict:
        """Return what becomes of text that `write`, `write_text` and the like put into a file."""
        return self._counted(call) or self._written(call, place)

    def _counted(self, call: Call) -> Verdict | None:
        """Return who uses the number of characters that a `write` returns: it is another now."""
        for sink in follow(self.program, call.module, call.scope, call.span, call.use):
            if sink.kind in {"expr", "cond", "dest"}:
                continue
            if sink.kind in {"unseen", "escapes", "outside", "yield"}:
                return Verdict("JSON003", f"the number of characters is handed on at {sink.place}")
            return Verdict("JSON001", f"the number of characters written is used at {sink.place}")
        return None

    def _written(self, call: Call, place: str) -> Verdict:
        if call.tail in {"write_text", "write_bytes"}:
            path = call.function[1]
            encoding = call.argument(1, "encoding")
            if call.tail == "write_text" and not says_utf8(encoding.shape if encoding else None):
                return Verdict("JSON004", f'the file at {place} is written without `encoding="utf-8"`')
            return self.of_path(call.module, call.scope, path, place)
        return self.of_file(call.module, call.scope, call.function[1], place)

    def of_file(self, module: Module, scope: int, file: Shape, place: str) -> Verdict:
        """Return what becomes of text that is written to the open file `file`."""
        dotted = module.dotted(scope, file) or ""
        if dotted in {"sys.stdout", "sys.stderr"}:
            return Verdict("JSON001", f"the text is printed at {place}")
        opened = self._opening(module, scope, file)
        if opened is None:
            return Verdict("JSON003", f"the text is written to a file that cannot be seen at {place}")
        measured = self._measured(module, scope, file)
        if measured is not None:
            return measured
        path, binary, encoding = opened
        if not binary and not says_utf8(encoding):
            return Verdict("JSON004", f'the file written at {place} is opened without `encoding="utf-8"`')
        return self.of_path(module, scope, path, place)

    def _measured(self, module: Module, scope: int, file: Shape) -> Verdict | None:
        """Return who asks the open file how much was written, or hands on what tells it."""
        found = module.lookup(scope, file[1])
        for read in module.reads(found[0], file[1]) if found is not None else ():
            for sink in follow(self.program, module, read.scope, read.span, read.use):
                if sink.kind == "meth" and sink.call is not None:
                    used = sink.call.use != ["expr"]
                    if sink.call.tail == "tell" or (used and sink.call.tail in {"seek", "truncate"}):
                        return Verdict("JSON001", f"the length of what was written is asked for at {sink.place}")
                    if sink.call.tail == "fileno" and not _locks(sink.call):
                        return Verdict("JSON003", f"the file is handed on at {sink.place}")
                if sink.kind == "attr" and sink.use[1] == "name":
                    onward = follow(self.program, sink.module, sink.scope, sink.span, sink.use[2], _keeps_path)
                    if not all(_is_path_use(each) or _prints(each) for each in onward):
                        return Verdict("JSON003", f"the path of the file is handed on at {sink.place}")
        return None

    def is_text_file(self, module: Module, scope: int, file: Shape) -> bool:
        """Tell whether `file` is seen to be opened in text mode."""
        opened = self._opening(module, scope, file)
        return opened is not None and not opened[1]

    def _opening(self, module: Module, scope: int, file: Shape) -> tuple[Shape, bool, Shape | None] | None:
        """Return path, binary or not, and encoding of the `open` behind a file variable."""
        if file[0] != "n":
            return None
        found = module.lookup(scope, file[1])
        if found is None or len(found[1]) != 1 or found[1][0].kind not in {"with", "assign"}:
            return None
        value = found[1][0].payload
        if value is None or value[0] != "c":
            return None
        return _opened(module, module.call(value[1]))

    def of_path(self, module: Module, scope: int, path: Shape, place: str) -> Verdict:
        """Return whether all who open the file at `path` in the program parse what they read."""
        key = self._identity(module, scope, path)
        if key is None or (key[0] == "text" and not key[1].endswith((".json", ".jsonl"))):
            return Verdict("JSON003", f"the text is written to a file at {place} whose readers cannot be seen")
        readers = 0
        for call, where in self._openings:
            same = self._is_same(module, scope, path, key, call, where)
            if same is False:
                continue
            verdict = self._reads(call)
            if verdict is False:
                there = _place(call)
                if same is None:
                    return Verdict("JSON003", f"the file written at {place} may be the one read as text at {there}")
                return Verdict("JSON001", f"the file written at {place} is read as text at {there}")
            if verdict and _may_misread(call, certain=bool(same)):
                return Verdict(
                    "JSON004", f"the file written at {place} is read at {_place(call)} in what may not be UTF-8"
                )
            readers += verdict is True and same is True
        if not readers:
            return Verdict(
                "JSON003", f"the text is written to a file at {place}, and nothing in the program reads it back"
            )
        stray = self._stray_use(module, scope, path, key) or self._listing or self._taken(module, scope, path, key)
        if stray is not None:
            return Verdict("JSON003", f"the path of the file written at {place} is handed on at {stray}")
        return Verdict("JSON204", f"the file written at {place} is only read by JSON parsers", needs_no_known_text=True)

    @cached_property
    def _openings(self) -> list[tuple[Call, Shape]]:
        """Return every call that opens a file or reads one whole, with the path."""
        found: list[tuple[Call, Shape]] = []
        for call in self.program.calls_named("open"):
            opened = _opened(call.module, call)
            if opened is not None and not self._is_no_path(call):
                found.append((call, opened[0]))
            elif opened is None and call.module.dotted(call.scope, call.function) == "builtins.open":
                path = call.argument(0, "file")  # in a mode that cannot be seen
                found += [(call, path.shape)] if path is not None else []
        for name in ("read_text", "read_bytes"):
            found += [
                (call, call.function[1])
                for call in self.program.calls_named(name)
                if call.function[0] == "a" and not self._is_no_path(call)
            ]
        return found

    def _is_no_path(self, call: Call) -> bool:
        """Tell whether `x.open()` is a method of something that is seen to be no path: an archive, for one."""
        if call.function[0] != "a" or call.module.dotted(call.scope, call.function) is not None:
            return False
        made = self.program.constructed(call.module, call.scope, call.function[1])
        return made is not None and "Path" not in made.rpartition(".")[2]

    def _is_same(
        self, module: Module, scope: int, path: Shape, key: tuple[str, ...], call: Call, where: Shape
    ) -> bool | None:
        """Tell whether `where` at `call` is the file at `path`, whose identity is `key`; None where it may be."""
        ends = self._ends(module, scope, path)
        may = False
        for other, number, shape in self._spellings(call.module, call.scope, where):
            found = self._identity(other, number, shape)
            if found == key:
                return True
            may = may or any(_may_end_alike(one, two) for one in ends for two in self._ends(other, number, shape))
        return None if may else False

    def _spellings(self, module: Module, scope: int, path: Shape, depth: int = 0) -> list[tuple[Module, int, Shape]]:
        """Return what a path may be: for a parameter, what every caller in the program gives for it."""
        here = [(module, scope, path)]
        found = module.lookup(scope, path[1]) if path[0] == "n" and depth < _DEEPEST else None
        if found is None or any(each.kind != "param" for each in found[1]):
            return here
        function = module.scope(found[0])
        if function.kind != "function" or self.program.references(function):
            return here
        callers = self.program.callers(function)
        given = list(self.program.arguments_for(function, path[1]))
        default = next((each[3] for each in function.parameters if each[0] == path[1]), None)
        if not given or not all(certain for _, certain in callers) or (len(given) < len(callers) and default is None):
            return here
        result = [each for call, shape in given for each in self._spellings(call.module, call.scope, shape, depth + 1)]
        return result + ([(module, function.parent, default)] if default is not None else [])

    def _ends(self, module: Module, scope: int, path: Shape, depth: int = 0) -> list[str]:
        """Return how a path may end, as far as that can be seen; an empty text is no end."""
        match path:
            case ["k", "str", str() as text]:
                return [posixpath.normpath(text).rpartition("/")[2]]
            case ["f", parts] if parts:
                return self._ends(module, scope, parts[-1], depth)
            case ["o", "Div" | "Add", _, right]:
                return self._ends(module, scope, right, depth)
            case ["?" | "b", options]:
                return [end for each in options for end in self._ends(module, scope, each, depth)]
            case ["c", index]:
                call = module.call(index)
                plain = call.arguments and not any(each.keyword for each in call.arguments)
                if plain and call.tail in {"Path", "str", "fspath", "join", "joinpath", "with_suffix", "with_name"}:
                    return self._ends(module, scope, call.arguments[-1].shape, depth)
                if call.tail in {"resolve", "absolute", "expanduser"} and call.function[0] == "a":
                    return self._ends(module, scope, call.function[1], depth)
            case ["n", name] if depth < _DEEPEST:
                dotted = module.dotted(scope, path)
                owner = self.program.owner_of(dotted) if dotted else None
                if owner is not None and owner[0] is not module:
                    return self._ends(owner[0], 0, ["n", owner[1]], depth + 1)
                found = module.lookup(scope, name)
                if found is not None and all(each.kind == "assign" and each.payload for each in found[1]):
                    if found[0] == 0 and self.program.rebound(module, name, patches=False) is not None:
                        return [""]
                    return [end for each in found[1] for end in self._ends(module, each.scope, each.payload, depth + 1)]
            case ["a", ["n", "self"] as base, name] if depth < _DEEPEST:
                stores = [each for each in module.facts["attribute_stores"].get(name, ()) if each[0] == base]
                if stores and all(each[1] for each in stores):
                    return [end for each in stores for end in self._ends(module, each[2], each[1], depth + 1)]
            case _:
                pass
        return [""]

    @cached_property
    def _listing(self) -> str | None:
        """Return a place that finds files by listing directories, and so may find any."""
        for name in ("glob", "rglob", "iglob", "iterdir", "listdir", "scandir", "walk"):
            for call in self.program.calls_named(name):
                return f"{call.module.path}:{call.module.position(call.span.start).line}"
        return None

    def _taken(self, module: Module, scope: int, path: Shape, key: tuple[str, ...]) -> str | None:
        """Return a place that copies, measures or shows a file that may be this one by its path, or its directory."""
        ends = self._ends(module, scope, path)
        whole = key[1] if key[0] == "text" else ""
        return next((each.place for each in self._takers.calls if takes(each, ends, whole)), None)

    def _stray_use(self, module: Module, scope: int, path: Shape, key: tuple[str, ...]) -> str | None:
        """Return a place that does something else with the path than to open the file or to ask about it."""
        starts: list[tuple[Module, int, list[Any]]] = []
        if key[0] == "text":
            for other in self.program.modules:
                for _start, text, use, where in other.facts["strings"]:
                    if posixpath.basename(text) == posixpath.basename(key[1]):
                        starts.append((other, where, use))
        match path:
            case ["n", name] if (found := module.lookup(scope, name)) is not None:
                starts.append((module, scope, ["asg", found[0], name]))
            case ["a", ["n", "self"] as base, name]:
                starts.append((module, scope, ["asgattr", base, name]))
            case _:
                pass
        nowhere = Span(0, 0)
        for other, where, use in starts:
            for sink in follow(self.program, other, where, nowhere, use, _keeps_path):
                opens = sink.call is not None and sink.call.tail in {"open", "read_text", "read_bytes"}
                if not _is_path_use(sink) or (opens and sink.call is not None and self._reads(sink.call) is False):
                    return sink.place
        return None

    def _identity(self, module: Module, scope: int, path: Shape, depth: int = 0) -> tuple[str, ...] | None:
        """Return what tells one file from another: its path, the name of a variable, or an attribute of one class."""
        match path:
            case ["k", "str", str() as text]:
                return ("text", posixpath.normpath(text))
            case ["n", name] if depth < _DEEPEST:
                found = module.lookup(scope, name)
                return self._of_variable(module, found[0], name, depth) if found is not None else None
            case ["c", index]:
                call = module.call(index)
                if call.tail in {"Path", "str", "fspath"} and len(call.arguments) == 1:
                    return self._identity(module, scope, call.arguments[0].shape, depth)
            case _:
                pass
        return None

    def _of_variable(self, module: Module, scope: int, name: str, depth: int) -> tuple[str, ...] | None:
        """Return the identity of the path in a variable: the path, if it can be seen, from whichever module."""
        # A test that puts another path in its place reads that file by the other name.
        binding = self.program.only_binding(module, scope, name, patches=False)
        if binding is None:
            return None
        if binding.kind == "import":
            dotted = module.import_target(module.imports()[binding.payload])
            owner = self.program.owner_of(dotted)
            if owner is not None and depth < _DEEPEST:
                return self._of_variable(owner[0], 0, owner[1], depth + 1)
            where, _, name = dotted.rpartition(".")
            self.program.want(name)
            return ("name", where, name)
        seen = None
        if binding.kind == "assign" and binding.payload is not None:
            seen = self._identity(module, binding.scope, binding.payload, depth + 1)
        return seen or (("name", module.name, name) if scope == 0 else None)

    def _reads(self, call: Call) -> bool | None:
        """Tell whether a file that is opened for reading goes to parsers only; None when it is opened for writing."""
        if call.tail.startswith("read_"):
            return self._parsed(call.module, call.scope, call.use)
        opened = _opened(call.module, call)
        mode = _mode(call, opened)
        if not mode.startswith("r") and "+" not in mode:
            return None
        name = call.use[1] if call.use[0] == "with" else call.use[2] if call.use[0] == "asg" else ""
        if not name:
            return self._parsed(call.module, call.scope, call.use)
        found = call.module.lookup(call.scope, name)
        return all(
            self._parsed(call.module, read.scope, read.use)
            for read in call.module.reads(found[0] if found else call.scope, name)
        )

    def _parsed(self, module: Module, scope: int, use: list[Any], seen: frozenset[str] = frozenset()) -> bool:
        """Tell whether a file, or what is read from it, goes to parsers only; `seen` are variables on the way."""
        match use:
            case ["arg", int() as index, 0]:
                call = module.call(index)
                known = module.dotted(scope, call.function) in {"json.load", "json.loads", "orjson.loads"}
                return known and not any(each.keyword in _TELLING for each in call.arguments)
            case ["meth", "read", int() as index]:
                call = module.call(index)
                return self._parsed(module, call.scope, call.use, seen)
            case ["meth", "close" | "flush" | "seek" | "fileno" | "write" | "truncate", _] | ["with", _]:
                return True
            case ["asg", _, name] if name in seen:
                return True
            case ["asg", _, name]:
                found = module.lookup(scope, name)
                seen |= {name}
                return found is not None and all(
                    self._parsed(module, read.scope, read.use, seen) for read in module.reads(found[0], name)
                )
            case _:
                return False


def _keeps_path(sink: Sink) -> bool:
    """Tell whether a call gives the same path in another form: `Path(path)`, `str(path)`."""
    return sink.call is not None and sink.kind == "arg" and sink.call.tail in {"Path", "str", "fspath"}


def _is_path_use(sink: Sink) -> bool:
    """Tell whether a path is only opened, asked about, or shown."""
    if sink.kind in {"cmp", "cond", "fmt", "raise", "expr", "with", "bin"}:
        return sink.kind != "bin"
    if sink.call is None:
        return False
    dotted = sink.call.module.dotted(sink.call.scope, sink.call.function) or ""
    if sink.kind == "arg":
        known = dotted in {"builtins.open", "io.open", "codecs.open", "builtins.isinstance"}
        return (known and sink.use[2] == 0) or (dotted.startswith("os.") and sink.call.tail in _ABOUT_PATHS)
    return sink.kind == "meth" and sink.call.tail in _ABOUT_PATHS


def _may_end_alike(one: str, two: str) -> bool:
    """Tell whether two paths that end so may be one; `.json` ends that of `state.json`, an empty text any."""
    return one.endswith(two) or two.endswith(one)


def _prints(sink: Sink) -> bool:
    """Tell whether a path is only shown to people."""
    call = sink.call
    dotted = call.module.dotted(call.scope, call.function) or "" if call is not None else ""
    return sink.kind == "arg" and (dotted == "builtins.print" or dotted.startswith("logging."))


def _locks(call: Call) -> bool:
    """Tell whether `file.fileno()` is there to lock the file, or to wait until it is on the disk."""
    match call.use:
        case ["arg", int() as index, _]:
            outer = call.module.call(index)
            dotted = call.module.dotted(outer.scope, outer.function) or ""
            return dotted in {"os.fsync", "os.fdatasync", "os.fchmod"} or dotted.startswith(("fcntl.", "msvcrt."))
        case _:
            return False


def _opened(module: Module, call: Call) -> tuple[Shape, bool, Shape | None] | None:
    """Return path, binary or not, and encoding of `open(path, ...)`, `io.open(path, ...)` or `path.open(...)`."""
    dotted = module.dotted(call.scope, call.function) or ""
    if dotted in {"builtins.open", "io.open", "codecs.open"}:
        path, offset = call.argument(0, "file"), 1
        if path is None:
            return None
        shape = path.shape
    elif call.tail == "open" and call.function[0] == "a" and not dotted:
        shape, offset = call.function[1], 0
    else:
        return None
    mode = call.argument(offset, "mode")
    if mode is not None and mode.shape[:2] != ["k", "str"]:
        return None
    binary = mode is not None and "b" in str(mode.shape[2])
    encoding = call.argument(offset + 2 if dotted != "codecs.open" else 2, "encoding")
    return shape, binary, encoding.shape if encoding else None


def _may_misread(call: Call, *, certain: bool) -> bool:
    """Tell whether a file is read as text in another encoding than UTF-8, or in that of the system.

    Where it is not `certain` that it is the file in question, only an encoding that is named counts.
    """
    if call.tail == "read_bytes":
        return False
    if call.tail == "read_text":
        argument = call.argument(0, "encoding")
        encoding = argument.shape if argument is not None else None
    else:
        opened = _opened(call.module, call)
        if opened is None or opened[1]:
            return False
        encoding = opened[2]
    if encoding is None:
        return certain and call.module.dotted(call.scope, call.function) != "codecs.open"  # which reads bytes, then
    sure = encoding[:2] == ["k", "str"]
    return (certain or sure) and not says_utf8(encoding) and encoding != ["k", "str", "utf-8-sig"]


def _place(call: Call) -> str:
    return place_of(call.module, call.span.start)


def _mode(call: Call, opened: tuple[Shape, bool, Shape | None] | None) -> str:
    dotted = call.module.dotted(call.scope, call.function) or ""
    argument = call.argument(1 if dotted else 0, "mode")
    if opened is None or argument is None:
        return "r"
    return str(argument.shape[2] or "r")
