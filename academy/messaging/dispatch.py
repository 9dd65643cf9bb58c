"""Which messages go out now: chosen, checked once more, and planned as one batch.

Everything that was true at the preview may have changed: somebody opted out, the academy has put
its hold on, it is night, the hour's messages are used up. It is checked here, where the messages
leave, for all of a slice in a few statements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from academy.core import clock
from academy.core.locks import Space, lock
from academy.jobs.context import JobContext
from academy.messaging import advertising, fence, results
from academy.messaging.fields import BatchState, CampaignState, MessageState, Purpose
from academy.messaging.models import Batch, Campaign, Message, Policy
from academy.messaging.results import Change

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)

_CHOOSE = """
SELECT message.id, message.phone_index, message.occurrence,
    opt_out.id IS NOT NULL AND (opt_out.everything OR %(ad)s) AS refused,
    consent.id IS NOT NULL AS agreed, coalesce(consent.at_night, false) AS at_night
FROM message
LEFT JOIN message_opt_out opt_out
    ON opt_out.tenant_id = message.tenant_id AND opt_out.phone_index = message.phone_index
LEFT JOIN message_consent consent
    ON consent.tenant_id = message.tenant_id AND consent.phone_index = message.phone_index
WHERE message.campaign_id = %(campaign)s AND message.state = 'queued'
    AND (message.not_before IS NULL OR message.not_before <= %(now)s)
ORDER BY message.number LIMIT %(most)s
FOR UPDATE OF message SKIP LOCKED
"""

_SENT_SINCE = "SELECT count(*) FROM message WHERE tenant_id = %s AND sending_at > %s"

_OF_PHONES = """
SELECT phone_index, count(*) FROM message
WHERE tenant_id = %s AND phone_index = ANY (%s) AND created_at > %s AND sending_at > %s
GROUP BY phone_index
"""

_PLAN = """
UPDATE message SET state = 'sending', batch_id = %s, sending_at = clock_timestamp(),
    updated_at = clock_timestamp()
