"""Gather the evidence about a call that reads JSON."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from hasten.api import Call, Module
from hasten_codemods.json_to_orjson import values
from hasten_codemods.json_to_orjson.evidence import Context, Evidence
from hasten_codemods.json_to_orjson.sites import Site

_LOADS_ERRORS = (
    ("JSONDecodeError", "JSONDecodeError"),
    ("TypeError", "JSONDecodeError"),
    ("UnicodeDecodeError", "JSONDecodeError"),
    ("RecursionError", "JSONDecodeError"),
)


class Reading:
    """Look at calls that read, in one program."""

    def __init__(self, context: Context) -> None:
        """Take what is known about the program."""
        self._context = context

    def of(self, site: Site, call: Call, document: list[Any] | None) -> Evidence:
        """Return the hazards and proofs of a call of `loads` or `load`.

        Args:
            site, call: the call.
            document: the shape of the text or bytes that is read; None where a file is.
        """
        evidence = Evidence()
        witnesses = self._context.witnesses
        constant = document is not None and document[:2] == ["k", "str"]
        parsed = document is not None and document[0] == "c" and self._is_own_text(site.module, site.scope, document)
        for code, place, what in (
            ("JSON005", self._non_finite_document(site, document, parsed), "NaN or infinity in JSON text"),
            ("JSON006", witnesses.big or self._big_writing, "an integer beyond 64 bits"),
            (
                "JSON015",
                None if constant or parsed or self._is_str(site, call, document) else witnesses.other_encoding,
                "a document that is not plain UTF-8",
            ),
            ("JSON016", witnesses.surrogate, "a lone surrogate"),
            ("JSON017", witnesses.depth, "the recursion limit"),
        ):
            if place is not None:
                evidence.hazard(code, f"the program handles {what} at {place}; what is read here is not known")
        if parsed and document is not None:
            # What the standard library wrote here it would read as well; orjson would not.
            inner = site.module.call(document[1]).argument(0, "obj")
            origins = self._context.origins.of(site.module, site.scope, inner) if inner is not None else {}
            evidence.hazards |= {code: message for code, message in origins.items() if code in {"JSON005", "JSON006"}}
        is_text = document is not None and values.document_is_text(
            self._context.values, site.module, site.scope, document
        )
        if is_text:
            evidence.proof("JSON207", "the argument is text for sure")
        elif (
            witnesses.text_subclass is not None
            and document is not None
            and not values.is_plain_text(document, site.module)
        ):
            evidence.hazard(
                "JSON014",
                f"a subclass of `str` or `bytes` is used at {witnesses.text_subclass}, and what is read here is "
                f"not known",
            )
        if document is not None and document[0] == "a" and self._is_enum_member(site, document):
            evidence.hazard("JSON014", "a member of an Enum is read, which orjson does not take for text")
        pairs = [each for each in _LOADS_ERRORS if not (is_text and each[0] == "TypeError")]
        verdict = self._context.errors.examine(call, pairs)
        for old, new, place in verdict.changed:
            evidence.hazard("JSON012", f"{old} becomes {new}, which the handler at {place} treats differently")
        if verdict.read:
            evidence.hazard("JSON013", f"the words of the error are read at {verdict.read[0]}")
        elif witnesses.reading_message is not None:
            evidence.hazard("JSON013", f"the words of a JSON error are expected at {witnesses.reading_message}")
        if not verdict.changed:
            if verdict.merged:
                evidence.proof("JSON206", f"the handler at {verdict.merged[0]} catches orjson's error as well")
            if verdict.kept:
                evidence.proof("JSON212", f"the handler at {verdict.kept[0]} catches orjson's error as it did json's")
        return evidence

    def _non_finite_document(self, site: Site, document: list[Any] | None, parsed: bool) -> str | None:  # noqa: FBT001
        """Return a place that shows that NaN may be read: JSON text with it, or a call that may write it."""
        if not parsed or document is None:
            return self._context.witnesses.non_finite_text or self._non_finite_writing
        inner = site.module.call(document[1]).argument(0, "obj")
        doubts = self._context.values.doubts(site.module, site.scope, inner.shape) if inner else values.EVERYTHING
        return self._context.witnesses.non_finite if "nan" in doubts else None

    @cached_property
    def _non_finite_writing(self) -> str | None:
        """Return a call that may write NaN: left as it is, it writes what orjson refuses to read."""
        if self._context.witnesses.made_non_finite is None:
            return None
        for site in self._context.sites:
            if site.call is not None and site.name in {"dumps", "dump"}:
                value = site.call.argument(0, "obj")
                if value is None or "nan" in self._context.values.doubts(site.module, site.scope, value.shape):
                    return site.place
        return None

    def _is_enum_member(self, site: Site, document: list[Any]) -> bool:
        """Tell whether a document is a member of one of the program's classes, as in `Template.EMPTY`."""
        dotted = site.module.dotted(site.scope, document) or ""
        owner = self._context.program.resolve(dotted.rpartition(".")[0]) if "." in dotted else None
        return owner is not None and owner.kind == "class" and bool(owner.bases)

    @cached_property
    def _big_writing(self) -> str | None:
        """Return a call that may write an integer beyond 64 bits, which the standard library would read as it is."""
        for site in self._context.sites:
            value = site.call.argument(0, "obj") if site.call is not None and site.name in {"dumps", "dump"} else None
            if value is not None:
                found = self._context.origins.of(site.module, site.scope, value)
                if "JSON006" in found:
                    return site.place
        return None

    def _is_str(self, site: Site, call: Call, document: list[Any] | None) -> bool:
        """Tell whether what is read was decoded before: text, or a file opened in text mode."""
        if document is not None:
            return self._context.values.is_claimed_text(site.module, site.scope, document)
        file = call.argument(0, "fp")
        return file is not None and self._context.readers.is_text_file(site.module, site.scope, file.shape)

    def _is_own_text(self, module: Module, scope: int, shape: list[Any]) -> bool:
        call = module.call(shape[1])
        return module.dotted(scope, call.function) in {"json.dumps", "orjson.dumps"}
