"""Files as academies and attackers make them, and what becomes of each.

`docs/reference/roster-files.md` lists the same rows, and a test holds it to them.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from academy.core.catalogue import lookup
from academy.roster import reading
from academy.roster.fields import NAMES
from academy.sandbox import isolation, reader
from academy.sandbox.child import Refused
from tests.support import sheets
from tests.support.sheets import HEADING, rezipped, student, xlsx

DOCS = Path(__file__).resolve().parents[2] / "docs/reference/roster-files.md"
ALL = "3 of 3 rows"
SHEET = "xl/worksheets/sheet1.xml"
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
Make = Callable[[Path], Path]


@dataclass(frozen=True)
class Case:
    """One kind of file, how to make it, and what must become of it."""

    name: str
    make: Make
    outcome: str
    hostile: bool = False
    """Whether it is also read in the confined child."""

    @property
    def documented(self) -> str:
        """Its line in the reference page."""
        return f"| {self.name} | {self.outcome} |"


def people() -> list[list[Any]]:
    return [list(HEADING), *(student(number) for number in range(1, 4))]


def text(encoding: str, *, delimiter: str = ",", head: bytes = b"", first: str = "") -> Make:
    def make(path: Path) -> Path:
        rows = [delimiter.join(map(str, row)) for row in people()]
        path.write_bytes(head + (first + "\r\n".join(rows)).encode(encoding))
        return path

    return make


def raw(content: bytes) -> Make:
    def make(path: Path) -> Path:
        path.write_bytes(content)
        return path

    return make


def lines(*rows: str) -> Make:
    return raw("\n".join((*rows, "")).encode())


def book(*rows: Sequence[Any]) -> Make:
    return lambda path: xlsx(path, rows)


def below(*rows: Sequence[Any], heading: Sequence[str] = HEADING) -> Make:
    return book(heading, *rows)


def part(name: str, content: str | bytes, *rows: Sequence[Any]) -> Make:
    """A sound workbook, one part of which is something else."""
    data = content.encode() if isinstance(content, str) else content
    return lambda path: rezipped(xlsx(path, rows or people()), {name: data})


def sheet(body: str, *, head: str = "", prefix: str = "") -> Make:
    """A workbook whose sheet has these rows, as XML."""
    tag = f"{prefix}:" if prefix else ""
    space = f'xmlns:{prefix}="{_MAIN}"' if prefix else f'xmlns="{_MAIN}"'
    return part(
        SHEET,
        f"{head}<{tag}worksheet {space}><{tag}sheetData>{body}</{tag}sheetData></{tag}worksheet>",
    )


def cell(place: str, value: str, kind: str = "str", formula: str = "") -> str:
    made = f"<f>{formula}</f>" if formula else ""
    return f'<c r="{place}" t="{kind}">{made}{f"<v>{value}</v>" if value else ""}</c>'


def two(number: int, name: str = "김보기", phone: str = "010-0000-0001") -> str:
    """A row of a name and a phone, as XML."""
    return f'<row r="{number}">{cell(f"A{number}", name)}{cell(f"B{number}", phone)}</row>'


TITLES = two(1, "이름", "학부모 연락처")


def hidden(*states: str) -> Make:
    def make(path: Path) -> Path:
        made = openpyxl.Workbook()
        for number, state in enumerate(states):
            page = made.active if number == 0 else made.create_sheet()
            page.title = f"시트{number}"
            page.sheet_state = state
            for row in people() if state == "visible" else [["옛 명단"]]:
                page.append(row)
        made.save(path)
        return path

    return make


def all_hidden(path: Path) -> Path:
    """What neither Excel nor openpyxl would write."""
    with zipfile.ZipFile(xlsx(path, people())) as archive:
        described = archive.read("xl/workbook.xml")
    return rezipped(path, {"xl/workbook.xml": described.replace(b'"visible"', b'"hidden"')})


def merged(path: Path) -> Path:
    made = openpyxl.Workbook()
    page = made.active
    page.append(["이름", "연락처", None, "학교"])
    page.append([None, "학부모", "학생", None])
    for area in ("A1:A2", "B1:C1", "D1:D2"):
        page.merge_cells(area)
    for number in range(1, 4):
        page.append([f"김보기{number}", f"010-0000-000{number}", "", "보기중"])
    made.save(path)
    return path


def bomb(path: Path) -> Path:
    """40 MB of spaces in 40 KB: the ratio gives it away, before anything is unpacked."""
    xlsx(path, people())
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/media/image1.xml", "w") as stream,
    ):
        for _ in range(40):
            stream.write(b" " * (1 << 20))
    return path


def crowded(path: Path) -> Path:
    xlsx(path, people())
    with zipfile.ZipFile(path, "a") as archive:
        for number in range(2_000):
            archive.writestr(f"xl/media/{number}", b"")
    return path


def lying(path: Path) -> Path:
    """The directory says that the sheet is small; its packed bytes are another sheet's."""
    xlsx(path, people())
    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo(SHEET).file_size
    data = path.read_bytes()
    real, claimed = size.to_bytes(4, "little"), (64).to_bytes(4, "little")
    path.write_bytes(data.replace(real, claimed))
    return path


