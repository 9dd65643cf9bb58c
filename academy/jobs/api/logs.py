"""What the attempts of a job logged: for operators, because lines speak of the inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.core.http.openapi import answer
from academy.core.http.serializers import StrictSerializer, parse_query
from academy.jobs import selectors
from academy.jobs.models import JobLog
from academy.tenants.scopes import Scope

TEXT: Final = "text/plain"
MOST_LINES: Final = 2_000
_NUMBER: Final = 2**31 - 1
_AFTER: Final = r"^[0-9]{1,10}\.[0-9]{1,10}$"


class LogsQuerySerializer(StrictSerializer):
    """Where to begin, and how much."""

    after = serializers.RegexField(
        _AFTER,
        required=False,
        help_text="`attempt.seq` of the last line already read, such as `1.37`.",
    )
    limit = serializers.IntegerField(
        required=False, default=500, min_value=1, max_value=MOST_LINES, help_text="How many lines."
    )

    def validate_after(self, value: str) -> tuple[int, int]:
        """The two numbers, which the database must be able to hold."""
        attempt, seq = (min(int(part), _NUMBER) for part in value.split("."))
        return attempt, seq


class LogLineSerializer(serializers.Serializer[Any]):
    """One line, masked and cut at 4 kB."""

    attempt = serializers.IntegerField()
    seq = serializers.IntegerField(help_text="Ascending within the attempt, from 1.")
    at = serializers.DateTimeField()
    level = serializers.CharField(help_text="info, warning, error or critical.")
    logger = serializers.CharField()
    message = serializers.CharField(help_text="Of several lines where there is a traceback.")


class LogsSerializer(serializers.Serializer[Any]):
    """Lines, oldest attempt first."""

    items = LogLineSerializer(many=True)
    next_after = serializers.CharField(
        allow_null=True, help_text="Give it as `after` for more; null when these were all."
    )


_LINE: Final = {
    "attempt": 1,
    "seq": 1,
    "at": "2026-03-02T00:00:01.204Z",
    "level": "info",
    "logger": "academy.jobs.run",
    "message": "source: h264 1920x1080 at 30.00 fps, aac, 5400.0 s",
}
_AS_TEXT: Final = (
    "2026-03-02T00:00:01.204Z 1.1 INFO academy.jobs.run: "
    "source: h264 1920x1080 at 30.00 fps, aac, 5400.0 s\n"
)


class PlainTextRenderer(BaseRenderer):
    """Makes ``Accept: text/plain`` negotiable; only errors would be rendered with it."""

    media_type = TEXT
    format = "text"

    def render(self, data: Any, *_: Any, **__: Any) -> bytes:
        """An error, as JSON."""
        rendered: bytes = JSONRenderer().render(data)
        return rendered


class JobLogsView(APIView):
    """The log of one job."""

    required_scopes = {"GET": Scope.OPS_READ}
    renderer_classes = [JSONRenderer, PlainTextRenderer]

    @extend_schema(
        operation_id="ops_job_logs",
        tags=["Operations"],
        parameters=[LogsQuerySerializer],
        responses={
            (200, "application/json"): answer(
                LogsSerializer, "The lines.", "Log lines", {"items": [_LINE], "next_after": None}
            ),
            (200, TEXT): answer(OpenApiTypes.STR, "The lines.", "As text", _AS_TEXT),
        },
    )
    def get(self, request: Request, job_id: UUID) -> HttpResponseBase:
        """What the attempts of a job logged at INFO and above, of whichever academy it is.

        At most 500 lines and 256 kB an attempt; kept for 30 days after the job ended, unless the
        platform says otherwise. While an attempt runs, its lines appear every few seconds: ask
        again `after` the last. With `Accept: text/plain` they come as plain lines; where there are
        more, the `Link` header leads to them.
        """
        wanted = parse_query(request, LogsQuerySerializer, also=frozenset())
        job = selectors.job_of_any_tenant(job_id)
        limit = wanted["limit"]
        lines = selectors.job_logs(job.pk, after=wanted.get("after"), limit=limit + 1)
        shown = lines[:limit]
        more = f"{shown[-1].attempt}.{shown[-1].seq}" if len(lines) > limit else None
        if request.accepted_renderer.media_type == TEXT:
            return _as_text(request, shown, more, limit)
        return Response({"items": [_body(line) for line in shown], "next_after": more})

    def handle_exception(self, exc: Exception) -> Response:
        """An error is JSON also where text was asked for."""
        response = super().handle_exception(exc)
        response.content_type = JSONRenderer.media_type
        return response


def _body(line: JobLog) -> dict[str, Any]:
    return {
        "attempt": line.attempt,
        "seq": line.seq,
        "at": line.at,
        "level": line.level,
        "logger": line.logger,
        "message": line.message,
    }


def _as_text(
    request: Request, lines: Sequence[JobLog], more: str | None, limit: int
) -> HttpResponse:
    response = HttpResponse(
        "".join(_text(line) for line in lines), content_type=f"{TEXT}; charset=utf-8"
    )
    if more is not None:
        response["Link"] = f'<{request.path}?after={more}&limit={limit}>; rel="next"'
    return response


def _text(line: JobLog) -> str:
    at = line.at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    # Further lines of a message are set in, so that each line that is not begins an entry.
    message = line.message.replace("\n", "\n    ")
    return f"{at} {line.attempt}.{line.seq} {line.level.upper()} {line.logger}: {message}\n"
