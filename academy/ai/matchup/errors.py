"""What can go wrong with match-up, in the users' words."""

from academy.core.catalogue import Entry, register

_INDEX_KO = "먼저 ai.embedding_index 작업으로 자료를 색인해 주세요."
_INDEX_EN = "Run ai.embedding_index over the material first."

register(
    Entry(
        "segmentation_unusable", 422,
        "문항 나누기(ai.question_segmentation)가 성공한 작업이 아닙니다.",
        "The job is no ai.question_segmentation that has succeeded.",
        "성공한 문항 나누기 작업의 id를 넣어 주세요.",
        "Name one that has, by its id.",
    ),
    Entry(
        "matchup_too_many_questions", 422,
        "문항이 너무 많습니다({count}개, 최대 {limit}개).",
        "There are too many questions ({count}, at most {limit}).",
        "시험지를 나누어 다시 요청해 주세요.",
        "Divide the examination and submit the parts.",
    ),
    Entry(
        "matchup_nothing_to_search", 422,
        "검색할 자료가 없습니다. 고른 문제집에 문제가 하나도 없습니다.",
        "There is nothing to search: the collections have no problems.",
        "문제집에 문제를 넣고 색인한 뒤 다시 요청해 주세요.",
        "Add problems to them, index them, then submit again.",
    ),
    Entry(
        "matchup_not_indexed", 422,
        "자료가 현재 모델({model})로 색인되어 있지 않습니다(문제 {problems}개).",
        "The material ({problems} problems) is not indexed with the present model ({model}).",
        _INDEX_KO, _INDEX_EN,
    ),
    Entry(
        "matchup_partly_indexed", 422,
        "문제 {missing}개는 아직 색인되지 않아 찾지 않았습니다.",
        "{missing} problems are not indexed yet and were not searched.",
        _INDEX_KO, _INDEX_EN,
    ),
    Entry(
        "matchup_without_text", 422,
        "글자를 읽지 못한 문항이 있습니다: {numbers}",
        "The text of these questions could not be read: {numbers}",
        "그 문항은 texts로 직접 입력해 주세요.",
        "Give those as texts.",
    ),
    Entry(
        "matchup_no_text", 422,
        "글자를 읽을 수 있는 문항이 하나도 없습니다.",
        "Not one question has a text that can be read.",
        "글자가 들어 있는 PDF를 쓰거나 texts로 직접 입력해 주세요.",
        "Use a PDF with its text, or give the questions as texts.",
    ),
    Entry(
        "matchup_read_from_pictures", 422,
        "{count}개 문항의 글자는 그림에서 읽어 틀릴 수 있습니다.",
        "The text of {count} questions was read from their pictures and may have mistakes.",
        "중요한 문항은 글자를 확인해 주세요.",
        "Look at the text of those that matter.",
    ),
)  # fmt: skip
