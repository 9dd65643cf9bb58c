"""Whatever died becomes one letter: dead jobs, and messages whatever their body is."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from academy.core import clock
from academy.core.ids import new_id
from academy.deadletters import collect, selectors, settle
from academy.deadletters.models import DeadLetter, Inbox
from academy.deadletters.rerun import text_of
from academy.fleet.queue_access import QueueAccessError
from academy.jobs import kinds, reap
from academy.jobs.models import Job
from tasks import queues
from tests.support.jobs import claim, let_lease_expire, make_job, make_tenant, publish, run
from tests.support.kinds import registry
from tests.support.letters import MemoryQueues, dead_job, letter_of, memory_queues, thin_body
from tests.support.workers import envelope

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _test_kinds(monkeypatch: pytest.MonkeyPatch, settings, tmp_path) -> None:
    monkeypatch.setattr(kinds, "_kinds", dict(kinds._kinds))
    registry.register()
    settings.SCRATCH_DIR = tmp_path


@pytest.fixture
def tenant(db):
    return make_tenant()


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> MemoryQueues:
    return memory_queues(monkeypatch)


# ------------------------------------------------------------------ jobs


def test_a_dead_job_becomes_one_letter(tenant):
    job = dead_job(tenant)
    assert collect.recent_jobs() == 1
    assert collect.recent_jobs() == collect.all_jobs() == 0
    letter = DeadLetter.objects.get()
    assert (letter.job, letter.root, letter.tenant, letter.queue) == (job, job, tenant, job.queue)
    assert (letter.kind, letter.code, letter.state) == ("test.poison", job.error_code, "open")
    assert letter.title == "LookupError: a mistake nobody foresaw, made by a test"
    assert letter.died_at == job.finished_at


def test_jobs_that_ended_otherwise_are_no_letters(tenant):
    for kind in ("test.ok", "test.permanent"):
        run(make_job(tenant, kind))
    make_job(tenant)
    assert collect.recent_jobs() == 0


def test_letters_of_one_cause_share_a_fingerprint_over_academies(tenant):
    jobs = [dead_job(one, "test.poison") for one in (tenant, tenant, make_tenant())]
    assert len({letter_of(job).fingerprint for job in jobs}) == 1
    (group,) = selectors.groups()
    assert (group.letters, group.open, group.tenants) == (3, 3, 2)
    assert group.queues == ("ai-basic",)
    assert group.first_at < group.last_at


def test_a_lost_worker_is_a_cause_of_its_own(tenant, settings):
    settings.JOB_MAX_LOSSES = 1
    job = make_job(tenant)
    claim(job)
    let_lease_expire(job)
    assert reap.reap_leases() == 1
    letter = letter_of(job)
    assert (letter.code, letter.title) == (
        "worker_lost",
        "The servers that worked on this were lost <n> times.",
    )


def test_a_part_of_a_flow_names_the_whole(tenant):
    parent = make_job(tenant, "test.fan_out", params={"children": 2})
    run(parent)
    middle = Job.unscoped.filter(parent=parent).order_by("child_key").first()
    leaf = dead_job(tenant, "test.poison", parent=middle)
    letter = letter_of(leaf)
    assert (letter.job, letter.root) == (leaf, parent)


def test_a_job_that_died_long_before_the_newest_letter_is_found_by_the_full_round(tenant):
    letter_of(dead_job(tenant))
    job = dead_job(tenant)
    DeadLetter.objects.update(died_at=clock.now() + timedelta(hours=3))
    assert collect.recent_jobs() == 0
    assert collect.all_jobs() == 1
    assert DeadLetter.objects.filter(job=job).count() == 1


def test_lateness_is_counted(tenant, sqs):
    assert selectors.collection_lag().uncollected == 0
    dead_job(tenant)
    with clock.shifted(timedelta(seconds=90)):
        lag = selectors.collection_lag()
        assert (lag.uncollected, lag.oldest_seconds > 85) == (1, True)
        collect.recent_jobs()
        lag = selectors.collection_lag()
        assert (lag.uncollected, lag.oldest_seconds) == (0, 0.0)
    assert [inbox.name for inbox in lag.inboxes] == ["jobs"]


def test_many_dead_jobs_are_collected_in_a_few_statements(tenant, django_assert_max_num_queries):
    for _ in range(3):
        dead_job(tenant)
    with django_assert_max_num_queries(12):
        assert collect.recent_jobs() == 3


# ------------------------------------------------------------------ messages

_ROW = queues.by_name("ai-basic")
BODIES = {
    "no JSON": ("<xml/>", "message_not_json"),
    "empty": ("", "message_not_json"),
    "NUL": ("a\x00b", "message_not_json"),
    "a lone surrogate": ("\ud800 {", "message_not_json"),
    "a lone surrogate in JSON": ('{"a": "\\ud800"}', "message_not_task"),
    "a mebibyte": ("x" * 1_048_576, "message_not_json"),
    "a JSON list": ("[1, 2, 3]", "message_not_task"),
    "nested too deep": ("[" * 100_000, "message_not_json"),
    "no envelope": ('{"job": "x", "version": 1}', "message_not_task"),
    "headers of another type": (
        json.dumps({**envelope(_ROW), "headers": [1]}), "message_not_task",
    ),
    "an undecodable body": (
        json.dumps({**envelope(_ROW), "body": "{broken"}), "message_not_task",
    ),
    "unknown arguments": (json.dumps(envelope(_ROW, {"surprise": 1})), "message_not_thin"),
    "a job of nobody": (thin_body("ai-basic", new_id(), 1), "message_job_unknown"),
    "a version that is none": (
        json.dumps(envelope(_ROW, {"job": str(new_id()), "version": True})), "message_not_thin",
    ),
}  # fmt: skip


def test_every_body_becomes_one_letter_that_keeps_it(sqs):
    for body, _ in BODIES.values():
        sqs.bury("ai-basic", body)
    assert collect.messages("ai-basic") == len(BODIES)
    assert sqs.dead["ai-basic"] == []
    kept = {text_of(letter): letter for letter in DeadLetter.objects.all()}
    assert {name: kept[body].code for name, (body, _) in BODIES.items()} == {
        name: code for name, (_, code) in BODIES.items()
    }
    assert {letter.state for letter in kept.values()} == {"open"}
    assert {letter.receive_count for letter in kept.values()} == {5}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=st.one_of(st.text(alphabet=st.characters(codec=None)), st.binary().map(repr)))
def test_any_text_can_be_kept(db, sqs, body):
    message = sqs.bury("video", body)
    assert collect.messages("video") == 1
    assert text_of(DeadLetter.objects.get(message_id=message.message_id)) == body


def test_a_message_that_is_received_twice_is_one_letter(sqs):
    message = sqs.bury("video", "twice")
    sqs.delete_dead = lambda queue, receipts: list(receipts)  # type: ignore[method-assign]
    collect.messages("video")
    sqs.held.clear()
    collect.messages("video")
    assert DeadLetter.objects.get().message_id == message.message_id


def test_a_message_that_the_database_refuses_holds_up_no_other(sqs):
    sqs.bury("video", "refused", receive_count=2**40)
    sqs.bury("video", "fine")
    assert collect.messages("video") == 1
    assert [text_of(letter) for letter in DeadLetter.objects.all()] == ["fine"]
    assert [message.body for message in sqs.dead["video"]] == ["refused"]


def test_a_queue_that_does_not_answer_is_noted(sqs):
    sqs.broken.add("video")
    sqs.bury("messaging", "fine")
    for _ in range(2):
        with pytest.raises(QueueAccessError):
            collect.messages("video")
    collect.messages("messaging")
    noted = {inbox.name: inbox for inbox in selectors.collection_lag().inboxes}
    assert noted["video"].problem == "receive_message on video: EndpointConnectionError"
    assert noted["video"].read_seconds is None
    assert (noted["messaging"].problem, noted["messaging"].read_seconds is None) == ("", False)
    sqs.broken.clear()
    collect.messages("video")
    assert Inbox.objects.get(name="video").problem_since is None


# ------------------------------------------------------------------ messages and their rows


def test_a_message_whose_row_still_waits_is_open_and_linked(tenant, sqs):
    job = make_job(tenant)
    publish()
    sqs.bury(job.queue, thin_body(job.queue, job.pk, 1))
    collect.messages(job.queue)
    letter = DeadLetter.objects.get()
    assert (letter.job, letter.tenant, letter.kind) == (job, tenant, job.kind)
    assert (letter.code, letter.state) == ("message_unanswered", "open")


@pytest.mark.parametrize("state", ["running", "succeeded", "dead", "newer"])
def test_a_message_whose_row_went_on_is_superseded_and_stays_in_the_list(tenant, sqs, state):
    job = make_job(tenant, "test.poison" if state == "dead" else "test.ok")
    publish(job.queue)
    if state == "running":
        claim(job)
    elif state == "newer":
        with connection.cursor() as cursor:
            cursor.execute("UPDATE job SET version = 2 WHERE id = %s", [job.pk])
    else:
        run(job)
    sqs.bury(job.queue, thin_body(job.queue, job.pk, 1))
    collect.messages(job.queue)
    letter = selectors.letters().get(source="message")
    assert (letter.state, letter.code) == ("superseded", "message_overtaken")
    assert (letter.resolved_by, letter.job) == ("system", job)


def test_an_open_message_is_passed_over_once_its_row_goes_on(tenant, sqs):
    job = make_job(tenant)
    publish()
    sqs.bury(job.queue, thin_body(job.queue, job.pk, 1))
    collect.messages(job.queue)
    assert settle.sweep() == 0
    run(job)
    assert settle.sweep() == 1
    assert DeadLetter.objects.get().state == "superseded"


def test_a_message_for_another_queues_job_is_not_taken_for_its_own(tenant, sqs):
    job = make_job(tenant)
    sqs.bury("video", thin_body("video", job.pk, 1))
    collect.messages("video")
    assert DeadLetter.objects.get().state == "superseded"


def test_a_call_with_more_than_a_job_is_linked_but_never_taken_for_ours(tenant, sqs):
    job = make_job(tenant)
    kwargs: dict[str, Any] = {"job": str(job.pk), "version": 1}
    evil = envelope(_ROW, kwargs, embedded={"callbacks": [{"task": "x"}]})
    sqs.bury("ai-basic", json.dumps(evil))
    collect.messages("ai-basic")
    letter = DeadLetter.objects.get()
    assert (letter.code, letter.job) == ("message_not_thin", job)
