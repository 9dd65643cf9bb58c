"""Solapi: what its double takes and refuses, and that no failure of a call sends anything twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from academy.messaging import codes
from academy.messaging.fields import MessageType
from academy.messaging.providers.port import (
    Ambiguous,
    Fallback,
    Misconfigured,
    OutBatch,
    Outcome,
    Outgoing,
    Rejected,
    Retryable,
)
from academy.messaging.providers.solapi import SolapiProvider
from academy.settings.messaging import Account
from academy.tenants.models import Tenant
from tests.support.jobs import make_tenant
from tests.support.messages import make_campaign, phone, provider_in_place, send_all, states
from tests.support.solapi_double import (
    KEY,
    PROFILE,
    SECRET,
    SENDER,
    TEMPLATE,
    WEBHOOK,
    WEBHOOK_HEADERS,
    Fault,
    SolapiDouble,
    serve,
)

pytestmark = [pytest.mark.integration("postgres")]


@pytest.fixture
def double() -> Iterator[SolapiDouble]:
    with serve() as made:
        yield made


@pytest.fixture
def provider(double: SolapiDouble) -> Iterator[SolapiProvider]:
    made = SolapiProvider(Account(double.url, KEY, SECRET, WEBHOOK), timeout_seconds=5)
    yield made
    made.close()


def text(number: int, body: str = "안내", **more: object) -> Outgoing:
    values: dict[str, object] = {
        "key": f"key-{number}", "type": MessageType.SMS, "to": phone(number), "sender": SENDER,
        "text": body, **more,
    }  # fmt: skip
    return Outgoing(**values)  # type: ignore[arg-type]


def kakao(
    number: int, *, fallback: Fallback | None = None, variables: dict[str, str] | None = None
) -> Outgoing:
    return text(
        number, "보기 등원", type=MessageType.ALIMTALK, channel=PROFILE, template=TEMPLATE,
        variables={"이름": "보기"} if variables is None else variables, fallback=fallback,
    )  # fmt: skip


def batch(*messages: Outgoing) -> OutBatch:
    return OutBatch("batch-1", messages)


def test_what_solapi_refuses_is_told_message_by_message(
    provider: SolapiProvider, double: SolapiDouble
) -> None:
    out = batch(
        text(1),
        text(2, "😀"),
        text(3, "가" * 46),
        text(4, sender="0299999999"),
        text(6),
    )
    made = provider.prepare(out)
    refused = {one.key: (one.outcome, one.code) for one in made.refused}
    assert refused == {
        "key-2": (Outcome.FAILED, "1029"), "key-3": (Outcome.FAILED, "1031"),
        "key-4": (Outcome.FAILED, "1062"),
    }  # fmt: skip
    provider.commit(made.handle, out)
    assert sorted(double.sends) == [phone(1), phone(6)]
    assert [codes.reason_of("solapi", code) for code in ("1062", "3063", "9999")] == [
        "carrier_sender", "carrier_template", "",
    ]  # fmt: skip


def test_a_variable_that_the_template_has_must_be_there(provider: SolapiProvider) -> None:
    (refused,) = provider.prepare(batch(kakao(1, variables={}))).refused
    assert (refused.outcome, refused.code) == (Outcome.FAILED, "3063")


@pytest.mark.parametrize(
    ("call", "fault", "error"),
    [
        ("create", Fault(), Retryable),
        ("create", Fault(503), Retryable),
        ("add", Fault(done=True), Retryable),
        ("add", Fault(429, "TooManyRequests", retry_after=7), Retryable),
        ("send", Fault(), Ambiguous),
        ("send", Fault(done=True), Ambiguous),
        ("send", Fault(500), Ambiguous),
        ("send", Fault(500, done=True), Ambiguous),
        ("send", Fault(429, "TooManyRequests"), Retryable),
        ("send", Fault(402, "NotEnoughBalance"), Rejected),
        ("send", Fault(400, "GroupAlreadySent"), Ambiguous),
        ("send", Fault(403, "Forbidden"), Misconfigured),
    ],
)
def test_failures_are_told_apart_by_what_they_leave_behind(
    provider: SolapiProvider,
    double: SolapiDouble,
    call: str,
    fault: Fault,
    error: type[Exception],
) -> None:
    out = batch(text(1))
    double.fail(call, fault)
    with pytest.raises(error) as caught:
        provider.commit(provider.prepare(out).handle, out)
    assert getattr(caught.value, "retry_after", None) == (fault.retry_after or None)
    assert SECRET not in str(caught.value.__dict__)
    assert sum(double.sends.values()) == (1 if fault.done and call == "send" else 0)


def test_every_call_is_signed_anew_and_within_the_time_that_solapi_allows(
    provider: SolapiProvider, double: SolapiDouble
) -> None:
    for _ in range(3):
        provider.balance()
    assert double.calls["balance"] == 3
    for key, secret in ((KEY, "x" * 32), ("other", SECRET)):
        stranger = SolapiProvider(Account(double.url, key, secret), timeout_seconds=5)
        with pytest.raises(Misconfigured):
            stranger.balance()
        stranger.close()


def test_a_sender_that_is_not_registered_is_found_at_boot(provider: SolapiProvider) -> None:
    provider.check([SENDER, "02-0000-0000"])
    with pytest.raises(Misconfigured, match="provider_misconfigured"):
        provider.check([SENDER, "0299999999"])


@pytest.mark.parametrize("flat", [False, True])
def test_a_webhook_names_groups_and_needs_its_word(
    provider: SolapiProvider, double: SolapiDouble, flat: bool
) -> None:
    out = batch(text(1), text(2))
    made = provider.prepare(out)
    provider.commit(made.handle, out)
    double.deliver()
    raw = double.callback(made.handle, "event", flat=flat)
    events = provider.parse_callback(WEBHOOK_HEADERS, raw)
    assert {(one.handle, one.key) for one in events} == {
        (made.handle, "key-1"), (made.handle, "key-2"),
    }  # fmt: skip
    assert len({one.event_id for one in events}) == 2
    assert provider.parse_callback(WEBHOOK_HEADERS, raw) == events
    for headers, body in (({}, raw), ({"X-Solapi-Secret": "0" * 40}, raw), (WEBHOOK_HEADERS, b"{")):
        with pytest.raises(Rejected):
            provider.parse_callback(headers, body)


def test_many_pages_of_reports_are_read(provider: SolapiProvider, double: SolapiDouble) -> None:
    out = batch(*[text(n) for n in range(1, 1_001)])
    made = provider.prepare(out)
    provider.commit(made.handle, out)
    double.deliver()
    assert len(list(provider.lookup(made.handle).statuses)) == 1_000


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "fault", [Fault(), Fault(done=True), Fault(500, done=True)], ids=["before", "after", "500"]
)
def test_a_campaign_through_solapi_reaches_everybody_once(
    provider: SolapiProvider, double: SolapiDouble, fault: Fault
) -> None:
    tenant: Tenant = make_tenant()
    double.fail("send", fault)
    with provider_in_place(provider), pytest.MonkeyPatch.context() as patched:
        patched.setattr("django.conf.settings.MESSAGING_PROVIDER", "solapi", raising=False)
        campaign = make_campaign(tenant, 20)
        send_all()
    assert double.sends == {phone(n): 1 for n in range(1, 21)}
    assert states(campaign) == {"sent": 20}
