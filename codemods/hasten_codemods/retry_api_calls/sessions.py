"""Sessions and transports that try again by themselves, as the program sets them up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, TypeAlias

from hasten.api import Call, Program, Receivers, Scope, receivers_of
from hasten_codemods.retry_api_calls.clients import Client
from hasten_codemods.retry_api_calls.paths import Paths
from hasten_codemods.retry_api_calls.places import is_in_tests, is_super, place_of
from hasten_codemods.retry_api_calls.retrying import called_again, decorated, trying
from hasten_codemods.retry_api_calls.sites import Outbound

Shape: TypeAlias = list[Any]
_NOTHING = (["k", "int", "0"], ["k", "bool", "False"], ["k", "NoneType", "None"])
_ADAPTERS = {"requests": ("HTTPAdapter",), "httpx": ("HTTPTransport", "AsyncHTTPTransport")}
_RETRIES = {"HTTPAdapter": "max_retries", "HTTPTransport": "retries", "AsyncHTTPTransport": "retries"}


class Sessions:
    """Answers for one program."""

    def __init__(self, program: Program, paths: Paths) -> None:
        """Take the program."""
        self.program = program
        self.paths = paths
        self.receivers: Receivers = receivers_of(program)
        self._tried: dict[tuple[str, int], bool] = {}
        self._own: dict[str, tuple[Scope, ...]] = {}

    def insists(self, sent: Outbound) -> str:
        """Return why what a call is made on may try again by itself already, an empty string for nothing known."""
        if sent.object is None:
            return ""
        own = next((each for each in self._passed(sent, self._classes_of(sent) or ()) if self._tries(each)), None)
        if own is not None:
            return f"{_shown(own)} tries again by itself; set its attempts there"
        for name in _ADAPTERS.get(sent.client.name, ()):
            for call in self.program.calls_named(name):
                if is_in_tests(call.module.path) and not is_in_tests(sent.call.module.path):
                    continue
                given = call.argument(2 if name == "HTTPAdapter" else len(call.arguments), _RETRIES[name])
                unseen = any(each.keyword == "**" for each in call.arguments) and self._makes_retries
                if unseen or (given is not None and given.shape not in _NOTHING):
                    place = place_of(call.module, call.span.start)
                    return (
                        f"a session of the program tries again by itself (`{name}` at {place}), and it may be this "
                        "one; set its retries there"
                    )
        return ""

    @cached_property
    def _makes_retries(self) -> bool:
        """Tell whether the program says how often urllib3 is to try, wherever that is put then."""
        return any(not is_in_tests(each.module.path) for each in self.program.calls_named("Retry"))

    def doubts(self, sent: Outbound) -> str:
        """Return what a session is sent through of which nothing is known."""
        if sent.object is None:
            return ""
        classes = self._classes_of(sent)
        if classes is None:
            own = next((each for each in self._passed(sent, self._derived(sent.client)) if self._tries(each)), None)
            if own is not None:
                return f"it may be sent through {_shown(own)}"
        for each in self._passed(sent, classes or ()):
            if not any(_hands_on(call, sent.client) for call in each.module.calls_in(each.number)):
                return f"it is sent through {_shown(each)}, which sends it in a way of its own"
        for call in self.program.calls_named("mount", want=False):
            if is_in_tests(call.module.path) or call.function[0] != "a":
                continue
            adapter = call.argument(1, "adapter")
            if adapter is None or _is_plain(call, adapter.shape):
                continue
            if self._is_mounted(call, sent):
                return f"a session is sent through an adapter of its own ({place_of(call.module, call.span.start)})"
        return ""

    def _is_mounted(self, call: Call, sent: Outbound) -> bool:
        """Tell whether an adapter may be one of the session that a call is made on."""
        owner = self.program.method_owner(call.module, call.scope) if call.function[1] == ["n", "self"] else None
        if owner is None:
            return sent.object is not None and _last(call) == str(sent.object[-1])
        # class Session(requests.Session): def __init__(self): self.mount(...)
        classes = self._classes_of(sent)
        heirs = self.program.heirs(owner)
        return any(each in heirs for each in (self._derived(sent.client) if classes is None else classes))

    def _classes_of(self, sent: Outbound) -> tuple[Scope, ...] | None:
        """Return the classes of the program that a session may be of; None where it may be of any."""
        call, base = sent.call, sent.object
        if base is None:
            return ()
        if is_super(call.module, base):
            owner = self.program.method_owner(call.module, call.scope)
            return tuple(self.program.heirs(owner)) if owner is not None else ()
        kind = self.receivers.kind(call.module, call.scope, base)
        if kind is None:
            return None
        return tuple(self.program.heirs(kind)) if isinstance(kind, Scope) else ()

    def _derived(self, client: Client) -> tuple[Scope, ...]:
        """Return the classes of the program, those of tests left out, that derive from one of a client's."""
        if client.name not in self._own:
            self._own[client.name] = tuple(
                owner
                for owner in self.program.classes()
                if not is_in_tests(owner.module.path) and self._derives(owner, client)
            )
        return self._own[client.name]

    def _derives(self, owner: Scope, client: Client) -> bool:
        return any(
            each.module.dotted(each.parent, base) in client.classes
            for each in (owner, *self.program.ancestors(owner))
            for base in each.bases
        )

    def _passed(self, sent: Outbound, classes: Iterable[Scope]) -> Iterator[Scope]:
        """Yield the methods of the program that a request of a session passes through on its way to the client's."""
        for owner in classes:
            for name in sent.client.passed(sent.call.tail):
                method = self.program.find_method(owner, name)
                if method is not None:
                    yield method

    def _tries(self, method: Scope) -> bool:
        """Tell whether a method, or one of its own class that it calls, tries again."""
        key = method.module.path, method.number
        if key not in self._tried:
            self._tried[key] = any(self._is_trying(each) for each in self._of_its_class(method))
        return self._tried[key]

    def _of_its_class(self, method: Scope) -> Iterator[Scope]:
        """Yield a method, and those of its class, and of those above and below it, that it calls."""
        yield method
        owner = method.module.enclosing(method.parent, "class")
        if owner is None:
            return
        family = [*self.program.heirs(owner), *self.program.ancestors(owner)]
        keys = {(each.module.path, each.number) for each in family}
        yield from (each for each in self.paths.beyond(method) if (each.module.path, each.parent) in keys)

    def _is_trying(self, function: Scope) -> bool:
        calls = function.module.calls_in(function.number)
        return bool(decorated(self.program, function)) or any(trying(each) or called_again(each) for each in calls)


def _shown(method: Scope) -> str:
    """Return a method of a class, for people."""
    owner = method.module.enclosing(method.parent, "class")
    name = f"{owner.name}.{method.name}" if owner is not None else method.name
    return f"`{name}` ({place_of(method.module, method.span.start)})"


def _hands_on(call: Call, client: Client) -> bool:
    """Tell whether a call is of a method of `super()`, or of the client's class: `requests.Session.send(self, ...)`."""
    base = call.function[1] if call.function[0] == "a" else None
    return is_super(call.module, base) or (base is not None and call.module.dotted(call.scope, base) in client.classes)


def _last(call: Call) -> str:
    """Return the last name of what a method is called on."""
    return str(call.function[1][-1])


def _is_plain(call: Call, shape: Shape) -> bool:
    return shape[0] == "c" and call.module.call(shape[1]).tail == "HTTPAdapter"
