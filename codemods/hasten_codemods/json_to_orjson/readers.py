"""Who reads the text that `json.dumps` makes: a parser, or somebody who would notice."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hasten.api import Call, Module, Program, Sink, Span, follow

Shape = list[Any]

_PARSERS = frozenset({"json.loads", "orjson.loads", "simplejson.loads", "ujson.loads", "msgspec.json.decode"})
_SHOWS = frozenset(
    {
        "builtins.print",
        "builtins.repr",
        "builtins.ascii",
        "builtins.format",
        "builtins.len",
        "builtins.sorted",
        "builtins.list",
        "builtins.set",
        "click.echo",
        "click.secho",
    }
)
_DIGESTS = (
    "hashlib.",
    "hmac.",
    "zlib.crc32",
    "zlib.adler32",
    "binascii.crc32",
    "uuid.uuid5",
    "uuid.uuid3",
    "builtins.hash",
    "xxhash.",
    "mmh3.",
)
_LOGS = frozenset({"debug", "info", "warning", "warn", "error", "critical", "exception", "log"})
_BODIES = {"data", "content", "body"}
_VERBS = frozenset({"post", "put", "patch", "delete", "request", "stream"})
#: Modules whose `post(url, data=...)` and clients whose methods put text on the wire as UTF-8.
_CLIENTS = frozenset(
    {
        "httpx.Client",
        "httpx.AsyncClient",
        "aiohttp.ClientSession",
        "requests.Session",
        "requests.session",
        "requests.sessions.Session",
    }
)
_RESPONSES = frozenset(
    {
        "flask.Response",
        "flask.make_response",
        "flask.wrappers.Response",
        "django.http.HttpResponse",
        "django.http.response.HttpResponse",
        "starlette.responses.Response",
        "fastapi.Response",
        "fastapi.responses.Response",
        "aiohttp.web.Response",
        "werkzeug.Response",
        "werkzeug.wrappers.Response",
        "sanic.response.HTTPResponse",
    }
)
_TYPES = frozenset({"content_type", "mimetype", "media_type"})
_ASSERTIONS = ("assert", "called_with", "has_calls", "approx")
#: A path is looked for behind so many names.
_DEEPEST = 8
#: Uses that neither look at the text nor hand it on.
_NO_READER = frozenset({"expr", "cond", "dest"})
_TEXT_USES = frozenset(
    {"fmt", "bin", "sub", "iter", "star", "aug", "raise", "unpack", "match", "call", "callee", "subdel"}
)
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


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one reader makes of the text: a hazard's or a proof's code, and a sentence with the place."""

    code: str
    message: str
    compares: bool = False
    needs_no_known_text: bool = False


def is_utf8(call: Call) -> bool | None:
    """Tell whether `text.encode(...)` means UTF-8; None where the codec cannot be seen."""
    argument = call.argument(0, "encoding")
    if argument is None:
        return not call.arguments
    if argument.shape[:2] == ["k", "str"] and argument.shape[2] is not None:
        return str(argument.shape[2]).lower().replace("_", "-") in {"utf-8", "utf8", "u8"}
    return None


