"""The pages of messages over HTTP: who may what, what is measured, and nothing is sent twice."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from academy.core import clock
from academy.core.ids import new_id
from academy.messaging import credit, measuring, sweeps, templates
from academy.messaging.fields import Channel, MessageType, Purpose
from academy.messaging.models import Campaign, Message
from academy.messaging.pages import texts
from academy.messaging.pages.selection import groups
from academy.messaging.people import consent_give, opt_out_set
from academy.messaging.providers.port import Capabilities
from academy.messaging.templates import Wording
from academy.tenants.keys import key_revoke
from academy.tenants.models import ApiKey, Member, Tenant
from tests.support.message_pages import NAMES, Writer, academy, class_of
from tests.support.messages import ScriptedProvider, phone, provider_in_place, send_all, states
from tests.support.rest import error_of, key_client, new_tenant

pytestmark = [pytest.mark.integration("postgres"), pytest.mark.django_db]

SCRIPTS = Path(texts.__file__).parents[1] / "static" / "messaging"
NIGHT = datetime(2026, 3, 2, 13, 0, tzinfo=UTC)  # 22:00 in Korea
EVIL = "</script><script>alert(1)</script>'\"><img src=x onerror=alert(1)>"
PAGES = ("", "/compose", "/outbox")


@pytest.fixture
def tenant() -> Tenant:
    made = academy()
    class_of(made)
    return made


@pytest.fixture
def writer(tenant: Tenant) -> Writer:
    return Writer(tenant)


def measured(writer: Writer, **changes: Any) -> dict[str, Any]:
    answer = writer.post("/compose/measure", writer.campaign(**changes))
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def previewed(writer: Writer, **changes: Any) -> dict[str, Any]:
    answer = writer.post("/compose/preview", writer.campaign(**changes))
    assert answer.status_code == 201, answer.content
    body: dict[str, Any] = answer.json()
    return body


def confirmed(writer: Writer, **changes: Any) -> Campaign:
    token = previewed(writer, **changes)["token"]
    answer = writer.post("/compose/confirm", {"token": token})
    assert answer.status_code == 202, answer.content
    return Campaign.unscoped.get(pk=answer.json()["id"])


# ---------------------------------------------------------------- links and rights


def test_a_link_is_short_and_names_no_phone(tenant: Tenant, writer: Writer) -> None:
    assert writer.landed == writer.root
    assert not re.search(r"010\d{8}", writer.url)
    api = key_client(tenant)
    body = {"expires_in": 13 * 3600}
    error_of(api.post("/api/v1/messages/page-link", body, format="json"), 400)
    body = {"actor": phone(1)}
    error_of(api.post("/api/v1/messages/page-link", body, format="json"), 400)
    late = clock.now() + timedelta(minutes=11)
    parts = urlsplit(writer.url)
    with clock.frozen(late):
        opened = key_client(tenant).get(f"{parts.path}?{parts.query}")
        assert opened.status_code == 403
    # The visit that it began goes on.
    with clock.frozen(late):
        assert writer.get().status_code == 200


def test_each_link_leads_to_its_page(tenant: Tenant, writer: Writer) -> None:
    assert Writer(tenant, kind="messages/compose-link").landed == f"{writer.root}/compose"
    campaign = confirmed(writer)
    follower = Writer(tenant, kind=f"campaigns/{campaign.pk}/page-link")
    assert follower.landed == f"{writer.root}/campaigns/{campaign.pk}"
    assert follower.first.status_code == 200
    strange = key_client(academy()).post(f"/api/v1/campaigns/{campaign.pk}/page-link")
    error_of(strange, 404)


def test_who_runs_the_platform_gets_a_link_in_the_owners_name() -> None:
    made = new_tenant()
    out = StringIO()
    call_command("messages_page", made.tenant.slug, "--page", "outbox", stdout=out)
    parts = urlsplit(out.getvalue().strip())
    browser = Client()
    opened = browser.get(f"{parts.path}?{parts.query}")
    assert opened["Location"] == f"/desk/messages/{made.tenant.pk}/outbox"
    assert browser.get(opened["Location"]).status_code == 200
    Member.objects.for_tenant(made.tenant).delete()
    assert browser.get(opened["Location"]).status_code == 403
    for slug in ("nobody", made.tenant.slug):
        with pytest.raises(CommandError):
            call_command("messages_page", slug)


def test_whoever_may_only_read_sends_nothing(tenant: Tenant, writer: Writer) -> None:
    campaign = confirmed(writer)
    token = previewed(writer)["token"]
    for reader in (Writer(tenant, "messages:read"), Writer(tenant, read_only=True)):
        assert reader.first.status_code == 200
        assert "/compose" not in reader.first.content.decode()
        assert reader.get("/compose").status_code == 403
        page = reader.get(f"/campaigns/{campaign.pk}").content.decode()
        assert 'id="pause"' not in page
        for path, body in (
            ("/compose/measure", reader.campaign()), ("/compose/preview", reader.campaign()),
            ("/compose/confirm", {"token": token}), (f"/campaigns/{campaign.pk}/pause", {}),
            (f"/campaigns/{campaign.pk}/cancel", {}),
        ):  # fmt: skip
            assert error_of(reader.post(path, body), 403)["code"] == "scope_missing"
        assert reader.get("/compose/students?q=김").status_code == 403
    poor = key_client(tenant, "messages:read").post("/api/v1/messages/compose-link")
    error_of(poor, 403)
    campaign.refresh_from_db()
    assert campaign.state == "sending"


def test_a_write_without_the_pages_own_token_is_forged(writer: Writer) -> None:
    answer = writer.post("/compose/preview", writer.campaign(), forged=True)
    assert answer.status_code == 403
    assert not Campaign.unscoped.exists()


def test_an_academy_sees_its_own_alone(tenant: Tenant, writer: Writer) -> None:
    campaign = confirmed(writer)
    message = Message.unscoped.filter(campaign=campaign).first()
    assert message is not None
    token = previewed(writer)["token"]
    other = academy("다른학원")
    stranger = Writer(other)
    # The visit is bound to the address of its own academy.
    assert stranger.browser.get(writer.root).status_code == 403
    for path in (
        f"/campaigns/{campaign.pk}", f"/campaigns/{campaign.pk}/state",
        f"/campaigns/{campaign.pk}/messages", f"/campaigns/{campaign.pk}/messages/{message.pk}",
    ):  # fmt: skip
        assert stranger.get(path).status_code == 404, path
    for deed in ("pause", "resume", "cancel"):
        error_of(stranger.post(f"/campaigns/{campaign.pk}/{deed}", {}), 404)
    refused = error_of(stranger.post("/compose/confirm", {"token": token}), 410)
    assert refused["code"] == "message_preview_expired"
    assert stranger.get("/compose/students?q=김가온").json() == {"students": []}
    assert "가반" not in stranger.get("/compose").content.decode()
    assert measured(stranger)["count"] == 0
    own = confirmed(stranger, who={"by": "phones", "phones": [{"phone": phone(1)}]},
                    text={"body": "안내"})  # fmt: skip
    error_of(stranger.get(f"/campaigns/{own.pk}/messages/{message.pk}"), 404)
    assert str(campaign.pk) not in stranger.get().content.decode()


def test_links_and_visits_end_with_their_key(tenant: Tenant, writer: Writer) -> None:
    for key in ApiKey.objects.for_tenant(tenant):
        key_revoke(tenant=tenant, key_id=key.pk)
    assert writer.get().status_code == 403
    error = error_of(writer.post("/compose/preview", writer.campaign()), 403)
    assert error["code"] == "page_link_revoked"


# ---------------------------------------------------------------- what a browser is given


def test_no_page_has_a_script_of_its_own_or_is_kept(tenant: Tenant, writer: Writer) -> None:
    campaign = confirmed(writer)
    send_all()
    for path in (*PAGES, f"/campaigns/{campaign.pk}"):
        answer = writer.get(path)
        assert answer.status_code == 200
        assert answer["Cache-Control"] == "private, no-store"
        assert "script-src 'self'" in answer["Content-Security-Policy"]
        html = answer.content.decode()
        for script in re.findall(r"<script\b[^>]*>", html):
            assert 'src="/static/' in script or 'type="application/json"' in script, script
        assert not re.search(r"<[^>]+\s(on\w+|style)=", html)
        assert phone(1_000) not in html
    state = writer.get(f"/campaigns/{campaign.pk}/state")
    assert state["Cache-Control"] == "no-store"


def test_what_people_are_called_is_never_code(tenant: Tenant, writer: Writer) -> None:
    class_of(tenant, ["<script>alert(1)</script>"])
    templates.template_create(
        tenant=tenant, name=EVIL[:70], channel=Channel.TEXT, purpose=Purpose.INFO,
        wording=Wording(EVIL), by="test",
    )  # fmt: skip
    who = {"by": "all", "recipients": ["parent"]}
    campaign = confirmed(writer, title=EVIL[:70], who=who,
                         text={"body": f"{EVIL} #{{학생명}}"})  # fmt: skip
    send_all()
    for path in (*PAGES, f"/campaigns/{campaign.pk}"):
        html = writer.get(path).content.decode()
        assert "alert(1)" in html, path
        assert "<script>alert" not in html
        assert "<img" not in html.replace('<img src="/static/desk/icon', "")


def test_every_text_of_the_scripts_is_there(writer: Writer) -> None:
    known = texts.compose_texts() | texts.campaign_texts() | texts.outbox_texts()
    code = "".join(path.read_text() for path in SCRIPTS.glob("*.js"))
    asked = set(re.findall(r'\bt\(\s*"(\w+)"', code))
    assert asked <= set(known)
    made_up = ("state_", "type_", "campaign_", "source_")
    spoken = {*asked, "parent", "student", "bytes", "chars"}
    assert {name for name in known if not name.startswith(made_up)} <= spoken


# ---------------------------------------------------------------- measuring


def test_a_text_is_measured_and_nothing_is_stored(tenant: Tenant, writer: Writer) -> None:
    opt_out_set(tenant=tenant, digits=phone(1_002), everything=True, by="test")
    found = measured(writer, text={"body": "#{학생명} #{날짜} 휴원"}, variables={"날짜": "3월 2일"})
    assert (found["count"], found["rendered"]) == (4, 4)
    assert found["states"] == {"draft": 3, "suppressed": 1}
    assert (found["price_expected"], found["types"]) == (54.0, {"sms": 3})
    assert found["credit"] == {"free": 10_000.0, "held": 0.0, "after": 9_946.0}
    assert found["begins"] == {"at": None, "deferred": False}
    first = found["samples"][0]
    assert (first["number"], first["name"], first["text"]) == (1, "김가온", "김가온 3월 2일 휴원")
    assert (first["length"], first["phone"]) == (19, "***-****-1000")
    assert [(one["number"], one["reason"]["code"]) for one in found["problems"]] == [
        (2, "message_opted_out")
    ]
    assert not Message.unscoped.exists()
    assert not Campaign.unscoped.exists()


def test_a_variable_without_a_value_is_told_with_its_row(writer: Writer) -> None:
    phones = [{"phone": phone(1), "variables": {"점수": "90"}}, {"phone": phone(2)},
              {"phone": "1234"}]  # fmt: skip
    found = measured(writer, text={"body": "점수는 #{점수}점입니다."},
                     who={"by": "phones", "phones": phones})  # fmt: skip
    assert [(one["number"], one["reason"]["code"]) for one in found["problems"]] == [
        (2, "message_variable_missing"), (3, "message_phone_invalid"),
    ]  # fmt: skip
    assert found["problems"][0]["reason"]["details"] == {"names": "점수"}
    preview = previewed(writer, text={"body": "#{점수}"}, who={"by": "phones", "phones": phones})
    reasons = [
        (one["count"], one["reason"]["message"]["en"]) for one in preview["campaign"]["reasons"]
    ]
    assert (1, "Variables have no value: 점수") in reasons
    error = error_of(writer.post("/compose/confirm", {"token": preview["token"]}), 409)
    assert error["code"] == "message_preview_blocked"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "message_empty"),
        ("${이름}", "message_variable_malformed"),
        ("🎉", "message_unencodable"),
        ("가" * 1_001, "message_too_long"),
    ],
)
def test_a_text_that_is_wrong_as_a_whole_says_so(writer: Writer, body: str, code: str) -> None:
    found = measured(writer, text={"body": body})
    assert (found["count"], found["error"]["code"]) == (4, code)
    assert found["error"]["message"]["ko"]


def test_a_text_is_measured_before_anybody_is_chosen(writer: Writer) -> None:
    found = measured(writer, text={"body": "#{학생명}님 " + "가" * 50},
                     who={"by": "groups", "recipients": ["parent"]})  # fmt: skip
    assert (found["count"], found["problems"], found["price_expected"]) == (0, [], 45.0)
    (sample,) = found["samples"]
    assert (sample["type"], sample["text"][:7]) == ("lms", "#{학생명}님")


def test_advertising_shows_what_is_added_and_when_it_goes(tenant: Tenant, writer: Writer) -> None:
    consent_give(tenant=tenant, digits=phone(1_000), source="form", by="test")
    with clock.frozen(NIGHT):
        writer = Writer(tenant)
        found = measured(writer, text={"body": "특강"}, purpose="ad")
        assert found["begins"] == {"at": "2026-03-02T23:00:00.000Z", "deferred": True}
        assert found["states"] == {"draft": 1, "suppressed": 3}
        (sample,) = found["samples"]
        assert sample["text"] == "(광고)한빛수학학원\n특강\n무료수신거부 080-000-0000"
        calm = measured(writer, when={"by": "allowed"})["begins"]
        assert calm == {"at": "2026-03-02T23:00:00.000Z", "deferred": False}
        later = measured(writer, when={"by": "at", "at": "2026-03-03T10:00:00+09:00"})["begins"]
        assert later == {"at": "2026-03-03T01:00:00.000Z", "deferred": False}
        made = confirmed(writer, when={"by": "allowed"})
        assert (made.state, made.not_before) == ("scheduled", NIGHT.replace(hour=23))


def test_of_many_a_sample_is_measured(
    tenant: Tenant, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "MOST", 3)
    found = measured(writer, who={"by": "all", "recipients": ["parent", "student"]})
    assert (found["count"], found["rendered"]) == (16, 3)
    assert [one["number"] for one in found["samples"]] == [1, 8]
    assert found["price_expected"] == pytest.approx(2 * 18 * 16 / 3, abs=0.01)
    assert [one["number"] for one in found["problems"]] == [16]


def test_of_a_long_table_the_page_sends_a_sample_and_the_preview_takes_none(
    writer: Writer,
) -> None:
    phones = [{"phone": phone(number)} for number in (1, 2, 3)]
    sample = {"by": "phones", "phones": phones, "total": 9_001}
    found = measured(writer, who=sample)
    assert (found["count"], found["rendered"]) == (9_001, 3)
    # Nobody has a name here: every line of the sample says so, by its place in the table.
    assert [one["number"] for one in found["problems"]] == [1, 4_501, 9_001]
    error = error_of(writer.post("/compose/preview", writer.campaign(who=sample)), 400)
    assert error["code"] == "unknown_field"


def test_students_are_chosen_by_group_or_one_by_one(tenant: Tenant, writer: Writer) -> None:
    def names(**who: Any) -> list[str]:
        found = measured(writer, who={"recipients": ["parent"], **who})
        return [one["name"] for one in found["samples"] if found["count"]]

    assert names(by="groups", classes=["나반"], grades=["중2"]) == sorted(NAMES[1::2])
    assert names(by="groups", classes=["나반"], grades=["중3"]) == []
    (found,) = writer.get("/compose/students?q=박다솜").json()["students"]
    assert set(found) == {"id", "name", "about"}
    assert names(by="named", students=[found["id"]]) == ["박다솜"]
    assert names(by="named", students=[str(new_id())]) == []
    for class_name in ("10반", "2반", ""):
        class_of(tenant, [f"보기{class_name}"], class_name=class_name)
    counted = [(one["name"], one["count"]) for one in groups(tenant)["classes"]]
    assert counted == [("", 1), ("2반", 1), ("10반", 1), ("가반", 4), ("나반", 4)]


def test_alimtalk_is_refused_where_the_provider_has_none(tenant: Tenant, writer: Writer) -> None:
    class TextsOnly(ScriptedProvider):
        def capabilities(self) -> Capabilities:
            return Capabilities(
                frozenset({MessageType.SMS, MessageType.LMS}), 10, cancels=True, calls_back=False
            )

    version = templates.template_create(
        tenant=tenant, name="등원", channel=Channel.ALIMTALK, purpose=Purpose.INFO,
        wording=Wording("등원했습니다.", provider_template="T1"), by="test",
    )  # fmt: skip
    said = {"template": str(version.template_id)}
    body = {name: value for name, value in writer.campaign(**said).items() if name != "text"}
    with provider_in_place(TextsOnly()):
        error = error_of(writer.post("/compose/preview", body), 422)
    assert error["code"] == "message_alimtalk_unavailable"
    error = error_of(writer.post("/compose/preview", body), 422)
    assert error["code"] == "message_channel_missing"


# ---------------------------------------------------------------- confirming and following


def test_a_preview_is_confirmed_once(tenant: Tenant, writer: Writer) -> None:
    made = previewed(writer)
    assert 295 < made["expires_in"] <= 300
    assert made["credit"]["after"] == 9_928.0
    first = writer.post("/compose/confirm", {"token": made["token"]})
    assert first.json() == {"id": made["campaign"]["id"]}
    again = error_of(writer.post("/compose/confirm", {"token": made["token"]}), 409)
    assert again["code"] == "message_preview_used"
    send_all()
    (campaign,) = Campaign.unscoped.all()
    assert states(campaign) == {"delivered": 4}
    assert credit.balance(tenant.pk) == (1_000_000 - 4 * 1_800, 0)
    late = previewed(writer)["token"]
    with clock.frozen(clock.now() + timedelta(minutes=6)):
        error = error_of(writer.post("/compose/confirm", {"token": late}), 410)
        assert error["code"] == "message_preview_expired"
        sweeps.previews()
        error_of(writer.post("/compose/confirm", {"token": late}), 410)
    assert Message.unscoped.count() == 4


def test_a_campaign_is_followed_paused_and_cancelled(writer: Writer) -> None:
    campaign = confirmed(writer)
    address = f"/campaigns/{campaign.pk}"
    answer = writer.get(f"{address}/state")
    now = answer.json()
    assert (now["states"], now["back"], now["followed"]) == ({"queued": 4}, 72.0, True)
    same = writer.get(f"{address}/state", **{"If-None-Match": answer["ETag"]})
    assert (same.status_code, same.content) == (304, b"")
    assert writer.post(f"{address}/pause").json()["state"] == "paused"
    changed = writer.get(f"{address}/state", **{"If-None-Match": answer["ETag"]})
    assert changed.status_code == 200
    assert writer.post(f"{address}/resume").json()["state"] == "sending"
    ended = writer.post(f"{address}/cancel").json()
    assert (ended["state"], ended["states"], ended["back"]) == ("cancelled", {"cancelled": 4}, 0.0)
    error = error_of(writer.post(f"{address}/resume"), 409)
    assert error["code"] == "message_campaign_ended"


def test_recipients_are_filtered_searched_and_paged(tenant: Tenant, writer: Writer) -> None:
    opt_out_set(tenant=tenant, digits=phone(1_002), everything=True, by="test")
    campaign = confirmed(writer)
    send_all()
    address = f"/campaigns/{campaign.pk}/messages"
    (left,) = writer.get(f"{address}?state=suppressed&state=failed").json()["items"]
    assert (left["name"], left["reason"]["code"]) == ("박다솜", "message_opted_out")
    found = writer.get(f"{address}?q=김가온").json()["items"]
    assert [one["name"] for one in found] == ["김가온"]
    page = writer.get(f"{address}?limit=3").json()
    rest = writer.get(f"{address}?limit=3&cursor={page['next_cursor']}").json()
    assert [one["number"] for one in page["items"] + rest["items"]] == [1, 2, 3, 4]
    trace = writer.get(f"{address}/{left['id']}").json()
    assert "opted out" in trace["standing"]["en"]
    assert [one["source"] for one in trace["events"]] == ["preview"]
    assert phone(1_002) not in str(trace)
    for event in trace["events"]:
        assert f"source_{event['source']}" in texts.campaign_texts()


def test_the_list_shows_what_was_confirmed(writer: Writer) -> None:
    previewed(writer, title="아직")
    campaign = confirmed(writer, title="휴원 안내")
    html = writer.get().content.decode()
    assert "휴원 안내" in html
    assert "아직" not in html
    assert "휴원 안내" in writer.get("?show=open").content.decode()
    assert "휴원 안내" not in writer.get("?show=ended").content.decode()
    assert writer.get("?show=all").status_code == 404
    assert writer.get("?cursor=x").status_code == 400
    send_all()
    html = writer.get("?show=ended").content.decode()
    assert f"/campaigns/{campaign.pk}" in html
    assert "Done" in html


def test_the_outbox_is_of_a_machine_without_a_provider(writer: Writer, settings: Any) -> None:
    assert "Nothing has been sent yet" in writer.get("/outbox").content.decode()
    campaign = confirmed(writer)
    send_all()
    html = writer.get("/outbox").content.decode()
    assert html.count('class="bubble"') == 4
    assert "김가온 안내" in html
    assert f"/campaigns/{campaign.pk}#" in html
    assert phone(1_000) not in html
    assert writer.get("/outbox/newest").json()["newest"]
    settings.MESSAGING_PROVIDER = "solapi"
    assert writer.get("/outbox").status_code == 404
    assert writer.get("/outbox/newest").status_code == 404
    assert "/outbox" not in writer.get().content.decode()
