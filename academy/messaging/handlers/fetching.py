"""`messages.opt_outs.fetch`: note who refused by the academy's free 080 number."""

from __future__ import annotations

from academy.jobs.context import Done, JobContext
from academy.jobs.errors import TransientError
from academy.messaging import free_calls, providers
from academy.messaging.free_calls import OptOutSource
from academy.messaging.params import FetchOptOutsParams
from academy.messaging.policy import policy_of
from academy.messaging.providers.port import ProviderError
from academy.tenants.models import Tenant


def run(context: JobContext[FetchOptOutsParams]) -> Done:
    """Take the provider's list. Raises TransientError where it does not answer."""
    tenant = Tenant.objects.get(pk=context.tenant_id)
    number = policy_of(tenant).opt_out_number
    try:
        provider = providers.current()
        if not number or not isinstance(provider, OptOutSource):
            return Done({"listed": 0})
        listed = provider.opt_outs(number, free_calls.since(tenant))
    except ProviderError as error:
        raise TransientError(error.code, retry_after=error.retry_after) from error
    tally, odd = free_calls.take(tenant, listed)
    return Done({"listed": len(listed), "odd": odd, **tally.as_dict()})
