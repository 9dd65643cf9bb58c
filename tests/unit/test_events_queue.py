"""The queue of worker events: its name, its pace, its attributes."""

from __future__ import annotations

import pytest

from tasks import queues


def test_one_queue_unless_each_flower_is_given_its_own() -> None:
    assert [queue.sqs_name for queue in queues.events_queues({})] == ["academy-events"]
    named = queues.events_queues({"SQS_QUEUE_EVENTS": "events-a, events-b"})
    assert [queue.sqs_name for queue in named] == ["events-a", "events-b"]


@pytest.mark.parametrize("names", ["no spaces", "a,,b", "a,a", "x" * 77, "events.fifo"])
def test_names_that_sqs_would_refuse_are_refused_here(names: str) -> None:
    with pytest.raises(queues.QueueConfigError, match="SQS_QUEUE_EVENTS"):
        queues.events_queues({"SQS_QUEUE_EVENTS": names})


def test_events_never_share_a_queue_with_jobs() -> None:
    for shared in ("academy-video-jobs", "academy-messaging-jobs-dlq"):
        with pytest.raises(queues.QueueConfigError, match="SQS_QUEUE_EVENTS"):
            queues.table({"SQS_QUEUE_EVENTS": shared})


@pytest.mark.parametrize("flush", ["", "1", "5", "30"])
def test_a_heartbeat_falls_into_every_second_flush(flush: str) -> None:
    environ = {"EVENTS_FLUSH_SECONDS": flush}

    assert queues.heartbeat_seconds(environ) == 2 * queues.events_flush_seconds(environ)


@pytest.mark.parametrize("flush", ["-1", "0.5", "often", "301"])
def test_a_flush_that_makes_no_sense_is_refused(flush: str) -> None:
    with pytest.raises(queues.QueueConfigError, match="EVENTS_FLUSH_SECONDS"):
        queues.events_flush_seconds({"EVENTS_FLUSH_SECONDS": flush})


def test_workers_beat_at_that_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTS_FLUSH_SECONDS", "7")

    argv = queues.worker_argv("video")

    assert argv[argv.index("--heartbeat-interval") + 1] == "14"
    assert "--without-heartbeat" not in argv
