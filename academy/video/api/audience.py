"""Who may watch, and who has: signed player links, revocation, progress and devices over REST."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.core.validators import RegexValidator
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.core.http.openapi import example
from academy.core.http.serializers import StrictSerializer, parse_query
from academy.core.http.values import instant
from academy.core.http.views import PagedView
from academy.core.masking import mask
from academy.tenants.principal import principal_of
from academy.tenants.scopes import Scope
from academy.video import playback, selectors, viewings
from academy.video.api.player_present import watched_body
from academy.video.playback import VIEWER_CHARS, WATERMARK_CHARS, Audience

SHORTEST_LINK: Final = timedelta(minutes=1)
LONGEST_LINK: Final = timedelta(days=90)
VIEWER_PATTERN: Final = rf"^[A-Za-z0-9._:-]{{1,{VIEWER_CHARS}}}\Z"
_PHONE_CODE: Final = "personal"
_EXAMPLE_URL: Final = (
    "https://academy.example/player/01932c07-c1f2-7f63-8d7e-3f5ad2a6f0c4?token=aaSbQAAAAAEMAHN0"
)


class ViewerField(serializers.CharField):
    """The academy's own word for a viewer; a phone number is refused, since this is in logs."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            validators=[RegexValidator(VIEWER_PATTERN)], max_length=VIEWER_CHARS, **options
        )

    def to_internal_value(self, data: Any) -> str:
        """Accept an opaque word."""
        value: str = super().to_internal_value(data)
        if mask(value) != value:
            raise ValidationError([ErrorDetail("A phone number.", code=_PHONE_CODE)])
        return value


class PlayerLinkQuerySerializer(StrictSerializer):
    """For whom a link is, and for how long."""

    viewer = ViewerField(required=False, default="")
    watermark = serializers.CharField(required=False, default="", max_length=WATERMARK_CHARS)
    expires_in = serializers.IntegerField(
        required=False,
        default=int(playback.PLAYER_LIFETIME.total_seconds()),
        min_value=int(SHORTEST_LINK.total_seconds()),
        max_value=int(LONGEST_LINK.total_seconds()),
    )


class WatchQuerySerializer(StrictSerializer):
    """Filters of the list."""

    viewer = ViewerField(required=False, default="")


class PlayerLinkSerializer(serializers.Serializer[Any]):
    """A page that plays the video."""

    url = serializers.CharField()
    expires_at = serializers.DateTimeField()


class RevokedSerializer(serializers.Serializer[Any]):
    """What a revocation ended."""

    policy_version = serializers.IntegerField(help_text="Links of an earlier one have ended.")
    viewings_ended = serializers.IntegerField()


class WatchedSerializer(serializers.Serializer[Any]):
    """How much of a video one viewer has watched."""

    viewer = serializers.CharField()
    seconds = serializers.FloatField(help_text="Watched twice counts once.")
    percent = serializers.FloatField()
    position = serializers.FloatField(help_text="Where the viewer was last, in seconds.")
    completed_at = serializers.DateTimeField(
        allow_null=True, help_text="When 90 % had been watched."
    )
    updated_at = serializers.DateTimeField()
    intervals = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField()),
        help_text="Disjoint [from, to] in seconds, in order.",
    )


class ForgottenSerializer(serializers.Serializer[Any]):
    """What was forgotten."""

    devices = serializers.IntegerField()


_VIEWER_PARAMETER = OpenApiParameter(
    "viewer", str,
    description="Your own word for the viewer: an id, never a name or a phone number.",
)  # fmt: skip


class PlayerLinkView(APIView):
    """A link for one viewer."""

    required_scopes = {"GET": Scope.VIDEOS_READ}

    @extend_schema(
        operation_id="video_player_link",
        tags=["Videos"],
        parameters=[
            _VIEWER_PARAMETER,
            OpenApiParameter(
                "watermark",
                str,
                description="A text that moves over the picture, up to 60 letters.",
            ),
            OpenApiParameter("expires_in", int, description="Seconds, 60 to 7776000; 7 days."),
        ],
        responses={200: PlayerLinkSerializer},
        examples=[
            example(
                "A link",
                {"url": _EXAMPLE_URL, "expires_at": "2026-03-09T09:15:00.000Z"},
                response=True,
            )
        ],
    )
    def get(self, request: Request, video_id: UUID) -> Response:
        """A player page for one viewer, to hand out by your own backend.

        With a viewer watching is recorded, and counted against the devices and viewings of your
        plan. Without one anybody may use the link until it expires.
        """
        data = parse_query(request, PlayerLinkQuerySerializer, also=frozenset())
        video = selectors.video_get(tenant=principal_of(request).tenant, video_id=video_id)
        link = playback.player_link(
            video,
            Audience(data["viewer"], data["watermark"]),
            lifetime=timedelta(seconds=data["expires_in"]),
        )
        return Response({"url": link.url, "expires_at": instant(link.expires_at)})


class RevokeView(APIView):
    """End what was allowed."""

    required_scopes = {"POST": Scope.VIDEOS_WRITE}

    @extend_schema(
        operation_id="video_revoke",
        tags=["Videos"],
        request=None,
        responses={200: RevokedSerializer},
        examples=[example("Revoked", {"policy_version": 2, "viewings_ended": 14}, response=True)],
    )
    def post(self, request: Request, video_id: UUID) -> Response:
        """End every link to a video and whatever plays by one; then hand out new links.

        Players stop at their next report, within seconds; a copied link to a segment works for
        some minutes more.
        """
        video, ended = viewings.video_revoke(tenant=principal_of(request).tenant, video_id=video_id)
        return Response({"policy_version": video.policy_version, "viewings_ended": ended})


class WatchView(PagedView):
    """Who has watched."""

    required_scopes = {"GET": Scope.VIDEOS_READ}

    @extend_schema(
        operation_id="video_watch",
        tags=["Videos"],
        parameters=[_VIEWER_PARAMETER],
        responses={200: OpenApiResponse(WatchedSerializer(many=True))},
    )
    def get(self, request: Request, video_id: UUID) -> Response:
        """What each viewer has watched, those who began last first."""
        wanted = parse_query(request, WatchQuerySerializer)
        video = selectors.video_get(tenant=principal_of(request).tenant, video_id=video_id)
        rows = viewings.watched_list(video=video)
        if wanted["viewer"]:
            rows = rows.filter(viewer=wanted["viewer"])
        pages = self.pagination_class()
        shown = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response([watched_body(row, video.duration) for row in shown])


class DevicesView(APIView):
    """The devices of a viewer."""

    required_scopes = {"DELETE": Scope.VIDEOS_WRITE}

    @extend_schema(
        operation_id="viewer_devices_forget",
        tags=["Videos"],
        responses={200: ForgottenSerializer},
        examples=[example("Forgotten", {"devices": 3}, response=True)],
    )
    def delete(self, request: Request, viewer: str) -> Response:
        """Forget a viewer's devices, as after a new telephone. What plays on them ends."""
        known = viewings.devices_forget(tenant=principal_of(request).tenant, viewer=viewer)
        return Response({"devices": known})