def truncated(path: Path) -> Path:
    whole = xlsx(path, people()).read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    return path


def archived(name: str, content: bytes) -> Make:
    def make(path: Path) -> Path:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, content)
        return path

    return make


def nested(path: Path) -> Path:
    inner = bomb(path).read_bytes()
    return archived("명단.xlsx", inner)(path)


def from_1904(path: Path) -> Path:
    made = openpyxl.Workbook()
    made.epoch = CALENDAR_MAC_1904
    made.active.append(["이름", "학부모 연락처", "등록일"])
    made.active.append(["김보기", "010-0000-0001", date(2026, 3, 1)])
    made.save(path)
    return path


_LAUGHS = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)
)
BOMB_HEAD = f"{_LAUGHS}]>"
OUTSIDE_HEAD = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
EMPTY = '<row r="{0}"><c r="A{0}" s="1"/></row>'
DATED = ("이름", "학부모 연락처", "등록일")
_SHARED = (
    f'<sst xmlns="{_MAIN}"><si><t>이름</t></si><si><t>학부모 연락처</t></si>'
    "<si><r><t>김</t></r><r><t>보기</t></r><rPh><t>キム</t></rPh></si></sst>"
)


def shared(path: Path) -> Path:
    """Texts by number, in runs, one with a reading in another script."""
    row = '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>'
    row += f'<row r="2"><c r="A2" t="s"><v>2</v></c>{cell("B2", "1000000001", "n")}</row>'
    sheet(row)(path)
    return rezipped(path, {"xl/sharedStrings.xml": _SHARED.encode()})


