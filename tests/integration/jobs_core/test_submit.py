"""Accepting work: all or nothing, within the limits, once a key."""

from __future__ import annotations

import contextlib
import threading
from datetime import timedelta

import pytest

from academy.core import clock
from academy.core.errors import AppError
from academy.jobs import idempotency
from academy.jobs.context import Child, FanOut
from academy.jobs.idempotency import Answer, fingerprint, run_once
from academy.jobs.kinds import Params
from academy.jobs.models import IdempotencyKey, Job
from academy.jobs.submit import Order, Submitter, job_submit, jobs_submit
from academy.tenants.models import QueueLimit
from tests.support.jobs import QUEUE, in_threads, make_job, make_tenant, run


class WishParams(Params):
    wish: str


def _by(tenant) -> Submitter:
    return Submitter(tenant, "key:test", "r-1")


def _code(act) -> tuple[str, dict]:
    with pytest.raises(AppError) as caught:
        act()
    return caught.value.code, caught.value.params


def _limit(tenant, **limits) -> None:
    QueueLimit.unscoped.create(tenant=tenant, queue=QUEUE, **limits)


def test_a_job_is_stored_as_it_was_ordered(tenant):
    later = clock.now() + timedelta(hours=2)
    job = job_submit(
        by=_by(tenant), order=Order("test.ok", {"note": "n"}, priority=1, not_before=later)
    )
    job.refresh_from_db()
    assert (job.state, job.version, job.queue, job.priority) == ("queued", 1, QUEUE, 1)
    assert (job.params, job.not_before, job.request_id) == ({"note": "n"}, later, "r-1")


def test_a_batch_keeps_its_order(tenant):
    orders = [Order("test.ok", {"note": str(n)}) for n in range(1_000)]
    jobs = jobs_submit(by=_by(tenant), orders=orders)
    stored = Job.objects.for_tenant(tenant).order_by("created_at", "id")
    assert [job.pk for job in stored] == [job.pk for job in jobs]


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (Order("no.such"), "kind_unknown"),
        (Order("test.part", {"index": 1}), "kind_unknown"),
        (Order("test.ok", {"surprise": 1}), "params_invalid"),
    ],
)
def test_one_bad_order_refuses_the_whole_batch_and_says_which(tenant, bad: Order, code: str):
    orders = [Order("test.ok"), Order("test.ok"), bad]
    found, details = _code(lambda: jobs_submit(by=_by(tenant), orders=orders))
    assert (found, details["index"]) == (code, 2)
    assert not Job.objects.for_tenant(tenant).exists()


def test_a_domain_that_refuses_or_fails_leaves_nothing_behind(tenant, handlers):
    def refuse(tenant_id, params):
        raise AppError("object_missing")

    def fail(job, params):
        raise RuntimeError

    refused, failed = handlers.kind(check=refuse), handlers.kind(on_submitted=fail)
    assert _code(lambda: job_submit(by=_by(tenant), order=Order(refused)))[0] == "object_missing"
    with pytest.raises(RuntimeError):
        job_submit(by=_by(tenant), order=Order(failed))
    assert not Job.objects.for_tenant(tenant).exists()


def test_the_tier_decides_the_queue_once_and_its_limits_count(tenant, handlers):
    def route(tenant_id, params):
        if params.wish == "gold":
            raise AppError("object_missing")
        return params.wish

    kind = handlers.kind(params=WishParams, route=route, tiers=("ai-premium", "video"))
    submit = lambda wish: job_submit(by=_by(tenant), order=Order(kind, {"wish": wish}))  # noqa: E731
    assert [submit(queue).queue for queue in (QUEUE, "ai-premium", "video")] == [
        QUEUE, "ai-premium", "video",
    ]  # fmt: skip
    assert _code(lambda: submit("gold"))[0] == "object_missing"
    with pytest.raises(ValueError, match="does not run on 'messaging'"):
        submit("messaging")
    QueueLimit.unscoped.create(tenant=tenant, queue="ai-premium", backlog=1)
    assert _code(lambda: submit("ai-premium"))[0] == "quota_backlog_exceeded"
    assert submit("video").queue == "video"


def test_a_child_of_a_flow_runs_where_its_own_tier_says(tenant, handlers):
    part = handlers.kind(
        params=WishParams, route=lambda tenant_id, params: params.wish, tiers=("ai-premium",)
    )

    def split(context):
        wishes = (QUEUE, "ai-premium")
        return FanOut([Child(wish, part, {"wish": wish}) for wish in wishes])

    run(make_job(tenant, handlers.kind(split)))
    children = Job.objects.for_tenant(tenant).filter(kind=part)
    assert {child.child_key: child.queue for child in children} == {
        QUEUE: QUEUE, "ai-premium": "ai-premium",
    }  # fmt: skip


def test_a_suspended_academy_cannot_submit(db):
    tenant = make_tenant(is_active=False)
    assert _code(lambda: job_submit(by=_by(tenant), order=Order("test.ok")))[0] == "tenant_inactive"


def test_the_backlog_counts_what_has_not_ended_and_the_day_counts_what_was_asked(tenant):
    _limit(tenant, backlog=3, per_day=5)
    jobs = jobs_submit(by=_by(tenant), orders=[Order("test.ok")] * 3)
    over = lambda: job_submit(by=_by(tenant), order=Order("test.ok"))  # noqa: E731
    assert _code(over) == (
        "quota_backlog_exceeded",
        {"queue": QUEUE, "limit": 3, "retry_after": 60},
    )
    for job in jobs:
        run(job)
    jobs_submit(by=_by(tenant), orders=[Order("test.ok")] * 2)
    assert _code(over)[0] == "quota_daily_exceeded"
    job_submit(by=_by(tenant), order=Order("test.sleep"))


