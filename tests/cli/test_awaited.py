"""What the table says of calls that block, on real trees."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Tree

COUNT = """\
import sqlite3
from contextlib import closing


def count(path):
    with closing(sqlite3.connect(path)) as db:
        return db.execute("select count(*) from t").fetchone()[0]


def kept(path):
    return sqlite3.connect(path)
"""
SYNC = """\
from count import count


def main():
    print(count('a.db'))


if __name__ == '__main__':
    main()
"""
ASYNC = """\
import asyncio
from count import count


async def main():
    print(count('a.db'))


asyncio.run(main())
"""
COUNTS = "sqlite3-to-aiosqlite: 4 blocking calls found, 3 could be awaited, 3 would be"
NO_LOOP = (
    "sqlite3-to-aiosqlite: no event loop runs these calls, as far as can be seen: they are converted because it was "
    "asked for, and the program will not be faster for it"
)
LEFT_COUNTS = "sqlite3-to-aiosqlite: 4 blocking calls found, 3 could be awaited, 0 would be"
LEFT = (
    "sqlite3-to-aiosqlite: no event loop runs 3 of these calls, as far as can be seen: awaiting them makes nothing "
    "faster, so they are left unless the codemod is named, as in `--select sqlite3-to-aiosqlite`"
)


def test_blocking_calls_are_counted(hasten_command: Command, tree: Tree) -> None:
    """A connection that cannot be followed counts as one call; those of one that can are counted each."""
    done = hasten_command("preview", "--unsafe", cwd=tree({"count.py": COUNT, "main.py": ASYNC}))
    assert done.returncode == 0
    assert COUNTS in done.stderr.decode().splitlines()
    assert NO_LOOP not in done.stderr.decode().splitlines()


def test_a_program_without_an_event_loop_is_told_so(hasten_command: Command, tree: Tree) -> None:
    """Where no coroutine waits for the calls, the conversion makes nothing faster, and a line says it."""
    select = ("--select", "sqlite3-to-aiosqlite")
    done = hasten_command("preview", "--unsafe", *select, cwd=tree({"count.py": COUNT, "main.py": SYNC}))
    assert done.returncode == 0
    assert done.stdout
    lines = done.stderr.decode().splitlines()
    assert lines[lines.index(COUNTS) + 1] == NO_LOOP


def test_a_program_without_an_event_loop_is_left_alone_unless_somebody_asks(
    hasten_command: Command, tree: Tree
) -> None:
    """Who runs everything that there is has not asked for a slower program."""
    root = tree({"count.py": COUNT, "main.py": SYNC, "pyproject.toml": ""})
    done = hasten_command("preview", "--unsafe", cwd=root)
    assert (done.returncode, done.stdout) == (0, b"")
    lines = done.stderr.decode().splitlines()
    assert lines[lines.index(LEFT_COUNTS) + 1] == LEFT
    assert lines[lines.index(next(each for each in lines if "if named" in each)) + 1].split()[-1] == "1"
    (root / "pyproject.toml").write_text('[tool.hasten]\nselect = ["sqlite3-to-aiosqlite"]\n')
    assert hasten_command("preview", "--unsafe", cwd=root).stdout


def test_nothing_is_promised_where_nothing_is_taken(hasten_command: Command, tree: Tree) -> None:
    """What is only offered is counted as what could be awaited."""
    root = tree({"a.py": "import time\ntime.sleep(1)\n"})
    done = hasten_command("preview", "--select", "sleep-to-asyncio", cwd=root)
    assert done.returncode == 0
    assert (
        "sleep-to-asyncio: 1 blocking call found, 1 could be awaited, 0 would be" in done.stderr.decode().splitlines()
    )


MANY = """\
import sqlite3
from contextlib import closing


def load(path):
    with closing(sqlite3.connect(path)) as db:
        first = db.execute("select 1").fetchone()
        second = db.execute("select 2").fetchone()
    return first, second


class Shelf:
    def __len__(self):
        return count("a.db")


def count(path):
    with closing(sqlite3.connect(path)) as db:
        return db.execute("select count(*) from t").fetchone()[0]
"""
READS = """\
import asyncio
from many import count, load


async def main():
    print(load('a.db'), count('a.db'))


asyncio.run(main())
"""
SERVED = (
    "sqlite3-to-aiosqlite: coroutines wait for 3 blocking calls that are refused; they would not for: "
    "`--strategy offload` 3, `--strategy twin` 3"
)
HOPS = (
    "sqlite3-to-aiosqlite: `load` awaits 5 calls, each a way to another thread and back; `--strategy offload` goes "
    "there once"
)


def test_the_table_says_where_another_strategy_serves_better(hasten_command: Command, tree: Tree) -> None:
    """What a special method stops could be served, and a function with many statements served faster."""
    root = tree({"many.py": MANY, "main.py": READS})
    lines = hasten_command("preview", cwd=root).stderr.decode().splitlines()
    assert [each for each in (SERVED, HOPS) if each in lines] == [SERVED, HOPS]


def test_another_strategy_is_taken_and_no_more_said_of_it(hasten_command: Command, tree: Tree) -> None:
    """Both functions run in threads, and the file that holds them stays as it is."""
    root = tree({"many.py": MANY, "main.py": READS})
    done = hasten_command("preview", "--strategy", "offload", cwd=root)
    assert b"+    print(await asyncio.to_thread(load, 'a.db'), await asyncio.to_thread(count, 'a.db'))" in done.stdout
    assert b"many.py" not in done.stdout
    assert b"--strategy" not in done.stderr


def test_a_pattern_gives_one_path_another_strategy(hasten_command: Command, tree: Tree) -> None:
    """It is the file with the blocking call that counts."""
    settings = "[tool.hasten]\nstrategy = 'offload'\n[tool.hasten.strategies]\n'many.py' = 'twin'\n"
    root = tree({"many.py": MANY, "main.py": READS, "pyproject.toml": settings})
    done = hasten_command("preview", cwd=root)
    assert b"+    print(await load_async('a.db'), await count_async('a.db'))" in done.stdout
