"""What the OpenAPI document says about the operations on answer sheets, with examples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema

from academy.core.http.openapi import answer, example
from academy.desk.rest import LINK_EXAMPLE, PageLinkRequestSerializer, PageLinkSerializer
from academy.jobs.once import ONCE_PARAMETERS
from academy.sheets.api import answers, serializers
from academy.sheets.settlement import ScanSettleSerializer

F = TypeVar("F", bound=Callable[..., Any])

TAGS: Final = ["Answer sheets"]
SVG: Final = "image/svg+xml"
_DESIGN_ID: Final = "01932c07-c1f2-7f63-8d7e-3f5ad2a6f0c4"
_EXAM_ID: Final = "01932c07-d0a1-7b52-9f0e-5a1c9be2a7d3"
_SCAN_ID: Final = "01932c07-e3b4-7c16-8a55-0c7de1f9b284"
_UPLOAD_ID: Final = "01932c06-99d0-7a52-b2f7-0c9a4a6c5d11"
_STUDENT_ID: Final = "01932c05-11aa-7e03-9b1d-77c0e4d2f6a8"
_AT: Final = "2026-03-02T09:00:00.000Z"

LAYOUT: Final[dict[str, Any]] = {
    "title": "3월 모의고사",
    "orientation": "landscape",
    "columns": 3,
    "rows": 20,
    "identifier_digits": 8,
    "logo": False,
    "sections": [
        {"kind": "choice", "count": 40, "choices": 5, "digits": 3},
        {"kind": "numeric", "count": 5, "choices": 5, "digits": 3},
    ],
}
DESIGN: Final[dict[str, Any]] = {
    "id": _DESIGN_ID,
    "title": "모의고사 45문항",
    "fingerprint": "5be3a9c1",
    "questions": 45,
    "pages": [f"/api/v1/sheet-designs/{_DESIGN_ID}/pages/1"],
    "layout": LAYOUT,
    "created_at": _AT,
}
EXAM: Final[dict[str, Any]] = {
    "id": _EXAM_ID,
    "title": "3월 모의고사 수학",
    "design": _DESIGN_ID,
    "identify_by": "parent_phone",
    "state": "open",
    "has_key": True,
    "points": 100.0,
    "published_at": None,
    "created_at": _AT,
    "updated_at": _AT,
}
_COUNTS: Final = {
    "pages": 120, "readable": 119, "unreadable": 1, "identified": 117, "needs_review": 4,
    "duplicates": 0,
}  # fmt: skip
_DETAIL: Final = {**EXAM, "scans": _COUNTS}
_KEY_REQUEST: Final = {
    "items": [
        {"answers": [3], "points": 2},
        {"answers": [1, 4], "points": 3, "rule": "all"},
        {"answers": [12], "points": 4, "partial": {"21": 1.5}},
    ]
}
_KEY: Final = {
    "points": 9.0,
    "items": [
        {"question": 1, "answers": [3], "points": 2.0, "rule": "any", "partial": {}},
        {"question": 2, "answers": [1, 4], "points": 3.0, "rule": "all", "partial": {}},
        {"question": 3, "answers": [12], "points": 4.0, "rule": "any", "partial": {"21": 1.5}},
    ],
}
_SCORES: Final = {
    "points": 2.0,
    "items": [
        {
            "student": _STUDENT_ID, "name": "김보기", "points": 2.0, "right": 1,
            "needs_review": False, "missing_pages": [], "scans": [_SCAN_ID],
            "marks": [{"question": 1, "values": [3], "graded": "right", "points": 2.0}],
        }
    ],
    "statistics": {
        "students": 1, "mean": 1.0, "deviation": 0.0, "reliability": None,
        "questions": [
            {
                "question": 1, "difficulty": 1.0, "discrimination": None, "upper_lower": None,
                "blank": 0.0, "choices": [{"value": 3, "all": 1.0, "best": 1.0, "worst": 1.0}],
            }
        ],
    },
}  # fmt: skip
_SCAN: Final[dict[str, Any]] = {
    "id": _SCAN_ID,
    "exam": _EXAM_ID,
    "upload": _UPLOAD_ID,
    "index": 7,
    "page": 1,
    "match": "fuzzy",
    "student": None,
    "candidates": [_STUDENT_ID],
    "needs_review": True,
    "reasons": ["identity", "answers"],
    "doubtful": [12],
    "duplicate": False,
    "discarded": False,
    "error": None,
    "created_at": _AT,
    "updated_at": _AT,
}
_PICTURE: Final = "https://objects.example/t/overlay-0007.jpg?X-Amz-Signature=0"
_SCAN_DETAIL: Final = {
    **_SCAN,
    "identifier": {"digits": "00000014", "read_as": "ok", "confidence": 0.99, "crop": None,
        "reviewed": None},
    "answers": [
        {
            "question": 12, "question_kind": "choice", "values": [2], "read_as": "low_confidence",
            "confidence": 0.61, "settled": None, "crop": _PICTURE, "reviewed": None,
        }
    ],
    "reviews": [],
    "pictures_removed_at": None,
    "overlay": _PICTURE,
    "links_expire_at": _AT,
    "changes": [
        {"what": "answer.11", "before": None, "after": [4], "by": "user:17", "at": _AT}
    ],
}  # fmt: skip


def _location(what: str) -> OpenApiParameter:
    return OpenApiParameter(
        "Location",
        OpenApiTypes.URI_REF,
        OpenApiParameter.HEADER,
        response=[201],
        description=f"Address of the {what}.",
    )


design_list = extend_schema(
    operation_id="sheet_design_list",
    tags=TAGS,
    responses={200: answer(answers.DesignSerializer(many=True), "One page.", "A design", DESIGN)},
)
design_create = extend_schema(
    operation_id="sheet_design_create",
    tags=TAGS,
    parameters=[*ONCE_PARAMETERS, _location("design")],
    request=serializers.DesignCreateSerializer,
    examples=[example("A design", {"title": "모의고사 45문항", "layout": LAYOUT})],
    responses={201: answer(answers.DesignSerializer, "Stored.", "Stored", DESIGN)},
)
design_read = extend_schema(
    operation_id="sheet_design_read",
    tags=TAGS,
    responses={200: answer(answers.DesignSerializer, "The design.", "A design", DESIGN)},
)
design_preview = extend_schema(
    operation_id="sheet_design_preview",
    tags=TAGS,
    responses={
        (200, SVG): answer(OpenApiTypes.STR, "The page.", "A page", "<svg></svg>"),
    },
)
exam_list = extend_schema(
    operation_id="exam_list",
    tags=TAGS,
    parameters=[serializers.ExamListQuerySerializer],
    responses={200: answer(answers.ExamSerializer(many=True), "One page.", "An exam", EXAM)},
)
exam_create = extend_schema(
    operation_id="exam_create",
    tags=TAGS,
    parameters=[*ONCE_PARAMETERS, _location("examination")],
    request=serializers.ExamCreateSerializer,
    examples=[example("An exam", {"design": _DESIGN_ID, "title": "3월 모의고사 수학"})],
    responses={201: answer(answers.ExamDetailSerializer, "Stored.", "Stored", _DETAIL)},
)
exam_read = extend_schema(
    operation_id="exam_read",
    tags=TAGS,
    responses={200: answer(answers.ExamDetailSerializer, "The examination.", "An exam", _DETAIL)},
)
exam_edit = extend_schema(
    operation_id="exam_edit",
    tags=TAGS,
    request=serializers.ExamEditSerializer,
    examples=[example("Close it", {"state": "closed"})],
    responses={
        200: answer(
            answers.ExamDetailSerializer, "As it is now.", "Closed", {**_DETAIL, "state": "closed"}
        )
    },
)
key_read = extend_schema(
    operation_id="exam_key_read",
    tags=TAGS,
    responses={200: answer(answers.KeyAnswerSerializer, "The key.", "A key", _KEY)},
)
key_set = extend_schema(
    operation_id="exam_key_set",
    tags=TAGS,
    request=serializers.KeySerializer,
    examples=[example("A key", _KEY_REQUEST)],
    responses={200: answer(answers.KeyAnswerSerializer, "As it is now.", "A key", _KEY)},
)
scores_read = extend_schema(
    operation_id="exam_scores",
    tags=TAGS,
    responses={200: answer(answers.ScoresSerializer, "The scores.", "Scores", _SCORES)},
)
exam_identify = extend_schema(
    operation_id="exam_identify",
    tags=TAGS,
    request=None,
    responses={200: answer(answers.ExamDetailSerializer, "As it is now.", "An exam", _DETAIL)},
)
scan_list = extend_schema(
    operation_id="scan_list",
    tags=TAGS,
    parameters=[serializers.ScanListQuerySerializer],
    responses={200: answer(answers.ScanSerializer(many=True), "One page.", "A scan", _SCAN)},
)
scan_read = extend_schema(
    operation_id="scan_read",
    tags=TAGS,
    responses={200: answer(answers.ScanDetailSerializer, "The page.", "A scan", _SCAN_DETAIL)},
)
scan_settle = extend_schema(
    operation_id="scan_settle",
    tags=TAGS,
    request=ScanSettleSerializer,
    examples=[
        example("Settle", {"answers": {"12": [2], "13": []}, "student": _STUDENT_ID}),
        example("Discard", {"discarded": True}),
    ],
    responses={200: answer(answers.ScanDetailSerializer, "As it is now.", "A scan", _SCAN_DETAIL)},
)


def _page_link(operation_id: str) -> Callable[[F], F]:
    return extend_schema(
        operation_id=operation_id,
        tags=TAGS,
        request=PageLinkRequestSerializer,
        examples=[example("For a teacher", {"actor": "teacher-7", "expires_in": 3600})],
        responses={200: answer(PageLinkSerializer, "The page.", "A link", LINK_EXAMPLE)},
    )


review_link = _page_link("exam_review_link")
exam_page_link = _page_link("exam_page_link")
_RESULT: Final = {
    "exam": {"id": _EXAM_ID, "title": "3월 모의고사 수학"},
    "student": {"id": _STUDENT_ID, "name": "김보기"},
    "points": 92.0, "of": 100.0, "right": 40, "rank": 3, "students": 118, "mean": 71.35,
    "published_at": _AT,
    "marks": [
        {
            "question": 1, "values": [3], "graded": "right", "points": 2.0, "of": 2.0,
            "answers": [3], "difficulty": 0.81,
        }
    ],
}  # fmt: skip
result_read = extend_schema(
    operation_id="exam_result",
    tags=TAGS,
    responses={200: answer(answers.ResultSerializer, "The result.", "A result", _RESULT)},
)
result_link = extend_schema(
    operation_id="exam_result_link",
    tags=TAGS,
    request=PageLinkRequestSerializer,
    examples=[example("For a month", {"expires_in": 2592000})],
    responses={
        200: answer(
            answers.ResultLinkSerializer,
            "The page.",
            "A link",
            {
                **LINK_EXAMPLE,
                "message": {
                    "ko": "김보기 학생의 「3월 수학」 결과가 나왔습니다: 100점 만점에 92점.",
                    "en": "김보기, “3월 수학”: 92 of 100 points.",
                },
            },
        )
    },
)
