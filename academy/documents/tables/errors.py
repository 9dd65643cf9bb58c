"""Why a table is refused, what was left out of one, and what is wrong with a row of it."""

from __future__ import annotations

from typing import Final

from academy.core.catalogue import Entry, register

_SAVE_KO: Final = "엑셀에서 '다른 이름으로 저장 > Excel 통합 문서(.xlsx)'로 저장한 뒤 올려 주세요."
_SAVE_EN: Final = "In Excel choose Save as > Excel Workbook (.xlsx), then upload that."
_SPLIT_KO, _SPLIT_EN = "파일을 나누어 올려 주세요.", "Split the file, then upload the parts."
_NOTHING_KO, _NOTHING_EN = "확인만 하면 됩니다.", "Nothing needs to be done if that was intended."
_CELL_KO, _CELL_EN = "칸의 값을 고쳐 다시 올려 주세요.", "Correct the cell, then upload it again."

register(
    Entry(
        "table_damaged", 422,
        "표 파일이 손상되어 읽을 수 없습니다.",
        "The table is damaged and cannot be read.",
        _SAVE_KO, _SAVE_EN,
    ),
    Entry(
        "table_empty", 422,
        "표에 내용이 없습니다.",
        "The table is empty.",
        "내용이 있는 시트가 맨 앞에 있는지 확인해 주세요.",
        "See that the sheet with the rows is the first one.",
    ),
    Entry(
        "table_format", 422,
        "지원하지 않는 파일 형식입니다: {format}",
        "Files of this format are not read: {format}",
        _SAVE_KO, _SAVE_EN,
    ),
    Entry(
        "table_password", 422,
        "암호가 걸린 파일입니다.",
        "The file is protected by a password.",
        "암호를 풀고 저장한 뒤 다시 올려 주세요.",
        "Save it without the password, then upload that.",
    ),
    Entry(
        "table_encoding_unknown", 422,
        "텍스트 파일의 글자 인코딩을 알 수 없습니다.",
        "The text file's encoding is not known.",
        "UTF-8 형식의 CSV 또는 xlsx로 저장한 뒤 올려 주세요.",
        "Save it as CSV in UTF-8, or as xlsx, then upload that.",
    ),
    Entry(
        "table_zip_bomb", 422,
        "압축을 풀면 지나치게 커지는 파일이라 읽지 않았습니다.",
        "The file was not read: unpacked, it is far larger than a table should be.",
        _SAVE_KO, _SAVE_EN,
    ),
    Entry(
        "table_unsafe_xml", 422,
        "엑셀이 만들지 않는 위험한 선언이 있는 파일이라 읽지 않았습니다.",
        "The file was not read: it has declarations that no spreadsheet program writes.",
        _SAVE_KO, _SAVE_EN,
    ),
    Entry(
        "table_too_large_inside", 422,
        "파일 안의 내용이 너무 큽니다(최대 {limit_mb}MB).",
        "The file's content is too large (at most {limit_mb} MB).",
        _SPLIT_KO, _SPLIT_EN,
    ),
    Entry(
        "table_too_many_rows", 422,
        "행이 너무 많습니다(최대 {limit}행).",
        "There are too many rows (at most {limit}).",
        _SPLIT_KO, _SPLIT_EN,
    ),
    Entry(
        "table_too_many_cells", 422,
        "칸이 너무 많습니다(최대 {limit}칸).",
        "There are too many cells (at most {limit}).",
        _SPLIT_KO, _SPLIT_EN,
    ),
    Entry(
        "table_too_many_sheets", 422,
        "시트가 너무 많습니다(최대 {limit}개).",
        "There are too many sheets (at most {limit}).",
        "필요한 시트만 남겨 주세요.",
        "Keep only the sheet that is needed.",
    ),
    Entry(
        "table_no_sheet", 422,
        "보이는 시트가 없습니다.",
        "There is no visible sheet.",
        "시트 숨기기를 해제하고 다시 올려 주세요.",
        "Unhide the sheet, then upload it again.",
    ),
    Entry(
        "table_sheet_missing", 422,
        "그 이름의 보이는 시트가 없습니다.",
        "There is no visible sheet of that name.",
        "details의 시트 이름 가운데 하나를 골라 주세요.",
        "Choose one of the names in details.",
    ),
    Entry(
        "table_columns_left_out", 422,
        "{last}열 뒤의 칸은 읽지 않았습니다.",
        "Cells behind column {last} were not read.",
        _NOTHING_KO, _NOTHING_EN,
    ),
    Entry(
        "table_rows_left_out", 422,
        "{row}행 뒤로 빈 행이 길게 이어져, 그 아래는 읽지 않았습니다.",
        "What follows the long run of empty rows behind row {row} was not read.",
        "빠진 행이 있으면 빈 행을 지우고 다시 올려 주세요.",
        "If rows are missing, delete the empty ones and upload it again.",
    ),
    Entry(
        "row_formula_without_value", 422,
        "수식의 계산 결과가 파일에 저장되어 있지 않습니다.",
        "The file does not hold the result of this formula.",
        "엑셀에서 열어 저장하거나, 값으로 붙여 넣어 주세요.",
        "Open and save it in Excel, or paste the value.",
    ),
    Entry(
        "row_cell_error", 422,
        "엑셀 오류 값이 들어 있습니다.",
        "The cell holds a spreadsheet error.",
        _CELL_KO, _CELL_EN,
    ),
    Entry(
        "row_cell_is_date", 422,
        "글자여야 하는 칸이 날짜로 바뀌어 있습니다.",
        "The cell has become a date, where text is expected.",
        "칸 서식을 '텍스트'로 바꾸고 다시 입력해 주세요.",
        "Format the cell as text and type the value again.",
    ),
    Entry(
        "row_date_invalid", 422,
        "날짜로 읽을 수 없습니다.",
        "This cannot be read as a date.",
        "2026-03-01처럼 적어 주세요.",
        "Write it like 2026-03-01.",
    ),
    Entry(
        "row_date_ambiguous", 422,
        "어느 날짜인지 확실하지 않습니다.",
        "This could be more than one date.",
        "2026-03-01처럼 네 자리 연도부터 적어 주세요.",
        "Write the year first, in four digits: 2026-03-01.",
    ),
    Entry(
        "row_value_too_long", 422,
        "값이 너무 깁니다(최대 {limit}자).",
        "The value is too long (at most {limit} characters).",
        "짧게 줄여 주세요.",
        "Shorten it.",
    ),
    Entry(
        "row_phone_invalid", 422,
        "전화번호가 올바르지 않습니다.",
        "This is not a valid phone number.",
        "010-0000-0000처럼 적어 주세요.",
        "Write it like 010-0000-0000.",
    ),
)  # fmt: skip
