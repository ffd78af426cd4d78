"""Where functions and classes go that are kept as values: the calls of them that do not name them.

Where all the ways of a function end in calls, these are calls of it like any other, and all that can be called there
converts with it. Where one of them leads anywhere else, whoever is there awaits nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from hasten.async_cycles import Cycles
from hasten.async_families import Families
from hasten.async_kinds import key_of, owner_of
from hasten.async_lookups import Lookups
from hasten.async_mentions import Mentions
from hasten.async_places import because
from hasten.async_receivers import Receivers, receivers_of
from hasten.async_rules import Definitions
from hasten.async_walk import HANDED_ON, Step, Trail, Walk
from hasten.index.module import Call, Module, Read, Scope
from hasten.index.program import Program
from hasten.propagate import Constraint


class Trails:
    """Answers for the functions and classes of one program."""

    def __init__(self, program: Program, receivers: Receivers, families: Families, mentions: Mentions) -> None:
        """Take the program, and what is known of it."""
        self.program = program
        self.receivers = receivers
        self.families = families
        self.lookups = Lookups(program, receivers)
        self.references = mentions.references
        self.replacing = mentions.replacing
        self._mentions = mentions
        self._cycles = Cycles()
        mentions.valued = self.called

    # --- what is asked ------------------------------------------------------------------------------------------------

    def follow(self, function: Scope, read: Read) -> Trail:
        """Return where a function, or class, gets from where it is read."""
        key = "follow", function.module.path, function.number, read.module.path, read.span.start
        # Asked for again on its own way, it adds nothing.
        return self._cycles.once(key, lambda: self._follow(function, read), Trail)

    def is_followed(self, function: Scope, read: Read) -> bool:
        """Tell whether all ways of a function from where it is read end in calls that can be seen."""
        return not self.follow(function, read).ends

    def calls(self, function: Scope) -> list[Call]:
        """Return the calls of a function, or class, as a value, in the order of places."""
        return self._cycles.once(("calls", key_of(function)), lambda: self._find_calls(function), list)

    def called(self, function: Scope) -> list[Call]:
        """Return the calls that surely reach a function as a value, or make an object with it, if it is `__init__`."""
        owner = owner_of(function)
        if function.name != "__init__" or owner is None:
            return [each for each in self.calls(function) if self._reaches(each, function)]
        heirs = self.program.heirs(owner)
        return [call for each in heirs for call in self.calls(each)]

    def _reaches(self, call: Call, function: Scope) -> bool:
        return key_of(function) in map(key_of, self.receivers.reached(call).functions)

    def hazards(self, function: Scope) -> Iterator[Constraint]:
        """Yield a hazard for each guess on the ways of a function."""
        for read in self.references(function):
            for call in self.follow(function, read).guesses:
                message = f"`{call.tail}` of something unknown is taken for a method that has nothing to do with "
                yield because("ASY012", f"{message}`{function.name}`", call.module, call.span.start)

    def lambda_calls(self, call: Call) -> list[Call] | None:
        """Return the calls of the lambda that does nothing but `call`; None for any other, or where it gets away.

        What the lambda gives is the coroutine, so whoever calls it awaits that.
        """
        scope = call.module.scope(call.scope)
        if scope.kind != "lambda" or call.use != ["ret", scope.number] or not scope.bases:
            return None
        trail = Walk(self, [Step(call.module, scope.parent, scope.span.start, scope.bases[0])], None).trail
        expected = {key_of(each) for each in self.receivers.reached(call).functions}
        ends = [*trail.ends, *self._doubts(trail.calls, expected), *trail.guesses]
        return trail.calls if trail.calls and not ends else None

    def ending(self, function: Scope, read: Read) -> str:
        """Return where the trail of a read ends and why, for people; empty where the read itself says it."""
        ends = self.follow(function, read).ends
        for step, why in sorted(ends, key=lambda each: (each[0].module is not read.module, each[0].place, each[1])):
            if step.place != f"{read.module.path}:{read.module.position(read.span.start).line}":
                return f"; it gets to {step.place}, where {why}"
            if why != HANDED_ON:
                return f"; {why}"
        return ""

    # --- what a walk asks ---------------------------------------------------------------------------------------------

    def module_handed_on(self, module: Module) -> bool:
        """Tell whether a module is used as a value."""
        return next(self._mentions.handed_on(module), None) is not None

    def is_partly(self, function: Scope) -> bool:
        """Tell whether some parameters of a function are filled by `partial` somewhere."""
        return any(self.follow(function, read).partly for read in self.references(function))

    def fits_await(self, call: Call, function: Scope) -> bool:
        """Tell whether a call may be one of a plain function, as far as it is awaited already."""
        return call.use[0] != "await" or self.receivers.may_return_awaitable(function)

    def objects_of(self, owner: Scope) -> Trail | None:
        """Return where the objects of a class, and of those below it, get; None where one of them gets away."""
        # While it is being found out, an object may be anywhere.
        return self._cycles.once(("objects", key_of(owner)), lambda: self._find_objects(owner), lambda: None)

    # --- how it is found ----------------------------------------------------------------------------------------------

    def _find_calls(self, function: Scope) -> list[Call]:
        trails = [self.follow(function, read) for read in self.references(function)]
        found = {(call.module.path, call.index): call for trail in trails for call in trail.calls}
        return [found[each] for each in sorted(found)]

    def _follow(self, function: Scope, read: Read) -> Trail:
        first = Step(read.module, read.scope, read.span.start, read.use)
        family = self.families.of(function) if function.kind == "function" else [function]
        expected = {key_of(each) for each in family}
        if not self._is_it(function, read, expected):
            return Trail(ends=[(first, "nobody can tell what it is")])
        trail = Walk(self, [first], function).trail
        trail.ends += self._doubts(trail.calls, expected)
        if trail.kept and not trail.calls and not trail.ends:
            # What nobody in the program calls there is there for others.
            trail.ends.append((first, HANDED_ON))
        return trail

    def _is_it(self, function: Scope, read: Read, family: set[tuple[str, int]]) -> bool:
        """Tell whether what is read is surely the function, or one that converts with it."""
        for base, _use, scope, start, _end in read.module.facts["attribute_reads"].get(function.name, ()):
            if start == read.span.start and owner_of(function) is not None:
                found = self.receivers.functions_at(read.module, scope, ["a", base, function.name])
                return found is not None and family.issuperset(map(key_of, found))
        return True

    def _doubts(self, calls: list[Call], expected: set[tuple[str, int]]) -> Iterator[tuple[Step, str]]:
        """Yield the calls that may reach something of which nobody can tell whether it can be awaited."""
        for call in calls:
            if expected.isdisjoint(map(key_of, self.receivers.reached(call).functions)):
                step = Step(call.module, call.scope, call.span.start, call.use)
                yield step, "the call may reach something else, and nobody can tell whether that can be awaited"

    def _find_objects(self, owner: Scope) -> Trail | None:
        first: list[Step] = []
        for path, number in sorted(self.families.below(owner) or {key_of(owner)}):
            each = self.program.module(path).scope(number)
            handed = any(self.follow(each, read).ends for read in self.references(each))
            if handed or each.decorators or self._is_made_otherwise(each):
                return None
            made = [*(call for call, _certain in self.program.callers(each)), *self.calls(each)]
            first += (Step(call.module, call.scope, call.span.start, call.use) for call in made)
            for ancestor in self.families.ancestors(each).values():
                first += self._reads_of_self(ancestor)
        trail = Walk(self, first, owner, is_object=True).trail
        return None if trail.ends else trail

    def _is_made_otherwise(self, owner: Scope) -> bool:
        """Tell whether the class may make objects without being named: `cls()`, `type(self)()`, `__new__`."""
        return any(
            around is not None and self.families.share_class(around, owner)
            for name in ("cls", "type", "__class__", "__new__")
            for call in self.program.calls_named(name, want=False)
            for around in [self.program.method_owner(call.module, call.scope)]
        )

    def _reads_of_self(self, owner: Scope) -> Iterator[Step]:
        module = owner.module
        for method in module.scopes():
            if method.parent != owner.number or method.kind != "function" or not method.parameters:
                continue
            for read in () if self.program.is_static(method) else module.reads(method.number, method.parameters[0][0]):
                yield Step(module, read.scope, read.span.start, read.use)


def value_calls(program: Program, function: Scope) -> list[Call]:
    """Return the calls that reach a function as a value: `Program.callers` does not know these."""
    return _of_program(program).called(function)


def is_followed(program: Program, function: Scope, read: Read) -> bool:
    """Tell whether all ways of a function from where it is read end in calls that can be seen, see `value_calls`."""
    return _of_program(program).is_followed(function, read)


def is_partly(program: Program, function: Scope) -> bool:
    """Tell whether `partial` fills parameters of a function somewhere, with what the calls of it do not show."""
    return _of_program(program).is_partly(function)


def _of_program(program: Program) -> Trails:
    def make() -> Trails:
        receivers = receivers_of(program)
        definitions = Definitions(program, receivers, program.entry_points)
        return Trails(program, receivers, Families(program, definitions), Mentions(program, receivers))

    return program.remember("hasten.async_trails", make)
