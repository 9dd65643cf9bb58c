"""An academy's own rows as a workbook: what goes in comes out, and what is no value is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from academy.core.storage import Bucket, store
from academy.documents.tables.opening import Table
from academy.documents.workbench import sha256
from academy.jobs.models import Job
from academy.jobs.submit import Order, Submitter, jobs_submit
from academy.tables.params import ExportParams
from academy.tables.results import TableExportResult
from academy.tables.writer import write
from academy.tenants.models import Tenant
from academy.uploads.purposes import PURPOSES, Purpose
from tests.support import sheets
from tests.support.jobs import make_tenant, run
from tests.unit.test_roster_files import BOMB_HEAD, TITLES, bomb, sheet

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets"),
]
COLUMNS = [
    {"title": "글", "holds": "text"}, {"title": "수", "holds": "number", "total": True},
    {"title": "날", "holds": "date"}, {"title": "돈", "holds": "money", "total": True},
    {"title": "출결", "holds": "mark", "colours": {"결석": "bad"}},
]  # fmt: skip
_FLAT = """
import json, sys
from pathlib import Path
from academy.tables.writer import write

def peak():
    (line,) = [one for one in open("/proc/self/status") if one.startswith("VmHWM")]
    return int(line.split()[1]) // 1024

folder, columns = Path(sys.argv[1]), [{"title": f"열{n}", "holds": "number"} for n in range(10)]
with (folder / "rows.jsonl").open("w") as file:
    for n in range(20_000):
        file.write(json.dumps([n] * 10) + "\\n")
