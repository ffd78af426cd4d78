"""Work spread over processes."""

from __future__ import annotations

import os
import signal

import pytest

from hasten.errors import HastenError
from hasten.workers import Workers


@pytest.mark.parametrize("jobs", [1, 3])
def test_results_are_in_the_order_of_the_items(jobs: int) -> None:
    """Whoever is done first, the results come as the items were given."""
    with Workers(jobs) as pool:
        assert list(pool.ordered(abs, range(-50, 0), many=True)) == list(range(50, 0, -1))


def _process(_: int) -> int:
    return os.getpid()


def test_little_work_starts_no_process_but_is_given_to_those_that_run() -> None:
    """The second, small batch costs no more than handing it over."""
    with Workers(2) as pool:
        assert set(pool.ordered(_process, range(3), many=False)) == {os.getpid()}
        started = set(pool.ordered(_process, range(30), many=True))
        assert os.getpid() not in started
        assert set(pool.ordered(_process, range(3), many=False)) <= started


@pytest.mark.parametrize(("jobs", "calls"), [(1, 0), (2, 1)])
def test_this_process_works_meanwhile_only_when_others_do(jobs: int, calls: int) -> None:
    """Without workers there is no time to fill."""
    done: list[None] = []
    with Workers(jobs) as pool:
        list(pool.ordered(abs, range(8), many=True, meanwhile=lambda: done.append(None)))
    assert len(done) == calls


def _work(jobs: int) -> None:
    with Workers(jobs) as pool:
        for _ in pool.ordered(signal.raise_signal, [signal.SIGKILL] * 5, many=True):
            pass


def test_a_worker_that_is_killed_is_told_in_a_sentence() -> None:
    """As when the system is out of memory: the error names the remedy."""
    with pytest.raises(HastenError, match=r"a worker process was killed.*`--jobs 1`"):
        _work(2)