USUAL = [
    Case("xlsx", book(*people()), ALL),
    Case("xlsx with macros (never run)", part("xl/vbaProject.bin", b"\0" * 64), ALL),
    Case("xlsx with shared and formatted text", shared, "1 of 1 rows"),
    Case("xlsx whose XML has prefixes", sheet(
        "".join(TITLES + two(2)).replace("<", "<x:").replace("<x:/", "</x:"), prefix="x"
    ), "1 of 1 rows"),
    Case("CSV in UTF-8", text("utf-8"), ALL),
    Case("CSV in UTF-8 with a byte order mark", text("utf-8-sig"), ALL),
    Case("CSV in CP949 (EUC-KR)", text("cp949"), ALL),
    Case("text in UTF-16, with tabs (Excel's Unicode text)", text("utf-16", delimiter="\t"), ALL),
    Case("text in UTF-16 without a byte order mark", text("utf-16-le", delimiter="\t"), ALL),
    Case("CSV with semicolons", text("utf-8", delimiter=";"), ALL),
    Case("CSV that names its separator (`sep=;`)",
         text("utf-8", delimiter=";", first="sep=;\r\n"), ALL),
    Case("text in no encoding that is read", text("utf-8", head=b"\xff\xfa\x81\x00"),
         "refused: `table_encoding_unknown`"),
    Case("text with the name .xlsx", text("utf-8"), ALL),
    Case("line breaks inside a cell", lines(
        "이름,학부모 연락처,메모", '김보기,010-0000-0001,"두\n줄"', "박보기,010-0000-0002,"),
         "2 of 2 rows"),
    Case('phones as `="010..."`', lines("이름,학부모 연락처", '김보기,="01000000001"'),
         "1 of 1 rows"),
    Case("names as a Mac writes them (decomposed)", lines(
        "이름,학부모 연락처", "\u1100\u1175\u11b7\u1107\u1169\u1100\u1175,010-0000-0001"),
        "1 of 1 rows"),
    Case("nothing at all", raw(b""), "refused: `table_empty`"),
    Case("an empty workbook", book(), "refused: `table_empty`"),
    Case("a heading and no rows", below(), "0 of 0 rows"),
]  # fmt: skip
PLACES = [
    Case("a title and empty rows above the heading", book(["명단"], [], [], *people()), ALL),
    Case("heading cells merged over columns and rows", merged, ALL),
    Case("the heading below row 20", book(*[["-"]] * 20, *people()),
         "refused: `roster_header_not_found`"),
    Case("no heading", book(*people()[1:]), "refused: `roster_header_not_found`"),
    Case("empty rows between the students",
         below(student(1), [], [], student(2), [], student(3)), ALL),
    Case("a hidden sheet in front", hidden("hidden", "visible"), ALL),
    Case("a very hidden sheet in front", hidden("veryHidden", "visible"), ALL),
    Case("only hidden sheets", all_hidden, "refused: `table_no_sheet`"),
    Case("a column twice", book(
        ["이름", "이름", "학부모 연락처"], ["김보기", "박보기", "010-0000-0001"]), "1 of 1 rows"),
]  # fmt: skip
CELLS = [
    Case("formulas with stored values",
         sheet(TITLES + f'<row r="2">{cell("A2", "김보기", "str", "B9")}'
               f'{cell("B2", "1000000001", "n", "C9+1")}</row>'), "1 of 1 rows"),
    Case("formulas without stored values", below(["=B9", "010-0000-0001"]),
         "0 of 1 rows; row 2: `row_formula_without_value`"),
    Case("a spreadsheet error",
         sheet(TITLES + two(2).replace('t="str"><v>김보기', 't="e"><v>#REF!')),
         "0 of 1 rows; row 2: `row_cell_error`"),
    Case("dates: a date cell, 46082, 2026.3.1, 26-03-01, 2026년 3월 1일", below(
        *(["김보기", f"0100000000{number}", day] for number, day in enumerate(
            (date(2026, 3, 1), 46082, "2026.3.1", "26-03-01", "2026년 3월 1일"))),
        heading=DATED), "5 of 5 rows"),
    Case("dates counted from 1904", from_1904, "1 of 1 rows"),
    Case("a date that can be two (03-04-05)",
         below(["김보기", "01000000001", "03-04-05"], heading=DATED),
         "0 of 1 rows; row 2: `row_date_ambiguous`"),
    Case("a date that does not exist",
         below(["김보기", "01000000001", "2026-02-30"], heading=DATED),
         "0 of 1 rows; row 2: `row_date_invalid`"),
    Case("a class like 3-1 that became a date", below(
        ["김보기", "01000000001", date(2026, 3, 1)], heading=("이름", "학부모 연락처", "반")),
        "0 of 1 rows; row 2: `row_cell_is_date`"),
    Case("phones: 1012345678, 12345678, +82 10-1234-5678", below(
        ["김보기", 1012345678], ["박보기", "12345678"], ["이보기", "+82 10-1234-5678"]), ALL),
    Case("a phone that is none (02-123-4567)", below(["김보기", "02-123-4567"]),
         "0 of 1 rows; row 2: `row_phone_invalid`"),
    Case("a phone in scientific notation", lines("이름,학부모 연락처", "김보기,1.01235E+09"),
         "0 of 1 rows; row 2: `row_phone_invalid`"),
    Case("no parent phone", below(["김보기", ""]),
         "0 of 1 rows; row 2: `row_parent_phone_missing`"),
    Case("no name", below(["", "010-0000-0001"]), "0 of 1 rows; row 2: `row_name_missing`"),
    Case("a gender that is none", below(["김보기", "010-0000-0001", "", "", "", "?"]),
         "0 of 1 rows; row 2: `row_gender_unknown`"),
    Case("the same student twice", below(student(1), student(2), student(1)),
         "2 of 3 rows; row 4: `row_repeated`"),
    Case("a memo of 40,000 characters",
         lines("이름,학부모 연락처,메모", f"김보기,01000000001,{'가' * 40_000}"),
         "0 of 1 rows; row 2: `row_value_too_long`"),
]  # fmt: skip
HOSTILE = [
    Case("a zip bomb", bomb, "refused: `table_zip_bomb`", hostile=True),
    Case("a zip of thousands of parts", crowded, "refused: `table_zip_bomb`", hostile=True),
    Case("a zip whose directory lies about sizes", lying, "refused: `table_damaged`", hostile=True),
    Case("a zip in a zip", nested, "refused: `table_format`", hostile=True),
    Case("an entity bomb in the sheet", sheet(TITLES, head=BOMB_HEAD),
         "refused: `table_unsafe_xml`", hostile=True),
    Case("an entity that names a file of the host",
         part("xl/sharedStrings.xml", OUTSIDE_HEAD + _SHARED.replace("김", "&a;")),
         "refused: `table_unsafe_xml`", hostile=True),
    Case("a cell in the last row and column", sheet(
        TITLES + two(2) + '<row r="1048576"><c r="XFD1048576" t="str"><v>x</v></c></row>'),
        "1 of 1 rows; `table_rows_left_out`", hostile=True),
    Case("a cell in the last column", sheet(
        TITLES + two(2).replace("</row>", '<c r="XFD2" t="str"><v>x</v></c></row>')),
        "1 of 1 rows; `table_columns_left_out`", hostile=True),
    Case("tens of thousands of formatted empty rows", sheet(
        TITLES + two(2) + "".join(EMPTY.format(number) for number in range(3, 50_000))),
        "1 of 1 rows; `table_rows_left_out`", hostile=True),
    Case("rows that go backwards", sheet(TITLES + two(3) + two(2)), "refused: `table_damaged`"),
    Case("shared text that is not there", sheet(f'{TITLES}<row r="2">{cell("A2", "7", "s")}</row>'),
         "refused: `table_damaged`"),
    Case("a cut-off xlsx", truncated, "refused: `table_damaged`"),
    Case("a quote that is never closed",
         lines("이름,학부모 연락처", '"김보기' + ",가나다\n" * 30_000),
         "refused: `table_damaged`"),
    Case("a password", raw(_OLE + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le")),
         "refused: `table_password`"),
    Case("xls (Excel 97-2003)", raw(_OLE + b"\0" * 600 + "Workbook".encode("utf-16-le")),
         "refused: `table_format`"),
    Case("xlsb", archived("xl/workbook.bin", b""), "refused: `table_format`"),
    Case("ods", archived("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"),
         "refused: `table_format`"),
    Case("a web page with the name .xls", raw(b"<html><table><tr><td>1</td></tr></table></html>"),
         "refused: `table_format`"),
    Case("a PDF with the name .xlsx", raw(b"%PDF-1.7\n"), "refused: `table_format`"),
]  # fmt: skip
CASES = [*USUAL, *PLACES, *CELLS, *HOSTILE]


def outcome_of(read: Callable[[], dict[str, Any]]) -> str:
    """What became of a file, in the words of the page."""
    try:
        found = read()
    except (Refused, reader.RefusedError) as refusal:
        # Every refusal has a sentence for people.
        lookup(refusal.code).message("ko", refusal.params)
        return f"refused: `{refusal.code}`"
    said = [f"{found['good']} of {found['rows']} rows"]
    said += [f"row {one['row']}: `{one['code']}`" for one in found["errors"]]
    said += [f"`{one['code']}`" for one in found["notes"]]
    return "; ".join(said)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_kind_of_file_has_its_outcome(case: Case, tmp_path: Path) -> None:
    request = {"path": str(case.make(tmp_path / "a.xlsx"))}
    assert outcome_of(lambda: reading.read(request, tmp_path, lambda _: None)) == case.outcome


@pytest.mark.parametrize("case", [one for one in HOSTILE if one.hostile], ids=lambda one: one.name)
def test_a_hostile_file_has_the_same_outcome_in_the_confined_child(
    case: Case, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    path = case.make(tmp_path / "a.xlsx")
    limits = isolation.Limits(cpu_seconds=30, memory_bytes=200 << 20, file_bytes=1 << 20)

    def read() -> dict[str, Any]:
        found: dict[str, Any] = reader.run(
            "academy.roster.reading:read", {"path": str(path)},
            folder=folder, reads=[path], limits=limits, timeout_seconds=60,
        )  # fmt: skip
        return found

    assert outcome_of(read) == case.outcome


def test_the_reference_page_lists_exactly_these_cases() -> None:
    page = DOCS.read_text(encoding="utf-8").splitlines()
    rows = [line for line in page if line.startswith("| ") and not line.startswith("| File |")]
    assert rows == [case.documented for case in CASES]


def test_what_was_read_is_what_stood_there(tmp_path: Path) -> None:
    dated = below(["김보기", 1012345678, "26-03-01"], heading=DATED)(tmp_path / "a.xlsx")
    reading.read({"path": str(dated)}, tmp_path, lambda _: None)
    ((number, values),) = reading.good_rows(tmp_path / reading.ROWS)
    known = {name: value for name, value in zip(NAMES, values, strict=True) if value is not None}
    assert (number, known) == (
        2, {"name": "김보기", "parent_phone": "01012345678", "enrolled_on": "2026-03-01"},
    )  # fmt: skip


def test_sheets_are_chosen_by_name_and_the_answer_lists_them(tmp_path: Path) -> None:
    path = sheets.xlsx(tmp_path / "a.xlsx", people(), sheet="3월")
    ask = {"path": str(path), "sheet": "3월"}
    assert reading.read(ask, tmp_path, lambda _: None)["sheets"] == ["3월"]
    with pytest.raises(Refused) as refused:
        reading.read({**ask, "sheet": "4월"}, tmp_path, lambda _: None)
    assert (refused.value.code, refused.value.params) == (
        "table_sheet_missing",
        {"sheets": ["3월"]},
    )
