"""Opt-outs, consents and events over REST: masked, each academy its own, each by its right."""

from __future__ import annotations

from typing import Any

import pytest

from academy.messaging import credit, templates
from academy.messaging.fields import Channel, Purpose
from academy.messaging.models import Campaign, Consent
from academy.messaging.policy import policy_change
from academy.messaging.templates import Wording
from academy.roster.models import Student
from academy.tenants.models import Tenant
from tests.support.jobs import make_tenant
from tests.support.messages import phone
from tests.support.openapi import Document
from tests.support.rest import error_of, key_client

pytestmark = [pytest.mark.integration("postgres"), pytest.mark.django_db]


@pytest.fixture(scope="module")
def document() -> Document:
    return Document()


@pytest.fixture
def tenant() -> Tenant:
    made = make_tenant()
    policy_change(tenant=made, changes={"sender": "0200000000"})
    credit.top_up(tenant_id=made.pk, amount=1_000_000, key="first", by="test")
    return made


class Client:
    """A client whose every answer is held against the document."""

    def __init__(self, tenant: Tenant, document: Document, *scopes: str) -> None:
        self._client, self._document = key_client(tenant, *scopes), document

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        sent = {} if body is None else {"data": body, "format": "json"}
        answer = getattr(self._client, method)(f"/api/v1/{path}", **sent)
        shown = answer.json() if answer.content else None
        self._document.check_answer(
            method, f"/api/v1/{path.partition('?')[0]}", answer.status_code, "application/json",
            shown,
        )  # fmt: skip
        return answer


def test_opt_outs_are_noted_masked_listed_and_lifted(tenant: Tenant, document: Document) -> None:
    api = Client(tenant, document)
    student = Student.objects.for_tenant(tenant).create(name="보기1", parent_phone=phone(1))
    consent = {"student": str(student.pk), "source": "입학 신청서"}
    assert api("post", "message-consents", consent).json()["phone"] == "***-****-0001"
    noted = api("post", "message-opt-outs", {"phone": "010-0000-0001"})
    assert (noted.status_code, noted.json()["phone"]) == (201, "***-****-0001")
    assert not Consent.objects.for_tenant(tenant).exists()
    assert error_of(api("post", "message-consents", consent), 409)["code"] == (
        "message_opt_out_first"
    )
    for query, found in (
        ("", 1), ("?tail=0001", 1), ("?tail=0002", 0), (f"?student={student.pk}", 1),
    ):  # fmt: skip
        page = api("get", f"message-opt-outs{query}")
        assert len(page.json()["items"]) == found
        assert phone(1) not in page.content.decode()
    address = f"message-opt-outs/{noted.json()['id']}"
    assert error_of(Client(make_tenant(), document)("delete", address), 404)
    assert api("delete", address).status_code == 204
    given = api("post", "message-consents", consent).json()
    assert len(api("get", "message-consents?tail=0001").json()["items"]) == 1
    assert api("delete", f"message-consents/{given['id']}").status_code == 204
    assert api("get", "message-consents").json()["items"] == []


def test_what_is_not_meant_is_refused(tenant: Tenant, document: Document) -> None:
    api = Client(tenant, document)
    both = {"phone": phone(1), "student": "01932c07-c1f2-7f63-8d7e-3f5ad2a6f0c4"}
    for body in ({}, both, {"phone": phone(1), "note": "x"}):
        assert error_of(api("post", "message-opt-outs", body), 400)
    assert error_of(api("post", "message-opt-outs", {"phone": "02-000-0000"}), 422)["code"] == (
        "message_phone_invalid"
    )
    assert error_of(api("get", "message-opt-outs?tail=01000000001"), 400)
    reader = Client(tenant, document, "messages:read")
    assert error_of(reader("post", "message-opt-outs", {"phone": phone(1)}), 403)
    assert error_of(reader("post", "messaging/events", {}), 403)


def test_an_event_is_told_as_the_policy_says(tenant: Tenant, document: Document) -> None:
    api = Client(tenant, document)
    student = Student.objects.for_tenant(tenant).create(name="보기1", parent_phone=phone(1))
    event = {
        "event": "attendance", "occurrence": "2026-03-02 arrived",
        "students": [{"id": str(student.pk), "variables": {"시각": "15:00"}}],
    }  # fmt: skip
    assert error_of(api("post", "messaging/events", event), 409)["code"] == "message_trigger_off"
    assert not Campaign.objects.for_tenant(tenant).exists()
    version = templates.template_create(
        tenant=tenant, name="출결", channel=Channel.TEXT, purpose=Purpose.INFO,
        wording=Wording("#{이름} #{시각}"), by="test",
    )  # fmt: skip
    on = {"attendance": {"enabled": True, "template": str(version.template_id)}}
    assert api("patch", "messaging/policy", {"triggers": on}).status_code == 200
    told = api("post", "messaging/events", event)
    assert (told.status_code, told.json()["states"]) == (202, {"queued": 1})
    again = api("post", "messaging/events", event).json()
    assert (again["state"], again["states"]) == ("done", {"suppressed": 1})
    assert again["reasons"][0]["reason"]["code"] == "message_already_told"
    unknown = {"triggers": {"birthday": {"enabled": False}}}
    assert error_of(api("patch", "messaging/policy", unknown), 422)["code"] == (
        "message_trigger_unknown"
    )
