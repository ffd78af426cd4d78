"""How a connection is opened, and how far its block reaches."""

from __future__ import annotations

from typing import Any

from hasten.api import THREADS, Call, Module, Program, Scope, Span, Use, cleans_up, find_uses, is_requested
from hasten_codemods.sqlite3_to_aiosqlite import blocks, table
from hasten_codemods.sqlite3_to_aiosqlite.lives import Life, Step, Unfit

_CLOSING = "contextlib.closing"
_MANAGERS = frozenset({"contextlib.contextmanager", "contextlib.asynccontextmanager"})
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
        # By file and function, the calls that open a connection, with where their variables hold it.
        self._regions: dict[tuple[str, int], dict[int, Span]] = {}
        opened: dict[tuple[str, int], list[tuple[str, int, Span]]] = {}
        for use in uses:
            found = self._opened(use.module, use.call) if use.call is not None else None
            if use.call is not None and found is not None:
                opened.setdefault((use.module.path, use.call.scope), []).append((found[0], use.call.index, found[1]))
        modules = {each.module.path: each.module for each in uses}
        for (path, scope), entries in opened.items():
            self._regions[path, scope] = _until_the_next(modules[path], entries)

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

    def _opened(self, module: Module, call: Call) -> tuple[str, Span] | None:
        """Return the variable that holds the connection, and the text from its opening to the end of its block."""
        holder = self.holder(call)
        guard = blocks.entered(module, holder)
        if guard is not None:
            return guard.name, Span(guard.start, guard.end)
        if call.use[0] != "asg":
            return None
        for each in module.bindings(call.scope, call.use[2]):
            if each.payload == ["c", call.index]:
                return call.use[2], Span(each.start, blocks.around(module, each.start).end)
        return None

    def of_another(self, module: Module, function: int, name: str, offset: int, region: Span) -> bool:
        """Tell whether a variable surely holds something of another connection at a place outside of `region`.

        Another connection is open there, and the variable was bound since, in a block around the place.
        """
        if blocks.contains(region, offset):
            return False
        regions = [
            each for each in self._regions.get((module.path, function), {}).values() if blocks.contains(each, offset)
        ]
        regions = [each for each in regions if not blocks.contains(each, region.start) or each.start >= region.end]
        return any(
            blocks.contains(other, each.start)
            and each.start <= offset
            and (each.kind == "with" or blocks.contains(blocks.around(module, each.start), offset))
            for other in regions
            for each in module.bindings(function, name)
            if each.kind in {"assign", "with"} and not blocks.contains(region, each.start)
        )

    def life(self, use: Use, call: Call) -> Life:
        """Return a connection as it is opened, with nothing known yet of what happens to it.

        Raises:
            Unfit: it is opened in a way that cannot be followed.
        """
        function = use.module.enclosing(call.scope, "function", "lambda", "class", "module")
        data = arguments_of(call)
        if function is None or function.kind == "module":
            message = "the connection is opened when the module is imported; open it in a function"
            if function is not None and any(each.kind == "main" for each in use.module.blocks(call.span.start)):
                message = 'the connection is opened below `if __name__ == "__main__":`; do it in a function'
            raise Unfit("SQL111", message, call.span.start)
        if function.kind != "function" or call.scope != function.number:
            raise Unfit("SQL104", f"the connection is opened inside an expression; {_INSTEAD}", call.span.start)
        holder = self.holder(call)
        left_open = holder.use[0] != "with" and not _is_closed_before_yields(function, call)
        if (
            function.is_generator
            and left_open
            and not (_is_ended(self.program, function) or cleans_up(self.program, function))
        ):
            # Asynchronous or not makes no difference: what makes it asynchronous may be another change.
            message = f"`{function.name}` is a generator, and does not close it where a loop is left early; {_INSTEAD}"
            raise Unfit("SQL117", message, call.span.start)
        if holder.use[0] == "with":
            return self._entered(use, call, holder, data)
        return self._assigned(use, call, function, data)

    def _entered(self, use: Use, call: Call, holder: Call, data: list[tuple[str, str]]) -> Life:
        module, name = use.module, holder.use[1]
        guard = blocks.entered(module, holder)
        if guard is None or not name:
            raise Unfit("SQL104", f"the connection is entered without a name; {_INSTEAD}", call.span.start)
        others = blocks.beside(module, guard)
        if holder is not call and holder.commented:
            raise Unfit("SQL118", "a comment stands inside `closing(...)`, which goes away; move it", holder.span.start)
        if blocks.is_spread(module, guard):
            message = "the header of the `with` has several lines; write one `with` for each"
            raise Unfit("SQL118", message, guard.start)
        life = Life(use, name, Span(guard.start, guard.end), assigned=False)
        life.shared = len(others) > 1
        closing = self.closing(module, holder.index) if holder is not call else None
        if closing is not None:
            life.releases += closing.releases
        data.append(("form", "closing" if closing is not None else "with"))
        life.steps.append(Step(call, "open", tuple(data)))
        self._check_bindings(life, ["c", holder.index])
        return life

    def _assigned(self, use: Use, call: Call, function: Scope, data: list[tuple[str, str]]) -> Life:
        module, fate = use.module, call.use
        if fate[0] != "asg":
            raise escaped(fate, "the connection", call.span.start)
        name = fate[2]
        found = module.lookup(function.number, name)
        if found is None or found[0] != function.number:
            raise Unfit("SQL111", f"`{name}` is a variable of others, too; open it where it is used", call.span.start)
        region = self._regions.get((module.path, call.scope), {}).get(call.index)
        if region is None:
            other = module.bindings(function.number, name)[0]
            raise Unfit("SQL114", f"`{name}` is bound here, too; give it a name of its own", other.start)
        lines = [module.position(each.start).line for each in self._regions[module.path, call.scope].values()]
        if lines.count(module.position(region.start).line) > 1:
            raise Unfit("SQL118", "the line opens several connections; write a line for each", call.span.start)
        alone = next(iter(module.blocks(region.start)), None) is None
        if alone and module.position(function.span.start).line == module.position(region.start).line:
            raise Unfit("SQL118", "the function stands on one line; write its body below", call.span.start)
        life = Life(use, name, region, assigned=True)
        data.append(("form", "assign"))
        life.steps.append(Step(call, "open", tuple(data)))
        self._check_bindings(life, ["c", call.index])
        return life

    def _check_bindings(self, life: Life, own: list[Any]) -> None:
        """Refuse a variable that may hold something else; None before and after, and other connections, are known."""
        module, scope = life.module, life.steps[0].call.scope
        for each in module.bindings(scope, life.name):
            if each.payload == own:
                continue
            inside = blocks.contains(life.region, each.start)
            if each.kind == "declared":
                continue
            empty = each.kind == "assign" and each.payload is not None and each.payload[:2] == ["k", "NoneType"]
            if inside or not (empty or self.of_another(module, scope, life.name, each.start, life.region)):
                raise Unfit("SQL114", f"`{life.name}` is bound here, too; give it a name of its own", each.start)


