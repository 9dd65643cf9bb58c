"""What the OpenAPI document says about the operations on the academy's own material."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema

from academy.core.http.openapi import answer, example
from academy.jobs.once import ONCE_PARAMETERS
from academy.problems.api import serializers

TAGS: Final = ["Problems"]
_COLLECTION_ID: Final = "01932c07-c1f2-7f63-8d7e-3f5ad2a6f0c4"
_PROBLEM_ID: Final = "01932c07-d0a1-7b52-9f0e-5a1c9be2a7d3"
_AT: Final = "2026-03-02T09:00:00.000Z"
_TEXT: Final = "이차방정식 x² - 5x + 6 = 0의 두 근의 합을 구하시오."

COLLECTION: Final[dict[str, Any]] = {
    "id": _COLLECTION_ID,
    "title": "보기고 2025 1학기 중간고사",
    "origin": "past_exam",
    "problems": 25,
    "created_at": _AT,
}
PROBLEM: Final[dict[str, Any]] = {
    "id": _PROBLEM_ID,
    "collection": _COLLECTION_ID,
    "number": "12",
    "text": _TEXT,
    "page": 3,
    "tags": ["이차방정식"],
    "has_picture": True,
    "created_at": _AT,
}
_DETAIL: Final = {
    **PROBLEM,
    "picture": "https://objects.example/t/problems/01932c07.png?X-Amz-Signature=0",
    "picture_expires_at": _AT,
}
_NEW: Final = {"problems": [{"number": "12", "text": _TEXT, "page": 3, "tags": ["이차방정식"]}]}

collection_list = extend_schema(
    operation_id="problem_collection_list",
    tags=TAGS,
    parameters=[serializers.CollectionListQuerySerializer],
    responses={
        200: answer(
            serializers.CollectionSerializer(many=True), "One page.", "A collection", COLLECTION
        )
    },
)
collection_create = extend_schema(
    operation_id="problem_collection_create",
    tags=TAGS,
    parameters=[
        *ONCE_PARAMETERS,
        OpenApiParameter(
            "Location",
            OpenApiTypes.URI_REF,
            OpenApiParameter.HEADER,
            response=[201],
            description="Address of the collection.",
        ),
    ],
    request=serializers.CollectionCreateSerializer,
    examples=[
        example("A past exam", {"title": "보기고 2025 1학기 중간고사", "origin": "past_exam"})
    ],
    responses={
        201: answer(
            serializers.CollectionSerializer, "Made.", "Made", {**COLLECTION, "problems": 0}
        )
    },
)
collection_read = extend_schema(
    operation_id="problem_collection_read",
    tags=TAGS,
    responses={
        200: answer(serializers.CollectionSerializer, "The collection.", "A collection", COLLECTION)
    },
)
collection_delete = extend_schema(
    operation_id="problem_collection_delete",
    tags=TAGS,
    responses={
        200: answer(
            serializers.CollectionDeletedSerializer,
            "Deleted.",
            "Deleted",
            {"id": _COLLECTION_ID, "problems": 25},
        )
    },
)
problem_list = extend_schema(
    operation_id="problem_list",
    tags=TAGS,
    parameters=[serializers.ProblemListQuerySerializer],
    responses={
        200: answer(serializers.ProblemSerializer(many=True), "One page.", "A problem", PROBLEM)
    },
)
problem_add = extend_schema(
    operation_id="problem_add",
    tags=TAGS,
    parameters=ONCE_PARAMETERS,
    request=serializers.ProblemsAddSerializer,
    examples=[example("A problem", _NEW)],
    responses={
        201: answer(
            serializers.AddedSerializer,
            "Added.",
            "Added",
            {"items": [{**PROBLEM, "has_picture": False}]},
        )
    },
)
problem_read = extend_schema(
    operation_id="problem_read",
    tags=TAGS,
    responses={
        200: answer(serializers.ProblemDetailSerializer, "The problem.", "A problem", _DETAIL)
    },
)
problem_delete = extend_schema(
    operation_id="problem_delete",
    tags=TAGS,
    responses={
        200: answer(
            serializers.ProblemDeletedSerializer, "Deleted.", "Deleted", {"id": _PROBLEM_ID}
        )
    },
)
