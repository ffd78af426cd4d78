"""Whether a name of a module keeps its value, and its value stays as it is, while the program runs."""

from __future__ import annotations

from hasten.api import Module, Program, Span
from hasten_codemods.cache_pure_loaders.kinds import Kinds
from hasten_codemods.cache_pure_loaders.sharing import Sharing
from hasten_codemods.cache_pure_loaders.words import FOLLOWED, is_immutable


class Globals:
    """Answers for one program, each asked once."""

    def __init__(self, program: Program, kinds: Kinds) -> None:
        """Take the program, and what is known of its values."""
        self.program = program
        self.kinds = kinds
        self.sharing = Sharing(program, kinds)
        self._known: dict[tuple[str, str], str] = {}

    def changes(self, module: Module, name: str) -> str:
        """Return why a name of a module may change, in words, empty if it stays as it is."""
        key = module.path, name
        if key not in self._known:
            self._known[key] = ""  # of itself, while it is looked at
            self._known[key] = self._changes(module, name)
        return self._known[key]

    def _changes(self, module: Module, name: str) -> str:
        bindings = module.bindings(0, name)
        kinds = {each.kind for each in bindings}
        if kinds & {"global", "aug", "del"} or any(each.scope != 0 for each in bindings):
            other = next((each for each in bindings if each.scope != 0 or each.kind in {"aug", "del"}), bindings[0])
            return f"it is assigned again at {_place(module, other.start)}"
        if not kinds <= {"assign", "declared", "import", "def", "class"}:
            return f"it is bound at {_place(module, bindings[0].start)}" if bindings else "nobody binds it"
        between = self._called_between(module, [each.start for each in bindings if each.kind == "assign"])
        if between:
            return between
        place = self.program.rebound(module, name, patches=False)
        if place is not None:
            return f"it is given another value at {place}"
        for each in bindings:
            if each.kind != "assign":
                continue
            if each.payload is None:
                return f"nobody can tell its value at {_place(module, each.start)}"
            kind = self.kinds.of(module, 0, each.payload)
            if is_immutable(kind):
                continue
            if kind.partition(" of ")[0] not in FOLLOWED:
                return f"nobody can tell what it is at {_place(module, each.start)}"
            found = self.sharing.of_variable(module, name, Span(each.start, each.start + len(name)))
            if found.changed or found.lost:
                return found.changed or found.lost
        return ""

    def _called_between(self, module: Module, starts: list[int]) -> str:
        """Return where a function of the program is called while a name has the first of several values, in words."""
        if len(starts) > 1:
            for call in module.calls():
                if call.scope == 0 and min(starts) < call.span.start < max(starts):
                    dotted = self.program.dotted(module, 0, call.function)
                    if dotted is not None and self.program.is_own(dotted):
                        return f"it is assigned again after {_place(module, call.span.start)}"
        return ""


def _place(module: Module, offset: int) -> str:
    return f"{module.path}:{module.position(offset).line}"
