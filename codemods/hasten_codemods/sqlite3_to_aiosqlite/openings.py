"""How a connection is opened, and how far it reaches."""

from __future__ import annotations

from typing import Any

from hasten.api import Call, Module, Program, Scope, Span, Use, find_uses
from hasten_codemods.sqlite3_to_aiosqlite import blocks, table
from hasten_codemods.sqlite3_to_aiosqlite.lives import Life, Step, Unfit

_CLOSING = "contextlib.closing"
_INSTEAD = "open it with `with closing(sqlite3.connect(...)) as connection:`"


class Openings:
    """Answers for all uses of `sqlite3.connect` in one program."""

    def __init__(self, program: Program, uses: list[Use]) -> None:
        """Take the program, and the uses of `sqlite3.connect`."""
        self.program = program
        self._closings = {
            (each.module.path, each.call.index): each
            for each in find_uses(program, (_CLOSING,))
            if each.call is not None and not each.trouble and not each.via
        }
        # By file and variable, the `with` statements that open a connection.
        self._blocks: dict[tuple[str, str], list[Span]] = {}
        for use in uses:
            holder = self.holder(use.call) if use.call is not None else None
            guard = blocks.entered(use.module, holder) if holder is not None else None
            if guard is not None:
                self._blocks.setdefault((use.module.path, guard.name), []).append(Span(guard.start, guard.end))

    def closing(self, module: Module, index: int) -> Use | None:
        """Return the use of `contextlib.closing` that call number `index` is."""
        return self._closings.get((module.path, index))

    def holder(self, call: Call) -> Call:
        """Return the call whose result a `with` would enter: `closing(...)` around it, or the call itself."""
        if call.use[0] == "arg" and call.use[2] == 0 and self.closing(call.module, call.use[1]) is not None:
            holder = call.module.call(call.use[1])
            # closing(connect(a) if a else None)
            return holder if holder.arguments[0].shape == ["c", call.index] else call
        return call

    def in_other_block(self, module: Module, offset: int, region: Span) -> bool:
        """Tell whether a place lies in a `with` of another connection, apart from `region`."""
        return any(
            each.start <= offset < each.end and (each.end <= region.start or region.end <= each.start)
            for (path, _), spans in self._blocks.items()
            if path == module.path
            for each in spans
        )

    def life(self, use: Use, call: Call) -> Life:
        """Return a connection as it is opened, with nothing known yet of what happens to it.

        Raises:
            Unfit: it is opened in a way that cannot be followed.
        """
        function = use.module.enclosing(call.scope, "function", "lambda", "class", "module")
        data = _arguments(call)
        if function is None or function.kind == "module":
            message = "the connection is opened when the module is imported; open it in a function"
            raise Unfit("SQL111", message, call.span.start)
        if function.kind != "function" or call.scope != function.number:
            raise Unfit("SQL104", f"the connection is opened inside an expression; {_INSTEAD}", call.span.start)
        if function.is_generator:
            message = f"`{function.name}` is a generator; return a list of rows instead"
            raise Unfit("SQL117", message, call.span.start)
        holder = self.holder(call)
        if holder.use[0] == "with":
            return self._entered(use, call, holder, data)
        return self._assigned(use, call, function, data)

    def _entered(self, use: Use, call: Call, holder: Call, data: list[tuple[str, str]]) -> Life:
        module, name = use.module, holder.use[1]
        guard = blocks.entered(module, holder)
        if guard is None or not name:
            raise Unfit("SQL104", f"the connection is entered without a name; {_INSTEAD}", call.span.start)
        others = blocks.beside(module, guard)
        lines = {module.position(place).line for each in others for place in (each.span.start, each.span.end)}
        if holder is not call and holder.commented:
            raise Unfit("SQL118", "a comment stands inside `closing(...)`, which goes away; move it", holder.span.start)
        if len(others) > 1 and lines != {module.position(guard.start).line}:
            message = "the header of the `with` has several lines; write one `with` for each"
            raise Unfit("SQL118", message, guard.start)
        life = Life(use, name, Span(guard.start, guard.end), assigned=False)
        line = module.position(guard.start).line
        life.shared = len(others) > 1 or any(
            fate[0] == "with" and module.position(start).line == line
            for reads in module.facts["reads"][call.scope].values()
            for start, _end, fate in reads
        )
        closing = self.closing(module, holder.index) if holder is not call else None
        if closing is not None:
            life.releases += closing.releases
        data.append(("form", "closing" if closing is not None else "with"))
        life.steps.append(Step(call, "open", tuple(data)))
        for each in module.bindings(call.scope, name):
            here = each.kind == "with" and each.payload == ["c", holder.index]
            elsewhere = each.kind == "with" and self.in_other_block(module, each.start, life.region)
            if not (here or elsewhere):
                raise Unfit("SQL114", f"`{name}` is bound here, too; give it a name of its own", each.start)
        return life

    def _assigned(self, use: Use, call: Call, function: Scope, data: list[tuple[str, str]]) -> Life:
        module, fate = use.module, call.use
        if fate[0] != "asg":
            raise escaped(fate, "the connection", call.span.start)
        name = fate[2]
        found = module.lookup(function.number, name)
        bindings = module.bindings(function.number, name)
        if found is None or found[0] != function.number:
            raise Unfit("SQL111", f"`{name}` is a variable of others, too; open it where it is used", call.span.start)
        other = next((each for each in bindings if each.payload != ["c", call.index]), None)
        if other is not None:
            raise Unfit("SQL114", f"`{name}` is bound here, too; give it a name of its own", other.start)
        binding = bindings[0]
        if binding.nest or self._inside_other_block(module, function, binding.start):
            message = f"`{name}` is opened in a block whose end cannot be seen; {_INSTEAD}"
            raise Unfit("SQL116", message, call.span.start)
        guard = module.guard(call.guard) if call.guard >= 0 else None
        life = Life(
            use, name, Span(binding.start, guard.end if guard is not None else function.span.end), assigned=True
        )
        data.append(("form", "assign"))
        life.steps.append(Step(call, "open", tuple(data)))
        return life

    def _inside_other_block(self, module: Module, function: Scope, offset: int) -> bool:
        """Tell whether a place may stand in a `with` whose end the facts do not know: `with self.lock:`."""
        inside = {each.number for each in module.scopes() if function.number in {each.number, each.parent}}
        reads = [
            (start, fate)
            for scope in inside
            for entries in module.facts["reads"][scope].values()
            for start, _end, fate in entries
        ]
        reads += [
            (start, fate)
            for entries in module.facts["attribute_reads"].values()
            for _base, fate, scope, start, _end in entries
            if scope in inside
        ]
        # A call is a guard, and has an end, unless it is awaited or an item is taken from it.
        calls = [each for each in module.calls() if each.scope in inside and each.use[0] != "with"]
        reads += [(each.span.start, each.use) for each in calls]
        return any(start < offset and _enters(fate) for start, fate in reads)


