"""What can go wrong with AI jobs, in the users' words."""

from __future__ import annotations

from academy.core.catalogue import Entry, register

register(
    Entry(
        "tier_not_offered", 422,
        "{kind} 작업은 {tier} 등급으로 실행할 수 없습니다. 가능한 등급: {offered}",
        "{kind} has no engine on the tier {tier}; it has one on: {offered}",
        "tier를 비우면 기본 등급으로 실행합니다.",
        "Leave tier out for the default one.",
    ),
    Entry(
        "tier_not_in_plan", 403,
        "현재 요금제에는 {tier} 등급이 없습니다. 사용할 수 있는 등급: {allowed}",
        "Your plan does not include the tier {tier}; it includes: {allowed}",
        "다른 등급을 고르거나 요금제를 바꿔 주세요.",
        "Choose another tier, or change the plan.",
    ),
    Entry(
        "ai_kind_unknown", 404,
        "{kind} AI 작업은 없습니다.",
        "There is no AI kind {kind}.",
        "GET /api/v1/ai/kinds에서 이름을 확인해 주세요.",
        "GET /api/v1/ai/kinds lists them.",
    ),
)  # fmt: skip