WHERE id = ANY (%s)
"""

_DEFER = """
UPDATE message SET not_before = %s, updated_at = clock_timestamp() WHERE id = ANY (%s)
"""


@dataclass(frozen=True)
class _Row:
    id: UUID
    phone: bytes
    refused: bool
    agreed: bool
    at_night: bool


@dataclass(frozen=True)
class _Sorted:
    """What becomes of the chosen rows."""

    go: list[UUID]
    suppressed: list[Change]
    night: list[UUID]


def take(context: JobContext[Any], campaign_id: UUID, *, provider: str, most: int) -> Batch | None:
    """Plan the next batch of a campaign, of at most so many messages; None: there is none now.

    One transaction, fenced by the attempt. The batch belongs to the job, whose next attempt goes
    on with it.
    """
    tenant_id = context.tenant_id
    now = clock.now()
    with transaction.atomic():
        fence.hold(context)
        campaign = (
            Campaign.objects.for_tenant(tenant_id).select_for_update(of=("self",), no_key=True)
            .filter(pk=campaign_id).first()
        )  # fmt: skip
        policy = Policy.objects.for_tenant(tenant_id).first() or Policy(tenant_id=tenant_id)
        if campaign is None or campaign.state != CampaignState.SENDING or policy.hold:
            return None
        # Two slices of one academy could otherwise both find the same room.
        lock(Space.MESSAGES, str(tenant_id))
        with connection.cursor() as cursor:
            room, again = _room(cursor, tenant_id, policy, now)
            if room <= 0:
                _defer_all(campaign, again)
                return None
            rows = _chosen(cursor, campaign, now, min(most, room))
            found = _sorted(cursor, campaign, policy, rows, now)
            results.apply(
                tenant_id=tenant_id,
                campaign_id=campaign.pk,
                changes=found.suppressed,
                source="dispatch",
            )
            if found.night:
                cursor.execute(_DEFER, [advertising.next_allowed(now), found.night])
            if not found.go:
                return None
            batch = Batch.objects.for_tenant(tenant_id).create(
                campaign=campaign,
                provider=provider,
                state=BatchState.PLANNED.value,
                job_id=context.job_id,
                attempt=context.attempt,
                size=len(found.go),
            )
            cursor.execute(_PLAN, [batch.pk, found.go])
            lines = [(one, MessageState.SENDING.value, "", "") for one in found.go]
            results.trace(cursor, tenant_id, lines, "dispatch")
    return batch


def next_due(campaign_id: UUID) -> datetime | None:
    """When the next message of a campaign may go out; None: none waits."""
    first = (
        Message.unscoped.filter(campaign_id=campaign_id, state=MessageState.QUEUED.value)
        .order_by("not_before")
        .values_list("not_before", flat=True)
    )
    waiting = list(first[:1])
    if not waiting:
        return None
    due_now = Message.unscoped.filter(
        campaign_id=campaign_id, state=MessageState.QUEUED.value, not_before__isnull=True
    ).exists()
    return clock.now() if due_now or waiting[0] is None else waiting[0]


def waiting(campaign_id: UUID) -> int:
    """How many messages of a campaign may go out now."""
    queued = Message.unscoped.filter(campaign_id=campaign_id, state=MessageState.QUEUED.value)
    return queued.exclude(not_before__gt=clock.now()).count()


def _room(cursor: Any, tenant_id: UUID, policy: Policy, now: datetime) -> tuple[int, datetime]:
    """How many more the academy may send, and when to look again where that is none."""
    room, again = policy.most_per_hour, now
    for limit, span in ((policy.most_per_hour, HOUR), (policy.most_per_day, DAY)):
        cursor.execute(_SENT_SINCE, [tenant_id, now - span])
        left = limit - cursor.fetchone()[0]
        if left <= 0:
            # The window slides: a part of it is free again after a part of its length.
            again = max(again, now + span / 12)
        room = min(room, left)
    return room, again


def _defer_all(campaign: Campaign, until: datetime) -> None:
    Message.objects.for_tenant(campaign.tenant_id).filter(
        campaign=campaign, state=MessageState.QUEUED.value
    ).exclude(not_before__gt=until).update(not_before=until, updated_at=clock.now())


def _chosen(cursor: Any, campaign: Campaign, now: datetime, most: int) -> list[_Row]:
    cursor.execute(
        _CHOOSE,
        {
            "campaign": campaign.pk,
            "now": now,
            "most": most,
            "ad": campaign.purpose == Purpose.AD,
        },
    )
    return [_Row(row[0], bytes(row[1]), row[3], row[4], row[5]) for row in cursor.fetchall()]


def _sorted(
    cursor: Any, campaign: Campaign, policy: Policy, rows: Sequence[_Row], now: datetime
) -> _Sorted:
    told = _told_today(cursor, campaign.tenant_id, rows, now)
    ad, night = campaign.purpose == Purpose.AD, advertising.is_night(now)
    found = _Sorted([], [], [])
    for row in rows:
        reason = ""
        if row.refused:
            reason = "message_opted_out"
        elif ad and not row.agreed:
            reason = "message_no_consent"
        elif told.get(row.phone, 0) >= policy.most_per_recipient_day:
            reason = "message_cap_recipient"
        if reason:
            found.suppressed.append(Change(row.id, MessageState.SUPPRESSED, reason))
        elif ad and night and not row.at_night:
            found.night.append(row.id)
        else:
            told[row.phone] = told.get(row.phone, 0) + 1
            found.go.append(row.id)
    return found


def _told_today(
    cursor: Any, tenant_id: UUID, rows: Sequence[_Row], now: datetime
) -> dict[bytes, int]:
    phones = list({row.phone for row in rows})
    # Nobody's message waits longer than a campaign lives: the index is by the row's age.
    cursor.execute(_OF_PHONES, [tenant_id, phones, now - 31 * DAY, now - DAY])
    return {bytes(phone): count for phone, count in cursor.fetchall()}
