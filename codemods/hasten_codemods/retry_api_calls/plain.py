"""Functions that do nothing but ask, and make something of the answer: all that they do is in a list.

def price_of(item: str) -> float:
    answer = requests.get(f"{PRICES}/items/{item}", timeout=5)
    answer.raise_for_status()
    return answer.json()["price"]

What is not in the list may well be harmless: an alias of something that others see, an iterator that is used up, a
method that does something under a harmless name. Nobody can tell, so it is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from hasten.api import Call, Module, Program, Scope
from hasten_codemods.retry_api_calls import harmless
from hasten_codemods.retry_api_calls.places import is_in_tests, place_of
from hasten_codemods.retry_api_calls.repeating import words_of
from hasten_codemods.retry_api_calls.sites import Outbound

Shape: TypeAlias = list[Any]

#: Clients that have read the answer when the call is over.
_WHOLE = frozenset({"requests", "httpx"})
_BUILTINS = frozenset({"str", "int", "float", "bool", "len", "dict", "isinstance", "round", "repr"})
_FUNCTIONS = frozenset(
    {"urllib.parse.urljoin", "urllib.parse.quote", "urllib.parse.quote_plus", "urllib.parse.urlencode"}
    | {"os.environ.get", "os.getenv", "os.path.join", "json.loads", "typing.cast", "datetime.datetime.fromisoformat"}
)
#: Methods that only texts, numbers and dates have, and that change nothing.
_OF_TEXTS = frozenset(
    {"format", "strip", "rstrip", "lstrip", "lower", "upper", "startswith", "endswith", "removeprefix", "removesuffix"}
    | {"isoformat", "encode", "decode", "split", "rsplit", "partition", "rpartition", "splitlines", "strftime"}
)
#: Methods of answers, and of what is in them.
_OF_ANSWERS = frozenset({"raise_for_status", "json", "get", "items", "keys", "values", "copy"})
#: Last names of what gives something that nobody else has: an answer, a part of one, a new dictionary.
_MAKING = _OF_ANSWERS | {"dict", "request"}
#: Annotations of what is the same each time that it is looked at.
_LASTING = frozenset(
    {"str", "bytes", "int", "float", "bool", "dict", "Dict", "list", "List", "tuple", "Tuple", "set", "Set", "None"}
    | {"Mapping", "Sequence", "Collection", "Optional", "Union", "date", "datetime", "timedelta", "UUID", "Decimal"}
    | {"Literal", "Path", "frozenset", "Final"}
)
#: Where a second attempt may be under way already: libraries that try again, and what sets others up to do so.
_LIBRARIES = ("backoff", "retrying", "stamina", "celery", "rq", "dramatiq", "huey", "airflow", "apscheduler", "retry")
_WORDS = ("HTTPAdapter", "Retry", "Retrying", "AsyncRetrying", "HTTPTransport", "AsyncHTTPTransport", "mount")
_KEYWORDS = ("max_retries", "retries", "transport", "retry")
#: What gives up on a call that takes long.
_IMPATIENT = ("wait_for", "fail_after", "move_on_after", "alarm", "setitimer", "timeout", "timeout_at")
#: What classes that send requests derive from.
_SENDING = frozenset(
    {"Session", "Client", "AsyncClient", "ClientSession", "HTTPAdapter", "BaseAdapter", "AuthBase", "Auth"}
    | {"BaseTransport", "AsyncBaseTransport", "HTTPTransport", "AsyncHTTPTransport"}
)
_BLOCKS = frozenset({"for", "while", "async for", "try", "except", "with", "async with", "finally"})
_EXPECTING = ("raises", "assertRaises", "assertRaisesRegex")


class Plain:
    """Answers for one program."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self.program = program

    def doubt(self, function: Scope, sent: Sequence[Outbound]) -> str:
        """Return the first thing about a function that is not in the list, in words; empty where there is none."""
        return next(self._doubts(function, sent), "") or self._around()

    def _doubts(self, function: Scope, sent: Sequence[Outbound]) -> Iterator[str]:
        module = function.module
        if len(sent) > 1:
            yield f"it makes several calls ({sent[1].place})"
        if sent[0].client.name not in _WHOLE:
            yield f"`{sent[0].client.name}` reads the answer after the call, and may fail then ({sent[0].place})"
        if not sent[0].request.asks:
            yield f"the verb stands elsewhere, and a request that was led on has another one ({sent[0].place})"
        others = [each for each in function.decorators if each not in (["n", "staticmethod"], ["n", "classmethod"])]
        if others:
            yield f"it has decorators ({place_of(module, function.span.start)})"
        handed = self.program.references(function)
        if handed:
            yield f"`{function.name}` is handed on ({place_of(handed[0].module, handed[0].span.start)})"
        scopes = module.inside(function.number)
        yield from self._stores(module, scopes)
        yield from self._loops(module, function, scopes)
        own = {each.call.index for each in sent}
        for call in module.calls_in(function.number):
            if call.index not in own and not self._is_listed(call, own):
                yield f"`{call.tail or 'something'}` is called ({place_of(module, call.span.start)})"
        yield from self._sent(function, sent[0])

    def _stores(self, module: Module, scopes: frozenset[int]) -> Iterator[str]:
        for scope in sorted(scopes):
            for name, records in module.facts["binds"][scope].items():
                for kind, _payload, start, _nest in records:
                    if kind in {"global", "nonlocal", "del"}:
                        yield f"`{name}` is set or taken away ({place_of(module, start)})"
        for section in ("attribute_stores", "attribute_touches"):
            for name, records in module.facts[section].items():
                for record in records:
                    if record[-2] in scopes:
                        yield f"the attribute `{name}` is set ({place_of(module, record[-1])})"
        for base, _key, _value, scope in module.facts["item_stores"]:
            if scope in scopes and not self._is_made_here(module, scope, base):
                yield f"an item of `{base[-1]}` is set"
        for scope in sorted(scopes):
            for name, reads in module.facts["reads"][scope].items():
                for start, _end, use in reads:
                    if use[0] in {"aug", "subdel"}:
                        yield f"`{name}` is changed in place ({place_of(module, start)})"

    def _loops(self, module: Module, function: Scope, scopes: frozenset[int]) -> Iterator[str]:
        for _parent, kind, header, _start, end in module.facts["blocks"]:
            inside = function.span.start <= header and end <= function.span.end
            if inside and kind in _BLOCKS:
                yield f"it has a `{kind}` ({place_of(module, header)})"
        # [row["name"] for row in rows]
        for scope in sorted(scopes - {function.number}):
            if module.scope(scope).kind != "comp":
                yield f"a function is written in it ({place_of(module, module.scope(scope).span.start)})"
        for scope in sorted(scopes):
            for name, reads in module.facts["reads"][scope].items():
                for start, _end, use in reads:
                    if use[0] in {"iter", "unpack"} and not self._is_made_here(module, scope, ["n", name]):
                        yield f"`{name}` is gone through ({place_of(module, start)})"
        for name, records in module.facts["attribute_reads"].items():
            for _base, use, scope, start, _end in records:
                if scope in scopes and use[0] in {"iter", "unpack"}:
                    yield f"`{name}` is gone through ({place_of(module, start)})"

    def _is_listed(self, call: Call, own: set[int]) -> bool:
        module = call.module
        if call.use == ["raise"]:
            return True  # an error, made for this attempt
        dotted = self.program.dotted(module, call.scope, call.function)
        if dotted is not None:
            if dotted.startswith("builtins."):
                return dotted.removeprefix("builtins.") in _BUILTINS
            if dotted in _FUNCTIONS or (dotted.startswith("logging.") and call.tail in harmless.LOG_METHODS):
                return True
        if call.function[0] != "a":
            return False
        base = call.function[1]
        if call.tail in harmless.LOG_METHODS and str(base[-1]) in harmless.LOGGERS:
            return True
        if call.tail in _OF_TEXTS:
            return True
        return call.tail in _OF_ANSWERS and self._is_of_answer(module, call.scope, base, own, 0)

    def _is_of_answer(self, module: Module, scope: int, shape: Shape, own: set[int], depth: int) -> bool:
        """Tell whether an expression is an answer, or a part of one."""
        match shape:
            case ["w", inner] | ["a", inner, _] | ["i", inner, _]:
                return self._is_of_answer(module, scope, inner, own, depth)
            case ["c", int() as index]:
                call = module.call(index)
                inside = call.function[0] == "a" and call.tail in _OF_ANSWERS
                return index in own or (inside and self._is_of_answer(module, scope, call.function[1], own, depth))
            case ["n", str(name)] if depth < 4:  # noqa: PLR2004 - names of names of names
                found = module.lookup(scope, name)
                return found is not None and all(
                    each.kind in {"assign", "for"}
                    and each.payload is not None
                    and self._is_of_answer(module, each.scope, each.payload, own, depth + 1)
                    for each in found[1]
                )
            case _:
                return False

    def _is_made_here(self, module: Module, scope: int, shape: Shape) -> bool:
        """Tell whether a variable holds what its function has just made, or got as an answer."""
        if shape[0] != "n":
            return False
        found = module.lookup(scope, str(shape[1]))
        if found is None or module.scope(found[0]).kind not in {"function", "comp"}:
            return False
        return all(
            each.kind == "assign"
            and each.payload is not None
            and each.payload[0] in {"d", "l", "s", "g", "c", "w"}
            and (each.payload[0] != "c" or module.call(each.payload[1]).tail in _MAKING)
            for each in found[1]
        )

    def _sent(self, function: Scope, sent: Outbound) -> Iterator[str]:
        """Yield what is sent of which nobody can tell that it is there for a second attempt."""
        kinds = {each[0]: each for each in function.parameters}
        for argument in sent.call.arguments:
            if argument.keyword in {"timeout", "verify", "auth", "allow_redirects", "follow_redirects"}:
                continue
            inside = argument.keyword in {"params", "data", "json", "headers", "files", "content", "cookies"}
            for name in _names(argument.shape) if inside else ():
                record = kinds.get(name)
                if record is None or record[1] in {"*", "**"}:
                    continue
                nothing = record[3] is not None and record[3][:2] == ["k", "NoneType"]
                if not _is_lasting(record[2]) and not (argument.shape == ["n", name] and nothing):
                    yield f"nobody can tell what `{name}` is, which is sent ({sent.place})"
            if argument.keyword in {"data", "files", "content"}:
                yield f"a body is sent, which may be read once ({sent.place})"

    # --- the program around -----------------------------------------------------------------------------------------

    def _around(self) -> str:
        """Return what in the program may try again, or not wait so long, wherever that is."""
        return self.program.remember("retry-api-calls around", lambda: next(self._found_around(), ""))

    def _found_around(self) -> Iterator[str]:
        called, given = "|".join((*_WORDS, *_IMPATIENT)), "|".join((*_KEYWORDS, "side_effect"))
        self.program.want_like(rf"\b(?:{called})\s*\(", rf"\b(?:{given})\s*=")
        self.program.want_like(rf"\bclass\b[^\n]*\b(?:{'|'.join(sorted(_SENDING))})\b")
        self.program.want_like(rf"\b(?:import|from)\s+(?:{'|'.join(_LIBRARIES)})\b", rf"\b(?:{'|'.join(_EXPECTING)})\(")
        for owner in self.program.classes():
            if not is_in_tests(owner.module.path) and any(each[-1] in _SENDING for each in owner.bases):
                yield f"`{owner.name}` sends requests in its own way ({place_of(owner.module, owner.span.start)})"
        for module in self.program.modules:
            tests = is_in_tests(module.path)
            for name in () if tests else _KEYWORDS:
                for *_, start in module.facts["attribute_stores"].get(name, ()):
                    yield f"something may try again ({place_of(module, start)})"
            for each in () if tests else module.imports():
                if (each.module or each.name).partition(".")[0] in _LIBRARIES:
                    yield f"`{each.module or each.name}` may try again ({module.path})"
            for index in range(len(module.facts["calls"])):
                call = module.call(index)
                place = place_of(module, call.span.start)
                if tests:
                    if call.tail in _EXPECTING or any(each.keyword == "side_effect" for each in call.arguments):
                        yield f"a test waits for an error ({place})"
                    continue
                # Decorators of tenacity are known, by what they decorate.
                known = (self.program.dotted(module, call.scope, call.function) or "").startswith("tenacity.")
                told = not known and any(each.keyword in _KEYWORDS for each in call.arguments)
                if call.tail in _WORDS or told:
                    yield f"something may try again ({place})"
                if call.tail in _IMPATIENT:
                    yield f"something may give up on it ({place})"
                if call.tail == "result" and call.arguments:
                    yield f"something may give up on it ({place})"


def _names(shape: Any) -> Iterator[str]:  # noqa: ANN401 - shapes are JSON
    """Yield the variables that an expression is put together of, but for those that texts are made of."""
    if not isinstance(shape, list) or shape[:1] in (["f"], ["k"]):
        return
    if shape[:1] == ["n"]:
        yield str(shape[1])
        return
    for each in shape:
        yield from _names(each)


def _is_lasting(annotation: Shape | None) -> bool:
    words = words_of(annotation)
    return bool(words) and words <= _LASTING | {"Any", "object"} and bool(words & _LASTING)
