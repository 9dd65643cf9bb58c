"""Videos over REST."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.core.http.openapi import example
from academy.core.http.serializers import parse_query
from academy.core.http.views import PagedView
from academy.tenants.principal import principal_of
from academy.tenants.scopes import Scope
from academy.video import selectors
from academy.video.api import present
from academy.video.api.serializers import (
    STATES,
    NoQuerySerializer,
    VideoListQuerySerializer,
    VideoSerializer,
    VideoSummarySerializer,
)
from academy.video.models import VideoState

_READ: Final = {"GET": Scope.VIDEOS_READ}
_ID: Final = "01932c07-c1f2-7f63-8d7e-3f5ad2a6f0c4"
_MEDIA: Final = "https://academy.example/media/AZMsB8Hyf2ONfj9a0qbwxGc"
_PLAYER: Final = f"https://academy.example/player/{_ID}?token=Z0k2cJ1s"
SUMMARY_EXAMPLE: Final[dict[str, Any]] = {
    "id": _ID,
    "title": "Quadratic functions, lesson 1",
    "state": "ready",
    "duration": 3012.4,
    "damaged": False,
    "created_at": "2026-03-02T09:00:00.000Z",
    "upload": "01932c06-99d0-7a52-b2f7-0c9a4a6c5d11",
    "job": "01932c07-a5d4-7b1e-9c70-6f1f0b0a9f11",
    "player_url": _PLAYER,
}
VIDEO_EXAMPLE: Final[dict[str, Any]] = {
    **SUMMARY_EXAMPLE,
    "progress": None,
    "error": None,
    "playback": {
        "master_url": f"{_MEDIA}/master.m3u8",
        "poster_url": f"{_MEDIA}/poster.jpg",
        "expires_at": "2026-03-02T21:15:00.000Z",
        "player_url": _PLAYER,
        "player_expires_at": "2026-03-09T09:15:00.000Z",
    },
    "manifest": {
        "version": 1,
        "duration": 3012.4,
        "frame_rate": "30",
        "renditions": [{"name": "1080p", "width": 1920, "height": 1080, "bandwidth": 1832444}],
        "damaged": False,
    },
}


class VideosView(PagedView):
    """List."""

    required_scopes = _READ

    @extend_schema(
        operation_id="video_list",
        tags=["Videos"],
        parameters=[
            OpenApiParameter(
                "state", str, many=True, enum=STATES, description="Repeat it for several states."
            )
        ],
        responses={200: OpenApiResponse(VideoSummarySerializer(many=True))},
        examples=[example("A video", SUMMARY_EXAMPLE, response=True)],
    )
    def get(self, request: Request) -> Response:
        """Your videos, newest first."""
        wanted = parse_query(request, VideoListQuerySerializer)
        videos = selectors.videos_list(
            tenant=principal_of(request).tenant,
            states=[VideoState(state) for state in wanted["state"]],
        )
        pages = self.pagination_class()
        shown = pages.paginate_queryset(videos, request, view=self)
        return pages.get_paginated_response([present.video_summary(video) for video in shown])


class VideoView(APIView):
    """Read one."""

    required_scopes = _READ

    @extend_schema(
        operation_id="video_read",
        tags=["Videos"],
        responses={200: VideoSerializer},
        examples=[example("A video that is ready", VIDEO_EXAMPLE, response=True)],
    )
    def get(self, request: Request, video_id: UUID) -> Response:
        """One video: how far it is, or how to play it."""
        parse_query(request, NoQuerySerializer, also=frozenset())
        video = selectors.video_get(tenant=principal_of(request).tenant, video_id=video_id)
        return Response(present.video_body(video))
