"""What can go wrong with AI jobs, in the users' words."""

from __future__ import annotations

from academy.core.catalogue import Entry, register

_SPLIT_KO, _SPLIT_EN = "파일을 나누어 올려 주세요.", "Split it and upload the parts."

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
    Entry(
        "sheets_review_grown", 409,
        "그사이 다시 읽을 쪽이 {pages}쪽으로 늘어 요금이 {price}원이 되었습니다.",
        "There are {pages} pages to read again by now, which cost {price} KRW.",
        "새 요금을 확인하고 다시 눌러 주세요.",
        "Look at the new price, and ask again.",
    ),
    Entry(
        "document_page_missing", 422,
        "{page}쪽이 없습니다. 이 파일은 {pages}쪽입니다.",
        "There is no page {page}: the file has {pages}.",
        "first_page를 파일 안의 쪽으로 정해 주세요.",
        "Choose a first_page within the file.",
    ),
    Entry(
        "document_format_unsupported", 422,
        "이 형식({content_type})은 아직 읽을 수 없습니다.",
        "This format ({content_type}) cannot be read yet.",
        "PDF, JPEG, PNG, TIFF, WebP로 저장한 뒤 올려 주세요.",
        "Save it as PDF, JPEG, PNG, TIFF or WebP, then upload that.",
    ),
    Entry(
        "ocr_not_installed", 422,
        "글자 인식용 언어 데이터({language})가 서버에 설치되어 있지 않습니다.",
        "The language data for text recognition ({language}) is not installed on the server.",
        "글자가 들어 있는 PDF는 그대로 읽을 수 있습니다. 운영자에게 tesseract-ocr-script-hang "
        "설치를 요청해 주세요.",
        "PDFs with a text layer are read without it. Operators: install the package "
        "tesseract-ocr-script-hang, or run make ocr-data, and set TESSDATA_DIR.",
    ),
    Entry(
        "ocr_pages_unsure", 422,
        "{count}개 쪽의 글자를 확실하게 읽지 못했습니다.",
        "The text of {count} pages could not be read with certainty.",
        "overlay 그림에서 붉은 줄을 확인해 주세요.",
        "Look at the red lines of the overlay.",
    ),
    Entry(
        "questions_not_found", 422,
        "문제 번호를 찾지 못했습니다.",
        "No question numbers were found.",
        "번호(1. 또는 1번)가 단의 왼쪽에 있는 시험지인지 확인해 주세요.",
        "Check that numbers with a dot (1., 2.) stand at the left of the columns.",
    ),
    Entry(
        "questions_pages_unread", 422,
        "읽을 수 없는 쪽이 있습니다: {pages}",
        "Pages of the file cannot be read: {pages}",
        "그 쪽의 문제는 빠져 있습니다. 파일을 다시 만들어 올리거나 빠진 문제를 더해 주세요.",
        "Their questions are left out. Make the file anew, or add the questions by hand.",
    ),
    Entry(
        "questions_unsure", 422,
        "확실하지 않은 문제가 {count}개 있습니다: {numbers}",
        "{count} questions are not certain: {numbers}",
        "고침 화면에서 번호와 영역을 확인해 주세요.",
        "Look at their numbers and boxes on the correction page.",
    ),
    Entry(
        "questions_too_many", 422,
        "한 파일에서 찾은 문제가 너무 많습니다({count}개, 최대 {limit}개).",
        "There are too many questions in one file ({count}, at most {limit}).",
        _SPLIT_KO, _SPLIT_EN,
    ),
    Entry(
        "questions_numbers_missing", 422,
        "번호가 빠진 문제가 있습니다: {numbers}",
        "Questions are missing between those that were found: {numbers}",
        "결과를 확인해 주세요.",
        "Please look at the result.",
    ),
)  # fmt: skip
