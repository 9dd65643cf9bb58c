"""Something happened: whoever the academy's policy wants to be told is told, once.

Nothing goes out because something was saved: no other part of the platform calls this by itself.
An event is reported on purpose (``POST /messaging/events``), and the policy decides.

A campaign of a person is confirmed as a whole or not at all, because that person can look at what
is blocked. Nobody looks at an event's, and a family whose number is missing must not keep the
others from hearing that a child has not come: what is blocked is left out here, and says why.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection, transaction

from academy.core import clock
from academy.core.locks import Space, lock
from academy.messaging import events, preview, results
from academy.messaging.control import PLATFORM
from academy.messaging.events import Event
from academy.messaging.fields import CampaignState, MessageState
from academy.messaging.models import Campaign, Message
from academy.messaging.policy import policy_of
from academy.messaging.preview import Occasion, Request
from academy.messaging.recipients import To
from academy.tenants.models import Tenant

TITLES = {
    Event.ATTENDANCE: "출결 알림",
    Event.GRADES: "성적 알림",
    Event.CLINIC: "클리닉 알림",
    Event.ACCOUNT: "계정 알림",
}

_LEAVE_OUT = """
UPDATE message SET state = 'suppressed', ended_at = clock_timestamp(),
    updated_at = clock_timestamp()
WHERE campaign_id = %s AND state = 'blocked' RETURNING id, state, reason, ''
"""


def event_tell(
    *, tenant: Tenant, event: Event, occurrence: str, to: Sequence[To], by: str
) -> Campaign:
    """Tell about an event, in one transaction; nothing is stored where it fails.

    ``occurrence`` names what happened, such as a day and a lesson: whoever was told of it already
    is left out, so that an event may be reported again. The campaign says of each why it was left
    out; where that is everybody, it is done at once.

    Raises AppError: message_trigger_off, message_trigger_template, message_credit_short, and what
    `campaign_preview` does.
    """
    policy = policy_of(tenant)
    request = Request(
        title=TITLES[event],
        to=to,
        template=events.template_of(tenant, policy, event),
        occasion=Occasion(event.value, occurrence),
        trigger=event.value,
    )
    with transaction.atomic():
        made = preview.campaign_preview(tenant=tenant, request=request, by=by)
        # From here to the end no other campaign of the academy can tell the same.
        lock(Space.MESSAGES, str(tenant.pk))
        _leave_out_blocked(made.campaign)
        preview.leave_out_told(made.campaign)
        messages = Message.objects.for_tenant(tenant).filter(campaign=made.campaign)
        if messages.filter(state=MessageState.DRAFT.value).exists():
            return preview.campaign_confirm(tenant=tenant, token=made.token, by=PLATFORM)
        return _done(made.campaign)


def _leave_out_blocked(campaign: Campaign) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_LEAVE_OUT, [campaign.pk])
        results.trace(cursor, campaign.tenant_id, cursor.fetchall(), "confirm")


def _done(campaign: Campaign) -> Campaign:
    now = clock.now()
    campaign.state, campaign.token_hash = CampaignState.DONE.value, None
    campaign.confirmed_by, campaign.confirmed_at, campaign.ended_at = PLATFORM, now, now
    campaign.save()
    return campaign
