"""Why rows are not written into a table, in the users' words."""

from academy.core.catalogue import Entry, register
from academy.documents.tables import errors as _tables  # noqa: F401 - registers the tables' codes

register(
    Entry(
        "tables_columns_missing", 422,
        "제목 행에 없는 열이 있습니다: {columns}",
        "The first row lacks these titles: {columns}",
        "첫 행에 모든 열의 제목을 넣어 주세요.",
        "Put the title of every column into the first row.",
    ),
    Entry(
        "tables_line_invalid", 422,
        "{row}번째 줄이 올바른 JSON 배열이 아니거나 값의 수가 열의 수({columns})와 다릅니다.",
        "Line {row} is no JSON array of {columns} plain values.",
        "각 줄에 열 순서대로 값을 담은 배열 하나를 적어 주세요.",
        "Write one array a line, with a value for each column.",
    ),
    Entry(
        "tables_cell_invalid", 422,
        "{row}행 '{column}' 칸의 값이 열의 종류({holds})에 맞지 않습니다.",
        "Row {row}, column {column}: the value is no {holds}.",
        "칸의 값을 고쳐 다시 올려 주세요.",
        "Correct the cell, then submit it again.",
    ),
)  # fmt: skip
