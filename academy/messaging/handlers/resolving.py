"""`messages.resolve`: find out what became of a batch whose job has ended before it knew."""

from __future__ import annotations

from typing import Final

from django.db import transaction

from academy.jobs.context import Done, JobContext
from academy.jobs.errors import TransientError
from academy.messaging import fence, ledger, providers
from academy.messaging.fields import BatchState
from academy.messaging.models import Batch
from academy.messaging.params import ResolveParams

_ENDED: Final = frozenset({BatchState.SENT, BatchState.FAILED})
_NOT_YET: Final = frozenset({BatchState.PLANNED, BatchState.PREPARED})


def run(context: JobContext[ResolveParams]) -> Done:
    """Bring a batch to its end. Raises TransientError while the provider cannot say."""
    batch = _taken_over(context)
    if batch is None or batch.state in _ENDED:
        return Done({"state": "nothing" if batch is None else batch.state})
    if batch.state in _NOT_YET:
        # Nothing was sent, and nobody waits for this batch any more: another will take them.
        ledger.give_back(context, batch, "provider_unavailable")
        return Done({"state": batch.state})
    state = ledger.resolve(context, batch, providers.named(batch.provider))
    if state is BatchState.UNKNOWN:
        raise TransientError("provider_answer_lost")
    return Done({"state": state.value})


def _taken_over(context: JobContext[ResolveParams]) -> Batch | None:
    """The batch as this job's own, unless the job that has it is still at work."""
    with transaction.atomic():
        fence.hold(context)
        rows = Batch.objects.for_tenant(context.tenant_id).select_for_update(of=("self",))
        batch = rows.select_related("job").filter(pk=context.params.batch).first()
        if batch is None:
            return None
        if batch.job_id != context.job_id and batch.job.finished_at is None:
            return None
        batch.job_id, batch.attempt = context.job_id, context.attempt
        batch.save(update_fields=["job", "attempt"])
    return batch
