"""What the relay may publish: fairness, limits, windows, priority."""

from __future__ import annotations

import random
import threading
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection, transaction

from academy.core import clock
from academy.jobs import admission, cancel, lease
from academy.jobs.models import Job
from academy.jobs.states import JobState, Outcome
from academy.tenants.models import QueueLimit
from tests.support.jobs import (
    QUEUE,
    claim,
    in_threads,
    let_wait_pass,
    make_job,
    make_tenant,
    publish,
    run,
    state_of,
)


def _limit(tenant, in_flight: int, **fields) -> None:
    QueueLimit.unscoped.create(tenant=tenant, queue=QUEUE, in_flight=in_flight, **fields)


def test_a_flood_of_one_academy_does_not_delay_another(db):
    flood, small = make_tenant(), make_tenant()
    for _ in range(100):
        make_job(flood)
    late = make_job(small)
    sent = publish(limit=4)
    assert late.pk in {row.id for row in sent}
    assert Counter(row.tenant_id for row in sent) == {flood.pk: 3, small.pk: 1}


def test_turns_go_round_counting_what_each_academy_already_holds(db):
    busy, idle = make_tenant(), make_tenant()
    for _ in range(6):
        make_job(busy)
    assert len(publish(limit=3)) == 3
    for _ in range(6):
        make_job(idle)
    # The idle one catches up before the busy one gets its fourth slot.
    assert [row.tenant_id for row in publish(limit=4)] == [idle.pk] * 3 + [busy.pk]


def test_no_academy_holds_more_than_its_plan_allows(db):
    start, grow = make_tenant(plan="start"), make_tenant(plan="grow")
    for tenant in (start, grow):
        for _ in range(30):
            make_job(tenant)
    assert Counter(row.tenant_id for row in publish()) == {start.pk: 4, grow.pk: 16}
    assert publish() == []


def test_a_limit_of_its_own_replaces_the_plans_until_its_time(db):
    for_good, expired, closed = make_tenant(), make_tenant(), make_tenant()
    _limit(for_good, 2)
    _limit(expired, 2, until=clock.now() - timedelta(minutes=1))
    _limit(closed, 0)
    for tenant in (for_good, expired, closed):
        for _ in range(20):
            make_job(tenant)
    assert Counter(row.tenant_id for row in publish()) == {for_good.pk: 2, expired.pk: 16}


@pytest.mark.parametrize(
    ("state", "outcome", "code"),
    [
        (JobState.SUCCEEDED, Outcome.SUCCEEDED, ""),
        (JobState.FAILED, Outcome.PERMANENT, "handler_error"),
        (JobState.DEAD, Outcome.POISON, "handler_error"),
        (JobState.RETRY_WAIT, Outcome.TRANSIENT, ""),
        (JobState.WAITING, Outcome.WAITING, ""),
    ],
)
def test_a_slot_is_free_again_whichever_way_a_job_leaves_it(tenant, state, outcome, code):
    _limit(tenant, 1)
    first, second = make_job(tenant), make_job(tenant)
    assert [row.id for row in publish()] == [first.pk]
    held = claim(first)
    assert publish() == []
    lease.settle(held, lease.Settlement(state, outcome, error_code=code, delay_seconds=60))
    assert [row.id for row in publish()] == [second.pk]


def test_a_window_bounds_what_waits_on_the_queue_and_not_what_runs(tenant):
    """With as many workers as there are jobs, the window must not be what holds them back."""
    jobs = [make_job(tenant) for _ in range(6)]
    assert len(publish(window=2)) == 2
    assert publish(window=2) == []
    for job in jobs[:2]:
        claim(job)
    assert [row.id for row in publish(window=2)] == [job.pk for job in jobs[2:4]]


def test_priority_comes_first_and_then_age_within_an_academy(tenant):
    late = make_job(tenant, priority=5)
    urgent = make_job(tenant, priority=0)
    early = make_job(tenant, priority=5, created_at=late.created_at - timedelta(hours=1))
    assert [row.id for row in publish()] == [urgent.pk, early.pk, late.pk]


def test_a_suspended_academy_waits_and_goes_on_when_it_is_back(db):
    tenant = make_tenant(is_active=False)
    job = make_job(tenant)
    assert publish() == []
    tenant.is_active = True
    tenant.save()
    assert [row.id for row in publish()] == [job.pk]


def test_a_job_is_not_published_before_its_time(tenant):
    later = make_job(tenant, not_before=clock.now() + timedelta(hours=1))
    assert publish() == []
    let_wait_pass(later)
    assert [row.id for row in publish()] == [later.pk]


@pytest.mark.parametrize("minutes", [15, -15])
def test_at_once_is_at_once_whatever_the_submitters_clock_says(tenant, minutes: int):
    with clock.shifted(timedelta(minutes=minutes)):
        job = make_job(tenant)
    assert [row.id for row in publish()] == [job.pk]


def test_other_queues_are_left_alone(tenant):
    make_job(tenant, "test.sleep")
    assert publish(QUEUE) == []
    assert len(publish("video")) == 1


def test_what_the_broker_did_not_take_stays_queued(tenant):
    jobs = [make_job(tenant) for _ in range(4)]
    count = admission.publish_due(
        QUEUE, window=10, limit=10, publish=lambda due: [row.id for row in due[1:3]]
    )
    assert count == 2
    assert [state_of(job) for job in jobs] == ["queued", "published", "published", "queued"]


