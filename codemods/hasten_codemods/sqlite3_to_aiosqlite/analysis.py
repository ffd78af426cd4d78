"""Decide about every use of `sqlite3.connect`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from hasten.api import (
    Applicability,
    Awaited,
    Call,
    Change,
    Conversion,
    Finding,
    Hazard,
    ImportRequest,
    NodeEdit,
    Position,
    Program,
    Proof,
    Refusal,
    Scope,
    Step,
    Tasks,
    Use,
    find_uses,
    raced,
    trouble_with,
)
from hasten_codemods.sqlite3_to_aiosqlite.helper import Helper
from hasten_codemods.sqlite3_to_aiosqlite.lifetimes import follow
from hasten_codemods.sqlite3_to_aiosqlite.lives import Life, Unfit
from hasten_codemods.sqlite3_to_aiosqlite.openings import Openings
from hasten_codemods.sqlite3_to_aiosqlite.paths import Paths
from hasten_codemods.sqlite3_to_aiosqlite.staying import Staying

_CONNECT = "sqlite3.connect"
_DEPENDENCY = "aiosqlite>=0.20"
#: What the transformer is told where `os.fspath` is to be asked for the path.
_CHECKED = ("path", "fspath")


class Analysis:
    """The decisions for one program."""

    def __init__(self, program: Program, codemod: str) -> None:
        """Take the program, and the name of the codemod."""
        self.program = program
        self.codemod = codemod
        self.uses = find_uses(program, (_CONNECT,))
        self.openings = Openings(program, self.uses)
        self.paths = Paths(program)
        self.tasks = Tasks(program)
        self.helper = Helper(program, codemod)

    def findings(self) -> Iterator[Finding]:
        """Yield a change or a refusal for every use in the target files."""
        lives: list[Life] = []
        refusals: list[Refusal] = []
        for use in self.uses:
            if use.module.path not in self.program.targets:
                continue
            try:
                lives.append(self._life(use))
            except Unfit as why:
                refusals.append(self._refusal(use, why))
        while alone := next(
            ((each, call) for each in lives for call in each.targets if not _holder(lives, call)), None
        ):
            life, call = alone
            lives.remove(life)
            message = f"`{life.name}` is handed to `backup` of what stays with sqlite3, which takes no other connection"
            refusals.append(self._refusal(life.use, Unfit("SQL112", message, call.span.start)))
        conversion = Conversion(self.program, self.codemod, unasked=True, several=self._others)
        found = list(conversion.findings([self._connection(each, lives) for each in lives]))
        refusals += [each for each in found if isinstance(each, Refusal)]
        yield from self._apart(found, lives, {(each.path, each.start) for each in refusals})
        yield from refusals
        yield from self.helper.changes()

    def _others(self, function: Scope) -> str:
        """Return why other tasks may run while `function` waits, an empty string where there are none.

        That one task only runs it is not enough: another may run another function on the same rows.
        """
        return self.tasks.ever(function)

    def _apart(self, found: list[Finding], lives: list[Life], refused: set[tuple[str, Position]]) -> Iterator[Finding]:
        """Yield the changes that were found, with what happens beside connections that are not converted with them."""
        locking = {_id(each) for each in lives if each.statements}
        changes = [each for each in found if isinstance(each, Change)]
        stays = self._staying(refused) if locking & {each.id for each in changes} else ""
        unsafe = {each.id for each in changes if each.applicability is not Applicability.SAFE}
        writing = "" if stays or unsafe >= locking else self._writing(lives, unsafe)
        for each in changes:
            if stays and each.id in locking:
                yield _beside(each, f"the connection of {stays} stays as it is")
            elif writing and each.id in locking - unsafe:
                yield _beside(each, f"the connection of {writing}, which writes, stays as it is where it is not taken")
            else:
                yield each

    def _staying(self, refused: set[tuple[str, Position]]) -> str:
        """Return where a connection is opened that stays synchronous, and may block the event loop of other tasks."""
        if not self.tasks.starter:
            return ""
        staying = Staying(self.program, self.tasks, self.openings)
        for use in self.uses:
            place = use.module.path, use.position
            if (use.module.path not in self.program.targets or place in refused) and staying.meets_others(use):
                return f"{use.module.path}:{use.position.line}"
        return ""

    def _writing(self, lives: list[Life], unsafe: set[str]) -> str:
        """Return where a connection writes beside other tasks whose change is unsafe, so that it may not be taken.

        What is safe itself only reads, and waits for nobody who does.
        """
        for each in lives if self.tasks.starter else ():
            function = each.module.scope(each.steps[0].call.scope)
            if _id(each) in unsafe and each.writes and self.tasks.several(function):
                return f"{each.module.path}:{each.use.position.line}"
        return ""

    def _refusal(self, use: Use, why: Unfit) -> Refusal:
        message, line = why.message, use.module.position(why.offset).line
        if line != use.position.line:
            message = f"{use.module.path}:{line}: {message}"
        return Refusal(self.codemod, why.code, message, use.module.path, use.position, use.module.symbol(use.scope))

    def _life(self, use: Use) -> Life:
        """Return a connection that can be converted, as far as its own function shows.

        Raises:
            Unfit: it cannot.
        """
        start = use.span.start
        if use.trouble:
            raise Unfit("SQL101", f"{use.trouble}; import `sqlite3` in one way", start)
        if use.call is None:
            what = "`sqlite3.connect`" if use.name == _CONNECT else "`sqlite3` itself"
            raise Unfit("SQL102", f"{what} is passed on as a value, and whoever calls it awaits nothing", start)
        if use.via:
            raise Unfit("SQL105", f"`sqlite3.connect` is reached through `{use.via}`; import `sqlite3` here", start)
        life = follow(self.openings, self.openings.life(use, use.call))
        taken = trouble_with(self.program, use.module, use.scope, "aiosqlite", start)
        if taken:
            raise Unfit("SQL106", f"{taken}; give it another name", start)
        if self.paths.may_be_no_path(use.call):
            taken = trouble_with(self.program, use.module, use.scope, "os", start)
            if taken:
                raise Unfit("SQL106", f"{taken}, and `os.fspath` is needed here", start)
            life.steps[0] = replace(life.steps[0], data=(*life.steps[0].data, _CHECKED))
        if _has_transaction(life):
            taken = self.helper.trouble(use.module)
            if taken:
                raise Unfit("SQL106", f"{taken}, and a transaction is needed here", start)
        return life

    def _connection(self, life: Life, lives: list[Life]) -> Awaited:
        """Return what the engine has to know of a connection that can be converted, with the others that can."""
        use, module = life.use, life.module
        function = module.scope(life.steps[0].call.scope)
        imports = [ImportRequest(module.path, "aiosqlite", scope=self._scope_of_import(use))]
        if _CHECKED in life.steps[0].data:
            scope = 0 if module.is_bound(0, "os") else imports[0].scope
            imports.append(ImportRequest(module.path, "os", scope=scope))
        support = sorted(_id(holder) for each in life.targets for holder in _holder(lives, each))
        transaction = _has_transaction(life)
        if transaction:
            imports.append(self.helper.request(module))
            if not self.helper.is_there(module):
                support.append(self.helper.key(module))
        parallel = tuple(self._interleavings(life, function))
        hazards = [*life.hazards, *parallel]
        return Awaited(
            self._steps(life, transaction=transaction),
            f"open `{life.name}` with aiosqlite",
            edits=tuple(self._edits(life, function, transaction=transaction)),
            imports=tuple(imports),
            releases=(*use.releases, *life.releases),
            dependencies=(_DEPENDENCY,),
            hazards=tuple(hazards),
            proofs=tuple(self._proofs(life, function, hazards)),
            requires=tuple(support),
            parallel=parallel,
            reach=module.position(life.region.end) if life.moves else None,
        )

    def _steps(self, life: Life, *, transaction: bool) -> tuple[Step, ...]:
        found: list[Step] = []
        for each in life.steps:
            data = each.data
            if each.action == "open":
                kept = "yes" if transaction and ("form", "with") in data else "no"
                data = (*data, ("name", life.name), ("transaction", kept), ("variables", ",".join(life.variables)))
            if each.action == "close":
                data = (*data, ("of", life.name))
            found.append(Step(each.call, each.action, data))
        return tuple(found)

    def _edits(self, life: Life, function: Scope, *, transaction: bool) -> Iterator[NodeEdit]:
        module = life.module
        for each in life.marks:
            action = each.action
            if action == "transaction" and not transaction:
                action = "unwrap"  # nothing is written, so there is nothing to be committed
            start = module.position(each.span.start if each.start < 0 else each.start)
            end = module.position(each.span.end)
            yield NodeEdit(module.path, each.span, start, end, self.codemod, action, each.data)
        if function.is_async:
            # The block may begin anywhere in the function, which is therefore looked at as a whole.
            start = module.position(function.span.start)
            end = module.position(function.span.start + len("async def"))
            yield NodeEdit(module.path, function.span, start, end, self.codemod, "function")

    def _interleavings(self, life: Life, function: Scope) -> Iterator[Hazard]:
        """Yield what may happen between the statements, where several tasks can run the function."""
        reason = self._others(function)
        if not reason:
            return
        module = life.module
        lines = sorted(module.position(each.call.span.start).line for each in life.statements)
        place = f"{module.path}:{lines[0] if lines else life.use.position.line}"
        if life.writes:
            yield Hazard("SQL002", f"`{function.name}` writes, and other tasks run beside it ({place}), by {reason}")
        if len(lines) > 1:
            between = f"between the statements of lines {lines[0]} and {lines[-1]} of `{function.name}`"
            yield Hazard("SQL001", f"other tasks can run {between} ({place}), by {reason}")
        if not life.writes and len(lines) <= 1 and self.tasks.starter:
            # Nothing comes between; but all of the function was over at once, and what starts it may count on that.
            early = raced(self.program, life.steps[0].call)
            if early:
                yield Hazard("ASY014", f"{early}: there is a new wait before, in `{function.name}` ({place})")

    def _proofs(self, life: Life, function: Scope, hazards: list[Hazard]) -> Iterator[Proof]:
        if not self._others(function):
            yield Proof("SQL201", f"no other task runs while `{function.name}` waits")
        elif not hazards and len(life.statements) == 1:
            yield Proof("SQL203", f"`{function.name}` runs one statement, which reads, on a connection of its own")
        if not life.writes:
            yield Proof("SQL202", f"every statement on `{life.name}` is written out, and reads")

    def _scope_of_import(self, use: Use) -> int:
        return use.module.imports()[use.binding].scope if use.binding >= 0 else 0


def _beside(change: Change, other: str) -> Change:
    """Return a change of a connection, with what happens beside the one that `other` tells of."""
    message = f"it holds a lock while it waits, and {other}, and stops the event loop"
    hazards = sorted([*change.hazards, Hazard("SQL008", message)], key=lambda each: each.code)
    return replace(change, applicability=Applicability.UNSAFE, hazards=tuple(hazards))


def _has_transaction(life: Life) -> bool:
    """Tell whether something has to be committed at the end of a block."""
    return life.writes and (life.transactions > 0 or ("form", "with") in life.steps[0].data)


def _holder(lives: list[Life], call: Call) -> list[Life]:
    """Return the connection that a call of `backup` is awaited for."""
    return [
        each
        for each in lives
        for step in each.steps
        if step.call.module is call.module and step.call.index == call.index
    ]


def _id(life: Life) -> str:
    """Return the key of the change that converts a connection."""
    call = life.steps[0].call
    return f"{call.module.path}:{call.span.start}:{call.span.end}"
