"""`explain PATH:LINE` on real trees: what becomes of a function, and the way to why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Command, Tree

STOCK = """\
import time
from app.waiting import pause


def idle(f):
    return f


class Stock:
    @staticmethod
    def refill():
        pause()

    def late(self):
        self.refill()
        return self


def key(x):
    time.sleep(x)
    return x


async def main(xs):
    Stock().late()
    sorted(xs, key=key)


def start():
    pause()
"""
WAITING = """\
import time


def pause():
    time.sleep(1)


def alone():
    inner()


def inner():
    time.sleep(0)
"""
PROJECT = '[tool.hasten]\n[project.scripts]\nx = "app.stock:start"\n'
FILES = {"app/stock.py": STOCK, "app/waiting.py": WAITING, "app/__init__.py": "", "pyproject.toml": PROJECT}


def explained(command: Command, root: Path, word: str) -> list[str]:
    """Return what is said about a place, without the name of the codemod."""
    done = command("explain", word, cwd=root)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode().replace("  sleep-to-asyncio: ", "  ").splitlines()


WAY = "the way to what blocks:"
STAYS = "that call is not rewritten:"
UNREACHED = "no coroutine calls `inner`, as far as can be seen: there is no event loop to be blocked"
TOLD = {
    "app/stock.py:15": f"""\
app/stock.py:15: `Stock.late`
  `Stock.late` becomes a coroutine function; {WAY} `Stock.late` -> `Stock.refill` (app/stock.py:15) -> `pause` \
(app/stock.py:12) -> `sleep()` (app/waiting.py:5)""",
    "app/stock.py:20": f"""\
app/stock.py:20: `key`
  `key` stays as it is; {WAY} `key` -> `sleep()` (app/stock.py:20)
  {STAYS} ASY132 app/stock.py:26: `key` is the key of `sorted`, which awaits nothing""",
    "app/waiting.py:13": f"""\
app/waiting.py:13: `inner`
  `inner` stays as it is; {WAY} `inner` -> `sleep()` (app/waiting.py:13)
  {STAYS} ASY150 {UNREACHED}""",
    "app/waiting.py:9": f"""\
app/waiting.py:9: `alone`
  `alone` stays as it is; {WAY} `alone` -> `inner` (app/waiting.py:9) -> `sleep()` (app/waiting.py:13)
  {STAYS} ASY150 {UNREACHED}""",
    "app/stock.py:25": """\
app/stock.py:25: `main` is a coroutine function
  `main` awaits `Stock.late` (app/stock.py:25)""",
    "app/stock.py:30": """\
app/stock.py:30: `start`
  `start` stays as it is, and runs `pause` with `asyncio.run` (app/stock.py:30)""",
    "app/stock.py:6": """\
app/stock.py:6: `idle`
  no codemod found a way from it to a call that it would await""",
    "app/stock.py:2": "app/stock.py:2: in no function",
}


@pytest.mark.parametrize(("place", "told"), list(TOLD.items()))
def test_a_function_is_told_about(hasten_command: Command, tree: Tree, place: str, told: str) -> None:
    """Whether it becomes a coroutine function, and the shortest way to why, each step with its place."""
    found = explained(hasten_command, tree(FILES), place)
    assert found[: found.index("") if "" in found else None] == told.splitlines()


def test_what_is_found_in_a_function_follows(hasten_command: Command, tree: Tree) -> None:
    """Changes and refusals in its lines are listed, decorators among them, and nothing from elsewhere in the file."""
    more = "import time\n\n\n@print\ndef f(x):\n    a = slow(x, risky=1)\n    time.sleep(1)\n\n\nslow(1)\n"
    root = tree({**FILES, "more.py": more})
    found = explained(hasten_command, root, "more.py:4")
    assert found[0] == "more.py:4: `f`"
    inside = [each.split(" ")[:2] for each in found[found.index("") + 1 :]]
    assert inside == [["more.py:6:", "call"], ["more.py:6:", "ACM001"], ["more.py:7:", "ASY126"]]


@pytest.mark.parametrize("ignored", ["    time.sleep(1)", "def pause():"])
def test_a_change_that_a_comment_forbids_is_told(hasten_command: Command, tree: Tree, ignored: str) -> None:
    """Where a comment keeps the function as it is, nothing else is claimed."""
    root = tree({**FILES, "app/waiting.py": WAITING.replace(ignored, f"{ignored}  # hasten: ignore", 1)})
    found = explained(hasten_command, root, "app/stock.py:12")
    assert "becomes a coroutine function" in found[1]
    assert found[2] == "  but a comment forbids that change, or all that need it, or another change is in its way"
    assert not hasten_command("preview", "--unsafe", cwd=root).stdout


def test_paths_are_those_of_where_the_person_stands(hasten_command: Command, tree: Tree) -> None:
    """Below the root, the place is named from there, and the whole project is looked at all the same."""
    root = tree(FILES)
    found = explained(hasten_command, root / "app", "waiting.py:5")
    assert found[0] == "waiting.py:5: `pause`"
    assert "`pause` becomes a coroutine function" in found[1]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("app/stock.py:99", b"app/stock.py has no line 99; it has 30"),
        ("app/stock.py:0", b"app/stock.py has no line 0; it has 30"),
        ("app/none.py:1", b"app/none.py: there is no such file"),
        ("broken.py:1", b"broken.py cannot be parsed by this Python"),
        ("hidden.py:1", b"hidden.py is none of the files that are looked at"),
        ("app/stock.py:x", b"app/stock.py: 'x' is no number of a line; name one of its lines, as in app/stock.py:1"),
        ("app/stock.py", b"app/stock.py: name one of its lines, as in app/stock.py:1"),
        ("app.stock:x", b"there is no codemod or code 'app.stock:x'"),
    ],
)
def test_places_that_are_none_are_usage_errors(hasten_command: Command, tree: Tree, word: str, said: bytes) -> None:
    """One line says what is wrong with the place, and the exit code is 2."""
    hidden = {"hidden.py": "x = 1\n", ".gitignore": "hidden.py\n", ".git/HEAD": ""}
    root = tree({**FILES, **hidden, "broken.py": "def f(:\n"})
    done = hasten_command("explain", word, cwd=root)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
    assert said in done.stderr


def test_nothing_is_written(hasten_command: Command, tree: Tree) -> None:
    """The tree is as it was."""
    root = tree(FILES)
    before = {each: each.read_bytes() for each in root.rglob("*") if each.is_file()}
    explained(hasten_command, root, "app/stock.py:15")
    assert {each: each.read_bytes() for each in root.rglob("*") if each.is_file()} == before
