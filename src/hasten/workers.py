"""Spread work over an executor of `concurrent.futures`, with results in the order of the input.

The same protocol serves one process, a pool on this machine, and the executor that a cluster's client hands out.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from hasten.errors import HastenError

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


def default_jobs() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def executor(jobs: int) -> Iterator[Executor | None]:
    """Yield a process pool of `jobs` workers, or None (work in this process) for one."""
    if jobs <= 1:
        yield None
        return
    # Forking is safe here, since hasten starts no thread before the pool, and saves each worker's start-up.
    method = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
    pool = ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context(method))
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def ordered(
    pool: Executor | None,
    function: Callable[[ItemT], ResultT],
    items: Sequence[ItemT],
    meanwhile: Callable[[], None] | None = None,
) -> Iterator[ResultT]:
    """Yield `function(item)` for each item, in order; `function` must not raise and must be importable by name.

    Args:
        pool: where to call it; None is this process.
        function: what to call.
        items: its arguments.
        meanwhile: called once in this process while the workers are busy; never called without workers.

    Raises:
        HastenError: a worker was killed.
    """
    if pool is None:
        yield from map(function, items)
        return
    try:
        futures = [pool.submit(function, each) for each in items]
        if meanwhile is not None:
            meanwhile()
        for future in futures:
            yield future.result()
    except BrokenExecutor:
        # Most often the system killed it for want of memory; one process at a time needs less.
        raise HastenError(
            "a worker process was killed, perhaps for want of memory; try again with `--jobs 1`"
        ) from None
