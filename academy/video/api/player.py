"""What a browser sees: the player page, its state, and the media. No account, only signed links."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Concatenate, Final, ParamSpec
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from academy.core.errors import AppError
from academy.core.http.problems import problem_response
from academy.video import playback
from academy.video.api import player_present
from academy.video.models import Video
from academy.video.upload import content_type

log = logging.getLogger(__name__)

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]

# Far shorter than the life of a link that is not renewed, which has hours.
_CACHE: Final = "private, max-age=600"
LINK_SECONDS: Final = "X-Link-Seconds"
"""How long the links in a playlist work; a player fetches it again before that."""


def _problems_as_json(view: View[P]) -> View[P]:
    """Answer an AppError with the error body of the API."""

    @wraps(view)
    def answer(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except AppError as error:
            return problem_response(error)

    return answer


@require_safe
@_problems_as_json
def media(request: HttpRequest, token: str, name: str) -> HttpResponseBase:
    """One file of a video: a playlist is served, anything else is a redirect signed now.

    The bytes of the media never pass through this process.
    """
    file = playback.media_open(token, name)
    if file.is_key:
        return _key(request, file)
    if not file.is_text:
        kept = f"private, max-age={max(0, min(600, file.seconds_left - 1))}"
        return HttpResponseRedirect(file.address(), headers={"Cache-Control": kept})
    body = ""
    if request.method != "HEAD":
        body = _lasting_text(file) if file.is_lasting else file.read_text()
    response = HttpResponse(body, content_type=content_type(file.name))
    kept_long = file.is_lasting and not file.renewed
    response["Cache-Control"] = _CACHE if kept_long else "no-store"
    response[LINK_SECONDS] = str(max(0, file.seconds_left))
    # The token is the credential, so that a player on another site may fetch it like any client.
    response["Access-Control-Allow-Origin"] = "*"
    response["Access-Control-Expose-Headers"] = LINK_SECONDS
    return response


@lru_cache(maxsize=64)
def _lasting_text(file: playback.MediaFile) -> str:
    """A class that starts together shares its links, so sign once."""
    return file.read_text()


def _key(request: HttpRequest, file: playback.MediaFile) -> HttpResponseBase:
    body = b"" if request.method == "HEAD" else file.read_key()
    response = HttpResponse(body, content_type=content_type(file.name))
    # No browser, proxy or CDN may keep a key.
    response["Cache-Control"] = "no-store"
    response["Access-Control-Allow-Origin"] = "*"
    return response


@require_safe
@_problems_as_json
def state(request: HttpRequest, video_id: UUID) -> HttpResponseBase:
    """How far the video is, and what there is around it; what the page polls."""
    video, audience = playback.player_open(video_id, request.GET.get("token", ""))
    response = JsonResponse(player_present.player_state(video, audience))
    response["Cache-Control"] = "no-store"
    return response


@require_safe
def page(request: HttpRequest, video_id: UUID) -> HttpResponseBase:
    """The player. A bad link gets the same page with the reason in words, and 403."""
    token = request.GET.get("token", "")
    problem: AppError | None = None
    video: Video | None = None
    try:
        video, _ = playback.player_open(video_id, token)
    except AppError as error:
        problem = error
    language = "ko" if getattr(request, "LANGUAGE_CODE", "ko").startswith("ko") else "en"
    context = {
        "language": language,
        "title": "" if video is None else video.title,
        "video_id": "" if video is None else str(video.pk),
        "base_url": reverse("player:page", args=[video_id]),
        "problem": None if problem is None else {
            "ko": f"{problem.message('ko')} {problem.action('ko')}",
            "en": f"{problem.message('en')} {problem.action('en')}",
        },
    }  # fmt: skip
    response = render(
        request, "video/player.html", context, status=200 if problem is None else problem.status
    )
    response["Content-Security-Policy"] = content_security_policy()
    response["Cache-Control"] = "private, no-store"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response


def content_security_policy() -> str:
    """Our own scripts and styles; media from here and from where its links lead."""
    objects = " ".join(
        f"{parts.scheme}://{parts.netloc}"
        for url in (settings.R2_PUBLIC_ENDPOINT_URL, settings.CDN_BASE_URL)
        if (parts := urlsplit(url)).netloc
    )
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src 'self' {objects}",
            f"media-src 'self' blob: {objects}",
            f"connect-src 'self' {objects}",
            "worker-src 'self' blob:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
