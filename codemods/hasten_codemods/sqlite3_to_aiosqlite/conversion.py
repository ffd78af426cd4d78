"""From connections to changes: one for each, with every await of it, and a refusal where one of these is none.

The engine makes a change of every call; here the calls of a connection are made together or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hasten.api import (
    Applicability,
    Awaited,
    Call,
    Change,
    Edit,
    Finding,
    Hazard,
    ImportRequest,
    NodeEdit,
    Position,
    Program,
    Proof,
    Scope,
)

# The engine's own way asks for a coroutine that waits; this codemod was asked for by name.
from hasten.asynchrony import _Findings, _key, _merged
from hasten.callgraph import build

if TYPE_CHECKING:
    from collections.abc import Callable

    from hasten import propagate

#: Hazards of the engine's that say no more than that other tasks may come in between.
_INTERLEAVING = frozenset({"ASY003", "ASY020"})


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection that is to be converted; see `Change` for the attributes that it shares with that.

    Attributes:
        awaited: its calls; the first is the one that opens it.
        edits: further edits.
        support: the keys of changes that must be made with it.
        reach: where the text ends that may be moved, None where none is.
    """

    awaited: tuple[Awaited, ...]
    title: str
    edits: tuple[NodeEdit, ...]
    imports: tuple[ImportRequest, ...]
    hazards: tuple[Hazard, ...]
    proofs: tuple[Proof, ...]
    dependencies: tuple[str, ...]
    releases: tuple[tuple[str, object], ...]
    support: tuple[str, ...] = ()
    reach: Position | None = None


class Conversions:
    """What the connections of one program turn into."""

    def __init__(self, program: Program, codemod: str, several: Callable[[Scope], str]) -> None:
        """Take the program, the codemod's name, and who tells whether several tasks can run a function."""
        self.program = program
        self.codemod = codemod
        self.several = several

    def findings(self, connections: Iterable[Connection]) -> Iterator[Finding]:
        """Yield a change or a refusal for each connection, and the changes that these require."""
        kept = list(connections)
        if not kept:
            return
        wanted = {(each.call.module.path, each.call.index): each for life in kept for each in life.awaited}
        calls = [each.call for _, each in sorted(wanted.items())]
        graph = build(
            self.program,
            [(each, each.module.enclosing(each.scope, "function")) for each in calls],
            self.program.resolve_call,
            entry_points=self.program.entry_points,
        )
        yield from _Connections(self, graph, wanted, kept).all()


class _Connections(_Findings):
    def __init__(
        self,
        owner: Conversions,
        graph: object,
        wanted: dict[tuple[str, int], Awaited],
        connections: Sequence[Connection],
    ) -> None:
        self.connections = connections
        self.several = owner.several
        super().__init__(owner.program, owner.codemod, graph, wanted)  # type: ignore[arg-type]

    def sites_of(self, connection: Connection) -> list[str]:
        sites = {key_of(call): site for site, call in self.graph.sites.items()}
        return [sites[key_of(each.call)] for each in connection.awaited]

    def reached(self) -> list[propagate.Seed]:
        """Return the seeds of the connections all of whose calls can be awaited, whether or not a coroutine waits."""
        refused = {each.seed.site for each in self.possible.refused}
        whole = {
            site
            for each in self.connections
            for site in self.sites_of(each)
            if not refused.intersection(self.sites_of(each))
        }
        return [each for each in self.possible.seeds if each.site in whole]

    def all(self) -> Iterator[Finding]:
        """Yield everything that was found."""
        refused = {each.seed.site: each for each in self.possible.refused}
        seeds = {each.site: each for each in self.result.seeds}
        for each in self.connections:
            sites = self.sites_of(each)
            stopped = next((refused[site] for site in sites if site in refused), None)
            if stopped is not None:
                opened = each.awaited[0].call
                place = opened.module.position(opened.span.start)
                yield replace(self.refused(stopped), start=place, symbol=opened.module.symbol(opened.scope))
            else:
                yield self.connection(each, [seeds[site] for site in sites])
        for function in self.result.converted:
            yield self.support(function)

    def connection(self, connection: Connection, seeds: Sequence[propagate.Seed]) -> Change:
        """Return the change of one connection."""
        opened = connection.awaited[0].call
        function = seeds[0].function
        hazards = _merged(
            connection.hazards,
            *([*self.at(each.site), *self.straddling(self.graph.sites[each.site])] for each in seeds),
            *(self.own_hazards[each] for each in self.closure(function)),
        )
        edits: list[Edit] = [self.edit(each.call, each.action, each.data) for each in connection.awaited]
        if connection.reach is not None:
            edits[0] = replace(edits[0], end=connection.reach)
        edits += connection.edits
        return Change(
            id=f"{opened.module.path}:{opened.span.start}:{opened.span.end}",
            codemod=self.codemod,
            title=connection.title,
            symbol=opened.module.symbol(opened.scope),
            applicability=Applicability.UNSAFE if hazards else Applicability.SAFE,
            edits=tuple(edits),
            hazards=hazards,
            requires=(*((_key(function),) if function in self.converted else ()), *connection.support),
            imports=connection.imports,
            releases=connection.releases,  # type: ignore[arg-type]
            dependencies=connection.dependencies,
            proofs=connection.proofs,
        )

    def hazards_of(self, function: str) -> list[Hazard]:
        """Return what happens if a function converts; interleaving only where several tasks can run it."""
        found = super().hazards_of(function)
        if self.several(self.graph.scopes[function]):
            return found
        return [each for each in found if each.code not in _INTERLEAVING]

    def at(self, where: str) -> list[Hazard]:
        """Return the hazards that the graph knows of a function or a site, by the same rule."""
        found = super().at(where)
        call = self.graph.sites.get(where)
        scope = self.graph.scopes.get(where) if call is None else call.module.enclosing(call.scope, "function")
        if scope is None or self.several(scope):
            return found
        return [each for each in found if each.code not in _INTERLEAVING]

    def straddling(self, call: Call) -> Iterator[Hazard]:
        """Yield a hazard where state is read before the wait and written after it, by the same rule."""
        scope = call.module.enclosing(call.scope, "function")
        if scope is None or self.several(scope):
            yield from super().straddling(call)


def key_of(call: Call) -> tuple[str, int]:
    """Return what tells a call from all others."""
    return call.module.path, call.index
