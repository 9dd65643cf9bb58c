"""Every reason for which a sheet cannot be read, in the user's words."""

from academy.core.catalogue import Entry, register
from academy.documents import errors as _documents  # noqa: F401 - registers the readers' codes

_AGAIN_KO = "종이 전체가 밝고 평평하게 나오도록 다시 찍거나 스캔해 주세요."
_AGAIN_EN = "Scan it again, or photograph the whole page flat and in good light."

register(
    Entry(
        "sheet_markers_missing", 422,
        "답안지의 모서리 표식을 찾지 못했습니다({found}개, 3개 이상 필요).",
        "The corner markers of the sheet were not found ({found}; at least 3 are needed).",
        _AGAIN_KO, _AGAIN_EN,
    ),
    Entry(
        "sheet_not_flat", 422,
        "답안지가 심하게 구겨졌거나 두 장이 겹쳐 있습니다.",
        "The sheet is badly creased, or two sheets overlap.",
        _AGAIN_KO, _AGAIN_EN,
    ),
    Entry(
        "sheet_code_unreadable", 422,
        "답안지의 종류를 알려 주는 코드를 읽지 못했습니다.",
        "The code that names the sheet could not be read.",
        _AGAIN_KO, _AGAIN_EN,
    ),
    Entry(
        "sheet_of_other_layout", 422,
        "다른 시험의 답안지입니다(코드 {fingerprint}).",
        "This sheet belongs to another examination (code {fingerprint}).",
        "이 시험의 답안지인지 확인해 주세요.",
        "Check that it is a sheet of this examination.",
    ),
    Entry(
        "sheet_layout_invalid", 422,
        "답안지 양식에 맞지 않는 값이 있습니다.",
        "The layout of the sheet is not valid.",
        "양식을 다시 저장한 뒤 시도해 주세요.",
        "Save the layout again, then try once more.",
    ),
    Entry(
        "sheet_logo_unreadable", 422,
        "로고 그림을 읽을 수 없습니다.",
        "The picture of the logo cannot be read.",
        "PNG나 JPEG로 다시 저장한 뒤 올려 주세요.",
        "Save it again as PNG or JPEG, then upload that.",
    ),
    Entry(
        "sheet_design_not_found", 404,
        "답안지 양식을 찾을 수 없습니다.",
        "The design of the sheet was not found.",
        "양식의 번호를 확인해 주세요.",
        "Check the id of the design.",
    ),
    Entry(
        "sheet_design_exists", 409,
        "같은 양식이 이미 있습니다.",
        "There is such a design already.",
        "그 양식을 쓰거나, 제목을 바꾸어 저장해 주세요.",
        "Use that design (details has its id), or give the layout another title.",
    ),
    Entry(
        "sheet_without_logo", 422,
        "이 양식에는 로고 자리가 없습니다.",
        "The design has no room for a logo.",
        "로고 없이 만들거나, 로고 자리가 있는 양식을 만들어 주세요.",
        "Leave the logo out, or create a design whose layout has one.",
    ),
    Entry(
        "sheet_job_too_many_pages", 422,
        "한 번에 읽기에는 쪽이 너무 많습니다({pages}쪽, 최대 {limit}쪽).",
        "These are too many pages for one job ({pages}, at most {limit}).",
        "파일을 나누어 여러 번 요청해 주세요.",
        "Divide the files over several jobs.",
    ),
    Entry(
        "sheet_labels_too_few", 409,
        "확정한 답이 너무 적어 학습할 수 없습니다({labels}개, {needed}개 이상 필요).",
        "Too few answers have been settled to learn from ({labels}; {needed} are needed).",
        "검토 화면에서 답을 더 확정한 뒤 다시 시도해 주세요.",
        "Settle more answers on the review page, then try again.",
    ),
    Entry(
        "sheet_labels_noisy", 409,
        "확정한 답 {labels}개 가운데 {dropped}개가 그림과 뚜렷이 달라 학습하지 않았습니다.",
        "{dropped} of {labels} settled answers plainly contradict their pictures; nothing was "
        "learnt from them.",
        "정답을 맞히려고 바꾼 답이 없는지 확인해 주세요.",
        "See whether answers were settled to what is right, and not to what was marked.",
    ),
    Entry(
        "sheet_network_not_found", 404,
        "학습된 판독 모델을 찾을 수 없습니다.",
        "There is no such network.",
        "GET /api/v1/sheet-networks에서 번호를 확인해 주세요.",
        "GET /api/v1/sheet-networks lists them.",
    ),
    Entry(
        "exam_not_found", 404,
        "시험을 찾을 수 없습니다.",
        "The examination was not found.",
        "시험의 번호를 확인해 주세요.",
        "Check the id of the examination.",
    ),
    Entry(
        "exam_closed", 409,
        "마감된 시험입니다.",
        "The examination is closed.",
        "시험을 다시 연 뒤 시도해 주세요.",
        "Open it again first.",
    ),
    Entry(
        "exams_none_found", 404,
        "조건에 맞는 시험이 없습니다.",
        "No examination with a key fits these filters.",
        "제목과 기간을 확인해 주세요. 정답이 없는 시험은 들어가지 않습니다.",
        "Check the title and the days; examinations without a key are left out.",
    ),
    Entry(
        "exams_too_many", 422,
        "한 번에 담을 수 있는 시험은 {limit}개까지입니다.",
        "One gradebook holds at most {limit} examinations.",
        "기간을 나누어 만들어 주세요.",
        "Make several, each of a shorter time.",
    ),
    Entry(
        "exam_without_key", 409,
        "정답이 아직 등록되지 않았습니다.",
        "The examination has no key yet.",
        "정답을 먼저 등록해 주세요.",
        "Store the key first.",
    ),
    Entry(
        "exam_key_invalid", 422,
        "정답이 답안지 양식과 맞지 않습니다: {problems}",
        "The key does not fit the sheet: {problems}",
        "문항 수와 정답의 범위를 확인해 주세요.",
        "Check the number of questions and the range of the answers.",
    ),
    Entry(
        "scan_not_found", 404,
        "읽은 답안지를 찾을 수 없습니다.",
        "The page that was read was not found.",
        "번호를 확인해 주세요.",
        "Check its id.",
    ),
    Entry(
        "scan_changed", 409,
        "다른 사람이 그사이에 먼저 확정했습니다.",
        "Somebody else has settled this in the meantime.",
        "지금 확정된 값을 확인한 뒤 다시 선택해 주세요.",
        "Look at what stands there now, then decide again.",
    ),
    Entry(
        "results_not_published", 404,
        "아직 공개되지 않은 결과입니다.",
        "These results have not been published.",
        "학원에서 결과를 공개하면 볼 수 있습니다.",
        "They can be seen once the academy publishes them.",
    ),
    Entry(
        "result_not_final", 409,
        "아직 확인 중인 답안지가 있어 결과가 확정되지 않았습니다.",
        "Part of the sheet is still being checked, so the result is not final.",
        "확인이 끝난 뒤 다시 열어 주세요.",
        "Open it again once that is done.",
        retryable=True,
    ),
    Entry(
        "result_not_found", 404,
        "이 시험에 이 학생의 답안지가 없습니다.",
        "There is no sheet of this student in the examination.",
        "학생과 시험을 확인해 주세요.",
        "Check the student and the examination.",
    ),
    Entry(
        "scan_settlement_invalid", 422,
        "확정하려는 값이 이 쪽에 맞지 않습니다: {problem}",
        "What is to be settled does not fit the page: {problem}",
        "문항 번호와 값을 확인해 주세요.",
        "Check the questions and their values.",
    ),
)  # fmt: skip
