"""What Flower makes of events that arrive late, twice, or from the past; and of the depths."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import pytest
from celery.events.state import State

from tasks import queues
from tasks.depths import Ages, Depths, NoAges
from tasks.flower.receiver import is_known, is_late

RUNS = [
    ("task-received", 1.0),
    ("task-started", 2.0),
    ("task-retried", 3.0),
    ("task-received", 4.0),
    ("task-started", 5.0),
    ("task-succeeded", 6.0),
]


def show(events: Any) -> str:
    state = State()
    for number, (kind, at) in enumerate(events):
        event = {"type": kind, "uuid": "job-1", "hostname": "w@h", "timestamp": at}
        event |= {"local_received": at, "clock": number}
        if not is_late(state, event):
            state.event(event)
    return str(state.tasks["job-1"].state)


def test_a_retried_job_ends_as_it_ended_in_whatever_order_its_workers_are_heard() -> None:
    # SQS keeps no order, and the two runs may be on two hosts.
    for order in itertools.permutations(RUNS):
        assert show(order) == "SUCCESS", order


def test_a_job_that_waits_for_its_retry_is_shown_so() -> None:
    assert show(RUNS[:3]) == "RETRY"
    assert show([RUNS[2], RUNS[0], RUNS[1]]) == "RETRY"


def test_a_job_that_runs_again_is_shown_so() -> None:
    assert show(RUNS[:5]) == "STARTED"


def known(events: Any, kind: str) -> bool:
    state = State()
    for number, (each, at) in enumerate(events):
        event = {"type": each, "uuid": "job-1", "hostname": "w@h", "timestamp": at}
        state.event(event | {"local_received": at, "clock": number})
    return is_known(state, {"type": kind, "uuid": "job-1"})


def test_what_the_relay_says_of_a_job_counts_once() -> None:
    assert not known([], "task-failed")
    assert not known(RUNS[:2], "task-failed")
    assert not known(RUNS[:2], "task-retried")
    assert not known(RUNS[:3], "task-failed")
    assert known(RUNS[:3], "task-retried")
    for end in ("task-failed", "task-revoked", "task-succeeded"):
        for kind in ("task-failed", "task-revoked", "task-retried"):
            assert known([*RUNS[:2], (end, 3.0)], kind), (end, kind)


class Sqs:
    def __init__(self) -> None:
        self.asked = 0
        self.missing: set[str] = set()

    def get_queue_url(self, **asked: str) -> dict[str, str]:
        if asked["QueueName"] in self.missing:
            raise KeyError("no such queue")
        return {"QueueUrl": asked["QueueName"]}

    def get_queue_attributes(self, **_: Any) -> dict[str, Any]:
        self.asked += 1
        return {
            "Attributes": {
                "ApproximateNumberOfMessages": "3",
                "ApproximateNumberOfMessagesNotVisible": "2",
                "ApproximateNumberOfMessagesDelayed": "1",
            }
        }


@pytest.fixture
def sqs() -> Sqs:
    return Sqs()


def test_every_queue_is_read_with_its_dead_letters_and_soon_again_from_memory(sqs: Sqs) -> None:
    depths = Depths(sqs, ["academy-events"], NoAges())

    rows = depths.read()
    depths.read()

    assert [row.name for row in rows] == [*(row.name for row in queues.table()), "events"]
    assert {(d.ready, d.in_flight, d.delayed, d.total) for d in (row.queue for row in rows)} == {
        (3, 2, 1, 6)
    }
    assert all(row.dead and row.dead.total == 6 for row in rows[:-1])
    assert sqs.asked == 2 * len(queues.table()) + 1


def test_a_queue_that_cannot_be_read_costs_only_its_own_numbers(sqs: Sqs) -> None:
    sqs.missing = {queues.by_name("video").dlq_name}

    video, *others = Depths(sqs, ["academy-events"], NoAges()).read()

    assert video.queue.total == 6
    assert video.dead is not None
    assert (video.dead.total, video.dead.problem) == (None, "KeyError")
    assert all(row.queue.total == 6 for row in others)


def test_ages_come_from_cloudwatch_once_a_minute(sqs: Sqs) -> None:
    asked: list[dict[str, Any]] = []

    def get_metric_data(**question: Any) -> dict[str, Any]:
        asked.append(question)
        return {"MetricDataResults": [{"Id": "q0", "Values": [75.0, 15.0]}, {"Id": "q1"}]}

    depths = Depths(sqs, ["academy-events"], Ages(SimpleNamespace(get_metric_data=get_metric_data)))
    rows = depths.read()
    depths._read_at = None
    depths.read()

    assert rows[0].queue.oldest_seconds == 75
    assert rows[1].queue.oldest_seconds is None
    assert len(asked) == 1


def test_cloudwatch_may_refuse(sqs: Sqs) -> None:
    def refuse(**_: Any) -> Any:
        raise PermissionError("no cloudwatch:GetMetricData")

    rows = Depths(sqs, ["events"], Ages(SimpleNamespace(get_metric_data=refuse))).read()

    assert {row.queue.oldest_seconds for row in rows} == {None}
    assert {row.queue.total for row in rows} == {6}
