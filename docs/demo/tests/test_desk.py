"""Talks to the desk as agents do: over real TCP, several at once."""

import asyncio
import json

from agent_memory.archive import Archive
from agent_memory.desk import open_desk


async def ask(port, *requests):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers = []
    for request in requests:
        writer.write(json.dumps(request).encode() + b"\n")
        answers.append(json.loads(await reader.readline()))
    writer.close()
    await writer.wait_closed()
    return answers


def talk(path, *agents):
    """Return the answers that each agent gets, all of them talking at the same time."""

    async def main():
        async with await open_desk(Archive(path)) as server:
            port = server.sockets[0].getsockname()[1]
            return await asyncio.gather(*(ask(port, *requests) for requests in agents))

    return asyncio.run(main())


def test_the_newest_note_is_recalled(tmp_path):
    (answers,) = talk(
        tmp_path / "notes.db",
        [
            {"do": "remember", "agent": "a", "notes": {"tea": "green", "cake": "none"}},
            {"do": "remember", "agent": "a", "notes": {"tea": "black ☕"}},
            {"do": "recall", "agent": "a", "topics": ["tea", "cake", "milk"]},
            {"do": "recall", "agent": "b", "topics": ["tea"]},
        ],
    )
    assert answers == [{"added": 2}, {"added": 1}, {"notes": {"tea": "black ☕", "cake": "none"}}, {"notes": {}}]


def test_agents_at_once_lose_nothing(tmp_path):
    def told(name):
        notes = [{"do": "remember", "agent": name, "notes": {f"topic {n}": f"{name} {n}"}} for n in range(20)]
        return [*notes, {"do": "recall", "agent": name, "topics": [f"topic {n}" for n in range(20)]}]

    names = ["ada", "bob", "zoë"]
    for name, answers in zip(names, talk(tmp_path / "notes.db", *map(told, names)), strict=True):
        assert answers[-1] == {"notes": {f"topic {n}": f"{name} {n}" for n in range(20)}}


def test_a_search_goes_through_the_notes_of_all(tmp_path):
    path = tmp_path / "notes.db"
    talk(path, [{"do": "remember", "agent": "a", "notes": {"tea": "with a little milk", "cake": "Milk, eggs"}}])
    assert talk(path, [{"do": "search", "words": "milk"}]) == [[{"notes": ["Milk, eggs", "with a little milk"]}]]


def test_what_it_does_not_know_it_says(tmp_path):
    (answers,) = talk(tmp_path / "notes.db", [{"do": "sing"}, {"do": "recall", "agent": "a", "topics": ["tea"]}])
    assert answers == [{"error": "remember, recall or search?"}, {"notes": {}}]
