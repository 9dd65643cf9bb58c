"""`messages.batch`: one batch, chosen and handed over; an attempt goes on where the last died."""

from __future__ import annotations

from academy.jobs.context import Done, JobContext
from academy.messaging import dispatch, ledger, providers
from academy.messaging.handlers.sending import BATCH_MESSAGES
from academy.messaging.models import Batch
from academy.messaging.params import BatchParams


def run(context: JobContext[BatchParams]) -> Done:
    """Send one batch. Raises TransientError where the provider is away, and JobStopped."""
    own = Batch.objects.for_tenant(context.tenant_id).filter(job_id=context.job_id)
    batch = own.order_by("created_at", "id").last()
    if batch is None:
        provider = providers.current()
        batch = dispatch.take(
            context,
            context.params.campaign,
            provider=provider.name,
            most=min(BATCH_MESSAGES, provider.capabilities().most_in_batch),
        )
    else:
        context.log.info("going on with batch %s, which is %s", batch.pk, batch.state)
        provider = providers.named(batch.provider)
    if batch is None:
        return Done({"messages": 0, "state": "nothing"})
    state = ledger.advance(context, batch, provider)
    return Done({"messages": batch.size, "state": state.value, "batch": str(batch.pk)})
