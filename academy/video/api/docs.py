"""What the OpenAPI document says about the operations on videos, with examples."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from academy.core.http.openapi import answer, example
from academy.jobs.once import ONCE_PARAMETERS
from academy.video.api import serializers
from academy.video.api.present import WAIT_TEXTS
from academy.video.line import WaitReason

TAGS: Final = ["Videos"]
_ID: Final = "01932c07-c1f2-7f63-8d7e-3f5ad2a6f0c4"
_UPLOAD: Final = "01932c06-99d0-7a52-b2f7-0c9a4a6c5d11"
_MEDIA: Final = "https://academy.example/media/AZMsB8Hyf2ONfj9a0qbwxGc"
_PLAYER: Final = f"https://academy.example/player/{_ID}?token=Z0k2cJ1s"
SUMMARY_EXAMPLE: Final[dict[str, Any]] = {
    "id": _ID,
    "title": "Quadratic functions, lesson 1",
    "session": "Algebra A, Tuesdays",
    "position": 3,
    "profile": "standard",
    "state": "ready",
    "duration": 3012.4,
    "size": 734003200,
    "damaged": False,
    "created_at": "2026-03-02T09:00:00.000Z",
    "deleted_at": None,
    "upload": _UPLOAD,
    "job": "01932c07-a5d4-7b1e-9c70-6f1f0b0a9f11",
    "player_url": _PLAYER,
}
READY_EXAMPLE: Final[dict[str, Any]] = {
    **SUMMARY_EXAMPLE,
    "progress": None,
    "waiting": None,
    "error": None,
    "replacement": None,
    "deletion": None,
    "playback": {
        "early": False,
        "master_url": f"{_MEDIA}/master.m3u8",
        "poster_url": f"{_MEDIA}/poster.jpg",
        "storyboard": {"vtt_url": f"{_MEDIA}/storyboard.vtt"},
        "captions": [
            {"language": "ko", "label": "한국어", "url": f"{_MEDIA}/captions_ko.vtt"},
        ],
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
_STEPS: Final = [
    {"name": "downloading", "state": "done", "percent": 100.0, "eta_seconds": None},
    {"name": "probing", "state": "done", "percent": 100.0, "eta_seconds": None},
    {"name": "transcoding", "state": "running", "percent": 40.9, "eta_seconds": 93.0},
    {"name": "validating", "state": "waiting", "percent": 0.0, "eta_seconds": None},
    {"name": "thumbnail", "state": "waiting", "percent": 0.0, "eta_seconds": None},
    {"name": "uploading", "state": "waiting", "percent": 0.0, "eta_seconds": None},
]
_UNFINISHED: Final[dict[str, Any]] = {
    **READY_EXAMPLE,
    "duration": None,
    "size": 0,
    "playback": None,
    "manifest": None,
}
AT_WORK_EXAMPLE: Final[dict[str, Any]] = {
    **_UNFINISHED,
    "state": "processing",
    "progress": {
        "step": "transcoding", "percent": 41.5, "eta_seconds": 93.0, "steps": _STEPS,
    },
}  # fmt: skip
WAITING_EXAMPLE: Final[dict[str, Any]] = {
    **_UNFINISHED,
    "state": "waiting",
    "progress": {
        "step": "",
        "percent": 0.0,
        "eta_seconds": None,
        "steps": [
            {**step, "state": "waiting", "percent": 0.0, "eta_seconds": None} for step in _STEPS
        ],
    },
    "waiting": {
        "reason": "line",
        "message": WAIT_TEXTS[WaitReason.LINE],
        "queue_position": 4,
        "estimated_start_seconds": 310.5,
        "not_before": None,
    },
}
DELETED_EXAMPLE: Final[dict[str, Any]] = {
    **READY_EXAMPLE,
    "state": "deleted",
    "deleted_at": "2026-03-03T10:00:00.000Z",
    "deletion": {
        "deleted_at": "2026-03-03T10:00:00.000Z",
        "purge_at": "2026-03-10T10:00:00.000Z",
        "purged_at": None,
        "restorable": True,
    },
    "playback": None,
}
USAGE_EXAMPLE: Final[dict[str, Any]] = {
    "minutes": {
        "used": 412.5, "limit": 6000, "left": 5587.5, "month_ends_at": "2026-03-31T15:00:00.000Z",
    },
    "storage": {"used_bytes": 48318382080, "limit_bytes": 536870912000},
}  # fmt: skip
CREATE_EXAMPLE: Final[dict[str, Any]] = {
    "upload": _UPLOAD,
    "title": "Quadratic functions, lesson 1",
    "session": "Algebra A, Tuesdays",
    "position": 3,
}

_LOCATION: Final = OpenApiParameter(
    "Location",
    OpenApiTypes.URI_REF,
    OpenApiParameter.HEADER,
    response=[202],
    description="Address of the video.",
)
_ONCE: Final = [*ONCE_PARAMETERS, _LOCATION]


def _video(description: str, summary: str, value: dict[str, Any]) -> OpenApiResponse:
    return answer(serializers.VideoSerializer, description, summary, value)


video_list = extend_schema(
    operation_id="video_list",
    tags=TAGS,
    parameters=[serializers.VideoListQuerySerializer],
    responses={
        200: answer(
            serializers.VideoSummarySerializer(many=True), "One page.", "A video", SUMMARY_EXAMPLE
        )
    },
)
video_create = extend_schema(
    operation_id="video_create",
    tags=TAGS,
    parameters=_ONCE,
    request=serializers.VideoCreateSerializer,
    examples=[example("A lesson", CREATE_EXAMPLE)],
    responses={202: _video("Accepted: the video is made.", "Accepted", WAITING_EXAMPLE)},
)
video_read = extend_schema(
    operation_id="video_read",
    tags=TAGS,
    responses={
        200: OpenApiResponse(
            serializers.VideoSerializer,
            "The video.",
            [
                example("A video that is ready", READY_EXAMPLE, response=True),
                example("At work", AT_WORK_EXAMPLE, response=True),
                example("In the line", WAITING_EXAMPLE, response=True),
            ],
        )
    },
)
video_edit = extend_schema(
    operation_id="video_edit",
    tags=TAGS,
    request=serializers.VideoEditSerializer,
    examples=[example("Another place", {"session": "Algebra A, Tuesdays", "position": 4})],
    responses={200: _video("As it is now.", "Moved", {**READY_EXAMPLE, "position": 4})},
)
video_delete = extend_schema(
    operation_id="video_delete",
    tags=TAGS,
    responses={200: _video("It is deleted.", "Deleted", DELETED_EXAMPLE)},
)
video_retry = extend_schema(
    operation_id="video_retry",
    tags=TAGS,
    parameters=_ONCE,
    request=None,
    responses={202: _video("It is made again.", "Accepted", WAITING_EXAMPLE)},
)
video_replace = extend_schema(
    operation_id="video_replace",
    tags=TAGS,
    parameters=_ONCE,
    request=serializers.VideoReplaceSerializer,
    examples=[example("A new recording", {"upload": _UPLOAD})],
    responses={
        202: _video("Accepted: it plays the old recording until then.", "Accepted", READY_EXAMPLE)
    },
)
video_restore = extend_schema(
    operation_id="video_restore",
    tags=TAGS,
    request=None,
    responses={200: _video("It is back.", "Restored", READY_EXAMPLE)},
)
video_purge = extend_schema(
    operation_id="video_purge",
    tags=TAGS,
    request=None,
    responses={
        202: _video(
            "A job deletes its files.",
            "Accepted",
            {**DELETED_EXAMPLE, "deletion": {**DELETED_EXAMPLE["deletion"], "restorable": False}},
        )
    },
)
video_usage = extend_schema(
    operation_id="video_usage",
    tags=TAGS,
    responses={
        200: answer(
            serializers.UsageSerializer, "The figures of this moment.", "Usage", USAGE_EXAMPLE
        )
    },
)
