"""Chapters over REST: read them, and write them all at once."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.core.http.openapi import answer, example
from academy.core.http.serializers import (
    NothingSerializer,
    StrictRegexField,
    StrictSerializer,
    parse_body,
    parse_query,
)
from academy.tenants.principal import principal_of
from academy.tenants.scopes import Scope
from academy.video import outline, selectors
from academy.video.api import present
from academy.video.api.seconds import SecondsField

_ITEMS: Final = [
    {"start": 0.0, "end": 612.4, "title": "이차함수의 그래프"},
    {"start": 612.4, "end": 1290.0, "title": "2"},
]
_EXAMPLE: Final = {
    "items": _ITEMS,
    "by_hand": False,
    "job": "01932c06-99d0-7a52-b2f7-0c9a4a6c5d11",
    "silences": [[301.2, 309.9]],
    "vtt_url": "https://academy.example/media/…/chapters.vtt",
    "updated_at": "2026-03-02T10:30:00.000Z",
}
_REQUEST: Final = {
    "items": [{"start": 0, "title": "이차함수의 그래프"}, {"start": 612.4, "title": "풀이"}]
}


class ChapterSerializer(StrictSerializer):
    """One chapter; it ends where the next begins."""

    start = SecondsField(min_value=0, help_text="Seconds.")
    title = StrictRegexField(
        r"^[^\x00-\x1f\x7f]*\Z", max_length=outline.TITLE_CHARS, required=False, default="",
        allow_blank=True, help_text="Shown to students; without it the chapter's number.",
    )  # fmt: skip


class ChaptersPutSerializer(StrictSerializer):
    """All chapters of a video, in order."""

    items = ChapterSerializer(many=True, allow_empty=True)


class ChapterShownSerializer(serializers.Serializer[Any]):
    """One chapter."""

    start = serializers.FloatField(help_text="Seconds.")
    end = serializers.FloatField(help_text="Seconds.")
    title = serializers.CharField()


class ChaptersSerializer(serializers.Serializer[Any]):
    """The chapters of a video, and the silences that its player can jump over."""

    items = ChapterShownSerializer(many=True)
    by_hand = serializers.BooleanField(help_text="Whether a person wrote them.")
    job = serializers.UUIDField(
        allow_null=True, help_text="The `ai.speech_segments` job that heard the video last."
    )
    silences = serializers.ListField(
        child=serializers.ListField(
            child=serializers.FloatField(), min_length=2, max_length=2
        ),
        help_text="[from, to] in seconds.",
    )  # fmt: skip
    vtt_url = serializers.CharField(
        allow_null=True, help_text="The chapters as WebVTT, without a key; null without any."
    )
    updated_at = serializers.DateTimeField(allow_null=True)


class ChaptersView(APIView):
    """Read and write."""

    required_scopes = {"GET": Scope.VIDEOS_READ, "PUT": Scope.VIDEOS_WRITE}

    @extend_schema(
        operation_id="video_chapters_read",
        tags=["Videos"],
        responses={200: ChaptersSerializer},
        examples=[example("Suggested chapters", _EXAMPLE, response=True)],
    )
    def get(self, request: Request, video_id: UUID) -> Response:
        """The chapters of a video, and its silences."""
        parse_query(request, NothingSerializer, also=frozenset())
        video = selectors.video_get(tenant=principal_of(request).tenant, video_id=video_id)
        return Response(present.chapters(video, outline.outline_of(video)))

    @extend_schema(
        operation_id="video_chapters_put",
        tags=["Videos"],
        request=ChaptersPutSerializer,
        examples=[example("Two chapters", _REQUEST)],
        responses={
            200: answer(ChaptersSerializer, "They are shown.", "Chapters", _EXAMPLE),
        },
    )
    def put(self, request: Request, video_id: UUID) -> Response:
        """Write the chapters of a video that is ready, in place of those there were.

        Students see them at the next load of the player. What you write is never replaced by a
        suggestion; an empty list deletes them and lets the next suggestion through.
        """
        wanted = parse_body(request, ChaptersPutSerializer)
        video, found = outline.chapters_put(
            tenant=principal_of(request).tenant,
            video_id=video_id,
            chapters=[(one["start"], one["title"]) for one in wanted["items"]],
        )
        return Response(present.chapters(video, found))