def _is_ended(program: Program, function: Scope) -> bool:
    """Tell whether whoever iterates over a generator always goes on to its end: `with`, or what hands out its value."""
    managers = (function.module.dotted(function.parent, each) in _MANAGERS for each in function.decorators)
    return any(managers) or is_requested(program, function)


def _is_closed_before_yields(function: Scope, call: Call) -> bool:
    """Tell whether a generator yields only before a connection is opened, or after it was closed in the same block."""
    module = function.module
    later = [each for each in module.yields(function.number) if each > call.span.start]
    if call.use[0] != "asg" or not later:
        return not later
    block = blocks.around(module, call.span.start)
    return any(
        each.function == ["a", ["n", call.use[2]], "close"]
        and each.use[0] == "expr"
        and call.span.start < each.span.start < min(later)
        and blocks.around(module, each.span.start) == block
        for each in module.calls_named("close")
    ) and not any(each.kind in {"for", "async for", "while"} for each in module.blocks(call.span.start))


def _until_the_next(module: Module, entries: list[tuple[str, int, Span]]) -> dict[int, Span]:
    """Return where each connection is held: to the end of its block, or till the block opens another of that name."""
    result: dict[int, Span] = {}
    for name, index, own in entries:
        block = blocks.around(module, own.start)
        later = [
            other.start
            for called, _, other in entries
            if called == name and own.start < other.start < own.end and blocks.around(module, other.start) == block
        ]
        result[index] = Span(own.start, min(later, default=own.end))
    return result


