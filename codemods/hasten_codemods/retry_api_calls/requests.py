"""What a call sends: its verb, whether a second one does harm, and what it can be sent only once."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

from hasten.api import Call
from hasten_codemods.retry_api_calls.clients import ASKING, TOLD, UNKNOWN, Client

Shape: TypeAlias = list[Any]
#: Arguments that a body is passed as.
_BODIES = frozenset({"data", "content", "files", "body"})
#: A header that lets a server tell that it has seen a request before.
_KEYS = frozenset({"idempotency-key", "x-idempotency-key", "idempotency_key", "x-request-idempotency-key"})


class Request(NamedTuple):
    """What is known of a request.

    Attributes:
        verb: in capitals; `""` where nobody can say.
        streams: what is read of the answer comes later.
        bodies: what is passed as a body, by the names of the arguments.
        key: whether it sends a key by which the server knows it again: `"fresh"` where each attempt would send another.
    """

    verb: str
    streams: bool = False
    bodies: tuple[Shape, ...] = ()
    key: str = ""

    @property
    def asks(self) -> bool:
        """Tell whether it changes nothing, by the standard of HTTP."""
        return self.verb in ASKING


def request_of(call: Call, client: Client, verb: str) -> Request:
    """Return what a call of a client sends.

    Args:
        call: of a function or method in the table of the client.
        client: whose.
        verb: what the table says.
    """
    blind = any(each.keyword in {"*", "**"} for each in call.arguments)
    if verb == TOLD:
        verb = _opened(call, blind=blind) if client.name == "urllib" else _told(call)
    bodies = tuple(each.shape for each in call.arguments if each.keyword in _BODIES)
    streams = call.tail == "stream" or any(
        each.keyword == "stream" and each.shape not in (["k", "bool", "False"], ["k", "NoneType", "None"])
        for each in call.arguments
    )
    return Request(verb, streams, bodies, _key(call))


def _told(call: Call) -> str:
    """`session.request("GET", url)`."""
    first = call.argument(0, "method") if not any(each.keyword == "method" for each in call.arguments) else None
    given = first or next((each for each in call.arguments if each.keyword == "method"), None)
    return _verb(call, given.shape if given is not None else None)


def _verb(call: Call, shape: Shape | None) -> str:
    match shape:
        case ["k", "str", str() as text]:
            return text.upper()
        case ["n", name]:
            found = call.module.lookup(call.scope, name)
            values = [each.payload for each in found[1]] if found is not None else []
            kinds = {each.kind for each in found[1]} if found is not None else set()
            # method = "GET"
            return (
                _verb(call, values[0]) if kinds == {"assign"} and len(values) == 1 and values[0] != shape else UNKNOWN
            )
        case ["c", number]:
            # method.upper()
            inner = call.module.call(number)
            return _verb(call, inner.function[1]) if inner.tail in {"upper", "lower"} else UNKNOWN
        case _:
            return UNKNOWN


def _opened(call: Call, *, blind: bool) -> str:
    """`urlopen(url)`, `urlopen(Request(url, method="PUT"))`, `urlopen(url, data)`."""
    data = call.argument(1, "data")
    if call.tail == "urlretrieve":
        data = call.argument(3, "data")
    if blind or (data is not None and data.shape[:2] != ["k", "NoneType"]):
        return UNKNOWN if blind else "POST"
    first = call.argument(0, "url") or call.argument(0, "fullurl")
    return _requested(call, first.shape if first is not None else None, 0)


def _requested(call: Call, shape: Shape | None, depth: int) -> str:
    match shape:
        case ["k" | "f" | "o", *_]:
            return "GET"
        case ["c", number]:
            inner = call.module.call(number)
            if inner.tail != "Request":
                # "...".format(x), urljoin(a, b): text, as far as names tell
                return "GET" if inner.tail in {"format", "urljoin", "join", "str", "replace", "strip"} else UNKNOWN
            if any(each.keyword in {"*", "**"} for each in inner.arguments):
                return UNKNOWN
            method, data = inner.argument(5, "method"), inner.argument(1, "data")
            if method is not None:
                return _verb(inner, method.shape)
            return "GET" if data is None or data.shape[:2] == ["k", "NoneType"] else "POST"
        case ["n", name] if depth < 3:  # noqa: PLR2004 - names of names of names
            found = call.module.lookup(call.scope, name)
            if found is None:
                return UNKNOWN
            if {each.kind for each in found[1]} == {"param"}:
                parameter = next(each for each in call.module.scope(found[0]).parameters if each[0] == name)
                return "GET" if parameter[2] == ["n", "str"] else UNKNOWN
            verbs = {
                _requested(call, each.payload, depth + 1) if each.kind == "assign" else UNKNOWN for each in found[1]
            }
            # A request that is given a body, or a method, later.
            changed = any(
                base == shape
                for attribute in ("data", "method", "get_method")
                for base, *_ in call.module.facts["attribute_stores"].get(attribute, ())
            )
            return verbs.pop() if len(verbs) == 1 and not changed else UNKNOWN
        case _:
            return UNKNOWN


def _key(call: Call) -> str:
    """Return how a request is known again: `"fresh"` for a key that is made in the call, `"kept"` for any other."""
    for each in call.arguments:
        if each.keyword != "headers":
            continue
        shape = each.shape
        if shape[0] == "n":
            found = call.module.lookup(call.scope, shape[1])
            payloads = [one.payload for one in found[1] if one.kind == "assign"] if found is not None else []
            shape = payloads[0] if len(payloads) == 1 and payloads[0] is not None else shape
        for name, value in shape[1] if shape[0] == "d" else ():
            if name is not None and name[:2] == ["k", "str"] and str(name[2]).lower() in _KEYS:
                return _age(call, value, 0)
    return ""


def _age(call: Call, shape: Shape, depth: int) -> str:
    """Tell a key that comes from outside of the function from one that is made in it."""
    match shape:
        case ["k", *_] | ["a", *_]:
            return "kept"
        case ["n", name] if depth < 3:  # noqa: PLR2004 - names of names of names
            found = call.module.lookup(call.scope, name)
            if found is None or found[0] != _function(call):
                return "kept"
            if all(each.kind == "param" for each in found[1]):
                return "kept"
            ages = {_age(call, each.payload, depth + 1) if each.payload else "fresh" for each in found[1]}
            return "kept" if ages == {"kept"} else "fresh"
        case ["f", parts]:
            return "kept" if all(_age(call, each, depth + 1) == "kept" for each in parts) else "fresh"
        case _:
            return "fresh"


def _function(call: Call) -> int:
    found = call.module.enclosing(call.scope, "function")
    return found.number if found is not None else 0
