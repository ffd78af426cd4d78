"""Decide, site by site, from evidence of the whole program."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hasten.api import (
    Applicability,
    Call,
    Change,
    Edit,
    Finding,
    Hazard,
    ImportRequest,
    Module,
    NodeEdit,
    Program,
    Proof,
    Refusal,
    Span,
)
from hasten_codemods.json_to_orjson import arguments, errors, sites, values
from hasten_codemods.json_to_orjson.arguments import Spelling
from hasten_codemods.json_to_orjson.origins import Origins
from hasten_codemods.json_to_orjson.readers import Readers, Verdict, is_utf8
from hasten_codemods.json_to_orjson.shim import Shim
from hasten_codemods.json_to_orjson.sites import Site
from hasten_codemods.json_to_orjson.values import Values
from hasten_codemods.json_to_orjson.witnesses import Witnesses

REQUIREMENT = "orjson>=3.11.7"
_REPLACERS = frozenset({"setattr", "delattr", "object", "patch_object"})
_LOADS_ERRORS = (
    ("JSONDecodeError", "JSONDecodeError"),
    ("TypeError", "JSONDecodeError"),
    ("UnicodeDecodeError", "JSONDecodeError"),
    ("RecursionError", "JSONDecodeError"),
)
_DUMPS_ERRORS = (("TypeError", "TypeError"), ("ValueError", "TypeError"), ("RecursionError", "TypeError"))


@dataclass(slots=True)
class Evidence:
    """Hazards and proofs gathered for one site, each once."""

    hazards: dict[str, str]
    proofs: dict[str, str]

    def hazard(self, code: str, message: str) -> None:
        """Note a hazard; the first place found stands for all of its kind."""
        self.hazards.setdefault(code, message)

    def proof(self, code: str, message: str) -> None:
        """Note a proof."""
        self.proofs.setdefault(code, message)


class Analysis:
    """One look at one program."""

    def __init__(self, program: Program, *, fallback: bool, str_keys: bool, codemod: str) -> None:
        """Take the program and the settings."""
        self.program = program
        self.codemod = codemod
        self.str_keys = str_keys
        self.values = Values(program)
        self.witnesses = Witnesses(program)
        self.readers = Readers(program)
        self.shim = Shim(program, codemod) if fallback else None

    def findings(self) -> Iterator[Finding]:
        """Yield a change or a refusal for every site in the target files."""
        for site in self.sites:
            if site.module.path in self.program.targets and self._told(site) is None:
                yield from self._site(site)
        if self.shim is not None:
            yield from self.shim.changes()

    @cached_property
    def sites(self) -> list[Site]:
        """Return all sites of the program."""
        return sites.find(self.program)

    @cached_property
    def verdicts(self) -> dict[int, list[Verdict]]:
        """Return, by the identity of its site, what the readers of each written text make of it."""
        return {
            id(site): self._readers_of(site)
            for site in self.sites
            if site.call is not None and site.name in {"dumps", "dump"}
        }

    @cached_property
    def comparison(self) -> str | None:
        """Return a place that compares the text of some `json.dumps`, or holds JSON text to compare with."""
        for site in self.sites:
            for verdict in self.verdicts.get(id(site), ()):
                if verdict.compares:
                    return site.place
        return self.witnesses.known_text

    @cached_property
    def _encoders(self) -> dict[tuple[str, int], list[Site]]:
        """Return the sites that are the default encoder of a call, by the call."""
        found: dict[tuple[str, int], list[Site]] = {}
        for site in self.sites:
            call = self._told(site)
            if call is not None:
                found.setdefault((site.module.path, call.index), []).append(site)
        return found

    def _told(self, site: Site) -> Call | None:
        """Return the call of `json.dumps` that the site is the default encoder of; what it finds covers the site."""
        match site.use:
            case ["arg", int() as index, "cls"] if site.name == "JSONEncoder" and site.call is None:
                call = site.module.call(index)
                dotted = site.module.dotted(call.scope, call.function)
                return call if dotted in {"json.dumps", "json.dump"} else None
            case _:
                return None

    def _readers_of(self, site: Site) -> list[Verdict]:
        call = site.call
        if call is None:
            return []
        if site.name == "dump":
            spelling = arguments.read(self.program, call, "dump")
            return (
                [self.readers.of_file(site.module, site.scope, spelling.file.shape, site.place)]
                if spelling.file
                else []
            )
        return self.readers.of(site.module, site.scope, call.span, call.use)

    # --- one site -----------------------------------------------------------------------------------------------

    def _site(self, site: Site) -> Iterator[Finding]:
        refusal = self._refusal(site)
        if refusal is not None:
            yield self._refuse(site, *refusal)
        elif site.call is None:
            yield self._reference(site)
        elif site.name in {"loads", "load"}:
            yield self._reading(site, site.call)
        else:
            yield self._writing(site, site.call)

    def _refusal(self, site: Site) -> tuple[str, str] | None:
        """Return why the site is left alone before its arguments are looked at."""
        if site.trouble:
            return "JSON110", f"{site.trouble}; import `json` in one way"
        if site.name not in sites.FUNCTIONS:
            if not site.name and site.use == ["dest"]:
                # json.dumps = fast_dumps
                return "JSON107", "a function of `json` is replaced here, for the whole program"
            if not site.name:
                return "JSON108", "`json` itself is passed on; pass functions instead"
            return "JSON111", f"orjson has no `{site.name}`"
        if site.via:
            return "JSON114", f"`json` is reached through `{site.via}`; import `json` here"
        if site.call is None and not self._is_map(site):
            return "JSON109", f"`{site.name}` is passed as a value; wrap the call in a lambda or a function"
        patch = self.witnesses.patch_of(site.name, site.module)
        if patch is not None:
            return (
                "JSON107",
                f"`json.{site.name}` is patched by name at {patch}; change the patch together with the call",
            )
        replaced = self._replaced.get(site.name)
        if replaced is not None:
            return "JSON107", f"`json.{site.name}` is replaced at {replaced}; change that together with the call"
        taken = self._orjson_name(site)
        if taken is not None:
            return "JSON115", taken
        if site.call is not None and site.call.misplaced:
            return (
                "JSON113",
                "the call stands inside an f-string, at a place that Python reports wrongly; assign it first",
            )
        return None

    @cached_property
    def _replaced(self) -> dict[str, str]:
        """Return where `setattr(json, "loads", ...)`, `patch.object(json, "loads")` and the like replace one."""
        found: dict[str, str] = {}
        for site in self.sites:
            match site.use:
                case ["arg", int() as index, 0] if not site.name and site.call is None:
                    call = site.module.call(index)
                    attribute = call.argument(1)
                    if call.tail in _REPLACERS and attribute is not None and attribute.shape[:2] == ["k", "str"]:
                        found.setdefault(str(attribute.shape[2]), site.place)
                case _:
                    continue
        for module in self.program.modules:
            for name in sorted(sites.FUNCTIONS):
                for base, _value, scope, start in module.facts["attribute_stores"].get(name, ()):
                    if module.dotted(scope, base) == "json":
                        found.setdefault(name, f"{module.path}:{module.position(start).line}")
        return found

    def _orjson_name(self, site: Site) -> str | None:
        """Return why the name `orjson` cannot be used at the site."""
        if self.shim is not None:
            return self.shim.trouble(site.module)
        own = sites.own_module(self.program, site.module, "orjson")
        if own is not None:
            return f"the program has a module called `orjson` ({own})"
        found = site.module.lookup(site.scope, "orjson")
        if found is None:
            return None
        for binding in found[1]:
            imported = site.module.imports()[binding.payload] if binding.kind == "import" else None
            if imported is None or imported.level != 0 or imported.name != "orjson" or binding.nest:
                return f"`orjson` is bound to something of its own at line {site.module.position(binding.start).line}"
        return None

    def _is_map(self, site: Site) -> bool:
        """Tell whether the function is given to the built-in `map` with one iterable: it calls `loads(item)`."""
        match site.use:
            case ["arg", int() as index, 0] if site.name == "loads":
                call = site.module.call(index)
                return site.module.dotted(site.scope, call.function) == "builtins.map" and len(call.arguments) == 2  # noqa: PLR2004 - function and iterable
            case _:
                return False

    def _reference(self, site: Site) -> Change:
        evidence = self._reading_evidence(site, site.module.call(site.use[1]), None)
        edit = self._edit(site, site.span, "reference", callee=self._callee("loads"))
        return self._change(site, edit, evidence, "pass `orjson.loads` to `map`")

    # --- reading ------------------------------------------------------------------------------------------------

    def _reading(self, site: Site, call: Call) -> Finding:
        name = site.name
        words = {"loads": "s", "load": "fp"}[name]
        document = call.argument(0, words)
        extra = [each for each in call.arguments if each is not document and each != document]
        if document is None or any(each.keyword in {"*", "**"} for each in call.arguments):
            return self._refuse(site, "JSON106", "the call takes arguments that cannot be seen; write them out")
        if extra:
            names = ", ".join(f"`{each.keyword}=`" if each.keyword else "a second argument" for each in extra)
            return self._refuse(
                site, "JSON105", f"`orjson.loads` has no {names}; walk the result instead, or keep `json` here"
            )
        evidence = self._reading_evidence(site, call, document.shape if name == "loads" else None)
        edit = self._edit(site, call.span, name, callee=self._callee("loads"))
        return self._change(site, edit, evidence, "read with `orjson.loads`")

    def _reading_evidence(self, site: Site, call: Call, document: list[Any] | None) -> Evidence:
        evidence = Evidence({}, {})
        witnesses = self.witnesses
        constant = document is not None and document[:2] == ["k", "str"]
        parsed = document is not None and document[0] == "c" and self._is_own_text(site.module, site.scope, document)
        for code, place, what in (
            ("JSON005", self._non_finite_document(site, document, parsed), "NaN or infinity in JSON text"),
            ("JSON006", witnesses.big, "an integer beyond 64 bits"),
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
            origins = Origins(self.program).of(site.module, site.scope, inner.shape) if inner is not None else {}
            evidence.hazards |= {code: message for code, message in origins.items() if code in {"JSON005", "JSON006"}}
        is_text = document is not None and values.document_is_text(self.values, site.module, site.scope, document)
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
        pairs = [each for each in _LOADS_ERRORS if not (is_text and each[0] == "TypeError")]
        verdict = errors.examine(self.program, call, pairs)
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
            return self.witnesses.non_finite_text or self._non_finite_writing
        inner = site.module.call(document[1]).argument(0, "obj")
        doubts = self.values.doubts(site.module, site.scope, inner.shape) if inner else values.EVERYTHING
        return self.witnesses.non_finite if "nan" in doubts else None

    @cached_property
    def _non_finite_writing(self) -> str | None:
        """Return a call that may write NaN: left as it is, it writes what orjson refuses to read."""
        if self.witnesses.non_finite is None:
            return None
        for site in self.sites:
            if site.call is not None and site.name in {"dumps", "dump"}:
                value = site.call.argument(0, "obj")
                if value is None or "nan" in self.values.doubts(site.module, site.scope, value.shape):
                    return site.place
        return None

    def _is_str(self, site: Site, call: Call, document: list[Any] | None) -> bool:
        """Tell whether what is read was decoded before: text, or a file opened in text mode."""
        if document is not None:
            return self.values.is_text(site.module, site.scope, document)
        file = call.argument(0, "fp")
        return file is not None and self.readers.is_text_file(site.module, site.scope, file.shape)

    def _is_own_text(self, module: Module, scope: int, shape: list[Any]) -> bool:
        call = module.call(shape[1])
        return module.dotted(scope, call.function) in {"json.dumps", "orjson.dumps"}

    # --- writing ------------------------------------------------------------------------------------------------

    def _writing(self, site: Site, call: Call) -> Finding:
        spelling = arguments.read(self.program, call, site.name)
        if site.name == "dump":
            self._check_dump(call, spelling)
        if spelling.refusals or spelling.value is None:
            code, message = spelling.refusals[0]
            return self._refuse(site, code, message)
        evidence = Evidence({}, {})
        for code, message in spelling.hazards:
            evidence.hazard(code, message)
        self._value_evidence(site, spelling, evidence)
        self._text_evidence(site, spelling, evidence)
        self._error_evidence(site, call, spelling, evidence)
        return self._written(site, call, spelling, evidence)

    def _check_dump(self, call: Call, spelling: Spelling) -> None:
        """Refuse `json.dump(x, open(p, "w"))` and `return json.dump(x, f)`."""
        if call.use != ["expr"]:
            spelling.refusals.append(("JSON112", "the result of `dump` is used; call it as a statement"))
        if spelling.file is not None and not _is_plain(spelling.file.shape):
            spelling.refusals.append(("JSON112", "the file is made in the call; open it in a `with` statement first"))

    def _value_evidence(self, site: Site, spelling: Spelling, evidence: Evidence) -> None:
        value = spelling.value
        if value is None:
            return
        doubts = self.values.doubts(site.module, site.scope, value.shape)
        if self.str_keys:
            doubts -= {"keys"}
        if "keys" in doubts:
            spelling.options.add("OPT_NON_STR_KEYS")
            evidence.proof("JSON211", "keys that are not text are written as before")
        else:
            evidence.proof("JSON205", "every key is text")
        if not doubts - {"keys", "surrogate"}:
            evidence.proof("JSON209", "the value is made of plain values that can be seen")
        witnesses = self.witnesses
        for doubt, code, place, what in (
            ("nan", "JSON005", witnesses.non_finite, "NaN or infinity"),
            ("big", "JSON006", witnesses.big, "an integer beyond 64 bits"),
            (
                "subclass",
                "JSON007",
                witnesses.subclass,
                "a named tuple, or another class that orjson treats differently",
            ),
            ("surrogate", "JSON016", witnesses.surrogate, "a lone surrogate"),
            ("subclass", "JSON017", witnesses.depth, "the recursion limit"),
        ):
            if doubt in doubts and place is not None:
                evidence.hazard(code, f"the program has {what} at {place}, and what is written here is not known")
        for code, message in Origins(self.program).of(site.module, site.scope, value.shape).items():
            # With `default=`, what JSON lacks is JSON010's matter.
            if code != "JSON008" or not spelling.default:
                evidence.hazards[code] = message
        if {"OPT_SORT_KEYS", "OPT_NON_STR_KEYS"} <= spelling.options:
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
        for verdict in self.verdicts[id(site)]:
            if verdict.code < "JSON100":
                evidence.hazard(verdict.code, verdict.message)
            else:
                evidence.proof(verdict.code, verdict.message)
            if verdict.needs_no_known_text and self.comparison is not None:
                evidence.hazard("JSON018", f"JSON text is compared or expected at {self.comparison}")

    def _error_evidence(self, site: Site, call: Call, spelling: Spelling, evidence: Evidence) -> None:
        value = spelling.value
        doubts = self.values.doubts(site.module, site.scope, value.shape) if value is not None else values.EVERYTHING
        if not doubts & {"native", "subclass"}:
            return
        verdict = errors.examine(self.program, call, _DUMPS_ERRORS)
        for old, new, place in verdict.changed:
            evidence.hazard("JSON012", f"{old} becomes {new}, which the handler at {place} treats differently")
        if verdict.caught:
            evidence.hazard(
                "JSON008", f"the handler at {verdict.caught[0]} may count on a TypeError that orjson does not raise"
            )
        if verdict.read:
            evidence.hazard("JSON013", f"the words of the error are read at {verdict.read[0]}")
        elif self.witnesses.writing_message is not None:
            evidence.hazard("JSON013", f"the words of a JSON error are expected at {self.witnesses.writing_message}")

    def _written(self, site: Site, call: Call, spelling: Spelling, evidence: Evidence) -> Change:
        data: dict[str, str] = {"default": spelling.default}
        options = sorted(spelling.options)
        if self.shim is not None:
            words = {"OPT_INDENT_2": "indent=True", "OPT_SORT_KEYS": "sort_keys=True"}
            data["extra"] = ";".join(words[each] for each in options if each in words)
        elif options:
            data["extra"] = "option=" + " | ".join(f"orjson.{each}" for each in options)
        if site.name == "dump":
            data |= {"callee": self._callee("dumps"), "decode": self._decode}
            return self._change(
                site, self._edit(site, call.span, "dump", **data), evidence, "write with `orjson.dumps`"
            )
        outer = _encoding(site.module, call)
        if outer is not None:
            evidence.proof("JSON208", "the text is encoded in UTF-8 at once")
            data["callee"] = self._callee("dumps_bytes" if self.shim else "dumps")
            return self._change(
                site, self._edit(site, outer.span, "encode", **data), evidence, "write bytes with `orjson.dumps`"
            )
        takes_bytes = self._takes_bytes(site, call)
        data["callee"] = self._callee("dumps_bytes" if self.shim and takes_bytes else "dumps")
        data["decode"] = "" if takes_bytes else self._decode
        return self._change(site, self._edit(site, call.span, "dumps", **data), evidence, "write with `orjson.dumps`")

    @property
    def _decode(self) -> str:
        return "" if self.shim is not None else "yes"

    def _takes_bytes(self, site: Site, call: Call) -> bool:
        """Tell whether the text is an argument where bytes do as well, or better: a parser's, a body of `requests`."""
        match call.use:
            case ["arg", int() as index, where]:
                outer = site.module.call(index)
                dotted = self.program.dotted(site.module, outer.scope, outer.function) or ""
                if dotted in {"json.loads", "orjson.loads"} and where == 0:
                    return True
                # A body that is text is sent as Latin-1 by http.client unless requests or urllib3 encodes it first.
                return dotted.rpartition(".")[0] == "requests" and where == "data"
            case ["expr"]:
                return True
            case _:
                return False

    # --- building -----------------------------------------------------------------------------------------------

    def _callee(self, function: str) -> str:
        if self.shim is not None:
            return self.shim.callee(function)
        return "orjson.dumps" if function == "dumps_bytes" else f"orjson.{function}"

    def _edit(self, site: Site, span: Span, action: str, **data: str) -> NodeEdit:
        module = site.module
        pairs = tuple(sorted((key, value) for key, value in data.items() if value))
        return NodeEdit(
            module.path, span, module.position(span.start), module.position(span.end), self.codemod, action, pairs
        )

    def _change(self, site: Site, edit: Edit, evidence: Evidence, title: str) -> Change:
        hazards = tuple(Hazard(code, message) for code, message in sorted(evidence.hazards.items()))
        told = self._encoders.get((site.module.path, site.call.index), []) if site.call is not None else []
        scope = site.module.imports()[site.binding].scope if site.binding >= 0 else 0
        needed = ImportRequest(site.module.path, "orjson", scope=scope)
        requires: tuple[str, ...] = ()
        dependencies: tuple[str, ...] = (REQUIREMENT,)
        if self.shim is not None:
            needed, requires, dependencies = self.shim.request(site.module), (self.shim.key(site.module),), ()
        return Change(
            id=f"{site.module.path}:{site.span.start}:{site.span.end}",
            codemod=self.codemod,
            title=title,
            symbol=site.module.symbol(site.scope),
            applicability=Applicability.UNSAFE if hazards else Applicability.SAFE,
            edits=(edit,),
            hazards=hazards,
            requires=requires,
            imports=(needed,),
            releases=tuple((site.module.path, each.root) for each in [site, *told] if each.binding >= 0),
            dependencies=dependencies,
            proofs=tuple(Proof(code, message) for code, message in sorted(evidence.proofs.items())),
        )

    def _refuse(self, site: Site, code: str, message: str) -> Refusal:
        return Refusal(self.codemod, code, message, site.module.path, site.position, site.module.symbol(site.scope))


def _encoding(module: Module, call: Call) -> Call | None:
    """Return the `.encode()` in UTF-8 that the call stands before, if it does."""
    match call.use:
        case ["meth", "encode", int() as index]:
            outer = module.call(index)
            return outer if is_utf8(outer) is True and not _has_errors(outer) else None
        case _:
            return None


def _has_errors(call: Call) -> bool:
    return call.argument(1, "errors") is not None


def _is_plain(shape: list[Any]) -> bool:
    """Tell whether evaluating an expression has no effect: a name, or attributes of one."""
    return shape[0] == "n" or (shape[0] == "a" and _is_plain(shape[1]))
