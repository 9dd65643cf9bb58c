"""The dead letters' REST API: every answer is held against the OpenAPI document."""

from __future__ import annotations

import json
from typing import Any

import pytest

from academy.core.ids import new_id
from academy.deadletters import collect
from academy.deadletters.api import docs, present
from academy.deadletters.models import DeadLetter
from academy.jobs import kinds
from academy.jobs.models import Effect, Job, JobLog
from tests.support.jobs import make_job, make_tenant, run
from tests.support.kinds import registry
from tests.support.letters import dead_job, letter_of, memory_queues, sweep, thin_body
from tests.support.openapi import Document
from tests.support.rest import client_with, error_of, key_client, staff_client

pytestmark = pytest.mark.django_db
LETTERS = "/api/v1/ops/dead-letters"
REPLAYS = f"{LETTERS}/replays"


@pytest.fixture(autouse=True)
def _test_kinds(monkeypatch: pytest.MonkeyPatch, settings, tmp_path) -> None:
    monkeypatch.setattr(kinds, "_kinds", dict(kinds._kinds))
    registry.register()
    settings.SCRATCH_DIR = tmp_path


@pytest.fixture(scope="module")
def document() -> Document:
    return Document()


class Operator:
    """A member of staff; :meth:`get` and :meth:`post` return the body of an answer as described."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.client, user = staff_client()
        self.name = f"user:{user.pk}"

    def get(self, path: str, status: int = 200, **query: Any) -> Any:
        return self._read("get", path, status, self.client.get(path, query))

    def post(self, path: str, status: int = 200, **body: Any) -> Any:
        return self._read("post", path, status, self.client.post(path, body))

    def _read(self, method: str, path: str, status: int, answer: Any) -> Any:
        body = answer.json()
        assert answer.status_code == status, body
        self.document.check_answer(method, path, status, "application/json", body)
        if status >= 400:
            return error_of(answer, status)
        return body


@pytest.fixture
def operator(db, document: Document) -> Operator:
    return Operator(document)


@pytest.fixture
def tenant(db):
    return make_tenant()


def test_the_examples_are_what_the_document_says(document: Document):
    for method, path, operation in document.operations():
        if not path.startswith(LETTERS):
            continue
        for status, described in operation["responses"].items():
            if status == "default":
                continue
            content = described["content"]["application/json"]
            for shown in content["examples"].values():
                document.check(shown["value"], content["schema"])
            assert content["examples"], (method, path)


def test_only_staff_may_look_or_act(tenant, document):
    letter = letter_of(dead_job(tenant))
    for client, status in ((client_with(None), 401), (key_client(tenant), 403)):
        for method, path, _ in document.operations():
            if path.startswith(LETTERS):
                address = path.replace("{letter_id}", str(letter.pk))
                address = address.replace("{replay_id}", str(new_id()))
                error_of(getattr(client, method)(address, {}), status)
    letter.refresh_from_db()
    assert letter.state == "open"


def test_the_list_and_its_filters(operator, tenant, monkeypatch):
    sqs = memory_queues(monkeypatch)
    sqs.bury("video", "{broken")
    collect.messages("video")
    other = make_tenant()
    letters = [letter_of(dead_job(one)) for one in (tenant, tenant, other)]

    def ids(**query: Any) -> set[str]:
        return {item["id"] for item in operator.get(LETTERS, **query)["items"]}

    assert len(ids()) == 4
    assert ids(source="job") == {str(letter.pk) for letter in letters}
    assert ids(tenant=str(other.pk)) == {str(letters[2].pk)}
    assert ids(queue="video", source="message") == ids(queue="video")
    assert ids(kind="test.poison", fingerprint=letters[0].fingerprint) == ids(source="job")
    assert ids(state=["open"]) == ids()
    assert ids(state=["replayed", "discarded"]) == set()
    first = operator.get(LETTERS, limit=3)
    rest = operator.get(LETTERS, limit=3, cursor=first["next_cursor"])
    assert {item["id"] for item in first["items"] + rest["items"]} == ids()
    assert (len(rest["items"]), rest["next_cursor"]) == (1, None)
    for query in ({"state": "odd"}, {"surprise": "1"}, {"fingerprint": "xyz"}, {"queue": "none"}):
        operator.get(LETTERS, 400, **query)


def test_groups(operator, tenant):
    letters = [letter_of(dead_job(tenant)) for _ in range(2)]
    (group,) = operator.get(f"{LETTERS}/groups")["items"]
    assert group["fingerprint"] == letters[0].fingerprint
    assert (group["letters"], group["open"], group["queues"]) == (2, 2, ["ai-basic"])
    assert operator.get(f"{LETTERS}/groups", state="discarded") == {"items": []}


def test_a_story_holds_everything_and_masks_people(operator, tenant):
    job = dead_job(tenant, params={"sudden": False}, request_id="r-1")
    JobLog.objects.create(
        job=job, attempt=1, seq=1, at=job.created_at, level="INFO", logger="x", message="line"
    )
    Effect.unscoped.create(
        tenant=tenant, job=job, key="notice:010-1234-5678", state="unknown", attempt=1,
        created_at=job.created_at, updated_at=job.created_at,
    )  # fmt: skip
    letter = letter_of(job)
    body = operator.get(f"{LETTERS}/{letter.pk}")
    row = body["row"]
    assert (row["id"], row["request_id"], row["state"]) == (str(job.pk), "r-1", "dead")
    (attempt,) = row["attempts"]
    assert (attempt["worker"], attempt["message_id"]) == ("test-worker", "test-message")
    assert "LookupError" in attempt["detail"]
    assert [event["type"] for event in row["events"]] == ["submitted", "running", "dead"]
    assert [line["message"] for line in row["logs"]] == ["line"]
    assert [effect["key"] for effect in row["effects"]] == ["notice:010-****-****"]
    assert (body["replay"]["deed"], body["replay"]["problem"]) == ("run", None)
    assert body["message"] is None
    error = operator.get(f"{LETTERS}/{new_id()}", 404)
    assert error["code"] == "dead_letter_not_found"


@pytest.mark.integration("s3")
def test_artifacts_are_linked_only_on_demand(operator, tenant, buckets, monkeypatch):
    job = make_job(tenant, "test.output", params={"objects": 1})
    run(job)
    sqs = memory_queues(monkeypatch)
    sqs.bury(job.queue, thin_body(job.queue, job.pk, 1))
    collect.messages(job.queue)
    path = f"{LETTERS}/{DeadLetter.objects.get().pk}"
    (artifact,) = operator.get(path)["row"]["artifacts"]
    assert (artifact["name"], artifact["size"], artifact["url"]) == ("0000.bin", 1000, None)
    (artifact,) = operator.get(path, expand="links")["row"]["artifacts"]
    assert "Signature" in artifact["url"]
    operator.get(path, 400, expand="secrets")


def test_the_story_of_a_message_shows_its_body_masked(operator, monkeypatch):
    sqs = memory_queues(monkeypatch)
    sqs.bury("video", 'call 010-1234-5678 \ud800 \x00 "ak_abcdefgh_0123456789012345678901"')
    collect.messages("video")
    letter = DeadLetter.objects.get()
    body = operator.get(f"{LETTERS}/{letter.pk}")
    assert body["row"] is None
    shown = body["message"]["body"]
    assert "010-****-****" in shown
    assert "0123456789012345678901" not in json.dumps(body)
    assert (body["message"]["is_cut"], body["receive_count"]) == (False, 5)
    assert body["replay"]["problem"]["code"] == "dead_letter_needs_resend"
    sent = operator.post(f"{LETTERS}/{letter.pk}/replay", 202, resend=True, body="{}")
    assert (sent["state"], sent["resent_as"]) == ("replayed", "sent-1")
    error = operator.post(f"{LETTERS}/{letter.pk}/replay", 409, resend=True)
    assert error["details"] == {"state": "replayed"}


def test_a_replay_and_its_second_death(operator, tenant):
    letter = letter_of(dead_job(tenant))
    path = f"{LETTERS}/{letter.pk}"
    seen = operator.post(f"{path}/replay", dry_run=True, params_patch={"sudden": False})
    assert (seen["params"], seen["problem"]) == ({"sudden": False}, None)
    assert operator.get(path)["state"] == "open"
    answer = operator.post(f"{path}/replay", 202, reason="mended")
    assert (answer["state"], answer["resolved_by"]) == ("replaying", operator.name)
    new = Job.unscoped.get(pk=answer["replayed_as"])
    run(new)
    sweep()
    story = operator.get(path)
    assert story["state"] == "replayed"
    assert [one["job"] for one in story["after"]] == [str(new.pk)]
    assert [deed["action"] for deed in story["actions"]] == ["dead_letter.replay"]
    second = operator.get(f"{LETTERS}/{story['after'][0]['id']}")
    assert [one["id"] for one in second["before"]] == [str(letter.pk)]


def test_what_cannot_be_replayed_says_why(operator, tenant):
    path = f"{LETTERS}/{letter_of(dead_job(tenant)).pk}/replay"
    assert operator.post(path, 400, params={"odd": 1})["code"] == "params_invalid"
    assert operator.post(path, 400, params={}, params_patch={})["code"] == "validation_failed"
    masked = operator.post(path, 400, params={"note": "010-****-****"})
    assert masked["code"] == "dead_letter_masked"
    assert operator.post(path, 400, surprise=1)["code"] == "unknown_field"
    assert operator.post(path, 400, body="x", resend=True)["code"] == "dead_letter_no_body"


def test_discards(operator, tenant):
    letters = [letter_of(dead_job(tenant)) for _ in range(3)]
    path = f"{LETTERS}/{letters[0].pk}/discard"
    assert operator.post(path, 400)["details"]["fields"]["reason"][0]["code"] == "required"
    operator.post(path, 400, reason="  ")
    assert operator.post(path, reason="known")["state"] == "discarded"
    group = {"fingerprint": letters[0].fingerprint, "reason": "known"}
    dry = operator.post(f"{LETTERS}/discard", **group, dry_run=True)
    assert (dry["count"], dry["dry_run"]) == (2, True)
    done = operator.post(f"{LETTERS}/discard", **group)
    assert set(done["letters"]) == {str(letter.pk) for letter in letters[1:]}
    operator.post(f"{LETTERS}/discard", 400, reason="of nothing")
    assert operator.get(f"{LETTERS}/groups") == {"items": []}


def test_a_group_replay_from_dry_run_to_stop(operator, tenant):
    letters = [letter_of(dead_job(tenant)) for _ in range(3)]
    wanted = {"fingerprint": letters[0].fingerprint, "per_minute": 6}
    plan = operator.post(REPLAYS, **wanted, dry_run=True)
    assert (plan["runs"], plan["kinds"], plan["tenants"]) == (
        3, {"test.poison": 3}, {tenant.slug: 3},
    )  # fmt: skip
    assert plan["canary"]["letter"] == str(letters[0].pk)
    assert plan["minutes"] == 0.3
    assert operator.get(REPLAYS)["items"] == []
    bad = operator.post(REPLAYS, 400, **wanted, params_patch={"sudden": "no idea"})
    assert (bad["code"], bad["details"]["count"]) == ("replay_patch_invalid", 3)
    begun = operator.post(REPLAYS, 201, **wanted, reason="mended")
    assert (begun["state"], begun["counts"]["waiting"]) == ("canary", 3)
    path = f"{REPLAYS}/{begun['id']}"
    assert operator.post(f"{path}/pause")["state"] == "paused"
    assert operator.post(f"{path}/pause", 409)["code"] == "replay_not_live"
    assert operator.post(f"{path}/resume")["state"] == "canary"
    sweep()
    detail = operator.get(path)
    assert [item["state"] for item in detail["items"]] == ["sent", "waiting", "waiting"]
    stopped = operator.post(f"{path}/stop", reason="enough")
    assert (stopped["counts"]["left"], stopped["counts"]["sent"]) == (2, 1)
    assert [item["id"] for item in operator.get(REPLAYS)["items"]] == [begun["id"]]
    assert operator.get(f"{REPLAYS}/{new_id()}", 404)["code"] == "replay_not_found"


def test_present_and_docs_name_the_same_fields(tenant):
    letter = letter_of(dead_job(tenant))
    assert set(present.letter_body(letter)) == set(docs.LETTER)
