"""Who reads the text that `json.dumps` makes: a parser, or somebody who would notice."""

from __future__ import annotations

from typing import Any

from hasten.api import Call, Module, Program, Sink, Span, follow
from hasten_codemods.json_to_orjson.bodies import Bodies
from hasten_codemods.json_to_orjson.files import Files
from hasten_codemods.json_to_orjson.verdicts import PARSERS, Verdict, is_utf8, says_utf8

__all__ = ["Readers", "Verdict", "is_utf8"]

Shape = list[Any]

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
_ASSERTIONS = ("assert", "called_with", "has_calls", "approx")
#: Uses that neither look at the text nor hand it on.
_NO_READER = frozenset({"expr", "cond", "dest"})
_TEXT_USES = frozenset(
    {"fmt", "bin", "sub", "iter", "star", "aug", "raise", "unpack", "match", "call", "callee", "subdel"}
)


class Readers:
    """Follow texts to their readers in one program."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self.program = program
        self.files = Files(program)
        self.bodies = Bodies(program)
        self._encoded = False

    def of(self, module: Module, scope: int, span: Span, use: list[Any]) -> list[Verdict]:
        """Return what each reader of a text makes of it; the text arises at `span` and is put to `use`."""
        self._encoded = False
        sinks = follow(self.program, module, scope, span, use, self._through)
        return [verdict for sink in sinks for verdict in self._of_body(sink) or [self._verdict(sink)]]

    def of_file(self, module: Module, scope: int, file: Shape, place: str) -> Verdict:
        """Return what becomes of text that is written to the open file `file`."""
        return self.files.of_file(module, scope, file, place)

    def is_text_file(self, module: Module, scope: int, file: Shape) -> bool:
        """Tell whether `file` is seen to be opened in text mode."""
        return self.files.is_text_file(module, scope, file)

    def _of_body(self, sink: Sink) -> list[Verdict]:
        """Return the verdicts on a text that is the body of an HTTP message, none for any other."""
        return self.bodies.of(sink, sink.call, encoded=self._encoded) if sink.kind == "arg" and sink.call else []

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
            return codec is not None and says_utf8(codec.shape)
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
        if dotted in PARSERS and where == 0 and len(call.arguments) == 1:
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
        if tail in {"write", "write_text", "write_bytes", "writelines"}:
            return self.files.of_write(call, place)
        return Verdict("JSON003", f"the text is handed to `{_shown(call)}` at {place}")


def _shown(call: Call) -> str:
    return call.tail or "a call"
