"""Queries are validated by these; answers are only described by them (see present.py)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from academy.core.http.openapi import ErrorDetailSerializer
from academy.core.http.serializers import StrictSerializer
from academy.video.models import VideoState

STATES = [state.value for state in VideoState]


class VideoListQuerySerializer(StrictSerializer):
    """Filters of the list."""

    state = serializers.ListField(
        child=serializers.ChoiceField(STATES),
        required=False,
        default=list,
        max_length=len(STATES),
        help_text="Repeat it for several states.",
    )


class NoQuerySerializer(StrictSerializer):
    """An operation without parameters: any is an error."""


class VideoSummarySerializer(serializers.Serializer[Any]):
    """A video as lists show it."""

    id = serializers.UUIDField()
    title = serializers.CharField()
    state = serializers.ChoiceField(STATES)
    duration = serializers.FloatField(allow_null=True, help_text="Seconds; null until ready.")
    damaged = serializers.BooleanField(
        help_text="The recording was cut off or faulty; what could be saved plays."
    )
    created_at = serializers.DateTimeField()
    upload = serializers.UUIDField()
    job = serializers.UUIDField(help_text="The transcode job; `GET /jobs/{id}` has its history.")
    player_url = serializers.CharField(
        help_text="A page for students: plays the video, or says how far it is."
    )


class ProgressSerializer(serializers.Serializer[Any]):
    """How far the work is."""

    step = serializers.CharField(
        help_text="downloading, probing, transcoding, validating, thumbnail, uploading, or empty."
    )
    percent = serializers.FloatField(help_text="0 to 100; never goes back.")
    eta_seconds = serializers.FloatField(allow_null=True)


class PlaybackSerializer(serializers.Serializer[Any]):
    """Addresses that work without a key until they expire; read the video again for new ones."""

    master_url = serializers.CharField(help_text="HLS master playlist.")
    poster_url = serializers.CharField()
    expires_at = serializers.DateTimeField(help_text="Of the master playlist and the poster.")
    player_url = serializers.CharField()
    player_expires_at = serializers.DateTimeField()


class VideoSerializer(VideoSummarySerializer):
    """A video with all that can be known about it."""

    progress = ProgressSerializer(allow_null=True, help_text="While it is waiting or processing.")
    error = ErrorDetailSerializer(allow_null=True, help_text="When it failed.")
    playback = PlaybackSerializer(allow_null=True, help_text="Once it is ready.")
    manifest = serializers.DictField(
        allow_null=True, help_text="Renditions, sizes and what the source was, once it is ready."
    )
