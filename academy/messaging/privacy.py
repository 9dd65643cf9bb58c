"""What is kept of messages: phones and texts for the policy's days, what happened for ever.

Once a campaign has ended that long ago, the digits and the texts of its messages go, its own text,
and what was noted of its batches for the provider; states, reasons, prices, the last digits and the
trace stay, and so does the blind index, under which a number that is asked about is found. Opt-outs
keep their phone: they are what protects it.
"""

from __future__ import annotations

from datetime import timedelta
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


# What a provider of ours, or the adapter of one without groups, remembers of a batch.
_NOTES = """
DELETE FROM message_local_group
WHERE handle IN (SELECT handle FROM message_batch WHERE campaign_id = %s AND handle <> '')
"""
_ORPHANS = """
DELETE FROM message_local_group WHERE handle IN (
    SELECT handle FROM message_local_group remembered
    WHERE created_at < %s AND NOT EXISTS (
        SELECT FROM message_batch WHERE message_batch.handle = remembered.handle
    )
    LIMIT %s
)
"""
ORPHANED: Final = timedelta(days=7)
"""A batch takes its handle in the transaction after the note, or never."""


def notes_drop(most: int = 1_000) -> int:
    """Forget notes of batches that a crash left without a handle; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(_ORPHANS, [clock.now() - ORPHANED, most])
        return int(cursor.rowcount)


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
            with connection.cursor() as cursor:
                cursor.execute(_NOTES, [campaign_id])
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
