"""What can go wrong with students and with lists of them, in the users' words."""

from __future__ import annotations

from typing import Final

from academy.core.catalogue import Entry, register
from academy.documents.tables import errors as _tables  # noqa: F401 - registers the row codes

_CELL_KO, _CELL_EN = "칸의 값을 고쳐 다시 올려 주세요.", "Correct the cell, then upload it again."
_MAP_KO: Final = "먼저 dry_run으로 열 연결을 확인하고, mapping으로 열을 정해 주세요."
_MAP_EN: Final = "Look at a dry run first, then name the columns with mapping."

register(
    Entry(
        "student_exists", 409,
        "이름과 학부모 연락처가 같은 학생이 이미 있습니다.",
        "There is a student with this name and parent phone already.",
        "기존 학생을 수정해 주세요.",
        "Change that student instead; details has the id.",
    ),
    Entry(
        "student_removed", 409,
        "삭제된 학생입니다.",
        "The student has been removed.",
        "같은 이름과 학부모 연락처로 다시 등록하면 되살아납니다.",
        "Create the student again with the same name and parent phone to bring it back.",
    ),
    Entry(
        "student_phone_unreadable", 409,
        "저장된 연락처를 열 수 없습니다.",
        "The stored phone cannot be opened.",
        "운영자에게 알려 주세요: 암호를 잃었거나 값이 바뀌었습니다.",
        "Tell the operator: a secret is gone, or the value was changed.",
    ),
    Entry(
        "roster_header_not_found", 422,
        "처음 {rows}행에서 제목 행을 찾지 못했습니다. 이름과 학부모 연락처 열이 필요합니다.",
        "No heading was found in the first {rows} rows; name and parent phone are needed.",
        "제목 행을 넣거나, header_row와 mapping으로 알려 주세요.",
        "Add a heading, or say where it is with header_row and mapping.",
    ),
    Entry(
        "roster_mapping_unsure", 422,
        "열을 확실하게 알아볼 수 없습니다: {columns}",
        "The columns cannot be told with certainty: {columns}",
        _MAP_KO, _MAP_EN,
    ),
    Entry(
        "roster_mapping_invalid", 422,
        "mapping에 없는 열이 있거나 필요한 열이 빠졌습니다: {columns}",
        "The mapping names columns that do not exist, or lacks one that is needed: {columns}",
        _MAP_KO, _MAP_EN,
    ),
    Entry(
        "row_name_missing", 422, "이름이 없습니다.", "The name is missing.", _CELL_KO, _CELL_EN
    ),
    Entry(
        "row_name_invalid", 422,
        "이름이 숫자로만 되어 있습니다.", "The name has digits alone.", _CELL_KO, _CELL_EN,
    ),
    Entry(
        "row_parent_phone_missing", 422,
        "학부모 연락처가 없습니다.", "The parent phone is missing.", _CELL_KO, _CELL_EN,
    ),
    Entry(
        "row_gender_unknown", 422,
        "성별을 알 수 없습니다.", "The gender is not known.",
        "'남' 또는 '여'로 적어 주세요.", "Write male or female.",
    ),
    Entry(
        "row_state_unknown", 422,
        "재원 상태를 알 수 없습니다.", "The state is not known.",
        "'재원', '휴원', '퇴원' 가운데 하나로 적어 주세요.",
        "Write enrolled, paused or left.",
    ),
    Entry(
        "row_repeated", 422,
        "같은 학생이 {first}행에 이미 있습니다.",
        "The same student is already in row {first}.",
        "겹치는 행을 지워 주세요.",
        "Delete one of the two rows.",
    ),
)  # fmt: skip
