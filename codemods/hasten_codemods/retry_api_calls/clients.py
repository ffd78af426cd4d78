"""The clients, as tables: what calls out, what fails for a while, and what tries again by itself.

The facts were found by running each client against a server that fails in scripted ways.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: In the place of a verb: it is what the first argument, or `method=`, says.
TOLD = "?"
#: In the place of a verb: nobody can say.
UNKNOWN = ""
#: Requests that change nothing, by the standard of HTTP.
ASKING = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})

#: The families of failures that pass: no answer came, none came in time, or the answer is that there will be one later.
CONNECTION, TIMEOUT, STATUS = "connection", "timeout", "status"
EVERY = frozenset({CONNECTION, TIMEOUT, STATUS})
#: What catches everything.
_BUILTIN = {"builtins.Exception": EVERY, "builtins.BaseException": EVERY}

_VERBS = {each: each.upper() for each in ("get", "head", "options", "post", "put", "patch", "delete")} | {
    "request": TOLD
}
#: What the methods of the clients take by keyword.
OPTIONS = frozenset(
    [
        "method",
        "url",
        "fullurl",
        "params",
        "data",
        "json",
        "content",
        "files",
        "headers",
        "cookies",
        "auth",
        "timeout",
        "stream",
        "verify",
        "cert",
        "proxies",
        "hooks",
        "allow_redirects",
        "follow_redirects",
        "max_redirects",
        "extensions",
        "skip_auto_headers",
        "compress",
        "chunked",
        "expect100",
        "raise_for_status",
        "read_until_eof",
        "read_bufsize",
        "auto_decompress",
        "proxy",
        "proxy_auth",
        "proxy_headers",
        "ssl",
        "ssl_context",
        "verify_ssl",
        "fingerprint",
        "server_hostname",
        "trace_request_ctx",
        "max_line_size",
        "max_field_size",
        "middlewares",
        "context",
    ]
)


@dataclass(frozen=True, slots=True)
class Client:
    """One library whose calls can be tried again from outside.

    Attributes:
        name: under which options know it.
        functions: by dotted name the functions that call out, each with its verb.
        classes: whose objects call out.
        makers: functions that return such an object, though their names do not say so.
        methods: of these objects, each with its verb.
        module: what is imported for the errors.
        errors: those that pass, without an answer: no answer came, or half of one.
        families: by dotted name what else, or more than these, a handler catches.
        answers: whether an answer that says "later" is an error by itself; else `raise_for_status` makes it one.
        knows_request: whether its errors know the request that failed.
        awaited: those of `classes` whose objects are called with `await`.
        inner: methods that the others pass through, the outermost first: `get` calls `request`, which calls `send`.
    """

    name: str
    functions: Mapping[str, str]
    classes: frozenset[str]
    methods: Mapping[str, str]
    module: str
    errors: tuple[str, ...]
    families: Mapping[str, frozenset[str]]
    makers: frozenset[str] = frozenset()
    answers: bool = False
    knows_request: bool = False
    awaited: frozenset[str] = frozenset()
    inner: tuple[str, ...] = ()

    def passed(self, method: str) -> tuple[str, ...]:
        """Return the methods that a call of `method` passes through, itself left out."""
        return self.inner[self.inner.index(method) + 1 :] if method in self.inner else self.inner

    def caught(self, dotted: str) -> frozenset[str]:
        """Return which failures that pass a handler for `dotted` catches, as a whole family."""
        return self.families.get(dotted) or _BUILTIN.get(dotted, frozenset())


def _both(*modules: str, **families: frozenset[str]) -> dict[str, frozenset[str]]:
    """Return what each name catches, under each of the modules that have it."""
    return {f"{module}.{name}": caught for module in modules for name, caught in families.items()}


_LINE = frozenset({CONNECTION, TIMEOUT})
_OS = {"builtins.OSError": _LINE, "builtins.IOError": _LINE, "builtins.EnvironmentError": _LINE}

REQUESTS = Client(
    name="requests",
    functions={f"{module}.{name}": verb for module in ("requests", "requests.api") for name, verb in _VERBS.items()},
    classes=frozenset({"requests.Session", "requests.sessions.Session"}),
    makers=frozenset({"requests.session", "requests.sessions.session"}),
    methods=_VERBS | {"send": UNKNOWN},
    module="requests",
    errors=("requests.ConnectionError", "requests.Timeout", "requests.exceptions.ChunkedEncodingError"),
    # All of its errors are OSErrors.
    families={
        **dict.fromkeys(_OS, EVERY),
        **_both(
            "requests",
            "requests.exceptions",
            RequestException=EVERY,
            ConnectionError=frozenset({CONNECTION}),
            Timeout=frozenset({TIMEOUT}),
            HTTPError=frozenset({STATUS}),
        ),
    },
    knows_request=True,
    inner=("request", "send"),
)
HTTPX = Client(
    name="httpx",
    functions={f"httpx.{name}": verb for name, verb in {**_VERBS, "stream": TOLD}.items()},
    classes=frozenset({"httpx.Client", "httpx.AsyncClient"}),
    methods={**_VERBS, "stream": TOLD, "send": UNKNOWN},
    module="httpx",
    # Not `TransportError`: an unknown scheme is one, and a request that breaks the protocol.
    errors=("httpx.TimeoutException", "httpx.NetworkError", "httpx.RemoteProtocolError"),
    families=_both(
        "httpx",
        HTTPError=EVERY,
        RequestError=_LINE,
        TransportError=_LINE,
        NetworkError=frozenset({CONNECTION}),
        TimeoutException=frozenset({TIMEOUT}),
        HTTPStatusError=frozenset({STATUS}),
    ),
    knows_request=True,
    awaited=frozenset({"httpx.AsyncClient"}),
    inner=("request", "send"),
)
AIOHTTP = Client(
    name="aiohttp",
    functions={"aiohttp.request": TOLD},
    classes=frozenset({"aiohttp.ClientSession", "aiohttp.client.ClientSession"}),
    methods=_VERBS,
    module="aiohttp",
    errors=("aiohttp.ClientConnectionError", "aiohttp.ClientPayloadError", "asyncio.TimeoutError"),
    families={
        **_both(
            "aiohttp",
            "aiohttp.client_exceptions",
            ClientError=frozenset({CONNECTION, STATUS}),
            ClientConnectionError=frozenset({CONNECTION}),
            ClientOSError=frozenset({CONNECTION}),
            ServerTimeoutError=frozenset({TIMEOUT}),
            ClientResponseError=frozenset({STATUS}),
        ),
        **_both("asyncio", "builtins", TimeoutError=frozenset({TIMEOUT})),
        **_OS,
    },
    awaited=frozenset({"aiohttp.ClientSession", "aiohttp.client.ClientSession"}),
    inner=("_request",),
)
URLLIB = Client(
    name="urllib",
    functions={"urllib.request.urlopen": TOLD, "urllib.request.urlretrieve": TOLD},
    classes=frozenset({"urllib.request.OpenerDirector"}),
    makers=frozenset({"urllib.request.build_opener"}),
    methods={"open": TOLD},
    module="urllib.request",
    # Its one class of errors says nothing: the reason in it does.
    errors=(),
    families={
        **dict.fromkeys(_OS, EVERY),
        "urllib.error.URLError": EVERY,
        "urllib.request.URLError": EVERY,
        "urllib.error.HTTPError": frozenset({STATUS}),
        "urllib.request.HTTPError": frozenset({STATUS}),
        "builtins.ConnectionError": frozenset({CONNECTION}),
        "builtins.TimeoutError": frozenset({TIMEOUT}),
    },
    answers=True,
)
CLIENTS = (REQUESTS, HTTPX, AIOHTTP, URLLIB)


@dataclass(frozen=True, slots=True)
class Persistent:
    """A library that tries again by itself.

    Attributes:
        name: for people.
        roots: how the dotted names begin of what makes its objects.
        instead: what to do where it should try more often.
        lasting: methods that do not call out.
    """

    name: str
    roots: tuple[str, ...]
    instead: str
    lasting: frozenset[str] = field(
        default=frozenset({"close", "aclose", "with_options", "copy", "get_paginator", "get_waiter", "clear"})
    )


PERSISTENT = (
    Persistent("openai", ("openai",), "it makes 3 attempts and heeds `Retry-After`; set `max_retries=` of the client"),
    Persistent(
        "anthropic", ("anthropic",), "it makes 3 attempts and heeds `Retry-After`; set `max_retries=` of the client"
    ),
    Persistent(
        "boto3",
        ("boto3", "botocore", "aioboto3", "aiobotocore"),
        "it makes several attempts by default; set `retries=` in its `Config`",
    ),
    Persistent(
        "google-genai",
        ("google.genai",),
        "how often it tries is set by `HttpRetryOptions` in its `http_options`",
    ),
    Persistent("google-cloud", ("google.cloud",), "its methods take `retry=`"),
    Persistent("azure", ("azure",), "its clients have a retry policy; set `retry_total=`"),
    Persistent("stripe", ("stripe",), "it tries again by itself; set `max_network_retries`"),
    Persistent("urllib3", ("urllib3",), "it makes 4 attempts at a connection by default; pass it `retries=Retry(...)`"),
    Persistent("redis", ("redis", "aioredis"), "it tries again by itself since version 6; pass the client `retry=`"),
    Persistent("grpc", ("grpc",), "a channel tries again as its service configuration says; set `retryPolicy` there"),
)


def persistent(dotted: str) -> Persistent | None:
    """Return the library, one that tries again by itself, that something belongs to by its dotted name."""
    return next((each for each in PERSISTENT if any(f"{dotted}.".startswith(f"{root}.") for root in each.roots)), None)
