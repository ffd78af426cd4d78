"""The text of the decorator: what is tried again, how often, after how long."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from hasten.api import ImportRequest, Module, Scope
from hasten_codemods.retry_api_calls.clients import STATUS, Client
from hasten_codemods.retry_api_calls.failures import LINE, Leaving
from hasten_codemods.retry_api_calls.policy import NAME
from hasten_codemods.retry_api_calls.terms import Terms

_WIDTH = 100
_TENACITY = "tenacity"


class Wanted(NamedTuple):
    """What is to be tried again.

    Attributes:
        client: whose errors.
        leaving: what leaves the function.
        only_asked: whether the error is asked if its request was one that changes nothing.
        answers: whether the answer is returned as it is, and asked as well.
    """

    client: Client
    leaving: Leaving
    only_asked: bool
    answers: bool = False

    @property
    def needs_policy(self) -> bool:
        """Tell whether the module beside has to say what is worth another attempt."""
        busy = STATUS in self.leaving.families | self.leaving.causes
        return busy or self.answers or self.only_asked or not self.client.errors


class Decorator(NamedTuple):
    """A decorator, and the names that it needs."""

    text: str
    imports: tuple[ImportRequest, ...]


class Unnamed(NamedTuple):
    """Why a module cannot be named where the decorator stands."""

    reason: str


def compose(
    function: Scope,
    wanted: Wanted,
    terms: Terms,
    *,
    policy: ImportRequest,
    shared: bool,
    fallback: str,
    reachable: Callable[[Module, str], bool],
) -> Decorator | Unnamed:
    """Return the decorator for a function.

    Args:
        function: it.
        wanted: what is to be tried again.
        terms: how often, and after how long.
        policy: the import of the module beside.
        shared: whether that module says how often and how long.
        fallback: the expression that is returned after the last attempt, `""` for none.
        reachable: tells whether a library that a module does not import yet can be imported in it.
    """
    names = Names(function, reachable)
    with_policy = shared or wanted.needs_policy
    predicate = _predicate(wanted, names)
    if shared and not fallback:
        names.request(policy)
        arguments = [predicate]
        text = laid_out(f"{NAME}.retried", arguments)
    else:
        wait = f"{NAME}.wait_as_told({terms.wait})" if _has_answers(wanted) else terms.wait
        arguments = [f"retry={predicate}", f"stop={terms.stop}", f"wait={wait}"]
        if terms.level:
            logger, logging = names.logger()
            arguments.append(f"before_sleep={terms.log(logger, logging)}")
        arguments.append(_in_the_end(wanted, fallback))
        if with_policy:
            names.request(policy)
        text = laid_out("tenacity.retry", arguments)
    if names.trouble:
        return Unnamed(names.trouble)
    return Decorator(text, tuple(names.requests))


def _in_the_end(wanted: Wanted, fallback: str) -> str:
    """Return what callers see after the last attempt."""
    if fallback:
        return f"retry_error_callback=lambda _: {fallback}"
    return f"retry_error_callback={NAME}.last_outcome" if wanted.answers else "reraise=True"


def _has_answers(wanted: Wanted) -> bool:
    return wanted.answers or STATUS in wanted.leaving.families | wanted.leaving.causes


def _predicate(wanted: Wanted, names: Names) -> str:
    """Return the expression that tells failures that pass from the others."""
    families, causes = wanted.leaving.families, wanted.leaving.causes
    parts: list[str] = []
    if families & LINE:
        parts.append(_types("retry_if_exception_type", wanted.client, names))
    if causes & LINE:
        parts.append(_types("retry_if_exception_cause_type", wanted.client, names))
    if STATUS in families | causes:
        parts.append(f"tenacity.retry_if_exception({NAME}.is_busy)")
    names.of(_TENACITY, needed=True)
    busy = "is_busy_asked" if wanted.only_asked else "is_busy_answer"
    result = [f"tenacity.retry_if_result({NAME}.{busy})"] if wanted.answers else []
    if not wanted.only_asked:
        return "\n| ".join(parts + result)
    first = f"tenacity.retry_if_exception({NAME}.only_asked)"
    if len(parts) == 1:
        return "\n| ".join([f"{first}\n& {parts[0]}", *result])
    inner = "\n    | ".join(parts)
    return "\n| ".join([f"{first}\n& (\n    {inner}\n)", *result])


def _types(taker: str, client: Client, names: Names) -> str:
    if not client.errors:
        return f"tenacity.retry_if_exception({NAME}.is_unreachable)"
    written = [names.error(each) for each in client.errors]
    return f"tenacity.{taker}(({', '.join(written)}))"


def laid_out(function: str, arguments: Sequence[str]) -> str:
    """Return a call with each argument on a line of its own, where they are too long for one line."""
    flat = f"{function}({', '.join(map(_flat, arguments))})"
    if len(flat) < _WIDTH:
        return flat
    lines = [f"{function}("]
    for each in arguments:
        one = f"    {_flat(each)},"
        if len(one) < _WIDTH:
            lines.append(one)
            continue
        parts = [part for line in each.split("\n") for part in _wrapped(line)]
        lines += [f"    {part}" for part in parts[:-1]] + [f"    {parts[-1]},"]
    return "\n".join([*lines, ")"])


def _flat(text: str) -> str:
    """Return an expression of several lines on one."""
    return " ".join(each.strip() for each in text.split("\n")).replace("( ", "(").replace(" )", ")")


def _wrapped(line: str) -> list[str]:
    """Return a call of one tuple on several lines, where it is too long for one."""
    if len(line) + 5 < _WIDTH or "((" not in line:
        return [line]
    pad = " " * (len(line) - len(line.lstrip()))
    head, _, rest = line.partition("((")
    inner, _, tail = rest.rpartition("))")
    if len(inner) + len(pad) + 10 < _WIDTH:
        return [f"{head}(", f"{pad}    ({inner})", f"{pad}){tail}"]
    lines = (f"{pad}        {each}," for each in inner.split(", "))
    return [f"{head}(", f"{pad}    (", *lines, f"{pad}    )", f"{pad}){tail}"]


class Names:
    """How modules are called where a decorator stands."""

    def __init__(self, function: Scope, reachable: Callable[[Module, str], bool]) -> None:
        """Take the function, and what tells whether a library that is not imported yet can be."""
        self.function = function
        self.module = function.module
        self.reachable = reachable
        self.requests: list[ImportRequest] = []
        self.trouble = ""

    def request(self, wanted: ImportRequest) -> None:
        """Ask for an import of what is the program's own."""
        name = wanted.name or wanted.module
        if self._is_shadowed(name):
            self.trouble = f"`{name}` is something else where `{self.function.name}` is defined"
        self._ask(wanted)

    def _ask(self, wanted: ImportRequest) -> None:
        if wanted not in self.requests:
            self.requests.append(wanted)

    def error(self, dotted: str) -> str:
        """Return what an error of a library is called."""
        owner, _, name = dotted.partition(".")
        return f"{self.of(owner, needed=owner == 'asyncio')}.{name}"

    def of(self, wanted: str, *, needed: bool = False) -> str:
        """Return the name of a module, and ask for its import where there is none.

        Args:
            wanted: its absolute name.
            needed: it is new to the program, or part of Python, and can be imported anywhere.
        """
        bindings = self.module.bindings(0, wanted)
        for each in self.module.imports():
            plain = each.scope == 0 and each.level == 0 and each.end <= self.function.span.start
            renamed = each.name == wanted and each.asname and wanted != _TENACITY
            if plain and renamed and not set(each.nest) & set("TItef"):
                return str(each.asname)
        kinds = {each.kind for each in bindings}
        conditional = [each for each in bindings if set(each.nest) & set("TItef")]
        if kinds - {"import"} or any(self._others(each.payload, wanted) for each in bindings):
            self.trouble = f"`{wanted}` is bound to something of its own in `{self.module.path}`"
        elif conditional:
            line = self.module.position(conditional[0].start).line
            self.trouble = f"`{wanted}` is only imported under a condition at {self.module.path}:{line}"
        elif self._is_shadowed(wanted):
            self.trouble = f"`{wanted}` is something else where `{self.function.name}` is defined"
        elif not bindings and not needed and not self.reachable(self.module, wanted):
            self.trouble = f"`{wanted}` is only imported when it is needed"
        if not any(each.start < self.function.span.start for each in bindings):
            self._ask(ImportRequest(self.module.path, wanted))
        return wanted

    def _others(self, number: int, wanted: str) -> bool:
        """Tell whether an import binds a name to something else than the module of that name."""
        return self.module.import_target(self.module.imports()[number]).partition(".")[0] != wanted

    def _is_shadowed(self, name: str) -> bool:
        found = self.module.lookup(self.function.parent, name)
        return found is not None and found[0] != 0

    def logger(self) -> tuple[str, str]:
        """Return the expression for the module's logger, and the name of `logging`."""
        logging = self.of("logging", needed=True)
        for name in ("logger", "log", "LOGGER", "LOG", "_logger", "_LOGGER", "_log"):
            bindings = self.module.bindings(0, name)
            if len(bindings) != 1 or bindings[0].kind != "assign" or bindings[0].start > self.function.span.start:
                continue
            payload = bindings[0].payload
            made = self.module.call(payload[1]) if payload is not None and payload[0] == "c" else None
            plain = made is not None and self.module.dotted(0, made.function) == "logging.getLogger"
            if plain and not bindings[0].nest and not self._is_shadowed(name):
                return name, logging
        return f"{logging}.getLogger(__name__)", logging
