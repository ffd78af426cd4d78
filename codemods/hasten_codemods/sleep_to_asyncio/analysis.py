"""Decide about every use of `time.sleep`; what becomes of the functions around it is for the engine to say."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from hasten.api import (
    Awaited,
    Call,
    Conversion,
    Finding,
    Hazard,
    ImportRequest,
    Program,
    Proof,
    Refusal,
    Step,
    Use,
    find_uses,
    trouble_with,
)
from hasten_codemods.sleep_to_asyncio import durations, patches

_SLEEP = "time.sleep"
_OTHER_LOOPS = ("anyio", "curio", "trio")


class Analysis:
    """The decisions for one program."""

    def __init__(self, program: Program, codemod: str) -> None:
        """Take the program, and the name of the codemod."""
        self.program = program
        self.codemod = codemod
        self.uses = find_uses(program, (_SLEEP,))

    def findings(self) -> Iterator[Finding]:
        """Yield a change or a refusal for every use in the target files."""
        blocking: list[Awaited] = []
        for use in self.uses:
            if use.module.path not in self.program.targets or patches.is_patch(use):
                continue
            refusal = self._refusal(use)
            if refusal is not None:
                yield Refusal(self.codemod, *refusal, use.module.path, use.position, use.module.symbol(use.scope))
            elif use.call is not None:
                blocking.append(self._awaited(use, use.call))
        conversion = Conversion(self.program, self.codemod)
        yield from conversion.findings(blocking)

    def _refusal(self, use: Use) -> tuple[str, str] | None:
        """Return why a use is left alone whatever is around it."""
        if use.trouble:
            return "SLP101", f"{use.trouble}; import `time` in one way"
        if use.call is None:
            what = "`time.sleep`" if use.name == _SLEEP else "`time` itself"
            return "SLP102", f"{what} is passed on as a value, and whoever calls it awaits nothing"
        if use.via:
            return "SLP106", f"`time.sleep` is reached through `{use.via}`; import `time` here"
        if len(use.call.arguments) != 1 or use.call.arguments[0].keyword is not None:
            # time.sleep(*args)
            return "SLP103", "the call takes something else than one plain argument; write it out"
        for patch in self._patches:
            if patch.module is use.module:
                return "SLP104", f"`time.sleep` is replaced in this module at {patch.place}; change both together"
        taken = trouble_with(self.program, use.module, use.scope, "asyncio", use.span.start)
        return ("SLP105", f"{taken}; give it another name") if taken else None

    def _awaited(self, use: Use, call: Call) -> Awaited:
        hazards = [*self._own_hazards(use, call), *self._program_hazards]
        function = use.module.enclosing(call.scope, "function", "lambda", "class")
        proofs: tuple[Proof, ...] = ()
        if not hazards and function is not None and function.is_async:
            proofs = (Proof("SLP201", f"`{function.name}` is a coroutine function, and the time a constant"),)
        return Awaited(
            (Step(call, data=(("callee", "asyncio.sleep"),)),),
            "sleep with `asyncio.sleep`",
            imports=(ImportRequest(use.module.path, "asyncio", scope=self._scope_of_import(use)),),
            releases=use.releases,
            hazards=tuple(hazards),
            proofs=proofs,
            direct=True,
        )

    def _own_hazards(self, use: Use, call: Call) -> Iterator[Hazard]:
        if not durations.is_known(use.module, call.scope, call.arguments[0].shape):
            yield Hazard("SLP001", "the time to sleep may be negative or no number, as far as can be seen here")
        everywhere = next((each for each in self._patches if each.everywhere), None)
        if everywhere is not None and call.function[0] == "a":
            # `from time import sleep` has a name of its own, which such a patch does not reach.
            yield Hazard("SLP002", f"`time.sleep` is replaced for the whole program at {everywhere.place}")

    @cached_property
    def _patches(self) -> list[patches.Patch]:
        for use in self.uses:
            home = use.module.name.rpartition(".")[2]
            if home and use.call is not None and use.module.path in self.program.targets:
                self.program.want("time", beside=frozenset({home}))
        return patches.find(self.program, self.uses)

    @cached_property
    def _program_hazards(self) -> tuple[Hazard, ...]:
        found: list[Hazard] = []
        fast, other = self._first_import("uvloop"), self._first_import(*_OTHER_LOOPS)
        if fast is not None:
            found.append(Hazard("SLP003", f"uvloop is imported at {fast}: the sleep may end up to 0.7 ms early"))
        if other is not None:
            found.append(Hazard("SLP004", f"another event loop is imported at {other}; this code must not run on it"))
        return tuple(found)

    def _first_import(self, *names: str) -> str | None:
        for name in names:
            self.program.want(name)
        for module in self.program.modules:
            for imported in module.imports():
                if imported.level <= 0 and (imported.module or imported.name).partition(".")[0] in names:
                    return f"{module.path}:{module.position(imported.start).line}"
        return None

    def _scope_of_import(self, use: Use) -> int:
        return use.module.imports()[use.binding].scope if use.binding >= 0 else 0
