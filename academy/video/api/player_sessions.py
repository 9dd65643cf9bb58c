"""What the player page sends: the beginning of a viewing, and a heartbeat every few seconds.

The credential is the page's own token, in the query as everywhere on that page; there is no cookie,
so that no other site can send in a student's name.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.core.errors import AppError
from academy.core.http.serializers import (
    StrictBooleanField,
    StrictRegexField,
    StrictSerializer,
    parse_body,
)
from academy.video import playback, viewings
from academy.video.api import player_present
from academy.video.api.seconds import SecondsField
from academy.video.models import VideoState
from academy.video.watching import Report

MAX_INTERVALS: Final = 200


class StartSerializer(StrictSerializer):
    """The beginning of a viewing."""

    device = StrictRegexField(r"^[A-Za-z0-9_-]{16,64}\Z")
    renews = StrictBooleanField(default=True)


class HeartbeatSerializer(StrictSerializer):
    """A word from a player."""

    viewing = serializers.UUIDField(allow_null=True)
    watched = serializers.ListField(
        child=serializers.ListField(child=SecondsField(), min_length=2, max_length=2),
        max_length=MAX_INTERVALS,
    )
    position = SecondsField(min_value=0)
    rate = SecondsField(min_value=0, default=1.0)
    leaving = StrictBooleanField(default=False)


class PlayerSessionView(APIView):
    """A view of the player page: whoever has the page's token may call it."""

    authentication_classes = ()
    permission_classes = ()


@extend_schema(exclude=True)
class ViewingsView(PlayerSessionView):
    """Begin to watch."""

    def post(self, request: Request, video_id: UUID) -> Response:
        """The playlist, and for a link with a viewer a viewing that counts."""
        video, audience = playback.player_open(video_id, request.query_params.get("token", ""))
        data = parse_body(request, StartSerializer)
        if video.state is not VideoState.READY and not player_present.is_early(video):
            raise AppError("video_not_ready")
        viewing = None
        if audience.viewer:
            viewing = viewings.viewing_start(
                video=video, viewer=audience.viewer, device=data["device"]
            )
        body = player_present.session_body(video, viewing, renews=data["renews"])
        return Response(body, status=201, headers={"Cache-Control": "no-store"})


@extend_schema(exclude=True)
class HeartbeatsView(PlayerSessionView):
    """Go on watching."""

    def post(self, request: Request, video_id: UUID) -> Response:
        """Record what was watched; an error says why the player has to stop."""
        video, audience = playback.player_open(video_id, request.query_params.get("token", ""))
        data = parse_body(request, HeartbeatSerializer)
        watched = None
        if audience.viewer:
            if data["viewing"] is None:
                raise AppError("not_found")
            row = viewings.viewing_beat(
                video=video,
                viewer=audience.viewer,
                viewing_id=data["viewing"],
                report=Report(
                    [(begin, end) for begin, end in data["watched"]],
                    data["position"],
                    data["rate"],
                ),
                leaving=data["leaving"],
            )
            watched = {"seconds": row.seconds, "completed": row.completed_at is not None}
        return Response({"watched": watched}, headers={"Cache-Control": "no-store"})
