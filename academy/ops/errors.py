"""What can go wrong on the operators' side."""

from __future__ import annotations

from academy.core.catalogue import Entry, register

register(
    Entry(
        "search_too_broad", 422,
        "{seconds}초 안에 찾지 못해 검색을 멈췄습니다.",
        "The search was stopped: it took longer than {seconds} s.",
        "기간을 줄이거나 학원, 대기열, 상태 조건을 더해 주세요.",
        "Choose a shorter time, or add an academy, a queue or a state.",
    ),
    Entry(
        "job_not_waiting", 409,
        "재시도를 기다리는 작업이 아닙니다(상태: {state}).",
        "The job is not waiting to be retried (it is {state}).",
        "작업 상태를 확인해 주세요.",
        "Read the job's state.",
    ),
    Entry(
        "limit_invalid", 400,
        "한도를 하나 이상 정하고, 끝나는 시각은 지금 이후로 정해 주세요.",
        "An exception needs at least one limit, and an end that lies ahead.",
        "값을 고쳐 다시 보내 주세요.",
        "Correct the values and send them again.",
    ),
)  # fmt: skip
