"""What is kept of messages: phones and texts for the policy's days, what happened for ever.

Once a campaign has ended that long ago, the digits and the texts of its messages go, and its own
text with them; states, reasons, prices, the last digits and the trace stay, and so does the blind
index, under which a number that is asked about is found. Opt-outs keep their phone: they are what
protects it.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.db import connection, transaction

from academy.core import clock
from academy.messaging.fields import OPEN_STATES
from academy.messaging.models import Campaign, Policy

_ROWS: Final = 2_000

# Also a cancelled campaign has messages of which nobody knows yet whether they went out.
_DUE = """
SELECT campaign.id FROM message_campaign campaign
LEFT JOIN messaging_policy policy ON policy.tenant_id = campaign.tenant_id
WHERE campaign.ended_at IS NOT NULL AND campaign.wiped_at IS NULL
    AND campaign.ended_at
        < %(now)s - make_interval(days => coalesce(policy.text_days, %(days)s)::int)
    AND NOT EXISTS (
        SELECT FROM message WHERE message.campaign_id = campaign.id
            AND message.state = ANY (%(open)s)
    )
ORDER BY campaign.ended_at LIMIT %(most)s
"""

_WIPE = """
UPDATE message SET phone = NULL, content = NULL, updated_at = clock_timestamp()
WHERE id IN (
    SELECT id FROM message
    WHERE campaign_id = %(campaign)s AND (phone IS NOT NULL OR content IS NOT NULL)
    LIMIT %(rows)s
)
"""


def wipe(most: int = 20) -> int:
    """Wipe campaigns that ended long enough ago; returns how many."""
    for campaign_id in (due := _due(most)):
        # In parts: a crash in the middle goes on where it was.
        while _wiped(campaign_id) == _ROWS:
            pass
        with transaction.atomic():
            rows = Campaign.unscoped.select_for_update(of=("self",), no_key=True)
            campaign = rows.get(pk=campaign_id)
            if campaign.version_id is None:
                # A text of its own may name a child.
                campaign.subject = campaign.body = ""
            campaign.wiped_at = clock.now()
            campaign.save(update_fields=["subject", "body", "wiped_at"])
    return len(due)


def _due(most: int) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(
            _DUE,
            {
                "now": clock.now(),
                "days": Policy().text_days,
                "open": [state.value for state in OPEN_STATES],
                "most": most,
            },
        )
        return [row[0] for row in cursor.fetchall()]


def _wiped(campaign_id: UUID) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_WIPE, {"campaign": campaign_id, "rows": _ROWS})
        count: int = cursor.rowcount
    return count
