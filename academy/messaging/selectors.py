"""Reading templates, campaigns, messages and the book of credits."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, Max, Min, QuerySet, Sum, TextField
from django.db.models.functions import Cast

from academy.core.errors import AppError
from academy.messaging import dispatch
from academy.messaging.fields import CampaignState, MessageState
from academy.messaging.models import (
    Campaign,
    CreditEntry,
    Message,
    MessageEvent,
    Template,
    TemplateVersion,
)
from academy.tenants.models import Tenant

_DONE_WITH: Final = frozenset(
    {
        MessageState.SENT,
        MessageState.DELIVERED,
        MessageState.FAILED,
        MessageState.SUPPRESSED,
        MessageState.CANCELLED,
    }
)


@dataclass(frozen=True)
class Reason:
    """So many messages stand in a state for one reason; its parameters where all have the same."""

    state: str
    code: str
    params: Mapping[str, Any]
    count: int


@dataclass
class Tally:
    """The messages of a campaign by state, by type and by reason; money in jeon."""

    states: Counter[str] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)
    """Of those that go out, or went."""
    reasons: list[Reason] = field(default_factory=list)
    """The most frequent first."""
    held: int = 0
    """Set aside for what has not ended."""
    paid: int = 0

    @property
    def progress(self) -> float:
        """The share, 0 to 1, of which nothing more has to be done here."""
        total = self.states.total()
        return sum(self.states[state.value] for state in _DONE_WITH) / total if total else 1.0


def template_list(*, tenant: Tenant, archived: bool = False) -> QuerySet[Template]:
    """The templates that are offered, or those that are not any more."""
    return Template.objects.for_tenant(tenant).filter(archived_at__isnull=not archived)


def template_get(*, tenant: Tenant, template_id: UUID) -> Template:
    """A template, an archived one too. Raises AppError not_found."""
    found = Template.objects.for_tenant(tenant).filter(pk=template_id).first()
    if found is None:
        raise AppError("not_found")
    return found


def versions_of(template: Template) -> list[TemplateVersion]:
    """All versions, the last first."""
    rows = TemplateVersion.objects.for_tenant(template.tenant_id).filter(template=template)
    return list(rows.order_by("-number"))


def versions_current(*, tenant: Tenant, templates: Sequence[Template]) -> list[TemplateVersion]:
    """The last version of each template, in their order, by one query."""
    rows = TemplateVersion.objects.for_tenant(tenant).filter(template__in=templates)
    last = {
        one.template_id: one
        for one in rows.order_by("template_id", "-number").distinct("template_id")
    }
    return [last[one.pk] for one in templates]


def campaign_list(*, tenant: Tenant, states: Collection[CampaignState] = ()) -> QuerySet[Campaign]:
    """Campaigns, also previews that nobody confirmed."""
    rows = Campaign.objects.for_tenant(tenant).select_related("version")
    return rows.filter(state__in=[state.value for state in states]) if states else rows


def campaign_get(*, tenant: Tenant, campaign_id: UUID) -> Campaign:
    """A campaign. Raises AppError not_found."""
    found = campaign_list(tenant=tenant).filter(pk=campaign_id).first()
    if found is None:
        raise AppError("not_found")
    return found


def tally_of(campaign: Campaign) -> Tally:
    """What became of its messages, in one query."""
    rows = (
        Message.objects.for_tenant(campaign.tenant_id)
        .filter(campaign=campaign)
        .order_by()
        .values("state", "type", "reason", "provider_code")
        .annotate(
            count=Count("pk"), most=Sum("price_held"), paid=Sum("price"),
            low=Min(Cast("reason_params", TextField())),
            high=Max(Cast("reason_params", TextField())),
        )
    )  # fmt: skip
    tally = Tally()
    reasons: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        state, count = row["state"], row["count"]
        tally.states[state] += count
        if row["reason"]:
            same = row["low"] if row["low"] == row["high"] else "{}"
            reasons[state, row["reason"], same] += count
        if state not in (MessageState.BLOCKED, MessageState.SUPPRESSED):
            tally.types[row["type"]] += count
        if row["paid"] is None:
            tally.held += 0 if state == MessageState.DRAFT else row["most"]
        else:
            tally.paid += row["paid"]
    tally.reasons = [
        Reason(state, code, json.loads(params), count)
        for (state, code, params), count in reasons.most_common()
    ]
    return tally


def next_due(campaign: Campaign) -> datetime | None:
    """When the next of its messages goes out; None where none waits for a moment."""
    if campaign.state == CampaignState.SCHEDULED:
        return campaign.not_before
    if campaign.state == CampaignState.SENDING:
        return dispatch.next_due(campaign.pk)
    return None


def message_list(*, campaign: Campaign, states: Collection[MessageState] = ()) -> QuerySet[Message]:
    """The messages of a campaign with their students."""
    rows = Message.objects.for_tenant(campaign.tenant_id).filter(campaign=campaign)
    if states:
        rows = rows.filter(state__in=[state.value for state in states])
    return rows.select_related("student")


def message_get(*, tenant: Tenant, message_id: UUID) -> Message:
    """A message with its campaign and batch. Raises AppError not_found."""
    rows = Message.objects.for_tenant(tenant).select_related("campaign", "batch", "student")
    found = rows.filter(pk=message_id).first()
    if found is None:
        raise AppError("not_found")
    return found


def events_of(message: Message) -> list[MessageEvent]:
    """Its trace, the first event first."""
    rows = MessageEvent.objects.for_tenant(message.tenant_id).filter(message=message)
    return list(rows.order_by("at", "id"))


def credit_book(*, tenant: Tenant) -> QuerySet[CreditEntry]:
    """The lines of the book."""
    return CreditEntry.objects.for_tenant(tenant)
