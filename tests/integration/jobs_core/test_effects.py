"""Effects that cannot be undone happen once, whatever is lost on the way."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from academy.jobs import effects
from academy.jobs.context import Done
from academy.jobs.effects import NeverArrived, Refused, Sent
from academy.jobs.models import Effect
from tests.support.jobs import (
    Handlers,
    claim,
    in_threads,
    let_lease_expire,
    let_wait_pass,
    make_job,
    make_tenant,
    run,
    state_of,
)


class Provider:
    """Remembers by key what reached it; faults are queued for the next calls."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.asked: list[str] = []
        self.lose_answers = 0
        self.refuse_to_answer = 0
        self.lose_requests = 0

    def send(self, key: str) -> Sent | Refused:
        if self.lose_requests:
            self.lose_requests -= 1
            raise TimeoutError
        self.sent.append(key)
        if self.lose_answers:
            self.lose_answers -= 1
            raise TimeoutError
        return Sent(f"ref-{len(self.sent)}")

    def ask(self, key: str) -> Sent | NeverArrived:
        self.asked.append(key)
        if self.refuse_to_answer:
            self.refuse_to_answer -= 1
            raise TimeoutError
        return Sent("ref-asked") if key in self.sent else NeverArrived()


@pytest.fixture
def provider() -> Provider:
    return Provider()


def _kind(handlers: Handlers, provider: Provider, occurrence: str = "notice-1") -> str:
    def notify(context):
        row = effects.perform(context, occurrence, send=provider.send, ask=provider.ask)
        return Done({"state": row.state, "reference": row.provider_reference})

    return handlers.kind(notify, max_attempts=20)


def _again(job) -> None:
    let_wait_pass(job)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE job SET state = 'queued', version = version + 1 WHERE id = %s", [job.pk]
        )
    run(job)


def test_an_effect_is_sent_and_remembered(tenant, handlers, provider):
    job = make_job(tenant, _kind(handlers, provider))
    run(job)
    assert job.result == {"state": "sent", "reference": "ref-1"}
    row = Effect.objects.for_tenant(tenant).get()
    assert (row.state, row.attempt, row.job_id) == ("sent", 1, job.pk)
    assert provider.sent == [str(row.pk)]


def test_a_lost_answer_is_asked_for_and_never_sent_again(tenant, handlers, provider):
    provider.lose_answers = 1
    job = make_job(tenant, _kind(handlers, provider))
    run(job)
    assert (job.state, job.error_code) == ("retry_wait", "effect_unknown")
    assert effects.unsettled(tenant_id=tenant.pk) == 1
    _again(job)
    assert (job.state, job.result["reference"]) == ("succeeded", "ref-asked")
    assert (len(provider.sent), len(provider.asked)) == (1, 1)
    assert effects.unsettled(tenant_id=tenant.pk) == 0


def test_a_request_that_never_arrived_is_sent_once_that_is_known(tenant, handlers, provider):
    provider.lose_requests = 1
    job = make_job(tenant, _kind(handlers, provider))
    run(job)
    assert provider.sent == []
    _again(job)
    assert job.state == "succeeded"
    assert (len(provider.sent), len(provider.asked)) == (1, 1)


def test_while_the_provider_cannot_say_nothing_is_sent(tenant, handlers, provider):
    provider.lose_answers, provider.refuse_to_answer = 1, 3
    job = make_job(tenant, _kind(handlers, provider))
    run(job)
    for _ in range(3):
        _again(job)
        assert (job.state, job.error_code) == ("retry_wait", "effect_unknown")
    _again(job)
    assert job.state == "succeeded"
    assert len(provider.sent) == 1


