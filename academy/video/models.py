"""The video, as a client knows it: what a transcode job makes playable."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Final

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from academy.core import clock
from academy.core.ids import new_id
from academy.core.storage import Bucket
from academy.jobs.models import Job
from academy.jobs.states import JobState
from academy.tenants.scoping import TenantScopedModel


class VideoState(StrEnum):
    """Whether a video can be played; follows from its job and is never stored."""

    WAITING = "waiting"
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DELETED = "deleted"


class Profile(models.TextChoices):
    """How a lecture is encoded."""

    STANDARD = "standard"
    SAVER = "saver"
    """Adds an AV1 top rung: half the bits for players that know it."""
    ENCRYPTED = "encrypted"
    """AES-128, with keys that only a running session gets."""


JOB_STATES: Final[dict[VideoState, frozenset[JobState]]] = {
    VideoState.WAITING: frozenset({JobState.QUEUED, JobState.PUBLISHED}),
    VideoState.PROCESSING: frozenset({JobState.RUNNING, JobState.WAITING, JobState.RETRY_WAIT}),
    VideoState.READY: frozenset({JobState.SUCCEEDED}),
    VideoState.FAILED: frozenset({JobState.FAILED, JobState.DEAD}),
    VideoState.CANCELLED: frozenset({JobState.CANCELLED}),
    VideoState.DELETED: frozenset(),
}
"""The states of a video's job in each of its own."""

_STATE_OF_JOB = {job: video for video, jobs in JOB_STATES.items() for job in jobs}


def state_of_job(job: Job) -> VideoState:
    """What the state of a transcode job means for what it makes."""
    return _STATE_OF_JOB[JobState(job.state)]


class Video(TenantScopedModel):
    """A lecture. `output_prefix` is the pointer: what it names is complete and checked."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    title = models.CharField(max_length=200)
    session = models.CharField(max_length=80, blank=True, db_default="")
    """The course or class meeting it belongs to, in the academy's own words."""
    position = models.PositiveIntegerField(null=True)
    """Its place among the videos of its session; null: by age."""
    profile = models.CharField(
        max_length=16, choices=Profile.choices, db_default=Profile.STANDARD.value
    )
    upload = models.ForeignKey("uploads.Upload", on_delete=models.PROTECT, related_name="+")
    job = models.OneToOneField("jobs.Job", on_delete=models.PROTECT, related_name="video")
    bucket = models.CharField(max_length=16, default=Bucket.VIDEO.value)
    output_prefix = models.CharField(max_length=200, blank=True, default="")
    manifest = models.JSONField(null=True)
    duration = models.FloatField(null=True)
    """Seconds."""
    size = models.BigIntegerField(db_default=0)
    """Bytes of the output, for the academy's storage; 0 until ready."""
    download_size = models.BigIntegerField(db_default=0)
    """Bytes of its MP4 file; 0 where none was made of what it plays."""
    digest = models.CharField(max_length=64, blank=True, db_default="")
    """Of the lecture plan whose pieces the output plays; empty where it was made in one go."""
    policy_version = models.PositiveIntegerField(db_default=1)
    """Counts the changes of who may watch: a link or session of another version has ended."""
    created_at = models.DateTimeField(default=clock.now, editable=False)
    held_at = models.DateTimeField(null=True)
    """When its job was due, had there been minutes of the plan left; null: nothing holds it."""
    deleted_at = models.DateTimeField(null=True)
    deleted_by = models.CharField(max_length=80, blank=True, db_default="")
    purge_at = models.DateTimeField(null=True)
    """From when on a deleted video is deleted for good."""
    purge_job = models.ForeignKey("jobs.Job", null=True, on_delete=models.PROTECT, related_name="+")
    """The last job that was to delete it for good: from then on it cannot come back."""
    purged_at = models.DateTimeField(null=True)
    """When its objects were gone, and seen to be gone."""

    class Meta(TenantScopedModel.Meta):
        db_table = "video"
        indexes: ClassVar[list[models.Index]] = [
            models.Index("tenant", F("created_at").desc(), F("id").desc(), name="video_listing"),
            models.Index("tenant", "session", "position", "id", name="video_in_session"),
            models.Index(
                "deleted_at",
                name="video_to_purge",
                condition=Q(deleted_at__isnull=False, purged_at__isnull=True),
            ),
            models.Index("tenant", "digest", name="video_of_pieces", condition=~Q(digest="")),
            models.Index("tenant", name="video_held", condition=Q(held_at__isnull=False)),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="video_profile_known", condition=Q(profile__in=Profile.values)
            )
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.id})"

    @property
    def state(self) -> VideoState:
        """Whether it can be played. Once it can, a replay of its job does not take it away."""
        if self.deleted_at is not None:
            return VideoState.DELETED
        if self.output_prefix:
            return VideoState.READY
        return state_of_job(self.job)


