"""Whether other tasks can run while a function waits: asked of real files, as a run reads them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hasten.concurrency import Tasks
from hasten.index.program import Program


def several(program: Program, name: str = "work") -> str:
    """Return why others may run while the function called `name` waits."""
    (function,) = program.definitions(name)
    return Tasks(program).several(function)


_WORK = "import asyncio\n\n\ndef work():\n    pass\n\n\n"
_MAIN = 'if __name__ == "__main__":\n    asyncio.run(main())\n'

ALONE = {
    "no task at all": f"{_WORK}async def main():\n    work()\n    work()\n\n\n{_MAIN}",
    "before the first task": (
        f"{_WORK}async def other():\n    pass\n\n\nasync def main():\n    work()\n"
        f"    await asyncio.gather(other(), other())\n\n\n{_MAIN}"
    ),
    "in a loop of its own": (
        f"{_WORK}async def other():\n    await asyncio.gather()\n\n\nasync def main():\n    work()\n\n\n"
        "def check():\n    asyncio.run(other())\n    asyncio.run(main())\n"
    ),
    "in a plain program beside a server": (
        "import asyncio\nimport click\nfrom flask import Flask\n\n\ndef work():\n    pass\n\n\n"
        "@click.command()\ndef command():\n    work()\n"
    ),
    "process that is waited for": (
        f"import subprocess\n{_WORK}async def main(process):\n    process.wait()\n    work()\n\n\n{_MAIN}"
    ),
    "decorator that forwards": (
        "import asyncio\n\n\ndef same(fn):\n    def inner(*a):\n        return fn(*a)\n    return inner\n\n\n"
        "@same\ndef work():\n    pass\n\n\nasync def other():\n    pass\n\n\nasync def main():\n    work()\n"
        f"    await asyncio.gather(other(), other())\n\n\n{_MAIN}"
    ),
}


@pytest.mark.parametrize("case", ALONE)
def test_a_function_is_alone_where_nothing_can_have_started_a_task(
    program_of: Callable[[str], Program], case: str
) -> None:
    """No task is started before the function is called, on any way up to where the program begins."""
    assert several(program_of(ALONE[case])) == ""


SEVERAL = {
    "gathered callers": (
        (
            f"{_WORK}async def caller():\n    work()\n\n\nasync def main():\n"
            "    await asyncio.gather(caller(), caller())\n\n\n"
            f"{_MAIN}"
        ),
        "`caller`, which is no more than started at app.py:13",
    ),
    "another task is running": (
        (
            f"{_WORK}async def other():\n    pass\n\n\nasync def main():\n"
            "    task = asyncio.create_task(other())\n    work()\n"
            f"    await task\n\n\n{_MAIN}"
        ),
        "`create_task` at app.py:13, which comes before the call at app.py:14",
    ),
    "another task is started by what is called before": (
        (
            f"{_WORK}async def other():\n    pass\n\n\ndef begin():\n    return asyncio.create_task(other())\n\n\n"
            f"async def main():\n    task = begin()\n    work()\n    await task\n\n\n{_MAIN}"
        ),
        "`begin` at app.py:17, which comes before the call at app.py:18",
    ),
    "in a loop with what starts one": (
        (
            f"{_WORK}async def other():\n    pass\n\n\nasync def main():\n    for _ in range(3):\n        work()\n"
            f"        asyncio.create_task(other())\n\n\n{_MAIN}"
        ),
        "`create_task` at app.py:15, which comes before the call at app.py:14",
    ),
    "further up": (
        (
            f"{_WORK}async def other():\n    pass\n\n\nasync def middle():\n    work()\n\n\n"
            f"async def main():\n    asyncio.create_task(other())\n    await middle()\n\n\n{_MAIN}"
        ),
        "`create_task` at app.py:17, which comes before the call at app.py:18",
    ),
    "called twice, with a start in between": (
        (
            f"{_WORK}async def other():\n    pass\n\n\nasync def once():\n    work()\n"
            "    asyncio.create_task(other())\n\n\n"
            f"async def main():\n    await once()\n    await once()\n\n\n{_MAIN}"
        ),
        "`once` at app.py:18, which comes before the call at app.py:19",
    ),
    "handler of a server": (
        (
            "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get('/')\ndef handle():\n"
            "    work()\n\n\ndef work():\n    pass\n"
        ),
        "the decorator of `handle` at app.py:7",
    ),
    "a server that was started": (
        (
            "from aiohttp import web\nimport asyncio\n\n\ndef work():\n    pass\n\n\nasync def main():\n"
            f"    await web.AppRunner(1).setup()\n    work()\n\n\n{_MAIN}"
        ),
        "`setup` at app.py:10, which comes before the call at app.py:11",
    ),
    "coroutine function of a library": (
        f"{_WORK}async def public():\n    work()\n",
        "others, for nobody in the program calls `public` (app.py:8)",
    ),
    "handed on": (
        f"{_WORK}async def public():\n    work()\n\n\nTABLE = [public]\n",
        "`public`, which is handed on at app.py:12",
    ),
    "it starts a task itself": (
        "import asyncio\n\n\nasync def other():\n    pass\n\n\nasync def work():\n"
        "    asyncio.create_task(other())\n\n\n"
        "async def main():\n    await work()\n\n\n" + _MAIN,
        "`create_task` at app.py:9",
    ),
}


@pytest.mark.parametrize("case", SEVERAL)
def test_what_may_run_meanwhile_is_named(program_of: Callable[[str], Program], case: str) -> None:
    """The evidence is the place that starts a task, or by which others may call the function."""
    text, reason = SEVERAL[case]
    assert several(program_of(text)) == reason
