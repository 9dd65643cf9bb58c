"""Reads for the console: academies, what they use, and what they may."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from academy.core import clock
from academy.core.errors import AppError
from academy.jobs.models import Job
from academy.jobs.states import IN_FLIGHT
from academy.tenants import quotas
from academy.tenants.models import QueueLimit, Tenant, VideoLimit
from academy.tenants.plans import PlaybackLimits, QueueLimits
from academy.video.usage import Usage, usage_of

PAGE: Final = 25


@dataclass(frozen=True)
class Use:
    """What one academy uses of one queue, beside what it may."""

    queue: str
    limits: QueueLimits
    in_flight: int
    backlog: int
    today: int

    @property
    def share(self) -> float:
        """How near it is to being refused: the larger share of backlog and day, from 0 to 1."""
        return max(_share(self.backlog, self.limits.backlog), _share(self.today, self.day_limit))

    @property
    def day_limit(self) -> int:
        """Submissions allowed in 24 hours."""
        return self.limits.per_day


@dataclass(frozen=True)
class TenantRow:
    """An academy and its use of every queue."""

    tenant: Tenant
    uses: list[Use]
    overrides: list[QueueLimit]
    """Those in force."""

    @property
    def busiest(self) -> Use | None:
        """The queue on which it is nearest to being refused; None when it uses none."""
        used = [use for use in self.uses if use.backlog or use.today]
        return max(used, key=lambda use: use.share, default=None)

    @property
    def in_flight(self) -> int:
        """Jobs published or running, over all queues."""
        return sum(use.in_flight for use in self.uses)

    @property
    def backlog(self) -> int:
        """Jobs that have not ended, over all queues."""
        return sum(use.backlog for use in self.uses)

    @property
    def today(self) -> int:
        """Jobs submitted in the last 24 hours, over all queues."""
        return sum(use.today for use in self.uses)


@dataclass(frozen=True)
class TenantPage:
    """Academies by slug, and where the next page begins."""

    rows: list[TenantRow]
    after: str | None


def tenants_page(*, text: str = "", after: str = "", limit: int = PAGE) -> TenantPage:
    """One page of academies whose slug or name holds a text."""
    tenants = Tenant.objects.order_by("slug")
    if text:
        tenants = tenants.filter(Q(slug__icontains=text) | Q(name__icontains=text))
    if after:
        tenants = tenants.filter(slug__gt=after)
    found = list(tenants[: limit + 1])
    shown = found[:limit]
    return TenantPage(rows_of(shown), shown[-1].slug if len(found) > limit else None)


def tenant_find(tenant_id: UUID) -> Tenant:
    """One academy. Raises AppError ``not_found``."""
    tenant = Tenant.objects.filter(pk=tenant_id).first()
    if tenant is None:
        raise AppError("not_found")
    return tenant


def rows_of(tenants: Sequence[Tenant]) -> list[TenantRow]:
    """The academies with their use, in five queries however many they are."""
    ids = [tenant.pk for tenant in tenants]
    limits = quotas.limits_of_all(tenants)
    overrides = overrides_in_force(ids)
    jobs = Job.unscoped.filter(tenant_id__in=ids)
    in_flight = _counts(jobs.filter(state__in=[state.value for state in IN_FLIGHT]))
    backlog = _counts(jobs.filter(finished_at__isnull=True))
    since = clock.now() - timedelta(days=1)
    today = _counts(jobs.filter(parent__isnull=True, created_at__gte=since))
    return [
        TenantRow(
            tenant=tenant,
            uses=[
                Use(
                    queue=queue,
                    limits=own,
                    in_flight=in_flight.get((tenant.pk, queue), 0),
                    backlog=backlog.get((tenant.pk, queue), 0),
                    today=today.get((tenant.pk, queue), 0),
                )
                for queue, own in limits[tenant.pk].items()
            ],
            overrides=[row for row in overrides if row.tenant_id == tenant.pk],
        )
        for tenant in tenants
    ]


def overrides_in_force(tenant_ids: Sequence[UUID]) -> list[QueueLimit]:
    """The exceptions that apply now, by queue."""
    rows = QueueLimit.unscoped.filter(quotas.in_force(), tenant_id__in=tenant_ids)
    return list(rows.order_by("queue"))


def overrides_of(tenant: Tenant) -> dict[str, QueueLimit]:
    """Every exception of an academy by queue, also those that have ended."""
    return {row.queue: row for row in QueueLimit.objects.for_tenant(tenant).order_by("queue")}


@dataclass(frozen=True)
class VideoUse:
    """What an academy uses of lectures and its viewers may, and its exception if it has one."""

    usage: Usage
    playback: PlaybackLimits
    override: VideoLimit | None
    is_in_force: bool

    @property
    def minutes(self) -> float:
        """Minutes encoded this month."""
        return self.usage.seconds / 60


def video_use(tenant: Tenant) -> VideoUse:
    """The lectures of one academy."""
    rows = VideoLimit.objects.for_tenant(tenant)
    return VideoUse(
        usage=usage_of(tenant),
        playback=quotas.playback_limits_of(tenant),
        override=rows.first(),
        is_in_force=rows.filter(quotas.in_force()).exists(),
    )


def _counts(jobs: QuerySet[Job]) -> dict[tuple[UUID, str], int]:
    counted = jobs.order_by().values_list("tenant_id", "queue").annotate(number=Count("*"))
    return {(tenant_id, queue): number for tenant_id, queue, number in counted}


def _share(used: int, limit: int) -> float:
    return used / limit if limit else float(used > 0)
