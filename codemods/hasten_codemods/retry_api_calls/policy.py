"""The module that is written into a package where a decorator alone cannot say what is worth another attempt."""

from __future__ import annotations

from hasten.api import Companion, ImportRequest, Module, Program
from hasten_codemods.retry_api_calls.terms import Terms

NAME = "_retries"

_TEXT = '''\
"""Which failures of calls over the network are worth another attempt, and how long to wait before it."""

from __future__ import annotations

__IMPORTS__

#: Too many requests, bad gateway, service unavailable, gateway timeout.
BUSY = frozenset({429, 502, 503, 504})
#: Requests that change nothing, and may be sent twice.
ASKING = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
#: A server that wants to be left alone for more seconds than this is not asked again.
LONGEST = 60.0


def is_busy(error: BaseException) -> bool:
    """Tell whether a server answered that it will do better later, and not much later."""
    return any(_status(each) in BUSY and (_retry_after(each) or 0.0) <= LONGEST for each in _with_causes(error))


def is_busy_answer(answer: object) -> bool:
    """Tell whether an answer says that the server will do better later, and not much later."""
    status = getattr(answer, "status_code", None)
    return isinstance(status, int) and status in BUSY and (_retry_after(answer) or 0.0) <= LONGEST


def is_busy_asked(answer: object) -> bool:
    """Tell whether such an answer is one to a request that changes nothing."""
    return is_busy_answer(answer) and _verb(answer) in ASKING


def last_outcome(retry_state: tenacity.RetryCallState) -> object:
    """Return the answer of the last attempt, or raise its error."""
    assert retry_state.outcome is not None
    return retry_state.outcome.result()


def is_unreachable(error: BaseException) -> bool:
    """Tell whether urllib got no answer, or not all of it."""
    for each in _with_causes(error):
        reason = each.reason if isinstance(each, URLError) and not isinstance(each, HTTPError) else each
        if isinstance(reason, (ConnectionError, TimeoutError, socket.gaierror, IncompleteRead)):
            return True
    return False


def only_asked(error: BaseException) -> bool:
    """Tell whether the request that failed was one that changes nothing."""
    return any(_verb(each) in ASKING for each in _with_causes(error))


class wait_as_told(wait_base):
    """Wait for as long as the server said in `Retry-After`, and otherwise as `otherwise` does."""

    def __init__(self, otherwise: wait_base) -> None:
        self.otherwise = otherwise

    def __call__(self, retry_state: tenacity.RetryCallState) -> float:
        outcome = retry_state.outcome
        if outcome is None:
            return self.otherwise(retry_state)
        sources = [*_with_causes(outcome.exception())] if outcome.failed else [outcome.result()]
        told = [seconds for each in sources if (seconds := _retry_after(each)) is not None]
        return told[0] if told else self.otherwise(retry_state)


def _with_causes(error: BaseException | None) -> Iterator[Exception]:
    """Yield an error, the one that it was raised from, and so on."""
    while isinstance(error, Exception):
        yield error
        error = error.__cause__


def _verb(error: object) -> str:
    """Return the verb of the request that an error or an answer is about, an empty string where it does not know."""
    try:
        # A server that sends a POST elsewhere has it end as a GET: what was asked for at first counts.
        answer = getattr(error, "response", error)
        first = next(iter(getattr(answer, "history", None) or ()), error)
        request = getattr(first, "request", None)
    except RuntimeError:  # httpx has errors without a request
        return ""
    return str(getattr(request, "method", "")).upper()


def _status(error: Exception) -> object:
    """Return the status of the answer that an error is about, whatever the client calls it."""
    answer = getattr(error, "response", error)
    names = ("status_code", "status", "code")
    return next((value for name in names if isinstance(value := getattr(answer, name, None), int)), None)


def _retry_after(error: object) -> float | None:
    """Return how many seconds the server asks to wait; None where it does not say."""
    headers = getattr(getattr(error, "response", error), "headers", None) or {}
    told = headers.get("Retry-After")
    if told is None:
        return None
    try:
        return max(0.0, float(told))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(told).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
'''
_IMPORTS = (
    "import socket",
    "import time",
    "from collections.abc import Iterator",
    "from email.utils import parsedate_to_datetime",
    "from http.client import IncompleteRead",
    "from urllib.error import HTTPError, URLError",
    "",
    "import tenacity",
    "from tenacity.wait import wait_base",
)
_SHARED = '''

def retried(retry: Callable[[tenacity.RetryCallState], bool]) -> Callable[[_Function], _Function]:
    """Return the decorator for all calls of this package: it tries again what `retry` is true of."""
    decorator = tenacity.retry(
        retry=retry,
__ARGUMENTS__
    )
    return cast("Callable[[_Function], _Function]", decorator)
'''


def text(terms: Terms, *, shared: bool) -> str:
    """Return the module, with the policy for all calls of the package where it is `shared`."""
    imports = list(_IMPORTS)
    if not shared:
        return _TEXT.replace("__IMPORTS__", "\n".join(imports))
    arguments = [
        f"stop={terms.stop}",
        f"wait=wait_as_told({terms.wait})",
        *([f"before_sleep={terms.log('log')}"] if terms.level else []),
        "retry_error_callback=last_outcome",
    ]
    if terms.level:
        imports.insert(0, "import logging")
    imports[imports.index("from collections.abc import Iterator")] = "from collections.abc import Callable, Iterator"
    at = imports.index("from urllib.error import HTTPError, URLError")
    imports.insert(at, "from typing import Any, TypeVar, cast")
    body = _TEXT.replace("__IMPORTS__", "\n".join(imports))
    names = '_Function = TypeVar("_Function", bound=Callable[..., Any])\n'
    names += "\nlog = logging.getLogger(__name__)\n" if terms.level else ""
    body = body.replace("#: Too many", f"{names}#: Too many", 1)
    return body + _SHARED.replace("__ARGUMENTS__", "\n".join(f"        {each}," for each in arguments))


class Policy(Companion):
    """Where the module of each package goes, and how it is named."""

    def __init__(self, program: Program, codemod: str, content: str) -> None:
        """Take the program, and what is written."""
        super().__init__(program, codemod, NAME, content)

    def request(self, module: Module) -> ImportRequest:
        """Return the import that `module` needs."""
        package = self.package(module)
        return ImportRequest(module.path, package, NAME) if package else ImportRequest(module.path, NAME)

    def trouble(self, module: Module) -> str:
        """Return why the module cannot be used in `module`, or an empty string."""
        found = module.bindings(0, NAME)
        if any(each.kind != "import" for each in found):
            return f"`{NAME}` is bound to something of its own at line {module.position(found[0].start).line}"
        return super().trouble(module)
