"""What is published for scaling: nothing counted twice, nothing invented, nothing in vain."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import OperationalError
from hypothesis import given
from hypothesis import strategies as st

from academy.fleet.queue_access import QueueDepth
from tasks import scaling
from tasks.scaling import Load, Publisher, Rows, Waiting, load_of, metric_data

AT = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
EMPTY = Rows({}, {}, frozenset())
counts = st.integers(0, 100_000)


def rows(*, workers: int = 0, paused: bool = False, **waiting: Any) -> Rows:
    queue = frozenset({"video"})
    return Rows({"video": Waiting(**waiting)}, {"video": workers}, queue if paused else frozenset())


def depth(ready: int = 0, in_flight: int = 0, delayed: int = 0, dead: int = 0) -> QueueDepth:
    return QueueDepth("video", ready, in_flight, delayed, None, dead)


class CloudWatch:
    """Remembers what it was given; ``error`` is raised instead."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.error: Exception | None = None

    def put_metric_data(self, **call: Any) -> None:
        if self.error:
            raise self.error
        self.calls.append(call)

    @property
    def last(self) -> dict[tuple[str, str], float]:
        return {
            (one["MetricName"], one["Dimensions"][0]["Value"] if one["Dimensions"] else ""): one[
                "Value"
            ]
            for one in self.calls[-1]["MetricData"]
        }


def test_messages_and_waiting_rows_together_are_the_backlog() -> None:
    load = load_of(depth(3, 2, 1, dead=4), rows(workers=2, rows=10, startable=6, oldest_seconds=9))
    assert load == Load("video", 16, 6.0, 2, 9, 4)


def test_a_pool_without_a_worker_is_measured_as_if_it_had_one() -> None:
    assert load_of(depth(ready=5), EMPTY).backlog_per_worker == 5
    assert load_of(depth(ready=5), EMPTY).workers == 0


def test_a_paused_queue_calls_for_no_more_hosts_than_its_running_work() -> None:
    load = load_of(depth(50, 2), rows(workers=2, paused=True, rows=900, startable=900))
    assert (load.backlog, load.backlog_per_worker) == (952, 1.0)


@given(counts, counts, counts, counts, counts, st.integers(0, 500), st.booleans())
def test_hosts_are_called_for_by_no_more_than_the_backlog(
    ready: int, held: int, delayed: int, due: int, extra: int, workers: int, paused: bool
) -> None:
    waiting = rows(workers=workers, paused=paused, rows=due + extra, startable=due)
    load = load_of(depth(ready, held, delayed), waiting)
    assert load.backlog is not None
    assert load.backlog_per_worker is not None
    assert held <= load.backlog_per_worker * max(workers, 1) + 1e-6 <= load.backlog + 1e-3


def test_what_sqs_does_not_say_is_no_zero() -> None:
    load = load_of(QueueDepth("video", problem="ConnectTimeoutError"), rows(workers=3, rows=7))
    assert (load.backlog, load.backlog_per_worker, load.dead_letters) == (None, None, None)
    assert load.workers == 3
    names = {one["MetricName"] for one in metric_data([load], AT)}
    assert names == {"Workers", "OldestSeconds", "Published"}


def test_what_the_database_does_not_say_is_no_zero() -> None:
    load = load_of(depth(3, 2, dead=1), None)
    assert load == Load("video", dead_letters=1)


def test_the_heartbeat_says_how_many_queues_are_known() -> None:
    loads = [load_of(depth(1), EMPTY), load_of(QueueDepth("ai-lite", problem="x"), EMPTY)]
    (beat,) = [one for one in metric_data(loads, AT) if one["MetricName"] == scaling.HEARTBEAT]
    assert (beat["Value"], beat["Dimensions"]) == (1.0, [])
    (alone,) = metric_data([], AT)
    assert alone["MetricName"] == scaling.HEARTBEAT


def test_dead_letters_that_wait_for_a_person_are_told_where_they_are_known() -> None:
    (letters, _beat) = metric_data([], AT, letters_open=3)
    assert (letters["MetricName"], letters["Value"], letters["Dimensions"]) == (
        scaling.LETTERS,
        3.0,
        [],
    )


def test_trouble_is_said_once_and_so_is_its_end(caplog: pytest.LogCaptureFixture) -> None:
    cloud, broken = CloudWatch(), QueueDepth("video", problem="EndpointConnectionError")
    answers = [depth(1), broken, broken, depth(2)]
    publisher = Publisher(
        client=lambda: cloud, depths=lambda: [answers.pop(0)], rows=lambda: rows(workers=1)
    )
    with caplog.at_level(logging.INFO, logger=scaling.__name__):
        taken = [publisher.round() for _ in range(4)]
    assert taken == [6, 3, 3, 6]
    assert [call["Namespace"] for call in cloud.calls] == ["Academy"] * 4
    assert cloud.last["Backlog", "video"] == 2
    assert caplog.text.count("Not published for scaling: the backlog of video") == 1
    assert caplog.text.count("Published again for scaling: the backlog of video") == 1


def test_a_silent_database_leaves_the_dead_letters(caplog: pytest.LogCaptureFixture) -> None:
    def no_rows() -> Rows:
        raise OperationalError("gone")

    cloud = CloudWatch()
    assert Publisher(client=lambda: cloud, depths=lambda: [depth(dead=2)], rows=no_rows).round()
    assert cloud.last == {("DeadLetters", "video"): 2, ("Published", ""): 0}
    assert "OperationalError" in caplog.text


def test_a_cloudwatch_that_refuses_is_outlived(caplog: pytest.LogCaptureFixture) -> None:
    cloud = CloudWatch()
    cloud.error = PermissionError("no")
    publisher = Publisher(client=lambda: cloud, depths=lambda: [depth(1)], rows=lambda: EMPTY)
    assert [publisher.round(), publisher.round()] == [0, 0]
    cloud.error = None
    assert publisher.round() == 6
    assert caplog.text.count("Not published for scaling: anything") == 1
