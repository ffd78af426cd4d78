"""What every graph of one program asks about its functions: found out once, whoever asks first.

A graph grows anew from each codemod's blocking calls. What is known of a function does not depend on where a graph
begins, and is kept as long as what is known of the program's calls (`Receivers`) is.
"""

from __future__ import annotations

from functools import cached_property

from hasten.async_blocks import Blocks
from hasten.async_closing import Closings
from hasten.async_constructors import Constructors
from hasten.async_doubles import Doubles
from hasten.async_families import Families
from hasten.async_following import Following
from hasten.async_foreign import Foreign
from hasten.async_kinds import key_of
from hasten.async_mentions import Mentions
from hasten.async_places import Places, function_around, is_entry
from hasten.async_properties import Properties
from hasten.async_receivers import Receivers
from hasten.async_registered import Registered
from hasten.async_returned import Returned
from hasten.async_rules import Definitions
from hasten.async_starts import Starts
from hasten.async_trails import Trails
from hasten.concurrency import tasks_of
from hasten.index.module import Call, Read, Scope
from hasten.index.program import Program

#: What is bound to an event loop once it is used, by the last name of what makes it, and the modules of these.
_LOOP_BOUND = (
    *("AsyncClient", "AsyncConnectionPool", "ClientSession", "Condition", "Event", "Future", "Lock", "PriorityQueue"),
    *("Queue", "LifoQueue", "Semaphore", "BoundedSemaphore", "Barrier", "create_async_engine", "create_pool"),
    *("connect", "from_url", "Redis", "CapacityLimiter"),
)
_LOOP_LIBRARIES = frozenset(
    {"asyncio", "anyio", "aiohttp", "aiosqlite", "asyncpg", "httpx", "psycopg", "psycopg_pool", "redis", "sqlalchemy"}
)
#: Uses of a value that end with the function, as a rule: it is a variable, or not even that.
_LOCAL = frozenset({"asg", "with", "await", "expr", "iter", "meth"})


