"""Measure the propagation engine on generated call graphs of growing size; linear is a flat cost per call."""

from __future__ import annotations

import argparse
import gc
import random
from dataclasses import dataclass, replace
from statistics import median
from time import process_time

from hasten.propagate import Call, Certainty, Constraint, Function, Result, Seed, propagate

SIZES = (10_000, 100_000, 1_000_000)
PACKAGE = 250
"""Functions in a package: calls stay within one, but for a few."""

LAYERS = 10
CALLS_PER_FUNCTION = 4

CONSTRAINT = Constraint("ASY101", "it must stay as it is", "a.py", 1, 1)


@dataclass(frozen=True, slots=True)
class Graph:
    """The arguments of `propagate`."""

    functions: list[Function]
    calls: list[Call]
    seeds: list[Seed]


def generate(size: int, seed: int) -> Graph:
    """Return a program of about `size` calls, in packages of layers: coroutine functions on top, helpers below.

    Calls go down, some up again, which makes cycles, and some to the next package. A few functions are methods of a
    family or constrained; a few calls are guessed, have a remedy, cannot be awaited, or reach two functions. One in ten
    functions of the lower half holds a blocking call.
    """
    chance = random.Random(seed)
    count = max(PACKAGE, size // CALLS_PER_FUNCTION)
    ids = [f"package_{each // PACKAGE:05}/module_{each % PACKAGE // 25}.py:{each % 25 * 400}" for each in range(count)]
    functions = [
        Function(
            each,
            is_async=number % PACKAGE < PACKAGE // LAYERS,
            constraints=(CONSTRAINT,) if chance.random() < 0.002 else (),
            family=f"family {number // PACKAGE} {chance.randrange(6)}" if chance.random() < 0.05 else "",
        )
        for number, each in enumerate(ids)
    ]
    calls: list[Call] = []
    while len(calls) < size:
        caller = chance.randrange(count)
        call = Call(
            ids[caller],
            ids[_callee(caller, count, chance)],
            f"{ids[caller]}:{len(calls)}",
            certainty=Certainty.GUESSED if chance.random() < 0.01 else Certainty.PROVEN,
            remedy="asyncio.run" if chance.random() < 0.01 else "",
            constraints=(CONSTRAINT,) if chance.random() < 0.0005 else (),
        )
        calls.append(call)
        if chance.random() < 0.01:
            calls.append(replace(call, callee=ids[_callee(caller, count, chance)]))
    seeds = [
        Seed(f"{each}:sleep", each)
        for number, each in enumerate(ids)
        if number % PACKAGE > PACKAGE // 2 and chance.random() < 0.1
    ]
    # As from files in no order that would help sorting.
    for values in (functions, calls, seeds):
        chance.shuffle(values)
    return Graph(functions, calls, seeds)


def _callee(caller: int, count: int, chance: random.Random) -> int:
    """Return what a function calls: mostly something in the two layers below."""
    first = caller // PACKAGE * PACKAGE
    last = min(first + PACKAGE, count) - 1
    kind = chance.random()
    if kind < 0.0002:
        return min(last + 1 + chance.randrange(PACKAGE), count - 1)
    if kind < 0.02:
        return chance.randrange(first, last + 1)
    return min(caller + chance.randrange(1, 2 * PACKAGE // LAYERS), last)


def measure(graph: Graph, rounds: int) -> tuple[float, Result]:
    """Return the middle of the processor times, in seconds, that `rounds` runs took, and the result."""
    times: list[float] = []
    result = propagate((), (), ())
    for _ in range(rounds):
        gc.collect()
        gc.disable()  # as timeit does: what it costs depends on all else that lives in the process
        start = process_time()
        result = propagate(graph.functions, graph.calls, graph.seeds)
        times.append(process_time() - start)
        gc.enable()
    return median(times), result


def main() -> None:
    """Print a row for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES, metavar="CALLS", help="sizes of the graphs")
    parser.add_argument("--rounds", type=int, default=3, help="runs on each graph; their median is shown")
    parser.add_argument("--seed", type=int, default=1, help="what the random graphs start from")
    options = parser.parse_args()
    print(f"{'calls':>9} {'functions':>9} {'converted':>9} {'refused':>7} {'seconds':>8} {'µs/call':>8} {'ratio':>6}")
    first = 0.0
    for size in options.sizes:
        graph = generate(size, options.seed)
        seconds, result = measure(graph, options.rounds)
        each = seconds / len(graph.calls) * 1e6
        first = first or each
        print(
            f"{len(graph.calls):>9} {len(graph.functions):>9} {len(result.converted):>9} {len(result.refused):>7} "
            f"{seconds:>8.3f} {each:>8.2f} {each / first:>6.2f}"
        )


if __name__ == "__main__":
    main()
