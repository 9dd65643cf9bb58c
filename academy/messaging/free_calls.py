"""Who refused advertising by calling the free 080 number, as far as the provider keeps that list.

A provider that does offers `opt_outs`; the relay has an academy's list fetched every hour by a job,
because the provider may be slow. What is known already changes nothing, so that lists may overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol, runtime_checkable

from academy.core import clock
from academy.core.errors import AppError
from academy.jobs.models import Job
from academy.jobs.states import JobState
from academy.jobs.submit import Order, Submitter, job_submit_internal
from academy.messaging import people, providers
from academy.messaging.models import Policy
from academy.messaging.people import Source, Tally
from academy.messaging.phones import canonical
from academy.messaging.providers.port import Misconfigured
from academy.tenants.models import Tenant

KIND: Final = "messages.opt_outs.fetch"
EVERY: Final = timedelta(hours=1)
OVERLAP: Final = timedelta(days=1)
"""A provider's list may be behind."""
_ROWS: Final = 2_000


@runtime_checkable
class OptOutSource(Protocol):
    """What a provider with a list of refusals offers beside `Provider`."""

    def opt_outs(self, number: str, sender: str, since: datetime | None) -> Sequence[str]:
        """The phones that refused what ``sender`` sends (None: from the beginning).

        One account serves all academies, which their numbers tell apart: some providers know the
        080 ``number`` that was called, others the sender. Raises ProviderError, never Ambiguous.
        """
        ...


def sweep(most: int = 200) -> int:
    """Have the lists of academies fetched that were not within the hour; returns how many."""
    try:
        if not isinstance(providers.current(), OptOutSource):
            return 0
    except Misconfigured:
        return 0
    asked = Job.unscoped.filter(kind=KIND, created_at__gt=clock.now() - EVERY)
    policies = Policy.unscoped.exclude(opt_out_number="").exclude(sender="")
    policies = policies.exclude(tenant__in=asked.values("tenant")).filter(tenant__is_active=True)
    found = list(policies.select_related("tenant")[:most])
    for policy in found:
        job_submit_internal(by=Submitter(policy.tenant, "platform"), order=Order(KIND, {}))
    return len(found)


def since(tenant: Tenant) -> datetime | None:
    """From when on the list is still to be asked for; None: all of it."""
    done = Job.objects.for_tenant(tenant).filter(
        kind=KIND, state=JobState.SUCCEEDED.value, result__asked=True
    )
    last = done.order_by("-created_at").values_list("created_at", flat=True).first()
    return None if last is None else last - OVERLAP


def take(tenant: Tenant, listed: Sequence[str]) -> tuple[Tally, int]:
    """Note a provider's list; returns what became of it, and how many are no mobile numbers."""
    good, odd = [], 0
    for phone in listed:
        try:
            good.append(canonical(phone))
        except AppError:
            odd += 1
    tally = Tally()
    for start in range(0, len(good), _ROWS):
        tally += people.opt_out_add(
            tenant_id=tenant.pk, phones=good[start : start + _ROWS], everything=False,
            source=Source.FREE_CALL, by="platform",
        )  # fmt: skip
    return tally, odd
