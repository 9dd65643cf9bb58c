"""What can go wrong when an operator turns a switch."""

from __future__ import annotations

from academy.core.catalogue import Entry, register

register(
    Entry(
        "queue_unknown", 404,
        "그런 대기열이 없습니다: {queue}",
        "There is no queue {queue}.",
        "대기열 목록(GET /api/v1/ops/queues)에서 이름을 확인해 주세요.",
        "See GET /api/v1/ops/queues for the names.",
    ),
    Entry(
        "worker_unknown", 404,
        "그런 작업자가 없습니다: {worker}",
        "There is no worker {worker}.",
        "작업자 목록(GET /api/v1/ops/workers)을 확인해 주세요. 하루 동안 소식이 없으면 지워집니다.",
        "See GET /api/v1/ops/workers for the names; one unseen for a day is forgotten.",
    ),
    Entry(
        "worker_stopped", 409,
        "이미 멈춘 작업자입니다: {worker}",
        "The worker {worker} has stopped.",
        "할 일이 없습니다. 다시 시작한 작업자는 비우기 상태가 아닙니다.",
        "There is nothing to drain; started again, it takes work.",
    ),
    Entry(
        "reason_invalid", 400,
        "이유를 1~{limit}자로 적어 주세요.",
        "The reason must have 1 to {limit} characters.",
        "무엇 때문인지 짧게 적어 주세요.",
        "Say in a few words what for.",
    ),
)  # fmt: skip
