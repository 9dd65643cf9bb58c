"""The limits in force: the plan's, with the exceptions granted to one tenant until they end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import TypeVar
from uuid import UUID

from django.db.models import Q, QuerySet

from academy.core import clock
from academy.core.errors import AppError
from academy.tenants.models import LimitException, QueueLimit, Tenant, VideoLimit
from academy.tenants.plans import (
    PLANS,
    Plan,
    PlaybackLimits,
    QueueLimits,
    UploadLimits,
    VideoLimits,
)

L = TypeVar("L", QueueLimits, VideoLimits, PlaybackLimits)


def limits_for(tenant_id: UUID, queue: str) -> QueueLimits:
    """The limits of one tenant on one queue.

    Raises KeyError for a queue no plan has, AppError(``not_found``) for a tenant that is not.
    """
    found = limits_for_tenants([tenant_id], queue).get(tenant_id)
    if found is None:
        raise AppError("not_found")
    return found


def limits_for_tenants(tenant_ids: Iterable[UUID], queue: str) -> dict[UUID, QueueLimits]:
    """The limits of many tenants on one queue, in two queries (for the relay's admission)."""
    ids = list(tenant_ids)
    limits = {
        tenant_id: PLANS[plan].limits[queue]
        for tenant_id, plan in Tenant.objects.filter(pk__in=ids).values_list("pk", "plan")
    }
    for override in _overrides(ids).filter(queue=queue):
        if override.tenant_id in limits:
            limits[override.tenant_id] = _applied(limits[override.tenant_id], override)
    return limits


def limits_of(tenant: Tenant) -> dict[str, QueueLimits]:
    """The limits of one tenant on every queue."""
    return limits_of_all([tenant])[tenant.pk]


def limits_of_all(tenants: Iterable[Tenant]) -> dict[UUID, dict[str, QueueLimits]]:
    """The limits of many tenants on every queue, in one query."""
    limits = {tenant.pk: dict(PLANS[tenant.plan].limits) for tenant in tenants}
    for override in _overrides(list(limits)):
        own = limits[override.tenant_id]
        if override.queue in own:
            own[override.queue] = _applied(own[override.queue], override)
    return limits


def upload_limits_of(tenant: Tenant) -> UploadLimits:
    """The upload limits of a tenant's plan."""
    return PLANS[tenant.plan].uploads


def video_limits_of(tenant: Tenant | UUID) -> VideoLimits:
    """The limits of one tenant on lectures. Raises AppError(``not_found``)."""
    plan, override = _video(tenant)
    return plan.video if override is None else _applied(plan.video, override)


def playback_limits_of(tenant: Tenant | UUID) -> PlaybackLimits:
    """The limits of each viewer of a tenant. Raises AppError(``not_found``)."""
    plan, override = _video(tenant)
    return plan.playback if override is None else _applied(plan.playback, override)


def tiers_of(tenant: Tenant | UUID) -> tuple[str, ...]:
    """The tiers of AI engines in a tenant's plan. Raises AppError(``not_found``)."""
    return PLANS[_found(tenant).plan].tiers


def in_force() -> Q:
    """Which exceptions apply now."""
    return Q(until__isnull=True) | Q(until__gt=clock.now())


def _found(tenant: Tenant | UUID) -> Tenant:
    if isinstance(tenant, Tenant):
        return tenant
    found = Tenant.objects.filter(pk=tenant).first()
    if found is None:
        raise AppError("not_found")
    return found


def _video(tenant: Tenant | UUID) -> tuple[Plan, VideoLimit | None]:
    tenant = _found(tenant)
    return PLANS[tenant.plan], VideoLimit.objects.for_tenant(tenant).filter(in_force()).first()


def _overrides(tenant_ids: list[UUID]) -> QuerySet[QueueLimit]:
    return QueueLimit.unscoped.filter(in_force(), tenant_id__in=tenant_ids)


def _applied(limits: L, override: LimitException) -> L:
    """The limits with what of them the exception changes."""
    changes = {
        field.name: value
        for field in fields(limits)
        if (value := getattr(override, field.name)) is not None
    }
    return replace(limits, **changes)
