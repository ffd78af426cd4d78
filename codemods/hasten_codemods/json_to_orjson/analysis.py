"""Decide, site by site, from evidence of the whole program."""

from __future__ import annotations

from collections.abc import Iterator
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
from hasten_codemods.json_to_orjson import arguments, sites
from hasten_codemods.json_to_orjson.arguments import Spelling
from hasten_codemods.json_to_orjson.evidence import Context, Evidence
from hasten_codemods.json_to_orjson.readers import is_utf8
from hasten_codemods.json_to_orjson.reading import Reading
from hasten_codemods.json_to_orjson.replacements import Replacements
from hasten_codemods.json_to_orjson.shim import Shim
from hasten_codemods.json_to_orjson.sites import Site
from hasten_codemods.json_to_orjson.writing import Writing

REQUIREMENT = "orjson>=3.11.7"


class Analysis:
    """One look at one program."""

    def __init__(self, program: Program, *, fallback: bool, str_keys: bool, codemod: str) -> None:
        """Take the program and the settings."""
        self.program = program
        self.codemod = codemod
        self.context = Context(program)
        self.reading = Reading(self.context)
        self.writing = Writing(self.context, str_keys=str_keys)
        self.replacements = Replacements(program)
        self.shim = Shim(program, codemod) if fallback else None

    def findings(self) -> Iterator[Finding]:
        """Yield a change or a refusal for every site in the target files."""
        for site in self.context.sites:
            if site.module.path in self.program.targets and self._told(site) is None:
                yield from self._site(site)
        if self.shim is not None:
            yield from self.shim.changes()

    @cached_property
    def _encoders(self) -> dict[tuple[str, int], list[Site]]:
        """Return the sites that are the default encoder of a call, by the call."""
        found: dict[tuple[str, int], list[Site]] = {}
        for site in self.context.sites:
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
        patch = self.context.witnesses.patch_of(site.name, site.module)
        if patch is not None:
            return (
                "JSON107",
                f"`json.{site.name}` is patched by name at {patch}; change the patch together with the call",
            )
        replaced = self.replacements.of(site)
        if replaced is not None:
            return (
                "JSON107",
                f"`json.{site.name}` or a part of it is replaced at {replaced}; change that together with the call",
            )
        taken = self._orjson_name(site)
        if taken is not None:
            return "JSON115", taken
        if site.call is not None and site.call.misplaced:
            return (
                "JSON113",
                "the call stands inside an f-string, at a place that Python reports wrongly; assign it first",
            )
        return None

    def _orjson_name(self, site: Site) -> str | None:
        """Return why the name `orjson` cannot be used at the site."""
        if self.shim is not None:
            return self.shim.trouble(site.module) or None
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
        evidence = self.reading.of(site, site.module.call(site.use[1]), None)
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
        evidence = self.reading.of(site, call, document.shape if name == "loads" else None)
        edit = self._edit(site, call.span, name, callee=self._callee("loads"))
        return self._change(site, edit, evidence, "read with `orjson.loads`")

    # --- writing ------------------------------------------------------------------------------------------------

    def _writing(self, site: Site, call: Call) -> Finding:
        spelling = arguments.read(self.program, call, site.name)
        if site.name == "dump":
            self._check_dump(call, spelling)
        if spelling.refusals or spelling.value is None:
            code, message = spelling.refusals[0]
            return self._refuse(site, code, message)
        return self._written(site, call, spelling, self.writing.of(site, call, spelling))

    def _check_dump(self, call: Call, spelling: Spelling) -> None:
        """Refuse `json.dump(x, open(p, "w"))` and `return json.dump(x, f)`."""
        if call.use != ["expr"]:
            spelling.refusals.append(("JSON112", "the result of `dump` is used; call it as a statement"))
        if spelling.file is not None and not _is_plain(spelling.file.shape):
            spelling.refusals.append(("JSON112", "the file is made in the call; open it in a `with` statement first"))

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
                is_body = dotted.rpartition(".")[0] == "requests" and where == "data"
                return is_body and self.context.readers.bodies.looked_at(outer, dotted) is None
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
        self._want_importers(site)
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

    def _want_importers(self, site: Site) -> None:
        """Ask for the files that may get at the name through this module: its import may go."""
        home = site.module.name.rpartition(".")[2]
        if site.binding >= 0 and home:
            imported = site.module.imports()[site.binding]
            self.program.want(imported.asname or imported.name.partition(".")[0], beside=frozenset({home}))

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
