"""Viewings: who plays what on which device, how many at once, and how they end.

A viewer's newest viewing wins: the telephone that died on the bus must not keep its owner out, so
the viewing that was started first gives way, and its player says so. A new *device*, in contrast,
is refused once there are as many as the plan allows: that is what a shared account looks like. A
device counts for 30 days after it was last used; the academy can have them forgotten.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet

from academy.core import clock
from academy.core.errors import AppError
from academy.core.locks import Space, lock
from academy.core.sweeps import in_rounds
from academy.tenants.models import Tenant
from academy.tenants.quotas import playback_limits_of
from academy.video import watching
from academy.video.models import Video, Viewing, Watched
from academy.video.playback import viewing_grace
from academy.video.selectors import video_get
from academy.video.watching import Report

DEVICE_MEMORY: Final = timedelta(days=30)
"""VIDEO_VIEWING_DAYS is longer than this."""


class Ended(StrEnum):
    """Why a viewing is over."""

    LEFT = "left"
    """The page was closed."""
    MISSED = "missed"
    """Nothing was heard of it."""
    REOPENED = "reopened"
    """The same device opened the same video again."""
    REPLACED = "replaced"
    """The viewer began another one elsewhere."""
    REVOKED = "revoked"
    """The academy changed who may watch."""
    FORGOTTEN = "forgotten"
    """The academy forgot the viewer's devices."""


def viewing_start(*, video: Video, viewer: str, device: str) -> Viewing:
    """Begin a viewing; where the viewer has too many, the oldest ones end.

    Raises AppError(``playback_devices_exceeded``).
    """
    limits = playback_limits_of(video.tenant_id)
    with transaction.atomic():
        _alone(video.tenant_id, viewer)
        now = clock.now()
        running = _open(video.tenant_id, viewer)
        running.filter(seen_at__lt=now - viewing_grace()).update(
            ended_at=F("seen_at"), ended_because=Ended.MISSED
        )
        known = _devices(video.tenant_id, viewer)
        if device not in known and len(known) >= limits.devices:
            raise AppError("playback_devices_exceeded", limit=limits.devices)
        _end(running.filter(device=device, video=video), Ended.REOPENED)
        oldest_first = running.order_by("started_at", "id").values_list("pk", flat=True)
        over = max(0, len(oldest_first) - limits.viewings + 1)
        _end(running.filter(pk__in=list(oldest_first)[:over]), Ended.REPLACED)
        return Viewing.objects.for_tenant(video.tenant_id).create(
            video=video, viewer=viewer, device=device, policy_version=video.policy_version,
            started_at=now, seen_at=now, credit=watching.start_credit(),
        )  # fmt: skip


def viewing_beat(
    *, video: Video, viewer: str, viewing_id: UUID, report: Report, leaving: bool = False
) -> Watched:
    """A word from a player: it is there, and this has been watched.

    A viewing that was silent for too long goes on where the viewer has room for it.
    Raises AppError: ``not_found``, ``playback_viewing_ended``.
    """
    with transaction.atomic():
        _alone(video.tenant_id, viewer)
        rows = Viewing.objects.for_tenant(video.tenant_id).select_for_update()
        viewing = rows.filter(pk=viewing_id, video=video, viewer=viewer).first()
        if viewing is None:
            raise AppError("not_found")
        ended = viewing.ended_because if viewing.ended_at else _overtaken(viewing)
        if not ended:
            watched = watching.record(viewing, video, report)
            viewing.seen_at = clock.now()
            if leaving:
                viewing.ended_at, viewing.ended_because = viewing.seen_at, Ended.LEFT
            viewing.save(update_fields=["seen_at", "credit", "ended_at", "ended_because"])
            return watched
    raise AppError("playback_viewing_ended", because=ended)


def _overtaken(viewing: Viewing) -> str:
    """Why a viewing that fell silent cannot go on: others have taken its place since."""
    silent = clock.now() - viewing.seen_at > viewing_grace()
    if not silent:
        return ""
    others = _open(viewing.tenant_id, viewing.viewer).exclude(pk=viewing.pk)
    alive = others.filter(seen_at__gte=clock.now() - viewing_grace()).count()
    return Ended.MISSED if alive >= playback_limits_of(viewing.tenant_id).viewings else ""


def video_revoke(*, tenant: Tenant | UUID, video_id: UUID) -> tuple[Video, int]:
    """End every link and viewing of a video; returns it and how many viewings were running.

    From the next refresh on playlists refuse; segment links that are out die by their expiry.
    Raises AppError(``not_found``).
    """
    with transaction.atomic():
        video = video_get(tenant=tenant, video_id=video_id)
        Video.objects.for_tenant(video.tenant_id).filter(pk=video.pk).update(
            policy_version=F("policy_version") + 1
        )
        video.refresh_from_db(fields=["policy_version"])
        running = Viewing.objects.for_tenant(video.tenant_id).filter(
            video=video, ended_at__isnull=True
        )
        return video, _end(running, Ended.REVOKED)


def devices_forget(*, tenant: Tenant | UUID, viewer: str) -> int:
    """Have a viewer begin with no device, as after a new telephone; returns how many there were.

    Viewings on them end.
    """
    tenant_id = tenant if isinstance(tenant, UUID) else tenant.pk
    with transaction.atomic():
        _alone(tenant_id, viewer)
        known = _devices(tenant_id, viewer)
        _end(_open(tenant_id, viewer), Ended.FORGOTTEN)
        Viewing.objects.for_tenant(tenant_id).filter(viewer=viewer).update(device="")
        return len(known)


def watched_list(*, video: Video) -> QuerySet[Watched]:
    """Who has watched how much of a video."""
    return Watched.objects.for_tenant(video.tenant_id).filter(video=video)


def _open(tenant_id: UUID, viewer: str) -> QuerySet[Viewing]:
    return Viewing.objects.for_tenant(tenant_id).filter(viewer=viewer, ended_at__isnull=True)


def _end(rows: QuerySet[Viewing], because: Ended) -> int:
    return rows.update(ended_at=clock.now(), ended_because=because)


def _devices(tenant_id: UUID, viewer: str) -> set[str]:
    rows = Viewing.objects.for_tenant(tenant_id).filter(
        viewer=viewer, seen_at__gte=clock.now() - DEVICE_MEMORY
    )
    return set(rows.exclude(device="").values_list("device", flat=True).distinct())


def _alone(tenant_id: UUID, viewer: str) -> None:
    """One change of a viewer's viewings at a time, so that two starts cannot both find room."""
    lock(Space.VIEWER, f"{tenant_id}:{viewer}")


def retention_sweep() -> int:
    """Delete viewings last heard of more than ``VIDEO_VIEWING_DAYS`` ago; returns how many.

    What was watched stays: it has rows of its own.
    """
    before = clock.now() - timedelta(days=settings.VIDEO_VIEWING_DAYS)
    old = Viewing.unscoped.filter(seen_at__lt=before).order_by("seen_at")

    def delete(rows: int) -> int:
        deleted, _ = Viewing.unscoped.filter(pk__in=old.values("pk")[:rows]).delete()
        return deleted

    return in_rounds(delete)
