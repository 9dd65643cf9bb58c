"""The prefork pool finds pipes for a new process, whatever happened to the old one."""

from __future__ import annotations

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
