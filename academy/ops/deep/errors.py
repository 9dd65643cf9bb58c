"""Why a deep check is not started, or not found."""

from __future__ import annotations

from academy.core.catalogue import Entry, register

register(
    Entry(
        "deep_check_not_found", 404,
        "그런 점검이 없습니다.",
        "There is no such deep check.",
        "점검 번호를 확인해 주세요.",
        "Check its number.",
    ),
    Entry(
        "deep_check_running", 409,
        "다른 점검이 진행 중입니다({id}).",
        "Another deep check is running ({id}).",
        "그 점검의 결과를 보세요.",
        "Read the result of that one.",
        retryable=True,
    ),
    Entry(
        "deep_check_too_soon", 429,
        "방금 점검했습니다.",
        "A deep check was started a moment ago.",
        "{retry_after}초 뒤에 다시 시도하거나 지난 결과를 보세요.",
        "Try again in {retry_after} s, or read the last result.",
        retryable=True,
    ),
    Entry(
        "deep_check_slug_taken", 409,
        "점검용 학원의 이름({slug})을 다른 학원이 쓰고 있습니다.",
        "Another academy has the name of the checks' own one ({slug}).",
        "그 학원의 이름(slug)을 바꿔 주세요.",
        "Rename that academy.",
    ),
)  # fmt: skip
