"""The tally on a real PostgreSQL: every committed event counted exactly once, whatever happens."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, transaction

from academy.core import clock
from academy.jobs import cancel, kinds, lease, reap
from academy.jobs.models import Job, JobEvent
from academy.jobs.states import TERMINAL, JobState, Outcome
from academy.telemetry import metrics, store, tally
from academy.telemetry.models import EventTally
from tests.support.jobs import (
    QUEUE,
    claim,
    drain,
    in_threads,
    let_lease_expire,
    let_wait_pass,
    make_job,
    make_tenant,
    publish,
    run,
)
from tests.support.kinds import registry

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _test_kinds(monkeypatch: pytest.MonkeyPatch, settings, tmp_path) -> None:
    monkeypatch.setattr(kinds, "_kinds", dict(kinds._kinds))
    registry.register()
    settings.SCRATCH_DIR = tmp_path


@pytest.fixture
def tenant(transactional_db):
    return make_tenant()


def catch_up(deadline_seconds: float = 60) -> int:
    """Tally until all that is committed is counted; returns how many events and steps that were.

    Transactions of other databases of the server hold a tally back, so that one sweep may not do.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        last = cursor.fetchone()[0]
    counted = 0
    until = clock.monotonic() + deadline_seconds
    while True:
        counted += tally.sweep()
        if EventTally.objects.get().watermark > last:
            return counted
        assert clock.monotonic() < until, "the tally never got there"


def counter(metric: metrics.Metric, **labels: str) -> float:
    """The sum of the counter's series that have these labels."""
    return sum(
        value
        for series, value in store.values().get(metric, {}).items()
        if labels.items() <= dict(zip(metric.labels, series, strict=True)).items()
    )


def events(event: str = "", **labels: str) -> float:
    return counter(metrics.JOB_EVENTS, **labels, **({"event": event} if event else {}))


def levels() -> dict[tuple[str, str, str], int]:
    """What the level says of open jobs, by queue, kind and state; zeros left out."""
    stored = store.values().get(metrics.JOBS, {})
    return {series: int(jobs) for series, jobs in stored.items() if jobs}


def open_jobs() -> dict[tuple[str, str, str], int]:
    """The same from the rows."""
    ended = [state.value for state in TERMINAL]
    rows = Job.unscoped.exclude(state__in=ended).values_list("queue", "kind", "state")
    return dict(Counter(rows))


@contextmanager
def another_session() -> Iterator[psycopg.Connection[Any]]:
    """A connection that is nobody's, in an open transaction."""
    parameters = connection.get_connection_params()
    for name in ("cursor_factory", "context", "prepare_threshold"):
        parameters.pop(name, None)
    with psycopg.connect(**parameters) as session:
        yield session


SUBMIT = """
INSERT INTO job (id, tenant_id, kind, kind_version, queue, priority, params, submitted_by,
    request_id, state, version, event_seq, not_before, created_at, attempt, failures, losses,
    lease_owner, phase, step, percent, checkpoint, artifacts, output_prefix, error_code,
    error_params, child_key)
SELECT gen_random_uuid(), %s, 'test.ok', 1, %s, 5, '{}', 'test', '', 'queued', 1, 0, now(), now(),
    0, 0, 0, '', 'start', '', 0, '{}', '[]', '', '', '{}', ''
FROM generate_series(1, %s)
"""


def test_every_step_is_counted_once_by_kind_queue_plan_and_event(tenant):
    jobs = [make_job(tenant) for _ in range(3)]
    assert catch_up() == 3
    assert events("submitted", kind="test.ok", queue=QUEUE, tier="grow") == 3
    drain()
    assert {job.state for job in Job.unscoped.filter(pk__in=[job.pk for job in jobs])} == {
        "succeeded"
    }
    assert catch_up() == 9
    assert catch_up() == 0
    assert [events(name) for name in ("submitted", "published", "running", "succeeded")] == [3] * 4
    assert events() == JobEvent.objects.count() == 12
    assert counter(metrics.JOB_ATTEMPTS, outcome="succeeded", host_kind="cpu") == 3


def test_a_transaction_that_commits_late_is_counted_then_and_only_then(tenant):
    make_job(tenant)
    assert catch_up() == 1
    with another_session() as late:
        late.execute(SUBMIT, [tenant.pk, QUEUE, 1])
        for _ in range(4):
            make_job(tenant)
        # Its number is lower than theirs: nothing beyond it may be passed over.
        assert tally.sweep() == 0
        assert tally.sweep() == 0
        late.commit()
    assert catch_up() == 5
    assert catch_up() == 0
    assert events("submitted") == 6


