"""Spread work over an executor of `concurrent.futures`, with results in the order of the input.

The same protocol serves one process, a pool on this machine, and the executor that a cluster's client hands out.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Self, TypeVar

from hasten.errors import HastenError

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


def default_jobs() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Workers:
    """Processes that are started when the first work comes that is worth it, and kept until the `with` ends."""

    def __init__(self, jobs: int) -> None:
        """Take the number of processes; with one, all work is done in this process."""
        self._jobs = jobs
        self._pool: Executor | None = None

    def __enter__(self) -> Self:
        """Start nothing yet."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """End the processes; after an error, at once."""
        self.close(wait=kind is None)

    def close(self, *, wait: bool = True) -> None:
        """End the processes: once they have done what they were given, or at once; later work is done here."""
        pool, self._pool = self._pool, None
        self._jobs = 1
        if pool is not None:
            pool.shutdown(wait=wait, cancel_futures=not wait)

    def start(self, function: Callable[[ItemT], ResultT], item: ItemT) -> Callable[[], ResultT]:
        """Let a worker that runs already begin with `function(item)`; return what waits for the result.

        Without workers the work is done when its result is asked for. The function is as for `ordered`.
        """
        if self._pool is None:
            return partial(function, item)
        with _told():
            future = self._pool.submit(function, item)

        def wait() -> ResultT:
            with _told():
                return future.result()

        return wait

    def ordered(
        self,
        function: Callable[[ItemT], ResultT],
        items: Sequence[ItemT],
        *,
        many: bool,
        meanwhile: Callable[[], None] | None = None,
    ) -> Iterator[ResultT]:
        """Yield `function(item)` for each item, in order; `function` must not raise and must be importable by name.

        Args:
            function: what to call.
            items: its arguments.
            many: whether the work is worth starting processes for; those that run already take it in any case.
            meanwhile: called once in this process while the workers are busy; never called without workers.

        Raises:
            HastenError: a worker was killed.
        """
        if self._pool is None and many and self._jobs > 1:
            self._pool = _processes(self._jobs)
        if self._pool is None:
            yield from map(function, items)
            return
        with _told():
            futures = [self._pool.submit(function, each) for each in items]
            if meanwhile is not None:
                meanwhile()
            for future in futures:
                yield future.result()


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except BrokenExecutor:
        # Most often the system killed it for want of memory; one process at a time needs less.
        raise HastenError(
            "a worker process was killed, perhaps for want of memory; try again with `--jobs 1`"
        ) from None


def _processes(jobs: int) -> Executor:
    # Forking is safe here, since hasten starts no thread before the pool, and saves each worker's start-up.
    method = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
    return ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context(method))
