"""Messages go out once, whatever the provider does, and whoever dies between two steps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from academy.core import clock
from academy.jobs.models import Job
from academy.messaging import control, credit, delivery, sweeps
from academy.messaging.fields import Purpose
from academy.messaging.models import (
    Batch,
    Campaign,
    Consent,
    LocalGroup,
    Message,
    MessageEvent,
    OptOut,
    Policy,
    ProviderEvent,
)
from academy.messaging.phones import index_of, seal_phone
from academy.messaging.providers.local import SandboxProvider
from academy.messaging.providers.port import Callback, Outcome, Rejected, Retryable, Status
from academy.tenants.models import Tenant
from tests.support.jobs import make_tenant
from tests.support.messages import (
    PRICE,
    ScriptedProvider,
    batch_states,
    make_campaign,
    phone,
    provider_in_place,
    send_all,
    send_later,
    states,
)

pytestmark = [pytest.mark.integration("postgres"), pytest.mark.django_db(transaction=True)]

# Ten in the evening in Seoul, in a time that the database has not reached either.
NIGHT = datetime(2100, 3, 2, 13, 0, tzinfo=UTC)


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


@pytest.fixture
def provider() -> Iterator[ScriptedProvider]:
    with provider_in_place(ScriptedProvider()) as made:
        yield made


def once_each(provider: ScriptedProvider, count: int) -> bool:
    return dict(provider.sends) == {phone(n): 1 for n in range(1, count + 1)}


def book_is_right(tenant: Tenant) -> tuple[int, int]:
    """Free and held jeon; the book adds up to them."""
    assert credit.imbalance(tenant.pk) == (0, 0)
    return credit.balance(tenant.pk)


def resolve_all(rounds: int = 5) -> None:
    for _ in range(rounds):
        sweeps.batches()
        send_later(1)


def test_a_campaign_goes_out_in_batches_and_is_paid_when_it_has_arrived(
    tenant: Tenant, provider: ScriptedProvider
) -> None:
    provider.most = 4
    campaign = make_campaign(tenant, 10)
    send_all()
    assert once_each(provider, 10)
    assert provider.texts[phone(3)] == "3번 안내"
    assert (states(campaign), batch_states(campaign)) == ({"sent": 10}, ["sent"] * 3)
    campaign.refresh_from_db()
    assert campaign.state == "done"
    assert book_is_right(tenant) == (0, 10 * PRICE)
    provider.reports = lambda key: Status(key, Outcome.DELIVERED, "4000")
    with clock.frozen(clock.now() + timedelta(minutes=10)):
        assert delivery.sweep() == 3
        send_all()
        assert delivery.sweep() == 0
    assert states(campaign) == {"delivered": 10}
    assert book_is_right(tenant) == (0, 0)


@pytest.mark.parametrize("done", [True, False])
def test_a_lost_answer_is_asked_about_and_nothing_is_sent_twice(
    tenant: Tenant, provider: ScriptedProvider, done: bool
) -> None:
    provider.lose("commit", done=done)
    campaign = make_campaign(tenant, 5)
    send_all()
    assert once_each(provider, 5)
    assert (states(campaign), batch_states(campaign)) == ({"sent": 5}, ["sent"])
    assert provider.calls["commit"] == (1 if done else 2)


@pytest.mark.parametrize("done", [True, False])
def test_what_the_provider_cannot_say_yet_is_unknown_until_it_can(
    tenant: Tenant, provider: ScriptedProvider, done: bool
) -> None:
    provider.lose("commit", done=done)
    provider.script["lookup"] = [Retryable("provider_unavailable")] * 2
    campaign = make_campaign(tenant, 5)
    send_all()
    assert (states(campaign), batch_states(campaign)) == ({"unknown": 5}, ["unknown"])
    campaign.refresh_from_db()
    assert campaign.state == "sending"
    resolve_all()
    assert once_each(provider, 5)
    assert (states(campaign), batch_states(campaign)) == ({"sent": 5}, ["sent"])
    sweeps.campaigns()
    campaign.refresh_from_db()
    assert campaign.state == "done"


@pytest.mark.parametrize("point", ["messages.prepared", "messages.sending", "messages.answered"])
def test_a_worker_that_dies_at_any_step_sends_nothing_twice(
    tenant: Tenant, provider: ScriptedProvider, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = make_campaign(tenant, 5)
    died: list[str] = []

    def die(name: str) -> None:
        if name == point and not died:
            died.append(name)
            raise RuntimeError("killed")

    monkeypatch.setattr("academy.messaging.ledger.crash_point", die)
    send_later(1)
    for _ in range(3):
        resolve_all(1)
        sweeps.campaigns()
        send_later(1)
    assert died == [point]
    assert once_each(provider, 5)
    assert (states(campaign), batch_states(campaign)[-1]) == ({"sent": 5}, "sent")


def test_a_provider_that_is_away_is_tried_again_by_the_same_batch(
    tenant: Tenant, provider: ScriptedProvider
) -> None:
    provider.script["prepare"] = [Retryable("provider_unavailable", retry_after=30)]
    provider.script["commit"] = [Retryable("provider_unavailable")]
    campaign = make_campaign(tenant, 5)
    send_later()
    assert once_each(provider, 5)
    assert (states(campaign), batch_states(campaign)) == ({"sent": 5}, ["sent"])


def test_a_definite_refusal_is_final_says_so_and_gives_the_credits_back(
    tenant: Tenant, provider: ScriptedProvider
) -> None:
    provider.script["commit"] = [Rejected("provider_balance_short", "1010")]
    campaign = make_campaign(tenant, 5)
    send_all()
    assert provider.sends == {}
    assert (states(campaign), batch_states(campaign)) == ({"failed": 5}, ["failed"])
    rows = Message.objects.for_tenant(tenant).filter(campaign=campaign)
    assert {(row.reason, row.provider_code) for row in rows} == {("provider_balance_short", "1010")}
    assert book_is_right(tenant) == (5 * PRICE, 0)
    campaign.refresh_from_db()
    assert campaign.state == "done"


def test_one_that_is_turned_away_does_not_hold_up_the_others(
    tenant: Tenant, provider: ScriptedProvider
) -> None:
    provider.refused = {phone(2): "3063"}
    campaign = make_campaign(tenant, 3)
    send_all()
    assert states(campaign) == {"failed": 1, "sent": 2}
    assert sorted(provider.sends) == [phone(1), phone(3)]
    assert book_is_right(tenant) == (PRICE, 2 * PRICE)


def test_a_paused_campaign_sends_nothing_and_goes_on_where_it_stood(
    tenant: Tenant, provider: ScriptedProvider
) -> None:
    campaign = make_campaign(tenant, 4)
    control.campaign_pause(tenant=tenant, campaign_id=campaign.pk)
    send_all()
    assert (provider.sends, states(campaign)) == ({}, {"queued": 4})
    assert sweeps.campaigns() == 0
    control.campaign_resume(tenant=tenant, campaign_id=campaign.pk, by="test")
    send_all()
    assert once_each(provider, 4)


def test_a_cancelled_campaign_sends_nothing_more_and_gives_the_credits_back(
    tenant: Tenant, provider: ScriptedProvider
) -> None:
    campaign = make_campaign(tenant, 4)
    control.campaign_cancel(tenant=tenant, campaign_id=campaign.pk)
    send_all()
    assert (provider.sends, states(campaign)) == ({}, {"cancelled": 4})
    assert book_is_right(tenant) == (4 * PRICE, 0)


def test_the_academys_own_hold_stops_it_alone_and_loses_nothing(
    tenant: Tenant, provider: ScriptedProvider
) -> None:
    other = make_tenant()
    policy = Policy.objects.for_tenant(tenant).create(hold=True)
    held, free = make_campaign(tenant, 2), make_campaign(other, 3)
    send_all()
    assert (states(held), states(free)) == ({"queued": 2}, {"sent": 3})
    assert sweeps.campaigns() == 0
    policy.hold = False
    policy.save()
    assert sweeps.campaigns() == 1
    send_all()
    assert states(held) == {"sent": 2}


def opt_out(tenant: Tenant, number: int, *, everything: bool) -> None:
    digits = phone(number)
    OptOut.objects.for_tenant(tenant).create(
        phone_index=index_of(tenant.pk, digits),
        phone=seal_phone(tenant.pk, digits),
        phone_tail=digits[-4:],
        everything=everything,
        source="person",
        by="test",
    )


def consent(tenant: Tenant, number: int, *, at_night: bool = False) -> None:
    Consent.objects.for_tenant(tenant).create(
        phone_index=index_of(tenant.pk, phone(number)),
        at_night=at_night,
        source="form",
        given_at=clock.now(),
        by="test",
    )


def reasons(campaign: Campaign) -> dict[int, tuple[str, str]]:
    rows = Message.objects.for_tenant(campaign.tenant_id).filter(campaign=campaign)
    return {row.number: (row.state, row.reason) for row in rows}


def test_who_opted_out_since_the_preview_is_left_out(
    tenant: Tenant, provider: ScriptedProvider
) -> None:
    campaign = make_campaign(tenant, 3)
    opt_out(tenant, 1, everything=True)
    opt_out(tenant, 2, everything=False)
    opt_out(make_tenant(), 3, everything=True)
    send_all()
    assert reasons(campaign) == {
        1: ("suppressed", "message_opted_out"), 2: ("sent", ""), 3: ("sent", ""),
    }  # fmt: skip
    assert book_is_right(tenant) == (PRICE, 2 * PRICE)


def test_advertising_needs_consent_and_waits_for_the_morning(
    tenant: Tenant, provider: ScriptedProvider
) -> None:
    for number, at_night in ((1, False), (2, True), (4, False)):
        consent(tenant, number, at_night=at_night)
    opt_out(tenant, 4, everything=False)
    with clock.frozen(NIGHT):
        campaign = make_campaign(tenant, 4, purpose=Purpose.AD.value)
        send_later(1)
        assert reasons(campaign) == {
            1: ("queued", ""), 2: ("sent", ""),
            3: ("suppressed", "message_no_consent"), 4: ("suppressed", "message_opted_out"),
        }  # fmt: skip
        waiting = Message.objects.for_tenant(tenant).get(campaign=campaign, number=1)
        assert waiting.not_before == datetime(2100, 3, 2, 23, 0, tzinfo=UTC)
        follow_up = Job.unscoped.get(kind="messages.send", finished_at__isnull=True)
        assert (follow_up.state, follow_up.not_before) == ("queued", waiting.not_before)
    with clock.frozen(waiting.not_before + timedelta(seconds=1)):
        send_later(1)
    assert reasons(campaign)[1] == ("sent", "")


def test_the_hour_and_the_recipients_day_have_their_limits(
    tenant: Tenant, provider: ScriptedProvider
) -> None:
    Policy.objects.for_tenant(tenant).create(most_per_hour=3, most_per_recipient_day=1)
    campaign = make_campaign(tenant, 5)
    send_all()
    assert states(campaign) == {"sent": 3, "queued": 2}
    later = clock.now() + timedelta(hours=1, minutes=1)
    with clock.frozen(later):
        send_later(1)
        assert states(campaign) == {"sent": 5}
        again = make_campaign(tenant, 1)
        send_later(1)
    assert reasons(again) == {1: ("suppressed", "message_cap_recipient")}


def test_a_batch_costs_few_statements_however_many_messages_it_has(
    tenant: Tenant, provider: ScriptedProvider, django_assert_max_num_queries: Any
) -> None:
    make_campaign(tenant, 300)
    with django_assert_max_num_queries(130):
        send_all()
    assert once_each(provider, 300)


def test_the_trace_of_a_message_tells_its_whole_way(
    tenant: Tenant, provider: ScriptedProvider
) -> None:
    provider.lose("commit", done=True)
    provider.script["lookup"] = [Retryable("provider_unavailable")]
    campaign = make_campaign(tenant, 1)
    send_all()
    resolve_all()
    events = MessageEvent.objects.for_tenant(tenant).filter(message__campaign=campaign)
    assert [(one.state, one.source) for one in events] == [
        ("sending", "dispatch"), ("unknown", "provider"), ("sent", "provider"),
    ]  # fmt: skip


def test_an_event_of_the_provider_counts_once_and_is_confirmed_by_asking(
    tenant: Tenant, provider: ScriptedProvider
) -> None:
    campaign = make_campaign(tenant, 2)
    send_all()
    batch = Batch.objects.for_tenant(tenant).get()
    event = Callback("event-1", batch.handle)
    assert (delivery.record("console", [event]), delivery.record("console", [event])) == (1, 0)
    assert ProviderEvent.objects.count() == 1
    provider.reports = lambda key: Status(key, Outcome.FAILED, "3008")
    with clock.frozen(clock.now() + timedelta(seconds=30)):
        assert delivery.sweep() == 1
        send_all()
    assert reasons(campaign) == dict.fromkeys((1, 2), ("failed", "provider_rejected"))
    assert book_is_right(tenant) == (2 * PRICE, 0)
    assert ProviderEvent.objects.get().handled_at is not None


def test_what_is_never_reported_is_paid_after_three_days(
    tenant: Tenant, provider: ScriptedProvider
) -> None:
    campaign = make_campaign(tenant, 2)
    send_all()
    with clock.frozen(clock.now() + timedelta(days=4)):
        assert delivery.sweep() == 1
        send_all()
        assert delivery.sweep() == 0
    assert (states(campaign), book_is_right(tenant)) == ({"sent": 2}, (0, 0))


@pytest.mark.parametrize("seed", [1, 2])
def test_an_unreliable_provider_gets_every_message_once(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr("academy.messaging.providers.local._SLOWEST_SECONDS", 0)
    monkeypatch.setattr("academy.messaging.handlers.sending.BATCH_MESSAGES", 5)
    monkeypatch.setattr("academy.messaging.handlers.batch.BATCH_MESSAGES", 5)
    sandbox = SandboxProvider(seed)
    sandbox.name = "console"
    with provider_in_place(sandbox):
        campaign = make_campaign(tenant, 100)
        send_later(1)
        resolve_all(2)
    told = states(campaign)
    assert sum(told.values()) == 100
    assert set(told) <= {"delivered", "failed"}
    assert told["delivered"] > 90
    sent = [
        key for group in LocalGroup.objects.filter(sent_at__isnull=False) for key in group.statuses
    ]
    assert len(sent) == len(set(sent)) == 100
    assert book_is_right(tenant)[1] == 0


def test_a_provider_that_loses_every_answer_is_not_told_over_and_over(
    tenant: Tenant, provider: ScriptedProvider
) -> None:
    provider.lose("commit", 100, done=False)
    campaign = make_campaign(tenant, 3)
    send_all()
    assert (provider.calls["commit"], states(campaign)) == (2, {"unknown": 3})
    provider.script.clear()
    resolve_all()
    assert once_each(provider, 3)
