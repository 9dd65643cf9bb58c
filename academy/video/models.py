"""The video, as a client knows it: what a transcode job makes playable."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Final

from django.db import models
from django.db.models import F

from academy.core import clock
from academy.core.ids import new_id
from academy.core.storage import Bucket
from academy.jobs.states import JobState
from academy.tenants.scoping import TenantScopedModel


class VideoState(StrEnum):
    """Whether a video can be played; follows from its job and is never stored."""

    WAITING = "waiting"
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"


JOB_STATES: Final[dict[VideoState, frozenset[JobState]]] = {
    VideoState.WAITING: frozenset({JobState.QUEUED, JobState.PUBLISHED}),
    VideoState.PROCESSING: frozenset({JobState.RUNNING, JobState.WAITING, JobState.RETRY_WAIT}),
    VideoState.READY: frozenset({JobState.SUCCEEDED}),
    VideoState.FAILED: frozenset({JobState.FAILED, JobState.DEAD}),
    VideoState.CANCELLED: frozenset({JobState.CANCELLED}),
}
"""The states of a video's job in each of its own."""

_STATE_OF_JOB = {job: video for video, jobs in JOB_STATES.items() for job in jobs}


class Video(TenantScopedModel):
    """A lecture. `output_prefix` is the pointer: what it names is complete and checked."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    title = models.CharField(max_length=200)
    upload = models.ForeignKey("uploads.Upload", on_delete=models.PROTECT, related_name="+")
    job = models.OneToOneField("jobs.Job", on_delete=models.PROTECT, related_name="video")
    bucket = models.CharField(max_length=16, default=Bucket.VIDEO.value)
    output_prefix = models.CharField(max_length=200, blank=True, default="")
    manifest = models.JSONField(null=True)
    duration = models.FloatField(null=True)
    """Seconds."""
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta(TenantScopedModel.Meta):
        db_table = "video"
        indexes: ClassVar[list[models.Index]] = [
            models.Index("tenant", F("created_at").desc(), F("id").desc(), name="video_listing")
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.id})"

    @property
    def state(self) -> VideoState:
        """Whether it can be played. Once it can, a replay of its job does not take it away."""
        if self.output_prefix:
            return VideoState.READY
        return _STATE_OF_JOB[JobState(self.job.state)]


class VideoPiece(TenantScopedModel):
    """A finished part of a lecture: some rungs of one chunk, or its sound.

    Found again by what it was made of (``digest``), so that a lecture that is encoded again uses
    what is done already. The objects lie under ``prefix``.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    digest = models.CharField(max_length=64)
    name = models.CharField(max_length=32)
    job = models.ForeignKey("jobs.Job", on_delete=models.PROTECT, related_name="+")
    prefix = models.CharField(max_length=200)
    facts = models.JSONField()
    """What was measured of each of its renditions (see pieces.py)."""
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta(TenantScopedModel.Meta):
        db_table = "video_piece"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(name="video_piece_once", fields=["tenant", "digest", "name"])
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.digest[:12]}"
