"""What the OpenAPI document says about each operation, with examples that a test checks."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import OpenApiResponse, extend_schema

from academy.core.http.openapi import answer, example
from academy.fleet.api import serializers

TAGS: Final = ["Operations"]

PAUSED: Final[dict[str, Any]] = {
    "at": "2026-03-02T00:00:00.000Z",
    "by": "user:17",
    "reason": "The encoder of this release loses the sound.",
}
QUEUE: Final[dict[str, Any]] = {
    "name": "video",
    "sqs_name": "academy-video-jobs",
    "dlq_name": "academy-video-jobs-dlq",
    "pool": "prefork",
    "concurrency": 1,
    "host_kinds": ["cpu", "gpu"],
    "visibility_seconds": 120,
    "max_receive_count": 8,
    "publish_window": 20,
    "paused": PAUSED,
    "depth": {
        "ready": 3,
        "in_flight": 1,
        "delayed": 0,
        "dead": 0,
        "oldest_seconds": None,
        "problem": None,
    },
    "workers_alive": 1,
}
WORKER: Final[dict[str, Any]] = {
    "name": "video@ip-10-0-3-17",
    "queue": "video",
    "host": "ip-10-0-3-17",
    "host_kind": "cpu",
    "pool": "prefork",
    "concurrency": 1,
    "release": None,
    "alive": True,
    "state": "working",
    "held": 1,
    "facts": {"events_dropped": 0},
    "drain": None,
    "started_at": "2026-03-01T22:10:04.120Z",
    "seen_at": "2026-03-02T00:00:00.000Z",
    "stopped_at": None,
}
DRAINING: Final[dict[str, Any]] = {
    **WORKER,
    "state": "draining",
    "drain": {"at": "2026-03-02T00:00:00.000Z", "by": "user:17"},
}
ACTION: Final[dict[str, Any]] = {
    "id": "01932c07-a5d4-7b1e-9c70-6f1f0b0a9f11",
    "at": "2026-03-02T00:00:00.000Z",
    "by": "user:17",
    "action": "queue.pause",
    "target": "video",
    "reason": "The encoder of this release loses the sound.",
    "data": {},
}


def _queue(description: str, summary: str, value: Any) -> OpenApiResponse:
    return answer(serializers.QueueStateSerializer, description, summary, value)


def _worker(description: str, summary: str, value: Any) -> OpenApiResponse:
    return answer(serializers.WorkerSerializer, description, summary, value)


queue_list = extend_schema(
    operation_id="ops_queue_list",
    tags=TAGS,
    responses={
        200: answer(serializers.QueuesSerializer, "All queues.", "Queues", {"items": [QUEUE]})
    },
)

queue_pause = extend_schema(
    operation_id="ops_queue_pause",
    tags=TAGS,
    request=serializers.PauseSerializer,
    examples=[example("A reason", {"reason": PAUSED["reason"]})],
    responses={
        200: _queue(
            "It is paused; whoever paused it first is named.",
            "Paused",
            {"name": "video", "paused": PAUSED},
        )
    },
)

queue_resume = extend_schema(
    operation_id="ops_queue_resume",
    tags=TAGS,
    request=None,
    responses={200: _queue("It runs.", "Running", {"name": "video", "paused": None})},
)

worker_list = extend_schema(
    operation_id="ops_worker_list",
    tags=TAGS,
    responses={
        200: answer(serializers.WorkersSerializer, "All workers.", "Workers", {"items": [WORKER]})
    },
)

worker_drain = extend_schema(
    operation_id="ops_worker_drain",
    tags=TAGS,
    request=serializers.DrainSerializer,
    examples=[example("A reason", {"reason": "Kernel update of the host."})],
    responses={
        200: _worker(
            "It is asked to; `state` says when it has done it.", "Draining", DRAINING
        )
    },
)  # fmt: skip

worker_undrain = extend_schema(
    operation_id="ops_worker_undrain",
    tags=TAGS,
    request=None,
    responses={200: _worker("It is asked to work again.", "Working", WORKER)},
)

action_list = extend_schema(
    operation_id="ops_action_list",
    tags=TAGS,
    parameters=[serializers.ActionListQuerySerializer],
    responses={200: answer(serializers.ActionSerializer(many=True), "One page.", "A page", ACTION)},
)
