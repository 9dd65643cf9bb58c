"""What an academy allows itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from academy.core import clock
from academy.messaging import events
from academy.messaging.models import Policy
from academy.messaging.senders import check_sender
from academy.tenants.models import Tenant

CHANGEABLE = (
    "sender", "sender_name", "channel", "opt_out_number", "hold", "triggers", "most_per_send",
    "most_per_hour", "most_per_day", "most_per_recipient_day", "text_days",
)  # fmt: skip


def policy_of(tenant: Tenant) -> Policy:
    """The policy; where nothing was set yet, the defaults, not stored."""
    return Policy.objects.for_tenant(tenant).first() or Policy(tenant=tenant)


def policy_change(*, tenant: Tenant, changes: Mapping[str, Any]) -> Policy:
    """Change what is named. KeyError for what cannot be.

    Raises AppError as `events.checked` and `check_sender` do.
    """
    unknown = set(changes) - set(CHANGEABLE)
    if unknown:
        raise KeyError(", ".join(sorted(unknown)))
    if "triggers" in changes:
        changes = {**changes, "triggers": events.checked(tenant, changes["triggers"])}
    sender = changes.get("sender")
    if sender and sender != policy_of(tenant).sender:
        # Before the transaction: the provider takes its time.
        check_sender(sender)
    with transaction.atomic():
        Policy.objects.for_tenant(tenant).bulk_create(
            [Policy(tenant=tenant)], ignore_conflicts=True
        )
        policy = Policy.objects.for_tenant(tenant).select_for_update().get()
        for name, value in changes.items():
            setattr(policy, name, value)
        policy.updated_at = clock.now()
        policy.save()
    return policy
