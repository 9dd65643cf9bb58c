"""Messages and all about them as the JSON that clients and pages see; money in won."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from academy.core.errors import error_body
from academy.core.http.values import instant, reference
from academy.core.personal import masked
from academy.messaging import content, control, prices, selectors, story
from academy.messaging.models import (
    Campaign,
    CreditEntry,
    Message,
    MessageEvent,
    Policy,
    Template,
    TemplateVersion,
)
from academy.messaging.policy import CHANGEABLE
from academy.messaging.preview import Preview

PREVIEW_ROWS: Final = 50


def won(jeon: int) -> float:
    """As JSON has it: at most two decimals."""
    return jeon / prices.JEON


def policy_body(policy: Policy) -> dict[str, Any]:
    """What an academy allows itself."""
    return {name: getattr(policy, name) for name in CHANGEABLE}


def version_body(version: TemplateVersion) -> dict[str, Any]:
    """One wording of a template."""
    return {
        "number": version.number,
        "subject": version.subject,
        "body": version.body,
        "variables": version.variables,
        "provider_template": version.provider_template,
        "fallback_subject": version.fallback_subject,
        "fallback_body": version.fallback_body,
        "created_by": version.created_by,
        "created_at": instant(version.created_at),
    }


def template_body(template: Template, current: TemplateVersion) -> dict[str, Any]:
    """A template as lists show it: with the version that new messages take."""
    return {
        "id": str(template.pk),
        "name": template.name,
        "channel": template.channel,
        "purpose": template.purpose,
        "current": version_body(current),
        "archived_at": instant(template.archived_at),
        "created_at": instant(template.created_at),
    }


def template_detail(template: Template, versions: Sequence[TemplateVersion]) -> dict[str, Any]:
    """A template with all its versions, the last first."""
    shown = [version_body(one) for one in versions]
    return {**template_body(template, versions[0]), "versions": shown}


def campaign_body(campaign: Campaign) -> dict[str, Any]:
    """A campaign as lists show it; it comes with its version."""
    version = campaign.version
    return {
        "id": str(campaign.pk),
        "title": campaign.title,
        "state": campaign.state,
        "channel": campaign.channel,
        "purpose": campaign.purpose,
        "template": None if version is None else str(version.template_id),
        "template_version": None if version is None else version.number,
        "subject": campaign.subject,
        "body": campaign.body,
        "sender": campaign.sender,
        "trigger": campaign.trigger,
        "messages": campaign.messages_total,
        "price_expected": won(campaign.price_expected),
        "price_most": won(campaign.price_most),
        "not_before": instant(campaign.not_before),
        "expires_at": instant(campaign.expires_at) if campaign.state == "preview" else None,
        "created_by": campaign.created_by,
        "confirmed_by": campaign.confirmed_by,
        "created_at": instant(campaign.created_at),
        "confirmed_at": instant(campaign.confirmed_at),
        "ended_at": instant(campaign.ended_at),
        "wiped_at": instant(campaign.wiped_at),
    }


def campaign_detail(campaign: Campaign) -> dict[str, Any]:
    """A campaign with what became of its messages so far."""
    tally = selectors.tally_of(campaign)
    return {
        **campaign_body(campaign),
        "states": dict(tally.states),
        "types": dict(tally.types),
        "reasons": [
            {
                "state": one.state,
                "count": one.count,
                "reason": error_body(one.code, dict(one.params)),
            }
            for one in tally.reasons
        ],
        "progress": round(tally.progress, 4),
        "price_paid": won(tally.paid),
        "price_held": won(tally.held),
        "next_due_at": instant(selectors.next_due(campaign)),
        "on_hold": control.held(campaign.tenant_id),
    }


def preview_body(made: Preview) -> dict[str, Any]:
    """A preview: its token, its campaign, and its first messages."""
    campaign = made.campaign
    rows = selectors.message_list(campaign=campaign).order_by("number")[:PREVIEW_ROWS]
    return {
        "token": made.token,
        "expires_at": instant(campaign.expires_at),
        "campaign": campaign_detail(campaign),
        "messages": [message_body(row) for row in rows],
    }


def message_body(message: Message) -> dict[str, Any]:
    """One message as lists show it; it comes with its student."""
    said = None
    if message.content is not None:
        said = content.opened(message.tenant_id, message.content)
    student = message.student
    return {
        "id": str(message.pk),
        "number": message.number,
        "student": reference(message.student_id),
        "name": student.name if student is not None else "",
        "recipient": message.recipient,
        "phone": masked(message.phone_tail),
        "type": message.type,
        "sent_as": message.sent_as or None,
        "length": message.length,
        "subject": None if said is None else said.subject,
        "text": None if said is None else said.text,
        "fallback": None if said is None else said.fallback_text,
        "state": message.state,
        "reason": story.reason_body(message),
        "provider_code": message.provider_code,
        "price": None if message.price is None else won(message.price),
        "price_most": won(message.price_held),
        "not_before": instant(message.not_before),
        "sent_at": instant(message.sent_at),
        "ended_at": instant(message.ended_at),
    }


def trace_body(message: Message, events: Sequence[MessageEvent]) -> dict[str, Any]:
    """One message with all that happened to it; it comes with campaign, batch and student."""
    batch = message.batch
    return {
        **message_body(message),
        "campaign": str(message.campaign_id),
        "standing": story.standing(message, held=control.held(message.tenant_id)),
        "provider": "" if batch is None else batch.provider,
        "provider_id": message.provider_id,
        "events": [
            {
                "at": instant(event.at),
                "state": event.state,
                "source": event.source,
                "message": story.said(event.state),
                "reason": story.event_body(event, message),
                "provider_code": event.provider_code,
            }
            for event in events
        ],
    }


def entry_body(entry: CreditEntry) -> dict[str, Any]:
    """One line of the book."""
    return {
        "id": str(entry.pk),
        "kind": entry.kind,
        "free": won(entry.free),
        "held": won(entry.held),
        "campaign": reference(entry.campaign_id),
        "by": entry.by,
        "reason": entry.reason,
        "created_at": instant(entry.created_at),
    }
