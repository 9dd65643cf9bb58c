"""What the OpenAPI document says about each operation, with examples that a test checks."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import extend_schema

from academy.core.errors import error_body
from academy.core.http.openapi import answer, example
from academy.deadletters.api import answers, serializers

TAGS: Final = ["Dead letters"]
LETTER_ID: Final = "01932c07-a5d4-7b1e-9c70-6f1f0b0a9f11"
JOB_ID: Final = "01932c07-c1f2-7f63-8d7e-3f5ad2a6f0c4"
REPLAY_ID: Final = "01932c08-0b77-7c50-9b7e-0a4f6f1c2d3e"
FINGERPRINT: Final = "3f9a01c27be4"
_PATH: Final = "/api/v1/ops/dead-letters"

LETTER: Final[dict[str, Any]] = {
    "id": LETTER_ID,
    "source": "job",
    "queue": "video",
    "kind": "video.transcode",
    "code": "worker_lost",
    "title": "The servers that worked on this were lost <n> times.",
    "fingerprint": FINGERPRINT,
    "error": error_body("worker_lost", {"losses": 3}),
    "tenant": {"id": "01932c00-1111-7222-8333-444455556666", "slug": "haneul"},
    "job": JOB_ID,
    "flow": None,
    "message_id": None,
    "receive_count": None,
    "sent_at": None,
    "died_at": "2026-03-02T00:00:04.310Z",
    "collected_at": "2026-03-02T00:00:07.002Z",
    "state": "open",
    "resolved_at": None,
    "resolved_by": None,
    "reason": None,
    "replayed_at": None,
    "replayed_as": None,
    "resent_as": None,
    "links": {"self": f"{_PATH}/{LETTER_ID}"},
}
REPLAYING: Final = {
    **LETTER,
    "state": "replaying",
    "resolved_by": "user:17",
    "replayed_at": "2026-03-02T00:10:00.000Z",
    "replayed_as": "01932c10-9a3e-7a10-8a55-7b6c5d4e3f2a",
}
DISCARDED: Final = {
    **LETTER,
    "state": "discarded",
    "resolved_at": "2026-03-02T00:10:00.000Z",
    "resolved_by": "user:17",
    "reason": "The academy uploaded the lecture again.",
}
GROUP: Final = {
    "fingerprint": FINGERPRINT,
    "kind": "video.transcode",
    "code": "worker_lost",
    "title": "The servers that worked on this were lost <n> times.",
    "queues": ["video"],
    "sources": ["job"],
    "letters": 12,
    "open": 12,
    "tenants": 5,
    "first_at": "2026-03-02T00:00:04.310Z",
    "last_at": "2026-03-02T00:04:11.904Z",
}
PREVIEW: Final = {
    "letter": LETTER_ID,
    "deed": "run",
    "job": JOB_ID,
    "params": {"upload": "01932c07-0000-7000-8000-000000000001"},
    "problem": None,
}
STORY: Final = {
    **LETTER,
    "message": None,
    "row": {
        "id": JOB_ID,
        "kind": "video.transcode",
        "kind_version": 1,
        "queue": "video",
        "priority": 5,
        "state": "dead",
        "version": 3,
        "attempt": 3,
        "failures": 0,
        "losses": 3,
        "phase": "start",
        "step": "transcoding",
        "percent": 41.5,
        "submitted_by": "key:ab12cd34",
        "request_id": "01932c07-a000-7000-8000-000000000000",
        "traceparent": None,
        "created_at": "2026-03-01T23:50:00.000Z",
        "published_at": "2026-03-01T23:58:00.010Z",
        "started_at": "2026-03-01T23:50:00.200Z",
        "finished_at": "2026-03-02T00:00:04.310Z",
        "params": {"upload": "01932c07-0000-7000-8000-000000000001"},
        "parent": None,
        "replay_of": None,
        "attempts": [
            {
                "number": 3,
                "phase": "start",
                "worker": "video@ip-10-0-3-17/4711",
                "host_kind": "cpu",
                "message_id": "8f1b6a2e-7c55-4f5e-9d35-2b9a6c1f0e77",
                "receive_count": 1,
                "started_at": "2026-03-01T23:58:00.200Z",
                "ended_at": "2026-03-02T00:00:04.310Z",
                "outcome": "lost",
                "error": None,
                "detail": None,
            }
        ],
        "events": [
            {
                "seq": 9,
                "at": "2026-03-02T00:00:04.310Z",
                "type": "dead",
                "from_state": "running",
                "state": "dead",
                "attempt": 3,
                "data": {"code": "worker_lost"},
            }
        ],
        "logs": [
            {
                "attempt": 3,
                "seq": 1,
                "at": "2026-03-01T23:58:01.000Z",
                "level": "INFO",
                "logger": "academy.video",
                "message": "encoding 1080p",
            }
        ],
        "artifacts": [],
        "effects": [],
    },
    "replay": PREVIEW,
    "replays": [],
    "before": [],
    "after": [],
    "actions": [],
}
PLAN: Final = {
    "runs": 11,
    "flows": 0,
    "along": 0,
    "blocked": 1,
    "left_out": 0,
    "minutes": 0.3,
    "kinds": {"video.transcode": 11},
    "tenants": {"haneul": 9, "dasom": 2},
    "canary": PREVIEW,
    "problems": [{"count": 1, "error": error_body("tenant_inactive", {})}],
    "examples": [
        {
            **PREVIEW,
            "letter": "01932c07-a5d5-7000-8000-000000000002",
            "problem": error_body("tenant_inactive", {}),
        }
    ],
}
REPLAY: Final = {
    "id": REPLAY_ID,
    "fingerprint": FINGERPRINT,
    "state": "canary",
    "created_at": "2026-03-02T00:10:00.000Z",
    "created_by": "user:17",
    "ended_at": None,
    "reason": "The hosts have more memory now.",
    "params_patch": None,
    "per_minute": 30,
    "max_in_flight": 10,
    "error": None,
    "counts": {"waiting": 11, "sent": 0, "succeeded": 0, "failed": 0, "refused": 1, "left": 0},
    "links": {"self": f"{_PATH}/replays/{REPLAY_ID}"},
}
PAUSED: Final = {**REPLAY, "state": "paused"}
STOPPED: Final = {
    **REPLAY,
    "state": "stopped",
    "ended_at": "2026-03-02T00:11:00.000Z",
    "counts": {"waiting": 0, "sent": 0, "succeeded": 1, "failed": 0, "refused": 1, "left": 10},
}
REPLAY_DETAIL: Final = {
    **REPLAY,
    "items": [
        {
            "position": 0,
            "letter": LETTER_ID,
            "state": "waiting",
            "job": None,
            "error": None,
            "sent_at": None,
            "ended_at": None,
        }
    ],
}


letter_list = extend_schema(
    operation_id="ops_dead_letter_list",
    tags=TAGS,
    parameters=[serializers.LetterListQuerySerializer],
    responses={
        200: answer(answers.LetterSerializer(many=True), "A page of letters.", "A page", LETTER)
    },
)

group_list = extend_schema(
    operation_id="ops_dead_letter_groups",
    tags=TAGS,
    parameters=[serializers.GroupListQuerySerializer],
    responses={
        200: answer(answers.LetterGroupsSerializer, "The causes.", "Causes", {"items": [GROUP]})
    },
)

letter_read = extend_schema(
    operation_id="ops_dead_letter_read",
    tags=TAGS,
    parameters=[serializers.LetterQuerySerializer],
    responses={200: answer(answers.LetterStorySerializer, "The letter.", "A story", STORY)},
)

letter_replay = extend_schema(
    operation_id="ops_dead_letter_replay",
    tags=TAGS,
    request=serializers.LetterReplaySerializer,
    examples=[
        example("As it was", {}),
        example("Edited", {"params_patch": {"note": "once more"}, "reason": "Typing mistake."}),
        example("Only look", {"dry_run": True}),
    ],
    responses={
        200: answer(answers.PreviewSerializer, "Of a dry run.", "Dry run", PREVIEW),
        202: answer(answers.LetterSerializer, "It runs again.", "Replaying", REPLAYING),
    },
)

letter_discard = extend_schema(
    operation_id="ops_dead_letter_discard",
    tags=TAGS,
    request=serializers.LetterDiscardSerializer,
    examples=[example("A reason", {"reason": DISCARDED["reason"]})],
    responses={200: answer(answers.LetterSerializer, "It is closed.", "Discarded", DISCARDED)},
)

group_discard = extend_schema(
    operation_id="ops_dead_letter_discard_group",
    tags=TAGS,
    request=serializers.GroupDiscardSerializer,
    examples=[example("A cause", {"fingerprint": FINGERPRINT, "reason": "Test messages of ours."})],
    responses={
        200: answer(
            answers.DiscardedSerializer,
            "Which letters.",
            "Discarded",
            {"dry_run": False, "count": 1, "letters": [LETTER_ID]},
        )
    },
)

replay_list = extend_schema(
    operation_id="ops_dead_letter_replay_list",
    tags=TAGS,
    responses={
        200: answer(answers.ReplaySerializer(many=True), "A page of replays.", "A page", REPLAY)
    },
)

replay_begin = extend_schema(
    operation_id="ops_dead_letter_replay_begin",
    tags=TAGS,
    request=serializers.GroupReplaySerializer,
    examples=[
        example("Only look", {"fingerprint": FINGERPRINT, "dry_run": True}),
        example("Slowly", {"fingerprint": FINGERPRINT, "per_minute": 6, "max_in_flight": 2}),
    ],
    responses={
        200: answer(answers.PlanSerializer, "Of a dry run.", "Dry run", PLAN),
        201: answer(answers.ReplaySerializer, "It has begun.", "Begun", REPLAY),
    },
)

replay_read = extend_schema(
    operation_id="ops_dead_letter_replay_read",
    tags=TAGS,
    responses={200: answer(answers.ReplayDetailSerializer, "The replay.", "Begun", REPLAY_DETAIL)},
)

replay_pause = extend_schema(
    operation_id="ops_dead_letter_replay_pause",
    tags=TAGS,
    request=None,
    responses={200: answer(answers.ReplaySerializer, "It rests.", "Paused", PAUSED)},
)

replay_resume = extend_schema(
    operation_id="ops_dead_letter_replay_resume",
    tags=TAGS,
    request=None,
    responses={200: answer(answers.ReplaySerializer, "It goes on.", "Resumed", REPLAY)},
)

replay_stop = extend_schema(
    operation_id="ops_dead_letter_replay_stop",
    tags=TAGS,
    request=serializers.StopSerializer,
    examples=[example("A reason", {"reason": "The cause is another one."})],
    responses={200: answer(answers.ReplaySerializer, "It has ended.", "Stopped", STOPPED)},
)
