"""Code of the program that is given the HTTP messages it sends: to sign, send, log or change them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from hasten.api import Call, Module, Program, Read, Scope
from hasten_codemods.json_to_orjson.handlers import place_of
from hasten_codemods.json_to_orjson.verdicts import PARSERS

Shape = list[Any]

#: What shows the body of a request or response that the program made itself.
SHOWN = frozenset({"data", "body", "content", "text", "response", "content_length", "body_iterator", "stream"})
#: Ways of signing that look at no body, and constants.
_PLAIN_AUTH = ("requests.auth.", "httpx.BasicAuth", "httpx.DigestAuth", "httpx.NetRCAuth", "aiohttp.BasicAuth")
#: What a client or a call of one is given, or what is set on it, by which every message passes.
_PASSED_BY = ("auth", "hooks", "event_hooks", "transport", "mounts", "adapters", "middlewares", "trace_configs")
#: Methods that take messages, or events about them.
_TAKING = (
    "__call__",
    "auth_flow",
    "sync_auth_flow",
    "async_auth_flow",
    "handle_request",
    "handle_async_request",
    "send",
)
#: Methods of a middleware that have a response in hand, and calls that give them one.
_ANSWERING = ("process_response", "process_template_response")
_NEXT = ("call_next", "get_response")
_BODIES = ("content", "body", "data", "text", "content_length")
_ASKED = frozenset({"get_data", "calculate_content_length", "add_etag", "make_conditional", "iter_encoded"})
_HARMLESS = frozenset({"raise_for_status", "json", "close", "aclose"})
_DEEPEST = 4


class Lookers:
    """The code of one program by which messages pass."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self._program = program

    def of_call(self, call: Call) -> str | None:
        """Return where a call that sends a message, or that makes a client, is given what may look at bodies."""
        for each in call.arguments:
            if each.keyword in _PASSED_BY:
                harmless = self._sees_none(call.module, call.scope, each.shape)
            else:
                harmless = not self._is_own(call.module, call.scope, each.shape)
            if not harmless:
                return place_of(call.module, each.span.start)
        return None

    def of_client(self, call: Call) -> str | None:
        """Return where the client whose method is called was given what may look at bodies."""
        if call.function[0] != "a":
            return None
        module, client = call.module, call.function[1]
        for made in self._made(module, call.scope, client):
            place = self.of_call(made)
            if place is not None:
                return place
        for name in _PASSED_BY:
            for base, value, scope, start in module.facts["attribute_stores"].get(name, ()):
                if base == client and not (value and self._sees_none(module, scope, value)):
                    return place_of(module, start)
            for base, use, _scope, start, _end in module.facts["attribute_reads"].get(name, ()):
                if base == client and name != "auth" and use[0] not in {"cmp", "cond", "expr"}:
                    return place_of(module, start)  # `client.hooks["request"].append(sign)`
        for mounted in module.calls_named("mount"):
            if mounted.function[:2] == ["a", client]:
                place = self.of_call(mounted)
                if place is not None:
                    return place
        return None

    def _made(self, module: Module, scope: int, shape: Shape, depth: int = 0) -> Iterator[Call]:
        """Yield the calls that a client is made by."""
        match shape:
            case ["c", int() as index]:
                yield module.call(index)
            case ["w", inner]:
                yield from self._made(module, scope, inner, depth)
            case ["n", str(name)] if depth < _DEEPEST and (found := module.lookup(scope, name)) is not None:
                for each in found[1]:
                    if each.kind in {"assign", "with"} and each.payload:
                        yield from self._made(module, each.scope, each.payload, depth + 1)
            case ["a", ["n", "self"] as base, str(name)] if depth < _DEEPEST:
                for stored, value, inner, _start in module.facts["attribute_stores"].get(name, ()):
                    if stored == base and value is not None:
                        yield from self._made(module, inner, value, depth + 1)
            case _:
                return

    def _sees_none(self, module: Module, scope: int, shape: Shape, depth: int = 0) -> bool:
        """Tell whether `auth=` and its like is a pair of strings, or something else that sees no body."""
        match shape:
            case ["k", *_]:
                return True
            case ["t", _]:  # user and password
                return not self._is_own(module, scope, shape)
            case ["?" | "b" | "l", list(options)]:
                return all(self._sees_none(module, scope, each, depth) for each in options)
            case ["d", list(pairs)]:
                return all(self._sees_none(module, scope, each[1], depth) for each in pairs)
            case ["c", int() as index]:
                return self._made_sees_none(module.call(index), depth)
            case ["m", int() as number]:
                return _ignores_body(module.scope(number), bound=False)
            case ["n", str(name)] if depth < _DEEPEST and module.dotted(scope, shape) is None:
                found = module.lookup(scope, name)
                values = [each for each in found[1] if each.kind == "assign"] if found is not None else []
                return (
                    found is not None
                    and len(values) == len(found[1])
                    and all(
                        each.payload and self._sees_none(module, each.scope, each.payload, depth + 1) for each in values
                    )
                )
            case ["n" | "a", *_] if (own := self._own(module, scope, shape)) is not None:
                return own.kind == "function" and _ignores_body(
                    own, bound=shape[0] == "a" and shape[1] == ["n", "self"]
                )
            case ["a", ["n", "self"] as base, str(name)] if depth < _DEEPEST:
                stores = [each for each in module.facts["attribute_stores"].get(name, ()) if each[0] == base]
                return bool(stores) and all(
                    each[1] and self._sees_none(module, each[2], each[1], depth + 1) for each in stores
                )
            case _:
                return False

    def _made_sees_none(self, call: Call, depth: int) -> bool:
        dotted = self._program.dotted(call.module, call.scope, call.function) or ""
        made = self._program.resolve(dotted) if dotted else None
        if made is not None and made.kind == "class":
            methods = [self._program.find_method(made, each) for each in _TAKING]
            return any(methods) and all(_ignores_body(each, bound=True) for each in methods if each is not None)
        if dotted.startswith(_PLAIN_AUTH) or dotted == "builtins.tuple":
            return True
        # `httpx.MockTransport(handler)`, `httpx.HTTPTransport(retries=3)`
        return dotted.partition(".")[0] in {"httpx", "aiohttp", "requests"} and all(
            each.shape[0] == "k"
            or not self._is_own(call.module, call.scope, each.shape)
            or self._sees_none(call.module, call.scope, each.shape, depth + 1)
            for each in call.arguments
        )

    def _is_own(self, module: Module, scope: int, shape: Shape, depth: int = 0) -> bool:
        """Tell whether a value is, or holds, a function or an instance of the program that sees bodies."""
        match shape:
            case ["m", _]:
                return True
            case ["c", int() as index]:
                target, _ = self._program.target_of(module.call(index))
                if target is None or target.kind != "class":
                    return False
                methods = [self._program.find_method(target, each) for each in _TAKING]
                return any(each is not None and not _ignores_body(each, bound=True) for each in methods)
            case ["d", list(pairs)]:
                return any(self._is_own(module, scope, each[1], depth) for each in pairs)
            case ["l" | "t" | "?" | "b", list(parts)]:
                return any(self._is_own(module, scope, each, depth) for each in parts)
            case ["n" | "a", *_] if (own := self._own(module, scope, shape)) is not None:
                return own.kind in {"function", "class"}
            case ["n", str(name)] if depth < _DEEPEST and (found := module.lookup(scope, name)) is not None:
                values = [each for each in found[1] if each.kind == "assign" and each.payload]
                return any(self._is_own(module, each.scope, each.payload, depth + 1) for each in values)
            case _:
                return False

    def _own(self, module: Module, scope: int, shape: Shape) -> Scope | None:
        dotted = self._program.dotted(module, scope, shape)
        return self._program.resolve(dotted) if dotted else None

    # --- responses ----------------------------------------------------------------------------------------------

    @cached_property
    def of_responses(self) -> str | None:
        """Return a place that looks at the body of whatever response goes out: in a middleware, for one."""
        for read in self._program.attribute_reads("body_iterator"):
            if read.use != ["dest"]:
                return place_of(read.module, read.span.start)
        for read in self._responses():
            match read.use:
                case ["attr", name, use] if name in _BODIES and not is_parsed(read.module, use):
                    return place_of(read.module, read.span.start)
                case ["meth", name, _] if name in _ASKED:
                    return place_of(read.module, read.span.start)
                case _:
                    continue
        return None

    def _responses(self) -> Iterator[Read]:
        """Yield the reads of variables that hold responses which other code of the program made."""
        for name in _ANSWERING:
            for method in self._program.definitions(name):
                yield from _of_parameter(method, -1)
        self._program.want("after_request")
        for read in self._program.attribute_reads("after_request", want=False):
            if read.use[0] == "deco":
                yield from _of_parameter(read.module.scope(read.use[1]), 0)
        for call in self._program.calls_named("after_request"):
            given = call.argument(0)
            own = self._own(call.module, call.scope, given.shape) if given is not None else None
            if own is not None and own.kind == "function":
                yield from _of_parameter(own, 0)
        for name in _NEXT:
            for call in self._program.calls_named(name):
                if self._program.target_of(call)[0] is not None:
                    continue  # it is the program's, and may give the answer of another server
                use = call.use[1] if call.use[0] == "await" else call.use
                if use[0] == "asg":
                    yield from call.module.reads(use[1], use[2])


