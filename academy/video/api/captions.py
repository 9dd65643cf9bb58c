"""Captions over REST: a text file in each language, put as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any, Final
from uuid import UUID

from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiRequest,
    OpenApiResponse,
    extend_schema,
)
from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.core.errors import AppError
from academy.core.http.openapi import answer, example
from academy.core.http.serializers import NothingSerializer, StrictSerializer, parse_query
from academy.core.http.values import instant
from academy.tenants.principal import principal_of
from academy.tenants.scopes import Scope
from academy.video import captions, selectors
from academy.video.models import Caption

_TYPES: Final = ("text/vtt", "application/x-subrip", "text/plain")
_TEXT: Final = {"type": "string", "maxLength": captions.MAX_BYTES}
_CUE: Final = "00:00:01.000 --> 00:00:04.000\n이차함수의 그래프\n"
_FILES: Final = {
    "text/vtt": OpenApiExample(
        "WebVTT", f"WEBVTT\n\n{_CUE}", media_type="text/vtt", request_only=True
    ),
    **{
        kind: OpenApiExample(
            "SRT", "1\n" + _CUE.replace(".", ","), media_type=kind, request_only=True
        )
        for kind in _TYPES[1:]
    },
}
_EXAMPLE: Final = {
    "language": "ko",
    "label": "한국어",
    "size": 48211,
    "updated_at": "2026-03-02T10:30:00.000Z",
}
_LANGUAGE: Final = OpenApiParameter(
    "language", str, OpenApiParameter.PATH, description="BCP 47: `ko`, `en`, `zh-Hant`."
)


class CaptionFileParser(BaseParser):
    """The bytes of a body, whose encoding only its contents tell."""

    media_type = _TYPES[0]

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, bytes]:
        """Read it, as ``file``. Raises AppError(``captions_too_large``)."""
        del media_type, parser_context
        data: bytes = stream.read(captions.MAX_BYTES + 1)
        if len(data) > captions.MAX_BYTES:
            raise AppError("captions_too_large", limit_bytes=captions.MAX_BYTES)
        return {"file": data}


class SubRipParser(CaptionFileParser):
    """SRT."""

    media_type = _TYPES[1]


class PlainTextParser(CaptionFileParser):
    """Either of the two, under the name that many clients give a text."""

    media_type = _TYPES[2]


class CaptionQuerySerializer(StrictSerializer):
    """What to show for the language."""

    label = serializers.RegexField(  # type: ignore[assignment]
        r'^[^\x00-\x1f"]+\Z', max_length=captions.LABEL_CHARS, required=False, default="",
        help_text="What players show to choose; without it the language's own name.",
    )  # fmt: skip


class CaptionSerializer(serializers.Serializer[Any]):
    """Captions in one language."""

    language = serializers.CharField(help_text="BCP 47.")
    label = serializers.CharField()  # type: ignore[assignment]
    size = serializers.IntegerField(help_text="Bytes, as WebVTT.")
    updated_at = serializers.DateTimeField()


class CaptionListSerializer(serializers.Serializer[Any]):
    """All captions of a video."""

    items = CaptionSerializer(many=True)


class CaptionsView(APIView):
    """List."""

    required_scopes = {"GET": Scope.VIDEOS_READ}

    @extend_schema(
        operation_id="video_captions_list",
        tags=["Videos"],
        responses={200: CaptionListSerializer},
        examples=[example("Korean captions", {"items": [_EXAMPLE]}, response=True)],
    )
    def get(self, request: Request, video_id: UUID) -> Response:
        """The captions of a video, by language; how to show them is in its `playback`."""
        parse_query(request, NothingSerializer, also=frozenset())
        video = selectors.video_get(tenant=principal_of(request).tenant, video_id=video_id)
        return Response({"items": [_body(row) for row in captions.captions_list(video=video)]})


class CaptionView(APIView):
    """Put and delete those in one language."""

    required_scopes = {"PUT": Scope.VIDEOS_WRITE, "DELETE": Scope.VIDEOS_WRITE}
    parser_classes = [CaptionFileParser, SubRipParser, PlainTextParser]

    @extend_schema(
        operation_id="video_captions_put",
        tags=["Videos"],
        parameters=[_LANGUAGE, CaptionQuerySerializer],
        request={kind: OpenApiRequest(_TEXT, examples=[_FILES[kind]]) for kind in _TYPES},
        responses={
            200: answer(
                CaptionSerializer, "They took the place of others.", "Korean captions", _EXAMPLE
            ),
            201: OpenApiResponse(CaptionSerializer, "They are the first in this language."),
        },
    )  # fmt: skip
    def put(self, request: Request, video_id: UUID, language: str) -> Response:
        """Captions in one language: WebVTT or SRT, up to 1 MB.

        Students see them at the next load of the player; nothing is encoded again. A flaw is
        refused with the number of its line.
        """
        wanted = parse_query(request, CaptionQuerySerializer, also=frozenset())
        body: Any = request.data
        caption, created = captions.caption_put(
            tenant=principal_of(request).tenant,
            video_id=video_id,
            language=language,
            data=body.get("file", b""),
            label=wanted["label"],
        )
        return Response(_body(caption), status=201 if created else 200)

    @extend_schema(
        operation_id="video_captions_delete",
        tags=["Videos"],
        parameters=[_LANGUAGE],
        responses={204: OpenApiResponse(None, "They are gone.")},
    )
    def delete(self, request: Request, video_id: UUID, language: str) -> Response:
        """Delete the captions in one language."""
        tenant = principal_of(request).tenant
        captions.caption_delete(tenant=tenant, video_id=video_id, language=language)
        return Response(status=204)


def _body(caption: Caption) -> dict[str, Any]:
    return {
        "language": caption.language,
        "label": caption.label,
        "size": caption.size,
        "updated_at": instant(caption.updated_at),
    }