def test_what_is_rolled_back_is_never_counted(tenant):
    with another_session() as session:
        session.execute(SUBMIT, [tenant.pk, QUEUE, 3])
        make_job(tenant)
        session.rollback()
    assert catch_up() == 1
    assert events("submitted") == 1


def test_a_tally_that_dies_before_its_commit_changes_nothing(tenant, monkeypatch):
    for _ in range(3):
        make_job(tenant)
    catch_up()
    make_job(tenant)
    before = EventTally.objects.values().get()

    def die(cursor: Any, *_: object) -> None:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    monkeypatch.setattr(tally, "_advance", die)
    with pytest.raises(OperationalError):
        tally.count_events()
    connection.close()
    monkeypatch.undo()
    assert events("submitted") == 3
    assert EventTally.objects.values().get() == before
    assert catch_up() == 1
    assert events("submitted") == 4


def test_counters_only_grow_and_end_exact_while_many_write_and_several_count(tenant, monkeypatch):
    """Writers with long and short transactions, three tallies at once, rounds of few events."""
    monkeypatch.setattr(tally, "ROUND_EVENTS", 7)
    monkeypatch.setattr(tally, "ROUND_TRANSACTIONS", 50)
    writers, each = 3, 25
    busy = threading.Semaphore(0)

    def act(number: int) -> int:
        if number < writers:
            try:
                for turn in range(each):
                    with transaction.atomic():
                        jobs = [make_job(tenant) for _ in range(1 + turn % 3)]
                        if turn % 5 == 4:
                            transaction.set_rollback(True)
                            continue
                    for job in jobs:
                        assert run(job)
            finally:
                busy.release()
            return 0
        counted, seen = 0, []
        deadline = clock.monotonic() + 60
        while clock.monotonic() < deadline:
            done = busy._value >= writers
            counted += tally.sweep()
            seen.append(events())
            if done and seen[-1] == JobEvent.objects.count():
                break
        assert all(before <= after for before, after in pairwise(seen))
        return counted

    counted = in_threads(writers + 3, act)
    connection.close()
    total = JobEvent.objects.count()
    assert total > writers * each
    assert events() == total == sum(counted)
    assert levels() == open_jobs() == {}


def test_one_counting_process_sees_its_counters_only_grow(tenant):
    seen = []
    for _ in range(5):
        run(make_job(tenant))
        catch_up()
        seen.append(events())
    assert seen == [3.0, 6.0, 9.0, 12.0, 15.0]


def test_a_transaction_larger_than_a_round_is_counted_whole(tenant, monkeypatch):
    monkeypatch.setattr(tally, "ROUND_EVENTS", 10)
    make_job(tenant)
    with another_session() as session:
        session.execute(SUBMIT, [tenant.pk, QUEUE, 35])
        session.commit()
    for _ in range(12):
        make_job(tenant)
    rounds: list[int] = []
    until = clock.monotonic() + 60
    while sum(rounds) < 48 and clock.monotonic() < until:
        rounds.append(tally.count_events()[0])
    assert sum(rounds) == 48
    assert sum(count >= 35 for count in rounds) == 1
    assert sorted(rounds)[-2] <= 11
    assert events("submitted") == 48


def test_transactions_that_wrote_no_event_are_passed_in_bounded_steps(tenant, monkeypatch):
    monkeypatch.setattr(tally, "ROUND_TRANSACTIONS", 5)
    catch_up()
    for _ in range(20):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id()")
    make_job(tenant)
    rounds = 0
    until = clock.monotonic() + 60
    while not events("submitted") and clock.monotonic() < until:
        tally.count_events()
        rounds += 1
    assert rounds >= 4
    assert events("submitted") == 1


def test_events_from_before_the_column_are_left_alone_and_the_levels_are_right(tenant):
    old = [make_job(tenant) for _ in range(3)]
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE job_event DISABLE TRIGGER job_event_append_only")
        cursor.execute("UPDATE job_event SET tx = NULL")
        cursor.execute("ALTER TABLE job_event ENABLE TRIGGER job_event_append_only")
    run(old[0])
    make_job(tenant)
    catch_up()
    assert events("submitted") == 1
    assert levels() == open_jobs() == {(QUEUE, "test.ok", "queued"): 3}


