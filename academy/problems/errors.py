"""What can go wrong with the academy's own material, in the users' words."""

from __future__ import annotations

from typing import Final

from academy.core.catalogue import Entry, register

_DELETE_KO: Final = "쓰지 않는 자료를 지운 뒤 다시 시도해 주세요."
_DELETE_EN: Final = "Delete material that is not used any more, then try again."

register(
    Entry(
        "collection_not_found", 404,
        "문제집을 찾을 수 없습니다.",
        "There is no such collection.",
        "GET /api/v1/problem-collections에서 id를 확인해 주세요.",
        "GET /api/v1/problem-collections lists yours.",
    ),
    Entry(
        "problem_not_found", 404,
        "문제를 찾을 수 없습니다.",
        "There is no such problem.",
        "문제집의 문제 목록에서 id를 확인해 주세요.",
        "The collection's list of problems has the ids.",
    ),
    Entry(
        "collection_exists", 409,
        "같은 이름의 문제집이 이미 있습니다.",
        "There is a collection with this title already.",
        "다른 이름을 쓰거나, 그 문제집에 문제를 더해 주세요.",
        "Choose another title, or add to that collection; details has the id.",
    ),
    Entry(
        "collections_too_many", 409,
        "문제집은 {limit}개까지 만들 수 있습니다.",
        "There can be {limit} collections.",
        _DELETE_KO, _DELETE_EN,
    ),
    Entry(
        "collection_full", 409,
        "한 문제집에는 문제를 {limit}개까지 넣을 수 있습니다.",
        "A collection can have {limit} problems.",
        "새 문제집을 만들어 나누어 넣어 주세요.",
        "Make another collection for the rest.",
    ),
    Entry(
        "problems_too_many", 409,
        "문제는 모두 {limit}개까지 넣을 수 있습니다.",
        "There can be {limit} problems in all.",
        _DELETE_KO, _DELETE_EN,
    ),
)  # fmt: skip