class VideoPiece(TenantScopedModel):
    """A finished part of a lecture: some rungs of one chunk, or its sound.

    Found again by what it was made of (``digest``), so that a lecture that is encoded again uses
    what is done already. The objects lie under ``prefix``. A piece that nobody may use any more
    has no digest: it goes when its objects have gone.
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
        indexes: ClassVar[list[models.Index]] = [
            models.Index("created_at", name="video_piece_age"),
            models.Index("id", name="video_piece_gone", condition=Q(digest="")),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.digest[:12]}"


class Caption(TenantScopedModel):
    """Captions of a video in one language, stored as WebVTT."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    video = models.ForeignKey(Video, on_delete=models.PROTECT, related_name="captions")
    language = models.CharField(max_length=16)
    """BCP 47, e.g. ``ko`` or ``en``."""
    label = models.CharField(max_length=40)
    key = models.CharField(max_length=200)
    size = models.PositiveIntegerField()
    updated_at = models.DateTimeField(default=clock.now)

    class Meta(TenantScopedModel.Meta):
        db_table = "video_caption"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(name="video_caption_once", fields=["video", "language"])
        ]

    def __str__(self) -> str:
        return f"{self.language} of {self.video_id}"


class Outline(TenantScopedModel):
    """The chapters of a video, and its silences, that a player may jump over.

    Silences belong to the recording they were heard in, and so do the chapters that nobody wrote:
    when the video plays another recording, they are not shown.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    video = models.OneToOneField(Video, on_delete=models.PROTECT, related_name="outline")
    chapters = models.JSONField(default=list)
    """``{"start": seconds, "title": text}``, in order."""
    by_hand = models.BooleanField(default=False, db_default=False)
    """Whether a person wrote the chapters."""
    silences = models.JSONField(default=list)
    """Disjoint [from, to] in seconds, in order."""
    recording = models.UUIDField(null=True)
    """The upload in which these were heard."""
    heard_by = models.UUIDField(null=True)
    """The job that heard them."""
    updated_at = models.DateTimeField()

    class Meta(TenantScopedModel.Meta):
        db_table = "video_outline"

    def __str__(self) -> str:
        return f"{len(self.chapters)} chapters of {self.video_id}"


class ContentKey(TenantScopedModel):
    """An AES-128 key of an encrypted video, itself encrypted; keys rotate within a video."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    digest = models.CharField(max_length=64)
    """Of the lecture plan whose segments it encrypts."""
    number = models.PositiveIntegerField()
    sealed = models.BinaryField(max_length=200)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta(TenantScopedModel.Meta):
        db_table = "video_content_key"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                name="video_content_key_once", fields=["tenant", "digest", "number"]
            )
        ]

    def __str__(self) -> str:
        return f"key {self.number} of {self.digest[:12]}"


class Viewing(TenantScopedModel):
    """One viewer's session on one device: what counts against the limits, and what can be ended.

    A viewer is whoever the academy says it is: an opaque text, never a name or a phone number.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    video = models.ForeignKey(Video, on_delete=models.PROTECT, related_name="viewings")
    viewer = models.CharField(max_length=64)
    device = models.CharField(max_length=64)
    policy_version = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    credit = models.FloatField(default=0.0, db_default=0.0)
    """Seconds of the lecture that it may still report as watched (see watching.py)."""
    ended_at = models.DateTimeField(null=True)
    ended_because = models.CharField(max_length=32, blank=True)

    class Meta(TenantScopedModel.Meta):
        db_table = "video_viewing"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                "tenant", "viewer", "seen_at", name="video_viewing_open",
                condition=Q(ended_at__isnull=True),
            ),
            models.Index("tenant", "viewer", "device", "seen_at", name="video_viewing_device"),
            models.Index("seen_at", name="video_viewing_age"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.viewer} on {self.video_id}"


class Watched(TenantScopedModel):
    """How much of a video one viewer has really watched, and where to go on."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    video = models.ForeignKey(Video, on_delete=models.PROTECT, related_name="watched")
    viewer = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=clock.now, db_default=Now(), editable=False)
    intervals = models.JSONField(default=list)
    """Disjoint [from, to] in seconds, in order."""
    seconds = models.FloatField(default=0.0)
    """The sum of the intervals: what was watched twice counts once."""
    position = models.FloatField(default=0.0)
    completed_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField()

    class Meta(TenantScopedModel.Meta):
        db_table = "video_watched"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(name="video_watched_once", fields=["video", "viewer"])
        ]

    def __str__(self) -> str:
        return f"{self.viewer}: {self.seconds:.0f} s of {self.video_id}"


class Encoding(TenantScopedModel):
    """One lecture that was encoded: the ledger of an academy's minutes, and of how long they take.

    A row stays when its video is deleted: what was encoded was encoded.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    job = models.OneToOneField("jobs.Job", on_delete=models.PROTECT, related_name="+")
    seconds = models.FloatField()
    """Of the lecture."""
    work_seconds = models.FloatField()
    """From the first claim of its job to its end."""
    at = models.DateTimeField()

    class Meta(TenantScopedModel.Meta):
        db_table = "video_encoding"
        indexes: ClassVar[list[models.Index]] = [
            models.Index("tenant", F("at").desc(), name="video_encoding_month"),
            models.Index(F("at").desc(), name="video_encoding_recent"),
        ]

    def __str__(self) -> str:
        return f"{self.seconds:.0f} s on {self.at:%Y-%m-%d}"
