"""What can go wrong with wrong notes, in the users' words."""

from academy.core.catalogue import Entry, register

_BOX_KO = "쪽 번호와 bbox를 확인해 주세요."
_BOX_EN = "Look at the page and the bbox."

register(
    Entry(
        "notes_page_missing", 422,
        "{question}번째 문제의 파일에는 {page}쪽이 없습니다(모두 {pages}쪽).",
        "The file of question {question} has no page {page}; it has {pages}.",
        _BOX_KO, _BOX_EN,
    ),
    Entry(
        "notes_box_outside", 422,
        "{question}번째 문제의 bbox가 쪽({width}x{height}픽셀)을 벗어났습니다.",
        "The bbox of question {question} lies outside its page ({width}x{height} pixels).",
        _BOX_KO, _BOX_EN,
    ),
    Entry(
        "notes_questions_missing", 422,
        "나눈 시험지에 없는 문제가 있습니다: {numbers}",
        "Questions are not among those of the divided test: {numbers}",
        "고침 화면에서 빠진 문제를 더하거나 번호를 고친 뒤 다시 요청해 주세요.",
        "Add them on the correction page, or correct their numbers, then ask again.",
    ),
    Entry(
        "notes_nothing_missed", 409,
        "이 학생이 틀린 문제가 없습니다.",
        "The student missed none of the questions.",
        "만들 오답 노트가 없습니다.",
        "There is nothing to make.",
    ),
    Entry(
        "notes_too_many", 422,
        "오답 노트의 문제가 너무 많습니다({count}개, 최대 {limit}개).",
        "There are too many questions for one booklet ({count}, at most {limit}).",
        "나누어 만들어 주세요.",
        "Make several.",
    ),
    Entry(
        "notes_picture_instead", 422,
        "{count}개 문제는 글자 대신 그림으로 넣었습니다.",
        "{count} questions of PDFs were put in as pictures: cut out, they would have looked "
        "different.",
        "확인만 하면 됩니다.",
        "Nothing needs to be done; their text cannot be searched.",
    ),
)  # fmt: skip
