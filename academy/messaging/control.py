"""The switches of a campaign: begin, pause, go on, cancel; and the jobs that do its work."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from academy.core import clock, logs
from academy.core.errors import AppError
from academy.jobs.context import JobContext
from academy.jobs.models import Job
from academy.jobs.submit import Order, Submitter, job_submit_internal
from academy.messaging import dispatch, fence, results
from academy.messaging.fields import OPEN_STATES, CampaignState, MessageState
from academy.messaging.models import Campaign, Message, Policy
from academy.messaging.results import Change
from academy.tenants.models import Tenant

PLATFORM: Final = "platform"
_LIVE: Final = frozenset({CampaignState.SCHEDULED, CampaignState.SENDING, CampaignState.PAUSED})
_PAUSE_BETWEEN: Final = timedelta(seconds=2)
_CANCEL_ROWS: Final = 2_000


def submit_send(campaign: Campaign, *, by: str, not_before: datetime | None = None) -> Job:
    """Have what is due of a campaign sent; inside the transaction that decides so."""
    request_id = str(logs.context().get("request_id") or "")
    job = job_submit_internal(
        by=Submitter(campaign.tenant, by, request_id),
        order=Order("messages.send", {"campaign": str(campaign.pk)}, not_before=not_before),
    )
    campaign.job = job
    campaign.save(update_fields=["job"])
    return job


def begin(context: JobContext[Any], campaign_id: UUID) -> bool:
    """Whether a campaign may send now; a scheduled one begins."""
    with transaction.atomic():
        fence.hold(context)
        campaign = _locked(context.tenant_id, campaign_id)
        if campaign.state == CampaignState.SCHEDULED and campaign.job_id == context.job_id:
            campaign.state = CampaignState.SENDING.value
            campaign.save(update_fields=["state"])
        return campaign.state == CampaignState.SENDING and not held(context.tenant_id)


def sent(job: Job, result: dict[str, Any]) -> None:
    """What follows on a sending: the next one, for what is due later, or the campaign's end."""
    campaign = _locked(job.tenant_id, UUID(job.params["campaign"]))
    if campaign.state != CampaignState.SENDING or held(job.tenant_id):
        return
    due = dispatch.next_due(campaign.pk)
    if due is not None:
        # Others may hold what is due; without a pause this would go round in a circle.
        earliest = clock.now() + (timedelta(0) if result["messages"] else _PAUSE_BETWEEN)
        submit_send(campaign, by=PLATFORM, not_before=max(due, earliest))
    else:
        finish(campaign)


def finish(campaign: Campaign) -> bool:
    """End a campaign of which nothing is open any more; the caller holds its row."""
    rows = Message.objects.for_tenant(campaign.tenant_id).filter(campaign=campaign)
    if rows.filter(state__in=[state.value for state in OPEN_STATES]).exists():
        return False
    campaign.state, campaign.ended_at = CampaignState.DONE.value, clock.now()
    campaign.save(update_fields=["state", "ended_at"])
    return True


def campaign_pause(*, tenant: Tenant, campaign_id: UUID) -> Campaign:
    """Send nothing more until it goes on; what is with the provider is not called back.

    Raises AppError: not_found, message_campaign_ended.
    """
    return _switched(tenant, campaign_id, _pause)


def campaign_resume(*, tenant: Tenant, campaign_id: UUID, by: str) -> Campaign:
    """Go on with a paused campaign. Raises AppError: not_found, message_campaign_ended."""

    def resume(campaign: Campaign) -> None:
        if campaign.state != CampaignState.PAUSED:
            return
        later = campaign.not_before is not None and campaign.not_before > clock.now()
        state = CampaignState.SCHEDULED if later else CampaignState.SENDING
        campaign.state = state.value
        campaign.save(update_fields=["state"])
        submit_send(campaign, by=by, not_before=campaign.not_before if later else None)

    return _switched(tenant, campaign_id, resume)


def campaign_cancel(*, tenant: Tenant, campaign_id: UUID) -> Campaign:
    """Send none of what has not been sent, and give its credits back.

    Raises AppError: not_found, message_campaign_ended.
    """

    def cancel(campaign: Campaign) -> None:
        campaign.state, campaign.ended_at = CampaignState.CANCELLED.value, clock.now()
        campaign.save(update_fields=["state", "ended_at"])

    campaign = _switched(tenant, campaign_id, cancel)
    drop_waiting(campaign)
    return campaign


def drop_waiting(campaign: Campaign) -> int:
    """Cancel the waiting messages of a cancelled campaign; repeated after a crash."""
    dropped = 0
    while True:
        with transaction.atomic():
            rows = Message.objects.for_tenant(campaign.tenant_id).filter(
                campaign=campaign, state=MessageState.QUEUED.value
            )
            ids = list(
                rows.order_by("number")
                .select_for_update()
                .values_list("pk", flat=True)[:_CANCEL_ROWS]
            )
            results.apply(
                tenant_id=campaign.tenant_id,
                campaign_id=campaign.pk,
                changes=[Change(one, MessageState.CANCELLED) for one in ids],
                source="person",
            )
        dropped += len(ids)
        if len(ids) < _CANCEL_ROWS:
            return dropped


def held(tenant_id: UUID) -> bool:
    """Whether the academy has put its own hold on."""
    return Policy.objects.for_tenant(tenant_id).filter(hold=True).exists()


def _pause(campaign: Campaign) -> None:
    campaign.state = CampaignState.PAUSED.value
    campaign.save(update_fields=["state"])


def _switched(tenant: Tenant, campaign_id: UUID, act: Callable[[Campaign], None]) -> Campaign:
    with transaction.atomic():
        campaign = _locked(tenant.pk, campaign_id)
        if campaign.state not in _LIVE:
            raise AppError("message_campaign_ended", state=campaign.state)
        act(campaign)
    return campaign


def _locked(tenant_id: UUID, campaign_id: UUID) -> Campaign:
    rows = Campaign.objects.for_tenant(tenant_id).select_for_update(of=("self",), no_key=True)
    campaign = rows.select_related("tenant").filter(pk=campaign_id).first()
    if campaign is None:
        raise AppError("not_found")
    return campaign