def test_levels_follow_every_state_and_are_taken_anew_after_a_purge(tenant):
    jobs = [make_job(tenant) for _ in range(6)]
    catch_up()
    publish(limit=4)
    claim(jobs[0])
    held = claim(jobs[1])
    lease.settle(
        held,
        lease.Settlement(
            JobState.RETRY_WAIT, Outcome.TRANSIENT, error_code="busy", delay_seconds=60
        ),
    )
    catch_up()
    assert levels() == open_jobs() == {
        (QUEUE, "test.ok", "queued"): 2,
        (QUEUE, "test.ok", "published"): 2,
        (QUEUE, "test.ok", "running"): 1,
        (QUEUE, "test.ok", "retry_wait"): 1,
    }  # fmt: skip
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL academy.purge = 'on'")
        cursor.execute("DELETE FROM job_event WHERE job_id = %s", [jobs[5].pk])
        cursor.execute("DELETE FROM job WHERE id = %s", [jobs[5].pk])
    catch_up()
    assert levels() != open_jobs()
    EventTally.objects.update(levelled_at=clock.now() - 2 * tally.LEVEL_EVERY)
    with another_session() as late:
        # Uncounted events, some of them visible, must not be in the level twice.
        late.execute(SUBMIT, [tenant.pk, QUEUE, 1])
        make_job(tenant)
        tally.sweep()
        late.commit()
    catch_up()
    assert levels() == open_jobs()


def test_a_restored_database_goes_on_counting_and_counts_nothing_twice(tenant):
    """A dump keeps the events' numbers; the new server's own start far below them."""
    for _ in range(3):
        make_job(tenant)
    catch_up()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE job_event DISABLE TRIGGER job_event_append_only")
        cursor.execute("UPDATE job_event SET tx = tx + 200")
        cursor.execute("ALTER TABLE job_event ENABLE TRIGGER job_event_append_only")
        cursor.execute("UPDATE event_tally SET watermark = watermark + 1000000")
    catch_up()
    for _ in range(3):
        make_job(tenant)
    with connection.cursor() as cursor:
        for _ in range(400):
            cursor.execute("SELECT pg_current_xact_id()")
    catch_up()
    assert events("submitted") == 6
    assert levels() == open_jobs()


def test_run_and_wait_times_fall_into_the_buckets_of_their_length(tenant):
    job = make_job(tenant)
    publish()
    claim(job)
    with connection.cursor() as cursor:
        # Queued 4 s before the claim; ran 0.5 s exactly, which belongs to the bucket of 0.5.
        cursor.execute("ALTER TABLE job_event DISABLE TRIGGER job_event_append_only")
        cursor.execute(
            "UPDATE job_event SET at = at - interval '4 seconds', data = jsonb_build_object("
            "'not_before', now() - interval '1 hour') WHERE type = 'submitted'"
        )
        cursor.execute("ALTER TABLE job_event ENABLE TRIGGER job_event_append_only")
    claimed = lease.Claim(job.pk, tenant.pk, "test.ok", 1, 1, "start", 0, {}, {}, None)
    lease.settle(claimed, lease.Settlement(JobState.SUCCEEDED, Outcome.SUCCEEDED))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE job_attempt SET ended_at = started_at + interval '0.5 seconds'")
    catch_up()
    found = store.histograms()
    ran = found[metrics.JOB_RUN][QUEUE, "test.ok", "succeeded"]
    assert ran.counts == {0.5: 1}
    assert ran.total == pytest.approx(0.5)
    waited = found[metrics.JOB_WAIT][QUEUE, "test.ok"]
    assert waited.counts == {5.0: 1}
    assert 4.0 <= waited.total < 5.0


def test_a_wait_before_a_retry_is_not_counted_as_waiting_for_a_worker(tenant):
    job = make_job(tenant)
    held = claim(job)
    lease.settle(
        held,
        lease.Settlement(
            JobState.RETRY_WAIT, Outcome.TRANSIENT, error_code="busy", delay_seconds=3_600
        ),
    )
    let_wait_pass(job)
    with connection.cursor() as cursor:
        # Its wait was over a minute ago, and the relay did not come by until now.
        cursor.execute("UPDATE job SET state = 'queued', version = version + 1")
    claim(job)
    catch_up()
    waited = store.histograms()[metrics.JOB_WAIT][QUEUE, "test.ok"]
    assert waited.counts.get(120.0) == 1
    assert sum(waited.counts.values()) == 2
    assert counter(metrics.JOB_FAILURES, state="retry_wait", code="busy") == 1
    assert counter(metrics.JOB_ATTEMPTS, outcome="transient") == 1


