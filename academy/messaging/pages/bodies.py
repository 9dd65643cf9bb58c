"""What the pages' scripts are told; the rest of it is as over REST (`academy.messaging.shown`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db.models import Sum

from academy.core import clock
from academy.core.errors import AppError, error_body
from academy.core.http.values import instant
from academy.messaging import credit, measuring, shown
from academy.messaging.fields import CampaignState, MessageState, MessageType, Purpose
from academy.messaging.measuring import Measured, Sample
from academy.messaging.models import Campaign, Message, Template, TemplateVersion
from academy.messaging.preview import Preview, Request
from academy.messaging.recipients import values_of
from academy.messaging.results import price_of
from academy.messaging.shown import won
from academy.roster.models import Student
from academy.tenants.models import Tenant

KNOWN: Final = frozenset(
    values_of(Student(name="-", school="-", grade="-", class_name="-", number="-"))
)
"""Variables that students bring with them."""
_FOLLOWED: Final = frozenset({CampaignState.SCHEDULED, CampaignState.SENDING, CampaignState.PAUSED})


def template_body(template: Template, version: TemplateVersion) -> dict[str, Any]:
    """A template to choose."""
    return {
        "id": str(template.pk),
        "name": template.name,
        "channel": template.channel,
        "purpose": template.purpose,
        "subject": version.subject,
        "body": version.body,
        "variables": version.variables,
        "fallback": bool(version.fallback_body),
    }


def measured_body(tenant: Tenant, request: Request, measured: Measured) -> dict[str, Any]:
    """What it would be, as far as it was looked at."""
    whole = measured.rendered >= measured.count
    share = 1.0 if whole else measured.count / measured.rendered
    expected, most = (
        round(price * share) for price in (measured.price_expected, measured.price_most)
    )
    return {
        "count": measured.count,
        "rendered": measured.rendered,
        "channel": measured.channel.value,
        "purpose": measured.purpose.value,
        "states": dict(measured.states),
        "types": dict(measured.types),
        "price_expected": won(expected),
        "price_most": won(most),
        "samples": [_sample(one) for one in measured.samples],
        "problems": [_sample(one) for one in measured.problems],
        "credit": credit_body(tenant, most),
        "begins": _begins(measured.purpose, request.not_before),
        "error": None,
    }


def refused_body(tenant: Tenant, count: int, error: AppError) -> dict[str, Any]:
    """The same for a text that is wrong as a whole."""
    return {
        "count": count,
        "rendered": 0,
        "credit": credit_body(tenant, 0),
        "error": error_body(error.code, error.params),
    }


def preview_body(tenant: Tenant, made: Preview) -> dict[str, Any]:
    """A preview with what it leaves of the credits, and when it goes out."""
    campaign = made.campaign
    return {
        **shown.preview_body(made),
        "credit": credit_body(tenant, campaign.price_most),
        "begins": _begins(Purpose(campaign.purpose), campaign.not_before),
        "expires_in": _seconds_until(campaign.expires_at),
    }


def credit_body(tenant: Tenant, most: int) -> dict[str, float]:
    """The credits now, and after as much (jeon) was set aside."""
    free, held = credit.balance(tenant.pk)
    return {"free": won(free), "held": won(held), "after": won(free - most)}


def prices_body() -> dict[str, float]:
    """Won of one message, by type."""
    return {one.value: won(price_of(one)) for one in MessageType}


def state_body(campaign: Campaign) -> dict[str, Any]:
    """A campaign as its page shows it, and what cancelling it now would do."""
    waiting = Message.objects.for_tenant(campaign.tenant_id).filter(
        campaign=campaign, state=MessageState.QUEUED.value
    )
    back = waiting.aggregate(sum=Sum("price_held"))["sum"] or 0
    body = shown.campaign_detail(campaign)
    due = body["next_due_at"]
    return {
        **body,
        # What is due now would be another moment, and another answer, every time.
        "next_due_at": due if due is not None and due > instant(clock.now()) else None,
        "back": won(back),
        "followed": campaign.state in _FOLLOWED or _is_open(body["states"]),
    }


def _is_open(states: Mapping[str, int]) -> bool:
    """Whether news of its messages may still come."""
    return any(
        states.get(state.value)
        for state in (MessageState.SENDING, MessageState.SENT, MessageState.UNKNOWN)
    )


def _seconds_until(moment: datetime | None) -> float:
    """For a countdown, which must not depend on the browser's clock."""
    return 0.0 if moment is None else max(0.0, (moment - clock.now()).total_seconds())


def _begins(purpose: Purpose, not_before: datetime | None) -> dict[str, Any]:
    moment = measuring.begins(purpose, not_before)
    return {"at": instant(moment.at), "deferred": moment.is_deferred}


def _sample(one: Sample) -> dict[str, Any]:
    return {**shown.message_body(one.row), "number": one.place}
