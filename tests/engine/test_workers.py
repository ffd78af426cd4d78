"""Work spread over processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

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
    """The second, small batch costs no more than handing it over; this process works with the others."""
    with Workers(2) as pool:
        assert set(pool.ordered(_process, range(3), many=False)) == {os.getpid()}
        others = set(pool.ordered(_process, range(30), many=True)) - {os.getpid()}
        assert len(others) == 1
        assert set(pool.ordered(_process, range(3), many=False)) <= {*others, os.getpid()}


def test_work_that_is_not_done_here_goes_to_the_workers() -> None:
    """What this process has not imported need not be imported here; without workers there is nobody else."""
    with Workers(2) as pool:
        assert set(pool.ordered(_process, range(30), many=False, here=False)) == {os.getpid()}
        list(pool.ordered(abs, range(8), many=True))
        others = list(pool.ordered(_process, range(30), many=False, here=False))
        assert len(others) == 30
        assert os.getpid() not in others


def test_what_goes_first_is_done_before_the_work(tmp_path: Path) -> None:
    """A worker gets ready for what comes later, once there are workers; the results do not depend on it."""
    with Workers(2) as pool:
        pool.first(Path.touch, tmp_path / "early")
        begin = partial(pool.first, Path.touch, tmp_path / "ready")
        assert list(pool.ordered(abs, range(-9, 0), many=True, begin=begin)) == list(range(9, 0, -1))
    assert [each.name for each in tmp_path.iterdir()] == ["ready"]


def test_work_ahead_is_done_by_idle_workers_only() -> None:
    """What a worker has begun gives its result; the rest is given up when somebody asks, or at the stop."""
    with Workers(2) as pool:
        assert [each() for each in pool.ahead(_process, range(2))] == [None, None]  # no worker runs yet
        list(pool.ordered(abs, range(8), many=True))
        first, *_, last = pool.ahead(_process, range(1000))
        begun = first()
        assert begun is not None
        assert begun() != os.getpid()
        assert last() is None
        # Work that is needed comes before it, and is not kept waiting by it.
        assert list(pool.ordered(abs, range(-9, 0), many=True)) == list(range(9, 0, -1))
        pool.stop_ahead()


@pytest.mark.parametrize(("jobs", "calls"), [(1, 0), (2, 1)])
def test_this_process_works_meanwhile_only_when_others_do(jobs: int, calls: int) -> None:
    """Without workers there is no time to fill."""
    done: list[None] = []
    with Workers(jobs) as pool:
        list(pool.ordered(abs, range(8), many=True, meanwhile=lambda: done.append(None)))
    assert len(done) == calls


def _killed(test: int) -> int:
    if os.getpid() != test:
        signal.raise_signal(signal.SIGKILL)
    return test


def _work(jobs: int) -> None:
    with Workers(jobs) as pool:
        for _ in pool.ordered(_killed, [os.getpid()] * 5, many=True):
            pass


@pytest.mark.parametrize("jobs", [2, 4])
def test_a_worker_that_is_killed_is_told_in_a_sentence(jobs: int) -> None:
    """As when the system is out of memory: the error names the remedy."""
    with pytest.raises(HastenError, match=r"a worker process was killed.*`--jobs 1`"):
        _work(jobs)


def test_no_worker_outlives_a_killed_parent() -> None:
    """A pool waits for work for ever; so each worker ends itself when the process that started it is gone."""
    script = (
        "import os, time; from hasten.workers import Workers\n"
        "with Workers(3) as pool:\n"
        "    list(pool.ordered(abs, range(9), many=True))\n"
        "    print(*pool._pool._processes, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        workers = [int(each) for each in parent.stdout.readline().split()]
        assert [_is_alive(each) for each in workers] == [True, True]
        parent.kill()
    deadline = time.monotonic() + 20
    while any(_is_alive(each) for each in workers):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _is_alive(process: int) -> bool:
    """Tell whether a process runs; one that ended, and that nobody has asked about, does not."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process}/stat")  # where there is such a file
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"
