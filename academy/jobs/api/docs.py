"""What the OpenAPI document says about each operation, with examples that a test checks."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from academy.core.errors import error_body
from academy.core.http.openapi import answer, example
from academy.jobs.api import order_schema, serializers, stream
from academy.jobs.once import ONCE_PARAMETERS

TAGS: Final = ["Jobs"]
JOB_ID: Final = "01932c07-a5d4-7b1e-9c70-6f1f0b0a9f11"
_CHILD_ID: Final = "01932c07-c1f2-7f63-8d7e-3f5ad2a6f0c4"
_PATH: Final = f"/api/v1/jobs/{JOB_ID}"

_LINKS: Final = {
    "self": _PATH,
    "events": f"{_PATH}/events",
    "attempts": f"{_PATH}/attempts",
    "children": f"{_PATH}/children",
}

SUMMARY: Final[dict[str, Any]] = {
    "id": JOB_ID,
    "kind": "system.ping.ai-lite",
    "queue": "ai-lite",
    "priority": 5,
    "state": "queued",
    "phase": "start",
    "step": "",
    "percent": 0.0,
    "eta_seconds": None,
    "attempt": 0,
    "failures": 0,
    "cancel_requested": False,
    "not_before": "2026-03-02T00:00:00.000Z",
    "created_at": "2026-03-02T00:00:00.000Z",
    "published_at": None,
    "started_at": None,
    "finished_at": None,
    "error": None,
    "parent": None,
    "child_key": None,
    "replay_of": None,
    "escalation_of": None,
    "links": _LINKS,
}

QUEUED: Final = {
    **SUMMARY,
    "submitted_by": "key:ab12cd34",
    "params": {"note": "hello"},
    "result": None,
    "artifacts": [],
    "withheld": None,
    "flow": None,
    "escalated_to": [],
}

SUCCEEDED: Final = {
    **QUEUED,
    "state": "succeeded",
    "percent": 100.0,
    "attempt": 1,
    "published_at": "2026-03-02T00:00:00.009Z",
    "started_at": "2026-03-02T00:00:00.021Z",
    "finished_at": "2026-03-02T00:00:04.310Z",
    "result": {"note": "hello", "attempt": 1},
    "artifacts": [
        {
            "name": "report.xlsx",
            "content_type": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "size": 18_243,
            "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "url": "https://files.example.com/t/1/jobs/2/a1/report.xlsx?X-Amz-Signature=0a1b",
            "url_expires_at": "2026-03-02T01:00:05.000Z",
        }
    ],
}

_CHILD_FAILED: Final = {"child": "part-0003", "reason": "out_of_memory", "child_job": _CHILD_ID}
FAILED: Final = {
    **QUEUED,
    "state": "failed",
    "phase": "join",
    "percent": 10.0,
    "attempt": 1,
    "published_at": "2026-03-02T00:00:00.009Z",
    "started_at": "2026-03-02T00:00:00.021Z",
    "finished_at": "2026-03-02T00:00:04.310Z",
    "error": error_body("child_failed", _CHILD_FAILED),
    "flow": {"total": 8, "succeeded": 5, "running": 0, "percent": 71.5},
}

CANCELLED: Final = {
    **QUEUED,
    "state": "cancelled",
    "cancel_requested": True,
    "finished_at": "2026-03-02T00:00:04.310Z",
}
CANCELLING: Final = {
    **QUEUED,
    "state": "running",
    "step": "transcoding",
    "percent": 41.5,
    "eta_seconds": 93.0,
    "attempt": 1,
    "cancel_requested": True,
    "published_at": "2026-03-02T00:00:00.009Z",
    "started_at": "2026-03-02T00:00:00.021Z",
}

ATTEMPT: Final = {
    "number": 1,
    "phase": "start",
    "started_at": "2026-03-02T00:00:00.021Z",
    "ended_at": "2026-03-02T00:00:04.310Z",
    "outcome": "transient",
    "error": error_body("storage_unavailable", {}),
}

EVENTS: Final = [
    {
        "seq": 1,
        "at": "2026-03-02T00:00:00.000Z",
        "type": "submitted",
        "from_state": None,
        "state": "queued",
        "attempt": 0,
        "not_before": "2026-03-02T00:00:00.000Z",
    },
    {
        "seq": 2,
        "at": "2026-03-02T00:00:00.009Z",
        "type": "published",
        "from_state": "queued",
        "state": "published",
        "attempt": 0,
    },
    {
        "seq": 3,
        "at": "2026-03-02T00:00:00.021Z",
        "type": "running",
        "from_state": "published",
        "state": "running",
        "attempt": 1,
        "phase": "start",
    },
]

KIND: Final = {
    "name": "system.ping.ai-lite",
    "version": 1,
    "queue": "ai-lite",
    "queues": ["ai-lite"],
    "max_attempts": 3,
    "timeout_seconds": 60,
    "scopes": {"read": None, "write": None},
    "params": {
        "type": "object",
        "additionalProperties": False,
        "properties": {"note": {"type": "string", "maxLength": 200, "default": ""}},
    },
    "result": None,
}

ORDER: Final = {
    "kind": "system.ping.ai-lite",
    "params": {"note": "hello"},
    "priority": 8,
    "not_before": "2026-03-02T00:00:00Z",
}
SHORT_ORDER: Final = {"kind": "system.ping.ai-lite", "params": {"note": "hello"}}

_STREAM: Final = (
    "retry: 2000\n\n"
    "event: state\nid: 3\n"
    'data: {"seq":3,"type":"running","from_state":"published","state":"running","attempt":1}\n\n'
    "event: progress\n"
    'data: {"state":"running","step":"transcoding","percent":41.5,"eta_seconds":93.0}\n\n'
    "event: end\n"
    'data: {"id":"…","state":"succeeded"}\n\n'
)

_LOCATION: Final = OpenApiParameter(
    "Location",
    OpenApiTypes.URI_REF,
    OpenApiParameter.HEADER,
    response=[202],
    description="Address of the job.",
)


def _job(description: str, summary: str, value: Any) -> OpenApiResponse:
    return answer(serializers.JobSerializer, description, summary, value)


job_list = extend_schema(
    operation_id="job_list",
    tags=TAGS,
    parameters=[serializers.JobListQuerySerializer],
    responses={
        200: answer(serializers.JobSummarySerializer(many=True), "One page.", "A page", SUMMARY)
    },
)

job_submit = extend_schema(
    operation_id="job_submit",
    tags=TAGS,
    parameters=[*ONCE_PARAMETERS, _LOCATION],
    request=serializers.JobOrderSerializer,
    examples=[
        example("A job", SHORT_ORDER),
        example("Later and low in priority", ORDER),
        *(example(kind, order) for kind, order in order_schema.order_examples().items()),
    ],
    responses={202: _job("Accepted: the job is stored and will run.", "Accepted", QUEUED)},
)

job_batch = extend_schema(
    operation_id="job_batch",
    tags=TAGS,
    parameters=ONCE_PARAMETERS,
    request=serializers.JobBatchSerializer,
    examples=[example("Two jobs", {"jobs": [SHORT_ORDER, ORDER]})],
    responses={
        202: answer(
            serializers.JobBatchAnswerSerializer,
            "All are accepted. Where one cannot be, none is: `error.details.index` names it.",
            "Accepted",
            {
                "jobs": [
                    {
                        "id": JOB_ID,
                        "kind": "system.ping.ai-lite",
                        "queue": "ai-lite",
                        "state": "queued",
                        "links": {"self": _PATH},
                    }
                ]
            },
        )
    },
)

job_read = extend_schema(
    operation_id="job_read",
    tags=TAGS,
    parameters=[serializers.JobQuerySerializer],
    responses={
        200: OpenApiResponse(
            serializers.JobSerializer,
            "The job.",
            [
                example("Succeeded", SUCCEEDED, response=True),
                example("Failed", FAILED, response=True),
            ],
        )
    },
)

job_cancel = extend_schema(
    operation_id="job_cancel",
    tags=TAGS,
    request=None,
    responses={
        200: _job("It is cancelled.", "Cancelled", CANCELLED),
        202: _job("A worker has it and stops within seconds.", "Stopping", CANCELLING),
    },
)

job_retry = extend_schema(
    operation_id="job_retry",
    tags=TAGS,
    parameters=[*ONCE_PARAMETERS, _LOCATION],
    request=None,
    responses={202: _job("The same job, or the new one that replays it.", "Accepted", QUEUED)},
)

job_escalate = extend_schema(
    operation_id="job_escalate",
    tags=TAGS,
    parameters=[*ONCE_PARAMETERS, _LOCATION],
    request=None,
    responses={
        202: _job(
            "The job that follows up this one.", "Accepted", {**QUEUED, "escalation_of": JOB_ID}
        )
    },
)

job_replay = extend_schema(
    operation_id="job_replay",
    tags=TAGS,
    parameters=[*ONCE_PARAMETERS, _LOCATION],
    request=serializers.JobReplaySerializer,
    examples=[
        example("With edited parameters", {"params": {"note": "hello again"}}),
        example("As it was", {}),
    ],
    responses={
        202: _job("A new job that names the old one.", "Accepted", {**QUEUED, "replay_of": JOB_ID})
    },
)

job_attempts = extend_schema(
    operation_id="job_attempts",
    tags=TAGS,
    responses={
        200: answer(
            serializers.AttemptsSerializer, "All attempts.", "One attempt", {"items": [ATTEMPT]}
        )
    },
)

job_children = extend_schema(
    operation_id="job_children",
    tags=TAGS,
    responses={
        200: answer(
            serializers.JobSummarySerializer(many=True),
            "One page.",
            "A page",
            {**SUMMARY, "id": _CHILD_ID, "parent": JOB_ID, "child_key": "part-0003"},
        )
    },
)

job_events = extend_schema(
    operation_id="job_events",
    tags=TAGS,
    parameters=[
        serializers.EventsQuerySerializer,
        OpenApiParameter(
            "Last-Event-ID",
            OpenApiTypes.STR,
            OpenApiParameter.HEADER,
            description="Of a stream: the last `id` seen; it counts more than `after`.",
        ),
    ],
    responses={
        (200, "application/json"): answer(
            serializers.EventsSerializer,
            "The events.",
            "Events",
            {"items": EVENTS, "next_after": None},
        ),
        (200, stream.MEDIA_TYPE): answer(OpenApiTypes.STR, "The stream.", "A stream", _STREAM),
    },
)

kind_list = extend_schema(
    operation_id="kind_list",
    tags=TAGS,
    responses={200: answer(serializers.KindsSerializer, "All kinds.", "Kinds", {"items": [KIND]})},
)