def test_a_job_submitted_for_later_has_not_been_waiting_meanwhile(tenant):
    job = make_job(tenant, not_before=clock.now() + timedelta(hours=2))
    claim(job)
    catch_up()
    waited = store.histograms()[metrics.JOB_WAIT][QUEUE, "test.ok"]
    assert waited.total == 0.0


def test_a_lost_message_does_not_hide_how_long_its_job_waited(tenant, settings):
    job = make_job(tenant)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE job_event DISABLE TRIGGER job_event_append_only")
        cursor.execute(
            "UPDATE job_event SET at = at - interval '20 minutes', data = jsonb_build_object("
            "'not_before', now() - interval '1 hour')"
        )
        cursor.execute("ALTER TABLE job_event ENABLE TRIGGER job_event_append_only")
    publish()
    settings.JOB_REPUBLISH_SECONDS = 0
    assert reap.republish_unanswered() == 1
    publish()
    claim(job)
    catch_up()
    assert counter(metrics.JOBS_REPUBLISHED, kind="test.ok") == 1
    assert store.histograms()[metrics.JOB_WAIT][QUEUE, "test.ok"].counts == {1800.0: 1}


def test_a_take_over_is_counted_by_who_found_it(tenant):
    by_claim, by_sweep = make_job(tenant), make_job(tenant)
    for job in (by_claim, by_sweep):
        claim(job)
    let_lease_expire(by_claim, by_sweep)
    claim(by_claim)
    assert reap.reap_leases() == 1
    catch_up()
    assert counter(metrics.LEASE_TAKEOVERS, found_by="claim") == 1
    assert counter(metrics.LEASE_TAKEOVERS, found_by="sweep") == 1
    assert counter(metrics.JOB_ATTEMPTS, outcome="lost") == 2
    assert events("taken_over") == 1


def test_a_running_job_that_is_cancelled_counts_one_attempt(tenant):
    job = make_job(tenant)
    held = claim(job)
    cancel.job_cancel(tenant=tenant, job_id=job.pk)
    lease.settle(held, lease.Settlement(JobState.CANCELLED, Outcome.CANCELLED))
    catch_up()
    assert events("cancel_requested") == events("cancelled") == 1
    assert counter(metrics.JOB_ATTEMPTS) == counter(metrics.JOB_ATTEMPTS, outcome="cancelled") == 1


def test_steps_of_the_ledger_are_counted_and_forgotten(tenant, monkeypatch):
    job = make_job(tenant)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO effect (id, tenant_id, job_id, key, state, attempt, provider_reference,"
            " error_code, created_at, updated_at)"
            " SELECT gen_random_uuid(), %s, %s, n::text, 'planned', 1, '', '', now(), now()"
            " FROM generate_series(1, 3) n",
            [tenant.pk, job.pk],
        )
        cursor.execute("UPDATE effect SET state = 'sending'")
        cursor.execute("UPDATE effect SET attempt = 2")
        cursor.execute("UPDATE effect SET state = 'sent' WHERE key = '1'")
        cursor.execute("UPDATE effect SET updated_at = now()")
    monkeypatch.setattr(tally, "STEPS", 4)
    while tally.count_effects():
        pass
    counted = {
        state: counter(metrics.EFFECTS, state=state, kind="test.ok", queue=QUEUE)
        for state in ("planned", "sending", "sent")
    }
    assert counted == {"planned": 3, "sending": 6, "sent": 1}


def test_lag_is_small_when_caught_up_and_grows_behind_an_open_transaction(tenant):
    catch_up()
    with another_session() as late:
        late.execute("SELECT pg_current_xact_id()")
        make_job(tenant)
        for _ in range(3):
            tally.sweep()
        held_back = EventTally.objects.get().caught_up_at
        opened = late.execute(
            "SELECT xact_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        ).fetchone()
        assert opened is not None
        assert held_back is None or held_back <= opened[0]
    until = clock.monotonic() + 60
    after = None
    while (after is None or after <= opened[0]) and clock.monotonic() < until:
        tally.sweep()
        after = EventTally.objects.get().caught_up_at
    assert after is not None
    assert after > opened[0]
