"""The console's pages of dead letters: what is read, what is asked, and what is done."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from academy.core import clock
from academy.core.ids import new_id
from academy.deadletters import collect, services
from academy.deadletters.models import DeadLetter, Replay
from academy.fleet import queue_access
from academy.jobs import kinds
from academy.jobs.models import Job
from tests.support.console import client_of, page_of, staff_user
from tests.support.jobs import make_job, make_tenant, publish, run
from tests.support.kinds import registry
from tests.support.letters import (
    MemoryQueues,
    dead_job,
    letter_of,
    memory_queues,
    sweep,
    thin_body,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _test_kinds(monkeypatch: pytest.MonkeyPatch, settings, tmp_path) -> None:
    monkeypatch.setattr(kinds, "_kinds", dict(kinds._kinds))
    registry.register()
    settings.SCRATCH_DIR = tmp_path


@pytest.fixture(autouse=True)
def sqs(monkeypatch: pytest.MonkeyPatch) -> MemoryQueues:
    return memory_queues(monkeypatch)


@pytest.fixture
def tenant(db):
    return make_tenant()


@pytest.fixture
def user(db) -> User:
    return staff_user()


@pytest.fixture
def client(user: User) -> Any:
    return client_of(user)


def path(name: str, *parts: Any) -> str:
    return reverse(f"console:{name}", args=parts)


def message(sqs: MemoryQueues, queue: str, body: str) -> DeadLetter:
    buried = sqs.bury(queue, body)
    collect.messages(queue)
    return DeadLetter.objects.get(message_id=buried.message_id)


# ------------------------------------------------------------------ reading


def test_the_list_groups_by_cause_and_filters(client, tenant, sqs):
    assert "Nothing dead that nobody has dealt with." in page_of(client.get(path("letters")))
    for _ in range(3):
        letter = letter_of(dead_job(tenant))
    message(sqs, "video", "{broken")
    page = page_of(client.get(path("letters")))
    assert "LookupError: a mistake nobody foresaw, made by a test 3 3 ai-basic 1" in page
    assert "message_not_json" in page
    page = page_of(client.get(path("letters"), {"source": "message", "queue": "video"}))
    assert "message_not_json" in page
    assert "LookupError" not in page
    page = page_of(client.get(path("letters"), {"tenant": tenant.slug, "kind": letter.kind}))
    assert "message_not_json" not in page
    for query in ({"state": "odd"}, {"tenant": "nobody"}, {"queue": "none"}, {"kind": "\0"}):
        page_of(client.get(path("letters"), query), 400)


def test_an_inbox_that_is_not_read_is_said(client, sqs):
    sqs.broken.add("video")
    with pytest.raises(queue_access.QueueAccessError):
        collect.messages("video")
    page = page_of(client.get(path("letters")))
    assert "The dead-letter queue of video is not being read." in page
    assert "EndpointConnectionError" in page


def test_a_cause_lists_its_letters_page_by_page(client, tenant):
    letters = [letter_of(dead_job(tenant)) for _ in range(3)]
    services.discard(letter_id=letters[0].pk, by="user:1", reason="known")
    url = path("letter-group", letters[0].fingerprint)
    page = page_of(client.get(url))
    assert all(str(letter.job_id) in page for letter in letters)
    page = page_of(client.get(url, {"state": "discarded"}))
    assert str(letters[0].job_id) in page
    assert str(letters[1].job_id) not in page
    page_of(client.get(url, {"state": "odd"}), 404)
    page_of(client.get(url, {"cursor": "odd"}), 400)
    page_of(client.get(path("letter-group", "0" * 12)), 404)


def test_the_pages_of_a_cause_meet_without_a_gap(client, tenant, monkeypatch):
    monkeypatch.setattr("academy.ops.console.letters.PAGE", 2)
    letters = [letter_of(dead_job(tenant)) for _ in range(3)]
    url = path("letter-group", letters[0].fingerprint)
    answer = client.get(url)
    first = page_of(answer)
    second = page_of(client.get(url, {"cursor": answer.context["cursor"]}))
    for letter in letters:
        assert (str(letter.job_id) in first) != (str(letter.job_id) in second)


def test_a_letter_tells_its_story_and_masks_people(client, tenant, sqs):
    job = dead_job(tenant, params={"sudden": False}, request_id="r-42")
    page = page_of(client.get(path("letter", letter_of(job).pk)))
    for expected in ("r-42", "test-worker", "Dead: a person must look", "LookupError"):
        assert expected in page
    letter = message(sqs, "video", "<b>010-1234-5678</b> \ud800")
    answer = client.get(path("letter", letter.pk))
    assert "&lt;b&gt;010-****-****&lt;/b&gt;" in answer.content.decode()
    assert "Find out who sent it" in page_of(answer)
    page_of(client.get(path("letter", new_id())), 404)


def test_a_message_whose_job_went_on_says_so(client, tenant, sqs):
    job = make_job(tenant)
    publish()
    run(job)
    letter = message(sqs, job.queue, thin_body(job.queue, job.pk, 1))
    page = page_of(client.get(path("letter", letter.pk)))
    assert "Went on without it" in page
    assert "Send again" not in page


def test_korean_pages_are_korean(user, tenant):
    letter = letter_of(dead_job(tenant))
    client = client_of(user, language="ko")
    for url in (path("letters"), path("letter", letter.pk), path("letter-replay", letter.pk)):
        page = page_of(client.get(url))
        assert "데드 레터" in page


# ------------------------------------------------------------------ one letter


def test_looking_changes_nothing_and_acting_does(client, user, tenant):
    letter = letter_of(dead_job(tenant))
    url = path("letter-replay", letter.pk)
    values = {"patch": '{"sudden": false}', "reason": "mended"}
    assert "A new job is submitted for the academy" in page_of(client.get(url))
    page = page_of(client.post(url, {**values, "look": "1"}))
    assert '"sudden": false' in page
    assert Job.unscoped.count() == 1
    answer = client.post(url, {**values, "act": "1"})
    assert answer["Location"] == path("letter", letter.pk)
    assert "It runs again." in page_of(client.get(answer["Location"]))
    letter.refresh_from_db()
    assert (letter.state, letter.resolved_by, letter.reason) == (
        "replaying", f"user:{user.pk}", "mended",
    )  # fmt: skip
    assert "is replaying already" in page_of(client.post(url, {**values, "act": "1"}), 409)


@pytest.mark.parametrize("patch", ["{broken", "[1]", '"text"', "7", "{" * 3000])
def test_a_patch_that_is_no_object_is_refused_in_words(client, tenant, patch):
    letter = letter_of(dead_job(tenant))
    url = path("letter-replay", letter.pk)
    page_of(client.post(url, {"patch": patch, "act": "1"}), 400)
    assert Job.unscoped.count() == 1


def test_a_patch_that_the_kind_refuses_names_the_field(client, tenant):
    letter = letter_of(dead_job(tenant))
    url = path("letter-replay", letter.pk)
    page = page_of(client.post(url, {"patch": '{"surprise": 1}', "act": "1"}), 400)
    assert "surprise" in page
    masked = {"patch": '{"sudden": "010-****-****"}', "act": "1"}
    assert "masked values" in page_of(client.post(url, masked), 400)


def test_a_message_is_sent_again_only_if_somebody_insists(client, sqs):
    letter = message(sqs, "video", "{broken")
    url = path("letter-replay", letter.pk)
    assert "Workers refuse such a message" in page_of(client.get(url))
    page_of(client.post(url, {"act": "1"}), 409)
    assert sqs.sent == []
    client.post(url, {"act": "1", "resend": "on", "body": "{}"})
    assert sqs.sent == [("video", "{}", "")]


def test_an_unanswered_message_is_published_again(client, tenant, sqs):
    job = make_job(tenant)
    publish()
    letter = message(sqs, job.queue, thin_body(job.queue, job.pk, 1))
    url = path("letter-replay", letter.pk)
    assert "Its job still waits" in page_of(client.get(url))
    client.post(url, {"act": "1"})
    assert len(publish()) == 1


def test_a_discard_asks_for_a_reason(client, tenant):
    letter = letter_of(dead_job(tenant))
    url = path("letter-discard", letter.pk)
    assert "Discard this dead letter?" in page_of(client.get(url))
    page_of(client.post(url, {"reason": " "}), 400)
    client.post(url, {"reason": "known"})
    letter.refresh_from_db()
    assert (letter.state, letter.reason) == ("discarded", "known")
    assert "known" in page_of(client.get(path("letter", letter.pk)))


# ------------------------------------------------------------------ groups


def test_a_group_is_replayed_behind_its_plan(client, tenant):
    letters = [letter_of(dead_job(tenant)) for _ in range(3)]
    url = path("group-replay", letters[0].fingerprint)
    page = page_of(client.get(url))
    assert "One runs alone, as a canary" in page
    assert f"{tenant.slug}: 3" in page
    values = {"per_minute": "60", "max_in_flight": "5", "reason": "mended"}
    page_of(client.post(url, {**values, "look": "1"}))
    page = page_of(client.post(url, {**values, "act": "1", "patch": '{"odd": 1}'}), 400)
    assert "do not fit 3 of the jobs" in page
    page_of(client.post(url, {**values, "per_minute": "0", "act": "1"}), 400)
    assert not Replay.objects.exists()
    answer = client.post(url, {**values, "act": "1"})
    replay = Replay.objects.get()
    assert answer["Location"] == path("replay", replay.pk)
    assert "The replay has begun" in page_of(client.get(answer["Location"]))
    assert "None of these dead letters" in page_of(client.get(url))
    page_of(client.post(url, {**values, "act": "1"}), 409)
    assert "Replays under way" in page_of(client.get(path("letters")))


def test_the_progress_of_a_replay_and_its_switches(client, tenant):
    letters = [letter_of(dead_job(tenant)) for _ in range(3)]
    group = services.Group(fingerprint=letters[0].fingerprint)
    replay = services.replay_group(group=group, by="user:1")
    url = path("replay", replay.pk)
    assert "0 of 3 letters are through." in page_of(client.get(url))
    for deed, state in (("pause", "paused"), ("resume", "canary")):
        page_of(client.get(path(f"replay-{deed}", replay.pk)))
        client.post(path(f"replay-{deed}", replay.pk), {"csrfmiddlewaretoken": "x"})
        replay.refresh_from_db()
        assert replay.state == state
    sweep()
    job = Job.unscoped.get(replay_of__isnull=False)
    run(job)
    with clock.shifted(timedelta(seconds=5)):
        sweep()
    page = page_of(client.get(url))
    assert "The first one ended as dead" in page
    assert "Pause" not in page
    page_of(client.post(path("replay-stop", replay.pk), {"reason": ""}), 409)
    page_of(client.get(path("replay", new_id())), 404)
    page_of(client.get(path("replay-pause", new_id())), 404)


def test_a_replay_can_be_stopped_with_a_reason(client, tenant):
    letter = letter_of(dead_job(tenant))
    group = services.Group(letters=(letter.pk,))
    replay = services.replay_group(group=group, by="user:1")
    client.post(path("replay-stop", replay.pk), {"reason": "enough"})
    assert "enough" in page_of(client.get(path("replay", replay.pk)))


def test_a_group_is_discarded_with_a_reason(client, tenant):
    letters = [letter_of(dead_job(tenant)) for _ in range(2)]
    url = path("group-discard", letters[0].fingerprint)
    assert "2 letters are open." in page_of(client.get(url))
    client.post(url, {"reason": "known"})
    assert set(DeadLetter.objects.values_list("state", "reason")) == {("discarded", "known")}


def test_a_page_of_a_large_cause_reads_few_rows(client, tenant, django_assert_max_num_queries):
    for _ in range(6):
        letter = letter_of(dead_job(tenant))
    with django_assert_max_num_queries(14):
        client.get(path("letter-group", letter.fingerprint))
