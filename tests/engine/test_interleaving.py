"""State that is read on one side of a wait and written on the other, and what is held around it."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import dedent, indent

import pytest

from hasten.async_held import Held
from hasten.async_receivers import Receivers
from hasten.index.module import Call
from hasten.index.program import Program
from hasten.interleaving import straddled

HEAD = """
import fcntl, functools, os, sqlite3, sys, time
import xml.sax.handler
import state
from contextlib import closing
from state import STATE

TOTAL = 0
ROWS = []
class Stats:
    total = 0
class Kept:
    def __new__(cls):
        return STATE[cls]
class Shared:
    def __init__(self):
        self.__dict__ = STATE
class Child(Kept):
    pass
def register(cls):
    return cls
def once(cls):
    return cls()
@register
class Plain:
    pass
@once
class Once:
    pass
Memo = functools.cache(Plain)
"""


def _wait(program_of: Callable[[str], Program], body: str) -> tuple[Program, Call]:
    function = body if "async def" in body else "async def f(self, jobs, path):\n" + indent(dedent(body), "    ")
    program = program_of(HEAD + dedent(function) + "\n")
    module = next(iter(program.modules))
    return program, next(module.calls_named("sleep"))


@pytest.mark.parametrize(
    "body",
    [
        "n = state.total\ntime.sleep(1)\nstate.total = n + 1",
        "n = Stats.total\ntime.sleep(1)\nStats.total = n + 1",
        "if self.n is None:\n    self.n = time.sleep(1)",
        "if 'n' not in STATE:\n    STATE['n'] = time.sleep(1)",
        "n = state.total\nstate.total = time.sleep(n)",
        "n = type(self).total\ntime.sleep(1)\ntype(self).total = n + 1",
        "n = STATE['n']\ntime.sleep(1)\nSTATE['n'] = n + 1",
        "n = os.environ['N']\ntime.sleep(1)\nos.environ['N'] = n",
        "os.environ['N'] = path\ntime.sleep(1)\nprint(os.environ['N'])",
        "state.path = path\ntime.sleep(1)\nprint(state.path)",
        "global TOTAL\nTOTAL = path\ntime.sleep(1)\nprint(TOTAL)",
        "f.last = path\ntime.sleep(1)\nprint(f.last)",
        "n = STATE['n']\nfor _ in jobs:\n    n += 1\n    STATE['n'] = n\n    time.sleep(1)",
        "n = STATE['n']\nwhile n:\n    time.sleep(1)\n    break\nelse:\n    STATE['n'] = n",
        "n = 0\nwhile n < 3:\n    self.n = n\n    n = self.n + 1\n    time.sleep(1)",
        "n = None\nfor _ in jobs:\n    if n is None:\n        n = self.n\n    self.n = n\n    time.sleep(1)",
        "n = 0\nfor _ in jobs:\n    n += self.n\n    self.n = n\n    time.sleep(1)",
        "for each in ROWS:\n    ROWS.remove(each)\n    time.sleep(1)",
        "n = self.n\nwhile time.sleep(1) is None:\n    self.n = n",
        "n = self.n\nreturn [time.sleep(self.items.append(n)) for _ in jobs if self.items]",
        "one = Kept()\nn = one.n\ntime.sleep(1)\none.n = n",
        "one = Child()\nn = one.n\ntime.sleep(1)\none.n = n",
        "one = Shared()\nn = one.n\ntime.sleep(1)\none.n = n",
        "one = Once()\nn = one.n\ntime.sleep(1)\none.n = n",
        "one = Memo()\nn = one.n\ntime.sleep(1)\none.n = n",
        "def g():\n  n = []\n  async def f():\n    nonlocal n\n    m = n\n    time.sleep(1)\n    n = [*m]",
        "def g():\n    n = []\n    async def f():\n        m = len(n)\n        time.sleep(1)\n        n.append(m)",
        "async def f():\n  n = []\n  def g():\n    n.append(1)\n  m = len(n)\n  time.sleep(1)\n  n.append(m)",
    ],
)
def test_state_that_others_may_write_between(body: str, program_of: Callable[[str], Program]) -> None:
    """It is named, whatever way leads from the one side of the wait to the other."""
    program, call = _wait(program_of, body)
    assert straddled(call.module, call.module.enclosing(call.scope, "function").number, call.span, program)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "body",
    [
        "os.remove(path)\ntime.sleep(1)\nos.remove(path)",
        "print(os.path.join(path))\nsys.stdout.write('')\ntime.sleep(1)\nsys.stdout.write('')",
        "xml.sax.handler.clear()\ntime.sleep(1)\nxml.sax.handler.clear()",
        "self.n = time.sleep(1)\nreturn self.n",
        "print(STATE['n'], state.n, Stats.total)\ntime.sleep(1)\nreturn STATE, state.n, Stats.total",
        "while not state.stop:\n    state.beats += 1\n    time.sleep(1)",
        "while True:\n    self.n += 1\n    time.sleep(1)",
        "while True:\n    self.n = self.n + 1\n    time.sleep(1)",
        "while True:\n    STATE['n'] = STATE['n'] + 1\n    time.sleep(1)",
        "while self.jobs:\n    self.jobs.pop()\n    time.sleep(1)",
        "while True:\n    if self.jobs:\n        print(len(self.jobs))\n        self.jobs.pop()\n    time.sleep(1)",
        "while True:\n    print(self.n)\n    self.update()\n    self.log.append(1)\n    time.sleep(1)",
        "rows = []\nfor each in jobs:\n    rows.append(each)\n    time.sleep(1)\nreturn rows",
        "one = Plain()\nn = one.n\ntime.sleep(1)\none.n = n",
        "def g():\n    async def f():\n        n = []\n        m = len(n)\n        time.sleep(1)\n        n.append(m)",
        "async def f():\n    n = []\n    g = lambda: len(n)\n    m = g()\n    time.sleep(1)\n    n.append(m)",
    ],
)
def test_state_that_is_as_it_was(body: str, program_of: Callable[[str], Program]) -> None:
    """What nobody else gets at is left out, and what is read anew, or only shown, in each round of a loop."""
    program, call = _wait(program_of, body)
    scope = call.module.enclosing(call.scope, "function")
    assert scope is not None
    assert straddled(call.module, scope.number, call.span, program) is None


CLOSING = "with closing(sqlite3.connect(path)) as db:\n"


@pytest.mark.parametrize(
    ("body", "held"),
    [
        ("fcntl.flock(path, fcntl.LOCK_EX)\ntime.sleep(1)", True),
        ("fcntl.flock(path, fcntl.LOCK_EX)\nfcntl.flock(path, fcntl.LOCK_UN)\ntime.sleep(1)", False),
        ("fcntl.flock(path, fcntl.LOCK_EX)\nfcntl.flock(jobs, fcntl.LOCK_UN)\ntime.sleep(1)", True),
        ("fcntl.flock(path, fcntl.LOCK_EX)\nos.close(path)\ntime.sleep(1)", False),
        ("file = open(path)\nfcntl.lockf(file.fileno(), fcntl.LOCK_EX)\nfile.close()\ntime.sleep(1)", False),
        ("time.sleep(1)\nfcntl.flock(path, fcntl.LOCK_EX)", False),
        ("while not fcntl.flock(path, fcntl.LOCK_EX):\n    time.sleep(1)", True),
        ("for file in jobs:\n    time.sleep(1)\n    fcntl.flock(file, fcntl.LOCK_EX)", True),
        (
            "for f in jobs:\n  time.sleep(1)\n  fcntl.flock(f, fcntl.LOCK_EX)\n  fcntl.flock(f, fcntl.LOCK_UN)",
            False,
        ),
        ("OPENED    with db:\n        db.execute('insert into t values (1)')\n        time.sleep(1)", True),
        ("OPENED    with db:\n        time.sleep(1)\n        db.execute('insert into t values (1)')", False),
        ("OPENED    with db:\n        db.execute('select 1')\n        time.sleep(1)", False),
        ("OPENED    with db:\n        db.execute(jobs)\n        time.sleep(1)", True),
        ("OPENED    db.execute(jobs)\n    time.sleep(1)", False),
        ("OPENED    db.execute('delete from t')\n    time.sleep(1)\n    db.commit()", True),
        ("OPENED    db.execute('delete from t')\n    if jobs:\n        db.commit()\n    time.sleep(1)", True),
        ("OPENED    db.execute('delete from t')\n    db.commit()\n    time.sleep(1)", False),
        ("OPENED    db.execute('delete from t')\ntime.sleep(1)", False),
        (
            "OPENED    for each in jobs:\n      db.execute('delete from t')\n      db.commit()\n      time.sleep(1)",
            False,
        ),
        ("with sqlite3.connect(path) as db:\n    db.execute('delete from t')\n    time.sleep(1)", True),
        ("with sqlite3.connect(path) as db:\n    db.execute('delete from t')\ntime.sleep(1)", False),
        ("db = sqlite3.connect(path, isolation_level=None)\ndb.execute('delete from t')\ntime.sleep(1)", False),
        ("db = sqlite3.connect(path, isolation_level=None)\ndb.execute('begin')\ntime.sleep(1)", True),
        ("path.execute('insert into t values (1)')\ntime.sleep(1)", False),
        ("old = sys.stdout\nsys.stdout = path\ntime.sleep(1)\nsys.stdout = old", True),
        ("sys.stdout = path\ntime.sleep(1)", False),
        ("os.chdir(path)\ntime.sleep(1)\nos.chdir('..')", True),
        ("os.chdir(path)\ntime.sleep(1)", False),
    ],
)
def test_what_is_held(body: str, held: bool, program_of: Callable[[str], Program]) -> None:
    """Locks of files, transactions and what is set for the whole process, as long as they last."""
    program, call = _wait(program_of, body.replace("OPENED", CLOSING))
    found = list(Held(program, Receivers(program)).around(call))
    assert bool(found) is held
