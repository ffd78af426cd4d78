"""What follows from all that is done with a web: uses after the end, and loops that write what they read."""

from __future__ import annotations

from hasten.api import Call, Module, Span
from hasten_codemods.sqlite3_to_aiosqlite import blocks
from hasten_codemods.sqlite3_to_aiosqlite.lives import Step, Unfit
from hasten_codemods.sqlite3_to_aiosqlite.web_connections import Connections


class Ends(Connections):
    """Settles what can be told in the end."""

    def check_closes(self) -> None:
        """Refuse a use of what was surely closed before."""
        closes = [each.call for each in self.web.awaited.values() if each.call.tail == "close"]
        for close in closes:
            module, shape = close.module, close.function[1]
            block = blocks.around_close(module, close.span.start)
            for each in self.web.awaited.values():
                call = each.call
                same = call.module is module and call.scope == close.scope and call.function[0] == "a"
                later = same and call.function[1] == shape and close.span.end < call.span.start < block.end
                if later and call.tail != "close" and not self._bound_between(module, close, call):
                    lines = module.position(call.span.start).line, module.position(close.span.start).line
                    message = f"it is used in line {lines[0]}, after it was closed in line {lines[1]}"
                    self.here = module, close.span.start
                    raise self.placed(Unfit("SQL115", message, close.span.start), self.web.use)

    def _bound_between(self, module: Module, close: Call, call: Call) -> bool:
        """Tell whether the variable or attribute gets something new between two calls."""
        shape = close.function[1]
        if shape[0] == "n":
            found = module.lookup(close.scope, shape[1])
            owner, bindings = found if found is not None else (0, ())
            starts = [each.start for each in bindings]
            # Nothing that is called can bind a variable of this function alone.
            own = owner == close.scope != 0 and all(each.scope == owner for each in bindings)
        else:
            entries = module.facts["attribute_stores"].get(shape[2], ()) if shape[0] == "a" else ()
            starts = [each[3] for each in entries if each[0] == shape[1]]
            own = False
        # A method in between may open it again.
        between = not own and any(close.span.end < each.span.start < call.span.start for each in module.calls())
        return between or any(close.span.end < each < call.span.start for each in starts)

    def settle_loops(self) -> None:
        """Let rows be read one by one where a loop may write what it has still to read."""
        if self.web.stepwise or any(self._may_write(module, body) for module, body in self.web.loops):
            for key in self.web.openings:
                if key in self.web.awaited:
                    step = self.web.awaited[key]
                    self.web.awaited[key] = Step(step.call, step.action, (*step.data, ("chunk", "1")))
            for life in self.web.lives:
                step = life.steps[0]
                if ("chunk", "1") not in step.data:
                    life.steps[0] = Step(step.call, step.action, (*step.data, ("chunk", "1")))

    def _may_write(self, module: Module, body: Span) -> bool:
        own = {key for key in self.web.awaited if key[0] == module.path}
        if any(scope.is_generator and blocks.contains(scope.span, body.start) for scope in module.scopes()):
            return True  # whoever takes the rows may write before the next one
        for call in module.calls():
            if not blocks.contains(body, call.span.start):
                continue
            if (module.path, call.index) in own:
                return True
            if self.program.definitions(call.tail, want=False):
                return True  # by its name alone: row by row is always right
        return False