before = peak()
request = {"path": folder / "rows.jsonl", "name": "a", "format": sys.argv[2], "columns": columns}
assert write(request, folder, lambda _: None) == 20_000
print(before, peak())
"""


def quiet(_share: float) -> None:
    return


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


def ended(tenant: Tenant, **params: Any) -> Job:
    job = jobs_submit(by=Submitter(tenant, "test"), orders=[Order("tables.export", params)])[0]
    run(job)
    return job


def made(tenant: Tenant, folder: Path, **params: Any) -> Path:
    """The file, which is what the result says."""
    job = ended(tenant, **params)
    assert job.state == "succeeded", (job.error_code, job.error_params)
    (artifact,) = job.artifacts
    path = folder / artifact["name"]
    store(Bucket.EXCEL).get_file(artifact["key"], path)
    TableExportResult.model_validate(job.result)
    result = job.result["result"]
    assert (result["sha256"], result["size"]) == (sha256(path).hex(), path.stat().st_size)
    return path


TEXTS = st.one_of(
    st.sampled_from(["=1+1", "+1", "@x", "'x", '="010"', "a,b;c", "#REF!", "0012", "_x0041_"]),
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), min_size=1, max_size=20),
)
ROW = st.tuples(
    TEXTS, st.integers(-(10**9), 10**9), st.dates(date(1954, 11, 1), date(2099, 12, 31)),
    st.integers(0, 10**9), st.sampled_from(["출석", "결석", "지각"]),
)  # fmt: skip


@pytest.mark.parametrize("file_format", ["xlsx", "csv"])
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(ROW, min_size=1, max_size=20))
def test_what_goes_in_comes_out_as_it_was(
    rows: list[tuple[Any, ...]], file_format: str, tmp_path: Path
) -> None:
    source = tmp_path / "rows.jsonl"
    source.write_text("".join(json.dumps(row, default=str) + "\n" for row in rows))
    request = {
        "path": str(source), "name": "a", "format": file_format, "columns": COLUMNS
    }  # fmt: skip
    assert write(request, tmp_path, quiet) == len(rows)
    heading, *found, totals = [row.cells for row in Table(tmp_path / "a").rows()]
    assert heading == [column["title"] for column in COLUMNS]
    kept = [tuple(row) for row in rows]
    if file_format == "csv":
        kept = [tuple(str(value) for value in row) for row in rows]
        totals = [int(cell) if str(cell).lstrip("-").isdigit() else cell for cell in totals]
    else:
        found = [[*row[:2], row[2], *row[3:]] for row in found]
    assert [tuple(row) for row in found] == kept
    assert totals[:4] == ["합계", sum(r[1] for r in rows), None, sum(r[3] for r in rows)]


def test_attendance_is_coloured_and_phones_keep_their_zero(tenant: Tenant, tmp_path: Path) -> None:
    source = tmp_path / "rows.csv"
    source.write_text(
        "비고,이름,학부모 연락처,학생 연락처,3월 2일,3월 4일\n"
        "x,=김보기,1000000001,,출석,결석\n", encoding="utf-8",
    )  # fmt: skip
    upload = sheets.uploaded(tenant, source)
    path = made(tenant, tmp_path, preset="attendance", extra=["3월 2일", "3월 4일"],
                upload=str(upload.pk))  # fmt: skip
    assert path.name == "attendance.xlsx"
    page = openpyxl.load_workbook(path).active
    heading, row = list(page.iter_rows())
    assert [cell.value for cell in heading][:2] == ["이름", "학부모 연락처"]
    assert [cell.value for cell in row] == ["=김보기", "010-0000-0001", None, "출석", "결석"]
    assert (row[0].data_type, row[1].number_format) == ("s", "@")
    assert [cell.fill.fgColor.rgb for cell in row[3:]] == ["FFC6EFCE", "FFFFC7CE"]


def test_a_payroll_adds_up_and_shows_won(tenant: Tenant, tmp_path: Path) -> None:
    rows = [["김보기", "강사", 40.5, 1_000_000, 50_000, "30,000", 1_020_000],
            ["박보기", "조교", 10, 200_000, None, 0, 200_000]]  # fmt: skip
    page = openpyxl.load_workbook(
        made(tenant, tmp_path, preset="payroll", extra=["교통비"], rows=rows)
    ).active
    last = list(page.iter_rows())[-1]
    assert [cell.value for cell in last] == [
        "합계", None, 50.5, 1_200_000, 50_000, 30_000, 1_220_000,
    ]  # fmt: skip
    assert last[3].number_format == "#,##0"


def test_grades_are_numbers(tenant: Tenant, tmp_path: Path) -> None:
    rows = [["김보기", "보기중", "중1", "가반", 95, 80.5]]
    path = made(tenant, tmp_path, preset="grades", extra=["3월", "4월"], rows=rows, format="csv")
    assert path.read_text(encoding="utf-8-sig").splitlines() == [
        "이름,학교,학년,반,3월,4월", "김보기,보기중,중1,가반,95,80.5"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("column", "value"),
    [("수", "열"), ("수", True), ("날", "어제"), ("돈", 1.5), ("수", 10**16)],
)
def test_a_value_that_is_none_of_its_column_refuses_the_whole(
    tenant: Tenant, column: str, value: Any
) -> None:
    row = [value if one["title"] == column else None for one in COLUMNS]
    job = ended(tenant, columns=COLUMNS, rows=[[None] * 5, row])
    assert (job.state, job.error_code) == ("failed", "tables_cell_invalid")
    assert (job.error_params["row"], job.error_params["column"]) == (2, column)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"a,b\n1,2\n", "tables_columns_missing"),
        (b"[1,2]\n", "tables_line_invalid"),
        (b"[" * 100_000, "tables_line_invalid"),
        (b"\n\n", "table_empty"),
        (b"%PDF-1.7\n", "table_format"),
    ],
)
def test_hostile_files_have_their_codes(
    tenant: Tenant, tmp_path: Path, content: bytes, code: str
) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    upload = sheets.uploaded(tenant, path)
    assert ended(tenant, columns=COLUMNS, upload=str(upload.pk)).error_code == code


def test_bombs_have_their_codes(tenant: Tenant, tmp_path: Path) -> None:
    laughs = sheet(TITLES, head=BOMB_HEAD)(tmp_path / "laughs.xlsx")
    for path, code in ((bomb(tmp_path / "b.xlsx"), "table_zip_bomb"), (laughs, "table_unsafe_xml")):
        upload = sheets.uploaded(tenant, path)
        assert ended(tenant, columns=COLUMNS, upload=str(upload.pk)).error_code == code


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"rows": []}, "either preset or columns"),
        ({"preset": "grades"}, "either rows or upload"),
        ({"preset": "attendance", "rows": []}, "phones need an upload"),
        ({"columns": COLUMNS, "rows": [[1]]}, "1 values for 5 columns"),
        ({"columns": COLUMNS + COLUMNS, "rows": []}, "same title"),
        ({"columns": [{"title": "a", "total": True}], "rows": []}, "added up"),
    ],
)
def test_what_makes_no_table_is_refused_at_once(params: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ExportParams.model_validate(params)


def test_json_lines_may_be_uploaded() -> None:
    spreadsheet = PURPOSES[Purpose.SPREADSHEET]
    assert spreadsheet.recognise('["김보기", 1, null]\n'.encode())[0] == "text/csv"


@pytest.mark.parametrize("file_format", ["xlsx", "csv"])
def test_memory_stays_flat(file_format: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FLAT, str(tmp_path), file_format],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    before, after = map(int, done.stdout.split())
    assert after - before <= 4
    assert after < 60
