"""What is previewed is what is sent: each with its type, its price, and what speaks against it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from academy.core import clock
from academy.core.errors import AppError
from academy.core.ids import new_id
from academy.messaging import credit, preview, recipients, sweeps, templates
from academy.messaging.content import opened
from academy.messaging.fields import Channel, MessageType, Purpose, Recipient
from academy.messaging.models import Campaign, Consent, Message, MessageEvent, OptOut
from academy.messaging.phones import index_of, open_phone, seal_phone
from academy.messaging.policy import policy_change
from academy.messaging.preview import Occasion, Preview, Request
from academy.messaging.providers.port import Capabilities
from academy.messaging.recipients import To
from academy.messaging.templates import Wording
from academy.roster.models import Student
from academy.tenants.models import Tenant
from tests.support.jobs import in_threads, make_tenant
from tests.support.messages import (
    ScriptedProvider,
    phone,
    provider_in_place,
    send_all,
    states,
)

pytestmark = [pytest.mark.integration("postgres"), pytest.mark.django_db(transaction=True)]


@pytest.fixture
def tenant() -> Tenant:
    made = make_tenant()
    policy_change(
        tenant=made,
        changes={
            "sender": "0200000000", "sender_name": "보기학원", "opt_out_number": "080-000-0000",
            "channel": "profile-1",
        },
    )  # fmt: skip
    credit.top_up(tenant_id=made.pk, amount=1_000_000, key="first", by="test")
    return made


def student(tenant: Tenant, number: int, **values: Any) -> Student:
    named = {"name": f"보기{number}", "parent_phone": phone(number), "class_name": "가반", **values}
    return Student.objects.for_tenant(tenant).create(**named)


def previewed(tenant: Tenant, body: str = "안내", *, to: list[To], **more: Any) -> Preview:
    if "template" not in more:
        more["wording"] = Wording(body)
    return preview.campaign_preview(
        tenant=tenant, request=Request(title="안내", to=to, **more), by="test"
    )


def rows(campaign: Campaign) -> list[Message]:
    found = Message.objects.for_tenant(campaign.tenant_id).filter(campaign=campaign)
    return list(found.order_by("number"))


def told(campaign: Campaign) -> list[tuple[str, str, str]]:
    return [(row.state, row.type, row.reason) for row in rows(campaign)]


def code_of(act: Any, **kwargs: Any) -> str:
    with pytest.raises(AppError) as caught:
        act(**kwargs)
    return caught.value.code


def confirm(tenant: Tenant, shown: Preview) -> Campaign:
    return preview.campaign_confirm(tenant=tenant, token=shown.token, by="test")


def test_each_row_is_rendered_measured_and_priced(tenant: Tenant) -> None:
    one, two = student(tenant, 1), student(tenant, 2, student_phone=phone(902))
    shown = previewed(
        tenant,
        "#{이름} #{점수}점",
        to=[
            To(student=one.pk, variables={"점수": "90"}),
            To(student=two.pk, recipient=Recipient.STUDENT, variables={"점수": "가" * 45}),
            To(phone="010-0000-0003", variables={"이름": "손님", "점수": "1"}),
        ],
    )
    campaign = shown.campaign
    assert told(campaign) == [("draft", "sms", ""), ("draft", "lms", ""), ("draft", "sms", "")]
    texts = [opened(tenant.pk, row.content).text for row in rows(campaign) if row.content]
    assert texts == ["보기1 90점", f"보기2 {'가' * 45}점", "손님 1점"]
    phones = [open_phone(tenant.pk, row.phone) for row in rows(campaign) if row.phone]
    assert phones == [phone(1), phone(902), phone(3)]
    assert (campaign.messages_total, campaign.price_expected) == (3, 1_800 + 4_500 + 1_800)
    stored = b"".join(bytes(row.phone or b"") + bytes(row.content or b"") for row in rows(campaign))
    assert "보기".encode() not in stored
    assert phone(1).encode() not in stored


def test_what_cannot_be_sent_blocks_all_and_says_which_and_why(tenant: Tenant) -> None:
    one, gone = student(tenant, 1), student(tenant, 2, removed_at=clock.now())
    other = student(make_tenant(), 3)
    shown = previewed(
        tenant,
        "#{이름} #{메모}",
        to=[
            To(student=one.pk, variables={"메모": "좋음"}),
            To(student=one.pk),
            To(student=one.pk, variables={"메모": "😀"}),
            To(student=gone.pk, variables={"메모": "x"}),
            To(student=other.pk, variables={"메모": "x"}),
            To(student=one.pk, recipient=Recipient.STUDENT, variables={"메모": "x"}),
            To(phone="02-000-0000", variables={"이름": "x", "메모": "x"}),
            To(student=one.pk, variables={"메모": "가" * 490 + "나" * 9}),
        ],
    )
    assert [(state, reason) for state, _, reason in told(shown.campaign)] == [
        ("draft", ""),
        ("blocked", "message_variable_missing"),
        ("blocked", "message_unencodable"),
        ("blocked", "message_student_unknown"),
        ("blocked", "message_student_unknown"),
        ("blocked", "message_phone_missing"),
        ("blocked", "message_phone_invalid"),
        ("draft", ""),
    ]
    assert rows(shown.campaign)[1].reason_params == {"names": "메모"}
    assert code_of(confirm, tenant=tenant, shown=shown) == "message_preview_blocked"
    assert send_all() == 0


def test_a_token_sends_once_and_for_five_minutes(tenant: Tenant) -> None:
    to = [To(student=student(tenant, 1).pk)]
    shown = previewed(tenant, to=to)
    assert code_of(confirm, tenant=make_tenant(), shown=shown) == "message_preview_expired"
    with provider_in_place(ScriptedProvider()) as provider:
        confirm(tenant, shown)
        assert code_of(confirm, tenant=tenant, shown=shown) == "message_preview_used"
        send_all()
        assert dict(provider.sends) == {phone(1): 1}
    late = previewed(tenant, to=to)
    with clock.frozen(clock.now() + timedelta(minutes=5, seconds=1)):
        assert code_of(confirm, tenant=tenant, shown=late) == "message_preview_expired"
        assert sweeps.previews() == 1
        assert code_of(confirm, tenant=tenant, shown=late) == "message_preview_expired"
    late.campaign.refresh_from_db()
    assert (late.campaign.state, rows(late.campaign)) == ("expired", [])


def test_confirming_twice_at_the_same_moment_sends_once(tenant: Tenant) -> None:
    shown = previewed(tenant, to=[To(student=student(tenant, n).pk) for n in range(1, 4)])

    def act(_: int) -> str:
        try:
            confirm(tenant, shown)
        except AppError as error:
            return error.code
        return "sent"

    assert sorted(in_threads(4, act)) == ["message_preview_used"] * 3 + ["sent"]
    with provider_in_place(ScriptedProvider()) as provider:
        send_all()
        assert provider.sends == {phone(n): 1 for n in range(1, 4)}
    assert credit.imbalance(tenant.pk) == (0, 0)


def test_too_little_credit_sends_nothing(tenant: Tenant) -> None:
    free, _ = credit.balance(tenant.pk)
    credit.adjust(tenant_id=tenant.pk, amount=3_599 - free, key="less", by="test", reason="test")
    shown = previewed(tenant, to=[To(student=student(tenant, n).pk) for n in (1, 2)])
    assert code_of(confirm, tenant=tenant, shown=shown) == "message_credit_short"
    assert (states(shown.campaign), credit.balance(tenant.pk)) == ({"draft": 2}, (3_599, 0))
    credit.top_up(tenant_id=tenant.pk, amount=1, key="more", by="test")
    confirm(tenant, shown)
    assert credit.balance(tenant.pk) == (0, 3_600)


def test_who_does_not_want_it_is_left_out_and_not_billed(tenant: Tenant) -> None:
    people = [student(tenant, n) for n in range(1, 5)]
    for number, everything in ((1, True), (2, False)):
        digits = phone(number)
        OptOut.objects.for_tenant(tenant).create(
            phone_index=index_of(tenant.pk, digits), phone=seal_phone(tenant.pk, digits),
            phone_tail="0", everything=everything, source="person", by="test",
        )  # fmt: skip
    for number in (2, 3):
        Consent.objects.for_tenant(tenant).create(
            phone_index=index_of(tenant.pk, phone(number)), source="form", given_at=clock.now(),
            by="test",
        )  # fmt: skip
    to = [To(student=one.pk) for one in people]
    info = previewed(tenant, to=to)
    assert [reason for _, _, reason in told(info.campaign)] == ["message_opted_out", "", "", ""]
    ad = previewed(tenant, "특강", to=to, purpose=Purpose.AD)
    assert [reason for _, _, reason in told(ad.campaign)] == [
        "message_opted_out", "message_opted_out", "", "message_no_consent",
    ]  # fmt: skip
    sent = rows(ad.campaign)[2]
    assert sent.content is not None
    assert opened(tenant.pk, sent.content).text == (
        "(광고)보기학원\n특강\n무료수신거부 080-000-0000"
    )
    assert ad.campaign.price_most == 1_800


def test_the_same_text_goes_to_a_phone_once_and_two_children_get_two(tenant: Tenant) -> None:
    two = [student(tenant, 1), student(tenant, 1, name="동생")]
    same = previewed(tenant, "방학 안내", to=[To(student=one.pk) for one in two])
    assert [reason for _, _, reason in told(same.campaign)] == ["", "message_same_twice"]
    each = previewed(tenant, "#{이름} 등원", to=[To(student=one.pk) for one in two])
    assert [reason for _, _, reason in told(each.campaign)] == ["", ""]


def test_an_occasion_is_told_once_whoever_confirms_first(tenant: Tenant) -> None:
    to = [To(student=student(tenant, n).pk) for n in (1, 2)]
    occasion = Occasion("attendance", "2026-03-02")
    first = previewed(tenant, "#{이름} 등원", to=to[:1], occasion=occasion)
    second = previewed(tenant, "#{이름} 등원", to=to, occasion=occasion)
    tomorrow = previewed(
        tenant, "#{이름} 등원", to=to, occasion=Occasion("attendance", "2026-03-03")
    )
    confirm(tenant, first)
    confirm(tenant, second)
    confirm(tenant, tomorrow)
    with provider_in_place(ScriptedProvider()) as provider:
        send_all()
        assert provider.sends == {phone(1): 2, phone(2): 2}
    assert [(state, reason) for state, _, reason in told(second.campaign)] == [
        ("suppressed", "message_already_told"), ("sent", ""),
    ]  # fmt: skip
    again = previewed(tenant, "#{이름} 등원", to=to, occasion=occasion)
    assert code_of(confirm, tenant=tenant, shown=again) == "message_nobody"
    assert credit.imbalance(tenant.pk) == (0, 0)


def test_alimtalk_has_its_values_and_a_text_for_when_it_does_not_arrive(tenant: Tenant) -> None:
    version = templates.template_create(
        tenant=tenant, name="등원", channel=Channel.ALIMTALK, purpose=Purpose.INFO, by="test",
        wording=Wording(
            "#{이름} 학생이 등원했습니다 😀", provider_template="KA01", fallback_body="#{이름} 등원"
        ),
    )  # fmt: skip
    to = [To(student=student(tenant, 1).pk)]
    shown = previewed(tenant, to=to, template=version.template_id)
    (row,) = rows(shown.campaign)
    assert row.content is not None
    content = opened(tenant.pk, row.content)
    assert (row.type, row.price_held, content.template) == ("alimtalk", 1_800, "KA01")
    assert (content.variables, content.fallback_text) == ({"이름": "보기1"}, "보기1 등원")
    without = previewed(tenant, to=to, template=version.template_id, fallback=False)
    (row,) = rows(without.campaign)
    assert row.content is not None
    assert (row.price_held, opened(tenant.pk, row.content).fallback_text) == (1_300, "")


def test_a_template_keeps_the_wording_of_what_was_sent(tenant: Tenant) -> None:
    made = templates.template_create(
        tenant=tenant, name="공지", channel=Channel.TEXT, purpose=Purpose.INFO, by="test",
        wording=Wording("처음"),
    )  # fmt: skip
    to = [To(student=student(tenant, 1).pk)]
    first = previewed(tenant, to=to, template=made.template_id)
    templates.template_revise(
        tenant=tenant, template_id=made.template_id, wording=Wording("다음"), by="test"
    )
    second = previewed(tenant, to=to, template=made.template_id)
    bodies = []
    for shown in (first, second):
        (row,) = rows(shown.campaign)
        assert row.content is not None
        bodies.append(opened(tenant.pk, row.content).text)
    assert bodies == ["처음", "다음"]
    templates.template_archive(tenant=tenant, template_id=made.template_id)
    assert code_of(previewed, tenant=tenant, to=to, template=made.template_id) == "not_found"


@pytest.mark.parametrize(
    ("channel", "purpose", "wording", "code"),
    [
        (Channel.ALIMTALK, Purpose.AD, Wording("x", provider_template="k"), "message_ad_is_text"),
        (Channel.ALIMTALK, Purpose.INFO, Wording("x"), "message_template_id_missing"),
        (Channel.TEXT, Purpose.INFO, Wording("x", fallback_body="y"), "message_fallback_of_text"),
        (Channel.TEXT, Purpose.INFO, Wording("${이름}"), "message_variable_malformed"),
        (Channel.TEXT, Purpose.INFO, Wording("가" * 1001), "message_too_long"),
        (
            Channel.ALIMTALK, Purpose.INFO,
            Wording("x", provider_template="k", fallback_body="#{y}"), "message_fallback_variables",
        ),
    ],
)  # fmt: skip
def test_a_template_that_could_never_be_sent_is_refused(
    tenant: Tenant, channel: Channel, purpose: Purpose, wording: Wording, code: str
) -> None:
    act = {"tenant": tenant, "name": "x", "channel": channel, "purpose": purpose, "by": "test"}
    assert code_of(templates.template_create, **act, wording=wording) == code


def test_a_class_is_chosen_and_the_number_of_recipients_is_capped(tenant: Tenant) -> None:
    for number in range(1, 4):
        student(tenant, number)
    student(tenant, 4, class_name="나반")
    student(tenant, 5, state="left")
    chosen = recipients.of_students(tenant, class_name="가반", most=100)
    assert [one.student for one in chosen] == [
        row.pk
        for row in Student.objects.for_tenant(tenant)
        .filter(class_name="가반", state="enrolled")
        .order_by("name")
    ]
    assert len(recipients.of_students(tenant, most=100)) == 4
    policy_change(tenant=tenant, changes={"most_per_send": 2})
    assert code_of(previewed, tenant=tenant, to=chosen) == "message_cap_send"
    assert code_of(previewed, tenant=tenant, to=[]) == "message_nobody"


def test_what_the_provider_cannot_send_is_blocked_by_the_message(tenant: Tenant) -> None:
    class ShortOnly(ScriptedProvider):
        def capabilities(self) -> Capabilities:
            return Capabilities(frozenset({MessageType.SMS}), 10, cancels=True, calls_back=False)

    long = {"글": "가" * 46}
    to = [To(phone=phone(1), variables={"글": "가"}), To(phone=phone(2), variables=long)]
    with provider_in_place(ShortOnly()):
        shown = previewed(tenant, "#{글}", to=to)
        assert code_of(confirm, tenant=tenant, shown=shown) == "message_preview_blocked"
    short, other = rows(shown.campaign)
    assert (short.state, other.state) == ("draft", "blocked")
    assert (other.reason, other.reason_params) == ("message_type_unavailable", {"type": "LMS"})


def test_a_scheduled_campaign_waits_for_its_time(tenant: Tenant) -> None:
    at = clock.now() + timedelta(hours=2)
    shown = previewed(tenant, to=[To(student=student(tenant, 1).pk)], not_before=at)
    campaign = confirm(tenant, shown)
    assert campaign.job is not None
    assert (campaign.state, campaign.job.not_before) == ("scheduled", at)
    assert send_all() == 0
    far = clock.now() + timedelta(days=181)
    assert (
        code_of(previewed, tenant=tenant, to=[To(phone=phone(1))], not_before=far)
        == "message_too_late"
    )


def test_ten_thousand_are_previewed_in_few_statements(
    tenant: Tenant, django_assert_max_num_queries: Any
) -> None:
    Student.objects.for_tenant(tenant).bulk_create(
        Student(id=new_id(), tenant=tenant, name=f"보기{n}", parent_phone=phone(n))
        for n in range(3_000)
    )
    credit.top_up(tenant_id=tenant.pk, amount=10_000_000, key="more", by="test")
    to = recipients.of_students(tenant, most=10_000)
    with django_assert_max_num_queries(60):
        shown = previewed(tenant, "#{이름}", to=to)
        confirm(tenant, shown)
    assert states(shown.campaign) == {"queued": 3_000}
    assert MessageEvent.objects.for_tenant(tenant).count() == 6_000
