"""Functions that a fixture defines and returns: tests call them by the name of the fixture.

@pytest.fixture
def add(store):
    def inner(name): store.save(name)
    return inner

def test_add(add):
    add("a")
"""

from __future__ import annotations

from hasten.async_fixtures import is_fixture, is_parametrized, requesters
from hasten.async_kinds import key_of
from hasten.index.module import Call, Read, Scope
from hasten.index.program import Program


class Returned:
    """Answers for one program."""

    def __init__(self, program: Program) -> None:
        """Take the program."""
        self.program = program
        self._calls: dict[tuple[str, int], list[Call] | None] = {}

    def is_returned(self, function: Scope, read: Read) -> bool:
        """Tell whether a read is that of a fixture which returns a function, all of whose calls can be seen."""
        return read.use[0] == "ret" and self.calls(function) is not None

    def calls(self, function: Scope) -> list[Call] | None:
        """Return the calls of what a fixture returns, None where it is no such function, or may be used otherwise."""
        if key_of(function) not in self._calls:
            self._calls[key_of(function)] = self._find(function)
        return self._calls[key_of(function)]

    def _find(self, function: Scope) -> list[Call] | None:
        fixture = function.module.scope(function.parent)
        if fixture.kind != "function" or not is_fixture(fixture) or fixture.is_generator:
            return None
        if any(each != ["n", function.name] for each in fixture.returned):
            return None
        bound = function.module.lookup(fixture.number, function.name)
        if bound is None or bound[0] != fixture.number or len(bound[1]) != 1:
            return None
        asked = requesters(self.program, fixture)
        if not asked.complete or is_parametrized(self.program, fixture.name):
            return None
        found: list[Call] = []
        for requester, name in asked.found:
            module = requester.module
            for read in module.reads_of(name):
                bound = module.lookup(read.scope, name)
                if bound is None or bound[0] != requester.number:
                    continue
                if read.use[0] != "call" or any(each.kind != "param" for each in bound[1]):
                    return None
                found.append(module.call(read.use[1]))
        return found