def _enters(fate: Any) -> bool:  # noqa: ANN401 - a use
    """Tell whether a `with` enters a value, or what comes of it."""
    if fate[0] == "multi":
        return any(_enters(each) for each in fate[1])
    return fate[0] == "with" or (fate[0] in {"sub", "await"} and _enters(fate[1]))


def escaped(fate: list[object], what: str, offset: int) -> Unfit:
    """Return why something that a use takes out of sight cannot be converted."""
    match fate[0]:
        case "ret" | "yield" | "yieldfrom":
            return Unfit("SQL110", f"{what} is handed to whoever calls the function; return rows instead", offset)
        case "asgattr" | "asgsub" | "elem" | "idx" | "key":
            return Unfit("SQL111", f"{what} is stored, and lives on; open it where it is used", offset)
        case "arg" | "attr" | "deco" | "default" | "call":
            return Unfit("SQL112", f"{what} is passed on here; do the work in this function", offset)
        case "asg" | "multi" | "unpack":
            return Unfit("SQL114", f"{what} gets a second name here; use one", offset)
        case _:
            return Unfit("SQL104", f"{what} is used in a way that cannot be followed; {_INSTEAD}", offset)


def _arguments(call: Call) -> list[tuple[str, str]]:
    """Check the arguments of `connect`.

    Raises:
        Unfit: `aiosqlite.connect` does not take them.
    """
    names = [*table.CONNECT, *table.CONNECT_REST]
    for position, each in enumerate(call.arguments):
        word = each.keyword if each.keyword is not None else names[position] if position < len(names) else "*"
        if word in {"*", "**"} or word not in table.CONNECT_KEYWORDS:
            raise Unfit("SQL103", "the arguments cannot be seen here; write them out", each.span.start)
        if word == "factory":
            raise Unfit("SQL103", "aiosqlite does not pass on what the factory's class has of its own", each.span.start)
    if not call.arguments:
        raise Unfit("SQL103", "the database is not named here", call.span.start)
    return []
