"""Functions and methods that may be called twice, as tables: nobody can tell that they were."""

from __future__ import annotations

#: How the dotted names begin of functions that only compute, or only look.
MODULES = (
    *("urllib.parse.", "urllib.request.Request", "urllib.request.build_opener", "json.", "simplejson.", "orjson."),
    *("os.path.", "posixpath.", "base64.", "binascii.", "hashlib.", "hmac.", "copy.", "datetime.", "math.", "re."),
    *("functools.", "itertools.", "operator.", "string.", "textwrap.", "collections.", "decimal.", "typing.", "enum."),
    *(
        "dataclasses.",
        "html.",
        "platform.",
        "uuid.",
        "email.utils.",
        "time.time",
        "time.monotonic",
        "time.perf_counter",
    ),
    *("time.gmtime", "time.localtime", "time.strftime", "time.mktime", "calendar.", "os.environ", "os.getenv"),
    *(
        "os.fspath",
        "os.getcwd",
        "os.stat",
        "pathlib.",
        "sys.",
        "inspect.",
        "types.",
        "unicodedata.",
        "zlib.",
        "gzip.compress",
        "gzip.decompress",
    ),
    *(
        "secrets.",
        "random.",
        "struct.",
        "ssl.",
        "http.HTTPStatus",
        "http.cookiejar.",
        "mimetypes.",
        "packaging.",
        "yarl.",
        "certifi.",
        "xml.",
    ),
    *("logging.", "warnings.warn", "contextlib.", "asyncio.timeout", "async_timeout.", "pydantic.", "dateutil."),
    *("requests.Session", "requests.session", "requests.auth.", "requests.adapters.", "requests.cookies."),
    *("requests.Request", "requests.utils.", "requests.compat.", "httpx.Client", "httpx.AsyncClient", "httpx.URL"),
    *("httpx.Timeout", "httpx.Limits", "httpx.BasicAuth", "aiohttp.ClientSession", "aiohttp.ClientTimeout"),
    *("aiohttp.TCPConnector", "aiohttp.BasicAuth", "bs4.", "lxml.", "yaml.safe_load", "yaml.load"),
)
#: Builtins that do more than compute.
BUSY_BUILTINS = frozenset(
    {"print", "input", "exec", "eval", "setattr", "delattr", "next", "anext", "open", "__import__", "breakpoint"}
)
#: Methods that are the same on whatever has them, as far as their names tell.
METHODS = frozenset(
    {"format", "join", "strip", "lstrip", "rstrip", "split", "rsplit", "partition", "rpartition", "lower", "upper"}
    | {"title", "replace", "encode", "decode", "startswith", "endswith", "items", "keys", "values", "copy", "casefold"}
    | {"isoformat", "strftime", "timestamp", "hexdigest", "digest", "count", "index", "find", "splitlines", "zfill"}
    | {"removeprefix", "removesuffix", "as_posix", "joinpath", "exists", "is_file", "is_dir", "with_suffix", "match"}
    | {
        "search",
        "fullmatch",
        "group",
        "groups",
        "sub",
        "findall",
        "isdigit",
        "isoformat",
        "total_seconds",
        "astimezone",
    }
    | {"raise_for_status", "json", "union", "intersection", "difference", "model_dump", "dict", "capitalize", "ljust"}
    | {"mount", "add_header", "get_secret_value", "tzinfo", "hex", "bit_length", "conjugate", "isoweekday", "weekday"}
)
#: Methods that do the same the second time.
SETTING = frozenset({"close", "aclose", "update", "setdefault", "add", "discard", "set", "clear", "sort"})
#: Names of what writes log lines, and its methods.
LOGGERS = frozenset({"log", "logger", "logging", "_log", "_logger", "LOG", "LOGGER", "_LOGGER", "_LOG"})
LOG_METHODS = frozenset(
    {"debug", "info", "warning", "warn", "error", "exception", "critical", "log", "isEnabledFor", "getLogger"}
)
#: Methods that do something each time, on whatever they are called.
ACTING = frozenset(
    {"write", "writelines", "write_text", "write_bytes", "unlink", "mkdir", "rename", "rmdir", "touch", "symlink_to"}
    | {"send", "sendall", "send_message", "sendmail", "put_nowait", "commit", "rollback", "execute", "executemany"}
    | {"publish", "submit", "start", "kill", "terminate", "release", "notify", "emit"}
)