def _of_parameter(function: Scope, position: int) -> Iterator[Read]:
    if function.parameters:
        yield from function.module.reads(function.number, function.parameters[position][0])


def _ignores_body(function: Scope, *, bound: bool) -> bool:
    """Tell whether a function that is given messages looks at no body."""
    names = [each[0] for each in function.parameters][1 if bound else 0 :]
    if not names:
        return False
    reads = [each for name in names for each in function.module.reads(function.number, name)]
    return not any(_looks(function.module, each.use) for each in reads)


def _looks(module: Module, use: list[Any]) -> bool:
    """Tell whether a use of a message may look at its body."""
    match use:
        case ["attr", "request", inner]:  # that of a response
            return _looks(module, inner)
        case ["attr", str(name), inner]:
            return name in SHOWN and not is_parsed(module, inner)
        case ["meth", str(name), _]:
            return name not in _HARMLESS
        case _:
            return use[0] not in {"ret", "yield", "cond", "expr", "dest"}


def is_parsed(module: Module, use: list[Any]) -> bool:
    """Tell whether a body goes to a JSON parser, which does not see the difference, or is only asked for."""
    match use:
        case ["arg", int() as index, 0]:
            call = module.call(index)
            return module.dotted(call.scope, call.function) in PARSERS
        case ["meth", "decode", int() as index]:
            return is_parsed(module, module.call(index).use)
        case _:
            return use[0] in {"cond", "expr", "dest"}
