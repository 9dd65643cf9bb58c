"""Everything that can happen to campaigns, in any order, with a provider that fails as it likes.

After each step nobody has got a message twice, nothing went out that was not to, and the credits
add up; at the end, when the faults are over, everything comes to rest and is paid for.

``STATEFUL_EXAMPLES`` and ``STATEFUL_STEPS`` run it at another size.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.db.models import Sum
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from academy.core import clock
from academy.core.errors import AppError
from academy.jobs import admission, execute
from academy.jobs.models import Job
from academy.messaging import advertising, control, credit, delivery, ledger, sweeps
from academy.messaging.fields import Purpose
from academy.messaging.models import Campaign, Consent, Message, OptOut
from academy.messaging.phones import index_of, open_phone, seal_phone
from academy.messaging.policy import policy_change
from academy.messaging.preview import Request, campaign_confirm, campaign_preview
from academy.messaging.providers.port import Outcome, Rejected, Retryable, Status
from academy.messaging.recipients import To
from academy.messaging.templates import Wording
from tests.support.jobs import let_wait_pass, make_tenant
from tests.support.messages import (
    PRICE,
    SENDER,
    ScriptedProvider,
    phone,
    provider_in_place,
    send_all,
)

EXAMPLES = int(os.environ.get("STATEFUL_EXAMPLES", "30"))
STEPS = int(os.environ.get("STATEFUL_STEPS", "20"))
PHONES = 8
MOST_CAMPAIGNS = 4
RECOVERY_ROUNDS = 12

# Eight in the evening in Seoul, an hour before the night, where the database's clock is not yet.
EVENING = datetime(2100, 3, 2, 11, 0, tzinfo=UTC)
CRASHES = ("messages.prepared", "messages.sending", "messages.answered")
FAULTS: dict[str, Callable[[ScriptedProvider], None]] = {
    "commit lost before": lambda one: one.lose("commit", done=False),
    "commit lost after": lambda one: one.lose("commit", done=True),
    "prepare away": lambda one: _script(one, "prepare", Retryable("provider_unavailable")),
    "commit away": lambda one: _script(one, "commit", Retryable("provider_unavailable")),
    "lookup away": lambda one: _script(one, "lookup", Retryable("provider_unavailable")),
    "no balance": lambda one: _script(one, "commit", Rejected("provider_balance_short", "1010")),
}
TROUBLES = ["", *CRASHES, *FAULTS]

pick = st.integers(0, 10**6)


def _script(provider: ScriptedProvider, call: str, error: Exception) -> None:
    provider.script.setdefault(call, []).append(error)


class Dying:
    """Stands for `crash_point`: the worker dies once at the step that is set."""

    step = ""

    def __call__(self, name: str) -> None:
        if name == self.step:
            self.step = ""
            raise RuntimeError("killed")


dying = Dying()


class Campaigns(RuleBasedStateMachine):
    """The model knows who may get something now; the provider says who did."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.stack.enter_context(_rolled_back())
        self.provider = self.stack.enter_context(provider_in_place(ScriptedProvider()))
        self.provider.most = 3
        self.time = self.stack.enter_context(ExitStack())
        self.tokens: dict[UUID, str] = {}
        self.out: set[UUID] = set()
        """Messages that have really gone out."""
        self.opted_out: dict[str, bool] = {}
        self.stopped: set[UUID] = set()
        """Campaigns that somebody paused or cancelled."""
        self.hold = False
        self.tops = 0

    @initialize(credits_of=st.sampled_from([60, 60, 12]), trouble=st.sampled_from(TROUBLES))
    def academy(self, credits_of: int, trouble: str) -> None:
        dying.step = ""
        self.now = EVENING
        self.time.enter_context(clock.frozen(self.now))
        self.tenant = make_tenant()
        changes = {"sender": SENDER, "sender_name": "보기학원", "opt_out_number": "080-000-0000"}
        policy_change(tenant=self.tenant, changes=changes)
        self.top_up(credits_of)
        for number in range(1, PHONES):
            Consent.objects.for_tenant(self.tenant).create(
                phone_index=index_of(self.tenant.pk, phone(number)), at_night=number % 3 == 0,
                source="form", given_at=self.now, by="test",
            )  # fmt: skip
        # Trouble at the very first sending; what follows finds its traces.
        self.preview(numbers={1, 2, 3, 4}, purpose=Purpose.INFO, hours=0, confirmed=True)
        if trouble in FAULTS:
            FAULTS[trouble](self.provider)
        else:
            dying.step = trouble

    # ------------------------------------------------------------------ people

    @precondition(lambda self: len(self.tokens) < MOST_CAMPAIGNS)
    @rule(
        numbers=st.sets(st.integers(1, PHONES), min_size=3, max_size=PHONES),
        purpose=st.sampled_from([Purpose.INFO, Purpose.INFO, Purpose.AD]),
        hours=st.sampled_from([0, 0, 0, 2]),
        confirmed=st.sampled_from([True, True, True, False]),
    )
    def preview(self, numbers: set[int], purpose: Purpose, hours: int, confirmed: bool) -> None:
        later = self.now + timedelta(hours=hours) if hours else None
        made = campaign_preview(
            tenant=self.tenant,
            request=Request(
                title="안내",
                to=[To(phone=phone(number)) for number in sorted(numbers)],
                wording=Wording(f"안내 {len(self.tokens)}"),
                purpose=purpose,
                not_before=later,
            ),
            by="test",
        )
        self.tokens[made.campaign.pk] = made.token
        if confirmed:
            self._confirm(made.token)

    @precondition(lambda self: self.tokens)
    @rule(which=pick)
    def confirm(self, which: int) -> None:
        self._confirm(self.tokens[self._campaign(which)])

    @precondition(lambda self: self.tokens)
    @rule(which=pick, act=st.sampled_from(["pause", "resume", "resume", "cancel"]))
    def switch(self, which: int, act: str) -> None:
        campaign_id = self._campaign(which)
        try:
            if act == "pause":
                control.campaign_pause(tenant=self.tenant, campaign_id=campaign_id)
                self.stopped.add(campaign_id)
            elif act == "resume":
                control.campaign_resume(tenant=self.tenant, campaign_id=campaign_id, by="test")
                self.stopped.discard(campaign_id)
            else:
                control.campaign_cancel(tenant=self.tenant, campaign_id=campaign_id)
                self.stopped.add(campaign_id)
        except AppError as error:
            assert error.code == "message_campaign_ended"  # noqa: PT017 - any other is a failure

    @rule(number=st.integers(1, PHONES), everything=st.booleans())
    def opt_out(self, number: int, everything: bool) -> None:
        if phone(number) in self.opted_out:
            return
        self.opted_out[phone(number)] = everything
        OptOut.objects.for_tenant(self.tenant).create(
            phone_index=index_of(self.tenant.pk, phone(number)),
            phone=seal_phone(self.tenant.pk, phone(number)),
            phone_tail=phone(number)[-4:], everything=everything, source="person", by="test",
        )  # fmt: skip

    @rule(on=st.sampled_from([True, False, False]))
    def turn_hold(self, on: bool) -> None:
        self.hold = on
        policy_change(tenant=self.tenant, changes={"hold": self.hold})

    @rule(messages=st.integers(1, 5))
    def top_up(self, messages: int) -> None:
        self.tops += 1
        credit.top_up(
            tenant_id=self.tenant.pk, amount=messages * PRICE, key=f"top-{self.tops}", by="test"
        )

    # ------------------------------------------------------------------ the world

    @rule(fault=st.sampled_from(sorted(FAULTS)))
    def break_provider(self, fault: str) -> None:
        FAULTS[fault](self.provider)
        self.run_jobs()

    @rule(step=st.sampled_from(CRASHES))
    def kill_worker(self, step: str) -> None:
        dying.step = step
        self.run_jobs()

    @rule(arrives=st.booleans())
    def report(self, arrives: bool) -> None:
        outcome = Outcome.DELIVERED if arrives else Outcome.FAILED
        self.provider.reports = lambda key: Status(key, outcome, "4000" if arrives else "3040")

    @rule(minutes=st.sampled_from([1, 6, 70, 12 * 60]))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        self.time.close()
        self.time.enter_context(clock.frozen(self.now))

    @rule()
    def run_jobs(self) -> None:
        """What is due runs; what goes out was on its way, or was allowed to go."""
        flying = set(self._messages().filter(state__in=["sending", "unknown"]).values_list("pk"))
        due = Job.unscoped.filter(finished_at__isnull=True, not_before__lte=self.now)
        let_wait_pass(*due)
        admission.promote_retries()
        send_all()
        sent = Counter(
            UUID(one.key)
            for batch, done in self.provider.groups.values()
            if done
            for one in batch.messages
        )
        assert [key for key, count in sent.items() if count > 1] == []
        new = [key for key in sent if key not in self.out and (key,) not in flying]
        for row in self._messages().filter(pk__in=new).select_related("campaign"):
            self._was_allowed(row)
        self.out = set(sent)

    @rule()
    def sweep(self) -> None:
        sweeps.previews()
        sweeps.cancelled()
        sweeps.batches()
        sweeps.campaigns()
        delivery.sweep()

    # ------------------------------------------------------------------ what holds

    def _was_allowed(self, row: Message) -> None:
        assert row.phone is not None
        digits, ad = open_phone(row.tenant_id, row.phone), row.campaign.purpose == Purpose.AD
        assert row.campaign_id not in self.stopped
        assert not self.hold
        assert digits not in self.opted_out or not (self.opted_out[digits] or ad)
        if ad:
            consents = Consent.objects.for_tenant(self.tenant)
            consent = consents.get(phone_index=index_of(self.tenant.pk, digits))
            assert consent.at_night or not advertising.is_night(self.now)

    @invariant()
    def every_phone_of_a_campaign_once(self) -> None:
        told = Counter(
            (one.to, one.text)
            for batch, done in self.provider.groups.values()
            if done
            for one in batch.messages
        )
        assert [who for who, count in told.items() if count > 1] == []

    @invariant()
    def the_book_balances(self) -> None:
        assert credit.imbalance(self.tenant.pk) == (0, 0)
        free, held = credit.balance(self.tenant.pk)
        open_ = self._messages().filter(
            state__in=["queued", "sending", "unknown", "sent"], price__isnull=True
        )
        assert free >= 0
        assert held == (open_.aggregate(sum=Sum("price_held"))["sum"] or 0)

    def teardown(self) -> None:
        """The faults are over, and somebody lets everything go on: all of it ends, and is paid."""
        try:
            if hasattr(self, "tenant"):
                self._recover()
        finally:
            self.stack.close()

    def _recover(self) -> None:
        dying.step = ""
        self.provider.script.clear()
        self.report(arrives=True)
        if self.hold:
            self.turn_hold(on=False)
        for campaign_id in self.tokens:
            if Campaign.unscoped.get(pk=campaign_id).state == "paused":
                control.campaign_resume(tenant=self.tenant, campaign_id=campaign_id, by="test")
                self.stopped.discard(campaign_id)
        for _ in range(RECOVERY_ROUNDS):
            self.wait(130)
            self.sweep()
            self.run_jobs()
            if self._at_rest():
                break
        self.the_book_balances()
        self.every_phone_of_a_campaign_once()
        rows = Campaign.objects.for_tenant(self.tenant).values_list("state", flat=True)
        assert set(rows) <= {"done", "cancelled", "expired"}
        assert credit.balance(self.tenant.pk)[1] == 0
        for pk, state in self._messages().values_list("pk", "state"):
            assert state in {"delivered", "failed", "suppressed", "cancelled"}
            assert state == "failed" or (pk in self.out) == (state == "delivered")

    def _at_rest(self) -> bool:
        campaigns = Campaign.objects.for_tenant(self.tenant)
        ended = not campaigns.exclude(state__in=["done", "cancelled", "expired"]).exists()
        open_ = self._messages().filter(state__in=["queued", "sending", "unknown", "sent"])
        return ended and not open_.exists()

    def _confirm(self, token: str) -> None:
        known = {
            "message_preview_expired", "message_preview_used", "message_credit_short",
            "message_nobody", "message_preview_blocked",
        }  # fmt: skip
        try:
            with transaction.atomic():
                campaign_confirm(tenant=self.tenant, token=token, by="test")
        except AppError as error:
            assert error.code in known  # noqa: PT017 - any other is a failure

    def _campaign(self, which: int) -> UUID:
        return list(self.tokens)[which % len(self.tokens)]

    def _messages(self) -> Any:
        return Message.objects.for_tenant(self.tenant).filter(campaign__confirmed_at__isnull=False)


class _rolled_back(transaction.Atomic):  # noqa: N801 - a context manager
    """A transaction that leaves nothing behind."""

    def __init__(self) -> None:
        super().__init__(using=None, savepoint=True, durable=False)

    def __exit__(self, *_: object) -> None:
        transaction.set_rollback(True)
        super().__exit__(None, None, None)


@pytest.mark.integration("postgres")
@pytest.mark.django_db
@pytest.mark.timeout(600)
def test_whatever_happens_everybody_is_told_once_and_the_book_balances(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(execute, "patiently", lambda act: act())
    monkeypatch.setattr(ledger, "crash_point", dying)
    run_state_machine_as_test(
        Campaigns,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
