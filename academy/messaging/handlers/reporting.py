"""`messages.report`: ask the provider how the messages of a batch arrived."""

from __future__ import annotations

from academy.jobs.context import Done, JobContext
from academy.jobs.errors import TransientError
from academy.messaging import delivery, providers
from academy.messaging.models import Batch
from academy.messaging.params import ResolveParams
from academy.messaging.providers.port import ProviderError


def run(context: JobContext[ResolveParams]) -> Done:
    """Take the provider's report. Raises TransientError where it does not answer."""
    rows = Batch.objects.for_tenant(context.tenant_id)
    batch = rows.filter(pk=context.params.batch).first()
    if batch is None:
        return Done({})
    try:
        seen = providers.named(batch.provider).lookup(batch.handle)
    except ProviderError as error:
        raise TransientError(error.code, retry_after=error.retry_after) from error
    return Done({"states": delivery.take_report(context, batch, seen)})
