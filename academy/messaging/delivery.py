"""What became of messages after the provider took them: asked for, and told by webhooks.

A webhook is a hint: it is stored once, and the provider is then asked for what is true.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from academy.core import clock
from academy.jobs.context import JobContext
from academy.jobs.submit import Order, Submitter, job_submit_internal
from academy.messaging import codes, fence, results
from academy.messaging.fields import MessageState, MessageType
from academy.messaging.models import Batch, Message, ProviderEvent
from academy.messaging.providers.port import Callback, Lookup

FIRST_LOOK: Final = timedelta(seconds=20)
LOOK_EVERY: Final = timedelta(minutes=5)
GIVE_UP_AFTER: Final = timedelta(hours=72)
"""Carriers report within three days, or never."""

# Batches with messages on their way, that were not asked about for a while.
_DUE = """
SELECT batch.id FROM message_batch batch
WHERE batch.state = 'sent' AND batch.updated_at < %(first)s
    AND (batch.asked_at <= batch.updated_at OR batch.asked_at < %(again)s)
    AND EXISTS (SELECT FROM message WHERE message.batch_id = batch.id AND message.state = 'sent')
ORDER BY batch.asked_at LIMIT %(most)s
"""


def record(provider: str, callbacks: Sequence[Callback]) -> int:
    """Store the events of a webhook call, each once, and have their batches asked about.

    Returns how many were new.
    """
    with transaction.atomic():
        rows = [
            ProviderEvent(provider=provider, event_id=one.event_id, handle=one.handle)
            for one in callbacks
        ]
        known = set(
            ProviderEvent.objects.filter(
                provider=provider, event_id__in=[row.event_id for row in rows]
            ).values_list("event_id", flat=True)
        )
        ProviderEvent.objects.bulk_create(rows, ignore_conflicts=True)
        new = [one for one in callbacks if one.event_id not in known]
        handles = {one.handle for one in new if one.handle}
        Batch.unscoped.filter(provider=provider, handle__in=handles).update(
            asked_at=clock.now() - GIVE_UP_AFTER
        )
    return len({one.event_id for one in new})


def due(most: int) -> list[UUID]:
    """Batches that it is time to ask about."""
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(_DUE, {"first": now - FIRST_LOOK, "again": now - LOOK_EVERY, "most": most})
        return [row[0] for row in cursor.fetchall()]


def sweep(most: int = 50) -> int:
    """Have the provider asked about what is on its way; returns about how many batches."""
    asked = 0
    for batch_id in due(most):
        with transaction.atomic():
            rows = Batch.unscoped.select_for_update(of=("self",), skip_locked=True)
            batch = rows.select_related("tenant").filter(pk=batch_id).first()
            if batch is None:
                continue
            batch.asked_at = clock.now()
            batch.save(update_fields=["asked_at"])
            job_submit_internal(
                by=Submitter(batch.tenant, "platform"),
                order=Order("messages.report", {"batch": str(batch.pk)}),
            )
            asked += 1
    return asked


def take_report(context: JobContext[Any], batch: Batch, seen: Lookup) -> Mapping[str, int]:
    """Write what the provider says of a batch that it has; returns how many came to each state."""
    asked = dict(
        Message.objects.for_tenant(batch.tenant_id)
        .filter(batch=batch, state=MessageState.SENT.value)
        .values_list("pk", "type")
    )
    changes = [
        results.of_status(
            status,
            MessageType(asked[UUID(status.key)]),
            codes.reason_of(batch.provider, status.code) or "provider_rejected",
        )
        for status in seen.statuses
        if UUID(status.key) in asked
    ]
    ended = [one for one in changes if one.state is not MessageState.SENT]
    with transaction.atomic():
        fence.hold(context)
        counts = results.apply(
            tenant_id=batch.tenant_id,
            campaign_id=batch.campaign_id,
            changes=ended,
            source="lookup",
        )
        if batch.updated_at < clock.now() - GIVE_UP_AFTER:
            told = {one.message for one in ended}
            results.settle_as_sent(
                tenant_id=batch.tenant_id,
                campaign_id=batch.campaign_id,
                messages=[one for one in asked if one not in told],
            )
        ProviderEvent.objects.filter(
            provider=batch.provider, handle=batch.handle, handled_at__isnull=True
        ).update(handled_at=clock.now())
    return {state.value: count for state, count in counts.items()}
