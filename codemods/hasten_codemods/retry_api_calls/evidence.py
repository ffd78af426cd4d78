"""What speaks against trying a function again, and for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from hasten.api import Hazard, Program, Proof, Scope, Settings
from hasten_codemods.retry_api_calls import failures, functions, held
from hasten_codemods.retry_api_calls.decorators import Wanted
from hasten_codemods.retry_api_calls.paths import Paths, Way
from hasten_codemods.retry_api_calls.repeating import Repeating, loop_around
from hasten_codemods.retry_api_calls.sessions import Sessions
from hasten_codemods.retry_api_calls.sites import Outbound
from hasten_codemods.retry_api_calls.witnesses import Witnesses

#: Words of names of functions and addresses that do something, whatever the verb says.
_DOING = re.compile(
    r"(?:^|[_/])(?:charge|pay|send|order|book|transfer|publish|buy|sell|cancel|refund|notify|vote|register|launch|trigger"
    r"|delete|remove|create|activate|verify|logout|signup|restart|reboot|shutdown|toggle|increment|subscribe|unsubscribe|submit|exec|execute|run|next|turn|wake|lock|unlock|start|stop|reset|enable|disable|approve|reject|accept"
    r"|claim|ack|pop|consume|invite|join|leave|like|follow|move|upload|import|sync|rotate|revoke|flush|purge|clear)"
    r"(?:$|[_/?])",
    re.IGNORECASE,
)


#: `sendMessage` is `send_Message`.
_CAPITALS = re.compile(r"([a-z0-9])([A-Z])")
#: Variables of variables are followed so far.
_DEEPEST = 3


class Evidence:
    """Answers for one program."""

    def __init__(self, program: Program, settings: Settings, paths: Paths) -> None:
        """Take the program, the settings, and what knows the ways through the program."""
        self.program = program
        self.settings = settings
        self.repeating = Repeating(program)
        self.witnesses = Witnesses(program)
        self.sessions = Sessions(program, paths)

    def hazards(self, function: Scope, sent: Sequence[Outbound], wanted: Wanted, way: Way) -> Iterator[Hazard]:
        """Yield what could not be ruled out of a function that is tried again as a whole."""
        # What an answer says is asked when it was returned, and all of the function was done.
        until = function.span.end if wanted.answers else failures.until(self.program, function, sent)
        yield from self._of_requests(function, sent, wanted)
        again = next(self.repeating.before(function, sent, until), None)
        if again is not None:
            yield Hazard("RTY003", f"it would be done once for each attempt: {again.what} ({again.place})")
        used = self.repeating.consumed(function, sent, until)
        if used is not None:
            yield Hazard("RTY004", f"`{used[0]}` may be used up by the first attempt ({used[1]})")
        for each in sent:
            loop = loop_around(function, each.call)
            if loop:
                yield Hazard("RTY005", f"the call stands in a loop ({loop}), which would begin again from its start")
                break
        unknown = functions.unknown_decorator(self.program, function)
        if unknown:
            yield Hazard("RTY006", f"nobody knows what {unknown} does with the function")
        context = next((found for each in sent if (found := held.unknown_context(each.call))), "")
        if context:
            yield Hazard("RTY007", f"{context} would be entered once for each attempt")
        uncertain = next((each for each in sent if not each.certain or self.sessions.doubts(each)), None)
        if uncertain is not None:
            doubt = (
                self.sessions.doubts(uncertain) or f"what it is called on may come from elsewhere ({uncertain.place})"
            )
            yield Hazard("RTY008", f"{doubt}, and may try again by itself")
        guessed = next((each for each in sent if each.guessed), None)
        if guessed is not None:
            name = guessed.client.name
            yield Hazard("RTY011", f"only its name tells that it is a session of `{name}` ({guessed.place})")
        blocking = next((each for each in sent if function.is_async and not each.awaited), None)
        if blocking is not None:
            yield Hazard(
                "RTY013", f"nothing else runs while it is asked ({blocking.place}); while it waits, other tasks do"
            )
        if way.doubt:
            yield Hazard("RTY015", f"{way.doubt} may be a call of it, in a coroutine or in what tries again")
        # A module that belongs to tests, and calls it over however many others, or names it.
        failing = next((each for each in self.witnesses.failing(wanted.client) if each.path in way.modules), None)
        if failing is not None:
            yield Hazard(
                "RTY009", f"a test lets such calls fail ({failing.place}): it would wait, and see more of them"
            )
        if self.settings["fallback"]:
            text = self.settings["fallback"]
            yield Hazard("RTY010", f"callers get `{text}` in the place of the error after the last attempt")

    def _of_requests(self, function: Scope, sent: Sequence[Outbound], wanted: Wanted) -> Iterator[Hazard]:
        if wanted.only_asked and len(sent) > 1:
            place = next(each.place for each in sent if not each.request.verb)
            yield Hazard("RTY001", f"a request whose verb nobody knows may be sent again for another one ({place})")
            return
        for each in sent:
            verb = each.request.verb
            if each.request.asks:
                address = each.call.argument(0 if verb.lower() == each.call.tail else 1, "url")
                texts = _texts(address.shape, each) if address is not None else ()
                named = (_CAPITALS.sub(r"\1_\2", text) for text in (function.name, *texts))
                doing = next((found for text in named if (found := _DOING.search(text))), None)
                if doing:
                    word = doing.group(0).strip("_/?")
                    yield Hazard("RTY002", f"the request asks, but seems to do something: `{word}` ({each.place})")
                    return
            elif verb or not wanted.only_asked:
                if each.request.key == "kept":
                    continue
                shown = f"`{verb}`" if verb else "a request whose verb nobody knows"
                fresh = "; its idempotency key is a new one for each attempt" if each.request.key else ""
                yield Hazard("RTY001", f"{shown} may be carried out twice ({each.place}){fresh}")
                return

    def proofs(self, sent: Sequence[Outbound], wanted: Wanted, way: Way) -> Iterator[Proof]:
        """Yield what speaks for it."""
        verbs = sorted({each.request.verb for each in sent if each.request.asks})
        if wanted.only_asked:
            yield Proof("RTY202", "only requests that change nothing are tried again: the error knows its request")
        elif verbs:
            yield Proof("RTY201", f"{' and '.join(verbs)} changes nothing, by the standard of HTTP")
        if any(each.request.key == "kept" for each in sent):
            yield Proof("RTY203", "an idempotency key is sent, the same with each attempt")
        if way.seen and not way.retried:
            yield Proof("RTY204", "nothing on the ways to it tries again")


def _texts(shape: Any, sent: Outbound, depth: int = 0) -> Iterator[str]:  # noqa: ANN401 - shapes are JSON
    """Yield the strings that an address is put together of, those of variables among them."""
    if not isinstance(shape, list) or not shape:
        return
    if shape[:2] == ["k", "str"]:
        yield str(shape[2])
        return
    if shape[0] == "n" and depth < _DEEPEST:
        found = sent.call.module.lookup(sent.call.scope, str(shape[1]))
        for each in found[1] if found is not None else ():
            if each.kind == "assign":
                yield from _texts(each.payload, sent, depth + 1)
        return
    for each in shape:
        yield from _texts(each, sent, depth)
