"""Work spread over processes."""

from __future__ import annotations

import signal

import pytest

from hasten.errors import HastenError
from hasten.workers import executor, ordered


@pytest.mark.parametrize("jobs", [1, 3])
def test_results_are_in_the_order_of_the_items(jobs: int) -> None:
    """Whoever is done first, the results come as the items were given."""
    with executor(jobs) as pool:
        assert list(ordered(pool, abs, range(-50, 0))) == list(range(50, 0, -1))


def _work(pool_size: int) -> None:
    with executor(pool_size) as pool:
        for _ in ordered(pool, signal.raise_signal, [signal.SIGKILL] * 5):
            pass


def test_a_worker_that_is_killed_is_told_in_a_sentence() -> None:
    """As when the system is out of memory: the error names the remedy."""
    with pytest.raises(HastenError, match=r"a worker process was killed.*`--jobs 1`"):
        _work(2)
