"""Thousands of messages of a preview into the database, a block of them in each statement.

Django's own ``bulk_create`` names every value of every row in the statement, which is most of the
time that a preview of ten thousand takes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from django.db import connection

from academy.messaging import results
from academy.messaging.models import Campaign, Message
from academy.messaging.rendering import Draft

_COLUMNS: Final[dict[str, tuple[str, Callable[[Message], Any]]]] = {
    "id": ("uuid", lambda row: row.pk),
    "number": ("int", lambda row: row.number),
    "student_id": ("uuid", lambda row: row.student_id),
    "recipient": ("text", lambda row: row.recipient),
    "phone": ("bytea", lambda row: row.phone),
    "phone_index": ("bytea", lambda row: row.phone_index),
    "phone_tail": ("text", lambda row: row.phone_tail),
    "type": ("text", lambda row: row.type),
    "content": ("bytea", lambda row: row.content),
    "length": ("int", lambda row: row.length),
    "state": ("text", lambda row: row.state),
    "reason": ("text", lambda row: row.reason),
    "reason_params": ("text", lambda row: json.dumps(row.reason_params, ensure_ascii=False)),
    "occurrence": ("bytea", lambda row: row.occurrence),
    "price_held": ("bigint", lambda row: row.price_held),
    "created_at": ("timestamptz", lambda row: row.created_at),
    "updated_at": ("timestamptz", lambda row: row.updated_at),
}
"""What a draft says of itself; the rest is empty until it is sent."""
_NAMES: Final = ", ".join(_COLUMNS)
_INSERT: Final = f"""
INSERT INTO message (tenant_id, campaign_id, sent_as, provider_code, provider_id, {_NAMES})
SELECT %(tenant)s, %(campaign)s, '', '', '',
    {", ".join(f"r.{name}::jsonb" if name == "reason_params" else f"r.{name}" for name in _COLUMNS)}
FROM unnest({", ".join(f"%({name})s::{type_}[]" for name, (type_, _) in _COLUMNS.items())})
    AS r({_NAMES})
"""  # noqa: S608 - names of ours, no values


def store(campaign: Campaign, drafts: Sequence[Draft], *, block: int) -> None:
    """Insert the messages and the first line of their traces: two statements for each block."""
    rows = [one.row for one in drafts]
    with connection.cursor() as cursor:
        for start in range(0, len(rows), block):
            part = rows[start : start + block]
            columns = {name: [of(row) for row in part] for name, (_, of) in _COLUMNS.items()}
            ids = {"tenant": campaign.tenant_id, "campaign": campaign.pk}
            cursor.execute(_INSERT, {**ids, **columns})
            lines = [(row.pk, row.state, row.reason, "") for row in part]
            results.trace(cursor, campaign.tenant_id, lines, "preview")
