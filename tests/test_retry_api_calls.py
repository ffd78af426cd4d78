"""`retry-api-calls` together with codemods that make coroutine functions: one plan, one pass, one diff."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from hasten import pipeline, registry
from hasten.config import Config
from hasten.model import Changed

CODEMODS = {each.name: each for each in registry.load()}


def _rewritten(root: Path, text: str, *names: str) -> str:
    """Return what several codemods make of one file, in one run, with unsafe changes."""
    (root / "app.py").write_text(textwrap.dedent(text), encoding="utf-8")
    request = pipeline.Request(root, Config(), targets=("app.py",), context=("app.py",), unsafe=True, jobs=1)
    report = pipeline.run(request, [CODEMODS[each] for each in names])
    made = {each.path: each for each in report.outcomes}
    outcome = made.get("app.py")
    assert outcome is None or isinstance(outcome, Changed), outcome
    return outcome.after.decode() if outcome is not None else textwrap.dedent(text)


def test_a_function_that_becomes_a_coroutine_function(tmp_path: Path) -> None:
    """Both edits of one `def` are made: the function is `async def`, and its new decorator knows that."""
    text = """
    import asyncio
    import time

    import httpx


    def read(url):
        time.sleep(0.1)
        return httpx.get(url).json()


    async def main():
        return read("https://api.example.com/items")


    asyncio.run(main())
    """
    made = _rewritten(tmp_path, text, "retry-api-calls", "sleep-to-asyncio")

    assert "async def read(url):" in made
    # Coroutines call it, so it is tried again once it is one itself: by the next run.
    assert "@tenacity.retry" not in made
    (tmp_path / "app.py").write_text(made, encoding="utf-8")
    again = _rewritten(tmp_path, made, "retry-api-calls", "sleep-to-asyncio")
    assert again.index("@tenacity.retry(") < again.index("async def read(url):")


def test_a_loop_in_a_coroutine(tmp_path: Path) -> None:
    """What waits in a loop is taken away with the loop, whoever else would have made it wait in another way."""
    text = """
    import asyncio
    import time

    import httpx


    async def read(client: httpx.AsyncClient, url: str):
        for attempt in range(3):
            try:
                return await client.get(url)
            except httpx.TransportError:
                if attempt == 2:
                    raise
                time.sleep(2**attempt)


    asyncio.run(read(httpx.AsyncClient(), "https://api.example.com/items"))
    """
    made = _rewritten(tmp_path, text, "retry-api-calls", "sleep-to-asyncio")

    assert "for attempt" not in made
    assert "sleep(" not in made
    assert "wait=tenacity.wait_exponential(multiplier=1)" in made


@pytest.mark.parametrize("first", ["json-to-orjson", "retry-api-calls"])
def test_an_edit_inside_of_the_function(tmp_path: Path, first: str) -> None:
    """An expression in the function is rewritten in the same pass."""
    text = """
    import json
    import urllib.request


    def read(url: str):
        with urllib.request.urlopen(url) as answer:
            return json.loads(answer.read())
    """
    other = {"json-to-orjson": "retry-api-calls", "retry-api-calls": "json-to-orjson"}[first]
    made = _rewritten(tmp_path, text, first, other)

    assert "orjson.loads(answer.read())" in made
    assert made.index("@tenacity.retry(") < made.index("def read(url: str):")


def test_a_connection_in_the_function(tmp_path: Path) -> None:
    """Where a connection is awaited in a function, it is tried again as a coroutine function, and no more than once."""
    text = """
    import asyncio
    import sqlite3

    import httpx


    async def read(client: httpx.AsyncClient, url: str) -> int:
        answer = await client.get(url)
        return answer.json()["n"]


    async def keep(client: httpx.AsyncClient, url: str) -> None:
        number = await read(client, url)
        connection = sqlite3.connect("app.db")
        connection.execute("INSERT INTO numbers VALUES (?)", (number,))
        connection.commit()
        connection.close()


    asyncio.run(keep(httpx.AsyncClient(), "https://api.example.com/items"))
    """
    made = _rewritten(tmp_path, text, "retry-api-calls", "sqlite3-to-aiosqlite")

    assert made.count("@tenacity.retry(") == 1
    assert made.index("@tenacity.retry(") < made.index("async def read(")
    assert "aiosqlite.connect" in made
