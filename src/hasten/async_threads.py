"""What a function does that is another thing in another thread than that of the event loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hasten.async_below import Below, is_put_off
from hasten.async_forms import kind_of
from hasten.async_kinds import key_of
from hasten.async_mentions import Mentions
from hasten.async_places import because, function_around
from hasten.async_rules import Verdict
from hasten.changes import Changes, Place
from hasten.concurrency import tasks_of
from hasten.index.module import Binding, Call, Module, Scope, Shape
from hasten.propagate import Constraint
from hasten.touches import Touch, touches_of

#: What works in the thread of the event loop, or the main thread, and nowhere else.
_AT_HOME = frozenset(
    {f"asyncio.{each}" for each in ("get_running_loop", "current_task", "create_task", "ensure_future", "all_tasks")}
    | {"asyncio.get_event_loop", "signal.signal", "signal.set_wakeup_fd", "signal.setitimer"}
)
_AT_HOME_METHODS = frozenset({"call_soon", "call_later", "call_at", "create_task", "add_reader"})
#: What differs from thread to thread.
_IDENTITY = frozenset({f"threading.{each}" for each in ("get_ident", "get_native_id", "current_thread", "local")})
#: Methods of sqlite3's connections and cursors that others seldom have.
_DATABASE = frozenset(
    {"execute", "executemany", "executescript", "commit", "rollback", "cursor", "fetchone", "fetchall", "fetchmany"}
    | {"iterdump", "create_function", "create_aggregate", "set_trace_callback"}
)
_CONNECT = "sqlite3.connect"
#: Modules of the standard library whose functions do the same in any thread, at least what they are called for.
_PLAIN = (
    *("builtins.", "sqlite3.", "time.", "json.", "os.", "math.", "datetime.", "re.", "contextlib.", "pathlib."),
    *(
        "collections.",
        "itertools.",
        "functools.",
        "hashlib.",
        "logging.",
        "uuid.",
        "random.",
        "typing.",
        "dataclasses.",
    ),
    *("decimal.", "string.", "textwrap.", "operator.", "copy.", "enum.", "secrets.", "hmac.", "base64.", "struct."),
    *("shutil.", "tempfile.", "csv.", "io.", "statistics.", "zlib.", "gzip.", "pickle.", "urllib.parse.", "bisect."),
    *("heapq.", "fractions.", "types.", "warnings.", "traceback.", "abc.", "inspect.", "threading."),
)
_MAKING = frozenset({"__init__", "__new__", "__post_init__"})


class Threads:
    """Answers for one program."""

    def __init__(self, below: Below) -> None:
        """Take what is known of the functions of the program."""
        self.below = below
        self.program = below.program
        self._mentions = Mentions(self.program, below.receivers)
        self._changes = Changes(self.program, tasks_of(self.program))

    # --- what stands in the way -------------------------------------------------------------------------------------

    def constraints(
        self, called: Sequence[Scope], inside: Sequence[Scope], known: frozenset[tuple[str, int]]
    ) -> Iterator[Constraint]:
        """Yield why `called` cannot be run in a thread, with `inside`, all that runs below it.

        The calls that are `known` use connections whose ways have been followed.
        """
        for each in called:
            kind = kind_of(each)
            if kind:
                what = "context manager" if kind == "manager" else "generator"
                message = f"`{each.name}` is a {what}: its body runs where it is used, and not where it is called"
                yield because("ASY171", message, each.module, each.span.start)
        for each in inside:
            body = Verdict()
            self._mentions.judge_body(each, body)
            for found in (*body.constraints, *body.hazards):
                if found.code in {"ASY024", "ASY139"}:
                    message = f"StopIteration may leave `{each.name}`, and nobody would hear of it from a thread"
                    yield Constraint("ASY173", message, found.path, found.line, found.column)
            for call in each.module.calls_in(each.number):
                yield from self._at_home(call)
                if (call.module.path, call.index) not in known:
                    yield from self._bound(call)

    def _at_home(self, call: Call) -> Iterator[Constraint]:
        dotted = self.program.dotted(call.module, call.scope, call.function) or ""
        if dotted in _AT_HOME or self._is_of_the_loop(call):
            message = f"`{dotted or call.tail}` only works in the thread of the event loop"
            yield because("ASY174", message, call.module, call.span.start)

    def _is_of_the_loop(self, call: Call) -> bool:
        """Tell whether a method is one of asyncio's objects, none of which bears a second thread."""
        if call.function[0] != "a" or self.program.target_of(call)[0] is not None:
            return False
        kind = self.below.receivers.kind(call.module, call.scope, call.function[1])
        if isinstance(kind, str):
            return kind.startswith("asyncio.") and call.tail != "call_soon_threadsafe"
        return kind is None and call.tail in _AT_HOME_METHODS

    def _bound(self, call: Call) -> Iterator[Constraint]:
        """Yield a constraint for the use of a connection that may come from another thread, or go to one."""
        module = call.module
        if self.program.dotted(module, call.scope, call.function) == _CONNECT:
            if not self._is_kept(call):
                message = "a connection is opened here that others may use, in a thread other than its own"
                yield because("ASY172", message, module, call.span.start)
            return
        if call.tail not in _DATABASE or call.function[0] != "a" or self.below.receivers.reached(call).functions:
            return
        kind = self.below.receivers.kind(module, call.scope, call.function[1])
        foreign = isinstance(kind, str) and not kind.startswith("sqlite3.")
        if foreign or not self._uses_sqlite() or self._is_own(module, call.scope, call):
            return
        message = f"`{call.tail}` is called on what may be a connection of another thread, which sqlite3 refuses"
        yield because("ASY172", message, module, call.span.start)

    def _uses_sqlite(self) -> bool:
        self.program.want("sqlite3")
        imported = (each for module in self.program.modules for each in module.imports() if each.level <= 0)
        return any((each.module or each.name).partition(".")[0] == "sqlite3" for each in imported)

    def _is_own(self, module: Module, scope: int, call: Call) -> bool:
        """Tell whether a method is called on a connection that its function opened, or on a cursor of one."""
        return self._is_opened(module, scope, call.function[1], set())

    def _is_opened(self, module: Module, scope: int, shape: Shape, seen: set[str]) -> bool:
        if shape[0] == "c":
            call = module.call(shape[1])
            if self.program.dotted(module, call.scope, call.function) == _CONNECT:
                return True
            if call.tail == "closing" and call.arguments:
                return self._is_opened(module, scope, call.arguments[0].shape, seen)
            return call.function[0] == "a" and self._is_opened(module, call.scope, call.function[1], seen)
        if shape[0] == "w":
            return self._is_opened(module, scope, shape[1], seen)
        if shape[0] != "n":
            return False
        if shape[1] in seen:
            return True
        found = module.lookup(scope, shape[1])
        if found is None or found[0] == 0:
            return False
        here = function_around(module, scope).number
        return all(
            function_around(module, each.scope).number == here
            and each.kind in {"assign", "with"}
            and (each.payload == ["k", "None"] or self._opens(module, each, {*seen, shape[1]}))
            for each in found[1]
        )

    def _opens(self, module: Module, binding: Binding, seen: set[str]) -> bool:
        payload = binding.payload
        return payload is not None and self._is_opened(module, binding.scope, payload, seen)

    def _is_kept(self, call: Call) -> bool:
        """Tell whether a connection stays in the function that opens it, as far as its variable shows."""
        module, use = call.module, call.use
        if use[0] in {"with", "meth", "expr"}:
            return True
        if use[0] == "arg":
            taker = module.call(use[1])
            return taker.tail == "closing" and taker.use[0] == "with"
        if use[0] != "asg":
            return False
        found = module.lookup(use[1], use[2])
        if found is None or found[0] != function_around(module, call.scope).number:
            return False
        return all(self._stays(module, each.use) for each in module.reads(found[0], use[2]))

    @staticmethod
    def _stays(module: Module, use: Shape) -> bool:
        if use[0] == "arg":
            return module.call(use[1]).tail in {"closing", "backup"}
        return use[0] in {"meth", "with", "attr", "dest", "cond", "cmp"}

    # --- what differs -----------------------------------------------------------------------------------------------

    def identity(self, inside: Sequence[Scope]) -> Iterator[Constraint]:
        """Yield what depends on the thread, and what is set in a context of which the caller sees nothing."""
        for each in inside:
            module = each.module
            for call in module.calls_in(each.number):
                dotted = self.program.dotted(module, call.scope, call.function) or ""
                if dotted in _IDENTITY:
                    yield because("ASY031", f"`{dotted}` is another one in each thread", module, call.span.start)
                elif call.tail in {"set", "reset"} and self._is_in_context(call):
                    message = f"`{call.tail}` changes a copy of the context, of which the caller sees nothing"
                    yield because("ASY031", message, module, call.span.start)
            for section in ("attribute_reads", "attribute_stores"):
                for records in module.facts[section].values():
                    for base, _, scope, start, *_ in records:
                        inner = function_around(module, scope).number == each.number
                        if inner and self._made_by(module, scope, base) == "threading.local":
                            message = "what a `threading.local` holds is there for one thread only"
                            yield because("ASY031", message, module, start)

    def _is_in_context(self, call: Call) -> bool:
        shape = call.function
        return shape[0] == "a" and self._made_by(call.module, call.scope, shape[1]) == "contextvars.ContextVar"

    def callbacks(self, inside: Sequence[Scope]) -> Iterator[Constraint]:
        """Yield calls of what is handed in as an argument."""
        for each in inside:
            parameters = {name for name, *_ in each.parameters} - {"self", "cls"}
            for call in each.module.calls_in(each.number):
                found = each.module.lookup(call.scope, call.function[1]) if call.function[0] == "n" else None
                if found is not None and found[0] == each.number and call.function[1] in parameters:
                    message = f"`{call.tail}` is handed in, and now runs in a thread"
                    yield because("ASY034", message, each.module, call.span.start)

    def _made_by(self, module: Module, scope: int, shape: Shape) -> str:
        """Return the dotted name of what made the value of a global name, `""` where that is not known."""
        dotted = module.dotted(scope, shape) if shape[0] in {"n", "a"} else None
        owner = self.program.owner_of(dotted) if dotted is not None else None
        if owner is None and shape[0] == "n":
            owner = (module, shape[1])
        if owner is None:
            return ""
        home, name = owner
        for each in home.bindings(0, name):
            if each.kind == "assign" and each.payload is not None and each.payload[0] == "c":
                made = home.call(each.payload[1])
                return home.dotted(made.scope, made.function) or ""
        return ""

    def shared(self, inside: Sequence[Scope]) -> Iterator[Constraint]:
        """Yield what is changed by what runs in the thread, where something else reads or changes it."""
        ours = set(map(key_of, inside))
        for function in inside:
            if function.name in _MAKING:
                continue
            touches = touches_of(function.module, function.number, self.program)
            for touch in touches:
                if touch.use[:1] == ["meth"] and touch.place in {"self", "cls"}:
                    continue
                if touch.writes:
                    other = self._elsewhere(function, touch, touches, ours)
                    if other:
                        message = f"`{touch.place}` changes in a thread, and is used {other}"
                        yield because("ASY030", message, function.module, touch.start)
                elif touch.reads:
                    shape: Shape = ["n", touch.place.partition(".")[0]]
                    for name in touch.place.split(".")[1:]:
                        shape = ["a", shape, name]
                    place = Place(function.module, function.number, shape)
                    reason = self._changes.beside(place, function, inside=False, own=False, items=True)
                    if reason:
                        message = f"`{touch.place}` is read in a thread, and {reason}"
                        yield because("ASY030", message, function.module, touch.start)

    def _elsewhere(self, function: Scope, touch: Touch, touches: Sequence[Touch], ours: set[tuple[str, int]]) -> str:
        """Return where else the state of a touch is used: by another function, or by the same in another thread."""
        root, _, rest = touch.place.partition(".")
        if not rest and self._is_parameter(function, root):
            return "by whoever handed it in"
        name = rest.rpartition(".")[2] or root
        self.program.want(name)
        section = "attribute_reads" if rest else "reads"
        for module in self.program.modules_with(section, name):
            for other in (each for each in module.scopes() if each.kind == "function" and each.name not in _MAKING):
                if key_of(other) in ours or self._is_apart(function, touch.place, other):
                    continue
                for each in touches_of(module, other.number, self.program):
                    if each.place.rpartition(".")[2] == name:
                        return f"at {module.path}:{module.position(each.start).line}"
        again = [each for each in touches if each.place == touch.place and (each.reads or each.writes)]
        line = function.module.position(again[0].start).line
        return f"at line {line}, by the same function in another thread"

    def _is_apart(self, function: Scope, place: str, other: Scope) -> bool:
        """Tell whether `self` stands for objects in two methods that cannot be the same."""
        one = self.program.method_owner(function.module, function.number)
        two = self.program.method_owner(other.module, other.number)
        if not place.startswith("self.") or one is None or two is None:
            return False
        return not (self.program.derives(one, two) or self.program.derives(two, one))

    @staticmethod
    def _is_parameter(function: Scope, name: str) -> bool:
        found = function.module.lookup(function.number, name)
        return found is not None and any(each.kind == "param" for each in found[1])

    def strangers(self, inside: Sequence[Scope]) -> Iterator[Constraint]:
        """Yield calls of other people's functions, of which nobody here can say that they bear several threads."""
        for each in inside:
            for call in each.module.calls_in(each.number):
                if self.below.receivers.reached(call).functions:
                    continue
                dotted = self.program.dotted(each.module, call.scope, call.function)
                if dotted is None or self.program.is_own(dotted) or dotted.startswith(_PLAIN):
                    continue
                message = f"`{dotted}` is called, and may be called in several threads at once"
                yield because("ASY032", message, each.module, call.span.start)


__all__ = ["Threads", "is_put_off"]
