"""What the OpenAPI document says about the AI kinds, with examples."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import extend_schema

from academy.ai.api import serializers
from academy.core.http.openapi import answer, example

TAGS: Final = ["AI"]
KIND_EXAMPLE: Final[dict[str, Any]] = {
    "name": "ai.ocr_text",
    "unit": "page",
    "currency": "KRW",
    "default_tier": "lite",
    "tiers": [{"tier": "lite", "unit_price": 5, "included": True}],
    "limits": {"bytes": 536870912, "pages": 300, "pixels": 60000000},
}
REQUEST_EXAMPLE: Final[dict[str, Any]] = {
    "kind": "ai.ocr_text",
    "params": {"upload": "01932c06-99d0-7a52-b2f7-0c9a4a6c5d11"},
}
ESTIMATE_EXAMPLE: Final[dict[str, Any]] = {
    "kind": "ai.ocr_text",
    "tier": "lite",
    "unit": "page",
    "currency": "KRW",
    "unit_price": 5,
    "units": None,
    "price": None,
}

ai_kind_list = extend_schema(
    operation_id="ai_kind_list",
    tags=TAGS,
    responses={
        200: answer(
            serializers.AiKindsSerializer, "All AI kinds.", "AI kinds", {"items": [KIND_EXAMPLE]}
        )
    },
)
ai_estimate = extend_schema(
    operation_id="ai_estimate",
    tags=TAGS,
    request=serializers.EstimateRequestSerializer,
    examples=[example("Text of a PDF", REQUEST_EXAMPLE)],
    responses={
        200: answer(
            serializers.EstimateSerializer, "The estimate.", "Priced by the page", ESTIMATE_EXAMPLE
        )
    },
)
