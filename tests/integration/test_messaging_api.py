"""Messages over REST: previewed, confirmed once, followed, explained; each academy its own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from academy.core.ids import new_id
from academy.messaging import credit
from academy.messaging.fields import MessageState
from academy.messaging.models import Message, ProviderEvent
from academy.messaging.providers.port import Callback
from academy.messaging.results import Change, apply
from academy.roster.models import Student
from academy.tenants.models import Tenant
from tests.support.jobs import make_tenant
from tests.support.messages import ScriptedProvider, phone, provider_in_place
from tests.support.openapi import Document
from tests.support.rest import client_with, error_of, key_client, staff_client

pytestmark = [pytest.mark.integration("postgres"), pytest.mark.django_db]


@pytest.fixture(scope="module")
def document() -> Document:
    return Document()


class Client:
    """A client whose every answer is held against the document."""

    def __init__(self, client: Any, document: Document) -> None:
        self._client, self._document = client, document

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        address = f"/api/v1/{path}"
        sent = {} if body is None else {"data": body, "format": "json"}
        answer = getattr(self._client, method)(address, headers=headers, **sent)
        self._document.check_answer(
            method, address.partition("?")[0], answer.status_code, "application/json",
            answer.json(),
        )  # fmt: skip
        return answer


@pytest.fixture
def tenant() -> Tenant:
    made = make_tenant()
    credit.top_up(tenant_id=made.pk, amount=1_000_000, key="first", by="test")
    return made


@pytest.fixture
def api(tenant: Tenant, document: Document) -> Client:
    made = Client(key_client(tenant), document)
    made("patch", "messaging/policy", {"sender": "0200000000", "sender_name": "보기학원"})
    return made


def student(tenant: Tenant, number: int, **values: Any) -> Student:
    named = {"name": f"보기{number}", "parent_phone": phone(number), "class_name": "가반", **values}
    return Student.objects.for_tenant(tenant).create(**named)


def previewed(api: Client, body: str = "#{학생명} 안내", **more: Any) -> dict[str, Any]:
    to = more.pop("to", {"all_enrolled": True})
    answer = api("post", "messages/preview", {
        "title": "안내", "text": {"body": body}, "to": to, **more,
    })  # fmt: skip
    assert answer.status_code == 201, answer.content
    made: dict[str, Any] = answer.json()
    return made


def test_the_policy_changes_where_it_is_named(api: Client) -> None:
    before = api("get", "messaging/policy").json()
    assert before["sender_name"] == "보기학원"
    changed = api("patch", "messaging/policy", {"hold": True}).json()
    assert changed == {**before, "hold": True}
    for wrong in (
        {"sender": "02-000-0000"}, {"hold": "yes"}, {"most_per_send": 0}, {"tenant": "x"},
        {"opt_out_number": "02-1"}, {"triggers": {"Bad Name": {"enabled": True}}},
    ):  # fmt: skip
        error_of(api("patch", "messaging/policy", wrong), 400)
    stray = {"triggers": {"attendance": {"enabled": True, "template": str(new_id())}}}
    error = error_of(api("patch", "messaging/policy", stray), 422)
    assert error["code"] == "message_trigger_template"


def test_a_template_keeps_every_wording_it_had(api: Client) -> None:
    key = {"Idempotency-Key": new_id().hex}
    wanted = {"name": "등원", "body": "#{학생명} 등원"}
    made = api("post", "message-templates", wanted, **key)
    assert (made.status_code, made.json()["current"]["variables"]) == (201, ["학생명"])
    assert api("post", "message-templates", wanted, **key).json() == made.json()
    error = error_of(api("post", "message-templates", wanted), 409)
    assert error["code"] == "message_template_exists"
    address = f"message-templates/{made.json()['id']}"
    revised = api("put", address, {"body": "#{학생명} 도착"}).json()
    assert [one["body"] for one in revised["versions"]] == ["#{학생명} 도착", "#{학생명} 등원"]
    listed = api("get", "message-templates").json()["items"]
    assert [one["current"]["number"] for one in listed] == [2]
    assert api("delete", address).json()["archived_at"]
    assert api("get", "message-templates").json()["items"] == []
    assert len(api("get", "message-templates?archived=true").json()["items"]) == 1
    error = error_of(api("put", address, {"body": "${이름}"}), 404)
    assert error["code"] == "not_found"


def test_a_preview_takes_a_longer_list_than_other_requests_do(api: Client) -> None:
    said = {name: name * 200 for name in "가나다"}
    people = [{"phone": phone(n), "variables": said} for n in range(600)]
    assert len(json.dumps(people, ensure_ascii=False).encode()) > 1024 * 1024
    made = previewed(api, "#{가} #{나} #{다}", to={"phones": people})
    assert (made["campaign"]["messages"], made["campaign"]["states"]) == (600, {"draft": 600})
    most = 4 * 1024 * 1024
    for path, limit in (("messages/preview", most), ("messages", most // 4)):
        error = error_of(api("post", path, {"token": "x" * limit}), 413)
        assert (error["code"], error["details"]["limit_bytes"]) == ("body_too_large", limit)


def test_a_preview_shows_each_message_and_is_confirmed_once(api: Client, tenant: Tenant) -> None:
    student(tenant, 1)
    student(tenant, 2, class_name="나반")
    student(tenant, 3, state="left")
    shown = previewed(api)
    assert shown["campaign"]["states"] == {"draft": 2}
    assert (shown["campaign"]["price_expected"], shown["campaign"]["types"]) == (36.0, {"sms": 2})
    told = [(one["name"], one["text"], one["phone"], one["length"]) for one in shown["messages"]]
    assert told == [
        ("보기1", "보기1 안내", "***-****-0001", 10),
        ("보기2", "보기2 안내", "***-****-0002", 10),
    ]
    key = {"Idempotency-Key": new_id().hex}
    answer = api("post", "messages", {"token": shown["token"]}, **key)
    assert (answer.status_code, answer.json()["state"]) == (202, "sending")
    assert answer["Location"] == f"/api/v1/campaigns/{shown['campaign']['id']}"
    again = api("post", "messages", {"token": shown["token"]}, **key)
    assert (again.status_code, again["Idempotency-Replayed"]) == (202, "true")
    error = error_of(api("post", "messages", {"token": shown["token"]}), 409)
    assert error["code"] == "message_preview_used"
    assert api("get", "message-credits").json() == {"free": 9_964.0, "held": 36.0}
    lines = api("get", "message-credits/entries").json()["items"]
    assert [(one["kind"], one["free"], one["held"]) for one in lines] == [
        ("hold", -36.0, 36.0), ("top_up", 10_000.0, 0.0),
    ]  # fmt: skip


def test_one_class_both_phones_and_what_stops_a_message(api: Client, tenant: Tenant) -> None:
    student(tenant, 1, student_phone=phone(101))
    student(tenant, 2)
    student(tenant, 3, class_name="나반")
    to = {"class_name": "가반", "recipients": ["parent", "student"],
          "phones": [{"phone": "010-0000-0009", "variables": {"학생명": "손님"}}]}  # fmt: skip
    shown = previewed(api, "#{학생명} #{날짜}", to=to, variables={"날짜": "3월 2일"})
    rows = {(one["name"], one["recipient"]): one for one in shown["messages"]}
    assert rows["", ""]["text"] == "손님 3월 2일"
    assert rows["보기1", "student"]["phone"] == "***-****-0101"
    blocked = rows["보기2", "student"]
    assert (blocked["state"], blocked["reason"]["code"]) == ("blocked", "message_phone_missing")
    assert [one["count"] for one in shown["campaign"]["reasons"]] == [1]
    error = error_of(api("post", "messages", {"token": shown["token"]}), 409)
    assert (error["code"], error["details"]) == ("message_preview_blocked", {"count": 1})
    assert phone(101) not in str(shown)


@pytest.mark.parametrize(
    "change",
    [
        {"text": None}, {"template": "0"}, {"to": {"everybody": True}}, {"purpose": "spam"},
        {"to": {"students": [{"id": 5}]}}, {"to": {"recipients": ["aunt"]}}, {"fallback": 1},
        {"template": "01932c07-c1f2-7f63-8d7e-3f5ad2a6f0c4"}, {"not_before": "soon"},
        {"variables": {"a": 5}}, {"occasion": {"event": "X Y", "occurrence": "1"}},
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused(api: Client, change: dict[str, Any]) -> None:
    body = {"title": "안내", "text": {"body": "안내"}, "to": {"all_enrolled": True}, **change}
    assert error_of(api("post", "messages/preview", body), 400)


def test_nobody_and_a_text_that_cannot_be_sent_are_said(api: Client, tenant: Tenant) -> None:
    body = {"title": "안내", "text": {"body": "안내"}, "to": {"all_enrolled": True}}
    assert error_of(api("post", "messages/preview", body), 422)["code"] == "message_nobody"
    student(tenant, 1)
    body["text"] = {"body": "${이름} 안내"}
    error = error_of(api("post", "messages/preview", body), 422)
    assert error["code"] == "message_variable_malformed"


def test_a_campaign_is_paged_paused_resumed_and_cancelled(api: Client, tenant: Tenant) -> None:
    for number in range(1, 6):
        student(tenant, number)
    shown = previewed(api)
    campaign = api("post", "messages", {"token": shown["token"]}).json()
    address = f"campaigns/{campaign['id']}"
    seen: list[int] = []
    cursor = ""
    for _ in range(5):
        page = api("get", f"{address}/messages?limit=2{cursor}").json()
        seen += [one["number"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == [1, 2, 3, 4, 5]
    assert api("get", f"{address}/messages?state=failed").json()["items"] == []
    error_of(api("get", f"{address}/messages?cursor=x"), 400)
    assert api("post", f"{address}/pause", {}).json()["state"] == "paused"
    first = page_one(api, address)
    trace = api("get", f"messages/{first['id']}").json()
    assert "일시 정지" in trace["standing"]["ko"]
    assert [one["source"] for one in trace["events"]] == ["preview", "confirm"]
    assert api("post", f"{address}/resume", {}).json()["state"] == "sending"
    ended = api("post", f"{address}/cancel", {}).json()
    assert (ended["state"], ended["states"]) == ("cancelled", {"cancelled": 5})
    assert (ended["progress"], ended["price_held"]) == (1.0, 0.0)
    assert error_of(api("post", f"{address}/pause", {}), 409)["code"] == "message_campaign_ended"
    assert api("get", "message-credits").json() == {"free": 10_000.0, "held": 0.0}
    assert [one["id"] for one in api("get", "campaigns?state=cancelled").json()["items"]] == [
        campaign["id"]
    ]


def page_one(api: Client, address: str) -> dict[str, Any]:
    found: dict[str, Any] = api("get", f"{address}/messages?limit=1").json()["items"][0]
    return found


def test_the_trace_says_why_in_plain_words(api: Client, tenant: Tenant) -> None:
    student(tenant, 1)
    campaign = api("post", "messages", {"token": previewed(api)["token"]}).json()
    row = Message.objects.for_tenant(tenant).get()
    failed = Change(
        row.pk, MessageState.FAILED, "carrier_unreachable", {"code": "3058"}, provider_code="3058"
    )
    apply(tenant_id=tenant.pk, campaign_id=row.campaign_id, changes=[failed], source="lookup")
    trace = api("get", f"messages/{row.pk}").json()
    assert trace["standing"]["en"] == (
        "It did not arrive. The phone is off or out of reach. (code 3058)"
    )
    assert [one["state"] for one in trace["events"]] == ["draft", "queued", "failed"]
    assert (trace["price"], trace["phone"]) == (0.0, "***-****-0001")
    detail = api("get", f"campaigns/{campaign['id']}").json()
    assert detail["reasons"][0]["reason"]["code"] == "carrier_unreachable"


def test_another_academy_sees_and_changes_nothing(
    api: Client, tenant: Tenant, document: Document
) -> None:
    student(tenant, 1)
    template = api("post", "message-templates", {"name": "등원", "body": "안내"}).json()["id"]
    shown = previewed(api)
    campaign = api("post", "messages", {"token": shown["token"]}).json()["id"]
    message = str(Message.objects.for_tenant(tenant).get().pk)
    other = Client(key_client(make_tenant()), document)
    for method, path, body in (
        ("get", f"campaigns/{campaign}", None), ("get", f"campaigns/{campaign}/messages", None),
        ("post", f"campaigns/{campaign}/pause", {}), ("post", f"campaigns/{campaign}/cancel", {}),
        ("get", f"messages/{message}", None), ("get", f"message-templates/{template}", None),
        ("put", f"message-templates/{template}", {"body": "x"}),
        ("delete", f"message-templates/{template}", None),
    ):  # fmt: skip
        error_of(other(method, path, body), 404)
    error_of(other("post", "messages", {"token": previewed(api)["token"]}), 410)
    for path in ("campaigns", "message-templates", "message-credits/entries"):
        assert other("get", path).json()["items"] == []


def test_each_operation_needs_its_scope(tenant: Tenant) -> None:
    reader = key_client(tenant, "messages:read")
    assert reader.get("/api/v1/campaigns").status_code == 200
    for path in ("messages/preview", "messages", "message-templates"):
        assert reader.post(f"/api/v1/{path}", {}, format="json").status_code == 403
    writer = key_client(tenant, "messages:write")
    for path in ("messaging/policy", f"message-templates/{new_id()}"):
        method = writer.patch if "policy" in path else writer.put
        assert method(f"/api/v1/{path}", {}, format="json").status_code == 403
    booking = f"/api/v1/ops/tenants/{tenant.pk}/message-credits"
    assert key_client(tenant).post(booking, {}, format="json").status_code == 403


def test_the_platform_books_credits_once_for_each_key(tenant: Tenant, document: Document) -> None:
    staff = Client(staff_client()[0], document)
    address = f"ops/tenants/{tenant.pk}/message-credits"
    paid = {"kind": "top_up", "amount": 500, "key": "invoice-1"}
    assert staff("post", address, paid).json() == {"free": 10_500.0, "held": 0.0, "booked": True}
    assert staff("post", address, paid).json()["booked"] is False
    less = {"kind": "adjust", "amount": -600, "key": "a", "reason": "booked twice"}
    assert staff("post", address, less).json()["free"] == 9_900.0
    error = error_of(staff("post", address, {**less, "key": "b", "amount": -10_000}), 402)
    assert error["code"] == "message_credit_short"
    for wrong in ({**paid, "amount": -1}, {**paid, "amount": 0}, {**less, "reason": " "}):
        error_of(staff("post", address, wrong), 400)
    error_of(staff("get", f"ops/tenants/{new_id()}/message-credits"), 404)
    assert credit.imbalance(tenant.pk) == (0, 0)


def test_a_webhook_is_taken_from_the_provider_alone_and_each_event_once() -> None:
    class Calling(ScriptedProvider):
        def parse_callback(self, headers: Any, raw: bytes) -> list[Callback]:
            assert (headers["X-Word"], raw) == ("word", b'[{"id":"e1"}]')
            return [Callback("e1", "group-1")]

    client = client_with(None)

    def call(provider: str, raw: bytes = b'[{"id":"e1"}]') -> Any:
        return client.post(
            f"/api/v1/messaging/webhooks/{provider}", raw, content_type="application/json",
            headers={"X-Word": "word"},
        )  # fmt: skip

    with provider_in_place(Calling()):
        assert [call("console").json(), call("console").json()] == [{"new": 1}, {"new": 0}]
    assert ProviderEvent.objects.count() == 1
    for provider in ("console", "solapi", "nobody"):
        assert error_of(call(provider), 403)["code"] == "provider_callback_refused"
    assert call("console", b"x" * 1_100_000).status_code == 413