class Readers:
    """Follow texts to their readers in one program."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self.program = program
        self._encoded = False

    def of(self, module: Module, scope: int, span: Span, use: list[Any]) -> list[Verdict]:
        """Return what each reader of a text makes of it; the text arises at `span` and is put to `use`."""
        self._encoded = False
        return [self._verdict(sink) for sink in follow(self.program, module, scope, span, use, self._through)]

    def _through(self, sink: Sink) -> bool:
        """Let the trail go on where a call hands the text through: `text.encode()`, `bytes(text, "utf-8")`."""
        call = sink.call
        if call is None:
            return False
        if sink.kind == "meth":
            encodes = call.tail == "encode" and is_utf8(call) is True
            self._encoded = self._encoded or encodes
            return encodes
        dotted = call.module.dotted(call.scope, call.function)
        if dotted == "builtins.bytes":
            codec = call.argument(1, "encoding")
            return codec is not None and _says_utf8(codec.shape)
        return dotted in {"builtins.str", "typing.cast"}

    def _verdict(self, sink: Sink) -> Verdict:
        place = sink.place
        match sink.kind:
            case kind if kind in _NO_READER:
                return Verdict("JSON210", f"only whether there is text matters at {place}")
            case "cmp":
                if sink.use[1] in {"Is", "IsNot"}:
                    return Verdict("JSON210", f"only compared with None at {place}")
                if sink.use[1] in {"In", "NotIn"} and sink.use[3] == "l":
                    return Verdict("JSON002", f"the text is looked up at {place}", compares=True)
                return Verdict("JSON001", f"the text is compared at {place}", compares=True)
            case "idx" | "key":
                return Verdict("JSON002", f"the text is a key at {place}")
            case kind if kind in _TEXT_USES:
                return Verdict("JSON001", f"the text becomes part of other text, or is taken apart, at {place}")
            case "meth":
                return self._method(sink, place)
            case "arg":
                return self._argument(sink, place)
            case "unseen":
                return Verdict("JSON003", f"the text leaves the program at {place}: nobody in sight uses it")
            case "attr" | "attrcall":
                return Verdict("JSON001", f"an attribute of the text is used at {place}")
            case "elem":
                return Verdict("JSON003", f"the text is put into a collection at {place}")
            case _:
                return Verdict("JSON003", f"the text leaves what can be seen at {place}")

    def _method(self, sink: Sink, place: str) -> Verdict:
        call = sink.call
        if call is not None and call.tail == "encode":
            if is_utf8(call) is False:
                return Verdict("JSON004", f"the text is encoded in something other than UTF-8 at {place}")
            return Verdict("JSON004", f"the text is encoded at {place}, in a codec that cannot be seen")
        name = call.tail if call is not None else "a method"
        return Verdict("JSON001", f"`{name}` looks at the text at {place}")

    def _argument(self, sink: Sink, place: str) -> Verdict:
        call = sink.call
        if call is None:
            return Verdict("JSON003", f"the text is handed to code that cannot be seen at {place}")
        where = sink.use[2]
        dotted = self.program.dotted(call.module, call.scope, call.function) or ""
        tail = call.tail
        if dotted in _PARSERS and where == 0 and len(call.arguments) == 1:
            return Verdict("JSON202", f"the text is parsed at {place}")
        if dotted.startswith(_DIGESTS) or (tail == "update" and "hash" in str(call.function).lower()):
            return Verdict("JSON002", f"a digest of the text is made at {place}")
        if any(tail.startswith(each) or each in tail for each in _ASSERTIONS):
            return Verdict("JSON001", f"the text is compared at {place}", compares=True)
        if dotted == "builtins.bytes":
            return Verdict("JSON004", f"the text is encoded in something other than UTF-8 at {place}")
        if dotted in {"builtins.isinstance", "builtins.type", "builtins.callable", "builtins.bool"}:
            return Verdict("JSON210", f"only the type of the text matters at {place}")
        if dotted in _SHOWS:
            return Verdict("JSON001", f"the text is shown or measured at {place}")
        if dotted.startswith("logging.") or (tail in _LOGS and call.function[0] == "a"):
            return Verdict("JSON001", f"the text is logged at {place}")
        if call.function[0] == "a" and call.function[1][0] in {"k", "f"}:
            return Verdict("JSON001", f"the text becomes part of other text at {place}")
        body = self._body(call, where, dotted)
        if body and self._is_latin1(sink, call, dotted):
            return Verdict(
                "JSON004", f"text, not bytes, is given to `requests` at {place}, which may send it as Latin-1"
            )
        if body:
            return Verdict("JSON203", f"the text is the body of {body} at {place}", needs_no_known_text=True)
        if tail in {"write", "write_text", "write_bytes", "writelines"}:
            return self._file(call, place)
        return Verdict("JSON003", f"the text is handed to `{_shown(call)}` at {place}")

    def _body(self, call: Call, where: int | str, dotted: str) -> str:
        """Return which HTTP message the argument is the body of, or nothing."""
        receiver = ""
        if call.function[0] == "a" and call.tail in _VERBS:
            receiver = self.program.constructed(call.module, call.scope, call.function[1]) or ""
        is_client = receiver in _CLIENTS or (dotted.rpartition(".")[0] in {"requests", "httpx"} and call.tail in _VERBS)
        if is_client and (
            where in _BODIES or (where == 1 and call.tail in {"post", "put", "patch"} and "aiohttp" not in receiver)
        ):
            return "an HTTP request"
        if dotted in {"urllib.request.Request", "urllib.request.urlopen"} and where in {"data", 1}:
            return "an HTTP request"
        if dotted in _RESPONSES and where in {0, "response", "content", "body", "text", "data"}:
            declared = [each.shape for each in call.arguments if each.keyword in _TYPES]
            if any(each[:2] == ["k", "str"] and "json" in str(each[2]) for each in declared):
                return "a response declared as JSON"
        return ""

    def _is_latin1(self, sink: Sink, call: Call, dotted: str) -> bool:
        """Tell whether a body reaches `requests` as text through a variable.

        http.client encodes text as Latin-1 unless urllib3 2 does it before. A `json.dumps` that stands in the call
        itself is rewritten to bytes, which settles the matter.
        """
        receiver = (
            self.program.constructed(call.module, call.scope, call.function[1]) if call.function[0] == "a" else ""
        )
        if not (dotted.startswith("requests.") or (receiver or "").startswith("requests.")) or self._encoded:
            return False
        direct = any(each.span == sink.span and each.shape[0] == "c" for each in call.arguments)
        return not (direct and dotted.startswith("requests."))

    # --- files --------------------------------------------------------------------------------------------------

    def _file(self, call: Call, place: str) -> Verdict:
        if call.tail in {"write_text", "write_bytes"}:
            path = call.function[1]
            encoding = call.argument(1, "encoding")
            if call.tail == "write_text" and not _says_utf8(encoding.shape if encoding else None):
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
        path, binary, encoding = opened
        if not binary and not _says_utf8(encoding):
            return Verdict("JSON004", f'the file written at {place} is opened without `encoding="utf-8"`')
        return self.of_path(module, scope, path, place)

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
        for call in [
            *self.program.calls_named("open"),
            *self.program.calls_named("read_text"),
            *self.program.calls_named("read_bytes"),
        ]:
            opened = _opened(call.module, call)
            where = (
                opened[0]
                if opened is not None
                else call.function[1]
                if call.tail.startswith("read_") and call.function[0] == "a"
                else None
            )
            if where is None or self._identity(call.module, call.scope, where) != key:
                continue
            verdict = self._reads(call)
            if verdict is False:
                return Verdict(
                    "JSON001",
                    f"the file written at {place} is read as text at "
                    f"{call.module.path}:{call.module.position(call.span.start).line}",
                )
            readers += verdict is True
        if not readers:
            return Verdict(
                "JSON003", f"the text is written to a file at {place}, and nothing in the program reads it back"
            )
        stray = self._stray_use(module, scope, path, key) or self._listing
        if stray is not None:
            return Verdict("JSON003", f"the path of the file written at {place} is handed on at {stray}")
        return Verdict("JSON204", f"the file written at {place} is only read by JSON parsers", needs_no_known_text=True)

    @cached_property
    def _listing(self) -> str | None:
        """Return a place that finds files by listing directories, and so may find any."""
        for name in ("glob", "rglob", "iglob", "iterdir", "listdir", "scandir", "walk"):
            for call in self.program.calls_named(name):
                return f"{call.module.path}:{call.module.position(call.span.start).line}"
        return None

    def _stray_use(self, module: Module, scope: int, path: Shape, key: tuple[str, ...]) -> str | None:
        """Return a place that does something else with the path than to open the file or to ask about it."""
        starts: list[tuple[Module, int, list[Any]]] = []
        if key[0] == "text":
            for other in self.program.modules:
                for _start, text, use, where in other.facts["strings"]:
                    if text == key[1]:
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
                return ("text", text)
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
        found = module.bindings(scope, name)
        if len(found) != 1:
            return None
        if found[0].kind == "import":
            dotted = module.import_target(module.imports()[found[0].payload])
            owner = self.program.owner_of(dotted)
            if owner is not None and depth < _DEEPEST:
                return self._of_variable(owner[0], 0, owner[1], depth + 1)
            where, _, name = dotted.rpartition(".")
            self.program.want(name)
            return ("name", where, name)
        seen = None
        if found[0].kind == "assign" and found[0].payload is not None:
            seen = self._identity(module, scope, found[0].payload, depth + 1)
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
                return module.dotted(scope, call.function) in {"json.load", "json.loads", "orjson.loads"}
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


def _mode(call: Call, opened: tuple[Shape, bool, Shape | None] | None) -> str:
    dotted = call.module.dotted(call.scope, call.function) or ""
    argument = call.argument(1 if dotted else 0, "mode")
    if opened is None or argument is None:
        return "r"
    return str(argument.shape[2] or "r")


def _says_utf8(encoding: Shape | None) -> bool:
    return (
        encoding is not None
        and encoding[:2] == ["k", "str"]
        and str(encoding[2]).lower().replace("_", "-") in {"utf-8", "utf8"}
    )


def _shown(call: Call) -> str:
    return call.tail or "a call"
