"""The events about which an academy may have its families told, and what its policy says of them.

Off means off: what the policy does not name, or names as not enabled, tells nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any
from uuid import UUID

from academy.core.errors import AppError
from academy.messaging.fields import Purpose
from academy.messaging.models import Policy, Template
from academy.tenants.models import Tenant


class Event(StrEnum):
    """What happens in an academy."""

    ATTENDANCE = "attendance"
    """A student came, left, or did not come."""
    GRADES = "grades"
    """A test was graded."""
    CLINIC = "clinic"
    """A student was given an extra lesson, or missed it."""
    ACCOUNT = "account"
    """An account was made for somebody, or changed."""


def checked(tenant: Tenant, triggers: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A policy's triggers as they are stored.

    Raises AppError: message_trigger_unknown, message_trigger_template (an enabled one without a
    template, and a template that does not exist, was archived, or is advertising).
    """
    stored = {}
    for name, said in triggers.items():
        if name not in set(Event):
            raise AppError("message_trigger_unknown", event=name[:20], known=", ".join(Event))
        template = said.get("template")
        if (template is None and said["enabled"]) or (
            template is not None and not _usable(tenant, UUID(str(template)))
        ):
            raise AppError("message_trigger_template", event=name)
        stored[name] = {
            "enabled": bool(said["enabled"]),
            "template": None if template is None else str(template),
        }
    return stored


def template_of(tenant: Tenant, policy: Policy, event: Event) -> UUID:
    """The template of an event that is on.

    Raises AppError: message_trigger_off; message_trigger_template, where it was archived since.
    """
    said = policy.triggers.get(event.value) or {}
    if not said.get("enabled"):
        raise AppError("message_trigger_off")
    template = UUID(said["template"])
    if not _usable(tenant, template):
        raise AppError("message_trigger_template", event=event.value)
    return template


def _usable(tenant: Tenant, template_id: UUID) -> bool:
    rows = Template.objects.for_tenant(tenant).filter(
        pk=template_id, archived_at__isnull=True, purpose=Purpose.INFO.value
    )
    return rows.exists()
