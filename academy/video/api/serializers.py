"""Requests are validated by these; answers are only described by them (see present.py)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from academy.core.http.openapi import ErrorDetailSerializer, TextSerializer
from academy.core.http.serializers import StrictCharField, StrictIntegerField, StrictSerializer
from academy.video.line import WaitReason
from academy.video.models import Profile, VideoState
from academy.video.params import MAX_POSITION, SESSION_CHARS, TITLE_CHARS

STATES = [state.value for state in VideoState]
PROFILES = Profile.values
WAIT_REASONS = [reason.value for reason in WaitReason]
STEP_STATES = ["done", "running", "waiting"]

_SESSION_HELP = "The course or class meeting that it belongs to, in your own words."
_POSITION_HELP = "Its place within the session; null: after those that have one, by age."


class StrictUUIDField(serializers.UUIDField):
    """A JSON string; DRF's own field also takes numbers."""

    def to_internal_value(self, data: Any) -> Any:
        """Accept a string and nothing else."""
        if not isinstance(data, str):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


# ------------------------------------------------------------------ requests


class VideoListQuerySerializer(StrictSerializer):
    """Filters of the list."""

    state = serializers.ListField(
        child=serializers.ChoiceField(STATES),
        required=False,
        default=list,
        max_length=len(STATES),
        help_text="Repeat it for several states.",
    )
    session = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=SESSION_CHARS,
        help_text="Only this session's, in its order; empty: those without one.",
    )
    job = serializers.UUIDField(required=False, help_text="The video that this job works for.")


class VideoCreateSerializer(StrictSerializer):
    """A video to make."""

    upload = StrictUUIDField(help_text="A complete upload with the purpose `video`.")
    title = StrictCharField(max_length=TITLE_CHARS, help_text="Shown to students.")
    session = StrictCharField(
        required=False, allow_blank=True, max_length=SESSION_CHARS, help_text=_SESSION_HELP
    )
    position = StrictIntegerField(
        required=False, allow_null=True, min_value=0, max_value=MAX_POSITION,
        help_text=_POSITION_HELP,
    )  # fmt: skip
    profile = serializers.ChoiceField(
        PROFILES,
        required=False,
        help_text="`saver` adds a rung of half the size, `encrypted` encrypts the segments.",
    )


class VideoEditSerializer(StrictSerializer):
    """What to change; what is left out stays."""

    title = StrictCharField(required=False, max_length=TITLE_CHARS)
    session = StrictCharField(
        required=False, allow_blank=True, max_length=SESSION_CHARS, help_text=_SESSION_HELP
    )
    position = StrictIntegerField(
        required=False, allow_null=True, min_value=0, max_value=MAX_POSITION,
        help_text=_POSITION_HELP,
    )  # fmt: skip


class VideoReplaceSerializer(StrictSerializer):
    """The recording that is to take the place of what plays."""

    upload = StrictUUIDField(help_text="A complete upload with the purpose `video`.")


# ------------------------------------------------------------------ answers


class VideoSummarySerializer(serializers.Serializer[Any]):
    """A video as lists show it."""

    id = serializers.UUIDField()
    title = serializers.CharField()
    session = serializers.CharField(help_text=_SESSION_HELP)
    position = serializers.IntegerField(allow_null=True, help_text=_POSITION_HELP)
    profile = serializers.ChoiceField(PROFILES)
    state = serializers.ChoiceField(STATES)
    duration = serializers.FloatField(allow_null=True, help_text="Seconds; null until ready.")
    size = serializers.IntegerField(help_text="Bytes of what was made; 0 until ready.")
    damaged = serializers.BooleanField(
        help_text="The recording was cut off or faulty; what could be saved plays."
    )
    created_at = serializers.DateTimeField()
    deleted_at = serializers.DateTimeField(allow_null=True)
    upload = serializers.UUIDField(help_text="What it was made of.")
    job = serializers.UUIDField(
        help_text="Its last transcode job; `GET /jobs/{id}` has its history."
    )
    player_url = serializers.CharField(
        help_text="A page for students: plays the video, or says how far it is."
    )


class StepSerializer(serializers.Serializer[Any]):
    """One step of the work."""

    name = serializers.CharField(
        help_text="downloading, probing, transcoding, validating, thumbnail, uploading."
    )
    state = serializers.ChoiceField(STEP_STATES)
    percent = serializers.FloatField(help_text="0 to 100 of this step.")
    eta_seconds = serializers.FloatField(allow_null=True, help_text="Left of this step.")


