"""The prefork pool finds pipes for a new process, whatever happened to the old one."""

from __future__ import annotations

import subprocess
import sys

import pytest
from celery.concurrency import prefork
from celery.concurrency.asynpool import AsynPool

from tasks.app import app
from tasks.worker.pool import Pool


class Process:
    def __init__(self, *, alive: bool) -> None:
        self.alive = alive

    def _is_alive(self) -> bool:
        return self.alive


class Bare(Pool):
    """A pool without processes: only the book-keeping of pipes."""

    def __init__(self, owners: dict[str, Process | None]) -> None:
        self._queues = owners
        self.destroyed: list[str] = []

    def create_process_queues(self) -> str:
        return "fresh"

    def destroy_queues(self, queues: str, proc: Process) -> int:
        del self._queues[queues]
        self.destroyed.append(queues)
        return 1

    def maintain_pool(self) -> None:
        self.maintained = True

    def __del__(self) -> None:
        """Nothing was started."""


def test_a_free_set_of_pipes_is_used():
    pool = Bare({"a": Process(alive=True), "b": None})
    assert pool.get_process_queues() == "b"
    assert pool.destroyed == []


def test_the_pipes_of_a_dead_process_are_replaced():
    living = Process(alive=True)
    pool = Bare({"a": living, "b": Process(alive=False)})
    assert pool.get_process_queues() == "fresh"
    assert pool.destroyed == ["b"]
    assert pool._queues == {"a": living, "fresh": None}


def test_stock_celery_fails_there_with_an_error_that_ends_the_worker():
    pool = Bare({"a": Process(alive=True), "b": Process(alive=False)})
    with pytest.raises(StopIteration):
        AsynPool.get_process_queues(pool)


def test_a_child_lost_before_the_first_loop_is_replaced_and_ends_nothing():
    pool = Bare({})
    assert pool.did_start_ok()
    assert pool.maintained


def test_prefork_workers_use_it():
    assert app.main == "academy"
    assert prefork.TaskPool.Pool is Pool


#: A pool whose only child dies before an event loop has the pool; then the loop comes, and a job.
LOST_EARLY = """
import os, signal, sys, time
from celery.concurrency.prefork import process_initializer
from kombu.asynchronous import Hub, set_event_loop
from tasks.worker.pool import Pool

pool = Pool(processes=1, threads=False)
(lost,) = pool._pool
if sys.argv[1] == "said":
    # What it said of itself is read when it is joined.
    assert lost.outq._reader.poll(30)
os.kill(lost.pid, signal.SIGKILL)
deadline = time.monotonic() + 30
while lost._is_alive():
    assert time.monotonic() < deadline
    time.sleep(0.01)
if sys.argv[1] == "owned":
    # As where the sentinel has not been read yet: the successor asks before the dead is joined.
    pool._pool.clear()
    pool._create_worker_process(0)
else:
    assert pool.did_start_ok()
(successor,) = pool._pool
assert successor.pid != lost.pid
hub = Hub()
set_event_loop(hub)
pool.register_with_event_loop(hub)
results = []
pool.apply_async(pow, (2, 5), callback=results.append)
while not results:
    assert time.monotonic() < deadline, "the successor is deaf"
    hub.run_once()
print(results[0])
sys.stdout.flush()
os.kill(successor.pid, signal.SIGKILL)
os._exit(0)
"""


@pytest.mark.parametrize("pipes", ["joined", "owned", "said"])
def test_a_child_lost_before_the_event_loop_has_a_successor_that_works(pipes: str):
    done = subprocess.run(
        [sys.executable, "-c", LOST_EARLY, pipes], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "32", done.stderr
