"""Everything breaks, one thing at a time; every accepted job ends once, as it should.

The tests of this module share a world and run in their order: what takes long is begun first and
looked at in the end.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
from dataclasses import dataclass
from uuid import uuid4

import pytest

from academy.core import clock
from academy.deadletters.models import DeadLetter
from academy.jobs import cancel
from academy.jobs.models import Job, JobAttempt
from tasks import queues
from tests.support import invariants
from tests.support.processes import Process, eventually
from tests.support.workers import envelope
from tests.support.world import FINISH_SECONDS, LEASE_SECONDS, VISIBILITY_SECONDS, World

QUEUES = ("video", "ai-lite", "ai-basic", "messaging")
LONG_SECONDS = 40.0
TAKEOVER_SECONDS = LEASE_SECONDS + 1.0 + 0.5 + 2.0
"""Lease, the reaper's grace, the sweep's interval, and 2 s."""


@dataclass
class Crew:
    """The processes at work, and what was begun at the start."""

    workers: dict[str, Process]
    relay: Process
    long_task: Job
    poison: list[str]


@pytest.fixture(scope="module")
def crew(world: World) -> Crew:
    relay = world.relay()
    workers = {queue: world.worker(queue) for queue in QUEUES}
    for worker in workers.values():
        worker.said(" ready.")
    (long_task,) = world.submit(
        world.tenant(), "test.fan_out", children=1, part_seconds=LONG_SECONDS
    )
    bodies = poison(world)
    for body in bodies:
        world.sqs.send_message(QueueUrl=world.queue_url("ai-lite"), MessageBody=body)
    return Crew(workers, relay, long_task, bodies)


def poison(world: World) -> list[str]:
    """Eleven messages behind which no job stands."""
    row = queues.by_name("ai-lite", world.environ)
    call = {"job": str(uuid4()), "version": 1}
    return [
        secrets.token_hex(200),
        "{broken",
        json.dumps({"job": call["job"], "version": 1}),
        json.dumps(envelope(row) | {"body": "{broken"}),
        json.dumps(envelope(row, call, task="os.system")),
        json.dumps(envelope(row, call, task="academy.video.run")),
        json.dumps(envelope(row, call, embedded={"callbacks": [{"task": row.task}]})),
        json.dumps(envelope(row, call, eta="2031-01-01T00:00:00+00:00")),
        json.dumps(envelope(row, {**call, "surprise": 1})),
        json.dumps(envelope(row, {"job": "no uuid", "version": "1"})),
        json.dumps(envelope(row, call)),  # well made, for a job that does not exist
    ]


def _outcomes(job: Job) -> list[str]:
    attempts = JobAttempt.objects.filter(job=job).order_by("number")
    return list(attempts.values_list("outcome", flat=True))


def test_a_killed_pool_process_costs_one_loss_and_its_worker_lives(world, crew, tenant):
    (job,) = world.submit(tenant, "test.sleep", seconds=2.0)
    os.kill(world.holder(job), signal.SIGKILL)
    world.end(job)
    assert (job.state, job.attempt, job.losses) == ("succeeded", 2, 1)
    assert _outcomes(job) == ["lost", "succeeded"]
    assert crew.workers["video"].alive


def test_a_worker_paused_beyond_its_lease_can_write_nothing(world, crew, tenant):
    (job,) = world.submit(tenant, "test.sleep", seconds=3.0)
    world.holder(job)
    paused = crew.workers["video"]
    paused.signal_all(signal.SIGSTOP)
    second = world.worker("video").said(" ready.")
    try:
        world.end(job)
        assert (job.state, job.result["attempt"]) == ("succeeded", 2)
        before = job.__dict__ | {"_state": None}
    finally:
        paused.signal_all(signal.SIGCONT)
    eventually(lambda: "the lease was lost" in paused.log or "fenced off" in paused.log, 15)
    job.refresh_from_db()
    assert job.__dict__ | {"_state": None} == before
    assert _outcomes(job) == ["lost", "succeeded"]
    assert paused.alive
    second.stop()


def test_a_host_that_goes_is_taken_over_within_lease_and_sweep(world, crew, tenant):
    gone = crew.workers["video"]
    other = crew.workers["video"] = world.worker("video").said(" ready.")
    jobs = world.submit(tenant, "test.sleep", 2, seconds=2.0)
    for job in jobs:
        world.becomes(job, "running")
    held = next(job for job in jobs if world.holder(job) in gone.session())
    gone.signal_all(signal.SIGKILL)
    killed_at = clock.now()
    world.end(*jobs)
    second = JobAttempt.objects.get(job=held, number=2)
    # The other worker may be at the other job when this one is due.
    assert (second.started_at - killed_at).total_seconds() < TAKEOVER_SECONDS + 2.0
    assert {job.state for job in jobs} == {"succeeded"}
    assert sum(job.losses for job in jobs) == 1
    assert other.alive


def test_a_killed_parent_leaves_no_job_behind_and_no_process(world, crew, tenant):
    """Its orphan may finish the job, or die with it: one of both succeeds, once."""
    (job,) = world.submit(tenant, "test.sleep", seconds=2.0)
    world.holder(job)
    orphaned = crew.workers["video"]
    orphaned.signal(signal.SIGKILL)
    orphaned.wait(5)
    crew.workers["video"] = world.worker("video").said(" ready.")
    world.end(job)
    assert job.state == "succeeded"
    assert _outcomes(job).count("succeeded") == 1
    eventually(lambda: not orphaned.session(), 15, "the orphan ends")


def test_a_worker_told_to_stop_finishes_what_it_can_and_gives_back_the_rest(world, crew, tenant):
    first = crew.workers["video"]
    (short,) = world.submit(tenant, "test.sleep", seconds=FINISH_SECONDS * 0.6)
    world.holder(short)
    assert first.stop(20) == 0
    short.refresh_from_db()
    assert (short.state, short.attempt) == ("succeeded", 1)

    second = world.worker("video").said(" ready.")
    (long,) = world.submit(tenant, "test.sleep", seconds=60.0, beats=600)
    world.holder(long)
    asked_at = clock.monotonic()
    assert second.stop(20) == 0
    assert clock.monotonic() - asked_at < FINISH_SECONDS + 6.0
    long.refresh_from_db()
    assert long.state in {"queued", "published"}
    assert (long.losses, long.failures, _outcomes(long)) == (0, 0, ["released"])

    crew.workers["video"] = world.worker("video").said(" ready.")
    world.becomes(long, "running")
    assert long.attempt == 2
    cancelled_at = clock.monotonic()
    cancel.job_cancel(tenant=tenant, job_id=long.pk)
    world.becomes(long, "cancelled")
    assert clock.monotonic() - cancelled_at < 5.0
    assert _outcomes(long) == ["released", "cancelled"]


def test_messages_that_come_twice_late_and_out_of_order_run_each_job_once(world, crew, tenant):
    proxy = world.proxy
    proxy.fault("SendMessageBatch", times=None, duplicate=True)
    proxy.fault("ReceiveMessage", times=2, lose_answer=True)
    proxy.fault("DeleteMessageBatch", times=2, lose_answer=True)
    try:
        jobs = world.submit(tenant, "test.ok", 12)
        effects = world.submit(tenant, "test.effect", 4)
        world.end(*jobs, *effects)
        eventually(lambda: world.messages("messaging") == 0, 20, "every copy is settled")
    finally:
        proxy.heal()
    assert {(job.state, job.attempt) for job in [*jobs, *effects]} == {("succeeded", 1)}
    sends = [n for send, n in world.provider.sends().items() if send[0] == str(tenant.pk)]
    assert sends == [1] * 4


def test_a_purged_queue_is_filled_again_from_the_rows(world, crew, tenant):
    worker = crew.workers["ai-lite"]
    worker.signal_all(signal.SIGSTOP)
    try:
        jobs = world.submit(tenant, "test.ok", 8)
        for job in jobs:
            world.becomes(job, "published")
        world.sqs.purge_queue(QueueUrl=world.queue_url("ai-lite"))
    finally:
        worker.signal_all(signal.SIGCONT)
    # The purge took the poison, too.
    for body in crew.poison:
        world.sqs.send_message(QueueUrl=world.queue_url("ai-lite"), MessageBody=body)
    world.end(*jobs)
    assert {(job.state, job.attempt) for job in jobs} == {("succeeded", 1)}


def test_with_sqs_away_jobs_are_accepted_and_run_when_it_is_back(world, crew, tenant):
    running = world.submit(tenant, "test.sleep", 1, seconds=5.0)[0]
    world.holder(running)
    world.proxy.down()
    down_at = clock.monotonic()
    jobs = world.submit(tenant, "test.ok", 8)
    world.end(running)
    assert (running.state, running.attempt) == ("succeeded", 1)
    eventually(lambda: clock.monotonic() - down_at >= 20.0, 25)
    assert world.open([job.pk for job in jobs]) == [job.pk for job in jobs]
    world.proxy.up()
    up_at = clock.monotonic()
    world.end(*jobs)
    assert {job.state for job in jobs} == {"succeeded"}
    assert clock.monotonic() - up_at < 25.0
    assert crew.relay.alive
    assert all(worker.alive for worker in crew.workers.values())


def test_work_many_times_longer_than_the_visibility_runs_once(world, crew):
    world.end(crew.long_task, seconds=90.0)
    part = Job.unscoped.get(parent=crew.long_task)
    assert LONG_SECONDS > 6 * VISIBILITY_SECONDS
    assert (part.state, part.attempt, part.losses) == ("succeeded", 1, 0)
    worked = (part.finished_at - part.started_at).total_seconds()
    assert worked >= LONG_SECONDS
    assert crew.long_task.state == "succeeded"


def test_a_database_stopped_hard_loses_nothing_that_was_accepted(world, crew, tenant):
    world.end(crew.long_task, seconds=90.0)  # it keeps the only worker of its queue
    jobs = [
        *world.submit(tenant, "test.sleep", 2, seconds=2.0),
        *world.submit(tenant, "test.ok", 10),
        *world.submit(tenant, "test.fan_out", 2, children=4),
        *world.submit(tenant, "test.effect", 4),
    ]
    world.becomes(jobs[0], "running")
    world.stop_database()
    stopped_at = clock.monotonic()
    eventually(lambda: clock.monotonic() - stopped_at >= 2.0, 5)
    world.database.start()
    world.end(*jobs, seconds=90.0)
    assert {job.state for job in jobs} == {"succeeded"}
    assert crew.relay.alive
    assert all(worker.alive for worker in crew.workers.values())


def test_poison_ends_among_the_dead_letters_and_its_worker_lives(world, crew, tenant):
    letters = DeadLetter.objects.filter(queue="ai-lite", source="message", state="open")
    eventually(lambda: letters.count() >= len(crew.poison), 60, "all are dead letters")
    (job,) = world.submit(tenant, "test.ok")
    world.end(job)
    assert job.state == "succeeded"
    assert crew.workers["ai-lite"].alive
    assert crew.workers["ai-lite"].starts == 1


def test_after_all_of_it_every_job_has_ended_once_and_every_log_is_a_legal_path(world, crew):
    accepted = Job.unscoped.values_list("pk", flat=True)
    assert invariants.finally_(accepted) == []
    sends = world.provider.sends()
    assert set(sends.values()) == {1}

    def all_listed() -> bool:
        unread = sum(world.messages(queue, dlq=True) for queue in QUEUES)
        return invariants.listed(unread) == []

    eventually(all_listed, 30, "all that died is listed")
    for queue in QUEUES:
        assert eventually(lambda queue=queue: world.messages(queue) == 0, 30, f"{queue} is empty")
