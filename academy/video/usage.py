"""What an academy may store and encode: its use, its limits, and what happens beyond them.

Beyond the storage nothing new is taken. Beyond the minutes of the month lectures are taken and
wait: their jobs are not due before the month turns, and due at once when the plan allows more.
What is encoding when the minutes run out goes on, so that the last lectures may pass the limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Sum

from academy.core import clock
from academy.core.errors import AppError
from academy.jobs.models import Job
from academy.tenants.models import Tenant
from academy.tenants.plans import VideoLimits
from academy.tenants.quotas import video_limits_of
from academy.uploads.models import Upload, UploadState
from academy.uploads.purposes import Purpose
from academy.video.models import Encoding, Video

MONTH_ZONE: Final = timezone(timedelta(hours=9), "KST")
"""A month is the academies' month; Korea has no daylight saving."""
_RELEASE_TENANTS: Final = 200


@dataclass(frozen=True)
class Usage:
    """How much of its plan an academy has used: seconds of this month, bytes now."""

    seconds: float
    month_ends_at: datetime
    stored_bytes: int
    limits: VideoLimits

    @property
    def minutes_left(self) -> float:
        """Minutes that may still be encoded this month."""
        return max(0.0, self.limits.minutes_per_month - self.seconds / 60)


def month_of(moment: datetime) -> tuple[datetime, datetime]:
    """The beginning and the end of the month of a moment."""
    local = moment.astimezone(MONTH_ZONE)
    first = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return first, (first + timedelta(days=32)).replace(day=1)


def usage_of(tenant: Tenant) -> Usage:
    """What a tenant has used."""
    begins, ends = month_of(clock.now())
    return Usage(
        seconds=_seconds_since(tenant.pk, begins),
        month_ends_at=ends,
        stored_bytes=stored_bytes(tenant.pk),
        limits=video_limits_of(tenant),
    )


def stored_bytes(tenant_id: UUID) -> int:
    """Bytes of a tenant's recordings, open uploads included, and of what was made of them.

    A deleted video counts no more, from the moment it is deleted: who is told that the storage is
    full and deletes something can go on.
    """
    videos = Video.objects.for_tenant(tenant_id)
    live = videos.filter(deleted_at__isnull=True)
    made = live.aggregate(total=Sum(F("size") + F("download_size")))["total"] or 0
    users = videos.filter(upload_id=OuterRef("pk"))
    uploads = Upload.objects.for_tenant(tenant_id).filter(
        purpose=Purpose.VIDEO, state__in=[UploadState.PENDING, UploadState.COMPLETE]
    )
    of_deleted = Exists(users.filter(deleted_at__isnull=False)) & ~Exists(
        users.filter(deleted_at__isnull=True)
    )
    sources = uploads.exclude(of_deleted).aggregate(total=Sum("size"))["total"] or 0
    return int(made + sources)


def storage_check(tenant: Tenant | UUID, more: int = 0) -> None:
    """Raise AppError ``video_storage_full`` where so many bytes more do not fit."""
    limit = video_limits_of(tenant).storage_bytes
    used = stored_bytes(tenant if isinstance(tenant, UUID) else tenant.pk)
    if used + more > limit:
        raise AppError("video_storage_full", used_bytes=used, limit_bytes=limit, needed_bytes=more)


def is_over_minutes(tenant_id: UUID) -> bool:
    """Whether the minutes of this month are used up."""
    begins, _ = month_of(clock.now())
    limit = video_limits_of(tenant_id).minutes_per_month
    return _seconds_since(tenant_id, begins) >= limit * 60


def _seconds_since(tenant_id: UUID, moment: datetime) -> float:
    rows = Encoding.objects.for_tenant(tenant_id).filter(at__gte=moment)
    return float(rows.aggregate(total=Sum("seconds"))["total"] or 0.0)


def encoding_record(job: Job, seconds: float) -> None:
    """Enter a lecture that was encoded into the ledger; in the transaction that ends its job."""
    assert job.started_at is not None
    assert job.finished_at is not None
    Encoding.objects.for_tenant(job.tenant_id).create(
        job=job,
        seconds=seconds,
        work_seconds=(job.finished_at - job.started_at).total_seconds(),
        at=job.finished_at,
    )


# Jobs that no worker has had yet. When each was due is kept, for the day on which it may go on.
_HOLD = """
WITH waiting AS (
    SELECT id, not_before FROM job
    WHERE tenant_id = %(tenant)s AND queue = 'video' AND state = 'queued'
      AND kind = 'video.transcode' AND attempt = 0 AND not_before < %(until)s
    ORDER BY id FOR NO KEY UPDATE
), held AS (
    UPDATE job SET not_before = %(until)s FROM waiting
    WHERE job.id = waiting.id AND job.state = 'queued'
    RETURNING job.id, waiting.not_before AS due
)
UPDATE video SET held_at = held.due FROM held WHERE video.job_id = held.id
"""

_RELEASE = """
WITH free AS (
    SELECT job_id, held_at FROM video WHERE tenant_id = %(tenant)s AND held_at IS NOT NULL
), due AS (
    SELECT job.id FROM job JOIN free ON free.job_id = job.id
    WHERE job.state = 'queued' ORDER BY job.id FOR NO KEY UPDATE OF job
), freed AS (
    UPDATE job SET not_before = GREATEST(free.held_at, clock_timestamp()) FROM free
    WHERE job.id = free.job_id AND job.id IN (SELECT id FROM due) AND job.state = 'queued'
    RETURNING job.id
)
-- The count makes the jobs' rows the first to be locked, as everywhere.
UPDATE video SET held_at = NULL
WHERE tenant_id = %(tenant)s AND held_at IS NOT NULL AND (SELECT count(*) FROM freed) >= 0
"""


def hold_if_over(tenant_id: UUID) -> int:
    """Have a tenant's lectures wait for the next month, where the minutes of this one are used up.

    Returns how many were held that were not before.
    """
    if not is_over_minutes(tenant_id):
        return 0
    _, until = month_of(clock.now())
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, {"tenant": tenant_id, "until": until})
        return int(cursor.rowcount)


def release_sweep() -> int:
    """Free the lectures of tenants that have minutes again; returns how many."""
    held = Video.unscoped.filter(held_at__isnull=False).order_by()
    tenants = held.values_list("tenant_id", flat=True).distinct()[:_RELEASE_TENANTS]
    freed = 0
    for tenant_id in list(tenants):
        with transaction.atomic(), connection.cursor() as cursor:
            if is_over_minutes(tenant_id):
                continue
            cursor.execute(_RELEASE, {"tenant": tenant_id})
            freed += int(cursor.rowcount)
    return freed
