"""Read videos, always of one tenant."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db.models import Q, QuerySet

from academy.core.errors import AppError
from academy.tenants.models import Tenant
from academy.video.models import JOB_STATES, Video, VideoState


def videos_list(
    *,
    tenant: Tenant | UUID,
    states: Collection[VideoState] = (),
    session: str | None = None,
    job_id: UUID | None = None,
) -> QuerySet[Video]:
    """A tenant's videos with their jobs: of these states, this session, this job, where named.

    Deleted ones are shown to those who ask for them.
    """
    videos = Video.objects.for_tenant(tenant).select_related("job")
    if session is not None:
        videos = videos.filter(session=session)
    if job_id is not None:
        videos = videos.filter(job_id=job_id)
    kept = Q(deleted_at__isnull=True)
    if not states:
        return videos.filter(kept)
    wanted = Q()
    for state in states:
        if state is VideoState.DELETED:
            wanted |= ~kept
        elif state is VideoState.READY:
            wanted |= kept & ~Q(output_prefix="")
        else:
            wanted |= kept & Q(output_prefix="", job__state__in=JOB_STATES[state])
    return videos.filter(wanted)


def video_get(*, tenant: Tenant | UUID, video_id: UUID, with_deleted: bool = False) -> Video:
    """One video with its job. Raises AppError(``not_found``), also for another tenant's."""
    states = list(VideoState) if with_deleted else ()
    video = videos_list(tenant=tenant, states=states).filter(pk=video_id).first()
    if video is None:
        raise AppError("not_found")
    return video


def video_of_job(*, tenant: Tenant | UUID, job_id: UUID) -> Video:
    """The video that a transcode job makes, deleted or not. Raises AppError(``not_found``)."""
    video = videos_list(tenant=tenant, states=list(VideoState), job_id=job_id).first()
    if video is None:
        raise AppError("not_found")
    return video