def test_children_of_flows_are_not_counted_as_submissions_of_the_day(tenant):
    _limit(tenant, per_day=2)
    parent = job_submit(by=_by(tenant), order=Order("test.ok"))
    for _ in range(5):
        make_job(tenant, parent=parent)
    job_submit(by=_by(tenant), order=Order("test.ok"))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("size", [1, 30])
def test_submitters_side_by_side_never_pass_the_limit_together(tenant, size: int):
    limit = size * 4
    _limit(tenant, backlog=limit)

    def submit(number: int) -> bool:
        try:
            jobs_submit(by=_by(tenant), orders=[Order("test.ok")] * size)
        except AppError as error:
            return error.code != "quota_backlog_exceeded"
        return True

    accepted = in_threads(8, submit)
    assert accepted.count(True) == 4
    assert Job.objects.for_tenant(tenant).count() == limit


# ---------------------------------------------------------------------------- idempotency


def _once(tenant, key: str | None = "k-1", body: object = 1, act=None) -> Answer:
    def submit() -> Answer:
        job = job_submit(by=_by(tenant), order=Order("test.ok"))
        return Answer(202, {"id": str(job.pk)}, f"/api/v1/jobs/{job.pk}")

    print_of = fingerprint("POST", "/api/v1/jobs", body)
    return run_once(tenant_id=tenant.pk, key=key, fingerprint=print_of, act=act or submit)


def test_the_same_key_and_request_have_one_effect_and_one_answer(tenant):
    first, second = _once(tenant), _once(tenant)
    assert not first.replayed
    assert second == Answer(first.status, first.body, first.location, replayed=True)
    assert Job.objects.for_tenant(tenant).count() == 1


def test_a_key_cannot_be_used_for_another_request(tenant):
    _once(tenant)
    assert _code(lambda: _once(tenant, body=2))[0] == "idempotency_key_reused"
    assert Job.objects.for_tenant(tenant).count() == 1


def test_keys_belong_to_one_academy_and_no_key_means_no_memory(tenant):
    other = make_tenant()
    assert _once(tenant).body != _once(other).body
    assert _once(tenant, key=None).body != _once(tenant, key=None).body


def test_an_error_stores_no_answer_so_that_the_client_may_correct_itself(tenant):
    def refuse() -> Answer:
        raise AppError("kind_unknown", kind="x")

    _code(lambda: _once(tenant, act=refuse))
    assert not IdempotencyKey.unscoped.exists()
    assert _once(tenant).status == 202


def test_a_crash_before_the_commit_leaves_neither_job_nor_key(tenant):
    def crash() -> Answer:
        job_submit(by=_by(tenant), order=Order("test.ok"))
        raise SystemExit

    with pytest.raises(SystemExit):
        _once(tenant, act=crash)
    assert not Job.unscoped.exists()
    assert not IdempotencyKey.unscoped.exists()


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256, "a\n"])
def test_a_key_is_1_to_255_visible_ascii_characters(tenant, key: str):
    assert _code(lambda: _once(tenant, key=key))[0] == "idempotency_key_invalid"


@pytest.mark.django_db(transaction=True)
def test_while_the_first_is_running_the_second_is_told_to_wait(tenant):
    inside, checked = threading.Event(), threading.Event()

    def slow() -> Answer:
        inside.set()
        assert checked.wait(timeout=10)
        return Answer(202, {})

    def act(number: int) -> Answer | tuple:
        if number == 0:
            return _once(tenant, act=slow)
        assert inside.wait(timeout=10)
        try:
            return _code(lambda: _once(tenant))
        finally:
            checked.set()

    first, second = in_threads(2, act)
    assert isinstance(first, Answer)
    assert second == ("idempotency_key_in_progress", {"retry_after": 1})


@pytest.mark.django_db(transaction=True)
def test_a_storm_of_one_request_makes_one_job(tenant):
    def act(number: int) -> str:
        for _ in range(200):
            with contextlib.suppress(AppError):
                return _once(tenant).body["id"]
            threading.Event().wait(0.01)
        raise AssertionError("never answered")

    assert len(set(in_threads(8, act))) == 1
    assert Job.objects.for_tenant(tenant).count() == 1


def test_keys_are_forgotten_after_two_days(tenant):
    _once(tenant, key="old")
    _once(tenant, key="new")
    IdempotencyKey.unscoped.filter(key="old").update(created_at=clock.now() - timedelta(hours=49))
    assert idempotency.sweep() == 1
    assert IdempotencyKey.unscoped.get().key == "new"


def test_the_order_of_members_does_not_make_another_request():
    assert fingerprint("POST", "/p", {"a": 1, "b": [1, 2]}) == fingerprint(
        "POST", "/p", {"b": [1, 2], "a": 1}
    )
    different = [
        fingerprint("POST", "/p", {"a": [1, 2]}),
        fingerprint("POST", "/p", {"a": [2, 1]}),
        fingerprint("PUT", "/p", {"a": [1, 2]}),
        fingerprint("POST", "/q", {"a": [1, 2]}),
        fingerprint("POST", "/p", {"a": "\ud800"}),
    ]
    assert len(set(different)) == 5
