"""Everything that can happen to jobs, in any order, on the real repository code.

A model broker shuffles, repeats and drops messages; workers are paused, die, lose answers and come
back; time passes by moving columns. After each step the invariants I2, I7 and I8 hold; at the end
all that was accepted comes to rest, once (I1).

``STATEFUL_EXAMPLES`` and ``STATEFUL_STEPS`` run it at another size (200 x 30 is the size to reach,
2,000 x 50 the size for a night).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from academy.core.errors import AppError
from academy.jobs import admission, cancel, execute, kinds, lease, reap, replay
from academy.jobs.context import Child, FanOut
from academy.jobs.errors import PermanentError, PoisonError, StopReason, TransientError
from academy.jobs.keeper import Held
from academy.jobs.models import Job
from academy.jobs.states import REPLAYABLE, TERMINAL, JobState, Outcome
from academy.jobs.submit import Order, Submitter, jobs_submit
from tests.support import invariants
from tests.support.jobs import DELIVERY, QUEUE, let_lease_expire, let_wait_pass, make_tenant

EXAMPLES = int(os.environ.get("STATEFUL_EXAMPLES", "100"))
STEPS = int(os.environ.get("STATEFUL_STEPS", "30"))
MAX_LOSSES = 3
MOST_JOBS = 10

SUCCESS = lease.Settlement(JobState.SUCCEEDED, Outcome.SUCCEEDED, result={})
WAITING = lease.Settlement(JobState.WAITING, Outcome.WAITING, next_phase="join")
ERRORS = {
    "transient": TransientError("network_error"),
    "permanent": PermanentError("disk_full"),
    "poison": PoisonError("handler_error"),
    "bug": ZeroDivisionError(),
}
STOPS = {"drained": StopReason.DRAINING, "timed out": StopReason.TIMEOUT}
ENDINGS = ("success", "fan-out", "success, join lost", *ERRORS, *STOPS)

pick = st.integers(0, 10**6)


@dataclass(frozen=True)
class Message:
    job_id: UUID
    version: int


@dataclass
class Worker:
    claim: lease.Claim


class Jobs(RuleBasedStateMachine):
    """The model knows little: what was accepted, which ends were seen, who holds which lease."""

    def __init__(self) -> None:
        super().__init__()
        self.undo = transaction.atomic()
        self.undo.__enter__()
        self.accepted: list[UUID] = []
        self.ends: dict[UUID, str] = {}
        self.states: Counter[str] = Counter()
        self.holders: dict[UUID, int] = {}
        self.expired: set[UUID] = set()
        self.broker: list[Message] = []
        self.meddled = 0
        self.seen: set[Message] = set()
        self.workers: list[Worker] = []

    @initialize()
    def academies(self) -> None:
        self.tenants = [make_tenant(plan="start"), make_tenant()]

    # ------------------------------------------------------------------ clients

    @precondition(lambda self: len(self.accepted) < MOST_JOBS)
    @rule(who=pick, count=st.integers(1, 3), priority=st.integers(0, 9))
    def submit(self, who: int, count: int, priority: int) -> None:
        by = Submitter(self.tenants[who % 2], "model")
        orders = [Order("test.ok", {}, priority=priority)] * count
        self.accepted += [job.pk for job in jobs_submit(by=by, orders=orders)]

    # A few of these go a long way; more would leave nothing for the workers to do.
    @precondition(lambda self: self.accepted and self.meddled < 5)
    @rule(which=pick)
    def cancel(self, which: int) -> None:
        self.meddled += 1
        job = self._job(which)
        if job.state in TERMINAL - {JobState.CANCELLED}:
            with pytest.raises(AppError, match="job_already_ended"):
                cancel.job_cancel(tenant=job.tenant_id, job_id=job.pk)
        else:
            after = cancel.job_cancel(tenant=job.tenant_id, job_id=job.pk)
            assert after.state == ("running" if job.state == "running" else "cancelled")

    @precondition(lambda self: self.accepted and self.meddled < 5)
    @rule(which=pick)
    def replay(self, which: int) -> None:
        self.meddled += 1
        job = self._job(which)
        by = Submitter(self.tenants[0 if job.tenant_id == self.tenants[0].pk else 1], "model")
        if job.state in REPLAYABLE and job.parent_id is None:
            again = replay.job_replay(by=by, job_id=job.pk)
            assert again.replay_of_id == job.pk
            self.accepted.append(again.pk)
        elif job.state == JobState.RETRY_WAIT:
            assert replay.job_retry(by=by, job_id=job.pk).state == "queued"
        else:
            with pytest.raises(AppError, match="job_not_replayable"):
                replay.job_replay(by=by, job_id=job.pk)

    # ------------------------------------------------------------------ relay and broker

    @precondition(lambda self: self.states["queued"])
    @rule(limit=st.integers(1, 5), faults=st.sampled_from(["", "", "lost", "unanswered"]))
    def publish(self, limit: int, faults: str) -> None:
        """The broker takes all; or loses one; or takes one and its answer is lost."""

        def send(due: Sequence[admission.Due]) -> list[UUID]:
            confirmed = [row.id for row in due]
            messages = [Message(row.id, row.version) for row in due]
            if faults == "lost" and messages:
                messages.pop()
            if faults == "unanswered" and confirmed:
                confirmed.pop()
            self.broker += messages
            self.seen.update(messages)
            return confirmed

        admission.publish_due(QUEUE, window=100, limit=limit, publish=send)

    @precondition(lambda self: self.broker or self.states["queued"])
    @rule(which=pick, again=st.booleans(), lost=st.sampled_from([False] * 5 + [True]))
    def deliver(self, which: int, again: bool, lost: bool) -> None:
        """In any order, perhaps more than once, perhaps never."""
        if not self.broker:
            self.publish(3, "")
        if not self.broker:
            return
        index = which % len(self.broker)
        message = self.broker[index] if again else self.broker.pop(index)
        if not lost:
            self._deliver(message)

    def _deliver(self, message: Message) -> None:
        row = Job.unscoped.get(pk=message.job_id)
        found = lease.claim(
            message.job_id, message.version, worker=lease.Worker("model"), delivery=DELIVERY
        )
        assert isinstance(found, lease.Claim) == self._can_be_claimed(row, message.version)
        if isinstance(found, lease.Claim):
            assert found.attempt == row.attempt + 1
            self.holders[found.job_id] = found.attempt
            self.expired.discard(found.job_id)
            self.workers.append(Worker(found))
        else:
            assert found.state == row.state
            assert found.stale == (row.version != message.version)

    def _can_be_claimed(self, row: Job, version: int) -> bool:
        if row.state == "running":
            free = row.pk in self.expired and row.cancel_requested_at is None
            return row.version == version and free and row.losses + 1 < MAX_LOSSES
        return row.version == version and row.state in {"queued", "published"}

    @precondition(lambda self: len(self.seen) > 4)
    @rule(which=pick)
    def deliver_an_old_one(self, which: int) -> None:
        """A message of any time comes once more, whatever has happened since."""
        old = sorted(self.seen, key=lambda message: (message.job_id, message.version))
        self._deliver(old[which % len(old)])

    @precondition(lambda self: len(self.broker) > 3)
    @rule()
    def purge_the_queue(self) -> None:
        self.broker.clear()

    # ------------------------------------------------------------------ workers

    @precondition(lambda self: self.workers)
    @rule(which=pick)
    def heartbeat(self, which: int) -> None:
        claim = self._worker(which).claim
        beat = lease.Beat(claim.job_id, claim.attempt, lease.Progress("at work", 50.0, 1.0))
        asked = Job.unscoped.get(pk=claim.job_id).cancel_requested_at is not None
        with connection.cursor() as cursor:
            answer = lease.renew([beat], cursor)
        held = {(claim.job_id, claim.attempt): asked}
        holds = self._holds(claim)
        assert answer == (held if holds else {})
        if holds:
            self.expired.discard(claim.job_id)

    @precondition(lambda self: self.workers)
    @rule(which=pick)
    def succeed(self, which: int) -> None:
        """The most common end, so that flows get anywhere."""
        self.settle(which, "success")

    @precondition(lambda self: self.workers)
    @rule(which=pick, ending=st.sampled_from(ENDINGS))
    def settle(self, which: int, ending: str) -> None:
        """A worker ends its attempt, in time or long after it lost the lease."""
        worker = self._worker(which)
        self.workers.remove(worker)
        claim, holds = worker.claim, self._holds(worker.claim)
        before = self._row(claim.job_id)
        self._end(claim, ending)
        after = self._row(claim.job_id)
        if holds:
            assert after["state"] != "running"
            assert after["cancel_requested_at"] is None or after["state"] in TERMINAL
            del self.holders[claim.job_id]
        else:
            assert after == before

    def _end(self, claim: lease.Claim, ending: str) -> None:
        spec = kinds.get(claim.kind)
        if ending == "success, join lost":
            lease.settle(claim, SUCCESS)
        elif ending == "fan-out" and claim.phase == "start":
            parts = [Child(str(number), "test.ok", {}) for number in range(2)]
            execute.finish(claim, WAITING, FanOut(parts))
        elif ending in ERRORS or ending in STOPS:
            held = Held(claim, 60)
            if ending in STOPS:
                held.stop(STOPS[ending])
            error = ERRORS.get(ending) or RuntimeError("killed")
            settlement = execute.failure_settlement(claim, spec, held, error)
            assert settlement is not None
            execute.finish(claim, settlement)
        else:
            execute.finish(claim, SUCCESS)

    @precondition(lambda self: self.workers)
    @rule(which=pick)
    def die(self, which: int) -> None:
        """The worker is gone without a word; its lease runs on."""
        self.workers.remove(self._worker(which))

    # ------------------------------------------------------------------ time

    @precondition(lambda self: self.holders)
    @rule(which=pick)
    def a_lease_runs_out(self, which: int) -> None:
        job_id = sorted(self.holders)[which % len(self.holders)]
        let_lease_expire(Job(pk=job_id))
        self.expired.add(job_id)

    @precondition(lambda self: self.states["retry_wait"])
    @rule()
    def waits_are_over(self) -> None:
        let_wait_pass(*Job.unscoped.filter(state="retry_wait"))
        admission.promote_retries()

    @precondition(lambda self: self.expired or self.states["waiting"])
    @rule()
    def reap(self) -> None:
        reap.reap_leases()
        reap.mend_flows()

    @precondition(lambda self: self.states["published"])
    @rule()
    def messages_are_missed(self) -> None:
        Job.unscoped.filter(state="published").update(published_at="2001-01-01T00:00:00Z")
        reap.republish_unanswered()

    # ------------------------------------------------------------------ what must hold

    @invariant()
    def rows_and_logs_are_sound(self) -> None:
        assert invariants.always() == []

    @invariant()
    def an_end_is_an_end(self) -> None:
        rows = dict(Job.unscoped.values_list("pk", "state"))
        self.states = Counter(rows.values())
        ended = {job_id: state for job_id, state in rows.items() if state in TERMINAL}
        for job_id, state in self.ends.items():
            assert ended.get(job_id) == state
        self.ends = ended

    def teardown(self) -> None:
        try:
            if hasattr(self, "tenants"):
                self._come_to_rest()
        finally:
            transaction.set_rollback(True)
            self.undo.__exit__(None, None, None)

    def _come_to_rest(self) -> None:
        """The faults stop: everything must end by itself, without its old messages."""
        self.broker.clear()
        for _ in range(40):
            alive = list(Job.unscoped.filter(finished_at__isnull=True))
            if not alive:
                break
            running = [job for job in alive if job.state == "running"]
            let_lease_expire(*running)
            self.expired.update(job.pk for job in running)
            self.messages_are_missed()
            self.reap()
            self.waits_are_over()
            self.publish(5, "")
            for message in self.broker:
                self._deliver(message)
            self.broker.clear()
            for worker in self.workers:
                execute.finish(worker.claim, SUCCESS)
            self.workers.clear()
        assert invariants.finally_(self.accepted) == []
        for message in self.seen:
            found = lease.claim(
                message.job_id, message.version, worker=lease.Worker("late"), delivery=DELIVERY
            )
            assert isinstance(found, lease.Refusal)

    # ------------------------------------------------------------------ the model's view

    def _holds(self, claim: lease.Claim) -> bool:
        """Whether nobody has taken the job from this worker since it claimed it."""
        row = Job.unscoped.get(pk=claim.job_id)
        if row.state != "running":
            self.holders.pop(claim.job_id, None)
        return self.holders.get(claim.job_id) == claim.attempt

    def _job(self, which: int) -> Job:
        everything = list(Job.unscoped.order_by("created_at", "id"))
        return everything[which % len(everything)]

    def _worker(self, which: int) -> Worker:
        return self.workers[which % len(self.workers)]

    def _row(self, job_id: UUID) -> dict:
        return Job.unscoped.filter(pk=job_id).values().get()


@pytest.mark.django_db
@pytest.mark.timeout(1_800)
def test_whatever_happens_every_job_ends_once_and_no_stale_attempt_writes(monkeypatch, settings_):
    settings_.JOB_MAX_LOSSES = MAX_LOSSES
    monkeypatch.setattr(execute, "patiently", lambda act: act())
    run_state_machine_as_test(
        Jobs,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )


@pytest.fixture
def settings_(request: pytest.FixtureRequest):
    """Django's settings under a name that Hypothesis has not taken."""
    return request.getfixturevalue("settings")
