"""Calls of a language model from jobs: counted, capped, stopped, and never a secret spread."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from academy.ai.language import asking, breaker, ledger, money
from academy.ai.language.models import Breaker, Call, CallState
from academy.ai.language.ports import ChatRequest, Message
from academy.core import clock
from academy.jobs import admission, kinds
from academy.jobs.cancel import job_cancel
from academy.jobs.context import Done, JobContext
from academy.jobs.models import Job, JobAttempt, JobLog
from academy.jobs.states import JobState
from academy.tenants.models import Tenant
from tests.support.jobs import (
    QUEUE,
    Handlers,
    claim,
    drain,
    in_threads,
    let_lease_expire,
    let_wait_pass,
    make_job,
    make_tenant,
    run,
    state_of,
)
from tests.support.language_double import KEY, MODEL, LanguageDouble, Plan, serving
from tests.support.processes import eventually

pytestmark = [pytest.mark.integration("postgres"), pytest.mark.django_db(transaction=True)]

COST = 120 * 1 + 200 * 2
REQUEST = ChatRequest(
    (Message("user", "1 + 2"),), name="answer", schema={"type": "object"}, max_tokens=1000
)
MOST = money.most_read(REQUEST) + 2 * REQUEST.max_tokens


@pytest.fixture
def double(settings: Any) -> Iterator[LanguageDouble]:
    with serving(LanguageDouble()) as found:
        settings.LANGUAGE = found.language()
        found.answers(Plan({"answer": "3"}))
        yield found


@pytest.fixture
def kind(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Any) -> str:
    """A job that asks the model once."""
    monkeypatch.setattr(kinds, "_kinds", dict(kinds._kinds))
    settings.SCRATCH_DIR = tmp_path

    def ask(context: JobContext[Any]) -> Done:
        return Done(asking.ask(context, "once", REQUEST).reply.content)

    return Handlers(monkeypatch).kind(ask)


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


def calls(tenant: Tenant) -> list[Call]:
    return list(Call.objects.for_tenant(tenant).order_by("created_at", "id"))


def let_cooldown_pass() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE language_breaker SET open_until = now() - interval '1 second'")


def test_a_call_is_entered_with_what_it_cost(double, kind: str, tenant: Tenant):
    job = make_job(tenant, kind)
    run(job)
    assert (job.state, job.result) == (JobState.SUCCEEDED, {"answer": "3"})
    (call,) = calls(tenant)
    assert (call.state, call.cost_micro, call.reserved_micro) == (CallState.SETTLED, COST, MOST)
    assert (call.tokens_read, call.tokens_written, call.disputed) == (120, 200, False)
    assert (call.service, call.model, call.provider_id) == ("chat", MODEL, "req-1")
    assert (call.job_id, call.attempt, call.purpose) == (job.pk, 1, "once")
    assert money.shown(COST) == "0.00052"


def test_a_service_that_lies_about_its_count_is_charged_as_reserved(
    double, kind: str, tenant: Tenant
):
    double.answers(Plan({"answer": "3"}, usage={"prompt_tokens": -7, "completion_tokens": 1}))
    run(make_job(tenant, kind))
    (call,) = calls(tenant)
    assert (call.state, call.disputed, call.cost_micro) == (CallState.SETTLED, True, MOST)


def test_a_busy_service_is_left_alone_by_all_until_it_said(double, kind: str, tenant: Tenant):
    double.answers(Plan(status=429, headers={"Retry-After": "40"}), Plan({"answer": "3"}))
    first, second = make_job(tenant, kind), make_job(tenant, kind)
    began = clock.now()
    run(first)
    assert (first.state, first.error_code) == (JobState.RETRY_WAIT, "language_busy")
    assert first.not_before >= began + timedelta(seconds=40)
    run(second)
    assert (second.state, second.error_code) == (JobState.QUEUED, "language_unavailable")
    assert (second.failures, len(double.asked)) == (0, 1)
    assert second.not_before >= began + timedelta(seconds=39), "it does not come before that"
    assert [call.state for call in calls(tenant)] == [CallState.FREE]
    let_cooldown_pass()
    let_wait_pass(second)
    run(second)
    assert second.state == JobState.SUCCEEDED
    assert not Breaker.objects.filter(open_until__isnull=False).exists()


def test_a_service_that_is_down_is_tried_by_one_and_no_job_is_lost(
    double, kind: str, tenant: Tenant
):
    double.answers(Plan(status=500))
    for _ in range(breaker.THRESHOLD):
        job = make_job(tenant, kind)
        run(job)
        assert (job.state, job.error_code) == (JobState.RETRY_WAIT, "language_unavailable")
    waiting = [make_job(tenant, kind) for _ in range(4)]
    for job in waiting:
        run(job)
        assert (job.state, job.failures) == (JobState.QUEUED, 0)
    assert len(double.asked) == breaker.THRESHOLD, "nobody asks while it is open"

    let_cooldown_pass()
    let_wait_pass(*waiting)
    in_threads(4, lambda number: run(waiting[number]))
    assert len(double.asked) == breaker.THRESHOLD + 1, "one of them tries it"
    (state,) = Breaker.objects.all()
    assert state.cooldown_seconds == 2 * breaker.COOLDOWN_SECONDS
    assert state.open_until > clock.now()

    double.answers(Plan({"answer": "3"}))
    let_cooldown_pass()
    for _ in range(10):
        let_wait_pass(*Job.unscoped.filter(tenant=tenant, finished_at__isnull=True))
        admission.promote_retries()
        drain(QUEUE)
    assert {state_of(job) for job in Job.unscoped.filter(tenant=tenant)} == {JobState.SUCCEEDED}
    assert sum(call.cost_micro for call in calls(tenant)) == COST * double.charged


def test_a_refusal_ends_the_job_and_costs_nothing(double, kind: str, tenant: Tenant):
    double.answers(Plan(status=401))
    job = make_job(tenant, kind)
    run(job)
    assert (job.state, job.error_code) == (JobState.FAILED, "language_refused")
    assert job.error_params == {"status": 401}
    assert [(one.state, one.cost_micro) for one in calls(tenant)] == [(CallState.FREE, 0)]


def test_a_lost_answer_is_paid_and_counted_twice(double, kind: str, tenant: Tenant):
    double.answers(Plan({"answer": "3"}, fault="drop"), Plan({"answer": "3"}))
    job = make_job(tenant, kind)
    run(job)
    assert job.state == JobState.RETRY_WAIT
    let_wait_pass(job)
    admission.promote_retries()
    run(job)
    assert job.state == JobState.SUCCEEDED
    assert double.charged == 2
    assert [(one.state, one.cost_micro) for one in calls(tenant)] == [
        (CallState.LOST, MOST), (CallState.SETTLED, COST),
    ]  # fmt: skip


def test_no_academy_spends_more_than_its_budget_however_many_ask_at_once(
    double, kind: str, tenant: Tenant, settings: Any
):
    budget = Decimal(3 * MOST) / money.MICRO
    settings.LANGUAGE = double.language(tenant_budget=budget)
    # A count that is a lie leaves the whole reservation: three fit.
    double.answers(Plan({"answer": "3"}, usage=None))
    jobs = [make_job(tenant, kind) for _ in range(6)]
    in_threads(6, lambda number: run(jobs[number]))
    ends = sorted((state_of(job), job.error_code) for job in jobs)
    assert ends == [("failed", "language_budget_spent")] * 3 + [("succeeded", "")] * 3
    assert len(double.asked) == 3
    assert sum(call.cost_micro for call in calls(tenant)) == 3 * MOST

    other = make_job(make_tenant(), kind)
    run(other)
    assert other.state == JobState.SUCCEEDED, "one academy's budget is its own"


def test_all_academies_together_spend_no_more_than_the_platform_allows(
    double, kind: str, settings: Any
):
    settings.LANGUAGE = double.language(platform_budget=Decimal(MOST + COST) / money.MICRO)
    ends = []
    for _ in range(3):
        job = make_job(make_tenant(), kind)
        run(job)
        ends.append((job.state, job.error_code, job.error_params))
    assert ends[:2] == [("succeeded", "", {})] * 2
    assert ends[2] == ("failed", "language_budget_spent_by_all", {})


def test_last_months_calls_do_not_count(double, kind: str, tenant: Tenant, settings: Any):
    settings.LANGUAGE = double.language(tenant_budget=Decimal(MOST) / money.MICRO)
    run(make_job(tenant, kind))
    Call.objects.for_tenant(tenant).update(created_at=clock.now() - timedelta(days=32))
    job = make_job(tenant, kind)
    run(job)
    assert job.state == JobState.SUCCEEDED


def test_a_reservation_of_a_dead_process_counts_and_is_given_up(double, kind: str, tenant: Tenant):
    job = make_job(tenant, kind)
    Call.objects.for_tenant(tenant).create(
        job=job, attempt=1, service="chat", model=MODEL, purpose="once", currency="KRW",
        reserved_micro=MOST, cost_micro=MOST,
    )  # fmt: skip
    assert ledger.rooms(tenant.pk)[0].spent == MOST
    assert ledger.sweep() == 0, "it may be under way"
    Call.objects.for_tenant(tenant).update(created_at=clock.now() - timedelta(hours=2))
    assert ledger.sweep() == 1
    (call,) = calls(tenant)
    assert (call.state, call.cost_micro) == (CallState.LOST, MOST)


def test_an_attempt_that_lost_its_job_meanwhile_has_spent_its_money_all_the_same(
    double, kind: str, tenant: Tenant
):
    job = make_job(tenant, kind)

    def steal(asked: Any) -> Plan:
        let_lease_expire(job)
        claim(job)
        connection.close()
        return Plan({"answer": "3"})

    double.answers(steal)
    run(job)
    (call,) = calls(tenant)
    assert (call.state, call.cost_micro) == (CallState.SETTLED, COST), "its money is spent"
    assert (job.state, job.attempt, job.result) == (JobState.RUNNING, 2, None)


def test_a_cancelled_job_waits_for_no_answer(double, kind: str, tenant: Tenant, settings: Any):
    settings.JOB_LEASE_SECONDS = 3
    double.answers(Plan({"answer": "3"}, fault="stall"))
    job = make_job(tenant, kind)

    def act(number: int) -> None:
        if number:
            eventually(lambda: double.asked, 20, "the model is asked")
            job_cancel(tenant=tenant, job_id=job.pk)
        else:
            run(job)

    began = clock.monotonic()
    in_threads(2, act)
    assert state_of(job) == JobState.CANCELLED
    assert clock.monotonic() - began < 30
    assert [call.state for call in calls(tenant)] == [CallState.LOST]


def test_an_answer_outlives_the_connection_that_waited_for_it(double, kind: str, tenant: Tenant):
    def cut(asked: Any) -> Plan:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        connection.close()
        return Plan({"answer": "3"})

    double.answers(cut)
    job = make_job(tenant, kind)
    run(job)
    assert (job.state, job.attempt, len(double.asked)) == (JobState.SUCCEEDED, 1, 1)
    assert [call.state for call in calls(tenant)] == [CallState.SETTLED]


def test_nothing_is_asked_where_nothing_is_configured(
    double, kind: str, tenant: Tenant, settings: Any
):
    settings.LANGUAGE = replace(double.language(), chat=None)
    job = make_job(tenant, kind)
    run(job)
    assert (job.state, job.error_code) == (JobState.FAILED, "model_not_configured")
    assert job.error_params == {"model": "LLM_BASE_URL"}
    assert not double.asked


def test_neither_the_key_nor_a_person_leaves_its_place(
    double, kind: str, tenant: Tenant, monkeypatch: Any, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    text = "담당 010-0000-0000, 02-000-0000, made.up@example.org, 000101-3000000 학생의 문제: 1+2"

    def ask(context: JobContext[Any]) -> Done:
        request = replace(REQUEST, messages=(Message("user", text),))
        return Done({"masked": asking.ask(context, "once", request).masked})

    job = make_job(tenant, Handlers(monkeypatch).kind(ask))
    run(job)
    assert job.result == {"masked": 4}
    sent = double.asked[0].text
    assert "학생의 문제: 1+2" in sent
    assert not any(form in sent for form in ("0000", "made.up", "3000000"))
    double.answers(Plan(status=403, body=f'{{"error": "bad key {KEY}"}}'.encode()))
    failed = make_job(tenant, kind)
    run(failed)
    told = f"{failed.error_params} {caplog.text}"
    told += " ".join(JobLog.objects.values_list("message", flat=True))
    assert double.url not in told, "job logs are shown to academies"
    told += " ".join(JobAttempt.objects.values_list("detail", flat=True))
    told += " ".join(str(call.__dict__) for call in calls(tenant))
    assert KEY not in told
    assert KEY not in repr(double.language())
