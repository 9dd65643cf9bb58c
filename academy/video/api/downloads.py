"""The MP4 of a video over REST: asked for once, then fetched from a signed link."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.core.errors import error_body
from academy.core.http.openapi import ErrorDetailSerializer, answer, example
from academy.core.http.serializers import NothingSerializer, parse_body, parse_query
from academy.core.http.values import instant
from academy.jobs.once import submitter_of
from academy.tenants.principal import principal_of
from academy.tenants.scopes import Scope
from academy.video import mp4
from academy.video.mp4 import Download, DownloadState

STATES: Final = [state.value for state in DownloadState]
_PREPARING: Final[dict[str, Any]] = {
    "state": "preparing",
    "job": "01932c07-a5d4-7b1e-9c70-6f1f0b0a9f11",
    "percent": 34.0,
    "error": None,
    "rendition": "720p",
    "filename": "Quadratic functions, lesson 1 (720p).mp4",
    "size": None,
    "url": None,
    "expires_at": None,
}
_READY: Final[dict[str, Any]] = {
    **_PREPARING,
    "state": "ready",
    "job": None,
    "percent": None,
    "size": 348127744,
    "url": "https://objects.example/academy-video/t/download_720p.mp4?X-Amz-Signature=4f1c",
    "expires_at": "2026-03-02T11:30:00.000Z",
}


class DownloadSerializer(serializers.Serializer[Any]):
    """The MP4 of a video."""

    state = serializers.ChoiceField(STATES)
    job = serializers.UUIDField(allow_null=True, help_text="Which makes it, or failed to.")
    percent = serializers.FloatField(allow_null=True, help_text="While it is prepared.")
    error = ErrorDetailSerializer(allow_null=True, help_text="When it failed.")
    rendition = serializers.CharField(help_text="720p or the best below; empty without pictures.")
    filename = serializers.CharField(help_text="What a browser saves it as.")
    size = serializers.IntegerField(allow_null=True, help_text="Bytes, once it is ready.")
    url = serializers.CharField(allow_null=True, help_text="Works without a key for an hour.")
    expires_at = serializers.DateTimeField(allow_null=True)


class DownloadView(APIView):
    """Ask for it, and find it."""

    required_scopes = {"GET": Scope.VIDEOS_READ, "POST": Scope.VIDEOS_WRITE}

    @extend_schema(
        operation_id="video_download_read",
        tags=["Videos"],
        responses={
            200: OpenApiResponse(
                DownloadSerializer, "Where it is.",
                [
                    example("Ready to fetch", _READY, response=True),
                    example("Being prepared", _PREPARING, response=True),
                ],
            )
        },
    )  # fmt: skip
    def get(self, request: Request, video_id: UUID) -> Response:
        """Whether the MP4 is there, with a link to it."""
        parse_query(request, NothingSerializer, also=frozenset())
        tenant = principal_of(request).tenant
        return Response(_body(mp4.download_get(tenant=tenant, video_id=video_id)))

    @extend_schema(
        operation_id="video_download_request",
        tags=["Videos"],
        request=None,
        responses={
            200: answer(DownloadSerializer, "It was made before.", "Ready to fetch", _READY),
            202: answer(DownloadSerializer, "It is being prepared.", "Being prepared", _PREPARING),
        },
    )  # fmt: skip
    def post(self, request: Request, video_id: UUID) -> Response:
        """Have the MP4 made; asking again makes it no second time.

        Nothing is encoded: a minute or two for a lecture of an hour. An encrypted video has none.
        """
        parse_body(request, NothingSerializer)
        found = mp4.download_request(by=submitter_of(request), video_id=video_id)
        return Response(_body(found), status=200 if found.state is DownloadState.READY else 202)


def _body(found: Download) -> dict[str, Any]:
    job = found.job
    preparing = found.state is DownloadState.PREPARING and job is not None
    failed = found.state is DownloadState.FAILED and job is not None and job.error_code
    return {
        "state": found.state.value,
        "job": None if job is None else str(job.pk),
        "percent": round(job.percent, 1) if preparing and job is not None else None,
        "error": error_body(job.error_code, job.error_params) if failed and job else None,
        "rendition": found.rung,
        "filename": found.filename,
        "size": found.size,
        "url": found.url,
        "expires_at": instant(found.expires_at),
    }
