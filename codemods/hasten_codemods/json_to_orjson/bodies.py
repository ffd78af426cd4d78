"""Texts that are the body of an HTTP message, and who else looks at such bodies."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from hasten.api import Call, Module, Program, Scope, Sink, follow
from hasten_codemods.json_to_orjson.verdicts import PARSERS, Verdict

Shape = list[Any]

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
#: Ways of signing that look at no body, and constants.
_PLAIN_AUTH = ("requests.auth.", "httpx.BasicAuth", "httpx.DigestAuth", "httpx.NetRCAuth", "aiohttp.BasicAuth")
#: What shows the body of a request or response that the program made itself.
_SHOWN = frozenset({"data", "body", "content", "text", "response", "content_length"})
_SHOWING = frozenset({"get_data", "calculate_content_length", "add_etag", "make_conditional", "iter_encoded"})
#: Who imports one of these may have a request of `requests` in hand.
_REQUESTS = frozenset({"requests", "requests_toolbelt", "requests_mock", "responses", "httpretty"})
#: Who imports one of these calls what came in `request`, not what goes out.
_SERVERS = frozenset({"django", "rest_framework", "flask", "starlette", "fastapi", "aiohttp", "tornado", "pyramid"})
_DEEPEST = 4


class Bodies:
    """The HTTP messages of one program."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self.program = program

    def of(self, sink: Sink, call: Call, *, encoded: bool) -> list[Verdict]:
        """Return what is made of the text that is an argument of `call`, nothing if that sends no body."""
        dotted = self.program.dotted(call.module, call.scope, call.function) or ""
        body = self._body(call, sink.use[2], dotted)
        if not body:
            return []
        found = [trouble] if (trouble := self.looked_at(call, dotted)) is not None else []
        if not encoded and self._is_latin1(sink, call, dotted, as_bytes=not found):
            message = f"text, not bytes, is given to `requests` at {sink.place}, which may send it as Latin-1"
            found.append(Verdict("JSON004", message))
        return found or [
            Verdict("JSON203", f"the text is the body of {body} at {sink.place}", needs_no_known_text=True)
        ]

    def looked_at(self, call: Call, dotted: str) -> Verdict | None:
        """Return who may look at the body that `call` sends, if the program shows somebody."""
        if dotted in _RESPONSES or dotted == "urllib.request.Request":
            return self._of_message(call)
        for keyword in ("auth", "hooks"):
            argument = next((each for each in call.arguments if each.keyword == keyword), None)
            if argument is not None and not self._is_plain(call.module, call.scope, argument.shape):
                place = _place(call.module, argument.span.start)
                return Verdict("JSON003", f"`{keyword}=` at {place} may look at the body", needs_no_known_text=True)
        if call.function[0] == "a":
            for name in ("auth", "hooks"):
                for base, value, scope, start in call.module.facts["attribute_stores"].get(name, ()):
                    if base == call.function[1] and not (value and self._is_plain(call.module, scope, value)):
                        place = _place(call.module, start)
                        return Verdict(
                            "JSON003",
                            f"the `{name}` of the session, set at {place}, may look at the body",
                            needs_no_known_text=True,
                        )
        if dotted != "urllib.request.urlopen" and self._body_read is not None:
            return Verdict(
                "JSON001", f"the body of a request is looked at, at {self._body_read}", needs_no_known_text=True
            )
        return None

    def _of_message(self, call: Call) -> Verdict | None:
        """Return where the body is asked for again from the message that `call` makes."""
        for sink in follow(self.program, call.module, call.scope, call.span, call.use):
            asks = sink.kind == "attr" and sink.use[1] in _SHOWN and not _is_parsed(sink.module, sink.use[2])
            if asks or (sink.kind == "meth" and sink.call is not None and sink.call.tail in _SHOWING):
                return Verdict("JSON001", f"the body is looked at, at {sink.place}", needs_no_known_text=True)
        return None

    @cached_property
    def _body_read(self) -> str | None:
        """Return a place that looks at the body of an outgoing request, and does not just parse it."""
        self.program.want("body", beside=_REQUESTS)
        for name in ("body", "content", "text"):
            for module in self.program.modules:
                records = module.facts["attribute_reads"].get(name, ())
                for base, use, scope, start, _end in records:
                    if not _is_parsed(module, use) and self._is_outgoing(module, scope, base, name):
                        return _place(module, start)
        return None

    def _is_outgoing(self, module: Module, scope: int, base: Shape, name: str) -> bool:
        """Tell whether `base.name` may be the body of a request that the program sent."""
        if base[0] == "a" and (base[2] == "last_request" or (base[2] == "request" and base[1] != ["n", "self"])):
            return name != "text" or base[2] == "last_request"
        roots = {(each.module or each.name).partition(".")[0] for each in module.imports()}
        if name != "body" or not roots & _REQUESTS:
            return False
        incoming = base[0] in {"n", "a"} and base[-1] == "request" and bool(roots & _SERVERS)
        return not incoming and module.dotted(scope, base) is None

    def _is_plain(self, module: Module, scope: int, shape: Shape, depth: int = 0) -> bool:
        """Tell whether `auth=` is a pair of strings, or something else that sees no body."""
        match shape:
            case ["t" | "k", *_]:
                return True
            case ["?" | "b", options]:
                return all(self._is_plain(module, scope, each, depth) for each in options)
            case ["c", index]:
                call = module.call(index)
                dotted = self.program.dotted(module, call.scope, call.function) or ""
                made = self.program.resolve(dotted) if dotted else None
                if made is not None and made.kind == "class":
                    return self._ignores_body(made)
                return dotted.startswith(_PLAIN_AUTH) or dotted == "builtins.tuple"
            case ["n", name] if depth < _DEEPEST and (found := module.lookup(scope, name)) is not None:
                values = [each.payload for each in found[1] if each.kind == "assign"]
                return len(values) == len(found[1]) and all(
                    value and self._is_plain(module, found[0], value, depth + 1) for value in values
                )
            case ["a", ["n", "self"] as base, name] if depth < _DEEPEST:
                stores = [each for each in module.facts["attribute_stores"].get(name, ()) if each[0] == base]
                return bool(stores) and all(
                    each[1] and self._is_plain(module, each[2], each[1], depth + 1) for each in stores
                )
            case _:
                return False

    def _ignores_body(self, owner: Scope) -> bool:
        """Tell whether a class of the program signs requests without a look at their bodies."""
        signs = self.program.find_method(owner, "__call__") or self.program.find_method(owner, "auth_flow")
        if signs is None or len(signs.parameters) < 2:  # noqa: PLR2004 - self and the request
            return False
        reads = signs.module.reads(signs.number, signs.parameters[1][0])
        return all(
            (each.use[0] == "attr" and each.use[1] not in _SHOWN) or each.use[0] in {"ret", "yield"} for each in reads
        )

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

    def _is_latin1(self, sink: Sink, call: Call, dotted: str, *, as_bytes: bool) -> bool:
        """Tell whether a body reaches `requests` as text.

        http.client encodes text as Latin-1 unless urllib3 2 does it before. A `json.dumps` that stands in the call
        itself is rewritten to bytes (`as_bytes`), which settles the matter.
        """
        receiver = (
            self.program.constructed(call.module, call.scope, call.function[1]) if call.function[0] == "a" else ""
        )
        if not (dotted.startswith("requests.") or (receiver or "").startswith("requests.")):
            return False
        direct = any(each.span == sink.span and each.shape[0] == "c" for each in call.arguments)
        return not (as_bytes and direct and dotted.startswith("requests."))


def _is_parsed(module: Module, use: list[Any]) -> bool:
    """Tell whether a body goes to a JSON parser, which does not see the difference, or is only asked for."""
    match use:
        case ["arg", int() as index, 0]:
            call = module.call(index)
            return module.dotted(call.scope, call.function) in PARSERS
        case ["meth", "decode", int() as index]:
            return _is_parsed(module, module.call(index).use)
        case _:
            return use[0] in {"cond", "expr", "dest"}


def _place(module: Module, start: int) -> str:
    return f"{module.path}:{module.position(start).line}"
