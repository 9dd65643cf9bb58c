"""An academy's prepaid credits: held before anything is sent, settled by what became of it.

The account is two numbers that the database keeps from going below zero; the book has a line for
each of their changes, written in the same transaction, so that it always adds up to them.
"""

from __future__ import annotations

from uuid import UUID

from django.db import connection, transaction

from academy.core.errors import AppError
from academy.core.ids import new_id
from academy.messaging.fields import EntryKind
from academy.messaging.models import CreditAccount
from academy.messaging.prices import won

_OPEN = """
INSERT INTO message_credit_account (id, tenant_id, free, held, updated_at)
VALUES (%s, %s, 0, 0, clock_timestamp()) ON CONFLICT (tenant_id) DO NOTHING
"""
# The line first: where it is in the book already, the same thing is being asked twice.
_MOVE = """
WITH line AS (
    INSERT INTO message_credit_entry
        (id, tenant_id, kind, free, held, key, campaign_id, by, reason, created_at)
    VALUES (%(id)s, %(tenant)s, %(kind)s, %(free)s, %(held)s, %(key)s, %(campaign)s, %(by)s,
        %(reason)s, clock_timestamp())
    ON CONFLICT (tenant_id, kind, key) DO NOTHING RETURNING id
), moved AS (
    UPDATE message_credit_account SET free = free + %(free)s, held = held + %(held)s,
        updated_at = clock_timestamp()
    WHERE tenant_id = %(tenant)s AND free + %(free)s >= 0 AND held + %(held)s >= 0
        AND EXISTS (SELECT FROM line)
    RETURNING id
)
SELECT (SELECT count(*) FROM line), (SELECT count(*) FROM moved)
"""


def balance(tenant_id: UUID) -> tuple[int, int]:
    """Jeon that are free, and that are held."""
    row = CreditAccount.objects.for_tenant(tenant_id).first()
    return (0, 0) if row is None else (row.free, row.held)


def top_up(*, tenant_id: UUID, amount: int, key: str, by: str, reason: str = "") -> bool:
    """Add credits. False where this key was booked before. ValueError unless positive."""
    if amount <= 0:
        raise ValueError("a top-up adds credits")
    return _book(EntryKind.TOP_UP, tenant_id, free=amount, key=key, by=by, reason=reason)


def adjust(*, tenant_id: UUID, amount: int, key: str, by: str, reason: str) -> bool:
    """Correct the free credits up or down. Raises AppError message_credit_short."""
    return _book(EntryKind.ADJUST, tenant_id, free=amount, key=key, by=by, reason=reason)


def hold(*, tenant_id: UUID, amount: int, key: str, by: str, campaign_id: UUID) -> bool:
    """Set credits aside; False where this key was booked before.

    Raises AppError message_credit_short.
    """
    return _book(
        EntryKind.HOLD,
        tenant_id,
        free=-amount,
        held=amount,
        key=key,
        by=by,
        campaign_id=campaign_id,
    )


def settle(
    *, tenant_id: UUID, paid: int, released: int, key: str, by: str, campaign_id: UUID
) -> None:
    """Of what was held, pay one part and give the other back."""
    if paid:
        _book(EntryKind.SETTLE, tenant_id, held=-paid, key=key, by=by, campaign_id=campaign_id)
    if released:
        _book(
            EntryKind.RELEASE, tenant_id, free=released, held=-released, key=key, by=by,
            campaign_id=campaign_id,
        )  # fmt: skip


def _book(
    kind: EntryKind,
    tenant_id: UUID,
    *,
    key: str,
    by: str,
    free: int = 0,
    held: int = 0,
    reason: str = "",
    campaign_id: UUID | None = None,
) -> bool:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_OPEN, [new_id(), tenant_id])
        cursor.execute(
            _MOVE,
            {
                "id": new_id(),
                "tenant": tenant_id,
                "kind": kind.value,
                "free": free,
                "held": held,
                "key": key,
                "campaign": campaign_id,
                "by": by,
                "reason": reason,
            },
        )
        lines, moved = cursor.fetchone()
        if lines and not moved:
            raise AppError(
                "message_credit_short", needed=won(-free), free=won(balance(tenant_id)[0])
            )
    return bool(lines)


def imbalance(tenant_id: UUID) -> tuple[int, int]:
    """By how much account and book differ, free and held: (0, 0), or something is broken."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(free), 0), coalesce(sum(held), 0) FROM message_credit_entry "
            "WHERE tenant_id = %s",
            [tenant_id],
        )
        free, held = cursor.fetchone()
    account = balance(tenant_id)
    return account[0] - int(free), account[1] - int(held)
