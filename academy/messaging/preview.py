"""Preview, then confirm: what is shown is what is stored, and what is stored is what goes out.

A preview writes every message of the campaign as it would be sent, with its type, price, and what
speaks against it. Its token, good once and for five minutes, sends exactly these.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import connection, transaction

from academy.core import clock
from academy.core.errors import AppError
from academy.core.locks import Space, lock
from academy.messaging import (
    control,
    credit,
    draft_rows,
    providers,
    recipients,
    rendering,
    results,
)
from academy.messaging.fields import CampaignState, Channel, MessageState, MessageType, Purpose
from academy.messaging.models import Campaign, Message, Policy, TemplateVersion
from academy.messaging.policy import policy_of
from academy.messaging.providers.port import Misconfigured
from academy.messaging.recipients import To
from academy.messaging.rendering import Wanted
from academy.messaging.templates import Wording, version_current
from academy.tenants.models import Tenant

TOKEN_LIFETIME: Final = timedelta(minutes=5)
LATEST: Final = timedelta(days=180)
"""Providers take nothing for later than six months; neither do we."""
_ROWS: Final = 1_000


@dataclass(frozen=True)
class Occasion:
    """What is told once: an event about something, such as a day's attendance of a student."""

    event: str
    occurrence: str


@dataclass(frozen=True)
class Request:
    """A campaign that somebody wants to see before it is sent."""

    title: str
    to: Sequence[To]
    template: UUID | None = None
    wording: Wording | None = None
    """Where there is no template: a text of its own."""
    purpose: Purpose = Purpose.INFO
    occasion: Occasion | None = None
    not_before: datetime | None = None
    trigger: str = ""
    fallback: bool = True
    """AlimTalk: send the template's text message where it does not arrive."""


@dataclass(frozen=True)
class Preview:
    """The campaign, and the token that confirms it."""

    campaign: Campaign
    token: str = field(repr=False)


def campaign_preview(*, tenant: Tenant, request: Request, by: str) -> Preview:
    """Write down what would be sent.

    Raises AppError: not_found (the template), message_nobody, message_cap_send,
    message_sender_missing, message_too_late, and what is wrong with the text as a whole. What is
    wrong with one message is told in its row.
    """
    policy = policy_of(tenant)
    if not policy.sender:
        raise AppError("message_sender_missing")
    if request.not_before is not None and request.not_before > clock.now() + LATEST:
        raise AppError("message_too_late", days=LATEST.days)
    wanted = recipients.counted(request.to, policy.most_per_send)
    what = wanted_of(tenant=tenant, request=request, policy=policy)
    with transaction.atomic():
        campaign = _campaign(tenant, request, what, by)
        drafts = rendering.drafts(
            campaign, what, recipients.people(tenant, wanted), occasion=_key(request, what.version)
        )
        draft_rows.store(campaign, drafts, block=_ROWS)
        token = secrets.token_urlsafe(32)
        campaign.token_hash = _hash(token)
        campaign.messages_total = len(drafts)
        campaign.price_expected = sum(one.price_expected for one in drafts)
        campaign.price_most = sum(one.price_most for one in drafts)
        # Rendering thousands takes a while, which nobody has looked at them yet.
        campaign.expires_at = clock.now() + TOKEN_LIFETIME
        campaign.save(
            update_fields=[
                "token_hash", "messages_total", "price_expected", "price_most", "expires_at",
            ]
        )  # fmt: skip
    return Preview(campaign, token)


def campaign_confirm(*, tenant: Tenant, token: str, by: str) -> Campaign:
    """Send what was previewed; the token is used up.

    Raises AppError: message_preview_expired, message_preview_used, message_preview_blocked,
    message_nobody (all were left out), message_credit_short.
    """
    with transaction.atomic():
        rows = Campaign.objects.for_tenant(tenant).select_for_update(of=("self",))
        campaign = rows.select_related("tenant").filter(token_hash=_hash(token)).first()
        if campaign is None or campaign.state == CampaignState.EXPIRED:
            raise AppError("message_preview_expired")
        if campaign.state != CampaignState.PREVIEW:
            raise AppError("message_preview_used")
        now = clock.now()
        if campaign.expires_at is None or campaign.expires_at < now:
            raise AppError("message_preview_expired")
        messages = Message.objects.for_tenant(tenant).filter(campaign=campaign)
        blocked = messages.filter(state=MessageState.BLOCKED.value).count()
        if blocked:
            raise AppError("message_preview_blocked", count=blocked)
        lock(Space.MESSAGES, str(tenant.pk))
        leave_out_told(campaign)
        held = _queue(campaign)
        if not held:
            raise AppError("message_nobody")
        credit.hold(
            tenant_id=tenant.pk, amount=sum(held), key=f"campaign:{campaign.pk}", by=by,
            campaign_id=campaign.pk,
        )  # fmt: skip
        later = campaign.not_before is not None and campaign.not_before > now
        campaign.state = (CampaignState.SCHEDULED if later else CampaignState.SENDING).value
        campaign.confirmed_by, campaign.confirmed_at = by, now
        campaign.save(update_fields=["state", "confirmed_by", "confirmed_at"])
        control.submit_send(campaign, by=by, not_before=campaign.not_before if later else None)
    return campaign


