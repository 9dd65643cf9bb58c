"""What the heartbeat tells the work it watches, without a database."""

from __future__ import annotations

import logging
from uuid import uuid4

import pytest

from academy.jobs import lease
from academy.jobs.context import JobContext
from academy.jobs.errors import JobStopped, StopReason
from academy.jobs.keeper import Held, LeaseKeeper
from academy.jobs.scratch import Scratch
from tests.support.jobs import AnyParams


def _claim() -> lease.Claim:
    return lease.Claim(uuid4(), uuid4(), "made.up", 1, 1, "start", 0, {}, {}, None)


@pytest.fixture
def held() -> Held:
    return Held(_claim(), timeout_seconds=60)


def test_only_the_first_reason_to_stop_counts(held: Held):
    held.stop(StopReason.CANCELLED)
    held.stop(StopReason.DRAINING)
    assert held.stop_reason is StopReason.CANCELLED


def test_a_stop_callback_runs_once_and_not_after_its_block(held: Held):
    calls: list[str] = []
    with held.on_stop(lambda: calls.append("over")):
        pass
    with held.on_stop(lambda: calls.append("now")):
        held.stop(StopReason.CANCELLED)
        held.stop(StopReason.CANCELLED)
    assert calls == ["now"]


def test_a_callback_that_comes_too_late_runs_at_once(held: Held):
    held.stop(StopReason.TIMEOUT)
    calls: list[str] = []
    with held.on_stop(lambda: calls.append("late")):
        assert calls == ["late"]


def test_a_callback_that_fails_does_not_keep_the_others_from_running(held: Held):
    calls: list[str] = []

    def broken() -> None:
        raise RuntimeError

    with held.on_stop(broken), held.on_stop(lambda: calls.append("second")):
        held.stop(StopReason.CANCELLED)
    assert calls == ["second"]


def test_progress_whose_store_failed_is_kept_unless_there_is_newer(held: Held):
    old, new = lease.Progress("old", 10, None), lease.Progress("new", 20, None)
    held.report(old)
    taken = held.take_progress()
    assert held.take_progress() is None
    held.put_back(taken)
    assert held.take_progress() is old
    held.report(new)
    held.put_back(old)
    assert held.take_progress() is new


def test_an_attempt_out_of_time_and_one_being_drained_are_told_so():
    late, drained = Held(_claim(), timeout_seconds=0), Held(_claim(), timeout_seconds=60)
    LeaseKeeper().beat([late])
    LeaseKeeper(draining=lambda: True).beat([drained])
    assert late.stop_reason is StopReason.TIMEOUT
    assert drained.stop_reason is StopReason.DRAINING


@pytest.mark.parametrize(
    ("percent", "stored"), [(-5, 0.0), (250, 100.0), (float("nan"), 0.0), (12.5, 12.5)]
)
def test_a_percentage_is_always_one(held: Held, percent: float, stored: float):
    _context(held).progress("working", percent)
    progress = held.take_progress()
    assert progress is not None
    assert progress.percent == stored


@pytest.mark.parametrize(
    ("step", "stored"), [("a\x00b", "ab"), ("x" * 500, "x" * 48), ("\ud800", "?")]
)
def test_a_step_that_the_database_would_refuse_is_made_storable(held: Held, step: str, stored: str):
    _context(held).progress(step, 1.0, eta_seconds=float("inf"))
    progress = held.take_progress()
    assert progress is not None
    assert progress.step == stored
    assert progress.eta_seconds is None


def test_a_stopped_attempt_says_why(held: Held):
    context = _context(held)
    context.raise_if_cancelled()
    held.stop(StopReason.DRAINING)
    with pytest.raises(JobStopped) as caught:
        context.raise_if_cancelled()
    assert caught.value.reason is StopReason.DRAINING


def _context(held: Held) -> JobContext[AnyParams]:

    return JobContext(
        held.claim,
        AnyParams(),
        scratch=Scratch("test"),
        held=held,
        log=logging.LoggerAdapter(logging.getLogger("test"), {}),
        load_children=list,
    )
