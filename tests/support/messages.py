"""Campaigns in a test, and a provider whose failures the test scripts."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from academy.core import clock
from academy.core.ids import new_id
from academy.jobs import admission
from academy.jobs.models import Job
from academy.messaging import credit, providers
from academy.messaging.content import Content
from academy.messaging.control import submit_send
from academy.messaging.fields import CampaignState, Channel, MessageState, MessageType, Purpose
from academy.messaging.models import Batch, Campaign, Message
from academy.messaging.phones import index_of, seal_phone
from academy.messaging.providers.port import (
    Ambiguous,
    Callback,
    Capabilities,
    Lookup,
    OutBatch,
    Outcome,
    Prepared,
    Progress,
    Rejected,
    Status,
)
from academy.tenants.models import Tenant
from tests.support.jobs import drain, let_wait_pass

QUEUE = "messaging"
SENDER = "0200000000"
PRICE = 1_800


def phone(number: int) -> str:
    return f"010{number:08}"


def make_campaign(
    tenant: Tenant, count: int = 3, *, credits_of: int | None = None, **fields: Any
) -> Campaign:
    """A confirmed campaign of short messages to made-up phones, with its credits and its job."""
    held = PRICE * count
    credit.top_up(
        tenant_id=tenant.pk, amount=held if credits_of is None else credits_of,
        key=new_id().hex, by="test",
    )  # fmt: skip
    defaults: dict[str, Any] = {
        "title": "안내", "channel": Channel.TEXT.value, "purpose": Purpose.INFO.value,
        "sender": SENDER, "state": CampaignState.SENDING.value, "created_by": "test",
        "confirmed_at": clock.now(), "messages_total": count,
    }  # fmt: skip
    campaign = Campaign.objects.for_tenant(tenant).create(**{**defaults, **fields})
    Message.unscoped.bulk_create(
        [message(tenant, campaign, number) for number in range(1, count + 1)]
    )
    credit.hold(
        tenant_id=tenant.pk, amount=held, key=f"campaign:{campaign.pk}", by="test",
        campaign_id=campaign.pk,
    )  # fmt: skip
    submit_send(campaign, by="test")
    return campaign


def message(tenant: Tenant, campaign: Campaign, number: int, **fields: Any) -> Message:
    digits = phone(number)
    defaults: dict[str, Any] = {
        "phone": seal_phone(tenant.pk, digits),
        "phone_index": index_of(tenant.pk, digits),
        "phone_tail": digits[-4:],
        "type": MessageType.SMS.value,
        "content": Content(f"{number}번 안내").sealed(tenant.pk),
        "state": MessageState.QUEUED.value,
        "price_held": PRICE,
        "occurrence": hashlib.sha256(f"{campaign.pk}:{number}".encode()).digest(),
    }
    return Message(tenant=tenant, campaign=campaign, number=number, **{**defaults, **fields})


class ScriptedProvider:
    """Sends into memory, counts every message that really goes out, and fails as it is told.

    ``script`` maps a call (``prepare``, ``commit``, ``lookup``) to what happens at its next uses:
    an exception is raised before anything is done; ``after(error)`` raises it after it was done.
    """

    name = "console"

    def __init__(self) -> None:
        self.script: dict[str, list[Any]] = {}
        self.calls: Counter[str] = Counter()
        self.sends: Counter[str] = Counter()
        self.texts: dict[str, str] = {}
        self.refused: dict[str, str] = {}
        self.groups: dict[str, tuple[OutBatch, bool]] = {}
        self.reports: Callable[[str], Status] | None = None
        self.most = 1_000

    def capabilities(self) -> Capabilities:
        return Capabilities(frozenset(MessageType), self.most, cancels=True, calls_back=False)

    def check(self, senders: Sequence[str]) -> None:
        return None

    def prepare(self, batch: OutBatch) -> Prepared:
        with self._faults("prepare"):
            handle = f"group-{len(self.groups) + 1}"
            kept = [one for one in batch.messages if one.to not in self.refused]
            self.groups[handle] = (OutBatch(batch.key, kept), False)
            refused = [
                Status(one.key, Outcome.FAILED, self.refused[one.to])
                for one in batch.messages
                if one.to in self.refused
            ]
        return Prepared(handle, refused)

    def commit(self, handle: str, batch: OutBatch) -> Sequence[Status]:
        with self._faults("commit"):
            kept, sent = self.groups[handle]
            if sent:
                raise Rejected("provider_rejected", "already sent")
            self.groups[handle] = (kept, True)
            for one in kept.messages:
                self.sends[one.to] += 1
                self.texts[one.to] = one.text
        return [Status(one.key, Outcome.ACCEPTED, "2000") for one in kept.messages]

    def lookup(self, handle: str) -> Lookup:
        with self._faults("lookup"):
            if handle not in self.groups:
                return Lookup(Progress.ABSENT)
            kept, sent = self.groups[handle]
        if not sent:
            return Lookup(Progress.WAITING)
        report = self.reports or (lambda key: Status(key, Outcome.ACCEPTED, "2000"))
        return Lookup(Progress.COMPLETE, [report(one.key) for one in kept.messages])

    def cancel(self, handle: str) -> None:
        del self.groups[handle]

    def parse_callback(self, headers: Mapping[str, str], raw: bytes) -> Sequence[Callback]:
        return []

    def balance(self) -> int | None:
        return None

    def lose(self, call: str, times: int = 1, *, done: bool) -> None:
        """Lose the answers of the next calls, after they were done or before."""
        lost = Ambiguous("provider_answer_lost")
        self.script.setdefault(call, []).extend([After(lost) if done else lost] * times)

    @contextmanager
    def _faults(self, call: str) -> Iterator[None]:
        self.calls[call] += 1
        waiting = self.script.get(call, [])
        fault = waiting.pop(0) if waiting else None
        if isinstance(fault, Exception) and not isinstance(fault, After):
            raise fault
        yield
        if isinstance(fault, After):
            raise fault.error


class After(Exception):
    """An error that is raised when the call has had its effect."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


@contextmanager
def provider_in_place(provider: Any) -> Iterator[Any]:
    """Have the platform use this provider."""
    before = dict(providers._made)
    providers._made[provider.name] = provider
    try:
        yield provider
    finally:
        providers._made.clear()
        providers._made.update(before)


def send_all(rounds: int = 50) -> int:
    """Run everything that is due."""
    return drain(QUEUE, rounds=rounds)


def send_later(rounds: int = 3) -> None:
    """Run everything, also what waits for another try or a later moment."""
    for _ in range(rounds):
        let_wait_pass(*Job.unscoped.filter(finished_at__isnull=True))
        admission.promote_retries()
        send_all()


def states(campaign: Campaign) -> dict[str, int]:
    rows = Message.objects.for_tenant(campaign.tenant_id).filter(campaign=campaign)
    return dict(Counter(rows.values_list("state", flat=True)))


def batch_states(campaign: Campaign) -> list[str]:
    rows = Batch.objects.for_tenant(campaign.tenant_id).filter(campaign=campaign)
    return list(rows.order_by("created_at", "id").values_list("state", flat=True))
