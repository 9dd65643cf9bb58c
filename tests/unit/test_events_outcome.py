"""What Flower is told where Celery only knows that a task returned, or was rejected."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.events import outcome
from tasks.events.redact import redact


def told(**event: Any) -> dict[str, Any] | None:
    made = {"type": "task-succeeded", "uuid": "job-1", "hostname": "w@h", **event}
    truth = outcome.tell_truth(made)
    return None if truth is None else redact(truth)


@pytest.mark.parametrize("state", ["succeeded", "cancelled"])
def test_a_message_whose_job_has_ended_says_how(state: str) -> None:
    kinds = {"succeeded": "task-succeeded", "cancelled": "task-revoked"}

    event = told(result=repr(outcome.unclaimed(state)))

    assert event is not None
    assert event["type"] == kinds[state]


@pytest.mark.parametrize("state", ["queued", "running", "waiting", "retry_wait", "failed", "dead"])
def test_a_message_that_found_nothing_to_claim_says_nothing_else(state: str) -> None:
    assert told(result=repr(outcome.unclaimed(state))) is None


def test_a_message_that_goes_back_waits_for_its_next_run() -> None:
    event = told(type="task-rejected", requeue=True)

    assert event is not None
    assert (event["type"], event["exception"]) == ("task-retried", "given back by the worker")


def test_a_message_that_nothing_stands_behind_has_failed() -> None:
    event = told(type="task-rejected", requeue=False)

    assert event is not None
    assert (event["type"], event["exception"]) == ("task-failed", "rejected")