def wanted_of(*, tenant: Tenant, request: Request, policy: Policy) -> Wanted:
    """What is said, and how.

    Raises AppError: not_found (the template), message_empty, message_channel_missing,
    message_alimtalk_unavailable, provider_misconfigured, and what is wrong with the text as a
    whole.
    """
    version = None
    if request.template is not None:
        version = version_current(tenant=tenant, template_id=request.template)
        template = version.template
        wording = Wording(
            version.body, version.subject, version.provider_template,
            version.fallback_body if request.fallback else "", version.fallback_subject,
        )  # fmt: skip
        channel, purpose = Channel(template.channel), Purpose(template.purpose)
    elif request.wording is not None:
        channel, purpose = Channel.TEXT, request.purpose
        wording = request.wording.checked(channel)
    else:
        raise AppError("message_empty")
    try:
        types = providers.current().capabilities().types
    except Misconfigured as error:
        raise AppError(error.code) from error
    if channel is Channel.ALIMTALK:
        if MessageType.ALIMTALK not in types:
            raise AppError("message_alimtalk_unavailable")
        if not policy.channel:
            raise AppError("message_channel_missing")
    return Wanted(wording, channel, purpose, policy, version, types)


def _campaign(tenant: Tenant, request: Request, what: Wanted, by: str) -> Campaign:
    return Campaign.objects.for_tenant(tenant).create(
        title=request.title.strip() or "-",
        version=what.version,
        channel=what.channel.value,
        purpose=what.purpose.value,
        subject=what.wording.subject,
        body=what.wording.body,
        sender=what.policy.sender,
        trigger=request.trigger,
        expires_at=clock.now() + TOKEN_LIFETIME,
        not_before=request.not_before,
        created_by=by,
    )


# Told meanwhile, or by a campaign that was previewed at the same time.
_TOLD = """
UPDATE message SET state = 'suppressed', reason = 'message_already_told', price_held = 0,
    ended_at = clock_timestamp(), updated_at = clock_timestamp()
WHERE campaign_id = %(campaign)s AND state = 'draft' AND occurrence IS NOT NULL AND EXISTS (
    SELECT FROM message told
    WHERE told.tenant_id = message.tenant_id AND told.occurrence = message.occurrence
        AND told.id <> message.id
        AND told.state NOT IN ('draft', 'blocked', 'suppressed', 'cancelled', 'failed')
)
RETURNING id, state, reason, ''
"""

_QUEUE = """
UPDATE message SET state = 'queued', updated_at = clock_timestamp()
WHERE campaign_id = %s AND state = 'draft' RETURNING id, state, reason, '', price_held
"""


def leave_out_told(campaign: Campaign) -> None:
    """Suppress drafts of what was told already; under the lock of the academy's messages."""
    with connection.cursor() as cursor:
        cursor.execute(_TOLD, {"campaign": campaign.pk})
        results.trace(cursor, campaign.tenant_id, cursor.fetchall(), "confirm")


def _queue(campaign: Campaign) -> list[int]:
    """The price held for each message that will go out."""
    with connection.cursor() as cursor:
        cursor.execute(_QUEUE, [campaign.pk])
        rows = cursor.fetchall()
        results.trace(cursor, campaign.tenant_id, [row[:4] for row in rows], "confirm")
    return [row[4] for row in rows]


def _key(request: Request, version: TemplateVersion | None) -> str:
    """What makes an occurrence, apart from whom it is told; empty: nothing is told only once."""
    if request.occasion is None:
        return ""
    template = str(version.template_id) if version is not None else ""
    return f"{request.occasion.event}\x1f{request.occasion.occurrence}\x1f{template}"


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
