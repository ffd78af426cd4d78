"""Gather the evidence about a call that writes JSON: the value, the text, and the errors."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from hasten.api import Call, Program
from hasten_codemods.json_to_orjson import arguments, values
from hasten_codemods.json_to_orjson.arguments import Spelling
from hasten_codemods.json_to_orjson.evidence import Context, Evidence
from hasten_codemods.json_to_orjson.handlers import Handler, of_try
from hasten_codemods.json_to_orjson.readers import Verdict
from hasten_codemods.json_to_orjson.sites import Site

#: What an annotation does not rule out: a structure that holds itself.
_CIRCULAR_ERRORS = (("ValueError", "TypeError"), ("RecursionError", "TypeError"))
_DUMPS_ERRORS = (("TypeError", "TypeError"), ("ValueError", "TypeError"), ("RecursionError", "TypeError"))


class Writing:
    """Look at calls that write, in one program."""

    def __init__(self, context: Context, *, str_keys: bool) -> None:
        """Take what is known about the program, and whether every key is promised to be text."""
        self._context = context
        self._str_keys = str_keys

    def of(self, site: Site, call: Call, spelling: Spelling) -> Evidence:
        """Return the hazards and proofs of a call of `dumps` or `dump`, and add to `spelling` the options it needs."""
        evidence = Evidence()
        for code, message in spelling.hazards:
            evidence.hazard(code, message)
        self._value_evidence(site, spelling, evidence)
        self._text_evidence(site, spelling, evidence)
        self._error_evidence(site, call, spelling, evidence)
        return evidence

    @cached_property
    def _verdicts(self) -> dict[int, list[Verdict]]:
        """Return, by the identity of its site, what the readers of each written text make of it."""
        return {
            id(site): self._readers_of(site)
            for site in self._context.sites
            if site.call is not None and site.name in {"dumps", "dump"}
        }

    @cached_property
    def _comparison(self) -> str | None:
        """Return a place that compares the text of some `json.dumps`, or holds JSON text to compare with."""
        for site in self._context.sites:
            for verdict in self._verdicts.get(id(site), ()):
                if verdict.compares:
                    return site.place
        return self._context.witnesses.known_text

    def _readers_of(self, site: Site) -> list[Verdict]:
        call = site.call
        if call is None:
            return []
        if site.name == "dump":
            spelling = arguments.read(self._context.program, call, "dump")
            return (
                [self._context.readers.of_file(site.module, site.scope, spelling.file.shape, site.place)]
                if spelling.file
                else []
            )
        return self._context.readers.of(site.module, site.scope, call.span, call.use)

    def _value_evidence(self, site: Site, spelling: Spelling, evidence: Evidence) -> None:
        value = spelling.value
        if value is None:
            return
        doubts = self._context.values.doubts(site.module, site.scope, value.shape)
        if self._str_keys:
            doubts -= {"keys", "float keys", "claimed keys"}
        if doubts & {"keys", "claimed keys"}:
            spelling.options.add("OPT_NON_STR_KEYS")
        if "keys" in doubts:
            evidence.proof("JSON211", "keys that are no floats are written as before")
        elif "claimed keys" in doubts:
            evidence.proof("JSON211", "keys are text by annotation, and those of a subclass are written as before")
        else:
            evidence.proof("JSON205", "every key is text")
        if not doubts - {"keys", "surrogate", "no text", "claimed text", "claimed keys"}:
            evidence.proof("JSON209", "the value is made of plain values that can be seen")
        if "claimed" in doubts:
            doubts |= {"subclass"}  # an annotation allows instances of subclasses
        witnesses = self._context.witnesses
        for doubt, code, place, what in (
            ("nan", "JSON005", witnesses.non_finite, "NaN or infinity"),
            ("big", "JSON006", witnesses.big, "an integer beyond 64 bits"),
            (
                "subclass",
                "JSON007",
                witnesses.subclass,
                "a named tuple, or another class that orjson treats differently",
            ),
            ("float keys", "JSON021", witnesses.float_key, "floats as keys"),
            ("surrogate", "JSON016", witnesses.surrogate, "a lone surrogate"),
            ("subclass", "JSON017", witnesses.depth, "the recursion limit"),
        ):
            if doubt in doubts and place is not None:
                evidence.hazard(code, f"the program has {what} at {place}, and what is written here is not known")
        mixed = {"OPT_SORT_KEYS", "OPT_NON_STR_KEYS"} <= spelling.options
        for code, message in self._context.origins.of(site.module, site.scope, value).items():
            # With `default=`, what JSON lacks is JSON010's matter; keys that are promised to be text need no look.
            if (
                (code == "JSON008" and spelling.default)
                or (code == "JSON009" and not mixed)
                or (code == "JSON021" and self._str_keys)
            ):
                continue
            evidence.hazards[code] = message
        if mixed and "keys" in doubts:
            evidence.hazard(
                "JSON009", "keys that are not text would be sorted in another order, and the keys are not known"
            )

    def _text_evidence(self, site: Site, spelling: Spelling, evidence: Evidence) -> None:
        value = spelling.value
        if (
            value is not None
            and not spelling.default
            and values.same_text(value.shape, spelling.keywords, spelling.options)
        ):
            evidence.proof("JSON201", "both libraries write this constant alike")
            return
        for verdict in self._verdicts[id(site)]:
            if verdict.code < "JSON100":
                evidence.hazard(verdict.code, verdict.message)
            else:
                evidence.proof(verdict.code, verdict.message)
            # What is parsed on the spot is seen by nobody else; what is handed on may be seen by a test on the way.
            handed_on = verdict.code == "JSON202" and not self._is_parsed_at_once(site)
            if (verdict.needs_no_known_text or handed_on) and self._comparison is not None:
                evidence.hazard("JSON018", f"JSON text is compared or expected at {self._comparison}")
            client = self._context.witnesses.replaced_client
            if verdict.code == "JSON203" and client is not None:
                evidence.hazard("JSON018", f"a test may look at what `requests` is given: see {client}")

    def _is_parsed_at_once(self, site: Site) -> bool:
        return site.call is not None and site.call.use[0] == "arg" and site.call.use[2] == 0

    def _error_evidence(self, site: Site, call: Call, spelling: Spelling, evidence: Evidence) -> None:
        value = spelling.value
        doubts = (
            self._context.values.doubts(site.module, site.scope, value.shape)
            if value is not None
            else values.EVERYTHING
        )
        if not doubts & {"native", "subclass"}:
            if "claimed" in doubts:
                self._claimed_evidence(call, spelling, evidence)
            return
        verdict = self._context.errors.examine(call, _DUMPS_ERRORS)
        for old, new, place in verdict.changed:
            evidence.hazard("JSON012", f"{old} becomes {new}, which the handler at {place} treats differently")
        if verdict.caught:
            evidence.hazard(
                "JSON008", f"the handler at {verdict.caught[0]} may count on a TypeError that orjson does not raise"
            )
        if verdict.read:
            evidence.hazard("JSON013", f"the words of the error are read at {verdict.read[0]}")
        elif self._context.witnesses.writing_message is not None:
            evidence.hazard(
                "JSON013", f"the words of a JSON error are expected at {self._context.witnesses.writing_message}"
            )

    def _claimed_evidence(self, call: Call, spelling: Spelling, evidence: Evidence) -> None:
        """Look for handlers of what an annotation does not rule out: it is a promise, and nobody checks it.

        A collection may hold itself, whatever is said about it. And who catches `TypeError` around this very call does
        not believe that everything in it can be written.
        """
        for handler in () if spelling.default else _handlers_around(self._context.program, call):
            if handler.catches is not None and "TypeError" in handler.catches:
                evidence.hazard(
                    "JSON008",
                    f"the handler at {handler.place} may count on a TypeError that orjson does not raise, whatever "
                    "the annotation says",
                )
        verdict = self._context.errors.examine(call, _CIRCULAR_ERRORS)
        for old, new, place in verdict.changed:
            evidence.hazard("JSON012", f"{old} becomes {new}, which the handler at {place} treats differently")
        if verdict.read:
            evidence.hazard("JSON013", f"the words of the error are read at {verdict.read[0]}")


def _handlers_around(program: Program, call: Call) -> Iterator[Handler]:
    """Yield the handlers of every `try` around a call, in its own function."""
    for guard in call.module.guards(call.guard):
        if guard.kind == "try":
            yield from of_try(program, call.module, call.scope, guard.payload)
