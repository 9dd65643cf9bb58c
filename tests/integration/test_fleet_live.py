"""Pauses and drains followed by real workers and a real relay, also without a database.

The tests share a world and run in their order.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from django.conf import settings

from academy.core import clock
from academy.fleet import selectors, services
from academy.fleet.models import Worker
from academy.jobs.models import Job, JobAttempt
from tasks import queues
from tests.support.processes import Process, eventually
from tests.support.workers import envelope
from tests.support.world import World

pytestmark = [
    pytest.mark.integration,
    pytest.mark.platform,
]

BY = "user:17"
ROOM = 300 << 20
WITHIN = timedelta(seconds=5)
"""How soon a switch takes hold."""


@dataclass
class Crew:
    """A world with a relay, and a worker of one process on the queue of the test kind."""

    world: World
    worker: Process

    def row(self) -> Worker:
        return Worker.objects.get(queue="video")

    def reports(self, *states: str, held: int | None = None) -> Worker:
        def said() -> bool:
            row = self.row()
            return row.state in states and held in (None, row.held)

        eventually(said, 20, lambda: f"{states}, not {self.row()} holding {self.row().held}")
        return self.row()

    def submit(self, count: int, seconds: float = 0.3) -> list[Job]:
        return self.world.submit(self.world.tenant(), "test.sleep", count, seconds=seconds)

    def ended_once(self, jobs: list[Job]) -> None:
        """Every job has succeeded, in one attempt, and nothing of it is left anywhere."""
        self.world.end(*jobs)
        assert {job.state for job in jobs} == {"succeeded"}
        assert len(starts(jobs)) == len(jobs)
        eventually(lambda: self.world.messages("video") == 0, 10, "the queue is empty")
        assert self.world.messages("video", dlq=True) == 0


def starts(jobs: list[Job]) -> list[datetime]:
    """When the attempts of some jobs began, by the database's clock."""
    attempts = JobAttempt.objects.filter(job__in=jobs).order_by("started_at")
    return list(attempts.values_list("started_at", flat=True))


def visible(world: World) -> int:
    """How many messages of the queue can be received now."""
    answer = world.sqs.get_queue_attributes(
        QueueUrl=world.queue_url("video"), AttributeNames=["ApproximateNumberOfMessages"]
    )
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


@pytest.fixture(scope="module")
def crew(django_db_blocker) -> Iterator[Crew]:
    with django_db_blocker.unblock(), World() as world:
        relay, worker = world.relay(), world.worker("video")
        worker.said(" ready.")
        relay.said("relay up")
        yield Crew(world, worker)


def test_a_paused_queue_starts_nothing_within_5_s_and_loses_nothing(crew: Crew) -> None:
    jobs = crew.submit(12)
    eventually(lambda: len(starts(jobs)) >= 3, 20, "some have started")

    paused_at = services.queue_pause(queue="video", by=BY, reason="a test").paused_at
    crew.reports("paused", held=0)
    late = crew.submit(2)
    (elsewhere,) = crew.world.submit(crew.world.tenant(), "test.ok")
    crew.world.becomes(elsewhere, "published")
    # What is in SQS is all to be had there, and nobody takes it.
    published = Job.unscoped.filter(pk__in=[job.pk for job in jobs], state="published").count()
    assert published > 0
    eventually(lambda: visible(crew.world) >= published, 15, "all messages can be seen")

    assert starts(jobs)[-1] < paused_at + WITHIN
    assert len(starts(jobs)) < len(jobs)
    assert not Job.unscoped.filter(queue="video", state="running").exists()
    assert set(Job.unscoped.filter(pk__in=[job.pk for job in late]).values_list("state")) == {
        ("queued",)
    }

    resumed_at = clock.now()
    services.queue_resume(queue="video", by=BY)
    crew.ended_once(jobs + late)
    first = next(at for at in starts(jobs + late) if at > resumed_at)
    assert first - resumed_at < WITHIN
    assert crew.reports("working").facts["events_dropped"] == 0
    assert crew.reports("working").facts["video_encoder"] == "x264"


def test_a_drained_worker_finishes_what_runs_takes_nothing_and_works_again(crew: Crew) -> None:
    (running,) = crew.submit(1, seconds=5)
    crew.world.becomes(running, "running")

    services.worker_drain(name=crew.row().name, by=BY)
    crew.reports("draining", held=1)
    jobs = crew.submit(2)
    assert crew.reports("drained", held=0).release == "dev"
    crew.world.becomes(running, "succeeded")
    for job in jobs:
        crew.world.becomes(job, "published")
    assert starts(jobs) == []

    undrained_at = clock.now()
    services.worker_undrain(name=crew.row().name, by=BY)
    crew.ended_once([running, *jobs])
    assert starts(jobs)[0] - undrained_at < WITHIN


def test_a_worker_without_room_gives_work_back_and_waits_for_its_disk(crew: Crew) -> None:
    ballast = crew.world.folder / "ballast"
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 2 * ROOM)
    size = shutil.disk_usage(crew.world.folder).free + ROOM - settings.SCRATCH_MIN_FREE_BYTES
    (job,) = crew.world.submit(crew.world.tenant(), "test.room", size=size)
    crew.worker.said("no work is taken until it is free")
    eventually(lambda: crew.row().facts["scratch_lacking_mb"] > 0, 20, "the worker's row says so")
    others = crew.submit(2)
    crew.world.becomes(others[0], "published")
    assert starts(others) == []

    ballast.unlink()
    crew.worker.said("There is room on the scratch disk")
    crew.ended_once(others)
    crew.world.end(job)
    assert (job.state, job.failures) == ("succeeded", 0)
    outcomes = list(
        JobAttempt.objects.filter(job=job).order_by("number").values_list("outcome", "error_code")
    )
    assert outcomes[0] == ("released", "disk_full")
    assert outcomes[-1] == ("succeeded", "")


def test_a_pause_outlasts_an_outage_of_the_database(crew: Crew) -> None:
    said = len(crew.worker.log)
    services.queue_pause(queue="video", by=BY, reason="a test")
    crew.reports("paused", held=0)
    jobs = crew.submit(2)
    row = queues.by_name("video", crew.world.environ)

    crew.world.stop_database()
    crew.worker.said("The worker's orders cannot be read", after=said)
    for job in jobs:
        body = envelope(row, {"job": str(job.pk), "version": job.version})
        crew.world.sqs.send_message(
            QueueUrl=crew.world.queue_url("video"), MessageBody=json.dumps(body)
        )
    crew.world.database.start()
    crew.worker.said("orders are read again", after=said)

    assert selectors.paused_queues() == {"video"}
    assert visible(crew.world) == 2
    assert starts(jobs) == []
    assert crew.worker.log.count("cannot be read", said) == 1
    services.queue_resume(queue="video", by=BY)
    crew.ended_once(jobs)

    assert crew.worker.stop() == 0
    assert crew.reports("stopped", held=0).stopped_at is not None
