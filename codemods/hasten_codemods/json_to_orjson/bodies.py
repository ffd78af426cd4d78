"""Texts that are the body of an HTTP message, and who else looks at such bodies."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from hasten.api import Call, Module, Program, Sink, follow
from hasten_codemods.json_to_orjson.lookers import SHOWN, Lookers, is_parsed
from hasten_codemods.json_to_orjson.verdicts import Verdict

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
_SHOWING = frozenset({"get_data", "calculate_content_length", "add_etag", "make_conditional", "iter_encoded"})
#: Who imports one of these may have a request of `requests` in hand.
_REQUESTS = frozenset({"requests", "requests_toolbelt", "requests_mock", "responses", "httpretty"})
#: Who imports one of these calls what came in `request`, not what goes out.
_SERVERS = frozenset({"django", "rest_framework", "flask", "starlette", "fastapi", "aiohttp", "tornado", "pyramid"})


class Bodies:
    """The HTTP messages of one program."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self.program = program
        self._lookers = Lookers(program)

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
            return self._of_message(call, dotted)
        place = self._lookers.of_call(call) or self._lookers.of_client(call)
        if place is not None:
            return Verdict("JSON003", f"what is given at {place} may look at the body", needs_no_known_text=True)
        if dotted != "urllib.request.urlopen" and self._body_read is not None:
            return Verdict(
                "JSON001", f"the body of a request is looked at, at {self._body_read}", needs_no_known_text=True
            )
        return None

    def _of_message(self, call: Call, dotted: str) -> Verdict | None:
        """Return where the body is asked for again from the message that `call` makes."""
        for sink in follow(self.program, call.module, call.scope, call.span, call.use):
            asks = sink.kind == "attr" and sink.use[1] in SHOWN and not is_parsed(sink.module, sink.use[2])
            asks = asks or (sink.kind == "arg" and sink.call is not None and _asks_by_name(sink.call))
            if asks or (sink.kind == "meth" and sink.call is not None and sink.call.tail in _SHOWING):
                return Verdict("JSON001", f"the body is looked at, at {sink.place}", needs_no_known_text=True)
        if dotted != "urllib.request.Request" and self._lookers.of_responses is not None:
            return Verdict(
                "JSON001",
                f"the body of a response is looked at, at {self._lookers.of_responses}",
                needs_no_known_text=True,
            )
        return None

    @cached_property
    def _body_read(self) -> str | None:
        """Return a place that looks at the body of an outgoing request, and does not just parse it."""
        self.program.want("body", beside=_REQUESTS)
        for name in ("body", "content", "text"):
            for module in self.program.modules_with("attribute_reads", name):
                for base, use, scope, start, _end in module.facts["attribute_reads"][name]:
                    if not is_parsed(module, use) and self._is_outgoing(module, scope, base, name):
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


def _asks_by_name(call: Call) -> bool:
    """Tell whether `getattr(message, name)` asks for the body, or for what cannot be seen."""
    asked = call.argument(1)
    known = asked is not None and asked.shape[:2] == ["k", "str"]
    return call.tail == "getattr" and not (known and asked is not None and asked.shape[2] not in SHOWN)


def _place(module: Module, start: int) -> str:
    return f"{module.path}:{module.position(start).line}"
