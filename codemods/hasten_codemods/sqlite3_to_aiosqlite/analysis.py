"""Decide about every use of `sqlite3.connect`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from hasten.api import (
    OFFLOAD,
    Applicability,
    Awaited,
    ByPath,
    Call,
    Change,
    Conversion,
    Finding,
    FirstUse,
    Hazard,
    IdleTests,
    ImportRequest,
    Locked,
    Module,
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
    is_made_by_others,
    raced,
    trouble_with,
    waiting,
)
from hasten_codemods.sqlite3_to_aiosqlite import blocks, helper, holding, lives, offloading
from hasten_codemods.sqlite3_to_aiosqlite.exchanges import Exchanges
from hasten_codemods.sqlite3_to_aiosqlite.kept_by_g import is_g
from hasten_codemods.sqlite3_to_aiosqlite.lifetimes import follow
from hasten_codemods.sqlite3_to_aiosqlite.lives import Life, Unfit
from hasten_codemods.sqlite3_to_aiosqlite.once import Once, OpeningsOnce
from hasten_codemods.sqlite3_to_aiosqlite.openings import Openings
from hasten_codemods.sqlite3_to_aiosqlite.others import Others, another
from hasten_codemods.sqlite3_to_aiosqlite.passing import passed_on
from hasten_codemods.sqlite3_to_aiosqlite.paths import Paths
from hasten_codemods.sqlite3_to_aiosqlite.staying import Staying
from hasten_codemods.sqlite3_to_aiosqlite.web import Weaver
from hasten_codemods.sqlite3_to_aiosqlite.webs import Web

_CONNECT = "sqlite3.connect"
#: The constructors of a file stay, and open when their objects are first used.
LAZY = "lazy"
#: Tests of a file are converted whatever they call.
ALL_TESTS = "all"
#: The first version whose connections can be stopped from outside of their event loop, and stop when they are dropped.
_DEPENDENCY = "aiosqlite>=0.22.1"
#: Reasons why a connection does not end in its function; others hold wherever it goes.
_KEPT = frozenset({f"SQL{each}" for each in (104, 110, 111, 112, 113, 114, 115)})
#: Reasons that a person can mend at the place that they name, and would then come to the next one.
_MENDED = frozenset(
    {f"SQL{each}" for each in (102, 103, 104, 106, 110, 111, 112, 113, 114, 117, 118, 119, 120, 121, 122, 123, 124)}
)
#: What is done where one of aiosqlite's classes is named.
_NAMING = frozenset({"annotation", "typed"})
#: What the transformer is told where `os.fspath` is to be asked for the path.
_CHECKED = ("path", "fspath")


class Analysis:
    """The decisions for one program."""

    def __init__(self, program: Program, codemod: str, opening: ByPath, tests: ByPath) -> None:
        """Take the program.

        Args:
            program: what is rewritten.
            codemod: the name of the codemod.
            opening: how the classes of each file open what they keep.
            tests: which tests of each file are converted.
        """
        self.opening = opening
        self.tests = tests
        self.program = program
        self.codemod = codemod
        self.connections = helper.connections(program, codemod)
        # What was written for an earlier conversion opens what sqlite3 opens, and stays.
        self.uses = [each for each in find_uses(program, (_CONNECT,)) if not self.connections.is_it(each.module)]
        self.openings = Openings(program, self.uses)
        self.exchanges = Exchanges(program)
        self.others = Others(program, self.uses)
        #: What could be converted, and has to stay for what is the matter with others.
        self.held: dict[holding.Place, Unfit] = {}
        self.paths = Paths(program)
        self.tasks = Tasks(program)
        self.transactions = helper.transactions(program, codemod)
        self.locks = helper.openings(program, codemod)
        self.once = OpeningsOnce(program)

    def findings(self) -> Iterator[Finding]:
        """Yield a change or a refusal for every use in the target files."""
        notes = len(self.program.notes)
        found = list(self._findings())
        self.held = holding.held(self.uses, found, self.exchanges, self.others)
        if self.held:
            del self.program.notes[notes:]
            found = holding.merged(found, list(self._findings()), self.held)
        yield from self.others.together(found)

    def _findings(self) -> Iterator[Finding]:
        lives: list[Life] = []
        refusals: list[Refusal] = []
        leaving: list[tuple[Use, Unfit]] = []
        for use in self.uses:
            if use.module.path not in self.program.targets or self.exchanges.is_one(use):
                continue
            try:
                lives.append(self._life(use))
            except Unfit as why:
                leaving.append((use, why))
        webs, unfit = self._webs(leaving)
        # What is not kept itself may meet what is.
        lives = [each for each in lives if not any(_id(each) in web.keys for web in webs)]
        whole = {id(use): life for use, _ in unfit if (life := self._whole(use)) is not None}
        while alone := next(
            ((each, call) for each in lives for call in each.targets if not _holder(lives, call)), None
        ):
            life, call = alone
            lives.remove(life)
            message = f"`{life.name}` is handed to `backup` of what stays with sqlite3, which takes no other connection"
            refusals.append(self._refusal(life.use, Unfit("SQL112", message, call.span.start)))
        conversion = Conversion(
            self.program,
            self.codemod,
            unasked=True,
            idle_tests=IdleTests(
                lambda path: self.tests.of(path) == ALL_TESTS,
                f'no event loop is blocked; `tests = "{ALL_TESTS}"` in `[tool.hasten.{self.codemod}]` converts it too',
            ),
            several=self._others,
            first_use=self._first_use(),
        )
        refusals += self._refused(conversion, [(use, why) for use, why in unfit if id(use) not in whole])
        awaited = [*(self._connection(each, lives) for each in lives), *(self._kept(each) for each in webs)]
        awaited += [self._left_alone(each) for each in whole.values()]
        found = list(conversion.findings(awaited))
        refusals += [each for each in found if isinstance(each, Refusal)]
        yield from self._apart(found, [*lives, *webs], {(each.path, each.start) for each in refusals})
        yield from refusals
        yield from self.transactions.changes()
        yield from self.connections.changes()
        yield from self.locks.changes()

    def _first_use(self) -> FirstUse:
        """Return which constructors stay, and what their classes need for that."""
        return FirstUse(
            self._is_lazy,
            f"{helper.OPENINGS}.Opening",
            self.locks.request,
            lambda module: () if self.locks.is_there(module) else (self.locks.key(module),),
            self.locks.trouble,
        )

    def _is_lazy(self, init: Scope) -> bool:
        """Tell whether a constructor stays: it was asked for, or nobody who makes the objects could wait."""
        return self.opening.of(init.module.path) == LAZY or is_made_by_others(self.program, init)

    def _whole(self, use: Use) -> Life | None:
        """Return a connection that nothing has to be written for, since a thread runs all that it lives for."""
        if self.program.strategies.of(use.module.path) != OFFLOAD:
            return None
        return offloading.whole(self.openings, use)

    def _left_alone(self, life: Life) -> Awaited:
        """Return what the engine has to know of a connection that stays one of `sqlite3`."""
        function = life.module.scope(life.steps[0].call.scope)
        return Awaited(
            (*map(_step, life.steps), *(Step(each.call) for each in life.statements)),
            "run what opens the connection in a thread",
            parallel=tuple(self._interleavings(life, function)),
            threaded=_called_back(life.hazards),
        )

    def _others(self, function: Scope) -> str:
        """Return why other tasks may run while `function` waits, an empty string where there are none.

        That one task only runs it is not enough: another may run another function on the same rows.
        """
        return self.tasks.ever(function)

    def _apart(
        self, found: list[Finding], lives: list[Life | Web], refused: set[tuple[str, Position]]
    ) -> Iterator[Finding]:
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

    def _writing(self, lives: list[Life | Web], unsafe: set[str]) -> str:
        """Return where a connection writes beside other tasks whose change is unsafe, so that it may not be taken.

        What is safe itself only reads, and waits for nobody who does.
        """
        for each in lives if self.tasks.starter else ():
            function = each.module.scope(each.steps[0].call.scope)
            if _id(each) in unsafe and each.writes and self.tasks.several(function):
                return f"{each.module.path}:{each.use.position.line}"
        return ""

    def _webs(self, leaving: list[tuple[Use, Unfit]]) -> tuple[list[Web], list[tuple[Use, Unfit]]]:
        """Return the connections that are kept or handed over and can be converted, and why others cannot."""
        refused = {
            (use.module.path, use.call.index): why
            for use, why in leaving
            if use.call is not None and why.code not in _KEPT
        }
        weaver = Weaver(self.program, self.openings, self.uses, refused)
        webs: list[Web] = []
        unfit: list[tuple[Use, Unfit]] = []
        for use, why in leaving:
            if any(use is each for web in webs for each in web.openings.values()):
                continue
            if why.code not in _KEPT:
                unfit.append((use, why))
                continue
            try:
                web = weaver.web(use)
                # A constructor that stays still says what it keeps.
                web.marks = [
                    (module, mark)
                    for module, mark in web.marks
                    if mark.action != "typed" or not self._is_lazy(_function_at(module, mark.span.start))
                ]
                self._check_names(web)
                webs.append(web)
            except Unfit as more:
                unfit.append((use, more))
        return webs, unfit

    def _check_names(self, web: Web) -> None:
        """Tell the openings of a web what they need to know.

        Raises:
            Unfit: a name that the new code needs is taken.
        """
        try:
            self._tell_names(web)
        except Unfit as why:
            # All that is done with them is known.
            why.calls = tuple(each.call for each in web.steps)
            raise

    def _tell_names(self, web: Web) -> None:
        start = web.use.span.start
        for life in web.lives:
            self._checked(life)
        for key, step in web.awaited.items():
            if key in web.openings and self._needs_check(step.call):
                web.awaited[key] = replace(step, data=(*step.data, _CHECKED))
        for module in web.opened_in:
            taken = self.connections.trouble(module)
            if taken:
                raise Unfit("SQL106", f"{taken}, and a connection that is kept is opened with it", start)
        for module in web.transactions.values() if web.commits else ():
            taken = self.transactions.trouble(module)
            if taken:
                raise Unfit("SQL106", f"{taken}, and a transaction is needed here", start)
        for module, mark in web.marks:
            if mark.action in _NAMING and (taken := trouble_with(self.program, module, 0, "aiosqlite", start)):
                raise Unfit("SQL106", f"{taken}; give it another name", start)

    def _kept(self, web: Web) -> Awaited:
        """Return what the engine has to know of connections that are kept or handed over."""
        imports = [*web.imports, *(self.connections.request(each) for each in web.opened_in)]
        support = [self.connections.key(each) for each in web.opened_in if not self.connections.is_there(each)]
        if web.commits:
            imports += [self.transactions.request(each) for each in web.transactions.values()]
            support += [
                self.transactions.key(each)
                for each in web.transactions.values()
                if not self.transactions.is_there(each)
            ]
        imports += [
            ImportRequest(step.call.module.path, "os")
            for key, step in web.awaited.items()
            if key in web.openings and _CHECKED in step.data
        ]
        renamed = {module.path for module, mark in web.marks if mark.action in _NAMING}
        imports += [ImportRequest(each, "aiosqlite") for each in sorted(renamed)]
        looks = [each for each in self.once.of(web) if self._others(each.function)]
        alone = [each for each in looks if self._is_of_one_task(each)]
        once = [each for each in looks if each not in alone]
        once = [each for each in once if not self.locks.trouble(each.module)]
        imports += [self.locks.request(each.module) for each in once]
        support += [self.locks.key(each.module) for each in once if not self.locks.is_there(each.module)]
        lent = [self._connection(each, []) for each in sorted(web.lives, key=_id)]
        own = {(each.call.module.path, each.call.index): each for each in web.steps}
        told = {(each.call.module.path, each.call.index): each for one in lent for each in one.steps}
        quiet = not any(self._others(each) for each in _functions(web))
        proofs = [Proof("SQL201", f"no other task runs while `{web.name}` is used")] if quiet else []
        return Awaited(
            (*(told.get(key) or _step(each) for key, each in own.items()), *self._blocks(web)),
            f"open `{web.name}` with aiosqlite",
            edits=(*self._marks(web), *map(self._alone, once), *(edit for each in lent for edit in each.edits)),
            imports=tuple(dict.fromkeys([*imports, *(one for each in lent for one in each.imports)])),
            releases=(*web.releases, *(one for each in lent for one in each.releases)),
            dependencies=(_DEPENDENCY,),
            hazards=(
                *(*web.hazards, *self._shared(web), *_missed(web.openings.values())),
                *self.exchanges.hazards(),
                *self.others.hazards(web.openings.values()),
                *(each.hazard for each in once if each.hazard is not None),
                *(one for each in lent for one in each.hazards),
            ),
            proofs=tuple(proofs),
            requires=tuple(dict.fromkeys([*support, *(one for each in lent for one in each.requires)])),
            parallel=(*self._shared(web), *(one for each in lent for one in each.parallel)),
            threaded=(*_called_back(web.hazards), *(one for each in lent for one in each.threaded)),
            kept=web.kept,
            handed=tuple(web.handed),
            locked=tuple(Locked(each.module, each.body, each.text) for each in (*once, *alone)),
        )

    def _is_of_one_task(self, once: Once) -> bool:
        """Tell whether no other task comes to an opening that is kept in `g` of Flask.

        That is of one request, and no other task has it but one that the program starts.
        """
        owner = ["n", once.text.partition(".")[0]]
        return not self.tasks.starts_some and is_g(self.program, once.module, once.function.number, owner)

    def _blocks(self, web: Web) -> Iterator[Step]:
        """Yield the places that wait and are no calls: what is entered, and loops over rows."""
        for module, mark in web.marks:
            if mark.scope >= 0 and (mark.action != "transaction" or web.commits):
                place = waiting(module, mark.scope, mark.span, mark.action)
                yield Step(place, mark.action, mark.data, module.position(mark.end) if mark.end >= 0 else None)

    def _alone(self, once: Once) -> NodeEdit:
        """Return the edit that puts an opening under a lock."""
        reach = max(once.span.end, once.body.end)
        start, end = once.module.position(once.span.start), once.module.position(reach)
        return NodeEdit(once.module.path, once.span, start, end, self.codemod, once.action, once.data)

    def _marks(self, web: Web) -> Iterator[NodeEdit]:
        for module, mark in web.marks:
            action = mark.action
            if mark.scope >= 0 and (action != "transaction" or web.commits):
                continue
            if action == "transaction":
                action = "unwrap"
            start = module.position(mark.span.start)
            end = module.position(mark.span.end if mark.end < 0 else mark.end)
            yield NodeEdit(module.path, mark.span, start, end, self.codemod, action, mark.data)

    def _shared(self, web: Web) -> Iterator[Hazard]:
        """Yield what may happen between the statements of connections that are kept, where there are other tasks."""
        run = Counter(map(_function_of, web.statements))
        # Those that run several statements first: what comes in between is what matters.
        for each in sorted(_functions(web), key=lambda one: -run[one.module.path, one.number]):
            reason = self._others(each) if each.name != "__init__" else ""
            if not reason:
                continue
            place = f"{each.module.path}:{each.module.position(each.span.start).line}"
            beside = f"`{each.name}` uses `{web.name}`, and other tasks run beside it ({place}), by {reason}"
            if web.outlives and web.writes:
                yield Hazard("SQL009", beside)
                continue
            if web.writes:
                yield Hazard("SQL002", beside)
            if run[each.module.path, each.number] > 1:
                yield Hazard("SQL001", beside)

    def _refused(self, conversion: Conversion, unfit: list[tuple[Use, Unfit]]) -> Iterator[Refusal]:
        """Yield why connections are refused: by what would stop them all the same, if there is such a thing."""
        # What opens stands somewhere, too, where it could not be followed any further.
        calls = {id(why): why.calls or ((use.call,) if use.call is not None else ()) for use, why in unfit}
        followed = [(use, why) for use, why in unfit if why.code in _MENDED and calls[id(why)]]
        stopping = conversion.stopping(calls[id(why)] for _, why in followed)
        deeper = {id(why): deep for (_, why), deep in zip(followed, stopping, strict=True)}
        for use, why in unfit:
            refusal, deep = self._refusal(use, why), deeper.get(id(why))
            # What exchanges the opening is looked at last, and met by whoever mends the rest.
            met = {each.code for each in (self.exchanges.trouble(use),) if use.call is not None and each is not None}
            if deep is not None:
                message = f"{deep.path}:{deep.line}: {deep.message}; and besides, {refusal.message}"
                met.add(refusal.code)
                refusal = replace(refusal, code=deep.code, message=message)
            yield replace(refusal, behind=tuple(sorted(met - {refusal.code})))

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
        if use.other and not use.either:
            raise another(use)
        if holding.place_of(use) in self.held:
            raise self.held[holding.place_of(use)]
        if use.trouble and not use.either:
            raise Unfit("SQL101", f"{use.trouble}; import `sqlite3` in one way", start)
        if use.call is None:
            raise self.exchanges.kept(use) or passed_on(self.program, use)
        if use.instead and not use.either:
            message = f"`sqlite3.connect` is reached through `{use.via}`, and {use.instead}; import `sqlite3` here"
            raise Unfit("SQL105", message, start)
        return self._checked(follow(self.openings, self.openings.life(use, use.call)))

    def _checked(self, life: Life) -> Life:
        """Return a connection of one function, told what its opening needs to know.

        Raises:
            Unfit: a name that the new code needs is taken.
        """
        use, start = life.use, life.use.span.start
        taken = trouble_with(self.program, use.module, use.scope, "aiosqlite", start)
        if taken:
            raise Unfit("SQL106", f"{taken}; give it another name", start)
        if self._needs_check(life.steps[0].call):
            life.steps[0] = replace(life.steps[0], data=(*life.steps[0].data, _CHECKED))
        if _has_transaction(life):
            taken = self.transactions.trouble(use.module)
            if taken:
                raise Unfit("SQL106", f"{taken}, and a transaction is needed here", start)
        return life

    def _needs_check(self, call: Call) -> bool:
        """Tell whether a path is to be asked for what is opened.

        Raises:
            Unfit: the name of the module that does so is taken.
        """
        if not self.paths.may_be_no_path(call):
            return False
        taken = trouble_with(self.program, call.module, call.scope, "os", call.span.start)
        if taken:
            raise Unfit("SQL106", f"{taken}, and `os.fspath` is needed here", call.span.start)
        return True

    def _connection(self, life: Life, lives: list[Life]) -> Awaited:
        """Return what the engine has to know of a connection that can be converted, with the others that can."""
        use, module = life.use, life.module
        function = module.scope(life.steps[0].call.scope)
        imports = [ImportRequest(module.path, "aiosqlite", scope=self._scope_of_import(use))]
        if _CHECKED in life.steps[0].data:
            scope = 0 if module.is_bound(0, "os") else imports[0].scope
            imports.append(ImportRequest(module.path, "os", scope=scope))
        if any(each.action == "name" for each in life.marks):
            imports.append(ImportRequest(module.path, "sqlite3", scope=imports[0].scope))
        support = sorted(_id(holder) for each in life.targets for holder in _holder(lives, each))
        transaction = _has_transaction(life)
        steps = self._steps(life, transaction=transaction)
        if life.moves:
            steps = (replace(steps[0], reach=module.position(life.region.end)), *steps[1:])
        if transaction:
            imports.append(self.transactions.request(module))
            if not self.transactions.is_there(module):
                support.append(self.transactions.key(module))
        parallel = tuple(self._interleavings(life, function))
        hazards = [*life.hazards, *parallel, *_missed([life.use]), *self.exchanges.hazards()]
        hazards += self.others.hazards([life.use])
        return Awaited(
            steps,
            f"open `{life.name}` with aiosqlite",
            edits=tuple(self._edits(life, function, transaction=transaction)),
            imports=tuple(imports),
            releases=(*use.releases, *life.releases),
            dependencies=(_DEPENDENCY,),
            hazards=tuple(hazards),
            proofs=tuple(self._proofs(life, function, hazards)),
            requires=tuple(support),
            parallel=parallel,
            threaded=_called_back(life.hazards),
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


def _step(step: lives.Step) -> Step:
    """Return a step as the engine knows it; a loop over rows gets a block around it."""
    module, span = step.call.module, step.call.span
    reach = module.position(blocks.end_of_loop(module, span)) if step.action == "iterate" else None
    return Step(step.call, step.action, step.data, reach, alone=step.action in {"await-call", "open-kept"})


def _function_of(statement: lives.Statement) -> tuple[str, int]:
    module = statement.call.module
    function = module.enclosing(statement.call.scope, "function")
    return module.path, function.number if function is not None else 0


def _functions(web: Web) -> list[Scope]:
    """Return the functions that run statements of a web, in the order of their places."""
    found = {}
    for each in web.statements:
        function = each.call.module.enclosing(each.call.scope, "function")
        if function is not None:
            found[function.module.path, function.number] = function
    return [found[key] for key in sorted(found)]


def _function_at(module: Module, offset: int) -> Scope:
    """Return the innermost function around a place, the module's own scope where there is none."""
    scopes = (each for each in module.scopes() if each.kind in {"module", "function"})
    around = [each for each in scopes if each.span.start <= offset < each.span.end]
    return max(around, key=lambda each: (each.span.start, each.number))


def _missed(uses: Iterable[Use]) -> Iterator[Hazard]:
    """Yield a hazard where the program does without `sqlite3` that cannot be imported."""
    guarded = {
        f"{use.module.path}:{use.module.position(imported.start).line}"
        for use in uses
        if use.binding >= 0 and "t" in (imported := use.module.imports()[use.binding]).nest
    }
    if guarded:
        message = f"the program goes on where `sqlite3` cannot be imported ({min(guarded)}); aiosqlite needs it"
        yield Hazard("SQL020", message)


def _called_back(hazards: list[Hazard]) -> tuple[Hazard, ...]:
    """Return what matters in another thread even where the connection stays as it is: functions that SQLite calls."""
    return tuple(each for each in hazards if each.code == "SQL004")


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


def _id(life: Life | Web) -> str:
    """Return the key of the change that converts a connection."""
    call = life.steps[0].call
    return f"{call.module.path}:{call.span.start}:{call.span.end}"