def test_a_crash_of_the_publisher_leaves_the_row_to_be_published_again(tenant):
    job = make_job(tenant)

    def crash(due):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        admission.publish_due(QUEUE, window=10, limit=10, publish=crash)
    assert state_of(job) == "queued"
    assert [row.id for row in publish()] == [job.pk]


def test_a_message_that_is_claimed_before_it_is_marked_stays_claimed(tenant):
    """The broker can be faster than the relay's own commit."""
    job = make_job(tenant)

    def publish_and_claim(due):
        claim(job)
        return [row.id for row in due]

    assert admission.publish_due(QUEUE, window=10, limit=10, publish=publish_and_claim) == 1
    assert (state_of(job), job.attempt) == ("running", 1)


def test_a_row_that_was_queued_anew_while_its_message_was_sent_is_not_marked(tenant):
    job = make_job(tenant)

    def publish_and_release(due):
        lease.settle(claim(job), lease.Settlement(JobState.QUEUED, Outcome.RELEASED))
        return [row.id for row in due]

    admission.publish_due(QUEUE, window=10, limit=10, publish=publish_and_release)
    assert (state_of(job), job.version) == ("queued", 2)
    assert [(row.id, row.version) for row in publish()] == [(job.pk, 2)]


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_hangs_delays_neither_a_cancel_nor_a_claim(tenant):
    cancelled, claimed = make_job(tenant), make_job(tenant)
    sending, go_on = threading.Event(), threading.Event()

    def hang(due):
        sending.set()
        assert go_on.wait(timeout=20)
        return [row.id for row in due]

    def act(number: int) -> None:
        if number == 0:
            admission.publish_due(QUEUE, window=10, limit=10, publish=hang)
            return
        assert sending.wait(timeout=10)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '1s'")
            cancel.job_cancel(tenant=tenant, job_id=cancelled.pk)
            claim(claimed)
        finally:
            go_on.set()

    in_threads(2, act)
    assert (state_of(cancelled), state_of(claimed)) == ("cancelled", "running")


@pytest.mark.django_db(transaction=True)
def test_a_row_that_somebody_holds_does_not_keep_the_others_from_being_marked(tenant):
    held, free = make_job(tenant), make_job(tenant)
    locked, published = threading.Event(), threading.Event()

    def act(number: int) -> None:
        if number == 0:
            with transaction.atomic():
                Job.unscoped.select_for_update().get(pk=held.pk)
                locked.set()
                assert published.wait(timeout=10)
            return
        assert locked.wait(timeout=10)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '1s'")
            publish()
        finally:
            published.set()

    in_threads(2, act)
    assert (state_of(held), state_of(free)) == ("queued", "published")
    assert [row.id for row in publish()] == [held.pk]


@pytest.mark.django_db(transaction=True)
def test_relays_side_by_side_publish_each_row_once_and_never_pass_a_limit(db):
    tenants = [make_tenant() for _ in range(3)]
    for tenant in tenants:
        _limit(tenant, 3)
        for _ in range(12):
            make_job(tenant)
    sent: list[tuple] = []
    over: list[Counter] = []

    def relay(number: int) -> None:
        rng = random.Random(number)
        for _ in range(400):
            done = Job.unscoped.exclude(state="succeeded").count() == 0
            if done:
                return
            admission.publish_due(
                QUEUE, window=50, limit=rng.randint(1, 5), publish=lambda due: _take(sent, due)
            )
            in_flight = Job.unscoped.filter(state__in=["published", "running"])
            counts = Counter(in_flight.values_list("tenant_id", flat=True))
            if any(count > 3 for count in counts.values()):
                over.append(counts)
            for job in in_flight.filter(state="published")[:2]:
                found = lease.claim(
                    job.pk, job.version, worker=lease.Worker(str(number)), delivery=lease.Delivery()
                )
                if isinstance(found, lease.Claim):
                    lease.settle(found, lease.Settlement(JobState.SUCCEEDED, Outcome.SUCCEEDED))

    in_threads(3, relay)
    assert over == []
    assert max(Counter(sent).values()) == 1
    assert len(sent) == 36
    assert Job.unscoped.filter(state="succeeded").count() == 36


def _take(sent: list, due):
    sent.extend((row.id, row.version) for row in due)
    return [row.id for row in due]


@pytest.mark.django_db(transaction=True)
def test_a_second_relay_passes_a_queue_by_while_the_first_is_at_it(tenant):
    make_job(tenant)
    inside, other_done = threading.Event(), threading.Event()

    def slow(due):
        inside.set()
        assert other_done.wait(timeout=10)
        return [row.id for row in due]

    def act(number: int) -> int | None:
        if number == 0:
            return admission.publish_due(QUEUE, window=9, limit=9, publish=slow)
        assert inside.wait(timeout=10)
        try:
            return admission.publish_due(QUEUE, window=9, limit=9, publish=slow)
        finally:
            other_done.set()

    assert in_threads(2, act) == [1, None]


def test_rows_whose_wait_is_over_are_queued_under_a_new_version(tenant):
    waiting, due = make_job(tenant, "test.transient"), make_job(tenant, "test.transient")
    for job in (waiting, due):
        run(job)
        assert job.state == "retry_wait"
    let_wait_pass(due)
    assert admission.promote_retries() == 1
    assert (state_of(due), due.version) == ("queued", 2)
    assert (state_of(waiting), waiting.version) == ("retry_wait", 1)
