"""What can go wrong with problem variants, in the users' words."""

from academy.core.catalogue import Entry, register

_FIX_KO = "문제 틀의 범위, 조건, 답의 식을 확인해 주세요."
_FIX_EN = "Look at the template's ranges, constraints and formula of the answer."

register(
    Entry(
        "variants_impossible", 422,
        "문제 틀 {template}: 조건에 맞는 문제를 하나도 만들 수 없습니다.",
        "Not one problem can be made from the template {template}: its constraints are never met.",
        _FIX_KO, _FIX_EN,
    ),
    Entry(
        "variants_unproved", 422,
        "문제 틀 {template}: 답의 식이 문제의 풀이와 맞지 않습니다.",
        "The template {template} gives another answer than its problem has.",
        _FIX_KO, _FIX_EN,
    ),
    Entry(
        "variants_choices", 422,
        "문제 틀 {template}: 서로 다른 보기를 {choices}개 만들 수 없습니다.",
        "The template {template} does not give {choices} different choices.",
        "오답의 식을 늘리거나 choices를 줄여 주세요.",
        "Add distractors, or ask for fewer choices.",
    ),
    Entry(
        "variants_too_heavy", 422,
        "문제 틀의 식이 너무 복잡해서 계산할 수 없습니다.",
        "The formulas of a template take too much time or memory.",
        "식을 간단히 하거나 지수와 범위를 줄여 주세요.",
        "Make the formulas simpler, or the exponents and ranges smaller.",
    ),
    Entry(
        "variants_fewer", 422,
        "문제 틀 {template}: 서로 다른 문제를 {made}개만 만들 수 있습니다({asked}개 요청).",
        "The template {template} has only {made} different problems ({asked} were asked for).",
        "범위를 넓히거나 문제 수를 줄여 주세요.",
        "Widen its ranges, or ask for fewer.",
    ),
)  # fmt: skip
