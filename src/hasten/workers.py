"""Spread work over an executor of `concurrent.futures`, with results in the order of the input.

The same protocol serves one process, a pool on this machine, and the executor that a cluster's client hands out.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing.process import BaseProcess
from typing import Any, Generic, Self, TypeVar

from hasten.errors import HastenError

#: Seconds; with Python's usual 5 ms each step of handing over costs as much as the work of a file.
_OFTEN = 0.0002
#: By so much is a worker nicer than this process, where it is to yield: of one processor it takes a tenth then.
_YIELDING = 10
#: A worker is given so many things at a time; one that counts as so many is alone.
_AT_A_TIME = 2
ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


class _Work(Generic[ItemT, ResultT]):
    """One call: waiting, handed to a worker, or done in this process."""

    __slots__ = ("_function", "_item", "_result", "future")

    def __init__(self, function: Callable[[ItemT], ResultT], item: ItemT) -> None:
        self._function = function
        self._item = item
        self._result: list[ResultT] = []
        self.future: Future[ResultT] | None = None

    def hand_over(self, pool: Executor) -> Future[ResultT]:
        self.future = pool.submit(self._function, self._item)
        return self.future

    def do(self) -> None:
        self._result.append(self._function(self._item))

    @property
    def done(self) -> bool:
        return bool(self._result) or (self.future is not None and self.future.done())

    def result(self) -> ResultT:
        """Return the result, waiting for the worker that has the work, or doing it here if none has."""
        if self.future is not None:
            return self.future.result()
        if not self._result:
            self.do()
        return self._result[0]


class Workers:
    """Processes that are started when the first work comes that is worth it, and kept until the `with` ends.

    This process is one of them: while it has to wait for a result, it does what no other has begun.
    """

    def __init__(self, jobs: int, *, yielding: bool = False) -> None:
        """Take the number of processes, this one among them.

        Args:
            jobs: how many.
            yielding: another program is waited for longer than they are, so the workers take no time from it.
        """
        self._jobs = jobs
        self._yielding = yielding
        self._pool: Executor | None = None
        self._waiting: deque[_Work[Any, Any]] = deque()
        self._ahead: deque[_Work[Any, Any]] = deque()
        self._handed = 0
        self._interval = sys.getswitchinterval()
        self._handing = threading.Lock()

    def __enter__(self) -> Self:
        """Start nothing yet."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """End the processes; after an error, at once."""
        self.close(wait=kind is None)

    def close(self, *, wait: bool = True) -> None:
        """End the processes: once they have done what they were given, or at once; later work is done here."""
        with self._handing:
            pool, self._pool = self._pool, None
            self._jobs = 1
            self._waiting.clear()
            self._ahead.clear()
        if pool is not None:
            sys.setswitchinterval(self._interval)
            pool.shutdown(wait=wait, cancel_futures=not wait)

    def first(self, function: Callable[[ItemT], object], item: ItemT) -> None:
        """Let one worker do what takes long before anything else, and queue nothing behind it; forget the result.

        Without workers nothing is done.
        """
        with _told():
            if self._pool is not None:
                with self._handing:
                    self._handed += _AT_A_TIME
                    future = _Work(function, item).hand_over(self._pool)
                future.add_done_callback(partial(self._hand_over, weight=_AT_A_TIME))

    def ahead(
        self, function: Callable[[ItemT], ResultT], items: Sequence[ItemT]
    ) -> list[Callable[[], Callable[[], ResultT] | None]]:
        """Let workers that run already do `function(item)` while they have nothing else to do; nobody may need it.

        What this returns for each item gives what waits for its result; or None, where no worker has begun with it,
        and then none will. The function is as for `ordered`.
        """
        works = [_Work(function, each) for each in items]
        if self._pool is not None:
            with self._handing:
                self._ahead.extend(works)
            with _told():
                self._hand_over()
        return [partial(self._if_begun, each) for each in works]

    def stop_ahead(self) -> None:
        """Begin no more of what `ahead` was given."""
        with self._handing:
            self._ahead.clear()

    def _if_begun(self, work: _Work[Any, ResultT]) -> Callable[[], ResultT] | None:
        with self._handing, suppress(ValueError):
            self._ahead.remove(work)
        return partial(self._finished, work) if work.future is not None else None

    def ordered(
        self,
        function: Callable[[ItemT], ResultT],
        items: Sequence[ItemT],
        *,
        many: bool,
        begin: Callable[[], None] | None = None,
        meanwhile: Callable[[], None] | None = None,
        here: bool = True,
    ) -> Iterator[ResultT]:
        """Yield `function(item)` for each item, in order; `function` must not raise and must be importable by name.

        Args:
            function: what to call.
            items: its arguments.
            many: whether the work is worth starting processes for; those that run already take it in any case.
            begin: called once when workers run, before they are given the work; never called without workers.
            meanwhile: called once in this process while the workers are busy; never called without workers.
            here: whether this process does some of the work as well, where there are workers.

        Raises:
            HastenError: a worker was killed.
        """
        if self._pool is None and many and self._jobs > 1:
            self._pool = _processes(self._jobs - 1, _YIELDING if self._yielding else 0)
            # The pool's threads, which hand the workers their work, should not wait long for this one.
            sys.setswitchinterval(_OFTEN)
        if begin is not None and self._pool is not None:
            begin()
        works = [_Work(function, each) for each in items]
        with _told():
            if here or self._pool is None:
                self._take_in(works)
            else:
                self._give_away(works)
            if meanwhile is not None and self._pool is not None:
                meanwhile()
        for work in works:
            yield self._finished(work)

    def _take_in(self, works: Iterable[_Work[Any, Any]]) -> None:
        if self._pool is None:
            return
        with self._handing:
            self._waiting.extend(works)
        self._hand_over()

    def _give_away(self, works: Iterable[_Work[Any, Any]]) -> None:
        """Let the workers have all of `works` now, in their order."""
        for work in works:
            with self._handing:
                if self._pool is None:
                    return
                future = work.hand_over(self._pool)
                self._handed += 1
            future.add_done_callback(self._hand_over)

    def _hand_over(self, before: Future[Any] | None = None, weight: int = 1) -> None:
        """Keep the workers busy; called from the pool's thread too, after the work `before` was done."""
        if before is not None and (before.cancelled() or before.exception() is not None):
            return  # the pool is broken or ends: it holds its locks, and takes no more
        futures: list[Future[Any]] = []
        with self._handing:
            self._handed -= weight if before is not None else 0
            while self._pool is not None and (queue := self._next()):
                work = queue.popleft()
                try:
                    futures.append(work.hand_over(self._pool))
                except BrokenExecutor:
                    queue.appendleft(work)  # done here; whoever waits for what the killed worker had is told
                    break
                self._handed += 1
        for future in futures:
            future.add_done_callback(self._hand_over)

    def _next(self) -> deque[_Work[Any, Any]] | None:
        """Return the queue whose first work a worker should be given now, if any."""
        # A second one each, so that no worker waits for this process when it is done with the first; but none is
        # taken from this process when there are few, nor by what nobody may need.
        most = _AT_A_TIME if len(self._waiting) > self._jobs else 1
        if self._handed >= most * (self._jobs - 1):
            return None
        return self._waiting or self._ahead or None

    def _finished(self, work: _Work[Any, ResultT]) -> ResultT:
        """Return the result of `work`; while it is not there, do other work from the end of what waits."""
        with _told():
            while not work.done:
                with self._handing:
                    other = self._waiting.pop() if self._waiting else None
                if other is None:
                    break
                other.do()
            return work.result()


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except BrokenExecutor:
        # Most often the system killed it for want of memory; one process at a time needs less.
        raise HastenError(
            "a worker process was killed, perhaps for want of memory; try again with `--jobs 1`"
        ) from None


def _processes(jobs: int, nicer: int) -> Executor:
    # Forking is safe here, since hasten starts no thread before the pool, and saves each worker's start-up.
    method = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    return ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(nicer,))


def _begin(nicer: int) -> None:
    """Begin to be a worker."""
    if sys.platform != "win32":
        os.nice(nicer)
    # A pool waits for work for ever, so each worker ends itself when the process that started it was killed.
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)