@pytest.mark.parametrize("point", ["before the call", "after the call"])
def test_a_crash_between_sending_and_its_answer_is_asked_about(tenant, handlers, provider, point):
    """What is committed at the crash is ``sending``, whether or not the call went out."""
    crashed: list[bool] = []

    def notify(context):
        def send(key: str) -> Sent | Refused:
            if not crashed:
                crashed.append(True)
                if point == "after the call":
                    provider.sent.append(key)
                raise SystemExit
            return provider.send(key)

        row = effects.perform(context, "notice-1", send=send, ask=provider.ask)
        return Done({"state": row.state})

    job = make_job(tenant, handlers.kind(notify))
    with pytest.raises(SystemExit):
        run(job)
    assert Effect.objects.for_tenant(tenant).get().state == "sending"
    run(job)
    assert (job.state, len(provider.sent), len(provider.asked)) == ("succeeded", 1, 1)


def test_a_refusal_is_remembered_and_not_tried_again(tenant, handlers, provider):
    calls: list[str] = []

    def notify(context):
        def refuse(key: str) -> Refused:
            calls.append(key)
            return Refused("test_recipient_refused")

        row = effects.perform(context, "notice-1", send=refuse, ask=provider.ask)
        return Done({"state": row.state, "code": row.error_code})

    name = handlers.kind(notify)
    for _ in range(2):
        job = make_job(tenant, name)
        run(job)
        assert job.result == {"state": "failed", "code": "test_recipient_refused"}
    assert len(calls) == 1


def test_a_second_job_for_the_same_occurrence_finds_the_firsts_effect(tenant, handlers, provider):
    name = _kind(handlers, provider)
    first, second = make_job(tenant, name), make_job(tenant, name)
    run(first)
    run(second)
    assert second.result == first.result
    assert len(provider.sent) == 1


def test_other_occurrences_and_other_academies_have_their_own_effects(tenant, handlers, provider):
    same = _kind(handlers, provider)
    run(make_job(tenant, same))
    run(make_job(make_tenant(), same))
    run(make_job(tenant, _kind(handlers, provider, "notice-2")))
    assert len(provider.sent) == 3


@pytest.mark.django_db(transaction=True)
def test_two_jobs_with_one_occurrence_at_the_same_moment_send_once(tenant, handlers, provider):
    """While the first is on its way to the provider, that truly knows nothing of it yet."""
    on_the_way, asked_late = threading.Event(), threading.Event()

    def notify(context):
        def send(key: str) -> Sent | Refused:
            if context.params.n == 0:
                on_the_way.set()
                assert asked_late.wait(timeout=15)
            return provider.send(key)

        row = effects.perform(context, "notice-1", send=send, ask=provider.ask)
        return Done({"state": row.state})

    name = handlers.kind(notify, max_attempts=20)
    first, second = (make_job(tenant, name, params={"n": n}) for n in (0, 1))

    def act(number: int) -> None:
        if number == 0:
            run(first)
            return
        assert on_the_way.wait(timeout=10)
        run(second)
        asked_late.set()

    in_threads(2, act)
    assert (state_of(first), state_of(second)) == ("succeeded", "retry_wait")
    assert second.error_code == "effect_unknown"
    _again(second)
    assert second.state == "succeeded"
    assert len(provider.sent) == 1


@pytest.mark.django_db(transaction=True)
def test_many_jobs_with_one_occurrence_send_once(tenant, handlers, provider):
    name = _kind(handlers, provider)
    jobs = [make_job(tenant, name) for _ in range(6)]
    in_threads(6, lambda number: run(jobs[number]))
    for _ in range(10):
        late = [job for job in jobs if state_of(job) != "succeeded"]
        for job in late:
            assert (job.state, job.error_code) == ("retry_wait", "effect_unknown")
            _again(job)
    assert {state_of(job) for job in jobs} == {"succeeded"}
    assert len(provider.sent) == 1


@pytest.mark.django_db(transaction=True)
def test_an_attempt_that_lost_its_lease_cannot_begin_an_effect(tenant, handlers, provider):
    def notify(context):
        job.refresh_from_db()
        let_lease_expire(job)
        claim(job)
        effects.perform(context, "notice-1", send=provider.send, ask=provider.ask)
        return Done()

    job = make_job(tenant, handlers.kind(notify))
    run(job)
    assert provider.sent == []
    assert (job.state, job.attempt) == ("running", 2)
    assert Effect.objects.for_tenant(tenant).get().state == "planned"
