"""What must hold after a run: the double counted what went out, the rows and the book agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from django.db.models import Sum

from academy.messaging import credit
from academy.messaging.fields import CampaignState
from academy.messaging.models import Batch, Campaign, Message
from academy.messaging.phones import open_phone
from academy.tenants.models import Tenant
from tests.chaos.check import Line
from tests.support.messages import phone
from tests.support.solapi_double import SolapiDouble

_OPEN_BATCHES = ("planned", "prepared", "sending", "unknown")


def table(double: SolapiDouble, tenants: Sequence[Tenant], messages: int, logs: Path) -> list[Line]:
    """All that must hold, one line each."""
    return [
        _once(double, messages),
        _states(double, messages),
        _campaigns(),
        _credits(tenants),
        _phones_in_logs(logs, messages),
    ]


def _once(double: SolapiDouble, messages: int) -> Line:
    wanted = {phone(number) for number in range(1, messages + 1)}
    wrong = [f"{to} got it {count} times" for to, count in double.sends.items() if count > 1]
    wrong += [f"{to} never got it" for to in sorted(wanted - set(double.sends))]
    wrong += [f"{to} was never asked for" for to in set(double.sends) - wanted]
    return Line("once", "every phone got its message exactly once", messages, wrong)


def _states(double: SolapiDouble, messages: int) -> Line:
    """Delivered, or failed where the carrier said so; or sent, and not reported yet."""
    rows = list(Message.unscoped.filter(campaign__confirmed_at__isnull=False))
    wrong = []
    for row in rows:
        assert row.phone is not None
        ends = "failed" if open_phone(row.tenant_id, row.phone) in double.blocked else "delivered"
        if row.state not in {ends, "sent"}:
            wrong.append(f"{row.pk} is {row.state} ({row.reason})")
    if len(rows) != messages:
        wrong.append(f"{len(rows)} rows of {messages} messages")
    return Line("states", "no message is sending or unknown, all ended as it was", len(rows), wrong)


def _campaigns() -> Line:
    rows = Campaign.unscoped.filter(confirmed_at__isnull=False)
    wrong = [f"{row.pk} is {row.state}" for row in rows.exclude(state=CampaignState.DONE.value)]
    open_ = Batch.unscoped.filter(state__in=_OPEN_BATCHES)
    wrong += [f"batch {row.pk} is {row.state}" for row in open_]
    return Line("ledger", "every campaign is done, every batch sent or failed", rows.count(), wrong)


def _credits(tenants: Sequence[Tenant]) -> Line:
    """The book adds up, and only what has not been reported is still held."""
    wrong, lines = [], 0
    for tenant in tenants:
        if (difference := credit.imbalance(tenant.pk)) != (0, 0):
            wrong.append(f"{tenant.slug}: account and book differ by {difference}")
        sent = Message.objects.for_tenant(tenant).filter(state="sent", price__isnull=True)
        waiting = sent.aggregate(sum=Sum("price_held"))["sum"] or 0
        held = credit.balance(tenant.pk)[1]
        if held != waiting:
            wrong.append(f"{tenant.slug}: {held} jeon are held, {waiting} are on their way")
        lines += 1
    return Line("credits", "the book adds up, held is what has no report", lines, wrong)


def _phones_in_logs(logs: Path, messages: int) -> Line:
    """Numbers of the run, whole or in the masked places of other digits."""
    digits = [phone(number) for number in range(1, messages + 1, max(1, messages // 200))]
    found: Counter[str] = Counter()
    files = sorted(logs.glob("*.log"))
    for file in files:
        text = file.read_text(errors="replace")
        found[file.name] += sum(number in text for number in digits)
    wrong = [f"{name} tells {count} phones" for name, count in found.items() if count]
    return Line("logs", "no phone is in a log", len(files), wrong)