class Answers:
    """Answers for the functions of one program."""

    def __init__(self, program: Program, receivers: Receivers, entry_points: frozenset[str], *, forms: bool) -> None:
        """Take the program, and what `hasten.callgraph.build` takes."""
        self.program = program
        self._begun: dict[tuple[str, int], bool] = {}
        self.receivers = receivers
        self.places = Places(program, receivers)
        self.places.alone = lambda function: not tasks_of(program).several(function)
        self.definitions = Definitions(program, receivers, entry_points, forms=forms)
        self.mentions = Mentions(program, receivers)
        self.families = Families(program, self.definitions)
        self.trails = Trails(program, receivers, self.families, self.mentions)
        self.constructors = Constructors(program, receivers, self.families, self.mentions, self.trails)
        self.blocks = Blocks(program, receivers, self.families, self.definitions)
        self.closings = Closings(program, receivers, self.families, self.blocks)
        self.properties = Properties(program, receivers, self.families, self.definitions, self.mentions)
        self.doubles = Doubles(program, self.definitions, self.mentions)
        self.families.partners = self.doubles.partners
        self.returned = Returned(program)
        self.following = Following(program, receivers, self.definitions, self.mentions, self.returned)
        self.starts = Starts(
            program, receivers, self.definitions, self.mentions, self.returned, self._started_by_libraries
        )
        self.foreign = Foreign(program, receivers, self.starts.of)
        self.registered = Registered(program, receivers, self.mentions, lambda: self.invoked_in_a_loop)
        self._forms = forms
        self.mentions.handled = self._is_handled
        self.mentions.ending = self.trails.ending

    def _is_handled(self, function: Scope, read: Read) -> bool:
        """Tell whether a use of a function as a value is written in another way, or leads to calls that can be seen."""
        return (
            self.following.taker(function, read) is not None
            or self.doubles.is_double(function, read)
            or self.returned.is_returned(function, read)
            or (self._forms and self.registered.is_registered(function, read))
            or self.trails.is_followed(function, read)
        )

    def stays(self, scope: Scope) -> bool:
        """Tell whether a function stays as it is and may call `asyncio.run`, since no event loop runs around it."""
        if scope.kind != "function" or scope.is_async:
            return False
        verdict = self.definitions.verdict(scope)
        if verdict.called is not None:
            return self.foreign.called_in_a_loop(scope, verdict.called) is None
        if verdict.command and self.invoked_in_a_loop:
            return False
        if not verdict.stays:
            # What starts a loop itself does so where the program begins, and may start others there.
            return key_of(scope) in self.mentions.loop_starts and self._begins(scope)
        own = verdict.command or self.definitions.tests.role(scope) is not None
        if not own and self.definitions.enters_context(scope) and self.mentions.references(scope):
            return False  # what it is handed to may call it where a loop runs
        calls = [call for call, _certain in self.program.callers(scope)]
        for call in [*calls, *self.trails.called(scope)]:
            caller = function_around(call.module, call.scope)
            if caller.kind == "module" or key_of(caller) == key_of(scope):
                continue
            if caller.is_async or not (self._is_entry_or_test(caller) or self._begins(caller)):
                return False
        return True

    def _started_by_libraries(self, function: Scope) -> list[Call] | None:
        """Return the calls that are seen to run what a library calls, None for any other function."""
        how = self.definitions.called(function) if function.kind == "function" else None
        return self.foreign.starts_of(function, how) if how is not None else None

    @cached_property
    def invoked_in_a_loop(self) -> bool:
        """Whether a coroutine function runs a command, itself or through plain functions."""
        return self.starts.invoked_in_a_loop()

    def _is_entry_or_test(self, scope: Scope) -> bool:
        """Tell whether no loop runs around a plain function: a test stays one where it calls what starts a loop."""
        verdict = self.definitions.verdict(scope)
        return not scope.is_async and (verdict.stays or verdict.test)

    def _begins(self, scope: Scope) -> bool:
        """Tell whether a plain function is called where the program begins, and nowhere else."""
        key = key_of(scope)
        if key not in self._begun:
            self._begun[key] = False  # where it is called by itself
            self._begun[key] = self._is_begun(scope)
        return self._begun[key]

    def _is_begun(self, scope: Scope) -> bool:
        calls = self.program.callers(scope)
        if scope.is_async or not calls or self.mentions.references(scope):
            return False
        for call, _certain in calls:
            caller = function_around(call.module, call.scope)
            entry = is_entry(call) if caller.kind == "module" else self._is_entry_or_test(caller)
            if not (entry or (caller.kind == "function" and self._begins(caller))):
                return False
        return True

    @cached_property
    def bound_to_a_loop(self) -> Call | None:
        """Return the first call that makes something bound to an event loop and keeps it from one to the next."""
        for name in _LOOP_BOUND:
            for call in self.program.calls_named(name, beside=_LOOP_LIBRARIES):
                dotted = self.program.dotted(call.module, call.scope, call.function) or ""
                around = call.module.enclosing(call.scope, "function", "lambda", "class")
                local = around is not None and around.kind != "class" and call.use[0] in _LOCAL
                if dotted.partition(".")[0] in _LOOP_LIBRARIES and not local and self._outlives_a_loop(call):
                    return call
        return None

    def _outlives_a_loop(self, call: Call) -> bool:
        """Tell whether what a method keeps may outlive one loop: not where all instances are made in coroutines."""
        owner = self.program.method_owner(call.module, call.scope)
        if owner is None or call.use[0] != "asgattr":
            return True
        made = self.program.calls_named(owner.name)
        around = [function_around(each.module, each.scope) for each in made]
        return not made or any(not each.is_async for each in around)


def answers_of(receivers: Receivers, entry_points: frozenset[str], *, forms: bool) -> Answers:
    """Return what is known of the functions of a program, the same to all who ask with the same answers about calls."""
    known: dict[tuple[frozenset[str], bool], Answers] = receivers.remembered("answers")
    key = entry_points, forms
    if key not in known:
        known[key] = Answers(receivers.program, receivers, entry_points, forms=forms)
    return known[key]
