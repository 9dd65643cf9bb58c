"""Videos over REST. Thin: parse, call one service, serialise."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Final
from uuid import UUID

from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.core import logs
from academy.core.http.pagination import CursorPagination
from academy.core.http.serializers import NothingSerializer, parse_body, parse_query
from academy.core.http.views import PagedView
from academy.jobs.idempotency import Answer
from academy.jobs.once import act_once, submitter_of
from academy.tenants.principal import principal_of
from academy.tenants.scopes import Scope
from academy.video import deletion, selectors, services, usage
from academy.video.api import docs, present, serializers
from academy.video.api.pages import SessionPagination
from academy.video.models import Video, VideoState

_READ: Final = {"GET": Scope.VIDEOS_READ}
_WRITE: Final = {"POST": Scope.VIDEOS_WRITE}


class VideosView(PagedView):
    """List and make."""

    required_scopes = {**_READ, **_WRITE}

    @docs.video_list
    def get(self, request: Request) -> Response:
        """Your videos, newest first; those of one session in its order."""
        wanted = parse_query(request, serializers.VideoListQuerySerializer)
        videos = selectors.videos_list(
            tenant=principal_of(request).tenant,
            states=[VideoState(state) for state in wanted["state"]],
            session=wanted.get("session"),
            job_id=wanted.get("job"),
        )
        pages = CursorPagination() if "session" not in wanted else SessionPagination()
        shown = pages.paginate_queryset(videos, request, view=self)
        return pages.get_paginated_response([present.video_summary(video) for video in shown])

    @docs.video_create
    def post(self, request: Request) -> Response:
        """Make a playable video of an upload.

        The same as `POST /jobs` with the kind `video.transcode`; the answer is the video.
        """
        body = parse_body(request, serializers.VideoCreateSerializer)
        params = {**body, "upload": str(body["upload"])}
        return _accepted(
            request, lambda: services.video_create(by=submitter_of(request), params=params)
        )


class VideoView(APIView):
    """Read, change and delete one."""

    required_scopes = {
        **_READ,
        "PATCH": Scope.VIDEOS_WRITE,
        "DELETE": Scope.VIDEOS_WRITE,
    }

    @docs.video_read
    def get(self, request: Request, video_id: UUID) -> Response:
        """One video: how far it is, or how to play it; a deleted one too."""
        parse_query(request, NothingSerializer, also=frozenset())
        tenant = principal_of(request).tenant
        video = selectors.video_get(tenant=tenant, video_id=video_id, with_deleted=True)
        return Response(present.video_body(video))

    @docs.video_edit
    def patch(self, request: Request, video_id: UUID) -> Response:
        """Change its title, its session, or its place in the session."""
        changes = parse_body(request, serializers.VideoEditSerializer)
        video = services.video_edit(
            tenant=principal_of(request).tenant, video_id=video_id, changes=changes
        )
        return Response(present.video_body(video))

    @docs.video_delete
    def delete(self, request: Request, video_id: UUID) -> Response:
        """Delete it: hidden and without playback at once, and for good after some days.

        Until `deletion.purge_at` it can be restored. What still works for it is cancelled.
        Deleting it again changes nothing.
        """
        parse_query(request, NothingSerializer, also=frozenset())
        principal = principal_of(request)
        video = deletion.video_delete(tenant=principal.tenant, video_id=video_id, by=principal.name)
        return Response(present.video_body(video))


class VideoRetryView(APIView):
    """Try one again."""

    required_scopes = _WRITE

    @docs.video_retry
    def post(self, request: Request, video_id: UUID) -> Response:
        """Make it again where it failed or was cancelled; what was finished is used.

        Links to it stay good. Of a video that plays, the recording that was to replace it.
        """
        parse_body(request, NothingSerializer)
        return _accepted(
            request, lambda: services.video_retry(by=submitter_of(request), video_id=video_id)
        )


class VideoReplaceView(APIView):
    """Give one another recording."""

    required_scopes = _WRITE

    @docs.video_replace
    def post(self, request: Request, video_id: UUID) -> Response:
        """Have it play a new upload: the old one plays until the new one is ready.

        Where the new one fails, the old one stays. The links to the video stay good.
        """
        upload = parse_body(request, serializers.VideoReplaceSerializer)["upload"]
        return _accepted(
            request,
            lambda: services.video_replace(
                by=submitter_of(request), video_id=video_id, upload_id=upload
            ),
        )


class VideoRestoreView(APIView):
    """Bring one back."""

    required_scopes = _WRITE

    @docs.video_restore
    def post(self, request: Request, video_id: UUID) -> Response:
        """Bring a deleted video back, until it is deleted for good."""
        parse_body(request, NothingSerializer)
        video = deletion.video_restore(tenant=principal_of(request).tenant, video_id=video_id)
        return Response(present.video_body(video))


class VideoPurgeView(APIView):
    """Delete one for good."""

    required_scopes = {"POST": Scope.VIDEOS_PURGE}

    @docs.video_purge
    def post(self, request: Request, video_id: UUID) -> Response:
        """Delete a deleted video for good now, without waiting for `deletion.purge_at`.

        A job deletes its files and makes sure of it; `deletion.purged_at` says when. Owners alone
        have the scope.
        """
        parse_body(request, NothingSerializer)
        video = deletion.video_purge(tenant=principal_of(request).tenant, video_id=video_id)
        return Response(present.video_body(video), HTTPStatus.ACCEPTED)


class VideoUsageView(APIView):
    """The plan."""

    required_scopes = _READ

    @docs.video_usage
    def get(self, request: Request) -> Response:
        """The minutes of this month and the storage: how much is used, how much the plan has."""
        parse_query(request, NothingSerializer, also=frozenset())
        return Response(present.usage_body(usage.usage_of(principal_of(request).tenant)))


def _accepted(request: Request, act: Callable[[], Video]) -> Response:
    def once() -> Answer:
        video = act()
        # The access line of the request names what it made.
        logs.bind(job=str(video.job_id))
        address = reverse("videos:video", args=[video.pk])
        return Answer(HTTPStatus.ACCEPTED, present.video_body(video), address)

    return act_once(request, once)
