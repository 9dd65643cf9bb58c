"""Tables read and written: limits, encodings, dates and phones in every form, headings."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from academy.documents.tables import values
from academy.documents.tables.cells import Fault, Row, column_index, column_name
from academy.documents.tables.delimited import guarded, plain
from academy.documents.tables.limits import LIMITS
from academy.documents.tables.opening import Table
from academy.documents.tables.sheet import serial_date
from academy.documents.tables.values import CellError
from academy.documents.tables.workbook import is_date_format
from academy.documents.tables.writing import (
    Column,
    Kind,
    Shade,
    Shaded,
    XlsxBook,
    XlsxWriter,
    write_table,
)
from academy.roster import headings
from academy.sandbox.child import Refused
from tests.support.sheets import rezipped, xlsx


def refused(path: Path, **limits: int) -> str:
    with pytest.raises(Refused) as refusal:
        list(Table(path, limits=replace(LIMITS, **limits)).rows())
    return refusal.value.code


# ---------------------------------------------------------------- limits


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"rows": 9}, "table_too_many_rows"),
        ({"cells": 19}, "table_too_many_cells"),
        ({"sheets": 0}, "table_too_many_sheets"),
        ({"archive_entries": 3}, "table_zip_bomb"),
        ({"archive_directory_bytes": 100}, "table_zip_bomb"),
        ({"archive_bytes": 1_000}, "table_zip_bomb"),
        ({"entry_bytes": 500}, "table_zip_bomb"),
        ({"part_bytes": 100}, "table_too_large_inside"),
        ({"shared_strings": 1}, "table_too_many_cells"),
        ({"shared_characters": 5}, "table_too_large_inside"),
    ],
)
def test_a_workbook_beyond_a_limit_is_refused(
    limits: dict[str, int], code: str, tmp_path: Path
) -> None:
    path = xlsx(tmp_path / "a.xlsx", [[f"a{number}", f"b{number}"] for number in range(10)])
    # openpyxl itself writes every text into its cell.
    rezipped(path, {"xl/sharedStrings.xml": b"<sst><si><t>abc</t></si><si><t>def</t></si></sst>"})
    assert len(list(Table(path).rows())) == 10
    assert refused(path, **limits) == code


def test_a_text_file_beyond_a_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" * 10)
    assert refused(path, rows=9) == "table_too_many_rows"
    assert refused(path, text_bytes=39) == "table_too_large_inside"


def test_many_texts_of_one_size_do_not_hide_behind_their_number(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", [["가" * 30_000]])
    (row,) = Table(path).rows()
    assert len(str(row.cells[0])) == 30_000


# ---------------------------------------------------------------- reading what others write


def test_what_openpyxl_writes_is_read_as_it_was(tmp_path: Path) -> None:
    rows = [
        ["글", 1, 1.5, True, date(2026, 3, 1), datetime(2026, 3, 1, 9, 30)],  # noqa: DTZ001
        [None, -7, 1e-3, False, None, "끝"],
    ]
    read = list(Table(xlsx(tmp_path / "a.xlsx", rows)).rows())
    assert read == [Row(1, rows[0]), Row(2, rows[1])]


def test_escaped_characters_are_read_unless_no_database_could_hold_them(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", [["a_x000D_b", "_x0000__xD83D_", "_x005F_x0041_", "_x41_"]])
    (row,) = Table(path).rows()
    assert row.cells == ["a\rb", "\ufffd\ufffd", "_x0041_", "_x41_"]


def test_what_is_written_is_read_by_openpyxl_with_its_colours(tmp_path: Path) -> None:
    columns = [Column("이름", width=20), Column("연락처", Kind.PHONE), Column("3/1")]
    rows: list[list[Any]] = [
        ["=1+1", "01000000001", Shaded("결석", Shade.BAD)],
        [" 앞뒤 ", "", Shaded(None, Shade.GOOD)],
        [12, None, date(2026, 3, 1)],
        [Shaded(12, Shade.DOUBT), 1.5, True],
    ]
    assert write_table(tmp_path / "a.xlsx", "xlsx", columns, rows, title="출석: [3월]/*") == 4
    page = openpyxl.load_workbook(tmp_path / "a.xlsx").active
    assert page.title == "출석   3월"
    assert [[cell.value for cell in row] for row in page.iter_rows(min_row=2)] == [
        ["=1+1", "010-0000-0001", "결석"],
        [" 앞뒤 ", None, None],
        [12, None, datetime(2026, 3, 1)],  # noqa: DTZ001
        [12, 1.5, True],
    ]
    assert page["A2"].data_type == "s"
    assert [page[place].fill.fgColor.rgb for place in ("C2", "C3", "A5", "B5")] == [
        "FFFFC7CE", "FFC6EFCE", "FFFFEB9C", "00000000",
    ]  # fmt: skip
    assert page.column_dimensions["A"].width == 20


def saved_and_read(folder: Path, cells: list[Any]) -> list[Any]:
    """The cells of a row after they were written and read."""
    write_table(folder / "b.xlsx", "xlsx", [Column("A")], [["A", *cells]])
    *_, row = Table(folder / "b.xlsx").rows()
    return (row.cells + [None] * len(cells))[1 : len(cells) + 1]


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50
)
@given(
    texts=st.lists(
        st.text(min_size=1) | st.from_regex("_x00[0-9]{1,2}_?[\x01_]", fullmatch=True), max_size=20
    )
)
def test_every_text_comes_back_as_it_was(texts: list[str], tmp_path: Path) -> None:
    expected = [text.replace("\0", "\ufffd") for text in texts]
    assert saved_and_read(tmp_path, texts) == expected


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50
)
@given(
    cells=st.lists(
        st.booleans()
        | st.integers(1 - 10**15, 10**15 - 1)
        | st.dates(date(1900, 1, 1))
        | st.datetimes(datetime(1900, 1, 1)).map(lambda one: one.replace(second=1, microsecond=0)),  # noqa: DTZ001
        max_size=20,
    )
)
def test_every_number_and_day_comes_back_as_it_was(cells: list[Any], tmp_path: Path) -> None:
    assert saved_and_read(tmp_path, cells) == cells


def test_what_no_cell_can_hold_is_text(tmp_path: Path) -> None:
    cells = [float("inf"), float("nan"), date(1899, 12, 31), "#REF!", "\ud83d", "\ufffe"]
    assert saved_and_read(tmp_path, cells) == [
        "inf", "nan", "1899-12-31", "#REF!", "\ufffd", "\ufffe",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "kept"),
    [("가" * 40_000, 32_767), ("가\r" * 20_000, 8_191), ("가" * 32_766 + "\r", 32_766)],
)
def test_text_longer_than_a_cell_is_cut_between_its_characters(
    text: str, kept: int, tmp_path: Path
) -> None:
    assert saved_and_read(tmp_path, [text]) == [text[:kept]]


def test_rows_keep_their_numbers_and_never_go_back(tmp_path: Path) -> None:
    with XlsxWriter(tmp_path / "a.xlsx", "", ()) as writer:
        writer.row(["a"], 2)
        writer.heading(["b"], 4)
        with pytest.raises(ValueError, match="row 4 after row 4"):
            writer.row(["c"], 4)
        writer.row(["d"])
    assert writer.rows == 3
    read = [(row.number, row.cells) for row in Table(tmp_path / "a.xlsx").rows()]
    assert read == [(2, ["a"]), (4, ["b"]), (5, ["d"])]


def test_a_table_without_rows_is_a_sound_workbook(tmp_path: Path) -> None:
    with XlsxWriter(tmp_path / "a.xlsx", "명단", ()):
        pass
    assert openpyxl.load_workbook(tmp_path / "a.xlsx").sheetnames == ["명단"]


def test_a_book_has_its_sheets_in_the_order_asked_for_and_no_title_twice(tmp_path: Path) -> None:
    long = "가" * 40
    with XlsxBook(tmp_path / "a.xlsx") as book:
        for number, title in enumerate([long, long, "3월/모의", "3월 모의", "A", "a"]):
            book.sheet(title, (12,)).row([number])
        book.sheet("전체", (), first=True).heading(["이름"])
    found = openpyxl.load_workbook(tmp_path / "a.xlsx")
    assert found.sheetnames == [
        "전체", "가" * 31, "가" * 27 + " (2)", "3월 모의", "3월 모의 (2)", "A", "a (2)",
    ]  # fmt: skip
    assert [sheet["A1"].value for sheet in found.worksheets] == ["이름", *range(6)]


@pytest.mark.parametrize("given_up", [False, True])
def test_no_copy_of_the_rows_lies_in_the_hosts_temporary_folder(
    given_up: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, target = tmp_path / "tmp", tmp_path / "scratch" / "a.xlsx"
    host.mkdir()
    target.parent.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(host))
    copies: list[Path] = []

    def rows() -> Iterator[list[str]]:
        yield ["x" * 100_000]
        copies.extend(path for path in target.parent.rglob("*") if path.is_file())
        assert tempfile.tempdir == str(host)
        assert list(host.iterdir()) == []
        if given_up:
            raise ConnectionError

    with nullcontext() if not given_up else pytest.raises(ConnectionError):
        write_table(target, "xlsx", [Column("이름")], rows())
    assert len(copies) == 1
    assert copies[0].name.startswith("openpyxl.")
    assert list(host.iterdir()) == []
    assert list(target.parent.iterdir()) == ([] if given_up else [target])


@given(st.text(max_size=20))
def test_a_guarded_field_begins_no_formula_and_means_the_same(text: str) -> None:
    written = guarded(text)
    assert not written.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert (plain(written) or "") == text


# ---------------------------------------------------------------- values


@given(st.integers(0, 20_000))
def test_the_letters_of_a_column_are_its_number(index: int) -> None:
    if len(column_name(index)) <= 3:
        assert column_index(column_name(index)) == index


@given(st.dates(date(1901, 1, 1), date(2099, 12, 31)))
def test_a_day_is_read_from_each_way_to_write_it(day: date) -> None:
    y, m, d = day.year, day.month, day.day
    written: list[Any] = [
        day, f"{y}-{m:02}-{d:02}", f"{y}.{m}.{d}", f"{y}. {m}. {d}.", f"{y}/{m}/{d}",
        f"{y}년 {m}월 {d}일", f"{y}{m:02}{d:02}", f" {y}-{m}-{d} ", f"{y}-{m:02}-{d:02} 00:00:00",
    ]  # fmt: skip
    if y >= 2013:
        written.append(f"{y % 100:02}-{m:02}-{d:02}")
    if y >= 1955:
        written.append((day - date(1899, 12, 30)).days)
    assert {values.date_of(cell) for cell in written} == {day}


@pytest.mark.parametrize("cell", ["03-04-05", "3/4/2026", "12.11.10", "01/02/03"])
def test_a_day_that_could_be_another_is_refused(cell: str) -> None:
    with pytest.raises(CellError, match="row_date_ambiguous"):
        values.date_of(cell)


@pytest.mark.parametrize(
    "cell",
    ["2026-13-01", "2026-02-30", "26-3", "내일", "123456", 0, 99_999_999, True, 2026.5, "\u0661"],
)
def test_what_is_no_day_is_refused(cell: Any) -> None:
    with pytest.raises(CellError, match="row_date_invalid"):
        values.date_of(cell)


def test_month_and_day_are_told_apart_where_only_one_order_is_possible() -> None:
    assert values.date_of("3/25/2026") == values.date_of("25.3.2026") == date(2026, 3, 25)
    assert values.date_of("4/4/2026") == date(2026, 4, 4)


@given(st.integers(0, 99_999_999))
def test_a_phone_is_read_from_each_way_to_write_it(number: int) -> None:
    tail = f"{number:08}"
    four, last = tail[:4], tail[4:]
    written: list[Any] = [
        f"010{tail}", int(f"10{tail}"), f"10{tail}", tail, f"010-{four}-{last}",
        f"010 {four} {last}",
        f"(010) {four}.{last}", f"+82 10-{four}-{last}", f"8210{tail}", f"+82(0)10-{four}-{last}",
        f"\uff10\uff11\uff10\u2013{four}\u2013{last}",
    ]  # fmt: skip
    assert {values.phone_of(cell, mobile=True) for cell in written} == {f"010{tail}"}


@pytest.mark.parametrize(
    "cell", ["02-123-4567", "010-123-456", "01012345678901", "010-1234-567x", 1.5e9 + 0.5, True,
             "1.0E+09", date(2026, 3, 1), 1234567, "010,1234,5678 / 010,1234,5679"],
)  # fmt: skip
def test_what_is_no_phone_is_refused(cell: Any) -> None:
    with pytest.raises(CellError, match="row_phone_invalid"):
        values.phone_of(cell)


def test_older_networks_are_a_students_phone_and_no_parents_one() -> None:
    assert values.phone_of("011-123-4567") == "0111234567"
    with pytest.raises(CellError):
        values.phone_of("011-123-4567", mobile=True)


@given(st.text(min_size=3, max_size=60))
def test_a_masked_value_shows_at_most_two_letters_or_digits(text: str) -> None:
    assert sum(char.isalnum() for char in values.masked(text)) <= 2


@pytest.mark.parametrize(
    ("code", "is_date"),
    [("yyyy\\-mm\\-dd", True), ("h:mm", True), ("0.00", False), ('#,##0"day"', False),
     ("[Red]0", False), ("[$-412]yyyy년", True), ("@", False), ("General", False)],
)  # fmt: skip
def test_number_formats_of_dates_are_known(code: str, is_date: bool) -> None:
    assert is_date_format(code) is is_date


def test_a_day_count_is_a_day_or_a_moment_and_nothing_else() -> None:
    assert serial_date(46_082) == date(2026, 3, 1)
    moment = serial_date(46_082.5)
    assert isinstance(moment, datetime)
    assert moment - datetime(2026, 3, 1) == timedelta(hours=12)  # noqa: DTZ001
    assert all(isinstance(serial_date(bad), Fault) for bad in (0, -1, 1e9, float("nan")))


# ---------------------------------------------------------------- headings


@pytest.mark.parametrize(
    ("titles", "found"),
    [
        (["성명", "보호자 휴대폰", "학생 휴대폰"],
         {"name": 0, "parent_phone": 1, "student_phone": 2}),
        (["No", "Student Name", "Parent's Phone", "Grade"],
         {"name": 1, "parent_phone": 2, "grade": 3}),
        (["이름", "연락처(모)", "연락처(학생)"],
         {"name": 0, "parent_phone": 1, "student_phone": 2}),
        (["이름", "연락처"], {"name": 0, "parent_phone": 1}),
        (["학부모 이름", "학생 이름", "학부모 연락처"], {"name": 1, "parent_phone": 2}),
        (["이름(필수)", "어머니 전화번호", "재학 학교", "소속반"],
         {"name": 0, "parent_phone": 1, "school": 2, "class_name": 3}),
    ],
)  # fmt: skip
def test_columns_are_found_by_what_people_call_them(
    titles: list[str], found: dict[str, int]
) -> None:
    heading = headings.find([Row(1, list(titles))])
    assert {column.field: column.index for column in heading.columns} == found


def test_what_stands_below_a_title_tells_how_sure_it_is() -> None:
    def confidence(*cells: str) -> float:
        rows = [
            Row(1, ["이름", "연락처"]),
            *(Row(n, ["김보기", c]) for n, c in enumerate(cells, 2)),
        ]
        return headings.find(rows).columns[1].confidence

    assert confidence("010-0000-0001", "010-0000-0002") == 0.75
    assert confidence("02-123-4567", "010-0000-0002") < headings.SURE


def test_a_student_below_the_heading_is_never_taken_for_it() -> None:
    rows = [
        Row(1, ["이름", "학부모 연락처", "학교"]),
        Row(2, [None, "010-0000-0001", "보기중학교"]),
    ]
    assert headings.find(rows).row == 1
