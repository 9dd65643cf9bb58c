"""Housekeeping: what a crash, a hold or a lost provider left lying is found and taken up again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q

from academy.core import clock, sweeps
from academy.jobs.submit import Order, Submitter, job_submit_internal
from academy.messaging import control, delivery, dispatch, free_calls, privacy
from academy.messaging.fields import BatchState, CampaignState, MessageState
from academy.messaging.models import Batch, Campaign, Message

_OPEN: Final = [
    state.value
    for state in (
        BatchState.PLANNED, BatchState.PREPARED, BatchState.SENDING, BatchState.UNKNOWN,
    )
]  # fmt: skip
_ASK_AGAIN: Final = timedelta(minutes=10)

# A campaign whose job has ended, or never was, and which is not held by its academy.
_STRANDED = """
SELECT campaign.id FROM message_campaign campaign
LEFT JOIN job ON job.id = campaign.job_id
LEFT JOIN messaging_policy policy ON policy.tenant_id = campaign.tenant_id
WHERE campaign.state IN ('scheduled', 'sending')
    AND (job.id IS NULL OR job.finished_at IS NOT NULL)
    AND NOT coalesce(policy.hold, false)
ORDER BY campaign.confirmed_at LIMIT %s
"""

# A resolver that gave up is followed by another, after a while.
_ABANDONED = """
SELECT batch.id FROM message_batch batch JOIN job ON job.id = batch.job_id
WHERE batch.state = ANY (%s) AND job.finished_at IS NOT NULL
    AND NOT EXISTS (
        SELECT FROM job resolver WHERE resolver.kind = 'messages.resolve'
            AND resolver.tenant_id = batch.tenant_id
            AND resolver.params ->> 'batch' = batch.id::text
            AND (resolver.finished_at IS NULL OR resolver.finished_at > %s)
    )
ORDER BY batch.updated_at LIMIT %s
"""


def campaigns(most: int = 100) -> int:
    """Go on with campaigns that nobody works at; returns how many."""
    return sum(_go_on(campaign_id) for campaign_id in _ids(_STRANDED, [most]))


def batches(most: int = 100) -> int:
    """Have found out what became of batches that nobody works at; returns how many."""
    found = 0
    for batch_id in _ids(_ABANDONED, [_OPEN, clock.now() - _ASK_AGAIN, most]):
        with transaction.atomic():
            batch = (
                Batch.unscoped.select_for_update(of=("self",), skip_locked=True)
                .select_related("tenant", "job").filter(pk=batch_id, state__in=_OPEN).first()
            )  # fmt: skip
            if batch is None or batch.job.finished_at is None:
                continue
            job = job_submit_internal(
                by=Submitter(batch.tenant, control.PLATFORM),
                order=Order("messages.resolve", {"batch": str(batch.pk)}),
            )
            # From now on it is the resolver's: a second sweep does not find it.
            batch.job, batch.attempt = job, 0
            batch.save(update_fields=["job", "attempt"])
            found += 1
    return found


def previews(most: int = 20) -> int:
    """Forget previews that nobody confirmed in time; returns how many."""
    expired = Campaign.unscoped.filter(
        state=CampaignState.PREVIEW.value, expires_at__lt=clock.now()
    )
    forgotten = 0
    for campaign_id in list(expired.order_by("expires_at").values_list("pk", flat=True)[:most]):
        with transaction.atomic():
            rows = expired.filter(pk=campaign_id).select_for_update(skip_locked=True)
            if (campaign := rows.first()) is None:
                continue
            Message.objects.for_tenant(campaign.tenant_id).filter(campaign=campaign).filter(
                Q(state=MessageState.DRAFT.value) | Q(state=MessageState.BLOCKED.value)
            ).delete()
            campaign.state, campaign.token_hash = CampaignState.EXPIRED.value, None
            campaign.ended_at = clock.now()
            campaign.save(update_fields=["state", "token_hash", "ended_at"])
            forgotten += 1
    return forgotten


def cancelled(most: int = 20) -> int:
    """Finish what a crash left of a cancellation; returns how many messages."""
    rows = Campaign.unscoped.filter(
        state=CampaignState.CANCELLED.value, messages__state=MessageState.QUEUED.value
    )
    return sum(control.drop_waiting(one) for one in rows.distinct()[:most])


def register() -> None:
    """Have the relay run them."""
    sweeps.register("messages.campaigns", campaigns, every_seconds=30)
    sweeps.register("messages.batches", batches, every_seconds=30)
    sweeps.register("messages.previews", previews, every_seconds=60)
    sweeps.register("messages.cancelled", cancelled, every_seconds=60)
    sweeps.register("messages.reports", delivery.sweep, every_seconds=15)
    sweeps.register("messages.wipe", privacy.wipe, every_seconds=3600)
    sweeps.register("messages.notes", privacy.notes_drop, every_seconds=3600)
    sweeps.register("messages.opt_outs", free_calls.sweep, every_seconds=3600)


def _go_on(campaign_id: UUID) -> bool:
    with transaction.atomic():
        rows = Campaign.unscoped.select_for_update(of=("self",), no_key=True, skip_locked=True)
        campaign = rows.select_related("tenant", "job").filter(pk=campaign_id).first()
        if campaign is None or (campaign.job is not None and campaign.job.finished_at is None):
            return False
        due = dispatch.next_due(campaign.pk)
        if due is None:
            return control.finish(campaign)
        if campaign.state == CampaignState.SCHEDULED:
            due = max(due, campaign.not_before or due)
        control.submit_send(campaign, by=control.PLATFORM, not_before=due)
    return True


def _ids(query: str, params: list[Any]) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        return [row[0] for row in cursor.fetchall()]