def escaped(fate: list[object], what: str, offset: int) -> Unfit:
    """Return why something that a use takes out of sight cannot be converted."""
    match fate[0]:
        case "ret" | "yield" | "yieldfrom":
            return Unfit("SQL110", f"{what} is handed to whoever calls the function; return rows instead", offset)
        case "elem":
            message = f"{what} is put among other values, into a tuple or the like, and lives on; hand it on by itself"
            return Unfit("SQL111", message, offset)
        case "asgattr" | "asgsub" | "idx" | "key":
            return Unfit("SQL111", f"{what} is stored, and lives on; open it where it is used", offset)
        case "arg" | "attr" | "deco" | "default" | "call":
            return Unfit("SQL112", f"{what} is passed on here; do the work in this function", offset)
        case "asg" | "multi" | "unpack":
            return Unfit("SQL114", f"{what} gets a second name here; use one", offset)
        case _:
            return Unfit("SQL104", f"{what} is used in a way that cannot be followed; {_INSTEAD}", offset)


def passed_on(module: Module, method: str, fate: list[Any], offset: int) -> Unfit:
    """Return why a method of a connection that is used as a value cannot be awaited.

    threading.Timer(1, db.execute, ("commit",))
    """
    taker = module.call(fate[1]).tail if fate[0] == "arg" else ""
    if taker in THREADS:
        return Unfit("ASY133", f"the method `{method}` runs in a thread or process (`{taker}`)", offset)
    return Unfit("SQL112", f"the method `{method}` is passed on here; call it here", offset)


def left_over(what: str, offset: int) -> Unfit:
    """Return why rows cannot be taken all at once: their cursor may be read on later."""
    return Unfit("SQL122", f"{what} may leave rows in the cursor for later; use `fetchall` before it", offset)


def gives_isolation(call: Call) -> bool:
    """Tell whether `connect` may be given an isolation level already: by name, by position, or behind two stars."""
    places = sum(each.keyword is None for each in call.arguments)
    return places > table.CONNECT.index("isolation_level") or any(
        each.keyword in {"isolation_level", "**"} for each in call.arguments
    )


def arguments_of(call: Call) -> list[tuple[str, str]]:
    """Check the arguments of `connect`, and return what the transformer has to know of them.

    Raises:
        Unfit: `aiosqlite.connect` does not take them.
    """
    names = [*table.CONNECT, *table.CONNECT_REST]
    for position, each in enumerate(call.arguments):
        word = each.keyword if each.keyword is not None else names[position] if position < len(names) else "*"
        if word == "**" and not _names_factory(call, each.shape):
            continue
        if word in {"*", "**"} or word not in table.CONNECT_KEYWORDS:
            raise Unfit("SQL103", "the arguments cannot be seen here; write them out", each.span.start)
        if word == "factory":
            raise Unfit("SQL103", "aiosqlite does not pass on what the factory's class has of its own", each.span.start)
    if not call.arguments:
        raise Unfit("SQL103", "the database is not named here", call.span.start)
    return []


def _names_factory(call: Call, shape: list[Any]) -> bool:
    """Tell whether `**options` may hold a `factory`, as far as the file shows."""
    module = call.module
    if shape[0] == "d":
        return any(key is None or key[:3] == ["k", "str", "factory"] for key, _value in shape[1])
    named = any(each.keyword == "factory" for other in module.calls() for each in other.arguments)
    stored = any(entry[1][:3] == ["k", "str", "factory"] for entry in module.facts["item_stores"])
    return named or stored


def hidden(call: Call) -> str:
    """Return the place where `connect` is given arguments that cannot be seen, an empty string where there are none."""
    for each in call.arguments:
        if each.keyword == "**" and each.shape[0] != "d":
            return f"{call.module.path}:{call.module.position(each.span.start).line}"
    return ""
