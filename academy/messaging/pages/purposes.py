"""What links to the pages of messages are for."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from academy.desk.links import Purpose
from academy.tenants.models import Tenant
from academy.tenants.scopes import Scope

MESSAGES: Final = Purpose(
    "messages",
    # In the address, so that a browser can have the pages of two academies open.
    ids=("tenant_id",),
    scopes=frozenset({Scope.MESSAGES_READ, Scope.MESSAGES_WRITE}),
    lifetime=timedelta(minutes=10),
    longest=timedelta(hours=12),
    visit=timedelta(hours=8),
)
"""An academy's messages: write, send, follow. The link is short: whoever has it can send."""


def ids_of(tenant: Tenant) -> dict[str, UUID]:
    """What a link to an academy's messages is bound to."""
    return {"tenant_id": tenant.pk}
