"""What can go wrong with corrections, in the users' words."""

from academy.core.catalogue import Entry, register

register(
    Entry(
        "questions_of_no_test", 422,
        "문항 나누기(ai.question_segmentation)가 성공한 작업이 아닙니다.",
        "The job is no ai.question_segmentation that has succeeded.",
        "성공한 작업의 번호를 확인해 주세요.",
        "Use the id of such a job.",
    ),
    Entry(
        "questions_changed", 409,
        "그사이 다른 사람이 문제를 고쳤습니다(지금 {revision}판).",
        "Somebody else has corrected the questions in the meantime (now revision {revision}).",
        "지금 상태를 불러온 뒤 다시 고쳐 주세요.",
        "Load them as they are now, then correct them again.",
    ),
    Entry(
        "questions_box_outside", 422,
        "{number}번 문제의 영역이 {page}쪽을 벗어나거나 너무 작습니다.",
        "A box of question {number} lies outside page {page}, or is too small.",
        "영역을 쪽 안으로 옮겨 주세요.",
        "Move the box onto the page.",
    ),
    Entry(
        "questions_group_invalid", 422,
        "묶음 [{first}~{last}]의 끝 번호는 첫 번호보다 커야 합니다.",
        "The group [{first}~{last}] must end behind its first question.",
        "번호를 확인해 주세요.",
        "Check the numbers.",
    ),
)  # fmt: skip
