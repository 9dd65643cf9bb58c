"""Who wants what, who is told by itself, and what is kept of it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from academy.core import clock, personal
from academy.core.errors import AppError
from academy.core.ids import new_id
from academy.fleet.models import OperatorAction
from academy.jobs.models import Job
from academy.jobs.states import JobState
from academy.jobs.submit import Order, Submitter, jobs_submit
from academy.messaging import credit, free_calls, people, phones, privacy, templates
from academy.messaging.content import opened
from academy.messaging.events import Event
from academy.messaging.fields import CampaignState, Channel, MessageState, Purpose
from academy.messaging.imported import ImportOptOutsResult
from academy.messaging.models import (
    Batch,
    Campaign,
    Consent,
    CreditEntry,
    LocalGroup,
    Message,
    MessageEvent,
    OptOut,
)
from academy.messaging.people import Source, Tally, Whose
from academy.messaging.policy import policy_change
from academy.messaging.providers.local import ConsoleProvider
from academy.messaging.providers.port import Misconfigured, ProviderError, Rejected, Retryable
from academy.messaging.recipients import To
from academy.messaging.templates import Wording
from academy.messaging.triggers import event_tell
from academy.roster.models import Student
from academy.tenants.models import Tenant
from tests.support import sheets
from tests.support.jobs import make_tenant, run
from tests.support.messages import (
    ScriptedProvider,
    make_campaign,
    message,
    phone,
    provider_in_place,
    send_all,
    states,
)

pytestmark = [pytest.mark.integration("postgres"), pytest.mark.django_db]


@pytest.fixture
def tenant() -> Tenant:
    made = make_tenant()
    policy_change(
        tenant=made,
        changes={"sender": "0200000000", "sender_name": "보기학원", "opt_out_number": "0800000000"},
    )
    credit.top_up(tenant_id=made.pk, amount=1_000_000, key="first", by="test")
    return made


def student(tenant: Tenant, number: int, **values: Any) -> Student:
    named = {"name": f"보기{number}", "parent_phone": phone(number), **values}
    return Student.objects.for_tenant(tenant).create(**named)


def code_of(act: Any, **kwargs: Any) -> str:
    with pytest.raises(AppError) as caught:
        act(**kwargs)
    return caught.value.code


def refused(tenant: Tenant) -> dict[str, bool]:
    rows = OptOut.objects.for_tenant(tenant)
    return {phones.open_phone(tenant.pk, row.phone): row.everything for row in rows}


def add(tenant: Tenant, *numbers: int, everything: bool = False) -> Tally:
    return people.opt_out_add(
        tenant_id=tenant.pk, phones=[phone(n) for n in numbers], everything=everything,
        source=Source.IMPORT, by="list",
    )  # fmt: skip


# ---------------------------------------------------------------- opt-outs and consents


def test_an_opt_out_withdraws_the_consent_and_forbids_another(tenant: Tenant) -> None:
    given = people.consent_give(tenant=tenant, digits=phone(1), source="서면", by="kim")
    assert (given.phone_tail, given.by, given.source) == ("0001", "kim", "서면")
    people.opt_out_set(tenant=tenant, digits=phone(1), everything=False, by="lee")
    assert not Consent.objects.for_tenant(tenant).exists()
    again: dict[str, Any] = {"tenant": tenant, "digits": phone(1), "source": "x", "by": "kim"}
    assert code_of(people.consent_give, **again) == "message_opt_out_first"
    row = people.opt_out_list(tenant=tenant, digits=phone(1)).get()
    assert (row.source, row.by, row.phone_tail) == ("person", "lee", "0001")
    people.opt_out_lift(tenant=tenant, opt_out_id=row.pk, by="park")
    lifted = OperatorAction.objects.get(target=str(row.pk))
    assert (lifted.action, lifted.by, lifted.data["noted_by"]) == ("opt_out.lift", "park", "lee")
    assert phone(1) not in str(lifted.data)
    assert people.consent_give(**again).source == "x"


def test_a_list_widens_an_opt_out_and_only_a_person_narrows_it(tenant: Tenant) -> None:
    assert add(tenant, 1, 2, 2) == Tally(added=2, same=1)
    assert add(tenant, 1, 2) == Tally(same=2)
    assert add(tenant, 2, 3, everything=True) == Tally(added=1, widened=1)
    assert add(tenant, 2, 3) == Tally(same=2)
    assert refused(tenant) == {phone(1): False, phone(2): True, phone(3): True}
    people.opt_out_set(tenant=tenant, digits=phone(3), everything=False, by="kim")
    row = people.opt_out_list(tenant=tenant, tail="0003").get()
    assert (row.everything, row.source, row.by) == (False, "person", "kim")


def test_a_phone_is_told_by_number_or_by_student_and_never_by_another_academys(
    tenant: Tenant,
) -> None:
    mine = student(tenant, 7)
    theirs = student(make_tenant(), 8)
    assert people.digits_of(tenant, Whose(student=mine.pk)) == phone(7)
    assert people.digits_of(tenant, Whose(phone="010-0000-0009")) == phone(9)
    for student_id, code in (
        (theirs.pk, "message_student_unknown"),
        (new_id(), "message_student_unknown"),
    ):
        assert code_of(people.digits_of, tenant=tenant, whose=Whose(student=student_id)) == code
    people.opt_out_set(tenant=tenant, digits=phone(7), everything=True, by="kim")
    row = people.opt_out_list(tenant=tenant).get()
    other: dict[str, Any] = {"tenant": make_tenant(), "opt_out_id": row.pk, "by": "x"}
    assert code_of(people.opt_out_lift, **other) == "not_found"


def test_many_are_noted_by_as_many_statements_as_one(tenant: Tenant) -> None:
    def counted(*numbers: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            add(tenant, *numbers)
        return len([one for one in captured if "message_" in one["sql"]])

    assert counted(1) == counted(*range(2, 500)) == 2


# ---------------------------------------------------------------- lists


class Listing(ScriptedProvider):
    """A provider that keeps the list of the 080 number."""

    def __init__(self, *listed: str) -> None:
        super().__init__()
        self.listed = listed
        self.asked: list[tuple[str, str, datetime | None]] = []

    def opt_outs(self, number: str, sender: str, since: datetime | None) -> Sequence[str]:
        self.asked.append((number, sender, since))
        return self.listed


def test_the_080_list_is_noted_once_and_then_asked_for_what_is_new(tenant: Tenant) -> None:
    silent = make_tenant()
    people.consent_give(tenant=tenant, digits=phone(1), source="서면", by="kim")
    with provider_in_place(Listing("010-0000-0001", phone(2), "0200000000")) as provider:
        assert (free_calls.sweep(), free_calls.sweep()) == (1, 0)
        job = Job.objects.for_tenant(tenant).get(kind=free_calls.KIND)
        run(job)
        counts = {"listed": 3, "odd": 1, "added": 2, "widened": 0, "same": 0}
        assert job.result == {"asked": True, **counts}
        later = clock.now() + timedelta(hours=2)
        with clock.frozen(later):
            assert free_calls.sweep() == 1
        run(Job.objects.for_tenant(tenant).filter(kind=free_calls.KIND).latest("created_at"))
    known = ("0800000000", "0200000000")
    assert provider.asked == [(*known, None), (*known, job.created_at - free_calls.OVERLAP)]
    assert refused(tenant) == {phone(1): False, phone(2): False}
    assert {row.source for row in OptOut.objects.for_tenant(tenant)} == {"080"}
    assert not Consent.objects.for_tenant(tenant).exists()
    assert not Job.objects.for_tenant(silent).exists()


@pytest.mark.parametrize(
    ("error", "state"),
    [(Retryable("provider_unavailable"), JobState.RETRY_WAIT),
     (Rejected("provider_rejected"), JobState.FAILED),
     (Misconfigured("provider_misconfigured"), JobState.FAILED)],
)  # fmt: skip
def test_a_list_that_could_not_be_had_is_asked_for_from_the_same_moment_on(
    tenant: Tenant, error: ProviderError, state: JobState
) -> None:
    class Failing(Listing):
        def opt_outs(self, number: str, sender: str, since: datetime | None) -> Sequence[str]:
            raise error

    with provider_in_place(Failing()):
        free_calls.sweep()
        job = Job.objects.for_tenant(tenant).get(kind=free_calls.KIND)
        run(job)
    assert (job.state, job.error_code) == (state, error.code)
    assert free_calls.since(tenant) is None


def test_a_provider_without_a_list_is_not_asked(tenant: Tenant) -> None:
    with provider_in_place(ScriptedProvider()):
        assert free_calls.sweep() == 0
    assert not Job.objects.for_tenant(tenant).exists()


LIST: list[list[Any]] = [
    ["수신 거부 명단"], ["거부 일시", "휴대전화"], ["2026-03-01", "010-0000-0001"],
    ["2026-03-02", 1000000002], ["2026-03-03", "02-123-4567"], ["2026-03-04", "010-0000-0001"],
    ["2026-03-05", ""],
]  # fmt: skip


def imported(tenant: Tenant, path: Path, **params: Any) -> Job:
    upload = sheets.uploaded(tenant, path)
    order = Order(
        "messages.opt_outs.import", {"upload": str(upload.pk), "dry_run": False, **params}
    )
    (job,) = jobs_submit(by=Submitter(tenant, "kim"), orders=[order])
    run(job)
    return job


def result_of(job: Job) -> dict[str, Any]:
    assert job.result is not None
    found: dict[str, Any] = job.result["result"]
    return found


@pytest.mark.integration("postgres", "s3")
@pytest.mark.usefixtures("buckets")
def test_a_list_is_imported_row_by_row_and_again_without_effect(
    tenant: Tenant, tmp_path: Path
) -> None:
    path = sheets.xlsx(tmp_path / "a.xlsx", LIST)
    dry = imported(tenant, path, dry_run=True)
    assert not OptOut.objects.for_tenant(tenant).exists()
    first, second = imported(tenant, path), imported(tenant, path)
    counts = []
    for job in (dry, first, second):
        assert job.state == JobState.SUCCEEDED, (job.error_code, job.error_params)
        assert ImportOptOutsResult.model_validate(job.result).review_required
        found = result_of(job)
        counts.append([found[n] for n in ("rows", "good", "faulty", "added", "widened", "same")])
    assert counts == [[4, 3, 1, 0, 0, 0], [4, 3, 1, 2, 0, 1], [4, 3, 1, 0, 0, 3]]
    (fault,) = result_of(first)["errors"]
    assert (fault["row"], fault["code"], fault["value"]) == (5, "row_phone_invalid", "0*-***-***7")
    assert refused(tenant) == {phone(1): False, phone(2): False}
    assert {(row.source, row.by) for row in OptOut.objects.for_tenant(tenant)} == {
        ("import", "kim")
    }
    stored = f"{first.result}{first.checkpoint}{first.params}"
    assert not [one for one in ("0000-0001", phone(1), "123-4567") if one in stored]


@pytest.mark.integration("postgres", "s3")
@pytest.mark.usefixtures("buckets")
def test_a_column_is_never_guessed_from_its_values(tenant: Tenant, tmp_path: Path) -> None:
    bare = sheets.xlsx(tmp_path / "a.xlsx", [["20260301", "01000000001"]])
    job = imported(tenant, bare)
    assert (job.state, job.error_code) == (JobState.FAILED, "message_column_unsure")
    missing = imported(tenant, bare, column="연락처")
    assert (missing.state, missing.error_code) == (JobState.FAILED, "message_column_missing")
    assert not OptOut.objects.for_tenant(tenant).exists()
    assert imported(tenant, bare, column="B").state == JobState.SUCCEEDED
    only = tmp_path / "b.csv"
    only.write_text("010-0000-0002\n010-0000-0003\n", encoding="utf-8")
    assert imported(tenant, only, everything=True).state == JobState.SUCCEEDED
    assert refused(tenant) == {phone(1): False, phone(2): True, phone(3): True}


# ---------------------------------------------------------------- events


def template(tenant: Tenant, name: str = "출결", purpose: Purpose = Purpose.INFO) -> Any:
    version = templates.template_create(
        tenant=tenant, name=name, channel=Channel.TEXT, purpose=purpose,
        wording=Wording("#{이름} 학생이 #{시각}에 왔습니다."), by="test",
    )  # fmt: skip
    return version.template_id


def switch(tenant: Tenant, event: Event, template_id: Any, *, on: bool = True) -> None:
    said = {"enabled": on, "template": template_id and str(template_id)}
    policy_change(tenant=tenant, changes={"triggers": {event.value: said}})


def tell(tenant: Tenant, *rows: Student, occurrence: str = "2026-03-02", **values: str) -> Campaign:
    return event_tell(
        tenant=tenant, event=Event.ATTENDANCE, occurrence=occurrence, by="key",
        to=[To(student=row.pk, variables=values or {"시각": "15:00"}) for row in rows],
    )  # fmt: skip


def why(campaign: Campaign) -> list[tuple[str, str]]:
    rows = Message.objects.for_tenant(campaign.tenant_id).filter(campaign=campaign)
    return list(rows.order_by("number").values_list("state", "reason"))


def test_off_means_off_and_stores_nothing(tenant: Tenant) -> None:
    one = student(tenant, 1)
    act = {"tenant": tenant, "event": Event.ATTENDANCE, "occurrence": "x", "by": "key",
           "to": [To(student=one.pk)]}  # fmt: skip
    assert code_of(event_tell, **act) == "message_trigger_off"
    switch(tenant, Event.ATTENDANCE, template(tenant), on=False)
    assert code_of(event_tell, **act) == "message_trigger_off"
    switch(tenant, Event.GRADES, template(tenant, "성적"))
    assert code_of(event_tell, **act) == "message_trigger_off"
    assert not Campaign.objects.for_tenant(tenant).exists()
    assert not Job.objects.for_tenant(tenant).exists()


def test_a_repeated_event_tells_nobody_twice_and_says_so(tenant: Tenant) -> None:
    switch(tenant, Event.ATTENDANCE, template(tenant))
    one, two = student(tenant, 1), student(tenant, 2)
    first = tell(tenant, one)
    assert (first.state, first.trigger, first.confirmed_by) == ("sending", "attendance", "platform")
    again = tell(tenant, one, two, 시각="16:00")
    assert why(again) == [("suppressed", "message_already_told"), ("queued", "")]
    third = tell(tenant, one, two)
    assert (third.state, third.job_id) == (CampaignState.DONE, None)
    assert why(third) == [("suppressed", "message_already_told")] * 2
    assert why(tell(tenant, one, occurrence="2026-03-03")) == [("queued", "")]
    assert credit.imbalance(tenant.pk) == (0, 0)


def test_whoever_cannot_be_told_is_left_out_and_does_not_keep_others_from_it(
    tenant: Tenant,
) -> None:
    switch(tenant, Event.ATTENDANCE, template(tenant))
    one, bad = student(tenant, 1), student(tenant, 2, removed_at=clock.now())
    out = student(tenant, 3)
    add(tenant, 3, everything=True)
    told = tell(tenant, bad, one, out)
    assert why(told) == [
        ("suppressed", "message_student_unknown"),
        ("queued", ""),
        ("suppressed", "message_opted_out"),
    ]
    trace = MessageEvent.objects.for_tenant(tenant).filter(message__campaign=told)
    found = trace.filter(reason="message_student_unknown").values_list("state", "source")
    assert list(found.order_by("at", "id")) == [("blocked", "preview"), ("suppressed", "confirm")]
    nobody = tell(tenant, bad, occurrence="2026-03-04")
    assert (nobody.state, states(nobody)) == ("done", {"suppressed": 1})


def test_an_event_that_cannot_be_paid_leaves_nothing_behind(tenant: Tenant) -> None:
    switch(tenant, Event.ATTENDANCE, template(tenant))
    free, _ = credit.balance(tenant.pk)
    credit.adjust(tenant_id=tenant.pk, amount=-free, key="less", by="test", reason="test")
    one = student(tenant, 1)
    with pytest.raises(AppError) as caught:
        tell(tenant, one)
    assert caught.value.code == "message_credit_short"
    assert not Campaign.objects.for_tenant(tenant).exists()


def test_a_policy_takes_known_events_and_templates_that_can_be_used(tenant: Tenant) -> None:
    good = template(tenant)
    ad = template(tenant, "광고", Purpose.AD)
    gone = template(tenant, "옛것")
    templates.template_archive(tenant=tenant, template_id=gone)
    theirs = template(make_tenant())
    for said, code in (
        ({"birthday": {"enabled": True, "template": str(good)}}, "message_trigger_unknown"),
        ({"grades": {"enabled": True, "template": None}}, "message_trigger_template"),
        ({"grades": {"enabled": True, "template": str(ad)}}, "message_trigger_template"),
        ({"grades": {"enabled": False, "template": str(gone)}}, "message_trigger_template"),
        ({"grades": {"enabled": True, "template": str(theirs)}}, "message_trigger_template"),
    ):
        assert code_of(policy_change, tenant=tenant, changes={"triggers": said}) == code
    switch(tenant, Event.ATTENDANCE, good)
    templates.template_archive(tenant=tenant, template_id=good)
    one = student(tenant, 1)
    with pytest.raises(AppError) as caught:
        tell(tenant, one)
    assert caught.value.code == "message_trigger_template"


# ---------------------------------------------------------------- privacy


def test_phones_and_texts_go_after_the_days_of_the_policy_and_the_rest_stays(
    tenant: Tenant,
) -> None:
    policy_change(tenant=tenant, changes={"text_days": 7})
    ended = clock.now() - timedelta(days=7, seconds=1)
    done: dict[str, Any] = {"state": "done", "body": "보기1 결석", "ended_at": ended}
    old = make_campaign(tenant, 3, **done)
    waiting = make_campaign(tenant, 1, **{**done, "state": "cancelled"})
    fresh = make_campaign(tenant, 1, **{**done, "ended_at": ended + timedelta(seconds=2)})
    other = make_campaign(make_tenant(), 1, **done)
    Message.unscoped.exclude(campaign=waiting).update(state="failed", reason="carrier_number")
    add(tenant, 1)
    assert (privacy.wipe(), privacy.wipe()) == (1, 0)
    for row in Message.objects.for_tenant(tenant).filter(campaign=old):
        assert (row.phone, row.content, row.state, row.reason) == (
            None, None, MessageState.FAILED, "carrier_number",
        )  # fmt: skip
        assert row.phone_tail == phone(row.number)[-4:]
        assert bytes(row.phone_index) == phones.index_of(tenant.pk, phone(row.number))
    old.refresh_from_db()
    assert (old.body, old.wiped_at is not None) == ("", True)
    assert not Message.unscoped.filter(campaign__in=[waiting, fresh, other], phone=None).exists()
    assert refused(tenant) == {phone(1): False}


def test_what_was_noted_for_the_provider_goes_with_the_texts_or_where_no_batch_has_it(
    tenant: Tenant,
) -> None:
    with provider_in_place(ConsoleProvider()):
        campaigns = [make_campaign(tenant, 2) for _ in range(2)]
        send_all()
    handles = [Batch.objects.for_tenant(tenant).get(campaign=one).handle for one in campaigns]
    ended = clock.now() - timedelta(days=91)
    Campaign.unscoped.filter(pk=campaigns[0].pk).update(ended_at=ended)
    assert set(LocalGroup.objects.values_list("handle", flat=True)) == set(handles)
    assert privacy.wipe() == 1
    old, young = clock.now() - privacy.ORPHANED - timedelta(minutes=1), clock.now()
    for handle, created_at in (("lost", old), ("being planned", young)):
        LocalGroup.objects.create(handle=handle, provider="console", created_at=created_at)
    LocalGroup.objects.filter(handle=handles[1]).update(created_at=old)
    assert (privacy.notes_drop(), privacy.notes_drop()) == (1, 0)
    left = set(LocalGroup.objects.values_list("handle", flat=True))
    assert left == {handles[1], "being planned"}


def test_a_sending_leaves_no_phone_name_or_text_beside_the_sealed_rows(
    tenant: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    """The canaries are looked for in the log, the jobs, the batches, the trace and the tally."""
    caplog.set_level(logging.DEBUG)
    switch(tenant, Event.ATTENDANCE, template(tenant))
    canary = student(tenant, 48_151_623, name="카나리아보기")
    lost = student(tenant, 42_108_151, name="카나리아둘")
    with provider_in_place(ScriptedProvider()) as provider:
        provider.refused[phone(42_108_151)] = "1023"
        provider.lose("commit", done=True)
        campaign = tell(tenant, canary, lost, 시각="칠시팔분")
        send_all()
        assert provider.sends == {phone(48_151_623): 1}
    assert states(campaign) == {"sent": 1, "failed": 1}
    kept = [caplog.text]
    for model in (Job, Batch, MessageEvent, CreditEntry, OperatorAction, Campaign):
        kept += [str(row) for row in model._base_manager.values()]
    for row in Message.objects.for_tenant(tenant).filter(campaign=campaign).values():
        kept += [str({name: value for name, value in row.items() if name != "phone_tail"})]
    found = "\n".join(kept)
    assert str(campaign.pk) in found
    for secret in (phone(48_151_623), phone(42_108_151), "카나리아", "칠시팔분", "8151-623"):
        assert secret not in found


def test_all_is_sealed_anew_under_the_present_secret(
    tenant: Tenant, settings: LazySettings
) -> None:
    old, new = "o" * 40, "n" * 40
    settings.PERSONAL_DATA_SECRETS = [old]
    campaign = make_campaign(tenant, 3)
    wiped = message(tenant, campaign, 4, phone=None, content=None)
    wiped.save()
    add(tenant, 9)
    settings.PERSONAL_DATA_SECRETS = [new, old]
    assert sum(personal.reseal(batch=2).values()) == 7
    call_command("personal_data_reseal")
    assert not any(personal.reseal().values())
    settings.PERSONAL_DATA_SECRETS = [new]
    rows = Message.objects.for_tenant(tenant).filter(campaign=campaign).order_by("number")
    found = [
        (phones.open_phone(tenant.pk, row.phone), opened(tenant.pk, row.content).text)
        for row in rows
        if row.phone and row.content
    ]
    assert found == [(phone(n), f"{n}번 안내") for n in (1, 2, 3)]
    assert refused(tenant) == {phone(9): False}
    settings.PERSONAL_DATA_SECRETS = ["x" * 40]
    with pytest.raises(CommandError, match="PERSONAL_DATA_SECRET"):
        call_command("personal_data_reseal")
