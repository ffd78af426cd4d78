"""Put the demo's service under load, and measure what its event loop and its agents feel; run in the service's folder.

    python load.py LOAD AGENTS SECONDS DATABASE

Several agents are tasks of the service's own loop, each with one request at a time. A ticker beside them wants to run
every millisecond; how much later it does is the lag that every other request, timeout or health check would feel. One
line of JSON is printed: requests answered per second, and the lag in milliseconds (median, 99th percentile, most).
"""

from __future__ import annotations

import asyncio
import inspect
import json
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

TICK = 0.001
NOTES = 40_000
TOPICS = 400
WORDS = ("tea", "cake", "milk", "honey", "lemon", "black", "green", "sugar", "cream", "cup", "pot", "kettle", "spoon")

Requests = Callable[[str, random.Random], dict[str, Any]]

LOADS: dict[str, Requests] = {
    # A scan over all notes.
    "search": lambda agent, chance: {"do": "search", "words": f"{chance.choice(WORDS)} {chance.choice(WORDS)}"},
    # Many small look-ups by an index, one after the other.
    "recall": lambda agent, chance: {
        "do": "recall", "agent": agent, "topics": [f"topic {chance.randrange(TOPICS)}" for _ in range(20)]
    },
    # One small transaction.
    "remember": lambda agent, chance: {
        "do": "remember", "agent": agent, "notes": {f"topic {chance.randrange(TOPICS)}": "more tea"}
    },
}  # fmt: skip


async def ready(desk: Any, agents: list[str]) -> None:
    """Fill the archive, through the service itself."""
    # The service as it was has a plain method here, the rewritten one a coroutine function.
    made = desk.archive.prepare()
    if inspect.isawaitable(made):
        await made
    chance = random.Random(1)
    for agent in agents:
        for start in range(0, NOTES // len(agents), TOPICS):
            notes = {f"topic {n}": f"{start} {' '.join(chance.choices(WORDS, k=12))}" for n in range(TOPICS)}
            await desk.answer({"do": "remember", "agent": agent, "notes": notes})


async def work(desk: Any, requests: Requests, agent: str, end: float) -> int:
    """Ask until the time is over; return how many requests were answered."""
    chance, done = random.Random(agent), 0
    while time.perf_counter() < end:
        answer = await desk.answer(requests(agent, chance))
        if "error" in answer:
            raise ValueError(answer)
        done += 1
        # A real agent's next request is read from a socket, and the loop gets its turn.
        await asyncio.sleep(0)
    return done


async def tick(lags: list[float]) -> None:
    """Note how much later than wanted the loop comes back."""
    while True:
        start = time.perf_counter()
        await asyncio.sleep(TICK)
        lags.append(time.perf_counter() - start - TICK)


async def measure(load: str, count: int, seconds: float, database: Path) -> dict[str, float]:
    """Return what is printed."""
    from agent_memory.archive import Archive  # type: ignore[import-not-found]  # the copy in the current directory
    from agent_memory.desk import Desk  # type: ignore[import-not-found]

    desk = Desk(Archive(database))
    agents = [f"agent {n}" for n in range(count)]
    await ready(desk, agents)
    lags: list[float] = []
    ticker = asyncio.create_task(tick(lags))
    start = time.perf_counter()
    done = await asyncio.gather(*(work(desk, LOADS[load], agent, start + seconds) for agent in agents))
    took = time.perf_counter() - start
    # The last wait of the ticker counts as well: it may be the longest.
    await asyncio.sleep(2 * TICK)
    ticker.cancel()
    return {
        "rate": sum(done) / took,
        "median": statistics.median(lags) * 1000,
        "p99": statistics.quantiles(lags, n=100, method="inclusive")[98] * 1000 if len(lags) > 1 else lags[0] * 1000,
        "most": max(lags) * 1000,
    }


if __name__ == "__main__":
    sys.path[0] = str(Path.cwd())
    print(json.dumps(asyncio.run(measure(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])))))
