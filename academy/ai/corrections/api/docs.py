"""What the OpenAPI document says of corrections."""

from __future__ import annotations

from typing import Final

from drf_spectacular.utils import extend_schema

from academy.ai.corrections.api import serializers
from academy.core.http.openapi import answer, example
from academy.desk.rest import LINK_EXAMPLE, PageLinkRequestSerializer, PageLinkSerializer

TAGS: Final = ["AI"]
_JOB: Final = "01932c06-99d0-7a52-b2f7-0c9a4a6c5d11"
_PARTS: Final = [{"page": 1, "bbox": [112, 240, 780, 655]}]
_STANDING: Final = {
    "job_id": _JOB, "revision": 1, "corrected_at": "2026-03-02T09:00:00.000Z",
    "questions": [
        {
            "n": 1, "last": None, "parts": _PARTS, "confidence": 1.0, "number_confidence": 1.0,
            "crop_url": "https://objects.example/t/…/corrected-0001.png?X-Amz-Signature=…",
        }
    ],
}  # fmt: skip

questions_read = extend_schema(
    operation_id="ai_questions_read",
    tags=TAGS,
    responses={200: answer(serializers.StandingSerializer, "They.", "Questions", _STANDING)},
)
questions_correct = extend_schema(
    operation_id="ai_questions_correct",
    tags=TAGS,
    request=serializers.CorrectionSerializer,
    examples=[
        example(
            "One question",
            {"revision": 0, "questions": [{"n": 1, "last": None, "parts": _PARTS}]},
        )
    ],
    responses={200: answer(serializers.StandingSerializer, "As now.", "Questions", _STANDING)},
)
correction_link = extend_schema(
    operation_id="ai_correction_link",
    tags=TAGS,
    request=PageLinkRequestSerializer,
    examples=[example("For a teacher", {"actor": "teacher-7", "expires_in": 3600})],
    responses={200: answer(PageLinkSerializer, "The page.", "A link", LINK_EXAMPLE)},
)
