"""`messages.opt_outs.fetch`: note who refused by the academy's free 080 number."""

from __future__ import annotations

from academy.jobs.context import Done, JobContext
from academy.jobs.errors import PermanentError, TransientError
from academy.messaging import free_calls, providers
from academy.messaging.free_calls import OptOutSource
from academy.messaging.params import FetchOptOutsParams
from academy.messaging.policy import policy_of
from academy.messaging.providers.port import Misconfigured, ProviderError, Rejected
from academy.tenants.models import Tenant


def run(context: JobContext[FetchOptOutsParams]) -> Done:
    """Take the provider's list.

    Raises TransientError where it does not answer, PermanentError where it refuses to.
    """
    tenant = Tenant.objects.get(pk=context.tenant_id)
    policy = policy_of(tenant)
    number = policy.opt_out_number
    try:
        provider = providers.current()
        if not (number and policy.sender and isinstance(provider, OptOutSource)):
            return Done({"asked": False})
        listed = provider.opt_outs(number, policy.sender, free_calls.since(tenant))
    except (Rejected, Misconfigured) as error:
        raise PermanentError(error.code) from error
    except ProviderError as error:
        raise TransientError(error.code, retry_after=error.retry_after) from error
    tally, odd = free_calls.take(tenant, listed)
    return Done({"asked": True, "listed": len(listed), "odd": odd, **tally.as_dict()})
