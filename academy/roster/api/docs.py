"""What the OpenAPI document says about the operations on students, with examples."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from academy.core.http.openapi import example
from academy.jobs.once import ONCE_PARAMETERS
from academy.roster.api import serializers

TAGS: Final = ["Students"]
STUDENT_EXAMPLE: Final[dict[str, Any]] = {
    "id": "01932c07-c1f2-7f63-8d7e-3f5ad2a6f0c4",
    "number": "2026-014",
    "name": "김보기",
    "parent_phone": "***-****-0014",
    "student_phone": "",
    "school": "보기중학교",
    "grade": "중2",
    "gender": "female",
    "class_name": "중등 A",
    "state": "enrolled",
    "enrolled_on": "2026-03-02",
    "memo": "",
    "created_at": "2026-03-02T09:00:00.000Z",
    "updated_at": "2026-03-02T09:00:00.000Z",
    "removed_at": None,
}
CREATE_EXAMPLE: Final[dict[str, Any]] = {
    "name": "김보기",
    "parent_phone": "010-0000-0014",
    "school": "보기중학교",
    "grade": "중2",
}
_LOCATION: Final = OpenApiParameter(
    "Location",
    OpenApiTypes.URI_REF,
    OpenApiParameter.HEADER,
    response=[201],
    description="Address of the student.",
)


def _student(description: str, summary: str, value: dict[str, Any]) -> OpenApiResponse:
    return OpenApiResponse(
        serializers.StudentSerializer, description, [example(summary, value, response=True)]
    )


student_list = extend_schema(
    operation_id="student_list",
    tags=TAGS,
    parameters=[serializers.StudentListQuerySerializer],
    responses={
        200: OpenApiResponse(
            serializers.StudentSerializer(many=True),
            "One page.",
            [example("A student", STUDENT_EXAMPLE, response=True)],
        )
    },
)
student_create = extend_schema(
    operation_id="student_create",
    tags=TAGS,
    parameters=[*ONCE_PARAMETERS, _LOCATION],
    request=serializers.StudentCreateSerializer,
    examples=[example("A new student", CREATE_EXAMPLE)],
    responses={201: _student("Added.", "Added", STUDENT_EXAMPLE)},
)
student_read = extend_schema(
    operation_id="student_read",
    tags=TAGS,
    responses={
        200: _student(
            "The student.",
            "With students:phones",
            {**STUDENT_EXAMPLE, "parent_phone": "01000000014"},
        )
    },
)
student_edit = extend_schema(
    operation_id="student_edit",
    tags=TAGS,
    request=serializers.StudentEditSerializer,
    examples=[example("Another class", {"class_name": "중등 B", "state": "paused"})],
    responses={
        200: _student(
            "As it is now.",
            "Changed",
            {**STUDENT_EXAMPLE, "class_name": "중등 B", "state": "paused"},
        )
    },
)
student_remove = extend_schema(
    operation_id="student_remove",
    tags=TAGS,
    responses={
        200: _student(
            "Hidden.", "Removed", {**STUDENT_EXAMPLE, "removed_at": "2026-03-03T10:00:00.000Z"}
        )
    },
)