class ProgressSerializer(serializers.Serializer[Any]):
    """How far the work is."""

    step = serializers.CharField(help_text="The name of the step at work, or empty.")
    percent = serializers.FloatField(help_text="0 to 100; never goes back.")
    eta_seconds = serializers.FloatField(allow_null=True)
    steps = StepSerializer(many=True)


class WaitingSerializer(serializers.Serializer[Any]):
    """Why the work has not begun."""

    reason = serializers.ChoiceField(WAIT_REASONS)
    message = TextSerializer()
    queue_position = serializers.IntegerField(
        allow_null=True, help_text="Among your own lectures; 1 is the next. Null: nobody can say."
    )
    estimated_start_seconds = serializers.FloatField(
        allow_null=True, help_text="From how long the last lectures took; null before any did."
    )
    not_before = serializers.DateTimeField(
        allow_null=True, help_text="It does not begin before this moment."
    )


class WarningSerializer(serializers.Serializer[Any]):
    """What a teacher should know of a video that plays."""

    code = serializers.CharField(help_text="`video_source_damaged` or `video_quality_low`.")
    message = TextSerializer()


class ReplacementSerializer(serializers.Serializer[Any]):
    """A new recording on its way; the old one plays until it is ready."""

    job = serializers.UUIDField()
    upload = serializers.UUIDField()
    state = serializers.ChoiceField(STATES)
    progress = ProgressSerializer(allow_null=True)
    waiting = WaitingSerializer(allow_null=True)
    error = ErrorDetailSerializer(allow_null=True, help_text="When it failed; the old one plays.")


class DeletionSerializer(serializers.Serializer[Any]):
    """What becomes of a deleted video."""

    deleted_at = serializers.DateTimeField()
    purge_at = serializers.DateTimeField(
        allow_null=True, help_text="From then on it is deleted for good."
    )
    purged_at = serializers.DateTimeField(
        allow_null=True, help_text="When its files were gone, and seen to be gone."
    )
    restorable = serializers.BooleanField()


class StoryboardSerializer(serializers.Serializer[Any]):
    """Where the seek preview is."""

    vtt_url = serializers.CharField(help_text="WebVTT that names parts of images (`#xywh=`).")


class CaptionLinkSerializer(serializers.Serializer[Any]):
    """Captions that a player may show."""

    language = serializers.CharField(help_text="BCP 47.")
    label = serializers.CharField()  # type: ignore[assignment]
    url = serializers.CharField(help_text="WebVTT.")


class PlaybackSerializer(serializers.Serializer[Any]):
    """Addresses that work without a key until they expire; read the video again for new ones."""

    early = serializers.BooleanField(
        help_text="Only the beginning plays yet, and grows; the rest is still being encoded."
    )
    master_url = serializers.CharField(help_text="HLS master playlist.")
    poster_url = serializers.CharField(allow_null=True)
    storyboard = StoryboardSerializer(allow_null=True, help_text="Pictures for the seek bar.")
    captions = CaptionLinkSerializer(many=True)
    expires_at = serializers.DateTimeField(help_text="Of the master playlist and the poster.")
    player_url = serializers.CharField()
    player_expires_at = serializers.DateTimeField()


class VideoSerializer(VideoSummarySerializer):
    """A video with all that can be known about it."""

    progress = ProgressSerializer(allow_null=True, help_text="While it is waiting or processing.")
    waiting = WaitingSerializer(allow_null=True, help_text="Before the work has begun.")
    error = ErrorDetailSerializer(allow_null=True, help_text="When it failed.")
    replacement = ReplacementSerializer(
        allow_null=True, help_text="Of a video that plays: a new recording that does not yet."
    )
    deletion = DeletionSerializer(allow_null=True, help_text="When it is deleted.")
    playback = PlaybackSerializer(allow_null=True, help_text="Once it is ready.")
    warnings = WarningSerializer(many=True, help_text="Of what plays; mostly none.")
    manifest = serializers.DictField(
        allow_null=True,
        help_text="Renditions, sizes, the measured quality and what the source was, once ready.",
    )


class MinutesSerializer(serializers.Serializer[Any]):
    """Minutes of lectures that were encoded this month."""

    used = serializers.FloatField()
    limit = serializers.IntegerField()
    left = serializers.FloatField()
    month_ends_at = serializers.DateTimeField(help_text="Months are Korea's.")


class StorageSerializer(serializers.Serializer[Any]):
    """Recordings, open uploads, and what was made; without what is deleted."""

    used_bytes = serializers.IntegerField()
    limit_bytes = serializers.IntegerField()


class UsageSerializer(serializers.Serializer[Any]):
    """What the academy has used of its plan."""

    minutes = MinutesSerializer()
    storage = StorageSerializer()
