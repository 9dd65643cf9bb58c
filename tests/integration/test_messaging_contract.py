"""One contract for all providers: nothing is sent before it is committed, and nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from academy.core import clock
from academy.core.ids import new_id
from academy.messaging import codes, sweeps
from academy.messaging.fields import MessageType
from academy.messaging.free_calls import OptOutSource
from academy.messaging.models import LocalGroup
from academy.messaging.providers.local import ConsoleProvider, SandboxProvider
from academy.messaging.providers.nhn import NhnProvider
from academy.messaging.providers.port import (
    Ambiguous,
    Fallback,
    Misconfigured,
    OutBatch,
    Outcome,
    Outgoing,
    Progress,
    Provider,
    Rejected,
    Retryable,
    Status,
)
from academy.messaging.providers.solapi import SolapiProvider
from academy.settings.messaging import Account
from tests.support import nhn_double, solapi_double
from tests.support.doubles import Fault
from tests.support.jobs import make_tenant
from tests.support.messages import (
    make_campaign,
    phone,
    provider_in_place,
    send_all,
    send_later,
    states,
)

pytestmark = [pytest.mark.integration("postgres"), pytest.mark.django_db]

SENDER = "0200000000"


@dataclass
class Side:
    """A provider and the double behind it; None where the provider is one of our own."""

    provider: Provider
    double: Any = None
    profile: str = "profile"
    template: str = "template"
    webhook: dict[str, str] = field(default_factory=dict)

    def sends(self) -> dict[str, int]:
        """How often something really went out to a number."""
        if self.double is not None:
            return dict(self.double.sends)
        # Our own keep no numbers: the keys of what was sent stand for them.
        sent = LocalGroup.objects.filter(sent_at__isnull=False)
        return {key: 1 for group in sent for key in group.statuses}

    def deliver(self) -> None:
        if self.double is not None:
            self.double.deliver()


@contextmanager
def _console() -> Iterator[Side]:
    yield Side(ConsoleProvider())


@contextmanager
def _sandbox() -> Iterator[Side]:
    yield Side(_Steady(1))


class _Steady(SandboxProvider):
    """Without its accidents, which are drawn by the number of a call."""

    def _draw(self, call: str) -> float:
        return 1.0


@contextmanager
def _solapi() -> Iterator[Side]:
    with solapi_double.serve() as double:
        account = Account(
            double.url, solapi_double.KEY, solapi_double.SECRET, solapi_double.WEBHOOK
        )
        provider = SolapiProvider(account, timeout_seconds=5)
        yield Side(
            provider, double, solapi_double.PROFILE, solapi_double.TEMPLATE,
            solapi_double.WEBHOOK_HEADERS,
        )  # fmt: skip
        provider.close()


def _nhn_account(url: str, **changed: str) -> Account:
    values = {
        "url": url, "key": nhn_double.KEY, "secret": nhn_double.SECRET,
        "webhook_secret": nhn_double.WEBHOOK, "alimtalk_url": url,
        "alimtalk_key": nhn_double.KAKAO_KEY, "alimtalk_secret": nhn_double.KAKAO_SECRET,
    }  # fmt: skip
    return Account(**{**values, **changed})


@contextmanager
def _nhn() -> Iterator[Side]:
    with nhn_double.serve() as double:
        provider = NhnProvider(_nhn_account(double.url), timeout_seconds=5)
        yield Side(
            provider, double, nhn_double.PROFILE, nhn_double.TEMPLATE, nhn_double.WEBHOOK_HEADERS
        )
        provider.close()


_SIDES = {"console": _console, "sandbox": _sandbox, "solapi": _solapi, "nhn": _nhn}


@pytest.fixture(params=list(_SIDES))
def any_side(request: pytest.FixtureRequest) -> Iterator[Side]:
    with _SIDES[request.param]() as side:
        yield side


@pytest.fixture(params=["solapi", "nhn"])
def remote(request: pytest.FixtureRequest) -> Iterator[Side]:
    with _SIDES[request.param]() as side:
        yield side


@pytest.fixture
def nhn() -> Iterator[Side]:
    with _nhn() as side:
        yield side


def text(number: int, body: str = "안내", **more: Any) -> Outgoing:
    values: dict[str, Any] = {
        "key": f"key-{number}", "type": MessageType.SMS, "to": phone(number), "sender": SENDER,
        "text": body, **more,
    }  # fmt: skip
    return Outgoing(**values)


def long(number: int) -> Outgoing:
    return text(number, "가" * 50, type=MessageType.LMS, subject="제목")


def kakao(side: Side, number: int, *, fallback: str = "", **more: Any) -> Outgoing:
    return text(
        number, "보기 등원", type=MessageType.ALIMTALK, channel=side.profile,
        template=side.template, variables={"이름": "보기"},
        fallback=Fallback(fallback) if fallback else None, **more,
    )  # fmt: skip


def batch(*messages: Outgoing) -> OutBatch:
    return OutBatch(str(new_id()), messages)


def outcomes(statuses: Any) -> dict[str, Outcome]:
    return {one.key: one.outcome for one in statuses}


def mixed(side: Side) -> OutBatch:
    return batch(text(1), text(2, "다른 안내"), long(3), kakao(side, 4))


def until_settled(side: Side, handle: str, out: OutBatch) -> int:
    """What the ledger does about a lost answer, time passing; returns how often it committed."""
    commits = 0
    for minutes in range(0, 30, 3):
        with clock.shifted(timedelta(minutes=minutes)):
            try:
                if side.provider.lookup(handle).progress is not Progress.WAITING:
                    return commits
                commits += 1
                side.provider.commit(handle, out)
            except (Ambiguous, Retryable):
                continue
    raise AssertionError("never settled")


def test_nothing_is_sent_before_the_commit_and_everything_once_by_it(any_side: Side) -> None:
    out = mixed(any_side)
    made = any_side.provider.prepare(out)
    assert (list(made.refused), any_side.sends()) == ([], {})
    assert any_side.provider.lookup(made.handle).progress is Progress.WAITING
    told = any_side.provider.commit(made.handle, out)
    assert Outcome.FAILED not in outcomes(told).values()
    assert sorted(any_side.sends().values()) == [1, 1, 1, 1]
    seen = any_side.provider.lookup(made.handle)
    assert seen.progress in {Progress.SENDING, Progress.COMPLETE}
    assert set(outcomes(seen.statuses)) <= {"key-1", "key-2", "key-3", "key-4"}
    any_side.deliver()
    seen = any_side.provider.lookup(made.handle)
    assert seen.progress is Progress.COMPLETE
    assert outcomes(seen.statuses) == dict.fromkeys(
        ("key-1", "key-2", "key-3", "key-4"), Outcome.DELIVERED
    )
    assert {one.sent_as for one in seen.statuses if one.key == "key-4"} <= {
        None, MessageType.ALIMTALK,
    }  # fmt: skip


def test_a_batch_that_was_sent_is_not_sent_by_another_commit(any_side: Side) -> None:
    out = mixed(any_side)
    made = any_side.provider.prepare(out)
    any_side.provider.commit(made.handle, out)
    # Rejected would say that it had failed.
    with suppress(Ambiguous):
        any_side.provider.commit(made.handle, out)
    assert set(any_side.sends().values()) == {1}


def test_a_prepared_batch_can_be_taken_back_and_a_sent_one_cannot(any_side: Side) -> None:
    out = batch(text(1))
    made = any_side.provider.prepare(out)
    any_side.provider.cancel(made.handle)
    seen = any_side.provider.lookup(made.handle).progress
    assert seen in {Progress.ABSENT, Progress.CANCELLED}
    out = batch(text(2))
    made = any_side.provider.prepare(out)
    any_side.provider.commit(made.handle, out)
    with pytest.raises(Rejected):
        any_side.provider.cancel(made.handle)


def test_what_no_provider_ever_had_is_absent(any_side: Side) -> None:
    assert any_side.provider.lookup(str(new_id())).progress is Progress.ABSENT


def test_a_call_that_is_not_the_providers_is_refused(any_side: Side) -> None:
    for headers in ({}, {"X-Solapi-Secret": "0" * 40}, {"X-Toast-Webhook-Signature": "다른 말"}):
        with pytest.raises(Rejected):
            any_side.provider.parse_callback(headers, b"[]")


@pytest.mark.parametrize(
    "fault",
    [Fault(), Fault(done=True), Fault(500), Fault(500, done=True)],
    ids=["cut-before", "cut-after", "500-before", "500-after"],
)
@pytest.mark.parametrize("kind", ["text", "kakao"])
def test_a_lost_answer_never_sends_twice_and_never_loses_anybody(
    remote: Side, kind: str, fault: Fault
) -> None:
    out = batch(text(1), text(2)) if kind == "text" else batch(kakao(remote, 1), kakao(remote, 2))
    made = remote.provider.prepare(out)
    remote.double.fail("send", fault)
    with pytest.raises(Ambiguous):
        remote.provider.commit(made.handle, out)
    until_settled(remote, made.handle, out)
    assert remote.sends() == {phone(1): 1, phone(2): 1}


def test_several_lost_answers_in_a_row_send_once(remote: Side) -> None:
    out = mixed(remote)
    made = remote.provider.prepare(out)
    remote.double.fail("send", Fault(), Fault(done=True), Fault(500), Fault(done=True))
    with pytest.raises(Ambiguous):
        remote.provider.commit(made.handle, out)
    until_settled(remote, made.handle, out)
    assert remote.sends() == {phone(number): 1 for number in range(1, 5)}


def test_what_is_refused_is_named_and_the_others_go_out(remote: Side) -> None:
    out = batch(text(1), text(2, "😀"), text(3, "가" * 46), kakao(remote, 4))
    made = remote.provider.prepare(out)
    told: list[Status] = [*made.refused, *remote.provider.commit(made.handle, out)]
    failed = {one.key: one.code for one in told if one.outcome is Outcome.FAILED}
    assert set(failed) == {"key-2", "key-3"}
    assert codes.reason_of(remote.provider.name, failed["key-2"])
    assert sorted(remote.sends()) == [phone(1), phone(4)]


def test_reports_say_what_the_carriers_said(remote: Side) -> None:
    out = batch(text(1), text(2))
    code = {"solapi": "3041", "nhn": "2003"}[remote.provider.name]
    remote.double.blocked[phone(2)] = code
    made = remote.provider.prepare(out)
    remote.provider.commit(made.handle, out)
    remote.deliver()
    seen = {one.key: one for one in remote.provider.lookup(made.handle).statuses}
    assert seen["key-1"].outcome is Outcome.DELIVERED
    assert (seen["key-2"].outcome, seen["key-2"].code) == (Outcome.FAILED, code)
    assert codes.reason_of(remote.provider.name, code) == "carrier_unreachable"


def test_alimtalk_falls_back_to_a_text_only_where_that_was_asked(remote: Side) -> None:
    remote.double.kakao_fails = {phone(1), phone(2), phone(3)}
    out = batch(
        kakao(remote, 1, fallback="보기 등원"), kakao(remote, 2),
        kakao(remote, 3, fallback="가" * 50), kakao(remote, 4),
    )  # fmt: skip
    made = remote.provider.prepare(out)
    remote.provider.commit(made.handle, out)
    seen = remote.provider.lookup(made.handle)
    assert set(outcomes(seen.statuses).values()) == {Outcome.ACCEPTED}
    remote.deliver()
    told = {
        one.key: (one.outcome, one.sent_as) for one in remote.provider.lookup(made.handle).statuses
    }
    assert told == {
        "key-1": (Outcome.DELIVERED, MessageType.SMS),
        "key-2": (Outcome.FAILED, MessageType.ALIMTALK),
        "key-3": (Outcome.DELIVERED, MessageType.LMS),
        "key-4": (Outcome.DELIVERED, MessageType.ALIMTALK),
    }


def test_callbacks_name_the_batch_and_the_message(remote: Side) -> None:
    out = batch(text(1), text(2))
    made = remote.provider.prepare(out)
    remote.provider.commit(made.handle, out)
    remote.deliver()
    arguments = (made.handle, "event") if remote.provider.name == "solapi" else (made.handle,)
    raw = remote.double.callback(*arguments)
    events = remote.provider.parse_callback(remote.webhook, raw)
    assert {(one.handle, one.key) for one in events} == {
        (made.handle, "key-1"), (made.handle, "key-2"),
    }  # fmt: skip
    assert len({one.event_id for one in events}) == 2
    with pytest.raises(Rejected):
        remote.provider.parse_callback(remote.webhook, b"{")


def test_senders_are_known_before_anything_is_sent(remote: Side) -> None:
    remote.provider.check([SENDER, "02-0000-0000"])
    with pytest.raises(Misconfigured):
        remote.provider.check([SENDER, "0299999999"])


def test_the_080_list_is_read_to_its_end_and_from_a_moment_on(remote: Side) -> None:
    assert isinstance(remote.provider, OptOutSource)
    now, number, sender = clock.now(), "080-000-0000", "02-0000-0000"
    # One provider tells academies apart by the number that was called, the other by the sender.
    mine, other = ("0800000000", "0800000001")
    if remote.provider.name == "solapi":
        mine, other = ("0200000000", "0200000001")
    called = now - timedelta(days=3)
    remote.double.denials = [(mine, phone(n), called) for n in range(1_203)]
    remote.double.denials += [(other, phone(5_000), now), (mine, phone(6_000), now)]
    listed = remote.provider.opt_outs(number, sender, None)
    assert sorted(listed) == sorted([*(phone(n) for n in range(1_203)), phone(6_000)])
    since = now - timedelta(days=1)
    assert list(remote.provider.opt_outs(number, sender, since)) == [phone(6_000)]
    remote.double.fail("denials", Fault(done=False), Fault(status=503))
    for _ in range(2):
        with pytest.raises(Retryable):
            remote.provider.opt_outs(number, sender, since)
    assert remote.double.calls["denials"] == (3 if mine.startswith("02") else 2) + 1 + 2


def test_an_error_holds_no_key_no_number_and_no_text(remote: Side) -> None:
    out = batch(text(1, "비밀 안내"))
    made = remote.provider.prepare(out)
    secrets = (solapi_double.SECRET, nhn_double.SECRET, nhn_double.KEY, phone(1), "비밀")
    for fault in (Fault(429), Fault(403), Fault(400, "-2016"), Fault(500)):
        remote.double.fail("send", fault)
        with pytest.raises((Ambiguous, Misconfigured, Rejected, Retryable)) as caught:
            remote.provider.commit(made.handle, out)
        told = f"{caught.value!r} {caught.value.__dict__} {caught.value.__cause__!r}"
        assert not [one for one in secrets if one in told]
    assert remote.sends() == {}


# ------------------------------------------------------------------ NHN alone


def test_nhn_answers_tell_apart_what_happened(nhn: Side) -> None:
    for fault, error in (
        (Fault(429, retry_after=7), Retryable),
        (Fault(401), Misconfigured),
        (Fault(200, "-1001"), Misconfigured),
        (Fault(200, "-2312"), Rejected),
        (Fault(200, "-9999"), Ambiguous),
        (Fault(200, "-2021", done=True), Ambiguous),
    ):
        out = batch(text(1))
        made = nhn.provider.prepare(out)
        nhn.double.fail("send", fault)
        with pytest.raises(error) as caught:
            nhn.provider.commit(made.handle, out)
        assert getattr(caught.value, "retry_after", None) == (fault.retry_after or None)
        if error is not Ambiguous:
            assert nhn.provider.lookup(made.handle).progress is Progress.WAITING


def test_nhn_is_not_believed_about_an_absence_before_its_list_has_had_time(nhn: Side) -> None:
    out = batch(text(1))
    made = nhn.provider.prepare(out)
    nhn.double.fail("send", Fault(done=True))
    nhn.double.listing = False
    with pytest.raises(Ambiguous):
        nhn.provider.commit(made.handle, out)
    for minutes in (0, 5, 10):
        with clock.shifted(timedelta(minutes=minutes)):
            with pytest.raises(Retryable):
                nhn.provider.lookup(made.handle)
            with pytest.raises(Retryable):
                nhn.provider.commit(made.handle, out)
    nhn.double.listing = True
    with clock.shifted(timedelta(minutes=10)):
        assert nhn.provider.lookup(made.handle).progress is Progress.SENDING
    assert nhn.sends() == {phone(1): 1}


def test_nhn_alimtalk_is_repeated_by_its_key_and_never_past_it(nhn: Side) -> None:
    out = batch(kakao(nhn, 1))
    made = nhn.provider.prepare(out)
    nhn.double.listing = False
    nhn.double.fail("send", Fault(done=True))
    with pytest.raises(Ambiguous):
        nhn.provider.commit(made.handle, out)
    with clock.shifted(timedelta(minutes=2)):
        assert nhn.provider.lookup(made.handle).progress is Progress.WAITING
        with pytest.raises(Ambiguous):
            nhn.provider.commit(made.handle, out)
    # It has said that it knows the call, so that there is nothing to repeat.
    for minutes in (3, 9, 12):
        with clock.shifted(timedelta(minutes=minutes)), pytest.raises(Retryable):
            nhn.provider.lookup(made.handle)
    nhn.double.listing = True
    with clock.shifted(timedelta(minutes=12)):
        assert nhn.provider.lookup(made.handle).progress is Progress.SENDING
    assert nhn.sends() == {phone(1): 1}


def test_nhn_goes_on_where_a_batch_of_several_calls_broke(nhn: Side) -> None:
    out = mixed(nhn)
    made = nhn.provider.prepare(out)
    nhn.double.fail("send", Fault(200, "0", done=True), Fault(429))
    with pytest.raises(Retryable):
        nhn.provider.commit(made.handle, out)
    assert len(nhn.sends()) in {1, 2}
    nhn.provider.commit(made.handle, out)
    assert nhn.sends() == {phone(number): 1 for number in range(1, 5)}
    assert nhn.double.calls["send"] == 4


def test_nhn_sends_every_parent_their_own_text_in_one_call(nhn: Side) -> None:
    out = batch(*[text(number, f"{number}번 안내") for number in range(1, 201)])
    made = nhn.provider.prepare(out)
    nhn.provider.commit(made.handle, out)
    assert nhn.double.calls["send"] == 1
    assert nhn.double.texts == {phone(number): f"{number}번 안내" for number in range(1, 201)}


def test_nhn_takes_advertisements_in_their_form_alone(nhn: Side) -> None:
    ads = {
        number: f"(광고)보기 {number}번\n여름 특강\n무료수신거부 080-000-0000" for number in (1, 2)
    }
    long_ad = "(광고)보기 " + "가" * 50 + "\n무료수신거부 080-000-0000"
    out = batch(
        *[text(number, ad, ad=True) for number, ad in ads.items()],
        text(3, "광고라고 하지 않음", ad=True),
        text(4, long_ad, type=MessageType.LMS, ad=True),
    )
    made = nhn.provider.prepare(out)
    told = {one.key: (one.outcome, one.code) for one in nhn.provider.commit(made.handle, out)}
    assert told["key-3"] == (Outcome.FAILED, "-6003")
    assert {told[f"key-{number}"][0] for number in (1, 2, 4)} == {Outcome.ACCEPTED}
    assert nhn.double.texts == {phone(1): ads[1], phone(2): ads[2], phone(4): long_ad}
    assert nhn.double.calls["send"] == 3


def test_nhn_says_at_boot_what_is_missing(nhn: Side) -> None:
    nhn.double.templates.clear()
    with pytest.raises(Misconfigured) as caught:
        nhn.provider.check([SENDER])
    assert caught.value.detail == "no template academy-sms"
    for changed in ({"secret": "x"}, {"key": "other"}, {"alimtalk_secret": "x"}):
        nhn.double.templates = {"academy-sms", "academy-lms"}
        stranger = NhnProvider(_nhn_account(nhn.double.url, **changed), timeout_seconds=5)
        with pytest.raises(Misconfigured):
            stranger.check([SENDER])
        stranger.close()
    alone = NhnProvider(_nhn_account(nhn.double.url, alimtalk_key=""), timeout_seconds=5)
    alone.check([SENDER])
    assert MessageType.ALIMTALK not in alone.capabilities().types
    alone.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_nhn_campaign_with_a_lost_answer_reaches_everybody_once(
    nhn: Side, settings: Any, done: bool
) -> None:
    settings.MESSAGING_PROVIDER = "nhn"
    nhn.double.fail("send", Fault(done=done))
    with provider_in_place(nhn.provider):
        campaign = make_campaign(make_tenant(), 5)
        send_all()
        # What is listed was sent; what is not may still be, and nobody sends it meanwhile.
        assert states(campaign) == ({"sent": 5} if done else {"unknown": 5})
        assert sum(nhn.sends().values()) == (5 if done else 0)
        with clock.shifted(timedelta(minutes=12)):
            sweeps.batches()
            send_later()
    assert states(campaign) == {"sent": 5}
    assert nhn.sends() == {phone(number): 1 for number in range(1, 6)}
